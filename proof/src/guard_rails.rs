//! What a cluster's guard rails have to deny: derived anew from what statements and assertions forbid, and from what the
//! same policies are to permit.

use std::net::IpAddr;

use weir_compiler::{
    Facts,
    flows::{PortSet, covered},
    model::{Cluster, PrincipalSet, Service},
    plan::AddressSet,
};
use weir_kubernetes_reader::{Direction, Grant, Peer, Protocol, Selector};
use weir_syntax::ast::Effect;

use crate::cluster::{NAMES, protocol, ranges, selector};

type Ports = Vec<(Protocol, u16, u16)>;

/// The denials of one cluster; `grants` is what its policies permit.
pub(crate) fn required(facts: &Facts, cluster: &Cluster, grants: &[Grant]) -> Vec<Grant> {
    let mut found = Vec::new();
    for (index, deny) in (0..).zip(&facts.statements).filter(|(_, one)| one.effect == Effect::Deny) {
        forbid(
            facts,
            cluster,
            grants,
            (&deny.sources, &deny.destinations, &deny.services, index),
            &mut found,
        );
    }
    for never in facts.assertions.iter().filter_map(|held| held.never.as_ref()) {
        // an assertion is no statement
        let never = (&never.sources, &never.destinations, never.services.as_slice(), NAMES);
        forbid(facts, cluster, grants, never, &mut found);
    }
    found
}

fn forbid(
    facts: &Facts,
    cluster: &Cluster,
    grants: &[Grant],
    (sources, destinations, services, origin): (&PrincipalSet, &PrincipalSet, &[Service], u32),
    found: &mut Vec<Grant>,
) {
    let model = &facts.model;
    let pods = |members: &PrincipalSet| -> Vec<Selector> {
        let held = cluster.workloads.iter().filter(|workload| !workload.host_network);
        let held = held.filter(|workload| members.contains(workload.principal));
        held.map(|workload| selector(&workload.pods)).collect()
    };
    let inside = model.segment(cluster.segment).addresses.union(&cluster.services);
    let from = pods(sources);
    for part in covered(model, services, destinations) {
        // operations are told apart by whoever looks into the flow, and not by ports
        if part.operation.is_some() {
            continue;
        }
        let ports = ports(&part.ports);
        if ports.is_empty() {
            continue;
        }
        let to = pods(&part.destinations);
        let mut deny = |direction, subjects: &[Selector], peers: &[Peer]| {
            for subject in subjects.iter().filter(|_| !peers.is_empty()) {
                let denial = Grant {
                    direction,
                    subject: subject.clone(),
                    peers: peers.to_vec(),
                    ports: ports.clone(),
                    origin,
                };
                // a proxy may have to be reached for another's sake
                if !grants.iter().any(|grant| meet(grant, &denial)) {
                    found.push(denial);
                }
            }
        };
        let named =
            |selectors: &[Selector]| -> Vec<Peer> { selectors.iter().cloned().map(Peer::Pods).collect() };
        deny(Direction::Egress, &from, &named(&to));
        deny(Direction::Ingress, &to, &named(&from));
        if !from.is_empty() {
            let addresses = part.destinations.members().flat_map(|id| &model.principal(id).attachments);
            let addresses = AddressSet::union_of(addresses.map(|one| &*one.addresses)).difference(&inside);
            deny(Direction::Egress, &from, &ranges(&addresses));
        }
    }
}

fn ports(set: &PortSet) -> Ports {
    if set.covers(&PortSet::any()) {
        return [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].map(|one| (one, 0, u16::MAX)).into();
    }
    let known = set.port_matches().into_iter().filter(|port| port.last > 0);
    known.filter_map(|port| Some((protocol(port.transport)?, port.first.max(1), port.last))).collect()
}

/// Whether both speak of some connection.
fn meet(one: &Grant, other: &Grant) -> bool {
    let ports = one.ports.iter().any(|(protocol, first, last)| {
        other.ports.iter().any(|(same, from, to)| protocol == same && first <= to && from <= last)
    });
    let peers = |one: &Peer, other: &Peer| match (one, other) {
        (Peer::Pods(one), Peer::Pods(other)) => one == other,
        (Peer::Addresses(first, last), Peer::Addresses(from, to)) => {
            let family = |address: &IpAddr| address.is_ipv4();
            family(first) == family(from) && first <= to && from <= last
        }
        _ => false,
    };
    (one.direction, &one.subject) == (other.direction, &other.subject)
        && ports
        && one.peers.iter().any(|one| other.peers.iter().any(|other| peers(one, other)))
}
