//! What is declared isolated: no flow in or out, no chain of flows, nobody in both, no shared user plane. Gateways stand on
//! the border and belong to neither side; flows that they start and receive are steps of a chain all the same.

use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};

use super::{
    Rectangle,
    assertions::{Ground, explain, shared_plane},
    reach::{Assumptions, Goal, Reach},
};
use crate::{
    model::{Model, PrincipalKind, PrincipalSet, SegmentId, SegmentKind},
    names::{EntityId, Universe},
    plan::Ranges,
};

struct Isolated {
    entity: EntityId,
    inside: PrincipalSet,
    /// The segments that are part of it.
    segments: Vec<SegmentId>,
}

/// Reports what crosses the border of an isolated zone or slice, once for each.
pub fn check(universe: &Universe<'_>, ground: Ground<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let isolated = isolated(universe, ground.model);
    if isolated.is_empty() {
        return;
    }
    let model = ground.model;
    let gateways = model.principals_where(|principal| principal.kind == PrincipalKind::Gateway);
    let connections = ground.connections();
    let assumed = Assumptions { through_gateways: false, ..Assumptions::default() };
    let out = Reach::new(model, &connections, assumed);
    let back = out.reversed();
    for isolated in &isolated {
        let inside: PrincipalSet = isolated.inside.difference(&gateways).into();
        let outside: PrincipalSet =
            model.principals_where(|_| true).difference(&inside).difference(&gateways).into();
        let found = crossing(universe, ground, isolated, &inside, &outside)
            .or_else(|| in_both(universe, model, isolated, &inside))
            .or_else(|| plane(universe, model, isolated))
            .or_else(|| chain(universe, ground, isolated, &inside, &outside, &out, &back));
        diagnostics.extend(found);
    }
}

fn finding(
    universe: &Universe<'_>,
    isolated: &Isolated,
    what: String,
    place: (FileId, Span),
    label: &str,
) -> Diagnostic {
    let (file, span) = universe.name_span(isolated.entity);
    Diagnostic::new(&codes::E0514, what).primary(place.0, place.1, label).secondary(
        file,
        span,
        "declared `isolated`",
    )
}

/// A flow from one side to the other.
fn crossing(
    universe: &Universe<'_>,
    ground: Ground<'_>,
    isolated: &Isolated,
    inside: &Ranges<u32>,
    outside: &Ranges<u32>,
) -> Option<Diagnostic> {
    let meets = |a: &Ranges<u32>, b: &Ranges<u32>| super::common(a, b, None) != super::Common::Nothing;
    let crosses = |rectangle: &&Rectangle| {
        (meets(&rectangle.sources, inside) && meets(&rectangle.destinations, outside))
            || (meets(&rectangle.sources, outside) && meets(&rectangle.destinations, inside))
    };
    let rectangle = ground.rectangles.iter().find(crosses)?;
    let statement = &ground.statements[rectangle.statement as usize];
    let what = format!("a flow crosses the border of `{}`", universe.path(isolated.entity));
    let place = (statement.file, statement.span);
    let found = finding(universe, isolated, what, place, "from one side to the other");
    Some(found.help("drop the flow, or the `isolated`"))
}

/// Somebody who stands on both sides.
fn in_both(
    universe: &Universe<'_>,
    model: &Model,
    isolated: &Isolated,
    inside: &Ranges<u32>,
) -> Option<Diagnostic> {
    let out = |id: &u32| {
        let mut attachments = model.principal(*id).attachments.iter();
        attachments.any(|attachment| !isolated.segments.contains(&attachment.segment))
    };
    let both = model.principal(inside.members().find(out)?);
    let what = format!("`{}` stands in `{}` and outside of it", both.name, universe.path(isolated.entity));
    let found = finding(universe, isolated, what, universe.name_span(both.entity), "on both sides");
    Some(found.help("give it a place on one side only, or make it two devices"))
}

/// A UPF that serves slices on both sides.
fn plane(universe: &Universe<'_>, model: &Model, isolated: &Isolated) -> Option<Diagnostic> {
    let is_slice = |segment: &SegmentId| model.segment(*segment).kind == SegmentKind::Slice;
    let own: Vec<SegmentId> = isolated.segments.iter().copied().filter(is_slice).collect();
    let all = (0..model.segments.len() as u32).map(SegmentId);
    let others: Vec<SegmentId> = all.filter(is_slice).filter(|slice| !own.contains(slice)).collect();
    let (what, place) = shared_plane(universe, model, &own, &others)?;
    let what = format!("`{}` shares {what} with another slice", universe.path(isolated.entity));
    let found = finding(universe, isolated, what, place, "serves both");
    Some(found.help("give it a UPF of its own: `user_plane = dedicated(…)`"))
}

/// A chain from one side to the other: through gateways, or over a segment that both share.
fn chain(
    universe: &Universe<'_>,
    ground: Ground<'_>,
    isolated: &Isolated,
    inside: &PrincipalSet,
    outside: &PrincipalSet,
    out: &Reach<'_>,
    back: &Reach<'_>,
) -> Option<Diagnostic> {
    let goal = Goal::new(ground.model, outside, None);
    let leaving = out.chain(inside, &goal);
    let chain = leaving.or_else(|| {
        let mut chain = back.chain(inside, &goal)?;
        chain.reverse();
        for hop in &mut chain {
            std::mem::swap(&mut hop.source, &mut hop.destination);
        }
        Some(chain)
    })?;
    let (first, last) = (chain.first()?, chain.last()?);
    let name = |id: u32| &ground.model.principal(id).name;
    let what = format!(
        "a chain from `{}` to `{}` crosses the border of `{}`",
        name(first.source),
        name(last.destination),
        universe.path(isolated.entity)
    );
    let (file, span) = universe.name_span(isolated.entity);
    let found = Diagnostic::new(&codes::E0514, what).primary(file, span, "declared `isolated`");
    let found = explain(universe, ground, out, found, &goal, &chain);
    Some(found.help("drop a flow of the chain, or the `isolated`"))
}

fn isolated(universe: &Universe<'_>, model: &Model) -> Vec<Isolated> {
    let mut isolated = Vec::new();
    for zone in model.zones.iter().filter(|zone| zone.isolated) {
        let is_inside = |own: crate::model::ZoneId| {
            model.zones_around(own).any(|around| model.zone(around).entity == zone.entity)
        };
        let inside = model.principals_where(|principal| principal.zones.iter().any(|own| is_inside(*own)));
        let all = (0..model.segments.len() as u32).map(SegmentId);
        isolated.push(Isolated {
            entity: zone.entity,
            inside: inside.into(),
            segments: all.filter(|segment| model.segment(*segment).zone.is_some_and(is_inside)).collect(),
        });
    }
    for (index, segment) in model.segments.iter().enumerate() {
        let declared =
            universe.attribute(segment.entity, "isolated").filter(|_| segment.kind == SegmentKind::Slice);
        if declared.is_some_and(|attribute| attribute.value.as_word().is_some_and(|word| word.text == "true"))
        {
            let own = SegmentId(index as u32);
            let inside = model.principals_where(|principal| {
                principal.kind == PrincipalKind::Device
                    && principal.attachments.iter().any(|attachment| attachment.segment == own)
            });
            isolated.push(Isolated { entity: segment.entity, inside: inside.into(), segments: vec![own] });
        }
    }
    isolated
}
