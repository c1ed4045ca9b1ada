//! The commands, one file each.

mod build;
mod check;
mod completions;
pub(crate) mod explain;
mod format;
mod import;
mod lsp;
mod man;
mod new;
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
        Command::Explain { code } => explain::run(code.as_deref(), console),
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
