//! What the network policies of each cluster must hold: legs that begin or end at its pods, cut at the pods' side.

use std::{collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{
    AddressSet, GuardRails, PortMatch, Statement, StatementId, StatementOrigin, Transport,
    build::{Planner, Station},
    legs::Leg,
    routes::Route,
};
use crate::{
    flows::{self, some_names},
    model::{Cluster, DnsServer, Model, PodSelector, PrincipalSet, SegmentId, SegmentKind},
};

/// The part of the relation that one cluster's network policies enforce.
///
/// Invariant: a pod of one of `namespaces` may start a connection, or be the end of one, exactly if some grant of that
/// direction covers the pod, its peer and the port.
#[derive(Clone, Debug)]
pub struct ClusterPlan {
    /// The package's name, as `weir.toml` has it.
    pub package: String,
    /// Path of the cluster in the package; not yet fit for a file name.
    pub name: String,
    /// Sorted by id.
    pub statements: Vec<Statement>,
    /// Those that hold a workload: all else in them is denied. Sorted.
    pub namespaces: Vec<String>,
    pub workloads: Vec<WorkloadPlan>,
    /// Permissions, deny already subtracted. They may overlap each other.
    pub grants: Vec<PodGrant>,
    /// What no peer's address may be: addresses of pods and services.
    pub inside: AddressSet,
    /// Where the package wants them: `guard-rails` of `[targets.kubernetes]`.
    pub guard_rails: Option<GuardRails>,
}

/// Pods whose permissions are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadPlan {
    /// Path in the package.
    pub name: String,
    pub pods: PodSelector,
    pub service_account: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PodDirection {
    Ingress,
    Egress,
}

/// Every subject and every peer may connect on every port, in the direction seen from the subject.
#[derive(Clone, Debug)]
pub struct PodGrant {
    pub statement: StatementId,
    pub direction: PodDirection,
    /// Indices into [`ClusterPlan::workloads`]; ascending, never empty.
    pub subjects: Arc<[u32]>,
    pub peers: PodPeers,
    /// TCP, UDP and SCTP, no port 0; never empty.
    pub services: Arc<[PortMatch]>,
}

#[derive(Clone, Debug)]
pub enum PodPeers {
    /// Indices into [`ClusterPlan::workloads`]; ascending, never empty.
    Workloads(Arc<[u32]>),
    /// Pods that are no workload of the package.
    Pods(PodSelector),
    /// Outside of the cluster; never empty.
    Addresses(Arc<AddressSet>),
}

/// Prefixes that one rule may have before somebody should know.
const MANY_PREFIXES: usize = 1_000;

/// Grants of one cluster while they are gathered; their `statement` counts in the package.
#[derive(Default)]
pub(super) struct ClusterDraft {
    pub(super) grants: Vec<PodGrant>,
}

/// How a leg runs through the topology, for those who stand at one of its ends.
pub(super) struct Way<'w> {
    pub(super) from: SegmentId,
    pub(super) to: SegmentId,
    pub(super) route: &'w Route,
    /// The source's addresses, as the destination sees them.
    pub(super) seen_as: Arc<AddressSet>,
    pub(super) destinations: &'w Arc<AddressSet>,
}

impl Planner<'_, '_> {
    /// Takes what a leg means for pods at its ends.
    pub(super) fn pods(
        &mut self,
        leg: &Leg,
        statement: &flows::Statement,
        (source, destination): (&Station, &Station),
        way: &Way<'_>,
        ports: &Arc<[PortMatch]>,
    ) {
        let is_pods = |segment: SegmentId| self.model.segment(segment).kind == SegmentKind::Pods;
        let (leaving, arriving) = (is_pods(way.from), is_pods(way.to));
        if !leaving && !arriving {
            return;
        }
        if leaving && arriving && way.from != way.to {
            return self.other_cluster(statement, destination, way.to);
        }
        let Some(services) = self.pod_services(statement, ports) else { return };
        if !leg.limit_is_held {
            self.unheld(statement, source, destination, way);
        }
        let inside = way.from == way.to;
        if leaving {
            let peers = if inside { None } else { Some(way.destinations) };
            self.grant(
                leg,
                PodDirection::Egress,
                way.from,
                &source.members,
                (&destination.members, peers),
                &services,
            );
        }
        if arriving {
            let peers = if inside { None } else { Some(&way.seen_as) };
            self.grant(
                leg,
                PodDirection::Ingress,
                way.to,
                &destination.members,
                (&source.members, peers),
                &services,
            );
        }
        let many = |set: &AddressSet| prefixes(set) > MANY_PREFIXES;
        if !inside && (leaving && many(way.destinations) || arriving && many(&way.seen_as)) {
            self.many_prefixes(statement, if leaving { way.destinations } else { &way.seen_as });
        }
    }

    fn grant(
        &mut self,
        leg: &Leg,
        direction: PodDirection,
        pods: SegmentId,
        subjects: &PrincipalSet,
        (members, addresses): (&PrincipalSet, Option<&Arc<AddressSet>>),
        services: &Arc<[PortMatch]>,
    ) {
        let Some(index) = self.model.clusters.iter().position(|cluster| cluster.segment == pods) else {
            return;
        };
        let subjects = self.workloads(index, subjects);
        let peers = match addresses {
            Some(addresses) => PodPeers::Addresses(addresses.clone()),
            None => PodPeers::Workloads(self.workloads(index, members)),
        };
        let services = services.clone();
        let grant = PodGrant { statement: leg.statement, direction, subjects, peers, services };
        self.clusters[index].grants.push(grant);
    }

    /// Members of a set as indices into a cluster's workloads.
    fn workloads(&self, cluster: usize, members: &PrincipalSet) -> Arc<[u32]> {
        let held = held(&self.model.clusters[cluster]);
        members.members().filter_map(|id| held.binary_search(&id).ok()).map(|index| index as u32).collect()
    }

    /// What network policies tell apart of some ports: no port 0, which nobody listens on, and no ICMP.
    fn pod_services(
        &mut self,
        statement: &flows::Statement,
        ports: &Arc<[PortMatch]>,
    ) -> Option<Arc<[PortMatch]>> {
        if ports.iter().any(|port| port.transport == Transport::IcmpEcho) {
            self.diagnostics.push(
                Diagnostic::new(&codes::E0601, "network policies cannot permit ICMP")
                    .primary(statement.file, statement.service_span, "at pods, only TCP, UDP and SCTP can be permitted")
                    .help("name the ports: `tcp/8443`, or `tcp/1..65535 | udp/1..65535` for all; pods are checked by the cluster's own probes, and not by pings"),
            );
            return None;
        }
        let services: Arc<[PortMatch]> = ports
            .iter()
            .filter(|port| port.last > 0)
            .map(|port| PortMatch { first: port.first.max(1), ..*port })
            .collect();
        (!services.is_empty()).then_some(services)
    }

    /// Terms that network policies do not know, where nobody else holds them.
    fn unheld(
        &mut self,
        statement: &flows::Statement,
        source: &Station,
        destination: &Station,
        way: &Way<'_>,
    ) {
        let filters =
            |station: &Station| station.gateway.is_some_and(|gateway| self.model.gateway(gateway).filters());
        let on_the_way = !way.route.hops.is_empty()
            && way.route.every_path(|gateway| self.model.gateway(gateway).filters());
        if on_the_way || filters(source) || filters(destination) {
            return;
        }
        let of = |station: &Station| some_names(self.model, station.members.members());
        let ends = format!("{} reaches {} past network policies alone", of(source), of(destination));
        let conditions = &statement.conditions;
        let word = if conditions.audit {
            "mode = audit"
        } else if conditions.log {
            "log"
        } else {
            if conditions.until.is_some() {
                self.diagnostics.push(
                    Diagnostic::new(
                        &codes::W0601,
                        "network policies have no clock: this permission does not end by itself",
                    )
                    .primary(statement.file, statement.span, ends)
                    .help("after its end, build and deploy again: the artifacts then leave it out"),
                );
            }
            return;
        };
        self.diagnostics.push(
            Diagnostic::new(&codes::E0601, format!("no enforcement point on the path can hold `{word}`"))
                .primary(statement.file, statement.span, ends)
                .help(format!("permit that pair by a rule of its own without `{word}`, or lead it through a gateway that `enforces = nftables`")),
        );
    }

    /// From outside of their cluster, pods are one range of addresses.
    fn other_cluster(&mut self, statement: &flows::Statement, destination: &Station, to: SegmentId) {
        let names = some_names(self.model, destination.members.members());
        let cluster = &self.model.segment(to).name;
        self.diagnostics.push(
            Diagnostic::new(
                &codes::E0409,
                format!("pods of another cluster cannot tell {names} from other pods of `{cluster}`"),
            )
            .primary(statement.file, statement.span, "both ends are known by their cluster's addresses only")
            .help("lead the flow through a proxy that has an address of its own, or run both in one cluster"),
        );
    }

    fn many_prefixes(&mut self, statement: &flows::Statement, set: &AddressSet) {
        self.diagnostics.push(
            Diagnostic::new(
                &codes::W0606,
                format!("a network policy of {} prefixes follows from this", prefixes(set)),
            )
            .primary(statement.file, statement.span, "some data planes take minutes, or nothing, of so many")
            .help("permit whole networks, and narrow at a gateway that `enforces = nftables`"),
        );
    }

    /// Clusters as targets take them, and the lines that are no statements: where pods ask for names.
    pub(super) fn cluster_plans(
        &mut self,
        package: &str,
        used: &mut [bool],
    ) -> (Vec<ClusterPlan>, Vec<StatementOrigin>) {
        let mut plans = Vec::new();
        let mut origins = Vec::new();
        for (cluster, draft) in self.model.clusters.iter().zip(std::mem::take(&mut self.clusters)) {
            let (plan, origin) = cluster_plan(self.model, cluster, self.statements, draft, package, used);
            plans.push(plan);
            origins.extend(origin);
        }
        plans.sort_by(|a, b| a.name.cmp(&b.name));
        (plans, origins)
    }
}

/// Principals whose pods policies hold, ascending.
fn held(cluster: &Cluster) -> Vec<u32> {
    let held = cluster.workloads.iter().filter(|workload| !workload.host_network);
    held.map(|workload| workload.principal).collect()
}

fn cluster_plan(
    model: &Model,
    cluster: &Cluster,
    statements: &[flows::Statement],
    draft: ClusterDraft,
    package: &str,
    used: &mut [bool],
) -> (ClusterPlan, Option<StatementOrigin>) {
    let held = cluster.workloads.iter().filter(|workload| !workload.host_network);
    let workloads: Vec<WorkloadPlan> = held
        .map(|workload| WorkloadPlan {
            name: model.principal(workload.principal).name.to_string(),
            pods: workload.pods.clone(),
            service_account: workload.service_account.as_ref().map(ToString::to_string),
        })
        .collect();
    let mut namespaces: Vec<String> =
        workloads.iter().map(|workload| workload.pods.namespace.to_string()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let mut grants = draft.grants;
    let dns_id = SmolStr::from(format!("{}.dns", cluster.name));
    let mut origin = None;
    // The line about names comes after all statements.
    let dns_statement = statements.len() as u32;
    if let Some(dns) = cluster.dns.as_ref().filter(|_| !workloads.is_empty()) {
        let port = |transport| PortMatch { transport, first: dns.port, last: dns.port };
        grants.push(PodGrant {
            statement: dns_statement,
            direction: PodDirection::Egress,
            subjects: (0..workloads.len() as u32).collect(),
            peers: match &dns.server {
                DnsServer::Pods(pods) => PodPeers::Pods(pods.clone()),
                DnsServer::Address(address) => {
                    PodPeers::Addresses(Arc::new(std::iter::once(*address).collect()))
                }
            },
            services: [port(Transport::Tcp), port(Transport::Udp)].into(),
        });
        origin = Some(StatementOrigin {
            id: dns_id.clone(),
            policy: cluster.name.as_str().into(),
            file: dns.file,
            span: dns.span,
            text: format!("dns = {:?}", dns.text.as_str()).into(),
            documentation: SmolStr::default(),
        });
    }
    let mut ids: BTreeMap<&str, (u32, &str)> = BTreeMap::new();
    for grant in &grants {
        match statements.get(grant.statement as usize) {
            Some(statement) => {
                used[grant.statement as usize] = true;
                ids.insert(&statement.id, (grant.statement, &statement.policy));
            }
            None => {
                ids.insert(&dns_id, (dns_statement, &cluster.name));
            }
        }
    }
    let position: FxHashMap<u32, u32> =
        ids.values().enumerate().map(|(at, (statement, _))| (*statement, at as u32)).collect();
    for grant in &mut grants {
        grant.statement = position.get(&grant.statement).copied().unwrap_or_default();
    }
    let inside = model.segment(cluster.segment).addresses.union(&cluster.services);
    let plan = ClusterPlan {
        package: package.into(),
        name: cluster.name.clone(),
        statements: ids
            .iter()
            .map(|(id, (_, policy))| Statement { id: (*id).into(), policy: (*policy).into() })
            .collect(),
        namespaces,
        workloads,
        grants,
        inside,
        guard_rails: None,
    };
    (plan, origin)
}

/// Prefixes that make up a set.
fn prefixes(set: &AddressSet) -> usize {
    /// How many aligned blocks a range of numbers falls into.
    fn blocks(first: u128, last: u128, bits: u32) -> usize {
        let (mut next, mut count) = (first, 0);
        loop {
            let aligned = if next == 0 { bits } else { next.trailing_zeros().min(bits) };
            let left = last - next;
            // the largest block that starts here and ends no later
            let size = (0..=aligned).rev().find(|size| match size {
                128 => left == u128::MAX,
                size => left >= (1 << size) - 1,
            });
            count += 1;
            let size = size.unwrap_or(0);
            let end = if size == 128 { u128::MAX } else { next + ((1 << size) - 1) };
            if end >= last {
                return count;
            }
            next = end + 1;
        }
    }
    let v4: usize = set.v4.iter().map(|(first, last)| blocks(u128::from(first), u128::from(last), 32)).sum();
    let v6: usize = set.v6.iter().map(|(first, last)| blocks(first, last, 128)).sum();
    v4 + v6
}
