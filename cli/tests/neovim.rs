//! The editor's session in a real Neovim, headless, over the flagship example.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::{path::Path, process::Command};

#[test]
fn the_session_passes_in_a_real_neovim() {
    if Command::new("nvim").arg("--version").output().is_err() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "neovim is missing: ./test installs it");
        eprintln!("SKIPPED: neovim is missing; ./test installs it");
        return;
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("turbine_hall");
    common::copy(&repository.join("examples/turbine_hall"), &package);
    let session = repository.join("editors/neovim/tests/session.lua");
    let output = Command::new("nvim")
        .args(["--headless", "-u", "NONE", "-n", "-i", "NONE", "-c"])
        .arg(format!("luafile {}", session.display()))
        .env("WEIR", env!("CARGO_BIN_EXE_weir"))
        .env("WEIR_PACKAGE", &package)
        .env("WEIR_PLUGIN", repository.join("editors/neovim"))
        .env("XDG_CACHE_HOME", folder.path().join("cache"))
        .env("XDG_STATE_HOME", folder.path().join("state"))
        // exceptions of the example end: what the test expects is of this day
        .env("SOURCE_DATE_EPOCH", "1793577600")
        .output()
        .unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains(" passed, 0 failed"), "{text}");
}
