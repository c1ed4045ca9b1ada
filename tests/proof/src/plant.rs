//! An example with its artifacts, and what the proof says of changed ones.

use weir_compiler::{
    Facts, Sources, analyze,
    plan::{Plan, Point},
};
use weir_engine::Budget;
use weir_proof::{File, Finding, Prover};
use weir_robustness::package::{NOW, Package};
use weir_target_nftables::{Options, emit};

/// A package, compiled and emitted.
pub struct Plant {
    pub facts: Facts,
    pub plan: Plan,
    /// For each gateway of the plan, its files by path.
    pub artifacts: Vec<Vec<(String, Vec<u8>)>>,
}

impl Plant {
    pub fn example(name: &str) -> Result<Self, String> {
        let package = Package::example(name).map_err(|error| error.to_string())?;
        Self::of(&package)
    }

    pub fn of(package: &Package) -> Result<Self, String> {
        let analysis = analyze(&Sources::new(&package.manifest, package.files.clone()), NOW);
        let (Some(facts), Some(plan)) = (analysis.facts, analysis.plan) else {
            return Err(format!("{:?}", analysis.diagnostics));
        };
        let mut artifacts = Vec::new();
        for gateway in &plan.gateways {
            let emission = emit(gateway, &Options::default()).map_err(|error| error.to_string())?;
            artifacts.push(emission.artifacts.into_iter().map(|file| (file.path, file.contents)).collect());
        }
        Ok(Self { facts, plan, artifacts })
    }

    pub fn prover(&self) -> Prover<'_> {
        Prover::new(&self.facts, &self.plan, Budget::default(), false)
    }

    /// What the proof finds in some files of a gateway.
    pub fn findings(
        &self,
        prover: &mut Prover<'_>,
        gateway: usize,
        files: &[(String, Vec<u8>)],
    ) -> Vec<Finding> {
        let files: Vec<File<'_>> = files.iter().map(|(path, bytes)| File { path, bytes }).collect();
        prover.prove(Point::Gateway(&self.plan.gateways[gateway]), &files);
        prover.take_findings()
    }
}
