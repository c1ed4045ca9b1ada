//! Paths through the topology: breadth first over segments and the gateways that join them, equal-cost paths together.

use std::{collections::VecDeque, sync::Arc};

use petgraph::graph::{NodeIndex, UnGraph};
use rustc_hash::FxHashMap;

use crate::model::{GatewayId, Model, SegmentId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Segment(SegmentId),
    Gateway(GatewayId),
}

/// One gateway on a path: where packets come in and go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Hop {
    /// Gateways between here and the source, from 0: hops of one rank are alternatives.
    pub(super) rank: u32,
    pub(super) gateway: GatewayId,
    pub(super) from: SegmentId,
    pub(super) to: SegmentId,
}

/// All shortest paths between two segments; none where they are the same segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// Sorted by rank.
    pub(super) hops: Vec<Hop>,
    /// Gateways on the way.
    pub(super) length: u32,
}

impl Route {
    /// Whether every path crosses a gateway that fits.
    pub(super) fn every_path(&self, fits: impl Fn(GatewayId) -> bool) -> bool {
        if self.length > 0 && self.hops.iter().take_while(|hop| hop.rank == 0).all(|hop| fits(hop.gateway)) {
            return true; // the usual case: the first one does
        }
        let ends: Vec<SegmentId> = self.hops.iter().filter(|hop| hop.rank == 0).map(|hop| hop.from).collect();
        let mut unguarded = ends;
        for rank in 0..self.length {
            let mut next: Vec<SegmentId> = self
                .hops
                .iter()
                .filter(|hop| hop.rank == rank && unguarded.contains(&hop.from) && !fits(hop.gateway))
                .map(|hop| hop.to)
                .collect();
            next.sort_unstable();
            next.dedup();
            unguarded = next;
        }
        unguarded.is_empty()
    }
}

/// Routes, each found once.
pub(super) struct Routes {
    graph: UnGraph<Node, ()>,
    nodes: Vec<NodeIndex>,
    distances: FxHashMap<SegmentId, Arc<[u32]>>,
    known: FxHashMap<(SegmentId, SegmentId), Option<Arc<Route>>>,
}

const UNREACHED: u32 = u32::MAX;

impl Routes {
    pub(super) fn new(model: &Model) -> Self {
        let mut graph = UnGraph::default();
        let nodes: Vec<NodeIndex> = (0..model.segments.len())
            .map(|index| graph.add_node(Node::Segment(SegmentId(index as u32))))
            .collect();
        for (index, gateway) in model.gateways.iter().enumerate() {
            if gateway.terminates() && !gateway.filters() {
                continue; // a proxy starts connections of its own, it forwards no packet
            }
            let node = graph.add_node(Node::Gateway(GatewayId(index as u32)));
            for interface in &gateway.interfaces {
                graph.update_edge(node, nodes[interface.segment.index()], ());
            }
        }
        Self { graph, nodes, distances: FxHashMap::default(), known: FxHashMap::default() }
    }

    /// Distances from a segment to every node, counted in edges.
    fn distances(&mut self, from: SegmentId) -> Arc<[u32]> {
        if let Some(known) = self.distances.get(&from) {
            return known.clone();
        }
        let mut distances = vec![UNREACHED; self.graph.node_count()];
        let start = self.nodes[from.index()];
        distances[start.index()] = 0;
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for neighbour in self.graph.neighbors(node) {
                if distances[neighbour.index()] == UNREACHED {
                    distances[neighbour.index()] = distances[node.index()] + 1;
                    queue.push_back(neighbour);
                }
            }
        }
        let distances: Arc<[u32]> = distances.into();
        self.distances.insert(from, distances.clone());
        distances
    }

    /// Gateways between two segments; nothing, where no path joins them.
    pub(super) fn length(&mut self, from: SegmentId, to: SegmentId) -> Option<u32> {
        let distance = self.distances(from)[self.nodes[to.index()].index()];
        (distance != UNREACHED).then_some(distance / 2)
    }

    /// All shortest paths between two segments.
    pub(super) fn route(&mut self, from: SegmentId, to: SegmentId) -> Option<Arc<Route>> {
        if let Some(known) = self.known.get(&(from, to)) {
            return known.clone();
        }
        let route = self.find(from, to).map(Arc::new);
        self.known.insert((from, to), route.clone());
        route
    }

    /// Walks back from the end, always towards the start: exactly the hops of shortest paths are met.
    fn find(&mut self, from: SegmentId, to: SegmentId) -> Option<Route> {
        let distances = self.distances(from);
        let end = self.nodes[to.index()];
        let total = distances[end.index()];
        if total == UNREACHED {
            return None;
        }
        let mut hops = Vec::new();
        let mut layer = vec![end];
        for left in (1..=total / 2).rev() {
            let mut before: Vec<NodeIndex> = Vec::new();
            for &segment_node in &layer {
                for gateway_node in self.graph.neighbors(segment_node) {
                    if distances[gateway_node.index()] != left * 2 - 1 {
                        continue;
                    }
                    for previous in self.graph.neighbors(gateway_node) {
                        if distances[previous.index()] != left * 2 - 2 {
                            continue;
                        }
                        if let (
                            Some(Node::Gateway(gateway)),
                            Some(Node::Segment(from)),
                            Some(Node::Segment(to)),
                        ) = (
                            self.graph.node_weight(gateway_node).copied(),
                            self.graph.node_weight(previous).copied(),
                            self.graph.node_weight(segment_node).copied(),
                        ) {
                            hops.push(Hop { rank: left - 1, gateway, from, to });
                            before.push(previous);
                        }
                    }
                }
            }
            before.sort_unstable();
            before.dedup();
            layer = before;
        }
        hops.sort_unstable();
        hops.dedup();
        Some(Route { hops, length: total / 2 })
    }
}
