//! Verdicts to compare with.

#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

/// The lines of a file of `tests/data`.
pub(crate) fn lines(name: &str) -> Vec<serde_json::Value> {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap();
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}: {error}"));
    text.lines().map(parse).collect()
}
