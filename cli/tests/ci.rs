//! What `examples/ci` holds, run as a service and as git would run it.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use common::{Folder, Run};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");

/// A repository with a package in `plant`, its first commit, and the scripts in `ci`.
fn repository() -> Folder {
    let folder = Folder::new();
    for (from, to) in [("water_works", "plant"), ("ci", "ci")] {
        let copied =
            Command::new("cp").arg("-r").arg(Path::new(EXAMPLES).join(from)).arg(folder.path(to)).status();
        assert!(copied.unwrap().success());
    }
    let script = folder.path("ci/review.sh");
    assert_ne!(script.metadata().unwrap().permissions().mode() & 0o100, 0, "it can be run");
    for arguments in [&["init", "-q", "-b", "main"][..], &["add", "."], &["commit", "-q", "-m", "one"]] {
        let run = git(&folder, arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    folder
}

fn run(folder: &Folder, mut command: Command) -> Run {
    let binary = Path::new(env!("CARGO_BIN_EXE_weir")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    command
        .env("PATH", path)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env_remove("SOURCE_DATE_EPOCH")
        .current_dir(folder.path(""));
    common::run(&mut command)
}

fn git(folder: &Folder, arguments: &[&str]) -> Run {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(arguments);
    run(folder, command)
}

fn review(folder: &Folder) -> Run {
    let mut command = Command::new("ci/review.sh");
    command.args(["plant", "main", "report.md"]);
    run(folder, command)
}

fn change(folder: &Folder, from: &str, to: &str) {
    let text = folder.read("plant/policies.weir");
    assert!(text.contains(from), "{text}");
    folder.write("plant/policies.weir", text.replacen(from, to, 1));
}

#[test]
fn the_review_tells_narrowing_from_widening() {
    let folder = repository();
    let run = review(&folder);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(folder.read("report.md").contains("nothing changes"));
    // inside of the envelope
    change(&folder, "allow pump_plc | scada | operator", "allow pump_plc | panel | scada | operator");
    let run = review(&folder);
    assert_eq!(run.code, 0, "{}{}{}", run.stdout, run.stderr, folder.read("report.md"));
    assert!(folder.read("report.md").contains("approved by the envelope"), "{}", folder.read("report.md"));
    // outside of it
    change(&folder, "allow pump_plc -> pump | level", "allow pump_plc | panel -> pump | level");
    let run = review(&folder);
    assert_eq!(run.code, 5, "{}{}{}", run.stdout, run.stderr, folder.read("report.md"));
    change(&folder, "allow pump_plc | panel -> pump | level", "allow pump_plc -> pump | level");
    change(&folder, "allow pump_plc | panel | scada | operator", "allow pump_plc | scada");
    folder.weir(&["fmt", "plant"]);
    let run = review(&folder);
    assert_eq!(run.code, 4, "{}{}{}", run.stdout, run.stderr, folder.read("report.md"));
    // wrong
    folder.write("plant/wrong.weir", "allow nobody -> nowhere : any\n");
    assert_eq!(review(&folder).code, 1);
}

/// Commits all, on a branch of its own.
fn on_a_branch(folder: &Folder, change: impl Fn()) {
    assert_eq!(git(folder, &["switch", "-q", "-c", "change"]).code, 0);
    change();
    assert_eq!(git(folder, &["add", "."]).code, 0);
    assert_eq!(git(folder, &["commit", "-q", "-m", "change"]).code, 0);
}

const WIDER: (&str, &str) = ("allow pump_plc -> pump | level", "allow pump_plc | panel -> pump | level");

#[test]
fn a_change_brings_no_envelope_of_its_own() {
    let folder = repository();
    on_a_branch(&folder, || {
        change(&folder, WIDER.0, WIDER.1);
        let envelope =
            folder.read("ci/envelope.weir").replace("use std.it", "use std.ot.{modbus}\nuse std.it");
        folder.write("ci/envelope.weir", envelope + "allow panel -> pump | level : modbus\n");
    });
    let run = review(&folder);
    let report = folder.read("report.md");
    assert_eq!(run.code, 5, "{report}{}", run.stderr);
    let first = "> **⚠️ This change edits what judges it:** `ci/envelope.weir`.\n";
    assert!(report.starts_with(first), "{report}");
    assert!(report.contains("outside of the envelope") && !report.contains("approved by"), "{report}");
    // the envelope's owner approves it on main: then the change edits nothing, and is inside of it
    let approved = git(&folder, &["rev-parse", "change"]).stdout;
    let commands: [&[&str]; 5] = [
        &["switch", "-q", "main"],
        &["checkout", "-q", approved.trim(), "--", "ci/envelope.weir"],
        &["commit", "-q", "-m", "approved"],
        &["tag", "base", "HEAD~1"],
        &["switch", "-q", "change"],
    ];
    for arguments in commands {
        let run = git(&folder, arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let mut command = Command::new("ci/review.sh");
    command.args(["plant", "base", "report.md", "main"]);
    let again = self::run(&folder, command);
    let report = folder.read("report.md");
    assert_eq!(again.code, 0, "{report}{}", again.stderr);
    assert!(report.contains("approved by the envelope") && !report.contains("edits"), "{report}");
}

#[test]
fn to_edit_what_judges_is_a_widening() {
    for judge in ["ci/envelope.weir", "ci/review.sh", ".github/workflows/policy.yml", ".gitlab/CODEOWNERS"] {
        let folder = repository();
        // the script that judges is the target's
        let script = folder.read("ci/review.sh");
        on_a_branch(&folder, || folder.write(judge, "exit 0\n"));
        folder.write(".git/review.sh", script);
        let mut command = Command::new("sh");
        command.args([".git/review.sh", "plant", "main", "report.md"]);
        let run = run(&folder, command);
        let report = folder.read("report.md");
        assert_eq!(run.code, 5, "{judge}: {report}{}", run.stderr);
        assert!(report.starts_with("> **⚠️ This change edits what judges it:**"), "{report}");
        assert!(report.contains(judge) && report.contains("Policy: nothing changes"), "{report}");
    }
}

#[test]
fn the_report_is_no_file_of_the_change() {
    let folder = repository();
    on_a_branch(&folder, || {
        folder.write("report.md", "## ✅ Policy: nothing changes\n");
        folder.write("plant/wrong.weir", "allow nobody -> nowhere : any\n");
    });
    assert_eq!(review(&folder).code, 1);
    let report = folder.read("report.md");
    assert!(report.starts_with("## ❌ Policy: wrong\n\n    error[E"), "{report}");
    assert!(!report.contains('✅'), "{report}");
    // and with a base that is not there
    let mut command = Command::new("ci/review.sh");
    command.args(["plant", "origin/main", "report.md"]);
    assert_eq!(run(&folder, command).code, 1);
    assert!(folder.read("report.md").contains("there is no revision origin/main"));
}

#[test]
fn a_new_package_is_a_widening() {
    let folder = repository();
    on_a_branch(&folder, || assert_eq!(git(&folder, &["mv", "plant", "works"]).code, 0));
    let mut command = Command::new("ci/review.sh");
    command.args(["works", "main", "report.md"]);
    let run = run(&folder, command);
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(folder.read("report.md").contains("a new package"), "{}", folder.read("report.md"));
}

/// A repository whose commits are held by the hook, and what it says of a commit.
struct Hooked(Folder);

impl Hooked {
    fn new() -> Self {
        let folder = repository();
        for name in ["pre-commit", "pre-merge-commit"] {
            let hook = folder.path(&format!(".git/hooks/{name}"));
            std::fs::copy(folder.path("ci/pre-commit/pre-commit"), hook).unwrap();
        }
        Self(folder)
    }

    /// The code, and all that was said. Nothing stays behind, whatever happens.
    fn git(&self, arguments: &[&str]) -> (i32, String) {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = Command::new("git");
        command.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(arguments);
        command.env("TMPDIR", temporary.path());
        let run = run(&self.0, command);
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "the hook leaves files behind");
        (run.code, run.stdout + &run.stderr)
    }

    fn commit(&self) -> (i32, String) {
        self.git(&["commit", "-q", "-m", "more"])
    }
}

#[test]
fn the_hook_stops_what_is_wrong_and_shows_what_is_meant() {
    let hooked = Hooked::new();
    let folder = &hooked.0;
    let commit = || hooked.git(&["commit", "-q", "-a", "-m", "more"]);
    change(folder, WIDER.0, WIDER.1);
    let (code, said) = commit();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("+ panel -> pump | level : modbus"), "{said}");
    assert!(said.contains("git:HEAD:plant -> ./plant: widened"), "{said}");
    change(folder, "allow pump_plc | panel", "allow  pump_plc | panel");
    let (code, said) = commit();
    assert_ne!(code, 0, "not formatted: {said}");
    folder.weir(&["fmt", "plant"]);
    change(folder, "allow pump_plc | panel", "allow pump_plc | pannel");
    let (code, said) = commit();
    assert_ne!(code, 0, "an unknown name: {said}");
    assert!(said.contains("did you mean `panel`?"), "{said}");
    assert!(said.contains("plant/policies.weir:"), "a path that leads there: {said}");
}

#[test]
fn the_hook_judges_what_is_committed() {
    let hooked = Hooked::new();
    let folder = &hooked.0;
    let policies = folder.read("plant/policies.weir");
    // a widening that is staged and no longer in the work tree
    change(folder, WIDER.0, WIDER.1);
    hooked.git(&["add", "."]);
    folder.write("plant/policies.weir", &policies);
    let (code, said) = hooked.commit();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("+ panel -> pump | level : modbus"), "{said}");
    // what does not parse, staged alone
    folder.write("plant/policies.weir", "allow\n");
    hooked.git(&["add", "."]);
    folder.write("plant/policies.weir", &policies);
    let (code, said) = hooked.commit();
    assert_ne!(code, 0, "{said}");
    assert!(said.contains("error[E"), "{said}");
    // and the other way around: what is wrong in the work tree alone stops nothing
    hooked.git(&["add", "."]);
    folder.write("plant/policies.weir", "allow\n");
    folder.write("plant/untracked.weir", "allow\n");
    let (code, said) = hooked.commit();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("- panel -> pump | level : modbus"), "{said}");
    assert_eq!(folder.read("plant/policies.weir"), "allow\n", "the work tree stays as it is");
    assert!(
        hooked.git(&["status", "--porcelain"]).1.starts_with(" M plant/policies.weir\n?? plant/untracked")
    );
    // a file that will be committed some day, and is not now
    hooked.git(&["checkout", "-q", "."]);
    hooked.git(&["add", "-N", "plant/untracked.weir"]);
    folder.write("README.md", "nothing of a policy\n");
    hooked.git(&["add", "README.md"]);
    let (code, said) = hooked.commit();
    assert_eq!((code, said.as_str()), (0, ""), "no package is touched");
    // one path of several
    std::fs::remove_file(folder.path("plant/untracked.weir")).unwrap();
    hooked.git(&["rm", "-q", "--cached", "plant/untracked.weir"]);
    folder.write("README.md", "more\n");
    change(folder, WIDER.0, WIDER.1);
    let (code, said) = hooked.git(&["commit", "-q", "-m", "more", "README.md"]);
    assert_eq!((code, said.as_str()), (0, ""));
    let (code, said) = hooked.git(&["commit", "-q", "-m", "more", "plant/policies.weir"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("+ panel -> pump | level"), "{said}");
}

#[test]
fn the_hook_wakes_for_every_file_of_every_package() {
    let hooked = Hooked::new();
    let folder = &hooked.0;
    // letters, spaces and what shells and git's patterns know
    for name in
        ["zusätze.weir", "a b.weir", "*.weir", "-x.weir", "'\"$(touch gone)`.weir", "\u{5909}\\\n.weir"]
    {
        let path = format!("plant/{name}");
        folder.write(&path, "zone\n");
        hooked.git(&["--literal-pathspecs", "add", "--", &path]);
        let (code, said) = hooked.commit();
        assert_ne!(code, 0, "{path:?}: {said}");
        assert!(said.contains("error[E"), "{path:?}: {said}");
        hooked.git(&["--literal-pathspecs", "rm", "-q", "-f", "--", &path]);
    }
    // what a package imports
    folder.write(
        "plant/import.weir",
        "import more { format = inventory, file = \"more devices.csv\", mapping = \"mapping.yaml\" }\n",
    );
    folder.write("plant/mapping.yaml", "network: room_net\n");
    folder.write("plant/more devices.csv", "name,address\nfirst,10.2.0.77\n");
    hooked.git(&["add", "."]);
    let (code, said) = hooked.commit();
    assert_eq!(code, 0, "{said}");
    folder.write("plant/more devices.csv", "name,address\nfirst,10.2.0.777\n");
    hooked.git(&["add", "."]);
    let (code, said) = hooked.commit();
    assert_ne!(code, 0, "{said}");
    assert!(said.contains("more devices.csv:2"), "{said}");
    hooked.git(&["rm", "-q", "-f", "--cached", "plant/more devices.csv"]);
    let (code, said) = hooked.commit();
    assert_ne!(code, 0, "what it imports is no longer there: {said}");
    hooked.git(&["reset", "-q", "--hard"]);
    // a file that goes, and one that leaves the package
    for arguments in [&["rm", "-q", "plant/plant.weir"][..], &["mv", "plant/plant.weir", "plant.txt"]] {
        hooked.git(arguments);
        let (code, said) = hooked.commit();
        assert_ne!(code, 0, "{said}");
        hooked.git(&["reset", "-q", "--hard"]);
    }
    // within it
    hooked.git(&["mv", "plant/policies.weir", "plant/rules of all.weir"]);
    let (code, said) = hooked.commit();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("nothing changes"), "{said}");
}

#[test]
fn the_hook_knows_several_packages() {
    let hooked = Hooked::new();
    let folder = &hooked.0;
    let copy = |to: &str| common::copy(&Path::new(EXAMPLES).join("water_works"), &folder.path(to));
    copy("größere works/nord");
    copy("plant/inside");
    hooked.git(&["add", "."]);
    let (code, said) = hooked.commit();
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("größere works/nord is a new package") && said.contains("plant/inside is a new"),
        "{said}"
    );
    let widen = |path: &str| {
        let text = folder.read(path);
        folder.write(path, text.replacen(WIDER.0, WIDER.1, 1));
    };
    widen("größere works/nord/policies.weir");
    widen("plant/inside/policies.weir");
    let (code, said) = hooked.git(&["commit", "-q", "-a", "-m", "more"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("git:HEAD:größere works/nord -> ./größere works/nord: widened"), "{said}");
    assert!(said.contains("git:HEAD:plant/inside -> ./plant/inside: widened"), "{said}");
    // one that is wrong does not hide the other
    folder.write("plant/policies.weir", "allow\n");
    folder.write("größere works/nord/policies.weir", "deny\n");
    let (code, said) = hooked.git(&["commit", "-q", "-a", "-m", "more"]);
    assert_ne!(code, 0);
    assert!(said.contains("plant/policies.weir:1") && said.contains("nord/policies.weir:1"), "{said}");
    hooked.git(&["reset", "-q", "--hard"]);
    hooked.git(&["rm", "-q", "-r", "plant/inside"]);
    let (code, said) = hooked.commit();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("the package plant/inside is gone"), "{said}");
}

#[test]
fn the_hook_at_first_commits_merges_and_worktrees() {
    let hooked = Hooked::new();
    let folder = &hooked.0;
    // a merge: what comes in is what is new to this branch
    let widen = || change(folder, WIDER.0, WIDER.1);
    hooked.git(&["switch", "-q", "-c", "other"]);
    widen();
    assert_eq!(hooked.git(&["commit", "-q", "-a", "-m", "wider"]).0, 0);
    hooked.git(&["switch", "-q", "main"]);
    folder.write("README.md", "read\n");
    hooked.git(&["add", "."]);
    assert_eq!(hooked.git(&["commit", "-q", "-m", "read"]).0, 0);
    let (code, said) = hooked.git(&["merge", "-q", "--no-edit", "other"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("+ panel -> pump | level"), "{said}");
    // a worktree of its own, and a folder inside of it
    hooked.git(&["worktree", "add", "-q", "-b", "third", "beside"]);
    folder.write("beside/plant/policies.weir", "allow\n");
    let (code, said) = hooked.git(&["-C", "beside/plant", "commit", "-q", "-a", "-m", "wrong"]);
    assert_ne!(code, 0, "{said}");
    assert!(said.contains("plant/policies.weir:1"), "{said}");
    hooked.git(&["-C", "beside", "reset", "-q", "--hard"]);
    let text = folder.read("beside/plant/policies.weir");
    folder.write("beside/plant/policies.weir", text.replacen(WIDER.1, WIDER.0, 1));
    let (code, said) = hooked.git(&["-C", "beside/plant", "commit", "-q", "-a", "-m", "narrower"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("git:HEAD:plant -> ./plant: narrowed"), "{said}");
    // a package at the root of a repository without a commit
    let hook = folder.path(".git/hooks/pre-commit");
    let first = Folder::new();
    common::copy(&Path::new(EXAMPLES).join("water_works"), &first.path(""));
    assert_eq!(git(&first, &["init", "-q", "-b", "main"]).code, 0);
    std::fs::copy(hook, first.path(".git/hooks/pre-commit")).unwrap();
    let first = Hooked(first);
    first.git(&["add", "."]);
    let (code, said) = first.commit();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("weir: . is a new package"), "{said}");
    let text = first.0.read("policies.weir");
    first.0.write("policies.weir", text.replacen(WIDER.0, WIDER.1, 1));
    let (code, said) = first.git(&["commit", "-q", "-a", "-m", "more"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("git:HEAD: -> .: widened"), "{said}");
}

/// A file of YAML below `examples/ci`.
fn yaml(path: &str) -> serde_yaml_ng::Value {
    let text = std::fs::read_to_string(Path::new(EXAMPLES).join("ci").join(path)).unwrap();
    serde_yaml_ng::from_str(&text).unwrap()
}

/// A repository whose branch widens the policy, beside its main. `bin` holds what a runner has and this machine does not.
fn pull_request() -> (Folder, String) {
    let folder = repository();
    let base = git(&folder, &["rev-parse", "HEAD"]).stdout.trim().to_owned();
    git(&folder, &["update-ref", "refs/remotes/origin/main", &base]);
    git(&folder, &["switch", "-q", "-c", "more"]);
    // inside of the envelope
    change(&folder, "allow pump_plc | scada | operator", "allow pump_plc | panel | scada | operator");
    git(&folder, &["commit", "-q", "-a", "-m", "two"]);
    for tool in ["gh", "cargo"] {
        folder.write(&format!("bin/{tool}"), format!("#!/bin/sh\necho \"{tool} $*\" >>\"$CALLS\"\n"));
        let path = folder.path(&format!("bin/{tool}"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    (folder, base)
}

/// Runs a script as a runner does.
fn script(folder: &Folder, text: &str, variables: &[(String, String)]) -> Run {
    let mut command = Command::new("bash");
    command.args(["-e", "-o", "pipefail", "-c", text]);
    let path = format!("{}:{}", folder.path("bin").display(), std::env::var("PATH").unwrap());
    let binary = Path::new(env!("CARGO_BIN_EXE_weir")).parent().unwrap();
    command
        .env("PATH", format!("{}:{path}", binary.display()))
        .env("CALLS", folder.path("calls"))
        .env("GITHUB_STEP_SUMMARY", folder.path("summary.md"))
        .env("RUNNER_TEMP", folder.path("temporary"))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs(variables.iter().cloned())
        .current_dir(folder.path(""));
    common::run(&mut command)
}

fn variables(of: &serde_yaml_ng::Value, base: &str) -> Vec<(String, String)> {
    let Some(map) = of.as_mapping() else { return Vec::new() };
    map.iter()
        .map(|(name, value)| {
            let mut value = value.as_str().unwrap().to_owned();
            for (expression, meaning) in [
                ("${{ github.event.pull_request.base.sha }}", base),
                ("${{ github.event.pull_request.base.ref }}", "main"),
                ("${{ github.event.pull_request.number }}", "7"),
                ("${{ github.repository }}", "example/plants"),
                ("${{ github.token }}", "token"),
                ("$CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
            ] {
                value = value.replace(expression, meaning);
            }
            assert!(!value.contains('$'), "what does a runner make of `{value}`?");
            (name.as_str().unwrap().to_owned(), value)
        })
        .collect()
}

/// The workflow's steps as GitHub would run them: the scripts as they stand in the file, in order, those whose condition holds.
fn workflow(folder: &Folder, base: &str, event: &str) -> Vec<(String, Run)> {
    let workflow = yaml("github/policy.yml");
    let whole = variables(&workflow["env"], base);
    let mut runs = Vec::new();
    let mut has_failed = false;
    std::fs::create_dir_all(folder.path("temporary")).unwrap();
    for step in workflow["jobs"]["review"]["steps"].as_sequence().unwrap() {
        let Some(text) = step["run"].as_str() else {
            let action = step["uses"].as_str().unwrap();
            assert!(["actions/checkout@v4", "actions/upload-artifact@v4"].contains(&action), "{action}");
            continue;
        };
        let condition = step["if"].as_str().unwrap_or_default().trim_matches(['$', '{', '}', ' ']);
        let (goes_on, condition) = match condition.strip_prefix("!cancelled() && ") {
            Some(rest) => (true, rest),
            None => (false, condition),
        };
        let fits = condition.is_empty() || condition == format!("github.event_name == '{event}'");
        assert!(condition.is_empty() || condition.starts_with("github.event_name == '"), "{condition}");
        let holds = fits && (goes_on || !has_failed);
        if holds {
            let own = [whole.clone(), variables(&step["env"], base)].concat();
            let run = script(folder, text, &own);
            has_failed |= run.code != 0;
            runs.push((step["name"].as_str().unwrap().to_owned(), run));
        }
    }
    runs
}

#[test]
fn the_workflow_runs_as_it_stands() {
    let (folder, base) = pull_request();
    let runs = workflow(&folder, &base, "pull_request");
    let names: Vec<&str> = runs.iter().map(|(name, _)| name.as_str()).collect();
    assert!(runs.iter().all(|(_, run)| run.code == 0), "{runs:#?}");
    assert_eq!(names, ["Install Weir", "Annotate", "What the change means", "Comment", "Build"]);
    assert!(folder.read("summary.md").contains("approved by the envelope"), "{}", folder.read("summary.md"));
    let calls = folder.read("calls");
    assert!(calls.contains("gh pr comment 7 --body-file comment.md --edit-last"), "{calls}");
    assert!(folder.read("temporary/comment.md").contains("approved by the envelope"));
    assert!(folder.path("out/nftables").is_dir(), "the folder that is uploaded");
    // what nobody approved stops there, and is shown
    change(&folder, WIDER.0, WIDER.1);
    let failed = |runs: &[(String, Run)]| -> Vec<(String, i32)> {
        runs.iter().filter(|(_, run)| run.code != 0).map(|(name, run)| (name.clone(), run.code)).collect()
    };
    let runs = workflow(&folder, &base, "pull_request");
    assert_eq!(failed(&runs), [("What the change means".to_owned(), 5)], "{runs:#?}");
    assert_eq!(runs.last().unwrap().0, "Comment");
    // what is wrong takes the place of an earlier comment, too
    folder.write("plant/wrong.weir", "allow nobody -> nowhere : any\n");
    let runs = workflow(&folder, &base, "pull_request");
    assert_eq!(
        failed(&runs),
        [("Annotate".to_owned(), 1), ("What the change means".to_owned(), 1)],
        "{runs:#?}"
    );
    assert!(runs[1].1.stdout.contains("::error file=plant/wrong.weir,line=1"), "{}", runs[1].1.stdout);
    let comment = folder.read("temporary/comment.md");
    assert!(comment.starts_with("## ❌ Policy: wrong") && !comment.contains("approved"), "{comment}");
    // the script that judges is the target's
    std::fs::remove_file(folder.path("plant/wrong.weir")).unwrap();
    folder.write("ci/review.sh", "#!/bin/sh\nexit 0\n");
    let runs = workflow(&folder, &base, "pull_request");
    assert_eq!(failed(&runs), [("What the change means".to_owned(), 5)], "{runs:#?}");
    assert!(
        folder
            .read("temporary/comment.md")
            .starts_with("> **⚠️ This change edits what judges it:** `ci/review.sh`")
    );
}

#[test]
fn the_workflow_runs_every_day() {
    let (folder, base) = pull_request();
    let runs = workflow(&folder, &base, "schedule");
    assert!(runs.iter().all(|(_, run)| run.code == 0), "{runs:#?}");
    let names: Vec<&str> = runs.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"What ends soon") && !names.contains(&"What the change means"), "{names:?}");
}

/// The scripts of GitLab's jobs, as GitLab would run them.
#[test]
fn the_jobs_run_as_they_stand() {
    let (folder, base) = pull_request();
    let jobs = yaml("gitlab/policy.gitlab-ci.yml");
    let mut variables = variables(&jobs["variables"], &base);
    variables.push(("CI_MERGE_REQUEST_DIFF_BASE_SHA".into(), base));
    let job = |name: &str| -> Run {
        let lines = jobs[name]["script"].as_sequence().unwrap().iter();
        let text: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
        script(&folder, &text.join("\n"), &variables)
    };
    let run = job("policy:review");
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(folder.read("report.md").contains("approved by the envelope"));
    let (built, ending) = (job("policy:build"), job("policy:ending"));
    assert_eq!((built.code, ending.code), (0, 0), "{}{}", built.stderr, ending.stderr);
    for kept in [&jobs["policy:review"], &jobs["policy:build"]] {
        let path = kept["artifacts"]["paths"][0].as_str().unwrap();
        assert!(folder.path(path).exists(), "{path}");
    }
    // narrowed: the exit code that the job lets pass
    change(&folder, "allow pump_plc | panel | scada | operator", "allow pump_plc | scada");
    folder.weir(&["fmt", "plant"]);
    let allowed = jobs["policy:review"]["allow_failure"]["exit_codes"][0].as_i64().unwrap();
    assert_eq!(i64::from(job("policy:review").code), allowed);
}

/// The services' own schemas, as the package `check-jsonschema` has them; `./test` installs it.
#[test]
fn the_services_would_take_the_files() {
    for (schema, file) in [
        ("vendor.github-workflows", "github/policy.yml"),
        ("vendor.gitlab-ci", "gitlab/policy.gitlab-ci.yml"),
    ] {
        let file = Path::new(EXAMPLES).join("ci").join(file);
        let output = Command::new("check-jsonschema").args(["--builtin-schema", schema]).arg(&file).output();
        let Ok(output) = output else {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "check-jsonschema is missing");
            #[allow(clippy::print_stderr, reason = "a skip is visible")]
            {
                eprintln!("skipped: check-jsonschema is missing");
            }
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// What code scanning takes of the format: a tool with its rules, and results that each stand at a line of a file, by a path that
/// leads from the repository's root. The paths.
fn scanned(log: &str) -> Vec<String> {
    let log = common::json(log);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let base = run["originalUriBaseIds"]["SRCROOT"].as_object().unwrap();
    assert!(base.get("uri").is_none(), "the same log on every machine: {base:?}");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    let path = |result: &serde_json::Value| {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let places = result["locations"].as_array().unwrap();
        assert_eq!(places.len(), 1, "{result}");
        let place = &places[0]["physicalLocation"];
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        let artifact = &place["artifactLocation"];
        assert_eq!(artifact["uriBaseId"], "SRCROOT");
        let uri = artifact["uri"].as_str().unwrap();
        assert!(!uri.starts_with('/') && !uri.contains("..") && !uri.contains(':'), "{uri}");
        uri.to_owned()
    };
    results.iter().map(path).collect()
}

/// The files of annotations, as GitHub's runner reads them.
fn annotated(commands: &str) -> Vec<String> {
    let file = |line: &str| {
        let (properties, message) = line.strip_prefix("::error ").unwrap().split_once("::").unwrap();
        assert!(!message.is_empty());
        let read = |name: &str| {
            let found = properties.split(',').find_map(|one| one.strip_prefix(name)?.strip_prefix('='));
            found.unwrap().replace("%2C", ",").replace("%3A", ":").replace("%25", "%")
        };
        assert!(read("line").parse::<u32>().unwrap() >= 1);
        read("file")
    };
    commands.lines().map(file).collect()
}

#[test]
fn paths_lead_from_the_repository_wherever_the_command_runs() {
    let folder = repository();
    let name = "plant/more, 100%: ü.weir";
    folder.write(name, "allow nobody -> nowhere : any\n");
    folder.write("plant/weir.toml", folder.read("plant/weir.toml") + "nonsense = 1\n");
    folder.write("beside/file", "");
    let link = folder.path("beside/plant");
    std::os::unix::fs::symlink(folder.path("plant"), &link).unwrap();
    let absolute = folder.path("plant").display().to_string();
    let places = [
        ("", "plant"),
        ("", absolute.as_str()),
        ("plant", "."),
        ("ci", "../plant"),
        ("ci/github", "../../plant"),
        ("beside", "plant"),
    ];
    let uri = "plant/more%2C%20100%25%3A%20%C3%BC.weir";
    for (from, package) in places {
        let run = folder.weir_in(from, &["check", package, "--format", "sarif"]);
        let paths = scanned(&run.stdout);
        assert!(paths.iter().any(|path| path == "plant/weir.toml"), "{from} {package}: {paths:?}");
        assert!(paths.iter().any(|path| path == uri), "{from} {package}: {paths:?}");
        let run = folder.weir_in(from, &["check", package, "--format", "github"]);
        let paths = annotated(&run.stdout);
        assert!(paths.iter().any(|path| path == "plant/weir.toml"), "{from} {package}: {paths:?}");
        assert!(paths.iter().any(|path| path == name), "{from} {package}: {paths:?}");
    }
    // the package around a folder, and a worktree, whose `.git` is a file
    folder.write("plant/cells/file", "");
    let run = folder.weir_in("plant/cells", &["check", "--format", "sarif"]);
    assert!(scanned(&run.stdout).iter().any(|path| path == uri));
    assert_eq!(git(&folder, &["worktree", "add", "-q", "-b", "third", "third"]).code, 0);
    folder.write("third/plant/wrong.weir", "allow nobody -> nowhere : any\n");
    let run = folder.weir_in("third/plant", &["check", "--format", "github"]);
    assert!(annotated(&run.stdout).iter().all(|path| path == "plant/wrong.weir"), "{}", run.stdout);
    // no repository: from the current folder, or from the package's own
    let bare = Folder::new();
    bare.write("plant/weir.toml", "[package]\nname = \"1st\"\n");
    bare.write("ci/file", "");
    for (from, package, path) in
        [("", "plant", "plant/weir.toml"), ("plant", ".", "weir.toml"), ("ci", "../plant", "weir.toml")]
    {
        let run = bare.weir_in(from, &["check", package, "--format", "sarif"]);
        assert_eq!(scanned(&run.stdout), [path], "{from}");
        let run = bare.weir_in(from, &["check", package, "--format", "github"]);
        assert_eq!(annotated(&run.stdout), [path], "{from}");
    }
}

#[test]
fn what_stands_nowhere_has_a_place() {
    let folder = repository();
    for (from, arguments, path) in [
        ("", &["check"][..], "weir.toml"),
        ("ci/github", &["check"], "ci/github/weir.toml"),
        ("", &["check", "ci"], "ci/weir.toml"),
        ("ci", &["check", "../no/where"], "no/where/weir.toml"),
    ] {
        let run = folder.weir_in(from, &[arguments, &["--format", "sarif"]].concat());
        assert_eq!((run.code, scanned(&run.stdout)), (1, vec![path.to_owned()]));
        let run = folder.weir_in(from, &[arguments, &["--format", "github"]].concat());
        assert_eq!((run.code, annotated(&run.stdout)), (1, vec![path.to_owned()]));
        assert!(
            run.stdout.starts_with("::error file=") && run.stdout.contains("title=E0003%3A"),
            "{}",
            run.stdout
        );
    }
    // a file that is not read
    folder.write("plant/std/mine.weir", "");
    let run = folder.weir(&["check", "plant", "--format", "sarif"]);
    assert_eq!(scanned(&run.stdout), ["plant/weir.toml"]);
}

#[test]
fn what_is_quoted_is_no_markup() {
    let folder = repository();
    folder.write(
        "plant/wrong.weir",
        "import x { format = mud, file = \"[read](https://example.com)\n::error::%0A\" }\n",
    );
    folder.write("plant/more.weir", "import y { format = mud, file = \"[read](https://example.com)\" }\n");
    let run = folder.weir(&["check", "plant", "--format", "sarif"]);
    scanned(&run.stdout);
    assert!(run.stdout.contains("[read\\\\](https"), "{}", run.stdout);
    let run = folder.weir(&["check", "plant", "--format", "github"]);
    annotated(&run.stdout);
}
