//! One entry of an access list: who, what, in which direction, and what else it asks for.

use std::net::IpAddr;

use ipnet::IpNet;

use super::ANYONE;
use crate::{
    Place,
    tree::{Node, Reader, Value},
};

/// Which way the packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    FromDevice,
    ToDevice,
}

impl Way {
    pub(super) fn other(self) -> Self {
        match self {
            Self::FromDevice => Self::ToDevice,
            Self::ToDevice => Self::FromDevice,
        }
    }
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    /// Somebody whom the site names; the key of its name.
    Bound(String),
    Name(String),
    Prefix(IpNet),
}

/// What the entry matches of layer 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Protocol {
    Tcp,
    Udp,
    /// Echo request, or reply.
    Echo {
        reply: bool,
    },
}

/// An inclusive range.
pub(super) type Ports = (u16, u16);
pub(super) const ALL_PORTS: Ports = (1, u16::MAX);

/// An entry as far as Weir can say it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) way: Way,
    pub(super) peer: Peer,
    pub(super) protocol: Protocol,
    pub(super) source: Option<Ports>,
    pub(super) destination: Option<Ports>,
    /// Who may open the connection, where it says so.
    pub(super) opened: Option<Way>,
    pub(super) name: String,
    pub(super) place: Place,
}

/// What an entry asks for that is not said in Weir: the reason.
pub(super) struct Unsaid(pub(super) String);

fn unsaid<T>(why: impl Into<String>) -> Result<T, Unsaid> {
    Err(Unsaid(why.into()))
}

/// Reads the conditions of an entry. `None`: something is wrong, and that is said.
pub(super) fn entry(
    reader: &mut Reader,
    node: &Node,
    name: &str,
    way: Way,
    place: Place,
) -> Option<Result<Entry, Unsaid>> {
    let before = reader.diagnostics.len();
    let read = conditions(reader, node, name, way, place);
    (reader.diagnostics.len() == before).then_some(read)
}

fn conditions(reader: &mut Reader, node: &Node, name: &str, way: Way, place: Place) -> Result<Entry, Unsaid> {
    let mut peers: Vec<Peer> = Vec::new();
    let mut number = None;
    let (mut source, mut destination, mut opened) = (None, None, None);
    let mut echo = None;
    let mut layer_4 = None;
    let Some(matches) = reader.map_of(node, "matches") else {
        return unsaid("it has no conditions: it would permit everything");
    };
    for (key, value) in matches.entries() {
        if !reader.map(value, &key.text) {
            continue;
        }
        match key.text.as_str() {
            "ietf-mud:mud" | "mud" => peers.extend(mud(reader, value)?),
            "ipv4" | "ipv6" => {
                for (key, value) in value.entries() {
                    match key.text.as_str() {
                        "protocol" => number = integer(reader, value),
                        name => peers.extend(address(reader, name, value, way)?),
                    }
                }
            }
            "tcp" | "udp" => {
                layer_4 = Some(if key.text == "tcp" { Protocol::Tcp } else { Protocol::Udp });
                for (key, value) in value.entries() {
                    match key.text.as_str() {
                        "source-port" => source = Some(ports(reader, value)?),
                        "destination-port" => destination = Some(ports(reader, value)?),
                        "ietf-mud:direction-initiated" | "direction-initiated" => {
                            opened = match reader.text(value, &key.text) {
                                Some("from-device") => Some(Way::FromDevice),
                                Some("to-device") => Some(Way::ToDevice),
                                Some(other) => {
                                    let help = "it is `from-device` or `to-device` (RFC 8520, 8)";
                                    reader.wrong(value.span, format!("`{other}` is no direction"), help);
                                    None
                                }
                                None => None,
                            }
                        }
                        other => return unsaid(format!("it asks for `{other}` of {}", name_of(layer_4))),
                    }
                }
            }
            "icmp" => echo = Some(icmp(reader, value)?),
            "eth" => return unsaid("its frames stay on their segment: no gateway sees them"),
            other => return unsaid(format!("its condition `{other}` is not known")),
        }
    }
    let protocol = protocol(number, layer_4, echo)?;
    let peer = match peers.len() {
        0 => Peer::Bound(ANYONE.into()),
        1 => peers.remove(0),
        _ => return unsaid("it names somebody twice over, and means those who are both"),
    };
    Ok(Entry { way, peer, protocol, source, destination, opened, name: name.into(), place })
}

fn name_of(layer_4: Option<Protocol>) -> &'static str {
    match layer_4 {
        Some(Protocol::Tcp) => "TCP",
        _ => "UDP",
    }
}

fn protocol(
    number: Option<i64>,
    layer_4: Option<Protocol>,
    echo: Option<Protocol>,
) -> Result<Protocol, Unsaid> {
    match (number, layer_4, echo) {
        (Some(6) | None, Some(Protocol::Tcp), None) | (Some(6), None, None) => Ok(Protocol::Tcp),
        (Some(17) | None, Some(Protocol::Udp), None) | (Some(17), None, None) => Ok(Protocol::Udp),
        (Some(1 | 58) | None, None, Some(echo)) => Ok(echo),
        (Some(1), None, None) => unsaid("it permits all of ICMP: only echo requests can be said (`icmp`)"),
        (Some(58), None, None) => unsaid(
            "it permits all of ICMPv6: neighbours find each other without a rule, and only echo requests can be said",
        ),
        (Some(2), ..) => unsaid("IGMP stays on its segment: no gateway sees it"),
        (Some(0), ..) => unsaid("hop-by-hop options of IPv6 stay on their segment"),
        (Some(number), None, None) => unsaid(format!("IP protocol {number} cannot be said")),
        (None, None, None) => unsaid("it permits every protocol: name those that are needed"),
        _ => unsaid("its conditions exclude each other"),
    }
}

fn integer(reader: &mut Reader, node: &Node) -> Option<i64> {
    match node.value {
        Value::Integer(number) => Some(number),
        _ => {
            reader.wrong(node.span, "an IP protocol is a number", "write 6 for TCP, 17 for UDP");
            None
        }
    }
}

/// Conditions of RFC 8520, 6: whom the site has to name.
fn mud(reader: &mut Reader, node: &Node) -> Result<Vec<Peer>, Unsaid> {
    let mut peers = Vec::new();
    for (key, value) in node.entries() {
        let key = key.text.as_str();
        let named = match key {
            // of YANG's type `empty`: `[null]`
            "local-networks" | "same-manufacturer" | "my-controller" => key.to_owned(),
            "controller" => match reader.text(value, key) {
                Some(controller) => controller.to_owned(),
                None => continue,
            },
            "manufacturer" | "model" => match reader.text(value, key) {
                Some(name) => format!("{key}:{name}"),
                None => continue,
            },
            other => return unsaid(format!("its condition `{other}` is not known")),
        };
        peers.push(Peer::Bound(named));
    }
    Ok(peers)
}

fn address(reader: &mut Reader, key: &str, node: &Node, way: Way) -> Result<Option<Peer>, Unsaid> {
    let key = key.strip_prefix("ietf-acldns:").unwrap_or(key);
    let (side, kind) = match key {
        "src-dnsname" => (Way::ToDevice, "name"),
        "dst-dnsname" => (Way::FromDevice, "name"),
        "source-ipv4-network" | "source-ipv6-network" => (Way::ToDevice, "prefix"),
        "destination-ipv4-network" | "destination-ipv6-network" => (Way::FromDevice, "prefix"),
        other => return unsaid(format!("it asks for `{other}` of the packet")),
    };
    let Some(text) = reader.text(node, key) else { return Ok(None) };
    if side != way {
        return unsaid(format!("`{key}` is the device's own side: its addresses are the site's to say"));
    }
    if kind == "name" {
        return Ok(Some(Peer::Name(text.to_ascii_lowercase())));
    }
    // a mere address is one host, as real descriptions have it
    let prefix = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let Ok(prefix) = prefix else {
        reader.wrong(node.span, format!("`{text}` is no prefix"), "write an address, `/` and a length");
        return Ok(None);
    };
    if key.contains("ipv4") != prefix.addr().is_ipv4() {
        return unsaid(format!("`{text}` is of the other IP version"));
    }
    let first = prefix.network();
    let broadcast = text.starts_with("255.255.255.255");
    if first.is_multicast() || broadcast {
        return unsaid("multicast and broadcast stay on their segment: no gateway passes them on");
    }
    if first.is_loopback() {
        return unsaid("loopback never leaves the device");
    }
    let local = match first {
        IpAddr::V4(first) => first.is_link_local(),
        IpAddr::V6(first) => first.is_unicast_link_local(),
    };
    if local {
        return unsaid("link-local addresses stay on their segment: no gateway passes them on");
    }
    Ok(Some(Peer::Prefix(prefix.trunc())))
}

fn icmp(reader: &mut Reader, node: &Node) -> Result<Protocol, Unsaid> {
    let kind = reader.integer_of(node, "type");
    match (kind, reader.integer_of(node, "code")) {
        (Some(8 | 128), None | Some(0)) => Ok(Protocol::Echo { reply: false }),
        (Some(0 | 129), None | Some(0)) => Ok(Protocol::Echo { reply: true }),
        (Some(kind), _) => {
            unsaid(format!("ICMP type {kind} cannot be said: only echo requests can (`icmp`)"))
        }
        (None, _) => unsaid("it permits all of ICMP: only echo requests can be said (`icmp`)"),
    }
}

/// `{operator, port}` or `{lower-port, upper-port}` (RFC 8519, 4.2).
fn ports(reader: &mut Reader, node: &Node) -> Result<Ports, Unsaid> {
    if !reader.map(node, "a port") {
        return Ok(ALL_PORTS);
    }
    let mut of = |name: &str| reader.port_of(node, name);
    let (port, lower, upper) = (of("port"), of("lower-port"), of("upper-port"));
    let operator = reader.text_of(node, "operator");
    match (operator, port, lower, upper) {
        (None | Some("eq" | "range"), None, Some(lower), Some(upper)) if lower <= upper => Ok((lower, upper)),
        (None | Some("eq"), Some(port), None, None) => Ok((port, port)),
        (Some("lte"), Some(port), None, None) => Ok((1, port)),
        (Some("gte"), Some(port), None, None) => Ok((port, u16::MAX)),
        (Some(operator), ..) => unsaid(format!("its ports are said by `{operator}`")),
        _ => {
            let help = "write `operator` and `port`, or `lower-port` and `upper-port` (RFC 8519, 4.2)";
            reader.wrong(node.span, "these are no ports", help);
            Ok(ALL_PORTS)
        }
    }
}
