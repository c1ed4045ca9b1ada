//! From a ruleset to its model.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::evaluate::lookups;
use crate::lemma::chains;
use crate::model::{Assumption, Dead, FilterModel, Hook, HookModel, Marks};
use crate::names::Symbol;
use crate::profile::Profiles;
use crate::rule::Part;
use crate::state::{Outcome, Ruleset, Table, TableFamily};
use crate::{Unread, place::Place};

impl Ruleset {
    /// What `table inet weir` permits, and that it keeps its promises about state. Time and memory are linear in the
    /// elements (and n log n in a listing, where they are not sorted).
    ///
    /// Fails with what would not load, and with every rule that is not exactly understood.
    pub fn model(&self) -> Result<FilterModel, Unread> {
        self.check_loadable()?;
        let missing = || Unread {
            file: self.files.last().map_or_else(String::new, ToString::to_string),
            line: 0,
            what: "there is no table `inet weir`".into(),
        };
        let table = self.tables.get(&TableFamily::Inet).ok_or_else(missing)?;
        self.filter(table).map_err(|error| self.unread(error))
    }

    fn filter(&self, table: &Table) -> Outcome<FilterModel> {
        let names = &self.names;
        let base = chains(table, names)?;
        let mut profiles = Profiles::new(table, names, base.mask, base.epoch);
        let mut dead = Vec::new();
        let mut hooks = [HookModel::default(), HookModel::default(), HookModel::default()];
        let mut distinct = BTreeSet::new();
        for (name, hook) in base.lookups.iter().zip(&mut hooks) {
            let Some(name) = name else { continue };
            let Some(chain) = table.chains.get(name) else { continue };
            if !distinct.insert(*name) {
                return Err((chain.place, "one chain looks up the connections of two hooks".into()));
            }
            *hook = lookups(table, names, &chain.rules, base.mask.0, &mut profiles, &mut dead)?;
        }
        let needs_errors =
            hooks[Hook::Forward.index()].v4.iter().chain(&hooks[Hook::Forward.index()].v6).any(|attempt| {
                profiles.outcomes.get(attempt.outcome as usize).is_some_and(|outcome| {
                    outcome.steps.iter().any(|step| step.until.is_some() || step.operations.is_some())
                })
            });
        if needs_errors && base.errors.is_none() {
            return Err((
                base.forward,
                "errors of this host about forwarded connections that have no epoch are not let out".into(),
            ));
        }
        let used: BTreeSet<Symbol> = profiles
            .read
            .iter()
            .chain(base.lookups.iter().flatten())
            .chain([&base.spoofed])
            .copied()
            .collect();
        self.unused(table, &used, &base.sets, &mut dead);
        let bridge = match (&base.bridged, self.tables.get(&TableFamily::Bridge)) {
            (Some(bridged), Some(table)) => {
                Some(crate::bridge::bridge(table, names, base.mask, bridged, &mut dead)?)
            }
            (Some(bridged), None) => {
                return Err((
                    bridged.place(),
                    "bridged packets are marked, but there is no bridge table".into(),
                ));
            }
            (None, Some(table)) => {
                return Err((
                    table.place,
                    "a bridge table, but nothing marks what is accepted for it".into(),
                ));
            }
            (None, None) => None,
        };
        dead.sort_unstable();
        let [forward, input, output] = hooks;
        let known = |mark: Option<(u32, Place)>| mark.map(|(mark, _)| mark);
        Ok(FilterModel {
            files: self.files.clone(),
            names: Arc::clone(names),
            marks: Marks {
                mask: base.mask.0,
                epoch: base.epoch,
                timed: known(profiles.timed),
                operations: known(profiles.operations),
            },
            forward,
            input,
            output,
            outcomes: profiles.outcomes,
            arrivals: base.arrivals,
            redirects: base.redirects,
            bridge,
            assumptions: self.assumptions(),
            dead,
        })
    }

    /// Chains and sets that no packet comes to.
    fn unused(&self, table: &Table, chains: &BTreeSet<Symbol>, sets: &[Symbol], dead: &mut Vec<Dead>) {
        let mut used_sets: BTreeSet<Symbol> = sets.iter().copied().collect();
        // Chains of classes are reached by maps that are looked up.
        let mut used_chains = chains.clone();
        for name in chains {
            for rule in table.chains.get(name).map_or(&[][..], |chain| &chain.rules) {
                for set in rule.parts.iter().filter_map(Part::set) {
                    if used_sets.insert(set)
                        && let Some(set) = table.sets.get(&set)
                    {
                        used_chains.extend(set.elements.targets());
                    }
                }
            }
        }
        for (name, chain) in &table.chains {
            if chain.base.is_none() && !used_chains.contains(name) {
                let what = format!("nothing leads to chain `{}`", self.names.get(*name));
                dead.push(Dead { place: chain.place, what });
            }
        }
        for (name, set) in &table.sets {
            if !used_sets.contains(name) {
                let what = format!("nothing looks into `{}`", self.names.get(*name));
                dead.push(Dead { place: set.place, what });
            }
        }
    }

    fn assumptions(&self) -> Vec<Assumption> {
        let foreign = &self.foreign;
        let mut all: Vec<Assumption> = foreign.chains.iter().cloned().map(Assumption::OtherChain).collect();
        all.extend(foreign.flowtables.iter().cloned().map(|(family, table, name)| Assumption::FlowTable {
            family,
            table,
            name,
        }));
        all.extend(
            foreign.writers.iter().cloned().map(|(family, table, chain, what)| Assumption::OtherWriter {
                family,
                table,
                chain,
                what,
            }),
        );
        all.sort_unstable();
        all.dedup();
        all
    }
}
