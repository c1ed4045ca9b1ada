//! Answers for people: why a rule permits what it does.

use std::{collections::BTreeSet, fmt::Write as _};

use weir_syntax::{FileId, Span, ast::ItemKind};

use crate::host::Ide;

impl Ide {
    /// A rule at an offset in Markdown: what it comes to, its artifacts' lines, its zones.
    pub fn explain(&self, file: FileId, offset: u32) -> Option<String> {
        let tree = self.tree(file)?;
        let around = crate::navigation::items_at(tree, file, Span::new(offset, offset));
        let (_, item) = around.iter().rev().find(|(_, item)| matches!(item.kind, ItemKind::Flow(_)))?;
        let mut text = self.hover(file, item.span.start)?.markdown;
        let (facts, statement) = self.statement_at(file, item.span.start)?;
        let relation = facts.relation()?;
        let model = &relation.model;
        let names = |set: &weir_compiler::model::PrincipalSet| -> BTreeSet<String> {
            let zones: BTreeSet<_> =
                set.members().flat_map(|id| model.principal(id).zones.iter().copied()).collect();
            zones.into_iter().map(|zone| model.zone(zone).name.clone()).collect()
        };
        let or_none = |names: BTreeSet<String>| {
            if names.is_empty() {
                "no zone".to_owned()
            } else {
                names.into_iter().collect::<Vec<_>>().join(", ")
            }
        };
        let (from, to) = (or_none(names(&statement.sources)), or_none(names(&statement.destinations)));
        let _ = write!(text, "\n\n**Zones**: {from} -> {to}");
        Some(text)
    }
}
