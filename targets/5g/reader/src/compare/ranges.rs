//! Sets of addresses, by what runs over them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use super::Permission;

/// For each protocol, and each port at which either set changes: the addresses that one set has there.
pub(super) fn by_port(own: &[Permission], other: &[Permission]) -> BTreeMap<(u8, u16), Vec<(u32, u32)>> {
    let mut cuts: BTreeSet<(u8, u32)> = BTreeSet::new();
    for permission in own.iter().chain(other) {
        cuts.insert((permission.protocol, u32::from(permission.ports.0)));
        cuts.insert((permission.protocol, u32::from(permission.ports.1) + 1));
    }
    let mut found: BTreeMap<(u8, u16), Vec<(u32, u32)>> = BTreeMap::new();
    for permission in own {
        let within = (permission.protocol, u32::from(permission.ports.0))
            ..=(permission.protocol, u32::from(permission.ports.1));
        for (protocol, port) in cuts.range(within) {
            let port = u16::try_from(*port).unwrap_or(u16::MAX);
            found.entry((*protocol, port)).or_default().push((permission.first, permission.last));
        }
    }
    for addresses in found.values_mut() {
        *addresses = merged(std::mem::take(addresses), |last| last.checked_add(1));
    }
    found
}

/// Sorted, disjoint, not adjacent. `next` is what follows an address, where one does.
pub(super) fn merged<A: Copy + Ord>(mut ranges: Vec<(A, A)>, next: impl Fn(A) -> Option<A>) -> Vec<(A, A)> {
    ranges.sort_unstable();
    let mut out: Vec<(A, A)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match out.last_mut() {
            Some((_, end)) if next(*end).is_none_or(|next| first <= next) => *end = (*end).max(last),
            _ => out.push((first, last)),
        }
    }
    out
}

/// An address of the first set that the second lacks. Both are merged.
pub(super) fn outside(own: &[(u32, u32)], other: &[(u32, u32)]) -> Option<Ipv4Addr> {
    own.iter().find_map(|(first, last)| {
        let after = other.partition_point(|(start, _)| start <= first);
        let covered = after.checked_sub(1).map(|index| other[index].1).filter(|end| end >= first);
        match covered {
            None => Some(Ipv4Addr::from(*first)),
            Some(end) if end < *last => Some(Ipv4Addr::from(end + 1)),
            Some(_) => None,
        }
    })
}
