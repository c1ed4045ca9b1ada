//! Why a flow is permitted in one version and not in the other.

use rustc_hash::FxHashMap;
use weir_compiler::flows::{PortSet, Statement, covered};
use weir_syntax::ast::Effect;

use super::{Cause, CauseKind, identity::Identity};
use crate::Subject;

/// The version that permits a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Earlier,
    Later,
}

pub(super) struct Causes<'c> {
    earlier: &'c Subject,
    later: &'c Subject,
    identity: &'c Identity,
    /// By id, in each version.
    before: FxHashMap<&'c str, u32>,
    after: FxHashMap<&'c str, u32>,
}

impl<'c> Causes<'c> {
    pub(super) fn new(earlier: &'c Subject, later: &'c Subject, identity: &'c Identity) -> Self {
        let ids = |subject: &'c Subject| -> FxHashMap<&'c str, u32> {
            let statements = subject.facts.statements.iter().enumerate();
            statements.map(|(index, statement)| (statement.id.as_str(), index as u32)).collect()
        };
        Self { earlier, later, identity, before: ids(earlier), after: ids(later) }
    }

    /// Why the pair (in the numbers of the version that permits it) may connect there by a statement, and not elsewhere.
    pub(super) fn of(&self, side: Side, statement: u32, pair: (u32, u32), ports: &PortSet) -> Cause {
        let (subject, other, known) = match side {
            Side::Later => (self.later, self.earlier, &self.before),
            Side::Earlier => (self.earlier, self.later, &self.after),
        };
        let (verb_new, verb_edited, verb_deny) = match side {
            Side::Later => ("a rule was added", "a rule was edited", "a deny no longer covers it"),
            Side::Earlier => ("a rule was removed", "a rule was edited", "a deny covers it now"),
        };
        let own = subject.statement(statement);
        let (source, destination) = pair;
        let translated = |id: u32| self.translated(side, id);
        let elsewhere = (translated(source), translated(destination));
        if let (Some(source), Some(destination)) = elsewhere
            && let Some(deny) = covering_deny(other, source, destination, ports)
        {
            return Cause {
                kind: CauseKind::Policy,
                text: format!("{verb_deny}: `{}`", deny.text),
                place: Some(other.place(deny.file, deny.span)),
            };
        }
        let Some(same) = known.get(own.id.as_str()) else {
            return match self.counterpart(side, own) {
                Some(counterpart) => Cause {
                    kind: CauseKind::Policy,
                    text: match side {
                        Side::Later => format!("{verb_edited}: it was `{}`", counterpart.text),
                        Side::Earlier => format!("{verb_edited}: it is now `{}`", counterpart.text),
                    },
                    place: Some(other.place(counterpart.file, counterpart.span)),
                },
                None => Cause {
                    kind: CauseKind::Policy,
                    text: elapsed(other, &own.text, side).unwrap_or(verb_new).to_owned(),
                    place: Some(subject.place(own.file, own.span)),
                },
            };
        };
        let counterpart = other.statement(*same);
        for (id, there, set, span) in [
            (source, elsewhere.0, &counterpart.sources, own.source_span),
            (destination, elsewhere.1, &counterpart.destinations, own.destination_span),
        ] {
            let name = subject.name(id);
            let Some(there) = there else {
                let text = match side {
                    Side::Later => format!("`{name}` is new"),
                    Side::Earlier => format!("`{name}` is gone"),
                };
                return Cause { kind: CauseKind::Topology, text, place: self.place_of(subject, id) };
            };
            if !set.contains(there) {
                let words = subject.text(own.file, span);
                let text = match side {
                    Side::Later => format!("`{name}` is now a member of `{words}`"),
                    Side::Earlier => format!("`{name}` is no longer a member of `{words}`"),
                };
                let place = Some(subject.place(own.file, span));
                return Cause { kind: CauseKind::Members, text, place };
            }
        }
        let name = subject.name(destination);
        let text = match side {
            Side::Later => format!("`{name}` serves this here, and did not before"),
            Side::Earlier => format!("`{name}` no longer serves this here"),
        };
        Cause { kind: CauseKind::Topology, text, place: self.place_of(subject, destination) }
    }

    fn translated(&self, side: Side, id: u32) -> Option<u32> {
        match side {
            Side::Earlier => {
                let common = self.identity.of_earlier(id);
                (common < self.later.model().principals.len() as u32).then_some(common)
            }
            Side::Later => {
                let one = weir_compiler::plan::Ranges::from_unsorted(vec![(id, id)]);
                self.identity.in_earlier(&one).members().next()
            }
        }
    }

    fn place_of(&self, subject: &Subject, id: u32) -> Option<crate::Place> {
        let named = subject.named(subject.principal(id).entity)?;
        Some(subject.place(named.file, named.span))
    }

    /// The statement of the other version that this one was made of: in the same policy, gone from this version, with a
    /// side in common.
    fn counterpart(&self, side: Side, own: &Statement) -> Option<&'c Statement> {
        let (subject, other, here) = match side {
            Side::Later => (self.later, self.earlier, &self.after),
            Side::Earlier => (self.earlier, self.later, &self.before),
        };
        let words = |subject: &Subject, statement: &Statement| {
            [statement.source_span, statement.destination_span, statement.service_span]
                .map(|span| subject.text(statement.file, span))
        };
        let mine = words(subject, own);
        let candidates = other.facts.statements.iter().filter(|statement| {
            statement.policy == own.policy
                && statement.effect == Effect::Allow
                && !here.contains_key(statement.id.as_str())
        });
        let alike = |statement: &&'c Statement| {
            words(other, statement).iter().zip(&mine).filter(|(a, b)| a == b).count()
        };
        candidates
            .map(|statement| (alike(&statement), statement))
            .filter(|(alike, _)| *alike > 1)
            .max_by(|a, b| a.0.cmp(&b.0).then(b.1.span.cmp(&a.1.span)))
            .map(|(_, statement)| statement)
    }
}

/// Why a rule that the other version has as well is not in force there.
fn elapsed(other: &Subject, text: &str, side: Side) -> Option<&'static str> {
    let left_out = other.diagnostics.iter().filter(|one| ["W0503", "W0507"].contains(&one.code.id));
    let ended = left_out
        .filter(|one| one.labels.first().is_some_and(|label| other.text(label.file, label.span) == text))
        .map(|one| one.code.id == "W0503")
        .next()?;
    Some(match (ended, side) {
        (true, Side::Earlier) => "the rule is there and has ended",
        (true, Side::Later) => "the rule was there and had ended",
        (false, Side::Earlier) => "the rule is there and has not begun",
        (false, Side::Later) => "the rule was there and had not begun",
    })
}

/// A deny that covers a connection, or a part of it.
pub(crate) fn covering_deny<'s>(
    subject: &'s Subject,
    source: u32,
    destination: u32,
    ports: &PortSet,
) -> Option<&'s Statement> {
    let model = subject.model();
    subject.facts.statements.iter().find(|statement| {
        statement.effect == Effect::Deny
            && statement.sources.contains(source)
            && statement.destinations.contains(destination)
            && {
                let at = std::sync::Arc::new(std::iter::once(destination).collect());
                covered(model, &statement.services, &at).iter().any(|part| part.ports.overlaps(ports))
            }
    })
}
