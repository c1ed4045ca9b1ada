//! Profiles: what happens to a permitted connection, and what holds when several statements permit the same.
//!
//! A profile is one (policy, action) pair and becomes one chain. The chain either *accepts* or *returns*: it returns
//! when its `until` has passed or its limit is used up. A connection passes exactly if some statement that covers it
//! accepts it, so the profiles of a key are tried one after the other until one accepts. This is the union of the
//! permissions for every combination of `until` and `limit`, comparable or not: no limit beats a limit, a later end
//! beats an earlier one, each limit has its own budget, and adding a statement never narrows another.
//!
//! A profile with operations judges single packets, so that several of them on one key are a union too: each packet
//! passes if one of them names what it asks for. A profile without operations permits all of them.
//!
//! The order of the attempts therefore decides only what is logged and counted:
//! 1. enforced before audit: what an enforced statement permits is not logged as "would be refused";
//! 2. logging before silent: `log` on any of them keeps logging;
//! 3. unlimited before limited (highest rate first), so that no budget is spent in vain, then without operations before with, then without end before
//!    with end (latest first), then by name.
//!
//! The first two are [`Tier`]s, looked up one after the other over all rules; the rest is the order inside a key. A
//! limit may thus also count a connection that a later attempt would have permitted anyway.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use weir_compiler::plan::{Action, GatewayPlan, Limit};

use crate::error::EmitError;
use crate::payload;

/// Index into [`Profiles::list`], which is in the order of attempts.
pub(crate) type ProfileId = u32;
/// Index into [`Profiles::verdicts`].
pub(crate) type VerdictId = u32;

/// All rules of a tier are looked up before those of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Tier {
    Logged,
    Silent,
    Audit,
}

#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) policy: SmolStr,
    pub(crate) action: Action,
}

impl Profile {
    pub(crate) fn tier(&self) -> Tier {
        match (self.action.audit, self.action.log) {
            (true, _) => Tier::Audit,
            (false, true) => Tier::Logged,
            (false, false) => Tier::Silent,
        }
    }

    /// Accepts whatever reaches it, so nothing after it is ever tried.
    pub(crate) fn unconditional(&self) -> bool {
        let Action { limit, until, operations, .. } = &self.action;
        limit.is_none() && until.is_none() && operations.is_none()
    }

    pub(crate) fn order(&self) -> impl Ord + '_ {
        let action = &self.action;
        // Events per week, so that 60/min and 1/s compare equal and the seconds break the tie.
        let rate = action.limit.map(|Limit { count, seconds }| {
            (u64::from(count) * (604_800 / u64::from(seconds.clamp(1, 604_800))), Reverse(seconds))
        });
        (
            self.tier(),
            Reverse(rate.unwrap_or((u64::MAX, Reverse(0)))),
            action.operations.is_some(),
            Reverse(action.until.map_or(i64::MAX, |end| end.min(i64::MAX - 1))),
            self.policy.as_str(),
            action,
        )
    }
}

/// All profiles of a plan and the combinations of them that keys need.
pub(crate) struct Profiles {
    pub(crate) list: Vec<Profile>,
    of_rule: Vec<ProfileId>,
    verdicts: Vec<Vec<ProfileId>>,
    interned: BTreeMap<Vec<ProfileId>, VerdictId>,
}

impl Profiles {
    /// Collects the profiles in use, sorted by the order of attempts. Verdict `n` is profile `n` alone.
    pub(crate) fn collect(plan: &GatewayPlan) -> Result<Self, EmitError> {
        let mut found: FxHashMap<(&str, &Action), usize> = FxHashMap::default();
        let mut seen: Vec<(Profile, &str)> = Vec::new();
        let mut first_seen = Vec::with_capacity(plan.rules.len());
        let mut unsupported: Option<(&str, &'static str)> = None;
        for rule in &plan.rules {
            let statement = plan
                .statements
                .get(rule.statement as usize)
                .ok_or(EmitError::UnknownStatement { index: rule.statement })?;
            if let Some(operations) = &rule.action.operations
                && let Err(why) = payload::check(operations, &rule.services)
                && unsupported.is_none_or(|(lowest, _)| statement.id.as_str() < lowest)
            {
                unsupported = Some((&statement.id, why));
            }
            let at = *found.entry((&statement.policy, &rule.action)).or_insert_with(|| {
                seen.push((
                    Profile { policy: statement.policy.clone(), action: rule.action.clone() },
                    &statement.id,
                ));
                seen.len() - 1
            });
            // The lowest id, so that an error names the same statement whatever the order of the rules.
            seen[at].1 = seen[at].1.min(&statement.id);
            first_seen.push(at);
        }
        if let Some((statement, why)) = unsupported {
            return Err(EmitError::UnsupportedOperation { statement: statement.to_owned(), why });
        }
        if let Some(error) = seen
            .iter()
            .filter_map(|(profile, statement)| Some((statement, check(&profile.action, statement).err()?)))
            .min_by_key(|(statement, _)| **statement)
        {
            return Err(error.1);
        }
        let mut sorted: Vec<usize> = (0..seen.len()).collect();
        sorted.sort_unstable_by(|a, b| seen[*a].0.order().cmp(&seen[*b].0.order()));
        let mut rank = vec![0; seen.len()];
        for (id, at) in (0..).zip(&sorted) {
            rank[*at] = id;
        }
        let list: Vec<Profile> = sorted.iter().map(|at| seen[*at].0.clone()).collect();
        let of_rule = first_seen.into_iter().map(|at| rank[at]).collect();
        let verdicts: Vec<Vec<ProfileId>> = (0..).take(list.len()).map(|id| vec![id]).collect();
        let interned = verdicts.iter().cloned().zip(0..).collect();
        Ok(Self { list, of_rule, verdicts, interned })
    }

    /// The profile of a rule, by its index in the plan.
    pub(crate) fn of_rule(&self, rule: usize) -> ProfileId {
        self.of_rule[rule]
    }

    pub(crate) fn tier(&self, profile: ProfileId) -> Tier {
        self.list[profile as usize].tier()
    }

    /// Whether any of them judges single packets.
    pub(crate) fn any_operations(&self) -> bool {
        self.list.iter().any(|profile| profile.action.operations.is_some())
    }

    /// The verdict that tries the given profiles. What stands behind an unconditional one is dropped.
    pub(crate) fn verdict(&mut self, profiles: &mut Vec<ProfileId>) -> VerdictId {
        profiles.sort_unstable();
        profiles.dedup();
        if let Some(last) = profiles.iter().position(|id| self.list[*id as usize].unconditional()) {
            profiles.truncate(last + 1);
        }
        if let [only] = profiles[..] {
            return only;
        }
        if let Some(id) = self.interned.get(profiles) {
            return *id;
        }
        let id = self.verdicts.len() as VerdictId;
        self.verdicts.push(profiles.clone());
        self.interned.insert(profiles.clone(), id);
        id
    }

    /// The attempts of a verdict, in order.
    pub(crate) fn attempts(&self, verdict: VerdictId) -> &[ProfileId] {
        &self.verdicts[verdict as usize]
    }

    /// The verdicts made of more than one profile, in the order of their attempts.
    pub(crate) fn combined(&self) -> impl Iterator<Item = VerdictId> + '_ {
        self.interned.iter().filter(|(attempts, _)| attempts.len() > 1).map(|(_, id)| *id)
    }
}

/// The kernel's name for an interval, if it has one.
pub(crate) fn interval_name(seconds: u32) -> Option<&'static str> {
    match seconds {
        1 => Some("second"),
        60 => Some("minute"),
        3_600 => Some("hour"),
        86_400 => Some("day"),
        604_800 => Some("week"),
        _ => None,
    }
}

pub(crate) fn check(action: &Action, statement: &str) -> Result<(), EmitError> {
    if let Some(Limit { count, seconds }) = action.limit {
        // The kernel takes (interval in ns / count) as the price of an event: above a million a second this rounds
        // coarsely, and above a billion to 0, which would limit nothing. The burst (= count) times the interval in
        // ns must stay below 2^64.
        let fine = interval_name(seconds).is_some()
            && count > 0
            && u64::from(count) <= 1_000_000 * u64::from(seconds)
            && u64::from(seconds)
                .checked_mul(1_000_000_000)
                .and_then(|ns| ns.checked_mul(u64::from(count)))
                .is_some();
        if !fine {
            return Err(EmitError::UnsupportedLimit { statement: statement.to_owned(), count, seconds });
        }
    }
    if let Some(until) = action.until.filter(|end| *end > (u64::MAX / 1_000_000_000).cast_signed()) {
        return Err(EmitError::UntilTooLate { statement: statement.to_owned(), until });
    }
    Ok(())
}
