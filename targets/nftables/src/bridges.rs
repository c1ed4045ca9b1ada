//! `table bridge weir`: what passes between the ports of bridges.
//!
//! Frames of layer-2 protocols are looked up here. IP packets are not decided here: `br_netfilter` hands them to the
//! `inet` forward chain, which knows connections, on their way through the bridge. Behind it, the chain `bridged` writes
//! [`BRIDGED`] into the packet mark of what was accepted, and the forward chain of this table, later in the same hook,
//! lets no other IP packet pass. So without `br_netfilter` no IP passes at all, instead of all.
//!
//! Source MAC addresses, IP addresses and the addresses in ARP are bound to ports before the bridge learns from a frame.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::net::IpAddr;

use sha2::{Digest as _, Sha256};
use weir_compiler::plan::{BridgePort, GatewayPlan, Limit, Ranges};

use crate::chains::{self, Base};
use crate::elements::{self, close, open, push_mac};
use crate::error::EmitError;
use crate::frames::{FrameKey, FrameProfile, FrameProfileId, Frames, Verdict, boxes};
use crate::names::{self, Register};
use crate::profile::interval_name;
use crate::ruleset::{Ruleset, Text};
use crate::sets::Family;

/// Packet mark of what the `inet` forward chain accepted on its way through a bridge.
pub(crate) const BRIDGED: u32 = 1;

/// The base chains. The forward chain comes after `br_netfilter`, whose priority is 0.
pub(crate) const BASE: [(&str, &str); 2] = [
    ("antispoof", "type filter hook prerouting priority dstnat; policy accept;"),
    ("forward", "type filter hook forward priority 100; policy drop;"),
];

/// Everything that the text of a gateway's bridges needs.
pub(crate) struct Bridges<'a> {
    pub(crate) frames: Frames<'a>,
    /// By profile of frames: what stands behind `f_` and `c_`.
    names: Vec<String>,
    /// IPv4 addresses that may look for each other.
    pairs: Vec<((u32, u32), (u32, u32))>,
    /// Whether any neighbours speak IPv6.
    v6: bool,
}

impl<'a> Bridges<'a> {
    pub(crate) fn build(plan: &'a GatewayPlan) -> Result<Option<Self>, EmitError> {
        if plan.bridges.is_empty() {
            return Ok(None);
        }
        for bridge in &plan.bridges {
            names::check_device(&bridge.device)?;
            for port in &bridge.ports {
                names::check_device(&port.device)?;
            }
        }
        let frames = Frames::build(plan)?;
        let mut register = Register::default();
        let names =
            frames.profiles.iter().map(|one| register.claim(name_of(one))).collect::<Result<_, _>>()?;
        let neighbours = || plan.bridges.iter().flat_map(|bridge| &bridge.neighbours);
        let both: Vec<(Ranges<u32>, Ranges<u32>)> = neighbours()
            .flat_map(|(a, b)| [(a.v4.clone(), b.v4.clone()), (b.v4.clone(), a.v4.clone())])
            .filter(|(a, b)| !a.is_empty() && !b.is_empty())
            .collect();
        let v6 = neighbours().any(|(a, b)| !a.v6.is_empty() && !b.v6.is_empty());
        Ok(Some(Self { frames, names, pairs: boxes(&both), v6 }))
    }

    fn verdict(&self, attempts: &BTreeSet<FrameProfileId>, suffix: &str) -> String {
        let mut names = attempts.iter().map(|id| &self.names[*id as usize]);
        if let (Some(only), None) = (names.next(), names.next()) {
            return format!("f_{only}{suffix}");
        }
        let mut hash = Sha256::new();
        for id in attempts {
            hash.update(&self.names[*id as usize]);
            hash.update(b"\n");
        }
        let mut name = String::from("u_");
        names::push_digest(&mut name, &hash.finalize(), 8);
        name + suffix
    }

    /// Counters of the bridge table; they have no generation.
    pub(crate) fn counters(&self, out: &mut String) -> fmt::Result {
        let mut counters: Vec<String> = vec!["n_denied".into(), "n_spoofed".into()];
        for (profile, name) in self.frames.profiles.iter().zip(&self.names) {
            counters.push(format!("c_{name}"));
            if profile.profile.action.limit.is_some() {
                counters.push(format!("c_{name}/over"));
            }
        }
        counters.sort_unstable();
        for counter in counters {
            writeln!(out, "\tcounter {counter} {{\n\t}}")?;
        }
        Ok(())
    }

    /// The names of all chains that belong to a generation.
    pub(crate) fn chains(&self, suffix: &str) -> Vec<String> {
        let mut all: Vec<String> = self.names.iter().map(|name| format!("f_{name}{suffix}")).collect();
        let with_ids =
            self.frames.profiles.iter().zip(&self.names).filter(|(one, _)| one.frame_ids.is_some());
        all.extend(with_ids.map(|(_, name)| format!("o_{name}{suffix}")));
        all.extend(self.frames.combined().into_iter().map(|attempts| self.verdict(attempts, suffix)));
        all.extend(["bound", "frames", "spoofed", "tagged"].map(|name| format!("{name}{suffix}")));
        all.sort_unstable();
        all
    }

    /// The maps and sets of a generation.
    pub(crate) fn tables(&self, plan: &GatewayPlan) -> Vec<(&'static str, String)> {
        let stations = !own(plan).is_empty();
        let all = [
            (true, "set", "bind4"),
            (true, "set", "bind6"),
            (true, "set", "mac_port"),
            (true, "set", "mac_known"),
            (stations, "set", "arp_own"),
            (stations, "set", "arp_known"),
            (true, "set", "arp_pair"),
            (self.v6, "set", "target6"),
            (!self.frames.keys.is_empty(), "map", "frame_key"),
            (!self.frames.groups.is_empty(), "map", "frame_group"),
        ];
        all.into_iter().filter(|(used, ..)| *used).map(|(_, kind, name)| (kind, name.into())).collect()
    }

    /// What belongs to one generation.
    pub(crate) fn objects(&self, out: &mut String, set: &Ruleset<'_>, text: Text<'_>) -> fmt::Result {
        let suffix = text.suffix;
        let ports: Vec<&BridgePort> = set.plan.bridges.iter().flat_map(|bridge| &bridge.ports).collect();
        for family in Family::BOTH {
            let sources = ports.iter().map(|port| (port.device.as_str(), &port.sources));
            elements::binding(out, family, sources, suffix)?;
        }
        let macs: BTreeSet<_> =
            ports.iter().flat_map(|port| port.macs.iter().map(|mac| (port.device.as_str(), *mac))).collect();
        writeln!(out, "\tset mac_port{suffix} {{\n\t\ttype ifname . ether_addr")?;
        lines(out, &macs, |out, (device, mac)| {
            let _ = write!(out, "\"{device}\" . ");
            push_mac(out, *mac);
        })?;
        let known: BTreeSet<_> = macs.iter().map(|(_, mac)| *mac).collect();
        writeln!(out, "\tset mac_known{suffix} {{\n\t\ttype ether_addr")?;
        lines(out, &known, |out, mac| push_mac(out, *mac))?;
        let own = own(set.plan);
        if !own.is_empty() {
            writeln!(out, "\tset arp_own{suffix} {{\n\t\ttype ifname . ipv4_addr . ether_addr")?;
            lines(out, &own, |out, (device, address, mac)| {
                let _ = write!(out, "\"{device}\" . {address} . ");
                push_mac(out, *mac);
            })?;
            let known: BTreeSet<_> = own.iter().map(|(device, address, _)| (*device, *address)).collect();
            writeln!(out, "\tset arp_known{suffix} {{\n\t\ttype ifname . ipv4_addr")?;
            lines(out, &known, |out, (device, address)| {
                let _ = write!(out, "\"{device}\" . {address}");
            })?;
        }
        writeln!(out, "\tset arp_pair{suffix} {{\n\t\ttype ipv4_addr . ipv4_addr\n\t\tflags interval")?;
        lines(out, &self.pairs, |out, (from, to)| {
            let range = |(a, b): (u32, u32)| (u128::from(a), u128::from(b));
            let _ = elements::write_range(out, Family::V4, range(*from));
            out.push_str(" . ");
            let _ = elements::write_range(out, Family::V4, range(*to));
        })?;
        if self.v6 {
            targets(out, &ports, suffix)?;
        }
        self.maps(out, set, text)?;
        self.profiles(out, set, suffix)?;
        self.lookups(out, set, suffix)
    }

    fn maps(&self, out: &mut String, set: &Ruleset<'_>, text: Text<'_>) -> fmt::Result {
        let kind = "\t\ttype ether_addr . ether_addr . ether_type . ifname : verdict";
        let mut comment = String::new();
        let mut element = |out: &mut String, key: &FrameKey<'_>, verdict: &Verdict, to: &str| {
            push_mac(out, key.source);
            let _ = write!(out, " . {to} . 0x{:04x} . \"{}\"", key.ethertype, key.port);
            if text.comments {
                let ids = verdict.statements.iter().map(|id| set.plan.statements[*id as usize].id.as_str());
                names::comment(&mut comment, ids.collect::<Vec<_>>().into_iter());
                let _ = write!(out, " comment \"{comment}\"");
            }
            let _ = write!(out, " : jump {}", self.verdict(&verdict.attempts, text.suffix));
        };
        let mac = |bytes: [u8; 6]| {
            let mut text = String::new();
            push_mac(&mut text, bytes);
            text
        };
        let bytes = |number: u64| {
            let [_, _, bytes @ ..] = number.to_be_bytes();
            mac(bytes)
        };
        if !self.frames.keys.is_empty() {
            writeln!(out, "\tmap frame_key{} {{\n{kind}", text.suffix)?;
            lines(out, &self.frames.keys, |out, ((to, key), verdict)| element(out, key, verdict, &mac(*to)))?;
        }
        if !self.frames.groups.is_empty() {
            writeln!(out, "\tmap frame_group{} {{\n{kind}\n\t\tflags interval", text.suffix)?;
            lines(out, &self.frames.groups, |out, ((key, (first, last)), verdict)| {
                let to =
                    if first == last { bytes(*first) } else { format!("{}-{}", bytes(*first), bytes(*last)) };
                element(out, key, verdict, &to);
            })?;
        }
        Ok(())
    }

    fn profiles(&self, out: &mut String, set: &Ruleset<'_>, suffix: &str) -> fmt::Result {
        for (FrameProfile { profile, frame_ids }, name) in self.frames.profiles.iter().zip(&self.names) {
            let action = &profile.action;
            writeln!(out, "\tchain f_{name}{suffix} {{")?;
            if let Some(ids) = frame_ids {
                let ids: Vec<String> = ids
                    .iter()
                    .map(|(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") })
                    .collect();
                let ids = ids.join(", ");
                // What is too short to have an id matches neither.
                writeln!(out, "\t\tether type != 8021q @ll,112,16 {{ {ids} }} goto o_{name}{suffix}")?;
                writeln!(out, "\t\tether type 8021q @ll,144,16 {{ {ids} }} goto o_{name}{suffix}")?;
                writeln!(out, "\t}}\n\tchain o_{name}{suffix} {{")?;
            }
            if let Some(until) = action.until {
                writeln!(out, "\t\tmeta time >= {} return", until.max(0))?;
            }
            if let Some(Limit { count, seconds }) = action.limit {
                let unit = interval_name(seconds).unwrap_or("second");
                writeln!(
                    out,
                    "\t\tlimit rate over {count}/{unit} burst {count} packets counter name c_{name}/over return"
                )?;
            }
            if action.log || action.audit {
                let kind = if action.audit { "weir-audit" } else { "weir-allow" };
                out.push_str("\t\t");
                let prefix = names::log_prefix(kind, &profile.policy);
                chains::log(out, set.options.allow_log, &prefix, set.options.log)?;
            }
            writeln!(out, "\t\tcounter name c_{name} accept\n\t}}")?;
        }
        for attempts in self.frames.combined() {
            writeln!(out, "\tchain {} {{", self.verdict(attempts, suffix))?;
            for id in attempts {
                writeln!(out, "\t\tjump f_{}{suffix}", self.names[*id as usize])?;
            }
            out.push_str("\t}\n");
        }
        Ok(())
    }

    fn lookups(&self, out: &mut String, set: &Ruleset<'_>, suffix: &str) -> fmt::Result {
        let mut maps = Vec::new();
        if !self.frames.keys.is_empty() {
            maps.push("frame_key");
        }
        if !self.frames.groups.is_empty() {
            maps.push("frame_group");
        }
        for (chain, kind) in [("tagged", "vlan type"), ("frames", "ether type")] {
            writeln!(out, "\tchain {chain}{suffix} {{")?;
            for map in &maps {
                writeln!(out, "\t\tether saddr . ether daddr . {kind} . oifname vmap @{map}{suffix}")?;
            }
            if chain == "frames" {
                // A tag without a VLAN is a priority, as GOOSE and PROFINET have one.
                writeln!(out, "\t\tether type 8021q vlan id 0 jump tagged{suffix}")?;
            }
            out.push_str("\t}\n");
        }
        writeln!(out, "\tchain spoofed{suffix} {{")?;
        out.push_str("\t\t");
        chains::log(out, set.options.deny_log, "weir-spoofed bridge ", set.options.log)?;
        out.push_str("\t\tcounter name n_spoofed drop\n\t}\n");
        writeln!(out, "\tchain bound{suffix} {{\n\t\t{}", set.marks.clear_packet())?;
        for rule in [
            "ether saddr @mac_known iifname . ether saddr != @mac_port",
            // Who has no declared address is known by its IP address alone.
            "ether type != { arp, ip, ip6 } ether saddr != @mac_known",
            "ether type ip iifname . ip saddr != @bind4",
        ] {
            writeln!(out, "\t\t{} goto spoofed{suffix}", suffixed(rule, suffix))?;
        }
        writeln!(
            out,
            "\t\tether type ip6 ip6 saddr != {{ ::, fe80::/10 }} iifname . ip6 saddr != @bind6{suffix} goto spoofed{suffix}"
        )?;
        writeln!(out, "\t\tether type arp iifname . arp saddr ip != @bind4{suffix} goto spoofed{suffix}")?;
        if !own(set.plan).is_empty() {
            writeln!(
                out,
                "\t\tether type arp iifname . arp saddr ip . arp saddr ether @arp_own{suffix} accept"
            )?;
            writeln!(
                out,
                "\t\tether type arp iifname . arp saddr ip @arp_known{suffix} goto spoofed{suffix}"
            )?;
        }
        out.push_str("\t}\n");
        Ok(())
    }

    /// The base chains of the bridge table.
    pub(crate) fn base(&self, out: &mut String, set: &Ruleset<'_>, suffix: &str, part: Base) -> fmt::Result {
        for (name, hook) in BASE {
            writeln!(out, "\tchain {name} {{")?;
            if part != Base::Rules {
                writeln!(out, "\t\t{hook}")?;
            }
            match (part, name) {
                (Base::Declaration, _) => {}
                (_, "antispoof") => {
                    let ports = set.plan.bridges.iter().flat_map(|bridge| &bridge.ports);
                    let ports: Vec<String> = ports.map(|port| format!("\"{}\"", port.device)).collect();
                    writeln!(out, "\t\tiifname {{ {} }} goto bound{suffix}", ports.join(", "))?;
                }
                _ => self.forward(out, set, suffix)?,
            }
            out.push_str("\t}\n");
        }
        Ok(())
    }

    fn forward(&self, out: &mut String, set: &Ruleset<'_>, suffix: &str) -> fmt::Result {
        writeln!(
            out,
            "\t\tether type {{ ip, ip6 }} {} {} accept",
            set.marks.packet_is(BRIDGED),
            set.marks.clear_packet()
        )?;
        writeln!(
            out,
            "\t\tether type arp arp htype 1 arp operation {{ request, reply }} arp saddr ip . arp daddr ip \
             @arp_pair{suffix} accept"
        )?;
        if self.v6 {
            out.push_str("\t\tether type ip6 icmpv6 type nd-neighbor-solicit ip6 hoplimit 255 accept\n");
            writeln!(
                out,
                "\t\tether type ip6 icmpv6 type nd-neighbor-advert ip6 hoplimit 255 iifname . @th,64,128 \
                 @target6{suffix} accept"
            )?;
        }
        writeln!(out, "\t\tjump frames{suffix}")?;
        out.push_str("\t\t");
        chains::log(out, set.options.deny_log, "weir-denied bridge ", set.options.log)?;
        out.push_str("\t\tcounter name n_denied drop\n");
        Ok(())
    }

    /// Neighbour discovery between ports: `inet` lets it go on, and the bridge table decides.
    pub(crate) fn discovery(&self, out: &mut String, plan: &GatewayPlan) -> fmt::Result {
        if self.v6 {
            // Nobody forwards it: routing would have counted the hop limit down.
            writeln!(out, "\t\t{DISCOVERY} {} accept", inside(plan))?;
        }
        Ok(())
    }

    /// The chain of the `inet` table that tells the bridge what was accepted.
    pub(crate) fn approve(&self, out: &mut String, set: &Ruleset<'_>) -> fmt::Result {
        if self.v6 {
            writeln!(out, "\t\t{DISCOVERY} accept")?;
        }
        writeln!(out, "\t\t{} {}", inside(set.plan), set.marks.set_packet(BRIDGED))
    }
}

const DISCOVERY: &str = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255";

/// Matches packets on their way through one bridge.
fn inside(plan: &GatewayPlan) -> String {
    let bridges: BTreeSet<String> =
        plan.bridges.iter().map(|bridge| format!("\"{0}\" . \"{0}\"", bridge.device)).collect();
    let bridges: Vec<String> = bridges.into_iter().collect();
    format!("iifname . oifname {{ {} }}", bridges.join(", "))
}

/// Stations with an IPv4 and a MAC address, at their ports.
fn own(plan: &GatewayPlan) -> BTreeSet<(&str, std::net::Ipv4Addr, [u8; 6])> {
    let ports = plan.bridges.iter().flat_map(|bridge| &bridge.ports);
    let stations = ports.flat_map(|port| port.stations.iter().map(move |one| (port.device.as_str(), one)));
    stations
        .filter_map(|(device, (address, mac))| match address {
            IpAddr::V4(address) => Some((device, *address, *mac)),
            IpAddr::V6(_) => None,
        })
        .collect()
}

/// Whose advertisements may come by which port: its stations', and for link-local addresses anybody's.
fn targets(out: &mut String, ports: &[&BridgePort], suffix: &str) -> fmt::Result {
    writeln!(out, "\tset target6{suffix} {{\n\t\ttypeof iifname . @th,64,128\n\t\tflags interval")?;
    let mut ranges: BTreeMap<&str, Vec<(u128, u128)>> = BTreeMap::new();
    let link_local = (0xfe80 << 112, (0xfec0 << 112) - 1);
    for port in ports {
        let list = ranges.entry(&port.device).or_default();
        list.push(link_local);
        list.extend(port.sources.v6.iter());
    }
    let all: Vec<(&str, (u128, u128))> = ranges
        .into_iter()
        .flat_map(|(port, list)| {
            Ranges::from_unsorted(list).iter().map(move |range| (port, range)).collect::<Vec<_>>()
        })
        .collect();
    lines(out, &all, |out, (port, (first, last))| {
        let _ = write!(out, "\"{port}\" . 0x{first:032x}");
        if first != last {
            let _ = write!(out, "-0x{last:032x}");
        }
    })
}

/// The elements of a set, a line each, and the end of the set.
fn lines<T>(
    out: &mut String,
    all: impl IntoIterator<Item = T>,
    mut line: impl FnMut(&mut String, T),
) -> fmt::Result {
    let mut all = all.into_iter().peekable();
    if all.peek().is_none() {
        out.push_str("\t}\n");
        return Ok(());
    }
    open(out)?;
    for one in all {
        out.push_str("\t\t\t");
        line(out, one);
        out.push_str(",\n");
    }
    close(out);
    Ok(())
}

/// Every `@name` of a rule with the suffix.
fn suffixed(rule: &str, suffix: &str) -> String {
    let words: Vec<String> = rule
        .split(' ')
        .map(|word| if word.starts_with('@') { format!("{word}{suffix}") } else { word.to_owned() })
        .collect();
    words.join(" ")
}

fn name_of(profile: &FrameProfile) -> String {
    let mut name = names::profile(&profile.profile.policy, &profile.profile.action);
    if let Some(ids) = &profile.frame_ids {
        name.push_str("/frames-");
        names::push_digest(&mut name, &Sha256::digest(format!("{:?}", ids.as_slice())), 4);
    }
    name
}
