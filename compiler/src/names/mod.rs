//! Who is meant: schemas, modules, templates expanded into ordinary declarations, names resolved to them.

mod check;
mod expand;
mod lookup;
pub mod schema;
mod universe;
mod values;

pub use check::check_file;
pub use expand::expand;
pub use lookup::{Found, Target};
pub use schema::Kind;
pub(crate) use universe::blocks;
pub use universe::{
    AskedText, Assertion, Entity, EntityId, FlowStatement, Module, ModuleId, Scope, Symbol, Universe,
};
pub(crate) use values::already_said;
pub use values::{Value, mentions_index};
