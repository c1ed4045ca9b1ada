//! Where something stands, and what could not be read.

use std::fmt;

/// A line of a file; in a kernel's listing, which has no lines, the handle that `nft -a list` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Index into `files`.
    pub file: u32,
    /// From 1.
    pub line: u32,
}

/// A construct that has no meaning here, or whose meaning is not the promised one. Never skipped: it fails the reading.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    pub file: String,
    /// As in [`Place`]; 0 for what concerns the file as a whole.
    pub line: u32,
    /// The construct and what is wrong with it.
    pub what: String,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.what)
        } else {
            write!(f, "{}:{}: {}", self.file, self.line, self.what)
        }
    }
}

impl std::error::Error for Unread {}
