//! Hostile text wherever the language takes text: refused, or without any effect on what a gateway loads.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use weir_robustness::Package;

/// Text as it stands between a string's quotes in Weir. Each holds `EVIL`, so that it can be found again.
fn hostile() -> Vec<String> {
    let mut all: Vec<String> = [
        "EVIL\\\" accept comment \\\"",
        "EVIL\\n    accept\\n",
        "EVIL; flush ruleset; #",
        "EVIL }} table inet evil {{ chain x {{ }} }}",
        "EVIL\\\\",
        "EVIL # not a comment",
        "EVIL $(touch /tmp/weir-evil) `id` && rm -rf x | cat > y",
        "EVIL'; exit 0; '",
        "EVIL {{{{ package.name }}}} {{% include \\\"x\\\" %}} {{# x #}}",
        "EVIL ${{HOME}} %s %n ../../etc/passwd",
        "EVIL <script>alert(1)</script> [a](javascript:x) | --- |",
        "EVIL\\t\u{200f}\u{200b}\u{301}\u{7f}",
        "EVIL \u{1f3ed} \u{fffd} \u{0}",
    ]
    .map(str::to_owned)
    .into();
    all.push(format!("EVIL{}", "x".repeat(10_000)));
    all
}

/// A package with every kind of text, `TEXT` where it stands.
const PACKAGE: &str = r#"//! TEXT
use std.ot.{modbus}
use std.it.{ssh}
use std.devices.{Plc}
zone hall { purdue = 1, name = "TEXT" }
zone desk { purdue = 3, name = "TEXT" }
network a { zone = hall, subnet = 10.1.0.0/24, accept_gap = "TEXT", name = "TEXT" }
network b { zone = desk, subnet = 10.2.0.0/24, accept_gap = "TEXT" }
gateway gw {
    enforces = nftables
    serves = [ssh]
    name = "TEXT"
    identity = x509(san = "TEXT", cn = "TEXT", ou = "TEXT", key = ref("TEXT"))
    interface eth0 { network = a, address = 10.1.0.1 }
    interface eth1 { network = b, address = 10.2.0.1 }
}
conduit c between hall, desk { carries = [modbus], name = "TEXT" }
/// TEXT
class Own : Plc { vendor = "TEXT", attribute rack { type = text } }
/// TEXT
device plc : Own {
    network = a, address = 10.1.0.10, serves = [modbus], rack = "TEXT", name = "TEXT", model = "TEXT"
    serial = "TEXT", location = "TEXT", owner = "TEXT", firmware = "1 TEXT"
}
device hmi : Plc { network = b, address = 10.2.0.10, identity = spiffe("TEXT") }
external e { prefixes = 192.0.2.0/24, dns = ["TEXT"], network = b, name = "TEXT" }
role r { identity = oidc(issuer = "TEXT", group = "TEXT"), name = "TEXT" }
/// TEXT
policy p {
    owner = "TEXT", reason = "TEXT", ticket = "TEXT"
    /// TEXT
    allow hmi -> plc : modbus { log = true, reason = "TEXT" } // TEXT
    allow hmi -> gw : ssh { limit = 5/s }
}
exception x {
    owner = "TEXT", reason = "TEXT", ticket = "TEXT", approved_by = "TEXT", until = 2090-01-01
    allow hmi -> plc : modbus
}
assert allow hmi -> plc : modbus { reason = "TEXT" }
"#;

/// Runs the real binary, which is built beside these tests.
fn build(package: &Package, folder: &Path) -> (i32, String) {
    package.write(folder).unwrap();
    let mut binary: PathBuf = std::env::current_exe().unwrap();
    binary.pop();
    binary.pop();
    let binary = binary.join("weir");
    assert!(binary.exists(), "no weir beside the tests: `cargo build --release -p weir`");
    let output = Command::new(binary)
        .args(["build", "--format", "json"])
        .env("SOURCE_DATE_EPOCH", "1780272000")
        .current_dir(folder)
        .output()
        .unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap())
}

fn read(folder: &Path, path: &str) -> String {
    std::fs::read_to_string(folder.join("out").join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

const FILES: &[&str] = &[
    "nftables/gw.nft",
    "nftables/gw.d/apply",
    "nftables/gw.d/base.nft",
    "nftables/gw.d/stage.nft",
    "nftables/gw.d/switch.nft",
    "nftables/gw.d/sweep.nft",
];

/// Artifacts with what is made of digests left out: ids of statements, the epoch, the generation.
fn without_digests(text: &str) -> String {
    let hex = |word: &str| word.len() >= 6 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut out = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_alphanumeric() {
            word.push(character);
            continue;
        }
        let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix('g')).unwrap_or(&word);
        out.push_str(if hex(digits) { "#" } else { &word });
        word.clear();
        out.push(character);
    }
    out
}

fn loads(folder: &Path) {
    let status = Command::new("unshare")
        .args(["-n", "nft", "-c", "-f"])
        .arg(folder.join("out/nftables/gw.nft"))
        .output()
        .expect("unshare and nft are installed: `./test` does it");
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
}

#[test]
fn every_text() {
    let root = tempfile::tempdir().unwrap();
    let benign = root.path().join("benign");
    let (code, out) = build(&Package::of(PACKAGE.replace("TEXT", "fine")), &benign);
    assert_eq!(code, 0, "{out}");
    loads(&benign);
    let mut harmless = 0;
    for (index, text) in hostile().iter().enumerate() {
        let folder = root.path().join(index.to_string());
        // A comment ends with its line: only there is a line feed no part of the text.
        let (code, out) = build(&Package::of(PACKAGE.replace("TEXT", text)), &folder);
        let report: serde_json::Value =
            serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
        if code == 1 {
            let codes: Vec<_> =
                report["diagnostics"].as_array().unwrap().iter().map(|one| one["code"].to_string()).collect();
            eprintln!("refused: {text:.60}: {codes:?}");
            assert!(!folder.join("out").exists());
            continue;
        }
        assert_eq!(code, 0, "{out}");
        harmless += 1;
        for file in FILES {
            let artifact = read(&folder, file);
            assert!(!artifact.contains("EVIL"), "{file} holds {text:.60}");
            assert_eq!(
                without_digests(&artifact),
                without_digests(&read(&benign, file)),
                "{file}: {text:.60}"
            );
        }
        loads(&folder);
        for file in ["manifest.json", "sourcemap.json"] {
            let parsed: serde_json::Value = serde_json::from_str(&read(&folder, file)).unwrap();
            assert!(parsed.is_object());
        }
        let map: serde_json::Value = serde_json::from_str(&read(&folder, "sourcemap.json")).unwrap();
        let statements = map["statements"].as_object().unwrap();
        assert_eq!(statements.len(), 3);
        for line in read(&folder, "README.md").lines() {
            assert!(!line.contains("EVIL"), "README: {line:.100}");
        }
    }
    eprintln!("{harmless} of {} texts without effect", hostile().len());
    assert!(harmless >= 10, "only {harmless} were accepted");
}

/// Where text decides who passes a gateway that ends connections, and what.
const GATEWAYS: &str = r#"
use std.ot.{modbus}
use std.it.{http, mqtts}
zone hall { purdue = 1 }
network a { zone = hall, subnet = 10.1.0.0/24, accept_gap = "flat" }
device gate { network = a, address = 10.1.0.2, enforces = [envoy, modbus], name = "A" }
device broker { network = a, address = 10.1.0.3, enforces = mosquitto, serves = [mqtts], name = "A" }
device plc { network = a, address = 10.1.0.10, serves = [modbus, http], owner = "A" }
device spiffe { network = a, address = 10.1.0.11, identity = spiffe("spiffe://x/B") }
device named { network = a, address = 10.1.0.12, identity = x509(san = "C") }
device common { network = a, address = 10.1.0.13, identity = x509(cn = "D") }
role people { identity = oidc(issuer = "E", group = "F"), network = a }
/// A
policy p {
    reason = "A"
    allow spiffe | named | common -> plc : modbus.read(registers 0..9) { log = true }
    allow spiffe | named -> plc : http.get("/G/*") { via = gate }
    allow people -> plc : http.get("/G") { via = gate }
    allow spiffe | named | common -> broker : mqtts.publish("H") | mqtts.subscribe("H/#")
}
"#;

/// What the gateways' configurations say is what the policy says, to the letter: the proof compares them, so what is built is
/// free of it. What is no name, topic or path is refused.
#[test]
fn what_gateways_compare() {
    let root = tempfile::tempdir().unwrap();
    let fine = |text: &str| {
        let names =
            [("A", "fine"), ("B", "b"), ("C", "c.nord"), ("D", "d"), ("E", "https://e.nord"), ("F", "f")];
        names.iter().chain(&[("G", "g"), ("H", "h")]).fold(text.to_owned(), |text, (place, name)| {
            let end =
                |text: String, tail: &str| text.replace(&format!("{place}{tail}"), &format!("{name}{tail}"));
            end(end(text, "\""), "/")
        })
    };
    let (code, out) = build(&Package::of(fine(GATEWAYS)), &root.path().join("benign"));
    assert_eq!(code, 0, "{out}");
    let mut built = 0;
    for place in ["\"A\"", "x/B\"", "\"C\"", "\"D\"", "\"E\"", "\"F\"", "/G/", "\"H\""] {
        for (index, text) in hostile().iter().enumerate() {
            let slot = place.find(|letter: char| letter.is_ascii_uppercase()).unwrap();
            let with = format!("{}{text}{}", &place[..slot], &place[slot + 1..]);
            let folder = root.path().join(format!("{}{index}", &place[slot..=slot]));
            let (code, out) = build(&Package::of(fine(&GATEWAYS.replace(place, &with))), &folder);
            assert!(matches!(code, 0 | 1), "{place} {text:.60}: {out:.600}");
            built += i32::from(code == 0);
        }
    }
    eprintln!("{built} built");
    assert!(built >= 10, "only {built} were accepted");
}

/// Text that becomes a name: of a device on the host, of the package, of files.
#[test]
fn names_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let plain = PACKAGE.replace("TEXT", "fine");
    for (index, text) in hostile().iter().enumerate() {
        let folder = root.path().join(index.to_string());
        let device = plain.replace("interface eth0 {", &format!("interface eth0 {{ device = \"{text}\","));
        let (code, out) = build(&Package::of(device), &folder);
        assert_eq!(code, 1, "device {text:.60}: {out:.300}");
        let mut named = Package::of(&plain);
        named.manifest = format!("[package]\nname = '''{text}'''\n");
        let (code, out) = build(&named, &folder.join("named"));
        assert_eq!(code, 1, "package {text:.60}: {out:.300}");
        let mut described = Package::of(&plain);
        described.manifest =
            format!("[package]\nname = \"plant\"\nversion = '''{text}'''\ndescription = '''{text}'''\n");
        let folder = folder.join("described");
        let (code, out) = build(&described, &folder);
        if code == 0 {
            for file in FILES {
                assert!(!read(&folder, file).contains("EVIL"), "{file}: {text:.60}");
            }
            loads(&folder);
            let manifest: serde_json::Value = serde_json::from_str(&read(&folder, "manifest.json")).unwrap();
            let version = manifest["package"]["version"].as_str().unwrap();
            assert!(version.is_empty() || version == text, "{version:.60}");
            let readme = read(&folder, "README.md");
            assert!(!readme.contains("<script>") && !readme.contains("javascript:"), "{readme:.400}");
        } else {
            assert_eq!(code, 1, "{out:.300}");
        }
    }
}

#[test]
fn names_of_files() {
    let root = tempfile::tempdir().unwrap();
    let benign = root.path().join("benign");
    assert_eq!(build(&Package::of(PACKAGE.replace("TEXT", "fine")), &benign).0, 0);
    let names = [
        "EVIL\".weir",
        "EVIL;x.weir",
        "EVIL\n.weir",
        "EVIL}}.weir",
        "EVIL $(id).weir",
        "EVIL \u{202e}.weir",
        "EVIL'x\\.weir",
        "EVIL {{ x }}.weir",
        "-EVIL.weir",
    ];
    for (index, name) in names.iter().enumerate() {
        let folder = root.path().join(index.to_string());
        let mut package = Package::of(PACKAGE.replace("TEXT", "fine"));
        package.files[0].0 = (*name).into();
        let (code, out) = build(&package, &folder);
        if code == 1 {
            eprintln!("refused: {name:?}");
            continue;
        }
        assert_eq!(code, 0, "{name:?}: {out}");
        for file in FILES {
            assert_eq!(read(&folder, file), read(&benign, file), "{name:?}: {file}");
        }
        let map: serde_json::Value = serde_json::from_str(&read(&folder, "sourcemap.json")).unwrap();
        for (_, statement) in map["statements"].as_object().unwrap() {
            assert_eq!(statement["file"], *name);
        }
    }
}
