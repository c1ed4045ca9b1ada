//! From the relation and its legs to what each point listens for. Cost: the members of the sets that meet a point.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest as _, Sha256};
use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{
    Client, Listener, Permission, ProxyKind, ProxyPlan, Speaks, Upstream, evidence, is_http, kind_at,
    operations, short,
};
use crate::{
    flows::{PortSet, Rectangle, Statement},
    model::{Model, Principal, PrincipalKind, PrincipalSet, Protocol, TransportMatch},
    plan::{AddressSet, PortMatch, Ranges, Transport, legs::Leg, routes::Routes},
};

/// More addresses than this are a range of pods, not those of one host.
const MOST_ADDRESSES: u64 = 16;
/// Ports at which connections to others are taken: above those that services have, below those that connections get.
const FIRST_LOCAL_PORT: u16 = 20_001;
const LOCAL_PORTS: u16 = 9_999;
/// A point that counts keeps the times of so many operations for each limit.
const HIGHEST_LIMIT: u32 = 1_000;

/// A port of a point, while its rectangles are gathered.
pub(super) struct Draft {
    pub(super) kind: ProxyKind,
    pub(super) speaks: Speaks,
    /// The one destination behind it; nothing, where the point is the end.
    pub(super) upstream: Option<u32>,
    /// Where its connections are addressed to, if not to the point.
    pub(super) takes: Option<SocketAddr>,
    pub(super) protocol: Option<u32>,
    pub(super) rectangles: Vec<u32>,
}

pub(super) struct Builder<'m, 'r> {
    pub(super) model: &'m Model,
    pub(super) statements: &'m [Statement],
    pub(super) rectangles: &'m [Rectangle],
    pub(super) routes: &'r mut Routes,
    pub(super) drafts: BTreeMap<(u32, u16), Draft>,
    /// Of points that take connections to others, by where these are addressed to.
    pub(super) taking: BTreeMap<(u32, SocketAddr), Draft>,
    pub(super) owners: evidence::Owners,
    pub(super) clients: FxHashMap<(usize, u32, ProxyKind, Speaks), (PrincipalSet, Arc<[Client]>)>,
    pub(super) diagnostics: &'r mut Vec<Diagnostic>,
}

/// The plans of all points, by name and kind. `led` says for each rectangle by way of which point it runs.
pub(in crate::plan) fn build(
    model: &Model,
    statements: &[Statement],
    rectangles: &[Rectangle],
    (legs, led): (&[Leg], &[Option<u32>]),
    routes: &mut Routes,
    package: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<ProxyPlan> {
    let points = model.principals_where(Principal::terminates);
    if points.is_empty() {
        return Vec::new();
    }
    let mut builder = Builder {
        model,
        statements,
        rectangles,
        routes,
        drafts: BTreeMap::new(),
        taking: BTreeMap::new(),
        owners: evidence::Owners::new(),
        clients: FxHashMap::default(),
        diagnostics,
    };
    let known: FxHashSet<u32> = legs.iter().map(|leg| leg.rectangle).collect();
    let taken: FxHashSet<u32> =
        legs.iter().filter(|leg| leg.taken_by.is_some()).map(|leg| leg.rectangle).collect();
    for index in 0..rectangles.len() as u32 {
        // a rectangle without legs was refused
        match led.get(index as usize).copied().flatten() {
            Some(point) if taken.contains(&index) => builder.takes(point, index),
            Some(point) => builder.led(point, index),
            None if known.contains(&index) => builder.ends(&points, index),
            None => {}
        }
    }
    for index in
        (0..rectangles.len() as u32).filter(|index| led.get(*index as usize).copied().flatten().is_none())
    {
        builder.joins(&points, index);
    }
    builder.finish(&points, package)
}

fn tcp(port: u16) -> PortSet {
    PortSet::of(&[TransportMatch::Ports(PortMatch { transport: Transport::Tcp, first: port, last: port })])
}

impl Builder<'_, '_> {
    pub(super) fn statement(&self, rectangle: u32) -> &Statement {
        &self.statements[self.rectangles[rectangle as usize].statement as usize]
    }

    fn protocol(&self, rectangle: u32) -> Option<(u32, &Protocol)> {
        let protocol = self.rectangles[rectangle as usize].protocol?;
        Some((protocol, self.model.protocols.get(protocol)))
    }

    pub(super) fn refuse(&mut self, rectangle: u32, message: String, label: &str, help: impl Into<String>) {
        let statement = self.statement(rectangle);
        let diagnostic = Diagnostic::new(&codes::E0606, message)
            .primary(statement.file, statement.service_span, label)
            .help(help);
        self.diagnostics.push(diagnostic);
    }

    /// A flow that runs by way of a point.
    fn led(&mut self, point: u32, rectangle: u32) {
        let name = self.model.principal(point).name.clone();
        let protocol = self.protocol(rectangle);
        let Some(kind) = kind_at(self.model.principal(point), protocol.map(|(_, protocol)| protocol)) else {
            let what = protocol.map_or_else(|| "this service".to_owned(), |(_, p)| format!("`{}`", short(p)));
            let help =
                "name a point with `enforces = envoy`, or none, where no one has to look into the flow";
            return self.refuse(rectangle, format!("`{name}` does not take {what}"), "led through it", help);
        };
        if kind == ProxyKind::Mosquitto {
            let help = format!("let `{name}` be the destination: a broker passes nothing on to another");
            return self.refuse(
                rectangle,
                format!("`{name}` is a broker and no way to another"),
                "led through it",
                help,
            );
        }
        let one = &self.rectangles[rectangle as usize];
        let all = one.ports.port_matches();
        let single = all.iter().all(|port| port.transport == Transport::Tcp && port.first == port.last);
        if !single || all.is_empty() || all.len() > 16 || !one.ports.ethertypes.is_empty() {
            let message = format!("`{name}` cannot end {}", one.ports.describe());
            let help = "name a protocol over TCP, or single ports (`tcp/8443`)";
            return self.refuse(rectangle, message, "a proxy ends TCP connections, port by port", help);
        }
        let Some((destination, _)) = one.destinations.iter().next() else { return };
        for port in all {
            self.add(point, port.first, kind, Some(destination), rectangle);
        }
    }

    /// A flow whose connections a point takes on their way: for each destination it listens at a port of its own.
    fn takes(&mut self, point: u32, rectangle: u32) {
        let one = &self.rectangles[rectangle as usize];
        let (name, ports) = (self.model.principal(point).name.clone(), one.ports.port_matches());
        let single_port = |port: &PortMatch| port.transport == Transport::Tcp && port.first == port.last;
        let protocol = self.protocol(rectangle).map(|(index, protocol)| (index, short(protocol)));
        let Some((protocol, "modbus")) = protocol.filter(|_| ports.iter().all(single_port)) else {
            let message = format!("`{name}` takes connections that it can read, and cannot read these");
            let help = "name `modbus` on single ports; what is encrypted goes to a gateway that is not `transparent`";
            return self.not_taken(rectangle, message, "led through it", help);
        };
        for id in one.destinations.members() {
            let principal = self.model.principal(id);
            let all = principal.addresses();
            let mut addresses = crate::plan::finish::single(&all);
            let ranges = all.v4.iter().count() + all.v6.iter().count();
            let (Some(address), None, 1) = (addresses.next(), addresses.next(), ranges) else {
                let message =
                    format!("`{name}` cannot tell connections to `{}` by one address", principal.name);
                let help = "give the destination one address, or lead the flow through a gateway that is not `transparent`";
                return self.not_taken(rectangle, message, "it has none, or several", help);
            };
            for port in &ports {
                let place = SocketAddr::new(address, port.first);
                let draft = self.taking.entry((point, place)).or_insert_with(|| Draft {
                    kind: ProxyKind::Modbus,
                    speaks: Speaks::Modbus,
                    upstream: Some(id),
                    takes: Some(place),
                    protocol: Some(protocol),
                    rectangles: Vec::new(),
                });
                draft.rectangles.push(rectangle);
            }
        }
    }

    fn not_taken(&mut self, rectangle: u32, message: String, label: &str, help: &str) {
        let statement = self.statement(rectangle);
        let diagnostic = Diagnostic::new(&codes::E0609, message)
            .primary(statement.file, statement.destination_span, label)
            .help(help);
        self.diagnostics.push(diagnostic);
    }

    /// A flow whose destination is a point that has to look into it.
    fn ends(&mut self, points: &Ranges<u32>, rectangle: u32) {
        let one = &self.rectangles[rectangle as usize];
        let here = one.destinations.intersection(points);
        let all_end = one.destinations.members().all(|id| self.model.principal(id).terminates());
        let ports = one.ports.port_matches();
        let has_demand = one.demand.is_some();
        for point in here.members().collect::<Vec<_>>() {
            let protocol = self.protocol(rectangle);
            let kind = kind_at(self.model.principal(point), protocol.map(|(_, protocol)| protocol));
            let reads = match (kind, protocol) {
                (Some(ProxyKind::Envoy), Some((_, protocol))) => is_http(protocol),
                (Some(_), _) => true,
                (None, _) => false,
            };
            let Some(kind) = kind.filter(|kind| reads && (has_demand || *kind == ProxyKind::Mosquitto))
            else {
                if has_demand && all_end && !reads {
                    let name = &self.model.principal(point).name;
                    let message = format!("`{name}` does not parse this protocol");
                    self.refuse(
                        rectangle,
                        message,
                        "an operation that it cannot tell from others",
                        "permit the whole protocol, or let a point that parses it be in `enforces`",
                    );
                }
                continue;
            };
            for port in
                ports.iter().filter(|port| port.transport == Transport::Tcp && port.first == port.last)
            {
                self.add(point, port.first, kind, None, rectangle);
            }
        }
    }

    /// A flow that reaches a port which a point listens on for others.
    fn joins(&mut self, points: &Ranges<u32>, rectangle: u32) {
        let one = &self.rectangles[rectangle as usize];
        for point in one.destinations.intersection(points).members() {
            for ((_, port), draft) in self.drafts.range_mut((point, 0)..=(point, u16::MAX)) {
                if draft.upstream.is_none()
                    && draft.rectangles.last() != Some(&rectangle)
                    && !draft.rectangles.contains(&rectangle)
                    && one.ports.covers(&tcp(*port))
                {
                    draft.rectangles.push(rectangle);
                }
            }
        }
    }

    fn add(&mut self, point: u32, port: u16, kind: ProxyKind, upstream: Option<u32>, rectangle: u32) {
        let protocol = self.protocol(rectangle);
        let speaks = match kind {
            ProxyKind::Modbus => Speaks::Modbus,
            ProxyKind::Mosquitto => Speaks::Mqtt,
            ProxyKind::Envoy if protocol.is_some_and(|(_, protocol)| is_http(protocol)) => Speaks::Http,
            ProxyKind::Envoy => Speaks::Bytes,
        };
        let name = self.model.principal(point).name.clone();
        if speaks == Speaks::Bytes
            && let Some((_, protocol)) = protocol
            && !protocol.client_speaks_first
        {
            let message = format!("`{name}` cannot hold `{}`: its server speaks first", short(protocol));
            let help =
                "Envoy decides before it connects, when the client has spoken: lead this protocol past it";
            return self.refuse(rectangle, message, "the client waits, and so does Envoy", help);
        }
        let protocol = protocol.map(|(protocol, _)| protocol);
        let draft = self.drafts.entry((point, port)).or_insert_with(|| Draft {
            kind,
            speaks,
            upstream,
            takes: None,
            protocol,
            rectangles: Vec::new(),
        });
        if draft.upstream != upstream || draft.kind != kind || draft.speaks != speaks {
            let statement = self.statement(rectangle);
            let diagnostic = Diagnostic::new(
                &codes::E0513,
                format!("port {port} of `{name}` would lead to two places, or speak two protocols"),
            )
            .primary(statement.file, statement.span, "another flow has this port of it already")
            .help("let each destination serve its protocol on a port of its own (`serves = [modbus on tcp/10502]`), or use one point each");
            self.diagnostics.push(diagnostic);
        } else {
            draft.rectangles.push(rectangle);
        }
    }

    fn finish(mut self, points: &Ranges<u32>, package: &str) -> Vec<ProxyPlan> {
        let mut plans = Vec::new();
        self.number();
        let drafts = std::mem::take(&mut self.drafts);
        for point in points.members() {
            let principal = self.model.principal(point);
            for kind in [ProxyKind::Envoy, ProxyKind::Modbus, ProxyKind::Mosquitto] {
                if !principal.details.enforces.contains(&kind.word()) {
                    continue;
                }
                let mut used: Vec<u32> = Vec::new();
                let mut listeners = Vec::new();
                for ((_, port), draft) in drafts.range((point, 0)..=(point, u16::MAX)) {
                    if draft.kind == kind {
                        listeners.extend(self.listener(point, *port, draft, &mut used));
                    }
                }
                if kind == ProxyKind::Mosquitto {
                    self.check_ports_alike(point, &listeners);
                    self.silent_ports(point, &mut listeners);
                }
                plans.push(self.plan(point, kind, package, used, listeners));
            }
        }
        plans.sort_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
        plans
    }

    /// Gives each place that connections are taken from a port of its own at the point: one that depends on the place
    /// alone, unless another has it, so that a port does not lead to one destination today and to another tomorrow.
    fn number(&mut self) {
        for ((point, place), draft) in std::mem::take(&mut self.taking) {
            let principal = self.model.principal(point);
            let served = principal.serves().iter().map(|served| self.model.protocols.index(served.protocol));
            let own: Vec<PortSet> = served
                .flat_map(|protocol| self.model.served_at(point, protocol))
                .map(|own| PortSet::of(&[own]))
                .collect();
            let digest = Sha256::digest(place.to_string());
            let wish = u16::from_be_bytes([digest[0], digest[1]]) % LOCAL_PORTS;
            let mut ports = (0..LOCAL_PORTS).map(|step| FIRST_LOCAL_PORT + (wish + step) % LOCAL_PORTS);
            let free = |port: &u16| {
                !self.drafts.contains_key(&(point, *port)) && !own.iter().any(|own| own.overlaps(&tcp(*port)))
            };
            match (ports.find(free), draft.rectangles.first()) {
                (Some(port), _) => {
                    self.drafts.insert((point, port), draft);
                }
                (None, Some(rectangle)) => {
                    let message = format!("`{}` has no port left to take connections at", principal.name);
                    let help = "lead the flow through another gateway";
                    self.not_taken(*rectangle, message, "one destination too many", help);
                }
                (None, None) => {}
            }
        }
    }

    /// Statements are numbered in the package until here, and in the plan from here on.
    fn plan(
        &self,
        point: u32,
        kind: ProxyKind,
        package: &str,
        mut used: Vec<u32>,
        mut listeners: Vec<Listener>,
    ) -> ProxyPlan {
        used.sort_unstable_by(|a, b| self.statements[*a as usize].id.cmp(&self.statements[*b as usize].id));
        used.dedup();
        let position: FxHashMap<u32, u32> = used.iter().zip(0..).map(|(id, at)| (*id, at)).collect();
        for permission in listeners.iter_mut().flat_map(|listener| &mut listener.permissions) {
            permission.statement = position.get(&permission.statement).copied().unwrap_or(0);
        }
        for listener in &mut listeners {
            listener.permissions.sort_by_key(|permission| permission.statement);
        }
        let statements = used
            .iter()
            .map(|id| {
                let statement = &self.statements[*id as usize];
                super::Statement { id: statement.id.clone(), policy: statement.policy.clone() }
            })
            .collect();
        let name = self.model.principal(point).name.to_string();
        ProxyPlan { package: package.into(), name, kind, statements, listeners }
    }

    /// A broker listens wherever it serves MQTT: what nobody may use any more, nobody gets.
    fn silent_ports(&self, point: u32, listeners: &mut Vec<Listener>) {
        let principal = self.model.principal(point);
        for served in principal.serves() {
            let protocol = self.model.protocols.index(served.protocol);
            if !super::is_mqtt(self.model.protocols.get(protocol)) {
                continue;
            }
            for transport in self.model.served_at(point, protocol) {
                if let TransportMatch::Ports(PortMatch { transport: Transport::Tcp, first, last }) = transport
                    && first == last
                    && !listeners.iter().any(|listener| listener.port == first)
                {
                    listeners.push(Listener {
                        port: first,
                        addresses: own_addresses(principal),
                        takes: None,
                        upstream: None,
                        speaks: Speaks::Mqtt,
                        permissions: Vec::new(),
                    });
                }
            }
        }
        listeners.sort_by_key(|listener| listener.port);
    }

    fn listener(&mut self, point: u32, port: u16, draft: &Draft, used: &mut Vec<u32>) -> Option<Listener> {
        let principal = self.model.principal(point);
        let first = *draft.rectangles.first()?;
        let addresses = own_addresses(principal);
        let served_itself = || {
            let served = principal.serves().iter().map(|served| self.model.protocols.index(served.protocol));
            served
                .flat_map(|p| self.model.served_at(point, p))
                .any(|own| PortSet::of(&[own]).overlaps(&tcp(port)))
        };
        let upstream = match draft.upstream {
            Some(_) if draft.takes.is_none() && served_itself() => {
                let statement = self.statement(first);
                let name = &principal.name;
                let diagnostic = Diagnostic::new(&codes::E0513, format!("`{name}` serves tcp/{port} itself"))
                    .primary(statement.file, statement.span, "this flow needs the same port of it")
                    .help("let the destination, or the point, serve on another port");
                self.diagnostics.push(diagnostic);
                return None;
            }
            Some(destination) => {
                let port = draft.takes.map_or(port, |place| place.port());
                Some(self.upstream(point, port, destination, draft, first)?)
            }
            None if draft.kind == ProxyKind::Mosquitto => None,
            None if addresses.is_empty() => {
                let help = "lead the flow through a gateway instead, or give the point an address of its own";
                let message = format!("`{}` has no address of its own to listen on", principal.name);
                self.refuse(first, message, "its proxy would take the server's place", help);
                return None;
            }
            // what serves stands behind its proxy, on the same host
            None => Some(Upstream {
                name: principal.name.to_string(),
                address: Ipv4Addr::LOCALHOST.into(),
                port,
                tls: false,
                identity: None,
            }),
        };
        let mut permissions = Vec::new();
        for rectangle in &draft.rectangles {
            if let Some(permission) = self.permission(point, port, draft, *rectangle) {
                used.push(permission.statement);
                permissions.push(permission);
            }
        }
        let listener =
            Listener { port, addresses, takes: draft.takes, upstream, speaks: draft.speaks, permissions };
        self.check_mixture(point, &listener);
        Some(listener)
    }

    fn upstream(
        &mut self,
        point: u32,
        port: u16,
        destination: u32,
        draft: &Draft,
        rectangle: u32,
    ) -> Option<Upstream> {
        let (from, to) = (self.model.principal(point), self.model.principal(destination));
        let mut best: Option<(u32, IpAddr)> = None;
        for here in &from.attachments {
            for there in &to.attachments {
                let Some(length) = self.routes.length(here.segment, there.segment) else { continue };
                let Some(address) = common_address(&here.addresses, &there.addresses) else { continue };
                if best.is_none_or(|(known, _)| length < known) {
                    best = Some((length, address));
                }
            }
        }
        let Some((_, address)) = best else {
            let message =
                format!("`{}` cannot tell where `{}` is: it has no single address", from.name, to.name);
            let help =
                "a proxy connects to one address: give the destination one, or let its own host enforce";
            self.refuse(rectangle, message, "led through it", help);
            return None;
        };
        let name = draft.protocol.map_or("", |protocol| short(self.model.protocols.get(protocol)));
        let tls = match draft.speaks {
            Speaks::Http => name.starts_with("https"),
            Speaks::Modbus => name == "modbus_security",
            _ => false,
        };
        let identity = match evidence::of_destination(to) {
            Ok(identity) => identity.filter(|_| tls),
            Err(unknown) => {
                let statement = self.statement(rectangle);
                let diagnostic = Diagnostic::new(
                    &codes::E0607,
                    format!("`{}` cannot know `{}`: {}", from.name, to.name, unknown.why),
                )
                .primary(statement.file, statement.destination_span, "its certificate's name")
                .help(unknown.help);
                self.diagnostics.push(diagnostic);
                return None;
            }
        };
        Some(Upstream { name: to.name.to_string(), address, port, tls, identity })
    }

    fn permission(&mut self, point: u32, port: u16, draft: &Draft, rectangle: u32) -> Option<Permission> {
        let one = &self.rectangles[rectangle as usize];
        let statement = self.statement(rectangle);
        let conditions = &statement.conditions;
        let (limit, until, log, audit) =
            (conditions.limit, conditions.until, conditions.log, conditions.audit);
        let name = self.model.principal(point).name.clone();
        if until.is_some() && draft.kind != ProxyKind::Modbus {
            let message = format!("`{name}` has no clock: it cannot end this permission");
            let help = "permit it without an end and take it back by hand, or lead the flow past this point";
            self.refuse(rectangle, message, "ends at a time", help);
            return None;
        }
        if audit && draft.kind == ProxyKind::Mosquitto {
            let message = format!("`{name}` cannot permit and log apart: Mosquitto has no audit mode");
            self.refuse(rectangle, message, "`mode = audit`", "use `log = true`");
            return None;
        }
        if let Some(limit) =
            limit.filter(|limit| draft.kind == ProxyKind::Modbus && limit.count > HIGHEST_LIMIT)
        {
            let message = format!("`{name}` cannot count {} operations in an interval", limit.count);
            let help = format!("write at most {HIGHEST_LIMIT}, in a shorter interval");
            self.refuse(rectangle, message, "a limit beyond what it remembers", help);
            return None;
        }
        let is_role = |id| self.model.principal(id).kind == PrincipalKind::Role;
        if limit.is_some() && draft.kind != ProxyKind::Modbus && one.sources.members().any(is_role) {
            let message = format!("nobody counts what people ask `{name}` for");
            let help = "packet filters count by address, and people have none: leave the limit out, or permit it to the \
                        devices that they sit at";
            self.refuse(rectangle, message, "a limit that nobody holds", help);
            return None;
        }
        // what is parsed as one protocol says nothing of another on the same port
        let named = [one.protocol, one.demand.as_ref().map(|demand| demand.protocol)];
        if draft.speaks != Speaks::Bytes
            && named.into_iter().flatten().any(|named| Some(named) != draft.protocol)
        {
            let message = format!("`{name}` reads one protocol on port {port}, and this rule names another");
            self.refuse(
                rectangle,
                message,
                "not told apart",
                "let each protocol be served on a port of its own",
            );
            return None;
        }
        let protocol = draft.protocol.map(|protocol| self.model.protocols.get(protocol));
        let operations = match protocol {
            Some(protocol) => operations::of(draft.speaks, protocol, one.demand.as_ref()),
            None => Ok(super::ProxyOperations::Everything),
        };
        let operations = match operations {
            Ok(operations) => operations,
            Err(why) => {
                let message = format!("`{name}` cannot hold what this rule demands");
                let help = format!("{why}: permit the operation as a whole, or write it in another way");
                self.refuse(rectangle, message, "not held", help);
                return None;
            }
        };
        let clients = self.clients(point, port, draft, rectangle)?;
        let limit = limit.filter(|_| draft.kind == ProxyKind::Modbus);
        Some(Permission { statement: one.statement, clients, operations, limit, until, log, audit })
    }
}

/// A host's addresses; none, where they are a range of which it has some.
fn own_addresses(principal: &Principal) -> Vec<IpAddr> {
    let all = principal.addresses();
    let few = |count: u128| count <= u128::from(MOST_ADDRESSES);
    let v4: u128 = all.v4.iter().map(|(first, last)| u128::from(last - first) + 1).sum();
    let v6 = all
        .v6
        .iter()
        .map(|(first, last)| last - first)
        .try_fold(0u128, |sum, one| sum.checked_add(one)?.checked_add(1));
    if !few(v4) || !v6.is_some_and(few) {
        return Vec::new();
    }
    let v4 =
        all.v4.iter().flat_map(|(first, last)| first..=last).map(|bits| Ipv4Addr::from_bits(bits).into());
    let v6 =
        all.v6.iter().flat_map(|(first, last)| first..=last).map(|bits| Ipv6Addr::from_bits(bits).into());
    v4.chain(v6).collect()
}

/// The destination's one address in a family that both have; IPv4 before IPv6.
fn common_address(from: &AddressSet, to: &AddressSet) -> Option<IpAddr> {
    let single4 = to.v4.iter().next().filter(|(first, last)| first == last);
    let single6 = to.v6.iter().next().filter(|(first, last)| first == last);
    match (single4, single6) {
        (Some((address, _)), _) if !from.v4.is_empty() => Some(Ipv4Addr::from_bits(address).into()),
        (_, Some((address, _))) if !from.v6.is_empty() => Some(Ipv6Addr::from_bits(address).into()),
        _ => None,
    }
}
