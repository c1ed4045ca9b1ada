//! Connections between pods and addresses, at all edges of what a plan says; and who may make them, by the plan's own words.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use weir_compiler::{
    model::PodSelector,
    plan::{ClusterPlan, PodDirection, PodPeers, Transport},
};
use weir_kubernetes_reader::{End, Labels, Pod, Protocol, World};

/// The pods and outside addresses that are asked about, and the ports.
pub(crate) struct Probes {
    pub(crate) world: World,
    pub(crate) ends: Vec<End>,
    pub(crate) services: Vec<(Protocol, u16)>,
}

fn labels(pods: &PodSelector) -> Labels {
    pods.labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

impl Probes {
    pub(crate) fn of(plan: &ClusterPlan) -> Self {
        let mut world = World::default();
        let mut number = 0;
        let mut pod = |namespace: &str, labels: Labels| {
            number += 1;
            let label = ("kubernetes.io/metadata.name".to_owned(), namespace.to_owned());
            world.namespaces.insert(namespace.into(), [label].into());
            world.pods.push(Pod {
                namespace: namespace.into(),
                name: format!("pod-{number}"),
                labels,
                addresses: vec![[10, 42, 7, number].into()],
                ..Pod::default()
            });
        };
        let mut ports: BTreeSet<u16> = [22, 8080].into();
        let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
        for workload in &plan.workloads {
            let own = labels(&workload.pods);
            pod(&workload.pods.namespace, own.clone());
            // With more labels it is the same workload; in another namespace it is a stranger.
            let mut more = own.clone();
            more.insert("pod-template-hash".into(), "5d8f".into());
            pod(&workload.pods.namespace, more);
            pod("elsewhere", own);
        }
        for namespace in &plan.namespaces {
            pod(namespace, Labels::new());
        }
        for grant in &plan.grants {
            for service in grant.services.iter() {
                let near = [service.first, service.last];
                let near =
                    near.into_iter().flat_map(|port| [port.saturating_sub(1), port, port.saturating_add(1)]);
                ports.extend(near.filter(|port| *port > 0));
            }
            match &grant.peers {
                PodPeers::Addresses(set) => {
                    let around = |first: u128, last: u128, most: u128| {
                        [first.saturating_sub(1), first, last, last.saturating_add(1).min(most)]
                    };
                    for (first, last) in set.v4.iter() {
                        let around = around(u128::from(first), u128::from(last), u128::from(u32::MAX));
                        addresses.extend(around.map(|number| IpAddr::V4((number as u32).into())));
                    }
                    for (first, last) in set.v6.iter() {
                        addresses
                            .extend(around(first, last, u128::MAX).map(|number| IpAddr::V6(number.into())));
                    }
                }
                PodPeers::Pods(pods) => pod(&pods.namespace, labels(pods)),
                PodPeers::Workloads(_) => {}
            }
        }
        let ends = (0..world.pods.len()).map(End::Pod);
        let ends = ends.chain(addresses.into_iter().map(End::Outside)).collect();
        let services =
            ports.into_iter().flat_map(|port| Protocol::ALL.map(|protocol| (protocol, port))).collect();
        Self { world, ends, services }
    }

    /// Every question: pairs of which one end at least is a pod, on every port.
    pub(crate) fn questions(&self) -> impl Iterator<Item = (End, End, Protocol, u16)> + '_ {
        let pairs = self.ends.iter().flat_map(|from| self.ends.iter().map(|to| (*from, *to)));
        let pairs = pairs.filter(|(from, to)| match (from, to) {
            (End::Outside(_), End::Outside(_)) => false,
            (End::Pod(a), End::Pod(b)) => a != b,
            _ => true,
        });
        pairs.flat_map(|(from, to)| {
            self.services.iter().map(move |(protocol, port)| (from, to, *protocol, *port))
        })
    }

    /// Whether the plan permits it: both ends, where they are pods of namespaces that it holds.
    pub(crate) fn planned(
        &self,
        plan: &ClusterPlan,
        (from, to, protocol, port): (End, End, Protocol, u16),
    ) -> bool {
        let side = |direction, subject: End, peer: End| {
            let End::Pod(index) = subject else { return true };
            let subject = &self.world.pods[index];
            if !plan.namespaces.contains(&subject.namespace) {
                return true;
            }
            let is = |pod: &Pod, pods: &PodSelector| {
                pod.namespace == pods.namespace.as_str()
                    && labels(pods).iter().all(|(key, value)| pod.labels.get(key) == Some(value))
            };
            let workload = |pod: &Pod, index: &u32| is(pod, &plan.workloads[*index as usize].pods);
            plan.grants.iter().any(|grant| {
                grant.direction == direction
                    && grant.subjects.iter().any(|index| workload(subject, index))
                    && match (&grant.peers, peer) {
                        (PodPeers::Workloads(list), End::Pod(peer)) => {
                            list.iter().any(|index| workload(&self.world.pods[peer], index))
                        }
                        (PodPeers::Pods(pods), End::Pod(peer)) => is(&self.world.pods[peer], pods),
                        (PodPeers::Addresses(set), End::Outside(address)) => set.contains(address),
                        _ => false,
                    }
                    && grant.services.iter().any(|service| {
                        let same = match protocol {
                            Protocol::Tcp => Transport::Tcp,
                            Protocol::Udp => Transport::Udp,
                            Protocol::Sctp => Transport::Sctp,
                        };
                        service.transport == same && (service.first..=service.last).contains(&port)
                    })
            })
        };
        side(PodDirection::Egress, from, to) && side(PodDirection::Ingress, to, from)
    }

    /// `telemetry/pod-3`, `10.1.0.10`.
    pub(crate) fn name(&self, end: End) -> String {
        match end {
            End::Pod(index) => {
                format!("{}/{}", self.world.pods[index].namespace, self.world.pods[index].name)
            }
            End::Outside(address) => address.to_string(),
        }
    }

    /// The pods and namespaces as manifests.
    pub(crate) fn manifests(&self) -> (String, String) {
        let quoted = |labels: &BTreeMap<String, String>| serde_json::to_string(labels).unwrap_or_default();
        let mut pods = String::from("apiVersion: v1\nkind: List\nitems:\n");
        for pod in &self.world.pods {
            pods.push_str(&format!(
                "- {{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {{\"name\": {:?}, \"namespace\": {:?}, \
                 \"labels\": {}}}, \"spec\": {{\"containers\": [{{\"name\": \"c\", \"image\": \"x\"}}]}}, \
                 \"status\": {{\"podIP\": \"{}\", \"hostIP\": \"10.40.0.9\"}}}}\n",
                pod.name, pod.namespace, quoted(&pod.labels), pod.addresses[0],
            ));
        }
        let mut namespaces = String::from("apiVersion: v1\nkind: List\nitems:\n");
        for (name, labels) in &self.world.namespaces {
            namespaces.push_str(&format!(
                "- {{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {{\"name\": {name:?}, \
                 \"labels\": {}}}}}\n",
                quoted(labels),
            ));
        }
        (pods, namespaces)
    }
}
