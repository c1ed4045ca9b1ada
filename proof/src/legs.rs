//! That the plan's legs are the relation's: each leads from a flow's source, to its destination, or by way of a point
//! that ends connections; together they lose nothing; and who has to tell operations apart was told which.

use weir_compiler::{
    Facts,
    flows::{Demand, Rectangle},
    model::{GatewayId, Model, PrincipalKind, protocols::OperationUse},
    plan::{Leg, OperationMatch, Plan, Ranges, RequestMatch, proxies::ProxyKind},
};

use crate::{
    finding::{Fault, Finding},
    proxies::{kind_of, protocol},
};

/// The name under which findings about the plan appear.
const PLAN: &str = "plan";

pub(crate) fn check(facts: &Facts, plan: &Plan, findings: &mut Vec<Finding>) {
    let mut of_rectangle: Vec<Vec<&Leg>> = vec![Vec::new(); facts.rectangles.len()];
    let mut wrong = |statement: u32, what: String| {
        let mut finding = Finding::new(PLAN, Fault::Leg { what });
        finding.statements.push(statement);
        findings.push(finding);
    };
    for leg in &plan.legs {
        match of_rectangle.get_mut(leg.rectangle as usize) {
            Some(legs) => legs.push(leg),
            None => wrong(leg.statement, "a leg belongs to no part of the relation".into()),
        }
    }
    for (rectangle, legs) in facts.rectangles.iter().zip(&of_rectangle) {
        let judged = judge(&facts.model, rectangle, legs);
        if let Err(what) = judged.and_then(|()| limit(facts, rectangle, legs)) {
            wrong(rectangle.statement, what);
        }
    }
}

fn judge(model: &Model, rectangle: &Rectangle, legs: &[&Leg]) -> Result<(), String> {
    if legs.iter().any(|leg| leg.statement != rectangle.statement || leg.ports != rectangle.ports) {
        return Err("a leg has another statement or other ports than its flow".into());
    }
    match legs {
        [straight]
            if straight.taken_by.is_none()
                && same(&straight.sources, &rectangle.sources)
                && same(&straight.destinations, &rectangle.destinations) =>
        {
            told(model, rectangle, straight)
        }
        [] => Err("a flow has no leg".into()),
        several => by_proxy(model, rectangle, several),
    }
}

/// Whoever is said to hold a limit, so that packet filters on a leg do not, counts: a point that counts operations, or
/// the packet filters on the leg before.
fn limit(facts: &Facts, rectangle: &Rectangle, legs: &[&Leg]) -> Result<(), String> {
    let model = &facts.model;
    if facts.statements[rectangle.statement as usize].conditions.limit.is_none() {
        return Ok(());
    }
    let protocol = protocol(facts, rectangle);
    let counts = |point: u32| kind_of(model.principal(point), protocol) == Some(ProxyKind::Modbus);
    let held = match legs {
        [straight] if same(&straight.sources, &rectangle.sources) => {
            let looked_into = rectangle.demand.is_some() && rectangle.destinations.members().all(counts);
            !straight.limit_is_held || looked_into
        }
        several => {
            let point = several.last().and_then(|last| last.sources.iter().next());
            let before = &several[..several.len().saturating_sub(1)];
            let is_role = |id| model.principal(id).kind == PrincipalKind::Role;
            let by_filters = !before.is_empty()
                && before.iter().all(|leg| !leg.limit_is_held)
                && !rectangle.sources.members().any(is_role);
            point.is_some_and(|(point, _)| counts(point)) || by_filters
        }
    };
    if held { Ok(()) } else { Err("nobody holds the limit of a flow".into()) }
}

fn same(one: &std::sync::Arc<Ranges<u32>>, other: &std::sync::Arc<Ranges<u32>>) -> bool {
    std::sync::Arc::ptr_eq(one, other) || one == other
}

/// Everybody to the proxy, the proxy to the destination.
fn by_proxy(model: &Model, rectangle: &Rectangle, legs: &[&Leg]) -> Result<(), String> {
    let only = |set: &Ranges<u32>| match set.as_slice() {
        [(first, last)] if first == last => Some(*first),
        _ => None,
    };
    let Some(last) = legs.last().filter(|last| last.taken_by.is_none()) else {
        return Err("a flow has no leg".into());
    };
    let proxy = only(&last.sources).filter(|proxy| model.principal(*proxy).terminates());
    let Some(proxy) = proxy else {
        return Err("a flow is led by way of somebody who does not end connections".into());
    };
    if *last.destinations != *rectangle.destinations {
        return Err("a proxy leads to others than the flow's destination".into());
    }
    // People have no address, and the proxy needs no leg to itself.
    let roles = model.principals_where(|principal| principal.kind == PrincipalKind::Role);
    let itself = Ranges::from_unsorted(vec![(proxy, proxy)]);
    let wanted = rectangle.sources.difference(&roles).difference(&itself);
    let to_proxy: Vec<&&Leg> = legs[..legs.len() - 1].iter().collect();
    let mut reached = Ranges::new();
    for leg in to_proxy {
        let leads = match leg.taken_by {
            Some(gateway) => {
                takes(model, rectangle, proxy, gateway) && *leg.destinations == *rectangle.destinations
            }
            None => only(&leg.destinations) == Some(proxy),
        };
        if !leads {
            return Err("a leg of a flow leads neither to its proxy nor from it".into());
        }
        reached = reached.union(&leg.sources);
    }
    if reached == wanted { Ok(()) } else { Err("others than the flow's sources are led to its proxy".into()) }
}

/// Whether a proxy may take the connections of a flow on their way: it is a gateway whose packet filter leads them to it,
/// it reads the protocol, and the package says so.
fn takes(model: &Model, rectangle: &Rectangle, proxy: u32, gateway: GatewayId) -> bool {
    let protocol = rectangle.protocol.map(|protocol| model.protocols.get(protocol));
    let known = model.gateway(gateway);
    known.principal.is_some_and(|own| own.0 == proxy)
        && known.transparent
        && known.filters()
        && protocol.is_some_and(|protocol| protocol.name == "std.ot.modbus")
        && kind_of(model.principal(proxy), protocol) == Some(ProxyKind::Modbus)
        && !rectangle.destinations.contains(proxy)
}

/// A straight leg with a demand ends at somebody who reads it, or its packet filters were told what to find.
fn told(model: &Model, rectangle: &Rectangle, leg: &Leg) -> Result<(), String> {
    let Some(demand) = &rectangle.demand else {
        return if leg.operations.is_none() {
            Ok(())
        } else {
            Err("operations are told apart that no policy names".into())
        };
    };
    if !rectangle.ports.has_ip() {
        return frames(demand, leg);
    }
    match &leg.operations {
        Some(operations) => matches(model, demand, operations),
        None if rectangle.destinations.members().all(|id| model.principal(id).terminates()) => Ok(()),
        None => Err("nobody was told which operations a flow may use".into()),
    }
}

/// Frames are told apart by the ids that the demand names.
fn frames(demand: &Demand, leg: &Leg) -> Result<(), String> {
    let named = demand.only.iter().flatten();
    let ranges = named.flat_map(|used| &used.arguments).map(|argument| {
        let (first, last) = argument.range?;
        Some((u16::try_from(first).ok()?, u16::try_from(last).ok()?))
    });
    let ranges: Option<Vec<(u16, u16)>> = ranges.collect();
    let whole = demand.only.iter().flatten().any(|used| used.arguments.is_empty());
    let wanted = ranges.filter(|_| !whole && demand.except.is_empty()).map(Ranges::from_unsorted);
    if wanted == leg.frame_ids {
        Ok(())
    } else {
        Err("bridges were told other frames than a flow may use".into())
    }
}

/// What packet filters look for is what the demand permits: no function more, none less.
fn matches(model: &Model, demand: &Demand, found: &OperationMatch) -> Result<(), String> {
    let protocol = model.protocols.get(demand.protocol);
    let all: Vec<OperationUse> = (0..protocol.operations.len() as u32)
        .map(|operation| OperationUse { operation, arguments: Vec::new() })
        .collect();
    let only = demand.only.as_ref().unwrap_or(&all);
    let functions = |used: &OperationUse| {
        protocol
            .operations
            .get(used.operation as usize)
            .map(|known| known.functions.as_slice())
            .unwrap_or_default()
    };
    let denied: Vec<u64> = demand.except.iter().flat_map(functions).copied().collect();
    let permits = |request: &RequestMatch, function: u64| {
        !denied.contains(&function)
            && only.iter().any(|used| {
                functions(used).contains(&function)
                    && (used.arguments.is_empty()
                        || used.arguments.iter().any(|argument| {
                            let inside = |(first, last): (u64, u64)| {
                                request.items.is_some_and(|(low, high)| {
                                    first <= u64::from(low) && u64::from(high) <= last
                                })
                            };
                            argument.range.is_some_and(inside)
                                && argument.value.is_some() == request.value.is_some()
                        }))
            })
    };
    for request in &found.requests {
        if let Some(function) =
            request.functions.iter().find(|function| !permits(request, u64::from(**function)))
        {
            return Err(format!("packet filters would pass function {function:#x}, which no policy names"));
        }
    }
    let open = only.iter().filter(|used| used.arguments.is_empty()).flat_map(functions);
    let mut lost = open.filter(|function| !denied.contains(function)).filter(|function| {
        !found.requests.iter().any(|request| {
            request.items.is_none() && request.functions.iter().any(|known| u64::from(*known) == **function)
        })
    });
    match lost.next() {
        Some(function) => {
            Err(format!("packet filters would refuse function {function:#x}, which a policy permits"))
        }
        None => Ok(()),
    }
}
