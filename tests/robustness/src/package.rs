//! A package in memory and what the compiler makes of it.

use std::{collections::BTreeMap, fs, io, path::Path};

use weir_compiler::{Sources, analyze};
use weir_emission::Target;
use weir_engine::Budget;
use weir_files::walk::{Nested, walk};
use weir_proof::{File, Prover, certificate};
use weir_syntax::{Diagnostic, Severity};
use weir_targets::OutputTree;

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
        let found = walk(folder, Nested::Skip).files.into_iter();
        let files = found.map(|one| Ok((one.path, fs::read(one.disk)?))).collect::<io::Result<_>>()?;
        Ok(Self { manifest: fs::read_to_string(folder.join("weir.toml"))?, files })
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
            for point in plan.points() {
                // What a target refuses is a diagnostic of the command line; here it is enough that it refuses.
                let Ok(one) = weir_emission::emit(point, plan, &sources.manifest.targets) else {
                    return Ok(outcome);
                };
                let files = one.artifacts.iter();
                let files: Vec<File<'_>> =
                    files.map(|file| File { path: &file.path, bytes: &file.contents }).collect();
                prover.prove(point, &files);
                emitted.push(one);
            }
            let proof = prover.finish();
            if let Some(finding) = proof.findings.first() {
                return Err(format!("the proof: {finding}"));
            }
            let certificate = certificate::render(&proof, facts, plan, &sources, str::to_owned)
                .map_err(|error| format!("the certificate: {error}"))?;
            let guides = Target::ALL.map(|target| target.guide(plan, &sources.manifest.targets));
            outcome.tree = OutputTree::assemble(plan, &sources, emitted, &guides, certificate)
                .map_err(|error| format!("the tree: {error}"))?;
        }
        Ok(outcome)
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
