//! Why a plan cannot become a ruleset.

use std::fmt;

/// A plan this target refuses. Nothing is emitted then: a ruleset that means less or more than the plan is worse
/// than none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmitError {
    /// A name with a character outside the alphabet of its kind, or too long; nothing is ever escaped by guesswork.
    UnsafeName { kind: &'static str, name: String },
    /// Two different things would get the same name in the kernel.
    NameCollision { name: String },
    /// A rule points at a statement that the plan does not hold.
    UnknownStatement { index: u32 },
    /// The rule matches no packet in either family, so that it says nothing the kernel could enforce.
    EmptyRule { statement: String },
    /// `first` is above `last`, or an echo match names a port.
    BadPorts { statement: String },
    /// The kernel limits per second, minute, hour, day or week only, and by no more than a million a second.
    UnsupportedLimit { statement: String, count: u32, seconds: u32 },
    /// The kernel's clock counts nanoseconds in 64 bits: nothing after the year 2554 can be said.
    UntilTooLate { statement: String, until: i64 },
    /// An operation that no payload match says exactly.
    UnsupportedOperation { statement: String, why: &'static str },
    /// Frames that are IP packets, ARP, tags or no ethertype at all: other rules decide on those.
    UnsupportedFrames { statement: String },
    /// The ruleset would hold more elements than a kernel loads in reasonable time and memory. Happens when very many
    /// wide source sets overlap each other in different ways.
    TooManyElements { hook: &'static str, elements: u64, maximum: u64 },
    /// An option outside its range.
    BadOption { option: &'static str, why: &'static str },
}

impl EmitError {
    /// The id of the statement that cannot be rendered, where it is one.
    pub fn statement(&self) -> Option<&str> {
        match self {
            Self::EmptyRule { statement }
            | Self::BadPorts { statement }
            | Self::UnsupportedLimit { statement, .. }
            | Self::UntilTooLate { statement, .. }
            | Self::UnsupportedFrames { statement }
            | Self::UnsupportedOperation { statement, .. } => Some(statement),
            _ => None,
        }
    }

    /// What to write instead.
    pub fn help(&self) -> &'static str {
        match self {
            Self::UnsafeName { .. } | Self::NameCollision { .. } => "rename it in the package",
            Self::EmptyRule { .. } => "give both ends addresses of one family",
            Self::UnsupportedLimit { .. } => {
                "write a rate as `50/s`, `6/min`, `100/h` or `10/d`, up to a million a second"
            }
            Self::UntilTooLate { .. } => "choose an earlier end",
            Self::UnsupportedFrames { .. } => {
                "name the ethertype of a layer-2 protocol; IP is permitted by its ports (`tcp/502`)"
            }
            Self::UnsupportedOperation { .. } => {
                "lead the flow through a proxy that parses the protocol, or widen the arguments"
            }
            Self::TooManyElements { .. } => {
                "state the rules of wide sets by common groups, so that fewer of them overlap"
            }
            Self::BadOption { .. } => "correct `[targets.nftables]` in weir.toml",
            Self::UnknownStatement { .. } | Self::BadPorts { .. } => {
                "please report this: the plan is not what it should be"
            }
        }
    }
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsafeName { kind, name } => write!(f, "{kind} {name:?} cannot stand in a ruleset"),
            Self::NameCollision { name } => write!(f, "two objects would be called `{name}`"),
            Self::UnknownStatement { index } => {
                write!(f, "a rule names statement {index}, which is not in the plan")
            }
            Self::EmptyRule { statement } => {
                write!(
                    f,
                    "`{statement}` matches nothing: no address family has both a source and a destination"
                )
            }
            Self::BadPorts { statement } => write!(f, "`{statement}` has a port range that is not one"),
            Self::UnsupportedLimit { statement, count, seconds } => write!(
                f,
                "`{statement}`: nftables cannot limit to {count} per {seconds} s; it counts per second, minute, \
                 hour, day or week, at least 1 and at most a million a second"
            ),
            Self::UntilTooLate { statement, until } => {
                write!(f, "`{statement}`: the kernel's clock cannot reach second {until} since 1970")
            }
            Self::UnsupportedOperation { statement, why } => {
                write!(f, "`{statement}`: nftables cannot tell these operations from others: {why}")
            }
            Self::UnsupportedFrames { statement } => {
                write!(
                    f,
                    "`{statement}`: a bridge does not let IP, ARP or tagged frames pass by their ethertype"
                )
            }
            Self::TooManyElements { hook, elements, maximum } => write!(
                f,
                "the {hook} rules need {elements} elements, {maximum} is the most that is emitted; \
                 too many wide source sets overlap"
            ),
            Self::BadOption { option, why } => write!(f, "option `{option}`: {why}"),
        }
    }
}

impl std::error::Error for EmitError {}
