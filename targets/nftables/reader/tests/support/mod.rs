//! Emitted rulesets to read.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "each test file uses a part of this, and stops at the first surprise"
)]

pub(crate) mod packets;
pub(crate) mod permits;
pub(crate) mod plans;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use weir_compiler::Sources;
use weir_compiler::plan::GatewayPlan;
use weir_nftables_reader::Ruleset;
use weir_target_nftables::{Options, emit};

/// What was emitted for one gateway.
pub(crate) struct Gateway {
    pub(crate) name: String,
    pub(crate) epoch: u32,
    files: Vec<(String, Vec<u8>)>,
}

impl Gateway {
    pub(crate) fn of(plan: &GatewayPlan, options: &Options) -> Self {
        let emission = emit(plan, options).unwrap();
        let files = emission.artifacts.into_iter().map(|one| (one.path, one.contents)).collect();
        Self { name: plan.name.clone(), epoch: emission.epoch, files }
    }

    fn file(&self, end: &str) -> &[u8] {
        &self.files.iter().find(|(path, _)| path.ends_with(end)).unwrap().1
    }

    /// A part of the hitless form.
    pub(crate) fn part(&self, name: &str) -> &[u8] {
        self.file(&format!(".d/{name}"))
    }

    /// The whole file.
    pub(crate) fn whole(&self) -> &[u8] {
        &self.files.iter().find(|(path, _)| !path.contains(".d/")).unwrap().1
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.whole().to_vec()).unwrap()
    }
}

pub(crate) fn read(gateway: &Gateway) -> Ruleset {
    Ruleset::default().apply(&gateway.name, gateway.whole()).unwrap_or_else(|error| unreachable!("{error}"))
}

/// The gateways of a package.
pub(crate) fn gateways(sources: &Sources) -> Vec<Gateway> {
    let analysis = weir_compiler::analyze(sources, 1_795_300_000);
    let plan = analysis.plan.as_ref().unwrap();
    plan.gateways.iter().map(|plan| Gateway::of(plan, &Options::default())).collect()
}

/// All gateways of all examples.
pub(crate) fn examples() -> Vec<Gateway> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples");
    let mut all = Vec::new();
    let mut packages: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    packages.sort();
    for package in packages.iter().filter(|path| path.join("weir.toml").exists()) {
        let mut files = Vec::new();
        collect(package, package, &mut files);
        files.sort();
        let manifest = fs::read_to_string(package.join("weir.toml")).unwrap();
        all.extend(gateways(&Sources::new(&manifest, files)));
    }
    assert!(all.len() > 50, "{}", all.len());
    all
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|end| end == "weir") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.push((name, fs::read(&path).unwrap()));
        }
    }
}

/// Whether a kernel can be asked. In CI it must be.
pub(crate) fn kernel() -> bool {
    let able = Command::new("unshare")
        .args(["-n", "nft", "list", "ruleset"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !able {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI asks the kernel: root and nft are needed");
        println!("SKIPPED: needs root and nft");
    }
    able
}

/// What the kernel lists after some scripts, loaded one after the other into an empty namespace.
pub(crate) fn listing(scripts: &[&[u8]]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = String::new();
    for (index, script) in scripts.iter().enumerate() {
        let path = folder.path().join(format!("{index}.nft"));
        fs::File::create(&path).unwrap().write_all(script).unwrap();
        command.push_str(&format!("nft -f {} && ", path.display()));
    }
    command.push_str("TZ=UTC nft -j list ruleset");
    let output = Command::new("unshare").args(["-n", "sh", "-c", &command]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
