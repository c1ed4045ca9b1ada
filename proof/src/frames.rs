//! Bridges: which frames pass, by which hardware addresses and ports, and whose addresses count at a port.

use std::{collections::BTreeSet, net::IpAddr, ops::ControlFlow, sync::Arc};

use weir_compiler::{
    model::Bridge,
    plan::{AddressSet, BridgePort, GatewayPlan, Ranges},
};
use weir_engine::{Budget, Range, Space};
use weir_nftables_reader::{Binding, BridgeModel, FilterModel, FrameStep, Step};

use crate::{
    finding::{Fault, Finding},
    specification::{FrameRequirement, Specification},
    terms::Judge,
};

/// Link-local addresses of IPv6, which every station may have and advertise.
const LINK_LOCAL: (u128, u128) = (0xfe80 << 112, (0xfec0 << 112) - 1);

/// Compares what bridges let pass. `bridges` are those of the model, in its order.
pub(crate) fn compare(
    specification: &Specification,
    requirements: &[FrameRequirement],
    bridges: &[&Bridge],
    plan: &GatewayPlan,
    model: &FilterModel,
    artifact: &str,
    budget: Budget,
    findings: &mut Vec<Finding>,
) {
    let nothing = BridgeModel::default();
    let found = match &model.bridge {
        Some(found) => found,
        None if plan.bridges.is_empty() && bridges.is_empty() => return,
        None => &nothing,
    };
    let mut wrong = |what: String, places: Vec<String>| {
        let mut finding = Finding::new(artifact, Fault::Arrival { what });
        finding.places = places;
        findings.push(finding);
    };
    devices(bridges, plan, found, &mut wrong);
    for port in plan.bridges.iter().flat_map(|bridge| &bridge.ports) {
        sources(port, found, model, &mut wrong);
    }
    stations(plan, found, &mut wrong);
    if !same_neighbours(plan, found, budget) {
        wrong("ARP between other stations passes a bridge than have flows".into(), Vec::new());
    }
    discovery(plan, found, &mut wrong);
    frames(specification, requirements, bridges, found, model, artifact, budget, findings);
}

fn devices(
    bridges: &[&Bridge],
    plan: &GatewayPlan,
    found: &BridgeModel,
    wrong: &mut impl FnMut(String, Vec<String>),
) {
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names.dedup();
        names
    };
    let wanted = sorted(bridges.iter().map(|bridge| bridge.device.to_string()).collect());
    let planned = sorted(plan.bridges.iter().map(|bridge| bridge.device.clone()).collect());
    let read = sorted(found.bridges.iter().map(ToString::to_string).collect());
    if wanted != read || planned != read {
        wrong("other bridges are filtered than the package declares".into(), Vec::new());
    }
    let ports = bridges.iter().flat_map(|bridge| &bridge.ports);
    let wanted = sorted(ports.map(|port| port.device.to_string()).collect());
    let read = sorted(found.ports.iter().map(ToString::to_string).collect());
    if wanted != read {
        wrong("sources are bound at other ports than the package declares".into(), Vec::new());
    }
}

/// Which addresses may come by a port.
fn sources(
    port: &BridgePort,
    found: &BridgeModel,
    model: &FilterModel,
    wrong: &mut impl FnMut(String, Vec<String>),
) {
    let here = |bindings: &[Binding]| -> Vec<Range> {
        let of_port = bindings.iter().filter(|binding| *binding.device == *port.device);
        of_port.map(|binding| binding.sources).collect()
    };
    let v4 = here(&found.v4).into_iter().map(|(first, last)| (first as u32, last as u32)).collect();
    let read = AddressSet { v4: Ranges::from_unsorted(v4), v6: Ranges::from_unsorted(here(&found.v6)) };
    if let Some(address) = read.difference(&port.sources).first() {
        let places = found.v4.iter().chain(&found.v6).filter(|binding| *binding.device == *port.device);
        wrong(
            format!("{address} may come by port `{}`, and stands elsewhere", port.device),
            places.take(1).map(|binding| model.describe(binding.place)).collect(),
        );
    }
    if let Some(address) = port.sources.difference(&read).first() {
        wrong(format!("{address} may not come by port `{}`, and stands behind it", port.device), Vec::new());
    }
}

/// Hardware addresses at their ports, and with their addresses.
fn stations(plan: &GatewayPlan, found: &BridgeModel, wrong: &mut impl FnMut(String, Vec<String>)) {
    let ports = || plan.bridges.iter().flat_map(|bridge| &bridge.ports);
    let wanted: BTreeSet<(&str, u64)> =
        ports().flat_map(|port| port.macs.iter().map(|mac| (port.device.as_str(), number(*mac)))).collect();
    let read: BTreeSet<(&str, u64)> = found.stations.iter().map(|one| (&*one.device, one.mac)).collect();
    let known: BTreeSet<u64> = found.known.iter().copied().collect();
    if wanted != read || wanted.iter().map(|(_, mac)| *mac).collect::<BTreeSet<_>>() != known {
        wrong("hardware addresses count at other ports than declared".into(), Vec::new());
    }
    let wanted: BTreeSet<(&str, u128, [u8; 6])> = ports()
        .flat_map(|port| {
            port.stations.iter().map(move |(address, mac)| (port.device.as_str(), address, *mac))
        })
        .filter_map(|(device, address, mac)| match address {
            IpAddr::V4(address) => Some((device, u128::from(address.to_bits()), mac)),
            IpAddr::V6(_) => None,
        })
        .collect();
    let read: BTreeSet<(&str, u128, [u8; 6])> =
        found.arp_stations.iter().map(|one| (&*one.device, one.address, one.mac)).collect();
    let bound: BTreeSet<(&str, u128)> =
        found.arp_bound.iter().map(|one| (&*one.device, one.address)).collect();
    if wanted != read
        || wanted.iter().map(|(device, address, _)| (*device, *address)).collect::<BTreeSet<_>>() != bound
    {
        wrong("ARP may tell other hardware addresses than declared".into(), Vec::new());
    }
}

/// Whether ARP passes between exactly those who have flows, in both directions.
fn same_neighbours(plan: &GatewayPlan, found: &BridgeModel, budget: Budget) -> bool {
    let mut space = Space::default();
    let all = space.services.set([(0, 0)]);
    let ranges = |set: &Arc<AddressSet>| -> Vec<Range> {
        set.v4.iter().map(|(first, last)| (u128::from(first), u128::from(last))).collect()
    };
    for (one, other) in plan.bridges.iter().flat_map(|bridge| &bridge.neighbours) {
        for (senders, targets) in [(one, other), (other, one)] {
            let senders = space.sources.set(ranges(senders));
            let targets = space.destinations.set(ranges(targets));
            space.rule(senders, targets, all, 0);
        }
    }
    for pair in &found.arp_pairs {
        let senders = space.sources.set([pair.senders]);
        let targets = space.destinations.set([pair.targets]);
        space.rule(senders, targets, all, 1);
    }
    let mut same = true;
    let decided = space.visit(budget, |cell| {
        same &= cell.labels == [0, 1];
        if same { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    same && decided.is_ok()
}

/// Neighbour discovery passes where neighbours have IPv6, and a port advertises its own addresses.
fn discovery(plan: &GatewayPlan, found: &BridgeModel, wrong: &mut impl FnMut(String, Vec<String>)) {
    let mut neighbours = plan.bridges.iter().flat_map(|bridge| &bridge.neighbours);
    let needed = neighbours.any(|(one, other)| !one.v6.is_empty() && !other.v6.is_empty());
    let Some(advertised) = &found.discovery else {
        if needed {
            wrong("neighbour discovery does not pass a bridge with IPv6 flows".into(), Vec::new());
        }
        return;
    };
    if !needed {
        wrong("neighbour discovery passes a bridge without IPv6 flows".into(), Vec::new());
    }
    for port in plan.bridges.iter().flat_map(|bridge| &bridge.ports) {
        let here = advertised.iter().filter(|binding| *binding.device == *port.device);
        let read: Ranges<u128> = Ranges::from_unsorted(here.map(|binding| binding.sources).collect());
        let mut wanted: Vec<Range> = port.sources.v6.iter().collect();
        wanted.push(LINK_LOCAL);
        if read != Ranges::from_unsorted(wanted) {
            wrong(format!("port `{}` advertises other addresses than its own", port.device), Vec::new());
        }
    }
}

fn frames(
    specification: &Specification,
    requirements: &[FrameRequirement],
    bridges: &[&Bridge],
    found: &BridgeModel,
    model: &FilterModel,
    artifact: &str,
    budget: Budget,
    findings: &mut Vec<Finding>,
) {
    let mut devices: Vec<&str> =
        bridges.iter().flat_map(|bridge| &bridge.ports).map(|port| &*port.device).collect();
    devices.extend(found.frames.iter().map(|attempt| &*attempt.port));
    devices.sort_unstable();
    devices.dedup();
    // A destination is a port and a hardware address; a service, an ethertype and the two bytes behind it.
    let port = |device: &str| devices.binary_search(&device).unwrap_or(devices.len()) as u128;
    let at = |device: &str, (first, last): (u64, u64)| {
        (port(device) << 48 | u128::from(first), port(device) << 48 | u128::from(last))
    };
    let mut steps: Vec<Vec<Step>> = Vec::new();
    let mut first_step: Vec<u32> = Vec::new();
    for outcome in &found.outcomes {
        first_step.push(steps.len() as u32);
        steps.extend(outcome.steps.iter().map(|step| vec![packet_step(step)]));
    }
    let mut judge = Judge::new(&specification.terms, steps);
    let mut space = Space::default();
    for requirement in requirements {
        let Some(bridge) = bridges.get(requirement.bridge) else { continue };
        let device = |index: usize| bridge.ports.get(index).map_or("", |port| &*port.device);
        let sources =
            space.sources.set(requirement.sources.iter().map(|mac| (u128::from(*mac), u128::from(*mac))));
        let named = requirement.destinations.iter().map(|(index, mac)| at(device(*index), (*mac, *mac)));
        let groups = requirement
            .listeners
            .iter()
            .flat_map(|index| requirement.groups.iter().map(move |range| (*index, range)))
            .map(|(index, range)| at(device(index), range));
        let destinations = space.destinations.set(named.chain(groups).collect::<Vec<_>>());
        let services = requirement.ethertypes.iter().flat_map(|(first, last)| {
            (first..=last)
                .flat_map(|ethertype| ids(requirement.ids.as_ref().map(Ranges::as_slice), ethertype))
        });
        let services = space.services.set(services.collect::<Vec<_>>());
        space.rule(sources, destinations, services, judge.term(requirement.terms));
    }
    let required = space.len();
    let mut lines = Vec::new();
    for attempt in &found.frames {
        let sources = space.sources.set([(u128::from(attempt.source), u128::from(attempt.source))]);
        let destinations = space.destinations.set([at(&attempt.port, attempt.destinations)]);
        let Some(outcome) = found.outcomes.get(attempt.outcome as usize) else { continue };
        for (index, step) in outcome.steps.iter().enumerate() {
            let services = space.services.set(ids(step.ids.as_deref(), attempt.ether_type));
            let order = attempt.order << 12 | index as u32;
            let label = judge.attempt(order, first_step[attempt.outcome as usize] + index as u32);
            space.rule(sources, destinations, services, label);
            lines.push(attempt.place);
        }
    }
    let mut wrong = Vec::new();
    let decided = space.visit(budget, |cell| {
        if let Some(disagreement) = judge.judge(cell.labels) {
            wrong.push((cell.source, cell.destination, cell.services.0, disagreement));
        }
        if wrong.len() < 8 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    if let Err(exceeded) = decided {
        findings.push(Finding::new(artifact, Fault::Undecided { work: exceeded.work }));
    }
    for (source, destination, service, disagreement) in wrong {
        let device = devices.get((destination >> 48) as usize).copied().unwrap_or_default();
        let what = format!(
            "frame {} -> {} by `{device}`, ethertype {:#06x}, id {}: {}",
            hardware(source),
            hardware(destination),
            service >> 16,
            service & 0xffff,
            disagreement.describe()
        );
        let mut finding = Finding::new(artifact, Fault::Frame { what });
        for rule in space.rules_at(source, destination, service).map(|rule| rule as usize) {
            match rule.checked_sub(required) {
                None => finding.statements.push(requirements[rule].statement),
                Some(line) => finding.places.push(model.describe(lines[line])),
            }
        }
        finding.statements.dedup();
        finding.places.dedup();
        findings.push(finding);
    }
}

/// The services of an ethertype with some ids behind it; any, if there is no list.
fn ids(ids: Option<&[(u16, u16)]>, ethertype: u16) -> Vec<Range> {
    let number = |id: u16| u128::from(ethertype) << 16 | u128::from(id);
    match ids {
        Some(ids) => ids.iter().map(|(first, last)| (number(*first), number(*last))).collect(),
        None => vec![(number(0), number(u16::MAX))],
    }
}

/// A step for frames as one for packets; its ids are part of the service.
fn packet_step(step: &FrameStep) -> Step {
    Step {
        chain: step.chain.clone(),
        until: step.until,
        limit: step.limit.clone(),
        operations: None,
        log: step.log.clone(),
        audit: step.audit,
        counter: step.counter.clone(),
        place: step.place,
    }
}

fn number(mac: [u8; 6]) -> u64 {
    mac.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn hardware(number: u128) -> String {
    let [.., a, b, c, d, e, f] = (number as u64).to_be_bytes();
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}
