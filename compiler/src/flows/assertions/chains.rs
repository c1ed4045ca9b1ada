//! `assert never`, `assert isolated`: claims about chains of flows.

use weir_syntax::{Code, Diagnostic, FileId, Span, diagnostic::codes};

use super::{Body, Claim, Ground, vacuous, witness};
use crate::{
    flows::{
        Statement,
        reach::{By, Cut, Goal, Hop, Reach, common_segment, unfiltered_gateway},
    },
    model::{Model, PrincipalSet, SegmentId, SegmentKind},
    names::Universe,
    plan::Ranges,
};

/// What breaks a claim, or a warning that it says nothing.
pub(super) fn check(
    universe: &Universe<'_>,
    ground: Ground<'_>,
    reach: &Reach<'_>,
    claim: &Claim,
) -> Option<Diagnostic> {
    let place = (claim.file, claim.span);
    match &claim.body {
        Body::Direct { .. } => None,
        Body::Never { sources, destinations, services, .. } => {
            let model = ground.model;
            let both = sources.intersection(destinations);
            if services.is_none()
                && let Some((first, _)) = both.iter().next()
            {
                return Some(
                    Diagnostic::new(
                        &codes::E0702,
                        format!(
                            "this assertion cannot hold: `{}` is on both sides",
                            model.principal(first).name
                        ),
                    )
                    .primary(claim.file, claim.span, "who is there already needs no flow")
                    .help("take it out of one side: `(a - b) ~> b`"),
                );
            }
            let goal = Goal::new(model, destinations, services.as_deref());
            match reach.chain(sources, &goal) {
                Some(chain) => {
                    Some(broken(universe, ground, reach, &codes::E0702, place, sources, &goal, &chain))
                }
                None => vacuous::never(model, reach, claim, sources, destinations),
            }
        }
        Body::Isolated { members, .. } => {
            if let Some(shared) = shared(universe, ground.model, place, members) {
                return Some(shared);
            }
            members.iter().enumerate().find_map(|(index, (from, _))| {
                let mut others = Vec::new();
                for (other, (set, _)) in members.iter().enumerate() {
                    if other != index {
                        others.extend(set.iter());
                    }
                }
                let others: PrincipalSet = Ranges::from_unsorted(others).into();
                let goal = Goal::new(ground.model, &others, None);
                let chain = reach.chain(from, &goal)?;
                Some(broken(universe, ground, reach, &codes::E0703, place, from, &goal, &chain))
            })
        }
    }
}

/// A chain, and what would end it.
#[allow(clippy::too_many_arguments, reason = "the parts of one question and its answer")]
fn broken(
    universe: &Universe<'_>,
    ground: Ground<'_>,
    reach: &Reach<'_>,
    code: &'static Code,
    (file, span): (FileId, Span),
    from: &PrincipalSet,
    goal: &Goal<'_>,
    chain: &[Hop],
) -> Diagnostic {
    let name = |id: u32| &ground.model.principal(id).name;
    let (Some(first), Some(last)) = (chain.first(), chain.last()) else {
        return Diagnostic::new(code, "this assertion does not hold").primary(file, span, "broken");
    };
    let hops = match chain.len() {
        1 => "in one step".to_owned(),
        more => format!("in {more} steps"),
    };
    let message = format!(
        "this assertion does not hold: `{}` reaches `{}` {hops}",
        name(first.source),
        name(last.destination)
    );
    let diagnostic = Diagnostic::new(code, message).primary(file, span, "broken");
    let diagnostic = explain(universe, ground, reach, diagnostic, goal, chain);
    ends(ground, diagnostic, &reach.cut(from, goal))
}

/// Steps of a chain that are shown at each of its ends, where it is longer than both together.
const SHOWN: usize = 12;

/// Adds a chain: each step on a line of its own, and in the text what permits it.
pub(in crate::flows) fn explain(
    universe: &Universe<'_>,
    ground: Ground<'_>,
    reach: &Reach<'_>,
    mut diagnostic: Diagnostic,
    goal: &Goal<'_>,
    chain: &[Hop],
) -> Diagnostic {
    let mut lines = String::from("a shortest chain:");
    let mut places: Vec<((FileId, Span), Vec<usize>)> = Vec::new();
    for (index, hop) in chain.iter().enumerate() {
        if index >= SHOWN && index + SHOWN < chain.len() {
            if index == SHOWN {
                lines.push_str(&format!("\n  … {} more …", chain.len() - 2 * SHOWN));
            }
            continue;
        }
        let is_last = index + 1 == chain.len();
        let text = witness::hop(ground.model, reach, hop, is_last.then_some(goal));
        lines.push_str(&format!("\n  {}. {text}", index + 1));
        let place = place(universe, ground, hop);
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, numbers)) => numbers.push(index + 1),
            None => places.push((place, vec![index + 1])),
        }
    }
    for ((file, span), numbers) in places {
        let steps = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let noun = if numbers.len() == 1 { "step" } else { "steps" };
        diagnostic = diagnostic.secondary(file, span, format!("{noun} {steps}"));
    }
    diagnostic.note(lines)
}

/// Where the text says, or leaves open, that a step is possible.
fn place(universe: &Universe<'_>, ground: Ground<'_>, hop: &Hop) -> (FileId, Span) {
    let segment = |segment: SegmentId| universe.name_span(ground.model.segment(segment).entity);
    match hop.by {
        By::Flow(statement) => {
            let statement = &ground.statements[statement as usize];
            (statement.file, statement.span)
        }
        By::Segment(id) | By::Person(id) => segment(id),
        By::Joined(id) => match unfiltered_gateway(ground.model, hop) {
            Some(gateway) => universe.name_span(ground.model.gateway(gateway).entity),
            None => segment(id),
        },
        By::Gateway(gateway) => match common_segment(ground.model, hop) {
            Some(id) => segment(id),
            None => universe.name_span(ground.model.gateway(gateway).entity),
        },
    }
}

/// Adds what would end all chains.
fn ends(ground: Ground<'_>, diagnostic: Diagnostic, cut: &Cut) -> Diagnostic {
    let statement = |index: u32| &ground.statements[index as usize];
    match cut {
        Cut::Unseparated(chain) => {
            let last = chain.last().map(|hop| match hop.by {
                By::Gateway(_) | By::Flow(_) => None,
                By::Segment(segment) | By::Joined(segment) | By::Person(segment) => {
                    Some(&ground.model.segment(segment).name)
                }
            });
            let where_ = match last.flatten() {
                Some(name) => format!("`{name}` joins them"),
                None => "a gateway joins them".to_owned(),
            };
            diagnostic.help(format!(
                "no change of a flow ends this: {where_}; put them on networks of their own, with a gateway that filters between"
            ))
        }
        Cut::Many(most) => {
            diagnostic.help(format!("more than {most} statements would have to go: narrow the assertion, give it a `pivot`, or separate the two with a `deny`"))
        }
        Cut::Statements { statements, fewest } => {
            let texts: Vec<String> =
                statements.iter().map(|index| format!("`{}`", shown(statement(*index)))).collect();
            let help = match (texts.as_slice(), *fewest) {
                ([only], _) => format!("without {only} no chain is left: narrow it, or correct the assertion"),
                (several, true) => format!(
                    "no chain is left without these {}, and no fewer do: {}",
                    several.len(),
                    several.join(", ")
                ),
                (several, false) => {
                    format!("no chain is left without these {}: {}", several.len(), several.join(", "))
                }
            };
            let mut diagnostic = diagnostic;
            for statement in statements.iter().map(|index| statement(*index)) {
                let known = diagnostic
                    .labels
                    .iter_mut()
                    .find(|label| !label.primary && (label.file, label.span) == (statement.file, statement.span));
                match known {
                    Some(label) => label.message.push_str("; part of the cut"),
                    None => {
                        diagnostic = diagnostic.secondary(statement.file, statement.span, "part of the cut");
                    }
                }
            }
            diagnostic.help(help)
        }
    }
}

/// A statement's text, up to its block.
fn shown(statement: &Statement) -> &str {
    let text = statement.text.split(" {").next().unwrap_or(&statement.text);
    &text[..text.floor_char_boundary(120)]
}

/// What two members have in common: a principal, a pool, a user plane.
fn shared(
    universe: &Universe<'_>,
    model: &Model,
    (file, span): (FileId, Span),
    members: &[(PrincipalSet, Span)],
) -> Option<Diagnostic> {
    let pairs = (0..members.len()).flat_map(|one| (one + 1..members.len()).map(move |other| (one, other)));
    let slices: Vec<Vec<SegmentId>> = members.iter().map(|(set, _)| slices_of(model, set)).collect();
    for (one, other) in pairs {
        let ((first, first_span), (second, second_span)) = (&members[one], &members[other]);
        let found = |message: String| {
            Diagnostic::new(&codes::E0703, message)
                .primary(file, span, "broken")
                .secondary(file, *first_span, "one")
                .secondary(file, *second_span, "the other")
        };
        if let Some((id, _)) = first.intersection(second).iter().next() {
            let message =
                format!("this assertion does not hold: `{}` belongs to both", model.principal(id).name);
            return Some(found(message).help("take it out of one of them, or make it two devices"));
        }
        if let Some((what, (file, span))) = shared_plane(universe, model, &slices[one], &slices[other]) {
            return Some(
                found(format!("this assertion does not hold: both use {what}"))
                    .secondary(file, span, "shared")
                    .help("give each a slice and a `dedicated(…)` user plane of its own"),
            );
        }
    }
    None
}

/// The slices on which members of a set stand.
pub(in crate::flows) fn slices_of(model: &Model, set: &Ranges<u32>) -> Vec<SegmentId> {
    let attached = set.members().flat_map(|id| &model.principal(id).attachments);
    let mut slices: Vec<SegmentId> = attached
        .map(|attachment| attachment.segment)
        .filter(|segment| model.segment(*segment).kind == SegmentKind::Slice)
        .collect();
    slices.sort_unstable();
    slices.dedup();
    slices
}

/// A pool or UPF that two lists of slices share. (A shared data network of one core is E0408.)
pub(in crate::flows) fn shared_plane(
    universe: &Universe<'_>,
    model: &Model,
    first: &[SegmentId],
    second: &[SegmentId],
) -> Option<(String, (FileId, Span))> {
    if let Some(slice) = first.iter().find(|slice| second.contains(slice)) {
        let segment = model.segment(*slice);
        return Some((format!("the pool of `{}`", segment.name), universe.name_span(segment.entity)));
    }
    let upf = model.gateways.iter().find(|gateway| {
        let serves = |slices: &[SegmentId]| {
            gateway.interfaces.iter().any(|interface| slices.contains(&interface.segment))
        };
        gateway.enforces.contains(&"upf") && serves(first) && serves(second)
    })?;
    Some((format!("the UPF `{}`", upf.name), universe.name_span(upf.entity)))
}
