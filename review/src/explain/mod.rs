//! One flow: permitted or denied, by which rules, through which conduits, over which path, and at which line of which
//! artifact.

mod denied;
mod path;
mod text;

use std::{net::IpAddr, sync::Arc};

use serde::Serialize;
use weir_compiler::{
    flows::{Demand, PortSet, Rectangle, conduits_between},
    model::{PrincipalSet, Service},
    plan::{AddressSet, Ranges},
};

use crate::{
    Subject, Terms,
    access::{service, service_of},
    diff::{
        Rule, Witness,
        grants::{Grant, Grants, Work, uncovered},
    },
    naming::sane_port,
    trees::Files,
};

pub use denied::{Denial, Near};
pub use path::{Decision, Leg, Point};
pub use text::text;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// As it was asked.
    pub text: String,
    pub sources: PrincipalSet,
    pub destinations: PrincipalSet,
    pub services: Vec<Service>,
    /// Where the question has addresses: those of its source and of its destination.
    pub addresses: [Option<IpAddr>; 2],
    /// What addresses in the question stand for, in words.
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Permitted,
    /// For some pairs, ports or operations.
    Partly,
    Denied,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub question: String,
    pub answer: Answer,
    pub notes: Vec<String>,
    /// Rules that permit it, or a part of it.
    pub permits: Vec<Permit>,
    /// The parts that are denied, each with an example.
    pub denials: Vec<Denial>,
}

/// A rule, and what becomes of its flows on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Permit {
    pub rule: Rule,
    /// The part of the question that it permits.
    pub sources: String,
    pub destinations: String,
    pub service: String,
    pub terms: String,
    pub witness: Witness,
    /// Conduits that carry it; empty inside of a zone.
    pub conduits: Vec<String>,
    /// The way of the example; one leg, or two by way of a proxy.
    pub legs: Vec<Leg>,
    /// Files that carry the rule.
    pub artifacts: Vec<String>,
}

/// Pieces of one kind that are shown.
const SHOWN: usize = 8;

/// Answers a question. `files` is the package's built tree, where artifacts shall be named.
pub fn explain(subject: &Subject, question: &Question, files: Option<&Files>) -> Explanation {
    let model = subject.model();
    let grants = Grants::of_later(subject, model.principals.len());
    let wanted = wanted(subject, question);
    let mut permits: Vec<Permit> = Vec::new();
    let mut denials: Vec<Denial> = Vec::new();
    let mut any_left = false;
    let mut notes = question.notes.clone();
    let context = path::Context::new(subject, files);
    for want in &wanted {
        let near = grants.near(want);
        for grant in &near {
            let rectangle = &subject.facts.rectangles[grant.rectangle as usize];
            if !overlaps(subject, want, grant) {
                continue;
            }
            let rule = crate::diff::rule(subject, rectangle.statement);
            let terms = Terms::of(subject, grant.rectangle as usize).describe();
            let sources = want.sources.intersection(&grant.sources);
            let destinations = want.destinations.intersection(&grant.destinations);
            let ports = want.ports.intersection(&grant.ports);
            if permits.len() >= SHOWN || permits.iter().any(|permit| permit.rule == rule) {
                continue;
            }
            let pair = crate::diff::preferred(subject, &sources, &destinations);
            let port = sane_port(model, pair.1, &ports);
            let conduits = conduits_between(model, rectangle, pair.0, pair.1).into_iter().flatten();
            let conduits = conduits.filter(|(_, carries)| *carries);
            permits.push(Permit {
                sources: subject.naming().describe(model, &sources),
                destinations: subject.naming().describe(model, &destinations),
                service: if ports == rectangle.ports {
                    service_of(model, rectangle)
                } else {
                    service(model, &ports, rectangle.protocol, rectangle.demand.as_ref())
                },
                terms,
                witness: Witness {
                    source: subject.name(pair.0).into(),
                    destination: subject.name(pair.1).into(),
                    service: port.describe(),
                },
                conduits: conduits.map(|(index, _)| model.conduits[index].name.clone()).collect(),
                legs: context.legs(grant.rectangle, pair, &port),
                artifacts: context.carrying(&rule.id),
                rule,
            });
        }
        let mut work = Work(400_000_000);
        match uncovered(&model.protocols.list, want, &near, &mut work) {
            Ok(left) => {
                any_left |= !left.is_empty();
                let room = SHOWN.saturating_sub(denials.len());
                denials.extend(left.iter().take(room).map(|left| denied::denial(subject, &context, left)));
            }
            Err(_) => {
                any_left = true;
                notes.push("whether all of it is permitted takes too many steps: ask about fewer".into());
            }
        }
    }
    permits.sort_by(|a, b| a.rule.place.cmp(&b.rule.place));
    let answer = match (permits.is_empty(), any_left) {
        (false, false) => Answer::Permitted,
        (false, true) => Answer::Partly,
        (true, _) => Answer::Denied,
    };
    Explanation { question: question.text.clone(), answer, notes, permits, denials }
}

/// Why no packet can be what a question asks for, and what to ask instead: the sides have no family of addresses in
/// common.
pub fn no_packet(subject: &Subject, question: &Question) -> Option<(String, String)> {
    let families = |set: &Ranges<u32>, given: Option<IpAddr>| match given {
        Some(address) => [address.is_ipv4(), address.is_ipv6()],
        None => {
            let mut has = [false, false];
            for id in set.members() {
                let principal = subject.principal(id);
                // people have no address: a proxy knows them
                let is_nowhere = principal.attachments.iter().all(|one| one.addresses.is_empty());
                let any = |fits: fn(&AddressSet) -> bool| {
                    is_nowhere || principal.attachments.iter().any(|one| fits(&one.addresses))
                };
                has[0] |= any(|addresses| !addresses.v4.is_empty());
                has[1] |= any(|addresses| !addresses.v6.is_empty());
                if has == [true, true] {
                    break;
                }
            }
            has
        }
    };
    let [from, to] = question.addresses;
    let sides = [families(&question.sources, from), families(&question.destinations, to)];
    if (sides[0][0] && sides[1][0]) || (sides[0][1] && sides[1][1]) {
        return None;
    }
    let family = |is_v4: bool| if is_v4 { "IPv4" } else { "IPv6" };
    let message =
        format!("no packet has an {} source and an {} destination", family(sides[0][0]), family(sides[1][0]));
    let other = |set: &Ranges<u32>, given: Option<IpAddr>| {
        let id = set.members().next().filter(|_| set.count() == 1)?;
        let all = subject.principal(id).addresses();
        let other = AddressSet {
            v4: if given?.is_ipv4() { Ranges::new() } else { all.v4 },
            v6: if given?.is_ipv6() { Ranges::new() } else { all.v6 },
        };
        Some(format!("`{}` is also {}", subject.name(id), other.first()?))
    };
    let known = other(&question.sources, from).or_else(|| other(&question.destinations, to));
    let help = known.map_or_else(String::new, |known| format!("; {known}"));
    Some((message, format!("ask about two addresses of one family{help}")))
}

/// Everybody who has an address.
pub fn principals_at(subject: &Subject, address: IpAddr) -> Ranges<u32> {
    subject.model().principals_where(|principal| {
        principal.attachments.iter().any(|attachment| attachment.addresses.contains(address))
    })
}

/// What is asked for, as permissions that would grant it: protocols at the ports where they are served.
fn wanted(subject: &Subject, question: &Question) -> Vec<Grant> {
    let model = subject.model();
    let mut wanted: Vec<Grant> = Vec::new();
    let mut push = |destinations: PrincipalSet, ports: PortSet, demand: Option<Demand>| {
        if !destinations.is_empty() && !ports.is_empty() {
            wanted.push(Grant {
                sources: question.sources.clone(),
                destinations,
                ports,
                demand,
                terms: Arc::default(),
                rectangle: 0,
            });
        }
    };
    for asked in &question.services {
        match asked {
            Service::Any => push(question.destinations.clone(), PortSet::any(), None),
            Service::Transport(transport) => {
                push(question.destinations.clone(), PortSet::of(&[*transport]), None);
            }
            Service::Protocol { protocol, operation } => {
                let demand = operation.clone().map(|operation| Demand {
                    protocol: *protocol,
                    only: Some(vec![operation]),
                    except: Vec::new(),
                });
                let mut by_ports: std::collections::BTreeMap<PortSet, Vec<(u32, u32)>> =
                    std::collections::BTreeMap::new();
                for id in question.destinations.members() {
                    let mut ports = PortSet::of(&model.served_at(id, *protocol));
                    if ports.is_empty() {
                        ports = PortSet::of(&model.protocols.get(*protocol).transports);
                    }
                    by_ports.entry(ports).or_default().push((id, id));
                }
                for (ports, ids) in by_ports {
                    push(Arc::new(Ranges::from_unsorted(ids)), ports, demand.clone());
                }
            }
        }
    }
    wanted
}

/// Whether a permission grants anything of what is wanted.
fn overlaps(subject: &Subject, want: &Grant, grant: &Grant) -> bool {
    let (Some(wanted), Some(held)) = (&want.demand, &grant.demand) else { return true };
    if wanted.protocol != held.protocol {
        return true; // another name for what runs there
    }
    let protocol = subject.model().protocols.get(held.protocol);
    wanted
        .only
        .iter()
        .flatten()
        .any(|used| weir_compiler::flows::operations::permitted(protocol, held, used).is_some())
}

/// A rectangle of nothing but what is wanted, for questions that take one.
pub(crate) fn as_rectangle(want: &Grant, protocol: Option<u32>) -> Rectangle {
    Rectangle {
        statement: 0,
        sources: want.sources.clone(),
        destinations: want.destinations.clone(),
        ports: want.ports.clone(),
        protocol: want.demand.as_ref().map(|demand| demand.protocol).or(protocol),
        demand: want.demand.clone(),
    }
}
