//! Trees on disk: what survives, what is refused, and that a kill never leaves half of one.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, SystemTime},
};

use weir_targets::{OutputTree, TreeFile};

use super::*;

fn tree(files: &[(&str, &str)]) -> OutputTree {
    let file = |contents: &str, target| TreeFile {
        contents: contents.as_bytes().to_vec(),
        target,
        executable: false,
    };
    let mut all: BTreeMap<String, TreeFile> =
        files.iter().map(|(path, contents)| ((*path).to_owned(), file(contents, Some("nftables")))).collect();
    let listed: Vec<_> = files
        .iter()
        .map(|(path, _)| serde_json::json!({ "path": path, "target": "nftables", "size": 0, "sha256": "" }))
        .collect();
    let manifest = serde_json::json!({
        "generator": "weir", "version": "0", "package": { "name": "p", "version": "" }, "files": listed,
    });
    all.insert("manifest.json".into(), file(&manifest.to_string(), None));
    OutputTree { files: all }
}

fn publish(out: &Path, package: &Path, tree: &OutputTree) -> Result<Changes, Failure> {
    take_all(Publication::writing(out, package)?, tree)
}

fn compare(out: &Path, package: &Path, tree: &OutputTree) -> Result<Changes, Failure> {
    take_all(Publication::comparing(out, package)?, tree)
}

fn take_all(mut publication: Publication, tree: &OutputTree) -> Result<Changes, Failure> {
    for (path, file) in &tree.files {
        publication.take(path, &file.contents, file.executable)?;
    }
    publication.finish()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn message(result: Result<Changes, Failure>) -> String {
    match result {
        Err(Failure::Environment { message, .. }) => message,
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[test]
fn changes_are_counted_and_unchanged_files_stay_the_same_files() {
    let base = tempfile::tempdir().unwrap();
    let out = base.path().join("deep/out");
    let first = publish(&out, base.path(), &tree(&[("a/x", "1"), ("a/y", "1"), ("b", "1")])).unwrap();
    assert_eq!(first.count(Change::Created), 4);
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(out.join("a/x")).unwrap().set_modified(long_ago).unwrap();

    let second = publish(&out, base.path(), &tree(&[("a/x", "1"), ("a/y", "2"), ("c", "1")])).unwrap();
    let differences: Vec<_> = second.differences().collect();
    let expected = [
        ("a/y", Change::Updated),
        ("b", Change::Removed),
        ("c", Change::Created),
        ("manifest.json", Change::Updated),
    ];
    assert_eq!(differences, expected);
    assert_eq!(second.count(Change::Unchanged), 1);
    assert_eq!(fs::metadata(out.join("a/x")).unwrap().modified().unwrap(), long_ago);
    assert!(!out.join("b").exists());
    assert_eq!(names(&base.path().join("deep")), ["out"]);
}

#[test]
fn nothing_to_do_touches_nothing() {
    let base = tempfile::tempdir().unwrap();
    let out = base.path().join("out");
    publish(&out, base.path(), &tree(&[("a", "1")])).unwrap();
    let before = fs::metadata(&out).unwrap().modified().unwrap();
    assert!(publish(&out, base.path(), &tree(&[("a", "1")])).unwrap().is_empty());
    assert_eq!(fs::metadata(&out).unwrap().modified().unwrap(), before);
}

#[test]
fn what_is_not_ours_is_not_replaced() {
    let base = tempfile::tempdir().unwrap();
    let one = tree(&[("a", "1")]);
    let foreign = base.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    publish(&foreign, base.path(), &one).unwrap();
    fs::write(foreign.join("notes.txt"), "mine").unwrap();
    assert!(message(publish(&foreign, Path::new("/nowhere"), &tree(&[("a", "2")]))).contains("`notes.txt`"));
    assert_eq!(fs::read_to_string(foreign.join("a")).unwrap(), "1");

    let home = base.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("manifest.json"), r#"{"name": "web-app"}"#).unwrap();
    assert!(message(publish(&home, base.path(), &one)).contains("weir did not write it"));
    assert_eq!(names(&home), ["manifest.json"]);

    fs::write(base.path().join("file"), "").unwrap();
    assert!(message(publish(&base.path().join("file"), base.path(), &one)).contains("not a folder"));
    assert!(message(publish(base.path(), &home, &one)).contains("the package itself lies in it"));
    fs::create_dir(base.path().join("empty")).unwrap();
    publish(&base.path().join("empty"), base.path(), &one).unwrap();
}

#[cfg(unix)]
#[test]
fn links_are_followed_at_the_top_and_replaced_inside() {
    use std::os::unix::fs::symlink;
    let base = tempfile::tempdir().unwrap();
    let (real, link, victim) =
        (base.path().join("real"), base.path().join("link"), base.path().join("victim"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    publish(&link, base.path(), &tree(&[("a", "1")])).unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    fs::write(&victim, "1").unwrap();
    fs::remove_file(real.join("a")).unwrap();
    symlink(&victim, real.join("a")).unwrap();
    publish(&link, base.path(), &tree(&[("a", "2")])).unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "1");
    assert!(real.join("a").symlink_metadata().unwrap().is_file());
}

#[cfg(unix)]
#[test]
fn modes_follow_the_umask_and_the_executable_bit() {
    use std::os::unix::fs::PermissionsExt as _;
    let base = tempfile::tempdir().unwrap();
    let out = base.path().join("out");
    let mut one = tree(&[("apply", "#!/bin/sh\n")]);
    publish(&out, base.path(), &one).unwrap();
    let mode = || fs::metadata(out.join("apply")).unwrap().permissions().mode();
    assert_eq!(mode() & 0o100, 0);
    one.files.get_mut("apply").unwrap().executable = true;
    let changes = publish(&out, base.path(), &one).unwrap();
    assert!(changes.differences().any(|difference| difference == ("apply", Change::Updated)));
    assert_eq!(mode() & 0o100, 0o100);
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o500, 0o500);
}

/// The trees that the writer below alternates between.
fn generation(number: u32) -> OutputTree {
    let text = number.to_string();
    let files: Vec<(String, &str)> =
        (0..40).map(|file| (format!("nftables/{file}.nft"), text.as_str())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    tree(&files)
}

/// Not a test: the process that [`a_kill_leaves_a_whole_tree`] kills.
#[test]
#[ignore = "started by another test"]
fn writer() {
    let Some(out) = std::env::var_os("WEIR_TEST_OUT") else { return };
    for number in 0.. {
        publish(Path::new(&out), Path::new("/nowhere"), &generation(number % 2)).unwrap();
    }
}

#[test]
fn a_kill_leaves_a_whole_tree() {
    let base = tempfile::tempdir().unwrap();
    let out = base.path().join("out");
    publish(&out, Path::new("/nowhere"), &generation(0)).unwrap();
    for round in 0..60_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "write::tests::writer", "--ignored"])
            .env("WEIR_TEST_OUT", &out)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_micros(15_000 + round * 337));
        child.kill().unwrap();
        child.wait().unwrap();
        let whole = (0..2).any(|number| {
            generation(number)
                .files
                .iter()
                .all(|(path, file)| fs::read(path_in(&out, path)).is_ok_and(|found| found == file.contents))
        });
        assert!(whole, "round {round}");
    }
    publish(&out, Path::new("/nowhere"), &generation(2)).unwrap();
    assert_eq!(names(base.path()), ["out"], "leftovers are cleaned up");
}

#[test]
fn builds_that_race_end_in_one_of_their_trees() {
    let base = tempfile::tempdir().unwrap();
    let out = base.path().join("out");
    thread::scope(|scope| {
        for number in 0..4 {
            let out = &out;
            scope.spawn(move || {
                for _ in 0..20 {
                    publish(out, Path::new("/nowhere"), &generation(number)).unwrap();
                }
            });
        }
    });
    let last = fs::read_to_string(out.join("nftables/0.nft")).unwrap().parse().unwrap();
    assert!(compare(&out, Path::new("/nowhere"), &generation(last)).unwrap().is_empty());
    assert_eq!(names(base.path()), ["out"]);
}

/// Not a test of its own: it needs the small disk that [`a_full_disk_leaves_the_old_tree`] mounts.
#[test]
#[ignore = "started by another test"]
fn writer_on_a_small_disk() {
    let Some(out) = std::env::var_os("WEIR_TEST_OUT") else { return };
    let out = Path::new(&out);
    publish(out, Path::new("/nowhere"), &generation(0)).unwrap();
    let big = "x".repeat(4 << 20);
    let failure = message(publish(out, Path::new("/nowhere"), &tree(&[("a", "1"), ("big", &big)])));
    assert!(failure.ends_with("/out/big`: No space left on device"), "{failure}");
    assert!(compare(out, Path::new("/nowhere"), &generation(0)).unwrap().is_empty());
    assert_eq!(names(out.parent().unwrap()), ["out"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_old_tree() {
    let disk = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=1m none \"$0\" && exec \"$1\" --exact write::tests::writer_on_a_small_disk --ignored";
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .arg(disk.path())
        .arg(std::env::current_exe().unwrap())
        .env("WEIR_TEST_OUT", disk.path().join("out"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
