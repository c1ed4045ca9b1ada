//! Who reaches whom though no flow permits it, because nothing enforces anything between them.

use std::collections::{BTreeMap, BTreeSet};

use weir_compiler::{
    flows::reach::{Assumptions, Reach},
    model::Principal,
    plan::Ranges,
};

use super::{
    Difference, PlantChange, Verdict,
    identity::{Identity, kind_key},
};
use crate::Subject;

/// Stations of the same segments reach the same others: one of them is asked for all. What is new, or gone, is said as
/// that: only what two principals of both versions have between them counts here.
pub(super) fn compare(earlier: &Subject, later: &Subject, identity: &Identity, found: &mut Difference) {
    let count = later.model().principals.len() as u32;
    let mut asked: BTreeSet<(u8, Vec<&str>, Vec<&str>)> = BTreeSet::new();
    let mut starts: Vec<(u32, u32)> = Vec::new();
    for old in 0..earlier.model().principals.len() as u32 {
        let new = identity.of_earlier(old);
        if new >= count {
            continue;
        }
        let (was, is) = (earlier.principal(old), later.principal(new));
        let key = (kind_key(is.kind), segments(earlier, was), segments(later, is));
        if asked.insert(key) {
            starts.push((old, new));
        }
    }
    let assumptions = Assumptions { through_gateways: false, ..Assumptions::default() };
    let (before, after) =
        (Reach::new(earlier.model(), &[], assumptions), Reach::new(later.model(), &[], assumptions));
    let fresh: Ranges<u32> = identity.added.iter().copied().collect();
    let gone: Ranges<u32> = identity.gone().iter().map(|id| identity.of_earlier(*id)).collect();
    let mut changes: BTreeMap<(Verdict, String), BTreeSet<String>> = BTreeMap::new();
    for (old, new) in starts {
        let own = |id: u32| -> Ranges<u32> { std::iter::once(id).collect() };
        let was = identity.translate(&before.reached_from(&own(old)).members());
        let is = after.reached_from(&own(new)).members();
        let gained = is.difference(&was).difference(&fresh).difference(&own(new));
        let lost = was.difference(&is).difference(&gone).difference(&own(new));
        let who = segments(later, later.principal(new)).join(", ");
        for (set, effect) in [(gained, Verdict::Widened), (lost, Verdict::Narrowed)] {
            if !set.is_empty() {
                let words = later.naming().describe(later.model(), &identity.in_later(&set));
                changes.entry((effect, words)).or_default().insert(who.clone());
            }
        }
    }
    for ((effect, words), who) in changes {
        let name = who.into_iter().collect::<Vec<_>>().join(" | ");
        let (change, detail) = match effect {
            Verdict::Widened => {
                ("removed", format!("nothing stands between these stations and {words} any more"))
            }
            _ => ("added", format!("these stations no longer reach {words} unhindered")),
        };
        found.plant.push(PlantChange { what: "separation of", name, change, detail, effect });
    }
}

fn segments<'s>(subject: &'s Subject, principal: &Principal) -> Vec<&'s str> {
    let of = principal.attachments.iter();
    of.map(|one| subject.model().segment(one.segment).name.as_str()).collect()
}
