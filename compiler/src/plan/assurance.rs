//! Who is it, really? For each flow, the best that an enforcement point on its path verifies of its source, against what
//! the flow, its destination and the conduits between their zones require. Principals that nothing here tells apart
//! are one class, so that a rectangle costs its classes and not its pairs.

use std::{collections::hash_map::Entry, sync::Arc};

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::{
    capabilities, evidence, proxies,
    routes::Routes,
    shortfall::{Asker, Link, Shortfall},
};
use crate::{
    flows::{Rectangle, Side, Statement, carries, joins, side},
    model::{Assurance, GatewayId, Key, Model, Principal, PrincipalKind, PrincipalSet, SegmentId, ZoneId},
    names::{EntityId, Universe},
};

/// Where connections of a flow are led, besides straight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    /// A point that ends them and starts them anew.
    pub(super) proxy: Option<u32>,
    /// The slice from which the source starts.
    pub(super) through: Option<SegmentId>,
}

/// What tells principals apart here.
#[derive(PartialEq, Eq, Hash)]
struct Class {
    kind: PrincipalKind,
    zones: Vec<ZoneId>,
    segments: Vec<SegmentId>,
    identity: Option<(&'static str, Option<Key>)>,
    requires: Assurance,
    enforces: Vec<&'static str>,
    /// Of an external or a gateway: conduits name the one, paths end at the other.
    own: Option<EntityId>,
}

/// What packet filters on the way verify, and what bounds it; nothing, where another mistake is said of the way.
type Verified = Option<(Assurance, Link)>;

/// The first member of a class in a set, and another, if there is one.
type Members = (u32, Option<u32>);

pub(super) struct Assurances<'m, 'a> {
    pub(super) universe: &'m Universe<'a>,
    pub(super) model: &'m Model,
    /// Whether anything in the package requires an assurance; nothing else here is filled, if not.
    asked: bool,
    /// Index of the principal's class; the first principal of each class.
    class_of: Vec<u32>,
    sides: Vec<Side>,
    /// For each segment, the worst admission of segments that are joined to it without a filter.
    beside: Vec<Option<(Assurance, SegmentId)>>,
    /// Principals that enforce anything.
    points: Vec<u32>,
    /// The conduits that require something.
    strict: Vec<usize>,
    /// By classes of both sides, the strict conduits between their zones.
    joining: FxHashMap<(u32, u32), Arc<[usize]>>,
    /// Members of each class in a set; the sets are kept, so that their addresses stay theirs.
    members: FxHashMap<usize, (PrincipalSet, Arc<[Members]>)>,
    straight: FxHashMap<(u32, u32, Option<SegmentId>), Verified>,
}

impl<'m, 'a> Assurances<'m, 'a> {
    pub(super) fn new(universe: &'m Universe<'a>, model: &'m Model, statements: &[Statement]) -> Self {
        let strict: Vec<usize> = (0..model.conduits.len())
            .filter(|index| model.conduits[*index].requires > Assurance::None)
            .collect();
        let asked = !strict.is_empty()
            || statements.iter().any(|statement| statement.conditions.requires > Assurance::None)
            || model.principals.iter().any(|principal| principal.details.requires > Assurance::None);
        let mut assurances = Self {
            universe,
            model,
            asked,
            class_of: Vec::new(),
            sides: Vec::new(),
            beside: Vec::new(),
            points: Vec::new(),
            strict,
            joining: FxHashMap::default(),
            members: FxHashMap::default(),
            straight: FxHashMap::default(),
        };
        if asked {
            assurances.classes();
            assurances.beside = beside(model);
            let enforces = |principal: &Principal| !principal.details.enforces.is_empty();
            assurances.points = model.principals_where(enforces).members().collect();
        }
        assurances
    }

    fn classes(&mut self) {
        let mut known: FxHashMap<Class, u32> = FxHashMap::default();
        for (id, principal) in self.model.principals.iter().enumerate() {
            let identity = principal.details.identity.as_deref();
            let named = matches!(principal.kind, PrincipalKind::External | PrincipalKind::Gateway);
            let class = Class {
                kind: principal.kind,
                zones: principal.zones.clone(),
                segments: principal.attachments.iter().map(|attachment| attachment.segment).collect(),
                identity: identity.map(|identity| (identity.scheme, plain(identity.key.as_ref()))),
                requires: principal.details.requires,
                enforces: principal.details.enforces.clone(),
                own: named.then_some(principal.entity),
            };
            let next = known.len() as u32;
            let class = *known.entry(class).or_insert(next);
            if class == next {
                self.sides.push(side(self.model, id as u32, principal));
            }
            self.class_of.push(class);
        }
    }

    /// One or two members of each class in a set.
    fn members(&mut self, set: &PrincipalSet) -> Arc<[Members]> {
        let key = Arc::as_ptr(set) as usize;
        if let Some((_, known)) = self.members.get(&key) {
            return known.clone();
        }
        let mut seen: FxHashMap<u32, usize> = FxHashMap::default();
        let mut members: Vec<Members> = Vec::new();
        for id in set.members() {
            match seen.entry(self.class_of[id as usize]) {
                Entry::Occupied(place) => {
                    members[*place.get()].1.get_or_insert(id);
                }
                Entry::Vacant(place) => {
                    place.insert(members.len());
                    members.push((id, None));
                }
            }
        }
        let members: Arc<[Members]> = members.into();
        self.members.insert(key, (set.clone(), members.clone()));
        members
    }

    /// The flow that falls short of what is required, and the most that any of a rectangle's flows lacks.
    pub(super) fn shortfall(
        &mut self,
        rectangle: &Rectangle,
        statement: &Statement,
        way: Way,
        routes: &mut Routes,
    ) -> Option<Shortfall> {
        if !self.asked {
            return None;
        }
        let mut worst: Option<Shortfall> = None;
        // of the strict conduits, whether each carries the rectangle, once it is asked
        let mut carried: Vec<(usize, bool)> = Vec::new();
        let (sources, destinations) =
            (self.members(&rectangle.sources), self.members(&rectangle.destinations));
        for sources in sources.iter() {
            for destinations in destinations.iter() {
                // nobody has to be told from himself
                let Some((source, destination)) = apart(*sources, *destinations) else { continue };
                let (required, asker) =
                    self.required(rectangle, statement, source, destination, &mut carried);
                if required == Assurance::None
                    || worst.as_ref().is_some_and(|worst| worst.required >= required)
                {
                    continue;
                }
                let Some((effective, link)) = self.effective(rectangle, source, destination, way, routes)
                else {
                    continue;
                };
                if effective < required {
                    worst = Some(Shortfall { source, destination, required, effective, asker, link });
                }
            }
        }
        worst
    }

    /// The most that the flow, its destination, or a conduit that carries it asks for.
    fn required(
        &mut self,
        rectangle: &Rectangle,
        statement: &Statement,
        source: u32,
        destination: u32,
        carried: &mut Vec<(usize, bool)>,
    ) -> (Assurance, Asker) {
        let mut most = (statement.conditions.requires, Asker::Flow);
        let of_destination = self.model.principal(destination).details.requires;
        if of_destination > most.0 {
            most = (of_destination, Asker::Destination);
        }
        for &index in self.joining(source, destination).iter() {
            let conduit = &self.model.conduits[index];
            if conduit.requires <= most.0 {
                continue;
            }
            let known = carried.iter().find(|(other, _)| *other == index).map(|(_, carries)| *carries);
            let carries = known.unwrap_or_else(|| {
                let carries = carries(self.model, conduit, rectangle);
                carried.push((index, carries));
                carries
            });
            if carries {
                most = (conduit.requires, Asker::Conduit(index));
            }
        }
        most
    }

    /// The strict conduits between two principals' zones.
    fn joining(&mut self, source: u32, destination: u32) -> Arc<[usize]> {
        let (from, to) = (self.class_of[source as usize], self.class_of[destination as usize]);
        let (model, sides, strict) = (self.model, &self.sides, &self.strict);
        let found = || {
            let (from, to) = (&sides[from as usize], &sides[to as usize]);
            let apart = !from.shares_a_zone(to);
            strict.iter().copied().filter(|index| apart && joins(&model.conduits[*index], from, to)).collect()
        };
        self.joining.entry((from, to)).or_insert_with(found).clone()
    }

    /// What is verified of a source, and what bounds it. Nothing, where there is no path, or one without a filter: that
    /// is another mistake, and said.
    fn effective(
        &mut self,
        rectangle: &Rectangle,
        source: u32,
        destination: u32,
        way: Way,
        routes: &mut Routes,
    ) -> Verified {
        let model = self.model;
        let end = way.proxy.unwrap_or(destination);
        let (address, link) = if model.principal(source).kind == PrincipalKind::Role {
            (Assurance::None, Link::People)
        } else {
            self.straight(source, end, way.through, routes)?
        };
        let point = model.principal(end);
        // an Envoy beside a workload sees all that comes to it; on a gateway it sees what it is a proxy for
        let sees = |word: &&&'static str| match **word {
            "envoy" => way.proxy.is_some() || point.kind != PrincipalKind::Gateway,
            word => rectangle
                .protocol
                .is_some_and(|protocol| capabilities::proxy_holds(word, model.protocols.get(protocol))),
        };
        // who takes connections on their way sees addresses, and no certificate
        let protocol = rectangle.protocol.map(|protocol| model.protocols.get(protocol));
        let takes = way.proxy.is_some_and(|proxy| proxies::transparent(model, proxy, protocol).is_some());
        let identity = model.principal(source).details.identity.as_deref().filter(|_| !takes);
        let verified = identity.and_then(|identity| {
            let words = point.details.enforces.iter().filter(sees);
            words.map(|word| evidence::verified(word, identity)).max()
        });
        let verified = verified.unwrap_or_default();
        Some(if verified > address { (verified, Link::Evidence) } else { (address, link) })
    }

    /// What packet filters on the straight way verify.
    fn straight(
        &mut self,
        source: u32,
        destination: u32,
        through: Option<SegmentId>,
        routes: &mut Routes,
    ) -> Verified {
        let key = (self.class_of[source as usize], self.class_of[destination as usize], through);
        if let Some(known) = self.straight.get(&key) {
            return *known;
        }
        let (from, to) = (self.model.principal(source), self.model.principal(destination));
        let starts =
            || from.attachments.iter().map(|at| at.segment).filter(|at| through.is_none_or(|t| t == *at));
        let mut best: Vec<(u32, SegmentId, SegmentId)> = Vec::new();
        for start in starts() {
            for end in &to.attachments {
                best.extend(routes.length(start, end.segment).map(|length| (length, start, end.segment)));
            }
        }
        let shortest = best.iter().map(|(length, ..)| *length).min();
        best.retain(|(length, ..)| Some(*length) == shortest);
        let mut least: Option<(Assurance, Link)> = None;
        for (_, start, end) in best {
            let Some(worth) = self.on_route(from, to, (start, end), routes) else {
                least = None;
                break;
            };
            least = Some(least.map_or(worth, |least| if worth.0 < least.0 { worth } else { least }));
        }
        self.straight.insert(key, least);
        least
    }

    fn on_route(
        &self,
        from: &Principal,
        to: &Principal,
        (start, end): (SegmentId, SegmentId),
        routes: &mut Routes,
    ) -> Verified {
        let guards = |id: GatewayId| guards(self.model, id);
        let at_the_end = self.model.gateway_of.get(&to.entity).is_some_and(|gateway| guards(*gateway));
        if !at_the_end {
            if start == end {
                return Some((Assurance::None, Link::Unguarded(start)));
            }
            if !routes.route(start, end)?.every_path(guards) {
                return None;
            }
        }
        let own = evidence::address(from, self.model.segment(start));
        let link = if from.kind == PrincipalKind::External { Link::Outside } else { Link::Admission(start) };
        Some(match self.beside[start.index()] {
            Some((beside, other)) if beside < own => (beside, Link::Beside { own: start, other }),
            _ => (own, link),
        })
    }

    /// Points that end connections and verify the sources of a rectangle as well as is required.
    pub(super) fn verifiers(&self, rectangle: &Rectangle, shortfall: &Shortfall) -> Vec<u32> {
        let Some(protocol) = rectangle.protocol.map(|protocol| self.model.protocols.get(protocol)) else {
            return Vec::new();
        };
        let Some(identity) = self.model.principal(shortfall.source).details.identity.as_deref() else {
            return Vec::new();
        };
        // a broker is an end, and no way to others
        let can = |word: &&'static str| {
            *word != "mosquitto"
                && evidence::verified(word, identity) >= shortfall.required
                && match &rectangle.demand {
                    None if *word == "envoy" => capabilities::runs_over_tcp(protocol),
                    _ => capabilities::proxy_holds(word, protocol),
                }
        };
        let enforces = |id: &u32| self.model.principal(*id).details.enforces.iter().any(&can);
        self.points
            .iter()
            .copied()
            .filter(enforces)
            .filter(|id| !rectangle.sources.contains(*id) && !rectangle.destinations.contains(*id))
            .collect()
    }
}

/// Two different principals, one of each.
fn apart(one: Members, other: Members) -> Option<(u32, u32)> {
    if one.0 != other.0 {
        return Some((one.0, other.0));
    }
    one.1.map(|second| (second, other.0)).or_else(|| other.1.map(|second| (one.0, second)))
}

/// Where a key is, whatever its name.
fn plain(key: Option<&Key>) -> Option<Key> {
    key.map(|key| match key {
        Key::Reference(_) => Key::Reference(SmolStr::default()),
        key => key.clone(),
    })
}

/// Whether a gateway lets through only what policy permits, by rules of this build or of a target that is said to be
/// missing.
fn guards(model: &Model, gateway: GatewayId) -> bool {
    let gateway = model.gateway(gateway);
    gateway.filters() || gateway.enforces.contains(&"kubernetes")
}

/// For each segment, the worst admission among the others that gateways without a filter join to it.
fn beside(model: &Model) -> Vec<Option<(Assurance, SegmentId)>> {
    let mut joined = petgraph::unionfind::UnionFind::<u32>::new(model.segments.len());
    for (index, gateway) in model.gateways.iter().enumerate() {
        if gateway.terminates() || guards(model, GatewayId(index as u32)) {
            continue;
        }
        for pair in gateway.interfaces.windows(2) {
            joined.union(pair[0].segment.0, pair[1].segment.0);
        }
    }
    // the two worst of each part: the worst of the others is one of them
    let mut worst: FxHashMap<u32, [Option<(Assurance, SegmentId)>; 2]> = FxHashMap::default();
    for (index, segment) in model.segments.iter().enumerate() {
        let own = Some((evidence::admitted(segment), SegmentId(index as u32)));
        let [first, second] = worst.entry(joined.find(index as u32)).or_default();
        if first.is_none() || own < *first {
            (*second, *first) = (*first, own);
        } else if second.is_none() || own < *second {
            *second = own;
        }
    }
    (0..model.segments.len() as u32)
        .map(|index| {
            let [first, second] = worst.get(&joined.find(index)).copied().unwrap_or_default();
            if first.is_some_and(|(_, segment)| segment.0 == index) { second } else { first }
        })
        .collect()
}
