//! What each packet filter has to permit, derived from the relation and the topology anew, not from the plan that the
//! emitters were given: so the proof covers the way from the policy's rectangles to the bytes, over every pair and
//! every route.
//!
//! What is taken from the plan is a choice and no permission: by which proxy a flow runs. [`crate::legs`] checks that each
//! choice stays inside of the relation.

use std::{collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;
use weir_compiler::{
    Facts,
    flows::{PortSet, Statement},
    model::{Crossing, GatewayId, Model, Port, PrincipalKind, PrincipalSet, SegmentId, SegmentKind},
    plan::{AddressSet, Hook, Leg, Limit, OperationMatch, Plan, PortMatch, Ranges},
};
use weir_kubernetes_reader::Direction;

use crate::topology::{NEVER, Topology};

/// On which terms a connection is permitted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Terms {
    /// What counts its connections: the policy, or the statement where it has a limit of its own.
    pub counted_as: String,
    pub until: Option<i64>,
    pub limit: Option<Limit>,
    pub operations: Option<Arc<OperationMatch>>,
    pub log: bool,
    pub audit: bool,
}

/// A permission that one gateway has to hold at one hook.
#[derive(Clone, Debug)]
pub(crate) struct Requirement {
    pub(crate) hook: Hook,
    pub(crate) sources: Arc<AddressSet>,
    pub(crate) destinations: Arc<AddressSet>,
    pub(crate) services: Arc<[PortMatch]>,
    /// Index into [`Specification::terms`].
    pub(crate) terms: u32,
    /// Index into the package's statements.
    pub(crate) statement: u32,
    /// The segments by which the packets come and go; the same, where the gateway is an end.
    pub(crate) from: SegmentId,
    pub(crate) to: SegmentId,
}

/// Connections that a gateway has to take, and not to forward.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) sources: Arc<AddressSet>,
    pub(crate) destinations: Arc<AddressSet>,
    pub(crate) services: Arc<[PortMatch]>,
    pub(crate) statement: u32,
}

/// Frames that bridges of one gateway have to pass.
#[derive(Clone, Debug)]
pub(crate) struct FrameRequirement {
    /// Among the bridges of the gateway, in the model's order; ports count in the bridge's.
    pub(crate) bridge: usize,
    /// Hardware addresses as numbers.
    pub(crate) sources: Vec<u64>,
    pub(crate) destinations: Vec<(usize, u64)>,
    /// Ports by which groups go out.
    pub(crate) listeners: Vec<usize>,
    pub(crate) groups: Ranges<u64>,
    pub(crate) ethertypes: Ranges<u16>,
    /// What may stand in the two bytes behind the ethertype; anything, if there is no list.
    pub(crate) ids: Option<Ranges<u16>>,
    pub(crate) terms: u32,
    pub(crate) statement: u32,
}

/// What the policies of a cluster have to permit its pods.
#[derive(Clone, Debug)]
pub(crate) struct PodRequirement {
    /// The pods of the cluster.
    pub(crate) segment: SegmentId,
    pub(crate) direction: Direction,
    pub(crate) subjects: PrincipalSet,
    pub(crate) far: Far,
    pub(crate) services: Arc<[PortMatch]>,
    /// Index into the package's statements.
    pub(crate) statement: u32,
}

/// The other end, as the pod's side sees it.
#[derive(Clone, Debug)]
pub(crate) enum Far {
    Pods(PrincipalSet),
    Addresses(Arc<AddressSet>),
}

#[derive(Debug, Default)]
pub(crate) struct Specification {
    /// By gateway of the model.
    pub(crate) gateways: Vec<Vec<Requirement>>,
    pub(crate) frames: Vec<Vec<FrameRequirement>>,
    /// By gateway of the model.
    pub(crate) taken: Vec<Vec<Taken>>,
    pub(crate) terms: Vec<Terms>,
    /// Of all clusters.
    pub(crate) pods: Vec<PodRequirement>,
}

/// Principals of a set that stand on the same segments.
struct Group {
    segments: Vec<SegmentId>,
    /// The gateway that the one member is.
    gateway: Option<GatewayId>,
    members: PrincipalSet,
}

/// Where packets cross a gateway: the gateway, the hook, the segments that they come from and go to, and the segment on
/// which their destination stands.
type Crosses = (GatewayId, Hook, SegmentId, SegmentId, SegmentId);

/// Packets that cross a gateway on their way to a segment.
struct GatewayCrossing {
    gateway: GatewayId,
    hook: Hook,
    /// As they are known there.
    sources: Arc<AddressSet>,
    from: SegmentId,
    to: SegmentId,
    end: SegmentId,
}

/// A set of sources, the slice that they have to start from, the gateway that takes their connections, and where the
/// destination stands.
type Journey = (*const Ranges<u32>, Option<SegmentId>, Option<GatewayId>, Vec<SegmentId>, Option<GatewayId>);

struct Builder<'f> {
    model: &'f Model,
    topology: Topology<'f>,
    groups: FxHashMap<*const Ranges<u32>, Arc<[Group]>>,
    addresses: FxHashMap<(*const Ranges<u32>, SegmentId), Arc<AddressSet>>,
    crossings: FxHashMap<Journey, Arc<[GatewayCrossing]>>,
    ports: FxHashMap<PortSet, Arc<[PortMatch]>>,
    /// Sets whose addresses are keys above: they live as long as the maps.
    kept: Vec<PrincipalSet>,
    known_terms: FxHashMap<Terms, u32>,
    specification: Specification,
}

impl Specification {
    pub(crate) fn derive(facts: &Facts, plan: &Plan) -> Self {
        let model = &facts.model;
        let mut builder = Builder {
            model,
            topology: Topology::new(model),
            groups: FxHashMap::default(),
            addresses: FxHashMap::default(),
            crossings: FxHashMap::default(),
            ports: FxHashMap::default(),
            kept: Vec::new(),
            known_terms: FxHashMap::default(),
            specification: Self {
                gateways: vec![Vec::new(); model.gateways.len()],
                frames: vec![Vec::new(); model.gateways.len()],
                taken: vec![Vec::new(); model.gateways.len()],
                terms: Vec::new(),
                pods: Vec::new(),
            },
        };
        for leg in &plan.legs {
            builder.leg(leg, &facts.statements[leg.statement as usize]);
        }
        builder.specification
    }
}

impl Builder<'_> {
    fn leg(&mut self, leg: &Leg, statement: &Statement) {
        if !leg.ports.ethertypes.is_empty() {
            self.frames(leg, statement);
        }
        if !leg.ports.has_ip() {
            return;
        }
        let conditions = &statement.conditions;
        let terms = self.terms(Terms {
            counted_as: if conditions.limit.is_some() { &statement.id } else { &statement.policy }
                .to_string(),
            until: conditions.until,
            limit: conditions.limit.filter(|_| !leg.limit_is_held),
            operations: leg.operations.clone(),
            log: conditions.log,
            audit: conditions.audit,
        });
        let services = self.services(&leg.ports);
        let destinations = self.groups(&leg.destinations);
        for destination in destinations.iter() {
            for crossing in self.crossings(leg, destination).iter() {
                let destinations = self.addresses(&destination.members, crossing.end);
                if leg.taken_by == Some(crossing.gateway) {
                    self.specification.taken[crossing.gateway.index()].push(Taken {
                        sources: crossing.sources.clone(),
                        destinations: destinations.clone(),
                        services: services.clone(),
                        statement: leg.statement,
                    });
                }
                self.specification.gateways[crossing.gateway.index()].push(Requirement {
                    hook: crossing.hook,
                    sources: crossing.sources.clone(),
                    destinations,
                    services: services.clone(),
                    terms,
                    statement: leg.statement,
                    from: crossing.from,
                    to: crossing.to,
                });
            }
            if !self.model.clusters.is_empty() {
                for source in self.groups(&leg.sources).iter() {
                    for ends in self.nearest(source, destination, leg.through) {
                        self.pods(leg, (source, destination), ends, &services);
                    }
                }
            }
            if !self.model.bridges.is_empty() {
                for source in self.groups(&leg.sources).iter() {
                    for ends in self.nearest(source, destination, leg.through) {
                        self.bridged(leg, (source, destination), ends, &services, terms);
                    }
                }
            }
        }
    }

    /// The segments between which two groups meet: those with the fewest gateways in between.
    fn nearest(
        &mut self,
        source: &Group,
        destination: &Group,
        through: Option<SegmentId>,
    ) -> Vec<(SegmentId, SegmentId)> {
        let mut pairs: Vec<(u32, (SegmentId, SegmentId))> = Vec::new();
        for to in &destination.segments {
            let distances = self.topology.distances(*to);
            for from in source.segments.iter().filter(|from| through.is_none_or(|slice| slice == **from)) {
                if distances[from.index()] != NEVER {
                    pairs.push((distances[from.index()], (*from, *to)));
                }
            }
        }
        let nearest = pairs.iter().map(|(distance, _)| *distance).min();
        pairs.retain(|(distance, _)| Some(*distance) == nearest);
        pairs.into_iter().map(|(_, ends)| ends).collect()
    }

    /// Where packets of some sources cross gateways on their ways to whoever stands where a group does. Found once for
    /// each set of sources and place: thousands of statements may share both.
    fn crossings(&mut self, leg: &Leg, destination: &Group) -> Arc<[GatewayCrossing]> {
        let (sources, through, taken_by) = (&leg.sources, leg.through, leg.taken_by);
        let groups = self.groups(sources);
        let key =
            (Arc::as_ptr(sources), through, taken_by, destination.segments.clone(), destination.gateway);
        if let Some(known) = self.crossings.get(&key) {
            return known.clone();
        }
        let mut found: BTreeMap<Crosses, Vec<Arc<AddressSet>>> = BTreeMap::new();
        for source in groups.iter() {
            for (from, end) in self.nearest(source, destination, through) {
                self.way(source, (destination.gateway, taken_by), (from, end), &mut found);
            }
        }
        let crossings: Arc<[GatewayCrossing]> = found
            .into_iter()
            .map(|((gateway, hook, from, to, end), mut sets)| {
                let sources = match (sets.pop(), sets.is_empty()) {
                    (Some(only), true) => only,
                    (last, _) => Arc::new(AddressSet::union_of(sets.iter().chain(&last).map(|set| &**set))),
                };
                GatewayCrossing { gateway, hook, sources, from, to, end }
            })
            .collect();
        self.crossings.insert(key, crossings.clone());
        crossings
    }

    /// What bridges inside of the segments that both ends stand on have to pass.
    fn frames(&mut self, leg: &Leg, statement: &Statement) {
        let conditions = &statement.conditions;
        let terms = self.terms(Terms {
            counted_as: if conditions.limit.is_some() { &statement.id } else { &statement.policy }
                .to_string(),
            until: conditions.until,
            limit: conditions.limit,
            operations: None,
            log: conditions.log,
            audit: conditions.audit,
        });
        let model = self.model;
        let protocol = leg.protocol.map(|protocol| model.protocols.get(protocol));
        let groups = protocol.map_or_else(Ranges::new, |protocol| {
            let ends = protocol.groups.iter().map(|(first, last)| (hardware(*first), hardware(*last)));
            Ranges::from_unsorted(ends.collect())
        });
        let declared = protocol.and_then(|protocol| protocol.frame_ids.clone());
        let ids = match (&leg.frame_ids, declared) {
            (Some(asked), Some(declared)) => Some(asked.intersection(&declared)),
            (Some(asked), None) => Some(asked.clone()),
            (None, declared) => declared,
        };
        let (sources, destinations) = (self.groups(&leg.sources), self.groups(&leg.destinations));
        for source in sources.iter() {
            for destination in destinations.iter() {
                for segment in source.segments.iter().filter(|here| destination.segments.contains(here)) {
                    for (index, bridge) in model.enforcing_bridges(*segment) {
                        if bridge.crossing(&source.members, &destination.members) == Crossing::Nothing {
                            continue;
                        }
                        let behind = |members: &Ranges<u32>| -> Vec<(usize, u64)> {
                            let ports = bridge.ports.iter().enumerate();
                            ports
                                .flat_map(|(port, known)| {
                                    let here: Vec<u32> =
                                        members.intersection(&known.stations).members().collect();
                                    here.into_iter().map(move |id| (port, id))
                                })
                                .filter_map(|(port, id)| Some((port, hardware(model.principal(id).mac?))))
                                .collect()
                        };
                        let listens =
                            |port: &Port| !port.stations.intersection(&destination.members).is_empty();
                        let ports = bridge.ports.iter().enumerate();
                        let before =
                            model.bridges[..index].iter().filter(|other| other.gateway == bridge.gateway);
                        self.specification.frames[bridge.gateway.index()].push(FrameRequirement {
                            bridge: before.count(),
                            sources: behind(&source.members).into_iter().map(|(_, mac)| mac).collect(),
                            destinations: behind(&destination.members),
                            listeners: ports
                                .filter(|(_, port)| listens(port))
                                .map(|(port, _)| port)
                                .collect(),
                            groups: groups.clone(),
                            ethertypes: leg.ports.ethertypes.clone(),
                            ids: ids.clone(),
                            terms,
                            statement: leg.statement,
                        });
                    }
                }
            }
        }
    }

    /// Connections that begin or end at pods.
    fn pods(
        &mut self,
        leg: &Leg,
        (source, destination): (&Group, &Group),
        (from, to): (SegmentId, SegmentId),
        services: &Arc<[PortMatch]>,
    ) {
        let is_pods = |segment: SegmentId| self.model.segment(segment).kind == SegmentKind::Pods;
        let (leaving, arriving) = (is_pods(from), is_pods(to));
        let require =
            |specification: &mut Specification, segment, direction, subjects: &PrincipalSet, far| {
                specification.pods.push(PodRequirement {
                    segment,
                    direction,
                    subjects: subjects.clone(),
                    far,
                    services: services.clone(),
                    statement: leg.statement,
                });
            };
        if leaving {
            let far = if from == to {
                Far::Pods(destination.members.clone())
            } else {
                Far::Addresses(self.addresses(&destination.members, to))
            };
            require(&mut self.specification, from, Direction::Egress, &source.members, far);
        }
        if arriving && leg.taken_by.is_none() {
            let far = if from == to {
                Far::Pods(source.members.clone())
            } else {
                let Some(known) = self.known_as(source, from, to, None).remove(&to) else { return };
                Far::Addresses(known)
            };
            require(&mut self.specification, to, Direction::Ingress, &destination.members, far);
        }
    }

    /// Packets that pass a bridge inside of a segment, between those who stand, or route, behind its ports.
    fn bridged(
        &mut self,
        leg: &Leg,
        (source, destination): (&Group, &Group),
        (from, to): (SegmentId, SegmentId),
        services: &Arc<[PortMatch]>,
        terms: u32,
    ) {
        let model = self.model;
        let steps = self.topology.way(from, to);
        let known_as = self.known_as(source, from, to, leg.taken_by);
        let destinations = self.addresses(&destination.members, to);
        let routers = |ids: &mut dyn Iterator<Item = GatewayId>| -> Ranges<u32> {
            ids.filter_map(|gateway| model.gateway(gateway).principal).map(|id| id.0).collect()
        };
        for (segment, sources) in &known_as {
            for (_, bridge) in model.enforcing_bridges(*segment) {
                let before = if *segment == from {
                    (*source.members).clone()
                } else {
                    routers(&mut steps.iter().filter(|step| step.to == *segment).map(|step| step.gateway))
                };
                let after = if *segment == to {
                    (*destination.members).clone()
                } else {
                    routers(&mut steps.iter().filter(|step| step.from == *segment).map(|step| step.gateway))
                };
                if bridge.crossing(&before, &after) == Crossing::Nothing {
                    continue;
                }
                self.specification.gateways[bridge.gateway.index()].push(Requirement {
                    hook: Hook::Forward,
                    sources: sources.clone(),
                    destinations: destinations.clone(),
                    services: services.clone(),
                    terms,
                    statement: leg.statement,
                    from: *segment,
                    to: *segment,
                });
            }
        }
    }

    /// The gateways along every shortest way between two segments, by the addresses that the sources have there.
    fn way(
        &mut self,
        source: &Group,
        (at_the_end, taken_by): (Option<GatewayId>, Option<GatewayId>),
        (from, end): (SegmentId, SegmentId),
        found: &mut BTreeMap<Crosses, Vec<Arc<AddressSet>>>,
    ) {
        let mut crosses = |gateway, hook, from, to, sources: &Arc<AddressSet>| {
            found.entry((gateway, hook, from, to, end)).or_default().push(sources.clone());
        };
        let model = self.model;
        let filters = |gateway: &GatewayId| model.gateway(*gateway).filters();
        let known_as = self.known_as(source, from, end, taken_by);
        if let Some(gateway) = source.gateway.filter(filters)
            && let Some(sources) = known_as.get(&from)
        {
            crosses(gateway, Hook::Output, from, from, sources);
        }
        for step in self.topology.way(from, end).iter().filter(|step| filters(&step.gateway)) {
            let Some(sources) = known_as.get(&step.from) else { continue };
            if taken_by == Some(step.gateway) {
                crosses(step.gateway, Hook::Input, step.from, step.from, sources);
            } else {
                crosses(step.gateway, Hook::Forward, step.from, step.to, sources);
            }
        }
        if let Some(gateway) = at_the_end.filter(filters)
            && let Some(sources) = known_as.get(&end)
        {
            crosses(gateway, Hook::Input, end, end, sources);
        }
    }

    /// By which addresses sources are known on each segment of the shortest ways: gateways that masquerade change them. No
    /// way leads past a gateway that takes the connections.
    fn known_as(
        &mut self,
        source: &Group,
        from: SegmentId,
        end: SegmentId,
        taken_by: Option<GatewayId>,
    ) -> BTreeMap<SegmentId, Arc<AddressSet>> {
        let sources = self.addresses(&source.members, from);
        let mut known_as: BTreeMap<SegmentId, Arc<AddressSet>> = BTreeMap::from([(from, sources)]);
        for step in self.topology.way(from, end).iter().filter(|step| taken_by != Some(step.gateway)) {
            let Some(sources) = known_as.get(&step.from).cloned() else { continue };
            let gateway = self.model.gateway(step.gateway);
            let leaving = if gateway.masquerade.contains(&step.to) {
                let own = gateway.interfaces.iter().filter(|interface| interface.segment == step.to);
                Arc::new(AddressSet::union_of(own.map(|interface| &interface.addresses)))
            } else {
                sources
            };
            known_as
                .entry(step.to)
                .and_modify(|known| {
                    if *known != leaving {
                        *known = Arc::new(known.union(&leaving));
                    }
                })
                .or_insert(leaving);
        }
        known_as
    }

    fn terms(&mut self, terms: Terms) -> u32 {
        if let Some(known) = self.known_terms.get(&terms) {
            return *known;
        }
        let id = self.specification.terms.len() as u32;
        self.specification.terms.push(terms.clone());
        self.known_terms.insert(terms, id);
        id
    }

    fn services(&mut self, ports: &PortSet) -> Arc<[PortMatch]> {
        if let Some(known) = self.ports.get(ports) {
            return known.clone();
        }
        let services: Arc<[PortMatch]> = ports.port_matches().into();
        self.ports.insert(ports.clone(), services.clone());
        services
    }

    fn groups(&mut self, set: &PrincipalSet) -> Arc<[Group]> {
        if let Some(known) = self.groups.get(&Arc::as_ptr(set)) {
            return known.clone();
        }
        let mut groups: BTreeMap<(Vec<SegmentId>, Option<GatewayId>), Vec<(u32, u32)>> = BTreeMap::new();
        for id in set.members() {
            let principal = self.model.principal(id);
            let segments = principal.attachments.iter().map(|attachment| attachment.segment).collect();
            let gateway = match principal.kind {
                PrincipalKind::Gateway => self.model.gateway_of.get(&principal.entity).copied(),
                _ => None,
            };
            groups.entry((segments, gateway)).or_default().push((id, id));
        }
        let all = groups.len();
        let groups: Arc<[Group]> = groups
            .into_iter()
            .map(|((segments, gateway), members)| Group {
                segments,
                gateway,
                members: if all == 1 { set.clone() } else { Arc::new(Ranges::from_unsorted(members)) },
            })
            .collect();
        self.groups.insert(Arc::as_ptr(set), groups.clone());
        self.kept.push(set.clone());
        groups
    }

    fn addresses(&mut self, members: &PrincipalSet, segment: SegmentId) -> Arc<AddressSet> {
        let key = (Arc::as_ptr(members), segment);
        if let Some(known) = self.addresses.get(&key) {
            return known.clone();
        }
        let attachments = members.members().flat_map(|id| &self.model.principal(id).attachments);
        let here = attachments.filter(|attachment| attachment.segment == segment);
        let addresses = Arc::new(AddressSet::union_of(here.map(|attachment| &*attachment.addresses)));
        self.kept.push(members.clone());
        self.addresses.insert(key, addresses.clone());
        addresses
    }
}

/// A hardware address as a number.
fn hardware(mac: [u8; 6]) -> u64 {
    mac.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
