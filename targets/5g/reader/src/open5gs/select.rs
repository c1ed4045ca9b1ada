//! How Open5GS chooses, function by function, as its code has it.

use std::{collections::BTreeMap, net::Ipv4Addr};

use ipnet::IpNet;

use super::{Core, Fixed, Smf, Subnet};
use crate::values::{Families, SliceKey};

/// What becomes of a request for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No session, and why.
    Refused(String),
    /// A session, and which one is a matter of chance.
    Ambiguous(String),
    Session(Session),
}

/// Where a session's packets come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The folder of the user plane.
    pub gateway: String,
    /// For each of its families: interface and subnet.
    pub behind: Vec<(String, IpNet)>,
    pub addresses: Fixed,
    pub smf: String,
}

impl Core {
    /// The SMFs that the NRF returns for a slice and data network at a tracking area: more than one is a matter of chance.
    pub fn smfs(&self, slice: SliceKey, data_network: &str, tracking: u32) -> Vec<&Smf> {
        let serves = |smf: &&Smf| {
            smf.info.as_ref().is_none_or(|info| {
                info.iter().any(|info| {
                    // empty lists are no condition
                    info.slice == slice
                        && (info.data_networks.is_empty()
                            || info.data_networks.iter().any(|known| known == data_network))
                        && (info.tracking.is_empty() || info.tracking.contains(&tracking))
                })
            })
        };
        self.smfs.iter().filter(serves).collect()
    }

    /// A subscription asks for a session.
    pub fn session(&self, imsi: &str, slice: SliceKey, data_network: &str, tracking: u32) -> Outcome {
        let refused = |why: String| Outcome::Refused(why);
        let Some(subscription) = self.subscription(imsi) else {
            return refused("no subscription".into());
        };
        let subscribed = subscription
            .slices
            .iter()
            .find(|(known, _)| known.slice == slice && known.data_network == data_network);
        let Some((known, fixed)) = subscribed else {
            return refused(format!("not subscribed to {slice} with `{data_network}`"));
        };
        if !self.tracking.contains(&tracking) {
            return refused(format!("the AMF does not serve tracking area {tracking}"));
        }
        if !self.slices.contains(&slice) {
            return refused(format!("the AMF does not support {slice}"));
        }
        if !self.instances.contains(&slice) {
            return refused(format!("the NSSF has no instance of {slice}"));
        }
        let smf = match self.smfs(slice, data_network, tracking).as_slice() {
            [] => return refused(format!("no SMF serves {slice} with `{data_network}` at {tracking}")),
            [only] => *only,
            several => {
                let files: Vec<&str> = several.iter().map(|smf| smf.file.as_str()).collect();
                return Outcome::Ambiguous(format!("any of {} serves {slice}", files.join(", ")));
            }
        };
        if let Some(refusal) = self.policy(imsi, slice, data_network) {
            return refused(refusal);
        }
        self.user_plane(smf, data_network, known.kind, *fixed)
    }

    /// What the collection `subscribers` has of an IMSI.
    pub fn subscription(&self, imsi: &str) -> Option<&super::Subscription> {
        self.subscriptions.get(*self.index.subscriptions.get(imsi)?)
    }

    /// Whether two policies have the same SUPI.
    pub fn ranges_overlap(&self) -> bool {
        self.index.ranges_overlap
    }

    /// The policy of a subscription: the first whose ranges have it.
    pub fn policy_of(&self, imsi: &str) -> Option<&super::Policy> {
        let number: u64 = imsi.parse().ok()?;
        if self.index.ranges_overlap {
            let has = |range: &(u64, u64)| (range.0..=range.1).contains(&number);
            return self.policies.iter().find(|policy| policy.ranges.iter().any(has));
        }
        let after = self.index.ranges.partition_point(|(first, ..)| *first <= number);
        let (_, last, policy) = self.index.ranges.get(after.checked_sub(1)?)?;
        self.policies.get(*policy).filter(|_| number <= *last)
    }

    /// Why the PCF has nothing for a session; nothing, where it has.
    fn policy(&self, imsi: &str, slice: SliceKey, data_network: &str) -> Option<String> {
        let Some(policy) = self.policy_of(imsi) else {
            return Some("the PCF has no policy for the SUPI, and ends".into());
        };
        let known = policy.slices.iter().any(|one| one.slice == slice && one.data_network == data_network);
        (!known).then(|| format!("the first policy with the SUPI has no {slice} with `{data_network}`"))
    }

    fn user_plane(&self, smf: &Smf, data_network: &str, kind: Families, fixed: Fixed) -> Outcome {
        let named: Vec<Ipv4Addr> = smf
            .upfs
            .iter()
            .filter(|(_, own)| own.as_deref() == Some(data_network))
            .map(|(address, _)| *address)
            .collect();
        let address = match (named.as_slice(), smf.upfs.as_slice()) {
            ([only], _) => *only,
            ([], [(only, None)]) => *only,
            // round robin over those that are named for it, or over all
            _ => return Outcome::Ambiguous(format!("{} takes its UPFs in turn", smf.file)),
        };
        let mut at = self.upfs.iter().filter(|upf| upf.addresses.contains(&address));
        let (Some(upf), None) = (at.next(), at.next()) else {
            return Outcome::Ambiguous(format!("not exactly one UPF is at {address}"));
        };
        let first = |subnets: &[Subnet], v4: bool| {
            let fits = |subnet: &&Subnet| {
                subnet.data_network.as_deref().is_none_or(|own| own == data_network)
                    && matches!(subnet.net, IpNet::V4(_)) == v4
            };
            subnets.iter().find(fits).cloned()
        };
        let mut behind = Vec::new();
        for (wanted, v4, given) in [(kind.v4, true, fixed.v4.is_some()), (kind.v6, false, fixed.v6.is_some())]
        {
            if !wanted {
                continue;
            }
            let Some(pool) = first(&smf.subnets, v4) else {
                return Outcome::Refused(format!("{} has no subnet for `{data_network}`", smf.file));
            };
            let Some(subnet) = first(&upf.subnets, v4) else {
                return Outcome::Refused(format!("`{}` has no subnet for `{data_network}`", upf.gateway));
            };
            if !given {
                return Outcome::Ambiguous(format!("any free address of {}", pool.net));
            }
            behind.push((subnet.device.unwrap_or_else(|| "ogstun".to_owned()), subnet.net));
        }
        // a fixed address is taken as it is, whatever the pool; one of a family that the session lacks is not
        let addresses = Fixed { v4: fixed.v4.filter(|_| kind.v4), v6: fixed.v6.filter(|_| kind.v6) };
        Outcome::Session(Session { gateway: upf.gateway.clone(), behind, addresses, smf: smf.file.clone() })
    }

    /// IMSIs whose packets a user plane sends straight to each other, by gateway and subnet.
    pub fn hairpins(&self, sessions: &[(String, Session)]) -> Vec<(String, IpNet, Vec<String>)> {
        let mut groups: BTreeMap<(&str, IpNet), Vec<String>> = BTreeMap::new();
        for (imsi, session) in sessions {
            for (_, subnet) in &session.behind {
                groups.entry((&session.gateway, *subnet)).or_default().push(imsi.clone());
            }
        }
        let several = groups.into_iter().filter(|(_, members)| members.len() > 1);
        several.map(|((gateway, subnet), members)| (gateway.to_owned(), subnet, members)).collect()
    }
}
