//! Answers for people: why a rule permits what it does, and the plant as a graph.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use rustc_hash::FxHashMap;
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
        // sets are shared between rectangles: the zones of each are found once
        let mut known: FxHashMap<usize, Vec<String>> = FxHashMap::default();
        let mut zones_of = |set: &weir_compiler::model::PrincipalSet| -> Vec<String> {
            let find = || {
                let members = set.members().flat_map(|id| model.principal(id).zones.iter().copied());
                let zones: BTreeSet<_> = members.collect();
                zones.into_iter().map(|zone| model.zone(zone).name.clone()).collect()
            };
            known.entry(Arc::as_ptr(set) as usize).or_insert_with(find).clone()
        };
        let mut flows: BTreeMap<(String, String), BTreeSet<u32>> = BTreeMap::new();
        for rectangle in &relation.rectangles {
            let destinations = zones_of(&rectangle.destinations);
            for from in zones_of(&rectangle.sources) {
                for to in &destinations {
                    flows.entry((from.clone(), to.clone())).or_default().insert(rectangle.statement);
                }
            }
        }
        for ((from, to), statements) in flows {
            let count = crate::hover::count(statements.len() as u64, "rule");
            let _ = writeln!(text, "  {} -> {} [label = \"{count}\"];", quoted(&from), quoted(&to));
        }
        text.push_str("}\n");
        Some(text)
    }
}
