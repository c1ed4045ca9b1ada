//! The engine against binary decision diagrams over bits, which share nothing with it, on spaces of some hundred rules.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::ops::ControlFlow;

use biodivine_lib_bdd::{Bdd, BddVariable, BddVariableSet};
use weir_engine::{Budget, Range, Space};

/// Bits of each axis.
const BITS: u16 = 12;
const RULES: u64 = 120;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % bound
    }

    /// Mostly single numbers and small blocks, sometimes everything.
    fn range(&mut self) -> Range {
        let all = 1_u64 << BITS;
        let first = self.below(all);
        let last = match self.below(10) {
            0 => return (0, u128::from(all - 1)),
            1..=3 => (first + self.below(all / 8)).min(all - 1),
            _ => first,
        };
        (u128::from(first), u128::from(last))
    }
}

type Rule = [Range; 3];

/// Numbers of one axis that are at most (or at least) a bound.
fn bounded(set: &BddVariableSet, bits: &[BddVariable], bound: u128, at_most: bool) -> Bdd {
    let mut result = set.mk_true();
    for (place, bit) in bits.iter().rev().enumerate() {
        let one = bound >> place & 1 == 1;
        let same = set.mk_literal(*bit, one).and(&result);
        // This bit decides, where it may differ; else it is the bound's, and the lower ones decide.
        result = if one == at_most { set.mk_literal(*bit, !one).or(&same) } else { same };
    }
    result
}

fn diagram(set: &BddVariableSet, rules: &[Rule]) -> Bdd {
    let variables = set.variables();
    let mut union = set.mk_false();
    for rule in rules {
        let mut all = set.mk_true();
        for (axis, (first, last)) in rule.iter().enumerate() {
            let bits = &variables[axis * usize::from(BITS)..(axis + 1) * usize::from(BITS)];
            all = all.and(&bounded(set, bits, *last, true)).and(&bounded(set, bits, *first, false));
        }
        union = union.or(&all);
    }
    union
}

/// Whether two lists cover the same, by the engine.
fn equal(left: &[Rule], right: &[Rule], by_diagram: bool) -> bool {
    let mut space = Space::default();
    for (label, rules) in [(0, left), (1, right)] {
        for [source, destination, service] in rules {
            let source = space.sources.set([*source]);
            let destination = space.destinations.set([*destination]);
            let service = space.services.set([*service]);
            space.rule(source, destination, service, label);
        }
    }
    let mut equal = true;
    let visitor = |cell: weir_engine::Cell<'_>| {
        equal &= cell.labels == [0, 1];
        ControlFlow::Continue(())
    };
    if by_diagram {
        space.visit_by_diagram(Budget::default(), visitor).unwrap();
    } else {
        space.visit(Budget::default(), visitor).unwrap();
    }
    equal
}

/// The same rules otherwise: cut at some number, in another order.
fn rewritten(random: &mut Random, rules: &[Rule]) -> Vec<Rule> {
    let mut other = Vec::new();
    for rule in rules {
        let axis = random.below(3) as usize;
        let (first, last) = rule[axis];
        if first == last {
            other.push(*rule);
            continue;
        }
        let cut = first + u128::from(random.below((last - first) as u64));
        let (mut low, mut high) = (*rule, *rule);
        low[axis] = (first, cut);
        high[axis] = (cut + 1, last);
        other.extend([high, low]);
    }
    other.reverse();
    other
}

#[test]
fn both_give_the_same_verdict() {
    let set = BddVariableSet::new_anonymous(BITS * 3);
    let (mut same, mut different) = (0, 0);
    for seed in 0..24 {
        let mut random = Random(seed);
        let rules: Vec<Rule> = (0..RULES).map(|_| [random.range(), random.range(), random.range()]).collect();
        let mut other = rewritten(&mut random, &rules);
        if seed % 2 == 1 {
            // One end of one range moves by one, which another rule may hide.
            let at = random.below(other.len() as u64) as usize;
            let axis = random.below(3) as usize;
            let (first, last) = other[at][axis];
            other[at][axis] = (first, (last + 1).min((1 << BITS) - 1));
        }
        let expected = diagram(&set, &rules) == diagram(&set, &other);
        assert_eq!(equal(&rules, &other, false), expected, "sweep, seed {seed}");
        assert_eq!(equal(&rules, &other, true), expected, "diagram, seed {seed}");
        if expected { same += 1 } else { different += 1 }
    }
    assert!(same >= 12 && different >= 6, "{same} same, {different} different");
}
