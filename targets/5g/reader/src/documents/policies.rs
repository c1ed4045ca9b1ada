//! `SmPolicyDecision` of TS 29.512, by slice, with the subscriptions that each is for.

use std::collections::{BTreeMap, BTreeSet};

use super::{DocumentPolicy, ambr, class, rate};
use crate::{
    Unread,
    compare::{ExpectedFlow, Filters},
    decode::{At, Fields},
    values::{Quality, Rate},
};

pub(super) fn read(root: At<'_>) -> Result<Vec<DocumentPolicy>, Unread> {
    let mut found = Vec::new();
    for (slice, entries) in root.fields()?.all() {
        for entry in entries.list()? {
            let fields = entry.fields()?;
            let ranges = fields.need("supis")?.list()?.map(range).collect::<Result<_, _>>()?;
            let (quality, flows) = decision(fields.need("decision")?)?;
            fields.done()?;
            found.push(DocumentPolicy { slice: slice.to_owned(), ranges, quality, flows });
        }
    }
    Ok(found)
}

/// `imsi-1..imsi-9`, or one.
fn range(at: At<'_>) -> Result<(String, String), Unread> {
    let text = at.text()?;
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let digits = |text: &str| -> Option<String> {
        let digits = text.strip_prefix("imsi-")?;
        let fits = (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| digits.to_owned())
    };
    match (digits(first), digits(last)) {
        (Some(first), Some(last)) if first.len() == last.len() && first <= last => Ok((first, last)),
        _ => at.wrong("a SUPI, or a range of them, is expected"),
    }
}

fn decision(at: At<'_>) -> Result<(Quality, Vec<ExpectedFlow>), Unread> {
    let fields = at.fields()?;
    let session_rules = fields.need("sessRules")?.fields()?;
    let session = session_rules.need("default")?.fields()?;
    session.need("sessRuleId")?.expect("default")?;
    let (uplink, downlink) = ambr(session.need("authSessAmbr")?)?;
    let default = session.need("authDefQos")?.fields()?;
    let (five_qi, priority, preemptable) = class(&default)?;
    default.done()?;
    session.done()?;
    session_rules.done()?;
    let quality = Quality { five_qi, priority, preemptable, uplink, downlink };
    let mut qualities: BTreeMap<&str, FlowQuality> = BTreeMap::new();
    for (id, data) in fields.get("qosDecs").map(At::fields).transpose()?.iter().flat_map(Fields::all) {
        qualities.insert(id, flow_quality(id, data)?);
    }
    let mut flows = Vec::new();
    let mut precedences = BTreeSet::new();
    for (id, rule) in fields.get("pccRules").map(At::fields).transpose()?.iter().flat_map(Fields::all) {
        let (flow, reference, precedence) = pcc_rule(id, rule)?;
        let Some(quality) = qualities.remove(reference) else {
            return rule.wrong(format!("no quality has the id `{reference}`, or two rules have it"));
        };
        if !precedences.insert(precedence) {
            return rule.wrong("another rule has the same precedence");
        }
        flows.push(ExpectedFlow {
            five_qi: quality.class.0,
            priority: quality.class.1,
            preemptable: quality.class.2,
            guaranteed: quality.guaranteed,
            maximum: quality.maximum,
            ..flow
        });
    }
    fields.done()?;
    if let Some((id, _)) = qualities.first_key_value() {
        return at.wrong(format!("no rule has the quality `{id}`"));
    }
    flows.sort();
    Ok((quality, flows))
}

struct FlowQuality {
    class: (u8, u8, bool),
    guaranteed: Option<Rate>,
    maximum: Option<Rate>,
}

fn flow_quality(id: &str, at: At<'_>) -> Result<FlowQuality, Unread> {
    let fields = at.fields()?;
    fields.need("qosId")?.expect(id)?;
    let class = class(&fields)?;
    let same_both_ways = |names: [&str; 2]| -> Result<Option<Rate>, Unread> {
        let [up, down] = names.map(|name| fields.get(name).map(rate).transpose());
        let (up, down) = (up?, down?);
        if up == down { Ok(up) } else { at.wrong("both directions have the same rate") }
    };
    let maximum = same_both_ways(["maxbrUl", "maxbrDl"])?;
    let guaranteed = same_both_ways(["gbrUl", "gbrDl"])?;
    fields.done()?;
    Ok(FlowQuality { class, guaranteed, maximum })
}

/// Filters and period of a rule, the id of its quality, and its precedence.
fn pcc_rule<'n>(id: &str, at: At<'n>) -> Result<(ExpectedFlow, &'n str, u64), Unread> {
    let fields = at.fields()?;
    fields.need("pccRuleId")?.expect(id)?;
    let mut filters = Filters::default();
    for info in fields.need("flowInfos")?.list()? {
        let info = info.fields()?;
        let description = info.need("flowDescription")?;
        if !filters.add(description.text()?) {
            return description.wrong("is no filter that is known here");
        }
        info.need("flowDirection")?.expect("BIDIRECTIONAL")?;
        info.done()?;
    }
    let precedence = fields.need("precedence")?.number()?;
    let quality = fields.need("refQosData")?.only()?.text()?;
    let period = match fields.get("tscaiInputUl") {
        None => None,
        Some(at) => {
            let input = at.fields()?;
            let microseconds = input.need("periodicity")?.number()?;
            input.done()?;
            Some(microseconds)
        }
    };
    fields.done()?;
    let flow = ExpectedFlow { period, filters: filters.merged(), ..ExpectedFlow::default() };
    Ok((flow, quality, precedence))
}
