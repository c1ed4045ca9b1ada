//! Breadth first over principals and steps, so that the first chain found is a shortest one. The same search walks the
//! residual network of a flow, for minimum cuts.

use std::sync::Arc;

use super::{By, Common, Hop, Reach, common, cut::Flow};
use crate::{
    flows::{
        Rectangle, operations,
        relation::{Covered, covered},
    },
    model::{Model, PrincipalSet, Service},
    plan::Ranges,
};

/// Where a chain is to end.
pub struct Goal<'g> {
    to: &'g PrincipalSet,
    /// What the last step has to carry. A step that no statement permits carries everything.
    service: Option<Vec<Covered>>,
}

impl<'g> Goal<'g> {
    pub fn new(model: &Model, to: &'g PrincipalSet, services: Option<&[Service]>) -> Self {
        Self { to, service: services.map(|services| covered(model, services, to)) }
    }

    /// The part of its service that a rectangle carries to a principal.
    pub(in crate::flows) fn part(&self, model: &Model, rectangle: &Rectangle, to: u32) -> Option<&Covered> {
        let mut parts = self.service.iter().flatten();
        parts.find(|part| part.destinations.contains(to) && may_carry(model, rectangle, part))
    }

    pub(super) fn has_service(&self) -> bool {
        self.service.is_some()
    }

    /// Where a step ends at the goal, other than at `avoid`, and by which rectangle.
    fn hit(&self, reach: &Reach<'_>, step: u32, avoid: Option<u32>) -> (Common, Option<u32>) {
        let mut best = (Common::Nothing, None);
        for target in &reach.steps[step as usize].targets {
            let rectangle = target.rectangle.map(|index| reach.rectangle(index));
            let found = match (&self.service, rectangle) {
                (Some(parts), Some(rectangle)) => parts
                    .iter()
                    .map(|part| (common(&target.reached, &part.destinations, avoid), part))
                    .filter(|(found, part)| {
                        *found != Common::Nothing && may_carry(reach.model, rectangle, part)
                    })
                    .map(|(found, _)| found)
                    .max_by_key(|found| rank(*found))
                    .unwrap_or(Common::Nothing),
                _ => common(&target.reached, self.to, avoid),
            };
            if rank(found) > rank(best.0) {
                best = (found, target.rectangle);
            }
            if matches!(found, Common::Member(_)) {
                break;
            }
        }
        best
    }
}

fn rank(common: Common) -> u8 {
    match common {
        Common::Nothing => 0,
        Common::OnlyAvoided => 1,
        Common::Member(_) => 2,
    }
}

/// Whether a rectangle permits something of a part, at whatever destination.
pub(in crate::flows) fn may_carry(model: &Model, rectangle: &Rectangle, part: &Covered) -> bool {
    let Some(demand) = &rectangle.demand else { return rectangle.ports.overlaps(&part.ports) };
    let Some((protocol, operation)) = &part.operation else {
        return rectangle.ports.overlaps(&part.ports);
    };
    rectangle.ports.overlaps(&part.ports)
        && (demand.protocol != *protocol
            || operations::permitted(model.protocols.get(*protocol), demand, operation).is_some())
}

/// The destinations at which a rectangle permits something of some parts.
pub(super) fn met(
    model: &Model,
    rectangle: &Rectangle,
    parts: &[Covered],
    destinations: &PrincipalSet,
) -> Ranges<u32> {
    let mut all = Vec::new();
    for part in parts.iter().filter(|part| may_carry(model, rectangle, part)) {
        all.extend(destinations.intersection(&part.destinations).iter());
    }
    Ranges::from_unsorted(all)
}

/// How a node of the search was met first. Nodes are principals, and for each step the side where it is entered and the
/// side where it is left, in three blocks of numbers.
type Node = u32;
const UNSEEN: Node = u32::MAX;
const START: Node = u32::MAX - 1;

pub(super) struct Search<'s, 'r> {
    pub(super) reach: &'s Reach<'r>,
    flow: Option<&'s Flow>,
    /// Statements and steps that may not be used.
    closed: Option<&'s dyn Fn(By) -> bool>,
    before: Vec<Node>,
    queue: Vec<Node>,
    /// For each principal the first one, from it on, that is not reached.
    next: Vec<u32>,
}

/// Whom a search reached, and how.
#[derive(Debug)]
pub struct Reached<'s> {
    reach: &'s Reach<'s>,
    before: Vec<Node>,
    found: Option<Found>,
}

#[derive(Clone, Copy, Debug)]
struct Found {
    step: u32,
    source: Option<u32>,
    destination: u32,
    rectangle: Option<u32>,
}

/// One move in a network with residual arcs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Enter { step: u32, from: u32 },
    Through { step: u32 },
    Leave { step: u32, to: u32 },
    UndoEnter { step: u32, from: u32 },
    UndoThrough { step: u32 },
    UndoLeave { step: u32, to: u32 },
}

impl<'s, 'r> Search<'s, 'r> {
    pub(super) fn new(reach: &'s Reach<'r>, flow: Option<&'s Flow>) -> Self {
        let principals = reach.model.principals.len() as u32;
        Self {
            reach,
            flow,
            closed: None,
            before: vec![UNSEEN; reach.model.principals.len() + 2 * reach.steps.len()],
            queue: Vec::new(),
            next: (0..=principals).collect(),
        }
    }

    /// Leaves out what is closed.
    pub(super) fn without(mut self, closed: &'s dyn Fn(By) -> bool) -> Self {
        self.closed = Some(closed);
        self
    }

    fn entry(&self, step: u32) -> Node {
        self.reach.model.principals.len() as u32 + step
    }

    fn exit(&self, step: u32) -> Node {
        self.entry(step) + self.reach.steps.len() as u32
    }

    fn unreached(&mut self, from: u32) -> u32 {
        let mut at = from;
        while self.next[at as usize] != at {
            self.next[at as usize] = self.next[self.next[at as usize] as usize];
            at = self.next[at as usize];
        }
        at
    }

    fn meet(&mut self, node: Node, before: Node) {
        if self.before[node as usize] != UNSEEN {
            return;
        }
        self.before[node as usize] = before;
        self.queue.push(node);
        if (node as usize) < self.reach.model.principals.len() {
            self.next[node as usize] = node + 1;
        }
    }

    fn meet_all(&mut self, set: &Ranges<u32>, before: Node) {
        for (first, last) in set.iter() {
            let mut id = self.unreached(first);
            while id <= last {
                self.meet(id, before);
                id = self.unreached(id);
            }
        }
    }

    /// Searches from a set until the goal is met, or all that can be is reached.
    pub(super) fn run(mut self, from: &Ranges<u32>, goal: Option<&Goal<'_>>) -> Reached<'s>
    where
        'r: 's,
    {
        let (reach, flow) = (self.reach, self.flow);
        let principals = reach.model.principals.len() as u32;
        let steps = reach.steps.len() as u32;
        // with a service, a step may have the goal as its first source and end there: it then waits for a second one
        let visits = if goal.is_some_and(Goal::has_service) { 2 } else { 1 };
        let mut at_node = vec![0u8; reach.index.nodes()];
        let mut of_set = vec![0u8; reach.index.sets()];
        let patient = if visits == 2 { reach.steps.len() } else { 0 };
        let mut waiting: Vec<Option<(u32, Option<u32>)>> = vec![None; patient];
        let mut second: Vec<Option<u32>> = vec![None; patient];
        let mut found = None;
        self.meet_all(from, START);
        let mut place = 0;
        'search: while let Some(node) = self.queue.get(place).copied() {
            place += 1;
            if node < principals {
                for over in reach.index.over(node) {
                    if at_node[over] == visits {
                        break; // and so are the nodes above
                    }
                    at_node[over] += 1;
                    for set in reach.index.sets_at(over) {
                        let fired = &mut of_set[*set as usize];
                        if *fired == visits {
                            continue;
                        }
                        *fired += 1;
                        for step in reach.index.items(*set) {
                            if *fired == 1 {
                                self.meet(self.entry(*step), node);
                                continue;
                            }
                            second[*step as usize] = Some(node);
                            if let Some((destination, rectangle)) = waiting[*step as usize] {
                                let source = Some(node);
                                found = Some(Found { step: *step, source, destination, rectangle });
                                break 'search;
                            }
                        }
                    }
                }
                for step in flow.into_iter().flat_map(|flow| flow.into(node)) {
                    self.meet(self.exit(step), node);
                }
            } else if node < principals + steps {
                let step = node - principals;
                if self.closed.is_some_and(|closed| closed(reach.steps[step as usize].by)) {
                    continue;
                }
                if flow.is_none_or(|flow| flow.is_free(reach, step)) {
                    self.meet(self.exit(step), node);
                }
                for source in flow.into_iter().flat_map(|flow| flow.out_of(step)) {
                    self.meet(source, node);
                }
            } else {
                let step = node - principals - steps;
                if let Some(goal) = goal {
                    let source = self.source_of(step);
                    match goal.hit(reach, step, source) {
                        (Common::Member(destination), rectangle) => {
                            found = Some(Found { step, source: None, destination, rectangle });
                            break;
                        }
                        (Common::OnlyAvoided, rectangle) if visits == 2 => {
                            let end = source.map(|source| (source, rectangle));
                            if let (Some((destination, rectangle)), source @ Some(_)) =
                                (end, second[step as usize])
                            {
                                found = Some(Found { step, source, destination, rectangle });
                                break;
                            }
                            waiting[step as usize] = end;
                        }
                        _ => {}
                    }
                }
                for target in &reach.steps[step as usize].targets {
                    self.meet_all(&target.pivots, node);
                }
                if flow.is_some_and(|flow| flow.is_used(step)) {
                    self.meet(self.entry(step), node);
                }
            }
        }
        Reached { reach, before: self.before, found }
    }

    /// The principal that entered a step which was then left.
    fn source_of(&self, step: u32) -> Option<u32> {
        let entry = self.entry(step);
        let entered = self.before[self.exit(step) as usize] == entry;
        let source = self.before[entry as usize];
        (entered && source < self.reach.model.principals.len() as u32).then_some(source)
    }
}

impl Reached<'_> {
    pub fn is_met(&self) -> bool {
        self.found.is_some()
    }

    pub fn contains(&self, id: u32) -> bool {
        self.before[id as usize] != UNSEEN
    }

    /// Everybody who is reached, the start included.
    pub fn members(&self) -> PrincipalSet {
        let all = 0..self.reach.model.principals.len() as u32;
        Arc::new(all.filter(|id| self.contains(*id)).collect())
    }

    /// Whether a step was entered and not left: it is full.
    pub(super) fn is_full(&self, step: u32) -> bool {
        let entry = self.reach.model.principals.len() + step as usize;
        self.before[entry] != UNSEEN && self.before[entry + self.reach.steps.len()] == UNSEEN
    }

    /// A shortest chain from the start to somebody who is reached; empty for who started.
    pub fn chain_to(&self, id: u32) -> Option<Vec<Hop>> {
        if !self.contains(id) {
            return None;
        }
        let mut hops = Vec::new();
        let mut at = id;
        while self.before[at as usize] != START {
            let Move::Leave { step, .. } = self.arc(at) else { return None };
            let Move::Enter { from, .. } = self.arc(self.entry(step)) else { return None };
            let target = |target: &&super::Target| target.pivots.contains(at);
            let by = &self.reach.steps[step as usize];
            let rectangle = by.targets.iter().find(target).and_then(|target| target.rectangle);
            hops.push(Hop { source: from, destination: at, by: by.by, rectangle });
            at = from;
        }
        hops.reverse();
        Some(hops)
    }

    pub(super) fn into_chain(self) -> Option<Vec<Hop>> {
        let found = self.found?;
        let source = match (found.source, self.arc(self.entry(found.step))) {
            (Some(source), _) => source,
            (None, Move::Enter { from, .. }) => from,
            _ => return None,
        };
        let mut hops = self.chain_to(source)?;
        let by = self.reach.steps[found.step as usize].by;
        hops.push(Hop { source, destination: found.destination, by, rectangle: found.rectangle });
        Some(hops)
    }

    /// The moves of the way that was found, last first.
    pub(super) fn moves(&self) -> Option<Vec<Move>> {
        let found = self.found?;
        let mut moves = Vec::new();
        let mut at = match found.source {
            None => self.exit(found.step),
            Some(from) => {
                moves.push(Move::Through { step: found.step });
                moves.push(Move::Enter { step: found.step, from });
                from
            }
        };
        while self.before[at as usize] != START {
            moves.push(self.arc(at));
            at = self.before[at as usize];
        }
        Some(moves)
    }

    /// The move by which a node was met.
    fn arc(&self, node: Node) -> Move {
        let principals = self.reach.model.principals.len() as u32;
        let steps = self.reach.steps.len() as u32;
        let before = self.before[node as usize];
        let entry_of = |node: Node| node - principals;
        let exit_of = |node: Node| node - principals - steps;
        let is_exit = |node: Node| node >= principals + steps;
        if node < principals {
            if is_exit(before) {
                Move::Leave { step: exit_of(before), to: node }
            } else {
                Move::UndoEnter { step: entry_of(before), from: node }
            }
        } else if is_exit(node) {
            if before < principals {
                Move::UndoLeave { step: exit_of(node), to: before }
            } else {
                Move::Through { step: exit_of(node) }
            }
        } else if before < principals {
            Move::Enter { step: entry_of(node), from: before }
        } else {
            Move::UndoThrough { step: entry_of(node) }
        }
    }

    fn entry(&self, step: u32) -> Node {
        self.reach.model.principals.len() as u32 + step
    }

    fn exit(&self, step: u32) -> Node {
        self.entry(step) + self.reach.steps.len() as u32
    }
}
