//! `weir lsp`: serves one editor until it leaves.

use std::path::Path;

use crate::failure::Failure;

pub(crate) fn run() -> Result<(), Failure> {
    match weir_lsp::run() {
        Ok(0) => Ok(()),
        // the protocol's own rule: an `exit` without `shutdown` is 1
        Ok(_) => Err(Failure::Reported),
        Err(error) => Err(Failure::io("serve on", Path::new("standard input"), &error)),
    }
}
