//! A package from disk.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use weir_compiler::{Sources, imports, package::MANIFEST};
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes, lexer::MAX_FILE_SIZE};

use crate::{
    cause,
    walk::{self, Nested},
};

/// A package's texts and where they came from.
#[derive(Debug)]
pub struct Package {
    pub root: PathBuf,
    /// What to put before a file's path so that it leads there from the current folder: `examples/hall/`.
    pub prefix: String,
    pub sources: Sources,
}

impl Package {
    /// As messages call it; empty if the manifest does not say.
    pub fn name(&self) -> &str {
        &self.sources.manifest.package.name
    }
}

/// The package's folder: the given one, or the nearest from the current folder up.
pub fn find(folder: Option<&Path>) -> Result<PathBuf, Box<Diagnostic>> {
    let missing = |message: String| {
        Box::new(
            Diagnostic::new(&codes::E0003, message)
                .help("a package is a folder with a `weir.toml`; `weir new NAME` starts one"),
        )
    };
    if let Some(folder) = folder {
        let shown = folder.display();
        return match fs::metadata(folder) {
            Ok(meta) if !meta.is_dir() => Err(missing(format!("`{shown}` is not a folder"))),
            Ok(_) if is_package(folder) => Ok(folder.to_owned()),
            Ok(_) => Err(missing(format!("there is no `{MANIFEST}` in `{shown}`"))),
            Err(error) => Err(missing(format!("`{shown}` cannot be read: {}", cause(&error)))),
        };
    }
    let here = std::env::current_dir()
        .map_err(|error| missing(format!("the current folder cannot be read: {}", cause(&error))))?;
    let root = here.ancestors().find(|folder| is_package(folder));
    root.map(|root| shortened(root, &here)).ok_or_else(|| {
        missing(format!("there is no `{MANIFEST}` in `{}` or any folder around it", here.display()))
    })
}

/// The folder as seen from the current one.
fn shortened(root: &Path, here: &Path) -> PathBuf {
    match here.strip_prefix(root) {
        Ok(below) if below.as_os_str().is_empty() => PathBuf::from("."),
        Ok(below) => below.components().map(|_| "..").collect(),
        Err(_) => root.to_owned(),
    }
}

/// A manifest that is there but cannot be read makes a package, too: one with a diagnostic.
fn is_package(folder: &Path) -> bool {
    folder.join(MANIFEST).symlink_metadata().is_ok()
}

/// Reads all of a package. What cannot be read becomes a diagnostic.
pub fn load(root: &Path) -> Package {
    let mut problems = Vec::new();
    let manifest = read_manifest(root, &mut problems);
    let walk = walk::walk(root, Nested::Skip);
    let mut files = Vec::with_capacity(walk.files.len());
    for found in walk.files {
        if found.path.starts_with("std/") {
            problems.push((None, reserved(&found.path)));
            continue;
        }
        match read_source(&found.disk) {
            Ok(bytes) => files.push((found.path, bytes)),
            Err(unread) => {
                // The empty text stands for the file, so that every format can say where.
                files.push((found.path.clone(), Vec::new()));
                let diagnostic = unread.diagnostic(&found.path);
                problems.push((Some(found.path), diagnostic));
            }
        }
    }
    // Without a manifest there is one diagnostic, not two.
    let text = manifest.as_deref().unwrap_or("[package]\nname = \"unknown\"\n");
    let mut sources = Sources::new(text, files);
    if manifest.is_none() {
        sources.manifest.package.name.clear();
        sources.files[0].text = "".into();
    }
    for path in imports::wanted(&sources) {
        import(root, &path, &mut sources, &mut problems);
    }
    for (path, diagnostic) in problems {
        let file = path.and_then(|path| sources.files.iter().position(|file| file.path == path));
        sources.diagnostics.push(match file {
            Some(file) => diagnostic.primary(FileId(file as u32), Span::default(), ""),
            None => diagnostic,
        });
    }
    sources.diagnostics.extend(walk.diagnostics);
    Package { root: root.to_owned(), prefix: prefix(root), sources }
}

/// Hands in a file that the package imports, or those below a folder. That there is none is the compiler's to say: it knows
/// who asks.
fn import(root: &Path, path: &str, sources: &mut Sources, problems: &mut Vec<(Option<String>, Diagnostic)>) {
    let disk = root.join(path);
    let Ok(meta) = fs::metadata(&disk) else { return };
    if !meta.is_dir() {
        return import_file(&disk, path.to_owned(), sources, problems);
    }
    let walk = walk::walk_for(imports::ENDINGS, &disk, Nested::Skip);
    sources.diagnostics.extend(walk.diagnostics);
    for found in walk.files {
        import_file(&found.disk, format!("{path}/{}", found.path), sources, problems);
    }
}

fn import_file(
    disk: &Path,
    path: String,
    sources: &mut Sources,
    problems: &mut Vec<(Option<String>, Diagnostic)>,
) {
    match read_source(disk) {
        Ok(bytes) => sources.import(path, bytes),
        Err(unread) => {
            sources.import(path.clone(), Vec::new());
            let diagnostic = unread.diagnostic(&path);
            problems.push((Some(path), diagnostic));
        }
    }
}

fn read_manifest(root: &Path, problems: &mut Vec<(Option<String>, Diagnostic)>) -> Option<String> {
    let diagnostic = match read_source(&root.join(MANIFEST)) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => return Some(text),
            Err(_) => Diagnostic::new(&codes::E0002, format!("`{MANIFEST}` is not UTF-8"))
                .help("save the file as UTF-8"),
        },
        Err(unread) => unread.diagnostic(MANIFEST),
    };
    problems.push((Some(MANIFEST.into()), diagnostic));
    None
}

fn reserved(path: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0001, format!("`{path}` would hide a file of the standard library"))
        .help("rename the folder `std`")
}

/// Why a file was not read.
#[derive(Debug)]
pub enum Unread {
    Io(io::Error),
    TooLarge(u64),
}

impl Unread {
    pub fn diagnostic(&self, path: &str) -> Diagnostic {
        let limit = MAX_FILE_SIZE >> 20;
        match self {
            Self::Io(error) => {
                Diagnostic::new(&codes::E0001, format!("`{path}` cannot be read: {}", cause(error)))
            }
            Self::TooLarge(size) => Diagnostic::new(
                &codes::E0005,
                format!("`{path}` is too large: {} MiB", size.div_ceil(1 << 20)),
            )
            .help(format!("split it: a file has at most {limit} MiB")),
        }
    }
}

/// Reads a file of at most [`MAX_FILE_SIZE`], asking for its size before reading it.
pub fn read_source(path: &Path) -> Result<Vec<u8>, Unread> {
    let limit = MAX_FILE_SIZE as u64;
    // Before opening it: to open a pipe is to wait for its writer.
    let meta = fs::metadata(path).map_err(Unread::Io)?;
    if !meta.is_file() {
        return Err(Unread::Io(io::Error::other("it is not a regular file")));
    }
    if meta.len() > limit {
        return Err(Unread::TooLarge(meta.len()));
    }
    let file = File::open(path).map_err(Unread::Io)?;
    let mut bytes = Vec::with_capacity(meta.len() as usize);
    // It may have grown since.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(Unread::Io)?;
    if bytes.len() as u64 > limit { Err(Unread::TooLarge(bytes.len() as u64)) } else { Ok(bytes) }
}

/// The way from the current folder to the package, with a `/` at its end unless it is empty.
fn prefix(root: &Path) -> String {
    let real = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let here = std::env::current_dir().and_then(fs::canonicalize).unwrap_or_default();
    if let Ok(below) = real.strip_prefix(&here) {
        let below = below.to_string_lossy();
        return if below.is_empty() { String::new() } else { format!("{below}/") };
    }
    if let Ok(above) = here.strip_prefix(&real) {
        return "../".repeat(above.components().count());
    }
    format!("{}/", real.display())
}
