//! What each slice has for itself: its SMF, and its pool on a user plane, with the interface that the pool stands behind.

use serde::Serialize;
use weir_compiler::{
    model::fiveg::Protection,
    plan::{
        CorePlan,
        cores::{PoolPlan, SlicePlan},
    },
};
use weir_targets::file_name;

use super::values::{Layout, PlmnId, SNssai, Sbi, Servers, smf, user_plane};
use crate::{emit::Output, error::EmitError};

/// Leaves room for GTP-U on links of 1500 bytes.
const MTU: u16 = 1400;

#[derive(Serialize)]
struct SmfFile {
    smf: Smf,
}

#[derive(Serialize)]
struct Smf {
    sbi: Sbi,
    pfcp: SmfPfcp,
    gtpc: Servers,
    gtpu: Servers,
    session: Vec<Session>,
    dns: [String; 1],
    mtu: u16,
    /// Never missing: an SMF without it serves every slice.
    info: [Info; 1],
    security_indication: SecurityIndication,
}

#[derive(Serialize)]
struct SmfPfcp {
    #[serde(flatten)]
    server: Servers,
    client: PfcpClient,
}

#[derive(Serialize)]
struct PfcpClient {
    upf: [Upf; 1],
}

#[derive(Serialize)]
struct Upf {
    address: String,
    dnn: String,
}

#[derive(Serialize)]
struct Session {
    subnet: String,
    gateway: String,
    /// Never missing: a subnet without it is for every data network.
    dnn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dev: Option<String>,
}

#[derive(Serialize)]
struct Info {
    s_nssai: [InfoSlice; 1],
    tai: [InfoTai; 1],
}

#[derive(Serialize)]
struct InfoSlice {
    #[serde(flatten)]
    s_nssai: SNssai,
    dnn: [String; 1],
}

#[derive(Serialize)]
struct InfoTai {
    plmn_id: PlmnId,
    tac: Vec<u32>,
}

#[derive(Serialize)]
struct SecurityIndication {
    integrity_protection_indication: &'static str,
    confidentiality_protection_indication: &'static str,
    maximum_integrity_protected_data_rate_uplink: &'static str,
    maximum_integrity_protected_data_rate_downlink: &'static str,
}

#[derive(Serialize)]
struct UpfFile {
    upf: UpfSettings,
}

#[derive(Serialize)]
struct UpfSettings {
    pfcp: Servers,
    gtpu: Servers,
    session: Vec<Session>,
}

fn indication(protection: Protection) -> &'static str {
    match protection {
        Protection::Required => "required",
        Protection::Preferred => "preferred",
        Protection::NotNeeded => "not-needed",
    }
}

pub(super) fn emit(plan: &CorePlan, out: &mut Output) -> Result<(), EmitError> {
    let layout = Layout::of(plan);
    for (index, slice) in plan.slices.iter().enumerate() {
        let own = smf(plan, index);
        let settings = Smf {
            sbi: Sbi::of(own, &layout),
            pfcp: SmfPfcp {
                server: Servers::at([own.address]),
                client: PfcpClient {
                    upf: [Upf { address: user_plane(plan, index).to_string(), dnn: slice.dnn.to_string() }],
                },
            },
            gtpc: Servers::at([own.address]),
            gtpu: Servers::at([own.address]),
            session: sessions(slice, false).collect(),
            dns: [slice.dns.to_string()],
            mtu: MTU,
            info: [Info {
                s_nssai: [InfoSlice { s_nssai: slice.snssai.into(), dnn: [slice.dnn.to_string()] }],
                tai: [InfoTai { plmn_id: (&plan.plmn).into(), tac: tracking(plan, slice) }],
            }],
            security_indication: SecurityIndication {
                integrity_protection_indication: indication(slice.security.integrity),
                confidentiality_protection_indication: indication(slice.security.confidentiality),
                maximum_integrity_protected_data_rate_uplink: "maximum-UE-rate",
                maximum_integrity_protected_data_rate_downlink: "maximum-UE-rate",
            },
        };
        let path = format!("open5gs/slices/{}/smf.yaml", file_name(&slice.name));
        out.yaml(&path, &format!("SMF of slice {}", slice.name), &SmfFile { smf: settings })?;
    }
    for plane in &plan.user_planes {
        let folder = format!("open5gs/user-planes/{}", file_name(&plane.name));
        let mut addresses: Vec<_> = plane.slices.iter().map(|slice| user_plane(plan, *slice)).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let of_plane: Vec<&SlicePlan> =
            plane.slices.iter().filter_map(|slice| plan.slices.get(*slice)).collect();
        let settings = UpfSettings {
            pfcp: Servers::at(addresses.iter().copied()),
            gtpu: Servers::at(addresses),
            session: of_plane.iter().flat_map(|slice| sessions(slice, true)).collect(),
        };
        let title = format!("UPF on gateway {}", plane.name);
        out.yaml(&format!("{folder}/upf.yaml"), &title, &UpfFile { upf: settings })?;
        for slice in of_plane {
            out.text(
                &format!("{folder}/10-{}.network", file_name(&slice.device)),
                &format!("interface of slice {}: the UPF makes it, and gives it no address", slice.name),
                &format!(
                    "[Match]\nName={}\n\n[Network]\n{}LinkLocalAddressing=no\nIPv6AcceptRA=no\nConfigureWithoutCarrier=yes\nIPv4ReversePathFilter=strict\n",
                    slice.device,
                    own_addresses(slice)
                ),
            );
        }
    }
    Ok(())
}

/// One for each family.
fn sessions(slice: &SlicePlan, with_device: bool) -> impl Iterator<Item = Session> {
    slice.pools.iter().map(move |pool| Session {
        subnet: pool.net.to_string(),
        gateway: pool.gateway.to_string(),
        dnn: slice.dnn.to_string(),
        dev: with_device.then(|| slice.device.clone()),
    })
}

fn own_addresses(slice: &SlicePlan) -> String {
    let line = |pool: &PoolPlan| format!("Address={}/{}\n", pool.gateway, pool.net.prefix_len());
    slice.pools.iter().map(line).collect()
}

/// Tracking areas of the radios that offer a slice.
fn tracking(plan: &CorePlan, slice: &SlicePlan) -> Vec<u32> {
    let radios = slice.radios.iter().filter_map(|radio| plan.radios.get(*radio));
    let mut tracking: Vec<u32> = radios.map(|radio| radio.tac).collect();
    tracking.sort_unstable();
    tracking.dedup();
    tracking
}
