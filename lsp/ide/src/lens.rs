//! Lines above declarations: what a rule really permits, who reaches a device, how a zone is joined. A lens is placed by
//! the text, and says its line when it is shown.

use weir_compiler::names::Kind;
use weir_syntax::{
    FileId, Span,
    ast::{Entry, Item, ItemKind},
};

use crate::{database::DeclarationId, hierarchy::principals, host::Ide, hover::count};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LensKind {
    Rule,
    Principal,
    Zone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lens {
    pub span: Span,
    pub kind: LensKind,
}

impl Ide {
    pub fn lenses(&self, file: FileId) -> Vec<Lens> {
        let Some(tree) = self.tree(file).filter(|_| !self.is_standard(file)) else { return Vec::new() };
        let mut lenses = Vec::new();
        for item in &tree.items {
            place(item, &mut lenses);
        }
        lenses
    }

    /// The line of a lens at an offset, if anything is known of it.
    pub fn lens_title(&self, file: FileId, span: Span, kind: LensKind) -> Option<String> {
        match kind {
            LensKind::Rule => self.rule_title(file, span),
            LensKind::Principal | LensKind::Zone => {
                let symbol = self.occurrence_at(file, span.start)?.symbol;
                let crate::names::Symbol::Declaration(id, of) = symbol else { return None };
                self.declaration_title(id, of)
            }
        }
    }

    fn declaration_title(&self, id: DeclarationId, kind: Kind) -> Option<String> {
        let (facts, entities) = self.entities(id)?;
        let relation = facts.relation()?;
        if kind == Kind::Zone {
            let entity = entities.first()?;
            let conduits = relation.model.conduits.iter().filter(|one| one.ends.contains(entity)).count();
            let zone = relation.model.zone(*relation.model.zone_of.get(entity)?);
            let level = zone
                .target_level
                .map_or_else(|| "no target level".to_owned(), |level| format!("SL-T {level}"));
            return Some(format!("{level} · {}", count(conduits as u64, "conduit")));
        }
        let own: Vec<u32> = entities.iter().flat_map(|entity| principals(facts, entity.0)).collect();
        if own.is_empty() {
            return None;
        }
        let (sources, destinations) = self.reach_counts(facts, &own);
        Some(format!("reached by {sources} · reaches {destinations}"))
    }

    fn rule_title(&self, file: FileId, span: Span) -> Option<String> {
        let (facts, earlier, span) = self.to_facts(file, span)?;
        let relation = facts.relation()?;
        let numbers: Vec<u32> = relation
            .statements
            .iter()
            .zip(0_u32..)
            .filter(|(one, _)| one.file == earlier && one.span == span)
            .map(|(_, at)| at)
            .collect();
        let statement = relation.statements.get(*numbers.first()? as usize)?;
        if statement.effect == weir_syntax::ast::Effect::Deny {
            let (sources, destinations) = (statement.sources.count(), statement.destinations.count());
            return Some(format!("denies {sources} -> {destinations}"));
        }
        let (mut sources, mut destinations) = (Vec::new(), Vec::new());
        for rectangle in relation.rectangles.iter().filter(|one| numbers.contains(&one.statement)) {
            sources.extend(rectangle.sources.iter());
            destinations.extend(rectangle.destinations.iter());
        }
        let size = |ranges| weir_compiler::plan::Ranges::<u32>::from_unsorted(ranges).count();
        let (sources, destinations) = (size(sources), size(destinations));
        if sources == 0 || destinations == 0 {
            let by = self
                .shadowing(file, statement.span)
                .map_or_else(String::new, |by| format!(": shadowed by {by}"));
            return Some(format!("permits nothing{by}"));
        }
        let mut points: Vec<&str> = Vec::new();
        for at in &numbers {
            points.extend(facts.carriers(&relation.statements[*at as usize].id));
        }
        points.sort_unstable();
        points.dedup();
        Some(format!(
            "permits {sources} -> {destinations} · {}",
            count(points.len() as u64, "enforcement point")
        ))
    }

    /// The rule that a diagnostic says covers another.
    fn shadowing(&self, file: FileId, span: Span) -> Option<String> {
        let diagnostics = self.diagnostics(file);
        let about = |one: &&weir_syntax::Diagnostic| {
            let primary = one.labels.first().map(|label| label.span);
            one.code.id == "W0501" && primary.is_some_and(|at| span.start <= at.start && at.end <= span.end)
        };
        let other = diagnostics.iter().find(about)?.labels.iter().find(|label| !label.primary)?.clone();
        let line = self.text(other.file)?.get(..other.span.start as usize)?.matches('\n').count() + 1;
        Some(format!("{}:{line}", self.path(other.file)?))
    }
}

fn place(item: &Item, lenses: &mut Vec<Lens>) {
    match &item.kind {
        ItemKind::Flow(_) => lenses.push(Lens { span: item.span, kind: LensKind::Rule }),
        ItemKind::Template(template) => template.items.iter().for_each(|inner| place(inner, lenses)),
        ItemKind::Declaration(one) => {
            match one.keyword.text.as_str() {
                "device" | "workload" | "gateway" | "external" | "role" => {
                    lenses.push(Lens { span: one.name.span, kind: LensKind::Principal });
                }
                "zone" => lenses.push(Lens { span: one.name.span, kind: LensKind::Zone }),
                _ => {}
            }
            for entry in one.body.iter().flat_map(|body| &body.entries) {
                if let Entry::Flow(item) = entry {
                    place(item, lenses);
                }
            }
        }
        _ => {}
    }
}
