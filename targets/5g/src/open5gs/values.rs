//! What occurs in several files: addresses of functions, identifiers and rates as Open5GS spells them.

use std::net::Ipv4Addr;

use ipnet::IpNet;
use serde::Serialize;
use weir_compiler::{
    model::fiveg::{Arp, BitRate, PduSessionType, Plmn, SliceQuality, Snssai},
    plan::{
        CorePlan, Transport,
        cores::{FilterPlan, FlowPlan},
    },
};

#[derive(Serialize)]
pub(super) struct PlmnId {
    mcc: String,
    mnc: String,
}

impl From<&Plmn> for PlmnId {
    fn from(plmn: &Plmn) -> Self {
        Self { mcc: plmn.mcc.to_string(), mnc: plmn.mnc.to_string() }
    }
}

#[derive(Clone, Serialize)]
pub(super) struct SNssai {
    sst: u8,
    /// Six hexadecimal digits; a number here would be read as decimal, and its digits as hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    sd: Option<String>,
}

impl From<Snssai> for SNssai {
    fn from(snssai: Snssai) -> Self {
        Self { sst: snssai.sst, sd: snssai.sd_text() }
    }
}

/// 0 bps to 4 Tbps.
#[derive(Serialize)]
pub(super) struct Rate {
    value: u64,
    unit: u8,
}

impl From<BitRate> for Rate {
    fn from(rate: BitRate) -> Self {
        let (value, unit) = rate.scaled();
        Self { value, unit }
    }
}

#[derive(Serialize)]
pub(super) struct RatePair {
    downlink: Rate,
    uplink: Rate,
}

impl RatePair {
    pub(super) fn of(uplink: BitRate, downlink: BitRate) -> Self {
        Self { downlink: downlink.into(), uplink: uplink.into() }
    }
}

/// 1 is no, 2 is yes.
#[allow(clippy::struct_field_names, reason = "keys of the file")]
#[derive(Serialize)]
pub(super) struct Priority {
    priority_level: u8,
    pre_emption_capability: u8,
    pre_emption_vulnerability: u8,
}

impl From<Arp> for Priority {
    fn from(arp: Arp) -> Self {
        Self {
            priority_level: arp.priority,
            pre_emption_capability: if arp.may_preempt { 2 } else { 1 },
            pre_emption_vulnerability: if arp.preemptable { 2 } else { 1 },
        }
    }
}

#[derive(Serialize)]
pub(super) struct Quality {
    index: u8,
    arp: Priority,
    #[serde(skip_serializing_if = "Option::is_none")]
    mbr: Option<RatePair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gbr: Option<RatePair>,
}

impl Quality {
    pub(super) fn of_slice(quality: SliceQuality) -> Self {
        Self { index: quality.five_qi, arp: quality.arp.into(), mbr: None, gbr: None }
    }

    fn of_flow(flow: &FlowPlan) -> Self {
        let pair = |rate: BitRate| RatePair::of(rate, rate);
        Self {
            index: flow.five_qi,
            arp: flow.arp.into(),
            mbr: flow.maximum.map(pair),
            gbr: flow.guaranteed.map(pair),
        }
    }
}

#[derive(Serialize)]
pub(super) struct PccRule {
    qos: Quality,
    flow: Vec<Flow>,
}

#[derive(Serialize)]
struct Flow {
    /// 1 is downlink, 2 uplink.
    direction: u8,
    description: String,
}

impl From<&FlowPlan> for PccRule {
    fn from(flow: &FlowPlan) -> Self {
        // the filter is said from the network's side in both directions (TS 29.212, 5.3.8)
        let both = |filter: &FilterPlan| {
            let description = description(filter);
            [Flow { direction: 2, description: description.clone() }, Flow { direction: 1, description }]
        };
        Self { qos: Quality::of_flow(flow), flow: flow.filters.iter().flat_map(both).collect() }
    }
}

/// `permit out tcp from 10.20.1.10/32 502 to assigned`: the remote end is `from`, whoever started.
pub(crate) fn description(filter: &FilterPlan) -> String {
    let protocol = match filter.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Sctp => "132",
        Transport::IcmpEcho if matches!(filter.remote, IpNet::V6(_)) => "58",
        Transport::IcmpEcho => "1",
    };
    let (first, last) = filter.ports;
    let ports = match (filter.transport, first, last) {
        (Transport::IcmpEcho, ..) | (_, 0, u16::MAX) => String::new(),
        _ if first == last => format!(" {first}"),
        _ => format!(" {first}-{last}"),
    };
    let (remote, own) = if filter.remote_serves { (ports.as_str(), "") } else { ("", ports.as_str()) };
    format!("permit out {protocol} from {}{remote} to assigned{own}", filter.remote)
}

/// 1 to 3.
pub(super) fn session_type(kind: PduSessionType) -> u8 {
    match kind {
        PduSessionType::Ipv4 => 1,
        PduSessionType::Ipv6 => 2,
        PduSessionType::Ipv4v6 => 3,
    }
}

#[derive(Clone, Serialize)]
pub(super) struct Server {
    pub(super) address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) port: Option<u16>,
}

#[derive(Serialize)]
pub(super) struct Servers {
    pub(super) server: Vec<Server>,
}

impl Servers {
    pub(super) fn at(addresses: impl IntoIterator<Item = Ipv4Addr>) -> Self {
        let server = |address: Ipv4Addr| Server { address: address.to_string(), port: None };
        Self { server: addresses.into_iter().map(server).collect() }
    }
}

#[derive(Serialize)]
pub(super) struct Uri {
    pub(super) uri: String,
}

#[derive(Serialize)]
struct NrfClient {
    nrf: Vec<Uri>,
}

/// The service-based interface of a function that is not the NRF.
#[derive(Serialize)]
pub(super) struct Sbi {
    server: Vec<Server>,
    client: NrfClient,
}

impl Sbi {
    pub(super) fn of(place: Place, layout: &Layout) -> Self {
        Self { server: vec![place.server()], client: NrfClient { nrf: vec![Uri { uri: layout.nrf.uri() }] } }
    }
}

/// Where a function is reached.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) address: Ipv4Addr,
    pub(super) port: u16,
}

impl Place {
    pub(super) fn server(self) -> Server {
        Server { address: self.address.to_string(), port: Some(self.port) }
    }

    pub(super) fn uri(self) -> String {
        format!("http://{}:{}", self.address, self.port)
    }
}

/// Addresses of all functions: those of the package's devices, or loopback ones of one host.
pub(super) struct Layout {
    pub(super) nrf: Place,
    pub(super) nssf: Place,
    pub(super) amf: Place,
    pub(super) pcf: Place,
}

const SBI_PORT: u16 = 7777;

impl Layout {
    pub(super) fn of(plan: &CorePlan) -> Self {
        let place = |last: u8, offset: u16| match plan.functions {
            // one host: a port each
            Some(address) => Place { address, port: SBI_PORT + offset },
            // as Open5GS's own samples have it
            None => Place { address: Ipv4Addr::new(127, 0, 0, last), port: SBI_PORT },
        };
        Self { nrf: place(10, 0), nssf: place(14, 1), amf: place(5, 2), pcf: place(13, 3) }
    }
}

/// The SMF of a slice.
pub(super) fn smf(plan: &CorePlan, slice: usize) -> Place {
    let declared = plan.slices.get(slice).and_then(|slice| slice.session_management);
    let address = declared.map_or_else(|| loopback(1, slice), |(smf, _)| smf);
    Place { address, port: SBI_PORT }
}

/// The user plane of a slice, as its SMF and the radios see it.
pub(super) fn user_plane(plan: &CorePlan, slice: usize) -> Ipv4Addr {
    let Some(found) = plan.slices.get(slice) else { return loopback(2, 0) };
    found.session_management.map_or_else(|| loopback(2, found.user_plane), |(_, upf)| upf)
}

/// The nth address of a block of loopback addresses: 127.1.0.0/16 for SMFs, 127.2.0.0/16 for UPFs, 127.3.0.0/16 for radios.
pub(crate) fn loopback(block: u8, number: usize) -> Ipv4Addr {
    let base = u32::from(Ipv4Addr::new(127, block, 0, 0));
    Ipv4Addr::from(base | ((number as u32 + 1) & 0xffff))
}
