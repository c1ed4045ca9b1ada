//! One concrete flow out of many, as a person would write it down.

use crate::{
    flows::{PortSet, Rectangle, operations, reach, reach::Hop, relation::Covered},
    model::{Model, Service, TransportMatch, protocols::OperationUse},
};

/// `vib[3] -> broker : tcp/8883`, with the operation where there is one: `a -> b : modbus.write(coils 100) on tcp/502`.
pub(super) fn flow(
    model: &Model,
    rectangle: &Rectangle,
    source: u32,
    destination: u32,
    part: Option<&Covered>,
) -> String {
    let ports = match part {
        Some(part) => rectangle.ports.intersection(&part.ports),
        None => rectangle.ports.clone(),
    };
    let asked = part.and_then(|part| part.operation.as_ref());
    let operation = match (&rectangle.demand, asked) {
        (Some(demand), Some((protocol, wanted))) if demand.protocol == *protocol => {
            let protocol = model.protocols.get(*protocol);
            operations::permitted(protocol, demand, wanted).map(|left| {
                let one = operations::one_without(protocol, &left, &demand.except);
                operations::describe(protocol, &one)
            })
        }
        (None, Some((protocol, wanted))) => {
            let protocol = model.protocols.get(*protocol);
            Some(operations::describe(protocol, &operations::one_without(protocol, wanted, &[])))
        }
        (Some(demand), _) => demand.only.iter().flatten().next().map(|used| {
            let protocol = model.protocols.get(demand.protocol);
            operations::describe(protocol, &operations::one_without(protocol, used, &demand.except))
        }),
        (None, None) => None,
    };
    line(model, source, destination, &ports, operation)
}

/// A flow of an operation, or of a port alone, that is not permitted.
pub(super) fn denied(
    model: &Model,
    source: u32,
    destination: u32,
    ports: &PortSet,
    operation: Option<&(u32, OperationUse)>,
    held: &[OperationUse],
) -> String {
    let operation = operation.map(|(protocol, wanted)| {
        let protocol = model.protocols.get(*protocol);
        operations::describe(protocol, &operations::one_without(protocol, wanted, held))
    });
    line(model, source, destination, ports, operation)
}

fn line(model: &Model, source: u32, destination: u32, ports: &PortSet, operation: Option<String>) -> String {
    let ends = format!("{} -> {}", model.principal(source).name, model.principal(destination).name);
    let port = sane(model, destination, ports).describe();
    match operation {
        Some(operation) => format!("`{ends} : {operation} on {port}`"),
        None => format!("`{ends} : {port}`"),
    }
}

/// A port that the destination serves, or else a usual one.
fn sane(model: &Model, destination: u32, ports: &PortSet) -> PortSet {
    let mut served: Vec<TransportMatch> = Vec::new();
    for entry in model.principal(destination).serves() {
        match entry.port {
            Some(port) => served.push(port),
            None => {
                served.extend(&model.protocols.get(model.protocols.index(entry.protocol)).transports);
            }
        }
    }
    ports.sane(&PortSet::of(&served))
}

/// One step of a chain.
pub(in crate::flows) fn hop(
    model: &Model,
    reach: &reach::Reach<'_>,
    hop: &Hop,
    goal: Option<&reach::Goal<'_>>,
) -> String {
    if let Some(index) = hop.rectangle {
        let rectangle = reach.rectangle(index);
        let part = goal.and_then(|goal| goal.part(model, rectangle, hop.destination));
        return flow(model, rectangle, hop.source, hop.destination, part);
    }
    let name = |id: u32| &model.principal(id).name;
    let ends = format!("`{} -> {}`", name(hop.source), name(hop.destination));
    match hop.by {
        reach::By::Segment(segment) => {
            format!("{ends} on `{}`, where nothing separates them", model.segment(segment).name)
        }
        reach::By::Joined(_) => match reach::unfiltered_gateway(model, hop) {
            Some(gateway) => {
                format!("{ends} by way of `{}`, which filters nothing", model.gateway(gateway).name)
            }
            None => format!("{ends}, which nothing separates"),
        },
        reach::By::Gateway(_) => match reach::common_segment(model, hop) {
            Some(segment) => {
                format!("{ends} on `{}`, where the gateway itself stands", model.segment(segment).name)
            }
            None => format!("{ends}, beside the gateway"),
        },
        reach::By::Person(segment) => {
            format!("{ends}: these people work on `{}`", model.segment(segment).name)
        }
        reach::By::Flow(_) => ends,
    }
}

/// What narrowing the pivots assumes.
pub(super) fn pivots(model: &Model, services: &[Service]) -> String {
    let name = |service: &Service| match service {
        Service::Any => "any".to_owned(),
        Service::Transport(transport) => PortSet::of(&[*transport]).describe(),
        Service::Protocol { protocol, operation } => {
            let protocol = model.protocols.get(*protocol);
            match operation {
                Some(operation) => operations::describe(protocol, operation),
                None => protocol.name.rsplit('.').next().unwrap_or(&protocol.name).to_owned(),
            }
        }
    };
    let names: Vec<String> = services.iter().map(|service| format!("`{}`", name(service))).collect();
    match names.as_slice() {
        [] => "an intruder gets onto nobody by a flow".to_owned(),
        names => format!("an intruder gets onto a principal by {} and by no other flow", names.join(", ")),
    }
}
