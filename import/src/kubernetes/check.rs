//! What of manifests leads nowhere, whatever a package says.

use std::collections::{BTreeMap, BTreeSet};

use weir_syntax::{
    Diagnostic,
    diagnostic::{codes, did_you_mean},
};

use super::{Manifests, Pods, Service, Target, show};

/// Services that choose no pods, and names of ports that no pod of theirs has.
pub fn check(manifests: &Manifests) -> Vec<Diagnostic> {
    let index = Index::new(manifests);
    let unseen = unseen(manifests);
    let of_each = |service| of_service(service, &index, &unseen);
    manifests.services.iter().flat_map(of_each).collect()
}

/// Namespaces with an object that is not understood: it may run the pods that are missed.
pub(super) fn unseen(manifests: &Manifests) -> BTreeSet<&str> {
    let unseen = manifests.others.iter().filter(|other| !other.harmless);
    unseen.map(|other| other.object.namespace.as_str()).collect()
}

pub(super) fn of_service(service: &Service, index: &Index<'_>, unseen: &BTreeSet<&str>) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    if service.selector.is_empty()
        || service.kind == "ExternalName"
        || unseen.contains(service.object.namespace.as_str())
    {
        return diagnostics;
    }
    let pods = index.chosen(&service.object.namespace, &service.selector);
    if pods.is_empty() {
        diagnostics.push(without_pods(service, index));
    } else {
        ports(service, &pods, &mut diagnostics);
    }
    diagnostics
}

fn without_pods(service: &Service, index: &Index<'_>) -> Diagnostic {
    let object = &service.object;
    let place = service.selector_place;
    let diagnostic = Diagnostic::new(&codes::E0420, format!("{object} has no pods")).primary(
        place.file,
        place.span,
        format!("no pod of `{}` has these labels", object.namespace),
    );
    let nearest = index.of(&object.namespace).max_by_key(|pods| {
        service.selector.iter().filter(|(key, value)| pods.labels.get(*key) == Some(value)).count()
            + service.selector.keys().filter(|key| pods.labels.contains_key(*key)).count()
    });
    match nearest {
        Some(pods) if !pods.labels.is_empty() => diagnostic
            .secondary(pods.labels_place.file, pods.labels_place.span, format!("those of {}", pods.object))
            .help(format!(
                "correct its selector (the pods of {} have `{}`), or remove the Service",
                pods.object,
                show(&pods.labels)
            )),
        _ => diagnostic.help("import the manifest of its pods as well, or remove the Service"),
    }
}

fn ports(service: &Service, pods: &[&Pods], diagnostics: &mut Vec<Diagnostic>) {
    for port in &service.ports {
        let Target::Name(name) = &port.target else { continue };
        let own = || pods.iter().flat_map(|pods| pods.ports());
        let named = |port: &&super::ContainerPort| port.name.as_ref() == Some(name);
        if own().any(|port| named(&port)) {
            continue;
        }
        let names = own().filter_map(|port| port.name.as_deref());
        let mut numbers: Vec<String> = own()
            .map(|port| match &port.name {
                Some(name) => format!("`{name}` ({})", port.number),
                None => port.number.to_string(),
            })
            .collect();
        numbers.sort();
        numbers.dedup();
        let known = if numbers.is_empty() {
            "give a port of its container this name".to_owned()
        } else {
            format!("its pods have {}", numbers.join(", "))
        };
        let help = did_you_mean(name, names).unwrap_or(known);
        diagnostics.push(
            Diagnostic::new(
                &codes::E0420,
                format!("the port `{name}` of {} is no port of its pods", service.object),
            )
            .primary(port.place.file, port.place.span, "no container has a port of this name")
            .secondary(
                pods[0].object.place.file,
                pods[0].object.place.span,
                format!("its pods are those of {}", pods[0].object),
            )
            .help(help),
        );
    }
}

/// Pods by namespace and by each of their labels: who chooses some of them need not look at all.
pub(crate) struct Index<'m> {
    by_namespace: BTreeMap<&'m str, Vec<&'m Pods>>,
    by_label: BTreeMap<(&'m str, &'m str, &'m str), Vec<&'m Pods>>,
}

impl<'m> Index<'m> {
    pub(crate) fn new(manifests: &'m Manifests) -> Self {
        let mut index = Self { by_namespace: BTreeMap::new(), by_label: BTreeMap::new() };
        for pods in &manifests.pods {
            let namespace = pods.object.namespace.as_str();
            index.by_namespace.entry(namespace).or_default().push(pods);
            for (key, value) in pods.generated.iter().chain(&pods.labels) {
                index.by_label.entry((namespace, key, value)).or_default().push(pods);
            }
        }
        index
    }

    pub(crate) fn of(&self, namespace: &str) -> impl Iterator<Item = &'m Pods> + use<'_, 'm> {
        self.by_namespace.get(namespace).into_iter().flatten().copied()
    }

    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &'m str> + use<'_, 'm> {
        self.by_namespace.keys().copied()
    }

    /// Pods among which are all that a selector chooses.
    fn candidates<'n>(&'n self, namespace: &'n str, selector: &'n super::Labels) -> &'n [&'m Pods] {
        let of_namespace = || self.by_namespace.get(namespace).map_or(&[][..], Vec::as_slice);
        let lists = selector.iter().map(|(key, value)| {
            self.by_label.get(&(namespace, key.as_str(), value.as_str())).map_or(&[][..], Vec::as_slice)
        });
        lists.min_by_key(|list| list.len()).unwrap_or_else(of_namespace)
    }

    /// Whether a selector chooses pods beside these.
    pub(crate) fn chooses_others(&self, pods: &Pods, selector: &super::Labels) -> bool {
        let candidates = self.candidates(&pods.object.namespace, selector);
        candidates.iter().any(|other| other.object != pods.object && other.is_chosen(selector))
    }

    /// Those of a namespace that a selector chooses, in the order of the files.
    pub(crate) fn chosen(&self, namespace: &str, selector: &super::Labels) -> Vec<&'m Pods> {
        let candidates = self.candidates(namespace, selector).iter().copied();
        candidates.filter(|pods| pods.is_chosen(selector)).collect()
    }
}
