//! Packets that could tell two rulesets apart: at the boundaries of both, of new and of known connections.

use weir_nftables_reader::{
    Attempt, ESTABLISHED, Family, FilterModel, Hook, INVALID, Judgement, NEW, Packet, RELATED, Ruleset,
    UNTRACKED, device_number,
};

/// Packets that are tried for each pair of rulesets.
const TRIED: usize = 6_000;

/// SplitMix64: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.below(all.len())).cloned()
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// A packet that one of two texts accepts and the other does not, described; nothing, if none was found or one of them
/// cannot be read.
pub fn difference(original: &str, mutant: &str) -> Option<String> {
    let read = |text: &str| Ruleset::default().apply("ruleset", text.as_bytes()).ok();
    let (one, other) = (read(original)?, read(mutant)?);
    let (model, changed) = (one.model().ok()?, other.model().ok()?);
    let mut random = Random(mutant.len() as u64);
    (0..TRIED).find_map(|_| {
        let from = if random.once_in(2) { &model } else { &changed };
        let packet = packet(&mut random, from, [&model, &changed])?;
        let (a, b) = (one.judge(&packet), other.judge(&packet));
        let led = |one: &Judgement| (one.connection_mark, one.redirected);
        let differ = a.accepted != b.accepted || (a.accepted && led(&a) != led(&b));
        differ.then(|| format!("{packet:?}: {a:?} and {b:?}"))
    })
}

fn around((first, last): (u128, u128), highest: u128, random: &mut Random) -> u128 {
    match random.below(8) {
        0 => first.saturating_sub(1),
        1 => last.saturating_add(1).min(highest),
        2..=4 => first,
        _ => last,
    }
}

fn packet(random: &mut Random, from: &FilterModel, both: [&FilterModel; 2]) -> Option<Packet> {
    let hook = random.pick(&Hook::ALL)?;
    let family = random.pick(&[Family::V4, Family::V4, Family::V6])?;
    let attempts: &[Attempt] = match family {
        Family::V4 => &from.hook(hook).v4,
        Family::V6 => &from.hook(hook).v6,
    };
    let mut devices: Vec<u128> = Vec::new();
    let mut macs: Vec<Option<u64>> = vec![None, Some(1)];
    for model in both {
        let arrivals = &model.arrivals;
        let bindings = arrivals.v4.iter().chain(&arrivals.v6);
        devices.extend(bindings.filter_map(|binding| device_number(binding.device.as_bytes())));
        for station in arrivals.stations_v4.iter().chain(&arrivals.stations_v6) {
            let [a, b, c, d, e, f] = station.mac;
            macs.push(Some(u64::from_be_bytes([0, 0, a, b, c, d, e, f])));
        }
    }
    devices.extend(device_number(b"lo"));
    devices.extend(device_number(b"other0"));
    devices.dedup();
    let (mut source, mut destination) = (family.last() / 2, family.last() / 3);
    let (mut protocol, mut port) = (6_u8, 80_u16);
    if let Some(attempt) = random.pick(attempts) {
        source = around(random.pick(&attempt.sources)?, family.last(), random);
        destination = around(attempt.destinations, family.last(), random);
        protocol = attempt.protocol;
        let ports = (u128::from(attempt.ports.0), u128::from(attempt.ports.1));
        port = u16::try_from(around(ports, u128::from(u16::MAX), random)).ok()?;
    }
    if random.once_in(8) {
        protocol = random.pick(&[6, 17, 132, 1, 58, 47])?;
    }
    if let Some(other) = random.pick(attempts).filter(|_| random.once_in(4)) {
        source = around(random.pick(&other.sources)?, family.last(), random);
    }
    let mut device = random.pick(&devices)?;
    let bindings = if family == Family::V4 { &from.arrivals.v4 } else { &from.arrivals.v6 };
    if random.once_in(6)
        && let Some(binding) = random.pick(bindings)
    {
        source = around(binding.sources, family.last(), random);
    }
    let fits = bindings.iter().find(|one| one.sources.0 <= source && source <= one.sources.1);
    if let Some(fits) = fits.filter(|_| !random.once_in(6)) {
        device = device_number(fits.device.as_bytes())?;
    }
    // what the host takes for others would have been forwarded, and comes in under the destination that it had
    let redirects = from.redirects.iter().filter(|one| one.family == family);
    let redirects: Vec<_> = redirects.collect();
    let taken = random.pick(&redirects).filter(|_| hook != Hook::Output && random.once_in(2));
    if let Some(taken) = taken {
        (source, destination) = (around(taken.sources, family.last(), random), taken.destination);
        (protocol, port) = (6, taken.port);
        let bound = bindings.iter().find(|one| one.sources.0 <= source && source <= one.sources.1);
        device = bound.and_then(|bound| device_number(bound.device.as_bytes())).unwrap_or(device);
    }
    let mut packet = Packet::first(hook, device, family, source, destination);
    if let Some(taken) = taken.filter(|_| hook == Hook::Input) {
        packet.redirected = Some(random.pick(&[taken.to, taken.to + 1])?);
    }
    packet.protocol = protocol;
    packet.port = port;
    packet.mac = random.pick(&macs)?;
    let station = from.arrivals.stations_v4.iter().find(|one| family == Family::V4 && one.address == source);
    if let Some(station) = station.filter(|_| !random.once_in(4)) {
        let [a, b, c, d, e, f] = station.mac;
        packet.mac = Some(u64::from_be_bytes([0, 0, a, b, c, d, e, f]));
    }
    packet.exhausted = random.once_in(4);
    let ends = both.iter().flat_map(|model| &model.outcomes).flat_map(|outcome| &outcome.steps);
    let mut times: Vec<u64> = ends.filter_map(|step| step.until?.try_into().ok()).collect();
    times.extend(times.clone().iter().map(|time| time.saturating_sub(1)));
    times.push(0);
    packet.time = random.pick(&times)?;
    if random.once_in(4) {
        let mut marks = vec![0, 1, 0x1234_5678];
        for model in both {
            marks.push(model.marks.epoch);
            marks.extend(model.marks.timed);
            marks.extend(model.marks.operations);
        }
        packet.connection_mark = random.pick(&marks)?;
        packet.state = random.pick(&[NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED])?;
        packet.reply = random.once_in(2);
    }
    if random.once_in(12) {
        // Neighbour discovery and multicast listeners, or nearly.
        packet.protocol = 58;
        packet.port = random.pick(&[130_u16, 131, 132, 133, 134, 135, 136, 137, 143, 128])? << 8;
        packet.hop_limit = random.pick(&[255, 1, 64])?;
        if family == Family::V6 {
            packet.source = random.pick(&[0, 0xfe80 << 112 | 1, source])?;
        }
    }
    Some(packet)
}
