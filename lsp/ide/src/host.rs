//! The package under an editor: texts that change, and views of it at one moment.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use salsa::{Durability, Setter};
use weir_compiler::{
    Sources,
    package::{MANIFEST, Manifest, Source},
};
use weir_syntax::{Diagnostic, FileId, ast::File};

use crate::{
    database::{Database, Imports, Package, SourceFile, declared, imports, is_imported, syntax},
    facts::{Facts, Job},
};

/// The one that writes. A write waits until every [`Ide`] of before is dropped, and makes their queries unwind.
#[derive(Debug)]
pub struct Host {
    database: Database,
    package: Package,
    manifest: Arc<Manifest>,
    /// What is wrong with the files as files: with the path of the file, where there is one.
    problems: Arc<Vec<(Option<String>, Diagnostic)>>,
    by_path: Arc<FxHashMap<String, FileId>>,
    facts: Option<Arc<Facts>>,
}

/// A package at one moment. Cheap to make; dropped soon, for the next write waits for it.
#[derive(Clone, Debug)]
pub struct Ide {
    database: Database,
    package: Package,
    manifest: Arc<Manifest>,
    problems: Arc<Vec<(Option<String>, Diagnostic)>>,
    by_path: Arc<FxHashMap<String, FileId>>,
    facts: Option<Arc<Facts>>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Database")
    }
}

impl Host {
    /// Takes a package as it was read from disk.
    pub fn new(sources: Sources) -> Self {
        let database = Database::default();
        let path_of = |file: FileId| sources.file(file).map(|source| source.path.clone());
        let problems = sources.diagnostics.iter().map(|diagnostic| {
            let path = diagnostic.labels.first().and_then(|label| path_of(label.file));
            (path, diagnostic.clone())
        });
        let problems = Arc::new(problems.collect());
        let files: Vec<SourceFile> = sources
            .files
            .iter()
            .map(|source| {
                let durability = if source.is_standard() { Durability::HIGH } else { Durability::MEDIUM };
                SourceFile::builder(source.path.as_str().into(), source.text.clone())
                    .durability(durability)
                    .new(&database)
            })
            .collect();
        let package = Package::builder(files.into()).durability(Durability::MEDIUM).new(&database);
        let mut host = Self {
            database,
            package,
            manifest: Arc::new(sources.manifest),
            problems,
            by_path: Arc::default(),
            facts: None,
        };
        host.index_paths();
        host
    }

    fn index_paths(&mut self) {
        let files = self.package.files(&self.database);
        let paths = files.iter().enumerate();
        let paths = paths.map(|(at, file)| (file.path(&self.database).to_owned(), FileId(at as u32)));
        self.by_path = Arc::new(paths.collect());
    }

    /// A view of the package as it is now.
    pub fn ide(&self) -> Ide {
        Ide {
            database: self.database.clone(),
            package: self.package,
            manifest: self.manifest.clone(),
            problems: self.problems.clone(),
            by_path: self.by_path.clone(),
            facts: self.facts.clone(),
        }
    }

    /// Changes a file's text, or adds the file. `open`: an editor has it, so that it will change again soon.
    pub fn set_text(&mut self, path: &str, text: Arc<str>, open: bool) {
        if path == MANIFEST {
            self.set_manifest(&text);
        }
        if self.problems.iter().any(|(of, _)| of.as_deref() == Some(path)) && path != MANIFEST {
            Arc::make_mut(&mut self.problems).retain(|(of, _)| of.as_deref() != Some(path));
        }
        let durability = if open { Durability::LOW } else { Durability::MEDIUM };
        if let Some(file) = self.file(path) {
            if **file.text(&self.database) != *text {
                file.set_text(&mut self.database).with_durability(durability).to(text);
            }
            return;
        }
        let file = SourceFile::builder(path.into(), text).durability(durability).new(&self.database);
        let files = self.package.files(&self.database);
        // the order of `Sources`: the manifest, the package's files, those of `std`, then what is imported
        let key = |path: &str| {
            let rank = match path {
                MANIFEST => 0,
                path if is_imported(path) => 3,
                path if path.starts_with("std/") => 2,
                _ => 1,
            };
            (rank, path.to_owned())
        };
        let mut files: Vec<SourceFile> = files.to_vec();
        let place = files.partition_point(|other| key(other.path(&self.database)) < key(path));
        files.insert(place, file);
        self.set_files(files);
    }

    /// Takes a file out of the package.
    pub fn remove(&mut self, path: &str) {
        if path == MANIFEST {
            return self.set_text(MANIFEST, "".into(), false);
        }
        let files = self.package.files(&self.database);
        let left: Vec<SourceFile> =
            files.iter().copied().filter(|file| file.path(&self.database) != path).collect();
        if left.len() != files.len() {
            self.set_files(left);
        }
        Arc::make_mut(&mut self.problems).retain(|(of, _)| of.as_deref() != Some(path));
    }

    fn set_files(&mut self, files: Vec<SourceFile>) {
        self.package.set_files(&mut self.database).with_durability(Durability::MEDIUM).to(files.into());
        self.index_paths();
    }

    fn set_manifest(&mut self, text: &str) {
        let read = Sources::new(text, Vec::new());
        self.manifest = Arc::new(read.manifest);
        let problems = Arc::make_mut(&mut self.problems);
        problems.retain(|(of, _)| of.as_deref() != Some(MANIFEST));
        problems.extend(read.diagnostics.into_iter().map(|one| (Some(MANIFEST.to_owned()), one)));
    }

    fn file(&self, path: &str) -> Option<SourceFile> {
        let id = self.by_path.get(path)?;
        self.package.files(&self.database).get(id.0 as usize).copied()
    }

    /// Takes what a [`Job`] found out; later views answer from it.
    pub fn set_facts(&mut self, facts: Arc<Facts>) {
        self.facts = Some(facts);
    }

    pub fn facts(&self) -> Option<&Arc<Facts>> {
        self.facts.as_ref()
    }
}

impl Ide {
    pub(crate) fn db(&self) -> &Database {
        &self.database
    }

    pub(crate) fn package(&self) -> Package {
        self.package
    }

    pub(crate) fn source(&self, file: FileId) -> Option<SourceFile> {
        self.package.files(&self.database).get(file.0 as usize).copied()
    }

    /// All files: the manifest, those of the package by path, those of `std`.
    pub fn files(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.package.files(&self.database).len() as u32).map(FileId)
    }

    /// The package's own source files.
    pub fn own_files(&self) -> impl Iterator<Item = FileId> + '_ {
        self.files().skip(1).take_while(|file| !self.is_standard(*file))
    }

    pub fn find(&self, path: &str) -> Option<FileId> {
        self.by_path.get(path).copied()
    }

    pub fn path(&self, file: FileId) -> Option<&str> {
        Some(self.source(file)?.path(&self.database))
    }

    pub fn text(&self, file: FileId) -> Option<&Arc<str>> {
        Some(self.source(file)?.text(&self.database))
    }

    /// Of an imported file, what it declares, each declaration at the place that it was read from.
    pub fn tree(&self, file: FileId) -> Option<&File> {
        let source = self.source(file)?;
        if is_imported(source.path(&self.database)) {
            return declared(&self.database, self.package).get(&file).map(|(tree, _)| tree);
        }
        Some(&syntax(&self.database, source).tree)
    }

    /// Whether a file is no policy, but what one imports.
    pub(crate) fn is_imported(&self, file: FileId) -> bool {
        self.path(file).is_some_and(is_imported)
    }

    pub(crate) fn imports(&self, file: FileId) -> &Imports {
        static NONE: std::sync::LazyLock<Imports> = std::sync::LazyLock::new(Imports::default);
        match self.source(file) {
            Some(source) => imports(&self.database, source),
            None => &NONE,
        }
    }

    /// What ends the queries of this view, from another thread.
    pub fn cancellation(&self) -> salsa::CancellationToken {
        salsa::Database::cancellation_token(&self.database)
    }

    /// Bytes of text, those of `std` with them.
    pub fn size(&self) -> usize {
        self.files().filter_map(|file| self.text(file)).map(|text| text.len()).sum()
    }

    /// What the package was found to mean, of this moment or a little earlier.
    pub fn facts(&self) -> Option<&Arc<Facts>> {
        self.facts.as_ref()
    }

    /// The package's name; empty where the manifest has none.
    pub fn package_name(&self) -> &str {
        &self.manifest.package.name
    }

    /// What is wrong with a file when looked at alone: its syntax, and the shape of its declarations.
    pub fn shape(&self, file: FileId) -> Vec<Diagnostic> {
        let Some(source) = self.source(file) else { return Vec::new() };
        let mut found = syntax(&self.database, source).diagnostics.clone();
        for diagnostic in &mut found {
            move_to(diagnostic, file);
        }
        found
    }

    /// What is wrong with a file as a file.
    pub(crate) fn problems_of(&self, file: FileId) -> impl Iterator<Item = Diagnostic> + '_ {
        let path = self.path(file);
        self.problems.iter().filter(move |(of, _)| of.as_deref() == path).map(move |(_, diagnostic)| {
            let mut diagnostic = diagnostic.clone();
            move_to(&mut diagnostic, file);
            diagnostic
        })
    }

    /// The work of understanding the package as a whole: takes what it needs along, so that nothing waits for it.
    pub fn job(&self) -> Job {
        let files = self.package.files(&self.database);
        let mut diagnostics = Vec::new();
        let mut trees = Vec::with_capacity(files.len());
        for (at, file) in files.iter().enumerate() {
            trees.push(syntax(&self.database, *file).clone());
            diagnostics.extend(self.shape(FileId(at as u32)));
        }
        let of_files = self.problems.iter().map(|(path, diagnostic)| {
            let mut diagnostic = diagnostic.clone();
            match path.as_deref().and_then(|path| self.find(path)) {
                Some(file) => move_to(&mut diagnostic, file),
                None => diagnostic.labels.clear(),
            }
            diagnostic
        });
        let source = |file: &SourceFile| Source {
            path: file.path(&self.database).to_owned(),
            text: file.text(&self.database).clone(),
        };
        let files: Vec<Source> = files.iter().map(source).collect();
        let imported = (0..).zip(&files).filter(|(_, file)| is_imported(&file.path));
        let sources = Sources {
            imported: imported.map(|(id, file)| (file.path.clone(), FileId(id))).collect(),
            files,
            manifest: (*self.manifest).clone(),
            diagnostics: of_files.collect(),
        };
        Job::new(sources, trees, diagnostics)
    }
}

/// Diagnostics of a file that was looked at alone name it as the first.
fn move_to(diagnostic: &mut Diagnostic, file: FileId) {
    diagnostic.labels.iter_mut().for_each(|label| label.file = file);
    diagnostic.fixes.iter_mut().flat_map(|fix| &mut fix.edits).for_each(|edit| edit.file = file);
}
