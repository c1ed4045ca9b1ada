//! `weir diff`, `weir explain FLOW` and `weir query`, from outside.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use std::process::Command;

use common::{Folder, json};

/// The flagship example in a folder of its own, under `old` and `new`.
fn halls() -> Folder {
    let folder = Folder::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/turbine_hall");
    for name in ["old", "new"] {
        let copied = Command::new("cp").args(["-r", example]).arg(folder.path(name)).status();
        assert!(copied.unwrap().success());
    }
    folder
}

fn change(folder: &Folder, path: &str, from: &str, to: &str) {
    let before = folder.read(path);
    assert!(before.contains(from), "{path} has no {from}");
    folder.write(path, before.replace(from, to));
}

const VIBRATION: &str = "new/policies/vibration.weir";

/// One flow more than before.
fn let_the_collector_view(folder: &Folder) {
    change(
        folder,
        VIBRATION,
        "allow operator -> dashboard : https",
        "allow operator | collector -> dashboard : https",
    );
}

#[test]
fn nothing_changes() {
    let folder = halls();
    let run = folder.weir(&["diff", "old", "new"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "old -> new: nothing changes\n"), "{}", run.stderr);
}

#[test]
fn widening_narrowing_and_terms_have_codes_of_their_own() {
    let folder = halls();
    change(&folder, VIBRATION, "{ limit = 50/s }", "{ limit = 60/s }");
    let run = folder.weir(&["diff", "old", "new"]);
    assert_eq!(run.code, 5, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("limit: 50/s -> 60/s (wider)"), "{}", run.stdout);
    assert!(run.stdout.contains("nftables/gw_turbine.nft"), "{}", run.stdout);
    // and back
    let run = folder.weir(&["diff", "new", "old"]);
    assert_eq!(run.code, 4, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("limit: 60/s -> 50/s (narrower)"), "{}", run.stdout);
}

#[test]
fn a_new_flow_has_a_witness_and_a_cause() {
    let folder = halls();
    let_the_collector_view(&folder);
    let run = folder.weir(&["diff", "old", "new", "--format", "json"]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    let found = json(&run.stdout);
    assert_eq!(found["verdict"], "widened");
    let flow = &found["permitted"][0];
    assert_eq!(flow["sources"], "collector");
    assert_eq!(flow["destinations"], "dashboard");
    assert_eq!(flow["witness"]["source"], "collector");
    assert_eq!(flow["rule"]["place"]["file"], "policies/vibration.weir");
    assert!(flow["cause"]["text"].as_str().unwrap().contains("operator -> dashboard"), "{flow}");
    assert_eq!(found["denied"].as_array().unwrap().len(), 0);
    // an envelope that holds it, and one that does not
    folder.write("approved.weir", "allow edge -> dashboard : https\n");
    let run = folder.weir(&["diff", "old", "new", "--allow", "approved.weir"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("[approved]"), "{}", run.stdout);
    folder.write("approved.weir", "allow voter -> dashboard : https\n");
    let run = folder.weir(&["diff", "old", "new", "--allow", "approved.weir"]);
    assert_eq!(run.code, 5, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("[not approved]"), "{}", run.stdout);
    folder.write("approved.weir", "allow nobody -> dashboard : https\n");
    let run = folder.weir(&["diff", "old", "new", "--allow", "approved.weir"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stderr.contains("E0202") && run.stderr.contains("approved.weir"), "{}", run.stderr);
}

#[test]
fn a_device_and_an_assertion_and_a_deny() {
    let folder = halls();
    change(
        &folder,
        VIBRATION,
        "    deny office | field -> safety : any\n",
        "    deny field -> safety : any\n",
    );
    change(&folder, "new/assertions.weir", "use std.it.{mqtts, ssh}", "use std.it.{https, mqtts, ssh}");
    change(
        &folder,
        "new/assertions.weir",
        "assert allow turbine_sensors -> broker : mqtts.publish(\"turbine/+/vib\")",
        "assert allow turbine_sensors -> dashboard : https",
    );
    let run = folder.weir(&["diff", "old", "new"]);
    for part in [
        "new, does not hold",
        "- removed: assert allow turbine_sensors",
        "rule policies.vibration: deny office | field",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    // an assertion that breaks is no flow
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(run.stdout.contains("the later version has 1 error"), "{}", run.stdout);
}

#[test]
fn reports_for_pull_requests_and_browsers() {
    let folder = halls();
    let_the_collector_view(&folder);
    let run = folder.weir(&["diff", "old", "new", "--format", "markdown", "--unified"]);
    assert!(run.stdout.starts_with("## ⚠️ Policy: widened"), "{}", run.stdout);
    assert!(run.stdout.contains("| `collector -> dashboard : https on tcp/8443` |"), "{}", run.stdout);
    assert!(run.stdout.contains("```diff\n--- a/"), "{}", run.stdout);
    let run = folder.weir(&["diff", "old", "new", "--format", "html"]);
    assert!(run.stdout.starts_with("<!doctype html>") && run.stdout.ends_with("</html>\n"));
    assert!(run.stdout.contains("collector -&gt; dashboard"), "{}", run.stdout);
    assert!(!run.stdout.contains("http://") && !run.stdout.contains("<script"));
}

#[test]
fn revisions_are_read_without_touching_the_work_tree() {
    let folder = halls();
    let git = |arguments: &[&str]| folder.git("", arguments);
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "new"]);
    git(&["commit", "-q", "-m", "one"]);
    change(&folder, VIBRATION, "allow operator -> dashboard : https", "");
    let before = git(&["status", "--porcelain"]);
    let run = folder.weir_in("new", &["diff", "git:main"]);
    assert_eq!(run.code, 4, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("- operator -> dashboard"), "{}", run.stdout);
    assert!(run.stdout.contains("git:main -> .: narrowed"), "{}", run.stdout);
    assert_eq!(git(&["status", "--porcelain"]), before);
    let run = folder.weir(&["diff", "git:main", "new"]);
    assert_eq!(run.code, 4, "{}{}", run.stdout, run.stderr);
    let run = folder.weir(&["diff", "git:main:new", "git:main:new"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    for (revision, said) in [
        ("git:mian", "there is no revision `mian`"),
        ("git:main:old", "has no package in `old`"),
        ("git:", "names no revision"),
        ("git:--output=x", "names no revision"),
    ] {
        let run = folder.weir_in("new", &["diff", revision]);
        assert!(run.code == 1 || run.code == 2, "{revision} {}", run.code);
        assert!(run.stderr.contains(said), "{revision}: {}", run.stderr);
    }
}

#[test]
fn a_package_that_is_wrong_is_not_compared() {
    let folder = halls();
    folder.write("new/wrong.weir", "allow nobody -> nowhere : any\n");
    let run = folder.weir(&["diff", "old", "new"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stderr.contains("E0202") && run.stderr.contains("cannot be understood"), "{}", run.stderr);
}

fn explain(flow: &str) -> common::Run {
    let folder = Folder::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/turbine_hall");
    folder.weir(&["explain", flow, "--package", example])
}

#[test]
fn a_permitted_flow_is_explained_down_to_the_line() {
    let run = explain("voter -> trip_plc : modbus.write(coils 101)");
    assert_eq!(run.code, 0, "{}", run.stderr);
    for part in [
        "permitted: voter -> trip_plc",
        "policies/vibration.weir:17",
        "conduit  edge_safety",
        "at gw_turbine: nftables, forward",
        "nftables/gw_turbine.nft:",
        "limit 2/s, logged, through dmz_proxy",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    // the line that is named is the line that accepts it
    let folder = halls();
    assert_eq!(folder.weir(&["build", "old", "-o", "out"]).code, 0);
    let (_, line) = run.stdout.split_once("nftables/gw_turbine.nft:").unwrap();
    let number: usize = line.split_whitespace().next().unwrap().parse().unwrap();
    let ruleset = folder.read("out/nftables/gw_turbine.nft");
    let accepted = ruleset.lines().nth(number - 1).unwrap();
    assert!(accepted.contains("10.31.1.10") && accepted.contains("502"), "{accepted}");
}

#[test]
fn a_denied_flow_has_its_nearest_rule_and_what_is_missing() {
    let run = explain("office -> safety : any");
    for part in [
        "denied: office -> safety",
        "denied by  policies/vibration.weir:23  deny office | field -> safety : any",
        "a conduit between `office` and `safety` that carries it: there is none",
        "at gw_office: nftables, forward, refuses it",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    let run = explain("voter -> trip_plc : modbus.write(coils 200)");
    assert!(
        run.stdout.contains("denied: ") && run.stdout.contains("permits other operations"),
        "{}",
        run.stdout
    );
    let run = explain("operator | desk[1] -> dashboard : https");
    assert!(run.stdout.starts_with("permitted in part"), "{}", run.stdout);
    assert!(run.stdout.contains("- desk[1] -> dashboard"), "{}", run.stdout);
}

/// The point that decides is named: a packet filter sees no topic, no path and no register.
#[test]
fn a_denied_operation_is_refused_where_operations_are_seen() {
    for (flow, parts) in [
        (
            "vib[1] -> broker : mqtts.publish(\"turbine/1/temp\")",
            [
                "at gw_turbine: nftables, forward, accepts the connection\n",
                "at edge1: kubernetes, forward, accepts the connection\n",
                "at broker: mosquitto, ends the connection, refuses it\n",
            ],
        ),
        (
            "process_engineers -> historian_mirror : https.get(\"/api/x\")",
            [
                "path     process_engineers -> portal_proxy",
                "at gw_office: nftables, forward, accepts the connection\n",
                "at portal_proxy: envoy, ends the connection, refuses it\n",
            ],
        ),
        (
            "voter -> trip_plc : modbus.write(coils 200)",
            [
                "path     voter -> dmz_proxy",
                "at edge1: kubernetes, forward, accepts the connection\n",
                "at dmz_proxy: modbus, ends the connection, refuses it\n",
            ],
        ),
        (
            "analytics -> broker : mqtts.publish(\"x/y\")",
            [
                "path     analytics -> broker",
                "at edge1: kubernetes, network policies of its pods, accepts",
                "at broker: mosquitto, ends the connection, refuses it\n",
            ],
        ),
        // another pod of the same cluster may: to gateways, all pods look the same
        (
            "collector -> trip_plc : tcp/502",
            [
                "denied: ",
                "at edge1: kubernetes, forward, refuses it\n",
                "at gw_turbine: nftables, forward, is not reached\n",
            ],
        ),
        // a filter refuses what nothing else permits, and what lies behind it is not asked
        (
            "desk[1] -> broker : mqtts",
            [
                "at gw_office: nftables, forward, refuses it\n",
                "at gw_dmz: nftables, forward, is not reached\n",
                "at broker: mosquitto, ends the connection, is not reached\n",
            ],
        ),
    ] {
        let run = explain(flow);
        assert_eq!(run.code, 0, "{}", run.stderr);
        for part in parts {
            assert!(run.stdout.contains(part), "{flow}: {part}: {}", run.stdout);
        }
        assert_eq!(run.stdout.matches("refuses it").count(), 1, "{}", run.stdout);
    }
}

#[test]
fn rules_are_quoted_on_one_line_as_they_could_be_written() {
    let folder = halls();
    change(
        &folder,
        VIBRATION,
        "allow operator -> dashboard : https",
        "allow operator -> // c\n dashboard : https {\n limit = 5/s // d\n log = true\n }",
    );
    let run = folder.weir_in("new", &["explain", "operator -> dashboard : https"]);
    let rule = "allow operator -> dashboard : https { limit = 5/s, log = true }";
    assert!(run.stdout.contains(&format!("  {rule}\n")), "{}", run.stdout);
    // which is the same rule
    let text = folder.read(VIBRATION);
    let (before, after) = text.split_once("allow operator").unwrap();
    let (_, after) = after.split_once("\n }").unwrap();
    folder.write(VIBRATION, format!("{before}{rule}{after}"));
    let again = folder.weir_in("new", &["explain", "operator -> dashboard : https"]);
    assert_eq!((again.code, again.stdout.as_str()), (0, run.stdout.as_str()), "{}", again.stderr);
}

#[test]
fn addresses_and_mistakes() {
    let run = explain("10.93.0.11 to 10.30.2.2 : tcp/22");
    assert!(
        run.stdout.contains("10.93.0.11 is `admin[1]`") && run.stdout.starts_with("permitted"),
        "{}",
        run.stdout
    );
    let run = explain("8.8.8.8 -> trip_plc : tcp/502");
    assert!(
        run.stdout.starts_with("denied") && run.stdout.contains("8.8.8.8 is `internet`"),
        "{}",
        run.stdout
    );
    let run = explain("10.93.0.200 -> trip_plc : tcp/502");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("nobody has the address 10.93.0.200"), "{}", run.stderr);
    // what is wrong is shown in what was written, and nothing else is
    let run = explain("vib[1] to brokr : mqtts");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("did you mean `broker`?"), "{}", run.stderr);
    assert!(run.stderr.contains("| vib[1] to brokr : mqtts\n  |           ^^^^^"), "{}", run.stderr);
    assert!(!run.stderr.contains("assert"), "{}", run.stderr);
    // no packet has addresses of both families
    for (flow, said) in [
        ("10.70.0.21 -> 2001:db8::1 : tcp/443", "`desk[1]` is also 2001:db8:70::15"),
        ("2001:db8:70::15 -> trip_plc : tcp/443", "an IPv6 source and an IPv4 destination"),
    ] {
        let run = explain(flow);
        assert_eq!(run.code, 2, "{}", run.stdout);
        assert!(run.stderr.contains("no packet has") && run.stderr.contains(said), "{}", run.stderr);
    }
    let run = explain("a -> : x");
    assert_eq!(run.code, 2, "{}", run.stderr);
    // a question is one question
    let run = explain("voter -> trip_plc : modbus\nallow voter -> trip_plc : any");
    assert_ne!(run.code, 0, "{}", run.stdout);
}

fn query(arguments: &[&str]) -> common::Run {
    let folder = Folder::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/turbine_hall");
    let mut all = vec!["query", "--package", example];
    all.extend(arguments);
    folder.weir(&all)
}

#[test]
fn queries() {
    let run = query(&["who", "reaches", "trip_plc"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("voter") && run.stdout.contains("safety_station"), "{}", run.stdout);
    let run = query(&["--format", "json", "what voter reaches"]);
    let found = json(&run.stdout);
    let destinations: Vec<&str> = found["sections"][0]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["destination"]["words"].as_str().unwrap())
        .collect();
    assert_eq!(destinations, ["broker", "trip_plc"]);
    let run = query(&["paths", "operator", "to", "trip_plc"]);
    assert!(run.stdout.contains("a shortest chain") || run.stdout.contains("no chain"), "{}", run.stdout);
    let run = query(&["blast", "jump_host"]);
    assert!(run.stdout.contains("reaches ") && run.stdout.contains("purdue"), "{}", run.stdout);
    let run = query(&["top", "exposure"]);
    assert_eq!(run.stdout.lines().filter(|line| line.starts_with("  ")).count(), 21, "{}", run.stdout);
    let run = query(&["--format", "dot", "who reaches 10.31.1.10"]);
    assert!(
        run.stdout.starts_with("digraph weir {") && run.stdout.contains("-> \"trip_plc\" [label = \"s7\""),
        "{}",
        run.stdout
    );
    for wrong in ["who knows", "paths a", "blast ", "who reaches "] {
        let run = query(&[wrong]);
        assert_eq!(run.code, 2, "{wrong}: {}", run.stdout);
        assert!(run.stderr.contains("top exposure") || run.stderr.contains("paths A"), "{}", run.stderr);
    }
    // nobody is not reached by nobody
    for wrong in ["who reaches nobody", "what nobody reaches", "blast 10.93.0.200", "paths broker to nobody"]
    {
        let run = query(&[wrong]);
        assert_eq!(run.code, 2, "{wrong}: {}", run.stdout);
        assert!(run.stdout.is_empty() && run.stderr.contains("error"), "{}", run.stderr);
        assert!(!run.stderr.contains("assert") && !run.stderr.contains("internet"), "{}", run.stderr);
    }
    let run = query(&["who reaches nobody"]);
    assert!(
        run.stderr.contains("| who reaches nobody\n  |             ^^^^^^ not found\n"),
        "{}",
        run.stderr
    );
}

#[test]
fn machines_get_all_of_an_answer() {
    let ask = |question: &str| {
        let run = query(&["--format", "json", question]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        json(&run.stdout)
    };
    let found = ask("blast jump_host");
    let [zones, effects] = found["sections"].as_array().unwrap().as_slice() else {
        unreachable!("two tables: {found}")
    };
    for row in zones["rows"].as_array().unwrap().iter().chain(effects["rows"].as_array().unwrap()) {
        let members = row["who"]["members"].as_array().unwrap();
        assert_eq!(row["principals"], members.len(), "{row}");
        assert!(row["purdue"].is_null() || row["purdue"].is_u64(), "{row}");
        assert!(members.iter().all(|member| member["name"].is_string() && member["addresses"].is_array()));
    }
    // what the words elide is there
    let elided = effects["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["who"]["words"].as_str().unwrap().contains(" more"));
    assert!(elided.is_some(), "{effects}");
    let found = ask("who reaches trip_plc");
    assert_eq!(found["asked"][0]["members"][0]["addresses"][0], "10.31.1.10");
    let flow =
        found["sections"][0]["rows"].as_array().unwrap().iter().find(|row| row["source"]["words"] == "voter");
    let flow = flow.unwrap();
    assert_eq!(flow["terms"]["limit"], serde_json::json!({ "count": 2, "seconds": 1 }));
    assert_eq!((&flow["terms"]["log"], &flow["terms"]["until"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!(flow["terms"]["through"], "dmz_proxy");
    assert_eq!(
        (&flow["rule"]["file"], &flow["rule"]["line"]),
        (&"policies/vibration.weir".into(), &17.into())
    );
    assert_eq!(flow["effect"], "actuate");
    assert_eq!(found["sections"][1]["rows"][0]["steps"], 1);
    let found = ask("top exposure");
    assert!(found["sections"][0]["rows"][0]["reached_by"].is_u64(), "{found}");
}

#[test]
fn graphs_of_queries() {
    let dot = |question: &str| query(&["--format", "dot", question]);
    let run = dot("blast jump_host");
    assert!(run.stdout.contains("\"jump_host\" -> \"cell_plc\" [label = \"s7\""), "{}", run.stdout);
    // whom one step does not reach hangs on whom it does
    assert!(run.stdout.contains("\"cell_plc\" -> "), "{}", run.stdout);
    let run = dot("who reaches trip_plc");
    for edge in
        ["\"voter | dmz_proxy\" -> \"trip_plc\"", "\"admin\" -> \"voter | dmz_proxy\" [label = \"ssh\""]
    {
        assert!(run.stdout.contains(edge), "{edge}: {}", run.stdout);
    }
    let run = dot("paths internet to trip_plc");
    assert_eq!(run.code, 0);
    for part in ["// no chain leads there", "\"internet\"", "\"trip_plc\""] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    let run = dot("top exposure");
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("no graph") && run.stderr.contains("--format json"), "{}", run.stderr);
}
