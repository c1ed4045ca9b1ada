//! `policy.json`: closed types, and no two entries that one client could be.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Client, Identity, Match, Permission, Unread};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    #[serde(rename = "generator")]
    _generator: String,
    #[serde(rename = "package")]
    _package: String,
    #[serde(rename = "gateway")]
    _gateway: String,
    listeners: BTreeMap<u16, PortText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PortText {
    permissions: Vec<Entry>,
    #[serde(deserialize_with = "present")]
    certificates: Option<BTreeMap<String, Known>>,
    #[serde(deserialize_with = "present")]
    addresses: Option<Addresses>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    statement: String,
    #[serde(deserialize_with = "present")]
    permit: Option<Vec<MatchText>>,
    refuse: Vec<MatchText>,
    #[serde(deserialize_with = "present")]
    limit: Option<Count>,
    #[serde(deserialize_with = "present")]
    until: Option<i64>,
    log: bool,
    audit: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MatchText {
    functions: Vec<u16>,
    #[serde(deserialize_with = "present")]
    items: Option<(u16, u16)>,
    #[serde(deserialize_with = "present")]
    value: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    count: u32,
    seconds: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    client: String,
    permissions: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Addresses {
    v4: Vec<Range>,
    v6: Vec<Range>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    first: String,
    last: String,
    client: String,
    permissions: Vec<usize>,
}

/// A field that stands there, be it null: to the script, one that is missing is something else.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

/// One port's clients.
#[derive(Default)]
pub(crate) struct Port {
    pub(crate) by_address: bool,
    pub(crate) clients: Vec<Client>,
}

fn unread(line: usize, what: impl Into<String>) -> Unread {
    Unread { file: "policy.json".into(), line: line as u32, what: what.into() }
}

pub(crate) fn read(bytes: &[u8]) -> Result<BTreeMap<u16, Port>, Unread> {
    // serde_json takes the last of two equal keys of a map, and the script as well: no permission hides in the first
    let policy: Policy =
        serde_json::from_slice(bytes).map_err(|error| unread(error.line(), error.to_string()))?;
    let mut ports = BTreeMap::new();
    for (number, text) in policy.listeners {
        ports.insert(number, port(text)?);
    }
    Ok(ports)
}

fn port(text: PortText) -> Result<Port, Unread> {
    let permissions: Vec<Permission> =
        text.permissions.into_iter().map(permission).collect::<Result<_, _>>()?;
    let of = |indexes: &[usize]| -> Result<Vec<Permission>, Unread> {
        let one = |index: &usize| {
            permissions.get(*index).cloned().ok_or_else(|| unread(0, "a permission is missing"))
        };
        indexes.iter().map(one).collect()
    };
    let mut clients = Vec::new();
    let by_address = match (text.certificates, text.addresses) {
        (Some(certificates), None) => {
            for (name, known) in certificates {
                let identity = match name.split_once(':') {
                    Some(("uri", rest)) => Identity::Uri(rest.into()),
                    Some(("dns", rest)) if rest == rest.to_ascii_lowercase() => Identity::Dns(rest.into()),
                    Some(("cn", rest)) => Identity::CommonName(rest.into()),
                    _ => return Err(unread(0, format!("{name:?} names no part of a certificate"))),
                };
                clients.push(Client { identity, name: known.client, permissions: of(&known.permissions)? });
            }
            false
        }
        (None, Some(addresses)) => {
            for (width, ranges) in [(8, addresses.v4), (32, addresses.v6)] {
                let mut after = None;
                for range in ranges {
                    let (first, last) = (digits(&range.first, width)?, digits(&range.last, width)?);
                    if first > last || after.is_some_and(|after| first <= after) {
                        return Err(unread(
                            0,
                            format!("the range {} is empty, or not in order", range.first),
                        ));
                    }
                    after = Some(last);
                    let identity = match (u32::try_from(first), u32::try_from(last)) {
                        (Ok(first), Ok(last)) if width == 8 => Identity::V4(first, last),
                        _ => Identity::V6(first, last),
                    };
                    clients.push(Client {
                        identity,
                        name: range.client,
                        permissions: of(&range.permissions)?,
                    });
                }
            }
            true
        }
        _ => return Err(unread(0, "a port knows its clients by certificates or by addresses")),
    };
    clients.sort_by(|a, b| a.identity.cmp(&b.identity));
    Ok(Port { by_address, clients })
}

/// The script compares them as texts: a fixed width, lower case.
fn digits(text: &str, width: usize) -> Result<u128, Unread> {
    let plain = text.len() == width && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    u128::from_str_radix(text, 16)
        .ok()
        .filter(|_| plain)
        .ok_or_else(|| unread(0, format!("{text:?} is no address")))
}

fn permission(entry: Entry) -> Result<Permission, Unread> {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_.[]-".contains(&byte);
    if entry.statement.is_empty() || entry.statement.starts_with('.') || !entry.statement.bytes().all(safe) {
        return Err(unread(0, format!("{:?} is no statement's id", entry.statement)));
    }
    let matches = |list: Vec<MatchText>| -> Result<Vec<Match>, Unread> {
        let mut out = Vec::new();
        for one in list {
            // functions whose request begins with one address: MODBUS Application Protocol V1.1b3, section 6
            let addressed = one.functions.iter().all(|code| [1, 2, 3, 4, 5, 6, 15, 16, 22].contains(code));
            let valued = one.functions.iter().all(|code| [5, 6].contains(code));
            let sound = !one.functions.is_empty()
                && one.functions.iter().all(|code| (1..=127).contains(code))
                && (one.items.is_none() || addressed)
                && (one.value.is_none() || valued && one.items.is_some())
                && one.items.is_none_or(|(first, last)| first <= last);
            if !sound {
                return Err(unread(0, format!("a match of {} says nothing sound", entry.statement)));
            }
            out.push(Match { functions: one.functions, items: one.items, value: one.value });
        }
        Ok(out)
    };
    if entry.limit.as_ref().is_some_and(|limit| limit.count == 0 || limit.seconds == 0) {
        return Err(unread(0, "a limit of nothing"));
    }
    Ok(Permission {
        permit: entry.permit.map(matches).transpose()?,
        refuse: matches(entry.refuse)?,
        limit: entry.limit.map(|limit| (limit.count, limit.seconds)),
        until: entry.until,
        log: entry.log,
        audit: entry.audit,
        statement: entry.statement,
    })
}
