//! Rules in a listing.

use crate::json::Json;
use crate::literal::{Family, Range, Type, device_number};
use crate::names::{Names, Symbol};
use crate::rule::{Bits, Field, Header, Match, Operand, Part, Rate, Values, Verdict};
use crate::rule_text::{check_name, compare, payload, unit};

type Read<T> = Result<T, String>;

/// The parts of one rule.
pub(crate) fn rule(parts: &[Json<'_>], names: &mut Names) -> Read<Vec<Part>> {
    let mut all: Vec<Part> = Vec::with_capacity(parts.len());
    for json in parts {
        if matches!(all.last(), Some(Part::Verdict(_) | Part::VerdictMap { .. } | Part::Redirect { .. })) {
            return Err("something behind a verdict".into());
        }
        all.push(part(json, names)?);
    }
    Ok(all)
}

fn part(json: &Json<'_>, names: &mut Names) -> Read<Part> {
    let (kind, body) = json.tagged().ok_or_else(|| format!("{json} in a rule"))?;
    Ok(match kind {
        "match" => Part::Match(matching(body, names)?),
        "counter" => Part::Counter(name(body, names)?),
        "mangle" => mangle(body, names)?,
        "limit" => limit(body)?,
        "log" => {
            let [prefix, group] = body.fields(["prefix", "group"])?;
            let prefix = prefix.and_then(Json::text).ok_or("a log without a prefix")?;
            let group = group.map(|group| group.number().and_then(|group| u16::try_from(group).ok()));
            Part::Log {
                prefix: names.intern(prefix),
                group: group.map(|group| group.ok_or("a log group")).transpose()?,
            }
        }
        "vmap" => {
            let [key, data] = body.fields(["key", "data"])?;
            Part::VerdictMap { key: key_of(key)?, map: reference(data, names)? }
        }
        "redirect" => {
            let [port] = body.fields(["port"])?;
            let Some(("map", map)) = port.and_then(Json::tagged) else {
                return Err("a redirect by something else than a map".into());
            };
            let [key, data] = map.fields(["key", "data"])?;
            Part::Redirect { key: key_of(key)?, map: reference(data, names)? }
        }
        _ => Part::Verdict(verdict(json, names)?),
    })
}

pub(crate) fn verdict(json: &Json<'_>, names: &mut Names) -> Read<Verdict> {
    let unknown = || format!("{json} in a rule");
    let (kind, body) = json.tagged().ok_or_else(unknown)?;
    let mut target = || -> Read<Symbol> {
        let [target] = body.fields(["target"])?;
        name(target.ok_or("a jump to nowhere")?, names)
    };
    Ok(match (kind, body) {
        ("accept", Json::Null) => Verdict::Accept,
        ("drop", Json::Null) => Verdict::Drop,
        ("return", Json::Null) => Verdict::Return,
        ("jump", _) => Verdict::Jump(target()?),
        ("goto", _) => Verdict::Goto(target()?),
        _ => return Err(unknown()),
    })
}

fn name(json: &Json<'_>, names: &mut Names) -> Read<Symbol> {
    let text = json.text().and_then(|text| check_name(text.as_bytes()));
    text.map(|text| names.intern(text)).ok_or_else(|| format!("{json} as a name"))
}

/// `@name`.
fn reference(json: Option<&Json<'_>>, names: &mut Names) -> Read<Symbol> {
    let text = json.and_then(Json::text).and_then(|text| text.strip_prefix('@'));
    let text = text.and_then(|text| check_name(text.as_bytes()));
    text.map(|text| names.intern(text))
        .ok_or_else(|| "a lookup in something else than a named set or map".into())
}

fn limit(json: &Json<'_>) -> Read<Part> {
    let [count, burst, per, over] = json.fields(["rate", "burst", "per", "inv"])?;
    let number = |json: Option<&Json<'_>>| json.and_then(Json::number).and_then(|n| u32::try_from(n).ok());
    let over = match over {
        None | Some(Json::Bool(false)) => false,
        Some(Json::Bool(true)) => true,
        Some(other) => return Err(format!("{other} in a limit")),
    };
    let seconds = per.and_then(Json::text).and_then(|per| unit(per.as_bytes()));
    match (number(count), seconds, number(burst)) {
        (Some(count), Some(seconds), Some(burst)) if count > 0 => {
            Ok(Part::Limit(Rate { over, count, seconds, burst }))
        }
        _ => Err("a limit that is not understood".into()),
    }
}

fn mark(json: &Json<'_>) -> Read<u32> {
    leaf(json, Type::Mark).map(|mark| mark as u32)
}

fn mangle(json: &Json<'_>, names: &mut Names) -> Read<Part> {
    let [key, value] = json.fields(["key", "value"])?;
    let target = operand(key.ok_or("a change of nothing")?)?;
    let value = value.ok_or("a change to nothing")?;
    let part = match target {
        Operand { field: Field::Mark, mask: None } => Part::SetMark,
        Operand { field: Field::ConnectionMark, mask: None } => Part::SetConnectionMark,
        _ => return Err("only marks can be set".into()),
    };
    let kept = |json: &Json<'_>| -> Read<u32> {
        match json.tagged() {
            Some(("&", Json::List(sides))) => match &sides[..] {
                [from, bits] if operand(from)? == target => mark(bits),
                _ => Err("a mark made of something else".into()),
            },
            _ if operand(json) == Ok(target) => Ok(u32::MAX),
            _ => Err("a mark made of something else".into()),
        }
    };
    match value.tagged() {
        Some(("map", map)) if target.field == Field::Mark => {
            let [key, data] = map.fields(["key", "data"])?;
            Ok(Part::MapMark { key: key_of(key)?, map: reference(data, names)? })
        }
        Some(("|", Json::List(sides))) => match &sides[..] {
            [from, bits] => Ok(part(Bits::new(kept(from)?, mark(bits)?))),
            _ => Err("a mark made of something else".into()),
        },
        Some(_) => Ok(part(Bits::new(kept(value)?, 0))),
        None => Ok(part(Bits::new(0, mark(value)?))),
    }
}

fn matching(json: &Json<'_>, names: &mut Names) -> Read<Match> {
    let [operator, left, right] = json.fields(["op", "left", "right"])?;
    let (left, right) = (left.ok_or("a match of nothing")?, right.ok_or("a match with nothing")?);
    let operator = operator.and_then(Json::text).unwrap_or_default();
    let mut key = key_of(Some(left))?;
    if right.text().is_some_and(|text| text.starts_with('@')) {
        if !matches!(operator, "==" | "!=") {
            return Err("a set is looked into, not compared with".into());
        }
        let values = Values::Set(reference(Some(right), names)?);
        return Ok(Match { key, negated: operator == "!=", values });
    }
    match (operator, &mut key[..]) {
        // Flags of which none is set.
        ("!", [one @ Operand { field: Field::TcpFlags, mask: None }]) => {
            one.mask = Some(leaf(right, Type::TcpFlags)?);
            return compare(key, b"==", vec![Box::from([(0, 0)])]);
        }
        // A bit of several, of which a packet has exactly one.
        ("in", [Operand { field: Field::State | Field::Status, .. }]) => {
            let boxes = match right {
                Json::List(states) => states.iter().map(|state| value(state, &key)).collect::<Read<_>>()?,
                state => vec![value(state, &key)?],
            };
            return compare(key, b"==", boxes);
        }
        ("==" | "!=" | "<" | "<=" | ">" | ">=", _) => {}
        _ => return Err(format!("`{}` in a match", operator.escape_debug())),
    }
    let boxes = match right.tagged() {
        Some(("set", Json::List(values))) => {
            values.iter().map(|one| value(one, &key)).collect::<Read<Vec<_>>>()?
        }
        Some(("set", one)) => vec![value(one, &key)?],
        // A mask of the highest bits.
        Some(("prefix", _)) if matches!(key[..], [Operand { field: Field::ConnectionMark, mask: None }]) => {
            let (first, last) = range(right, Type::Mark)?;
            key[0].mask = Some(u128::from(u32::MAX) & !(last - first));
            vec![Box::from([(first, first)])]
        }
        _ => vec![value(right, &key)?],
    };
    compare(key, operator.as_bytes(), boxes)
}

/// A value of one or several fields.
fn value(json: &Json<'_>, key: &[Operand]) -> Read<Box<[Range]>> {
    let values = match json.tagged() {
        Some(("concat", Json::List(values))) => &values[..],
        _ => std::slice::from_ref(json),
    };
    if values.len() != key.len() {
        return Err("a value with another number of fields than the key".into());
    }
    values.iter().zip(key).map(|(value, operand)| range(value, operand.field.kind())).collect()
}

/// A value, a range or a prefix.
pub(crate) fn range(json: &Json<'_>, kind: Type) -> Read<Range> {
    match json.tagged() {
        Some(("range", Json::List(ends))) => {
            let [first, last] = &ends[..] else { return Err("a range without two ends".into()) };
            let (first, last) = (leaf(first, kind)?, leaf(last, kind)?);
            if first > last {
                return Err("a range that ends before it begins".into());
            }
            Ok((first, last))
        }
        Some(("prefix", prefix)) => {
            let [first, length] = prefix.fields(["addr", "len"])?;
            let first = leaf(first.ok_or("a prefix without an address")?, kind)?;
            let bits = u64::from(kind.last().count_ones());
            let length = length.and_then(Json::number).filter(|length| *length <= bits);
            let length = length.ok_or("a prefix without a length")?;
            let host = 1u128.checked_shl((bits - length) as u32).map_or(u128::MAX, |end| end - 1);
            if first & host != 0 {
                return Err("a prefix with bits behind its length".into());
            }
            Ok((first, first | host))
        }
        _ => leaf(json, kind).map(|value| (value, value)),
    }
}

/// One value.
pub(crate) fn leaf(json: &Json<'_>, kind: Type) -> Read<u128> {
    let found = match json {
        Json::Number(number) => Some(u128::from(*number)).filter(|number| *number <= kind.last()),
        Json::Text(text) => match kind {
            Type::Device => device_number(text.as_bytes()),
            Type::Time => seconds(text),
            _ => kind.read(text.as_bytes()).filter(|(first, last)| first == last).map(|(value, _)| value),
        },
        _ => None,
    };
    found
        .filter(|_| kind != Type::Device || matches!(json, Json::Text(_)))
        .ok_or_else(|| format!("{json} as a value"))
}

/// Seconds since 1970 of a time as nft writes it, in UTC.
fn seconds(text: &str) -> Option<u128> {
    let time: jiff::civil::DateTime = text.parse().ok()?;
    let time = jiff::tz::TimeZone::UTC.to_timestamp(time).ok()?;
    u128::try_from(time.as_second()).ok()
}

/// One or several operands.
fn key_of(json: Option<&Json<'_>>) -> Read<Vec<Operand>> {
    let json = json.ok_or("a lookup of nothing")?;
    match json.tagged() {
        Some(("concat", Json::List(operands))) if operands.len() <= 8 => {
            operands.iter().map(operand).collect()
        }
        _ => Ok(vec![operand(json)?]),
    }
}

fn operand(json: &Json<'_>) -> Read<Operand> {
    let unknown = || format!("{json} as something to look at");
    let (kind, body) = json.tagged().ok_or_else(unknown)?;
    let text = |json: Option<&Json<'_>>| json.and_then(Json::text).unwrap_or_default().to_owned();
    let field = match kind {
        "&" => {
            let Json::List(sides) = body else { return Err(unknown()) };
            let [from, bits] = &sides[..] else { return Err(unknown()) };
            // `&` stands on a field, not on another `&`.
            if matches!(from.tagged(), Some(("&", _))) {
                return Err(unknown());
            }
            let mut from = operand(from)?;
            from.mask = Some(leaf(bits, from.field.kind())?);
            return Ok(from);
        }
        "meta" => {
            let [key] = body.fields(["key"])?;
            match &text(key)[..] {
                "mark" => Field::Mark,
                "l4proto" => Field::Protocol,
                "nfproto" => Field::Family,
                "time" => Field::Time,
                "iifname" => Field::InDevice,
                "oifname" => Field::OutDevice,
                _ => return Err(unknown()),
            }
        }
        "ct" => {
            let [key, direction] = body.fields(["key", "dir"])?;
            match (&text(key)[..], &text(direction)[..]) {
                ("state", "") => Field::State,
                ("status", "") => Field::Status,
                ("mark", "") => Field::ConnectionMark,
                ("direction", "") => Field::Direction,
                ("protocol", "") => Field::ConnectionProtocol,
                ("ip saddr", "original") => Field::OriginalSource(Family::V4),
                ("ip daddr", "original") => Field::OriginalDestination(Family::V4),
                ("ip6 saddr", "original") => Field::OriginalSource(Family::V6),
                ("ip6 daddr", "original") => Field::OriginalDestination(Family::V6),
                ("proto-dst", "original") => Field::OriginalPort,
                _ => return Err(unknown()),
            }
        }
        "payload" if matches!(body, Json::Object(entries) if entries.len() == 3) => {
            let [base, offset, bits] = body.fields(["base", "offset", "len"])?;
            let base = match &text(base)[..] {
                "ih" => Header::Inner,
                "th" => Header::Transport,
                "nh" => Header::Network,
                "ll" => Header::Link,
                _ => return Err(unknown()),
            };
            let number =
                |json: Option<&Json<'_>>| json.and_then(Json::number).and_then(|n| u16::try_from(n).ok());
            match (number(offset), number(bits)) {
                // nft forgets what this is, behind a VLAN tag.
                (Some(0), Some(48)) if base == Header::Link => Field::EtherDestination,
                (Some(offset), Some(bits)) => payload(base, offset, bits).ok_or_else(unknown)?,
                _ => return Err(unknown()),
            }
        }
        "payload" => {
            let [protocol, field] = body.fields(["protocol", "field"])?;
            match (&text(protocol)[..], &text(field)[..]) {
                ("ip", "saddr") => Field::Source(Family::V4),
                ("ip", "daddr") => Field::Destination(Family::V4),
                ("ip6", "daddr") => Field::Destination(Family::V6),
                ("tcp", "dport") => Field::TcpPort,
                ("ip", "length") => Field::PacketLength(Family::V4),
                ("ip6", "saddr") => Field::Source(Family::V6),
                ("ip6", "length") => Field::PacketLength(Family::V6),
                ("ip6", "hoplimit") => Field::HopLimit,
                ("ip6", "nexthdr") => Field::NextHeader,
                ("ether", "saddr") => Field::EtherSource,
                ("ether", "daddr") => Field::EtherDestination,
                ("ether", "type") => Field::EtherType,
                ("arp", "htype") => Field::ArpHardware,
                ("arp", "operation") => Field::ArpOperation,
                ("arp", "saddr ip") => Field::ArpSource,
                ("arp", "daddr ip") => Field::ArpDestination,
                ("arp", "saddr ether") => Field::ArpEther,
                ("vlan", "id") => Field::VlanId,
                ("vlan", "type") => Field::VlanType,
                ("icmpv6", "type") => Field::Icmpv6Type,
                ("tcp", "flags") => Field::TcpFlags,
                ("udp", "length") => Field::UdpLength,
                _ => return Err(unknown()),
            }
        }
        _ => return Err(unknown()),
    };
    Ok(Operand { field, mask: None })
}
