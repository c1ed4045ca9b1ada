//! The mutation score: of every example's rulesets, changed in one place, the proof refutes each that means something
//! else. Who says that it does is an interpreter that decides packets rule by rule, and shares nothing with the proof
//! but the parsed text.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise, and the score is for people"
)]

use std::collections::BTreeMap;

use weir_nftables_reader::Ruleset;
use weir_proof_tests::{
    mutation::{Kind, Text},
    packets,
    plant::Plant,
};
use weir_robustness::package::Package;

/// Mutants of one kind and gateway that are tried: some from all over the file.
const TRIED: usize = 12;

#[derive(Default)]
struct Score {
    made: usize,
    refuted: usize,
    /// The proof lets it pass, and no packet tells it from the original.
    equivalent: usize,
    missed: Vec<String>,
}

/// A gateway that takes connections for others, of both families, which no example has.
fn transparent() -> Plant {
    let text = "use std.ot.{modbus}
        zone cell { purdue = 1 }
        network control_net { zone = cell, subnet = [10.30.0.0/24, fd00:30::/64], accept_gap = \"a bench\" }
        network cell_net { zone = cell, subnet = [10.31.1.0/24, fd00:31::/64], accept_gap = \"a bench\" }
        gateway gate {
            enforces = [nftables, modbus]
            transparent = true
            interface up0 { network = control_net, address = [10.30.0.1, fd00:30::1] }
            interface lan0 { network = cell_net, address = [10.31.1.1, fd00:31::1] }
        }
        device hmi[1..3] { network = control_net, address = control_net.host(19 + index) }
        device master { network = control_net, address = fd00:30::20 }
        device other { network = control_net, address = 10.30.0.30 }
        device plc[1..3] { network = cell_net, address = cell_net.host(9 + index), serves = [modbus] }
        device plc_six { network = cell_net, address = fd00:31::10, serves = [modbus] }
        allow hmi -> plc : modbus.read
        allow hmi[1] -> plc[2] : modbus.write(coil 17 = on)
        allow master -> plc_six : modbus.read
        allow other -> plc : modbus";
    let manifest = "[package]\nname = \"bench\"\nversion = \"0.1.0\"\nedition = \"2026\"\n".to_owned();
    let files = vec![("package.weir".to_owned(), text.as_bytes().to_vec())];
    Plant::of(&Package { manifest, files }).unwrap()
}

fn score(example: &str, plant: &Plant, scores: &mut BTreeMap<Kind, Score>) {
    let mut prover = plant.prover();
    for (gateway, files) in plant.artifacts.iter().enumerate() {
        let (path, bytes) = files.iter().find(|(path, _)| !path.contains(".d/")).unwrap();
        let original = std::str::from_utf8(bytes).unwrap();
        assert_eq!(
            plant.findings(&mut prover, gateway, &[(path.clone(), bytes.clone())]),
            [],
            "{example}: {path}"
        );
        let text = Text::new(original);
        for kind in Kind::ALL {
            let mutants = text.mutants(kind);
            let step = mutants.len().div_ceil(TRIED).max(1);
            for (line, mutant) in mutants.into_iter().step_by(step) {
                let score = scores.entry(kind).or_default();
                score.made += 1;
                if !plant
                    .findings(&mut prover, gateway, &[(path.clone(), mutant.clone().into_bytes())])
                    .is_empty()
                {
                    score.refuted += 1;
                } else if let Some(packet) = packets::difference(original, &mutant) {
                    score.missed.push(format!("{example}: {path}:{line}: {packet}"));
                } else {
                    score.equivalent += 1;
                }
            }
        }
    }
}

#[test]
fn every_mutant_that_means_something_else_is_refuted() {
    let mut scores = BTreeMap::new();
    for example in ["water_works", "press_shop", "turbine_hall"] {
        score(example, &Plant::example(example).unwrap(), &mut scores);
    }
    score("transparent", &transparent(), &mut scores);
    println!("{:<20} {:>6} {:>8} {:>10} {:>7}", "mutation", "made", "refuted", "equivalent", "missed");
    for (kind, score) in &scores {
        let Score { made, refuted, equivalent, missed } = score;
        println!("{:<20} {made:>6} {refuted:>8} {equivalent:>10} {:>7}", format!("{kind:?}"), missed.len());
    }
    let (made, refuted, equivalent) = scores
        .values()
        .fold((0, 0, 0), |sum, score| (sum.0 + score.made, sum.1 + score.refuted, sum.2 + score.equivalent));
    println!("score: {refuted} of {} mutants refuted", made - equivalent);
    let missed: Vec<&String> = scores.values().flat_map(|score| &score.missed).collect();
    assert!(missed.is_empty(), "{missed:#?}");
    // Every kind has found something to change, and most mutants mean something else.
    let idle: Vec<&Kind> = Kind::ALL.iter().filter(|kind| !scores.contains_key(kind)).collect();
    assert!(idle.is_empty(), "nothing to mutate for {idle:?}");
    assert!(refuted * 10 > made * 8, "{refuted} of {made}");
}

/// The parts of the hitless form are the whole file's, or they are refuted.
#[test]
fn parts_that_hold_something_else_are_refuted() {
    let (mut refuted, mut same) = (0, 0);
    for plant in [Plant::example("turbine_hall").unwrap(), transparent()] {
        parts(&plant, &mut refuted, &mut same);
    }
    println!("{refuted} parts refuted, {same} hold the same");
    assert!(refuted > 500 && same * 4 < refuted, "{refuted} {same}");
}

fn parts(plant: &Plant, refuted: &mut usize, same: &mut usize) {
    let mut prover = plant.prover();
    for (gateway, files) in plant.artifacts.iter().enumerate() {
        let whole = files.iter().find(|(path, _)| !path.contains(".d/")).unwrap();
        let read = Ruleset::default().apply("whole", &whole.1).unwrap().model().unwrap().canonical();
        for part in ["base.nft", "stage.nft", "switch.nft", "sweep.nft"] {
            let at = files.iter().position(|(path, _)| path.ends_with(&format!(".d/{part}"))).unwrap();
            let text = std::str::from_utf8(&files[at].1).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            let step = (lines.len() / 40).max(1);
            for drop in (0..lines.len()).step_by(step).filter(|line| !lines[*line].starts_with('#')) {
                let mut changed = lines.clone();
                changed.remove(drop);
                let mut mutant = files.clone();
                mutant[at].1 = format!("{}\n", changed.join("\n")).into_bytes();
                if !plant.findings(&mut prover, gateway, &mutant).is_empty() {
                    *refuted += 1;
                    continue;
                }
                let bytes = |name: &str| {
                    let file = mutant.iter().find(|(path, _)| path.ends_with(&format!(".d/{name}")));
                    file.unwrap().1.as_slice()
                };
                let parts =
                    ["base.nft", "stage.nft", "switch.nft", "sweep.nft"].map(|name| (name, bytes(name)));
                let model = Ruleset::hitless(parts).unwrap().model().unwrap();
                assert_eq!(model.canonical(), read, "{}: line {} of {part}", whole.0, drop + 1);
                *same += 1;
            }
        }
    }
}

/// What is left of a generation and what is not of it: a part may not refer to objects of another one.
#[test]
fn a_part_that_refers_to_another_generation_is_refuted() {
    let plant = Plant::example("water_works").unwrap();
    let mut prover = plant.prover();
    for (gateway, files) in plant.artifacts.iter().enumerate() {
        let at = files.iter().position(|(path, _)| path.ends_with(".d/switch.nft")).unwrap();
        let text = std::str::from_utf8(&files[at].1).unwrap();
        let jump = text.lines().find(|line| line.contains("jump lookup_forward/g")).unwrap();
        let (head, _) = jump.split_once("/g").unwrap();
        let mut mutant = files.clone();
        mutant[at].1 = text.replace(jump, head).into_bytes();
        assert!(!plant.findings(&mut prover, gateway, &mutant).is_empty(), "{}", files[at].0);
    }
}
