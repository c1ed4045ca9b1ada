//! Comparisons of the reference evaluator with the engine and with the plan.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use weir_compiler::{
    Facts,
    model::{Attachment, Model, PrincipalKind, SegmentId, Service, TransportMatch},
    plan::{AddressSet, GatewayPlan, Hook, Plan, Transport},
};
use weir_reference::{
    Wire,
    gateway::{Packet, decide, permits},
    language,
    topology::{Path, devices, paths, paths_between},
};

pub(crate) const NOW: i64 = 1_790_000_000;

/// What the reference evaluator says of every pair and every wire.
pub(crate) struct Table {
    pub(crate) wires: Vec<Wire>,
    principals: usize,
    permitted: Vec<bool>,
}

impl Table {
    pub(crate) fn new(facts: &Facts) -> Self {
        let wires = wires(facts);
        let principals = facts.model.principals.len();
        let mut permitted = Vec::with_capacity(principals * principals * wires.len());
        for source in 0..principals as u32 {
            for destination in 0..principals as u32 {
                for wire in &wires {
                    let verdict =
                        language::permits(&facts.model, &facts.statements, source, destination, *wire);
                    permitted.push(verdict.permits());
                }
            }
        }
        Self { wires, principals, permitted }
    }

    pub(crate) fn permits(&self, source: u32, destination: u32, wire: usize) -> bool {
        let pair = source as usize * self.principals + destination as usize;
        self.permitted[pair * self.wires.len() + wire]
    }
}

/// Both ends of every range of ports that the package names, and the ports beside them.
pub(crate) fn wires(facts: &Facts) -> Vec<Wire> {
    let mut all = BTreeSet::from([Wire::Echo, Wire::Ethertype(0x8892)]);
    let mut around = |transport: &TransportMatch| {
        let TransportMatch::Ports(range) = transport else { return };
        let make = match range.transport {
            Transport::Tcp => Wire::Tcp,
            Transport::Udp => Wire::Udp,
            Transport::Sctp => Wire::Sctp,
            Transport::IcmpEcho => return,
        };
        let ports = [
            range.first.saturating_sub(1),
            range.first,
            range.last,
            range.last.saturating_add(1),
            0,
            u16::MAX,
        ];
        all.extend(ports.map(make));
    };
    let model = &facts.model;
    model
        .protocols
        .list
        .iter()
        .filter(|protocol| protocol.name.starts_with('p'))
        .flat_map(|p| &p.transports)
        .for_each(&mut around);
    let served = model
        .principals
        .iter()
        .flat_map(|principal| principal.details.serves.iter().flat_map(|list| list.iter()));
    served.filter_map(|served| served.port.as_ref()).for_each(&mut around);
    for service in facts.statements.iter().flat_map(|statement| &statement.services) {
        if let Service::Transport(transport) = service {
            around(transport);
        }
    }
    all.into_iter().collect()
}

/// The engine's rectangles hold exactly what the evaluator permits.
pub(crate) fn rectangles(facts: &Facts, table: &Table) -> Result<(), String> {
    let ethertypes = |rectangle: &weir_compiler::flows::Rectangle, wire| match wire {
        Wire::Ethertype(number) => rectangle.ports.ethertypes.contains(number),
        _ => rectangle.ports.port_matches().iter().any(|range| wire.is_in(*range)),
    };
    let contents: Vec<Vec<bool>> = facts
        .rectangles
        .iter()
        .map(|rectangle| table.wires.iter().map(|wire| ethertypes(rectangle, *wire)).collect())
        .collect();
    for source in 0..table.principals as u32 {
        for destination in 0..table.principals as u32 {
            let covering: Vec<&Vec<bool>> = facts
                .rectangles
                .iter()
                .zip(&contents)
                .filter(|(rectangle, _)| {
                    rectangle.sources.contains(source) && rectangle.destinations.contains(destination)
                })
                .map(|(_, content)| content)
                .collect();
            for (index, wire) in table.wires.iter().enumerate() {
                let engine = covering.iter().any(|content| content[index]);
                if engine != table.permits(source, destination, index) {
                    let name = |id: u32| facts.model.principals[id as usize].name.clone();
                    return Err(format!(
                        "{} -> {} : {wire:?}: engine says {engine}",
                        name(source),
                        name(destination)
                    ));
                }
            }
        }
    }
    Ok(())
}

/// The lowest and the highest address of each range.
pub(crate) fn ends(set: &AddressSet) -> Vec<IpAddr> {
    let v4 =
        set.v4.iter().flat_map(|(first, last)| [first, last]).map(|bits| Ipv4Addr::from_bits(bits).into());
    let v6 =
        set.v6.iter().flat_map(|(first, last)| [first, last]).map(|bits| Ipv6Addr::from_bits(bits).into());
    let mut all: Vec<IpAddr> = v4.chain(v6).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Every gateway on every path lets through what the evaluator permits, and nothing else.
pub(crate) fn ways(facts: &Facts, plan: &Plan, table: &Table) -> Result<(), String> {
    let model = &facts.model;
    for source in 0..table.principals as u32 {
        for destination in (0..table.principals as u32).filter(|other| *other != source) {
            for path in paths_between(model, source, destination) {
                for (from, to) in address_pairs(model, source, destination, &path) {
                    for (index, wire) in table.wires.iter().enumerate().filter(|(_, wire)| wire.is_ip()) {
                        let expected = table.permits(source, destination, index);
                        let on_the_way =
                            decisions(model, plan, (source, destination), &path, (from, to), *wire);
                        if let Some(wrong) = on_the_way.iter().find(|(_, accepts)| *accepts != expected) {
                            return Err(format!(
                                "{from} -> {to} : {wire:?} on {path:?} at {}: {}",
                                wrong.0, wrong.1
                            ));
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

fn address_pairs(model: &Model, source: u32, destination: u32, path: &Path) -> Vec<(IpAddr, IpAddr)> {
    let on = |principal: u32, segment| {
        let attachments = &model.principals[principal as usize].attachments;
        attachments
            .iter()
            .filter(|one| one.segment == segment)
            .flat_map(|one| ends(&one.addresses))
            .collect::<Vec<_>>()
    };
    let (from, to) = (on(source, path.from), on(destination, path.to));
    from.iter()
        .flat_map(|from| to.iter().map(|to| (*from, *to)))
        .filter(|(from, to)| from.is_ipv4() == to.is_ipv4())
        .collect()
}

/// What each gateway on a path does to the packet, ends included.
fn decisions(
    model: &Model,
    plan: &Plan,
    (source, destination): (u32, u32),
    path: &Path,
    (from, to): (IpAddr, IpAddr),
    wire: Wire,
) -> Vec<(String, bool)> {
    let planned = |name: &str| plan.gateways.iter().find(|gateway| gateway.name == name);
    let mac = model.principals[source as usize].mac;
    let packet = Packet {
        hook: Hook::Forward,
        arrives_by: None,
        source: from,
        mac: None,
        destination: to,
        wire,
        at: NOW,
    };
    let mut all = Vec::new();
    let mut push = |plan: &GatewayPlan, packet: Packet<'_>, note: &str| {
        all.push((format!("{} {note} {:?}", plan.name, packet.arrives_by), decide(plan, &packet).accepts()));
    };
    if let Some(plan) = planned(&model.principals[source as usize].name) {
        push(plan, Packet { hook: Hook::Output, ..packet }, "output");
    }
    for (rank, hop) in path.hops.iter().enumerate() {
        let gateway = model.gateway(hop.gateway);
        if let Some(plan) = planned(&gateway.name) {
            for device in devices(gateway, hop.from) {
                // the frame is the source's own on its own segment only
                let mac = if rank == 0 { mac } else { None };
                push(plan, Packet { arrives_by: Some(device), mac, ..packet }, "forward");
            }
        }
    }
    let end = &model.principals[destination as usize];
    if end.kind == PrincipalKind::Gateway
        && let Some(plan) = planned(&end.name)
        && let Some(gateway) = model.gateways.iter().find(|gateway| gateway.name == end.name.as_str())
    {
        for device in devices(gateway, path.to) {
            let mac = if path.hops.is_empty() { mac } else { None };
            push(plan, Packet { hook: Hook::Input, arrives_by: Some(device), mac, ..packet }, "input");
        }
    }
    all
}

/// An address is bound to an interface only if that is the way by which its packets come: no interface of the gateway
/// is nearer to the segment that the address belongs to.
pub(crate) fn bindings(facts: &Facts, plan: &Plan) -> Result<(), String> {
    let model = &facts.model;
    for planned in &plan.gateways {
        let Some(gateway) = model.gateways.iter().find(|gateway| gateway.name == planned.name) else {
            continue;
        };
        for (index, segment) in model.segments.iter().enumerate() {
            let home = SegmentId(index as u32);
            let far = |to| paths(model, home, to).first().map(|path| path.hops.len());
            let lengths: Vec<_> = gateway.interfaces.iter().map(|interface| far(interface.segment)).collect();
            let nearest = lengths.iter().flatten().min().copied();
            let standing = |one: &&Attachment| one.segment == home;
            let places =
                model.principals.iter().flat_map(|principal| &principal.attachments).filter(standing);
            let addresses: Vec<IpAddr> = places.flat_map(|place| ends(&place.addresses)).collect();
            for binding in &planned.bindings {
                let interfaces = gateway.interfaces.iter().zip(&lengths);
                let named = |device: &str| device == binding.device;
                if interfaces.clone().any(|(one, length)| named(&one.device) && *length == nearest) {
                    continue;
                }
                if let Some(address) = addresses.iter().find(|address| binding.sources.contains(**address)) {
                    let (at, from) = (&planned.name, &segment.name);
                    return Err(format!("{address} of {from} is bound to {} of {at}", binding.device));
                }
            }
        }
    }
    Ok(())
}

/// No rule of any gateway covers a pair of addresses whose owners the evaluator keeps apart, whichever way packets
/// come; and rules of a gateway's own traffic are about the gateway.
pub(crate) fn no_more(facts: &Facts, plan: &Plan, table: &Table) -> Result<(), String> {
    let model = &facts.model;
    let owned: Vec<AddressSet> =
        model.principals.iter().map(weir_compiler::model::Principal::addresses).collect();
    let owner =
        |address: IpAddr| owned.iter().position(|set| set.contains(address)).map(|index| index as u32);
    let mut addresses: Vec<IpAddr> = owned.iter().flat_map(ends).collect();
    for segment in &model.segments {
        // of nobody
        addresses.extend(segment.prefixes.iter().filter_map(|net| net.hosts().nth(250)));
        addresses.extend(segment.prefixes.iter().map(ipnet::IpNet::network));
    }
    for gateway in &plan.gateways {
        for rule in &gateway.rules {
            let inside =
                |set: &AddressSet| addresses.iter().copied().filter(|a| set.contains(*a)).collect::<Vec<_>>();
            let (sources, destinations) = (inside(&rule.sources), inside(&rule.destinations));
            for from in &sources {
                for to in destinations.iter().filter(|to| to.is_ipv4() == from.is_ipv4()) {
                    for (index, wire) in table.wires.iter().enumerate() {
                        let packet = Packet {
                            hook: rule.hook,
                            arrives_by: None,
                            source: *from,
                            mac: None,
                            destination: *to,
                            wire: *wire,
                            at: NOW,
                        };
                        if !permits(rule, &packet) {
                            continue;
                        }
                        let pair = owner(*from).zip(owner(*to));
                        let known = |id: u32| model.principals[id as usize].name == gateway.name.as_str();
                        let right = pair.is_some_and(|(source, destination)| {
                            table.permits(source, destination, index)
                                && (rule.hook != Hook::Input || known(destination))
                                && (rule.hook != Hook::Output || known(source))
                        });
                        if !right {
                            return Err(format!(
                                "{} permits {from} -> {to} : {wire:?} by {rule:?}",
                                gateway.name
                            ));
                        }
                    }
                }
            }
        }
    }
    Ok(())
}
