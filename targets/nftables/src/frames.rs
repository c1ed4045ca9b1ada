//! Frames that bridges let pass, in normal form: single keys for the hash map, and disjoint ranges of group addresses for
//! the interval map.
//!
//! A profile of frames is a policy, an action and what may stand behind the ethertype. As with connections, it becomes one
//! chain that accepts or returns, and the profiles of a key are tried one after the other.

use std::collections::{BTreeMap, BTreeSet};

use weir_compiler::plan::{BridgePlan, FrameRule, GatewayPlan, Ranges, StatementId};

use crate::error::EmitError;
use crate::layers::MAXIMUM;
use crate::profile::{self, Profile};

/// Ethertypes that are no frames of a layer-2 protocol: IP and ARP are decided by other rules, tags hide what is inside,
/// and below 0x0600 stands a length.
const NOT_FRAMES: [u16; 6] = [0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x9100];
const LOWEST: u16 = 0x0600;

#[derive(Clone, Debug)]
pub(crate) struct FrameProfile {
    pub(crate) profile: Profile,
    pub(crate) frame_ids: Option<Ranges<u16>>,
}

/// Index into [`Frames::profiles`].
pub(crate) type FrameProfileId = u32;

/// What is tried for a key, in order, and the statements that it stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) attempts: BTreeSet<FrameProfileId>,
    pub(crate) statements: BTreeSet<StatementId>,
}

/// Source, ethertype, and the port that the frame goes out by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FrameKey<'a> {
    pub(crate) source: [u8; 6],
    pub(crate) ethertype: u16,
    pub(crate) port: &'a str,
}

#[derive(Debug, Default)]
pub(crate) struct Frames<'a> {
    /// In the order of attempts.
    pub(crate) profiles: Vec<FrameProfile>,
    /// By destination.
    pub(crate) keys: BTreeMap<([u8; 6], FrameKey<'a>), Verdict>,
    /// By disjoint ranges of destinations, as numbers of 48 bits.
    pub(crate) groups: BTreeMap<(FrameKey<'a>, (u64, u64)), Verdict>,
}

impl<'a> Frames<'a> {
    pub(crate) fn build(plan: &'a GatewayPlan) -> Result<Self, EmitError> {
        let mut frames = Self::default();
        let rules = || plan.bridges.iter().flat_map(|bridge| &bridge.frames);
        let mut of_rule = Vec::new();
        for rule in rules() {
            let statement = plan
                .statements
                .get(rule.statement as usize)
                .ok_or(EmitError::UnknownStatement { index: rule.statement })?;
            check(rule, &statement.id)?;
            let profile = Profile { policy: statement.policy.clone(), action: rule.action.clone() };
            of_rule.push(FrameProfile { profile, frame_ids: rule.frame_ids.clone() });
        }
        let mut order: Vec<usize> = (0..of_rule.len()).collect();
        let same = |a: &usize, b: &usize| of_rule[*a].order() == of_rule[*b].order();
        order.sort_by(|a, b| of_rule[*a].order().cmp(&of_rule[*b].order()));
        let mut rank = vec![0; of_rule.len()];
        for one in order.chunk_by(same) {
            for index in one {
                rank[*index] = frames.profiles.len() as FrameProfileId;
            }
            frames.profiles.push(of_rule[one[0]].clone());
        }
        let mut ranges: BTreeMap<FrameKey<'a>, Vec<(u64, u64, FrameProfileId, StatementId)>> =
            BTreeMap::new();
        let mut at = 0;
        for bridge in &plan.bridges {
            for rule in &bridge.frames {
                frames.rule(bridge, rule, rank[at], &mut ranges)?;
                at += 1;
            }
        }
        for (key, ranges) in ranges {
            frames.disjoint(&key, &ranges);
        }
        frames.bounded()?;
        Ok(frames)
    }

    fn bounded(&self) -> Result<(), EmitError> {
        let elements = (self.keys.len() + self.groups.len()) as u64;
        if elements > MAXIMUM {
            return Err(EmitError::TooManyElements { hook: "bridge", elements, maximum: MAXIMUM });
        }
        Ok(())
    }

    fn rule(
        &mut self,
        bridge: &'a BridgePlan,
        rule: &FrameRule,
        profile: FrameProfileId,
        ranges: &mut BTreeMap<FrameKey<'a>, Vec<(u64, u64, FrameProfileId, StatementId)>>,
    ) -> Result<(), EmitError> {
        let port = |index: u32| bridge.ports[index as usize].device.as_str();
        for ethertype in rule.ethertypes.iter().flat_map(|(first, last)| first..=last) {
            for source in &rule.sources {
                // what stays behind one port does not pass the bridge
                for destination in rule.destinations.iter().filter(|other| other.port != source.port) {
                    let key = FrameKey { source: source.mac, ethertype, port: port(destination.port) };
                    let verdict = self.keys.entry((destination.mac, key)).or_default();
                    verdict.attempts.insert(profile);
                    verdict.statements.insert(rule.statement);
                }
                for listener in rule.listeners.iter().filter(|other| **other != source.port) {
                    let key = FrameKey { source: source.mac, ethertype, port: port(*listener) };
                    let list = ranges.entry(key).or_default();
                    list.extend(rule.groups.iter().map(|(a, b)| (a, b, profile, rule.statement)));
                }
            }
            self.bounded()?;
        }
        Ok(())
    }

    /// Cuts ranges along their ends, and joins neighbours that say the same.
    fn disjoint(&mut self, key: &FrameKey<'a>, ranges: &[(u64, u64, FrameProfileId, StatementId)]) {
        let mut cuts: Vec<u64> = ranges.iter().flat_map(|(first, last, ..)| [*first, last + 1]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let mut open: Option<((u64, u64), Verdict)> = None;
        for cut in cuts.windows(2) {
            let (first, last) = (cut[0], cut[1] - 1);
            let mut verdict = Verdict::default();
            for (_, _, profile, statement) in ranges.iter().filter(|(a, b, ..)| *a <= first && last <= *b) {
                verdict.attempts.insert(*profile);
                verdict.statements.insert(*statement);
            }
            match &mut open {
                Some((range, same)) if range.1 + 1 == first && *same == verdict => range.1 = last,
                _ => {
                    if let Some((range, verdict)) = open.take() {
                        self.groups.insert((key.clone(), range), verdict);
                    }
                    open = (!verdict.attempts.is_empty()).then_some(((first, last), verdict));
                }
            }
        }
        if let Some((range, verdict)) = open {
            self.groups.insert((key.clone(), range), verdict);
        }
    }

    /// The sets of attempts that keys need, of more than one.
    pub(crate) fn combined(&self) -> BTreeSet<&BTreeSet<FrameProfileId>> {
        let verdicts = self.keys.values().chain(self.groups.values());
        verdicts.map(|verdict| &verdict.attempts).filter(|attempts| attempts.len() > 1).collect()
    }
}

impl FrameProfile {
    fn order(&self) -> impl Ord + '_ {
        (self.profile.order(), &self.frame_ids)
    }
}

fn check(rule: &FrameRule, statement: &str) -> Result<(), EmitError> {
    profile::check(&rule.action, statement)?;
    let other =
        |first: u16, last: u16| first < LOWEST || NOT_FRAMES.iter().any(|one| (first..=last).contains(one));
    if rule.ethertypes.is_empty() || rule.ethertypes.iter().any(|(first, last)| other(first, last)) {
        return Err(EmitError::UnsupportedFrames { statement: statement.to_owned() });
    }
    Ok(())
}

/// Disjoint rectangles that cover what the given ones cover, in order. The kernel refuses those that overlap.
///
/// Cost: for each stretch between two edges of the first axis, what is in force there.
pub(crate) fn boxes(rectangles: &[(Ranges<u32>, Ranges<u32>)]) -> Vec<((u32, u32), (u32, u32))> {
    let mut edges: Vec<(u64, bool, usize)> = Vec::new();
    for (index, (across, _)) in rectangles.iter().enumerate() {
        for (first, last) in across.iter() {
            edges.push((u64::from(first), true, index));
            edges.push((u64::from(last) + 1, false, index));
        }
    }
    edges.sort_unstable();
    let mut active: BTreeMap<usize, u32> = BTreeMap::new();
    let mut open: Option<((u64, u64), Ranges<u32>)> = None;
    let mut all = Vec::new();
    let mut close = |open: Option<((u64, u64), Ranges<u32>)>| {
        let Some(((first, last), down)) = open else { return };
        // both ends came from 32 bits
        all.extend(down.iter().map(|range| ((first as u32, last as u32), range)));
    };
    for (position, (at, begins, index)) in edges.iter().enumerate() {
        if *begins {
            *active.entry(*index).or_default() += 1;
        } else if let Some(count) = active.get_mut(index) {
            *count -= 1;
            if *count == 0 {
                active.remove(index);
            }
        }
        let Some((next, ..)) = edges.get(position + 1).filter(|(next, ..)| next != at) else { continue };
        let down = active.keys().flat_map(|index| rectangles[*index].1.iter()).collect();
        let down = Ranges::from_unsorted(down);
        match &mut open {
            Some((range, same)) if range.1 + 1 == *at && *same == down => range.1 = next - 1,
            _ => close(open.replace(((*at, next - 1), down))),
        }
    }
    close(open);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(u32, u32)]) -> Ranges<u32> {
        Ranges::from_unsorted(ranges.to_vec())
    }

    #[test]
    fn boxes_cover_the_same_and_do_not_overlap() {
        let given = [
            (set(&[(1, 5), (9, 9)]), set(&[(0, 3)])),
            (set(&[(3, 9)]), set(&[(2, 7)])),
            (set(&[(0, 0), (20, u32::MAX)]), set(&[(u32::MAX, u32::MAX)])),
        ];
        let boxes = boxes(&given);
        for x in (0..30).chain([u32::MAX]) {
            for y in (0..12).chain([u32::MAX]) {
                let covered = given.iter().any(|(a, b)| a.contains(x) && b.contains(y));
                let hits = boxes.iter().filter(|(a, b)| (a.0..=a.1).contains(&x) && (b.0..=b.1).contains(&y));
                assert_eq!(hits.count(), usize::from(covered), "{x} {y}");
            }
        }
    }
}
