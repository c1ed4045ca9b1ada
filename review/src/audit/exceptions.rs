//! What ends soon, what has ended, and what is on trial.

use serde::Serialize;
use weir_syntax::ast::Effect;

use crate::{Subject, diff::Rule, table::time};

/// Permissions that somebody has to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exceptions {
    /// Those that end within the days that were asked for, the next one first.
    pub ending: Vec<Ending>,
    /// Those that end later.
    pub later: Vec<Ending>,
    /// Left out of artifacts already: their place, and what the compiler says.
    pub ended: Vec<String>,
    /// Those that are not in force yet, the next one first.
    pub beginning: Vec<Beginning>,
    /// `mode = audit`: permitted, and logged as what enforcement would refuse.
    pub in_audit: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ending {
    pub until: String,
    /// Whole days that are left.
    pub days: i64,
    /// Whether it stands in an `exception`.
    pub is_exception: bool,
    pub rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Beginning {
    pub from: String,
    pub until: Option<String>,
    /// Whole days until then.
    pub days: i64,
    pub text: String,
    pub place: crate::Place,
}

const DAY: i64 = 86_400;

/// Looks `days` ahead of `now` (seconds since 1970).
pub fn exceptions(subject: &Subject, now: i64, days: u32) -> Exceptions {
    let mut found = Exceptions::default();
    let mut all: Vec<(i64, Ending)> = Vec::new();
    for (index, statement) in subject.facts.statements.iter().enumerate() {
        if statement.effect != Effect::Allow {
            continue;
        }
        let rule = crate::diff::rule(subject, index as u32);
        if let Some(until) = statement.conditions.until {
            let days = (until - now).div_euclid(DAY);
            let ending =
                Ending { until: time(until), days, is_exception: statement.is_exception, rule: rule.clone() };
            all.push((until, ending));
        }
        if statement.conditions.audit {
            found.in_audit.push(rule);
        }
    }
    found.beginning = subject
        .facts
        .pending
        .iter()
        .map(|one| Beginning {
            from: time(one.from),
            until: one.until.map(time),
            days: (one.from - now).div_euclid(DAY),
            text: one.text.to_string(),
            place: subject.place(one.file, one.span),
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.rule.place.cmp(&b.1.rule.place)));
    let horizon = now.saturating_add(i64::from(days) * DAY);
    for (until, ending) in all {
        if until <= horizon {
            found.ending.push(ending);
        } else {
            found.later.push(ending);
        }
    }
    for diagnostic in subject.diagnostics.iter().filter(|one| one.code.id == "W0503") {
        if let Some(label) = diagnostic.labels.iter().find(|label| label.primary) {
            let place = subject.place(label.file, label.span);
            found.ended.push(format!("{place}: {}", subject.text(label.file, label.span)));
        }
    }
    found.in_audit.sort_by(|a, b| a.place.cmp(&b.place));
    found
}
