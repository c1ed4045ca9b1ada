//! The repository's examples in the kernel: what the package permits passes, end to end, and nothing else does.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests stop at the first surprise and say what they did")]

mod lab;

use std::time::Instant;

use lab::{
    Lab, available,
    package::{NOW, Package},
    probe::{Probe, everything, listen, surprises},
};

/// Loads an example and knocks at its doors: at all that open, and at `closed` of those that do not.
fn holds(name: &str, closed: usize) {
    if !available() {
        return;
    }
    let start = Instant::now();
    let package = Package::example(name, "");
    let lab = Lab::new(&package);
    let built = start.elapsed();
    lab.load(&package);
    let once = lab.listing();
    lab.load(&package);
    assert_eq!(once, lab.listing(), "loading twice is loading once");
    let loaded = start.elapsed();

    let all: Vec<(Probe, bool)> =
        everything(&package, &lab).into_iter().map(|probe| (probe.passes(&package, &lab, NOW), probe)).map(|(e, p)| (p, e)).collect();
    let differ: Vec<_> = all.iter().filter(|(probe, passes)| probe.permitted(&package).is_some_and(|p| p != *passes)).collect();
    // whoever has several addresses is reached at the nearest and speaks from the nearest
    let several = |id: u32| lab.map.hosts.iter().filter(|host| host.principal == id).count() > 1;
    let explained = |probe: &Probe| several(probe.from.principal) || several(probe.to.principal);
    let unexplained: Vec<_> = differ.iter().filter(|(probe, _)| !explained(probe)).take(20).collect();
    let short = |(probe, passes): &&(Probe, bool)| {
        format!("{} -> {} : {:?} {passes}", probe.from.address, probe.to.address, probe.wire)
    };
    let unexplained: Vec<String> = unexplained.into_iter().map(short).collect();
    assert!(unexplained.is_empty(), "language and plan differ: {unexplained:#?}");

    let (open, shut): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, passes)| *passes);
    let stride = shut.len().div_ceil(closed).max(1);
    let open_stride = open.len().div_ceil(closed).max(1);
    let sample: Vec<_> = open.iter().step_by(open_stride).chain(shut.iter().step_by(stride)).cloned().collect();
    let probes: Vec<Probe> = sample.iter().map(|(probe, _)| probe.clone()).collect();
    listen(&lab, &probes);
    let wrong = surprises(&lab, &sample);
    println!(
        "{name}: {} namespaces in {built:.1?}, loaded twice after {loaded:.1?}, {} probes ({} of {} open, {} of {} shut) after {:.1?}",
        lab.map.places().len(),
        sample.len(),
        open.len() / open_stride,
        open.len(),
        shut.len() / stride,
        shut.len(),
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
