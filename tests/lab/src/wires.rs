//! Where everything is: addresses, cables and routes of the model, as commands of `ip`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    net::IpAddr,
};

use ipnet::IpNet;
use weir_compiler::model::{Model, PrincipalKind, SegmentId};
use weir_reference::topology::{forwards, paths};

use crate::{Place, package::Package};

/// An address with its owner.
#[derive(Clone, Debug)]
pub struct Host {
    pub address: IpAddr,
    pub principal: u32,
    /// The segment on which it is.
    pub segment: usize,
    /// Where the process that has it runs.
    pub place: Place,
}

pub struct Map {
    pub hosts: Vec<Host>,
    gateways: Vec<Router>,
    /// Prefixes of each segment.
    prefixes: Vec<Vec<IpNet>>,
    /// The nearest gateway from a segment to another.
    first_hops: BTreeMap<(usize, usize), usize>,
    distances: BTreeMap<(usize, usize), usize>,
    /// An address of each segment behind which the outside lies.
    beyond: BTreeMap<usize, Vec<IpAddr>>,
    /// The hardware address of all stations of a segment, where one of them has a declared one.
    macs: BTreeMap<usize, [u8; 6]>,
}

struct Router {
    index: usize,
    name: String,
    filters: bool,
    /// Device, segment, addresses.
    interfaces: Vec<(String, usize, Vec<IpAddr>)>,
}

impl Map {
    pub fn new(package: &Package) -> Self {
        let model = &package.facts.model;
        let prefixes: Vec<Vec<IpNet>> =
            model.segments.iter().map(|segment| segment.prefixes.clone()).collect();
        let mut map = Self {
            hosts: Vec::new(),
            gateways: Vec::new(),
            prefixes,
            first_hops: BTreeMap::new(),
            distances: BTreeMap::new(),
            beyond: BTreeMap::new(),
            macs: BTreeMap::new(),
        };
        map.hosts(model);
        map.routers(model);
        for from in 0..model.segments.len() {
            for to in 0..model.segments.len() {
                let Some(path) =
                    paths(model, SegmentId(from as u32), SegmentId(to as u32)).into_iter().next()
                else {
                    continue;
                };
                map.distances.insert((from, to), path.hops.len());
                if let Some(hop) = path.hops.first() {
                    map.first_hops.insert((from, to), hop.gateway.index());
                }
            }
        }
        for segment in 0..model.segments.len() {
            let free = (0..2).filter_map(|family| map.free(segment, family == 0)).collect();
            map.beyond.insert(segment, free);
        }
        map
    }

    fn hosts(&mut self, model: &Model) {
        for (index, principal) in model.principals.iter().enumerate() {
            for attachment in &principal.attachments {
                let segment = attachment.segment.index();
                if let Some(mac) = principal.mac {
                    self.macs.insert(segment, mac);
                }
                let forwarding =
                    model.gateways.iter().position(|one| one.entity == principal.entity && forwards(one));
                let place = forwarding.map_or(Place::Segment(segment), Place::Gateway);
                for address in some(&attachment.addresses, principal.kind, index) {
                    if !self.hosts.iter().any(|host| host.address == address) {
                        self.hosts.push(Host { address, principal: index as u32, segment, place });
                    }
                }
            }
        }
    }

    fn routers(&mut self, model: &Model) {
        for (index, gateway) in model.gateways.iter().enumerate().filter(|(_, gateway)| forwards(gateway)) {
            let mut interfaces = Vec::new();
            for interface in &gateway.interfaces {
                let segment = interface.segment.index();
                let mut addresses = weir_addresses(&interface.addresses);
                for v4 in [true, false] {
                    if !addresses.iter().any(|address| address.is_ipv4() == v4) && addresses.is_empty() {
                        let taken: Vec<IpAddr> = interfaces
                            .iter()
                            .flat_map(|(_, _, list): &(_, _, Vec<IpAddr>)| list.clone())
                            .collect();
                        addresses.extend(self.free(segment, v4).filter(|address| !taken.contains(address)));
                    }
                }
                interfaces.push((interface.device.to_string(), segment, addresses));
            }
            self.gateways.push(Router {
                index,
                name: gateway.name.clone(),
                filters: gateway.filters(),
                interfaces,
            });
        }
    }

    /// The highest address of a segment that nobody has.
    fn free(&self, segment: usize, v4: bool) -> Option<IpAddr> {
        let net = self.prefixes[segment].iter().find(|net| net.network().is_ipv4() == v4)?;
        let net = IpNet::new(net.network(), net.prefix_len().max(if v4 { 22 } else { 118 })).ok()?;
        let routers =
            self.gateways.iter().flat_map(|gateway| gateway.interfaces.iter().flat_map(|(_, _, list)| list));
        let taken: BTreeSet<IpAddr> =
            self.hosts.iter().map(|host| host.address).chain(routers.copied()).collect();
        let mut free = net.hosts().filter(|address| !taken.contains(address));
        free.next_back()
    }

    pub fn places(&self) -> Vec<Place> {
        let segments = (0..self.prefixes.len()).map(Place::Segment);
        segments.chain(self.gateways.iter().map(|gateway| Place::Gateway(gateway.index))).collect()
    }

    pub fn prefixes(&self, segment: usize) -> &[IpNet] {
        &self.prefixes[segment]
    }

    /// Gateways with a ruleset.
    pub fn filters(&self) -> Vec<(usize, String)> {
        self.gateways
            .iter()
            .filter(|gateway| gateway.filters)
            .map(|gateway| (gateway.index, gateway.name.clone()))
            .collect()
    }

    /// Bridges, and the cables from them to gateways.
    pub fn links(&self, namespace: impl Fn(Place) -> String) -> Vec<(Place, String)> {
        let mut all = Vec::new();
        for segment in 0..self.prefixes.len() {
            let place = Place::Segment(segment);
            let mut lines = "link add br0 type bridge\nlink set br0 up\n".to_owned();
            if let Some([a, b, c, d, e, f]) = self.macs.get(&segment) {
                let _ =
                    writeln!(lines, "link set br0 address {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
            }
            for gateway in &self.gateways {
                for (device, _, _) in gateway.interfaces.iter().filter(|(_, on, _)| *on == segment) {
                    let port = format!("p{}{}", gateway.index, device.len() * 100 + lines.len() % 100);
                    let other = namespace(Place::Gateway(gateway.index));
                    let _ = writeln!(lines, "link add {port} type veth peer name {device} netns {other}");
                    let _ = writeln!(lines, "link set {port} master br0\nlink set {port} up");
                }
            }
            all.push((place, lines));
        }
        all
    }

    pub fn addresses(&self) -> Vec<(Place, String)> {
        let mut lines: BTreeMap<Place, String> = BTreeMap::new();
        let mut add = |place: Place, address: IpAddr, device: &str| {
            let length = if address.is_ipv4() { 32 } else { 128 };
            let nodad = if address.is_ipv4() { "" } else { " nodad" };
            let _ = writeln!(
                lines.entry(place).or_default(),
                "address add {address}/{length} dev {device}{nodad}"
            );
        };
        for host in self.hosts.iter().filter(|host| matches!(host.place, Place::Segment(_))) {
            add(host.place, host.address, "br0");
        }
        for (segment, list) in &self.beyond {
            for address in list {
                add(Place::Segment(*segment), *address, "br0");
            }
        }
        for gateway in &self.gateways {
            for (device, _, list) in &gateway.interfaces {
                for address in list {
                    add(Place::Gateway(gateway.index), *address, device);
                }
            }
        }
        for gateway in &self.gateways {
            let text = lines.entry(Place::Gateway(gateway.index)).or_default();
            let mut up = String::new();
            for (device, _, _) in &gateway.interfaces {
                let _ = writeln!(up, "link set {device} up");
            }
            text.insert_str(0, &up);
        }
        lines.into_iter().collect()
    }

    pub fn routes(&self) -> Vec<(Place, String)> {
        let mut all = Vec::new();
        for place in self.places() {
            let mut lines = String::new();
            let own: Vec<(&str, usize)> = match place {
                Place::Segment(segment) => vec![("br0", segment)],
                Place::Gateway(index) => {
                    self.router(index).interfaces.iter().map(|one| (one.0.as_str(), one.1)).collect()
                }
                Place::Apart(_) => continue,
            };
            for (device, segment) in &own {
                for net in &self.prefixes[*segment] {
                    let _ = writeln!(lines, "route add {net} dev {device}");
                }
            }
            for to in 0..self.prefixes.len() {
                let outside = self
                    .hosts
                    .iter()
                    .filter(|host| host.segment == to && !self.inside(host))
                    .map(|host| host.address.into());
                let far: Vec<IpNet> = outside.collect();
                if own.iter().any(|(_, segment)| *segment == to) {
                    // a gateway beside the outside sends it to the router there
                    let device =
                        own.iter().find(|(_, segment)| *segment == to).map_or("br0", |(device, _)| device);
                    for net in far.iter().filter(|_| matches!(place, Place::Gateway(_))) {
                        let router =
                            self.beyond[&to].iter().find(|one| one.is_ipv4() == net.network().is_ipv4());
                        let _ =
                            router.map(|router| writeln!(lines, "route add {net} via {router} dev {device}"));
                    }
                    continue;
                }
                for net in self.prefixes[to].iter().chain(&far) {
                    if let Some((via, device)) = self.next(&own, to, net.network().is_ipv4(), place) {
                        let _ = writeln!(lines, "route add {net} via {via} dev {device}");
                    }
                }
            }
            all.push((place, lines));
        }
        all
    }

    /// The next hop towards a segment.
    fn next(&self, own: &[(&str, usize)], to: usize, v4: bool, place: Place) -> Option<(IpAddr, String)> {
        let distance = |segment: usize| self.distances.get(&(segment, to)).copied().unwrap_or(usize::MAX);
        let (device, segment) = own.iter().min_by_key(|(_, segment)| distance(*segment))?;
        let gateway = *self.first_hops.get(&(*segment, to))?;
        if place == Place::Gateway(gateway) {
            return None;
        }
        let interfaces = &self.router(gateway).interfaces;
        let address = interfaces
            .iter()
            .filter(|one| one.1 == *segment)
            .flat_map(|one| &one.2)
            .find(|one| one.is_ipv4() == v4)?;
        Some((*address, (*device).to_owned()))
    }

    /// The gateways that a packet meets, each with the segment by which it comes, until its end.
    pub fn walk(&self, from: Place, to: usize) -> Vec<(usize, usize)> {
        let mut met = Vec::new();
        let mut at = match from {
            Place::Segment(segment) => segment,
            Place::Gateway(index) => {
                let distance =
                    |segment: usize| self.distances.get(&(segment, to)).copied().unwrap_or(usize::MAX);
                let interfaces = self.router(index).interfaces.iter();
                interfaces.map(|one| one.1).min_by_key(|segment| distance(*segment)).unwrap_or(to)
            }
            Place::Apart(_) => return met,
        };
        while at != to {
            let Some(gateway) = self.first_hops.get(&(at, to)).copied() else { return met };
            met.push((gateway, at));
            let distance = |segment: usize| self.distances.get(&(segment, to)).copied().unwrap_or(usize::MAX);
            let out = self
                .router(gateway)
                .interfaces
                .iter()
                .map(|one| one.1)
                .min_by_key(|segment| distance(*segment));
            at = out.unwrap_or(to);
        }
        met
    }

    pub fn device(&self, gateway: usize, segment: usize) -> &str {
        let interfaces = &self.router(gateway).interfaces;
        interfaces.iter().find(|one| one.1 == segment).map_or("", |one| &one.0)
    }

    pub fn plan_name(&self, gateway: usize) -> &str {
        &self.router(gateway).name
    }

    fn router(&self, index: usize) -> &Router {
        self.gateways.iter().find(|gateway| gateway.index == index).unwrap()
    }

    pub fn inside(&self, host: &Host) -> bool {
        self.prefixes[host.segment].iter().any(|net| net.contains(&host.address))
    }
}

/// Which of a principal's addresses stand for it: all of a few, one of each family of many.
fn some(set: &weir_compiler::plan::AddressSet, kind: PrincipalKind, index: usize) -> Vec<IpAddr> {
    let all = weir_addresses(set);
    if kind != PrincipalKind::External && kind != PrincipalKind::Workload {
        return all;
    }
    // not the first of a network, and each workload its own
    let offset = if kind == PrincipalKind::Workload { 20 + index as u32 } else { 9 };
    let v4 = set.v4.iter().next().map(|(first, _)| std::net::Ipv4Addr::from_bits(first + offset).into());
    let v6 = set
        .v6
        .iter()
        .next()
        .map(|(first, _)| std::net::Ipv6Addr::from_bits(first + u128::from(offset)).into());
    let global: IpAddr = std::net::Ipv6Addr::new(0x2a00, 0, 0, 0, 0, 0, 0, 9).into();
    let v6 = if set.contains(global) { Some(global) } else { v6 };
    v4.into_iter().chain(v6).filter(|address| set.contains(*address)).collect()
}

/// The first addresses of each range.
fn weir_addresses(set: &weir_compiler::plan::AddressSet) -> Vec<IpAddr> {
    let v4 = set
        .v4
        .iter()
        .flat_map(|(first, last)| (first..=last).take(300))
        .map(|bits| std::net::Ipv4Addr::from_bits(bits).into());
    let v6 = set
        .v6
        .iter()
        .flat_map(|(first, last)| (first..=last).take(300))
        .map(|bits| std::net::Ipv6Addr::from_bits(bits).into());
    v4.chain(v6).collect()
}
