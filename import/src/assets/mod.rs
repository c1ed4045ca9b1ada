//! Asset inventories: tables and lists of devices, by whatever names their columns have. A [`Mapping`] says what the columns
//! mean; without one, the usual names are known.

mod cells;
mod mapping;
mod records;
mod say;

pub use mapping::Mapping;
pub use say::read;
