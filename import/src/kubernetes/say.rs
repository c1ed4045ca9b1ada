//! Manifests in Weir.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ContainerPort, Labels, Manifests, Object, Pods, Service, Target,
    check::{self, Index},
    show,
};
use crate::{
    Extent, Fate, Inventory, Item, Kind, Left, Place, Transport, Value, Vocabulary,
    names::{Names, give_all},
};

/// Labels that a controller sets anew with each version.
const VOLATILE: [&str; 4] = [
    "controller-revision-hash",
    "pod-template-generation",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];
/// What ports are usually called, by what they speak.
const PORT_NAMES: [(&str, &str); 4] =
    [("postgresql", "postgres"), ("opc-ua", "opcua"), ("web", "http"), ("prometheus", "metrics")];

#[derive(Clone, Debug)]
pub struct Options<'o> {
    /// The cluster that the workloads are declared in.
    pub cluster: &'o str,
}

/// Each kind of pods as a workload, each port as a protocol that is served; the rest is said to be left.
pub fn inventory(manifests: &Manifests, options: &Options<'_>, vocabulary: &Vocabulary) -> Inventory {
    let mut inventory = Inventory {
        format: "kubernetes",
        about: vec![format!(
            "Cluster `{}` has to be declared beside; review each label and port: they decide who a pod is.",
            options.cluster
        )],
        unit: "object",
        ..Inventory::default()
    };
    let mut names = Names::default();
    names.reserve(options.cluster);
    vocabulary.protocols().for_each(|name| names.reserve(name));
    let wanted: Vec<(String, String)> = manifests
        .pods
        .iter()
        .map(|pods| {
            let object = &pods.object;
            (object.name.clone(), format!("{}_{}", object.namespace, object.name))
        })
        .collect();
    let given = give_all(&mut names, &wanted);
    let services = services(manifests);
    let index = Index::new(manifests);
    let selectors = selectors(manifests, &index, &mut inventory);
    let said: BTreeSet<Place> = manifests
        .pods
        .iter()
        .zip(&selectors)
        .filter(|(_, labels)| labels.is_some())
        .map(|(pods, _)| pods.object.place)
        .collect();
    let mut own: BTreeMap<Transport, (String, Place)> = BTreeMap::new();
    for ((pods, name), labels) in manifests.pods.iter().zip(given).zip(selectors) {
        let Some(labels) = labels else { continue };
        let mut item = Item::new(Kind::Workload, name, pods.object.place);
        item.cluster = Some(options.cluster.into());
        item.documentation
            .push(format!("{} {}/{}", pods.object.kind, pods.object.namespace, pods.object.name));
        item.documentation.extend(offered(&services, pods));
        item.attributes.push(("namespace", Value::Text(pods.object.namespace.clone())));
        if !labels.is_empty() {
            item.attributes.push(("labels", Value::Labels(labels)));
        }
        let served = serves(pods, vocabulary, &mut names, &mut own, &mut inventory);
        if !served.is_empty() {
            item.attributes.push(("serves", Value::List(served)));
        }
        let account = pods.service_account.clone().filter(|account| account != "default");
        item.attributes.extend(account.map(|account| ("service_account", Value::Text(account))));
        if pods.host_network {
            item.attributes.push(("host_network", Value::Boolean(true)));
        }
        inventory.items.push(item);
    }
    for (transport, (name, place)) in own {
        let mut item = Item::new(Kind::Protocol, name, place);
        item.documentation
            .push("What is spoken there is not known: rename it, and say its operations".into());
        item.attributes.push(("transport", Value::Transport(transport)));
        inventory.items.push(item);
    }
    inventory.items.sort_by_key(|item| item.kind);
    rest(manifests, &index, &said, &mut inventory);
    inventory
}

/// For each kind of pods, labels that choose them and none of the others; nothing, where there are no such labels.
fn selectors(manifests: &Manifests, index: &Index<'_>, inventory: &mut Inventory) -> Vec<Option<Labels>> {
    manifests
        .pods
        .iter()
        .map(|pods| {
            let mut all = pods.generated.clone();
            all.extend(pods.labels.clone());
            all.retain(|key, _| !VOLATILE.contains(&key.as_str()));
            let candidates = [pods.selector.clone(), Some(pods.labels.clone()), Some(all)];
            let found = candidates.into_iter().flatten().find(|labels| !labels.is_empty() && !index.chooses_others(pods, labels));
            if found.is_none() {
                let why = if pods.labels.is_empty() {
                    "its pods have no labels to know them by: give them some".to_owned()
                } else {
                    format!("other pods of the namespace have its labels as well (`{}`): give them one of their own", show(&pods.labels))
                };
                left(inventory, &pods.object, &why);
            } else {
                inventory.ledger.add(pods.object.place, Fate::Said);
            }
            found
        })
        .collect()
}

/// Services by namespace and the first label that they choose by.
type Services<'m> = BTreeMap<(&'m str, &'m str, &'m str), Vec<&'m Service>>;

fn services(manifests: &Manifests) -> Services<'_> {
    let mut services = Services::new();
    for service in &manifests.services {
        if let Some((key, value)) = service.selector.first_key_value() {
            services.entry((&service.object.namespace, key, value)).or_default().push(service);
        }
    }
    services
}

/// How Services lead to these pods.
fn offered(services: &Services<'_>, pods: &Pods) -> Vec<String> {
    let labels = pods.generated.iter().chain(&pods.labels);
    let below = labels.filter_map(|(key, value)| {
        services.get(&(pods.object.namespace.as_str(), key.as_str(), value.as_str()))
    });
    let services = below.flatten().filter(|service| pods.is_chosen(&service.selector));
    let lines = services.map(|service| {
        let ports: Vec<String> = service
            .ports
            .iter()
            .map(|port| match &port.target {
                Target::Number(target) if *target == port.number => port.number.to_string(),
                Target::Number(target) => format!("{} to {target}", port.number),
                Target::Name(target) => format!("{} to {target}", port.number),
            })
            .collect();
        format!("behind Service {} ({}): {}", service.object.name, service.kind, ports.join(", "))
    });
    lines.collect()
}

fn serves(
    pods: &Pods,
    vocabulary: &Vocabulary,
    names: &mut Names,
    own: &mut BTreeMap<Transport, (String, Place)>,
    inventory: &mut Inventory,
) -> Vec<Value> {
    let mut served = Vec::new();
    let mut used: BTreeSet<String> = BTreeSet::new();
    let mut seen: BTreeSet<Transport> = BTreeSet::new();
    for port in pods.ports() {
        let transport = port.transport;
        if !seen.insert(transport) {
            continue;
        }
        let known = spoken(port, transport, vocabulary).filter(|name| !used.contains(name));
        let (name, on) = match known {
            Some(name) => {
                vocabulary.bring(inventory, &name);
                let on = (!vocabulary.is_default(&name, transport)).then_some(transport);
                (name, on)
            }
            None => {
                let (name, _) = own.entry(transport).or_insert_with(|| {
                    let wanted = transport.to_string().replace('/', "_");
                    (names.give([wanted.as_str()]), port.place)
                });
                (name.clone(), None)
            }
        };
        used.insert(name.clone());
        served.push(Value::Serves(name, on));
    }
    served
}

/// The protocol of a port, by its name or by its number.
fn spoken(port: &ContainerPort, transport: Transport, vocabulary: &Vocabulary) -> Option<String> {
    let by_name = port.name.as_deref().and_then(|name| {
        let known = PORT_NAMES.iter().find(|(usual, _)| *usual == name).map(|(_, known)| *known);
        let name = known.map_or_else(|| name.replace('-', "_"), str::to_owned);
        (vocabulary.has_protocol(&name) && vocabulary.runs_over(&name, transport)).then_some(name)
    });
    by_name.or_else(|| vocabulary.of_port(transport).map(str::to_owned))
}

/// Lists an object as a whole.
fn left(inventory: &mut Inventory, object: &Object, why: &str) {
    inventory.ledger.add(object.place, Fate::Left);
    inventory.remainder.push(Left {
        place: object.place,
        extent: Extent::Record,
        what: object.to_string(),
        why: why.into(),
    });
}

/// What runs no pods itself, or has no place in Weir.
fn rest(manifests: &Manifests, index: &Index<'_>, said: &BTreeSet<Place>, inventory: &mut Inventory) {
    let unseen = check::unseen(manifests);
    for service in &manifests.services {
        let object = &service.object;
        match unsaid(service, index, said) {
            Some(why) => left(inventory, object, why),
            None => inventory.ledger.add(object.place, Fate::Covered("as Services of workloads")),
        }
        if index.chosen(&object.namespace, &service.selector).is_empty() {
            continue; // that it has no pods is why it is left
        }
        for diagnostic in check::of_service(service, index, &unseen) {
            let label = diagnostic.labels.first();
            let place = label.map_or(object.place, |label| Place { file: label.file, span: label.span });
            inventory.remainder.push(Left {
                place,
                extent: Extent::Part(object.place),
                what: diagnostic.message,
                why: "it leads nowhere in these files: import those of its pods as well".into(),
            });
        }
    }
    for policy in &manifests.policies {
        let why = "network policies are not imported: say what it permits as flows, and remove it";
        left(inventory, &policy.object, why);
    }
    for other in &manifests.others {
        let why = match other.object.kind.as_str() {
            "Kustomization" | "Component" => {
                "it is of a build: import what `kubectl kustomize` makes of it, labels and names may change"
            }
            "Ingress" => "it leads requests from outside: write flows from its controller to the pods behind",
            _ if other.harmless => "it runs no pods: nothing to say",
            _ => "its kind is not read; if its controller makes pods of it, import those",
        };
        left(inventory, &other.object, why);
    }
    let pods = manifests.pods.iter().filter(|pods| said.contains(&pods.object.place));
    let populated: BTreeSet<&str> = pods.map(|pods| pods.object.namespace.as_str()).collect();
    for (namespace, place) in &manifests.namespaces {
        if populated.contains(namespace.as_str()) {
            inventory.ledger.add(*place, Fate::Covered("as namespaces of workloads"));
            continue;
        }
        inventory.ledger.add(*place, Fate::Left);
        inventory.remainder.push(Left {
            place: *place,
            extent: Extent::Record,
            what: format!("Namespace `{namespace}`"),
            why: "no workload of these files is in it".into(),
        });
    }
    for (place, reason) in &manifests.covered {
        inventory.ledger.add(*place, Fate::Covered(reason));
    }
    for _ in inventory.ledger.len()..manifests.objects {
        // a mistake of ours, or an object that is wrong: it shows as a record that nothing became of
        let _ = inventory.ledger.read(Place::default());
    }
    inventory.remainder.sort_by_key(|left| left.place);
}

/// Why a Service is not said with the workloads behind it.
fn unsaid(service: &Service, index: &Index<'_>, said: &BTreeSet<Place>) -> Option<&'static str> {
    match service.kind.as_str() {
        "ExternalName" => return Some("it is another name of something outside: declare that as `external`"),
        "NodePort" | "LoadBalancer" if !service.keeps_sources => {
            return Some(
                "it is offered outside, and hides who asks: set `externalTrafficPolicy: Local`, and write the flows to its pods",
            );
        }
        "NodePort" | "LoadBalancer" => return Some("it is offered outside: write the flows to its pods"),
        _ if service.selector.is_empty() => {
            return Some("its endpoints are made by hand: declare what they are");
        }
        _ => {}
    }
    let pods = index.chosen(&service.object.namespace, &service.selector);
    if pods.is_empty() {
        return Some("none of these files has its pods: import theirs as well");
    }
    let is_said = pods.iter().any(|pods| said.contains(&pods.object.place));
    (!is_said).then_some("the pods behind it are listed, and not said")
}
