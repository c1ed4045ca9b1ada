//! `SubNetwork` of TS 28.541's slice NRM.

use std::collections::BTreeMap;

use super::{DocumentSlice, key, plmn};
use crate::{
    Unread,
    decode::{At, Fields},
};

pub(super) fn read(root: At<'_>) -> Result<Vec<DocumentSlice>, Unread> {
    let fields = root.fields()?;
    let network = fields.need("id")?.text()?;
    // whether each slice has its functions for itself
    let mut isolation: BTreeMap<String, bool> = BTreeMap::new();
    for profile in fields.need("IsolationProfile")?.list()? {
        let (id, dedicated) = isolation_profile(profile, network)?;
        if isolation.insert(id, dedicated).is_some() {
            return profile.wrong("is there twice");
        }
    }
    let mut found = Vec::new();
    for slice in fields.need("NetworkSlice")?.list()? {
        let read = network_slice(slice, network)?;
        if isolation.remove(&read.id) != Some(!read.is_shared) {
            return slice.wrong("its profile of isolation is missing, or says otherwise");
        }
        found.push(read);
    }
    fields.done()?;
    if !isolation.is_empty() {
        return root.wrong("a profile of isolation is of no slice");
    }
    found.sort();
    Ok(found)
}

fn isolation_profile(at: At<'_>, network: &str) -> Result<(String, bool), Unread> {
    let fields = at.fields()?;
    let id = fields.need("id")?.text()?.to_owned();
    let attributes = fields.need("attributes")?.fields()?;
    attributes.need("networkSlicingApplicability")?.expect("NETWORKSLICE")?;
    let slice = attributes.need("networkSliceRefList")?.only()?;
    slice.expect(&format!("SubNetwork={network},NetworkSlice={id}"))?;
    let rule = attributes.need("resourceIsolationRuleList")?.only()?.fields()?;
    rule.need("resourceType")?.expect("MANAGED_FUNCTION")?;
    let dedicated = rule.need("isolationRule")?.word(&[("DEDICATED", true), ("SHARED", false)])?;
    rule.done()?;
    attributes.done()?;
    fields.done()?;
    Ok((id, dedicated))
}

fn network_slice(at: At<'_>, network: &str) -> Result<DocumentSlice, Unread> {
    let fields = at.fields()?;
    let id = fields.need("id")?.text()?.to_owned();
    let attributes = fields.need("attributes")?.fields()?;
    attributes.need("operationalState")?.expect("ENABLED")?;
    attributes.need("administrativeState")?.expect("UNLOCKED")?;
    attributes.need("isolationProfileRef")?.expect(&format!("SubNetwork={network},IsolationProfile={id}"))?;
    let profile = attributes.need("serviceProfileList")?.only()?.fields()?;
    profile.need("serviceProfileId")?.expect(&id)?;
    let place = profile.need("plmnInfoList")?.only()?.fields()?;
    let (plmn, key) = (plmn(place.need("plmnId")?)?, key(place.need("snssai")?)?);
    place.done()?;
    let sst = profile.need("sst")?;
    if sst.small()? != key.sst {
        return sst.wrong("is another SST than the S-NSSAI's");
    }
    let max_ues = profile.get("maxNumberofUEs").map(At::number).transpose()?;
    let is_shared =
        profile.need("networkSliceSharingIndicator")?.word(&[("SHARED", true), ("NON_SHARED", false)])?;
    let throughput = |name: &str| -> Result<u64, Unread> {
        let fields = profile.need(name)?.fields()?;
        let rate = fields.need("maxThpt")?.kilobits()?;
        fields.done()?;
        Ok(rate)
    };
    let (downlink, uplink) = (throughput("dLThptPerUE")?, throughput("uLThptPerUE")?);
    let networks = profile.need("supportedDataNetworks")?.fields()?;
    let data_network = networks.need("dnnList")?.only()?.text()?.to_owned();
    networks.done()?;
    let filter = filter(&profile)?;
    profile.done()?;
    attributes.done()?;
    fields.done()?;
    Ok(DocumentSlice { id, key, plmn, data_network, is_shared, max_ues, uplink, downlink, filter })
}

fn filter(profile: &Fields<'_>) -> Result<Option<(String, Vec<String>)>, Unread> {
    let protection = profile.need("n6Protection")?.fields()?;
    let list = protection.need("secFuncList")?;
    let found = match list.list()?.len() {
        0 => None,
        _ => {
            let function = list.only()?.fields()?;
            function.need("secFunType")?.expect("packet filter (nftables)")?;
            let mut rules = function.need("secRules")?.texts()?;
            rules.sort();
            let found = (function.need("secFunId")?.text()?.to_owned(), rules);
            function.done()?;
            Some(found)
        }
    };
    protection.done()?;
    Ok(found)
}
