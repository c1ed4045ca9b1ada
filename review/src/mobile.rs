//! What 5G cores give to whom: slices, radios, and who has a session in which slice. Read from a package, or from what a core
//! was told ([`crate::trees`]).

use std::collections::BTreeMap;

use weir_compiler::model::fiveg::{self, BitRate, Mobile};

use crate::{
    Subject,
    diff::{
        PlantChange, Verdict,
        shape::{self, Aspect, Shape, Shapes},
    },
};

/// All that cores are told. Who has a session is a principal's number here, and an IMSI there.
#[derive(Clone, Debug)]
pub(crate) struct State<Who> {
    pub(crate) cores: Shapes,
    pub(crate) radios: Shapes,
    pub(crate) slices: Shapes,
    /// By slice and subscriber.
    pub(crate) sessions: BTreeMap<(String, Who), Shape>,
}

impl<Who> Default for State<Who> {
    fn default() -> Self {
        Self { cores: Shapes::new(), radios: Shapes::new(), slices: Shapes::new(), sessions: BTreeMap::new() }
    }
}

/// What differs. `describe` names subscribers, of the later version or of the earlier one.
pub(crate) fn compare<Who: Copy + Ord>(
    before: &State<Who>,
    after: &State<Who>,
    describe: impl Fn(bool, &[Who]) -> String,
    found: &mut Vec<PlantChange>,
) {
    shape::compare("core", (&before.cores, &after.cores), Verdict::Same, found);
    shape::compare("radio", (&before.radios, &after.radios), Verdict::Same, found);
    // what a slice lets through is said of its sessions
    shape::compare("slice", (&before.slices, &after.slices), Verdict::Same, found);
    // those of which the same is to be said, together
    let mut alike: BTreeMap<(&str, &'static str, String, Verdict), Vec<Who>> = BTreeMap::new();
    for ((slice, who), shape) in &after.sessions {
        let key = match before.sessions.get(&(slice.clone(), *who)) {
            None => (slice.as_str(), "added", String::new(), Verdict::Widened),
            Some(old) => {
                let (details, effect) = shape::changes(old, shape);
                if details.is_empty() {
                    continue;
                }
                (slice.as_str(), "changed", details.join("; "), effect)
            }
        };
        alike.entry(key).or_default().push(*who);
    }
    for key @ (slice, who) in before.sessions.keys() {
        if !after.sessions.contains_key(key) {
            alike.entry((slice, "removed", String::new(), Verdict::Narrowed)).or_default().push(*who);
        }
    }
    for ((slice, change, detail, effect), who) in alike {
        let name = format!("of {} in {slice}", describe(change != "removed", &who));
        found.push(PlantChange { what: "session", name, change, detail, effect });
    }
}

/// What a package says of its cores. Subscribers have the numbers that `common` gives them.
pub(crate) fn of_package(subject: &Subject, common: impl Fn(u32) -> u32) -> State<u32> {
    let mobile = &subject.model().mobile;
    let name = |id: u32| subject.name(id).to_owned();
    let host = |id: Option<u32>| id.map_or_else(|| "not given".to_owned(), name);
    let core = |core: &fiveg::Core| {
        let version = core.version.as_ref().map_or_else(|| "not given".to_owned(), ToString::to_string);
        let shape: Shape = vec![
            ("product", Aspect::value(core.product.name())),
            ("version", Aspect::value(version)),
            ("PLMN", Aspect::value(core.plmn.digits())),
            ("functions", Aspect::value(host(core.functions))),
        ];
        (core.name.clone(), shape)
    };
    let radio = |radio: &fiveg::Radio| {
        let capacity = radio.capacity.map(|rate| rate.0);
        let shape: Shape = vec![
            ("core", Aspect::value(mobile.cores[radio.core].name.clone())),
            // the core knows radios by it alone
            ("tracking area", Aspect::decisive(radio.tac.to_string())),
            ("capacity", Aspect::value(rate_text(capacity))),
        ];
        (radio.name.clone(), shape)
    };
    let mut sessions = BTreeMap::new();
    for subscriber in &mobile.subscribers {
        for (place, session) in subscriber.sessions.iter().enumerate() {
            let slice = mobile.slices[session.slice].name.clone();
            let shape: Shape = vec![("default", Aspect::value(yes(place == 0)))];
            sessions.insert((slice, common(subscriber.principal)), shape);
        }
    }
    State {
        cores: mobile.cores.iter().map(core).collect(),
        radios: mobile.radios.iter().map(radio).collect(),
        slices: mobile.slices.iter().map(|one| (one.name.clone(), slice(subject, mobile, one))).collect(),
        sessions,
    }
}

fn slice(subject: &Subject, mobile: &Mobile, slice: &fiveg::Slice) -> Shape {
    let model = subject.model();
    let radios = slice.area.iter().map(|radio| mobile.radios[*radio].name.clone());
    let others = slice.exclusive_with.iter().map(|other| mobile.slices[*other].name.clone());
    let host = slice.session_management.map_or_else(|| "not given".to_owned(), |id| subject.name(id).into());
    let pools = model.segment(slice.segment).prefixes.iter().map(ToString::to_string);
    let quality = slice.quality;
    let mut shape: Shape = vec![
        ("core", Aspect::value(mobile.cores[slice.core].name.clone())),
        ("S-NSSAI", Aspect::value(slice.snssai.to_string())),
        ("DNN", Aspect::value(slice.dnn.as_str())),
        // who has which address is said of the principals; these may arrive by its interface
        ("pool", Aspect::decisive(pools.collect::<Vec<_>>().join(", "))),
        ("area", Aspect::members(radios, Verdict::Widened)),
        ("user plane", Aspect::value(model.gateway(slice.user_plane).name.clone())),
        ("session management", Aspect::value(host)),
        ("names", Aspect::value(slice.dns.map_or_else(|| "not given".to_owned(), |dns| dns.to_string()))),
    ];
    shape.extend(isolation(slice.dedicated, others));
    shape.push(("max UEs", bound(slice.max_ues)));
    shape.extend(quality_of(
        quality.five_qi,
        quality.arp.priority,
        (quality.session.uplink.0, quality.session.downlink.0),
    ));
    shape.extend(protections(level(slice.security.integrity), level(slice.security.confidentiality)));
    shape
}

fn level(protection: fiveg::Protection) -> u8 {
    match protection {
        fiveg::Protection::Required => 0,
        fiveg::Protection::Preferred => 1,
        fiveg::Protection::NotNeeded => 2,
    }
}

pub(crate) fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// Whether slices have user planes or devices in common.
pub(crate) fn isolation(dedicated: bool, exclusive_with: impl IntoIterator<Item = String>) -> Shape {
    let shared = Aspect::Amount(Some(u64::from(!dedicated)), yes(dedicated).to_owned());
    vec![("dedicated", shared), ("exclusive with", Aspect::members(exclusive_with, Verdict::Narrowed))]
}

/// A number that must not be exceeded.
pub(crate) fn bound(number: Option<u64>) -> Aspect {
    Aspect::Amount(number, number.map_or_else(|| "no bound".to_owned(), |number| number.to_string()))
}

/// What a session gets of the radio: 5QI, priority (1 comes first) and its rates, up and down, in bits per second.
pub(crate) fn quality_of(five_qi: u8, priority: u8, (up, down): (u64, u64)) -> Shape {
    vec![
        ("5QI", Aspect::decisive(five_qi.to_string())),
        ("ARP", Aspect::Amount(Some(255 - u64::from(priority)), priority.to_string())),
        ("uplink", Aspect::Amount(Some(up), rate_text(Some(up)))),
        ("downlink", Aspect::Amount(Some(down), rate_text(Some(down)))),
    ]
}

pub(crate) fn rate_text(bits: Option<u64>) -> String {
    bits.map_or_else(|| "none".to_owned(), |bits| BitRate(bits).to_string())
}

/// What the radio does for what it carries: 0 is required, 1 preferred, 2 not needed.
pub(crate) fn protections(integrity: u8, confidentiality: u8) -> Shape {
    let word = |level: u8| match level {
        0 => "required",
        1 => "preferred",
        _ => "not needed",
    };
    let aspect = |level: u8| Aspect::Amount(Some(u64::from(level)), word(level).to_owned());
    vec![("integrity", aspect(integrity)), ("confidentiality", aspect(confidentiality))]
}
