//! Packets on both sides of every boundary that a model has.

use super::plans::UNTIL;
use weir_nftables_reader::{Attempt, Family, FilterModel, Hook, Packet, device_number};

/// A hardware address as packets have it.
pub(crate) fn mac_number(mac: [u8; 6]) -> u64 {
    mac.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A small generator: the same numbers on every machine.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.next().is_multiple_of(count)
    }

    pub(crate) fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[(self.next() % all.len() as u64) as usize].clone()
    }
}

/// Ends of a range and what lies beside them.
fn ends(range: (u128, u128), last: u128, out: &mut Vec<u128>) {
    out.extend([range.0, range.1]);
    out.extend(range.0.checked_sub(1));
    out.extend(range.1.checked_add(1).filter(|next| *next <= last));
}

fn attempts(model: &FilterModel, hook: Hook, family: Family) -> &[Attempt] {
    match family {
        Family::V4 => &model.hook(hook).v4,
        Family::V6 => &model.hook(hook).v6,
    }
}

/// Random packets whose fields stand at boundaries of the model: half of them inside of some attempt but for one field.
pub(crate) fn at_boundaries(model: &FilterModel, count: usize, seed: u64) -> Vec<Packet> {
    let mut numbers = Numbers(seed);
    let mut packets = Vec::with_capacity(count);
    let mut macs: Vec<Option<u64>> = vec![None, Some(1)];
    let arrivals = &model.arrivals;
    for station in arrivals.stations_v4.iter().chain(&arrivals.stations_v6) {
        macs.push(Some(mac_number(station.mac)));
    }
    let mut devices: Vec<u128> = arrivals
        .v4
        .iter()
        .chain(&arrivals.v6)
        .map(|one| device_number(one.device.as_bytes()).unwrap())
        .collect();
    devices.extend([device_number(b"lo").unwrap(), device_number(b"other0").unwrap()]);
    devices.dedup();
    for _ in 0..count {
        let (mut hook, mut family) = (numbers.pick(&Hook::ALL), numbers.pick(&Family::BOTH));
        let filled: Vec<(Hook, Family)> = Hook::ALL
            .iter()
            .flat_map(|hook| Family::BOTH.map(|family| (*hook, family)))
            .filter(|(hook, family)| !attempts(model, *hook, *family).is_empty())
            .collect();
        if !filled.is_empty() && !numbers.one_in(8) {
            (hook, family) = numbers.pick(&filled);
        }
        let attempts = attempts(model, hook, family);
        let (mut sources, mut destinations, mut ports) = (vec![0, family.last()], vec![0], vec![0_u16, 80]);
        let mut protocols = vec![6, 17];
        let bindings = if family == Family::V4 { &arrivals.v4 } else { &arrivals.v6 };
        if !attempts.is_empty() {
            let one: Attempt = numbers.pick(attempts);
            let other: Attempt = numbers.pick(attempts);
            (sources, destinations, ports, protocols) =
                (Vec::new(), Vec::new(), Vec::new(), vec![one.protocol]);
            ends(numbers.pick(&one.sources), family.last(), &mut sources);
            ends(one.destinations, family.last(), &mut destinations);
            ports.extend([
                one.ports.0,
                one.ports.1,
                one.ports.0.wrapping_sub(1),
                one.ports.1.wrapping_add(1),
            ]);
            if numbers.one_in(2) {
                ends(numbers.pick(&other.sources), family.last(), &mut sources);
                ends(other.destinations, family.last(), &mut destinations);
                ports.extend([other.ports.0, other.ports.1]);
                protocols.extend([other.protocol, 6, 17, 132, 1, 58, 47]);
            }
        }
        let mut device = numbers.pick(&devices);
        if !bindings.is_empty() && !numbers.one_in(8) {
            let binding = numbers.pick(bindings);
            device = device_number(binding.device.as_bytes()).unwrap();
            if numbers.one_in(4) {
                ends(binding.sources, family.last(), &mut sources);
            }
        }
        let mut packet =
            Packet::first(hook, device, family, numbers.pick(&sources), numbers.pick(&destinations));
        let fits: Vec<u128> = bindings
            .iter()
            .filter(|one| one.sources.0 <= packet.source && packet.source <= one.sources.1)
            .map(|one| device_number(one.device.as_bytes()).unwrap())
            .collect();
        if !fits.is_empty() && !numbers.one_in(4) {
            packet.device = numbers.pick(&fits);
        }
        packet.protocol = numbers.pick(&protocols);
        packet.port = numbers.pick(&ports);
        packet.mac = numbers.pick(&macs);
        packet.time = numbers.pick(&[0, 0, UNTIL.cast_unsigned() - 1, UNTIL.cast_unsigned()]);
        packet.exhausted = numbers.one_in(4);
        packets.push(packet);
    }
    packets
}
