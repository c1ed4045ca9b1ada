//! What flows ask for (`qos`), against what their 5QI, their session and their radio can give.

use std::collections::BTreeMap;

use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{FlowPlan, SlicePlan, build::End};
use crate::{
    flows::Statement,
    model::{
        Model,
        build::attribute_place,
        fiveg::{
            Arp, BitRate, FlowQuality, ResourceType, Slice, characteristics,
            check::{fallback, too_fast, too_important, unknown_five_qi},
            resource_type,
        },
    },
    names::Universe,
    plan::Leg,
};

/// The flow as a core is told of it.
pub(super) fn flow(quality: &FlowQuality, slice: &SlicePlan, statement: u32, at: usize) -> FlowPlan {
    let arp = slice.quality.arp;
    FlowPlan {
        statement,
        slice: at,
        five_qi: quality.five_qi.unwrap_or(slice.quality.five_qi),
        arp: Arp { priority: quality.arp.unwrap_or(arp.priority), ..arp },
        guaranteed: quality.guaranteed,
        maximum: quality.maximum,
        period: quality.period.map(|nanoseconds| nanoseconds.div_ceil(1_000_000)),
        filters: Vec::new(),
    }
}

/// Each statement with a `qos`, once.
pub(super) fn check(
    universe: &Universe<'_>,
    model: &Model,
    statements: &[Statement],
    (legs, ends): (&[Leg], &[End]),
    diagnostics: &mut Vec<Diagnostic>,
) {
    let asking: Vec<usize> = statements
        .iter()
        .enumerate()
        .filter(|(_, statement)| statement.conditions.quality.is_some())
        .map(|(index, _)| index)
        .collect();
    if asking.is_empty() {
        return;
    }
    let mut asked = vec![false; statements.len()];
    for leg in legs {
        asked[leg.statement as usize] = true;
    }
    let slices = &model.mobile.slices;
    let mut slices_of: BTreeMap<usize, Vec<(usize, u64)>> = BTreeMap::new();
    for end in ends {
        let statement = end.statement as usize;
        if statements[statement].conditions.quality.is_some() {
            let met = slices_of.entry(statement).or_default();
            match met.iter_mut().find(|(slice, _)| *slice == end.slice) {
                Some((_, ues)) => *ues = (*ues).max(end.ues.count()),
                None => met.push((end.slice, end.ues.count())),
            }
        }
    }
    // bits per second that each radio has to guarantee, and the largest of them
    let mut promised: BTreeMap<usize, (u64, u64, usize)> = BTreeMap::new();
    for index in asking {
        let statement = &statements[index];
        let Some(quality) = statement.conditions.quality.as_ref() else { continue };
        let Some(met) = slices_of.get(&index) else {
            if !asked[index] {
                continue; // nothing is left of it: that is said
            }
            diagnostics.push(
                Diagnostic::new(&codes::E0724, "neither end of this flow is in a slice")
                    .primary(statement.file, quality.span, "no core would be told of it")
                    .help("remove the `qos`, or put a device with a SIM at one of the flow's ends"),
            );
            continue;
        };
        let before = diagnostics.len();
        for (slice, _) in met {
            one(statement, quality, &slices[*slice], model, diagnostics);
            if diagnostics.len() > before {
                break; // one mistake, however many slices
            }
        }
        if let Some(guaranteed) = quality.guaranteed {
            for (slice, ues) in met {
                let bits = guaranteed.0.saturating_mul(*ues);
                for radio in &slices[*slice].area {
                    let sum = promised.entry(*radio).or_insert((0, 0, index));
                    sum.0 = sum.0.saturating_add(bits);
                    if bits > sum.1 {
                        (sum.1, sum.2) = (bits, index);
                    }
                }
            }
        }
    }
    for (radio, (sum, _, largest)) in promised {
        let radio = &model.mobile.radios[radio];
        if let Some(capacity) = radio.capacity.filter(|capacity| sum > capacity.0) {
            let (file, span) = attribute_place(universe, radio.entity, "capacity");
            let statement = &statements[largest];
            let place = statement.conditions.quality.as_ref().map_or(statement.span, |quality| quality.span);
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0721,
                    format!(
                        "flows are guaranteed {} at `{}`, which has {capacity}",
                        BitRate(sum),
                        radio.name
                    ),
                )
                .primary(file, span, "what it can guarantee to all together")
                .secondary(statement.file, place, "the largest part")
                .help("guarantee less, to fewer devices, or offer the slice by fewer radios"),
            );
        }
    }
}

fn one(
    statement: &Statement,
    quality: &FlowQuality,
    slice: &Slice,
    model: &Model,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let (file, span) = (statement.file, quality.span);
    let five_qi = quality.five_qi.unwrap_or(slice.quality.five_qi);
    let Some(resource) = resource_type(five_qi) else {
        diagnostics.push(unknown_five_qi(five_qi, file, span));
        return;
    };
    let contradiction = |what: String, label: &str, help: &str| {
        Diagnostic::new(&codes::E0720, what).primary(file, span, label).help(help)
    };
    if quality.has_session_rate {
        diagnostics.push(contradiction(
            "`ambr_up` and `ambr_down` are rates of a session".into(),
            "a flow has none",
            "give the slice the rate, and the flow `gfbr` and `mfbr`",
        ));
        return;
    }
    let guarantees = resource != ResourceType::NonGuaranteed;
    let wrong = match (guarantees, quality.guaranteed, quality.maximum) {
        (true, None, _) | (true, _, None) => Some((
            format!("5QI {five_qi} guarantees a rate, and the flow names none"),
            "needs `gfbr` and `mfbr`",
            "write both, as `qos = { five_qi = 83, gfbr = 500 Kbps, mfbr = 500 Kbps }`",
        )),
        (true, Some(guaranteed), Some(maximum)) if guaranteed > maximum => Some((
            format!("the guaranteed {guaranteed} are more than the maximum of {maximum}"),
            "`gfbr` above `mfbr`",
            "raise `mfbr`, or lower `gfbr`",
        )),
        (false, Some(_), _) => Some((
            format!("5QI {five_qi} guarantees no rate"),
            "`gfbr` has no meaning here",
            "remove it, or take a guaranteed 5QI: 82 to 85 for control, 1 to 4 and 65 to 67 else",
        )),
        _ => None,
    };
    if let Some((what, label, help)) = wrong {
        diagnostics.push(contradiction(what, label, help));
        return;
    }
    if let Some(warning) =
        quality.arp.and_then(|priority| too_important(model, slice, priority, (file, span)))
    {
        diagnostics.push(warning);
    }
    let session = slice.quality.session;
    if let Some(maximum) = quality.maximum
        && !guarantees
        && (maximum > session.uplink || maximum > session.downlink)
    {
        diagnostics.push(
            Diagnostic::new(
                &codes::E0722,
                format!(
                    "the flow's maximum of {maximum} is more than a session of `{}` has ({} up, {} down)",
                    slice.name, session.uplink, session.downlink
                ),
            )
            .primary(file, span, "never reached")
            .help("lower `mfbr`, or raise `ambr_up` and `ambr_down` in the slice"),
        );
        return;
    }
    if let Some(known) = model.mobile.cores[slice.core].capabilities() {
        if !known.takes(five_qi) {
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0718,
                    format!("{} does not know 5QI {five_qi}", known.product.name()),
                )
                .primary(file, span, "not in its table")
                .help(fallback(known)),
            );
            return;
        }
        let rates = [quality.guaranteed, quality.maximum];
        if let Some(rate) = rates.into_iter().flatten().find(|rate| !known.keeps(*rate)) {
            diagnostics.push(too_fast(known, rate, (file, span)));
            return;
        }
    }
    cyclic(statement, quality, five_qi, diagnostics);
}

/// A message has to fit into what the 5QI and the rate promise.
fn cyclic(statement: &Statement, quality: &FlowQuality, five_qi: u8, diagnostics: &mut Vec<Diagnostic>) {
    let (file, span) = (statement.file, quality.span);
    let row = characteristics(five_qi);
    let broken = |what: String, label: &str, help: &str| {
        Diagnostic::new(&codes::E0723, what).primary(file, span, label).help(help)
    };
    if let (Some(size), Some(burst)) = (quality.size, row.and_then(|row| row.burst))
        && size > u64::from(burst)
    {
        diagnostics.push(broken(
            format!("a message of {size} bytes is more than 5QI {five_qi} carries at once"),
            &format!("{burst} bytes within its delay budget"),
            "take a 5QI with a larger burst (83, 84, 86), or shorter messages",
        ));
        return;
    }
    let Some(period) = quality.period else { return };
    if period == 0 {
        diagnostics.push(broken(
            "a period of 0 is none".into(),
            "no message would follow another",
            "write the time from one message to the next: `period = 8 ms`",
        ));
        return;
    }
    if let (Some(size), Some(rate)) = (quality.size, quality.guaranteed.or(quality.maximum)) {
        let needed = u128::from(size) * 8 * 1_000_000_000 / u128::from(period);
        if needed > u128::from(rate.0) {
            diagnostics.push(broken(
                format!("{size} bytes in each period are {needed} bps, and the flow has {rate}"),
                "more than its rate",
                "raise `gfbr` and `mfbr`, or send less often",
            ));
            return;
        }
    }
    if let Some(row) = row
        && period < u64::from(row.delay_budget) * 1_000_000
        && row.resource == ResourceType::DelayCritical
    {
        diagnostics.push(
            Diagnostic::new(
                &codes::W0715,
                format!("5QI {five_qi} lets a message take {} ms, longer than the period", row.delay_budget),
            )
            .primary(file, span, "the next one may be due before this one arrives")
            .help(
                "take a 5QI with a shorter delay budget (85, 86: 5 ms), or see that the receiver expects it",
            ),
        );
    }
}
