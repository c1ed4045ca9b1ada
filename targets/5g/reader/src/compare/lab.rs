//! What radios and UEs of a lab are told.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use super::{Comparison, ExpectedSession};
use crate::{CoreModel, lab::Radio, values::SliceKey};

impl Comparison<'_> {
    pub(super) fn lab(&mut self, model: &CoreModel) {
        let expected = self.expected;
        let radios = |found: &[Radio]| {
            found.iter().map(|radio| (radio.tracking, radio.slices.clone())).collect::<Vec<_>>()
        };
        let wanted = || expected.radios.iter().map(|radio| (radio.tracking, radio.slices.clone())).collect();
        self.same_sets("radios of UERANSIM", wanted(), radios(&model.lab.ueransim));
        self.same_sets("radios of srsRAN", wanted(), radios(&model.lab.srsran));
        let plmn = format!("{}{}", expected.mcc, expected.mnc);
        for radio in model.lab.ueransim.iter().chain(&model.lab.srsran) {
            let finds_it = model.open5gs.as_ref().is_none_or(|core| core.radio_side.contains(&radio.amf));
            if radio.plmn != plmn || !finds_it {
                self.say(format!("a radio at tracking area {} looks for another core", radio.tracking));
            }
        }
        self.devices(model, &plmn);
    }

    fn devices(&mut self, model: &CoreModel, plmn: &str) {
        let expected = self.expected;
        let mut devices: BTreeMap<&str, Vec<&ExpectedSession>> = BTreeMap::new();
        for session in &expected.sessions {
            devices.entry(&session.imsi).or_default().push(session);
        }
        // UERANSIM's UEs have sessions of IPv4 only
        devices.retain(|_, sessions| sessions.iter().all(|session| session.addresses.v4.is_some()));
        let wanted = devices.into_iter().map(|(imsi, mut sessions)| {
            sessions.sort_by_key(|session| !session.is_default);
            let own = |session: &&ExpectedSession| {
                let slice = &expected.slices[session.slice];
                (slice.key, slice.data_network.clone())
            };
            let key = sessions.first().and_then(|first| first.key.clone()).unwrap_or_default();
            (imsi.to_owned(), key, in_order(sessions.iter().map(own).collect()))
        });
        let found = model.lab.devices.iter();
        let found = found.map(|one| (one.imsi.clone(), one.key.clone(), in_order(one.sessions.clone())));
        self.same_sets("devices of UERANSIM", wanted.collect(), found.collect());
        for device in &model.lab.devices {
            let offers =
                |radio: &&Radio| device.sessions.iter().any(|(slice, _)| radio.slices.contains(slice));
            let near: BTreeSet<Ipv4Addr> =
                model.lab.ueransim.iter().filter(offers).filter_map(|radio| radio.link).collect();
            let searched: BTreeSet<Ipv4Addr> = device.radios.iter().copied().collect();
            if device.plmn != plmn || searched != near {
                self.say(format!("{} looks for other radios", device.imsi));
            }
        }
    }
}

/// Behind the default one, the order says nothing.
fn in_order(mut sessions: Vec<(SliceKey, String)>) -> Vec<(SliceKey, String)> {
    if let Some(rest) = sessions.get_mut(1..) {
        rest.sort();
    }
    sessions
}
