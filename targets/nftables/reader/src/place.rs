//! Where something stands.

/// A line of a file; in a kernel's listing, which has no lines, the handle that `nft -a list` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Index into `files`.
    pub file: u32,
    /// From 1.
    pub line: u32,
}
