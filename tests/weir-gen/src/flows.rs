//! The rules of a plant.

use std::collections::HashSet;

use crate::{
    Options, Shape,
    pairs::Pairs,
    plant::{Place, Plant},
    random::Random,
    services::{OPCUA, S7, Service},
    template,
};

/// One side of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Party {
    Device(u32),
    /// The stations of a network, by its place in [`Plant::networks`].
    Network(u32),
    /// The zone of a hall.
    Hall(u32),
    /// The controllers of a hall.
    Controllers(u32),
    Office,
    Everyone,
    Administrators,
    Gateways,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum What {
    Protocol(Service),
    Tcp(u16),
    Udp(u16),
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rule {
    pub(crate) source: Party,
    pub(crate) destination: Party,
    pub(crate) what: What,
    pub(crate) deny: bool,
    /// What stands in its block.
    pub(crate) block: &'static str,
}

impl Rule {
    pub(crate) fn allow(source: Party, destination: Party, what: What) -> Self {
        Self { source, destination, what, deny: false, block: "" }
    }
}

/// Chooses the rules that stand in `policies`, as many as the options say; a template's own count too.
pub(crate) fn choose(options: &Options, plant: &Plant, random: &mut Random) -> Vec<Rule> {
    let inner = if plant.template { template::rules(options, plant) * template::instances(plant) } else { 0 };
    let count = options.rules.max(2).saturating_sub(inner);
    let mut chosen = Chosen { plant, random, seen: HashSet::new(), rules: Vec::new() };
    let management =
        Rule::allow(Party::Administrators, Party::Gateways, What::Protocol(crate::services::SSH));
    chosen.rules.push(Rule { block: "log = true", ..management });
    if options.shape == Shape::Mixed {
        chosen.broad(count);
    }
    let Chosen { seen, mut rules, random, .. } = chosen;
    let mut pairs = Pairs::new(plant, seen);
    while (rules.len() as u32) < count {
        let mut rule = pairs.next(random);
        if options.shape == Shape::Mixed {
            rule.block = match random.below(100) {
                0 => "limit = 50/s",
                1 | 2 => "log = true",
                _ => "",
            };
        }
        rules.push(rule);
    }
    rules
}

struct Chosen<'p> {
    plant: &'p Plant,
    random: &'p mut Random,
    seen: HashSet<Rule>,
    rules: Vec<Rule>,
}

impl Chosen<'_> {
    /// Of 1,000 rules: 80 zone to host, 40 host to zone, 20 zone to zone, 5 everybody to host, 6 denies.
    fn broad(&mut self, count: u32) {
        let share = |of_thousand: u32| (u64::from(count) * u64::from(of_thousand) / 1000) as u32;
        self.some(share(80), Self::zone_to_host);
        self.some(share(40), Self::host_to_zone);
        self.some(share(20), Self::zone_to_zone);
        self.some(share(5), Self::everyone_to_host);
        self.some(share(6), Self::deny);
    }

    /// So many new rules of a kind, or as many as are found.
    fn some(&mut self, count: u32, of: impl Fn(&mut Self) -> Rule) {
        let until = self.rules.len() + count as usize;
        for _ in 0..count * 4 {
            if self.rules.len() >= until {
                return;
            }
            let rule = of(self);
            if self.seen.insert(rule) {
                self.rules.push(rule);
            }
        }
    }

    fn network(&mut self, place: Place) -> u32 {
        let all: Vec<u32> = self.plant.of(place).map(|network| network.index - 1).collect();
        self.random.pick(&all).copied().unwrap_or(0)
    }

    fn hall(&mut self) -> u32 {
        1 + self.random.below(self.plant.halls)
    }

    /// A server that serves halls and offices; the first ones serve everybody instead.
    fn server(&mut self) -> u32 {
        let (infrastructure, others) = servers(self.plant);
        let first = infrastructure.end;
        first + self.random.below(others)
    }

    fn served(&mut self, device: u32) -> What {
        let serves = self.plant.devices[device as usize].serves();
        self.random.pick(&serves).map_or(What::Tcp(443), |service| What::Protocol(*service))
    }

    fn raw(&mut self) -> What {
        const PORTS: &[What] = &[
            What::Udp(161),
            What::Tcp(9100),
            What::Tcp(8443),
            What::Tcp(22),
            What::Udp(514),
            What::Tcp(6000),
        ];
        self.random.pick(PORTS).copied().unwrap_or(What::Udp(161))
    }

    fn zone_to_host(&mut self) -> Rule {
        let source = match self.random.below(20) {
            0..15 => Party::Network(self.network(Place::Cell)),
            15..18 => Party::Hall(self.hall()),
            _ => Party::Office,
        };
        let server = self.server();
        let what = self.served(server);
        Rule::allow(source, Party::Device(server), what)
    }

    fn host_to_zone(&mut self) -> Rule {
        let server = Party::Device(self.server());
        match self.random.below(10) {
            0..5 => {
                let what = What::Protocol(if self.random.per_mille(500) { OPCUA } else { S7 });
                Rule::allow(server, Party::Controllers(self.hall()), what)
            }
            5..9 => Rule::allow(server, Party::Network(self.network(Place::Cell)), self.raw()),
            _ => Rule::allow(server, Party::Hall(self.hall()), self.raw()),
        }
    }

    fn zone_to_zone(&mut self) -> Rule {
        let source = match self.random.below(10) {
            0 => Party::Hall(self.hall()),
            _ => Party::Network(self.network(Place::Cell)),
        };
        Rule::allow(source, Party::Network(self.network(Place::Room)), self.raw())
    }

    fn everyone_to_host(&mut self) -> Rule {
        let (infrastructure, _) = servers(self.plant);
        let server = infrastructure.start + self.random.below(infrastructure.end - infrastructure.start);
        let what = match self.random.below(40) {
            port @ 0..20 => What::Udp(7000 + port as u16),
            port => What::Tcp(7000 + port as u16),
        };
        Rule::allow(Party::Everyone, Party::Device(server), what)
    }

    /// A network of the office keeps away from a cell, one station of a cell from a server.
    fn deny(&mut self) -> Rule {
        let cell = self.network(Place::Cell);
        let (source, destination) = if self.random.per_mille(500) {
            (Party::Network(self.network(Place::Office)), Party::Network(cell))
        } else {
            let stations = self.plant.networks[cell as usize].devices.clone();
            let station = stations.start + self.random.below(stations.end - stations.start);
            (Party::Device(station), Party::Device(self.server()))
        };
        Rule { deny: true, ..Rule::allow(source, destination, What::Any) }
    }
}

/// Servers for everybody, and how many others follow them.
pub(crate) fn servers(plant: &Plant) -> (std::ops::Range<u32>, u32) {
    let mut rooms = plant.of(Place::Room);
    let first = rooms.next().map_or(0, |room| room.devices.start);
    let end = plant.of(Place::Room).last().map_or(0, |room| room.devices.end);
    let infrastructure = ((end - first) / 50).max(1);
    (first..first + infrastructure, (end - first - infrastructure).max(1))
}
