//! Changes of a package that must not change its meaning, or only in one direction.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod packages;

use packages::{
    analyze, artifacts,
    blueprint::{Blueprint, blueprint, statement},
    checks::{ends, wires},
    config, errors,
    text::{Layout, files},
};
use proptest::{collection::vec, prelude::*};
use weir_compiler::{Facts, flows::Rectangle, plan::Plan};
use weir_reference::{
    Wire,
    gateway::{Packet, permits},
};

/// A package that compiles, or nothing.
fn compiled(plant: &Blueprint) -> Option<(Facts, Plan)> {
    let analysis = analyze(&files(plant, &Layout::default()));
    analysis.facts.zip(analysis.plan)
}

/// Everything that the engine and the gateways permit after the change, they permitted before.
fn not_wider(before: &(Facts, Plan), after: &(Facts, Plan)) -> Result<(), String> {
    let mut all = wires(&before.0);
    all.extend(wires(&after.0));
    all.sort_unstable();
    all.dedup();
    relation(&before.0, &after.0, &all)?;
    plans(before, after, &all)
}

fn relation(before: &Facts, after: &Facts, wires: &[Wire]) -> Result<(), String> {
    let position =
        |name: &str| before.model.principals.iter().position(|one| one.name == name).map(|at| at as u32);
    let earlier: Vec<Option<u32>> = after.model.principals.iter().map(|one| position(&one.name)).collect();
    let covering = |facts: &Facts, source: u32, destination: u32| -> Vec<Rectangle> {
        let covers =
            |one: &&Rectangle| one.sources.contains(source) && one.destinations.contains(destination);
        facts.rectangles.iter().filter(covers).cloned().collect()
    };
    let carries = |list: &[Rectangle], wire: Wire| {
        list.iter().any(|one| one.ports.port_matches().iter().any(|range| wire.is_in(*range)))
    };
    for (source, was_source) in earlier.iter().enumerate() {
        for (destination, was_destination) in earlier.iter().enumerate() {
            let now = covering(after, source as u32, destination as u32);
            if now.is_empty() {
                continue;
            }
            let then =
                was_source.zip(*was_destination).map(|(s, d)| covering(before, s, d)).unwrap_or_default();
            if let Some(wire) = wires.iter().find(|wire| carries(&now, **wire) && !carries(&then, **wire)) {
                let name = |id: usize| after.model.principals[id].name.clone();
                return Err(format!("{} -> {} : {wire:?} is new", name(source), name(destination)));
            }
        }
    }
    Ok(())
}

fn plans(before: &(Facts, Plan), after: &(Facts, Plan), wires: &[Wire]) -> Result<(), String> {
    let addresses: Vec<_> =
        before.0.model.principals.iter().flat_map(|principal| ends(&principal.addresses())).collect();
    for gateway in &after.1.gateways {
        let Some(earlier) = before.1.gateways.iter().find(|one| one.name == gateway.name) else {
            return Err(format!("{} is new", gateway.name));
        };
        for rule in &gateway.rules {
            for from in addresses.iter().filter(|address| rule.sources.contains(**address)) {
                for to in addresses
                    .iter()
                    .filter(|to| to.is_ipv4() == from.is_ipv4() && rule.destinations.contains(**to))
                {
                    let packet = |wire| Packet {
                        hook: rule.hook,
                        arrives_by: None,
                        source: *from,
                        mac: None,
                        destination: *to,
                        wire,
                        at: packages::checks::NOW,
                    };
                    let new = |wire: &&Wire| {
                        permits(rule, &packet(**wire))
                            && !earlier.rules.iter().any(|old| permits(old, &packet(**wire)))
                    };
                    if let Some(wire) = wires.iter().find(new) {
                        return Err(format!("{from} -> {to} : {wire:?} is new at {}", gateway.name));
                    }
                }
            }
        }
    }
    Ok(())
}

/// The first line that differs.
fn different(one: &[(String, String)], other: &[(String, String)]) -> Option<String> {
    if one == other {
        return None;
    }
    let lines = |files: &[(String, String)]| -> Vec<String> {
        files
            .iter()
            .flat_map(|(path, text)| text.lines().map(move |line| format!("{path}: {line}")))
            .collect()
    };
    let (one, other) = (lines(one), lines(other));
    let pair = one.iter().zip(&other).find(|(a, b)| a != b);
    Some(pair.map_or_else(|| "one has more lines".to_owned(), |(a, b)| format!("{a}\n{b}")))
}

fn epochs(plan: &Plan) -> Vec<u32> {
    let options = weir_target_nftables::Options::default();
    plan.gateways.iter().map(|gateway| weir_target_nftables::emit(gateway, &options).unwrap().epoch).collect()
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn a_deny_never_widens(plant in blueprint(), more in statement()) {
        let Some(before) = compiled(&plant) else { return Err(TestCaseError::reject("does not compile")) };
        let mut narrower = plant;
        narrower.statements.push(packages::blueprint::Statement { deny: true, ..more });
        let Some(after) = compiled(&narrower) else { return Err(TestCaseError::reject("does not compile")) };
        prop_assert_eq!(not_wider(&before, &after), Ok(()), "with the last deny: {:?}", narrower);
    }

    #[test]
    fn removing_a_device_never_widens(plant in blueprint(), device in 0..7usize) {
        let Some(before) = compiled(&plant) else { return Err(TestCaseError::reject("does not compile")) };
        let mut without = plant;
        without.removed = Some(without.device_name(device % without.devices.len()));
        let Some(after) = compiled(&without) else { return Err(TestCaseError::reject("does not compile")) };
        prop_assert_eq!(not_wider(&before, &after), Ok(()), "without it: {:?}", without);
    }

    #[test]
    fn the_layout_of_a_package_changes_no_byte(plant in blueprint(), count in 1..4usize, keys in vec(any::<u16>(), 7)) {
        let straight = analyze(&files(&plant, &Layout::default()));
        let again = analyze(&files(&plant, &Layout::default()));
        prop_assert_eq!(different(&artifacts(&straight), &artifacts(&again)), None);
        let moved = files(&plant, &Layout { files: count, keys });
        let other = analyze(&moved);
        prop_assert_eq!(errors(&straight).is_empty(), errors(&other).is_empty(), "{:?} {:#?}", errors(&other), moved);
        let different = different(&artifacts(&straight), &artifacts(&other));
        prop_assert_eq!(different, None, "{:#?}", moved);
    }

    #[test]
    fn names_are_only_names(plant in blueprint()) {
        let Some((_, before)) = compiled(&plant) else { return Err(TestCaseError::reject("does not compile")) };
        let mut renamed = plant;
        renamed.prefix = "zebra";
        let (_, after) = compiled(&renamed).unwrap();
        prop_assert_eq!(epochs(&before), epochs(&after));
    }
}
