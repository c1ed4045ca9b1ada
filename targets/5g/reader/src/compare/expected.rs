//! What a policy requires of one core.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use super::ranges::merged;
use crate::{
    isolation::Isolation,
    open5gs::Fixed,
    values::{Families, Protection, Quality, Rate, SliceKey},
};

#[derive(Clone, Debug, Default)]
pub struct Expected {
    pub mcc: String,
    pub mnc: String,
    pub slices: Vec<ExpectedSlice>,
    pub radios: Vec<ExpectedRadio>,
    /// By IMSI.
    pub sessions: Vec<ExpectedSession>,
    pub isolation: Isolation,
}

#[derive(Clone, Debug)]
pub struct ExpectedSlice {
    /// As the package names it.
    pub name: String,
    /// As files name it.
    pub id: String,
    pub key: SliceKey,
    pub data_network: String,
    /// One of each family at most.
    pub pools: Vec<IpNet>,
    /// The gateway that is its user plane, as folders name it.
    pub gateway: String,
    pub device: String,
    pub is_shared: bool,
    pub tracking: Vec<u32>,
    pub integrity: Protection,
    pub confidentiality: Protection,
    pub quality: Quality,
    pub max_ues: Option<u64>,
    /// What its UEs ask for names; the user plane's own address, if the package does not say.
    pub names: Option<IpAddr>,
    /// The packet filter of its user plane's host, as the package names it, and what that permits of the slice: ids of
    /// statements, sorted.
    pub filter: Option<(String, Vec<String>)>,
    /// What any of its UEs may start, where the core itself filters.
    pub permissions: Vec<Permission>,
}

#[derive(Clone, Debug)]
pub struct ExpectedRadio {
    pub tracking: u32,
    /// Sorted.
    pub slices: Vec<SliceKey>,
}

#[derive(Clone, Debug)]
pub struct ExpectedSession {
    pub imsi: String,
    /// Index into the slices.
    pub slice: usize,
    pub addresses: Fixed,
    pub is_default: bool,
    /// Where the key is kept.
    pub key: Option<String>,
    /// Sorted.
    pub flows: Vec<ExpectedFlow>,
}

impl ExpectedSession {
    pub fn kind(&self) -> Families {
        Families { v4: self.addresses.v4.is_some(), v6: self.addresses.v6.is_some() }
    }
}

/// A flow with a quality of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpectedFlow {
    pub five_qi: u8,
    pub priority: u8,
    pub preemptable: bool,
    pub guaranteed: Option<Rate>,
    pub maximum: Option<Rate>,
    /// Microseconds.
    pub period: Option<u64>,
    /// The far end's addresses, which neither overlap nor touch.
    pub filters: BTreeMap<FilterKey, Vec<(u128, u128)>>,
}

/// Packets of a flow, seen from the UE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilterKey {
    pub protocol: u8,
    /// Whether the ports are the far end's; without ports, either end may serve.
    pub far_serves: bool,
    pub ports: (u16, u16),
    pub is_v6: bool,
}

/// One flow's filters while they are gathered.
#[derive(Clone, Debug, Default)]
pub struct Filters(pub BTreeMap<FilterKey, Vec<(u128, u128)>>);

impl Filters {
    pub fn merged(self) -> BTreeMap<FilterKey, Vec<(u128, u128)>> {
        self.0.into_iter().map(|(key, ranges)| (key, merged(ranges, |last| last.checked_add(1)))).collect()
    }

    /// `permit out tcp from 10.20.1.10/32 502 to assigned`. Whether it is one.
    pub(crate) fn add(&mut self, text: &str) -> bool {
        let Some((key, range)) = filter(text) else { return false };
        self.0.entry(key).or_default().push(range);
        true
    }
}

fn filter(text: &str) -> Option<(FilterKey, (u128, u128))> {
    let words: Vec<&str> = text.split(' ').collect();
    let (protocol, net, far, own) = match words.as_slice() {
        ["permit", "out", protocol, "from", net, "to", "assigned"] => (protocol, net, None, None),
        ["permit", "out", protocol, "from", net, ports, "to", "assigned"] => {
            (protocol, net, Some(ports), None)
        }
        ["permit", "out", protocol, "from", net, "to", "assigned", ports] => {
            (protocol, net, None, Some(ports))
        }
        _ => return None,
    };
    let protocol = match *protocol {
        "tcp" => 6,
        "udp" => 17,
        "132" => 132,
        "1" => 1,
        "58" => 58,
        _ => return None,
    };
    let net: IpNet = net.parse().ok()?;
    let range = |text: &str| -> Option<(u16, u16)> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some((first.parse().ok()?, last.parse().ok()?)).filter(|(first, last)| first <= last)
    };
    let (far_serves, ports) = match (far, own) {
        (Some(ports), _) => (true, range(ports)?),
        (_, Some(ports)) => (false, range(ports)?),
        (None, None) => (true, (0, u16::MAX)),
    };
    let (is_v6, addresses) = match net.trunc() {
        IpNet::V4(net) => (false, (u32::from(net.network()).into(), u32::from(net.broadcast()).into())),
        IpNet::V6(net) => (true, (net.network().into(), net.broadcast().into())),
    };
    Some((FilterKey { protocol, far_serves, ports, is_v6 }, addresses))
}

impl Expected {
    pub(super) fn sessions_of(&self, imsi: &str) -> usize {
        let first = self.sessions.partition_point(|session| session.imsi.as_str() < imsi);
        self.sessions[first..].iter().take_while(|session| session.imsi == imsi).count()
    }
}

/// Addresses that UEs may start connections to, and what packets to them get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    pub first: u32,
    pub last: u32,
    /// 6 or 17.
    pub protocol: u8,
    pub ports: (u16, u16),
    pub quality: RuleQuality,
}

/// What a rule of a core that filters gives to packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleQuality {
    pub five_qi: u8,
    pub priority: u8,
    pub maximum: Option<Rate>,
}
