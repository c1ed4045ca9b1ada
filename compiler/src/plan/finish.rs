//! From drafts to plans: statements numbered per gateway, bindings by interface, MAC addresses.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    AddressSet, Binding, GatewayPlan, InterfacePlan, MacBinding, Plan, PlanRule, ProxyPlan, StatementOrigin,
    build::{Arrival, Draft, Planner},
};
use crate::{
    flows::Statement,
    model::{Model, SegmentKind},
};

impl Planner<'_, '_> {
    pub(super) fn finish(self, (package, version): (&str, &str), proxies: Vec<ProxyPlan>) -> Plan {
        let mut used = vec![false; self.statements.len()];
        let mut gateways: Vec<GatewayPlan> = Vec::new();
        let with_mac: Vec<u32> =
            self.model.principals_where(|principal| principal.mac.is_some()).members().collect();
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
        let at_proxies: FxHashSet<&str> =
            proxies.iter().flat_map(|proxy| &proxy.statements).map(|one| one.id.as_str()).collect();
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
            .collect();
        statements.sort_by(|a, b| a.id.cmp(&b.id));
        Plan {
            package: package.into(),
            version: version.into(),
            gateways,
            proxies,
            statements,
            legs: Vec::new(),
        }
    }
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
    for interface in &gateway.interfaces {
        // whoever stands on the segment itself, next hops with their neighbour advertisements among them
        draft.arrivals.entry(interface.segment).or_default().push(Arrival::Segment(interface.segment));
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
