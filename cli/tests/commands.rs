//! The smaller commands from outside: `new`, `fmt`, `explain`, `completions`, `man`.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use std::{ffi::OsStr, path::Path};

use common::Folder;
use weir_syntax::{FileId, diagnostic::codes, parse};

#[test]
fn new_writes_a_package_that_parses() {
    let folder = Folder::new();
    let run = folder.weir(&["new", "plants/nord-1"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stderr, "created: package `nord-1`; now run: weir build plants/nord-1\n");
    let names = folder.names("plants/nord-1");
    assert_eq!(names, [".gitignore", "devices.weir", "plant.weir", "policy.weir", "weir.toml"]);
    assert!(folder.read("plants/nord-1/weir.toml").contains("name = \"nord-1\""));
    for name in names.iter().filter(|name| Path::new(name).extension() == Some(OsStr::new("weir"))) {
        let parsed = parse(&folder.read(&format!("plants/nord-1/{name}")), FileId(0));
        assert!(parsed.diagnostics.is_empty(), "{name}: {:?}", parsed.diagnostics);
    }
}

#[test]
fn new_writes_a_package_that_builds_without_a_warning() {
    let folder = Folder::new();
    folder.weir(&["new", "nord"]);
    let run = folder.weir(&["check", "nord", "--deny-warnings", "--allow", "W0604"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = folder.weir(&["build", "nord"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(folder.path("nord/out/nftables/gw.nft").exists());
    let run = folder.weir(&["fmt", "nord", "--check"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
}

#[test]
fn new_never_overwrites() {
    let folder = Folder::new();
    folder.write("taken/notes.txt", "mine");
    let run = folder.weir(&["new", "taken"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.starts_with("error: `taken` exists\n"), "{}", run.stderr);
    assert_eq!(folder.names("taken"), ["notes.txt"]);
    for name in ["1st", "a b", "..", "a/..", "-x", "", "x\n", "ü"] {
        let run = folder.weir(&["new", "--", name]);
        assert_eq!(run.code, 2, "{name:?}: {}", run.stderr);
    }
    assert_eq!(folder.names(""), ["taken"]);
}

#[test]
fn fmt_leaves_files_with_errors_alone() {
    let folder = Folder::package();
    folder.write("bad.weir", "zone {  \n");
    let run = folder.weir(&["fmt"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("--> bad.weir:1:"), "{}", run.stderr);
    assert!(run.stderr.contains("error: could not format all files due to "), "{}", run.stderr);
    assert_eq!(folder.read("bad.weir"), "zone {  \n");
    assert_eq!(folder.weir(&["fmt", "nowhere.weir"]).code, 1);
    assert_eq!(Folder::new().weir(&["fmt"]).code, 1, "no package");
}

#[test]
fn fmt_formats() {
    let folder = Folder::package();
    folder.write("plant.weir", "zone   a{purdue=1}\n");
    let run = folder.weir(&["fmt", "--check"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("\n-zone   a{purdue=1}\n"), "{}", run.stdout);
    assert_eq!(folder.read("plant.weir"), "zone   a{purdue=1}\n");
    assert_eq!(folder.weir(&["fmt"]).code, 0);
    assert_ne!(folder.read("plant.weir"), "zone   a{purdue=1}\n");
    assert_eq!(folder.weir(&["fmt", "--check"]).code, 0);
}

#[test]
fn explain() {
    let folder = Folder::new();
    for code in ["E0202", "e0202"] {
        let run = folder.weir(&["explain", code]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("E0202"), "{}", run.stdout);
    }
    let all = folder.weir(&["explain"]);
    assert_eq!(all.stdout.lines().count(), codes::ALL.len());
    assert!(all.stdout.starts_with("E0001  a file of the package cannot be read\n"), "{}", all.stdout);
    let run = folder.weir(&["explain", "E0220"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("there is no diagnostic `E0220`; did you mean `E02"), "{}", run.stderr);
    let run = folder.weir(&["explain", "\x1b[31m"]);
    assert_eq!(run.code, 2);
    assert!(!run.stderr.contains('\x1b'), "{:?}", run.stderr);
}

#[test]
fn completions_and_manual_pages() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = folder.weir(&["completions", shell]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("explain"), "{shell}");
    }
    assert_eq!(folder.weir(&["completions", "cmd"]).code, 2);
    assert_eq!(folder.weir(&["man", "share/man1"]).code, 0);
    let names = folder.names("share/man1");
    assert!(names.contains(&"weir.1".into()) && names.contains(&"weir-build.1".into()), "{names:?}");
}

#[test]
fn help_and_version() {
    let folder = Folder::new();
    assert_eq!(folder.weir(&["--version"]).stdout, concat!("weir ", env!("CARGO_PKG_VERSION"), "\n"));
    let run = folder.weir(&["--help"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.contains("Exit codes: 0 fine; 1 "), "{}", run.stdout);
}
