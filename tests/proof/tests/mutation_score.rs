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

use weir_proof_tests::{
    mutation::{Kind, Text},
    packets,
    plant::Plant,
};

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

fn score(example: &str, scores: &mut BTreeMap<Kind, Score>) {
    let plant = Plant::example(example).unwrap();
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
        score(example, &mut scores);
    }
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
