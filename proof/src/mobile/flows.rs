//! What the legs give to each device in each slice, and to each slice as a whole.

use std::collections::{BTreeMap, BTreeSet};

use weir_5g_reader::{Expected, ExpectedFlow, FilterKey, Filters, Permission, RuleQuality};
use weir_compiler::{
    Facts,
    model::fiveg::{FlowQuality, Slice},
    plan::{AddressSet, Plan, PortMatch, Transport},
};

use super::expected::Members;

/// Flows with a quality of their own, by device and slice of the core. What slices permit, where the core filters, and the
/// statements that concern them go to the slices.
pub(super) fn ways(
    facts: &Facts,
    plan: &Plan,
    members: &Members,
    filters: bool,
    expected: &mut Expected,
) -> BTreeMap<(u32, usize), Vec<ExpectedFlow>> {
    let (model, mobile) = (&facts.model, &facts.model.mobile);
    // by statement and slice: its filters, and who has them
    let mut flows: BTreeMap<(u32, usize), (Filters, BTreeSet<u32>)> = BTreeMap::new();
    let mut statements: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); members.of.len()];
    for leg in plan.legs.iter().filter(|leg| leg.ports.has_ip()) {
        let statement = &facts.statements[leg.statement as usize];
        let quality = statement.conditions.quality.as_ref();
        for (near, far, starts) in
            [(&leg.sources, &leg.destinations, true), (&leg.destinations, &leg.sources, false)]
        {
            if near.intersection(&members.everybody).is_empty() {
                continue;
            }
            let mut addresses: Option<AddressSet> = None;
            for (at, (slice, own)) in members.of.iter().enumerate() {
                let slice = &mobile.slices[*slice];
                let inside = near.intersection(own);
                let from_here = leg.through.is_none_or(|through| through == slice.segment);
                if inside.is_empty() || (starts && !from_here) {
                    continue;
                }
                statements[at].insert(&statement.id);
                if quality.is_none() && !(filters && starts) {
                    continue;
                }
                let far = addresses.get_or_insert_with(|| {
                    let attachments = far.members().flat_map(|id| &model.principal(id).attachments);
                    AddressSet::union_of(attachments.map(|at| &*at.addresses))
                });
                for port in leg.ports.port_matches() {
                    if filters && starts {
                        permit(slice, quality, port, far, &mut expected.slices[at].permissions);
                    }
                    if quality.is_some() {
                        let (found, who) = flows.entry((leg.statement, at)).or_default();
                        add(found, port, starts, far, slice_families(facts, slice));
                        who.extend(inside.members());
                    }
                }
            }
        }
    }
    for (slice, ids) in expected.slices.iter_mut().zip(statements) {
        if let Some((_, known)) = &mut slice.filter {
            *known = ids.into_iter().map(str::to_owned).collect();
        }
    }
    let mut ways: BTreeMap<(u32, usize), Vec<ExpectedFlow>> = BTreeMap::new();
    for ((statement, at), (filters, who)) in flows {
        let Some(quality) = &facts.statements[statement as usize].conditions.quality else { continue };
        let flow = flow(quality, &mobile.slices[members.of[at].0], filters);
        for principal in who {
            ways.entry((principal, at)).or_default().push(flow.clone());
        }
    }
    for flows in ways.values_mut() {
        flows.sort();
    }
    ways
}

/// Whether a slice's UEs have addresses of IPv4, and of IPv6.
fn slice_families(facts: &Facts, slice: &Slice) -> (bool, bool) {
    let addresses = &facts.model.segment(slice.segment).addresses;
    (!addresses.v4.is_empty(), !addresses.v6.is_empty())
}

fn permit(
    slice: &Slice,
    quality: Option<&FlowQuality>,
    port: PortMatch,
    far: &AddressSet,
    permissions: &mut Vec<Permission>,
) {
    let (protocol, ports, _) = on_the_wire(port, false);
    let default =
        RuleQuality { five_qi: slice.quality.five_qi, priority: slice.quality.arp.priority, maximum: None };
    let quality = quality.map_or(default, |quality| RuleQuality {
        five_qi: quality.five_qi.unwrap_or(default.five_qi),
        priority: quality.arp.unwrap_or(default.priority),
        maximum: quality.maximum.map(|rate| rate.0),
    });
    let permission = |(first, last): (u32, u32)| Permission { first, last, protocol, ports, quality };
    permissions.extend(far.v4.iter().map(permission));
}

fn add(filters: &mut Filters, port: PortMatch, starts: bool, far: &AddressSet, (v4, v6): (bool, bool)) {
    let key = |is_v6| {
        let (protocol, ports, whole) = on_the_wire(port, is_v6);
        FilterKey { protocol, far_serves: starts || whole, ports, is_v6 }
    };
    if v4 && !far.v4.is_empty() {
        let ranges = far.v4.iter().map(|(first, last)| (first.into(), last.into()));
        filters.0.entry(key(false)).or_default().extend(ranges);
    }
    if v6 && !far.v6.is_empty() {
        filters.0.entry(key(true)).or_default().extend(far.v6.iter());
    }
}

/// Protocol number, ports, and whether these are all.
fn on_the_wire(port: PortMatch, is_v6: bool) -> (u8, (u16, u16), bool) {
    let number = match port.transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
        Transport::Sctp => 132,
        Transport::IcmpEcho => return (if is_v6 { 58 } else { 1 }, (0, u16::MAX), true),
    };
    (number, (port.first, port.last), (port.first, port.last) == (0, u16::MAX))
}

fn flow(quality: &FlowQuality, slice: &Slice, filters: Filters) -> ExpectedFlow {
    let arp = slice.quality.arp;
    ExpectedFlow {
        five_qi: quality.five_qi.unwrap_or(slice.quality.five_qi),
        priority: quality.arp.unwrap_or(arp.priority),
        preemptable: arp.preemptable,
        guaranteed: quality.guaranteed.map(|rate| rate.0),
        maximum: quality.maximum.map(|rate| rate.0),
        // documents have whole milliseconds
        period: quality.period.map(|nanoseconds| nanoseconds.div_ceil(1_000_000) * 1000),
        filters: filters.merged(),
    }
}
