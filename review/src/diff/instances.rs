//! One line of a template is a rule in each instance: what it changes is told once for all of them.

use weir_compiler::plan::Ranges;

use super::FlowChange;
use crate::Subject;

/// Puts changes together that differ in nothing but the instance that they are of. `subject` is the version that permits them.
pub(super) fn together(changes: Vec<FlowChange>, subject: &Subject) -> Vec<FlowChange> {
    let alike = |a: &FlowChange, b: &FlowChange| {
        (&a.rule.place, &a.rule.text, &a.service, &a.terms, a.approved)
            == (&b.rule.place, &b.rule.text, &b.service, &b.terms, b.approved)
            && (a.cause.kind, &a.cause.text) == (b.cause.kind, &b.cause.text)
            && a.rule.policy != b.rule.policy
    };
    let mut told: Vec<Vec<FlowChange>> = Vec::new();
    for change in changes {
        // they are sorted by their rule's place
        match told.iter_mut().rev().take(16).find(|group| group.iter().all(|known| alike(known, &change))) {
            Some(group) => group.push(change),
            None => told.push(vec![change]),
        }
    }
    told.into_iter().filter_map(|group| one(group, subject)).collect()
}

fn one(mut group: Vec<FlowChange>, subject: &Subject) -> Option<FlowChange> {
    let rest = group.split_off(1.min(group.len()));
    let mut whole = group.pop()?;
    if rest.is_empty() {
        return Some(whole);
    }
    for one in rest {
        whole.pairs += one.pairs;
        whole.exact.extend(one.exact);
    }
    // by the sets: in each instance, the same words mean others
    let mut pairs = whole.exact.windows(2);
    let same_sources = pairs.all(|pair| pair[0].sources == pair[1].sources);
    let mut pairs = whole.exact.windows(2);
    let same_destinations = pairs.all(|pair| pair[0].destinations == pair[1].destinations);
    let describe = |sets: Vec<&Ranges<u32>>| {
        let union = Ranges::from_unsorted(sets.into_iter().flat_map(Ranges::iter).collect());
        subject.naming().describe(subject.model(), &union)
    };
    if !same_sources {
        whole.sources = describe(whole.exact.iter().map(|exact| &exact.sources).collect());
    }
    if !same_destinations {
        whole.destinations = describe(whole.exact.iter().map(|exact| &exact.destinations).collect());
        if !same_sources {
            whole.destinations.push_str(", each its own");
        }
    }
    Some(whole)
}
