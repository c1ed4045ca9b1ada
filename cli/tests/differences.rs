//! `weir diff` of two versions of an example that differ in one place, and of what is built of them: nothing that widens what is
//! enforced may come out as less, whichever of the two ways it is looked at.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use std::path::Path;

use common::Folder;

const SAME: i32 = 0;
const NARROWED: i32 = 4;
const WIDENED: i32 = 5;

/// What is exchanged where, what the difference of the packages comes to, and a part of what it says.
type Row = (&'static str, &'static str, &'static str, i32, &'static str);

const TURBINE_HALL: &[Row] = &[
    // rules
    (
        "policies/process.weir",
        "allow collector -> CellPlc : opcua",
        "allow collector | voter -> CellPlc : opcua",
        WIDENED,
        "+ voter",
    ),
    (
        "policies/process.weir",
        "deny collector -> outdated : opcua",
        "",
        WIDENED,
        "a deny no longer covers it",
    ),
    ("policies/vibration.weir", "limit = 2/s", "limit = 3/s", WIDENED, "2/s -> 3/s (wider)"),
    ("policies/vibration.weir", "limit = 2/s", "limit = 119/min", WIDENED, "2/s -> 119/min (wider)"),
    ("policies/vibration.weir", "limit = 2/s", "limit = 1/s", NARROWED, "2/s -> 1/s (narrower)"),
    ("policies/vibration.weir", "limit = 2/s, log = true", "log = true", WIDENED, "2/s -> none (wider)"),
    ("policies/vibration.weir", "limit = 2/s, log = true", "limit = 2/s", WIDENED, "not logged"),
    ("policies/vibration.weir", "coils 100..103", "coils 100..104", WIDENED, "coil"),
    ("policies/vibration.weir", "turbine/+/vib", "turbine/#", WIDENED, "turbine"),
    ("policies/process.weir", "until = 2035-06-30", "until = 2036-06-30", WIDENED, "until"),
    ("policies/process.weir", "until = 2035-06-30", "until = 2034-06-30", NARROWED, "until"),
    ("policies/process.weir", "0x4000..0x4001", "0x4000..0x4002", WIDENED, "appid"),
    (
        "policies/management.weir",
        "ssh { log = true, requires = certified }",
        "ssh { log = true }",
        WIDENED,
        "requires",
    ),
    ("policies/office.weir", "deny internet | turbine_vendor -> safety : any", "", SAME, "rule"),
    ("policies/exceptions.weir", "until = 2035-11-05T18:00Z", "until = 2036-11-05T18:00Z", WIDENED, "until"),
    ("policies/exceptions.weir", "from = 2026-11-01", "from = 2030-11-01", NARROWED, "has not begun"),
    // whom the names of principals mean on the wire
    ("edge.weir", ", tier = \"web\"", "", WIDENED, "labels app=dashboard,tier=web -> app=dashboard"),
    ("edge.weir", "tier = \"web\"", "tier = \"web\", track = \"stable\"", WIDENED, "track=stable"),
    (
        "edge.weir",
        "namespace = \"view\"",
        "namespace = \"default\"",
        WIDENED,
        "isolates namespace: view removed",
    ),
    ("edge.weir", "telemetry/voter\")", "telemetry/voter9\")", WIDENED, "telemetry/voter9"),
    ("rooms.weir", "process-engineers\")", "everybody\")", WIDENED, "everybody"),
    ("rooms.weir", "planner{index}.nord", "plan{index}.nord", WIDENED, "plan1.nord"),
    ("turbine.weir", "mac = 00:1b:1b:10:00:10", "mac = 00:1b:1b:10:00:11", WIDENED, "00:1b:1b:10:00:11"),
    (
        "rooms.weir",
        "203.0.113.128/28",
        "203.0.113.128/30",
        WIDENED,
        "internet changed: address 203.0.113.132",
    ),
    ("edge.weir", "services = 10.43.0.0/16", "", WIDENED, "internet changed: address 10.43.0.0"),
    // what a slice gives
    (
        "mobile/network.weir",
        "snssai = embb/0x000002",
        "snssai = embb/0x000003",
        SAME,
        "S-NSSAI: 1-000002 -> 1-000003",
    ),
    ("mobile/network.weir", "dnn = \"ot-video\"", "dnn = \"ot-other\"", SAME, "DNN: ot-video -> ot-other"),
    // what joins, and lets others in
    ("edge.weir", "kube-system/coredns", "10.40.0.77", WIDENED, "dns: kube-system/coredns -> 10.40.0.77"),
    (
        "gateways.weir",
        "gateway gw_edge {",
        "gateway gw_edge {\n    masquerade = [plant_net]",
        WIDENED,
        "masquerade: plant_net added",
    ),
    ("gateways.weir", "eth1.91", "eth1.95", WIDENED, "`eth1.95` leads to"),
    // what guards, and permits nothing by itself
    ("topology.weir", "target_level = SL3", "target_level = SL2", SAME, "target level: SL3 -> SL2"),
    ("topology.weir", "isolated = true", "accept_gap = \"sensors\"", WIDENED, "gap"),
    ("topology.weir", "admission = psk\n", "\n", SAME, "admission: psk -> none"),
    (
        "edge.weir",
        "service_account = \"dashboard\"",
        "service_account = \"other\"",
        SAME,
        "service account dashboard -> other",
    ),
    ("weir.toml", "guard-rails = 100\n", "", WIDENED, "guard-rails removed"),
    ("weir.toml", "guard-rails = 100", "guard-rails = 200", WIDENED, "guard-rails changed: 100 -> 200"),
    ("weir.toml", "guard-rails = 100", "guard-rails = 50", SAME, "guard-rails changed: 100 -> 50"),
    ("gateways.weir", "masquerade = [wan_net]", "", NARROWED, "masquerade: wan_net removed"),
    ("rooms.weir", "203.0.113.0/25", "203.0.113.0/24", WIDENED, "turbine_vendor"),
];

const CAMPUS: &[Row] = &[
    ("network.weir", "ambr_up = 1 Mbps", "ambr_up = 10 Mbps", WIDENED, "uplink: 1 Mbps -> 10 Mbps"),
    ("network.weir", "ambr_down = 5 Mbps", "ambr_down = 4 Mbps", NARROWED, "downlink: 5 Mbps -> 4 Mbps"),
    ("network.weir", "area = [gnb_yard]", "area = [gnb_yard, gnb_halls]", WIDENED, "area: gnb_halls added"),
    (
        "network.weir",
        "area = [gnb_yard, gnb_halls]",
        "area = [gnb_halls]",
        NARROWED,
        "area: gnb_yard removed",
    ),
    (
        "network.weir",
        "exclusive_with = [scanners, tablets]",
        "exclusive_with = [scanners]",
        WIDENED,
        "exclusive with: tablets removed",
    ),
    ("network.weir", "max_ues = 20\n", "max_ues = 30\n", WIDENED, "max UEs: 20 -> 30"),
    (
        "network.weir",
        "integrity = preferred",
        "integrity = required",
        NARROWED,
        "integrity: preferred -> required",
    ),
    ("network.weir", "five_qi = 80", "five_qi = 7", WIDENED, "5QI: 80 -> 7"),
    ("network.weir", "arp = 12", "arp = 13", NARROWED, "ARP: 12 -> 13"),
    (
        "policies.weir",
        "gfbr = 500 Kbps, mfbr = 500 Kbps",
        "gfbr = 600 Kbps, mfbr = 600 Kbps",
        WIDENED,
        "600 Kbps guaranteed",
    ),
    (
        "policies.weir",
        "gfbr = 500 Kbps, mfbr = 500 Kbps",
        "gfbr = 400 Kbps, mfbr = 500 Kbps",
        NARROWED,
        "400 Kbps guaranteed",
    ),
    (
        "site.weir",
        "device tablet[1..10]",
        "device tablet[1..9]",
        NARROWED,
        "session of tablet[10] in tablets removed",
    ),
    (
        "site.weir",
        "device tablet[1..10]",
        "device tablet[1..11]",
        WIDENED,
        "session of tablet[11] in tablets added",
    ),
    ("network.weir", "tac = 2,", "tac = 3,", WIDENED, "tracking area: 2 -> 3"),
    ("site.weir", "vault:sim/tablet", "vault:sim/tabletX", WIDENED, "vault:sim/tabletX1"),
    ("site.weir", "imsi-9997000000031", "imsi-9997000000041", WIDENED, "imsi-999700000004101"),
];

const WATER_WORKS: &[Row] = &[
    // a host with a foot on both sides, which filters nothing
    (
        "plant.weir",
        "/// Desks.\nzone office",
        "/// Between them.\ngateway free {\n    integrity = verified\n    interface eth0 { network = pump_net, address = 10.1.0.9 }\n    interface eth1 { network = office_net, address = 10.3.0.9 }\n}\n\n/// Desks.\nzone office",
        WIDENED,
        "nothing stands between",
    ),
];

/// A line of a template is a rule in each instance.
const PRESS_SHOP: &[Row] = &[(
    "cell.weir",
    "        allow guard -> drive | robot : profinet\n",
    "        allow guard -> drive | robot | io : profinet\n",
    WIDENED,
    ", each its own : profinet",
)];

fn examples(example: &str, rows: &[Row]) {
    let folder = Folder::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(example);
    common::copy(&from, &folder.path("old"));
    assert_eq!(folder.weir(&["-q", "build", "old", "-o", "built-old"]).code, 0);
    let mut wrong = Vec::new();
    for (file, old, new, code, says) in rows {
        let place = format!("new/{file}");
        let _ = std::fs::remove_dir_all(folder.path("new"));
        common::copy(&from, &folder.path("new"));
        let text = folder.read(&place);
        assert!(text.contains(old), "{file} has no `{old}`");
        folder.write(&place, text.replacen(old, new, 1));
        let run = folder.weir(&["diff", "old", "new", "--no-artifacts"]);
        let shown = format!("{file}: `{old}` -> `{new}`\n{}{}", run.stdout, run.stderr);
        if run.code != *code || !run.stdout.contains(says) {
            wrong.push(format!("{shown}expected {code} and `{says}`, exit code {}", run.code));
        }
        let _ = std::fs::remove_dir_all(folder.path("built-new"));
        if folder.weir(&["-q", "build", "new", "-o", "built-new"]).code != 0 {
            continue; // an assertion or a check refuses it: there is nothing to enforce
        }
        let trees = folder.weir(&["diff", "built-old", "built-new"]);
        // trees know no names, and take what they cannot order for wider; but never the other way
        if trees.stdout.contains("Newly permitted") && run.code != WIDENED {
            wrong.push(format!("{shown}and of the trees:\n{}", trees.stdout));
        }
        // what the press shop's cells say among themselves passes no gateway
        let is_enforced = example != "press_shop";
        if is_enforced && [SAME, NARROWED].contains(&trees.code) && run.stdout.contains("Newly permitted") {
            wrong.push(format!("{shown}which the trees do not say ({}):\n{}", trees.code, trees.stdout));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn of_the_turbine_hall() {
    examples("turbine_hall", TURBINE_HALL);
}

#[test]
fn of_the_campus() {
    examples("campus_5g", CAMPUS);
}

#[test]
fn of_the_press_shop() {
    examples("press_shop", PRESS_SHOP);
}

#[test]
fn of_the_water_works() {
    examples("water_works", WATER_WORKS);
}
