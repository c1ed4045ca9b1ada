//! What nginx cannot hold.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmitError {
    /// A name or path that cannot stand in nginx's configuration.
    UnsafeName { kind: &'static str, name: String },
    /// The destination speaks TLS, and nothing that nginx can compare says by which certificate it is known.
    UnknownDestination { name: String },
    /// Two clients would be told by the same evidence.
    SameEvidence { client: String, other: String },
    /// A permission is of another protocol: the plan is not what it should be.
    WrongPlan { statement: String },
}

impl EmitError {
    /// What to write instead.
    pub fn help(&self) -> String {
        match self {
            Self::UnsafeName { kind: "folder", .. } => {
                "correct `[targets.modbus]` in weir.toml: absolute paths of letters, digits, `.`, `_`, `-`"
                    .into()
            }
            Self::UnsafeName { .. } => "rename it in the package".into(),
            Self::UnknownDestination { name } => {
                format!("say the DNS name in the certificate of `{name}`: `identity = x509(san = \"…\")`")
            }
            Self::SameEvidence { .. } => "give each an identity of its own".into(),
            Self::WrongPlan { .. } => "please report this: the plan is not what it should be".into(),
        }
    }
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsafeName { kind, name } => {
                write!(f, "{kind} {name:?} cannot stand in nginx's configuration")
            }
            Self::UnknownDestination { name } => {
                write!(f, "`{name}` speaks TLS, and nginx cannot tell its certificate from others")
            }
            Self::SameEvidence { client, other } => write!(f, "`{client}` and `{other}` look the same"),
            Self::WrongPlan { statement } => write!(f, "`{statement}` permits what is not Modbus"),
        }
    }
}

impl std::error::Error for EmitError {}
