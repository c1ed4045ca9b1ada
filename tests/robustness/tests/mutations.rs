//! Broken packages: whatever is done to the text, the compiler ends, does not panic, and says where what is wrong.
//!
//! `WEIR_MUTATIONS=100000 WEIR_MUTATION_SEED=7 cargo nextest run --release -p weir-robustness mutations` goes further.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use weir_robustness::{
    Package,
    mutation::{Random, mutate},
    watchdog::within,
};
use weir_syntax::lexer;

/// No package of these tests needs a tenth of it.
const LONGEST: Duration = Duration::from_mins(1);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

/// What went wrong with a package, if anything did.
fn problem(name: &str, package: &Package) -> Option<String> {
    within(LONGEST, name, || catch_unwind(AssertUnwindSafe(|| package.compile()))).map_or_else(
        |_| Some(format!("{name}: panic")),
        |outcome| outcome.err().map(|broken| format!("{name}: {broken}")),
    )
}

fn all_fine(problems: &[(String, Package)]) {
    for (index, (problem, package)) in problems.iter().enumerate() {
        let folder = std::env::temp_dir().join(format!("weir-robustness-{index}"));
        package.write(&folder).unwrap();
        eprintln!("{problem}\n  in {}", folder.display());
    }
    assert!(problems.is_empty(), "{} packages broke a promise", problems.len());
}

fn mutated(example: &str, default: u64) {
    let whole = Package::example(example).unwrap();
    let (seed, count) = (number("WEIR_MUTATION_SEED", 1), number("WEIR_MUTATIONS", default));
    eprintln!("seed {seed}, {count} mutations of {example}");
    let mut problems = Vec::new();
    let mut compiled = 0;
    for case in 0..count {
        let mut package = whole.clone();
        mutate(&mut package, &mut Random(seed.wrapping_mul(1 << 32).wrapping_add(case)));
        if let Some(problem) = problem(&format!("seed {seed} case {case}"), &package) {
            problems.push((problem, package));
        } else if package.compile().is_ok_and(|outcome| outcome.errors().is_empty()) {
            compiled += 1;
        }
        if problems.len() >= 10 {
            break;
        }
    }
    eprintln!("{compiled} of them still compile");
    all_fine(&problems);
}

#[test]
fn water_works() {
    mutated("water_works", 1500);
}

#[test]
fn press_shop() {
    mutated("press_shop", 1000);
}

#[test]
fn turbine_hall() {
    mutated("turbine_hall", 600);
}

/// Ends the text behind each token, and within each character.
#[test]
fn truncated() {
    let whole = Package::example("water_works").unwrap();
    let mut problems = Vec::new();
    for (file, (path, bytes)) in whole.files.iter().enumerate() {
        let text = std::str::from_utf8(bytes).unwrap();
        for token in lexer::lex(text).iter().filter(|token| !token.kind.is_trivia()) {
            let mut package = whole.clone();
            package.files[file].1.truncate(token.span.end as usize);
            problems.extend(
                problem(&format!("{path} ends at {}", token.span.end), &package)
                    .map(|problem| (problem, package)),
            );
        }
    }
    all_fine(&problems);
}

/// Leaves out each token in turn.
#[test]
fn without_a_token() {
    let whole = Package::example("water_works").unwrap();
    let mut problems = Vec::new();
    for (file, (path, bytes)) in whole.files.iter().enumerate() {
        let text = std::str::from_utf8(bytes).unwrap();
        for token in lexer::lex(text).iter().filter(|token| !token.kind.is_trivia()) {
            let mut package = whole.clone();
            package.files[file].1.drain(token.span.range());
            problems.extend(
                problem(&format!("{path} without {:?}", token.span.of(text)), &package)
                    .map(|problem| (problem, package)),
            );
        }
    }
    all_fine(&problems);
}
