//! `sourcemap.json`: from the ids that artifacts, counters and logs carry back to the policy's text.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_compiler::{Sources, plan::Plan};
use weir_syntax::{FileId, text::LineIndex};

use crate::Emitted;

/// One statement of the policy, as the source map has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MappedStatement {
    pub policy: String,
    /// From the package's folder.
    pub file: String,
    /// Counts from 1.
    pub line: u32,
    /// Counts from 1, in characters.
    pub column: u32,
    pub doc: String,
    pub statement: String,
    /// The artifacts that carry it, sorted.
    pub artifacts: Vec<String>,
}

#[derive(Serialize)]
struct SourceMap {
    version: &'static str,
    /// By id.
    statements: BTreeMap<String, MappedStatement>,
}

pub(crate) fn render(
    plan: &Plan,
    sources: &Sources,
    emitted: &[Emitted],
) -> Result<Vec<u8>, serde_json::Error> {
    let mut artifacts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (id, paths) in emitted.iter().flat_map(|one| &one.carried) {
        artifacts.entry(id).or_default().extend(paths.iter().cloned());
    }
    let mut indexes: BTreeMap<FileId, LineIndex> = BTreeMap::new();
    let mut statements = BTreeMap::new();
    for origin in &plan.statements {
        let Some(source) = sources.file(origin.file) else { continue };
        let lines = indexes.entry(origin.file).or_insert_with(|| LineIndex::new(&source.text));
        let place = lines.line_column(&source.text, origin.span.start);
        let mut artifacts = artifacts.remove(origin.id.as_str()).unwrap_or_default();
        artifacts.sort();
        artifacts.dedup();
        let statement = MappedStatement {
            policy: origin.policy.clone(),
            file: source.path.clone(),
            line: place.line,
            column: place.column,
            doc: origin.documentation.clone(),
            statement: origin.text.clone(),
            artifacts,
        };
        statements.insert(origin.id.clone(), statement);
    }
    let mut bytes = serde_json::to_vec_pretty(&SourceMap { version: env!("CARGO_PKG_VERSION"), statements })?;
    bytes.push(b'\n');
    Ok(bytes)
}
