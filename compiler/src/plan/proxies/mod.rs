//! What points that end connections must hold: for each of their ports who may connect, known by what, and which
//! operations pass on to whom. Plain data; `listeners` makes it from the relation.

mod clients;
mod evidence;
mod listeners;
mod operations;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use super::{AddressSet, Limit, RequestMatch, Statement, StatementId, capabilities::runs_over_tcp};
use crate::model::{GatewayId, Model, Principal, Protocol};

pub(super) use listeners::build;

/// What ends the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProxyKind {
    Envoy,
    /// nginx with a script that parses Modbus/TCP.
    Modbus,
    Mosquitto,
}

impl ProxyKind {
    /// The word of `enforces`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Envoy => "envoy",
            Self::Modbus => "modbus",
            Self::Mosquitto => "mosquitto",
        }
    }
}

/// The part of the relation that one point enforces with one kind of proxy.
///
/// Invariant: a client may do something on a listener exactly if a permission names it and covers that.
#[derive(Clone, Debug)]
pub struct ProxyPlan {
    pub package: String,
    /// Path of the point in the package; not yet fit for a file name.
    pub name: String,
    pub kind: ProxyKind,
    /// What the policy says, sorted by id.
    pub statements: Vec<Statement>,
    /// By port.
    pub listeners: Vec<Listener>,
}

#[derive(Clone, Debug)]
pub struct Listener {
    /// TCP.
    pub port: u16,
    /// The point's own addresses; every one that its host has, where it is empty.
    pub addresses: Vec<IpAddr>,
    /// The place that connections were addressed to which the packet filter of the same gateway brings here; else they are
    /// addressed to the point itself.
    pub takes: Option<SocketAddr>,
    /// Where permitted connections go on to; nothing, where the point itself is their end.
    pub upstream: Option<Upstream>,
    pub speaks: Speaks,
    /// By statement.
    pub permissions: Vec<Permission>,
}

impl Listener {
    /// Whether clients show certificates; else they are known by their addresses. All of a listener do the same.
    pub fn has_tls(&self) -> bool {
        let mut clients = self.permissions.iter().flat_map(|permission| permission.clients.iter());
        !clients.any(|client| matches!(client.evidence, Evidence::Addresses(_)))
    }
}

/// What is understood of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Speaks {
    /// Nothing: bytes are passed on.
    Bytes,
    Http,
    Modbus,
    Mqtt,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The destination, as the package names it.
    pub name: String,
    pub address: IpAddr,
    pub port: u16,
    /// Whether the destination speaks TLS, and by which certificate it is known, where the package says that.
    pub tls: bool,
    pub identity: Option<Evidence>,
}

/// Clients that a statement permits the same.
#[derive(Clone, Debug)]
pub struct Permission {
    pub statement: StatementId,
    /// Sorted by name.
    pub clients: Arc<[Client]>,
    pub operations: ProxyOperations,
    /// Operations per interval, of all clients together. Only where the point counts them; else the packet filters on the
    /// way hold the statement's limit.
    pub limit: Option<Limit>,
    /// In seconds since 1970-01-01T00:00Z; only where the point has a clock.
    pub until: Option<i64>,
    pub log: bool,
    /// Permit, but log as what enforcement would refuse.
    pub audit: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Client {
    /// Path in the package.
    pub name: String,
    pub evidence: Evidence,
}

/// How a client is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Evidence {
    /// The one URI in the certificate's subjectAltName: a SPIFFE ID.
    Uri(String),
    /// A DNS name in the certificate's subjectAltName.
    Dns(String),
    /// The common name of the certificate's subject.
    CommonName(String),
    /// The address it comes from.
    Addresses(AddressSet),
    /// A signed token (OpenID Connect) with this group among its `groups`.
    Token { issuer: String, group: String },
}

/// What of the protocol is permitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyOperations {
    Everything,
    /// Requests that some of `permit` covers in all items, and none of `refuse` in any.
    Modbus {
        permit: Vec<RequestMatch>,
        refuse: Vec<RequestMatch>,
    },
    Mqtt {
        permit: Topics,
        refuse: Topics,
    },
    /// Requests that some of `permit` covers, and none of `refuse`.
    Http {
        permit: Vec<HttpMatch>,
        refuse: Vec<HttpMatch>,
    },
}

/// Topic filters, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    pub publish: Vec<String>,
    /// Filters that a subscription may stay within.
    pub subscribe: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HttpMatch {
    /// Sorted; any method, where it is empty.
    pub methods: Vec<String>,
    /// Any path, where it is `None`.
    pub path: Option<PathMatch>,
}

/// Paths without query, normalised (RFC 3986, 6.2.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathMatch {
    Exact(String),
    /// All that begin with it; it ends with a slash.
    Below(String),
}

const HTTP_METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// Methods of HTTP over TCP: not those of CoAP or MQTT, which no proxy of this kind reads.
pub(super) fn is_http(protocol: &Protocol) -> bool {
    let mut methods = protocol.operations.iter().flat_map(|operation| &operation.methods).peekable();
    methods.peek().is_some()
        && methods.all(|method| HTTP_METHODS.contains(&method.as_str()))
        && runs_over_tcp(protocol)
}

fn short(protocol: &Protocol) -> &str {
    protocol.name.rsplit('.').next().unwrap_or(&protocol.name)
}

/// That of the standard library: a package's own protocol of that name may mean other bytes.
pub(super) fn is_modbus(protocol: &Protocol) -> bool {
    matches!(protocol.name.as_str(), "std.ot.modbus" | "std.ot.modbus_security")
}

pub(super) fn is_mqtt(protocol: &Protocol) -> bool {
    matches!(protocol.name.as_str(), "std.it.mqtt" | "std.it.mqtts")
}

/// Which kind of proxy handles a protocol at a point.
pub(super) fn kind_at(point: &Principal, protocol: Option<&Protocol>) -> Option<ProxyKind> {
    let has = |kind: ProxyKind| point.details.enforces.contains(&kind.word());
    let wanted = match protocol {
        Some(protocol) if is_modbus(protocol) => ProxyKind::Modbus,
        Some(protocol) if is_mqtt(protocol) => ProxyKind::Mosquitto,
        _ => ProxyKind::Envoy,
    };
    if has(wanted) { Some(wanted) } else { has(ProxyKind::Envoy).then_some(ProxyKind::Envoy) }
}

/// The gateway that a point is, where its packet filter takes the connections that its proxy for a protocol reads.
pub(super) fn transparent(model: &Model, point: u32, protocol: Option<&Protocol>) -> Option<GatewayId> {
    let principal = model.principal(point);
    let gateway = model.gateway_of.get(&principal.entity).copied()?;
    let is_it = model.gateway(gateway).principal.is_some_and(|own| own.0 == point);
    let takes = is_it && model.gateway(gateway).transparent;
    (takes && kind_at(principal, protocol) == Some(ProxyKind::Modbus)).then_some(gateway)
}
