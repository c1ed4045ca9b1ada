//! One file of a report or an import: whole, or as it was.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// What becomes of a file that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Present {
    Replace,
    /// It is an error, and stays.
    Keep,
}

/// Writes a file beside its place, and puts it there in one step. A link is followed; what is no regular file (a pipe, a
/// terminal) is written to as it is.
pub(crate) fn file(path: &Path, contents: &[u8], present: Present) -> Result<(), Failure> {
    let failed = |error: &io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::environment(format!("`{}` exists", path.display()))
            .with_help("choose another file, or replace it with `--force`"),
        _ => Failure::io("write", path, error),
    };
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let known = fs::metadata(&place);
    if known.as_ref().is_ok_and(|known| !known.is_file() && !known.is_dir()) {
        return fs::write(&place, contents).map_err(|error| failed(&error));
    }
    let folder = place.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    let written = (|| -> io::Result<()> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".weir-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // the umask takes away what has to go
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let mut fresh: NamedTempFile = builder.tempfile_in(&folder)?;
        fresh.write_all(contents)?;
        fresh.flush()?;
        if let Ok(known) = &known {
            fresh.as_file().set_permissions(known.permissions())?;
        }
        match present {
            Present::Replace => fresh.persist(&place).map_err(|error| error.error)?,
            Present::Keep => fresh.persist_noclobber(&place).map_err(|error| error.error)?,
        };
        Ok(())
    })();
    written.map_err(|error| failed(&error))
}
