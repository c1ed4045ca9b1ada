//! The `use` that a name of elsewhere needs.

use weir_syntax::{Edit, FileId, Span, ast::ItemKind};

use crate::host::Ide;

impl Ide {
    /// The edit that brings a name in, in a file that does not have it.
    pub(crate) fn add_use(&self, file: FileId, module: &str, name: &str) -> Vec<Edit> {
        let (Some(tree), Some(text)) = (self.tree(file), self.text(file)) else { return Vec::new() };
        let uses = tree.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Use(uses) => Some((item, uses)),
            _ => None,
        });
        let mut last = None;
        for (item, uses) in uses {
            last = Some(item.span.end);
            let same = |import: &weir_syntax::ast::Import| {
                let path: Vec<&str> = import.path.iter().map(|name| name.text.as_str()).collect();
                path.split_last().is_some_and(|(_, before)| before.join(".") == module)
            };
            let written = item.span.of(text);
            if uses.imports.iter().all(same)
                && let Some(end) = written.rfind('}')
                && let Some(import) = uses.imports.last()
                && !written.contains("//")
            {
                let at = import
                    .alias
                    .as_ref()
                    .or(import.path.last())
                    .map_or(item.span.start + end as u32, |name| name.span.end);
                return vec![Edit { file, span: Span::new(at, at), text: format!(", {name}") }];
            }
        }
        let line = format!("use {module}.{name}");
        let (at, line) = match last {
            Some(end) => (end, format!("\n{line}")),
            None => {
                let head: usize = text
                    .split_inclusive('\n')
                    .take_while(|line| line.trim().is_empty() || line.trim_start().starts_with("//!"))
                    .map(str::len)
                    .sum();
                (head as u32, format!("{line}\n\n"))
            }
        };
        vec![Edit { file, span: Span::new(at, at), text: line }]
    }
}
