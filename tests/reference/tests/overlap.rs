//! What the lint says of rules that others cover, against the evaluator: a rule is redundant exactly if the package
//! means the same without it.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod packages;

use std::collections::BTreeSet;

use packages::{
    analyze,
    blueprint::blueprint,
    checks::{NOW, wires},
    config, errors,
    text::{self, Layout},
};
use proptest::prelude::*;
use weir_compiler::{
    Facts,
    flows::Statement,
    model::{Service, TransportMatch},
};
use weir_reference::{Wire, language};
use weir_syntax::{Span, ast::Effect};

/// Whether two lists of statements permit (for `Deny`: deny, of all that could be permitted) the same.
fn same(facts: &Facts, effect: Effect, one: &[Statement], other: &[Statement]) -> bool {
    let everything = |statements: &[Statement]| {
        let mut all = statements.to_vec();
        if effect == Effect::Deny {
            // Under an `allow` of everything, what is not permitted is what is denied.
            all.retain(|statement| statement.effect == Effect::Deny);
            if let Some(pattern) = facts.statements.first() {
                let everybody = std::sync::Arc::new(facts.model.principals_where(|_| true));
                let mut services = vec![Service::Any];
                services.push(Service::Transport(TransportMatch::Ethertype(0x8892)));
                all.push(Statement {
                    effect: Effect::Allow,
                    sources: everybody.clone(),
                    destinations: everybody,
                    services,
                    ..pattern.clone()
                });
            }
        }
        all
    };
    let (one, other) = (everything(one), everything(other));
    let wires: Vec<Wire> = wires(facts);
    let principals = 0..facts.model.principals.len() as u32;
    principals.clone().all(|source| {
        principals.clone().all(|destination| {
            wires.iter().all(|wire| {
                let permits = |statements: &[Statement]| {
                    language::permits(&facts.model, statements, source, destination, *wire).permits()
                };
                permits(&one) == permits(&other)
            })
        })
    })
}

fn without(statements: &[Statement], span: Span) -> Vec<Statement> {
    statements.iter().filter(|statement| statement.span != span).cloned().collect()
}

/// Permits on its own terms: another rule on other terms does not make it redundant.
fn conditional(statement: &Statement) -> bool {
    let conditions = &statement.conditions;
    conditions.limit.is_some() || conditions.log || conditions.audit || conditions.until.is_some()
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn the_lint_agrees_with_removing_rules(plant in blueprint()) {
        let files = text::files(&plant, &Layout::default());
        let analysis = analyze(&files);
        prop_assume!(errors(&analysis).is_empty());
        prop_assert!(NOW > 0);
        let facts = analysis.facts.unwrap();
        let place = |file: weir_syntax::FileId, span: Span| (file, span);
        let redundant: BTreeSet<_> = analysis
            .diagnostics
            .iter()
            .filter(|diagnostic| matches!(diagnostic.code.id, "W0501" | "W0506" | "W0509"))
            .map(|diagnostic| { let (file, span, _) = diagnostic.position(); place(file, span) })
            .collect();
        let said_again: BTreeSet<_> = analysis
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.message.contains("in its policy already"))
            .map(|diagnostic| { let (file, span, _) = diagnostic.position(); place(file, span) })
            .collect();
        // All that is called redundant can go, at once.
        let mut left = facts.statements.clone();
        // A warning may stand at a part of the rule.
        left.retain(|statement| {
            !redundant.iter().any(|(file, span): &(_, Span)| {
                *file == statement.file && statement.span.start <= span.start && span.end <= statement.span.end
            })
        });
        for effect in [Effect::Allow, Effect::Deny] {
            prop_assert!(same(&facts, effect, &facts.statements, &left), "{effect:?}: {redundant:?}");
        }
        // Of what is left, nothing can.
        for statement in left.iter().filter(|statement| !conditional(statement)) {
            let others_conditional = left.iter().any(|other| conditional(other) && other.span != statement.span);
            if others_conditional && statement.effect == Effect::Allow {
                continue;
            }
            // a deny of which one part denies nothing and the rest is denied by others: the lint puts such reasons
            // together for one direction of one service only
            if statement.effect == Effect::Deny {
                continue;
            }
            let rest: Vec<Statement> = without(&left, statement.span);
            prop_assert!(
                said_again.contains(&place(statement.file, statement.span))
                    || !same(&facts, statement.effect, &left, &rest),
                "`{}` adds nothing, and nobody says so", statement.text
            );
        }
    }
}
