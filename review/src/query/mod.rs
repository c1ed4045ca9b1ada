//! Who reaches whom: single flows, and chains of them.

mod ask;
mod dot;
mod rows;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use weir_compiler::{
    flows::reach::{Assumptions, By, Cut, Goal, Hop, Reach, Reached},
    model::{PrincipalKind, PrincipalSet},
    plan::Ranges,
};

use crate::{Access, Subject, access, access::service_of, explain::principals_at};

pub use ask::{Kind, Query, parse};
pub use dot::dot;
pub use rows::{Cell, Data, Named};

/// The answer to a query: tables, and the edges that they are about. [`Data`] has it for machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub query: String,
    /// The sets that the query names, in its order.
    pub asked: Vec<Named>,
    pub sections: Vec<Section>,
    /// As a graph; nothing, where the answer is none.
    pub edges: Vec<Edge>,
    pub is_graph: bool,
    /// What the answer rests on.
    pub notes: Vec<String>,
}

/// One table: as many cells in each row as there are columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    pub title: String,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<Cell>>,
}

impl Section {
    fn new<const N: usize>(title: &str, columns: [&'static str; N]) -> Self {
        Self { title: title.to_owned(), columns: columns.into(), rows: Vec::new() }
    }

    fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub source: Named,
    pub destination: Named,
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
/// Principals, summed over flows, up to which an edge of a graph names all flows between two nodes, and not one of them.
const MOST_NEXT: u64 = 1_000_000;
/// Rows of a ranking.
const RANKED: usize = 20;

/// Answers a query.
pub fn answer(subject: &Subject, query: &Query, sides: &Sides) -> Answer {
    let named = [&sides.first, &sides.second].into_iter().take(query.sets.len());
    let mut answer = Answer {
        query: query.text.clone(),
        asked: named.map(|set| Named::new(subject, set)).collect(),
        is_graph: query.kind != Kind::TopExposure,
        ..Answer::default()
    };
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
    let mut section =
        Section::new("by one flow", ["source", "destination", "service", "effect", "terms", "rule"]);
    for (index, rectangle) in subject.facts.rectangles.iter().enumerate() {
        let part = |set: &PrincipalSet, of: Option<&PrincipalSet>| match of {
            Some(of) => set.intersection(of),
            None => (**set).clone(),
        };
        let (sources, destinations) = (part(&rectangle.sources, from), part(&rectangle.destinations, to));
        if sources.is_empty() || destinations.is_empty() {
            continue;
        }
        section.row([
            Cell::Set(Named::new(subject, &sources)),
            Cell::Set(Named::new(subject, &destinations)),
            Cell::Text(service_of(model, rectangle)),
            Cell::Access(access(model, rectangle)),
            Cell::Terms(index),
            rule(subject, rectangle.statement),
        ]);
    }
    section.rows.sort();
    section.rows.dedup();
    answer.sections.push(section);
}

fn rule(subject: &Subject, statement: u32) -> Cell {
    let statement = subject.statement(statement);
    Cell::Rule(Some((subject.place(statement.file, statement.span), statement.text.to_string())))
}

/// By how many steps others reach a set, or are reached from it.
fn chains(subject: &Subject, set: &PrincipalSet, towards: bool, answer: &mut Answer) {
    let reach = reach(subject);
    let reach = if towards { reach.reversed() } else { reach };
    let reached = reach.reached_from(set);
    let steps = tree(subject, &reach, &reached, set, towards, answer);
    let mut section =
        Section::new("by a chain of flows, and of what nothing separates", ["steps", "principals", "who"]);
    for (index, ids) in steps.iter().enumerate() {
        section.row([
            Cell::Number(index as u64 + 1),
            Cell::Number(ids.count()),
            Cell::Set(Named::new(subject, ids)),
        ]);
    }
    answer.sections.push(section);
}

/// The edges of the shortest chains from a set, or towards it. Principals that the same step leads to from the same place are
/// one node. Returns who is reached by each number of steps, from one on.
fn tree(
    subject: &Subject,
    reach: &Reach<'_>,
    reached: &Reached<'_>,
    set: &PrincipalSet,
    towards: bool,
    answer: &mut Answer,
) -> Vec<Ranges<u32>> {
    // flows between the set and those next to it: a chain goes by the first of them alone
    let mut next: FxHashMap<u32, Vec<(String, Access)>> = FxHashMap::default();
    let mut room = MOST_NEXT;
    for rectangle in &subject.facts.rectangles {
        let (near, far) = if towards {
            (&rectangle.destinations, &rectangle.sources)
        } else {
            (&rectangle.sources, &rectangle.destinations)
        };
        if near.intersection(set).is_empty() || far.count() > room {
            continue;
        }
        room -= far.count();
        let flow = (service_of(subject.model(), rectangle), access(subject.model(), rectangle));
        for id in far.members() {
            let known = next.entry(id).or_default();
            if !known.contains(&flow) {
                known.push(flow.clone());
            }
        }
    }
    let mut by_steps: Vec<Vec<(u32, Hop)>> = Vec::new();
    for id in reached.members().difference(set).members() {
        let chain = reached.chain_to(id).unwrap_or_default();
        let Some(last) = chain.last() else { continue };
        by_steps.resize(by_steps.len().max(chain.len()), Vec::new());
        by_steps[chain.len() - 1].push((id, *last));
    }
    let start = Named::new(subject, set);
    let mut node_of: FxHashMap<u32, usize> = FxHashMap::default();
    let mut nodes: Vec<Named> = vec![start];
    for ids in &by_steps {
        let mut groups: BTreeMap<(usize, String, Access), Vec<(u32, u32)>> = BTreeMap::new();
        for (id, hop) in ids {
            let before = node_of.get(&hop.source).copied().unwrap_or_default();
            let (label, access) = match next.get(id).filter(|_| before == 0) {
                Some(flows) => {
                    let labels: Vec<&str> = flows.iter().map(|(label, _)| label.as_str()).collect();
                    let strongest = flows.iter().map(|(_, access)| *access).max();
                    (labels.join(", "), strongest.unwrap_or(Access::Connect))
                }
                None => {
                    let (label, access, _) = by(subject, reach, hop);
                    (label, access)
                }
            };
            groups.entry((before, label, access)).or_default().push((*id, *id));
        }
        for ((before, label, access), ids) in groups {
            let ids = Ranges::from_unsorted(ids);
            node_of.extend(ids.members().map(|id| (id, nodes.len())));
            let (near, far) = (nodes[before].clone(), Named::new(subject, &ids));
            nodes.push(far.clone());
            let (source, destination) = if towards { (far, near) } else { (near, far) };
            answer.edges.push(Edge { source, destination, label, access });
        }
    }
    let set_of =
        |ids: Vec<(u32, Hop)>| Ranges::from_unsorted(ids.into_iter().map(|(id, _)| (id, id)).collect());
    by_steps.into_iter().map(set_of).collect()
}

fn one(subject: &Subject, id: u32) -> Named {
    Named::new(subject, &Ranges::from_unsorted(vec![(id, id)]))
}

fn paths(subject: &Subject, from: &PrincipalSet, to: &PrincipalSet, answer: &mut Answer) {
    let model = subject.model();
    let reach = reach(subject);
    let goal = Goal::new(model, to, None);
    let Some(chain) = reach.chain(from, &goal) else {
        answer.notes.push("no chain leads there".into());
        return;
    };
    let mut section = Section::new("a shortest chain", ["step", "source", "destination", "by", "rule"]);
    for (index, hop) in chain.iter().enumerate() {
        let (label, access, rule) = by(subject, &reach, hop);
        let (source, destination) = (one(subject, hop.source), one(subject, hop.destination));
        section.row([
            Cell::Number(index as u64 + 1),
            Cell::Set(source.clone()),
            Cell::Set(destination.clone()),
            Cell::Text(label.clone()),
            rule,
        ]);
        answer.edges.push(Edge { source, destination, label, access });
    }
    answer.sections.push(section);
    match reach.cut(from, &goal) {
        Cut::Statements { statements, fewest } => {
            let title = if fewest {
                "the fewest rules without which no chain is left"
            } else {
                "without these rules no chain is left"
            };
            let mut section = Section::new(title, ["rule", "text"]);
            for index in statements {
                section.row([rule(subject, index), Cell::Text(subject.statement(index).text.to_string())]);
            }
            answer.sections.push(section);
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
fn by(subject: &Subject, reach: &Reach<'_>, hop: &Hop) -> (String, Access, Cell) {
    let model = subject.model();
    let unruled = |text: String| (text, Access::Connect, Cell::Rule(None));
    match hop.by {
        By::Flow(index) => match hop.rectangle {
            Some(rectangle) => {
                let rectangle = reach.rectangle(rectangle);
                (service_of(model, rectangle), access(model, rectangle), rule(subject, index))
            }
            None => {
                let statement = subject.statement(index);
                let text = subject.text(statement.file, statement.service_span);
                (text, Access::Connect, rule(subject, index))
            }
        },
        By::Segment(id) | By::Joined(id) => {
            unruled(format!("nothing separates them on {}", model.segment(id).name))
        }
        By::Gateway(id) => unruled(format!("{} stands on its segment", model.gateway(id).name)),
        By::Person(id) => unruled(format!("people who work on {}", model.segment(id).name)),
    }
}

/// How far an intruder gets from each of a set, by zone and by what he may do there.
fn blast(subject: &Subject, set: &PrincipalSet, answer: &mut Answer) {
    let model = subject.model();
    let reach = reach(subject);
    let all = reach.reached_from(set);
    tree(subject, &reach, &all, set, false, answer);
    let reached = all.members().difference(set);
    let mut zones: BTreeMap<String, Vec<(u32, u32)>> = BTreeMap::new();
    for id in reached.members() {
        let principal = model.principal(id);
        let zone = principal.zones.first().map_or("no zone", |zone| &model.zone(*zone).name);
        zones.entry(zone.to_owned()).or_default().push((id, id));
    }
    let title = format!("reaches {} of {} principals", reached.count(), model.principals.len());
    let mut section = Section::new(&title, ["zone", "purdue", "principals", "who"]);
    for (zone, ids) in zones {
        let ids = Ranges::from_unsorted(ids);
        let purdue = model.zones.iter().find(|one| one.name == zone).and_then(|one| one.purdue);
        section.row([
            Cell::Text(zone),
            purdue.map_or(Cell::Nothing, |level| Cell::Number(level.into())),
            Cell::Number(ids.count()),
            Cell::Set(Named::new(subject, &ids)),
        ]);
    }
    answer.sections.push(section);
    let inside = reached.union(set);
    let mut by_access: BTreeMap<Access, Ranges<u32>> = BTreeMap::new();
    for rectangle in subject.connections() {
        if rectangle.sources.intersection(&inside).is_empty() {
            continue;
        }
        let known = by_access.entry(access(model, rectangle)).or_default();
        *known = known.union(&rectangle.destinations.difference(set));
    }
    let mut section =
        Section::new("what he may do there, by permitted flows", ["effect", "principals", "who"]);
    for (effect, ids) in by_access.into_iter().rev() {
        section.row([Cell::Access(effect), Cell::Number(ids.count()), Cell::Set(Named::new(subject, &ids))]);
    }
    answer.sections.push(section);
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
    let columns = ["principal", "zone", "reached by", "directly by", "strongest effect"];
    let mut section = Section::new("most exposed", columns);
    if ranks.len() > RANKED {
        answer.notes.push(format!("the first {RANKED} of {}", ranks.len()));
    }
    for (reaching, direct, id) in ranks.into_iter().take(RANKED) {
        let zone = model.principal(id).zones.first().map(|zone| model.zone(*zone).name.clone());
        section.row([
            Cell::Set(one(subject, id)),
            zone.map_or(Cell::Nothing, Cell::Text),
            if by_chains { Cell::Number(reaching) } else { Cell::Nothing },
            Cell::Number(direct),
            Cell::Access(strongest[id as usize]),
        ]);
    }
    if !by_chains {
        answer.notes.push(format!(
            "{count} principals: chains are not followed from all of them; ask `who reaches` about one"
        ));
    }
    answer.sections.push(section);
}
