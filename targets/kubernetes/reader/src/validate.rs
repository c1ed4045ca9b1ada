//! What the API server of a cluster refuses (measured with kube-apiserver 1.36.2).

use std::{collections::BTreeMap, fmt};

use crate::{
    Unread,
    address::check_cidr,
    names::{check_label_key, check_label_value, check_port_name, check_subdomain},
    objects::{
        ClusterNetworkPolicy, ClusterPeer, ClusterRule, IntOrText, LabelSelector, Metadata, NetworkPolicy,
        NetworkPolicyPeer, NetworkPolicyPort, Object, PortChoice, object,
    },
    security::{self, Level},
    yaml::{Node, Value, Wrong, documents},
};

/// Bytes of all annotations of an object, keys and values.
const MAX_ANNOTATIONS: usize = 262_144;
/// Bytes of one object in a request.
const MAX_OBJECT: usize = 3 << 20;

/// What admission looks at: the namespaces, and which pods they admit.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    pub namespaces: BTreeMap<String, Level>,
}

/// A field of an object: `spec.ingress[0].from[0]`.
#[derive(Clone, Default)]
struct Path(Vec<Step>);

#[derive(Clone)]
enum Step {
    Field(&'static str),
    Item(usize),
}

impl Path {
    fn field(&self, name: &'static str) -> Self {
        let mut path = self.clone();
        path.0.push(Step::Field(name));
        path
    }

    fn item(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.0.push(Step::Item(index));
        path
    }

    /// The line of the field; of what is around it, where it is not given.
    fn line(&self, mut node: &Node) -> u32 {
        for step in &self.0 {
            let inner = match (step, &node.value) {
                (Step::Field(name), Value::Map(_)) => node.get(name),
                (Step::Item(index), Value::List(list)) => list.get(*index),
                _ => None,
            };
            let Some(inner) = inner else { break };
            node = inner;
        }
        node.line
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if index == 0 => formatter.write_str(name)?,
                Step::Field(name) => write!(formatter, ".{name}")?,
                Step::Item(item) => write!(formatter, "[{item}]")?,
            }
        }
        Ok(())
    }
}

struct Refused {
    path: Path,
    what: String,
}

impl Refused {
    fn at(&self, node: &Node) -> Wrong {
        Wrong { line: self.path.line(node), what: format!("{}: {}", self.path, self.what) }
    }
}

type Verdict = Result<(), Refused>;

fn refuse(path: Path, what: impl Into<String>) -> Verdict {
    Err(Refused { path, what: what.into() })
}

fn named<E: Into<String>>(path: &Path, result: Result<(), E>, value: &str) -> Verdict {
    result.map_err(|what| Refused { path: path.clone(), what: format!("`{value}` {}", what.into()) })
}

impl Cluster {
    /// Reads what stands in a file, as `kubectl apply` with strict validation and the API server behind it would.
    ///
    /// # Errors
    /// The first thing that would be refused, with its line.
    pub fn admit(&self, file: &str, text: &str) -> Result<Vec<Object>, Unread> {
        let unread = |wrong: Wrong| Unread { file: file.into(), line: wrong.line, what: wrong.what };
        let mut objects = Vec::new();
        if text.len() > MAX_OBJECT {
            return Err(unread(Wrong {
                line: 0,
                what: "larger than 3 MiB, the most that a request holds".into(),
            }));
        }
        for document in documents(text).map_err(unread)? {
            let object = object(&document).map_err(unread)?;
            let verdict = match &object {
                Object::NetworkPolicy(policy) => {
                    check_policy(policy).and_then(|()| self.placed(&policy.metadata))
                }
                Object::ClusterNetworkPolicy(policy) => check_cluster_policy(policy),
                Object::Pod(pod) => {
                    check_metadata(&pod.metadata).and_then(|()| self.placed(&pod.metadata)).and_then(|()| {
                        let level = self.namespaces.get(&pod.metadata.namespace).copied().unwrap_or_default();
                        match security::violations(pod, level).first() {
                            Some(first) => refuse(Path::default().field("spec"), first.clone()),
                            None => Ok(()),
                        }
                    })
                }
            };
            verdict.map_err(|refused| {
                let what = match refused.path.0.as_slice() {
                    [] => refused.what,
                    _ => format!("{}: {}", refused.path, refused.what),
                };
                unread(Wrong { line: refused.path.line(&document), what })
            })?;
            objects.push(object);
        }
        Ok(objects)
    }

    fn placed(&self, metadata: &Metadata) -> Verdict {
        let namespace = &metadata.namespace;
        if self.namespaces.contains_key(namespace) {
            return Ok(());
        }
        refuse(
            Path::default().field("metadata").field("namespace"),
            format!("there is no namespace `{namespace}`"),
        )
    }
}

/// Whether a server would take the policy, whatever namespaces it has.
pub(crate) fn check_alone(node: &Node, policy: &NetworkPolicy) -> Result<(), Wrong> {
    check_policy(policy).map_err(|refused| refused.at(node))
}

/// Whether a server with the API's own definitions would take the guard rail.
pub(crate) fn check_guard_rail(node: &Node, policy: &ClusterNetworkPolicy) -> Result<(), Wrong> {
    check_cluster_policy(policy).map_err(|refused| refused.at(node))
}

fn check_metadata(metadata: &Metadata) -> Verdict {
    let path = Path::default().field("metadata");
    named(&path.field("name"), check_subdomain(&metadata.name), &metadata.name)?;
    labels(&path.field("labels"), &metadata.labels)?;
    let annotations = path.field("annotations");
    let mut bytes = 0;
    for (key, value) in &metadata.annotations {
        // Prefixes of annotations may have capitals.
        named(&annotations, check_label_key(&key.to_lowercase()), key)?;
        bytes += key.len() + value.len();
    }
    if bytes > MAX_ANNOTATIONS {
        return refuse(annotations, format!("more than {MAX_ANNOTATIONS} bytes"));
    }
    Ok(())
}

fn labels(path: &Path, labels: &BTreeMap<String, String>) -> Verdict {
    for (key, value) in labels {
        named(path, check_label_key(key), key)?;
        named(path, check_label_value(value), value)?;
    }
    Ok(())
}

fn selector(path: &Path, selector: &LabelSelector) -> Verdict {
    labels(&path.field("matchLabels"), &selector.match_labels)?;
    for (index, requirement) in selector.match_expressions.iter().enumerate() {
        let path = path.field("matchExpressions").item(index);
        named(&path.field("key"), check_label_key(&requirement.key), &requirement.key)?;
        let values = path.field("values");
        match (requirement.operator.as_str(), requirement.values.is_empty()) {
            ("In" | "NotIn", true) => return refuse(values, "`In` and `NotIn` need values"),
            ("Exists" | "DoesNotExist", false) => {
                return refuse(values, "`Exists` and `DoesNotExist` have no values");
            }
            ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => {}
            (other, _) => return refuse(path.field("operator"), format!("`{other}` is no operator")),
        }
        for value in &requirement.values {
            named(&values, check_label_value(value), value)?;
        }
    }
    Ok(())
}

fn check_policy(policy: &NetworkPolicy) -> Verdict {
    check_metadata(&policy.metadata)?;
    let spec = &policy.spec;
    let path = Path::default().field("spec");
    selector(&path.field("podSelector"), &spec.pod_selector)?;
    let types = path.field("policyTypes");
    if spec.policy_types.len() > 2 {
        return refuse(types, "has at most two");
    }
    for (index, word) in spec.policy_types.iter().enumerate() {
        if word != "Ingress" && word != "Egress" {
            return refuse(types.item(index), format!("`{word}` is neither `Ingress` nor `Egress`"));
        }
    }
    for (direction, peers, rules) in [("ingress", "from", &spec.ingress), ("egress", "to", &spec.egress)] {
        for (index, rule) in rules.iter().enumerate() {
            let path = path.field(direction).item(index);
            for (index, one) in rule.peers.iter().enumerate() {
                peer(&path.field(peers).item(index), one)?;
            }
            for (index, one) in rule.ports.iter().enumerate() {
                port(&path.field("ports").item(index), one)?;
            }
        }
    }
    Ok(())
}

fn peer(path: &Path, peer: &NetworkPolicyPeer) -> Verdict {
    let pods = [("podSelector", &peer.pod_selector), ("namespaceSelector", &peer.namespace_selector)];
    for (name, one) in pods {
        if let Some(one) = one {
            selector(&path.field(name), one)?;
        }
    }
    let by_pods = peer.pod_selector.is_some() || peer.namespace_selector.is_some();
    match &peer.ip_block {
        None if !by_pods => return refuse(path.clone(), "must choose something"),
        None => {}
        Some(_) if by_pods => return refuse(path.clone(), "is either addresses or pods"),
        Some(block) => {
            let path = path.field("ipBlock");
            let cidr = path.field("cidr");
            if block.cidr.is_empty() {
                return refuse(cidr, "is missing");
            }
            let around = check_cidr(&block.cidr)
                .map_err(|what| Refused { path: cidr, what: format!("`{}` {what}", block.cidr) })?;
            for (index, text) in block.except.iter().enumerate() {
                let path = path.field("except").item(index);
                let hole = check_cidr(text)
                    .map_err(|what| Refused { path: path.clone(), what: format!("`{text}` {what}") })?;
                if hole == around || !around.contains(&hole) {
                    return refuse(path, format!("`{text}` must be a strict subset of `cidr`"));
                }
            }
        }
    }
    Ok(())
}

fn port(path: &Path, port: &NetworkPolicyPort) -> Verdict {
    if let Err(word) = port.protocol() {
        return refuse(path.field("protocol"), format!("`{word}` is none of TCP, UDP and SCTP"));
    }
    let end = path.field("endPort");
    match (&port.port, port.end_port) {
        (None, None) => {}
        (None, Some(_)) => return refuse(end, "needs a `port`"),
        (Some(IntOrText::Number(number)), last) => {
            number_of_port(&path.field("port"), *number)?;
            if let Some(last) = last {
                if last < *number {
                    return refuse(end, "must not be below `port`");
                }
                number_of_port(&end, last)?;
            }
        }
        (Some(IntOrText::Text(name)), last) => {
            named(&path.field("port"), check_port_name(name), name)?;
            if last.is_some() {
                return refuse(end, "needs a `port` that is a number");
            }
        }
    }
    Ok(())
}

fn number_of_port(path: &Path, number: i64) -> Verdict {
    if (1..=65535).contains(&number) {
        return Ok(());
    }
    refuse(path.clone(), format!("{number} is not between 1 and 65535"))
}

/// Items of a list in a `ClusterNetworkPolicy`, at most.
const MAX_ITEMS: usize = 25;

fn at_most<T>(path: &Path, list: &[T]) -> Verdict {
    if list.len() > MAX_ITEMS {
        refuse(path.clone(), format!("has at most {MAX_ITEMS} items"))
    } else {
        Ok(())
    }
}

fn check_cluster_policy(policy: &ClusterNetworkPolicy) -> Verdict {
    check_metadata(&policy.metadata)?;
    let spec = &policy.spec;
    let path = Path::default().field("spec");
    if spec.tier != "Admin" && spec.tier != "Baseline" {
        return refuse(path.field("tier"), format!("`{}` is neither `Admin` nor `Baseline`", spec.tier));
    }
    match spec.priority {
        Some(0..=1000) => {}
        Some(other) => return refuse(path.field("priority"), format!("{other} is not between 0 and 1000")),
        None => return refuse(path.field("priority"), "is missing"),
    }
    cluster_peer(&path.field("subject"), &spec.subject, false)?;
    for (name, rules) in [("ingress", &spec.ingress), ("egress", &spec.egress)] {
        let path = path.field(name);
        at_most(&path, rules)?;
        for (index, rule) in rules.iter().enumerate() {
            cluster_rule(&path.item(index), rule, name == "egress")?;
        }
    }
    Ok(())
}

fn cluster_rule(path: &Path, rule: &ClusterRule, egress: bool) -> Verdict {
    if !matches!(rule.action.as_str(), "Accept" | "Deny" | "Pass") {
        return refuse(
            path.field("action"),
            format!("`{}` is none of `Accept`, `Deny` and `Pass`", rule.action),
        );
    }
    if rule.name.len() > 100 {
        return refuse(path.field("name"), "has at most 100 bytes");
    }
    let (own, own_peers, other, others) =
        if egress { ("to", &rule.to, "from", &rule.from) } else { ("from", &rule.from, "to", &rule.to) };
    if others.is_some() {
        return refuse(path.field(other), "unknown field");
    }
    let peers = path.field(own);
    let list = own_peers.as_deref().unwrap_or_default();
    if list.is_empty() {
        return refuse(peers, "needs at least one item");
    }
    at_most(&peers, list)?;
    for (index, one) in list.iter().enumerate() {
        cluster_peer(&peers.item(index), one, egress)?;
    }
    let protocols = path.field("protocols");
    if let Some(choices) = &rule.protocols {
        at_most(&protocols, choices)?;
        for (index, choice) in choices.iter().enumerate() {
            let path = protocols.item(index);
            let transports = [("tcp", &choice.tcp), ("udp", &choice.udp), ("sctp", &choice.sctp)];
            let given = transports.iter().filter(|(_, ports)| ports.is_some()).count();
            if given + usize::from(choice.destination_named_port.is_some()) != 1 {
                return refuse(path, "has exactly one kind of port");
            }
            for (name, ports) in transports {
                match ports.as_ref().map(|ports| &ports.destination_port) {
                    Some(None) => return refuse(path.field(name), "must not be empty"),
                    Some(Some(port)) => port_choice(&path.field(name).field("destinationPort"), port)?,
                    None => {}
                }
            }
        }
    }
    Ok(())
}

fn port_choice(path: &Path, port: &PortChoice) -> Verdict {
    match (port.number, &port.range) {
        (Some(number), None) => number_of_port(&path.field("number"), number),
        (None, Some(range)) if range.start < range.end => {
            number_of_port(path, range.start)?;
            number_of_port(path, range.end)
        }
        (None, Some(_)) => refuse(path.field("range"), "must start below its end"),
        _ => refuse(path.clone(), "has either `number` or `range`"),
    }
}

fn cluster_peer(path: &Path, peer: &ClusterPeer, with_networks: bool) -> Verdict {
    if peer.networks.is_some() && !with_networks {
        return refuse(path.field("networks"), "unknown field");
    }
    let given = [peer.namespaces.is_some(), peer.pods.is_some(), peer.networks.is_some()];
    if given.iter().filter(|given| **given).count() != 1 {
        return refuse(path.clone(), "has exactly one of its kinds");
    }
    if let Some(namespaces) = &peer.namespaces {
        selector(&path.field("namespaces"), namespaces)?;
    }
    if let Some(pods) = &peer.pods {
        let path = path.field("pods");
        selector(&path.field("namespaceSelector"), &pods.namespace_selector)?;
        selector(&path.field("podSelector"), &pods.pod_selector)?;
    }
    if let Some(networks) = &peer.networks {
        let path = path.field("networks");
        if networks.is_empty() {
            return refuse(path, "needs at least one item");
        }
        at_most(&path, networks)?;
        for (index, text) in networks.iter().enumerate() {
            // Bits behind the prefix are taken here, unlike in an `ipBlock`.
            if text.parse::<ipnet::IpNet>().is_err() {
                return refuse(path.item(index), format!("`{text}` must be a CIDR"));
            }
        }
    }
    Ok(())
}
