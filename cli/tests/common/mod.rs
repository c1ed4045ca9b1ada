//! A folder of its own for each test, and the real binary in it.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

pub mod trees;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

pub struct Folder(tempfile::TempDir);

#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With an empty package in it.
    pub fn package() -> Self {
        let folder = Self::new();
        folder.write("weir.toml", "[package]\nname = \"hall\"\n");
        folder
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// The names in a folder, sorted.
    pub fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(path)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        command(Path::new(env!("CARGO_BIN_EXE_weir")), self.0.path(), arguments)
    }

    pub fn weir(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments))
    }

    pub fn weir_in(&self, folder: &str, arguments: &[&str]) -> Run {
        run(self.command(arguments).current_dir(self.path(folder)))
    }

    pub fn weir_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
        run(self.command(arguments).envs(variables.iter().copied()))
    }

    pub fn weir_with_in(&self, folder: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
        run(self.command(arguments).current_dir(self.path(folder)).envs(variables.iter().copied()))
    }

    /// Runs git below the folder, and returns what it prints.
    pub fn git(&self, place: &str, arguments: &[&str]) -> String {
        let run = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"])
            .args(["-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(self.path(place))
            .output()
            .unwrap();
        assert!(run.status.success(), "{arguments:?} {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }

    #[cfg(unix)]
    pub fn chmod(&self, path: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Runs as a user to whom permissions apply: root, as which tests often run, may do everything.
    #[cfg(unix)]
    pub fn weir_as_nobody(&self, arguments: &[&str]) -> Run {
        use std::os::unix::{fs::MetadataExt as _, process::CommandExt as _};
        const NOBODY: u32 = 65534;
        if fs::metadata(self.0.path()).unwrap().uid() != 0 {
            return self.weir(arguments);
        }
        // Where nobody can reach it, whatever folder the binary was built in.
        let place = tempfile::tempdir().unwrap();
        let binary = place.path().join("weir");
        fs::copy(env!("CARGO_BIN_EXE_weir"), &binary).unwrap();
        for path in [place.path(), self.0.path()] {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        run(command(&binary, self.0.path(), arguments).uid(NOBODY).gid(NOBODY))
    }
}

fn command(binary: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(arguments).current_dir(folder);
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "SOURCE_DATE_EPOCH"] {
        command.env_remove(variable);
    }
    command
}

pub fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Run {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

pub fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap();
        }
    }
}

/// A Chromium that runs.
pub fn browser() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let names = ["chromium-headless-shell", "chromium", "google-chrome"];
    let mut paths = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    paths.find(|path| Command::new(path).arg("--version").output().is_ok_and(|run| run.status.success()))
}

/// A site with an outside, for what is imported.
pub const SITE: &str = r"use std.it.{dns}

zone site { purdue = 3 }
zone outside { purdue = 5 }
network iot_net { zone = site, subnet = [10.1.0.0/24, fd00:1::/64] }
network office_net { zone = site, subnet = [10.2.0.0/24, fd00:2::/64] }
network uplink { zone = outside, subnet = 203.0.113.0/30 }
gateway gw {
    enforces = nftables
    integrity = untrusted
    interface lan0 { network = iot_net, address = 10.1.0.1 }
    interface lan1 { network = office_net, address = 10.2.0.1 }
    interface wan0 { network = uplink, address = 203.0.113.1 }
    route { to = 0.0.0.0/0, via = 203.0.113.2 }
}
conduit out between site, outside { carries = [any] }
conduit web between site, internet { carries = [any] }
device site_dns { network = office_net, address = 10.2.0.53, serves = [dns], integrity = untrusted }
device controller { network = office_net, address = 10.2.0.54, integrity = untrusted }
";

/// Material that stands beside the project and is not ours to copy; where it is missing, that is said.
pub fn shared(folder: &str) -> Option<std::path::PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let places = ["..", "../..", "../../.."].map(|up| root.join(up).join("shared/data").join(folder));
    let found = places.into_iter().find(|place| place.is_dir());
    if found.is_none() {
        #[allow(clippy::print_stderr, reason = "a skip is visible")]
        {
            eprintln!("skipped: shared/data/{folder} is missing");
        }
    }
    found
}
