//! Sets of IP addresses as sorted, disjoint, non-adjacent inclusive ranges: one form per set, so that
//! equality of sets is equality of values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Sorted, disjoint, non-adjacent inclusive ranges over an unsigned integer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ranges<N>(Vec<(N, N)>);

/// The integer under an address family: what range arithmetic needs.
pub trait Number: Copy + Ord {
    /// The number after this one, if the family has one.
    fn next(self) -> Option<Self>;
    /// The number before this one, if the family has one.
    fn previous(self) -> Option<Self>;
}

macro_rules! number {
    ($($integer:ty),*) => {$(
        impl Number for $integer {
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn previous(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    )*};
}
number!(u16, u32, u64, u128);

impl<N: Number> Ranges<N> {
    /// The empty set.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The set of all numbers in the given inclusive ranges, which may overlap and come in any order.
    pub fn from_unsorted(mut ranges: Vec<(N, N)>) -> Self {
        ranges.retain(|(first, last)| first <= last);
        ranges.sort_unstable();
        let mut merged: Vec<(N, N)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if end.next().is_none_or(|after| first <= after) => *end = (*end).max(last),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    /// The ranges, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (N, N)> + '_ {
        self.0.iter().copied()
    }

    /// The ranges, ascending.
    pub fn as_slice(&self) -> &[(N, N)] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, number: N) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after > 0 && number <= self.0[after - 1].1
    }

    /// Whether every number of the other set is in this one.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(first, last)| {
            let after = self.0.partition_point(|(start, _)| start <= first);
            after > 0 && *last <= self.0[after - 1].1
        })
    }

    pub fn union(&self, other: &Self) -> Self {
        Self::from_unsorted(self.0.iter().chain(&other.0).copied().collect())
    }

    pub fn intersection(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        let (mut left, mut right) = (0, 0);
        while let (Some(a), Some(b)) = (self.0.get(left), other.0.get(right)) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                both.push((first, last));
            }
            if a.1 < b.1 {
                left += 1;
            } else {
                right += 1;
            }
        }
        Self(both)
    }

    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        let mut right = 0;
        for &(first, last) in &self.0 {
            let mut from = Some(first);
            while right < other.0.len() && other.0[right].1 < first {
                right += 1;
            }
            let mut hole = right;
            while let (Some(start), Some(&(gap_first, gap_last))) = (from, other.0.get(hole)) {
                if gap_first > last {
                    break;
                }
                if let Some(before) =
                    gap_first.previous().filter(|before| *before >= start && gap_first > start)
                {
                    rest.push((start, before));
                }
                from = gap_last.next().map(|after| after.max(start)).filter(|after| *after <= last);
                hole += 1;
            }
            if let Some(start) = from {
                rest.push((start, last));
            }
        }
        Self(rest)
    }
}

impl Ranges<u32> {
    /// Every number of the set, ascending.
    pub fn members(&self) -> impl Iterator<Item = u32> + '_ {
        self.iter().flat_map(|(first, last)| first..=last)
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        self.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }
}

impl FromIterator<u32> for Ranges<u32> {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        Self::from_unsorted(numbers.into_iter().map(|number| (number, number)).collect())
    }
}

/// A set of IPv4 and IPv6 addresses. Each family is a dimension of its own: nothing maps between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressSet {
    pub v4: Ranges<u32>,
    pub v6: Ranges<u128>,
}

impl AddressSet {
    /// Every address of both families.
    pub fn everything() -> Self {
        Self {
            v4: Ranges::from_unsorted(vec![(0, u32::MAX)]),
            v6: Ranges::from_unsorted(vec![(0, u128::MAX)]),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.v4.contains(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.contains(v6.to_bits()),
        }
    }

    /// Whether every address of the other set is in this one.
    pub fn covers(&self, other: &Self) -> bool {
        self.v4.covers(&other.v4) && self.v6.covers(&other.v6)
    }

    /// The union of many sets, sorted once.
    pub fn union_of<'s>(sets: impl IntoIterator<Item = &'s Self>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for set in sets {
            v4.extend(set.v4.iter());
            v6.extend(set.v6.iter());
        }
        Self { v4: Ranges::from_unsorted(v4), v6: Ranges::from_unsorted(v6) }
    }

    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    pub fn intersection(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersection(&other.v4), v6: self.v6.intersection(&other.v6) }
    }

    pub fn difference(&self, other: &Self) -> Self {
        Self { v4: self.v4.difference(&other.v4), v6: self.v6.difference(&other.v6) }
    }

    /// The lowest address of the set, IPv4 first.
    pub fn first(&self) -> Option<IpAddr> {
        let v4 = self.v4.iter().next().map(|(first, _)| IpAddr::V4(Ipv4Addr::from_bits(first)));
        v4.or_else(|| self.v6.iter().next().map(|(first, _)| IpAddr::V6(Ipv6Addr::from_bits(first))))
    }
}

impl FromIterator<(IpAddr, IpAddr)> for AddressSet {
    /// Collects inclusive ranges; a range whose ends are of two families holds nothing.
    fn from_iter<I: IntoIterator<Item = (IpAddr, IpAddr)>>(ranges: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            match range {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits(), last.to_bits())),
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), last.to_bits())),
                _ => {}
            }
        }
        Self { v4: Ranges::from_unsorted(v4), v6: Ranges::from_unsorted(v6) }
    }
}

impl FromIterator<IpAddr> for AddressSet {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        addresses.into_iter().map(|address| (address, address)).collect()
    }
}
