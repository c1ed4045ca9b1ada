//! What passes the bridges of a gateway: frames by addresses and by what stands behind their type, ARP, and who may send at a
//! port.

use std::collections::{BTreeMap, BTreeSet};

use weir_engine::NotDecided;
use weir_nftables_reader::{BridgeModel, FilterModel, FrameStep, Names};

use super::{
    arrivals::{Gateway, address, bindings, listed, stations},
    points::Point,
    regions::{Regions, Words, mapped},
    terms::{Budgets, Limit, Terms},
};
use crate::diff::{Difference, Verdict};

/// Compares the bridges of both sides; none is one that nothing passes.
pub(super) fn compare(
    point: &Point<'_>,
    (earlier, later): (Option<&FilterModel>, &FilterModel),
    found: &mut Difference,
) -> Result<(), NotDecided> {
    let none = BridgeModel::default();
    let (before, after) = (earlier.and_then(|model| model.bridge.as_ref()), later.bridge.as_ref());
    let is_new = before.is_none();
    let (old, new) = (before.unwrap_or(&none), after.unwrap_or(&none));
    let mut budgets = Budgets::default();
    let names = earlier.map(|model| &*model.names);
    frames(point, (old, names), (new, Some(&*later.names)), &mut budgets, found)?;
    super::rulesets::split(point, &budgets, found);
    pairs(point, old, new, found)?;
    let mut gateway = Gateway { name: point.name, found };
    let names = |list: &[std::sync::Arc<str>]| list.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    gateway.members("bridges that IP passes", &names(&old.bridges), &names(&new.bridges));
    if after.is_none() && before.is_some() {
        gateway.say("the table of its bridges is gone: what they pass is not known".into(), Verdict::Widened);
    }
    // what comes by another port is not bound to anything
    let (was, is) = (names(&old.ports), names(&new.ports));
    let free: Vec<String> = was.difference(&is).cloned().collect();
    if !free.is_empty() {
        gateway.say(format!("ports whose senders are held: {} removed", listed(&free)), Verdict::Widened);
    }
    let held: Vec<String> = is.difference(&was).cloned().collect();
    if !held.is_empty() && !is_new {
        gateway.say(format!("ports whose senders are held: {} added", listed(&held)), Verdict::Narrowed);
    }
    senders(&mut gateway, old, new);
    for (is_v6, sides) in [(false, (&old.v4, &new.v4)), (true, (&old.v6, &new.v6))] {
        bindings(&mut gateway, "sources that may come by port", (sides.0, sides.1), is_v6);
    }
    stations(
        &mut gateway,
        "senders of ARP at port",
        (&old.arp_stations, &old.arp_bound, &old.v4),
        (&new.arp_stations, &new.arp_bound, &new.v4),
        false,
    );
    match (&old.discovery, &new.discovery) {
        (None, None) => {}
        (None, Some(_)) => gateway.say("neighbour discovery passes".into(), Verdict::Widened),
        (Some(_), None) => gateway.say("neighbour discovery does not pass".into(), Verdict::Narrowed),
        (Some(was), Some(is)) => {
            bindings(&mut gateway, "addresses that may be advertised by port", (was, is), true);
        }
    }
    Ok(())
}

const ETHER_TYPES: [(u16, &str, &str); 4] = [
    (0x88b8, "GOOSE", "APPID"),
    (0x88b9, "GSE management", "APPID"),
    (0x88ba, "sampled values", "APPID"),
    (0x8892, "PROFINET", "frame ID"),
];

fn mac(number: u128) -> String {
    let bytes = number.to_be_bytes();
    bytes[10..].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

fn terms(step: &FrameStep) -> Terms {
    Terms {
        operations: None,
        limit: step.limit.as_ref().map(Limit::from),
        until: step.until,
        log: step.log.is_some(),
        audit: step.audit,
    }
}

fn frames(
    point: &Point<'_>,
    (old, old_names): (&BridgeModel, Option<&Names>),
    (new, new_names): (&BridgeModel, Option<&Names>),
    budgets: &mut Budgets,
    found: &mut Difference,
) -> Result<(), NotDecided> {
    let ports: BTreeSet<&str> = old.frames.iter().chain(&new.frames).map(|frame| &*frame.port).collect();
    let ports: Vec<&str> = ports.into_iter().collect();
    let mut regions = Regions::default();
    for (model, names, is_later) in [(old, old_names, false), (new, new_names, true)] {
        for frame in &model.frames {
            let port = ports.binary_search(&&*frame.port).unwrap_or_default() as u128;
            let base = port << 32 | u128::from(frame.ether_type) << 16;
            let comment = names.map_or("", |names| names.get(frame.comment));
            let steps = model.outcomes.get(frame.outcome as usize).map_or(&[][..], |outcome| &outcome.steps);
            for step in steps {
                let any = [(0, u16::MAX)];
                for (first, last) in step.ids.as_deref().unwrap_or(&any) {
                    let ids = (base | u128::from(*first), base | u128::from(*last));
                    let sources = [(u128::from(frame.source), u128::from(frame.source))];
                    let destinations = (frame.destinations.0.into(), frame.destinations.1.into());
                    regions.add(is_later, comment, vec![terms(step)], sources, destinations, ids);
                }
            }
        }
    }
    let service = |number: u128| {
        let port = ports.get((number >> 32) as usize).copied().unwrap_or_default();
        let (ether_type, id) = ((number >> 16 & 0xffff) as u16, number & 0xffff);
        let known = ETHER_TYPES.iter().find(|(known, ..)| *known == ether_type);
        match known {
            Some((_, name, kind)) => format!("{name}, {kind} {id:#06x}, to port {port}"),
            None => format!("EtherType {ether_type:#06x}, {id:#06x} behind it, to port {port}"),
        }
    };
    let words = Words {
        source: &mac,
        destination: &mac,
        service: &service,
        place: format!("`{}` (bridge)", point.name),
        rule: &mapped(point.maps),
    };
    regions.compare(&words, budgets, found)
}

/// ARP between two stations.
fn pairs(
    point: &Point<'_>,
    old: &BridgeModel,
    new: &BridgeModel,
    found: &mut Difference,
) -> Result<(), NotDecided> {
    let mut regions = Regions::default();
    for (model, is_later) in [(old, false), (new, true)] {
        for pair in &model.arp_pairs {
            regions.add(is_later, "", vec![Terms::default()], [pair.senders], pair.targets, (0, 0));
        }
    }
    let ipv4 = |number: u128| address(number, false);
    let words = Words {
        source: &ipv4,
        destination: &ipv4,
        service: &|_| String::new(),
        place: String::new(),
        rule: &mapped(point.maps),
    };
    let mut flows = Difference::default();
    regions.compare(&words, &mut Budgets::default(), &mut flows)?;
    let mut gateway = Gateway { name: point.name, found };
    for (flows, verb, effect) in
        [(flows.permitted, "passes", Verdict::Widened), (flows.denied, "does not pass", Verdict::Narrowed)]
    {
        for flow in flows {
            let (from, to) = (&flow.witness.source, &flow.witness.destination);
            gateway.say(format!("ARP from {from} about {to} {verb}, and maybe others"), effect);
        }
    }
    Ok(())
}

/// Hardware addresses: at which ports they count, and who may send something else than IP and ARP.
fn senders(gateway: &mut Gateway<'_>, old: &BridgeModel, new: &BridgeModel) {
    let held = |model: &BridgeModel| {
        let mut all: BTreeMap<u64, BTreeSet<String>> =
            model.known.iter().map(|mac| (*mac, BTreeSet::new())).collect();
        for station in &model.stations {
            if let Some(ports) = all.get_mut(&station.mac) {
                ports.insert(station.device.to_string());
            }
        }
        all
    };
    let (was, is) = (held(old), held(new));
    let macs: BTreeSet<&u64> = was.keys().chain(is.keys()).collect();
    let mut said: BTreeMap<(String, Verdict), Vec<String>> = BTreeMap::new();
    for mac in macs {
        let at = |ports: &BTreeSet<String>| listed(&ports.iter().cloned().collect::<Vec<_>>());
        let (change, effect) = match (was.get(mac), is.get(mac)) {
            (None, Some(ports)) => (format!("is a station at {}", at(ports)), Verdict::Widened),
            (Some(_), None) => ("is held to no port any more".to_owned(), Verdict::Widened),
            (Some(before), Some(after)) if before != after => {
                let effect = if after.is_subset(before) { Verdict::Narrowed } else { Verdict::Widened };
                (format!("counts at {}, and did at {}", at(after), at(before)), effect)
            }
            _ => continue,
        };
        said.entry((change, effect)).or_default().push(self::mac(u128::from(*mac)));
    }
    for ((change, effect), macs) in said {
        gateway.say(format!("hardware address {} {change}", listed(&macs)), effect);
    }
}
