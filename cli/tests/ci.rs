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

#[test]
fn the_hook_stops_what_is_wrong_and_shows_what_is_meant() {
    let folder = repository();
    let hook = folder.path(".git/hooks/pre-commit");
    std::fs::copy(folder.path("ci/pre-commit/pre-commit"), &hook).unwrap();
    let commit = || git(&folder, &["commit", "-q", "-a", "-m", "more"]);
    change(&folder, "allow pump_plc -> pump | level", "allow pump_plc | panel -> pump | level");
    let run = commit();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("+ panel -> pump | level : modbus"), "{said}");
    change(&folder, "allow pump_plc | panel", "allow  pump_plc | panel");
    let run = commit();
    assert_ne!(run.code, 0, "not formatted: {}{}", run.stdout, run.stderr);
    folder.weir(&["fmt", "plant"]);
    change(&folder, "allow pump_plc | panel", "allow pump_plc | pannel");
    let run = commit();
    assert_ne!(run.code, 0, "an unknown name: {}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("did you mean `panel`?"), "{}", run.stderr);
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
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs(variables.iter().cloned())
        .current_dir(folder.path(""));
    common::run(&mut command)
}

fn variables(of: &serde_yaml_ng::Value, base: &str) -> Vec<(String, String)> {
    let Some(map) = of.as_mapping() else { return Vec::new() };
    map.iter()
        .map(|(name, value)| {
            let value = value.as_str().unwrap();
            let value = match value {
                "${{ github.event.pull_request.base.sha }}" => base,
                "${{ github.event.pull_request.number }}" => "7",
                "${{ github.token }}" => "token",
                plain => {
                    assert!(!plain.contains("${{"), "what does a runner make of `{plain}`?");
                    plain
                }
            };
            (name.as_str().unwrap().to_owned(), value.to_owned())
        })
        .collect()
}

/// The workflow's steps as GitHub would run them: the scripts as they stand in the file, in order, those whose condition holds.
fn workflow(folder: &Folder, base: &str, event: &str) -> Vec<(String, Run)> {
    let workflow = yaml("github/policy.yml");
    let whole = variables(&workflow["env"], base);
    let mut runs = Vec::new();
    for step in workflow["jobs"]["review"]["steps"].as_sequence().unwrap() {
        let Some(text) = step["run"].as_str() else {
            let action = step["uses"].as_str().unwrap();
            assert!(["actions/checkout@v4", "actions/upload-artifact@v4"].contains(&action), "{action}");
            continue;
        };
        let holds = match step["if"].as_str() {
            None => true,
            Some(condition) => {
                let wanted =
                    condition.strip_prefix("github.event_name == '").unwrap().strip_suffix('\'').unwrap();
                wanted == event
            }
        };
        if holds {
            let own = [whole.clone(), variables(&step["env"], base)].concat();
            let run = script(folder, text, &own);
            let failed = run.code != 0;
            runs.push((step["name"].as_str().unwrap().to_owned(), run));
            if failed {
                break;
            }
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
    let expected =
        ["Install Weir", "Annotate", "What the change means", "What is committed is what was built"];
    assert_eq!(names, expected);
    assert!(folder.read("summary.md").contains("approved by the envelope"), "{}", folder.read("summary.md"));
    let calls = folder.read("calls");
    assert!(calls.contains("gh pr comment 7 --body-file report.md --edit-last"), "{calls}");
    assert!(folder.path("out/nftables").is_dir(), "the folder that is uploaded");
    // what nobody approved stops there, after it was shown
    change(&folder, "allow pump_plc -> pump | level", "allow pump_plc | panel -> pump | level");
    let runs = workflow(&folder, &base, "pull_request");
    let (name, last) = runs.last().unwrap();
    assert_eq!((name.as_str(), last.code), ("What the change means", 5), "{runs:#?}");
    // what is wrong stops before it
    folder.write("plant/wrong.weir", "allow nobody -> nowhere : any\n");
    let runs = workflow(&folder, &base, "pull_request");
    let (name, last) = runs.last().unwrap();
    assert_eq!((name.as_str(), last.code), ("Annotate", 1), "{runs:#?}");
    assert!(last.stdout.contains("::error file=plant/wrong.weir,line=1"), "{}", last.stdout);
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
