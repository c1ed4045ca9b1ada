//! A package in memory and what the compiler makes of it.

use std::{collections::BTreeMap, fs, io, path::Path};

use weir_compiler::{
    Sources, analyze,
    plan::proxies::{ProxyKind, ProxyPlan},
};
use weir_engine::Budget;
use weir_proof::{File, Prover, certificate};
use weir_syntax::{Diagnostic, Severity};
use weir_targets::{Emitted, OutputTree, TargetGuide};

use crate::promises;

/// A time at which every example holds: 2026-06-01T00:00Z.
pub const NOW: i64 = 1_780_272_000;

/// A manifest and files by path, as bytes: they need not be text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub manifest: String,
    pub files: Vec<(String, Vec<u8>)>,
}

/// All that comes out of a package.
#[derive(Debug, Default)]
pub struct Outcome {
    pub diagnostics: Vec<Diagnostic>,
    /// For each diagnostic, the text under its primary span.
    pub places: Vec<String>,
    /// Empty if there are errors.
    pub tree: OutputTree,
}

impl Package {
    /// One file, with a manifest that is fine.
    pub fn of(text: impl AsRef<[u8]>) -> Self {
        Self {
            manifest: "[package]\nname = \"plant\"\nversion = \"1.0.0\"\nedition = \"2026\"\n".into(),
            files: vec![("plant.weir".into(), text.as_ref().to_vec())],
        }
    }

    /// A package from disk.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut package = Self { manifest: fs::read_to_string(folder.join("weir.toml"))?, files: Vec::new() };
        let mut folders = vec![folder.to_owned()];
        while let Some(current) = folders.pop() {
            for entry in fs::read_dir(&current)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "weir") {
                    let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                    package.files.push((name, fs::read(&path)?));
                }
            }
        }
        package.files.sort();
        Ok(package)
    }

    /// An example of this repository.
    pub fn example(name: &str) -> io::Result<Self> {
        Self::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name))
    }

    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("weir.toml"), &self.manifest)?;
        for (path, bytes) in &self.files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(path, bytes)?;
        }
        Ok(())
    }

    /// Runs all of the compiler, and holds each diagnostic to what is promised of all. The error says which is broken.
    pub fn compile(&self) -> Result<Outcome, String> {
        let sources = Sources::new(&self.manifest, self.files.clone());
        let analysis = analyze(&sources, NOW);
        let failed = analysis.diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error);
        if failed == analysis.plan.is_some() {
            return Err(format!("a plan is there exactly if nothing is wrong: {:?}", analysis.diagnostics));
        }
        let mut outcome = Outcome { diagnostics: analysis.diagnostics, ..Outcome::default() };
        for diagnostic in &outcome.diagnostics {
            promises::check(diagnostic, &sources)?;
            outcome.places.push(promises::place(diagnostic, &sources).to_owned());
        }
        if let Some(plan) = &analysis.plan {
            let facts = analysis.facts.as_ref().ok_or("a plan, and not what it was made from")?;
            let mut prover = Prover::new(facts, plan, Budget::default(), false);
            let mut emitted = Vec::new();
            for gateway in &plan.gateways {
                // What a target refuses is a diagnostic of the command line; here it is enough that it refuses.
                let Ok(emission) =
                    weir_target_nftables::emit(gateway, &weir_target_nftables::Options::default())
                else {
                    return Ok(outcome);
                };
                let files = emission.artifacts.iter();
                let files: Vec<File<'_>> =
                    files.map(|file| File { path: &file.path, bytes: &file.contents }).collect();
                prover.nftables(gateway, &files);
                emitted.push(Emitted {
                    point: gateway.name.clone(),
                    artifacts: emission.artifacts,
                    carried: vec![emission.carried],
                });
            }
            for cluster in plan.clusters.iter().filter(|cluster| !cluster.namespaces.is_empty()) {
                let Ok(one) = weir_target_kubernetes::emit(cluster) else { return Ok(outcome) };
                let files = one.artifacts.iter();
                let files: Vec<File<'_>> =
                    files.map(|file| File { path: &file.path, bytes: &file.contents }).collect();
                let root = format!("kubernetes/{}", weir_targets::file_name(&cluster.name));
                prover.kubernetes(cluster, &root, &files);
                emitted.push(one);
            }
            for proxy in &plan.proxies {
                let Some(one) = proxy_files(proxy) else { return Ok(outcome) };
                let files = one.artifacts.iter();
                let files: Vec<File<'_>> =
                    files.map(|file| File { path: &file.path, bytes: &file.contents }).collect();
                prover.proxy(proxy, &files);
                emitted.push(one);
            }
            let proof = prover.finish();
            if let Some(finding) = proof.findings.first() {
                return Err(format!("the proof: {finding}"));
            }
            let certificate = certificate::render(&proof, facts, plan, &sources, str::to_owned)
                .map_err(|error| format!("the certificate: {error}"))?;
            let gateways: Vec<String> = emitted.iter().map(|one| one.point.clone()).collect();
            let guides = [TargetGuide {
                target: weir_target_nftables::TARGET,
                section: weir_target_nftables::readme_section(&gateways, &[], &[]),
            }];
            outcome.tree = OutputTree::assemble(plan, &sources, emitted, &guides, certificate)
                .map_err(|error| format!("the tree: {error}"))?;
        }
        Ok(outcome)
    }
}

/// The files of a point that ends connections, if its target renders it.
fn proxy_files(proxy: &ProxyPlan) -> Option<Emitted> {
    match proxy.kind {
        ProxyKind::Envoy => weir_target_envoy::emit(proxy, &weir_target_envoy::Options::default()).ok(),
        ProxyKind::Modbus => weir_target_modbus::emit(proxy, &weir_target_modbus::Options::default()).ok(),
        ProxyKind::Mosquitto => {
            weir_target_mosquitto::emit(proxy, &weir_target_mosquitto::Options::default()).ok()
        }
    }
}

impl Outcome {
    /// The codes of all errors.
    pub fn errors(&self) -> Vec<&'static str> {
        self.codes(Severity::Error)
    }

    pub fn codes(&self, severity: Severity) -> Vec<&'static str> {
        let wanted = self.diagnostics.iter().filter(|diagnostic| diagnostic.severity() == severity);
        wanted.map(|diagnostic| diagnostic.code.id).collect()
    }

    /// The artifacts of targets, without what describes the tree.
    pub fn artifacts(&self) -> BTreeMap<String, Vec<u8>> {
        let artifacts = self.tree.files.iter().filter(|(_, file)| file.target.is_some());
        artifacts.map(|(path, file)| (path.clone(), file.contents.clone())).collect()
    }

    /// One line for each diagnostic, for messages.
    pub fn summary(&self) -> String {
        let lines = self.diagnostics.iter().zip(&self.places).map(|(diagnostic, place)| {
            let place: String = place.chars().take(60).collect();
            format!("{} at {place:?}: {}", diagnostic.code.id, diagnostic.message)
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}
