//! What every target shares: the artifacts it hands over, how they are described, and the tree they are written as.

mod ledger;
mod manifest;
mod readme;
mod source_map;
mod tree;

use std::fmt::Write as _;

use smol_str::SmolStr;

pub use ledger::{CERTIFICATE, Ledger, TreeError};
pub use manifest::{GENERATOR, MANIFEST, Manifest, ManifestFile, ManifestPackage};
pub use readme::{README, code};
pub use source_map::SOURCE_MAP;
pub use tree::{OutputTree, TreeFile};

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
    /// Which statements the artifacts enforce. Goes into the source map.
    pub carried: Vec<Carried>,
}

/// Statements of the policy, and the artifacts that each of them is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Ids of statements.
    pub statements: Vec<SmolStr>,
    /// Paths, as [`Artifact::path`] has them.
    pub artifacts: Vec<String>,
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

/// Whether a name of the model (package, policy, statement) can stand in any artifact as it is: `[A-Za-z0-9_.\[\]-]+`, at
/// most 1,024 bytes.
pub fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.[]-".contains(&byte);
    (1..=1024).contains(&name.len()) && name.bytes().all(plain)
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
