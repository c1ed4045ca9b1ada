//! The same as documents of 3GPP: slices as TS 28.541 models them, policies as TS 29.512, subscriptions as TS 29.503.
//! For cores and tools that Weir has no target for; whatever enforces the packet filter is named in `n6Protection`.

mod policies;
mod slices;
mod subscriptions;

use serde::Serialize;
use weir_compiler::{
    model::fiveg::{Arp, Plmn, Snssai},
    plan::{CorePlan, cores::SlicePlan},
};

use crate::{emit::Output, error::EmitError};

pub(crate) fn emit(plan: &CorePlan, out: &mut Output) -> Result<(), EmitError> {
    out.json("3gpp/slice-nrm.json", &slices::slices(plan)?)?;
    out.json("3gpp/sm-policies.json", &policies::policies(plan)?)?;
    out.json("3gpp/subscriptions.json", &subscriptions::subscriptions(plan)?)
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
