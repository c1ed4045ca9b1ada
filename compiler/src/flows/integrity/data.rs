//! The direction of data in a flow, and whether it commands. It follows from the effects of the operations that the flow
//! may carry; what is not known to be harmless counts as everything.

use rustc_hash::FxHashMap;

use crate::{
    flows::{PortSet, Rectangle},
    model::{
        Model, Protocol, Served, Service,
        protocols::{ArgumentUse, Operation, OperationEffect, OperationUse},
    },
    plan::Transport,
};

/// What a flow may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Data {
    /// Data runs from client to server.
    pub to_server: bool,
    /// Data runs from server to client.
    pub to_client: bool,
    /// The client changes the process or the device (`actuate`, `manage`).
    pub commands: bool,
    /// The client can change what the device does from then on (`manage`).
    pub programs: bool,
}

impl Data {
    /// Nobody knows what it is, so it may be anything.
    const ANYTHING: Self = Self { to_server: true, to_client: true, commands: true, programs: true };
    const NOTHING: Self = Self { to_server: false, to_client: false, commands: false, programs: false };

    fn of(effect: OperationEffect) -> Self {
        match effect {
            OperationEffect::Observe | OperationEffect::Subscribe => {
                Self { to_client: true, ..Self::NOTHING }
            }
            OperationEffect::Publish => Self { to_server: true, ..Self::NOTHING },
            OperationEffect::Actuate => Self { to_server: true, commands: true, ..Self::NOTHING },
            OperationEffect::Manage => {
                Self { to_server: true, commands: true, programs: true, ..Self::NOTHING }
            }
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            to_server: self.to_server || other.to_server,
            to_client: self.to_client || other.to_client,
            commands: self.commands || other.commands,
            programs: self.programs || other.programs,
        }
    }
}

/// Answers for each rectangle what it may do.
pub(super) struct Directions<'m> {
    model: &'m Model,
    /// All of a protocol.
    protocols: Vec<Data>,
    /// What else listens on the ports of a protocol, by destinations (whose sets the rectangles keep alive).
    beside: FxHashMap<(usize, u32), Data>,
}

impl<'m> Directions<'m> {
    pub(super) fn new(model: &'m Model) -> Self {
        let all = |protocol: &Protocol| {
            let operations = protocol.operations.iter().map(|operation| Data::of(operation.effect));
            operations.reduce(Data::and).unwrap_or(Data::ANYTHING)
        };
        let protocols = model.protocols.list.iter().map(all).collect();
        Self { model, protocols, beside: FxHashMap::default() }
    }

    pub(super) fn of(&mut self, rectangle: &Rectangle) -> Data {
        if let Some(operations) = operations(self.model, rectangle) {
            let protocol = rectangle.demand.as_ref().map_or(0, |demand| demand.protocol);
            let declared = &self.model.protocols.get(protocol).operations;
            let effects = operations.iter().map(|used| {
                declared.get(used.operation as usize).map_or(Data::ANYTHING, |o| Data::of(o.effect))
            });
            return effects.fold(Data::NOTHING, Data::and);
        }
        match rectangle.protocol {
            Some(protocol) => self.protocols[protocol as usize].and(self.beside(rectangle, protocol)),
            None if only_echo(&rectangle.ports) => Data::of(OperationEffect::Observe),
            None => Data::ANYTHING,
        }
    }

    /// A packet filter opens a port for whatever listens there: other protocols of a destination on the same port belong
    /// to the flow.
    fn beside(&mut self, rectangle: &Rectangle, protocol: u32) -> Data {
        let key = (std::sync::Arc::as_ptr(&rectangle.destinations) as usize, protocol);
        if let Some(known) = self.beside.get(&key) {
            return *known;
        }
        let mut data = Data::NOTHING;
        let mut last: *const Served = std::ptr::null();
        for id in rectangle.destinations.members() {
            let served = self.model.principal(id).serves();
            if served.len() < 2 || served.as_ptr() == last {
                continue;
            }
            last = served.as_ptr();
            for entry in served {
                let other = self.model.protocols.index(entry.protocol);
                let ports = match entry.port {
                    Some(port) => PortSet::of(&[port]),
                    None => PortSet::of(&self.model.protocols.get(other).transports),
                };
                if other != protocol && ports.overlaps(&rectangle.ports) {
                    data = data.and(self.protocols[other as usize]);
                }
            }
        }
        self.beside.insert(key, data);
        data
    }
}

/// The operations that a flow is narrowed to, whoever holds the demand; nothing, where it carries a whole port.
pub(super) fn operations(model: &Model, rectangle: &Rectangle) -> Option<Vec<OperationUse>> {
    let demand = rectangle.demand.as_ref()?;
    let count = model.protocols.get(demand.protocol).operations.len() as u32;
    let all = || (0..count).map(|operation| OperationUse { operation, arguments: Vec::new() }).collect();
    let mut operations: Vec<OperationUse> = demand.only.clone().unwrap_or_else(all);
    operations.retain(|used| {
        let wholly =
            |denied: &&OperationUse| denied.operation == used.operation && denied.arguments.is_empty();
        !demand.except.iter().any(|denied| wholly(&denied))
    });
    Some(operations)
}

/// Echo requests carry no command, and an answer says that somebody is there.
fn only_echo(ports: &PortSet) -> bool {
    ports.ethertypes.is_empty()
        && ports.port_matches().iter().all(|port| port.transport == Transport::IcmpEcho)
}

/// Whether every command of a flow is among those that a device declares safe.
pub(super) fn is_safe(model: &Model, rectangle: &Rectangle, safe: &[Service]) -> bool {
    let Some(operations) = operations(model, rectangle) else { return false };
    let protocol = rectangle.demand.as_ref().map_or(0, |demand| demand.protocol);
    let declared = model.protocols.get(protocol);
    let mut commands = operations.iter().filter(|used| {
        declared.operations.get(used.operation as usize).is_none_or(|operation| operation.effect.commands())
    });
    commands.all(|used| is_covered(declared, protocol, used, safe))
}

/// Whether each alternative of an operation's arguments is among those of the services.
fn is_covered(declared: &Protocol, protocol: u32, used: &OperationUse, services: &[Service]) -> bool {
    let same: Vec<&OperationUse> = services
        .iter()
        .filter_map(|service| match service {
            Service::Protocol { protocol: other, operation: Some(operation) } if *other == protocol => {
                Some(operation)
            }
            _ => None,
        })
        .filter(|other| other.operation == used.operation)
        .collect();
    let Some(operation) = declared.operations.get(used.operation as usize) else { return false };
    same.iter().any(|other| other.arguments.is_empty())
        || !used.arguments.is_empty()
            && used.arguments.iter().all(|argument| {
                let mut known = same.iter().flat_map(|other| &other.arguments);
                known.any(|other| narrows(operation, argument, other))
            })
}

/// Whether one argument leaves nothing open that another does not: fewer function codes, fewer numbers, no other value.
fn narrows(operation: &Operation, inner: &ArgumentUse, outer: &ArgumentUse) -> bool {
    let functions = |used: &ArgumentUse| {
        let declared = operation.arguments.get(used.argument as usize);
        declared
            .map(|argument| &argument.functions)
            .filter(|own| !own.is_empty())
            .unwrap_or(&operation.functions)
    };
    let fewer = inner.argument == outer.argument || {
        let outer = functions(outer);
        !outer.is_empty() && functions(inner).iter().all(|code| outer.contains(code))
    };
    let within = match (inner.range, outer.range) {
        (Some(inner), Some(outer)) => outer.0 <= inner.0 && inner.1 <= outer.1,
        (None, None) => inner.argument == outer.argument,
        _ => false,
    };
    fewer && within && (outer.value.is_none() || outer.value == inner.value) && outer.text == inner.text
}
