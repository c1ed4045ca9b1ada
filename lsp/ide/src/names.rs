//! What a name means where it stands, by the text alone: it works in a package that does not compile, and needs no model.
//! The rules are those of the compiler's `names::lookup`; a test holds the two against each other.

use smol_str::SmolStr;
use weir_compiler::names::{
    Kind,
    schema::{self, Attribute},
};
use weir_syntax::{
    FileId,
    ast::{Declaration, Entry, ExprKind, Item, ItemKind, Name, Path, Segment},
};

use crate::{
    database::{DeclarationId, Imports, Index, ROOT, STANDARD},
    host::Ide,
};

/// What a name can mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Symbol {
    Declaration(DeclarationId, Kind),
    /// A folder: place in [`Index::modules`].
    Module(u32),
    /// A template's parameter, by its place.
    Parameter(DeclarationId, u32),
    /// A block inside of a declaration, and one inside of that: an operation, its argument, an interface, an attribute
    /// of a class.
    Inner(DeclarationId, u32, Option<u32>),
    /// An attribute that a declaration gives: `control.pool`.
    Given(DeclarationId, u32),
    /// An attribute's name in a block of this kind.
    Attribute(&'static str, &'static Attribute),
    /// The keyword of a declaration or of an inner block, with what it is.
    Keyword(SmolStr, &'static str),
    /// A word of an attribute with a fixed choice.
    Word(SmolStr, Option<&'static Attribute>),
    /// `internet`, `std`, `index`, `any`, `true`, `false`.
    BuiltIn(SmolStr),
    /// A function: `host`, `subnet`, `x509`.
    Function(SmolStr),
}

impl Symbol {
    /// What the declaration behind it is, if it is one of the package's or of `std`.
    pub fn declaration(&self) -> Option<DeclarationId> {
        match self {
            Self::Declaration(id, _) | Self::Parameter(id, _) | Self::Inner(id, ..) | Self::Given(id, _) => {
                Some(*id)
            }
            _ => None,
        }
    }
}

/// Where a name stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'i> {
    pub(crate) file: FileId,
    pub(crate) module: u32,
    /// The template around it.
    pub(crate) template: Option<DeclarationId>,
    pub(crate) imports: &'i Imports,
}

/// Kinds that fit where a path stands; nothing fits everywhere.
pub(crate) type Kinds = Option<&'static [Kind]>;

impl Ide {
    pub(crate) fn names(&self) -> &Index {
        crate::database::index(self.db(), self.package())
    }

    /// What a bare word means: of the template around it, of what the file brings in, of its folder and those around it.
    pub(crate) fn bare(&self, name: &str, scope: Scope<'_>) -> Vec<Symbol> {
        let index = self.names();
        if let Some(template) = scope.template {
            if let Some(names) = index.templates.get(&template).and_then(|names| names.get(name)) {
                return symbols(names);
            }
            if let Some(parameters) = self.template_of(template).map(|template| &template.parameters)
                && let Some(at) = parameters.iter().position(|parameter| parameter.name.text == name)
            {
                return vec![Symbol::Parameter(template, at as u32)];
            }
        }
        if let Some(path) = scope.imports.get(name) {
            return self.import_target(path, scope.file);
        }
        let found = self.around(name, scope.module);
        if !found.is_empty() {
            return found;
        }
        match name {
            "internet" => vec![Symbol::BuiltIn(name.into())],
            "std" => vec![Symbol::Module(STANDARD)],
            _ => Vec::new(),
        }
    }

    /// What a module or one around it declares by a name.
    fn around(&self, name: &str, module: u32) -> Vec<Symbol> {
        let index = self.names();
        let mut around = Some(module);
        while let Some(module) = around.and_then(|id| index.modules.get(id as usize)) {
            let found = inside(module, name);
            if !found.is_empty() {
                return found;
            }
            around = module.outer;
        }
        Vec::new()
    }

    /// What the path of a `use` names.
    pub(crate) fn import_target(&self, path: &[SmolStr], file: FileId) -> Vec<Symbol> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        let index = self.names();
        let mut found = match first.as_str() {
            "std" => vec![Symbol::Module(STANDARD)],
            name => self.around(name, index.of_file.get(file.0 as usize).copied().unwrap_or(ROOT)),
        };
        for name in rest {
            found = match found.as_slice() {
                [Symbol::Module(module)] => {
                    index.modules.get(*module as usize).map(|m| inside(m, name)).unwrap_or_default()
                }
                _ => Vec::new(),
            };
        }
        found
    }

    /// What each segment of a path means; shorter than the path where it leads nowhere.
    pub(crate) fn resolve(&self, path: &Path, scope: Scope<'_>, kinds: Kinds) -> Vec<Option<Symbol>> {
        self.resolve_segments(&path.segments, scope, kinds)
    }

    pub(crate) fn resolve_segments(
        &self,
        segments: &[Segment],
        scope: Scope<'_>,
        kinds: Kinds,
    ) -> Vec<Option<Symbol>> {
        let mut found: Vec<Option<Symbol>> = Vec::with_capacity(segments.len());
        let Some((first, mut rest)) = segments.split_first() else { return found };
        let mut candidates = self.bare(&first.name.text, scope);
        if candidates.is_empty() && !rest.is_empty() {
            // `slice.control`: the kind picks among several declarations of one name
            if let Some(schema) = schema::by_keyword(&first.name.text) {
                found.push(Some(Symbol::Keyword(first.name.text.clone(), schema.documentation)));
                let second = &rest[0];
                rest = &rest[1..];
                candidates = self.bare(&second.name.text, scope);
                candidates.retain(|one| matches!(one, Symbol::Declaration(_, kind) if *kind == schema.kind));
            }
        }
        let mut current = self.choose(candidates, rest.first(), kinds.filter(|_| rest.is_empty()));
        found.push(current.clone());
        for (at, segment) in rest.iter().enumerate() {
            let next = rest.get(at + 1);
            let members = match &current {
                Some(symbol) => self.member(symbol, segment),
                None => return found,
            };
            current = self.choose(members, next, kinds.filter(|_| next.is_none()));
            found.push(current.clone());
        }
        found
    }

    /// Among several declarations of one name, the one that fits; the first where that does not decide.
    fn choose(&self, mut candidates: Vec<Symbol>, next: Option<&Segment>, kinds: Kinds) -> Option<Symbol> {
        if candidates.len() > 1 {
            let fits = |symbol: &Symbol| {
                let of_kind = match (symbol, kinds) {
                    (Symbol::Declaration(_, kind), Some(kinds)) => kinds.contains(kind),
                    _ => true,
                };
                of_kind && next.is_none_or(|next| !self.member(symbol, next).is_empty())
            };
            if let Some(at) = candidates.iter().position(fits) {
                return Some(candidates.swap_remove(at));
            }
        }
        candidates.into_iter().next()
    }

    /// What a name behind a dot means.
    pub(crate) fn member(&self, symbol: &Symbol, segment: &Segment) -> Vec<Symbol> {
        let name = segment.name.text.as_str();
        match symbol {
            Symbol::Module(module) => {
                self.names().modules.get(*module as usize).map(|m| inside(m, name)).unwrap_or_default()
            }
            Symbol::Declaration(id, Kind::Instance) => match self.template_behind(*id) {
                Some(template) => {
                    let names = self.names().templates.get(&template).and_then(|names| names.get(name));
                    names.map(|names| symbols(names)).unwrap_or_default()
                }
                None => Vec::new(),
            },
            Symbol::Declaration(id, kind) => {
                let Some(declaration) = self.declaration(*id) else { return Vec::new() };
                if *kind == Kind::Protocol {
                    return inner_block(declaration, name)
                        .map(|at| vec![Symbol::Inner(*id, at, None)])
                        .unwrap_or_default();
                }
                if segment.arguments.is_some() {
                    return vec![Symbol::Function(name.into())];
                }
                given_attribute(declaration, name).map(|at| vec![Symbol::Given(*id, at)]).unwrap_or_default()
            }
            _ if segment.arguments.is_some() => vec![Symbol::Function(name.into())],
            _ => Vec::new(),
        }
    }

    /// The template that an instance is made of.
    pub(crate) fn template_behind(&self, instance: DeclarationId) -> Option<DeclarationId> {
        let ExprKind::Path(path) = &self.declaration(instance)?.class.as_ref()?.kind else { return None };
        match self
            .in_scope_of(instance, |scope| self.resolve(path, scope, Some(&[Kind::Template])))
            .pop()??
        {
            Symbol::Declaration(id, Kind::Template) => Some(id),
            _ => None,
        }
    }

    /// The class that a device or class names behind `:`.
    pub(crate) fn class_of(&self, id: DeclarationId) -> Option<DeclarationId> {
        let ExprKind::Path(path) = &self.declaration(id)?.class.as_ref()?.kind else { return None };
        match self.in_scope_of(id, |scope| self.resolve(path, scope, Some(&[Kind::Class]))).pop()?? {
            Symbol::Declaration(id, Kind::Class) => Some(id),
            _ => None,
        }
    }

    /// A class with those it inherits from, innermost first. A cycle ends the list.
    pub(crate) fn classes_of(&self, id: DeclarationId) -> Vec<DeclarationId> {
        let mut classes = Vec::new();
        let mut next = self.class_of(id);
        while let Some(class) = next.filter(|class| !classes.contains(class) && classes.len() < 64) {
            classes.push(class);
            next = self.class_of(class);
        }
        classes
    }

    /// Runs with the scope that a declaration's own names stand in.
    pub(crate) fn in_scope_of<R>(&self, id: DeclarationId, run: impl FnOnce(Scope<'_>) -> R) -> R {
        let template = id.inner.map(|_| DeclarationId { inner: None, ..id });
        let imports = self.imports(id.file);
        run(Scope { file: id.file, module: self.module_of(id.file), template, imports })
    }

    pub(crate) fn module_of(&self, file: FileId) -> u32 {
        self.names().of_file.get(file.0 as usize).copied().unwrap_or(ROOT)
    }

    pub(crate) fn item(&self, id: DeclarationId) -> Option<&Item> {
        id.item(self.tree(id.file)?)
    }

    pub(crate) fn declaration(&self, id: DeclarationId) -> Option<&Declaration> {
        match &self.item(id)?.kind {
            ItemKind::Declaration(declaration) => Some(declaration),
            _ => None,
        }
    }

    pub(crate) fn template_of(&self, id: DeclarationId) -> Option<&weir_syntax::ast::Template> {
        match &self.item(DeclarationId { inner: None, ..id })?.kind {
            ItemKind::Template(template) => Some(template),
            _ => None,
        }
    }

    /// The name in the text that a symbol is declared by.
    pub(crate) fn name_of(&self, symbol: &Symbol) -> Option<(FileId, Name)> {
        let id = symbol.declaration()?;
        let name = match symbol {
            Symbol::Declaration(_, Kind::Template) => match &self.item(id)?.kind {
                ItemKind::Template(template) => template.name.clone(),
                _ => return None,
            },
            Symbol::Declaration(..) => self.declaration(id)?.name.clone(),
            Symbol::Parameter(_, at) => self.template_of(id)?.parameters.get(*at as usize)?.name.clone(),
            Symbol::Inner(_, at, deeper) => self.inner(id, *at, *deeper)?.1.name.clone(),
            Symbol::Given(_, at) => match self.declaration(id)?.body.as_ref()?.entries.get(*at as usize)? {
                Entry::Attribute(attribute) => attribute.name.clone(),
                _ => return None,
            },
            _ => return None,
        };
        Some((id.file, name))
    }

    /// A block inside of a declaration.
    pub(crate) fn inner(
        &self,
        id: DeclarationId,
        at: u32,
        deeper: Option<u32>,
    ) -> Option<(&Item, &Declaration)> {
        let entry = self.declaration(id)?.body.as_ref()?.entries.get(at as usize)?;
        let found = as_block(entry)?;
        match deeper {
            None => Some(found),
            Some(deeper) => as_block(found.1.body.as_ref()?.entries.get(deeper as usize)?),
        }
    }

    /// Whether a file is one of the standard library.
    pub fn is_standard(&self, file: FileId) -> bool {
        self.path(file).is_some_and(|path| path.starts_with("std/"))
    }

    /// The path of a declaration for people: `cells.plc_1`, `press_cell.plc`.
    pub(crate) fn path_of(&self, id: DeclarationId) -> String {
        let mut parts: Vec<SmolStr> = Vec::new();
        let module = self.names().modules.get(self.module_of(id.file) as usize);
        parts.extend(module.map(|module| module.path.clone()).filter(|path| !path.is_empty()));
        if id.inner.is_some() {
            parts.extend(self.template_of(id).map(|template| template.name.text.clone()));
        }
        parts.extend(match self.item(id).map(|item| &item.kind) {
            Some(ItemKind::Declaration(one)) => Some(one.name.text.clone()),
            Some(ItemKind::Template(one)) => Some(one.name.text.clone()),
            _ => None,
        });
        parts.join(".")
    }
}

fn as_block(entry: &Entry) -> Option<(&Item, &Declaration)> {
    match entry {
        Entry::Block(item) => match &item.kind {
            ItemKind::Declaration(inner) => Some((item, inner)),
            _ => None,
        },
        _ => None,
    }
}

fn symbols(names: &[(DeclarationId, Kind)]) -> Vec<Symbol> {
    names.iter().map(|(id, kind)| Symbol::Declaration(*id, *kind)).collect()
}

/// What a module itself declares by a name; its folders come first, as in the compiler.
fn inside(module: &crate::database::Module, name: &str) -> Vec<Symbol> {
    let mut found: Vec<Symbol> = module.inner.get(name).map(|id| Symbol::Module(*id)).into_iter().collect();
    found.extend(module.names.get(name).into_iter().flat_map(|names| symbols(names)));
    found
}

/// The place of an inner block by its name.
pub(crate) fn inner_block(declaration: &Declaration, name: &str) -> Option<u32> {
    let entries = &declaration.body.as_ref()?.entries;
    let found =
        entries.iter().position(|entry| as_block(entry).is_some_and(|(_, inner)| inner.name.text == name));
    found.map(|at| at as u32)
}

fn given_attribute(declaration: &Declaration, name: &str) -> Option<u32> {
    let entries = &declaration.body.as_ref()?.entries;
    let found = entries
        .iter()
        .position(|entry| matches!(entry, Entry::Attribute(attribute) if attribute.name.text == name));
    found.map(|at| at as u32)
}
