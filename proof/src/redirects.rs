//! Connections that a gateway takes for a proxy of its own: its packet filter leads exactly those to it that have to run
//! by it, each to the port at which the proxy waits for its destination, and forwards none of them.
//!
//! Which port that is, is a choice of the plan and no permission: both artifacts are held against it, and so agree.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use weir_compiler::{
    Facts,
    plan::{AddressSet, Hook, Plan, PortMatch, Ranges, Transport, proxies::ProxyKind},
};
use weir_nftables_reader::{Family, FilterModel, Redirect};

use crate::{
    finding::{Fault, Finding},
    specification::{Requirement, Taken},
};

/// For each point, the ports at which connections to others are taken.
#[derive(Debug, Default)]
pub(crate) struct LocalPorts {
    of_point: BTreeMap<u32, BTreeMap<SocketAddr, u16>>,
    none: BTreeMap<SocketAddr, u16>,
}

impl LocalPorts {
    /// The plan's choice: a port for each place, that nothing else has.
    pub(crate) fn of(facts: &Facts, plan: &Plan, findings: &mut Vec<Finding>) -> Self {
        let mut all = Self::default();
        for proxy in plan.proxies.iter().filter(|proxy| proxy.kind == ProxyKind::Modbus) {
            let mut principals = (0..).zip(&facts.model.principals);
            let Some((point, _)) = principals.find(|(_, one)| one.name == proxy.name.as_str()) else {
                continue;
            };
            let at_point = plan.proxies.iter().filter(|other| other.name == proxy.name);
            let mut ports: Vec<u16> =
                at_point.flat_map(|other| &other.listeners).map(|listener| listener.port).collect();
            let taken: BTreeMap<SocketAddr, u16> = proxy
                .listeners
                .iter()
                .filter_map(|listener| Some((listener.takes?, listener.port)))
                .collect();
            let count = ports.len();
            ports.sort_unstable();
            ports.dedup();
            if !taken.is_empty() && ports.len() < count {
                let what = format!("`{}` takes connections at a port that something else has", proxy.name);
                findings.push(Finding::new("plan", Fault::Leg { what }));
            }
            if !taken.is_empty() {
                all.of_point.insert(point, taken);
            }
        }
        all
    }

    pub(crate) fn at(&self, point: Option<u32>) -> &BTreeMap<SocketAddr, u16> {
        point.and_then(|point| self.of_point.get(&point)).unwrap_or(&self.none)
    }
}

/// Who is led where, by the place that connections are addressed to.
type Led = BTreeMap<(SocketAddr, u16), AddressSet>;

/// Holds what a packet filter leads to its proxy against what has to be.
pub(crate) fn compare(
    taken: &[Taken],
    requirements: &[Requirement],
    ports: &BTreeMap<SocketAddr, u16>,
    model: &FilterModel,
    artifact: &str,
    findings: &mut Vec<Finding>,
) {
    if taken.is_empty() && model.redirects.is_empty() {
        return;
    }
    let mut wrong = |what: String, statements: Vec<u32>, places: Vec<String>| {
        let mut finding = Finding::new(artifact, Fault::Steering { what });
        finding.statements = statements;
        finding.places = places;
        findings.push(finding);
    };
    let mut required: BTreeMap<(SocketAddr, u16), (AddressSet, Vec<u32>)> = BTreeMap::new();
    for one in taken {
        for port in one.services.iter().flat_map(|port| [port.first, port.last]) {
            let waits: AddressSet =
                ports.keys().filter(|place| place.port() == port).map(SocketAddr::ip).collect();
            if let Some(lost) = one.destinations.difference(&waits).first() {
                wrong(
                    format!("no proxy waits for connections to {lost}:{port}"),
                    vec![one.statement],
                    Vec::new(),
                );
            }
        }
        let covers = |place: &SocketAddr| {
            let on = |port: &PortMatch| port.first <= place.port() && place.port() <= port.last;
            one.destinations.contains(place.ip()) && one.services.iter().any(on)
        };
        for (place, port) in ports.iter().filter(|(place, _)| covers(place)) {
            let (sources, statements) = required.entry((*place, *port)).or_default();
            *sources = sources.union(&of_family(&one.sources, place.ip()));
            statements.push(one.statement);
        }
    }
    let mut parts: BTreeMap<(SocketAddr, u16), Vec<AddressSet>> = BTreeMap::new();
    for redirect in &model.redirects {
        parts.entry((place(redirect), redirect.to)).or_default().push(sources_of(redirect));
    }
    let found: Led = parts.into_iter().map(|(key, sets)| (key, AddressSet::union_of(&sets))).collect();
    let nobody = AddressSet::default();
    for ((place, to), sources) in &found {
        let wanted = required.get(&(*place, *to)).map_or(&nobody, |(sources, _)| sources);
        if let Some(source) = sources.difference(wanted).first() {
            let here = |one: &&Redirect| (self::place(one), one.to) == (*place, *to);
            let here = model.redirects.iter().filter(here).filter(|one| sources_of(one).contains(source));
            let what = format!("connections from {source} to {place} are led to port {to}, and must not be");
            wrong(what, Vec::new(), here.map(|one| model.describe(one.place)).collect());
        }
    }
    for ((place, to), (sources, statements)) in &required {
        let led = found.get(&(*place, *to)).unwrap_or(&nobody);
        if let Some(source) = sources.difference(led).first() {
            let what = format!("connections from {source} to {place} have to be led to port {to}");
            wrong(what, statements.clone(), Vec::new());
        }
    }
    // what is led to a proxy is not forwarded, whatever the forward chain permits
    for requirement in requirements.iter().filter(|one| one.hook == Hook::Forward) {
        for ((place, _), sources) in met(&found, &requirement.destinations) {
            let covers = |port: &PortMatch| {
                port.transport == Transport::Tcp && port.first <= place.port() && place.port() <= port.last
            };
            if requirement.services.iter().any(covers)
                && let Some(source) = requirement.sources.intersection(sources).first()
            {
                let what = format!(
                    "connections from {source} to {place} have to be forwarded, and are led to a proxy"
                );
                wrong(what, vec![requirement.statement], Vec::new());
            }
        }
    }
}

/// What of it is addressed to some destinations.
fn met<'l>(
    led: &'l Led,
    destinations: &AddressSet,
) -> impl Iterator<Item = (&'l (SocketAddr, u16), &'l AddressSet)> {
    let ends = |first: IpAddr, last: IpAddr| {
        (SocketAddr::new(first, 0), 0)..=(SocketAddr::new(last, u16::MAX), u16::MAX)
    };
    let v4 = destinations
        .v4
        .iter()
        .map(|(first, last)| ends(Ipv4Addr::from_bits(first).into(), Ipv4Addr::from_bits(last).into()));
    let v6 = destinations
        .v6
        .iter()
        .map(|(first, last)| ends(Ipv6Addr::from_bits(first).into(), Ipv6Addr::from_bits(last).into()));
    let ranges: Vec<_> = v4.chain(v6).collect();
    ranges.into_iter().flat_map(|range| led.range(range))
}

fn place(redirect: &Redirect) -> SocketAddr {
    let address: IpAddr = match redirect.family {
        Family::V4 => Ipv4Addr::from_bits(redirect.destination as u32).into(),
        Family::V6 => Ipv6Addr::from_bits(redirect.destination).into(),
    };
    SocketAddr::new(address, redirect.port)
}

fn sources_of(redirect: &Redirect) -> AddressSet {
    let (first, last) = redirect.sources;
    match redirect.family {
        Family::V4 => AddressSet {
            v4: Ranges::from_unsorted(vec![(first as u32, last as u32)]),
            ..AddressSet::default()
        },
        Family::V6 => AddressSet { v6: Ranges::from_unsorted(vec![(first, last)]), ..AddressSet::default() },
    }
}

fn of_family(set: &AddressSet, address: IpAddr) -> AddressSet {
    match address {
        IpAddr::V4(_) => AddressSet { v4: set.v4.clone(), ..AddressSet::default() },
        IpAddr::V6(_) => AddressSet { v6: set.v6.clone(), ..AddressSet::default() },
    }
}
