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
    model::{Crossing, GatewayId, Model, Port, PrincipalKind, PrincipalSet, SegmentId},
    plan::{AddressSet, Hook, Leg, Limit, OperationMatch, Plan, PortMatch, Ranges},
};

use crate::topology::{NEVER, Step, Topology};

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

#[derive(Debug, Default)]
pub(crate) struct Specification {
    /// By gateway of the model.
    pub(crate) gateways: Vec<Vec<Requirement>>,
    pub(crate) frames: Vec<Vec<FrameRequirement>>,
    pub(crate) terms: Vec<Terms>,
}

/// Principals of a set that stand on the same segments.
struct Group {
    segments: Vec<SegmentId>,
    /// The gateway that the one member is.
    gateway: Option<GatewayId>,
    members: PrincipalSet,
}

struct Builder<'f> {
    model: &'f Model,
    topology: Topology<'f>,
    groups: FxHashMap<*const Ranges<u32>, Arc<[Group]>>,
    addresses: FxHashMap<(*const Ranges<u32>, SegmentId), Arc<AddressSet>>,
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
            ports: FxHashMap::default(),
            kept: Vec::new(),
            known_terms: FxHashMap::default(),
            specification: Self {
                gateways: vec![Vec::new(); model.gateways.len()],
                frames: vec![Vec::new(); model.gateways.len()],
                terms: Vec::new(),
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
        let (sources, destinations) = (self.groups(&leg.sources), self.groups(&leg.destinations));
        for source in sources.iter() {
            for destination in destinations.iter() {
                let mut pairs: Vec<(u32, SegmentId, SegmentId)> = Vec::new();
                for to in &destination.segments {
                    let distances = self.topology.distances(*to);
                    for from in
                        source.segments.iter().filter(|from| leg.through.is_none_or(|slice| slice == **from))
                    {
                        if distances[from.index()] != NEVER {
                            pairs.push((distances[from.index()], *from, *to));
                        }
                    }
                }
                let nearest = pairs.iter().map(|(distance, ..)| *distance).min();
                pairs.retain(|(distance, ..)| Some(*distance) == nearest);
                for (_, from, to) in pairs {
                    self.way(leg, (source, from), (destination, to), &services, terms);
                }
            }
        }
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

    /// Packets that pass a bridge inside of a segment, between those who stand, or route, behind its ports.
    fn bridged(
        &mut self,
        leg: &Leg,
        steps: &[Step],
        (source, from): (&Group, SegmentId),
        (destination, to): (&Group, SegmentId),
        known_as: &BTreeMap<SegmentId, Arc<AddressSet>>,
        (services, terms): (&Arc<[PortMatch]>, u32),
    ) {
        let model = self.model;
        let destinations = self.addresses(&destination.members, to);
        let routers = |ids: &mut dyn Iterator<Item = GatewayId>| -> Ranges<u32> {
            ids.filter_map(|gateway| model.gateway(gateway).principal).map(|id| id.0).collect()
        };
        for (segment, sources) in known_as {
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

    /// The requirements along every shortest way between two segments.
    fn way(
        &mut self,
        leg: &Leg,
        (source, from): (&Group, SegmentId),
        (destination, to): (&Group, SegmentId),
        services: &Arc<[PortMatch]>,
        terms: u32,
    ) {
        let sources = self.addresses(&source.members, from);
        let destinations = self.addresses(&destination.members, to);
        let require = |specification: &mut Specification,
                       gateway: GatewayId,
                       hook,
                       sources: &Arc<AddressSet>,
                       (from, to)| {
            specification.gateways[gateway.index()].push(Requirement {
                hook,
                sources: sources.clone(),
                destinations: destinations.clone(),
                services: services.clone(),
                terms,
                statement: leg.statement,
                from,
                to,
            });
        };
        let filters = |gateway: &GatewayId| self.model.gateway(*gateway).filters();
        if let Some(gateway) = source.gateway.filter(filters) {
            require(&mut self.specification, gateway, Hook::Output, &sources, (from, from));
        }
        // By which addresses the sources are known on each segment.
        let mut known_as: BTreeMap<SegmentId, Arc<AddressSet>> = BTreeMap::from([(from, sources)]);
        let steps = self.topology.way(from, to);
        for step in steps.iter() {
            let Some(sources) = known_as.get(&step.from).cloned() else { continue };
            let gateway = self.model.gateway(step.gateway);
            if gateway.filters() {
                require(&mut self.specification, step.gateway, Hook::Forward, &sources, (step.from, step.to));
            }
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
        if let Some(gateway) = destination.gateway.filter(filters)
            && let Some(sources) = known_as.get(&to)
        {
            require(&mut self.specification, gateway, Hook::Input, sources, (to, to));
        }
        if !self.model.bridges.is_empty() {
            self.bridged(leg, &steps, (source, from), (destination, to), &known_as, (services, terms));
        }
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
