//! What cannot be planned, and why: the planner's diagnostics.

use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{
    AddressSet,
    build::{Planner, Station},
    routes::Route,
};
use crate::{
    flows::{Statement, some_names},
    model::{GatewayId, SegmentId},
};

impl Planner<'_, '_> {
    pub(super) fn no_path(&mut self, statement: &Statement, source: &Station, destination: &Station) {
        let of = |station: &Station| some_names(self.model, station.members.members());
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

    pub(super) fn no_common_family(
        &mut self,
        statement: &Statement,
        source: &Station,
        destination: &Station,
        from: &AddressSet,
        to: &AddressSet,
    ) {
        let of = |station: &Station| some_names(self.model, station.members.members());
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

    pub(super) fn unguarded(&mut self, statement: &Statement, source: &Station, destination: &Station) {
        let of = |station: &Station| some_names(self.model, station.members.members());
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

    pub(super) fn unread(&mut self, statement: &Statement, source: &Station, destination: &Station) {
        let of = |station: &Station| some_names(self.model, station.members.members());
        let ends = format!("{} reaches {} on a way without a packet filter", of(source), of(destination));
        let diagnostic = Diagnostic::new(
            &codes::E0601,
            "no enforcement point on the path can tell this operation from others",
        )
        .primary(statement.file, statement.service_span, ends)
        .help("put a gateway that `enforces = nftables` between them, or permit the whole protocol");
        self.diagnostics.push(diagnostic);
    }

    pub(super) fn unlimited(&mut self, statement: &Statement, source: &Station, destination: &Station) {
        let of = |station: &Station| some_names(self.model, station.members.members());
        let ends =
            format!("{} reaches {} without a packet filter or proxy in between", of(source), of(destination));
        self.diagnostics.push(
            Diagnostic::new(&codes::E0601, "no enforcement point on the path can hold the `limit`")
                .primary(statement.file, statement.span, ends)
                .help("put a gateway between them, permit that pair by a rule of its own without `limit`, or drop the `limit`"),
        );
    }

    pub(super) fn isolated(&mut self, statement: &Statement, segment: SegmentId) {
        let segment = self.model.segment(segment);
        let (file, span) = self.universe.name_span(segment.entity);
        self.diagnostics.push(
            Diagnostic::new(&codes::E0503, format!("stations of `{}` do not reach each other", segment.name))
                .primary(statement.file, statement.span, "both ends stand on it")
                .secondary(file, span, "declared `isolated`")
                .help("drop the flow, or put one end behind a gateway"),
        );
    }

    pub(super) fn hidden(&mut self, statement: &Statement, gateway: GatewayId) {
        let gateway = self.model.gateway(gateway);
        let (file, span) = self.universe.name_span(gateway.entity);
        self.diagnostics.push(
            Diagnostic::new(&codes::E0504, format!("`{}` hides the source of this flow", gateway.name))
                .primary(statement.file, statement.source_span, "not told apart from others behind the same address")
                .secondary(file, span, "masquerades on the path, without a filter that knew the source before")
                .help("let it enforce with nftables, route without masquerading (`egress = routed`), or go through a proxy"),
        );
    }

    pub(super) fn not_through(&mut self, statement: &Statement, gateway: GatewayId) {
        let name = &self.model.gateway(gateway).name;
        let diagnostic = Diagnostic::new(&codes::E0503, format!("this flow does not run through `{name}`"))
            .primary(statement.file, statement.span, "a shortest path goes another way")
            .help("change the topology, or the `via`");
        self.diagnostics.push(diagnostic);
    }

    /// Gateways that a conduit names have to be crossed.
    pub(super) fn check_conduit_gateways(
        &mut self,
        statement: &Statement,
        route: &Route,
        (source, from_segment): (&Station, SegmentId),
        (destination, to_segment): (&Station, SegmentId),
    ) {
        if self.conduits.is_empty() {
            return;
        }
        let zone = |station: &Station| {
            let (first, _) = station.members.iter().next()?;
            self.model.principal(first).zones.first().map(|zone| self.model.zone(*zone).entity)
        };
        let (Some(from), Some(to)) = (zone(source), zone(destination)) else { return };
        for conduit in &self.conduits {
            if conduit.ends != [from, to] && conduit.ends != [to, from] {
                continue;
            }
            let ends = ((source, from_segment), (destination, to_segment));
            let missed = |gateway: &&GatewayId| !self.runs_through(route, **gateway, ends.0, ends.1);
            let missed: Vec<&GatewayId> = conduit.through.iter().filter(missed).collect();
            for gateway in missed {
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

    /// Default deny covers a gateway's own services: without a rule, nobody can manage it.
    pub(super) fn lock_outs(&mut self) {
        let open = self.diagnostics.iter().any(|diagnostic| diagnostic.code == &codes::E0505); // says the same of a flow
        for (index, gateway) in self.model.gateways.iter().enumerate() {
            // a bridge without an address of its own is managed by other ways
            let reachable = !gateway.interfaces.is_empty();
            if gateway.filters() && reachable && !self.drafts[index].has_input {
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
}
