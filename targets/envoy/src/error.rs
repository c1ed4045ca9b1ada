//! What Envoy cannot hold.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmitError {
    /// A name or path that cannot stand in the configuration.
    UnsafeName { kind: &'static str, name: String },
    /// A permission is of a kind that no plan for Envoy has.
    WrongPlan { statement: String },
}

impl EmitError {
    /// What to write instead.
    pub fn help(&self) -> &'static str {
        match self {
            Self::UnsafeName { kind: "folder", .. } => {
                "correct `[targets.envoy]` in weir.toml: an absolute path of letters, digits, `.`, `_`, `-`"
            }
            Self::UnsafeName { .. } => "rename it in the package",
            Self::WrongPlan { .. } => "please report this: the plan is not what it should be",
        }
    }
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsafeName { kind, name } => {
                write!(f, "{kind} {name:?} cannot stand in Envoy's configuration")
            }
            Self::WrongPlan { statement } => write!(f, "`{statement}` permits what Envoy does not hold"),
        }
    }
}

impl std::error::Error for EmitError {}
