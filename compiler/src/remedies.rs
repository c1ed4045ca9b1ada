//! Fixes that change another declaration than the one a diagnostic points at: what a server serves, what a conduit
//! carries, a conduit that is missing.

use weir_syntax::{Diagnostic, Edit, FileId, Fix, Label, Span, ast::ExprKind};

use crate::{
    names::{EntityId, Kind, Scope, Symbol, Universe},
    package::Sources,
};

/// Adds fixes to diagnostics of flows, where one declaration is what has to change.
pub(crate) fn add(sources: &Sources, universe: &Universe<'_>, diagnostics: &mut [Diagnostic]) {
    let last_conduit = universe.entities_of(Kind::Conduit).last();
    for diagnostic in diagnostics.iter_mut().filter(|diagnostic| diagnostic.fixes.is_empty()) {
        let fix = match diagnostic.code.id {
            "E0506" => serve(sources, universe, diagnostic),
            "E0502" => carry(sources, universe, diagnostic),
            "E0501" => last_conduit.and_then(|last| join(universe, last, diagnostic)),
            _ => None,
        };
        diagnostic.fixes.extend(fix);
    }
}

fn serve(sources: &Sources, universe: &Universe<'_>, diagnostic: &Diagnostic) -> Option<Fix> {
    let [server, service, ..] = diagnostic.labels.as_slice() else { return None };
    let entity = named(sources, universe, server)?;
    let protocol = asked_for(sources, service, diagnostic)?;
    let edits = add_to_list(sources, universe, entity, "serves", protocol)?;
    Some(Fix { title: format!("add `{protocol}` to what `{}` serves", universe.path(entity)), edits })
}

fn carry(sources: &Sources, universe: &Universe<'_>, diagnostic: &Diagnostic) -> Option<Fix> {
    let [service, conduit, ..] = diagnostic.labels.as_slice() else { return None };
    let entity = named(sources, universe, conduit)?;
    let protocol = asked_for(sources, service, diagnostic)?;
    let edits = add_to_list(sources, universe, entity, "carries", protocol)?;
    Some(Fix { title: format!("add `{protocol}` to what `{}` carries", universe.path(entity)), edits })
}

/// A conduit behind the last one; the help says how it is written.
fn join(universe: &Universe<'_>, last: EntityId, diagnostic: &Diagnostic) -> Option<Fix> {
    let help = diagnostic.help.as_deref()?;
    let start = help.find("`conduit ")? + 1;
    let line = help.get(start..)?.split('`').next()?;
    let end = universe.entity(last).declaration.body.as_ref()?.span.end;
    let file = universe.entity(last).file;
    let protocol = line.split_once('[')?.1.split(']').next()?;
    let mut edits = bring_in(universe, file, protocol);
    edits.push(Edit { file, span: Span::new(end, end), text: format!("\n{line}") });
    Some(Fix { title: format!("add `{line}`"), edits })
}

/// The one declaration that a label's text names.
fn named(sources: &Sources, universe: &Universe<'_>, label: &Label) -> Option<EntityId> {
    let name = label.span.of(&sources.file(label.file)?.text);
    match universe.symbols(name, file_scope(universe, label.file)?).as_slice() {
        [Symbol::Entity(entity)] => Some(*entity),
        _ => None,
    }
}

/// The protocol that a diagnostic names, if the text under its label starts with it.
fn asked_for<'s>(sources: &'s Sources, label: &Label, diagnostic: &Diagnostic) -> Option<&'s str> {
    let text = label.span.of(&sources.file(label.file)?.text);
    let mut words = text.split(|part: char| !part.is_ascii_alphanumeric() && part != '_');
    words.find(|word| !word.is_empty() && diagnostic.message.ends_with(&format!("`{word}`")))
}

fn file_scope(universe: &Universe<'_>, file: FileId) -> Option<Scope> {
    Some(Scope { module: universe.module_of(file)?, file, index: None })
}

/// One more word in a list attribute, with the `use` that it needs there.
fn add_to_list(
    sources: &Sources,
    universe: &Universe<'_>,
    entity: EntityId,
    attribute: &str,
    word: &str,
) -> Option<Vec<Edit>> {
    let file = universe.entity(entity).file;
    if sources.file(file)?.is_standard() {
        return None;
    }
    let body = universe.entity(entity).declaration.body.as_ref()?;
    let insert = |at: u32, text: String| Edit { file, span: Span::new(at, at), text };
    let mut edits = bring_in(universe, file, word);
    match universe.attribute(entity, attribute).map(|attribute| &attribute.value) {
        Some(value) => match &value.kind {
            ExprKind::List(list) => match list.last() {
                Some(last) => edits.push(insert(last.span.end, format!(", {word}"))),
                None => edits.push(insert(value.span.start + 1, word.to_owned())),
            },
            _ => {
                edits.push(insert(value.span.start, "[".to_owned()));
                edits.push(insert(value.span.end, format!(", {word}]")));
            }
        },
        None => {
            let comma = if body.entries.is_empty() { " " } else { "," };
            edits.push(insert(body.span.start + 1, format!(" {attribute} = [{word}]{comma}")));
        }
    }
    Some(edits)
}

/// The `use` of a name of `std`, in a file that does not know it.
fn bring_in(universe: &Universe<'_>, file: FileId, word: &str) -> Vec<Edit> {
    let known = file_scope(universe, file).is_some_and(|scope| !universe.symbols(word, scope).is_empty());
    match (known, universe.in_standard_library(word), universe.use_place(file)) {
        (false, Some(module), Some((span, before, behind))) => {
            vec![Edit { file, span, text: format!("{before}use {module}.{word}{behind}") }]
        }
        _ => Vec::new(),
    }
}
