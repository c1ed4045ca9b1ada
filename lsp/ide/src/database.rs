//! The incremental part: per-file queries over texts. A file that did not change is neither parsed nor outlined again.
//!
//! Granularity is the file: one declaration costs microseconds to look at, a query for each would cost more. What other
//! files see of a file is its [`Outline`], without spans, so that typing inside of a block stops there.

use std::{collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use weir_compiler::{
    Sources,
    names::{self, Kind, schema},
    package::{MANIFEST, Manifest, Source},
};
use weir_syntax::{
    Diagnostic, FileId,
    ast::{File, Item, ItemKind},
};

/// One text of the package or of `std`.
#[salsa::input(debug)]
pub struct SourceFile {
    /// From the package's folder, `/` between parts.
    #[returns(deref)]
    pub path: Arc<str>,
    #[returns(ref)]
    pub text: Arc<str>,
}

/// The files of a package with those of `std`; their places are their [`FileId`]s. The first is the manifest.
#[salsa::input(debug)]
pub struct Package {
    #[returns(ref)]
    pub files: Arc<[SourceFile]>,
}

#[salsa::db]
#[derive(Clone, Default)]
pub struct Database {
    storage: salsa::Storage<Self>,
}

#[salsa::db]
impl salsa::Database for Database {}

/// A file as read: its tree, and what is wrong with it when looked at alone. Diagnostics name [`FileId`] 0.
#[derive(Debug, Default)]
pub struct Syntax {
    pub tree: File,
    pub diagnostics: Vec<Diagnostic>,
}

#[salsa::tracked(no_eq, returns(ref))]
pub fn syntax(db: &dyn salsa::Database, file: SourceFile) -> Arc<Syntax> {
    if file.path(db).strip_suffix(".weir").is_none() {
        return Arc::default();
    }
    // Only the tree is kept: tokens take more room than the text.
    let parsed = weir_syntax::parse(file.text(db), FileId(0));
    let mut diagnostics = parsed.diagnostics;
    diagnostics.extend(names::check_file(&parsed.file, FileId(0)));
    Arc::new(Syntax { tree: parsed.file, diagnostics })
}

/// Whether a file is no policy, but what one imports.
pub fn is_imported(path: &str) -> bool {
    path != MANIFEST && path.strip_suffix(".weir").is_none()
}

#[salsa::tracked]
fn has_imports(db: &dyn salsa::Database, file: SourceFile) -> bool {
    let is_import =
        |item: &Item| matches!(&item.kind, ItemKind::Declaration(one) if one.keyword.text == "import");
    syntax(db, file).tree.items.iter().any(is_import)
}

/// What imported files declare, by file, and the folder whose names they share. It reads the trees of files with an `import`
/// alone, so that typing elsewhere leaves it as it is.
#[salsa::tracked(no_eq, returns(ref))]
pub fn declared(db: &dyn salsa::Database, package: Package) -> Arc<BTreeMap<FileId, (File, String)>> {
    let files = package.files(db);
    let is_imported = |file: &SourceFile| is_imported(file.path(db));
    if !files.iter().any(is_imported) {
        return Arc::default();
    }
    let none = File::default();
    let tree = |file: &SourceFile| if *has_imports(db, *file) { &syntax(db, *file).tree } else { &none };
    let trees: Vec<&File> = files.iter().map(tree).collect();
    let source = |file: &SourceFile| {
        let path = file.path(db).to_owned();
        let is_read = is_imported(file) || path.starts_with("std/");
        Source { path, text: if is_read { file.text(db).clone() } else { "".into() } }
    };
    let imported = (0..).zip(files.iter()).filter(|(_, file)| is_imported(file));
    let sources = Sources {
        imported: imported.map(|(id, file)| (file.path(db).to_owned(), FileId(id))).collect(),
        files: files.iter().map(source).collect(),
        manifest: Manifest::default(),
        diagnostics: Vec::new(),
    };
    Arc::new(weir_compiler::imports::trees(&sources, &trees))
}

/// A declaration by its place: the item of a file, or an item of the template there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeclarationId {
    pub file: FileId,
    pub item: u32,
    pub inner: Option<u32>,
}

impl DeclarationId {
    /// Its item in the tree of its file.
    pub fn item<'t>(&self, tree: &'t File) -> Option<&'t Item> {
        let item = tree.items.get(self.item as usize)?;
        match (self.inner, &item.kind) {
            (None, _) => Some(item),
            (Some(inner), ItemKind::Template(template)) => template.items.get(inner as usize),
            _ => None,
        }
    }
}

/// A name that a file declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineName {
    pub name: SmolStr,
    pub kind: Kind,
    pub item: u32,
    pub inner: Option<u32>,
}

/// What a file declares, without spans.
#[salsa::tracked(returns(ref))]
pub fn outline(db: &dyn salsa::Database, file: SourceFile) -> Arc<[OutlineName]> {
    outline_of(&syntax(db, file).tree).into()
}

fn outline_of(tree: &File) -> Vec<OutlineName> {
    let mut names = Vec::new();
    for (at, item) in tree.items.iter().enumerate() {
        let at = at as u32;
        names.extend(outline_name(item, at, None));
        if let ItemKind::Template(template) = &item.kind {
            let inner = template.items.iter().enumerate();
            names.extend(inner.filter_map(|(place, inner)| outline_name(inner, at, Some(place as u32))));
        }
    }
    names
}

fn outline_name(item: &Item, at: u32, inner: Option<u32>) -> Option<OutlineName> {
    let (name, kind) = match &item.kind {
        ItemKind::Declaration(one) => (&one.name, schema::by_keyword(&one.keyword.text)?.kind),
        ItemKind::Template(template) => (&template.name, Kind::Template),
        _ => return None,
    };
    Some(OutlineName { name: name.text.clone(), kind, item: at, inner })
}

/// The names that a file brings in, with the path of each.
pub type Imports = FxHashMap<SmolStr, Vec<SmolStr>>;

#[salsa::tracked(returns(ref))]
pub fn imports(db: &dyn salsa::Database, file: SourceFile) -> Arc<Imports> {
    let mut imports = Imports::default();
    for item in &syntax(db, file).tree.items {
        let ItemKind::Use(uses) = &item.kind else { continue };
        for import in &uses.imports {
            if let Some(local) = import.local() {
                let path = import.path.iter().map(|name| name.text.clone()).collect();
                imports.entry(local.text.clone()).or_insert(path);
            }
        }
    }
    Arc::new(imports)
}

/// A folder's names.
#[derive(Debug, Default)]
pub struct Module {
    /// With dots; empty for the package's root.
    pub path: SmolStr,
    pub outer: Option<u32>,
    pub names: FxHashMap<SmolStr, Vec<(DeclarationId, Kind)>>,
    /// Folders inside of it, by name.
    pub inner: FxHashMap<SmolStr, u32>,
}

/// The names of a package by module.
#[derive(Debug, Default)]
pub struct Index {
    /// The root is the first, `std` the second.
    pub modules: Vec<Module>,
    /// The module of each file.
    pub of_file: Vec<u32>,
    /// For each template, what it declares.
    pub templates: FxHashMap<DeclarationId, FxHashMap<SmolStr, Vec<(DeclarationId, Kind)>>>,
}

pub const ROOT: u32 = 0;
pub const STANDARD: u32 = 1;

#[salsa::tracked(no_eq, returns(ref))]
pub fn index(db: &dyn salsa::Database, package: Package) -> Arc<Index> {
    let mut index = Index::default();
    index.modules.push(Module::default());
    index.modules.push(Module { path: "std".into(), ..Module::default() });
    let mut folders: FxHashMap<SmolStr, u32> = FxHashMap::default();
    folders.insert("".into(), ROOT);
    folders.insert("std".into(), STANDARD);
    for (number, file) in package.files(db).iter().enumerate() {
        let path = file.path(db);
        let made = declared(db, package).get(&FileId(number as u32));
        let folder = match made {
            Some((_, folder)) => folder,
            None => path.rsplit_once('/').map_or("", |(folder, _)| folder),
        };
        let module = folder_of(&mut index.modules, &mut folders, &folder.replace('/', "."));
        index.of_file.push(module);
        let own = made.map(|(tree, _)| outline_of(tree));
        for name in own.as_deref().unwrap_or_else(|| outline(db, *file)) {
            let id = DeclarationId { file: FileId(number as u32), item: name.item, inner: name.inner };
            let names = match name.inner {
                None => &mut index.modules[module as usize].names,
                Some(_) => index.templates.entry(DeclarationId { inner: None, ..id }).or_default(),
            };
            names.entry(name.name.clone()).or_default().push((id, name.kind));
        }
    }
    Arc::new(index)
}

/// The module of a folder, made with those around it where it is new.
fn folder_of(modules: &mut Vec<Module>, folders: &mut FxHashMap<SmolStr, u32>, path: &str) -> u32 {
    if let Some(module) = folders.get(path) {
        return *module;
    }
    let (outer_path, name) = path.rsplit_once('.').unwrap_or(("", path));
    let outer = folder_of(modules, folders, outer_path);
    let module = modules.len() as u32;
    modules.push(Module { path: path.into(), outer: Some(outer), ..Module::default() });
    modules[outer as usize].inner.insert(name.into(), module);
    folders.insert(path.into(), module);
    module
}
