//! What is apart stays apart: exclusive slices, isolated zones and slices.

use weir_compiler::{Sources, analyze};

/// The codes of the errors in a package with two slices behind one UPF; `{}` is filled in.
fn errors(control: &str, devices: &str) -> Vec<&'static str> {
    let text = format!(
        r#"
core plant5g {{ product = open5gs, mcc = "999", mnc = "70" }}
zone mobile {{ }}
zone plant {{ }}
network n6 {{ zone = plant, subnet = 10.1.0.0/24 }}
gateway upf {{ enforces = [upf, nftables], interface eth0 {{ network = n6, address = 10.1.0.1 }} }}
slice control {{
    core = plant5g, snssai = urllc/0x000001, dnn = "control", pool = 10.61.0.0/24, zone = mobile
    user_plane = dedicated(upf)
    {control}
}}
slice video {{
    core = plant5g, snssai = embb/0x000002, dnn = "video", pool = 10.62.0.0/24, zone = mobile
    user_plane = shared(upf)
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

const AGV: &str = "device agv { slice = control, address = 10.61.0.11 }\nallow agv -> dock : tcp/502";
const BOTH: &str = "device agv { slice = [control, video], address = [10.61.0.11, 10.62.0.11] }";

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
    let inside = "device agv { slice = control, address = 10.61.0.11 }";
    assert_eq!(errors("isolated = true", inside), [""; 0]);
}
