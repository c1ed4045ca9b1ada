//! Connections to others that the host takes itself: one chain of type `nat` leads them to ports of the host by a map, and
//! `input` holds each to the port of its destination, for where a connection leads stays with it from ruleset to ruleset.

use std::collections::BTreeMap;

use crate::lemma::{Lines, lookup};
use crate::literal::Family;
use crate::model::Redirect;
use crate::names::Symbol;
use crate::place::Place;
use crate::rule::{Field, Operand, Part, Verdict};
use crate::shape;
use crate::state::{Chain, Data, Outcome, Set, Table};

/// `ct direction original ct status dnat meta l4proto tcp ct original ip daddr . ct original proto-dst . tcp dport !=
/// @SET counter name … drop`; a listing leaves the transport out, which the port implies.
pub(crate) fn astray(parts: &[Part], family: Family) -> Option<Symbol> {
    let [direction, status, rest @ ..] = parts else { return None };
    let rest = match rest {
        [tcp, rest @ ..] if shape::is(tcp, Field::Protocol, 6) => rest,
        rest => rest,
    };
    let [Part::Match(one), Part::Counter(_), Part::Verdict(Verdict::Drop)] = rest else { return None };
    let led = shape::is(direction, Field::Direction, 0) && shape::is(status, Field::Status, 1);
    let fields = [Field::OriginalDestination(family), Field::OriginalPort, Field::TcpPort];
    lookup(one, true, &fields).filter(|_| led)
}

/// `meta l4proto tcp redirect to :ip saddr . ip daddr . tcp dport map @MAP`.
fn led(parts: &[Part], family: Family) -> Option<Symbol> {
    let [tcp, Part::Redirect { key, map }] = parts else { return None };
    let fields = [Field::Source(family), Field::Destination(family), Field::TcpPort];
    let same = key.len() == fields.len()
        && key.iter().zip(fields).all(|(one, field)| *one == Operand { field, mask: None });
    (same && shape::is(tcp, Field::Protocol, 6)).then_some(*map)
}

/// What the chain leads where. `steered` has for each family the set of destinations with their ports.
pub(crate) fn read(
    table: &Table,
    steer: Option<&Chain>,
    steered: [Option<Symbol>; 2],
    sets: &mut Vec<Symbol>,
) -> Outcome<Vec<Redirect>> {
    let mut all = Vec::new();
    let mut lines = steer.map(Lines::new);
    for family in Family::BOTH {
        let place = lines.as_ref().map_or(table.place, Lines::place);
        let map = lines.as_mut().and_then(|lines| lines.take(|parts| led(parts, family)));
        let (map, set) = match (map, steered[family as usize]) {
            (Some(map), Some(set)) => (map, set),
            (Some(_), None) => {
                return Err((place, "connections are led to ports that nothing holds them to".into()));
            }
            (None, Some(_)) => {
                return Err((place, "connections are held to ports that nothing leads them to".into()));
            }
            (None, None) => continue,
        };
        sets.extend([map, set]);
        let (Some(map), Some(set)) = (table.sets.get(&map), table.sets.get(&set)) else { continue };
        let from = all.len();
        elements(map, family, &mut all)?;
        same(&all[from..], set)?;
    }
    if let Some(lines) = lines
        && lines.end().is_err()
    {
        return Err((lines.place(), "a rule that leads no connection to a port of its own".into()));
    }
    all.sort_unstable();
    Ok(all)
}

fn place(set: &Set, element: usize) -> Place {
    Place { line: set.elements.lines[element], ..set.place }
}

fn elements(map: &Set, family: Family, all: &mut Vec<Redirect>) -> Outcome<()> {
    for element in 0..map.elements.len() {
        let single = |field| {
            let (first, last) = map.elements.range(element, field);
            (first == last).then_some(first)
        };
        let here = place(map, element);
        let (Some(destination), Some(port), Data::Port(to)) =
            (single(1), single(2), map.elements.data[element])
        else {
            return Err((here, "a range of destinations or ports, led to one port".into()));
        };
        all.push(Redirect {
            family,
            destination,
            port: port as u16,
            sources: map.elements.range(element, 0),
            to,
            place: here,
            comment: map.elements.comments[element],
        });
    }
    Ok(())
}

/// Whether a set has every destination with its port, and nothing else.
fn same(redirects: &[Redirect], set: &Set) -> Outcome<()> {
    let mut led: BTreeMap<(u128, u128, u128), (Place, bool)> = redirects
        .iter()
        .map(|one| ((one.destination, one.port.into(), one.to.into()), (one.place, false)))
        .collect();
    for element in 0..set.elements.len() {
        let range = |field| set.elements.range(element, field);
        let (destination, port, to) = (range(0), range(1), range(2));
        let single = [destination, port, to].iter().all(|(first, last)| first == last);
        match led.get_mut(&(destination.0, port.0, to.0)).filter(|_| single) {
            Some((_, held)) => *held = true,
            None => return Err((place(set, element), "a port that no connection is led to".into())),
        }
    }
    match led.values().find(|(_, held)| !held) {
        Some((place, _)) => Err((*place, "connections are led to a port that they are not held to".into())),
        None => Ok(()),
    }
}
