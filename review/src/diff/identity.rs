//! Who is who in two versions of a package: by path, and a principal that has another path and is otherwise the same was
//! renamed.

use std::{collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;
use weir_compiler::{
    model::{Principal, PrincipalKind, PrincipalSet},
    plan::{AddressSet, Ranges},
};

use crate::Subject;

/// Common numbers for the principals of two subjects: those of the later one are its own, those that only the earlier
/// one has follow.
#[derive(Debug)]
pub(super) struct Identity {
    /// For each principal of the earlier subject, its common number.
    common: Vec<u32>,
    /// Runs of the earlier subject's numbers that go to runs of common ones.
    runs: Vec<(u32, u32, u32)>,
    /// The numbers of the later subject end here.
    later: u32,
    /// By common number from `later` on: principals of the earlier subject.
    gone: Vec<u32>,
    /// Principals of the later subject that the earlier one does not have.
    pub(super) added: Vec<u32>,
    /// Earlier and later.
    pub(super) renamed: Vec<(u32, u32)>,
}

/// Regions of one external share its name: they are told apart by their place among them.
fn keys(subject: &Subject) -> Vec<(&str, u32)> {
    let mut seen: FxHashMap<&str, u32> = FxHashMap::default();
    let principals = subject.model().principals.iter();
    principals
        .map(|principal| {
            let number = seen.entry(principal.name.as_str()).or_default();
            *number += 1;
            (principal.name.as_str(), *number)
        })
        .collect()
}

/// All of a principal but its name.
type Substance = (PrincipalKindKey, AddressSet, Option<[u8; 6]>, String, String);
pub(super) type PrincipalKindKey = u8;

/// Kinds in an order, for keys.
pub(super) fn kind_key(kind: PrincipalKind) -> PrincipalKindKey {
    match kind {
        PrincipalKind::Device => 0,
        PrincipalKind::Workload => 1,
        PrincipalKind::Gateway => 2,
        PrincipalKind::External => 3,
        PrincipalKind::Role => 4,
    }
}

fn substance(subject: &Subject, principal: &Principal) -> Option<Substance> {
    let addresses = principal.addresses();
    if addresses.is_empty() {
        return None; // nothing to know it by
    }
    let kind = kind_key(principal.kind);
    let zones: Vec<&str> =
        principal.zones.iter().map(|zone| subject.model().zone(*zone).name.as_str()).collect();
    let class = principal.details.class.map_or("", |class| subject.path(class));
    let served: Vec<String> = principal
        .serves()
        .iter()
        .map(|served| format!("{} {:?}", subject.path(served.protocol), served.port))
        .collect();
    Some((kind, addresses, principal.mac, format!("{class} {zones:?}"), served.join(",")))
}

impl Identity {
    pub(super) fn new(earlier: &Subject, later: &Subject) -> Self {
        let known: FxHashMap<(&str, u32), u32> =
            keys(later).into_iter().enumerate().map(|(id, key)| (key, id as u32)).collect();
        let mut common: Vec<Option<u32>> =
            keys(earlier).into_iter().map(|key| known.get(&key).copied()).collect();
        let count = later.model().principals.len() as u32;
        let mut met = vec![false; count as usize];
        common.iter().flatten().for_each(|id| met[*id as usize] = true);
        let renamed = renamed(earlier, later, &common, &met);
        for (old, new) in &renamed {
            common[*old as usize] = Some(*new);
            met[*new as usize] = true;
        }
        let mut gone = Vec::new();
        let common: Vec<u32> = common
            .into_iter()
            .enumerate()
            .map(|(old, new)| {
                new.unwrap_or_else(|| {
                    gone.push(old as u32);
                    count + gone.len() as u32 - 1
                })
            })
            .collect();
        let mut runs: Vec<(u32, u32, u32)> = Vec::new();
        for (old, new) in common.iter().enumerate() {
            let old = old as u32;
            match runs.last_mut() {
                Some((first, last, to)) if *last + 1 == old && *to + (old - *first) == *new => *last = old,
                _ => runs.push((old, old, *new)),
            }
        }
        let added = (0..count).filter(|id| !met[*id as usize]).collect();
        Self { common, runs, later: count, gone, added, renamed }
    }

    /// How many common numbers there are.
    pub(super) fn count(&self) -> usize {
        self.later as usize + self.gone.len()
    }

    pub(super) fn of_earlier(&self, id: u32) -> u32 {
        self.common[id as usize]
    }

    /// The earlier subject's principals that are gone.
    pub(super) fn gone(&self) -> &[u32] {
        &self.gone
    }

    /// A set of the earlier subject in common numbers.
    pub(super) fn translate(&self, set: &PrincipalSet) -> PrincipalSet {
        let mut ranges = Vec::new();
        for (first, last) in set.iter() {
            let mut run = self.runs.partition_point(|(_, end, _)| *end < first);
            while let Some((start, end, to)) = self.runs.get(run).filter(|(start, ..)| *start <= last) {
                let (from, until) = (first.max(*start), last.min(*end));
                ranges.push((to + (from - start), to + (until - start)));
                run += 1;
            }
        }
        Arc::new(Ranges::from_unsorted(ranges))
    }

    /// Back to the numbers of one subject; who is not in it is left out.
    pub(super) fn in_later(&self, set: &Ranges<u32>) -> Ranges<u32> {
        match self.later.checked_sub(1) {
            Some(last) => set.intersection(&Ranges::from_unsorted(vec![(0, last)])),
            None => Ranges::new(),
        }
    }

    pub(super) fn in_earlier(&self, set: &Ranges<u32>) -> Ranges<u32> {
        let mut ranges = Vec::new();
        for (start, end, to) in &self.runs {
            let whole = Ranges::from_unsorted(vec![(*to, to + (end - start))]);
            ranges.extend(set.intersection(&whole).iter().map(|(a, b)| (start + (a - to), start + (b - to))));
        }
        Ranges::from_unsorted(ranges)
    }
}

fn renamed(earlier: &Subject, later: &Subject, common: &[Option<u32>], met: &[bool]) -> Vec<(u32, u32)> {
    let mut gone: BTreeMap<Substance, Vec<u32>> = BTreeMap::new();
    for (id, principal) in earlier.model().principals.iter().enumerate() {
        if common[id].is_none()
            && let Some(substance) = substance(earlier, principal)
        {
            gone.entry(substance).or_default().push(id as u32);
        }
    }
    let mut pairs = Vec::new();
    if gone.is_empty() {
        return pairs;
    }
    let mut candidates: BTreeMap<Substance, Vec<u32>> = BTreeMap::new();
    for (id, principal) in later.model().principals.iter().enumerate().filter(|(id, _)| !met[*id]) {
        if let Some(substance) = substance(later, principal) {
            candidates.entry(substance).or_default().push(id as u32);
        }
    }
    for (substance, old) in gone {
        if let ([old], Some([new])) = (old.as_slice(), candidates.get(&substance).map(Vec::as_slice)) {
            pairs.push((*old, *new));
        }
    }
    pairs
}
