//! Subscriptions that get the same, together: by their IMSIs as ranges.

use std::collections::BTreeMap;

use weir_compiler::{
    model::fiveg::PduSessionType,
    plan::{CorePlan, cores::SessionPlan},
};

/// Sessions, but for the address: slice, type and flows, the default one first.
type Shape = Vec<(usize, PduSessionType, Vec<usize>)>;

/// Subscriptions with the same sessions.
pub(crate) struct Profile {
    pub(crate) sessions: Shape,
    /// First and last of each range of adjacent IMSIs of one length.
    pub(crate) imsis: Vec<(String, String)>,
}

/// Every subscription is in exactly one. The order is that of the first IMSI, so that ranges never overlap.
pub(crate) fn profiles(plan: &CorePlan) -> Vec<Profile> {
    let shape = |sessions: &[SessionPlan]| -> Shape {
        sessions.iter().map(|session| (session.slice, session.kind(), session.flows.clone())).collect()
    };
    let mut by_shape: BTreeMap<Shape, Vec<&str>> = BTreeMap::new();
    for subscriber in &plan.subscribers {
        by_shape.entry(shape(&subscriber.sessions)).or_default().push(subscriber.supi.digits());
    }
    let mut profiles: Vec<Profile> =
        by_shape.into_iter().map(|(sessions, imsis)| Profile { sessions, imsis: ranges(&imsis) }).collect();
    profiles.sort_by(|a, b| a.imsis.cmp(&b.imsis));
    profiles
}

/// Adjacent numbers together. What is not a subscription is in no range.
fn ranges(imsis: &[&str]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for imsi in imsis {
        let follows = found.last().is_some_and(|(_, last)| {
            last.len() == imsi.len()
                && last
                    .parse::<u64>()
                    .ok()
                    .zip(imsi.parse::<u64>().ok())
                    .is_some_and(|(last, next)| last + 1 == next)
        });
        match found.last_mut().filter(|_| follows) {
            Some((_, last)) => (*imsi).clone_into(last),
            None => found.push(((*imsi).to_owned(), (*imsi).to_owned())),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #[test]
    fn adjacent_numbers_of_one_length_make_a_range() {
        let range = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        assert_eq!(
            super::ranges(&["99970", "99971", "99973"]),
            [range("99970", "99971"), range("99973", "99973")]
        );
        assert_eq!(super::ranges(&["099", "100", "0101"]), [range("099", "100"), range("0101", "0101")]);
    }
}
