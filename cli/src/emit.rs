//! From the plan to the output tree: the one place that knows which targets there are.

use clap::ValueEnum;
use weir_compiler::{Facts, Sources, package::NftablesOptions, plan::Plan};
use weir_proof::{File, certificate};
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};
use weir_target_nftables::{LogDestination, Options, TARGET, readme_section};
use weir_targets::{Emitted, OutputTree, TargetGuide, file_name};

use crate::{failure::Failure, prove};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    Nftables,
    Kubernetes,
}

/// What a plan became: a tree, or why a target cannot render it.
pub(crate) type Outcome = Result<OutputTree, Vec<Diagnostic>>;

/// Emits the chosen targets (all, if none is chosen) and proves what they emitted.
pub(crate) fn emit(
    plan: &Plan,
    facts: &Facts,
    sources: &Sources,
    targets: &[Target],
) -> Result<Outcome, Failure> {
    let wanted = |target| targets.is_empty() || targets.contains(&target);
    let mut prover = prove::prover(plan, facts, sources);
    let mut emitted = Vec::new();
    let mut diagnostics = Vec::new();
    if wanted(Target::Nftables) {
        let options = options(&sources.manifest.targets.nftables);
        for gateway in &plan.gateways {
            match weir_target_nftables::emit(gateway, &options) {
                Ok(emission) => {
                    let files = emission.artifacts.iter();
                    let files: Vec<File<'_>> =
                        files.map(|file| File { path: &file.path, bytes: &file.contents }).collect();
                    prover.nftables(gateway, &files);
                    emitted.push(Emitted {
                        point: gateway.name.clone(),
                        artifacts: emission.artifacts,
                        carried: emission.sources,
                    });
                }
                Err(error) => {
                    let what = format!("gateway `{}` cannot be built: {error}", gateway.name);
                    diagnostics.push(refused(plan, what, error.statement(), error.help()));
                }
            }
        }
    }
    let gateways: Vec<String> = emitted.iter().map(|one| one.point.clone()).collect();
    let mut clusters = Vec::new();
    if wanted(Target::Kubernetes) {
        for cluster in plan.clusters.iter().filter(|cluster| !cluster.namespaces.is_empty()) {
            match weir_target_kubernetes::emit(cluster) {
                Ok(emission) => {
                    let files = emission.artifacts.iter();
                    let files: Vec<File<'_>> =
                        files.map(|file| File { path: &file.path, bytes: &file.contents }).collect();
                    prover.kubernetes(cluster, &format!("kubernetes/{}", file_name(&cluster.name)), &files);
                    clusters.push(cluster);
                    emitted.push(Emitted {
                        point: cluster.name.clone(),
                        artifacts: emission.artifacts,
                        carried: emission.sources,
                    });
                }
                Err(error) => {
                    let what = format!("the policies of cluster `{}` cannot be built: {error}", cluster.name);
                    diagnostics.push(refused(plan, what, error.statement(), error.help()));
                }
            }
        }
    }
    if !diagnostics.is_empty() {
        return Ok(Err(diagnostics));
    }
    let proof = prover.finish();
    if let Some(undecided) = prove::settle(&proof, facts, sources)? {
        return Ok(Err(undecided));
    }
    let certificate = certificate::render(&proof, plan, sources)
        .map_err(|error| Failure::Internal(format!("the certificate cannot be written: {error}")))?;
    let guides = [
        TargetGuide { target: TARGET, section: readme_section(&gateways) },
        TargetGuide {
            target: weir_target_kubernetes::TARGET,
            section: weir_target_kubernetes::readme_section(&clusters),
        },
    ];
    let tree = OutputTree::assemble(plan, sources, emitted, &guides, certificate);
    tree.map(Ok).map_err(|error| Failure::Internal(error.to_string()))
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
    options
}
