//! `weir import inventory`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Folder, SITE};

const TABLE: &str = "\u{feff}Asset;Kind;IP Address;Hardware address;Segment;Open ports;Make;Risk;Remarks\r
PLC-07;PLC;10.1.0.7;00-1B-1B-AA-00-01;VLAN 30;Modbus/TCP, 9000/tcp;\"Siemens \"\"AG\"\"\";A;\r
HMI 1;panel;10.1.0.8;;VLAN 30;https;;B;\"two\r
lines\"\r
PLC_07;PLC;10.2.0.9;;;502;;;\r
";

const MAPPING: &str = "columns: { name: Asset, class: Kind, mac: Hardware address, network: Segment, serves: Open ports, criticality: Risk }
classes: { panel: Hmi }
networks: { VLAN 30: iot_net, 10.2.0.0/24: office_net }
protocols: { Modbus/TCP: modbus }
criticality: { A: high, B: low }
";

#[test]
fn inventories_become_devices() {
    let folder = Folder::package();
    folder.write("plant.weir", SITE);
    folder.write("assets.csv", TABLE);
    folder.write("mapping.yaml", MAPPING);
    let run = folder.weir(&[
        "import",
        "inventory",
        "assets.csv",
        "--mapping",
        "mapping.yaml",
        "-o",
        "devices.weir",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = folder.read("devices.weir");
    for part in [
        "use std.devices.{Hmi, Plc}",
        "use std.it.{https}",
        "use std.ot.{modbus}",
        "device plc_07 : Plc {",
        "device plc_07_2 : Plc {",
        "name = \"PLC-07\"",
        "mac = 00:1b:1b:aa:00:01",
        "serves = [modbus, tcp_9000]",
        "vendor = \"Siemens \\\"AG\\\"\"",
        "criticality = high",
        "network = office_net",
        "/// HMI 1 (assets.csv:3)",
        "column `Remarks`: nothing of a device is known by this name",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let run = folder.weir(&["check"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for (file, list) in [
        (
            "assets.json",
            r#"{"assets": [{"hostname": "a", "ip": "10.1.0.9", "network": "iot_net", "fw": {"version": 2.10}}]}"#,
        ),
        ("assets.yaml", "- { hostname: a, ip: 10.1.0.9, network: iot_net, fw: { version: 2.10 } }\n"),
    ] {
        folder.write(file, list);
        let run = folder.weir(&["import", "inventory", file]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        for part in ["device a {", "address = 10.1.0.9", "network = iot_net", "column `fw.version`"] {
            assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
        }
    }
}

#[test]
fn inventories_that_are_wrong() {
    let folder = Folder::new();
    for (table, mapping, place, part) in [
        (
            TABLE.to_owned(),
            MAPPING.replace("name: Asset", "name: Assets"),
            "mapping.yaml:1:18",
            "did you mean `Asset`?",
        ),
        (
            TABLE.to_owned(),
            MAPPING.replace("panel: Hmi", "panel: \"Hmi {\""),
            "mapping.yaml:2:",
            "no name in Weir",
        ),
        (
            TABLE.to_owned(),
            MAPPING.replace("TCP: modbus", "TCP: modbuss"),
            "mapping.yaml:4:",
            "did you mean `modbus`?",
        ),
        (
            TABLE.to_owned(),
            MAPPING.replace("columns:", "colums:"),
            "mapping.yaml:1:1",
            "did you mean `columns`?",
        ),
        (TABLE.replace("lines\"", "lines"), MAPPING.into(), "assets.csv:3:", "a quote is not closed"),
        (
            TABLE.replace(";10.1.0.8;", ";10.1.0.800;"),
            MAPPING.into(),
            "assets.csv:3:13",
            "`10.1.0.800` is no address",
        ),
        (TABLE.replace("00-1B-1B", "00-1B"), MAPPING.into(), "assets.csv:2:", "no MAC address"),
        (TABLE.replace("HMI 1;panel", "HMI 1"), MAPPING.into(), "assets.csv:3:", "8 of the 9 cells"),
        (
            TABLE.replace("B;\"two", "B;x;y;\"two"),
            MAPPING.into(),
            "assets.csv:3:",
            "more cells than the 9 columns",
        ),
        (
            TABLE[..20].to_owned(),
            MAPPING.into(),
            "assets.csv:1:",
            "the inventory has no column `Hardware address`",
        ),
        (String::new(), MAPPING.into(), "assets.csv:1:1", "the table is empty"),
    ] {
        folder.write("assets.csv", &table);
        folder.write("mapping.yaml", &mapping);
        let run = folder.weir(&["import", "inventory", "assets.csv", "--mapping", "mapping.yaml"]);
        assert_eq!(run.code, 1, "{part}: {}", run.stdout);
        assert!(run.stderr.contains(place) && run.stderr.contains(part), "{place} {part}\n{}", run.stderr);
    }
}

/// The columns of NetBox's list of devices, and of an export of its interface for programs; a range of addresses in a cell.
#[test]
fn columns_of_real_exports() {
    let folder = Folder::new();
    folder.write(
        "list.csv",
        "Name,Status,Site,Role,Manufacturer,Type,IP Address\nplc-1,Active,Nord,PLC,Siemens,S7-1500,10.1.0.20/24\n",
    );
    folder.write(
        "export.csv",
        "name,device_role,manufacturer,device_type,primary_ip4,site\nplc-2,plc,Siemens,S7-1200,10.1.0.21,nord\n",
    );
    folder.write("groups.csv", "Hostname,IP address\nhmis,10.1.0.50-10.1.0.54\n");
    let run = folder.weir(&["import", "inventory", "list.csv", "export.csv", "groups.csv"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for part in [
        "device plc_1 : Plc {\n    name = \"plc-1\"\n    address = 10.1.0.20\n    vendor = \"Siemens\"\n    model = \"S7-1500\"\n    location = \"Nord\"\n",
        "device plc_2 : Plc {\n    name = \"plc-2\"\n    address = 10.1.0.21\n    vendor = \"Siemens\"\n    model = \"S7-1200\"\n",
        "column `Status`: nothing of a device is known by this name",
        "the addresses `10.1.0.50-10.1.0.54` of `hmis`: a device has single addresses",
        "Of 3 devices 3 are said; 3 parts of what is said, or beside it, are listed, too.",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
    folder.write(
        "both.csv",
        "device_id,role,ipv4,ipv6,site_name\nsrv,server,192.0.2.5/24,2001:db8::5/64,TUL01\n",
    );
    let run = folder.weir(&["import", "inventory", "both.csv"]);
    assert!(run.stdout.contains("address = [192.0.2.5, 2001:db8::5]"), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("location = \"TUL01\""), "{}", run.stdout);
    // of two columns that say the same, one is meant, and the other is listed
    folder.write("two.csv", "Name,Location,Site,IP\na,Hall 1,Nord,10.1.0.20\n");
    let run = folder.weir(&["import", "inventory", "two.csv"]);
    assert!(run.stdout.contains("location = \"Hall 1\""), "{}", run.stdout);
    assert!(run.stdout.contains("column `Site`: another column says this of a device"), "{}", run.stdout);
}
