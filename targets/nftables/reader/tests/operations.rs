//! What the model says about operations is what the rules let through, packet by packet: decided by a decoder of the
//! protocols that knows nothing of matches.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use std::sync::Arc;

use support::packets::Numbers;
use support::plans::operations;
use support::{Gateway, read};
use weir_compiler::plan::{
    Action, AddressSet, Binding, GatewayPlan, Hook as PlanHook, OperationMatch, PayloadProtocol, PlanRule,
    PortMatch, Statement,
};
use weir_nftables_reader::{
    ESTABLISHED, Family, FilterModel, Hook, Operations, Packet, Protocol, Request, Ruleset, device_number,
};
use weir_target_nftables::Options;

const EVERYONE: [&str; 2] = ["0.0.0.0 255.255.255.255", ":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"];

/// One rule from everybody to everybody.
fn plan(operations: &OperationMatch, service: PortMatch) -> GatewayPlan {
    let all: AddressSet = EVERYONE
        .iter()
        .map(|both| {
            let (first, last) = both.split_once(' ').unwrap();
            (first.parse().unwrap(), last.parse().unwrap())
        })
        .collect();
    support::plans::single(
        PlanRule {
            statement: 0,
            hook: PlanHook::Forward,
            sources: Arc::new(all.clone()),
            destinations: Arc::new(all.clone()),
            services: Arc::from([service]),
            action: Action { operations: Some(Arc::new(operations.clone())), ..Action::default() },
        },
        Statement { id: "p.1".into(), policy: "p".into() },
        Binding { device: "eth0".into(), sources: all },
    )
}

fn canonical(operations: &OperationMatch) -> Vec<Request> {
    let mut all: Vec<Request> = operations
        .requests
        .iter()
        .flat_map(|one| {
            one.functions.iter().map(|function| Request {
                function: *function,
                items: one.items,
                value: one.value,
            })
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn model_of(plan: &GatewayPlan) -> (Ruleset, FilterModel) {
    let set = read(&Gateway::of(plan, &Options::default()));
    let model = set.model().unwrap_or_else(|error| unreachable!("{error}"));
    (set, model)
}

#[test]
fn are_those_of_the_plan() {
    for (operations, service) in operations() {
        let (_, model) = model_of(&plan(&operations, service));
        let read = model.outcomes[0].steps[0].operations.clone().unwrap();
        let protocol = match operations.protocol {
            PayloadProtocol::BacnetIp => Protocol::BacnetIp,
            PayloadProtocol::Coap => Protocol::Coap,
            PayloadProtocol::ModbusTcp => Protocol::ModbusTcp,
        };
        assert_eq!((read.protocol, read.requests), (protocol, canonical(&operations)));
    }
}

/// Whether a payload is one whole request that may pass.
fn may(operations: &Operations, payload: &[u8]) -> bool {
    let byte = |at: usize| payload.get(at).copied();
    let named = |function: u16| operations.requests.iter().filter(move |one| one.function == function);
    match operations.protocol {
        Protocol::BacnetIp => {
            let npdu = byte(0) == Some(0x81)
                && matches!(byte(1), Some(0x0a | 0x0b))
                && byte(4) == Some(1)
                && byte(5).is_some_and(|control| control & 0xf8 == 0);
            let service = match byte(6) {
                Some(kind) if kind & 0xf8 == 0 => byte(9).map(u16::from),
                Some(0x10) => byte(7).map(|service| 0x1000 | u16::from(service)),
                _ => None,
            };
            npdu && service.is_some_and(|service| named(service).next().is_some())
        }
        Protocol::Coap => {
            payload.len() >= 4
                && payload[0] >> 6 == 1
                && payload[0] >> 5 & 1 == 0
                && payload[0] & 15 <= 8
                && named(payload[1].into()).next().is_some()
        }
        Protocol::ModbusTcp => {
            let word = |at: usize| Some(u16::from(byte(at)?) << 8 | u16::from(byte(at + 1)?));
            let Some(length) = word(4) else { return false };
            let (Some(function), true) = (byte(7), word(2) == Some(0)) else { return false };
            if payload.len() != 6 + usize::from(length) || !whole(function, length) {
                return false;
            }
            named(function.into()).any(|one| {
                let items = one.items.is_none_or(|(first, last)| {
                    let Some(address) = word(8) else { return false };
                    let (count, most) = match function {
                        5 | 6 | 22 => (1, 1),
                        1 | 2 => (word(10).unwrap_or(0), 2000),
                        3 | 4 => (word(10).unwrap_or(0), 125),
                        15 => (word(10).unwrap_or(0), 1968),
                        16 => (word(10).unwrap_or(0), 123),
                        _ => return false,
                    };
                    let end = u32::from(address) + u32::from(count);
                    count >= 1 && count <= most && first <= address && end <= u32::from(last) + 1
                });
                items && one.value.is_none_or(|value| word(10) == Some(value))
            })
        }
    }
}

/// Whether a Modbus request can have this length.
fn whole(function: u8, length: u16) -> bool {
    match function {
        1..=6 => length == 6,
        7 | 11 | 12 | 17 => length == 2,
        15 => (8..=253).contains(&length),
        16 => (9..=253).contains(&length) && length % 2 == 1,
        20 => (10..=248).contains(&length) && (length - 3).is_multiple_of(7),
        22 => length == 8,
        23 => (13..=253).contains(&length) && length % 2 == 1,
        24 => length == 4,
        _ => (2..=254).contains(&length),
    }
}

/// A packet with this payload from its network header on.
fn packet(family: Family, protocol: u8, options: u8, flags: u8, payload: &[u8]) -> Packet {
    let device = device_number(b"eth0").unwrap();
    let (source, destination) = match family {
        Family::V4 => (0x0a00_0001, 0x0a00_0002),
        Family::V6 => (0x2001 << 112 | 1, 0x2001 << 112 | 2),
    };
    let mut packet = Packet::first(Hook::Forward, device, family, source, destination);
    let header = if protocol == 6 { 20 + 4 * usize::from(options) } else { 8 };
    let length = header + payload.len();
    let mut bytes = match family {
        Family::V4 => {
            let mut bytes = vec![0; 20];
            bytes[0] = 0x45;
            bytes[2..4].copy_from_slice(&(20 + length as u16).to_be_bytes());
            bytes
        }
        Family::V6 => {
            let mut bytes = vec![0; 40];
            bytes[0] = 0x60;
            bytes[4..6].copy_from_slice(&(length as u16).to_be_bytes());
            bytes
        }
    };
    packet.transport = bytes.len();
    bytes.resize(bytes.len() + header, 0);
    if protocol == 6 {
        bytes[packet.transport + 12] = (5 + options) << 4;
        bytes[packet.transport + 13] = flags;
    } else {
        bytes[packet.transport + 4..packet.transport + 6].copy_from_slice(&(length as u16).to_be_bytes());
    }
    packet.inner = bytes.len();
    bytes.extend_from_slice(payload);
    packet.bytes = bytes;
    packet.protocol = protocol;
    packet.state = ESTABLISHED;
    packet
}

/// A payload near what passes: a request of some function, perhaps with a byte changed, cut or added.
fn payload(numbers: &mut Numbers, operations: &Operations) -> Vec<u8> {
    let function = numbers.pick(&operations.requests).function;
    let function = if numbers.one_in(4) { numbers.next() as u16 & 0x103f } else { function };
    let mut bytes = match operations.protocol {
        Protocol::BacnetIp if function >= 0x1000 => {
            vec![0x81, numbers.pick(&[0x0a, 0x0b]), 0, 8, 1, numbers.pick(&[0, 4, 7]), 0x10, function as u8]
        }
        Protocol::BacnetIp => {
            let kind = numbers.pick(&[0, 2, 4]);
            vec![0x81, 0x0a, 0, 12, 1, 4, kind, 5, 1, function as u8, 0x0c, 0]
        }
        Protocol::Coap => {
            let token = numbers.pick(&[0, 4, 8]);
            let mut bytes = vec![numbers.pick(&[0x40, 0x50]) | token, function as u8, 0, 1];
            bytes.extend((0..token).map(|_| 7));
            bytes
        }
        Protocol::ModbusTcp => {
            let lengths: Vec<u16> = (2..=254).filter(|length| whole(function as u8, *length)).collect();
            let length = if lengths.is_empty() { 6 } else { numbers.pick(&lengths) };
            let mut bytes = vec![0, 1, 0, 0, (length >> 8) as u8, length as u8, 255, function as u8];
            let items = numbers.pick(&operations.requests).items.unwrap_or((3, 10));
            let address =
                numbers.pick(&[items.0, items.1, items.0.wrapping_sub(1), items.1.wrapping_add(1), 5]);
            let count = numbers.pick(&[
                1,
                2,
                4,
                125,
                126,
                0,
                items.1 - items.0,
                (items.1 - items.0).wrapping_add(1),
                0xff00,
                3,
            ]);
            bytes.extend(address.to_be_bytes());
            bytes.extend(count.to_be_bytes());
            bytes.resize(6 + usize::from(length), 0);
            bytes
        }
    };
    match numbers.next() % 6 {
        0 => {
            let at = numbers.next() as usize % bytes.len().min(14);
            bytes[at] ^= 1 << (numbers.next() % 8);
        }
        1 => bytes.truncate(numbers.next() as usize % (bytes.len() + 1)),
        2 => bytes.push(0),
        _ => {}
    }
    bytes
}

#[test]
fn pass_exactly() {
    let mut passed = 0;
    for (index, (operations, service)) in operations().into_iter().enumerate() {
        let (set, model) = model_of(&plan(&operations, service));
        let operations = model.outcomes[0].steps[0].operations.clone().unwrap();
        let tcp = operations.protocol == Protocol::ModbusTcp;
        let mut numbers = Numbers(index as u64);
        for _ in 0..3000 {
            let payload = payload(&mut numbers, &operations);
            let family = numbers.pick(&Family::BOTH);
            let (options, flags) = (numbers.pick(&[0, 3, 10]), numbers.pick(&[0x18, 0x18, 0x18, 0x38]));
            let protocol = if tcp { 6 } else { 17 };
            let mut packet = packet(family, protocol, options, flags, &payload);
            packet.port = service.first;
            let request = may(&operations, &payload) && (!tcp || flags & 0x20 == 0);
            // Segments without data pass, and what goes on with a request.
            let besides = match operations.protocol {
                Protocol::ModbusTcp => payload.is_empty(),
                Protocol::Coap => payload.len() == 4 && matches!(payload[0], 0x60 | 0x70) && payload[1] == 0,
                Protocol::BacnetIp => {
                    payload.len() > 6
                        && payload[0] == 0x81
                        && matches!(payload[1], 0x0a | 0x0b)
                        && payload[4] == 1
                        && payload[5] & 0xf8 == 0
                        && matches!(payload[6], 0x40 | 0x42 | 0x70)
                }
            };
            let judged = set.judge(&packet);
            assert_eq!(
                judged.accepted,
                request || besides,
                "{operations:?} {payload:02x?} {options} {flags:02x}"
            );
            passed += u32::from(request);
        }
    }
    assert!(passed > 5000, "{passed}: too little of it passes");
}

/// One value of one match changed: never the same operations. Where more than whole requests would pass, it is not read.
#[test]
fn changed_matches_are_other_operations() {
    let (mut errors, mut others) = (0, 0);
    for (index, (operations, service)) in operations().into_iter().enumerate() {
        let gateway = Gateway::of(&plan(&operations, service), &Options::default());
        let text = gateway.text();
        let model = read(&gateway).model().unwrap();
        let mut numbers = Numbers(index as u64 + 100);
        let places: Vec<usize> = text
            .match_indices(|c: char| c.is_ascii_digit())
            .map(|(at, _)| at)
            .filter(|at| text[..*at].rfind('\n').is_some_and(|line| text[line..*at].contains("@ih")))
            .filter(|at| !text[..*at].ends_with(['_', '/', '-']))
            .collect();
        for _ in 0..60 {
            let at = numbers.pick(&places);
            let line = text[..at].rfind('\n').unwrap() + 1;
            // Names hold digits too.
            if text[line..at].contains("counter") || text[line..at].contains("goto") {
                continue;
            }
            let digit = char::from(b'0' + (numbers.next() % 10) as u8).to_string();
            if text[at..=at] == digit {
                continue;
            }
            let edited = format!("{}{digit}{}", &text[..at], &text[at + 1..]);
            match Ruleset::default().apply("edited", edited.as_bytes()).and_then(|set| set.model()) {
                Err(_) => errors += 1,
                Ok(other) => {
                    assert_ne!(
                        other.canonical(),
                        model.canonical(),
                        "{}",
                        &edited[line..line + 200.min(edited.len() - line)]
                    );
                    others += 1;
                }
            }
        }
    }
    assert!(errors > 300 && others > 3, "{errors} errors, {others} other models");
}
