//! Answers as rows of data: in words for people, in full for machines.

use std::sync::Arc;

use serde::{Serialize, Serializer, ser::SerializeMap};
use weir_compiler::plan::Ranges;

use super::{Answer, Edge, Section};
use crate::{Access, Place, Subject, Table, Terms, addresses, table};

/// What stands in one column of one row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Text(String),
    Number(u64),
    Access(Access),
    Set(Named),
    /// On which terms a rectangle of the subject is permitted.
    Terms(usize),
    /// Where a rule stands; of what goes by no rule, nothing.
    Rule(Option<(Place, String)>),
    /// Nothing that is known, or applies.
    Nothing,
}

/// A set of principals, and what it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub words: String,
    pub members: Arc<Ranges<u32>>,
}

impl Named {
    pub fn new(subject: &Subject, members: &Ranges<u32>) -> Self {
        Self {
            words: subject.naming().describe(subject.model(), members),
            members: Arc::new(members.clone()),
        }
    }
}

impl PartialOrd for Named {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Named {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.words.cmp(&other.words).then_with(|| self.members.as_slice().cmp(other.members.as_slice()))
    }
}

impl Cell {
    /// As a table for people has it.
    fn words(&self, subject: &Subject) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Access(access) => access.word().to_owned(),
            Self::Set(set) => set.words.clone(),
            Self::Terms(rectangle) => Terms::of(subject, *rectangle).describe(),
            Self::Rule(rule) => rule.as_ref().map_or_else(String::new, |(place, _)| place.to_string()),
            Self::Nothing => String::new(),
        }
    }
}

impl Section {
    /// For people. Rows that read alike stand once.
    pub fn table(&self, subject: &Subject) -> Table {
        let mut table = Table {
            headings: self.columns.iter().map(|column| (*column).to_owned()).collect(),
            rows: Vec::with_capacity(self.rows.len()),
        };
        for row in &self.rows {
            let row: Vec<String> = row.iter().map(|cell| cell.words(subject)).collect();
            if table.rows.last() != Some(&row) {
                table.rows.push(row);
            }
        }
        table
    }
}

/// An answer for machines: rows are objects by column, sets have all their members, and numbers, terms and places are
/// data.
#[derive(Clone, Copy, Debug)]
pub struct Data<'d> {
    pub subject: &'d Subject,
    pub answer: &'d Answer,
}

/// Something of an answer, with the subject that knows its names.
struct With<'d, T>(&'d Subject, T);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { subject, answer } = *self;
        let sections: Vec<_> = answer.sections.iter().map(|section| With(subject, section)).collect();
        let edges: Vec<_> = answer.edges.iter().map(|edge| With(subject, edge)).collect();
        let asked: Vec<_> = answer.asked.iter().map(|set| With(subject, set)).collect();
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("query", &answer.query)?;
        map.serialize_entry("asked", &asked)?;
        map.serialize_entry("sections", &sections)?;
        map.serialize_entry("edges", &edges)?;
        map.serialize_entry("notes", &answer.notes)?;
        map.end()
    }
}

impl Serialize for With<'_, &Section> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Row<'d>(&'d Subject, &'d [&'static str], &'d [Cell]);
        impl Serialize for Row<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(self.1.len()))?;
                for (column, cell) in self.1.iter().zip(self.2) {
                    map.serialize_entry(&column.replace(' ', "_"), &With(self.0, cell))?;
                }
                map.end()
            }
        }
        let rows: Vec<Row<'_>> = self.1.rows.iter().map(|row| Row(self.0, &self.1.columns, row)).collect();
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("title", &self.1.title)?;
        map.serialize_entry("rows", &rows)?;
        map.end()
    }
}

impl Serialize for With<'_, &Cell> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            Cell::Text(text) => serializer.serialize_str(text),
            Cell::Number(number) => serializer.serialize_u64(*number),
            Cell::Access(access) => access.serialize(serializer),
            Cell::Set(set) => With(self.0, set).serialize(serializer),
            Cell::Terms(rectangle) => Conditions::of(self.0, *rectangle).serialize(serializer),
            Cell::Rule(Some((place, text))) => {
                let mut map = serializer.serialize_map(Some(4))?;
                map.serialize_entry("file", &place.file)?;
                map.serialize_entry("line", &place.line)?;
                map.serialize_entry("column", &place.column)?;
                map.serialize_entry("text", text)?;
                map.end()
            }
            Cell::Rule(None) | Cell::Nothing => serializer.serialize_none(),
        }
    }
}

impl Serialize for With<'_, &Named> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Members<'d>(&'d Subject, &'d Ranges<u32>);
        impl Serialize for Members<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.1.members().map(|id| With(self.0, id)))
            }
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("words", &self.1.words)?;
        map.serialize_entry("members", &Members(self.0, &self.1.members))?;
        map.end()
    }
}

/// A principal: its name, and its addresses as single ones and ranges.
impl Serialize for With<'_, u32> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("name", self.0.name(self.1))?;
        map.serialize_entry("addresses", &addresses::list(&self.0.principal(self.1).addresses()))?;
        map.end()
    }
}

impl Serialize for With<'_, &Edge> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("source", &With(self.0, &self.1.source))?;
        map.serialize_entry("destination", &With(self.0, &self.1.destination))?;
        map.serialize_entry("label", &self.1.label)?;
        map.serialize_entry("access", &self.1.access)?;
        map.end()
    }
}

/// Terms as data: what is not bound is `null`.
#[derive(Serialize)]
struct Conditions {
    limit: Option<Limit>,
    until: Option<String>,
    audit: bool,
    log: bool,
    requires: Option<&'static str>,
    through: Option<String>,
}

#[derive(Serialize)]
struct Limit {
    count: u32,
    seconds: u32,
}

impl Conditions {
    fn of(subject: &Subject, rectangle: usize) -> Self {
        let terms = Terms::of(subject, rectangle);
        let statement = subject.facts.rectangles.get(rectangle).map(|one| subject.statement(one.statement));
        let conditions = statement.map(|statement| &statement.conditions);
        let requires = conditions.map(|conditions| conditions.requires);
        Self {
            limit: conditions
                .and_then(|conditions| conditions.limit)
                .map(|limit| Limit { count: limit.count, seconds: limit.seconds }),
            until: terms.until.map(table::time),
            audit: terms.audit,
            log: terms.log,
            requires: requires.filter(|requires| *requires != Default::default()).map(|one| one.word()),
            through: terms.through,
        }
    }
}
