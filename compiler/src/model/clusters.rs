//! Clusters and their workloads, as Kubernetes knows them: names that its API server takes, and selectors that choose the
//! pods that are meant.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use smol_str::SmolStr;
use weir_syntax::{
    Diagnostic, FileId, Span,
    ast::{Attribute, ExprKind},
    diagnostic::{codes, did_you_mean},
};

use super::{
    GatewayId, Model, SegmentId, Typed,
    build::{attribute_place, entity_block},
};
use crate::{
    names::{EntityId, Kind, Universe, schema},
    plan::AddressSet,
};

/// Labels by key.
pub type Labels = BTreeMap<SmolStr, SmolStr>;

/// Pods of one namespace that have all of some labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PodSelector {
    pub namespace: SmolStr,
    pub labels: Labels,
}

impl PodSelector {
    /// Whether every pod that `other` chooses is one of these.
    fn covers(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.labels.iter().all(|(key, value)| other.labels.get(key) == Some(value))
    }
}

/// A Kubernetes cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub entity: EntityId,
    pub name: String,
    /// Its pods.
    pub segment: SegmentId,
    /// Its nodes.
    pub gateway: Option<GatewayId>,
    /// Virtual addresses of its services: no packet that a policy sees has one.
    pub services: AddressSet,
    pub dns: Option<Dns>,
    /// By principal.
    pub workloads: Vec<Workload>,
}

/// Pods of one workload.
#[derive(Clone, Debug)]
pub struct Workload {
    pub principal: u32,
    pub pods: PodSelector,
    pub service_account: Option<SmolStr>,
    /// They have the node's network, and no policy holds them.
    pub host_network: bool,
}

/// Where pods ask for names.
#[derive(Clone, Debug)]
pub struct Dns {
    pub server: DnsServer,
    /// The pods' own port.
    pub port: u16,
    pub file: FileId,
    pub span: Span,
    /// As it is written.
    pub text: SmolStr,
}

#[derive(Clone, Debug)]
pub enum DnsServer {
    Pods(PodSelector),
    /// A cache on each node, which has the node's network.
    Address(IpAddr),
}

pub(super) fn build(universe: &Universe<'_>, model: &mut Model, diagnostics: &mut Vec<Diagnostic>) {
    for entity in universe.entities_of(Kind::Cluster) {
        let Some(segment) = model.segment_of.get(&entity).copied() else { continue };
        let mut cluster = Cluster {
            entity,
            name: universe.path(entity),
            segment,
            gateway: model.gateway_of.get(&entity).copied(),
            services: AddressSet::default(),
            dns: None,
            workloads: Vec::new(),
        };
        // its attributes were checked with the segments
        for (name, typed) in entity_block(universe, entity, &mut Vec::new()) {
            match (name, typed) {
                ("services", Typed::Prefixes(prefixes)) => cluster.services = addresses(&prefixes),
                ("dns", Typed::Text(text)) => cluster.dns = dns(universe, entity, &text, diagnostics),
                _ => {}
            }
        }
        model.clusters.push(cluster);
    }
    for entity in universe.entities_of(Kind::Workload) {
        workload(universe, entity, model, diagnostics);
    }
    for cluster in &mut model.clusters {
        cluster.workloads.sort_unstable_by_key(|workload| workload.principal);
    }
    for cluster in &model.clusters {
        service_addresses(universe, model, cluster, diagnostics);
        selectors(universe, model, cluster, diagnostics);
        closed_dns(universe, model, cluster, diagnostics);
    }
}

fn addresses(prefixes: &[IpNet]) -> AddressSet {
    prefixes.iter().map(|net| (net.network(), net.broadcast())).collect()
}

/// Pods know an address of their services as that of no other: a network that has it cannot be reached from them.
fn service_addresses(
    universe: &Universe<'_>,
    model: &Model,
    cluster: &Cluster,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for segment in &model.segments {
        if let Some(address) = segment.addresses.intersection(&cluster.services).first() {
            let (file, span) = attribute_place(universe, cluster.entity, "services");
            let (other_file, other_span) = universe.name_span(segment.entity);
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0403,
                    format!("`{address}` is a service of `{}`, and lies in `{}`", cluster.name, segment.name),
                )
                .primary(file, span, "these addresses")
                .secondary(other_file, other_span, "are here too")
                .help("give the cluster's services addresses of their own"),
            );
            return;
        }
    }
}

fn workload(universe: &Universe<'_>, entity: EntityId, model: &mut Model, diagnostics: &mut Vec<Diagnostic>) {
    let scope = universe.scope(entity, None);
    let path = universe.entity(entity).declaration.cluster.as_ref();
    let cluster = path.and_then(|path| universe.reference_path(path, &[Kind::Cluster], scope).ok());
    let Some((cluster, _)) = cluster else { return };
    let Some(cluster) = model.clusters.iter().position(|known| known.entity == cluster) else { return };
    let Some((principal, 1)) = model.principals_of.get(&entity).copied() else { return };
    let mut workload = Workload {
        principal,
        pods: PodSelector { namespace: SmolStr::default(), labels: Labels::new() },
        service_account: None,
        host_network: false,
    };
    let mut whole = true;
    let mut check = |name: &str, what: &str, value: &str, verdict: Result<(), &str>| {
        let Err(why) = verdict else { return };
        let (file, span) = attribute_place(universe, entity, name);
        diagnostics.push(refused(file, span, what, value, why));
        whole = false;
    };
    for (name, typed) in entity_block(universe, entity, &mut Vec::new()) {
        match (name, typed) {
            ("namespace", Typed::Text(namespace)) => {
                check("namespace", "a namespace", &namespace, dns_label(&namespace));
                workload.pods.namespace = namespace;
            }
            ("service_account", Typed::Text(account)) => {
                check("service_account", "a service account", &account, dns_name(&account));
                workload.service_account = Some(account);
            }
            ("host_network", Typed::Boolean(host_network)) => workload.host_network = host_network,
            ("labels", Typed::Labels(labels)) => workload.pods.labels = labels.into_iter().collect(),
            _ => {}
        }
    }
    if let Some(attribute) = universe.attribute(entity, "labels") {
        whole &= labels(universe, entity, attribute, diagnostics);
    }
    if whole && !workload.pods.namespace.is_empty() {
        model.clusters[cluster].workloads.push(workload);
    }
}

/// Each key and value is one that Kubernetes takes, and no key stands twice.
fn labels(
    universe: &Universe<'_>,
    entity: EntityId,
    attribute: &Attribute,
    diagnostics: &mut Vec<Diagnostic>,
) -> bool {
    let ExprKind::Map(entries) = &attribute.value.kind else { return false };
    let scope = universe.scope(entity, None);
    let before = diagnostics.len();
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for entry in entries {
        let key = entry.name.text.as_str();
        if let Some(first) = seen.insert(key, entry.name.span) {
            diagnostics.push(
                Diagnostic::new(&codes::E0208, format!("`{key}` is given twice"))
                    .primary(scope.file, entry.name.span, "again here")
                    .secondary(scope.file, first, "first here")
                    .help("a pod has one value for each label: remove one of the two"),
            );
        }
        if let Err(why) = label_key(key) {
            diagnostics.push(refused(scope.file, entry.name.span, "the key of a label", key, why));
        }
        if let Ok(Typed::Text(value)) = universe.typed(&entry.value, schema::Type::Text, scope)
            && let Err(why) = label_value(&value)
        {
            diagnostics.push(refused(scope.file, entry.value.span, "the value of a label", &value, why));
        }
    }
    diagnostics.len() == before
}

fn refused(file: FileId, span: Span, what: &str, value: &str, why: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0412, format!("Kubernetes refuses {value:?}"))
        .primary(file, span, format!("not {what}"))
        .help(format!("{what} {why}"))
}

const LETTERS: &str = "has letters, digits, `-`, `_` and `.`, and begins and ends with a letter or digit";

/// A DNS label (RFC 1123).
fn dns_label(name: &str) -> Result<(), &'static str> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let whole = (1..=63).contains(&name.len()) && name.bytes().all(inner);
    if whole && !name.starts_with('-') && !name.ends_with('-') {
        Ok(())
    } else {
        Err("has 1 to 63 lower-case letters, digits and `-`, and begins and ends with a letter or digit")
    }
}

/// DNS labels with dots between them.
fn dns_name(name: &str) -> Result<(), &'static str> {
    if name.len() <= 253 && name.split('.').all(|part| part.len() <= 253 && dns_part(part)) {
        Ok(())
    } else {
        Err(
            "has at most 253 lower-case letters, digits, `-` and `.`, and begins and ends with a letter or digit",
        )
    }
}

/// As a DNS label, of any length.
fn dns_part(part: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
}

fn is_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    name.bytes().all(inner) && end(name.as_bytes().first()) && end(name.as_bytes().last())
}

fn label_value(value: &str) -> Result<(), &'static str> {
    match value.len() {
        0 => Ok(()),
        1..=63 if is_name(value) => Ok(()),
        1..=63 => Err(LETTERS),
        _ => Err("has at most 63 bytes"),
    }
}

fn label_key(key: &str) -> Result<(), &'static str> {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if prefix.is_some_and(|prefix| dns_name(prefix).is_err()) {
        return Err("has a DNS name in lower case before its `/`");
    }
    match name.len() {
        1..=63 if is_name(name) => Ok(()),
        1..=63 => Err(LETTERS),
        _ => Err("has 1 to 63 bytes behind its `/`"),
    }
}

/// No workload's labels choose another one's pods as well: these would have the permissions of both.
fn selectors(universe: &Universe<'_>, model: &Model, cluster: &Cluster, diagnostics: &mut Vec<Diagnostic>) {
    // Each workload below one of its labels: who covers it stands below one of its own.
    let mut below: BTreeMap<(&str, Option<(&str, &str)>), Vec<usize>> = BTreeMap::new();
    let held = |workload: &&Workload| !workload.host_network;
    let workloads: Vec<&Workload> = cluster.workloads.iter().filter(held).collect();
    let mut counts: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for workload in &workloads {
        for (key, value) in &workload.pods.labels {
            *counts.entry((&workload.pods.namespace, key, value)).or_default() += 1;
        }
    }
    for (index, workload) in workloads.iter().enumerate() {
        let namespace = workload.pods.namespace.as_str();
        let labels = workload.pods.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let rarest = labels.min_by_key(|(key, value)| counts.get(&(namespace, *key, *value)).copied());
        below.entry((namespace, rarest)).or_default().push(index);
    }
    for (index, workload) in workloads.iter().enumerate() {
        let namespace = workload.pods.namespace.as_str();
        let labels = workload.pods.labels.iter().map(|(key, value)| Some((key.as_str(), value.as_str())));
        let around = labels
            .chain([None])
            .filter_map(|label| below.get(&(namespace, label)))
            .flatten()
            .find(|other| **other != index && workloads[**other].pods.covers(&workload.pods));
        let Some(around) = around.map(|around| workloads[*around]) else { continue };
        let (wide, narrow) = (model.principal(around.principal), model.principal(workload.principal));
        let alike = around.pods == workload.pods;
        if alike && around.principal > workload.principal {
            continue; // said of the later one
        }
        let (file, span) = attribute_place(universe, wide.entity, "labels");
        let (other_file, other_span) = attribute_place(universe, narrow.entity, "labels");
        let (at, other) = if alike { (narrow, wide) } else { (wide, narrow) };
        let places = if alike {
            ((other_file, other_span), (file, span))
        } else {
            ((file, span), (other_file, other_span))
        };
        diagnostics.push(
            Diagnostic::new(
                &codes::E0413,
                format!("the labels of `{}` choose the pods of `{}` as well", at.name, other.name),
            )
            .primary(places.0.0, places.0.1, format!("in namespace `{}`", workload.pods.namespace))
            .secondary(places.1.0, places.1.1, "a pod with these has them all")
            .help("give one of the two a label that the other's pods do not have; else they share all permissions"),
        );
    }
}

/// Default deny of a namespace with workloads in it closes it for whoever runs there undeclared: the DNS, for one.
fn closed_dns(universe: &Universe<'_>, model: &Model, cluster: &Cluster, diagnostics: &mut Vec<Diagnostic>) {
    let Some(Dns { server: DnsServer::Pods(pods), file, span, .. }) = &cluster.dns else { return };
    let held = |workload: &&Workload| !workload.host_network && workload.pods.namespace == pods.namespace;
    let Some(workload) = cluster.workloads.iter().find(held) else { return };
    let principal = model.principal(workload.principal);
    let (other_file, other_span) = universe.name_span(principal.entity);
    diagnostics.push(
        Diagnostic::new(
            &codes::E0413,
            format!("the policies of namespace `{}` would close the cluster's DNS", pods.namespace),
        )
        .primary(*file, *span, "its pods run there, and are not declared")
        .secondary(other_file, other_span, "for its sake, the namespace denies by default")
        .help(format!(
            "declare the DNS as a workload, with flows to and from it, and drop `dns`; or leave `{}` out",
            principal.name
        )),
    );
}

/// Known names of DNS in clusters: the label of its pods, and their port.
const KNOWN_DNS: [(&str, &str, &str, u16); 5] = [
    ("coredns", "k8s-app", "kube-dns", 53),
    ("kube-dns", "k8s-app", "kube-dns", 53),
    ("rke2-coredns", "k8s-app", "kube-dns", 53),
    ("dns-default", "dns.operator.openshift.io/daemonset-dns", "default", 5353),
    ("dnsmasq", "app", "dnsmasq", 53),
];

/// `namespace/app`, `namespace/key=value`, or the address of a cache on the nodes; each with `:port`, if need be.
fn dns(
    universe: &Universe<'_>,
    entity: EntityId,
    text: &SmolStr,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Dns> {
    let (file, span) = attribute_place(universe, entity, "dns");
    let of = |server, port| Some(Dns { server, port, file, span, text: text.clone() });
    if let Ok(address) = text.parse::<IpAddr>() {
        return of(DnsServer::Address(address), 53);
    }
    let help = "write `\"kube-system/coredns\"`, `\"openshift-dns/dns-default\"`, `\"namespace/label=value\"`, or the address of a cache on the nodes; with another port, `\"namespace/label=value:5353\"`";
    let mut wrong = |code, message: String, help: String| {
        diagnostics.push(Diagnostic::new(code, message).primary(file, span, "no DNS").help(help));
        None
    };
    let Some((namespace, app)) = text.split_once('/') else {
        return wrong(&codes::E0301, format!("`{text}` says no namespace"), help.into());
    };
    if let Err(why) = dns_label(namespace) {
        diagnostics.push(refused(file, span, "a namespace", namespace, why));
        return None;
    }
    let (app, port) = match app.rsplit_once(':') {
        None => (app, None),
        Some((app, port)) => match port.parse::<u16>() {
            Ok(port @ 1..) => (app, Some(port)),
            _ => return wrong(&codes::E0303, format!("`{port}` is no port"), help.into()),
        },
    };
    let selector = |key: &str, value: &str| {
        let labels = [(SmolStr::from(key), SmolStr::from(value))].into();
        DnsServer::Pods(PodSelector { namespace: namespace.into(), labels })
    };
    if let Some((key, value)) = app.rsplit_once('=') {
        for (what, word, verdict) in
            [("the key of a label", key, label_key(key)), ("the value of a label", value, label_value(value))]
        {
            if let Err(why) = verdict {
                diagnostics.push(refused(file, span, what, word, why));
                return None;
            }
        }
        return of(selector(key, value), port.unwrap_or(53));
    }
    match KNOWN_DNS.iter().find(|(name, ..)| *name == app) {
        Some((_, key, value, default)) => of(selector(key, value), port.unwrap_or(*default)),
        None => {
            let near = did_you_mean(app, KNOWN_DNS.iter().map(|(name, ..)| *name));
            let message = format!("which pods are `{app}` is not known");
            wrong(&codes::E0302, message, near.unwrap_or_else(|| help.into()))
        }
    }
}
