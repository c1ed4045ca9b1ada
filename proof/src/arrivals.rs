//! Which source may come by which interface: as the artifact says, as the plan says, and as the topology allows.

use std::{net::IpAddr, sync::Arc};

use rustc_hash::FxHashMap;
use weir_compiler::{
    model::{Gateway, GatewayId, Model, SegmentId},
    plan::{AddressSet, GatewayPlan, Hook, Number, Ranges},
};
use weir_nftables_reader::FilterModel;

use crate::{
    finding::{Fault, Finding},
    specification::Requirement,
    topology::{NEVER, Topology},
};

/// The artifact binds what the plan binds.
pub(crate) fn compare(plan: &GatewayPlan, model: &FilterModel, artifact: &str, findings: &mut Vec<Finding>) {
    let mut wrong = |what: String, places: Vec<String>| {
        let mut finding = Finding::new(artifact, Fault::Arrival { what });
        finding.places = places;
        findings.push(finding);
    };
    let mut devices: Vec<&str> = plan.bindings.iter().map(|binding| binding.device.as_str()).collect();
    devices.extend(model.arrivals.v4.iter().chain(&model.arrivals.v6).map(|binding| &*binding.device));
    devices.sort_unstable();
    devices.dedup();
    for device in devices {
        let wanted = plan.bindings.iter().filter(|binding| binding.device == device);
        let wanted = AddressSet::union_of(wanted.map(|binding| &binding.sources));
        let of = |bindings: &[weir_nftables_reader::Binding]| {
            let here = bindings.iter().filter(|binding| &*binding.device == device);
            here.map(|binding| binding.sources).collect::<Vec<_>>()
        };
        let v4 =
            of(&model.arrivals.v4).into_iter().map(|(first, last)| (first as u32, last as u32)).collect();
        let found =
            AddressSet { v4: Ranges::from_unsorted(v4), v6: Ranges::from_unsorted(of(&model.arrivals.v6)) };
        let places = |address: IpAddr| {
            let (list, number) = match address {
                IpAddr::V4(v4) => (&model.arrivals.v4, u128::from(v4.to_bits())),
                IpAddr::V6(v6) => (&model.arrivals.v6, v6.to_bits()),
            };
            list.iter()
                .filter(|binding| &*binding.device == device)
                .filter(|binding| (binding.sources.0..=binding.sources.1).contains(&number))
                .map(|binding| model.describe(binding.place))
                .collect()
        };
        if let Some(address) = found.difference(&wanted).first() {
            wrong(
                format!("{address} may arrive by `{device}`, where the topology does not put it"),
                places(address),
            );
        }
        if let Some(address) = wanted.difference(&found).first() {
            wrong(format!("{address} may not arrive by `{device}`, where the topology puts it"), Vec::new());
        }
    }
    let number = |address: IpAddr| match address {
        IpAddr::V4(v4) => (true, u128::from(v4.to_bits())),
        IpAddr::V6(v6) => (false, v6.to_bits()),
    };
    let mut wanted: Vec<(bool, u128, &str, [u8; 6])> = plan
        .mac_bindings
        .iter()
        .map(|binding| {
            let (v4, address) = number(binding.address);
            (v4, address, binding.device.as_str(), binding.mac)
        })
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let arrivals = &model.arrivals;
    let stations = arrivals.stations_v4.iter().map(|one| (true, one));
    let stations = stations.chain(arrivals.stations_v6.iter().map(|one| (false, one)));
    let mut found: Vec<_> = stations.map(|(v4, one)| (v4, one.address, &*one.device, one.mac)).collect();
    found.sort_unstable();
    found.dedup();
    if wanted != found {
        wrong("hardware addresses are bound to other addresses than declared".into(), Vec::new());
    }
    let mut wanted: Vec<_> =
        wanted.into_iter().map(|(v4, address, device, _)| (v4, address, device)).collect();
    wanted.dedup();
    let bound = arrivals.bound_v4.iter().map(|one| (true, one));
    let bound = bound.chain(arrivals.bound_v6.iter().map(|one| (false, one)));
    let mut found: Vec<_> = bound.map(|(v4, one)| (v4, one.address, &*one.device)).collect();
    found.sort_unstable();
    found.dedup();
    wanted.sort_unstable();
    if wanted != found {
        wrong("other addresses are bound to a hardware address than declared".into(), Vec::new());
    }
}

/// A number in one of the two families, on one axis.
type Piece = ((bool, u128), (bool, u128));

/// Which segments each address belongs to.
pub(crate) struct Homes {
    /// Disjoint and ascending.
    pieces: Vec<(Piece, Vec<SegmentId>)>,
}

impl Homes {
    pub(crate) fn new(model: &Model) -> Self {
        let mut of: Vec<(Piece, SegmentId)> = Vec::new();
        for (index, segment) in model.segments.iter().enumerate() {
            of.extend(pieces(&segment.addresses).map(|piece| (piece, SegmentId(index as u32))));
        }
        for principal in &model.principals {
            for attachment in &principal.attachments {
                let inside = &model.segment(attachment.segment).addresses;
                if contains(inside, &attachment.addresses) {
                    continue;
                }
                let outside = attachment.addresses.difference(inside);
                of.extend(pieces(&outside).map(|piece| (piece, attachment.segment)));
            }
        }
        let mut ends: Vec<((bool, u128), bool, SegmentId)> = Vec::with_capacity(of.len() * 2);
        for ((first, last), segment) in &of {
            ends.push((*first, true, *segment));
            if let Some(after) = last.1.checked_add(1) {
                ends.push(((last.0, after), false, *segment));
            }
        }
        ends.sort_unstable();
        let mut open: Vec<SegmentId> = Vec::new();
        let mut found: Vec<(Piece, Vec<SegmentId>)> = Vec::new();
        for (index, (at, begins, segment)) in ends.iter().enumerate() {
            if *begins {
                open.push(*segment);
            } else if let Some(place) = open.iter().position(|known| known == segment) {
                open.swap_remove(place);
            }
            let next = ends.get(index + 1).map(|next| next.0);
            if next == Some(*at) || open.is_empty() {
                continue;
            }
            let last = match next {
                Some((family, next)) if family == at.0 => (family, next - 1),
                _ => (at.0, u128::MAX),
            };
            if next.is_some_and(|next| next.0 != at.0) {
                open.clear(); // what reaches the end of one family does not reach into the other
            }
            let mut here = open.clone();
            here.sort_unstable();
            here.dedup();
            found.push(((*at, last), here));
        }
        Self { pieces: found }
    }

    /// The pieces that a range meets.
    fn within(&self, (first, last): Piece) -> impl Iterator<Item = &(Piece, Vec<SegmentId>)> {
        let from = self.pieces.partition_point(|((_, end), _)| *end < first);
        self.pieces[from..].iter().take_while(move |((begin, _), _)| *begin <= last)
    }
}

fn pieces(set: &AddressSet) -> impl Iterator<Item = Piece> + '_ {
    let v4 = set.v4.iter().map(|(first, last)| ((false, u128::from(first)), (false, u128::from(last))));
    v4.chain(set.v6.iter().map(|(first, last)| ((true, first), (true, last))))
}

/// The plan binds no source to an interface that no shortest way from its home leads to, and binds every source and every
/// answering destination of a flow where it comes by.
pub(crate) fn check(
    model: &Model,
    topology: &mut Topology<'_>,
    homes: &Homes,
    id: GatewayId,
    plan: &GatewayPlan,
    requirements: &[Requirement],
    artifact: &str,
    findings: &mut Vec<Finding>,
) {
    let gateway = model.gateway(id);
    let mut bound: FxHashMap<SegmentId, AddressSet> = FxHashMap::default();
    let interfaces = gateway.interfaces.iter().map(|interface| (&interface.device, interface.segment));
    let bridges = model.bridges.iter().filter(|bridge| bridge.gateway == id);
    let mut devices: Vec<_> =
        interfaces.chain(bridges.map(|bridge| (&bridge.device, bridge.segment))).collect();
    devices.sort_unstable();
    devices.dedup();
    for (device, segment) in devices {
        let binding = plan.bindings.iter().find(|binding| binding.device == device.as_str());
        let Some(binding) = binding else { continue };
        let all = bound.entry(segment).or_default();
        *all = all.union(&binding.sources);
        if let Some(stranger) = stranger(topology, homes, gateway, segment, &binding.sources) {
            let what = format!("{stranger} is bound to `{device}`, and no way from it leads there");
            findings.push(Finding::new(artifact, Fault::Arrival { what }));
        }
    }
    let mut seen: FxHashMap<(*const AddressSet, SegmentId), ()> = FxHashMap::default();
    let nobody = AddressSet::default();
    for requirement in requirements {
        let comes = (requirement.hook != Hook::Output).then_some((&requirement.sources, requirement.from));
        let answers =
            (requirement.hook != Hook::Input).then_some((&requirement.destinations, requirement.to));
        for (addresses, segment) in comes.into_iter().chain(answers) {
            if seen.insert((Arc::as_ptr(addresses), segment), ()).is_some() {
                continue;
            }
            let admitted = bound.get(&segment).unwrap_or(&nobody);
            // Sets of one pair of ends may hold addresses of a family that the other end lacks.
            if contains(admitted, addresses) {
                continue;
            }
            if let Some(lost) = addresses.difference(admitted).first() {
                let segment = &model.segment(segment).name;
                let what = format!("{lost} comes by `{segment}` in a permitted flow, and is not bound there");
                let mut finding = Finding::new(artifact, Fault::Arrival { what });
                finding.statements.push(requirement.statement);
                findings.push(finding);
            }
        }
    }
}

/// An address of a binding that does not come by this segment on any shortest way.
fn stranger(
    topology: &mut Topology<'_>,
    homes: &Homes,
    gateway: &Gateway,
    by: SegmentId,
    sources: &AddressSet,
) -> Option<IpAddr> {
    let mut comes: FxHashMap<SegmentId, bool> = FxHashMap::default();
    for (first, last) in pieces(sources) {
        let mut next = Some(first);
        for ((begin, end), segments) in homes.within((first, last)) {
            let expected = next?;
            if *begin > expected {
                return address(expected);
            }
            let known = segments
                .iter()
                .any(|home| *comes.entry(*home).or_insert_with(|| comes_by(topology, gateway, *home, by)));
            if !known {
                return address((*begin).max(expected));
            }
            next = end.1.checked_add(1).map(|after| (end.0, after));
            if *end >= last {
                next = None;
                break;
            }
        }
        if let Some(expected) = next.filter(|expected| *expected <= last) {
            return address(expected);
        }
    }
    None
}

/// Whether packets from a segment come to a gateway by another: it is the gateway's nearest, or a shortest way to a
/// further one leads over it.
fn comes_by(topology: &mut Topology<'_>, gateway: &Gateway, home: SegmentId, by: SegmentId) -> bool {
    let distances = topology.distances(home);
    let here = distances[by.index()];
    if here == NEVER {
        return false;
    }
    let others = || gateway.interfaces.iter().map(|interface| distances[interface.segment.index()]);
    // A bridge meets what passes its segment, wherever it goes on.
    let bridge = gateway.interfaces.iter().all(|interface| interface.segment != by);
    bridge || others().min() == Some(here) || others().any(|there| there == here + 1)
}

fn address((v6, number): (bool, u128)) -> Option<IpAddr> {
    Some(if v6 {
        std::net::Ipv6Addr::from_bits(number).into()
    } else {
        std::net::Ipv4Addr::from_bits(u32::try_from(number).ok()?).into()
    })
}

fn contains(outer: &AddressSet, inner: &AddressSet) -> bool {
    contains_all(&outer.v4, &inner.v4) && contains_all(&outer.v6, &inner.v6)
}

fn contains_all<N: Number>(outer: &Ranges<N>, inner: &Ranges<N>) -> bool {
    let outer = outer.as_slice();
    inner.iter().all(|(first, last)| {
        let after = outer.partition_point(|(begin, _)| *begin <= first);
        after > 0 && last <= outer[after - 1].1
    })
}
