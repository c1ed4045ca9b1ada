//! Where a flow runs: straight, or by way of a point that ends connections and can look into them.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{
    OperationMatch,
    assurance::{Assurances, Way},
    bridges, capabilities,
    proxies::{self, ProxyKind},
    routes::Routes,
    shortfall::Shortfall,
};
use crate::{
    flows::{Demand, PortSet, Rectangle, Statement},
    model::{GatewayId, Model, PrincipalKind, PrincipalSet, SegmentId},
    names::{Kind, Universe, schema},
    plan::Ranges,
};

/// A part of a flow that packet filters see: who connects to whom, on which ports.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Index into the relation's rectangles: the one that this is a part of.
    pub rectangle: u32,
    /// Index into the package's statements.
    pub statement: u32,
    pub sources: PrincipalSet,
    pub destinations: PrincipalSet,
    pub ports: PortSet,
    /// Somebody behind this leg's end holds the statement's limit, so that filters on the way do not.
    pub limit_is_held: bool,
    /// The gateway that takes the connections on their way to the destinations: packets come no further.
    pub taken_by: Option<GatewayId>,
    /// `via` names a slice: the source starts from there.
    pub through: Option<SegmentId>,
    /// The demand, where packet filters on the way have to hold it.
    pub operations: Option<Arc<OperationMatch>>,
    /// The protocol that it was named by.
    pub protocol: Option<u32>,
    /// Of a layer-2 protocol, only frames with these ids.
    pub frame_ids: Option<Ranges<u16>>,
}

/// Who holds a demand.
enum Holder {
    Proxy(u32),
    PacketFilters(Arc<OperationMatch>),
}

/// Finds the legs of rectangles.
pub(super) struct Legs<'m, 'a> {
    universe: &'m Universe<'a>,
    model: &'m Model,
    roles: Ranges<u32>,
    /// Principals that enforce anything.
    enforcing: Vec<u32>,
    /// For each proxy and port, the one destination behind it.
    listeners: FxHashMap<(u32, PortSet), PrincipalSet>,
    assurances: Assurances<'m, 'a>,
    /// For each rectangle so far, the proxy that its connections are led through.
    pub(super) proxies: Vec<Option<u32>>,
}

impl<'m, 'a> Legs<'m, 'a> {
    pub(super) fn new(universe: &'m Universe<'a>, model: &'m Model, statements: &[Statement]) -> Self {
        let roles = model.principals_where(|principal| principal.kind == PrincipalKind::Role);
        let enforcing = model.principals_where(|principal| !principal.details.enforces.is_empty());
        Self {
            universe,
            model,
            roles,
            enforcing: enforcing.members().collect(),
            listeners: FxHashMap::default(),
            assurances: Assurances::new(universe, model, statements),
            proxies: Vec::new(),
        }
    }

    /// The legs of one rectangle; its place in `proxies` is filled, whatever comes of it.
    pub(super) fn of(
        &mut self,
        rectangle: &Rectangle,
        statement: &Statement,
        routes: &mut Routes,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<Leg> {
        let index = self.proxies.len();
        self.proxies.push(None);
        self.find(index, rectangle, statement, routes, diagnostics)
    }

    fn find(
        &mut self,
        index: usize,
        rectangle: &Rectangle,
        statement: &Statement,
        routes: &mut Routes,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<Leg> {
        let straight = Leg {
            rectangle: 0,
            statement: rectangle.statement,
            sources: rectangle.sources.clone(),
            destinations: rectangle.destinations.clone(),
            ports: rectangle.ports.clone(),
            limit_is_held: false,
            taken_by: None,
            through: None,
            operations: None,
            protocol: rectangle.protocol,
            frame_ids: None,
        };
        let frame_ids = bridges::frame_ids(self.model, rectangle);
        let mut proxy = None;
        let mut through = None;
        let mut by_filter = false;
        if let Some(via) = statement.conditions.via {
            match self.universe.entity(via).kind {
                Kind::Slice => through = self.model.segment_of.get(&via).copied(),
                _ => match self.model.principals_of.get(&via) {
                    Some((first, 1)) if self.ends_connections(*first) => proxy = Some(*first),
                    Some((_, 1)) if self.model.gateway_of.contains_key(&via) => by_filter = true, // checked on the route
                    _ => {
                        diagnostics.push(
                            Diagnostic::new(
                                &codes::E0603,
                                format!("`{}` is no enforcement point", self.universe.path(via)),
                            )
                            .primary(statement.file, statement.span, "cannot go through it")
                            .help("name a gateway, a slice, or one workload or device with `enforces`"),
                        );
                        return Vec::new();
                    }
                },
            }
        }
        let at_the_end = rectangle.destinations.members().all(|id| self.model.principal(id).terminates());
        let mut operations = None;
        if let Some(demand) =
            rectangle.demand.as_ref().filter(|_| frame_ids.is_none() && proxy.is_none() && !at_the_end)
        {
            let holder = self.holder(rectangle, demand, statement, by_filter, routes);
            match holder {
                Ok(Holder::Proxy(found)) => proxy = Some(found),
                Ok(Holder::PacketFilters(found)) => operations = Some(found),
                Err(diagnostic) => {
                    diagnostics.push(*diagnostic);
                    return Vec::new();
                }
            }
        }
        let needs_identity = rectangle.sources.intersection(&self.roles).iter().next().map(|(role, _)| role);
        if let Some(role) = needs_identity.filter(|_| proxy.is_none() && !at_the_end) {
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0601,
                    format!("nothing on the path knows people such as `{}`", self.model.principal(role).name),
                )
                .primary(statement.file, statement.source_span, "a role has no address")
                .help(
                    "lead the flow through a proxy that verifies identities: `{ via = some_envoy_gateway }`",
                ),
            );
            return Vec::new();
        }
        let mut way = Way { proxy, through };
        let mut shortfall = self.assurances.shortfall(rectangle, statement, way, routes);
        if let Some(found) = shortfall
            .as_ref()
            .filter(|_| proxy.is_none() && !at_the_end && !by_filter && rectangle.destinations.count() == 1)
        {
            match self.choose_verifier(rectangle, statement, found, routes) {
                Ok(None) => {}
                Ok(chosen) => {
                    (proxy, operations) = (chosen, None);
                    way.proxy = chosen;
                    shortfall = self.assurances.shortfall(rectangle, statement, way, routes);
                }
                Err(diagnostic) => {
                    diagnostics.push(*diagnostic);
                    return Vec::new();
                }
            }
        }
        if let Some(shortfall) = shortfall {
            diagnostics.push(self.assurances.report(&shortfall, rectangle, statement, proxy));
        }
        self.proxies[index] = proxy;
        let Some(proxy) = proxy else {
            return vec![Leg {
                // without a demand, nothing has to look into the flow, and nothing does
                limit_is_held: at_the_end
                    && rectangle.demand.is_some()
                    && self.counts(&rectangle.destinations, rectangle),
                through,
                operations,
                frame_ids: frame_ids.flatten(),
                ..straight
            }];
        };
        self.by_way_of(proxy, rectangle, statement, &straight, diagnostics)
    }

    fn ends_connections(&self, principal: u32) -> bool {
        self.model.principal(principal).terminates()
    }

    /// Whether points count operations themselves: where they do not, the packet filters before them count connections.
    fn counts(&self, points: &PrincipalSet, rectangle: &Rectangle) -> bool {
        let protocol = rectangle.protocol.map(|protocol| self.model.protocols.get(protocol));
        points
            .members()
            .all(|point| proxies::kind_at(self.model.principal(point), protocol) == Some(ProxyKind::Modbus))
    }

    /// Source to proxy to destination. The proxy listens on the destination's port, so one port leads to one place; but
    /// where its own packet filter takes the connections, they are addressed to the destination, and tell by that.
    fn by_way_of(
        &mut self,
        proxy: u32,
        rectangle: &Rectangle,
        statement: &Statement,
        straight: &Leg,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<Leg> {
        let protocol = rectangle.protocol.map(|protocol| self.model.protocols.get(protocol));
        let taken_by = proxies::transparent(self.model, proxy, protocol);
        let tells =
            taken_by.is_some() && !rectangle.destinations.members().any(|id| self.ends_connections(id));
        let key = (proxy, rectangle.ports.clone());
        let behind = if tells {
            &rectangle.destinations
        } else {
            self.listeners.entry(key).or_insert_with(|| rectangle.destinations.clone())
        };
        let count: u64 = rectangle.destinations.count();
        if !tells && (*behind != rectangle.destinations || count != 1) {
            let others =
                crate::flows::some_names(self.model, behind.union(&rectangle.destinations).members());
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0513,
                    format!("`{}` cannot tell {others} apart on {}", self.model.principal(proxy).name, rectangle.ports.describe()),
                )
                .primary(statement.file, statement.span, "several destinations behind one port of a proxy")
                .help("let each destination serve its protocol on a port of its own (`serves = [modbus on tcp/10502]`), or use one proxy each"),
            );
            return Vec::new();
        }
        let proxy_set: PrincipalSet = Arc::new(Ranges::from_unsorted(vec![(proxy, proxy)]));
        let mut legs = Vec::new();
        let sources: Vec<(u32, u32)> = rectangle
            .sources
            .members()
            .filter(|id| self.model.principal(*id).kind != PrincipalKind::Role && *id != proxy)
            .map(|id| (id, id))
            .collect();
        if !sources.is_empty() {
            let destinations = if tells { &rectangle.destinations } else { &proxy_set };
            legs.push(Leg {
                sources: Arc::new(Ranges::from_unsorted(sources)),
                destinations: destinations.clone(),
                limit_is_held: self.counts(&proxy_set, rectangle),
                taken_by: taken_by.filter(|_| tells),
                ..straight.clone()
            });
        }
        legs.push(Leg { sources: proxy_set, limit_is_held: true, ..straight.clone() });
        legs
    }

    /// Who holds a demand that neither `via` nor the destination does: a proxy that parses the protocol, else the packet
    /// filters on the way. A `via` that is a packet filter wants the latter.
    fn holder(
        &self,
        rectangle: &Rectangle,
        demand: &Demand,
        statement: &Statement,
        by_filter: bool,
        routes: &mut Routes,
    ) -> Result<Holder, Box<Diagnostic>> {
        if !by_filter && let Some(proxy) = self.choose_proxy(rectangle, demand, statement, routes)? {
            return Ok(Holder::Proxy(proxy));
        }
        let level = self.highest_level(&rectangle.destinations);
        let level = level.as_ref().map(|(level, zone)| (*level, zone.as_str()));
        let protocol = self.model.protocols.get(demand.protocol);
        match capabilities::payload_match(protocol, demand, &rectangle.ports.port_matches(), level) {
            Some(Ok(found)) => Ok(Holder::PacketFilters(Arc::new(found))),
            Some(Err(refusal)) => Err(self.unmet(demand, statement, Some(&refusal))),
            None => Err(self.unmet(demand, statement, None)),
        }
    }

    /// The highest target level among the zones of some principals, and those around them.
    fn highest_level(&self, principals: &PrincipalSet) -> Option<(u8, String)> {
        let mut highest: Option<(u8, String)> = None;
        for id in principals.members() {
            for zone in &self.model.principal(id).zones {
                let mut around = Some(*zone);
                // zones nest, and no cycle gets through the model: the bound is for what it did not foresee
                for _ in 0..self.model.zones.len() {
                    let Some(zone) = around.map(|zone| self.model.zone(zone)) else { break };
                    if let Some(level) = zone.target_level
                        && highest.as_ref().is_none_or(|(known, _)| level > *known)
                    {
                        highest = Some((level, zone.name.clone()));
                    }
                    around = zone.parent;
                }
            }
        }
        highest
    }

    /// The one proxy that both ends can reach and that can hold the demand.
    fn choose_proxy(
        &self,
        rectangle: &Rectangle,
        demand: &Demand,
        statement: &Statement,
        routes: &mut Routes,
    ) -> Result<Option<u32>, Box<Diagnostic>> {
        let protocol = self.model.protocols.get(demand.protocol);
        // a broker is an end, and no way to others
        let can_hold =
            |word: &&'static str| *word != "mosquitto" && capabilities::proxy_holds(word, protocol);
        let holders = self
            .enforcing
            .iter()
            .copied()
            .filter(|id| self.model.principal(*id).details.enforces.iter().any(&can_hold));
        self.the_one(holders, rectangle, statement, routes)
    }

    /// The one proxy that verifies the sources as well as is required; what no packet filter can do, it does.
    fn choose_verifier(
        &self,
        rectangle: &Rectangle,
        statement: &Statement,
        shortfall: &Shortfall,
        routes: &mut Routes,
    ) -> Result<Option<u32>, Box<Diagnostic>> {
        let protocol = rectangle.protocol.map(|protocol| self.model.protocols.get(protocol));
        let mut verifiers = self.assurances.verifiers(rectangle, shortfall);
        // who takes connections on their way sees addresses, and no certificate
        verifiers.retain(|proxy| proxies::transparent(self.model, *proxy, protocol).is_none());
        let note =
            |ambiguous: Box<Diagnostic>| {
                let required = shortfall.required.word();
                Box::new((*ambiguous).note(format!(
                    "the flow needs one of them, since `{required}` is required of its source"
                )))
            };
        self.the_one(verifiers.into_iter(), rectangle, statement, routes).map_err(note)
    }

    /// The one of several proxies that both ends can reach.
    fn the_one(
        &self,
        candidates: impl Iterator<Item = u32>,
        rectangle: &Rectangle,
        statement: &Statement,
        routes: &mut Routes,
    ) -> Result<Option<u32>, Box<Diagnostic>> {
        let protocol = rectangle.protocol.map(|protocol| self.model.protocols.get(protocol));
        let mut joined = |from: u32, to: u32, fits: &dyn Fn(&mut Routes, SegmentId, SegmentId) -> bool| {
            let (from, to) = (self.model.principal(from), self.model.principal(to));
            from.attachments.iter().any(|a| to.attachments.iter().any(|b| fits(routes, a.segment, b.segment)))
        };
        let reaches = |routes: &mut Routes, from, to| routes.length(from, to).is_some();
        let first = |set: &PrincipalSet| set.iter().next().map(|(first, _)| first);
        let (Some(source), Some(destination)) = (first(&rectangle.sources), first(&rectangle.destinations))
        else {
            return Ok(None);
        };
        let candidates: Vec<u32> = candidates
            .filter(|proxy| match proxies::transparent(self.model, *proxy, protocol) {
                // who takes connections on their way has to stand there
                Some(gateway) => joined(source, destination, &|routes: &mut Routes, from, to| {
                    routes.route(from, to).is_some_and(|route| route.all_cross(gateway))
                }),
                None => joined(source, *proxy, &reaches) && joined(*proxy, destination, &reaches),
            })
            .collect();
        match candidates.as_slice() {
            [only] => Ok(Some(*only)),
            [] => Ok(None),
            several => {
                let names = crate::flows::some_names(self.model, several.iter().copied());
                Err(Box::new(
                    Diagnostic::new(&codes::E0513, format!("{names} could all hold this flow"))
                        .primary(statement.file, statement.span, "which one is meant?")
                        .help(format!("add `{{ via = {} }}`", self.model.principal(several[0]).name)),
                ))
            }
        }
    }

    fn unmet(
        &self,
        demand: &Demand,
        statement: &Statement,
        refusal: Option<&capabilities::Refusal>,
    ) -> Box<Diagnostic> {
        let protocol = self.model.protocols.get(demand.protocol);
        let operation = demand.only.as_ref().and_then(|only| only.first()).or(demand.except.first());
        let short = protocol.name.rsplit('.').next().unwrap_or(&protocol.name).to_owned();
        let what = match operation.and_then(|used| protocol.operations.get(used.operation as usize)) {
            Some(operation) => format!("{short}.{}", operation.name),
            None => short,
        };
        let kind = schema::of(Kind::Gateway).keyword;
        let (label, help) = match refusal {
            None => (
                "a packet filter sees ports, not operations",
                format!(
                    "lead the flow through a {kind} that parses the protocol (`enforces = modbus`, `envoy`, `mosquitto`), or permit the whole protocol"
                ),
            ),
            Some(capabilities::Refusal { why, instead: Some(instead) }) => (
                "no packet filter may hold this alone",
                format!(
                    "{why}; lead the flow through a {kind} that parses the protocol (`enforces = {instead}`), or permit the whole protocol"
                ),
            ),
            Some(capabilities::Refusal { why, instead: None }) => (
                "no packet filter can hold this",
                format!("{why}; permit the operation as a whole, or the whole protocol"),
            ),
        };
        Box::new(
            Diagnostic::new(
                &codes::E0601,
                format!("no enforcement point on the path can tell `{what}` from other operations"),
            )
            .primary(statement.file, statement.service_span, label)
            .help(help),
        )
    }
}
