//! Two versions of a package: which flows become possible or impossible, on which terms, why, and what follows.

mod assertions;
mod budgets;
pub(crate) mod causes;
mod flows;
pub(crate) mod grants;
mod identity;
mod instances;
mod principals;
mod radius;
pub mod render;
mod separation;
pub(crate) mod shape;
mod topology;

use serde::Serialize;
use weir_compiler::{
    flows::{Demand, PortSet},
    plan::Ranges,
};

use crate::{Place, Subject, TermChange};
pub(crate) use flows::{preferred, rule};

use flows::Comparison;
use identity::Identity;

/// What a change does, taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing that is permitted changes.
    #[default]
    Same,
    /// Something is no longer permitted, and nothing more is.
    Narrowed,
    /// Something is permitted that was not, or on wider terms, and an envelope (where there is one) does not hold it.
    Widened,
}

/// A line of the policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Rule {
    pub id: String,
    pub policy: String,
    /// On one line.
    pub text: String,
    pub place: Place,
}

/// One concrete flow out of many.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Witness {
    pub source: String,
    pub destination: String,
    pub service: String,
}

/// Why a flow is, or is no longer, permitted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cause {
    pub kind: CauseKind,
    pub text: String,
    /// In the version that has it; the earlier one, for what is gone.
    pub place: Option<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// A rule was added, removed or edited.
    Policy,
    /// A set has other members.
    Members,
    /// A principal came or went, or serves other ports.
    Topology,
}

/// Flows of one rule that become possible or impossible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlowChange {
    pub sources: String,
    pub destinations: String,
    pub service: String,
    /// Pairs of a source and a destination.
    pub pairs: u64,
    pub witness: Witness,
    /// Of the version that permits it.
    pub rule: Rule,
    /// On which terms.
    pub terms: String,
    pub cause: Cause,
    /// The same as sets: all of these together.
    #[serde(skip)]
    pub exact: Vec<Exact>,
    /// Only where it widens, and there is an envelope: whether that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
}

/// A part of what a version permits, in the numbers of its own principals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exact {
    /// Whether it is a part of the later version.
    pub of_later: bool,
    pub sources: Ranges<u32>,
    pub destinations: Ranges<u32>,
    pub ports: PortSet,
    /// Only these operations.
    pub demand: Option<Demand>,
}

/// Flows that both versions permit, on other terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TermsChange {
    pub sources: String,
    pub destinations: String,
    pub service: String,
    pub pairs: u64,
    pub witness: Witness,
    pub changes: Vec<TermChange>,
    pub before: Rule,
    pub after: Rule,
    /// The same as sets, in the version that permits more of it.
    #[serde(skip)]
    pub exact: Vec<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
}

/// What else changes: principals, conduits, gateways, gaps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PlantChange {
    /// `principal`, `zone`, `network`, `conduit`, `gateway`, `cluster`, `core`, `radio`, `slice`, `session`, `gap`, `protocol`,
    /// `rule` (a `deny`), `setting` (of `weir.toml`); of trees also `guard rail`, `namespace`, `enforcement point`, `limit`,
    /// `document`.
    pub what: &'static str,
    pub name: String,
    /// `added`, `removed`, `renamed`, `changed`.
    pub change: &'static str,
    pub detail: String,
    /// What it means for what is permitted on the wire.
    pub effect: Verdict,
}

/// An assertion that another version does not have, or that holds in one of them only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssertionChange {
    pub text: String,
    pub place: Place,
    /// Whether it holds in the earlier version; nothing, where it is not there.
    pub before: Option<bool>,
    pub after: Option<bool>,
    /// What breaks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
}

/// How far an intruder gets from one principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RadiusChange {
    pub principals: String,
    /// Principals reached, others than the start, by any number of steps.
    pub before: u64,
    pub after: u64,
    pub gained: String,
    pub lost: String,
}

/// One file of the output tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArtifactChange {
    pub path: String,
    /// `created`, `changed`, `removed`.
    pub change: &'static str,
    pub lines_added: usize,
    pub lines_removed: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unified: Option<String>,
}

/// All that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub before: String,
    pub after: String,
    pub verdict: Verdict,
    pub permitted: Vec<FlowChange>,
    pub denied: Vec<FlowChange>,
    pub terms: Vec<TermsChange>,
    pub plant: Vec<PlantChange>,
    pub assertions: Vec<AssertionChange>,
    pub radius: Vec<RadiusChange>,
    /// Missing, where artifacts were not asked for or not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<Vec<ArtifactChange>>,
    /// What was not compared, and why.
    pub notes: Vec<String>,
}

impl Difference {
    /// Whether anything at all differs.
    pub fn is_empty(&self) -> bool {
        self.verdict == Verdict::Same
            && self.permitted.is_empty()
            && self.denied.is_empty()
            && self.terms.is_empty()
            && self.plant.is_empty()
            && self.assertions.is_empty()
            && self.artifacts.as_ref().is_none_or(Vec::is_empty)
    }
}

impl Difference {
    /// Takes in what is different at a later time, when permissions have begun, and is not said already.
    pub fn also_at(&mut self, time: i64, then: Self) {
        let begins = format!("from {}: ", crate::table::time(time));
        let same = |one: &FlowChange, other: &FlowChange| {
            (&one.sources, &one.destinations, &one.service, &one.terms, &one.rule)
                == (&other.sources, &other.destinations, &other.service, &other.terms, &other.rule)
        };
        for (own, then) in [(&mut self.permitted, then.permitted), (&mut self.denied, then.denied)] {
            for mut change in then {
                if !own.iter().any(|known| same(known, &change)) {
                    change.cause.text.insert_str(0, &begins);
                    own.push(change);
                }
            }
        }
        for mut change in then.terms {
            let known = |one: &TermsChange| {
                (&one.changes, &one.sources, &one.destinations, &one.service)
                    == (&change.changes, &change.sources, &change.destinations, &change.service)
            };
            if !self.terms.iter().any(known) {
                change.changes.iter_mut().for_each(|one| one.after.insert_str(0, &begins));
                self.terms.push(change);
            }
        }
        for mut change in then.plant {
            if !self.plant.contains(&change) {
                change.detail.insert_str(0, &begins);
                self.plant.push(change);
            }
        }
        for note in then.notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        // what narrows at one time may widen at another
        self.verdict = self.verdict.max(then.verdict);
    }
}

/// Steps of about ten nanoseconds that the comparison of flows may take.
const BUDGET: u64 = 400_000_000;

/// Compares two versions. Statements that were asked of the later one ([`weir_compiler::Asked`]) are an envelope:
/// widening inside of what they permit is approved.
pub fn difference(earlier: &Subject, later: &Subject) -> Difference {
    let identity = Identity::new(earlier, later);
    let mut found =
        Difference { before: earlier.label.clone(), after: later.label.clone(), ..Difference::default() };
    let comparison = Comparison::new(earlier, later, &identity, BUDGET);
    comparison.run(&mut found);
    topology::compare(earlier, later, &identity, &mut found);
    assertions::compare(earlier, later, &mut found);
    separation::compare(earlier, later, &identity, &mut found);
    radius::compare(earlier, later, &identity, &mut found);
    for (subject, which) in [(earlier, "earlier"), (later, "later")] {
        let errors = subject.errors().count();
        if errors > 0 {
            found.notes.push(format!(
                "the {which} version has {errors} {}: it cannot be built as it is",
                if errors == 1 { "error" } else { "errors" }
            ));
        }
    }
    // what widens comes first: a list may be cut off
    found.plant.sort_by_key(|change| std::cmp::Reverse(change.effect));
    found.verdict = found.verdict.max(verdict(&found));
    found
}

fn verdict(found: &Difference) -> Verdict {
    let open = |approved: Option<bool>| approved != Some(true);
    let wider = |change: &TermsChange| change.changes.iter().any(|one| one.wider) && open(change.approved);
    let narrower = |change: &TermsChange| change.changes.iter().any(|one| !one.wider);
    let plant = found.plant.iter().map(|change| change.effect).max().unwrap_or_default();
    let breaks = |change: &AssertionChange| change.before == Some(true) && change.after == Some(false);
    if found.assertions.iter().any(breaks)
        || found.permitted.iter().any(|change| open(change.approved))
        || found.terms.iter().any(wider)
    {
        Verdict::Widened
    } else if !found.denied.is_empty() || found.terms.iter().any(narrower) {
        Verdict::Narrowed.max(plant)
    } else {
        plant
    }
}
