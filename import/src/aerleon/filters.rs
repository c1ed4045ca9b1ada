//! Filters of both notations in one shape.

use crate::{
    Left, Place,
    tree::{Node, Reader, Value},
};

#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub(super) header: Vec<Field>,
    pub(super) terms: Vec<Term>,
    /// A part of it is somewhere else: what its order means is not known.
    pub(super) broken: bool,
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

    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.iter().any(|field| field.key == key)
    }
}

/// Filters of a YAML policy: `filters: [{header: …, terms: […]}]`.
pub(super) fn from_yaml(reader: &mut Reader, document: &Node, left: &mut Vec<Left>) -> Vec<Filter> {
    let file = reader.file;
    let place =
        |node: &Node| Place { file, span: node.entries().first().map_or(node.span, |(key, _)| key.span) };
    let mut filters = Vec::new();
    for node in reader.list_of(document, "filters") {
        if !reader.map(node, "a filter") {
            continue;
        }
        if node.get("include").is_some() {
            left.push(included(place(node)));
            continue;
        }
        let mut filter = Filter { header: Vec::new(), terms: Vec::new(), broken: false };
        if let Some(header) = reader.map_of(node, "header") {
            filter.header = fields(reader, header);
        }
        for term in reader.list_of(node, "terms") {
            if !reader.map(term, "a term") {
                continue;
            }
            if term.get("include").is_some() {
                left.push(included(place(term)));
                filter.broken = true;
                continue;
            }
            let Some(name) = reader.required(term, "name", "this term") else { continue };
            let Some(text) = reader.text(name, "name") else { continue };
            let mut fields = fields(reader, term);
            fields.retain(|field| field.key != "name");
            filter.terms.push(Term { name: text.into(), place: Place { file, span: name.span }, fields });
        }
        filters.push(filter);
    }
    filters
}

fn included(place: Place) -> Left {
    Left {
        place,
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
