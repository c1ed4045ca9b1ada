//! `weir completions`.

use clap_complete::Shell;

use crate::{console::Console, failure::Failure};

pub(crate) fn run(shell: Shell, console: &Console) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::description(), "weir", &mut script);
    console.stdout(&String::from_utf8_lossy(&script))
}
