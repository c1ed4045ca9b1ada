//! One 5G core: which session each subscription gets by the core's own rules, against the places that the topology gives to
//! the devices. The packet filters behind the user planes are proven by those places, so both have to agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use weir_5g_reader::{
    CoreModel, Expected, ExpectedFlow, ExpectedRadio, ExpectedSession, ExpectedSlice, Permission, Quality,
    SliceKey, compare, open5gs::Outcome,
};
use weir_compiler::{
    Facts,
    model::{
        Key,
        fiveg::{FlowQuality, Protection, Slice},
    },
    plan::{AddressSet, GapKind, Plan, PortMatch, Ranges, Transport},
};
use weir_targets::file_name;

use crate::{
    filter::Effort,
    finding::{Fault, Finding},
};

/// Compares what a core was told with what the package says of it.
pub(crate) fn check(
    facts: &Facts,
    plan: &Plan,
    core: usize,
    model: &CoreModel,
    artifact: &str,
    findings: &mut Vec<Finding>,
) -> Effort {
    let (expected, principals) = expected(facts, plan, core);
    let mut say = |what: String| findings.push(Finding::new(artifact, Fault::Session { what }));
    for difference in compare(&expected, model) {
        say(difference.what);
    }
    hairpins(facts, plan, &expected, &principals, model, &mut say);
    Effort {
        requirements: expected.sessions.len() as u64,
        elements: (expected.slices.len() + expected.radios.len()) as u64,
        ..Effort::default()
    }
}

/// Who reaches each other inside of a user plane is known to the package, as a gap.
fn hairpins(
    facts: &Facts,
    plan: &Plan,
    expected: &Expected,
    principals: &[u32],
    model: &CoreModel,
    say: &mut impl FnMut(String),
) {
    let Some(core) = &model.open5gs else { return };
    let mut sessions = Vec::new();
    let mut by_imsi: BTreeMap<(&str, IpAddr), usize> = BTreeMap::new();
    for (at, session) in expected.sessions.iter().enumerate() {
        let slice = &expected.slices[session.slice];
        let Some(area) = slice.tracking.first() else { continue };
        if let Outcome::Session(found) = core.session(&session.imsi, slice.key, &slice.data_network, *area) {
            by_imsi.insert((&session.imsi, IpAddr::V4(found.address)), at);
            sessions.push((session.imsi.clone(), found));
        }
    }
    let addresses: BTreeMap<(&str, &str, ipnet::Ipv4Net), IpAddr> = sessions
        .iter()
        .map(|(imsi, one)| ((imsi.as_str(), one.gateway.as_str(), one.subnet), IpAddr::V4(one.address)))
        .collect();
    for (gateway, subnet, members) in core.hairpins(&sessions) {
        let places = members.iter().filter_map(|imsi| {
            let address = addresses.get(&(imsi.as_str(), gateway.as_str(), subnet))?;
            by_imsi.get(&(imsi.as_str(), *address)).copied()
        });
        let places: Vec<usize> = places.collect();
        let slices: BTreeSet<usize> = places.iter().map(|at| expected.sessions[*at].slice).collect();
        let known = |slice: &usize| {
            let name = &expected.slices[*slice].name;
            plan.gaps.iter().any(|gap| {
                gap.kind == GapKind::Hairpin
                    && gap.place == *name
                    && places.iter().all(|at| gap.who.contains(principals[*at]))
            })
        };
        if slices.len() != 1 || !slices.iter().all(known) {
            let names: Vec<&str> = places
                .iter()
                .take(3)
                .map(|at| facts.model.principal(principals[*at]).name.as_str())
                .collect();
            say(format!(
                "{} reach each other inside of `{gateway}`, and the package knows no such gap",
                names.join(", ")
            ));
        }
    }
}

/// What is required of a core, and the principal of each session.
fn expected(facts: &Facts, plan: &Plan, index: usize) -> (Expected, Vec<u32>) {
    let (model, mobile) = (&facts.model, &facts.model.mobile);
    let core = &mobile.cores[index];
    let own: Vec<usize> =
        (0..mobile.slices.len()).filter(|slice| mobile.slices[*slice].core == index).collect();
    let place: BTreeMap<usize, usize> = own.iter().enumerate().map(|(at, slice)| (*slice, at)).collect();
    let required = |protection| protection == Protection::Required;
    let filters = core.capabilities().is_some_and(|known| known.flows_are_filters);
    let mut expected =
        Expected { mcc: core.plmn.mcc.to_string(), mnc: core.plmn.mnc.to_string(), ..Expected::default() };
    for slice in own.iter().map(|slice| &mobile.slices[*slice]) {
        let plane = model.gateway(slice.user_plane);
        let device = plane.interfaces.iter().find(|one| one.segment == slice.segment);
        let mut tracking: Vec<u32> = slice.area.iter().map(|radio| mobile.radios[*radio].tac).collect();
        tracking.sort_unstable();
        tracking.dedup();
        let pool = model.segment(slice.segment).prefixes.iter().find_map(|net| match net {
            IpNet::V4(net) => Some(net.trunc()),
            IpNet::V6(_) => None,
        });
        expected.slices.push(ExpectedSlice {
            name: slice.name.clone(),
            key: SliceKey::new(slice.snssai.sst, slice.snssai.sd()),
            data_network: slice.dnn.to_string(),
            pool: pool.unwrap_or_default(),
            gateway: file_name(&plane.name),
            device: device.map(|one| one.device.to_string()).unwrap_or_default(),
            is_shared: !slice.dedicated,
            tracking,
            integrity_required: required(slice.security.integrity),
            confidentiality_required: required(slice.security.confidentiality),
            quality: Quality {
                five_qi: slice.quality.five_qi,
                priority: slice.quality.arp.priority,
                uplink: slice.quality.session.uplink.0,
                downlink: slice.quality.session.downlink.0,
            },
            permissions: Vec::new(),
        });
    }
    for (number, radio) in mobile.radios.iter().enumerate().filter(|(_, radio)| radio.core == index) {
        let mut slices: Vec<SliceKey> = own
            .iter()
            .map(|slice| &mobile.slices[*slice])
            .filter(|slice| slice.area.contains(&number))
            .map(|slice| SliceKey::new(slice.snssai.sst, slice.snssai.sd()))
            .collect();
        slices.sort_unstable();
        expected.radios.push(ExpectedRadio { tracking: radio.tac, slices });
    }
    let ways = ways(facts, plan, &place, filters, &mut expected);
    let mut sessions: Vec<(ExpectedSession, u32)> = Vec::new();
    for subscriber in mobile.subscribers.iter().filter(|one| one.core == index) {
        let principal = model.principal(subscriber.principal);
        for (position, session) in subscriber.sessions.iter().enumerate() {
            let Some(slice) = place.get(&session.slice).copied() else { continue };
            let segment = mobile.slices[session.slice].segment;
            // by what the packet filters know the device
            let attachment = principal.attachments.iter().find(|at| at.segment == segment);
            let address =
                attachment.and_then(|at| at.addresses.v4.iter().next()).map(|(first, _)| first.into());
            let Some(address) = address else { continue };
            let key = match &subscriber.key {
                Some(Key::Reference(reference)) => Some(reference.to_string()),
                _ => None,
            };
            let flows = ways.get(&(subscriber.principal, slice)).cloned().unwrap_or_default();
            let session = ExpectedSession {
                imsi: subscriber.supi.digits().to_owned(),
                slice,
                address,
                is_default: position == 0,
                key,
                flows,
            };
            sessions.push((session, subscriber.principal));
        }
    }
    sessions.sort_by(|(a, _), (b, _)| (&a.imsi, a.slice).cmp(&(&b.imsi, b.slice)));
    let (sessions, principals) = sessions.into_iter().unzip();
    expected.sessions = sessions;
    (expected, principals)
}

/// One flow's filters while they are gathered.
type Filters = BTreeMap<(u8, bool, (u16, u16)), Vec<(u32, u32)>>;

/// What flows give to each device in each slice; what slices permit goes to the slices.
fn ways(
    facts: &Facts,
    plan: &Plan,
    place: &BTreeMap<usize, usize>,
    filters: bool,
    expected: &mut Expected,
) -> BTreeMap<(u32, usize), Vec<ExpectedFlow>> {
    let (model, mobile) = (&facts.model, &facts.model.mobile);
    let mut members: BTreeMap<usize, Vec<(u32, u32)>> = BTreeMap::new();
    for subscriber in &mobile.subscribers {
        for session in &subscriber.sessions {
            members.entry(session.slice).or_default().push((subscriber.principal, subscriber.principal));
        }
    }
    let members: BTreeMap<usize, Ranges<u32>> = members
        .into_iter()
        .filter(|(slice, _)| place.contains_key(slice))
        .map(|(slice, ids)| (slice, Ranges::from_unsorted(ids)))
        .collect();
    let everybody = Ranges::from_unsorted(members.values().flat_map(Ranges::iter).collect());
    // by statement and slice: its filters, and who has them
    let mut flows: BTreeMap<(u32, usize), (Filters, BTreeSet<u32>)> = BTreeMap::new();
    for leg in plan.legs.iter().filter(|leg| leg.ports.has_ip()) {
        let quality = facts.statements[leg.statement as usize].conditions.quality.is_some();
        if !quality && !filters {
            continue;
        }
        for (near, far, starts) in
            [(&leg.sources, &leg.destinations, true), (&leg.destinations, &leg.sources, false)]
        {
            if near.intersection(&everybody).is_empty() {
                continue;
            }
            let attachments = far.members().flat_map(|id| &model.principal(id).attachments);
            let far = AddressSet::union_of(attachments.map(|at| &*at.addresses));
            for (slice, own) in &members {
                let inside = near.intersection(own);
                let from_here = leg.through.is_none_or(|through| through == mobile.slices[*slice].segment);
                if inside.is_empty() || (starts && !from_here) {
                    continue;
                }
                let at = place[slice];
                for port in leg.ports.port_matches() {
                    let (protocol, ports, whole) = on_the_wire(port);
                    if filters && starts {
                        let permission =
                            |(first, last): (u32, u32)| Permission { first, last, protocol, ports };
                        expected.slices[at].permissions.extend(far.v4.iter().map(permission));
                    }
                    if quality {
                        let (found, who) = flows.entry((leg.statement, *slice)).or_default();
                        found.entry((protocol, starts || whole, ports)).or_default().extend(far.v4.iter());
                        who.extend(inside.members());
                    }
                }
            }
        }
    }
    let mut ways: BTreeMap<(u32, usize), Vec<ExpectedFlow>> = BTreeMap::new();
    for ((statement, slice), (filters, who)) in flows {
        let Some(quality) = &facts.statements[statement as usize].conditions.quality else { continue };
        let flow = flow(quality, &mobile.slices[slice], filters);
        for principal in who {
            ways.entry((principal, place[&slice])).or_default().push(flow.clone());
        }
    }
    for flows in ways.values_mut() {
        flows.sort();
    }
    ways
}

/// Protocol number, ports, and whether these are all.
fn on_the_wire(port: PortMatch) -> (u8, (u16, u16), bool) {
    let number = match port.transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
        Transport::Sctp => 132,
        Transport::IcmpEcho => return (1, (0, u16::MAX), true),
    };
    (number, (port.first, port.last), (port.first, port.last) == (0, u16::MAX))
}

fn flow(quality: &FlowQuality, slice: &Slice, filters: Filters) -> ExpectedFlow {
    let merged =
        |ranges: Vec<(u32, u32)>| -> Vec<(u32, u32)> { Ranges::from_unsorted(ranges).iter().collect() };
    ExpectedFlow {
        five_qi: quality.five_qi.unwrap_or(slice.quality.five_qi),
        priority: quality.arp.unwrap_or(slice.quality.arp.priority),
        guaranteed: quality.guaranteed.map(|rate| rate.0),
        maximum: quality.maximum.map(|rate| rate.0),
        filters: filters
            .into_iter()
            .map(|((protocol, far_serves, ports), ranges)| (protocol, far_serves, ports, merged(ranges)))
            .collect(),
    }
}
