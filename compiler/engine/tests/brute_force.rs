//! Sweep and diagram against every point of small spaces.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

use std::{collections::BTreeSet, ops::ControlFlow};

use weir_engine::{Budget, Cell, NotDecided, Range, Space};

/// Instances that each run checks.
const INSTANCES: u64 = 100_000;
/// Numbers of an axis that are looked at one by one, at its lower end and at its upper.
const EDGE: u128 = 6;

/// SplitMix64: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % bound
    }

    fn number(&mut self) -> u128 {
        let at = u128::from(self.below(EDGE as u64));
        if self.below(4) == 0 { u128::MAX - at } else { at }
    }

    fn ranges(&mut self) -> Vec<Range> {
        (0..=self.below(3))
            .map(|_| {
                let (a, b) = (self.number(), self.number());
                if self.below(2) == 0 { (a, a) } else { (a.min(b), a.max(b)) }
            })
            .collect()
    }
}

/// One rule, as the test knows it.
type Rectangle = [Vec<Range>; 3];

fn numbers() -> impl Iterator<Item = u128> + Clone {
    // The middle stands for all that no range begins or ends in.
    (0..=EDGE).chain((0..=EDGE).rev().map(|below| u128::MAX - below))
}

fn holds(ranges: &[Range], number: u128) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&number))
}

fn labels_at(rules: &[(Rectangle, u32)], point: [u128; 3]) -> Vec<u32> {
    let covering = rules.iter().filter(|(sets, _)| sets.iter().zip(point).all(|(set, at)| holds(set, at)));
    let labels: BTreeSet<u32> = covering.map(|(_, label)| *label).collect();
    labels.into_iter().collect()
}

fn instance(seed: u64) -> (Space, Vec<(Rectangle, u32)>) {
    let mut random = Random(seed);
    let mut space = Space::default();
    let mut rules: Vec<(Rectangle, u32)> = Vec::new();
    for _ in 0..=random.below(7) {
        // Sets are shared now and then, as they are in packages.
        let mut set = |axis: usize| {
            let earlier = random.below(rules.len() as u64 * 2 + 1) as usize;
            rules.get(earlier).map_or_else(|| random.ranges(), |(sets, _)| sets[axis].clone())
        };
        let sets = [set(0), set(1), set(2)];
        let label = random.below(4) as u32;
        let source = space.sources.set(sets[0].iter().copied());
        let destination = space.destinations.set(sets[1].iter().copied());
        let service = space.services.set(sets[2].iter().copied());
        space.rule(source, destination, service, label);
        rules.push((sets, label));
    }
    (space, rules)
}

#[test]
fn both_methods_show_what_every_point_shows() {
    for seed in 0..INSTANCES {
        let (space, rules) = instance(seed);
        let mut expected = BTreeSet::new();
        for source in numbers() {
            for destination in numbers() {
                for service in numbers() {
                    let labels = labels_at(&rules, [source, destination, service]);
                    if !labels.is_empty() {
                        expected.insert(labels);
                    }
                }
            }
        }
        let check = |cell: Cell<'_>, shown: &mut BTreeSet<Vec<u32>>| {
            for service in [cell.services.0, cell.services.1] {
                let at = [cell.source, cell.destination, service];
                assert_eq!(cell.labels, labels_at(&rules, at), "seed {seed}: {rules:?} at {at:?}");
                let hit: BTreeSet<usize> =
                    space.rules_at(at[0], at[1], at[2]).map(|id| id as usize).collect();
                let covering = (0..rules.len()).filter(|id| !labels_at(&rules[*id..=*id], at).is_empty());
                assert_eq!(hit, covering.collect(), "seed {seed}");
            }
            shown.insert(cell.labels.to_vec());
            ControlFlow::Continue(())
        };
        let mut shown = BTreeSet::new();
        space.visit(Budget::default(), |cell| check(cell, &mut shown)).unwrap();
        assert_eq!(shown, expected, "sweep, seed {seed}: {rules:?}");
        let mut shown = BTreeSet::new();
        space.visit_by_diagram(Budget::default(), |cell| check(cell, &mut shown)).unwrap();
        assert_eq!(shown, expected, "diagram, seed {seed}: {rules:?}");
    }
}

/// The sweep shows every destination class of every source class where something is permitted at all: a visitor that
/// collects places misses none.
#[test]
fn the_sweep_passes_by_each_rule_of_each_place() {
    for seed in 0..INSTANCES / 10 {
        let (space, rules) = instance(seed);
        let mut seen: BTreeSet<u32> = BTreeSet::new();
        space
            .visit(Budget::default(), |cell| {
                seen.extend(space.rules_at(cell.source, cell.destination, cell.services.0));
                ControlFlow::Continue(())
            })
            .unwrap();
        let full: BTreeSet<u32> = (0..rules.len() as u32)
            .filter(|id| rules[*id as usize].0.iter().all(|set| set.iter().any(|(a, b)| a <= b)))
            .collect();
        assert_eq!(seen, full, "seed {seed}: {rules:?}");
    }
}

/// Wide rules in both directions: the sweep gives up, the diagram answers, and what exceeds both is said.
#[test]
fn a_budget_is_kept() {
    let mut space = Space::default();
    let everywhere = [(0, u128::MAX)];
    for n in 0..400_u128 {
        let (one, all) = (space.sources.set([(n * 2, n * 2)]), space.sources.set(everywhere));
        let (to_one, to_all) = (space.destinations.set([(n * 3, n * 3)]), space.destinations.set(everywhere));
        let service = space.services.set([(n % 7, n % 7 + 3)]);
        space.rule(one, to_all, service, 1);
        space.rule(all, to_one, service, 2);
    }
    let visit = |sweep, diagram| {
        let mut combinations = BTreeSet::new();
        let method = space.visit(Budget { sweep, diagram }, |cell| {
            combinations.insert(cell.labels.to_vec());
            ControlFlow::Continue(())
        });
        (method, combinations)
    };
    let all: BTreeSet<Vec<u32>> = [vec![1], vec![2], vec![1, 2]].into();
    let (method, shown) = visit(400_000_000, 0);
    assert_eq!((method, &shown), (Ok(weir_engine::Method::Sweep), &all));
    let (method, shown) = visit(10_000, 400_000_000);
    assert_eq!((method, &shown), (Ok(weir_engine::Method::Diagram), &all));
    let (method, _) = visit(10_000, 1_000);
    assert!(matches!(method, Err(NotDecided { work }) if work > 1_000));
}
