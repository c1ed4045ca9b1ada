//! Functions that all slices share: NRF, NSSF, AMF, PCF.

use serde::Serialize;
use weir_compiler::plan::CorePlan;

use super::values::{
    Layout, PccRule, PlmnId, Quality, RatePair, SNssai, Sbi, Server, Servers, Uri, session_type,
};
use crate::{emit::Output, error::EmitError, profiles::profiles};

#[derive(Serialize)]
struct NrfFile {
    nrf: Nrf,
}

#[derive(Serialize)]
struct Nrf {
    serving: Vec<Serving>,
    sbi: NrfSbi,
}

#[derive(Serialize)]
struct Serving {
    plmn_id: PlmnId,
}

#[derive(Serialize)]
struct NrfSbi {
    server: Vec<Server>,
}

#[derive(Serialize)]
struct NssfFile {
    nssf: Nssf,
}

#[derive(Serialize)]
struct Nssf {
    sbi: NssfSbi,
}

#[derive(Serialize)]
struct NssfSbi {
    server: Vec<Server>,
    client: NssfClient,
}

#[derive(Serialize)]
struct NssfClient {
    nrf: Vec<Uri>,
    nsi: Vec<Nsi>,
}

#[derive(Serialize)]
struct Nsi {
    uri: String,
    s_nssai: SNssai,
}

#[derive(Serialize)]
struct AmfFile {
    amf: Amf,
}

#[allow(clippy::struct_field_names, reason = "keys of the file")]
#[derive(Serialize)]
struct Amf {
    sbi: Sbi,
    ngap: Servers,
    guami: Vec<Guami>,
    tai: Vec<Tai>,
    plmn_support: Vec<PlmnSupport>,
    security: Security,
    amf_name: String,
    time: Time,
}

#[derive(Serialize)]
struct Guami {
    plmn_id: PlmnId,
    amf_id: AmfId,
}

#[derive(Serialize)]
struct AmfId {
    region: u8,
    set: u16,
}

#[derive(Serialize)]
struct Tai {
    plmn_id: PlmnId,
    /// Decimal here.
    tac: Vec<u32>,
}

#[derive(Serialize)]
struct PlmnSupport {
    plmn_id: PlmnId,
    s_nssai: Vec<SNssai>,
}

/// Without the null algorithms, which Open5GS's samples put first.
#[derive(Serialize)]
struct Security {
    integrity_order: [&'static str; 2],
    ciphering_order: [&'static str; 2],
}

#[derive(Serialize)]
struct Time {
    t3512: Timer,
}

/// Seconds.
#[derive(Serialize)]
struct Timer {
    value: u32,
}

#[derive(Serialize)]
struct PcfFile {
    pcf: Pcf,
}

#[derive(Serialize)]
struct Pcf {
    sbi: Sbi,
    policy: Vec<Policy>,
}

/// The first whose range has the SUPI is taken; no two ranges have the same.
#[derive(Serialize)]
struct Policy {
    supi_range: Vec<String>,
    slice: Vec<PolicySlice>,
}

#[derive(Serialize)]
struct PolicySlice {
    #[serde(flatten)]
    s_nssai: SNssai,
    default_indicator: bool,
    session: [PolicySession; 1],
}

#[derive(Serialize)]
struct PolicySession {
    name: String,
    #[serde(rename = "type")]
    kind: u8,
    ambr: RatePair,
    qos: Quality,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pcc_rule: Vec<PccRule>,
}

pub(super) fn emit(plan: &CorePlan, out: &mut Output) -> Result<(), EmitError> {
    let layout = Layout::of(plan);
    let plmn = || PlmnId::from(&plan.plmn);
    let nrf =
        Nrf { serving: vec![Serving { plmn_id: plmn() }], sbi: NrfSbi { server: vec![layout.nrf.server()] } };
    out.yaml("open5gs/nrf.yaml", "NRF", &NrfFile { nrf })?;
    let slices = || plan.slices.iter().map(|slice| SNssai::from(slice.snssai));
    let nsi = slices().map(|s_nssai| Nsi { uri: layout.nrf.uri(), s_nssai });
    let client = NssfClient { nrf: vec![Uri { uri: layout.nrf.uri() }], nsi: nsi.collect() };
    let nssf = Nssf { sbi: NssfSbi { server: vec![layout.nssf.server()], client } };
    out.yaml("open5gs/nssf.yaml", "NSSF: every slice, and no other", &NssfFile { nssf })?;
    let mut tracking: Vec<u32> = plan.radios.iter().map(|radio| radio.tac).collect();
    tracking.sort_unstable();
    tracking.dedup();
    let amf = Amf {
        sbi: Sbi::of(layout.amf, &layout),
        ngap: Servers::at([layout.amf.address]),
        guami: vec![Guami { plmn_id: plmn(), amf_id: AmfId { region: 2, set: 1 } }],
        tai: vec![Tai { plmn_id: plmn(), tac: tracking }],
        plmn_support: vec![PlmnSupport { plmn_id: plmn(), s_nssai: slices().collect() }],
        security: Security { integrity_order: ["NIA2", "NIA1"], ciphering_order: ["NEA2", "NEA1"] },
        amf_name: plan.name.clone(),
        time: Time { t3512: Timer { value: 540 } },
    };
    out.yaml("open5gs/amf.yaml", "AMF: where the network is, and which slices it has", &AmfFile { amf })?;
    let pcf = Pcf { sbi: Sbi::of(layout.pcf, &layout), policy: policies(plan)? };
    out.yaml("open5gs/pcf.yaml", "PCF: what each subscription gets", &PcfFile { pcf })
}

fn policies(plan: &CorePlan) -> Result<Vec<Policy>, EmitError> {
    let mut policies = Vec::new();
    for profile in profiles(plan) {
        let mut slices = Vec::new();
        for (position, (slice, kind, flows)) in profile.sessions.iter().enumerate() {
            let slice = plan.slices.get(*slice).ok_or(EmitError::BrokenPlan { what: "slice" })?;
            let rules = flows.iter().filter_map(|flow| plan.flows.get(*flow)).map(PccRule::from);
            slices.push(PolicySlice {
                s_nssai: slice.snssai.into(),
                default_indicator: position == 0,
                session: [PolicySession {
                    name: slice.dnn.to_string(),
                    kind: session_type(*kind),
                    ambr: RatePair::of(slice.quality.session.uplink, slice.quality.session.downlink),
                    qos: Quality::of_slice(slice.quality),
                    pcc_rule: rules.collect(),
                }],
            });
        }
        let range = |(first, last): &(String, String)| format!("{first}-{last}");
        policies.push(Policy { supi_range: profile.imsis.iter().map(range).collect(), slice: slices });
    }
    Ok(policies)
}
