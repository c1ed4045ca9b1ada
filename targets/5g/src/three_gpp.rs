//! The same as documents of 3GPP: slices as TS 28.541 models them, policies as TS 29.512, subscriptions as TS 29.503.
//! For cores and tools that Weir has no target for; whatever enforces the packet filter is named in `n6Protection`.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_compiler::{
    model::fiveg::{Arp, BitRate, PduSessionType, Plmn, Protection, Snssai, UserPlaneSecurity},
    plan::{
        CorePlan,
        cores::{FlowPlan, SlicePlan},
    },
};
use weir_targets::file_name;

use crate::{emit::Output, error::EmitError, open5gs::description, profiles::profiles};

/// `SubNetwork-Single` of TS 28.541's slice NRM.
#[derive(Serialize)]
struct SubNetwork {
    id: String,
    #[serde(rename = "NetworkSlice")]
    slices: Vec<Managed<SliceAttributes>>,
    #[serde(rename = "IsolationProfile")]
    isolation: Vec<Managed<IsolationAttributes>>,
}

#[derive(Serialize)]
struct Managed<A> {
    id: String,
    attributes: A,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SliceAttributes {
    operational_state: &'static str,
    administrative_state: &'static str,
    service_profile_list: [ServiceProfile; 1],
    isolation_profile_ref: String,
}

#[allow(clippy::struct_field_names, reason = "keys of the file")]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceProfile {
    service_profile_id: String,
    plmn_info_list: [PlmnInfo; 1],
    sst: u8,
    #[serde(rename = "maxNumberofUEs", skip_serializing_if = "Option::is_none")]
    max_number_of_ues: Option<u64>,
    network_slice_sharing_indicator: &'static str,
    #[serde(rename = "dLThptPerUE")]
    downlink: Throughput,
    #[serde(rename = "uLThptPerUE")]
    uplink: Throughput,
    supported_data_networks: DataNetworks,
    n6_protection: N6Protection,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlmnInfo {
    plmn_id: PlmnId,
    snssai: SliceKey,
}

#[derive(Serialize)]
struct PlmnId {
    mcc: String,
    mnc: String,
}

impl From<&Plmn> for PlmnId {
    fn from(plmn: &Plmn) -> Self {
        Self { mcc: plmn.mcc.to_string(), mnc: plmn.mnc.to_string() }
    }
}

#[derive(Serialize)]
struct SliceKey {
    sst: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    sd: Option<String>,
}

impl From<Snssai> for SliceKey {
    fn from(snssai: Snssai) -> Self {
        Self { sst: snssai.sst, sd: snssai.sd_text() }
    }
}

/// Kilobits per second (TS 28.541, 6.3.3).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Throughput {
    max_thpt: f64,
}

impl From<BitRate> for Throughput {
    #[allow(clippy::cast_precision_loss, reason = "the attribute is a float")]
    fn from(rate: BitRate) -> Self {
        Self { max_thpt: rate.0 as f64 / 1000.0 }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DataNetworks {
    dnn_list: [String; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct N6Protection {
    sec_func_list: Vec<SecurityFunction>,
}

#[allow(clippy::struct_field_names, reason = "keys of the file")]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecurityFunction {
    sec_fun_id: String,
    sec_fun_type: &'static str,
    /// Ids of the statements that it permits; all else is denied.
    sec_rules: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IsolationAttributes {
    network_slicing_applicability: &'static str,
    network_slice_ref_list: Vec<String>,
    resource_isolation_rule_list: [ResourceRule; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceRule {
    resource_type: &'static str,
    isolation_rule: &'static str,
}

fn slice_model(plan: &CorePlan) -> Result<SubNetwork, EmitError> {
    let root = file_name(&plan.name);
    let dn = |kind: &str, id: &str| format!("SubNetwork={root},{kind}={id}");
    let (mut slices, mut isolation) = (Vec::new(), Vec::new());
    for (index, slice) in plan.slices.iter().enumerate() {
        let id = file_name(&slice.name);
        let plane =
            plan.user_planes.get(slice.user_plane).ok_or(EmitError::BrokenPlan { what: "user plane" })?;
        let statements = plan.statements_of(index).map(|statement| statement.id.to_string()).collect();
        let filter = SecurityFunction {
            sec_fun_id: plane.name.clone(),
            sec_fun_type: "packet filter (nftables)",
            sec_rules: statements,
        };
        slices.push(Managed {
            id: id.clone(),
            attributes: SliceAttributes {
                operational_state: "ENABLED",
                administrative_state: "UNLOCKED",
                service_profile_list: [ServiceProfile {
                    service_profile_id: id.clone(),
                    plmn_info_list: [PlmnInfo { plmn_id: (&plan.plmn).into(), snssai: slice.snssai.into() }],
                    sst: slice.snssai.sst,
                    max_number_of_ues: slice.max_ues,
                    network_slice_sharing_indicator: if slice.dedicated { "NON_SHARED" } else { "SHARED" },
                    downlink: slice.quality.session.downlink.into(),
                    uplink: slice.quality.session.uplink.into(),
                    supported_data_networks: DataNetworks { dnn_list: [slice.dnn.to_string()] },
                    n6_protection: N6Protection {
                        sec_func_list: plane.filters.then_some(filter).into_iter().collect(),
                    },
                }],
                isolation_profile_ref: dn("IsolationProfile", &id),
            },
        });
        isolation.push(Managed {
            id: id.clone(),
            attributes: IsolationAttributes {
                network_slicing_applicability: "NETWORKSLICE",
                network_slice_ref_list: vec![dn("NetworkSlice", &id)],
                resource_isolation_rule_list: [ResourceRule {
                    resource_type: "MANAGED_FUNCTION",
                    isolation_rule: if slice.dedicated { "DEDICATED" } else { "SHARED" },
                }],
            },
        });
    }
    Ok(SubNetwork { id: root, slices, isolation })
}

/// A `SmPolicyDecision` of TS 29.512 for all these subscriptions.
#[derive(Serialize)]
struct PolicyEntry {
    supis: Vec<String>,
    decision: Decision,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Decision {
    sess_rules: BTreeMap<&'static str, SessionRule>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pcc_rules: BTreeMap<String, PccRule>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    qos_decs: BTreeMap<String, QosData>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionRule {
    sess_rule_id: &'static str,
    auth_sess_ambr: Ambr,
    auth_def_qos: DefaultQos,
}

#[derive(Serialize)]
struct Ambr {
    uplink: String,
    downlink: String,
}

impl From<&SlicePlan> for Ambr {
    fn from(slice: &SlicePlan) -> Self {
        let session = slice.quality.session;
        Self { uplink: session.uplink.to_string(), downlink: session.downlink.to_string() }
    }
}

#[derive(Serialize)]
struct DefaultQos {
    #[serde(rename = "5qi")]
    five_qi: u8,
    arp: Priority,
}

impl From<&SlicePlan> for DefaultQos {
    fn from(slice: &SlicePlan) -> Self {
        Self { five_qi: slice.quality.five_qi, arp: slice.quality.arp.into() }
    }
}

#[allow(clippy::struct_field_names, reason = "keys of the file")]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Priority {
    priority_level: u8,
    preempt_cap: &'static str,
    preempt_vuln: &'static str,
}

impl From<Arp> for Priority {
    fn from(arp: Arp) -> Self {
        Self {
            priority_level: arp.priority,
            preempt_cap: if arp.may_preempt { "MAY_PREEMPT" } else { "NOT_PREEMPT" },
            preempt_vuln: if arp.preemptable { "PREEMPTABLE" } else { "NOT_PREEMPTABLE" },
        }
    }
}

#[allow(clippy::struct_field_names, reason = "keys of the file")]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PccRule {
    pcc_rule_id: String,
    flow_infos: Vec<FlowInformation>,
    precedence: u32,
    ref_qos_data: [String; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    tscai_input_ul: Option<Tscai>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FlowInformation {
    flow_description: String,
    flow_direction: &'static str,
}

/// Periodicity in microseconds (TS 29.514).
#[derive(Serialize)]
struct Tscai {
    periodicity: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QosData {
    qos_id: String,
    #[serde(rename = "5qi")]
    five_qi: u8,
    arp: Priority,
    #[serde(skip_serializing_if = "Option::is_none")]
    maxbr_ul: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maxbr_dl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gbr_ul: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gbr_dl: Option<String>,
}

/// The first number that operators give to rules of their own making.
const FIRST_PRECEDENCE: u32 = 100;

fn decision(plan: &CorePlan, slice: &SlicePlan, flows: &[usize]) -> Decision {
    let mut decision = Decision {
        sess_rules: BTreeMap::from([(
            "default",
            SessionRule { sess_rule_id: "default", auth_sess_ambr: slice.into(), auth_def_qos: slice.into() },
        )]),
        pcc_rules: BTreeMap::new(),
        qos_decs: BTreeMap::new(),
    };
    for (number, flow) in (0..).zip(flows.iter().filter_map(|flow| plan.flows.get(*flow))) {
        let id = plan.statement_of(flow).to_owned();
        decision.qos_decs.insert(id.clone(), quality(&id, flow));
        let infos = flow.filters.iter().map(|filter| FlowInformation {
            flow_description: description(filter),
            flow_direction: "BIDIRECTIONAL",
        });
        let rule = PccRule {
            pcc_rule_id: id.clone(),
            flow_infos: infos.collect(),
            precedence: FIRST_PRECEDENCE + number,
            ref_qos_data: [id.clone()],
            tscai_input_ul: flow.period.map(|milliseconds| Tscai { periodicity: milliseconds * 1000 }),
        };
        decision.pcc_rules.insert(id, rule);
    }
    decision
}

fn quality(id: &str, flow: &FlowPlan) -> QosData {
    let text = |rate: Option<BitRate>| rate.map(|rate| rate.to_string());
    QosData {
        qos_id: id.to_owned(),
        five_qi: flow.five_qi,
        arp: flow.arp.into(),
        maxbr_ul: text(flow.maximum),
        maxbr_dl: text(flow.maximum),
        gbr_ul: text(flow.guaranteed),
        gbr_dl: text(flow.guaranteed),
    }
}

/// `SubscriptionDataSets` of TS 29.503.
#[allow(clippy::struct_field_names, reason = "keys of the file")]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    am_data: AmData,
    smf_sel_data: SmfSelection,
    sm_data: Vec<SmData>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AmData {
    nssai: Nssai,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Nssai {
    default_single_nssais: Vec<SliceKey>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    single_nssais: Vec<SliceKey>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SmfSelection {
    /// By S-NSSAI.
    subscribed_snssai_infos: BTreeMap<String, DnnInfos>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DnnInfos {
    dnn_infos: [DnnInfo; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DnnInfo {
    dnn: String,
    default_dnn_indicator: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SmData {
    single_nssai: SliceKey,
    /// By data network name.
    dnn_configurations: BTreeMap<String, DnnConfiguration>,
}

#[derive(Serialize)]
struct DnnConfiguration {
    #[serde(rename = "pduSessionTypes")]
    types: SessionTypes,
    #[serde(rename = "sscModes")]
    modes: SscModes,
    #[serde(rename = "5gQosProfile")]
    quality: DefaultQos,
    #[serde(rename = "sessionAmbr")]
    ambr: Ambr,
    #[serde(rename = "staticIpAddress")]
    address: Vec<StaticAddress>,
    #[serde(rename = "upSecurity")]
    security: UpSecurity,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionTypes {
    default_session_type: &'static str,
    allowed_session_types: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SscModes {
    default_ssc_mode: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum StaticAddress {
    Ipv4Addr(String),
    Ipv6Prefix(String),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpSecurity {
    up_integr: &'static str,
    up_confid: &'static str,
}

impl From<UserPlaneSecurity> for UpSecurity {
    fn from(security: UserPlaneSecurity) -> Self {
        let word = |protection| match protection {
            Protection::Required => "REQUIRED",
            Protection::Preferred => "PREFERRED",
            Protection::NotNeeded => "NOT_NEEDED",
        };
        Self { up_integr: word(security.integrity), up_confid: word(security.confidentiality) }
    }
}

pub(crate) fn emit(plan: &CorePlan, out: &mut Output) -> Result<(), EmitError> {
    out.json("3gpp/slice-nrm.json", &slice_model(plan)?)?;
    let mut policies: BTreeMap<&str, Vec<PolicyEntry>> = BTreeMap::new();
    for profile in profiles(plan) {
        for (slice, _, flows) in &profile.sessions {
            let slice = plan.slices.get(*slice).ok_or(EmitError::BrokenPlan { what: "slice" })?;
            let range = |(first, last): &(String, String)| {
                if first == last { format!("imsi-{first}") } else { format!("imsi-{first}..imsi-{last}") }
            };
            policies.entry(&slice.name).or_default().push(PolicyEntry {
                supis: profile.imsis.iter().map(range).collect(),
                decision: decision(plan, slice, flows),
            });
        }
    }
    out.json("3gpp/sm-policies.json", &policies)?;
    let mut subscriptions: BTreeMap<String, Subscription> = BTreeMap::new();
    for subscriber in &plan.subscribers {
        let mut subscription = Subscription {
            am_data: AmData { nssai: Nssai { default_single_nssais: Vec::new(), single_nssais: Vec::new() } },
            smf_sel_data: SmfSelection { subscribed_snssai_infos: BTreeMap::new() },
            sm_data: Vec::new(),
        };
        for (position, session) in subscriber.sessions.iter().enumerate() {
            let slice = plan.slices.get(session.slice).ok_or(EmitError::BrokenPlan { what: "slice" })?;
            let nssai = &mut subscription.am_data.nssai;
            let list =
                if position == 0 { &mut nssai.default_single_nssais } else { &mut nssai.single_nssais };
            list.push(slice.snssai.into());
            let info = DnnInfo { dnn: slice.dnn.to_string(), default_dnn_indicator: true };
            subscription
                .smf_sel_data
                .subscribed_snssai_infos
                .insert(slice.snssai.to_string(), DnnInfos { dnn_infos: [info] });
            let kind = match session.kind() {
                PduSessionType::Ipv4 => "IPV4",
                PduSessionType::Ipv6 => "IPV6",
                PduSessionType::Ipv4v6 => "IPV4V6",
            };
            let v4 = session.v4.map(|address| StaticAddress::Ipv4Addr(address.to_string()));
            let v6 = session.v6.map(|net| StaticAddress::Ipv6Prefix(net.to_string()));
            let configuration = DnnConfiguration {
                types: SessionTypes { default_session_type: kind, allowed_session_types: [kind] },
                modes: SscModes { default_ssc_mode: "SSC_MODE_1" },
                quality: slice.into(),
                ambr: slice.into(),
                address: v4.into_iter().chain(v6).collect(),
                security: slice.security.into(),
            };
            subscription.sm_data.push(SmData {
                single_nssai: slice.snssai.into(),
                dnn_configurations: BTreeMap::from([(slice.dnn.to_string(), configuration)]),
            });
        }
        subscriptions.insert(subscriber.supi.to_string(), subscription);
    }
    out.json("3gpp/subscriptions.json", &subscriptions)
}
