//! What the files say against what a policy requires, both ways. Cost: linear in both, but for slices that share rules on
//! overlapping ports.

mod documents;
mod expected;
mod lab;
mod open5gs;
mod ranges;
mod sdcore;

use std::collections::BTreeSet;

pub use expected::{
    Expected, ExpectedFlow, ExpectedRadio, ExpectedSession, ExpectedSlice, FilterKey, Filters, Permission,
    RuleQuality,
};

use crate::{CoreModel, open5gs::Fixed};

/// One thing that is not as required.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    pub what: String,
}

/// Every difference. Nothing means that each subscription gets exactly its sessions, each behind the interface that the
/// packet filter knows, and nobody else gets any.
pub fn compare(expected: &Expected, model: &CoreModel) -> Vec<Difference> {
    let addresses = expected.sessions.iter().map(|session| session.addresses).collect();
    let mut comparison = Comparison { expected, addresses, found: Vec::new() };
    if let Some(core) = &model.open5gs {
        comparison.open5gs(core);
    }
    if let Some(core) = &model.sdcore {
        comparison.sdcore(core);
    }
    comparison.documents(model);
    comparison.lab(model);
    comparison.isolation(model);
    comparison.found
}

struct Comparison<'e> {
    expected: &'e Expected,
    /// Of all UEs.
    addresses: BTreeSet<Fixed>,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn say(&mut self, what: impl Into<String>) {
        self.found.push(Difference { what: what.into() });
    }

    fn same_sets<T: Ord + std::fmt::Debug>(&mut self, what: &str, expected: Vec<T>, found: Vec<T>) {
        let sort = |mut list: Vec<T>| {
            list.sort();
            list
        };
        let (expected, found) = (sort(expected), sort(found));
        if expected != found {
            let wrong = found.iter().find(|one| expected.binary_search(one).is_err());
            let lost = expected.iter().find(|one| found.binary_search(one).is_err());
            self.say(match (wrong, lost) {
                (Some(wrong), _) => format!("{what}: {wrong:?} is not in the policy"),
                (None, Some(lost)) => format!("{what}: {lost:?} is missing"),
                (None, None) => format!("{what}: one is there several times"),
            });
        }
    }

    fn areas(&self) -> Vec<u32> {
        let areas: BTreeSet<u32> = self.expected.radios.iter().map(|radio| radio.tracking).collect();
        areas.into_iter().collect()
    }

    /// What `isolation.json` claims is what follows from the policy.
    fn isolation(&mut self, model: &CoreModel) {
        let Some(found) = &model.isolation else {
            self.say("isolation.json is missing");
            return;
        };
        let wanted = &self.expected.isolation;
        if (&wanted.core, &wanted.product) != (&found.core, &found.product) {
            self.say("isolation.json is about another core");
        }
        self.same_sets("slices of isolation.json", wanted.slices.clone(), found.slices.clone());
        self.same_sets("pairs of isolation.json", wanted.pairs.clone(), found.pairs.clone());
    }
}
