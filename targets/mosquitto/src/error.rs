//! What Mosquitto cannot hold.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmitError {
    /// A name or path that cannot stand in the configuration.
    UnsafeName { kind: &'static str, name: String },
    /// Two clients would have one user name.
    SameName { client: String, other: String },
    /// A permission is of another protocol: the plan is not what it should be.
    WrongPlan { statement: String },
}

impl EmitError {
    /// What to write instead.
    pub fn help(&self) -> &'static str {
        match self {
            Self::UnsafeName { kind: "folder", .. } => {
                "correct `[targets.mosquitto]` in weir.toml: absolute paths of letters, digits, `.`, `_`, `-`"
            }
            Self::UnsafeName { .. } => "rename it in the package",
            Self::SameName { .. } => "give each a common name of its own",
            Self::WrongPlan { .. } => "please report this: the plan is not what it should be",
        }
    }
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsafeName { kind, name } => {
                write!(f, "{kind} {name:?} cannot stand in a broker's configuration")
            }
            Self::SameName { client, other } => {
                write!(f, "`{client}` and `{other}` would have one user name")
            }
            Self::WrongPlan { statement } => write!(f, "`{statement}` permits what is not MQTT"),
        }
    }
}

impl std::error::Error for EmitError {}
