//! `sourcemap.json`: from the ids that artifacts, counters and logs carry back to the policy's text.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde::{Serialize, Serializer};
use smol_str::SmolStr;
use weir_compiler::{
    Sources,
    plan::{Plan, StatementOrigin},
};
use weir_syntax::{FileId, text::LineIndex};

use crate::Carried;

pub const SOURCE_MAP: &str = "sourcemap.json";

/// Bytes of an entry beside what it quotes; a little more than there are.
const ENTRY: usize = 200;

/// Which artifacts each statement of a plan is in.
pub(crate) struct SourceMap<'p> {
    statements: &'p [StatementOrigin],
    /// Index into `statements`.
    positions: FxHashMap<&'p str, usize>,
    /// Lists of artifacts that many statements share.
    lists: Vec<Vec<String>>,
    /// For each statement, indices into `lists`.
    carried: Vec<Vec<u32>>,
}

impl<'p> SourceMap<'p> {
    pub(crate) fn new(plan: &'p Plan) -> Self {
        let statements = plan.statements.as_slice();
        Self {
            statements,
            positions: statements.iter().enumerate().map(|(at, origin)| (origin.id.as_str(), at)).collect(),
            lists: Vec::new(),
            carried: vec![Vec::new(); statements.len()],
        }
    }

    pub(crate) fn carry(&mut self, carried: &Carried) {
        let list = self.lists.len() as u32;
        self.lists.push(carried.artifacts.clone());
        for id in &carried.statements {
            if let Some(position) = self.positions.get(id.as_str()) {
                self.carried[*position].push(list);
            }
        }
    }

    pub(crate) fn render(&self, sources: &Sources) -> Result<Vec<u8>, serde_json::Error> {
        let document =
            Document { version: env!("CARGO_PKG_VERSION"), statements: Statements { map: self, sources } };
        let mut bytes = Vec::with_capacity(self.size());
        serde_json::to_writer_pretty(&mut bytes, &document)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// About how long the text becomes: it is the longest of all, and should not be copied while it grows.
    fn size(&self) -> usize {
        let list = |list: &Vec<String>| list.iter().map(|path| path.len() + 12).sum::<usize>();
        let lists: Vec<usize> = self.lists.iter().map(list).collect();
        let entries = self.statements.iter().zip(&self.carried).map(|(origin, carried)| {
            let quoted = [&origin.id, &origin.policy, &origin.text, &origin.documentation];
            let artifacts = carried.iter().map(|list| lists[*list as usize]).sum::<usize>();
            ENTRY + quoted.map(SmolStr::len).into_iter().sum::<usize>() + artifacts
        });
        entries.sum::<usize>() + ENTRY
    }

    /// The artifacts of a statement, sorted.
    fn artifacts(&self, statement: usize) -> Vec<&str> {
        let lists = self.carried[statement].iter().flat_map(|list| &self.lists[*list as usize]);
        let mut artifacts: Vec<&str> = lists.map(String::as_str).collect();
        artifacts.sort_unstable();
        artifacts.dedup();
        artifacts
    }
}

#[derive(Serialize)]
struct Document<'s> {
    version: &'static str,
    /// By id.
    statements: Statements<'s>,
}

/// Made while it is written: each entry lives as long as its own line.
struct Statements<'s> {
    map: &'s SourceMap<'s>,
    sources: &'s Sources,
}

/// One statement of the policy, as the source map has it.
#[derive(Serialize)]
struct MappedStatement<'s> {
    policy: &'s str,
    /// From the package's folder.
    file: &'s str,
    /// Counts from 1.
    line: u32,
    /// Counts from 1, in characters.
    column: u32,
    doc: &'s str,
    statement: &'s str,
    /// The artifacts that carry it, sorted.
    artifacts: Vec<&'s str>,
}

impl Serialize for Statements<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut indexes: BTreeMap<FileId, LineIndex> = BTreeMap::new();
        let entries = self.map.statements.iter().enumerate().filter_map(|(at, origin)| {
            let source = self.sources.file(origin.file)?;
            let lines = indexes.entry(origin.file).or_insert_with(|| LineIndex::new(&source.text));
            let place = lines.line_column(&source.text, origin.span.start);
            let statement = MappedStatement {
                policy: &origin.policy,
                file: &source.path,
                line: place.line,
                column: place.column,
                doc: &origin.documentation,
                statement: &origin.text,
                artifacts: self.map.artifacts(at),
            };
            Some((origin.id.as_str(), statement))
        });
        serializer.collect_map(entries)
    }
}
