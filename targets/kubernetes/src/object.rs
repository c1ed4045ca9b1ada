//! The objects that are written, and how: a closed schema, one spelling of everything.

use std::{collections::BTreeMap, fmt::Write as _};

use ipnet::IpNet;
use weir_compiler::{
    model::{Labels, PodSelector},
    plan::{PodDirection, PortMatch, Transport},
};

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
