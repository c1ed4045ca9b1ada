//! On which terms an artifact lets something pass, and whether others let more pass.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use weir_nftables_reader::{Operations as Filtered, Protocol, Request};

use super::FREE;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Terms {
    /// Nothing: whatever is asked.
    pub(super) operations: Option<Operations>,
    pub(super) limit: Option<Limit>,
    /// Seconds since 1970.
    pub(super) until: Option<i64>,
    pub(super) log: bool,
    pub(super) audit: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operations {
    /// The same words mean the same. Whether others mean less is not asked.
    Words(String),
    /// What one of these covers.
    Requests(Protocol, Vec<Request>),
}

/// At most `count` in `seconds`, and `burst` at once, of everything that shares the budget.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Limit {
    pub(super) count: u32,
    pub(super) seconds: u32,
    pub(super) burst: u32,
    /// Names it in its artifact; says nothing of other artifacts.
    pub(super) budget: String,
}

impl From<&weir_nftables_reader::Limit> for Limit {
    fn from(limit: &weir_nftables_reader::Limit) -> Self {
        let budget = limit.budget.clone();
        Self { count: limit.count, seconds: limit.seconds, burst: limit.burst, budget }
    }
}

impl Limit {
    fn is_within(&self, other: &Self) -> bool {
        let rate = |one: &Self, of: &Self| u64::from(one.count) * u64::from(of.seconds);
        rate(self, other) <= rate(other, self) && self.burst <= other.burst
    }
}

impl From<&Filtered> for Operations {
    fn from(operations: &Filtered) -> Self {
        Self::Requests(operations.protocol, operations.requests.clone())
    }
}

impl Operations {
    fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Words(own), Self::Words(others)) => own == others,
            (Self::Requests(protocol, own), Self::Requests(known, others)) => {
                let covers = |wide: &Request, one: &Request| {
                    let items = match (wide.items, one.items) {
                        (None, _) => true,
                        (Some((first, last)), Some(items)) => first <= items.0 && items.1 <= last,
                        (Some(_), None) => false,
                    };
                    wide.function == one.function
                        && items
                        && wide.value.is_none_or(|value| one.value == Some(value))
                };
                protocol == known && own.iter().all(|one| others.iter().any(|wide| covers(wide, one)))
            }
            _ => false,
        }
    }
}

impl Terms {
    /// Whether the others let pass all that these do, and show it as well.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        fn below<T>(own: Option<&T>, other: Option<&T>, within: impl Fn(&T, &T) -> bool) -> bool {
            match (own, other) {
                (_, None) => true,
                (Some(own), Some(other)) => within(own, other),
                (None, Some(_)) => false,
            }
        }
        below(self.operations.as_ref(), other.operations.as_ref(), Operations::is_within)
            && below(self.limit.as_ref(), other.limit.as_ref(), Limit::is_within)
            && below(self.until.as_ref(), other.until.as_ref(), |own, other| own <= other)
            && (self.log || !other.log)
            // what was on trial would be permitted for good
            && (self.audit || !other.audit)
    }

    /// Without the name of the budget.
    fn bare(&self) -> Self {
        let mut bare = self.clone();
        if let Some(limit) = &mut bare.limit {
            limit.budget.clear();
        }
        bare
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.operations.as_ref().map(ToString::to_string));
        parts.extend(self.limit.as_ref().map(|limit| format!("limit {limit}")));
        parts.extend(self.until.map(|until| format!("until {}", time(until))));
        if self.audit {
            parts.push("audit".to_owned());
        } else if self.log {
            parts.push("logged".to_owned());
        }
        formatter.write_str(if parts.is_empty() { FREE } else { "" })?;
        formatter.write_str(&parts.join(", "))
    }
}

/// To the minute, and to the second where that matters.
fn time(seconds: i64) -> String {
    let text = crate::table::time(seconds);
    match seconds.rem_euclid(60) {
        0 => text,
        rest => text.strip_suffix('Z').map_or(text.clone(), |minute| format!("{minute}:{rest:02}Z")),
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seconds {
            1 => write!(formatter, "{}/s", self.count)?,
            60 => write!(formatter, "{}/min", self.count)?,
            3600 => write!(formatter, "{}/h", self.count)?,
            seconds => write!(formatter, "{} in {seconds} s", self.count)?,
        }
        if self.burst == self.count { Ok(()) } else { write!(formatter, " (burst {})", self.burst) }
    }
}

impl fmt::Display for Operations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => formatter.write_str(words),
            Self::Requests(protocol, requests) => {
                let (protocol, kind) = match protocol {
                    Protocol::BacnetIp => ("BACnet", "service"),
                    Protocol::Coap => ("CoAP", "method"),
                    Protocol::ModbusTcp => ("Modbus", "function"),
                };
                let requests: Vec<String> = requests
                    .iter()
                    .map(|one| {
                        let mut text = format!("{kind} {}", one.function);
                        if let Some((first, last)) = one.items {
                            text.push_str(&format!(" of {first}..{last}"));
                        }
                        if let Some(value) = one.value {
                            text.push_str(&format!(" = {value}"));
                        }
                        text
                    })
                    .collect();
                write!(formatter, "only {protocol} {}", requests.join(" | "))
            }
        }
    }
}

/// All terms on which something passes, in words.
pub(super) fn words(terms: &[Terms]) -> String {
    let words: BTreeSet<String> = terms.iter().map(ToString::to_string).collect();
    words.into_iter().collect::<Vec<_>>().join(" or ")
}

/// What terms become.
pub(super) enum Change {
    Same,
    Narrower,
    Wider,
}

/// Budgets of the later artifact, by that of the earlier one in whose place they are. What had one budget and has several now
/// has more.
#[derive(Default)]
pub(super) struct Budgets(BTreeMap<String, BTreeMap<String, Limit>>);

impl Budgets {
    /// Compares what lets pass the same thing before and after.
    pub(super) fn compare(&mut self, before: &[Terms], after: &[Terms]) -> Change {
        let order = |list: &[Terms]| -> Vec<Terms> {
            let mut terms: Vec<Terms> = list.to_vec();
            terms.sort();
            terms.dedup();
            terms
        };
        let (before, after) = (order(before), order(after));
        let covered = self.take(&before, &after);
        let bare = |terms: &[Terms]| -> Vec<Terms> {
            let mut bare: Vec<Terms> = terms.iter().map(Terms::bare).collect();
            bare.sort();
            // what is not limited is no more by being said twice
            bare.dedup_by(|a, b| a == b && a.limit.is_none());
            bare
        };
        match (covered, bare(&before) == bare(&after)) {
            (false, _) => Change::Wider,
            (true, true) => Change::Same,
            (true, false) => Change::Narrower,
        }
    }

    /// Gives each limited way that there is after one that there was before, none twice. Whether all have one.
    fn take(&mut self, before: &[Terms], after: &[Terms]) -> bool {
        let budget =
            |terms: &Terms| terms.limit.as_ref().map(|limit| limit.budget.clone()).unwrap_or_default();
        let mut used: BTreeSet<usize> = BTreeSet::new();
        let mut pairs: Vec<(String, Limit)> = Vec::new();
        for terms in after {
            let free = |one: &&Terms| one.limit.is_none() && terms.is_within(one);
            if before.iter().any(|one| free(&one)) {
                continue;
            }
            let Some(limit) = &terms.limit else { return false };
            let fits = |at: &usize| !used.contains(at) && terms.is_within(&before[*at]);
            let rank = |at: &usize| {
                let old = budget(&before[*at]);
                let known = self.0.get(&old);
                (
                    old != limit.budget,
                    !known.is_some_and(|known| known.contains_key(&limit.budget)),
                    known.is_some(),
                )
            };
            let Some(at) = (0..before.len()).filter(fits).min_by_key(rank) else { return false };
            used.insert(at);
            pairs.push((budget(&before[at]), limit.clone()));
        }
        for (old, limit) in pairs {
            self.0.entry(old).or_default().insert(limit.budget.clone(), limit);
        }
        true
    }

    /// Limits that were one budget, each with what there is instead.
    pub(super) fn split(&self) -> impl Iterator<Item = Vec<&Limit>> {
        self.0.values().filter(|later| later.len() > 1).map(|later| later.values().collect())
    }

    /// Limits that stand in the place of several.
    pub(super) fn joined(&self) -> impl Iterator<Item = &Limit> {
        let mut places: BTreeMap<&str, (usize, &Limit)> = BTreeMap::new();
        for (budget, limit) in self.0.values().flatten() {
            places.entry(budget).or_insert((0, limit)).0 += 1;
        }
        places.into_values().filter(|(places, _)| *places > 1).map(|(_, limit)| limit)
    }
}
