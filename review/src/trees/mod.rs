//! Two built trees: what their artifacts permit, read from the bytes, by addresses, labels and certificates. Names are those
//! that the trees' source maps give to statements.

mod arrivals;
mod bridges;
mod clusters;
mod configurations;
mod cores;
mod documents;
mod points;
mod regions;
mod rulesets;
mod terms;

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use serde::Deserialize;

use crate::{
    Place,
    diff::{Difference, FlowChange, Rule, Verdict},
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
        let Some(found) = self.statements.get(id).cloned() else {
            return Rule {
                id: comment.to_owned(),
                policy: String::new(),
                text: "no statement that the source map names".into(),
                place: Place { file: "sourcemap.json".into(), line: 0, column: 0 },
            };
        };
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

/// Files of a tree that hold nothing that enforces.
const ABOUT: [&str; 4] = ["README.md", "certificate.json", "manifest.json", "sourcemap.json"];

/// Compares two trees. What no reader can compare is said in the notes.
pub fn difference((before, earlier): (&str, &Files), (after, later): (&str, &Files)) -> Difference {
    let mut found =
        Difference { before: before.to_owned(), after: after.to_owned(), ..Difference::default() };
    let maps = (&SourceMap::of(earlier), &SourceMap::of(later));
    let trees = (earlier, later);
    points::compare(&rulesets::TARGET, trees, maps, &mut found);
    points::compare(&clusters::TARGET, trees, maps, &mut found);
    points::compare(&configurations::ENVOY, trees, maps, &mut found);
    points::compare(&configurations::MODBUS, trees, maps, &mut found);
    points::compare(&configurations::MOSQUITTO, trees, maps, &mut found);
    points::compare(&cores::TARGET, trees, maps, &mut found);
    let read = [
        rulesets::TARGET.name,
        clusters::TARGET.name,
        configurations::ENVOY.name,
        configurations::MODBUS.name,
        configurations::MOSQUITTO.name,
        cores::TARGET.name,
    ];
    let paths: BTreeSet<&String> = earlier.keys().chain(later.keys()).collect();
    let differs = |path: &&&String| earlier.get(**path) != later.get(**path);
    let others = |path: &&String| -> Option<String> {
        match path.split_once('/') {
            Some((target, _)) => (!read.contains(&target)).then(|| target.to_owned()),
            None => (!ABOUT.contains(&path.as_str())).then(|| (*path).clone()),
        }
    };
    let changed: BTreeSet<String> = paths.iter().filter(differs).filter_map(others).collect();
    for target in changed {
        found.notes.push(format!(
            "the files of `{target}` differ and are compared by their text alone: compare the packages for what it means"
        ));
        found.verdict = Verdict::Widened; // not known to be narrower
    }
    found.permitted = together(std::mem::take(&mut found.permitted), "accepts it", "accept it");
    found.denied = together(std::mem::take(&mut found.denied), "refuses it", "refuse it");
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

/// The same flow at several points is one, whose cause names them all.
fn together(flows: Vec<FlowChange>, verb: &str, verb_of_several: &str) -> Vec<FlowChange> {
    type Key = (String, String, String, Rule, String);
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let mut out: Vec<(FlowChange, Vec<String>)> = Vec::new();
    for flow in flows {
        let key = (
            flow.sources.clone(),
            flow.destinations.clone(),
            flow.service.clone(),
            flow.rule.clone(),
            flow.terms.clone(),
        );
        match places.entry(key) {
            Entry::Occupied(known) => {
                if let Some((_, causes)) = out.get_mut(*known.get()) {
                    causes.push(flow.cause.text);
                }
            }
            Entry::Vacant(free) => {
                free.insert(out.len());
                let cause = flow.cause.text.clone();
                out.push((flow, vec![cause]));
            }
        }
    }
    let named = |(mut flow, causes): (FlowChange, Vec<String>)| {
        if causes.len() > 1 {
            let points: Option<Vec<&str>> =
                causes.iter().map(|cause| cause.strip_suffix(verb).map(str::trim_end)).collect();
            flow.cause.text = match points {
                Some(points) => format!("{} {verb_of_several}", points.join(", ")),
                None => causes.join("; "),
            };
        }
        flow
    };
    out.into_iter().map(named).collect()
}

const FREE: &str = "no terms";
