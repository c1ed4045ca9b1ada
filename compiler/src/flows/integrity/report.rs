//! What is wrong with the data behind commands, said once for each cause, with the way that the data took.

use std::collections::BTreeMap;

use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};

use super::{Cause, Data, IntegrityReport, Levels, Violation, ViolationKind, analyse, data, demand, eased};
use crate::{
    flows::{Rectangle, Statement},
    model::{Integrity, Model, PrincipalKind},
    names::Universe,
};

/// Hops and further commands that a diagnostic shows; the rest is counted.
const SHOWN: usize = 8;

/// Reports every command that rests on data which its sink does not trust, and every safe command without a limit.
/// What only follows from such a command is not said: it goes when the command goes.
pub fn check(
    universe: &Universe<'_>,
    model: &Model,
    statements: &[Statement],
    rectangles: &[Rectangle],
    proxies: &[Option<u32>],
    diagnostics: &mut Vec<Diagnostic>,
) -> IntegrityReport {
    let report = analyse(model, statements, rectangles, proxies);
    let reporter =
        Reporter { universe, model, statements, rectangles, levels: &report.levels, data: &report.data };
    // commands that fail because of one flow of weak data are one mistake, be it far away
    let mut by_cause: BTreeMap<(FileId, Span), Vec<(usize, &Violation)>> = BTreeMap::new();
    for violation in &report.violations {
        if violation.kind == ViolationKind::Unlimited {
            diagnostics.push(reporter.unlimited(violation));
            continue;
        }
        let way = reporter.way(violation.source);
        if way.iter().any(|(to, cause)| reporter.is_refused(*cause, *to)) {
            continue;
        }
        let origin = way.last().map_or(violation.rectangle, |(_, cause)| cause.rectangle);
        let origin = reporter.statement(origin);
        by_cause.entry((origin.file, origin.span)).or_default().push((way.len(), violation));
    }
    for violations in by_cause.values_mut() {
        violations.sort_by_key(|(length, _)| *length);
    }
    diagnostics.extend(by_cause.values().filter_map(|violations| reporter.untrusted(violations)));
    report
}

struct Reporter<'r, 'a> {
    universe: &'r Universe<'a>,
    model: &'r Model,
    statements: &'r [Statement],
    rectangles: &'r [Rectangle],
    levels: &'r Levels,
    data: &'r [Data],
}

impl Reporter<'_, '_> {
    fn statement(&self, rectangle: u32) -> &Statement {
        &self.statements[self.rectangles[rectangle as usize].statement as usize]
    }

    fn emits(&self, id: u32) -> Integrity {
        self.levels.emitted[id as usize]
    }

    /// How weak data came to a principal, the last hop first; nothing, where it is of the principal's own making.
    fn way(&self, to: u32) -> Vec<(u32, Cause)> {
        let mut way = Vec::new();
        let mut at = to;
        // what an endorser emits is its own word
        while self.emits(at) == self.levels.least[at as usize]
            && let Some(cause) = self.levels.causes[at as usize]
        {
            way.push((at, cause));
            at = cause.giver;
        }
        way
    }

    /// Whether a hop is a command that its own sink refuses.
    fn is_refused(&self, cause: Cause, to: u32) -> bool {
        let rectangle = &self.rectangles[cause.rectangle as usize];
        let data = self.data[cause.rectangle as usize];
        if !cause.to_server || !data.commands {
            return false;
        }
        let mut demands = demand(self.model, self.levels, to, data.programs);
        let safe = self.model.principal(to).details.safe.as_ref();
        if safe.is_some_and(|safe| data::is_safe(self.model, rectangle, safe)) {
            demands = eased(demands);
        }
        demands > self.emits(cause.giver)
    }

    fn name(&self, id: u32) -> String {
        format!("`{}`", self.model.principal(id).name)
    }

    /// One diagnostic for the commands that one flow of weak data spoils, the nearest first.
    fn untrusted(&self, violations: &[(usize, &Violation)]) -> Option<Diagnostic> {
        let (_, first) = violations.first()?;
        let ViolationKind::Untrusted { emits, demands } = first.kind else { return None };
        let (source, sink) = (self.name(first.source), self.name(first.sink));
        let statement = self.statement(first.rectangle);
        let mut diagnostic = Diagnostic::new(
            &codes::E0515,
            format!(
                "{source} commands {sink} with data worth `{}`, and `{}` is demanded",
                emits.word(),
                demands.word()
            ),
        )
        .primary(statement.file, statement.span, format!("{sink} would act on it"));
        let mut way = self.way(first.source);
        way.reverse();
        let root = way.first().map_or(first.source, |(_, cause)| cause.giver);
        if let Some((file, span, why)) = self.origin(root) {
            diagnostic = diagnostic.secondary(file, span, why);
        }
        for (number, (to, cause)) in way.iter().enumerate().take(SHOWN) {
            let hop = self.statement(cause.rectangle);
            let how = if cause.to_server { "writes to" } else { "is read by" };
            let text = format!("{}. {} {how} {}", number + 1, self.name(cause.giver), self.name(*to));
            diagnostic = diagnostic.secondary(hop.file, hop.span, text);
        }
        if let Some((file, span)) =
            self.model.attribute_place(self.universe, self.model.principal(first.sink), "integrity")
        {
            diagnostic = diagnostic.secondary(file, span, format!("{sink} demands what it is worth itself"));
        }
        let mut others: Vec<&Statement> = Vec::new();
        for other in violations.iter().map(|(_, violation)| self.statement(violation.rectangle)) {
            let known = |one: &&Statement| (one.file, one.span) == (other.file, other.span);
            if !known(&statement) && !others.iter().any(known) {
                others.push(other);
            }
        }
        for other in others.iter().take(SHOWN) {
            diagnostic = diagnostic.secondary(other.file, other.span, "rests on the same data");
        }
        if !way.is_empty() {
            let mut names = vec![self.name(root)];
            names.extend(way.iter().map(|(to, _)| self.name(*to)));
            names.push(sink.clone());
            diagnostic = diagnostic.note(format!("the data runs {}", names.join(" -> ")));
        }
        if others.len() > SHOWN {
            diagnostic =
                diagnostic.note(format!("{} more commands rest on the same data", others.len() - SHOWN));
        }
        let endorse = format!("`endorses = {} -> {}`", emits.word(), demands.word());
        Some(diagnostic.help(match way.first() {
            Some(_) => format!(
                "let what {source} takes in be verified before it acts ({endorse}, in {source} or on the way), let the data run in the other direction only, or drop one of these flows"
            ),
            None => format!(
                "lead the command through something that verifies it ({endorse}), say `integrity` of {source} if it deserves better, or permit only operations that command nothing"
            ),
        }))
    }

    /// Where a principal's own integrity comes from; nothing, where that is no text of the package.
    fn origin(&self, id: u32) -> Option<(FileId, Span, String)> {
        let principal = self.model.principal(id);
        let (name, emits) = (self.name(id), self.emits(id).word());
        if let Some((file, span)) = self.model.attribute_place(self.universe, principal, "integrity") {
            return Some((file, span, format!("{name} is worth `{emits}`")));
        }
        if Some(principal.entity) == self.model.internet {
            return None;
        }
        let (file, span) = self.universe.name_span(principal.entity);
        let why = match principal.kind {
            PrincipalKind::External => "lies outside and says nothing else",
            _ => "says nothing else, and its zone counts as that",
        };
        Some((file, span, format!("{name} is worth `{emits}`: it {why}")))
    }

    fn unlimited(&self, violation: &Violation) -> Diagnostic {
        let statement = self.statement(violation.rectangle);
        let sink = self.model.principal(violation.sink);
        let mut diagnostic =
            Diagnostic::new(&codes::E0516, format!("a safe command to `{}` has no `limit`", sink.name))
                .primary(statement.file, statement.span, "may be repeated without end")
                .help("add `{ limit = 6/min }`: who trips a machine all the time keeps it from ever running");
        if let Some((file, span)) = self.model.attribute_place(self.universe, sink, "safe") {
            diagnostic = diagnostic.secondary(file, span, "declared safe");
        }
        diagnostic
    }
}
