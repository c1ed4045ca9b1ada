//! One package, analyzed, as all reports take it.

use rustc_hash::FxHashMap;
use weir_compiler::{
    Facts, Sources, Survey,
    flows::{Rectangle, Statement},
    model::{Model, Named, Principal},
    names::EntityId,
    plan::Plan,
};
use weir_syntax::{Diagnostic, FileId, Severity, Span};

use crate::{Naming, Place, Places};

/// Errors of a package whose rules are all understood: it cannot be built, and what it would permit is known. Behind any
/// other error a rule may have been left out.
const UNDERSTOOD: [&str; 20] = [
    "E0501", "E0502", "E0503", "E0504", "E0505", "E0508", "E0509", "E0511", "E0513", "E0514", "E0515",
    "E0516", "E0601", "E0602", "E0604", "E0606", "E0607", "E0701", "E0702", "E0703",
];

/// A package and all that is known of it.
#[derive(Debug)]
pub struct Subject {
    /// What to call it: `git:main`, `examples/hall`.
    pub label: String,
    pub sources: Sources,
    pub facts: Facts,
    /// Missing, where the package has errors.
    pub plan: Option<Plan>,
    pub diagnostics: Vec<Diagnostic>,
    pub names: Vec<Named>,
    /// The connections that proxies start and receive.
    pub relays: Vec<Rectangle>,
    pub asked: weir_compiler::Asked,
    by_entity: FxHashMap<EntityId, usize>,
    places: Places,
    naming: Naming,
}

impl Subject {
    /// Nothing, where some rule of the package is not understood: then what it permits is not known, and the survey comes
    /// back with its diagnostics.
    pub fn new(label: impl Into<String>, survey: Survey) -> Result<Self, Box<Survey>> {
        let lost = |diagnostic: &Diagnostic| {
            diagnostic.severity() == Severity::Error && !UNDERSTOOD.contains(&diagnostic.code.id)
        };
        if survey.analysis.facts.is_none() || survey.analysis.diagnostics.iter().any(lost) {
            return Err(Box::new(survey));
        }
        let Survey { analysis, sources, names, relays, asked } = survey;
        let Some(facts) = analysis.facts else { return Err(Box::default()) };
        let by_entity =
            names.iter().enumerate().filter_map(|(index, one)| Some((one.entity?, index))).collect();
        let naming = Naming::new(&facts.model, &names);
        Ok(Self {
            label: label.into(),
            places: Places::new(&sources),
            sources,
            facts,
            plan: analysis.plan,
            diagnostics: analysis.diagnostics,
            names,
            relays,
            asked,
            by_entity,
            naming,
        })
    }

    pub fn model(&self) -> &Model {
        &self.facts.model
    }

    pub fn principal(&self, id: u32) -> &Principal {
        self.facts.model.principal(id)
    }

    pub fn name(&self, id: u32) -> &str {
        &self.facts.model.principal(id).name
    }

    pub fn statement(&self, index: u32) -> &Statement {
        &self.facts.statements[index as usize]
    }

    pub fn naming(&self) -> &Naming {
        &self.naming
    }

    pub fn place(&self, file: FileId, span: Span) -> Place {
        self.places.of(&self.sources, file, span)
    }

    /// The text of a span, on one line.
    pub fn text(&self, file: FileId, span: Span) -> String {
        let text = self.sources.file(file).map_or("", |source| span.of(&source.text));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    pub fn named(&self, entity: EntityId) -> Option<&Named> {
        self.by_entity.get(&entity).map(|index| &self.names[*index])
    }

    /// Path of a declaration; empty, where it has none.
    pub fn path(&self, entity: EntityId) -> &str {
        self.named(entity).map_or("", |named| &named.name)
    }

    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error)
    }

    /// What is permitted, and what proxies start and receive for it.
    pub fn connections(&self) -> Vec<&Rectangle> {
        self.facts.rectangles.iter().chain(&self.relays).collect()
    }
}
