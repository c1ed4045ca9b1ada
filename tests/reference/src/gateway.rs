//! What the plan of one gateway does to one packet.

use std::net::IpAddr;

use weir_compiler::plan::{GatewayPlan, Hook, PlanRule};

use crate::Wire;

/// The first packet of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'p> {
    pub hook: Hook,
    /// The host's interface by which it arrives; none, if the gateway itself sends it.
    pub arrives_by: Option<&'p str>,
    pub source: IpAddr,
    /// The sender's hardware address, where its frame has one.
    pub mac: Option<[u8; 6]>,
    pub destination: IpAddr,
    pub wire: Wire,
    /// When, in seconds since 1970.
    pub at: i64,
}

#[derive(Clone, Copy, Debug)]
pub enum Decision<'p> {
    Accepted(&'p PlanRule),
    /// The source does not belong to the interface.
    Spoofed,
    /// No rule permits it.
    Refused,
}

impl Decision<'_> {
    pub fn accepts(self) -> bool {
        matches!(self, Self::Accepted(_))
    }
}

pub fn decide<'p>(plan: &'p GatewayPlan, packet: &Packet<'_>) -> Decision<'p> {
    if packet.arrives_by.is_some_and(|device| !bound(plan, device, packet)) {
        return Decision::Spoofed;
    }
    plan.rules.iter().find(|rule| permits(rule, packet)).map_or(Decision::Refused, Decision::Accepted)
}

/// Whether the source may arrive by this interface.
pub fn bound(plan: &GatewayPlan, device: &str, packet: &Packet<'_>) -> bool {
    let placed = plan
        .bindings
        .iter()
        .any(|binding| binding.device == device && binding.sources.contains(packet.source));
    let mut declared = plan
        .mac_bindings
        .iter()
        .filter(|binding| binding.device == device && binding.address == packet.source)
        .peekable();
    placed && (declared.peek().is_none() || declared.any(|binding| Some(binding.mac) == packet.mac))
}

/// Whether one rule covers the packet.
pub fn permits(rule: &PlanRule, packet: &Packet<'_>) -> bool {
    rule.hook == packet.hook
        && rule.sources.contains(packet.source)
        && rule.destinations.contains(packet.destination)
        && rule.action.until.is_none_or(|until| packet.at < until)
        && rule.services.iter().any(|range| packet.wire.is_in(*range))
}
