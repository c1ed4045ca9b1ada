//! The sweep: one class of sources after the other, looking again only at destinations where something changed.

use std::ops::ControlFlow;

use crate::{
    Cell, NotDecided, SetId, Space,
    classes::Classes,
    space::{Axis, Rule},
};

/// What one rule adds to a destination while its sources are swept.
type Entry = (SetId, u32);

pub(crate) fn run(
    space: &Space,
    sources: &Classes,
    destinations: &Classes,
    budget: u64,
    visitor: &mut impl FnMut(Cell<'_>) -> ControlFlow<()>,
) -> Result<(), NotDecided> {
    let by_source = BySource::new(space);
    let estimate = estimate(space, sources, destinations, &by_source);
    if estimate > budget {
        return Err(NotDecided { work: estimate });
    }
    let mut row: Vec<Vec<Entry>> = vec![Vec::new(); destinations.count()];
    let mut changed_at: Vec<u32> = vec![u32::MAX; destinations.count()];
    let mut changed: Vec<u32> = Vec::new();
    let mut cutter = Cutter::default();
    let mut work = 0_u64;
    let mut before: &[u32] = &[];
    for (class, members) in sources.members.iter().enumerate() {
        let class = class as u32;
        toggles(before, members, |rank, begins| {
            for rule in by_source.rules(sources.by_rank[rank as usize]) {
                let entry = (rule.services, rule.label);
                for (first, last) in &destinations.of_set[rule.destinations as usize] {
                    for destination in *first..=*last {
                        let entries = &mut row[destination as usize];
                        if begins {
                            entries.push(entry);
                        } else if let Some(place) = entries.iter().rposition(|one| *one == entry) {
                            work += (entries.len() - place) as u64;
                            entries.swap_remove(place);
                        }
                        if changed_at[destination as usize] != class {
                            changed_at[destination as usize] = class;
                            changed.push(destination);
                        }
                    }
                }
            }
        });
        before = members;
        for destination in changed.drain(..) {
            let entries = &row[destination as usize];
            work += 1 + entries.len() as u64;
            let stopped = cutter.cut(&space.services, entries, |services, labels| {
                visitor(Cell {
                    source: sources.example[class as usize],
                    source_class: class,
                    destination: destinations.example[destination as usize],
                    destination_class: destination,
                    services,
                    labels,
                })
            });
            if stopped.is_break() {
                return Ok(());
            }
        }
        if work > budget {
            return Err(NotDecided { work });
        }
    }
    Ok(())
}

/// The rules of each set of sources.
struct BySource {
    rules: Vec<Rule>,
    /// Where each set's rules begin; one more at the end.
    begin: Vec<u32>,
}

impl BySource {
    fn new(space: &Space) -> Self {
        let mut rules = space.rules.clone();
        rules.sort_by_key(|rule| rule.sources);
        let count = space.sources.sets().len();
        let mut begin = vec![0_u32; count + 1];
        for rule in &rules {
            begin[rule.sources as usize + 1] += 1;
        }
        for set in 0..count {
            begin[set + 1] += begin[set];
        }
        Self { rules, begin }
    }

    fn rules(&self, set: SetId) -> &[Rule] {
        &self.rules[self.begin[set as usize] as usize..self.begin[set as usize + 1] as usize]
    }
}

/// Calls `toggle` for each rank that ends (`false`) or begins (`true`) between two classes.
fn toggles(before: &[u32], now: &[u32], mut toggle: impl FnMut(u32, bool)) {
    let (mut old, mut new) = (before.iter().peekable(), now.iter().peekable());
    loop {
        match (old.peek(), new.peek()) {
            (Some(a), Some(b)) if a == b => {
                old.next();
                new.next();
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                toggle(**a, false);
                old.next();
            }
            (_, Some(b)) => {
                toggle(**b, true);
                new.next();
            }
            (_, None) => return,
        }
    }
}

/// How many entries begin and end, before any of it is done.
fn estimate(space: &Space, sources: &Classes, destinations: &Classes, by_source: &BySource) -> u64 {
    let weight: Vec<u64> = (0..space.sources.sets().len())
        .map(|set| {
            by_source.rules(set as SetId).iter().map(|rule| destinations.span(rule.destinations)).sum()
        })
        .collect();
    let mut work = 0_u64;
    let mut before: &[u32] = &[];
    for members in &sources.members {
        work = work.saturating_add((before.len() + members.len()) as u64);
        toggles(before, members, |rank, _| {
            work = work.saturating_add(weight[sources.by_rank[rank as usize] as usize]);
        });
        before = members;
    }
    work
}

/// Cuts the services of one source and one destination into ranges with the same labels.
#[derive(Default)]
struct Cutter {
    ends: Vec<(u128, bool, u32)>,
    labels: Vec<u32>,
    shown: Vec<u32>,
}

impl Cutter {
    fn cut(
        &mut self,
        services: &Axis,
        entries: &[Entry],
        mut show: impl FnMut((u128, u128), &[u32]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some((set, _)) = entries.first() else { return ControlFlow::Continue(()) };
        if entries.iter().all(|(other, _)| other == set) {
            self.labels.clear();
            self.labels.extend(entries.iter().map(|(_, label)| *label));
            self.labels.sort_unstable();
            self.labels.dedup();
            return services.ranges(*set).iter().try_for_each(|range| show(*range, &self.labels));
        }
        self.ends.clear();
        for (set, label) in entries {
            for (first, last) in services.ranges(*set) {
                self.ends.push((*first, true, *label));
                if let Some(after) = last.checked_add(1) {
                    self.ends.push((after, false, *label));
                }
            }
        }
        self.ends.sort_unstable();
        self.labels.clear();
        for (index, (at, begins, label)) in self.ends.iter().enumerate() {
            match (self.labels.binary_search(label), begins) {
                (Ok(place) | Err(place), true) => self.labels.insert(place, *label),
                (Ok(place), false) => {
                    self.labels.remove(place);
                }
                (Err(_), false) => {}
            }
            let next = self.ends.get(index + 1).map(|next| next.0);
            if next == Some(*at) || self.labels.is_empty() {
                continue;
            }
            self.shown.clear();
            self.shown.extend_from_slice(&self.labels);
            self.shown.dedup();
            show((*at, next.map_or(u128::MAX, |next| next - 1)), &self.shown)?;
        }
        ControlFlow::Continue(())
    }
}
