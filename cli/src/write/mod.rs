//! Writes an output tree so that nobody ever sees half of one: the new tree is built beside the old one and takes its
//! place in one step. A kill at any time leaves the old tree or the new one, whole; what else it leaves is hidden, and
//! cleaned up by the next run. Power loss is not covered: a build is repeated faster than a disk is synced.

mod changes;
mod swap;

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use weir_targets::OutputTree;

pub(crate) use changes::{Change, Changes};

use crate::failure::Failure;

/// What a build would change in `out`; nothing is touched.
pub(crate) fn compare(out: &Path, package: &Path, tree: &OutputTree) -> Result<Changes, Failure> {
    changes::compare(&place(out)?, package, tree)
}

/// Makes `out` hold exactly this tree.
pub(crate) fn publish(out: &Path, package: &Path, tree: &OutputTree) -> Result<Changes, Failure> {
    let place = place(out)?;
    let (folder, _) = swap::split(&place)?;
    fs::create_dir_all(folder).map_err(|error| Failure::io("create the folder", folder, &error))?;
    let _lock = swap::lock(folder)?;
    swap::recover(&place)?;
    let changes = changes::compare(&place, package, tree)?;
    if changes.is_empty() && place.is_dir() {
        return Ok(changes);
    }
    let fresh = swap::sibling(&place)?;
    if let Ok(old) = fs::metadata(&place) {
        fs::set_permissions(fresh.path(), old.permissions())
            .map_err(|error| Failure::io("set the permissions of", fresh.path(), &error))?;
    }
    fill(fresh.path(), &place, tree, &changes)
        .map_err(|(path, error)| Failure::io("write", &path_in(&place, &path), &error))?;
    swap::swap(fresh, &place)?;
    Ok(changes)
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

/// Writes the tree into an empty folder. Unchanged files are the old ones, with their times.
fn fill(fresh: &Path, old: &Path, tree: &OutputTree, changes: &Changes) -> Result<(), (String, io::Error)> {
    for (path, file) in &tree.files {
        let at = path_in(fresh, path);
        let written = at.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| match changes.of(path) {
            Change::Unchanged => keep(&path_in(old, path), &at),
            _ => write_file(&at, &file.contents, file.executable),
        });
        written.map_err(|error| (path.clone(), error))?;
    }
    Ok(())
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
