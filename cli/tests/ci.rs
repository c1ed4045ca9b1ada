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
    let output = command
        .env("PATH", path)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env_remove("SOURCE_DATE_EPOCH")
        .current_dir(folder.path(""))
        .output()
        .unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
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
