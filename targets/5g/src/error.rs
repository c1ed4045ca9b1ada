//! Why a plan cannot become settings of a core.

use std::fmt;

/// A plan this target refuses. Nothing is emitted then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmitError {
    /// Settings of this product are not written by this version. The model warns of it: this is an internal error.
    NoSettings { product: &'static str },
    /// A number of a list that has no such place. This is an internal error.
    BrokenPlan { what: &'static str },
    /// A value could not be written as text. This is an internal error.
    Unwritable { file: String, cause: String },
}

impl EmitError {
    /// The id of the statement that cannot be rendered, where it is one.
    pub fn statement(&self) -> Option<&str> {
        None
    }

    /// What to write instead.
    pub fn help(&self) -> &'static str {
        "please report this: the plan is not what it should be"
    }
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSettings { product } => write!(f, "settings of {product} are not written"),
            Self::BrokenPlan { what } => write!(f, "the plan has no such {what}"),
            Self::Unwritable { file, cause } => write!(f, "{file} cannot be written: {cause}"),
        }
    }
}

impl std::error::Error for EmitError {}
