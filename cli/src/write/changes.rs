//! What a tree changes in a folder, and whether the folder may be replaced at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use weir_targets::{MANIFEST, Manifest};

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Created,
    Updated,
    Unchanged,
    Removed,
}

/// What happens to each path, of the new tree and of the old.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes(BTreeMap<String, Change>);

impl Changes {
    pub(super) fn add(&mut self, path: &str, change: Change) {
        self.0.insert(path.to_owned(), change);
    }

    /// Whatever else was there goes.
    pub(super) fn remove_all_but_taken(&mut self, old: BTreeSet<String>) {
        for path in old {
            self.0.entry(path).or_insert(Change::Removed);
        }
    }

    pub(super) fn unchanged(&self) -> impl Iterator<Item = &str> {
        self.all().filter(|(_, change)| *change == Change::Unchanged).map(|(path, _)| path)
    }

    pub(crate) fn count(&self, change: Change) -> usize {
        self.all().filter(|(_, one)| *one == change).count()
    }

    /// How many files the new tree has.
    pub(crate) fn files(&self) -> usize {
        self.0.len() - self.count(Change::Removed)
    }

    /// Whether all is as it should be.
    pub(crate) fn is_empty(&self) -> bool {
        self.differences().next().is_none()
    }

    /// All paths that are not as they should be.
    pub(crate) fn differences(&self) -> impl Iterator<Item = (&str, Change)> {
        self.all().filter(|(_, change)| *change != Change::Unchanged)
    }

    fn all(&self) -> impl Iterator<Item = (&str, Change)> {
        self.0.iter().map(|(path, change)| (path.as_str(), *change))
    }
}

/// The files of the tree that stands there now. Whatever else stands there is somebody's: it is never replaced.
pub(super) fn existing(place: &Path, package: &Path) -> Result<BTreeSet<String>, Failure> {
    let shown = place.display();
    if fs::canonicalize(package).is_ok_and(|package| package.starts_with(place)) {
        return Err(Failure::environment(format!("cannot replace `{shown}`: the package itself lies in it"))
            .with_help("choose another folder with `-o`"));
    }
    match fs::metadata(place) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => {
            return Err(Failure::environment(format!("cannot replace `{shown}`: it is not a folder"))
                .with_help("choose another folder with `-o`"));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(Failure::io("read", place, &error)),
    }
    let files = list(place).map_err(|error| Failure::io("read", place, &error))?;
    if files.is_empty() {
        return Ok(files);
    }
    let manifest = fs::read(place.join(MANIFEST)).ok().and_then(|bytes| Manifest::parse(&bytes));
    let Some(manifest) = manifest else {
        return Err(Failure::environment(format!(
            "cannot replace `{shown}`: it is not empty, and weir did not write it"
        ))
        .with_help("choose another folder with `-o`, or empty this one"));
    };
    let ours: BTreeSet<&str> =
        manifest.files.iter().map(|file| file.path.as_str()).chain([MANIFEST]).collect();
    let foreign: Vec<&str> = files.iter().map(String::as_str).filter(|path| !ours.contains(path)).collect();
    match foreign.as_slice() {
        [] => Ok(files),
        [first, rest @ ..] => {
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            Err(Failure::environment(format!(
                "cannot replace `{shown}`: weir did not write `{first}`{more} in it"
            ))
            .with_help("move what is yours out of the folder: a build replaces the whole of it"))
        }
    }
}

/// Every entry below a folder that is not a folder itself; links are not followed.
fn list(root: &Path) -> io::Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((disk, path)) = folders.pop() {
        for entry in fs::read_dir(&disk)? {
            let entry = entry?;
            let name = entry.file_name();
            let path = match path.as_str() {
                "" => name.to_string_lossy().into_owned(),
                path => format!("{path}/{}", name.to_string_lossy()),
            };
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), path));
            } else {
                files.insert(path);
            }
        }
    }
    Ok(files)
}

pub(super) fn is_same(path: &Path, contents: &[u8], executable: bool) -> bool {
    let Ok(meta) = fs::symlink_metadata(path) else { return false };
    meta.is_file()
        && meta.len() == contents.len() as u64
        && is_executable(&meta) == executable
        && fs::read(path).is_ok_and(|found| found == contents)
}

#[cfg(unix)]
fn is_executable(meta: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}
