//! Operations as payload matches: what a packet has to look like, bit by bit.
//!
//! `@ih` is what follows the UDP or TCP header; a match beyond the end of a packet does not hold. Fragments are whole
//! datagrams by then, for the ruleset uses connection tracking.
//!
//! Datagrams that a host joined to one packet (UDP segmentation offload across a virtual interface, or a receiving
//! device that is told to join) cannot be told from one datagram here: only the first is read. The README of the output
//! names the condition.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use weir_compiler::plan::{OperationMatch, PayloadProtocol, PortMatch, RequestMatch, Transport};

/// The start of unconfirmed services in a list of BACnet functions.
const UNCONFIRMED: u16 = 0x1000;

/// BACnet: to one or to all, NPDU version 1, and no routing fields, network messages or reserved bits (any priority, an
/// answer expected or not), so that the APDU begins at byte 6.
const BACNET: &str = "@ih,0,16 { 0x810a, 0x810b } @ih,32,8 1 @ih,40,5 0";
/// CoAP: version 1, a message with a token of valid length and all 4 bytes of the header.
const COAP: &str = "@ih,4,4 <= 8 @ih,24,8 >= 0";
/// CoAP: an acknowledgement or reset and nothing else.
const COAP_EMPTY: &str = "udp length 12 @ih,0,8 { 0x60, 0x70 } @ih,8,8 0";

/// The transport that a protocol's matches are made for.
fn transport(protocol: PayloadProtocol) -> Transport {
    match protocol {
        PayloadProtocol::BacnetIp | PayloadProtocol::Coap => Transport::Udp,
        PayloadProtocol::ModbusTcp => Transport::Tcp,
    }
}

/// Whether every packet carries a whole message, so that replies can be read too.
pub(crate) fn datagrams(operations: &OperationMatch) -> bool {
    transport(operations.protocol) == Transport::Udp
}

/// Why a match cannot be rendered exactly.
pub(crate) fn check(operations: &OperationMatch, services: &[PortMatch]) -> Result<(), &'static str> {
    if services.iter().any(|service| service.transport != transport(operations.protocol)) {
        return Err("the protocol does not run over this transport");
    }
    if operations.requests.is_empty() {
        return Err("no operation is named");
    }
    for RequestMatch { functions, items, value } in &operations.requests {
        let known = |code: &u16| match operations.protocol {
            PayloadProtocol::BacnetIp => *code < 0x100 || (UNCONFIRMED..UNCONFIRMED + 0x100).contains(code),
            PayloadProtocol::Coap => (1..=31).contains(code),
            PayloadProtocol::ModbusTcp => (1..=127).contains(code),
        };
        if functions.is_empty() || !functions.iter().all(known) {
            return Err("not a function of the protocol");
        }
        if (items.is_some() || value.is_some()) && operations.protocol != PayloadProtocol::ModbusTcp {
            return Err("the protocol has no arguments at fixed places");
        }
        if items.is_some_and(|(first, last)| first > last) {
            return Err("a range of items is not one");
        }
        if items.is_some() && functions.iter().any(|code| layout(*code) == Layout::Unknown) {
            return Err("a function has no address at a fixed place");
        }
        if value.is_some() && !functions.iter().all(|code| matches!(code, 5 | 6)) {
            return Err("a function has no value at a fixed place");
        }
    }
    Ok(())
}

/// What a request that the match names looks like: one line each.
pub(crate) fn requests(operations: &OperationMatch) -> Vec<String> {
    match operations.protocol {
        PayloadProtocol::BacnetIp => {
            let (unconfirmed, confirmed): (Vec<u16>, Vec<u16>) =
                functions(operations).into_iter().partition(|code| *code >= UNCONFIRMED);
            let mut lines = Vec::new();
            if !confirmed.is_empty() {
                // Type and the segmentation flag together: in a segment, another number stands where the service was.
                lines.push(format!("{BACNET} @ih,48,5 0 @ih,72,8 {}", numbers(&confirmed)));
            }
            if !unconfirmed.is_empty() {
                let services: Vec<u16> = unconfirmed.iter().map(|code| code - UNCONFIRMED).collect();
                lines.push(format!("{BACNET} @ih,48,8 0x10 @ih,56,8 {}", numbers(&services)));
            }
            lines
        }
        // Only what is confirmable or not is a request: no acknowledgement with a method.
        PayloadProtocol::Coap => {
            vec![format!("@ih,0,3 2 {COAP} @ih,8,8 {}", numbers(&functions(operations)))]
        }
        PayloadProtocol::ModbusTcp => operations.requests.iter().flat_map(modbus).collect(),
    }
}

/// What the requester sends besides: it goes on with, or ends, what it asked for, and asks for nothing.
pub(crate) fn upkeep(operations: &OperationMatch) -> Vec<String> {
    match operations.protocol {
        // Acknowledges segments of an answer, or aborts; both say that a client sends them.
        PayloadProtocol::BacnetIp => vec![format!("{BACNET} @ih,48,8 {{ 0x40, 0x42, 0x70 }}")],
        PayloadProtocol::Coap => vec![COAP_EMPTY.to_owned()],
        PayloadProtocol::ModbusTcp => Vec::new(),
    }
}

/// What answers look like. Both ends of BACnet mostly use one port, so that a request of the other side would come as
/// an answer, as far as connection tracking can see.
pub(crate) fn answers(operations: &OperationMatch) -> Vec<String> {
    match operations.protocol {
        PayloadProtocol::BacnetIp => {
            let mut lines = vec![format!("{BACNET} @ih,48,8 0x20-0x7f")];
            // Who-Is is answered by I-Am, Who-Has by I-Have.
            let asked = functions(operations);
            let answered: Vec<u16> = [(8, 0), (7, 1)]
                .into_iter()
                .filter(|(question, _)| asked.contains(&(UNCONFIRMED + question)))
                .map(|(_, answer)| answer)
                .collect();
            if !answered.is_empty() {
                lines.push(format!("{BACNET} @ih,48,8 0x10 @ih,56,8 {}", numbers(&answered)));
            }
            lines
        }
        PayloadProtocol::Coap => {
            vec![format!("@ih,0,2 1 {COAP} @ih,8,8 {{ 0x40-0x5f, 0x80-0xbf }}"), COAP_EMPTY.to_owned()]
        }
        // Who opened a TCP connection is never in doubt.
        PayloadProtocol::ModbusTcp => vec![String::new()],
    }
}

fn functions(operations: &OperationMatch) -> Vec<u16> {
    let mut all: Vec<u16> =
        operations.requests.iter().flat_map(|request| &request.functions).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What stands behind a Modbus function code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Layout {
    /// The address of one item.
    One,
    /// The address of the first item, and how many: at most this number.
    Several(u16),
    /// Nothing that could be bounded.
    Unknown,
}

/// MODBUS Application Protocol Specification V1.1b3, section 6.
fn layout(code: u16) -> Layout {
    match code {
        5 | 6 | 22 => Layout::One,
        1 | 2 => Layout::Several(2000),
        3 | 4 => Layout::Several(125),
        15 => Layout::Several(1968),
        16 => Layout::Several(123),
        _ => Layout::Unknown,
    }
}

/// The values of a request's length field: what follows it, so unit identifier, code and data; at most 254.
fn lengths(code: u16) -> Vec<u16> {
    match code {
        1..=6 => vec![6],
        7 | 11 | 12 | 17 => vec![2],
        15 => (8..=253).collect(),
        16 => (9..=253).step_by(2).collect(),
        20 => (10..=248).step_by(7).collect(),
        22 => vec![8],
        23 => (13..=253).step_by(2).collect(),
        24 => vec![4],
        _ => (2..=254).collect(),
    }
}

/// Segments that hold exactly one request, for each address family and each kind of request.
fn modbus(request: &RequestMatch) -> Vec<String> {
    let mut kinds: BTreeMap<(Vec<u16>, Layout), Vec<u16>> = BTreeMap::new();
    for code in &request.functions {
        let layout = if request.items.is_some() { layout(*code) } else { Layout::Unknown };
        kinds.entry((lengths(*code), layout)).or_default().push(*code);
    }
    let mut lines = Vec::new();
    for ((lengths, layout), codes) in kinds {
        let mut tail = format!("@ih,56,8 {}", numbers(&codes));
        match (layout, request.items) {
            (_, None | Some((0, u16::MAX))) | (Layout::Unknown, _) => {}
            (Layout::One, Some((first, last))) => {
                let _ = write!(tail, " @ih,64,16 {}", range(first, last));
            }
            (Layout::Several(most), Some((first, last))) => {
                let _ = write!(tail, " @ih,64,16 . @ih,80,16 {}", stairs(first, last, most));
            }
        }
        if let Some(value) = request.value {
            let _ = write!(tail, " @ih,80,16 0x{value:04x}");
        }
        for whole in whole(&lengths) {
            // No urgent data: it leaves the stream, and what follows would be read one byte off.
            lines.push(format!("@ih,16,16 0 tcp flags & urg == 0 {whole} {tail}"));
        }
    }
    lines
}

/// That the length field, the TCP header and the packet agree: the segment holds one request, whole and alone. Nothing
/// can compare two fields, so the set holds what they can be: the packet, data offset (and reserved bits), length.
fn whole(lengths: &[u16]) -> [String; 2] {
    let set = |before: u16| {
        let mut elements = String::new();
        for words in 5..=15_u16 {
            for length in lengths {
                let separator = if elements.is_empty() { "" } else { ", " };
                let total = before + words * 4 + 6 + length;
                let _ = write!(elements, "{separator}{total} . 0x{:02x} . {length}", words << 4);
            }
        }
        elements
    };
    [
        format!("@nh,0,8 0x45 ip length . @th,96,8 . @ih,32,16 {{ {} }}", set(20)),
        format!("ip6 nexthdr tcp ip6 length . @th,96,8 . @ih,32,16 {{ {} }}", set(0)),
    ]
}

/// Address and quantity that stay in a range: the more items, the fewer addresses to begin with.
fn stairs(first: u16, last: u16, most: u16) -> String {
    let mut out = String::from("{ ");
    for count in 1..=most.min((last - first).saturating_add(1)) {
        let separator = if count == 1 { "" } else { ", " };
        let _ = write!(out, "{separator}{} . {count}", range(first, last - (count - 1)));
    }
    out + " }"
}

fn range(first: u16, last: u16) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// `12`, or `{ 12, 14 }`.
fn numbers(sorted: &[u16]) -> String {
    if let [only] = sorted {
        return only.to_string();
    }
    let list: Vec<String> = sorted.iter().map(u16::to_string).collect();
    format!("{{ {} }}", list.join(", "))
}
