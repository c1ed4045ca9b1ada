//! On which terms policy and artifact permit a connection, where both do.
//!
//! The policy's terms at one place are a set: whoever is permitted twice is permitted on either terms. The artifact
//! tries its steps one after the other until one accepts. Both are the same if
//!
//! - every step that can be reached stands for one of the policy's terms, and
//! - where some terms have no condition (no end, no limit, no operations), a step without condition is reached; it
//!   enforces (and logs) if one of those terms enforces (and logs). Else, every one of the policy's terms has its step.
//!
//! A limit's budget belongs to one term only, and a term has one budget. A chain, whose counter and log prefix name a
//! policy, stands for one term wherever it is met.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use weir_compiler::plan::{OperationMatch, PayloadProtocol};
use weir_nftables_reader::{Operations, Protocol, Request, Step};

use crate::{
    finding::{Fault, Packet},
    specification::Terms,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Disagreement {
    Excess,
    Loss,
    Terms { policy: String, artifact: String },
}

impl Disagreement {
    /// In words, for what is no packet.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Excess => "the artifact permits it, and the policy does not".into(),
            Self::Loss => "the policy permits it, and the artifact does not".into(),
            Self::Terms { policy, artifact } => format!("{artifact}, and the policy says {policy}"),
        }
    }

    pub(crate) fn fault(self, packet: Packet) -> Fault {
        match self {
            Self::Excess => Fault::Excess(packet),
            Self::Loss => Fault::Loss(packet),
            Self::Terms { policy, artifact } => Fault::Terms { packet, policy, artifact },
        }
    }
}

/// Judges combinations of labels: terms of the policy and attempts of the artifact.
pub(crate) struct Judge<'j> {
    terms: &'j [Terms],
    /// The steps of each outcome.
    outcomes: Vec<Vec<Step>>,
    /// Order and outcome of attempts; their label is the index behind the terms.
    attempts: Vec<(u32, u32)>,
    known: FxHashMap<(u32, u32), u32>,
    judged: FxHashMap<Box<[u32]>, Option<Disagreement>>,
    /// For each term with a limit, the chains that can hold its budget, by all places where it was met.
    budgets: FxHashMap<u32, Vec<String>>,
    /// For each chain, the terms that it can stand for, by all places where it was met.
    stands_for: FxHashMap<String, Vec<u32>>,
}

impl<'j> Judge<'j> {
    pub(crate) fn new(terms: &'j [Terms], outcomes: Vec<Vec<Step>>) -> Self {
        Self {
            terms,
            outcomes,
            attempts: Vec::new(),
            known: FxHashMap::default(),
            judged: FxHashMap::default(),
            budgets: FxHashMap::default(),
            stands_for: FxHashMap::default(),
        }
    }

    /// The label of some terms.
    pub(crate) fn term(&self, terms: u32) -> u32 {
        terms
    }

    /// The label of an attempt.
    pub(crate) fn attempt(&mut self, order: u32, outcome: u32) -> u32 {
        let next = (self.terms.len() + self.attempts.len()) as u32;
        *self.known.entry((order, outcome)).or_insert_with(|| {
            self.attempts.push((order, outcome));
            next
        })
    }

    /// How many different combinations were judged.
    pub(crate) fn combinations(&self) -> u64 {
        self.judged.len() as u64
    }

    /// What is wrong with a combination, if anything is.
    pub(crate) fn judge(&mut self, labels: &[u32]) -> Option<Disagreement> {
        if let Some(known) = self.judged.get(labels) {
            return known.clone();
        }
        let found = self.decide(labels);
        self.judged.insert(labels.into(), found.clone());
        found
    }

    fn decide(&mut self, labels: &[u32]) -> Option<Disagreement> {
        let count = self.terms.len();
        let split = labels.partition_point(|label| (*label as usize) < count);
        let (wanted, attempts) = labels.split_at(split);
        let mut attempts: Vec<(u32, u32)> =
            attempts.iter().map(|label| self.attempts[*label as usize - count]).collect();
        attempts.sort_unstable();
        if wanted.is_empty() {
            return Some(Disagreement::Excess);
        }
        let mut steps: Vec<&Step> = Vec::new();
        for (_, outcome) in attempts {
            for step in self.outcomes.get(outcome as usize).map(Vec::as_slice).unwrap_or_default() {
                steps.push(step);
                if free_step(step) {
                    break;
                }
            }
            if steps.last().is_some_and(|step| free_step(step)) {
                break;
            }
        }
        if steps.is_empty() {
            return Some(Disagreement::Loss);
        }
        let differ = |terms: &[Terms], what: &str| {
            let policy: Vec<String> = wanted.iter().map(|id| describe_terms(&terms[*id as usize])).collect();
            let artifact: Vec<String> = steps.iter().map(|step| describe_step(step)).collect();
            let artifact = format!("{}{what}", artifact.join(", then "));
            Some(Disagreement::Terms { policy: policy.join(" or "), artifact })
        };
        for step in &steps {
            let fits = |id: &u32| wanted.contains(id) && same(&self.terms[*id as usize], step);
            if !wanted.iter().any(fits) {
                return differ(self.terms, "");
            }
            let stands_for = self.stands_for.entry(step.chain.clone()).or_insert_with(|| wanted.to_vec());
            stands_for.retain(fits);
            if stands_for.is_empty() {
                return differ(self.terms, " (counted and logged as another policy)");
            }
            if step.limit.as_ref().is_some_and(|limit| limit.budget != step.chain) {
                return differ(self.terms, " (another's budget)");
            }
        }
        for id in wanted.iter().filter(|id| self.terms[**id as usize].limit.is_some()) {
            let chains: Vec<&String> = steps
                .iter()
                .filter(|step| same(&self.terms[*id as usize], step))
                .map(|step| &step.chain)
                .collect();
            if chains.is_empty() {
                continue;
            }
            let budgets = self
                .budgets
                .entry(*id)
                .or_insert_with(|| chains.iter().map(|chain| (*chain).clone()).collect());
            budgets.retain(|chain| chains.contains(&chain));
            if budgets.is_empty() {
                return differ(self.terms, " (one of several budgets for the same limit)");
            }
        }
        let free: Vec<&Terms> =
            wanted.iter().map(|id| &self.terms[*id as usize]).filter(|terms| is_free(terms)).collect();
        if free.is_empty() {
            // Who is permitted twice on the same terms has two steps if they count.
            let enough = wanted.iter().all(|id| {
                let terms = &self.terms[*id as usize];
                let alike =
                    wanted.iter().filter(|other| same_conditions(&self.terms[**other as usize], terms));
                let found = steps.iter().filter(|step| same(terms, step)).count();
                found >= if terms.limit.is_some() { alike.count() } else { 1 }
            });
            return if enough { None } else { differ(self.terms, "") };
        }
        let Some(last) = steps.last().filter(|step| free_step(step)) else { return differ(self.terms, "") };
        let enforced = free.iter().any(|terms| !terms.audit);
        let logged = free.iter().any(|terms| !terms.audit && terms.log);
        if (enforced && last.audit) || (logged && last.log.is_none()) {
            return differ(self.terms, "");
        }
        None
    }
}

/// Whether two terms differ in nothing but who counts.
fn same_conditions(one: &Terms, other: &Terms) -> bool {
    let conditions =
        |terms: &Terms| (terms.until, terms.limit, terms.operations.clone(), terms.log, terms.audit);
    conditions(one) == conditions(other)
}

fn is_free(terms: &Terms) -> bool {
    terms.until.is_none() && terms.limit.is_none() && terms.operations.is_none()
}

fn free_step(step: &Step) -> bool {
    step.until.is_none() && step.limit.is_none() && step.operations.is_none()
}

/// Whether a step says what the terms say.
fn same(terms: &Terms, step: &Step) -> bool {
    let limit = match (&terms.limit, &step.limit) {
        (None, None) => true,
        // More at once than in a whole interval would be a wider limit.
        (Some(wanted), Some(found)) => {
            (wanted.count, wanted.seconds) == (found.count, found.seconds) && found.burst <= wanted.count
        }
        _ => false,
    };
    let operations = match (&terms.operations, &step.operations) {
        (None, None) => true,
        (Some(wanted), Some(found)) => same_operations(wanted, found),
        _ => false,
    };
    let end = terms.until.map(|end| end.max(0));
    limit
        && operations
        && end == step.until
        && terms.audit == step.audit
        && (terms.log || terms.audit) == step.log.is_some()
}

fn same_operations(wanted: &Arc<OperationMatch>, found: &Operations) -> bool {
    let protocol = match wanted.protocol {
        PayloadProtocol::BacnetIp => Protocol::BacnetIp,
        PayloadProtocol::Coap => Protocol::Coap,
        PayloadProtocol::ModbusTcp => Protocol::ModbusTcp,
    };
    // A range that holds every item narrows nothing.
    let items = |items: Option<(u16, u16)>| items.filter(|range| *range != (0, u16::MAX));
    let mut requests: Vec<Request> = wanted
        .requests
        .iter()
        .flat_map(|one| {
            one.functions.iter().map(move |function| Request {
                function: *function,
                items: items(one.items),
                value: one.value,
            })
        })
        .collect();
    requests.sort_unstable();
    requests.dedup();
    let mut read = found.requests.clone();
    read.sort_unstable();
    read.dedup();
    protocol == found.protocol && requests == read
}

fn describe_terms(terms: &Terms) -> String {
    let mut parts = Vec::new();
    if let Some(limit) = terms.limit {
        parts.push(format!("limit {} in {} s", limit.count, limit.seconds));
    }
    if let Some(until) = terms.until {
        parts.push(format!("until {until}"));
    }
    if let Some(operations) = &terms.operations {
        parts.push(format!("{} requests {:?}", operations.protocol.name(), operations.requests));
    }
    phrase(parts, terms.log, terms.audit)
}

fn describe_step(step: &Step) -> String {
    let mut parts = Vec::new();
    if let Some(limit) = &step.limit {
        parts.push(format!("limit {} in {} s (burst {})", limit.count, limit.seconds, limit.burst));
    }
    if let Some(until) = step.until {
        parts.push(format!("until {until}"));
    }
    if let Some(operations) = &step.operations {
        parts.push(format!("{:?} requests {:?}", operations.protocol, operations.requests));
    }
    phrase(parts, step.log.is_some(), step.audit)
}

fn phrase(mut parts: Vec<String>, log: bool, audit: bool) -> String {
    if audit {
        parts.push("audit".into());
    } else if log {
        parts.push("logged".into());
    }
    if parts.is_empty() { "without conditions".into() } else { parts.join(", ") }
}
