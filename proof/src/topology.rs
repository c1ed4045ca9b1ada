//! Ways through the plant, found anew: by distances to the destination, one step at a time.

use std::{collections::VecDeque, sync::Arc};

use rustc_hash::FxHashMap;
use weir_compiler::model::{GatewayId, Model, SegmentId};

/// A gateway on a shortest way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Step {
    pub(crate) gateway: GatewayId,
    pub(crate) from: SegmentId,
    pub(crate) to: SegmentId,
}

/// Shortest ways, each pair of segments looked at once.
pub(crate) struct Topology<'m> {
    model: &'m Model,
    /// For each segment, the gateways that pass packets on from it.
    at: Vec<Vec<GatewayId>>,
    distances: FxHashMap<SegmentId, Arc<[u32]>>,
    ways: FxHashMap<(SegmentId, SegmentId), Arc<[Step]>>,
}

/// No way leads there.
pub(crate) const NEVER: u32 = u32::MAX;

impl<'m> Topology<'m> {
    pub(crate) fn new(model: &'m Model) -> Self {
        let mut at = vec![Vec::new(); model.segments.len()];
        for (index, gateway) in model.gateways.iter().enumerate() {
            // What ends connections starts them anew on its own account, and passes no packet on.
            if gateway.terminates() && !gateway.filters() {
                continue;
            }
            for interface in &gateway.interfaces {
                let here: &mut Vec<GatewayId> = &mut at[interface.segment.index()];
                if here.last() != Some(&GatewayId(index as u32)) {
                    here.push(GatewayId(index as u32));
                }
            }
        }
        Self { model, at, distances: FxHashMap::default(), ways: FxHashMap::default() }
    }

    /// Gateways between every segment and one of them.
    pub(crate) fn distances(&mut self, to: SegmentId) -> Arc<[u32]> {
        if let Some(known) = self.distances.get(&to) {
            return known.clone();
        }
        let mut distances = vec![NEVER; self.at.len()];
        distances[to.index()] = 0;
        let mut passed = vec![false; self.model.gateways.len()];
        let mut next = VecDeque::from([to]);
        while let Some(segment) = next.pop_front() {
            let further = distances[segment.index()] + 1;
            for gateway in &self.at[segment.index()] {
                if std::mem::replace(&mut passed[gateway.index()], true) {
                    continue;
                }
                for interface in &self.model.gateway(*gateway).interfaces {
                    let known = &mut distances[interface.segment.index()];
                    if *known == NEVER {
                        *known = further;
                        next.push_back(interface.segment);
                    }
                }
            }
        }
        let distances: Arc<[u32]> = distances.into();
        self.distances.insert(to, distances.clone());
        distances
    }

    /// Every step of every shortest way, nearer ones first.
    pub(crate) fn way(&mut self, from: SegmentId, to: SegmentId) -> Arc<[Step]> {
        if let Some(known) = self.ways.get(&(from, to)) {
            return known.clone();
        }
        let distances = self.distances(to);
        let mut steps: Vec<Step> = Vec::new();
        let mut here = if distances[from.index()] == NEVER { Vec::new() } else { vec![from] };
        while !here.is_empty() && here != [to] {
            let mut further = Vec::new();
            let before = steps.len();
            for segment in here {
                let left = distances[segment.index()];
                for gateway in &self.at[segment.index()] {
                    for interface in &self.model.gateway(*gateway).interfaces {
                        if distances[interface.segment.index()] != NEVER
                            && distances[interface.segment.index()] + 1 == left
                        {
                            steps.push(Step { gateway: *gateway, from: segment, to: interface.segment });
                            further.push(interface.segment);
                        }
                    }
                }
            }
            steps[before..].sort_unstable();
            further.sort_unstable();
            further.dedup();
            here = further;
        }
        steps.dedup();
        let steps: Arc<[Step]> = steps.into();
        self.ways.insert((from, to), steps.clone());
        steps
    }
}
