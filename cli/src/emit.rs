//! From the plan to the files of the output tree: the one place that knows which targets there are.

use clap::ValueEnum;
use weir_compiler::{Facts, Sources, package::NftablesOptions, plan::Plan};
use weir_proof::{File, certificate};
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};
use weir_target_nftables::{LogDestination, Options, TARGET, readme_section};
use weir_targets::{Emitted, Ledger, TargetGuide, TreeError, file_name};

use crate::{failure::Failure, prove, write::Publication};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    Nftables,
    Kubernetes,
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
    let wanted = |target| targets.is_empty() || targets.contains(&target);
    let internal = |error: TreeError| Failure::Internal(error.to_string());
    let mut prover = prove::prover(plan, facts, sources);
    let mut ledger = Ledger::new(plan, sources);
    let mut gateways: Vec<String> = Vec::new();
    let mut diagnostics = Vec::new();
    if wanted(Target::Nftables) {
        let options = options(&sources.manifest.targets.nftables);
        for gateway in &plan.gateways {
            match weir_target_nftables::emit(gateway, &options) {
                Ok(emission) => {
                    let emitted = Emitted {
                        point: gateway.name.clone(),
                        artifacts: emission.artifacts,
                        carried: vec![emission.carried],
                    };
                    let files = emitted.artifacts.iter();
                    let files: Vec<File<'_>> =
                        files.map(|file| File { path: &file.path, bytes: &file.contents }).collect();
                    prover.nftables(gateway, &files);
                    ledger.enter(&emitted).map_err(internal)?;
                    for artifact in &emitted.artifacts {
                        publication.take(&artifact.path, &artifact.contents, artifact.executable)?;
                    }
                    gateways.push(emitted.point);
                }
                Err(error) => {
                    let what = format!("gateway `{}` cannot be built: {error}", gateway.name);
                    diagnostics.push(refused(plan, what, error.statement(), error.help()));
                }
            }
        }
    }
    let mut clusters = Vec::new();
    if wanted(Target::Kubernetes) {
        for cluster in plan.clusters.iter().filter(|cluster| !cluster.namespaces.is_empty()) {
            match weir_target_kubernetes::emit(cluster) {
                Ok(emitted) => {
                    let files = emitted.artifacts.iter();
                    let files: Vec<File<'_>> =
                        files.map(|file| File { path: &file.path, bytes: &file.contents }).collect();
                    prover.kubernetes(cluster, &format!("kubernetes/{}", file_name(&cluster.name)), &files);
                    ledger.enter(&emitted).map_err(internal)?;
                    for artifact in &emitted.artifacts {
                        publication.take(&artifact.path, &artifact.contents, artifact.executable)?;
                    }
                    clusters.push(cluster);
                }
                Err(error) => {
                    let what = format!("the policies of cluster `{}` cannot be built: {error}", cluster.name);
                    diagnostics.push(refused(plan, what, error.statement(), error.help()));
                }
            }
        }
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
    let bridges: Vec<String> =
        plan.gateways.iter().filter(|one| !one.bridges.is_empty()).map(|one| one.name.clone()).collect();
    let guides = [
        TargetGuide { target: TARGET, section: readme_section(&gateways, &bridges) },
        TargetGuide {
            target: weir_target_kubernetes::TARGET,
            section: weir_target_kubernetes::readme_section(&clusters),
        },
    ];
    for (path, file) in ledger.describe(&guides, certificate).map_err(internal)? {
        publication.take(path, &file.contents, file.executable)?;
    }
    Ok(diagnostics)
}

/// What a target cannot say, at the statement that it cannot say.
fn refused(plan: &Plan, what: String, statement: Option<&str>, help: &str) -> Diagnostic {
    let origin = statement.and_then(|id| plan.statements.iter().find(|origin| origin.id == id));
    let (file, span) = origin.map_or((FileId(0), Span::default()), |origin| (origin.file, origin.span));
    Diagnostic::new(&codes::E0604, what).primary(file, span, "not rendered").help(help)
}

fn options(wanted: &NftablesOptions) -> Options {
    let mut options = Options::default();
    if let Some(group) = wanted.log_group {
        options.log = LogDestination::Nflog(group);
    }
    if let Some(rate) = wanted.deny_log_rate {
        options.deny_log.per_second = rate;
    }
    options.mark_mask = wanted.mark_mask;
    options
}
