//! Chains as text: the constant part of the ruleset, a handful of rules for each profile, hook and layer.

use std::fmt::{self, Write};

use weir_compiler::plan::{Hook, Limit, OperationMatch};

use crate::elements::{digit, source_map};
use crate::names;
use crate::normal::{HookForm, Layer, hook_name};
use crate::options::{LogDestination, LogRate};
use crate::payload;
use crate::profile::{Profile, interval_name};
use crate::redirects;
use crate::ruleset::{OPERATIONS, Ruleset};
use crate::sets::Family;

/// The base chains, in the order of the text.
const BASE: [(&str, &str); 4] = [
    ("antispoof", "type filter hook prerouting priority raw; policy accept;"),
    ("forward", "type filter hook forward priority filter; policy drop;"),
    ("input", "type filter hook input priority filter; policy drop;"),
    ("output", "type filter hook output priority filter; policy drop;"),
];

/// Behind `forward`, where the gateway has bridges.
const BRIDGED: (&str, &str) = ("bridged", "type filter hook forward priority filter + 10; policy accept;");

/// Behind `antispoof`, where a proxy of the gateway takes connections to others.
const STEER: (&str, &str) = ("steer", "type nat hook prerouting priority dstnat; policy accept;");

/// The base chains of a gateway.
pub(crate) fn base_chains(set: &Ruleset<'_>) -> impl Iterator<Item = (&'static str, &'static str)> {
    let steer = (!set.plan.redirects.is_empty()).then_some(STEER);
    BASE.into_iter().chain(set.bridges.as_ref().map(|_| BRIDGED)).chain(steer)
}

/// Which part of the base chains to write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    Whole,
    /// Without rules: what exists once and is never deleted.
    Declaration,
    /// Without the hook: what a switch puts in.
    Rules,
}

const HOOKS: [&str; 3] = ["forward", "input", "output"];

/// Counters have no generation: they outlive a change of policy.
pub(crate) fn counters(out: &mut String, set: &Ruleset<'_>) -> fmt::Result {
    let mut counters: Vec<String> = vec!["n_spoofed".into()];
    for hook in HOOKS {
        counters.push(format!("n_denied_{hook}"));
        counters.push(format!("n_invalid_{hook}"));
    }
    for (profile, name) in set.form.profiles.list.iter().zip(&set.profile_names) {
        counters.push(format!("c_{name}"));
        if profile.action.limit.is_some() {
            counters.push(format!("c_{name}/over"));
        }
        if profile.action.operations.is_some() {
            counters.push(format!("c_{name}/other"));
        }
    }
    counters.sort_unstable();
    for counter in counters {
        writeln!(out, "\tcounter {counter} {{\n\t}}")?;
    }
    Ok(())
}

/// The names of all chains that belong to a generation.
pub(crate) fn names_of(set: &Ruleset<'_>, suffix: &str) -> Vec<String> {
    let mut names = set.verdict_names(suffix);
    names.push(format!("spoofed{suffix}"));
    names.extend((1..=set.classes.most()).map(|number| format!("k_{number}{suffix}")));
    for (profile, name) in set.form.profiles.list.iter().zip(&set.profile_names) {
        if profile.action.operations.is_some() {
            names.push(format!("o_{name}{suffix}"));
        }
    }
    for form in &set.form.hooks {
        if !form.is_empty() {
            names.push(format!("lookup_{}{suffix}", hook_name(form.hook)));
        }
    }
    names.sort_unstable();
    names
}

/// With a mask, one chain for each class: nft 1.0.6 can set some bits of a mark to a constant only, so a map leads to it.
pub(crate) fn classes(out: &mut String, set: &Ruleset<'_>, suffix: &str) -> fmt::Result {
    for number in 1..=set.classes.most() {
        writeln!(out, "\tchain k_{number}{suffix} {{\n\t\t{}\n\t}}", set.marks.set_packet(number))?;
    }
    Ok(())
}

/// One chain per profile, and one per combination of profiles that some key needs.
pub(crate) fn profiles(out: &mut String, set: &Ruleset<'_>, suffix: &str) -> fmt::Result {
    let verdicts = set.verdict_names(suffix);
    for (profile, name) in set.form.profiles.list.iter().zip(&set.profile_names) {
        if let Some(operations) = &profile.action.operations {
            writeln!(out, "\tchain o_{name}{suffix} {{")?;
            operation(out, set, profile, name)?;
            writeln!(out, "\t}}\n\tchain p_{name}{suffix} {{")?;
            only_operations(out, set, profile, operations, name, suffix)?;
            out.push_str("\t}\n");
            continue;
        }
        writeln!(out, "\tchain p_{name}{suffix} {{")?;
        one_profile(out, set, profile, name)?;
        out.push_str("\t}\n");
    }
    for verdict in set.form.profiles.combined() {
        writeln!(out, "\tchain {} {{", verdicts[verdict as usize])?;
        for attempt in set.form.profiles.attempts(verdict) {
            writeln!(out, "\t\tjump {}", verdicts[*attempt as usize])?;
        }
        out.push_str("\t}\n");
    }
    Ok(())
}

/// Accepts, or returns to whoever may try something else.
fn one_profile(out: &mut String, set: &Ruleset<'_>, profile: &Profile, name: &str) -> fmt::Result {
    let action = &profile.action;
    if let Some(until) = action.until {
        // Seconds since 1970: nft reads a date in the time zone of whoever loads it, an integer in none.
        writeln!(out, "\t\tmeta time >= {} return", until.max(0))?;
        // Was admitted before: neither limited nor logged nor counted as a connection again.
        let marks = set.marks;
        writeln!(out, "\t\t{} {} accept", marks.connection_is(set.seen()), marks.clear_packet())?;
    }
    if let Some(Limit { count, seconds }) = action.limit {
        // Only what starts: a connection that a new policy permits again is not a new one.
        let unit = interval_name(seconds).unwrap_or("second");
        let starts = if set.form.profiles.any_operations() {
            // Nor is one that so far went by its operations, but no budget was spent on it.
            writeln!(
                out,
                "\t\tct state != new {} counter name c_{name} {}",
                set.marks.connection_is_not(OPERATIONS),
                accept(set, mark(set, profile))
            )?;
            ""
        } else {
            "ct state new "
        };
        writeln!(
            out,
            "\t\t{starts}limit rate over {count}/{unit} burst {count} packets counter name c_{name}/over return"
        )?;
    }
    if action.log || action.audit {
        let kind = if action.audit { "weir-audit" } else { "weir-allow" };
        let prefix = names::log_prefix(kind, &profile.policy);
        out.push_str("\t\tct state new ");
        log(out, set.options.allow_log, &prefix, set.options.log)?;
    }
    writeln!(out, "\t\tcounter name c_{name} {}", accept(set, mark(set, profile)))
}

/// Accepts the packet and says so of its connection.
fn accept(set: &Ruleset<'_>, mark: u32) -> String {
    format!("{} {} accept", set.marks.clear_packet(), set.marks.set_connection(mark))
}

/// What a connection is marked with that the profile permits.
fn mark(set: &Ruleset<'_>, profile: &Profile) -> u32 {
    if profile.action.until.is_some() { set.seen() } else { set.approved() }
}

/// Tells packets that ask for one of the operations from all others. Never marked with the epoch: the next packet may
/// ask for something else.
fn only_operations(
    out: &mut String,
    set: &Ruleset<'_>,
    profile: &Profile,
    operations: &OperationMatch,
    name: &str,
    suffix: &str,
) -> fmt::Result {
    let clear = set.marks.clear_packet();
    if let Some(until) = profile.action.until {
        writeln!(out, "\t\tmeta time >= {} return", until.max(0))?;
    }
    writeln!(out, "\t\tct state related meta l4proto {{ icmp, ipv6-icmp }} {clear} accept")?;
    for answer in payload::answers(operations) {
        let space = if answer.is_empty() { "" } else { " " };
        writeln!(out, "\t\tct direction reply {answer}{space}{clear} accept")?;
    }
    if payload::datagrams(operations) {
        writeln!(out, "\t\tct direction reply counter name c_{name}/other return")?;
    }
    for request in payload::requests(operations) {
        writeln!(out, "\t\t{request} goto o_{name}{suffix}")?;
    }
    for upkeep in payload::upkeep(operations) {
        writeln!(out, "\t\tct state established {upkeep} {clear} accept")?;
    }
    if payload::datagrams(operations) {
        writeln!(out, "\t\tcounter name c_{name}/other")
    } else {
        // Segments without data open, acknowledge and end the connection.
        writeln!(out, "\t\t@ih,0,8 >= 0 counter name c_{name}/other return")?;
        writeln!(out, "\t\t{}", accept(set, OPERATIONS))
    }
}

/// A packet that asks for one of the operations: each counts, not only the first of a connection.
fn operation(out: &mut String, set: &Ruleset<'_>, profile: &Profile, name: &str) -> fmt::Result {
    if let Some(Limit { count, seconds }) = profile.action.limit {
        let unit = interval_name(seconds).unwrap_or("second");
        writeln!(
            out,
            "\t\tlimit rate over {count}/{unit} burst {count} packets counter name c_{name}/over return"
        )?;
    }
    if profile.action.log || profile.action.audit {
        let kind = if profile.action.audit { "weir-audit" } else { "weir-allow" };
        out.push_str("\t\t");
        log(out, set.options.allow_log, &names::log_prefix(kind, &profile.policy), set.options.log)?;
    }
    writeln!(out, "\t\tcounter name c_{name} {}", accept(set, OPERATIONS))
}

/// The rate stands before `log`, or every packet would be logged.
pub(crate) fn log(out: &mut String, rate: LogRate, prefix: &str, destination: LogDestination) -> fmt::Result {
    write!(
        out,
        "limit rate {}/second burst {} packets log prefix \"{prefix}\"",
        rate.per_second, rate.burst
    )?;
    if let LogDestination::Nflog(group) = destination {
        write!(out, " group {group}")?;
    }
    out.write_char('\n')
}

/// For each hook the chain that looks a connection up by its original tuple, and returns if nothing accepts it.
///
/// The class stands in the packet mark, which is the packet's own: the connection mark is shared by all packets of a
/// connection, on all processors and under both generations during a switch.
pub(crate) fn lookups(out: &mut String, set: &Ruleset<'_>, suffix: &str) -> fmt::Result {
    for form in &set.form.hooks {
        if form.is_empty() {
            continue;
        }
        let hook = hook_name(form.hook);
        writeln!(out, "\tchain lookup_{hook}{suffix} {{")?;
        for index in 0..form.v4.layers.len().max(form.v6.layers.len()) {
            layer(out, set, form, hook, index, suffix)?;
        }
        out.push_str("\t}\n");
    }
    writeln!(out, "\tchain spoofed{suffix} {{")?;
    out.push_str("\t\t");
    log(out, set.options.deny_log, "weir-spoofed ", set.options.log)?;
    out.push_str("\t\tcounter name n_spoofed drop\n\t}\n");
    Ok(())
}

fn layer(
    out: &mut String,
    set: &Ruleset<'_>,
    form: &HookForm,
    hook: &str,
    index: usize,
    suffix: &str,
) -> fmt::Result {
    // A miss leaves the mark alone, so what an earlier layer or other software put there goes first.
    if [&form.v4, &form.v6].iter().any(|lookup| lookup.layers.get(index).is_some_and(Layer::classes)) {
        writeln!(out, "\t\t{}", set.marks.clear_packet())?;
    }
    for family in Family::BOTH {
        let lookup = form.family(family);
        let Some(layer) = lookup.layers.get(index) else { continue };
        let (ip, protocols) = match family {
            Family::V4 => ("ip", "tcp, udp, sctp, icmp"),
            Family::V6 => ("ip6", "tcp, udp, sctp, ipv6-icmp"),
        };
        // nft wants `meta l4proto` in the same rule; `ct protocol` is that of the connection, which an ICMP error
        // carries too.
        let lookup_in = |out: &mut String, source: &str, map: &str| {
            writeln!(
                out,
                "\t\tmeta l4proto {{ {protocols} }} {source} . ct original {ip} daddr . ct protocol . \
                 ct original proto-dst vmap @{map}{suffix}"
            )
        };
        if !layer.pairs.is_empty() {
            lookup_in(out, &format!("ct original {ip} saddr"), &source_map(hook, "pair", family, index))?;
        }
        if !layer.classes() {
            continue;
        }
        for (kind, used) in [("net", !layer.ranges.is_empty()), ("src", !layer.singles.is_empty())] {
            if used {
                let map = source_map(hook, kind, family, index);
                if set.marks.is_whole() {
                    writeln!(out, "\t\tmeta mark set ct original {ip} saddr map @{map}{suffix}")?;
                } else {
                    writeln!(out, "\t\tct original {ip} saddr vmap @{map}{suffix}")?;
                }
            }
        }
        for (kind, used) in [("key", !lookup.keys.is_empty()), ("box", !lookup.boxes.is_empty())] {
            if used {
                lookup_in(out, &set.marks.packet(), &format!("{hook}_{kind}{}", digit(family)))?;
            }
        }
    }
    Ok(())
}

/// The base chains: the same constant number of rules for every policy.
pub(crate) fn base(out: &mut String, set: &Ruleset<'_>, suffix: &str, part: Base) -> fmt::Result {
    for (name, hook) in base_chains(set) {
        writeln!(out, "\tchain {name} {{")?;
        if part != Base::Rules {
            writeln!(out, "\t\t{hook}")?;
        }
        if part != Base::Declaration {
            match name {
                "antispoof" => antispoof(out, set, suffix)?,
                "forward" => forward(out, set, suffix)?,
                "steer" => redirects::steer(out, set.plan, suffix)?,
                "bridged" => {
                    if let Some(bridges) = &set.bridges {
                        bridges.approve(out, set)?;
                    }
                }
                "input" => local(out, set, suffix, Hook::Input, Hook::Output, "iifname")?,
                _ => local(out, set, suffix, Hook::Output, Hook::Input, "oifname")?,
            }
        }
        out.push_str("\t}\n");
    }
    Ok(())
}

fn antispoof(out: &mut String, set: &Ruleset<'_>, suffix: &str) -> fmt::Result {
    out.push_str("\t\tiifname \"lo\" accept\n");
    writeln!(out, "\t\tmeta nfproto ipv4 iifname . ip saddr != @bind4{suffix} goto spoofed{suffix}")?;
    // Link-local and unspecified sources are never forwarded; neighbour discovery needs them in `input`.
    writeln!(
        out,
        "\t\tmeta nfproto ipv6 ip6 saddr != {{ ::, fe80::/10 }} iifname . ip6 saddr != @bind6{suffix} \
         goto spoofed{suffix}"
    )?;
    for family in Family::BOTH {
        if set.plan.mac_bindings.iter().any(|m| crate::elements::family_of(m.address) == family) {
            let (ip, digit) = if family == Family::V4 { ("ip", '4') } else { ("ip6", '6') };
            // Accept the right one and drop the rest: a packet without an Ethernet header must not slip through.
            writeln!(out, "\t\tiifname . {ip} saddr . ether saddr @mac{digit}{suffix} accept")?;
            writeln!(out, "\t\tiifname . {ip} saddr @macaddr{digit}{suffix} goto spoofed{suffix}")?;
        }
    }
    Ok(())
}

fn forward(out: &mut String, set: &Ruleset<'_>, suffix: &str) -> fmt::Result {
    if let Some(bridges) = &set.bridges {
        bridges.discovery(out, set.plan)?;
    }
    approved(out, set, "forward")?;
    if !set.form.hook(Hook::Forward).is_empty() {
        writeln!(out, "\t\tjump lookup_forward{suffix}")?;
    }
    denied(out, set, "forward")
}

/// `input` or `output`. A reply leaves by the other hook than its connection came by, so it is looked up there.
fn local(
    out: &mut String,
    set: &Ruleset<'_>,
    suffix: &str,
    hook: Hook,
    other: Hook,
    device: &str,
) -> fmt::Result {
    writeln!(out, "\t\t{device} \"lo\" accept")?;
    // Before any look at connection tracking, which does not track these.
    out.push_str(
        "\t\ticmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } \
         ip6 hoplimit 255 accept\n\
         \t\ticmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } \
         ip6 hoplimit 1 ip6 saddr { ::, fe80::/10 } accept\n",
    );
    let name = hook_name(hook);
    approved(out, set, name)?;
    if hook == Hook::Input {
        redirects::astray(out, set.plan, suffix)?;
    }
    for (direction, looked_up) in [("original", hook), ("reply", other)] {
        if !set.form.hook(looked_up).is_empty() {
            writeln!(out, "\t\tct direction {direction} jump lookup_{}{suffix}", hook_name(looked_up))?;
        }
    }
    let forward = set.form.hook(Hook::Forward);
    let profiles = &set.form.profiles;
    let unmarked =
        profiles.any_operations() || profiles.list.iter().any(|profile| profile.action.until.is_some());
    if hook == Hook::Output && !forward.is_empty() && unmarked {
        // This host's own errors (fragmentation needed, time exceeded) about forwarded connections that have no
        // epoch, because they end at a time or go by their operations.
        writeln!(
            out,
            "\t\tct state related meta l4proto {{ icmp, ipv6-icmp }} jump lookup_{}{suffix}",
            hook_name(Hook::Forward)
        )?;
    }
    denied(out, set, name)
}

fn approved(out: &mut String, set: &Ruleset<'_>, hook: &str) -> fmt::Result {
    writeln!(out, "\t\t{} accept", set.marks.connection_is(set.approved()))?;
    writeln!(out, "\t\tct state invalid counter name n_invalid_{hook} drop")
}

fn denied(out: &mut String, set: &Ruleset<'_>, hook: &str) -> fmt::Result {
    out.push_str("\t\t");
    log(out, set.options.deny_log, &format!("weir-denied {hook} "), set.options.log)?;
    writeln!(out, "\t\tcounter name n_denied_{hook} drop")
}
