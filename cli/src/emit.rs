//! From the plan to the files of the output tree, point by point, each proven as soon as it is made.

use weir_compiler::{Facts, Sources, plan::Plan};
use weir_emission::{Refusal, Target};
use weir_proof::{File, certificate};
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};
use weir_targets::{Ledger, TreeError};

use crate::{failure::Failure, prove, write::Publication};

fn internal(error: TreeError) -> Failure {
    Failure::Internal(error.to_string())
}

/// Who takes the files of a tree.
pub(crate) trait Sink {
    fn take(&mut self, path: &str, contents: &[u8], executable: bool) -> Result<(), Failure>;
}

impl Sink for Publication {
    fn take(&mut self, path: &str, contents: &[u8], executable: bool) -> Result<(), Failure> {
        Self::take(self, path, contents, executable)
    }
}

/// Emits the chosen targets, all if none is chosen, and proves what they emitted: each enforcement point's files go to
/// `publication` as soon as they are proven. Returns why a target cannot render the plan; then the publication lacks
/// files, and is to be dropped.
pub(crate) fn emit(
    plan: &Plan,
    facts: &Facts,
    sources: &Sources,
    targets: &[Target],
    publication: &mut dyn Sink,
) -> Result<Vec<Diagnostic>, Failure> {
    let options = &sources.manifest.targets;
    let mut prover = prove::prover(plan, facts, sources);
    let mut ledger = Ledger::new(plan, sources);
    let mut guides = Vec::new();
    let mut diagnostics = Vec::new();
    for target in Target::ALL {
        if !targets.is_empty() && !targets.contains(&target) {
            continue;
        }
        for point in plan.points().filter(|point| Target::of(*point) == target) {
            let emitted = match weir_emission::emit(point, plan, options) {
                Ok(emitted) => emitted,
                Err(refusal) => {
                    diagnostics.push(refused(plan, &refusal));
                    continue;
                }
            };
            let artifacts = emitted.artifacts.iter();
            let files: Vec<File<'_>> =
                artifacts.map(|file| File { path: &file.path, bytes: &file.contents }).collect();
            prover.prove(point, &files);
            ledger.enter(&emitted).map_err(internal)?;
            for artifact in &emitted.artifacts {
                publication.take(&artifact.path, &artifact.contents, artifact.executable)?;
            }
        }
        guides.push(target.guide(plan, options));
    }
    if !diagnostics.is_empty() {
        return Ok(diagnostics);
    }
    let proof = prover.finish();
    if let Some(undecided) = prove::settle(&proof, facts, sources)? {
        return Ok(undecided);
    }
    let certificate =
        certificate::render(&proof, facts, plan, sources, |path| ledger.sha256(path).to_owned())
            .map_err(|error| Failure::Internal(format!("the certificate cannot be written: {error}")))?;
    for (path, file) in ledger.describe(&guides, certificate).map_err(internal)? {
        publication.take(path, &file.contents, file.executable)?;
    }
    Ok(diagnostics)
}

/// What a target cannot say, at the statement that it cannot say.
fn refused(plan: &Plan, refusal: &Refusal) -> Diagnostic {
    let origin = refusal.statement.as_ref().and_then(|id| plan.statement(id));
    let (file, span) = origin.map_or((FileId(0), Span::default()), |origin| (origin.file, origin.span));
    Diagnostic::new(&codes::E0604, &refusal.what).primary(file, span, "not rendered").help(&refusal.help)
}
