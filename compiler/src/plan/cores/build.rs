//! From the model and the legs to what each core has to know. Cost: the subscriptions, and for each leg with a UE at an end,
//! the slices that it meets.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Subnets, Ipv6Net, Ipv6Subnets};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{
    CorePlan, FilterPlan, FlowPlan, PoolPlan, RadioPlan, SessionPlan, SlicePair, SlicePermission, SlicePlan,
    SubscriberPlan, UserPlanePlan, quality,
};
use crate::{
    flows,
    model::{
        Model,
        build::attribute_place,
        fiveg::{Capabilities, Core, Slice},
    },
    names::Universe,
    plan::{AddressSet, Leg, Ranges, Statement},
};

/// Plans every core whose settings Weir writes. Slices that cannot be planned have an error already.
pub fn build(
    universe: &Universe<'_>,
    model: &Model,
    statements: &[flows::Statement],
    legs: &[Leg],
    package: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<CorePlan> {
    let mobile = &model.mobile;
    let mut members: Vec<Vec<(u32, u32)>> = vec![Vec::new(); mobile.slices.len()];
    for subscriber in &mobile.subscribers {
        for session in &subscriber.sessions {
            members[session.slice].push((subscriber.principal, subscriber.principal));
        }
    }
    let members: Vec<Ranges<u32>> = members.into_iter().map(Ranges::from_unsorted).collect();
    let ends = ends(model, &members, legs);
    quality::check(universe, model, statements, (legs, &ends), diagnostics);
    let mut plans = Vec::new();
    for (index, core) in mobile.cores.iter().enumerate() {
        let Some(known) = core.capabilities().filter(|known| known.settings) else { continue };
        let mut planner = Planner {
            universe,
            model,
            statements,
            legs,
            ends: &ends,
            members: &members,
            index,
            core,
            known,
            prefixes: FxHashMap::default(),
            diagnostics,
        };
        plans.extend(planner.plan(package));
    }
    plans.sort_by(|a, b| a.name.cmp(&b.name));
    plans
}

/// A leg that has UEs of a slice at one of its ends.
pub(super) struct End {
    pub(super) leg: usize,
    pub(super) statement: u32,
    pub(super) slice: usize,
    /// The UEs start the connection.
    pub(super) starts: bool,
    pub(super) ues: Ranges<u32>,
}

fn ends(model: &Model, members: &[Ranges<u32>], legs: &[Leg]) -> Vec<End> {
    let all = Ranges::from_unsorted(members.iter().flat_map(Ranges::iter).collect());
    let mut ends = Vec::new();
    if all.is_empty() {
        return ends;
    }
    for (index, leg) in legs.iter().enumerate().filter(|(_, leg)| leg.ports.has_ip()) {
        for (set, starts) in [(&leg.sources, true), (&leg.destinations, false)] {
            let ues = set.intersection(&all);
            if ues.is_empty() {
                continue;
            }
            for (slice, members) in members.iter().enumerate() {
                let segment = model.mobile.slices[slice].segment;
                if starts && leg.through.is_some_and(|through| through != segment) {
                    continue;
                }
                let ues = ues.intersection(members);
                if !ues.is_empty() {
                    ends.push(End { leg: index, statement: leg.statement, slice, starts, ues });
                }
            }
        }
    }
    ends
}

pub(super) struct Planner<'p, 'd, 'a> {
    universe: &'p Universe<'a>,
    model: &'p Model,
    pub(super) statements: &'p [flows::Statement],
    legs: &'p [Leg],
    ends: &'p [End],
    members: &'p [Ranges<u32>],
    index: usize,
    core: &'p Core,
    pub(super) known: &'static Capabilities,
    /// By set of principals.
    prefixes: FxHashMap<usize, Arc<[IpNet]>>,
    pub(super) diagnostics: &'d mut Vec<Diagnostic>,
}

impl Planner<'_, '_, '_> {
    fn plan(&mut self, package: &str) -> Option<CorePlan> {
        let mobile = &self.model.mobile;
        // by name: the order of declarations says nothing
        let mut own: Vec<usize> =
            (0..mobile.slices.len()).filter(|slice| mobile.slices[*slice].core == self.index).collect();
        own.sort_by(|a, b| mobile.slices[*a].name.cmp(&mobile.slices[*b].name));
        let place: BTreeMap<usize, usize> = own.iter().enumerate().map(|(at, slice)| (*slice, at)).collect();
        let mut radios: Vec<usize> =
            (0..mobile.radios.len()).filter(|radio| mobile.radios[*radio].core == self.index).collect();
        radios.sort_by(|a, b| mobile.radios[*a].name.cmp(&mobile.radios[*b].name));
        let mut plan = CorePlan {
            package: package.to_owned(),
            name: self.core.name.clone(),
            product: self.core.product,
            version: self.core.version.clone(),
            plmn: self.core.plmn.clone(),
            functions: self.core.functions.and_then(|id| self.address_of(id)),
            radios: radios
                .iter()
                .map(|radio| &mobile.radios[*radio])
                .map(|radio| RadioPlan { name: radio.name.clone(), tac: radio.tac })
                .collect(),
            user_planes: Vec::new(),
            slices: Vec::new(),
            subscribers: Vec::new(),
            flows: Vec::new(),
            between: Vec::new(),
            statements: self.used(&place),
        };
        let ids: FxHashMap<SmolStr, u32> =
            (0..).zip(&plan.statements).map(|(at, statement)| (statement.id.clone(), at)).collect();
        for (at, slice) in own.iter().enumerate() {
            let slice = &mobile.slices[*slice];
            let user_plane = self.user_plane(slice, at, &mut plan.user_planes);
            let Some(planned) = self.slice(slice, user_plane, &radios) else {
                self.full(slice);
                return None;
            };
            plan.slices.push(planned);
        }
        let flows_of = self.flows(&place, &ids, &mut plan);
        for subscriber in mobile.subscribers.iter().filter(|one| one.core == self.index) {
            let sessions = subscriber.sessions.iter().filter_map(|session| {
                let slice = *place.get(&session.slice)?;
                let flows = flows_of.get(&(subscriber.principal, slice)).cloned().unwrap_or_default();
                Some(SessionPlan { slice, v4: session.v4, v6: session.v6, flows })
            });
            plan.subscribers.push(SubscriberPlan {
                device: self.model.principal(subscriber.principal).name.clone(),
                supi: subscriber.supi.clone(),
                key: subscriber.key.clone(),
                // as the device lists its slices: the first is the default
                sessions: sessions.collect(),
            });
        }
        plan.subscribers.sort_by(|a, b| a.supi.cmp(&b.supi));
        self.counts(&plan);
        self.between(&place, &ids, &mut plan);
        Some(plan)
    }

    /// The statements that meet a slice of this core.
    fn used(&self, place: &BTreeMap<usize, usize>) -> Vec<Statement> {
        let met = self.ends.iter().filter(|end| place.contains_key(&end.slice));
        let numbers: BTreeSet<u32> = met.map(|end| self.legs[end.leg].statement).collect();
        let statement = |number: u32| {
            let found = &self.statements[number as usize];
            Statement { id: found.id.clone(), policy: found.policy.clone() }
        };
        let mut used: Vec<Statement> = numbers.into_iter().map(statement).collect();
        used.sort();
        used
    }

    fn address_of(&self, principal: u32) -> Option<Ipv4Addr> {
        let attachments = &self.model.principal(principal).attachments;
        attachments.iter().find_map(|at| at.addresses.v4.iter().next()).map(|(first, _)| first.into())
    }

    fn user_plane(&self, slice: &Slice, at: usize, planes: &mut Vec<UserPlanePlan>) -> usize {
        let gateway = self.model.gateway(slice.user_plane);
        if let Some(known) = planes.iter().position(|plane| plane.name == gateway.name) {
            planes[known].slices.push(at);
            return known;
        }
        planes.push(UserPlanePlan {
            name: gateway.name.clone(),
            filters: gateway.filters(),
            slices: vec![at],
        });
        planes.len() - 1
    }

    fn slice(&self, slice: &Slice, user_plane: usize, radios: &[usize]) -> Option<SlicePlan> {
        let mobile = &self.model.mobile;
        let segment = self.model.segment(slice.segment);
        let gateway = self.model.gateway(slice.user_plane);
        let interface = gateway.interfaces.iter().find(|one| one.segment == slice.segment)?;
        let pool = |net: &IpNet| {
            let declared = match net {
                IpNet::V4(_) => {
                    interface.addresses.v4.iter().next().map(|(first, _)| Ipv4Addr::from(first).into())
                }
                IpNet::V6(_) => {
                    interface.addresses.v6.iter().next().map(|(first, _)| Ipv6Addr::from(first).into())
                }
            };
            Some(PoolPlan { net: net.trunc(), gateway: declared.or_else(|| self.free_address(net, slice))? })
        };
        let mut pools: Vec<PoolPlan> = segment.prefixes.iter().map(pool).collect::<Option<_>>()?;
        pools.sort_by_key(|pool| pool.gateway);
        let own = pools.first()?.gateway;
        let session_management = slice.session_management.and_then(|id| {
            let joined = |segment| {
                let here = gateway.interfaces.iter().filter(|one| one.segment == segment);
                here.flat_map(|one| one.addresses.v4.iter()).map(|(first, _)| Ipv4Addr::from(first)).next()
            };
            self.model.principal(id).attachments.iter().find_map(|at| {
                let (first, _) = at.addresses.v4.iter().next()?;
                Some((Ipv4Addr::from(first), joined(at.segment)?))
            })
        });
        let mut exclusive_with: Vec<String> =
            slice.exclusive_with.iter().map(|other| mobile.slices[*other].name.clone()).collect();
        exclusive_with.sort_unstable();
        Some(SlicePlan {
            name: slice.name.clone(),
            snssai: slice.snssai,
            dnn: slice.dnn.clone(),
            pools,
            device: interface.device.to_string(),
            radios: slice
                .area
                .iter()
                .filter_map(|radio| radios.iter().position(|own| own == radio))
                .collect(),
            user_plane,
            dedicated: slice.dedicated,
            exclusive_with,
            max_ues: slice.max_ues,
            quality: slice.quality,
            security: slice.security,
            session_management,
            dns: slice.dns.unwrap_or(own),
            statements: Vec::new(),
            permissions: Vec::new(),
        })
    }

    /// A pool without an address for the user plane.
    fn full(&mut self, slice: &Slice) {
        let pools = self.model.segment(slice.segment).prefixes.iter();
        let Some(pool) = pools.copied().find(|net| self.free_address(net, slice).is_none()) else { return };
        let (file, span) = attribute_place(self.universe, slice.entity, "pool");
        self.diagnostics.push(
            Diagnostic::new(
                &codes::E0719,
                format!("every address of {pool} is a UE's, and the user plane needs one"),
            )
            .primary(file, span, "full")
            .help("give the slice a larger pool"),
        );
    }

    /// The first host of a pool that is no UE; of IPv6, in the first /64 that no UE has.
    fn free_address(&self, pool: &IpNet, slice: &Slice) -> Option<IpAddr> {
        let mobile = &self.model.mobile;
        let sessions = mobile.subscribers.iter().flat_map(|subscriber| &subscriber.sessions);
        let sessions = sessions.filter(|session| mobile.slices[session.slice].entity == slice.entity);
        match pool {
            IpNet::V4(pool) => {
                let taken: BTreeSet<Ipv4Addr> = sessions.filter_map(|session| session.v4).collect();
                pool.hosts().find(|host| !taken.contains(host)).map(IpAddr::V4)
            }
            IpNet::V6(pool) => {
                let taken: BTreeSet<Ipv6Net> = sessions.filter_map(|session| session.v6).collect();
                let free = pool.subnets(64).ok()?.find(|net| !taken.contains(net))?;
                Some(Ipv6Addr::from(u128::from(free.network()) + 1).into())
            }
        }
    }

    /// The other end's addresses as prefixes.
    fn prefixes_of(&mut self, set: &crate::model::PrincipalSet) -> Arc<[IpNet]> {
        let model = self.model;
        let made = self.prefixes.entry(Arc::as_ptr(set) as usize).or_insert_with(|| {
            let attachments = set.members().flat_map(|id| &model.principal(id).attachments);
            prefixes(&AddressSet::union_of(attachments.map(|at| &*at.addresses))).into()
        });
        made.clone()
    }

    /// Permissions of each slice, flows with a quality of their own, and who has them.
    fn flows(
        &mut self,
        place: &BTreeMap<usize, usize>,
        ids: &FxHashMap<SmolStr, u32>,
        plan: &mut CorePlan,
    ) -> BTreeMap<(u32, usize), Vec<usize>> {
        let mut by_key: BTreeMap<(u32, usize), usize> = BTreeMap::new();
        let mut flows_of: BTreeMap<(u32, usize), Vec<usize>> = BTreeMap::new();
        let mut refused: BTreeSet<u32> = BTreeSet::new();
        for end in self.ends {
            let Some(at) = place.get(&end.slice).copied() else { continue };
            let leg = &self.legs[end.leg];
            let statement = &self.statements[leg.statement as usize];
            let Some(id) = ids.get(&statement.id).copied() else { continue };
            plan.slices[at].statements.push(id);
            let far = self.prefixes_of(if end.starts { &leg.destinations } else { &leg.sources });
            let ports = leg.ports.port_matches();
            let flow = statement.conditions.quality.as_ref().map(|quality| {
                let slice = &plan.slices[at];
                let known = by_key.entry((id, at)).or_insert_with(|| {
                    plan.flows.push(quality::flow(quality, slice, id, at));
                    plan.flows.len() - 1
                });
                *known
            });
            if let Some(flow) = flow {
                let slice = &plan.slices[at];
                let reaches = |net: &&IpNet| {
                    slice.pools.iter().any(|pool| pool.net.addr().is_ipv4() == net.addr().is_ipv4())
                };
                let far: Vec<IpNet> = far.iter().filter(reaches).copied().collect();
                let filters = &mut plan.flows[flow].filters;
                for port in &ports {
                    let filter = |remote: &IpNet| FilterPlan {
                        remote: *remote,
                        transport: port.transport,
                        remote_serves: end.starts,
                        ports: (port.first, port.last),
                    };
                    filters.extend(far.iter().map(filter));
                }
                filters.sort_unstable();
                filters.dedup();
                for ue in end.ues.members() {
                    flows_of.entry((ue, at)).or_default().push(flow);
                }
            }
            if self.known.flows_are_filters
                && self.filterable((leg.statement, end.starts), &far, &ports, &mut refused)
            {
                plan.slices[at].permissions.extend(ports.iter().map(|port| SlicePermission {
                    statement: id,
                    started_by_ue: end.starts,
                    endpoints: far.to_vec(),
                    transport: port.transport,
                    ports: (port.first, port.last),
                    flow,
                }));
            }
        }
        for flows in flows_of.values_mut() {
            flows.sort_unstable();
            flows.dedup();
        }
        for slice in &mut plan.slices {
            slice.statements.sort_unstable();
            slice.statements.dedup();
            let key = |one: &SlicePermission| {
                (one.statement, one.started_by_ue, one.endpoints.clone(), one.transport, one.ports)
            };
            slice.permissions.sort_by_cached_key(key);
            slice.permissions.dedup();
        }
        flows_of
    }

    /// What policy permits from slice to slice.
    fn between(&self, place: &BTreeMap<usize, usize>, ids: &FxHashMap<SmolStr, u32>, plan: &mut CorePlan) {
        let mut pairs: BTreeMap<(usize, usize), BTreeSet<u32>> = BTreeMap::new();
        for end in self.ends.iter().filter(|end| end.starts) {
            let leg = &self.legs[end.leg];
            let Some(from) = place.get(&end.slice).copied() else { continue };
            let Some(id) = ids.get(&self.statements[leg.statement as usize].id).copied() else { continue };
            for (slice, to) in place {
                if !leg.destinations.intersection(&self.members[*slice]).is_empty() {
                    pairs.entry((from, *to)).or_default().insert(id);
                }
            }
        }
        plan.between = pairs
            .into_iter()
            .map(|((from, to), statements)| SlicePair {
                from,
                to,
                statements: statements.into_iter().collect(),
            })
            .collect();
    }
}

/// The prefixes of a set: disjoint, and no two of them make up a larger one.
fn prefixes(set: &AddressSet) -> Vec<IpNet> {
    let v4 = set.v4.iter().flat_map(|(first, last)| {
        Ipv4Subnets::new(Ipv4Addr::from(first), Ipv4Addr::from(last), 0).map(IpNet::V4)
    });
    let v6 = set.v6.iter().flat_map(|(first, last)| {
        Ipv6Subnets::new(Ipv6Addr::from(first), Ipv6Addr::from(last), 0).map(IpNet::V6)
    });
    v4.chain(v6).collect()
}

impl CorePlan {
    /// What policy says of a slice's UEs.
    pub fn statements_of(&self, slice: usize) -> impl Iterator<Item = &Statement> {
        let ids = self.slices.get(slice).into_iter().flat_map(|slice| &slice.statements);
        ids.filter_map(|id| self.statements.get(*id as usize))
    }

    /// Flows by their slice, as their statements' ids.
    pub fn statement_of(&self, flow: &FlowPlan) -> &str {
        self.statements.get(flow.statement as usize).map_or("", |statement| statement.id.as_str())
    }
}
