//! What is apart stays apart: exclusive slices, isolated zones and slices.

use weir_compiler::{Sources, analyze};

/// The codes of the errors in a package with two slices, each with its UPF.
fn errors(control: &str, devices: &str) -> Vec<&'static str> {
    errors_with(control, devices, "dedicated(upf_video)")
}

fn errors_with(control: &str, devices: &str, video: &str) -> Vec<&'static str> {
    // a user plane is dedicated to one, or shared by both
    let own = if video.starts_with("shared") { video } else { "dedicated(upf)" };
    let text = format!(
        r#"
core plant5g {{ product = open5gs, mcc = "999", mnc = "70" }}
radio gnb {{ core = plant5g, tac = 1 }}
zone mobile {{ }}
zone plant {{ }}
network n6 {{ zone = plant, subnet = 10.1.0.0/24 }}
gateway upf {{
    enforces = [upf, nftables]
    interface eth0 {{ network = n6, address = 10.1.0.1 }}
    interface tun0 {{ network = control, address = 10.61.0.1 }}
}}
gateway upf_video {{ enforces = [upf, nftables], interface eth0 {{ network = n6, address = 10.1.0.2 }} }}
slice control {{
    core = plant5g, snssai = urllc/0x000001, dnn = "control", pool = 10.61.0.0/24, zone = mobile
    user_plane = {own}
    {control}
}}
slice video {{
    core = plant5g, snssai = embb/0x000002, dnn = "video", pool = 10.62.0.0/24, zone = mobile
    user_plane = {video}
}}
conduit air between mobile, plant {{ carries = [any] }}
device dock {{ network = n6, address = 10.1.0.10 }}
{devices}
"#
    );
    let manifest = "[package]\nname = \"test\"\nversion = \"0.1.0\"\nedition = \"2026\"\n";
    let analysis = analyze(&Sources::new(manifest, vec![("plant.weir".into(), text.into_bytes())]), 0);
    analysis.diagnostics.iter().map(|found| found.code.id).filter(|id| id.starts_with('E')).collect()
}

const INSIDE: &str =
    "device agv { slice = control, address = 10.61.0.11, identity = sim(supi = \"imsi-999700000000001\") }";
const AGV: &str = "device agv { slice = control, address = 10.61.0.11, identity = sim(supi = \"imsi-999700000000001\") }\nallow agv -> dock : tcp/502";
const BOTH: &str = "device agv { slice = [control, video], address = [10.61.0.11, 10.62.0.11], identity = sim(supi = \"imsi-999700000000001\") }";

#[test]
fn a_device_is_not_in_two_exclusive_slices() {
    assert_eq!(errors("", BOTH), [""; 0]);
    assert_eq!(errors("exclusive_with = [video]", BOTH), ["E0408"]);
    assert_eq!(errors("exclusive_with = [video]", AGV), [""; 0]);
}

#[test]
fn an_isolated_slice_has_no_flow_out() {
    assert_eq!(errors("", AGV), [""; 0]);
    assert_eq!(errors("isolated = true", AGV), ["E0514"]);
    let inside = INSIDE;
    assert_eq!(errors("isolated = true", inside), [""; 0]);
}

#[test]
fn an_isolated_slice_shares_no_upf_and_no_device() {
    let inside = INSIDE;
    assert_eq!(errors_with("", inside, "shared(upf)"), [""; 0]);
    assert_eq!(errors_with("isolated = true", inside, "shared(upf)"), ["E0514"]);
    assert_eq!(errors("isolated = true", BOTH), ["E0514"]);
}

#[test]
fn an_isolated_slice_is_in_no_chain() {
    let inside = format!("{INSIDE}\n");
    let to_upf = format!("{inside}allow agv -> upf : udp/123");
    assert_eq!(errors("isolated = true", &to_upf), [""; 0]);
    let onward = format!("{to_upf}\nallow upf -> dock : tcp/6514");
    assert_eq!(errors("isolated = true", &onward), ["E0514"]);
    let inward = format!("{inside}allow dock -> upf : tcp/22\nallow upf -> agv : tcp/22");
    assert_eq!(errors("isolated = true", &inward), ["E0514"]);
    let administered = format!("{inside}allow dock -> upf : tcp/22");
    assert_eq!(errors("isolated = true", &administered), [""; 0]);
}

#[test]
fn asserted_isolation_is_the_same() {
    let both = format!(
        "{INSIDE}\ndevice eye {{ slice = video, address = 10.62.0.11, identity = sim(supi = \"imsi-999700000000002\") }}\n"
    );
    let asserted = format!("{both}assert isolated control, video");
    assert_eq!(errors("", &asserted), [""; 0]);
    assert_eq!(errors_with("", &asserted, "shared(upf)"), ["E0703"]);
    let joined = format!("{asserted}\nallow agv -> dock : tcp/502\nallow dock -> eye : tcp/554");
    assert_eq!(errors("", &joined), ["E0703"]);
    let shared = format!("{BOTH}\nassert isolated control, video");
    assert_eq!(errors("", &shared), ["E0703"]);
}
