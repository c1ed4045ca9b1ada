//! The fewest statements without which no chain is left: a maximum flow, each statement of capacity one, steps that no
//! statement permits without bound. Flows are augmented by the search itself, so that no network is written down; what
//! flows is a few paths.

use rustc_hash::FxHashMap;

use super::{
    By, Goal, Hop, Reach,
    search::{Move, Search},
};
use crate::plan::Ranges;

/// What ends all chains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The removal of these statements, ascending. `fewest`: no smaller number does it.
    Statements { statements: Vec<u32>, fewest: bool },
    /// More than so many statements would have to go.
    Many(usize),
    /// Nothing: this chain needs no flow.
    Unseparated(Vec<Hop>),
}

/// So many statements are looked for, and no more: whoever reads the cut has to judge each of them.
const MOST: usize = 12;

/// What flows through steps.
#[derive(Debug, Default)]
pub(super) struct Flow {
    through: FxHashMap<u32, u32>,
    /// By step: from whom, and how much.
    entering: FxHashMap<u32, Vec<(u32, u32)>>,
    /// By principal: from which step, and how much.
    leaving: FxHashMap<u32, Vec<(u32, u32)>>,
}

impl Flow {
    pub(super) fn is_free(&self, reach: &Reach<'_>, step: u32) -> bool {
        !matches!(reach.steps[step as usize].by, By::Flow(_)) || !self.is_used(step)
    }

    pub(super) fn is_used(&self, step: u32) -> bool {
        self.through.get(&step).is_some_and(|amount| *amount > 0)
    }

    /// The steps from which something flows into a principal.
    pub(super) fn into(&self, principal: u32) -> impl Iterator<Item = u32> + '_ {
        self.leaving.get(&principal).into_iter().flatten().map(|(step, _)| *step)
    }

    /// The principals from which something flows into a step.
    pub(super) fn out_of(&self, step: u32) -> impl Iterator<Item = u32> + '_ {
        self.entering.get(&step).into_iter().flatten().map(|(from, _)| *from)
    }

    fn add(&mut self, moves: &[Move]) {
        fn more(list: &mut Vec<(u32, u32)>, key: u32) {
            match list.iter_mut().find(|(known, _)| *known == key) {
                Some((_, amount)) => *amount += 1,
                None => list.push((key, 1)),
            }
        }
        fn less(list: &mut Vec<(u32, u32)>, key: u32) {
            if let Some((_, amount)) = list.iter_mut().find(|(known, _)| *known == key) {
                *amount -= 1;
            }
            list.retain(|(_, amount)| *amount > 0);
        }
        for way in moves {
            match *way {
                Move::Enter { step, from } => more(self.entering.entry(step).or_default(), from),
                Move::Leave { step, to } => more(self.leaving.entry(to).or_default(), step),
                Move::Through { step } => *self.through.entry(step).or_default() += 1,
                Move::UndoEnter { step, from } => less(self.entering.entry(step).or_default(), from),
                Move::UndoLeave { step, to } => less(self.leaving.entry(to).or_default(), step),
                Move::UndoThrough { step } => {
                    let amount = self.through.entry(step).or_default();
                    *amount = amount.saturating_sub(1);
                }
            }
        }
    }
}

pub(super) fn cut(reach: &Reach<'_>, from: &Ranges<u32>, goal: &Goal<'_>) -> Cut {
    let is_flow = |by: By| matches!(by, By::Flow(_));
    let unseparated = Search::new(reach, None).without(&is_flow).run(from, Some(goal));
    if let Some(chain) = unseparated.into_chain() {
        return Cut::Unseparated(chain);
    }
    let mut flow = Flow::default();
    let mut paths = 0;
    let full: Vec<u32> = loop {
        let reached = Search::new(reach, Some(&flow)).run(from, Some(goal));
        let Some(moves) = reached.moves() else {
            break (0..reach.steps.len() as u32).filter(|step| reached.is_full(*step)).collect();
        };
        flow.add(&moves);
        paths += 1;
        if paths > MOST {
            return Cut::Many(MOST);
        }
    };
    let statement = |step: u32| match reach.steps[step as usize].by {
        By::Flow(statement) => Some(statement),
        _ => None,
    };
    let mut statements: Vec<u32> = full.into_iter().filter_map(statement).collect();
    statements.sort_unstable();
    statements.dedup();
    // A statement that a deny has cut into pieces counts once for each in the flow: only if none does, the flow is a bound.
    // With a service, what is undone in a flow may lead from a principal to itself, which no chain does.
    let mut carrying: Vec<u32> = flow
        .through
        .iter()
        .filter(|(_, amount)| **amount > 0)
        .filter_map(|(step, _)| statement(*step))
        .collect();
    let pieces = carrying.len();
    carrying.sort_unstable();
    carrying.dedup();
    let is_bound = pieces == carrying.len() && !goal.has_service();
    if !is_bound {
        spare(reach, from, goal, &mut statements);
    }
    let fewest = is_bound || statements.len() == 1;
    Cut::Statements { statements, fewest }
}

/// Drops statements that the others make superfluous.
fn spare(reach: &Reach<'_>, from: &Ranges<u32>, goal: &Goal<'_>, statements: &mut Vec<u32>) {
    for statement in statements.clone() {
        let left: Vec<u32> = statements.iter().copied().filter(|other| *other != statement).collect();
        let closed = |by: By| matches!(by, By::Flow(other) if left.binary_search(&other).is_ok());
        if !Search::new(reach, None).without(&closed).run(from, Some(goal)).is_met() {
            *statements = left;
        }
    }
}
