//! `weir import mud`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::fmt::Write as _;

use common::{Folder, SITE, json, shared};

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
    let account = "Of 441 access control entries 168 are said, 111 are listed as not said, 162 need no line";
    assert!(text.contains(account), "{}", &text[..400]);
    let page = include_str!("../../book/src/guide/import.md");
    for row in [
        "| files, all imported and accepted by `weir check` | 18 |",
        "| entries of access lists | 441 |",
        "| flows | 168, ",
        "| entries for the answers to another one, or that say the same as another | 162 |",
        "| listed | 111 |",
    ] {
        assert!(page.contains(row), "{row}");
    }
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

const DESCRIPTION: &str = r#"{
  "ietf-mud:mud": {
    "mud-version": 1, "mud-url": "https://maker.example/lamp.json", "is-supported": true, "systeminfo": "a lamp",
    "from-device-policy": { "access-lists": { "access-list": [{ "name": "out" }] } }
  },
  "ietf-access-control-list:acls": { "acl": [{
    "name": "out", "type": "ipv4-acl-type",
    "aces": { "ace": [{
      "name": "cl0",
      "matches": { "ipv4": { "ietf-acldns:dst-dnsname": "cloud.example", "protocol": 6 }, "tcp": { "destination-port": { "operator": "eq", "port": 443 } } },
      "actions": { "forwarding": "accept" }
    }] }
  }] }
}"#;

#[test]
fn what_is_not_known_beside_conditions_is_not_dropped() {
    let folder = Folder::new();
    folder.write("hosts", "198.51.100.7 cloud.example\n");
    let import = |text: String| {
        folder.write("lamp.json", text);
        let run = folder.weir(&["import", "mud", "lamp.json", "--hosts", "hosts"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run
    };
    assert!(import(DESCRIPTION.into()).stderr.contains("; 0 not said in Weir"));
    for (old, new, listed, is_said) in [
        (
            r#""name": "cl0","#,
            r#""name": "cl0", "maker:schedule": 1,"#,
            "without its `maker:schedule`",
            false,
        ),
        (r#"": "accept""#, r#"": "accept", "logging": "log-syslog""#, "without its `logging`", false),
        (
            r#""type": "ipv4-acl-type","#,
            r#""type": "ipv4-acl-type", "maker:at": 1,"#,
            "without its `maker:at`",
            false,
        ),
        (r#"": "accept""#, r#"": "foo""#, "its action `foo` is not known", false),
        (r#""systeminfo""#, r#""extensions": ["sleep"], "systeminfo""#, "extension `sleep`", true),
        (r#""systeminfo""#, r#""maker:note": "x", "systeminfo""#, "`maker:note`", true),
    ] {
        assert!(DESCRIPTION.contains(old));
        let run = import(DESCRIPTION.replacen(old, new, 1));
        assert!(run.stderr.contains("; 1 not said in Weir"), "{new}: {}", run.stderr);
        assert!(run.stdout.contains(listed), "{new}: {}", run.stdout);
        assert_eq!(run.stdout.contains("    allow "), is_said, "{new}: {}", run.stdout);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_one_mistake() {
    let folder = Folder::new();
    folder.write("latin.json", b"{ \"a\": \"M\xfcller\" }");
    for (kind, path, code) in [
        ("mud", "nowhere.json", "E0001"),
        ("inventory", "nowhere.csv", "E0001"),
        ("mud", "latin.json", "E0002"),
        ("inventory", "latin.json", "E0002"),
    ] {
        let run = folder.weir(&["import", kind, path]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert_eq!(run.stderr.matches("error[").count(), 1, "{kind} {path}: {}", run.stderr);
        assert!(run.stderr.contains(code), "{kind} {path}: {}", run.stderr);
    }
    let run = folder.weir(&["import", "mud", "latin.json"]);
    assert!(run.stderr.contains("byte 9, in line 1"), "{}", run.stderr);
}
