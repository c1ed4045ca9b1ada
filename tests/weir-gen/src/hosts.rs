//! The plainest package with many rules, and the same flows in the input languages of Aerleon.

use std::fmt::Write as _;

use crate::Package;

/// Flows use this many ports.
const PORTS: u32 = 200;
/// The first of them.
const FIRST_PORT: u32 = 10_000;
/// Declarations of one file.
const PER_FILE: u32 = 1000;

fn port(flow: u32) -> u32 {
    flow % PORTS
}

/// Sources from 10.0.0.0 on, destinations from 10.128.0.0 on; 250 in each 256, so that none ends in 0 or 255.
fn address(start: u32, flow: u32) -> String {
    let at = flow / 250;
    format!("10.{}.{}.{}", start + at / 256, at % 256, flow % 250 + 2)
}

fn source(flow: u32) -> String {
    address(0, flow)
}

fn destination(flow: u32) -> String {
    address(128, flow)
}

/// The package: each rule has a source and a destination of its own. One more permits the gateway's management.
pub(crate) fn package(flows: u32) -> Package {
    let mut plant = String::from(
        "//! Two networks and the gateway between them.\n\nuse std.it.{ssh}\n\n\
         zone left { purdue = 1, target_level = SL1 }\nzone right { purdue = 3, target_level = SL1 }\n\n\
         network left_net {\n    zone = left\n    subnet = 10.0.0.0/9\n    accept_gap = \"for comparison\"\n}\n\n\
         network right_net {\n    zone = right\n    subnet = 10.128.0.0/9\n    accept_gap = \"for comparison\"\n}\n\n\
         gateway gw {\n    enforces = nftables\n    serves = [ssh]\n    interface left0 { network = left_net, address = 10.0.0.1 }\n    \
         interface right0 { network = right_net, address = 10.128.0.1 }\n}\n\n\
         conduit left_right between left, right {\n    carries = [\n        ",
    );
    let used = PORTS.min(flows.max(1));
    let names: Vec<String> = (0..used).map(|port| format!("service_{port:03}")).collect();
    let _ = write!(plant, "ssh,\n        {},\n    ]\n}}\n\n", names.join(",\n        "));
    for (port, name) in (FIRST_PORT..).zip(&names) {
        let _ = writeln!(plant, "protocol {name} {{ transport = tcp/{port} }}");
    }
    plant.push_str("\n/// Beside the flows.\npolicy management { allow client_000000 -> gw : ssh }\n");
    let mut files = vec![("plant.weir".to_owned(), plant)];
    for part in 0..flows.div_ceil(PER_FILE) {
        let range = part * PER_FILE..flows.min((part + 1) * PER_FILE);
        let mut clients = String::from("//! Clients.\n\n");
        let mut servers = String::from("//! Servers.\n\n");
        let mut policy = format!(
            "//! Flows, part {part}.\n\npolicy flows_{part:03} {{\n    owner = \"ot@plant.example\"\n"
        );
        for flow in range {
            let (from, to, port) = (source(flow), destination(flow), port(flow));
            let _ = writeln!(clients, "device client_{flow:06} {{ network = left_net, address = {from} }}");
            let _ = writeln!(
                servers,
                "device server_{flow:06} {{ network = right_net, address = {to}, serves = [service_{port:03}] }}"
            );
            let _ = writeln!(policy, "    allow client_{flow:06} -> server_{flow:06} : service_{port:03}");
        }
        policy.push_str("}\n");
        files.push((format!("clients_{part:03}.weir"), clients));
        files.push((format!("servers_{part:03}.weir"), servers));
        files.push((format!("flows_{part:03}.weir"), policy));
    }
    files.sort();
    let manifest = "[package]\nname = \"comparison\"\nversion = \"0.1.0\"\nedition = \"2026\"\n".to_owned();
    Package { manifest, files }
}

/// The same flows for Aerleon: path and text of its policy, networks and services.
pub fn aerleon(flows: u32) -> Vec<(String, String)> {
    let mut policy = String::from("header {\n  target:: nftables inet FORWARD\n}\n\n");
    let mut networks = String::new();
    for flow in 0..flows {
        let port = port(flow);
        let _ = write!(
            policy,
            "term flow-{flow:06} {{\n  source-address:: CLIENT_{flow:06}\n  destination-address:: SERVER_{flow:06}\n  \
             destination-port:: SERVICE_{port:03}\n  protocol:: tcp\n  action:: accept\n}}\n\n"
        );
        let _ = writeln!(
            networks,
            "CLIENT_{flow:06} = {}/32\nSERVER_{flow:06} = {}/32",
            source(flow),
            destination(flow)
        );
    }
    let mut services = String::new();
    for port in 0..PORTS.min(flows.max(1)) {
        let _ = writeln!(services, "SERVICE_{port:03} = {}/tcp", FIRST_PORT + port);
    }
    vec![
        ("policies/flows.pol".into(), policy),
        ("def/flows.net".into(), networks),
        ("def/flows.svc".into(), services),
    ]
}

/// The same flows as one set of the kernel and nothing else.
pub fn bare_set(flows: u32) -> String {
    let mut text = String::from(
        "table inet bare {\n\tset flows {\n\t\ttype ipv4_addr . ipv4_addr . inet_proto . inet_service\n\t\telements = {\n",
    );
    for flow in 0..flows {
        let _ = writeln!(
            text,
            "\t\t\t{} . {} . tcp . {},",
            source(flow),
            destination(flow),
            FIRST_PORT + port(flow)
        );
    }
    text.push_str("\t\t}\n\t}\n}\n");
    text
}
