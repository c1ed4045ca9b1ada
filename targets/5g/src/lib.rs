//! The 5G target: what a core has to know of its slices, from the same legs that the packet filters of its user planes'
//! hosts come from.
//!
//! # Shape
//!
//! - [`open5gs`](crate::open5gs) and [`sdcore`](crate::sdcore) write what those cores read. Every key comes from a closed
//!   type: Open5GS warns of an unknown one and opens the slice to everybody, so there are none.
//! - [`three_gpp`](crate::three_gpp) writes the same as documents of TS 28.541, TS 29.512 and TS 29.503.
//! - [`lab`](crate::lab) writes files of UERANSIM and srsRAN, to try it without a radio.
//! - [`isolation`](crate::isolation) writes what is permitted between slices, by which line, held where.
//!
//! One typed value, one printer for each reader: an SD is hexadecimal text here and a number there, a rate is text, a pair of
//! value and unit, or an integer. No key of a subscription is ever written, only where it is kept.

mod emit;
mod error;
mod isolation;
mod lab;
mod open5gs;
mod profiles;
mod readme;
mod sdcore;
mod three_gpp;
mod yaml;

pub use emit::emit;
pub use error::EmitError;
pub use readme::readme_section;

/// The name of this target in artifacts and on the command line.
pub const TARGET: &str = "5g";
