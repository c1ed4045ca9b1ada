//! Points that end connections: what their configurations permit whom, against what the relation has them permit.
//!
//! Both sides become *grants*: a port, where it leads, by which statement, to whom, what of the protocol, on which terms.
//! They have to be the same set, and nobody else in the package may show what one of them asks for.

mod broker;
mod operations;
mod required;
mod shown;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use weir_compiler::{
    Facts,
    flows::Rectangle,
    model::Principal,
    plan::{AddressSet, ProxyPlan, proxies::ProxyKind},
};
use weir_reading::Unread;

use crate::{
    File,
    finding::{Fault, Finding},
    proxies::{
        operations::Operations,
        required::{clients, covers, listens, ports},
        shown::{Identities, Shown, by, subject},
    },
};

pub(crate) use required::{Concerns, Points, kind_of, protocol};
pub(crate) use shown::Bearers;

/// A permission of a port, apart from whom it is given to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    port: u16,
    statement: String,
    /// As artifacts name their clients; empty, where they do not.
    client: String,
    operations: Operations,
    terms: Terms,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Terms {
    /// Operations in so many seconds.
    limit: Option<(u32, u32)>,
    until: Option<i64>,
    log: bool,
    audit: bool,
}

type Grants = BTreeMap<Grant, Identities>;

/// Where a port leads, and by what the destination is known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Upstream {
    address: IpAddr,
    port: u16,
    tls: bool,
    name: Option<String>,
}

impl Upstream {
    /// What serves stands behind its proxy, on the same host.
    fn is_here(&self) -> bool {
        self.address == Ipv4Addr::LOCALHOST
    }
}

/// A port as an artifact has it.
struct Listener {
    port: u16,
    addresses: Vec<IpAddr>,
    upstream: Upstream,
    /// Of HTTP, or Modbus, requests are told apart.
    reads: bool,
}

/// One configuration, and what it is held against.
pub(crate) struct Case<'c> {
    pub(crate) facts: &'c Facts,
    pub(crate) point: u32,
    pub(crate) kind: ProxyKind,
    pub(crate) concerns: &'c Concerns,
    pub(crate) bearers: &'c BTreeMap<Shown, Vec<u32>>,
    /// The ports at which connections to others are taken.
    pub(crate) local_ports: &'c BTreeMap<SocketAddr, u16>,
    /// Path in the output tree.
    pub(crate) artifact: &'c str,
}

/// Holds the files of one proxy against the relation. Nothing, where they could not be read.
pub(crate) fn check(case: &Case<'_>, files: &[File<'_>], findings: &mut Vec<Finding>) -> Option<u64> {
    let file = |name: &str| files.iter().find(|file| file.path.ends_with(name)).map(|file| file.bytes);
    let wanted: &[&str] = match case.kind {
        ProxyKind::Envoy => &[".yaml", "/clusters.yaml", "/listeners.yaml"],
        ProxyKind::Modbus => &["/nginx.conf", "/policy.json", "/modbus.js"],
        ProxyKind::Mosquitto => &["/mosquitto.conf", "/dynsec.json"],
    };
    let unread = |mut unread: Unread| {
        unread.file = format!("{}: {}", case.artifact, unread.file);
        Finding::unread(case.artifact, unread)
    };
    if files.len() != wanted.len() || !wanted.iter().all(|name| file(name).is_some()) {
        let what = format!("its files are not {}", wanted.join(", "));
        findings.push(Finding::unread(case.artifact, Unread { file: case.artifact.into(), line: 0, what }));
        return None;
    }
    let (listeners, grants) = match case.kind {
        ProxyKind::Mosquitto => {
            let (conf, dynsec) = (file("/mosquitto.conf")?, file("/dynsec.json")?);
            match weir_mosquitto_reader::read(conf, dynsec) {
                Ok(model) => return Some(broker::check(case, &model, findings)),
                Err(error) => {
                    findings.push(unread(error));
                    return None;
                }
            }
        }
        ProxyKind::Envoy => {
            let bootstrap = files.iter().find(|file| !file.path.contains(".d/"))?.bytes;
            match weir_envoy_reader::read(bootstrap, file("/listeners.yaml")?, file("/clusters.yaml")?) {
                Ok(model) => envoy(case, &model, findings),
                Err(error) => {
                    findings.push(unread(error));
                    return None;
                }
            }
        }
        ProxyKind::Modbus => {
            match weir_modbus_reader::read(file("/nginx.conf")?, file("/policy.json")?, file("/modbus.js")?) {
                Ok(model) => modbus(&model),
                Err(error) => {
                    findings.push(unread(error));
                    return None;
                }
            }
        }
    };
    let required = required(case, &listeners, findings);
    compare(case, &required, &grants, findings);
    Some(required.len() as u64)
}

impl Case<'_> {
    fn principal(&self) -> &Principal {
        self.facts.model.principal(self.point)
    }

    fn rectangle(&self, index: u32) -> &Rectangle {
        &self.facts.rectangles[index as usize]
    }

    /// Flows that this kind of proxy holds, and which are led through it.
    fn own<'s>(&'s self, indexes: &'s [u32]) -> impl Iterator<Item = &'s Rectangle> + 's {
        let own = |rectangle: &&Rectangle| {
            kind_of(self.principal(), protocol(self.facts, rectangle)) == Some(self.kind)
        };
        indexes.iter().map(|index| self.rectangle(*index)).filter(own)
    }

    fn wrong(&self, rectangle: Option<&Rectangle>, excess: bool, what: String) -> Finding {
        let mut finding = Finding::new(self.artifact, Fault::Client { excess, what });
        finding.statements.extend(rectangle.map(|rectangle| rectangle.statement));
        finding
    }

    fn statement(&self, rectangle: &Rectangle) -> &weir_compiler::flows::Statement {
        &self.facts.statements[rectangle.statement as usize]
    }

    /// What somebody may do by a flow, and by what the point knows them; an error where it cannot.
    fn grants_of(
        &self,
        rectangle: &Rectangle,
        port: u16,
        operations: &Operations,
        into: &mut Grants,
        findings: &mut Vec<Finding>,
    ) {
        let conditions = &self.statement(rectangle).conditions;
        let is_modbus = self.kind == ProxyKind::Modbus;
        let terms = Terms {
            limit: conditions.limit.filter(|_| is_modbus).map(|limit| (limit.count, limit.seconds)),
            until: conditions.until,
            log: conditions.log && is_modbus,
            audit: conditions.audit,
        };
        for id in clients(rectangle, self.point).members() {
            let principal = self.facts.model.principal(id);
            let Some(identities) = by(principal, self.kind) else {
                let what = format!("`{}` on port {port}: it cannot be known there", principal.name);
                findings.push(self.wrong(Some(rectangle), false, what));
                continue;
            };
            let client =
                if self.kind == ProxyKind::Envoy { String::new() } else { principal.name.to_string() };
            let statement = self.statement(rectangle).id.to_string();
            let grant =
                Grant { port, statement, client, operations: operations.clone(), terms: terms.clone() };
            into.entry(grant).or_default().add(identities);
        }
    }

    fn operations(&self, rectangle: &Rectangle) -> Option<Operations> {
        let Some(demand) = &rectangle.demand else { return Some(Operations::Everything) };
        let protocol = self.facts.model.protocols.get(demand.protocol);
        match self.kind {
            ProxyKind::Envoy => operations::http(protocol, demand),
            ProxyKind::Modbus => operations::modbus(protocol, demand),
            ProxyKind::Mosquitto => operations::mqtt(protocol, demand),
        }
    }
}

/// What the relation has the ports of a configuration permit; and that there is a port for whatever needs one.
fn required(case: &Case<'_>, listeners: &[Listener], findings: &mut Vec<Finding>) -> Grants {
    let mut grants = Grants::new();
    let here = |port: u16| listeners.iter().find(|listener| listener.port == port);
    let (taken, led): (Vec<u32>, Vec<u32>) =
        case.concerns.led.iter().partition(|index| case.concerns.taken.contains(index));
    for rectangle in case.own(&taken) {
        for (place, destination) in places(case, rectangle) {
            let there = case.local_ports.get(&place).copied();
            let listener = there.and_then(here).filter(|listener| !listener.upstream.is_here());
            let Some(listener) = listener else {
                let what = format!("a port of its own, where connections to {place} are taken");
                findings.push(case.wrong(Some(rectangle), false, what));
                continue;
            };
            let name = case.facts.model.principal(destination).name.clone();
            let Upstream { address, port, tls, .. } = listener.upstream;
            if (address, port, tls) != (place.ip(), place.port(), false) {
                let what = format!("port {} leads to {address}:{port}, and not to `{name}`", listener.port);
                findings.push(case.wrong(Some(rectangle), true, what));
            }
            grant(case, listener, rectangle, &mut grants, findings);
        }
    }
    for rectangle in case.own(&led) {
        for port in ports(rectangle) {
            let Some(listener) = here(port).filter(|listener| !listener.upstream.is_here()) else {
                let what = format!("port {port}, where a flow to another is led through it");
                findings.push(case.wrong(Some(rectangle), false, what));
                continue;
            };
            let destination = rectangle.destinations.iter().next().map(|(first, _)| first);
            let leads = destination.is_some_and(|destination| {
                leads_to(case, listener, case.facts.model.principal(destination), rectangle)
            });
            if !leads {
                let what =
                    format!("port {port} leads to {}, and not to where it has to", listener.upstream.address);
                findings.push(case.wrong(Some(rectangle), true, what));
            }
            grant(case, listener, rectangle, &mut grants, findings);
        }
    }
    for index in &case.concerns.ending {
        let rectangle = case.rectangle(*index);
        let own = kind_of(case.principal(), protocol(case.facts, rectangle)) == Some(case.kind);
        let of_others =
            |listener: &&Listener| !listener.upstream.is_here() || !covers(rectangle, listener.port);
        if own && rectangle.demand.is_some() {
            for port in
                ports(rectangle).into_iter().filter(|port| here(*port).is_none_or(|one| of_others(&one)))
            {
                let what = format!("port {port}, whose operations only it can tell apart");
                findings.push(case.wrong(Some(rectangle), false, what));
            }
        }
        for listener in listeners.iter().filter(|listener| !of_others(listener)) {
            let (known, asked) = (&listener.upstream, (listener.port, false));
            if (known.port, known.tls) != asked {
                let what = format!("port {} leads to another port, or by TLS", listener.port);
                findings.push(case.wrong(Some(rectangle), true, what));
            }
            grant(case, listener, rectangle, &mut grants, findings);
        }
    }
    grants
}

/// The places that a flow's connections are addressed to, and whose they are.
fn places(case: &Case<'_>, rectangle: &Rectangle) -> Vec<(SocketAddr, u32)> {
    let of = |destination: u32| {
        let all = case.facts.model.principal(destination).addresses();
        let v4 = all
            .v4
            .iter()
            .flat_map(|(first, last)| [first, last])
            .map(|bits| Ipv4Addr::from_bits(bits).into());
        let v6 = all
            .v6
            .iter()
            .flat_map(|(first, last)| [first, last])
            .map(|bits| Ipv6Addr::from_bits(bits).into());
        let mut ends: Vec<IpAddr> = v4.chain(v6).collect();
        ends.dedup();
        let ports = ports(rectangle);
        ends.into_iter().flat_map(move |address| {
            ports.clone().into_iter().map(move |port| (SocketAddr::new(address, port), destination))
        })
    };
    rectangle.destinations.members().flat_map(of).collect()
}

fn grant(
    case: &Case<'_>,
    listener: &Listener,
    rectangle: &Rectangle,
    grants: &mut Grants,
    findings: &mut Vec<Finding>,
) {
    let port = listener.port;
    if !listens(case.principal(), &listener.addresses) {
        let what = format!("port {port} at some of its addresses, or at those of others");
        findings.push(case.wrong(Some(rectangle), false, what));
    }
    match case
        .operations(rectangle)
        .filter(|operations| listener.reads || *operations == Operations::Everything)
    {
        Some(operations) => case.grants_of(rectangle, port, &operations, grants, findings),
        None => {
            let what = format!("port {port}: it cannot tell apart what a flow demands");
            findings.push(case.wrong(Some(rectangle), true, what));
        }
    }
}

/// Whether a port leads to a destination, and knows it by what the package says of it.
fn leads_to(case: &Case<'_>, listener: &Listener, destination: &Principal, rectangle: &Rectangle) -> bool {
    let upstream = &listener.upstream;
    let named = protocol(case.facts, rectangle)
        .map_or("", |protocol| protocol.name.rsplit('.').next().unwrap_or_default());
    let tls = match case.kind {
        ProxyKind::Envoy => listener.reads && named.starts_with("https"),
        ProxyKind::Modbus => named == "modbus_security",
        ProxyKind::Mosquitto => false,
    };
    let name = destination.details.identity.as_deref().filter(|_| tls).and_then(subject).map(str::to_owned);
    destination.addresses().contains(upstream.address)
        && upstream.port == listener.port
        && (upstream.tls, &upstream.name) == (tls, &name)
}

fn compare(case: &Case<'_>, required: &Grants, found: &Grants, findings: &mut Vec<Finding>) {
    let none = Identities::default();
    let statement = |grant: &Grant| {
        (0..).zip(&case.facts.statements).find(|(_, one)| one.id == grant.statement).map(|(index, _)| index)
    };
    let mut say = |grant: &Grant, whom: &Identities, excess| {
        let mut finding = case.wrong(None, excess, describe(grant, whom));
        finding.statements.extend(statement(grant));
        findings.push(finding);
    };
    for (grant, identities) in found {
        let excess = identities.without(required.get(grant).unwrap_or(&none));
        if !excess.is_empty() {
            say(grant, &excess, true);
        }
    }
    for (grant, identities) in required {
        let lost = identities.without(found.get(grant).unwrap_or(&none));
        if !lost.is_empty() {
            say(grant, &lost, false);
        }
    }
    let names = found.values().flat_map(|identities| &identities.names).collect();
    shared(case, &names, findings);
}

/// What two show tells neither from the other.
fn shared(case: &Case<'_>, names: &BTreeSet<&Shown>, findings: &mut Vec<Finding>) {
    if names.is_empty() {
        return;
    }
    let model = &case.facts.model;
    for (name, all) in names.iter().filter_map(|name| case.bearers.get_key_value(*name)) {
        let mut entities: Vec<_> =
            all.iter().map(|id| (model.principal(*id).entity, model.principal(*id).element)).collect();
        entities.dedup();
        if entities.len() > 1 && !matches!(name, Shown::Token { .. }) {
            let several = all.iter().take(3).map(|id| model.principal(*id).name.as_str()).collect::<Vec<_>>();
            let what = format!("{} is shown by {}", text(name), several.join(" and "));
            findings.push(case.wrong(None, true, what));
        }
    }
}

fn text(name: &Shown) -> String {
    match name {
        Shown::Name(name) => format!("the certificate of {name}"),
        Shown::CommonName(name) => format!("the common name {name}"),
        Shown::Token { issuer, group } => format!("a token of {issuer} for {group}"),
    }
}

fn describe(grant: &Grant, whom: &Identities) -> String {
    let address = whom.addresses.first().map(|address| format!("the address {address}"));
    let who = whom.names.iter().next().map(text).or(address).unwrap_or_default();
    let mut line = format!("{who} on port {}: {}", grant.port, grant.operations);
    let Terms { limit, until, log, audit } = grant.terms;
    if let Some((count, seconds)) = limit {
        line += &format!(", {count} in {seconds} s");
    }
    if let Some(until) = until {
        line += &format!(", until {until}");
    }
    for (word, is) in [("logged", log), ("on trial", audit)] {
        if is {
            line += &format!(", {word}");
        }
    }
    line
}

fn modbus(model: &weir_modbus_reader::GatewayModel) -> (Vec<Listener>, Grants) {
    use weir_modbus_reader::{Identity, Match};
    let requests = |list: &[Match]| {
        let each = |one: &Match| {
            let (items, value) = (one.items, one.value);
            one.functions.iter().map(|function| (*function, items, value)).collect::<Vec<_>>()
        };
        list.iter().flat_map(each).collect::<BTreeSet<_>>()
    };
    let mut grants = Grants::new();
    let listeners = model.listeners.iter().map(|listener| Listener {
        port: listener.port,
        addresses: listener.addresses.clone(),
        upstream: Upstream {
            address: listener.upstream.0,
            port: listener.upstream.1,
            tls: listener.upstream_name.is_some(),
            name: listener.upstream_name.clone(),
        },
        reads: true,
    });
    let listeners: Vec<Listener> = listeners.collect();
    for listener in &model.listeners {
        for client in &listener.clients {
            let mut identities = Identities::default();
            match &client.identity {
                Identity::Uri(name) | Identity::Dns(name) => {
                    identities.names.insert(Shown::Name(name.clone()));
                }
                Identity::CommonName(name) => {
                    identities.names.insert(Shown::CommonName(name.clone()));
                }
                Identity::V4(first, last) => {
                    let ends = (Ipv4Addr::from_bits(*first).into(), Ipv4Addr::from_bits(*last).into());
                    identities.addresses = std::iter::once(ends).collect::<AddressSet>();
                }
                Identity::V6(first, last) => {
                    let ends = (Ipv6Addr::from_bits(*first).into(), Ipv6Addr::from_bits(*last).into());
                    identities.addresses = std::iter::once(ends).collect::<AddressSet>();
                }
            }
            for permission in &client.permissions {
                let refuse = requests(&permission.refuse);
                let operations = match &permission.permit {
                    None if refuse.is_empty() => Operations::Everything,
                    None => Operations::Modbus { permit: BTreeSet::new(), refuse },
                    Some(permit) => Operations::modbus(requests(permit), refuse),
                };
                let grant = Grant {
                    port: listener.port,
                    statement: permission.statement.clone(),
                    client: client.name.clone(),
                    operations,
                    terms: Terms {
                        limit: permission.limit,
                        until: permission.until,
                        log: permission.log,
                        audit: permission.audit,
                    },
                };
                grants.entry(grant).or_default().add(identities.clone());
            }
        }
    }
    (listeners, grants)
}

fn envoy(
    case: &Case<'_>,
    model: &weir_envoy_reader::ProxyModel,
    findings: &mut Vec<Finding>,
) -> (Vec<Listener>, Grants) {
    use weir_envoy_reader::{Admitted, Identity, Path, Request, UpstreamName};
    let requests = |list: &[Request]| {
        let each = |one: &Request| {
            let path = one.path.as_ref().map(|path| match path {
                Path::Exact(path) => path.clone(),
                Path::Below(folder) => format!("{folder}*"),
            });
            let methods: Vec<Option<String>> = match one.methods.as_slice() {
                [] => vec![None],
                methods => methods.iter().cloned().map(Some).collect(),
            };
            methods.into_iter().map(|method| (method, path.clone())).collect::<Vec<_>>()
        };
        list.iter().flat_map(each).collect::<BTreeSet<_>>()
    };
    let mut grants = Grants::new();
    let mut listeners = Vec::new();
    for listener in &model.listeners {
        let name = listener.upstream.name.as_ref().map(|name| match name {
            UpstreamName::Uri(name) | UpstreamName::Dns(name) => name.clone(),
        });
        listeners.push(Listener {
            port: listener.port,
            addresses: listener.addresses.clone(),
            upstream: Upstream {
                address: listener.upstream.address,
                port: listener.upstream.port,
                tls: listener.upstream.tls,
                name,
            },
            reads: listener.http,
        });
        let clients = || listener.policies.iter().flat_map(|policy| &policy.clients);
        let has_people = clients().any(|client| matches!(client, Identity::Token { .. }));
        // people show no certificate; else the handshake admits the trust domains and names of the clients, and no other
        let admitted: BTreeSet<Admitted> = clients()
            .filter(|_| !has_people)
            .filter_map(|client| match client {
                Identity::Token { .. } => None,
                Identity::Name(name) => Some(match name.strip_prefix("spiffe://") {
                    Some(rest) => Admitted::TrustDomain(rest.split('/').next().unwrap_or_default().into()),
                    None => Admitted::Dns(name.clone()),
                }),
            })
            .collect();
        if listener.needs_certificate == has_people || !listener.admitted.iter().eq(&admitted) {
            let what =
                format!("other certificates than its clients' in the handshake of port {}", listener.port);
            findings.push(case.wrong(None, true, what));
        }
        for policy in &listener.policies {
            let mut identities = Identities::default();
            for client in &policy.clients {
                identities.names.insert(match client {
                    Identity::Name(name) => Shown::Name(name.clone()),
                    Identity::Token { issuer, group } => {
                        Shown::Token { issuer: issuer.clone(), group: group.clone() }
                    }
                });
            }
            let operations = match &policy.permit {
                None => Operations::Everything,
                Some(permit) => {
                    Operations::Http { permit: requests(permit), refuse: requests(&policy.refuse) }
                }
            };
            let grant = Grant {
                port: listener.port,
                statement: policy.statement.split('/').next().unwrap_or_default().to_owned(),
                client: String::new(),
                operations,
                terms: Terms { audit: policy.audit, ..Terms::default() },
            };
            grants.entry(grant).or_default().add(identities);
        }
    }
    (listeners, grants)
}

/// The name of a kind on findings about a plan that lacks a configuration.
pub(crate) fn missing(facts: &Facts, points: &Points, plans: &[ProxyPlan]) -> Vec<String> {
    let planned = |point: u32, kind| {
        let name = &facts.model.principal(point).name;
        plans.iter().any(|plan| plan.kind == kind && plan.name == name.as_str())
    };
    let lacking = points.kinds(facts).filter(|(point, kind)| !planned(*point, *kind));
    lacking
        .map(|(point, kind)| format!("{} of `{}`", kind.word(), facts.model.principal(point).name))
        .collect()
}
