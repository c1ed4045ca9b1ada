//! From the plan to the output tree: the one place that knows which targets there are.

use clap::ValueEnum;
use weir_compiler::{Sources, plan::Plan};
use weir_syntax::Diagnostic;
use weir_targets::OutputTree;

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    Nftables,
}

/// What a plan became: a tree, or why a target cannot render it.
pub(crate) type Outcome = Result<OutputTree, Vec<Diagnostic>>;

/// Emits the chosen targets; all, if none is chosen.
pub(crate) fn emit(plan: &Plan, sources: &Sources, targets: &[Target]) -> Result<Outcome, Failure> {
    let _ = (plan, sources, targets);
    Err(Failure::Internal("this build of weir has no nftables emitter".into()))
}
