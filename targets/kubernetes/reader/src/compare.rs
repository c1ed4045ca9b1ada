//! Holds what policies permit against what they are to permit, over all pods that could ever run and all addresses.
//!
//! Pods are chosen by labels that they *must* have, so whoever permits the pod that has exactly the labels of a selector
//! permits all pods that the selector chooses. It is enough, and exact, to ask for these pods: one for each selector on
//! either side. Addresses are cut where a range begins or ends.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    net::IpAddr,
};

use crate::{
    address::{Family, address, number},
    model::{Direction, Peer, Place, PolicyModel, Selector, Term},
    objects::Protocol,
};

/// What the policies of a cluster have to permit, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Requirement {
    /// Namespaces in which everything is closed that no grant opens; all others are left alone.
    pub namespaces: BTreeSet<String>,
    pub grants: Vec<Grant>,
    /// What guard rails deny, and nothing else. A range from port 0 stands for whatever has no ports, too.
    pub denials: Vec<Grant>,
}

/// As a [`crate::Term`].
#[derive(Clone, Debug)]
pub struct Grant {
    pub direction: Direction,
    pub subject: Selector,
    pub peers: Vec<Peer>,
    pub ports: Vec<(Protocol, u16, u16)>,
    /// The caller's word for where it comes from.
    pub origin: u32,
}

/// A connection as one of its ends decides about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    pub direction: Direction,
    /// A pod with exactly these labels.
    pub subject: Selector,
    pub peer: Far,
    pub protocol: Protocol,
    pub port: u16,
}

/// The other end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Far {
    Pod(Selector),
    Address(IpAddr),
}

impl Connection {
    /// The other end, in words.
    pub fn far(&self) -> String {
        match &self.peer {
            Far::Pod(pod) => format!("pod {pod}"),
            Far::Address(address) => address.to_string(),
        }
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let far = self.far();
        let (near, port) = (&self.subject, self.port);
        match self.direction {
            Direction::Egress => write!(formatter, "pod {near} -> {far} : {}/{port}, leaving", self.protocol),
            Direction::Ingress => {
                write!(formatter, "{far} -> pod {near} : {}/{port}, arriving", self.protocol)
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Policies permit what no grant does.
    Excess(Connection),
    /// A grant permits what policies do not.
    Loss(Connection),
    /// A guard rail denies what nothing forbids.
    Denied(Connection),
    /// No guard rail denies what is forbidden.
    Undenied(Connection),
    /// Pods of this namespace are not closed in this direction.
    Open(Direction, String),
    /// Pods of this namespace are closed, which nothing asks for.
    Closed(Direction, String),
}

/// One thing in which policies are not what they have to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    pub fault: Fault,
    /// Where the policies decide it.
    pub places: Vec<Place>,
    /// Grants that permit it.
    pub origins: Vec<u32>,
}

/// Everything in which policies and requirement differ; one connection for each pair of ends that differs anywhere.
pub fn compare(required: &Requirement, model: &PolicyModel) -> Vec<Difference> {
    let mut differences = isolation(required, model);
    ends(&required.grants, &model.terms, (Fault::Excess, Fault::Loss), &mut differences);
    ends(&required.denials, &model.denials, (Fault::Denied, Fault::Undenied), &mut differences);
    differences.sort();
    differences
}

/// What makes a fault of a connection: where only the policies speak of it, and where only the requirement does.
type Faults = (fn(Connection) -> Fault, fn(Connection) -> Fault);

/// Everything in which grants and terms differ.
fn ends(required: &[Grant], terms: &[Term], (beyond, short): Faults, differences: &mut Vec<Difference>) {
    let mut selectors = Selectors::default();
    let (mut policies, mut grants) = (Side::default(), Side::default());
    for (index, term) in terms.iter().enumerate() {
        policies.add(&mut selectors, term.direction, &term.subject, &term.peers, &term.ports, index as u32);
    }
    for (index, grant) in required.iter().enumerate() {
        grants.add(&mut selectors, grant.direction, &grant.subject, &grant.peers, &grant.ports, index as u32);
    }
    let weaker = selectors.weaker();
    let blame = |index: u32| terms.get(index as usize).map(|term| term.place);
    let origin = |index: u32| required.get(index as usize).map(|grant| grant.origin);
    let mut pods = |one: &Side, other: &Side, excess: bool| {
        for (connection, by) in one.beyond(other, &selectors, &weaker) {
            differences.push(Difference {
                fault: if excess { beyond(connection) } else { short(connection) },
                places: if excess { blame(by).into_iter().collect() } else { Vec::new() },
                origins: if excess { Vec::new() } else { origin(by).into_iter().collect() },
            });
        }
    };
    pods(&policies, &grants, true);
    pods(&grants, &policies, false);
    let subjects: BTreeSet<(Direction, u32)> =
        policies.ranges.keys().chain(grants.ranges.keys()).copied().collect();
    for (direction, subject) in subjects {
        let gather = |side: &Side| -> Vec<Box3> {
            let subjects = weaker[subject as usize].iter();
            subjects.filter_map(|weaker| side.ranges.get(&(direction, *weaker))).flatten().copied().collect()
        };
        let (mine, theirs) = (gather(&policies), gather(&grants));
        for (excess, family, at, protocol, port, by) in sweep(&mine, &theirs) {
            let connection = Connection {
                direction,
                subject: selectors.list[subject as usize].clone(),
                peer: Far::Address(address(family, at)),
                protocol,
                port,
            };
            differences.push(Difference {
                fault: if excess { beyond(connection) } else { short(connection) },
                places: if excess { blame(by).into_iter().collect() } else { Vec::new() },
                origins: if excess { Vec::new() } else { origin(by).into_iter().collect() },
            });
        }
    }
}

/// Whether exactly the namespaces are closed that have to be.
fn isolation(required: &Requirement, model: &PolicyModel) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut closed: BTreeMap<(Direction, &str), bool> = BTreeMap::new();
    let mut foreign: BTreeMap<(Direction, &str), Place> = BTreeMap::new();
    for (direction, subject, place) in &model.isolated {
        let key = (*direction, subject.namespace.as_str());
        if required.namespaces.contains(&subject.namespace) {
            *closed.entry(key).or_default() |= subject.labels.is_empty();
        } else {
            foreign.entry(key).or_insert(*place);
        }
    }
    for ((direction, namespace), place) in foreign {
        let fault = Fault::Closed(direction, namespace.into());
        differences.push(Difference { fault, places: vec![place], origins: Vec::new() });
    }
    for namespace in &required.namespaces {
        for direction in [Direction::Ingress, Direction::Egress] {
            if closed.get(&(direction, namespace.as_str())) != Some(&true) {
                let fault = Fault::Open(direction, namespace.clone());
                differences.push(Difference { fault, places: Vec::new(), origins: Vec::new() });
            }
        }
    }
    differences
}

/// All selectors of both sides, each once.
#[derive(Default)]
struct Selectors {
    list: Vec<Selector>,
    known: HashMap<Selector, u32>,
}

impl Selectors {
    fn id(&mut self, selector: &Selector) -> u32 {
        if let Some(known) = self.known.get(selector) {
            return *known;
        }
        let id = self.list.len() as u32;
        self.list.push(selector.clone());
        self.known.insert(selector.clone(), id);
        id
    }

    /// For each selector those that choose all of its pods: itself, and those with some of its labels only. Each is looked
    /// for below its rarest label.
    fn weaker(&self) -> Vec<Vec<u32>> {
        let mut counts: HashMap<(&str, &str, &str), usize> = HashMap::new();
        let labels = |selector: &'_ Selector| {
            selector.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect::<Vec<_>>()
        };
        for selector in &self.list {
            for (key, value) in &selector.labels {
                *counts.entry((&selector.namespace, key, value)).or_default() += 1;
            }
        }
        let mut below: HashMap<(String, Option<(String, String)>), Vec<u32>> = HashMap::new();
        for (id, selector) in self.list.iter().enumerate() {
            let rarest = labels(selector)
                .into_iter()
                .min_by_key(|(key, value)| counts.get(&(&*selector.namespace, &**key, &**value)).copied());
            below.entry((selector.namespace.clone(), rarest)).or_default().push(id as u32);
        }
        let mut all = Vec::with_capacity(self.list.len());
        for selector in &self.list {
            let mut found = Vec::new();
            let keys = labels(selector).into_iter().map(Some).chain([None]);
            for key in keys {
                for id in below.get(&(selector.namespace.clone(), key)).into_iter().flatten() {
                    let other = &self.list[*id as usize].labels;
                    if other.iter().all(|(key, value)| selector.labels.get(key) == Some(value)) {
                        found.push(*id);
                    }
                }
            }
            found.sort_unstable();
            all.push(found);
        }
        all
    }
}

/// Peers by address: a range of addresses and a range of ports, and who says so.
#[derive(Clone, Copy)]
struct Box3 {
    family: Family,
    addresses: (u128, u128),
    protocol: Protocol,
    ports: (u16, u16),
    by: u32,
}

type PortRange = (Protocol, u16, u16);

#[derive(Default)]
struct Side {
    pods: BTreeMap<(Direction, u32, u32), Vec<(PortRange, u32)>>,
    ranges: BTreeMap<(Direction, u32), Vec<Box3>>,
}

impl Side {
    fn add(
        &mut self,
        selectors: &mut Selectors,
        direction: Direction,
        subject: &Selector,
        peers: &[Peer],
        ports: &[PortRange],
        by: u32,
    ) {
        let subject = selectors.id(subject);
        for peer in peers {
            match peer {
                Peer::Pods(selector) => {
                    let peer = selectors.id(selector);
                    let known = self.pods.entry((direction, subject, peer)).or_default();
                    known.extend(ports.iter().map(|range| (*range, by)));
                }
                Peer::Addresses(first, last) => {
                    let (family, first) = number(*first);
                    let addresses = (first, number(*last).1);
                    let boxes = ports.iter().map(|(protocol, from, to)| Box3 {
                        family,
                        addresses,
                        protocol: *protocol,
                        ports: (*from, *to),
                        by,
                    });
                    self.ranges.entry((direction, subject)).or_default().extend(boxes);
                }
            }
        }
    }

    /// Of each pair of pods the first port that this side permits and the other does not.
    fn beyond(&self, other: &Self, selectors: &Selectors, weaker: &[Vec<u32>]) -> Vec<(Connection, u32)> {
        let mut found = Vec::new();
        for ((direction, subject, peer), ranges) in &self.pods {
            let mut known: Vec<PortRange> = Vec::new();
            for weaker_subject in &weaker[*subject as usize] {
                for weaker_peer in &weaker[*peer as usize] {
                    let there = other.pods.get(&(*direction, *weaker_subject, *weaker_peer));
                    known.extend(there.into_iter().flatten().map(|(range, _)| *range));
                }
            }
            known.sort_unstable();
            for ((protocol, first, last), by) in ranges {
                let same = known.iter().filter(|known| known.0 == *protocol).map(|known| (known.1, known.2));
                if let Some(port) = first_uncovered((*first, *last), same) {
                    let connection = Connection {
                        direction: *direction,
                        subject: selectors.list[*subject as usize].clone(),
                        peer: Far::Pod(selectors.list[*peer as usize].clone()),
                        protocol: *protocol,
                        port,
                    };
                    found.push((connection, *by));
                    break;
                }
            }
        }
        found
    }
}

/// The first number of a range that none of some sorted ranges holds.
fn first_uncovered(range: (u16, u16), sorted: impl Iterator<Item = (u16, u16)>) -> Option<u16> {
    let mut next = u32::from(range.0);
    for (first, last) in sorted {
        if u32::from(first) > next {
            break;
        }
        next = next.max(u32::from(last) + 1);
    }
    (next <= u32::from(range.1)).then_some(next as u16)
}

type Witness = (bool, Family, u128, Protocol, u16, u32);

/// Where two sets of boxes differ: the first address and port for each family, protocol and way. `true` where `mine` is the
/// larger.
fn sweep(mine: &[Box3], theirs: &[Box3]) -> Vec<Witness> {
    let mut found = Vec::new();
    for family in [Family::V4, Family::V6] {
        for protocol in Protocol::ALL {
            let fits = |one: &&Box3| one.family == family && one.protocol == protocol;
            let mut mine: Vec<&Box3> = mine.iter().filter(fits).collect();
            let mut theirs: Vec<&Box3> = theirs.iter().filter(fits).collect();
            mine.sort_unstable_by_key(|one| one.addresses);
            theirs.sort_unstable_by_key(|one| one.addresses);
            for (excess, one, other) in [(true, &mine, &theirs), (false, &theirs, &mine)] {
                if let Some((at, port, by)) = first_beyond(one, other) {
                    found.push((excess, family, at, protocol, port, by));
                }
            }
        }
    }
    found
}

/// The first address, and a port there, that a box of `one` holds and no box of `other` does. Both are sorted by address.
fn first_beyond(one: &[&Box3], other: &[&Box3]) -> Option<(u128, u16, u32)> {
    let mut cuts: Vec<u128> = one.iter().chain(other).map(|one| one.addresses.0).collect();
    cuts.extend(one.iter().chain(other).filter_map(|one| one.addresses.1.checked_add(1)));
    cuts.sort_unstable();
    cuts.dedup();
    let (mut next_one, mut next_other) = (0, 0);
    let (mut active, mut covering): (Vec<&Box3>, Vec<&Box3>) = (Vec::new(), Vec::new());
    for at in cuts {
        let before = (active.len(), covering.len(), next_one, next_other);
        active.retain(|one| one.addresses.1 >= at);
        covering.retain(|one| one.addresses.1 >= at);
        let shrunk = (active.len(), covering.len()) != (before.0, before.1);
        while let Some(begins) = one.get(next_one).filter(|begins| begins.addresses.0 == at) {
            active.push(begins);
            next_one += 1;
        }
        while let Some(begins) = other.get(next_other).filter(|begins| begins.addresses.0 == at) {
            covering.push(begins);
            next_other += 1;
        }
        if !shrunk && (next_one, next_other) == (before.2, before.3) {
            continue;
        }
        let mut ports: Vec<(u16, u16)> = covering.iter().map(|one| one.ports).collect();
        ports.sort_unstable();
        for one in &active {
            if let Some(port) = first_uncovered(one.ports, ports.iter().copied()) {
                return Some((at, port, one.by));
            }
        }
    }
    None
}
