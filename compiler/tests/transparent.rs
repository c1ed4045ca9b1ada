//! Gateways that take connections on their way: what they take, where to, and what they cannot.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::net::SocketAddr;

use weir_compiler::plan::{Hook, proxies::ProxyKind};
use weir_compiler::{Analysis, Sources, analyze};

/// A control room, a cell behind a transparent gateway, and more.
fn package(gateway: &str, more: &str) -> Analysis {
    let text = format!(
        r#"
use std.ot.{{modbus, modbus_security}}
use std.it.ssh
zone control {{ purdue = 2 }}
zone cell {{ purdue = 1 }}
network control_net {{ zone = control, subnet = [10.30.0.0/24, fd00:30::/64], accept_gap = "test" }}
network cell_net {{ zone = cell, subnet = [10.31.1.0/24, fd00:31::/64], accept_gap = "test" }}
conduit all between control, cell {{ carries = [modbus, modbus_security, ssh] }}
gateway gate {{
    enforces = [nftables, modbus]
    {gateway}
    serves = [ssh]
    interface up0 {{ network = control_net, address = 10.30.0.1 }}
    interface lan0 {{ network = cell_net, address = [10.31.1.1, fd00:31::1] }}
}}
device hmi {{ network = control_net, address = 10.30.0.20 }}
device admin {{ network = control_net, address = 10.30.0.30 }}
device plc[1..200] {{ network = cell_net, address = cell_net.host(9 + index), serves = [modbus] }}
allow admin -> gate : ssh
{more}
"#
    );
    let manifest = "[package]\nname = \"test\"\nversion = \"0.1.0\"\nedition = \"2026\"\n";
    analyze(&Sources::new(manifest, vec![("plant.weir".into(), text.into_bytes())]), 0)
}

/// The errors of a package, one line each.
fn errors(gateway: &str, more: &str) -> Vec<String> {
    let analysis = package(gateway, more);
    let all = analysis.diagnostics.iter().filter(|one| one.code.id.starts_with('E'));
    all.map(|one| format!("{} {}", one.code.id, one.message)).collect()
}

/// Where each destination's connections are led.
fn ports(analysis: &Analysis) -> Vec<(SocketAddr, u16)> {
    let plan = analysis.plan.as_ref().unwrap();
    let redirects = plan.gateways[0].redirects.iter();
    redirects.map(|one| (SocketAddr::new(one.destination, one.port), one.to)).collect()
}

const TRANSPARENT: &str = "transparent = true";

#[test]
fn each_destination_has_a_port_of_its_own() {
    let analysis = package(TRANSPARENT, "allow hmi -> plc : modbus.read");
    let plan = analysis.plan.as_ref().unwrap_or_else(|| unreachable!("{:#?}", analysis.diagnostics));
    let led = ports(&analysis);
    assert_eq!(led.len(), 200);
    let mut distinct: Vec<u16> = led.iter().map(|(_, port)| *port).collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 200);
    let proxy = plan.proxies.iter().find(|one| one.kind == ProxyKind::Modbus).unwrap();
    for (place, port) in &led {
        let listener = proxy.listeners.iter().find(|one| one.port == *port).unwrap();
        let upstream = listener.upstream.as_ref().unwrap();
        assert_eq!(listener.takes, Some(*place));
        assert_eq!(SocketAddr::new(upstream.address, upstream.port), *place);
    }
    // the clients' connections come in under their destination, and are not forwarded
    let hooks: Vec<Hook> = plan.gateways[0]
        .rules
        .iter()
        .filter(|rule| rule.services.iter().any(|one| one.first == 502))
        .map(|rule| rule.hook)
        .collect();
    assert!(hooks.contains(&Hook::Input) && hooks.contains(&Hook::Output), "{hooks:?}");
    assert!(!hooks.contains(&Hook::Forward), "{hooks:?}");
}

#[test]
fn a_port_stays_when_others_come_and_go() {
    let all = ports(&package(TRANSPARENT, "allow hmi -> plc : modbus.read"));
    let few = ports(&package(TRANSPARENT, "allow hmi -> plc[7] | plc[90] : modbus.read"));
    assert_eq!(few.len(), 2);
    // of those that wish for the same port, later addresses step aside
    let kept = few.iter().filter(|one| all.contains(one)).count();
    assert_eq!(kept, 2, "{few:?}");
}

#[test]
fn without_the_word_one_port_leads_to_one_destination() {
    let found = errors("", "allow hmi -> plc : modbus.read");
    assert!(found.len() == 1 && found[0].starts_with("E0513"), "{found:#?}");
}

#[test]
fn what_cannot_be_taken_is_an_error() {
    for (what, more, code) in [
        (
            "a client in the device's own network",
            "device near { network = cell_net, address = 10.31.1.250 } allow near -> plc[1] : modbus.read { via = gate }",
            "E0609 `gate` does not stand on every path",
        ),
        (
            "another way of the same length",
            "gateway other { enforces = nftables
                 interface a { network = control_net, address = 10.30.0.2 }
                 interface b { network = cell_net, address = 10.31.1.2 } }
             allow hmi -> plc[1] : modbus.read { via = gate }",
            "E0609 `gate` does not stand on every path",
        ),
        (
            "a client with a certificate",
            "device scada { network = control_net, address = 10.30.0.40, identity = x509(san = \"scada.example\") }
             allow scada -> plc : modbus.read",
            "E0607 `gate` cannot verify who `scada` is",
        ),
        (
            "a destination with two addresses",
            "device both { network = cell_net, address = [10.31.1.240, fd00:31::240], serves = [modbus] }
             allow hmi -> both : modbus.read",
            "E0609 `gate` cannot tell connections to `both` by one address",
        ),
        (
            "a gateway without an address of the family",
            "device six { network = cell_net, address = fd00:31::10, serves = [modbus] }
             device hmi_six { network = control_net, address = fd00:30::20 }
             allow hmi_six -> six : modbus.read",
            "E0609 `gate` has no IPv6 address on `control_net`",
        ),
        (
            "what is encrypted",
            "device safe { network = cell_net, address = 10.31.1.241, serves = [modbus_security] }
             allow hmi -> safe : modbus_security.read",
            "E0609 `gate` takes connections that it can read",
        ),
        (
            "the same connections twice",
            "allow hmi -> plc[1] : modbus { log = true } allow hmi -> plc[1] : modbus.read",
            "E0609 `gate` takes connections of 10.30.0.20 that this rule has it forward",
        ),
        (
            "more than an address required",
            "device scada { network = control_net, address = 10.30.0.40 }
             allow scada -> plc[1] : modbus.read { requires = certified }",
            "E0602",
        ),
    ] {
        let found = errors(TRANSPARENT, &more.replace("} allow", "}\nallow").replace("} interface", "}\ninterface"));
        assert!(found.len() == 1 && found[0].starts_with(code), "{what}: {found:#?}");
    }
    let found = errors("transparent = true\n    masquerade = cell_net", "allow hmi -> plc : modbus.read");
    assert_eq!(found, [""; 0], "a gateway connects in its own name anyway");
}
