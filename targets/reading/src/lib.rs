//! What all readers share: how they say what they could not read, and YAML's plain scalars.

pub mod yaml;

use std::fmt;

/// A construct that has no meaning to a reader, or whose meaning is not the promised one. Never skipped: it fails the
/// reading, and it is the first thing only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    pub file: String,
    /// From 1; 0 for what concerns the file as a whole. In a kernel's listing, which has no lines, the handle that
    /// `nft -a list` shows.
    pub line: u32,
    /// The construct and what is wrong with it.
    pub what: String,
}

impl Unread {
    /// The file and, where it is known, the line.
    pub fn place(&self) -> String {
        match self.line {
            0 => self.file.clone(),
            line => format!("{}:{line}", self.file),
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place(), self.what)
    }
}

impl std::error::Error for Unread {}
