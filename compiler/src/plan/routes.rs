//! Paths through the topology: breadth first over segments and the gateways that join them, equal-cost paths together.

use std::collections::VecDeque;

use petgraph::graph::{NodeIndex, UnGraph};

use crate::model::{GatewayId, Model, SegmentId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Segment(SegmentId),
    Gateway(GatewayId),
}

/// One gateway on a path: where packets come in and go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hop {
    /// Gateways between here and the source, from 0: hops of one rank are alternatives.
    pub rank: u32,
    pub gateway: GatewayId,
    pub from: SegmentId,
    pub to: SegmentId,
}

/// All shortest paths between two segments; none where they are the same segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Sorted by rank.
    pub hops: Vec<Hop>,
    /// Gateways on the way.
    pub length: u32,
}

impl Route {
    /// Whether every path crosses one gateway.
    pub(super) fn all_cross(&self, gateway: GatewayId) -> bool {
        self.length > 0 && self.every_path(|other| other == gateway)
    }

    /// Whether every path crosses a gateway that fits.
    pub fn every_path(&self, fits: impl Fn(GatewayId) -> bool) -> bool {
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

/// Finds routes. All that is kept is a tree for each segment that something starts from.
pub struct Routes {
    graph: UnGraph<Node, ()>,
    nodes: Vec<NodeIndex>,
    /// By segment.
    trees: Vec<Option<Tree>>,
}

/// All shortest paths from one segment.
struct Tree {
    /// To every node, in edges.
    distances: Vec<u32>,
    /// Where the list of each node's predecessors begins in `predecessors`; one more, for the end of the last.
    begins: Vec<u32>,
    /// The neighbours that are one edge nearer.
    predecessors: Vec<NodeIndex>,
}

const UNREACHED: u32 = u32::MAX;

impl Tree {
    fn new(graph: &UnGraph<Node, ()>, start: NodeIndex) -> Self {
        let mut distances = vec![UNREACHED; graph.node_count()];
        distances[start.index()] = 0;
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for neighbour in graph.neighbors(node) {
                if distances[neighbour.index()] == UNREACHED {
                    distances[neighbour.index()] = distances[node.index()] + 1;
                    queue.push_back(neighbour);
                }
            }
        }
        let mut begins = Vec::with_capacity(distances.len() + 1);
        let mut predecessors = Vec::with_capacity(distances.len());
        for node in graph.node_indices() {
            begins.push(predecessors.len() as u32);
            let distance = distances[node.index()];
            if distance != UNREACHED {
                let nearer = |other: &NodeIndex| distances[other.index()].checked_add(1) == Some(distance);
                predecessors.extend(graph.neighbors(node).filter(nearer));
            }
        }
        begins.push(predecessors.len() as u32);
        Self { distances, begins, predecessors }
    }

    fn before(&self, node: NodeIndex) -> &[NodeIndex] {
        &self.predecessors[self.begins[node.index()] as usize..self.begins[node.index() + 1] as usize]
    }
}

impl Routes {
    pub fn new(model: &Model) -> Self {
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
        let trees = std::iter::repeat_with(|| None).take(nodes.len()).collect();
        Self { graph, nodes, trees }
    }

    fn tree(&mut self, from: SegmentId) -> &Tree {
        let start = self.nodes[from.index()];
        self.trees[from.index()].get_or_insert_with(|| Tree::new(&self.graph, start))
    }

    /// Gateways between two segments; nothing, where no path joins them.
    pub fn length(&mut self, from: SegmentId, to: SegmentId) -> Option<u32> {
        let end = self.nodes[to.index()];
        let distance = self.tree(from).distances[end.index()];
        (distance != UNREACHED).then_some(distance / 2)
    }

    /// All shortest paths between two segments. Walks back from the end, so exactly their hops are met.
    pub fn route(&mut self, from: SegmentId, to: SegmentId) -> Option<Route> {
        let length = self.length(from, to)?;
        let tree = self.trees[from.index()].as_ref()?;
        let mut hops = Vec::with_capacity(length as usize);
        let mut layer = vec![self.nodes[to.index()]];
        let mut before: Vec<NodeIndex> = Vec::new();
        for rank in (0..length).rev() {
            before.clear();
            for &segment_node in &layer {
                for &gateway_node in tree.before(segment_node) {
                    for &previous in tree.before(gateway_node) {
                        if let (
                            Some(Node::Gateway(gateway)),
                            Some(Node::Segment(from)),
                            Some(Node::Segment(to)),
                        ) = (
                            self.graph.node_weight(gateway_node).copied(),
                            self.graph.node_weight(previous).copied(),
                            self.graph.node_weight(segment_node).copied(),
                        ) {
                            hops.push(Hop { rank, gateway, from, to });
                            before.push(previous);
                        }
                    }
                }
            }
            before.sort_unstable();
            before.dedup();
            std::mem::swap(&mut layer, &mut before);
        }
        hops.sort_unstable();
        hops.dedup();
        Some(Route { hops, length })
    }
}
