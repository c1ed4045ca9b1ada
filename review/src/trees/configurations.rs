//! Configurations of points that end connections: who may ask what there, read from the bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use weir_envoy_reader as envoy;
use weir_modbus_reader as modbus;
use weir_mosquitto_reader as mosquitto;

use super::{
    FREE,
    arrivals::listed,
    points::{Point, Side, Target, exactly},
    rulesets::split,
    terms::{Budgets, Change, Limit, Operations, Terms},
};
use crate::diff::{Cause, CauseKind, Difference, FlowChange, TermsChange, Witness};
use crate::terms::TermChange;

pub(super) const ENVOY: Target<Grants> = Target {
    name: "envoy",
    point: |path| match path.split_once('/') {
        Some((folder, _)) => folder.strip_suffix(".d"),
        None => path.strip_suffix(".yaml"),
    },
    read: |root, side| {
        let name = root.rsplit('/').next().unwrap_or(root);
        let paths =
            [format!("{name}.yaml"), format!("{name}.d/listeners.yaml"), format!("{name}.d/clusters.yaml")];
        let [bootstrap, listeners, clusters] = exactly(side, paths)?;
        let model = envoy::read(bootstrap, listeners, clusters).map_err(|unread| unread.to_string())?;
        Ok(of_envoy(&model))
    },
    is_same,
    compare,
};

pub(super) const MODBUS: Target<Grants> = Target {
    name: "modbus",
    point: folder,
    read: |root, side| {
        let [conf, policy, script] = files(root, side, ["nginx.conf", "policy.json", "modbus.js"])?;
        let model = modbus::read(conf, policy, script).map_err(|unread| unread.to_string())?;
        Ok(of_modbus(&model))
    },
    is_same,
    compare,
};

pub(super) const MOSQUITTO: Target<Grants> = Target {
    name: "mosquitto",
    point: folder,
    read: |root, side| {
        let [conf, clients] = files(root, side, ["mosquitto.conf", "dynsec.json"])?;
        let model = mosquitto::read(conf, clients).map_err(|unread| unread.to_string())?;
        Ok(of_mosquitto(&model))
    },
    is_same,
    compare,
};

fn folder(path: &str) -> Option<&str> {
    path.split_once('/').map(|(folder, _)| folder)
}

fn files<'t, const N: usize>(root: &str, side: &Side<'t>, names: [&str; N]) -> Result<[&'t [u8]; N], String> {
    let folder = root.rsplit('/').next().unwrap_or(root);
    exactly(side, names.map(|name| format!("{folder}/{name}")))
}

/// What a point permits: all that its reader reads, but for names of statements, and of clients in logs.
#[derive(Default)]
pub(super) struct Grants {
    held: BTreeMap<(String, Port), Held>,
    /// Ports, whether or not anybody may ask something there.
    ports: BTreeSet<Port>,
    /// By port, the names in certificates that pass the handshake; of these, policies choose.
    handshakes: BTreeMap<u16, BTreeSet<String>>,
}

/// Grants of one client at a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    permits: Vec<(Terms, String)>,
    refuses: BTreeSet<String>,
}

/// A port as clients find it. All of it counts: whoever reaches another destination, or shows no certificate, is let in anew.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Port {
    number: u16,
    destination: String,
    detail: String,
}

impl Grants {
    /// A grant by a statement; parts of one statement have a number behind its id.
    fn permit(&mut self, client: String, port: &Port, terms: Terms, statement: &str) {
        let held = self.held.entry((client, port.clone())).or_default();
        held.permits.push((terms, statement_of(statement)));
    }
}

fn statement_of(name: &str) -> String {
    name.split('/').next().unwrap_or_default().to_owned()
}

fn listens(addresses: &[IpAddr]) -> String {
    match addresses {
        [] => "every address".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// Of a client: everything, where it is none; else what one of these words says.
fn operations(permit: Option<String>, refuse: &str) -> Option<Operations> {
    match (permit, refuse) {
        (permit, "") => permit.map(Operations::Words),
        (permit, refuse) => {
            let permit = permit.unwrap_or_else(|| "everything".to_owned());
            Some(Operations::Words(format!("{permit} but not {refuse}")))
        }
    }
}

/// A text as it is, or in quotes where it could be taken for more than one.
fn plain(text: &str) -> String {
    let is_one = !text.is_empty()
        && text
            .chars()
            .all(|one| !one.is_whitespace() && !one.is_control() && !matches!(one, '|' | ',' | '"'));
    if is_one { text.to_owned() } else { format!("{text:?}") }
}

/// Each once, in an order.
fn alternatives(words: impl Iterator<Item = String>) -> String {
    let words: BTreeSet<String> = words.collect();
    if words.is_empty() { "nothing".to_owned() } else { words.into_iter().collect::<Vec<_>>().join(" | ") }
}

fn refused<T>(list: &[T], words: impl Fn(&[T]) -> String) -> String {
    if list.is_empty() { String::new() } else { words(list) }
}

fn of_envoy(model: &envoy::ProxyModel) -> Grants {
    let mut grants = Grants::default();
    for listener in &model.listeners {
        let upstream = &listener.upstream;
        let admitted: BTreeSet<String> = listener
            .admitted
            .iter()
            .map(|one| match one {
                envoy::Admitted::Dns(name) => plain(name),
                envoy::Admitted::TrustDomain(name) => format!("everybody of {}", plain(name)),
            })
            .collect();
        let by_token = |policy: &envoy::Policy| {
            policy.clients.iter().any(|client| matches!(client, envoy::Identity::Token { .. }))
        };
        let clients = match (listener.needs_certificate, listener.policies.iter().any(by_token)) {
            (false, _) => "clients without certificates".to_owned(),
            (true, false) => "clients with certificates".to_owned(),
            // whoever has a token needs some certificate, too
            (true, true) if admitted.is_empty() => "clients with any certificate".to_owned(),
            (true, true) => {
                format!("clients with a certificate of {}", alternatives(admitted.iter().cloned()))
            }
        };
        let on = match (&upstream.name, upstream.tls) {
            (_, false) => "on in plain text".to_owned(),
            (None, true) => "on by TLS to whoever answers".to_owned(),
            (Some(envoy::UpstreamName::Uri(name) | envoy::UpstreamName::Dns(name)), true) => {
                format!("on by TLS to {}", plain(name))
            }
        };
        let port = Port {
            number: listener.port,
            destination: SocketAddr::new(upstream.address, upstream.port).to_string(),
            detail: format!(
                "at {}, {}, {clients}, {on}",
                listens(&listener.addresses),
                if listener.http { "HTTP" } else { "TCP" },
            ),
        };
        let requests = |list: &[envoy::Request]| {
            let one = |request: &envoy::Request| {
                let methods: Vec<String> = request.methods.iter().map(|method| plain(method)).collect();
                let methods = if methods.is_empty() { "any method".to_owned() } else { methods.join("|") };
                match &request.path {
                    None => methods,
                    Some(envoy::Path::Exact(path)) => format!("{methods} {}", plain(path)),
                    Some(envoy::Path::Below(path)) => format!("{methods} {}*", plain(path)),
                }
            };
            alternatives(list.iter().map(one))
        };
        for policy in &listener.policies {
            let terms = Terms {
                operations: operations(
                    policy.permit.as_deref().map(requests),
                    &refused(&policy.refuse, requests),
                ),
                audit: policy.audit,
                ..Terms::default()
            };
            for client in policy.clients.iter().filter(|client| passes_handshake(listener, client)) {
                let client = match client {
                    envoy::Identity::Name(name) => plain(name),
                    envoy::Identity::Token { issuer, group } => {
                        format!("{} of {}", plain(group), plain(issuer))
                    }
                };
                grants.permit(client, &port, terms.clone(), &policy.statement);
            }
        }
        grants.handshakes.insert(port.number, admitted);
        grants.ports.insert(port);
    }
    grants
}

/// Whether a certificate with this name comes to the policies at all.
fn passes_handshake(listener: &envoy::Listener, client: &envoy::Identity) -> bool {
    let envoy::Identity::Name(name) = client else { return true };
    let admits = |one: &envoy::Admitted| match one {
        envoy::Admitted::Dns(known) => known == name,
        envoy::Admitted::TrustDomain(domain) => name
            .strip_prefix("spiffe://")
            .and_then(|rest| rest.strip_prefix(domain.as_str()))
            .is_some_and(|path| path.starts_with('/')),
    };
    listener.admitted.is_empty() || listener.admitted.iter().any(admits)
}

fn of_modbus(model: &modbus::GatewayModel) -> Grants {
    let mut grants = Grants::default();
    for listener in &model.listeners {
        let name = match &listener.upstream_name {
            None => "in plain text".to_owned(),
            Some(name) => format!("by TLS to {}", plain(name)),
        };
        let port = Port {
            number: listener.port,
            destination: SocketAddr::from(listener.upstream).to_string(),
            detail: format!(
                "at {}, {}, on {name}",
                listens(&listener.addresses),
                if listener.tls { "clients with certificates" } else { "clients by address" },
            ),
        };
        let matches = |list: &[modbus::Match]| {
            let one = |request: &modbus::Match| {
                let functions: BTreeSet<u16> = request.functions.iter().copied().collect();
                let functions: Vec<String> = functions.iter().map(ToString::to_string).collect();
                let items = request.items.map(|(first, last)| format!(" of {first}..{last}"));
                let value = request.value.map(|value| format!(" = {value}"));
                let (items, value) = (items.unwrap_or_default(), value.unwrap_or_default());
                format!("function {}{items}{value}", functions.join(", "))
            };
            alternatives(list.iter().map(one))
        };
        for client in &listener.clients {
            for permission in &client.permissions {
                let limit = permission.limit.map(|(count, seconds)| Limit {
                    count,
                    seconds,
                    burst: count,
                    budget: format!("{} {}", listener.port, permission.statement),
                });
                let permit = permission.permit.as_deref().map(matches);
                let terms = Terms {
                    operations: operations(permit, &refused(&permission.refuse, matches)),
                    limit,
                    until: permission.until,
                    log: permission.log,
                    audit: permission.audit,
                };
                grants.permit(identity(&client.identity), &port, terms, &permission.statement);
            }
        }
        grants.ports.insert(port);
    }
    grants
}

fn identity(identity: &modbus::Identity) -> String {
    use std::net::{Ipv4Addr, Ipv6Addr};
    match identity {
        modbus::Identity::Uri(name) | modbus::Identity::Dns(name) => plain(name),
        modbus::Identity::CommonName(name) => format!("CN={}", plain(name)),
        modbus::Identity::V4(first, last) if first == last => Ipv4Addr::from(*first).to_string(),
        modbus::Identity::V4(first, last) => format!("{}..{}", Ipv4Addr::from(*first), Ipv4Addr::from(*last)),
        modbus::Identity::V6(first, last) if first == last => Ipv6Addr::from(*first).to_string(),
        modbus::Identity::V6(first, last) => format!("{}..{}", Ipv6Addr::from(*first), Ipv6Addr::from(*last)),
    }
}

fn of_mosquitto(model: &mosquitto::BrokerModel) -> Grants {
    let mut grants = Grants::default();
    for listener in &model.listeners {
        let address: Vec<IpAddr> = listener.address.into_iter().collect();
        let port = Port {
            number: listener.port,
            destination: "the broker".to_owned(),
            detail: format!("at {}", listens(&address)),
        };
        for client in &model.clients {
            for grant in &client.grants {
                for (verb, topics) in [("publish", &grant.publish), ("subscribe", &grant.subscribe)] {
                    for topic in topics {
                        let what = format!("{verb} {}", plain(topic));
                        let client = format!("CN={}", plain(&client.common_name));
                        if grant.refuses {
                            let held = grants.held.entry((client, port.clone())).or_default();
                            held.refuses.insert(what);
                        } else {
                            let operations = Some(Operations::Words(what));
                            let terms = Terms { operations, log: model.logs, ..Terms::default() };
                            grants.permit(client, &port, terms, &grant.role);
                        }
                    }
                }
            }
        }
        grants.ports.insert(port);
    }
    grants
}

impl Held {
    fn terms(&self) -> Vec<Terms> {
        self.permits.iter().map(|(terms, _)| terms.clone()).collect()
    }

    fn words(&self) -> String {
        let permits = self.permits.iter().map(|(terms, _)| terms.to_string()).collect::<BTreeSet<_>>();
        let refuses = self.refuses.iter().map(|what| format!("never {what}"));
        permits.into_iter().chain(refuses).collect::<Vec<_>>().join(" or ")
    }

    /// Terms, where there are any.
    fn said(&self) -> String {
        let words = self.words();
        if words == FREE { String::new() } else { words }
    }

    fn change(&self, after: &Self, budgets: &mut Budgets) -> Change {
        let permits = budgets.compare(&self.terms(), &after.terms());
        if !after.refuses.is_superset(&self.refuses) {
            return Change::Wider;
        }
        match permits {
            Change::Same if self.refuses != after.refuses => Change::Narrower,
            change => change,
        }
    }
}

fn is_same(one: &Grants, other: &Grants) -> bool {
    let keys = |grants: &Grants| -> BTreeSet<(String, Port)> { grants.held.keys().cloned().collect() };
    one.ports == other.ports && one.handshakes == other.handshakes && keys(one) == keys(other)
}

/// Clients whose permissions change in the same way are one change.
fn compare(point: &Point<'_>, old: Option<&Grants>, new: &Grants, found: &mut Difference) {
    type Sides<'g> = (Option<&'g Held>, Option<&'g Held>);
    let nothing = Grants::default();
    let old = old.unwrap_or(&nothing);
    let mut budgets = Budgets::default();
    let mut changes: BTreeMap<(&Port, Sides<'_>, bool), Vec<&str>> = BTreeMap::new();
    let keys: BTreeSet<&(String, Port)> = old.held.keys().chain(new.held.keys()).collect();
    for key in keys {
        let sides = (old.held.get(key), new.held.get(key));
        let wider = match sides {
            (Some(before), Some(after)) => match before.change(after, &mut budgets) {
                Change::Same => continue,
                Change::Narrower => false,
                Change::Wider => true,
            },
            (before, _) => before.is_none(),
        };
        changes.entry((&key.1, sides, wider)).or_default().push(&key.0);
    }
    for ((port, sides, wider), clients) in changes {
        change(point, port, sides, wider, &clients, found);
    }
    split(point, &budgets, found);
}

fn change(
    point: &Point<'_>,
    port: &Port,
    sides: (Option<&Held>, Option<&Held>),
    wider: bool,
    clients: &[&str],
    found: &mut Difference,
) {
    let names: Vec<String> = clients.iter().map(|client| (*client).to_owned()).collect();
    let sources = listed(&names);
    let rule = |held: &Held, is_later: bool| {
        let map = if is_later { point.maps.1 } else { point.maps.0 };
        map.rule(held.permits.first().map_or("", |(_, statement)| statement.as_str()))
    };
    let witness = Witness {
        source: clients.first().copied().unwrap_or_default().to_owned(),
        destination: port.destination.clone(),
        service: format!("port {}", port.number),
    };
    let flow = |held: &Held, is_later: bool| FlowChange {
        sources: sources.clone(),
        destinations: port.destination.clone(),
        service: witness.service.clone(),
        pairs: clients.len() as u64,
        witness: witness.clone(),
        rule: rule(held, is_later),
        terms: held.said(),
        cause: Cause {
            kind: CauseKind::Policy,
            text: format!(
                "`{}` ({}) {} it",
                point.root,
                port.detail,
                if is_later { "accepts" } else { "refuses" }
            ),
            place: None,
        },
        exact: Vec::new(),
        approved: None,
    };
    match sides {
        // what is only refused is not permitted
        (None, Some(held)) if held.permits.is_empty() => {}
        (Some(held), None) if held.permits.is_empty() => {}
        (None, Some(held)) => found.permitted.push(flow(held, true)),
        (Some(held), None) => found.denied.push(flow(held, false)),
        (Some(before), Some(after)) => {
            let (was, is) = (before.words(), after.words());
            let is = if was == is { format!("{is}, counted otherwise") } else { is };
            found.terms.push(TermsChange {
                sources,
                destinations: port.destination.clone(),
                service: witness.service.clone(),
                pairs: clients.len() as u64,
                changes: vec![TermChange { term: "terms", before: was, after: is, wider }],
                before: rule(before, false),
                after: rule(after, true),
                witness,
                exact: Vec::new(),
                approved: None,
            });
        }
        (None, None) => {}
    }
}
