//! Settings of 5G cores, by what they mean: who gets a session where, with which address, behind which interface, and what
//! packets get. SD-Core's own filters are compared over all addresses and ports.

use std::collections::{BTreeMap, BTreeSet};

use weir_5g_reader::{
    CoreModel, Product, Protection, Quality, SliceKey,
    open5gs::{self, Outcome, PolicySlice},
    read as read_core, sdcore,
};

use super::{
    documents,
    points::{Point, Side, Target, not_compared, texts, unreadable},
    regions::{Regions, Words},
    rulesets::service,
    terms::{Budgets, Operations, Terms},
};
use crate::{
    Place,
    diff::{
        Difference, Rule, Verdict,
        shape::{Aspect, Shape},
    },
    mobile::{self, State, isolation, protections, quality_of, rate_text, yes},
};

pub(super) const TARGET: Target<CoreModel> =
    Target { name: "5g", point: core, read, is_same: documents::is_same, compare };

fn core(path: &str) -> Option<&str> {
    path.split_once('/').map(|(name, _)| name)
}

fn read(_: &str, side: &Side<'_>) -> Result<CoreModel, String> {
    let texts: Vec<(&str, &str)> = texts(side)?
        .into_iter()
        .map(|(path, text)| (path.split_once('/').map_or(path, |(_, below)| below), text))
        .collect();
    let is_sdcore = texts.iter().any(|(path, _)| path.starts_with("sdcore/"));
    let product = if is_sdcore { Product::SdCore } else { Product::Open5gs };
    read_core(product, &texts).map_err(|unread| unread.to_string())
}

fn compare(point: &Point<'_>, old: Option<&CoreModel>, new: &CoreModel, found: &mut Difference) {
    let nothing = CoreModel::default();
    let before = old.unwrap_or(&nothing);
    let sides = Sides { before, after: new };
    let mut own = Vec::new();
    mobile::compare(&sides.state(false), &sides.state(true), |_, imsis| subscribers(imsis), &mut own);
    let core = point.name;
    for change in &mut own {
        if change.what == "core" {
            core.clone_into(&mut change.name);
        } else {
            change.name = format!("{} of `{core}`", change.name);
        }
    }
    let documents = documents::compare(core, (before, new), &own);
    found.plant.extend(own);
    found.plant.extend(documents);
    filters(point, before.sdcore.as_ref(), new.sdcore.as_ref(), found);
    if before.open5gs.is_some() && new.sdcore.is_some() || before.sdcore.is_some() && new.open5gs.is_some() {
        // each of them filters in a way of its own
        not_compared(&point.root, found);
    }
}

/// `imsi-… and 42 more`.
pub(super) fn subscribers(imsis: &[&str]) -> String {
    match imsis {
        [] => "nobody".to_owned(),
        [only] => format!("imsi-{only}"),
        [first, rest @ ..] => format!("imsi-{first} and {} more", rest.len()),
    }
}

/// How slices are named: as the package does, where the tree says, else by what they are on the wire.
pub(super) fn slice_name(model: &CoreModel, key: SliceKey, data_network: &str) -> String {
    let slices = model.isolation.iter().flat_map(|isolation| &isolation.slices);
    let mut known =
        slices.filter(|slice| slice.s_nssai == key.to_string() && slice.data_network == data_network);
    match (known.next(), known.next()) {
        (Some(slice), None) => slice.slice.clone(),
        _ => format!("{key} with `{data_network}`"),
    }
}

struct Sides<'m> {
    before: &'m CoreModel,
    after: &'m CoreModel,
}

type Key<'m> = (&'m str, SliceKey, &'m str);

impl<'m> Sides<'m> {
    fn of(&self, is_later: bool) -> (&'m CoreModel, &'m CoreModel) {
        if is_later { (self.after, self.before) } else { (self.before, self.after) }
    }

    /// Tracking areas of either side: a session is asked for in each of them.
    fn areas(&self) -> BTreeSet<u32> {
        let of = |model: &CoreModel| -> Vec<u32> {
            let core = model.open5gs.iter().flat_map(|core| {
                let infos = core.smfs.iter().flat_map(|smf| smf.info.iter().flatten());
                core.tracking.iter().chain(infos.flat_map(|info| &info.tracking)).copied()
            });
            core.collect()
        };
        of(self.before).into_iter().chain(of(self.after)).collect()
    }

    fn state(&self, is_later: bool) -> State<&'m str> {
        let (model, other) = self.of(is_later);
        let mut state = State::default();
        if let Some(isolation) = &model.isolation {
            for slice in &isolation.slices {
                let pools = slice.pools.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                // what UEs really get is said of their sessions
                let mut shape: Shape = vec![
                    ("S-NSSAI", Aspect::value(slice.s_nssai.as_str())),
                    ("DNN", Aspect::value(slice.data_network.as_str())),
                    ("pool", Aspect::value(pools)),
                    ("user plane", Aspect::value(slice.user_plane.as_str())),
                    ("interface", Aspect::value(slice.interface.as_str())),
                    ("subscriptions", Aspect::value(slice.subscriptions.to_string())),
                ];
                shape.extend(self::isolation(slice.dedicated, slice.exclusive_with.iter().cloned()));
                state.slices.insert(slice.slice.clone(), shape);
            }
        }
        if let Some(core) = &model.open5gs {
            state.cores.insert(String::new(), functions(core));
            self.sessions(model, core, other, &mut state);
        }
        if let Some(core) = &model.sdcore {
            let shape: Shape = vec![
                ("product", Aspect::value("SD-Core")),
                (
                    "ports of filters",
                    Aspect::decisive(if core.ports_at_the_endpoint {
                        "of the endpoint"
                    } else {
                        "of the UE"
                    }),
                ),
            ];
            state.cores.insert(String::new(), shape);
            groups(model, core, &mut state);
        }
        state
    }

    fn sessions(
        &self,
        model: &'m CoreModel,
        core: &'m open5gs::Core,
        other: &'m CoreModel,
        state: &mut State<&'m str>,
    ) {
        let areas = self.areas();
        let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (imsi, key) in &core.keys {
            keys.entry(imsi).or_default().insert(key.as_deref().unwrap_or("nowhere"));
        }
        for subscription in &core.subscriptions {
            let imsi = subscription.imsi.as_str();
            let mut seen: BTreeMap<(SliceKey, &str), usize> = BTreeMap::new();
            for (own, fixed) in &subscription.slices {
                let key: Key<'_> = (imsi, own.slice, &own.data_network);
                let times = seen.entry((key.1, key.2)).and_modify(|times| *times += 1).or_default();
                let mut name = slice_name(model, own.slice, &own.data_network);
                if *times > 0 {
                    // the first one counts
                    name.push_str(&format!(", said again ({times})"));
                }
                let policy = policy(core, key);
                let is_plain = self.is_plain(key);
                let mut shape: Shape = vec![
                    ("default", Aspect::value(yes(own.is_default))),
                    ("address", Aspect::decisive(addresses(own, fixed))),
                    (
                        "key",
                        Aspect::decisive(keys.get(imsi).map_or("nowhere".to_owned(), |keys| {
                            keys.iter().copied().collect::<Vec<_>>().join(", ")
                        })),
                    ),
                ];
                shape.extend(places(core, other.open5gs.as_ref(), key, &areas));
                let given = policy.unwrap_or(own);
                shape.extend(quality(given.quality));
                shape.push(("flows", Aspect::members(flows(&given.flows), Verdict::Widened)));
                // what it is subscribed to is said where it is something else than what it gets
                let mut subscribed = quality(own.quality);
                subscribed.push(("flows", Aspect::members(flows(&own.flows), Verdict::Widened)));
                let names = [
                    "subscribed 5QI",
                    "subscribed ARP",
                    "subscribed uplink",
                    "subscribed downlink",
                    "subscribed preemptable",
                    "subscribed flows",
                ];
                for (name, (_, aspect)) in names.into_iter().zip(subscribed) {
                    shape.push((name, if is_plain { Aspect::value("as its policy") } else { aspect }));
                }
                let rate = |rate: u64| Aspect::Amount(Some(rate), rate_text(Some(rate)));
                shape.push(("uplink of all sessions", rate(subscription.uplink)));
                shape.push(("downlink of all sessions", rate(subscription.downlink)));
                shape.extend(served(core, key, &areas));
                state.sessions.insert((name, imsi), shape);
            }
        }
    }

    /// Whether what the PCF gives a session is what it is subscribed to, on both sides.
    fn is_plain(&self, key: Key<'_>) -> bool {
        [self.before, self.after].iter().filter_map(|model| model.open5gs.as_ref()).all(|core| {
            let slices = core.subscription(key.0).into_iter().flat_map(|one| &one.slices);
            let mut own = slices.map(|(own, _)| own);
            let own = own.find(|own| own.slice == key.1 && own.data_network == key.2);
            match (own, policy(core, key)) {
                (Some(own), Some(policy)) => {
                    (own.quality, flows(&own.flows)) == (policy.quality, flows(&policy.flows))
                }
                _ => true,
            }
        })
    }
}

fn policy<'c>(core: &'c open5gs::Core, (imsi, slice, data_network): Key<'_>) -> Option<&'c PolicySlice> {
    let slices = &core.policy_of(imsi)?.slices;
    slices.iter().find(|one| one.slice == slice && one.data_network == data_network)
}

fn addresses(own: &PolicySlice, fixed: &open5gs::Fixed) -> String {
    let mut parts = Vec::new();
    if own.kind.v4 {
        parts.push(fixed.v4.map_or("any free IPv4 address".to_owned(), |address| address.to_string()));
    }
    if own.kind.v6 {
        parts.push(fixed.v6.map_or("any free IPv6 prefix".to_owned(), |prefix| prefix.to_string()));
    }
    parts.join(" and ")
}

/// Where its packets come out, by tracking area; and why there is no session where the other side has one.
fn places(
    core: &open5gs::Core,
    other: Option<&open5gs::Core>,
    (imsi, slice, data_network): Key<'_>,
    areas: &BTreeSet<u32>,
) -> Shape {
    let (mut granted, mut refused) = (Vec::new(), BTreeSet::new());
    for area in areas {
        match core.session(imsi, slice, data_network, *area) {
            Outcome::Session(session) => {
                let behind = session.behind.iter().map(|(device, net)| format!("`{device}` ({net})"));
                let behind = behind.collect::<Vec<_>>().join(" and ");
                granted.push(format!("tracking area {area} to {behind} of `{}`", session.gateway));
            }
            Outcome::Ambiguous(why) => {
                granted.push(format!("tracking area {area}, where it is a matter of chance: {why}"));
            }
            Outcome::Refused(why) => {
                let is_new = other.is_some_and(|other| {
                    !matches!(other.session(imsi, slice, data_network, *area), Outcome::Refused(_))
                });
                if is_new {
                    refused.insert(why);
                }
            }
        }
    }
    vec![
        ("from", Aspect::members(granted, Verdict::Widened)),
        ("refused", Aspect::members(refused, Verdict::Same)),
    ]
}

/// What the SMFs do that serve it anywhere: the weakest protection, and whom its UE asks for names.
fn served(core: &open5gs::Core, (_, slice, data_network): Key<'_>, areas: &BTreeSet<u32>) -> Shape {
    let smfs: Vec<&open5gs::Smf> =
        areas.iter().flat_map(|area| core.smfs(slice, data_network, *area)).collect();
    let weakest =
        |of: fn(&open5gs::Smf) -> Protection| smfs.iter().map(|smf| level(of(smf))).max().unwrap_or(0);
    let names: BTreeSet<String> = smfs.iter().map(|smf| smf.names.to_string()).collect();
    let mut shape = protections(weakest(|smf| smf.integrity), weakest(|smf| smf.confidentiality));
    let names =
        if names.is_empty() { "nobody".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(", ") };
    shape.push(("names", Aspect::value(names)));
    shape
}

pub(super) fn level(protection: Protection) -> u8 {
    match protection {
        Protection::Required => 0,
        Protection::Preferred => 1,
        Protection::NotNeeded => 2,
    }
}

pub(super) fn quality(quality: Quality) -> Shape {
    let mut shape = quality_of(quality.five_qi, quality.priority, (quality.uplink, quality.downlink));
    let stays = Aspect::Amount(Some(u64::from(!quality.preemptable)), yes(quality.preemptable).to_owned());
    shape.push(("may be pushed out", stays));
    shape
}

/// Flows with a quality of their own: each range of addresses that packets of one may have.
fn flows(flows: &[open5gs::Flow]) -> Vec<String> {
    let mut all = Vec::new();
    for flow in flows {
        let quality = documents::flow_quality(
            flow.five_qi,
            (flow.priority, flow.preemptable),
            (flow.guaranteed, flow.maximum),
            None,
        );
        match flow.packets() {
            Some(packets) => {
                all.extend(documents::packets(&packets).map(|packets| format!("{packets} as {quality}")));
            }
            None => all.extend(flow.filters.iter().map(|filter| format!("`{filter}` as {quality}"))),
        }
    }
    all
}

/// What all slices share. Sessions are asked for one by one: here is what else there is.
fn functions(core: &open5gs::Core) -> Shape {
    let plmn = core.plmn.as_ref().map_or("none".to_owned(), |(mcc, mnc)| format!("{mcc}-{mnc}"));
    let list = |items: Vec<String>| {
        items.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
    };
    let interfaces = core.interfaces.iter().map(|(gateway, device, address, length)| {
        format!("`{device}` of `{gateway}` with {address}/{length}")
    });
    let pools = core.upfs.iter().flat_map(|upf| {
        upf.subnets.iter().map(|subnet| format!("{} of `{}` by {}", subnet.net, upf.gateway, subnet.gateway))
    });
    vec![
        ("product", Aspect::value("Open5GS")),
        ("PLMN", Aspect::decisive(plmn)),
        ("NRF", Aspect::value(core.repository.clone().unwrap_or_else(|| "none".to_owned()))),
        ("functions find", Aspect::value(list(core.clients.iter().map(|(_, uri)| uri.clone()).collect()))),
        ("AMF", Aspect::value(list(core.radio_side.iter().map(ToString::to_string).collect()))),
        ("interfaces", Aspect::members(interfaces, Verdict::Widened)),
        ("pools", Aspect::members(pools, Verdict::Same)),
    ]
}

/// Sessions of SD-Core: everybody of a slice's device groups has one.
fn groups<'m>(model: &'m CoreModel, core: &'m sdcore::Core, state: &mut State<&'m str>) {
    for slice in &core.slices {
        for group in core.groups.iter().filter(|group| slice.groups.contains(&group.name)) {
            let areas = slice.tracking.iter().map(|area| format!("tracking area {area} to `{}`", slice.upf));
            let mut shape: Shape = vec![
                ("address", Aspect::decisive(format!("any free address of {}", group.pool))),
                ("PLMN", Aspect::decisive(format!("{}-{}", slice.plmn.0, slice.plmn.1))),
                ("from", Aspect::members(areas, Verdict::Widened)),
                ("names", Aspect::value(group.names.to_string())),
            ];
            shape.extend(quality(group.quality));
            let name = slice_name(model, slice.key, &group.data_network);
            for imsi in &group.imsis {
                // several groups of one slice may have it
                let mut name = name.clone();
                while state.sessions.contains_key(&(name.clone(), imsi.as_str())) {
                    name.push_str(", said again");
                }
                state.sessions.insert((name, imsi), shape.clone());
            }
        }
    }
}

/// What the filters of slices let pass, over every protocol, port and address.
fn filters(
    point: &Point<'_>,
    old: Option<&sdcore::Core>,
    new: Option<&sdcore::Core>,
    found: &mut Difference,
) {
    let mut slices: BTreeMap<SliceKey, [Vec<&sdcore::Slice>; 2]> = BTreeMap::new();
    for (which, core) in [old, new].into_iter().enumerate() {
        for slice in core.iter().flat_map(|core| &core.slices) {
            slices.entry(slice.key).or_default()[which].push(slice);
        }
    }
    for (key, sides) in slices {
        let mut regions = Regions::default();
        let mut file = String::new();
        let mut is_readable = true;
        for (is_later, side) in [false, true].into_iter().zip(&sides) {
            for slice in side {
                let Some(rules) = permitted(slice, found) else {
                    is_readable = false;
                    continue;
                };
                slice.file.clone_into(&mut file);
                for rule in rules {
                    let (first, last) = (u128::from(u32::from(rule.first)), u128::from(u32::from(rule.last)));
                    let number = |protocol: u8, port: u16| u128::from(protocol) << 16 | u128::from(port);
                    let services = match rule.protocol {
                        Some(protocol) => (number(protocol, rule.ports.0), number(protocol, rule.ports.1)),
                        None => (0, number(u8::MAX, u16::MAX)),
                    };
                    let terms = Terms {
                        operations: Some(Operations::Words(class(&rule.quality))),
                        ..Terms::default()
                    };
                    regions.add(is_later, "", vec![terms], [(0, 0)], (first, last), services);
                }
            }
        }
        if !is_readable {
            continue;
        }
        let source = format!("devices of {key}");
        let words = Words {
            source: &|_| source.clone(),
            destination: &|number| super::arrivals::address(number, false),
            service: &|number| match number >> 16 {
                6 | 17 => service(number),
                _ => "any protocol".to_owned(),
            },
            place: format!("`{}` (slice {key})", point.root),
            rule: &|_, _| Rule {
                id: String::new(),
                policy: String::new(),
                text: "rules of the slice's filter".into(),
                place: Place { file: format!("{}/{file}", point.root), line: 0, column: 0 },
            },
        };
        if regions.compare(&words, &mut Budgets::default(), found).is_err() {
            unreadable(&format!("the filter of slice {key} in `{}`", point.root), "it is too large", found);
        }
    }
}

fn permitted(slice: &sdcore::Slice, found: &mut Difference) -> Option<Vec<sdcore::Rule>> {
    match slice.permitted() {
        Ok(rules) => Some(rules),
        Err(why) => {
            unreadable(&format!("the filter of `{}`", slice.file), &why, found);
            None
        }
    }
}

fn class(quality: &weir_5g_reader::RuleQuality) -> String {
    let rate = quality.maximum.map(|rate| format!(", up to {}", rate_text(Some(rate))));
    format!("5QI {}, ARP {}{}", quality.five_qi, quality.priority, rate.unwrap_or_default())
}
