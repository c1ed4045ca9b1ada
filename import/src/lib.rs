//! From what a plant has to Weir: Kubernetes manifests, MUD files (RFC 8520), asset inventories, Aerleon policies.
//!
//! Pure: texts in; out come an [`Inventory`] and diagnostics that point into those very texts. What was found is said in
//! Weir by [`Inventory::render`]; what Weir cannot say is in [`Inventory::remainder`], each with its place and why. Nothing is
//! dropped without a word.

pub mod aerleon;
pub mod assets;
mod csv;
mod hosts;
pub mod inventory;
pub mod json;
pub mod kubernetes;
mod ledger;
pub mod mud;
mod names;
mod render;
pub mod tree;
mod vocabulary;
pub mod yaml;

use weir_syntax::{Diagnostic, FileId, Severity, Span};

pub use hosts::hosts;
pub use inventory::{Extent, Flow, Inventory, Item, Kind, Left, Policy, Service, Transport, Value};
pub use ledger::{Fate, Ledger};
pub use names::{can_be_bound, is_plain as is_name};
pub use render::Part;
pub use vocabulary::Vocabulary;

/// What is said of a flow whose source port Weir does not have.
pub(crate) fn wider(ports: &str) -> String {
    format!("wider than its source, which asks for source port {ports}, too")
}

/// Why a flow with a source port is left.
pub(crate) fn narrower(ports: &str) -> String {
    format!(
        "without its source port {ports} it would permit more: `--any-source-port` says it all the same, and marks it"
    )
}

/// What to do about ports in imported flows.
pub(crate) const PORTS: &str = "What is spoken on a port is not known, and may command: write the protocol (`dns`, `https`) where you know it.";

/// One file that is imported.
#[derive(Clone, Copy, Debug)]
pub struct Input<'t> {
    pub file: FileId,
    /// As provenance calls it.
    pub path: &'t str,
    pub text: &'t str,
}

impl Input<'_> {
    /// Whether its name says that it is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("json"))
    }
}

/// A place in an imported file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: FileId,
    pub span: Span,
}

/// What was read, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Imported {
    pub inventory: Inventory,
    pub diagnostics: Vec<Diagnostic>,
    /// What is bound, and is nothing that the files define; with what to do about it.
    pub unknown: Vec<(String, String)>,
}

impl Imported {
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error)
    }
}
