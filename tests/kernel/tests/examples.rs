//! The repository's examples in the kernel: what the package permits passes, end to end, and nothing else does.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise and say what they did"
)]

use std::{collections::BTreeMap, time::Instant};

use weir_lab::{
    Lab, available,
    package::{NOW, Package},
    probe::{Probe, doors, everywhere, listen, surprises},
};

/// Stands for the stations of a namespace.
const STATION: &str = env!("CARGO_BIN_EXE_weir-station");

/// Loads an example and knocks at its doors: at those of every rule, and at `at_most` of all others.
fn holds(name: &str, at_most: usize) {
    if !available() {
        return;
    }
    let start = Instant::now();
    let package = Package::example(name, "");
    let lab = Lab::staffed(&package, STATION);
    let built = start.elapsed();
    lab.load(&package);
    let once = lab.listing();
    lab.load(&package);
    assert_eq!(once, lab.listing(), "loading twice is loading once");
    let loaded = start.elapsed();

    let mut probes = doors(&package, &lab);
    probes.extend(everywhere(&package, &lab, at_most));
    // A rate bounds how often one may knock.
    let mut often: BTreeMap<String, u32> = BTreeMap::new();
    probes.retain(|probe| match probe.limited_by(&package) {
        Some(statement) if probe.passes(&package, &lab, NOW) => {
            let times = often.entry(statement).or_default();
            *times += 1;
            *times <= 4
        }
        _ => true,
    });
    let all: Vec<(Probe, bool)> = probes
        .into_iter()
        .map(|probe| (probe.passes(&package, &lab, NOW), probe))
        .map(|(e, p)| (p, e))
        .collect();
    let differ: Vec<_> = all
        .iter()
        .filter(|(probe, passes)| probe.permitted(&package).is_some_and(|p| p != *passes))
        .collect();
    // whoever has several addresses is reached at the nearest and speaks from the nearest
    let several = |id: u32| lab.map.hosts.iter().filter(|host| host.principal == id).count() > 1;
    let explained = |probe: &Probe| several(probe.from.principal) || several(probe.to.principal);
    let unexplained: Vec<_> = differ.iter().filter(|(probe, _)| !explained(probe)).take(20).collect();
    let short = |(probe, passes): &&(Probe, bool)| {
        format!("{} -> {} : {:?} {passes}", probe.from.address, probe.to.address, probe.wire)
    };
    let unexplained: Vec<String> = unexplained.into_iter().map(short).collect();
    assert!(unexplained.is_empty(), "language and plan differ: {unexplained:#?}");

    let probes: Vec<Probe> = all.iter().map(|(probe, _)| probe.clone()).collect();
    listen(&lab, &probes);
    let wrong = surprises(&lab, &all);
    let open = all.iter().filter(|(_, passes)| *passes).count();
    println!(
        "{name}: {} namespaces in {built:.1?}, loaded twice after {loaded:.1?}, {open} open and {} shut after {:.1?}",
        lab.map.places().len(),
        all.len() - open,
        start.elapsed()
    );
    assert!(wrong.is_empty(), "{} surprises: {:#?}", wrong.len(), &wrong[..wrong.len().min(40)]);
}

#[test]
fn water_works() {
    holds("water_works", 20_000);
}

#[test]
fn turbine_hall() {
    holds("turbine_hall", 4_000);
}

#[test]
fn press_shop() {
    holds("press_shop", 3_000);
}

#[test]
fn campus_5g() {
    holds("campus_5g", 3_000);
}
