//! What policy denies and nothing separates: stations of one segment, and segments joined by gateways without a filter.

use rustc_hash::FxHashMap;
use weir_syntax::{Diagnostic, diagnostic::codes};

use crate::{
    flows::some_names,
    model::{Model, PrincipalKind, SegmentKind},
    names::Universe,
};

/// One warning for each segment whose stations reach each other.
pub fn gaps(universe: &Universe<'_>, model: &Model, diagnostics: &mut Vec<Diagnostic>) {
    super::clusters::host_networks(universe, model, diagnostics);
    let mut on: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for (index, principal) in model.principals.iter().enumerate() {
        if matches!(principal.kind, PrincipalKind::Device | PrincipalKind::External) {
            for attachment in &principal.attachments {
                on.entry(attachment.segment.0).or_default().push(index as u32);
            }
        }
    }
    for (index, segment) in model.segments.iter().enumerate() {
        let Some(stations) = on.get(&(index as u32)).filter(|stations| stations.len() > 1) else { continue };
        let devices =
            stations.iter().filter(|id| model.principal(**id).kind == PrincipalKind::Device).count();
        if devices == 0
            || segment.isolated
            || segment.accept_gap.is_some()
            || segment.kind == SegmentKind::Pods
        {
            continue;
        }
        let (file, span) = universe.name_span(segment.entity);
        let names = some_names(model, stations.iter().copied());
        let (place, help) = match segment.kind {
            SegmentKind::Slice => (
                "inside of the UPF",
                "`accept_gap = \"…\"` in the slice, or one slice (with its own pool) per group",
            ),
            _ => (
                "on the segment",
                "`accept_gap = \"…\"` or `isolated = true` in the network, or one network per group",
            ),
        };
        diagnostics.push(
            Diagnostic::new(&codes::W0601, format!("{names} reach each other {place}, whatever policy says"))
                .primary(
                    file,
                    span,
                    format!("{} stations, and no enforcement point between them", stations.len()),
                )
                .help(format!("accept it or separate them: {help}")),
        );
    }
}
