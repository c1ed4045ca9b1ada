//! Gateways that take connections on their way to somebody behind them, for a proxy of their own.
//!
//! Packet filters before such a gateway see its clients connect to the destination; at the gateway the same connections
//! come in and are no more forwarded, and from there on the proxy connects in its own name, which is a leg like others.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{
    Action, AddressSet, Hook, PlanRule, PortMatch, Redirect,
    build::{Draft, Planner, SeenAs, Station},
    clusters::Way,
    legs::Leg,
    proxies::{ProxyKind, ProxyPlan},
    routes::Route,
};
use crate::{
    flows::{Statement, some_names},
    model::{GatewayId, SegmentId},
};

/// Connections that a gateway takes.
pub(super) struct Taken {
    /// Counts in the package.
    statement: u32,
    sources: Arc<AddressSet>,
    destinations: Arc<AddressSet>,
    ports: Arc<[PortMatch]>,
}

/// The sources' place, and the destinations' with their addresses there.
type Ends<'e> = ((&'e Station, SegmentId), (&'e Station, (SegmentId, &'e Arc<AddressSet>)));

impl Planner<'_, '_> {
    /// The way of a leg to the gateway that takes its connections.
    #[allow(clippy::too_many_arguments, reason = "one leg's facts")]
    pub(super) fn taken(
        &mut self,
        gateway: GatewayId,
        leg: &Leg,
        statement: &Statement,
        ((source, from), (destination, (to, destinations))): Ends<'_>,
        route: &Route,
        seen_as: &mut SeenAs,
        ports: &Arc<[PortMatch]>,
        action: &Action,
    ) {
        // all shortest paths cross the gateway, and so all do after as many others
        let Some(rank) = route.hops.iter().find(|hop| hop.gateway == gateway).map(|hop| hop.rank) else {
            return self.not_taken(statement, gateway, source, destination);
        };
        if !route.all_cross(gateway) {
            return self.not_taken(statement, gateway, source, destination);
        }
        let mut before = route.clone();
        before.hops.retain(|hop| hop.rank <= rank);
        if let Some(start) = source.gateway
            && self.model.gateway(start).filters()
            && let Some((sources, _)) = seen_as.on(from)
        {
            self.rule(start, leg, Hook::Output, sources, destinations.clone(), ports, action);
            self.arrives(start, from, to, destinations);
        }
        for hop in before.hops.iter().filter(|hop| hop.rank < rank) {
            self.hop(leg, statement, *hop, seen_as, (to, destinations), ports, action);
        }
        let mut entries: Vec<SegmentId> =
            before.hops.iter().filter(|hop| hop.rank == rank).map(|hop| hop.from).collect();
        entries.dedup();
        for entry in &entries {
            let Some((sources, home)) = seen_as.on(*entry) else { continue };
            self.arrives(gateway, *entry, home, &sources);
            self.has_an_address(statement, gateway, *entry, (&sources, destinations));
            self.rule(gateway, leg, Hook::Input, sources.clone(), destinations.clone(), ports, action);
            let (statement, destinations, ports) = (leg.statement, destinations.clone(), ports.clone());
            self.drafts[gateway.index()].taken.push(Taken { statement, sources, destinations, ports });
        }
        if let Some((known, _)) = entries.first().and_then(|entry| seen_as.on(*entry)) {
            let way = Way { from, to, route: &before, seen_as: known, destinations };
            self.pods(leg, statement, (source, destination), &way, ports);
        }
        self.bridged(leg, &before, (source, from), (destination, to), seen_as, ports, action);
        self.check_conduit_gateways(statement, route, (source, from), (destination, to));
    }

    fn not_taken(
        &mut self,
        statement: &Statement,
        gateway: GatewayId,
        source: &Station,
        destination: &Station,
    ) {
        let of = |station: &Station| some_names(self.model, station.members.members());
        let (from, to) = (of(source), of(destination));
        let name = &self.model.gateway(gateway).name;
        let diagnostic = Diagnostic::new(
            &codes::E0609,
            format!("`{name}` does not stand on every path between {from} and {to}"),
        )
        .primary(statement.file, statement.span, "their connections would pass it by")
        .help(
            "lead the flow through a gateway that is not `transparent`, or put this one between the networks",
        );
        self.diagnostics.push(diagnostic);
    }

    /// What is taken goes to the address of the interface that it came by.
    fn has_an_address(
        &mut self,
        statement: &Statement,
        gateway: GatewayId,
        entry: SegmentId,
        (sources, destinations): (&AddressSet, &AddressSet),
    ) {
        let v4 = !sources.v4.is_empty() && !destinations.v4.is_empty();
        let v6 = !sources.v6.is_empty() && !destinations.v6.is_empty();
        let gateway = self.model.gateway(gateway);
        let interfaces = || gateway.interfaces.iter().filter(|interface| interface.segment == entry);
        let lacks = [
            ("IPv4", v4 && interfaces().any(|one| one.addresses.v4.is_empty())),
            ("IPv6", v6 && interfaces().any(|one| one.addresses.v6.is_empty())),
        ];
        let Some((family, _)) = lacks.into_iter().find(|(_, lacks)| *lacks) else { return };
        let (name, network) = (&gateway.name, &self.model.segment(entry).name);
        let diagnostic = Diagnostic::new(
            &codes::E0609,
            format!("`{name}` has no {family} address on `{network}` to take connections at"),
        )
        .primary(statement.file, statement.source_span, format!("connects to an {family} address"))
        .help(format!("give its interface there an {family} address"));
        self.diagnostics.push(diagnostic);
    }

    /// What a gateway takes, it does not forward: nobody may have both.
    pub(super) fn past_those_that_take(&mut self) {
        for (index, draft) in self.drafts.iter().enumerate().filter(|(_, draft)| !draft.taken.is_empty()) {
            let all = AddressSet::union_of(draft.taken.iter().map(|taken| &*taken.destinations));
            let mut said: BTreeSet<(u32, u32)> = BTreeSet::new();
            for rule in draft.rules.iter().filter(|rule| rule.hook == Hook::Forward) {
                if rule.destinations.intersection(&all).is_empty() {
                    continue;
                }
                for taken in &draft.taken {
                    let Some(who) = taken.meets(rule) else { continue };
                    if !said.insert((rule.statement, taken.statement)) {
                        continue;
                    }
                    let name = &self.model.gateways[index].name;
                    let statement = |index: u32| &self.statements[index as usize];
                    let (past, through) = (statement(rule.statement), statement(taken.statement));
                    self.diagnostics.push(
                        Diagnostic::new(
                            &codes::E0609,
                            format!("`{name}` takes connections of {who} that this rule has it forward"),
                        )
                        .primary(past.file, past.span, "permits the same port, past its proxy")
                        .secondary(through.file, through.span, "here its proxy has to see them")
                        .help(format!(
                            "lead both through it (`via = {name}`), or permit the port in one of them only"
                        )),
                    );
                }
            }
        }
    }
}

impl Taken {
    /// A source of connections that a rule covers, and that are taken.
    fn meets(&self, rule: &PlanRule) -> Option<IpAddr> {
        let mut ports = rule.services.iter().flat_map(|one| self.ports.iter().map(move |two| (one, two)));
        let shared = |(one, two): (&PortMatch, &PortMatch)| {
            one.transport == two.transport && one.first <= two.last && two.first <= one.last
        };
        if !ports.any(shared) || rule.destinations.intersection(&self.destinations).is_empty() {
            return None;
        }
        rule.sources.intersection(&self.sources).first()
    }
}

/// What a gateway takes, with the ports at which its proxy waits for it.
pub(super) fn redirects(
    draft: &mut Draft,
    gateway: &str,
    proxies: &[ProxyPlan],
    number_of: impl Fn(u32) -> u32,
) -> Vec<Redirect> {
    let proxy = proxies.iter().find(|proxy| proxy.kind == ProxyKind::Modbus && proxy.name == gateway);
    let listeners = proxy.map_or(&[][..], |proxy| &proxy.listeners);
    let ports: BTreeMap<SocketAddr, u16> =
        listeners.iter().filter_map(|listener| Some((listener.takes?, listener.port))).collect();
    let mut by_place: BTreeMap<SocketAddr, (Vec<u32>, Vec<Arc<AddressSet>>)> = BTreeMap::new();
    for taken in std::mem::take(&mut draft.taken) {
        let covers = |place: &SocketAddr| {
            let on = |port: &PortMatch| port.first <= place.port() && place.port() <= port.last;
            taken.destinations.contains(place.ip()) && taken.ports.iter().any(on)
        };
        for place in ports.keys().filter(|place| covers(place)) {
            let (statements, sources) = by_place.entry(*place).or_default();
            statements.push(number_of(taken.statement));
            sources.push(taken.sources.clone());
        }
    }
    let redirect = |(place, (mut statements, sources)): (SocketAddr, (Vec<u32>, Vec<Arc<AddressSet>>))| {
        statements.sort_unstable();
        statements.dedup();
        let all = AddressSet::union_of(sources.iter().map(|set| &**set));
        let sources = match place.ip() {
            IpAddr::V4(_) => AddressSet { v4: all.v4, ..AddressSet::default() },
            IpAddr::V6(_) => AddressSet { v6: all.v6, ..AddressSet::default() },
        };
        let to = ports.get(&place).copied()?;
        Some(Redirect { statements, sources, destination: place.ip(), port: place.port(), to })
    };
    by_place.into_iter().filter_map(redirect).collect()
}
