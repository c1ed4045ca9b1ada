//! Requests of OT protocols, recognised bit by bit from their specifications: a conjunction of matches is either exactly
//! the whole, well-formed requests of some functions, or not understood.

use std::collections::{BTreeMap, BTreeSet};

use crate::literal::{Family, Range};
use crate::model::{Operations, Protocol, Request};
use crate::place::Place;
use crate::rule::{Field, Header, Match, Operand, Part, Values};
use crate::shape::joined;
use crate::state::Outcome;

/// Added to the number of an unconfirmed BACnet service.
const UNCONFIRMED: u16 = 0x1000;

/// Matches on raw bits that all have to hold, however they were cut into fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conjunction {
    bits: BTreeMap<(Header, u16), bool>,
    /// Several values, by operands.
    among: BTreeMap<Vec<Operand>, Vec<Box<[Range]>>>,
    /// Something that is no plain match, or contradicts another one.
    strange: bool,
}

impl Conjunction {
    pub(crate) fn of(parts: &[Part]) -> Self {
        let mut all = Self::default();
        for part in parts {
            match part {
                Part::Match(one) if !one.negated => all.add(one),
                _ => all.strange = true,
            }
        }
        all
    }

    fn add(&mut self, one: &Match) {
        let Values::Boxes(boxes) = &one.values else {
            self.strange = true;
            return;
        };
        if let [Operand { field: Field::Payload { base, offset, bits }, mask }] = one.key[..] {
            let full = u128::MAX >> (128 - u32::from(bits.clamp(1, 128)));
            let mask = mask.unwrap_or(full) & full;
            let ranges = joined(boxes.iter().filter_map(|one| one.first().copied()).collect());
            if let [(first, last)] = ranges[..]
                && first == last
            {
                for bit in 0..bits {
                    let at = 1u128 << (bits - 1 - bit);
                    if mask & at == 0 {
                        self.strange |= first & at != 0;
                    } else if self.bits.insert((base, offset + bit), first & at != 0).is_some() {
                        self.strange = true;
                    }
                }
                return;
            }
            // The masked bits as a field of their own: they have to be neighbours.
            let (low, width) = (mask.trailing_zeros(), mask.count_ones());
            if width == 0 || mask >> low != u128::MAX >> (128 - width) {
                self.strange = true;
                return;
            }
            let field =
                Field::Payload { base, offset: offset + bits - (low + width) as u16, bits: width as u16 };
            let aligned = ranges.iter().all(|(first, last)| {
                first & !mask == 0 && (last & !mask == 0) && (low == 0 || first == last)
            });
            let boxes = ranges.iter().map(|(first, last)| Box::from([(first >> low, last >> low)])).collect();
            self.strange |= !aligned;
            self.insert(vec![Operand { field, mask: None }], boxes);
            return;
        }
        self.insert(one.key.clone(), boxes.clone());
    }

    fn insert(&mut self, key: Vec<Operand>, boxes: Vec<Box<[Range]>>) {
        self.strange |= self.among.insert(key, boxes).is_some();
    }

    /// Takes out bits that have one value.
    fn take(&mut self, base: Header, offset: u16, bits: u16) -> Option<u16> {
        let mut value = 0;
        for bit in offset..offset + bits {
            value = value << 1 | u16::from(*self.bits.get(&(base, bit))?);
        }
        for bit in offset..offset + bits {
            self.bits.remove(&(base, bit));
        }
        Some(value)
    }

    /// Takes out all values of a field, and of other fields beside it.
    fn take_among(&mut self, fields: &[Field]) -> Option<Vec<Box<[Range]>>> {
        let key: Vec<Operand> = fields.iter().map(|field| Operand { field: *field, mask: None }).collect();
        self.among.remove(&key)
    }

    /// Takes out the values of inner bits, one or several, as ranges.
    fn take_values(&mut self, offset: u16, bits: u16) -> Option<Vec<Range>> {
        if let Some(value) = self.take(Header::Inner, offset, bits) {
            return Some(vec![(value.into(), value.into())]);
        }
        let boxes = self.take_among(&[inner(offset, bits)])?;
        Some(joined(boxes.iter().filter_map(|one| one.first().copied()).collect()))
    }

    /// Takes out inner bits that have one certain value.
    fn has(&mut self, offset: u16, bits: u16, value: u16) -> bool {
        self.take(Header::Inner, offset, bits) == Some(value)
    }

    /// Takes out a named field that has one certain value.
    fn has_field(&mut self, field: Field, mask: Option<u128>, value: u128) -> bool {
        let key = vec![Operand { field, mask }];
        self.among.remove(&key).is_some_and(|boxes| boxes == [Box::from([(value, value)])])
    }

    fn is_empty(&self) -> bool {
        self.bits.is_empty() && self.among.is_empty() && !self.strange
    }
}

fn inner(offset: u16, bits: u16) -> Field {
    Field::Payload { base: Header::Inner, offset, bits }
}

/// The values of some ranges; at most 65536.
fn numbers(ranges: &[Range]) -> Vec<u16> {
    ranges.iter().flat_map(|(first, last)| *first as u16..=(*last).min(u128::from(u16::MAX)) as u16).collect()
}

/// The rules of a chain that judges packets.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    pub(crate) answers: Vec<(Place, Conjunction)>,
    pub(crate) requests: Vec<(Place, Conjunction)>,
    pub(crate) upkeep: Vec<(Place, Conjunction)>,
    /// Answers are judged too.
    pub(crate) datagrams: bool,
}

impl Judge {
    /// Which requests pass. Fails where anything else would.
    pub(crate) fn read(self, place: Place) -> Outcome<Operations> {
        let Some((_, first)) = self.requests.first() else {
            return Err((place, "no request passes".into()));
        };
        if !self.datagrams {
            self.modbus()
        } else if first.bits.contains_key(&(Header::Inner, 32)) {
            self.bacnet()
        } else {
            self.coap()
        }
    }

    /// Other rules than these would let something else pass, or less than a conversation needs.
    fn besides(
        &self,
        place: Place,
        answers: &[fn(&mut Conjunction) -> bool],
        upkeep: &[fn(&mut Conjunction) -> bool],
    ) -> Outcome<()> {
        for (there, wanted, what) in
            [(&self.answers, answers, "answers"), (&self.upkeep, upkeep, "what goes on with a request")]
        {
            let mut missing = wanted.to_vec();
            for (place, conjunction) in there {
                let matching = missing.iter().position(|shape| {
                    let mut rest = conjunction.clone();
                    shape(&mut rest) && rest.is_empty()
                });
                match matching {
                    Some(index) => {
                        missing.remove(index);
                    }
                    None => return Err((*place, format!("a match that is not known as {what}"))),
                }
            }
            if !missing.is_empty() {
                return Err((place, format!("a rule for {what} is missing")));
            }
        }
        Ok(())
    }

    /// BACnet/IP (ASHRAE 135, annex J and clause 20).
    fn bacnet(self) -> Outcome<Operations> {
        let mut functions = BTreeSet::new();
        for (place, mut request) in self.requests.iter().cloned() {
            let strange = || (place, "a match that is not exactly some BACnet requests".to_owned());
            if !bacnet(&mut request) {
                return Err(strange());
            }
            // The type of the PDU in four bits; then for an unconfirmed request four zeros and the service; for a
            // confirmed one the flag of segmentation, which must not be set, and the service behind three bytes.
            let (offset, added) = if request.has(48, 8, 0x10) {
                (56, UNCONFIRMED)
            } else if request.has(48, 5, 0) {
                (72, 0)
            } else {
                return Err(strange());
            };
            let services = request.take_values(offset, 8).ok_or_else(strange)?;
            functions.extend(numbers(&services).iter().map(|service| service + added));
            if !request.is_empty() {
                return Err(strange());
            }
        }
        let place = self.requests[0].0;
        let mut answers: Vec<fn(&mut Conjunction) -> bool> =
            vec![|answer| bacnet(answer) && answer.take_values(48, 8) == Some(vec![(0x20, 0x7f)])];
        // I-Am (0) answers Who-Is (8), I-Have (1) answers Who-Has (7).
        let asked = |service: u16| functions.contains(&(UNCONFIRMED + service));
        match (asked(8), asked(7)) {
            (true, true) => answers.push(|answer| announcement(answer, (0, 1))),
            (true, false) => answers.push(|answer| announcement(answer, (0, 0))),
            (false, true) => answers.push(|answer| announcement(answer, (1, 1))),
            (false, false) => {}
        }
        // A client's acknowledgement of a segment (0x40, 0x42: negative) and its abort (0x70).
        let upkeep: [fn(&mut Conjunction) -> bool; 1] = [|upkeep| {
            bacnet(upkeep)
                && upkeep.take_values(48, 8) == Some(vec![(0x40, 0x40), (0x42, 0x42), (0x70, 0x70)])
        }];
        self.besides(place, &answers, &upkeep)?;
        Ok(plain(Protocol::BacnetIp, functions))
    }

    /// CoAP (RFC 7252, section 3).
    fn coap(self) -> Outcome<Operations> {
        let mut functions = BTreeSet::new();
        for (place, mut request) in self.requests.iter().cloned() {
            // Version 1, confirmable or not: the first bit of the type is 0.
            let known = request.has(0, 3, 0b010) && coap(&mut request);
            let codes = request.take_values(8, 8).filter(|codes| {
                // Class 0 without the empty message.
                codes.iter().all(|(first, last)| *first >= 1 && *last <= 31)
            });
            match codes {
                Some(codes) if known && request.is_empty() => functions.extend(numbers(&codes)),
                _ => return Err((place, "a match that is not exactly some CoAP requests".into())),
            }
        }
        let answers: [fn(&mut Conjunction) -> bool; 2] = [
            |answer| {
                answer.has(0, 2, 1)
                    && coap(answer)
                    && answer.take_values(8, 8) == Some(vec![(0x40, 0x5f), (0x80, 0xbf)])
            },
            coap_empty,
        ];
        self.besides(self.requests[0].0, &answers, &[coap_empty])?;
        Ok(plain(Protocol::Coap, functions))
    }

    /// Modbus/TCP (Messaging on TCP/IP V1.0b, Application Protocol V1.1b3).
    fn modbus(self) -> Outcome<Operations> {
        let mut by_family: [BTreeSet<Request>; 2] = Default::default();
        for (place, request) in self.requests.iter().cloned() {
            let (family, requests) = modbus(request).map_err(|what| (place, what))?;
            by_family[family as usize].extend(requests);
        }
        let [v4, v6] = by_family;
        let place = self.requests[0].0;
        if v4 != v6 {
            return Err((place, "other requests pass over IPv4 than over IPv6".into()));
        }
        self.besides(place, &[Conjunction::is_empty_mut], &[])?;
        Ok(Operations { protocol: Protocol::ModbusTcp, requests: v4.into_iter().collect() })
    }
}

impl Conjunction {
    fn is_empty_mut(&mut self) -> bool {
        self.is_empty()
    }
}

fn plain(protocol: Protocol, functions: BTreeSet<u16>) -> Operations {
    let requests =
        functions.into_iter().map(|function| Request { function, items: None, value: None }).collect();
    Operations { protocol, requests }
}

/// A BVLL that carries an NPDU to one or to all, version 1, and a control octet that announces nothing before the APDU:
/// no network message, no routing, no reserved bit; so that the APDU begins at byte 6.
fn bacnet(request: &mut Conjunction) -> bool {
    request.take_values(0, 16) == Some(vec![(0x810a, 0x810b)])
        && request.has(32, 8, 1)
        && request.has(40, 5, 0)
}

fn announcement(answer: &mut Conjunction, services: Range) -> bool {
    bacnet(answer) && answer.has(48, 8, 0x10) && answer.take_values(56, 8) == Some(vec![services])
}

/// A token of at most 8 bytes, and all four bytes of the header.
fn coap(message: &mut Conjunction) -> bool {
    message.take_values(4, 4) == Some(vec![(0, 8)]) && message.take_values(24, 8) == Some(vec![(0, 255)])
}

/// An acknowledgement or reset without anything else: 8 bytes of UDP and 4 of CoAP.
fn coap_empty(message: &mut Conjunction) -> bool {
    message.has_field(Field::UdpLength, None, 12)
        && message.take_values(0, 8) == Some(vec![(0x60, 0x60), (0x70, 0x70)])
        && message.has(8, 8, 0)
}

/// A segment that holds one request and nothing else, and which request.
fn modbus(mut request: Conjunction) -> Result<(Family, Vec<Request>), String> {
    let strange = || "a match that is not exactly some Modbus requests".to_owned();
    // The protocol identifier, and no urgent data, which would leave the stream.
    if !request.has(16, 16, 0) || !request.has_field(Field::TcpFlags, Some(0x20), 0) {
        return Err(strange());
    }
    let (family, lengths) = modbus_lengths(&mut request).ok_or_else(strange)?;
    let functions = numbers(&request.take_values(56, 8).ok_or_else(strange)?);
    for function in &functions {
        if !(1..=127).contains(function) || request_lengths(*function) != lengths {
            return Err(format!("a length that requests of function {function} do not have"));
        }
    }
    let single = |function: &u16| matches!(function, 5 | 6 | 22);
    let stairs = request.take_among(&[inner(64, 16), inner(80, 16)]);
    let items = if let Some(stairs) = stairs {
        let most = functions.first().copied().and_then(most_of).ok_or_else(strange)?;
        if functions.iter().any(|function| most_of(*function) != Some(most)) {
            return Err(strange());
        }
        Some(items_of_stairs(&stairs, most).ok_or("addresses and quantities that are not those of a range")?)
    } else if let Some(ranges) = request.take_values(64, 16) {
        match ranges[..] {
            [(first, last)] if functions.iter().all(single) => Some((first as u16, last as u16)),
            _ => return Err(strange()),
        }
    } else {
        None
    };
    let value = request.take(Header::Inner, 80, 16);
    if value.is_some() && !functions.iter().all(|function| matches!(function, 5 | 6)) || !request.is_empty() {
        return Err(strange());
    }
    Ok((family, functions.into_iter().map(|function| Request { function, items, value }).collect()))
}

/// Most items of one request, where the first one's address and their number stand behind the function.
fn most_of(function: u16) -> Option<u32> {
    match function {
        1 | 2 => Some(2000),
        3 | 4 => Some(125),
        15 => Some(1968),
        16 => Some(123),
        _ => None,
    }
}

/// The items that requests of any allowed quantity stay in.
fn items_of_stairs(stairs: &[Box<[Range]>], most: u32) -> Option<(u16, u16)> {
    let mut by_quantity: BTreeMap<u128, Range> = BTreeMap::new();
    for one in stairs {
        let [addresses, (quantity, same)] = one[..] else { return None };
        if quantity != same || by_quantity.insert(quantity, addresses).is_some() {
            return None;
        }
    }
    let (first, last) = *by_quantity.get(&1)?;
    let quantities = u128::from(most).min(last - first + 1);
    let exact = by_quantity.len() as u128 == quantities
        && (1..=quantities).all(|quantity| {
            by_quantity.get(&quantity) == last.checked_sub(quantity - 1).map(|last| (first, last)).as_ref()
        });
    exact.then_some((first as u16, last as u16))
}

/// The values of the MBAP header's length field that pass, if the packet's length, the TCP header's and it agree, for
/// every length of the TCP header.
fn modbus_lengths(request: &mut Conjunction) -> Option<(Family, Vec<u16>)> {
    let data_offset = Field::Payload { base: Header::Transport, offset: 96, bits: 8 };
    let fields = |family| [Field::PacketLength(family), data_offset, inner(32, 16)];
    let (family, before, boxes) = if let Some(boxes) = request.take_among(&fields(Family::V4)) {
        // A header without options.
        if request.take(Header::Network, 0, 8) != Some(0x45) {
            return None;
        }
        (Family::V4, 20, boxes)
    } else {
        // No extension header, and none counted in the length.
        if !request.has_field(Field::NextHeader, None, 6) {
            return None;
        }
        (Family::V6, 0, request.take_among(&fields(Family::V6))?)
    };
    let mut lengths: BTreeMap<u16, BTreeSet<u128>> = BTreeMap::new();
    for one in &boxes {
        let [(total, a), (offset, b), (length, c)] = one[..] else { return None };
        let words = offset >> 4;
        let agree = (total, offset, length) == (a, b, c)
            && offset % 16 == 0
            && (5..=15).contains(&words)
            && total == before + words * 4 + 6 + length;
        if !agree {
            return None;
        }
        lengths.entry(length as u16).or_default().insert(words);
    }
    if lengths.values().any(|words| words.len() != 11) {
        return None;
    }
    Some((family, lengths.into_keys().collect()))
}

/// Lengths that a request of a function can have: unit identifier, function and data, at most 254.
fn request_lengths(function: u16) -> Vec<u16> {
    match function {
        // Two words of data.
        1..=6 => vec![6],
        // No data.
        7 | 11 | 12 | 17 => vec![2],
        // Address, quantity, count, 1 to 246 bytes.
        15 => (1..=246).map(|bytes| 7 + bytes).collect(),
        // ... 1 to 123 registers.
        16 => (1..=123).map(|registers| 7 + 2 * registers).collect(),
        // Count, and 1 to 35 references of 7 bytes.
        20 => (1..=35).map(|references| 3 + 7 * references).collect(),
        // Address and two masks.
        22 => vec![8],
        // Two addresses and quantities, count, 1 to 121 registers.
        23 => (1..=121).map(|registers| 11 + 2 * registers).collect(),
        // An address.
        24 => vec![4],
        // As the function says, or as nobody says.
        _ => (2..=254).collect(),
    }
}
