//! Services in words.

use weir_compiler::{
    flows::{Demand, PortSet, Rectangle, operations},
    model::{Model, TransportMatch, protocols::OperationEffect},
};

/// What a client does to a server by a flow, the strongest of all that it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Ports, of which no operation is known.
    Connect,
    Observe,
    Subscribe,
    Publish,
    Actuate,
    Manage,
}

impl Access {
    pub fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Observe => "observe",
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
            Self::Actuate => "actuate",
            Self::Manage => "manage",
        }
    }

    pub const ALL: [Self; 6] =
        [Self::Connect, Self::Observe, Self::Subscribe, Self::Publish, Self::Actuate, Self::Manage];
}

impl From<OperationEffect> for Access {
    fn from(effect: OperationEffect) -> Self {
        match effect {
            OperationEffect::Observe => Self::Observe,
            OperationEffect::Subscribe => Self::Subscribe,
            OperationEffect::Publish => Self::Publish,
            OperationEffect::Actuate => Self::Actuate,
            OperationEffect::Manage => Self::Manage,
        }
    }
}

/// The strongest effect of what a rectangle permits.
pub fn access(model: &Model, rectangle: &Rectangle) -> Access {
    let Some(protocol) = rectangle.demand.as_ref().map(|demand| demand.protocol).or(rectangle.protocol)
    else {
        return Access::Connect;
    };
    let operations = &model.protocols.get(protocol).operations;
    let only = rectangle.demand.as_ref().and_then(|demand| demand.only.as_ref());
    let effects: Vec<Access> = match only {
        Some(only) => only
            .iter()
            .filter_map(|used| operations.get(used.operation as usize))
            .map(|operation| operation.effect.into())
            .collect(),
        None => operations.iter().map(|operation| operation.effect.into()).collect(),
    };
    effects.into_iter().max().unwrap_or(Access::Connect)
}

/// `modbus.write(coils 100..103) on tcp/1502`, `https`, `tcp/8443`: the port only where it is not the protocol's own.
pub(crate) fn service(
    model: &Model,
    ports: &PortSet,
    protocol: Option<u32>,
    demand: Option<&Demand>,
) -> String {
    let protocol = demand.map(|demand| demand.protocol).or(protocol);
    let Some(protocol) = protocol.map(|protocol| model.protocols.get(protocol)) else {
        return ports.describe();
    };
    let short = protocol.name.rsplit('.').next().unwrap_or(&protocol.name).to_owned();
    let describe = |used| operations::describe(protocol, used);
    let name = match demand {
        Some(Demand { only: Some(only), except, .. }) if !only.is_empty() => {
            let names: Vec<String> = only.iter().map(describe).collect();
            let but: Vec<String> = except.iter().map(describe).collect();
            if but.is_empty() {
                names.join(" | ")
            } else {
                format!("{} without {}", names.join(" | "), but.join(", "))
            }
        }
        Some(Demand { except, .. }) if !except.is_empty() => {
            let but: Vec<String> = except.iter().map(describe).collect();
            format!("{short} without {}", but.join(", "))
        }
        _ => short,
    };
    let own: &[TransportMatch] = &protocol.transports;
    if PortSet::of(own).covers(ports) { name } else { format!("{name} on {}", ports.describe()) }
}

pub(crate) fn service_of(model: &Model, rectangle: &Rectangle) -> String {
    service(model, &rectangle.ports, rectangle.protocol, rectangle.demand.as_ref())
}
