//! The flow relation: what the package permits. A rule is a rectangle (sources x destinations x service), never the
//! pairs in it; `allow` minus `deny` is a list of rectangles again.

mod assertions;
mod conduits;
pub mod integrity;
mod isolation;
mod operations;
mod overlap;
pub mod reach;
mod relation;
mod services;
mod statements;

pub use assertions::{Claims, Ground, Held};
pub use conduits::check as check_conduits;
pub(crate) use conduits::{Side, carries, joins, side};
pub use integrity::{IntegrityReport, check as check_integrity};
pub use isolation::check as check_isolation;
pub use overlap::check as check_overlap;
pub(crate) use reach::{Common, Index, common};
pub use relation::{Rectangle, relation};
pub use services::{Demand, PortSet};
pub(crate) use statements::some_names;
pub use statements::{Conditions, Statement, statements};
