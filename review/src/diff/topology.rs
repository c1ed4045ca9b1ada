//! What else differs: principals, where they stand, conduits, gateways, and what nothing separates.

use std::collections::{BTreeMap, BTreeSet};

use weir_compiler::{
    flows::{PortSet, operations},
    model::{PrincipalSet, SegmentKind, Service},
    plan::{AddressSet, Plan},
};
use weir_syntax::ast::Effect;

use super::{
    Difference, PlantChange, Verdict,
    identity::Identity,
    principals,
    shape::{self, Aspect, Shape, Shapes},
};
use crate::{
    Subject,
    mobile::{self, yes},
};

pub(super) fn compare(earlier: &Subject, later: &Subject, identity: &Identity, found: &mut Difference) {
    principals::compare(earlier, later, identity, found);
    for (what, of) in [
        ("zone", zones as fn(&Subject) -> Shapes),
        ("network", networks),
        ("conduit", conduits),
        ("gateway", gateways),
        ("cluster", clusters),
    ] {
        shape::compare(what, (&of(earlier), &of(later)), Verdict::Same, &mut found.plant);
    }
    wires(earlier, later, found);
    let describe = |is_later: bool, who: &[u32]| {
        let set = who.iter().copied().collect();
        let (subject, set) =
            if is_later { (later, identity.in_later(&set)) } else { (earlier, identity.in_earlier(&set)) };
        subject.naming().describe(subject.model(), &set)
    };
    let before = mobile::of_package(earlier, |id| identity.of_earlier(id));
    mobile::compare(&before, &mobile::of_package(later, |id| id), describe, &mut found.plant);
    gaps(earlier, later, identity, found);
    protocols(earlier, later, found);
    denies(earlier, later, found);
    settings(earlier, later, found);
}

pub(super) fn service_name(subject: &Subject, service: &Service) -> String {
    let protocols = &subject.model().protocols;
    match service {
        Service::Any => "any".to_owned(),
        Service::Transport(transport) => PortSet::of(std::slice::from_ref(transport)).describe(),
        Service::Protocol { protocol, operation } => {
            let protocol = protocols.get(*protocol);
            match operation {
                Some(operation) => operations::describe(protocol, operation),
                None => protocol.name.clone(),
            }
        }
    }
}

/// A `deny` that covers no `allow` changes no flow today; it is what holds when somebody adds one.
fn denies(earlier: &Subject, later: &Subject, found: &mut Difference) {
    let of = |subject: &Subject| -> BTreeMap<String, String> {
        let statements = subject.facts.statements.iter().filter(|one| one.effect == Effect::Deny);
        statements
            .map(|one| {
                (format!("{}: {}", one.policy, one.text), subject.place(one.file, one.span).to_string())
            })
            .collect()
    };
    let (before, after) = (of(earlier), of(later));
    for (here, there, change) in [(&after, &before, "added"), (&before, &after, "removed")] {
        for (name, place) in here.iter().filter(|(name, _)| !there.contains_key(*name)) {
            found.plant.push(PlantChange {
                what: "rule",
                name: name.clone(),
                change,
                detail: place.clone(),
                effect: Verdict::Same,
            });
        }
    }
}

/// Things that have a shape, by name.
fn shapes<'s, T: 's>(
    list: impl IntoIterator<Item = &'s T>,
    shape: impl Fn(&'s T) -> (String, Shape),
) -> Shapes {
    list.into_iter().map(shape).collect()
}

fn list(names: impl IntoIterator<Item = String>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn given(text: Option<impl ToString>) -> String {
    text.map_or_else(|| "none".to_owned(), |text| text.to_string())
}

/// A zone permits nothing; what is asked of those in it follows from it.
fn zones(subject: &Subject) -> Shapes {
    let model = subject.model();
    shapes(&model.zones, |zone| {
        let parent = zone.parent.map(|parent| model.zone(parent).name.clone());
        let shape = vec![
            ("purdue", Aspect::value(given(zone.purdue))),
            ("target level", Aspect::value(given(zone.target_level.map(|level| format!("SL{level}"))))),
            ("inside of", Aspect::value(given(parent))),
            ("isolated", Aspect::value(yes(zone.isolated))),
        ];
        (zone.name.clone(), shape)
    })
}

/// Its stations are principals, and what nothing separates in it is a gap.
fn networks(subject: &Subject) -> Shapes {
    let model = subject.model();
    let networks = model.segments.iter().filter(|segment| segment.kind == SegmentKind::Network);
    shapes(networks, |segment| {
        let zone = segment.zone.map(|zone| model.zone(zone).name.clone());
        let shape = vec![
            ("zone", Aspect::value(given(zone))),
            // what may arrive from there
            ("subnet", Aspect::decisive(list(segment.prefixes.iter().map(ToString::to_string)))),
            ("isolated", Aspect::value(yes(segment.isolated))),
            ("admission", Aspect::value(given(segment.admission))),
            ("accepted gap", Aspect::value(given(segment.accept_gap.as_ref()))),
        ];
        (segment.name.clone(), shape)
    })
}

/// A conduit permits nothing: flows do.
fn conduits(subject: &Subject) -> Shapes {
    let model = subject.model();
    shapes(&model.conduits, |conduit| {
        let carries = conduit.carries.iter().map(|service| service_name(subject, service));
        let through = conduit.through.iter().map(|gateway| model.gateway(*gateway).name.clone());
        let shape = vec![
            ("between", Aspect::value(list(conduit.ends.map(|end| subject.path(end).to_owned())))),
            ("carries", Aspect::members(carries, Verdict::Same)),
            ("requires", Aspect::value(conduit.requires.word())),
            ("through", Aspect::members(through, Verdict::Same)),
        ];
        (conduit.name.clone(), shape)
    })
}

/// What a gateway forwards is said of the flows.
fn gateways(subject: &Subject) -> Shapes {
    let model = subject.model();
    shapes(&model.gateways, |gateway| {
        let interfaces = gateway.interfaces.iter().map(|one| {
            let segment = &model.segment(one.segment).name;
            format!("{} on {segment} ({}, {})", one.name, one.device, addresses(&one.addresses))
        });
        let routes = gateway
            .routes
            .iter()
            .map(|route| format!("{} by {}", list(route.to.iter().map(ToString::to_string)), route.via));
        let hides = gateway.masquerade.iter().map(|segment| model.segment(*segment).name.clone());
        let enforces = gateway.enforces.iter().map(|word| (*word).to_owned());
        let bridges =
            model.bridges.iter().filter(|bridge| model.gateway(bridge.gateway).entity == gateway.entity);
        let stations = bridges.flat_map(|bridge| &bridge.ports).flat_map(|port| {
            port.stations.members().map(|id| format!("{} at {}", subject.name(id), port.device))
        });
        let shape = vec![
            ("enforces", Aspect::members(enforces, Verdict::Same)),
            ("interface", Aspect::members(interfaces, Verdict::Same)),
            ("route", Aspect::members(routes, Verdict::Same)),
            // behind it, everybody whom it lets out has its address
            ("masquerade", Aspect::members(hides, Verdict::Widened)),
            // clients are known by their addresses then, and show no certificate
            (
                "transparent",
                Aspect::Amount(Some(u64::from(gateway.transparent)), yes(gateway.transparent).into()),
            ),
            ("stations", Aspect::members(stations, Verdict::Widened)),
        ];
        (gateway.name.clone(), shape)
    })
}

/// Who somebody is depends on the interface by which his packets come.
fn wires(earlier: &Subject, later: &Subject, found: &mut Difference) {
    let of = |subject: &Subject| -> BTreeMap<(String, String), (String, String)> {
        let model = subject.model();
        let interfaces = model.gateways.iter().flat_map(|gateway| {
            gateway.interfaces.iter().map(|one| {
                let segment = model.segment(one.segment).name.clone();
                ((gateway.name.clone(), one.device.to_string()), (segment, one.name.to_string()))
            })
        });
        interfaces.collect()
    };
    let (before, after) = (of(earlier), of(later));
    for ((gateway, device), (segment, _)) in &after {
        let was = before.get(&(gateway.clone(), device.clone())).map(|(was, _)| was.as_str());
        let moved = match was {
            Some(was) => was != segment,
            // a network that was there, behind another wire
            None => before.iter().any(|((known, _), (was, _))| known == gateway && was == segment),
        };
        if moved {
            let detail = match was {
                Some(was) => format!("`{device}` leads to {segment}, and led to {was}"),
                None => format!("`{device}` leads to {segment}, which is behind another interface, or was"),
            };
            let (name, effect) = (gateway.clone(), Verdict::Widened);
            found.plant.push(PlantChange { what: "gateway", name, change: "changed", detail, effect });
        }
    }
}

/// Pods of other namespaces than these are held by no policy.
fn clusters(subject: &Subject) -> Shapes {
    let model = subject.model();
    shapes(&model.clusters, |cluster| {
        let namespaces = cluster.workloads.iter().map(|workload| workload.pods.namespace.to_string());
        let nodes = cluster.gateway.map(|gateway| model.gateway(gateway).name.clone());
        let pods = &model.segment(cluster.segment).prefixes;
        let shape = vec![
            ("nodes", Aspect::value(given(nodes))),
            ("pods", Aspect::value(list(pods.iter().map(ToString::to_string)))),
            ("services", Aspect::value(addresses(&cluster.services))),
            // every pod may ask there
            ("dns", Aspect::decisive(given(cluster.dns.as_ref().map(|dns| &dns.text)))),
            ("isolates namespace", Aspect::members(namespaces, Verdict::Narrowed)),
        ];
        (cluster.name.clone(), shape)
    })
}

/// What `weir.toml` says.
fn settings(earlier: &Subject, later: &Subject, found: &mut Difference) {
    let of = |subject: &Subject| -> BTreeMap<String, String> {
        let text = subject.sources.files.first().map_or("", |file| &*file.text);
        let mut values = BTreeMap::new();
        if let Ok(table) = toml::from_str::<toml::Table>(text) {
            flatten("", &toml::Value::Table(table), &mut values);
        }
        values
    };
    let (before, after) = (of(earlier), of(later));
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in all {
        let (old, new) = (before.get(name), after.get(name));
        let guards = name == "targets.kubernetes.guard-rails";
        let (change, detail, effect) = match (old, new) {
            (None, Some(new)) if guards => ("added", new.clone(), Verdict::Narrowed),
            (None, Some(new)) => ("added", new.clone(), Verdict::Same),
            (Some(old), None) if guards => ("removed", old.clone(), Verdict::Widened),
            (Some(old), None) => ("removed", old.clone(), Verdict::Same),
            (Some(old), Some(new)) if old != new => {
                // other policies of the tier may come first now
                let later = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
                let effect = if guards && later(new) > later(old) { Verdict::Widened } else { Verdict::Same };
                ("changed", format!("{old} -> {new}"), effect)
            }
            _ => continue,
        };
        found.plant.push(PlantChange { what: "setting", name: name.clone(), change, detail, effect });
    }
}

fn flatten(path: &str, value: &toml::Value, values: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, values);
            }
        }
        other => {
            values.insert(path.to_owned(), other.to_string());
        }
    }
}

/// What nothing separates is possible, whatever policy says.
fn gaps(earlier: &Subject, later: &Subject, identity: &Identity, found: &mut Difference) {
    let (Some(before), Some(after)) = (&earlier.plan, &later.plan) else { return };
    let of = |plan: &Plan, common: &dyn Fn(&PrincipalSet) -> PrincipalSet| -> BTreeMap<_, _> {
        let gaps = plan.gaps.iter();
        gaps.map(|gap| {
            let key = (gap.kind, gap.place.clone());
            (key, (gap.message().to_owned(), common(&gap.who), gap.accepted.is_some()))
        })
        .collect()
    };
    let before = of(before, &|who| identity.translate(who));
    let after = of(after, &Clone::clone);
    let mut push = |place: &str, change, detail: &str, effect| {
        let (name, detail) = (place.to_owned(), detail.to_owned());
        found.plant.push(PlantChange { what: "gap", name, change, detail, effect });
    };
    for (key @ (_, place), (message, who, accepted)) in &after {
        match before.get(key) {
            None => push(place, "added", message, Verdict::Widened),
            Some((_, old, _)) if !old.covers(who) => push(place, "changed", message, Verdict::Widened),
            Some((_, old, _)) if old != who => push(place, "changed", message, Verdict::Narrowed),
            Some((_, _, was)) if was != accepted => {
                let word = if *accepted { "accepted now" } else { "no longer accepted" };
                push(place, "changed", word, Verdict::Same);
            }
            Some(_) => {}
        }
    }
    for ((_, place), (message, ..)) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
        push(place, "removed", message, Verdict::Narrowed);
    }
}

/// Ports of a protocol are said with the flows; what its operations mean is not.
fn protocols(earlier: &Subject, later: &Subject, found: &mut Difference) {
    let of = |subject: &Subject| -> BTreeMap<String, (String, String)> {
        let list = subject.model().protocols.list.iter();
        list.map(|one| {
            let inside = format!("{:?} {:?} {:?}", one.operations, one.groups, one.frame_ids);
            (one.name.clone(), (format!("{:?}", one.transports), inside))
        })
        .collect()
    };
    let (before, after) = (of(earlier), of(later));
    for (name, (ports, inside)) in &after {
        let Some((old_ports, old_inside)) = before.get(name) else { continue };
        let (detail, effect) = if old_inside != inside {
            let text = "its operations are defined differently: what rules name by it means something else";
            (text, Verdict::Widened)
        } else if old_ports != ports {
            ("other ports", Verdict::Same)
        } else {
            continue;
        };
        found.plant.push(PlantChange {
            what: "protocol",
            name: name.clone(),
            change: "changed",
            detail: detail.to_owned(),
            effect,
        });
    }
}

/// `10.1.0.10`, `10.1.0.0..10.1.0.255 and 3 more ranges`.
pub(crate) fn addresses(set: &AddressSet) -> String {
    let v4 = set.v4.iter().map(|(first, last)| {
        let (first, last) = (std::net::Ipv4Addr::from_bits(first), std::net::Ipv4Addr::from_bits(last));
        if first == last { first.to_string() } else { format!("{first}..{last}") }
    });
    let v6 = set.v6.iter().map(|(first, last)| {
        let (first, last) = (std::net::Ipv6Addr::from_bits(first), std::net::Ipv6Addr::from_bits(last));
        if first == last { first.to_string() } else { format!("{first}..{last}") }
    });
    let all: Vec<String> = v4.chain(v6).collect();
    match all.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one}, {two}"),
        [one, two, more @ ..] => format!("{one}, {two} and {} more ranges", more.len()),
    }
}
