//! What a chain of lookups permits: attempts, by keeping for each mark which sources have it.
//!
//! A class map gives a source a mark, and leaves it alone where it has no such source. So what a packet's mark is at some
//! rule depends on its source alone, and is kept as a partition of all sources.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::literal::{Family, Range};
use crate::model::{Attempt, Dead, HookModel, OutcomeId};
use crate::names::{Names, Symbol};
use crate::place::Place;
use crate::rule::{Bits, Field, Operand, Part, Rule, Verdict};
use crate::state::{Data, Outcome, Set, Table};

/// Outcomes by the chain that an element leads to.
pub(crate) trait Outcomes {
    fn outcome(&mut self, place: Place, chain: Symbol) -> Outcome<OutcomeId>;
}

/// What a chain of lookups permits, and its elements that do nothing. `mask` has the bits of the mark that are ours.
pub(crate) fn lookups(
    table: &Table,
    names: &Names,
    rules: &[Rule],
    mask: u32,
    outcomes: &mut impl Outcomes,
    dead: &mut Vec<Dead>,
) -> Outcome<HookModel> {
    let mut marks = Family::BOTH.map(Marks::new);
    let mut maps: FxHashMap<Symbol, Map<'_>> = FxHashMap::default();
    let mut model = HookModel::default();
    for (order, rule) in (0..).zip(rules) {
        let set = |name: &Symbol| {
            table.sets.get(name).ok_or_else(|| (rule.place, format!("there is no `{}`", names.get(*name))))
        };
        match &rule.parts[..] {
            [Part::SetMark(bits)] => {
                let mark = class(*bits, mask).ok_or_else(|| (rule.place, FOREIGN_BITS.to_owned()))?;
                for marks in &mut marks {
                    marks.set(mark);
                }
            }
            [Part::MapMark { key, map } | Part::VerdictMap { key, map }]
                if matches!(key[..], [Operand { field: Field::OriginalSource(_), mask: None }]) =>
            {
                let family = key.iter().find_map(|operand| operand.field.family()).unwrap_or(Family::V4);
                let classes = classes(table, names, set(map)?, mask)?;
                marks[family as usize].overlay(classes);
            }
            [Part::Match(protocols), Part::VerdictMap { key, map }] => {
                let Some((Field::Protocol, protocols)) = protocols.single() else {
                    return Err((
                        rule.place,
                        "a lookup under a condition that is not the transport's".into(),
                    ));
                };
                let (family, by_class) = key_of(key, mask)
                    .ok_or_else(|| (rule.place, "a lookup by other fields than a connection's".to_owned()))?;
                if !protocols.iter().all(|(first, last)| first == last && carried(family, *first)) {
                    return Err((
                        rule.place,
                        "a lookup for transports that the family does not carry".into(),
                    ));
                }
                let set = set(map)?;
                let map = maps.entry(*map).or_insert_with(|| Map::new(set, names.get(*map)));
                let list = match family {
                    Family::V4 => &mut model.v4,
                    Family::V6 => &mut model.v6,
                };
                let mut lookup = Lookup { order, protocols: &protocols, outcomes, list };
                if by_class {
                    map.classes(rule.place, &mut marks[family as usize], &mut lookup)?;
                } else {
                    map.pairs(&mut lookup)?;
                }
            }
            _ => return Err((rule.place, "a rule that is no lookup".into())),
        }
    }
    let mut maps: Vec<Map<'_>> = maps.into_values().collect();
    maps.sort_unstable_by_key(|map| map.set.place);
    for map in maps {
        for (element, reached) in map.reached.iter().enumerate() {
            if !reached {
                dead.push(Dead {
                    place: map.place(element),
                    what: format!("no packet can have the key of this element of `{}`", map.name),
                });
            }
        }
    }
    Ok(model)
}

const FOREIGN_BITS: &str = "a packet mark is set in other bits than those of the connection mark";

/// The class that a packet gets: all of our bits, and no other.
fn class(bits: Bits, mask: u32) -> Option<u32> {
    (bits.keep == !mask && bits.set & !mask == 0).then_some(bits.set)
}

/// The marks of a map's sources, sorted. Either the map has them, or it jumps to chains that set them.
fn classes(table: &Table, names: &Names, map: &Set, mask: u32) -> Outcome<Vec<(Range, u32)>> {
    let elements = &map.elements;
    let mut known: FxHashMap<Symbol, u32> = FxHashMap::default();
    let mut all = Vec::with_capacity(elements.len());
    for element in 0..elements.len() {
        let place = Place { line: elements.lines[element], ..map.place };
        let mark = match elements.data[element] {
            Data::Mark(mark) if mask == u32::MAX => mark,
            Data::Mark(_) => return Err((place, FOREIGN_BITS.into())),
            Data::Verdict(Verdict::Jump(chain)) => match known.get(&chain) {
                Some(mark) => *mark,
                None => {
                    let there = table.chains.get(&chain);
                    // It sets the class and goes on behind the lookup.
                    let mark = match there.map(|chain| &chain.rules[..]) {
                        Some([Rule { parts, .. }]) => match &parts[..] {
                            [Part::SetMark(bits)] => class(*bits, mask),
                            _ => None,
                        },
                        _ => None,
                    };
                    let mark = mark.ok_or_else(|| {
                        let place = there.map_or(place, |chain| chain.place);
                        (place, format!("`{}` does more or less than to set a class", names.get(chain)))
                    })?;
                    known.insert(chain, mark);
                    mark
                }
            },
            _ => return Err((place, "an element that gives no class".into())),
        };
        all.push((elements.range(element, 0), mark));
    }
    if !all.is_sorted() {
        all.sort_unstable();
    }
    Ok(all)
}

fn carried(family: Family, protocol: u128) -> bool {
    match protocol {
        6 | 17 | 132 => true,
        1 => family == Family::V4,
        58 => family == Family::V6,
        _ => false,
    }
}

/// The family of a lookup by source or by class, destination, transport and port; and whether it is by class.
fn key_of(key: &[Operand], mask: u32) -> Option<(Family, bool)> {
    for operand in key {
        let bits = operand.mask.unwrap_or(u32::MAX.into());
        if operand.field == Field::Mark && bits != mask.into()
            || operand.field != Field::Mark && operand.mask.is_some()
        {
            return None;
        }
    }
    let fields: Vec<Field> = key.iter().map(|operand| operand.field).collect();
    let [source, Field::OriginalDestination(family), Field::ConnectionProtocol, Field::OriginalPort] =
        fields[..]
    else {
        return None;
    };
    match source {
        Field::Mark => Some((family, true)),
        Field::OriginalSource(other) if other == family => Some((family, false)),
        _ => None,
    }
}

/// A mark and the sources that have it.
type Class = (u32, Arc<[Range]>);

/// Which sources have which mark.
struct Marks {
    family: Family,
    /// The mark of all sources that are not listed; `None` if other software may have set it.
    rest: Option<u32>,
    /// Sorted and disjoint.
    listed: Vec<(Range, u32)>,
    /// By mark, when asked for.
    classes: Option<Vec<Class>>,
}

impl Marks {
    fn new(family: Family) -> Self {
        Self { family, rest: None, listed: Vec::new(), classes: None }
    }

    fn set(&mut self, mark: u32) {
        *self = Self { rest: Some(mark), ..Self::new(self.family) };
    }

    /// A map's sources get its marks, all others keep theirs.
    fn overlay(&mut self, mut new: Vec<(Range, u32)>) {
        self.classes = None;
        if self.listed.is_empty() {
            self.listed = new;
            return;
        }
        let old = std::mem::take(&mut self.listed);
        let mut all = Vec::with_capacity(old.len() + new.len());
        let mut from = 0;
        for ((first, last), mark) in old {
            // What the map does not name of the range.
            let mut next = Some(first);
            while new.get(from).is_some_and(|(range, _)| range.1 < first) {
                from += 1;
            }
            let mut at = from;
            while let (Some(begin), Some((over, _))) = (next, new.get(at)) {
                if over.0 > last {
                    break;
                }
                if over.0 > begin {
                    all.push(((begin, over.0 - 1), mark));
                }
                next = over.1.checked_add(1).filter(|next| *next <= last);
                at += 1;
            }
            if let Some(begin) = next {
                all.push(((begin, last), mark));
            }
        }
        all.append(&mut new);
        all.sort_unstable();
        self.listed = all;
    }

    /// All marks that some source has, ascending, with their sources.
    fn classes(&mut self) -> Option<&[Class]> {
        let rest = self.rest?;
        if self.classes.is_none() {
            let mut all: Vec<(u32, Range)> =
                self.listed.iter().map(|(range, mark)| (*mark, *range)).collect();
            let mut next = Some(0);
            for ((first, last), _) in &self.listed {
                if let Some(begin) = next.filter(|begin| begin < first) {
                    all.push((rest, (begin, first - 1)));
                }
                next = last.checked_add(1);
            }
            if let Some(begin) = next.filter(|begin| *begin <= self.family.last()) {
                all.push((rest, (begin, self.family.last())));
            }
            all.sort_unstable();
            let classes = all.chunk_by(|a, b| a.0 == b.0).map(|class| {
                let mut ranges: Vec<Range> = Vec::with_capacity(class.len());
                for (_, range) in class {
                    match ranges.last_mut() {
                        Some((_, end)) if end.checked_add(1) == Some(range.0) => *end = range.1,
                        _ => ranges.push(*range),
                    }
                }
                (class[0].0, Arc::from(ranges))
            });
            self.classes = Some(classes.collect());
        }
        self.classes.as_deref()
    }
}

/// Where attempts go.
struct Lookup<'a, O> {
    order: u32,
    protocols: &'a [Range],
    outcomes: &'a mut O,
    list: &'a mut Vec<Attempt>,
}

/// A map that is looked up, perhaps several times.
struct Map<'a> {
    set: &'a Set,
    name: &'a str,
    reached: Vec<bool>,
    /// Elements by mark, for a map by class.
    order: Option<Vec<u32>>,
    /// The outcome of the last chain.
    last: Option<(Symbol, OutcomeId)>,
}

impl<'a> Map<'a> {
    fn new(set: &'a Set, name: &'a str) -> Self {
        Self { set, name, reached: vec![false; set.elements.len()], order: None, last: None }
    }

    fn place(&self, element: usize) -> Place {
        Place { line: self.set.elements.lines[element], ..self.set.place }
    }

    /// By source address.
    fn pairs<O: Outcomes>(&mut self, lookup: &mut Lookup<'_, O>) -> Outcome<()> {
        let elements = &self.set.elements;
        let mut last: Option<(Range, Arc<[Range]>)> = None;
        let mut known: FxHashMap<Range, Arc<[Range]>> = FxHashMap::default();
        let sorted = (0..elements.len()).is_sorted_by_key(|element| elements.range(element, 0));
        for element in 0..elements.len() {
            let source = elements.range(element, 0);
            let sources = match &last {
                Some((same, sources)) if *same == source => Arc::clone(sources),
                _ if sorted => Arc::from([source]),
                _ => Arc::clone(known.entry(source).or_insert_with(|| Arc::from([source]))),
            };
            last = Some((source, Arc::clone(&sources)));
            self.attempt(element, sources, lookup)?;
        }
        Ok(())
    }

    /// By the mark that stands for the source.
    fn classes<O: Outcomes>(
        &mut self,
        place: Place,
        marks: &mut Marks,
        lookup: &mut Lookup<'_, O>,
    ) -> Outcome<()> {
        let classes = marks
            .classes()
            .ok_or_else(|| (place, "a lookup by a packet mark that nothing here has set".to_owned()))?;
        let set = self.set;
        let mark = |element: u32| set.elements.range(element as usize, 0).0;
        if self.order.is_none() {
            for element in 0..set.elements.len() {
                let (first, last) = set.elements.range(element, 0);
                if first != last {
                    return Err((self.place(element), "a range of marks".into()));
                }
            }
            let mut order: Vec<u32> = (0..set.elements.len() as u32).collect();
            if !order.is_sorted_by_key(|element| mark(*element)) {
                order.sort_by_key(|element| mark(*element));
            }
            self.order = Some(order);
        }
        let order = self.order.take().unwrap_or_default();
        // Classes and elements are both in the order of marks.
        let mut from = 0;
        for (class, sources) in classes {
            let class = u128::from(*class);
            from += order[from..].partition_point(|element| mark(*element) < class);
            while let Some(element) = order.get(from).filter(|element| mark(**element) == class) {
                self.attempt(*element as usize, Arc::clone(sources), lookup)?;
                from += 1;
            }
        }
        self.order = Some(order);
        Ok(())
    }

    fn attempt<O: Outcomes>(
        &mut self,
        element: usize,
        sources: Arc<[Range]>,
        lookup: &mut Lookup<'_, O>,
    ) -> Outcome<()> {
        let elements = &self.set.elements;
        let place = self.place(element);
        let (protocol, last) = elements.range(element, 2);
        if protocol != last {
            return Err((place, "a range of transports".into()));
        }
        let Data::Verdict(Verdict::Jump(chain)) = elements.data[element] else {
            return Err((place, "an element that does not jump to a chain".into()));
        };
        let outcome = match self.last {
            Some((same, outcome)) if same == chain => outcome,
            _ => lookup.outcomes.outcome(place, chain)?,
        };
        self.last = Some((chain, outcome));
        if !lookup.protocols.contains(&(protocol, protocol)) {
            return Ok(());
        }
        self.reached[element] = true;
        let ports = elements.range(element, 3);
        lookup.list.push(Attempt {
            order: lookup.order,
            sources,
            destinations: elements.range(element, 1),
            protocol: protocol as u8,
            ports: (ports.0 as u16, ports.1 as u16),
            outcome,
            place,
            comment: elements.comments[element],
        });
        Ok(())
    }
}
