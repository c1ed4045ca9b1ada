//! A bounded fuzz run without a fuzzer: packages by the grammar, broken or not, through the bodies of the fuzz targets. The
//! seeds are the same on every run; `WEIR_FUZZ_RUNS` takes more of them (thousands, for each target).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::Duration,
};

use weir_robustness::{cases, grammar, mutation, mutation::Random, package::Package, watchdog};

/// What this crate's budget of a minute allows on one core.
const DEFAULT_THOUSANDS: u64 = 1;

fn runs() -> u64 {
    let asked = std::env::var("WEIR_FUZZ_RUNS").ok().and_then(|text| text.parse::<u64>().ok());
    asked.unwrap_or(DEFAULT_THOUSANDS) * 1000
}

/// The text of a seed: by the grammar, and every other one broken by tokens and bytes.
fn text(seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut package = Package::of(grammar::package(&mut random));
    if seed % 2 == 1 {
        mutation::mutate(&mut package, &mut random);
    }
    package.files.remove(0).1
}

fn fuzz(target: &str, runs: u64, case: fn(&[u8])) {
    for seed in 0..runs {
        let text = text(seed);
        let name = format!("{target}, seed {seed}");
        let result = watchdog::within(Duration::from_mins(1), &name, || {
            catch_unwind(AssertUnwindSafe(|| case(&text)))
        });
        if result.is_err() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz").join(target);
            fs::create_dir_all(&folder).unwrap();
            let file = folder.join(format!("seed-{seed}.weir"));
            fs::write(&file, &text).unwrap();
            panic!("{name}: once it is mended, move {} to fuzz/corpus/{target}", file.display());
        }
    }
}

#[test]
fn lexer_parser() {
    fuzz("lexer_parser", 4 * runs(), cases::lexer_parser);
}

#[test]
fn format_round_trip() {
    fuzz("format_round_trip", 4 * runs(), cases::format_round_trip);
}

#[test]
fn compile() {
    fuzz("compile", runs(), cases::compile);
}

/// The generator is of use only if what it writes gets past the parser, and some of it to a plan.
#[test]
fn packages_reach_every_stage() {
    let mut parsed = 0;
    let mut formatted = 0;
    let mut stages = std::collections::BTreeSet::new();
    for seed in (0..400).step_by(2) {
        let text = String::from_utf8(text(seed)).unwrap();
        parsed += usize::from(weir_syntax::parse(&text, weir_syntax::FileId(0)).diagnostics.is_empty());
        formatted += usize::from(weir_syntax::format::format(&text).is_ok());
        let outcome = Package::of(&text).compile().unwrap();
        stages.extend(outcome.diagnostics.iter().map(|diagnostic| diagnostic.code.id));
    }
    assert!(parsed > 60 && formatted > 60, "{parsed} parse, {formatted} are formatted");
    assert!(stages.len() > 25, "only these codes: {stages:?}");
}
