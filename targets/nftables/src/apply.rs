//! The files of a gateway.

use std::fmt::Write as _;

use weir_compiler::plan::GatewayPlan;
use weir_targets::{Artifact, Carried, file_name};

use crate::bridges;
use crate::chains::{self, Base};
use crate::elements::source_map;
use crate::error::EmitError;
use crate::normal::hook_name;
use crate::options::Options;
use crate::ruleset::{Ruleset, Text};
use crate::sets::Family;
use crate::{TARGET, elements};

const SCRIPT: &str = include_str!("apply.sh");

/// The files of one gateway and where each statement went.
#[derive(Clone, Debug)]
pub struct Emission {
    /// Sorted by path.
    pub artifacts: Vec<Artifact>,
    /// Digest of the policy: the generation in object names, as 8 hex digits, and in connection marks, as far as
    /// [`Options::mark_mask`] has room.
    pub epoch: u32,
    /// The statements that this gateway enforces, and the artifacts that enforce all of them. A comment in them names each,
    /// unless an element stands for more statements than a comment has room for.
    pub carried: Carried,
}

/// Renders the plan of a gateway. The same plan gives the same bytes, in whatever order its rules stand.
pub fn emit(plan: &GatewayPlan, options: &Options) -> Result<Emission, EmitError> {
    let set = Ruleset::build(plan, options)?;
    let base = format!("nftables/{}", file_name(&plan.name));
    let mut artifacts = Vec::new();
    let mut file = |path: String, contents: String, executable| {
        artifacts.push(Artifact { path, contents: contents.into_bytes(), target: TARGET, executable });
    };
    // Writing to a string cannot fail, so a failure to write is not an outcome of these.
    let suffix = format!("/g{}", set.generation());
    file(format!("{base}.d/apply"), script(&set), true);
    file(format!("{base}.d/base.nft"), base_file(&set), false);
    file(format!("{base}.d/stage.nft"), stage_file(&set, &suffix), false);
    file(format!("{base}.d/sweep.nft"), sweep_file(&set, &suffix), false);
    file(format!("{base}.d/switch.nft"), switch_file(&set, &suffix), false);
    file(format!("{base}.nft"), whole_file(&set), false);
    let frames = plan.bridges.iter().flat_map(|bridge| &bridge.frames);
    let rules = plan.rules.iter().map(|rule| rule.statement);
    let mut used: Vec<u32> = rules.chain(frames.map(|rule| rule.statement)).collect();
    used.sort_unstable();
    used.dedup();
    let carried = Carried {
        statements: used.into_iter().map(|id| plan.statements[id as usize].id.clone()).collect(),
        artifacts: vec![format!("{base}.d/stage.nft"), format!("{base}.nft")],
    };
    Ok(Emission { artifacts, epoch: set.epoch, carried })
}

fn whole_file(set: &Ruleset<'_>) -> String {
    let mut out = set.header("The whole ruleset: one transaction that replaces the table.");
    out.reserve(set.size());
    // `table` first, so that `delete` finds one.
    out.push_str("table inet weir\ndelete table inet weir\n");
    if set.bridges.is_some() {
        out.push_str(
            "# IP passes its bridges only while net.bridge.bridge-nf-call-iptables and -ip6tables are 1.\n",
        );
        out.push_str("table bridge weir\ndelete table bridge weir\n");
    }
    let text = Text { suffix: "", comments: true };
    table(&mut out, "inet", |out| set.body(out, text));
    if set.bridges.is_some() {
        table(&mut out, "bridge", |out| set.bridge_body(out, text));
    }
    out
}

/// A part of a table.
fn table(out: &mut String, family: &str, body: impl FnOnce(&mut String) -> std::fmt::Result) {
    let _ = writeln!(out, "table {family} weir {{");
    let _ = body(out);
    out.push_str("}\n");
}

fn base_file(set: &Ruleset<'_>) -> String {
    let mut out = set.header("Base chains: made once, never deleted.");
    table(&mut out, "inet", |out| chains::base(out, set, "", Base::Declaration));
    if let Some(bridges) = &set.bridges {
        table(&mut out, "bridge", |out| bridges.base(out, set, "", Base::Declaration));
    }
    out
}

fn stage_file(set: &Ruleset<'_>, suffix: &str) -> String {
    let mut out = set.header("A new generation, which nothing refers to yet. May be loaded again.");
    out.reserve(set.size());
    let empty = |out: &mut String, family: &str, chains: &[String]| {
        table(out, family, |out| {
            chains.iter().try_for_each(|chain| writeln!(out, "\tchain {chain} {{\n\t}}"))
        });
        for chain in chains {
            let _ = writeln!(out, "flush chain {family} weir {chain}");
        }
    };
    let text = Text { suffix, comments: true };
    empty(&mut out, "inet", &chains::names_of(set, suffix));
    table(&mut out, "inet", |out| {
        chains::counters(out, set)?;
        set.objects(out, text)
    });
    if let Some(bridges) = &set.bridges {
        empty(&mut out, "bridge", &bridges.chains(suffix));
        table(&mut out, "bridge", |out| {
            bridges.counters(out)?;
            bridges.objects(out, set, text)
        });
    }
    out
}

fn switch_file(set: &Ruleset<'_>, suffix: &str) -> String {
    let mut out = set.header("The switch: base chains point to this generation from here on.");
    for (chain, _) in chains::base_chains(set) {
        let _ = writeln!(out, "flush chain inet weir {chain}");
    }
    table(&mut out, "inet", |out| chains::base(out, set, suffix, Base::Rules));
    if let Some(bridges) = &set.bridges {
        for (chain, _) in bridges::BASE {
            let _ = writeln!(out, "flush chain bridge weir {chain}");
        }
        table(&mut out, "bridge", |out| bridges.base(out, set, suffix, Base::Rules));
    }
    out
}

/// Removes this generation, once another one is in force or before it ever was.
fn sweep_file(set: &Ruleset<'_>, suffix: &str) -> String {
    let mut out = set.header("Removes this generation, when it is not in force (any more).");
    remove(&mut out, "inet", &chains::names_of(set, suffix), &tables_of(set), suffix);
    if let Some(bridges) = &set.bridges {
        remove(&mut out, "bridge", &bridges.chains(suffix), &bridges.tables(set.plan), suffix);
    }
    out
}

fn remove(out: &mut String, family: &str, chains: &[String], tables: &[(&str, String)], suffix: &str) {
    // A map refers to chains and a chain to maps: empty the chains, delete the maps, then the chains.
    for chain in chains {
        let _ = writeln!(out, "flush chain {family} weir {chain}");
    }
    for (kind, name) in tables {
        let _ = writeln!(out, "delete {kind} {family} weir {name}{suffix}");
    }
    let combined = chains.iter().filter(|name| !name.starts_with("p_"));
    for chain in combined.chain(chains.iter().filter(|name| name.starts_with("p_"))) {
        let _ = writeln!(out, "delete chain {family} weir {chain}");
    }
}

/// The maps and sets of a generation.
fn tables_of(set: &Ruleset<'_>) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for form in &set.form.hooks {
        let hook = hook_name(form.hook);
        for family in Family::BOTH {
            let lookup = form.family(family);
            let digit = elements::digit(family);
            for (kind, used) in [("key", !lookup.keys.is_empty()), ("box", !lookup.boxes.is_empty())] {
                if used {
                    all.push(("map", format!("{hook}_{kind}{digit}")));
                }
            }
            for (index, layer) in lookup.layers.iter().enumerate() {
                let kinds = [
                    ("pair", !layer.pairs.is_empty()),
                    ("src", !layer.singles.is_empty()),
                    ("net", !layer.ranges.is_empty()),
                ];
                for (kind, used) in kinds {
                    if used {
                        all.push(("map", source_map(hook, kind, family, index)));
                    }
                }
            }
        }
    }
    all.extend(crate::redirects::names(set.plan));
    for family in Family::BOTH {
        let digit = elements::digit(family);
        all.push(("set", format!("bind{digit}")));
        if set.plan.mac_bindings.iter().any(|m| elements::family_of(m.address) == family) {
            all.push(("set", format!("mac{digit}")));
            all.push(("set", format!("macaddr{digit}")));
        }
    }
    all
}

fn script(set: &Ruleset<'_>) -> String {
    // Names were checked: no quote, space or expansion character can come in here.
    let (interpreter, rest) = SCRIPT.split_once('\n').unwrap_or(("", SCRIPT));
    let header = set.header("Puts this generation into force, and takes it back unless it is confirmed.");
    let families = if set.bridges.is_some() { "inet bridge" } else { "inet" };
    let rest = rest
        .replace("@gateway@", &file_name(&set.plan.name))
        .replace("@generation@", &set.generation())
        .replace("@families@", families);
    format!("{interpreter}\n{header}{}", rest.trim_start_matches('\n'))
}
