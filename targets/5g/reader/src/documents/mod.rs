//! Documents of 3GPP: which slices, policies and subscriptions they speak of.

mod policies;
mod slices;
mod subscriptions;

use std::net::Ipv4Addr;

use ipnet::Ipv6Net;

use crate::{
    Unread,
    compare::ExpectedFlow,
    decode::{At, Fields, six_digits, with},
    values::{Families, Protection, Quality, Rate, SliceKey, bit_rate},
};

/// What the documents of 3GPP say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    /// Slices of TS 28.541.
    pub slices: Option<Vec<DocumentSlice>>,
    /// Subscriptions of TS 29.503.
    pub sessions: Option<Vec<DocumentSession>>,
    /// Policies of TS 29.512.
    pub policies: Option<Vec<DocumentPolicy>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentSlice {
    pub id: String,
    pub key: SliceKey,
    pub plmn: (String, String),
    pub data_network: String,
    pub is_shared: bool,
    pub max_ues: Option<u64>,
    /// Of one session.
    pub uplink: Rate,
    pub downlink: Rate,
    /// Who filters behind the user plane, and what it permits: ids of statements, sorted.
    pub filter: Option<(String, Vec<String>)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentSession {
    pub imsi: String,
    pub slice: SliceKey,
    pub is_default: bool,
    pub data_network: String,
    pub kind: Families,
    pub v4: Option<Ipv4Addr>,
    pub v6: Option<Ipv6Net>,
    pub integrity: Protection,
    pub confidentiality: Protection,
    pub quality: Quality,
}

/// A decision for some subscriptions in one slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentPolicy {
    /// The slice's name.
    pub slice: String,
    /// First and last IMSI of each range; both have the same length.
    pub ranges: Vec<(String, String)>,
    /// Of flows that no rule is about.
    pub quality: Quality,
    /// Sorted.
    pub flows: Vec<ExpectedFlow>,
}

impl Documents {
    pub(crate) fn take(&mut self, path: &str, name: &str, text: &str) -> Result<(), Unread> {
        match name {
            "slice-nrm.json" => self.slices = Some(with(path, text, slices::read)?),
            "subscriptions.json" => self.sessions = Some(with(path, text, subscriptions::read)?),
            "sm-policies.json" => self.policies = Some(with(path, text, policies::read)?),
            _ => {
                let what = "belongs to no document".into();
                return Err(Unread { file: path.to_owned(), line: 0, what });
            }
        }
        Ok(())
    }
}

/// `sst`, and `sd` as six hexadecimal digits.
fn key(at: At<'_>) -> Result<SliceKey, Unread> {
    let fields = at.fields()?;
    let found = fields.slice()?;
    fields.done()?;
    Ok(found)
}

fn plmn(at: At<'_>) -> Result<(String, String), Unread> {
    let fields = at.fields()?;
    let found = (fields.need("mcc")?.text()?.to_owned(), fields.need("mnc")?.text()?.to_owned());
    fields.done()?;
    Ok(found)
}

fn rate(at: At<'_>) -> Result<Rate, Unread> {
    match bit_rate(at.text()?) {
        Some(rate) => Ok(rate),
        None => at.wrong("is no bit rate"),
    }
}

/// Uplink and downlink.
fn ambr(at: At<'_>) -> Result<(Rate, Rate), Unread> {
    let fields = at.fields()?;
    let found = (rate(fields.need("uplink")?)?, rate(fields.need("downlink")?)?);
    fields.done()?;
    Ok(found)
}

/// 5QI, priority, and whether others may push it out; nobody of ours pushes others out.
fn class(fields: &Fields<'_>) -> Result<(u8, u8, bool), Unread> {
    let five_qi = fields.need("5qi")?.small()?;
    let arp = fields.need("arp")?.fields()?;
    let level = arp.need("priorityLevel")?;
    let priority = level.small()?;
    if !(1..=15).contains(&priority) {
        return level.wrong("a priority is 1 to 15");
    }
    arp.need("preemptCap")?.expect("NOT_PREEMPT")?;
    let preemptable = arp.need("preemptVuln")?.word(&[("PREEMPTABLE", true), ("NOT_PREEMPTABLE", false)])?;
    arp.done()?;
    Ok((five_qi, priority, preemptable))
}

/// The key of a map: `2-000001`, or `2`.
fn map_key(at: At<'_>, text: &str) -> Result<SliceKey, Unread> {
    let (sst, sd) = text.split_once('-').map_or((text, None), |(sst, sd)| (sst, Some(sd)));
    let number = sst.parse::<u8>().ok().filter(|number| *number > 0 && number.to_string() == sst);
    let sd = sd.map(six_digits).map_or(Some(None), |sd| sd.map(Some));
    match (number, sd) {
        (Some(number), Some(sd)) => Ok(SliceKey::new(number, sd)),
        _ => at.wrong(format!("`{text}` is no S-NSSAI")),
    }
}
