//! The mutation score of configurations of points that end connections: whatever is changed in one place is refuted, but
//! for what is listed here and means nothing to who may do what.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise, and the score is for people"
)]

use std::collections::{BTreeMap, BTreeSet};

use weir_compiler::{
    Facts, Sources,
    package::Targets,
    plan::{Plan, Point},
};
use weir_engine::Budget;
use weir_proof::{File, Prover};
use weir_proof_tests::configuration::{Kind, mutants};
use weir_robustness::package::{NOW, Package};

/// All that a configuration can say.
const BENCH: &str = r#"
use std.ot.{modbus, s7}
use std.it.{http, https, mqtts}
zone cell { purdue = 1 }
network net { zone = cell, subnet = 10.7.0.0/24, accept_gap = "a bench" }
device gate { network = net, address = [10.7.0.2, 10.7.0.3], enforces = [envoy, modbus] }
device broker { network = net, address = 10.7.0.5, serves = [mqtts], enforces = mosquitto }
device plc { network = net, address = 10.7.0.10, serves = [modbus, s7, http] }
device archive {
    network = net
    address = 10.7.0.12
    serves = [https]
    identity = x509(san = "archive.nord.example")
}
device voter { network = net, address = 10.7.0.20, identity = spiffe("spiffe://nord.example/voter") }
device reader { network = net, address = 10.7.0.21, identity = x509(san = "reader.nord.example") }
device panel { network = net, address = 10.7.0.22, identity = x509(cn = "panel") }
role people { identity = oidc(issuer = "https://login.nord.example", group = "engineers"), network = net }

allow voter -> plc : modbus.write(coils 100..103) | modbus.read(coils 0..15)
allow reader -> plc : modbus.read { until = 2030-01-01 }
allow panel -> plc : modbus.write(coil 17 = on) { limit = 6/min, log = true }
allow panel -> plc : modbus.read(registers 0..9) { mode = audit }
deny reader -> plc : modbus.read(registers 40..49)

allow voter | reader -> plc : s7 { via = gate }
allow voter -> plc : http.get("/api/*") | http.post("/orders")
allow reader -> plc : http.get
deny reader -> plc : http.get("/admin/*")
allow people -> plc : http.get("/reports/*") { via = gate }
allow voter -> archive : https.get("/now") { via = gate }
allow reader -> archive : https.get("/now") { via = gate, mode = audit }

allow panel -> broker : mqtts.publish("turbine/+/vib") | mqtts.subscribe("board/#") { log = true }
allow voter -> broker : mqtts.subscribe("turbine/#")
deny voter -> broker : mqtts.subscribe("turbine/secret/#")
allow reader -> broker : mqtts
"#;

/// Clients that show no certificates.
const PLAIN: &str = r#"
use std.ot.{modbus}
zone cell { purdue = 1 }
network net { zone = cell, subnet = 10.7.0.0/24, accept_gap = "a bench" }
device gate { network = net, address = 10.7.0.4, enforces = modbus }
device meter { network = net, address = 10.7.0.11, serves = [modbus] }
device hmi { network = net, address = [10.7.0.30, 10.7.0.40..10.7.0.42] }
device historian { network = net, address = 10.7.0.31 }
allow hmi -> meter : modbus.write(registers 5)
allow historian -> meter : modbus.read(registers 0..9)
"#;

/// All that files of 5G cores can say.
const CORES: [&str; 2] = [include_str!("cores/open5gs.weir"), include_str!("cores/sdcore.weir")];

/// Changes that say nothing of who may do what: the order of sets, names for people and logs, where files lie, how long
/// to wait. `UPDATE=1` writes what was found, for review.
const WITHOUT_MEANING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/without_meaning.txt");

struct Emitted<'p> {
    point: Point<'p>,
    files: Vec<(String, String)>,
}

fn emit<'p>(point: Point<'p>, plan: &Plan) -> Emitted<'p> {
    let emitted = weir_emission::emit(point, plan, &Targets::default()).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Emitted {
        point,
        files: emitted.artifacts.into_iter().map(|one| (one.path, text(one.contents))).collect(),
    }
}

impl Emitted<'_> {
    /// What the proof says, with one file changed.
    fn refuted(&self, prover: &mut Prover<'_>, changed: usize, text: &str) -> bool {
        let files = self.files.iter().enumerate().map(|(index, (path, own))| {
            let text = if index == changed { text } else { own };
            File { path, bytes: text.as_bytes() }
        });
        let files: Vec<File<'_>> = files.collect();
        prover.prove(self.point, &files);
        !prover.take_findings().is_empty()
    }
}

fn compiled(package: &Package) -> (Facts, Plan) {
    let analysis = weir_compiler::analyze(&Sources::new(&package.manifest, package.files.clone()), NOW);
    let (Some(facts), Some(plan)) = (analysis.facts, analysis.plan) else {
        {
            let messages: Vec<_> =
                analysis.diagnostics.iter().map(|one| (one.code.id, &one.message)).collect();
            panic!("{messages:#?}")
        }
    };
    (facts, plan)
}

/// What a file is, whatever it is about.
fn file_name(path: &str) -> &str {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["envoy", _] => "bootstrap",
        ["5g", _, .., folder @ ("device-group" | "network-slice" | "srsran"), _] => folder,
        ["5g", _, .., file] if file.starts_with("gnb-") => "gnb",
        ["5g", _, .., file] if file.starts_with("ue-") => "ue",
        ["5g", _, .., file] if file.strip_suffix(".network").is_some() => "network",
        [.., file] => file,
        [] => path,
    }
}

#[test]
fn every_change_with_a_meaning_is_refuted() {
    let mut made: BTreeMap<Kind, (usize, usize)> = BTreeMap::new();
    let mut passed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let benches = [BENCH, PLAIN].into_iter().chain(CORES).map(Package::of);
    let packages =
        benches.map(|package| (package, true)).chain([(Package::example("turbine_hall").unwrap(), false)]);
    for (package, with_cores) in packages {
        let (facts, plan) = compiled(&package);
        assert!(!plan.proxies.is_empty() || !plan.cores.is_empty());
        let mut prover = Prover::new(&facts, &plan, Budget::default(), false);
        let points = plan.points().filter(|point| match point {
            Point::Proxy(_) => true,
            Point::Core(_) => with_cores,
            _ => false,
        });
        for emitted in points.map(|point| emit(point, &plan)) {
            for (index, (path, text)) in emitted.files.iter().enumerate() {
                assert!(!emitted.refuted(&mut prover, index, text), "{path}");
                let name = file_name(path);
                if name == "modbus.js" {
                    assert!(emitted.refuted(&mut prover, index, &format!("{text} ")), "{path}");
                    continue;
                }
                for mutant in mutants(path, text) {
                    let score = made.entry(mutant.kind).or_default();
                    score.0 += 1;
                    if emitted.refuted(&mut prover, index, &mutant.text) {
                        score.1 += 1;
                    } else {
                        passed
                            .entry(format!("{name} {}", mutant.place))
                            .or_default()
                            .insert(format!("{:?}", mutant.kind));
                    }
                }
            }
        }
    }
    println!("{:<20} {:>6} {:>8}", "mutation", "made", "refuted");
    for (kind, (made, refuted)) in &made {
        println!("{:<20} {made:>6} {refuted:>8}", format!("{kind:?}"));
    }
    let (all, refuted) = made.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("score: {refuted} of {all} changes refuted, the rest in places without a meaning");
    let lines = passed
        .iter()
        .map(|(place, kinds)| format!("{place}: {}\n", kinds.iter().cloned().collect::<Vec<_>>().join(" ")));
    let found: String = lines.collect();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(WITHOUT_MEANING, &found).unwrap();
    }
    let known = std::fs::read_to_string(WITHOUT_MEANING).unwrap();
    let new: Vec<&str> = found.lines().filter(|line| !known.lines().any(|known| known == *line)).collect();
    assert!(new.is_empty(), "changes that pass and are not listed: {new:#?}");
    assert_eq!(found, known, "changes that are listed and do not pass");
    let idle: Vec<&Kind> = Kind::ALL.iter().filter(|kind| !made.contains_key(kind)).collect();
    assert!(idle.is_empty(), "nothing to change for {idle:?}");
}
