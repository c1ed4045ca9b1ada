//! Who reaches whom, over any number of steps: permitted flows, and what nothing separates.
//!
//! An intruder on a principal goes on by every flow that the principal may start, to whatever stands on its segments
//! without an enforcement point in between, and, from a gateway, to all that stands around it. That is more than a real
//! intruder can do, and never less, under what the book's page on assertions lists: addresses are not forged, a server
//! does not break into its clients, pods are held apart by their cluster.
//!
//! Everything is sets: a step has a set of sources and a set of destinations, and fires once, when the first source is
//! reached. A search costs the ranges of the sets it meets and the principals it reaches.

mod cut;
mod index;
mod search;
mod steps;

use rustc_hash::FxHashMap;

pub use cut::Cut;
pub use index::Index;
pub(crate) use index::{Common, common, within};
pub(super) use search::may_carry;
pub use search::{Goal, Reached};
pub use steps::By;

use super::{Rectangle, relation::covered};
use crate::{
    model::{GatewayId, Model, PrincipalSet, SegmentId, Service},
    plan::Ranges,
};
use steps::{Step, Target};

/// What an intruder may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assumptions<'s> {
    /// The services that take him onto the principal that serves them; all, where it is `None`.
    pub pivots: Option<&'s [Service]>,
    /// Whether whoever is on a gateway has all that stands around it before him.
    pub through_gateways: bool,
}

impl Default for Assumptions<'_> {
    fn default() -> Self {
        Self { pivots: None, through_gateways: true }
    }
}

/// One step of a chain, between two principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    pub source: u32,
    pub destination: u32,
    pub by: By,
    /// Of a flow: index into the rectangles that the search was made of.
    pub rectangle: Option<u32>,
}

/// All steps of a package under some assumptions, indexed by source. Made once for many questions.
#[derive(Debug)]
pub struct Reach<'r> {
    model: &'r Model,
    rectangles: Vec<&'r Rectangle>,
    steps: Vec<Step>,
    index: Index,
}

impl<'r> Reach<'r> {
    /// The rectangles are the permitted ones, and those of the connections that proxies start for them.
    pub fn new(model: &'r Model, rectangles: &[&'r Rectangle], assumptions: Assumptions<'_>) -> Self {
        let everybody: PrincipalSet = Ranges::from_unsorted(match model.principals.len() as u32 {
            0 => Vec::new(),
            count => vec![(0, count - 1)],
        })
        .into();
        let pivots = assumptions.pivots.map(|services| covered(model, services, &everybody));
        let mut steps: Vec<Step> = Vec::new();
        let mut known: FxHashMap<(u32, usize), usize> = FxHashMap::default();
        for (index, rectangle) in rectangles.iter().enumerate() {
            let key = (rectangle.statement, std::sync::Arc::as_ptr(&rectangle.sources) as usize);
            let step = *known.entry(key).or_insert_with(|| {
                steps.push(Step {
                    by: By::Flow(rectangle.statement),
                    sources: rectangle.sources.clone(),
                    targets: Vec::new(),
                });
                steps.len() - 1
            });
            let target = match &pivots {
                None => rectangle.destinations.clone(),
                Some(parts) => search::met(model, rectangle, parts, &rectangle.destinations).into(),
            };
            steps[step].targets.push(Target {
                rectangle: Some(index as u32),
                reached: rectangle.destinations.clone(),
                pivots: target,
            });
        }
        steps.extend(steps::unseparated(model, assumptions.through_gateways));
        Self::of(model, rectangles.to_vec(), steps)
    }

    fn of(model: &'r Model, rectangles: Vec<&'r Rectangle>, steps: Vec<Step>) -> Self {
        let index = Index::new(model.principals.len(), steps.iter().map(|step| &step.sources));
        Self { model, rectangles, steps, index }
    }

    /// The same steps, walked from their destinations: whom it reaches are those who reach a set.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let mut steps = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            for target in step.targets.iter().filter(|target| !target.pivots.is_empty()) {
                steps.push(Step {
                    by: step.by,
                    sources: target.pivots.clone(),
                    targets: vec![Target {
                        rectangle: target.rectangle,
                        reached: step.sources.clone(),
                        pivots: step.sources.clone(),
                    }],
                });
            }
        }
        Self::of(self.model, self.rectangles.clone(), steps)
    }

    /// All that an intruder gets onto who starts with a set (its blast radius, with the set itself).
    pub fn reached_from(&self, from: &Ranges<u32>) -> Reached<'_> {
        search::Search::new(self, None).run(from, None)
    }

    /// A shortest chain from a set to a goal.
    pub fn chain(&self, from: &Ranges<u32>, goal: &Goal<'_>) -> Option<Vec<Hop>> {
        search::Search::new(self, None).run(from, Some(goal)).into_chain()
    }

    /// The fewest flows without which no chain from a set to a goal is left.
    pub fn cut(&self, from: &Ranges<u32>, goal: &Goal<'_>) -> Cut {
        cut::cut(self, from, goal)
    }

    pub fn rectangle(&self, index: u32) -> &'r Rectangle {
        self.rectangles[index as usize]
    }

    /// Whether some step leads from a member of a set to somebody else. A step from a gateway does if the gateway can be
    /// reached itself.
    pub(super) fn leads_out(&self, of: &Ranges<u32>) -> bool {
        let steps = self.index.overlapping(of);
        steps.iter().map(|step| &self.steps[*step as usize]).any(|step| {
            !matches!(step.by, By::Gateway(_))
                && step.targets.iter().any(|target| !within(&target.reached, of))
        })
    }

    /// Whether some step leads to a member of a set from somebody else.
    pub(super) fn leads_into(&self, to: &Ranges<u32>) -> bool {
        self.steps.iter().any(|step| {
            step.targets.iter().any(|target| common(&target.reached, to, None) != Common::Nothing)
                && !within(&step.sources, to)
                && (!matches!(step.by, By::Gateway(_)) || self.is_reached_by_flow(&step.sources))
        })
    }

    fn is_reached_by_flow(&self, set: &Ranges<u32>) -> bool {
        let mut flows = self.steps.iter().filter(|step| matches!(step.by, By::Flow(_)));
        flows.any(|step| {
            step.targets.iter().any(|target| common(&target.pivots, set, None) != Common::Nothing)
        })
    }
}

/// The segment on which both ends of a hop stand, if it is one that does not separate them.
pub(super) fn common_segment(model: &Model, hop: &Hop) -> Option<SegmentId> {
    let on = |id: u32| model.principal(id).attachments.iter().map(|attachment| attachment.segment);
    on(hop.source).find(|segment| on(hop.destination).any(|other| other == *segment))
}

/// A gateway that forwards without a filter, beside one end of a hop.
pub(super) fn unfiltered_gateway(model: &Model, hop: &Hop) -> Option<GatewayId> {
    let beside = |id: u32| {
        let segments = model.principal(id).attachments.iter().map(|attachment| attachment.segment);
        let segments: Vec<SegmentId> = segments.collect();
        model.gateways.iter().position(|gateway| {
            steps::joins(gateway)
                && gateway.interfaces.iter().any(|interface| segments.contains(&interface.segment))
        })
    };
    beside(hop.destination).or_else(|| beside(hop.source)).map(|index| GatewayId(index as u32))
}
