//! What a thing is, aspect by aspect, and which change of an aspect lets more through.

use std::collections::{BTreeMap, BTreeSet};

use super::{PlantChange, Verdict};

/// One aspect of a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Aspect {
    /// Any other value has this effect.
    Value(String, Verdict),
    /// More of it is wider; no value is no bound.
    Amount(Option<u64>, String),
    /// What somebody may use, or is held by: one more has this effect, and one less the opposite.
    Members(BTreeSet<String>, Verdict),
}

impl Aspect {
    /// A value of which any other one permits as much.
    pub(crate) fn value(text: impl Into<String>) -> Self {
        Self::Value(text.into(), Verdict::Same)
    }

    /// A value of which another one is not known to permit less.
    pub(crate) fn decisive(text: impl Into<String>) -> Self {
        Self::Value(text.into(), Verdict::Widened)
    }

    pub(crate) fn members(members: impl IntoIterator<Item = String>, more: Verdict) -> Self {
        Self::Members(members.into_iter().collect(), more)
    }

    fn text(&self) -> String {
        match self {
            Self::Value(text, _) | Self::Amount(_, text) => text.clone(),
            Self::Members(members, _) if members.is_empty() => "none".to_owned(),
            Self::Members(members, _) => members.iter().cloned().collect::<Vec<_>>().join(", "),
        }
    }
}

/// All aspects of a thing, in the order in which they are told; things of one kind have the same.
pub(crate) type Shape = Vec<(&'static str, Aspect)>;

/// What differs, in words, and what it comes to.
pub(crate) fn changes(before: &Shape, after: &Shape) -> (Vec<String>, Verdict) {
    let (mut details, mut effect) = (Vec::new(), Verdict::Same);
    let old: BTreeMap<&str, &Aspect> = before.iter().map(|(name, aspect)| (*name, aspect)).collect();
    for (name, new) in after {
        let Some(old) = old.get(name).filter(|old| **old != new) else { continue };
        let means = match (old, new) {
            (Aspect::Members(old, _), Aspect::Members(new, more)) => {
                let (came, went): (Vec<&String>, Vec<&String>) =
                    (new.difference(old).collect(), old.difference(new).collect());
                let mut means = Verdict::Same;
                for (list, word, verdict) in [(came, "added", *more), (went, "removed", opposite(*more))] {
                    if let [first, rest @ ..] = list.as_slice() {
                        let rest = if rest.is_empty() { String::new() } else { rest_of(rest) };
                        details.push(format!("{name}: {first}{rest} {word}"));
                        means = means.max(verdict);
                    }
                }
                effect = effect.max(means);
                continue;
            }
            (Aspect::Amount(old, _), Aspect::Amount(new, _)) => {
                if new.is_none() || old.is_some_and(|old| new.is_some_and(|new| new > old)) {
                    Verdict::Widened
                } else {
                    Verdict::Narrowed
                }
            }
            (_, Aspect::Value(_, means)) => *means,
            _ => Verdict::Widened,
        };
        details.push(format!("{name}: {} -> {}", old.text(), new.text()));
        effect = effect.max(means);
    }
    (details, effect)
}

/// Members that are listed by name.
const LISTED: usize = 4;

fn rest_of(rest: &[&String]) -> String {
    let mut text = String::new();
    for one in rest.iter().take(LISTED - 1) {
        text.push_str(", ");
        text.push_str(one);
    }
    match rest.len().saturating_sub(LISTED - 1) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

fn opposite(effect: Verdict) -> Verdict {
    match effect {
        Verdict::Same => Verdict::Same,
        Verdict::Narrowed => Verdict::Widened,
        Verdict::Widened => Verdict::Narrowed,
    }
}

/// Things of one kind, by name.
pub(crate) type Shapes = BTreeMap<String, Shape>;

/// What came, went and changed of one kind, where coming has an effect, and going the opposite one.
pub(crate) fn compare(
    what: &'static str,
    (before, after): (&Shapes, &Shapes),
    coming: Verdict,
    found: &mut Vec<PlantChange>,
) {
    let mut push = |name: &str, change, detail, effect| {
        found.push(PlantChange { what, name: name.to_owned(), change, detail, effect });
    };
    for (name, shape) in after {
        match before.get(name) {
            None => push(name, "added", told(shape), coming),
            Some(old) => {
                let (details, effect) = changes(old, shape);
                if !details.is_empty() {
                    push(name, "changed", details.join("; "), effect);
                }
            }
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        push(name, "removed", String::new(), opposite(coming));
    }
}

fn told(shape: &Shape) -> String {
    let said = shape.iter().map(|(name, aspect)| (name, aspect.text()));
    let said = said.filter(|(_, text)| !text.is_empty() && text != "none");
    said.map(|(name, text)| format!("{name} {text}")).collect::<Vec<_>>().join("; ")
}
