//! What is right but doubtful, and what is said but enforced by nothing yet.

use weir_syntax::{Diagnostic, diagnostic::codes};

use crate::{
    model::{Sets, Unbuilt},
    names::{Kind, Universe},
};

/// Every group is evaluated, used or not; an empty one is a warning.
pub(crate) fn groups<'a>(
    universe: &Universe<'a>,
    sets: &mut Sets<'_, 'a>,
    diagnostics: &mut Vec<Diagnostic>,
) {
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
            Ok(_) => {}
            Err(diagnostic) => diagnostics.push(*diagnostic),
        }
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
                    "this version emits nftables rulesets: enforce it by other means, or wait for its target",
                ),
        );
    }
}
