//! What passes bridges: frames of layer-2 protocols, and IP packets between stations of one segment.

use std::{collections::BTreeSet, sync::Arc};

use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{
    Action, AddressSet, BridgePlan, BridgePort, FrameRule, Hook, PortMac, PortMatch, Ranges,
    build::{BridgeDraft, Planner, SeenAs, Station},
    legs::Leg,
    routes::Route,
};
use crate::{
    flows::{Rectangle, Statement, some_names},
    model::{Bridge, Crossing, GatewayId, Model, PrincipalSet, SegmentId, SegmentKind},
};

/// No frames of a layer-2 protocol: a length (below 0x0600), IP and ARP, which other rules decide on, and tags, which
/// hide what is inside.
const NOT_FRAMES: [(u16, u16); 7] = [
    (0, 0x05ff),
    (0x0800, 0x0800),
    (0x0806, 0x0806),
    (0x8100, 0x8100),
    (0x86dd, 0x86dd),
    (0x88a8, 0x88a8),
    (0x9100, 0x9100),
];

/// The frames of a layer-2 protocol that a rectangle asks for, by what stands behind the ethertype; all, where the inner
/// option is empty. Nothing, where it is no such protocol, or frames do not tell the operations apart.
pub(super) fn frame_ids(model: &Model, rectangle: &Rectangle) -> Option<Option<Ranges<u16>>> {
    let protocol = model.protocols.get(rectangle.protocol?);
    if !protocol.is_layer_2() {
        return None;
    }
    let Some(demand) = &rectangle.demand else { return Some(None) };
    let mut ids = Vec::new();
    for used in demand.only.as_ref().filter(|_| demand.except.is_empty())? {
        if used.arguments.is_empty() {
            // the one thing that it can do is all of it
            return (protocol.operations.len() == 1).then_some(None);
        }
        for argument in &used.arguments {
            let (first, last) = argument.range.filter(|_| argument.value.is_none())?;
            ids.push((u16::try_from(first).ok()?, u16::try_from(last).ok()?));
        }
    }
    Some(Some(Ranges::from_unsorted(ids)))
}

impl Planner<'_, '_> {
    /// A layer-2 protocol stays on its segment. Bridges inside of it hold the flow where all of it passes them.
    pub(super) fn layer_2(&mut self, leg: &Leg, statement: &Statement) {
        let other = |first: u16, last: u16| NOT_FRAMES.iter().any(|(a, b)| first <= *b && *a <= last);
        if leg.ports.ethertypes.iter().any(|(first, last)| other(first, last)) {
            self.diagnostics.push(
                Diagnostic::new(&codes::E0303, "this ethertype belongs to no layer-2 protocol")
                    .primary(statement.file, statement.service_span, "IP, ARP, a tag, or a length")
                    .help("permit IP by its ports (`tcp/502`, `icmp`); ARP goes with it"),
            );
            return;
        }
        let from = self.stations(&leg.sources);
        let to = self.stations(&leg.destinations);
        for source in from.iter() {
            for destination in to.iter() {
                let mut common = source
                    .segments
                    .iter()
                    // pods of a cluster share a range of addresses, and no wire
                    .filter(|segment| self.model.segment(**segment).kind != SegmentKind::Pods)
                    .filter(|segment| destination.segments.contains(segment))
                    .peekable();
                if common.peek().is_none() {
                    self.crosses_no_gateway(statement, source, destination);
                    return;
                }
                for segment in common {
                    self.frames(leg, statement, *segment, source, destination);
                }
            }
        }
    }

    fn frames(
        &mut self,
        leg: &Leg,
        statement: &Statement,
        segment: SegmentId,
        source: &Station,
        destination: &Station,
    ) {
        let model = self.model;
        let mut held = false;
        for (index, bridge) in model.enforcing_bridges(segment) {
            let crossing = bridge.crossing(&source.members, &destination.members);
            held |= crossing == Crossing::Everything;
            if crossing == Crossing::Nothing {
                continue;
            }
            let Some(rule) = self.frame_rule(leg, statement, bridge, source, destination) else { return };
            self.bridge_drafts[index].frames.push(rule);
        }
        let through = statement.conditions.via.and_then(|via| model.gateway_of.get(&via).copied());
        if let Some(gateway) = through {
            let mut of_it = model.enforcing_bridges(segment).filter(|(_, bridge)| bridge.gateway == gateway);
            let all = |bridge: &Bridge| {
                bridge.crossing(&source.members, &destination.members) == Crossing::Everything
            };
            if !of_it.any(|(_, bridge)| all(bridge)) {
                self.not_through(statement, gateway);
                return;
            }
        }
        if held {
            return;
        }
        if leg.frame_ids.is_some() {
            self.unread(statement, source, destination);
        } else if statement.conditions.limit.is_some() {
            self.unlimited(statement, source, destination);
        } else if self.unheld_frames.last() != Some(&leg.statement) {
            self.unheld_frames.push(leg.statement);
        }
    }

    /// The rule that lets frames pass; nothing, where a station cannot be told by its frames.
    fn frame_rule(
        &mut self,
        leg: &Leg,
        statement: &Statement,
        bridge: &Bridge,
        source: &Station,
        destination: &Station,
    ) -> Option<FrameRule> {
        let protocol = leg.protocol.map(|protocol| self.model.protocols.get(protocol));
        let groups: Ranges<u64> = protocol.map_or_else(Ranges::new, |protocol| {
            let ends = protocol.groups.iter().map(|(first, last)| (number(*first), number(*last)));
            Ranges::from_unsorted(ends.collect())
        });
        let (sources, nameless) = self.port_macs(bridge, &source.members);
        if let Some(nameless) = nameless {
            self.no_mac(statement, bridge, nameless, "sends");
            return None;
        }
        let (destinations, nameless) = self.port_macs(bridge, &destination.members);
        if let Some(nameless) = nameless.filter(|_| groups.is_empty()) {
            self.no_mac(statement, bridge, nameless, "receives");
            return None;
        }
        let listeners: BTreeSet<u32> = (0..)
            .zip(&bridge.ports)
            .filter(|(_, port)| !port.stations.intersection(&destination.members).is_empty())
            .map(|(index, _)| index)
            .collect();
        let of_protocol = protocol.and_then(|protocol| protocol.frame_ids.clone());
        let frame_ids = match (&leg.frame_ids, of_protocol) {
            (Some(asked), Some(all)) => Some(asked.intersection(&all)),
            (Some(asked), None) => Some(asked.clone()),
            (None, all) => all,
        };
        if frame_ids.as_ref().is_some_and(Ranges::is_empty) {
            self.diagnostics.push(
                Diagnostic::new(&codes::E0308, "the protocol has no such frames")
                    .primary(statement.file, statement.service_span, "outside of its `frame_ids`")
                    .help("name ids that the protocol has"),
            );
            return None;
        }
        Some(FrameRule {
            statement: leg.statement,
            sources,
            destinations,
            listeners: listeners.into_iter().collect(),
            groups,
            ethertypes: leg.ports.ethertypes.clone(),
            frame_ids,
            action: Action {
                limit: statement.conditions.limit,
                log: statement.conditions.log,
                audit: statement.conditions.audit,
                until: statement.conditions.until,
                operations: None,
            },
        })
    }

    /// Stations behind ports by their MAC addresses, and one that has none.
    fn port_macs(&self, bridge: &Bridge, members: &Ranges<u32>) -> (Vec<PortMac>, Option<u32>) {
        let mut known = BTreeSet::new();
        let mut nameless = None;
        for (index, port) in (0..).zip(&bridge.ports) {
            for id in members.intersection(&port.stations).members() {
                match self.model.principal(id).mac {
                    Some(mac) => {
                        known.insert(PortMac { port: index, mac });
                    }
                    None => nameless = nameless.or(Some(id)),
                }
            }
        }
        (known.into_iter().collect(), nameless)
    }

    /// Lets the packets of a flow pass the bridges inside of the segments that it touches. Tells how much of it passes
    /// the bridges of its last segment.
    pub(super) fn bridged(
        &mut self,
        leg: &Leg,
        route: &Route,
        (source, from): (&Station, SegmentId),
        (destination, to): (&Station, SegmentId),
        seen_as: &SeenAs,
        ports: &Arc<[PortMatch]>,
        action: &Action,
    ) -> Crossing {
        let model = self.model;
        let mut most = Crossing::Nothing;
        if model.bridges.is_empty() {
            return most;
        }
        let mut segments: Vec<SegmentId> = route.hops.iter().map(|hop| hop.to).collect();
        segments.push(from);
        segments.sort_unstable();
        segments.dedup();
        let routers = |gateways: &mut dyn Iterator<Item = GatewayId>| -> PrincipalSet {
            let principals = gateways.filter_map(|gateway| model.gateway(gateway).principal);
            Arc::new(principals.map(|id| id.0).collect())
        };
        for segment in segments {
            let mut bridges = model.enforcing_bridges(segment).peekable();
            if bridges.peek().is_none() {
                continue;
            }
            let hops = route.hops.iter();
            let before = if segment == from {
                source.members.clone()
            } else {
                routers(&mut hops.clone().filter(|hop| hop.to == segment).map(|hop| hop.gateway))
            };
            let after = if segment == to {
                destination.members.clone()
            } else {
                routers(&mut hops.filter(|hop| hop.from == segment).map(|hop| hop.gateway))
            };
            for (index, bridge) in bridges {
                let crossing = bridge.crossing(&before, &after);
                let Some((sources, home)) = seen_as.on(segment) else { continue };
                if crossing == Crossing::Nothing {
                    continue;
                }
                if most != Crossing::Everything {
                    most = crossing;
                }
                let destinations = self.addresses(&destination.members, to);
                self.rule(
                    bridge.gateway,
                    leg,
                    Hook::Forward,
                    sources.clone(),
                    destinations.clone(),
                    ports,
                    action,
                );
                self.arrives(bridge.gateway, segment, home, &sources);
                self.arrives(bridge.gateway, segment, to, &destinations);
                let far = [(&before, segment != from, sources), (&after, segment != to, destinations)];
                for (side, _, addresses) in far.into_iter().filter(|(_, beyond, _)| *beyond) {
                    for port in side.members().filter_map(|id| bridge.port_of(id)) {
                        self.bridge_drafts[index].arrivals.entry(port).or_default().insert(addresses.clone());
                    }
                }
                let pair = (self.addresses(&before, segment), self.addresses(&after, segment));
                self.bridge_drafts[index].neighbours.insert(pair);
            }
        }
        most
    }

    /// Whether all of a flow crosses a gateway, ends at it, or passes a bridge of it.
    pub(super) fn runs_through(
        &self,
        route: &Route,
        gateway: GatewayId,
        (source, from): (&Station, SegmentId),
        (destination, to): (&Station, SegmentId),
    ) -> bool {
        if from != to {
            return route.every_path(|other| other == gateway);
        }
        let mut bridges = self.model.enforcing_bridges(from).filter(|(_, bridge)| bridge.gateway == gateway);
        source.gateway == Some(gateway)
            || destination.gateway == Some(gateway)
            || bridges.any(|(_, bridge)| {
                bridge.crossing(&source.members, &destination.members) == Crossing::Everything
            })
    }

    /// Says of frames that nobody stands between where they go what they are: a gap.
    pub(super) fn gaps_of_frames(&mut self) {
        let wrong = |one: &Diagnostic| one.severity() == weir_syntax::Severity::Error;
        let Some(first) = self.unheld_frames.first().filter(|_| !self.diagnostics.iter().any(wrong)) else {
            return;
        };
        let mut all = self.unheld_frames.clone();
        all.sort_unstable();
        all.dedup();
        let statement = &self.statements[*first as usize];
        let also = match all.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more like it"),
        };
        self.diagnostics.push(
            Diagnostic::new(&codes::W0604, "frames of a layer-2 flow pass no enforcement point")
                .primary(statement.file, statement.span, format!("same segment, nobody between{also}"))
                .help("let a gateway be the bridge between them (`bridge` and `stations` in its interfaces), or hold it by other means"),
        );
    }

    fn crosses_no_gateway(&mut self, statement: &Statement, source: &Station, destination: &Station) {
        let of = |station: &Station| some_names(self.model, station.members.members());
        self.diagnostics.push(
            Diagnostic::new(
                &codes::E0509,
                format!("{} and {} stand on different segments", of(source), of(destination)),
            )
            .primary(statement.file, statement.service_span, "a layer-2 protocol crosses no gateway")
            .help("put both ends on one network, or use the protocol's routable form"),
        );
    }

    fn no_mac(&mut self, statement: &Statement, bridge: &Bridge, nameless: u32, does: &str) {
        let nameless = self.model.principal(nameless);
        let (file, span) = self.universe.name_span(nameless.entity);
        let gateway = &self.model.gateway(bridge.gateway).name;
        self.diagnostics.push(
            Diagnostic::new(&codes::E0411, format!("`{}` has no MAC address", nameless.name))
                .primary(
                    statement.file,
                    statement.span,
                    format!("it {does} frames through `{}` of `{gateway}`", bridge.device),
                )
                .secondary(file, span, "declared here")
                .help("give it its address: `mac = 02:00:00:00:00:01`; in an array, `mac = \"02:00:00:00:00:{index:02}\"`"),
        );
    }

    /// The bridges of each gateway, finished. `number_of` makes a statement count in the gateway's list.
    pub(super) fn bridge_plan(
        model: &Model,
        index: usize,
        draft: BridgeDraft,
        number_of: impl Fn(u32) -> u32,
    ) -> BridgePlan {
        let bridge = &model.bridges[index];
        let mut arrivals = draft.arrivals;
        let ports = bridge.ports.iter().enumerate().map(|(place, port)| {
            let attachments = port.stations.members().flat_map(|id| {
                let principal = model.principal(id);
                principal
                    .attachments
                    .iter()
                    .filter(|at| at.segment == bridge.segment)
                    .map(move |at| (principal, at))
            });
            let attachments: Vec<_> = attachments.collect();
            let beyond = arrivals.remove(&place).unwrap_or_default();
            let own = attachments.iter().map(|(_, at)| &*at.addresses);
            let mut macs: Vec<[u8; 6]> =
                attachments.iter().filter_map(|(principal, _)| principal.mac).collect();
            macs.sort_unstable();
            macs.dedup();
            let mut stations = Vec::new();
            for (principal, at) in &attachments {
                let Some(mac) = principal.mac else { continue };
                stations.extend(super::finish::single(&at.addresses).map(|address| (address, mac)));
            }
            stations.sort_unstable();
            stations.dedup();
            BridgePort {
                name: port.name.to_string(),
                device: port.device.to_string(),
                macs,
                sources: AddressSet::union_of(own.chain(beyond.iter().map(|set| &**set))),
                stations,
            }
        });
        let ports = ports.collect();
        let mut frames = draft.frames;
        for rule in &mut frames {
            rule.statement = number_of(rule.statement);
        }
        BridgePlan {
            device: bridge.device.to_string(),
            ports,
            frames,
            neighbours: draft.neighbours.into_iter().collect(),
        }
    }
}

/// A MAC address as a number.
fn number(mac: [u8; 6]) -> u64 {
    mac.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
