//! The hitless form: a generation of objects that is staged, switched to, and swept away later.

use crate::Unread;
use crate::names::without_generation;
use crate::state::{Ruleset, TableFamily};

impl Ruleset {
    /// What is in force after the base, the stage and the switch, given in this order with their names, and that the sweep
    /// takes away what was staged and nothing else.
    pub fn hitless(parts: [(&str, &[u8]); 4]) -> Result<Self, Unread> {
        let [base, stage, switch, sweep] = parts;
        let base = Self::default().apply(base.0, base.1)?;
        let staged = base.clone().apply(stage.0, stage.1)?;
        staged.one_generation(stage.0)?;
        let in_force = staged.clone().apply(switch.0, switch.1)?;
        let swept = staged.clone().apply(sweep.0, sweep.1)?;
        let differs = |file: &str, what: String| Unread { file: file.to_owned(), line: 0, what };
        for (family, before) in &base.tables {
            let Some(after) = swept.tables.get(family) else {
                return Err(differs(sweep.0, format!("table `{} weir` is taken away too", family.name())));
            };
            let left = after.chains.keys().filter(|name| !before.chains.contains_key(*name));
            let left = left.chain(after.sets.keys().filter(|name| !before.sets.contains_key(*name))).next();
            if let Some(name) = left {
                return Err(differs(sweep.0, format!("`{}` is left behind", swept.names.get(*name))));
            }
            let gone = before.chains.iter().find(|(name, chain)| after.chains.get(*name) != Some(*chain));
            if let Some((name, _)) = gone {
                return Err(differs(
                    sweep.0,
                    format!("`{}` is not staged, but touched", swept.names.get(*name)),
                ));
            }
        }
        for (family, before) in &staged.tables {
            // A switch changes what the base chains do, and nothing else.
            let same = in_force.tables.get(family).is_some_and(|after| {
                after.sets == before.sets
                    && after.counters == before.counters
                    && after.chains.len() == before.chains.len()
                    && before
                        .chains
                        .iter()
                        .all(|(name, chain)| chain.base.is_some() || after.chains.get(name) == Some(chain))
            });
            if !same {
                return Err(differs(switch.0, "the switch changes more than the base chains".into()));
            }
        }
        Ok(in_force)
    }

    /// All objects but base chains and counters end with the same generation: so no two generations share one.
    fn one_generation(&self, file: &str) -> Result<(), Unread> {
        let mut generation: Option<&str> = None;
        for table in
            [TableFamily::Inet, TableFamily::Bridge].iter().filter_map(|family| self.tables.get(family))
        {
            let chains = table.chains.iter().filter(|(_, chain)| chain.base.is_none());
            let objects = chains.map(|(name, chain)| (name, chain.place));
            let objects = objects.chain(table.sets.iter().map(|(name, set)| (name, set.place)));
            for (name, place) in objects {
                let name = self.names.get(*name);
                let suffix = &name[without_generation(name).len()..];
                if suffix.is_empty() || *generation.get_or_insert(suffix) != suffix {
                    let what = format!("`{name}` does not belong to the generation");
                    return Err(Unread { file: file.to_owned(), line: place.line, what });
                }
            }
        }
        Ok(())
    }
}
