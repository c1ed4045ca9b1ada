//! What policy denies and nothing separates, by name. Each is a warning, unless the network, slice or cluster that it is
//! about accepts it; accepted or not, it is a fact of the plan, since the proof of a build rests on it.

use std::{collections::BTreeMap, sync::Arc};

use smol_str::SmolStr;
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};

use super::Ranges;
use crate::{
    flows::{Rectangle, some_names},
    model::{Gateway, Model, Principal, PrincipalKind, PrincipalSet, Segment, SegmentId, SegmentKind},
    names::{EntityId, Universe},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapKind {
    /// Stations of a segment reach each other without crossing a gateway.
    Segment,
    /// UEs of a slice reach each other inside of its user plane.
    Hairpin,
    /// A user plane that filters nothing joins its slices with each other and with what lies behind.
    UserPlane,
    /// Behind a gateway that hides its sources and filters nothing, everybody has its address.
    SharedAddress,
    /// A node reaches the pods that it runs, whatever network policies say.
    Node,
    /// A pod on the node's network is the node to everybody else.
    HostNetwork,
    /// Pods that show no identity of their own to a proxy: it cannot tell them from others of their cluster.
    ProxyPort,
}

/// A set of principals whose members policy keeps apart, from each other or from others, and nothing else does.
#[derive(Clone, Debug)]
pub struct Gap {
    pub kind: GapKind,
    /// The segment, cluster, gateway or proxy that it is about.
    pub place: String,
    pub who: PrincipalSet,
    /// Why it is accepted.
    pub accepted: Option<SmolStr>,
    pub file: FileId,
    pub span: Span,
    /// What is not separated, in words.
    pub message: String,
    label: String,
    help: &'static str,
}

impl Gap {
    /// Who reaches whom, in words.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// [`some_names`], the least first: artifacts hold these words, and the order of declarations says nothing.
fn first_names(model: &Model, ids: impl IntoIterator<Item = u32>) -> String {
    let mut ids: Vec<u32> = ids.into_iter().collect();
    let by_name = |a: &u32, b: &u32| model.principal(*a).name.cmp(&model.principal(*b).name);
    const SHOWN: usize = 3;
    if ids.len() > SHOWN {
        ids.select_nth_unstable_by(SHOWN - 1, by_name);
    }
    let shown = ids.len().min(SHOWN);
    ids[..shown].sort_by(by_name);
    some_names(model, ids)
}

/// Finds the gaps of a package; those that nobody accepts are warnings. `proxies` says for each rectangle which proxy
/// its connections are led through.
pub fn gaps(
    universe: &Universe<'_>,
    model: &Model,
    rectangles: &[Rectangle],
    proxies: &[Option<u32>],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Gap> {
    let mut finder = Finder { universe, model, gaps: Vec::new() };
    finder.segments();
    finder.clusters();
    for gateway in &model.gateways {
        finder.user_plane(gateway);
        finder.shared_address(gateway);
    }
    finder.proxy_ports(rectangles, proxies);
    let mut gaps = finder.gaps;
    gaps.sort_by(|a, b| (a.kind, &a.place, a.span).cmp(&(b.kind, &b.place, b.span)));
    for gap in gaps.iter().filter(|gap| gap.accepted.is_none()) {
        diagnostics.push(
            Diagnostic::new(&codes::W0601, gap.message.clone())
                .primary(gap.file, gap.span, gap.label.clone())
                .help(format!("accept it or separate them: {}", gap.help)),
        );
    }
    gaps
}

struct Finder<'m, 'a> {
    universe: &'m Universe<'a>,
    model: &'m Model,
    gaps: Vec<Gap>,
}

impl Finder<'_, '_> {
    /// Stations of a network, and UEs of a slice.
    fn segments(&mut self) {
        let mut on: Vec<Vec<u32>> = vec![Vec::new(); self.model.segments.len()];
        for (id, principal) in self.model.principals.iter().enumerate() {
            if is_station(self.model, principal) {
                for attachment in &principal.attachments {
                    on[attachment.segment.index()].push(id as u32);
                }
            }
        }
        for (index, stations) in on.iter().enumerate() {
            let segment = &self.model.segments[index];
            if segment.isolated || segment.kind == SegmentKind::Pods {
                continue;
            }
            // a bridge keeps stations apart that are behind different ports
            for together in self.model.together(SegmentId(index as u32), stations) {
                self.together(segment, together);
            }
        }
    }

    /// Stations that nothing keeps apart.
    fn together(&mut self, segment: &Segment, stations: Vec<u32>) {
        let inside = |id: &u32| self.model.principal(*id).kind != PrincipalKind::External;
        if stations.len() < 2 || !stations.iter().any(inside) {
            return;
        }
        let (file, span) = self.universe.name_span(segment.entity);
        let names = first_names(self.model, stations.iter().copied());
        let (kind, place, help) = match segment.kind {
            SegmentKind::Slice => (
                GapKind::Hairpin,
                "inside of the UPF",
                "`accept_gap = \"…\"` in the slice, or one slice (with its own pool) per group",
            ),
            _ => (
                GapKind::Segment,
                "on the segment",
                "`accept_gap = \"…\"` or `isolated = true` in the network, or one network per group",
            ),
        };
        self.gaps.push(Gap {
            kind,
            place: segment.name.clone(),
            accepted: segment.accept_gap.clone(),
            file,
            span,
            message: format!("{names} reach each other {place}, whatever policy says"),
            label: format!("{} stations, and no enforcement point between them", stations.len()),
            help,
            who: stations.into_iter().collect::<Ranges<u32>>().into(),
        });
    }

    /// Nodes and their pods, and pods that are no different from their nodes.
    fn clusters(&mut self) {
        let mut of: BTreeMap<EntityId, [Vec<u32>; 2]> = BTreeMap::new();
        for (id, principal) in self.model.principals.iter().enumerate() {
            if principal.kind == PrincipalKind::Workload
                && let Some(cluster) = self.cluster_of(principal)
            {
                let [on_the_node, own] = of.entry(cluster).or_default();
                if is_on_the_node(principal) { on_the_node.push(id as u32) } else { own.push(id as u32) }
            }
        }
        for (cluster, [on_the_node, own]) in of {
            let Some(segment) = self.model.segment_of.get(&cluster) else { continue };
            let segment = self.model.segment(*segment);
            let (file, span) = self.universe.name_span(cluster);
            if !own.is_empty() {
                let names = first_names(self.model, own.iter().copied());
                self.gaps.push(Gap {
                    kind: GapKind::Node,
                    place: segment.name.clone(),
                    accepted: segment.accept_gap.clone(),
                    file,
                    span,
                    message: format!("nodes of `{}` reach {names}, whatever policy says", segment.name),
                    label: "no network policy holds a node off its own pods".into(),
                    help: "`accept_gap = \"…\"` in the cluster, or one cluster per group",
                    who: own.into_iter().collect::<Ranges<u32>>().into(),
                });
            }
            if let Some(first) = on_the_node.first() {
                let entity = self.model.principal(*first).entity;
                let (file, name) = self.universe.name_span(entity);
                let given = self.universe.attribute(entity, "host_network");
                let names = first_names(self.model, on_the_node.iter().copied());
                self.gaps.push(Gap {
                    kind: GapKind::HostNetwork,
                    place: segment.name.clone(),
                    accepted: segment.accept_gap.clone(),
                    file,
                    span: given.map_or(name, |attribute| attribute.span),
                    message: format!("{names}: no policy tells pods on the node's network from the node"),
                    label: "no network policy selects it, and its address is the node's".into(),
                    help: "`accept_gap = \"…\"` in the cluster, or pods without `host_network`",
                    who: on_the_node.into_iter().collect::<Ranges<u32>>().into(),
                });
            }
        }
    }

    fn cluster_of(&self, workload: &Principal) -> Option<EntityId> {
        let path = self.universe.entity(workload.entity).declaration.cluster.as_ref()?;
        let scope = self.universe.scope(workload.entity, None);
        let found = self.universe.reference_path(path, &[crate::names::Kind::Cluster], scope);
        found.ok().map(|(cluster, _)| cluster)
    }

    /// A user plane without a packet filter forwards between all that it joins.
    fn user_plane(&mut self, gateway: &Gateway) {
        if gateway.enforces != ["upf"] {
            return;
        }
        let joined: Vec<SegmentId> = gateway.interfaces.iter().map(|interface| interface.segment).collect();
        if joined.len() < 2 {
            return;
        }
        let who = self.standing_on(&joined);
        let slices =
            joined.iter().map(|id| self.model.segment(*id)).filter(|one| one.kind == SegmentKind::Slice);
        // accepted by one slice says nothing of the others
        let accepted: Option<Vec<&str>> = slices.map(|slice| slice.accept_gap.as_deref()).collect();
        let (file, span) = self.universe.name_span(gateway.entity);
        let names = joined
            .iter()
            .map(|id| format!("`{}`", self.model.segment(*id).name))
            .collect::<Vec<_>>()
            .join(", ");
        self.gaps.push(Gap {
            kind: GapKind::UserPlane,
            place: gateway.name.clone(),
            accepted: accepted.map(|reasons| reasons.join("; ").into()),
            file,
            span,
            message: format!("`{}` forwards between {names}, whatever policy says", gateway.name),
            label: "a user plane, and no packet filter".into(),
            help: "`enforces = [upf, nftables]` in the gateway, or `accept_gap = \"…\"` in each of its slices",
            who,
        });
    }

    /// Who is behind a gateway that masquerades and filters nothing has the gateway's address and its permissions.
    fn shared_address(&mut self, gateway: &Gateway) {
        if gateway.filters() || gateway.masquerade.is_empty() {
            return;
        }
        let behind: Vec<SegmentId> = gateway
            .interfaces
            .iter()
            .map(|interface| interface.segment)
            .filter(|segment| !gateway.masquerade.contains(segment))
            .collect();
        let who = self.standing_on(&behind);
        if who.is_empty() {
            return;
        }
        let in_a_cluster = gateway.enforces.contains(&"kubernetes");
        let (attribute, help) = if in_a_cluster {
            ("egress", "`egress = routed`, or `accept_gap = \"…\"` in the cluster")
        } else {
            (
                "masquerade",
                "`enforces = nftables` in the gateway, or `accept_gap = \"…\"` in the networks that it hides",
            )
        };
        let (file, name) = self.universe.name_span(gateway.entity);
        let given = self.universe.attribute(gateway.entity, attribute);
        let reasons: Option<Vec<&str>> =
            behind.iter().map(|segment| self.model.segment(*segment).accept_gap.as_deref()).collect();
        let names = first_names(self.model, who.members());
        self.gaps.push(Gap {
            kind: GapKind::SharedAddress,
            place: gateway.name.clone(),
            accepted: reasons.map(|reasons| reasons.join("; ").into()),
            file,
            span: given.map_or(name, |attribute| attribute.span),
            message: format!("{names} share an address with whoever else is behind `{}`", gateway.name),
            label: "sources are hidden here before any packet filter of this package saw them".into(),
            help,
            who,
        });
    }

    fn standing_on(&self, segments: &[SegmentId]) -> PrincipalSet {
        let stands = |principal: &Principal| {
            principal.kind != PrincipalKind::Gateway
                && principal.attachments.iter().any(|attachment| segments.contains(&attachment.segment))
        };
        self.model.principals_where(stands).into()
    }

    /// Pods without an identity, before a proxy: all pods of a cluster have the same range of addresses.
    fn proxy_ports(&mut self, rectangles: &[Rectangle], proxies: &[Option<u32>]) {
        let mut nameless: BTreeMap<(u32, SegmentId), Vec<u32>> = BTreeMap::new();
        for (rectangle, proxy) in rectangles.iter().zip(proxies) {
            let Some(proxy) = *proxy else { continue };
            for id in rectangle.sources.members() {
                let principal = self.model.principal(id);
                let pods = principal
                    .attachments
                    .iter()
                    .find(|at| self.model.segment(at.segment).kind == SegmentKind::Pods);
                if let Some(pods) = pods.filter(|_| !self.shows_an_identity(principal, proxy)) {
                    nameless.entry((proxy, pods.segment)).or_default().push(id);
                }
            }
        }
        for ((proxy, pods), mut ids) in nameless {
            ids.sort_unstable();
            ids.dedup();
            let segment = self.model.segment(pods);
            let first = self.model.principal(ids[0]).entity;
            let (file, span) = self.universe.name_span(first);
            let names = first_names(self.model, ids.iter().copied());
            let place = self.model.principal(proxy).name.to_string();
            self.gaps.push(Gap {
                kind: GapKind::ProxyPort,
                accepted: segment.accept_gap.clone(),
                file,
                span,
                message: format!("`{place}` cannot tell {names} from the other pods of `{}`", segment.name),
                label: "shows no identity, and has no address of its own".into(),
                help: "`identity = spiffe(\"…\")` in the workload, or `accept_gap = \"…\"` in the cluster",
                place,
                who: Arc::new(ids.into_iter().collect()),
            });
        }
    }

    fn shows_an_identity(&self, principal: &Principal, proxy: u32) -> bool {
        let words = &self.model.principal(proxy).details.enforces;
        principal.details.identity.as_deref().is_some_and(|identity| {
            words.iter().any(|word| super::evidence::verified(word, identity) > crate::model::Assurance::None)
        })
    }
}

/// Whether somebody on a segment is beside the others there, with no filter of its own. A gateway that enforces nothing
/// is warned of by itself.
fn is_station(model: &Model, principal: &Principal) -> bool {
    match principal.kind {
        PrincipalKind::Device | PrincipalKind::External => true,
        PrincipalKind::Gateway => model
            .gateway_of
            .get(&principal.entity)
            .map(|gateway| model.gateway(*gateway))
            .is_some_and(|gateway| gateway.terminates() && !gateway.filters()),
        PrincipalKind::Workload | PrincipalKind::Role => false,
    }
}

fn is_on_the_node(workload: &Principal) -> bool {
    workload.details.texts.iter().any(|(name, value)| name == "host_network" && value == "true")
}
