//! Who reaches whom: single flows, and chains of them.

mod ask;
mod dot;

use std::collections::BTreeMap;

use serde::Serialize;
use weir_compiler::{
    flows::reach::{Assumptions, By, Cut, Goal, Hop, Reach},
    model::{PrincipalKind, PrincipalSet},
    plan::Ranges,
};

use crate::{Access, Subject, Table, Terms, access, access::service_of, explain::principals_at};

pub use ask::{Kind, Query, parse};
pub use dot::dot;

/// The answer to a query: tables, and the edges that they are about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    pub query: String,
    pub sections: Vec<Section>,
    pub edges: Vec<Edge>,
    /// What the answer rests on.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Section {
    pub title: String,
    #[serde(flatten)]
    pub table: Table,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Edge {
    pub source: String,
    pub destination: String,
    pub label: String,
    pub access: Access,
}

/// What a query is about, resolved.
#[derive(Clone, Debug, Default)]
pub struct Sides {
    pub first: PrincipalSet,
    pub second: PrincipalSet,
}

/// Packages of more principals are ranked by single flows.
const RANKED_BY_CHAINS: usize = 3_000;
/// Rows of a ranking.
const RANKED: usize = 20;

/// Answers a query.
pub fn answer(subject: &Subject, query: &Query, sides: &Sides) -> Answer {
    let mut answer = Answer { query: query.text.clone(), ..Answer::default() };
    match query.kind {
        Kind::WhoReaches => {
            direct(subject, None, Some(&sides.first), &mut answer);
            chains(subject, &sides.first, true, &mut answer);
        }
        Kind::WhatReaches => {
            direct(subject, Some(&sides.first), None, &mut answer);
            chains(subject, &sides.first, false, &mut answer);
        }
        Kind::Paths => paths(subject, &sides.first, &sides.second, &mut answer),
        Kind::Blast => blast(subject, &sides.first, &mut answer),
        Kind::TopExposure => exposure(subject, &mut answer),
    }
    if !matches!(query.kind, Kind::TopExposure) || subject.model().principals.len() <= RANKED_BY_CHAINS {
        answer.notes.push(
            "chains assume that whoever reaches a principal by any flow may go on from it, and that what nothing separates is reached"
                .into(),
        );
    }
    answer
}

/// The principals of a name or an address.
pub fn set_of_address(subject: &Subject, text: &str) -> Option<PrincipalSet> {
    let address = text.trim().parse().ok()?;
    Some(principals_at(subject, address).into())
}

fn reach(subject: &Subject) -> Reach<'_> {
    Reach::new(subject.model(), &subject.connections(), Assumptions::default())
}

/// Single flows from a set, or to one.
fn direct(subject: &Subject, from: Option<&PrincipalSet>, to: Option<&PrincipalSet>, answer: &mut Answer) {
    let model = subject.model();
    let mut table = Table::new(["source", "destination", "service", "effect", "terms", "rule"]);
    for (index, rectangle) in subject.facts.rectangles.iter().enumerate() {
        let part = |set: &PrincipalSet, of: Option<&PrincipalSet>| match of {
            Some(of) => set.intersection(of),
            None => (**set).clone(),
        };
        let (sources, destinations) = (part(&rectangle.sources, from), part(&rectangle.destinations, to));
        if sources.is_empty() || destinations.is_empty() {
            continue;
        }
        let statement = subject.statement(rectangle.statement);
        let source = subject.naming().describe(model, &sources);
        let destination = subject.naming().describe(model, &destinations);
        let service = service_of(model, rectangle);
        let effect = access(model, rectangle);
        table.row([
            source.clone(),
            destination.clone(),
            service.clone(),
            effect.word().to_owned(),
            Terms::of(subject, index).describe(),
            subject.place(statement.file, statement.span).to_string(),
        ]);
        answer.edges.push(Edge { source, destination, label: service, access: effect });
    }
    table.rows.sort();
    table.rows.dedup();
    answer.edges.sort();
    answer.edges.dedup();
    answer.sections.push(Section { title: "by one flow".into(), table });
}

/// By how many steps others reach a set, or are reached from it.
fn chains(subject: &Subject, set: &PrincipalSet, towards: bool, answer: &mut Answer) {
    let model = subject.model();
    let reach = reach(subject);
    let reach = if towards { reach.reversed() } else { reach };
    let reached = reach.reached_from(set);
    let mut by_steps: BTreeMap<usize, Vec<(u32, u32)>> = BTreeMap::new();
    for id in reached.members().difference(set).members() {
        let steps = reached.chain_to(id).map_or(0, |chain| chain.len());
        by_steps.entry(steps).or_default().push((id, id));
    }
    let mut table = Table::new(["steps", "principals", "who"]);
    for (steps, ids) in by_steps {
        let ids = Ranges::from_unsorted(ids);
        table.row([steps.to_string(), ids.count().to_string(), subject.naming().describe(model, &ids)]);
    }
    answer
        .sections
        .push(Section { title: "by a chain of flows, and of what nothing separates".into(), table });
}

fn paths(subject: &Subject, from: &PrincipalSet, to: &PrincipalSet, answer: &mut Answer) {
    let model = subject.model();
    let reach = reach(subject);
    let goal = Goal::new(model, to, None);
    let Some(chain) = reach.chain(from, &goal) else {
        answer.notes.push("no chain leads there".into());
        return;
    };
    let mut table = Table::new(["step", "source", "destination", "by", "rule"]);
    for (index, hop) in chain.iter().enumerate() {
        let (by, effect, place) = by(subject, &reach, hop);
        let (source, destination) =
            (subject.name(hop.source).to_owned(), subject.name(hop.destination).to_owned());
        answer.edges.push(Edge {
            source: source.clone(),
            destination: destination.clone(),
            label: by.clone(),
            access: effect,
        });
        table.row([(index + 1).to_string(), source, destination, by, place]);
    }
    answer.sections.push(Section { title: "a shortest chain".into(), table });
    let mut table = Table::new(["rule", "text"]);
    match reach.cut(from, &goal) {
        Cut::Statements { statements, fewest } => {
            for index in statements {
                let statement = subject.statement(index);
                let place = subject.place(statement.file, statement.span).to_string();
                table.row([place, statement.text.to_string()]);
            }
            let title = if fewest {
                "the fewest rules without which no chain is left"
            } else {
                "without these rules no chain is left"
            };
            answer.sections.push(Section { title: title.into(), table });
        }
        Cut::Many(most) => {
            answer.notes.push(format!("more than {most} rules would have to go before no chain is left"));
        }
        Cut::Unseparated(_) => {
            answer.notes.push("no change of a rule ends this: some chain needs no flow at all".into());
        }
    }
}

/// What a step goes by, and where that stands.
fn by(subject: &Subject, reach: &Reach<'_>, hop: &Hop) -> (String, Access, String) {
    let model = subject.model();
    let segment = |name: &str| (format!("nothing separates them on {name}"), Access::Connect, String::new());
    match hop.by {
        By::Flow(index) => {
            let statement = subject.statement(index);
            let place = subject.place(statement.file, statement.span).to_string();
            match hop.rectangle {
                Some(rectangle) => {
                    let rectangle = reach.rectangle(rectangle);
                    (service_of(model, rectangle), access(model, rectangle), place)
                }
                None => (subject.text(statement.file, statement.service_span), Access::Connect, place),
            }
        }
        By::Segment(id) | By::Joined(id) => segment(&model.segment(id).name),
        By::Gateway(id) => {
            (format!("{} stands on its segment", model.gateway(id).name), Access::Connect, String::new())
        }
        By::Person(id) => {
            (format!("people who work on {}", model.segment(id).name), Access::Connect, String::new())
        }
    }
}

/// How far an intruder gets from each of a set, by zone and by what he may do there.
fn blast(subject: &Subject, set: &PrincipalSet, answer: &mut Answer) {
    let model = subject.model();
    let reach = reach(subject);
    let reached = reach.reached_from(set).members().difference(set);
    let mut zones: BTreeMap<String, Vec<(u32, u32)>> = BTreeMap::new();
    for id in reached.members() {
        let principal = model.principal(id);
        let zone = principal.zones.first().map_or("no zone", |zone| &model.zone(*zone).name);
        zones.entry(zone.to_owned()).or_default().push((id, id));
    }
    let mut table = Table::new(["zone", "purdue", "principals", "who"]);
    for (zone, ids) in zones {
        let ids = Ranges::from_unsorted(ids);
        let purdue = model.zones.iter().find(|one| one.name == zone).and_then(|one| one.purdue);
        table.row([
            zone,
            purdue.map_or_else(String::new, |level| level.to_string()),
            ids.count().to_string(),
            subject.naming().describe(model, &ids),
        ]);
    }
    let total = reached.count();
    answer
        .sections
        .push(Section { title: format!("reaches {total} of {} principals", model.principals.len()), table });
    let inside = reached.union(set);
    let mut by_access: BTreeMap<Access, Ranges<u32>> = BTreeMap::new();
    for rectangle in subject.connections() {
        if rectangle.sources.intersection(&inside).is_empty() {
            continue;
        }
        let known = by_access.entry(access(model, rectangle)).or_default();
        *known = known.union(&rectangle.destinations.difference(set));
    }
    let mut table = Table::new(["effect", "principals", "who"]);
    for (effect, ids) in by_access.into_iter().rev() {
        table.row([effect.word().into(), ids.count().to_string(), subject.naming().describe(model, &ids)]);
    }
    answer.sections.push(Section { title: "what he may do there, by permitted flows".into(), table });
}

/// Who is reached by most.
fn exposure(subject: &Subject, answer: &mut Answer) {
    let model = subject.model();
    let count = model.principals.len();
    let by_chains = count <= RANKED_BY_CHAINS;
    let mut direct: Vec<u64> = vec![0; count];
    let mut strongest: Vec<Access> = vec![Access::Connect; count];
    for rectangle in &subject.facts.rectangles {
        let effect = access(model, rectangle);
        let sources = rectangle.sources.count();
        for id in rectangle.destinations.members() {
            direct[id as usize] += sources;
            strongest[id as usize] = strongest[id as usize].max(effect);
        }
    }
    let mut ranks: Vec<(u64, u64, u32)> = Vec::new();
    let reversed = by_chains.then(|| reach(subject).reversed());
    for id in 0..count as u32 {
        if model.principal(id).kind == PrincipalKind::External
            || model.principal(id).kind == PrincipalKind::Role
        {
            continue;
        }
        let one = Ranges::from_unsorted(vec![(id, id)]);
        let reaching = reversed.as_ref().map_or(0, |reach| reach.reached_from(&one).members().count() - 1);
        ranks.push((reaching, direct[id as usize], id));
    }
    ranks.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(a.2.cmp(&b.2)));
    let mut table = Table::new(["principal", "zone", "reached by", "directly by", "strongest effect"]);
    for (reaching, direct, id) in ranks.into_iter().take(RANKED) {
        let zone = model.principal(id).zones.first().map_or("", |zone| &model.zone(*zone).name);
        table.row([
            subject.name(id).into(),
            zone.into(),
            if by_chains { reaching.to_string() } else { "not counted".into() },
            direct.to_string(),
            strongest[id as usize].word().into(),
        ]);
    }
    if !by_chains {
        answer.notes.push(format!(
            "{count} principals: chains are not followed from all of them; ask `who reaches` about one"
        ));
    }
    answer.sections.push(Section { title: "most exposed".into(), table });
}
