//! What a proof found wrong: an error of the compiler, or an artifact that is not the one it wrote.

use std::{fmt, net::IpAddr};

use weir_compiler::plan::{Hook, Transport};
use weir_reading::Unread;

/// The first packet of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Packet {
    pub hook: Hook,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// Nothing, for a protocol that no policy can name.
    pub transport: Option<Transport>,
    /// The IP protocol's number.
    pub protocol: u8,
    /// The destination port; for ICMP, type and code.
    pub port: u16,
}

impl fmt::Display for Packet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hook = match self.hook {
            Hook::Forward => "forwarded",
            Hook::Input => "received",
            Hook::Output => "sent",
        };
        write!(formatter, "{hook} packet {} -> {} : ", self.source, self.destination)?;
        match self.transport {
            Some(Transport::Tcp) => write!(formatter, "tcp/{}", self.port),
            Some(Transport::Udp) => write!(formatter, "udp/{}", self.port),
            Some(Transport::Sctp) => write!(formatter, "sctp/{}", self.port),
            Some(Transport::IcmpEcho) => write!(formatter, "icmp echo request"),
            None if matches!(self.protocol, 1 | 58) => {
                write!(formatter, "icmp type {} code {}", self.port >> 8, self.port & 0xff)
            }
            None => write!(formatter, "protocol {} port {}", self.protocol, self.port),
        }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A construct that the reader does not know, or that breaks a promise: where, and what.
    Unread { place: String, what: String },
    /// The artifact permits what the policy does not.
    Excess(Packet),
    /// The policy permits what the artifact does not.
    Loss(Packet),
    /// Both permit it, on different terms (limit, end, operations, log, audit).
    Terms { packet: Packet, policy: String, artifact: String },
    /// A source may arrive where the topology does not put it, or may not where it does.
    Arrival { what: String },
    /// A frame passes a bridge that must not, or on other terms, or does not and must.
    Frame { what: String },
    /// A packet filter leads connections to its host's proxy that it must not, or not there, or does not and must.
    Steering { what: String },
    /// The plan leads a flow by a way that the relation does not permit, or loses it.
    Leg { what: String },
    /// The files of one artifact do not hold the same.
    Forms { what: String },
    /// A configuration of a point that ends connections permits somebody else, or something else, than the policy does.
    Client { excess: bool, what: String },
    /// The policies of a cluster permit its pods something else than the policy does.
    Pods(weir_kubernetes_reader::Fault),
    /// A subscription gets another session from its core than the policy gives it, or somebody gets one who must not.
    Session { what: String },
    /// The question was larger than the budget, in steps.
    Undecided { work: u64 },
}

/// One thing that is wrong with an artifact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path of the artifact in the output tree, or what was read instead of it.
    pub artifact: String,
    pub fault: Fault,
    /// The statements that permit the packet, as indices into the package's.
    pub statements: Vec<u32>,
    /// Where the artifact decides it.
    pub places: Vec<String>,
}

impl Finding {
    pub fn new(artifact: impl Into<String>, fault: Fault) -> Self {
        Self { artifact: artifact.into(), fault, statements: Vec::new(), places: Vec::new() }
    }

    /// A reader gave up.
    pub(crate) fn unread(artifact: impl Into<String>, unread: Unread) -> Self {
        Self::new(artifact, Fault::Unread { place: unread.place(), what: unread.what })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let artifact = &self.artifact;
        match &self.fault {
            Fault::Unread { place, what } => write!(formatter, "{place}: {what}"),
            Fault::Excess(packet) => {
                write!(formatter, "{artifact} permits what the policy does not: {packet}")
            }
            Fault::Loss(packet) => write!(formatter, "{artifact} refuses what the policy permits: {packet}"),
            Fault::Terms { packet, policy, artifact: terms } => {
                write!(
                    formatter,
                    "{artifact} permits on other terms: {packet}: {terms}, and the policy says {policy}"
                )
            }
            Fault::Arrival { what }
            | Fault::Frame { what }
            | Fault::Steering { what }
            | Fault::Leg { what }
            | Fault::Forms { what }
            | Fault::Session { what } => {
                write!(formatter, "{artifact}: {what}")
            }
            Fault::Client { excess: true, what } => {
                write!(formatter, "{artifact} permits what the policy does not: {what}")
            }
            Fault::Client { excess: false, what } => {
                write!(formatter, "{artifact} refuses what the policy permits: {what}")
            }
            Fault::Pods(fault) => pods(formatter, artifact, fault),
            Fault::Undecided { work } => {
                write!(formatter, "{artifact}: not decided, for it takes more than {work} steps")
            }
        }
    }
}

fn pods(
    formatter: &mut fmt::Formatter<'_>,
    artifact: &str,
    fault: &weir_kubernetes_reader::Fault,
) -> fmt::Result {
    use weir_kubernetes_reader::{Direction, Fault};
    let way = |direction: &Direction| match direction {
        Direction::Ingress => "to",
        Direction::Egress => "from",
    };
    match fault {
        Fault::Excess(connection) => {
            write!(formatter, "{artifact} permits what the policy does not: {connection}")
        }
        Fault::Loss(connection) => {
            write!(formatter, "{artifact} refuses what the policy permits: {connection}")
        }
        Fault::Denied(connection) => {
            write!(
                formatter,
                "{artifact} has a guard rail against what the policy does not forbid: {connection}"
            )
        }
        Fault::Undenied(connection) => {
            write!(formatter, "{artifact} has no guard rail against what the policy forbids: {connection}")
        }
        Fault::Open(direction, namespace) => {
            write!(
                formatter,
                "{artifact} does not deny by default: {} pods of namespace `{namespace}`",
                way(direction)
            )
        }
        Fault::Closed(direction, namespace) => write!(
            formatter,
            "{artifact} closes a namespace that holds no workload: {} pods of `{namespace}`",
            way(direction)
        ),
    }
}
