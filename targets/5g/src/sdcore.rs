//! Aether SD-Core: device groups and network slices, as its configuration service takes them
//! (`POST /config/v1/device-group/NAME`, `POST /config/v1/network-slice/NAME`).
//!
//! Its traps: any `action` but `deny` permits; no rule at all permits everything and pushes others out; of a protocol other
//! than TCP and UDP it drops the ports; an endpoint that begins with 0.0.0.0 is anybody; and without `spec-compliant-sdf`
//! ports are looked for at the UE. So there is always a final `deny`, and the setting is emitted with the rest.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde::Serialize;
use weir_compiler::{
    model::fiveg::{BitRate, characteristics},
    plan::{
        CorePlan, Transport,
        cores::{PoolPlan, SlicePermission, SlicePlan},
    },
};
use weir_targets::file_name;

use crate::{emit::Output, error::EmitError};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DeviceGroup {
    imsis: Vec<String>,
    site_info: String,
    ip_domain_name: String,
    ip_domains: [IpDomain; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct IpDomain {
    dnn: String,
    ue_ip_pool: String,
    dns_primary: String,
    mtu: u16,
    ue_dnn_qos: DnnQuality,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DnnQuality {
    dnn_mbr_uplink: u64,
    dnn_mbr_downlink: u64,
    bitrate_unit: &'static str,
    traffic_class: TrafficClass,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
struct TrafficClass {
    name: String,
    qci: u8,
    arp: u8,
    /// Packet delay budget in milliseconds.
    pdb: u32,
    /// Packet error rate, as the exponent.
    pelr: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct NetworkSlice {
    slice_id: SliceId,
    site_device_group: [String; 1],
    site_info: SiteInfo,
    /// Never empty.
    application_filtering_rules: Vec<Rule>,
}

#[derive(Serialize)]
struct SliceId {
    /// A text here.
    sst: String,
    sd: String,
}

#[derive(Serialize)]
struct SiteInfo {
    #[serde(rename = "site-name")]
    name: String,
    plmn: Plmn,
    #[serde(rename = "gNodeBs")]
    radios: Vec<Radio>,
    upf: Upf,
}

#[derive(Serialize)]
struct Plmn {
    mcc: String,
    mnc: String,
}

#[derive(Serialize)]
struct Radio {
    name: String,
    tac: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Upf {
    upf_name: String,
    upf_port: &'static str,
}

#[allow(clippy::struct_field_names, reason = "keys of the file")]
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Rule {
    rule_name: String,
    priority: u8,
    action: &'static str,
    endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_port_start: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_port_end: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_mbr_uplink: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_mbr_downlink: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bitrate_unit: Option<&'static str>,
    traffic_class: TrafficClass,
}

#[derive(Serialize)]
struct WebUi {
    configuration: WebUiConfiguration,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct WebUiConfiguration {
    spec_compliant_sdf: bool,
}

const PERMIT_PRIORITY: u8 = 10;
const DENY_PRIORITY: u8 = 250;
const MTU: u16 = 1400;

pub(crate) fn emit(plan: &CorePlan, out: &mut Output) -> Result<(), EmitError> {
    for (index, slice) in plan.slices.iter().enumerate() {
        let name = file_name(&slice.name);
        out.json(&format!("sdcore/device-group/{name}.json"), &device_group(plan, index, slice)?)?;
        out.json(&format!("sdcore/network-slice/{name}.json"), &network_slice(plan, slice)?)?;
    }
    let settings = WebUi { configuration: WebUiConfiguration { spec_compliant_sdf: true } };
    out.yaml(
        "sdcore/webui.yaml",
        "merge into webuicfg.yaml: without it, filters look for ports at the UE",
        &settings,
    )
}

fn class(name: &str, five_qi: u8, arp: u8) -> TrafficClass {
    let known = characteristics(five_qi);
    TrafficClass {
        name: name.to_owned(),
        qci: five_qi,
        arp,
        pdb: known.map_or(300, |row| row.delay_budget),
        pelr: known.map_or(6, |row| row.error_exponent),
    }
}

/// Both rates in the largest unit that keeps them whole numbers.
fn in_one_unit(uplink: BitRate, downlink: BitRate) -> (u64, u64, &'static str) {
    for (unit, factor) in [("Gbps", 1_000_000_000), ("Mbps", 1_000_000), ("Kbps", 1_000)] {
        if uplink.0.is_multiple_of(factor) && downlink.0.is_multiple_of(factor) {
            return (uplink.0 / factor, downlink.0 / factor, unit);
        }
    }
    (uplink.0, downlink.0, "bps")
}

fn device_group(plan: &CorePlan, index: usize, slice: &SlicePlan) -> Result<DeviceGroup, EmitError> {
    let name = file_name(&slice.name);
    let inside =
        plan.subscribers.iter().filter(|one| one.sessions.iter().any(|session| session.slice == index));
    let session = slice.quality.session;
    let (uplink, downlink, unit) = in_one_unit(session.uplink, session.downlink);
    // one of IPv4: others were refused when the plan was made
    let [PoolPlan { net: IpNet::V4(pool), .. }] = slice.pools.as_slice() else {
        return Err(EmitError::BrokenPlan { what: "pool for SD-Core" });
    };
    Ok(DeviceGroup {
        imsis: inside.map(|one| one.supi.digits().to_owned()).collect(),
        site_info: plan.package.clone(),
        ip_domain_name: format!("pool-{name}"),
        ip_domains: [IpDomain {
            dnn: slice.dnn.to_string(),
            ue_ip_pool: pool.to_string(),
            dns_primary: slice.dns.to_string(),
            mtu: MTU,
            ue_dnn_qos: DnnQuality {
                dnn_mbr_uplink: uplink,
                dnn_mbr_downlink: downlink,
                bitrate_unit: unit,
                traffic_class: class(&name, slice.quality.five_qi, slice.quality.arp.priority),
            },
        }],
    })
}

fn network_slice(plan: &CorePlan, slice: &SlicePlan) -> Result<NetworkSlice, EmitError> {
    let plane = plan.user_planes.get(slice.user_plane).ok_or(EmitError::BrokenPlan { what: "user plane" })?;
    let radios = slice.radios.iter().filter_map(|radio| plan.radios.get(*radio));
    let name = file_name(&slice.name);
    Ok(NetworkSlice {
        slice_id: SliceId {
            sst: slice.snssai.sst.to_string(),
            sd: slice.snssai.sd_text().unwrap_or_default(),
        },
        site_device_group: [name.clone()],
        site_info: SiteInfo {
            name: plan.package.clone(),
            plmn: Plmn { mcc: plan.plmn.mcc.to_string(), mnc: plan.plmn.mnc.to_string() },
            radios: radios.map(|radio| Radio { name: file_name(&radio.name), tac: radio.tac }).collect(),
            upf: Upf { upf_name: file_name(&plane.name), upf_port: "8805" },
        },
        application_filtering_rules: rules(plan, slice, &name)?,
    })
}

fn rules(plan: &CorePlan, slice: &SlicePlan, name: &str) -> Result<Vec<Rule>, EmitError> {
    let default = class(name, slice.quality.five_qi, slice.quality.arp.priority);
    let mut rules = Vec::new();
    let mut said: BTreeSet<(String, u8, (u16, u16))> = BTreeSet::new();
    for permission in &slice.permissions {
        let id = plan.statements.get(permission.statement as usize);
        let id = &id.ok_or(EmitError::BrokenPlan { what: "statement" })?.id;
        let (protocol, ports) = filter(permission)?;
        let flow = permission.flow.and_then(|flow| plan.flows.get(flow));
        // no rate of a flow is above what an integer of 31 bits holds: the model saw to it
        let rate = flow.and_then(|flow| flow.maximum).map(|rate| in_one_unit(rate, rate));
        for endpoint in permission.endpoints.iter().filter(|net| matches!(net, IpNet::V4(_))) {
            if !said.insert((endpoint.to_string(), protocol, ports)) {
                continue;
            }
            rules.push(Rule {
                rule_name: format!("{id}-{}", rules.len() + 1),
                priority: PERMIT_PRIORITY,
                action: "permit",
                endpoint: endpoint.to_string(),
                protocol: Some(protocol),
                dest_port_start: Some(ports.0),
                dest_port_end: Some(ports.1),
                app_mbr_uplink: rate.map(|rate| rate.0),
                app_mbr_downlink: rate.map(|rate| rate.1),
                bitrate_unit: rate.map(|rate| rate.2),
                traffic_class: flow
                    .map_or_else(|| default.clone(), |flow| class(name, flow.five_qi, flow.arp.priority)),
            });
        }
    }
    rules.push(Rule {
        rule_name: "deny-all".into(),
        priority: DENY_PRIORITY,
        action: "deny",
        endpoint: "0.0.0.0/0".into(),
        protocol: None,
        dest_port_start: None,
        dest_port_end: None,
        app_mbr_uplink: None,
        app_mbr_downlink: None,
        bitrate_unit: None,
        traffic_class: default,
    });
    Ok(rules)
}

/// The IP protocol and ports of the endpoint. What the filter cannot say was refused when the plan was made.
fn filter(permission: &SlicePermission) -> Result<(u8, (u16, u16)), EmitError> {
    match permission.transport {
        Transport::Tcp if permission.started_by_ue => Ok((6, permission.ports)),
        Transport::Udp if permission.started_by_ue => Ok((17, permission.ports)),
        _ => Err(EmitError::BrokenPlan { what: "filter for SD-Core" }),
    }
}
