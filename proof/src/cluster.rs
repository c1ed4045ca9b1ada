//! One cluster: what its network policies permit against what they have to permit, for every pod that could run and every
//! address.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use weir_compiler::{
    Facts,
    model::{Cluster, DnsServer, PodSelector, PrincipalSet, Workload},
    plan::{AddressSet, ClusterPlan, Transport},
};
use weir_kubernetes_reader::{Direction, Grant, Peer, PolicyModel, Protocol, Requirement, Selector, compare};

use crate::{
    filter::Effort,
    finding::{Fault, Finding},
    guard_rails,
    specification::{Far, PodRequirement},
};

/// Stands for what is no statement: the line that says where pods ask for names, and assertions.
pub(crate) const NAMES: u32 = u32::MAX;

/// Compares the model of a cluster's folder with what the relation has its pods do.
pub(crate) fn check(
    facts: &Facts,
    plan: &ClusterPlan,
    cluster: &Cluster,
    pods: &[PodRequirement],
    model: &PolicyModel,
    artifact: &str,
    findings: &mut Vec<Finding>,
) -> Effort {
    let mut required = requirement(cluster, pods);
    let wanted: BTreeSet<i64> = plan.guard_rails.iter().map(|rails| i64::from(rails.priority)).collect();
    if !wanted.is_empty() {
        required.denials = guard_rails::required(facts, cluster, &required.grants);
    }
    if !model.priorities.is_subset(&wanted) {
        let what = "its guard rails have another priority than the package gives them".to_owned();
        findings.push(Finding::new(artifact, Fault::Forms { what }));
    }
    for difference in compare(&required, model) {
        findings.push(Finding {
            artifact: artifact.into(),
            fault: Fault::Pods(difference.fault),
            statements: difference.origins.into_iter().filter(|origin| *origin != NAMES).collect(),
            places: difference.places.into_iter().map(|place| model.describe(place)).collect(),
        });
    }
    Effort {
        requirements: (required.grants.len() + required.denials.len()) as u64,
        elements: (model.terms.len() + model.denials.len()) as u64,
        ..Effort::default()
    }
}

fn requirement(cluster: &Cluster, pods: &[PodRequirement]) -> Requirement {
    let mut required = Requirement::default();
    // Pods with the node's network are held by nobody: no requirement speaks of them.
    let held = |workload: &&Workload| !workload.host_network;
    required.namespaces =
        cluster.workloads.iter().filter(held).map(|workload| workload.pods.namespace.to_string()).collect();
    let selectors = |members: &PrincipalSet| -> Vec<Selector> {
        let known = cluster.workloads.iter().filter(held);
        known
            .filter(|workload| members.contains(workload.principal))
            .map(|workload| selector(&workload.pods))
            .collect()
    };
    for one in pods.iter().filter(|one| one.segment == cluster.segment) {
        let peers: Vec<Peer> = match &one.far {
            Far::Pods(members) => selectors(members).into_iter().map(Peer::Pods).collect(),
            Far::Addresses(set) => ranges(set),
        };
        let ports: Vec<(Protocol, u16, u16)> = one
            .services
            .iter()
            .filter(|port| port.last > 0)
            .filter_map(|port| Some((protocol(port.transport)?, port.first.max(1), port.last)))
            .collect();
        for subject in selectors(&one.subjects) {
            required.grants.push(Grant {
                direction: one.direction,
                subject,
                peers: peers.clone(),
                ports: ports.clone(),
                origin: one.statement,
            });
        }
    }
    if let Some(dns) = &cluster.dns {
        let peer = match &dns.server {
            DnsServer::Pods(pods) => Peer::Pods(selector(pods)),
            DnsServer::Address(address) => Peer::Addresses(*address, *address),
        };
        for workload in cluster.workloads.iter().filter(held) {
            required.grants.push(Grant {
                direction: Direction::Egress,
                subject: selector(&workload.pods),
                peers: vec![peer.clone()],
                ports: [Protocol::Udp, Protocol::Tcp].map(|protocol| (protocol, dns.port, dns.port)).into(),
                origin: NAMES,
            });
        }
    }
    required
}

pub(crate) fn selector(pods: &PodSelector) -> Selector {
    let labels = pods.labels.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    Selector { namespace: pods.namespace.to_string(), labels: labels.collect() }
}

/// What network policies know of transports; they know no ICMP, and the compiler refuses it at pods.
pub(crate) fn protocol(transport: Transport) -> Option<Protocol> {
    match transport {
        Transport::Tcp => Some(Protocol::Tcp),
        Transport::Udp => Some(Protocol::Udp),
        Transport::Sctp => Some(Protocol::Sctp),
        Transport::IcmpEcho => None,
    }
}

pub(crate) fn ranges(set: &AddressSet) -> Vec<Peer> {
    let v4 = set.v4.iter().map(|(first, last)| {
        Peer::Addresses(IpAddr::V4(Ipv4Addr::from_bits(first)), IpAddr::V4(Ipv4Addr::from_bits(last)))
    });
    let v6 = set.v6.iter().map(|(first, last)| {
        Peer::Addresses(IpAddr::V6(Ipv6Addr::from_bits(first)), IpAddr::V6(Ipv6Addr::from_bits(last)))
    });
    v4.chain(v6).collect()
}
