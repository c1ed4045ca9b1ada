//! What a ruleset permits, as plain data.

use std::sync::Arc;

use crate::literal::{Family, Range};
use crate::names::{Names, Symbol};
use crate::place::Place;
use crate::state::ForeignChain;

/// Where a packet is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    Forward,
    Input,
    Output,
}

impl Hook {
    pub const ALL: [Self; 3] = [Self::Forward, Self::Input, Self::Output];

    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// What `table inet weir` permits. A packet that starts a connection passes a hook exactly if one of the hook's attempts
/// covers it and one of the steps of that attempt's outcome accepts it; if it came from outside, [`Arrivals`] has to
/// admit its source too. Packets of connections so admitted pass in both directions until the ruleset changes, a step's
/// `until` passes, or a step's operations refuse them.
#[derive(Clone, Debug)]
pub struct FilterModel {
    /// By [`Place::file`].
    pub files: Vec<Arc<str>>,
    /// For [`Attempt::comment`].
    pub names: Arc<Names>,
    pub marks: Marks,
    pub forward: HookModel,
    pub input: HookModel,
    pub output: HookModel,
    pub outcomes: Vec<Outcome>,
    pub arrivals: Arrivals,
    /// Connections to others that the host takes itself. They do not come to `forward` but to `input`, which looks them up
    /// as they were addressed, and refuses them at any other port than theirs. Sorted.
    pub redirects: Vec<Redirect>,
    /// What `table bridge weir` permits, where there is one.
    pub bridge: Option<BridgeModel>,
    /// What has to hold besides, for the model to be true.
    pub assumptions: Vec<Assumption>,
    /// Elements that no packet can reach, and objects that nothing leads to. They permit nothing.
    pub dead: Vec<Dead>,
}

/// The bits of connection marks, and what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The bits that are ours.
    pub mask: u32,
    /// Connections that are approved as a whole. Never 0.
    pub epoch: u32,
    /// Connections that were admitted under an `until`, and are looked up for each packet.
    pub timed: Option<u32>,
    /// Connections of which only single operations were permitted.
    pub operations: Option<u32>,
}

/// What a hook looks up, in the order in which a packet meets it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookModel {
    pub v4: Vec<Attempt>,
    pub v6: Vec<Attempt>,
}

/// Index into [`FilterModel::outcomes`].
pub type OutcomeId = u32;

/// Packets with these fields are sent to `outcome`, and if that does not accept them, to the next attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Position of the lookup in its chain: lower ones come first; the attempts of one order are disjoint.
    pub order: u32,
    /// Sorted, disjoint, not adjacent. One allocation for each class of sources.
    pub sources: Arc<[Range]>,
    pub destinations: Range,
    /// 6, 17, 132, 1 (IPv4 only), 58 (IPv6 only).
    pub protocol: u8,
    /// First and last; for ICMP, type and code: `type << 8 | code`.
    pub ports: (u16, u16),
    pub outcome: OutcomeId,
    /// The element.
    pub place: Place,
    /// The element's comment: the ids of the statements that it stands for. Into [`FilterModel::names`].
    pub comment: Symbol,
}

/// Steps that are tried one after the other, until one accepts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    /// The chain, without its generation.
    pub chain: String,
    pub steps: Vec<Step>,
}

/// Accepts, or passes on to the next step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// The chain, without its generation.
    pub chain: String,
    /// Accepts nothing from this second since 1970 on, not even for connections that it had admitted.
    pub until: Option<i64>,
    /// Of new connections, or with `operations` of requests.
    pub limit: Option<Limit>,
    /// Judges single packets of the requester: only these requests pass.
    pub operations: Option<Operations>,
    /// The prefix with which what it accepts is logged.
    pub log: Option<String>,
    /// The log says that enforcement would refuse.
    pub audit: bool,
    /// Counts what it accepts.
    pub counter: String,
    /// The first rule.
    pub place: Place,
}

/// At most `count` in `seconds`, and `burst` at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit {
    pub count: u32,
    pub seconds: u32,
    pub burst: u32,
    /// Steps of one budget share it: the chain that holds the bucket, without its generation.
    pub budget: String,
}

/// The protocols whose requests are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    BacnetIp,
    Coap,
    ModbusTcp,
}

/// Requests that pass. Answers, ICMP errors, and what opens, acknowledges and ends a connection pass too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operations {
    pub protocol: Protocol,
    /// Sorted; what passes is their union.
    pub requests: Vec<Request>,
}

/// Requests of one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Request {
    /// Modbus: the function code. BACnet: the service choice of confirmed requests, and 0x1000 + that of unconfirmed
    /// ones. CoAP: the method's code.
    pub function: u16,
    /// First and last item (Modbus address) that a request touches, all of it within these; `None`: any.
    pub items: Option<(u16, u16)>,
    /// The value that is written; `None`: any.
    pub value: Option<u16>,
}

/// Which packets from outside go on to `forward` and `input`, by device and source. What comes by `lo` always does, and
/// so do IPv6 packets from `::` and `fe80::/10`; other protocols than IP do not pass these hooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// Sorted and disjoint.
    pub v4: Vec<Binding>,
    pub v6: Vec<Binding>,
    /// Device, address and hardware address that are admitted together. Sorted.
    pub stations_v4: Vec<Station>,
    pub stations_v6: Vec<Station>,
    /// Device and address that are admitted with a hardware address of a station only. Sorted.
    pub bound_v4: Vec<Bound>,
    pub bound_v6: Vec<Bound>,
}

/// TCP connections from `sources` to a port of `destination` come to a port of the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Redirect {
    pub family: Family,
    pub destination: u128,
    pub port: u16,
    pub sources: Range,
    /// The host's own.
    pub to: u16,
    pub place: Place,
    /// As that of an [`Attempt`].
    pub comment: Symbol,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    pub device: Arc<str>,
    pub sources: Range,
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Station {
    pub device: Arc<str>,
    pub address: u128,
    pub mac: [u8; 6],
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bound {
    pub device: Arc<str>,
    pub address: u128,
    pub place: Place,
}

/// What passes the bridges of a host. A frame that came by one of the ports passes if [`Self::v4`] and the other bindings
/// admit it, and if it is IP that `forward` of the [`FilterModel`] lets pass from a bridge's device to the same device, or
/// ARP between a pair, or one of [`Self::frames`] covers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BridgeModel {
    /// Devices of the bridges, whose IP the forward hook judges. Sorted.
    pub bridges: Vec<Arc<str>>,
    /// The ports whose sources are bound. What comes by others is not, and starts with no mark of ours.
    pub ports: Vec<Arc<str>>,
    /// In the order in which a frame meets them. Frames with a priority tag (VLAN 0) are judged like frames without.
    pub frames: Vec<FrameAttempt>,
    pub outcomes: Vec<FrameOutcome>,
    /// Hardware addresses that count at these ports only. Sorted.
    pub stations: Vec<Port>,
    /// Hardware addresses that are bound to ports, and the only ones that may send something else than IP and ARP. Sorted.
    pub known: Vec<u64>,
    /// Addresses that may come by a port, in IP and as the sender in ARP. IPv6 sources `::` and `fe80::/10` always may.
    pub v4: Vec<Binding>,
    pub v6: Vec<Binding>,
    /// Addresses that a sender in ARP has with one of these hardware addresses only.
    pub arp_stations: Vec<Station>,
    pub arp_bound: Vec<Bound>,
    /// Ethernet ARP requests and replies that pass. Sorted and disjoint.
    pub arp_pairs: Vec<Pair>,
    /// Whether neighbour solicitations pass, and which addresses may be advertised by a port.
    pub discovery: Option<Vec<Binding>>,
}

/// Frames with these fields are sent to `outcome`, and if that does not accept them, to the next attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameAttempt {
    /// As in [`Attempt`].
    pub order: u32,
    pub source: u64,
    pub destinations: (u64, u64),
    pub ether_type: u16,
    /// By which the frame leaves.
    pub port: Arc<str>,
    /// Into [`BridgeModel::outcomes`].
    pub outcome: OutcomeId,
    pub place: Place,
    pub comment: Symbol,
}

/// Steps that are tried one after the other, until one accepts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameOutcome {
    pub chain: String,
    pub steps: Vec<FrameStep>,
}

/// Accepts, or passes on to the next step. Every frame is judged, for there are no connections.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameStep {
    pub chain: String,
    /// Accepts only frames whose two bytes behind the EtherType (an APPID, a frame ID) lie here. Sorted and disjoint.
    pub ids: Option<Vec<(u16, u16)>>,
    pub until: Option<i64>,
    pub limit: Option<Limit>,
    pub log: Option<String>,
    pub audit: bool,
    pub counter: String,
    pub place: Place,
}

/// A station at its port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    pub device: Arc<str>,
    pub mac: u64,
    pub place: Place,
}

/// Senders and targets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    pub senders: Range,
    pub targets: Range,
    pub place: Place,
}

/// What the model takes for granted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assumption {
    /// A base chain of another table is passed too: it may refuse what is permitted here, and cannot permit more. (A
    /// chain that translates addresses or marks packets may change what is looked up.)
    OtherChain(ForeignChain),
    /// Connections in a flow table pass no hook, until they leave it.
    FlowTable { family: String, table: String, name: String },
    /// Rules of another table that write connection marks, take connections out of tracking or attach helpers.
    OtherWriter { family: String, table: String, chain: String, what: &'static str },
}

/// What permits nothing, and could go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dead {
    pub place: Place,
    pub what: String,
}

impl FilterModel {
    pub fn hook(&self, hook: Hook) -> &HookModel {
        match hook {
            Hook::Forward => &self.forward,
            Hook::Input => &self.input,
            Hook::Output => &self.output,
        }
    }

    /// The outcome of an attempt.
    pub fn outcome(&self, attempt: &Attempt) -> Option<&Outcome> {
        self.outcomes.get(attempt.outcome as usize)
    }

    /// The statements that an attempt stands for, as its comment names them.
    pub fn comment(&self, attempt: &Attempt) -> &str {
        self.names.get(attempt.comment)
    }

    /// A place as `file:line`.
    pub fn describe(&self, place: Place) -> String {
        format!("{}:{}", self.files.get(place.file as usize).map_or("", |file| file), place.line)
    }

    /// Without places, comments and dead elements, sorted: equal for two rulesets that hold the same, however they were
    /// read. Lists of equal meaning but different elements stay different.
    pub fn canonical(&self) -> Canonical {
        let mut outcomes = self.outcomes.clone();
        for step in outcomes.iter_mut().flat_map(|outcome| &mut outcome.steps) {
            step.place = Place::default();
        }
        let attempts = |list: &[Attempt]| {
            let mut list: Vec<_> = list
                .iter()
                .map(|one| CanonicalAttempt {
                    order: one.order,
                    sources: Arc::clone(&one.sources),
                    destinations: one.destinations,
                    protocol: one.protocol,
                    ports: one.ports,
                    outcome: outcomes.get(one.outcome as usize).cloned(),
                })
                .collect();
            list.sort_unstable();
            list
        };
        let mut arrivals = self.arrivals.clone();
        for binding in arrivals.v4.iter_mut().chain(&mut arrivals.v6) {
            binding.place = Place::default();
        }
        for station in arrivals.stations_v4.iter_mut().chain(&mut arrivals.stations_v6) {
            station.place = Place::default();
        }
        for bound in arrivals.bound_v4.iter_mut().chain(&mut arrivals.bound_v6) {
            bound.place = Place::default();
        }
        let mut redirects = self.redirects.clone();
        for redirect in &mut redirects {
            (redirect.place, redirect.comment) = (Place::default(), Symbol::NONE);
        }
        redirects.sort_unstable();
        Canonical {
            redirects,
            marks: self.marks,
            bridge: self.bridge.as_ref().map(BridgeModel::canonical),
            hooks: Hook::ALL.map(|hook| {
                let hook = self.hook(hook);
                [attempts(&hook.v4), attempts(&hook.v6)]
            }),
            arrivals,
        }
    }
}

impl BridgeModel {
    /// As [`FilterModel::canonical`]: without places and comments, outcomes by content, sorted.
    fn canonical(&self) -> Self {
        let nowhere = Place::default();
        let mut all = self.clone();
        for step in all.outcomes.iter_mut().flat_map(|outcome| &mut outcome.steps) {
            step.place = nowhere;
        }
        let mut sorted = all.outcomes.clone();
        sorted.sort_unstable();
        for frame in &mut all.frames {
            let outcome = all.outcomes.get(frame.outcome as usize);
            let rank = outcome.and_then(|outcome| sorted.binary_search(outcome).ok());
            frame.outcome = rank.map_or(u32::MAX, |rank| rank as u32);
            (frame.place, frame.comment) = (nowhere, Symbol::NONE);
        }
        all.outcomes = sorted;
        all.frames.sort_unstable_by(|a, b| {
            let key =
                |one: &FrameAttempt| (one.order, one.source, one.destinations, one.ether_type, one.outcome);
            key(a).cmp(&key(b)).then_with(|| a.port.cmp(&b.port))
        });
        all.stations.iter_mut().for_each(|one| one.place = nowhere);
        let discovery = all.discovery.iter_mut().flatten();
        all.v4.iter_mut().chain(&mut all.v6).chain(discovery).for_each(|one| one.place = nowhere);
        all.arp_stations.iter_mut().for_each(|one| one.place = nowhere);
        all.arp_bound.iter_mut().for_each(|one| one.place = nowhere);
        all.arp_pairs.iter_mut().for_each(|one| one.place = nowhere);
        all
    }
}

/// See [`FilterModel::canonical`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical {
    pub redirects: Vec<Redirect>,
    pub marks: Marks,
    pub bridge: Option<BridgeModel>,
    /// Forward, input, output; IPv4, IPv6.
    pub hooks: [[Vec<CanonicalAttempt>; 2]; 3],
    pub arrivals: Arrivals,
}

/// An [`Attempt`] with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CanonicalAttempt {
    pub order: u32,
    pub sources: Arc<[Range]>,
    pub destinations: Range,
    pub protocol: u8,
    pub ports: (u16, u16),
    pub outcome: Option<Outcome>,
}
