//! `manifest.json`: every file of the tree with its hash. Without times, users or hosts: same input, same bytes.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub const MANIFEST: &str = "manifest.json";
/// [`Manifest::generator`]: marks a folder as one that Weir wrote and may replace.
pub const GENERATOR: &str = "weir";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub generator: String,
    /// The version of Weir that wrote the tree.
    pub version: String,
    pub package: ManifestPackage,
    /// Every file but the manifest itself, by path.
    pub files: Vec<ManifestFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPackage {
    pub name: String,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    pub path: String,
    /// `null` for what describes the whole tree.
    pub target: Option<String>,
    pub size: u64,
    pub sha256: String,
    #[serde(default)]
    pub executable: bool,
}

impl Manifest {
    /// Reads a manifest; nothing if it is not one of ours.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|manifest: &Self| manifest.generator == GENERATOR)
    }

    pub(crate) fn new(package: ManifestPackage, files: Vec<ManifestFile>) -> Self {
        Self { generator: GENERATOR.into(), version: env!("CARGO_PKG_VERSION").into(), package, files }
    }

    pub(crate) fn render(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl ManifestFile {
    pub(crate) fn of(path: &str, target: Option<&str>, contents: &[u8], executable: bool) -> Self {
        Self {
            path: path.to_owned(),
            target: target.map(str::to_owned),
            size: contents.len() as u64,
            sha256: sha256(contents),
            executable,
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        // Writing into a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
