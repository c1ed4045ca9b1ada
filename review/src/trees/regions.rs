//! Rectangles over sources, destinations and services: what passes before and after, cell by cell.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use weir_engine::{Budget, NotDecided, Range, Space};

use super::{
    FREE, Maps,
    terms::{Budgets, Change, Terms, words},
};
use crate::{
    diff::{Cause, CauseKind, Difference, FlowChange, Rule, TermsChange, Witness},
    terms::TermChange,
};

/// What a rectangle stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    is_later: bool,
    comment: String,
    /// It passes on one of these.
    terms: Vec<Terms>,
}

/// What two artifacts let pass.
#[derive(Default)]
pub(super) struct Regions {
    space: Space,
    labels: Vec<Label>,
    numbers: BTreeMap<Label, u32>,
}

/// How the numbers of a space are said.
pub(super) struct Words<'w> {
    pub(super) source: &'w dyn Fn(u128) -> String,
    pub(super) destination: &'w dyn Fn(u128) -> String,
    pub(super) service: &'w dyn Fn(u128) -> String,
    /// Who lets it pass: "`gw_ops` (forward)".
    pub(super) place: String,
    /// The rule by the comment that it has in the earlier or in the later artifact.
    pub(super) rule: &'w dyn Fn(&str, bool) -> Rule,
}

/// A rule by the source map of its tree.
pub(super) fn mapped(maps: Maps<'_>) -> impl Fn(&str, bool) -> Rule {
    move |comment, is_later| if is_later { maps.1 } else { maps.0 }.rule(comment)
}

impl Regions {
    pub(super) fn add(
        &mut self,
        is_later: bool,
        comment: &str,
        terms: Vec<Terms>,
        sources: impl IntoIterator<Item = Range>,
        destinations: Range,
        services: Range,
    ) {
        let label = Label { is_later, comment: comment.to_owned(), terms };
        let next = self.labels.len() as u32;
        let number = *self.numbers.entry(label.clone()).or_insert(next);
        if number == next {
            self.labels.push(label);
        }
        let space = &mut self.space;
        let sources = space.sources.set(sources);
        let destinations = space.destinations.set([destinations]);
        let services = space.services.set([services]);
        space.rule(sources, destinations, services, number);
    }

    /// Says what differs; that it is too large to be known is an error.
    pub(super) fn compare(
        &self,
        words: &Words<'_>,
        budgets: &mut Budgets,
        found: &mut Difference,
    ) -> Result<(), NotDecided> {
        let mut seen: BTreeSet<Vec<u32>> = BTreeSet::new();
        let mut judged = Judged::default();
        let visited = self.space.visit(Budget::default(), |cell| {
            if seen.insert(cell.labels.to_vec()) {
                let of = |is_later: bool| -> Vec<&Label> {
                    let labels = cell.labels.iter().filter_map(|label| self.labels.get(*label as usize));
                    labels.filter(|label| label.is_later == is_later).collect()
                };
                let witness = || Witness {
                    source: (words.source)(cell.source),
                    destination: (words.destination)(cell.destination),
                    service: (words.service)(cell.services.0),
                };
                judged.cell(&of(false), &of(true), witness, words, budgets);
            }
            ControlFlow::Continue(())
        });
        found.permitted.append(&mut judged.permitted);
        found.denied.append(&mut judged.denied);
        found.terms.append(&mut judged.terms);
        visited.map(|_| ())
    }
}

#[derive(Default)]
struct Judged {
    permitted: Vec<FlowChange>,
    denied: Vec<FlowChange>,
    terms: Vec<TermsChange>,
    /// What was said already, once for each rule.
    said: BTreeSet<(String, String, String)>,
}

impl Judged {
    fn cell(
        &mut self,
        before: &[&Label],
        after: &[&Label],
        witness: impl Fn() -> Witness,
        words: &Words<'_>,
        budgets: &mut Budgets,
    ) {
        let all = |labels: &[&Label]| -> Vec<Terms> {
            labels.iter().flat_map(|label| label.terms.iter().cloned()).collect()
        };
        match (before, after) {
            ([], [label, ..]) => {
                if self.said.insert((label.comment.clone(), String::new(), "permitted".into())) {
                    self.permitted.push(change(
                        &all(after),
                        witness(),
                        words,
                        (words.rule)(&label.comment, true),
                        "accepts",
                    ));
                }
            }
            ([label, ..], []) => {
                if self.said.insert((label.comment.clone(), String::new(), "denied".into())) {
                    self.denied.push(change(
                        &all(before),
                        witness(),
                        words,
                        (words.rule)(&label.comment, false),
                        "refuses",
                    ));
                }
            }
            ([old, ..], [new, ..]) => {
                let (was, is) = (all(before), all(after));
                let wider = match budgets.compare(&was, &is) {
                    Change::Same => return,
                    Change::Narrower => false,
                    Change::Wider => true,
                };
                let (was, is) = (self::words(&was), self::words(&is));
                let key = (old.comment.clone(), new.comment.clone(), format!("{was}\n{is}\n{wider}"));
                if !self.said.insert(key) {
                    return;
                }
                let witness = witness();
                let is = match (was == is, wider) {
                    (false, _) => is,
                    // the same limit, counted apart
                    (true, true) => format!("{is}, more often"),
                    (true, false) => format!("{is}, less often"),
                };
                self.terms.push(TermsChange {
                    sources: witness.source.clone(),
                    destinations: witness.destination.clone(),
                    service: witness.service.clone(),
                    pairs: 1,
                    changes: vec![TermChange { term: "terms", before: was, after: is, wider }],
                    before: (words.rule)(&old.comment, false),
                    after: (words.rule)(&new.comment, true),
                    witness,
                    exact: Vec::new(),
                    approved: None,
                });
            }
            ([], []) => {}
        }
    }
}

fn change(terms: &[Terms], witness: Witness, words: &Words<'_>, rule: Rule, verb: &str) -> FlowChange {
    FlowChange {
        sources: witness.source.clone(),
        destinations: witness.destination.clone(),
        service: witness.service.clone(),
        pairs: 1,
        witness,
        rule,
        terms: said(terms),
        cause: Cause { kind: CauseKind::Policy, text: format!("{} {verb} it", words.place), place: None },
        exact: Vec::new(),
        approved: None,
    }
}

/// Terms, where there are any.
fn said(terms: &[Terms]) -> String {
    let words = words(terms);
    if words == FREE { String::new() } else { words }
}
