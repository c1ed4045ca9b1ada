//! Observed traffic against the policy: what would be denied, what is permitted and never seen, and who is nobody. The
//! proposal is text for a person to judge; nothing applies it.

mod direction;
mod exceptions;
mod log;
mod propose;

use std::{collections::BTreeMap, net::IpAddr};

use serde::Serialize;
use weir_compiler::{
    flows::{Index, PortSet},
    model::{PrincipalKind, TransportMatch},
    plan::{PortMatch, Ranges, Transport},
};
use weir_syntax::ast::Effect;

use crate::{Subject, access::service, diff::Rule};

pub use exceptions::{Ending, Exceptions, exceptions};
pub use log::{Log, Problem, Record, read};

/// What logs say about a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    pub records: u64,
    pub permitted: u64,
    /// Records of addresses that no principal has.
    pub foreign: u64,
    /// Lines about something else than connections of IP.
    pub skipped: u64,
    /// Records that were turned around: their logs began in the middle of a connection.
    pub turned: u64,
    pub denied: Vec<Denied>,
    /// Rules that no record needs.
    pub unused: Vec<Rule>,
    /// Addresses that no principal has, and how often they were seen.
    pub unknown: Vec<Unknown>,
    /// Private addresses that nobody declares: the plant's `internet` has them, and they are judged as that.
    pub undeclared: Vec<Unknown>,
    /// Lines that were not understood, those that are shown, and how many there are in all.
    pub problems: Vec<Problem>,
    pub not_understood: u64,
    /// Rules that would permit what would be denied, as Weir text. To be judged, not to be applied.
    pub proposal: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Denied {
    pub source: String,
    pub destination: String,
    pub service: String,
    pub records: u64,
    /// Addresses of one record.
    pub example: String,
    /// The `deny` that covers it, where there is one.
    pub deny: Option<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unknown {
    pub address: IpAddr,
    pub records: u64,
}

/// Lines that are shown of those that were not understood.
const SHOWN: usize = 10;

/// Holds logs against a policy.
pub fn audit(subject: &Subject, logs: Vec<Log>) -> Audit {
    let model = subject.model();
    let mut audit = Audit::default();
    let addresses = Addresses::new(subject);
    let index =
        Index::new(model.principals.len(), subject.facts.rectangles.iter().map(|one| &one.destinations));
    let mut near: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut used = vec![false; subject.facts.statements.len()];
    let mut denied: BTreeMap<(u32, u32, PortMatch), (u64, Record)> = BTreeMap::new();
    let mut unknown: BTreeMap<IpAddr, u64> = BTreeMap::new();
    let mut undeclared: BTreeMap<IpAddr, u64> = BTreeMap::new();
    let is_rest = |id: u32| Some(model.principal(id).entity) == model.internet;
    for log in logs {
        audit.not_understood += log.not_understood;
        audit.skipped += log.skipped;
        let room = SHOWN.saturating_sub(audit.problems.len());
        audit.problems.extend(log.problems.into_iter().take(room));
        for record in log.records {
            audit.records += 1;
            let mut permits = |source: u32, destination: u32, port: PortMatch| -> Option<u32> {
                let near = near.entry(destination).or_insert_with(|| {
                    index.overlapping(&Ranges::from_unsorted(vec![(destination, destination)]))
                });
                near.iter().copied().find(|rectangle| {
                    let rectangle = &subject.facts.rectangles[*rectangle as usize];
                    rectangle.sources.contains(source)
                        && rectangle.ports.overlaps(&PortSet::of(&[TransportMatch::Ports(port)]))
                })
            };
            let ends = (addresses.of(record.source), addresses.of(record.destination));
            let (Some(source), Some(destination)) = ends else {
                audit.foreign += 1;
                for (known, address) in [(ends.0, record.source), (ends.1, record.destination)] {
                    if known.is_none() {
                        *unknown.entry(address).or_default() += 1;
                    }
                }
                continue;
            };
            for (id, address) in [(source, record.source), (destination, record.destination)] {
                if is_rest(id) && is_private(address) {
                    *undeclared.entry(address).or_default() += 1;
                }
            }
            let turned = direction::turned(&record, |is_back, port| {
                let (from, to) = if is_back { (destination, source) } else { (source, destination) };
                permits(from, to, port).is_some()
            });
            let (record, source, destination) = match turned {
                Some(turned) => {
                    audit.turned += 1;
                    (turned, destination, source)
                }
                None => (record, source, destination),
            };
            let port = record.port();
            match permits(source, destination, port) {
                Some(rectangle) => {
                    audit.permitted += 1;
                    // others may permit it as well: each of them is in use
                    for other in near.get(&destination).into_iter().flatten() {
                        let other = &subject.facts.rectangles[*other as usize];
                        if other.sources.contains(source)
                            && other.ports.overlaps(&PortSet::of(&[TransportMatch::Ports(port)]))
                        {
                            used[other.statement as usize] = true;
                        }
                    }
                    used[subject.facts.rectangles[rectangle as usize].statement as usize] = true;
                }
                None => denied.entry((source, destination, port)).or_insert_with(|| (0, record)).0 += 1,
            }
        }
    }
    for ((source, destination, port), (records, example)) in &denied {
        let ports = PortSet::of(&[TransportMatch::Ports(*port)]);
        let protocol = propose::protocol_at(subject, *destination, &ports);
        let deny = crate::diff::causes::covering_deny(subject, *source, *destination, &ports);
        audit.denied.push(Denied {
            source: subject.name(*source).into(),
            destination: subject.name(*destination).into(),
            service: service(model, &ports, protocol, None),
            records: *records,
            example: format!("{} -> {} : {}", example.source, example.destination, ports.describe()),
            deny: deny.map(|deny| Rule {
                id: deny.id.to_string(),
                policy: deny.policy.to_string(),
                text: deny.text.to_string(),
                place: subject.place(deny.file, deny.span),
            }),
        });
    }
    audit.denied.sort_by(|a, b| b.records.cmp(&a.records).then_with(|| a.cmp(b)));
    audit.proposal = propose::propose(subject, &denied);
    let unused = subject.facts.statements.iter().zip(&used).enumerate();
    audit.unused = unused
        .filter(|(_, (statement, used))| statement.effect == Effect::Allow && !**used)
        .map(|(index, _)| crate::diff::rule(subject, index as u32))
        .collect();
    audit.unused.sort_by(|a, b| a.place.cmp(&b.place));
    audit.unused.dedup_by(|a, b| a.place == b.place);
    audit.unknown = counted(unknown);
    audit.undeclared = counted(undeclared);
    audit
}

/// The most frequent first.
fn counted(seen: BTreeMap<IpAddr, u64>) -> Vec<Unknown> {
    let mut list: Vec<Unknown> =
        seen.into_iter().map(|(address, records)| Unknown { address, records }).collect();
    list.sort_by(|a, b| b.records.cmp(&a.records).then(a.address.cmp(&b.address)));
    list
}

/// RFC 1918, RFC 6598, RFC 4193, and link-local addresses.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let shared = address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64;
            address.is_private() || address.is_link_local() || shared
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// Whose an address is.
struct Addresses {
    v4: Vec<(u32, u32, u32)>,
    v6: Vec<(u128, u128, u32)>,
}

impl Addresses {
    fn new(subject: &Subject) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (id, principal) in subject.model().principals.iter().enumerate() {
            // people share the addresses of where they work
            if principal.kind == PrincipalKind::Role {
                continue;
            }
            for attachment in &principal.attachments {
                v4.extend(attachment.addresses.v4.iter().map(|(first, last)| (first, last, id as u32)));
                v6.extend(attachment.addresses.v6.iter().map(|(first, last)| (first, last, id as u32)));
            }
        }
        v4.sort_unstable();
        v6.sort_unstable();
        Self { v4, v6 }
    }

    /// Ranges of principals are disjoint, but for pods, which share those of their cluster: the first is taken.
    fn of(&self, address: IpAddr) -> Option<u32> {
        match address {
            IpAddr::V4(address) => at(&self.v4, address.to_bits()),
            IpAddr::V6(address) => at(&self.v6, address.to_bits()),
        }
    }
}

fn at<N: Copy + Ord>(ranges: &[(N, N, u32)], number: N) -> Option<u32> {
    let after = ranges.partition_point(|(first, ..)| *first <= number);
    ranges[..after].iter().rev().take(64).find(|(_, last, _)| number <= *last).map(|(.., id)| *id)
}

impl Record {
    pub(crate) fn port(&self) -> PortMatch {
        let port = if self.transport == Transport::IcmpEcho { 0 } else { self.destination_port };
        PortMatch { transport: self.transport, first: port, last: port }
    }
}
