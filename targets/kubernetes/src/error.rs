//! Why a plan cannot become network policies.

use std::{fmt, net::IpAddr};

/// A plan this target refuses. Nothing is emitted then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmitError {
    /// A name that no object may hold. The model refuses such names: this is an internal error.
    UnsafeName { kind: &'static str, name: String },
    /// Two objects would get the same name.
    NameCollision { name: String },
    /// A grant without subjects, peers or ports, of which Kubernetes would make all of them; or one of an unknown index.
    EmptyGrant { statement: String },
    /// A peer's address belongs to a pod or a service: data planes disagree about what that means.
    InsideAddress { statement: String, address: IpAddr },
    /// ICMP, a port 0, or a range that is none.
    BadPorts { statement: String },
    /// An object would be larger than what an API server stores.
    TooLarge { name: String, bytes: usize },
}

impl EmitError {
    /// The id of the statement that cannot be rendered, where it is one.
    pub fn statement(&self) -> Option<&str> {
        match self {
            Self::EmptyGrant { statement }
            | Self::InsideAddress { statement, .. }
            | Self::BadPorts { statement } => Some(statement),
            _ => None,
        }
    }

    /// What to write instead.
    pub fn help(&self) -> &'static str {
        match self {
            Self::UnsafeName { .. } | Self::NameCollision { .. } => "rename it in the package",
            Self::InsideAddress { .. } => {
                "give pods and services addresses that nothing else in the package has"
            }
            Self::TooLarge { .. } => "state fewer ports or peers in one policy",
            Self::EmptyGrant { .. } | Self::BadPorts { .. } => {
                "please report this: the plan is not what it should be"
            }
        }
    }
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsafeName { kind, name } => write!(f, "{kind} {name:?} cannot stand in an object"),
            Self::NameCollision { name } => write!(f, "two objects would be called `{name}`"),
            Self::EmptyGrant { statement } => write!(f, "`{statement}` lacks an end, or ports"),
            Self::InsideAddress { statement, address } => {
                write!(f, "`{statement}` has the peer {address}, which is a pod's or a service's")
            }
            Self::BadPorts { statement } => {
                write!(f, "`{statement}` has ports that network policies do not know")
            }
            Self::TooLarge { name, bytes } => write!(f, "object `{name}` has {bytes} bytes, more than 1 MiB"),
        }
    }
}

impl std::error::Error for EmitError {}
