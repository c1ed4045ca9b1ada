//! Rules, the same from a text and from a listing.

use crate::literal::{Family, Range};
use crate::names::Symbol;
use crate::place::Place;

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The packet's mark.
    Mark,
    /// The packet's transport.
    Protocol,
    Family,
    Time,
    InDevice,
    OutDevice,
    Source(Family),
    Destination(Family),
    /// The packet's own destination port.
    TcpPort,
    EtherSource,
    EtherDestination,
    EtherType,
    VlanId,
    /// The type behind a VLAN tag.
    VlanType,
    ArpHardware,
    ArpOperation,
    /// The sender's and the target's address in ARP.
    ArpSource,
    ArpDestination,
    /// The sender's hardware address in ARP.
    ArpEther,
    State,
    ConnectionMark,
    /// Of a connection's status, whether it was led elsewhere.
    Status,
    Direction,
    OriginalSource(Family),
    OriginalDestination(Family),
    ConnectionProtocol,
    /// The destination port of the connection's first packet; for ICMP, type and code.
    OriginalPort,
    Icmpv6Type,
    HopLimit,
    NextHeader,
    TcpFlags,
    UdpLength,
    PacketLength(Family),
    /// Raw bits, counted from the start of a header.
    Payload {
        base: Header,
        offset: u16,
        bits: u16,
    },
}

/// Where raw bits are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Header {
    Link,
    Network,
    Transport,
    /// Behind the transport's header.
    Inner,
}

/// A field, and which of its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Operand {
    pub field: Field,
    pub mask: Option<u128>,
}

/// What a match compares with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Values {
    /// Sorted; one range for each operand.
    Boxes(Vec<Box<[Range]>>),
    Set(Symbol),
}

/// Holds if the operands, in this order, are one of the values. Does not hold, negated or not, where a field does not
/// exist.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Match {
    pub key: Vec<Operand>,
    pub negated: bool,
    pub values: Values,
}

/// Where a packet goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    Accept,
    Drop,
    Return,
    Jump(Symbol),
    Goto(Symbol),
}

impl Verdict {
    /// The chain that it leads to.
    pub fn target(self) -> Option<Symbol> {
        match self {
            Self::Jump(chain) | Self::Goto(chain) => Some(chain),
            _ => None,
        }
    }
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rate {
    /// Matches what exceeds the rate, else what does not.
    pub over: bool,
    pub count: u32,
    pub seconds: u32,
    pub burst: u32,
}

/// A change of a mark: `mark & keep | set`, which share no bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bits {
    pub keep: u32,
    pub set: u32,
}

impl Bits {
    pub(crate) fn new(keep: u32, set: u32) -> Self {
        Self { keep: keep & !set, set }
    }

    /// The mark that a mark becomes.
    pub fn apply(self, mark: u32) -> u32 {
        mark & self.keep | self.set
    }
}

/// One step of a rule. A match that does not hold ends the rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    Match(Match),
    Limit(Rate),
    /// The packet's mark becomes `mark & keep | set`.
    SetMark(Bits),
    /// Ends the rule if the map has no such key.
    MapMark {
        key: Vec<Operand>,
        map: Symbol,
    },
    /// The same for the connection's mark.
    SetConnectionMark(Bits),
    Counter(Symbol),
    Log {
        prefix: Symbol,
        group: Option<u16>,
    },
    Verdict(Verdict),
    /// Ends the rule if the map has no such key.
    VerdictMap {
        key: Vec<Operand>,
        map: Symbol,
    },
    /// Leads the connection to the host itself, to the port that the map has for the key. Ends the rule if it has no such
    /// key.
    Redirect {
        key: Vec<Operand>,
        map: Symbol,
    },
}

/// A rule of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub place: Place,
    pub parts: Vec<Part>,
}

impl Part {
    /// The set or map that it looks into.
    pub(crate) fn set(&self) -> Option<Symbol> {
        match self {
            Self::Match(Match { values: Values::Set(set), .. }) => Some(*set),
            Self::MapMark { map, .. } | Self::VerdictMap { map, .. } | Self::Redirect { map, .. } => {
                Some(*map)
            }
            _ => None,
        }
    }

    pub(crate) fn target(&self) -> Option<Symbol> {
        match self {
            Self::Verdict(verdict) => verdict.target(),
            _ => None,
        }
    }
}

impl Match {
    /// The operand, if it is one field, not masked, not negated and compared with values of its own.
    pub fn single(&self) -> Option<(Field, Vec<Range>)> {
        let ([Operand { field, mask: None }], false, Values::Boxes(boxes)) =
            (self.key.as_slice(), self.negated, &self.values)
        else {
            return None;
        };
        Some((*field, boxes.iter().filter_map(|one| one.first().copied()).collect()))
    }

    /// The one value of one field.
    pub fn value(&self) -> Option<(Field, u128)> {
        let (field, ranges) = self.single()?;
        match ranges[..] {
            [(first, last)] if first == last => Some((field, first)),
            _ => None,
        }
    }
}
