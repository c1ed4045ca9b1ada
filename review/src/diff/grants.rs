//! The permissions of two subjects, in one numbering.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use weir_compiler::{
    flows::{Demand, Index, PortSet, operations},
    model::{
        Model, PrincipalSet, Protocol,
        protocols::{ArgumentUse, OperationUse},
    },
    plan::Ranges,
};

use super::identity::Identity;
use crate::{Subject, Terms};

/// A permission: every source to every destination, by these ports and operations, on these terms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grant {
    pub(crate) sources: PrincipalSet,
    pub(crate) destinations: PrincipalSet,
    pub(crate) ports: PortSet,
    pub(crate) demand: Option<Demand>,
    /// Shared by the rectangles of one statement.
    pub(crate) terms: Arc<Terms>,
    /// Into the subject's; nothing, for a piece that belongs to none.
    pub(crate) rectangle: u32,
}

/// All permissions of a subject.
pub(crate) struct Grants {
    pub(crate) list: Vec<Grant>,
    by_destination: Index,
    /// Those of each statement's id.
    by_statement: FxHashMap<String, Vec<u32>>,
    /// Those between the same two sets: a policy that was moved has other ids and means the same.
    by_ends: FxHashMap<(PrincipalSet, PrincipalSet), Vec<u32>>,
}

impl Grants {
    pub(crate) fn of_later(subject: &Subject, principals: usize) -> Self {
        Self::new(subject, principals, Clone::clone, Some)
    }

    pub(super) fn of_earlier(subject: &Subject, later: &Subject, identity: &Identity) -> Self {
        let protocols = same_protocols(subject.model(), later.model());
        let mut sets: FxHashMap<usize, PrincipalSet> = FxHashMap::default();
        let translate = |set: &PrincipalSet| {
            sets.entry(Arc::as_ptr(set) as usize).or_insert_with(|| identity.translate(set)).clone()
        };
        Self::new(subject, identity.count(), translate, |protocol| protocols[protocol as usize])
    }

    fn new(
        subject: &Subject,
        principals: usize,
        mut translate: impl FnMut(&PrincipalSet) -> PrincipalSet,
        protocol: impl Fn(u32) -> Option<u32>,
    ) -> Self {
        let mut list: Vec<Grant> = Vec::with_capacity(subject.facts.rectangles.len());
        let mut by_statement: FxHashMap<String, Vec<u32>> = FxHashMap::default();
        for (index, rectangle) in subject.facts.rectangles.iter().enumerate() {
            let demand = rectangle.demand.as_ref().map(|demand| Demand {
                // one that the other version does not know meets none of its own
                protocol: protocol(demand.protocol).unwrap_or(u32::MAX),
                ..demand.clone()
            });
            let terms = Terms::of(subject, index);
            let terms = match list.last() {
                Some(last) if *last.terms == terms => last.terms.clone(),
                _ => Arc::new(terms),
            };
            let id = subject.statement(rectangle.statement).id.to_string();
            by_statement.entry(id).or_default().push(index as u32);
            list.push(Grant {
                sources: translate(&rectangle.sources),
                destinations: translate(&rectangle.destinations),
                ports: rectangle.ports.clone(),
                demand,
                terms,
                rectangle: index as u32,
            });
        }
        let by_destination = Index::new(principals, list.iter().map(|grant| &grant.destinations));
        let mut by_ends: FxHashMap<(PrincipalSet, PrincipalSet), Vec<u32>> = FxHashMap::default();
        for (index, grant) in list.iter().enumerate() {
            let ends = (grant.sources.clone(), grant.destinations.clone());
            by_ends.entry(ends).or_default().push(index as u32);
        }
        Self { list, by_destination, by_statement, by_ends }
    }

    /// Whether one of a statement's own permissions, or one between the same sets, is the same, or more.
    pub(crate) fn has_alike(&self, statement: &str, grant: &Grant) -> bool {
        let own = self.by_statement.get(statement).into_iter().flatten();
        let ends = (grant.sources.clone(), grant.destinations.clone());
        own.chain(self.by_ends.get(&ends).into_iter().flatten()).any(|index| {
            let other = &self.list[*index as usize];
            other.destinations.covers(&grant.destinations)
                && other.sources.covers(&grant.sources)
                && other.ports.covers(&grant.ports)
                && (other.demand.is_none() || other.demand == grant.demand)
                && grant.terms.within(&other.terms)
        })
    }

    /// Those that have something in common with one.
    pub(crate) fn near(&self, grant: &Grant) -> Vec<&Grant> {
        let near = self.by_destination.overlapping(&grant.destinations);
        near.into_iter()
            .map(|index| &self.list[index as usize])
            .filter(|other| {
                other.ports.overlaps(&grant.ports) && !other.sources.intersection(&grant.sources).is_empty()
            })
            .collect()
    }
}

/// For each protocol of the earlier model, the later one's of the same name and the same operations.
pub(super) fn same_protocols(earlier: &Model, later: &Model) -> Vec<Option<u32>> {
    let known: FxHashMap<&str, u32> =
        later.protocols.list.iter().enumerate().map(|(at, one)| (one.name.as_str(), at as u32)).collect();
    let shape = |protocol: &Protocol| format!("{:?}", protocol.operations);
    let same = |protocol: &Protocol| {
        let at = known.get(protocol.name.as_str()).copied()?;
        (shape(later.protocols.get(at)) == shape(protocol)).then_some(at)
    };
    earlier.protocols.list.iter().map(same).collect()
}

/// A part of a permission that others were not seen to hold.
#[derive(Clone, Debug)]
struct Open<'g> {
    sources: Ranges<u32>,
    ports: PortSet,
    /// Others that hold a part of its operations.
    partly: Vec<&'g Demand>,
}

/// The question took more steps than are reasonable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooMuch;

/// Steps that all comparisons together may take.
#[derive(Debug)]
pub(crate) struct Work(pub(crate) u64);

impl Work {
    fn step(&mut self, steps: u64) -> Result<(), TooMuch> {
        self.0 = self.0.checked_sub(steps).ok_or(TooMuch)?;
        Ok(())
    }
}

/// What of a permission others do not hold together: exact for who and by which ports, and whole operations beyond.
///
/// Destinations are cut where others begin and end; within such an interval the same ones are left to take away.
/// Cost: the intervals times those that meet there.
pub(crate) fn uncovered<'g>(
    protocols: &[Protocol],
    grant: &Grant,
    others: &[&'g Grant],
    work: &mut Work,
) -> Result<Vec<Grant>, TooMuch> {
    let mut events: Vec<(u32, bool, u32)> = Vec::new();
    for (index, other) in others.iter().enumerate() {
        for (first, last) in other.destinations.intersection(&grant.destinations).iter() {
            events.push((first, true, index as u32));
            events.push((last + 1, false, index as u32));
        }
    }
    events.sort_unstable();
    work.step(events.len() as u64)?;
    let mut active: std::collections::BTreeSet<u32> = std::collections::BTreeSet::new();
    let mut found: Vec<(Ranges<u32>, PortSet, Option<Demand>, Vec<(u32, u32)>)> = Vec::new();
    let mut add = |interval: (u32, u32), pieces: Vec<(Ranges<u32>, PortSet, Option<Demand>)>| {
        for (sources, ports, demand) in pieces {
            match found
                .iter_mut()
                .rev()
                .take(64)
                .find(|one| one.0 == sources && one.1 == ports && one.2 == demand)
            {
                Some(one) => one.3.push(interval),
                None => found.push((sources, ports, demand, vec![interval])),
            }
        }
    };
    let mut next = 0;
    for (first, last) in grant.destinations.iter() {
        let mut at = first;
        loop {
            while let Some((_, begins, index)) = events.get(next).filter(|event| event.0 <= at) {
                if *begins {
                    active.insert(*index);
                } else {
                    active.remove(index);
                }
                next += 1;
            }
            let end = events.get(next).map_or(last, |event| last.min(event.0 - 1));
            let here: Vec<&'g Grant> = active.iter().map(|index| others[*index as usize]).collect();
            add((at, end), left(protocols, grant, &here, work)?);
            if end >= last {
                break;
            }
            at = end + 1;
        }
    }
    let piece = |(sources, ports, demand, intervals)| Grant {
        sources: Arc::new(sources),
        destinations: Arc::new(Ranges::from_unsorted(intervals)),
        ports,
        demand,
        terms: grant.terms.clone(),
        rectangle: grant.rectangle,
    };
    Ok(found.into_iter().map(piece).collect())
}

/// What others leave of a permission at destinations that all of them have.
fn left(
    protocols: &[Protocol],
    grant: &Grant,
    others: &[&Grant],
    work: &mut Work,
) -> Result<Vec<(Ranges<u32>, PortSet, Option<Demand>)>, TooMuch> {
    let mut open =
        vec![Open { sources: (*grant.sources).clone(), ports: grant.ports.clone(), partly: Vec::new() }];
    for other in others {
        if open.is_empty() {
            break;
        }
        let mut next = Vec::with_capacity(open.len());
        for piece in open {
            let ranges = piece.sources.as_slice().len() + other.sources.as_slice().len();
            work.step(1 + ranges as u64 / 8)?;
            let sources = piece.sources.intersection(&other.sources);
            if sources.is_empty() || !piece.ports.overlaps(&other.ports) {
                next.push(piece);
                continue;
            }
            let outside = piece.sources.difference(&sources);
            if !outside.is_empty() {
                next.push(Open { sources: outside, ..piece.clone() });
            }
            let ports = piece.ports.difference(&other.ports);
            if !ports.is_empty() {
                next.push(Open { sources: sources.clone(), ports, partly: piece.partly.clone() });
            }
            let Some(demand) = &other.demand else { continue };
            let mut partly = piece.partly;
            partly.push(demand);
            if !demand_is_held(protocols, grant.demand.as_ref(), &partly) {
                next.push(Open { sources, ports: piece.ports.intersection(&other.ports), partly });
            }
        }
        open = next;
    }
    let rest = |open: Open<'_>| {
        let demand = rest_of_demand(protocols, grant.demand.as_ref(), &open.partly);
        (open.sources, open.ports, demand)
    };
    Ok(open.into_iter().map(rest).collect())
}

/// Whether some demands together let pass all that one does.
fn demand_is_held(protocols: &[Protocol], wanted: Option<&Demand>, held: &[&Demand]) -> bool {
    // a whole port is held by a whole port alone
    let Some(wanted) = wanted else { return false };
    let Some(protocol) = protocols.get(wanted.protocol as usize) else { return false };
    match &wanted.only {
        None => held.iter().any(|held| {
            held.protocol == wanted.protocol
                && held.only.is_none()
                && held.except.iter().all(|except| operations::cover(protocol, wanted.except.iter(), except))
        }),
        Some(only) => only.iter().all(|used| use_is_held(protocol, wanted, used, held)),
    }
}

fn use_is_held(protocol: &Protocol, wanted: &Demand, used: &OperationUse, held: &[&Demand]) -> bool {
    let mut parts: Vec<&OperationUse> = Vec::new();
    for held in held.iter().filter(|held| held.protocol == wanted.protocol) {
        let denies = held.except.iter().any(|except| {
            operations::overlap(protocol, except, used)
                && !operations::cover(protocol, wanted.except.iter(), except)
        });
        if denies {
            continue;
        }
        match &held.only {
            None => return true,
            Some(only) => parts.extend(only),
        }
    }
    operations::cover(protocol, parts.into_iter(), used)
}

/// The operations of a demand that others do not hold: ranges of one argument to the number.
fn rest_of_demand(protocols: &[Protocol], wanted: Option<&Demand>, held: &[&Demand]) -> Option<Demand> {
    let wanted = wanted?;
    let Some(protocol) = protocols.get(wanted.protocol as usize) else { return Some(wanted.clone()) };
    let open = |only: &Vec<OperationUse>| {
        let open = only.iter().filter(|used| !use_is_held(protocol, wanted, used, held));
        open.map(|used| rest_of_use(wanted, used, held)).collect()
    };
    Some(Demand { only: wanted.only.as_ref().map(open), ..wanted.clone() })
}

fn rest_of_use(wanted: &Demand, used: &OperationUse, held: &[&Demand]) -> OperationUse {
    // what denies take away is no part of what they hold; such a demand is left out whole
    let parts: Vec<&OperationUse> = held
        .iter()
        .filter(|held| held.protocol == wanted.protocol && held.except.is_empty())
        .flat_map(|held| held.only.iter().flatten())
        .filter(|part| part.operation == used.operation)
        .collect();
    let mut arguments = Vec::new();
    for argument in &used.arguments {
        let Some(range) = argument.range else {
            arguments.push(argument.clone());
            continue;
        };
        let same = parts.iter().flat_map(|part| &part.arguments).filter(|other| {
            other.argument == argument.argument
                && other.text.is_none()
                && (other.value.is_none() || other.value == argument.value)
        });
        let taken = Ranges::from_unsorted(same.filter_map(|other| other.range).collect());
        let left = Ranges::from_unsorted(vec![range]).difference(&taken);
        arguments.extend(left.iter().map(|range| ArgumentUse { range: Some(range), ..argument.clone() }));
    }
    if arguments.is_empty() {
        return used.clone(); // held in part by something that arguments do not show
    }
    OperationUse { operation: used.operation, arguments }
}
