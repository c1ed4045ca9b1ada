//! `weir diff` of built trees, from outside: what an edit of a package, or of a file of a tree, comes to. Nothing that permits
//! more may come out as nothing or as narrower.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use std::{fs, path::Path};

use common::Folder;

const SAME: u8 = 0;
const NARROWED: u8 = 4;
const WIDENED: u8 = 5;

/// What is exchanged: path, text, other text. Without a text, the file is removed; a star at the end of a path stands for
/// the rest of a file's name.
type Edit = (&'static str, &'static str, &'static str);
/// Exit code, what is said, and the edits.
type Row = (u8, &'static str, &'static [Edit]);

fn example(folder: &Folder, name: &str) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    common::copy(&examples.join(name), &folder.path(name));
}

/// A core of SD-Core with one slice, and a gateway that is its user plane.
fn sd_core(folder: &Folder) {
    folder.write(
        "sd_core/weir.toml",
        "[package]\nname = \"sd_core\"\nversion = \"1.0.0\"\nedition = \"2026\"\n",
    );
    let plant = include_str!("../../targets/5g/tests/plant.weir")
        .replace("product = open5gs, version = \"2.7\"", "product = sdcore")
        .replace("purdue = 1", "purdue = 3")
        .replace("    security { integrity = required, confidentiality = required }\n", "")
        .replace("arp = 2", "arp = 10")
        .replace("five_qi = 83, gfbr = 500 Kbps, mfbr = 500 Kbps", "five_qi = 7, mfbr = 500 Kbps");
    folder.write("sd_core/plant.weir", plant);
}

fn build(folder: &Folder, package: &str, tree: &str) {
    let run = folder.weir(&["build", "-q", package, "-o", tree]);
    assert_eq!(run.code, 0, "{package}: {}", run.stderr);
}

/// The path of a file below a folder, which may be given by how it begins.
fn find(folder: &Folder, root: &str, path: &str) -> String {
    let Some(start) = path.strip_suffix('*') else { return format!("{root}/{path}") };
    let (below, start) = start.rsplit_once('/').unwrap();
    let name = folder.names(&format!("{root}/{below}")).into_iter().find(|name| name.starts_with(start));
    format!("{root}/{below}/{}", name.unwrap_or_else(|| panic!("nothing begins with {path}")))
}

fn edit(folder: &Folder, root: &str, edits: &[Edit]) {
    for (path, from, to) in edits {
        let path = find(folder, root, path);
        if from.is_empty() && to.is_empty() {
            fs::remove_file(folder.path(&path)).unwrap();
        } else if from.is_empty() {
            folder.write(&path, to);
        } else {
            let text = folder.read(&path);
            assert!(text.contains(from), "{path} has no {from}");
            folder.write(&path, text.replacen(from, to, 1));
        }
    }
}

/// Exit code and report of both directions.
fn judged(folder: &Folder, old: &str, new: &str) -> [(u8, String); 2] {
    [[old, new], [new, old]].map(|[old, new]| {
        let run = folder.weir(&["diff", old, new]);
        (u8::try_from(run.code).unwrap(), run.stdout + &run.stderr)
    })
}

/// Each row is judged both ways: what is narrower one way is wider the other way.
fn hold(folder: &Folder, rows: &[Row], mut make: impl FnMut(&[Edit]) -> (String, String)) {
    let mut wrong = Vec::new();
    for (code, said, edits) in rows {
        let (old, new) = make(edits);
        let [(there, report), (back, other)] = judged(folder, &old, &new);
        if there != *code || !report.contains(said) {
            wrong.push(format!("{edits:?}: {there} and not {code}, or not said: {said}\n{report}"));
        }
        let fits = match *code {
            SAME => back == SAME,
            NARROWED => back == WIDENED,
            _ => back != SAME,
        };
        if !fits {
            wrong.push(format!("back from {edits:?}: {back}\n{other}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n\n"));
}

/// Edits of a package that is built before and after.
fn packages(name: &'static str, folder: &Folder, rows: &[Row]) {
    build(folder, name, "before");
    let made = format!("{name}_edited");
    hold(folder, rows, |edits| {
        for made in [folder.path(&made), folder.path("after")] {
            if made.exists() {
                fs::remove_dir_all(made).unwrap();
            }
        }
        common::copy(&folder.path(name), &folder.path(&made));
        edit(folder, &made, edits);
        build(folder, &made, "after");
        ("before".into(), "after".into())
    });
}

/// Edits of files of a tree. What is loaded without a gap is not there, so that one file says what holds.
fn files(name: &'static str, folder: &Folder, rows: &[Row]) {
    build(folder, name, "before");
    if folder.path("before/nftables").exists() {
        for name in folder.names("before/nftables").iter().filter(|name| name.ends_with(".d")) {
            fs::remove_dir_all(folder.path(&format!("before/nftables/{name}"))).unwrap();
        }
    }
    hold(folder, rows, |edits| {
        if folder.path("after").exists() {
            fs::remove_dir_all(folder.path("after")).unwrap();
        }
        common::copy(&folder.path("before"), &folder.path("after"));
        edit(folder, "after", edits);
        ("before".into(), "after".into())
    });
}

const VIBRATION: &str = "policies/vibration.weir";
const PROCESS: &str = "policies/process.weir";

#[test]
fn packages_of_the_hall() {
    let folder = Folder::new();
    example(&folder, "turbine_hall");
    packages(
        "turbine_hall",
        &folder,
        &[
            (
                SAME,
                "what is permitted stays the same",
                &[(VIBRATION, "policy vibration", "policy vibrations")],
            ),
            (WIDENED, "APPID 0x4002", &[(PROCESS, "0x4000..0x4001", "0x4000..0x4002")]),
            (NARROWED, "APPID 0x4001", &[(PROCESS, "0x4000..0x4001", "0x4000..0x4000")]),
            (NARROWED, "limit 50/s -> limit 40/s", &[(VIBRATION, "limit = 50/s", "limit = 40/s")]),
            (
                WIDENED,
                "limit 50/s -> limit 3000/min (wider)",
                &[(VIBRATION, "limit = 50/s", "limit = 3000/min")],
            ),
            (WIDENED, "pod telemetry/", &[("edge.weir", ", tier = \"web\"", "")]),
            (
                WIDENED,
                "everybody of https://login.nord.example",
                &[("rooms.weir", "\"process-engineers\"", "\"everybody\"")],
            ),
            (WIDENED, "without certificates", &[("rooms.weir", "\"process-engineers\"", "\"everybody\"")]),
            (WIDENED, "telemetry/voter9", &[("edge.weir", "telemetry/voter\")", "telemetry/voter9\")")]),
            (WIDENED, "guard rail", &[("weir.toml", "guard-rails", "# guard-rails")]),
            (WIDENED, "with other hardware addresses", &[("turbine.weir", "10:00:10", "10:00:11")]),
            (
                NARROWED,
                "`gw_edge` (forward), `gw_ops` (forward) refuse it",
                &[(VIBRATION, "    allow operator -> dashboard : https\n", "")],
            ),
        ],
    );
}

const NETWORK: &str = "network.weir";
const SITE: &str = "site.weir";
const CAMPUS: &str = "policies.weir";

#[test]
fn packages_of_the_campus() {
    let folder = Folder::new();
    example(&folder, "campus_5g");
    packages(
        "campus_5g",
        &folder,
        &[
            (SAME, "nothing", &[(CAMPUS, "policy goods", "// goods\npolicy goods")]),
            (SAME, "stays the same", &[(CAMPUS, "policy goods", "policy wares")]),
            (
                WIDENED,
                "session of imsi-999700000003111 in tablets of `campus` added",
                &[(SITE, "tablet[1..10]", "tablet[1..11]")],
            ),
            (
                NARROWED,
                "session of imsi-999700000003110 in tablets of `campus` removed",
                &[(SITE, "tablet[1..10]", "tablet[1..9]")],
            ),
            (
                WIDENED,
                "key: vault:sim/crane1 -> vault:keys/crane1",
                &[(SITE, "vault:sim/crane", "vault:keys/crane")],
            ),
            (
                WIDENED,
                "imsi-999700000001101",
                &[(SITE, "imsi-9997000000010{index:02}", "imsi-9997000000011{index:02}")],
            ),
            (WIDENED, "uplink: 20 Mbps -> 30 Mbps", &[(NETWORK, "ambr_up = 20 Mbps", "ambr_up = 30 Mbps")]),
            (NARROWED, "uplink: 20 Mbps -> 10 Mbps", &[(NETWORK, "ambr_up = 20 Mbps", "ambr_up = 10 Mbps")]),
            (WIDENED, "5QI: 9 -> 8", &[(NETWORK, "five_qi = 9, arp = 12", "five_qi = 8, arp = 12")]),
            (WIDENED, "ARP: 12 -> 11", &[(NETWORK, "arp = 12", "arp = 11")]),
            (NARROWED, "ARP: 12 -> 13", &[(NETWORK, "arp = 12", "arp = 13")]),
            (
                WIDENED,
                "integrity: preferred -> not needed",
                &[(NETWORK, "integrity = preferred", "integrity = not_needed")],
            ),
            (
                NARROWED,
                "integrity: preferred -> required",
                &[(NETWORK, "integrity = preferred", "integrity = required")],
            ),
            (
                WIDENED,
                "tracking area 1 to `ogstablets`",
                &[(NETWORK, "    area = [gnb_halls]", "    area = [gnb_halls, gnb_yard]")],
            ),
            (
                WIDENED,
                "address: 10.71.0.11 -> 10.71.0.12",
                &[(SITE, "cranes.pool.host(10 + index)", "cranes.pool.host(11 + index)")],
            ),
            (
                WIDENED,
                "5QI 83, ARP 2, not pushed out, at least 600 Kbps",
                &[(CAMPUS, "gfbr = 500 Kbps, mfbr = 500 Kbps", "gfbr = 600 Kbps, mfbr = 600 Kbps")],
            ),
            (
                WIDENED,
                "exclusive with: tablets removed",
                &[(NETWORK, "exclusive_with = [scanners, tablets]", "exclusive_with = [scanners]")],
            ),
            (WIDENED, "max UEs: 20 -> 30", &[(NETWORK, "max_ues = 20\n", "max_ues = 30\n")]),
            (SAME, "", &[(NETWORK, "cranes hold no service for each other", "cranes are of one make")]),
        ],
    );
}

#[test]
fn packages_of_sd_core() {
    let folder = Folder::new();
    sd_core(&folder);
    packages(
        "sd_core",
        &folder,
        &[
            (
                WIDENED,
                "devices of 2-000001 -> 10.1.0.10 : tcp/503",
                &[("plant.weir", "dock : tcp/502 {", "dock : tcp/502..503 {")],
            ),
            (
                WIDENED,
                "-> 10.1.0.11 : tcp/502",
                &[("plant.weir", "agv -> dock : tcp/502 {", "agv -> dock | admin : tcp/502 {")],
            ),
            (
                NARROWED,
                "devices of 1-000002 -> 10.1.0.10 : udp/5005",
                &[("plant.weir", "udp/5004..5005", "udp/5004")],
            ),
            (WIDENED, "up to 600 Kbps", &[("plant.weir", "mfbr = 500 Kbps", "mfbr = 600 Kbps")]),
            (
                WIDENED,
                "session of imsi-999700000000003 in control of `plant5g` added",
                &[("plant.weir", "agv[1..2]", "agv[1..3]")],
            ),
            (
                WIDENED,
                "uplink: 10 Mbps -> 20 Mbps",
                &[("plant.weir", "ambr_up = 10 Mbps", "ambr_up = 20 Mbps")],
            ),
        ],
    );
}

const TURBINE: &str = "nftables/gw_turbine.nft";
const LOG: &str = "\t\tct state new limit rate 10/second burst 20 packets log prefix \"weir-allow policies.programming \"\n";
const BUS: &str = "nftables/cells.bus_bridge.nft";
const COLLECTION: &str = "kubernetes/edge1/telemetry/policies-collection-collector-out-*";
const RAIL: &str = "kubernetes/edge1/_cluster/guard-rail-collector-out-*";
const LISTENERS: &str = "envoy/portal_proxy.d/listeners.yaml";
const CLUSTERS: &str = "envoy/portal_proxy.d/clusters.yaml";
const MODBUS: &str = "modbus/dmz_proxy/policy.json";
const BROKER: &str = "mosquitto/broker/dynsec.json";

#[test]
fn rulesets_of_the_hall() {
    let folder = Folder::new();
    example(&folder, "turbine_hall");
    files(
        "turbine_hall",
        &folder,
        &[
            (SAME, "", &[(TURBINE, "# Generated by", "# Made by")]),
            (
                SAME,
                "",
                &[(
                    TURBINE,
                    "comment \"policies.vibration.7dff12\"",
                    "comment \"policies.vibration.d206a9\"",
                )],
            ),
            (
                WIDENED,
                "-> 10.31.1.10 : tcp/503",
                &[(TURBINE, "10.31.1.10 . tcp . 502 comment", "10.31.1.10 . tcp . 503 comment")],
            ),
            (NARROWED, "10.42.", &[(TURBINE, "10.42.0.0/16 . tcp . 8883", "10.42.0.0/17 . tcp . 8883")]),
            (WIDENED, "limit 60/s (burst 50)", &[(TURBINE, "over 50/second", "over 60/second")]),
            (NARROWED, "limit 40/s (burst 50)", &[(TURBINE, "over 50/second", "over 40/second")]),
            (WIDENED, "(burst 60)", &[(TURBINE, "over 50/second burst 50", "over 40/second burst 60")]),
            (
                NARROWED,
                "limit 600/min (burst 10)",
                &[(TURBINE, "over 50/second burst 50", "over 600/minute burst 10")],
            ),
            (WIDENED, "until", &[(TURBINE, "meta time >= 2077898400", "meta time >= 2077898401")]),
            (NARROWED, "until", &[(TURBINE, "meta time >= 2077898400", "meta time >= 2077898399")]),
            (WIDENED, "logged -> no terms", &[(TURBINE, LOG, "")]),
            (
                WIDENED,
                "sources that may arrive by `lan1`: 10.30.0.0..10.30.0.255 added",
                &[(TURBINE, "\"lan1\" . 10.30.1.0/24", "\"lan1\" . 10.30.0.0/23")],
            ),
            (
                NARROWED,
                "10.30.1.128..10.30.1.255 removed",
                &[(TURBINE, "\"lan1\" . 10.30.1.0/24", "\"lan1\" . 10.30.1.0/25")],
            ),
            (
                WIDENED,
                "with other hardware addresses",
                &[(TURBINE, "10.30.1.10 . 00:1b:1b:10:00:10", "10.30.1.10 . 00:1b:1b:10:00:11")],
            ),
            (WIDENED, "cannot be read", &[(TURBINE, "policy drop", "policy accept")]),
            (WIDENED, "has no files for it", &[(TURBINE, "", "")]),
            (WIDENED, "`nftables/other.conf`", &[("nftables/other.conf", "", "table ip other { }\n")]),
            (WIDENED, "cannot be read", &[("nftables/gw_turbine.d/more.nft", "", "table ip other { }\n")]),
            (WIDENED, "the files of `iptables` differ", &[("iptables/rules", "", "-A INPUT -j ACCEPT\n")]),
            (
                WIDENED,
                "sampled values, APPID 0x4002",
                &[
                    (BUS, "@ll,112,16 { 16384-16385 }", "@ll,112,16 { 16384-16386 }"),
                    (BUS, "@ll,144,16 { 16384-16385 }", "@ll,144,16 { 16384-16386 }"),
                ],
            ),
            (WIDENED, "", &[(BUS, "@ll,112,16 { 16384-16385 }", "@ll,112,16 { 16384-16386 }")]),
            (
                NARROWED,
                "sampled values, APPID 0x4001",
                &[
                    (BUS, "@ll,112,16 { 16384-16385 }", "@ll,112,16 { 16384 }"),
                    (BUS, "@ll,144,16 { 16384-16385 }", "@ll,144,16 { 16384 }"),
                ],
            ),
            (
                WIDENED,
                "sampled values",
                &[(BUS, "05:10 . 02:00:5e:30:05:21 . 0x88b8", "05:10 . 02:00:5e:30:05:21 . 0x88ba")],
            ),
            (
                WIDENED,
                "01:0c:cd:04:02:00",
                &[(BUS, "01:0c:cd:04:00:00-01:0c:cd:04:01:ff", "01:0c:cd:04:00:00-01:0c:cd:04:02:ff")],
            ),
            (
                NARROWED,
                "01:0c:cd:04:01:00",
                &[(BUS, "01:0c:cd:04:00:00-01:0c:cd:04:01:ff", "01:0c:cd:04:00:00-01:0c:cd:04:00:ff")],
            ),
            (
                WIDENED,
                "counts at meas0, and did at prot0",
                &[(BUS, "\"prot0\" . 02:00:5e:30:05:10", "\"meas0\" . 02:00:5e:30:05:10")],
            ),
            (
                WIDENED,
                "ports whose senders are held: trip0 removed",
                &[(BUS, "{ \"meas0\", \"prot0\", \"trip0\" }", "{ \"meas0\", \"prot0\" }")],
            ),
            (
                WIDENED,
                "ARP from 10.1.0.1 about 10.1.0.2 passes",
                &[(
                    BUS,
                    "\tset arp_pair {\n\t\ttype ipv4_addr . ipv4_addr\n\t\tflags interval\n",
                    "\tset arp_pair {\n\t\ttype ipv4_addr . ipv4_addr\n\t\tflags interval\n\t\telements = {\n\t\t\t10.1.0.1 . 10.1.0.2\n\t\t}\n",
                )],
            ),
            (
                WIDENED,
                "bridges that IP passes: br1 added",
                &[(BUS, "{ \"br0\" . \"br0\" }", "{ \"br0\" . \"br0\", \"br1\" . \"br1\" }")],
            ),
        ],
    );
}

#[test]
fn other_files_of_the_hall() {
    let folder = Folder::new();
    example(&folder, "turbine_hall");
    files(
        "turbine_hall",
        &folder,
        &[
            // Kubernetes
            (SAME, "", &[(COLLECTION, "# generated by", "# made by")]),
            (WIDENED, "tcp/4841", &[(COLLECTION, "port: 4840", "port: 4841")]),
            (NARROWED, "10.30.2.11", &[(COLLECTION, "10.30.2.10/31", "10.30.2.10/32")]),
            (
                WIDENED,
                "pod telemetry/app=other",
                &[(COLLECTION, "\"app\": \"collector\"", "\"app\": \"other\"")],
            ),
            (
                WIDENED,
                "are not denied by default any more",
                &[
                    ("kubernetes/edge1/telemetry/default-deny-in-*", "", ""),
                    (
                        "kubernetes/edge1/kustomization.yaml",
                        "  - \"telemetry/default-deny-in-5a0ed40c.yaml\"\n",
                        "",
                    ),
                ],
            ),
            (WIDENED, "guard rail", &[(RAIL, "number: 4840", "number: 4841")]),
            (NARROWED, "guard rail", &[(RAIL, "10.30.3.10/32", "10.30.3.10/31")]),
            (WIDENED, "is not compared", &[(RAIL, "priority: 100", "priority: 101")]),
            // Envoy
            (SAME, "", &[(LISTENERS, "# Generated by", "# Made by")]),
            (
                WIDENED,
                "GET|HEAD /reports/* -> GET|HEAD /re/*",
                &[(LISTENERS, "prefix: /reports/", "prefix: /re/")],
            ),
            (
                WIDENED,
                "everybody of https://login.nord.example",
                &[(LISTENERS, "exact: process-engineers", "exact: everybody")],
            ),
            (WIDENED, "POST", &[(LISTENERS, "exact: HEAD", "exact: POST")]),
            (WIDENED, "192.0.2.21:443", &[(CLUSTERS, "address: 192.0.2.20", "address: 192.0.2.21")]),
            (WIDENED, "cannot be read", &[("envoy/portal_proxy.d/more.yaml", "", "resources: []\n")]),
            // Modbus
            (SAME, "", &[(MODBUS, "\"client\": \"analytics\"", "\"client\": \"other\"")]),
            (WIDENED, "limit 3/s", &[(MODBUS, "\"count\": 2", "\"count\": 3")]),
            (NARROWED, "limit 1/s", &[(MODBUS, "\"count\": 2", "\"count\": 1")]),
            (
                NARROWED,
                "limit 2/min",
                &[(
                    MODBUS,
                    "\"count\": 2,\n            \"seconds\": 1",
                    "\"count\": 2,\n            \"seconds\": 60",
                )],
            ),
            (
                WIDENED,
                "limit 119/min",
                &[(
                    MODBUS,
                    "\"count\": 2,\n            \"seconds\": 1",
                    "\"count\": 119,\n            \"seconds\": 60",
                )],
            ),
            (
                WIDENED,
                "logged -> function 5, 15 of 100..103, limit 2/s (wider)",
                &[(MODBUS, "\"log\": true", "\"log\": false")],
            ),
            (WIDENED, "function 6", &[(MODBUS, "                3\n", "                6\n")]),
            (WIDENED, "0..99", &[(MODBUS, "                31\n", "                99\n")]),
            (WIDENED, "telemetry/other", &[(MODBUS, "telemetry/analytics\"", "telemetry/other\"")]),
            (
                WIDENED,
                "10.31.1.11:502",
                &[("modbus/dmz_proxy/nginx.conf", "10.31.1.10:502", "10.31.1.11:502")],
            ),
            (
                WIDENED,
                "at 10.40.0.11,",
                &[("modbus/dmz_proxy/nginx.conf", "listen 10.40.0.10:502", "listen 10.40.0.11:502")],
            ),
            (WIDENED, "cannot be read", &[("modbus/dmz_proxy/modbus.js", "", "export default {}\n")]),
            // Mosquitto
            (SAME, "", &[(BROKER, "\"textname\": \"voter\"", "\"textname\": \"other\"")]),
            (
                WIDENED,
                "CN=nord.example:telemetry:other",
                &[(BROKER, "nord.example:telemetry:voter", "nord.example:telemetry:other")],
            ),
            (WIDENED, "cannot be read", &[(BROKER, "turbine/", "turbina/")]),
            (
                WIDENED,
                "cannot be read",
                &[("mosquitto/broker/mosquitto.conf", "allow_anonymous false", "allow_anonymous true")],
            ),
            (WIDENED, "port 1883", &[("mosquitto/broker/mosquitto.conf", "listener 8883", "listener 1883")]),
            (
                WIDENED,
                "has no files for it",
                &[("mosquitto/broker/mosquitto.conf", "", ""), (BROKER, "", "")],
            ),
        ],
    );
}

const PCF: &str = "5g/mobile.plant5g/open5gs/pcf.yaml";
const SUBSCRIBERS: &str = "5g/mobile.plant5g/open5gs/subscribers.json";
const SMF: &str = "5g/mobile.plant5g/open5gs/slices/mobile.agv_control/smf.yaml";
const INFO: &str = "  info:
    - s_nssai:
        - sst: 2
          sd: \"000001\"
          dnn:
            - \"ot-control\"
      tai:
        - plmn_id:
            mcc: \"999\"
            mnc: \"70\"
          tac:
            - 1
            - 2
";
const UPF: &str = "5g/mobile.plant5g/open5gs/user-planes/mobile.upf_control/upf.yaml";
const ISOLATION: &str = "5g/mobile.plant5g/isolation.json";

#[test]
fn settings_of_the_hall() {
    let folder = Folder::new();
    example(&folder, "turbine_hall");
    files(
        "turbine_hall",
        &folder,
        &[
            (SAME, "", &[(PCF, "# generated by", "# made by")]),
            (WIDENED, "flows: tcp/502 to 10.64.1.10 as 5QI 82", &[(PCF, "index: 83", "index: 82")]),
            (WIDENED, "downlink: 10 Mbps -> 20 Mbps", &[(PCF, "value: 10", "value: 20")]),
            (NARROWED, "downlink: 10 Mbps -> 5 Mbps", &[(PCF, "value: 10", "value: 5")]),
            (WIDENED, "", &[(PCF, "999700000000001-999700000000012", "999700000000001-999700000000013")]),
            (
                NARROWED,
                "refused",
                &[(PCF, "999700000000001-999700000000012", "999700000000001-999700000000011")],
            ),
            (
                WIDENED,
                "10.64.1.0..10.64.1.255",
                &[
                    (PCF, "10.64.1.10/32 502", "10.64.1.0/24 502"),
                    (PCF, "10.64.1.10/32 502", "10.64.1.0/24 502"),
                ],
            ),
            (WIDENED, "address: 10.61.0.11 -> 10.61.0.99", &[(SUBSCRIBERS, "10.61.0.11", "10.61.0.99")]),
            (WIDENED, "any free IPv4 address", &[(SUBSCRIBERS, "\"ipv4\": \"10.61.0.11\"", "")]),
            (
                WIDENED,
                "vault:sim/other",
                &[("5g/mobile.plant5g/open5gs/keys.json", "vault:sim/agv1\"", "vault:sim/other\"")],
            ),
            (
                NARROWED,
                "tracking area 2 to `ogscontrol`",
                &[(SMF, "            - 1\n            - 2\n", "            - 1\n")],
            ),
            (
                NARROWED,
                "serve tracking area 2",
                &[("5g/mobile.plant5g/open5gs/amf.yaml", "        - 1\n        - 2\n", "        - 1\n")],
            ),
            (
                WIDENED,
                "integrity: required -> preferred",
                &[(
                    SMF,
                    "integrity_protection_indication: \"required\"",
                    "integrity_protection_indication: \"preferred\"",
                )],
            ),
            (SAME, "names: 10.61.0.1 -> 10.61.0.9", &[(SMF, "    - \"10.61.0.1\"", "    - \"10.61.0.9\"")]),
            (WIDENED, "is not compared", &[(SMF, "          dnn: \"ot-control\"\n  gtpc", "  gtpc")]),
            (WIDENED, "matter of chance", &[(SMF, INFO, "")]),
            (WIDENED, "`ogsvideo` (10.61.0.0/24)", &[(UPF, "dev: \"ogscontrol\"", "dev: \"ogsvideo\"")]),
            (
                WIDENED,
                "10.61.0.1/16",
                &[(
                    "5g/mobile.plant5g/open5gs/user-planes/mobile.upf_control/10-*",
                    "10.61.0.1/24",
                    "10.61.0.1/16",
                )],
            ),
            (
                WIDENED,
                "devices behind one hairpin: 12 -> 13",
                &[(ISOLATION, "\"devices\": 12", "\"devices\": 13")],
            ),
            (
                NARROWED,
                "devices behind one hairpin: 12 -> 11",
                &[(ISOLATION, "\"devices\": 12", "\"devices\": 11")],
            ),
            (WIDENED, "dedicated: yes -> no", &[(ISOLATION, "\"dedicated\": true", "\"dedicated\": false")]),
            (SAME, "accepted", &[(ISOLATION, "vehicles run one program", "vehicles run another program")]),
            (
                WIDENED,
                "uplink: 10 Mbps -> 90 Mbps",
                &[(
                    "5g/mobile.plant5g/3gpp/subscriptions.json",
                    "\"uplink\": \"10 Mbps\"",
                    "\"uplink\": \"90 Mbps\"",
                )],
            ),
            (
                WIDENED,
                "document 3GPP: ",
                &[("5g/mobile.plant5g/3gpp/sm-policies.json", "\"5qi\": 80", "\"5qi\": 82")],
            ),
            (
                WIDENED,
                "SUPIs: ",
                &[(
                    "5g/mobile.plant5g/3gpp/sm-policies.json",
                    "..imsi-999700000000012",
                    "..imsi-999700000000099",
                )],
            ),
            (
                WIDENED,
                "max UEs: 40 -> 41",
                &[(
                    "5g/mobile.plant5g/3gpp/slice-nrm.json",
                    "\"maxNumberofUEs\": 40",
                    "\"maxNumberofUEs\": 41",
                )],
            ),
            (
                WIDENED,
                "lab: radio at tracking area 1",
                &[(
                    "5g/mobile.plant5g/lab/ueransim/gnb-mobile.gnb_hall.yaml",
                    "  - sst: 1\n    sd: 2\n",
                    "  - sst: 1\n    sd: 3\n",
                )],
            ),
            (WIDENED, "cannot be read", &[("5g/mobile.plant5g/open5gs/scp.yaml", "", "scp: {}\n")]),
            (WIDENED, "cannot be read", &[(PCF, "permit out tcp", "deny out tcp")]),
        ],
    );
}

const CONTROL: &str = "5g/plant5g/sdcore/network-slice/control.json";
const GROUP: &str = "5g/plant5g/sdcore/device-group/control.json";

#[test]
fn settings_of_sd_core() {
    let folder = Folder::new();
    sd_core(&folder);
    files(
        "sd_core",
        &folder,
        &[
            (WIDENED, "any protocol", &[(CONTROL, "\"action\": \"deny\"", "\"action\": \"Deny\"")]),
            (NARROWED, "10.1.0.10 : tcp/502", &[(CONTROL, "\"priority\": 250", "\"priority\": 1")]),
            (WIDENED, "any protocol", &[(CONTROL, "\"protocol\": 6", "\"protocol\": 1")]),
            (WIDENED, "tcp/502", &[(CONTROL, "10.1.0.10/32", "10.1.0.0/24")]),
            (WIDENED, "tcp/503", &[(CONTROL, "\"dest-port-end\": 502", "\"dest-port-end\": 503")]),
            (WIDENED, "tracking area 2", &[(CONTROL, "\"tac\": 1", "\"tac\": 2")]),
            (WIDENED, "`upf_video`", &[(CONTROL, "\"upf_control\"", "\"upf_video\"")]),
            (WIDENED, "5QI 5", &[(CONTROL, "\"qci\": 7", "\"qci\": 5")]),
            (WIDENED, "of the UE", &[("5g/plant5g/sdcore/webui.yaml", "true", "false")]),
            (WIDENED, "imsi-999700000000009", &[(GROUP, "999700000000002", "999700000000009")]),
            (
                NARROWED,
                "session of imsi-999700000000002",
                &[(GROUP, "999700000000001\",\n    \"999700000000002\"", "999700000000001\"")],
            ),
            (WIDENED, "10.61.0.0/16", &[(GROUP, "10.61.0.0/24", "10.61.0.0/16")]),
            (
                WIDENED,
                "uplink: 10 Mbps -> 100 Mbps",
                &[(GROUP, "\"dnn-mbr-uplink\": 10", "\"dnn-mbr-uplink\": 100")],
            ),
        ],
    );
}

#[test]
fn parts_that_are_loaded_without_a_gap_hold_the_same() {
    let folder = Folder::new();
    example(&folder, "water_works");
    build(&folder, "water_works", "before");
    let rows: &[Row] = &[
        (WIDENED, "cannot be read", &[("nftables/gw_pumps.d/base.nft", "policy drop", "policy accept")]),
        (WIDENED, "another script", &[("nftables/gw_pumps.d/apply", "set -eu", "set -u")]),
        (
            WIDENED,
            "loads another generation",
            &[("nftables/gw_pumps.d/apply", "generation=", "generation=0")],
        ),
        (WIDENED, "is missing", &[("nftables/gw_pumps.d/stage.nft", "", "")]),
        (SAME, "", &[("nftables/gw_pumps.d/base.nft", "# ", "# as ")]),
    ];
    hold(&folder, rows, |edits| {
        if folder.path("after").exists() {
            fs::remove_dir_all(folder.path("after")).unwrap();
        }
        common::copy(&folder.path("before"), &folder.path("after"));
        edit(&folder, "after", edits);
        ("before".into(), "after".into())
    });
}

const FIGURES: &str = "    allow scada | operator -> reports : opcua_pubsub { limit = 20/s }\n";
const SPLIT: &str = "    allow scada -> reports : opcua_pubsub { limit = 20/s }
    allow operator -> reports : opcua_pubsub { limit = 20/s }\n";
const AGAIN: &str = "policy more {
    owner = \"operations@water.example\"
    allow scada -> reports : opcua_pubsub { limit = 20/s }
}

policy control {";

#[test]
fn a_limit_is_one_budget() {
    let folder = Folder::new();
    example(&folder, "water_works");
    edit(&folder, "water_works", &[(CAMPUS, "allow scada -> reports", "allow scada | operator -> reports")]);
    packages(
        "water_works",
        &folder,
        &[
            (WIDENED, "more often", &[(CAMPUS, "policy control {", AGAIN)]),
            (WIDENED, "each counted on its own", &[(CAMPUS, FIGURES, SPLIT)]),
            (NARROWED, "udp/4840", &[(CAMPUS, FIGURES, "")]),
        ],
    );
}

const TRANSPARENT: &str = "use std.ot.{modbus}
use std.it.{ssh}
zone control { purdue = 2 }
zone cell { purdue = 1 }
network control_net { zone = control, subnet = 10.30.0.0/24, accept_gap = \"one rack\" }
network cell_net { zone = cell, subnet = 10.31.1.0/24, accept_gap = \"one cabinet\" }
conduit control_cell between control, cell { carries = [modbus] }
gateway gate {
    enforces = [nftables, modbus]
    transparent = true
    serves = [ssh]
    interface up0 { network = control_net, address = 10.30.0.1 }
    interface lan0 { network = cell_net, address = 10.31.1.1 }
}
device hmi { network = control_net, address = 10.30.0.20 }
device admin { network = control_net, address = 10.30.0.30 }
device plc[1..3] { network = cell_net, address = cell_net.host(9 + index), serves = [modbus] }
allow admin -> gate : ssh
allow hmi -> plc : modbus.read
";

#[test]
fn what_a_proxy_takes_on_the_way() {
    let folder = Folder::new();
    folder.write("gate/weir.toml", "[package]\nname = \"gate\"\nversion = \"1.0.0\"\nedition = \"2026\"\n");
    folder.write("gate/plant.weir", TRANSPARENT);
    packages(
        "gate",
        &folder,
        &[
            (NARROWED, "does not take connections", &[("plant.weir", "hmi -> plc :", "hmi -> plc[1..2] :")]),
            (
                WIDENED,
                "10.30.0.30 -> 10.31.1.10 : tcp/502",
                &[("plant.weir", "allow hmi", "allow hmi | admin")],
            ),
            (
                WIDENED,
                "forwards connections",
                &[
                    ("plant.weir", "plc : modbus.read", "plc : modbus"),
                    ("plant.weir", "    transparent = true\n", ""),
                ],
            ),
        ],
    );
}

#[test]
fn built_trees_are_compared_by_what_they_let_pass() {
    let folder = Folder::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/turbine_hall");
    for name in ["old", "new"] {
        common::copy(&example, &folder.path(name));
    }
    edit(&folder, "new", &[(VIBRATION, "{ limit = 50/s }", "{ limit = 60/s }")]);
    // the earlier version lacks a flow
    edit(&folder, "old", &[(VIBRATION, "    allow operator -> dashboard : https\n", "")]);
    let build = folder.weir(&["build", "old", "-o", "out"]);
    assert_eq!(build.code, 0, "{}", build.stderr);
    for arguments in [["diff", "out", "old"], ["diff", "old", "out"], ["diff", "out", "out"]] {
        let run = folder.weir(&arguments);
        assert_eq!(run.code, 0, "{arguments:?} {}{}", run.stdout, run.stderr);
    }
    let run = folder.weir(&["diff", "out", "new"]);
    assert_eq!(run.code, 5, "{}{}", run.stdout, run.stderr);
    for part in
        ["tcp/8443", "policies/vibration.weir", "limit 50/s -> limit 60/s (wider)", "trees hold no names"]
    {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    folder.write("out/nftables/gw_turbine.nft", "table inet other { }\n");
    let run = folder.weir(&["diff", "out", "old"]);
    assert_eq!(run.code, 5, "what cannot be read is not known to be narrower: {}", run.stdout);
    assert!(run.stdout.contains("cannot be read"), "{}", run.stdout);
}
