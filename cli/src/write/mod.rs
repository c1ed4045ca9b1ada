//! Writes an output tree so that nobody ever sees half of one: the new tree is built beside the old one and takes its
//! place in one step. A kill at any time leaves the old tree or the new one, whole; what else it leaves is hidden, and
//! cleaned up by the next run. Power loss is not covered: a build is repeated faster than a disk is synced.

mod changes;
pub(crate) mod single;
mod swap;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

pub(crate) use changes::{Change, Changes};

use crate::failure::Failure;

/// Takes the files of a new tree one after the other, so that never more than one has to be in memory. Until
/// [`Publication::finish`] the old tree stands as it was; dropped before, nothing has changed.
#[derive(Debug)]
pub(crate) struct Publication {
    place: PathBuf,
    /// Paths of the old tree.
    old: BTreeSet<String>,
    changes: Changes,
    new: New,
}

#[derive(Debug)]
enum New {
    /// Is only compared.
    Nowhere,
    /// Files that are not as they were, in a folder that is made with the first of them.
    Beside { fresh: Option<TempDir>, _lock: Option<File> },
}

impl Publication {
    /// Says what a build would change in `out`; nothing is touched.
    pub(crate) fn comparing(out: &Path, package: &Path) -> Result<Self, Failure> {
        Self::new(place(out)?, package, New::Nowhere)
    }

    /// Makes `out` hold exactly the files that are taken.
    pub(crate) fn writing(out: &Path, package: &Path) -> Result<Self, Failure> {
        let place = place(out)?;
        let (folder, _) = swap::split(&place)?;
        fs::create_dir_all(folder).map_err(|error| Failure::io("create the folder", folder, &error))?;
        let lock = swap::lock(folder)?;
        swap::recover(&place)?;
        Self::new(place, package, New::Beside { fresh: None, _lock: lock })
    }

    fn new(place: PathBuf, package: &Path, new: New) -> Result<Self, Failure> {
        let old = changes::existing(&place, package)?;
        Ok(Self { place, old, changes: Changes::default(), new })
    }

    /// Takes a file; `path` has `/` between its parts.
    pub(crate) fn take(&mut self, path: &str, contents: &[u8], executable: bool) -> Result<(), Failure> {
        let change = match self.old.contains(path) {
            false => Change::Created,
            true if changes::is_same(&path_in(&self.place, path), contents, executable) => Change::Unchanged,
            true => Change::Updated,
        };
        self.changes.add(path, change);
        if let New::Beside { fresh, .. } = &mut self.new
            && change != Change::Unchanged
        {
            let at = path_in(folder(fresh, &self.place)?, path);
            make_parent(&at)
                .and_then(|()| write_file(&at, contents, executable))
                .map_err(|error| Failure::io("write", &path_in(&self.place, path), &error))?;
        }
        Ok(())
    }

    /// All files were taken: puts the new tree in the old one's place, unless they are the same.
    pub(crate) fn finish(mut self) -> Result<Changes, Failure> {
        self.changes.remove_all_but_taken(self.old);
        let New::Beside { fresh, .. } = &mut self.new else { return Ok(self.changes) };
        if self.changes.is_empty() && self.place.is_dir() {
            return Ok(self.changes);
        }
        let new = folder(fresh, &self.place)?;
        for path in self.changes.unchanged() {
            let (old, at) = (path_in(&self.place, path), path_in(new, path));
            make_parent(&at)
                .and_then(|()| keep(&old, &at))
                .map_err(|error| Failure::io("write", &old, &error))?;
        }
        if let Some(fresh) = fresh.take() {
            swap::swap(fresh, &self.place)?;
        }
        Ok(self.changes)
    }
}

/// The folder of the new tree, made if it is not there yet.
fn folder<'f>(fresh: &'f mut Option<TempDir>, place: &Path) -> Result<&'f Path, Failure> {
    let made = match fresh.take() {
        Some(made) => made,
        None => {
            let made = swap::sibling(place)?;
            if let Ok(old) = fs::metadata(place) {
                fs::set_permissions(made.path(), old.permissions())
                    .map_err(|error| Failure::io("set the permissions of", made.path(), &error))?;
            }
            made
        }
    };
    Ok(fresh.insert(made).path())
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// The folder itself, where `out` is a link to one.
fn place(out: &Path) -> Result<PathBuf, Failure> {
    match fs::canonicalize(out) {
        Ok(real) => Ok(real),
        Err(error) if error.kind() == io::ErrorKind::NotFound && out.symlink_metadata().is_err() => {
            std::path::absolute(out).map_err(|error| Failure::io("find", out, &error))
        }
        Err(error) => Err(Failure::io("find", out, &error)),
    }
}

fn path_in(folder: &Path, path: &str) -> PathBuf {
    path.split('/').fold(folder.to_owned(), |folder, part| folder.join(part))
}

/// The same file at a new place; a copy with the old times where there are no hard links.
fn keep(old: &Path, new: &Path) -> io::Result<()> {
    if fs::hard_link(old, new).is_ok() {
        return Ok(());
    }
    fs::copy(old, new)?;
    let meta = fs::metadata(old)?;
    let times = fs::FileTimes::new().set_modified(meta.modified()?).set_accessed(meta.accessed()?);
    File::options().write(true).open(new)?.set_times(times)
}

fn write_file(path: &Path, contents: &[u8], executable: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if executable { 0o777 } else { 0o666 });
    #[cfg(not(unix))]
    let _ = executable;
    options.open(path)?.write_all(contents)
}
