//! Configurations of points that end connections: who may ask what there, read from the bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use weir_envoy_reader as envoy;
use weir_modbus_reader as modbus;
use weir_mosquitto_reader as mosquitto;

use super::{FREE, Files, Maps, unreadable};
use crate::diff::{Cause, CauseKind, Difference, FlowChange, TermsChange, Witness};
use crate::terms::TermChange;

/// What a client may do at a port, or may not though something else permits it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    refuses: bool,
    /// Operations and terms, in words: the same words mean the same.
    what: String,
}

/// By client and port: the grants, and the statements that they are of.
type Grants = BTreeMap<(String, Port), Held>;

/// A port as clients find it. All of it counts: whoever reaches another destination, or shows no certificate, is let in anew.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Port {
    number: u16,
    destination: String,
    detail: String,
}

/// The targets that are read here.
pub(super) const TARGETS: [&str; 3] = ["envoy", "modbus", "mosquitto"];

/// Compares each point that either tree has.
pub(super) fn compare(earlier: &Files, later: &Files, maps: Maps<'_>, found: &mut Difference) {
    for target in TARGETS {
        let points: BTreeSet<String> =
            earlier.keys().chain(later.keys()).filter_map(|path| point(target, path)).collect();
        for name in points {
            let same = |path: &&String| point(target, path).is_some_and(|of| of == name);
            let of = |files: &Files| -> Vec<(String, Vec<u8>)> {
                let own = files.iter().filter(|(path, _)| same(path));
                own.map(|(path, bytes)| (path.clone(), bytes.clone())).collect()
            };
            let (old, new) = (of(earlier), of(later));
            if old == new {
                continue;
            }
            let sides = [("the earlier", &old), ("the later", &new)].map(|(which, files)| {
                if files.is_empty() {
                    return Some(Grants::new());
                }
                match read(target, files) {
                    Ok(grants) => Some(grants),
                    Err(what) => {
                        unreadable(&format!("{which} configuration `{target}/{name}`"), &what, found);
                        None
                    }
                }
            });
            let [Some(old), Some(new)] = sides else { continue };
            differ(&format!("{target}/{name}"), (&old, &new), maps, found);
        }
    }
}

/// The point that a file of a target belongs to.
fn point(target: &str, path: &str) -> Option<String> {
    let rest = path.strip_prefix(target)?.strip_prefix('/')?;
    let name = match rest.split_once('/') {
        Some((folder, _)) if target == "envoy" => folder.strip_suffix(".d")?,
        Some((folder, _)) => folder,
        None => rest.strip_suffix(".yaml")?,
    };
    Some(name.to_owned())
}

fn read(target: &str, files: &[(String, Vec<u8>)]) -> Result<Grants, String> {
    let file = |end: &str| -> Result<&[u8], String> {
        let found = files.iter().find(|(path, _)| path.ends_with(end));
        found.map(|(_, bytes)| bytes.as_slice()).ok_or_else(|| format!("it has no `{end}`"))
    };
    match target {
        "envoy" => {
            let bootstrap = files.iter().find(|(path, _)| !path.contains(".d/"));
            let bootstrap = bootstrap.map(|(_, bytes)| bytes.as_slice()).ok_or("it has no bootstrap")?;
            let model = envoy::read(bootstrap, file("/listeners.yaml")?, file("/clusters.yaml")?);
            Ok(of_envoy(&model.map_err(|unread| unread.to_string())?))
        }
        "modbus" => {
            let model = modbus::read(file("/nginx.conf")?, file("/policy.json")?, file("/modbus.js")?);
            Ok(of_modbus(&model.map_err(|unread| unread.to_string())?))
        }
        _ => {
            let model = mosquitto::read(file("/mosquitto.conf")?, file("/dynsec.json")?);
            Ok(of_mosquitto(&model.map_err(|unread| unread.to_string())?))
        }
    }
}

fn listens(addresses: &[IpAddr]) -> String {
    match addresses {
        [] => "every address".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn take(grants: &mut Grants, client: String, port: &Port, grant: Grant, statement: &str) {
    // parts of one statement have a number behind it
    let statement = statement.split('/').next().unwrap_or_default().to_owned();
    grants.entry((client, port.clone())).or_default().entry(grant).or_default().insert(statement);
}

fn joined(permit: &str, refuse: &str) -> String {
    format!("{permit} but not {refuse}").trim().to_owned()
}

/// Operations and terms, in words.
fn worded(operations: String, terms: &[Option<String>]) -> String {
    let terms: Vec<&str> = terms.iter().flatten().map(String::as_str).collect();
    match (operations.is_empty(), terms.is_empty()) {
        (true, true) => FREE.to_owned(),
        (true, false) => terms.join(", "),
        (false, true) => operations,
        (false, false) => format!("{operations}, {}", terms.join(", ")),
    }
}

fn of_envoy(model: &envoy::ProxyModel) -> Grants {
    let mut grants = Grants::new();
    for listener in &model.listeners {
        let upstream = &listener.upstream;
        let port = Port {
            number: listener.port,
            destination: format!("{}:{}", upstream.address, upstream.port),
            detail: format!(
                "at {}, {}, {:?}, {}, {:?}",
                listens(&listener.addresses),
                if listener.needs_certificate { "with certificates" } else { "without certificates" },
                listener.admitted,
                if upstream.tls { "on by TLS" } else { "on in plain text" },
                upstream.name,
            ),
        };
        let requests = |list: &[envoy::Request]| {
            let one = |request: &envoy::Request| {
                let methods = request.methods.join("|");
                match &request.path {
                    None => methods,
                    Some(envoy::Path::Exact(path)) => format!("{methods} {path}"),
                    Some(envoy::Path::Below(path)) => format!("{methods} {path}*"),
                }
            };
            list.iter().map(one).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" | ")
        };
        for policy in &listener.policies {
            let mut operations = policy.permit.as_deref().map(requests).unwrap_or_default();
            if !policy.refuse.is_empty() {
                operations = joined(&operations, &requests(&policy.refuse));
            }
            let what = worded(operations, &[policy.audit.then(|| "audit".to_owned())]);
            for client in &policy.clients {
                let client = match client {
                    envoy::Identity::Name(name) => name.clone(),
                    envoy::Identity::Token { issuer, group } => format!("{group} of {issuer}"),
                };
                let grant = Grant { refuses: false, what: what.clone() };
                take(&mut grants, client, &port, grant, &policy.statement);
            }
        }
    }
    grants
}

fn of_modbus(model: &modbus::GatewayModel) -> Grants {
    let mut grants = Grants::new();
    for listener in &model.listeners {
        let port = Port {
            number: listener.port,
            destination: format!("{}:{}", listener.upstream.0, listener.upstream.1),
            detail: format!(
                "at {}, {}, {:?}",
                listens(&listener.addresses),
                if listener.tls { "with certificates" } else { "by address" },
                listener.upstream_name,
            ),
        };
        let matches = |list: &[modbus::Match]| {
            let one = |request: &modbus::Match| {
                let items = request.items.map(|(first, last)| format!(" of {first}..{last}"));
                let value = request.value.map(|value| format!(" = {value:#x}"));
                let (items, value) = (items.unwrap_or_default(), value.unwrap_or_default());
                format!("functions {:?}{items}{value}", request.functions)
            };
            list.iter().map(one).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" | ")
        };
        for client in &listener.clients {
            for permission in &client.permissions {
                let mut operations = permission.permit.as_deref().map(matches).unwrap_or_default();
                if !permission.refuse.is_empty() {
                    operations = joined(&operations, &matches(&permission.refuse));
                }
                let terms = [
                    permission.limit.map(|(count, seconds)| format!("limit {count} in {seconds} s")),
                    permission.until.map(|until| format!("until {}", crate::table::time(until))),
                    permission.log.then(|| "logged".to_owned()),
                    permission.audit.then(|| "audit".to_owned()),
                ];
                let grant = Grant { refuses: false, what: worded(operations, &terms) };
                take(&mut grants, identity(&client.identity), &port, grant, &permission.statement);
            }
        }
    }
    grants
}

fn identity(identity: &modbus::Identity) -> String {
    use std::net::{Ipv4Addr, Ipv6Addr};
    match identity {
        modbus::Identity::Uri(name) | modbus::Identity::Dns(name) => name.clone(),
        modbus::Identity::CommonName(name) => format!("CN={name}"),
        modbus::Identity::V4(first, last) if first == last => Ipv4Addr::from(*first).to_string(),
        modbus::Identity::V4(first, last) => format!("{}..{}", Ipv4Addr::from(*first), Ipv4Addr::from(*last)),
        modbus::Identity::V6(first, last) if first == last => Ipv6Addr::from(*first).to_string(),
        modbus::Identity::V6(first, last) => format!("{}..{}", Ipv6Addr::from(*first), Ipv6Addr::from(*last)),
    }
}

fn of_mosquitto(model: &mosquitto::BrokerModel) -> Grants {
    let mut grants = Grants::new();
    for listener in &model.listeners {
        let address: Vec<IpAddr> = listener.address.into_iter().collect();
        let port = Port {
            number: listener.port,
            destination: "the broker".to_owned(),
            detail: format!("at {}{}", listens(&address), if model.logs { ", logged" } else { "" }),
        };
        for client in &model.clients {
            for grant in &client.grants {
                for (verb, topics) in [("publish", &grant.publish), ("subscribe", &grant.subscribe)] {
                    for topic in topics {
                        let what = format!("{verb} {topic}");
                        let one = Grant { refuses: grant.refuses, what };
                        take(&mut grants, format!("CN={}", client.common_name), &port, one, &grant.role);
                    }
                }
            }
        }
    }
    grants
}

/// Grants of one client, with the statements that they are of.
type Held = BTreeMap<Grant, BTreeSet<String>>;

fn words(grants: &Held) -> String {
    let word = |grant: &Grant| {
        let verb = if grant.refuses { "never " } else { "" };
        format!("{verb}{}", grant.what)
    };
    grants.keys().map(word).collect::<Vec<_>>().join(" or ")
}

/// Clients whose permissions change in the same way are one change.
fn differ(point: &str, (old, new): (&Grants, &Grants), maps: Maps<'_>, found: &mut Difference) {
    let keys: BTreeSet<&(String, Port)> = old.keys().chain(new.keys()).collect();
    let mut changes: BTreeMap<(&Port, Option<&Held>, Option<&Held>), Vec<&str>> = BTreeMap::new();
    for key in keys {
        let (before, after) = (old.get(key), new.get(key));
        let same = before.zip(after).is_some_and(|(before, after)| before.keys().eq(after.keys()));
        if !same {
            changes.entry((&key.1, before, after)).or_default().push(&key.0);
        }
    }
    for ((port, before, after), clients) in changes {
        change(point, port, (before, after), &clients, maps, found);
    }
}

fn change(
    point: &str,
    port: &Port,
    (before, after): (Option<&Held>, Option<&Held>),
    clients: &[&str],
    maps: Maps<'_>,
    found: &mut Difference,
) {
    const SHOWN: usize = 3;
    let mut sources = clients.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if clients.len() > SHOWN {
        sources.push_str(&format!(" and {} more", clients.len() - SHOWN));
    }
    let rule = |grants: &Held, is_later: bool| {
        let map = if is_later { maps.1 } else { maps.0 };
        map.rule(grants.values().flatten().next().map_or("", String::as_str))
    };
    let witness = Witness {
        source: clients.first().copied().unwrap_or_default().to_owned(),
        destination: port.destination.clone(),
        service: format!("port {}", port.number),
    };
    let flow = |grants: &Held, is_later: bool| FlowChange {
        sources: sources.clone(),
        destinations: port.destination.clone(),
        service: witness.service.clone(),
        pairs: clients.len() as u64,
        witness: witness.clone(),
        rule: rule(grants, is_later),
        terms: words(grants),
        cause: Cause {
            kind: CauseKind::Policy,
            text: format!("`{point}` {} it ({})", if is_later { "accepts" } else { "refuses" }, port.detail),
            place: None,
        },
        exact: Vec::new(),
        approved: None,
    };
    match (before, after) {
        (None, Some(grants)) => found.permitted.push(flow(grants, true)),
        (Some(grants), None) => found.denied.push(flow(grants, false)),
        (Some(before), Some(after)) => {
            let of = |grants: &Held, refuses: bool| -> BTreeSet<String> {
                grants.keys().filter(|one| one.refuses == refuses).map(|one| one.what.clone()).collect()
            };
            // other words may mean less; whether they do is not asked
            let narrower = of(after, false).is_subset(&of(before, false))
                && of(after, true).is_superset(&of(before, true));
            found.terms.push(TermsChange {
                sources: sources.clone(),
                destinations: port.destination.clone(),
                service: witness.service.clone(),
                pairs: clients.len() as u64,
                changes: vec![TermChange {
                    term: "terms",
                    before: words(before),
                    after: words(after),
                    wider: !narrower,
                }],
                before: rule(before, false),
                after: rule(after, true),
                witness: witness.clone(),
                exact: Vec::new(),
                approved: None,
            });
        }
        (None, None) => {}
    }
}
