//! Guard rails as `ClusterNetworkPolicy` (`policy.networking.k8s.io/v1alpha2`) of the tier `Admin`. All of them deny, so that
//! neither their order nor a priority that they share decides anything. One object for each workload and direction, more
//! where it would have more items than the API takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ipnet::IpNet;
use weir_compiler::{
    model::PodSelector,
    plan::{ClusterPlan, GuardRail, GuardRails, PodDirection, PodPeers, PortMatch, Transport, WorkloadPlan},
};

use crate::{
    emit::{ids_within, labels},
    error::EmitError,
    names::Register,
    object::ClusterPolicy,
    prefixes::prefixes,
};

/// Items of any list, as the API's schema has it.
const MAX_ITEMS: usize = 25;
/// Bytes of a rule's name, likewise.
const MAX_NAME: usize = 100;

/// A rule that denies: never without peers.
pub(crate) struct Denial {
    /// Of the statement that forbids it.
    pub(crate) id: String,
    pub(crate) peers: Vec<DeniedPeer>,
    /// Whatever there is, where it is none; else never empty.
    pub(crate) ports: Option<Vec<PortMatch>>,
}

impl Denial {
    /// Whether the ports of another rule can be named in this one.
    fn takes(&self, other: &Self) -> bool {
        let room = |ports: &[PortMatch], more: &[PortMatch]| ports.len() + more.len() <= MAX_ITEMS;
        let ports = self.ports.as_ref().zip(other.ports.as_ref());
        self.id == other.id && self.peers == other.peers && ports.is_some_and(|(own, more)| room(own, more))
    }

    fn add(&mut self, more: Option<Vec<PortMatch>>) {
        if let (Some(ports), Some(more)) = (&mut self.ports, more) {
            ports.extend(more);
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum DeniedPeer {
    Pods(PodSelector),
    Networks(Vec<IpNet>),
}

/// The objects of a cluster's guard rails.
pub(crate) fn policies(
    plan: &ClusterPlan,
    guard_rails: &GuardRails,
    register: &mut Register,
) -> Result<Vec<ClusterPolicy>, EmitError> {
    let mut subjects: BTreeMap<(u32, PodDirection), Vec<Denial>> = BTreeMap::new();
    let mut known: BTreeMap<*const u8, Vec<Vec<IpNet>>> = BTreeMap::new();
    for rail in &guard_rails.rails {
        let id = plan.statements.get(rail.statement as usize).map_or("", |statement| &statement.id);
        let denials = denials(plan, rail, id, &mut known)?;
        let known = subjects.entry((rail.subject, rail.direction)).or_default();
        for denial in denials {
            match known.last_mut().filter(|last| last.takes(&denial)) {
                Some(last) => last.add(denial.ports),
                None => known.push(denial),
            }
        }
    }
    let mut objects = Vec::new();
    for ((subject, direction), denials) in subjects {
        let workload = workload(plan, subject, "")?;
        let mut rest = denials.into_iter().peekable();
        let mut part = 0;
        while rest.peek().is_some() {
            let rules: Vec<Denial> = rest.by_ref().take(MAX_ITEMS).collect();
            objects.push(object(plan, guard_rails, workload, (direction, part), rules, register)?);
            part += 1;
        }
    }
    Ok(objects)
}

fn workload<'p>(plan: &'p ClusterPlan, index: u32, id: &str) -> Result<&'p WorkloadPlan, EmitError> {
    plan.workloads.get(index as usize).ok_or_else(|| EmitError::EmptyGrant { statement: id.to_owned() })
}

/// One guard rail in as many rules as its peers and ports need.
fn denials(
    plan: &ClusterPlan,
    rail: &GuardRail,
    id: &str,
    known: &mut BTreeMap<*const u8, Vec<Vec<IpNet>>>,
) -> Result<Vec<Denial>, EmitError> {
    let empty = || EmitError::EmptyGrant { statement: id.to_owned() };
    let peers: Vec<DeniedPeer> = match &rail.peers {
        PodPeers::Workloads(list) => list
            .iter()
            .map(|index| workload(plan, *index, id).map(|one| DeniedPeer::Pods(one.pods.clone())))
            .collect::<Result<_, _>>()?,
        PodPeers::Pods(pods) => vec![DeniedPeer::Pods(pods.clone())],
        PodPeers::Addresses(set) => {
            if let Some(address) = set.intersection(&plan.inside).first() {
                return Err(EmitError::InsideAddress { statement: id.to_owned(), address });
            }
            // the plan keeps every set alive, so that its place in memory names it
            let chunks = known
                .entry(Arc::as_ptr(set).cast::<u8>())
                .or_insert_with(|| prefixes(set).chunks(MAX_ITEMS).map(<[IpNet]>::to_vec).collect());
            chunks.iter().cloned().map(DeniedPeer::Networks).collect()
        }
    };
    let ports: Vec<Option<Vec<PortMatch>>> = match &rail.services {
        None => vec![None],
        Some(services) => services.chunks(MAX_ITEMS).map(|chunk| Some(chunk.to_vec())).collect(),
    };
    if peers.is_empty() || ports.is_empty() {
        return Err(empty());
    }
    let bad =
        |port: &PortMatch| port.transport == Transport::IcmpEcho || port.first == 0 || port.first > port.last;
    if rail.services.iter().flat_map(|services| services.iter()).any(bad) {
        return Err(EmitError::BadPorts { statement: id.to_owned() });
    }
    let mut rules = Vec::new();
    for peers in peers.chunks(MAX_ITEMS) {
        for ports in &ports {
            rules.push(Denial { id: id.to_owned(), peers: peers.to_vec(), ports: ports.clone() });
        }
    }
    Ok(rules)
}

fn object(
    plan: &ClusterPlan,
    guard_rails: &GuardRails,
    workload: &WorkloadPlan,
    (direction, part): (PodDirection, u32),
    rules: Vec<Denial>,
    register: &mut Register,
) -> Result<ClusterPolicy, EmitError> {
    let (suffix, verb) = match direction {
        PodDirection::Ingress => ("in", "what must never reach"),
        PodDirection::Egress => ("out", "what must never be reached by"),
    };
    let part = part.to_string();
    // cluster-wide: packages in one cluster are kept apart by their names
    let identity = [&*plan.package, &*workload.pods.namespace, &*workload.name, suffix, &*part, "guard rail"];
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    Ok(ClusterPolicy {
        title: format!("guard rail: {verb} {}", workload.name),
        name: register.claim(["guard-rail", &workload.name], suffix, &identity)?,
        labels: labels(plan),
        annotations: [("weir/statements", ids_within(&ids)), ("weir/workload", workload.name.clone())].into(),
        priority: guard_rails.priority,
        subject: workload.pods.clone(),
        direction,
        rules,
    })
}

/// The name of a rule, which data planes show in what they log.
pub(crate) fn rule_name(id: &str) -> Option<&str> {
    (id.len() <= MAX_NAME).then_some(id)
}
