//! What a single packet that starts a connection looks like.

use weir_compiler::{
    model::TransportMatch,
    plan::{PortMatch, Transport},
};

/// One service on the wire: no ranges, no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wire {
    Tcp(u16),
    Udp(u16),
    Sctp(u16),
    /// An ICMP or ICMPv6 echo request.
    Echo,
    /// A layer-2 frame.
    Ethertype(u16),
}

impl Wire {
    /// Whether a port range of a plan covers it.
    pub fn is_in(self, range: PortMatch) -> bool {
        match (self, range.transport) {
            (Self::Tcp(port), Transport::Tcp)
            | (Self::Udp(port), Transport::Udp)
            | (Self::Sctp(port), Transport::Sctp) => range.first <= port && port <= range.last,
            (Self::Echo, Transport::IcmpEcho) => true,
            _ => false,
        }
    }

    /// Whether a transport of the language covers it.
    pub fn is_over(self, transport: TransportMatch) -> bool {
        match transport {
            TransportMatch::Ports(range) => self.is_in(range),
            TransportMatch::Ethertype(number) => self == Self::Ethertype(number),
        }
    }

    pub fn is_ip(self) -> bool {
        !matches!(self, Self::Ethertype(_))
    }
}
