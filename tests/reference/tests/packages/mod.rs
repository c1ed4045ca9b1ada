//! Random packages: a blueprint that proptest can shrink, its text, and its own reading of its set expressions.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod blueprint;
pub(crate) mod checks;
pub(crate) mod members;
pub(crate) mod text;

use proptest::test_runner::Config;
use weir_compiler::{Analysis, Sources};

/// Packages for a property: `WEIR_CASES`, or enough to see most things in half a minute.
pub(crate) fn config(usual: u32) -> Config {
    let cases = std::env::var("WEIR_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual);
    Config {
        cases,
        max_shrink_iters: 4_000,
        max_global_rejects: cases * 10,
        failure_persistence: None,
        ..Config::default()
    }
}

pub(crate) const MANIFEST: &str = "[package]\nname = \"random\"\nversion = \"0.1.0\"\nedition = \"2026\"\n";

pub(crate) fn analyze(files: &[(String, String)]) -> Analysis {
    let files = files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect();
    weir_compiler::analyze(&Sources::new(MANIFEST, files), 1_790_000_000)
}

/// The identifiers of the errors.
pub(crate) fn errors(analysis: &Analysis) -> Vec<String> {
    let errors = analysis.diagnostics.iter().filter(|diagnostic| diagnostic.code.id.starts_with('E'));
    errors.map(|diagnostic| format!("{}: {}", diagnostic.code.id, diagnostic.message)).collect()
}

/// Errors of a package that is right in itself: its ends have no family in common, or only a gateway that filters
/// nothing lies between them.
pub(crate) fn is_expected(error: &str) -> bool {
    ["E0505", "E0508", "E0515", "E0516"].iter().any(|code| error.starts_with(code))
}

/// All artifacts, sorted by path.
pub(crate) fn artifacts(analysis: &Analysis) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for gateway in analysis.plan.iter().flat_map(|plan| &plan.gateways) {
        match weir_target_nftables::emit(gateway, &weir_target_nftables::Options::default()) {
            Ok(emission) => {
                all.extend(emission.artifacts.into_iter().map(|artifact| {
                    (artifact.path, String::from_utf8_lossy(&artifact.contents).into_owned())
                }));
            }
            Err(error) => all.push((gateway.name.clone(), format!("{error:?}"))),
        }
    }
    all.sort();
    all
}
