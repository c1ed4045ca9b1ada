//! One mistake, one diagnostic: each row breaks the water works in one place, as people do who are new to the language.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod assertions;
mod attributes;
mod flows;
mod heads;
mod names;
mod uses;
mod values;
mod words;

use weir_robustness::{Outcome, Package};

/// What to replace, by what, the code, and the text under the primary span.
type Mistake = (&'static str, &'static str, &'static str, &'static str);

/// Rows whose first fix mends the package.
const MENDED: &[&[Mistake]] = &[
    words::MENDED,
    flows::MENDED,
    attributes::MENDED,
    heads::MENDED,
    values::MENDED,
    uses::MENDED,
    assertions::MENDED,
];

const SAID: &[&[Mistake]] = &[
    names::SAID,
    words::SAID,
    flows::SAID,
    attributes::SAID,
    heads::SAID,
    values::SAID,
    uses::SAID,
    assertions::SAID,
];

/// The package with one place changed; the text has to be there.
fn broken(from: &str, to: &str) -> Package {
    let mut package = Package::example("water_works").unwrap();
    let mut places = 0;
    for (_, bytes) in &mut package.files {
        let text = String::from_utf8(bytes.clone()).unwrap();
        if places == 0 && text.contains(from) {
            places += 1;
            *bytes = text.replacen(from, to, 1).into_bytes();
        }
    }
    assert_eq!(places, 1, "the water works has no {from:?}");
    package
}

/// The package with the first fix of its first error made.
fn mended(mut package: Package, outcome: &Outcome) -> Option<Package> {
    let error = outcome.diagnostics.iter().find(|diagnostic| diagnostic.code.id.starts_with('E'))?;
    let mut edits = error.fixes.first()?.edits.clone();
    edits.sort_unstable();
    for edit in edits.iter().rev() {
        let (_, bytes) = package.files.get_mut(edit.file.0 as usize - 1)?; // the manifest is file 0
        let mut text = String::from_utf8(bytes.clone()).unwrap();
        text.replace_range(edit.span.range(), &edit.text);
        *bytes = text.into_bytes();
    }
    Some(package)
}

fn all() -> impl Iterator<Item = &'static Mistake> {
    MENDED.iter().chain(SAID).flat_map(|rows| rows.iter())
}

#[test]
fn one_diagnostic() {
    let mut wrong = Vec::new();
    for (from, to, code, place) in all() {
        let outcome = broken(from, to).compile().unwrap();
        let errors: Vec<_> = outcome
            .diagnostics
            .iter()
            .zip(&outcome.places)
            .filter(|(diagnostic, _)| diagnostic.code.id.starts_with('E'))
            .map(|(diagnostic, place)| (diagnostic.code.id, place.as_str()))
            .collect();
        if errors != [(*code, *place)] {
            wrong.push(format!("{from:?} -> {to:?}: expected {code} at {place:?}\n{}", outcome.summary()));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n\n{}", wrong.len(), all().count(), wrong.join("\n\n"));
}

#[test]
fn fixes_mend() {
    let mut wrong = Vec::new();
    for (from, to, ..) in MENDED.iter().flat_map(|rows| rows.iter()) {
        let package = broken(from, to);
        let outcome = package.compile().unwrap();
        let left = match mended(package, &outcome) {
            Some(mended) => mended.compile().unwrap().errors().join(", "),
            None => "it has no fix".into(),
        };
        if !left.is_empty() {
            wrong.push(format!("{from:?} -> {to:?}: {left}\n{}", outcome.summary()));
        }
    }
    assert!(wrong.is_empty(), "{}:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Two mistakes are two diagnostics, also where the text does not follow the grammar in one of them.
#[test]
fn two_mistakes_are_both_said() {
    let mut package = broken("allow panel -> pump_plc", "allow panel => pump_plc");
    for (_, bytes) in &mut package.files {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text
            .replacen("allow operator -> scada", "allow operater -> scada", 1)
            .replacen("address = 10.1.0.30", "address = 10.9.0.30", 1)
            .into_bytes();
    }
    assert_eq!(package.compile().unwrap().errors(), ["E0401", "E0101", "E0202"]);
}

/// What is repaired to be read on is refused all the same.
#[test]
fn nothing_is_built_from_what_was_repaired() {
    for (from, to, ..) in all() {
        let outcome = broken(from, to).compile().unwrap();
        assert!(outcome.tree.files.is_empty() && !outcome.errors().is_empty(), "{from:?} -> {to:?}");
    }
}

#[test]
fn the_package_itself_is_fine() {
    let outcome = Package::example("water_works").unwrap().compile().unwrap();
    assert!(outcome.errors().is_empty(), "{}", outcome.summary());
}
