//! What the documents of 3GPP say.

use super::{Comparison, ExpectedSession};
use crate::{
    CoreModel,
    documents::{DocumentPolicy, DocumentSession, DocumentSlice},
};

impl Comparison<'_> {
    pub(super) fn documents(&mut self, model: &CoreModel) {
        let expected = self.expected;
        match &model.documents.slices {
            None => self.say("the slices of TS 28.541 are missing"),
            Some(found) => {
                let wanted = expected.slices.iter().map(|slice| DocumentSlice {
                    id: slice.id.clone(),
                    key: slice.key,
                    plmn: (expected.mcc.clone(), expected.mnc.clone()),
                    data_network: slice.data_network.clone(),
                    is_shared: slice.is_shared,
                    max_ues: slice.max_ues,
                    uplink: slice.quality.uplink,
                    downlink: slice.quality.downlink,
                    filter: slice.filter.clone(),
                });
                self.same_sets("slices of TS 28.541", wanted.collect(), found.clone());
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
                        kind: session.kind(),
                        v4: session.addresses.v4,
                        v6: session.addresses.v6,
                        integrity: slice.integrity,
                        confidentiality: slice.confidentiality,
                        quality: slice.quality,
                    }
                };
                let wanted = expected.sessions.iter().map(session).collect();
                self.same_sets("subscriptions of TS 29.503", wanted, found.clone());
            }
        }
        match &model.documents.policies {
            None => self.say("the policies of TS 29.512 are missing"),
            Some(found) => self.policies(found),
        }
    }

    /// Each session has exactly one policy, and that is its own; no policy is for anybody else.
    fn policies(&mut self, found: &[DocumentPolicy]) {
        let expected = self.expected;
        for policy in found {
            if !expected.slices.iter().any(|slice| slice.name == policy.slice) {
                self.say(format!("the policies of TS 29.512 have a slice `{}`", policy.slice));
            }
        }
        for (index, slice) in expected.slices.iter().enumerate() {
            // by length and number; each with its policy
            let mut ranges: Vec<(usize, &str, &str, &DocumentPolicy)> = found
                .iter()
                .filter(|policy| policy.slice == slice.name)
                .flat_map(|policy| {
                    policy.ranges.iter().map(move |(first, last)| (first.len(), &**first, &**last, policy))
                })
                .collect();
            ranges.sort_unstable_by_key(|(length, first, ..)| (*length, *first));
            if ranges.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[1].1 <= pair[0].2) {
                self.say(format!("two policies of TS 29.512 for `{}` have the same SUPI", slice.name));
            }
            let number = |text: &str| text.parse::<u64>().unwrap_or_default();
            let granted: u64 =
                ranges.iter().map(|(_, first, last, _)| number(last) - number(first) + 1).sum();
            let mut count = 0;
            for session in expected.sessions.iter().filter(|session| session.slice == index) {
                count += 1;
                let own = (session.imsi.len(), session.imsi.as_str());
                let after = ranges.partition_point(|(length, first, ..)| (*length, *first) <= own);
                let policy = after
                    .checked_sub(1)
                    .map(|at| ranges[at])
                    .filter(|(length, _, last, _)| *length == own.0 && own.1 <= *last);
                match policy {
                    None => {
                        self.say(format!("{} has no policy of TS 29.512 in `{}`", session.imsi, slice.name));
                    }
                    Some((_, _, _, policy)) => {
                        if policy.quality != slice.quality || policy.flows != session.flows {
                            self.say(format!(
                                "the policy of TS 29.512 for {} in `{}` is another one",
                                session.imsi, slice.name
                            ));
                        }
                    }
                }
            }
            if granted != count {
                self.say(format!(
                    "policies of TS 29.512 for `{}` are for {granted} SUPIs, and there are {count}",
                    slice.name
                ));
            }
        }
    }
}
