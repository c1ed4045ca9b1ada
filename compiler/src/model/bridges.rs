//! Bridges: gateways that stand inside of a segment, and who of its stations is behind which port.

use std::{collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use weir_syntax::{Diagnostic, FileId, Span, ast::Expr, diagnostic::codes};

use super::{GatewayId, Model, PrincipalKind, PrincipalSet, SegmentId, SegmentKind, Sets};
use crate::{
    names::{Scope, Universe},
    plan::Ranges,
};

/// A bridge of a gateway. Everybody who stands on its segment stands behind exactly one of its ports, but for the gateway
/// itself.
#[derive(Clone, Debug)]
pub struct Bridge {
    pub gateway: GatewayId,
    /// Its name on the host.
    pub device: SmolStr,
    pub segment: SegmentId,
    pub ports: Vec<Port>,
}

/// An interface without addresses that belongs to a bridge.
#[derive(Clone, Debug)]
pub struct Port {
    /// Name of the block.
    pub name: SmolStr,
    /// Name on the host.
    pub device: SmolStr,
    pub stations: PrincipalSet,
}

/// How much of what two sets exchange passes a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crossing {
    Nothing,
    /// Some pairs stand behind one port.
    Part,
    Everything,
}

impl Bridge {
    /// What passes the bridge of all that goes from the ones to the others.
    pub fn crossing(&self, from: &Ranges<u32>, to: &Ranges<u32>) -> Crossing {
        let here = |set: &Ranges<u32>, port: &Port| !set.intersection(&port.stations).is_empty();
        let sides: Vec<(bool, bool)> =
            self.ports.iter().map(|port| (here(from, port), here(to, port))).collect();
        let (sources, destinations) =
            (sides.iter().filter(|side| side.0).count(), sides.iter().filter(|side| side.1).count());
        let inside = sides.iter().any(|side| side.0 && side.1);
        match (sources, destinations, inside) {
            (0, _, _) | (_, 0, _) | (1, 1, true) => Crossing::Nothing,
            (_, _, true) => Crossing::Part,
            (_, _, false) => Crossing::Everything,
        }
    }

    /// The port that a principal is behind.
    pub fn port_of(&self, principal: u32) -> Option<usize> {
        self.ports.iter().position(|port| port.stations.contains(principal))
    }
}

impl Model {
    /// Bridges inside of a segment that filter what passes them, with their places in [`Model::bridges`].
    pub fn enforcing_bridges(&self, segment: SegmentId) -> impl Iterator<Item = (usize, &Bridge)> {
        let on_it = self.bridges_on.get(&segment).into_iter().flatten();
        on_it
            .map(|index| (*index, &self.bridges[*index]))
            .filter(|(_, bridge)| self.gateway(bridge.gateway).filters())
    }

    /// Stations of a segment in groups that no bridge keeps apart.
    pub fn together(&self, segment: SegmentId, stations: &[u32]) -> Vec<Vec<u32>> {
        let mut groups = vec![stations.to_vec()];
        for (_, bridge) in self.enforcing_bridges(segment) {
            let mut finer: Vec<Vec<u32>> = Vec::new();
            for group in groups {
                let mut by_port = vec![Vec::new(); bridge.ports.len() + 1];
                for id in group {
                    by_port[bridge.port_of(id).unwrap_or(bridge.ports.len())].push(id);
                }
                finer.extend(by_port.into_iter().filter(|group| !group.is_empty()));
            }
            groups = finer;
        }
        groups
    }
}

/// A port as it was read, before there were principals to stand behind it.
pub(super) struct PortDraft<'a> {
    pub(super) gateway: GatewayId,
    pub(super) bridge: SmolStr,
    pub(super) name: SmolStr,
    pub(super) device: SmolStr,
    pub(super) segment: SegmentId,
    pub(super) stations: Option<(&'a Expr, Scope)>,
    pub(super) file: FileId,
    pub(super) span: Span,
}

/// Makes bridges of ports, and says what is wrong with them.
pub(super) fn build<'a>(
    universe: &Universe<'a>,
    drafts: &[PortDraft<'a>],
    model: &mut Model,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if drafts.is_empty() {
        return;
    }
    let mut by_bridge: BTreeMap<(GatewayId, &SmolStr), Vec<&PortDraft<'a>>> = BTreeMap::new();
    for draft in drafts {
        by_bridge.entry((draft.gateway, &draft.bridge)).or_default().push(draft);
    }
    let mut on: FxHashMap<SegmentId, Vec<u32>> =
        drafts.iter().map(|draft| (draft.segment, Vec::new())).collect();
    for (index, principal) in model.principals.iter().enumerate() {
        for place in principal.attachments.iter().filter(|_| principal.kind != PrincipalKind::Role) {
            if let Some(stations) = on.get_mut(&place.segment) {
                stations.push(index as u32);
            }
        }
    }
    let mut bridges: Vec<Bridge> = Vec::new();
    let mut sets = Sets::new(universe, model);
    for ports in by_bridge.into_values() {
        let first = ports[0];
        let bridge = Bridge {
            gateway: first.gateway,
            device: first.bridge.clone(),
            segment: first.segment,
            ports: Vec::new(),
        };
        let before = diagnostics.len();
        let bridge = members(&mut sets, model, &ports, bridge, diagnostics);
        if diagnostics.len() == before {
            laid_out(universe, model, &bridge, &ports, &on[&bridge.segment], diagnostics);
        }
        bridges.push(bridge);
    }
    for (index, bridge) in bridges.iter().enumerate() {
        model.bridges_on.entry(bridge.segment).or_default().push(index);
    }
    model.bridges = bridges;
}

fn wrong(draft: &PortDraft<'_>, message: String, label: &str, help: String) -> Diagnostic {
    Diagnostic::new(&codes::E0410, message).primary(draft.file, draft.span, label).help(help)
}

/// Who is behind which port.
fn members<'a>(
    sets: &mut Sets<'_, 'a>,
    model: &Model,
    ports: &[&PortDraft<'a>],
    mut bridge: Bridge,
    diagnostics: &mut Vec<Diagnostic>,
) -> Bridge {
    let own = model.gateway(bridge.gateway).principal.map(|id| id.0);
    let segment = model.segment(bridge.segment);
    for draft in ports {
        let Some((expr, scope)) = draft.stations else {
            diagnostics.push(wrong(
                draft,
                format!("nobody stands behind port `{}`", draft.name),
                "no `stations`",
                format!("say who does: `stations = some_plc | some_drive`, so that each station of `{}` is behind one port", segment.name),
            ));
            continue;
        };
        let set = match sets.evaluate(expr, scope) {
            Ok(set) => set,
            Err(diagnostic) => {
                diagnostics.push(*diagnostic);
                continue;
            }
        };
        let stations: Ranges<u32> = set.members().filter(|id| Some(*id) != own).collect();
        let elsewhere = stations
            .members()
            .find(|id| !model.principal(*id).attachments.iter().any(|place| place.segment == bridge.segment));
        if let Some(elsewhere) = elsewhere {
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0410,
                    format!("`{}` does not stand on `{}`", model.principal(elsewhere).name, segment.name),
                )
                .primary(scope.file, expr.span, format!("behind port `{}`", draft.name))
                .help(format!(
                    "name stations of `{}` only, as by `some_set & {}`",
                    segment.name, segment.name
                )),
            );
        } else if stations.is_empty() {
            diagnostics.push(
                Diagnostic::new(&codes::E0410, format!("nobody stands behind port `{}`", draft.name))
                    .primary(scope.file, expr.span, "empty")
                    .help("name the stations behind it, or remove the port"),
            );
        }
        bridge.ports.push(Port {
            name: draft.name.clone(),
            device: draft.device.clone(),
            stations: Arc::new(stations),
        });
    }
    bridge
}

/// What makes ports a bridge.
fn laid_out(
    universe: &Universe<'_>,
    model: &Model,
    bridge: &Bridge,
    ports: &[&PortDraft<'_>],
    stations: &[u32],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let segment = model.segment(bridge.segment);
    let first = ports[0];
    if segment.kind != SegmentKind::Network {
        diagnostics.push(wrong(
            first,
            format!("`{}` is no network", segment.name),
            "a port of a bridge",
            "a bridge joins parts of a network; UEs of a slice and pods meet elsewhere".into(),
        ));
        return;
    }
    if let Some(other) = ports.iter().find(|port| port.segment != bridge.segment) {
        diagnostics.push(
            wrong(
                other,
                format!("bridge `{}` joins two networks", bridge.device),
                "on another network",
                "what a bridge joins is one network: give its ports the same, or use two bridges".into(),
            )
            .secondary(first.file, first.span, format!("on `{}`", segment.name)),
        );
        return;
    }
    let [_, _, ..] = ports else {
        diagnostics.push(wrong(
            first,
            format!("bridge `{}` has one port", bridge.device),
            "nothing to join it with",
            "add a second port, or remove `bridge` and `stations`".into(),
        ));
        return;
    };
    let itself = model.gateway(bridge.gateway).interfaces.iter().find(|one| one.device == bridge.device);
    if let Some(itself) = itself.filter(|itself| itself.segment != bridge.segment) {
        diagnostics.push(
            wrong(
                first,
                format!("bridge `{}` and its ports are on different networks", bridge.device),
                "a port of it",
                "the interface of a bridge is on the network of its ports".into(),
            )
            .secondary(first.file, itself.span, "its own interface"),
        );
        return;
    }
    for (index, port) in bridge.ports.iter().enumerate() {
        for (earlier, other) in bridge.ports[..index].iter().enumerate() {
            let Some((both, _)) = port.stations.intersection(&other.stations).iter().next() else { continue };
            diagnostics.push(
                wrong(
                    ports[index],
                    format!(
                        "`{}` stands behind two ports of `{}`",
                        model.principal(both).name,
                        bridge.device
                    ),
                    "behind this one",
                    "leave it behind the port that its cable leads to".into(),
                )
                .secondary(ports[earlier].file, ports[earlier].span, "and behind this one"),
            );
            return;
        }
    }
    nobody_left(universe, model, bridge, first, stations, diagnostics);
}

/// Everybody on the segment is behind some port.
fn nobody_left(
    universe: &Universe<'_>,
    model: &Model,
    bridge: &Bridge,
    first: &PortDraft<'_>,
    stations: &[u32],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let own = model.gateway(bridge.gateway).principal.map(|id| id.0);
    let segment = model.segment(bridge.segment);
    let left = stations.iter().copied().find(|id| Some(*id) != own && bridge.port_of(*id).is_none());
    let place = left.map(|id| (model.principal(id).name.to_string(), model.principal(id).entity));
    // the nodes of a cluster are told by no name
    let nodes = || {
        let node = model.gateways.iter().find(|gateway| {
            gateway.principal.is_none()
                && gateway.interfaces.iter().any(|interface| interface.segment == bridge.segment)
        })?;
        Some((format!("nodes of {}", node.name), node.entity))
    };
    let Some((name, entity)) = place.or_else(nodes) else { return };
    let (file, span) = universe.name_span(entity);
    let is_cluster = name.starts_with("nodes of");
    let help = if is_cluster {
        "give the cluster's nodes a network of their own".to_owned()
    } else {
        format!("add it to the `stations` of the port that its cable leads to: `… | {name}`")
    };
    diagnostics.push(
        wrong(
            first,
            format!("`{name}` stands behind no port of `{}`", bridge.device),
            &format!("the bridge of `{}`", segment.name),
            help,
        )
        .secondary(file, span, "on that network"),
    );
}
