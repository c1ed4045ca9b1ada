//! nftables rulesets, whole and in the parts that are loaded without a gap: what they let pass, on which terms, and from whom.

use std::collections::BTreeSet;

use weir_engine::NotDecided;
use weir_nftables_reader::{Assumption, Family, FilterModel, Hook, Outcome, Redirect, Ruleset};

use super::{
    arrivals::{self, Gateway, address},
    bridges,
    points::{Point, Side, Target, exactly, not_compared, told, unreadable},
    regions::{Regions, Words, mapped},
    terms::{Budgets, Limit, Operations, Terms},
};
use crate::diff::{Difference, PlantChange, Verdict};

pub(super) const TARGET: Target<Gate> =
    Target { name: "nftables", point, read, is_same: |_, _| true, compare };

/// The ruleset of a gateway.
pub(super) struct Gate {
    model: FilterModel,
    parts: Parts,
}

/// What is loaded without a gap.
enum Parts {
    None,
    /// They hold the same as the whole; what runs as root to load them, without what names the generation.
    Same(String),
    Other(String),
}

const PARTS: [&str; 5] = ["base.nft", "stage.nft", "switch.nft", "sweep.nft", "apply"];

fn point(path: &str) -> Option<&str> {
    match path.split_once('/') {
        Some((folder, _)) => folder.strip_suffix(".d"),
        None => path.strip_suffix(".nft"),
    }
}

fn read(root: &str, side: &Side<'_>) -> Result<Gate, String> {
    let name = root.rsplit('/').next().unwrap_or(root);
    let whole = format!("{name}.nft");
    let unread = |unread: weir_nftables_reader::Unread| unread.to_string();
    let load = |text: &[u8]| {
        Ruleset::default().apply(&whole, text).and_then(|ruleset| ruleset.model()).map_err(unread)
    };
    let (text, parts) = side.iter().partition::<Vec<_>, _>(|(path, _)| **path == whole);
    let [(_, text)] = text.as_slice() else { return Err(format!("`{whole}` is missing")) };
    let model = load(text)?;
    if parts.is_empty() {
        return Ok(Gate { model, parts: Parts::None });
    }
    let parts = in_parts(name, &parts.into_iter().map(|(path, bytes)| (*path, *bytes)).collect(), &model);
    Ok(Gate { model, parts: parts.map_or_else(Parts::Other, Parts::Same) })
}

/// The script that loads the parts, if they hold what the whole does.
fn in_parts(name: &str, side: &Side<'_>, whole: &FilterModel) -> Result<String, String> {
    let [base, stage, switch, sweep, script] = PARTS.map(|part| format!("{name}.d/{part}"));
    let names = [base.clone(), stage.clone(), switch.clone(), sweep.clone(), script.clone()];
    let [in_base, in_stage, in_switch, in_sweep, in_script] = exactly(side, names)?;
    let parts = [(&*base, in_base), (&*stage, in_stage), (&*switch, in_switch), (&*sweep, in_sweep)];
    let model =
        Ruleset::hitless(parts).and_then(|ruleset| ruleset.model()).map_err(|unread| unread.to_string())?;
    if model.canonical() != whole.canonical() {
        return Err("they hold something else than the whole ruleset".into());
    }
    fixed(in_script, in_stage).ok_or_else(|| format!("`{script}` loads another generation than `{stage}`"))
}

/// The script without comments and generation; nothing, if it names another one than is staged.
fn fixed(script: &[u8], stage: &[u8]) -> Option<String> {
    let (script, stage) = (std::str::from_utf8(script).ok()?, std::str::from_utf8(stage).ok()?);
    let generation = script.lines().find_map(|line| line.strip_prefix("generation="))?;
    let mut staged = stage.lines().filter_map(|line| line.strip_prefix("flush chain inet weir ")).peekable();
    staged.peek()?;
    if !staged.all(|chain| chain.ends_with(&format!("/g{generation}"))) {
        return None;
    }
    let line = |line: &&str| -> bool { !line.starts_with("# ") && !line.starts_with("generation=") };
    // which tables there are is in the model
    let families = |line: &str| line == "families='inet'" || line == "families='inet bridge'";
    let lines = script.lines().filter(line).filter(|line| !families(line));
    Some(lines.collect::<Vec<_>>().join("\n"))
}

fn compare(point: &Point<'_>, old: Option<&Gate>, new: &Gate, found: &mut Difference) {
    let model = old.map(|old| &old.model);
    for (which, gate) in [("earlier", old), ("later", Some(new))] {
        if let Some(Parts::Other(why)) = gate.map(|gate| &gate.parts) {
            let what = format!("the {which} parts in `{}.d`, which are loaded without a gap,", point.root);
            unreadable(&what, why, found);
        }
    }
    let mut budgets = Budgets::default();
    let mut decided = Ok(());
    for hook in Hook::ALL {
        for is_v6 in [false, true] {
            decided = decided.and(connections(point, hook, is_v6, (model, &new.model), &mut budgets, found));
        }
    }
    split(point, &budgets, found);
    if decided.and_then(|()| bridges::compare(point, (model, &new.model), found)).is_err() {
        found.notes.push(format!("`{}` is too large to be compared", point.root));
        found.verdict = Verdict::Widened;
    }
    // of a new gateway, it is only what lets its flows arrive
    let (Some(old), Some(before)) = (old, model) else { return };
    let first = told(found);
    let mut gateway = Gateway { name: point.name, found };
    arrivals::compare(&mut gateway, &before.arrivals, &new.model.arrivals);
    redirects(&mut gateway, &before.redirects, &new.model);
    if before.marks.mask != new.model.marks.mask {
        let (was, is) = (before.marks.mask, new.model.marks.mask);
        let detail =
            format!("bits of marks: {was:#010x} -> {is:#010x}; others may set what is not among them");
        gateway.say(detail, Verdict::Widened);
    }
    let assumed = |model: &FilterModel| -> Vec<Assumption> {
        let mut all = model.assumptions.clone();
        all.sort();
        all
    };
    if assumed(before) != assumed(&new.model) {
        gateway.say("other tables stand beside Weir's".into(), Verdict::Widened);
    }
    match (&old.parts, &new.parts) {
        (Parts::Same(was), Parts::Same(is)) if was != is => {
            gateway.say("is loaded by another script (`apply`)".into(), Verdict::Widened);
        }
        (Parts::Same(_), Parts::None) => {
            gateway.say("has no parts to load without a gap".into(), Verdict::Same);
        }
        _ => {}
    }
    // what the comparisons above would have to find
    let rest = |model: &FilterModel| {
        let all = model.canonical();
        (all.arrivals, all.redirects)
    };
    if told(found) == first && rest(before) != rest(&new.model) {
        not_compared(&point.root, found);
    }
}

fn connections(
    point: &Point<'_>,
    hook: Hook,
    is_v6: bool,
    (old, new): (Option<&FilterModel>, &FilterModel),
    budgets: &mut Budgets,
    found: &mut Difference,
) -> Result<(), NotDecided> {
    let mut regions = Regions::default();
    for (model, is_later) in [(old, false), (Some(new), true)] {
        let Some(model) = model else { continue };
        let attempts = if is_v6 { &model.hook(hook).v6 } else { &model.hook(hook).v4 };
        for attempt in attempts {
            let service = |port: u16| u128::from(attempt.protocol) << 16 | u128::from(port);
            regions.add(
                is_later,
                model.comment(attempt),
                model.outcome(attempt).map(terms).unwrap_or_default(),
                attempt.sources.iter().copied(),
                attempt.destinations,
                (service(attempt.ports.0), service(attempt.ports.1)),
            );
        }
    }
    let say = |number: u128| address(number, is_v6);
    let words = Words {
        source: &say,
        destination: &say,
        service: &service,
        place: format!("`{}` ({})", point.name, hook.name()),
        rule: &mapped(point.maps),
    };
    regions.compare(&words, budgets, found)
}

/// What an outcome asks, without the names of its chains.
fn terms(outcome: &Outcome) -> Vec<Terms> {
    let step = |step: &weir_nftables_reader::Step| Terms {
        operations: step.operations.as_ref().map(Operations::from),
        limit: step.limit.as_ref().map(Limit::from),
        until: step.until,
        log: step.log.is_some(),
        audit: step.audit,
    };
    outcome.steps.iter().map(step).collect()
}

pub(super) fn service(number: u128) -> String {
    let (protocol, port) = (number >> 16, number & 0xffff);
    match protocol {
        6 => format!("tcp/{port}"),
        17 => format!("udp/{port}"),
        132 => format!("sctp/{port}"),
        1 | 58 => "icmp".to_owned(),
        other => format!("protocol {other} port {port}"),
    }
}

/// What was counted together and is not any more, and the other way round.
pub(super) fn split(point: &Point<'_>, budgets: &Budgets, found: &mut Difference) {
    let mut say = |detail: String, effect: Verdict| {
        found.plant.push(PlantChange {
            what: "limit",
            name: point.root.clone(),
            change: "changed",
            detail,
            effect,
        });
    };
    for limits in budgets.split() {
        let mut words: Vec<String> = limits.iter().map(ToString::to_string).collect();
        words.sort();
        say(format!("one limit is now {}, each counted on its own", words.join(" and ")), Verdict::Widened);
    }
    for limit in budgets.joined() {
        say(format!("several limits are now {limit}, counted together"), Verdict::Narrowed);
    }
}

/// What a proxy of the host takes, nothing else there judges. What it takes no more is no wider where nothing forwards it.
fn redirects(gateway: &mut Gateway<'_>, before: &[Redirect], model: &FilterModel) {
    let key = |one: &Redirect| (one.family, one.destination, one.port, one.sources, one.to);
    let word = |one: &&Redirect| {
        let is_v6 = one.family == Family::V6;
        let source = match one.sources {
            (first, last) if first == last => address(first, is_v6),
            (first, last) => format!("{}..{}", address(first, is_v6), address(last, is_v6)),
        };
        let destination = address(one.destination, is_v6);
        format!("{source} -> {destination} : tcp/{} to its own port {}", one.port, one.to)
    };
    let beyond = |own: &'_ [Redirect], others: &[Redirect]| -> Vec<Redirect> {
        let known: BTreeSet<_> = others.iter().map(key).collect();
        own.iter().filter(|one| !known.contains(&key(one))).cloned().collect()
    };
    let forwards = |one: &Redirect| {
        let hook = model.hook(Hook::Forward);
        let attempts = if one.family == Family::V6 { &hook.v6 } else { &hook.v4 };
        attempts.iter().any(|attempt| {
            attempt.protocol == TCP
                && (attempt.ports.0..=attempt.ports.1).contains(&one.port)
                && (attempt.destinations.0..=attempt.destinations.1).contains(&one.destination)
                && attempt
                    .sources
                    .iter()
                    .any(|(first, last)| *first <= one.sources.1 && one.sources.0 <= *last)
        })
    };
    let (came, went) = (beyond(&model.redirects, before), beyond(before, &model.redirects));
    let (passed, closed): (Vec<&Redirect>, Vec<&Redirect>) = went.iter().partition(|one| forwards(one));
    for (list, change, effect) in [
        (came.iter().collect(), "takes connections to others", Verdict::Widened),
        (passed, "forwards connections that its proxy took", Verdict::Widened),
        (closed, "does not take connections to others any more", Verdict::Narrowed),
    ] {
        if !list.is_empty() {
            let list: Vec<String> = list.iter().map(word).collect();
            gateway.say(format!("{change}: {}", arrivals::listed(&list)), effect);
        }
    }
}

const TCP: u8 = 6;
