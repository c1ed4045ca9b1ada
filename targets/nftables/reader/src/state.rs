//! The state of a ruleset: what the kernel would hold after the commands read so far.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::literal::{Range, Type};
use crate::names::{Names, Symbol};
use crate::rule::{Rule, Verdict};
use crate::{Unread, place::Place};

/// The family of a table that is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableFamily {
    Inet,
    Bridge,
}

impl TableFamily {
    pub fn name(self) -> &'static str {
        match self {
            Self::Inet => "inet",
            Self::Bridge => "bridge",
        }
    }
}

/// Where a base chain is called from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HookPoint {
    Prerouting,
    Input,
    Forward,
    Output,
    Postrouting,
}

impl HookPoint {
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"prerouting" => Self::Prerouting,
            b"input" => Self::Input,
            b"forward" => Self::Forward,
            b"output" => Self::Output,
            b"postrouting" => Self::Postrouting,
            _ => return None,
        })
    }
}

/// What makes a chain a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseChain {
    /// Of type `nat`, which sees the first packets of connections; else `filter`.
    pub translates: bool,
    pub hook: HookPoint,
    pub priority: i32,
    /// What happens to a packet that no rule decides.
    pub accepts: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub place: Place,
    pub base: Option<BaseChain>,
    pub rules: Vec<Rule>,
}

/// What an element of a map stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Data {
    /// The element of a set.
    Nothing,
    Mark(u32),
    Verdict(Verdict),
    Port(u16),
}

/// The kind of data of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    Nothing,
    Mark,
    Verdict,
    Port,
}

/// A set or a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    pub place: Place,
    pub fields: Vec<Type>,
    pub data: DataType,
    pub interval: bool,
    pub elements: Elements,
}

/// The elements of a set, in the order read. Flat, for there are many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elements {
    /// Fields of an element.
    width: usize,
    first: Vec<u128>,
    /// Empty unless some element is a range.
    last: Vec<u128>,
    pub data: Vec<Data>,
    pub comments: Vec<Symbol>,
    pub lines: Vec<u32>,
}

impl Elements {
    pub(crate) fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    pub fn len(&self) -> usize {
        self.data.len()
    }

    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// A field of an element. Both must exist.
    #[inline]
    pub fn range(&self, element: usize, field: usize) -> Range {
        let at = element * self.width + field;
        let first = self.first[at];
        (first, self.last.get(at).copied().unwrap_or(first))
    }

    pub fn has_ranges(&self) -> bool {
        !self.last.is_empty()
    }

    /// Adds a field; after `width` of them comes [`Self::finish`].
    #[inline]
    pub(crate) fn field(&mut self, (first, last): Range) {
        if self.last.is_empty() && last > first {
            self.last.clone_from(&self.first);
        }
        self.first.push(first);
        if !self.last.is_empty() || last > first {
            self.last.push(last);
        }
    }

    pub(crate) fn finish(&mut self, data: Data, comment: Symbol, line: u32) {
        self.data.push(data);
        self.comments.push(comment);
        self.lines.push(line);
    }

    /// The chains that elements lead to, with few repetitions.
    pub(crate) fn targets(&self) -> Vec<Symbol> {
        let mut all = Vec::new();
        for data in &self.data {
            if let Data::Verdict(verdict) = data
                && let Some(chain) = verdict.target()
                && all.last() != Some(&chain)
            {
                all.push(chain);
            }
        }
        all
    }

    /// Equal, wherever they stand and whatever is said about them.
    fn same(&self, other: &Self) -> bool {
        self.first == other.first && self.last == other.last && self.data == other.data
    }
}

/// A table that is ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub place: Place,
    pub chains: BTreeMap<Symbol, Chain>,
    /// Sets and maps, which share their names.
    pub sets: BTreeMap<Symbol, Set>,
    pub counters: BTreeMap<Symbol, Place>,
    /// References to chains and to sets, while objects are taken away one after the other.
    uses: Option<Uses>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Uses {
    chains: FxHashMap<Symbol, usize>,
    sets: FxHashMap<Symbol, usize>,
}

impl Uses {
    fn rules(&mut self, rules: &[Rule], add: bool) {
        for part in rules.iter().flat_map(|rule| &rule.parts) {
            if let Some(set) = part.set() {
                count(&mut self.sets, set, add);
            }
            if let Some(chain) = part.target() {
                count(&mut self.chains, chain, add);
            }
        }
    }

    fn elements(&mut self, elements: &Elements, add: bool) {
        for data in &elements.data {
            if let Data::Verdict(verdict) = data
                && let Some(chain) = verdict.target()
            {
                count(&mut self.chains, chain, add);
            }
        }
    }
}

fn count(uses: &mut FxHashMap<Symbol, usize>, name: Symbol, add: bool) {
    let uses = uses.entry(name).or_default();
    *uses = if add { *uses + 1 } else { uses.saturating_sub(1) };
}

/// A base chain of somebody else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignChain {
    pub family: String,
    pub table: String,
    pub chain: String,
    pub hook: String,
    pub priority: i64,
}

/// What stands beside our tables: names, and what could take packets or connections out of our hands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreign {
    /// Family and name.
    pub tables: Vec<(String, String)>,
    pub chains: Vec<ForeignChain>,
    /// Family, table and name: established connections in a flow table pass no hook.
    pub flowtables: Vec<(String, String, String)>,
    /// Family, table and chain of rules that write connection marks, take connections out of tracking, or attach helpers.
    pub writers: Vec<(String, String, String, &'static str)>,
}

/// What the kernel would hold.
#[derive(Clone, Debug, Default)]
pub struct Ruleset {
    /// What was read, in order.
    pub files: Vec<Arc<str>>,
    pub names: Arc<Names>,
    pub tables: BTreeMap<TableFamily, Table>,
    pub foreign: Foreign,
}

/// One object of a block, before it goes into its table.
pub(crate) enum Object {
    Chain(Chain),
    Set(Set),
    Counter(Place),
}

/// Fails with a place and a reason.
pub(crate) type Outcome<T> = Result<T, (Place, String)>;

impl Ruleset {
    pub(crate) fn unread(&self, (place, what): (Place, String)) -> Unread {
        let file = self.files.get(place.file as usize).map_or_else(String::new, ToString::to_string);
        Unread { file, line: place.line, what }
    }

    /// The number of a new file, and its name.
    pub(crate) fn file(&mut self, name: &str) -> u32 {
        self.files.push(name.into());
        self.files.len() as u32 - 1
    }

    /// A place as `file:line`.
    pub fn describe(&self, place: Place) -> String {
        format!("{}:{}", self.files.get(place.file as usize).map_or("", |file| file), place.line)
    }

    /// Adds the objects of one `table … { … }`, or of a listing.
    pub(crate) fn add(
        &mut self,
        family: TableFamily,
        place: Place,
        objects: Vec<(Symbol, Object)>,
    ) -> Outcome<()> {
        let names = Arc::clone(&self.names);
        let table = self.tables.entry(family).or_insert_with(|| Table { place, ..Table::default() });
        table.uses = None;
        let mut seen: FxHashMap<(u8, Symbol), Place> = FxHashMap::default();
        let mut touched = Vec::with_capacity(objects.len());
        for (name, object) in objects {
            let (kind, place, word) = match &object {
                Object::Chain(chain) => (0, chain.place, "chain"),
                Object::Set(set) => (1, set.place, "set or map"),
                Object::Counter(place) => (2, *place, "counter"),
            };
            if let Some(first) = seen.insert((kind, name), place) {
                return Err((
                    place,
                    format!("{word} `{}` stands here twice, first in line {}", names.get(name), first.line),
                ));
            }
            match object {
                Object::Chain(chain) => table.add_chain(&names, name, chain)?,
                Object::Set(set) => table.add_set(&names, name, set)?,
                Object::Counter(place) => {
                    table.counters.entry(name).or_insert(place);
                }
            }
            touched.push((kind, name));
        }
        for (kind, name) in touched {
            match kind {
                0 => {
                    if let Some(chain) = table.chains.get(&name) {
                        table.resolve_rules(&names, &chain.rules)?;
                    }
                }
                1 => {
                    if let Some(set) = table.sets.get(&name) {
                        table.resolve_elements(&names, set)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) fn delete_table(&mut self, family: TableFamily, place: Place) -> Outcome<()> {
        match self.tables.remove(&family) {
            Some(_) => Ok(()),
            None => Err((place, format!("there is no table `{} weir` to delete", family.name()))),
        }
    }

    pub(crate) fn table(&mut self, family: TableFamily, place: Place) -> Outcome<&mut Table> {
        self.tables
            .get_mut(&family)
            .ok_or_else(|| (place, format!("there is no table `{} weir`", family.name())))
    }
}

impl Table {
    fn add_chain(&mut self, names: &Names, name: Symbol, chain: Chain) -> Outcome<()> {
        let Some(there) = self.chains.get_mut(&name) else {
            self.chains.insert(name, chain);
            return Ok(());
        };
        let name = names.get(name);
        if chain.base.is_some() && there.base != chain.base {
            return Err((chain.place, format!("chain `{name}` exists with another hook or policy")));
        }
        if !there.rules.is_empty() && !chain.rules.is_empty() {
            return Err((
                chain.place,
                format!(
                    "chain `{name}` has rules already (line {}); these would follow them",
                    there.place.line
                ),
            ));
        }
        if !chain.rules.is_empty() {
            there.rules = chain.rules;
            there.place = chain.place;
        }
        Ok(())
    }

    fn add_set(&mut self, names: &Names, name: Symbol, set: Set) -> Outcome<()> {
        match self.sets.get(&name) {
            None => {
                self.sets.insert(name, set);
                Ok(())
            }
            Some(there)
                if there.fields == set.fields
                    && there.data == set.data
                    && there.interval == set.interval
                    && there.elements.same(&set.elements) =>
            {
                Ok(())
            }
            Some(there) => Err((
                set.place,
                format!("`{}` exists with other contents (line {})", names.get(name), there.place.line),
            )),
        }
    }

    fn resolve_rules(&self, names: &Names, rules: &[Rule]) -> Outcome<()> {
        for rule in rules {
            for part in &rule.parts {
                if let Some(set) = part.set()
                    && !self.sets.contains_key(&set)
                {
                    return Err((rule.place, format!("there is no set or map `{}`", names.get(set))));
                }
                if let Some(chain) = part.target() {
                    self.resolve_chain(names, rule.place, chain)?;
                }
                if let crate::rule::Part::Counter(counter) = part
                    && !self.counters.contains_key(counter)
                {
                    return Err((rule.place, format!("there is no counter `{}`", names.get(*counter))));
                }
            }
        }
        Ok(())
    }

    fn resolve_elements(&self, names: &Names, set: &Set) -> Outcome<()> {
        let mut last = None;
        for (data, line) in set.elements.data.iter().zip(&set.elements.lines) {
            if let Data::Verdict(verdict) = data
                && let Some(chain) = verdict.target()
                && last != Some(chain)
            {
                self.resolve_chain(names, Place { line: *line, ..set.place }, chain)?;
                last = Some(chain);
            }
        }
        Ok(())
    }

    fn resolve_chain(&self, names: &Names, place: Place, chain: Symbol) -> Outcome<()> {
        match self.chains.get(&chain) {
            None => Err((place, format!("there is no chain `{}`", names.get(chain)))),
            Some(Chain { base: Some(_), .. }) => {
                Err((place, format!("`{}` is a base chain, which nothing can lead to", names.get(chain))))
            }
            Some(_) => Ok(()),
        }
    }

    fn uses(&mut self) -> &mut Uses {
        let (chains, sets) = (&self.chains, &self.sets);
        self.uses.get_or_insert_with(|| {
            let mut uses = Uses::default();
            for chain in chains.values() {
                uses.rules(&chain.rules, true);
            }
            for set in sets.values() {
                uses.elements(&set.elements, true);
            }
            uses
        })
    }

    pub(crate) fn flush_chain(&mut self, names: &Names, name: Symbol, place: Place) -> Outcome<()> {
        let Some(chain) = self.chains.get_mut(&name) else {
            return Err((place, format!("there is no chain `{}` to flush", names.get(name))));
        };
        let rules = std::mem::take(&mut chain.rules);
        if let Some(uses) = &mut self.uses {
            uses.rules(&rules, false);
        }
        Ok(())
    }

    pub(crate) fn delete_chain(&mut self, names: &Names, name: Symbol, place: Place) -> Outcome<()> {
        let in_use = self.uses().chains.get(&name).is_some_and(|uses| *uses > 0);
        let Some(chain) = self.chains.get(&name) else {
            return Err((place, format!("there is no chain `{}` to delete", names.get(name))));
        };
        if in_use {
            return Err((place, format!("chain `{}` is still in use", names.get(name))));
        }
        let rules = chain.rules.clone();
        self.uses().rules(&rules, false);
        self.chains.remove(&name);
        Ok(())
    }

    pub(crate) fn delete_set(&mut self, names: &Names, name: Symbol, map: bool, place: Place) -> Outcome<()> {
        let in_use = self.uses().sets.get(&name).is_some_and(|uses| *uses > 0);
        let word = if map { "map" } else { "set" };
        match self.sets.remove(&name) {
            Some(set) if (set.data != DataType::Nothing) == map => {
                if in_use {
                    return Err((place, format!("{word} `{}` is still in use", names.get(name))));
                }
                self.uses().elements(&set.elements, false);
                Ok(())
            }
            _ => Err((place, format!("there is no {word} `{}` to delete", names.get(name)))),
        }
    }
}
