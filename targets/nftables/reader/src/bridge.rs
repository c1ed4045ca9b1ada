//! What `table bridge weir` permits: frames between the ports of bridges; and the state lemma of bridged IP, which the
//! forward hook of `table inet weir` judges and marks.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::lemma::{Bridged, Devices, LOCAL, Lines, bindings, bound, lookup, refuses, stations};
use crate::literal::{Family, Range};
use crate::model::{BridgeModel, Dead, FrameAttempt, FrameOutcome, FrameStep, Limit, OutcomeId, Pair, Port};
use crate::names::{Names, Symbol, without_generation};
use crate::place::Place;
use crate::rule::{Field, Header, Match, Operand, Part, Rate, Values, Verdict};
use crate::shape::{self, Mask};
use crate::state::{BaseChain, Data, HookPoint, Outcome, Table};

const ARP: u128 = 0x0806;
const IP: u128 = 0x0800;
const IP6: u128 = 0x86dd;
const TAGGED: u128 = 0x8100;

/// Reads the table. `bridged` is what the inet table marks.
pub(crate) fn bridge(
    table: &Table,
    names: &Names,
    mask: Mask,
    bridged: &Bridged,
    dead: &mut Vec<Dead>,
) -> Outcome<BridgeModel> {
    let mut model = BridgeModel { bridges: bridged.devices.clone(), ..BridgeModel::default() };
    let mut used = Used::default();
    let mut forward = None;
    let mut antispoof = None;
    for (name, chain) in &table.chains {
        let Some(base) = chain.base else { continue };
        let slot = match base.hook {
            HookPoint::Prerouting => &mut antispoof,
            HookPoint::Forward => &mut forward,
            _ => return Err((chain.place, format!("`{}` has a hook that is not ours", names.get(*name)))),
        };
        if slot.replace(chain).is_some() {
            return Err((chain.place, format!("`{}` is a second chain on its hook", names.get(*name))));
        }
    }
    let (Some(forward), Some(antispoof)) = (forward, antispoof) else {
        return Err((table.place, "a bridge table without its base chains".into()));
    };
    for (chain, hook, priority, accepts) in
        [(antispoof, HookPoint::Prerouting, -300, true), (forward, HookPoint::Forward, 100, false)]
    {
        if chain.base != Some(BaseChain { translates: false, hook, priority, accepts }) {
            return Err((chain.place, format!("a base chain that should have priority {priority}")));
        }
    }
    let mut lines = Lines::new(antispoof);
    let (ports, to) = lines.want("binding the sources of all ports", |parts| match parts {
        [Part::Match(one), Part::Verdict(Verdict::Goto(to))] => match one.single()? {
            (Field::InDevice, ports) => Some((ports, *to)),
            _ => None,
        },
        _ => None,
    })?;
    lines.end()?;
    let mut devices = Devices::default();
    model.ports = ports.iter().map(|(port, _)| devices.get(*port)).collect();
    model.ports.sort_unstable();
    binds(table, names, mask, to, &mut model, &mut used)?;
    let frames = forwards(table, forward, mask, bridged, &mut model, &mut used)?;
    looks_up(table, names, frames, &mut model, &mut used, dead)?;
    for (name, chain) in &table.chains {
        if chain.base.is_none() && !used.chains.contains(name) {
            let what = format!("nothing leads to chain `{}`", names.get(*name));
            dead.push(Dead { place: chain.place, what });
        }
    }
    for (name, set) in &table.sets {
        if !used.sets.contains(name) {
            dead.push(Dead { place: set.place, what: format!("nothing looks into `{}`", names.get(*name)) });
        }
    }
    Ok(model)
}

#[derive(Default)]
struct Used {
    chains: BTreeSet<Symbol>,
    sets: BTreeSet<Symbol>,
}

/// The lines of a chain that is no base chain.
fn lines<'a>(table: &'a Table, names: &Names, name: Symbol, used: &mut Used) -> Outcome<Lines<'a>> {
    used.chains.insert(name);
    table
        .chains
        .get(&name)
        .map(Lines::new)
        .ok_or_else(|| (table.place, format!("there is no chain `{}`", names.get(name))))
}

/// Which frames may come by a port.
fn binds(
    table: &Table,
    names: &Names,
    mask: Mask,
    name: Symbol,
    model: &mut BridgeModel,
    used: &mut Used,
) -> Outcome<()> {
    let mut lines = lines(table, names, name, used)?;
    lines.want("clearing the packet's mark", |parts| match parts {
        [clear] if mask.clears(clear) => Some(()),
        _ => None,
    })?;
    let port = Field::InDevice;
    let refused = |parts: &[Part]| match parts.last() {
        Some(Part::Verdict(Verdict::Goto(to))) => Some(*to),
        _ => None,
    };
    let (known, at_port, spoofed) = lines.want("refusing known stations at other ports", |parts| {
        let [Part::Match(known), Part::Match(at_port), _] = parts else { return None };
        let known = lookup(known, false, &[Field::EtherSource])?;
        Some((known, lookup(at_port, true, &[port, Field::EtherSource])?, refused(parts)?))
    })?;
    let goes = |parts: &[Part]| refused(parts) == Some(spoofed);
    lines.want("refusing frames of unknown stations", |parts| {
        let [Part::Match(kind), Part::Match(one), _] = parts else { return None };
        let kind = Part::Match(Match { negated: !kind.negated, ..kind.clone() });
        let same = lookup(one, true, &[Field::EtherSource])? == known;
        // The joined ranges of 0x0800, 0x0806 and 0x86dd.
        (goes(parts) && same && shape::among(&kind, Field::EtherType, &[(IP, IP), (ARP, ARP), (IP6, IP6)]))
            .then_some(())
    })?;
    let v4 = lines.want("refusing IPv4 sources that do not belong to the port", |parts| {
        let [Part::Match(one), _] = parts else { return None };
        goes(parts).then(|| lookup(one, true, &[port, Field::Source(Family::V4)]))?
    })?;
    let v6 = lines.want("refusing IPv6 sources that do not belong to the port", |parts| {
        let [local, Part::Match(one), _] = parts else { return None };
        let local = matches!(local, Part::Match(local) if local.negated && shape::among(
            &Part::Match(Match { negated: false, ..local.clone() }), Field::Source(Family::V6), &LOCAL));
        (local && goes(parts)).then(|| lookup(one, true, &[port, Field::Source(Family::V6)]))?
    })?;
    lines.want("refusing ARP of addresses that do not belong to the port", |parts| {
        let [Part::Match(one), _] = parts else { return None };
        (goes(parts) && lookup(one, true, &[port, Field::ArpSource])? == v4).then_some(())
    })?;
    let own = lines.take(|parts| {
        let [Part::Match(one), Part::Verdict(Verdict::Accept)] = parts else { return None };
        lookup(one, false, &[port, Field::ArpSource, Field::ArpEther])
    });
    if let Some(own) = own {
        let known = lines.want("refusing other hardware addresses in ARP", |parts| {
            let [Part::Match(one), _] = parts else { return None };
            goes(parts).then(|| lookup(one, false, &[port, Field::ArpSource]))?
        })?;
        used.sets.extend([own, known]);
        model.arp_stations = stations(table, own);
        model.arp_bound = bound(table, known);
    }
    lines.end()?;
    used.chains.insert(spoofed);
    used.sets.extend([known, at_port, v4, v6]);
    refuses(table, names, spoofed)?;
    model.stations = at_ports(table, at_port);
    model.known = table.sets.get(&known).map_or_else(Vec::new, |set| {
        let mut all: Vec<u64> =
            (0..set.elements.len()).map(|one| set.elements.range(one, 0).0 as u64).collect();
        all.sort_unstable();
        all
    });
    model.v4 = bindings(table, v4);
    model.v6 = bindings(table, v6);
    Ok(())
}

fn at_ports(table: &Table, name: Symbol) -> Vec<Port> {
    let Some(set) = table.sets.get(&name) else { return Vec::new() };
    let mut devices = Devices::default();
    let mut all: Vec<Port> = (0..set.elements.len())
        .map(|element| Port {
            device: devices.get(set.elements.range(element, 0).0),
            mac: set.elements.range(element, 1).0 as u64,
            place: Place { line: set.elements.lines[element], ..set.place },
        })
        .collect();
    all.sort_unstable();
    all
}

/// The base chain. Answers the chain of frames.
fn forwards(
    table: &Table,
    chain: &crate::state::Chain,
    mask: Mask,
    bridged: &Bridged,
    model: &mut BridgeModel,
    used: &mut Used,
) -> Outcome<Symbol> {
    let mut lines = Lines::new(chain);
    lines.want(
        "accepting IP that the inet table has accepted and marked, and clearing the mark",
        |parts| {
            let [kind, Part::Match(mark), rest @ ..] = parts else { return None };
            let [Operand { field: Field::Mark, mask: bits }] = mark.key[..] else { return None };
            let same = bits.unwrap_or(u32::MAX.into()) == mask.0.into()
                && !mark.negated
                && mark.values
                    == Values::Boxes(vec![Box::from([(bridged.mark.into(), bridged.mark.into())])]);
            (same && shape::among(kind, Field::EtherType, &[(IP, IP), (IP6, IP6)]) && mask.accepts(rest))
                .then_some(())
        },
    )?;
    let pairs = lines.want("accepting ARP between pairs", |parts| {
        let [hardware, operation, Part::Match(pair), Part::Verdict(Verdict::Accept)] = parts else {
            return None;
        };
        (shape::is(hardware, Field::ArpHardware, 1)
            && shape::among(operation, Field::ArpOperation, &[(1, 2)]))
        .then(|| lookup(pair, false, &[Field::ArpSource, Field::ArpDestination]))?
    })?;
    used.sets.insert(pairs);
    model.arp_pairs = table.sets.get(&pairs).map_or_else(Vec::new, |set| {
        let mut all: Vec<Pair> = (0..set.elements.len())
            .map(|element| Pair {
                senders: set.elements.range(element, 0),
                targets: set.elements.range(element, 1),
                place: Place { line: set.elements.lines[element], ..set.place },
            })
            .collect();
        all.sort_unstable();
        all
    });
    let discovery = |kind: u128| {
        move |parts: &[Part]| -> Option<Vec<Part>> {
            let [one, hops, rest @ ..] = parts else { return None };
            (shape::is(one, Field::Icmpv6Type, kind) && shape::is(hops, Field::HopLimit, 255))
                .then(|| rest.to_vec())
        }
    };
    let solicits = lines.take(|parts| {
        discovery(135)(parts).filter(|rest| rest[..] == [Part::Verdict(Verdict::Accept)]).map(|_| ())
    });
    if solicits.is_some() {
        let targets =
            lines.want("accepting neighbour advertisements of addresses at their ports", |parts| {
                let rest = discovery(136)(parts)?;
                let [Part::Match(one), Part::Verdict(Verdict::Accept)] = &rest[..] else { return None };
                let target = Field::Payload { base: Header::Transport, offset: 64, bits: 128 };
                lookup(one, false, &[Field::InDevice, target])
            })?;
        used.sets.insert(targets);
        model.discovery = Some(bindings(table, targets));
    }
    if model.discovery.is_some() != bridged.discovery {
        return Err((lines.place(), "the two tables disagree about neighbour discovery".into()));
    }
    let frames = lines.want("looking up frames", |parts| match parts {
        [Part::Verdict(Verdict::Jump(chain))] => Some(*chain),
        _ => None,
    })?;
    lines.denied()?;
    Ok(frames)
}

/// The lookups of frames: the same for frames that carry a tag with a priority only.
fn looks_up(
    table: &Table,
    names: &Names,
    frames: Symbol,
    model: &mut BridgeModel,
    used: &mut Used,
    dead: &mut Vec<Dead>,
) -> Outcome<()> {
    let by = |kind: Field| {
        move |parts: &[Part]| match parts {
            [Part::VerdictMap { key, map }] => {
                let fields = [Field::EtherSource, Field::EtherDestination, kind, Field::OutDevice];
                let plain = key.iter().zip(fields).all(|(one, field)| *one == Operand { field, mask: None });
                (plain && key.len() == fields.len()).then_some(*map)
            }
            _ => None,
        }
    };
    let mut plain = lines(table, names, frames, used)?;
    let mut maps = Vec::new();
    while let Some(map) = plain.take(by(Field::EtherType)) {
        maps.push(map);
    }
    let tagged = plain.take(|parts| match parts {
        [id, Part::Verdict(Verdict::Jump(chain))] if shape::is(id, Field::VlanId, 0) => Some(*chain),
        _ => None,
    });
    plain.end()?;
    let mut again = Vec::new();
    if let Some(tagged) = tagged {
        let mut lines = lines(table, names, tagged, used)?;
        while let Some(map) = lines.take(by(Field::VlanType)) {
            again.push(map);
        }
        lines.end()?;
    }
    if again != maps {
        return Err((
            plain.place(),
            "frames with a priority are looked up elsewhere than frames without".into(),
        ));
    }
    let mut profiles =
        Profiles { table, names, outcomes: Vec::new(), known: FxHashMap::default(), used: BTreeSet::new() };
    let mut devices = Devices::default();
    for (order, name) in (0..).zip(&maps) {
        used.sets.insert(*name);
        let Some(set) = table.sets.get(name) else { continue };
        for element in 0..set.elements.len() {
            let place = Place { line: set.elements.lines[element], ..set.place };
            let Data::Verdict(Verdict::Jump(chain)) = set.elements.data[element] else {
                return Err((place, "an element that does not jump to a chain".into()));
            };
            let range = |field| set.elements.range(element, field);
            let ((source, a), (kind, b), (port, c)) = (range(0), range(2), range(3));
            if (source, kind, port) != (a, b, c) {
                return Err((place, "a range of sources, EtherTypes or ports".into()));
            }
            let outcome = profiles.outcome(place, chain)?;
            if kind == TAGGED {
                dead.push(Dead { place, what: "a tagged frame has no EtherType of its own here".into() });
                continue;
            }
            let destinations = range(1);
            model.frames.push(FrameAttempt {
                order,
                source: source as u64,
                destinations: (destinations.0 as u64, destinations.1 as u64),
                ether_type: kind as u16,
                port: devices.get(port),
                outcome,
                place,
                comment: set.elements.comments[element],
            });
        }
    }
    model.outcomes = profiles.outcomes;
    used.chains.extend(profiles.used);
    Ok(())
}

/// The chains that frames are sent to.
struct Profiles<'a> {
    table: &'a Table,
    names: &'a Names,
    outcomes: Vec<FrameOutcome>,
    known: FxHashMap<Symbol, OutcomeId>,
    used: BTreeSet<Symbol>,
}

impl Profiles<'_> {
    fn outcome(&mut self, place: Place, chain: Symbol) -> Outcome<OutcomeId> {
        if let Some(id) = self.known.get(&chain) {
            return Ok(*id);
        }
        let mut steps = Vec::new();
        self.steps(place, chain, 0, &mut steps)?;
        let id = self.outcomes.len() as OutcomeId;
        self.outcomes.push(FrameOutcome { chain: self.name(chain), steps });
        self.known.insert(chain, id);
        Ok(id)
    }

    fn name(&self, chain: Symbol) -> String {
        without_generation(self.names.get(chain)).to_owned()
    }

    fn steps(&mut self, from: Place, name: Symbol, depth: usize, out: &mut Vec<FrameStep>) -> Outcome<()> {
        let Some(chain) = self.table.chains.get(&name) else {
            return Err((from, format!("there is no chain `{}`", self.names.get(name))));
        };
        if depth > 16 || out.len() > self.table.chains.len() {
            return Err((chain.place, "a chain that leads on and on".into()));
        }
        self.used.insert(name);
        let mut lines = Lines::new(chain);
        let jump = |parts: &[Part]| match parts {
            [Part::Verdict(Verdict::Jump(to))] => Some(*to),
            _ => None,
        };
        if let Some(first) = lines.take(jump) {
            self.steps(from, first, depth + 1, out)?;
            while let Some(to) = lines.take(jump) {
                self.steps(from, to, depth + 1, out)?;
            }
            return lines.end();
        }
        // What has one of these identifiers goes on in another chain; what has another, or is too short to have one,
        // returns.
        let plain = lines.take(|parts| with_ids(parts, true));
        if let Some((ids, to)) = plain {
            let tagged = lines.want("the same identifiers behind a tag", |parts| with_ids(parts, false))?;
            if tagged != (ids.clone(), to) {
                return Err((lines.place(), "other identifiers behind a tag than without one".into()));
            }
            lines.end()?;
            let Some(rest) = self.table.chains.get(&to) else {
                return Err((chain.place, format!("there is no chain `{}`", self.names.get(to))));
            };
            self.used.insert(to);
            let step = self.profile(to, Lines::new(rest))?;
            out.push(FrameStep { ids: Some(ids), ..step });
            return Ok(());
        }
        let step = self.profile(name, lines)?;
        out.push(step);
        Ok(())
    }

    /// A chain that accepts what it does not return.
    fn profile(&self, name: Symbol, mut lines: Lines<'_>) -> Outcome<FrameStep> {
        let mut step = FrameStep {
            chain: self.name(name),
            ids: None,
            until: None,
            limit: None,
            log: None,
            audit: false,
            counter: String::new(),
            place: lines.place(),
        };
        step.until = lines.take(shape::ends);
        step.limit = lines.take(shape::refuses_over).map(|Rate { count, seconds, burst, .. }| Limit {
            count,
            seconds,
            burst,
            budget: self.name(name),
        });
        if let Some(prefix) = lines.take(shape::logs) {
            let prefix = self.names.get(prefix);
            step.audit = prefix.starts_with("weir-audit ");
            step.log = Some(prefix.to_owned());
        }
        let counter = lines.want("accepting with a counter", |parts| match parts {
            [Part::Counter(counter), Part::Verdict(Verdict::Accept)] => Some(*counter),
            _ => None,
        })?;
        self.names.get(counter).clone_into(&mut step.counter);
        lines.end()?;
        Ok(step)
    }
}

/// Frames with these identifiers go on: the two bytes behind the EtherType, or behind that of the tag. A frame that is too
/// short to have them does not match.
fn with_ids(parts: &[Part], plain: bool) -> Option<(Vec<(u16, u16)>, Symbol)> {
    let [Part::Match(kind), Part::Match(ids), Part::Verdict(Verdict::Goto(to))] = parts else { return None };
    let tagged = Match { negated: false, ..kind.clone() }.value() == Some((Field::EtherType, TAGGED));
    let offset = if plain { 112 } else { 144 };
    let field = Field::Payload { base: Header::Link, offset, bits: 16 };
    let (there, ranges) = ids.single()?;
    (tagged && kind.negated == plain && !ids.negated && there == field).then(|| {
        let ids = shape::joined(ranges).into_iter().map(|(first, last): Range| (first as u16, last as u16));
        (ids.collect(), *to)
    })
}

/// Devices in a bridge: both sides of a pair are the same.
pub(crate) fn same_bridge(part: &Part) -> Option<Vec<Arc<str>>> {
    let Part::Match(Match { key, negated: false, values: Values::Boxes(boxes) }) = part else { return None };
    let fields = [Field::InDevice, Field::OutDevice].map(|field| Operand { field, mask: None });
    if key[..] != fields {
        return None;
    }
    let mut devices = Devices::default();
    boxes
        .iter()
        .map(|one| match one[..] {
            [(a, b), (c, d)] if a == b && c == d && a == c => Some(devices.get(a)),
            _ => None,
        })
        .collect()
}
