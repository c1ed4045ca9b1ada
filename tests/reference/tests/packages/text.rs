//! A blueprint as files of a package.

use std::fmt::Write as _;

use super::{
    blueprint::{Blueprint, Device, Served, Statement},
    members::{Members, Names},
};

/// The protocols of every package; the last has no port of its own.
const PROTOCOLS: [&str; 5] = [
    "transport = tcp/7000",
    "transport = [udp/7001, tcp/7001]",
    "transport = udp/7002..7005",
    "transport = icmp",
    "dynamic_port = true",
];

/// What a flow can carry, protocols first.
const OTHER: [&str; 8] =
    ["tcp/7000", "tcp/7001..7003", "udp/7000..7004", "tcp/1..6999", "icmp", "sctp/7000", "udp/65535", "any"];

pub(crate) const SERVICES: usize = PROTOCOLS.len() + OTHER.len();

/// Where each declaration goes. Any layout of a package means the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) files: usize,
    /// Sorts declarations and statements; the same number leaves them as they are.
    pub(crate) keys: Vec<u16>,
}

/// A statement's text on one line, and who is on its sides.
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) sources: Members,
    pub(crate) destinations: Members,
    pub(crate) both: bool,
    policy: usize,
}

/// The package's statements: those that say something and that may be said.
pub(crate) fn lines(plant: &Blueprint, names: &Names) -> Vec<Line> {
    plant.statements.iter().filter_map(|statement| line(statement, names)).collect()
}

fn line(statement: &Statement, names: &Names) -> Option<Line> {
    let mut sources = names.members(&statement.sources);
    let mut destinations = names.members(&statement.destinations);
    let mut left = names.text(&statement.sources);
    let mut right = names.text(&statement.destinations);
    let narrow = |text: &mut String, members: &mut Members, service: usize| {
        *text = format!("({text}) & servers{service}");
        members.retain(|name| names.serves[name].iter().any(|served| served.protocol == service));
    };
    let mut services: Vec<String> = Vec::new();
    for service in &statement.services {
        let service = service % SERVICES;
        if service < PROTOCOLS.len() && !statement.deny {
            narrow(&mut right, &mut destinations, service);
            if statement.both {
                narrow(&mut left, &mut sources, service);
            }
        }
        services.push(self::service(service));
    }
    services.dedup();
    if sources.is_empty() || destinations.is_empty() {
        return None;
    }
    let effect = if statement.deny { "deny" } else { "allow" };
    let arrow = if statement.both { "<->" } else { "->" };
    let condition = match statement.condition {
        0 if !statement.deny => " { log = true }",
        1 if !statement.deny => " { mode = audit }",
        2 if !statement.deny => " { until = 2040-01-01 }",
        _ => "",
    };
    let text = format!("{effect} {left} {arrow} {right} : {}{condition}", services.join(" | "));
    Some(Line { text, sources, destinations, both: statement.both, policy: statement.policy })
}

pub(crate) fn service(number: usize) -> String {
    if number < PROTOCOLS.len() { format!("p{number}") } else { OTHER[number - PROTOCOLS.len()].to_owned() }
}

/// The package's files.
pub(crate) fn files(plant: &Blueprint, layout: &Layout) -> Vec<(String, String)> {
    let names = Names::new(plant);
    let mut declarations = declarations(plant, &names);
    let mut statements: Vec<Vec<String>> = vec![Vec::new(); 4];
    let mut lines = lines(plant, &names);
    shuffle(&mut lines, &layout.keys);
    for line in lines {
        statements[line.policy % 4].push(line.text);
    }
    declarations.extend(statements.pop().unwrap_or_default());
    for (index, policy) in statements.into_iter().enumerate().filter(|(_, policy)| !policy.is_empty()) {
        declarations.push(format!("policy q{index} {{\n    {}\n}}", policy.join("\n    ")));
    }
    shuffle(&mut declarations, &layout.keys);
    let count = layout.files.max(1);
    let mut files: Vec<(String, String)> =
        (0..count).map(|index| (format!("f{index}.weir"), String::new())).collect();
    for (index, declaration) in declarations.into_iter().enumerate() {
        let file =
            usize::from(layout.keys.get(index % layout.keys.len().max(1)).copied().unwrap_or(0)) % count;
        files[file].1.push_str(&declaration);
        files[file].1.push('\n');
    }
    files
}

/// Sorts by keys; without keys nothing moves.
fn shuffle<T>(list: &mut Vec<T>, keys: &[u16]) {
    if keys.is_empty() {
        return;
    }
    let mut keyed: Vec<(u16, T)> = Vec::with_capacity(list.len());
    for (index, item) in list.drain(..).enumerate() {
        keyed.push((keys[index % keys.len()], item));
    }
    keyed.sort_by_key(|(key, _)| *key);
    list.extend(keyed.into_iter().map(|(_, item)| item));
}

fn declarations(plant: &Blueprint, names: &Names) -> Vec<String> {
    let mut all = Vec::new();
    for (index, body) in PROTOCOLS.iter().enumerate() {
        all.push(format!("protocol p{index} {{ {body} }}"));
    }
    all.push("class C0 { }\nclass C1 : C0 { }".into());
    for zone in 0..plant.zones {
        let parent = if plant.nested && zone == 1 { ", parent = z0" } else { "" };
        all.push(format!("zone z{zone} {{ purdue = 1{parent} }}"));
        for other in zone + 1..plant.zones {
            all.push(format!("conduit c{zone}{other} between z{zone}, z{other} {{ carries = [any] }}"));
        }
    }
    for network in 0..plant.topology.networks() {
        let mut subnets = Vec::new();
        subnets.extend(plant.family.has_v4().then(|| v4(network)));
        subnets.extend(plant.family.has_v6().then(|| v6(network)));
        let (zone, subnets) = (plant.zone_of(network), subnets.join(", "));
        all.push(format!(
            "network net{network} {{ zone = z{zone}, subnet = [{subnets}], accept_gap = \"flat\" }}"
        ));
    }
    for (index, networks) in plant.topology.gateways().iter().enumerate() {
        let enforces = if plant.plain == Some(index) { "" } else { "    enforces = nftables\n" };
        let mut text = format!("gateway gw{index} {{\n{enforces}");
        serves(&mut text, &plant.gateway_serves);
        for network in networks {
            let address = addresses(plant, plant.family, &[*network], &(index + 1).to_string());
            let _ = writeln!(
                text,
                "    interface eth{network} {{ network = net{network}, address = {address} }}"
            );
        }
        all.push(text + "}");
    }
    for (index, device) in plant.devices.iter().enumerate() {
        if plant.removed.as_ref() != Some(&plant.device_name(index)) {
            all.push(self::device(plant, index, device));
        }
    }
    let prefixes = [
        ["198.51.100.0/24", "2001:db8:100::/48"],
        ["198.51.100.128/25", "2001:db8:100:80::/60"],
        ["203.0.113.0/25", "2001:db8:200::/48"],
    ];
    let place = format!("network = net{}, zone = z0", plant.topology.networks() - 1);
    let chosen: &[usize] = [&[][..], &[0], &[0, 1], &[0, 2]][plant.externals.min(3)];
    for (number, prefix) in chosen.iter().enumerate() {
        let mut list = Vec::new();
        list.extend(plant.family.has_v4().then_some(prefixes[*prefix][0]));
        list.extend(plant.family.has_v6().then_some(prefixes[*prefix][1]));
        let mut text = format!("external x{number} {{\n    {place}, prefixes = [{}]\n", list.join(", "));
        serves(&mut text, &plant.external_serves);
        all.push(text + "}");
    }
    for protocol in 0..PROTOCOLS.len() {
        let mut servers =
            names.serves.iter().filter(|(_, list)| list.iter().any(|served| served.protocol == protocol));
        let list = servers.by_ref().map(|(name, _)| region(plant, name)).collect::<Vec<_>>().join(" | ");
        all.push(format!(
            "group servers{protocol} = {}",
            if list.is_empty() { "net0 - net0" } else { &list }
        ));
    }
    for (index, text) in names.groups.iter().enumerate() {
        all.push(format!("group group{index} = {text}"));
    }
    all
}

/// The set of one principal: of nested externals the outer's own region has no name.
fn region(plant: &Blueprint, name: &str) -> String {
    if plant.externals == 2 && name == "x0" { "(x0 - x1)".into() } else { name.to_owned() }
}

fn device(plant: &Blueprint, index: usize, device: &Device) -> String {
    let mut text = format!("device {}", plant.device_name(index));
    if device.count > 0 {
        let _ = write!(text, "[1..{}]", device.count);
    }
    if device.class > 0 {
        let _ = write!(text, " : C{}", device.class - 1);
    }
    let networks = plant.networks_of(device);
    let named = networks.iter().map(|network| format!("net{network}")).collect::<Vec<_>>().join(", ");
    let family = if plant.family == super::blueprint::Family::Dual { device.family } else { plant.family };
    let host =
        if device.count > 0 { format!("{} + index", 20 + 8 * index) } else { (20 + 8 * index).to_string() };
    let _ = write!(
        text,
        " {{\n    network = [{named}], address = {}\n",
        addresses(plant, family, &networks, &host)
    );
    if device.mac && device.count == 0 {
        let _ = writeln!(text, "    mac = 02:00:00:00:00:{index:02x}");
    }
    serves(&mut text, &device.serves);
    text + "}"
}

fn serves(text: &mut String, list: &[Served]) {
    if list.is_empty() {
        return;
    }
    let one = |served: &Served| match served.port {
        Some(port) => {
            format!("p{} on {}/{port}", served.protocol, if served.protocol == 2 { "udp" } else { "tcp" })
        }
        None => format!("p{}", served.protocol),
    };
    let _ = writeln!(text, "    serves = [{}]", list.iter().map(one).collect::<Vec<_>>().join(", "));
}

fn addresses(plant: &Blueprint, family: super::blueprint::Family, networks: &[usize], host: &str) -> String {
    let mut list = Vec::new();
    for network in networks {
        list.extend(
            (plant.family.has_v4() && family.has_v4()).then(|| format!("{}.host({host})", v4(*network))),
        );
        list.extend(
            (plant.family.has_v6() && family.has_v6()).then(|| format!("{}.host({host})", v6(*network))),
        );
    }
    format!("[{}]", list.join(", "))
}

fn v4(network: usize) -> String {
    format!("10.{}.0.0/24", network + 1)
}

fn v6(network: usize) -> String {
    format!("fd00:0:0:{}::/64", network + 1)
}
