//! On which terms something is permitted, and which terms are wider.

use std::fmt;

use serde::Serialize;
use weir_compiler::{model::Assurance, plan::Limit};

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
}

/// One term of a permission that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TermChange {
    /// `limit`, `until`, `mode`, `log`, `requires`, `through`.
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
        if self.log != before.log {
            let word = |log| if log { "logged" } else { "not logged" }.to_owned();
            push("log", word(before.log), word(self.log), before.log);
        }
        if self.requires != before.requires {
            let wider = self.requires < before.requires;
            push("requires", word(before.requires).into(), word(self.requires).into(), wider);
        }
        if self.through != before.through {
            let name = |through: &Option<String>| through.clone().unwrap_or_else(|| "nothing".to_owned());
            push("through", name(&before.through), name(&self.through), before.through.is_some());
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
        parts.join(", ")
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

fn level(assurance: Assurance) -> u8 {
    LEVELS.iter().position(|one| *one == assurance).unwrap_or_default() as u8
}

fn word(level: u8) -> &'static str {
    LEVELS.get(level as usize).map_or("none", |one| one.word())
}

fn rate(limit: Option<(u32, u32)>) -> String {
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
            // at the same rate, the longer interval lets more pass at once
            rate > old_rate || (rate == old_rate && count > old)
        }
    }
}

fn end(until: Option<i64>) -> String {
    until.map_or_else(|| "no end".to_owned(), table::time)
}
