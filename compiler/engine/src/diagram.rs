//! A hash-consed interval decision diagram over classes of sources, classes of destinations, and services.
//!
//! A node asks for one axis and has an edge for each interval of it; equal nodes are one node. The union of two
//! diagrams is memoised by pairs of nodes, so wide rules that meet in many places cost their distinct meetings and not
//! their cells. A leaf is the set of labels that hold there.

use std::ops::ControlFlow;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{Cell, NotDecided, Space, classes::Classes};

type NodeId = u32;

/// Edges: the last number of the interval, and where it leads. The last interval ends at `u128::MAX`.
type Edges = Box<[(u128, NodeId)]>;

/// Levels: 0 sources, 1 destinations, 2 services, 3 leaves.
const LEAF: u8 = 3;

#[derive(Default)]
struct Diagram {
    /// Level and edges.
    nodes: Vec<(u8, Edges)>,
    known: FxHashMap<(u8, Edges), NodeId>,
    /// Labels of the leaves; leaf `n` is node `n` of its level.
    leaves: Vec<Box<[u32]>>,
    known_leaves: FxHashMap<Box<[u32]>, NodeId>,
    unions: FxHashMap<(NodeId, NodeId), NodeId>,
    work: u64,
    budget: u64,
}

/// The leaf without labels, which stands for emptiness on every level.
const EMPTY: NodeId = 0;

impl Diagram {
    fn new(budget: u64) -> Self {
        let mut diagram = Self { budget, ..Self::default() };
        diagram.leaf(Box::from([]));
        diagram
    }

    fn leaf(&mut self, labels: Box<[u32]>) -> NodeId {
        if let Some(id) = self.known_leaves.get(&labels) {
            return *id;
        }
        let id = self.nodes.len() as NodeId;
        self.nodes.push((LEAF, Box::from([(0, self.leaves.len() as u32)])));
        self.known_leaves.insert(labels.clone(), id);
        self.leaves.push(labels);
        id
    }

    fn labels(&self, leaf: NodeId) -> &[u32] {
        let (_, edges) = &self.nodes[leaf as usize];
        &self.leaves[edges[0].1 as usize]
    }

    /// A node with these edges; neighbours that lead to the same place are joined, and one that leads to nothing only
    /// is nothing.
    fn node(&mut self, level: u8, edges: Vec<(u128, NodeId)>) -> NodeId {
        let mut joined: Vec<(u128, NodeId)> = Vec::with_capacity(edges.len());
        for (last, to) in edges {
            match joined.last_mut() {
                Some((end, same)) if *same == to => *end = last,
                _ => joined.push((last, to)),
            }
        }
        if matches!(joined.as_slice(), [(_, EMPTY)]) {
            return EMPTY;
        }
        self.work += joined.len() as u64;
        let key = (level, joined.into_boxed_slice());
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = self.nodes.len() as NodeId;
        self.nodes.push(key.clone());
        self.known.insert(key, id);
        id
    }

    /// `to` on some ascending, disjoint intervals, nothing elsewhere.
    fn intervals(&mut self, level: u8, ranges: impl Iterator<Item = (u128, u128)>, to: NodeId) -> NodeId {
        let mut edges = Vec::new();
        let mut next = Some(0_u128);
        for (first, last) in ranges {
            if let Some(before) =
                first.checked_sub(1).filter(|before| next.is_some_and(|next| next <= *before))
            {
                edges.push((before, EMPTY));
            }
            edges.push((last, to));
            next = last.checked_add(1);
        }
        if next.is_some() {
            edges.push((u128::MAX, EMPTY));
        }
        self.node(level, edges)
    }

    /// Both diagrams' labels everywhere. Depth: the levels.
    fn union(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, NotDecided> {
        if a == b || b == EMPTY {
            return Ok(a);
        }
        if a == EMPTY {
            return Ok(b);
        }
        let key = (a.min(b), a.max(b));
        if let Some(known) = self.unions.get(&key) {
            return Ok(*known);
        }
        if self.work > self.budget {
            return Err(NotDecided { work: self.work });
        }
        let level = self.nodes[a as usize].0;
        let united = if level == LEAF {
            let mut labels: Vec<u32> = self.labels(a).iter().chain(self.labels(b)).copied().collect();
            labels.sort_unstable();
            labels.dedup();
            self.work += labels.len() as u64;
            self.leaf(labels.into())
        } else {
            let (left, right) = (self.nodes[a as usize].1.clone(), self.nodes[b as usize].1.clone());
            let (mut i, mut j) = (0, 0);
            let mut edges = Vec::with_capacity(left.len() + right.len());
            while let (Some((left_end, left_to)), Some((right_end, right_to))) = (left.get(i), right.get(j)) {
                edges.push((*left_end.min(right_end), self.union(*left_to, *right_to)?));
                i += usize::from(left_end <= right_end);
                j += usize::from(right_end <= left_end);
            }
            self.node(level, edges)
        };
        self.unions.insert(key, united);
        Ok(united)
    }

    /// The union of many, by halves, so that no intermediate result is touched more often than needed.
    fn union_of(&mut self, mut parts: Vec<NodeId>) -> Result<NodeId, NotDecided> {
        while parts.len() > 1 {
            let mut next = Vec::with_capacity(parts.len().div_ceil(2));
            for pair in parts.chunks(2) {
                next.push(match pair {
                    [a, b] => self.union(*a, *b)?,
                    _ => pair[0],
                });
            }
            parts = next;
            // Memos of finished rounds are seldom met again and would hold the memory.
            self.unions.clear();
        }
        Ok(parts.pop().unwrap_or(EMPTY))
    }
}

pub(crate) fn run(
    space: &Space,
    sources: &Classes,
    destinations: &Classes,
    budget: u64,
    visitor: &mut impl FnMut(Cell<'_>) -> ControlFlow<()>,
) -> Result<(), NotDecided> {
    let mut diagram = Diagram::new(budget);
    // Rules of one set of sources first: they differ below the first level only.
    let mut by_source: Vec<(u32, u32)> =
        space.rules.iter().enumerate().map(|(id, rule)| (rule.sources, id as u32)).collect();
    by_source.sort_unstable();
    let mut tops = Vec::new();
    for group in by_source.chunk_by(|a, b| a.0 == b.0) {
        let mut below = Vec::with_capacity(group.len());
        for (_, id) in group {
            let rule = &space.rules[*id as usize];
            let leaf = diagram.leaf(Box::from([rule.label]));
            let services = diagram.intervals(2, space.services.ranges(rule.services).iter().copied(), leaf);
            let to = &destinations.of_set[rule.destinations as usize];
            below.push(diagram.intervals(1, classes(to), services));
        }
        let below = diagram.union_of(below)?;
        let of_set = &sources.of_set[group[0].0 as usize];
        tops.push(diagram.intervals(0, classes(of_set), below));
    }
    let root = diagram.union_of(tops)?;
    let mut walk = Walk { diagram: &diagram, sources, destinations, seen: FxHashSet::default(), visitor };
    let _stopped = walk.leaves(root);
    Ok(())
}

fn classes(ranges: &[(u32, u32)]) -> impl Iterator<Item = (u128, u128)> + '_ {
    ranges.iter().map(|(first, last)| (u128::from(*first), u128::from(*last)))
}

/// Visits each node once, and so each leaf by the first path to it.
struct Walk<'w, V> {
    diagram: &'w Diagram,
    sources: &'w Classes,
    destinations: &'w Classes,
    seen: FxHashSet<NodeId>,
    visitor: &'w mut V,
}

impl<V: FnMut(Cell<'_>) -> ControlFlow<()>> Walk<'_, V> {
    /// The edges of a node that lead to something new, with the first number of each.
    fn edges(&mut self, node: NodeId) -> Vec<((u128, u128), NodeId)> {
        let (level, edges) = &self.diagram.nodes[node as usize];
        if *level == LEAF {
            return Vec::new();
        }
        let mut first = 0;
        let mut found = Vec::new();
        for (last, to) in edges {
            if *to != EMPTY && self.seen.insert(*to) {
                found.push(((first, *last), *to));
            }
            first = last.saturating_add(1);
        }
        found
    }

    fn leaves(&mut self, root: NodeId) -> ControlFlow<()> {
        for ((source, _), node) in self.edges(root) {
            for ((destination, _), node) in self.edges(node) {
                for (services, leaf) in self.edges(node) {
                    (self.visitor)(Cell {
                        source: self.sources.example.get(source as usize).copied().unwrap_or_default(),
                        source_class: source as u32,
                        destination: self
                            .destinations
                            .example
                            .get(destination as usize)
                            .copied()
                            .unwrap_or_default(),
                        destination_class: destination as u32,
                        services,
                        labels: self.diagram.labels(leaf),
                    })?;
                }
            }
        }
        ControlFlow::Continue(())
    }
}
