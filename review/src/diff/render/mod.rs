//! A difference in words: for a terminal, for a pull request, for a browser.

mod html;
mod markdown;
mod text;

pub use html::html;
pub use markdown::markdown;
pub use text::{Line, Paint, text};

use super::{AssertionChange, Difference, Verdict};

/// What a difference comes to, in one line.
pub fn summary(difference: &Difference) -> String {
    let count = |number: usize, noun: &str| {
        (number > 0).then(|| format!("{number} {noun}{}", if number == 1 { "" } else { "s" }))
    };
    let wider = difference.terms.iter().filter(|change| change.changes.iter().any(|one| one.wider)).count();
    let parts: Vec<String> = [
        count(difference.permitted.len(), "group").map(|text| format!("{text} of flows newly permitted")),
        count(difference.denied.len(), "group").map(|text| format!("{text} of flows newly denied")),
        count(wider, "change").map(|text| format!("{text} to wider terms")),
        count(difference.terms.len() - wider, "change").map(|text| format!("{text} to narrower terms")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let verdict = match difference.verdict {
        Verdict::Same if difference.is_empty() => "nothing changes",
        Verdict::Same if widens_in_the_envelope(difference) => "widened, inside of the approved envelope",
        Verdict::Narrowed if widens_in_the_envelope(difference) => {
            "narrowed, and widened inside of the approved envelope"
        }
        Verdict::Same => "what is permitted stays the same",
        Verdict::Narrowed => "narrowed: nothing more is permitted",
        Verdict::Widened => "widened: more is permitted than before",
    };
    if parts.is_empty() { verdict.to_owned() } else { format!("{verdict} ({})", parts.join(", ")) }
}

fn widens_in_the_envelope(difference: &Difference) -> bool {
    difference.permitted.iter().any(|change| change.approved == Some(true))
        || difference.terms.iter().any(|change| change.approved == Some(true))
}

fn assertion(change: &AssertionChange) -> &'static str {
    match (change.before, change.after) {
        (Some(true), Some(false)) => "no longer holds",
        (Some(false), Some(true)) => "holds now",
        (None, Some(true)) => "new, holds",
        (None, Some(false)) => "new, does not hold",
        (_, None) => "removed",
        _ => "unchanged",
    }
}
