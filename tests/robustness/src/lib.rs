//! Packages in memory, run through the whole compiler, with the promises that hold for every input: it ends, it does not
//! panic, and each diagnostic can be shown.

pub mod cases;
pub mod grammar;
pub mod imports;
pub mod mutation;
pub mod package;
pub mod promises;
pub mod watchdog;

pub use package::{Outcome, Package};
