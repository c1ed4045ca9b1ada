//! `weir check` from outside: formats, exit codes, and folders that are not as they should be.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Folder, json};
use insta::assert_snapshot;

/// Two mistakes in the manifest and one in a source file.
fn wrong() -> Folder {
    let folder = Folder::new();
    folder.write("hall/weir.toml", "[package]\nname = \"1st\"\nedition = \"1999\"\n");
    folder.write("hall/plant.weir", b"// K\xc3\xb6ln\nzone \xff\n");
    folder
}

#[test]
fn for_people() {
    let run = wrong().weir(&["check", "hall"]);
    assert_eq!(run.code, 1);
    assert_eq!(run.stdout, "");
    assert_snapshot!(run.stderr);
}

#[test]
fn for_tools() {
    let run = wrong().weir(&["check", "hall", "--format", "json"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    assert_snapshot!(run.stdout.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    let report = json(&run.stdout);
    assert_eq!(report["diagnostics"].as_array().unwrap().len(), 3);
    assert_eq!(report["diagnostics"][0]["spans"][0]["start"], serde_json::json!({ "line": 2, "column": 1 }));
}

#[test]
fn for_code_scanning() {
    let run = wrong().weir(&["check", "hall", "--format", "sarif"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let mut log = json(&run.stdout);
    let driver = &mut log["runs"][0]["tool"]["driver"];
    let rules = driver["rules"].as_array().unwrap().clone();
    for (index, rule) in rules.iter().enumerate() {
        let help = rule["help"]["markdown"].as_str().unwrap();
        assert!(help.contains(rule["id"].as_str().unwrap()), "{help}");
        // Pages are the book's.
        driver["rules"][index]["help"] = "PAGE".into();
    }
    for result in log["runs"][0]["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    let text = serde_json::to_string_pretty(&log).unwrap();
    assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn for_pull_requests() {
    let run = wrong().weir(&["check", "hall", "--format", "github"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    assert_snapshot!(run.stdout);
}

#[test]
fn the_same_input_gives_the_same_output() {
    let folder = wrong();
    let first = folder.weir(&["check", "hall"]);
    for _ in 0..5 {
        assert_eq!(folder.weir(&["check", "hall"]).stderr, first.stderr);
    }
}

#[test]
fn paths_lead_there_from_the_current_folder() {
    let folder = wrong();
    folder.write("hall/cells/readme.txt", "");
    assert!(folder.weir_in("hall", &["check"]).stderr.contains("--> weir.toml:2:1\n"));
    assert!(folder.weir_in("hall/cells", &["check"]).stderr.contains("--> ../weir.toml:2:1\n"));
    assert!(folder.weir_in("hall/cells", &["check", ".."]).stderr.contains("--> ../weir.toml:2:1\n"));
}

#[test]
fn no_package() {
    let folder = Folder::new();
    folder.write("file", "");
    let run = folder.weir(&["check"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.starts_with("error[E0003]: there is no `weir.toml` in `"), "{}", run.stderr);
    assert!(run.stderr.contains("weir new NAME"), "{}", run.stderr);
    assert!(folder.weir(&["check", "nowhere"]).stderr.contains("E0003"));
    assert!(folder.weir(&["check", "file"]).stderr.contains("is not a folder"));
    let run = folder.weir(&["check", "nowhere", "--format", "json"]);
    assert_eq!(run.code, 1);
    assert_eq!(json(&run.stdout)["diagnostics"][0]["code"], "E0003");
}

#[test]
fn a_manifest_that_cannot_be_used_is_one_diagnostic() {
    for (manifest, code) in [(&b"\xff"[..], "E0002"), (b"[package", "E0004")] {
        let folder = Folder::new();
        folder.write("weir.toml", manifest);
        let report = json(&folder.weir(&["check", "--format", "json"]).stdout);
        let codes: Vec<_> =
            report["diagnostics"].as_array().unwrap().iter().map(|one| one["code"].clone()).collect();
        assert_eq!(codes, [code]);
        assert_eq!(report["diagnostics"][0]["spans"][0]["file"], "weir.toml");
    }
}

#[test]
fn usage() {
    let folder = Folder::package();
    for arguments in [
        &["check", "--format", "xml"][..],
        &["check", "--allow", "E0202"],
        &["check", "--allow", "W9999"],
        &["check", "--nonsense"],
        &["frobnicate"],
        &[],
    ] {
        assert_eq!(folder.weir(arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(folder.weir(&["check", "--allow", "W0201", "--allow", "w0501"]).code, 0);
}

#[test]
fn a_clock_that_is_none() {
    let folder = Folder::package();
    let run = folder.weir_with(&[("SOURCE_DATE_EPOCH", "yesterday")], &["check"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("`yesterday`"), "{}", run.stderr);
    assert_eq!(folder.weir_with(&[("SOURCE_DATE_EPOCH", "1000000000")], &["check"]).code, 0);
}

#[test]
fn quiet_says_nothing_where_all_is_fine() {
    let folder = Folder::package();
    let run = folder.weir(&["check", "-q"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    assert_eq!(folder.weir(&["check"]).stderr, "fine: `hall` has no errors and no warnings\n");
}

#[test]
fn colours() {
    let folder = wrong();
    let colored = |run: common::Run| run.stderr.contains('\x1b');
    assert!(!colored(folder.weir(&["check", "hall"])));
    assert!(colored(folder.weir(&["--color", "always", "check", "hall"])));
    assert!(colored(folder.weir(&["check", "hall", "--color=always"])));
    assert!(!colored(folder.weir(&["check", "hall", "--color=never"])));
    assert!(!colored(folder.weir_with(&[("NO_COLOR", "1")], &["check", "hall"])));
}

#[test]
fn a_long_line_is_cut_around_what_is_wrong() {
    let folder = Folder::new();
    let filler = "ü".repeat(500_000);
    folder.write("weir.toml", format!("description = \"{filler}\"  oops \"{filler}\"\n"));
    let run = folder.weir(&["check"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.len() < 4_000, "{} bytes", run.stderr.len());
    assert!(run.stderr.contains("oops") && run.stderr.contains('…'), "{}", run.stderr);
    assert!(run.stderr.contains("--> weir.toml:1:500019\n"), "{}", run.stderr);
}

#[test]
fn nothing_in_a_text_reaches_the_terminal_raw() {
    let folder = Folder::new();
    folder.write("weir.toml", "[package]\nname = \"\x1b]0;owned\x07 \u{202e}gnp.exe\u{2066}\" oops\r\n");
    for format in ["human", "github"] {
        let run = folder.weir(&["check", "--format", format]);
        let all = run.stdout + &run.stderr;
        assert!(!all.contains(['\x1b', '\x07', '\u{202e}', '\u{2066}', '\r']), "{all:?}");
    }
}

#[cfg(unix)]
mod files {
    use super::*;
    use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _, os::unix::fs::symlink};

    /// The only diagnostic's message, after a check of the package.
    fn message(folder: &Folder) -> String {
        let run = folder.weir(&["check", "--format", "json"]);
        assert_eq!(run.code, 1, "{}", run.stdout);
        let report = json(&run.stdout);
        assert_eq!(report["diagnostics"].as_array().unwrap().len(), 1, "{}", run.stdout);
        assert_eq!(report["diagnostics"][0]["code"], "E0001");
        report["diagnostics"][0]["message"].as_str().unwrap().to_owned()
    }

    #[test]
    fn links_that_lead_nowhere() {
        let folder = Folder::package();
        symlink("nowhere", folder.path("gone.weir")).unwrap();
        assert_eq!(message(&folder), "`gone.weir` cannot be read: No such file or directory");
        fs::remove_file(folder.path("gone.weir")).unwrap();
        symlink("self.weir", folder.path("self.weir")).unwrap();
        assert!(
            message(&folder).starts_with("`self.weir` cannot be read: Too many levels of symbolic links")
        );
    }

    #[test]
    fn links_that_lead_back() {
        let folder = Folder::package();
        fs::create_dir(folder.path("cells")).unwrap();
        symlink("..", folder.path("cells/loop")).unwrap();
        assert_eq!(
            message(&folder),
            "the link `cells/loop` leads to a folder that belongs to the package already: `.`"
        );
        fs::remove_file(folder.path("cells/loop")).unwrap();
        symlink("cells", folder.path("again")).unwrap();
        assert!(message(&folder).ends_with("belongs to the package already: `cells`"));
        fs::remove_file(folder.path("again")).unwrap();
        symlink("/", folder.path("cells/everything")).unwrap();
        assert!(message(&folder).contains("`cells/everything`"));
    }

    #[test]
    fn links_to_elsewhere_are_followed_once() {
        let shared = Folder::new();
        shared.write("bad.weir", b"\xff");
        let folder = Folder::package();
        symlink(shared.path(""), folder.path("shared")).unwrap();
        let report = json(&folder.weir(&["check", "--format", "json"]).stdout);
        assert_eq!(report["diagnostics"][0]["spans"][0]["file"], "shared/bad.weir");
        symlink(shared.path(""), folder.path("twice")).unwrap();
        assert!(folder.weir(&["check"]).stderr.contains("the link `twice` leads to"));
    }

    #[test]
    fn what_is_no_file() {
        let folder = Folder::package();
        let made = std::process::Command::new("mkfifo").arg(folder.path("pipe.weir")).status().unwrap();
        assert!(made.success());
        assert_eq!(message(&folder), "`pipe.weir` is neither a file nor a folder");
    }

    #[test]
    fn names_that_are_not_utf8() {
        let folder = Folder::package();
        fs::write(folder.path("").join(OsStr::from_bytes(b"pr\xff.weir")), "").unwrap();
        fs::write(folder.path("").join(OsStr::from_bytes(b"notes\xff.txt")), "").unwrap();
        assert_eq!(message(&folder), "the name of `pr\u{fffd}.weir` is not UTF-8");
    }

    #[test]
    fn files_that_may_not_be_read() {
        let folder = Folder::package();
        folder.write("closed.weir", "");
        folder.chmod("closed.weir", 0o000);
        let run = folder.weir_as_nobody(&["check", "--format", "json"]);
        assert_eq!(run.code, 1);
        let report = json(&run.stdout);
        assert_eq!(report["diagnostics"][0]["message"], "`closed.weir` cannot be read: Permission denied");
        assert_eq!(report["diagnostics"][0]["spans"][0]["file"], "closed.weir");
    }

    #[test]
    fn files_that_are_too_large_are_not_read() {
        let folder = Folder::package();
        let file = fs::File::create(folder.path("huge.weir")).unwrap();
        file.set_len(1 << 40).unwrap();
        let run = folder.weir(&["check"]);
        assert_eq!(run.code, 1);
        assert!(run.stderr.contains("error[E0005]: `huge.weir` is too large: 1048576 MiB"), "{}", run.stderr);
    }

    #[test]
    fn what_does_not_belong_to_the_package() {
        let folder = Folder::package();
        for path in
            [".git/a.weir", "target/a.weir", ".#lock.weir", "nested/a.weir", "built/a.weir", "a.weir.bak"]
        {
            folder.write(path, b"\xff");
        }
        folder.write("nested/weir.toml", "");
        let manifest = r#"{"generator":"weir","version":"0","package":{"name":"p","version":""},"files":[]}"#;
        folder.write("built/manifest.json", manifest);
        let run = folder.weir(&["check"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        folder.write("cells/target/a.weir", b"\xff");
        assert_eq!(folder.weir(&["check"]).code, 1, "a module may be called `target`");
    }

    #[test]
    fn the_name_of_the_standard_library_is_taken() {
        let folder = Folder::package();
        folder.write("std/mine.weir", "");
        assert_eq!(message(&folder), "`std/mine.weir` would hide a file of the standard library");
    }

    #[test]
    fn hostile_file_names() {
        let folder = Folder::package();
        let name = "a,b:c%\n\x1b[31m\u{202e}::error::.weir";
        folder.write(name, b"\xff");
        let run = folder.weir(&["check"]);
        assert!(run.stderr.contains("--> a,b:c%␊␛[31m<U+202E>::error::.weir:1:1\n"), "{}", run.stderr);
        let run = folder.weir(&["check", "--format", "github"]);
        assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
        assert!(run.stdout.starts_with("::error file=a%2Cb%3Ac%25%0A␛[31m"), "{}", run.stdout);
        let report = json(&folder.weir(&["check", "--format", "json"]).stdout);
        assert_eq!(report["diagnostics"][0]["spans"][0]["file"], name);
        let log = json(&folder.weir(&["check", "--format", "sarif"]).stdout);
        let uri =
            &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(uri, "a%2Cb%3Ac%25%0A%1B%5B31m%E2%80%AE%3A%3Aerror%3A%3A.weir");
    }

    #[test]
    fn deep_folders() {
        let folder = Folder::package();
        folder.write(&format!("{}bad.weir", "d/".repeat(500)), b"\xff");
        assert_eq!(folder.weir(&["check"]).code, 1);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn readers_that_go_away_and_disks_that_are_full() {
    use std::process::Stdio;
    let folder = Folder::new();
    let mut child =
        folder.command(&["explain"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));

    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = folder.command(&["explain"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr, "error: cannot write to standard output: No space left on device\n");
}

#[test]
fn what_an_assertion_assumes_is_said() {
    let folder = Folder::new();
    folder.write("weir.toml", "[package]\nname = \"hall\"\nversion = \"0.1.0\"\nedition = \"2026\"\n");
    folder.write(
        "plant.weir",
        "use std.it.{https, ssh}\nzone cell {}\nnetwork one { zone = cell, subnet = 10.1.0.0/24, isolated = true }\n\
         network two { zone = cell, subnet = 10.2.0.0/24, isolated = true }\n\
         gateway gw {\n  enforces = nftables\n  serves = [ssh]\n  interface a { network = one, address = 10.1.0.1 }\n  \
         interface b { network = two, address = 10.2.0.1 }\n}\n\
         device a { network = one, address = 10.1.0.2 }\n\
         device b { network = two, address = 10.2.0.2, serves = [https] }\n\
         device c { network = one, address = 10.1.0.3 }\n\
         allow b -> gw : ssh\nallow a -> b : https\nassert never a ~> c { pivot = [ssh] }\n",
    );
    let said = folder.weir(&["check"]).stderr;
    let expected =
        "assumed: an intruder gets onto a principal by `ssh` and by no other flow (plant.weir:16)\n";
    assert!(said.contains(expected), "{said}");
}
