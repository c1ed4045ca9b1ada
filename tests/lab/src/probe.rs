//! Knocks at doors, and what the plan and the language say of each.

use std::{collections::BTreeSet, net::SocketAddr, sync::mpsc::Receiver};

use weir_compiler::{
    model::PrincipalKind,
    plan::{Hook, Transport},
};
use weir_reference::{
    Wire,
    gateway::{Packet, decide},
    language::{self, Verdict},
};

use crate::{Lab, Place, package::Package, wires::Host};

#[derive(Clone, Debug)]
pub struct Probe {
    pub from: Host,
    pub to: Host,
    pub wire: Wire,
}

/// How long a refused packet is waited for, and a permitted one.
const REFUSED: u32 = 300;
const PERMITTED: u32 = 4_000;
/// Probes that are under way at once.
const WINDOW: usize = 400;

impl Probe {
    pub fn crosses_a_gateway(&self) -> bool {
        self.from.place != self.to.place
    }

    /// The same the other way.
    fn turned(&self) -> Self {
        Self { from: self.to.clone(), to: self.from.clone(), wire: self.wire }
    }

    /// The statement whose rate bounds it.
    pub fn limited_by(&self, package: &Package) -> Option<String> {
        let facts = &package.facts;
        let (from, to) = (self.from.principal, self.to.principal);
        match language::permits(&facts.model, &facts.statements, from, to, self.wire) {
            Verdict::Permitted(statement) | Verdict::Operations(statement) => {
                statement.conditions.limit.map(|_| statement.id.to_string())
            }
            _ => None,
        }
    }

    /// What the plans of all gateways on the way make of it.
    pub fn passes(&self, package: &Package, lab: &Lab, at: i64) -> bool {
        let planned = |gateway: usize| {
            package.plan.gateways.iter().find(|plan| plan.name == lab.map.plan_name(gateway))
        };
        let packet = Packet {
            hook: Hook::Output,
            arrives_by: None,
            source: self.from.address,
            mac: None,
            destination: self.to.address,
            wire: self.wire,
            at,
        };
        if let Place::Gateway(start) = self.from.place
            && planned(start).is_some_and(|plan| !decide(plan, &packet).accepts())
        {
            return false;
        }
        let mut met = lab.map.walk(self.from.place, self.to.segment);
        if let Place::Gateway(end) = self.to.place
            && !met.iter().any(|(gateway, _)| *gateway == end)
        {
            met.push((end, self.to.segment));
        }
        let own = package.facts.model.principals[self.from.principal as usize].mac;
        for (rank, (gateway, segment)) in met.into_iter().enumerate() {
            let mac = if rank == 0 { own } else { None };
            let ends = self.to.place == Place::Gateway(gateway);
            let hook = if ends { Hook::Input } else { Hook::Forward };
            let packet = Packet { hook, mac, arrives_by: Some(lab.map.device(gateway, segment)), ..packet };
            if planned(gateway).is_some_and(|plan| !decide(plan, &packet).accepts()) {
                return false;
            }
            if ends {
                break;
            }
        }
        true
    }

    /// What the package says, where addresses and ports alone can tell.
    pub fn permitted(&self, package: &Package) -> Option<bool> {
        let facts = &package.facts;
        let principal = |host: &Host| &facts.model.principals[host.principal as usize];
        let (from, to) = (principal(&self.from), principal(&self.to));
        let unclear = [from, to].iter().any(|one| {
            one.kind == PrincipalKind::Workload
                || !one.details.enforces.is_empty() && one.kind != PrincipalKind::Gateway
        });
        // what a proxy passes on goes the long way, and the proxy's own legs are nobody's statement
        let proxies = [from, to].iter().any(|one| one.terminates());
        let verdict = language::permits(
            &facts.model,
            &facts.statements,
            self.from.principal,
            self.to.principal,
            self.wire,
        );
        match verdict {
            _ if unclear || proxies => None,
            Verdict::Operations(_) => None,
            Verdict::Permitted(statement) if statement.conditions.via.is_some() => None,
            verdict => Some(verdict.permits()),
        }
    }

    fn order(&self, expected: bool) -> String {
        let patience = if expected { PERMITTED } else { REFUSED };
        let (from, to) = (self.from.address, self.to.address);
        match self.wire {
            Wire::Tcp(port) => format!("tcp {from} {} {patience}", SocketAddr::new(to, port)),
            Wire::Udp(port) => format!("udp {from} {} {patience}", SocketAddr::new(to, port)),
            _ => format!("echo {from} {to} {patience}"),
        }
    }
}

/// Every port that some rule of the plan opens, and one that none does.
pub fn wires(package: &Package) -> Vec<Wire> {
    let mut all = BTreeSet::from([Wire::Echo, Wire::Tcp(9), Wire::Udp(9)]);
    for range in
        package.plan.gateways.iter().flat_map(|plan| &plan.rules).flat_map(|rule| rule.services.iter())
    {
        for port in [range.first, range.last] {
            match range.transport {
                Transport::Tcp => all.extend([Wire::Tcp(port), Wire::Udp(port)]),
                Transport::Udp => all.extend([Wire::Udp(port), Wire::Tcp(port)]),
                Transport::Sctp | Transport::IcmpEcho => {}
            }
        }
    }
    all.into_iter().collect()
}

/// Every pair of addresses of one family that stands in different namespaces, with every wire; of many pairs a part.
pub fn everywhere(package: &Package, lab: &Lab, at_most: usize) -> Vec<Probe> {
    let hosts = &lab.map.hosts;
    let wires = wires(package);
    let total = hosts.len() * hosts.len() * wires.len();
    // Prime to all lengths, so that the part is of every kind.
    let stride = if total <= at_most { 1 } else { (total / at_most) | 1 };
    (0..total)
        .step_by(stride)
        .map(|index| {
            let (pair, wire) = (index / wires.len(), wires[index % wires.len()]);
            (&hosts[pair / hosts.len()], &hosts[pair % hosts.len()], wire)
        })
        .filter(|(from, to, _)| to.address.is_ipv4() == from.address.is_ipv4())
        .map(|(from, to, wire)| Probe { from: from.clone(), to: to.clone(), wire })
        .filter(Probe::crosses_a_gateway)
        .collect()
}

/// Some sources, destinations and ports of every rule of every gateway, and the neighbours of the ports.
pub fn doors(package: &Package, lab: &Lab) -> Vec<Probe> {
    let mut all = Vec::new();
    let mut known = BTreeSet::new();
    for rule in package.plan.gateways.iter().flat_map(|plan| &plan.rules) {
        let within = |set: &weir_compiler::plan::AddressSet| {
            let inside: Vec<&Host> = lab.map.hosts.iter().filter(|host| set.contains(host.address)).collect();
            let stride = inside.len().div_ceil(3).max(1);
            inside.into_iter().rev().step_by(stride).cloned().collect::<Vec<_>>()
        };
        let (sources, destinations) = (within(&rule.sources), within(&rule.destinations));
        for range in rule.services.iter() {
            let ports =
                [range.first.saturating_sub(1).max(1), range.first, range.last, range.last.saturating_add(1)];
            let wires: Vec<Wire> = match range.transport {
                Transport::Tcp => ports.map(Wire::Tcp).to_vec(),
                Transport::Udp => ports.map(Wire::Udp).to_vec(),
                Transport::Sctp => Vec::new(),
                Transport::IcmpEcho => vec![Wire::Echo],
            };
            for from in &sources {
                for to in destinations.iter().filter(|to| to.address.is_ipv4() == from.address.is_ipv4()) {
                    for wire in &wires {
                        let probe = Probe { from: from.clone(), to: to.clone(), wire: *wire };
                        if probe.crosses_a_gateway() && known.insert((from.address, to.address, *wire)) {
                            all.push(probe.turned());
                            all.push(probe);
                        }
                    }
                }
            }
        }
    }
    all
}

/// Opens the doors that probes knock at.
pub fn listen(lab: &Lab, probes: &[Probe]) {
    let mut doors = BTreeSet::new();
    for probe in probes {
        match probe.wire {
            Wire::Tcp(port) => doors.insert((probe.to.place, format!("listen-tcp {port}"))),
            Wire::Udp(port) => {
                doors.insert((probe.to.place, format!("listen-udp {} {port}", probe.to.address)))
            }
            _ => false,
        };
    }
    for (place, order) in doors {
        assert!(lab.station(place).done(&order), "{place:?}: {order}");
    }
}

/// Knocks everywhere; the probes whose outcome is not the expected one.
pub fn surprises(lab: &Lab, probes: &[(Probe, bool)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |(probe, expected, answer): (&Probe, bool, Receiver<bool>)| {
        let passed = answer.recv().unwrap();
        if passed != expected {
            let does = if passed { "passes" } else { "does not pass" };
            wrong.push(format!("{} -> {} : {:?} {does}", probe.from.address, probe.to.address, probe.wire));
        }
    };
    let mut under_way = std::collections::VecDeque::new();
    for (probe, expected) in probes {
        if under_way.len() >= WINDOW {
            under_way.pop_front().into_iter().for_each(&mut check);
        }
        under_way.push_back((
            probe,
            *expected,
            lab.station(probe.from.place).order(&probe.order(*expected)).1,
        ));
    }
    under_way.into_iter().for_each(check);
    wrong
}
