//! Where files are for the client: on disk, or as texts that only the server has.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use include_dir::{Dir, include_dir};
use rustc_hash::FxHashMap;
use tower_lsp::ls_types::Uri;

/// The scheme of the standard library's files.
pub(crate) const STANDARD: &str = "weir-std";
/// The scheme of generated artifacts: `weir-artifact:/PACKAGE/nftables/gw.nft`.
pub(crate) const ARTIFACT: &str = "weir-artifact";

/// What a URI of the client leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Disk(PathBuf),
    /// Path in the package: `std/ot/modbus.weir`.
    Standard(String),
    /// Package's folder, as it stands in the URI, and path below the output folder.
    Artifact(String, String),
    /// A text without a file.
    Loose(String),
}

/// A package's folder and what the client calls its files.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// Missing for a text without a file.
    pub(crate) root: Option<PathBuf>,
    pub(crate) virtual_documents: bool,
    /// URIs of open files as the client spells them, by path in the package.
    pub(crate) open: Arc<FxHashMap<String, (Uri, i32)>>,
}

impl Place {
    pub(crate) fn of(uri: &Uri) -> Self {
        let scheme = uri.scheme().as_str();
        let path = || uri.path().decode().to_string_lossy().trim_start_matches('/').to_owned();
        if scheme.eq_ignore_ascii_case("file") {
            return match uri.to_file_path() {
                Some(path) => from_disk(path.into_owned()),
                None => Self::Loose(uri.as_str().to_owned()),
            };
        }
        if scheme.eq_ignore_ascii_case(STANDARD) {
            return Self::Standard(format!("std/{}", path()));
        }
        if scheme.eq_ignore_ascii_case(ARTIFACT) {
            let path = path();
            let (package, file) = path.split_once('/').unwrap_or((&path, ""));
            return Self::Artifact(package.to_owned(), file.to_owned());
        }
        Self::Loose(uri.as_str().to_owned())
    }
}

/// A file on disk; a copy of the standard library's, in the cache, is the library's.
fn from_disk(path: PathBuf) -> Place {
    match standard_cache().and_then(|cache| path.strip_prefix(cache).ok().map(Path::to_owned)) {
        Some(below) => Place::Standard(format!("std/{}", below.to_string_lossy().replace('\\', "/"))),
        None => Place::Disk(path),
    }
}

/// Where texts go that the client can only read as files.
fn cache() -> Option<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(base) => PathBuf::from(base),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cache"),
    };
    base.is_absolute().then(|| base.join("weir"))
}

fn standard_cache() -> Option<PathBuf> {
    Some(cache()?.join(concat!("std-", env!("CARGO_PKG_VERSION"))))
}

impl Places {
    /// The URI of a file of the package; `text` is what a file of the standard library holds.
    pub(crate) fn uri(&self, path: &str, text: &str) -> Option<Uri> {
        if let Some((uri, _)) = self.open.get(path) {
            return Some(uri.clone());
        }
        match path.strip_prefix("std/") {
            Some(below) if self.virtual_documents => format!("{STANDARD}:/{below}").parse().ok(),
            Some(below) => Uri::from_file_path(copy(&standard_cache()?.join(below), text)?),
            None => Uri::from_file_path(self.root.as_ref()?.join(path)),
        }
    }

    /// The URI of an artifact.
    pub(crate) fn artifact(&self, package: &str, path: &str, text: &str) -> Option<Uri> {
        let safe = |part: &str| -> String {
            part.chars()
                .map(|one| if one.is_ascii_alphanumeric() || "-_.~/".contains(one) { one } else { '_' })
                .collect()
        };
        if self.virtual_documents {
            return format!("{ARTIFACT}:/{}/{}", safe(package), safe(path)).parse().ok();
        }
        Uri::from_file_path(copy(&cache()?.join("artifacts").join(safe(package)).join(safe(path)), text)?)
    }
}

/// The page of a diagnostic's code, as a file that editors can open without a network.
pub(crate) fn page(code: &'static str) -> Option<Uri> {
    static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../book/src/diagnostics");
    static WRITTEN: Mutex<BTreeMap<&str, Option<Uri>>> = Mutex::new(BTreeMap::new());
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let write = || {
        let name = format!("{code}.md");
        let text = PAGES.get_file(&name)?.contents_utf8()?;
        let folder = cache()?.join(concat!("diagnostics-", env!("CARGO_PKG_VERSION")));
        Uri::from_file_path(copy(&folder.join(name), text)?)
    };
    written.entry(code).or_insert_with(write).clone()
}

/// Writes a copy, unless it is there.
fn copy<'p>(path: &'p Path, text: &str) -> Option<&'p Path> {
    if std::fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Some(path);
    }
    std::fs::create_dir_all(path.parent()?).ok()?;
    std::fs::write(path, text).ok()?;
    Some(path)
}
