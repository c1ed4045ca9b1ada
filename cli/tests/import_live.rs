//! Imports as declarations of a package: inventories, MUD files, Aerleon policies.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Folder, json};

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
    folder.git("", &["init", "-q"]);
    folder.git("", &["add", "."]);
    folder.git("", &["commit", "-q", "-m", "one"]);
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

const NETWORKS: &str = "INTERNAL = 10.1.0.0/24
CLOUD = 192.0.2.0/24
        PARTNER
PARTNER = 198.51.100.0/28
UNUSED = 203.0.113.128/25
";
const POLICY: &str = "header {
  target:: nftables inet INPUT
}
term answers { option:: established action:: accept }
term not-partner { destination-address:: PARTNER protocol:: udp action:: deny }
term names {
  source-address:: INTERNAL
  destination-address:: CLOUD
  destination-port:: DNS
  protocol:: udp
  action:: accept
}
term web { source-address:: INTERNAL destination-port:: WEB protocol:: tcp action:: accept }
term last { action:: deny }
";
const OTHER: &str = "filters:
  - header: { targets: { nftables: inet OUTPUT } }
    terms:
      - { name: sync, source-address: PARTNER, destination-address: INTERNAL, destination-port: WEB, protocol: tcp, action: accept }
";
const OUTSIDE: &str = "zone outside { purdue = 5 }
zone site { purdue = 3 }
network uplink { zone = outside, subnet = 203.0.113.0/30 }
network plant_net { zone = site, subnet = 10.1.0.0/24 }
gateway gw {
    enforces = nftables
    integrity = untrusted
    interface lan0 { network = plant_net, address = 10.1.0.1 }
    interface wan0 { network = uplink, address = 203.0.113.1 }
    route { to = 0.0.0.0/0, via = 203.0.113.2 }
}
conduit out between site, outside { carries = [any] }
conduit web between site, internet { carries = [any] }
device controller { network = plant_net, address = 10.1.0.20, integrity = untrusted }
";
const LIVE: &str = "import acl {
    format = aerleon
    file = \"acl\"
    bind = { INTERNAL = \"plant_net\" }
    outside = outside
}
";

/// A package beside the definitions and policies of another tool.
fn filters() -> Folder {
    let folder = Folder::package();
    folder.write("plant.weir", OUTSIDE);
    folder.write("acl/def/site.net", NETWORKS);
    folder.write("acl/def/site.svc", "WEB = 443/tcp\nDNS = 53/udp\n");
    folder.write("acl/policies/edge.pol", POLICY);
    folder.write("acl/policies/sync.yaml", OTHER);
    folder
}

/// What is imported into a text, and what is imported as it is, permits the same.
#[test]
fn filters_are_a_part_of_the_package_and_permit_what_their_text_does() {
    let (said, live) = (filters(), filters());
    let run = said.weir(&[
        "import",
        "aerleon",
        "acl",
        "--bind",
        "INTERNAL=plant_net",
        "--outside",
        "outside",
        "-o",
        "acl.weir",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    live.write("live.weir", LIVE);
    for folder in [&said, &live] {
        let run = folder.weir(&["build"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let ruleset = live.read("out/nftables/gw.nft");
    assert!(ruleset.contains("192.0.2.0") && ruleset.contains("198.51.100.0"), "{ruleset}");
    let (left, right) = (said.path(""), live.path(""));
    let run = live.weir(&["diff", left.to_str().unwrap(), right.to_str().unwrap(), "--no-artifacts"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    // the comparison sees what differs
    live.write(
        "acl/policies/edge.pol",
        POLICY.replace("term web { source", "term web { logging:: true source"),
    );
    live.write("acl/policies/sync.yaml", OTHER.replace("WEB", "DNS").replace("tcp", "udp"));
    let run = live.weir(&["diff", left.to_str().unwrap(), right.to_str().unwrap(), "--no-artifacts"]);
    assert!([4, 5].contains(&run.code), "{}{}{}", run.code, run.stdout, run.stderr);
}

#[test]
fn filters_are_declared_where_they_were_read() {
    let folder = filters();
    folder.write("live.weir", LIVE);
    // nothing is left: answers and the default need no line, and a definition that nobody uses is none of a record
    let run = folder.weir(&["check", "--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(!run.stdout.contains("W0224"), "{}", run.stdout);
    let run = folder.weir(&["explain", "controller -> partner : tcp/443"]);
    assert!(run.stdout.contains("acl/policies/edge.pol:13"), "{}{}", run.stdout, run.stderr);
    let run = folder.weir(&["build"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let certificate = json(&folder.read("out/certificate.json"));
    let inputs = certificate["inputs"].as_array().unwrap();
    for path in ["def/site.net", "def/site.svc", "policies/edge.pol", "policies/sync.yaml"] {
        let path = format!("acl/{path}");
        assert!(inputs.iter().any(|input| input["path"] == path.as_str()), "{path}: {inputs:?}");
    }
    // what is wrong is said in the file that says it
    for (file, from, to, code, place) in [
        ("policies/edge.pol", "CLOUD", "CLOWD", "E0422", "acl/policies/edge.pol:8:"),
        ("def/site.net", "192.0.2.0/24", "10.1.0.0/25", "E0403", "acl/def/site.net:2:1"),
        ("def/site.net", "198.51.100.0/28", "0/48", "E0416", "acl/def/site.net:4:"),
        ("policies/edge.pol", "term last {", "term last", "E0415", "acl/policies/edge.pol:14:"),
    ] {
        let whole = folder.read(&format!("acl/{file}"));
        folder.write(&format!("acl/{file}"), whole.replacen(from, to, 1));
        let run = folder.weir(&["check"]);
        assert_eq!(run.code, 1, "{place}");
        assert!(run.stderr.contains(&format!("error[{code}]")), "{place}: {}", run.stderr);
        assert!(run.stderr.contains(&format!("--> {place}")), "{place}: {}", run.stderr);
        folder.write(&format!("acl/{file}"), whole);
    }
    // a name that the package has, too, is said at both
    folder.write("more.weir", "group partner = controller\n");
    let run = folder.weir(&["check"]);
    assert!(
        run.stderr.contains("error[E0201]") && run.stderr.contains("acl/def/site.net:4:1"),
        "{}",
        run.stderr
    );
    folder.write("more.weir", "");
    // what is left is a warning, and an assumption
    let more = "term ttl { ttl:: 3 destination-address:: CLOUD action:: accept }\nterm last";
    folder.write("acl/policies/edge.pol", POLICY.replace("term last", more));
    let run = folder.weir(&["build"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("warning[W0224]: 1 thing that `acl` says"), "{}", run.stderr);
    assert!(run.stderr.contains("--> acl/policies/edge.pol:14:"), "{}", run.stderr);
    let assumption = "aerleon: 1 thing that `acl` says are not said in Weir";
    assert!(folder.read("out/certificate.json").contains(assumption));
    folder.write(
        "live.weir",
        LIVE.replace("    outside =", "    accept_unsaid = \"hops do not matter here\"\n    outside ="),
    );
    let run = folder.weir(&["build"]);
    assert!(!run.stderr.contains("W0224"), "{}", run.stderr);
    assert!(folder.read("out/certificate.json").contains(assumption));
}

#[test]
fn declarations_of_filters_that_are_wrong() {
    let folder = filters();
    folder.write("live.weir", LIVE);
    folder.write("cells/devices.weir", "");
    for (live, code, part) in [
        (
            LIVE.replace("outside = outside", "hosts = \"hosts\""),
            "E0422",
            "`hosts` says nothing about an import of format `aerleon`",
        ),
        (LIVE.replace("outside = outside", "mapping = \"m\""), "E0422", "`mapping` says nothing"),
        (LIVE.replace("INTERNAL", "INTERNL"), "E0422", "did you mean `INTERNAL`?"),
        (
            LIVE.replace("plant_net", "plant_net | internet"),
            "E0422",
            "`INTERNAL` is bound to what is no name in Weir",
        ),
        (LIVE.replace("plant_net", "plant_nett"), "E0202", "`plant_nett` is not declared"),
        (LIVE.replace("outside = outside", "outside = nowhere"), "E0202", "`nowhere`"),
        (LIVE.replace("\"acl\"", "\"../acl\""), "E0001", "no path inside of the package"),
        (LIVE.replace("\"acl\"", "\"cells\""), "E0001", "no such file"),
        (LIVE.replace("aerleon", "capirca"), "E0302", "aerleon"),
        (format!("{LIVE}{}", LIVE.replace("import acl", "import again")), "E0201", "is imported twice"),
        (format!("template t() {{ {LIVE} }}\n"), "E0211", "declarations cannot be imported into a template"),
    ] {
        folder.write("live.weir", &live);
        let run = folder.weir(&["check"]);
        assert_eq!(run.code, 1, "{live}");
        assert!(
            run.stderr.contains(&format!("error[{code}]")) && run.stderr.contains(part),
            "{live}\n{}",
            run.stderr
        );
    }
}

#[test]
fn filters_are_compared_with_a_revision() {
    let folder = filters();
    folder.write("live.weir", LIVE);
    folder.git("", &["init", "-q"]);
    folder.git("", &["add", "."]);
    folder.git("", &["commit", "-q", "-m", "one"]);
    let run = folder.weir(&["diff", "git:HEAD"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    folder.write("acl/def/site.svc", "WEB = 443/tcp 8443/tcp\nDNS = 53/udp\n");
    let run = folder.weir(&["diff", "git:HEAD", "--no-artifacts"]);
    assert_eq!(run.code, 5, "another port is permitted: {}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("8443"), "{}", run.stdout);
}
