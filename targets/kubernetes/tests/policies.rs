//! What is emitted, for people; and that it means the plan, by the word of four judges: the plan's own, the reader's evaluator,
//! the proof, and tools that others wrote.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise"
)]

mod support;

use std::{collections::BTreeMap, env, fs, process::Command};

use support::{PLANT, Plant, probes::Probes};
use weir_kubernetes_reader::{Cluster, End, Level, NetworkPolicy, Object, Protocol, read};

fn policies(files: &[(String, String)]) -> Vec<NetworkPolicy> {
    let files = files.iter().filter(|(path, _)| !path.ends_with("kustomization.yaml"));
    let objects = files.flat_map(|(path, text)| read(path, text).unwrap());
    objects
        .map(|object| match object {
            Object::NetworkPolicy(policy) => *policy,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn files() {
    let plant = Plant::of(PLANT);
    let whole: Vec<String> = plant.files.iter().map(|(path, text)| format!("==> {path}\n{text}")).collect();
    insta::assert_snapshot!(whole.join("\n"));
}

#[test]
fn readme() {
    let plant = Plant::of(PLANT);
    let clusters: Vec<_> = plant.plan.clusters.iter().collect();
    insta::assert_snapshot!(weir_target_kubernetes::readme_section(&clusters));
}

/// Plan, evaluator and proof agree on every question.
fn agrees(plant: &Plant) {
    let plan = &plant.plan.clusters[0];
    assert_eq!(plant.findings(&mut plant.prover(), &plant.files), []);
    let policies = policies(&plant.files);
    let probes = Probes::of(plan);
    let (mut asked, mut permitted) = (0, 0);
    for question in probes.questions() {
        let (from, to, protocol, port) = question;
        let planned = probes.planned(plan, question);
        let read = probes.world.permits(&policies, from, to, protocol, port);
        assert_eq!(planned, read, "{} -> {} : {protocol}/{port}", probes.name(from), probes.name(to));
        asked += 1;
        permitted += usize::from(planned);
    }
    assert!(asked > 10_000 && permitted > 100, "{permitted} of {asked}");
}

#[test]
fn emitted_means_the_plan() {
    agrees(&Plant::of(PLANT));
}

#[test]
fn an_example_means_its_plan() {
    agrees(&Plant::example("turbine_hall"));
}

#[test]
fn an_api_server_takes_it() {
    let plant = Plant::of(PLANT);
    let namespaces = plant.plan.clusters[0].namespaces.iter().map(|name| (name.clone(), Level::Restricted));
    let cluster = Cluster { namespaces: namespaces.collect() };
    let mut names = std::collections::BTreeSet::new();
    for (path, text) in plant.files.iter().filter(|(path, _)| !path.ends_with("kustomization.yaml")) {
        let objects = cluster.admit(path, text).unwrap();
        let [Object::NetworkPolicy(policy)] = objects.as_slice() else { panic!("{path}") };
        assert!(policy.metadata.name.len() <= 63 && names.insert(policy.metadata.name.clone()), "{path}");
        let annotations = &policy.metadata.annotations;
        assert!(
            annotations.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() < 8192,
            "{path}"
        );
    }
}

/// The same names whatever stands in which order, and when a policy changes.
#[test]
fn names_stay() {
    let names =
        |text: &str| -> Vec<String> { Plant::of(text).files.into_iter().map(|(path, _)| path).collect() };
    let changed = PLANT
        .replace("voter | collector -> broker : mqtts", "collector | voter -> broker : mqtts | tcp/1883");
    assert_ne!(changed, PLANT);
    assert_eq!(names(PLANT), names(&changed));
}

/// A tool of the test environment; missing, it is a failure in CI and a visible skip elsewhere.
fn tool(name: &str) -> Option<Command> {
    let found = Command::new(name).arg("--help").output().is_ok();
    if !found {
        assert!(env::var("CI").as_deref() != Ok("true"), "{name} is missing");
        println!("skipped: {name} is missing");
    }
    found.then(|| Command::new(name))
}

fn written(plant: &Plant) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in &plant.files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// The schemas of several versions of Kubernetes.
#[test]
fn schemas_accept_it() {
    let plant = Plant::of(PLANT);
    let folder = written(&plant);
    for version in ["1.25", "1.37"] {
        let Some(mut command) = tool("kubernetes-validate") else { return };
        command.args(["-k", version, "--strict"]);
        for (path, _) in plant.files.iter().filter(|(path, _)| !path.ends_with("kustomization.yaml")) {
            command.arg(folder.path().join(path));
        }
        let output = command.output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{version}: {said}");
    }
}

/// What an independent analyser says: from, to, and the protocols and ports between.
type Answers = BTreeMap<(String, String), Vec<(Option<Protocol>, u16, u16)>>;

/// Reads `telemetry/voter[Pod] => 10.0.0.1-10.0.0.4 : {protocols:TCP,dst_ports:1-2,8883}`.
fn answers(text: &str) -> Answers {
    let mut answers = Answers::new();
    for line in text.lines() {
        let Some((ends, connections)) = line.split_once(" : ") else { continue };
        let Some((from, to)) = ends.split_once(" => ") else { continue };
        let end = |text: &str| text.trim_end_matches("[Pod]").to_owned();
        let known = answers.entry((end(from), end(to))).or_default();
        if connections.trim() == "All connections" {
            known.push((None, 0, u16::MAX));
            continue;
        }
        for one in connections.split('{').skip(1) {
            let one = one.trim_end_matches(['}', ',', ' ']);
            let (protocols, ports) = match one.split_once(",dst_ports:") {
                Some((protocols, ports)) => (protocols, ports),
                None => (one, "1-65535"),
            };
            for protocol in protocols.trim_start_matches("protocols:").split(',') {
                let protocol = match protocol.trim() {
                    "TCP" => Protocol::Tcp,
                    "UDP" => Protocol::Udp,
                    "SCTP" => Protocol::Sctp,
                    other => panic!("{other}: {line}"),
                };
                for range in ports.split(',') {
                    let (first, last) = range.split_once('-').unwrap_or((range, range));
                    known.push((Some(protocol), first.trim().parse().unwrap(), last.trim().parse().unwrap()));
                }
            }
        }
    }
    answers
}

/// network-config-analyzer, which shares nothing with us, sees the plan in the files.
fn analyser_agrees(plant: &Plant) {
    let Some(mut command) = tool("nca") else { return };
    let folder = written(plant);
    let plan = &plant.plan.clusters[0];
    let probes = Probes::of(plan);
    let (pods, namespaces) = probes.manifests();
    fs::write(folder.path().join("pods.yaml"), pods).unwrap();
    fs::write(folder.path().join("namespaces.yaml"), namespaces).unwrap();
    // The analyser takes one folder of policies, and everything in it for one.
    let policies = folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    for (index, (path, text)) in plant.files.iter().enumerate() {
        if !path.ends_with("kustomization.yaml") {
            fs::write(policies.join(format!("{index}.yaml")), text).unwrap();
        }
    }
    let output = command
        .arg("--connectivity")
        .arg(&policies)
        .arg("-p")
        .arg(folder.path().join("pods.yaml"))
        .arg("-n")
        .arg(folder.path().join("namespaces.yaml"))
        .args(["--output_format", "txt_no_fw_rules", "--print_ipv6"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let answers = answers(&text);
    assert!(answers.len() > 5, "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let ranges: Vec<((std::net::IpAddr, std::net::IpAddr), &String)> = answers
        .keys()
        .flat_map(|(from, to)| [from, to])
        .filter_map(|end| {
            let (first, last) = end.split_once('-').filter(|_| !end.contains('/')).unwrap_or((end, end));
            Some(((first.parse().ok()?, last.parse().ok()?), end))
        })
        .collect();
    let mut asked = 0;
    for question in probes.questions() {
        let (from, to, protocol, port) = question;
        let names = |end: End| -> Vec<String> {
            match end {
                End::Pod(_) => vec![probes.name(end)],
                End::Outside(address) => {
                    let around = ranges.iter().filter(|((first, last), _)| {
                        first.is_ipv4() == address.is_ipv4() && *first <= address && address <= *last
                    });
                    around.map(|(_, name)| (*name).clone()).collect()
                }
            }
        };
        let said = names(from).iter().any(|from| {
            names(to).iter().any(|to| {
                answers.get(&(from.clone(), to.clone())).into_iter().flatten().any(|(known, first, last)| {
                    known.is_none_or(|known| known == protocol) && (*first..=*last).contains(&port)
                })
            })
        });
        let planned = probes.planned(plan, question);
        assert_eq!(planned, said, "{} -> {} : {protocol}/{port}\n{text}", probes.name(from), probes.name(to));
        asked += 1;
    }
    assert!(asked > 10_000, "{asked}");
}

#[test]
fn an_independent_analyser_agrees() {
    analyser_agrees(&Plant::of(PLANT));
}

#[test]
fn an_independent_analyser_agrees_on_an_example() {
    analyser_agrees(&Plant::example("turbine_hall"));
}

/// Changes of one line, as an unlucky emitter, editor or disk might make them.
fn mutants(text: &str) -> Vec<(&'static str, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut mutants = Vec::new();
    let mut with = |kind, index: usize, new: Option<String>| {
        let mut changed: Vec<&str> = lines.clone();
        match &new {
            Some(new) => changed[index] = new,
            None => {
                changed.remove(index);
            }
        }
        mutants.push((kind, changed.join("\n") + "\n"));
    };
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        with("drop", index, None);
        if let Some((key, number)) = line.split_once("ort: ")
            && let Ok(number) = number.parse::<u32>()
        {
            with("port", index, Some(format!("{key}ort: {}", number + 1)));
            with("range", index, Some(format!("{line}\n          endPort: {}", number + 3)));
        }
        if let Some((key, cidr)) = line.split_once("cidr: ") {
            let net: ipnet::IpNet = cidr.trim_matches('"').parse().unwrap();
            if let Some(wider) = net.supernet() {
                with("wider", index, Some(format!("{key}cidr: \"{}\"", wider.trunc())));
            }
            with("except", index, Some(format!("{line}\n{key}except: [\"{}\"]", cidr.trim_matches('"'))));
        }
        for (one, other) in [
            ("\"TCP\"", "\"UDP\""),
            ("\"Ingress\"", "\"Egress\""),
            ("\"telemetry\"", "\"view\""),
            ("\"mosquitto\"", "\"voter\""),
            ("ingress:", "egress:"),
            ("podSelector:", "podSelector: {} #"),
            ("matchLabels:", "matchLabels: {} #"),
            ("- from:", "- from: [] #"),
            ("- to:", "- to: [] #"),
            ("ports:", "ports: [] #"),
            ("ports:", "port:"),
            ("\"", ""),
        ] {
            if line.contains(one) {
                with("word", index, Some(line.replacen(one, other, 1)));
            }
        }
    }
    mutants
}

#[test]
fn the_proof_refutes_every_mutant_that_means_something_else() {
    let plant = Plant::of(PLANT);
    let plan = &plant.plan.clusters[0];
    let mut prover = plant.prover();
    let probes = Probes::of(plan);
    // Other metadata means nothing.
    let meaning = |policies: &[NetworkPolicy]| -> String {
        let lines = policies.iter().map(|policy| format!("{} {:?}", policy.metadata.namespace, policy.spec));
        lines.collect::<Vec<_>>().join("\n")
    };
    let original = meaning(&policies(&plant.files));
    let (mut made, mut refuted, mut missed) = (0, 0, Vec::new());
    let mut judge = |what: String, files: &[(String, String)]| {
        made += 1;
        if !plant.findings(&mut prover, files).is_empty() {
            refuted += 1;
            return;
        }
        let policies = policies(files);
        if meaning(&policies) == original {
            return;
        }
        let other = probes.questions().find(|question| {
            let (from, to, protocol, port) = *question;
            probes.world.permits(&policies, from, to, protocol, port) != probes.planned(plan, *question)
        });
        if let Some((from, to, protocol, port)) = other {
            missed.push(format!("{what}: {} -> {} : {protocol}/{port}", probes.name(from), probes.name(to)));
        }
    };
    for (index, (path, text)) in plant.files.iter().enumerate() {
        let mut files = plant.files.clone();
        files.remove(index);
        judge(format!("{path} is missing"), &files);
        for (kind, mutant) in mutants(text) {
            let mut files = plant.files.clone();
            files[index].1.clone_from(&mutant);
            judge(format!("{path}: {kind}"), &files);
        }
    }
    println!("score: {refuted} of {made} mutants refuted, the others mean the same");
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(made > 500 && refuted * 10 > made * 7, "{refuted} of {made}");
}

/// Pods, addresses, a proxy that is a pod, pings, operations, and what comes from outside.
const GUARDED: &str = r#"
use std.it.{https, postgres, ssh}
use std.ot.{modbus, s7}
zone edge { purdue = 3 }
zone control { purdue = 2 }
network edge_net { zone = edge, subnet = 10.40.0.0/24 }
network control_net { zone = control, subnet = 10.1.0.0/24, accept_gap = "a bench" }
gateway gw {
    enforces = nftables
    serves = [ssh]
    interface eth0 { network = edge_net, address = 10.40.0.1 }
    interface eth1 { network = control_net, address = 10.1.0.1 }
}
cluster edge1 {
    zone = edge
    nodes = edge_net
    pods = 10.42.0.0/16
    services = 10.43.0.0/16
    accept_gap = "a bench"
}
workload shop in edge1 { namespace = "shop", labels = { app = "shop" }, serves = [https] }
workload ledger in edge1 { namespace = "ledger", labels = { app = "ledger" }, serves = [postgres, https] }
workload mail in edge1 { namespace = "shop", labels = { app = "mail" }, serves = [https] }
device plc { network = control_net, address = [10.1.0.10, 10.1.0.20..10.1.0.22], serves = [modbus, s7] }
device gate { network = control_net, address = 10.1.0.30, enforces = envoy }
device admin { network = control_net, address = 10.1.0.11 }

conduit field between edge, control { carries = [https, s7, ssh] }
allow shop -> ledger : postgres
allow admin -> gw : ssh
policy rails {
    deny shop | mail -> plc : any
    deny mail -> ledger : postgres | tcp/9000..9010 | udp/53
    deny admin -> shop : any
    deny shop -> admin : icmp
    deny ledger -> shop : https.get("/admin")
}
assert never ledger ~> mail : https
"#;

#[test]
fn guard_rails() {
    let plant = Plant::guarded(GUARDED);
    let rails = |(path, _): &&(String, String)| path.contains("/_cluster/");
    let texts: Vec<String> =
        plant.files.iter().filter(rails).map(|(path, text)| format!("==> {path}\n{text}")).collect();
    let clusters: Vec<_> = plant.plan.clusters.iter().collect();
    let readme = weir_target_kubernetes::readme_section(&clusters);
    let (_, readme) = readme.split_once("**Guard rails").unwrap();
    insta::assert_snapshot!(format!("{}\n{readme}", texts.join("\n")));
    let mut prover = plant.prover();
    assert_eq!(plant.findings(&mut prover, &plant.files), []);
    // none where none is wanted, and none missing where they are
    let bare = Plant::of(GUARDED);
    assert!(bare.files.iter().all(|file| !rails(&file)));
    assert_ne!(bare.findings(&mut bare.prover(), &plant.files), []);
    assert_ne!(plant.findings(&mut prover, &bare.files), []);
}

/// Whatever is changed in a guard rail in one place is refuted.
#[test]
fn changed_guard_rails() {
    let plant = Plant::guarded(GUARDED);
    let mut prover = plant.prover();
    let changes: [(&str, &str); 17] = [
        ("\"Deny\"", "\"Accept\""),
        ("\"Deny\"", "\"Pass\""),
        ("\"Admin\"", "\"Baseline\""),
        ("priority: 7", "priority: 8"),
        ("priority: 7", "priority: 1001"),
        ("  egress:", "  ingress:"),
        ("v1alpha2", "v1alpha1"),
        ("ClusterNetworkPolicy", "NetworkPolicy"),
        ("\"app\": \"mail\"", "\"app\": \"shop\""),
        ("\"app\": \"mail\"", "\"job\": \"mail\""),
        ("\"kubernetes.io/metadata.name\": \"shop\"", "\"kubernetes.io/metadata.name\": \"ledger\""),
        ("10.1.0.20/31", "10.1.0.16/28"),
        ("10.1.0.10/32", "10.1.0.12/32"),
        ("start: 9000", "start: 9001"),
        ("end: 9010", "end: 9011"),
        ("number: 5432", "number: 5433"),
        ("- udp:", "- tcp:"),
    ];
    for (from, to) in changes {
        let mut made = 0;
        for index in 0..plant.files.len() {
            let (path, text) = &plant.files[index];
            if !path.contains("/_cluster/") || !text.contains(from) {
                continue;
            }
            let mut files = plant.files.clone();
            files[index].1 = text.replace(from, to);
            assert_ne!(plant.findings(&mut prover, &files), [], "{path}: {from} as {to}");
            made += 1;
        }
        assert!(made > 0, "{from}");
    }
    // whole parts: a file, a rule, the list of ports
    for index in 0..plant.files.len() {
        let (path, text) = &plant.files[index];
        if !path.contains("/_cluster/") {
            continue;
        }
        let mut files = plant.files.clone();
        files.remove(index);
        assert_ne!(plant.findings(&mut prover, &files), [], "without {path}");
        if let Some((before, _)) = text.split_once("      protocols:") {
            files.insert(index, (path.clone(), before.to_owned()));
            assert_ne!(plant.findings(&mut prover, &files), [], "{path} without protocols");
        }
    }
}
