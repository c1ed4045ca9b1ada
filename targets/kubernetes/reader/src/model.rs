//! What policies permit, as terms: pods chosen by labels, peers chosen by labels or addresses, numbers of ports. Only the
//! normal form has such a model; the rest of the API is for [`crate::World`].

use std::{collections::BTreeSet, fmt, net::IpAddr};

use crate::{
    Unread,
    address::{Family, address, check_cidr, range},
    objects::{
        IntOrText, LabelSelector, Labels, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, Protocol,
    },
    validate::check_alone,
    yaml::{Node, Value, Wrong},
};

/// The label by which the API server names a namespace.
pub(crate) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    Ingress,
    Egress,
}

/// The pods of one namespace that have all of these labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector {
    pub namespace: String,
    pub labels: Labels,
}

impl fmt::Display for Selector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/", self.namespace)?;
        if self.labels.is_empty() {
            return formatter.write_str("*");
        }
        for (index, (key, value)) in self.labels.iter().enumerate() {
            write!(formatter, "{}{key}={value}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Whom a term permits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    Pods(Selector),
    /// From, to; of one family.
    Addresses(IpAddr, IpAddr),
}

/// Where something stands: index into [`PolicyModel::files`], and a line from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub file: u32,
    pub line: u32,
}

/// The chosen pods and each of the peers may connect on each of the ports.
#[derive(Clone, Debug)]
pub struct Term {
    pub direction: Direction,
    pub subject: Selector,
    pub peers: Vec<Peer>,
    /// Of the destination; ends included.
    pub ports: Vec<(Protocol, u16, u16)>,
    pub place: Place,
}

/// What all policies of a cluster say together.
#[derive(Clone, Debug, Default)]
pub struct PolicyModel {
    pub files: Vec<String>,
    /// Pods that may do in this direction what some term permits, and nothing else.
    pub isolated: Vec<(Direction, Selector, Place)>,
    pub terms: Vec<Term>,
    /// What no network policy can permit, whoever adds it. A range from port 0 stands for whatever has no ports, too.
    pub denials: Vec<Term>,
    /// Of all denials, among the policies of the tier `Admin`.
    pub priorities: BTreeSet<i64>,
}

impl PolicyModel {
    /// `kubernetes/edge1/telemetry/broker-in.yaml:14`
    pub fn describe(&self, place: Place) -> String {
        let file = self.files.get(place.file as usize).map_or("", String::as_str);
        format!("{file}:{}", place.line)
    }

    /// Takes in one policy that is in the normal form.
    pub(crate) fn add(&mut self, file: &str, node: &Node, policy: &NetworkPolicy) -> Result<(), Unread> {
        let unread = |wrong: Wrong| Unread { file: file.into(), line: wrong.line, what: wrong.what };
        check_alone(node, policy).map_err(unread)?;
        explicit(node).map_err(unread)?;
        self.files.push(file.into());
        let index = self.files.len() as u32 - 1;
        self.take(index, node, policy).map_err(unread)
    }

    fn take(&mut self, file: u32, node: &Node, policy: &NetworkPolicy) -> Result<(), Wrong> {
        let wrong = |line: u32, what: &str| Wrong { line, what: what.into() };
        let (namespace, spec) = (&policy.metadata.namespace, &policy.spec);
        if namespace.is_empty() {
            return Err(wrong(node.line, "no namespace: it would be that of whoever applies it"));
        }
        let Some(spec_node) = node.get("spec") else { return Err(wrong(node.line, "no `spec`")) };
        let direction = match spec.policy_types.as_slice() {
            [only] if only == "Ingress" => Direction::Ingress,
            [only] if only == "Egress" => Direction::Egress,
            _ => return Err(wrong(spec_node.line, "a policy has one of the `policyTypes`, and says which")),
        };
        let (field, other) = match direction {
            Direction::Ingress => ("ingress", "egress"),
            Direction::Egress => ("egress", "ingress"),
        };
        if let Some(rules) = spec_node.get(other) {
            return Err(wrong(rules.line, "rules of the other direction are ignored, or worse"));
        }
        let Some(selector) = spec_node.get("podSelector") else {
            return Err(wrong(spec_node.line, "`podSelector` is not said"));
        };
        let labels = plain(&spec.pod_selector, selector.line)?;
        let subject = Selector { namespace: namespace.clone(), labels };
        self.isolated.push((direction, subject.clone(), Place { file, line: selector.line }));
        let rule_nodes = match spec_node.get(field).map(|rules| (&rules.value, rules.line)) {
            None => return Ok(()),
            Some((Value::List(list), line)) if list.is_empty() => {
                return Err(wrong(line, "an empty list of rules, which some take for all"));
            }
            Some((Value::List(list), _)) => list,
            Some((_, line)) => return Err(wrong(line, "no list of rules")),
        };
        for (rule, rule_node) in spec.rules(direction).iter().zip(rule_nodes) {
            let line = rule_node.line;
            if rule.peers.is_empty() || rule.ports.is_empty() {
                return Err(wrong(line, "a rule without peers or without ports permits all of them"));
            }
            let mut peers = Vec::with_capacity(rule.peers.len());
            for peer in &rule.peers {
                peers.push(self::peer(peer, line)?);
            }
            disjoint(&peers, line)?;
            let ports: Vec<_> =
                rule.ports.iter().map(|choice| ports(choice, line)).collect::<Result<_, _>>()?;
            self.terms.push(Term {
                direction,
                subject: subject.clone(),
                peers,
                ports,
                place: Place { file, line },
            });
        }
        Ok(())
    }
}

/// A selector by labels alone.
fn plain(selector: &LabelSelector, line: u32) -> Result<Labels, Wrong> {
    if !selector.match_expressions.is_empty() {
        return Err(Wrong { line, what: "`matchExpressions` are not read".into() });
    }
    Ok(selector.match_labels.clone())
}

fn peer(peer: &NetworkPolicyPeer, line: u32) -> Result<Peer, Wrong> {
    let wrong = |what: &str| Wrong { line, what: what.into() };
    if let Some(block) = &peer.ip_block {
        if !block.except.is_empty() {
            return Err(wrong("data planes disagree about `except`"));
        }
        let prefix = check_cidr(&block.cidr).map_err(wrong)?;
        if prefix.to_string() != block.cidr {
            return Err(wrong("a prefix that is not written in its shortest form"));
        }
        let (family, first, last) = range(prefix);
        return Ok(Peer::Addresses(address(family, first), address(family, last)));
    }
    let (Some(namespaces), Some(pods)) = (&peer.namespace_selector, &peer.pod_selector) else {
        return Err(wrong("pods are chosen by `namespaceSelector` and `podSelector` together"));
    };
    pods_by_name(namespaces, pods, line).map(Peer::Pods)
}

/// Pods of one namespace, which is chosen by its name and nothing else.
pub(crate) fn pods_by_name(
    namespaces: &LabelSelector,
    pods: &LabelSelector,
    line: u32,
) -> Result<Selector, Wrong> {
    let namespace = plain(namespaces, line)?;
    match namespace.iter().next() {
        Some((key, name)) if namespace.len() == 1 && key == NAMESPACE_NAME => {
            Ok(Selector { namespace: name.clone(), labels: plain(pods, line)? })
        }
        _ => Err(Wrong {
            line,
            what: "a namespace is chosen by its name (`kubernetes.io/metadata.name`) and nothing else".into(),
        }),
    }
}

fn ports(choice: &NetworkPolicyPort, line: u32) -> Result<(Protocol, u16, u16), Wrong> {
    let wrong = |what: &str| Wrong { line, what: what.into() };
    let protocol = choice.protocol().map_err(|word| wrong(&format!("`{word}` is no protocol")))?;
    let number = |number: i64| u16::try_from(number).map_err(|_| wrong("no number of a port"));
    match (&choice.port, choice.end_port) {
        (None, _) => Ok((protocol, 1, u16::MAX)),
        (Some(IntOrText::Number(first)), last) => {
            Ok((protocol, number(*first)?, number(last.unwrap_or(*first))?))
        }
        (Some(IntOrText::Text(_)), _) => Err(wrong("data planes disagree about named ports")),
    }
}

/// Prefixes of one rule do not overlap: some data planes then take none of them.
fn disjoint(peers: &[Peer], line: u32) -> Result<(), Wrong> {
    let mut ranges: Vec<(Family, u128, u128)> = peers
        .iter()
        .filter_map(|peer| match peer {
            Peer::Addresses(first, last) => {
                let (family, first) = crate::address::number(*first);
                Some((family, first, crate::address::number(*last).1))
            }
            Peer::Pods(_) => None,
        })
        .collect();
    ranges.sort_unstable();
    let overlap = ranges.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[1].1 <= pair[0].2);
    if overlap { Err(Wrong { line, what: "prefixes of one rule overlap".into() }) } else { Ok(()) }
}

/// Every text stands in double quotes, and nothing is `null`: no two readers of YAML see different values.
pub(crate) fn explicit(node: &Node) -> Result<(), Wrong> {
    match &node.value {
        Value::Text { double_quoted: false, text } => {
            Err(Wrong { line: node.line, what: format!("{text:?} does not stand in double quotes") })
        }
        Value::Null => Err(Wrong { line: node.line, what: "nothing where a value is due".into() }),
        Value::List(list) => list.iter().try_for_each(explicit),
        Value::Map(entries) => entries.iter().try_for_each(|(_, value)| explicit(value)),
        _ => Ok(()),
    }
}
