//! Classes of one axis: the numbers that lie in exactly the same sets.

use rustc_hash::FxHashMap;

use crate::{NotDecided, Range, SetId};

/// The classes of an axis that are in at least one set.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    /// For each class, the ranks of the sets that hold it; rank 0 is the widest set. Sorted, so that neighbours share a
    /// long prefix: sets that nest (a device in a network in a zone) begin and end once each, from the first class to
    /// the last.
    pub(crate) members: Vec<Box<[u32]>>,
    /// The set of each rank.
    pub(crate) by_rank: Vec<SetId>,
    /// For each class, its lowest number.
    pub(crate) example: Vec<u128>,
    /// For each set, its classes as ascending inclusive ranges.
    pub(crate) of_set: Vec<Vec<(u32, u32)>>,
}

impl Classes {
    /// Cost: the range ends, sorted, and for each piece between two ends the sets that hold it. The latter sum may be
    /// `budget` at most.
    pub(crate) fn new(sets: &[Box<[Range]>], budget: u64) -> Result<Self, NotDecided> {
        let by_rank = widest_first(sets);
        let mut ends: Vec<(u128, bool, u32)> = Vec::with_capacity(sets.len() * 2);
        for (rank, set) in by_rank.iter().enumerate() {
            for (first, last) in &sets[*set as usize] {
                ends.push((*first, true, rank as u32));
                if let Some(after) = last.checked_add(1) {
                    ends.push((after, false, rank as u32));
                }
            }
        }
        ends.sort_unstable();
        // Pieces of the axis, named by the ranks of the sets that hold them.
        let mut known: FxHashMap<Box<[u32]>, u32> = FxHashMap::default();
        let mut found: Vec<(Box<[u32]>, u128)> = Vec::new();
        let mut holding: Vec<u32> = Vec::new();
        let mut work = 0_u64;
        for (index, (at, begins, rank)) in ends.iter().enumerate() {
            match (holding.binary_search(rank), begins) {
                (Err(place), true) => holding.insert(place, *rank),
                (Ok(place), false) => {
                    holding.remove(place);
                }
                // A set's ranges are disjoint and not adjacent.
                _ => {}
            }
            let last_here = ends.get(index + 1).is_none_or(|next| next.0 != *at);
            if !last_here || holding.is_empty() {
                continue;
            }
            work += holding.len() as u64;
            if work > budget {
                return Err(NotDecided { work });
            }
            if !known.contains_key(holding.as_slice()) {
                known.insert(holding.as_slice().into(), found.len() as u32);
                found.push((holding.as_slice().into(), *at));
            }
        }
        found.sort_unstable();
        let mut classes = Self { of_set: vec![Vec::new(); sets.len()], ..Self::default() };
        for (class, (ranks, example)) in found.into_iter().enumerate() {
            let class = class as u32;
            for rank in &ranks {
                let of_set = &mut classes.of_set[by_rank[*rank as usize] as usize];
                match of_set.last_mut() {
                    Some((_, last)) if *last + 1 == class => *last = class,
                    _ => of_set.push((class, class)),
                }
            }
            classes.members.push(ranks);
            classes.example.push(example);
        }
        classes.by_rank = by_rank;
        Ok(classes)
    }

    pub(crate) fn count(&self) -> usize {
        self.members.len()
    }

    /// How many classes a set has.
    pub(crate) fn span(&self, set: SetId) -> u64 {
        self.of_set[set as usize].iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }
}

/// The sets by how many numbers they hold, most first.
fn widest_first(sets: &[Box<[Range]>]) -> Vec<SetId> {
    let size = |set: &[Range]| {
        set.iter().fold(0_u128, |sum, (first, last)| sum.saturating_add(last - first).saturating_add(1))
    };
    let mut order: Vec<(std::cmp::Reverse<u128>, SetId)> =
        sets.iter().enumerate().map(|(id, set)| (std::cmp::Reverse(size(set)), id as SetId)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, id)| id).collect()
}
