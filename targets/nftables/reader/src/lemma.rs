//! The state lemma: the base chains are exactly those that let a connection pass because this policy admitted it, and for
//! no other reason.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::literal::{Family, INVALID, Range, device_name};
use crate::model::{Arrivals, Binding, Bound, Hook, Redirect, Station};
use crate::names::{Names, Symbol};
use crate::place::Place;
use crate::redirects;
use crate::rule::{Field, Match, Operand, Part, Rule, Values, Verdict};
use crate::shape::{self, Mask};
use crate::state::{BaseChain, Chain, HookPoint, Outcome, Table};

/// Link-local sources, and the one that has no address yet.
pub(crate) const LOCAL: [Range; 2] = [(0, 0), (0xfe80 << 112, 0xfebf << 112 | u128::MAX >> 16)];

/// What the base chains lead to.
pub(crate) struct Chains {
    pub(crate) mask: Mask,
    pub(crate) epoch: u32,
    /// The chains that look up new connections, by hook.
    pub(crate) lookups: [Option<Symbol>; 3],
    /// Where errors of this host about forwarded connections are looked up.
    pub(crate) errors: Option<Place>,
    pub(crate) forward: Place,
    pub(crate) arrivals: Arrivals,
    pub(crate) redirects: Vec<Redirect>,
    /// What is marked for the bridge table.
    pub(crate) bridged: Option<Bridged>,
    /// The chain for packets with wrong sources.
    pub(crate) spoofed: Symbol,
    /// The sets of [`Arrivals`].
    pub(crate) sets: Vec<Symbol>,
}

/// IP that this table accepted from a bridge to the same bridge: marked, for the bridge table to let pass.
pub(crate) struct Bridged {
    pub(crate) mark: u32,
    pub(crate) devices: Vec<Arc<str>>,
    /// Neighbour discovery, which is not tracked, passes to the bridge table without a mark.
    pub(crate) discovery: bool,
    place: Place,
}

/// Reads the base chains.
pub(crate) fn chains(table: &Table, names: &Names) -> Outcome<Chains> {
    let mut by_hook: FxHashMap<HookPoint, &Chain> = FxHashMap::default();
    let (mut bridged, mut steer) = (None, None);
    for (name, chain) in &table.chains {
        let Some(base) = chain.base else { continue };
        let translates = base.translates;
        // Behind the forward chain, which has dropped what it does not accept.
        if base == (BaseChain { translates, hook: HookPoint::Forward, priority: 10, accepts: true })
            && !translates
        {
            bridged = Some(chain);
            continue;
        }
        // Behind the one that binds sources, and before any that decides.
        if base == (BaseChain { translates, hook: HookPoint::Prerouting, priority: -100, accepts: true })
            && translates
        {
            steer = Some(chain);
            continue;
        }
        let (priority, accepts) = match base.hook {
            HookPoint::Prerouting => (-300, true),
            HookPoint::Forward | HookPoint::Input | HookPoint::Output => (0, false),
            HookPoint::Postrouting => {
                return Err((chain.place, format!("`{}` has a hook that is not ours", names.get(*name))));
            }
        };
        if base != (BaseChain { translates: false, hook: base.hook, priority, accepts }) {
            let policy = if accepts { "accept" } else { "drop" };
            return Err((
                chain.place,
                format!("`{}` should filter, with priority {priority} and policy {policy}", names.get(*name)),
            ));
        }
        if by_hook.insert(base.hook, chain).is_some() {
            return Err((chain.place, format!("`{}` is a second chain on its hook", names.get(*name))));
        }
    }
    let at = |hook, name| {
        by_hook
            .get(&hook)
            .copied()
            .ok_or_else(|| (table.place, format!("there is no base chain on hook {name}")))
    };
    let forward = Lines::new(at(HookPoint::Forward, "forward")?).forward()?;
    let input = Lines::new(at(HookPoint::Input, "input")?).local(Field::InDevice, &forward)?;
    let output = Lines::new(at(HookPoint::Output, "output")?).local(Field::OutDevice, &forward)?;
    // A reply leaves by the other hook than its connection came by.
    for (here, there) in [(&input, &output), (&output, &input)] {
        if here.reply != there.original {
            return Err((here.place, "replies are not looked up where their connections are".into()));
        }
    }
    if let Some((place, _)) = input.errors {
        return Err((place, "errors about forwarded connections come in by no input chain".into()));
    }
    if output.errors.is_some_and(|(_, chain)| Some(chain) != forward.original) {
        return Err((output.place, "errors about forwarded connections are looked up elsewhere".into()));
    }
    let bridged = match bridged {
        Some(chain) => Some(marks_bridged(chain, &forward)?),
        None if forward.discovery.is_some() => {
            return Err((forward.place, "neighbour discovery is forwarded, but nothing is bridged".into()));
        }
        None => None,
    };
    let mut sets = Vec::new();
    let (arrivals, spoofed) =
        Lines::new(at(HookPoint::Prerouting, "prerouting")?).arrivals(table, &mut sets)?;
    refuses(table, names, spoofed)?;
    let redirects = redirects::read(table, steer, input.steered, &mut sets)?;
    if let Some(place) =
        Family::BOTH.into_iter().find_map(|family| output.steered[family as usize]).map(|_| output.place)
    {
        return Err((place, "what is sent was led nowhere".into()));
    }
    Ok(Chains {
        mask: forward.mask,
        epoch: forward.epoch,
        lookups: [forward.original, input.original, output.original],
        errors: output.errors.map(|(place, _)| place),
        forward: forward.place,
        arrivals,
        redirects,
        bridged,
        spoofed,
        sets,
    })
}

/// The chain that marks, and whether it agrees with the forward chain.
fn marks_bridged(chain: &Chain, forward: &Filter) -> Outcome<Bridged> {
    let mut lines = Lines::new(chain);
    let place = lines.place();
    let discovery = lines.take(|parts| {
        matches!(parts, [kind, hops, Part::Verdict(Verdict::Accept)]
            if shape::among(kind, Field::Icmpv6Type, &[(135, 136)]) && shape::is(hops, Field::HopLimit, 255))
        .then_some(())
    });
    let (devices, mark) = lines.want("marking what goes from a bridge to the same bridge", |parts| {
        let [pair, Part::SetMark(bits)] = parts else { return None };
        let ours = bits.keep == !forward.mask.0 && bits.set & !forward.mask.0 == 0 && bits.set != 0;
        Some((crate::bridge::same_bridge(pair)?, bits.set)).filter(|_| ours)
    })?;
    lines.end()?;
    let discovery = discovery.is_some();
    if forward.discovery != discovery.then(|| devices.clone()) {
        return Err((place, "the forward chain lets pass other neighbour discovery".into()));
    }
    Ok(Bridged { mark, devices, discovery, place })
}

impl Bridged {
    /// Where a bridge table is missing.
    pub(crate) fn place(&self) -> Place {
        self.place
    }
}

/// A chain that at most logs, and drops.
pub(crate) fn refuses(table: &Table, names: &Names, name: Symbol) -> Outcome<()> {
    let Some(chain) = table.chains.get(&name) else {
        return Err((table.place, format!("there is no chain `{}`", names.get(name))));
    };
    let mut lines = Lines::new(chain);
    lines.take(|parts| shape::logs(parts).map(|_| ()));
    lines.finally_drop()?;
    lines.end()
}

/// What a filtering base chain does.
struct Filter {
    place: Place,
    mask: Mask,
    epoch: u32,
    /// Looks up packets in the direction of their connection, all of them in `forward`.
    original: Option<Symbol>,
    reply: Option<Symbol>,
    errors: Option<(Place, Symbol)>,
    /// By family, the set of destinations with the ports at which their connections may arrive, if they were led there.
    steered: [Option<Symbol>; 2],
    /// The bridges through which neighbour discovery is forwarded.
    discovery: Option<Vec<Arc<str>>>,
}

/// The rules of a base chain, one after the other.
pub(crate) struct Lines<'a> {
    chain: &'a Chain,
    at: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(chain: &'a Chain) -> Self {
        Self { chain, at: 0 }
    }

    pub(crate) fn take<T>(&mut self, read: impl FnOnce(&[Part]) -> Option<T>) -> Option<T> {
        let found = read(&shape::parts(self.chain.rules.get(self.at)?))?;
        self.at += 1;
        Some(found)
    }

    pub(crate) fn place(&self) -> Place {
        let rules = &self.chain.rules;
        rules.get(self.at).or(rules.last()).map_or(self.chain.place, |rule: &Rule| rule.place)
    }

    pub(crate) fn want<T>(&mut self, what: &str, read: impl FnOnce(&[Part]) -> Option<T>) -> Outcome<T> {
        self.take(read).ok_or_else(|| (self.place(), format!("{what} was expected here")))
    }

    pub(crate) fn end(&self) -> Outcome<()> {
        match self.chain.rules.get(self.at) {
            Some(rule) => Err((rule.place, "a rule behind the one that drops all".into())),
            None => Ok(()),
        }
    }

    fn finally_drop(&mut self) -> Outcome<()> {
        self.want("counting and dropping all that is left", |parts| {
            matches!(parts, [Part::Counter(_), Part::Verdict(Verdict::Drop)]).then_some(())
        })
    }

    /// `DEVICE "lo" accept`.
    fn loopback(&mut self, device: Field) -> Outcome<()> {
        self.want("accepting what comes and goes by `lo`", |parts| {
            matches!(parts, [lo, Part::Verdict(Verdict::Accept)]
                if shape::is(lo, device, u128::from_be_bytes(*b"lo\0\0\0\0\0\0\0\0\0\0\0\0\0\0")))
            .then_some(())
        })
    }

    /// The mark of approved connections, and nothing invalid behind.
    fn approved(&mut self) -> Outcome<(Mask, u32)> {
        let here = self.place();
        let (mask, epoch) =
            self.want("accepting connections that are marked with the policy's epoch", |parts| {
                let [Part::Match(one), Part::Verdict(Verdict::Accept)] = parts else { return None };
                let [Operand { field: Field::ConnectionMark, mask }] = one.key[..] else { return None };
                let mask = Mask(mask.map_or(u32::MAX, |mask| mask as u32));
                mask.compared(one).filter(|(equal, _)| *equal).map(|(_, epoch)| (mask, epoch))
            })?;
        if epoch == 0 {
            return Err((here, "the epoch is 0, which every new connection is marked with".into()));
        }
        self.want("dropping what is in no known state", |parts| {
            matches!(parts, [state, Part::Counter(_), Part::Verdict(Verdict::Drop)]
                if shape::is(state, Field::State, INVALID))
            .then_some(())
        })?;
        Ok((mask, epoch))
    }

    pub(crate) fn denied(&mut self) -> Outcome<()> {
        self.want("a rate-limited log line for what is refused", |parts| shape::logs(parts).map(|_| ()))?;
        self.finally_drop()?;
        self.end()
    }

    fn forward(mut self) -> Outcome<Filter> {
        let discovery = self.take(|parts| match parts {
            [kind, hops, pair, Part::Verdict(Verdict::Accept)]
                if shape::among(kind, Field::Icmpv6Type, &[(135, 136)])
                    && shape::is(hops, Field::HopLimit, 255) =>
            {
                crate::bridge::same_bridge(pair)
            }
            _ => None,
        });
        let (mask, epoch) = self.approved()?;
        let original = self.take(|parts| match parts {
            [Part::Verdict(Verdict::Jump(chain))] => Some(*chain),
            _ => None,
        });
        self.denied()?;
        let place = self.chain.place;
        Ok(Filter { place, mask, epoch, original, reply: None, errors: None, steered: [None; 2], discovery })
    }

    fn local(mut self, device: Field, forward: &Filter) -> Outcome<Filter> {
        self.loopback(device)?;
        // None of these is tracked. Hop limits that no router leaves: they come from the link.
        self.want("accepting neighbour discovery with hop limit 255", |parts| {
            matches!(parts, [kind, hops, Part::Verdict(Verdict::Accept)]
                if shape::among(kind, Field::Icmpv6Type, &[(133, 136)])
                && shape::is(hops, Field::HopLimit, 255))
            .then_some(())
        })?;
        self.want("accepting multicast listener discovery from the link with hop limit 1", |parts| {
            matches!(parts, [kind, hops, source, Part::Verdict(Verdict::Accept)]
                if shape::among(kind, Field::Icmpv6Type, &[(130, 132), (143, 143)])
                && shape::is(hops, Field::HopLimit, 1)
                && shape::among(source, Field::Source(Family::V6), &LOCAL))
            .then_some(())
        })?;
        let here = self.place();
        let (mask, epoch) = self.approved()?;
        if (mask, epoch) != (forward.mask, forward.epoch) {
            return Err((here, "another epoch than that of the forward chain".into()));
        }
        let directed = |direction| {
            move |parts: &[Part]| match parts {
                [way, Part::Verdict(Verdict::Jump(chain))] if shape::is(way, Field::Direction, direction) => {
                    Some(*chain)
                }
                _ => None,
            }
        };
        let steered = Family::BOTH.map(|family| self.take(|parts| redirects::astray(parts, family)));
        let original = self.take(directed(0));
        let reply = self.take(directed(1));
        let errors_at = self.place();
        let errors = self.take(|parts| match parts {
            [condition @ .., Part::Verdict(Verdict::Jump(chain))] if shape::errors(condition) => Some(*chain),
            _ => None,
        });
        self.denied()?;
        let errors = errors.map(|chain| (errors_at, chain));
        let place = self.chain.place;
        Ok(Filter { place, mask, epoch, original, reply, errors, steered, discovery: None })
    }

    fn arrivals(mut self, table: &Table, sets: &mut Vec<Symbol>) -> Outcome<(Arrivals, Symbol)> {
        self.loopback(Field::InDevice)?;
        let mut arrivals = Arrivals::default();
        let (bound, spoofed) =
            self.want("refusing IPv4 sources that do not belong to the device", |parts| {
                let [Part::Match(one), Part::Verdict(Verdict::Goto(chain))] = parts else { return None };
                Some((lookup(one, true, &[Field::InDevice, Field::Source(Family::V4)])?, *chain))
            })?;
        arrivals.v4 = bindings(table, bound);
        sets.push(bound);
        let bound = self.want("refusing IPv6 sources that do not belong to the device", |parts| {
            let [local, Part::Match(one), Part::Verdict(Verdict::Goto(chain))] = parts else { return None };
            (not_local(local) && *chain == spoofed)
                .then(|| lookup(one, true, &[Field::InDevice, Field::Source(Family::V6)]))?
        })?;
        arrivals.v6 = bindings(table, bound);
        sets.push(bound);
        for family in Family::BOTH {
            let Some(stations) = self.take(|parts| {
                let [Part::Match(one), Part::Verdict(Verdict::Accept)] = parts else { return None };
                lookup(one, false, &[Field::InDevice, Field::Source(family), Field::EtherSource])
            }) else {
                continue;
            };
            let bound = self.want("refusing other hardware addresses for these sources", |parts| {
                let [Part::Match(one), Part::Verdict(Verdict::Goto(chain))] = parts else { return None };
                (*chain == spoofed).then(|| lookup(one, false, &[Field::InDevice, Field::Source(family)]))?
            })?;
            sets.extend([stations, bound]);
            let (stations, bound) = (self::stations(table, stations), self::bound(table, bound));
            match family {
                Family::V4 => (arrivals.stations_v4, arrivals.bound_v4) = (stations, bound),
                Family::V6 => (arrivals.stations_v6, arrivals.bound_v6) = (stations, bound),
            }
        }
        if let Some(rule) = self.chain.rules.get(self.at) {
            return Err((rule.place, "a rule that binds no source".into()));
        }
        Ok((arrivals, spoofed))
    }
}

/// `ip6 saddr != { ::, fe80::/10 }`.
fn not_local(part: &Part) -> bool {
    matches!(part, Part::Match(one) if one.negated && shape::among(
        &Part::Match(Match { negated: false, ..one.clone() }), Field::Source(Family::V6), &LOCAL))
}

/// A look into a named set by these fields.
pub(crate) fn lookup(one: &Match, negated: bool, fields: &[Field]) -> Option<Symbol> {
    let Values::Set(set) = one.values else { return None };
    let same = one.key.len() == fields.len()
        && one
            .key
            .iter()
            .zip(fields)
            .all(|(operand, field)| operand.field == *field && operand.mask.is_none());
    (same && one.negated == negated).then_some(set)
}

/// Device names, each made once.
#[derive(Default)]
pub(crate) struct Devices(FxHashMap<u128, Arc<str>>);

impl Devices {
    pub(crate) fn get(&mut self, device: u128) -> Arc<str> {
        Arc::clone(self.0.entry(device).or_insert_with(|| device_name(device).into()))
    }
}

pub(crate) fn bindings(table: &Table, name: Symbol) -> Vec<Binding> {
    let Some(set) = table.sets.get(&name) else { return Vec::new() };
    let mut devices = Devices::default();
    let mut all: Vec<Binding> = (0..set.elements.len())
        .map(|element| Binding {
            device: devices.get(set.elements.range(element, 0).0),
            sources: set.elements.range(element, 1),
            place: Place { line: set.elements.lines[element], ..set.place },
        })
        .collect();
    all.sort_unstable();
    all
}

pub(crate) fn stations(table: &Table, name: Symbol) -> Vec<Station> {
    let Some(set) = table.sets.get(&name) else { return Vec::new() };
    let mut devices = Devices::default();
    let mut all: Vec<Station> = (0..set.elements.len())
        .map(|element| {
            let bytes = set.elements.range(element, 2).0.to_be_bytes();
            let mut mac = [0; 6];
            mac.copy_from_slice(&bytes[10..]);
            Station {
                device: devices.get(set.elements.range(element, 0).0),
                address: set.elements.range(element, 1).0,
                mac,
                place: Place { line: set.elements.lines[element], ..set.place },
            }
        })
        .collect();
    all.sort_unstable();
    all
}

pub(crate) fn bound(table: &Table, name: Symbol) -> Vec<Bound> {
    let Some(set) = table.sets.get(&name) else { return Vec::new() };
    let mut devices = Devices::default();
    let mut all: Vec<Bound> = (0..set.elements.len())
        .map(|element| Bound {
            device: devices.get(set.elements.range(element, 0).0),
            address: set.elements.range(element, 1).0,
            place: Place { line: set.elements.lines[element], ..set.place },
        })
        .collect();
    all.sort_unstable();
    all
}

impl Hook {
    /// Index into [`Chains::lookups`].
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Forward => 0,
            Self::Input => 1,
            Self::Output => 2,
        }
    }
}
