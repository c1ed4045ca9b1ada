//! The package: topology, conduits for what flows, policies.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Options, Package,
    flows::{Party, Rule, What},
    plant::{Network, Place, Plant},
    template,
    text::{FileText, PER_FILE},
    topology,
};

/// Rules of one policy.
const PER_POLICY: usize = 12;

pub(crate) fn package(options: &Options, plant: &Plant, rules: &[Rule]) -> Package {
    let inner = if plant.template { template::rules(options, plant) } else { 0 };
    let mut files = topology::files(plant, inner);
    files.push(("conduits.weir".into(), conduits(plant, rules)));
    policies(plant, rules, &mut files);
    files.sort();
    let manifest =
        "[package]\nname = \"generated_plant\"\nversion = \"0.1.0\"\nedition = \"2026\"\n".to_owned();
    Package { manifest, files }
}

/// A zone as an end of conduits, as written at the root.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Zone(String);

fn zones(plant: &Plant, party: Party) -> Vec<Zone> {
    let hall = |number: u32| Zone(format!("halls.hall_{number:02}.process"));
    let of = |network: &Network| match network.place {
        Place::Cell => hall(network.hall()),
        Place::Room | Place::Office => Zone(network.zone().into()),
    };
    match party {
        Party::Device(id) => vec![of(plant.network(id))],
        Party::Network(index) => vec![of(&plant.networks[index as usize])],
        Party::Hall(number) | Party::Controllers(number) => vec![hall(number)],
        Party::Office => vec![Zone("office".into())],
        Party::Everyone => vec![Zone("production".into()), Zone("operations".into()), Zone("office".into())],
        Party::Administrators => vec![Zone("management".into())],
        Party::Gateways => vec![Zone("production".into()), Zone("operations".into()), Zone("office".into())],
    }
}

/// Conduits for what the rules need: halls with each other one by one, with all else together.
fn conduits(plant: &Plant, rules: &[Rule]) -> String {
    let mut needed: BTreeMap<(Zone, Zone), BTreeSet<What>> = BTreeMap::new();
    for rule in rules.iter().filter(|rule| !rule.deny) {
        for from in zones(plant, rule.source) {
            for to in zones(plant, rule.destination) {
                if from == to {
                    continue;
                }
                let (mut from, mut to) = if from < to { (from.clone(), to) } else { (to, from.clone()) };
                let is_hall = |zone: &Zone| zone.0.starts_with("halls.");
                if is_hall(&from) != is_hall(&to) {
                    for zone in [&mut from, &mut to] {
                        if is_hall(zone) {
                            *zone = Zone("production".into());
                        }
                    }
                }
                needed.entry((from, to)).or_default().insert(rule.what);
            }
        }
    }
    let mut file = FileText::new("What may flow between zones.");
    for ((from, to), carried) in needed {
        let name = format!("{}_{}", from.0, to.0).replace("halls.", "").replace(".process", "");
        let words: Vec<String> = carried.into_iter().map(|what| word(&mut file, what)).collect();
        file.push(&format!("conduit {name} between {}, {} {{\n    carries = [\n        ", from.0, to.0));
        file.push(&words.join(",\n        "));
        file.push(",\n    ]\n}\n\n");
    }
    file.finish()
}

fn word(file: &mut FileText, what: What) -> String {
    match what {
        What::Protocol(service) => file.service(service).to_owned(),
        What::Tcp(port) => format!("tcp/{port}"),
        What::Udp(port) => format!("udp/{port}"),
        What::Any => "any".into(),
    }
}

/// The rules by whom they concern, in policies of a dozen and files of about a thousand.
fn policies(plant: &Plant, rules: &[Rule], files: &mut Vec<(String, String)>) {
    let mut by_owner: BTreeMap<String, Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        by_owner.entry(owner(plant, rule)).or_default().push(rule);
    }
    for (owner, rules) in by_owner {
        for (number, rules) in (1..).zip(rules.chunks(PER_FILE as usize / PER_POLICY * PER_POLICY)) {
            let mut file = FileText::new(format!("Rules of {owner}, part {number}."));
            for (part, rules) in (1..).zip(rules.chunks(PER_POLICY)) {
                file.push(&format!(
                    "policy {owner}_{number}_{part:02} {{\n    owner = \"ot@plant.example\"\n"
                ));
                for rule in rules {
                    let line = statement(plant, rule, &mut file);
                    file.push(&line);
                }
                file.push("}\n\n");
            }
            files.push((format!("policies/{owner}_{number}.weir"), file.finish()));
        }
    }
}

/// The hall that a rule concerns, or the part of the plant that is in none.
fn owner(plant: &Plant, rule: &Rule) -> String {
    let of = |party: Party| match party {
        Party::Device(id) => Some(plant.network(id).module()),
        Party::Network(index) => Some(plant.networks[index as usize].module()),
        Party::Hall(hall) | Party::Controllers(hall) => Some(format!("hall_{hall:02}")),
        Party::Office | Party::Everyone | Party::Administrators | Party::Gateways => None,
    };
    let sides = [of(rule.destination), of(rule.source)];
    let hall = sides.iter().flatten().find(|module| module.starts_with("hall_"));
    hall.cloned().unwrap_or_else(|| match rule.destination {
        Party::Gateways => "management".into(),
        _ => "servers".into(),
    })
}

fn statement(plant: &Plant, rule: &Rule, file: &mut FileText) -> String {
    let effect = if rule.deny { "deny" } else { "allow" };
    let source = path(plant, rule.source, file);
    let destination = path(plant, rule.destination, file);
    let what = word(file, rule.what);
    let block = if rule.block.is_empty() { String::new() } else { format!(" {{ {} }}", rule.block) };
    format!("    {effect} {source} -> {destination} : {what}{block}\n")
}

/// How a policy names somebody; halls are brought in with `use`.
fn path(plant: &Plant, party: Party, file: &mut FileText) -> String {
    let path = match party {
        Party::Device(id) => plant.path(id),
        Party::Network(index) => {
            let network = &plant.networks[index as usize];
            match (plant.template, network.place) {
                (true, Place::Cell) => format!("{}.cell[{}].net", network.module(), network.in_hall()),
                _ => format!("{}.{}", network.module(), network.name()),
            }
        }
        Party::Hall(hall) => format!("hall_{hall:02}.process"),
        Party::Controllers(hall) => format!("hall_{hall:02}.controllers"),
        Party::Office => "office".into(),
        Party::Everyone => "everyone".into(),
        Party::Administrators => "admin".into(),
        Party::Gateways => "all_gateways".into(),
    };
    if let Some((module, _)) = path.split_once('.').filter(|(module, _)| module.starts_with("hall_")) {
        file.uses("halls", module);
    }
    path
}
