//! The commands, one file each.

pub(crate) mod audit;
mod build;
pub(crate) mod check;
mod completions;
pub(crate) mod diff;
pub(crate) mod explain;
mod format;
pub(crate) mod graph;
mod import;
mod lsp;
mod man;
mod new;
pub(crate) mod query;
mod trees;
mod verify;

use crate::{
    arguments::{Arguments, Command},
    console::Console,
    failure::Failure,
};

pub(crate) fn run(command: Command, console: &Console) -> Result<(), Failure> {
    match command {
        Command::New { name } => new::run(&name, console),
        Command::Check(options) => check::run(&options, console),
        Command::Build(options) => build::run(&options, console),
        Command::Verify(options) => verify::run(&options, console),
        Command::Fmt { paths, check } => format::run(&paths, check, console),
        Command::Diff(options) => diff::run(&options, console),
        Command::Explain(options) => explain::run(&options, console),
        Command::Query(options) => query::run(&options, console),
        Command::Graph(options) => graph::run(&options, console),
        Command::Audit(options) => audit::run(&options, console),
        Command::Lsp { stdio: _ } => lsp::run(),
        Command::Import { format } => import::run(&format, console),
        Command::Completions { shell } => completions::run(shell, console),
        Command::Man { folder } => man::run(&folder, console),
    }
}

/// The command line as data, for completions and manual pages.
fn description() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}
