//! Clusters: what Kubernetes would refuse, what network policies cannot hold, and what each cluster gets to hold.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

use weir_compiler::{Analysis, Sources, analyze, plan::PodDirection};
use weir_syntax::Severity;

fn analysis(cluster: &str, rest: &str) -> Analysis {
    let text = format!(
        r#"
use std.it.{{https, mqtts, ping, ssh}}
use std.ot.{{goose}}
zone edge {{ }}
zone plant {{ }}
network nodes {{ zone = edge, subnet = 10.40.0.0/24, accept_gap = "one team" }}
network floor {{ zone = plant, subnet = 10.1.0.0/24, accept_gap = "one team" }}
gateway gw {{
    enforces = nftables
    serves = [ssh]
    interface eth0 {{ network = nodes, address = 10.40.0.1 }}
    interface eth1 {{ network = floor, address = 10.1.0.1 }}
}}
conduit edge_plant between edge, plant {{ carries = [any] }}
cluster c {{ zone = edge, nodes = nodes, pods = 10.42.0.0/16, services = 10.43.0.0/16, accept_gap = "hardened", {cluster} }}
device server {{ network = floor, address = 10.1.0.10, serves = [https, ping] }}
device near {{ network = nodes, address = 10.40.0.10, serves = [https] }}
allow server -> gw : ssh
{rest}
"#
    );
    let manifest = "[package]\nname = \"test\"\nversion = \"0.1.0\"\nedition = \"2026\"\n";
    analyze(&Sources::new(manifest, vec![("plant.weir".into(), text.into_bytes())]), 0)
}

/// Said of the frame around: not each package uses all of it.
const BESIDE: [&str; 3] = ["W0201", "W0505", "W0604"];

/// The codes of what is wrong.
fn codes(cluster: &str, rest: &str) -> Vec<&'static str> {
    let analysis = analysis(cluster, rest);
    analysis.diagnostics.iter().map(|found| found.code.id).filter(|id| !BESIDE.contains(id)).collect()
}

const TWO: &str = r#"
workload a in c { namespace = "x", labels = { app = "a" } }
workload b in c { namespace = "x", labels = { app = "b" }, serves = [https] }
"#;

#[test]
fn names_are_those_of_kubernetes() {
    let long = "x".repeat(64);
    let refused = [
        "namespace = \"Upper\"".to_owned(),
        "namespace = \"-x\"".into(),
        "namespace = \"a.b\"".into(),
        format!("namespace = \"{long}\""),
        "namespace = \"x\", service_account = \"A\"".into(),
        "namespace = \"x\", labels = { app = \"spiffe://a/b\" }".into(),
        "namespace = \"x\", labels = { app = \"a b\" }".into(),
        "namespace = \"x\", labels = { app = \"a\\nb\" }".into(),
        format!("namespace = \"x\", labels = {{ app = \"{long}\" }}"),
        "namespace = \"x\", labels = { \"a/b/c\" = \"d\" }".into(),
        "namespace = \"x\", labels = { \"Example.com/a\" = \"d\" }".into(),
        format!("namespace = \"x\", labels = {{ \"{long}\" = \"d\" }}"),
    ];
    for body in refused {
        assert_eq!(codes("", &format!("workload w in c {{ {body} }}")), ["E0412"], "{body}");
    }
    for body in [
        "namespace = \"x\", labels = { \"app.kubernetes.io/name\" = \"A_b.c-1\", tier = \"\" }".to_owned(),
        format!("namespace = \"{}\"", "x".repeat(63)),
    ] {
        assert_eq!(codes("", &format!("workload w in c {{ {body} }}")), [""; 0], "{body}");
    }
    let twice = "workload w in c { namespace = \"x\", labels = { app = \"a\", app = \"b\" } }";
    assert_eq!(codes("", twice), ["E0208"]);
}

#[test]
fn workloads_do_not_share_pods() {
    let of = |a: &str, b: &str| {
        codes(
            "",
            &format!(
                "workload a in c {{ namespace = \"x\", labels = {{ {a} }} }}\nworkload b in c {{ namespace = \"x\", labels = {{ {b} }} }}"
            ),
        )
    };
    assert_eq!(of("app = \"a\"", "app = \"b\""), [""; 0]);
    assert_eq!(of("app = \"a\"", "app = \"a\""), ["E0413"]);
    assert_eq!(of("app = \"a\"", "app = \"a\", tier = \"b\""), ["E0413"]);
    assert_eq!(of("app = \"a\", tier = \"b\"", "app = \"a\""), ["E0413"]);
    assert_eq!(of("app = \"a\", tier = \"a\"", "app = \"a\", tier = \"b\""), [""; 0]);
    let all = "workload a in c { namespace = \"x\" }\nworkload b in c { namespace = \"x\", labels = { app = \"b\" } }";
    assert_eq!(codes("", all), ["E0413"]);
    let elsewhere = "workload a in c { namespace = \"x\" }\nworkload b in c { namespace = \"y\" }";
    assert_eq!(codes("", elsewhere), [""; 0]);
}

#[test]
fn dns_is_known_and_stays_open() {
    for (dns, code) in [
        ("kube-system/coredns", None),
        ("openshift-dns/dns-default", None),
        ("dns/app=mine", None),
        ("dns/app=mine:5353", None),
        ("169.254.20.10", None),
        ("coredns", Some("E0301")),
        ("kube-system/corednss", Some("E0302")),
        ("kube-system/coredns:0", Some("E0303")),
        ("Kube/coredns", Some("E0412")),
        ("dns/app=a b", Some("E0412")),
        ("x/coredns", Some("E0413")),
    ] {
        let expected: Vec<&str> = code.into_iter().collect();
        assert_eq!(codes(&format!("dns = \"{dns}\""), TWO), expected, "{dns}");
    }
}

#[test]
fn what_policies_cannot_hold_is_said() {
    let with = |flow: &str| codes("", &format!("{TWO}\n{flow}"));
    assert_eq!(with("allow a -> b : https"), [""; 0]);
    assert_eq!(with("allow a -> b : https { limit = 1/s }"), ["E0601"]);
    assert_eq!(with("policy p { allow a -> b : https { log = true } }"), ["E0601"]);
    assert_eq!(with("allow a -> b : https { mode = audit }"), ["E0601"]);
    assert_eq!(with("allow a -> b : https { until = 2030-01-01 }"), ["W0601"]);
    assert_eq!(with("allow a -> near : https { log = true }"), ["E0601"]);
    assert_eq!(with("allow a -> server : https { log = true, limit = 1/s, until = 2030-01-01 }"), [""; 0]);
    assert_eq!(with("allow a -> server : ping"), ["E0601"]);
    assert_eq!(with("allow server -> a : any"), ["E0601"]);
    assert_eq!(with("allow a -> b : goose"), ["E0506"]);
    assert_eq!(with("allow a -> b : ethertype/0x88b8"), ["E0509"]);
    let host = "workload h in c { namespace = \"x\", labels = { app = \"h\" }, host_network = true }";
    assert_eq!(with(&format!("{host}\nallow h -> b : https")), ["E0409"]);
}

#[test]
fn clusters_keep_their_addresses() {
    let two = |services: &str| {
        codes(
            "",
            &format!(
                "cluster d {{ zone = edge, nodes = nodes, pods = 10.44.0.0/16, services = {services}, accept_gap = \"hardened\" }}"
            ),
        )
    };
    assert_eq!(two("10.43.0.0/16"), [""; 0], "services of two clusters do not meet");
    assert_eq!(two("10.1.0.0/16"), ["E0403"]);
    let outside = "external e { prefixes = 10.43.1.0/24, network = floor }";
    assert_eq!(codes("", outside), ["E0403"]);
    let other = "
cluster d { zone = edge, nodes = nodes, pods = 10.44.0.0/16, accept_gap = \"hardened\" }
workload far in d { namespace = \"x\", serves = [https] }
allow a -> far : https";
    assert_eq!(codes("", &format!("{TWO}{other}")), ["E0409"]);
}

#[test]
fn a_plan_holds_both_ends() {
    let analysis = analysis(
        "dns = \"kube-system/coredns\"",
        &format!("{TWO}\npolicy p {{\nallow a -> b | server : https\nallow server -> b : https\n}}"),
    );
    let errors = analysis.diagnostics.iter().filter(|found| found.severity() == Severity::Error);
    assert_eq!(errors.map(|found| &found.message).collect::<Vec<_>>(), [""; 0]);
    let plan = analysis.plan.unwrap();
    let [cluster] = plan.clusters.as_slice() else { panic!("{:?}", plan.clusters) };
    assert_eq!(cluster.namespaces, ["x"]);
    let names: Vec<&str> = cluster.workloads.iter().map(|workload| workload.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let count = |direction| cluster.grants.iter().filter(|grant| grant.direction == direction).count();
    // a -> b, a -> server, and names; a -> b, and server -> b.
    assert_eq!((count(PodDirection::Egress), count(PodDirection::Ingress)), (3, 2));
    assert!(plan.statements.iter().any(|statement| statement.id == "c.dns"));
}
