//! Reads what subscriptions get: the PCF's policies, the documents of the collection `subscribers`, and where keys are kept.

use std::net::IpAddr;

use ipnet::Ipv6Net;

use super::{Core, Fixed, Flow, Policy, PolicySlice, Subscription, read::section};
use crate::{
    Unread,
    decode::{At, Fields},
    values::{Families, Quality, Rate, scaled},
};

impl Core {
    pub(super) fn pcf(&mut self, root: At<'_>) -> Result<(), Unread> {
        let pcf = section(root, "pcf")?;
        self.sbi(&pcf)?;
        for policy in pcf.need("policy")?.list()? {
            let policy = policy.fields()?;
            let mut ranges = Vec::new();
            for range in policy.need("supi_range")?.list()? {
                let text = range.text()?;
                let ends = text.split_once('-').and_then(|(first, last)| {
                    let same = first.len() == last.len();
                    Some((first.parse().ok()?, last.parse().ok()?))
                        .filter(|(a, b): &(u64, u64)| same && a <= b)
                });
                match ends {
                    Some(ends) => ranges.push(ends),
                    None => return range.wrong("a range of IMSIs is expected"),
                }
            }
            let mut slices = Vec::new();
            for slice in policy.need("slice")?.list()? {
                let slice = slice.fields()?;
                let session = slice.need("session")?.only()?.fields()?;
                slices.push(policy_slice(&slice, &session)?);
                session.done()?;
                slice.done()?;
            }
            self.policies.push(Policy { ranges, slices });
            policy.done()?;
        }
        pcf.done()
    }

    pub(super) fn subscribers(&mut self, root: At<'_>) -> Result<(), Unread> {
        for document in root.list()? {
            let fields = document.fields()?;
            if fields.get("security").is_some() {
                return document.wrong("a key is written out");
            }
            let imsi = fields.need("imsi")?.text()?.to_owned();
            let version = fields.need("schema_version")?;
            if version.number()? != 1 {
                return version.wrong("is 1");
            }
            let (uplink, downlink) = rates(fields.need("ambr")?)?;
            let mut slices = Vec::new();
            for slice in fields.need("slice")?.list()? {
                let slice = slice.fields()?;
                let session = slice.need("session")?.only()?.fields()?;
                let found = policy_slice(&slice, &session)?;
                let ue = session.need("ue")?.fields()?;
                let v6 = |at: At<'_>| match at.any_address()? {
                    // its second half is an interface identifier, and 0 is the routers'
                    IpAddr::V6(address) if u128::from(address) & u128::from(u64::MAX) == 0 => {
                        at.wrong("has no interface identifier")
                    }
                    IpAddr::V6(address) => Ipv6Net::new(address, 64).or_else(|_| at.wrong("is no address")),
                    IpAddr::V4(_) => at.wrong("an IPv6 address is expected"),
                };
                let address = Fixed {
                    v4: ue.get("ipv4").map(At::address).transpose()?,
                    v6: ue.get("ipv6").map(v6).transpose()?.map(|net| net.trunc()),
                };
                ue.done()?;
                let roaming = session.need("lbo_roaming_allowed")?;
                if roaming.boolean()? {
                    return roaming.wrong("sessions of a plant do not break out elsewhere");
                }
                slices.push((found, address));
                session.done()?;
                slice.done()?;
            }
            for (name, expected) in [
                ("access_restriction_data", 32),
                ("subscriber_status", 0),
                ("operator_determined_barring", 0),
                ("network_access_mode", 0),
                ("subscribed_rau_tau_timer", 12),
            ] {
                let value = fields.need(name)?;
                if value.number()? != expected {
                    return value.wrong(format!("`{name}` is {expected}"));
                }
            }
            self.subscriptions.push(Subscription { imsi, slices, uplink, downlink });
            fields.done()?;
        }
        Ok(())
    }

    pub(super) fn keys(&mut self, root: At<'_>) -> Result<(), Unread> {
        for entry in root.list()? {
            let entry = entry.fields()?;
            entry.need("device")?.text()?;
            let key = entry.need("key")?;
            let key = if key.is_null() { None } else { Some(key.text()?.to_owned()) };
            self.keys.push((entry.need("imsi")?.text()?.to_owned(), key));
            entry.done()?;
        }
        Ok(())
    }
}

fn policy_slice(slice: &Fields<'_>, session: &Fields<'_>) -> Result<PolicySlice, Unread> {
    let at = session.need("type")?;
    let kind = match at.number()? {
        1 => Families { v4: true, v6: false },
        2 => Families { v4: false, v6: true },
        3 => Families { v4: true, v6: true },
        _ => return at.wrong("a type of sessions with addresses is 1 to 3"),
    };
    let qos = session.need("qos")?.fields()?;
    let (five_qi, (priority, preemptable)) = (qos.need("index")?.small()?, arp(qos.need("arp")?)?);
    qos.done()?;
    let (uplink, downlink) = rates(session.need("ambr")?)?;
    let mut flows = Vec::new();
    for rule in session.get("pcc_rule").map(At::list).transpose()?.into_iter().flatten() {
        flows.push(flow(rule)?);
    }
    flows.sort();
    Ok(PolicySlice {
        slice: slice.slice()?,
        is_default: slice.need("default_indicator")?.boolean()?,
        data_network: session.need("name")?.text()?.to_owned(),
        kind,
        quality: Quality { five_qi, priority, preemptable, uplink, downlink },
        flows,
    })
}

fn flow(rule: At<'_>) -> Result<Flow, Unread> {
    let fields = rule.fields()?;
    let qos = fields.need("qos")?.fields()?;
    let same_both_ways = |name: &str| -> Result<Option<Rate>, Unread> {
        let Some(at) = qos.get(name) else { return Ok(None) };
        let (uplink, downlink) = rates(at)?;
        if uplink == downlink { Ok(Some(uplink)) } else { at.wrong("both directions have the same rate") }
    };
    let (guaranteed, maximum) = (same_both_ways("gbr")?, same_both_ways("mbr")?);
    let (five_qi, (priority, preemptable)) = (qos.need("index")?.small()?, arp(qos.need("arp")?)?);
    qos.done()?;
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for one in fields.need("flow")?.list()? {
        let filter = one.fields()?;
        let description = filter.need("description")?;
        let text = description.text()?;
        if !text.starts_with("permit out ") {
            return description.wrong("its parser knows `permit out` only");
        }
        match filter.need("direction")?.number()? {
            1 => down.push(text.to_owned()),
            2 => up.push(text.to_owned()),
            _ => return one.wrong("a direction is 1 or 2"),
        }
        filter.done()?;
    }
    fields.done()?;
    up.sort();
    down.sort();
    if up != down {
        return rule.wrong("the directions have different filters");
    }
    Ok(Flow { five_qi, priority, preemptable, guaranteed, maximum, filters: up })
}

/// The priority, and whether others may push it out; nobody of ours pushes others out.
fn arp(at: At<'_>) -> Result<(u8, bool), Unread> {
    let fields = at.fields()?;
    let priority = fields.need("priority_level")?.small()?;
    if !(1..=15).contains(&priority) {
        return at.wrong("a priority is 1 to 15");
    }
    let capability = fields.need("pre_emption_capability")?;
    if capability.number()? != 1 {
        return capability.wrong("1 is: pushes nobody out");
    }
    let vulnerability = fields.need("pre_emption_vulnerability")?;
    let preemptable = match vulnerability.number()? {
        1 => false,
        2 => true,
        _ => return vulnerability.wrong("is 1 or 2"),
    };
    fields.done()?;
    Ok((priority, preemptable))
}

fn rates(at: At<'_>) -> Result<(Rate, Rate), Unread> {
    let fields = at.fields()?;
    let one = |name: &str| -> Result<Rate, Unread> {
        let at = fields.need(name)?;
        let rate = at.fields()?;
        let (value, unit) = (rate.need("value")?.number()?, rate.need("unit")?.small()?);
        rate.done()?;
        // its parser keeps 31 bits of the value
        match scaled(value, usize::from(unit)).filter(|_| value <= u64::from(i32::MAX as u32)) {
            Some(rate) => Ok(rate),
            None => at.wrong("is no rate"),
        }
    };
    let found = (one("uplink")?, one("downlink")?);
    fields.done()?;
    Ok(found)
}
