//! A package from text to artifacts.

use std::path::Path;

use weir_compiler::{Facts, Sources, plan::Plan};
use weir_files::walk::{Nested, walk};
use weir_target_nftables::{Options, emit};

pub struct Package {
    pub facts: Facts,
    pub plan: Plan,
}

pub struct Artifact {
    pub path: String,
    pub contents: Vec<u8>,
}

/// When examples are compiled: within the time of their exceptions.
pub const NOW: i64 = 1_795_000_000;

impl Package {
    pub fn new(files: Vec<(String, Vec<u8>)>, now: i64) -> Self {
        let manifest = "[package]\nname = \"lab\"\nversion = \"0.1.0\"\nedition = \"2026\"\n";
        let analysis = weir_compiler::analyze(&Sources::new(manifest, files), now);
        let errors: Vec<_> = analysis.diagnostics.iter().filter(|one| one.code.id.starts_with('E')).collect();
        let (Some(facts), Some(plan)) = (analysis.facts, analysis.plan) else { panic!("{errors:#?}") };
        Self { facts, plan }
    }

    pub fn text(text: &str, now: i64) -> Self {
        Self::new(vec![("package.weir".into(), text.into())], now)
    }

    /// One of the repository's examples, with more lines in its root folder.
    pub fn example(name: &str, more: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
        let found = walk(&folder, Nested::Skip).files.into_iter();
        let mut files: Vec<_> = found.map(|one| (one.path, std::fs::read(one.disk).unwrap())).collect();
        files.push(("more.weir".into(), more.into()));
        Self::new(files, NOW)
    }

    pub fn artifacts(&self, gateway: &str) -> Vec<Artifact> {
        let plan = self.plan.gateways.iter().find(|plan| plan.name == gateway).unwrap();
        let emission = emit(plan, &Options::default()).unwrap();
        emission
            .artifacts
            .into_iter()
            .map(|artifact| Artifact { path: artifact.path, contents: artifact.contents })
            .collect()
    }
}
