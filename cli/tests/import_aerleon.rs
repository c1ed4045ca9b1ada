//! `weir import aerleon`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Folder, SITE};

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
        "5 terms: 2 externals, 2 groups, 3 flows; 0 not said in Weir",
        "Of 5 terms 3 are said, 2 need no line (1 as the default deny, 1 for answers).",
        "group cloud = cloud_own | partner",
        "external partner { prefixes = 198.51.100.0/24 zone = outside }",
        "policy edge {",
        "/// to the cloud",
        "allow iot_net -> cloud : tcp/80 | tcp/443 { log = true }",
        "deny anyone -> partner : udp/1..65535",
        "allow iot_net -> cloud : udp/53",
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
    for unsaid in [
        "source-interface:: eth0",
        "expiration:: 2026-12-31",
        "dscp-match:: ef",
        "pan-application:: ssl",
        "priority:: 9",
    ] {
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

/// What real files have: terms that are no rules, definitions that nobody uses and nobody could, and files to be included.
#[test]
fn what_is_no_rule_is_listed() {
    let accept = |name: &str| {
        format!(
            "term {name} {{ destination-address:: CLOUD destination-port:: DNS protocol:: udp action:: accept }}\n"
        )
    };
    for (no_rule, why) in [
        ("term no { verbatim:: speedway \"-A OUTPUT -o lo -j ACCEPT\" }\n", "it is a text for `speedway`"),
        ("term no { filter-term:: other }\n", "what follows is said by the filter `other`"),
        ("term no { protocol:: udp action:: next }\n", "its action `next` cannot be said"),
        ("#include 'includes/more.inc'\n", "included files are not followed"),
    ] {
        // what stands before it is not touched by it, what stands behind it is not known
        let (folder, run) = aerleon(&format!("{}{no_rule}{}", accept("first"), accept("second")));
        assert_eq!(run.code, 0, "{no_rule}: {}", run.stderr);
        let text = folder.read("edge.weir");
        assert!(text.contains(why) && text.contains("/// term first"), "{no_rule}: {text}");
        assert!(!text.contains("/// term second"), "{no_rule}: {text}");
        let by = if no_rule.starts_with('#') { "an include" } else { "term `no`" };
        assert!(text.contains(&format!("term `second`: {by} before it may deny")), "{no_rule}: {text}");
    }
    // terms of a file that others include are records, and none of them is said
    let (folder, _) = aerleon(&accept("first"));
    folder.write("acl/more.inc", "term bogons { source-address:: PARTNER action:: deny }\n");
    folder.write("acl/more.yaml", "terms:\n- name: late\n  action: accept\nversion: 3\n");
    let run = folder.weir(&["import", "aerleon", "a.net", "a.svc", "edge.pol", "acl"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for part in [
        "Of 3 terms 1 is said, 2 are listed as not said; 1 part of what is said, or beside it, is listed, too.",
        "term `bogons`: it is there to be included",
        "term `late`: it is there to be included",
        "`version` of the file: nothing of definitions or policies is known by this name",
        "Defined, and not declared, for nothing that is said names it: INTERNAL.",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
    // what is no address is an error where it is needed
    folder.write("a.net", format!("{DEFINED}ODD = 0/48 10.0.0.0\n"));
    let run = folder.weir(&["import", "aerleon", "a.net", "a.svc", "edge.pol"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    folder.write(
        "edge.pol",
        format!("header {{ target:: demo }}\n{}", accept("first").replace("CLOUD", "ODD")),
    );
    let run = folder.weir(&["import", "aerleon", "a.net", "a.svc", "edge.pol"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stderr.contains("a.net:6:7") && run.stderr.contains("`0/48` is no prefix"), "{}", run.stderr);
}

#[test]
fn what_is_bound_is_defined() {
    let (folder, _) = aerleon("term a { protocol:: udp action:: accept }");
    let run = |bind: &str| folder.weir(&["import", "aerleon", "a.net", "a.svc", "edge.pol", "--bind", bind]);
    let wrong = run("INTERNL=iot_net");
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
    assert!(
        wrong.stderr.contains("`INTERNL` is bound, and nothing of these files is called so"),
        "{}",
        wrong.stderr
    );
    assert!(wrong.stderr.contains("did you mean `INTERNAL`?"), "{}", wrong.stderr);
    let right = run("any=internet");
    assert!(
        right.stdout.contains("allow internet -> internet : udp/1..65535"),
        "{}{}",
        right.stdout,
        right.stderr
    );
}

#[test]
fn a_filter_of_one_ip_version_is_not_said_for_both() {
    let folder = Folder::new();
    folder.write(
        "d.net",
        "BOTH = 192.0.2.0/28\n       2001:db8::/32\nOTHER = 198.51.100.0/28\n        2001:db8:1::/48\nFOUR = 203.0.113.0/28\n",
    );
    folder.write("d.svc", "HTTPS = 443/tcp\n");
    let import = |target: &str, destination: &str| {
        let term = format!(
            "header {{ target:: {target} }}\nterm one {{ source-address:: BOTH\n destination-address:: {destination}\n destination-port:: HTTPS\n protocol:: tcp\n action:: accept }}\n"
        );
        folder.write("p.pol", term);
        let run = folder.weir(&["import", "aerleon", "d.net", "d.svc", "p.pol"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    };
    let is_said = |text: &str| text.contains("    allow ");
    for target in ["juniper edge", "juniper edge inet", "iptables INPUT DROP inet6"] {
        let text = import(target, "OTHER");
        assert!(!is_said(&text), "{target}: {text}");
        assert!(text.contains("both sides have addresses of the other version"), "{target}: {text}");
    }
    assert!(is_said(&import("juniper edge mixed", "OTHER")));
    // one side decides it
    assert!(is_said(&import("juniper edge inet", "FOUR")));
}
