//! Ways to change a ruleset, line by line.

pub mod mutation;
pub mod packets;
pub mod plant;
