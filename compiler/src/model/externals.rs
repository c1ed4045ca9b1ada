//! What lies outside. Externals may overlap each other (a provider's prefix and one host in it), so the outside is cut
//! into disjoint regions, each a principal that belongs to all the externals around it.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use smol_str::SmolStr;
use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{
    Attachment, Details, Model, Principal, PrincipalKind, SegmentId, Typed, Unbuilt, ZoneId,
    build::{attribute_place, entity_block},
};
use crate::{
    names::{EntityId, Kind, Universe},
    plan::{AddressSet, Number, Ranges},
};

struct External {
    entity: EntityId,
    addresses: AddressSet,
    segments: Vec<SegmentId>,
    zone: Option<ZoneId>,
    details: Details,
}

pub(super) fn build(universe: &Universe<'_>, model: &mut Model, diagnostics: &mut Vec<Diagnostic>) {
    let inside = model.segments.iter().fold(Vec::new(), |mut ranges, segment| {
        ranges.extend(segment.prefixes.iter().map(|net| (net.network(), net.broadcast())));
        ranges
    });
    let inside: AddressSet = inside.into_iter().collect();
    // nobody outside has the address of a cluster's service
    let services = model.clusters.iter().map(|cluster| &cluster.services);
    let inside = AddressSet::union_of(services.chain([&inside]));
    let mut externals: Vec<External> = Vec::new();
    for entity in universe.entities_of(Kind::External) {
        if Some(entity) != universe.internet {
            externals.push(read(universe, entity, &inside, model, diagnostics));
        }
    }
    if let Some(internet) = universe.internet {
        let declared = externals.iter().fold(inside, |all, external| all.union(&external.addresses));
        let addresses = AddressSet::everything().difference(&declared).difference(&never_sources());
        let mut internet = External {
            entity: internet,
            addresses,
            segments: Vec::new(),
            zone: None,
            details: Details::default(),
        };
        internet.segments = beyond(model, |route| route.prefix_len() == 0);
        externals.push(internet);
    }
    let v4 = regions(&externals, |external| &external.addresses.v4);
    let v6 = regions(&externals, |external| &external.addresses.v6);
    let mut cells: BTreeMap<Vec<usize>, AddressSet> = BTreeMap::new();
    for (owners, ranges) in v4 {
        cells.entry(owners).or_default().v4 = ranges;
    }
    for (owners, ranges) in v6 {
        cells.entry(owners).or_default().v6 = ranges;
    }
    for (index, external) in externals.iter().enumerate() {
        if external.addresses.is_empty() {
            cells.entry(vec![index]).or_default(); // known by names alone
        }
    }
    for (owners, addresses) in cells {
        add_region(universe, &externals, &owners, &addresses, model);
    }
}

fn add_region(
    universe: &Universe<'_>,
    externals: &[External],
    owners: &[usize],
    addresses: &AddressSet,
    model: &mut Model,
) {
    // by what it holds, so that the order of declarations means nothing
    let size = |external: &External| {
        let v4: u64 = external.addresses.v4.iter().map(|(first, last)| u64::from(last - first) + 1).sum();
        let v6: u128 =
            external.addresses.v6.iter().fold(0, |all, (first, last)| all.saturating_add(last - first));
        (v4, v6, universe.path(external.entity))
    };
    let smallest = owners.iter().map(|index| &externals[*index]).min_by_key(|external| size(external));
    let Some(smallest) = smallest else { return };
    let region = model.principals.len() as u32;
    let mut segments: Vec<SegmentId> =
        owners.iter().flat_map(|index| externals[*index].segments.iter().copied()).collect();
    segments.sort_unstable();
    segments.dedup();
    let mut zones: Vec<ZoneId> = smallest.zone.into_iter().collect();
    zones.sort_unstable();
    let addresses = Arc::new(addresses.clone());
    model.principals.push(Principal {
        kind: PrincipalKind::External,
        entity: smallest.entity,
        element: None,
        name: universe.path(smallest.entity).into(),
        zones,
        attachments: segments
            .into_iter()
            .map(|segment| Attachment { segment, addresses: addresses.clone() })
            .collect(),
        mac: None,
        details: Arc::new(smallest.details.clone()),
    });
    for owner in owners {
        model.regions_of.entry(externals[*owner].entity).or_default().push(region);
    }
}

/// Loopback, multicast, link-local and unspecified addresses start no flow.
fn never_sources() -> AddressSet {
    ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/127", "fe80::/10", "ff00::/8"]
        .iter()
        .filter_map(|text| text.parse::<ipnet::IpNet>().ok())
        .map(|net| (net.network(), net.broadcast()))
        .collect()
}

/// The networks beyond which lie the routes that fit: a gateway sends them to a next hop that is no gateway of ours.
fn beyond(model: &Model, fits: impl Fn(&ipnet::IpNet) -> bool) -> Vec<SegmentId> {
    let is_ours = |address: IpAddr| {
        model
            .gateways
            .iter()
            .flat_map(|gateway| &gateway.interfaces)
            .any(|interface| interface.addresses.contains(address))
    };
    let mut segments = Vec::new();
    for gateway in &model.gateways {
        for route in gateway.routes.iter().filter(|route| route.to.iter().any(&fits) && !is_ours(route.via)) {
            let on = gateway
                .interfaces
                .iter()
                .find(|interface| model.segment(interface.segment).addresses.contains(route.via));
            segments.extend(on.map(|interface| interface.segment));
        }
    }
    segments.sort_unstable();
    segments.dedup();
    segments
}

fn read(
    universe: &Universe<'_>,
    entity: EntityId,
    inside: &AddressSet,
    model: &mut Model,
    diagnostics: &mut Vec<Diagnostic>,
) -> External {
    let mut external = External {
        entity,
        addresses: AddressSet::default(),
        segments: Vec::new(),
        zone: None,
        details: Details::default(),
    };
    let mut named = false;
    for (name, typed) in entity_block(universe, entity, diagnostics) {
        match (name, typed) {
            ("prefixes", Typed::Prefixes(prefixes)) => {
                external.addresses = prefixes.iter().map(|net| (net.network(), net.broadcast())).collect();
            }
            ("dns", Typed::Texts(_)) => named = true,
            ("network", Typed::References(list)) => {
                external.segments =
                    list.iter().filter_map(|(e, _)| model.segment_of.get(e).copied()).collect();
            }
            ("zone", Typed::References(list)) => {
                external.zone = list.first().and_then(|(zone, _)| model.zone_of.get(zone).copied());
            }
            ("serves", Typed::Serves(serves)) => external.details.serves = Some(serves),
            ("identity", Typed::Identity(identity)) => external.details.identity = Some(identity),
            ("integrity", Typed::Integrity(integrity)) => external.details.integrity = Some(integrity),
            ("name", Typed::Text(text)) => external.details.texts.push((SmolStr::new_static("name"), text)),
            _ => {}
        }
    }
    let overlap = external.addresses.intersection(inside);
    if let Some(address) = overlap.first() {
        let (file, span) = attribute_place(universe, entity, "prefixes");
        let owner = model.segments.iter().find(|segment| segment.addresses.contains(address));
        let owner = owner.map_or("the services of a cluster", |segment| segment.name.as_str());
        diagnostics.push(
            Diagnostic::new(
                &codes::E0403,
                format!("`{}` holds `{address}`, which is inside of `{owner}`", universe.path(entity)),
            )
            .primary(file, span, "not outside")
            .help("an external holds addresses that no network, slice or cluster of the package has"),
        );
        external.addresses = external.addresses.difference(inside);
    }
    if external.segments.is_empty() {
        external.segments =
            beyond(model, |route| external.addresses.contains(route.network()) || route.prefix_len() == 0);
        if external.segments.len() > 1 {
            let specific =
                beyond(model, |route| route.prefix_len() > 0 && external.addresses.contains(route.network()));
            if !specific.is_empty() {
                external.segments = specific;
            }
        }
    }
    if named {
        let (file, span) = attribute_place(universe, entity, "dns");
        model.unbuilt.push(Unbuilt {
            what: "DNS names of externals (packet filters know addresses)".into(),
            file,
            span,
        });
    }
    external
}

/// Disjoint ranges by the set of externals around them.
fn regions<N: Number + 'static>(
    externals: &[External],
    family: impl Fn(&External) -> &Ranges<N>,
) -> Vec<(Vec<usize>, Ranges<N>)> {
    let mut events: Vec<(N, bool, usize)> = Vec::new();
    let mut to_the_end: Vec<usize> = Vec::new();
    for (index, external) in externals.iter().enumerate() {
        for (first, last) in family(external).iter() {
            events.push((first, true, index));
            match last.next() {
                Some(after) => events.push((after, false, index)),
                None => to_the_end.push(index),
            }
        }
    }
    events.sort_unstable();
    let mut cells: BTreeMap<Vec<usize>, Vec<(N, N)>> = BTreeMap::new();
    let mut owners: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < events.len() {
        let position = events[at].0;
        while at < events.len() && events[at].0 == position {
            let (_, starts, index) = events[at];
            if starts {
                owners.push(index);
            } else {
                owners.retain(|owner| *owner != index);
            }
            at += 1;
        }
        if owners.is_empty() {
            continue;
        }
        let mut key = owners.clone();
        key.sort_unstable();
        let last = match events.get(at) {
            Some((next, ..)) => next.previous(),
            None => family(&externals[key[0]]).iter().last().map(|(_, last)| last),
        };
        if let Some(last) = last {
            cells.entry(key).or_default().push((position, last));
        }
    }
    cells.into_iter().map(|(owners, ranges)| (owners, Ranges::from_unsorted(ranges))).collect()
}
