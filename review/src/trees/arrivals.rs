//! Who may arrive where: addresses by device, and the hardware addresses that belong to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use weir_nftables_reader::{Arrivals, Binding, Bound, Range, Station};

use crate::diff::{Difference, PlantChange, Verdict};

/// What is said of one gateway.
pub(super) struct Gateway<'g> {
    pub(super) name: &'g str,
    pub(super) found: &'g mut Difference,
}

impl Gateway<'_> {
    pub(super) fn say(&mut self, detail: String, effect: Verdict) {
        self.found.plant.push(PlantChange {
            what: "gateway",
            name: self.name.to_owned(),
            change: "changed",
            detail,
            effect,
        });
    }

    /// Members that came and went, where one more permits more.
    pub(super) fn members<T: Ord + Display>(
        &mut self,
        what: &str,
        before: &BTreeSet<T>,
        after: &BTreeSet<T>,
    ) {
        for (list, word, effect) in [
            (after.difference(before), "added", Verdict::Widened),
            (before.difference(after), "removed", Verdict::Narrowed),
        ] {
            let list: Vec<String> = list.map(ToString::to_string).collect();
            if !list.is_empty() {
                self.say(format!("{what}: {} {word}", listed(&list)), effect);
            }
        }
    }
}

/// The first ones, and how many there are more.
pub(super) fn listed(list: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = list.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if list.len() > SHOWN { format!("{shown} and {} more", list.len() - SHOWN) } else { shown }
}

pub(super) fn address(number: u128, is_v6: bool) -> String {
    let address = match u32::try_from(number) {
        Ok(number) if !is_v6 => IpAddr::V4(Ipv4Addr::from_bits(number)),
        _ => IpAddr::V6(Ipv6Addr::from_bits(number)),
    };
    address.to_string()
}

fn addresses(ranges: &[Range], is_v6: bool) -> String {
    let range = |(first, last): &Range| {
        if first == last {
            address(*first, is_v6)
        } else {
            format!("{}..{}", address(*first, is_v6), address(*last, is_v6))
        }
    };
    listed(&ranges.iter().map(range).collect::<Vec<_>>())
}

/// What the first ranges have and the second do not. Both are sorted and disjoint.
fn without(own: &[Range], others: &[Range]) -> Vec<Range> {
    let mut rest = Vec::new();
    let mut from = 0;
    for (first, last) in own {
        while others.get(from).is_some_and(|(_, end)| end < first) {
            from += 1;
        }
        let mut next = Some(*first);
        let mut at = from;
        while let (Some(begin), Some((start, end))) = (next, others.get(at))
            && start <= last
        {
            if *start > begin {
                rest.push((begin, start - 1));
            }
            next = end.checked_add(1).filter(|after| after <= last);
            at += 1;
        }
        rest.extend(next.map(|begin| (begin, *last)));
    }
    rest
}

/// What may arrive by each device. More is wider.
pub(super) fn bindings(
    gateway: &mut Gateway<'_>,
    what: &str,
    (before, after): (&[Binding], &[Binding]),
    is_v6: bool,
) {
    let by_device = |list: &[Binding]| {
        let mut all: BTreeMap<String, Vec<Range>> = BTreeMap::new();
        for one in list {
            all.entry(one.device.to_string()).or_default().push(one.sources);
        }
        for ranges in all.values_mut() {
            ranges.sort_unstable();
        }
        all
    };
    let (before, after) = (by_device(before), by_device(after));
    let devices: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for device in devices {
        let of = |all: &BTreeMap<String, Vec<Range>>| all.get(device).cloned().unwrap_or_default();
        let (was, is) = (of(&before), of(&after));
        let (came, went) = (without(&is, &was), without(&was, &is));
        if !came.is_empty() {
            let detail = format!("{what} `{device}`: {} added", addresses(&came, is_v6));
            gateway.say(detail, Verdict::Widened);
        }
        if !went.is_empty() {
            let detail = format!("{what} `{device}`: {} removed", addresses(&went, is_v6));
            gateway.say(detail, Verdict::Narrowed);
        }
    }
}

type Known<'s> = (&'s [Station], &'s [Bound], &'s [Binding]);

/// Addresses that count with a hardware address of their own only.
pub(super) fn stations(
    gateway: &mut Gateway<'_>,
    what: &str,
    before: Known<'_>,
    after: Known<'_>,
    is_v6: bool,
) {
    type Key<'s> = (&'s str, u128);
    fn held<'s>((stations, bound, _): Known<'s>) -> BTreeMap<Key<'s>, BTreeSet<[u8; 6]>> {
        let mut all: BTreeMap<Key<'s>, BTreeSet<[u8; 6]>> =
            bound.iter().map(|one| ((&*one.device, one.address), BTreeSet::new())).collect();
        for one in stations {
            if let Some(known) = all.get_mut(&(&*one.device, one.address)) {
                known.insert(one.mac);
            }
        }
        all
    }
    let may_arrive = |(_, _, bindings): Known<'_>| -> BTreeMap<String, Vec<Range>> {
        let mut all: BTreeMap<String, Vec<Range>> = BTreeMap::new();
        for one in bindings {
            all.entry(one.device.to_string()).or_default().push(one.sources);
        }
        for ranges in all.values_mut() {
            ranges.sort_unstable();
        }
        all
    };
    let (was, is) = (held(before), held(after));
    let (could, can) = (may_arrive(before), may_arrive(after));
    let has = |all: &BTreeMap<String, Vec<Range>>, (device, address): &Key<'_>| {
        let ranges = all.get(*device).map_or(&[][..], Vec::as_slice);
        let behind = ranges.partition_point(|(first, _)| first <= address);
        behind.checked_sub(1).is_some_and(|at| *address <= ranges[at].1)
    };
    let mut said: BTreeMap<(&str, &'static str, Verdict), Vec<String>> = BTreeMap::new();
    let keys: BTreeSet<&Key<'_>> = was.keys().chain(is.keys()).collect();
    for key in keys {
        let (change, effect) = match (was.get(key), is.get(key)) {
            // where the address itself came or went, that was said
            (None, Some(_)) if has(&could, key) => ("with their hardware addresses only", Verdict::Narrowed),
            (Some(_), None) if has(&can, key) => ("with any hardware address", Verdict::Widened),
            (Some(old), Some(new)) if !new.is_subset(old) => {
                ("with other hardware addresses", Verdict::Widened)
            }
            (Some(old), Some(new)) if old != new => ("with fewer hardware addresses", Verdict::Narrowed),
            _ => continue,
        };
        said.entry((key.0, change, effect)).or_default().push(address(key.1, is_v6));
    }
    for ((device, change, effect), addresses) in said {
        gateway.say(format!("{what} `{device}`: {} {change}", listed(&addresses)), effect);
    }
}

/// What may come to `forward` and `input` at all.
pub(super) fn compare(gateway: &mut Gateway<'_>, before: &Arrivals, after: &Arrivals) {
    let what = "sources that may arrive by";
    bindings(gateway, what, (&before.v4, &after.v4), false);
    bindings(gateway, what, (&before.v6, &after.v6), true);
    stations(
        gateway,
        what,
        (&before.stations_v4, &before.bound_v4, &before.v4),
        (&after.stations_v4, &after.bound_v4, &after.v4),
        false,
    );
    stations(
        gateway,
        what,
        (&before.stations_v6, &before.bound_v6, &before.v6),
        (&after.stations_v6, &after.bound_v6, &after.v6),
        true,
    );
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn ranges_without_ranges() {
        assert_eq!(without(&[(0, 9)], &[]), [(0, 9)]);
        assert_eq!(without(&[(0, 9)], &[(0, 9)]), []);
        assert_eq!(without(&[(0, 9), (20, 29)], &[(3, 4), (8, 22), (29, 40)]), [(0, 2), (5, 7), (23, 28)]);
        assert_eq!(without(&[(5, u128::MAX)], &[(0, 6), (9, u128::MAX)]), [(7, 8)]);
    }
}
