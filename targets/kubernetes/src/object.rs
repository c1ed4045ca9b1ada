//! The objects that are written, and how: a closed schema, one spelling of everything.

use std::{collections::BTreeMap, fmt::Write as _};

use ipnet::IpNet;
use weir_compiler::{
    model::{Labels, PodSelector},
    plan::{PodDirection, PortMatch, Transport},
};

use crate::guard_rails::{Denial, DeniedPeer, rule_name};

/// Ids that a comment names, at most.
const SHOWN_IDS: usize = 8;

/// A `NetworkPolicy` of one direction.
pub(crate) struct Policy {
    /// What people read first.
    pub(crate) title: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) labels: BTreeMap<&'static str, String>,
    pub(crate) annotations: BTreeMap<&'static str, String>,
    pub(crate) selector: Labels,
    pub(crate) direction: PodDirection,
    /// None, for a default deny.
    pub(crate) rules: Vec<Rule>,
}

/// Never without peers, never without ports: Kubernetes takes an empty list for everything.
pub(crate) struct Rule {
    /// Of the statements that permit it.
    pub(crate) ids: Vec<String>,
    pub(crate) pods: Vec<PodSelector>,
    pub(crate) prefixes: Vec<IpNet>,
    pub(crate) ports: Vec<PortMatch>,
}

/// A `ClusterNetworkPolicy` of the tier `Admin` that denies.
pub(crate) struct ClusterPolicy {
    pub(crate) title: String,
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<&'static str, String>,
    pub(crate) annotations: BTreeMap<&'static str, String>,
    pub(crate) priority: u16,
    pub(crate) subject: PodSelector,
    pub(crate) direction: PodDirection,
    pub(crate) rules: Vec<Denial>,
}

/// Lines of YAML.
struct Writer {
    out: String,
}

impl Writer {
    fn line(&mut self, indent: usize, text: &str) {
        for _ in 0..indent {
            self.out.push(' ');
        }
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn text(&mut self, indent: usize, key: &str, value: &str) {
        let line = format!("{key}: {}", quoted(value));
        self.line(indent, &line);
    }

    fn map<'m>(&mut self, indent: usize, entries: impl Iterator<Item = (&'m str, &'m str)>) {
        for (key, value) in entries {
            self.text(indent, &quoted(key), value);
        }
    }

    /// A selector by labels; `{}` chooses everything.
    /// `item` starts an item of a list with it.
    fn selector(&mut self, item: bool, indent: usize, key: &str, labels: &Labels) {
        let (start, key) = if item { (indent - 2, format!("- {key}")) } else { (indent, key.to_owned()) };
        if labels.is_empty() {
            return self.line(start, &format!("{key}: {{}}"));
        }
        self.line(start, &format!("{key}:"));
        self.line(indent + 2, "matchLabels:");
        self.map(indent + 4, labels.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    }

    fn rule(&mut self, rule: &Rule, peers: &str) {
        let mut ids = rule.ids.iter().take(SHOWN_IDS).cloned().collect::<Vec<_>>().join(" ");
        if rule.ids.len() > SHOWN_IDS {
            // Writing into a String does not fail.
            let _ = write!(ids, " +{}", rule.ids.len() - SHOWN_IDS);
        }
        self.line(4, &format!("# {ids}"));
        self.line(4, &format!("- {peers}:"));
        for pods in &rule.pods {
            let namespace = [("kubernetes.io/metadata.name".into(), pods.namespace.clone())].into();
            self.selector(true, 10, "namespaceSelector", &namespace);
            self.selector(false, 10, "podSelector", &pods.labels);
        }
        for prefix in &rule.prefixes {
            self.line(8, "- ipBlock:");
            self.text(12, "cidr", &prefix.to_string());
        }
        self.line(6, "ports:");
        for port in &rule.ports {
            self.text(
                8,
                "- protocol",
                match port.transport {
                    Transport::Udp => "UDP",
                    Transport::Sctp => "SCTP",
                    Transport::Tcp | Transport::IcmpEcho => "TCP",
                },
            );
            if (port.first, port.last) != (1, u16::MAX) {
                self.line(10, &format!("port: {}", port.first));
                if port.first != port.last {
                    self.line(10, &format!("endPort: {}", port.last));
                }
            }
        }
    }
}

impl Writer {
    /// What chooses pods wherever policies of the whole cluster do; `indent` is that of the line `pods:` before.
    fn pods(&mut self, indent: usize, pods: &PodSelector) {
        let namespace = [("kubernetes.io/metadata.name".into(), pods.namespace.clone())].into();
        self.selector(false, indent + 2, "namespaceSelector", &namespace);
        self.selector(false, indent + 2, "podSelector", &pods.labels);
    }

    fn denial(&mut self, rule: &Denial, peers: &str) {
        let action = quoted("Deny");
        self.line(4, &format!("# {}", rule.id));
        match rule_name(&rule.id) {
            Some(name) => {
                self.text(4, "- name", name);
                self.line(6, &format!("action: {action}"));
            }
            None => self.line(4, &format!("- action: {action}")),
        }
        self.line(6, &format!("{peers}:"));
        for peer in &rule.peers {
            match peer {
                DeniedPeer::Pods(pods) => {
                    self.line(8, "- pods:");
                    self.pods(10, pods);
                }
                DeniedPeer::Networks(networks) => {
                    self.line(8, "- networks:");
                    for network in networks {
                        self.line(12, &format!("- {}", quoted(&network.to_string())));
                    }
                }
            }
        }
        let Some(ports) = &rule.ports else { return };
        self.line(6, "protocols:");
        for port in ports {
            let transport = match port.transport {
                Transport::Udp => "udp",
                Transport::Sctp => "sctp",
                Transport::Tcp | Transport::IcmpEcho => "tcp",
            };
            self.line(8, &format!("- {transport}:"));
            self.line(12, "destinationPort:");
            if port.first == port.last {
                self.line(14, &format!("number: {}", port.first));
            } else {
                self.line(14, "range:");
                self.line(16, &format!("start: {}", port.first));
                self.line(16, &format!("end: {}", port.last));
            }
        }
    }
}

impl ClusterPolicy {
    /// The object as one YAML document.
    pub(crate) fn render(&self, header: &str) -> String {
        let mut writer = Writer { out: String::with_capacity(1024) };
        writer.line(0, &format!("# {header}"));
        writer.line(0, &format!("# {}", self.title));
        writer.text(0, "apiVersion", "policy.networking.k8s.io/v1alpha2");
        writer.text(0, "kind", "ClusterNetworkPolicy");
        writer.line(0, "metadata:");
        writer.text(2, "name", &self.name);
        writer.line(2, "labels:");
        writer.map(4, self.labels.iter().map(|(key, value)| (*key, value.as_str())));
        writer.line(2, "annotations:");
        writer.map(4, self.annotations.iter().map(|(key, value)| (*key, value.as_str())));
        writer.line(0, "spec:");
        writer.text(2, "tier", "Admin");
        writer.line(2, &format!("priority: {}", self.priority));
        writer.line(2, "subject:");
        writer.line(4, "pods:");
        writer.pods(4, &self.subject);
        let (rules, peers) = match self.direction {
            PodDirection::Ingress => ("ingress", "from"),
            PodDirection::Egress => ("egress", "to"),
        };
        writer.line(2, &format!("{rules}:"));
        for rule in &self.rules {
            writer.denial(rule, peers);
        }
        writer.out
    }
}

/// A text between double quotes. JSON's form is YAML's as well.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Policy {
    /// The object as one YAML document.
    pub(crate) fn render(&self, header: &str) -> String {
        let mut writer = Writer { out: String::with_capacity(1024) };
        writer.line(0, &format!("# {header}"));
        writer.line(0, &format!("# {}", self.title));
        writer.text(0, "apiVersion", "networking.k8s.io/v1");
        writer.text(0, "kind", "NetworkPolicy");
        writer.line(0, "metadata:");
        writer.text(2, "name", &self.name);
        writer.text(2, "namespace", &self.namespace);
        writer.line(2, "labels:");
        writer.map(4, self.labels.iter().map(|(key, value)| (*key, value.as_str())));
        writer.line(2, "annotations:");
        writer.map(4, self.annotations.iter().map(|(key, value)| (*key, value.as_str())));
        writer.line(0, "spec:");
        writer.selector(false, 2, "podSelector", &self.selector);
        writer.line(2, "policyTypes:");
        let (kind, rules, peers) = match self.direction {
            PodDirection::Ingress => ("Ingress", "ingress", "from"),
            PodDirection::Egress => ("Egress", "egress", "to"),
        };
        writer.line(4, &format!("- {}", quoted(kind)));
        if !self.rules.is_empty() {
            writer.line(2, &format!("{rules}:"));
            for rule in &self.rules {
                writer.rule(rule, peers);
            }
        }
        writer.out
    }
}

/// What `kubectl apply -k` applies, in this order, and as it is.
pub(crate) fn kustomization(header: &str, resources: &[String]) -> String {
    let mut writer = Writer { out: String::with_capacity(1024) };
    writer.line(0, &format!("# {header}"));
    writer.line(
        0,
        "# Add nothing here that changes labels (`commonLabels`): it would change what the policies select.",
    );
    writer.text(0, "apiVersion", "kustomize.config.k8s.io/v1beta1");
    writer.text(0, "kind", "Kustomization");
    writer.line(0, "resources:");
    for resource in resources {
        writer.line(2, &format!("- {}", quoted(resource)));
    }
    writer.line(0, "sortOptions:");
    writer.text(2, "order", "fifo");
    writer.out
}
