//! Why a flow is denied, and what would have to change.

use serde::Serialize;
use weir_compiler::{
    flows::{conduits_between, covered},
    model::PrincipalKind,
};
use weir_syntax::ast::Effect;

use super::{Leg, as_rectangle, path::Context};
use crate::{
    Subject,
    access::service,
    diff::{Rule, Witness, causes::covering_deny, grants::Grant},
    naming::sane_port,
};

/// A part that is denied, by one example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Denial {
    pub sources: String,
    pub destinations: String,
    pub service: String,
    pub witness: Witness,
    /// The `deny` that covers it; nothing, where no rule speaks of it.
    pub deny: Option<Rule>,
    /// Rules that nearly permit it, the nearest first.
    pub near: Vec<Near>,
    /// What would have to change, in order.
    pub needs: Vec<String>,
    pub leg: Leg,
    /// Policy denies it, and nothing on the way can stop it.
    pub gap: Option<String>,
}

/// A rule that permits something like it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Near {
    pub rule: Rule,
    /// What keeps it from permitting this.
    pub but: String,
}

/// Near rules that are shown.
const SHOWN: usize = 3;

pub(super) fn denial(subject: &Subject, context: &Context<'_>, part: &Grant) -> Denial {
    let model = subject.model();
    let pair = crate::diff::preferred(subject, &part.sources, &part.destinations);
    let (source, destination) = pair;
    let port = sane_port(model, destination, &part.ports);
    let asked = service(model, &part.ports, None, part.demand.as_ref());
    let deny = covering_deny(subject, source, destination, &part.ports);
    let (from, to) = (subject.name(source), subject.name(destination));
    let mut needs = Vec::new();
    if let Some(deny) = deny {
        let place = subject.place(deny.file, deny.span);
        needs.push(format!("narrow `{}` ({place}): a `deny` always wins", deny.text));
    }
    let protocol = part.demand.as_ref().map(|demand| demand.protocol).or_else(|| {
        // a port that the destination serves some protocol on
        let served =
            model.principal(destination).serves().iter().map(|one| model.protocols.index(one.protocol));
        served.into_iter().find(|protocol| {
            let ports = weir_compiler::flows::PortSet::of(&model.served_at(destination, *protocol));
            ports.covers(&part.ports)
        })
    });
    match conduits_between(model, &as_rectangle(part, protocol), source, destination) {
        Some(conduits) if conduits.is_empty() => {
            let zone = |id: u32| {
                let zone = model.principal(id).zones.first().map(|zone| model.zone(*zone).name.clone());
                zone.unwrap_or_else(|| subject.name(id).to_owned())
            };
            needs.push(format!(
                "a conduit between `{}` and `{}` that carries it: there is none",
                zone(source),
                zone(destination)
            ));
        }
        Some(conduits) if conduits.iter().all(|(_, carries)| !carries) => {
            let names: Vec<String> =
                conduits.iter().map(|(index, _)| format!("`{}`", model.conduits[*index].name)).collect();
            needs.push(format!("{} would have to carry it", names.join(" or ")));
        }
        _ => {}
    }
    let served = model.principal(destination).serves().iter().any(|one| {
        let protocol = model.protocols.index(one.protocol);
        weir_compiler::flows::PortSet::of(&model.served_at(destination, protocol)).overlaps(&part.ports)
    });
    if !served && model.principal(destination).kind != PrincipalKind::External {
        needs.push(format!("`{to}` serves nothing on {}: `serves = […]`", port.describe()));
    }
    let short = protocol.map_or_else(
        || port.describe(),
        |protocol| service(model, &part.ports, Some(protocol), part.demand.as_ref()),
    );
    let of_other_operations = subject.facts.rectangles.iter().position(|one| {
        one.ports.overlaps(&port) && one.sources.contains(source) && one.destinations.contains(destination)
    });
    let leg = context.refused(of_other_operations.map(|index| index as u32), pair, &port);
    if leg.points.is_empty() && leg.segments.is_empty() {
        needs.push(format!("a path: {}", leg.remark.clone().unwrap_or_default()));
    }
    needs.push(format!("a rule: `allow {from} -> {to} : {short}`"));
    let gap = subject.plan.iter().flat_map(|plan| &plan.gaps).find(|gap| {
        gap.who.contains(source)
            && gap.who.contains(destination)
            && source != destination
            && leg.points.is_empty()
    });
    Denial {
        sources: subject.naming().describe(model, &part.sources),
        destinations: subject.naming().describe(model, &part.destinations),
        service: asked,
        witness: Witness { source: from.into(), destination: to.into(), service: port.describe() },
        deny: deny.map(|deny| Rule {
            id: deny.id.to_string(),
            policy: deny.policy.to_string(),
            text: deny.text.to_string(),
            place: subject.place(deny.file, deny.span),
        }),
        near: near(subject, part, pair),
        needs,
        leg,
        gap: gap.map(|gap| gap.message().to_owned()),
    }
}

/// Rules that two of source, destination and service fit; the same ends count most.
fn near(subject: &Subject, part: &Grant, (source, destination): (u32, u32)) -> Vec<Near> {
    let model = subject.model();
    let mut found: Vec<(u8, Near)> = Vec::new();
    for (index, statement) in subject.facts.statements.iter().enumerate() {
        if statement.effect == Effect::Deny {
            continue;
        }
        let has_source = statement.sources.contains(source);
        let has_destination = statement.destinations.contains(destination);
        if !has_source && !has_destination {
            continue;
        }
        let at = if has_destination {
            std::sync::Arc::new(std::iter::once(destination).collect())
        } else {
            statement.destinations.clone()
        };
        let parts = covered(model, &statement.services, &at);
        let has_service = parts.iter().any(|one| one.ports.overlaps(&part.ports));
        let (rank, but) = match (has_source, has_destination, has_service) {
            (true, true, true) => (0, "permits other operations, or a `deny` takes this from it".to_owned()),
            (true, true, false) => {
                (1, format!("is for `{}`", subject.text(statement.file, statement.service_span)))
            }
            (false, true, true) => (
                2,
                format!(
                    "is for `{}`, and `{}` is none of them",
                    subject.text(statement.file, statement.source_span),
                    subject.name(source)
                ),
            ),
            (true, false, true) => (
                3,
                format!(
                    "leads to `{}`, and `{}` is none of them",
                    subject.text(statement.file, statement.destination_span),
                    subject.name(destination)
                ),
            ),
            _ => continue,
        };
        found.push((rank, Near { rule: crate::diff::rule(subject, index as u32), but }));
    }
    found.sort_by(|a, b| (a.0, &a.1.rule.place).cmp(&(b.0, &b.1.rule.place)));
    found.into_iter().map(|(_, near)| near).take(SHOWN).collect()
}
