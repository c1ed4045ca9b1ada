//! Changes that an editor can offer: the fixes of diagnostics, and those that need more than a diagnostic knows.

use weir_compiler::names::Kind;
use weir_syntax::{
    Diagnostic, Edit, FileId, Fix, Span,
    ast::{Block, Entry, ExprKind, ItemKind},
};

use crate::{database::DeclarationId, host::Ide, navigation::items_at};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    QuickFix,
    FixAll,
    Rewrite,
}

#[derive(Clone, Debug)]
pub struct Action {
    pub title: String,
    pub kind: ActionKind,
    pub edits: Vec<Edit>,
    /// What it mends.
    pub mends: Option<Diagnostic>,
    /// Whether it is what most would do.
    pub preferred: bool,
}

impl Ide {
    /// What can be done about the text under a span.
    pub fn actions(&self, file: FileId, span: Span) -> Vec<Action> {
        let mut actions = Vec::new();
        let touches = |other: Span| other.start <= span.end && span.start <= other.end;
        for diagnostic in self.diagnostics(file) {
            let Some(primary) = diagnostic.labels.first().filter(|label| touches(label.span)) else {
                continue;
            };
            // what the compiler offers is a correction; what is added here is a decision
            let corrections = diagnostic.fixes.len();
            let mut fixes = diagnostic.fixes.clone();
            fixes.extend(self.more_fixes(&diagnostic, file, primary.span));
            for (at, fix) in fixes.into_iter().enumerate() {
                actions.push(Action {
                    title: fix.title,
                    kind: ActionKind::QuickFix,
                    edits: fix.edits,
                    mends: Some(diagnostic.clone()),
                    preferred: at == 0 && corrections > 0,
                });
            }
        }
        actions.extend(self.narrow_any(file, span));
        actions
    }

    /// One fix of every mistake of spelling and form in a file that has exactly one, as far as they do not meet: the first
    /// ones win. What changes who may talk to whom is never done in passing.
    pub fn fix_all(&self, file: FileId) -> Vec<Edit> {
        let mut edits: Vec<Edit> = Vec::new();
        for diagnostic in self.diagnostics(file) {
            let is_policy = !matches!(diagnostic.code.id.get(..3), Some("E01" | "E02" | "E03" | "W02"));
            let [fix] = diagnostic.fixes.as_slice() else { continue };
            if is_policy {
                continue;
            }
            let is_free = |edit: &Edit| {
                edit.file == file
                    && edits
                        .iter()
                        .all(|other| edit.span.end < other.span.start || other.span.end < edit.span.start)
            };
            if fix.edits.iter().all(is_free) {
                edits.extend(fix.edits.iter().cloned());
            }
        }
        edits.sort();
        edits
    }

    /// Fixes that the compiler does not make.
    fn more_fixes(&self, diagnostic: &Diagnostic, file: FileId, span: Span) -> Vec<Fix> {
        match diagnostic.code.id {
            "W0601" => self.acknowledge(diagnostic).into_iter().collect(),
            "W0503" => self.expired(file, span),
            "W0201" => self.unused(file, span).into_iter().collect(),
            "W0506" | "W0501" => self.remove_statement(file, span).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// `accept_gap` on the network that a gap is on.
    fn acknowledge(&self, diagnostic: &Diagnostic) -> Option<Fix> {
        diagnostic.labels.iter().find_map(|label| {
            let symbol = self.occurrence_at(label.file, label.span.start)?.symbol;
            let crate::names::Symbol::Declaration(id, Kind::Network | Kind::Cluster | Kind::Slice) = symbol
            else {
                return None;
            };
            let declaration = self.declaration(id)?;
            let edit = self.add_attribute(id, "accept_gap", "\"\"")?;
            Some(Fix {
                title: format!("acknowledge the gap on `{}`", declaration.name.text),
                edits: vec![edit],
            })
        })
    }

    /// One more attribute at the end of a declaration's block, laid out as the block is.
    pub(crate) fn add_attribute(&self, id: DeclarationId, name: &str, value: &str) -> Option<Edit> {
        let text = self.text(id.file)?;
        let body = self.declaration(id)?.body.as_ref()?;
        if self.is_standard(id.file) || body.attributes().any(|one| one.name.text == name) {
            return None;
        }
        let inner = body.span.of(text);
        let (at, line) = match body.attributes().last() {
            Some(last) if inner.contains('\n') => {
                let start = text.get(..last.span.start as usize)?.rfind('\n').map_or(0, |at| at + 1);
                let indent: String =
                    text[start..].chars().take_while(|one| one.is_whitespace() && *one != '\n').collect();
                (last.span.end, format!("\n{indent}{name} = {value}"))
            }
            Some(last) => (last.span.end, format!(", {name} = {value}")),
            None => (body.span.start + 1, format!(" {name} = {value} ")),
        };
        Some(Edit { file: id.file, span: Span::new(at, at), text: line })
    }

    /// An exception that has ended: a year more, or away with it.
    fn expired(&self, file: FileId, span: Span) -> Vec<Fix> {
        let Some(tree) = self.tree(file) else { return Vec::new() };
        let around = items_at(tree, file, span);
        let exception = around.iter().rev().find_map(|(_, item)| match &item.kind {
            ItemKind::Declaration(one) if one.keyword.text == "exception" => Some((item, one.body.as_ref())),
            _ => None,
        });
        let mut fixes = Vec::new();
        let holder = exception.and_then(|(_, body)| body).or_else(|| {
            around.iter().rev().find_map(|(_, item)| match &item.kind {
                ItemKind::Flow(flow) => flow.body.as_ref(),
                _ => None,
            })
        });
        let until = holder.and_then(|body: &Block| body.attributes().find(|one| one.name.text == "until"));
        if let Some(until) = until
            && let ExprKind::Date(date) = &until.value.kind
            && let Some((year, rest)) = date.split_once('-')
            && let Ok(number) = year.parse::<u32>()
        {
            // the 29th of February has no next year
            let rest =
                if rest.starts_with("02-29") { rest.replacen("02-29", "02-28", 1) } else { rest.to_owned() };
            let later = format!("{:04}-{rest}", number + 1);
            fixes.push(Fix {
                title: format!("extend it to `{later}`"),
                edits: vec![Edit { file, span: until.value.span, text: later }],
            });
        }
        if let Some((item, _)) = exception {
            fixes.push(Fix {
                title: "remove the exception".into(),
                edits: vec![self.removal(file, item.span)],
            });
        }
        fixes
    }

    /// A whole entry, with the rest of its line and the documentation above it.
    fn removal(&self, file: FileId, span: Span) -> Edit {
        let text = self.text(file).map_or("", |text| text);
        let before = text.get(..span.start as usize).unwrap_or("");
        let mut start = before.rfind('\n').map_or(0, |at| at + 1);
        if !before[start..].trim().is_empty() {
            return Edit { file, span, text: String::new() };
        }
        while start > 0 {
            let line = before[..start - 1].rfind('\n').map_or(0, |at| at + 1);
            if !before[line..start].trim_start().starts_with("///") {
                break;
            }
            start = line;
        }
        let rest = text.get(span.end as usize..).unwrap_or("");
        let line = rest.split('\n').next().unwrap_or("");
        let end = if line.trim().is_empty() {
            span.end as usize + (line.len() + 1).min(rest.len())
        } else {
            span.end as usize
        };
        Edit { file, span: Span::new(start as u32, end as u32), text: String::new() }
    }

    fn unused(&self, file: FileId, span: Span) -> Option<Fix> {
        let tree = self.tree(file)?;
        let (_, item) = items_at(tree, file, span).into_iter().last()?;
        match &item.kind {
            ItemKind::Use(uses) => {
                let at = uses.imports.iter().position(|import| {
                    import.local().is_some_and(|local| {
                        local.span == span || import.path.last().is_some_and(|last| last.span == span)
                    })
                })?;
                if uses.imports.len() == 1 {
                    let edits = vec![self.removal(file, item.span)];
                    return Some(Fix { title: "remove the `use`".into(), edits });
                }
                let of = |import: &weir_syntax::ast::Import| {
                    let (first, last) = (import.path.last()?, import.local()?);
                    Some(first.span.to(last.span))
                };
                let own = of(&uses.imports[at])?;
                let span = match (at.checked_sub(1), uses.imports.get(at + 1)) {
                    (Some(before), _) => Span::new(of(&uses.imports[before])?.end, own.end),
                    (None, Some(next)) => Span::new(own.start, of(next)?.start),
                    _ => return None,
                };
                let name = &uses.imports[at].local()?.text;
                Some(Fix {
                    title: format!("remove `{name}`"),
                    edits: vec![Edit { file, span, text: String::new() }],
                })
            }
            ItemKind::Declaration(one) => {
                let title = format!("remove `{}`", one.name.text);
                Some(Fix { title, edits: vec![self.removal(file, item.span)] })
            }
            _ => None,
        }
    }

    fn remove_statement(&self, file: FileId, span: Span) -> Option<Fix> {
        let tree = self.tree(file)?;
        let around = items_at(tree, file, span);
        let (_, item) = around.iter().rev().find(|(_, item)| matches!(item.kind, ItemKind::Flow(_)))?;
        Some(Fix { title: "remove the rule".into(), edits: vec![self.removal(file, item.span)] })
    }

    /// `any` in an `allow`, as what the destination serves.
    fn narrow_any(&self, file: FileId, span: Span) -> Option<Action> {
        let tree = self.tree(file)?;
        let around = items_at(tree, file, span);
        let (_, item) = around.iter().rev().find(|(_, item)| matches!(item.kind, ItemKind::Flow(_)))?;
        let ItemKind::Flow(flow) = &item.kind else { return None };
        if flow.effect != weir_syntax::ast::Effect::Allow || flow.service.as_word()?.text != "any" {
            return None;
        }
        let found = self.occurrence_at(file, flow.destination.span.start)?;
        let crate::names::Symbol::Declaration(id, _) = found.symbol else { return None };
        if found.span.end != flow.destination.span.end {
            return None;
        }
        let served = std::iter::once(id).chain(self.classes_of(id)).find_map(|id| {
            let body = self.declaration(id)?.body.as_ref()?;
            let serves = body.entries.iter().find_map(|entry| match entry {
                Entry::Attribute(one) if one.name.text == "serves" => Some(&one.value),
                _ => None,
            })?;
            let list = match &serves.kind {
                ExprKind::List(list) => list.as_slice(),
                _ => std::slice::from_ref(serves),
            };
            let text = self.text(id.file)?;
            let names = list.iter().map(|one| match &one.kind {
                ExprKind::On(what, _) => what.span.of(text),
                _ => one.span.of(text),
            });
            let names: Vec<&str> = names.collect();
            (!names.is_empty()).then(|| names.join(" | "))
        })?;
        let edits = vec![Edit { file, span: flow.service.span, text: served.clone() }];
        Some(Action {
            title: format!("narrow `any` to `{served}`"),
            kind: ActionKind::Rewrite,
            edits,
            mends: None,
            preferred: false,
        })
    }
}
