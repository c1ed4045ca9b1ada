//! Open5GS 2.7: what its functions were told, and how they choose.

mod read;
mod select;
mod subscriptions;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use ipnet::{IpNet, Ipv6Net};

pub use select::Outcome;

use crate::compare::{FilterKey, Filters};
use crate::values::{Families, Protection, Quality, Rate, SliceKey};

/// The settings of all functions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Core {
    pub plmn: Option<(String, String)>,
    /// What the AMF serves.
    pub slices: Vec<SliceKey>,
    pub tracking: Vec<u32>,
    /// What the NSSF knows.
    pub instances: Vec<SliceKey>,
    pub smfs: Vec<Smf>,
    pub upfs: Vec<Upf>,
    /// The first that has a SUPI is taken.
    pub policies: Vec<Policy>,
    pub subscriptions: Vec<Subscription>,
    /// Where keys are kept, by IMSI.
    pub keys: Vec<(String, Option<String>)>,
    /// By user plane: interface, an address that it gets, and the subnet's length.
    pub interfaces: Vec<(String, String, IpAddr, u8)>,
    /// Where the NRF is, by its own file, and by those of the other functions.
    pub repository: Option<String>,
    pub clients: Vec<(String, String)>,
    /// Where radios reach the AMF.
    pub radio_side: Vec<Ipv4Addr>,
    index: Index,
}

/// To find subscriptions and policies without walking through all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Index {
    subscriptions: BTreeMap<String, usize>,
    /// Ranges by their first IMSI, with their policy's place.
    ranges: Vec<(u64, u64, usize)>,
    ranges_overlap: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smf {
    pub file: String,
    pub address: Ipv4Addr,
    /// Nothing: it serves every slice, data network and tracking area.
    pub info: Option<Vec<Info>>,
    /// The first whose data network fits is taken.
    pub subnets: Vec<Subnet>,
    /// UPFs, and the data network that each is chosen for; any, if none.
    pub upfs: Vec<(Ipv4Addr, Option<String>)>,
    /// What its UEs ask for names.
    pub names: IpAddr,
    pub integrity: Protection,
    pub confidentiality: Protection,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    pub slice: SliceKey,
    pub data_networks: Vec<String>,
    pub tracking: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub net: IpNet,
    pub gateway: IpAddr,
    /// Nothing: every data network's.
    pub data_network: Option<String>,
    /// At a UPF; its default is one interface for all.
    pub device: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upf {
    /// Its folder's name: the gateway.
    pub gateway: String,
    pub addresses: Vec<Ipv4Addr>,
    pub subnets: Vec<Subnet>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// First and last IMSI of each range.
    pub ranges: Vec<(u64, u64)>,
    pub slices: Vec<PolicySlice>,
}

/// What a subscription gets in a slice, by a policy or by its own document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySlice {
    pub slice: SliceKey,
    pub is_default: bool,
    pub data_network: String,
    pub kind: Families,
    pub quality: Quality,
    pub flows: Vec<Flow>,
}

/// A rule for packets of one flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    pub five_qi: u8,
    pub priority: u8,
    pub preemptable: bool,
    /// Guaranteed and maximum rate; both directions have the same.
    pub guaranteed: Option<Rate>,
    pub maximum: Option<Rate>,
    /// As they stand; each is there once for either direction.
    pub filters: Vec<String>,
}

impl Flow {
    /// The far end's addresses by what runs over them, neither overlapping nor touching; nothing, where a filter is not known.
    pub fn packets(&self) -> Option<BTreeMap<FilterKey, Vec<(u128, u128)>>> {
        let mut filters = Filters::default();
        self.filters.iter().all(|text| filters.add(text)).then(|| filters.merged())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub imsi: String,
    /// With what is fixed of the session's addresses.
    pub slices: Vec<(PolicySlice, Fixed)>,
    /// Of all sessions together.
    pub uplink: Rate,
    pub downlink: Rate,
}

/// What a subscription fixes of a session's addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fixed {
    pub v4: Option<Ipv4Addr>,
    /// The core takes 64 bits of an address for the UE's prefix.
    pub v6: Option<Ipv6Net>,
}
