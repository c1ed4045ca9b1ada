//! Where services that read reports look for a package's files: they know the repository, and not the folder in which the
//! command ran.

use std::path::{Component, Path, PathBuf};

/// What the paths of a report lead from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    Repository,
    /// Of a package that lies below it, and in no repository.
    CurrentFolder,
    Package,
}

impl Root {
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Repository => "The repository's root.",
            Self::CurrentFolder => "The folder in which the command ran.",
            Self::Package => "The package's folder.",
        }
    }
}

/// A package's place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) root: Root,
    /// What leads from the root to the package: empty, or with a `/` at its end; never upwards.
    pub(super) prefix: String,
}

/// The place of the package to which `prefix` leads from the current folder. A repository's root is the nearest folder upwards
/// that holds `.git`: a folder, or the file of a worktree or submodule.
pub(super) fn place(prefix: &str) -> Place {
    let here = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
    let package = resolved(&here.join(prefix));
    let repository = package.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok());
    let (root, folder) = match repository {
        Some(folder) => (Root::Repository, folder),
        None if package.starts_with(&here) => (Root::CurrentFolder, here.as_path()),
        None => (Root::Package, package.as_path()),
    };
    let below = package.strip_prefix(folder).unwrap_or(Path::new(""));
    let prefix = below.components().map(|part| format!("{}/", part.as_os_str().to_string_lossy()));
    Place { root, prefix: prefix.collect() }
}

/// A folder without links. It need not exist: what is wrong with a package may be that there is none.
fn resolved(folder: &Path) -> PathBuf {
    for known in folder.ancestors() {
        if let (Ok(real), Ok(rest)) = (std::fs::canonicalize(known), folder.strip_prefix(known)) {
            let names = rest.components().filter(|part| matches!(part, Component::Normal(_)));
            return real.join(names.collect::<PathBuf>());
        }
    }
    folder.to_owned()
}
