//! Guard rails: `ClusterNetworkPolicy` objects that deny, and do nothing else. `Accept` would open what network policies
//! close, and `Pass` would let guard rails of less precedence be passed by, so that both are refused.

use std::collections::BTreeSet;

use crate::{
    Unread,
    address::{Family, address, number, range},
    model::{Direction, Peer, Place, PolicyModel, Selector, Term, explicit, pods_by_name},
    objects::{ClusterNetworkPolicy, ClusterPeer, ClusterRule, PortChoice, Protocol},
    validate::check_guard_rail,
    yaml::{Node, Value, Wrong},
};

impl PolicyModel {
    /// Takes in one guard rail that is in the normal form.
    pub(crate) fn add_guard_rail(
        &mut self,
        file: &str,
        node: &Node,
        policy: &ClusterNetworkPolicy,
    ) -> Result<(), Unread> {
        let unread = |wrong: Wrong| Unread { file: file.into(), line: wrong.line, what: wrong.what };
        check_guard_rail(node, policy).map_err(unread)?;
        explicit(node).map_err(unread)?;
        self.files.push(file.into());
        let index = self.files.len() as u32 - 1;
        self.take_guard_rail(index, node, policy).map_err(unread)
    }

    fn take_guard_rail(
        &mut self,
        file: u32,
        node: &Node,
        policy: &ClusterNetworkPolicy,
    ) -> Result<(), Wrong> {
        let wrong = |line: u32, what: &str| Wrong { line, what: what.into() };
        let spec = &policy.spec;
        let Some(spec_node) = node.get("spec") else { return Err(wrong(node.line, "no `spec`")) };
        if !policy.metadata.namespace.is_empty() {
            return Err(wrong(node.line, "a guard rail belongs to no namespace"));
        }
        if spec.tier != "Admin" {
            return Err(wrong(spec_node.line, "network policies go before the tier `Baseline`"));
        }
        self.priorities.extend(spec.priority);
        let ClusterPeer { namespaces: None, pods: Some(subject), networks: None } = &spec.subject else {
            return Err(wrong(spec_node.line, "the subject is chosen by namespace and labels together"));
        };
        let subject = pods_by_name(&subject.namespace_selector, &subject.pod_selector, spec_node.line)?;
        let (direction, rules, field) = match (spec.ingress.as_slice(), spec.egress.as_slice()) {
            (rules @ [_, ..], []) => (Direction::Ingress, rules, "ingress"),
            ([], rules @ [_, ..]) => (Direction::Egress, rules, "egress"),
            _ => return Err(wrong(spec_node.line, "a guard rail has rules, and of one direction")),
        };
        let Some(Value::List(rule_nodes)) = spec_node.get(field).map(|node| &node.value) else {
            return Err(wrong(spec_node.line, "no list of rules"));
        };
        for (rule, rule_node) in rules.iter().zip(rule_nodes) {
            let line = rule_node.line;
            if rule.action != "Deny" {
                return Err(wrong(line, "a guard rail denies, and does nothing else"));
            }
            let place = Place { file, line };
            let subject = subject.clone();
            let (peers, ports) = (peers(rule, line)?, ports(rule, line)?);
            self.denials.push(Term { direction, subject, peers, ports, place });
        }
        Ok(())
    }
}

fn peers(rule: &ClusterRule, line: u32) -> Result<Vec<Peer>, Wrong> {
    let wrong = |what: String| Wrong { line, what };
    let mut peers = Vec::new();
    for peer in rule.from.iter().chain(&rule.to).flatten() {
        match peer {
            ClusterPeer { namespaces: None, pods: Some(pods), networks: None } => {
                let selector: Selector = pods_by_name(&pods.namespace_selector, &pods.pod_selector, line)?;
                peers.push(Peer::Pods(selector));
            }
            ClusterPeer { namespaces: None, pods: None, networks: Some(networks) } => {
                for text in networks {
                    let prefix: ipnet::IpNet =
                        text.parse().map_err(|_| wrong(format!("`{text}` is no prefix")))?;
                    if prefix.trunc().to_string() != *text {
                        return Err(wrong(format!("`{text}` is not written in its shortest form")));
                    }
                    let (family, first, last): (Family, u128, u128) = range(prefix);
                    peers.push(Peer::Addresses(address(family, first), address(family, last)));
                }
            }
            _ => return Err(wrong("peers are pods by namespace and labels, or networks".into())),
        }
    }
    let mut ranges: BTreeSet<(Family, u128, u128)> = BTreeSet::new();
    for peer in &peers {
        if let Peer::Addresses(first, last) = peer {
            let (family, first) = number(*first);
            ranges.insert((family, first, number(*last).1));
        }
    }
    let ranges: Vec<_> = ranges.into_iter().collect();
    if ranges.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[1].1 <= pair[0].2) {
        return Err(wrong("networks of one rule overlap".into()));
    }
    Ok(peers)
}

/// Without `protocols`, everything.
fn ports(rule: &ClusterRule, line: u32) -> Result<Vec<(Protocol, u16, u16)>, Wrong> {
    let wrong = |what: &str| Wrong { line, what: what.into() };
    let Some(choices) = &rule.protocols else {
        return Ok([Protocol::Tcp, Protocol::Udp, Protocol::Sctp].map(|one| (one, 0, u16::MAX)).into());
    };
    if choices.is_empty() {
        return Err(wrong("an empty list of protocols, which stands for all"));
    }
    let of = |protocol, ports: &PortChoice| {
        let number = |number: i64| u16::try_from(number).map_err(|_| wrong("no number of a port"));
        match (ports.number, &ports.range) {
            (Some(one), None) => Ok((protocol, number(one)?, number(one)?)),
            (None, Some(range)) => Ok((protocol, number(range.start)?, number(range.end)?)),
            _ => Err(wrong("ports are a number or a range")),
        }
    };
    let mut ports = Vec::with_capacity(choices.len());
    for choice in choices {
        if choice.destination_named_port.is_some() {
            return Err(wrong("data planes disagree about named ports"));
        }
        for (protocol, given) in
            [(Protocol::Tcp, &choice.tcp), (Protocol::Udp, &choice.udp), (Protocol::Sctp, &choice.sctp)]
        {
            let Some(given) = given else { continue };
            let choice = given.destination_port.as_ref();
            ports.push(of(protocol, choice.ok_or_else(|| wrong("`destinationPort` is not said"))?)?);
        }
    }
    Ok(ports)
}
