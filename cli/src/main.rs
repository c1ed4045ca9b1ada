//! `weir`: the command line.
//!
//! Exit codes: 0 fine; 1 diagnostics, or a difference that `--check` or `--locked` forbids, or a file that cannot be
//! read or written; 2 usage; 3 internal error.

mod arguments;
mod commands;
mod console;
mod emit;
mod failure;
mod guard;
mod progress;
mod prove;
#[cfg(test)]
mod reference;
mod render;
mod revision;
mod subject;
mod write;

use std::process::ExitCode;

use clap::Parser;
use weir_files::{load, walk};

use crate::{arguments::Arguments, console::Console, failure::Failure};

/// Plans are millions of small sets: the system's allocator costs a third of a large build.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    guard::install();
    let code = guard::run(|| match Arguments::try_parse() {
        Ok(arguments) => {
            let console = Console::new(arguments.color, arguments.quiet);
            match commands::run(arguments.command, &console) {
                Ok(()) => 0,
                Err(failure) => failure.report(&console),
            }
        }
        Err(error) => {
            // A closed pipe behind `--help` is the reader's wish.
            let _ = error.print();
            if error.use_stderr() { Failure::USAGE } else { 0 }
        }
    });
    ExitCode::from(code)
}
