//! What each principal emits: the least fixpoint, from the least trusted upwards. A level is final when its turn comes,
//! so that each principal is settled once, and each set is looked at when the first of its members is.

use std::{collections::VecDeque, sync::Arc};

use rustc_hash::FxHashMap;

use super::stab::Stab;
use crate::{
    model::{Integrity, Model, PrincipalSet, Trust},
    plan::Ranges,
};

/// Why a principal's data is worth less than its own: what flowed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Index into the rectangles.
    pub rectangle: u32,
    /// From client to server; else it came with answers.
    pub to_server: bool,
    pub giver: u32,
}

/// Data runs from every giver to every taker.
pub(super) struct Edge {
    pub(super) rectangle: u32,
    pub(super) to_server: bool,
    pub(super) givers: PrincipalSet,
    pub(super) takers: PrincipalSet,
}

/// What the principals of a package are worth.
#[derive(Debug, Default)]
pub struct Levels {
    pub(super) trust: Vec<Trust>,
    /// The least of a principal's own integrity and all that flows in.
    pub(super) least: Vec<Integrity>,
    pub(super) causes: Vec<Option<Cause>>,
    /// Hops that its data came, from whoever it was that bad of its own.
    pub(super) hops: Vec<u32>,
    /// For each set of givers, by address: the member that emits the least, by the fewest hops.
    pub(super) weakest: FxHashMap<usize, u32>,
    /// What it emits: `least`, or what it endorses that to.
    pub emitted: Vec<Integrity>,
}

impl Levels {
    pub(super) fn new(model: &Model, edges: &[Edge]) -> Self {
        let trust: Vec<Trust> = model.principals.iter().map(|principal| model.trust(principal)).collect();
        let count = trust.len();
        let least: Vec<Integrity> = trust.iter().map(|trust| trust.own).collect();
        let levels = Self {
            trust,
            least,
            causes: vec![None; count],
            hops: vec![0; count],
            weakest: FxHashMap::default(),
            emitted: vec![Integrity::Safety; count],
        };
        Fixpoint::new(model, edges, levels).run()
    }
}

/// What a principal makes of data of a level.
fn endorsed(model: &Model, principal: u32, level: Integrity) -> Integrity {
    match model.principal(principal).details.endorses {
        Some((from, to)) if from <= level && level < to => to,
        _ => level,
    }
}

/// A set of principals with the edges out of it.
struct Givers {
    address: usize,
    edges: Vec<u32>,
    done: bool,
}

struct Fixpoint<'m> {
    model: &'m Model,
    edges: &'m [Edge],
    levels: Levels,
    givers: Vec<Givers>,
    holding: Stab,
    /// For each principal, one at or behind it that is worth more than the present level.
    above: Vec<u32>,
    /// Sets of takers, by address, that the present level has been through.
    swept: FxHashMap<usize, Integrity>,
}

impl<'m> Fixpoint<'m> {
    fn new(model: &'m Model, edges: &'m [Edge], levels: Levels) -> Self {
        let mut holding = Stab::new(levels.trust.len());
        let mut givers: Vec<Givers> = Vec::new();
        let mut known: FxHashMap<*const Ranges<u32>, u32> = FxHashMap::default();
        for (index, edge) in edges.iter().enumerate() {
            let set = *known.entry(Arc::as_ptr(&edge.givers)).or_insert_with(|| {
                let set = givers.len() as u32;
                holding.insert(set, &edge.givers);
                let address = Arc::as_ptr(&edge.givers) as usize;
                givers.push(Givers { address, edges: Vec::new(), done: false });
                set
            });
            givers[set as usize].edges.push(index as u32);
        }
        Self { model, edges, levels, givers, holding, above: Vec::new(), swept: FxHashMap::default() }
    }

    fn run(mut self) -> Levels {
        let count = self.levels.trust.len() as u32;
        let mut settled = vec![false; count as usize];
        let mut found = Vec::new();
        // what is as good as `safety` lowers nobody
        for level in [Integrity::Untrusted, Integrity::Field, Integrity::Verified] {
            self.start(level);
            let mut queue: VecDeque<u32> = VecDeque::new();
            for id in 0..count {
                let emits = endorsed(self.model, id, self.levels.least[id as usize]);
                if emits == level && !std::mem::replace(&mut settled[id as usize], true) {
                    self.levels.emitted[id as usize] = level;
                    queue.push_back(id);
                }
            }
            while let Some(giver) = queue.pop_front() {
                found.clear();
                self.holding.take(giver, &mut found);
                for set in &found {
                    if std::mem::replace(&mut self.givers[*set as usize].done, true) {
                        continue;
                    }
                    self.levels.weakest.insert(self.givers[*set as usize].address, giver);
                    for edge in std::mem::take(&mut self.givers[*set as usize].edges) {
                        let edge = &self.edges[edge as usize];
                        self.lower(edge, giver, level, |id, emits| {
                            if emits == level && !std::mem::replace(&mut settled[id as usize], true) {
                                queue.push_back(id);
                            }
                        });
                    }
                }
            }
        }
        self.levels
    }

    fn start(&mut self, level: Integrity) {
        let count = self.levels.least.len() as u32;
        self.above = (0..=count).collect();
        for id in 0..count {
            if self.levels.least[id as usize] <= level {
                self.above[id as usize] = id + 1;
            }
        }
    }

    /// Lowers all takers of an edge that are worth more than the level.
    fn lower(&mut self, edge: &Edge, giver: u32, level: Integrity, mut lowered: impl FnMut(u32, Integrity)) {
        let address = Arc::as_ptr(&edge.takers) as usize;
        if self.swept.insert(address, level) == Some(level) {
            return;
        }
        for (first, last) in edge.takers.iter() {
            let mut id = self.next_above(first);
            while id <= last {
                self.above[id as usize] = id + 1;
                self.levels.least[id as usize] = level;
                self.levels.causes[id as usize] =
                    Some(Cause { rectangle: edge.rectangle, to_server: edge.to_server, giver });
                let emits = endorsed(self.model, id, level);
                // what an endorser emits is its own word
                let hops = self.levels.hops[giver as usize] + 1;
                self.levels.hops[id as usize] = if emits == level { hops } else { 0 };
                self.levels.emitted[id as usize] = emits;
                lowered(id, emits);
                id = self.next_above(id);
            }
        }
    }

    fn next_above(&mut self, from: u32) -> u32 {
        let mut end = from;
        while self.above[end as usize] != end {
            end = self.above[end as usize];
        }
        let mut at = from;
        while self.above[at as usize] != end && at != end {
            at = std::mem::replace(&mut self.above[at as usize], end);
        }
        end
    }
}
