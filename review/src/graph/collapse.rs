//! What is drawn, and what is drawn as one.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use weir_compiler::{
    model::{Principal, PrincipalKind, SegmentId, SegmentKind, Service, ZoneId},
    names::EntityId,
    plan::AddressSet,
};

use super::{Conduit, Container, Edge, End, Flow, Graph, Member, Node};
use crate::{Subject, Terms, access, access::service_of, addresses};

/// Nodes of one network that are drawn one by one; beyond, those of a class are one.
const MOST_NODES: usize = 24;
/// Nodes of one class in one network that are drawn one by one, in a plant that fits a screen, and in a larger one.
const MOST_ALIKE: (usize, usize) = (12, 4);
/// Nodes of a plant that fits a screen.
const FITS_A_SCREEN: usize = 120;
/// Instances of a template, and gateways that join the same, that are drawn one by one.
const MOST_INSTANCES: usize = 6;
/// Zones whose names differ in numbers alone, with the same classes in them, that are drawn one by one.
const MOST_NUMBERED: usize = 24;
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

/// `cell12_net` as `cell*_net`.
fn without_digits(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for character in name.chars() {
        if !character.is_ascii_digit() {
            out.push(character);
        } else if !out.ends_with('*') {
            out.push('*');
        }
    }
    out
}

/// Under which name several things are drawn as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Merged {
    name: String,
    /// Tells apart what has one name and is not alike.
    group: usize,
    /// Whether names inside of it are told apart by nothing but their numbers.
    by_digits: bool,
}

impl Merged {
    fn pattern(&self, name: &str) -> String {
        if self.by_digits { without_digits(name) } else { without_numbers(name) }
    }
}

/// For each zone, the name that it shares with others; nothing, where it is drawn alone.
fn merged_zones(subject: &Subject) -> Vec<Option<Merged>> {
    let model = subject.model();
    let mut inside: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); model.zones.len()];
    for principal in &model.principals {
        let class = principal.details.class.map_or("", |class| subject.path(class));
        if let [zone] = principal.zones.as_slice() {
            inside[zone.index()].insert(class);
        }
    }
    let mut instances: BTreeMap<String, usize> = BTreeMap::new();
    let mut numbered: BTreeMap<(String, Option<ZoneId>, Option<u8>, &BTreeSet<&str>), Vec<usize>> =
        BTreeMap::new();
    for (index, zone) in model.zones.iter().enumerate() {
        *instances.entry(without_numbers(&zone.name)).or_default() += 1;
        let key = (without_digits(&zone.name), zone.parent, zone.purdue, &inside[index]);
        numbered.entry(key).or_default().push(index);
    }
    let mut merged: Vec<Option<Merged>> = vec![None; model.zones.len()];
    let many = numbered.into_iter().filter(|(_, zones)| zones.len() > MOST_NUMBERED);
    for (group, ((name, ..), zones)) in many.enumerate() {
        for zone in zones {
            merged[zone] = Some(Merged { name: name.clone(), group: group + 1, by_digits: true });
        }
    }
    for (index, zone) in model.zones.iter().enumerate() {
        let name = without_numbers(&zone.name);
        // instances of one template are alike
        if instances.get(&name).is_some_and(|count| *count > MOST_INSTANCES) {
            merged[index] = Some(Merged { name, group: 0, by_digits: false });
        }
    }
    merged
}

/// Zones, and the segments in them.
struct Containers<'s> {
    subject: &'s Subject,
    merged: Vec<Option<Merged>>,
    known: FxHashMap<(Option<usize>, String, usize), usize>,
    list: Vec<Container>,
    /// Of each zone.
    zones: Vec<usize>,
}

impl<'s> Containers<'s> {
    fn new(subject: &'s Subject) -> Self {
        let mut made = Self {
            subject,
            merged: merged_zones(subject),
            known: FxHashMap::default(),
            list: Vec::new(),
            zones: Vec::new(),
        };
        for index in 0..subject.model().zones.len() {
            let zone = made.zone(ZoneId(index as u32), 0);
            made.list[zone].count += 1;
            made.zones.push(zone);
        }
        made
    }

    fn of(
        &mut self,
        parent: Option<usize>,
        name: String,
        group: usize,
        kind: &'static str,
        purdue: Option<u8>,
    ) -> usize {
        // a zone and a network may have one name
        let key = (parent, format!("{} {name}", if kind == "zone" { "zone" } else { "in" }), group);
        let Self { known, list, .. } = self;
        *known.entry(key).or_insert_with(|| {
            list.push(Container { name, kind, parent, purdue, ..Container::default() });
            list.len() - 1
        })
    }

    fn zone(&mut self, zone: ZoneId, depth: usize) -> usize {
        let known = self.subject.model().zone(zone);
        let parent = known.parent.filter(|_| depth < 32).map(|parent| self.zone(parent, depth + 1));
        let merged = self.merged[zone.index()].clone();
        let (name, group) =
            merged.map_or_else(|| (known.name.clone(), 0), |merged| (merged.name, merged.group));
        self.of(parent, name, group, "zone", known.purdue)
    }

    fn segment(&mut self, segment: SegmentId) -> usize {
        let known = self.subject.model().segment(segment);
        let zone = known.zone.map(|zone| self.zones[zone.index()]);
        let merged = known.zone.and_then(|zone| self.merged[zone.index()].as_ref());
        let name = merged.map_or_else(|| known.name.clone(), |merged| merged.pattern(&known.name));
        let kind = match known.kind {
            SegmentKind::Network => "network",
            SegmentKind::Slice => "slice",
            SegmentKind::Pods => "pods",
        };
        self.of(zone, name, 0, kind, None)
    }

    fn outside(&mut self) -> usize {
        let outside = self.of(None, "outside".into(), 0, "outside", None);
        self.list[outside].count = 1;
        outside
    }

    /// Whether names of principals in a zone are told apart by nothing but their numbers.
    fn by_digits(&self, principal: &Principal) -> bool {
        let zone = principal.zones.first().and_then(|zone| self.merged[zone.index()].as_ref());
        zone.is_some_and(|merged| merged.by_digits)
    }
}

pub(super) fn collapse(subject: &Subject) -> Graph {
    let model = subject.model();
    let mut containers = Containers::new(subject);
    let mut bridged: FxHashMap<EntityId, SegmentId> = FxHashMap::default();
    for bridge in &model.bridges {
        bridged.entry(model.gateway(bridge.gateway).entity).or_insert(bridge.segment);
    }
    // where each principal is drawn: its first segment, that of its bridge; gateways of several zones between them
    let mut places: Vec<Option<usize>> = Vec::with_capacity(model.principals.len());
    for principal in &model.principals {
        let spans_zones = principal.kind == PrincipalKind::Gateway && principal.zones.len() > 1;
        let segment = principal.attachments.first().map(|attachment| attachment.segment);
        let segment = segment.or_else(|| bridged.get(&principal.entity).copied());
        places.push(match segment {
            _ if spans_zones => None,
            Some(segment) if principal.kind != PrincipalKind::External => Some(containers.segment(segment)),
            _ => match principal.zones.first() {
                Some(zone) => Some(containers.zones[zone.index()]),
                None => Some(containers.outside()),
            },
        });
    }
    let joined = joined(subject, &containers);
    let mut graph = Graph {
        title: subject.sources.manifest.package.name.clone(),
        principals: model.principals.len(),
        ..Graph::default()
    };
    let node_of = nodes(subject, &places, &joined, &containers, &mut graph);
    graph.containers = containers.list;
    edges(subject, &node_of, &mut graph);
    conduits(subject, &containers.zones, &containers.merged, &mut graph);
    for (principal, containers) in joined {
        let node = node_of[principal as usize];
        if graph.nodes[node].container.is_none() {
            graph.links.extend(containers.into_iter().map(|container| (node, container)));
        }
    }
    graph.links.sort_unstable();
    graph.links.dedup();
    graph
}

/// The zones that each gateway joins, by its principal.
fn joined(subject: &Subject, containers: &Containers<'_>) -> BTreeMap<u32, BTreeSet<usize>> {
    let model = subject.model();
    let mut all = BTreeMap::new();
    for gateway in &model.gateways {
        let zones = gateway.interfaces.iter().filter_map(|one| model.segment(one.segment).zone);
        if let Some(principal) = gateway.principal {
            all.insert(principal.0, zones.map(|zone| containers.zones[zone.index()]).collect());
        }
    }
    all
}

/// What principals that are drawn as one have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    /// Of one declaration, or of declarations whose names differ in numbers.
    Pattern(String),
    Class(String),
    /// Gateways of one pattern that join the same zones: which group of them.
    Joining(String, usize),
}

impl Key {
    fn of_class(subject: &Subject, id: usize) -> Self {
        let word = class(subject, id);
        let kind = kind(subject.model().principals[id].kind);
        Self::Class(if word.is_empty() { format!("{kind}s") } else { word.to_owned() })
    }

    fn label(&self) -> &str {
        match self {
            Self::Pattern(label) | Self::Class(label) | Self::Joining(label, _) => label,
        }
    }
}

/// The keys of all principals.
fn keys(
    subject: &Subject,
    places: &[Option<usize>],
    joined: &BTreeMap<u32, BTreeSet<usize>>,
    containers: &Containers<'_>,
) -> Vec<Key> {
    let model = subject.model();
    let path = |id: usize| {
        let principal = &model.principals[id];
        let path = subject.path(principal.entity);
        if path.is_empty() { principal.name.as_str() } else { path }
    };
    // gateways between zones: many of one pattern that join the same are one
    let mut between: BTreeMap<(String, &BTreeSet<usize>), Vec<usize>> = BTreeMap::new();
    for (id, zones) in joined {
        if places[*id as usize].is_none() {
            between.entry((without_digits(path(*id as usize)), zones)).or_default().push(*id as usize);
        }
    }
    let mut alike: FxHashMap<usize, Key> = FxHashMap::default();
    let many = between.into_iter().filter(|(_, ids)| ids.len() > MOST_INSTANCES);
    for (group, ((pattern, _), ids)) in many.enumerate() {
        alike.extend(ids.into_iter().map(|id| (id, Key::Joining(pattern.clone(), group))));
    }
    let mut keys: Vec<Key> = (0..places.len())
        .map(|id| match alike.remove(&id) {
            Some(key) => key,
            None if places[id].is_none() => Key::Pattern(path(id).to_owned()),
            None if containers.by_digits(&model.principals[id]) => Key::Pattern(without_digits(path(id))),
            None => Key::Pattern(without_numbers(path(id))),
        })
        .collect();
    // numbers alone do not tell a drive from a sensor
    let mut classes: BTreeMap<(usize, &str), BTreeSet<&str>> = BTreeMap::new();
    for (id, key) in keys.iter().enumerate() {
        if let (Some(place), Key::Pattern(pattern)) = (places[id], key) {
            classes.entry((place, pattern)).or_default().insert(class(subject, id));
        }
    }
    let mixed: BTreeSet<(usize, String)> = classes
        .iter()
        .filter(|(_, classes)| classes.len() > 1)
        .map(|((place, pattern), _)| (*place, (*pattern).to_owned()))
        .collect();
    for (id, key) in keys.iter_mut().enumerate() {
        if let (Some(place), Key::Pattern(pattern)) = (places[id], &*key)
            && mixed.contains(&(place, pattern.clone()))
        {
            *key = Key::of_class(subject, id);
        }
    }
    // what is left in one network, and of one class there
    let mut inside: BTreeMap<usize, BTreeSet<&Key>> = BTreeMap::new();
    let mut of_class: BTreeMap<(usize, &str), BTreeSet<&Key>> = BTreeMap::new();
    for (id, key) in keys.iter().enumerate() {
        let Some(place) = places[id] else { continue };
        inside.entry(place).or_default().insert(key);
        of_class.entry((place, class(subject, id))).or_default().insert(key);
    }
    let total: usize = inside.values().map(BTreeSet::len).sum();
    let most = if total > FITS_A_SCREEN { MOST_ALIKE.1 } else { MOST_ALIKE.0 };
    let crowded: BTreeSet<usize> =
        inside.iter().filter(|(_, keys)| keys.len() > MOST_NODES).map(|(place, _)| *place).collect();
    let many: BTreeSet<(usize, String)> = of_class
        .iter()
        .filter(|(_, keys)| keys.len() > most)
        .map(|((place, class), _)| (*place, (*class).to_owned()))
        .collect();
    for (id, key) in keys.iter_mut().enumerate() {
        let Some(place) = places[id] else { continue };
        let principal = &model.principals[id];
        let word = class(subject, id);
        // who enforces something is seen for itself
        let is_one_of_many =
            principal.details.enforces.is_empty() && many.contains(&(place, word.to_owned()));
        if crowded.contains(&place) || is_one_of_many {
            *key = Key::of_class(subject, id);
        }
    }
    keys
}

fn class(subject: &Subject, id: usize) -> &str {
    let class = subject.model().principals[id].details.class.map_or("", |class| subject.path(class));
    class.rsplit('.').next().unwrap_or_default()
}

fn kind(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Device => "device",
        PrincipalKind::Workload => "workload",
        PrincipalKind::Gateway => "gateway",
        PrincipalKind::External => "external",
        PrincipalKind::Role => "role",
    }
}

/// The node of each principal.
fn nodes(
    subject: &Subject,
    places: &[Option<usize>],
    joined: &BTreeMap<u32, BTreeSet<usize>>,
    containers: &Containers<'_>,
    graph: &mut Graph,
) -> Vec<usize> {
    let model = subject.model();
    let mut known: FxHashMap<(Option<usize>, Key), usize> = FxHashMap::default();
    let mut members: Vec<Vec<u32>> = Vec::new();
    let mut node_of = Vec::with_capacity(places.len());
    for (id, key) in keys(subject, places, joined, containers).into_iter().enumerate() {
        let index = *known.entry((places[id], key)).or_insert_with_key(|(_, key)| {
            graph.nodes.push(Node {
                label: key.label().to_owned(),
                container: places[id],
                ..Node::default()
            });
            members.push(Vec::new());
            graph.nodes.len() - 1
        });
        members[index].push(id as u32);
        node_of.push(index);
    }
    let mut enforced: FxHashMap<u32, String> = FxHashMap::default();
    for gateway in &model.gateways {
        if let Some(principal) = gateway.principal {
            enforced.insert(principal.0, gateway.enforces.join(", "));
        }
    }
    let source = |id: u32| {
        let named = subject.named(model.principal(id).entity);
        named.map_or_else(String::new, |named| subject.place(named.file, named.span).to_string())
    };
    for (node, members) in graph.nodes.iter_mut().zip(members) {
        let Some(first) = members.first().copied() else { continue };
        let principal = model.principal(first);
        let declarations: BTreeSet<EntityId> = members.iter().map(|id| model.principal(*id).entity).collect();
        let words: BTreeSet<&str> = members.iter().map(|id| class(subject, *id as usize)).collect();
        node.count = members.len() as u32;
        node.kind = if declarations.len() > 1 { "several" } else { kind(principal.kind) };
        if words.len() == 1 {
            node.class = class(subject, first as usize).to_owned();
        }
        // one that stands for itself among many that look alike has its own name
        if members.len() == 1 && principal.kind != PrincipalKind::External {
            node.label = principal.name.to_string();
        }
        if principal.kind == PrincipalKind::Gateway && declarations.len() > 1 {
            node.kind = "gateway";
        }
        node.source = source(first);
        let own = principal.details.enforces.join(", ");
        node.enforces = enforced.get(&first).cloned().unwrap_or(own);
        let all = AddressSet::union_of(
            &members.iter().map(|id| model.principal(*id).addresses()).collect::<Vec<_>>(),
        );
        node.address =
            if members.len() > 1 { addresses::summary(&all) } else { addresses::list(&all).join(", ") };
        if members.len() > 1 {
            let is_one = declarations.len() == 1;
            node.members = members
                .iter()
                .map(|id| Member {
                    name: model.principal(*id).name.to_string(),
                    address: addresses::list(&model.principal(*id).addresses()).join(", "),
                    source: if is_one { String::new() } else { source(*id) },
                })
                .collect();
        }
    }
    node_of
}

fn edges(subject: &Subject, node_of: &[usize], graph: &mut Graph) {
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

fn conduits(subject: &Subject, zones: &[usize], merged: &[Option<Merged>], graph: &mut Graph) {
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
        let ends = conduit.ends.iter().filter_map(|end| model.zone_of.get(end));
        let merged = ends.filter_map(|zone| merged[zone.index()].as_ref()).max_by_key(|one| one.by_digits);
        let name = merged.map_or_else(|| conduit.name.clone(), |merged| merged.pattern(&conduit.name));
        all.entry((from, to, name)).or_default().extend(carries);
    }
    graph.conduits = all
        .into_iter()
        .map(|((from, to, name), carries)| Conduit { name, from, to, carries: carries.into_iter().collect() })
        .collect();
}
