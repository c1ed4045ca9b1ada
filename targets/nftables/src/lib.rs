//! The nftables target: one ruleset per gateway.
//!
//! # Shape
//!
//! The cost of a packet does not depend on the number of permissions, and the number of sets does not either:
//!
//! - `ct mark EPOCH accept` comes first. The epoch is a digest of the policy, so a connection that another policy
//!   approved is looked up again: permitted ones go on, revoked ones end with the reload.
//! - What has no epoch is looked up by the *original* tuple of its connection: source to class, then class,
//!   destination, protocol and port to the chain of the statement's profile. That chain accepts or returns.
//! - A permission of single operations judges each packet by its payload, and leaves no epoch behind.
//! - What nothing accepts is logged (at a bounded rate), counted and dropped.
//! - What a proxy of the gateway takes for others is redirected to it when it starts, by a lookup of source, destination
//!   and port, and then permitted like the rest: by its original tuple, but in `input`.
//! - Before all of it, every packet's source address must be bound to the interface it came by.
//!
//! [`emit`] goes from the plan to a normal form (disjoint classes and boxes) and from there to text.

mod apply;
mod bridges;
mod chains;
mod content;
mod elements;
mod error;
mod frames;
mod layers;
mod marks;
mod names;
mod normal;
mod options;
#[cfg(test)]
mod oracle;
mod payload;
mod profile;
mod readme;
mod redirects;
mod ruleset;
mod sets;

pub use apply::{Emission, emit};
pub use error::EmitError;
pub use options::{LogDestination, LogRate, Options};
pub use readme::{readme_section, revocation_note};

/// The name of this target in artifacts and on the command line.
pub const TARGET: &str = "nftables";
