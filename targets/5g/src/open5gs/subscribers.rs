//! Documents of the collection `subscribers`, without keys, and where each key is kept.

use std::net::Ipv6Addr;

use serde::Serialize;
use weir_compiler::{
    model::{Key, fiveg::BitRate},
    plan::{
        CorePlan,
        cores::{SlicePlan, SubscriberPlan},
    },
};

use super::values::{PccRule, Quality, RatePair, session_type};
use crate::{emit::Output, error::EmitError};

/// As the web UI's model has it (`webui/server/models/subscriber.js`). `security` is missing: a document without it lets
/// nobody in, one with a reference for a key would be a key of zeros.
#[derive(Serialize)]
struct Document {
    schema_version: u8,
    imsi: String,
    ambr: RatePair,
    slice: Vec<Slice>,
    /// 4G is not allowed.
    access_restriction_data: u8,
    subscriber_status: u8,
    operator_determined_barring: u8,
    network_access_mode: u8,
    subscribed_rau_tau_timer: u8,
}

#[derive(Serialize)]
struct Slice {
    sst: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    sd: Option<String>,
    default_indicator: bool,
    session: [Session; 1],
}

#[derive(Serialize)]
struct Session {
    name: String,
    #[serde(rename = "type")]
    kind: u8,
    qos: Quality,
    ambr: RatePair,
    ue: Ue,
    pcc_rule: Vec<PccRule>,
    lbo_roaming_allowed: bool,
}

/// The device's addresses: rules know it by them.
#[derive(Serialize)]
struct Ue {
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv4: Option<String>,
    /// The core takes the first half for the UE's prefix, and gives it the second as its first interface identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6: Option<String>,
}

/// Not 0, which is the routers' (RFC 4291, 2.6.1).
const INTERFACE_IDENTIFIER: u128 = 2;

#[derive(Serialize)]
struct KeyReference<'p> {
    imsi: &'p str,
    device: &'p str,
    /// Where `security.k` and `security.opc` are kept; `null`, where the package does not say.
    key: Option<&'p str>,
}

pub(super) fn emit(plan: &CorePlan, out: &mut Output) -> Result<(), EmitError> {
    let documents: Vec<Document> =
        plan.subscribers.iter().map(|subscriber| document(plan, subscriber)).collect::<Result<_, _>>()?;
    out.json("open5gs/subscribers.json", &documents)?;
    let reference = |subscriber: &'_ SubscriberPlan| match &subscriber.key {
        Some(Key::Reference(reference)) => Some(reference.to_string()),
        _ => None,
    };
    let kept: Vec<Option<String>> = plan.subscribers.iter().map(reference).collect();
    let keys: Vec<KeyReference<'_>> = plan
        .subscribers
        .iter()
        .zip(&kept)
        .map(|(subscriber, key)| KeyReference {
            imsi: subscriber.supi.digits(),
            device: &subscriber.device,
            key: key.as_deref(),
        })
        .collect();
    out.json("open5gs/keys.json", &keys)
}

fn document(plan: &CorePlan, subscriber: &SubscriberPlan) -> Result<Document, EmitError> {
    let mut slices = Vec::new();
    let (mut uplink, mut downlink) = (0u64, 0u64);
    for (position, session) in subscriber.sessions.iter().enumerate() {
        let slice: &SlicePlan =
            plan.slices.get(session.slice).ok_or(EmitError::BrokenPlan { what: "slice" })?;
        uplink = uplink.saturating_add(slice.quality.session.uplink.0);
        downlink = downlink.saturating_add(slice.quality.session.downlink.0);
        slices.push(Slice {
            sst: slice.snssai.sst,
            sd: slice.snssai.sd_text(),
            default_indicator: position == 0,
            session: [Session {
                name: slice.dnn.to_string(),
                kind: session_type(session.kind()),
                qos: Quality::of_slice(slice.quality),
                ambr: RatePair::of(slice.quality.session.uplink, slice.quality.session.downlink),
                ue: Ue {
                    ipv4: session.v4.map(|address| address.to_string()),
                    ipv6: session.v6.map(|net| {
                        Ipv6Addr::from(u128::from(net.network()) | INTERFACE_IDENTIFIER).to_string()
                    }),
                },
                pcc_rule: session
                    .flows
                    .iter()
                    .filter_map(|flow| plan.flows.get(*flow))
                    .map(PccRule::from)
                    .collect(),
                lbo_roaming_allowed: false,
            }],
        });
    }
    Ok(Document {
        schema_version: 1,
        imsi: subscriber.supi.digits().to_owned(),
        // all sessions together: no session is slower than its slice says
        ambr: RatePair::of(BitRate(uplink).rounded_up(), BitRate(downlink).rounded_up()),
        slice: slices,
        access_restriction_data: 32,
        subscriber_status: 0,
        operator_determined_barring: 0,
        network_access_mode: 0,
        subscribed_rau_tau_timer: 12,
    })
}
