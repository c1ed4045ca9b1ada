//! Documents of 3GPP, and files of labs: which slices and subscriptions they speak of.

use std::{collections::BTreeMap, net::Ipv4Addr};

use serde_json::Value;

use crate::{
    Unread,
    decode::{At, with},
    values::{Quality, SliceKey, bit_rate},
};

/// What the documents of 3GPP say.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// Slices of TS 28.541, with data network and whether they are shared.
    pub slices: Option<Vec<(SliceKey, String, bool)>>,
    /// Subscriptions of TS 29.503.
    pub sessions: Option<Vec<DocumentSession>>,
    /// Default quality of TS 29.512, by slice's name.
    pub policies: Option<BTreeMap<String, Vec<Quality>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentSession {
    pub imsi: String,
    pub slice: SliceKey,
    pub is_default: bool,
    pub data_network: String,
    pub address: Ipv4Addr,
    pub integrity_required: bool,
    pub confidentiality_required: bool,
}

/// What the files of UERANSIM and srsRAN say.
#[derive(Clone, Debug, Default)]
pub struct Lab {
    /// Tracking area and slices of each radio, of either product.
    pub ueransim: Vec<(u32, Vec<SliceKey>)>,
    pub srsran: Vec<(u32, Vec<SliceKey>)>,
    /// IMSI, and slices with their data networks; the first is the default.
    pub devices: Vec<(String, Vec<(SliceKey, String)>)>,
}

impl Documents {
    pub(crate) fn take(&mut self, path: &str, name: &str, text: &str) -> Result<(), Unread> {
        let unread = |what: String| Unread { file: path.to_owned(), line: 0, what };
        let root: Value = serde_json::from_str(text).map_err(|error| unread(format!("not JSON: {error}")))?;
        let found = match name {
            "slice-nrm.json" => slices(&root).map(|slices| self.slices = Some(slices)),
            "subscriptions.json" => sessions(&root).map(|sessions| self.sessions = Some(sessions)),
            "sm-policies.json" => policies(&root).map(|policies| self.policies = Some(policies)),
            _ => return Err(unread("belongs to no document".into())),
        };
        found.ok_or_else(|| unread("lacks what is needed, or has it in another form".into()))
    }
}

fn key(value: &Value) -> Option<SliceKey> {
    let sst = u8::try_from(value.get("sst")?.as_u64()?).ok().filter(|sst| *sst > 0)?;
    let sd = match value.get("sd") {
        None => None,
        Some(text) => {
            let text = text.as_str().filter(|text| text.len() == 6)?;
            Some(u32::from_str_radix(text, 16).ok()?)
        }
    };
    Some(SliceKey::new(sst, sd))
}

fn slices(root: &Value) -> Option<Vec<(SliceKey, String, bool)>> {
    let list = root.get("NetworkSlice")?.as_array()?;
    let slice = |slice: &Value| {
        let profile = slice.get("attributes")?.get("serviceProfileList")?.get(0)?;
        let key = key(profile.get("plmnInfoList")?.get(0)?.get("snssai")?)?;
        let name = profile.get("supportedDataNetworks")?.get("dnnList")?.get(0)?.as_str()?.to_owned();
        let shared = match profile.get("networkSliceSharingIndicator")?.as_str()? {
            "SHARED" => true,
            "NON_SHARED" => false,
            _ => return None,
        };
        Some((key, name, shared))
    };
    list.iter().map(slice).collect()
}

fn sessions(root: &Value) -> Option<Vec<DocumentSession>> {
    let mut found = Vec::new();
    for (supi, data) in root.as_object()? {
        let nssai = data.get("amData")?.get("nssai")?;
        let default: Vec<SliceKey> =
            nssai.get("defaultSingleNssais")?.as_array()?.iter().map(key).collect::<Option<_>>()?;
        let others: Vec<SliceKey> = match nssai.get("singleNssais") {
            Some(list) => list.as_array()?.iter().map(key).collect::<Option<_>>()?,
            None => Vec::new(),
        };
        let selected = data.get("smfSelData")?.get("subscribedSnssaiInfos")?.as_object()?;
        let list = data.get("smData")?.as_array()?;
        // all three speak of the same slices, or the core would mix them up
        if list.len() != default.len() + others.len() || list.len() != selected.len() {
            return None;
        }
        for session in list {
            let slice = key(session.get("singleNssai")?)?;
            let is_default = default.contains(&slice);
            if is_default == others.contains(&slice) {
                return None;
            }
            let names = session.get("dnnConfigurations")?.as_object()?;
            let (name, configuration) = names.iter().next().filter(|_| names.len() == 1)?;
            let chosen = selected.get(&slice.to_string())?.get("dnnInfos")?.get(0)?.get("dnn")?;
            if chosen.as_str()? != name {
                return None;
            }
            let security = configuration.get("upSecurity")?;
            let required = |name: &str| Some(security.get(name)?.as_str()? == "REQUIRED");
            found.push(DocumentSession {
                imsi: supi.strip_prefix("imsi-")?.to_owned(),
                slice,
                is_default,
                data_network: name.clone(),
                address: configuration
                    .get("staticIpAddress")?
                    .get(0)?
                    .get("ipv4Addr")?
                    .as_str()?
                    .parse()
                    .ok()?,
                integrity_required: required("upIntegr")?,
                confidentiality_required: required("upConfid")?,
            });
        }
    }
    found.sort();
    Some(found)
}

fn policies(root: &Value) -> Option<BTreeMap<String, Vec<Quality>>> {
    let mut found: BTreeMap<String, Vec<Quality>> = BTreeMap::new();
    for (slice, entries) in root.as_object()? {
        for entry in entries.as_array()? {
            let decision = entry.get("decision")?;
            let rule = decision.get("sessRules")?.get("default")?;
            let qos = rule.get("authDefQos")?;
            let small = |value: &Value| u8::try_from(value.as_u64()?).ok();
            let rate = |name: &str| bit_rate(rule.get("authSessAmbr")?.get(name)?.as_str()?);
            let rules = decision.get("pccRules").and_then(Value::as_object).map_or(0, serde_json::Map::len);
            let qualities =
                decision.get("qosDecs").and_then(Value::as_object).map_or(0, serde_json::Map::len);
            if rules != qualities {
                return None;
            }
            found.entry(slice.clone()).or_default().push(Quality {
                five_qi: small(qos.get("5qi")?)?,
                priority: small(qos.get("arp")?.get("priorityLevel")?)?,
                uplink: rate("uplink")?,
                downlink: rate("downlink")?,
            });
        }
    }
    Some(found)
}

impl Lab {
    pub(crate) fn take(&mut self, path: &str, name: &str, text: &str) -> Result<(), Unread> {
        match name.split_once('/') {
            Some(("ueransim", file)) if file.starts_with("gnb-") => {
                self.ueransim.push(with(path, text, radio)?);
            }
            Some(("ueransim", file)) if file.starts_with("ue-") => {
                self.devices.push(with(path, text, device)?);
            }
            Some(("srsran", _)) => self.srsran.push(with(path, text, srsran)?),
            _ => return Err(Unread { file: path.to_owned(), line: 0, what: "belongs to no lab".into() }),
        }
        Ok(())
    }
}

/// `sst` and `sd` as numbers: text would be read as decimal.
fn numbers(at: At<'_>) -> Result<SliceKey, Unread> {
    let fields = at.fields()?;
    let sst = fields.need("sst")?.small()?;
    let sd = match fields.get("sd") {
        None => None,
        Some(sd) => match u32::try_from(sd.number()?) {
            Ok(number) if number < 0xff_ffff => Some(number),
            _ => return sd.wrong("an SD has 24 bits, and is not FFFFFF"),
        },
    };
    fields.done()?;
    Ok(SliceKey::new(sst, sd))
}

fn sorted(list: At<'_>) -> Result<Vec<SliceKey>, Unread> {
    let mut keys: Vec<SliceKey> = list.list()?.map(numbers).collect::<Result<_, _>>()?;
    keys.sort_unstable();
    Ok(keys)
}

fn area(at: At<'_>) -> Result<u32, Unread> {
    match u32::try_from(at.number()?) {
        Ok(number) if number < 1 << 24 => Ok(number),
        _ => at.wrong("a tracking area code has 24 bits"),
    }
}

fn radio(root: At<'_>) -> Result<(u32, Vec<SliceKey>), Unread> {
    let fields = root.fields()?;
    for name in ["mcc", "mnc", "nci", "linkIp", "ngapIp", "gtpIp"] {
        fields.need(name)?.text()?;
    }
    fields.need("idLength")?.number()?;
    fields.need("ignoreStreamIds")?.boolean()?;
    let amf = fields.need("amfConfigs")?.only()?.fields()?;
    amf.need("address")?.address()?;
    amf.need("port")?.number()?;
    amf.done()?;
    let found = (area(fields.need("tac")?)?, sorted(fields.need("slices")?)?);
    fields.done()?;
    Ok(found)
}

fn device(root: At<'_>) -> Result<(String, Vec<(SliceKey, String)>), Unread> {
    let fields = root.fields()?;
    let supi = fields.need("supi")?;
    let Some(imsi) = supi.text()?.strip_prefix("imsi-") else { return supi.wrong("an IMSI is expected") };
    for name in ["key", "op"] {
        let key = fields.need(name)?;
        if !key.text()?.starts_with("ref:") {
            return key.wrong("a key is written out");
        }
    }
    for name in ["mcc", "mnc", "opType", "amf"] {
        fields.need(name)?.text()?;
    }
    fields.need("protectionScheme")?.number()?;
    for radio in fields.need("gnbSearchList")?.list()? {
        radio.address()?;
    }
    let mut sessions = Vec::new();
    for session in fields.need("sessions")?.list()? {
        let session = session.fields()?;
        session.need("type")?.text()?;
        sessions.push((numbers(session.need("slice")?)?, session.need("apn")?.text()?.to_owned()));
        session.done()?;
    }
    let keys: Vec<SliceKey> = sessions.iter().map(|(key, _)| *key).collect();
    let configured: Vec<SliceKey> =
        fields.need("configured-nssai")?.list()?.map(numbers).collect::<Result<_, _>>()?;
    let default: Vec<SliceKey> =
        fields.need("default-nssai")?.list()?.map(numbers).collect::<Result<_, _>>()?;
    if configured != keys || default != keys[..keys.len().min(1)] {
        return root.wrong("slices and sessions differ");
    }
    for name in ["integrity", "ciphering"] {
        for (_, known) in fields.need(name)?.fields()?.all() {
            known.boolean()?;
        }
    }
    let rate = fields.need("integrityMaxRate")?.fields()?;
    for direction in ["uplink", "downlink"] {
        rate.need(direction)?.text()?;
    }
    rate.done()?;
    fields.done()?;
    Ok((imsi.to_owned(), sessions))
}

fn srsran(root: At<'_>) -> Result<(u32, Vec<SliceKey>), Unread> {
    let fields = root.fields()?;
    let cell = fields.need("cell_cfg")?.fields()?;
    let plmn = cell.need("plmn")?.text()?;
    let found = (area(cell.need("tac")?)?, sorted(cell.need("slicing")?)?);
    cell.done()?;
    let control = fields.need("cu_cp")?.fields()?;
    let amf = control.need("amf")?.fields()?;
    amf.need("addr")?.address()?;
    amf.need("port")?.number()?;
    let tracking = amf.need("supported_tracking_areas")?.only()?.fields()?;
    let listed = tracking.need("plmn_list")?.only()?.fields()?;
    let same = listed.need("plmn")?.text()? == plmn
        && area(tracking.need("tac")?)? == found.0
        && sorted(listed.need("tai_slice_support_list")?)? == found.1;
    listed.done()?;
    tracking.done()?;
    amf.done()?;
    control.done()?;
    fields.done()?;
    if same { Ok(found) } else { root.wrong("the cell and the AMF are told of different slices") }
}
