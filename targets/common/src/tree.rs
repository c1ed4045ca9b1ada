//! The output tree in memory, for small packages and for tests.

use std::collections::BTreeMap;

use weir_compiler::{Sources, plan::Plan};

use crate::{Emitted, Ledger, TargetGuide, TreeError};

/// One file of the output tree, artifact or not.
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
        let mut ledger = Ledger::new(plan, sources);
        for one in emitted {
            ledger.enter(&one)?;
            for artifact in one.artifacts {
                let file = TreeFile {
                    contents: artifact.contents,
                    target: Some(artifact.target),
                    executable: artifact.executable,
                };
                tree.files.insert(artifact.path, file);
            }
        }
        tree.files.extend(
            ledger.describe(guides, certificate)?.into_iter().map(|(path, file)| (path.to_owned(), file)),
        );
        Ok(tree)
    }
}
