//! Who verifies a source, which commands are safe, and what nothing separates.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use weir_compiler::{Analysis, Sources, analyze, plan::GapKind};

/// An office and a cell with a packet filter between; declarations and flows are the test's.
fn package(rest: &str) -> Analysis {
    let text = format!(
        r#"
use std.ot.{{modbus, opcua, s7}}
use std.it.{{https, ssh}}
zone office {{ purdue = 4 }}
zone cell {{ purdue = 1 }}
network office_net {{ zone = office, subnet = 10.1.0.0/24, accept_gap = "desks" }}
network cell_net {{ zone = cell, subnet = 10.2.0.0/24, accept_gap = "one machine" }}
gateway gw {{
    enforces = nftables
    serves = [ssh]
    interface eth0 {{ network = office_net, address = 10.1.0.1 }}
    interface eth1 {{ network = cell_net, address = 10.2.0.1 }}
}}
conduit all between office, cell {{ carries = [any] }}
device admin {{ network = cell_net, address = 10.2.0.250, integrity = verified }}
allow admin -> gw : ssh
{rest}
"#
    );
    let manifest = "[package]\nname = \"test\"\nversion = \"0.1.0\"\nedition = \"2026\"\n";
    analyze(&Sources::new(manifest, vec![("plant.weir".into(), text.into_bytes())]), 0)
}

fn errors(analysis: &Analysis) -> Vec<&str> {
    let errors = analysis.diagnostics.iter().filter(|diagnostic| diagnostic.code.id.starts_with('E'));
    errors.map(|diagnostic| diagnostic.code.id).collect()
}

const STATION: &str = r#"
device station {
    network = office_net, address = 10.1.0.10, integrity = field, identity = x509(san = "station.example")
}
device plc { network = cell_net, address = 10.2.0.10, serves = [opcua, modbus] }
"#;

fn proxy(name: &str, host: u8) -> String {
    format!(
        "gateway {name} {{\n enforces = envoy\n integrity = verified\n \
         interface eth0 {{ network = cell_net, address = 10.2.0.{host} }}\n}}\n"
    )
}

#[test]
fn the_one_proxy_that_verifies_is_taken() {
    let flow = "allow station -> plc : opcua { requires = certified }";
    assert_eq!(errors(&package(&format!("{STATION}{flow}"))), ["E0602"]);

    let analysis = package(&format!("{STATION}{}{flow}", proxy("envoy_a", 20)));
    assert_eq!(errors(&analysis), [""; 0], "{:#?}", analysis.diagnostics);
    let facts = analysis.facts.unwrap();
    let led = facts.proxies.iter().flatten().map(|id| facts.model.principal(*id).name.as_str());
    assert_eq!(led.collect::<Vec<_>>(), ["envoy_a"]);
    let direct = analysis.plan.unwrap();
    let plc = "10.2.0.10".parse().unwrap();
    let to_the_plc = |rule: &weir_compiler::plan::PlanRule| rule.destinations.contains(plc);
    assert!(!direct.gateways[0].rules.iter().any(to_the_plc), "the direct way stays closed");

    let two = format!("{STATION}{}{}{flow}", proxy("envoy_a", 20), proxy("envoy_b", 21));
    assert_eq!(errors(&package(&two)), ["E0513"]);
    let named = flow.replace("certified }", "certified, via = envoy_b }");
    let two = format!("{STATION}{}{}{named}", proxy("envoy_a", 20), proxy("envoy_b", 21));
    assert_eq!(errors(&package(&two)), [""; 0]);
}

#[test]
fn nobody_takes_a_detour_that_is_not_needed() {
    let flow = "allow station -> plc : opcua { requires = address }";
    let analysis = package(&format!("{STATION}{}{flow}", proxy("envoy_a", 20)));
    assert_eq!(errors(&analysis), [""; 0]);
    assert!(analysis.facts.unwrap().proxies.iter().all(Option::is_none));
}

#[test]
fn a_proxy_is_one_more_source() {
    let weak = proxy("envoy_a", 20).replace("integrity = verified", "integrity = untrusted");
    let flow = "allow station -> plc : opcua { via = envoy_a }";
    assert_eq!(errors(&package(&format!("{STATION}{weak}{flow}"))), ["E0515"]);
    assert_eq!(errors(&package(&format!("{STATION}{}{flow}", proxy("envoy_a", 20)))), [""; 0]);
}

#[test]
fn a_reference_is_no_hardware() {
    let flow = "allow station -> plc : opcua { requires = hardware }";
    let keyed = |key: &str| {
        let station = STATION.replace("example\")", &format!("example\", key = {key})"));
        package(&format!("{station}{}{flow}", proxy("envoy_a", 20)))
    };
    assert_eq!(errors(&keyed("hardware")), [""; 0]);
    assert_eq!(errors(&keyed("ref(\"hardware\")")), ["E0602"]);
    assert_eq!(errors(&keyed("software")), ["E0602"]);
}

/// A trip system with safe coils, and what a voter may write.
fn trip(safe: &str, write: &str) -> Analysis {
    package(&format!(
        "device voter {{ network = office_net, address = 10.1.0.11, integrity = verified }}\n\
         device trip {{\n network = cell_net, address = 10.2.0.11, serves = [modbus], enforces = modbus\n\
         integrity = safety, safe = [{safe}]\n}}\n\
         allow voter -> trip : {write} {{ limit = 6/min }}\n"
    ))
}

#[test]
fn safe_commands_cover_what_is_narrower() {
    for (safe, write) in [
        ("modbus.write(coils 100..103)", "modbus.write(coils 100..103)"),
        ("modbus.write(coils 100..103)", "modbus.write(coils 101..102)"),
        ("modbus.write(coils 100..103)", "modbus.write(coil 101 = on)"),
        ("modbus.write(coil 17 = on)", "modbus.write(coil 17 = on)"),
        ("modbus.write", "modbus.write(registers 7..9)"),
        ("modbus.write(coils 1..4), modbus.write(coils 9..9)", "modbus.write(coils 2..3, coils 9..9)"),
    ] {
        assert_eq!(errors(&trip(safe, write)), [""; 0], "{write} within {safe}");
    }
    for (safe, write) in [
        ("modbus.write(coils 100..103)", "modbus.write(coils 99..103)"),
        ("modbus.write(coils 100..103)", "modbus.write(registers 100..103)"),
        ("modbus.write(coils 100..103)", "modbus.write"),
        ("modbus.write(coils 100..103)", "modbus"),
        ("modbus.write(coil 17 = on)", "modbus.write(coil 17 = off)"),
        ("modbus.write(coil 17 = on)", "modbus.write(coils 17..17)"),
        ("modbus.write(coils 1..4)", "modbus.write(coils 2..3, coils 9..9)"),
    ] {
        assert_eq!(errors(&trip(safe, write)), ["E0515"], "{write} within {safe}");
    }
}

#[test]
fn who_programs_an_endorser_decides_what_it_endorses() {
    let voter = |service: &str| {
        package(&format!(
            "protocol load {{ transport = tcp/9000\n operation program {{ effect = manage }} }}\n\
             protocol feed {{ transport = tcp/9001\n operation publish {{ effect = publish }} }}\n\
             device station {{ network = office_net, address = 10.1.0.10, integrity = field }}\n\
             device voter {{\n network = cell_net, address = 10.2.0.11, serves = [load, feed]\n\
             endorses = field -> verified\n}}\n\
             allow station -> voter : {service}\n"
        ))
    };
    assert_eq!(errors(&voter("feed")), [""; 0]);
    assert_eq!(errors(&voter("load")), ["E0515"]);
}

#[test]
fn protocols_on_one_port_are_one_flow() {
    let plc = |serves: &str| {
        package(&format!(
            "protocol view {{ transport = tcp/102\n operation read {{ effect = observe }} }}\n\
             device desk {{ network = office_net, address = 10.1.0.10 }}\n\
             device plc {{ network = cell_net, address = 10.2.0.10, serves = [{serves}] }}\n\
             allow desk -> plc : view\n"
        ))
    };
    assert_eq!(errors(&plc("view")), [""; 0]);
    assert_eq!(errors(&plc("view, s7")), ["E0515"], "whoever reads by port 102 can program by it");
    assert_eq!(errors(&plc("view, s7 on tcp/1102")), [""; 0]);
}

#[test]
fn gaps_are_facts_whether_they_are_accepted_or_not() {
    let cluster = |accept: &str| {
        package(&format!(
            "cluster edge {{ zone = cell, nodes = cell_net, pods = 10.42.0.0/16, egress = masquerade{accept} }}\n\
             workload own in edge {{ namespace = \"a\" }}\n\
             workload agent in edge {{ namespace = \"a\", host_network = true }}\n"
        ))
    };
    let kinds = |analysis: &Analysis| {
        let gaps = &analysis.plan.as_ref().unwrap().gaps;
        gaps.iter().map(|gap| (gap.kind, gap.accepted.is_some())).collect::<Vec<_>>()
    };
    let warnings = |analysis: &Analysis| analysis.diagnostics.iter().filter(|d| d.code.id == "W0601").count();
    let open = cluster("");
    let expected = [GapKind::SharedAddress, GapKind::Node, GapKind::HostNetwork];
    assert_eq!(kinds(&open), expected.map(|kind| (kind, false)), "{:#?}", open.diagnostics);
    assert_eq!(warnings(&open), 3);
    let accepted = cluster(", accept_gap = \"one team\"");
    assert_eq!(kinds(&accepted), expected.map(|kind| (kind, true)));
    assert_eq!(warnings(&accepted), 0);
}

#[test]
fn a_proxy_on_a_segment_is_one_of_its_stations() {
    let analysis = package(&format!("{STATION}{}", proxy("envoy_a", 20)));
    let gaps = &analysis.plan.as_ref().unwrap().gaps;
    let facts = analysis.facts.as_ref().unwrap();
    let cell = gaps.iter().find(|gap| gap.place == "cell_net").unwrap();
    let names: Vec<&str> = cell.who.members().map(|id| facts.model.principal(id).name.as_str()).collect();
    assert_eq!(names, ["admin", "plc", "envoy_a"]);
    assert_eq!(cell.accepted.as_deref(), Some("one machine"));
}
