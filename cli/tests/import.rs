//! `weir import`, and packages that import.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::fmt::Write as _;

use common::{Folder, json};

const PLANT: &str = r#"zone edge { purdue = 3 }
network edge_net { zone = edge, subnet = 10.40.0.0/24 }
cluster edge1 { zone = edge, nodes = edge_net, pods = 10.42.0.0/16, accept_gap = "hardened nodes" }
"#;

/// A Deployment whose pods nothing is wrong with.
fn deployment(namespace: &str, name: &str, port: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: {namespace}
spec:
  selector:
    matchLabels: {{ app: {name} }}
  template:
    metadata:
      labels: {{ app: {name}, app.kubernetes.io/part-of: plant }}
    spec:
      serviceAccountName: {name}
      containers:
        - name: main
          image: registry.example/{name}@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5
          ports: [{port}]
          securityContext: {{ capabilities: {{ drop: [ALL] }} }}
"
    )
}

#[test]
fn imported_manifests_are_a_package_that_holds_against_them() {
    let folder = Folder::package();
    folder.write("plant.weir", PLANT);
    let manifests = [
        deployment("telemetry", "broker", "{ name: mqtts, containerPort: 8883 }"),
        deployment("telemetry", "vib-analytics", "{ containerPort: 9000, protocol: UDP }"),
        deployment("view", "web", "{ name: https, containerPort: 8443 }"),
        deployment("back", "web", "{ name: core, containerPort: 38412, protocol: SCTP }"),
    ];
    folder.write("manifests/all.yaml", manifests.join("---\n"));
    folder.write("manifests/more/list.json", r#"{"kind": "List", "apiVersion": "v1", "items": [
        {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "{x}\"; allow internet -> web : any"}}]}"#);
    let run =
        folder.weir(&["import", "kubernetes", "manifests", "--cluster", "edge1", "-o", "workloads.weir"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("2 protocols, 4 workloads from 5 objects in 2 files; 1 not said"),
        "{}",
        run.stderr
    );
    let text = folder.read("workloads.weir");
    for part in [
        "use std.it.{https, mqtts}",
        "workload vib_analytics in edge1 {",
        "workload view_web in edge1 {",
        "workload back_web in edge1 {",
        "serves = [mqtts]",
        "serves = [https on tcp/8443]",
        "transport = udp/9000",
        "transport = sctp/38412",
        "(manifests/all.yaml:4)",
        "// Not said in Weir (1):\n// - manifests/more/list.json:2: ConfigMap `default/{x}\"; allow internet -> web : any`",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(text.ends_with('\n'), "{text:?}");
    folder.write("import.weir", "import deployed { format = kubernetes, file = \"manifests\" }\n");
    let run = folder.weir(&["check", "--deny-warnings"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = folder.weir(&["fmt", "--check", "workloads.weir"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_file_that_is_there_stays() {
    let folder = Folder::new();
    folder.write("a.yaml", deployment("a", "a", "{ containerPort: 1 }"));
    folder.write("out.weir", "mine");
    let run = folder.weir(&["import", "kubernetes", "a.yaml", "-o", "out.weir"]);
    assert_eq!((run.code, folder.read("out.weir").as_str()), (1, "mine"), "{}", run.stderr);
    assert!(run.stderr.contains("--force"), "{}", run.stderr);
    let run = folder.weir(&["import", "kubernetes", "a.yaml", "-o", "out.weir", "--force"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(folder.read("out.weir").contains("workload a in cluster1"));
    let run = folder.weir(&["import", "kubernetes", "a.yaml", "--cluster", "a b { }"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_that_file() {
    let folder = Folder::new();
    let whole = deployment("a", "b", "{ containerPort: 1 }");
    for (file, text, place, part) in [
        ("cut.json", "{\"kind\": \"Pod\"", "cut.json:1:15", "the file is cut off"),
        ("tab.yaml", "kind: Pod\nmetadata:\n\tname: x\n", "tab.yaml:3:", "E0415"),
        ("bomb.yaml", "a: &a [x, x]\nb: &b [*a, *a]\n", "bomb.yaml:1:", "anchors are not read"),
        ("twice.yaml", "kind: Pod\nkind: Pod\n", "twice.yaml:2:1", "`kind` is given twice"),
        ("nameless.yaml", "kind: Pod\napiVersion: v1\nmetadata: {}\n", "nameless.yaml:3:11", "no `name`"),
        ("number.yaml", &whole.replace("app: b,", "app: 1,"), "number.yaml:11:", "double quotes"),
        (
            "port.yaml",
            &whole.replace("containerPort: 1", "containerPort: 70000"),
            "port.yaml:17:",
            "1 to 65535",
        ),
        ("deep.json", &"[".repeat(10_000), "deep.json:1:", "nest deeper"),
        ("same.yaml", &format!("{whole}---\n{whole}"), "same.yaml:", "is defined twice"),
    ] {
        folder.write(file, text);
        let run = folder.weir(&["import", "kubernetes", file]);
        assert_eq!(run.code, 1, "{file}: {}", run.stderr);
        assert!(run.stderr.contains(place) && run.stderr.contains(part), "{file}: {}", run.stderr);
        assert!(run.stderr.contains("= help: ") && run.stdout.is_empty(), "{file}: {}", run.stderr);
    }
    folder.write("latin.yaml", b"kind: \xe4\n");
    for file in ["latin.yaml", "missing.yaml"] {
        let run = folder.weir(&["import", "kubernetes", file]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains(file), "{}", run.stderr);
    }
}

#[test]
fn what_a_live_import_cannot_find_is_an_error() {
    for (path, part) in [
        ("nowhere.yaml", "there is no such file"),
        ("../outside.yaml", "no path inside of the package"),
        ("/etc/passwd", "no path inside of the package"),
        ("", "no path inside of the package"),
    ] {
        let folder = Folder::package();
        folder
            .write("plant.weir", format!("{PLANT}import all {{ format = kubernetes, file = \"{path}\" }}\n"));
        let run = folder.weir(&["check", "--format", "json"]);
        let report = json(&run.stdout);
        let first = &report["diagnostics"][0];
        assert_eq!(first["code"], "E0001", "{path}: {}", run.stdout);
        assert!(first["message"].as_str().unwrap().contains(part), "{path}: {}", run.stdout);
        assert_eq!(first["spans"][0]["file"], "plant.weir");
    }
}

#[test]
fn findings_stand_in_the_certificate() {
    let folder = Folder::package();
    let workload = "workload web in edge1 { namespace = \"shop\", labels = { app = \"web\" } }\n";
    let import = "import all { format = kubernetes, file = \"deploy\" }\n";
    folder.write("plant.weir", format!("{PLANT}{import}{workload}"));
    folder.write(
        "deploy/web.yaml",
        deployment("shop", "web", "").replace("@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5", ":1"),
    );
    let run = folder.weir(&["build", "--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = json(&run.stdout);
    assert_eq!(report["diagnostics"][0]["code"], "W0219", "{report}");
    assert_eq!(report["diagnostics"][0]["spans"][0]["file"], "deploy/web.yaml");
    let certificate = json(&folder.read("out/certificate.json"));
    let assumptions: Vec<&str> =
        certificate["assumptions"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert!(assumptions.contains(&"kubernetes: cluster `edge1` runs what deploy says"), "{assumptions:?}");
    let image = "kubernetes: Deployment `shop/web`: container `main` has an image without a digest";
    assert!(assumptions.contains(&image), "{assumptions:?}");
    let inputs = certificate["inputs"].as_array().unwrap();
    assert!(inputs.iter().any(|input| input["path"] == "deploy/web.yaml"), "{inputs:?}");
}

#[test]
fn many_manifests_cost_what_they_are() {
    let folder = Folder::package();
    folder.write("plant.weir", PLANT);
    let mut all = String::new();
    for number in 0..3_000 {
        let _ = writeln!(all, "{}---", deployment("many", &format!("w{number}"), "{ containerPort: 8883 }"));
    }
    folder.write("all.yaml", all);
    let run =
        folder.weir(&["import", "kubernetes", "all.yaml", "--cluster", "edge1", "-o", "workloads.weir"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    folder.write("import.weir", "import deployed { format = kubernetes, file = \"all.yaml\" }\n");
    let run = folder.weir(&["check", "--deny-warnings"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

const SITE: &str = r"use std.it.{dns}

zone site { purdue = 3 }
zone outside { purdue = 5 }
network iot_net { zone = site, subnet = [10.1.0.0/24, fd00:1::/64] }
network office_net { zone = site, subnet = [10.2.0.0/24, fd00:2::/64] }
network uplink { zone = outside, subnet = 203.0.113.0/30 }
gateway gw {
    enforces = nftables
    integrity = untrusted
    interface lan0 { network = iot_net, address = 10.1.0.1 }
    interface lan1 { network = office_net, address = 10.2.0.1 }
    interface wan0 { network = uplink, address = 203.0.113.1 }
    route { to = 0.0.0.0/0, via = 203.0.113.2 }
}
conduit out between site, outside { carries = [any] }
conduit web between site, internet { carries = [any] }
device site_dns { network = office_net, address = 10.2.0.53, serves = [dns], integrity = untrusted }
device controller { network = office_net, address = 10.2.0.54, integrity = untrusted }
";

/// Material that stands beside the project and is not ours to copy; where it is missing, that is said.
fn shared(folder: &str) -> Option<std::path::PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let places = ["..", "../..", "../../.."].map(|up| root.join(up).join("shared/data").join(folder));
    let found = places.into_iter().find(|place| place.is_dir());
    if found.is_none() {
        #[allow(clippy::print_stderr, reason = "a skip is visible")]
        {
            eprintln!("skipped: shared/data/{folder} is missing");
        }
    }
    found
}

/// All values of keys that end in `dnsname`.
fn dns_names(value: &serde_json::Value, names: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                names.extend(value.as_str().filter(|_| key.ends_with("dnsname")).map(str::to_owned));
                dns_names(value, names);
            }
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| dns_names(value, names)),
        _ => {}
    }
}

#[test]
fn every_description_is_imported_and_holds() {
    let Some(data) = shared("mud") else { return };
    let mut files: Vec<_> = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 18);
    let folder = Folder::package();
    folder.write("plant.weir", SITE);
    let mut hosts = String::new();
    for file in &files {
        let mut names = Vec::new();
        dns_names(&json(&std::fs::read_to_string(file).unwrap()), &mut names);
        for name in names {
            let _ = writeln!(hosts, "198.51.100.{}\t{name}", name.len());
        }
    }
    folder.write("hosts", hosts);
    let devices: Vec<String> = files
        .iter()
        .enumerate()
        .map(|(index, file)| format!("{}=10.1.0.{}", file.file_stem().unwrap().to_str().unwrap(), 20 + index))
        .collect();
    let mut arguments = vec!["import", "mud", "-o", "devices.weir", "--network", "iot_net"];
    arguments.extend(["--hosts", "hosts", "--outside", "outside"]);
    for device in &devices {
        arguments.extend(["--at", device]);
    }
    for bind in [
        "urn:ietf:params:mud:dns=site_dns",
        "urn:ietf:params:mud:gateway=gw",
        "local-networks=office_net",
        "bacnet=controller",
        "remote-host=controller",
        "commissioning-tool=controller",
    ] {
        arguments.extend(["--bind", bind]);
    }
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    let run = folder.weir(&arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = folder.read("devices.weir");
    assert!(text.contains("441 access control entries: "), "{}", &text[..400]);
    // the figures of the book's page
    assert!(text.contains(" 168 flows; 111 not said"), "{}", &text[..400]);
    assert_eq!(text.matches("\ndevice ").count(), 18);
    // every entry is a flow, answers one, repeats one, or is listed with its reason
    let listed = text.lines().filter(|line| line.starts_with("// - ")).count();
    assert!(text.contains(&format!("; {listed} not said in Weir, listed at the end")), "{}", &text[..400]);
    let run = folder.weir(&["check", "--format", "json"]);
    let report = json(&run.stdout);
    let errors: Vec<_> = report["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|diagnostic| diagnostic["severity"] == "error")
        .map(|diagnostic| diagnostic["message"].clone())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn descriptions_that_are_wrong_or_say_more_than_weir() {
    let seed = include_str!("../../tests/robustness/seeds/mud.json");
    let folder = Folder::new();
    folder.write("mud.json", seed);
    let run = folder.weir(&["import", "mud", "mud.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for part in [
        "vendor = \"Maker \\\"\\{x\\}\\\"\"",
        "allow Mud -> net_192_0_2_0_24 : icmp",
        "Not bound to anybody here: local-networks, urn:ietf:params:mud:dns.",
        "No device is declared of Mud: declare them, or say `--at NAME=ADDRESS`.",
        "// Not said in Weir (6):",
        "entry `cloud`: no packet filter knows names, and its addresses are not said: `--hosts FILE`",
        "entry `names`: who is `urn:ietf:params:mud:dns` here is not said: `--bind urn:ietf:params:mud:dns=NAME`",
        "entry `late`: an entry before it drops, and order means nothing in Weir",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
    for (from, to, part) in [
        (
            "\"ipv4\": {\"protocol\": 17}",
            "\"ipv4\": {\"protocol\": 17, \"dscp\": 3}",
            "it asks for `dscp` of the packet",
        ),
        (
            "\"udp\": {\"destination-port\": {\"operator\": \"eq\"",
            "\"quic\": {}, \"udp\": {\"destination-port\": {\"operator\": \"eq\"",
            "its condition `quic` is not known",
        ),
        ("{\"controller\": \"urn", "{\"sameness\": \"urn", "its condition `sameness` is not known"),
    ] {
        assert!(seed.contains(from), "{from}");
        folder.write("mud.json", seed.replace(from, to));
        let run = folder.weir(&["import", "mud", "mud.json"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
        assert!(!run.stdout.contains("udp/53"), "{}", run.stdout);
    }
    for (from, to, part) in [
        ("[{\"name\": \"to\"}]", "[{\"name\": \"tow\"}]", "there is no access list `tow`"),
        ("\"port\": 53", "\"port\": 0", "`0` is no port"),
        ("192.0.2.0/24", "192.0.2.0/240", "is no prefix"),
        ("\"ietf-mud:mud\": {\n", "\"mud\": {\n", "this is no MUD file"),
    ] {
        folder.write("mud.json", seed.replace(from, to));
        let run = folder.weir(&["import", "mud", "mud.json"]);
        assert_eq!(run.code, 1, "{}", run.stdout);
        assert!(run.stderr.contains(part) && run.stderr.contains("mud.json:"), "{part}\n{}", run.stderr);
    }
}

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

const DEFINED: &str = "# Networks
INTERNAL = 10.1.0.0/24   # the plant
PARTNER = 198.51.100.0/24
CLOUD = 192.0.2.0/28
        PARTNER
";
const SERVED: &str = "WEB = 80/tcp 443/tcp
DNS = 53/udp 53/tcp
GRE_AND_SSH = 22/tcp 1/gre
";

fn aerleon(terms: &str) -> (Folder, common::Run) {
    let folder = Folder::package();
    folder.write("plant.weir", SITE);
    folder.write("a.net", DEFINED);
    folder.write("a.svc", SERVED);
    folder
        .write("edge.pol", format!("header {{ comment:: \"edge\" target:: nftables inet INPUT }}\n{terms}"));
    let run = folder.weir(&[
        "import",
        "aerleon",
        "a.net",
        "a.svc",
        "edge.pol",
        "--bind",
        "INTERNAL=iot_net",
        "--outside",
        "outside",
        "-o",
        "edge.weir",
    ]);
    (folder, run)
}

#[test]
fn filters_become_policies() {
    let (folder, run) = aerleon(
        "term established { protocol:: tcp option:: tcp-established action:: accept }
term web {
  comment:: \"to the cloud\"
  source-address:: INTERNAL
  destination-address:: CLOUD
  destination-port:: WEB
  protocol:: tcp
  logging:: true
  action:: accept
}
term not-partner { destination-address:: PARTNER protocol:: udp action:: deny }
term names { source-address:: INTERNAL destination-address:: CLOUD destination-port:: DNS protocol:: udp action:: accept }
term last { action:: deny }
",
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = folder.read("edge.weir");
    for part in [
        "5 terms: 2 externals, 2 groups, 3 flows; 2 not said in Weir",
        "group cloud = cloud_own | partner",
        "external partner { prefixes = 198.51.100.0/24 zone = outside }",
        "policy edge {",
        "/// to the cloud",
        "allow iot_net -> cloud : tcp/80 | tcp/443 { log = true }",
        "deny anyone -> partner : udp/1..65535",
        "allow iot_net -> cloud : udp/53",
        "term `established`: answers of a permitted connection need no rule",
        "term `last`: what is not permitted is denied anyway",
    ] {
        let plain = text.replace('\n', " ").replace("    ", "");
        assert!(text.contains(part) || plain.contains(part), "{part}\n{text}");
    }
    let run = folder.weir(&["check"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn what_order_means_is_never_lost() {
    let names =
        |protocol: &str| format!("destination-address:: CLOUD destination-port:: DNS protocol:: {protocol}");
    // the deny would cut what is permitted before it: what follows it is left
    let (folder, run) = aerleon(&format!(
        "term one {{ {} action:: accept }}
term no {{ destination-address:: PARTNER action:: deny }}
term two {{ destination-address:: PARTNER protocol:: tcp action:: accept }}
term three {{ destination-address:: INTERNAL protocol:: tcp action:: accept }}",
        names("udp")
    ));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = folder.read("edge.weir");
    assert!(text.contains("term `two`: term `no` before it may deny a part of this"), "{text}");
    assert!(!text.contains("\n    deny ") && text.contains("-> iot_net : tcp/1..65535"), "{text}");
    // as is what follows a deny that cannot be said at all
    for unsaid in ["ttl:: 255", "protocol:: icmp", "option:: fragments", "source-port:: DNS protocol:: udp"] {
        let (folder, run) = aerleon(&format!(
            "term no {{ destination-address:: PARTNER {unsaid} action:: deny }}
term two {{ destination-address:: CLOUD {} action:: accept }}",
            if unsaid.contains("icmp") { "protocol:: icmp" } else { "protocol:: udp" }
        ));
        assert_eq!(run.code, 0, "{unsaid}: {}", run.stderr);
        let text = folder.read("edge.weir");
        assert!(!text.contains("\n    allow "), "{unsaid}: {text}");
    }
    // conditions that cannot be said, and an end
    for unsaid in ["source-interface:: eth0", "expiration:: 2026-12-31", "dscp-match:: ef"] {
        let (folder, run) = aerleon(&format!("term one {{ {} {unsaid} action:: accept }}", names("udp")));
        assert_eq!(run.code, 0, "{unsaid}: {}", run.stderr);
        assert!(!folder.read("edge.weir").contains("\n    allow "), "{unsaid}");
    }
}

/// Weir has no source ports: what asks for one is not said wider, unless that is what is asked for.
#[test]
fn source_ports_are_left_or_marked() {
    let term = "term one { destination-address:: CLOUD source-port:: DNS destination-port:: DNS protocol:: udp action:: accept }";
    let (folder, run) = aerleon(term);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = folder.read("edge.weir");
    assert!(!text.contains("\n    allow "), "{text}");
    assert!(text.contains("term `one`: without its source port DNS it would permit more"), "{text}");
    let run = folder.weir(&["import", "aerleon", "a.net", "a.svc", "edge.pol", "--any-source-port"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let marked = "/// wider than its source, which asks for source port DNS, too\n    allow ";
    assert!(run.stdout.contains(marked), "{}", run.stdout);

    let seed = include_str!("../../tests/robustness/seeds/mud.json");
    let seed = seed.replace(
        "\"destination-port\":",
        "\"source-port\": {\"operator\": \"eq\", \"port\": 47808}, \"destination-port\":",
    );
    let folder = Folder::new();
    folder.write("mud.json", seed);
    let bind = ["--bind", "urn:ietf:params:mud:dns=site_dns"];
    let run = folder.weir(&[&["import", "mud", "mud.json"][..], &bind].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stdout.contains("allow Mud -> site_dns"), "{}", run.stdout);
    assert!(run.stdout.contains("without its source port 47808 it would permit more"), "{}", run.stdout);
    let run = folder.weir(&[&["import", "mud", "mud.json", "--any-source-port"][..], &bind].concat());
    let marked =
        "/// wider than its source, which asks for source port 47808, too\n    allow Mud -> site_dns";
    assert!(run.stdout.contains(marked), "{}", run.stdout);
}

#[test]
fn filters_that_are_wrong() {
    for (terms, place, part) in [
        (
            "term a { destination-address:: CLOWD protocol:: tcp action:: accept }",
            "edge.pol:2:32",
            "did you mean `CLOUD`?",
        ),
        (
            "term a { destination-port:: WEBB protocol:: tcp action:: accept }",
            "edge.pol:2:29",
            "did you mean `WEB`?",
        ),
        ("term a { destination-port:: WEB action:: accept }", "edge.pol:2:6", "has ports, and no protocol"),
        ("term a { protocol:: tcp }", "edge.pol:2:6", "no single action"),
        ("term a { protocol:: tcp action:: accept", "edge.pol:2:", "a block is not closed"),
        ("term { protocol:: tcp }", "edge.pol:2:1", "a term has no name"),
        ("term a { comment:: \"x }", "edge.pol:2:20", "a quote is not closed"),
        ("}", "edge.pol:2:1", "expected `header` or `term`"),
    ] {
        let (_, run) = aerleon(terms);
        assert_eq!(run.code, 1, "{part}");
        assert!(run.stderr.contains(place) && run.stderr.contains(part), "{place} {part}\n{}", run.stderr);
    }
    let folder = Folder::new();
    for (file, text, place, part) in [
        ("a.net", "A = 10.0.0.0/33\n", "a.net:1:5", "is no prefix"),
        ("a.net", "10.0.0.0/8\n", "a.net:1:1", "belongs to no definition"),
        ("a.net", "A = 10.0.0.0/8\nA = 10.0.0.0/9\n", "a.net:2:1", "defined twice"),
        ("a.svc", "A = 22/tcp\n    99999/tcp\n", "a.svc:2:5", "is no service"),
        ("a.yaml", "networks: { A: { values: [{ adress: 10.0.0.0/8 }] } }\n", "a.yaml:1:", "says nothing"),
    ] {
        folder.write(file, text);
        let run = folder.weir(&["import", "aerleon", file]);
        assert_eq!(run.code, 1, "{part}: {}", run.stdout);
        assert!(run.stderr.contains(place) && run.stderr.contains(part), "{place} {part}\n{}", run.stderr);
    }
}

/// A package whose devices stand in an inventory, and whose camera has a description.
fn live() -> Folder {
    let folder = Folder::package();
    folder.write(
        "plant.weir",
        "zone cell { purdue = 1 }
zone iot { purdue = 2 }
zone outside { purdue = 5 }
network cell_net { zone = cell, subnet = 10.10.1.0/24, isolated = true }
network iot_net { zone = iot, subnet = 10.10.2.0/24, isolated = true }
network out_net { zone = outside, subnet = 203.0.113.0/28 }
gateway gw {
    enforces = nftables
    interface eth0 { network = cell_net, address = 10.10.1.1 }
    interface eth1 { network = iot_net, address = 10.10.2.1 }
    interface eth2 { network = out_net, address = 203.0.113.1 }
}
use std.ot.{modbus}
use std.it.{dns}
conduit iot_cell between iot, cell { carries = [modbus, dns] }
import assets { format = inventory, file = \"lists/assets.csv\" }
device scada { network = iot_net, address = 10.10.2.10 }
allow scada -> plc_01 : modbus
",
    );
    folder.write(
        "lists/assets.csv",
        "Hostname,IP,Type,VLAN,Open ports\nPLC-01,10.10.1.10,PLC,cell_net,Modbus/TCP\n",
    );
    folder
}

#[test]
fn an_inventory_is_a_part_of_the_package() {
    let folder = live();
    let run = folder.weir(&["build"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(folder.read("out/nftables/gw.nft").contains("10.10.1.10"));
    assert!(folder.read("out/certificate.json").contains("lists/assets.csv"), "it is an input");
    // what is wrong with a row is said at that row
    folder.write("lists/assets.csv", "Hostname,IP,Type,VLAN\nPLC-01,10.10.9.10,PLC,cell_net\n");
    let run = folder.weir(&["check"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("error[E0401]") && run.stderr.contains("--> lists/assets.csv:2:"),
        "{}",
        run.stderr
    );
    folder.write("lists/assets.csv", "Hostname,IP,Type,VLAN\nPLC-02,10.10.1.10,PLC,cell_net\n");
    let run = folder.weir(&["check"]);
    assert!(run.stderr.contains("error[E0202]: `plc_01` is not declared"), "{}", run.stderr);
    // nothing is left out in silence
    folder.write("lists/assets.csv", "Hostname,IP,Type,VLAN,Shoe size\nPLC-01,10.10.1.10,PLC,cell_net,44\n");
    folder.write("more.weir", "use std.ot.{s7}\nassert deny scada -> plc_01 : s7\n");
    let run = folder.weir(&["check"]);
    assert!(run.stderr.contains("warning[W0224]: 1 thing that `lists/assets.csv` says"), "{}", run.stderr);
    // an attribute of another format, and a file twice
    for (more, said) in [
        ("import more { format = inventory, file = \"lists/assets.csv\", hosts = \"x\" }\n", "E0422"),
        ("import more { format = inventory, file = \"lists\" }\n", "`lists/assets.csv` is imported twice"),
        ("import more { format = inventory, file = \"none.csv\" }\n", "`none.csv` cannot be read"),
        ("import more { format = inventory, file = \"../x.csv\" }\n", "is no path inside of the package"),
        ("template t() { import more { format = inventory, file = \"lists/assets.csv\" } }\n", "E0211"),
    ] {
        folder.write("more.weir", more);
        let run = folder.weir(&["check"]);
        assert_eq!(run.code, 1, "{more}");
        assert!(run.stderr.contains(said), "{more}{}", run.stderr);
    }
}

#[test]
fn an_inventory_with_its_mapping_is_compared_with_a_revision() {
    let folder = live();
    let text = folder.read("plant.weir");
    folder.write(
        "plant.weir",
        text.replace("file = \"lists/assets.csv\"", "file = \"lists\", mapping = \"lists/mapping.yaml\""),
    );
    folder.write(
        "lists/assets.csv",
        "Asset,IP,Art,VLAN,Open ports\nPLC-01,10.10.1.10,Steuerung,cell_net,Modbus/TCP\n",
    );
    folder.write("lists/mapping.yaml", "columns: { name: Asset, class: Art }\nclasses: { Steuerung: Plc }\n");
    let git = |arguments: &[&str]| {
        let status = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(arguments)
            .current_dir(folder.path(""))
            .status();
        assert!(status.unwrap().success());
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    let run = folder.weir(&["diff", "git:HEAD"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    folder.write(
        "lists/assets.csv",
        "Asset,IP,Art,VLAN,Open ports\nPLC-01,10.10.1.11,Steuerung,cell_net,Modbus/TCP\n",
    );
    let run = folder.weir(&["diff", "git:HEAD", "--no-artifacts"]);
    assert_eq!(run.code, 5, "another address is permitted: {}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("10.10.1.11"), "{}", run.stdout);
}

#[test]
fn a_description_is_a_part_of_the_package() {
    let folder = live();
    folder.write("mud/mud.json", include_str!("../../tests/robustness/seeds/mud.json"));
    folder.write(
        "more.weir",
        "import makers {
    format = mud
    file = \"mud\"
    outside = outside
    bind = { \"urn:ietf:params:mud:dns\" = \"resolver\" }
    accept_unsaid = \"the site has no other services\"
}
use std.it.{dns}
conduit cell_iot between cell, iot { carries = [dns] }
device resolver { network = iot_net, address = 10.10.2.53, serves = [dns] }
device sensor : Mud { network = cell_net, address = 10.10.1.30 }
",
    );
    let run = folder.weir(&["explain", "sensor -> resolver : udp/53"]);
    assert!(
        run.stdout.starts_with("permitted") || run.stderr.contains("--> mud/mud.json:"),
        "{}{}",
        run.stdout,
        run.stderr
    );
    let run = folder.weir(&["check", "--format", "json"]);
    let report = json(&run.stdout);
    let found: Vec<String> = report["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["code"], one["message"], one["spans"][0]["file"]))
        .collect();
    assert!(!found.iter().any(|one| one.contains("W0224")), "{found:#?}");
    // what the maker asks for and the plant does not have is an error at the entry, as for any policy
    let errors: Vec<&String> = found.iter().filter(|one| one.contains("\"E")).collect();
    assert!(errors.iter().any(|one| one.contains("E0501")), "{found:#?}");
    assert!(errors.iter().all(|one| one.ends_with("\"mud/mud.json\"")), "{found:#?}");
}

#[test]
fn imports_in_the_manifest_are_refused() {
    let folder = live();
    folder.write("weir.toml", "[package]\nname = \"hall\"\n\n[import]\nassets = \"lists/assets.csv\"\n");
    let run = folder.weir(&["check"]);
    assert_eq!(run.code, 1);
    for part in [
        "error[E0004]: `import` in weir.toml is not valid",
        "--> weir.toml:4:1",
        "import assets { format = inventory",
    ] {
        assert!(run.stderr.contains(part), "{part}\n{}", run.stderr);
    }
}
