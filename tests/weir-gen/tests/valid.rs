//! Generated packages are valid, hold what was asked for, and do not change from run to run.

use weir_compiler::analyze;
use weir_gen::{LEAST_DEVICES, Options, Shape, generate};
use weir_syntax::ast::{Entry, ItemKind};

/// 2026-01-01.
const NOW: i64 = 1_767_225_600;

fn all() -> impl Iterator<Item = Options> {
    let sizes = [(LEAST_DEVICES, 1), (LEAST_DEVICES, 500), (300, 200), (1000, 1000), (6000, 3000)];
    sizes.into_iter().flat_map(|(devices, rules)| {
        Shape::ALL
            .into_iter()
            .flat_map(move |(_, shape)| [1, 7].map(|seed| Options { shape, devices, rules, seed }))
    })
}

#[test]
fn no_errors_and_no_warnings() {
    for options in all() {
        let package = generate(&options);
        let sources = package.sources();
        let analysis = analyze(&sources, NOW);
        let said: Vec<String> = analysis
            .diagnostics
            .iter()
            // What this version does not enforce yet is no fault of the package, and rules of many random ones cover
            // others.
            .filter(|said| !["W0604", "W0506", "W0201"].contains(&said.code.id))
            .take(5)
            .map(|said| {
                let source = said.labels.first().map(|label| {
                    let file = sources
                        .file(label.file)
                        .map(|file| (file.path.clone(), label.span.of(&file.text).to_owned()));
                    format!("{file:?}")
                });
                format!("{} {} {source:?}", said.code.id, said.message)
            })
            .collect();
        assert!(said.is_empty(), "{options:?}: {said:#?}");
        assert!(analysis.plan.is_some(), "{options:?}");
    }
}

#[test]
fn same_options_same_bytes() {
    for options in all() {
        assert!(generate(&options) == generate(&options), "{options:?}");
        let other = generate(&Options { seed: options.seed + 100, ..options });
        assert_eq!(generate(&options) == other, options.shape == Shape::Hosts, "{options:?}");
    }
}

#[test]
fn as_many_as_asked_for() {
    for options in all().filter(|options| options.rules > 1) {
        let package = generate(&options);
        let analysis = analyze(&package.sources(), NOW);
        let facts = analysis.facts.map(|facts| (facts.statements.len(), facts.model.principals.len()));
        let (statements, principals) = facts.unwrap_or_default();
        let hosts = options.shape == Shape::Hosts;
        assert_eq!(statements, options.rules as usize + usize::from(hosts), "{options:?}");
        let devices = if hosts { options.rules * 2 } else { options.devices };
        assert!(principals >= devices as usize, "{options:?}: {principals}");
    }
}

#[test]
fn files_stay_small() {
    let package = generate(&Options { shape: Shape::Mixed, devices: 10_000, rules: 10_000, seed: 1 });
    for (path, text) in &package.files {
        let file = weir_syntax::parse(text, weir_syntax::FileId(0)).file;
        let count: usize = file
            .items
            .iter()
            .map(|item| match &item.kind {
                ItemKind::Declaration(declaration) => {
                    let entries = declaration.body.iter().flat_map(|body| &body.entries);
                    1 + entries.filter(|entry| matches!(entry, Entry::Flow(_))).count()
                }
                _ => 1,
            })
            .sum();
        assert!(count < 1500, "{path}: {count}");
    }
}
