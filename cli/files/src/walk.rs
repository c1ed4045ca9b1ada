//! Which files below a folder are source files.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use weir_compiler::package::MANIFEST;
use weir_syntax::{Diagnostic, diagnostic::codes};
use weir_targets::Manifest;

use crate::cause;

/// A source file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// From the folder that was walked, `/` between parts.
    pub path: String,
    pub disk: PathBuf,
}

#[derive(Debug, Default)]
pub struct Walk {
    /// By path.
    pub files: Vec<Found>,
    pub diagnostics: Vec<Diagnostic>,
}

/// What to make of packages inside of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nested {
    Skip,
    Enter,
}

struct Walker {
    out: Walk,
    nested: Nested,
    /// With the dot: `.weir`.
    endings: &'static [&'static str],
    /// Real folders that were entered, and by which path.
    entered: HashMap<PathBuf, String>,
    /// Links to folders wait until every real folder was entered: a file keeps its real path.
    links: Vec<(PathBuf, String)>,
    /// The root and every folder around it.
    around: Vec<PathBuf>,
}

/// Every `*.weir` below a folder, without hidden ones, build output and Cargo's `target`. A folder is entered once,
/// however many links lead to it.
pub fn walk(root: &Path, nested: Nested) -> Walk {
    walk_for(&[".weir"], root, nested)
}

/// As [`walk`], for files whose names end otherwise.
pub fn walk_for(endings: &'static [&'static str], root: &Path, nested: Nested) -> Walk {
    let real = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let around = real.ancestors().map(Path::to_owned).collect();
    let mut walker =
        Walker { out: Walk::default(), nested, endings, entered: HashMap::new(), links: Vec::new(), around };
    walker.enter(vec![(root.to_owned(), String::new())]);
    while let Some((disk, path)) = walker.links.pop() {
        walker.follow(disk, path);
    }
    walker.out.files.sort_by(|a, b| a.path.cmp(&b.path));
    walker.out
}

impl Walker {
    /// Enters folders without recursion: their depth is the disk's, not our stack's.
    fn enter(&mut self, mut folders: Vec<(PathBuf, String)>) {
        while let Some((disk, path)) = folders.pop() {
            if let Ok(real) = fs::canonicalize(&disk) {
                self.entered.insert(real, path.clone());
            }
            let entries = match fs::read_dir(&disk).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
                Ok(entries) => entries,
                Err(error) => {
                    let shown = if path.is_empty() { "." } else { &path };
                    self.unreadable(&format!("the folder `{shown}` cannot be read: {}", cause(&error)), None);
                    continue;
                }
            };
            let mut entries: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
            entries.sort();
            for entry in entries {
                self.entry(entry, &path, &mut folders);
            }
        }
        self.links.sort_by(|a, b| b.cmp(a));
    }

    fn entry(&mut self, disk: PathBuf, folder: &str, folders: &mut Vec<(PathBuf, String)>) {
        let Some(name) = disk.file_name() else { return };
        let bytes = name.as_encoded_bytes();
        if bytes.starts_with(b".") {
            return;
        }
        let is_source = self.endings.iter().any(|ending| bytes.ends_with(ending.as_bytes()));
        let is_text = name.to_str().is_some() && !folder.contains(char::REPLACEMENT_CHARACTER);
        let path = if folder.is_empty() {
            name.to_string_lossy().into_owned()
        } else {
            format!("{folder}/{}", name.to_string_lossy())
        };
        let kind = match fs::symlink_metadata(&disk).and_then(|own| {
            if own.is_symlink() { fs::metadata(&disk).map(|to| (true, to)) } else { Ok((false, own)) }
        }) {
            Ok(kind) => kind,
            Err(error) => {
                if is_source {
                    self.unreadable(&format!("`{path}` cannot be read: {}", cause(&error)), None);
                }
                return;
            }
        };
        match kind {
            (true, meta) if meta.is_dir() => self.links.push((disk, path)),
            (false, meta) if meta.is_dir() && self.is_foreign(&disk, &path) => {}
            (false, meta) if meta.is_dir() => folders.push((disk, path)),
            _ if is_source && !is_text => {
                self.unreadable(
                    &format!("the name of `{path}` is not UTF-8"),
                    Some("rename it: names of source files and folders become names of modules"),
                );
            }
            (_, meta) if is_source && !meta.is_file() => {
                self.unreadable(&format!("`{path}` is neither a file nor a folder"), None);
            }
            _ if is_source => self.out.files.push(Found { path, disk }),
            _ => {}
        }
    }

    fn follow(&mut self, disk: PathBuf, path: String) {
        let real = match fs::canonicalize(&disk) {
            Ok(real) => real,
            Err(error) => {
                return self.unreadable(&format!("`{path}` cannot be read: {}", cause(&error)), None);
            }
        };
        let same =
            if self.around.contains(&real) { Some(".") } else { self.entered.get(&real).map(String::as_str) };
        if let Some(same) = same {
            let message =
                format!("the link `{path}` leads to a folder that belongs to the package already: `{same}`");
            return self
                .unreadable(&message, Some("remove the link: each file is read once, by its own path"));
        }
        if !self.is_foreign(&disk, &path) {
            self.enter(vec![(disk, path)]);
        }
    }

    /// Whether a folder holds no source of this package: build output, or a package of its own.
    fn is_foreign(&self, disk: &Path, path: &str) -> bool {
        path == "target"
            || (self.nested == Nested::Skip && disk.join(MANIFEST).exists())
            || fs::read(disk.join(weir_targets::MANIFEST))
                .is_ok_and(|bytes| Manifest::parse(&bytes).is_some())
    }

    fn unreadable(&mut self, message: &str, help: Option<&str>) {
        let diagnostic = Diagnostic::new(&codes::E0001, message).help_if(help.map(str::to_owned));
        self.out.diagnostics.push(diagnostic);
    }
}
