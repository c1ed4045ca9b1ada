//! The flow relation: what the package permits. A rule is a rectangle (sources x destinations x service), never the
//! pairs in it; `allow` minus `deny` is a list of rectangles again.

mod assertions;
mod conduits;
pub mod integrity;
mod isolation;
pub mod operations;
mod overlap;
pub mod reach;
mod relation;
mod services;
mod statements;

pub use assertions::{Claims, Ground, Held, Never};
pub(crate) use conduits::{Side, carries, joins, side};
pub use conduits::{between as conduits_between, check as check_conduits};
pub use integrity::{IntegrityReport, check as check_integrity};
pub use isolation::check as check_isolation;
pub use overlap::check as check_overlap;
pub use reach::Index;
pub(crate) use reach::{Common, common};
pub use relation::{Covered, Rectangle, covered, relation};
pub use services::{Demand, PortSet};
pub(crate) use statements::one_line;
pub(crate) use statements::some_names;
pub use statements::{Conditions, Pending, Statement, Statements, statements, statements_of};
