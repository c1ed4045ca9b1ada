//! From sets of principals back to the names that people gave them.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use weir_compiler::{
    flows::PortSet,
    model::{Model, Named, PrincipalSet},
    plan::Ranges,
};

/// Names of sets. A set is called by its own name, by that of a larger one without a few, or by the fewest names that
/// make it up.
#[derive(Debug, Default)]
pub struct Naming {
    /// Sets of several members, the largest first, those of one size by how well people know such names.
    sets: Vec<(String, PrincipalSet)>,
    exact: FxHashMap<PrincipalSet, usize>,
}

/// Parts that a name has at most; what is left is counted.
const PARTS: usize = 4;

/// How well a kind of name serves in a report: lower is better.
fn rank(kind: &str) -> u8 {
    match kind {
        "group" => 0,
        "device" | "workload" | "role" | "gateway" => 1,
        "class" => 2,
        "network" | "slice" | "cluster" => 3,
        "zone" => 4,
        "module" => 5,
        _ => 6,
    }
}

impl Naming {
    pub fn new(model: &Model, names: &[Named]) -> Self {
        let mut sets: Vec<(u64, u8, &Named, PrincipalSet)> = names
            .iter()
            .filter_map(|named| {
                let members = named.members.clone()?;
                let count = members.count();
                // single ones are called by themselves
                (count > 1).then(|| (count, rank(named.kind), named, members))
            })
            .collect();
        sets.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then_with(|| a.2.name.cmp(&b.2.name)));
        let sets: Vec<(String, PrincipalSet)> = sets
            .into_iter()
            .map(|(_, _, named, members)| {
                (named.name.strip_prefix("std.").unwrap_or(&named.name).to_owned(), members)
            })
            .map(|(name, members)| (short_class(&name), members))
            .collect();
        let mut exact = FxHashMap::default();
        for (index, (_, members)) in sets.iter().enumerate() {
            exact.entry(members.clone()).or_insert(index);
        }
        let _ = model;
        Self { sets, exact }
    }

    /// A set in words.
    pub fn describe(&self, model: &Model, set: &Ranges<u32>) -> String {
        let count = set.count();
        if count == 0 {
            return "nobody".to_owned();
        }
        let single = |id: u32| model.principal(id).name.to_string();
        if count == 1 {
            return set.members().next().map(single).unwrap_or_default();
        }
        if let Some(index) = self.exact.get(set) {
            return self.sets[*index].0.clone();
        }
        let mut parts = Vec::new();
        let mut left = set.clone();
        for (name, members) in &self.sets {
            if parts.len() == PARTS || left.is_empty() {
                break;
            }
            if members.count() > left.count() {
                if let Some(but) = self.all_but(model, members, &left) {
                    parts.push(format!("{name} - {but}"));
                    left = Ranges::new();
                }
                continue;
            }
            if left.covers(members) {
                parts.push(name.clone());
                left = left.difference(members);
            }
        }
        let open = PARTS.saturating_sub(parts.len()).max(1);
        let singles = left.members().take(GATHERED).map(single).collect();
        let mut told = 0;
        for (name, count) in gathered(singles).into_iter().take(open) {
            parts.push(name);
            told += count;
        }
        let more = left.count().saturating_sub(told);
        if more > 0 {
            return format!("{} and {more} more", parts.join(" | "));
        }
        parts.join(" | ")
    }

    /// The few that a larger set has more; nothing, where they are not few.
    fn all_but(&self, model: &Model, larger: &PrincipalSet, set: &Ranges<u32>) -> Option<String> {
        let more = larger.count() - set.count();
        if more > 2 || set.count() < 3 || !larger.covers(set) {
            return None;
        }
        let others = larger.difference(set);
        Some(others.members().map(|id| model.principal(id).name.to_string()).collect::<Vec<_>>().join(" - "))
    }
}

/// Names that are looked at to find elements of one array among them.
const GATHERED: usize = 4096;

/// Elements of arrays that follow each other as one name (`press[1..40].hmi`), with how many each stands for.
fn gathered(names: Vec<String>) -> Vec<(String, u64)> {
    let mut told: Vec<(usize, String, u64)> = Vec::new();
    let mut open: Vec<(usize, String)> = names.into_iter().enumerate().collect();
    for place in 0.. {
        // by what stands before and behind the index at this place
        let mut arrays: BTreeMap<(String, String), BTreeMap<u64, usize>> = BTreeMap::new();
        let mut others: Vec<(usize, String)> = Vec::new();
        for (order, name) in open {
            match index(&name, place) {
                Some((before, number, behind)) => {
                    arrays.entry((before.to_owned(), behind.to_owned())).or_default().insert(number, order);
                }
                None => told.push((order, name, 1)),
            }
        }
        for ((before, behind), elements) in arrays {
            let mut run: Option<(u64, u64, usize)> = None;
            let mut close = |run: (u64, u64, usize)| match run {
                (first, last, order) if first == last => {
                    others.push((order, format!("{before}{first}{behind}")));
                }
                (first, last, order) => {
                    told.push((order, format!("{before}{first}..{last}{behind}"), last - first + 1));
                }
            };
            for (number, order) in elements {
                run = match run {
                    Some((first, last, at)) if last + 1 == number => Some((first, number, at)),
                    Some(done) => {
                        close(done);
                        Some((number, number, order))
                    }
                    None => Some((number, number, order)),
                };
            }
            run.into_iter().for_each(close);
        }
        open = others;
        if open.is_empty() {
            break;
        }
    }
    told.sort_unstable();
    told.into_iter().map(|(_, name, count)| (name, count)).collect()
}

/// The number in the brackets at a place, with the text before and behind it.
fn index(name: &str, place: usize) -> Option<(&str, u64, &str)> {
    let (start, _) = name.match_indices('[').nth(place)?;
    let end = start + name[start..].find(']')?;
    Some((&name[..=start], name[start + 1..end].parse().ok()?, &name[end..]))
}

/// Classes of `std` by their own name: `devices.Plc` is `Plc`.
fn short_class(name: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.starts_with(char::is_uppercase) { last.to_owned() } else { name.to_owned() }
}

/// A port that a person would try at a destination, out of some.
pub(crate) fn sane_port(model: &Model, destination: u32, ports: &PortSet) -> PortSet {
    let served: Vec<_> = model
        .principal(destination)
        .serves()
        .iter()
        .flat_map(|entry| match entry.port {
            Some(port) => vec![port],
            None => model.protocols.get(model.protocols.index(entry.protocol)).transports.clone(),
        })
        .collect();
    ports.sane(&PortSet::of(&served))
}
