//! Whether two terms can be about the same packet.

use ipnet::IpNet;

use crate::Transport;

/// What a term matches, as far as it decides about order; more than it matches does no harm.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    /// `None`: everybody.
    pub(super) sources: Option<Vec<IpNet>>,
    pub(super) destinations: Option<Vec<IpNet>>,
    /// `None`: every service.
    pub(super) services: Option<Vec<Transport>>,
}

impl Reach {
    /// What is about nothing.
    pub(super) const fn nothing() -> Self {
        Self { sources: Some(Vec::new()), destinations: Some(Vec::new()), services: Some(Vec::new()) }
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        fn both<T>(a: Option<&Vec<T>>, b: Option<&Vec<T>>, meets: impl Fn(&T, &T) -> bool) -> bool {
            match (a, b) {
                (Some(a), Some(b)) => a.iter().any(|a| b.iter().any(|b| meets(a, b))),
                _ => true,
            }
        }
        let prefixes = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
        both(self.sources.as_ref(), other.sources.as_ref(), prefixes)
            && both(self.destinations.as_ref(), other.destinations.as_ref(), prefixes)
            && both(self.services.as_ref(), other.services.as_ref(), |a, b| meet(*a, *b))
    }
}

fn meet(a: Transport, b: Transport) -> bool {
    match (a, b) {
        (Transport::Tcp(first, last), Transport::Tcp(from, to))
        | (Transport::Udp(first, last), Transport::Udp(from, to))
        | (Transport::Sctp(first, last), Transport::Sctp(from, to)) => first <= to && from <= last,
        (Transport::Icmp, Transport::Icmp) => true,
        _ => false,
    }
}
