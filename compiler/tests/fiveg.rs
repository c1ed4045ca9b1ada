//! What users get wrong about slices, and cores take in silence: each row of the table of known mistakes, and each bad input,
//! is an error at its line.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

use weir_compiler::{Analysis, Sources, analyze};

const MANIFEST: &str = "[package]\nname = \"test\"\nversion = \"0.1.0\"\nedition = \"2026\"\n";

/// A plant with two slices; every test changes one thing.
const PLANT: &str = r#"
core plant5g { product = open5gs, version = "2.7", mcc = "999", mnc = "70" }
radio gnb { core = plant5g, tac = 1, capacity = 100 Mbps }
zone mobile { purdue = 1 }
zone plant { purdue = 1 }
network n6 { zone = plant, subnet = 10.1.0.0/24, accept_gap = "one rack" }
gateway upf_control { enforces = [upf, nftables], interface eth0 { network = n6, address = 10.1.0.1 } }
gateway upf_video { enforces = [upf, nftables], interface eth0 { network = n6, address = 10.1.0.2 } }
slice control {
    core = plant5g
    snssai = urllc/0x000001
    dnn = "control"
    pool = 10.61.0.0/24
    zone = mobile
    area = [gnb]
    user_plane = dedicated(upf_control)
    max_ues = 10
    qos { five_qi = 80, arp = 2, ambr_up = 10 Mbps, ambr_down = 10 Mbps }
    security { integrity = required, confidentiality = required }
}
slice video {
    core = plant5g
    snssai = embb/0x000002
    dnn = "video"
    pool = 10.62.0.0/24
    zone = mobile
    user_plane = dedicated(upf_video)
    exclusive_with = [control]
    qos { five_qi = 7, arp = 10 }
    security { integrity = required }
}
conduit air between mobile, plant { carries = [any] }
device dock { network = n6, address = 10.1.0.10 }
device agv[1..2] { slice = control, address = control.pool.host(10 + index), identity = sim(supi = "imsi-99970000000000{index}", key = ref("vault:agv{index}")) }
device eye { slice = video, address = 10.62.0.11, identity = sim(supi = "imsi-999700000000101") }
allow agv -> dock : tcp/502 { qos = { five_qi = 83, gfbr = 500 Kbps, mfbr = 500 Kbps, period = 20 ms, size = 128 B } }
"#;

fn analysis(text: &str) -> Analysis {
    analyze(&Sources::new(MANIFEST, vec![("plant.weir".into(), text.to_owned().into_bytes())]), 0)
}

/// Codes of all that is said of a text, but for what every plant without administration gets.
fn said(text: &str) -> Vec<&'static str> {
    let analysis = analysis(text);
    let codes = analysis.diagnostics.iter().map(|found| found.code.id);
    codes.filter(|id| !["W0602", "W0601", "W0201"].contains(id)).collect()
}

/// What is said when one text of the plant is another.
fn with(before: &str, after: &str) -> Vec<&'static str> {
    assert!(PLANT.contains(before), "the plant has no {before:?}");
    said(&PLANT.replacen(before, after, 1))
}

fn and(more: &str) -> Vec<&'static str> {
    said(&format!("{PLANT}\n{more}\n"))
}

#[test]
fn the_plant_is_fine() {
    assert_eq!(said(PLANT), [""; 0]);
    let plan = analysis(PLANT).plan.unwrap();
    let [core] = plan.cores.as_slice() else { panic!("one core") };
    assert_eq!(core.subscribers.len(), 3);
    assert_eq!(core.flows.len(), 1);
    assert_eq!(core.slices[0].pools[0].gateway.to_string(), "10.61.0.1");
}

/// Row by row: what users did, and what a core made of it.
#[test]
fn the_table_of_user_mistakes() {
    // the second UE gets the first slice's pool; a UPF chosen by area gets a pool chosen by DNN; no S-NSSAI in UPF selection
    assert_eq!(with("dnn = \"video\"", "dnn = \"control\""), ["E0408"]);
    assert_eq!(with("pool = 10.62.0.0/24", "pool = [10.62.0.0/24, 10.63.0.0/24]"), ["E0718"]);
    // a catch-all subnet
    assert_eq!(with("dnn = \"video\"", "dnn = \"*\""), ["E0713"]);
    assert_eq!(with("    dnn = \"video\"\n", ""), ["E0209"]);
    // decimal and hexadecimal; absent, 000000 and FFFFFF
    for wrong in ["embb/10", "embb/0xa", "embb/0xffffff", "embb/0x1234567", "300/0x000002", "0/0x000002"] {
        assert_eq!(with("embb/0x000002", wrong), ["E0303"], "{wrong}");
    }
    assert!(with("embb/0x000002", "embb/0xzzzzzz").iter().all(|id| id.starts_with('E')));
    assert!(!with("embb/0x000002", "embb/0xzzzzzz").is_empty());
    assert_eq!(with("embb/0x000002", "urllc/0x000001"), ["E0408"]);
    assert_eq!(with("embb/0x000002", "2/0x000001"), ["E0408"]);
    // a slice that no radio has
    assert_eq!(with("radio gnb { core = plant5g, tac = 1, capacity = 100 Mbps }\n", "radio gnb { core = other, tac = 1 }\ncore other { product = open5gs, mcc = \"001\", mnc = \"01\" }\n").iter().filter(|id| **id == "E0714").count(), 2);
    // every slice a default one: a device names its default first, and only once
    let plan = analysis(&format!("{PLANT}\n{TWO_SLICES}")).plan.unwrap();
    let truck = plan.cores[0].subscribers.iter().find(|one| one.device == "truck").unwrap();
    assert_eq!(truck.sessions.len(), 2);
    assert_eq!(plan.cores[0].slices[truck.sessions[0].slice].name, "yard");
    // two UEs of one pool, inside of the UPF
    let gaps = analysis(PLANT).plan.unwrap().gaps;
    assert!(gaps.iter().any(|gap| gap.place == "control" && gap.accepted.is_none()));
    // and an assertion that they do not fails
    let asserted = [
        ("assert never agv[1] ~> agv[2]", "E0702"),
        (
            "gateway upf_two { enforces = [upf, nftables] }\nslice two { core = plant5g, snssai = 1, dnn = \"two\", pool = 10.61.0.128/25, zone = mobile, user_plane = dedicated(upf_two), security { integrity = required } }",
            "E0403",
        ),
    ];
    for (text, code) in asserted {
        assert_eq!(and(text), [code], "{text}");
    }
    // one list of slices, in which a default one is there again
    assert_eq!(with("slice = video, address", "slice = [video, video], address"), ["E0408"]);
    // several data networks of one slice
    assert_eq!(with("dnn = \"video\"", "dnn = [\"video\", \"audio\"]"), ["E0301"]);
}

const TWO_SLICES: &str = r#"
gateway upf_yard { enforces = [upf, nftables], interface eth0 { network = n6, address = 10.1.0.3 } }
slice yard {
    core = plant5g, snssai = urllc/0x000003, dnn = "yard", pool = 10.63.0.0/24, zone = mobile
    user_plane = dedicated(upf_yard)
    security { integrity = required }
}
device truck { slice = [yard, control], address = [10.61.0.50, 10.63.0.50], identity = sim(supi = "imsi-999700000000201") }
"#;

#[test]
fn identities() {
    assert_eq!(with("imsi-999700000000101", "imsi-262010000000101"), ["E0710"]);
    assert_eq!(with("imsi-999700000000101", "999700000000101"), ["E0710"]);
    assert_eq!(with("imsi-999700000000101", "imsi-9997000000001019"), ["E0710"]);
    assert_eq!(with("imsi-999700000000101", "imsi-999700000000001"), ["E0406"]);
    assert_eq!(with(", identity = sim(supi = \"imsi-999700000000101\")", ""), ["E0711"]);
    assert_eq!(with("slice = video, address = 10.62.0.11,", "slice = video,"), ["E0711"]);
    assert_eq!(with("address = 10.62.0.11", "address = 10.62.0.11..10.62.0.12"), ["E0711"]);
    assert_eq!(with("ref(\"vault:agv{index}\")", "\"465B5CE8B199B49FAA5F0A2EE238A6BC\""), ["E0306"]);
    assert_eq!(with("mcc = \"999\"", "mcc = \"99\""), ["E0408"]);
    assert_eq!(with("mnc = \"70\"", "mnc = \"7\""), ["E0408"]);
    assert_eq!(with("mnc = \"70\"", "mnc = \"070\"").first(), Some(&"E0710"));
    assert_eq!(with("embb/0x000002", "8/0x000002"), ["W0716"]);
    assert_eq!(with("embb/0x000002", "128/0x000002"), [""; 0]);
    assert_eq!(with("tac = 1,", "tac = 0,"), ["E0303"]);
    assert_eq!(with("tac = 1,", "tac = 16777215,"), ["E0303"]);
    // one address for two, and one of the pool's own
    assert_eq!(
        and(
            "device eye_two { slice = video, address = 10.62.0.11, identity = sim(supi = \"imsi-999700000000102\") }"
        ),
        ["E0402"]
    );
    assert_eq!(with("address = 10.62.0.11", "address = 10.62.0.255"), ["E0404"]);
    assert_eq!(with("address = 10.62.0.11", "address = 10.61.0.99"), ["E0401"]);
}

/// Open5GS serves four slices of one SIM.
#[test]
fn slices_of_one_device() {
    let slice = |at: u32| {
        format!(
            "gateway upf{at} {{ enforces = [upf, nftables] }}\nslice s{at} {{ core = plant5g, snssai = embb/0x0000a{at}, dnn = \"s{at}\", pool = 10.7{at}.0.0/24, zone = mobile, user_plane = dedicated(upf{at}), security {{ integrity = required }} }}\n"
        )
    };
    let in_slices = |count: u32| {
        let slices: String = (0..count).map(slice).collect();
        let names: Vec<String> = (0..count).map(|at| format!("s{at}")).collect();
        let addresses: Vec<String> = (0..count).map(|at| format!("10.7{at}.0.9")).collect();
        and(&format!(
            "{slices}device many {{ slice = [{}], address = [{}], identity = sim(supi = \"imsi-999700000000777\") }}",
            names.join(", "),
            addresses.join(", ")
        ))
    };
    assert_eq!(in_slices(4), [""; 0]);
    assert_eq!(in_slices(5), ["E0712"]);
}

#[test]
fn isolation() {
    assert_eq!(with("pool = 10.62.0.0/24", "pool = 10.61.0.0/16")[0], "E0403");
    assert_eq!(with("dedicated(upf_video)", "shared(upf_control)"), ["E0715"]);
    let shared = PLANT
        .replace("dedicated(upf_control)", "shared(upf_control)")
        .replace("dedicated(upf_video)", "shared(upf_control)");
    assert_eq!(said(&shared), ["W0711"]);
    assert_eq!(said(&shared.replacen("[upf, nftables]", "upf", 1)).first(), Some(&"E0716"));
    assert_eq!(
        and(
            "device both { slice = [control, video], address = [10.61.0.20, 10.62.0.20], identity = sim(supi = \"imsi-999700000000009\") }"
        ),
        ["E0408"]
    );
    // all pools and all networks are of one address space, of either family
    assert_eq!(with("pool = 10.62.0.0/24", "pool = 10.1.0.128/25")[0], "E0403");
    assert_eq!(with("subnet = 10.1.0.0/24", "subnet = [10.1.0.0/24, 2001:db8::/32]"), [""; 0]);
    let both = PLANT.replace("subnet = 10.1.0.0/24", "subnet = [10.1.0.0/24, 2001:db8::/32]");
    assert_eq!(said(&both.replace("pool = 10.62.0.0/24", "pool = 2001:db8:62::/48"))[0], "E0403");
    // two user planes that filter nothing, one network behind them
    let unfiltered = PLANT.replace("[upf, nftables]", "upf");
    assert!(said(&unfiltered).contains(&"E0716"), "{:?}", said(&unfiltered));
    let one_filters = PLANT.replacen("[upf, nftables]", "upf", 1);
    assert!(!said(&one_filters).contains(&"E0716"), "{:?}", said(&one_filters));
    // a device that joins zones
    let apart =
        PLANT.replace("zone mobile { purdue = 1 }", "zone mobile { purdue = 1 }\nzone yard { purdue = 1 }");
    let joins = "slice other { core = plant5g, snssai = 1, dnn = \"other\", pool = 10.64.0.0/24, zone = yard, user_plane = dedicated(upf_other), security { integrity = required } }
gateway upf_other { enforces = [upf, nftables] }
device both { slice = [control, other], address = [10.61.0.20, 10.64.0.20], identity = sim(supi = \"imsi-999700000000009\") }";
    assert_eq!(said(&format!("{apart}\n{joins}")), ["W0712"]);
    // more pools than a UPF takes
    let slice = |at: u32| {
        format!(
            "slice s{at} {{ core = plant5g, snssai = embb/0x0001{at:02}, dnn = \"s{at}\", pool = 10.100.{at}.0/24, zone = mobile, user_plane = shared(upf_all), security {{ integrity = required }} }}\n"
        )
    };
    let all = |count: u32| {
        let slices: String = (0..count).map(slice).collect();
        and(&format!("gateway upf_all {{ enforces = [upf, nftables] }}\n{slices}"))
    };
    assert_eq!(all(16), [""; 0]);
    assert_eq!(all(18), ["E0718"]);
    assert_eq!(with("max_ues = 10", "max_ues = 1"), ["E0719"]);
    assert_eq!(with("max_ues = 10", "max_ues = 1000"), ["E0719"]);
}

#[test]
fn security() {
    assert_eq!(with("    security { integrity = required }\n", ""), ["E0717"]);
    assert_eq!(with("security { integrity = required }", "security { integrity = preferred }"), ["E0717"]);
    assert_eq!(with("version = \"2.7\"", "version = \"2.6\""), ["E0718"]);
    // what a core is told of flows filters nothing: without a packet filter, no permission is held
    let unfiltered = PLANT.replacen("[upf, nftables]", "upf", 1);
    assert_eq!(said(&unfiltered), ["E0505"]);
}

#[test]
fn quality_of_service() {
    let qos = "{ five_qi = 83, gfbr = 500 Kbps, mfbr = 500 Kbps, period = 20 ms, size = 128 B }";
    let wrong = |after: &str| with(qos, after);
    assert_eq!(wrong("{ five_qi = 83 }"), ["E0720"]);
    assert_eq!(wrong("{ five_qi = 83, gfbr = 500 Kbps }"), ["E0720"]);
    assert_eq!(wrong("{ five_qi = 83, gfbr = 600 Kbps, mfbr = 500 Kbps }"), ["E0720"]);
    assert_eq!(wrong("{ five_qi = 9, gfbr = 500 Kbps, mfbr = 500 Kbps }"), ["E0720"]);
    assert_eq!(wrong("{ five_qi = 10 }"), ["E0720"]);
    assert_eq!(wrong("{ five_qi = 9, ambr_up = 1 Mbps }"), ["E0720"]);
    assert_eq!(wrong("{ five_qi = 9, mfbr = 11 Mbps }"), ["E0722"]);
    assert_eq!(wrong("{ five_qi = 83, gfbr = 51 Mbps, mfbr = 51 Mbps }"), ["E0721"]);
    assert_eq!(wrong("{ five_qi = 82, gfbr = 9 Mbps, mfbr = 9 Mbps, size = 256 B }"), ["E0723"]);
    assert_eq!(
        wrong("{ five_qi = 83, gfbr = 1 Kbps, mfbr = 1 Kbps, period = 20 ms, size = 128 B }"),
        ["E0723"]
    );
    assert_eq!(
        wrong("{ five_qi = 83, gfbr = 500 Kbps, mfbr = 500 Kbps, period = 8 ms, size = 128 B }"),
        ["W0715"]
    );
    assert_eq!(wrong("{ five_qi = 90, gfbr = 500 Kbps, mfbr = 500 Kbps }"), ["E0718"]);
    assert!(wrong("{ five_qi = 83, gfbr = 2147483649 bps, mfbr = 2147483649 bps }").contains(&"E0718"));
    // the priority of the process, outside of it
    let above = PLANT
        .replace("zone mobile { purdue = 1 }", "zone mobile { purdue = 3 }")
        .replace("arp = 2,", "arp = 12,");
    assert_eq!(said(&above.replacen("five_qi = 83,", "five_qi = 83, arp = 2,", 1)), ["W0714"]);
    assert_eq!(said(&above.replacen("arp = 10", "arp = 8", 1)), ["W0714"]);
    assert_eq!(with("five_qi = 7,", "five_qi = 82,"), ["W0713"]);
    assert_eq!(with("five_qi = 7,", "five_qi = 11,"), ["E0720"]);
    assert_eq!(with("arp = 10 }", "arp = 10, gfbr = 1 Kbps }"), ["E0720"]);
    assert_eq!(
        and(
            "device hmi { network = n6, address = 10.1.0.20 }\nallow hmi -> dock : tcp/80 { qos = { five_qi = 9 } }"
        ),
        ["E0724"]
    );
    let far = |at: u32| format!("device far{at} {{ network = n6, address = 10.1.0.{} }}\n", 100 + 2 * at);
    let many = (0..9).map(far).collect::<Vec<_>>().concat();
    let names: Vec<String> = (0..9).map(|at| format!("far{at}")).collect();
    let filters = |count: usize| {
        let far = names[..count].join(" | ");
        and(&format!("{many}allow eye -> {far} : tcp/80 {{ qos = {{ five_qi = 9 }} }}"))
    };
    assert_eq!(filters(7), [""; 0]);
    assert_eq!(filters(8), ["E0718"]);
    let rules = |count: usize| {
        let rule = |name: &String| format!("allow eye -> {name} : tcp/80 {{ qos = {{ five_qi = 9 }} }}\n");
        and(&format!("{many}{}", names[..count].iter().map(rule).collect::<String>()))
    };
    assert_eq!(rules(8), [""; 0]);
    assert_eq!(rules(9), ["E0718"]);
}

/// SD-Core's own filter widens what it cannot say; each such flow is refused.
#[test]
fn sdcore_refuses_what_its_filter_widens() {
    let plant = PLANT
        .replace("product = open5gs, version = \"2.7\"", "product = sdcore")
        .replace("purdue = 1", "purdue = 3")
        .replace("    security { integrity = required, confidentiality = required }\n", "")
        .replace("    security { integrity = required }\n", "")
        .replace("arp = 2", "arp = 10")
        .replace(
            " { qos = { five_qi = 83, gfbr = 500 Kbps, mfbr = 500 Kbps, period = 20 ms, size = 128 B } }",
            "",
        );
    assert_eq!(said(&plant), [""; 0]);
    for flow in [
        "allow agv -> dock : icmp",
        "allow dock -> eye : tcp/554",
        "external cloud { prefixes = 0.0.0.0/8, network = n6, zone = plant }\nallow eye -> cloud : tcp/443",
        "allow agv -> dock : sctp/9",
    ] {
        let found = said(&format!("{plant}\n{flow}\n"));
        assert!(found.contains(&"E0718"), "{flow}: {found:?}");
    }
    assert_eq!(said(&plant.replace("five_qi = 80", "five_qi = 82")).first(), Some(&"E0718"));
    assert_eq!(said(&plant.replace("ambr_up = 10 Mbps", "ambr_up = 3 Gbps")).first(), Some(&"E0718"));
    assert_eq!(
        said(&plant.replace("max_ues = 10\n", "max_ues = 10\n    security { integrity = required }\n"))
            .first(),
        Some(&"E0718")
    );
}

#[test]
fn functions_of_a_core_reach_each_other() {
    let smf = "device smf { network = n6, address = 10.1.0.40 }\n";
    let named = PLANT.replacen("    max_ues = 10\n", "    max_ues = 10\n    session_management = smf\n", 1);
    assert_eq!(said(&format!("{named}{smf}")), ["E0725"]);
    let all = named.replace("mnc = \"70\" }\nradio", "mnc = \"70\", functions = smf }\nradio");
    // the other slice has no host
    assert_eq!(said(&format!("{all}{smf}")), ["E0725"]);
    let all = all.replace(
        "exclusive_with = [control]",
        "exclusive_with = [control]\n    session_management = smf_video",
    );
    let both = format!("{all}{smf}device smf_video {{ network = n6, address = 10.1.0.41 }}\n");
    assert_eq!(said(&both), [""; 0]);
    // two on one host
    assert_eq!(said(&format!("{}{smf}", all.replace("smf_video", "smf"))), ["E0725"]);
}

/// A UE has a whole /64, and the rules behind the user plane know it by that.
#[test]
fn ipv6() {
    let plant = PLANT
        .replace("subnet = 10.1.0.0/24", "subnet = [10.1.0.0/24, 2001:db8:1::/64]")
        .replace("address = 10.1.0.1 }", "address = [10.1.0.1, 2001:db8:1::1] }")
        .replace("address = 10.1.0.10 }", "address = [10.1.0.10, 2001:db8:1::10] }")
        .replace("pool = 10.61.0.0/24", "pool = [10.61.0.0/24, 2001:db8:61::/48]")
        .replace("control.pool.host(10 + index)", "[control.host(10 + index), control.subnet(64, index)]");
    assert_eq!(said(&plant), [""; 0]);
    let plan = analysis(&plant).plan.unwrap();
    let core = &plan.cores[0];
    let control = &core.slices[0];
    assert_eq!(control.pools[0].gateway.to_string(), "10.61.0.1");
    assert_eq!(control.pools[1].gateway.to_string(), "2001:db8:61::1");
    let session = &core.subscribers[0].sessions[0];
    assert_eq!(session.v6.unwrap().to_string(), "2001:db8:61:1::/64");
    assert_eq!(core.flows[0].filters.len(), 2);
    // the packet filter of its host knows that the pool comes by the slice's interface, and each device by its /64
    let host = plan.gateways.iter().find(|gateway| gateway.name == "upf_control").unwrap();
    let binding = host.bindings.iter().find(|binding| binding.device == control.device).unwrap();
    for (address, known) in
        [("2001:db8:61:1::5", true), ("2001:db8:61:2:ffff::", true), ("2001:db8:62:1::5", false)]
    {
        assert_eq!(binding.sources.contains(address.parse().unwrap()), known, "{address}");
    }
    let change = |before: &str, after: &str| {
        assert!(plant.contains(before), "the plant has no {before:?}");
        said(&plant.replacen(before, after, 1))
    };
    // an address is not what a core gives
    assert_eq!(change("control.subnet(64, index)", "2001:db8:61:7::7")[0], "E0711");
    assert_eq!(change("control.subnet(64, index)", "control.subnet(56, index)")[0], "E0711");
    assert_eq!(change("control.subnet(64, index)", "control.subnet(80, index)")[0], "E0711");
    // the user plane's own address is in nobody's
    let named = plant.replace(
        "gateway upf_control { enforces = [upf, nftables],",
        "gateway upf_control { enforces = [upf, nftables], interface ogsx { network = control, address = [10.61.0.1, 2001:db8:61:1::1] },",
    );
    assert_eq!(said(&named), ["E0402"]);
    assert!(change("2001:db8:61::/48]", "2001:db8:61::/64]").contains(&"E0718"));
    assert_eq!(
        change("[10.61.0.0/24, 2001:db8:61::/48]", "[2001:db8:60::/48, 2001:db8:61::/48]")[0],
        "E0718"
    );
    assert_eq!(
        with("pool = 10.62.0.0/24", "pool = 2001:db8:62::/64").iter().filter(|id| **id == "E0718").count(),
        1
    );
    // cores without it
    let other = PLANT
        .replace("pool = 10.62.0.0/24", "pool = 2001:db8:62::/48")
        .replace("address = 10.62.0.11", "address = video.subnet(64, 1)");
    assert_eq!(said(&other), [""; 0]);
    let other = other.replace("product = open5gs, version = \"2.7\"", "product = sdcore");
    assert!(said(&other).contains(&"E0718"));
}
