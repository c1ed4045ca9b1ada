//! `assert allow`, `assert deny`, `assert only`: claims about single flows.

use std::{collections::BTreeMap, sync::Arc};

use weir_syntax::{Diagnostic, ast::Effect, diagnostic::codes};

use super::{Body, Claim, Ground, Kind, vacuous, witness};
use crate::{
    flows::{
        Index, PortSet, Rectangle, operations,
        reach::{Common, common, may_carry},
        relation::{Covered, covered},
    },
    model::{Model, PrincipalSet, Service, protocols::OperationUse},
    plan::Ranges,
};

/// Statements that a diagnostic shows.
const SHOWN: usize = 3;

/// What breaks a claim, or a warning that it says nothing. The index finds rectangles by their destinations.
pub(super) fn check(ground: Ground<'_>, index: &Index, claim: &Claim) -> Option<Diagnostic> {
    let Body::Direct { kind, sources, destinations, services } = &claim.body else { return None };
    let near = index.overlapping(destinations);
    let near: Vec<&Rectangle> = near.iter().map(|index| &ground.rectangles[*index as usize]).collect();
    if *kind == Kind::Allow {
        return missing(ground, claim, (sources, destinations), services, &near);
    }
    let parts = covered(ground.model, services, destinations);
    let mut carried = false;
    let mut found: Vec<(u32, String)> = Vec::new();
    let mut more: Vec<u32> = Vec::new();
    for rectangle in near {
        let part =
            parts.iter().find_map(|part| match common(&rectangle.destinations, &part.destinations, None) {
                Common::Member(destination) if may_carry(ground.model, rectangle, part) => {
                    Some((part, destination))
                }
                _ => None,
            });
        let Some((part, destination)) = part else { continue };
        carried = true;
        let outside = match kind {
            Kind::Only => rectangle.sources.difference(sources),
            _ => rectangle.sources.intersection(sources),
        };
        let Some((source, _)) = outside.iter().next() else { continue };
        if found.iter().any(|(statement, _)| *statement == rectangle.statement) {
            continue;
        }
        if found.len() == SHOWN {
            more.push(rectangle.statement);
            continue;
        }
        let shown = witness::flow(ground.model, rectangle, source, destination, Some(part));
        found.push((rectangle.statement, shown));
    }
    let Some((_, first)) = found.first() else {
        return vacuous::direct(ground.model, claim, carried);
    };
    let mut broken =
        Diagnostic::new(&codes::E0701, format!("this assertion does not hold: {first} is permitted"))
            .primary(claim.file, claim.span, "broken");
    for (index, (statement, shown)) in found.iter().enumerate() {
        let statement = &ground.statements[*statement as usize];
        let label = if index == 0 { "permits it".to_owned() } else { format!("permits {shown}") };
        broken = broken.secondary(statement.file, statement.span, label);
    }
    more.sort_unstable();
    more.dedup();
    if !more.is_empty() {
        let statements = if more.len() == 1 { "statement permits" } else { "statements permit" };
        broken = broken.note(format!("and {} more {statements} what it forbids", more.len()));
    }
    Some(broken.help("narrow the `allow`, add a `deny`, or correct the assertion"))
}

/// A part of the claim that is not seen to be permitted, and the operations that are.
struct Open {
    sources: Ranges<u32>,
    destinations: Ranges<u32>,
    ports: PortSet,
    held: Vec<OperationUse>,
}

/// A flow that must be permitted and is not.
fn missing(
    ground: Ground<'_>,
    claim: &Claim,
    (sources, destinations): (&PrincipalSet, &PrincipalSet),
    services: &[Service],
    near: &[&Rectangle],
) -> Option<Diagnostic> {
    for part in served(ground.model, services, destinations) {
        let mut left = vec![Open {
            sources: (**sources).clone(),
            destinations: (*part.destinations).clone(),
            ports: part.ports.clone(),
            held: Vec::new(),
        }];
        for rectangle in near {
            if left.is_empty() {
                break;
            }
            let overlaps = common(&rectangle.destinations, &part.destinations, None) != Common::Nothing
                && common(&rectangle.sources, sources, None) != Common::Nothing
                && rectangle.ports.overlaps(&part.ports);
            if overlaps && let Some(held) = held(ground.model, rectangle, part.operation.as_ref()) {
                left = left
                    .into_iter()
                    .flat_map(|open| without(ground.model, open, rectangle, &part, held))
                    .collect();
            }
        }
        let Some(open) = left.first() else { continue };
        let (Some((source, _)), Some((destination, _))) =
            (open.sources.iter().next(), open.destinations.iter().next())
        else {
            continue;
        };
        let shown = witness::denied(
            ground.model,
            source,
            destination,
            &open.ports,
            part.operation.as_ref(),
            &open.held,
        );
        let mut broken =
            Diagnostic::new(&codes::E0701, format!("this assertion does not hold: {shown} is denied"))
                .primary(claim.file, claim.span, "broken");
        let deny = ground.statements.iter().find(|statement| {
            statement.effect == Effect::Deny
                && statement.sources.contains(source)
                && statement.destinations.contains(destination)
                && covered(ground.model, &statement.services, &statement.destinations).iter().any(|denied| {
                    denied.destinations.contains(destination) && denied.ports.overlaps(&open.ports)
                })
        });
        if let Some(deny) = deny {
            broken = broken.secondary(deny.file, deny.span, "denied here");
        }
        return Some(
            broken.help("permit it with an `allow` that no `deny` covers, or correct the assertion"),
        );
    }
    None
}

/// Where destinations serve what a claim names: their own ports, or a protocol's defaults where they serve none.
fn served(model: &Model, services: &[Service], destinations: &PrincipalSet) -> Vec<Covered> {
    let mut parts = Vec::new();
    for service in services {
        let Service::Protocol { protocol, operation } = service else {
            let part = |ports| Covered { destinations: destinations.clone(), ports, operation: None };
            parts.extend(match service {
                Service::Any => Some(part(PortSet::any())),
                Service::Transport(transport) => Some(part(PortSet::of(&[*transport]))),
                Service::Protocol { .. } => None,
            });
            continue;
        };
        let mut by_ports: BTreeMap<PortSet, Vec<(u32, u32)>> = BTreeMap::new();
        for id in destinations.members() {
            let mut ports = PortSet::of(&model.served_at(id, *protocol));
            if ports.is_empty() {
                ports = PortSet::of(&model.protocols.get(*protocol).transports);
            }
            by_ports.entry(ports).or_default().push((id, id));
        }
        for (ports, ids) in by_ports {
            let operation = operation.clone().map(|operation| (*protocol, operation));
            parts.push(Covered { destinations: Arc::new(Ranges::from_unsorted(ids)), ports, operation });
        }
    }
    parts
}

/// What a rectangle permits.
#[derive(Clone, Copy)]
enum Held<'r> {
    All,
    Some(&'r [OperationUse]),
}

/// What a rectangle permits of an operation, or of whatever runs on its ports; nothing, where it is not known to permit it
/// or a `deny` has taken some of it.
fn held<'r>(
    model: &Model,
    rectangle: &'r Rectangle,
    operation: Option<&(u32, OperationUse)>,
) -> Option<Held<'r>> {
    let Some(demand) = &rectangle.demand else { return Some(Held::All) };
    let (protocol, wanted) = operation.filter(|(protocol, _)| *protocol == demand.protocol)?;
    let protocol = model.protocols.get(*protocol);
    if demand.except.iter().any(|denied| operations::overlap(protocol, denied, wanted)) {
        return None;
    }
    Some(demand.only.as_ref().map_or(Held::All, |only| Held::Some(only)))
}

/// What is left open of a part beside a rectangle.
fn without(model: &Model, open: Open, rectangle: &Rectangle, part: &Covered, held: Held<'_>) -> Vec<Open> {
    let sources = open.sources.intersection(&rectangle.sources);
    let destinations = open.destinations.intersection(&rectangle.destinations);
    let ports = open.ports.intersection(&rectangle.ports);
    if sources.is_empty() || destinations.is_empty() || ports.is_empty() {
        return vec![open];
    }
    let mut left = Vec::new();
    let mut push =
        |sources: Ranges<u32>, destinations: Ranges<u32>, ports: PortSet, held: Vec<OperationUse>| {
            if !sources.is_empty() && !destinations.is_empty() && !ports.is_empty() {
                left.push(Open { sources, destinations, ports, held });
            }
        };
    push(open.sources.difference(&sources), open.destinations.clone(), open.ports.clone(), open.held.clone());
    push(sources.clone(), open.destinations.difference(&destinations), open.ports.clone(), open.held.clone());
    push(sources.clone(), destinations.clone(), open.ports.difference(&ports), open.held.clone());
    if let (Held::Some(uses), Some((protocol, wanted))) = (held, &part.operation) {
        let protocol = model.protocols.get(*protocol);
        let all: Vec<OperationUse> = open.held.into_iter().chain(uses.iter().cloned()).collect();
        if !operations::cover(protocol, all.iter(), wanted) {
            push(sources, destinations, ports, all);
        }
    }
    left
}
