//! What each point that ends connections has to permit, derived from rectangles anew: who its clients are, on which
//! ports, to which destination, and what of the protocol.
//!
//! Of the plan it takes by which point a flow is led, which [`crate::legs`] checks.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use weir_compiler::{
    Facts,
    flows::{PortSet, Rectangle},
    model::{Principal, Protocol, TransportMatch},
    plan::{Leg, Plan, PortMatch, Ranges, Transport, proxies::ProxyKind},
};

/// Rectangles that concern points, by point.
#[derive(Debug, Default)]
pub(crate) struct Points {
    of_point: BTreeMap<u32, Concerns>,
}

#[derive(Debug, Default)]
pub(crate) struct Concerns {
    /// Flows that run by way of the point.
    pub(crate) led: Vec<u32>,
    /// Those of them whose connections its packet filter takes on their way.
    pub(crate) taken: BTreeSet<u32>,
    /// Flows that end there.
    pub(crate) ending: Vec<u32>,
}

impl Points {
    pub(crate) fn derive(facts: &Facts, plan: &Plan) -> Self {
        let points = facts.model.principals_where(Principal::terminates);
        let mut found = Self::default();
        if points.is_empty() {
            return found;
        }
        let mut led = vec![None; facts.rectangles.len()];
        let taken: BTreeSet<u32> =
            plan.legs.iter().filter(|leg| leg.taken_by.is_some()).map(|leg| leg.rectangle).collect();
        for leg in &plan.legs {
            if let Some(rectangle) = facts.rectangles.get(leg.rectangle as usize)
                && let Some(point) = led_by(rectangle, leg)
            {
                led[leg.rectangle as usize] = Some(point);
            }
        }
        for (index, rectangle) in (0..).zip(&facts.rectangles) {
            if let Some(point) = led[index as usize] {
                let concerns = found.of_point.entry(point).or_default();
                concerns.led.push(index);
                if taken.contains(&index) {
                    concerns.taken.insert(index);
                }
                continue;
            }
            for point in rectangle.destinations.intersection(&points).members() {
                found.of_point.entry(point).or_default().ending.push(index);
            }
        }
        found
    }

    pub(crate) fn of(&self, point: u32) -> Option<&Concerns> {
        self.of_point.get(&point)
    }

    /// The kinds of proxies that have to be somewhere, by point.
    pub(crate) fn kinds<'s>(&'s self, facts: &'s Facts) -> impl Iterator<Item = (u32, ProxyKind)> + 's {
        self.of_point.iter().flat_map(move |(point, concerns)| {
            let principal = facts.model.principal(*point);
            let mut kinds: Vec<ProxyKind> = concerns
                .led
                .iter()
                .map(|index| (index, true))
                .chain(concerns.ending.iter().map(|index| (index, false)))
                .filter_map(|(index, led)| {
                    let rectangle = &facts.rectangles[*index as usize];
                    (led || rectangle.demand.is_some())
                        .then(|| kind_of(principal, protocol(facts, rectangle)))
                })
                .flatten()
                .collect();
            kinds.sort_unstable();
            kinds.dedup();
            kinds.into_iter().map(|kind| (*point, kind))
        })
    }
}

/// The point, where a leg is the second half of a flow's way.
fn led_by(rectangle: &Rectangle, leg: &Leg) -> Option<u32> {
    match leg.sources.as_slice() {
        [(first, last)] if leg.taken_by.is_none() && first == last && leg.sources != rectangle.sources => {
            (*leg.destinations == *rectangle.destinations).then_some(*first)
        }
        _ => None,
    }
}

pub(crate) fn protocol<'f>(facts: &'f Facts, rectangle: &Rectangle) -> Option<&'f Protocol> {
    let named = rectangle.protocol.or(rectangle.demand.as_ref().map(|demand| demand.protocol))?;
    Some(facts.model.protocols.get(named))
}

/// Which proxy of a point reads a protocol: the one made for it, else an Envoy, which passes on what it cannot read.
pub(crate) fn kind_of(point: &Principal, protocol: Option<&Protocol>) -> Option<ProxyKind> {
    let has = |word: &str| point.details.enforces.contains(&word);
    match protocol.map(|protocol| protocol.name.as_str()) {
        Some("std.ot.modbus" | "std.ot.modbus_security") if has("modbus") => Some(ProxyKind::Modbus),
        Some("std.it.mqtt" | "std.it.mqtts") if has("mosquitto") => Some(ProxyKind::Mosquitto),
        _ => has("envoy").then_some(ProxyKind::Envoy),
    }
}

pub(crate) fn covers(rectangle: &Rectangle, port: u16) -> bool {
    let one = PortMatch { transport: Transport::Tcp, first: port, last: port };
    rectangle.ports.covers(&PortSet::of(&[TransportMatch::Ports(one)]))
}

/// The TCP ports of a flow, where it names single ones.
pub(crate) fn ports(rectangle: &Rectangle) -> Vec<u16> {
    let single = |port: &PortMatch| port.transport == Transport::Tcp && port.first == port.last;
    rectangle.ports.port_matches().iter().filter(|port| single(port)).map(|port| port.first).collect()
}

/// Whether a proxy that listens at these addresses is met wherever its point is; no address is every address.
pub(crate) fn listens(point: &Principal, addresses: &[IpAddr]) -> bool {
    addresses.is_empty() || point.addresses() == addresses.iter().copied().collect()
}

/// Sources of a flow, without the point itself.
pub(crate) fn clients(rectangle: &Rectangle, point: u32) -> Ranges<u32> {
    rectangle.sources.difference(&Ranges::from_unsorted(vec![(point, point)]))
}
