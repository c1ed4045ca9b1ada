//! What SD-Core's configuration service was told.

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    Comparison, ExpectedSlice, Permission, RuleQuality,
    ranges::{by_port, merged, outside},
};
use crate::{Quality, sdcore};

impl Comparison<'_> {
    pub(super) fn sdcore(&mut self, core: &sdcore::Core) {
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
                && wanted.pools == [group.pool.into()]
                && match (wanted.names, group.names) {
                    (Some(wanted), found) => wanted == found,
                    (None, IpAddr::V4(found)) => {
                        group.pool.contains(&found) && !self.addresses.iter().any(|own| own.v4 == Some(found))
                    }
                    (None, IpAddr::V6(_)) => false,
                }
                && group.quality == Quality { preemptable: false, ..wanted.quality }
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
                quality: rule.quality,
            });
        }
        self.qualities(slice, &permitted);
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

    /// Each rule gives packets what a flow of the policy, or else the slice, gives them there.
    fn qualities(&mut self, slice: &ExpectedSlice, rules: &[Permission]) {
        type Key = (u8, (u16, u16), RuleQuality);
        let key = |one: &Permission| -> Key { (one.protocol, one.ports, one.quality) };
        let mut wanted: BTreeMap<Key, Vec<(u32, u32)>> = BTreeMap::new();
        for permission in &slice.permissions {
            wanted.entry(key(permission)).or_default().push((permission.first, permission.last));
        }
        for ranges in wanted.values_mut() {
            *ranges = merged(std::mem::take(ranges), |last| last.checked_add(1));
        }
        for rule in rules {
            let given = wanted.get(&key(rule)).map_or(&[][..], Vec::as_slice);
            if outside(&[(rule.first, rule.last)], given).is_some() {
                self.say(format!("a rule of `{}` gives packets another quality than the policy", slice.name));
            }
        }
    }
}
