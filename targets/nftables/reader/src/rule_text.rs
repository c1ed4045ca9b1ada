//! Rules as text.

use crate::cursor::Cursor;
use crate::literal::{Family, Range, Type, device_number, number};
use crate::names::{Names, Symbol};
use crate::rule::{Bits, Field, Header, Match, Operand, Part, Rate, Values, Verdict};

/// Fails with what was not understood; the line is the cursor's.
pub(crate) type Read<T> = Result<T, String>;

/// Most parts of one rule; ours have about a dozen.
const MOST_PARTS: usize = 64;

pub(crate) fn expected(what: &str, cursor: &Cursor<'_>) -> String {
    format!("{what} was expected, not {}", cursor.rest())
}

/// An object's name: what nft's grammar takes for one.
pub(crate) fn name(cursor: &mut Cursor<'_>, names: &mut Names) -> Read<Symbol> {
    let word = cursor.ahead();
    let symbol = check_name(word).map(|text| names.intern(text)).ok_or_else(|| expected("a name", cursor))?;
    cursor.word();
    Ok(symbol)
}

/// The kernel takes names of at most 255 bytes; letters, digits, `/`, `_`, `.` and `-`, a letter first.
pub(crate) fn check_name(word: &[u8]) -> Option<&str> {
    let fits = word.first().is_some_and(u8::is_ascii_alphabetic)
        && word.len() <= 255
        && word.iter().all(|b| b.is_ascii_alphanumeric() || b"/_.-".contains(b));
    if fits { std::str::from_utf8(word).ok() } else { None }
}

/// One rule, to the end of its line.
pub(crate) fn rule(cursor: &mut Cursor<'_>, names: &mut Names) -> Read<Vec<Part>> {
    let mut parts = Vec::new();
    while !cursor.ends() {
        if matches!(parts.last(), Some(Part::Verdict(_) | Part::VerdictMap { .. } | Part::Redirect { .. })) {
            return Err(format!("nothing can follow a verdict, but {} does", cursor.rest()));
        }
        if parts.len() == MOST_PARTS {
            return Err("a rule of so many parts is none of ours".into());
        }
        parts.push(part(cursor, names)?);
    }
    Ok(parts)
}

fn part(cursor: &mut Cursor<'_>, names: &mut Names) -> Read<Part> {
    match cursor.ahead() {
        b"accept" | b"drop" | b"return" | b"jump" | b"goto" => verdict(cursor, names).map(Part::Verdict),
        b"counter" => {
            cursor.word();
            if !cursor.take_word(b"name") {
                return Err(expected("`name` and a counter", cursor));
            }
            name(cursor, names).map(Part::Counter)
        }
        b"limit" => limit(cursor),
        b"redirect" => redirect(cursor, names),
        b"log" => log(cursor, names),
        _ => matching(cursor, names),
    }
}

pub(crate) fn verdict(cursor: &mut Cursor<'_>, names: &mut Names) -> Read<Verdict> {
    Ok(match cursor.word() {
        b"accept" => Verdict::Accept,
        b"drop" => Verdict::Drop,
        b"return" => Verdict::Return,
        b"jump" => Verdict::Jump(name(cursor, names)?),
        b"goto" => Verdict::Goto(name(cursor, names)?),
        _ => return Err(expected("a verdict", cursor)),
    })
}

/// Seconds of the kernel's units of time.
pub(crate) fn unit(name: &[u8]) -> Option<u32> {
    Some(match name {
        b"second" => 1,
        b"minute" => 60,
        b"hour" => 3_600,
        b"day" => 86_400,
        b"week" => 604_800,
        _ => return None,
    })
}

fn limit(cursor: &mut Cursor<'_>) -> Read<Part> {
    cursor.word();
    if !cursor.take_word(b"rate") {
        return Err(expected("`rate`", cursor));
    }
    let over = cursor.take_word(b"over");
    let word = cursor.word();
    let rate = word.iter().position(|b| *b == b'/').and_then(|slash| {
        let count = u32::try_from(number(&word[..slash])?).ok().filter(|count| *count > 0)?;
        Some((count, unit(&word[slash + 1..])?))
    });
    let Some((count, seconds)) = rate else {
        return Err(format!("`{}` is no rate", String::from_utf8_lossy(word)));
    };
    if !cursor.take_word(b"burst") {
        return Err(expected("`burst`", cursor));
    }
    let burst = number(cursor.word()).and_then(|burst| u32::try_from(burst).ok());
    match burst {
        Some(burst) if cursor.take_word(b"packets") => Ok(Part::Limit(Rate { over, count, seconds, burst })),
        _ => Err(expected("a burst in packets", cursor)),
    }
}

/// `redirect to :KEY map @NAME`.
fn redirect(cursor: &mut Cursor<'_>, names: &mut Names) -> Read<Part> {
    cursor.word();
    let to = cursor.take_word(b"to");
    cursor.blanks();
    if !(to && cursor.take(b':')) {
        return Err(expected("`to :` and a key", cursor));
    }
    let mut key = vec![operand(cursor)?];
    while cursor.take_word(b".") {
        if key.len() == 8 {
            return Err("a key of more than 8 fields".into());
        }
        key.push(operand(cursor)?);
    }
    if !cursor.take_word(b"map") {
        return Err(expected("`map`", cursor));
    }
    Ok(Part::Redirect { key, map: reference(cursor, names)? })
}

fn log(cursor: &mut Cursor<'_>, names: &mut Names) -> Read<Part> {
    cursor.word();
    if !cursor.take_word(b"prefix") {
        return Err(expected("`prefix`", cursor));
    }
    let text = cursor.string().and_then(|text| std::str::from_utf8(text).ok());
    let Some(prefix) = text.filter(|text| text.len() <= 127) else {
        return Err(expected("a log prefix of at most 127 bytes", cursor));
    };
    let prefix = names.intern(prefix);
    let mut group = None;
    if cursor.take_word(b"group") {
        let word = cursor.word();
        group = Some(
            number(word)
                .and_then(|group| u16::try_from(group).ok())
                .ok_or_else(|| format!("`{}` is no log group", String::from_utf8_lossy(word)))?,
        );
    }
    Ok(Part::Log { prefix, group })
}

/// A match, a lookup or the setting of a mark.
fn matching(cursor: &mut Cursor<'_>, names: &mut Names) -> Read<Part> {
    let mut key = vec![operand(cursor)?];
    if cursor.take_word(b"set") {
        return set_mark(cursor, names, key[0]);
    }
    if matches!(key[0], Operand { field: Field::ConnectionMark | Field::Mark | Field::TcpFlags, .. }) {
        key[0].mask = mask(cursor)?;
    }
    while cursor.take_word(b".") {
        if key.len() == 8 {
            return Err("a key of more than 8 fields".into());
        }
        key.push(operand(cursor)?);
    }
    if cursor.take_word(b"vmap") {
        return Ok(Part::VerdictMap { key, map: reference(cursor, names)? });
    }
    let operator = cursor.operator();
    if cursor.peek() == Some(b'"') || !matches!(operator, b"" | b"==" | b"!=" | b"<" | b"<=" | b">" | b">=") {
        // A device name follows directly.
        if key.iter().all(|operand| operand.field.kind() != Type::Device) {
            return Err(expected("a value", cursor));
        }
    }
    if cursor.ahead().starts_with(b"@") && !cursor.ahead().contains(&b',') {
        if !matches!(operator, b"" | b"==" | b"!=") {
            return Err(expected("a value to compare with", cursor));
        }
        let values = Values::Set(reference(cursor, names)?);
        return Ok(Part::Match(Match { key, negated: operator == b"!=", values }));
    }
    let boxes = values(cursor, &key)?;
    compare(key, operator, boxes).map(Part::Match)
}

/// A comparison as ranges.
pub(crate) fn compare(key: Vec<Operand>, operator: &[u8], mut boxes: Vec<Box<[Range]>>) -> Read<Match> {
    if !matches!(operator, b"" | b"==" | b"!=") {
        let top = match key[..] {
            [Operand { field, mask }] => {
                let last = field.kind().last();
                mask.map_or(last, |mask| mask & last)
            }
            _ => return Err("several fields cannot be compared by size".into()),
        };
        let value = match boxes.as_slice() {
            [one] if one.len() == 1 && one[0].0 == one[0].1 => one[0].0,
            _ => return Err("only a single value can be compared by size".into()),
        };
        let range = match operator {
            b"<=" => Some((0, value)),
            b">=" => Some((value, top)),
            b"<" => value.checked_sub(1).map(|last| (0, last)),
            _ => value.checked_add(1).map(|first| (first, top)),
        };
        let range = range.filter(|(first, last)| first <= last).ok_or("a comparison that never holds")?;
        boxes = vec![Box::from([range])];
    }
    boxes.sort_unstable();
    Ok(Match { key, negated: operator == b"!=", values: Values::Boxes(boxes) })
}

/// A value, or several between braces.
fn values(cursor: &mut Cursor<'_>, key: &[Operand]) -> Read<Vec<Box<[Range]>>> {
    cursor.blanks();
    let mut boxes = Vec::new();
    if !cursor.take(b'{') {
        boxes.push(value(cursor, key)?);
        return Ok(boxes);
    }
    loop {
        cursor.lines();
        boxes.push(value(cursor, key)?);
        cursor.lines();
        if cursor.take(b'}') {
            return Ok(boxes);
        }
        if !cursor.take(b',') {
            return Err(expected("`,` or `}`", cursor));
        }
    }
}

fn value(cursor: &mut Cursor<'_>, key: &[Operand]) -> Read<Box<[Range]>> {
    let mut ranges = Vec::with_capacity(key.len());
    for (index, operand) in key.iter().enumerate() {
        if index > 0 && !cursor.take_word(b".") {
            return Err(expected("`.` and the next field", cursor));
        }
        ranges.push(literal(cursor, operand.field.kind())?);
    }
    Ok(ranges.into())
}

/// A value of a type.
#[inline]
pub(crate) fn literal(cursor: &mut Cursor<'_>, kind: Type) -> Read<Range> {
    if kind == Type::Device {
        let value = cursor.string().and_then(device_number);
        return value.map(|value| (value, value)).ok_or_else(|| expected("the name of a device", cursor));
    }
    let word = cursor.word();
    match kind.read(word) {
        Some(range) => Ok(range),
        None if word.is_empty() => Err(expected("a value", cursor)),
        None => Err(format!("`{}` is no value here", String::from_utf8_lossy(word))),
    }
}

/// `and 0x…` or `& …`.
fn mask(cursor: &mut Cursor<'_>) -> Read<Option<u128>> {
    cursor.blanks();
    if cursor.peek() == Some(b'&') {
        if cursor.operator() != b"&" {
            return Err(expected("a mask", cursor));
        }
    } else if !cursor.take_word(b"and") {
        return Ok(None);
    }
    let word = cursor.word();
    let mask = Type::TcpFlags.read(word).or_else(|| Type::Mark.read(word));
    match mask {
        Some((first, last)) if first == last => Ok(Some(first)),
        _ => Err(format!("`{}` is no mask", String::from_utf8_lossy(word))),
    }
}

fn set_mark(cursor: &mut Cursor<'_>, names: &mut Names, target: Operand) -> Read<Part> {
    let constant = |word: &[u8]| match Type::Mark.read(word) {
        Some((first, last)) if first == last => Ok(first as u32),
        _ => Err(format!("`{}` is no mark", String::from_utf8_lossy(word))),
    };
    let part = match target.field {
        Field::Mark => Part::SetMark,
        Field::ConnectionMark => Part::SetConnectionMark,
        _ => return Err("only marks can be set".into()),
    };
    if cursor.ahead().first().is_some_and(u8::is_ascii_digit) {
        return Ok(part(Bits::new(0, constant(cursor.word())?)));
    }
    let mut key = vec![operand(cursor)?];
    if key[0] == target {
        if !cursor.take_word(b"and") {
            return Err(expected("`and` and a mask", cursor));
        }
        let keep = constant(cursor.word())?;
        let set = if cursor.take_word(b"or") { constant(cursor.word())? } else { 0 };
        return Ok(part(Bits::new(keep, set)));
    }
    while cursor.take_word(b".") {
        key.push(operand(cursor)?);
    }
    if target.field != Field::Mark || !cursor.take_word(b"map") {
        return Err(expected("`map`", cursor));
    }
    Ok(Part::MapMark { key, map: reference(cursor, names)? })
}

/// `@name`.
fn reference(cursor: &mut Cursor<'_>, names: &mut Names) -> Read<Symbol> {
    let word = cursor.word();
    word.strip_prefix(b"@")
        .and_then(check_name)
        .map(|name| names.intern(name))
        .ok_or_else(|| format!("`{}` is no set or map", String::from_utf8_lossy(word)))
}

pub(crate) fn operand(cursor: &mut Cursor<'_>) -> Read<Operand> {
    let from = cursor.here();
    let unknown = |cursor: &Cursor<'_>| format!("{} is not known", cursor.since(from));
    let field = match cursor.word() {
        b"iifname" => Field::InDevice,
        b"oifname" => Field::OutDevice,
        b"meta" => match cursor.word() {
            b"mark" => Field::Mark,
            b"l4proto" => Field::Protocol,
            b"nfproto" => Field::Family,
            b"time" => Field::Time,
            b"iifname" => Field::InDevice,
            b"oifname" => Field::OutDevice,
            _ => return Err(unknown(cursor)),
        },
        b"ip" => match cursor.word() {
            b"saddr" => Field::Source(Family::V4),
            b"daddr" => Field::Destination(Family::V4),
            b"length" => Field::PacketLength(Family::V4),
            _ => return Err(unknown(cursor)),
        },
        b"ip6" => match cursor.word() {
            b"saddr" => Field::Source(Family::V6),
            b"daddr" => Field::Destination(Family::V6),
            b"length" => Field::PacketLength(Family::V6),
            b"hoplimit" => Field::HopLimit,
            b"nexthdr" => Field::NextHeader,
            _ => return Err(unknown(cursor)),
        },
        b"ether" => match cursor.word() {
            b"saddr" => Field::EtherSource,
            b"daddr" => Field::EtherDestination,
            b"type" => Field::EtherType,
            _ => return Err(unknown(cursor)),
        },
        b"arp" => match (cursor.word(), cursor.ahead()) {
            (b"htype", _) => Field::ArpHardware,
            (b"operation", _) => Field::ArpOperation,
            (direction @ (b"saddr" | b"daddr"), kind @ (b"ip" | b"ether")) => {
                cursor.word();
                match (direction, kind) {
                    (b"saddr", b"ip") => Field::ArpSource,
                    (b"daddr", b"ip") => Field::ArpDestination,
                    (b"saddr", _) => Field::ArpEther,
                    _ => return Err(unknown(cursor)),
                }
            }
            _ => return Err(unknown(cursor)),
        },
        b"vlan" => match cursor.word() {
            b"id" => Field::VlanId,
            b"type" => Field::VlanType,
            _ => return Err(unknown(cursor)),
        },
        b"icmpv6" if cursor.take_word(b"type") => Field::Icmpv6Type,
        b"tcp" if cursor.take_word(b"flags") => Field::TcpFlags,
        b"tcp" if cursor.take_word(b"dport") => Field::TcpPort,
        b"udp" if cursor.take_word(b"length") => Field::UdpLength,
        b"ct" => match cursor.word() {
            b"state" => Field::State,
            b"status" => Field::Status,
            b"mark" => Field::ConnectionMark,
            b"direction" => Field::Direction,
            b"protocol" => Field::ConnectionProtocol,
            b"original" => match (cursor.word(), cursor.ahead()) {
                (b"proto-dst", _) => Field::OriginalPort,
                (word @ (b"ip" | b"ip6"), direction @ (b"saddr" | b"daddr")) => {
                    cursor.word();
                    let family = if word == b"ip" { Family::V4 } else { Family::V6 };
                    if direction == b"saddr" {
                        Field::OriginalSource(family)
                    } else {
                        Field::OriginalDestination(family)
                    }
                }
                _ => return Err(unknown(cursor)),
            },
            _ => return Err(unknown(cursor)),
        },
        base @ (b"@ih" | b"@th" | b"@nh" | b"@ll") => {
            let base = match base {
                b"@ih" => Header::Inner,
                b"@th" => Header::Transport,
                b"@nh" => Header::Network,
                _ => Header::Link,
            };
            let mut number = || {
                if !cursor.take(b',') {
                    return None;
                }
                u16::try_from(number(cursor.word())?).ok()
            };
            match (number(), number()) {
                (Some(offset), Some(bits)) => payload(base, offset, bits).ok_or_else(|| unknown(cursor))?,
                _ => return Err(unknown(cursor)),
            }
        }
        _ => return Err(unknown(cursor)),
    };
    Ok(Operand { field, mask: None })
}

/// Raw bits, where they can exist.
pub(crate) fn payload(base: Header, offset: u16, bits: u16) -> Option<Field> {
    ((1..=128).contains(&bits) && offset <= 4096).then_some(Field::Payload { base, offset, bits })
}
