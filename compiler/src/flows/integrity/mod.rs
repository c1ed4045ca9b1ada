//! Integrity (Biba): no command rests on data that its sink does not trust.
//!
//! What a principal emits is worth the least of its own integrity and of all data that permitted flows bring it, raised
//! where it endorses. A command (`actuate`, `manage`) is worth what its source emits; a proxy on the way could put
//! in words of its own, so it is a source as well. A sink demands its own integrity of commands; of commands that
//! program an endorser, what it endorses to. What a device declares `safe` demands one level less, never less than
//! `field`: whoever trips a line by a spoofed value stops it, but nobody is hurt; and it needs a `limit`, since a trip
//! repeated for ever is no safe state any more.

mod data;
mod levels;
mod marks;
mod report;
mod stab;

use std::sync::Arc;

use rustc_hash::FxHashMap;

pub use data::Data;
use levels::Edge;
pub use levels::{Cause, Levels};
use marks::Marks;
pub use report::check;

use super::{Rectangle, Statement};
use crate::{
    model::{Integrity, Model, PrincipalSet},
    plan::Ranges,
};

/// A permitted command that must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Index into the rectangles.
    pub rectangle: u32,
    /// A source or proxy of it, and a destination, that break the rule.
    pub source: u32,
    pub sink: u32,
    pub kind: ViolationKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViolationKind {
    /// The source emits less than the sink demands.
    Untrusted { emits: Integrity, demands: Integrity },
    /// Only safe commands, and no limit.
    Unlimited,
}

/// What the principals emit, and which rectangles they must not be in.
#[derive(Debug, Default)]
pub struct IntegrityReport {
    pub levels: Levels,
    /// What each rectangle may do.
    pub data: Vec<Data>,
    /// At most one of each kind for each rectangle, in their order.
    pub violations: Vec<Violation>,
}

/// Follows all data of a package. `proxies` says for each rectangle through which principal its connections are led.
pub fn analyse(
    model: &Model,
    statements: &[Statement],
    rectangles: &[Rectangle],
    proxies: &[Option<u32>],
) -> IntegrityReport {
    let mut directions = data::Directions::new(model);
    let mut edges: Vec<Edge> = Vec::new();
    let mut alone: FxHashMap<u32, PrincipalSet> = FxHashMap::default();
    let mut all = Vec::with_capacity(rectangles.len());
    for (index, rectangle) in rectangles.iter().enumerate() {
        let data = directions.of(rectangle);
        let proxy = proxies.get(index).copied().flatten();
        let (clients, servers) = (&rectangle.sources, &rectangle.destinations);
        let ways = [(data.to_server, true, clients, servers), (data.to_client, false, servers, clients)];
        for (_, to_server, from, to) in ways.into_iter().filter(|(runs, ..)| *runs) {
            let proxy = proxy.map(|proxy| {
                let set = alone
                    .entry(proxy)
                    .or_insert_with(|| Arc::new(Ranges::from_unsorted(vec![(proxy, proxy)])));
                set.clone()
            });
            for givers in std::iter::once(from.clone()).chain(proxy) {
                edges.push(Edge { rectangle: index as u32, to_server, givers, takers: to.clone() });
            }
        }
        all.push(data);
    }
    let levels = Levels::new(model, &edges);
    let checker = Checker::new(model, levels);
    let mut violations = Vec::new();
    for (index, (rectangle, data)) in rectangles.iter().zip(&all).enumerate() {
        if !data.commands {
            continue;
        }
        let (index, proxy) = (index as u32, proxies.get(index).copied().flatten());
        violations.extend(checker.untrusted(index, rectangle, data.programs, proxy));
        if statements[rectangle.statement as usize].conditions.limit.is_none() {
            violations.extend(checker.unlimited(index, rectangle));
        }
    }
    IntegrityReport { levels: checker.levels, data: all, violations }
}

/// What a command demands of the data behind it. Whoever programs an endorser decides what it endorses.
pub(crate) fn demand(model: &Model, levels: &Levels, sink: u32, programs: bool) -> Integrity {
    let own = levels.trust[sink as usize].demand;
    match model.principal(sink).details.endorses {
        Some((_, to)) if programs => own.max(to),
        _ => own,
    }
}

/// What a safe command demands instead.
fn eased(demand: Integrity) -> Integrity {
    match demand {
        Integrity::Untrusted => Integrity::Untrusted,
        Integrity::Field | Integrity::Verified => Integrity::Field,
        Integrity::Safety => Integrity::Verified,
    }
}

struct Checker<'m> {
    model: &'m Model,
    levels: Levels,
    /// For each level but the best: who demands more, of commands and of those that program.
    demanding: [[Marks; 3]; 2],
    easing: Marks,
}

impl<'m> Checker<'m> {
    fn new(model: &'m Model, levels: Levels) -> Self {
        let weak = [Integrity::Untrusted, Integrity::Field, Integrity::Verified];
        let count = levels.emitted.len() as u32;
        let demanding = [false, true].map(|programs| {
            weak.map(|level| Marks::new((0..count).map(|id| demand(model, &levels, id, programs) > level)))
        });
        let easing = Marks::new(model.principals.iter().map(|principal| principal.details.safe.is_some()));
        Self { model, levels, demanding, easing }
    }

    /// The source of a rectangle that emits the least, by the fewest hops; its proxy counts as one.
    fn weakest(&self, rectangle: &Rectangle, proxy: Option<u32>) -> Option<u32> {
        let address = Arc::as_ptr(&rectangle.sources) as usize;
        let first = || rectangle.sources.members().next();
        let source = self.levels.weakest.get(&address).copied().or_else(first);
        source.into_iter().chain(proxy).min_by_key(|id| self.badness(*id))
    }

    fn badness(&self, id: u32) -> (Integrity, u32) {
        (self.levels.emitted[id as usize], self.levels.hops[id as usize])
    }

    fn untrusted(
        &self,
        index: u32,
        rectangle: &Rectangle,
        programs: bool,
        proxy: Option<u32>,
    ) -> Option<Violation> {
        let weakest = self.weakest(rectangle, proxy)?;
        let level = self.levels.emitted[weakest as usize];
        let demanding = self.demanding[usize::from(programs)].get(level as usize)?;
        let violates = |source: u32, sink: u32| {
            let emits = self.levels.emitted[source as usize];
            let mut demands = demand(self.model, &self.levels, sink, programs);
            if demands > emits && self.is_safe(rectangle, sink) {
                demands = eased(demands);
            }
            let kind = ViolationKind::Untrusted { emits, demands };
            (demands > emits).then_some(Violation { rectangle: index, source, sink, kind })
        };
        let mut sinks = demanding.of(&rectangle.destinations);
        let other = sinks.find_map(|sink| if sink == weakest { None } else { violates(weakest, sink) });
        // nobody commands himself: then the next of the sources counts
        other.or_else(|| {
            rectangle.destinations.contains(weakest).then_some(())?;
            let sources = rectangle.sources.members().chain(proxy).filter(|id| *id != weakest);
            violates(sources.min_by_key(|id| self.badness(*id))?, weakest)
        })
    }

    fn unlimited(&self, index: u32, rectangle: &Rectangle) -> Option<Violation> {
        rectangle.demand.as_ref()?;
        let (source, sink) = self.easing.of(&rectangle.destinations).find_map(|sink| {
            let source = rectangle.sources.members().find(|source| *source != sink)?;
            self.is_safe(rectangle, sink).then_some((source, sink))
        })?;
        Some(Violation { rectangle: index, source, sink, kind: ViolationKind::Unlimited })
    }

    fn is_safe(&self, rectangle: &Rectangle, sink: u32) -> bool {
        let safe = self.model.principal(sink).details.safe.as_ref();
        safe.is_some_and(|safe| data::is_safe(self.model, rectangle, safe))
    }
}
