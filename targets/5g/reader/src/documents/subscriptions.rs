//! `SubscriptionDataSets` of TS 29.503, by SUPI.

use std::collections::BTreeMap;

use ipnet::{IpNet, Ipv6Net};

use super::{DocumentSession, ambr, class, key, map_key};
use crate::{
    Unread,
    decode::At,
    values::{Families, Protection, Quality, SliceKey},
};

const KINDS: [(&str, Families); 3] = [
    ("IPV4", Families { v4: true, v6: false }),
    ("IPV6", Families { v4: false, v6: true }),
    ("IPV4V6", Families { v4: true, v6: true }),
];

const PROTECTIONS: [(&str, Protection); 3] = [
    ("REQUIRED", Protection::Required),
    ("PREFERRED", Protection::Preferred),
    ("NOT_NEEDED", Protection::NotNeeded),
];

pub(super) fn read(root: At<'_>) -> Result<Vec<DocumentSession>, Unread> {
    let mut found = Vec::new();
    for (supi, data) in root.fields()?.all() {
        let Some(imsi) = supi.strip_prefix("imsi-") else { return data.wrong("an IMSI is expected") };
        let data_sets = data.fields()?;
        let access = data_sets.need("amData")?.fields()?;
        let nssai = access.need("nssai")?.fields()?;
        let keys = |at: At<'_>| at.list()?.map(key).collect::<Result<Vec<SliceKey>, _>>();
        let default = keys(nssai.need("defaultSingleNssais")?)?;
        let others = nssai.get("singleNssais").map(keys).transpose()?.unwrap_or_default();
        nssai.done()?;
        access.done()?;
        let mut selected = selection(data_sets.need("smfSelData")?)?;
        let sessions = data_sets.need("smData")?;
        for session in sessions.list()? {
            let read = one(imsi, session, &default, &others)?;
            // all three speak of the same slices, or the core would mix them up
            if selected.remove(&read.slice).as_deref() != Some(&read.data_network) {
                return session.wrong("another data network is selected for this slice, or none");
            }
            found.push(read);
        }
        data_sets.done()?;
        if sessions.list()?.len() != default.len() + others.len() || !selected.is_empty() {
            return data.wrong("slices and sessions differ");
        }
    }
    found.sort();
    Ok(found)
}

/// The data network of each slice.
fn selection(at: At<'_>) -> Result<BTreeMap<SliceKey, String>, Unread> {
    let fields = at.fields()?;
    let mut found = BTreeMap::new();
    for (text, infos) in fields.need("subscribedSnssaiInfos")?.fields()?.all() {
        let slice = map_key(infos, text)?;
        let outer = infos.fields()?;
        let info = outer.need("dnnInfos")?.only()?.fields()?;
        let name = info.need("dnn")?.text()?.to_owned();
        let default = info.need("defaultDnnIndicator")?;
        if !default.boolean()? {
            return default.wrong("a slice's only data network is its default one");
        }
        info.done()?;
        outer.done()?;
        found.insert(slice, name);
    }
    fields.done()?;
    Ok(found)
}

fn one(imsi: &str, at: At<'_>, default: &[SliceKey], others: &[SliceKey]) -> Result<DocumentSession, Unread> {
    let fields = at.fields()?;
    let slice = key(fields.need("singleNssai")?)?;
    let is_default = default.contains(&slice);
    if is_default == others.contains(&slice) {
        return at.wrong("the slice is subscribed both as a default one and as another, or not at all");
    }
    let networks = fields.need("dnnConfigurations")?;
    let configurations = networks.fields()?;
    let mut all = configurations.all();
    let (Some((data_network, configuration)), None) = (all.next(), all.next()) else {
        return networks.wrong("exactly one data network is expected");
    };
    let settings = configuration.fields()?;
    let types = settings.need("pduSessionTypes")?.fields()?;
    let kind = types.need("defaultSessionType")?.word(&KINDS)?;
    let allowed = types.need("allowedSessionTypes")?.only()?;
    if allowed.word(&KINDS)? != kind {
        return allowed.wrong("is another type than the default one");
    }
    types.done()?;
    let modes = settings.need("sscModes")?.fields()?;
    modes.need("defaultSscMode")?.expect("SSC_MODE_1")?;
    modes.done()?;
    let profile = settings.need("5gQosProfile")?.fields()?;
    let (five_qi, priority, preemptable) = class(&profile)?;
    profile.done()?;
    let (uplink, downlink) = ambr(settings.need("sessionAmbr")?)?;
    let (mut v4, mut v6) = (None, None);
    for address in settings.need("staticIpAddress")?.list()? {
        let given = address.fields()?;
        match (given.get("ipv4Addr"), given.get("ipv6Prefix")) {
            (Some(own), None) if v4.is_none() => v4 = Some(own.address()?),
            (None, Some(own)) if v6.is_none() => v6 = Some(prefix(own)?),
            _ => return address.wrong("one address, or one prefix, of each family is expected"),
        }
        given.done()?;
    }
    let security = settings.need("upSecurity")?.fields()?;
    let (integrity, confidentiality) =
        (security.need("upIntegr")?.word(&PROTECTIONS)?, security.need("upConfid")?.word(&PROTECTIONS)?);
    security.done()?;
    settings.done()?;
    fields.done()?;
    Ok(DocumentSession {
        imsi: imsi.to_owned(),
        slice,
        is_default,
        data_network: data_network.to_owned(),
        kind,
        v4,
        v6,
        integrity,
        confidentiality,
        quality: Quality { five_qi, priority, preemptable, uplink, downlink },
    })
}

fn prefix(at: At<'_>) -> Result<Ipv6Net, Unread> {
    match at.any_subnet()? {
        IpNet::V6(net) => Ok(net),
        IpNet::V4(_) => at.wrong("an IPv6 prefix is expected"),
    }
}
