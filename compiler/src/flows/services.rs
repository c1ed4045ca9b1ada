//! Services where they run: ports on the wire, and what is demanded of whoever can look behind a port.

use std::{ops::Deref, sync::Arc};

use crate::{
    model::{TransportMatch, protocols::OperationUse},
    plan::{PortMatch, Ranges, Transport},
};

/// Destination ports by transport, echo requests, and ethertypes. A clone shares them: many rules name few services.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortSet(Arc<Ports>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ports {
    tcp: Ranges<u16>,
    udp: Ranges<u16>,
    sctp: Ranges<u16>,
    echo: bool,
    pub ethertypes: Ranges<u16>,
}

impl Deref for PortSet {
    type Target = Ports;

    fn deref(&self) -> &Ports {
        &self.0
    }
}

impl From<Ports> for PortSet {
    fn from(ports: Ports) -> Self {
        Self(Arc::new(ports))
    }
}

impl PortSet {
    /// Every IP service; layer 2 knows no `any`.
    pub fn any() -> Self {
        let all = Ranges::from_unsorted(vec![(0, u16::MAX)]);
        Ports { tcp: all.clone(), udp: all.clone(), sctp: all, echo: true, ethertypes: Ranges::new() }.into()
    }

    /// Everything, layer 2 too: what `deny … : any` covers.
    pub fn everything() -> Self {
        Ports { ethertypes: Ranges::from_unsorted(vec![(0, u16::MAX)]), ..Ports::clone(&Self::any()) }.into()
    }

    pub fn of(transports: &[TransportMatch]) -> Self {
        let (mut tcp, mut udp, mut sctp, mut ethertypes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut echo = false;
        for transport in transports {
            match transport {
                TransportMatch::Ports(port) => {
                    let range = (port.first, port.last);
                    match port.transport {
                        Transport::Tcp => tcp.push(range),
                        Transport::Udp => udp.push(range),
                        Transport::Sctp => sctp.push(range),
                        Transport::IcmpEcho => echo = true,
                    }
                }
                TransportMatch::Ethertype(number) => ethertypes.push((*number, *number)),
            }
        }
        let ports = Ports {
            tcp: Ranges::from_unsorted(tcp),
            udp: Ranges::from_unsorted(udp),
            sctp: Ranges::from_unsorted(sctp),
            echo,
            ethertypes: Ranges::from_unsorted(ethertypes),
        };
        ports.into()
    }

    pub fn is_empty(&self) -> bool {
        !self.has_ip() && self.ethertypes.is_empty()
    }

    /// Whether anything of it runs over IP.
    pub fn has_ip(&self) -> bool {
        self.echo || !self.tcp.is_empty() || !self.udp.is_empty() || !self.sctp.is_empty()
    }

    pub fn difference(&self, other: &Self) -> Self {
        let rest = Ports {
            tcp: self.tcp.difference(&other.tcp),
            udp: self.udp.difference(&other.udp),
            sctp: self.sctp.difference(&other.sctp),
            echo: self.echo && !other.echo,
            ethertypes: self.ethertypes.difference(&other.ethertypes),
        };
        rest.into()
    }

    pub fn intersection(&self, other: &Self) -> Self {
        let both = Ports {
            tcp: self.tcp.intersection(&other.tcp),
            udp: self.udp.intersection(&other.udp),
            sctp: self.sctp.intersection(&other.sctp),
            echo: self.echo && other.echo,
            ethertypes: self.ethertypes.intersection(&other.ethertypes),
        };
        both.into()
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        !self.intersection(other).is_empty()
    }

    pub fn covers(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || other.difference(self).is_empty()
    }

    /// The IP part, as packet filters take it.
    pub fn port_matches(&self) -> Vec<PortMatch> {
        let of = |transport, ranges: &Ranges<u16>| {
            ranges.iter().map(move |(first, last)| PortMatch { transport, first, last }).collect::<Vec<_>>()
        };
        let mut all = of(Transport::Tcp, &self.tcp);
        all.extend(of(Transport::Udp, &self.udp));
        all.extend(of(Transport::Sctp, &self.sctp));
        if self.echo {
            all.push(PortMatch { transport: Transport::IcmpEcho, first: 0, last: 0 });
        }
        all
    }

    /// A port of it that a person would try: one of these, else a usual one, else the first.
    pub fn sane(&self, preferred: &Self) -> Self {
        let usual = [(Transport::Tcp, 443), (Transport::Tcp, 22), (Transport::Tcp, 80), (Transport::Udp, 53)];
        let usual = usual.map(|(transport, port)| Self::of(&[one_port(transport, port)]));
        let pool =
            std::iter::once(preferred.intersection(self)).chain(usual.map(|one| one.intersection(self)));
        let pool = pool.into_iter().find(Self::has_ip).unwrap_or_else(|| self.clone());
        match pool.port_matches().first() {
            Some(range) if range.transport == Transport::IcmpEcho => {
                Self::of(&[TransportMatch::Ports(*range)])
            }
            // port 0 stands in ranges, and nobody listens there
            Some(range) => Self::of(&[one_port(range.transport, range.first.max(1).min(range.last))]),
            None => pool,
        }
    }

    /// The one port, where it is one.
    pub fn single(&self) -> Option<PortMatch> {
        match self.port_matches().as_slice() {
            [only] if only.first == only.last => Some(*only),
            _ => None,
        }
    }

    /// `tcp/502, udp/5000..5010`.
    pub fn describe(&self) -> String {
        if self.covers(&Self::any()) {
            return "any".to_owned();
        }
        let mut parts: Vec<String> = self
            .port_matches()
            .iter()
            .map(|port| {
                let name = match port.transport {
                    Transport::Tcp => "tcp",
                    Transport::Udp => "udp",
                    Transport::Sctp => "sctp",
                    Transport::IcmpEcho => return "icmp".to_owned(),
                };
                if port.first == port.last {
                    format!("{name}/{}", port.first)
                } else {
                    format!("{name}/{}..{}", port.first, port.last)
                }
            })
            .collect();
        parts.extend(self.ethertypes.iter().map(|(first, _)| format!("ethertype/{first:#06x}")));
        parts.join(", ")
    }
}

fn one_port(transport: Transport, port: u16) -> TransportMatch {
    TransportMatch::Ports(PortMatch { transport, first: port, last: port })
}

/// What ports do not tell apart: operations of a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    pub protocol: u32,
    /// Only these; all, where it is `None`.
    pub only: Option<Vec<OperationUse>>,
    /// But not these.
    pub except: Vec<OperationUse>,
}
