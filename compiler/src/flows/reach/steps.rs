//! What joins principals, apart from flows: segments, gateways without a filter, gateways that were broken into.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::{
    model::{Gateway, GatewayId, Model, PrincipalKind, PrincipalSet, SegmentId, SegmentKind},
    plan::Ranges,
};

/// What leads from a source to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum By {
    /// A permitted flow: index into the statements.
    Flow(u32),
    /// Stations of one segment.
    Segment(SegmentId),
    /// Stations of segments that gateways join without a filter; one of the segments.
    Joined(SegmentId),
    /// Whoever is on a gateway stands on all of its segments.
    Gateway(GatewayId),
    /// Whoever is on a station of the segment acts for the people who work there.
    Person(SegmentId),
}

/// Every source reaches every destination.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) by: By,
    pub(super) sources: PrincipalSet,
    pub(super) targets: Vec<Target>,
}

#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) rectangle: Option<u32>,
    pub(super) reached: PrincipalSet,
    /// Those of them from whom an intruder goes on.
    pub(super) pivots: PrincipalSet,
}

/// Whether a gateway passes on what nothing has filtered.
pub(super) fn joins(gateway: &Gateway) -> bool {
    !gateway.filters() && !gateway.terminates() && !gateway.enforces.contains(&"kubernetes")
}

/// Who stands on a segment.
#[derive(Clone, Default)]
struct Stations {
    /// Whoever frames of the segment reach: a gateway that filters guards itself.
    open: Vec<u32>,
    /// Gateways among them, which no isolation of the segment keeps away.
    gateways: Vec<u32>,
    people: Vec<u32>,
}

/// The steps that no statement permits and nothing prevents.
pub(super) fn unseparated(model: &Model, through_gateways: bool) -> Vec<Step> {
    let stations = stations(model);
    let groups = joined(model);
    let mut steps = Vec::new();
    let mut push = |by, sources: PrincipalSet, destinations: PrincipalSet| {
        if !sources.is_empty() && !destinations.is_empty() {
            let target = Target { rectangle: None, reached: destinations.clone(), pivots: destinations };
            steps.push(Step { by, sources, targets: vec![target] });
        }
    };
    let set = |ids: &[u32]| -> PrincipalSet { Arc::new(ids.iter().copied().collect::<Ranges<u32>>()) };
    for group in &groups {
        let [first, ..] = group.segments.as_slice() else { continue };
        let segment = model.segment(*first);
        let mut all: Vec<u32> = Vec::new();
        for segment in &group.segments {
            all.extend(&stations[segment.index()].open);
        }
        let everybody = set(&all);
        if group.is_joined && everybody.count() > 1 {
            push(By::Joined(*first), everybody.clone(), everybody);
        } else if segment.kind == SegmentKind::Pods {
            // one by one behind the cluster's policies
        } else if segment.isolated {
            push(By::Segment(*first), everybody.clone(), set(&stations[first.index()].gateways));
            push(By::Person(*first), everybody, set(&stations[first.index()].people));
        } else if everybody.count() > 1 {
            push(By::Segment(*first), everybody.clone(), everybody);
        }
    }
    for (index, gateway) in model.gateways.iter().enumerate().filter(|_| through_gateways) {
        let Some(principal) = gateway.principal else { continue };
        let mut around: Vec<u32> = Vec::new();
        for interface in &gateway.interfaces {
            around.extend(&stations[interface.segment.index()].open);
        }
        around.retain(|id| *id != principal.0);
        push(By::Gateway(GatewayId(index as u32)), set(&[principal.0]), set(&around));
    }
    steps
}

fn stations(model: &Model) -> Vec<Stations> {
    let mut stations = vec![Stations::default(); model.segments.len()];
    for (index, principal) in model.principals.iter().enumerate() {
        let id = index as u32;
        let guards_itself = principal.kind == PrincipalKind::Gateway
            && model
                .gateway_of
                .get(&principal.entity)
                .is_some_and(|gateway| model.gateway(*gateway).filters());
        if guards_itself {
            continue;
        }
        for attachment in &principal.attachments {
            let here = &mut stations[attachment.segment.index()];
            here.open.push(id);
            match principal.kind {
                PrincipalKind::Gateway => here.gateways.push(id),
                PrincipalKind::Role => here.people.push(id),
                _ => {}
            }
        }
    }
    for (pod, network) in &model.on_nodes {
        stations[network.index()].open.push(*pod);
    }
    stations
}

struct Group {
    segments: Vec<SegmentId>,
    /// Whether a gateway without a filter stands on it: it leads even stations of one isolated segment to each other.
    is_joined: bool,
}

/// Segments that gateways join without a filter, together; all others alone.
fn joined(model: &Model) -> Vec<Group> {
    let mut leader: Vec<usize> = (0..model.segments.len()).collect();
    fn find(leader: &mut [usize], mut at: usize) -> usize {
        while leader[at] != at {
            leader[at] = leader[leader[at]];
            at = leader[at];
        }
        at
    }
    let mut is_joined = vec![false; model.segments.len()];
    for gateway in model.gateways.iter().filter(|gateway| joins(gateway)) {
        let mut segments = gateway.interfaces.iter().map(|interface| interface.segment.index());
        let Some(first) = segments.next() else { continue };
        is_joined[first] = true;
        for other in segments {
            is_joined[other] = true;
            let (a, b) = (find(&mut leader, first), find(&mut leader, other));
            leader[a.max(b)] = a.min(b);
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut of_leader: FxHashMap<usize, usize> = FxHashMap::default();
    for (segment, is_joined) in is_joined.into_iter().enumerate() {
        let leader = find(&mut leader, segment);
        let group = *of_leader.entry(leader).or_insert_with(|| {
            groups.push(Group { segments: Vec::new(), is_joined: false });
            groups.len() - 1
        });
        groups[group].segments.push(SegmentId(segment as u32));
        groups[group].is_joined |= is_joined;
    }
    groups
}
