//! `assert allow`, `assert deny`, `assert only`: claims about single flows, held against the relation. A claim that does
//! not hold is shown with one flow that breaks it.

use weir_syntax::{
    Diagnostic, FileId, Span,
    ast::{self, Arrow},
    diagnostic::codes,
};

use super::{
    PortSet, Rectangle, Statement,
    relation::{Covered, covered},
};
use crate::{
    model::{Model, PrincipalSet, Service, Sets, Unbuilt, protocols::OperationUse},
    names::{Scope, Universe},
    plan::Ranges,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Allow,
    Deny,
    Only,
}

struct Claim {
    kind: Kind,
    sources: PrincipalSet,
    destinations: PrincipalSet,
    services: Vec<Service>,
    file: FileId,
    span: Span,
}

/// The claims of a package, their sets and services resolved.
pub struct Claims(Vec<Claim>);

impl Claims {
    /// Reads every assertion. Those on chains of flows (`never`, `isolated`) have no proof yet, which is said.
    pub fn read<'a>(
        universe: &Universe<'a>,
        model: &Model,
        sets: &mut Sets<'_, 'a>,
        diagnostics: &mut Vec<Diagnostic>,
        unbuilt: &mut Vec<Unbuilt>,
    ) -> Self {
        let mut claims = Vec::new();
        for assertion in &universe.assertions {
            let (scope, span) = (assertion.scope, assertion.span);
            let kind = match assertion.assertion.kind.text.as_str() {
                "allow" => Some(Kind::Allow),
                "deny" => Some(Kind::Deny),
                "only" => Some(Kind::Only),
                name @ ("never" | "isolated") => {
                    let what = format!("`assert {name}`");
                    unbuilt.push(Unbuilt { what, file: scope.file, span });
                    None
                }
                _ => None,
            };
            match &assertion.assertion.claim {
                ast::Claim::Members(members) => {
                    for member in members {
                        side(sets, member, scope, diagnostics);
                    }
                }
                ast::Claim::Flow { source, arrow, destination, service } => {
                    let sources = side(sets, source, scope, diagnostics);
                    let destinations = side(sets, destination, scope, diagnostics);
                    let services = service.as_ref().and_then(|service| {
                        let services = model.protocols.services(universe, service, scope);
                        services.map_err(|diagnostic| diagnostics.push(*diagnostic)).ok()
                    });
                    let (Some(kind), Some(sources), Some(destinations), Some(services)) =
                        (kind, sources, destinations, services)
                    else {
                        continue;
                    };
                    let file = scope.file;
                    if *arrow == Arrow::Both {
                        let (sources, destinations) = (destinations.clone(), sources.clone());
                        claims.push(Claim {
                            kind,
                            sources,
                            destinations,
                            services: services.clone(),
                            file,
                            span,
                        });
                    }
                    claims.push(Claim { kind, sources, destinations, services, file, span });
                }
            }
        }
        Self(claims)
    }

    /// Reports each claim that the relation breaks.
    pub fn check(
        &self,
        model: &Model,
        statements: &[Statement],
        rectangles: &[Rectangle],
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        for claim in &self.0 {
            let found = match claim.kind {
                Kind::Allow => missing(model, claim, rectangles),
                Kind::Deny | Kind::Only => permitted(model, claim, statements, rectangles),
            };
            diagnostics.extend(found);
        }
    }
}

fn side<'a>(
    sets: &mut Sets<'_, 'a>,
    expr: &'a ast::Expr,
    scope: Scope,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<PrincipalSet> {
    match sets.evaluate(expr, scope) {
        Ok(set) if set.is_empty() => diagnostics.push(
            Diagnostic::new(&codes::E0507, "this set is empty")
                .primary(scope.file, expr.span, "no principal is in it")
                .help("an assertion about nobody holds without saying anything"),
        ),
        Ok(set) => return Some(set),
        Err(diagnostic) => diagnostics.push(*diagnostic),
    }
    None
}

/// A flow that is permitted and must not be: from a source of the claim, or (`only`) from any other.
fn permitted(
    model: &Model,
    claim: &Claim,
    statements: &[Statement],
    rectangles: &[Rectangle],
) -> Option<Diagnostic> {
    let parts = covered(model, &claim.services, &claim.destinations);
    rectangles.iter().find_map(|rectangle| {
        let part = parts.iter().find(|part| {
            rectangle.ports.overlaps(&part.ports)
                && !rectangle.destinations.intersection(&part.destinations).is_empty()
                && may_be(rectangle, part.operation.as_ref())
        })?;
        let sources = match claim.kind {
            Kind::Only => rectangle.sources.difference(&claim.sources),
            _ => rectangle.sources.intersection(&claim.sources),
        };
        let (source, _) = sources.iter().next()?;
        let (destination, _) = rectangle.destinations.intersection(&part.destinations).iter().next()?;
        let witness = witness(model, source, destination, &rectangle.ports.intersection(&part.ports));
        let statement = &statements[rectangle.statement as usize];
        Some(
            Diagnostic::new(&codes::E0701, format!("this assertion does not hold: {witness} is permitted"))
                .primary(claim.file, claim.span, "broken")
                .secondary(statement.file, statement.span, "permits it")
                .help("narrow the `allow`, add a `deny`, or correct the assertion"),
        )
    })
}

/// A flow that must be permitted and is not.
fn missing(model: &Model, claim: &Claim, rectangles: &[Rectangle]) -> Option<Diagnostic> {
    for part in served(model, claim) {
        let mut left = vec![((*claim.sources).clone(), (*part.destinations).clone(), part.ports.clone())];
        for rectangle in rectangles.iter().filter(|rectangle| holds(rectangle, part.operation.as_ref())) {
            if rectangle.ports.overlaps(&part.ports) {
                left = left.into_iter().flat_map(|open| without(open, rectangle)).collect();
            }
        }
        if let Some((sources, destinations, ports)) = left.first()
            && let (Some((source, _)), Some((destination, _))) =
                (sources.iter().next(), destinations.iter().next())
        {
            let witness = witness(model, source, destination, ports);
            return Some(
                Diagnostic::new(&codes::E0701, format!("this assertion does not hold: {witness} is denied"))
                    .primary(claim.file, claim.span, "broken")
                    .help("permit it with an `allow` that no `deny` covers, or correct the assertion"),
            );
        }
    }
    None
}

/// Where each destination serves what a claim names: its own ports, or a protocol's defaults where it serves none.
fn served(model: &Model, claim: &Claim) -> Vec<Covered> {
    let mut parts = Vec::new();
    for service in &claim.services {
        let Service::Protocol { protocol, operation } = service else {
            parts.extend(covered(model, std::slice::from_ref(service), &claim.destinations));
            continue;
        };
        for id in claim.destinations.members() {
            let mut ports = PortSet::of(&model.served_at(id, *protocol));
            if ports.is_empty() {
                ports = PortSet::of(&model.protocols.get(*protocol).transports);
            }
            let operation = operation.clone().map(|operation| (*protocol, operation));
            parts.push(Covered {
                destinations: Ranges::from_unsorted(vec![(id, id)]).into(),
                ports,
                operation,
            });
        }
    }
    parts
}

type Open = (Ranges<u32>, Ranges<u32>, PortSet);

/// What a rectangle leaves open of a part.
fn without((sources, destinations, ports): Open, rectangle: &Rectangle) -> Vec<Open> {
    let both_sources = sources.intersection(&rectangle.sources);
    let both_destinations = destinations.intersection(&rectangle.destinations);
    if both_sources.is_empty() || both_destinations.is_empty() || !ports.overlaps(&rectangle.ports) {
        return vec![(sources, destinations, ports)];
    }
    let left = [
        (sources.difference(&both_sources), destinations.clone(), ports.clone()),
        (both_sources.clone(), destinations.difference(&both_destinations), ports.clone()),
        (both_sources, both_destinations, ports.difference(&rectangle.ports)),
    ];
    left.into_iter().filter(|(s, d, p)| !s.is_empty() && !d.is_empty() && !p.is_empty()).collect()
}

/// Whether a rectangle permits some of an operation; all of a protocol permits each.
fn may_be(rectangle: &Rectangle, operation: Option<&(u32, OperationUse)>) -> bool {
    let (Some((protocol, operation)), Some(demand)) = (operation, &rectangle.demand) else { return true };
    demand.protocol != *protocol
        || demand
            .only
            .as_ref()
            .is_none_or(|only| only.iter().any(|used| used.operation == operation.operation))
            && !demand.except.contains(operation)
            && !demand
                .except
                .iter()
                .any(|used| used.operation == operation.operation && used.arguments.is_empty())
}

/// Whether a rectangle permits all of an operation, or of a protocol.
fn holds(rectangle: &Rectangle, operation: Option<&(u32, OperationUse)>) -> bool {
    let Some(demand) = &rectangle.demand else { return true };
    let Some((protocol, operation)) = operation else { return false };
    demand.protocol == *protocol
        && demand.except.iter().all(|used| used.operation != operation.operation)
        && demand.only.as_ref().is_none_or(|only| {
            only.iter().any(|used| {
                used.operation == operation.operation && (used.arguments.is_empty() || used == operation)
            })
        })
}

/// `a -> b : tcp/502`, the first service of several.
fn witness(model: &Model, source: u32, destination: u32, ports: &PortSet) -> String {
    let described = ports.describe();
    let port = described.split(", ").next().unwrap_or("any");
    format!("`{} -> {} : {port}`", model.principal(source).name, model.principal(destination).name)
}
