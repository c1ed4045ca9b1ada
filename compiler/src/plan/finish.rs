//! From drafts to plans: statements numbered per gateway, bindings by interface, MAC addresses.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use rustc_hash::FxHashSet;

use super::{
    AddressSet, Binding, GatewayPlan, InterfacePlan, MacBinding, Plan, ProxyPlan, StatementOrigin,
    build::{Arrival, BridgeDraft, Draft, Planner},
    transparent,
};
use crate::{
    flows::Statement,
    model::{GatewayId, Model, SegmentKind},
};

impl Planner<'_, '_> {
    pub(super) fn finish(mut self, (package, version): (&str, &str), proxies: Vec<ProxyPlan>) -> Plan {
        let mut used = vec![false; self.statements.len()];
        let mut gateways: Vec<GatewayPlan> = Vec::new();
        let with_mac: Vec<u32> =
            self.model.principals_where(|principal| principal.mac.is_some()).members().collect();
        let mut bridges: BTreeMap<GatewayId, Vec<(usize, BridgeDraft)>> = BTreeMap::new();
        for (index, draft) in std::mem::take(&mut self.bridge_drafts).into_iter().enumerate() {
            bridges.entry(self.model.bridges[index].gateway).or_default().push((index, draft));
        }
        let ranks = ranks(self.statements);
        for (index, draft) in std::mem::take(&mut self.drafts).into_iter().enumerate() {
            let gateway = &self.model.gateways[index];
            if gateway.filters() {
                gateways.push(gateway_plan(
                    self.model,
                    (self.statements, &ranks),
                    index,
                    (draft, bridges.remove(&GatewayId(index as u32)).unwrap_or_default()),
                    package,
                    &with_mac,
                    &proxies,
                    &mut used,
                ));
            }
        }
        gateways.sort_by(|a, b| a.name.cmp(&b.name));
        let at_proxies: FxHashSet<&str> =
            proxies.iter().flat_map(|proxy| &proxy.statements).map(|one| one.id.as_str()).collect();
        let (clusters, names) = self.cluster_plans(package, &mut used);
        let mut statements: Vec<StatementOrigin> = self
            .statements
            .iter()
            .zip(&used)
            .filter(|(statement, used)| **used || at_proxies.contains(statement.id.as_str()))
            .map(|(statement, _)| StatementOrigin {
                id: statement.id.clone(),
                policy: statement.policy.clone(),
                file: statement.file,
                span: statement.span,
                text: statement.text.clone(),
                documentation: statement.documentation.clone(),
            })
            .chain(names)
            .collect();
        statements.sort_by(|a, b| a.id.cmp(&b.id));
        Plan {
            package: package.into(),
            version: version.into(),
            gateways,
            proxies,
            clusters,
            cores: Vec::new(),
            gaps: Vec::new(),
            taken_for_granted: Vec::new(),
            statements,
            legs: Vec::new(),
        }
    }
}

/// The place of each statement in the order of ids.
fn ranks(statements: &[Statement]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..statements.len() as u32).collect();
    order.sort_unstable_by(|a, b| statements[*a as usize].id.cmp(&statements[*b as usize].id));
    let mut ranks = vec![0; statements.len()];
    for (rank, statement) in (0..).zip(order) {
        ranks[statement as usize] = rank;
    }
    ranks
}

fn gateway_plan(
    model: &Model,
    (statements, ranks): (&[Statement], &[u32]),
    index: usize,
    (mut draft, bridges): (Draft, Vec<(usize, BridgeDraft)>),
    package: &str,
    with_mac: &[u32],
    proxies: &[ProxyPlan],
    used: &mut [bool],
) -> GatewayPlan {
    let gateway = &model.gateways[index];
    let mut ids: Vec<u32> = draft.rules.iter().map(|rule| rule.statement).collect();
    let frames = bridges.iter().flat_map(|(_, bridge)| &bridge.frames);
    ids.extend(frames.map(|rule| rule.statement));
    ids.dedup();
    ids.sort_unstable_by_key(|id| ranks[*id as usize]);
    ids.dedup();
    for id in &ids {
        used[*id as usize] = true;
    }
    let number_of = |statement: u32| {
        let found = ids.binary_search_by_key(&ranks[statement as usize], |id| ranks[*id as usize]);
        found.unwrap_or_default() as u32 // each rule's statement is among them
    };
    for rule in &mut draft.rules {
        rule.statement = number_of(rule.statement);
    }
    let redirects = transparent::redirects(&mut draft, &gateway.name, proxies, number_of);
    let interfaces = gateway.interfaces.iter().map(|interface| InterfacePlan {
        name: interface.name.to_string(),
        device: interface.device.to_string(),
        addresses: interface.addresses.clone(),
    });
    let mut bindings: BTreeMap<String, Vec<AddressSet>> = BTreeMap::new();
    for interface in &gateway.interfaces {
        // whoever stands on the segment itself, next hops with their neighbour advertisements among them
        draft.arrivals.entry(interface.segment).or_default().push(Arrival::Segment(interface.segment));
    }
    for (bridge, _) in &bridges {
        let segment = model.bridges[*bridge].segment;
        draft.arrivals.entry(segment).or_default().push(Arrival::Segment(segment));
    }
    for (segment, mut arrivals) in std::mem::take(&mut draft.arrivals) {
        arrivals.sort_unstable();
        arrivals.dedup();
        let set = AddressSet::union_of(arrivals.iter().map(|arrival| match arrival {
            Arrival::Segment(segment) => &model.segment(*segment).addresses,
            Arrival::Addresses(addresses) => addresses,
        }));
        for interface in gateway.interfaces.iter().filter(|interface| interface.segment == segment) {
            bindings.entry(interface.device.to_string()).or_default().push(set.clone());
        }
        // bridged packets arrive by the bridge, whether it has an address of its own or not
        for bridge in bridges.iter().map(|(bridge, _)| &model.bridges[*bridge]) {
            if bridge.segment == segment {
                bindings.entry(bridge.device.to_string()).or_default().push(set.clone());
            }
        }
    }
    let bindings = bindings
        .into_iter()
        .map(|(device, sets)| Binding { device, sources: AddressSet::union_of(&sets) })
        .collect();
    GatewayPlan {
        package: package.into(),
        name: gateway.name.clone(),
        interfaces: interfaces.collect(),
        statements: ids
            .iter()
            .map(|id| {
                let statement = &statements[*id as usize];
                // a limit is one flow's: its budget is not shared with the policy's other flows
                let counted_as =
                    if statement.conditions.limit.is_some() { &statement.id } else { &statement.policy };
                super::Statement { id: statement.id.clone(), policy: counted_as.clone() }
            })
            .collect(),
        rules: draft.rules,
        bindings,
        mac_bindings: mac_bindings(model, index, with_mac),
        redirects,
        bridges: bridges
            .into_iter()
            .map(|(bridge, draft)| Planner::bridge_plan(model, bridge, draft, number_of))
            .collect(),
    }
}

/// Stations with a MAC address on the networks of a gateway.
fn mac_bindings(model: &Model, index: usize, with_mac: &[u32]) -> Vec<MacBinding> {
    let gateway = &model.gateways[index];
    let mut bindings = Vec::new();
    let own = gateway.interfaces.iter().map(|interface| (&interface.device, interface.segment));
    let bridges = model.bridges.iter().filter(|bridge| bridge.gateway.index() == index);
    let places: BTreeSet<_> = own.chain(bridges.map(|bridge| (&bridge.device, bridge.segment))).collect();
    for (device, segment) in places {
        if model.segment(segment).kind != SegmentKind::Network {
            continue;
        }
        for principal in with_mac.iter().map(|id| model.principal(*id)) {
            let Some(mac) = principal.mac else { continue };
            for attachment in principal.attachments.iter().filter(|attachment| attachment.segment == segment)
            {
                bindings.extend(single(&attachment.addresses).map(|address| MacBinding {
                    device: device.to_string(),
                    mac,
                    address,
                }));
            }
        }
    }
    bindings.sort_unstable();
    bindings
}

/// The addresses that stand alone, as a station's own do.
pub(super) fn single(addresses: &AddressSet) -> impl Iterator<Item = IpAddr> + '_ {
    let v4 = addresses.v4.iter().filter(|(first, last)| first == last);
    let v6 = addresses.v6.iter().filter(|(first, last)| first == last);
    v4.map(|(address, _)| Ipv4Addr::from_bits(address).into())
        .chain(v6.map(|(address, _)| Ipv6Addr::from_bits(address).into()))
}
