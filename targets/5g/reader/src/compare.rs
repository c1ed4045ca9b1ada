//! What the files say against what a policy requires, both ways. Cost: linear in both, but for slices that share rules on
//! overlapping ports.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use ipnet::Ipv4Net;

use crate::{
    CoreModel,
    documents::DocumentSession,
    open5gs::{self, Outcome},
    sdcore,
    values::{Quality, Rate, SliceKey},
};

/// What a policy requires of one core.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    pub mcc: String,
    pub mnc: String,
    pub slices: Vec<ExpectedSlice>,
    pub radios: Vec<ExpectedRadio>,
    pub sessions: Vec<ExpectedSession>,
}

#[derive(Clone, Debug)]
pub struct ExpectedSlice {
    /// As the package names it.
    pub name: String,
    pub key: SliceKey,
    pub data_network: String,
    pub pool: Ipv4Net,
    /// The gateway that is its user plane, as folders name it.
    pub gateway: String,
    pub device: String,
    pub is_shared: bool,
    pub tracking: Vec<u32>,
    pub integrity_required: bool,
    pub confidentiality_required: bool,
    pub quality: Quality,
    /// What any of its UEs may start, where the core itself filters.
    pub permissions: Vec<Permission>,
}

#[derive(Clone, Debug)]
pub struct ExpectedRadio {
    pub tracking: u32,
    /// Sorted.
    pub slices: Vec<SliceKey>,
}

#[derive(Clone, Debug)]
pub struct ExpectedSession {
    pub imsi: String,
    /// Index into the slices.
    pub slice: usize,
    pub address: Ipv4Addr,
    pub is_default: bool,
    /// Where the key is kept.
    pub key: Option<String>,
    /// Sorted.
    pub flows: Vec<ExpectedFlow>,
}

/// A flow with a quality of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpectedFlow {
    pub five_qi: u8,
    pub priority: u8,
    pub guaranteed: Option<Rate>,
    pub maximum: Option<Rate>,
    /// Protocol, whether the far end serves, ports, and the far end's addresses, which neither overlap nor touch.
    pub filters: BTreeSet<(u8, bool, (u16, u16), Vec<(u32, u32)>)>,
}

/// Addresses that UEs may start connections to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    pub first: u32,
    pub last: u32,
    /// 6 or 17.
    pub protocol: u8,
    pub ports: (u16, u16),
}

/// One thing that is not as required.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    pub what: String,
}

/// Every difference. Nothing means that each subscription gets exactly its sessions, each behind the interface that the
/// packet filter knows, and nobody else gets any.
pub fn compare(expected: &Expected, model: &CoreModel) -> Vec<Difference> {
    let addresses = expected.sessions.iter().map(|session| session.address).collect();
    let mut comparison = Comparison { expected, addresses, found: Vec::new() };
    if let Some(core) = &model.open5gs {
        comparison.open5gs(core);
    }
    if let Some(core) = &model.sdcore {
        comparison.sdcore(core);
    }
    comparison.documents(model);
    comparison.found
}

struct Comparison<'e> {
    expected: &'e Expected,
    /// Of all UEs.
    addresses: BTreeSet<Ipv4Addr>,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn say(&mut self, what: impl Into<String>) {
        self.found.push(Difference { what: what.into() });
    }

    fn same_sets<T: Ord + std::fmt::Debug>(&mut self, what: &str, expected: Vec<T>, found: Vec<T>) {
        let sort = |mut list: Vec<T>| {
            list.sort();
            list
        };
        let (expected, found) = (sort(expected), sort(found));
        if expected != found {
            let wrong = found.iter().find(|one| expected.binary_search(one).is_err());
            let lost = expected.iter().find(|one| found.binary_search(one).is_err());
            self.say(match (wrong, lost) {
                (Some(wrong), _) => format!("{what}: {wrong:?} is not in the policy"),
                (None, Some(lost)) => format!("{what}: {lost:?} is missing"),
                (None, None) => format!("{what}: one is there several times"),
            });
        }
    }

    fn areas(&self) -> Vec<u32> {
        let areas: BTreeSet<u32> = self.expected.radios.iter().map(|radio| radio.tracking).collect();
        areas.into_iter().collect()
    }

    fn open5gs(&mut self, core: &open5gs::Core) {
        let expected = self.expected;
        let keys = || expected.slices.iter().map(|slice| slice.key).collect::<Vec<_>>();
        if core.plmn.as_ref() != Some(&(expected.mcc.clone(), expected.mnc.clone())) {
            self.say("the network is another one");
        }
        self.same_sets("slices of the AMF", keys(), core.slices.clone());
        self.same_sets("slices of the NSSF", keys(), core.instances.clone());
        let areas = self.areas();
        self.same_sets("tracking areas of the AMF", areas, core.tracking.clone());
        self.smfs(core);
        self.user_planes(core);
        self.subscriptions(core);
    }

    /// Each slice with its data network is served by one SMF where it is offered, and nothing else by any.
    fn smfs(&mut self, core: &open5gs::Core) {
        let mut served: Vec<(SliceKey, String, u32)> = Vec::new();
        for smf in &core.smfs {
            let Some(info) = &smf.info else {
                self.say(format!("{} serves every slice: it has no `info`", smf.file));
                continue;
            };
            for info in info {
                if info.data_networks.is_empty() || info.tracking.is_empty() {
                    self.say(format!("{} serves {} without a condition", smf.file, info.slice));
                }
                for name in &info.data_networks {
                    served.extend(info.tracking.iter().map(|area| (info.slice, name.clone(), *area)));
                }
                let slice = self.expected.slices.iter().find(|slice| slice.key == info.slice);
                if let Some(slice) = slice
                    && (slice.integrity_required, slice.confidentiality_required)
                        != (smf.integrity_required, smf.confidentiality_required)
                {
                    self.say(format!("{} protects `{}` differently", smf.file, slice.name));
                }
            }
            if smf.upfs.iter().any(|(_, data_network)| data_network.is_none()) {
                self.say(format!("{} takes a UPF for every data network", smf.file));
            }
            for subnet in &smf.subnets {
                self.subnet(&smf.file, subnet, None);
            }
        }
        let expected = self.expected.slices.iter().flat_map(|slice| {
            slice.tracking.iter().map(|area| (slice.key, slice.data_network.clone(), *area))
        });
        let expected = expected.collect();
        self.same_sets("what SMFs serve", expected, served);
    }

    fn subnet(&mut self, place: &str, subnet: &open5gs::Subnet, gateway: Option<&str>) {
        let Some(name) = &subnet.data_network else {
            self.say(format!("{place}: {} is for every data network", subnet.net));
            return;
        };
        let slice = self.expected.slices.iter().find(|slice| slice.data_network == *name);
        let fits = slice.is_some_and(|slice| {
            slice.pool == subnet.net
                && slice.pool.contains(&subnet.gateway)
                && gateway.is_none_or(|gateway| {
                    slice.gateway == gateway && subnet.device.as_ref() == Some(&slice.device)
                })
        });
        if !fits {
            self.say(format!("{place}: {} for `{name}` is not in the policy", subnet.net));
        }
        if self.addresses.contains(&subnet.gateway) {
            self.say(format!("{place}: {} is the address of a UE", subnet.gateway));
        }
    }

    fn user_planes(&mut self, core: &open5gs::Core) {
        let mut behind = Vec::new();
        let mut addresses = Vec::new();
        for upf in &core.upfs {
            for subnet in &upf.subnets {
                self.subnet(&format!("user plane `{}`", upf.gateway), subnet, Some(&upf.gateway));
                let device = subnet.device.clone().unwrap_or_default();
                addresses.push((
                    upf.gateway.clone(),
                    device.clone(),
                    subnet.gateway,
                    subnet.net.prefix_len(),
                ));
                behind.push((upf.gateway.clone(), device, subnet.net));
            }
        }
        let expected = &self.expected.slices;
        let expected =
            expected.iter().map(|slice| (slice.gateway.clone(), slice.device.clone(), slice.pool)).collect();
        self.same_sets("interfaces of user planes", expected, behind);
        self.same_sets("addresses of interfaces", addresses, core.interfaces.clone());
    }

    fn subscriptions(&mut self, core: &open5gs::Core) {
        if core.ranges_overlap() {
            self.say("two policies have the same SUPI: the first wins");
        }
        let mut granted = 0u64;
        for (first, last) in core.policies.iter().flat_map(|policy| &policy.ranges) {
            granted = granted.saturating_add(last - first + 1);
        }
        let subscribers: BTreeSet<&str> =
            self.expected.sessions.iter().map(|session| session.imsi.as_str()).collect();
        if granted != subscribers.len() as u64 {
            self.say(format!("policies are for {granted} SUPIs, and there are {}", subscribers.len()));
        }
        let expected_keys: BTreeSet<(String, Option<String>)> = self
            .expected
            .sessions
            .iter()
            .map(|session| (session.imsi.clone(), session.key.clone()))
            .collect();
        self.same_sets("references to keys", expected_keys.into_iter().collect(), core.keys.clone());
        let mut expected = Vec::new();
        for session in &self.expected.sessions {
            let slice = &self.expected.slices[session.slice];
            let what = |address| {
                (
                    session.imsi.clone(),
                    slice.key,
                    session.is_default,
                    slice.data_network.clone(),
                    slice.quality,
                    address,
                    session.flows.clone(),
                )
            };
            expected.push(what(Some(session.address)));
            if let Some(policy) = core.policy_of(&session.imsi) {
                let found = policy.slices.iter().find(|one| one.slice == slice.key);
                let fits = found.is_some_and(|one| {
                    (one.is_default, &one.data_network, one.quality)
                        == (session.is_default, &slice.data_network, slice.quality)
                        && flows(&one.flows).as_ref() == Some(&session.flows)
                });
                let count = self.expected.sessions_of(&session.imsi);
                if !fits || policy.slices.len() != count {
                    self.say(format!("the policy of {} for `{}` is another one", session.imsi, slice.name));
                }
            }
            for area in &slice.tracking {
                match core.session(&session.imsi, slice.key, &slice.data_network, *area) {
                    Outcome::Session(found) => {
                        let as_expected = found.gateway == slice.gateway
                            && found.device == slice.device
                            && found.subnet == slice.pool
                            && found.address == session.address;
                        if !as_expected {
                            self.say(format!(
                                "{} gets {} behind `{}` of `{}` for `{}`",
                                session.imsi, found.address, found.device, found.gateway, slice.name
                            ));
                        }
                    }
                    Outcome::Refused(why) => {
                        self.say(format!("{} gets no session in `{}`: {why}", session.imsi, slice.name));
                    }
                    Outcome::Ambiguous(why) => {
                        self.say(format!("{} gets any session in `{}`: {why}", session.imsi, slice.name));
                    }
                }
            }
        }
        let mut found = Vec::new();
        for subscription in &core.subscriptions {
            for (one, address) in &subscription.slices {
                let Some(flows) = flows(&one.flows) else {
                    self.say(format!("a filter of {} is not known", subscription.imsi));
                    continue;
                };
                found.push((
                    subscription.imsi.clone(),
                    one.slice,
                    one.is_default,
                    one.data_network.clone(),
                    one.quality,
                    *address,
                    flows,
                ));
            }
        }
        self.same_sets("subscriptions", expected, found);
    }

    fn sdcore(&mut self, core: &sdcore::Core) {
        if !core.ports_at_the_endpoint {
            self.say("filters look for ports at the UE: `spec-compliant-sdf` is not set");
        }
        let expected = self.expected;
        let keys = expected.slices.iter().map(|slice| slice.key).collect();
        self.same_sets("slices", keys, core.slices.iter().map(|slice| slice.key).collect());
        if core.groups.len() != expected.slices.len() {
            self.say("not one device group for each slice");
        }
        for slice in &core.slices {
            let Some((index, wanted)) =
                expected.slices.iter().enumerate().find(|(_, wanted)| wanted.key == slice.key)
            else {
                continue;
            };
            let group = match slice.groups.as_slice() {
                [only] => core.groups.iter().find(|group| group.name == *only),
                _ => None,
            };
            let Some(group) = group else {
                self.say(format!("`{}` has not exactly one device group", wanted.name));
                continue;
            };
            let inside = expected.sessions.iter().filter(|session| session.slice == index);
            let inside = inside.map(|session| session.imsi.clone()).collect();
            self.same_sets(&format!("devices of `{}`", wanted.name), inside, group.imsis.clone());
            let fits = group.data_network == wanted.data_network
                && group.pool == wanted.pool
                && group.quality == wanted.quality
                && slice.upf == wanted.gateway
                && slice.tracking == wanted.tracking
                && slice.plmn == (expected.mcc.clone(), expected.mnc.clone());
            if !fits {
                self.say(format!(
                    "`{}` has another pool, network, quality, place or user plane",
                    wanted.name
                ));
            }
            match slice.permitted() {
                Err(why) => self.say(format!("{}: {why}", slice.file)),
                Ok(rules) => self.rules(wanted, &rules),
            }
        }
    }

    /// Over the whole space of protocols, ports and addresses.
    fn rules(&mut self, slice: &ExpectedSlice, rules: &[sdcore::Rule]) {
        let mut permitted = Vec::new();
        for rule in rules {
            let Some(protocol) = rule.protocol else {
                self.say(format!(
                    "`{}` lets every protocol pass to {}..{}",
                    slice.name, rule.first, rule.last
                ));
                continue;
            };
            permitted.push(Permission {
                first: rule.first.into(),
                last: rule.last.into(),
                protocol,
                ports: rule.ports,
            });
        }
        let (wanted, found) =
            (by_port(&slice.permissions, &permitted), by_port(&permitted, &slice.permissions));
        for ((protocol, port), addresses) in &found {
            let missing = Vec::new();
            let policy = wanted.get(&(*protocol, *port)).unwrap_or(&missing);
            if let Some(address) = outside(addresses, policy) {
                self.say(format!(
                    "`{}` lets pass what no policy permits: {address} : {}/{port}",
                    slice.name,
                    if *protocol == 6 { "tcp" } else { "udp" }
                ));
            }
        }
        for ((protocol, port), addresses) in &wanted {
            let missing = Vec::new();
            let filter = found.get(&(*protocol, *port)).unwrap_or(&missing);
            if let Some(address) = outside(addresses, filter) {
                self.say(format!(
                    "`{}` refuses what a policy permits: {address} : {}/{port}",
                    slice.name,
                    if *protocol == 6 { "tcp" } else { "udp" }
                ));
            }
        }
    }

    fn documents(&mut self, model: &CoreModel) {
        let expected = self.expected;
        let slices = || expected.slices.iter();
        match &model.documents.slices {
            None => self.say("the slices of TS 28.541 are missing"),
            Some(found) => {
                let wanted =
                    slices().map(|slice| (slice.key, slice.data_network.clone(), slice.is_shared)).collect();
                self.same_sets("slices of TS 28.541", wanted, found.clone());
            }
        }
        match &model.documents.sessions {
            None => self.say("the subscriptions of TS 29.503 are missing"),
            Some(found) => {
                let session = |session: &ExpectedSession| {
                    let slice = &expected.slices[session.slice];
                    DocumentSession {
                        imsi: session.imsi.clone(),
                        slice: slice.key,
                        is_default: session.is_default,
                        data_network: slice.data_network.clone(),
                        address: session.address,
                        integrity_required: slice.integrity_required,
                        confidentiality_required: slice.confidentiality_required,
                    }
                };
                let wanted = expected.sessions.iter().map(session).collect();
                self.same_sets("subscriptions of TS 29.503", wanted, found.clone());
            }
        }
        match &model.documents.policies {
            None => self.say("the policies of TS 29.512 are missing"),
            Some(found) => {
                for (name, qualities) in found {
                    let slice = slices().find(|slice| slice.name == *name);
                    if !slice.is_some_and(|slice| qualities.iter().all(|quality| *quality == slice.quality)) {
                        self.say(format!("the policies of TS 29.512 give `{name}` another quality"));
                    }
                }
                let with_devices: BTreeSet<&str> = expected
                    .sessions
                    .iter()
                    .map(|session| expected.slices[session.slice].name.as_str())
                    .collect();
                if with_devices.iter().any(|name| !found.contains_key(*name)) {
                    self.say("a policy of TS 29.512 is missing");
                }
            }
        }
        let radios = || expected.radios.iter().map(|radio| (radio.tracking, radio.slices.clone())).collect();
        self.same_sets("radios of UERANSIM", radios(), model.lab.ueransim.clone());
        self.same_sets("radios of srsRAN", radios(), model.lab.srsran.clone());
        let mut devices: BTreeMap<String, Vec<(SliceKey, String)>> = BTreeMap::new();
        for session in &expected.sessions {
            let slice = &expected.slices[session.slice];
            let of_device = devices.entry(session.imsi.clone()).or_default();
            let place = if session.is_default { 0 } else { of_device.len() };
            of_device.insert(place, (slice.key, slice.data_network.clone()));
        }
        let sort = |(imsi, mut sessions): (String, Vec<(SliceKey, String)>)| {
            // behind the default one, the order says nothing
            if let Some(rest) = sessions.get_mut(1..) {
                rest.sort();
            }
            (imsi, sessions)
        };
        let found = model.lab.devices.iter().cloned().map(sort).collect();
        self.same_sets("devices of UERANSIM", devices.into_iter().map(sort).collect(), found);
    }
}

impl Expected {
    fn sessions_of(&self, imsi: &str) -> usize {
        // sorted by IMSI
        let first = self.sessions.partition_point(|session| session.imsi.as_str() < imsi);
        self.sessions[first..].iter().take_while(|session| session.imsi == imsi).count()
    }
}

/// For each protocol, and each port at which either set changes: the addresses that one set has there.
fn by_port(own: &[Permission], other: &[Permission]) -> BTreeMap<(u8, u16), Vec<(u32, u32)>> {
    let mut cuts: BTreeSet<(u8, u32)> = BTreeSet::new();
    for permission in own.iter().chain(other) {
        cuts.insert((permission.protocol, u32::from(permission.ports.0)));
        cuts.insert((permission.protocol, u32::from(permission.ports.1) + 1));
    }
    let mut found: BTreeMap<(u8, u16), Vec<(u32, u32)>> = BTreeMap::new();
    for permission in own {
        let within = (permission.protocol, u32::from(permission.ports.0))
            ..=(permission.protocol, u32::from(permission.ports.1));
        for (protocol, port) in cuts.range(within) {
            let port = u16::try_from(*port).unwrap_or(u16::MAX);
            found.entry((*protocol, port)).or_default().push((permission.first, permission.last));
        }
    }
    for addresses in found.values_mut() {
        *addresses = merged(std::mem::take(addresses));
    }
    found
}

/// Sorted, disjoint, not adjacent.
pub(crate) fn merged(mut ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    ranges.sort_unstable();
    let mut out: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match out.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = (*end).max(last),
            _ => out.push((first, last)),
        }
    }
    out
}

/// An address of the first set that the second lacks. Both are merged.
fn outside(own: &[(u32, u32)], other: &[(u32, u32)]) -> Option<Ipv4Addr> {
    own.iter().find_map(|(first, last)| {
        let after = other.partition_point(|(start, _)| start <= first);
        let covered = after.checked_sub(1).map(|index| other[index].1).filter(|end| end >= first);
        match covered {
            None => Some(Ipv4Addr::from(*first)),
            Some(end) if end < *last => Some(Ipv4Addr::from(end + 1)),
            Some(_) => None,
        }
    })
}

/// Flows as their meaning; nothing, where a filter is not known.
fn flows(flows: &[open5gs::Flow]) -> Option<Vec<ExpectedFlow>> {
    let mut found: Vec<ExpectedFlow> = flows
        .iter()
        .map(|flow| {
            let mut addresses: BTreeMap<(u8, bool, (u16, u16)), Vec<(u32, u32)>> = BTreeMap::new();
            for text in &flow.filters {
                let (key, range) = filter(text)?;
                addresses.entry(key).or_default().push(range);
            }
            Some(ExpectedFlow {
                five_qi: flow.five_qi,
                priority: flow.priority,
                guaranteed: flow.guaranteed,
                maximum: flow.maximum,
                filters: addresses
                    .into_iter()
                    .map(|((protocol, far, ports), ranges)| (protocol, far, ports, merged(ranges)))
                    .collect(),
            })
        })
        .collect::<Option<_>>()?;
    found.sort();
    Some(found)
}

/// `permit out tcp from 10.20.1.10/32 502 to assigned`.
fn filter(text: &str) -> Option<((u8, bool, (u16, u16)), (u32, u32))> {
    let words: Vec<&str> = text.split(' ').collect();
    let (protocol, net, far, own) = match words.as_slice() {
        ["permit", "out", protocol, "from", net, "to", "assigned"] => (protocol, net, None, None),
        ["permit", "out", protocol, "from", net, ports, "to", "assigned"] => {
            (protocol, net, Some(ports), None)
        }
        ["permit", "out", protocol, "from", net, "to", "assigned", ports] => {
            (protocol, net, None, Some(ports))
        }
        _ => return None,
    };
    let protocol = match *protocol {
        "tcp" => 6,
        "udp" => 17,
        "132" => 132,
        "1" => 1,
        _ => return None,
    };
    let net: Ipv4Net = net.parse().ok()?;
    let range = |text: &str| -> Option<(u16, u16)> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some((first.parse().ok()?, last.parse().ok()?)).filter(|(first, last)| first <= last)
    };
    let key = match (far, own) {
        (Some(ports), _) => (protocol, Some(true), range(ports)?),
        (_, Some(ports)) => (protocol, Some(false), range(ports)?),
        (None, None) => (protocol, None, (0, u16::MAX)),
    };
    // without ports, either end may serve
    let far_serves = key.1.unwrap_or(true);
    Some(((key.0, far_serves, key.2), (net.network().into(), net.broadcast().into())))
}
