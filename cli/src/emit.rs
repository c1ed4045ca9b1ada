//! From the plan to the output tree: the one place that knows which targets there are.

use clap::ValueEnum;
use weir_compiler::{Sources, package::NftablesOptions, plan::Plan};
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};
use weir_target_nftables::{LogDestination, Options, TARGET, readme_section};
use weir_targets::{Emitted, OutputTree, TargetGuide};

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    Nftables,
}

/// What a plan became: a tree, or why a target cannot render it.
pub(crate) type Outcome = Result<OutputTree, Vec<Diagnostic>>;

/// Emits the chosen targets; all, if none is chosen.
pub(crate) fn emit(plan: &Plan, sources: &Sources, targets: &[Target]) -> Result<Outcome, Failure> {
    let wanted = |target| targets.is_empty() || targets.contains(&target);
    let mut emitted = Vec::new();
    let mut diagnostics = Vec::new();
    if wanted(Target::Nftables) {
        let options = options(&sources.manifest.targets.nftables);
        for gateway in &plan.gateways {
            match weir_target_nftables::emit(gateway, &options) {
                Ok(emission) => emitted.push(Emitted {
                    point: gateway.name.clone(),
                    artifacts: emission.artifacts,
                    carried: emission.sources,
                }),
                Err(error) => {
                    let origin = error
                        .statement()
                        .and_then(|id| plan.statements.iter().find(|origin| origin.id == id));
                    let (file, span) =
                        origin.map_or((FileId(0), Span::default()), |origin| (origin.file, origin.span));
                    diagnostics.push(
                        Diagnostic::new(
                            &codes::E0604,
                            format!("gateway `{}` cannot be built: {error}", gateway.name),
                        )
                        .primary(file, span, "not rendered")
                        .help(error.help()),
                    );
                }
            }
        }
    }
    if !diagnostics.is_empty() {
        return Ok(Err(diagnostics));
    }
    let gateways: Vec<String> = emitted.iter().map(|one| one.point.clone()).collect();
    let bridges: Vec<String> =
        plan.gateways.iter().filter(|one| !one.bridges.is_empty()).map(|one| one.name.clone()).collect();
    let guides = [TargetGuide { target: TARGET, section: readme_section(&gateways, &bridges) }];
    let tree = OutputTree::assemble(plan, sources, emitted, &guides);
    tree.map(Ok).map_err(|error| Failure::Internal(error.to_string()))
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
