//! What else differs: principals, where they stand, conduits, gateways, and what nothing separates.

use std::collections::BTreeMap;

use weir_compiler::{
    model::{Conduit, PrincipalKind},
    plan::{AddressSet, Ranges},
};

use weir_syntax::ast::Effect;

use super::{Difference, PlantChange, Verdict, identity::Identity};
use crate::Subject;

/// Names of one kind of change that are listed one by one; beyond, they are counted.
const LISTED: usize = 20;

pub(super) fn compare(earlier: &Subject, later: &Subject, identity: &Identity, found: &mut Difference) {
    principals(earlier, later, identity, found);
    conduits(earlier, later, found);
    gateways(earlier, later, found);
    gaps(earlier, later, found);
    protocols(earlier, later, found);
    denies(earlier, later, found);
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

fn principals(earlier: &Subject, later: &Subject, identity: &Identity, found: &mut Difference) {
    let push = |found: &mut Difference, name: String, change, detail: String, effect| {
        found.plant.push(PlantChange { what: "principal", name, change, detail, effect });
    };
    let sets = [
        (later, "added", identity.added.iter().copied().collect::<Ranges<u32>>()),
        (earlier, "removed", identity.gone().iter().copied().collect()),
    ];
    for (subject, change, set) in sets {
        if !set.is_empty() {
            let name = subject.naming().describe(subject.model(), &set);
            let detail = match set.count() {
                1 => String::new(),
                count => format!("{count} principals"),
            };
            push(found, name, change, detail, Verdict::Same);
        }
    }
    for (old, new) in &identity.renamed {
        let (old, new) = (earlier.name(*old).to_owned(), later.name(*new));
        push(
            found,
            old,
            "renamed",
            format!("now `{new}`; the same address, class, zone and services"),
            Verdict::Same,
        );
    }
    let permitted = |subject: &Subject| {
        let all = subject
            .connections()
            .into_iter()
            .flat_map(|one| one.sources.iter().chain(one.destinations.iter()));
        Ranges::from_unsorted(all.collect())
    };
    let (used_before, used_after) = (permitted(earlier), permitted(later));
    let mut alike: BTreeMap<(String, Verdict), Vec<(u32, u32)>> = BTreeMap::new();
    for old in 0..earlier.model().principals.len() as u32 {
        let new = identity.of_earlier(old);
        if new >= later.model().principals.len() as u32 {
            continue;
        }
        let (was, is) = (earlier.principal(old), later.principal(new));
        let mut details = Vec::new();
        let mut effect = Verdict::Same;
        let (before, after) = (was.addresses(), is.addresses());
        // what is left of the internet follows from all else
        let is_rest = is.kind == PrincipalKind::External && Some(is.entity) == later.model().internet;
        if before != after && !is_rest {
            details.push(format!("address {} -> {}", addresses(&before), addresses(&after)));
            if used_after.contains(new) && !before.covers(&after) {
                effect = Verdict::Widened;
            } else if used_before.contains(old) && !after.covers(&before) {
                effect = effect.max(Verdict::Narrowed);
            }
        }
        let zones = |subject: &Subject, principal: &weir_compiler::model::Principal| {
            principal
                .zones
                .iter()
                .map(|zone| subject.model().zone(*zone).name.clone())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (from, to) = (zones(earlier, was), zones(later, is));
        if from != to {
            details.push(format!("zone {from} -> {to}"));
        }
        let class = |subject: &Subject, principal: &weir_compiler::model::Principal| {
            principal.details.class.map_or_else(|| "none".to_owned(), |class| subject.path(class).to_owned())
        };
        let (from, to) = (class(earlier, was), class(later, is));
        if from != to {
            details.push(format!("class {from} -> {to}"));
        }
        if was.mac != is.mac {
            details.push("another MAC address".to_owned());
        }
        if was.details.identity != is.details.identity {
            details.push("another identity".to_owned());
        }
        if details.is_empty() {
            continue;
        }
        alike.entry((details.join("; "), effect)).or_default().push((new, new));
    }
    let count = alike.len();
    let mut left_out = 0;
    for (listed, ((detail, effect), ids)) in alike.into_iter().enumerate() {
        if listed >= LISTED && count > LISTED && effect != Verdict::Widened {
            left_out += 1;
            continue;
        }
        let name = later.naming().describe(later.model(), &Ranges::from_unsorted(ids));
        push(found, name, "changed", detail, effect);
    }
    if left_out > 0 {
        found.notes.push(format!("{left_out} more kinds of changes of principals are not listed"));
    }
}

fn conduits(earlier: &Subject, later: &Subject, found: &mut Difference) {
    let shape = |subject: &Subject, conduit: &Conduit| {
        let carries: Vec<String> = conduit
            .carries
            .iter()
            .map(|service| match service {
                weir_compiler::model::Service::Protocol { protocol, operation: None } => {
                    subject.model().protocols.get(*protocol).name.clone()
                }
                other => format!("{other:?}"),
            })
            .collect();
        let through: Vec<&str> =
            conduit.through.iter().map(|gateway| subject.model().gateway(*gateway).name.as_str()).collect();
        let ends = conduit.ends.map(|end| subject.path(end).to_owned()).join(", ");
        (ends, carries, conduit.requires, through.join(", "))
    };
    let of = |subject: &Subject| -> BTreeMap<String, _> {
        subject.model().conduits.iter().map(|one| (one.name.clone(), shape(subject, one))).collect()
    };
    let (before, after) = (of(earlier), of(later));
    let mut push = |name: &str, change, detail: String| {
        found.plant.push(PlantChange {
            what: "conduit",
            name: name.to_owned(),
            change,
            detail,
            // a conduit permits nothing: flows do
            effect: Verdict::Same,
        });
    };
    for (name, (ends, carries, requires, through)) in &after {
        match before.get(name) {
            None => push(name, "added", format!("between {ends}, carries {}", carries.join(", "))),
            Some((old_ends, old_carries, old_requires, old_through)) => {
                let mut details = Vec::new();
                if ends != old_ends {
                    details.push(format!("between {old_ends} -> {ends}"));
                }
                let more: Vec<&str> =
                    carries.iter().filter(|one| !old_carries.contains(one)).map(String::as_str).collect();
                let less: Vec<&str> =
                    old_carries.iter().filter(|one| !carries.contains(one)).map(String::as_str).collect();
                if !more.is_empty() {
                    details.push(format!("carries {} too", more.join(", ")));
                }
                if !less.is_empty() {
                    details.push(format!("no longer carries {}", less.join(", ")));
                }
                if requires != old_requires {
                    details.push(format!("requires {} -> {}", old_requires.word(), requires.word()));
                }
                if through != old_through {
                    details.push(format!("through {old_through} -> {through}"));
                }
                if !details.is_empty() {
                    push(name, "changed", details.join("; "));
                }
            }
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        push(name, "removed", String::new());
    }
}

fn gateways(earlier: &Subject, later: &Subject, found: &mut Difference) {
    let of = |subject: &Subject| -> BTreeMap<String, (String, Vec<String>)> {
        let interfaces = |gateway: &weir_compiler::model::Gateway| {
            gateway
                .interfaces
                .iter()
                .map(|one| {
                    let segment = &subject.model().segment(one.segment).name;
                    format!("{} on {segment} ({})", one.name, addresses(&one.addresses))
                })
                .collect()
        };
        let gateways = subject.model().gateways.iter();
        gateways.map(|one| (one.name.clone(), (one.enforces.join(", "), interfaces(one)))).collect()
    };
    let (before, after) = (of(earlier), of(later));
    let mut push = |name: &str, change, detail: String| {
        found.plant.push(PlantChange {
            what: "gateway",
            name: name.to_owned(),
            change,
            detail,
            effect: Verdict::Same,
        });
    };
    for (name, (enforces, interfaces)) in &after {
        match before.get(name) {
            None => push(name, "added", format!("enforces {enforces}")),
            Some((old, old_interfaces)) => {
                let mut details = Vec::new();
                if old != enforces {
                    details.push(format!("enforces {old} -> {enforces}"));
                }
                let fresh = interfaces.iter().filter(|one| !old_interfaces.contains(one));
                details.extend(fresh.map(|one| format!("interface {one}")));
                let gone = old_interfaces.iter().filter(|one| !interfaces.contains(one));
                details.extend(gone.map(|one| format!("no interface {one}")));
                if !details.is_empty() {
                    push(name, "changed", details.join("; "));
                }
            }
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        push(name, "removed", String::new());
    }
}

/// What nothing separates is possible, whatever policy says.
fn gaps(earlier: &Subject, later: &Subject, found: &mut Difference) {
    let (Some(before), Some(after)) = (&earlier.plan, &later.plan) else { return };
    let of = |plan: &weir_compiler::plan::Plan| -> BTreeMap<(String, String), (String, u64, bool)> {
        plan.gaps
            .iter()
            .map(|gap| {
                let key = (format!("{:?}", gap.kind), gap.place.clone());
                (key, (gap.message().to_owned(), gap.who.count(), gap.accepted.is_some()))
            })
            .collect()
    };
    let (before, after) = (of(before), of(after));
    for (key, (message, count, accepted)) in &after {
        let (change, effect, detail) = match before.get(key) {
            None => ("added", Verdict::Widened, message.clone()),
            Some((_, old, _)) if count > old => ("changed", Verdict::Widened, message.clone()),
            Some((_, old, _)) if count < old => ("changed", Verdict::Narrowed, message.clone()),
            Some((_, _, was)) if was != accepted => {
                let word = if *accepted { "accepted now" } else { "no longer accepted" };
                ("changed", Verdict::Same, word.to_owned())
            }
            Some(_) => continue,
        };
        found.plant.push(PlantChange { what: "gap", name: key.1.clone(), change, detail, effect });
    }
    for (key, (message, ..)) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
        found.plant.push(PlantChange {
            what: "gap",
            name: key.1.clone(),
            change: "removed",
            detail: message.clone(),
            effect: Verdict::Narrowed,
        });
    }
}

fn protocols(earlier: &Subject, later: &Subject, found: &mut Difference) {
    let of = |subject: &Subject| -> BTreeMap<String, String> {
        let list = subject.model().protocols.list.iter();
        list.map(|one| (one.name.clone(), format!("{:?} {:?}", one.transports, one.operations))).collect()
    };
    let (before, after) = (of(earlier), of(later));
    for (name, _) in after.iter().filter(|(name, shape)| before.get(*name).is_some_and(|old| old != *shape)) {
        found.plant.push(PlantChange {
            what: "protocol",
            name: name.clone(),
            change: "changed",
            detail:
                "its operations or ports are defined differently: what rules name by it means something else"
                    .into(),
            effect: Verdict::Same,
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
