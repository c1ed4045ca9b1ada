//! To try a core without a radio: UERANSIM's gNBs and UEs, and the slices of srsRAN's gNB.

use serde::Serialize;
use weir_compiler::{
    model::{
        Key,
        fiveg::{Plmn, Snssai},
    },
    plan::{CorePlan, cores::SubscriberPlan},
};
use weir_targets::file_name;

use crate::{
    emit::Output,
    error::EmitError,
    open5gs::{amf_address, loopback},
};

/// Integers both: `sd` would be read as decimal text otherwise.
#[derive(Clone, Serialize)]
struct Slice {
    sst: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    sd: Option<u32>,
}

impl From<Snssai> for Slice {
    fn from(snssai: Snssai) -> Self {
        Self { sst: snssai.sst, sd: snssai.sd() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gnb {
    mcc: String,
    mnc: String,
    nci: String,
    id_length: u8,
    tac: u32,
    link_ip: String,
    ngap_ip: String,
    gtp_ip: String,
    amf_configs: [Amf; 1],
    slices: Vec<Slice>,
    ignore_stream_ids: bool,
}

#[derive(Serialize)]
struct Amf {
    address: String,
    port: u16,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ue {
    supi: String,
    mcc: String,
    mnc: String,
    protection_scheme: u8,
    /// Where the key is kept: 32 hexadecimal digits have to take its place.
    key: String,
    op: String,
    op_type: &'static str,
    amf: &'static str,
    gnb_search_list: Vec<String>,
    sessions: Vec<Session>,
    #[serde(rename = "configured-nssai")]
    configured: Vec<Slice>,
    #[serde(rename = "default-nssai")]
    default: Vec<Slice>,
    integrity: Integrity,
    ciphering: Ciphering,
    integrity_max_rate: MaxRate,
}

#[derive(Serialize)]
struct Session {
    #[serde(rename = "type")]
    kind: &'static str,
    apn: String,
    slice: Slice,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct Integrity {
    ia1: bool,
    ia2: bool,
    ia3: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct Ciphering {
    ea1: bool,
    ea2: bool,
    ea3: bool,
}

#[derive(Serialize)]
struct MaxRate {
    uplink: &'static str,
    downlink: &'static str,
}

#[derive(Serialize)]
struct SrsRan {
    cell_cfg: CellConfiguration,
    cu_cp: CuCp,
}

#[derive(Serialize)]
struct CellConfiguration {
    plmn: String,
    tac: u32,
    slicing: Vec<Slice>,
}

#[derive(Serialize)]
struct CuCp {
    amf: SrsAmf,
}

#[derive(Serialize)]
struct SrsAmf {
    addr: String,
    port: u16,
    supported_tracking_areas: [TrackingArea; 1],
}

#[derive(Serialize)]
struct TrackingArea {
    tac: u32,
    plmn_list: [PlmnSlices; 1],
}

#[derive(Serialize)]
struct PlmnSlices {
    plmn: String,
    tai_slice_support_list: Vec<Slice>,
}

const NGAP_PORT: u16 = 38412;

pub(crate) fn emit(plan: &CorePlan, out: &mut Output) -> Result<(), EmitError> {
    let amf = amf_address(plan).to_string();
    let Plmn { mcc, mnc } = &plan.plmn;
    for (number, radio) in plan.radios.iter().enumerate() {
        let offered = plan.slices.iter().filter(|slice| slice.radios.contains(&number));
        let slices: Vec<Slice> = offered.map(|slice| slice.snssai.into()).collect();
        let own = loopback(3, number).to_string();
        let name = file_name(&radio.name);
        let gnb = Gnb {
            mcc: mcc.to_string(),
            mnc: mnc.to_string(),
            // a gNB's id of 32 bits, and cell 0
            nci: format!("0x{:09x}", (number + 1) << 4),
            id_length: 32,
            tac: radio.tac,
            link_ip: own.clone(),
            ngap_ip: own.clone(),
            gtp_ip: own,
            amf_configs: [Amf { address: amf.clone(), port: NGAP_PORT }],
            slices: slices.clone(),
            ignore_stream_ids: true,
        };
        out.yaml(&format!("lab/ueransim/gnb-{name}.yaml"), &format!("UERANSIM: radio {}", radio.name), &gnb)?;
        let srsran = SrsRan {
            cell_cfg: CellConfiguration { plmn: plan.plmn.digits(), tac: radio.tac, slicing: slices.clone() },
            cu_cp: CuCp {
                amf: SrsAmf {
                    addr: amf.clone(),
                    port: NGAP_PORT,
                    supported_tracking_areas: [TrackingArea {
                        tac: radio.tac,
                        plmn_list: [PlmnSlices { plmn: plan.plmn.digits(), tai_slice_support_list: slices }],
                    }],
                },
            },
        };
        let title = format!("srsRAN: slices of radio {}, to be merged into its configuration", radio.name);
        out.yaml(&format!("lab/srsran/{name}.yaml"), &title, &srsran)?;
    }
    // UERANSIM's UEs have sessions of IPv4 only
    let of_v4 = |one: &&SubscriberPlan| one.sessions.iter().all(|session| session.v4.is_some());
    for subscriber in plan.subscribers.iter().filter(of_v4) {
        let name = file_name(&subscriber.device);
        let title = format!("UERANSIM: device {}", subscriber.device);
        out.yaml(&format!("lab/ueransim/ue-{name}.yaml"), &title, &ue(plan, subscriber)?)?;
    }
    Ok(())
}

fn ue(plan: &CorePlan, subscriber: &SubscriberPlan) -> Result<Ue, EmitError> {
    let mut sessions = Vec::new();
    let mut radios: Vec<usize> = Vec::new();
    for session in &subscriber.sessions {
        let slice = plan.slices.get(session.slice).ok_or(EmitError::BrokenPlan { what: "slice" })?;
        radios.extend(&slice.radios);
        sessions.push(Session { kind: "IPv4", apn: slice.dnn.to_string(), slice: slice.snssai.into() });
    }
    radios.sort_unstable();
    radios.dedup();
    let kept = match &subscriber.key {
        Some(Key::Reference(reference)) => format!("ref:{reference}"),
        _ => "ref:".to_owned(),
    };
    Ok(Ue {
        supi: subscriber.supi.to_string(),
        mcc: plan.plmn.mcc.to_string(),
        mnc: plan.plmn.mnc.to_string(),
        protection_scheme: 0,
        key: kept.clone(),
        op: kept,
        op_type: "OPC",
        amf: "8000",
        gnb_search_list: radios.into_iter().map(|radio| loopback(3, radio).to_string()).collect(),
        configured: sessions.iter().map(|session| session.slice.clone()).collect(),
        default: sessions.iter().take(1).map(|session| session.slice.clone()).collect(),
        sessions,
        integrity: Integrity { ia1: true, ia2: true, ia3: true },
        ciphering: Ciphering { ea1: true, ea2: true, ea3: true },
        integrity_max_rate: MaxRate { uplink: "full", downlink: "full" },
    })
}
