//! One packet filter: what its artifact permits against what it has to permit, over every source, destination and
//! service of both address families.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::ControlFlow,
    sync::Arc,
};

use rustc_hash::FxHashMap;
use weir_compiler::plan::{AddressSet, Hook, PortMatch, Transport};
use weir_engine::{Axis, Budget, Method, Range, SetId, Space};
use weir_nftables_reader::{Attempt, FilterModel, Hook as ReadHook};

use crate::{
    finding::{Fault, Finding, Packet},
    specification::{Requirement, Specification},
    terms::{Disagreement, Judge},
};

/// Findings of one kind that are shown for one artifact; there may be millions.
const SHOWN: usize = 8;

/// How a filter was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    pub requirements: u64,
    pub elements: u64,
    /// Combinations of terms that met somewhere.
    pub combinations: u64,
    pub by_diagram: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

/// Compares all hooks and families.
pub(crate) fn compare(
    specification: &Specification,
    requirements: &[Requirement],
    model: &FilterModel,
    artifact: &str,
    budget: Budget,
    findings: &mut Vec<Finding>,
) -> Effort {
    let mut effort = Effort::default();
    let outcomes = model.outcomes.iter().map(|outcome| outcome.steps.clone()).collect();
    let mut judge = Judge::new(&specification.terms, outcomes);
    for (hook, read) in
        [(Hook::Forward, ReadHook::Forward), (Hook::Input, ReadHook::Input), (Hook::Output, ReadHook::Output)]
    {
        let here: Vec<&Requirement> = requirements.iter().filter(|one| one.hook == hook).collect();
        for (family, attempts) in [(Family::V4, &model.hook(read).v4), (Family::V6, &model.hook(read).v6)] {
            let side = Side { hook, family, model, artifact, budget };
            side.compare(&here, attempts, &mut judge, &mut effort, findings);
        }
    }
    effort.combinations = judge.combinations();
    effort
}

struct Side<'s> {
    hook: Hook,
    family: Family,
    model: &'s FilterModel,
    artifact: &'s str,
    budget: Budget,
}

impl Side<'_> {
    fn compare(
        &self,
        requirements: &[&Requirement],
        attempts: &[Attempt],
        judge: &mut Judge<'_>,
        effort: &mut Effort,
        findings: &mut Vec<Finding>,
    ) {
        let mut space = Space::default();
        let mut sources = Known::default();
        let mut destinations = Known::default();
        let mut services: FxHashMap<*const PortMatch, SetId> = FxHashMap::default();
        for requirement in requirements {
            let (from, to) = (self.ranges(&requirement.sources), self.ranges(&requirement.destinations));
            if from == 0 || to == 0 {
                continue;
            }
            let source = sources.set(&mut space.sources, &requirement.sources, self.family);
            let destination =
                destinations.set(&mut space.destinations, &requirement.destinations, self.family);
            let service = *services.entry(requirement.services.as_ptr()).or_insert_with(|| {
                space.services.set(requirement.services.iter().map(|port| self.service(*port)))
            });
            space.rule(source, destination, service, judge.term(requirement.terms));
            effort.requirements += 1;
        }
        let required = space.len();
        let mut classes: FxHashMap<*const Range, SetId> = FxHashMap::default();
        for attempt in attempts {
            let source = *classes
                .entry(attempt.sources.as_ptr())
                .or_insert_with(|| space.sources.set(attempt.sources.iter().copied()));
            let destination = space.destinations.set([attempt.destinations]);
            let number = |port: u16| u128::from(attempt.protocol) << 16 | u128::from(port);
            let service = space.services.set([(number(attempt.ports.0), number(attempt.ports.1))]);
            space.rule(source, destination, service, judge.attempt(attempt.order, attempt.outcome));
        }
        effort.elements += attempts.len() as u64;
        let mut wrong: Vec<(Point, Disagreement)> = Vec::new();
        let method = space.visit(self.budget, |cell| {
            if let Some(disagreement) = judge.judge(cell.labels)
                && wrong.len() < SHOWN
            {
                wrong.push(((cell.source, cell.destination, cell.services.0), disagreement));
            }
            if wrong.len() < SHOWN { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        match method {
            Ok(method) => effort.by_diagram |= method == Method::Diagram,
            Err(exceeded) => {
                findings.push(Finding::new(self.artifact, Fault::Undecided { work: exceeded.work }));
            }
        }
        for (point, disagreement) in wrong {
            let packet = self.packet(point);
            if !self.replayed(&packet, &disagreement, requirements, attempts) {
                let what = format!("the engine and a plain look at the rules disagree about {packet}");
                findings.push(Finding::new(self.artifact, Fault::Forms { what }));
                continue;
            }
            let mut finding = Finding::new(self.artifact, disagreement.fault(packet));
            for rule in space.rules_at(point.0, point.1, point.2) {
                let rule = rule as usize;
                if rule < required {
                    finding.statements.extend(self.nth(requirements, rule));
                } else if let Some(attempt) = attempts.get(rule - required) {
                    finding.places.push(self.model.describe(attempt.place));
                }
            }
            finding.statements.sort_unstable();
            finding.statements.dedup();
            finding.places.dedup();
            findings.push(finding);
        }
    }

    /// Whether a witness is one, without the engine: no packet is shown that both sides treat alike.
    fn replayed(
        &self,
        packet: &Packet,
        disagreement: &Disagreement,
        requirements: &[&Requirement],
        attempts: &[Attempt],
    ) -> bool {
        let wanted = requirements.iter().any(|one| {
            let covers = |port: &PortMatch| match port.transport {
                Transport::IcmpEcho => packet.transport == Some(Transport::IcmpEcho),
                transport => {
                    packet.transport == Some(transport)
                        && port.first <= packet.port
                        && packet.port <= port.last
                }
            };
            one.sources.contains(packet.source)
                && one.destinations.contains(packet.destination)
                && one.services.iter().any(covers)
        });
        let number = |address: IpAddr| match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let (source, destination) = (number(packet.source), number(packet.destination));
        let found = attempts.iter().any(|one| {
            one.protocol == packet.protocol
                && (one.ports.0..=one.ports.1).contains(&packet.port)
                && (one.destinations.0..=one.destinations.1).contains(&destination)
                && one.sources.iter().any(|(first, last)| (*first..=*last).contains(&source))
        });
        match disagreement {
            Disagreement::Excess => found && !wanted,
            Disagreement::Loss => wanted,
            Disagreement::Terms { .. } => wanted && found,
        }
    }

    /// The statement of the n-th requirement that has addresses of this family.
    fn nth(&self, requirements: &[&Requirement], rule: usize) -> Option<u32> {
        let mut here = requirements.iter().filter(|requirement| {
            self.ranges(&requirement.sources) > 0 && self.ranges(&requirement.destinations) > 0
        });
        here.nth(rule).map(|requirement| requirement.statement)
    }

    fn ranges(&self, set: &AddressSet) -> usize {
        match self.family {
            Family::V4 => set.v4.as_slice().len(),
            Family::V6 => set.v6.as_slice().len(),
        }
    }

    /// Protocol and port in one number; ICMP echo requests have type 8 (RFC 792), those of ICMPv6 128 (RFC 4443), code 0.
    fn service(&self, port: PortMatch) -> Range {
        let (protocol, first, last): (u128, u16, u16) = match (port.transport, self.family) {
            (Transport::Tcp, _) => (6, port.first, port.last),
            (Transport::Udp, _) => (17, port.first, port.last),
            (Transport::Sctp, _) => (132, port.first, port.last),
            (Transport::IcmpEcho, Family::V4) => (1, 8 << 8, 8 << 8),
            (Transport::IcmpEcho, Family::V6) => (58, 128 << 8, 128 << 8),
        };
        (protocol << 16 | u128::from(first), protocol << 16 | u128::from(last))
    }

    fn packet(&self, (source, destination, service): Point) -> Packet {
        let address = |number: u128| match self.family {
            Family::V4 => Ipv4Addr::from_bits(number as u32).into(),
            Family::V6 => Ipv6Addr::from_bits(number).into(),
        };
        let (protocol, port) = ((service >> 16) as u8, service as u16);
        let transport = match (protocol, port) {
            (6, _) => Some(Transport::Tcp),
            (17, _) => Some(Transport::Udp),
            (132, _) => Some(Transport::Sctp),
            (1, 0x0800) | (58, 0x8000) => Some(Transport::IcmpEcho),
            _ => None,
        };
        let (source, destination) = (address(source), address(destination));
        Packet { hook: self.hook, source, destination, transport, protocol, port }
    }
}

/// Source, destination and service as the space counts them.
type Point = (u128, u128, u128);

/// Address sets by pointer, for many requirements share them.
#[derive(Default)]
struct Known(FxHashMap<*const AddressSet, SetId>);

impl Known {
    fn set(&mut self, axis: &mut Axis, set: &Arc<AddressSet>, family: Family) -> SetId {
        *self.0.entry(Arc::as_ptr(set)).or_insert_with(|| match family {
            Family::V4 => axis.set(set.v4.iter().map(|(first, last)| (u128::from(first), u128::from(last)))),
            Family::V6 => axis.set(set.v6.iter()),
        })
    }
}
