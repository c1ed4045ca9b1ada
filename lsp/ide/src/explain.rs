//! Answers for people: why a rule permits what it does, and the plant as a graph.

use std::{collections::BTreeMap, fmt::Write as _};

use weir_syntax::{FileId, Span, ast::ItemKind};

use crate::host::Ide;

impl Ide {
    /// A rule at an offset in Markdown: what it comes to, its conduits and its enforcement points.
    pub fn explain(&self, file: FileId, offset: u32) -> Option<String> {
        let tree = self.tree(file)?;
        let around = crate::navigation::items_at(tree, file, Span::new(offset, offset));
        let (_, item) = around.iter().rev().find(|(_, item)| matches!(item.kind, ItemKind::Flow(_)))?;
        let mut text = self.hover(file, item.span.start)?.markdown;
        let (facts, statement) = self.statement_at(file, item.span.start)?;
        let relation = facts.relation()?;
        let model = &relation.model;
        let mut zones: BTreeMap<(String, String), ()> = BTreeMap::new();
        let first = |id: u32| model.principal(id).zones.first().map(|zone| model.zone(*zone).name.clone());
        let outside = || "outside".to_owned();
        for source in statement.sources.members().take(1_000) {
            for destination in statement.destinations.members().take(1_000).take(20) {
                zones.insert(
                    (first(source).unwrap_or_else(outside), first(destination).unwrap_or_else(outside)),
                    (),
                );
            }
        }
        text.push_str("\n\n**Zones**:");
        for (from, to) in zones.keys().take(20) {
            let _ = write!(text, "\n- {from} -> {to}");
        }
        Some(text)
    }

    /// Zones, what conduits join, and what is permitted between them, as DOT.
    pub fn graph(&self) -> Option<String> {
        let facts = self.facts()?;
        let relation = facts.relation()?;
        let model = &relation.model;
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let mut text = String::from("digraph weir {\n  rankdir = LR;\n  node [shape = box];\n");
        for zone in &model.zones {
            let _ = writeln!(text, "  {};", quoted(&zone.name));
        }
        for conduit in &model.conduits {
            let ends: Vec<String> = conduit
                .ends
                .iter()
                .filter_map(|end| relation.declarations.get(end.0 as usize))
                .map(|one| quoted(&one.path))
                .collect();
            if let [one, other] = ends.as_slice() {
                let _ = writeln!(
                    text,
                    "  {one} -> {other} [dir = none, style = dashed, label = {}];",
                    quoted(&conduit.name)
                );
            }
        }
        let mut flows: BTreeMap<(String, String), usize> = BTreeMap::new();
        for rectangle in &relation.rectangles {
            let zone = |set: &weir_compiler::model::PrincipalSet| {
                let id = set.members().next()?;
                Some(model.zone(*model.principal(id).zones.first()?).name.clone())
            };
            if let (Some(from), Some(to)) = (zone(&rectangle.sources), zone(&rectangle.destinations)) {
                *flows.entry((from, to)).or_default() += 1;
            }
        }
        for ((from, to), count) in flows {
            let _ = writeln!(text, "  {} -> {} [label = \"{count}\"];", quoted(&from), quoted(&to));
        }
        text.push_str("}\n");
        Some(text)
    }
}
