//! What a model and a plan say about one packet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::packets::mac_number;
use weir_compiler::plan::{self, GatewayPlan, Transport};
use weir_nftables_reader::{
    Arrivals, Attempt, Binding, Family, FilterModel, Hook, Packet, Station, address_name, device_name,
};

/// Whether a model lets the first packet of a connection pass. Without bytes it carries no data.
pub(crate) fn permits(model: &FilterModel, packet: &Packet) -> bool {
    if packet.hook != Hook::Output && !arrives(&model.arrivals, packet) {
        return false;
    }
    let hook = model.hook(packet.hook);
    let attempts = if packet.family == Family::V4 { &hook.v4 } else { &hook.v6 };
    attempts.iter().any(|attempt| {
        covers(attempt, packet)
            && model.outcome(attempt).unwrap().steps.iter().any(|step| {
                step.until.is_none_or(|until| packet.time.cast_signed() < until)
                    && (step.limit.is_none() || !packet.exhausted || step.operations.is_some())
                    && (step.operations.is_none() || packet.protocol == 6)
            })
    })
}

pub(crate) fn covers(attempt: &Attempt, packet: &Packet) -> bool {
    let within = |(first, last): (u128, u128), value: u128| first <= value && value <= last;
    attempt.protocol == packet.protocol
        && attempt.ports.0 <= packet.port
        && packet.port <= attempt.ports.1
        && within(attempt.destinations, packet.destination)
        && attempt.sources.iter().any(|range| within(*range, packet.source))
}

fn arrives(arrivals: &Arrivals, packet: &Packet) -> bool {
    let device = device_name(packet.device);
    if device == "lo" {
        return true;
    }
    let (bindings, stations, bound): (&[Binding], &[Station], _) = match packet.family {
        Family::V4 => (&arrivals.v4, &arrivals.stations_v4, &arrivals.bound_v4),
        Family::V6 => (&arrivals.v6, &arrivals.stations_v6, &arrivals.bound_v6),
    };
    let local = packet.family == Family::V6 && (packet.source == 0 || packet.source >> 118 == 0xfe80 >> 6);
    let bound_here = |(first, last): (u128, u128)| first <= packet.source && packet.source <= last;
    if !local && !bindings.iter().any(|one| *one.device == *device && bound_here(one.sources)) {
        return false;
    }
    let here = |one: &Station| *one.device == *device && one.address == packet.source;
    stations.iter().any(|one| here(one) && packet.mac == Some(mac_number(one.mac)))
        || !bound.iter().any(|one| *one.device == *device && one.address == packet.source)
}

fn address(family: Family, value: u128) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::from_bits(value as u32).into(),
        Family::V6 => Ipv6Addr::from_bits(value).into(),
    }
}

/// Whether a plan lets it pass. Says nothing about the exceptions of neighbour discovery and loopback.
pub(crate) fn planned(plan: &GatewayPlan, packet: &Packet) -> bool {
    let (source, destination) =
        (address(packet.family, packet.source), address(packet.family, packet.destination));
    let device = device_name(packet.device);
    if packet.hook != Hook::Output {
        let stations =
            || plan.mac_bindings.iter().filter(|one| one.device == device && one.address == source);
        let bound = plan.bindings.iter().any(|one| one.device == device && one.sources.contains(source));
        if !bound
            || stations().next().is_some() && !stations().any(|one| packet.mac == Some(mac_number(one.mac)))
        {
            return false;
        }
    }
    let hook = match packet.hook {
        Hook::Forward => plan::Hook::Forward,
        Hook::Input => plan::Hook::Input,
        Hook::Output => plan::Hook::Output,
    };
    plan.rules.iter().any(|rule| {
        let served = rule.services.iter().any(|service| match service.transport {
            Transport::IcmpEcho => match packet.family {
                Family::V4 => packet.protocol == 1 && packet.port == 8 << 8,
                Family::V6 => packet.protocol == 58 && packet.port == 128 << 8,
            },
            transport => {
                let number = match transport {
                    Transport::Tcp => 6,
                    Transport::Udp => 17,
                    _ => 132,
                };
                packet.protocol == number && service.first <= packet.port && packet.port <= service.last
            }
        });
        rule.hook == hook
            && served
            && rule.sources.contains(source)
            && rule.destinations.contains(destination)
            && rule.action.until.is_none_or(|until| packet.time.cast_signed() < until)
            && (rule.action.limit.is_none() || !packet.exhausted || rule.action.operations.is_some())
            && (rule.action.operations.is_none() || packet.protocol == 6)
    })
}

/// A packet as people read it.
pub(crate) fn describe(packet: &Packet) -> String {
    format!(
        "{} {} {} -> {} {}/{} at {}{}",
        packet.hook.name(),
        device_name(packet.device),
        address_name(packet.family, packet.source),
        address_name(packet.family, packet.destination),
        packet.protocol,
        packet.port,
        packet.time,
        if packet.exhausted { ", no tokens" } else { "" }
    )
}
