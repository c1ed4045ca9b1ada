//! Slices as TS 28.541 models them.

use serde::Serialize;
use weir_compiler::{model::fiveg::BitRate, plan::CorePlan};
use weir_targets::file_name;

use super::{PlmnId, SliceKey};
use crate::error::EmitError;

/// `SubNetwork-Single` of TS 28.541's slice NRM.
#[derive(Serialize)]
pub(super) struct SubNetwork {
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

pub(super) fn slices(plan: &CorePlan) -> Result<SubNetwork, EmitError> {
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
