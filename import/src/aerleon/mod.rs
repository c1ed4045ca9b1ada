//! Aerleon (and Capirca) policies: definitions of networks and services (`.net`, `.svc`, YAML), and filters (`.pol`, YAML).
//!
//! Filters are ordered lists of terms, and Weir knows no order. So a `deny` is said only where that changes nothing: what comes
//! behind a deny that cannot be said, and overlaps it, is left as well. Nothing becomes wider.

mod definitions;
mod filters;
mod overlap;
mod pol;
mod say;
mod term;

use std::collections::BTreeMap;

pub use say::read;

/// What the site says to the policies.
#[derive(Clone, Debug)]
pub struct Options<'o> {
    /// From the name of a network definition to the name of what it is in the package; those are not declared.
    pub bound: &'o BTreeMap<String, String>,
    /// The zone of what lies outside.
    pub outside: Option<&'o str>,
    /// Whether a term that asks for a source port, too, is said without that: wider than the policy, and marked so.
    pub any_source_port: bool,
}

/// The key of [`Options::bound`] for who stands where a term names nobody.
pub const ANYONE: &str = "any";
