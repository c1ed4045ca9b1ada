//! A reference evaluator of the language: obvious, slow, and sharing no code with the engine.
//!
//! [`chains`] finds who reaches whom over many flows, pair by pair.
//!
//! [`language`] decides from the statements whether one principal may start one kind of connection to another,
//! [`topology`] finds the gateways between them, and [`gateway`] decides what the plan of one gateway does to one
//! packet. Tests compare the three with each other and with what the kernel does.

pub mod assurance;
pub mod chains;
pub mod gateway;
pub mod language;
pub mod topology;
pub mod trust;
mod wire;

pub use wire::Wire;
