//! Which connections NetworkPolicies permit, decided one by one by the rules of the API.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use crate::{
    model::Direction,
    objects::{
        IntOrText, IpBlock, LabelSelector, Labels, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort,
        NetworkPolicyRule, Protocol,
    },
};

/// The namespaces and pods of a cluster. A selector may well choose pods that run only later: put such pods here too.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Each with its labels; the API server adds `kubernetes.io/metadata.name`.
    pub namespaces: BTreeMap<String, Labels>,
    pub pods: Vec<Pod>,
}

#[derive(Clone, Debug, Default)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    pub labels: Labels,
    pub addresses: Vec<IpAddr>,
    pub ports: Vec<ContainerPort>,
    /// It has the node's network, where no policy holds it.
    pub host_network: bool,
}

#[derive(Clone, Debug)]
pub struct ContainerPort {
    pub name: String,
    pub protocol: Protocol,
    pub number: u16,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// Index into [`World::pods`].
    Pod(usize),
    Outside(IpAddr),
}

impl World {
    /// Whether all of the policies together let `source` connect to a port of `destination`. Addresses of pods count for
    /// `ipBlock`s, as in most data planes.
    pub fn permits(
        &self,
        policies: &[NetworkPolicy],
        source: End,
        destination: End,
        protocol: Protocol,
        port: u16,
    ) -> bool {
        if let (End::Pod(a), End::Pod(b)) = (source, destination)
            && a == b
        {
            return true;
        }
        let service = Service { protocol, port };
        self.direction(policies, Direction::Egress, source, destination, destination, service)
            && self.direction(policies, Direction::Ingress, destination, source, destination, service)
    }

    fn direction(
        &self,
        policies: &[NetworkPolicy],
        direction: Direction,
        subject: End,
        peer: End,
        destination: End,
        service: Service,
    ) -> bool {
        let Some(subject) = self.pod(subject).filter(|pod| !pod.host_network) else { return true };
        let mut isolated = false;
        for policy in policies {
            if policy.metadata.namespace != subject.namespace
                || !policy.spec.isolates(direction)
                || !policy.spec.pod_selector.matches(&subject.labels)
            {
                continue;
            }
            isolated = true;
            let mut rules = policy.spec.rules(direction).iter();
            if rules.any(|rule| self.rule(rule, &policy.metadata.namespace, peer, destination, service)) {
                return true;
            }
        }
        !isolated
    }

    fn rule(
        &self,
        rule: &NetworkPolicyRule,
        namespace: &str,
        peer: End,
        destination: End,
        service: Service,
    ) -> bool {
        (rule.peers.is_empty() || rule.peers.iter().any(|one| self.peer(one, namespace, peer)))
            && (rule.ports.is_empty() || rule.ports.iter().any(|one| self.port(one, destination, service)))
    }

    fn peer(&self, peer: &NetworkPolicyPeer, namespace: &str, end: End) -> bool {
        if let Some(block) = &peer.ip_block {
            return match end {
                End::Outside(address) => block.contains(address),
                End::Pod(_) => self
                    .pod(end)
                    .is_some_and(|pod| pod.addresses.iter().any(|address| block.contains(*address))),
            };
        }
        let Some(pod) = self.pod(end).filter(|pod| !pod.host_network) else { return false };
        let chosen = |selector: &LabelSelector| {
            self.namespaces.get(&pod.namespace).is_some_and(|labels| selector.matches(labels))
        };
        let right_namespace = match &peer.namespace_selector {
            Some(selector) => chosen(selector),
            None => pod.namespace == namespace,
        };
        right_namespace && peer.pod_selector.as_ref().is_none_or(|selector| selector.matches(&pod.labels))
    }

    fn port(&self, choice: &NetworkPolicyPort, destination: End, service: Service) -> bool {
        if choice.protocol() != Ok(service.protocol) {
            return false;
        }
        match &choice.port {
            None => true,
            Some(IntOrText::Number(first)) => {
                (*first..=choice.end_port.unwrap_or(*first)).contains(&i64::from(service.port))
            }
            Some(IntOrText::Text(name)) => self.pod(destination).is_some_and(|pod| {
                pod.ports.iter().any(|port| {
                    port.name == *name && port.protocol == service.protocol && port.number == service.port
                })
            }),
        }
    }

    fn pod(&self, end: End) -> Option<&Pod> {
        match end {
            End::Pod(index) => self.pods.get(index),
            End::Outside(_) => None,
        }
    }
}

#[derive(Clone, Copy)]
struct Service {
    protocol: Protocol,
    port: u16,
}

impl IpBlock {
    /// What cannot be read holds nothing.
    fn contains(&self, address: IpAddr) -> bool {
        let holds = |text: &str| text.parse::<IpNet>().is_ok_and(|prefix| prefix.contains(&address));
        holds(&self.cidr) && !self.except.iter().any(|hole| holds(hole))
    }
}
