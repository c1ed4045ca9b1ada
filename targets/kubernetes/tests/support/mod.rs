//! A package's cluster, compiled, emitted and asked about single connections.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

pub(crate) mod probes;

use std::{fs, path::Path};

use weir_compiler::{
    Facts, Sources, analyze,
    plan::{Plan, Point},
};
use weir_files::walk::{Nested, walk};
use weir_proof::{File, Finding, Prover};
use weir_syntax::Severity;

/// 2026-06-01T00:00Z.
const NOW: i64 = 1_780_272_000;

/// A package with a cluster and all that policies can say of its pods.
pub(crate) const PLANT: &str = include_str!("plant.weir");

pub(crate) struct Plant {
    pub(crate) facts: Facts,
    pub(crate) plan: Plan,
    /// Of the one cluster, by path in the tree.
    pub(crate) files: Vec<(String, String)>,
}

impl Plant {
    pub(crate) fn of(text: &str) -> Self {
        Self::compile(vec![("plant.weir".into(), text.into())], "")
    }

    /// The same with guard rails of priority 7.
    pub(crate) fn guarded(text: &str) -> Self {
        let wanted = "[targets.kubernetes]\nguard-rails = 7\n";
        Self::compile(vec![("plant.weir".into(), text.into())], wanted)
    }

    /// A package from disk.
    pub(crate) fn example(name: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
        let found = walk(&root, Nested::Skip).files.into_iter();
        let files = found.map(|one| (one.path, fs::read(one.disk).unwrap())).collect();
        Self::compile(files, "")
    }

    fn compile(files: Vec<(String, Vec<u8>)>, options: &str) -> Self {
        let manifest = "[package]\nname = \"plant\"\nversion = \"1.0.0\"\nedition = \"2026\"\n";
        let analysis = analyze(&Sources::new(&format!("{manifest}{options}"), files), NOW);
        let errors = analysis.diagnostics.iter().filter(|one| one.severity() == Severity::Error);
        let errors: Vec<_> = errors.map(|one| (one.code.id, &one.message, &one.help)).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let (facts, plan) = (analysis.facts.unwrap(), analysis.plan.unwrap());
        let [cluster] = plan.clusters.as_slice() else { panic!("{} clusters", plan.clusters.len()) };
        let emitted = weir_target_kubernetes::emit(cluster).unwrap();
        let files = emitted.artifacts.into_iter();
        let files = files.map(|file| (file.path, String::from_utf8(file.contents).unwrap())).collect();
        Self { facts, plan, files }
    }

    pub(crate) fn prover(&self) -> Prover<'_> {
        Prover::new(&self.facts, &self.plan, weir_engine::Budget::default(), false)
    }

    /// What the proof says of these files.
    pub(crate) fn findings(&self, prover: &mut Prover<'_>, files: &[(String, String)]) -> Vec<Finding> {
        let files: Vec<File<'_>> =
            files.iter().map(|(path, text)| File { path, bytes: text.as_bytes() }).collect();
        prover.prove(Point::Cluster(&self.plan.clusters[0]), &files);
        prover.take_findings()
    }
}
