//! The engine and the plan against the reference evaluator, on random packages.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod packages;

use std::collections::BTreeSet;

use packages::{
    analyze,
    blueprint::{Blueprint, blueprint},
    checks::{Table, bindings, no_more, rectangles, ways},
    config, errors, is_expected,
    members::Names,
    text::{self, Layout},
};
use proptest::prelude::*;
use weir_compiler::Facts;

/// The sets of every statement are those that the blueprint says.
fn sets(plant: &Blueprint, facts: &Facts) -> Result<(), String> {
    let names = Names::new(plant);
    let lines = text::lines(plant, &names);
    let members = |set: &weir_compiler::model::PrincipalSet| {
        let ids = set.iter().flat_map(|(first, last)| first..=last);
        ids.map(|id| facts.model.principals[id as usize].name.to_string()).collect::<BTreeSet<_>>()
    };
    let expected: usize = lines.iter().map(|line| 1 + usize::from(line.both)).sum();
    if facts.statements.len() != expected {
        return Err(format!("{} statements instead of {expected}", facts.statements.len()));
    }
    for statement in &facts.statements {
        let (left, right) = (members(&statement.sources), members(&statement.destinations));
        let said = lines.iter().any(|line| {
            let turned = line.both && line.destinations == left && line.sources == right;
            line.text == statement.text && ((line.sources == left && line.destinations == right) || turned)
        });
        if !said {
            return Err(format!("`{}` is about {left:?} and {right:?}", statement.text));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn engine_and_plan_agree_with_the_evaluator(plant in blueprint()) {
        let files = text::files(&plant, &Layout::default());
        let analysis = analyze(&files);
        let wrong = errors(&analysis);
        prop_assert!(wrong.iter().all(|error| is_expected(error)), "{wrong:?}");
        prop_assume!(wrong.is_empty());
        let (facts, plan) = (analysis.facts.unwrap(), analysis.plan.unwrap());
        let table = Table::new(&facts);
        let checked = sets(&plant, &facts)
            .and_then(|()| rectangles(&facts, &table))
            .and_then(|()| ways(&facts, &plan, &table))
            .and_then(|()| no_more(&facts, &plan, &table))
            .and_then(|()| bindings(&facts, &plan));
        prop_assert_eq!(checked, Ok(()));
    }
}
