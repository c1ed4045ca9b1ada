//! One mistake, one diagnostic: each line of the table breaks the water works in one place.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use weir_robustness::Package;

/// What to replace, by what, the code, and the text under the primary span.
type Mistake = (&'static str, &'static str, &'static str, &'static str);

const TABLE: &[Mistake] = &[
    // Words
    ("zone pumping {", "zoen pumping {", "E0206", "zoen"),
    ("device panel :", "devise panel :", "E0206", "devise"),
    ("policy pump_house {", "polcy pump_house {", "E0206", "polcy"),
    ("    allow panel ->", "    alow panel ->", "E0101", "->"),
    ("assert allow operator", "assert alow operator", "E0302", "alow"),
    ("target_level = SL1 }\n\n/// The room", "target_levle = SL1 }\n\n/// The room", "E0207", "target_levle"),
    ("purdue = 1, target_level = SL1", "purdue = 1, target_level = SL5", "E0302", "SL5"),
    (
        "enforces = nftables\n    serves = [ssh, ping]\n    integrity = verified\n    interface eth0 { network = pump_net",
        "enforces = nftable\n    serves = [ssh, ping]\n    integrity = verified\n    interface eth0 { network = pump_net",
        "E0302",
        "nftable",
    ),
    (
        "integrity = verified\n    interface eth0 { network = room_net",
        "integrity = verifed\n    interface eth0 { network = room_net",
        "E0302",
        "verifed",
    ),
    // Names
    ("pump_plc : Plc", "pump_plc : Plcc", "E0202", "Plcc"),
    ("level : Sensor", "level : sensor", "E0202", "sensor"),
    (
        "{https, ntp, ping, ssh}\nuse std.devices",
        "{https, ntp, pong, ping, ssh}\nuse std.devices",
        "E0205",
        "pong",
    ),
    ("allow operator -> scada", "allow operater -> scada", "E0202", "operater"),
    ("pump_plc : opcua\n}", "pump_plc : opcuaa\n}", "E0202", "opcuaa"),
    ("zone = office\n", "zone = ofice\n", "E0202", "ofice"),
    ("interface eth1 { network = office_net", "interface eth1 { network = ofice_net", "E0202", "ofice_net"),
    ("panel : Hmi { network = pump_net", "panel : Hmi { network = pumpnet", "E0202", "pumpnet"),
    ("between control_room, office", "between control_room, ofice", "E0202", "ofice"),
    ("assert never desk", "assert never desks", "E0202", "desks"),
    ("pump_net.host(20", "pmp_net.host(20", "E0202", "pmp_net"),
    ("pump_net.host(20", "pump_net.hst(20", "E0304", "hst"),
    ("serves = [opcua] }", "serves = [opcuaa] }", "E0202", "opcuaa"),
    ("pump | level : modbus", "pump[9] | level : modbus", "E0213", "9"),
    ("allow panel -> pump_plc", "allow panel[1] -> pump_plc", "E0213", "1"),
    ("zone = pumping\n", "zone = pump_net\n", "E0203", "pump_net"),
    ("allow desk -> reports : https", "allow desk -> reports : reports", "E0203", "reports"),
    ("allow desk -> reports : https", "allow https -> reports : https", "E0203", "https"),
    ("device clock : TimeServer", "device clock : room_net", "E0203", "room_net"),
    ("policy figures {", "policy control {", "E0201", "control"),
    ("allow scada -> pump_plc : opcua {", "allow scada -> pump_plc : opcua.rad {", "E0307", "rad"),
    // Brackets, strings, literals
    (
        "zone control_room { purdue = 3, target_level = SL1 }",
        "zone control_room { purdue = 3, target_level = SL1",
        "E0104",
        "{",
    ),
    ("carries = [opcua, ntp] }", "carries = [opcua, ntp }", "E0104", "["),
    ("desk ~> pump", "desk ~> pump }", "E0104", "}"),
    ("\"desks of one floor\"", "\"desks of one floor", "E0105", "\"desks of one floor"),
    ("\"desks of one floor\"", "\"desks \\q\"", "E0105", "\\q"),
    ("\"desks of one floor\"", "\"desks {floor\"", "E0105", "{floor"),
    ("\"desks of one floor\"", "\"desks {floor}\"", "E0202", "{floor}"),
    ("address = 10.1.0.10,", "address = 10.1.0.300,", "E0103", "10.1.0.300"),
    ("purdue = 1,", "purdue = 9,", "E0303", "9"),
    ("purdue = 1,", "purdue = \"one\",", "E0301", "\"one\""),
    ("purdue = 1,", "purdue = ,", "E0101", "="),
    ("pump[1..4]", "pump[0..4]", "E0303", "0..4"),
    ("limit = 20/s", "limit = 20 ms", "E0301", "20 ms"),
    ("limit = 20/s", "limit = 0/s", "E0303", "0/s"),
    ("log = true }\n    allow operator", "log = yes }\n    allow operator", "E0202", "yes"),
    ("purdue = 1, target", "purdue = 1, purdue = 1, target", "E0208", "purdue"),
    ("zone = pumping\n", "", "E0209", "pump_net"),
    // Addresses
    ("address = 10.1.0.10,", "address = 10.9.0.10,", "E0401", "address = 10.9.0.10"),
    ("address = 10.1.0.30", "address = 10.1.0.10", "E0402", "address = 10.1.0.10"),
    ("address = 10.1.0.30", "address = 10.1.0.255", "E0404", "address = 10.1.0.255"),
    ("subnet = 10.3.0.0/24", "subnet = 10.3.0.0/25, subnet = 10.3.0.0/24", "E0208", "subnet"),
    ("device panel : Hmi { network = pump_net, ", "device panel : Hmi { ", "E0409", "panel"),
    // Policy
    ("allow panel -> pump_plc", "allow desk -> pump_plc", "E0501", "allow desk -> pump_plc : opcua"),
    ("carries = [opcua, ntp]", "carries = [ntp]", "E0502", "opcua"),
    ("serves = [https, opcua_pubsub]", "serves = [opcua_pubsub]", "E0506", "reports"),
    ("assert only scada | panel", "assert only scada", "E0701", "assert only scada -> pump_plc : opcua"),
    ("allow desk -> reports", "allow desk & pump -> reports", "E0507", "desk & pump"),
    ("subnet = 10.1.0.0/24", "subnet = 10.1.0.0/33", "E0103", "10.1.0.0/33"),
    ("subnet = 10.1.0.0/24", "subnet = 10.1.0.1/24", "E0303", "10.1.0.1/24"),
];

/// The code and more: what still says several things of one mistake. Rows move up as that is mended.
const SEVERAL: &[Mistake] = &[
    ("assert only", "asert only", "E0101", "asert"),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "uses std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "E0101",
        "uses",
    ),
    ("between control_room, pumping", "betwen control_room, pumping", "E0101", "betwen"),
    ("carries = [opcua, ntp]", "carry = [opcua, ntp]", "E0207", "carry"),
    ("device panel :", "device level :", "E0201", "level"),
    ("zone office {", "zone pumping {", "E0201", "pumping"),
    ("= pump_net.host(20 + index)", "= pump_net.host(20 + index", "E0104", "("),
];

/// The package with one place changed; the text has to be there.
fn broken(from: &str, to: &str) -> Package {
    let mut package = Package::example("water_works").unwrap();
    let mut places = 0;
    for (_, bytes) in &mut package.files {
        let text = String::from_utf8(bytes.clone()).unwrap();
        if places == 0 && text.contains(from) {
            places += 1;
            *bytes = text.replacen(from, to, 1).into_bytes();
        }
    }
    assert_eq!(places, 1, "the water works has no {from:?}");
    package
}

#[test]
fn one_diagnostic() {
    let mut wrong = Vec::new();
    for (from, to, code, place) in TABLE {
        let outcome = broken(from, to).compile().unwrap();
        let errors: Vec<_> = outcome
            .diagnostics
            .iter()
            .zip(&outcome.places)
            .filter(|(diagnostic, _)| diagnostic.code.id.starts_with('E'))
            .map(|(diagnostic, place)| (diagnostic.code.id, place.as_str()))
            .collect();
        if errors != [(*code, *place)] {
            wrong.push(format!("{from:?} -> {to:?}: expected {code} at {place:?}\n{}", outcome.summary()));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n\n{}", wrong.len(), TABLE.len(), wrong.join("\n\n"));
}

#[test]
fn several_diagnostics() {
    for (from, to, code, _) in SEVERAL {
        let outcome = broken(from, to).compile().unwrap();
        let errors = outcome.errors();
        let known = errors.contains(code) || errors.contains(&"E0206");
        assert!(known && errors.len() > 1, "{from:?} -> {to:?}: move it up?\n{}", outcome.summary());
    }
}

#[test]
fn the_package_itself_is_fine() {
    let outcome = Package::example("water_works").unwrap().compile().unwrap();
    assert!(outcome.errors().is_empty(), "{}", outcome.summary());
}
