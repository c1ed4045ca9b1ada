//! Ways to change artifacts: rulesets line by line, configurations by their structure.

pub mod configuration;
pub mod mutation;
pub mod packets;
pub mod plant;
