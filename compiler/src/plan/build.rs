//! From the relation to what each gateway holds. Cost: for each leg, its members once, and the pairs of segments that it
//! really joins.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rustc_hash::FxHashMap;
use weir_syntax::Diagnostic;

use super::{
    Action, AddressSet, FrameRule, Hook, Plan, PlanRule, PortMatch, Ranges,
    clusters::{ClusterDraft, Way},
    join::{Unions, join},
    legs::{Leg, Legs},
    routes::{Hop, Route, Routes},
    transparent::Taken,
};
use crate::{
    flows::{PortSet, Rectangle, Statement},
    model::{Conduit, Crossing, GatewayId, Model, PrincipalKind, PrincipalSet, SegmentId},
    names::Universe,
};

/// The parts of one gateway's plan while it grows.
#[derive(Default)]
pub(super) struct Draft {
    /// Their `statement` counts in the package; `gateway_plan` makes it count in the gateway's list.
    pub(super) rules: Vec<PlanRule>,
    /// The rules before this one are joined.
    pub(super) joined: usize,
    /// By segment of arrival.
    pub(super) arrivals: BTreeMap<SegmentId, Vec<Arrival>>,
    pub(super) has_input: bool,
    pub(super) taken: Vec<Taken>,
}

/// The parts of one bridge's plan while it grows.
#[derive(Default)]
pub(super) struct BridgeDraft {
    /// Their `statement` counts in the package.
    pub(super) frames: Vec<FrameRule>,
    pub(super) neighbours: BTreeSet<(Arc<AddressSet>, Arc<AddressSet>)>,
    /// By port: addresses from behind routers there.
    pub(super) arrivals: BTreeMap<usize, BTreeSet<Arc<AddressSet>>>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Arrival {
    /// Anything that stands on a segment.
    Segment(SegmentId),
    Addresses(Arc<AddressSet>),
}

/// Principals that stand on the same segments.
pub(super) struct Station {
    /// The one gateway that it is, where it is one.
    pub(super) gateway: Option<GatewayId>,
    pub(super) segments: Vec<SegmentId>,
    /// The addresses that they have there, segment by segment.
    pub(super) addresses: Vec<Arc<AddressSet>>,
    pub(super) members: PrincipalSet,
}

impl Station {
    pub(super) fn places(&self) -> impl Iterator<Item = (SegmentId, &Arc<AddressSet>)> {
        self.segments.iter().copied().zip(&self.addresses)
    }
}

/// By which addresses the source is known on each segment of its way, and the segment that they belong to.
pub(super) struct SeenAs(Vec<(SegmentId, Arc<AddressSet>, SegmentId)>);

impl SeenAs {
    pub(super) fn on(&self, segment: SegmentId) -> Option<(Arc<AddressSet>, SegmentId)> {
        let seen = self.0.iter().find(|(on, ..)| *on == segment);
        seen.map(|(_, addresses, home)| (addresses.clone(), *home))
    }

    fn add(&mut self, segment: SegmentId, addresses: Arc<AddressSet>, home: SegmentId) {
        match self.0.iter_mut().find(|(on, ..)| *on == segment) {
            Some((_, known, _)) if *known != addresses => *known = Arc::new(known.union(&addresses)),
            Some(_) => {}
            None => self.0.push((segment, addresses, home)),
        }
    }
}

/// The segments that principals stand on, and the gateway that they are.
type Standing = (Vec<SegmentId>, Option<GatewayId>);

/// A segment, and the addresses of a station on it.
type Place<'s> = (SegmentId, &'s Arc<AddressSet>);

pub(super) struct Planner<'m, 'a> {
    pub(super) universe: &'m Universe<'a>,
    pub(super) model: &'m Model,
    pub(super) statements: &'m [Statement],
    pub(super) routes: Routes,
    pub(super) drafts: Vec<Draft>,
    /// By cluster of the model.
    pub(super) clusters: Vec<ClusterDraft>,
    /// One for each of [`Model::bridges`].
    pub(super) bridge_drafts: Vec<BridgeDraft>,
    /// Statements about frames that nobody stands between.
    pub(super) unheld_frames: Vec<u32>,
    /// Gateways with rules of the present leg.
    pub(super) touched: Vec<GatewayId>,
    pub(super) unions: Unions,
    pub(super) ports: FxHashMap<PortSet, Arc<[PortMatch]>>,
    /// Conduits that have to be crossed at gateways.
    pub(super) conduits: Vec<&'m Conduit>,
    pub(super) stations: FxHashMap<usize, (PrincipalSet, Arc<[Station]>)>,
    pub(super) diagnostics: &'m mut Vec<Diagnostic>,
}

/// Plans every rectangle, and says for each which proxy its connections are led through.
pub fn build(
    universe: &Universe<'_>,
    model: &Model,
    statements: &[Statement],
    rectangles: &[Rectangle],
    package: (&str, &str),
    diagnostics: &mut Vec<Diagnostic>,
) -> (Plan, Vec<Option<u32>>) {
    let mut planner = Planner {
        universe,
        model,
        statements,
        routes: Routes::new(model),
        drafts: std::iter::repeat_with(Draft::default).take(model.gateways.len()).collect(),
        clusters: std::iter::repeat_with(ClusterDraft::default).take(model.clusters.len()).collect(),
        bridge_drafts: std::iter::repeat_with(BridgeDraft::default).take(model.bridges.len()).collect(),
        unheld_frames: Vec::new(),
        touched: Vec::new(),
        unions: Unions::default(),
        ports: FxHashMap::default(),
        conduits: model.conduits.iter().filter(|conduit| !conduit.through.is_empty()).collect(),
        stations: FxHashMap::default(),
        diagnostics,
    };
    let mut legs = Legs::new(universe, model, statements);
    let mut all = Vec::with_capacity(rectangles.len());
    for (index, rectangle) in rectangles.iter().enumerate() {
        let statement = &statements[rectangle.statement as usize];
        for mut leg in legs.of(rectangle, statement, &mut planner.routes, planner.diagnostics) {
            planner.leg(&leg, statement);
            leg.rectangle = index as u32;
            all.push(leg);
        }
    }
    planner.past_those_that_take();
    planner.gaps_of_frames();
    planner.lock_outs();
    let proxies = super::proxies::build(
        model,
        statements,
        rectangles,
        (&all, &legs.proxies),
        &mut planner.routes,
        package.0,
        planner.diagnostics,
    );
    let plan = planner.finish(package, proxies);
    let cores = super::cores::build(universe, model, statements, &all, package.0, diagnostics);
    (Plan { legs: all, cores, ..plan }, legs.proxies)
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
    pub(super) fn stations(&mut self, set: &PrincipalSet) -> Arc<[Station]> {
        let key = Arc::as_ptr(set) as usize;
        if let Some((_, stations)) = self.stations.get(&key) {
            return stations.clone();
        }
        let mut by_segments: BTreeMap<Standing, Vec<(u32, u32)>> = BTreeMap::new();
        for id in set.members() {
            let attachments = &self.model.principal(id).attachments;
            let segments = attachments.iter().map(|attachment| attachment.segment).collect();
            by_segments.entry((segments, self.gateway_at(id))).or_default().push((id, id));
        }
        let single = by_segments.len() == 1;
        let stations: Arc<[Station]> = by_segments
            .into_iter()
            .map(|((segments, gateway), ids)| {
                let members = if single { set.clone() } else { Arc::new(Ranges::from_unsorted(ids)) };
                let addresses = segments.iter().map(|segment| self.addresses(&members, *segment)).collect();
                Station { gateway, segments, addresses, members }
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
        let mut best: Vec<(Place<'_>, Place<'_>)> = Vec::with_capacity(1);
        let mut shortest = u32::MAX;
        for from in source.places().filter(|(start, _)| leg.through.is_none_or(|slice| slice == *start)) {
            for to in destination.places() {
                let Some(length) = self.routes.length(from.0, to.0).filter(|length| *length <= shortest)
                else {
                    continue;
                };
                if length < shortest {
                    best.clear();
                    shortest = length;
                }
                best.push((from, to));
            }
        }
        if best.is_empty() {
            self.no_path(statement, source, destination);
        }
        for (from, to) in best {
            self.segments(leg, statement, (source, from), (destination, to), ports);
        }
    }

    fn segments(
        &mut self,
        leg: &Leg,
        statement: &Statement,
        (source, (from, source_addresses)): (&Station, Place<'_>),
        (destination, (to, destination_addresses)): (&Station, Place<'_>),
        ports: &Arc<[PortMatch]>,
    ) {
        if !common_family(source_addresses, destination_addresses) {
            self.no_common_family(statement, source, destination, source_addresses, destination_addresses);
            return;
        }
        let action = Action {
            limit: statement.conditions.limit.filter(|_| !leg.limit_is_held),
            log: statement.conditions.log,
            audit: statement.conditions.audit,
            until: statement.conditions.until,
            operations: leg.operations.clone(),
        };
        let (start, end) = (source.gateway, destination.gateway);
        let mut held = leg.limit_is_held;
        let Some(route) = self.routes.route(from, to) else { return };
        let mut seen_as = SeenAs(vec![(from, source_addresses.clone(), from)]);
        if let Some(gateway) = leg.taken_by {
            let ends = ((source, from), (destination, (to, destination_addresses)));
            self.taken(gateway, leg, statement, ends, &route, &mut seen_as, ports, &action);
            return;
        }
        if let Some(gateway) = start
            && self.model.gateway(gateway).filters()
        {
            held = true;
            let sources = source_addresses.clone();
            self.rule(gateway, leg, Hook::Output, sources, destination_addresses.clone(), ports, &action);
            self.arrives(gateway, from, to, destination_addresses);
        }
        for hop in &route.hops {
            held |= self.hop(leg, statement, *hop, &mut seen_as, (to, destination_addresses), ports, &action);
        }
        if let Some(gateway) = end
            && self.model.gateway(gateway).filters()
            && let Some((sources, home)) = seen_as.on(to)
        {
            held = true;
            self.arrives(gateway, to, home, &sources);
            self.drafts[gateway.index()].has_input = true;
            self.rule(gateway, leg, Hook::Input, sources, destination_addresses.clone(), ports, &action);
        }
        if let Some((seen_as, _)) = seen_as.on(to) {
            let way = Way { from, to, route: &route, seen_as, destinations: destination_addresses };
            self.pods(leg, statement, (source, destination), &way, ports);
        }
        let crossing = self.bridged(leg, &route, (source, from), (destination, to), &seen_as, ports, &action);
        let bridged = from == to && crossing == Crossing::Everything;
        held |= bridged;
        let guarded = route.every_path(|gateway| self.guards(gateway));
        if from != to && !guarded && start.or(end).is_none_or(|gateway| !self.guards(gateway)) {
            self.unguarded(statement, source, destination);
        } else if leg.operations.is_some() && !bridged && !self.reads_payload(&route, start, end) {
            self.unread(statement, source, destination);
        } else if from == to && self.model.segment(from).isolated && start.is_none() && end.is_none() {
            self.isolated(statement, from);
        }
        if statement.conditions.limit.is_some() && !held {
            self.unlimited(statement, source, destination);
        }
        if let Some(via) = statement.conditions.via
            && let Some(gateway) = self.model.gateway_of.get(&via)
            && !self.model.gateway(*gateway).terminates()
            && !self.runs_through(&route, *gateway, (source, from), (destination, to))
        {
            self.not_through(statement, *gateway);
        }
        self.check_conduit_gateways(statement, &route, (source, from), (destination, to));
    }

    /// One gateway on the way; whether it is a packet filter of ours. `seen_as` says by which addresses the source is
    /// known on each segment: a gateway that masquerades changes them.
    #[allow(clippy::too_many_arguments, reason = "one packet's facts at one hop")]
    pub(super) fn hop(
        &mut self,
        leg: &Leg,
        statement: &Statement,
        hop: Hop,
        seen_as: &mut SeenAs,
        (end, destinations): (SegmentId, &Arc<AddressSet>),
        ports: &Arc<[PortMatch]>,
        action: &Action,
    ) -> bool {
        let gateway = self.model.gateway(hop.gateway);
        let Some((sources, home)) = seen_as.on(hop.from) else { return false };
        let mut leaves_as = (sources.clone(), home);
        if gateway.masquerade.contains(&hop.to) {
            let own = gateway.interfaces.iter().filter(|interface| interface.segment == hop.to);
            let hidden = own.fold(AddressSet::default(), |all, interface| all.union(&interface.addresses));
            if !self.guards(hop.gateway) || hidden.is_empty() {
                self.hidden(statement, hop.gateway);
            }
            leaves_as = (Arc::new(hidden), hop.to);
        }
        seen_as.add(hop.to, leaves_as.0, leaves_as.1);
        if !gateway.filters() {
            return false;
        }
        self.arrives(hop.gateway, hop.from, home, &sources);
        self.arrives(hop.gateway, hop.to, end, destinations);
        self.rule(hop.gateway, leg, Hook::Forward, sources, destinations.clone(), ports, action);
        true
    }

    pub(super) fn rule(
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

    /// Addresses may arrive at a gateway from a segment. What belongs to their home segment is bound as that segment.
    pub(super) fn arrives(
        &mut self,
        gateway: GatewayId,
        from: SegmentId,
        home: SegmentId,
        addresses: &Arc<AddressSet>,
    ) {
        let inside = &self.model.segment(home).addresses;
        let parts = if inside.covers(addresses) {
            [Some(Arrival::Segment(home)), None]
        } else {
            let outside = addresses.difference(inside);
            if outside == **addresses {
                [None, Some(Arrival::Addresses(addresses.clone()))]
            } else {
                [Some(Arrival::Segment(home)), Some(Arrival::Addresses(Arc::new(outside)))]
            }
        };
        let arrivals = self.drafts[gateway.index()].arrivals.entry(from).or_default();
        for part in parts.into_iter().flatten() {
            if arrivals.last() != Some(&part) {
                arrivals.push(part);
            }
        }
        if arrivals.len() > 4096 {
            arrivals.sort_unstable();
            arrivals.dedup();
        }
    }

    /// Whether it filters what it forwards, by rules or network policies of this build.
    fn guards(&self, gateway: GatewayId) -> bool {
        let gateway = self.model.gateway(gateway);
        gateway.filters() || gateway.enforces.contains(&"kubernetes")
    }

    /// Whether some packet filter of ours sees every packet of a flow.
    fn reads_payload(&self, route: &Route, start: Option<GatewayId>, end: Option<GatewayId>) -> bool {
        let filters = |gateway: GatewayId| self.model.gateway(gateway).filters();
        // a route without hops is the segment itself
        start.is_some_and(filters)
            || end.is_some_and(filters)
            || (!route.hops.is_empty() && route.every_path(filters))
    }

    /// The gateway that a principal is, where it is one.
    fn gateway_at(&self, id: u32) -> Option<GatewayId> {
        let principal = self.model.principal(id);
        let is_gateway = principal.kind == PrincipalKind::Gateway;
        is_gateway.then(|| self.model.gateway_of.get(&principal.entity).copied()).flatten()
    }

    /// The addresses that a set has on a segment.
    pub(super) fn addresses(&self, members: &PrincipalSet, segment: SegmentId) -> Arc<AddressSet> {
        let attachments = members.members().flat_map(|id| &self.model.principal(id).attachments);
        let mut here = attachments.filter(|attachment| attachment.segment == segment);
        match (here.next(), here.next()) {
            (None, _) => Arc::default(),
            (Some(only), None) => only.addresses.clone(),
            (Some(first), Some(second)) => {
                let all = [first, second].into_iter().chain(here);
                Arc::new(AddressSet::union_of(all.map(|attachment| &*attachment.addresses)))
            }
        }
    }
}

fn common_family(a: &AddressSet, b: &AddressSet) -> bool {
    (!a.v4.is_empty() && !b.v4.is_empty()) || (!a.v6.is_empty() && !b.v6.is_empty())
}
