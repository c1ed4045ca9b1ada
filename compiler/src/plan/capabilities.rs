//! Who can tell operations apart: proxies that parse a protocol, and what a packet filter can read from single packets.

use super::{OperationMatch, PayloadProtocol, PortMatch, RequestMatch, Transport, proxies};
use crate::{
    flows::Demand,
    model::{
        TransportMatch,
        protocols::{OperationUse, Protocol},
    },
};

/// What a packet filter is trusted with for one protocol.
struct PacketFilter {
    /// Path of the protocol in the standard library: a package's own protocol of that name may mean other bytes.
    protocol: &'static str,
    reads: PayloadProtocol,
    transport: Transport,
    /// The highest target level of a destination's zone at which the filter meets a demand by itself; no bound, where
    /// it is `None`.
    highest_level: Option<u8>,
    /// Which gateway would do instead.
    instead: Option<&'static str>,
}

/// - BACnet/IP and CoAP: one request is one datagram, which connection tracking puts together before it is looked at.
///   Headers are of fixed length up to the service or method (ASHRAE 135, 6.2 and 20.1.2, annex J.2; RFC 7252, 3).
/// - Modbus/TCP: a stream. What each segment holds is known, but not what the destination makes of segments that
///   overlap: whoever may send raw packets gets a write through, from segments that each are a permitted read. IEC
///   62443-3-3 expects more from SL2 on, where the attacker means it.
const PACKET_FILTERS: [PacketFilter; 3] = [
    PacketFilter {
        protocol: "std.ot.bacnet",
        reads: PayloadProtocol::BacnetIp,
        transport: Transport::Udp,
        highest_level: None,
        instead: None,
    },
    PacketFilter {
        protocol: "std.ot.coap",
        reads: PayloadProtocol::Coap,
        transport: Transport::Udp,
        highest_level: None,
        instead: None,
    },
    PacketFilter {
        protocol: "std.ot.modbus",
        reads: PayloadProtocol::ModbusTcp,
        transport: Transport::Tcp,
        highest_level: Some(1),
        instead: Some("modbus"),
    },
];

/// Modbus functions whose request begins with an address (and a quantity, but for 5, 6 and 22): MODBUS Application
/// Protocol Specification V1.1b3, section 6.
const ADDRESSED: [u64; 9] = [1, 2, 3, 4, 5, 6, 15, 16, 22];
/// Those that write one value, which stands behind the address.
const VALUED: [u64; 2] = [5, 6];

/// Whether a point that ends connections, by a word of its `enforces`, can hold operations of a protocol.
pub(super) fn proxy_holds(word: &str, protocol: &Protocol) -> bool {
    match word {
        "modbus" => proxies::is_modbus(protocol),
        "mosquitto" => proxies::is_mqtt(protocol),
        "envoy" => proxies::is_http(protocol),
        _ => false,
    }
}

/// Whether a protocol can be led through a proxy for connections.
pub(super) fn runs_over_tcp(protocol: &Protocol) -> bool {
    let tcp = |transport: &TransportMatch| matches!(transport, TransportMatch::Ports(port) if port.transport == Transport::Tcp);
    !protocol.transports.is_empty() && protocol.transports.iter().all(tcp)
}

/// Why a packet filter does not hold a demand.
pub(super) struct Refusal {
    /// Without a dot at the end.
    pub(super) why: String,
    /// What a gateway would have to enforce.
    pub(super) instead: Option<&'static str>,
}

/// What packet filters have to find in each packet. `level` is the highest target level among the destinations' zones.
/// Nothing, where no packet filter reads the protocol at all.
pub(super) fn payload_match(
    protocol: &Protocol,
    demand: &Demand,
    ports: &[PortMatch],
    level: Option<(u8, &str)>,
) -> Option<Result<OperationMatch, Refusal>> {
    let filter = PACKET_FILTERS.iter().find(|filter| filter.protocol == protocol.name)?;
    let refuse = |why: String| Some(Err(Refusal { why, instead: filter.instead }));
    if let (Some(highest), Some((level, zone))) = (filter.highest_level, level)
        && level > highest
    {
        return refuse(format!(
            "`{zone}` demands SL{level}, and over TCP a packet filter is no more than a second line of defence: \
             segments that overlap get past it"
        ));
    }
    if ports.iter().any(|port| port.transport != filter.transport) {
        return refuse("the destination serves the protocol over another transport than usual".into());
    }
    match requests(protocol, demand) {
        Ok(mut requests) => {
            requests.sort_unstable();
            requests.dedup();
            Some(Ok(OperationMatch { protocol: filter.reads, requests }))
        }
        Err(why) => refuse(why),
    }
}

fn requests(protocol: &Protocol, demand: &Demand) -> Result<Vec<RequestMatch>, String> {
    let name = |used: &OperationUse| {
        let operation = protocol.operations.get(used.operation as usize);
        operation.map_or_else(String::new, |operation| operation.name.to_string())
    };
    if let Some(denied) = demand.except.iter().find(|used| !used.arguments.is_empty()) {
        return Err(format!(
            "a packet filter cannot hold what a `deny` of a part of `{}` leaves",
            name(denied)
        ));
    }
    let functions_of = |used: &OperationUse| {
        let operation = protocol.operations.get(used.operation as usize);
        operation.map(|operation| operation.functions.as_slice()).unwrap_or_default()
    };
    let denied: Vec<u64> = demand.except.iter().flat_map(functions_of).copied().collect();
    let all: Vec<OperationUse>;
    let only = if let Some(only) = &demand.only {
        only
    } else {
        let operations = 0..protocol.operations.len() as u32;
        all = operations.map(|operation| OperationUse { operation, arguments: Vec::new() }).collect();
        &all
    };
    let mut requests = Vec::new();
    for used in only {
        let functions = functions_of(used);
        if functions.is_empty() {
            return Err(format!("`{}` has no function codes", name(used)));
        }
        if used.arguments.is_empty() {
            let left: Vec<u64> = functions.iter().copied().filter(|code| !denied.contains(code)).collect();
            if !left.is_empty() {
                requests.push(RequestMatch { functions: codes(&left)?, items: None, value: None });
            }
        } else if functions.iter().any(|code| denied.contains(code)) {
            return Err(format!("a packet filter cannot hold what a `deny` leaves of `{}`", name(used)));
        } else {
            narrowed(protocol, used, &mut requests)?;
        }
    }
    if requests.is_empty() {
        return Err("no function code is left that a packet filter could look for".into());
    }
    Ok(requests)
}

/// One request for each argument: `write(coils 1..4, registers 7..9)` is either.
pub(super) fn narrowed(
    protocol: &Protocol,
    used: &OperationUse,
    requests: &mut Vec<RequestMatch>,
) -> Result<(), String> {
    for argument in &used.arguments {
        let declared = protocol
            .operations
            .get(used.operation as usize)
            .and_then(|operation| operation.arguments.get(argument.argument as usize))
            .ok_or_else(|| "unknown argument".to_owned())?;
        let name = &declared.name;
        let Some((first, last)) = argument.range else {
            return Err(format!("`{name}` stands at no fixed place of a request"));
        };
        if declared.functions.is_empty() || !declared.functions.iter().all(|code| ADDRESSED.contains(code)) {
            return Err(format!("nothing says where `{name}` stands in a request"));
        }
        let value = match argument.value {
            None => None,
            Some(value) if declared.functions.iter().all(|code| VALUED.contains(code)) => Some(
                wire_value(&declared.functions, value)
                    .ok_or_else(|| format!("{value} is no value of `{name}`"))?,
            ),
            Some(_) => return Err(format!("the value of `{name}` stands at no fixed place of a request")),
        };
        let item =
            |number: u64| u16::try_from(number).map_err(|_| format!("{number} is no number of `{name}`"));
        let items = Some((item(first)?, item(last)?));
        requests.push(RequestMatch { functions: codes(&declared.functions)?, items, value });
    }
    Ok(())
}

/// A coil is on (`0xff00`) or off (0); a register holds any number of 16 bits.
fn wire_value(functions: &[u64], value: u64) -> Option<u16> {
    match (functions.contains(&5), value) {
        (true, 0) => Some(0),
        (true, 1) => Some(0xff00),
        (true, _) => None,
        (false, value) => u16::try_from(value).ok(),
    }
}

pub(super) fn codes(functions: &[u64]) -> Result<Vec<u16>, String> {
    let mut codes: Vec<u16> = functions
        .iter()
        .map(|code| u16::try_from(*code).map_err(|_| format!("{code} is no function code")))
        .collect::<Result<_, _>>()?;
    codes.sort_unstable();
    codes.dedup();
    Ok(codes)
}
