//! Who is meant: schemas, modules, templates, names.

pub mod schema;
