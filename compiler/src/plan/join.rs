//! One statement's rules at one gateway, joined: walking a leg gives a rule for each pair of segments, and most of them
//! differ in one side alone.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;

use super::{AddressSet, PlanRule};

/// Unions of address sets, each made once: statements about the same sets join to the same value.
#[derive(Default)]
pub(super) struct Unions {
    /// By where the parts lie in memory; they are kept alive beside the union.
    known: FxHashMap<Vec<usize>, Union>,
}

struct Union {
    whole: Arc<AddressSet>,
    _parts: Vec<Arc<AddressSet>>,
}

impl Unions {
    fn of(&mut self, mut parts: Vec<Arc<AddressSet>>) -> Arc<AddressSet> {
        parts.sort_unstable_by_key(|part| Arc::as_ptr(part) as usize);
        parts.dedup_by_key(|part| Arc::as_ptr(part) as usize);
        if let [only] = parts.as_slice() {
            return only.clone();
        }
        let key: Vec<usize> = parts.iter().map(|part| Arc::as_ptr(part) as usize).collect();
        if let Some(known) = self.known.get(&key) {
            return known.whole.clone();
        }
        let whole = Arc::new(AddressSet::union_of(parts.iter().map(|part| &**part)));
        self.known.insert(key, Union { whole: whole.clone(), _parts: parts });
        whole
    }
}

/// Joins the rules from `start` on, all of one leg: those that share destinations, then those that share sources. A
/// union of rectangles that share a side is a rectangle, so the meaning stays.
pub(super) fn join(rules: &mut Vec<PlanRule>, start: usize, unions: &mut Unions) {
    if rules.len() - start < 2 {
        return;
    }
    let added = rules.split_off(start);
    let added = joined(added, unions, |rule| &mut rule.destinations, |rule| &mut rule.sources);
    rules.extend(joined(added, unions, |rule| &mut rule.sources, |rule| &mut rule.destinations));
}

/// A set by its value; the same allocation, which is the usual case, is not looked into.
#[derive(PartialEq, Eq)]
struct Side(Arc<AddressSet>);

impl PartialOrd for Side {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Side {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

/// Joins rules with the same `fixed` side. Services and action are those of the leg.
fn joined(
    rules: Vec<PlanRule>,
    unions: &mut Unions,
    fixed: impl Fn(&mut PlanRule) -> &mut Arc<AddressSet>,
    open: impl Fn(&mut PlanRule) -> &mut Arc<AddressSet>,
) -> Vec<PlanRule> {
    let mut groups: BTreeMap<_, (PlanRule, Vec<Arc<AddressSet>>)> = BTreeMap::new();
    for mut rule in rules {
        let part = open(&mut rule).clone();
        let key = (rule.hook, Side(fixed(&mut rule).clone()));
        groups.entry(key).or_insert_with(|| (rule, Vec::new())).1.push(part);
    }
    groups
        .into_values()
        .map(|(mut rule, parts)| {
            *open(&mut rule) = unions.of(parts);
            rule
        })
        .collect()
}
