//! The plant: networks that grow with the devices, about 200 stations and a gateway each.

use std::ops::Range;

use crate::{
    Options, Shape, classes,
    classes::Class,
    random::Random,
    services::{self, Service},
};

/// Devices of one network, and networks of one hall.
const PER_NETWORK: u32 = 200;
const PER_HALL: u32 = 25;
/// Devices start at this host of their network.
const FIRST_HOST: u32 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Cell,
    Room,
    Office,
}

pub(crate) struct Network {
    pub(crate) place: Place,
    /// Counts the networks of its place, from 1.
    pub(crate) number: u32,
    /// Counts all networks, from 1.
    pub(crate) index: u32,
    pub(crate) devices: Range<u32>,
}

pub(crate) struct Device {
    pub(crate) class: &'static Class,
    pub(crate) network: u32,
    pub(crate) host: u32,
    /// Beyond what its class serves.
    pub(crate) extra: Vec<Service>,
    /// Its number in its declaration, and how many that declares.
    pub(crate) element: (u32, u32),
    pub(crate) has_mac: bool,
}

pub(crate) struct Plant {
    pub(crate) networks: Vec<Network>,
    pub(crate) devices: Vec<Device>,
    pub(crate) halls: u32,
    pub(crate) template: bool,
}

impl Plant {
    pub(crate) fn new(options: &Options, random: &mut Random) -> Self {
        let total = options.devices.max(crate::LEAST_DEVICES);
        let twentieth = total / 20;
        let template = options.shape == Shape::Templates;
        let mut plant = Self { networks: Vec::new(), devices: Vec::new(), halls: 0, template };
        let in_cells = total - 2 * twentieth;
        let cells = in_cells.div_ceil(PER_NETWORK).max(2);
        // Instances of a template are alike; what is left over sits in the office.
        let over = if template { in_cells % cells } else { 0 };
        let with_mac = options.shape != Shape::Pairs;
        plant.place(Place::Cell, cells, in_cells - over, with_mac, random);
        plant.place(Place::Room, twentieth.div_ceil(PER_NETWORK), twentieth, with_mac, random);
        plant.place(
            Place::Office,
            (twentieth + over).div_ceil(PER_NETWORK),
            twentieth + over,
            with_mac,
            random,
        );
        plant.halls = cells.div_ceil(PER_HALL);
        plant
    }

    fn place(&mut self, place: Place, networks: u32, count: u32, with_mac: bool, random: &mut Random) {
        for number in 1..=networks {
            let until = |part: u32| (u64::from(count) * u64::from(part) / u64::from(networks)) as u32;
            let devices = until(number) - until(number - 1);
            let start = self.devices.len() as u32;
            let index = self.networks.len() as u32;
            self.fill(place, devices, with_mac, random);
            self.networks.push(Network { place, number, index: index + 1, devices: start..start + devices });
        }
    }

    /// Fills the next network: its classes in turn, by their shares.
    fn fill(&mut self, place: Place, devices: u32, with_mac: bool, random: &mut Random) {
        let network = self.networks.len() as u32;
        let classes = match place {
            Place::Cell => classes::CELL,
            Place::Room => classes::ROOM,
            Place::Office => classes::OFFICE,
        };
        let mut before = 0;
        let mut share = 0;
        for class in classes {
            share += class.share;
            let until = devices * share / 100;
            for number in before..until {
                let in_class = number - before;
                let of_class = until - before;
                let array = if self.template { of_class } else { class.array };
                let first = in_class - in_class % array;
                self.devices.push(Device {
                    class,
                    network,
                    host: FIRST_HOST + number,
                    extra: if class.extends && !self.template { extra(class, random) } else { Vec::new() },
                    element: (in_class - first + 1, array.min(of_class - first)),
                    has_mac: with_mac && class.array == 1 && !self.template && random.per_mille(200),
                });
            }
            before = until;
        }
    }

    pub(crate) fn of(&self, place: Place) -> impl Iterator<Item = &Network> {
        self.networks.iter().filter(move |network| network.place == place)
    }

    pub(crate) fn network(&self, device: u32) -> &Network {
        &self.networks[self.devices[device as usize].network as usize]
    }

    /// The path of a device from the package's root; the path of its module ends before the last dot.
    pub(crate) fn path(&self, id: u32) -> String {
        let device = &self.devices[id as usize];
        let network = self.network(id);
        let (element, count) = device.element;
        let stem = device.class.stem;
        if self.template && network.place == Place::Cell {
            let cell = network.in_hall();
            let array = if count > 1 { format!("[{element}]") } else { String::new() };
            return format!("{}.cell[{cell}].{stem}{array}", network.module());
        }
        let array = if count > 1 { format!("[{element}]") } else { String::new() };
        format!("{}.{}{array}", network.module(), self.declared_name(id))
    }

    /// The name of the declaration that a device comes from.
    pub(crate) fn declared_name(&self, id: u32) -> String {
        let device = &self.devices[id as usize];
        let first = device.host - (device.element.0 - 1);
        format!("{}_{:03}_{first:03}", device.class.stem, self.network(id).number)
    }
}

/// One to three protocols that the class does not have.
fn extra(class: &Class, random: &mut Random) -> Vec<Service> {
    let mut extra = Vec::new();
    for _ in 0..=random.below(3) {
        let service = Service(random.below(services::COUNT) as u8);
        if !class.serves.contains(&service) && !extra.contains(&service) {
            extra.push(service);
        }
    }
    extra
}

impl Device {
    pub(crate) fn serves(&self) -> Vec<Service> {
        self.class.serves.iter().chain(&self.extra).copied().collect()
    }
}

impl Network {
    /// The hall of a cell, from 1.
    pub(crate) fn hall(&self) -> u32 {
        (self.number - 1) / PER_HALL + 1
    }

    /// The number of a cell in its hall, from 1.
    pub(crate) fn in_hall(&self) -> u32 {
        (self.number - 1) % PER_HALL + 1
    }

    /// The name of its module, below `halls` for a cell's.
    pub(crate) fn module(&self) -> String {
        match self.place {
            Place::Cell => format!("hall_{:02}", self.hall()),
            Place::Room => "rooms".into(),
            Place::Office => "offices".into(),
        }
    }

    pub(crate) fn name(&self) -> String {
        match self.place {
            Place::Cell => format!("cell_{:03}", self.number),
            Place::Room => format!("room_{:03}", self.number),
            Place::Office => format!("floor_{:03}", self.number),
        }
    }

    /// The zone's name in its module, or at the root.
    pub(crate) fn zone(&self) -> &'static str {
        match self.place {
            Place::Cell => "process",
            Place::Room => "operations",
            Place::Office => "office",
        }
    }

    /// Its /24.
    pub(crate) fn address(&self, host: u32) -> String {
        let at = self.index - 1;
        format!("10.{}.{}.{host}", 16 + at / 256, at % 256)
    }

    /// Its gateway's address on the backbone.
    pub(crate) fn uplink(&self) -> String {
        let host = self.index + 2;
        format!("10.0.{}.{}", host / 256, host % 256)
    }
}
