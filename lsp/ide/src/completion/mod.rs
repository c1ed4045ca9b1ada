//! What can be written next.

mod entries;
mod members;
mod names;
mod uses;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;
use weir_compiler::names::{
    Kind,
    schema::{self, Type},
};
use weir_syntax::{Edit, FileId, Span, ast::ItemKind};

use crate::{
    context::{Context, Cursor, cursor},
    database::DeclarationId,
    host::Ide,
    hover::type_text,
    names::{Scope, Symbol},
    walk::SETS,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CompletionKind {
    Keyword,
    Attribute,
    Block,
    Declaration(Kind),
    Module,
    Parameter,
    Operation,
    Argument,
    Word,
    Function,
    Snippet,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub label: SmolStr,
    pub kind: CompletionKind,
    /// One line beside the label.
    pub detail: String,
    pub documentation: String,
    /// What becomes of `replace`; with `$1` and `${1:word}` where `snippet`.
    pub insert: String,
    pub snippet: bool,
    /// The word that is typed.
    pub replace: Span,
    /// Edits elsewhere: the `use` that it needs.
    pub more: Vec<Edit>,
    /// Lower comes first.
    pub rank: u8,
    /// What it names, to describe it when asked.
    pub symbol: Option<Symbol>,
}

/// A package may have a hundred thousand names: more than this are of no use in a list, and the rest comes with the next
/// letter.
const MOST: usize = 1_000;

/// What a list of completions has, and whether it has all.
#[derive(Clone, Debug, Default)]
pub struct List {
    pub items: Vec<Completion>,
    pub incomplete: bool,
}

struct Proposals<'p> {
    ide: &'p Ide,
    cursor: Cursor,
    typed: String,
    file: FileId,
    scope: Scope<'p>,
    list: List,
    seen: FxHashSet<SmolStr>,
}

impl Ide {
    /// What can be written at an offset.
    pub fn complete(&self, file: FileId, offset: u32) -> List {
        let Some(text) = self.text(file) else { return List::default() };
        let cursor = cursor(text, offset);
        let template = self.template_around(file, offset);
        let typed = Span::new(cursor.word.start, offset.max(cursor.word.start)).of(text).to_lowercase();
        let scope = Scope { file, module: self.module_of(file), template, imports: self.imports(file) };
        let mut proposals = Proposals {
            ide: self,
            cursor,
            typed,
            file,
            scope,
            list: List::default(),
            seen: FxHashSet::default(),
        };
        proposals.propose();
        let mut list = proposals.list;
        list.items.sort_by(|a, b| a.rank.cmp(&b.rank).then_with(|| a.label.cmp(&b.label)));
        if list.items.len() > MOST {
            list.items.truncate(MOST);
            list.incomplete = true;
        }
        list
    }

    fn template_around(&self, file: FileId, offset: u32) -> Option<DeclarationId> {
        let tree = self.tree(file)?;
        let at = tree.items.iter().position(|item| {
            matches!(item.kind, ItemKind::Template(_)) && item.span.start <= offset && offset <= item.span.end
        })?;
        Some(DeclarationId { file, item: at as u32, inner: None })
    }
}

impl Proposals<'_> {
    fn propose(&mut self) {
        let context = self.cursor.context.clone();
        if !self.cursor.path.is_empty() && !matches!(context, Context::Use(_) | Context::Nothing) {
            return self.members(&context);
        }
        match context {
            Context::Nothing => {}
            Context::Item => self.items(),
            Context::Entry => self.entries(),
            Context::Value(name) => self.value_of(&name),
            Context::Use(path) => self.imports(&path),
            Context::Class(keyword) => {
                let kind = if keyword == "instance" { Kind::Template } else { Kind::Class };
                self.names(&[kind]);
            }
            Context::Cluster => self.names(&[Kind::Cluster]),
            Context::Ends => {
                self.names(&[Kind::Zone, Kind::External]);
                self.internet();
            }
            Context::Set => {
                self.names(SETS);
                self.internet();
            }
            Context::Predicate => {
                for attribute in schema::of(Kind::Device).attributes {
                    if matches!(attribute.kind, Type::Text | Type::Version | Type::Word(_)) {
                        self.simple(
                            attribute.name,
                            CompletionKind::Attribute,
                            &type_text(attribute.kind),
                            attribute.documentation,
                        );
                    }
                }
                for word in ["and", "or", "not"] {
                    self.simple(word, CompletionKind::Keyword, "", "");
                }
            }
            Context::Service => self.services(),
            Context::Assertion => {
                let kinds = [
                    (
                        "allow",
                        "every pair is permitted",
                        "allow ${1:source} -> ${2:destination} : ${3:service}",
                    ),
                    ("deny", "no pair is permitted", "deny ${1:source} -> ${2:destination} : ${3:service}"),
                    (
                        "only",
                        "nobody outside of the source is permitted",
                        "only ${1:source} -> ${2:destination} : ${3:service}",
                    ),
                    (
                        "never",
                        "no chain of permitted flows, however long",
                        "never ${1:source} ~> ${2:destination}",
                    ),
                    (
                        "isolated",
                        "they share nothing, and no chain joins them",
                        "isolated ${1:one}, ${2:other}",
                    ),
                ];
                for (word, detail, snippet) in kinds {
                    self.snippet(word, CompletionKind::Keyword, detail, "", snippet, 0);
                }
            }
            Context::Argument(path) => self.arguments(&path),
        }
    }

    /// Whether what was typed so far could become this label: it stands in it, or its letters do in order, the first one
    /// first.
    fn fits(&self, label: &str) -> bool {
        let (typed, label) = (self.typed.as_bytes(), label.as_bytes());
        let Some((first, rest)) = typed.split_first() else { return true };
        if label.windows(typed.len()).any(|part| part.eq_ignore_ascii_case(typed)) {
            return true;
        }
        let mut letters = label.iter();
        letters.next().is_some_and(|letter| letter.eq_ignore_ascii_case(first))
            && rest.iter().all(|typed| letters.any(|letter| letter.eq_ignore_ascii_case(typed)))
    }

    /// The names that fit, by name; of very many, the first.
    fn fitting<'n, V>(&self, names: &'n FxHashMap<SmolStr, V>) -> Vec<(&'n SmolStr, &'n V)> {
        let mut all: Vec<_> = names.iter().filter(|(name, _)| self.fits(name)).collect();
        if all.len() > 2 * MOST {
            all.select_nth_unstable_by_key(2 * MOST, |(name, _)| *name);
            all.truncate(2 * MOST);
        }
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }

    fn push(&mut self, completion: Completion) {
        if self.fits(&completion.label) && self.seen.insert(completion.label.clone()) {
            if self.list.items.len() >= MOST * 2 {
                self.list.incomplete = true;
                return;
            }
            self.list.items.push(completion);
        }
    }

    fn snippet(
        &mut self,
        label: &str,
        kind: CompletionKind,
        detail: &str,
        documentation: &str,
        insert: &str,
        rank: u8,
    ) {
        self.push(Completion {
            label: label.into(),
            kind,
            detail: detail.into(),
            documentation: documentation.into(),
            insert: insert.into(),
            snippet: insert.contains('$'),
            replace: self.cursor.word,
            more: Vec::new(),
            rank,
            symbol: None,
        });
    }

    fn simple(&mut self, label: &str, kind: CompletionKind, detail: &str, documentation: &str) {
        self.snippet(label, kind, detail, documentation, label, 1);
    }

    fn internet(&mut self) {
        self.simple(
            "internet",
            CompletionKind::Declaration(Kind::External),
            "external",
            "What lies outside of everything that the package declares.",
        );
    }
}
