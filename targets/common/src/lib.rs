//! What every target shares: the artifacts it hands over, how they are described, and the tree they are written as.

mod manifest;
mod readme;
mod source_map;
mod tree;

use std::{collections::BTreeMap, fmt::Write as _};

pub use manifest::{GENERATOR, Manifest, ManifestFile, ManifestPackage};
pub use source_map::MappedStatement;
pub use tree::{CERTIFICATE, MANIFEST, OutputTree, README, SOURCE_MAP, TreeError, TreeFile};

/// One file of the output tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Path below the output folder, `/` between parts: `nftables/gw_turbine.nft`. Every part matches
    /// `[A-Za-z0-9_.~-]+` and is neither `.` nor `..`.
    pub path: String,
    pub contents: Vec<u8>,
    /// The target's name: `nftables`.
    pub target: &'static str,
    pub executable: bool,
}

/// What a target made for one enforcement point.
#[derive(Clone, Debug, Default)]
pub struct Emitted {
    /// The enforcement point, as the package names it.
    pub point: String,
    pub artifacts: Vec<Artifact>,
    /// For the id of each statement that the point enforces, the artifacts that name it. Goes into the source map.
    pub carried: BTreeMap<String, Vec<String>>,
}

/// What an operator has to know about a target: how to deploy, check and roll back, and how long a revoked permission
/// goes on working. Goes into the tree's `README.md`.
#[derive(Clone, Debug)]
pub struct TargetGuide {
    /// [`Artifact::target`].
    pub target: &'static str,
    /// A Markdown section with a heading of level two.
    pub section: String,
}

/// A name of the package (`press[3].gw`) as a part of a file name. Injective: what is not `[A-Za-z0-9_-]` or an inner
/// `.` becomes `~` and two hex digits per byte, so two names never meet in one file.
pub fn file_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (index, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => out.push(char::from(byte)),
            b'.' if index > 0 => out.push('.'),
            _ => {
                // Writing into a String does not fail.
                let _ = write!(out, "~{byte:02x}");
            }
        }
    }
    out
}
