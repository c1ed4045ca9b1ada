//! Who is it, really? For each flow, the best that an enforcement point on its path verifies of its source, against what
//! the flow, its destination and the conduits between their zones require. Principals that nothing here tells apart
//! are one class, so that a rectangle costs its classes and not its pairs.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;
use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{capabilities, evidence, routes::Routes};
use crate::{
    flows::{Rectangle, Side, Statement, carries, joins, side, some_names},
    model::{
        Assurance, GatewayId, Key, Model, Principal, PrincipalKind, PrincipalSet, SegmentId, SegmentKind,
        ZoneId,
    },
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

/// Who asks for an assurance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    Flow,
    Destination,
    /// Index into the conduits.
    Conduit(usize),
}

/// What bounds the assurance of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// Both ends stand on it, and nobody is in between.
    Unguarded(SegmentId),
    /// What its stations had to show.
    Admission(SegmentId),
    /// The stations of a segment beside the source's, with no filter in between, can take its address.
    Beside { own: SegmentId, other: SegmentId },
    Outside,
    People,
    /// What the point at the end of its connection verifies.
    Evidence,
}

/// A source that is known less well than a destination's flow requires.
#[derive(Clone, Debug)]
pub(super) struct Shortfall {
    source: u32,
    destination: u32,
    pub(super) required: Assurance,
    effective: Assurance,
    asker: Asker,
    link: Link,
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

pub(super) struct Assurances<'m, 'a> {
    universe: &'m Universe<'a>,
    model: &'m Model,
    /// Whether anything in the package requires an assurance; nothing else here is filled, if not.
    asked: bool,
    /// Index of the principal's class; the first principal of each class.
    class_of: Vec<u32>,
    sides: Vec<Side>,
    /// For each segment, the worst admission of segments that are joined to it without a filter.
    beside: Vec<Option<(Assurance, SegmentId)>>,
    /// The conduits that require something.
    strict: Vec<usize>,
    /// By classes of both sides, the strict conduits between their zones.
    joining: FxHashMap<(u32, u32), Arc<[usize]>>,
    /// First members of each class in a set; the sets are kept, so that their addresses stay theirs.
    members: FxHashMap<usize, (PrincipalSet, Arc<[u32]>)>,
    straight: FxHashMap<(u32, u32, Option<SegmentId>), Option<(Assurance, Link)>>,
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
            strict,
            joining: FxHashMap::default(),
            members: FxHashMap::default(),
            straight: FxHashMap::default(),
        };
        if asked {
            assurances.classes();
            assurances.beside = beside(model);
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

    /// One member for each class in a set.
    fn members(&mut self, set: &PrincipalSet) -> Arc<[u32]> {
        let key = Arc::as_ptr(set) as usize;
        if let Some((_, known)) = self.members.get(&key) {
            return known.clone();
        }
        let mut seen: FxHashSet<u32> = FxHashSet::default();
        let mut last = u32::MAX;
        let mut members = Vec::new();
        for id in set.members() {
            let class = self.class_of[id as usize];
            if class != last && seen.insert(class) {
                members.push(id);
            }
            last = class;
        }
        let members: Arc<[u32]> = members.into();
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
        for &source in sources.iter() {
            for &destination in destinations.iter() {
                let (required, asker) = self.required(rectangle, statement, source, destination, &mut carried);
                if required == Assurance::None || worst.as_ref().is_some_and(|worst| worst.required >= required) {
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
    ) -> Option<(Assurance, Link)> {
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
        let identity = model.principal(source).details.identity.as_deref();
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
    ) -> Option<(Assurance, Link)> {
        let key = (self.class_of[source as usize], self.class_of[destination as usize], through);
        if let Some(known) = self.straight.get(&key) {
            return *known;
        }
        let (from, to) = (self.model.principal(source), self.model.principal(destination));
        let starts = || from.attachments.iter().map(|at| at.segment).filter(|at| through.is_none_or(|t| t == *at));
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
    ) -> Option<(Assurance, Link)> {
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
        let can = |word: &&'static str| {
            evidence::verified(word, identity) >= shortfall.required
                && match &rectangle.demand {
                    None if *word == "envoy" => capabilities::runs_over_tcp(protocol),
                    _ => capabilities::proxy_holds(word, protocol),
                }
        };
        let all = self.model.principals.iter().enumerate();
        all.filter(|(_, principal)| principal.details.enforces.iter().any(|word| can(word)))
            .map(|(id, _)| id as u32)
            .filter(|id| !rectangle.sources.contains(*id) && !rectangle.destinations.contains(*id))
            .collect()
    }

    pub(super) fn report(
        &self,
        shortfall: &Shortfall,
        rectangle: &Rectangle,
        statement: &Statement,
        proxy: Option<u32>,
    ) -> Diagnostic {
        let model = self.model;
        let (source, destination) = (model.principal(shortfall.source), model.principal(shortfall.destination));
        let (required, effective) = (shortfall.required.word(), shortfall.effective.word());
        let name = &source.name;
        let known = match shortfall.effective {
            Assurance::None => format!("nothing verifies who `{name}` is"),
            _ => format!("`{name}` is known by `{effective}` only"),
        };
        let mut diagnostic =
            Diagnostic::new(&codes::E0602, format!("{known}, and `{required}` is required")).primary(
                statement.file,
                if shortfall.asker == Asker::Flow { statement.span } else { statement.source_span },
                format!("from `{name}` to `{}`", destination.name),
            );
        match shortfall.asker {
            Asker::Flow => {}
            Asker::Destination => {
                if let Some((file, span)) = model.attribute_place(self.universe, destination, "requires") {
                    diagnostic = diagnostic.secondary(file, span, "required of every flow to it");
                }
            }
            Asker::Conduit(index) => {
                let conduit = &model.conduits[index];
                let place = self.universe.attribute(conduit.entity, "requires");
                let (file, name_span) = self.universe.name_span(conduit.entity);
                let span = place.map_or(name_span, |attribute| attribute.span);
                diagnostic = diagnostic.secondary(file, span, "required of every flow through the conduit");
            }
        }
        diagnostic = self.with_link(diagnostic, shortfall);
        if let Some((file, span)) = model.attribute_place(self.universe, source, "identity") {
            let end = &model.principal(proxy.unwrap_or(shortfall.destination)).name;
            let text = match shortfall.link {
                Link::Evidence => format!("the weakest link: `{end}` verifies this, which is worth `{effective}`"),
                _ => "nothing on the path verifies this".to_owned(),
            };
            diagnostic = diagnostic.secondary(file, span, text);
        }
        diagnostic.help(self.remedy(shortfall, rectangle))
    }

    /// The weakest link of the chain.
    fn with_link(&self, diagnostic: Diagnostic, shortfall: &Shortfall) -> Diagnostic {
        let place = |segment: SegmentId| {
            let entity = self.model.segment(segment).entity;
            let (file, span) = self.universe.name_span(entity);
            (file, self.universe.attribute(entity, "admission").map_or(span, |attribute| attribute.span))
        };
        let (segment, text) = match shortfall.link {
            Link::Unguarded(segment) => {
                (segment, "both stand on this segment: no enforcement point is between them".to_owned())
            }
            Link::Admission(segment) => {
                let worth = evidence::address(
                    self.model.principal(shortfall.source),
                    self.model.segment(segment),
                );
                (segment, format!("the weakest link: an address here is worth `{}`", worth.word()))
            }
            Link::Beside { own, other } => (
                other,
                format!(
                    "the weakest link: whoever is on `{}` can take an address of `{}`, for no filter is in between",
                    self.model.segment(other).name,
                    self.model.segment(own).name
                ),
            ),
            Link::Evidence => return diagnostic, // with the identity
            Link::Outside | Link::People => {
                let source = self.model.principal(shortfall.source);
                if Some(source.entity) == self.model.internet {
                    return diagnostic;
                }
                let (file, span) = self.universe.name_span(source.entity);
                let text = match shortfall.link {
                    Link::People => "people have no address",
                    _ => "the weakest link: nothing binds addresses of the outside",
                };
                return diagnostic.secondary(file, span, text);
            }
        };
        let (file, span) = place(segment);
        diagnostic.secondary(file, span, text)
    }

    /// What would raise the assurance far enough.
    fn remedy(&self, shortfall: &Shortfall, rectangle: &Rectangle) -> String {
        let mut ways = Vec::new();
        let source = self.model.principal(shortfall.source);
        if let Link::Admission(segment) | Link::Beside { other: segment, .. } = shortfall.link
            && self.model.segment(segment).kind == SegmentKind::Network
        {
            let segment = &self.model.segment(segment).name;
            match shortfall.required {
                Assurance::Shared => ways.push(format!("admit stations to `{segment}` by a key (`admission = psk`)")),
                Assurance::Certified => {
                    ways.push(format!("admit stations to `{segment}` by certificate (`admission = dot1x`)"));
                }
                _ => {}
            }
        }
        let has = source.details.identity.as_deref();
        let fits = has.is_some_and(|identity| evidence::verified("envoy", identity) >= shortfall.required);
        let scheme = match source.kind {
            PrincipalKind::Workload => "spiffe(\"spiffe://…\"",
            _ => "x509(san = \"…\"",
        };
        let identity = match shortfall.required {
            Assurance::Attested => "attested(verifier = \"…\", san = \"…\")".to_owned(),
            Assurance::Hardware => format!("{scheme}, key = hardware)"),
            _ => format!("{scheme})"),
        };
        let give = format!("give `{}` `identity = {identity}`", source.name);
        let verifiers = if fits { self.verifiers(rectangle, shortfall) } else { Vec::new() };
        let point = match verifiers.as_slice() {
            [] => "a proxy that verifies it (`enforces = envoy`)".to_owned(),
            some => some_names(self.model, some.iter().copied()),
        };
        ways.push(match (shortfall.link, fits) {
            (Link::Evidence, _) => give,
            (_, true) => format!("lead the flow through {point}"),
            (_, false) => format!("{give}, and lead the flow through {point}"),
        });
        ways.push("require less".to_owned());
        let last = ways.pop().unwrap_or_default();
        format!("{}, or {last}", ways.join("; or "))
    }
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
