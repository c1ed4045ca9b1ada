//! What is known of a tree whose files are made, and written, one after the other: where they lie, their hashes, and
//! what they carry. In the end it describes the tree.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use weir_compiler::{Sources, plan::Plan};

use crate::{
    Artifact, Emitted, MANIFEST, README, SOURCE_MAP, TargetGuide, TreeFile,
    manifest::{Manifest, ManifestFile, ManifestPackage},
    readme,
    source_map::SourceMap,
};

/// What was proven of the tree.
pub const CERTIFICATE: &str = "certificate.json";

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

/// Keeps no contents: a large tree is never in memory as a whole.
pub struct Ledger<'p> {
    plan: &'p Plan,
    sources: &'p Sources,
    files: BTreeMap<String, ManifestFile>,
    folders: BTreeSet<String>,
    targets: BTreeSet<&'static str>,
    source_map: SourceMap<'p>,
}

impl<'p> Ledger<'p> {
    pub fn new(plan: &'p Plan, sources: &'p Sources) -> Self {
        Self {
            plan,
            sources,
            files: BTreeMap::new(),
            folders: BTreeSet::new(),
            targets: BTreeSet::new(),
            source_map: SourceMap::new(plan),
        }
    }

    /// Enters what an enforcement point has. On an error nothing of the tree may be kept.
    pub fn enter(&mut self, emitted: &Emitted) -> Result<(), TreeError> {
        for Artifact { path, contents, target, executable } in &emitted.artifacts {
            self.targets.insert(target);
            self.file(path, ManifestFile::of(path, Some(target), contents, *executable))?;
        }
        emitted.carried.iter().for_each(|carried| self.source_map.carry(carried));
        Ok(())
    }

    /// The hash of a file that was entered; empty, if none was.
    pub fn sha256(&self, path: &str) -> &str {
        self.files.get(path).map_or("", |file| &file.sha256)
    }

    /// The files that describe all others, by path; `certificate` is what was proven of them.
    pub fn describe(
        mut self,
        guides: &[TargetGuide],
        certificate: Vec<u8>,
    ) -> Result<impl IntoIterator<Item = (&'static str, TreeFile)> + use<>, TreeError> {
        let failed = |file, cause: String| TreeError::Description { file, cause };
        let readme = readme::render(self.plan, guides, |target| self.targets.contains(target))
            .map_err(|error| failed(README, error.to_string()))?;
        let map =
            self.source_map.render(self.sources).map_err(|error| failed(SOURCE_MAP, error.to_string()))?;
        let mut described = Vec::with_capacity(4);
        for (path, contents) in [(README, readme.into_bytes()), (SOURCE_MAP, map), (CERTIFICATE, certificate)]
        {
            self.file(path, ManifestFile::of(path, None, &contents, false))?;
            described.push((path, TreeFile { contents, target: None, executable: false }));
        }
        self.place(MANIFEST)?;
        let package = ManifestPackage { name: self.plan.package.clone(), version: self.plan.version.clone() };
        let manifest = Manifest::new(package, self.files.into_values().collect());
        let contents = manifest.render().map_err(|error| failed(MANIFEST, error.to_string()))?;
        described.push((MANIFEST, TreeFile { contents, target: None, executable: false }));
        Ok(described)
    }

    fn file(&mut self, path: &str, file: ManifestFile) -> Result<(), TreeError> {
        self.place(path)?;
        self.files.insert(path.to_owned(), file);
        Ok(())
    }

    /// Makes sure that a path stays in the tree and meets no other, and that no file stands where another needs a folder.
    fn place(&mut self, path: &str) -> Result<(), TreeError> {
        if !path.split('/').all(is_safe_part) {
            return Err(TreeError::UnsafePath(path.into()));
        }
        if self.files.contains_key(path) || self.folders.contains(path) {
            return Err(TreeError::Collision(path.into()));
        }
        let mut rest = path;
        while let Some((folder, _)) = rest.rsplit_once('/') {
            if self.files.contains_key(folder) {
                return Err(TreeError::Collision(folder.into()));
            }
            if !self.folders.contains(folder) {
                self.folders.insert(folder.to_owned());
            }
            rest = folder;
        }
        Ok(())
    }
}

fn is_safe_part(part: &str) -> bool {
    !matches!(part, "" | "." | "..")
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'~' | b'-'))
}
