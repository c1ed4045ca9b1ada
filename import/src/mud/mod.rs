//! Manufacturer Usage Descriptions (RFC 8520, and the drafts before it): what a device's maker says it needs.
//!
//! A description is an upper bound that the site narrows: who the controllers and local networks are is bound to names of the
//! package by [`Options`]. An entry of an access list that Weir cannot say to its last condition is left, not widened.

mod entries;
mod read;

use std::{collections::BTreeMap, net::IpAddr};

pub use read::read;

/// What the site says to the descriptions.
#[derive(Clone, Debug)]
pub struct Options<'o> {
    /// The network that the devices stand on.
    pub network: &'o str,
    /// From what a description calls somebody (`urn:ietf:params:mud:dns`, `local-networks`) to the name of that somebody.
    pub bound: &'o BTreeMap<String, String>,
    /// The addresses of names; see [`crate::hosts`].
    pub hosts: &'o BTreeMap<String, Vec<IpAddr>>,
    /// By device (the file's name), its addresses.
    pub devices: &'o BTreeMap<String, Vec<IpAddr>>,
    /// The zone of what lies outside.
    pub outside: Option<&'o str>,
    /// Whether an entry that asks for a source port, too, is said without that: wider than the description, and marked so.
    pub any_source_port: bool,
}

/// The key of [`Options::bound`] for peers that no condition narrows.
pub const ANYONE: &str = "any";
