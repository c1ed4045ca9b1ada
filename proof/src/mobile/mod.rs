//! One 5G core: which session each subscription gets by the core's own rules, against the places that the topology gives to
//! the devices. The packet filters behind the user planes are proven by those places, so both have to agree.

mod expected;
mod flows;
mod isolation;

use std::collections::{BTreeMap, BTreeSet};

use weir_5g_reader::{
    CoreModel, Expected, compare,
    open5gs::{Fixed, Outcome},
};
use weir_compiler::{
    Facts,
    plan::{GapKind, Plan},
};

use crate::{
    filter::Effort,
    finding::{Fault, Finding},
};

/// Compares what a core was told with what the package says of it.
pub(crate) fn check(
    facts: &Facts,
    plan: &Plan,
    core: usize,
    model: &CoreModel,
    artifact: &str,
    findings: &mut Vec<Finding>,
) -> Effort {
    let (expected, principals) = expected::derive(facts, plan, core);
    let mut say = |what: String| findings.push(Finding::new(artifact, Fault::Session { what }));
    for difference in compare(&expected, model) {
        say(difference.what);
    }
    hairpins(facts, plan, &expected, &principals, model, &mut say);
    Effort {
        requirements: expected.sessions.len() as u64,
        elements: (expected.slices.len() + expected.radios.len()) as u64,
        ..Effort::default()
    }
}

/// Who reaches each other inside of a user plane is known to the package, as a gap.
fn hairpins(
    facts: &Facts,
    plan: &Plan,
    expected: &Expected,
    principals: &[u32],
    model: &CoreModel,
    say: &mut impl FnMut(String),
) {
    let Some(core) = &model.open5gs else { return };
    let mut sessions = Vec::new();
    // nobody has two sessions behind one subnet
    let mut by_place: BTreeMap<(&str, Fixed), usize> = BTreeMap::new();
    for (at, session) in expected.sessions.iter().enumerate() {
        let slice = &expected.slices[session.slice];
        let Some(area) = slice.tracking.first() else { continue };
        if let Outcome::Session(found) = core.session(&session.imsi, slice.key, &slice.data_network, *area) {
            by_place.insert((&session.imsi, found.addresses), at);
            sessions.push((session.imsi.clone(), found));
        }
    }
    let mut addresses = BTreeMap::new();
    for (imsi, one) in &sessions {
        for (_, subnet) in &one.behind {
            addresses.insert((imsi.as_str(), one.gateway.as_str(), *subnet), one.addresses);
        }
    }
    for (gateway, subnet, members) in core.hairpins(&sessions) {
        let places = members.iter().filter_map(|imsi| {
            let address = addresses.get(&(imsi.as_str(), gateway.as_str(), subnet))?;
            by_place.get(&(imsi.as_str(), *address)).copied()
        });
        let places: Vec<usize> = places.collect();
        let slices: BTreeSet<usize> = places.iter().map(|at| expected.sessions[*at].slice).collect();
        let known = |slice: &usize| {
            let name = &expected.slices[*slice].name;
            plan.gaps.iter().any(|gap| {
                gap.kind == GapKind::Hairpin
                    && gap.place == *name
                    && places.iter().all(|at| gap.who.contains(principals[*at]))
            })
        };
        if slices.len() != 1 || !slices.iter().all(known) {
            let names: Vec<&str> = places
                .iter()
                .take(3)
                .map(|at| facts.model.principal(principals[*at]).name.as_str())
                .collect();
            say(format!(
                "{} reach each other inside of `{gateway}`, and the package knows no such gap",
                names.join(", ")
            ));
        }
    }
}
