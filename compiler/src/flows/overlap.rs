//! What a rule adds to the others: rules that permit, or deny, nothing that others do not.
//!
//! A rule is redundant if in every cell of the relation another rule covers it on terms at least as good: as many
//! operations, no limit, no earlier end, a log where this one logs. Of two that cover each other, the narrower one is
//! meant, or the later. The rules that cover it are the smallest set that greed finds.

use std::{cmp::Reverse, ops::ControlFlow, sync::Arc};

use rustc_hash::{FxHashMap, FxHashSet};
use weir_engine::{Axis, Budget, SetId, Space};
use weir_syntax::{
    Diagnostic, FileId, Span,
    ast::{Effect, ExprKind},
    diagnostic::codes,
};

use super::{
    Demand, PortSet, Rectangle, Statement,
    relation::{Covered, covered},
};
use crate::{
    model::{Model, PrincipalSet, Service, Sets, protocols::OperationUse},
    names::Universe,
    plan::{Ranges, Transport},
};

/// Most rules that a warning names.
const NAMED: usize = 3;

/// Reports rules that say what others say, and terms of a rule that a `deny` takes away whole.
pub fn check<'a>(
    universe: &Universe<'a>,
    model: &Model,
    sets: &mut Sets<'_, 'a>,
    statements: &[Statement],
    rectangles: &[Rectangle],
    budget: Budget,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut said_before = Said::default();
    for diagnostic in
        diagnostics.iter().filter(|known| known.code == &codes::W0506 || known.code == &codes::W0501)
    {
        let (file, span, _) = diagnostic.position();
        said_before.insert((file, span));
    }
    allows(statements, rectangles, budget, &mut said_before, diagnostics);
    denies(model, statements, budget, &mut said_before, diagnostics);
    lost_terms(universe, model, sets, statements, rectangles, &said_before, diagnostics);
}

/// Where something was said already: one mistake, one diagnostic.
type Said = FxHashSet<(FileId, Span)>;

/// What one label of the space stands for.
struct Part<'p> {
    statement: u32,
    demand: Option<&'p Demand>,
    /// A deny of one operation.
    operation: Option<&'p (u32, OperationUse)>,
}

/// Sets of principals by pointer, so that a set that many rules share is read once.
#[derive(Default)]
struct Known(FxHashMap<*const Ranges<u32>, SetId>);

impl Known {
    fn set(&mut self, axis: &mut Axis, principals: &PrincipalSet) -> SetId {
        *self.0.entry(Arc::as_ptr(principals)).or_insert_with(|| {
            axis.set(principals.iter().map(|(first, last)| (u128::from(first), u128::from(last))))
        })
    }
}

fn services(axis: &mut Axis, ports: &PortSet) -> SetId {
    let number = |transport: Transport, port: u16| {
        let high: u128 = match transport {
            Transport::Tcp => 0,
            Transport::Udp => 1,
            Transport::Sctp => 2,
            Transport::IcmpEcho => 3,
        };
        high << 16 | u128::from(port)
    };
    let mut ranges: Vec<(u128, u128)> = ports
        .port_matches()
        .iter()
        .map(|port| (number(port.transport, port.first), number(port.transport, port.last)))
        .collect();
    let frame = |ethertype: u16| 4_u128 << 16 | u128::from(ethertype);
    ranges.extend(ports.ethertypes.iter().map(|(first, last)| (frame(first), frame(last))));
    axis.set(ranges)
}

/// A space whose labels stand for parts of rules.
#[derive(Default)]
struct Rules<'p> {
    space: Space,
    parts: Vec<Part<'p>>,
    sources: Known,
    destinations: Known,
    /// How wide each statement is, to tell the narrower of two.
    width: FxHashMap<u32, u128>,
}

impl<'p> Rules<'p> {
    fn add(&mut self, sources: &PrincipalSet, destinations: &PrincipalSet, ports: &PortSet, part: Part<'p>) {
        // Rectangles of a statement mostly follow each other and differ in nothing but their sets.
        let same = self.parts.last().is_some_and(|last| {
            last.statement == part.statement && last.demand == part.demand && last.operation == part.operation
        });
        let wide = u128::from(sources.count()) * u128::from(destinations.count());
        let width = self.width.entry(part.statement).or_default();
        *width = width.saturating_add(wide);
        if !same {
            self.parts.push(part);
        }
        let label = (self.parts.len() - 1) as u32;
        let sources = self.sources.set(&mut self.space.sources, sources);
        let destinations = self.destinations.set(&mut self.space.destinations, destinations);
        let services = services(&mut self.space.services, ports);
        self.space.rule(sources, destinations, services, label);
    }

    /// For each statement that adds nothing, the statements that cover it. None, if the question is too large.
    fn redundant(
        &self,
        statements: &[Statement],
        budget: Budget,
        covers: impl Fn(&Part<'_>, &Part<'_>) -> bool,
    ) -> Option<Vec<(u32, Vec<u32>)>> {
        let mut combinations: FxHashSet<Box<[u32]>> = FxHashSet::default();
        let shown = self.space.visit(budget, |cell| {
            if !combinations.contains(cell.labels) {
                combinations.insert(cell.labels.into());
            }
            ControlFlow::Continue(())
        });
        shown.ok()?;
        let rank = |statement: u32| {
            let place = &statements[statement as usize];
            (Reverse(self.width.get(&statement).copied().unwrap_or(0)), place.file, place.span, statement)
        };
        let mut combinations: Vec<Box<[u32]>> = combinations.into_iter().collect();
        combinations.sort_unstable();
        let mut met: FxHashMap<u32, Vec<(&[u32], u32)>> = FxHashMap::default();
        for labels in &combinations {
            for label in labels {
                met.entry(self.parts[*label as usize].statement).or_default().push((labels, *label));
            }
        }
        // The narrowest first, and of equals the last: whoever is covered by those that are left, goes. Who stays was not
        // covered by more than stay in the end, so that nothing that is left can go.
        let mut order: Vec<u32> = met.keys().copied().collect();
        order.sort_unstable_by_key(|statement| Reverse(rank(*statement)));
        let mut gone = vec![false; statements.len()];
        for statement in order {
            let covered = |(labels, label): &(&[u32], u32)| {
                let part = &self.parts[*label as usize];
                labels.iter().map(|other| &self.parts[*other as usize]).any(|other| {
                    other.statement != statement && !gone[other.statement as usize] && covers(other, part)
                })
            };
            gone[statement as usize] = met[&statement].iter().all(covered);
        }
        let by = |(labels, label): &(&[u32], u32)| -> Vec<u32> {
            let part = &self.parts[*label as usize];
            let others = labels.iter().map(|other| &self.parts[*other as usize]);
            others
                .filter(|other| other.statement != part.statement && covers(other, part))
                .map(|other| other.statement)
                .filter(|other| !gone[*other as usize])
                .collect()
        };
        let mut found: Vec<(u32, Vec<u32>)> = met
            .iter()
            .filter(|(statement, _)| gone[**statement as usize])
            .map(|(statement, places)| (*statement, few(places.iter().map(by).collect())))
            .collect();
        found.sort_unstable();
        Some(found)
    }
}

/// A small set that meets every one of some sets: the member of most first.
fn few(mut open: Vec<Vec<u32>>) -> Vec<u32> {
    let mut chosen = Vec::new();
    while !open.is_empty() {
        let mut count: FxHashMap<u32, usize> = FxHashMap::default();
        for member in open.iter().flatten() {
            *count.entry(*member).or_default() += 1;
        }
        let Some((_, best)) = open.iter().flatten().map(|member| (Reverse(count[member]), *member)).min()
        else {
            break;
        };
        chosen.push(best);
        open.retain(|set| !set.contains(&best));
    }
    chosen.sort_unstable();
    chosen
}

fn allows(
    statements: &[Statement],
    rectangles: &[Rectangle],
    budget: Budget,
    said: &mut Said,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut rules = Rules::default();
    for rectangle in rectangles {
        let part =
            Part { statement: rectangle.statement, demand: rectangle.demand.as_ref(), operation: None };
        rules.add(&rectangle.sources, &rectangle.destinations, &rectangle.ports, part);
    }
    let found = rules.redundant(statements, budget, |by, part| {
        let (strong, weak) =
            (&statements[by.statement as usize].conditions, &statements[part.statement as usize].conditions);
        (by.demand.is_none() || by.demand == part.demand)
            && strong.limit.is_none()
            && strong.until.is_none_or(|end| weak.until.is_some_and(|other| other <= end))
            && (!strong.audit || weak.audit)
            && (strong.log || !weak.log)
            && strong.via == weak.via
            && strong.requires <= weak.requires
    });
    report(statements, Effect::Allow, found, said, diagnostics);
}

fn denies(
    model: &Model,
    statements: &[Statement],
    budget: Budget,
    said: &mut Said,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let parts: Vec<(u32, Vec<Covered>)> = statements
        .iter()
        .enumerate()
        .filter(|(_, statement)| statement.effect == Effect::Deny)
        .map(|(index, statement)| {
            (index as u32, covered(model, &statement.services, &statement.destinations))
        })
        .collect();
    let mut filled: Said = Said::default();
    for (index, _) in parts.iter().filter(|(_, covered)| !covered.is_empty()) {
        filled.insert((statements[*index as usize].file, statements[*index as usize].span));
    }
    for (index, _) in parts.iter().filter(|(_, covered)| covered.is_empty()) {
        let statement = &statements[*index as usize];
        if filled.contains(&(statement.file, statement.span)) {
            continue; // one direction, or one instance, of a line that denies something
        }
        if said.insert((statement.file, statement.span)) {
            diagnostics.push(
                Diagnostic::new(&codes::W0509, "this `deny` denies nothing")
                    .primary(
                        statement.file,
                        statement.service_span,
                        "it has no port of its own, and nobody there serves it",
                    )
                    .help("remove the rule, or say where it is served: `serves = [… on tcp/…]`"),
            );
        }
    }
    let mut rules = Rules::default();
    for (index, covered) in &parts {
        let sources = &statements[*index as usize].sources;
        for covered in covered {
            let part = Part { statement: *index, demand: None, operation: covered.operation.as_ref() };
            rules.add(sources, &covered.destinations, &covered.ports, part);
        }
    }
    let found = rules.redundant(statements, budget, |by, part| match (by.operation, part.operation) {
        (None, _) => true,
        (Some((protocol, by)), Some((other, part))) => {
            protocol == other && by.operation == part.operation && (by.arguments.is_empty() || by == part)
        }
        (Some(_), None) => false,
    });
    report(statements, Effect::Deny, found, said, diagnostics);
}

/// One warning for each place, if all that stands there (instances, both directions) is redundant.
fn report(
    statements: &[Statement],
    effect: Effect,
    found: Option<Vec<(u32, Vec<u32>)>>,
    said: &mut Said,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Some(found) = found else {
        let first = statements.iter().find(|statement| statement.effect == effect);
        diagnostics.extend(first.map(|first| {
            Diagnostic::new(&codes::W0504, "whether rules repeat each other was not decided")
                .primary(first.file, first.span, "one of too many that are wide in both directions")
                .help("the package is still compiled and proven; narrow the rules between large sets to have it decided")
        }));
        return;
    };
    let mut count: FxHashMap<(FileId, Span), usize> = FxHashMap::default();
    for statement in statements {
        *count.entry((statement.file, statement.span)).or_default() += 1;
    }
    let mut redundant: FxHashMap<(FileId, Span), usize> = FxHashMap::default();
    for (statement, _) in &found {
        let statement = &statements[*statement as usize];
        *redundant.entry((statement.file, statement.span)).or_default() += 1;
    }
    for (index, by) in found {
        let statement = &statements[index as usize];
        let place = (statement.file, statement.span);
        if redundant.get(&place) != count.get(&place) || !said.insert(place) {
            continue;
        }
        diagnostics.push(repeats(statements, statement, &by));
    }
}

fn repeats(statements: &[Statement], statement: &Statement, by: &[u32]) -> Diagnostic {
    let (word, does) = match statement.effect {
        Effect::Allow => ("permits", "permitted"),
        Effect::Deny => ("denies", "denied"),
    };
    let others = by.len();
    let label = match others {
        1 => format!("all of it is {does} elsewhere"),
        _ => format!("all of it is {does} by {others} other rules together"),
    };
    let mut diagnostic = Diagnostic::new(
        &codes::W0506,
        format!("this rule {word} nothing that others do not"),
    )
    .primary(statement.file, statement.span, label);
    for other in by.iter().take(NAMED) {
        let other = &statements[*other as usize];
        let label = if others == 1 { format!("{word} all of it") } else { format!("{word} a part of it") };
        diagnostic = diagnostic.secondary(other.file, other.span, label);
    }
    let conditions = &statement.conditions;
    let moot = match (conditions.limit.is_some(), conditions.until.is_some()) {
        (true, _) => ": its `limit` never binds",
        (false, true) => ": it goes on after its `until`",
        _ => "",
    };
    diagnostic.help(format!("remove it, or narrow what covers it{moot}"))
}

/// A term of a union (`a | b -> c : x | y`) of which a `deny` leaves nothing.
fn lost_terms<'a>(
    universe: &Universe<'a>,
    model: &Model,
    sets: &mut Sets<'_, 'a>,
    statements: &[Statement],
    rectangles: &[Rectangle],
    said: &Said,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if statements.iter().all(|statement| statement.effect == Effect::Allow) {
        return;
    }
    let mut of_statement: FxHashMap<u32, Vec<&Rectangle>> = FxHashMap::default();
    for rectangle in rectangles {
        of_statement.entry(rectangle.statement).or_default().push(rectangle);
    }
    let mut by_place: FxHashMap<(FileId, Span), Vec<u32>> = FxHashMap::default();
    for (index, statement) in statements.iter().enumerate() {
        by_place.entry((statement.file, statement.span)).or_default().push(index as u32);
    }
    for flow in &universe.flows {
        let place = (flow.scope.file, flow.span);
        // Both directions, and instances of a template, share a place: what holds of one may not hold of the other.
        let Some([index]) = by_place.get(&place).map(Vec::as_slice) else { continue };
        let statement = &statements[*index as usize];
        let Some(left) = of_statement.get(index).filter(|_| statement.effect == Effect::Allow) else {
            continue;
        };
        if said.contains(&place) {
            continue;
        }
        let mut lost: Vec<(Span, PrincipalSet, bool)> = Vec::new();
        for (side, is_source) in [(&flow.flow.source, true), (&flow.flow.destination, false)] {
            let ExprKind::Union(terms) = &side.kind else { continue };
            for term in terms {
                let Ok(set) = sets.evaluate(term, flow.scope) else { continue };
                let of = |rectangle: &Rectangle| {
                    if is_source { rectangle.sources.clone() } else { rectangle.destinations.clone() }
                };
                if !set.is_empty() && left.iter().all(|rectangle| of(rectangle).intersection(&set).is_empty())
                {
                    lost.push((term.span, set, is_source));
                }
            }
        }
        for (span, set, is_source) in lost {
            let (sources, destinations) =
                if is_source { (&set, &statement.destinations) } else { (&statement.sources, &set) };
            let denying = statements.iter().find(|deny| {
                deny.effect == Effect::Deny
                    && !deny.sources.intersection(sources).is_empty()
                    && !deny.destinations.intersection(destinations).is_empty()
                    && meets(model, &deny.services, &statement.services, destinations)
            });
            let mut diagnostic = Diagnostic::new(&codes::W0508, "a part of this `allow` permits nothing")
                .primary(statement.file, span, "a `deny` covers all that it would permit")
                .help("`deny` always wins: take the term out, or narrow the `deny`");
            if let Some(deny) = denying {
                diagnostic = diagnostic.secondary(deny.file, deny.span, "denied here");
            }
            diagnostics.push(diagnostic);
        }
    }
}

/// Whether two lists of services share a port at some destinations.
fn meets(model: &Model, one: &[Service], other: &[Service], destinations: &PrincipalSet) -> bool {
    let other = covered(model, other, destinations);
    covered(model, one, destinations)
        .iter()
        .any(|part| other.iter().any(|other| part.ports.overlaps(&other.ports)))
}
