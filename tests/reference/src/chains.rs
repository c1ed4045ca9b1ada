//! Chains of flows, by pairs: who reaches whom in how many steps, and whether a set of statements cuts them.

use std::collections::VecDeque;

use weir_compiler::{
    flows::Statement,
    model::{GatewayId, Model, PrincipalKind, SegmentId, SegmentKind},
};
use weir_syntax::ast::Effect;

use crate::{Wire, language, topology::forwards};

/// Every pair of principals, and what leads from one to the other.
pub struct Pairs {
    principals: usize,
    /// Of each statement alone, for each pair: whether it lets an intruder on, and whether it may end a chain.
    statements: Vec<Vec<(bool, bool)>>,
    /// For each pair: whether nothing separates them.
    beside: Vec<bool>,
}

impl Pairs {
    /// `pivots` are the wires that let an intruder on, `last` those that may end a chain.
    pub fn new(model: &Model, statements: &[Statement], pivots: &[Wire], last: &[Wire]) -> Self {
        let principals = model.principals.len();
        let pairs = || (0..principals as u32).flat_map(|a| (0..principals as u32).map(move |b| (a, b)));
        let of = |statement: &Statement| {
            let mut alone: Vec<Statement> =
                statements.iter().filter(|other| other.effect == Effect::Deny).cloned().collect();
            alone.push(statement.clone());
            let permits = |a: u32, b: u32, wires: &[Wire]| {
                wires.iter().any(|wire| language::permits(model, &alone, a, b, *wire).permits())
            };
            pairs()
                .map(|(a, b)| {
                    let near = a != b && statement.sources.contains(a) && statement.destinations.contains(b);
                    (near && permits(a, b, pivots), near && permits(a, b, last))
                })
                .collect()
        };
        let statements = statements
            .iter()
            .map(|statement| if statement.effect == Effect::Allow { of(statement) } else { Vec::new() })
            .collect();
        let beside = pairs().map(|(a, b)| a != b && beside(model, a, b)).collect();
        Self { principals, statements, beside }
    }

    pub fn beside(&self, a: u32, b: u32) -> bool {
        self.beside[a as usize * self.principals + b as usize]
    }

    /// Whether one statement leads on from one to the other, and whether it may end a chain there.
    pub fn step(&self, statement: u32, a: u32, b: u32) -> (bool, bool) {
        let pair = a as usize * self.principals + b as usize;
        self.statements[statement as usize].get(pair).copied().unwrap_or_default()
    }

    /// Whether some statement leads on from one to the other.
    pub fn leads(&self, a: u32, b: u32) -> bool {
        (0..self.statements.len() as u32).any(|statement| self.step(statement, a, b).0)
    }

    /// The length of a shortest chain that uses none of the `removed` statements.
    pub fn length(&self, from: &[u32], to: &[u32], removed: &dyn Fn(u32) -> bool) -> Option<usize> {
        let left: Vec<u32> =
            (0..self.statements.len() as u32).filter(|statement| !removed(*statement)).collect();
        let mut distance: Vec<Option<usize>> = vec![None; self.principals];
        let mut queue: VecDeque<u32> = from.iter().copied().collect();
        for start in from {
            distance[*start as usize] = Some(0);
        }
        while let Some(at) = queue.pop_front() {
            let so_far = distance[at as usize].unwrap_or_default();
            for next in 0..self.principals as u32 {
                let steps = || left.iter().map(|statement| self.step(*statement, at, next));
                if to.contains(&next) && (self.beside(at, next) || steps().any(|(_, last)| last)) {
                    return Some(so_far + 1);
                }
                if distance[next as usize].is_none()
                    && (self.beside(at, next) || steps().any(|(pivot, _)| pivot))
                {
                    distance[next as usize] = Some(so_far + 1);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

/// Whether one reaches the other without an enforcement point in between.
fn beside(model: &Model, a: u32, b: u32) -> bool {
    let principal = |id: u32| &model.principals[id as usize];
    let segments = |id: u32| -> Vec<SegmentId> {
        principal(id).attachments.iter().map(|attachment| attachment.segment).collect()
    };
    let gateway = |id: u32| {
        let is_gateway = principal(id).kind == PrincipalKind::Gateway;
        let found = model.gateways.iter().find(|gateway| gateway.entity == principal(id).entity);
        found.filter(|_| is_gateway)
    };
    let guards_itself = |id: u32| gateway(id).is_some_and(|gateway| gateway.enforces.contains(&"nftables"));
    if guards_itself(b) {
        return false;
    }
    let near = segments(a).into_iter().filter(|segment| segments(b).contains(segment));
    if gateway(a).is_some() && near.clone().next().is_some() {
        return true;
    }
    if guards_itself(a) {
        return false;
    }
    let same = near.map(|segment| &model.segments[segment.0 as usize]).any(|segment| {
        segment.kind != SegmentKind::Pods
            && (!segment.isolated || gateway(b).is_some() || principal(b).kind == PrincipalKind::Role)
    });
    same || segments(a).iter().any(|from| segments(b).iter().any(|to| joined(model, *from, *to)))
}

/// Whether packets get from one segment to another, or back to the same, past gateways without a filter alone.
fn joined(model: &Model, from: SegmentId, to: SegmentId) -> bool {
    let mut reached: Vec<SegmentId> = vec![from];
    let mut place = 0;
    let mut arrived = false;
    while let Some(at) = reached.get(place).copied() {
        place += 1;
        for index in 0..model.gateways.len() {
            let gateway = &model.gateways[GatewayId(index as u32).0 as usize];
            let filters = gateway.enforces.iter().any(|word| matches!(*word, "nftables" | "kubernetes"));
            let stands =
                |segment: SegmentId| gateway.interfaces.iter().any(|interface| interface.segment == segment);
            if filters || !forwards(gateway) || !stands(at) {
                continue;
            }
            for interface in &gateway.interfaces {
                arrived |= interface.segment == to;
                if !reached.contains(&interface.segment) {
                    reached.push(interface.segment);
                }
            }
        }
    }
    arrived
}
