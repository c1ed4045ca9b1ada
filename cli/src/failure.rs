//! Why a command ended before its time, and with which exit code.

use std::{io, path::Path};

pub(crate) use weir_files::cause;

use crate::{console::Console, guard, render::text};

#[derive(Debug)]
pub(crate) enum Failure {
    /// All is said: diagnostics were printed, or differences listed.
    Reported,
    /// Something outside of the policy's text went wrong: a file, a disk, a folder in the way.
    Environment { message: String, help: Option<String> },
    /// The command line asks for what there is not.
    Usage { message: String, help: Option<String> },
    /// A bug of ours.
    Internal(String),
}

impl Failure {
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const INTERNAL: u8 = 3;

    pub(crate) fn environment(message: impl Into<String>) -> Self {
        Self::Environment { message: message.into(), help: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: None }
    }

    /// `cannot ACT PATH: CAUSE`, with what to do about the usual causes.
    pub(crate) fn io(act: &str, path: &Path, error: &io::Error) -> Self {
        let help = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some("make room on the disk and try again")
            }
            io::ErrorKind::PermissionDenied => Some("check who owns the folder, and its permissions"),
            io::ErrorKind::ReadOnlyFilesystem => Some("choose a folder that can be written to"),
            io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => {
                Some("a mount point cannot be replaced: choose a folder below it")
            }
            _ => None,
        };
        let message = format!("cannot {act} `{}`: {}", path.display(), cause(error));
        Self::Environment { message, help: help.map(str::to_owned) }
    }

    #[must_use]
    pub(crate) fn with_help(self, text: impl Into<String>) -> Self {
        match self {
            Self::Environment { message, .. } => Self::Environment { message, help: Some(text.into()) },
            Self::Usage { message, .. } => Self::Usage { message, help: Some(text.into()) },
            other => other,
        }
    }

    /// Tells the user, and gives the exit code.
    pub(crate) fn report(&self, console: &Console) -> u8 {
        match self {
            Self::Reported => 1,
            Self::Environment { message, help } => {
                console.error(message, help.as_deref());
                1
            }
            Self::Usage { message, help } => {
                console.error(message, help.as_deref());
                Self::USAGE
            }
            Self::Internal(message) => {
                let message = text::visible_lines(message);
                console.stderr(&guard::report(&message, ""));
                Self::INTERNAL
            }
        }
    }
}
