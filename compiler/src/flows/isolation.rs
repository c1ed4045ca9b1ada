//! What is declared isolated has no flow in or out.

use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{Rectangle, Statement};
use crate::{
    model::{Model, PrincipalKind, SegmentKind},
    names::{EntityId, Universe},
    plan::Ranges,
};

/// Reports every rectangle that crosses the border of an isolated zone or slice.
pub fn check(
    universe: &Universe<'_>,
    model: &Model,
    statements: &[Statement],
    rectangles: &[Rectangle],
    diagnostics: &mut Vec<Diagnostic>,
) {
    // gateways stand on borders and belong to neither side
    let gateways = model.principals_where(|principal| principal.kind == PrincipalKind::Gateway);
    for (entity, inside) in isolated(universe, model) {
        let crossing = rectangles.iter().find(|rectangle| {
            let crosses = |from: &Ranges<u32>, to: &Ranges<u32>| {
                let outside = to.difference(&inside).difference(&gateways);
                !from.intersection(&inside).difference(&gateways).is_empty() && !outside.is_empty()
            };
            crosses(&rectangle.sources, &rectangle.destinations)
                || crosses(&rectangle.destinations, &rectangle.sources)
        });
        if let Some(rectangle) = crossing {
            let statement = &statements[rectangle.statement as usize];
            let (file, span) = universe.name_span(entity);
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0514,
                    format!("a flow crosses the border of `{}`", universe.path(entity)),
                )
                .primary(statement.file, statement.span, "from one side to the other")
                .secondary(file, span, "declared `isolated`")
                .help("drop the flow, or the `isolated`"),
            );
        }
    }
}

fn isolated(universe: &Universe<'_>, model: &Model) -> Vec<(EntityId, Ranges<u32>)> {
    let mut isolated = Vec::new();
    for zone in model.zones.iter().filter(|zone| zone.isolated) {
        isolated.push((
            zone.entity,
            model.principals_where(|principal| {
                principal
                    .zones
                    .iter()
                    .flat_map(|own| model.zones_around(*own))
                    .any(|around| model.zone(around).entity == zone.entity)
            }),
        ));
    }
    for segment in model.segments.iter().filter(|segment| segment.kind == SegmentKind::Slice) {
        let declared = universe.attribute(segment.entity, "isolated");
        if declared.is_some_and(|attribute| attribute.value.as_word().is_some_and(|word| word.text == "true"))
        {
            isolated.push((
                segment.entity,
                model.principals_where(|principal| {
                    principal.kind == PrincipalKind::Device
                        && principal
                            .attachments
                            .iter()
                            .any(|at| model.segment(at.segment).entity == segment.entity)
                }),
            ));
        }
    }
    isolated
}
