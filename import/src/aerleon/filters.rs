//! Filters of both notations in one shape.

use crate::{
    Extent, Left, Place,
    tree::{Node, Reader, Value},
};

#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// Of its header.
    pub(super) place: Place,
    pub(super) header: Vec<Field>,
    pub(super) terms: Vec<Term>,
    /// How many terms stand before its first include: what those behind it mean is not known.
    pub(super) whole: Option<usize>,
    /// It has no header, and is there to be included.
    pub(super) is_part: bool,
}

impl Filter {
    pub(super) fn new(place: Place, header: Vec<Field>) -> Self {
        Self { place, header, terms: Vec::new(), whole: None, is_part: false }
    }

    /// Terms of a file that others include.
    pub(super) fn part(place: Place) -> Self {
        Self { is_part: true, ..Self::new(place, Vec::new()) }
    }

    /// Something is included here.
    pub(super) fn include(&mut self) {
        self.whole.get_or_insert(self.terms.len());
    }
}

#[derive(Clone, Debug)]
pub(super) struct Term {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) fields: Vec<Field>,
}

/// `keyword:: values`; the same keyword may stand several times.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) words: Vec<Word>,
}

#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) place: Place,
}

impl Term {
    /// All values of a keyword.
    pub(super) fn words<'t>(&'t self, key: &'t str) -> impl Iterator<Item = &'t Word> {
        self.fields.iter().filter(move |field| field.key == key).flat_map(|field| &field.words)
    }

    /// Whether it is about somebody in particular.
    pub(super) fn names_somebody(&self) -> bool {
        ["source-address", "source-exclude", "destination-address", "destination-exclude"]
            .iter()
            .any(|key| self.has(key))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.iter().any(|field| field.key == key)
    }
}

/// Filters of a YAML policy: `filters: [{header: …, terms: […]}]`; and `terms: […]` of a file that others include.
pub(super) fn from_yaml(reader: &mut Reader, document: &Node, left: &mut Vec<Left>) -> Vec<Filter> {
    let mut filters = Vec::new();
    for node in reader.list_of(document, "filters") {
        if !reader.map(node, "a filter") {
            continue;
        }
        if node.get("include").is_some() {
            left.push(included(place(reader, node)));
            continue;
        }
        let mut filter = Filter::new(place(reader, node), Vec::new());
        if let Some(header) = reader.map_of(node, "header") {
            filter.header = fields(reader, header);
        }
        terms(reader, node, &mut filter, left);
        filters.push(filter);
    }
    if document.get("terms").is_some() {
        let mut part = Filter::part(place(reader, document));
        terms(reader, document, &mut part, left);
        filters.push(part);
    }
    filters
}

fn place(reader: &Reader, node: &Node) -> Place {
    let span = node.entries().first().map_or(node.span, |(key, _)| key.span);
    Place { file: reader.file, span }
}

fn terms(reader: &mut Reader, node: &Node, filter: &mut Filter, left: &mut Vec<Left>) {
    for term in reader.list_of(node, "terms") {
        if !reader.map(term, "a term") {
            continue;
        }
        if term.get("include").is_some() {
            left.push(included(place(reader, term)));
            filter.include();
            continue;
        }
        let Some(name) = reader.required(term, "name", "this term") else { continue };
        let Some(text) = reader.text(name, "name") else { continue };
        let mut fields = fields(reader, term);
        fields.retain(|field| field.key != "name");
        filter.terms.push(Term {
            name: text.into(),
            place: Place { file: reader.file, span: name.span },
            fields,
        });
    }
}

fn included(place: Place) -> Left {
    Left {
        place,
        extent: Extent::Beside,
        what: "an include".into(),
        why: "included files are not followed: put its terms there, then import".into(),
    }
}

fn fields(reader: &mut Reader, node: &Node) -> Vec<Field> {
    let file = reader.file;
    let read = node.entries().iter().map(|(key, value)| {
        let mut words = Vec::new();
        collect(reader, value, key.text == "comment", &mut words);
        Field { key: key.text.clone(), place: Place { file, span: key.span }, words }
    });
    read.collect()
}

/// Words of a text, a list of them, or (of targets) a map.
fn collect(reader: &mut Reader, node: &Node, whole: bool, words: &mut Vec<Word>) {
    let place = Place { file: reader.file, span: node.span };
    match &node.value {
        Value::Null => {}
        Value::Text(text) if whole => words.push(Word { text: text.clone(), place }),
        Value::Text(text) => {
            words.extend(text.split_whitespace().map(|word| Word { text: word.into(), place }));
        }
        Value::Boolean(boolean) => words.push(Word { text: boolean.to_string(), place }),
        Value::Integer(number) => words.push(Word { text: number.to_string(), place }),
        Value::List(list) => list.iter().for_each(|item| collect(reader, item, whole, words)),
        Value::Map(entries) => {
            for (key, value) in entries {
                words.push(Word {
                    text: key.text.clone(),
                    place: Place { file: reader.file, span: key.span },
                });
                collect(reader, value, whole, words);
            }
        }
        Value::Number => {
            reader.wrong(node.span, "a fraction is nothing that a filter has", "put it in double quotes");
        }
    }
}
