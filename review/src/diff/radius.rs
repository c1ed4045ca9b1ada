//! How far an intruder gets, before and after.

use std::{collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;
use weir_compiler::{
    flows::reach::{Assumptions, Reach},
    model::PrincipalKind,
    plan::Ranges,
};

use super::{Difference, RadiusChange, identity::Identity};
use crate::Subject;

/// Starts that are followed: a package of more principals is asked about those whose flows change.
const STARTS: usize = 3_000;
/// Groups of principals that are listed, those that gain most first.
const LISTED: usize = 20;

pub(super) fn compare(earlier: &Subject, later: &Subject, identity: &Identity, found: &mut Difference) {
    let unchanged = found.permitted.is_empty() && found.denied.is_empty() && found.plant.is_empty();
    if unchanged {
        return;
    }
    let starts: Vec<u32> = (0..earlier.model().principals.len() as u32)
        .filter(|id| {
            let principal = earlier.principal(*id);
            principal.kind != PrincipalKind::External || Some(principal.entity) == earlier.model().internet
        })
        .filter(|id| identity.of_earlier(*id) < later.model().principals.len() as u32)
        .collect();
    let count = later.model().principals.len().max(earlier.model().principals.len());
    let starts = if count > STARTS {
        let names: std::collections::BTreeSet<&str> = found
            .permitted
            .iter()
            .chain(&found.denied)
            .map(|change| change.witness.source.as_str())
            .collect();
        let mut some: Vec<u32> = starts.into_iter().filter(|id| names.contains(earlier.name(*id))).collect();
        some.truncate(100);
        found.notes.push(format!(
            "the blast radius is that of {} whose flows change, not of all {count}",
            if some.len() == 1 { "1 principal".to_owned() } else { format!("{} principals", some.len()) }
        ));
        some
    } else {
        starts
    };
    let before = earlier.connections();
    let after = later.connections();
    let before = Reach::new(earlier.model(), &before, Assumptions::default());
    let after = Reach::new(later.model(), &after, Assumptions::default());
    let mut groups: BTreeMap<(u64, u64), FxHashMap<(Ranges<u32>, Ranges<u32>), Vec<u32>>> = BTreeMap::new();
    for start in starts {
        let now = identity.of_earlier(start);
        let one = |id: u32| Ranges::from_unsorted(vec![(id, id)]);
        let was = identity.translate(&before.reached_from(&one(start)).members()).difference(&one(now));
        let is = after.reached_from(&one(now)).members().difference(&one(now));
        if was == is {
            continue;
        }
        let (gained, lost) = (is.difference(&was), was.difference(&is));
        groups.entry((was.count(), is.count())).or_default().entry((gained, lost)).or_default().push(now);
    }
    let mut changes: Vec<(i64, RadiusChange)> = Vec::new();
    for ((before, after), of_size) in groups {
        for ((gained, lost), principals) in alike(of_size) {
            let principals: Ranges<u32> = principals.into_iter().collect();
            let lost = Arc::new(lost);
            let change = RadiusChange {
                principals: later.naming().describe(later.model(), &principals),
                before,
                after,
                gained: words(later, &identity.in_later(&gained)),
                lost: words(earlier, &identity.in_earlier(&lost)),
            };
            changes.push((before.cast_signed() - after.cast_signed(), change));
        }
    }
    changes.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.principals.cmp(&b.1.principals)));
    if changes.len() > LISTED {
        found.notes.push(format!(
            "the blast radius changes for {} more groups of principals",
            changes.len() - LISTED
        ));
        changes.truncate(LISTED);
    }
    found.radius = changes.into_iter().map(|(_, change)| change).collect();
}

/// What is gained and what is lost.
type Sets = (Ranges<u32>, Ranges<u32>);

/// Peers of one group reach each other: what they gain or lose is the same but for themselves, and is told as one.
fn alike(groups: FxHashMap<Sets, Vec<u32>>) -> Vec<(Sets, Vec<u32>)> {
    let mut told = Vec::new();
    let mut peers: FxHashMap<Sets, Vec<(Sets, u32)>> = FxHashMap::default();
    for (sets, principals) in groups.into_iter().collect::<Vec<_>>() {
        let [only] = principals.as_slice() else {
            told.push((sets, principals));
            continue;
        };
        let own: Ranges<u32> = std::iter::once(*only).collect();
        let with = |set: &Ranges<u32>| if set.is_empty() { Ranges::new() } else { set.union(&own) };
        peers.entry((with(&sets.0), with(&sets.1))).or_default().push((sets, *only));
    }
    for (with_themselves, members) in peers.into_iter().collect::<Vec<_>>() {
        match members.as_slice() {
            [(sets, only)] => told.push((sets.clone(), vec![*only])),
            _ => told.push((with_themselves, members.into_iter().map(|(_, member)| member).collect())),
        }
    }
    told.sort_by(|a, b| a.1.cmp(&b.1));
    told
}

fn words(subject: &Subject, set: &Ranges<u32>) -> String {
    if set.is_empty() { String::new() } else { subject.naming().describe(subject.model(), set) }
}
