//! What the package requires of a core: from the model, the topology and the legs, and from no plan of a core.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::{IpNet, Ipv6Net};
use weir_5g_reader::{
    Expected, ExpectedRadio, ExpectedSession, ExpectedSlice, Protection, Quality, SliceKey, open5gs::Fixed,
};
use weir_compiler::{
    Facts,
    model::{
        Key,
        fiveg::{self, Slice},
    },
    plan::{AddressSet, Plan, Ranges},
};
use weir_targets::file_name;

use super::{flows, isolation};

/// The devices of each slice of a core.
pub(super) struct Members {
    /// Slices of the package, in the order of the text, with their devices.
    pub(super) of: Vec<(usize, Ranges<u32>)>,
    pub(super) everybody: Ranges<u32>,
}

/// What is required of a core, and the principal of each session.
pub(super) fn derive(facts: &Facts, plan: &Plan, index: usize) -> (Expected, Vec<u32>) {
    let (model, mobile) = (&facts.model, &facts.model.mobile);
    let core = &mobile.cores[index];
    let members = members(facts, index);
    let filters = core.capabilities().is_some_and(|known| known.flows_are_filters);
    let mut expected = Expected {
        mcc: core.plmn.mcc.to_string(),
        mnc: core.plmn.mnc.to_string(),
        slices: members.of.iter().map(|(slice, _)| of_slice(facts, &mobile.slices[*slice])).collect(),
        ..Expected::default()
    };
    for (number, radio) in mobile.radios.iter().enumerate().filter(|(_, radio)| radio.core == index) {
        let slices = members.of.iter().map(|(slice, _)| &mobile.slices[*slice]);
        let mut slices: Vec<SliceKey> =
            slices.filter(|slice| slice.area.contains(&number)).map(key).collect();
        slices.sort_unstable();
        expected.radios.push(ExpectedRadio { tracking: radio.tac, slices });
    }
    let ways = flows::ways(facts, plan, &members, filters, &mut expected);
    let place: BTreeMap<usize, usize> =
        members.of.iter().enumerate().map(|(at, (slice, _))| (*slice, at)).collect();
    let mut sessions: Vec<(ExpectedSession, u32)> = Vec::new();
    for subscriber in mobile.subscribers.iter().filter(|one| one.core == index) {
        let principal = model.principal(subscriber.principal);
        for (position, session) in subscriber.sessions.iter().enumerate() {
            let Some(slice) = place.get(&session.slice).copied() else { continue };
            let segment = mobile.slices[session.slice].segment;
            // by what the packet filters know the device
            let Some(attachment) = principal.attachments.iter().find(|at| at.segment == segment) else {
                continue;
            };
            let key = match &subscriber.key {
                Some(Key::Reference(reference)) => Some(reference.to_string()),
                _ => None,
            };
            let flows = ways.get(&(subscriber.principal, slice)).cloned().unwrap_or_default();
            let session = ExpectedSession {
                imsi: subscriber.supi.digits().to_owned(),
                slice,
                addresses: fixed(&attachment.addresses),
                is_default: position == 0,
                key,
                flows,
            };
            sessions.push((session, subscriber.principal));
        }
    }
    sessions.sort_by(|(a, _), (b, _)| (&a.imsi, a.slice).cmp(&(&b.imsi, b.slice)));
    let (sessions, principals) = sessions.into_iter().unzip();
    expected.sessions = sessions;
    expected.isolation = isolation::derive(facts, plan, core, &members, &expected.slices);
    (expected, principals)
}

fn members(facts: &Facts, core: usize) -> Members {
    let mobile = &facts.model.mobile;
    let own = (0..mobile.slices.len()).filter(|slice| mobile.slices[*slice].core == core);
    let mut of: BTreeMap<usize, BTreeSet<u32>> = own.map(|slice| (slice, BTreeSet::new())).collect();
    for subscriber in &mobile.subscribers {
        for session in &subscriber.sessions {
            if let Some(devices) = of.get_mut(&session.slice) {
                devices.insert(subscriber.principal);
            }
        }
    }
    let of: Vec<(usize, Ranges<u32>)> =
        of.into_iter().map(|(slice, devices)| (slice, devices.into_iter().collect())).collect();
    let everybody = Ranges::from_unsorted(of.iter().flat_map(|(_, devices)| devices.iter()).collect());
    Members { of, everybody }
}

/// An address, and 64 bits, that stand for a device in a slice. More than these would be another device's as well.
fn fixed(addresses: &AddressSet) -> Fixed {
    let v4 = addresses.v4.iter().next().filter(|(first, last)| first == last);
    let v6 = addresses.v6.iter().next();
    let whole = |(first, last): &(u128, u128)| last - first == u128::from(u64::MAX);
    Fixed {
        v4: v4.map(|(first, _)| first.into()),
        v6: v6.filter(whole).and_then(|(first, _)| Ipv6Net::new(first.into(), 64).ok()),
    }
}

fn key(slice: &Slice) -> SliceKey {
    SliceKey::new(slice.snssai.sst, slice.snssai.sd())
}

fn protection(given: fiveg::Protection) -> Protection {
    match given {
        fiveg::Protection::Required => Protection::Required,
        fiveg::Protection::Preferred => Protection::Preferred,
        fiveg::Protection::NotNeeded => Protection::NotNeeded,
    }
}

fn of_slice(facts: &Facts, slice: &Slice) -> ExpectedSlice {
    let (model, mobile) = (&facts.model, &facts.model.mobile);
    let plane = model.gateway(slice.user_plane);
    let device = plane.interfaces.iter().find(|one| one.segment == slice.segment);
    let mut tracking: Vec<u32> = slice.area.iter().map(|radio| mobile.radios[*radio].tac).collect();
    tracking.sort_unstable();
    tracking.dedup();
    let mut pools: Vec<IpNet> = model.segment(slice.segment).prefixes.iter().map(IpNet::trunc).collect();
    pools.sort_unstable();
    ExpectedSlice {
        name: slice.name.clone(),
        id: file_name(&slice.name),
        key: key(slice),
        data_network: slice.dnn.to_string(),
        pools,
        gateway: file_name(&plane.name),
        device: device.map(|one| one.device.to_string()).unwrap_or_default(),
        is_shared: !slice.dedicated,
        tracking,
        integrity: protection(slice.security.integrity),
        confidentiality: protection(slice.security.confidentiality),
        quality: Quality {
            five_qi: slice.quality.five_qi,
            priority: slice.quality.arp.priority,
            preemptable: slice.quality.arp.preemptable,
            uplink: slice.quality.session.uplink.0,
            downlink: slice.quality.session.downlink.0,
        },
        max_ues: slice.max_ues,
        names: slice.dns,
        filter: plane.filters().then(|| (plane.name.clone(), Vec::new())),
        permissions: Vec::new(),
    }
}
