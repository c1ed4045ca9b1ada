//! From the relation to what each gateway holds. Cost: for each leg, its members once, and the pairs of segments that it
//! really joins.

use std::{collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;
use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{
    Action, AddressSet, Binding, GatewayPlan, Hook, InterfacePlan, MacBinding, Plan, PlanRule, PortMatch,
    Ranges, StatementOrigin,
    join::{Unions, join},
    legs::{Leg, Legs},
    routes::{Hop, Routes},
};
use crate::{
    flows::{PortSet, Rectangle, Statement, some_names},
    model::{GatewayId, Model, PrincipalKind, PrincipalSet, SegmentId, SegmentKind},
    names::Universe,
};

/// The parts of one gateway's plan while it grows.
#[derive(Default)]
struct Draft {
    /// Their `statement` counts in the package; `gateway_plan` makes it count in the gateway's list.
    rules: Vec<PlanRule>,
    /// The rules before this one are joined.
    joined: usize,
    /// By segment of arrival.
    arrivals: BTreeMap<SegmentId, Vec<Arrival>>,
    has_input: bool,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Arrival {
    /// Anything that stands on a segment.
    Segment(SegmentId),
    Addresses(Arc<AddressSet>),
}

/// Principals that stand on the same segments.
struct Station {
    /// The one gateway that it is, where it is one.
    gateway: Option<GatewayId>,
    segments: Vec<SegmentId>,
    members: PrincipalSet,
}

/// The segments that principals stand on, and the gateway that they are.
type Place = (Vec<SegmentId>, Option<GatewayId>);

struct Planner<'m, 'a> {
    universe: &'m Universe<'a>,
    model: &'m Model,
    statements: &'m [Statement],
    routes: Routes,
    drafts: Vec<Draft>,
    /// Gateways with rules of the present leg.
    touched: Vec<GatewayId>,
    unions: Unions,
    ports: FxHashMap<PortSet, Arc<[PortMatch]>>,
    addresses: FxHashMap<(usize, SegmentId), (PrincipalSet, Arc<AddressSet>)>,
    stations: FxHashMap<usize, (PrincipalSet, Arc<[Station]>)>,
    diagnostics: &'m mut Vec<Diagnostic>,
}

/// Plans every rectangle.
pub fn build(
    universe: &Universe<'_>,
    model: &Model,
    statements: &[Statement],
    rectangles: &[Rectangle],
    package: (&str, &str),
    diagnostics: &mut Vec<Diagnostic>,
) -> Plan {
    let mut planner = Planner {
        universe,
        model,
        statements,
        routes: Routes::new(model),
        drafts: std::iter::repeat_with(Draft::default).take(model.gateways.len()).collect(),
        touched: Vec::new(),
        unions: Unions::default(),
        ports: FxHashMap::default(),
        addresses: FxHashMap::default(),
        stations: FxHashMap::default(),
        diagnostics,
    };
    let mut legs = Legs::new(universe, model);
    for rectangle in rectangles {
        let statement = &statements[rectangle.statement as usize];
        for leg in legs.of(rectangle, statement, &mut planner.routes, planner.diagnostics) {
            planner.leg(&leg, statement);
        }
    }
    planner.lock_outs();
    planner.finish(package)
}

impl Planner<'_, '_> {
    fn leg(&mut self, leg: &Leg, statement: &Statement) {
        if !leg.ports.ethertypes.is_empty() {
            self.layer_2(leg, statement);
        }
        if !leg.ports.has_ip() {
            return;
        }
        let ports =
            self.ports.entry(leg.ports.clone()).or_insert_with(|| leg.ports.port_matches().into()).clone();
        let from = self.stations(&leg.sources);
        let to = self.stations(&leg.destinations);
        for source in from.iter() {
            for destination in to.iter() {
                self.pair(leg, statement, source, destination, &ports);
            }
        }
        for gateway in std::mem::take(&mut self.touched) {
            let draft = &mut self.drafts[gateway.index()];
            join(&mut draft.rules, draft.joined, &mut self.unions);
            draft.joined = draft.rules.len();
        }
    }

    /// Groups a set by the segments that its members stand on.
    fn stations(&mut self, set: &PrincipalSet) -> Arc<[Station]> {
        let key = Arc::as_ptr(set) as usize;
        if let Some((_, stations)) = self.stations.get(&key) {
            return stations.clone();
        }
        let mut by_segments: BTreeMap<Place, Vec<(u32, u32)>> = BTreeMap::new();
        for id in set.iter().flat_map(|(first, last)| first..=last) {
            let attachments = &self.model.principal(id).attachments;
            let segments = attachments.iter().map(|attachment| attachment.segment).collect();
            by_segments.entry((segments, self.gateway_at(id))).or_default().push((id, id));
        }
        let single = by_segments.len() == 1;
        let stations: Arc<[Station]> = by_segments
            .into_iter()
            .map(|((segments, gateway), ids)| Station {
                gateway,
                segments,
                members: if single { set.clone() } else { Arc::new(Ranges::from_unsorted(ids)) },
            })
            .collect();
        // the set is kept with its stations: its address stays its own as long as it is a key
        self.stations.insert(key, (set.clone(), stations.clone()));
        stations
    }

    fn pair(
        &mut self,
        leg: &Leg,
        statement: &Statement,
        source: &Station,
        destination: &Station,
        ports: &Arc<[PortMatch]>,
    ) {
        let starts: Vec<SegmentId> = match leg.through {
            Some(slice) => source.segments.iter().copied().filter(|segment| *segment == slice).collect(),
            None => source.segments.clone(),
        };
        let mut best: Vec<(u32, SegmentId, SegmentId)> = Vec::new();
        for from in &starts {
            for to in &destination.segments {
                if let Some(length) = self.routes.length(*from, *to) {
                    best.push((length, *from, *to));
                }
            }
        }
        let Some(shortest) = best.iter().map(|(length, ..)| *length).min() else {
            self.no_path(statement, source, destination);
            return;
        };
        best.retain(|(length, ..)| *length == shortest);
        for (_, from, to) in best {
            self.segments(leg, statement, (source, from), (destination, to), ports);
        }
    }

    fn no_path(&mut self, statement: &Statement, source: &Station, destination: &Station) {
        let of = |station: &Station| {
            some_names(self.model, station.members.iter().flat_map(|(first, last)| first..=last))
        };
        let (from, to) = (of(source), of(destination));
        let placeless = [(&from, source), (&to, destination)]
            .into_iter()
            .find(|(_, station)| station.segments.is_empty());
        let diagnostic = match placeless {
            Some((names, _)) => Diagnostic::new(&codes::E0409, format!("{names} cannot be told by an address"))
                .primary(statement.file, statement.span, "no packet filter can recognise it")
                .help("a host-networked pod has its node's address, an external needs `prefixes` and a `network` or a gateway's `route`: give it a place, or lead the flow through a proxy"),
            None => Diagnostic::new(&codes::E0503, format!("no path joins {from} and {to}"))
                .primary(statement.file, statement.span, "no gateways lead there")
                .help("add an interface to a gateway, or a gateway between the networks"),
        };
        self.diagnostics.push(diagnostic);
    }

    fn segments(
        &mut self,
        leg: &Leg,
        statement: &Statement,
        (source, from): (&Station, SegmentId),
        (destination, to): (&Station, SegmentId),
        ports: &Arc<[PortMatch]>,
    ) {
        let source_addresses = self.addresses(&source.members, from);
        let destination_addresses = self.addresses(&destination.members, to);
        if !common_family(&source_addresses, &destination_addresses) {
            self.no_common_family(statement, source, destination, &source_addresses, &destination_addresses);
            return;
        }
        let action = Action {
            limit: statement.conditions.limit.filter(|_| !leg.limit_is_held),
            log: statement.conditions.log,
            audit: statement.conditions.audit,
            until: statement.conditions.until,
        };
        let (start, end) = (source.gateway, destination.gateway);
        let mut held = leg.limit_is_held;
        let Some(route) = self.routes.route(from, to) else { return };
        let mut seen_as: BTreeMap<SegmentId, Arc<AddressSet>> = BTreeMap::from([(from, source_addresses)]);
        if let Some(gateway) = start
            && self.model.gateway(gateway).filters()
        {
            held = true;
            let sources = seen_as[&from].clone();
            self.rule(gateway, leg, Hook::Output, sources, destination_addresses.clone(), ports, &action);
            self.arrives(gateway, from, Arrival::of(self.model, to, &destination_addresses));
        }
        for hop in &route.hops {
            held |=
                self.hop(leg, statement, *hop, &mut seen_as, (to, &destination_addresses), ports, &action);
        }
        if let Some(gateway) = end
            && self.model.gateway(gateway).filters()
            && let Some(sources) = seen_as.get(&to).cloned()
        {
            held = true;
            self.arrives(
                gateway,
                to,
                Arrival::Addresses(sources.clone()).generalised(self.model, from, &sources),
            );
            self.drafts[gateway.index()].has_input = true;
            self.rule(gateway, leg, Hook::Input, sources, destination_addresses.clone(), ports, &action);
        }
        let guarded = route.every_path(|gateway| self.guards(gateway));
        if from != to && !guarded && start.or(end).is_none_or(|gateway| !self.guards(gateway)) {
            self.unguarded(statement, source, destination);
        } else if from == to && self.model.segment(from).isolated && start.is_none() && end.is_none() {
            self.isolated(statement, from);
        }
        if statement.conditions.limit.is_some() && !held {
            let of =
                |station: &Station| some_names(self.model, station.members.iter().flat_map(|(a, b)| a..=b));
            let ends = format!(
                "{} reaches {} without a packet filter or proxy in between",
                of(source),
                of(destination)
            );
            self.diagnostics.push(
                Diagnostic::new(&codes::E0601, "no enforcement point on the path can hold the `limit`")
                    .primary(statement.file, statement.span, ends)
                    .help("put a gateway between them, permit that pair by a rule of its own without `limit`, or drop the `limit`"),
            );
        }
        if let Some(via) = statement.conditions.via
            && let Some(gateway) = self.model.gateway_of.get(&via)
            && !self.model.gateway(*gateway).terminates()
            && !route.every_path(|other| other == *gateway)
        {
            self.not_through(statement, *gateway);
        }
        self.check_conduit_gateways(statement, &route, source, destination);
    }

    /// One gateway on the way; whether it is a packet filter of ours. `seen_as` says by which addresses the source is
    /// known on each segment: a gateway that masquerades changes them.
    #[allow(clippy::too_many_arguments, reason = "one packet's facts at one hop")]
    fn hop(
        &mut self,
        leg: &Leg,
        statement: &Statement,
        hop: Hop,
        seen_as: &mut BTreeMap<SegmentId, Arc<AddressSet>>,
        (end, destinations): (SegmentId, &Arc<AddressSet>),
        ports: &Arc<[PortMatch]>,
        action: &Action,
    ) -> bool {
        let gateway = self.model.gateway(hop.gateway);
        let Some(sources) = seen_as.get(&hop.from).cloned() else { return false };
        let mut leaves_as = sources.clone();
        if gateway.masquerade.contains(&hop.to) {
            let own = gateway.interfaces.iter().filter(|interface| interface.segment == hop.to);
            let hidden = own.fold(AddressSet::default(), |all, interface| all.union(&interface.addresses));
            if !self.guards(hop.gateway) || hidden.is_empty() {
                self.hidden(statement, hop.gateway);
            }
            leaves_as = Arc::new(hidden);
        }
        let known = seen_as.entry(hop.to).or_default();
        if **known != *leaves_as {
            *known = Arc::new(known.union(&leaves_as));
        }
        if !gateway.filters() {
            return false;
        }
        let origin = Arrival::Addresses(sources.clone()).generalised(self.model, hop.from, &sources);
        let origin = match (&origin, leg.sources.iter().next()) {
            (Arrival::Addresses(_), Some((first, _))) => {
                let home =
                    self.model.principal(first).attachments.first().map(|attachment| attachment.segment);
                home.map_or(origin.clone(), |home| origin.clone().generalised(self.model, home, &sources))
            }
            _ => origin,
        };
        self.arrives(hop.gateway, hop.from, origin);
        self.arrives(hop.gateway, hop.to, Arrival::of(self.model, end, destinations));
        self.rule(hop.gateway, leg, Hook::Forward, sources, destinations.clone(), ports, action);
        true
    }

    fn rule(
        &mut self,
        gateway: GatewayId,
        leg: &Leg,
        hook: Hook,
        sources: Arc<AddressSet>,
        destinations: Arc<AddressSet>,
        ports: &Arc<[PortMatch]>,
        action: &Action,
    ) {
        let draft = &mut self.drafts[gateway.index()];
        if draft.rules.len() == draft.joined {
            self.touched.push(gateway);
        }
        draft.rules.push(PlanRule {
            statement: leg.statement,
            hook,
            sources,
            destinations,
            services: ports.clone(),
            action: action.clone(),
        });
    }

    fn arrives(&mut self, gateway: GatewayId, segment: SegmentId, arrival: Arrival) {
        let arrivals = self.drafts[gateway.index()].arrivals.entry(segment).or_default();
        if arrivals.last() != Some(&arrival) {
            arrivals.push(arrival);
        }
        if arrivals.len() > 4096 {
            arrivals.sort_unstable();
            arrivals.dedup();
        }
    }

    /// Whether it filters what it forwards, by rules of this build or of a target that is said to be missing.
    fn guards(&self, gateway: GatewayId) -> bool {
        let gateway = self.model.gateway(gateway);
        gateway.filters() || gateway.enforces.contains(&"kubernetes")
    }

    /// The gateway that a principal is, where it is one.
    fn gateway_at(&self, id: u32) -> Option<GatewayId> {
        let principal = self.model.principal(id);
        let is_gateway = principal.kind == PrincipalKind::Gateway;
        is_gateway.then(|| self.model.gateway_of.get(&principal.entity).copied()).flatten()
    }

    /// The addresses that a set has on a segment.
    fn addresses(&mut self, members: &PrincipalSet, segment: SegmentId) -> Arc<AddressSet> {
        let key = (Arc::as_ptr(members) as usize, segment);
        if let Some((_, known)) = self.addresses.get(&key) {
            return known.clone();
        }
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for id in members.iter().flat_map(|(first, last)| first..=last) {
            for attachment in self.model.principal(id).attachments.iter().filter(|a| a.segment == segment) {
                v4.extend(attachment.addresses.v4.iter());
                v6.extend(attachment.addresses.v6.iter());
            }
        }
        let set = Arc::new(AddressSet { v4: Ranges::from_unsorted(v4), v6: Ranges::from_unsorted(v6) });
        self.addresses.insert(key, (members.clone(), set.clone()));
        set
    }

    fn no_common_family(
        &mut self,
        statement: &Statement,
        source: &Station,
        destination: &Station,
        from: &AddressSet,
        to: &AddressSet,
    ) {
        let of = |station: &Station| {
            some_names(self.model, station.members.iter().flat_map(|(first, last)| first..=last))
        };
        let (sources, destinations) = (of(source), of(destination));
        let has = |set: &AddressSet| match (set.v4.is_empty(), set.v6.is_empty()) {
            (true, true) => "no address",
            (false, true) => "IPv4 only",
            (true, false) => "IPv6 only",
            _ => "both",
        };
        let diagnostic = Diagnostic::new(
            &codes::E0508,
            format!("{sources} and {destinations} have no address family in common"),
        )
        .primary(statement.file, statement.source_span, has(from))
        .secondary(statement.file, statement.destination_span, has(to))
        .help("give both ends addresses of one family");
        self.diagnostics.push(diagnostic);
    }

    fn unguarded(&mut self, statement: &Statement, source: &Station, destination: &Station) {
        let of = |station: &Station| {
            some_names(self.model, station.members.iter().flat_map(|(first, last)| first..=last))
        };
        let diagnostic = Diagnostic::new(
            &codes::E0505,
            format!("no enforcement point lies between {} and {}", of(source), of(destination)),
        )
        .primary(
            statement.file,
            statement.span,
            "on at least one path, every gateway forwards without a filter",
        )
        .help("write `enforces = nftables` in a gateway of each path");
        self.diagnostics.push(diagnostic);
    }

    fn isolated(&mut self, statement: &Statement, segment: SegmentId) {
        let segment = self.model.segment(segment);
        let (file, span) = self.universe.name_span(segment.entity);
        self.diagnostics.push(
            Diagnostic::new(&codes::E0503, format!("stations of `{}` do not reach each other", segment.name))
                .primary(statement.file, statement.span, "both ends stand on it")
                .secondary(file, span, "declared `isolated`")
                .help("drop the flow, or put one end behind a gateway"),
        );
    }

    fn hidden(&mut self, statement: &Statement, gateway: GatewayId) {
        let gateway = self.model.gateway(gateway);
        let (file, span) = self.universe.name_span(gateway.entity);
        self.diagnostics.push(
            Diagnostic::new(&codes::E0504, format!("`{}` hides the source of this flow", gateway.name))
                .primary(statement.file, statement.source_span, "not told apart from others behind the same address")
                .secondary(file, span, "masquerades on the path, without a filter that knew the source before")
                .help("let it enforce with nftables, route without masquerading (`egress = routed`), or go through a proxy"),
        );
    }

    fn not_through(&mut self, statement: &Statement, gateway: GatewayId) {
        let name = &self.model.gateway(gateway).name;
        let diagnostic = Diagnostic::new(&codes::E0503, format!("this flow does not run through `{name}`"))
            .primary(statement.file, statement.span, "a shortest path goes another way")
            .help("change the topology, or the `via`");
        self.diagnostics.push(diagnostic);
    }

    /// Gateways that a conduit names have to be crossed.
    fn check_conduit_gateways(
        &mut self,
        statement: &Statement,
        route: &super::routes::Route,
        source: &Station,
        destination: &Station,
    ) {
        let zone = |station: &Station| {
            let (first, _) = station.members.iter().next()?;
            self.model.principal(first).zones.first().map(|zone| self.model.zone(*zone).entity)
        };
        let (Some(from), Some(to)) = (zone(source), zone(destination)) else { return };
        for conduit in self.model.conduits.iter().filter(|conduit| !conduit.through.is_empty()) {
            if conduit.ends != [from, to] && conduit.ends != [to, from] {
                continue;
            }
            for gateway in
                conduit.through.iter().filter(|gateway| !route.every_path(|other| other == **gateway))
            {
                let (file, span) = self.universe.name_span(conduit.entity);
                self.diagnostics.push(
                    Diagnostic::new(
                        &codes::E0503,
                        format!("this flow does not run through `{}`", self.model.gateway(*gateway).name),
                    )
                    .primary(statement.file, statement.span, "a shortest path goes another way")
                    .secondary(file, span, "the conduit demands it")
                    .help("change the topology, or the conduit's `through`"),
                );
            }
        }
    }

    /// A layer-2 protocol stays on its segment, where nobody stands between.
    fn layer_2(&mut self, leg: &Leg, statement: &Statement) {
        let from = self.stations(&leg.sources);
        let to = self.stations(&leg.destinations);
        let apart = from.iter().find_map(|source| {
            to.iter()
                .find(|destination| !source.segments.iter().any(|s| destination.segments.contains(s)))
                .map(|d| (source, d))
        });
        if let Some((source, destination)) = apart {
            let of =
                |station: &Station| some_names(self.model, station.members.iter().flat_map(|(a, b)| a..=b));
            self.diagnostics.push(
                Diagnostic::new(
                    &codes::E0509,
                    format!("{} and {} stand on different segments", of(source), of(destination)),
                )
                .primary(statement.file, statement.service_span, "a layer-2 protocol crosses no gateway")
                .help("put both ends on one network, or use the protocol's routable form"),
            );
        }
    }

    /// Default deny covers a gateway's own services: without a rule, nobody can manage it.
    fn lock_outs(&mut self) {
        let open = self.diagnostics.iter().any(|diagnostic| diagnostic.code == &codes::E0505); // says the same of a flow
        for (index, gateway) in self.model.gateways.iter().enumerate() {
            if gateway.filters() && !self.drafts[index].has_input {
                let (file, span) = self.universe.name_span(gateway.entity);
                self.diagnostics.push(
                    Diagnostic::new(
                        &codes::W0602,
                        format!("no policy permits anybody to reach `{}` itself", gateway.name),
                    )
                    .primary(file, span, "loading its ruleset locks out whoever manages it over the network")
                    .help(format!("permit its management: `allow admins -> {} : ssh`", gateway.name)),
                );
            }
            if gateway.enforces.is_empty() && !open {
                let (file, span) = self.universe.name_span(gateway.entity);
                self.diagnostics.push(
                    Diagnostic::new(&codes::W0605, format!("`{}` forwards everything", gateway.name))
                        .primary(
                            file,
                            span,
                            "it enforces nothing: what it joins is one segment to an intruder",
                        )
                        .help("write `enforces = nftables`, or join the networks on a gateway that does"),
                );
            }
        }
    }

    fn finish(self, (package, version): (&str, &str)) -> Plan {
        let mut used = vec![false; self.statements.len()];
        let mut gateways: Vec<GatewayPlan> = Vec::new();
        let with_mac =
            self.model.principals.iter().enumerate().filter(|(_, principal)| principal.mac.is_some());
        let with_mac: Vec<u32> = with_mac.map(|(index, _)| index as u32).collect();
        for (index, draft) in self.drafts.into_iter().enumerate() {
            let gateway = &self.model.gateways[index];
            if gateway.filters() {
                gateways.push(gateway_plan(
                    self.model,
                    self.statements,
                    index,
                    draft,
                    package,
                    &with_mac,
                    &mut used,
                ));
            }
        }
        gateways.sort_by(|a, b| a.name.cmp(&b.name));
        let mut statements: Vec<StatementOrigin> = self
            .statements
            .iter()
            .zip(&used)
            .filter(|(_, used)| **used)
            .map(|(statement, _)| StatementOrigin {
                id: statement.id.clone(),
                policy: statement.policy.clone(),
                file: statement.file,
                span: statement.span,
                text: statement.text.clone(),
                documentation: statement.documentation.clone(),
            })
            .collect();
        statements.sort_by(|a, b| a.id.cmp(&b.id));
        Plan { package: package.into(), version: version.into(), gateways, statements }
    }
}

impl Arrival {
    /// What may come from a segment's side: all of it, where the addresses are the segment's.
    fn of(model: &Model, segment: SegmentId, addresses: &Arc<AddressSet>) -> Self {
        Self::Addresses(addresses.clone()).generalised(model, segment, addresses)
    }

    fn generalised(self, model: &Model, segment: SegmentId, addresses: &Arc<AddressSet>) -> Self {
        let inside = &model.segment(segment).addresses;
        let first = addresses.first();
        if first.is_some_and(|first| inside.contains(first)) && addresses.difference(inside).is_empty() {
            Self::Segment(segment)
        } else {
            self
        }
    }
}

fn common_family(a: &AddressSet, b: &AddressSet) -> bool {
    (!a.v4.is_empty() && !b.v4.is_empty()) || (!a.v6.is_empty() && !b.v6.is_empty())
}

fn gateway_plan(
    model: &Model,
    statements: &[Statement],
    index: usize,
    mut draft: Draft,
    package: &str,
    with_mac: &[u32],
    used: &mut [bool],
) -> GatewayPlan {
    let gateway = &model.gateways[index];
    let mut ids: Vec<u32> = draft.rules.iter().map(|rule| rule.statement).collect();
    ids.sort_unstable_by(|a, b| statements[*a as usize].id.cmp(&statements[*b as usize].id));
    ids.dedup();
    let mut position = FxHashMap::default();
    for (at, id) in ids.iter().enumerate() {
        position.insert(*id, at as u32);
        used[*id as usize] = true;
    }
    let interfaces = gateway.interfaces.iter().map(|interface| InterfacePlan {
        name: interface.name.to_string(),
        device: interface.device.to_string(),
        addresses: interface.addresses.clone(),
    });
    let rules = draft
        .rules
        .drain(..)
        .map(|rule| PlanRule { statement: position.get(&rule.statement).copied().unwrap_or(0), ..rule });
    let rules = rules.collect();
    let mut bindings: BTreeMap<String, Vec<AddressSet>> = BTreeMap::new();
    for (segment, mut arrivals) in std::mem::take(&mut draft.arrivals) {
        arrivals.sort_unstable();
        arrivals.dedup();
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for arrival in arrivals {
            let addresses = match &arrival {
                Arrival::Segment(segment) => &model.segment(*segment).addresses,
                Arrival::Addresses(addresses) => addresses,
            };
            v4.extend(addresses.v4.iter());
            v6.extend(addresses.v6.iter());
        }
        let set = AddressSet { v4: Ranges::from_unsorted(v4), v6: Ranges::from_unsorted(v6) };
        for interface in gateway.interfaces.iter().filter(|interface| interface.segment == segment) {
            bindings.entry(interface.device.to_string()).or_default().push(set.clone());
        }
    }
    let bindings = bindings
        .into_iter()
        .map(|(device, sets)| Binding {
            device,
            sources: sets.iter().fold(AddressSet::default(), |all, set| all.union(set)),
        })
        .collect();
    GatewayPlan {
        package: package.into(),
        name: gateway.name.clone(),
        interfaces: interfaces.collect(),
        statements: ids
            .iter()
            .map(|id| {
                let statement = &statements[*id as usize];
                super::Statement { id: statement.id.clone(), policy: statement.policy.clone() }
            })
            .collect(),
        rules,
        bindings,
        mac_bindings: mac_bindings(model, index, with_mac),
    }
}

/// Stations with a MAC address on the networks of a gateway.
fn mac_bindings(model: &Model, index: usize, with_mac: &[u32]) -> Vec<MacBinding> {
    let gateway = &model.gateways[index];
    let mut bindings = Vec::new();
    for interface in &gateway.interfaces {
        if model.segment(interface.segment).kind != SegmentKind::Network {
            continue;
        }
        for principal in with_mac.iter().map(|id| model.principal(*id)) {
            let Some(mac) = principal.mac else { continue };
            for attachment in
                principal.attachments.iter().filter(|attachment| attachment.segment == interface.segment)
            {
                let v4 = attachment.addresses.v4.iter().filter(|(first, last)| first == last);
                let v6 = attachment.addresses.v6.iter().filter(|(first, last)| first == last);
                let addresses = v4
                    .map(|(address, _)| std::net::Ipv4Addr::from_bits(address).into())
                    .chain(v6.map(|(address, _)| std::net::Ipv6Addr::from_bits(address).into()));
                bindings.extend(addresses.map(|address| MacBinding {
                    device: interface.device.to_string(),
                    mac,
                    address,
                }));
            }
        }
    }
    bindings.sort_unstable();
    bindings
}
