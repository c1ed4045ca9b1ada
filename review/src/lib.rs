//! What a policy means, in the words of those who review it. Plain data in (a [`Subject`]: one analyzed package), plain
//! data out (reports that serialize, and their renderings): no terminal, no files, no clock.
//!
//! - [`diff`]: two subjects, and what becomes possible or impossible between them;
//! - [`explain`]: one flow, and why it is permitted or denied;
//! - [`query`]: who reaches whom, by which chain, and how far;
//! - [`graph`]: the plant and its flows as a picture;
//! - [`audit`]: observed traffic against the policy, and what ends soon;
//! - [`trees`]: two built trees, from their bytes.

mod access;
mod addresses;
pub mod audit;
pub mod diff;
pub mod explain;
pub mod graph;
mod mobile;
mod naming;
mod places;
pub mod query;
mod subject;
mod table;
mod terms;
pub mod trees;

pub use access::{Access, access};
pub use naming::Naming;
pub use places::{Place, Places};
pub use subject::Subject;
pub use table::Table;
pub use terms::{TermChange, Terms};
