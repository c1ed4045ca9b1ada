//! What is right but doubtful, and what is said but enforced by nothing yet.

use rustc_hash::FxHashMap;
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes, lexer};

use crate::{
    model::{PrincipalSet, Sets, Unbuilt},
    names::{EntityId, Kind, Universe},
    package::Sources,
};

/// Every group is evaluated, used or not; an empty one is a warning.
pub(crate) fn groups<'a>(
    universe: &Universe<'a>,
    sets: &mut Sets<'_, 'a>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(EntityId, PrincipalSet)> {
    let mut groups = Vec::new();
    for entity in universe.entities_of(Kind::Group) {
        let Some(value) = &universe.entity(entity).declaration.value else { continue };
        match sets.evaluate(value, universe.scope(entity, None)) {
            Ok(set) if set.is_empty() => {
                let (file, span) = universe.name_span(entity);
                diagnostics.push(
                    Diagnostic::new(&codes::W0502, format!("group `{}` is empty", universe.path(entity)))
                        .primary(file, span, "nobody is in it")
                        .help("correct its expression, or remove it"),
                );
            }
            Ok(set) => groups.push((entity, set)),
            Err(diagnostic) => diagnostics.push(*diagnostic),
        }
    }
    groups
}

/// Names of the package's files that nothing in the file needs, that hide another, or that are spelled unlike their kind.
pub(crate) fn names(sources: &Sources, universe: &Universe<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let own = |file: FileId| sources.file(file).is_some_and(|source| !source.is_standard());
    for (index, source) in sources.files.iter().enumerate().filter(|(_, source)| !source.is_standard()) {
        let file = FileId(index as u32);
        unused_imports(universe, file, &source.text, diagnostics);
    }
    for (index, entity) in universe.entities.iter().enumerate() {
        let id = EntityId(index as u32);
        let name = &entity.declaration.name;
        let module = universe.module(entity.module);
        if !own(entity.file) || Some(id) == universe.internet {
            continue;
        }
        let is_class = entity.kind == Kind::Class;
        let starts_upper = name.text.starts_with(|first: char| first.is_ascii_uppercase());
        let has_upper = name.text.contains(|any: char| any.is_ascii_uppercase());
        if (is_class && !starts_upper) || (!is_class && has_upper) {
            let (style, example) =
                if is_class { ("UpperCamel", "`PressPlc`") } else { ("snake_case", "`press_plc`") };
            diagnostics.push(
                Diagnostic::new(&codes::W0202, format!("`{}` is not spelled in {style}", name.text))
                    .primary(entity.file, name.span, "readers tell classes from devices by it")
                    .help(format!("spell it as in {example}")),
            );
        }
        let mut outer = module.outer;
        while let Some(around) = outer.map(|id| universe.module(id)) {
            if let Some((file, span)) = universe.declared_in(around, &name.text) {
                diagnostics.push(
                    Diagnostic::new(
                        &codes::W0203,
                        format!("`{}` hides a declaration further out", name.text),
                    )
                    .primary(entity.file, name.span, "in this module, the name means this one")
                    .secondary(file, span, "hidden")
                    .help("rename one of them"),
                );
                break;
            }
            outer = around.outer;
        }
    }
}

/// Declarations that are there to be named, and that nothing names: by a name that stands nowhere else in the package.
pub(crate) fn unused_declarations(
    sources: &Sources,
    universe: &Universe<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    const NAMED: [Kind; 5] = [Kind::Group, Kind::Protocol, Kind::Class, Kind::Template, Kind::Role];
    let own = |file: FileId| sources.file(file).is_some_and(|source| !source.is_standard());
    let mut declared: Vec<(FileId, Span, &str)> = universe
        .entities
        .iter()
        .filter(|entity| NAMED.contains(&entity.kind) && own(entity.file))
        .map(|entity| (entity.file, entity.declaration.name.span, entity.declaration.name.text.as_str()))
        .collect();
    // Instances of a template declare the same again.
    declared.sort_unstable();
    declared.dedup();
    if declared.is_empty() {
        return;
    }
    let mut unnamed: FxHashMap<&str, i64> = FxHashMap::default();
    for (_, _, name) in &declared {
        *unnamed.entry(name).or_default() += 1;
    }
    let mut pending = unnamed.len();
    let policies = sources
        .files
        .iter()
        .enumerate()
        .filter(|(index, source)| !source.is_standard() && !sources.is_imported(FileId(*index as u32)));
    for (_, source) in policies {
        // Most packages name all that they declare in their first files.
        if pending == 0 {
            return;
        }
        for token in
            lexer::lex(&source.text).iter().filter(|token| token.kind == lexer::TokenKind::Identifier)
        {
            if let Some(left) = unnamed.get_mut(token.span.of(&source.text)) {
                *left -= 1;
                pending -= usize::from(*left == -1);
            }
        }
    }
    for (file, span, name) in declared.into_iter().filter(|(_, _, name)| unnamed.get(name) == Some(&0)) {
        // That a group is empty, or a name misspelt, is said of it already.
        let said = |known: &Diagnostic| {
            let (other, place, _) = known.position();
            (other, place) == (file, span)
        };
        if diagnostics.iter().any(said) {
            continue;
        }
        diagnostics.push(
            Diagnostic::new(&codes::W0201, format!("`{name}` is declared and not used"))
                .primary(file, span, "nothing in the package names it")
                .help("use it, or remove it"),
        );
    }
}

/// A name that stands nowhere else in the file is used by nothing in it, be it in a template that nobody instantiates.
fn unused_imports(universe: &Universe<'_>, file: FileId, text: &str, diagnostics: &mut Vec<Diagnostic>) {
    let imports = universe.imports_of(file);
    if imports.is_empty() {
        return;
    }
    let mut places: FxHashMap<&str, usize> = FxHashMap::default();
    for token in lexer::lex(text).iter().filter(|token| token.kind == lexer::TokenKind::Identifier) {
        *places.entry(token.span.of(text)).or_default() += 1;
    }
    for name in imports.into_iter().filter(|name| places.get(name.text.as_str()) == Some(&1)) {
        diagnostics.push(
            Diagnostic::new(&codes::W0201, format!("`{}` is brought in and not used", name.text))
                .primary(file, name.span, "not used in this file")
                .help("remove it from the `use`"),
        );
    }
}

/// One warning for each kind of statement that this version checks and does not enforce.
pub(crate) fn unbuilt(unbuilt: &[Unbuilt], diagnostics: &mut Vec<Diagnostic>) {
    let mut kinds: Vec<&str> = unbuilt.iter().map(|unbuilt| unbuilt.what.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let mut places = unbuilt.iter().filter(|unbuilt| unbuilt.what == kind);
        let Some(first) = places.next() else { continue };
        let more = places.count();
        let also = if more == 0 { String::new() } else { format!(", and {more} more like it") };
        diagnostics.push(
            Diagnostic::new(&codes::W0604, format!("nothing enforces {kind} yet"))
                .primary(first.file, first.span, format!("checked, and in no artifact{also}"))
                .help(
                    "no target of this version takes it: enforce it by other means, or wait for its target",
                ),
        );
    }
}
