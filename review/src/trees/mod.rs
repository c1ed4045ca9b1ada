//! Two built trees: what their artifacts permit, read from the bytes, by addresses, labels and certificates. Names are those
//! that the trees' source maps give to statements.

mod clusters;
mod configurations;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::ControlFlow,
};

use serde::Deserialize;
use weir_engine::{Budget, Space};
use weir_nftables_reader::{FilterModel, Hook, Outcome, Ruleset};

use crate::{
    Place,
    diff::{Cause, CauseKind, Difference, FlowChange, PlantChange, Rule, TermsChange, Verdict, Witness},
    terms::TermChange,
};

/// The files of a tree, by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Statements as `sourcemap.json` has them.
#[derive(Debug, Default, Deserialize)]
struct SourceMap {
    #[serde(default)]
    statements: BTreeMap<String, Mapped>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
struct Mapped {
    policy: String,
    file: String,
    line: u32,
    column: u32,
    statement: String,
}

impl SourceMap {
    fn of(files: &Files) -> Self {
        files.get("sourcemap.json").and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
    }

    /// The statement of an artifact's comment; several share an element where they permit the same.
    fn rule(&self, comment: &str) -> Rule {
        let id = comment.split([' ', ',']).next().unwrap_or_default();
        let found = self.statements.get(id).cloned().unwrap_or_default();
        Rule {
            id: comment.to_owned(),
            policy: found.policy,
            text: found.statement,
            place: Place { file: found.file, line: found.line, column: found.column },
        }
    }
}

/// The source maps of the earlier and the later tree.
type Maps<'m> = (&'m SourceMap, &'m SourceMap);

/// Says that something is not compared: so it is not known to be narrower.
fn unreadable(what: &str, why: &str, found: &mut Difference) {
    found.notes.push(format!("{what} cannot be read, and so is not compared: {why}"));
    found.verdict = Verdict::Widened;
}

/// Compares two trees. What no reader can compare is said in the notes.
pub fn difference((before, earlier): (&str, &Files), (after, later): (&str, &Files)) -> Difference {
    let mut found =
        Difference { before: before.to_owned(), after: after.to_owned(), ..Difference::default() };
    let maps = (SourceMap::of(earlier), SourceMap::of(later));
    let whole = |path: &&String| {
        let path = std::path::Path::new(path);
        path.starts_with("nftables")
            && path.components().count() == 2
            && path.extension().is_some_and(|end| end == "nft")
    };
    let rulesets: BTreeSet<&String> = earlier.keys().chain(later.keys()).filter(whole).collect();
    for path in rulesets {
        let (old, new) = (earlier.get(path), later.get(path));
        if old == new {
            continue;
        }
        let read = |bytes: Option<&Vec<u8>>, which: &str, notes: &mut Vec<String>| match bytes {
            None => Some(None),
            Some(bytes) => match Ruleset::default().apply(path, bytes).and_then(|ruleset| ruleset.model()) {
                Ok(model) => Some(Some(model)),
                Err(unread) => {
                    notes.push(format!(
                        "{which} `{path}` cannot be read, and so not compared: line {}: {}",
                        unread.line, unread.what
                    ));
                    None
                }
            },
        };
        let Some(old) = read(old, "the earlier", &mut found.notes) else {
            found.verdict = Verdict::Widened; // not known
            continue;
        };
        let Some(new) = read(new, "the later", &mut found.notes) else {
            found.verdict = Verdict::Widened;
            continue;
        };
        compare(path, (old.as_ref(), new.as_ref()), (&maps.0, &maps.1), &mut found);
    }
    clusters::compare_clusters(earlier, later, (&maps.0, &maps.1), &mut found);
    configurations::compare(earlier, later, (&maps.0, &maps.1), &mut found);
    let read = |target: &str| {
        target == "nftables" || target == clusters::TARGET || configurations::TARGETS.contains(&target)
    };
    let other = |path: &&String| path.split_once('/').is_some_and(|(target, _)| !read(target));
    let changed: BTreeSet<&str> = earlier
        .keys()
        .chain(later.keys())
        .filter(other)
        .filter(|path| earlier.get(*path) != later.get(*path))
        .filter_map(|path| path.split('/').next())
        .collect();
    for target in changed {
        found.notes.push(format!(
            "the files of `{target}` differ and are compared by their text alone: compare the packages for what it means"
        ));
        found.verdict = Verdict::Widened; // not known to be narrower
    }
    if !(found.permitted.is_empty() && found.denied.is_empty()) {
        found.notes.push(
            "trees hold no names of principals, assertions or causes: addresses and rules are compared"
                .into(),
        );
    }
    let wider = found.terms.iter().flat_map(|change| &change.changes).any(|change| change.wider);
    let plant = found.plant.iter().map(|change| change.effect).max().unwrap_or_default();
    let flows = match (found.permitted.is_empty(), found.denied.is_empty()) {
        (false, _) => Verdict::Widened,
        (true, _) if wider => Verdict::Widened,
        (true, false) => Verdict::Narrowed,
        (true, true) if !found.terms.is_empty() => Verdict::Narrowed,
        (true, true) => Verdict::Same,
    };
    found.verdict = found.verdict.max(flows).max(plant);
    found
}

/// What a rule of the comparison stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    is_later: bool,
    comment: String,
    terms: Vec<String>,
}

fn compare(
    path: &str,
    (old, new): (Option<&FilterModel>, Option<&FilterModel>),
    (old_map, new_map): (&SourceMap, &SourceMap),
    found: &mut Difference,
) {
    let point = path.trim_start_matches("nftables/").trim_end_matches(".nft");
    for hook in Hook::ALL {
        for is_v6 in [false, true] {
            let mut space = Space::default();
            let mut labels: Vec<Label> = Vec::new();
            let mut numbers: BTreeMap<Label, u32> = BTreeMap::new();
            for (model, is_later) in [(old, false), (new, true)] {
                let Some(model) = model else { continue };
                let attempts = if is_v6 { &model.hook(hook).v6 } else { &model.hook(hook).v4 };
                for attempt in attempts {
                    let terms = model.outcome(attempt).map(terms).unwrap_or_default();
                    let label = Label { is_later, comment: model.comment(attempt).to_owned(), terms };
                    let number = *numbers.entry(label.clone()).or_insert_with(|| {
                        labels.push(label);
                        labels.len() as u32 - 1
                    });
                    let sources = space.sources.set(attempt.sources.iter().copied());
                    let destinations = space.destinations.set([attempt.destinations]);
                    let service = |port: u16| u128::from(attempt.protocol) << 16 | u128::from(port);
                    let services = space.services.set([(service(attempt.ports.0), service(attempt.ports.1))]);
                    space.rule(sources, destinations, services, number);
                }
            }
            let mut seen: BTreeSet<Vec<u32>> = BTreeSet::new();
            let decided = space.visit(Budget::default(), |cell| {
                if seen.contains(cell.labels) {
                    return ControlFlow::Continue(());
                }
                seen.insert(cell.labels.to_vec());
                let of = |is_later: bool| -> Vec<&Label> {
                    cell.labels
                        .iter()
                        .filter_map(|label| labels.get(*label as usize))
                        .filter(|label| label.is_later == is_later)
                        .collect()
                };
                let (before, after) = (of(false), of(true));
                let witness = Witness {
                    source: address(cell.source, is_v6),
                    destination: address(cell.destination, is_v6),
                    service: service(cell.services.0),
                };
                judge(point, hook, (&before, &after), (old_map, new_map), witness, found);
                ControlFlow::Continue(())
            });
            if decided.is_err() {
                found.notes.push(format!("`{path}` is too large to be compared"));
                found.verdict = Verdict::Widened;
            }
        }
    }
    let arrivals = |model: Option<&FilterModel>| {
        model.map(|model| {
            let canonical = |list: &[weir_nftables_reader::Binding]| -> Vec<(String, (u128, u128))> {
                list.iter().map(|one| (one.device.to_string(), one.sources)).collect()
            };
            (canonical(&model.arrivals.v4), canonical(&model.arrivals.v6))
        })
    };
    if arrivals(old) != arrivals(new) {
        found.plant.push(PlantChange {
            what: "gateway",
            name: point.to_owned(),
            change: "changed",
            detail: "other source addresses may arrive by its interfaces".into(),
            effect: Verdict::Same,
        });
    }
}

fn judge(
    point: &str,
    hook: Hook,
    (before, after): (&[&Label], &[&Label]),
    (old_map, new_map): (&SourceMap, &SourceMap),
    witness: Witness,
    found: &mut Difference,
) {
    let change = |label: &Label, map: &SourceMap, verb: &str| FlowChange {
        sources: witness.source.clone(),
        destinations: witness.destination.clone(),
        service: witness.service.clone(),
        pairs: 1,
        witness: witness.clone(),
        rule: map.rule(&label.comment),
        terms: label.terms.join(" or "),
        cause: Cause {
            kind: CauseKind::Policy,
            text: format!("`{point}` {verb} it ({})", hook.name()),
            place: None,
        },
        exact: Vec::new(),
        approved: None,
    };
    let known = |list: &[FlowChange], label: &Label, verb: &str| {
        let cause = format!("`{point}` {verb} it ({})", hook.name());
        list.iter().any(|one| one.rule.id == label.comment && one.cause.text == cause)
    };
    match (before, after) {
        ([], [label, ..]) => {
            if !known(&found.permitted, label, "accepts") {
                found.permitted.push(change(label, new_map, "accepts"));
            }
        }
        ([label, ..], []) => {
            if !known(&found.denied, label, "refuses") {
                found.denied.push(change(label, old_map, "refuses"));
            }
        }
        ([old, ..], [new, ..]) => {
            let terms = |labels: &[&Label]| -> BTreeSet<String> {
                labels.iter().flat_map(|label| label.terms.iter().cloned()).collect()
            };
            let (was, is) = (terms(before), terms(after));
            if was == is {
                return;
            }
            let words = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" or ");
            let free = |set: &BTreeSet<String>| set.contains(FREE);
            let change = TermsChange {
                sources: witness.source.clone(),
                destinations: witness.destination.clone(),
                service: witness.service.clone(),
                pairs: 1,
                changes: vec![TermChange {
                    term: "terms",
                    before: words(&was),
                    after: words(&is),
                    // other terms are not known to be narrower, unless there were none before
                    wider: !free(&was) || free(&is),
                }],
                before: old_map.rule(&old.comment),
                after: new_map.rule(&new.comment),
                witness,
                exact: Vec::new(),
                approved: None,
            };
            let known = found.terms.iter().any(|one| {
                one.changes == change.changes && one.before == change.before && one.after == change.after
            });
            if !known {
                found.terms.push(change);
            }
        }
        ([], []) => {}
    }
}

const FREE: &str = "no terms";

/// What an outcome asks, without the names of its chains.
fn terms(outcome: &Outcome) -> Vec<String> {
    let step = |step: &weir_nftables_reader::Step| {
        let mut parts = Vec::new();
        if let Some(limit) = &step.limit {
            parts.push(format!("limit {} in {} s", limit.count, limit.seconds));
        }
        if let Some(until) = step.until {
            parts.push(format!("until {}", crate::table::time(until)));
        }
        if let Some(operations) = &step.operations {
            parts.push(format!("only {:?} {:?}", operations.protocol, operations.requests));
        }
        if step.audit {
            parts.push("audit".to_owned());
        } else if step.log.is_some() {
            parts.push("logged".to_owned());
        }
        if parts.is_empty() { FREE.to_owned() } else { parts.join(", ") }
    };
    outcome.steps.iter().map(step).collect()
}

fn address(number: u128, is_v6: bool) -> String {
    let address = if is_v6 {
        IpAddr::V6(Ipv6Addr::from_bits(number))
    } else {
        IpAddr::V4(Ipv4Addr::from_bits(number as u32))
    };
    address.to_string()
}

fn service(number: u128) -> String {
    let (protocol, port) = (number >> 16, number & 0xffff);
    match protocol {
        6 => format!("tcp/{port}"),
        17 => format!("udp/{port}"),
        132 => format!("sctp/{port}"),
        1 | 58 => "icmp".to_owned(),
        other => format!("protocol {other} port {port}"),
    }
}
