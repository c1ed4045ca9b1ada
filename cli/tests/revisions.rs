//! `weir diff` of git revisions, and envelopes that a change cannot edit, in real repositories.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use std::path::Path;

use common::Folder;

fn commit(folder: &Folder, place: &str) {
    folder.git(place, &["add", "--all"]);
    folder.git(place, &["commit", "-q", "-m", "a change"]);
}

/// The water works in the folder `plant` of a repository.
fn repository() -> Folder {
    let folder = Folder::new();
    folder.write("r/README", "one plant\n");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/water_works");
    common::copy(&example, &folder.path("r/plant"));
    folder.git("r", &["init", "-q", "-b", "main"]);
    folder
}

fn widen(folder: &Folder, file: &str) {
    let text = folder.read(file);
    let wider = text.replace("limit = 20/s", "limit = 900/s");
    assert_ne!(text, wider);
    folder.write(file, wider);
}

#[cfg(unix)]
#[test]
fn what_a_revision_does_not_follow_is_an_error() {
    let folder = repository();
    folder.write("r/shared/policies.weir", folder.read("r/plant/policies.weir"));
    std::fs::remove_file(folder.path("r/plant/policies.weir")).unwrap();
    std::os::unix::fs::symlink("../shared", folder.path("r/plant/shared")).unwrap();
    commit(&folder, "r");
    widen(&folder, "r/shared/policies.weir");
    commit(&folder, "r");
    // on disk, the linked folder is a part of the package
    assert_eq!(folder.weir_in("r/plant", &["check", "-q"]).code, 0);
    let run = folder.weir_in("r/plant", &["diff", "git:HEAD~1", "git:HEAD"]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("`shared` is a link, which a revision does not follow"), "{}", run.stderr);

    // a link that no policy lies behind is no matter
    let folder = repository();
    folder.write("r/notes/one.md", "a note\n");
    std::os::unix::fs::symlink("../notes", folder.path("r/plant/notes")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path("r/plant/dangling")).unwrap();
    commit(&folder, "r");
    widen(&folder, "r/plant/policies.weir");
    commit(&folder, "r");
    let run = folder.weir_in("r/plant", &["diff", "git:HEAD~1", "git:HEAD", "--no-artifacts"]);
    assert_eq!(run.code, 5, "{}{}", run.stdout, run.stderr);
    // one that leads out of the repository may
    std::os::unix::fs::symlink("/srv/policies", folder.path("r/plant/elsewhere")).unwrap();
    commit(&folder, "r");
    let run = folder.weir_in("r/plant", &["diff", "git:HEAD", "git:HEAD", "--no-artifacts"]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
}

#[test]
fn submodules_are_refused_and_bare_repositories_are_read() {
    let folder = repository();
    commit(&folder, "r");
    widen(&folder, "r/plant/policies.weir");
    commit(&folder, "r");
    folder.git(".", &["clone", "-q", "--bare", "r", "bare.git"]);
    let run = folder.weir_in("bare.git", &["diff", "git:main~1:plant", "git:main:plant", "--no-artifacts"]);
    assert_eq!(run.code, 5, "{}{}", run.stdout, run.stderr);
    let run = folder.weir_in("bare.git", &["diff", "git:main~1", "git:main"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stderr.contains("has no package in `.`"), "{}", run.stderr);

    folder.write("other/readme.txt", "x");
    folder.git("other", &["init", "-q", "-b", "main"]);
    commit(&folder, "other");
    folder.git("r", &["submodule", "--quiet", "add", "../other", "plant/vendor"]);
    commit(&folder, "r");
    let run = folder.weir_in("r/plant", &["diff", "git:HEAD"]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("`vendor` is a submodule"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn no_file_of_a_revision_is_left_out_for_its_name() {
    let folder = repository();
    folder.write("r/plant/pol/policies.weir", folder.read("r/plant/policies.weir"));
    std::fs::remove_file(folder.path("r/plant/policies.weir")).unwrap();
    // not one of ours
    folder.write("r/plant/pol/manifest.json", "{}");
    commit(&folder, "r");
    widen(&folder, "r/plant/pol/policies.weir");
    commit(&folder, "r");
    let diff = || folder.weir_in("r/plant", &["diff", "git:HEAD~1", "git:HEAD", "--no-artifacts"]);
    assert_eq!(diff().code, 5, "{}", diff().stdout);
    // a tree that was built here is none of the package's files
    assert_eq!(folder.weir_in("r/plant", &["-q", "build", "-o", "out"]).code, 0);
    commit(&folder, "r");
    assert_eq!(folder.weir_in("r/plant", &["diff", "git:HEAD"]).code, 0);
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"more\xff.weir");
    std::fs::write(folder.path("r/plant").join(name), "// nothing\n").unwrap();
    commit(&folder, "r");
    let run = folder.weir_in("r/plant", &["diff", "git:HEAD~1", "git:HEAD"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stderr.contains("is not UTF-8"), "{}", run.stderr);
}

const ENVELOPE: &str = "//! Approved.\n\nuse std.it.{ssh}\n\nallow admin -> gw_pumps : ssh\n";

#[test]
fn an_envelope_is_no_policy_and_not_the_change_s_own() {
    let folder = repository();
    folder.write("r/ci/envelope.weir", ENVELOPE);
    commit(&folder, "r");
    // widens the policy, and what approves it
    let text = folder.read("r/plant/policies.weir");
    let rule = "allow operator -> scada : https";
    assert!(text.contains(rule), "{text}");
    folder.write("r/plant/policies.weir", text.replacen(rule, "allow operator | clock -> scada : https", 1));
    folder.write("r/ci/envelope.weir", "use std.it.{https}\n\nallow clock -> scada : https\n");
    commit(&folder, "r");
    let diff = |envelope: &str| {
        folder.weir_in("r/plant", &["diff", "git:HEAD~1", "--no-artifacts", "--allow", envelope])
    };
    let run = diff("../ci/envelope.weir");
    assert!(run.stdout.contains("[approved]"), "{}{}", run.stdout, run.stderr);
    let run = diff("git:HEAD~1:ci/envelope.weir");
    assert_eq!(run.code, 5, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("[not approved]"), "{}", run.stdout);
    for (envelope, code, said) in [
        ("git:HEAD~1:ci/nothing.weir", 1, "there is no `ci/nothing.weir` in revision `HEAD~1`"),
        ("git:HEAD~1", 2, "names no file of a revision"),
        ("git:--help:x", 2, "names no file of a revision"),
        ("nowhere.weir", 1, "nowhere.weir"),
    ] {
        let run = diff(envelope);
        assert_eq!(run.code, code, "{envelope}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{envelope}: {}", run.stderr);
    }
    // where policies are read it would permit
    folder.write("r/plant/ci/envelope.weir", ENVELOPE);
    let run = folder.weir_in("r/plant", &["diff", "git:HEAD", "--allow", "ci/envelope.weir"]);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("is a part of the package"), "{}", run.stderr);
}

#[test]
fn an_envelope_s_names_mean_the_same_in_both_versions() {
    let folder = repository();
    folder.write("envelope.weir", "use std.it.{https}\n\nallow approved -> scada : https\n");
    let plant = folder.read("r/plant/plant.weir");
    folder.write("r/plant/plant.weir", format!("{plant}\n/// Who is approved.\ngroup approved = operator\n"));
    commit(&folder, "r");
    // the change fills the group that the envelope names
    folder.write(
        "r/plant/plant.weir",
        format!("{plant}\n/// Who is approved.\ngroup approved = operator | clock\n"),
    );
    let text = folder.read("r/plant/policies.weir");
    let rule = "allow operator -> scada : https";
    folder.write("r/plant/policies.weir", text.replacen(rule, "allow operator | clock -> scada : https", 1));
    let run = folder.weir_in(
        "r/plant",
        &["diff", "git:HEAD", "--no-artifacts", "--allow", folder.path("envelope.weir").to_str().unwrap()],
    );
    assert_eq!(run.code, 5, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("[not approved]"), "{}", run.stdout);
}

#[test]
fn what_begins_later_is_compared_at_its_time() {
    let folder = repository();
    commit(&folder, "r");
    let exception = |set: &str, from: &str| {
        format!(
            "use std.it.{{https}}\n\nexception later {{\n    owner = \"x@y.example\"\n    reason = \"r\"\n    ticket = \"T-1\"\n    approved_by = \"me\"\n    from = {from}\n    until = 2035-01-01T00:00Z\n    allow {set} -> scada : https\n}}\n"
        )
    };
    let diff = || {
        folder.weir_with_in(
            "r/plant",
            &[("SOURCE_DATE_EPOCH", "1795305600")], // 2026-11-22
            &["diff", "git:HEAD", "--no-artifacts"],
        )
    };
    folder.write("r/plant/later.weir", exception("clock", "2026-12-01T00:00Z"));
    let run = diff();
    assert_eq!(run.code, 5, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("from 2026-12-01T00:00Z: a rule was added"), "{}", run.stdout);
    commit(&folder, "r");
    assert_eq!(diff().code, 0);
    folder.write("r/plant/later.weir", exception("clock | admin", "2026-12-01T00:00Z"));
    let run = diff();
    assert_eq!(run.code, 5, "{}{}", run.stdout, run.stderr);
    folder.write("r/plant/later.weir", exception("clock", "2026-11-25T00:00Z"));
    let run = diff();
    assert_eq!(run.code, 5, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("from 2026-11-25T00:00Z"), "{}", run.stdout);
    folder.write("r/plant/later.weir", exception("clock", "2026-12-05T00:00Z"));
    let run = diff();
    assert_eq!(run.code, 4, "{}{}", run.stdout, run.stderr);
    // the report of exceptions has it as well
    let run = folder.weir_with_in(
        "r/plant",
        &[("SOURCE_DATE_EPOCH", "1795305600")],
        &["audit", "--exceptions", "14"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains("have not begun") && run.stdout.contains("2026-12-05T00:00Z"),
        "{}",
        run.stdout
    );
}

#[test]
fn an_envelope_s_terms_and_budgets_hold() {
    let folder = repository();
    commit(&folder, "r");
    let policies = folder.read("r/plant/policies.weir");
    let diff = |envelope: &str, more: &str| {
        folder.write("envelope.weir", envelope);
        folder.write("r/plant/policies.weir", format!("{policies}\n{more}"));
        let envelope = folder.path("envelope.weir");
        let arguments = ["diff", "git:HEAD", "--no-artifacts", "--allow", envelope.to_str().unwrap()];
        let run = folder.weir_in("r/plant", &arguments);
        assert!(run.stdout.contains("[approved]") || run.stdout.contains("[not approved]"), "{}", run.stderr);
        run.code
    };
    let rule = |policy: &str, terms: &str| {
        format!(
            "policy {policy} {{\n    owner = \"x@water.example\"\n    allow clock -> scada : https{terms}\n}}\n"
        )
    };
    let approved = |terms: &str| format!("use std.it.{{https}}\n\nallow clock -> scada : https{terms}\n");
    assert_eq!(diff(&approved(""), &rule("a", "")), 0);
    assert_eq!(diff(&approved(" { log = true }"), &rule("a", "")), 5);
    assert_eq!(diff(&approved(" { requires = certified }"), &rule("a", "")), 5);
    let limit = " { limit = 1/s }";
    assert_eq!(diff(&approved(limit), &rule("a", limit)), 0);
    let twice = rule("a", limit) + &rule("b", limit);
    assert_eq!(diff(&approved(limit), &twice), 5, "two budgets of one");
    assert_eq!(diff(&approved(" { limit = 2/s }"), &twice), 0);
}

#[test]
fn a_name_that_means_two_revisions_is_refused() {
    let folder = repository();
    folder.write("r/ci/envelope.weir", ENVELOPE);
    commit(&folder, "r");
    folder.git("r", &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    widen(&folder, "r/plant/policies.weir");
    commit(&folder, "r");
    let diff = |arguments: &[&str]| {
        let mut all = vec!["diff", "--no-artifacts"];
        all.extend(arguments);
        folder.weir_in("r/plant", &all)
    };
    assert_eq!(diff(&["git:origin/main"]).code, 5);
    // whoever may push a tag chooses what the branch's name means
    folder.git("r", &["tag", "origin/main", "HEAD"]);
    for arguments in
        [&["git:origin/main"][..], &["git:HEAD~1", "--allow", "git:origin/main:ci/envelope.weir"]]
    {
        let run = diff(arguments);
        assert_eq!(run.code, 1, "{}", run.stdout);
        assert!(run.stderr.contains("names more than one revision"), "{}", run.stderr);
    }
    assert_eq!(diff(&["git:refs/remotes/origin/main"]).code, 5);
}
