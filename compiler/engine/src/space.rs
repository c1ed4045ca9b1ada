//! The question: rules over three axes, and the way to the answer.

use std::ops::ControlFlow;

use rustc_hash::FxHashMap;

use crate::{Range, classes::Classes, diagram, sweep};

/// A set on one axis, by its place in [`Axis`].
pub type SetId = u32;
/// A rule, by its place in [`Space`].
pub type RuleId = u32;

/// The sets of one axis, each once.
#[derive(Debug, Default)]
pub struct Axis {
    sets: Vec<Box<[Range]>>,
    known: FxHashMap<Box<[Range]>, SetId>,
}

impl Axis {
    /// The set of the numbers in some inclusive ranges, which may overlap and come in any order.
    pub fn set(&mut self, ranges: impl IntoIterator<Item = Range>) -> SetId {
        let mut sorted: Vec<Range> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        if !sorted.is_sorted() {
            sorted.sort_unstable();
        }
        let mut merged: Vec<Range> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match merged.last_mut() {
                Some((_, end)) if end.checked_add(1).is_none_or(|after| first <= after) => {
                    *end = (*end).max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        if let Some(id) = self.known.get(merged.as_slice()) {
            return *id;
        }
        let id = self.sets.len() as SetId;
        self.known.insert(merged.as_slice().into(), id);
        self.sets.push(merged.into());
        id
    }

    pub fn ranges(&self, set: SetId) -> &[Range] {
        &self.sets[set as usize]
    }

    fn contains(&self, set: SetId, number: u128) -> bool {
        let ranges = self.ranges(set);
        let after = ranges.partition_point(|(first, _)| *first <= number);
        after > 0 && number <= ranges[after - 1].1
    }

    pub(crate) fn sets(&self) -> &[Box<[Range]>] {
        &self.sets
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) sources: SetId,
    pub(crate) destinations: SetId,
    pub(crate) services: SetId,
    pub(crate) label: u32,
}

/// Rules over three axes.
#[derive(Debug, Default)]
pub struct Space {
    pub sources: Axis,
    pub destinations: Axis,
    pub services: Axis,
    pub(crate) rules: Vec<Rule>,
}

/// A part of the space where exactly the same labels meet.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'c> {
    /// A source of it; the sources of one class are alike in everything.
    pub source: u128,
    pub source_class: u32,
    pub destination: u128,
    pub destination_class: u32,
    /// A range of services that are alike here.
    pub services: Range,
    /// Ascending, each once; never empty.
    pub labels: &'c [u32],
}

/// How much work is reasonable, in steps of about ten nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Steps of the sweep.
    pub sweep: u64,
    /// Nodes and steps of the diagram.
    pub diagram: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { sweep: 400_000_000, diagram: 400_000_000 }
    }
}

/// Which algorithm answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Sweep,
    Diagram,
}

/// The question is larger than the budget: nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotDecided {
    /// Steps that it would have taken at least.
    pub work: u64,
}

impl Space {
    /// Adds a rectangle. An empty set on any axis makes it empty.
    pub fn rule(&mut self, sources: SetId, destinations: SetId, services: SetId, label: u32) -> RuleId {
        self.rules.push(Rule { sources, destinations, services, label });
        (self.rules.len() - 1) as RuleId
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules that hold one point, in their order.
    pub fn rules_at(
        &self,
        source: u128,
        destination: u128,
        service: u128,
    ) -> impl Iterator<Item = RuleId> + '_ {
        self.rules.iter().enumerate().filter_map(move |(id, rule)| {
            let holds = self.sources.contains(rule.sources, source)
                && self.destinations.contains(rule.destinations, destination)
                && self.services.contains(rule.services, service);
            holds.then_some(id as RuleId)
        })
    }

    /// Shows every combination of labels that occurs, at least once, until the visitor breaks off.
    ///
    /// By [`Method::Sweep`], every cell where something changes is shown, and so every place in which a combination
    /// occurs up to sources of the same class; by [`Method::Diagram`], each combination once. A visitor may see the
    /// cells of a sweep that gave up before it sees those of the diagram.
    pub fn visit(
        &self,
        budget: Budget,
        mut visitor: impl FnMut(Cell<'_>) -> ControlFlow<()>,
    ) -> Result<Method, NotDecided> {
        let sources = Classes::new(self.sources.sets(), budget.sweep)?;
        let destinations = Classes::new(self.destinations.sets(), budget.sweep)?;
        if sweep::run(self, &sources, &destinations, budget.sweep, &mut visitor).is_ok() {
            return Ok(Method::Sweep);
        }
        diagram::run(self, &sources, &destinations, budget.diagram, &mut visitor)?;
        Ok(Method::Diagram)
    }

    /// The same by the diagram alone: the second opinion of tests.
    pub fn visit_by_diagram(
        &self,
        budget: Budget,
        mut visitor: impl FnMut(Cell<'_>) -> ControlFlow<()>,
    ) -> Result<Method, NotDecided> {
        let sources = Classes::new(self.sources.sets(), budget.sweep)?;
        let destinations = Classes::new(self.destinations.sets(), budget.sweep)?;
        diagram::run(self, &sources, &destinations, budget.diagram, &mut visitor)?;
        Ok(Method::Diagram)
    }
}
