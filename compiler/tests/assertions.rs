//! Assertions: what they hold against, their witnesses, what would cut a chain, what they say nothing about.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use weir_compiler::{Analysis, Sources, analyze};

/// Three rooms in a row: `a` and `b` before the gateway, `c` and `d` behind it, `e` behind a gateway of its own.
fn plant(extra: &str) -> Analysis {
    let text = format!(
        r#"
use std.ot.{{modbus, s7}}
use std.it.{{https, mqtts, ssh}}
zone z {{ }}
network one {{ zone = z, subnet = 10.1.0.0/24, accept_gap = "test" }}
network two {{ zone = z, subnet = 10.2.0.0/24, isolated = true }}
network three {{ zone = z, subnet = 10.3.0.0/24, accept_gap = "test" }}
gateway gw {{
    enforces = nftables
    serves = [ssh]
    interface eth0 {{ network = one, address = 10.1.0.1 }}
    interface eth1 {{ network = two, address = 10.2.0.1 }}
    interface eth2 {{ network = three, address = 10.3.0.1 }}
}}
device a {{ network = one, address = 10.1.0.10, serves = [https] }}
device b {{ network = one, address = 10.1.0.11, serves = [https] }}
device c {{ network = two, address = 10.2.0.10, serves = [https, modbus] }}
device d {{ network = two, address = 10.2.0.11, serves = [https, modbus] }}
device e {{ network = three, address = 10.3.0.10, serves = [https, modbus] }}
device admin {{ network = three, address = 10.3.0.11 }}
allow admin -> gw : ssh
{extra}
"#
    );
    let manifest = "[package]\nname = \"test\"\nversion = \"0.1.0\"\nedition = \"2026\"\n";
    analyze(&Sources::new(manifest, vec![("plant.weir".into(), text.into_bytes())]), 0)
}

/// Code and message of each diagnostic about an assertion, with notes and help.
fn said(extra: &str) -> Vec<String> {
    let analysis = plant(extra);
    let all = analysis.diagnostics.iter().filter(|one| !["W0201", "W0602", "W0604"].contains(&one.code.id));
    all.map(|one| {
        let mut text = format!("{}: {}", one.code.id, one.message);
        for part in one.notes.iter().chain(&one.help) {
            text.push('\n');
            text.push_str(part);
        }
        text
    })
    .collect()
}

fn only(extra: &str) -> String {
    let mut said = said(extra);
    assert_eq!(said.len(), 1, "{said:#?}");
    said.pop().unwrap()
}

fn holds(extra: &str) {
    assert_eq!(said(extra), Vec::<String>::new(), "{extra}");
}

#[test]
fn shortest_chain_with_what_permits_each_step() {
    let said = only("allow a -> c : https\nallow c -> e : modbus\nallow b -> d : https\nassert never b ~> e");
    assert!(said.contains("`b` reaches `e` in 3 steps"), "{said}");
    assert!(said.contains("1. `b -> a` on `one`, where nothing separates them"), "{said}");
    assert!(said.contains("2. `a -> c : tcp/443`"), "{said}");
    assert!(said.contains("3. `c -> e : tcp/502`"), "{said}");
    assert!(said.contains("without `allow a -> c : https` no chain is left"), "{said}");
}

#[test]
fn isolated_network_joins_nobody() {
    holds("allow a -> c : https\nallow d -> e : modbus\nassert never a ~> e");
}

#[test]
fn gateway_that_is_broken_into_opens_its_networks() {
    let said = only("allow a -> gw : ssh\nassert never a ~> c");
    assert!(said.contains("2. `gw -> c` on `two`, where the gateway itself stands"), "{said}");
    holds("allow a -> gw : ssh\nallow e -> c : https\nassert never a ~> c { pivot = [https] }");
}

#[test]
fn a_gateway_on_the_border_is_in_neither_network() {
    holds("allow a -> c : https\nallow d -> e : https\nassert never one ~> three");
    let said = only("allow a -> c : https\nassert never one | gw ~> three");
    assert!(said.contains("`gw` reaches `e` in one step"), "{said}");
}

#[test]
fn pivot_narrows_flows_and_is_an_assumption() {
    let flows = "allow a -> c : https\nallow c -> e : modbus\n";
    let narrowed = format!("{flows}assert never a ~> e {{ pivot = [modbus] }}");
    holds(&narrowed);
    let facts = plant(&narrowed).facts.unwrap();
    assert_eq!(facts.assertions.len(), 1);
    assert_eq!(
        facts.assertions[0].assumption.as_deref(),
        Some("an intruder gets onto a principal by `modbus` and by no other flow")
    );
    let said = only(&format!("{flows}assert never a ~> e {{ pivot = [https | s7] }}"));
    assert!(said.contains("assumed: an intruder gets onto a principal by `https`, `s7`"), "{said}");
}

#[test]
fn last_step_has_to_carry_the_service() {
    let flows = "allow a -> e : https\nallow e -> c : https\n";
    let never = "assert never a ~> c : modbus { pivot = [https] }";
    holds(&format!("{flows}allow e -> d : modbus\n{never}"));
    let said = only(&format!("{flows}allow e -> c : modbus\n{never}"));
    assert!(said.contains("2. `e -> c : tcp/502`"), "{said}");
}

#[test]
fn cut_is_the_fewest_statements() {
    let said = only(
        "allow a -> c : https\nallow a -> d : https\nallow c | d -> e : modbus { log = true }\nassert never a ~> e",
    );
    assert!(said.contains("without `allow c | d -> e : modbus` no chain is left"), "{said}");
    let said =
        only("allow a -> c | e : https\nallow c -> e : modbus\nallow b -> e : https\nassert never a ~> e");
    assert!(
        said.contains("no chain is left without these 2, and no fewer do: `allow a -> c | e : https`, `allow b -> e : https`"),
        "{said}"
    );
}

#[test]
fn segment_cannot_be_cut() {
    let said = only("assert never a ~> b");
    assert!(said.contains("no change of a flow ends this: `one` joins them"), "{said}");
}

#[test]
fn gateway_without_a_filter_joins_networks() {
    let said = said(
        "network four { zone = z, subnet = 10.4.0.0/24 }
gateway plain { interface eth0 { network = three, address = 10.3.0.2 }\ninterface eth1 { network = four, address = 10.4.0.1 } }
device f { network = four, address = 10.4.0.10 }
assert never e ~> f",
    );
    let chain = said.iter().find(|said| said.starts_with("E0702")).unwrap();
    assert!(chain.contains("1. `e -> f` by way of `plain`, which filters nothing"), "{chain}");
}

#[test]
fn whoever_is_on_both_sides_is_there_already() {
    let said = only("allow a -> c : https\nassert never a | c ~> c | d");
    assert!(said.contains("this assertion cannot hold: `c` is on both sides"), "{said}");
}

#[test]
fn isolated_looks_in_both_directions() {
    let said = only("allow e -> c : https\nassert isolated c, three");
    assert!(said.starts_with("E0703") && said.contains("`e` reaches `c` in one step"), "{said}");
    let said = only("allow e -> c : https\nassert isolated c | d, d");
    assert!(said.contains("`d` belongs to both"), "{said}");
    holds("allow a -> c : https\nassert isolated c, d");
}

#[test]
fn operations_are_sets() {
    let proxy =
        "gateway proxy { enforces = modbus\ninterface eth0 { network = three, address = 10.3.0.9 } }\n";
    let flow = |coils: &str| format!("{proxy}allow a -> e : modbus.write({coils})\n");
    let wide = flow("coils 100..110");
    holds(&format!("{wide}assert allow a -> e : modbus.write(coils 100..103)"));
    holds(&format!("{wide}assert allow a -> e : modbus.write(coil 104 = on)"));
    holds(&format!("{wide}assert deny b -> e : modbus.write(coils 5..7)"));
    let said = only(&format!("{wide}assert allow a -> e : modbus.write(coils 108..112)"));
    assert!(said.contains("`a -> e : modbus.write(coils 111) on tcp/502` is denied"), "{said}");
    let said = only(&format!("{wide}assert deny a -> e : modbus.write(coils 90..101)"));
    assert!(said.contains("`a -> e : modbus.write(coils 100) on tcp/502` is permitted"), "{said}");
    let said = only(&format!("{wide}assert only b -> e : modbus.write(coil 110 = off)"));
    assert!(said.contains("`a -> e : modbus.write(coil 110 = off) on tcp/502` is permitted"), "{said}");
    holds(&format!("{wide}assert deny a -> e : modbus.read"));
}

#[test]
fn every_pair_has_to_be_permitted() {
    let said = only("allow a -> c | d : https\nallow b -> c : https\nassert allow a | b -> c | d : https");
    assert!(said.contains("`b -> d : tcp/443` is denied"), "{said}");
    holds("allow a -> c | d : https\nallow b -> c | d : https\nassert allow a | b -> c | d : https");
}

#[test]
fn three_statements_are_shown_and_the_others_counted() {
    let extra = "allow a -> c : https\nallow a -> d : https\nallow b -> c : https\nallow b -> d : https\nallow e -> c : https\nassert deny a | b | e -> c | d : https";
    let said = only(extra);
    assert!(said.contains("and 2 more statements permit what it forbids"), "{said}");
    let labels = plant(extra).diagnostics.iter().find(|one| one.code.id == "E0701").unwrap().labels.len();
    assert_eq!(labels, 4);
}

#[test]
fn what_says_nothing_is_warned_of() {
    let said = only("allow a -> c : https\nassert deny a -> c : s7");
    assert!(said.starts_with("W0701") && said.contains("no destination serves it"), "{said}");
    let said = only("assert only a -> c : https");
    assert!(said.contains("nobody at all is permitted it"), "{said}");
    let said = only("assert never c ~> e");
    assert!(said.contains("nothing leads out of its source"), "{said}");
    let said = only(
        "network six { zone = z, subnet = 10.6.0.0/24 }
gateway inner { enforces = nftables\ninterface eth0 { network = three, address = 10.3.0.3 }\ninterface eth1 { network = six, address = 10.6.0.1 } }
device x { network = six, address = 10.6.0.10 }
allow c -> e : https
assert never c ~> x",
    );
    assert!(said.contains("nothing leads to its destination"), "{said}");
    holds("allow a -> c : tcp/102\nassert deny b -> c : s7");
}

#[test]
fn pivot_is_for_chains_only() {
    let said =
        only("allow a -> c : https\nassert deny a -> d : https { pivot = [https] }\nallow b -> d : https");
    assert!(said.starts_with("E0207"), "{said}");
}
