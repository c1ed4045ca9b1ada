//! Jumps: to what declares, types or uses a name.

use std::sync::Arc;

use smol_str::SmolStr;
use weir_compiler::names::Kind;
use weir_syntax::{FileId, Span, ast::ItemKind};

use crate::{
    database::DeclarationId,
    host::Ide,
    names::Symbol,
    walk::{Occurrence, Wanted},
};

/// A place to go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    pub file: FileId,
    /// The name.
    pub span: Span,
    /// The whole declaration.
    pub full: Span,
}

/// A place that names something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub file: FileId,
    pub span: Span,
    pub declares: bool,
}

impl Ide {
    /// Where a symbol is declared.
    pub fn location(&self, symbol: &Symbol) -> Option<Location> {
        if let Symbol::Module(module) = symbol {
            // a folder is where its first file is
            let file = self.files().find(|file| self.module_of(*file) == *module)?;
            return Some(Location { file, span: Span::default(), full: Span::default() });
        }
        let (file, name) = self.name_of(symbol)?;
        let id = symbol.declaration()?;
        let full = match symbol {
            Symbol::Inner(_, at, deeper) => self.inner(id, *at, *deeper)?.0.span,
            Symbol::Declaration(..) => self.item(id)?.span,
            _ => name.span,
        };
        Some(Location { file, span: name.span, full })
    }

    /// Where what stands at an offset is declared.
    pub fn definition(&self, file: FileId, offset: u32) -> Option<(Span, Location)> {
        let found = self.occurrence_at(file, offset)?;
        Some((found.span, self.location(&found.symbol)?))
    }

    /// The class of a device, the template of an instance, the declaration behind a group of one name.
    pub fn type_definition(&self, file: FileId, offset: u32) -> Option<(Span, Location)> {
        let found = self.occurrence_at(file, offset)?;
        let Symbol::Declaration(id, kind) = found.symbol else { return None };
        let behind = match kind {
            Kind::Device | Kind::Class => Symbol::Declaration(self.class_of(id)?, Kind::Class),
            Kind::Instance => Symbol::Declaration(self.template_behind(id)?, Kind::Template),
            _ => return None,
        };
        Some((found.span, self.location(&behind)?))
    }

    /// What makes a declaration real: devices and classes of a class, instances of a template, the rules that name a group
    /// or anything else that flows are about.
    pub fn implementations(&self, file: FileId, offset: u32) -> Vec<Location> {
        let Some(found) = self.occurrence_at(file, offset) else { return Vec::new() };
        let Symbol::Declaration(id, kind) = &found.symbol else { return Vec::new() };
        let mut locations = Vec::new();
        for reference in self.references(&found.symbol) {
            let Some(tree) = self.tree(reference.file).filter(|_| !reference.declares) else { continue };
            for (owner, item) in items_at(tree, reference.file, reference.span) {
                let span = match &item.kind {
                    ItemKind::Declaration(one) if matches!(kind, Kind::Class | Kind::Template) => {
                        let Some(class) = &one.class else { continue };
                        if owner == *id || !contains(class.span, reference.span) {
                            continue;
                        }
                        one.name.span
                    }
                    ItemKind::Flow(_) | ItemKind::Assertion(_)
                        if !matches!(kind, Kind::Class | Kind::Template) =>
                    {
                        item.span
                    }
                    _ => continue,
                };
                locations.push(Location { file: reference.file, span, full: item.span });
            }
        }
        locations.sort_unstable();
        locations.dedup();
        locations
    }

    /// Every place that names a symbol, in the whole package.
    pub fn references(&self, symbol: &Symbol) -> Vec<Reference> {
        let Some(text) = self.text_of(symbol) else { return Vec::new() };
        let mut found = Vec::new();
        for file in self.files() {
            // imported names may be spelled otherwise in their files
            let has = |source: &Arc<str>| self.is_imported(file) || source.contains(text.as_str());
            if self.text(file).is_some_and(has) {
                self.references_in(file, symbol, &text, &mut found);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn references_in(&self, file: FileId, symbol: &Symbol, text: &SmolStr, found: &mut Vec<Reference>) {
        // it may go by another name here: `use … as other`
        let aliases =
            self.imports(file).iter().filter(|(local, path)| path.last() == Some(text) && *local != text);
        let mut texts: Vec<SmolStr> = aliases.map(|(local, _)| local.clone()).collect();
        texts.sort_unstable();
        texts.push(text.clone());
        let occurrences = self.occurrences(file, Wanted { within: None, texts: Some(&texts) });
        let same = occurrences.into_iter().filter(|one| one.symbol == *symbol);
        found.extend(same.map(|one: Occurrence| Reference { file, span: one.span, declares: one.declares }));
    }

    /// The places of one file that name what stands at an offset.
    pub fn highlights(&self, file: FileId, offset: u32) -> Vec<Reference> {
        let Some(found) = self.occurrence_at(file, offset) else { return Vec::new() };
        let Some(text) = self.text_of(&found.symbol) else { return Vec::new() };
        let mut places = Vec::new();
        self.references_in(file, &found.symbol, &text, &mut places);
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The name that a symbol goes by where it is declared.
    pub(crate) fn text_of(&self, symbol: &Symbol) -> Option<SmolStr> {
        match symbol {
            Symbol::Module(module) => {
                let path = &self.names().modules.get(*module as usize)?.path;
                Some(path.rsplit('.').next().unwrap_or(path).into())
            }
            Symbol::BuiltIn(name)
            | Symbol::Word(name, _)
            | Symbol::Function(name)
            | Symbol::Keyword(name, _) => Some(name.clone()),
            Symbol::Attribute(_, attribute) => Some(attribute.name.into()),
            _ => self.name_of(symbol).map(|(_, name)| name.text),
        }
    }
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// The items around a place, outermost first, each with the declaration it is in or is.
pub(crate) fn items_at(
    tree: &weir_syntax::ast::File,
    file: FileId,
    span: Span,
) -> Vec<(DeclarationId, &weir_syntax::ast::Item)> {
    let mut found = Vec::new();
    let at = tree.items.partition_point(|item| item.span.end < span.start);
    let Some(item) = tree.items.get(at).filter(|item| contains(item.span, span)) else { return found };
    let mut id = DeclarationId { file, item: at as u32, inner: None };
    let mut next = Some(item);
    while let Some(item) = next {
        found.push((id, item));
        next = match &item.kind {
            ItemKind::Template(template) => {
                let inner = template.items.iter().enumerate().find(|(_, inner)| contains(inner.span, span));
                id.inner = inner.map(|(at, _)| at as u32).or(id.inner);
                inner.map(|(_, item)| item)
            }
            ItemKind::Declaration(one) => {
                one.body.iter().flat_map(|body| &body.entries).find_map(|entry| match entry {
                    weir_syntax::ast::Entry::Block(item) | weir_syntax::ast::Entry::Flow(item)
                        if contains(item.span, span) =>
                    {
                        Some(item)
                    }
                    _ => None,
                })
            }
            _ => None,
        };
    }
    found
}
