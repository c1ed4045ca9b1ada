//! One folder takes another's place in one step.
//!
//! Beside `out` there may be, for the time of a build, `.out.weir-new-XXXXXX` (the new tree, or the old one after the
//! exchange) and, where the system cannot exchange two folders in one step, `.out.weir-old-XXXXXX` (the old tree while
//! nothing stands at `out`).

use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::failure::Failure;

/// How long to wait for another build that writes into the same parent folder.
const PATIENCE: Duration = Duration::from_secs(30);

/// The folder that a place is in, and its name there.
pub(super) fn split(place: &Path) -> Result<(&Path, OsString), Failure> {
    match (place.parent(), place.file_name()) {
        (Some(folder), Some(name)) => Ok((folder, name.to_owned())),
        _ => Err(Failure::environment(format!(
            "cannot write to `{}`: it has no name to replace",
            place.display()
        ))
        .with_help("choose another folder with `-o`")),
    }
}

/// Keeps other builds from the folder until dropped. The folder itself is what is locked, so that no file is left.
pub(super) fn lock(folder: &Path) -> Result<Option<File>, Failure> {
    let Ok(handle) = File::open(folder) else { return Ok(None) };
    let start = Instant::now();
    loop {
        match handle.try_lock() {
            Ok(()) => return Ok(Some(handle)),
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::environment(format!(
                    "another weir is still writing in `{}`",
                    folder.display()
                )));
            }
            // A file system without locks: builds that race end in one of their trees all the same.
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
}

/// Repairs and removes what a killed build left.
pub(super) fn recover(place: &Path) -> Result<(), Failure> {
    for old in leftovers(place, "old")? {
        if place.symlink_metadata().is_err() {
            fs::rename(&old, place).map_err(|error| Failure::io("restore", place, &error))?;
        } else {
            discard(&old);
        }
    }
    for new in leftovers(place, "new")? {
        discard(&new);
    }
    Ok(())
}

fn leftovers(place: &Path, kind: &str) -> Result<Vec<PathBuf>, Failure> {
    let (folder, name) = split(place)?;
    let prefix = prefix(&name, kind);
    let entries = fs::read_dir(folder).map_err(|error| Failure::io("read", folder, &error))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()))
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    Ok(found)
}

fn prefix(name: &OsString, kind: &str) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(format!(".weir-{kind}-"));
    prefix
}

/// An empty folder beside the place, on the same file system.
pub(super) fn sibling(place: &Path) -> Result<TempDir, Failure> {
    let (folder, name) = split(place)?;
    let prefix = prefix(&name, "new");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    // As `mkdir` makes it: the umask decides.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    builder.tempdir_in(folder).map_err(|error| Failure::io("write in", folder, &error))
}

/// Puts `fresh` at `place`; what stood there is removed.
pub(super) fn swap(fresh: TempDir, place: &Path) -> Result<(), Failure> {
    if place.symlink_metadata().is_err() {
        fs::rename(fresh.path(), place).map_err(|error| Failure::io("create", place, &error))?;
        // Its name is gone: there is nothing to clean up.
        let _ = fresh.keep();
        return Ok(());
    }
    writable(place)?;
    match exchange(fresh.path(), place) {
        Ok(()) => {
            discard(&fresh.keep());
            Ok(())
        }
        Err(error) if is_unsupported(&error) => dance(fresh, place),
        Err(error) => Err(Failure::io("replace", place, &error)),
    }
}

/// Two steps, for systems without an exchange: for a moment nothing stands at `place`, and [`recover`] can tell.
fn dance(fresh: TempDir, place: &Path) -> Result<(), Failure> {
    let (folder, name) = split(place)?;
    let tag = fresh.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut backup = prefix(&name, "old");
    backup.push(tag.rsplit('-').next().unwrap_or_default());
    let backup = folder.join(backup);
    fs::rename(place, &backup).map_err(|error| Failure::io("replace", place, &error))?;
    if let Err(error) = fs::rename(fresh.path(), place) {
        let _ = fs::rename(&backup, place);
        return Err(Failure::io("replace", place, &error));
    }
    let _ = fresh.keep();
    discard(&backup);
    Ok(())
}

/// Whoever made the old tree read-only did not want it replaced.
#[cfg(unix)]
fn writable(place: &Path) -> Result<(), Failure> {
    let access = rustix::fs::access(place, rustix::fs::Access::WRITE_OK);
    access.map_err(|error| Failure::io("replace", place, &error.into()))
}

#[cfg(not(unix))]
fn writable(_: &Path) -> Result<(), Failure> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn exchange(fresh: &Path, place: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, fresh, CWD, place, RenameFlags::EXCHANGE)?)
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The kernel, or the file system, knows no exchange.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

/// Removes what nobody needs any more. What cannot be removed now is hidden, and the next build tries again.
fn discard(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_dance_ends_in_the_new_tree() {
        let base = tempfile::tempdir().unwrap();
        let place = base.path().join("out");
        fs::create_dir(&place).unwrap();
        fs::write(place.join("old"), "").unwrap();
        let fresh = sibling(&place).unwrap();
        fs::write(fresh.path().join("new"), "").unwrap();
        dance(fresh, &place).unwrap();
        assert!(place.join("new").exists() && !place.join("old").exists());
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_kill_between_the_steps_is_repaired() {
        let base = tempfile::tempdir().unwrap();
        let place = base.path().join("out");
        for leftover in [".out.weir-old-abc", ".out.weir-new-abc", ".other.weir-new-abc"] {
            fs::create_dir(base.path().join(leftover)).unwrap();
        }
        fs::write(base.path().join(".out.weir-old-abc/kept"), "").unwrap();
        recover(&place).unwrap();
        assert!(place.join("kept").exists());
        let mut names: Vec<_> =
            fs::read_dir(base.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".other.weir-new-abc", "out"]);
    }
}
