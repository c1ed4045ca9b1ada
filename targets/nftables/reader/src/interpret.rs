//! One packet at a time, rule by rule, as the kernel does it: obvious and slow. It shares nothing with the model but the
//! ruleset as it was read, and judges it.

use crate::literal::{Family, INVALID, NEW, UNTRACKED};
use crate::model::Hook;
use crate::names::Symbol;
use crate::place::Place;
use crate::rule::{Field, Header, Match, Operand, Part, Rule, Values, Verdict};
use crate::state::{Data, HookPoint, Ruleset, Set, Table, TableFamily};

/// A packet and what is known of its connection.
#[derive(Clone, Debug)]
pub struct Packet {
    pub hook: Hook,
    /// The device that it came by, or in `output` leaves by; as [`crate::device_number`] makes it.
    pub device: u128,
    pub family: Family,
    /// Of the connection's first packet, as are the destination and the port.
    pub source: u128,
    pub destination: u128,
    /// The sender's hardware address, where there is an Ethernet header.
    pub mac: Option<u64>,
    pub protocol: u8,
    /// For ICMP, type and code.
    pub port: u16,
    pub hop_limit: u8,
    /// Seconds since 1970.
    pub time: u64,
    /// [`NEW`] or another of the states.
    pub state: u128,
    pub reply: bool,
    pub connection_mark: u32,
    /// The host's port that the connection was led to, if its first packet was.
    pub redirected: Option<u16>,
    /// Whether all token buckets are empty.
    pub exhausted: bool,
    /// The packet from its network header on, and where the other headers begin. Empty if no rule shall see it.
    pub bytes: Vec<u8>,
    pub transport: usize,
    pub inner: usize,
}

/// Where a packet ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub accepted: bool,
    /// The rule, or the base chain whose policy decided.
    pub by: Place,
    /// What the connection is marked with then.
    pub connection_mark: u32,
    /// The host's port that the connection is led to.
    pub redirected: Option<u16>,
}

enum Flow {
    Decided(bool, Place),
    Return,
}

struct Run<'a> {
    table: &'a Table,
    packet: &'a Packet,
    mark: u32,
    connection_mark: u32,
    redirected: Option<u16>,
}

impl Ruleset {
    /// What `table inet weir` does to a packet, in all base chains that it comes through. What would be forwarded and is
    /// redirected comes in instead. Fails closed: without a base chain on the way, or where chains lead deeper than the
    /// kernel allows, it is refused.
    pub fn judge(&self, packet: &Packet) -> Judgement {
        let redirected = packet.redirected;
        let refused = Judgement {
            accepted: false,
            by: Place::default(),
            connection_mark: packet.connection_mark,
            redirected,
        };
        let Some(table) = self.tables.get(&TableFamily::Inet) else { return refused };
        // The packet's mark may be anything that other software left there.
        let mut run =
            Run { table, packet, mark: 0x5eed_1234, connection_mark: packet.connection_mark, redirected };
        let mut last = refused;
        let way: &[HookPoint] = match packet.hook {
            Hook::Forward => &[HookPoint::Prerouting, HookPoint::Forward],
            Hook::Input => &[HookPoint::Prerouting, HookPoint::Input],
            Hook::Output => &[HookPoint::Output],
        };
        for hook in way {
            // Where it goes is settled between the hooks.
            let led = *hook == HookPoint::Forward && run.redirected.is_some();
            let hook = if led { &HookPoint::Input } else { hook };
            let mut chains: Vec<_> = table
                .chains
                .values()
                .filter_map(|chain| Some((chain, chain.base?)))
                .filter(|(_, base)| base.hook == *hook && (!base.translates || packet.state == NEW))
                .collect();
            chains.sort_by_key(|(_, base)| base.priority);
            if chains.is_empty() {
                return refused;
            }
            for (chain, base) in chains {
                let (accepted, by) = match run.rules(&chain.rules, 0) {
                    Flow::Decided(accepted, by) => (accepted, by),
                    Flow::Return => (base.accepts, chain.place),
                };
                last = Judgement {
                    accepted,
                    by,
                    connection_mark: run.connection_mark,
                    redirected: run.redirected,
                };
                if !accepted {
                    return last;
                }
            }
        }
        last
    }
}

impl Run<'_> {
    fn rules(&mut self, rules: &[Rule], depth: usize) -> Flow {
        for rule in rules {
            match self.rule(rule, depth) {
                None => {}
                Some(flow) => return flow,
            }
        }
        Flow::Return
    }

    /// What a rule decides about the chain that it stands in; `None`: go on behind it.
    fn rule(&mut self, rule: &Rule, depth: usize) -> Option<Flow> {
        for part in &rule.parts {
            match part {
                Part::Match(one) => {
                    if !self.holds(one)? {
                        return None;
                    }
                }
                Part::Limit(rate) => {
                    if rate.over != self.packet.exhausted {
                        return None;
                    }
                }
                Part::SetMark(bits) => self.mark = bits.apply(self.mark),
                Part::SetConnectionMark(bits) => self.connection_mark = bits.apply(self.connection_mark),
                Part::MapMark { key, map } => match self.find(key, *map)? {
                    Data::Mark(mark) => self.mark = mark,
                    _ => return None,
                },
                Part::VerdictMap { key, map } => match self.find(key, *map)? {
                    Data::Verdict(verdict) => return self.follow(verdict, rule.place, depth),
                    _ => return None,
                },
                Part::Redirect { key, map } => match self.find(key, *map)? {
                    Data::Port(port) => {
                        self.redirected = Some(port);
                        return Some(Flow::Decided(true, rule.place));
                    }
                    _ => return None,
                },
                Part::Verdict(verdict) => return self.follow(*verdict, rule.place, depth),
                Part::Counter(_) | Part::Log { .. } => {}
            }
        }
        None
    }

    fn follow(&mut self, verdict: Verdict, place: Place, depth: usize) -> Option<Flow> {
        let (chain, comes_back) = match verdict {
            Verdict::Accept => return Some(Flow::Decided(true, place)),
            Verdict::Drop => return Some(Flow::Decided(false, place)),
            Verdict::Return => return Some(Flow::Return),
            Verdict::Jump(chain) => (chain, true),
            Verdict::Goto(chain) => (chain, false),
        };
        let table = self.table;
        let Some(chain) = table.chains.get(&chain).filter(|_| depth < 16) else {
            return Some(Flow::Decided(false, place));
        };
        match self.rules(&chain.rules, depth + 1) {
            Flow::Return if comes_back => None,
            flow => Some(flow),
        }
    }

    /// `None` if a field does not exist, whatever the match asks.
    fn holds(&self, one: &Match) -> Option<bool> {
        let values = self.values(&one.key)?;
        let found = match &one.values {
            Values::Set(set) => search(self.table.sets.get(set)?, &values).is_some(),
            Values::Boxes(boxes) => boxes.iter().any(|ranges| {
                ranges.iter().zip(&values).all(|((first, last), value)| (first..=last).contains(&value))
            }),
        };
        Some(found != one.negated)
    }

    fn find(&self, key: &[Operand], map: Symbol) -> Option<Data> {
        let values = self.values(key)?;
        search(self.table.sets.get(&map)?, &values)
    }

    fn values(&self, key: &[Operand]) -> Option<Vec<u128>> {
        key.iter().map(|one| Some(self.value(one.field)? & one.mask.unwrap_or(u128::MAX))).collect()
    }

    fn value(&self, field: Field) -> Option<u128> {
        let packet = self.packet;
        let tracked = packet.state != INVALID && packet.state != UNTRACKED;
        let of = |family: Family, value: u128| (packet.family == family).then_some(value);
        match field {
            Field::Mark => Some(self.mark.into()),
            Field::Protocol => Some(packet.protocol.into()),
            Field::Family => Some(if packet.family == Family::V4 { 2 } else { 10 }),
            Field::Time => Some(packet.time.into()),
            Field::InDevice => Some(if packet.hook == Hook::Output { 0 } else { packet.device }),
            Field::OutDevice => Some(if packet.hook == Hook::Output { packet.device } else { 0 }),
            Field::Source(family) => {
                of(family, if packet.reply { packet.destination } else { packet.source })
            }
            // What was led elsewhere has other ends, which are not known here; nor is the port of who asked.
            Field::Destination(family) => {
                of(family, packet.destination).filter(|_| !packet.reply && self.redirected.is_none())
            }
            Field::TcpPort => {
                (packet.protocol == 6 && !packet.reply).then(|| self.redirected.unwrap_or(packet.port).into())
            }
            Field::Status => tracked.then_some(self.redirected.is_some().into()),
            Field::EtherSource => packet.mac.map(u128::from),
            // `table bridge` is another packet's business.
            Field::EtherDestination
            | Field::EtherType
            | Field::VlanId
            | Field::VlanType
            | Field::ArpHardware
            | Field::ArpOperation
            | Field::ArpSource
            | Field::ArpDestination
            | Field::ArpEther => None,
            Field::State => Some(packet.state),
            Field::ConnectionMark => tracked.then_some(self.connection_mark.into()),
            Field::Direction => tracked.then_some(packet.reply.into()),
            Field::OriginalSource(family) => of(family, packet.source).filter(|_| tracked),
            Field::OriginalDestination(family) => of(family, packet.destination).filter(|_| tracked),
            Field::ConnectionProtocol => tracked.then_some(packet.protocol.into()),
            Field::OriginalPort => tracked.then_some(packet.port.into()),
            Field::Icmpv6Type => {
                (packet.family == Family::V6 && packet.protocol == 58).then_some((packet.port >> 8).into())
            }
            Field::HopLimit => of(Family::V6, packet.hop_limit.into()),
            Field::NextHeader => of(Family::V6, packet.protocol.into()),
            Field::TcpFlags => self.bits(Header::Transport, 104, 8).filter(|_| packet.protocol == 6),
            Field::UdpLength => self.bits(Header::Transport, 32, 16).filter(|_| packet.protocol == 17),
            Field::PacketLength(Family::V4) => of(Family::V4, self.bits(Header::Network, 16, 16)?),
            Field::PacketLength(Family::V6) => of(Family::V6, self.bits(Header::Network, 32, 16)?),
            Field::Payload { base, offset, bits } => self.bits(base, offset, bits),
        }
    }

    /// Bits behind the start of a header, if the packet is long enough.
    fn bits(&self, base: Header, offset: u16, bits: u16) -> Option<u128> {
        let start = match base {
            Header::Network => 0,
            Header::Transport => self.packet.transport,
            Header::Inner => self.packet.inner,
            Header::Link => return None,
        };
        if self.packet.bytes.is_empty() {
            return None;
        }
        let mut value = 0;
        for bit in usize::from(offset)..usize::from(offset) + usize::from(bits) {
            let byte = *self.packet.bytes.get(start + bit / 8)?;
            value = value << 1 | u128::from(byte >> (7 - bit % 8) & 1);
        }
        Some(value)
    }
}

/// The element that holds the values.
fn search(set: &Set, values: &[u128]) -> Option<Data> {
    let element = (0..set.elements.len()).find(|element| {
        values.len() == set.fields.len()
            && values.iter().enumerate().all(|(field, value)| {
                let (first, last) = set.elements.range(*element, field);
                first <= *value && *value <= last
            })
    })?;
    Some(set.elements.data[element])
}

impl Packet {
    /// A packet that starts a connection, without anything special about it.
    pub fn first(hook: Hook, device: u128, family: Family, source: u128, destination: u128) -> Self {
        Self {
            hook,
            device,
            family,
            source,
            destination,
            mac: None,
            protocol: 6,
            port: 0,
            hop_limit: 64,
            time: 0,
            state: NEW,
            reply: false,
            connection_mark: 0,
            redirected: None,
            exhausted: false,
            bytes: Vec::new(),
            transport: 0,
            inner: 0,
        }
    }
}
