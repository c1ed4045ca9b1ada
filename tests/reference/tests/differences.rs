//! What `weir diff` says of two random packages, against the reference evaluator: every flow that only one of them
//! permits is in the difference, and nothing else is.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod packages;

use packages::{
    MANIFEST,
    blueprint::{Blueprint, Statement, blueprint, statement},
    checks::wires,
    config,
    text::{Layout, files},
};
use proptest::{collection::vec, prelude::*};
use weir_compiler::{Sources, flows::PortSet, survey};
use weir_reference::{
    Wire,
    language::{Verdict, permits},
};
use weir_review::{
    Subject,
    diff::{self, Difference, Exact, difference},
};
use weir_syntax::ast::Effect;

fn subject(plant: &Blueprint, envelope: Option<&str>) -> Option<Subject> {
    let files = files(plant, &Layout::default());
    let files = files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
    let sources = Sources::new(MANIFEST, files);
    Subject::new("plant", survey(&sources, packages::checks::NOW, envelope.map(|text| ("envelope", text))))
        .ok()
}

fn has_wire(ports: &PortSet, wire: Wire) -> bool {
    match wire {
        Wire::Ethertype(number) => ports.ethertypes.contains(number),
        _ => ports.port_matches().iter().any(|range| wire.is_in(*range)),
    }
}

fn holds(exact: &Exact, source: u32, destination: u32, wire: Wire) -> bool {
    exact.sources.contains(source) && exact.destinations.contains(destination) && has_wire(&exact.ports, wire)
}

/// The same principal in the other package, by name.
fn same(of: &Subject, id: u32, other: &Subject) -> Option<u32> {
    let name = of.name(id);
    // regions of externals share names: the same place among them
    let place = (0..id).filter(|one| of.name(*one) == name).count();
    let there = 0..other.model().principals.len() as u32;
    there.filter(|one| other.name(*one) == name).nth(place)
}

/// Log, audit and end of every rule that permits a connection.
fn terms(subject: &Subject, source: u32, destination: u32, wire: Wire) -> Vec<(bool, bool, i64)> {
    let denies = subject.facts.statements.iter().filter(|one| one.effect == Effect::Deny);
    let denies: Vec<_> = denies.cloned().collect();
    let allows = subject.facts.statements.iter().filter(|one| one.effect == Effect::Allow);
    allows
        .filter(|allow| {
            let mut alone = denies.clone();
            alone.push((*allow).clone());
            permits(subject.model(), &alone, source, destination, wire).permits()
        })
        .map(|allow| {
            let conditions = &allow.conditions;
            (conditions.log, conditions.audit, conditions.until.unwrap_or(i64::MAX))
        })
        .collect()
}

/// Whether one lets pass, unseen, what the other does not.
fn is_wider(one: &(bool, bool, i64), other: &(bool, bool, i64)) -> bool {
    // what is on trial is logged
    let shown = |terms: &(bool, bool, i64)| terms.0 || terms.1;
    (shown(other) && !shown(one)) || (other.1 && !one.1) || one.2 > other.2
}

fn one_side(
    of: &Subject,
    other: &Subject,
    found: &Difference,
    changes: &[diff::FlowChange],
    wires: &[Wire],
    is_later: bool,
) -> Result<(), String> {
    let count = of.model().principals.len() as u32;
    for source in 0..count {
        for destination in 0..count {
            let there = same(of, source, other).zip(same(of, destination, other));
            for wire in wires.iter().copied() {
                let here = permits(of.model(), &of.facts.statements, source, destination, wire).permits();
                let before = match there {
                    Some((source, destination)) => {
                        permits(other.model(), &other.facts.statements, source, destination, wire)
                    }
                    None => Verdict::Unsaid,
                };
                let said = changes
                    .iter()
                    .flat_map(|change| &change.exact)
                    .any(|exact| holds(exact, source, destination, wire));
                let expected = here && !before.permits();
                if said != expected {
                    let (from, to) = (of.name(source), of.name(destination));
                    return Err(format!("{from} -> {to} : {wire:?}: said {said}, expected {expected}"));
                }
                if let (true, true, Some((a, b))) = (here, before.permits(), there) {
                    let (mine, theirs) = (terms(of, source, destination, wire), terms(other, a, b, wire));
                    let expected = mine.iter().any(|one| theirs.iter().all(|other| is_wider(one, other)));
                    let said = found.terms.iter().flat_map(|change| &change.exact).any(|exact| {
                        // a change that is wider in one term and narrower in another is listed once
                        let (source, destination) =
                            if exact.of_later == is_later { (source, destination) } else { (a, b) };
                        holds(exact, source, destination, wire)
                    });
                    if expected && !said {
                        let (from, to) = (of.name(source), of.name(destination));
                        return Err(format!("{from} -> {to} : {wire:?}: terms {theirs:?} -> {mine:?}"));
                    }
                }
            }
        }
    }
    Ok(())
}

fn agrees(earlier: &Subject, later: &Subject) -> Result<Difference, String> {
    let found = difference(earlier, later);
    let mut all = wires(&earlier.facts);
    all.extend(wires(&later.facts));
    all.sort_unstable();
    all.dedup();
    one_side(later, earlier, &found, &found.permitted, &all, true)?;
    one_side(earlier, later, &found, &found.denied, &all, false)?;
    if found.permitted.is_empty() != (found.verdict != diff::Verdict::Widened)
        && found.terms.is_empty()
        && found.plant.is_empty()
    {
        return Err(format!("verdict {:?} of {} new flows", found.verdict, found.permitted.len()));
    }
    // what is printed holds what was found
    let text = diff::render::text(&found);
    let heading = text.iter().any(|line| line.text == "Newly permitted");
    if heading == found.permitted.is_empty() {
        return Err("the text leaves flows out".into());
    }
    Ok(found)
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn differences_are_those_of_the_evaluator(
        plant in blueprint(),
        more in vec(statement(), 0..3),
        without in 0..8usize,
        device in proptest::option::weighted(0.3, 0..7usize),
    ) {
        let mut later = plant.clone();
        if without < later.statements.len() {
            later.statements.remove(without);
        }
        later.statements.extend(more);
        if let Some(device) = device {
            later.removed = Some(later.device_name(device % later.devices.len()));
        }
        let (Some(before), Some(after)) = (subject(&plant, None), subject(&later, None)) else {
            return Err(TestCaseError::reject("does not compile"));
        };
        let found = agrees(&before, &after);
        prop_assert!(found.is_ok(), "{}\nbefore {plant:?}\nafter {later:?}", found.unwrap_err());
    }

    #[test]
    fn conditions_are_terms(plant in blueprint(), which in 0..8usize, condition in 0..4usize) {
        let mut later = plant.clone();
        let count = later.statements.len();
        later.statements[which % count].condition = condition;
        let (Some(before), Some(after)) = (subject(&plant, None), subject(&later, None)) else {
            return Err(TestCaseError::reject("does not compile"));
        };
        let found = agrees(&before, &after);
        prop_assert!(found.is_ok(), "{}\nbefore {plant:?}\nafter {later:?}", found.unwrap_err());
        let found = found.unwrap();
        prop_assert!(found.permitted.is_empty() && found.denied.is_empty(), "{:?}", found);
    }

    #[test]
    fn a_package_is_as_it_is(plant in blueprint()) {
        let (Some(before), Some(after)) = (subject(&plant, None), subject(&plant, None)) else {
            return Err(TestCaseError::reject("does not compile"));
        };
        prop_assert!(difference(&before, &after).is_empty());
        let mut renamed = plant;
        renamed.prefix = "zebra";
        let after = subject(&renamed, None).unwrap();
        let found = difference(&before, &after);
        prop_assert!(found.permitted.is_empty() && found.denied.is_empty(), "{:?}", found.permitted);
    }

    #[test]
    fn an_envelope_approves_what_it_permits(plant in blueprint(), more in statement()) {
        let mut later = plant.clone();
        later.statements.push(Statement { deny: false, both: false, ..more });
        let all = "allow internet -> internet : tcp/9\n";
        let Some(before) = subject(&plant, Some(all)) else {
            return Err(TestCaseError::reject("does not compile"));
        };
        let Some(after) = subject(&later, Some(all)) else {
            return Err(TestCaseError::reject("does not compile"));
        };
        for change in difference(&before, &after).permitted {
            prop_assert_eq!(change.approved, Some(false), "{:?}", change);
        }
        // the line itself, as an envelope
        let Some(last) = after.facts.statements.iter().filter(|one| one.effect == Effect::Allow).find(|one| {
            before.facts.statements.iter().all(|other| other.id != one.id)
        }) else {
            return Ok(());
        };
        let own = last.text.to_string();
        let after = subject(&later, Some(&own)).unwrap();
        let before = subject(&plant, Some(&own)).unwrap();
        if after.asked.statements.is_empty() {
            return Ok(());
        }
        for change in difference(&before, &after).permitted.iter().filter(|change| change.rule.text == own) {
            prop_assert_eq!(change.approved, Some(true), "{:?} by {}", change, own);
        }
    }
}
