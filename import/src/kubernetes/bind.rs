//! A package's workloads against what really runs: each selects the pods that are meant and no others, and is what its
//! manifest says.

use std::collections::{BTreeMap, BTreeSet};

use weir_syntax::{
    Diagnostic,
    diagnostic::{codes, did_you_mean, nearest},
};

use super::{Finding, Labels, Manifests, Pods, Target, check::Index, posture, show};
use crate::{Place, Transport};

/// A workload as a package declares it, with the places of what it says; where it does not say it, of its name.
#[derive(Clone, Debug)]
pub struct Declared {
    pub name: String,
    pub place: Place,
    pub namespace: String,
    pub namespace_place: Place,
    pub labels: Labels,
    pub labels_place: Place,
    pub service_account: Option<(String, Place)>,
    pub host_network: bool,
    pub host_network_place: Place,
    /// Ports that it serves.
    pub serves: Vec<Transport>,
    pub serves_place: Place,
}

/// Where somebody else's pods run whom a package need not declare.
const SYSTEM: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];
/// Others that are named, at most.
const NAMED: usize = 3;

/// Everything in which workloads and manifests differ, and what weakens the policies that will hold them.
pub fn bind(declared: &[Declared], manifests: &Manifests) -> (Vec<Diagnostic>, Vec<Finding>) {
    let index = Index::new(manifests);
    let mut diagnostics = Vec::new();
    // which workloads select what, by the pods' place
    let mut selected: BTreeMap<Place, Vec<&Declared>> = BTreeMap::new();
    // pods that nobody selects where a workload selects none are the same mistake
    let mut missed: BTreeSet<&str> = BTreeSet::new();
    for workload in declared {
        let pods = index.chosen(&workload.namespace, &workload.labels);
        for pods in &pods {
            // two are enough to say so
            let by = selected.entry(pods.object.place).or_default();
            if by.len() < 2 {
                by.push(workload);
            }
        }
        match pods.as_slice() {
            [] => {
                missed.insert(&workload.namespace);
                diagnostics.push(without_pods(workload, &index));
            }
            [pods] => differences(workload, pods, manifests, &mut diagnostics),
            several => diagnostics.push(of_several(workload, several)),
        }
    }
    let owned: BTreeSet<&str> = declared.iter().map(|workload| workload.namespace.as_str()).collect();
    let mut findings = Vec::new();
    for pods in manifests.pods.iter().filter(|pods| owned.contains(pods.object.namespace.as_str())) {
        let by = selected.get(&pods.object.place).map_or(&[][..], Vec::as_slice);
        match by {
            [] if missed.contains(pods.object.namespace.as_str()) => {}
            [] => diagnostics.push(undeclared(pods)),
            [_] => {}
            [first, second, ..] => diagnostics.push(shared(pods, first, second)),
        }
        // what a workload says of it is right, or said to be wrong already
        findings.extend(posture(pods, !by.is_empty()));
    }
    namespaces(manifests, &index, &owned, &mut diagnostics);
    diagnostics.extend(findings.iter().map(Finding::diagnostic));
    (diagnostics, findings)
}

fn without_pods(workload: &Declared, index: &Index<'_>) -> Diagnostic {
    let message = format!("no pods of the manifests are `{}`", workload.name);
    let diagnostic = Diagnostic::new(&codes::E0417, message);
    if index.of(&workload.namespace).next().is_none() {
        let place = workload.namespace_place;
        let help = did_you_mean(&workload.namespace, index.namespaces()).unwrap_or_else(|| {
            "correct the namespace, or import the manifests of this workload as well".into()
        });
        let fix = nearest(&workload.namespace, index.namespaces());
        let diagnostic = diagnostic
            .primary(place.file, place.span, "no pods of the manifests are in this namespace")
            .help(help);
        return match fix {
            Some(near) if place != workload.place => diagnostic.fix(
                format!("write `{near}`"),
                place.file,
                place.span,
                format!("namespace = \"{near}\""),
            ),
            _ => diagnostic,
        };
    }
    let score = |pods: &Pods| {
        let alike = workload.labels.iter().map(|(key, value)| match pods.labels.get(key) {
            Some(own) if own == value => 2,
            Some(own) if nearest(value, [own.as_str()]).is_some() => 1,
            _ => 0,
        });
        alike.sum::<usize>() + 2 * usize::from(crate::names::snake(&pods.object.name) == workload.name)
    };
    let place = workload.labels_place;
    let diagnostic = diagnostic.primary(
        place.file,
        place.span,
        format!("no pods of `{}` have these labels", workload.namespace),
    );
    match index.of(&workload.namespace).max_by_key(|pods| score(pods)) {
        Some(pods) => diagnostic
            .secondary(pods.labels_place.file, pods.labels_place.span, format!("those of {}", pods.object))
            .help(format!("the pods of {} have `{}`: are they meant?", pods.object, show(&pods.labels))),
        None => diagnostic.help("correct the labels"),
    }
}

fn of_several(workload: &Declared, several: &[&Pods]) -> Diagnostic {
    let place = workload.labels_place;
    let mut diagnostic = Diagnostic::new(
        &codes::E0418,
        format!("`{}` selects the pods of {} workloads", workload.name, several.len()),
    )
    .primary(place.file, place.span, "all of them would have its permissions");
    for pods in several.iter().take(NAMED) {
        let place = pods.labels_place;
        diagnostic = diagnostic.secondary(place.file, place.span, format!("chosen: {}", pods.object));
    }
    diagnostic.help(
        "add a label that only the pods that are meant have; where all are meant, declare a workload for each, and group them",
    )
}

fn shared(pods: &Pods, first: &Declared, second: &Declared) -> Diagnostic {
    Diagnostic::new(
        &codes::E0418,
        format!("`{}` and `{}` both select the pods of {}", first.name, second.name, pods.object),
    )
    .primary(second.labels_place.file, second.labels_place.span, "these labels")
    .secondary(first.labels_place.file, first.labels_place.span, "and these")
    .secondary(pods.labels_place.file, pods.labels_place.span, "are all on these pods")
    .help("they would have the permissions of both: let one workload select them")
}

fn undeclared(pods: &Pods) -> Diagnostic {
    let place = pods.object.place;
    Diagnostic::new(&codes::W0220, format!("no workload of the package selects the pods of {}", pods.object))
        .primary(place.file, place.span, "cut off: its namespace denies by default")
        .help("declare a workload with its labels, or remove it from the cluster")
}

/// What the package says of a workload, and its manifest says otherwise.
fn differences(workload: &Declared, pods: &Pods, manifests: &Manifests, diagnostics: &mut Vec<Diagnostic>) {
    let own = pods.object.place;
    let differs = |place: Place, what: String, label: &str, help: &str| {
        Diagnostic::new(&codes::E0419, what)
            .primary(place.file, place.span, label)
            .secondary(own.file, own.span, "its manifest")
            .help(help)
    };
    if pods.host_network != workload.host_network {
        let (what, label, help) = if pods.host_network {
            (
                format!("the pods of `{}` use the network of their node", workload.name),
                "declared as pods with addresses of their own",
                "no network policy holds them: take `hostNetwork` from the manifest, or write `host_network = true`",
            )
        } else {
            (
                format!("the pods of `{}` do not use the network of their node", workload.name),
                "declared as pods with their node's addresses",
                "remove `host_network = true`",
            )
        };
        diagnostics.push(differs(workload.host_network_place, what, label, help));
    }
    if let Some((account, place)) = &workload.service_account {
        let real = pods.service_account.as_deref().unwrap_or("default");
        if real != account {
            diagnostics.push(differs(
                *place,
                format!("`{}` runs as service account `{real}`, and not as `{account}`", workload.name),
                "another service account",
                "correct it here or in the manifest",
            ));
        }
    }
    let ports: BTreeSet<Transport> = pods.ports().map(|port| port.transport).collect();
    for served in &workload.serves {
        if ports.is_empty() || ports.iter().any(|port| served.covers(*port)) {
            continue;
        }
        let place = workload.serves_place;
        if let Some((service, target)) = behind_service(*served, pods, manifests) {
            diagnostics.push(differs(
                place,
                format!("`{}` serves {served} only by a Service; its pods listen on {target}", workload.name),
                "a Service's port",
                &format!("write `on {target}`: policies act behind {service}"),
            ));
        } else {
            let named: Vec<String> = ports.iter().map(ToString::to_string).collect();
            diagnostics.push(
                Diagnostic::new(
                    &codes::W0222,
                    format!("the manifest of `{}` does not name {served}", workload.name),
                )
                .primary(place.file, place.span, "served by this")
                .secondary(
                    pods.object.place.file,
                    pods.object.place.span,
                    format!("names {}", named.join(", ")),
                )
                .help("correct the port here, or name it in the manifest"),
            );
        }
    }
}

/// The Service that translates a port of its own to another one of these pods.
fn behind_service(served: Transport, pods: &Pods, manifests: &Manifests) -> Option<(String, Transport)> {
    manifests
        .services
        .iter()
        .filter(|service| service.object.namespace == pods.object.namespace && !service.selector.is_empty())
        .filter(|service| pods.is_chosen(&service.selector))
        .flat_map(|service| service.ports.iter().map(move |port| (service, port)))
        .filter(|(_, port)| port.transport == served)
        .find_map(|(service, port)| {
            let target = match &port.target {
                Target::Number(number) => *number,
                Target::Name(name) => pods.ports().find(|own| own.name.as_ref() == Some(name))?.number,
            };
            let target = match served {
                Transport::Udp(..) => Transport::Udp(target, target),
                Transport::Sctp(..) => Transport::Sctp(target, target),
                _ => Transport::Tcp(target, target),
            };
            (target != served).then(|| (service.object.to_string(), target))
        })
}

/// Namespaces without a workload of the package, and what adds to the policies of those with one.
fn namespaces(
    manifests: &Manifests,
    index: &Index<'_>,
    owned: &BTreeSet<&str>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for namespace in index.namespaces().filter(|namespace| !owned.contains(namespace)) {
        let Some(first) = index.of(namespace).next() else { continue };
        if SYSTEM.contains(&namespace) {
            continue;
        }
        let place = manifests.namespaces.get(namespace).copied().unwrap_or(first.object.place);
        let number = index.of(namespace).count();
        diagnostics.push(
            Diagnostic::new(
                &codes::W0221,
                format!("no workload of the package is in namespace `{namespace}`"),
            )
            .primary(place.file, place.span, "no policy holds its pods")
            .note(format!("{} there", crate::render::count(number, "workload")))
            .help("declare its workloads; else its pods reach, and are reached, as the cluster lets them"),
        );
    }
    for policy in &manifests.policies {
        let place = policy.object.place;
        if policy.permits && owned.contains(policy.object.namespace.as_str()) {
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0421,
                    format!("{} permits what the package does not say", policy.object),
                )
                .primary(place.file, place.span, "network policies add up")
                .help("say what it permits in the package, and remove it from the cluster"),
            );
        }
    }
    for other in manifests.others.iter().filter(|other| !other.harmless) {
        let place = other.object.place;
        if owned.contains(other.object.namespace.as_str()) {
            diagnostics.push(
                Diagnostic::new(&codes::W0223, format!("{} may run pods that are not seen here", other.object))
                    .primary(place.file, place.span, "of a kind that is not read")
                    .help("import what its controller makes of it: `kubectl get deployments,statefulsets,daemonsets,pods -o yaml`"),
            );
        }
    }
}
