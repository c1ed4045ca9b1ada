//! What one class of sources may reach: single keys for the hash map and disjoint boxes for the interval map.
//!
//! A small box (few addresses, few ports) is written out as keys; a wide one stays a box. The kernel refuses
//! overlapping intervals, depending on their order, so wide boxes are cut along their edges and joined again where
//! neighbours say the same. A key may lie inside a box: both are tried, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use weir_compiler::plan::{StatementId, Transport};

use crate::profile::{ProfileId, Profiles, VerdictId};
use crate::sets::{EXPAND, EXPAND_BOX, Interner, Range, width};

/// Index into [`Origins`].
pub(crate) type OriginId = u32;

/// Sets of statements, for comments. Set `n` is statement `n` alone while `n` is below the number of statements.
pub(crate) struct Origins {
    statements: u32,
    sets: Vec<Vec<StatementId>>,
    known: FxHashMap<Vec<StatementId>, OriginId>,
}

impl Origins {
    pub(crate) fn new(statements: usize) -> Self {
        Self { statements: statements as u32, sets: Vec::new(), known: FxHashMap::default() }
    }

    fn intern(&mut self, mut set: Vec<StatementId>) -> OriginId {
        set.sort_unstable();
        set.dedup();
        if let [only] = set[..] {
            return only;
        }
        if let Some(id) = self.known.get(&set) {
            return *id;
        }
        let id = self.statements + self.sets.len() as u32;
        self.sets.push(set.clone());
        self.known.insert(set, id);
        id
    }

    fn union(&mut self, a: OriginId, b: OriginId) -> OriginId {
        if a == b {
            return a;
        }
        let all = self.get(&a).iter().chain(self.get(&b)).copied().collect();
        self.intern(all)
    }

    /// The statements of a set, ascending. Takes a reference, for a set of one is its own id.
    pub(crate) fn get<'a>(&'a self, id: &'a OriginId) -> &'a [StatementId] {
        match id.checked_sub(self.statements) {
            Some(index) => &self.sets[index as usize],
            None => std::slice::from_ref(id),
        }
    }
}

/// A single destination address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) destination: u128,
    pub(crate) transport: Transport,
    pub(crate) port: u16,
    pub(crate) verdict: VerdictId,
    pub(crate) origin: OriginId,
}

/// Ranges of destination addresses and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wide {
    pub(crate) destinations: Range,
    pub(crate) transport: Transport,
    pub(crate) ports: (u16, u16),
    pub(crate) verdict: VerdictId,
    pub(crate) origin: OriginId,
}

/// The permissions of a class, sorted.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) keys: Vec<Key>,
    pub(crate) boxes: Vec<Wide>,
}

impl Content {
    /// Equal permissions, whichever statements they come from.
    pub(crate) fn permits_the_same(&self, other: &Self) -> bool {
        self.keys.len() == other.keys.len()
            && self.boxes.len() == other.boxes.len()
            && self.keys.iter().zip(&other.keys).all(|(a, b)| {
                (a.destination, a.transport, a.port, a.verdict)
                    == (b.destination, b.transport, b.port, b.verdict)
            })
            && self.boxes.iter().zip(&other.boxes).all(|(a, b)| {
                (a.destinations, a.transport, a.ports, a.verdict)
                    == (b.destinations, b.transport, b.ports, b.verdict)
            })
    }

    /// Adds the statements of a content that permits the same.
    pub(crate) fn add_origins(&mut self, other: &Self, origins: &mut Origins) {
        for (mine, theirs) in self.keys.iter_mut().zip(&other.keys) {
            mine.origin = origins.union(mine.origin, theirs.origin);
        }
        for (mine, theirs) in self.boxes.iter_mut().zip(&other.boxes) {
            mine.origin = origins.union(mine.origin, theirs.origin);
        }
    }
}

/// What a rule permits to the sources it stands under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Permission {
    pub(crate) destinations: u32,
    pub(crate) services: u32,
    pub(crate) profile: ProfileId,
    pub(crate) statement: StatementId,
}

/// A box before normalisation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Raw {
    destinations: Range,
    ports: (u16, u16),
    profile: ProfileId,
    statement: StatementId,
}

/// Brings the permissions of a class into normal form. Keys cost O(n log n); boxes O(n log n) and, for each stretch of
/// addresses between two box edges, the boxes in force there.
pub(crate) fn normalise(
    permissions: &[Permission],
    sets: &Interner,
    profiles: &mut Profiles,
    origins: &mut Origins,
) -> Content {
    let mut points: Vec<(u128, Transport, u16, ProfileId, StatementId)> = Vec::new();
    let mut raw: BTreeMap<Transport, Vec<Raw>> = BTreeMap::new();
    for permission in permissions {
        let Permission { profile, statement, .. } = *permission;
        for destinations in sets.address_set(permission.destinations).ranges.iter() {
            for service in sets.service_set(permission.services) {
                let (addresses, ports) = (width(*destinations), u64::from(service.last - service.first) + 1);
                if addresses <= EXPAND && ports <= EXPAND && addresses * ports <= EXPAND_BOX {
                    for address in destinations.0..=destinations.1 {
                        for port in service.first..=service.last {
                            points.push((address, service.transport, port, profile, statement));
                        }
                    }
                } else {
                    let ports = (service.first, service.last);
                    raw.entry(service.transport).or_default().push(Raw {
                        destinations: *destinations,
                        ports,
                        profile,
                        statement,
                    });
                }
            }
        }
    }
    points.sort_unstable();
    points.dedup();
    let mut keys = Vec::with_capacity(points.len());
    for same in points.chunk_by(|a, b| (a.0, a.1, a.2) == (b.0, b.1, b.2)) {
        let (destination, transport, port, profile, statement) = same[0];
        let (verdict, origin) = if same.len() == 1 {
            (profile, statement)
        } else {
            let verdict = profiles.verdict(&mut same.iter().map(|point| point.3).collect());
            (verdict, origins.intern(same.iter().map(|point| point.4).collect()))
        };
        keys.push(Key { destination, transport, port, verdict, origin });
    }
    let mut boxes = Vec::new();
    for (transport, raw) in raw {
        disjoint(transport, raw, profiles, origins, &mut boxes);
    }
    boxes.sort_unstable();
    Content { keys, boxes }
}

/// What holds for a stretch of ports.
type Stretch = ((u16, u16), VerdictId, OriginId);

/// Cuts boxes of one transport into disjoint ones.
fn disjoint(
    transport: Transport,
    mut raw: Vec<Raw>,
    profiles: &mut Profiles,
    origins: &mut Origins,
    out: &mut Vec<Wide>,
) {
    raw.sort_unstable();
    raw.dedup();
    // Where boxes begin and end on the address axis; `None` is behind the last address.
    let mut edges: Vec<(Option<u128>, bool, usize)> = Vec::with_capacity(raw.len() * 2);
    for (index, one) in raw.iter().enumerate() {
        edges.push((Some(one.destinations.0), true, index));
        edges.push((one.destinations.1.checked_add(1), false, index));
    }
    edges.sort_unstable_by_key(|(at, begins, index)| (at.is_none(), *at, *begins, *index));
    let mut active: BTreeSet<usize> = BTreeSet::new();
    let mut open: Option<(Range, Vec<Stretch>)> = None;
    for (position, (at, begins, index)) in edges.iter().enumerate() {
        if *begins {
            active.insert(*index);
        } else {
            active.remove(index);
        }
        let (Some(first), Some(next)) = (*at, edges.get(position + 1)) else { continue };
        if next.0 == *at || active.is_empty() {
            continue;
        }
        let last = next.0.map_or(u128::MAX, |after| after - 1);
        let stretches = partition(active.iter().map(|index| &raw[*index]), profiles, origins);
        match &mut open {
            Some((range, same))
                if range.1.checked_add(1) == Some(first)
                    && same.len() == stretches.len()
                    && same.iter().zip(&stretches).all(|(a, b)| (a.0, a.1) == (b.0, b.1)) =>
            {
                range.1 = last;
                for (mine, theirs) in same.iter_mut().zip(&stretches) {
                    mine.2 = origins.union(mine.2, theirs.2);
                }
            }
            _ => {
                close(transport, open.replace(((first, last), stretches)), out);
            }
        }
    }
    close(transport, open, out);
}

fn close(transport: Transport, open: Option<(Range, Vec<Stretch>)>, out: &mut Vec<Wide>) {
    let Some((destinations, stretches)) = open else { return };
    for (ports, verdict, origin) in stretches {
        out.push(Wide { destinations, transport, ports, verdict, origin });
    }
}

/// The port axis under one stretch of addresses.
fn partition<'a>(
    active: impl Iterator<Item = &'a Raw>,
    profiles: &mut Profiles,
    origins: &mut Origins,
) -> Vec<Stretch> {
    let active: Vec<&Raw> = active.collect();
    if let [only] = active[..] {
        return vec![(only.ports, only.profile, only.statement)];
    }
    // One past the last port does not fit 16 bits.
    let mut cuts: Vec<u32> =
        active.iter().flat_map(|one| [u32::from(one.ports.0), u32::from(one.ports.1) + 1]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut stretches: Vec<Stretch> = Vec::new();
    for cut in cuts.windows(2) {
        let (first, last) = (cut[0] as u16, (cut[1] - 1) as u16);
        let here: Vec<&&Raw> =
            active.iter().filter(|one| one.ports.0 <= first && last <= one.ports.1).collect();
        if here.is_empty() {
            continue;
        }
        let verdict = profiles.verdict(&mut here.iter().map(|one| one.profile).collect());
        let origin = origins.intern(here.iter().map(|one| one.statement).collect());
        match stretches.last_mut() {
            Some((ports, same, from)) if u32::from(ports.1) + 1 == cut[0] && *same == verdict => {
                ports.1 = last;
                *from = origins.union(*from, origin);
            }
            _ => stretches.push(((first, last), verdict, origin)),
        }
    }
    stretches
}
