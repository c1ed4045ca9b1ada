//! The output tree in memory: all artifacts, and the files that describe them.

use std::{collections::BTreeMap, fmt};

use weir_compiler::{Sources, plan::Plan};

use crate::{
    Emitted, TargetGuide,
    manifest::{Manifest, ManifestPackage},
    readme, source_map,
};

pub const MANIFEST: &str = "manifest.json";
pub const SOURCE_MAP: &str = "sourcemap.json";
pub const README: &str = "README.md";
pub const CERTIFICATE: &str = "certificate.json";

/// One file of the tree, artifact or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    pub contents: Vec<u8>,
    /// Nothing for what describes the whole tree.
    pub target: Option<&'static str>,
    pub executable: bool,
}

/// All files of an output folder by path (`/` between parts): a function of the package's text and of nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputTree {
    pub files: BTreeMap<String, TreeFile>,
}

/// A target broke its word: an internal error, never the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeError {
    /// A part of the path is empty, `.`, `..` or has characters beyond `[A-Za-z0-9_.~-]`.
    UnsafePath(String),
    /// Two files of the same path, or a file where another needs a folder.
    Collision(String),
    /// A description could not be rendered.
    Description { file: &'static str, cause: String },
}

impl fmt::Display for TreeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsafePath(path) => write!(formatter, "the path {path:?} is not fit for an artifact"),
            Self::Collision(path) => write!(formatter, "two artifacts want the path {path:?}"),
            Self::Description { file, cause } => write!(formatter, "{file} cannot be rendered: {cause}"),
        }
    }
}

impl std::error::Error for TreeError {}

impl OutputTree {
    /// Puts artifacts together and describes them; `certificate` is what was proven of them.
    pub fn assemble(
        plan: &Plan,
        sources: &Sources,
        emitted: Vec<Emitted>,
        guides: &[TargetGuide],
        certificate: Vec<u8>,
    ) -> Result<Self, TreeError> {
        let mut tree = Self::default();
        let map = source_map::render(plan, sources, &emitted)
            .map_err(|error| TreeError::Description { file: SOURCE_MAP, cause: error.to_string() })?;
        let readme = readme::render(plan, &emitted, guides)
            .map_err(|error| TreeError::Description { file: README, cause: error.to_string() })?;
        for artifact in emitted.into_iter().flat_map(|one| one.artifacts) {
            let file = TreeFile {
                contents: artifact.contents,
                target: Some(artifact.target),
                executable: artifact.executable,
            };
            tree.insert(artifact.path, file)?;
        }
        tree.describe(SOURCE_MAP, map)?;
        tree.describe(README, readme.into_bytes())?;
        tree.describe(CERTIFICATE, certificate)?;
        tree.check_folders()?;
        let package = ManifestPackage { name: plan.package.clone(), version: plan.version.clone() };
        let mut manifest = serde_json::to_vec_pretty(&Manifest::new(package, tree.files.iter()))
            .map_err(|error| TreeError::Description { file: MANIFEST, cause: error.to_string() })?;
        manifest.push(b'\n');
        tree.describe(MANIFEST, manifest)?;
        Ok(tree)
    }

    fn describe(&mut self, path: &str, contents: Vec<u8>) -> Result<(), TreeError> {
        self.insert(path.into(), TreeFile { contents, target: None, executable: false })
    }

    fn insert(&mut self, path: String, file: TreeFile) -> Result<(), TreeError> {
        if !path.split('/').all(is_safe_part) {
            return Err(TreeError::UnsafePath(path));
        }
        if self.files.contains_key(&path) {
            return Err(TreeError::Collision(path));
        }
        self.files.insert(path, file);
        Ok(())
    }

    /// No file stands where another needs a folder.
    fn check_folders(&self) -> Result<(), TreeError> {
        for path in self.files.keys() {
            let mut rest = path.as_str();
            while let Some((folder, _)) = rest.rsplit_once('/') {
                if self.files.contains_key(folder) {
                    return Err(TreeError::Collision(folder.into()));
                }
                rest = folder;
            }
        }
        Ok(())
    }
}

fn is_safe_part(part: &str) -> bool {
    !matches!(part, "" | "." | "..")
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'~' | b'-'))
}
