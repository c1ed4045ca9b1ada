//! Assertions that came, went, or changed their verdict.

use std::collections::BTreeMap;

use super::{AssertionChange, Difference};
use crate::{Place, Subject};

struct Claim {
    place: Place,
    /// What breaks it, where something does.
    broken: Option<String>,
}

fn claims(subject: &Subject) -> BTreeMap<String, Claim> {
    let mut claims = BTreeMap::new();
    for held in &subject.facts.assertions {
        let text = subject.text(held.file, held.span);
        let breaks = |diagnostic: &&weir_syntax::Diagnostic| {
            matches!(diagnostic.code.id, "E0701" | "E0702" | "E0703")
                && diagnostic
                    .labels
                    .iter()
                    .any(|label| label.primary && (label.file, label.span) == (held.file, held.span))
        };
        let broken = subject.diagnostics.iter().find(breaks).map(|diagnostic| {
            let message = &diagnostic.message;
            message.strip_prefix("this assertion does not hold: ").unwrap_or(message).to_owned()
        });
        let place = subject.place(held.file, held.span);
        let known = claims.entry(text).or_insert_with(|| Claim { place, broken: None });
        known.broken = known.broken.take().or(broken);
    }
    claims
}

pub(super) fn compare(earlier: &Subject, later: &Subject, found: &mut Difference) {
    let (before, after) = (claims(earlier), claims(later));
    for (text, now) in &after {
        let was = before.get(text).map(|claim| claim.broken.is_none());
        let holds = now.broken.is_none();
        if was != Some(holds) {
            found.assertions.push(AssertionChange {
                text: text.clone(),
                place: now.place.clone(),
                before: was,
                after: Some(holds),
                witness: now.broken.clone(),
            });
        }
    }
    for (text, gone) in before.into_iter().filter(|(text, _)| !after.contains_key(text)) {
        let before = Some(gone.broken.is_none());
        found.assertions.push(AssertionChange {
            text,
            place: gone.place,
            before,
            after: None,
            witness: None,
        });
    }
}
