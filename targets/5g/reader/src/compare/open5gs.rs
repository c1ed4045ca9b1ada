//! What Open5GS's functions were told.

use std::{collections::BTreeSet, net::IpAddr};

use super::{Comparison, ExpectedFlow, ExpectedSession};
use crate::{
    open5gs::{self, Outcome},
    values::SliceKey,
};

impl Comparison<'_> {
    pub(super) fn open5gs(&mut self, core: &open5gs::Core) {
        let expected = self.expected;
        let keys = || expected.slices.iter().map(|slice| slice.key).collect::<Vec<_>>();
        if core.plmn.as_ref() != Some(&(expected.mcc.clone(), expected.mnc.clone())) {
            self.say("the network is another one");
        }
        self.same_sets("slices of the AMF", keys(), core.slices.clone());
        self.same_sets("slices of the NSSF", keys(), core.instances.clone());
        let areas = self.areas();
        self.same_sets("tracking areas of the AMF", areas, core.tracking.clone());
        self.functions(core);
        self.smfs(core);
        self.user_planes(core);
        self.subscriptions(core);
    }

    /// Functions find the one NRF.
    fn functions(&mut self, core: &open5gs::Core) {
        let Some(repository) = &core.repository else {
            self.say("the settings of the NRF are missing");
            return;
        };
        for (file, uri) in core.clients.iter().filter(|(_, uri)| uri != repository) {
            self.say(format!("{file}: {uri} is not the NRF"));
        }
        let servers: BTreeSet<_> = core.smfs.iter().map(|smf| smf.address).collect();
        if servers.len() != core.smfs.len() {
            self.say("two SMFs are at one address");
        }
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
                    && (slice.integrity, slice.confidentiality) != (smf.integrity, smf.confidentiality)
                {
                    self.say(format!("{} protects `{}` differently", smf.file, slice.name));
                }
                let own = |subnet: &open5gs::Subnet| subnet.gateway == smf.names;
                let asks = slice.is_none_or(|slice| match slice.names {
                    Some(names) => smf.names == names,
                    None => smf.subnets.iter().any(own),
                });
                if !asks {
                    self.say(format!("{} has UEs ask {} for names", smf.file, smf.names));
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
        // what an SMF gives out is what stands behind a UPF
        let pools = |subnets: &[open5gs::Subnet]| {
            let pool = |one: &open5gs::Subnet| (one.net, one.gateway, one.data_network.clone());
            subnets.iter().map(pool).collect::<Vec<_>>()
        };
        let given = core.smfs.iter().flat_map(|smf| pools(&smf.subnets)).collect();
        let behind = core.upfs.iter().flat_map(|upf| pools(&upf.subnets)).collect();
        self.same_sets("pools of SMFs", behind, given);
    }

    fn subnet(&mut self, place: &str, subnet: &open5gs::Subnet, gateway: Option<&str>) {
        let Some(name) = &subnet.data_network else {
            self.say(format!("{place}: {} is for every data network", subnet.net));
            return;
        };
        let slice = self.expected.slices.iter().find(|slice| slice.data_network == *name);
        let fits = slice.is_some_and(|slice| {
            slice.pools.contains(&subnet.net)
                && subnet.net.contains(&subnet.gateway)
                && gateway.is_none_or(|gateway| {
                    slice.gateway == gateway && subnet.device.as_ref() == Some(&slice.device)
                })
        });
        if !fits {
            self.say(format!("{place}: {} for `{name}` is not in the policy", subnet.net));
        }
        let of_a_ue = match subnet.gateway {
            IpAddr::V4(address) => self.addresses.iter().any(|own| own.v4 == Some(address)),
            IpAddr::V6(address) => {
                self.addresses.iter().any(|own| own.v6.is_some_and(|net| net.contains(&address)))
            }
        };
        if of_a_ue {
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
        let places = expected.iter().flat_map(|slice| {
            slice.pools.iter().map(|pool| (slice.gateway.clone(), slice.device.clone(), *pool))
        });
        let expected = places.collect();
        self.same_sets("interfaces of user planes", expected, behind);
        self.same_sets("addresses of interfaces", addresses, core.interfaces.clone());
    }

    fn subscriptions(&mut self, core: &open5gs::Core) {
        if core.ranges_overlap() {
            self.say("two policies have the same SUPI: the first wins");
        }
        let mut granted = 0u64;
        for (first, last) in core.policies.iter().flat_map(|policy| &policy.ranges) {
            granted = granted.saturating_add((last - first).saturating_add(1));
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
                    session.kind(),
                    slice.quality,
                    address,
                    without_periods(session),
                )
            };
            expected.push(what(session.addresses));
            if let Some(policy) = core.policy_of(&session.imsi) {
                let found = policy.slices.iter().find(|one| one.slice == slice.key);
                let fits = found.is_some_and(|one| {
                    (one.is_default, &one.data_network, one.kind, one.quality)
                        == (session.is_default, &slice.data_network, session.kind(), slice.quality)
                        && flows(&one.flows) == Some(without_periods(session))
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
                            && found.addresses == session.addresses
                            && found
                                .behind
                                .iter()
                                .all(|(device, net)| *device == slice.device && slice.pools.contains(net));
                        if !as_expected {
                            self.say(format!(
                                "{} gets {:?} behind {:?} of `{}` for `{}`",
                                session.imsi, found.addresses, found.behind, found.gateway, slice.name
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
            let all = |rate: fn(&crate::Quality) -> u64| {
                subscription.slices.iter().fold(0u64, |sum, (one, _)| sum.saturating_add(rate(&one.quality)))
            };
            let (up, down) = (all(|quality| quality.uplink), all(|quality| quality.downlink));
            // the next rate that the core keeps, where it is no such rate itself
            let fits = |all: u64, given: u64| (all..=all.saturating_add(all / 1000)).contains(&given);
            if !fits(up, subscription.uplink) || !fits(down, subscription.downlink) {
                self.say(format!("all sessions of {} together have another rate", subscription.imsi));
            }
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
                    one.kind,
                    one.quality,
                    *address,
                    flows,
                ));
            }
        }
        self.same_sets("subscriptions", expected, found);
    }
}

/// The core is told of no period.
fn without_periods(session: &ExpectedSession) -> Vec<ExpectedFlow> {
    let mut flows: Vec<ExpectedFlow> =
        session.flows.iter().map(|flow| ExpectedFlow { period: None, ..flow.clone() }).collect();
    flows.sort();
    flows
}

/// Flows as their meaning; nothing, where a filter is not known.
fn flows(flows: &[open5gs::Flow]) -> Option<Vec<ExpectedFlow>> {
    let read = |flow: &open5gs::Flow| {
        flow.packets().map(|filters| ExpectedFlow {
            five_qi: flow.five_qi,
            priority: flow.priority,
            preemptable: flow.preemptable,
            guaranteed: flow.guaranteed,
            maximum: flow.maximum,
            period: None,
            filters,
        })
    };
    let mut found: Vec<ExpectedFlow> = flows.iter().map(read).collect::<Option<_>>()?;
    found.sort();
    Some(found)
}
