//! What the README of an output tree says about this target.

use std::fmt::Write as _;

use weir_compiler::{model::fiveg::Product, plan::CorePlan};
use weir_targets::file_name;

/// The section on this target: how to deploy, check and roll back, and what no core holds.
pub fn readme_section(cores: &[&CorePlan]) -> String {
    let mut out = String::from(
        "## 5G\n\n\
         Settings of the core and the packet filters on the hosts of its user planes (`nftables/`) come from the same policy, \
         and belong together: load the packet filter of a user plane's host before its UPF starts. It is the packet filter that \
         withdraws a permission, at once; a withdrawn subscription ends with the session, which the core can release.\n\n\
         | core | product | folder | slices |\n| --- | --- | --- | --- |\n",
    );
    for plan in cores {
        let slices: Vec<String> =
            plan.slices.iter().map(|slice| format!("`{}` ({})", slice.name, slice.snssai)).collect();
        let _ = writeln!(
            out,
            "| `{}` | {} | `5g/{}` | {} |",
            plan.name,
            plan.product.name(),
            file_name(&plan.name),
            slices.join(", ")
        );
    }
    if cores.iter().any(|plan| plan.product == Product::Open5gs) {
        out.push_str(OPEN5GS);
    }
    if cores.iter().any(|plan| plan.product == Product::SdCore) {
        out.push_str(SDCORE);
    }
    out.push_str(COMMON);
    out
}

const OPEN5GS: &str = "\n**Deploy, Open5GS**: `nrf.yaml`, `nssf.yaml`, `amf.yaml` and `pcf.yaml` for the functions that slices \
share; one SMF for each file in `slices/`; on each user plane's host, the `.network` files of `user-planes/GATEWAY/` in \
`/etc/systemd/network`, then the UPF with `upf.yaml`. AUSF, UDM, UDR and BSF keep their own settings. `subscribers.json` holds \
the documents of the collection `subscribers` without `security`: whoever loads them adds `security.k`, `security.opc` and \
`security.amf` from where `keys.json` says that they are kept. A document without keys lets nobody in.\n\n\
**Check**: no log of any function may have the line `unknown key`; `GET /namf-oam/v1/plmns` at the AMF lists exactly the slices.\n";

const SDCORE: &str = "\n**Deploy, SD-Core**: merge `sdcore/webui.yaml` into the configuration service's settings first: without \
it, filters look for ports at the UE. Then `POST` each file of `device-group/` to `/config/v1/device-group/NAME`, and each of \
`network-slice/` to `/config/v1/network-slice/NAME`. Its filters hold endpoints and ports of a whole slice, both ways of a \
connection and for all UEs alike; which device may start what is held by the packet filters.\n";

const COMMON: &str = "\n**Roll back**: the files of the tree before, in the same order. Sessions keep what they were set up with \
until they are released.\n\n\
`3gpp/` has the same as documents of TS 28.541 (`slice-nrm.json`), TS 29.512 (`sm-policies.json`) and TS 29.503 \
(`subscriptions.json`). `lab/` has UERANSIM's and srsRAN's files, for trying it without a radio. `isolation.json` says, slice by \
slice, what is permitted between them, by which statement, held where, and what stays open.\n\n\
**What no core holds**: what flows ask for (`qos`) sorts packets by quality and refuses none; UEs of one pool reach each other \
inside of the UPF, where no packet filter sees them; who may send PFCP to a UPF decides where every packet of its slices goes.\n";
