//! `weir diff` of built trees, from outside: what an edit of a package comes to. Nothing that permits more may come out as nothing
//! or as narrower.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use std::path::Path;

use common::{
    Folder,
    trees::{NARROWED, SAME, WIDENED, edit, example, packages, sd_core},
};

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
            (
                NARROWED,
                "telemetry/analytics",
                &[(
                    VIBRATION,
                    "    allow analytics -> historian : https.post(\"/api/findings\") { via = dmz_proxy }\n",
                    "",
                )],
            ),
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
            (
                NARROWED,
                "does not take connections",
                &[("plant.weir", "hmi -> plc :", "hmi -> plc[1] | plc[2] :")],
            ),
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
    folder.write("cut/manifest.json", &folder.read("out/manifest.json")[..100]);
    let run = folder.weir(&["diff", "cut", "old"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stderr.contains("is no whole tree"), "{}", run.stderr);
    folder.write("out/nftables/gw_turbine.nft", "table inet other { }\n");
    let run = folder.weir(&["diff", "out", "old"]);
    assert_eq!(run.code, 5, "what cannot be read is not known to be narrower: {}", run.stdout);
    assert!(run.stdout.contains("cannot be read"), "{}", run.stdout);
}
