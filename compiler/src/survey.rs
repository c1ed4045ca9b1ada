//! A package for those who ask about it: its names with their members, and what questions mean that are put in the
//! language itself.

use weir_syntax::{Diagnostic, FileId, ast::Claim};

use crate::{
    Analysis, Seen, Sources, analyze_with,
    flows::{self, Rectangle, Statement},
    model::{self, Named, PrincipalSet, Service},
    package::Source,
};

/// An analysis, and what it takes to put its findings into the package's own words.
#[derive(Debug, Default)]
pub struct Survey {
    pub analysis: Analysis,
    /// The package's, and behind them the text of what was asked.
    pub sources: Sources,
    pub names: Vec<Named>,
    /// The connections that proxies start and receive; see [`crate::plan::Plan::relays`].
    pub relays: Vec<Rectangle>,
    pub asked: Asked,
}

/// What a text asks that is no part of the package.
#[derive(Debug, Default)]
pub struct Asked {
    /// Of each `assert` whose names are right.
    pub sets: Vec<AskedSets>,
    /// Its `allow` and `deny` lines.
    pub statements: Vec<Statement>,
    /// What these lines permit together. Denies of the package are not taken away.
    pub rectangles: Vec<Rectangle>,
    /// What is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
}

/// The sets of one `assert SOURCE -> DESTINATION : SERVICE`, whatever it claims.
#[derive(Clone, Debug)]
pub struct AskedSets {
    pub sources: PrincipalSet,
    pub destinations: PrincipalSet,
    pub services: Option<Vec<Service>>,
}

/// Analyzes a package, and reads `asked` (a name for messages, and statements of the language) as if it stood in the
/// package, where it sees every name and changes nothing.
pub fn survey(sources: &Sources, now: i64, asked: Option<(&str, &str)>) -> Survey {
    let mut sources = sources.clone();
    let file = asked.map(|(name, text)| {
        sources.files.push(Source { path: name.replace('/', "_"), text: text.into() });
        FileId((sources.files.len() - 1) as u32)
    });
    let mut survey = Survey::default();
    survey.analysis = analyze_with(&sources, now, file, |seen| {
        survey.names = model::named(seen.universe, seen.model);
        survey.relays = seen.planned.plan.relays(&seen.planned.rectangles);
        if file.is_some() {
            read(&sources, now, seen, &mut survey.asked);
        }
    });
    if let Some(file) = file {
        let about = |diagnostic: &Diagnostic| diagnostic.labels.iter().any(|label| label.file == file);
        let (own, left) = std::mem::take(&mut survey.analysis.diagnostics).into_iter().partition(about);
        survey.analysis.diagnostics = left;
        survey.asked.diagnostics = own;
    }
    survey.sources = sources;
    survey
}

fn read(sources: &Sources, now: i64, seen: Seen<'_, '_>, asked: &mut Asked) {
    let Seen { universe, model, asked: text, diagnostics, .. } = seen;
    let mut sets = model::Sets::new(universe, model);
    for assertion in &text.assertions {
        let scope = assertion.scope;
        let Claim::Flow { source, destination, service, .. } = &assertion.assertion.claim else { continue };
        let mut evaluate = |expr| sets.evaluate(expr, scope).map_err(|wrong| diagnostics.push(*wrong)).ok();
        let (sources, destinations) = (evaluate(source), evaluate(destination));
        let services =
            service.as_ref().map(|service| model.protocols.services(universe, service, scope)).transpose();
        let services = services.map_err(|wrong| diagnostics.push(*wrong)).ok();
        if let (Some(sources), Some(destinations), Some(services)) = (sources, destinations, services) {
            asked.sets.push(AskedSets { sources, destinations, services });
        }
    }
    let flows = &text.flows;
    let statements = flows::statements_of(flows, sources, universe, model, &mut sets, now, diagnostics).list;
    asked.rectangles = flows::relation(model, &statements, diagnostics);
    asked.statements = statements;
}
