//! The shared test data, where it is.

#![allow(clippy::panic, reason = "tests")]

use std::{env, fs, path::PathBuf};

/// The lines of a file of `shared/data/kubernetes` beside the repository. Says so where it is missing, which fails in CI.
pub(crate) fn lines(name: &str) -> Option<Vec<serde_json::Value>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let places =
        ["..", "../..", "../../.."].map(|up| root.join(up).join("shared/data/kubernetes").join(name));
    let Some(text) = places.iter().find_map(|place| fs::read_to_string(place).ok()) else {
        assert!(env::var("CI").as_deref() != Ok("true"), "shared/data/kubernetes/{name} is missing");
        #[allow(clippy::print_stderr, reason = "a skip is visible")]
        {
            eprintln!("skipped: shared/data/kubernetes/{name} is missing");
        }
        return None;
    };
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}: {error}"));
    Some(text.lines().map(parse).collect())
}
