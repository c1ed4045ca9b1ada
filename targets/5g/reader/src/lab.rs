//! Files of labs: UERANSIM's gNBs and UEs, and the slices of srsRAN's gNB.

use std::net::Ipv4Addr;

use crate::{
    Unread,
    decode::{At, Fields, with},
    values::SliceKey,
};

/// What the files of UERANSIM and srsRAN say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lab {
    pub ueransim: Vec<Radio>,
    pub srsran: Vec<Radio>,
    pub devices: Vec<Device>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Radio {
    pub plmn: String,
    pub tracking: u32,
    /// Sorted.
    pub slices: Vec<SliceKey>,
    /// Where it looks for the AMF.
    pub amf: Ipv4Addr,
    /// Where UEs find it, of UERANSIM's.
    pub link: Option<Ipv4Addr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub imsi: String,
    pub plmn: String,
    /// Where its key is kept; empty, where that is not said.
    pub key: String,
    /// With their data networks; the first is the default.
    pub sessions: Vec<(SliceKey, String)>,
    pub radios: Vec<Ipv4Addr>,
}

const NGAP_PORT: u64 = 38412;

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
    let sst = fields.need("sst")?;
    let number = sst.small()?;
    if number == 0 {
        return sst.wrong("an SST of 0 does not exist");
    }
    let sd = match fields.get("sd") {
        None => None,
        Some(sd) => match u32::try_from(sd.number()?) {
            Ok(number) if number < 0xff_ffff => Some(number),
            _ => return sd.wrong("an SD has 24 bits, and is not FFFFFF"),
        },
    };
    fields.done()?;
    Ok(SliceKey::new(number, sd))
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

fn port(at: At<'_>) -> Result<(), Unread> {
    if at.number()? == NGAP_PORT { Ok(()) } else { at.wrong(format!("an AMF is at port {NGAP_PORT}")) }
}

fn plmn(fields: &Fields<'_>) -> Result<String, Unread> {
    Ok(format!("{}{}", fields.need("mcc")?.text()?, fields.need("mnc")?.text()?))
}

fn radio(root: At<'_>) -> Result<Radio, Unread> {
    let fields = root.fields()?;
    let plmn = plmn(&fields)?;
    fields.need("nci")?.text()?;
    fields.need("idLength")?.number()?;
    fields.need("ignoreStreamIds")?.boolean()?;
    let link = fields.need("linkIp")?.address()?;
    for name in ["ngapIp", "gtpIp"] {
        let own = fields.need(name)?;
        if own.address()? != link {
            return own.wrong("is another address than `linkIp`");
        }
    }
    let configuration = fields.need("amfConfigs")?.only()?.fields()?;
    let amf = configuration.need("address")?.address()?;
    port(configuration.need("port")?)?;
    configuration.done()?;
    let (tracking, slices) = (area(fields.need("tac")?)?, sorted(fields.need("slices")?)?);
    fields.done()?;
    Ok(Radio { plmn, tracking, slices, amf, link: Some(link) })
}

fn device(root: At<'_>) -> Result<Device, Unread> {
    let fields = root.fields()?;
    let supi = fields.need("supi")?;
    let Some(imsi) = supi.text()?.strip_prefix("imsi-") else { return supi.wrong("an IMSI is expected") };
    let reference = |name: &str| {
        let key = fields.need(name)?;
        match key.text()?.strip_prefix("ref:") {
            Some(reference) => Ok(reference),
            None => key.wrong("a key is written out"),
        }
    };
    let key = reference("key")?;
    if reference("op")? != key {
        return root.wrong("`key` and `op` are kept in different places");
    }
    fields.need("opType")?.expect("OPC")?;
    fields.need("amf")?.expect("8000")?;
    let plmn = plmn(&fields)?;
    let scheme = fields.need("protectionScheme")?;
    if scheme.number()? != 0 {
        return scheme.wrong("the null scheme is 0");
    }
    let radios = fields.need("gnbSearchList")?.list()?.map(At::address).collect::<Result<_, _>>()?;
    let mut sessions = Vec::new();
    for session in fields.need("sessions")?.list()? {
        let session = session.fields()?;
        session.need("type")?.expect("IPv4")?;
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
    for (name, algorithms) in [("integrity", ["IA1", "IA2", "IA3"]), ("ciphering", ["EA1", "EA2", "EA3"])] {
        let known = fields.need(name)?.fields()?;
        for algorithm in algorithms {
            let has = known.need(algorithm)?;
            if !has.boolean()? {
                return has.wrong("a UE has all three algorithms");
            }
        }
        known.done()?;
    }
    let rate = fields.need("integrityMaxRate")?.fields()?;
    for direction in ["uplink", "downlink"] {
        rate.need(direction)?.expect("full")?;
    }
    rate.done()?;
    fields.done()?;
    Ok(Device { imsi: imsi.to_owned(), plmn, key: key.to_owned(), sessions, radios })
}

fn srsran(root: At<'_>) -> Result<Radio, Unread> {
    let fields = root.fields()?;
    let cell = fields.need("cell_cfg")?.fields()?;
    let plmn = cell.need("plmn")?.text()?.to_owned();
    let (tracking, slices) = (area(cell.need("tac")?)?, sorted(cell.need("slicing")?)?);
    cell.done()?;
    let control = fields.need("cu_cp")?.fields()?;
    let at_amf = control.need("amf")?.fields()?;
    let amf = at_amf.need("addr")?.address()?;
    port(at_amf.need("port")?)?;
    let supported = at_amf.need("supported_tracking_areas")?.only()?.fields()?;
    let listed = supported.need("plmn_list")?.only()?.fields()?;
    let same = listed.need("plmn")?.text()? == plmn
        && area(supported.need("tac")?)? == tracking
        && sorted(listed.need("tai_slice_support_list")?)? == slices;
    listed.done()?;
    supported.done()?;
    at_amf.done()?;
    control.done()?;
    fields.done()?;
    if !same {
        return root.wrong("the cell and the AMF are told of different slices");
    }
    Ok(Radio { plmn, tracking, slices, amf, link: None })
}
