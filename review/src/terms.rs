//! On which terms something is permitted, and which terms are wider.

use std::fmt;

use serde::Serialize;
use weir_compiler::{
    model::{
        Assurance,
        fiveg::{BitRate, FlowQuality},
    },
    plan::Limit,
};

use crate::{Subject, table};

/// What a permission is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Terms {
    pub limit: Option<(u32, u32)>,
    /// Seconds since 1970.
    pub until: Option<i64>,
    pub audit: bool,
    pub log: bool,
    /// What is asked of the source's evidence.
    pub requires: u8,
    /// What it has to go through: a proxy that the compiler chose, or what `via` names.
    pub through: Option<String>,
    pub quality: Option<Quality>,
}

/// What a flow asks of the radio, where it asks for anything of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quality {
    pub five_qi: Option<u8>,
    /// 1 comes first.
    pub priority: Option<u8>,
    /// Bits per second.
    pub guaranteed: Option<u64>,
    pub maximum: Option<u64>,
    /// Nanoseconds.
    pub period: Option<u64>,
    /// Bytes of one message.
    pub size: Option<u64>,
}

/// One term of a permission that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TermChange {
    /// `limit`, `until`, `mode`, `log`, `requires`, `through`, `qos`.
    pub term: &'static str,
    pub before: String,
    pub after: String,
    /// Whether it permits more, or is seen less, than before.
    pub wider: bool,
}

impl fmt::Display for TermChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} -> {}", self.term, self.before, self.after)
    }
}

impl Terms {
    /// The terms of a rectangle of a subject.
    pub fn of(subject: &Subject, rectangle: usize) -> Self {
        let Some(known) = subject.facts.rectangles.get(rectangle) else { return Self::default() };
        let conditions = &subject.statement(known.statement).conditions;
        let proxy = subject.facts.proxies.get(rectangle).copied().flatten();
        let through = proxy.map(|proxy| subject.name(proxy).to_owned());
        let through = through.or_else(|| conditions.via.map(|via| subject.path(via).to_owned()));
        Self {
            limit: conditions.limit.map(|Limit { count, seconds }| (count, seconds)),
            until: conditions.until,
            audit: conditions.audit,
            log: conditions.log,
            requires: level(conditions.requires),
            through,
            quality: conditions.quality.as_ref().map(Quality::of),
        }
    }

    /// Whether everything that these terms let pass, the others let pass and show as well.
    pub fn within(&self, other: &Self) -> bool {
        self.changes_from(other).iter().all(|change| !change.wider)
    }

    /// What differs from what was.
    pub fn changes_from(&self, before: &Self) -> Vec<TermChange> {
        let mut changes = Vec::new();
        let mut push = |term, before: String, after: String, wider| {
            changes.push(TermChange { term, before, after, wider });
        };
        if self.limit != before.limit {
            push("limit", rate(before.limit), rate(self.limit), rate_is_wider(self.limit, before.limit));
        }
        if self.until != before.until {
            let wider = before.until.is_some_and(|end| self.until.is_none_or(|now| now > end));
            push("until", end(before.until), end(self.until), wider);
        }
        if self.audit != before.audit {
            let word = |audit| if audit { "audit" } else { "enforced" }.to_owned();
            // what was on trial is permitted for good
            push("mode", word(before.audit), word(self.audit), before.audit);
        }
        // what is on trial is logged
        let (is_seen, was_seen) = (self.log || self.audit, before.log || before.audit);
        if is_seen != was_seen {
            let word = |log| if log { "logged" } else { "not logged" }.to_owned();
            push("log", word(was_seen), word(is_seen), was_seen);
        }
        if self.requires != before.requires {
            let wider = self.requires < before.requires;
            push("requires", word(before.requires).into(), word(self.requires).into(), wider);
        }
        if self.through != before.through {
            let name = |through: &Option<String>| through.clone().unwrap_or_else(|| "nothing".to_owned());
            push("through", name(&before.through), name(&self.through), before.through.is_some());
        }
        if self.quality != before.quality {
            let text = |quality: Option<Quality>| {
                quality.map_or_else(|| "that of the slice".to_owned(), |quality| quality.to_string())
            };
            let wider = match (self.quality, before.quality) {
                (Some(now), Some(before)) => now.asks_more_than(&before),
                (now, _) => now.is_some(),
            };
            push("qos", text(before.quality), text(self.quality), wider);
        }
        changes
    }

    /// `limit 2/s, logged, until 2026-11-05T18:00Z`; empty, where there are none.
    pub fn describe(&self) -> String {
        let mut parts = Vec::new();
        if self.limit.is_some() {
            parts.push(format!("limit {}", rate(self.limit)));
        }
        if self.until.is_some() {
            parts.push(format!("until {}", end(self.until)));
        }
        if self.audit {
            parts.push("audit".to_owned());
        }
        if self.log {
            parts.push("logged".to_owned());
        }
        if self.requires > 0 {
            parts.push(format!("requires {}", word(self.requires)));
        }
        if let Some(through) = &self.through {
            parts.push(format!("through {through}"));
        }
        parts.extend(self.quality.map(|quality| quality.to_string()));
        parts.join(", ")
    }
}

impl Quality {
    pub(crate) fn of(quality: &FlowQuality) -> Self {
        Self {
            five_qi: quality.five_qi,
            priority: quality.arp,
            guaranteed: quality.guaranteed.map(|rate| rate.0),
            maximum: quality.maximum.map(|rate| rate.0),
            period: quality.period,
            size: quality.size,
        }
    }

    /// Whether any part of it takes more of the radio, or is not known to take less.
    fn asks_more_than(&self, before: &Self) -> bool {
        let more = |now: Option<u64>, before: Option<u64>| now > before;
        self.five_qi != before.five_qi
            || self.priority.is_some_and(|now| before.priority.is_none_or(|before| now < before))
            || (self.priority.is_none() && before.priority.is_some())
            || more(self.guaranteed, before.guaranteed)
            // without a maximum, there is none
            || before.maximum.is_some_and(|before| self.maximum.is_none_or(|now| now > before))
            || before.period.is_some_and(|before| self.period.is_none_or(|now| now < before))
            || more(self.size, before.size)
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |nanoseconds: u64| {
            if nanoseconds.is_multiple_of(1_000_000) {
                format!("{} ms", nanoseconds / 1_000_000)
            } else {
                format!("{} us", nanoseconds / 1000)
            }
        };
        let parts = [
            self.five_qi.map(|number| format!("5QI {number}")),
            self.priority.map(|number| format!("ARP {number}")),
            self.guaranteed.map(|rate| format!("{} guaranteed", BitRate(rate))),
            self.maximum.map(|rate| format!("{} at most", BitRate(rate))),
            self.period.map(|period| format!("every {}", milliseconds(period))),
            self.size.map(|bytes| format!("{bytes} B")),
        ];
        formatter.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

const LEVELS: [Assurance; 6] = [
    Assurance::None,
    Assurance::Address,
    Assurance::Shared,
    Assurance::Certified,
    Assurance::Hardware,
    Assurance::Attested,
];

pub(crate) fn level(assurance: Assurance) -> u8 {
    LEVELS.iter().position(|one| *one == assurance).unwrap_or_default() as u8
}

fn word(level: u8) -> &'static str {
    LEVELS.get(level as usize).map_or("none", |one| one.word())
}

pub(crate) fn rate(limit: Option<(u32, u32)>) -> String {
    match limit {
        None => "none".to_owned(),
        Some((count, 1)) => format!("{count}/s"),
        Some((count, 60)) => format!("{count}/min"),
        Some((count, 3600)) => format!("{count}/h"),
        Some((count, seconds)) => format!("{count} in {seconds} s"),
    }
}

fn rate_is_wider(now: Option<(u32, u32)>, before: Option<(u32, u32)>) -> bool {
    match (now, before) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some((count, seconds)), Some((old, old_seconds))) => {
            let rate = u64::from(count) * u64::from(old_seconds);
            let old_rate = u64::from(old) * u64::from(seconds);
            // as many as in a whole interval pass at once, too
            rate > old_rate || count > old
        }
    }
}

fn end(until: Option<i64>) -> String {
    until.map_or_else(|| "no end".to_owned(), table::time)
}
