//! The editor layer reads names from the text alone; the compiler expands and resolves. Where the compiler is content, both
//! have to mean the same declarations.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_for_each,
    reason = "tests stop at the first surprise"
)]

mod support;

use std::collections::BTreeSet;

use support::{examples, host_of};
use weir_compiler::names::{Kind, Scope, Target, Universe, expand};
use weir_ide::{Symbol, Wanted};
use weir_syntax::{
    FileId,
    ast::{Claim, Expr, ExprKind, File, ItemKind, Path},
};

/// Paths that name sets: sources and destinations of flows and assertions, and groups, outside of templates.
fn set_paths<'t>(tree: &'t File, found: &mut Vec<&'t Path>) {
    for item in &tree.items {
        match &item.kind {
            ItemKind::Flow(flow) => {
                [&flow.source, &flow.destination].iter().for_each(|one| paths(one, found));
            }
            ItemKind::Assertion(assertion) => match &assertion.claim {
                Claim::Flow { source, destination, .. } => {
                    [source, destination].iter().for_each(|one| paths(one, found));
                }
                Claim::Members(members) => members.iter().for_each(|one| paths(one, found)),
            },
            ItemKind::Declaration(one) => {
                one.value.iter().for_each(|value| paths(value, found));
                for entry in one.body.iter().flat_map(|body| &body.entries) {
                    if let weir_syntax::ast::Entry::Flow(item) = entry
                        && let ItemKind::Flow(flow) = &item.kind
                    {
                        [&flow.source, &flow.destination].iter().for_each(|one| paths(one, found));
                    }
                }
            }
            _ => {}
        }
    }
}

fn paths<'t>(expr: &'t Expr, found: &mut Vec<&'t Path>) {
    match &expr.kind {
        ExprKind::Path(path) => found.push(path),
        ExprKind::Union(parts) | ExprKind::Intersection(parts) => {
            parts.iter().for_each(|part| paths(part, found));
        }
        ExprKind::Sum(first, rest) => {
            paths(first, found);
            rest.iter().for_each(|(_, part)| paths(part, found));
        }
        ExprKind::Where(set, _) => paths(set, found),
        _ => {}
    }
}

/// Where the compiler says that a path's declarations are.
fn meant(universe: &Universe<'_>, path: &'static Path, file: FileId) -> Option<BTreeSet<(FileId, u32)>> {
    let module = universe.modules.iter().zip(0..).find(|(module, _)| {
        module.entities.iter().any(|id| universe.entity(*id).file == file && module.instance.is_none())
    });
    let module = weir_compiler::names::ModuleId(module?.1);
    let scope = Scope { module, file, index: None };
    let fits = |targets: &[Target]| {
        targets
            .iter()
            .any(|one| !matches!(one, Target::Entity(id, _) if universe.entity(*id).kind == Kind::Protocol))
    };
    let found = universe.find(path, scope, fits).ok()?;
    let places = found.targets.iter().filter_map(|target| match target {
        Target::Entity(id, _) if Some(*id) != universe.internet => {
            let (file, span) = universe.name_span(*id);
            Some((file, span.start))
        }
        _ => None,
    });
    Some(places.collect())
}

#[test]
fn names_mean_what_the_compiler_says() {
    let mut compared = 0;
    for example in examples() {
        let host = host_of(&example);
        let ide = host.ide();
        // the compiler borrows its texts and trees for as long as the universe lives: for this test, for ever
        let sources: &'static weir_compiler::Sources = Box::leak(Box::new(support::sources(&example)));
        let trees: &'static [File] = Box::leak(
            sources
                .files
                .iter()
                .zip(0..)
                .map(|(source, at)| {
                    if source.path == "weir.toml" {
                        File::default()
                    } else {
                        weir_syntax::parse(&source.text, FileId(at)).file
                    }
                })
                .collect::<Vec<_>>()
                .into_boxed_slice(),
        );
        let files: &'static [_] =
            Box::leak(sources.files.iter().cloned().zip(trees).collect::<Vec<_>>().into_boxed_slice());
        let universe = expand(files, None);
        for (tree, at) in trees.iter().zip(0..) {
            let file = FileId(at);
            if sources.files[at as usize].is_standard() {
                continue;
            }
            assert_eq!(ide.path(file), Some(sources.files[at as usize].path.as_str()));
            let occurrences = ide.occurrences(file, Wanted::default());
            let mut found = Vec::new();
            set_paths(tree, &mut found);
            for path in found {
                let Some(expected) = meant(&universe, path, file).filter(|places| !places.is_empty()) else {
                    continue;
                };
                let last = path.segments.last().expect("a segment").name.span;
                let symbol = occurrences.iter().find(|one| one.span == last).map(|one| one.symbol.clone());
                let symbol =
                    symbol.unwrap_or_else(|| panic!("{:?} of {}", path, sources.files[at as usize].path));
                let own = match &symbol {
                    Symbol::Declaration(..) => ide.location(&symbol).map(|one| (one.file, one.span.start)),
                    other => panic!("{other:?} for {path:?}"),
                };
                assert_eq!(expected, own.into_iter().collect(), "{path:?}");
                compared += 1;
            }
        }
    }
    assert!(compared > 100, "only {compared} paths were compared");
}

#[test]
fn no_name_of_the_examples_is_left_without_a_meaning() {
    for example in examples() {
        let host = host_of(&example);
        let ide = host.ide();
        for file in ide.own_files() {
            let text = ide.text(file).expect("a text").clone();
            let named: BTreeSet<u32> =
                ide.occurrences(file, Wanted::default()).iter().map(|one| one.span.start).collect();
            for token in weir_syntax::lexer::lex(&text) {
                let word = token.span.of(&text);
                let is_name = token.kind == weir_syntax::lexer::TokenKind::Identifier;
                // keys of labels, kinds of keys, names of parameters of functions stand for themselves
                let rest = text[token.span.end as usize..].trim_start();
                let line = text[..token.span.start as usize].rsplit('\n').next().unwrap_or("");
                let stands_alone = line.contains("labels")
                    || line.contains("identity")
                    || line.trim_start().starts_with("assert")
                    || rest.starts_with('=') && line.contains('(')
                    || weir_syntax::lexer::UNITS.contains(&word)
                    || matches!(word, "tcp" | "udp" | "sctp" | "icmp" | "ethertype");
                assert!(
                    !is_name || stands_alone || named.contains(&token.span.start),
                    "`{word}` in `{}`: {line}",
                    ide.path(file).unwrap_or("")
                );
            }
        }
    }
}
