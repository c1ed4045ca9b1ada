//! Integrity, pair by pair and round by round: what each principal emits, and which statements let a command rest on
//! data that its sink does not trust.

use std::collections::BTreeSet;

use weir_compiler::{
    Facts,
    flows::Statement,
    model::{
        Integrity, PrincipalKind, Service,
        protocols::{OperationEffect, OperationUse},
    },
};
use weir_syntax::ast::Effect;

/// One permitted connection: who, to whom, by which service of which statement.
pub struct Connection<'f> {
    pub source: u32,
    pub destination: u32,
    pub statement: usize,
    pub service: &'f Service,
    pub proxy: Option<u32>,
}

/// Every pair that an `allow` names and no `deny … : any` does. Packages with other denies are not for this evaluator.
pub fn connections(facts: &Facts) -> Vec<Connection<'_>> {
    let denied = |source: u32, destination: u32| {
        facts.statements.iter().any(|statement| {
            statement.effect == Effect::Deny
                && statement.sources.contains(source)
                && statement.destinations.contains(destination)
        })
    };
    let mut all = Vec::new();
    for (index, statement) in facts.statements.iter().enumerate() {
        if statement.effect == Effect::Deny {
            continue;
        }
        for source in 0..facts.model.principals.len() as u32 {
            for destination in 0..facts.model.principals.len() as u32 {
                let named =
                    statement.sources.contains(source) && statement.destinations.contains(destination);
                if named && source != destination && !denied(source, destination) {
                    let proxy = proxy(facts, index, source, destination);
                    let connection =
                        |service| Connection { source, destination, statement: index, service, proxy };
                    all.extend(statement.services.iter().map(connection));
                }
            }
        }
    }
    all
}

fn proxy(facts: &Facts, statement: usize, source: u32, destination: u32) -> Option<u32> {
    let led = facts.rectangles.iter().zip(&facts.proxies).find(|(rectangle, proxy)| {
        proxy.is_some()
            && rectangle.statement as usize == statement
            && rectangle.sources.contains(source)
            && rectangle.destinations.contains(destination)
    });
    led.and_then(|(_, proxy)| *proxy)
}

fn effects(facts: &Facts, service: &Service) -> Vec<OperationEffect> {
    use OperationEffect::{Manage, Observe};
    match service {
        Service::Any | Service::Transport(_) => vec![Observe, Manage],
        Service::Protocol { protocol, operation } => {
            let operations = &facts.model.protocols.list[*protocol as usize].operations;
            match operation {
                Some(used) => vec![operations[used.operation as usize].effect],
                None if operations.is_empty() => vec![Observe, Manage],
                None => operations.iter().map(|operation| operation.effect).collect(),
            }
        }
    }
}

/// What a principal's own data is worth, and what it demands.
fn declared(facts: &Facts, id: u32) -> Integrity {
    let principal = &facts.model.principals[id as usize];
    if let Some(integrity) = principal.details.integrity {
        return integrity;
    }
    // of the packages that tests make, each zone gives its level, and only gateways stand in several
    let automation =
        |zone: &weir_compiler::model::ZoneId| facts.model.zone(*zone).purdue.is_some_and(|level| level <= 3);
    let counts = match principal.kind {
        PrincipalKind::External => false,
        PrincipalKind::Gateway => principal.zones.iter().any(automation),
        _ => principal.zones.iter().all(automation),
    };
    if counts { Integrity::Field } else { Integrity::Untrusted }
}

/// What each principal emits: from the best, downwards, until nothing changes.
pub fn emitted(facts: &Facts) -> Vec<Integrity> {
    let connections = connections(facts);
    let mut emitted = vec![Integrity::Safety; facts.model.principals.len()];
    loop {
        let mut next: Vec<Integrity> = (0..emitted.len() as u32).map(|id| declared(facts, id)).collect();
        for connection in &connections {
            let (client, server) = (connection.source as usize, connection.destination as usize);
            for effect in effects(facts, connection.service) {
                let (from, to) = match effect {
                    OperationEffect::Observe | OperationEffect::Subscribe => (server, client),
                    _ => (client, server),
                };
                next[to] = next[to].min(emitted[from]);
                if let Some(proxy) = connection.proxy {
                    next[to] = next[to].min(emitted[proxy as usize]);
                }
            }
        }
        for (id, level) in next.iter_mut().enumerate() {
            if let Some((from, to)) = facts.model.principals[id].details.endorses
                && from <= *level
            {
                *level = to.max(*level);
            }
        }
        if next == emitted {
            return emitted;
        }
        emitted = next;
    }
}

/// The statements with a command that its sink does not trust, and those with a safe command without a limit.
pub fn refused(facts: &Facts) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let emitted = emitted(facts);
    let (mut untrusted, mut unlimited) = (BTreeSet::new(), BTreeSet::new());
    for connection in connections(facts) {
        let effects = effects(facts, connection.service);
        let commands =
            |effect: &OperationEffect| matches!(effect, OperationEffect::Actuate | OperationEffect::Manage);
        if !effects.iter().any(commands) {
            continue;
        }
        let sink = &facts.model.principals[connection.destination as usize];
        let mut demand = declared(facts, connection.destination);
        if let Some((_, to)) = sink.details.endorses
            && effects.contains(&OperationEffect::Manage)
        {
            demand = demand.max(to);
        }
        let sources = std::iter::once(connection.source).chain(connection.proxy);
        let worth = sources.map(|id| emitted[id as usize]).min().unwrap_or_default();
        if sink.details.safe.iter().flat_map(|safe| safe.iter()).any(|safe| within(connection.service, safe))
        {
            if limit(&facts.statements[connection.statement]) {
                unlimited.insert(connection.statement);
            }
            demand = match demand {
                Integrity::Safety => Integrity::Verified,
                Integrity::Verified => Integrity::Field,
                other => other,
            };
        }
        if worth < demand {
            untrusted.insert(connection.statement);
        }
    }
    (untrusted, unlimited)
}

fn limit(statement: &Statement) -> bool {
    statement.conditions.limit.is_none()
}

/// Whether every coil of one write is a coil of the other. The packages of the tests have no other arguments.
fn within(inner: &Service, outer: &Service) -> bool {
    let coils = |service: &Service| match service {
        Service::Protocol { operation: Some(OperationUse { operation, arguments }), .. } => {
            match arguments.as_slice() {
                [argument] => argument.range.map(|range| (*operation, range)),
                _ => None,
            }
        }
        _ => None,
    };
    match (coils(inner), coils(outer)) {
        (Some((one, inner)), Some((other, outer))) => {
            one == other && outer.0 <= inner.0 && inner.1 <= outer.1
        }
        _ => false,
    }
}
