//! `weir verify`, and builds that cannot be decided, from outside.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use std::process::Command;

use common::{Folder, Run, json};

/// A package with a built tree.
fn built() -> Folder {
    let folder = Folder::new();
    assert_eq!(folder.weir(&["new", "plant"]).code, 0);
    let run = folder.weir_in("plant", &["build"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    folder
}

fn ruleset(folder: &Folder) -> String {
    let names = folder.names("plant/out/nftables");
    let file = names.iter().find(|name| folder.path(&format!("plant/out/nftables/{name}")).is_file());
    format!("plant/out/nftables/{}", file.unwrap())
}

/// Changes a file of the tree.
fn change(folder: &Folder, path: &str, change: impl Fn(&str) -> String) -> Run {
    let before = folder.read(path);
    let after = change(&before);
    assert_ne!(before, after);
    folder.write(path, after);
    folder.weir_in("plant", &["verify"])
}

#[test]
fn what_was_built_is_proven() {
    let folder = built();
    let run = folder.weir_in("plant", &["verify"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert!(run.stderr.contains("permits exactly what the package does"), "{}", run.stderr);
    let certificate = json(&folder.read("plant/out/certificate.json"));
    assert_eq!(certificate["end_to_end"]["verdict"], "equal");
    let proven = certificate["artifacts"].as_array().unwrap();
    assert!(proven.len() >= 6 && proven.iter().all(|one| one["sha256"].as_str().unwrap().len() == 64));
    // The same again, byte for byte.
    let before = folder.read("plant/out/certificate.json");
    assert_eq!(folder.weir_in("plant", &["build"]).code, 0);
    assert_eq!(folder.read("plant/out/certificate.json"), before);
}

#[test]
fn drift_is_shown_with_its_lines() {
    let folder = built();
    let path = ruleset(&folder);
    let run = change(&folder, &path, |text| text.replacen("tcp . ", "udp . ", 1));
    assert_eq!(run.code, 1);
    for part in [
        "permits what the policy does not",
        "refuses what the policy permits",
        "policy ",
        "artifact nftables/",
    ] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
}

#[test]
fn what_cannot_be_read_never_passes() {
    let spoil: [(&str, fn(&str) -> String); 5] = [
        ("cut off", |text| text[..text.len() / 2].to_owned()),
        ("foreign", |_| "table ip filter { }\n".to_owned()),
        ("empty", |_| String::new()),
        ("one more rule", |text| text.replacen("\tchain forward {\n", "\tchain forward {\n\t\taccept\n", 1)),
        ("without its last line", |text| text.rsplit_once("}\n").unwrap().0.to_owned()),
    ];
    for (what, spoil) in spoil {
        let folder = built();
        let path = ruleset(&folder);
        let run = change(&folder, &path, spoil);
        assert_eq!(run.code, 1, "{what}: {}", run.stderr);
        assert!(run.stderr.contains("nftables/"), "{what}: {}", run.stderr);
    }
    let folder = built();
    folder.write("plant/out/nftables/stray.nft", "flush ruleset\n");
    assert_eq!(folder.weir_in("plant", &["verify"]).code, 1);
    let nothing = folder.weir_in("plant", &["verify", "nowhere"]);
    assert_eq!(nothing.code, 1);
    assert!(nothing.stderr.contains("nowhere"), "{}", nothing.stderr);
}

#[test]
fn a_changed_policy_is_drift() {
    let folder = built();
    folder.write("plant/more.weir", "deny internet -> internet : any\n");
    assert_eq!(folder.weir_in("plant", &["verify"]).code, 0, "denies nothing that was permitted");
    let names = folder.names("plant/out/nftables");
    assert!(!names.is_empty());
    folder.write("plant/more.weir", "zone spare { purdue = 2 \n");
    assert_eq!(folder.weir_in("plant", &["verify"]).code, 1, "what is wrong proves nothing");
}

/// The ruleset that a kernel has loaded, and one rule more.
#[test]
fn a_live_ruleset_is_verified() {
    let able = Command::new("unshare").args(["-n", "nft", "list", "ruleset"]).output();
    if !able.is_ok_and(|output| output.status.success()) {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI has a kernel to ask");
        eprintln!("SKIPPED: needs root and nft");
        return;
    }
    let folder = built();
    let path = folder.path(&ruleset(&folder));
    let gateway = path.file_stem().unwrap().to_str().unwrap().to_owned();
    for (more, code) in [("true", 0), ("nft insert rule inet weir forward accept", 1)] {
        let script = format!("nft -f {} && {more} && TZ=UTC nft -j list ruleset", path.display());
        let listed = Command::new("unshare").args(["-n", "sh", "-c", &script]).output().unwrap();
        folder.write("plant/listing.json", listed.stdout);
        let run = folder.weir_in("plant", &["verify", "--live", &gateway, "--listing", "listing.json"]);
        assert_eq!(run.code, code, "{more}: {}", run.stderr);
    }
    let unknown = folder.weir_in("plant", &["verify", "--live", "gw_nowhere", "--listing", "listing.json"]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
}

#[test]
fn what_exceeds_the_budget_is_not_decided() {
    let folder = built();
    let manifest = folder.read("plant/weir.toml");
    let before = folder.read("plant/out/certificate.json");
    folder.write("plant/weir.toml", format!("{manifest}\n[proof]\nbudget = 1\n"));
    let run = folder.weir_in("plant", &["build", "--format", "json"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let diagnostics = json(&run.stdout);
    let codes: Vec<&str> = diagnostics["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"E0605"), "{codes:?}");
    assert_eq!(folder.read("plant/out/certificate.json"), before, "nothing is written");
    folder.write("plant/weir.toml", format!("{manifest}\n[proof]\nbudget = 1\nundecided = \"warning\"\n"));
    let run = folder.weir_in("plant", &["build"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let certificate = json(&folder.read("plant/out/certificate.json"));
    assert_eq!(certificate["end_to_end"]["verdict"], "not_decided");
}
