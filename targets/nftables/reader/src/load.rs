//! Whether the kernel would take a ruleset, beyond what each command shows: overlapping and duplicate elements, types of
//! lookups, and how deep chains lead.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::literal::Type;
use crate::names::{Names, Symbol};
use crate::rule::{Match, Operand, Part, Rule, Values};
use crate::state::{Data, DataType, Outcome, Ruleset, Set, Table};
use crate::{Unread, place::Place};

/// The kernel's limit on jumps.
const DEEPEST: u32 = 16;

impl Ruleset {
    /// Checks that the kernel takes our tables. O(n log n) in the elements, O(n) where they stand sorted.
    pub fn check_loadable(&self) -> Result<(), Unread> {
        self.tables
            .values()
            .try_for_each(|table| table.check(&self.names).map_err(|error| self.unread(error)))
    }
}

impl Table {
    fn check(&self, names: &Names) -> Outcome<()> {
        let mut hooks = BTreeMap::new();
        for (name, chain) in &self.chains {
            if let Some(base) = chain.base
                && let Some(other) = hooks.insert((base.hook, base.priority), *name)
            {
                let (a, b) = (names.get(other), names.get(*name));
                return Err((
                    chain.place,
                    format!("base chains `{a}` and `{b}` are called in no certain order"),
                ));
            }
            for rule in &chain.rules {
                self.check_types(names, rule)?;
            }
        }
        for (name, set) in &self.sets {
            set.check(names.get(*name))?;
        }
        self.check_depth(names)
    }

    /// The types of a lookup and of its set.
    fn check_types(&self, names: &Names, rule: &Rule) -> Outcome<()> {
        for part in &rule.parts {
            let (key, set, data): (&[Operand], _, _) = match part {
                Part::Match(Match { key, values: Values::Set(set), .. }) => (key, set, DataType::Nothing),
                Part::MapMark { key, map } => (key, map, DataType::Mark),
                Part::VerdictMap { key, map } => (key, map, DataType::Verdict),
                Part::Redirect { key, map } => (key, map, DataType::Port),
                _ => continue,
            };
            let Some(there) = self.sets.get(set) else { continue };
            let same = there.data == data
                && there.fields.len() == key.len()
                && there.fields.iter().zip(key).all(|(kind, operand)| {
                    *kind == operand.field.kind() && (operand.mask.is_none() || *kind == Type::Mark)
                });
            if !same {
                return Err((
                    rule.place,
                    format!("`{}` holds other types than are looked up", names.get(*set)),
                ));
            }
        }
        Ok(())
    }

    /// Jumps, through maps too, lead nowhere twice on one way and at most [`DEEPEST`] deep.
    fn check_depth(&self, names: &Names) -> Outcome<()> {
        // The chains that each map leads to, once.
        let mut of_map: FxHashMap<Symbol, Vec<(Symbol, Place)>> = FxHashMap::default();
        for (name, set) in &self.sets {
            let mut targets: BTreeMap<Symbol, Place> = BTreeMap::new();
            for (data, line) in set.elements.data.iter().zip(&set.elements.lines) {
                if let Data::Verdict(verdict) = data
                    && let Some(chain) = verdict.target()
                {
                    targets.entry(chain).or_insert(Place { line: *line, ..set.place });
                }
            }
            of_map.insert(*name, targets.into_iter().collect());
        }
        let next = |name: Symbol| -> Vec<(Symbol, Place)> {
            let mut next = Vec::new();
            for rule in self.chains.get(&name).map_or(&[][..], |chain| &chain.rules) {
                for part in &rule.parts {
                    next.extend(part.target().map(|chain| (chain, rule.place)));
                    if let Part::VerdictMap { map, .. } = part {
                        next.extend(of_map.get(map).into_iter().flatten());
                    }
                }
            }
            next.sort_unstable();
            next.dedup_by_key(|(chain, _)| *chain);
            next
        };
        // Depth first; a chain's height is known when it is left. `None` while it is on the way.
        let mut heights: FxHashMap<Symbol, Option<u32>> = FxHashMap::default();
        for start in self.chains.keys() {
            if heights.contains_key(start) {
                continue;
            }
            heights.insert(*start, None);
            let mut way = vec![(*start, next(*start), 0_u32)];
            while let Some((name, left, height)) = way.last_mut() {
                let Some((chain, place)) = left.pop() else {
                    let (name, height) = (*name, *height);
                    heights.insert(name, Some(height));
                    way.pop();
                    if let Some((_, _, above)) = way.last_mut() {
                        *above = (*above).max(height + 1);
                    }
                    continue;
                };
                match heights.get(&chain) {
                    Some(None) => {
                        return Err((place, format!("`{}` leads back to itself", names.get(chain))));
                    }
                    Some(Some(known)) => *height = (*height).max(known + 1),
                    None => {
                        heights.insert(chain, None);
                        way.push((chain, next(chain), 0));
                    }
                }
            }
        }
        for (name, chain) in &self.chains {
            if heights.get(name).copied().flatten().unwrap_or(0) >= DEEPEST {
                return Err((
                    chain.place,
                    format!("`{}` leads through more than {DEEPEST} chains", names.get(*name)),
                ));
            }
        }
        Ok(())
    }
}

impl Set {
    fn check(&self, name: &str) -> Outcome<()> {
        let elements = &self.elements;
        let place = |element: u32| Place { line: elements.lines[element as usize], ..self.place };
        // Fields in which every element is a single value come first, then the ranges.
        let (mut exact, mut ranged): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for field in 0..self.fields.len() {
            let single = !elements.has_ranges()
                || (0..elements.len()).all(|element| {
                    let (first, last) = elements.range(element, field);
                    first == last
                });
            if single { exact.push(field) } else { ranged.push(field) }
        }
        if ranged.len() > 2 {
            return Err((self.place, format!("`{name}` has ranges in more than two fields")));
        }
        let first = |element: u32, field: usize| elements.range(element as usize, field).0;
        let compare = |a: &u32, b: &u32| {
            exact
                .iter()
                .chain(&ranged)
                .map(|field| first(*a, *field).cmp(&first(*b, *field)))
                .find(|order| order.is_ne())
                .unwrap_or(a.cmp(b))
        };
        let mut order: Vec<u32> = (0..elements.len() as u32).collect();
        if !order.is_sorted_by(|a, b| compare(a, b).is_lt()) {
            order.sort_by(compare);
        }
        let group = |a: &u32, b: &u32| exact.iter().all(|field| first(*a, *field) == first(*b, *field));
        for group in order.chunk_by(group) {
            let clash = match ranged[..] {
                [] => group.get(1).map(|second| (group[0], *second)),
                [field] => group
                    .windows(2)
                    .find(|pair| elements.range(pair[0] as usize, field).1 >= first(pair[1], field))
                    .map(|pair| (pair[0], pair[1])),
                [outer, inner, ..] => self.overlap(group, outer, inner),
            };
            if let Some((a, b)) = clash {
                return Err((
                    place(b),
                    format!("this element of `{name}` overlaps that of line {}", place(a).line),
                ));
            }
        }
        Ok(())
    }

    /// Two rectangles that overlap: a sweep over the outer field with the rectangles in force, by the inner one.
    fn overlap(&self, group: &[u32], outer: usize, inner: usize) -> Option<(u32, u32)> {
        let range = |element: u32, field| self.elements.range(element as usize, field);
        // Ends before beginnings are handled first.
        let mut ends: Vec<u32> = group.to_vec();
        ends.sort_unstable_by_key(|element| range(*element, outer).1);
        let mut ends = ends.into_iter().peekable();
        let mut active: BTreeMap<u128, u32> = BTreeMap::new();
        for element in group {
            let begin = range(*element, outer).0;
            while let Some(ended) = ends.next_if(|ended| range(*ended, outer).1 < begin) {
                active.remove(&range(ended, inner).0);
            }
            let (first, last) = range(*element, inner);
            if let Some((_, other)) = active.range(..=last).next_back()
                && range(*other, inner).1 >= first
            {
                return Some((*other, *element));
            }
            active.insert(first, *element);
        }
        None
    }
}
