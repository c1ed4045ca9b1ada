//! Who holds an operation demand: proxies, packet filters, or nobody.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use weir_compiler::plan::{OperationMatch, PayloadProtocol, PlanRule, RequestMatch};
use weir_compiler::{Analysis, Sources, analyze};

/// Two networks with a packet filter between, a server in a zone of some level, and a neighbour of it.
fn package(zone: &str, gateway: &str, flows: &str) -> Analysis {
    let text = format!(
        r#"
use std.ot.{{bacnet, coap, modbus}}
use std.it.ssh
use std.devices.{{Plc, Server}}
zone plant {{ {zone} }}
zone room {{ }}
network plant_net {{ zone = plant, subnet = 10.1.0.0/24, accept_gap = "test" }}
network room_net {{ zone = room, subnet = 10.2.0.0/24, accept_gap = "test" }}
gateway gw {{
    {gateway}
    serves = [ssh]
    interface eth0 {{ network = plant_net, address = 10.1.0.1 }}
    interface eth1 {{ network = room_net, address = 10.2.0.1 }}
}}
conduit all between plant, room {{ carries = [bacnet, coap, modbus, ssh] }}
device server {{ network = room_net, address = 10.2.0.5, integrity = safety }}
device plc {{ network = plant_net, address = 10.1.0.5, capability = SL3, serves = [bacnet, coap, modbus] }}
device near {{ network = plant_net, address = 10.1.0.6, capability = SL3, integrity = safety }}
policy p {{
    allow server -> gw : ssh
    {flows}
}}
"#
    );
    let manifest = "[package]\nname = \"test\"\nversion = \"0.1.0\"\nedition = \"2026\"\n";
    analyze(&Sources::new(manifest, vec![("plant.weir".into(), text.into_bytes())]), 0)
}

fn rules(analysis: &Analysis) -> Vec<PlanRule> {
    let plan = analysis.plan.as_ref();
    let plan = plan.unwrap_or_else(|| unreachable!("{:#?}", analysis.diagnostics));
    plan.gateways[0].rules.iter().filter(|rule| rule.services[0].first != 22).cloned().collect()
}

/// What the one flow of a package becomes.
fn held(zone: &str, flow: &str) -> OperationMatch {
    let analysis = package(zone, "enforces = nftables", flow);
    let rules = rules(&analysis);
    assert_eq!(rules.len(), 1, "{rules:#?}");
    rules[0].action.operations.as_deref().cloned().unwrap()
}

/// The help of the one E0601 that a package gives.
fn unmet(zone: &str, gateway: &str, flow: &str) -> String {
    let analysis = package(zone, gateway, flow);
    assert!(analysis.plan.is_none());
    let found: Vec<_> = analysis.diagnostics.iter().filter(|d| d.code.id == "E0601").collect();
    assert_eq!(found.len(), 1, "{:#?}", analysis.diagnostics);
    format!("{:?}", found[0])
}

const FILTER: &str = "enforces = nftables";

fn request(functions: &[u16], items: Option<(u16, u16)>, value: Option<u16>) -> RequestMatch {
    RequestMatch { functions: functions.to_vec(), items, value }
}

#[test]
fn datagrams_at_any_level() {
    for zone in ["", "target_level = SL1", "target_level = SL3"] {
        let read = held(zone, "allow server -> plc : bacnet.read");
        assert_eq!(read.protocol, PayloadProtocol::BacnetIp);
        assert_eq!(read.requests, [request(&[5, 6, 12, 14, 26, 28], None, None)]);
        let get = held(zone, "allow server -> plc : coap.get");
        assert_eq!((get.protocol, get.requests), (PayloadProtocol::Coap, vec![request(&[1, 5], None, None)]));
    }
}

#[test]
fn streams_below_sl2_only() {
    for zone in ["", "target_level = SL1"] {
        let read = held(zone, "allow server -> plc : modbus.read");
        assert_eq!(read.protocol, PayloadProtocol::ModbusTcp);
        assert_eq!(read.requests, [request(&[1, 2, 3, 4, 20, 24], None, None)]);
    }
    let help = unmet("target_level = SL2", FILTER, "allow server -> plc : modbus.read");
    assert!(help.contains("demands SL2") && help.contains("`enforces = modbus`"), "{help}");
    // a zone around it counts as well
    let analysis = package(
        "parent = outer }\nzone outer { target_level = SL2",
        FILTER,
        "allow server -> plc : modbus.read",
    );
    assert!(analysis.diagnostics.iter().any(|d| d.code.id == "E0601"), "{:#?}", analysis.diagnostics);
    // without an operation, ports are enough
    let plain = package("target_level = SL2", FILTER, "allow server -> plc : modbus");
    assert!(rules(&plain)[0].action.operations.is_none());
}

#[test]
fn arguments_are_exact_or_refused() {
    let flow = "allow server -> plc : modbus.write(coil 17 = on) { limit = 6/min }";
    assert_eq!(held("", flow).requests, [request(&[5], Some((17, 17)), Some(0xff00))]);
    let flow = "allow server -> plc : modbus.write(coil 17 = off)";
    assert_eq!(held("", flow).requests, [request(&[5], Some((17, 17)), Some(0))]);
    let flow = "allow server -> plc : modbus.write(register 40 = 1500)";
    assert_eq!(held("", flow).requests, [request(&[6], Some((40, 40)), Some(1500))]);
    let flow = "allow server -> plc : modbus.read(registers 0..9, coils 4)";
    assert_eq!(
        held("", flow).requests,
        [request(&[1], Some((4, 4)), None), request(&[3], Some((0, 9)), None)]
    );
    let help = unmet("", FILTER, "allow server -> plc : coap.get(\"/a\")");
    assert!(help.contains("no fixed place"), "{help}");
    let help = unmet("", FILTER, "allow server -> plc : modbus.write(coil 17 = 5)");
    assert!(help.contains("no value"), "{help}");
}

#[test]
fn a_deny_leaves_the_other_operations() {
    let left = held("", "allow server -> plc : bacnet\n deny server -> plc : bacnet.write | bacnet.program");
    let functions: Vec<u16> = left.requests.iter().flat_map(|request| request.functions.clone()).collect();
    assert!(functions.contains(&12) && functions.contains(&20) && functions.contains(&0x1008));
    for denied in [7, 8, 9, 10, 11, 15, 16, 18, 0x1004, 0x100a] {
        assert!(!functions.contains(&denied), "{denied}");
    }
    let part = "allow server -> plc : modbus\n deny server -> plc : modbus.write(coil 17 = off)";
    assert!(unmet("", FILTER, part).contains("a part of `write`"));
}

#[test]
fn every_path_needs_a_filter() {
    unmet("", FILTER, "allow near -> plc : bacnet.read");
    unmet("", FILTER, "allow near -> plc : modbus.read");
    // one of two paths of equal length
    let other = "}\ngateway other {\n interface eth0 { network = plant_net, address = 10.1.0.2 }\n \
                 interface eth1 { network = room_net, address = 10.2.0.2 }\n}\nzone more {";
    let found = package(other, FILTER, "allow server -> plc : bacnet.read").diagnostics;
    let errors: Vec<&str> = found.iter().map(|d| d.code.id).filter(|id| id.starts_with('E')).collect();
    assert_eq!(errors, ["E0505"], "{found:#?}");
}

#[test]
fn a_proxy_comes_first_unless_via_says_otherwise() {
    let proxy = "}\ngateway proxy {\n enforces = modbus\n \
                 interface eth0 { network = plant_net, address = 10.1.0.9 }\n}\nzone more {";
    let rules_of = |flow: &str| rules(&package(proxy, FILTER, flow));
    let by_proxy = rules_of("allow server -> plc : modbus.read");
    assert!(by_proxy.iter().all(|rule| rule.action.operations.is_none()), "{by_proxy:#?}");
    let by_filter = rules_of("allow server -> plc : modbus.read { via = gw }");
    assert!(by_filter.iter().all(|rule| rule.action.operations.is_some()), "{by_filter:#?}");
    // it parses Modbus, not CoAP
    assert!(rules_of("allow server -> plc : coap.get")[0].action.operations.is_some());
}
