//! Limits. Each is one budget for all that its rule permits: a rule that is split, or said twice, has two, and lets twice as
//! much pass where each pair of principals has the limit that it had.

use std::collections::{BTreeMap, BTreeSet};

use weir_compiler::flows::Demand;

use super::{
    Difference, TermsChange, Witness,
    flows::{preferred, rule},
    grants::{Grant, Grants, Work, uncovered},
};
use crate::{Subject, TermChange, terms::rate};

/// Takes out of an envelope what its limits do not cover: what is permitted anew has budgets of its own, and all of them together
/// must not exceed the one that was approved.
pub(super) fn hold(
    (earlier, before): (&Subject, &Grants),
    (later, after): (&Subject, &Grants),
    envelope: &mut Vec<Grant>,
) {
    let mut approved: BTreeMap<u32, Vec<&Grant>> = BTreeMap::new();
    for grant in envelope.iter().filter(|grant| grant.terms.limit.is_some()) {
        approved.entry(grant.rectangle).or_default().push(grant);
    }
    let mut exceeded: BTreeSet<u32> = BTreeSet::new();
    for (asked, grants) in approved {
        let Some(limit) = grants.first().and_then(|grant| grant.terms.limit) else { continue };
        let own = Budgets::from([(asked, limit)]);
        let (was, is) = (limited(earlier, before, &grants), limited(later, after, &grants));
        if total(&is) > total(&was) + total(&own) || bursts(&is) > bursts(&was) + bursts(&own) {
            exceeded.insert(asked);
        }
    }
    envelope.retain(|grant| !exceeded.contains(&grant.rectangle));
}

/// Packets or requests in seconds, by statement.
type Budgets = BTreeMap<u32, (u32, u32)>;

/// Compares the budgets of both versions for what each limited rule of the earlier one permits.
pub(super) fn compare(
    (earlier, before): (&Subject, &Grants),
    (later, after): (&Subject, &Grants),
    found: &mut Difference,
) {
    let mut limited: BTreeMap<u32, Vec<&Grant>> = BTreeMap::new();
    for grant in before.list.iter().filter(|grant| grant.terms.limit.is_some()) {
        limited.entry(statement(earlier, grant)).or_default().push(grant);
    }
    let mut told: BTreeSet<(Vec<u32>, Vec<u32>)> = BTreeSet::new();
    let is_larger = |change: &TermChange| change.term == "limit" && change.wider;
    let is_limit_said = found.terms.iter().flat_map(|change| &change.changes).any(is_larger);
    for (index, grants) in limited {
        let alone = alone(earlier, later, before, &grants);
        let alone: Vec<&Grant> = alone.iter().collect();
        let more = [&grants, &alone].into_iter().find_map(|grants| {
            // somewhere without a limit: that is another change, or none
            let (was, is) = (budgets(earlier, before, grants)?, budgets(later, after, grants)?);
            let is_more = total(&is) > total(&was) || bursts(&is) > bursts(&was);
            // where as many are larger, that may be said as a term that changed
            let is_said = is.len() <= was.len() && is_limit_said;
            (is_more && !is_said).then_some((was, is))
        });
        let Some((was, is)) = more else { continue };
        let key = (was.keys().copied().collect(), is.keys().copied().collect());
        if !told.insert(key) {
            continue;
        }
        let words = |budgets: &Budgets| {
            let each: Vec<String> = budgets.values().map(|limit| rate(Some(*limit))).collect();
            format!("{} in all", each.join(" + "))
        };
        let Some(grant) = grants.first() else { continue };
        let own = earlier.statement(index);
        let pair = preferred(earlier, &own.sources, &own.destinations);
        let Some(added) = is.keys().next_back() else { continue };
        found.terms.push(TermsChange {
            sources: earlier.text(own.file, own.source_span),
            destinations: earlier.text(own.file, own.destination_span),
            service: earlier.text(own.file, own.service_span),
            pairs: own.sources.count() * own.destinations.count(),
            witness: Witness {
                source: earlier.name(pair.0).into(),
                destination: earlier.name(pair.1).into(),
                service: grant.ports.describe(),
            },
            changes: vec![TermChange { term: "limit", before: words(&was), after: words(&is), wider: true }],
            before: rule(earlier, index),
            after: rule(later, *added),
            exact: Vec::new(),
            approved: None,
        });
    }
}

/// What of a rule no other rule of its version permits.
fn alone(earlier: &Subject, later: &Subject, before: &Grants, grants: &[&Grant]) -> Vec<Grant> {
    let mut work = Work(super::BUDGET);
    let mut left = Vec::new();
    for grant in grants {
        let own = statement(earlier, grant);
        let mut others = before.near(grant);
        others.retain(|other| statement(earlier, other) != own);
        // where that takes too long, the whole is asked about only
        left.extend(uncovered(&later.model().protocols.list, grant, &others, &mut work).unwrap_or_default());
    }
    left
}

/// As [`budgets`], of the limited ones only.
fn limited(subject: &Subject, all: &Grants, grants: &[&Grant]) -> Budgets {
    let near =
        grants.iter().flat_map(|grant| all.near(grant).into_iter().filter(|near| may_meet(near, grant)));
    near.filter_map(|near| Some((statement(subject, near), near.terms.limit?))).collect()
}

fn statement(subject: &Subject, grant: &Grant) -> u32 {
    subject.facts.rectangles[grant.rectangle as usize].statement
}

/// Nothing, where some of it has no limit.
fn budgets(subject: &Subject, all: &Grants, grants: &[&Grant]) -> Option<Budgets> {
    let mut found = Budgets::new();
    for grant in grants {
        for near in all.near(grant).into_iter().filter(|near| may_meet(near, grant)) {
            found.insert(statement(subject, near), near.terms.limit?);
        }
    }
    Some(found)
}

/// Whether they have operations in common, as far as these have names of their own.
fn may_meet(one: &Grant, other: &Grant) -> bool {
    let (Some(one), Some(other)) = (&one.demand, &other.demand) else { return true };
    let listed = |demand: &Demand| -> Option<BTreeSet<u32>> {
        demand.only.as_ref().map(|only| only.iter().map(|used| used.operation).collect())
    };
    one.protocol == other.protocol
        && listed(one).zip(listed(other)).is_none_or(|(one, other)| !one.is_disjoint(&other))
}

/// In a day.
fn total(budgets: &Budgets) -> u128 {
    let daily =
        |(count, seconds): &(u32, u32)| u128::from(*count) * 86_400_000 / u128::from((*seconds).max(1));
    budgets.values().map(daily).sum()
}

/// At once.
fn bursts(budgets: &Budgets) -> u64 {
    budgets.values().map(|(count, _)| u64::from(*count)).sum()
}
