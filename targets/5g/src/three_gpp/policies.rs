//! Policies of sessions as TS 29.512 has them.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_compiler::{
    model::fiveg::BitRate,
    plan::{
        CorePlan,
        cores::{FlowPlan, SlicePlan},
    },
};

use super::{Ambr, DefaultQos, Priority};
use crate::{error::EmitError, open5gs::description, profiles::profiles};

/// A `SmPolicyDecision` of TS 29.512 for all these subscriptions.
#[derive(Serialize)]
pub(super) struct PolicyEntry {
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

/// By slice's name.
pub(super) fn policies(plan: &CorePlan) -> Result<BTreeMap<&str, Vec<PolicyEntry>>, EmitError> {
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
    Ok(policies)
}
