//! What stands beside a core's settings: documents of 3GPP, files of labs, and what `isolation.json` claims. They enforce
//! nothing by themselves; whoever is provisioned from them gets what they say.

use std::collections::{BTreeMap, BTreeSet};

use weir_5g_reader::{CoreModel, DocumentPolicy, FilterKey, IsolationPair, Radio, RiskKind};

use super::cores::{level, quality, slice_name, subscribers};
use crate::{
    diff::{
        PlantChange, Verdict,
        shape::{self, Aspect, Shape, Shapes},
    },
    mobile::{self, State, bound, protections, rate_text, yes},
};

/// But for ids of statements, which change with their text: what they permit is in rulesets.
pub(super) fn is_same(one: &CoreModel, other: &CoreModel) -> bool {
    let bare = |model: &CoreModel| {
        let mut model = model.clone();
        for pair in model.isolation.iter_mut().flat_map(|isolation| &mut isolation.pairs) {
            pair.permitted_by.clear();
        }
        for slice in model.documents.slices.iter_mut().flatten() {
            if let Some((_, statements)) = &mut slice.filter {
                statements.clear();
            }
        }
        model
    };
    bare(one) == bare(other)
}

/// What differs; without what follows from what differs in the core's own settings.
pub(super) fn compare(
    core: &str,
    (before, after): (&CoreModel, &CoreModel),
    own: &[PlantChange],
) -> Vec<PlantChange> {
    let mut found = Vec::new();
    let describe = |_: bool, imsis: &[&str]| subscribers(imsis);
    mobile::compare(&of_3gpp(before), &of_3gpp(after), describe, &mut found);
    let follows = |change: &PlantChange| {
        own.iter().any(|other| {
            other.what == change.what
                && other.name == format!("{} of `{core}`", change.name)
                && other.change == change.change
                && other.effect >= change.effect
        })
    };
    found.retain(|change| !follows(change));
    for change in &mut found {
        change.name = format!("3GPP: {} {} of `{core}`", change.what, change.name);
    }
    let mut lab = Vec::new();
    mobile::compare(&of_lab(before), &of_lab(after), describe, &mut lab);
    for change in &mut lab {
        change.name = format!("lab: {} {} of `{core}`", change.what, change.name);
    }
    let mut claims = Vec::new();
    shape::compare("document", (&pairs(before), &pairs(after)), Verdict::Same, &mut claims);
    for change in &mut claims {
        change.name = format!("isolation.json: {} of `{core}`", change.name);
    }
    found.append(&mut lab);
    for change in &mut found {
        change.what = "document";
    }
    found.append(&mut claims);
    found
}

/// Policies of one slice, by length and number of their first IMSI.
type Policies<'m> = Vec<(usize, &'m str, &'m str, &'m DocumentPolicy)>;

fn of_3gpp(model: &CoreModel) -> State<&str> {
    let mut state = State::default();
    let mut policies: BTreeMap<&str, Policies<'_>> = BTreeMap::new();
    for policy in model.documents.policies.iter().flatten() {
        let ranges = policies.entry(&policy.slice).or_default();
        ranges.extend(policy.ranges.iter().map(|(first, last)| (first.len(), &**first, &**last, policy)));
    }
    for ranges in policies.values_mut() {
        ranges.sort_unstable_by_key(|(length, first, ..)| (*length, *first));
    }
    for slice in model.documents.slices.iter().flatten() {
        let filter = slice.filter.as_ref().map(|(gateway, _)| gateway.as_str());
        let shared = Aspect::Amount(Some(slice.is_shared.into()), yes(slice.is_shared).to_owned());
        let rate = |rate| Aspect::Amount(Some(rate), rate_text(Some(rate)));
        let shape: Shape = vec![
            ("id", Aspect::value(slice.id.as_str())),
            ("PLMN", Aspect::decisive(format!("{}-{}", slice.plmn.0, slice.plmn.1))),
            ("shared", shared),
            ("max UEs", bound(slice.max_ues)),
            ("uplink", rate(slice.uplink)),
            ("downlink", rate(slice.downlink)),
            ("filtered at", Aspect::decisive(filter.unwrap_or("nowhere"))),
        ];
        state.slices.insert(slice_name(model, slice.key, &slice.data_network), shape);
    }
    for (name, ranges) in &policies {
        let number = |text: &str| text.parse::<u64>().unwrap_or_default();
        let granted = ranges.iter().fold(0u64, |sum, (_, first, last, _)| {
            sum.saturating_add(number(last).saturating_sub(number(first)).saturating_add(1))
        });
        let overlap = ranges.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[1].1 <= pair[0].2);
        let shape: Shape = vec![
            ("SUPIs", Aspect::Amount(Some(granted), granted.to_string())),
            ("several for one SUPI", Aspect::decisive(yes(overlap))),
        ];
        state.slices.insert(format!("{name}, its policies"), shape);
    }
    for session in model.documents.sessions.iter().flatten() {
        let name = slice_name(model, session.slice, &session.data_network);
        let parts = [session.v4.map(|own| own.to_string()), session.v6.map(|own| own.to_string())];
        let kinds = [session.kind.v4.then_some("IPv4"), session.kind.v6.then_some("IPv6")];
        let mut shape: Shape = vec![
            ("default", Aspect::value(yes(session.is_default))),
            ("type", Aspect::decisive(kinds.into_iter().flatten().collect::<Vec<_>>().join(" and "))),
            ("address", Aspect::decisive(parts.into_iter().flatten().collect::<Vec<_>>().join(" and "))),
        ];
        shape.extend(quality(session.quality));
        shape.extend(protections(level(session.integrity), level(session.confidentiality)));
        let policy = policies.get(name.as_str()).and_then(|ranges| policy_of(ranges, &session.imsi));
        let flows = policy.iter().flat_map(|policy| &policy.flows).flat_map(|flow| {
            let priority = (flow.priority, flow.preemptable);
            let quality = flow_quality(flow.five_qi, priority, (flow.guaranteed, flow.maximum), flow.period);
            packets(&flow.filters).map(move |packets| format!("{packets} as {quality}"))
        });
        shape.push(("flows", Aspect::members(flows, Verdict::Widened)));
        let names = [
            "5QI by policy",
            "ARP by policy",
            "uplink by policy",
            "downlink by policy",
            "may be pushed out by policy",
        ];
        match policy.map(|policy| quality(policy.quality)) {
            Some(given) => {
                shape.extend(names.into_iter().zip(given).map(|(name, (_, aspect))| (name, aspect)));
            }
            None => shape.extend(names.map(|name| (name, Aspect::decisive("none")))),
        }
        let mut key = (name, session.imsi.as_str());
        while state.sessions.contains_key(&key) {
            key.0.push_str(", said again");
        }
        state.sessions.insert(key, shape);
    }
    state
}

fn policy_of<'m>(ranges: &Policies<'m>, imsi: &str) -> Option<&'m DocumentPolicy> {
    let own = (imsi.len(), imsi);
    let after = ranges.partition_point(|(length, first, ..)| (*length, *first) <= own);
    let (length, _, last, policy) = ranges.get(after.checked_sub(1)?)?;
    (*length == own.0 && own.1 <= *last).then_some(*policy)
}

fn of_lab(model: &CoreModel) -> State<&str> {
    let mut state = State::default();
    for (radios, kind) in [(&model.lab.ueransim, "UERANSIM"), (&model.lab.srsran, "srsRAN")] {
        for radio in radios {
            let mut name = format!("at tracking area {} ({kind})", radio.tracking);
            while state.radios.contains_key(&name) {
                name.push_str(", another one");
            }
            state.radios.insert(name, radio_shape(radio));
        }
    }
    for device in &model.lab.devices {
        let sessions = device.sessions.iter().map(|(slice, name)| slice_name(model, *slice, name));
        let default = device.sessions.first().map(|(slice, name)| slice_name(model, *slice, name));
        let shape: Shape = vec![
            ("PLMN", Aspect::decisive(device.plmn.as_str())),
            ("key", Aspect::decisive(device.key.as_str())),
            ("default", Aspect::value(default.unwrap_or_default())),
            ("sessions", Aspect::members(sessions, Verdict::Widened)),
            ("radios", Aspect::members(device.radios.iter().map(ToString::to_string), Verdict::Widened)),
        ];
        let mut key = ("a UE of the lab".to_owned(), device.imsi.as_str());
        while state.sessions.contains_key(&key) {
            key.0.push_str(", said again");
        }
        state.sessions.insert(key, shape);
    }
    state
}

fn radio_shape(radio: &Radio) -> Shape {
    vec![
        ("PLMN", Aspect::decisive(radio.plmn.as_str())),
        ("AMF", Aspect::decisive(radio.amf.to_string())),
        ("link", Aspect::value(radio.link.map_or("none".to_owned(), |link| link.to_string()))),
        ("slices", Aspect::members(radio.slices.iter().map(ToString::to_string), Verdict::Widened)),
    ]
}

const RISKS: [(RiskKind, &str, &str); 4] = [
    (RiskKind::Hairpin, "devices behind one hairpin", "hairpin accepted"),
    (RiskKind::UnfilteredUserPlane, "devices at an unfiltered user plane", "unfiltered user plane accepted"),
    (RiskKind::SharedUserPlane, "devices of a shared user plane", "shared user plane accepted"),
    (RiskKind::DeviceInBoth, "devices in both", "devices in both accepted"),
];

/// Ways between slices, as `isolation.json` has them.
fn pairs(model: &CoreModel) -> Shapes {
    let pairs = model.isolation.iter().flat_map(|isolation| &isolation.pairs);
    pairs.map(|pair| (format!("{} -> {}", pair.from, pair.to), pair_shape(pair))).collect()
}

fn pair_shape(pair: &IsolationPair) -> Shape {
    let mut shape: Shape = vec![
        ("permitted by", Aspect::value(format!("{} statements", pair.permitted_by.len()))),
        ("enforced at", Aspect::members(pair.enforced_at.iter().cloned(), Verdict::Narrowed)),
    ];
    for (kind, devices, accepted) in RISKS {
        let risks = || pair.risks.iter().filter(|risk| risk.kind == kind);
        let count = risks().fold(0u64, |sum, risk| sum.saturating_add(risk.devices));
        shape.push((devices, Aspect::Amount(Some(count), count.to_string())));
        let reasons: BTreeSet<&str> =
            risks().map(|risk| risk.accepted.as_deref().unwrap_or("by nobody")).collect();
        shape.push((accepted, Aspect::value(reasons.into_iter().collect::<Vec<_>>().join("; "))));
    }
    shape
}

/// What packets of a flow get.
pub(super) fn flow_quality(
    five_qi: u8,
    (priority, preemptable): (u8, bool),
    (guaranteed, maximum): (Option<u64>, Option<u64>),
    period: Option<u64>,
) -> String {
    let mut text = format!("5QI {five_qi}, ARP {priority}");
    if !preemptable {
        text.push_str(", not pushed out");
    }
    if let Some(rate) = guaranteed {
        text.push_str(&format!(", at least {}", rate_text(Some(rate))));
    }
    if let Some(rate) = maximum {
        text.push_str(&format!(", at most {}", rate_text(Some(rate))));
    }
    if let Some(period) = period {
        text.push_str(&format!(", every {period} us"));
    }
    text
}

/// Packets of a flow in words, one for each range of addresses of the far end.
pub(super) fn packets(packets: &BTreeMap<FilterKey, Vec<(u128, u128)>>) -> impl Iterator<Item = String> {
    packets.iter().flat_map(|(key, ranges)| {
        let service = match (key.protocol, key.ports) {
            (1 | 58, _) => "icmp".to_owned(),
            (protocol, (first, last)) => {
                let protocol = match protocol {
                    6 => "tcp",
                    17 => "udp",
                    _ => "sctp",
                };
                if first == last {
                    format!("{protocol}/{first}")
                } else {
                    format!("{protocol}/{first}..{last}")
                }
            }
        };
        let side = if key.far_serves { "to" } else { "at the UE, of" };
        let is_v6 = key.is_v6;
        ranges.iter().map(move |(first, last)| {
            let address = |number| super::arrivals::address(number, is_v6);
            let range = if first == last {
                address(*first)
            } else {
                format!("{}..{}", address(*first), address(*last))
            };
            format!("{service} {side} {range}")
        })
    })
}
