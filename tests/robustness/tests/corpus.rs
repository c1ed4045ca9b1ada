//! Replays what the fuzzers start from and what they found.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{fs, path::Path};

use weir_robustness::cases;

fn replay(target: &str, case: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        eprintln!("{}", file.display());
        case(&fs::read(file).unwrap());
    }
}

#[test]
fn lexer_parser() {
    replay("lexer_parser", cases::lexer_parser);
}

#[test]
fn format_round_trip() {
    replay("format_round_trip", cases::format_round_trip);
}

#[test]
fn compile() {
    replay("compile", cases::compile);
}

#[test]
fn read_script() {
    replay("read_script", cases::read_script);
}

#[test]
fn read_listing() {
    replay("read_listing", cases::read_listing);
}

/// Files of configurations as they are, cut anywhere, and with any byte changed.
#[test]
fn read_configuration() {
    replay_changed("read_configuration", cases::read_configuration);
}

#[test]
fn read_core() {
    replay_changed("read_core", cases::read_core);
}

fn replay_changed(target: &str, case: fn(&[u8])) {
    replay(target, case);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    for file in fs::read_dir(folder).unwrap() {
        let whole = fs::read(file.unwrap().path()).unwrap();
        for at in (0..whole.len()).step_by((whole.len() / 60).max(1)) {
            case(&whole[..at]);
            for byte in [0, b'"', b'\n', b'}', b'-', 0xff] {
                let mut changed = whole.clone();
                changed[at] = byte;
                case(&changed);
            }
        }
    }
}
