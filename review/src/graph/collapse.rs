//! What is drawn, and what is drawn as one.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use weir_compiler::model::{PrincipalKind, SegmentKind, Service, ZoneId};

use super::{Conduit, Container, Edge, End, Flow, Graph, Node};
use crate::{Subject, Terms, access, access::service_of, diff::addresses};

/// Nodes of one network that are drawn one by one; beyond, those of a class are one.
const MOST_NODES: usize = 24;
/// Instances of a template that are drawn one by one.
const MOST_INSTANCES: usize = 6;
/// Pairs of nodes that one rule is drawn between; beyond, it is drawn between their zones.
const MOST_PAIRS: usize = 36;

/// `press[3].cell` as `press[*].cell`.
fn without_numbers(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        match after.split_once(']') {
            Some((number, behind))
                if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                out.push_str("[*]");
                rest = behind;
            }
            _ => {
                out.push('[');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

pub(super) fn collapse(subject: &Subject) -> Graph {
    let model = subject.model();
    let mut graph = Graph {
        title: subject.sources.manifest.package.name.clone(),
        principals: model.principals.len(),
        ..Graph::default()
    };
    let mut of_pattern: BTreeMap<String, usize> = BTreeMap::new();
    for zone in &model.zones {
        *of_pattern.entry(without_numbers(&zone.name)).or_default() += 1;
    }
    let merged = |name: &str| {
        let pattern = without_numbers(name);
        of_pattern.get(&pattern).is_some_and(|count| *count > MOST_INSTANCES).then_some(pattern)
    };
    let mut containers: BTreeMap<(Option<usize>, String), usize> = BTreeMap::new();
    let mut zones: Vec<usize> = Vec::new();
    for index in 0..model.zones.len() {
        zones.push(zone_container(subject, ZoneId(index as u32), &merged, &mut containers, &mut graph, 0));
    }
    let outside = |graph: &mut Graph, containers: &mut BTreeMap<(Option<usize>, String), usize>| {
        *containers.entry((None, String::new())).or_insert_with(|| {
            graph.containers.push(Container {
                name: "outside".into(),
                kind: "outside",
                count: 1,
                ..Container::default()
            });
            graph.containers.len() - 1
        })
    };
    // where each principal is drawn: its first segment; gateways of several zones between them
    let mut places: Vec<Option<usize>> = Vec::with_capacity(model.principals.len());
    for principal in &model.principals {
        let spans_zones = principal.kind == PrincipalKind::Gateway && principal.zones.len() > 1;
        let segment = principal.attachments.first().map(|attachment| attachment.segment);
        places.push(match segment {
            _ if spans_zones => None,
            Some(segment) if principal.kind != PrincipalKind::External => {
                let known = model.segment(segment);
                let zone = known.zone.map(|zone| zones[zone.index()]);
                let is_merged = known.zone.is_some_and(|zone| merged(&model.zone(zone).name).is_some());
                let name = if is_merged { without_numbers(&known.name) } else { known.name.clone() };
                let place = *containers.entry((zone, name.clone())).or_insert_with(|| {
                    graph.containers.push(Container {
                        name,
                        kind: match known.kind {
                            SegmentKind::Network => "network",
                            SegmentKind::Slice => "slice",
                            SegmentKind::Pods => "pods",
                        },
                        parent: zone,
                        count: 0,
                        ..Container::default()
                    });
                    graph.containers.len() - 1
                });
                Some(place)
            }
            _ => match principal.zones.first() {
                Some(zone) => Some(zones[zone.index()]),
                None => Some(outside(&mut graph, &mut containers)),
            },
        });
    }
    let node_of = nodes(subject, &places, &mut graph);
    edges(subject, &node_of, &places, &mut graph);
    conduits(subject, &zones, &mut graph);
    for gateway in &model.gateways {
        let Some(principal) = gateway.principal else { continue };
        let node = node_of[principal.index()];
        if graph.nodes[node].container.is_some() {
            continue;
        }
        let joined: BTreeSet<usize> = gateway
            .interfaces
            .iter()
            .filter_map(|interface| model.segment(interface.segment).zone)
            .map(|zone| zones[zone.index()])
            .collect();
        graph.links.extend(joined.into_iter().map(|container| (node, container)));
    }
    graph.links.sort_unstable();
    graph.links.dedup();
    graph
}

fn zone_container(
    subject: &Subject,
    zone: ZoneId,
    merged: &dyn Fn(&str) -> Option<String>,
    containers: &mut BTreeMap<(Option<usize>, String), usize>,
    graph: &mut Graph,
    depth: usize,
) -> usize {
    let known = subject.model().zone(zone);
    let parent = known
        .parent
        .filter(|_| depth < 32)
        .map(|parent| zone_container(subject, parent, merged, containers, graph, depth + 1));
    let name = merged(&known.name).unwrap_or_else(|| known.name.clone());
    let own = depth == 0;
    let index = *containers.entry((parent, format!("zone {name}"))).or_insert_with(|| {
        let container =
            Container { name, kind: "zone", parent, purdue: known.purdue, ..Container::default() };
        graph.containers.push(container);
        graph.containers.len() - 1
    });
    graph.containers[index].count += u32::from(own);
    index
}

/// The node of each principal.
fn nodes(subject: &Subject, places: &[Option<usize>], graph: &mut Graph) -> Vec<usize> {
    let model = subject.model();
    let class = |id: usize| model.principals[id].details.class.map_or("", |class| subject.path(class));
    let kind = |kind: PrincipalKind| match kind {
        PrincipalKind::Device => "device",
        PrincipalKind::Workload => "workload",
        PrincipalKind::Gateway => "gateway",
        PrincipalKind::External => "external",
        PrincipalKind::Role => "role",
    };
    // by what a principal is declared as, in its container
    let own_key = |id: usize| {
        let principal = &model.principals[id];
        let path = subject.path(principal.entity);
        let path = if path.is_empty() { principal.name.as_str() } else { path };
        if places[id].is_some() { without_numbers(path) } else { path.to_owned() }
    };
    let mut keys: BTreeMap<Option<usize>, BTreeMap<String, u32>> = BTreeMap::new();
    for (id, place) in places.iter().enumerate() {
        *keys.entry(*place).or_default().entry(own_key(id)).or_default() += 1;
    }
    let by_class = |place: Option<usize>| {
        place.is_some() && keys.get(&place).is_some_and(|keys| keys.len() > MOST_NODES)
    };
    let mut known: FxHashMap<(Option<usize>, String), usize> = FxHashMap::default();
    let mut node_of = Vec::with_capacity(places.len());
    for (id, place) in places.iter().enumerate() {
        let principal = &model.principals[id];
        let short = class(id).rsplit('.').next().unwrap_or_default().to_owned();
        let key = if by_class(*place) {
            let word = if short.is_empty() { format!("{}s", kind(principal.kind)) } else { short.clone() };
            format!("all {word}")
        } else {
            own_key(id)
        };
        let index = *known.entry((*place, key.clone())).or_insert_with(|| {
            let named = subject.named(principal.entity);
            graph.nodes.push(Node {
                label: key.strip_prefix("all ").unwrap_or(&key).to_owned(),
                kind: if by_class(*place) { "several" } else { kind(principal.kind) },
                class: short,
                count: 0,
                container: *place,
                source: named
                    .map_or_else(String::new, |named| subject.place(named.file, named.span).to_string()),
                enforces: principal.details.enforces.join(", "),
                address: addresses(&principal.addresses()),
                ..Node::default()
            });
            graph.nodes.len() - 1
        });
        graph.nodes[index].count += 1;
        node_of.push(index);
    }
    for gateway in &model.gateways {
        if let Some(principal) = gateway.principal {
            graph.nodes[node_of[principal.index()]].enforces = gateway.enforces.join(", ");
        }
    }
    node_of
}

fn edges(subject: &Subject, node_of: &[usize], places: &[Option<usize>], graph: &mut Graph) {
    let model = subject.model();
    let mut sets: FxHashMap<usize, BTreeSet<usize>> = FxHashMap::default();
    let mut nodes_of = |set: &weir_compiler::model::PrincipalSet| -> BTreeSet<usize> {
        let key = std::sync::Arc::as_ptr(set) as usize;
        sets.entry(key).or_insert_with(|| set.members().map(|id| node_of[id as usize]).collect()).clone()
    };
    let mut top: Vec<Option<usize>> = Vec::new();
    for container in 0..graph.containers.len() {
        let zone = std::iter::successors(Some(container), |one| graph.containers[*one].parent)
            .find(|one| graph.containers[*one].kind == "zone" || graph.containers[*one].kind == "outside");
        top.push(zone);
    }
    let _ = places;
    let zones_of = |nodes: &BTreeSet<usize>, graph: &Graph| -> BTreeSet<End> {
        let zone = |node: &usize| match graph.nodes[*node].container.and_then(|container| top[container]) {
            Some(container) => End::Container(container),
            None => End::Node(*node),
        };
        nodes.iter().map(zone).collect()
    };
    let mut all: BTreeMap<(End, End), BTreeSet<Flow>> = BTreeMap::new();
    for (index, rectangle) in subject.facts.rectangles.iter().enumerate() {
        let (from, to) = (nodes_of(&rectangle.sources), nodes_of(&rectangle.destinations));
        let statement = subject.statement(rectangle.statement);
        let flow = Flow {
            service: service_of(model, rectangle),
            access: access(model, rectangle),
            terms: Terms::of(subject, index).describe(),
            rule: subject.place(statement.file, statement.span).to_string(),
        };
        let (from, to): (BTreeSet<End>, BTreeSet<End>) = if from.len() * to.len() > MOST_PAIRS {
            (zones_of(&from, graph), zones_of(&to, graph))
        } else {
            (from.into_iter().map(End::Node).collect(), to.into_iter().map(End::Node).collect())
        };
        for source in &from {
            for destination in &to {
                all.entry((*source, *destination)).or_default().insert(flow.clone());
            }
        }
    }
    graph.edges = all
        .into_iter()
        .map(|((from, to), flows)| Edge {
            from,
            to,
            access: flows.iter().map(|flow| flow.access).max().unwrap_or(crate::Access::Connect),
            flows: flows.into_iter().collect(),
        })
        .collect();
}

fn conduits(subject: &Subject, zones: &[usize], graph: &mut Graph) {
    let model = subject.model();
    let mut all: BTreeMap<(usize, usize, String), BTreeSet<String>> = BTreeMap::new();
    for conduit in &model.conduits {
        let [from, to] = conduit.ends.map(|end| model.zone_of.get(&end).map(|zone| zones[zone.index()]));
        let (Some(from), Some(to)) = (from, to) else { continue };
        let carries = conduit.carries.iter().map(|service| match service {
            Service::Any => "any".to_owned(),
            Service::Transport(transport) => weir_compiler::flows::PortSet::of(&[*transport]).describe(),
            Service::Protocol { protocol, .. } => {
                let name = &model.protocols.get(*protocol).name;
                name.rsplit('.').next().unwrap_or(name).to_owned()
            }
        });
        let name = if graph.containers[from].count > 1 || graph.containers[to].count > 1 {
            without_numbers(&conduit.name)
        } else {
            conduit.name.clone()
        };
        all.entry((from, to, name)).or_default().extend(carries);
    }
    graph.conduits = all
        .into_iter()
        .map(|((from, to, name), carries)| Conduit { name, from, to, carries: carries.into_iter().collect() })
        .collect();
}
