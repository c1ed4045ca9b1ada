//! Subscriptions as TS 29.503 has them.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_compiler::{
    model::fiveg::{PduSessionType, Protection, UserPlaneSecurity},
    plan::CorePlan,
};

use super::{Ambr, DefaultQos, SliceKey};
use crate::error::EmitError;

/// `SubscriptionDataSets` of TS 29.503.
#[allow(clippy::struct_field_names, reason = "keys of the file")]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subscription {
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

/// By SUPI.
pub(super) fn subscriptions(plan: &CorePlan) -> Result<BTreeMap<String, Subscription>, EmitError> {
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
    Ok(subscriptions)
}
