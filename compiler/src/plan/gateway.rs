//! What one packet-filtering gateway must hold: plain data, all sets resolved to addresses.

use std::{net::IpAddr, sync::Arc};

use smol_str::SmolStr;

use super::{AddressSet, OperationMatch, Ranges};

/// Index into [`GatewayPlan::statements`].
pub type StatementId = u32;

/// The part of the relation that one gateway enforces.
///
/// Invariant: a packet that starts a connection may pass (or enter, or leave) the gateway exactly if some rule of
/// that hook covers its source, destination and service, and a binding covers its source on the interface it came in by.
#[derive(Clone, Debug)]
pub struct GatewayPlan {
    /// The package's name, as `weir.toml` has it.
    pub package: String,
    /// Path of the gateway in the package (`gw_turbine`, `press[3].gw`); not yet fit for a file name.
    pub name: String,
    pub interfaces: Vec<InterfacePlan>,
    /// What the policy says, for names in artifacts and the source map; sorted by id.
    pub statements: Vec<Statement>,
    /// Permissions, deny already subtracted. They may overlap each other.
    pub rules: Vec<PlanRule>,
    /// Which source addresses may arrive by which interface. Disjoint across interfaces where routes are unique; with
    /// equal-cost paths an address may stand at several.
    pub bindings: Vec<Binding>,
    /// Directly attached stations with declared MAC addresses: their source address counts only with that MAC.
    pub mac_bindings: Vec<MacBinding>,
    /// Connections to others that a proxy of the gateway takes, by destination and port. What `rules` permit them, they
    /// permit at [`Hook::Input`], by their destination.
    pub redirects: Vec<Redirect>,
    /// Bridges of the gateway: what passes between their ports is decided here too, frames as such and IP packets by
    /// `rules` of [`Hook::Forward`] (they arrive by the bridge's device).
    pub bridges: Vec<BridgePlan>,
}

/// A bridge inside of a segment.
///
/// Invariant: a frame that is no IP packet, ARP or neighbour discovery passes from one port to another exactly if some
/// entry of `frames` covers it. Source MAC and IP addresses are bound to ports.
#[derive(Clone, Debug)]
pub struct BridgePlan {
    /// Name on the host, as in [`InterfacePlan::device`].
    pub device: String,
    pub ports: Vec<BridgePort>,
    pub frames: Vec<FrameRule>,
    /// Who has to find whose MAC address, in both directions: IPv4 by ARP, IPv6 by neighbour discovery.
    pub neighbours: Vec<(Arc<AddressSet>, Arc<AddressSet>)>,
}

#[derive(Clone, Debug)]
pub struct BridgePort {
    /// Name in the package.
    pub name: String,
    /// Name on the host.
    pub device: String,
    /// The declared MAC addresses behind it, sorted.
    pub macs: Vec<[u8; 6]>,
    /// Source addresses that may arrive by it: of its stations, and of what lies behind routers there.
    pub sources: AddressSet,
    /// Addresses of its stations that have a declared MAC address, with it; sorted.
    pub stations: Vec<(IpAddr, [u8; 6])>,
}

/// A permission of frames: every source may send to every destination, and to `groups`, which go out by the ports of
/// destinations only. Frames are untagged, or carry VLAN id 0 (a priority and nothing else).
#[derive(Clone, Debug)]
pub struct FrameRule {
    pub statement: StatementId,
    /// Sorted.
    pub sources: Vec<PortMac>,
    /// Sorted.
    pub destinations: Vec<PortMac>,
    /// Ports that groups go out by, as places in [`BridgePlan::ports`]; sorted.
    pub listeners: Vec<u32>,
    /// Group MAC addresses, as numbers of 48 bits.
    pub groups: Ranges<u64>,
    pub ethertypes: Ranges<u16>,
    /// What may stand in the 16 bits after the ethertype; anything, where it is `None`.
    pub frame_ids: Option<Ranges<u16>>,
    pub action: Action,
}

/// A station, by its place in [`BridgePlan::ports`] and its MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortMac {
    pub port: u32,
    pub mac: [u8; 6],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfacePlan {
    /// Name in the package (`lan0`).
    pub name: String,
    /// Name on the host (`eth0.10`), at most 15 bytes, no space, `/` or `"`: checked by the model.
    pub device: String,
    /// The gateway's own addresses on it.
    pub addresses: AddressSet,
}

/// One policy statement (`allow` line), by a stable id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// Stable, unique in the package, made of `[A-Za-z0-9_.\[\]-]`: `vibration.3fa2c1`.
    pub id: SmolStr,
    /// What counts and limits it together with others, of the same alphabet: the policy block it stands in
    /// (`vibration`), or its own id where it has a limit.
    pub policy: SmolStr,
}

/// Where in the host a packet is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// Passing through.
    Forward,
    /// To the gateway itself.
    Input,
    /// From the gateway itself.
    Output,
}

/// A permission: every source may start a connection to every destination by every service.
#[derive(Clone, Debug)]
pub struct PlanRule {
    pub statement: StatementId,
    pub hook: Hook,
    /// Shared between rules that have the same set, so that pointer equality is a cheap first test.
    pub sources: Arc<AddressSet>,
    pub destinations: Arc<AddressSet>,
    pub services: Arc<[PortMatch]>,
    pub action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    Tcp,
    Udp,
    Sctp,
    /// ICMP on IPv4 and ICMPv6 on IPv6; `first..=last` are then 0: echo request is the only message a policy opens.
    IcmpEcho,
}

/// A transport and an inclusive range of destination ports (0..=0 for [`Transport::IcmpEcho`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortMatch {
    pub transport: Transport,
    pub first: u16,
    pub last: u16,
}

/// What else the statement says about a permitted connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Action {
    /// New connections per interval; what exceeds it is dropped and counted. With `operations`, an event is a packet that
    /// carries one of them.
    pub limit: Option<Limit>,
    /// Log each new connection (the log itself is rate-limited).
    pub log: bool,
    /// Permit, but log as what enforcement would refuse.
    pub audit: bool,
    /// The end of the permission, in seconds since 1970-01-01T00:00Z; enforced by the kernel's clock, on established
    /// connections too.
    pub until: Option<i64>,
    /// Only these operations of the protocol: packets of the connection are judged one by one.
    pub operations: Option<Arc<OperationMatch>>,
}

/// `count` events in each `seconds`: 50/s is (50, 1), 6/min is (6, 60).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Limit {
    pub count: u32,
    pub seconds: u32,
}

/// Connections from `sources` to a port of somebody behind the gateway come to a port of the gateway's own instead. No
/// rule of [`Hook::Forward`] covers any of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Sorted.
    pub statements: Vec<StatementId>,
    /// Of the destination's family.
    pub sources: AddressSet,
    pub destination: IpAddr,
    /// TCP.
    pub port: u16,
    /// The gateway's own.
    pub to: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// [`InterfacePlan::device`].
    pub device: String,
    pub sources: AddressSet,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MacBinding {
    pub device: String,
    pub mac: [u8; 6],
    pub address: IpAddr,
}
