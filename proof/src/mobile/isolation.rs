//! What `isolation.json` has to claim: who permits what between slices, who holds it, and what nobody holds.

use std::collections::{BTreeMap, BTreeSet};

use weir_5g_reader::{ExpectedSlice, Isolation, IsolationPair, IsolationSlice, Risk, RiskKind};
use weir_compiler::{
    Facts,
    model::{
        Gateway, GatewayId, PrincipalKind, SegmentId,
        fiveg::{Core, Slice},
    },
    plan::{Plan, Ranges},
};

use super::expected::Members;

pub(super) fn derive(
    facts: &Facts,
    plan: &Plan,
    core: &Core,
    members: &Members,
    slices: &[ExpectedSlice],
) -> Isolation {
    let (model, mobile) = (&facts.model, &facts.model.mobile);
    let permitted = permitted(facts, plan, members);
    let listed = members.of.iter().zip(slices).map(|((index, devices), expected)| {
        let slice = &mobile.slices[*index];
        let mut exclusive_with: Vec<String> =
            slice.exclusive_with.iter().map(|other| mobile.slices[*other].name.clone()).collect();
        exclusive_with.sort();
        IsolationSlice {
            slice: slice.name.clone(),
            s_nssai: expected.key.to_string(),
            data_network: expected.data_network.clone(),
            pools: expected.pools.clone(),
            user_plane: model.gateway(slice.user_plane).name.clone(),
            interface: expected.device.clone(),
            dedicated: slice.dedicated,
            exclusive_with,
            subscriptions: devices.count(),
        }
    });
    let risks = Risks::of(facts, members);
    let mut pairs = Vec::new();
    for (from, one) in members.of.iter().enumerate() {
        for (to, other) in members.of.iter().enumerate() {
            let ends = [one, other].map(|(slice, devices)| (&mobile.slices[*slice], devices));
            let statements = permitted.get(&(from, to)).into_iter().flatten();
            pairs.push(IsolationPair {
                from: ends[0].0.name.clone(),
                to: ends[1].0.name.clone(),
                permitted_by: statements.map(|id| (*id).to_owned()).collect(),
                enforced_at: if from == to { Vec::new() } else { filters(facts, ends[0].0, ends[1].0) },
                risks: risks.between(ends, from == to),
            });
        }
    }
    let mut slices: Vec<IsolationSlice> = listed.collect();
    slices.sort();
    pairs.sort();
    Isolation { core: core.name.clone(), product: core.product.name().to_owned(), slices, pairs }
}

/// Statements by which devices of one slice start something to devices of another.
fn permitted<'f>(
    facts: &'f Facts,
    plan: &Plan,
    members: &Members,
) -> BTreeMap<(usize, usize), BTreeSet<&'f str>> {
    let mut permitted: BTreeMap<(usize, usize), BTreeSet<&str>> = BTreeMap::new();
    for leg in plan.legs.iter().filter(|leg| leg.ports.has_ip()) {
        let apart = |set: &Ranges<u32>| set.intersection(&members.everybody).is_empty();
        if apart(&leg.sources) || apart(&leg.destinations) {
            continue;
        }
        let meets = |set: &Ranges<u32>, through: Option<SegmentId>| -> Vec<usize> {
            let here = |(slice, own): &(usize, Ranges<u32>)| {
                let segment = facts.model.mobile.slices[*slice].segment;
                through.is_none_or(|through| through == segment) && !set.intersection(own).is_empty()
            };
            (0..members.of.len()).filter(|at| here(&members.of[*at])).collect()
        };
        let id = facts.statements[leg.statement as usize].id.as_str();
        let to = meets(&leg.destinations, None);
        for from in meets(&leg.sources, leg.through) {
            for to in &to {
                permitted.entry((from, *to)).or_default().insert(id);
            }
        }
    }
    permitted
}

/// Packet filters on the way between two slices.
fn filters(facts: &Facts, from: &Slice, to: &Slice) -> Vec<String> {
    let planes = [from, to].map(|slice| facts.model.gateway(slice.user_plane));
    let names: BTreeSet<&str> =
        planes.iter().filter(|plane| plane.filters()).map(|plane| plane.name.as_str()).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// What concerns one slice, or one user plane.
struct Risks {
    hairpins: BTreeMap<SegmentId, Risk>,
    unfiltered: BTreeMap<GatewayId, Risk>,
}

impl Risks {
    fn of(facts: &Facts, members: &Members) -> Self {
        let model = &facts.model;
        let slices = || members.of.iter().map(|(slice, _)| &model.mobile.slices[*slice]);
        let on = on_each(facts);
        let hairpin = |slice: &Slice| {
            let devices = on.get(slice.segment.index()).copied().unwrap_or_default();
            let accepted = model.segment(slice.segment).accept_gap.as_ref().map(ToString::to_string);
            (devices > 1).then_some((slice.segment, Risk { kind: RiskKind::Hairpin, devices, accepted }))
        };
        let planes: BTreeSet<GatewayId> = slices().map(|slice| slice.user_plane).collect();
        let plane = |id: GatewayId| Some((id, unfiltered(facts, model.gateway(id))?));
        Self {
            hairpins: slices().filter_map(hairpin).collect(),
            unfiltered: planes.into_iter().filter_map(plane).collect(),
        }
    }

    fn between(&self, [(from, of_from), (to, of_to)]: [(&Slice, &Ranges<u32>); 2], same: bool) -> Vec<Risk> {
        let planes: BTreeSet<GatewayId> = [from.user_plane, to.user_plane].into();
        let hairpin = self.hairpins.get(&from.segment).filter(|_| same);
        let unfiltered = planes.iter().filter_map(|plane| self.unfiltered.get(plane));
        let mut risks: Vec<Risk> = hairpin.into_iter().chain(unfiltered).cloned().collect();
        if same {
            risks.sort();
            return risks;
        }
        let devices = of_from.count() + of_to.count();
        if from.user_plane == to.user_plane {
            let accepted = Some("user_plane = shared(…)".to_owned());
            risks.push(Risk { kind: RiskKind::SharedUserPlane, devices, accepted });
        }
        let both = of_from.intersection(of_to).count();
        if both > 0 {
            let accepted = Some("the devices name both slices".to_owned());
            risks.push(Risk { kind: RiskKind::DeviceInBoth, devices: both, accepted });
        }
        risks.sort();
        risks
    }
}

/// What a user plane lets through that filters nothing.
fn unfiltered(facts: &Facts, plane: &Gateway) -> Option<Risk> {
    if plane.enforces != ["upf"] || plane.interfaces.len() < 2 {
        return None;
    }
    let joined: Vec<SegmentId> = plane.interfaces.iter().map(|one| one.segment).collect();
    let slices = joined
        .iter()
        .filter(|segment| facts.model.mobile.slices.iter().any(|slice| slice.segment == **segment));
    let reasons: Option<Vec<&str>> =
        slices.map(|segment| facts.model.segment(*segment).accept_gap.as_deref()).collect();
    Some(Risk {
        kind: RiskKind::UnfilteredUserPlane,
        devices: standing_on(facts, &joined),
        accepted: reasons.map(|reasons| reasons.join("; ")),
    })
}

/// Who stands on each segment.
fn on_each(facts: &Facts) -> Vec<u64> {
    let mut on = vec![0; facts.model.segments.len()];
    for principal in facts.model.principals.iter().filter(|one| one.kind != PrincipalKind::Gateway) {
        let segments: BTreeSet<SegmentId> = principal.attachments.iter().map(|at| at.segment).collect();
        for segment in segments {
            on[segment.index()] += 1;
        }
    }
    on
}

fn standing_on(facts: &Facts, segments: &[SegmentId]) -> u64 {
    let stands = |principal: &&weir_compiler::model::Principal| {
        principal.kind != PrincipalKind::Gateway
            && principal.attachments.iter().any(|attachment| segments.contains(&attachment.segment))
    };
    facts.model.principals.iter().filter(stands).count() as u64
}
