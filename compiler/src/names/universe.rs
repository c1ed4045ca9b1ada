//! Everything declared, templates expanded: modules, their names, entities, statements.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use weir_syntax::{Diagnostic, FileId, Span, ast};

use super::{Kind, Value};

/// One declaration (an array is one). Arena index into [`Universe::entities`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId(pub u32);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(pub u32);

/// Where an expression stands: what its names and `index` mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    pub module: ModuleId,
    pub file: FileId,
    /// Number of the array element, from 1.
    pub index: Option<u32>,
}

#[derive(Debug)]
pub struct Entity<'a> {
    pub kind: Kind,
    pub module: ModuleId,
    pub file: FileId,
    pub declaration: &'a ast::Declaration,
    pub documentation: &'a str,
    /// The number of elements, where it is an array; they count from 1.
    pub elements: Option<u32>,
}

#[derive(Clone, Debug)]
pub enum Symbol {
    Entity(EntityId),
    Module(ModuleId),
    /// An array of instances; element 1 first.
    Modules(std::sync::Arc<[ModuleId]>),
    /// Index into [`Universe::templates`].
    Template(u32),
}

#[derive(Debug, Default)]
pub struct Module<'a> {
    /// `cells`, `press[3]`; empty for the package's root.
    pub path: String,
    /// The module whose names are seen from here too: the folder around it, or where the template was declared.
    pub outer: Option<ModuleId>,
    pub names: FxHashMap<SmolStr, Vec<Symbol>>,
    /// Values of a template's parameters.
    pub parameters: FxHashMap<SmolStr, Value<'a>>,
    /// What was instantiated, and where: the provenance of all that is in it.
    pub instance: Option<(FileId, Span)>,
    /// An instance that could not be made: what is looked up in it was not declared for a reason that is said.
    pub failed: bool,
    /// Modules inside of it.
    pub inner: Vec<ModuleId>,
    pub entities: Vec<EntityId>,
}

#[derive(Clone, Copy, Debug)]
pub struct TemplateDeclaration<'a> {
    pub template: &'a ast::Template,
    pub module: ModuleId,
    pub file: FileId,
}

/// An `allow` or `deny` line.
#[derive(Clone, Copy, Debug)]
pub struct FlowStatement<'a> {
    pub flow: &'a ast::Flow,
    pub span: Span,
    pub documentation: &'a str,
    pub scope: Scope,
    /// The policy or exception around it.
    pub block: Option<EntityId>,
}

#[derive(Clone, Copy, Debug)]
pub struct Assertion<'a> {
    pub assertion: &'a ast::Assertion,
    pub span: Span,
    pub scope: Scope,
}

#[derive(Debug, Default)]
pub struct Universe<'a> {
    pub modules: Vec<Module<'a>>,
    pub entities: Vec<Entity<'a>>,
    pub templates: Vec<TemplateDeclaration<'a>>,
    pub flows: Vec<FlowStatement<'a>>,
    pub assertions: Vec<Assertion<'a>>,
    /// Per file, the names that `use` brings in.
    pub(super) imports: FxHashMap<FileId, FxHashMap<SmolStr, &'a ast::Import>>,
    /// Per file, where one more `use` goes, with what stands before and behind it there.
    pub(super) use_places: FxHashMap<FileId, (Span, &'static str, &'static str)>,
    pub(super) file_modules: FxHashMap<FileId, ModuleId>,
    pub(super) root: ModuleId,
    pub(super) standard: ModuleId,
    /// How much was declared, to end what would expand without end.
    pub(super) size: u64,
    /// The predeclared `internet`.
    pub internet: Option<EntityId>,
    pub diagnostics: Vec<Diagnostic>,
}

/// What a file asks that is no part of the package.
#[derive(Debug, Default)]
pub struct AskedText<'a> {
    pub flows: Vec<FlowStatement<'a>>,
    pub assertions: Vec<Assertion<'a>>,
}

impl<'a> Universe<'a> {
    /// Takes the statements of a file out of the package, and has its names mean what they mean anywhere: at the root
    /// first, then as files of the package bring them in, then by their last part in `std` or in a folder.
    pub(crate) fn take_asked(&mut self, file: FileId) -> AskedText<'a> {
        let mut files: Vec<FileId> = self.imports.keys().copied().filter(|other| *other != file).collect();
        files.sort_unstable();
        let mut lent: FxHashMap<SmolStr, &'a ast::Import> = self.imports.remove(&file).unwrap_or_default();
        for other in files {
            let of_the_package = self.module_of(other).is_some_and(|module| !self.is_standard(module));
            for (name, import) in self.imports.get(&other).into_iter().flatten().filter(|_| of_the_package) {
                if !self.module(self.root).names.contains_key(name) {
                    lent.entry(name.clone()).or_insert(import);
                }
            }
        }
        self.imports.insert(file, lent);
        let mut names: FxHashMap<SmolStr, Vec<Symbol>> = FxHashMap::default();
        for module in self.modules.iter().filter(|module| module.instance.is_none() && !module.failed) {
            #[allow(clippy::iter_over_hash_type, reason = "each name has a list of its own")]
            for (name, symbols) in &module.names {
                if !self.module(self.root).names.contains_key(name) {
                    names.entry(name.clone()).or_default().extend(symbols.iter().cloned());
                }
            }
        }
        let everywhere = ModuleId(self.modules.len() as u32);
        self.modules.push(Module { outer: Some(self.root), names, ..Module::default() });
        self.file_modules.insert(file, everywhere);
        let is_asked = |scope: &Scope| scope.file == file;
        let (mut flows, left) =
            std::mem::take(&mut self.flows).into_iter().partition::<Vec<_>, _>(|flow| is_asked(&flow.scope));
        self.flows = left;
        let (mut assertions, left) = std::mem::take(&mut self.assertions)
            .into_iter()
            .partition::<Vec<_>, _>(|assertion| is_asked(&assertion.scope));
        self.assertions = left;
        for scope in flows
            .iter_mut()
            .map(|flow| &mut flow.scope)
            .chain(assertions.iter_mut().map(|assertion| &mut assertion.scope))
        {
            scope.module = everywhere;
        }
        AskedText { flows, assertions }
    }

    fn is_standard(&self, module: ModuleId) -> bool {
        std::iter::successors(Some(module), |module| self.module(*module).outer)
            .any(|module| module == self.standard)
    }

    pub fn entity(&self, id: EntityId) -> &Entity<'a> {
        &self.entities[id.0 as usize]
    }

    pub fn module(&self, id: ModuleId) -> &Module<'a> {
        &self.modules[id.0 as usize]
    }

    /// Path of an entity as messages and artifacts name it: `cells.plc_1`, `press[3].plc`.
    pub fn path(&self, id: EntityId) -> String {
        let entity = self.entity(id);
        let module = &self.module(entity.module).path;
        if module.is_empty() {
            entity.declaration.name.text.to_string()
        } else {
            format!("{module}.{}", entity.declaration.name.text)
        }
    }

    /// The scope of an entity's own attributes.
    pub fn scope(&self, id: EntityId, index: Option<u32>) -> Scope {
        let entity = self.entity(id);
        Scope { module: entity.module, file: entity.file, index }
    }

    pub fn entities_of(&self, kind: Kind) -> impl Iterator<Item = EntityId> + '_ {
        let of_kind = self.entities.iter().enumerate().filter(move |(_, entity)| entity.kind == kind);
        of_kind.map(|(index, _)| EntityId(index as u32))
    }

    pub(crate) fn module_of(&self, file: FileId) -> Option<ModuleId> {
        self.file_modules.get(&file).copied()
    }

    /// Where one more `use` goes in a file, with what stands before and behind it there.
    pub(crate) fn use_place(&self, file: FileId) -> Option<(Span, &'static str, &'static str)> {
        self.use_places.get(&file).copied()
    }

    /// What a file brings in, in the order of the text.
    pub fn imports_of(&self, file: FileId) -> Vec<&'a weir_syntax::ast::Name> {
        let names = self.imports.get(&file).into_iter().flat_map(|names| names.values());
        let mut locals: Vec<_> = names.filter_map(|import| import.local()).collect();
        locals.sort_unstable_by_key(|name| name.span);
        locals
    }

    /// Where a module itself declares a name.
    pub fn declared_in(&self, module: &Module<'a>, name: &str) -> Option<(FileId, Span)> {
        module.names.get(name)?.iter().find_map(|symbol| match symbol {
            Symbol::Entity(id) => Some(self.name_span(*id)),
            _ => None,
        })
    }

    /// The attribute of an entity's own block.
    pub fn attribute(&self, id: EntityId, name: &str) -> Option<&'a ast::Attribute> {
        attribute(self.entity(id).declaration.body.as_ref(), name)
    }

    /// The inner blocks of this keyword.
    pub fn blocks(
        &self,
        id: EntityId,
        keyword: &'static str,
    ) -> impl Iterator<Item = &'a ast::Declaration> + use<'a> {
        blocks(self.entity(id).declaration.body.as_ref(), keyword)
    }

    pub fn name_span(&self, id: EntityId) -> (FileId, Span) {
        let entity = self.entity(id);
        (entity.file, entity.declaration.name.span)
    }
}

pub(crate) fn attribute<'a>(block: Option<&'a ast::Block>, name: &str) -> Option<&'a ast::Attribute> {
    block?.attributes().find(|attribute| attribute.name.text == name)
}

pub(crate) fn blocks<'a>(
    block: Option<&'a ast::Block>,
    keyword: &'static str,
) -> impl Iterator<Item = &'a ast::Declaration> + use<'a> {
    let entries = block.map_or([].as_slice(), |block| block.entries.as_slice());
    entries.iter().filter_map(move |entry| match entry {
        ast::Entry::Block(ast::Item { kind: ast::ItemKind::Declaration(declaration), .. })
            if declaration.keyword.text == keyword =>
        {
            Some(&**declaration)
        }
        _ => None,
    })
}
