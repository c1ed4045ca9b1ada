//! Guard rails of a cluster: what policy forbids its pods, said in so many words. Network policies only permit, so one that
//! somebody adds beside Weir's opens what it names; a guard rail it cannot undo.
//!
//! They come from every `deny` and every `assert never`, and only repeat what the relation already lacks: where the plan
//! leads a permitted flow over what a `deny` names (through a proxy that is its destination), there is none.

use std::{collections::BTreeMap, sync::Arc};

use sha2::{Digest as _, Sha256};
use smol_str::{SmolStr, format_smolstr};
use weir_syntax::{FileId, Span, ast::Effect};

use super::{
    AddressSet, ClusterPlan, Plan, PodDirection, PodGrant, PodPeers, PortMatch, Statement, StatementId,
    StatementOrigin, Transport,
};
use crate::{
    Sources,
    flows::{self, Held, covered},
    model::{Cluster, Model, PrincipalSet, Service},
};

/// All guard rails of a cluster.
#[derive(Clone, Debug, Default)]
pub struct GuardRails {
    /// Among the policies of the tier `Admin`: 0 to 1000, the least first.
    pub priority: u16,
    pub rails: Vec<GuardRail>,
    /// What is forbidden, and cannot be said of pods: by id, why.
    pub left_out: BTreeMap<SmolStr, &'static str>,
}

/// The subject and each peer must never connect on any of the ports, in the direction seen from the subject.
#[derive(Clone, Debug)]
pub struct GuardRail {
    pub statement: StatementId,
    pub direction: PodDirection,
    /// Index into [`ClusterPlan::workloads`].
    pub subject: u32,
    pub peers: PodPeers,
    /// Whatever there is, pings too, where it is none; else no port 0, and never empty.
    pub services: Option<Arc<[PortMatch]>>,
}

/// What must never be.
struct Forbidden<'f> {
    id: SmolStr,
    policy: SmolStr,
    text: SmolStr,
    documentation: SmolStr,
    file: FileId,
    span: Span,
    sources: &'f PrincipalSet,
    destinations: &'f PrincipalSet,
    services: &'f [Service],
}

/// Plans guard rails for every cluster, if the package wants them.
pub fn add_guard_rails(
    sources: &Sources,
    model: &Model,
    statements: &[flows::Statement],
    assertions: &[Held],
    plan: &mut Plan,
) {
    let Some(priority) = sources.manifest.targets.kubernetes.guard_rails else { return };
    let forbidden = forbidden(sources, statements, assertions);
    let mut used = vec![false; forbidden.len()];
    for cluster in plan.clusters.iter_mut().filter(|cluster| !cluster.workloads.is_empty()) {
        let Some(known) = model.clusters.iter().find(|known| known.name == cluster.name) else { continue };
        let mut draft = Draft::new(model, known, cluster);
        for (index, one) in forbidden.iter().enumerate() {
            draft.forbid(index as u32, one);
        }
        let Draft { rails, left_out, .. } = draft;
        for rail in &rails {
            used[rail.statement as usize] = true;
        }
        let left_out =
            left_out.into_iter().map(|(index, why)| (forbidden[index as usize].id.clone(), why)).collect();
        cluster.guard_rails = Some(GuardRails { priority, rails, left_out });
        number(cluster, &forbidden);
    }
    for (one, _) in forbidden.into_iter().zip(used).filter(|(_, used)| *used) {
        let Forbidden { id, policy, text, documentation, file, span, .. } = one;
        plan.statements.push(StatementOrigin { id, policy, file, span, text, documentation });
    }
    plan.statements.sort_by(|a, b| a.id.cmp(&b.id));
    plan.statements.dedup_by(|a, b| a.id == b.id);
}

fn forbidden<'f>(
    sources: &Sources,
    statements: &'f [flows::Statement],
    assertions: &'f [Held],
) -> Vec<Forbidden<'f>> {
    let denies = statements.iter().filter(|statement| statement.effect == Effect::Deny);
    let denies = denies.map(|deny| Forbidden {
        id: deny.id.clone(),
        policy: deny.policy.clone(),
        text: deny.text.clone(),
        documentation: deny.documentation.clone(),
        file: deny.file,
        span: deny.span,
        sources: &deny.sources,
        destinations: &deny.destinations,
        services: &deny.services,
    });
    let nevers = assertions.iter().filter_map(|held| {
        let never = held.never.as_ref()?;
        let text = flows::one_line(sources.file(held.file).map_or("", |file| held.span.of(&file.text)));
        let digest = Sha256::digest(text.as_bytes());
        Some(Forbidden {
            id: format_smolstr!("never.{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2]),
            policy: "never".into(),
            text,
            documentation: SmolStr::default(),
            file: held.file,
            span: held.span,
            sources: &never.sources,
            destinations: &never.destinations,
            services: &never.services,
        })
    });
    denies.chain(nevers).collect()
}

/// The guard rails of one cluster while they are gathered; their `statement` counts in what is forbidden.
struct Draft<'d> {
    model: &'d Model,
    /// Principals whose pods policies hold, ascending: the cluster's workloads.
    held: Vec<u32>,
    inside: AddressSet,
    /// By subject: what it is permitted.
    grants: BTreeMap<(PodDirection, u32), Vec<&'d PodGrant>>,
    rails: Vec<GuardRail>,
    left_out: BTreeMap<u32, &'static str>,
}

impl<'d> Draft<'d> {
    fn new(model: &'d Model, known: &Cluster, plan: &'d ClusterPlan) -> Self {
        let held = known.workloads.iter().filter(|workload| !workload.host_network);
        let mut grants: BTreeMap<(PodDirection, u32), Vec<&PodGrant>> = BTreeMap::new();
        for grant in &plan.grants {
            for subject in grant.subjects.iter() {
                grants.entry((grant.direction, *subject)).or_default().push(grant);
            }
        }
        Self {
            model,
            held: held.map(|workload| workload.principal).collect(),
            inside: plan.inside.clone(),
            grants,
            rails: Vec::new(),
            left_out: BTreeMap::new(),
        }
    }

    fn forbid(&mut self, statement: u32, forbidden: &Forbidden<'_>) {
        let sources = self.workloads(forbidden.sources);
        for part in covered(self.model, forbidden.services, forbidden.destinations) {
            // what ports cannot tell apart is held by whoever looks into the flow
            if part.operation.is_some() || !part.ports.has_ip() {
                continue;
            }
            let destinations = self.workloads(&part.destinations);
            let everything = part.ports.covers(&flows::PortSet::any());
            let services: Arc<[PortMatch]> = part
                .ports
                .port_matches()
                .into_iter()
                .filter(|port| port.transport != Transport::IcmpEcho && port.last > 0)
                .map(|port| PortMatch { first: port.first.max(1), ..port })
                .collect();
            let services = (!everything).then_some(services);
            if services.as_ref().is_some_and(|services| services.is_empty()) {
                if !sources.is_empty() || !destinations.is_empty() {
                    self.left_out.insert(statement, "pings alone cannot be named");
                }
                continue;
            }
            let mut pieces = Vec::new();
            if !destinations.is_empty() {
                pieces.push((PodDirection::Egress, &sources, PodPeers::Workloads(destinations.clone())));
                if !self.outside(forbidden.sources).is_empty() {
                    self.left_out.insert(statement, "no guard rail of pods can name addresses as sources");
                }
            }
            if !sources.is_empty() {
                pieces.push((PodDirection::Ingress, &destinations, PodPeers::Workloads(sources.clone())));
                let outside = self.outside(&part.destinations);
                if !outside.is_empty() {
                    pieces.push((PodDirection::Egress, &sources, PodPeers::Addresses(Arc::new(outside))));
                }
            }
            for (direction, subjects, peers) in pieces {
                for subject in subjects.iter() {
                    let (subject, peers, services) = (*subject, peers.clone(), services.clone());
                    self.rail(GuardRail { statement, direction, subject, peers, services });
                }
            }
        }
    }

    /// Takes a guard rail, unless it would stop what is permitted.
    fn rail(&mut self, rail: GuardRail) {
        let permitted = self.grants.get(&(rail.direction, rail.subject)).into_iter().flatten();
        let meets = |grant: &&&PodGrant| {
            let peers = match (&grant.peers, &rail.peers) {
                (PodPeers::Workloads(a), PodPeers::Workloads(b)) => a.iter().any(|one| b.contains(one)),
                (PodPeers::Addresses(a), PodPeers::Addresses(b)) => !a.intersection(b).is_empty(),
                _ => false,
            };
            let both = |a: &PortMatch, b: &PortMatch| {
                a.transport == b.transport && a.first <= b.last && b.first <= a.last
            };
            let ports = rail.services.as_ref().is_none_or(|services| {
                services.iter().any(|one| grant.services.iter().any(|other| both(one, other)))
            });
            peers && ports
        };
        if permitted.into_iter().any(|grant| meets(&grant)) {
            self.left_out.insert(rail.statement, "permitted flows are led over what it names, by a proxy");
        } else {
            self.rails.push(rail);
        }
    }

    fn workloads(&self, members: &PrincipalSet) -> Arc<[u32]> {
        let known = members.members().filter_map(|id| self.held.binary_search(&id).ok());
        known.map(|index| index as u32).collect()
    }

    /// The addresses of a set that are neither pods nor services.
    fn outside(&self, members: &PrincipalSet) -> AddressSet {
        let attachments = members.members().flat_map(|id| &self.model.principal(id).attachments);
        AddressSet::union_of(attachments.map(|one| &*one.addresses)).difference(&self.inside)
    }
}

/// Puts the statements of guard rails among those of the cluster, and numbers all anew.
fn number(cluster: &mut ClusterPlan, forbidden: &[Forbidden<'_>]) {
    let Some(guard_rails) = &mut cluster.guard_rails else { return };
    let mut policies: BTreeMap<SmolStr, SmolStr> = BTreeMap::new();
    let known = cluster.statements.iter().map(|statement| (&statement.id, &statement.policy));
    let new = guard_rails.rails.iter().map(|rail| &forbidden[rail.statement as usize]);
    for (id, policy) in known.chain(new.map(|one| (&one.id, &one.policy))) {
        policies.insert(id.clone(), policy.clone());
    }
    let all: Vec<Statement> = policies.into_iter().map(|(id, policy)| Statement { id, policy }).collect();
    let position = |id: &SmolStr| all.binary_search_by(|one| one.id.cmp(id)).unwrap_or_default() as u32;
    for grant in &mut cluster.grants {
        grant.statement = position(&cluster.statements[grant.statement as usize].id);
    }
    for rail in &mut guard_rails.rails {
        rail.statement = position(&forbidden[rail.statement as usize].id);
    }
    cluster.statements = all;
}
