//! `weir build` from outside.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, SystemTime},
};

use common::{Folder, json};

fn plant() -> Folder {
    let folder = Folder::new();
    assert_eq!(folder.weir(&["new", "plant"]).code, 0);
    folder
}

/// Every file below a folder with its contents.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

#[test]
fn errors_leave_the_old_tree_alone() {
    let folder = Folder::package();
    folder.write("bad.weir", b"\xff");
    folder.write("out/manifest.json", "{}");
    let run = folder.weir(&["build"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.ends_with("error: could not build `hall` due to 1 error\n"), "{}", run.stderr);
    assert_eq!(folder.names("out"), ["manifest.json"]);
    assert_eq!(folder.read("out/manifest.json"), "{}");
}

#[test]
fn what_a_target_cannot_render_is_said_at_its_rule() {
    let folder = plant();
    let path = folder.path("plant/policy.weir");
    let text = fs::read_to_string(&path).unwrap().replace("{ log = true }", "{ limit = 2000000/s }");
    fs::write(&path, text).unwrap();
    let run = folder.weir(&["build", "plant", "--format", "json"]);
    assert_eq!(run.code, 1);
    let said = json(&run.stdout);
    let found =
        said["diagnostics"].as_array().unwrap().iter().find(|found| found["code"] == "E0604").unwrap();
    assert_eq!(found["spans"][0]["file"], "policy.weir");
    assert!(found["help"].as_str().unwrap().contains("50/s"), "{found}");
    assert!(!folder.path("plant/out").exists());
}

#[test]
fn targets_that_there_are_not() {
    assert_eq!(Folder::package().weir(&["build", "--target", "iptables"]).code, 2);
}

#[test]
fn a_build_can_be_repeated_and_checked() {
    let folder = plant();
    let locked = folder.weir(&["build", "plant", "--locked"]);
    assert_eq!(locked.code, 1);
    assert!(locked.stderr.contains("missing: manifest.json\n"), "{}", locked.stderr);
    assert!(!folder.path("plant/out").exists());

    let run = folder.weir(&["build", "plant"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.starts_with("plant/out: ") && run.stdout.contains(" for 1 gateway ("),
        "{}",
        run.stdout
    );
    let manifest = json(&folder.read("plant/out/manifest.json"));
    assert_eq!(manifest["generator"], "weir");
    let listed: Vec<&str> =
        manifest["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    let mut written: Vec<String> = tree(&folder.path("plant/out")).into_keys().collect();
    written.retain(|path| path != "manifest.json");
    assert_eq!(listed, written);

    assert_eq!(folder.weir(&["build", "plant", "--locked"]).code, 0);
    assert_eq!(folder.weir(&["build", "plant", "-o", "elsewhere"]).code, 0);
    assert_eq!(tree(&folder.path("elsewhere")), tree(&folder.path("plant/out")));
}

#[test]
fn unchanged_files_keep_their_times() {
    let folder = plant();
    folder.weir(&["build", "plant", "-o", "out"]);
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = folder.path("out/nftables/gw.nft");
    fs::File::options().write(true).open(&file).unwrap().set_modified(long_ago).unwrap();
    // A comment moves every statement by a line: map, certificate and manifest change, the rules do not.
    let policy = folder.read("plant/policy.weir");
    let at = policy.find("policy readings").unwrap();
    folder.write("plant/policy.weir", format!("{}\n{}", &policy[..at], &policy[at..]));
    let run = folder.weir(&["build", "plant", "-o", "out"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("3 updated"), "{}", run.stdout);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), long_ago);
}

#[test]
fn machines_get_one_object_on_standard_output() {
    let folder = plant();
    let run = folder.weir(&["build", "plant", "--format", "json", "--allow", "W0604"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(json(&run.stdout)["diagnostics"], serde_json::json!([]));
}

#[test]
fn folders_of_others_are_left_alone() {
    let folder = plant();
    folder.write("home/letter.txt", "mine");
    let run = folder.weir(&["build", "plant", "-o", "home"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("cannot replace `"), "{}", run.stderr);
    assert_eq!(folder.names("home"), ["letter.txt"]);
    assert_eq!(folder.weir(&["build", "plant", "-o", "plant"]).code, 1);
    assert_eq!(folder.weir(&["build", "plant", "-o", "."]).code, 1);
    assert_eq!(folder.weir(&["build", "plant", "-o", "/"]).code, 1);
}

#[cfg(unix)]
#[test]
fn places_that_may_not_be_written() {
    let folder = plant();
    assert_eq!(folder.weir(&["build", "plant", "-o", "closed/out"]).code, 0);
    let before = tree(&folder.path("closed/out"));
    let policy = folder.read("plant/policy.weir");
    folder.write("plant/policy.weir", policy.replace("press_plc : modbus", "press_plc[1] : modbus"));
    folder.chmod("closed", 0o555);
    let run = folder.weir_as_nobody(&["build", "plant", "-o", "closed/out"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("Permission denied"), "{}", run.stderr);
    assert_eq!(tree(&folder.path("closed/out")), before);
    assert_eq!(folder.names("closed"), ["out"]);
}

#[test]
fn a_kill_leaves_a_whole_tree() {
    let folder = plant();
    let policy = folder.read("plant/policy.weir");
    let generations = [policy.clone(), policy.replace("press_plc : modbus", "press_plc[1] : modbus")];
    let mut trees = Vec::new();
    for generation in &generations {
        folder.write("plant/policy.weir", generation);
        assert_eq!(folder.weir(&["build", "plant", "-o", "out"]).code, 0);
        trees.push(tree(&folder.path("out")));
    }
    for round in 0..100_u64 {
        folder.write("plant/policy.weir", &generations[usize::try_from(round).unwrap() % 2]);
        let mut child = folder
            .command(&["build", "plant", "-o", "out"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_micros(200 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(trees.contains(&tree(&folder.path("out"))), "round {round}");
    }
    assert_eq!(folder.weir(&["build", "plant", "-o", "out"]).code, 0);
    assert_eq!(folder.names(""), ["out", "plant"]);
}
