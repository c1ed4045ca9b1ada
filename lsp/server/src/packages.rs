//! Packages, where they are found, and what was said of them.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;
use tower_lsp::ls_types::Uri;
use weir_compiler::{Sources, package::MANIFEST};
use weir_files::load;
use weir_ide::Host;

use crate::{
    asked::Asked,
    convert,
    outbox::{Message, Outbox},
    view::View,
};

/// Folders below a workspace folder that are searched for packages, and packages that are read at start.
pub(crate) const DEEPEST: usize = 4;
const MOST_PACKAGES: usize = 64;

/// A package of the workspace.
pub(crate) struct Package {
    pub(crate) id: u64,
    pub(crate) host: Host,
    pub(crate) root: Option<PathBuf>,
    pub(crate) label: String,
    /// The only file, where there is no manifest.
    pub(crate) only: Option<String>,
    pub(crate) open: Arc<FxHashMap<String, (Uri, i32)>>,
    /// Counts changes; an analysis of before is given up.
    pub(crate) generation: Arc<AtomicU64>,
    pub(crate) due: Option<Instant>,
    /// Questions of somebody who types that are not answered yet.
    pub(crate) asked: Arc<Asked>,
    /// The newest view that spoke of each file, and whether it said anything.
    pub(crate) published: Arc<Mutex<FxHashMap<String, (u64, bool)>>>,
}

impl Package {
    pub(crate) fn changed(&mut self, delay: Duration) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.due = Some(Instant::now() + delay);
    }

    /// Reads all of it again, with the texts that are open.
    pub(crate) fn reload(&mut self) {
        let Some(root) = &self.root else { return };
        let mut host = Host::new(load::load(root).sources);
        let ide = self.host.ide();
        let mut open: Vec<&String> = self.open.keys().collect();
        open.sort_unstable();
        for path in open {
            if let Some(text) = ide.find(path).and_then(|file| ide.text(file)) {
                host.set_text(path, text.clone(), true);
            }
        }
        drop(ide);
        self.host = host;
    }
}

/// Sends what is wrong with one file, or with all that have or had anything.
pub(crate) fn say(
    view: &View,
    path: Option<&str>,
    outbox: &Outbox,
    published: &Mutex<FxHashMap<String, (u64, bool)>>,
) {
    let one = path.and_then(|path| view.ide.find(path));
    let files = match path {
        Some(_) => one.into_iter().collect(),
        None => std::iter::once(weir_syntax::FileId(0)).chain(view.ide.own_files()).collect::<Vec<_>>(),
    };
    for file in files {
        let Some(path) = view.ide.path(file).map(str::to_owned) else { continue };
        let diagnostics = convert::diagnostics(view, file);
        let said = !diagnostics.is_empty();
        let open = view.places.open.get(&path);
        let mut published = published.lock().unwrap_or_else(PoisonError::into_inner);
        match published.get(&path) {
            Some((number, _)) if *number > view.number => continue, // somebody newer spoke already
            Some((_, false)) | None if !said && open.is_none() => continue,
            _ => {}
        }
        if let Some(uri) = view.uri(file) {
            outbox.send(Message::Diagnostics {
                uri,
                diagnostics,
                version: open.map(|(_, version)| *version),
            });
            published.insert(path, (view.number, said));
        }
    }
}

/// A package for a text that has none around it.
pub(crate) fn alone() -> Host {
    Host::new(Sources::new("[package]\nname = \"untitled\"\nversion = \"0\"\n", Vec::new()))
}

pub(crate) fn is_package(folder: &Path) -> bool {
    folder.join(MANIFEST).is_file()
}

pub(crate) fn is_source(path: &str) -> bool {
    (path.strip_suffix(".weir").is_some() && !path.starts_with("std/")) || path == MANIFEST
}

/// Packages below a folder.
pub(crate) fn search(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    if found.len() >= MOST_PACKAGES {
        return;
    }
    if is_package(folder) {
        return found.push(folder.to_owned());
    }
    let Some(depth) = depth.checked_sub(1) else { return };
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut folders: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| {
            let name = entry.file_name();
            !name.as_encoded_bytes().starts_with(b".") && name != "target" && name != "node_modules"
        })
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    for folder in &folders {
        search(folder, depth, found);
    }
}
