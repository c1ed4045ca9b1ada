//! `weir audit`, from outside.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use common::{Folder, Run, json};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/water_works");

const ZEEK: &str = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state\thistory\n\
1.0\tC1\t10.2.0.10\t40000\t10.1.0.10\t4840\ttcp\tSF\tShADad\n\
2.0\tC2\t10.1.0.10\t4840\t10.2.0.10\t40001\ttcp\tOTH\tCc\n\
3.0\tC3\t10.2.0.21\t40002\t10.2.0.10\t443\ttcp\tSF\tShADad\n\
4.0\tC4\t10.3.0.21\t40003\t10.1.0.10\t4840\ttcp\tS0\tS\n\
5.0\tC5\t10.3.0.22\t40004\t10.1.0.10\t4840\ttcp\tS0\tS\n\
6.0\tC6\t10.1.0.99\t40005\t10.1.0.10\t4840\ttcp\tS0\tS\n\
7.0\tC7\t10.1.0.10\t40006\n";

fn audit(log: &str, more: &[&str]) -> (Folder, Run) {
    let folder = Folder::new();
    folder.write("conn.log", log);
    let mut arguments = vec!["audit", "--package", EXAMPLE, "conn.log"];
    arguments.extend(more);
    let run = folder.weir(&arguments);
    (folder, run)
}

#[test]
fn traffic_is_held_against_the_policy() {
    let (_, run) = audit(ZEEK, &["--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let found = json(&run.stdout);
    assert_eq!((&found["records"], &found["permitted"], &found["turned"]), (&6.into(), &3.into(), &1.into()));
    let denied: Vec<(&str, &str)> = found["denied"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["source"].as_str().unwrap(), one["service"].as_str().unwrap()))
        .collect();
    assert_eq!(denied, [("desk[1]", "opcua"), ("desk[2]", "opcua")]);
    assert_eq!(found["unknown"][0]["address"], "10.1.0.99");
    assert_eq!((&found["not_understood"], &found["problems"][0]["line"]), (&1.into(), &10.into()));
    let unused: Vec<&str> =
        found["unused"].as_array().unwrap().iter().map(|rule| rule["text"].as_str().unwrap()).collect();
    assert!(unused.contains(&"allow panel -> pump_plc : opcua"), "{unused:?}");
    assert!(!unused.iter().any(|text| text.starts_with("allow scada -> pump_plc")), "{unused:?}");
    let (_, run) = audit(ZEEK, &["--check"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stdout.contains("would be denied") && run.stdout.contains("conn.log:10"), "{}", run.stdout);
}

#[test]
fn the_proposal_is_text_that_compiles_and_is_never_applied() {
    let log = "source,destination,protocol,port\n10.1.0.40,10.1.0.21,tcp,502\n10.1.0.10,10.2.0.30,udp,123\n";
    let (folder, run) = audit(log, &["--propose", "proposed.weir"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = folder.read("proposed.weir");
    assert!(text.contains("allow panel -> pump[1] : modbus"), "{text}");
    // in a copy of the package it permits what was seen
    assert!(
        std::process::Command::new("cp")
            .args(["-r", EXAMPLE])
            .arg(folder.path("copy"))
            .status()
            .unwrap()
            .success()
    );
    folder.write("copy/proposed.weir", text);
    let run = folder.weir(&["check", "copy"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = folder.weir(&["audit", "--package", "copy", "conn.log", "--check"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(!std::path::Path::new(EXAMPLE).join("proposed.weir").exists());
}

#[test]
fn a_proposal_never_becomes_policy_and_replaces_nothing_unasked() {
    let folder = Folder::new();
    common::copy(std::path::Path::new(EXAMPLE), &folder.path("plant"));
    folder.write("plant/seen.csv", "source,destination,protocol,port\n10.1.0.40,10.1.0.21,tcp,502\n");
    for inside in ["seen.weir", "policies.weir", "deep/../seen.weir"] {
        folder.write("plant/deep/x.txt", "");
        let run = folder.weir_in("plant", &["audit", "seen.csv", "--propose", inside]);
        assert_eq!(run.code, 2, "{inside}: {}", run.stderr);
        assert!(run.stderr.contains("would be a part of the package"), "{}", run.stderr);
    }
    for outside in ["seen.txt", ".seen/seen.weir", "../seen.weir"] {
        folder.write("plant/.seen/x.txt", "");
        let run = folder.weir_in("plant", &["audit", "seen.csv", "--propose", outside]);
        assert_eq!(run.code, 0, "{outside}: {}", run.stderr);
        let again = folder.weir_in("plant", &["audit", "seen.csv", "--propose", outside]);
        assert_eq!(again.code, 1, "{outside}: {}", again.stderr);
        assert!(again.stderr.contains("exists"), "{}", again.stderr);
        let forced = folder.weir_in("plant", &["audit", "seen.csv", "--propose", outside, "--force"]);
        assert_eq!(forced.code, 0, "{outside}: {}", forced.stderr);
    }
}

#[test]
fn tables_and_files_that_are_not_what_they_seem() {
    let run = |log: &[u8], arguments: &[&str]| {
        let folder = Folder::new();
        folder.write("log", log);
        let mut all = vec!["audit", "--package", EXAMPLE, "log"];
        all.extend(arguments);
        folder.weir(&all)
    };
    let compressed = run(b"\x1f\x8b\x08\x00rest", &[]);
    assert_eq!(compressed.code, 1);
    assert!(compressed.stderr.contains("zcat log | weir audit -"), "{}", compressed.stderr);
    assert_eq!(run(b"", &["--check"]).code, 1, "no record says nothing");
    assert_eq!(run(b"", &[]).code, 0);
    for (log, said) in [
        (
            "source,destination,protocol,port\n10.1.0.40,10.1.0.21,tcp,502,x\n",
            "5 cells where there are 4 columns",
        ),
        ("source,destination,protocol,port\n10.1.0.40,10.1.0.21,tpc,502\n", "`tpc` is no protocol"),
        (
            "source,destination,protocol\n10.1.0.40,10.1.0.21,tcp\n10.1.0.40,10.1.0.21,tcp\n",
            "no line below can be read",
        ),
    ] {
        let found = run(log.as_bytes(), &["--check"]);
        assert_eq!(found.code, 1, "{log}: {}", found.stdout);
        assert!(found.stdout.contains(said), "{log}: {}", found.stdout);
    }
    let other = run(b"source,destination,protocol,port\n10.1.0.40,10.1.0.21,gre,\n", &["--format", "json"]);
    assert_eq!(json(&other.stdout)["skipped"], 1);
}

#[test]
fn logs_that_are_none() {
    for log in ["hello\n", "\u{0}\u{1}\u{2}\n", "{\"a\":", "#fields\ta\tb\n1\t2\n"] {
        let (_, run) = audit(log, &["--check"]);
        assert_eq!(run.code, 1, "{log:?}: {}", run.stdout);
        assert!(
            run.stdout.contains("not understood") && run.stdout.contains("conn.log:1"),
            "{log:?}: {}",
            run.stdout
        );
    }
    let folder = Folder::new();
    let run = folder.weir(&["audit", "--package", EXAMPLE, "nowhere.log"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("nowhere.log"), "{}", run.stderr);
    assert_eq!(folder.weir(&["audit"]).code, 2);
}

#[test]
fn what_ends_has_an_exit_code() {
    let folder = Folder::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/turbine_hall");
    let at = |date: &str, days: &str| {
        folder
            .weir_with(&[("SOURCE_DATE_EPOCH", date)], &["audit", "--package", example, "--exceptions", days])
    };
    // 2026-11-22: the first end is years away
    let run = at("1795305600", "30");
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("end later") && run.stdout.contains("on trial"), "{}", run.stdout);
    let run = at("1795305600", "36500");
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("end within 36500 days"), "{}", run.stdout);
    // after everything has ended
    let run = at("3000000000", "30");
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("have ended"), "{}", run.stdout);
}
