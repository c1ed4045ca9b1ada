//! Layers: how overlapping source sets become disjoint identity classes without multiplying the elements.
//!
//! A source address has exactly one class in a layer, and a packet tries the layers one after the other. Two extremes:
//!
//! - *atoms*: one layer; every address gets the combination of all source sets that hold it. Fewest lookups, but where
//!   100,000 devices each have a rule of their own and one rule for all of them names 20 servers, every device becomes
//!   a class with 20 more elements.
//! - *a layer per overlap*: the sets of a layer are disjoint as they are, every rule is written once, and each
//!   layer costs a packet two more lookups.
//!
//! The algorithm, for R source ranges in S distinct sets:
//!
//! 1. The sets, smallest first (by number of addresses, then by value), go to the first of [`MOST`] layers in which
//!    nothing overlaps them; what fits nowhere goes to one more, which step 3 refines. O(MOST · R log R).
//! 2. Neighbouring layers are joined while the atoms of the joined one need at most [`GROWTH`] times the
//!    elements of its parts (or a few). What atoms need is computed by a sweep over the range ends that keeps a running
//!    sum and an order-free fingerprint of the sets in force, and adds the sum once per fingerprint. O(MOST · R log R).
//! 3. Each layer is cut into atoms by the same sweep; the list of sets of an atom is copied once per atom, which
//!    is at most the number of elements counted in step 2. More than [`MAXIMUM`] is an error, before any of it is built.
//!
//! The result depends on the sets as values only, never on the order in which they came.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::sets::Range;

/// Layers that hold disjoint sets as they are.
const MOST: usize = 6;
/// A joined layer may need this many times the elements of its parts.
const GROWTH: u64 = 2;
/// ... or this many more.
const SLACK: u64 = 64;
/// Most elements of one tier, hook and family.
pub(crate) const MAXIMUM: u64 = 4_000_000;

/// A distinct source set and about how many elements its rules need.
pub(crate) struct Source<'a> {
    pub(crate) ranges: &'a [Range],
    pub(crate) elements: u64,
}

/// The addresses that are in exactly these source sets of the layer.
pub(crate) struct Atom {
    /// Indices into the sources, ascending.
    pub(crate) sources: Vec<u32>,
    /// Disjoint, ascending, not adjacent.
    pub(crate) ranges: Vec<Range>,
}

/// Distributes the sources over layers and cuts each into atoms, ordered by their lowest address.
pub(crate) fn layers(sources: &[Source<'_>]) -> Result<Vec<Vec<Atom>>, u64> {
    let mut layers: Vec<Vec<u32>> = Vec::new();
    for next in colour(sources) {
        if let Some(last) = layers.last_mut() {
            let parts = atom_elements(sources, last).saturating_add(atom_elements(sources, &next));
            let joined: Vec<u32> = last.iter().chain(&next).copied().collect();
            if atom_elements(sources, &joined)
                <= (parts.saturating_mul(GROWTH)).max(parts.saturating_add(SLACK))
            {
                *last = joined;
                continue;
            }
        }
        layers.push(next);
    }
    let total = layers.iter().map(|layer| atom_elements(sources, layer)).fold(0, u64::saturating_add);
    if total > MAXIMUM {
        return Err(total);
    }
    Ok(layers.iter().map(|layer| atoms(sources, layer)).collect())
}

/// First fit into layers of disjoint sets; the last layer takes the rest.
fn colour(sources: &[Source<'_>]) -> Vec<Vec<u32>> {
    let size = |s: &Source<'_>| {
        s.ranges.iter().fold(0_u128, |sum, (a, b)| sum.saturating_add((b - a).saturating_add(1)))
    };
    let mut order: Vec<(u128, u32)> =
        (0..).zip(sources).map(|(index, source)| (size(source), index)).collect();
    order.sort_unstable_by(|a, b| {
        (a.0, sources[a.1 as usize].ranges).cmp(&(b.0, sources[b.1 as usize].ranges))
    });
    // Per layer: last address of each range taken, by its first.
    let mut taken: Vec<(BTreeMap<u128, u128>, Vec<u32>)> = Vec::new();
    let mut rest = Vec::new();
    'sets: for (_, index) in order {
        let ranges = sources[index as usize].ranges;
        let free = |map: &BTreeMap<u128, u128>| {
            ranges
                .iter()
                .all(|(first, last)| map.range(..=last).next_back().is_none_or(|(_, end)| end < first))
        };
        for (map, layer) in &mut taken {
            if free(map) {
                map.extend(ranges.iter().copied());
                layer.push(index);
                continue 'sets;
            }
        }
        if taken.len() < MOST {
            taken.push((ranges.iter().copied().collect(), vec![index]));
        } else {
            rest.push(index);
        }
    }
    let mut layers: Vec<Vec<u32>> = taken.into_iter().map(|(_, layer)| layer).collect();
    if !rest.is_empty() {
        layers.push(rest);
    }
    layers
}

/// Where sets begin (`true`) and end, in address order. `None` is the address after the last one.
fn ends(sources: &[Source<'_>], layer: &[u32]) -> Vec<(Option<u128>, bool, u32)> {
    let mut ends = Vec::with_capacity(layer.len() * 2);
    for index in layer {
        for (first, last) in sources[*index as usize].ranges {
            ends.push((Some(*first), true, *index));
            ends.push((last.checked_add(1), false, *index));
        }
    }
    // Nothing starts at `None`, so it may sort as the greatest.
    ends.sort_unstable_by_key(|(at, begins, index)| (at.is_none(), *at, *begins, *index));
    ends
}

/// A number per set whose sum over a combination of sets names the combination.
fn fingerprint(index: u32) -> u128 {
    let mix = |seed: u64| {
        let mut x = u64::from(index).wrapping_add(1).wrapping_mul(seed);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    u128::from(mix(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(mix(0xd1b5_4a32_d192_ed03))
}

/// How many elements the atoms of a layer need.
fn atom_elements(sources: &[Source<'_>], layer: &[u32]) -> u64 {
    let ends = ends(sources, layer);
    let mut seen: FxHashSet<u128> = FxHashSet::default();
    let (mut name, mut elements, mut total) = (0_u128, 0_u64, 0_u64);
    for (position, (at, begins, index)) in ends.iter().enumerate() {
        let weight = sources[*index as usize].elements;
        if *begins {
            name = name.wrapping_add(fingerprint(*index));
            elements = elements.saturating_add(weight);
        } else {
            name = name.wrapping_sub(fingerprint(*index));
            elements = elements.saturating_sub(weight);
        }
        let more_here = ends.get(position + 1).is_some_and(|next| next.0 == *at);
        if !more_here && seen.insert(name) {
            total = total.saturating_add(elements);
        }
    }
    total
}

fn atoms(sources: &[Source<'_>], layer: &[u32]) -> Vec<Atom> {
    let ends = ends(sources, layer);
    let mut atoms: Vec<Atom> = Vec::new();
    let mut known: FxHashMap<u128, usize> = FxHashMap::default();
    let mut active: BTreeSet<u32> = BTreeSet::new();
    let mut name = 0_u128;
    for (position, (at, begins, index)) in ends.iter().enumerate() {
        if *begins {
            name = name.wrapping_add(fingerprint(*index));
            active.insert(*index);
        } else {
            name = name.wrapping_sub(fingerprint(*index));
            active.remove(index);
        }
        let (Some(first), Some(next)) = (*at, ends.get(position + 1)) else { continue };
        if next.0 == *at || active.is_empty() {
            continue;
        }
        let last = next.0.map_or(u128::MAX, |after| after - 1);
        let atom = *known.entry(name).or_insert_with(|| {
            atoms.push(Atom { sources: active.iter().copied().collect(), ranges: Vec::new() });
            atoms.len() - 1
        });
        match atoms[atom].ranges.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(first) => *end = last,
            _ => atoms[atom].ranges.push((first, last)),
        }
    }
    atoms
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    fn built(sets: &[(Vec<Range>, u64)]) -> Result<Vec<Vec<Atom>>, u64> {
        let sources: Vec<_> =
            sets.iter().map(|(ranges, elements)| Source { ranges, elements: *elements }).collect();
        layers(&sources)
    }

    #[test]
    fn a_broad_rule_does_not_multiply() {
        let mut sets: Vec<(Vec<Range>, u64)> = (0..10_000).map(|n| (vec![(n, n)], 1)).collect();
        sets.push((vec![(0, 9_999)], 20));
        let layers = built(&sets).unwrap();
        let shape: Vec<usize> = layers.iter().map(Vec::len).collect();
        assert_eq!(shape, [10_000, 1]);
    }

    #[test]
    fn a_little_overlap_is_one_layer() {
        let layers = built(&[(vec![(0, 9)], 3), (vec![(5, 14)], 2), (vec![(0, 20)], 1)]).unwrap();
        assert_eq!(layers.len(), 1);
        let sources: Vec<_> =
            layers[0].iter().map(|atom| (atom.sources.clone(), atom.ranges.clone())).collect();
        assert_eq!(
            sources,
            [
                (vec![0, 2], vec![(0, 4)]),
                (vec![0, 1, 2], vec![(5, 9)]),
                (vec![1, 2], vec![(10, 14)]),
                (vec![2], vec![(15, 20)]),
            ]
        );
    }

    #[test]
    fn the_last_address_is_one_too() {
        let layers = built(&[(vec![(0, u128::MAX)], 1), (vec![(u128::MAX, u128::MAX)], 1)]).unwrap();
        assert_eq!(layers[0][1].ranges, [(u128::MAX, u128::MAX)]);
    }

    #[test]
    fn what_explodes_is_refused_early() {
        // Everybody but one, for each one.
        let sets: Vec<(Vec<Range>, u64)> =
            (1..5_000_u128).map(|n| (vec![(0, n * 2 - 1), (n * 2 + 1, 20_000)], 5)).collect();
        assert!(built(&sets).is_err_and(|elements| elements > MAXIMUM));
    }
}
