//! Host-to-host rules that say nothing that another rule says.

use std::{collections::HashSet, ops::Range};

use crate::{
    flows::{Party, Rule, What, servers},
    plant::{Place, Plant},
    random::Random,
};

pub(crate) struct Pairs<'p> {
    plant: &'p Plant,
    seen: HashSet<Rule>,
    cells: Range<u32>,
    servers: Range<u32>,
    desks: Range<u32>,
}

impl<'p> Pairs<'p> {
    /// `seen` are the rules that there are already.
    pub(crate) fn new(plant: &'p Plant, seen: HashSet<Rule>) -> Self {
        let range = |place| {
            let start = plant.of(place).next().map_or(0, |network| network.devices.start);
            start..plant.of(place).last().map_or(0, |network| network.devices.end)
        };
        let (infrastructure, others) = servers(plant);
        let servers = infrastructure.end..infrastructure.end + others;
        Self { plant, seen, cells: range(Place::Cell), servers, desks: range(Place::Office) }
    }

    pub(crate) fn next(&mut self, random: &mut Random) -> Rule {
        loop {
            let (source, destination) = self.ends(random);
            let serves = self.plant.devices[destination as usize].serves();
            let known = random.pick(&serves).map(|service| What::Protocol(*service));
            // In a small plant with many rules the pairs run out; ports do not.
            let other = What::Tcp(30_000 + random.below(20_000) as u16);
            for what in known.into_iter().chain([other]) {
                let rule = Rule::allow(Party::Device(source), Party::Device(destination), what);
                if !self.is_covered(source, destination, what) && self.seen.insert(rule) {
                    return rule;
                }
            }
        }
    }

    /// Half of all pairs are servers that ask cells; then cell to cell, cell to server, desk to server.
    fn ends(&self, random: &mut Random) -> (u32, u32) {
        let mut one = |of: &Range<u32>| of.start + random.below(of.end - of.start);
        let (cell, server, desk) = (one(&self.cells), one(&self.servers), one(&self.desks));
        match random.below(20) {
            0..10 => (server, cell),
            10..15 => (cell, self.neighbour(cell, random)),
            15..18 => (cell, server),
            _ => (desk, server),
        }
    }

    /// A device in another cell of the same hall, or of the next one.
    fn neighbour(&self, device: u32, random: &mut Random) -> u32 {
        let own = self.plant.network(device);
        let cells: Vec<Range<u32>> = self
            .plant
            .of(Place::Cell)
            .skip((own.hall() as usize - 1) * 25)
            .take(26)
            .filter(|other| other.index != own.index)
            .map(|other| other.devices.clone())
            .collect();
        let cell = random.pick(&cells).cloned().unwrap_or(self.servers.clone());
        cell.start + random.below(cell.end - cell.start)
    }

    /// Whether another rule decides it.
    fn is_covered(&self, source: u32, destination: u32, what: What) -> bool {
        let around = |device: u32| {
            let network = self.plant.network(device);
            let zone = match network.place {
                Place::Cell => Some(Party::Hall(network.hall())),
                Place::Office => Some(Party::Office),
                Place::Room => None,
            };
            [Some(Party::Network(network.index - 1)), zone].into_iter().flatten()
        };
        let says = |source, destination| self.seen.contains(&Rule::allow(source, destination, what));
        let network = self.plant.network(destination);
        let denied =
            Rule { deny: true, ..Rule::allow(Party::Device(source), Party::Device(destination), What::Any) };
        if self.seen.contains(&denied) {
            return true;
        }
        around(source).any(|zone| says(zone, Party::Device(destination)))
            || (network.place == Place::Cell
                && says(Party::Device(source), Party::Controllers(network.hall())))
    }
}
