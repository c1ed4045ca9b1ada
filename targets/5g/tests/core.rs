//! Whole cores: emitted, proven, changed in one place and refuted, and held against 3GPP's own schemas.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise"
)]

mod schemas;

use std::path::Path;

use weir_compiler::{
    Facts, Sources, analyze,
    plan::{Plan, Point},
};
use weir_engine::Budget;
use weir_proof::{File, Finding, Prover};
use weir_syntax::Severity;

const NOW: i64 = 1_780_272_000;

const MANIFEST: &str = "[package]\nname = \"plant\"\nversion = \"1.0.0\"\nedition = \"2026\"\n";

/// A compiled package with the files of its one core.
struct Plant {
    facts: Facts,
    plan: Plan,
    root: String,
    files: Vec<(String, String)>,
}

impl Plant {
    fn of(text: &str) -> Self {
        Self::compile(&Sources::new(MANIFEST, vec![("plant.weir".into(), text.into())]))
    }

    fn example(name: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
        Self::compile(&weir_files::load::load(&root).sources)
    }

    fn compile(sources: &Sources) -> Self {
        let analysis = analyze(sources, NOW);
        let errors = analysis.diagnostics.iter().filter(|one| one.severity() == Severity::Error);
        let errors: Vec<_> = errors.map(|one| (one.code.id, &one.message, &one.help)).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let (facts, plan) = (analysis.facts.unwrap(), analysis.plan.unwrap());
        let [core] = plan.cores.as_slice() else { panic!("{} cores", plan.cores.len()) };
        let emitted = weir_target_5g::emit(core, &plan.gaps).unwrap();
        let files = emitted.artifacts.into_iter();
        let files = files.map(|file| (file.path, String::from_utf8(file.contents).unwrap())).collect();
        let root = format!("5g/{}", core.name);
        Self { facts, plan, root, files }
    }

    fn proof(&self, files: &[(String, String)]) -> Vec<Finding> {
        let mut prover = Prover::new(&self.facts, &self.plan, Budget::default(), false);
        let files: Vec<File<'_>> =
            files.iter().map(|(path, text)| File { path, bytes: text.as_bytes() }).collect();
        prover.prove(Point::Core(&self.plan.cores[0]), &files);
        prover.finish().findings
    }

    fn file(&self, below: &str) -> &str {
        let path = format!("{}/{below}", self.root);
        let found = self.files.iter().find(|(known, _)| *known == path);
        &found
            .unwrap_or_else(|| {
                panic!("no {path} in {:?}", self.files.iter().map(|(path, _)| path).collect::<Vec<_>>())
            })
            .1
    }

    /// What the proof says when a text of one file is another.
    fn changed(&self, below: &str, before: &str, after: &str) -> Vec<String> {
        let path = format!("{}/{below}", self.root);
        assert!(self.file(below).contains(before), "{below} lacks {before:?}:\n{}", self.file(below));
        let mut files = self.files.clone();
        for (known, text) in &mut files {
            if *known == path {
                *text = text.replacen(before, after, 1);
            }
        }
        self.proof(&files).iter().map(ToString::to_string).collect()
    }
}

const PLANT: &str = include_str!("plant.weir");

fn sdcore() -> Plant {
    Plant::of(
        &PLANT
            .replace("product = open5gs, version = \"2.7\"", "product = sdcore")
            .replace("purdue = 1", "purdue = 3")
            .replace("    security { integrity = required, confidentiality = required }\n", "")
            .replace("arp = 2", "arp = 10")
            .replace("five_qi = 83, gfbr = 500 Kbps, mfbr = 500 Kbps", "five_qi = 7, mfbr = 500 Kbps"),
    )
}

/// One slice with both families, one with IPv6 only, and a flow of either.
fn both_families() -> Plant {
    Plant::of(
        &PLANT
            .replace("subnet = 10.1.0.0/24", "subnet = [10.1.0.0/24, 2001:db8:1::/64]")
            .replace(
                "interface eth0 { network = n6, address = 10.1.0.1 }",
                "interface eth0 { network = n6, address = [10.1.0.1, 2001:db8:1::1] }",
            )
            .replace(
                "interface eth0 { network = n6, address = 10.1.0.2 }",
                "interface eth0 { network = n6, address = [10.1.0.2, 2001:db8:1::2] }",
            )
            .replace("address = 10.1.0.10 }", "address = [10.1.0.10, 2001:db8:1::10] }")
            .replace("pool = 10.61.0.0/24", "pool = [10.61.0.0/24, 2001:db8:61::/48]")
            .replace(
                "address = control.pool.host(10 + index)",
                "address = [control.host(10 + index), control.subnet(64, 10 + index)]",
            )
            .replace("pool = 10.62.0.0/24", "pool = 2001:db8:62::/48")
            .replace("address = 10.62.0.11", "address = video.pool.subnet(64, 11)"),
    )
}

#[test]
fn cores_are_proven() {
    for plant in [
        Plant::of(PLANT),
        both_families(),
        sdcore(),
        Plant::example("campus_5g"),
        Plant::example("turbine_hall"),
    ] {
        assert_eq!(plant.proof(&plant.files), []);
    }
}

#[test]
fn the_same_package_gives_the_same_bytes() {
    assert_eq!(Plant::of(PLANT).files, Plant::of(PLANT).files);
}

/// Each change means something else to Open5GS, and each is refuted.
#[test]
fn changes_of_open5gs_are_refuted() {
    let plant = Plant::of(PLANT);
    let control = "open5gs/slices/control/smf.yaml";
    let plane = "open5gs/user-planes/upf_control/upf.yaml";
    let unit = "open5gs/user-planes/upf_control/10-ogscontrol.network";
    let changes: &[(&str, &str, &str)] = &[
        // an SMF for everybody, and what comes near to it
        (control, "  info:\n", "  infos:\n"),
        (control, "sd: \"000001\"", "sd: \"000002\""),
        (control, "sd: \"000001\"", "sd: 000001"),
        (control, "sd: \"000001\"", "sd: \"zzzzzz\""),
        (control, "sd: \"000001\"", "sd: \"1\""),
        (control, "          sd: \"000001\"\n", ""),
        (control, "        - sst: 2", "        - sst: 300"),
        (control, "        - sst: 2", "        - sst: 1"),
        (control, "            - \"control\"\n", "            - \"control\"\n            - \"video\"\n"),
        (control, "          tac:\n            - 1", "          tac:\n            - 2"),
        (control, "mnc: \"70\"", "mnc: \"070\""),
        // pools
        (control, "subnet: \"10.61.0.0/24\"", "subnet: \"10.62.0.0/24\""),
        (control, "      gateway: \"10.61.0.1\"\n      dnn: \"control\"", "      gateway: \"10.61.0.1\""),
        (control, "gateway: \"10.61.0.1\"", "gateway: \"10.61.0.11\""),
        (control, "          dnn: \"control\"\n  gtpc", "  gtpc"),
        (control, "address: \"127.2.0.1\"", "address: \"127.2.0.2\""),
        (
            control,
            "integrity_protection_indication: \"required\"",
            "integrity_protection_indication: \"preferred\"",
        ),
        (control, "maximum-UE-rate", "bitrate64kbs"),
        (plane, "dev: \"ogscontrol\"", "dev: \"ogsvideo\""),
        (plane, "      dnn: \"control\"\n", ""),
        (plane, "subnet: \"10.61.0.0/24\"", "subnet: \"10.61.0.0/16\""),
        (unit, "Name=ogscontrol", "Name=ogs*"),
        (unit, "Address=10.61.0.1/24", "Address=10.61.0.1/16"),
        (unit, "IPv4ReversePathFilter=strict", "IPv4ReversePathFilter=no"),
        // functions that all share
        ("open5gs/amf.yaml", "sd: \"000001\"", "sd: \"000003\""),
        ("open5gs/amf.yaml", "\"NIA2\"", "\"NIA0\""),
        ("open5gs/amf.yaml", "\"NEA1\"", "\"NEA0\""),
        ("open5gs/amf.yaml", "  tai:\n", "  access_control: []\n  tai:\n"),
        ("open5gs/nssf.yaml", "sst: 2", "sst: 1"),
        ("open5gs/nssf.yaml", "sd: \"000002\"", "sd: \"ffffff\""),
        // policies and subscriptions
        ("open5gs/pcf.yaml", "999700000000001-999700000000002", "999700000000001-999700000000003"),
        ("open5gs/pcf.yaml", "999700000000001-999700000000002", "999700000000002-999700000000002"),
        ("open5gs/pcf.yaml", "index: 80", "index: 9"),
        ("open5gs/pcf.yaml", "10.1.0.10/32 502", "10.1.0.10/32"),
        ("open5gs/pcf.yaml", "10.1.0.10/32 502", "10.1.0.0/24 502"),
        ("open5gs/pcf.yaml", "name: \"control\"", "name: \"video\""),
        ("open5gs/pcf.yaml", "pre_emption_capability: 1", "pre_emption_capability: 2"),
        ("open5gs/subscribers.json", "\"ipv4\": \"10.61.0.11\"", "\"ipv4\": \"10.61.0.12\""),
        ("open5gs/subscribers.json", "\"ipv4\": \"10.61.0.11\"", "\"ipv4\": \"10.62.0.12\""),
        ("open5gs/subscribers.json", "\"imsi\": \"999700000000001\"", "\"imsi\": \"999700000000009\""),
        ("open5gs/subscribers.json", "\"schema_version\": 1", "\"schema_version\": 1, \"security\": {}"),
        ("open5gs/subscribers.json", "\"default_indicator\": true", "\"default_indicator\": false"),
        ("open5gs/subscribers.json", "\"sst\": 2", "\"sst\": 1"),
        ("open5gs/subscribers.json", "\"lbo_roaming_allowed\": false", "\"lbo_roaming_allowed\": true"),
        ("open5gs/keys.json", "vault:agv1", "vault:agv2"),
        // documents and labs
        ("3gpp/slice-nrm.json", "\"sd\": \"000001\"", "\"sd\": \"000009\""),
        ("3gpp/slice-nrm.json", "NON_SHARED", "SHARED"),
        ("3gpp/subscriptions.json", "10.61.0.11", "10.61.0.99"),
        ("3gpp/subscriptions.json", "REQUIRED", "PREFERRED"),
        ("3gpp/sm-policies.json", "\"10 Mbps\"", "\"10 Gbps\""),
        ("3gpp/sm-policies.json", "10.1.0.10/32 502", "10.1.0.10/32 503"),
        ("3gpp/sm-policies.json", "10.1.0.10/32 502", "10.1.0.0/24 502"),
        ("3gpp/sm-policies.json", "\"maxbrUl\": \"500 Kbps\"", "\"maxbrUl\": \"501 Kbps\""),
        ("3gpp/sm-policies.json", "\"5qi\": 83", "\"5qi\": 84"),
        ("3gpp/sm-policies.json", "\"periodicity\": 20000", "\"periodicity\": 10000"),
        ("3gpp/sm-policies.json", "imsi-999700000000002", "imsi-999700000000003"),
        ("3gpp/slice-nrm.json", "\"maxNumberofUEs\": 10", "\"maxNumberofUEs\": 11"),
        ("3gpp/slice-nrm.json", "\"DEDICATED\"", "\"SHARED\""),
        ("isolation.json", "\"upf_control\"", "\"upf_video\""),
        ("isolation.json", "\"kind\": \"hairpin\"", "\"kind\": \"device_in_both\""),
        ("isolation.json", "\"devices\": 2", "\"devices\": 1"),
        ("isolation.json", "vehicles of one fleet", "vehicles"),
        ("lab/ueransim/gnb-gnb.yaml", "sd: 1", "sd: 10"),
        ("lab/ueransim/gnb-gnb.yaml", "tac: 1", "tac: 2"),
        ("lab/srsran/gnb.yaml", "sd: 1", "sd: 10"),
        ("lab/ueransim/ue-agv~5b1~5d.yaml", "apn: \"control\"", "apn: \"video\""),
        (
            "lab/ueransim/ue-agv~5b1~5d.yaml",
            "key: \"ref:vault:agv1\"",
            "key: \"465B5CE8B199B49FAA5F0A2EE238A6BC\"",
        ),
    ];
    let survivors: Vec<_> = changes
        .iter()
        .filter(|(file, before, after)| plant.changed(file, before, after).is_empty())
        .collect();
    println!("{} changes, {} refuted", changes.len(), changes.len() - survivors.len());
    assert!(survivors.is_empty(), "{survivors:#?}");
}

#[test]
fn missing_and_additional_files_are_refuted() {
    for plant in [Plant::of(PLANT), sdcore()] {
        for index in 0..plant.files.len() {
            let mut files = plant.files.clone();
            let (path, text) = files.remove(index);
            assert!(!plant.proof(&files).is_empty(), "{path} may be missing");
            // a second SMF, UPF, group or slice of the same
            if let Some((folder, file)) = path.rsplit_once('/').filter(|(folder, _)| {
                folder.contains("slices/") || folder.contains("user-planes/") || folder.contains("sdcore/")
            }) {
                let mut files = plant.files.clone();
                let twin = if folder.contains("sdcore") {
                    format!("{folder}/x{file}")
                } else {
                    format!("{folder}x/{file}")
                };
                files.push((twin.clone(), text));
                assert!(!plant.proof(&files).is_empty(), "{twin} may be added");
            }
        }
    }
}

/// Each change means something else to SD-Core.
#[test]
fn changes_of_sdcore_are_refuted() {
    let plant = sdcore();
    let slice = "sdcore/network-slice/control.json";
    let group = "sdcore/device-group/control.json";
    let rules = plant.file(slice);
    let start = rules.find("\"application-filtering-rules\": [").unwrap();
    let empty = format!("{}\"application-filtering-rules\": []\n}}\n", &rules[..start]);
    let mut files = plant.files.clone();
    files.iter_mut().filter(|(path, _)| path.ends_with(slice)).for_each(|(_, text)| text.clone_from(&empty));
    assert!(!plant.proof(&files).is_empty(), "no rule at all permits everything");
    let changes: &[(&str, &str, &str)] = &[
        ("sdcore/webui.yaml", "true", "false"),
        (slice, "\"action\": \"deny\"", "\"action\": \"Deny\""),
        (slice, "\"action\": \"permit\"", "\"action\": \"deny\""),
        (slice, "\"priority\": 250", "\"priority\": 1"),
        (slice, "\"protocol\": 6", "\"protocol\": 1"),
        (slice, "\"endpoint\": \"10.1.0.10/32\"", "\"endpoint\": \"10.1.0.0/24\""),
        (slice, "\"endpoint\": \"10.1.0.10/32\"", "\"endpoint\": \"0.0.0.0/32\""),
        (slice, "\"dest-port-end\": 502", "\"dest-port-end\": 503"),
        (slice, "\"dest-port-start\": 502", "\"dest-port-start\": 501"),
        (slice, "\"sd\": \"000001\"", "\"sd\": \"000002\""),
        (slice, "\"sst\": \"2\"", "\"sst\": \"02\""),
        (slice, "\"upf-name\": \"upf_control\"", "\"upf-name\": \"upf_video\""),
        (slice, "\"tac\": 1", "\"tac\": 2"),
        (slice, "\"control\"", "\"video\""),
        (group, "10.61.0.0/24", "10.62.0.0/24"),
        (group, "999700000000001", "999700000000009"),
        (group, "\"dnn\": \"control\"", "\"dnn\": \"video\""),
        (group, "\"dnn-mbr-uplink\": 10", "\"dnn-mbr-uplink\": 100"),
    ];
    let survivors: Vec<_> = changes
        .iter()
        .filter(|(file, before, after)| {
            // the group's name stands in a list of its own
            let before = if before.trim() == "\"control\"" {
                "\"site-device-group\": [\n    \"control\""
            } else {
                before
            };
            let after =
                if after.trim() == "\"video\"" { "\"site-device-group\": [\n    \"video\"" } else { after };
            plant.changed(file, before, after).is_empty()
        })
        .collect();
    println!("{} changes, {} refuted", changes.len(), changes.len() - survivors.len());
    assert!(survivors.is_empty(), "{survivors:#?}");
}

#[test]
fn an_unknown_file_or_broken_text_is_no_panic() {
    let plant = Plant::of(PLANT);
    for (at, (path, text)) in plant.files.iter().enumerate() {
        for cut in [0, text.len() / 3, text.len() / 2] {
            let mut files = plant.files.clone();
            files[at].1 = text[..text.floor_char_boundary(cut)].to_owned();
            if !path.ends_with(".network") {
                assert!(!plant.proof(&files).is_empty(), "{path} cut at {cut}");
            }
        }
    }
    let mut files = plant.files.clone();
    files.push((format!("{}/open5gs/scp.yaml", plant.root), "scp: {}\n".into()));
    assert!(!plant.proof(&files).is_empty());
}

/// What permits a device something stands in the packet filter of its user plane, under the interface that the core's files
/// name: both sides of one relation.
#[test]
fn interfaces_are_those_of_the_packet_filter() {
    for plant in
        [Plant::of(PLANT), both_families(), Plant::example("campus_5g"), Plant::example("turbine_hall")]
    {
        for slice in &plant.plan.cores[0].slices {
            let plane = &plant.plan.cores[0].user_planes[slice.user_plane];
            let gateway = plant.plan.gateways.iter().find(|gateway| gateway.name == plane.name).unwrap();
            let binding = gateway.bindings.iter().find(|binding| binding.device == slice.device).unwrap();
            let pools = slice.pools.iter().map(|pool| (pool.net.network(), pool.net.broadcast()));
            let pools: weir_compiler::plan::AddressSet = pools.collect();
            assert!(pools.covers(&binding.sources), "{}: {:?}", slice.name, binding.sources);
        }
    }
}

#[test]
fn the_report_names_lines_places_and_risks() {
    let plant = Plant::example("campus_5g");
    let report: serde_json::Value = serde_json::from_str(plant.file("isolation.json")).unwrap();
    let pairs = report["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 9);
    let pair =
        |from: &str, to: &str| pairs.iter().find(|pair| pair["from"] == from && pair["to"] == to).unwrap();
    assert!(pair("cranes", "tablets")["permitted_by"].as_array().unwrap().is_empty());
    assert_eq!(pair("cranes", "tablets")["enforced_at"].as_array().unwrap().len(), 2);
    let shared = pair("scanners", "tablets")["residual_risks"].as_array().unwrap();
    assert!(shared[0]["what"].as_str().unwrap().contains("upf_site"));
    assert!(
        pair("cranes", "cranes")["residual_risks"][0]["what"].as_str().unwrap().contains("inside of the UPF")
    );
}

#[test]
fn documents_follow_the_schemas_of_3gpp() {
    let Some(schemas) = schemas::Schemas::find() else { return };
    for plant in [
        Plant::of(PLANT),
        both_families(),
        sdcore(),
        Plant::example("campus_5g"),
        Plant::example("turbine_hall"),
    ] {
        let read = |below: &str| -> serde_json::Value { serde_json::from_str(plant.file(below)).unwrap() };
        schemas.check("TS28541_SliceNrm.yaml", "SubNetwork-Single", &read("3gpp/slice-nrm.json"));
        for policies in read("3gpp/sm-policies.json").as_object().unwrap().values() {
            for policy in policies.as_array().unwrap() {
                schemas.check("TS29512_Npcf_SMPolicyControl.yaml", "SmPolicyDecision", &policy["decision"]);
            }
        }
        for subscription in read("3gpp/subscriptions.json").as_object().unwrap().values() {
            schemas.check("TS29503_Nudm_SDM.yaml", "SubscriptionDataSets", subscription);
        }
    }
    // and the schemas do refuse
    let plant = Plant::of(PLANT);
    let wrong = plant.file("3gpp/slice-nrm.json").replace("\"000001\"", "\"1\"");
    assert!(!schemas.takes(
        "TS28541_SliceNrm.yaml",
        "SubNetwork-Single",
        &serde_json::from_str(&wrong).unwrap()
    ));
    let wrong = plant.file("3gpp/subscriptions.json").replace("\"REQUIRED\"", "1");
    let wrong: serde_json::Value = serde_json::from_str(&wrong).unwrap();
    let first = wrong.as_object().unwrap().values().next().unwrap();
    assert!(!schemas.takes("TS29503_Nudm_SDM.yaml", "SubscriptionDataSets", first));
}

/// Texts of a package in places of their own: refused, or in the files as what they are.
#[test]
fn texts_are_refused_or_proven() {
    let texts = [
        "a\\\"b",
        "a\\nb: c",
        "${x}",
        "{{ x }}",
        "a'b",
        "# x",
        "- x",
        "*",
        "&x",
        "\u{202e}x",
        "\u{85}x",
        "\u{2028}x",
        "\u{feff}",
        "x\u{7f}",
        "null",
        "true",
        "010203",
        "1e0000",
        "~",
        "a b",
        "",
        "../../x",
        &"x".repeat(10_000),
    ];
    let places = [
        ("dnn = \"control\"", "dnn = \"TEXT\""),
        ("vault:agv{index}", "TEXT{index}"),
        ("imsi-999700000000101", "TEXT"),
        ("vehicles of one fleet", "TEXT"),
        ("version = \"2.7\"", "version = \"2.7\", name = \"TEXT\""),
        ("mnc = \"70\"", "mnc = \"TEXT\""),
    ];
    let mut proven = 0;
    for (before, after) in places {
        assert!(PLANT.contains(before));
        for text in &texts {
            let text = PLANT.replace(before, &after.replace("TEXT", text));
            let analysis =
                analyze(&Sources::new(MANIFEST, vec![("plant.weir".into(), text.into_bytes())]), NOW);
            let (Some(facts), Some(plan)) = (analysis.facts, analysis.plan) else { continue };
            let emitted = weir_target_5g::emit(&plan.cores[0], &plan.gaps).unwrap();
            let files: Vec<File<'_>> = emitted
                .artifacts
                .iter()
                .map(|file| File { path: &file.path, bytes: &file.contents })
                .collect();
            let mut prover = Prover::new(&facts, &plan, Budget::default(), false);
            prover.prove(Point::Core(&plan.cores[0]), &files);
            assert_eq!(prover.finish().findings, [], "{after}");
            for file in &emitted.artifacts {
                if file.path.strip_suffix(".json").is_some() {
                    let _: serde_json::Value = serde_json::from_slice(&file.contents).unwrap();
                }
            }
            proven += 1;
        }
    }
    println!("{proven} texts of {} without effect", places.len() * texts.len());
    assert!(proven >= 20);
}
