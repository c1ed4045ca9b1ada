//! Lists of what is declared: of one file as a tree, of the package by name.

use smol_str::SmolStr;
use weir_compiler::names::{Kind, schema};
use weir_syntax::{
    FileId, Span,
    ast::{Entry, Item, ItemKind},
};

use crate::{database::DeclarationId, host::Ide, navigation::Location};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineItem {
    pub name: String,
    /// Of a flow or assertion there is none.
    pub kind: Option<Kind>,
    pub detail: String,
    pub span: Span,
    pub full: Span,
    pub inner: Vec<OutlineItem>,
}

/// Symbols that one search finds at most.
const MOST: usize = 512;

impl Ide {
    /// The declarations of a file.
    pub fn outline(&self, file: FileId) -> Vec<OutlineItem> {
        let (Some(tree), Some(text)) = (self.tree(file), self.text(file)) else { return Vec::new() };
        tree.items.iter().filter_map(|item| outline_item(item, text)).collect()
    }

    /// Declarations of the package whose path has the letters of the query in order; whole parts come first.
    pub fn search(&self, query: &str) -> Vec<(String, Kind, Location)> {
        let query = query.to_lowercase();
        let mut found: Vec<(u8, &SmolStr, DeclarationId, Kind)> = Vec::new();
        for file in self.own_files() {
            let Some(source) = self.source(file) else { continue };
            for one in crate::database::outline(self.db(), source).iter() {
                let name = one.name.to_lowercase();
                let rank = if name == query {
                    0
                } else if name.starts_with(&query) {
                    1
                } else if name.contains(&query) {
                    2
                } else if has_letters(&name, &query) {
                    3
                } else {
                    continue;
                };
                let id = DeclarationId { file, item: one.item, inner: one.inner };
                found.push((rank, &one.name, id, one.kind));
            }
        }
        found.sort_unstable_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)));
        found.truncate(MOST);
        let item = |(_, _, id, kind): (u8, &SmolStr, DeclarationId, Kind)| {
            let location = self.location(&crate::names::Symbol::Declaration(id, kind))?;
            Some((self.path_of(id), kind, location))
        };
        found.into_iter().filter_map(item).collect()
    }
}

fn has_letters(name: &str, query: &str) -> bool {
    let mut letters = name.chars();
    query.chars().all(|wanted| letters.any(|letter| letter == wanted))
}

fn outline_item(item: &Item, text: &str) -> Option<OutlineItem> {
    match &item.kind {
        ItemKind::Declaration(one) => {
            let kind = schema::by_keyword(&one.keyword.text).map(|schema| schema.kind);
            let entries = one.body.iter().flat_map(|body| &body.entries);
            let inner = entries.filter_map(|entry| match entry {
                Entry::Block(item) | Entry::Flow(item) => outline_item(item, text),
                _ => None,
            });
            let class = one.class.as_ref().map_or("", |class| class.span.of(text));
            Some(OutlineItem {
                name: one.name.text.to_string(),
                kind,
                detail: if class.is_empty() {
                    one.keyword.text.to_string()
                } else {
                    format!("{} : {class}", one.keyword.text)
                },
                span: one.name.span,
                full: item.span,
                inner: inner.collect(),
            })
        }
        ItemKind::Template(template) => Some(OutlineItem {
            name: template.name.text.to_string(),
            kind: Some(Kind::Template),
            detail: "template".into(),
            span: template.name.span,
            full: item.span,
            inner: template.items.iter().filter_map(|inner| outline_item(inner, text)).collect(),
        }),
        ItemKind::Flow(flow) => {
            let head = Span::new(item.span.start, flow.service.span.end);
            Some(statement(head.of(text), item.span, head))
        }
        ItemKind::Assertion(assertion) => {
            let end = assertion.body.as_ref().map_or(item.span.end, |body| body.span.start);
            let head = Span::new(item.span.start, end);
            Some(statement(head.of(text), item.span, head))
        }
        ItemKind::Use(_) | ItemKind::Error => None,
    }
}

/// A flow or an assertion, on one line.
fn statement(text: &str, full: Span, head: Span) -> OutlineItem {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut name = words.join(" ");
    if let Some((end, _)) = name.char_indices().nth(120) {
        name.truncate(end);
        name.push('…');
    }
    OutlineItem { name, kind: None, detail: String::new(), span: head, full, inner: Vec::new() }
}
