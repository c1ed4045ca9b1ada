//! Maps and sets as text. Bulk goes straight into the buffer, one element a line, so that diffs stay small.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv6Addr};

use weir_compiler::plan::{AddressSet, GatewayPlan, Hook, Ranges, Transport};

use crate::content::Key;
use crate::names;
use crate::normal::{ClassId, Layer, Lookup, hook_name};
use crate::ruleset::{Ruleset, Text};
use crate::sets::{Family, Range};

/// The name of a source map: `forward_src4`, and `forward_src4_2` in the second layer.
pub(crate) fn source_map(hook: &str, kind: &str, family: Family, layer: usize) -> String {
    let family = digit(family);
    match layer {
        0 => format!("{hook}_{kind}{family}"),
        _ => format!("{hook}_{kind}{family}_{}", layer + 1),
    }
}

pub(crate) fn digit(family: Family) -> char {
    match family {
        Family::V4 => '4',
        Family::V6 => '6',
    }
}

fn address_type(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4_addr",
        Family::V6 => "ipv6_addr",
    }
}

/// Maps from source to class, then from class and destination to verdict.
pub(crate) fn lookups(out: &mut String, set: &Ruleset<'_>, text: Text<'_>) -> fmt::Result {
    let mut comment = String::new();
    for form in &set.form.hooks {
        let hook = hook_name(form.hook);
        for family in Family::BOTH {
            let lookup = form.family(family);
            for (index, layer) in lookup.layers.iter().enumerate() {
                if !layer.pairs.is_empty() {
                    let address = address_type(family);
                    let name = source_map(hook, "pair", family, index);
                    writeln!(out, "\tmap {name}{} {{", text.suffix)?;
                    writeln!(out, "\t\ttype {address} . {address} . inet_proto . inet_service : verdict")?;
                    open(out)?;
                    for (source, key) in &layer.pairs {
                        out.push_str("\t\t\t");
                        write_address(out, family, *source)?;
                        set.key(out, family, key, text, &mut comment)?;
                    }
                    close(out);
                }
                sources(out, set, form.hook, family, index, layer, text.suffix)?;
            }
            destinations(out, set, form.hook, family, lookup, text)?;
        }
    }
    Ok(())
}

fn sources(
    out: &mut String,
    set: &Ruleset<'_>,
    hook: Hook,
    family: Family,
    index: usize,
    layer: &Layer,
    suffix: &str,
) -> fmt::Result {
    let data = if set.marks.is_whole() { "mark" } else { "verdict" };
    let push = |out: &mut String, class: ClassId| {
        if set.marks.is_whole() {
            push_class(out, class);
            return Ok(());
        }
        write!(out, "jump k_{}{suffix}", set.classes.of(hook, family, class))
    };
    if !layer.singles.is_empty() {
        let name = source_map(hook_name(hook), "src", family, index);
        writeln!(out, "\tmap {name}{suffix} {{\n\t\ttype {} : {data}", address_type(family))?;
        open(out)?;
        for (address, class) in &layer.singles {
            out.push_str("\t\t\t");
            write_address(out, family, *address)?;
            out.push_str(" : ");
            push(out, *class)?;
            out.push_str(",\n");
        }
        close(out);
    }
    if !layer.ranges.is_empty() {
        let name = source_map(hook_name(hook), "net", family, index);
        writeln!(
            out,
            "\tmap {name}{suffix} {{\n\t\ttype {} : {data}\n\t\tflags interval",
            address_type(family)
        )?;
        open(out)?;
        for (range, class) in &layer.ranges {
            out.push_str("\t\t\t");
            write_range(out, family, *range)?;
            out.push_str(" : ");
            push(out, *class)?;
            out.push_str(",\n");
        }
        close(out);
    }
    Ok(())
}

fn destinations(
    out: &mut String,
    set: &Ruleset<'_>,
    hook: Hook,
    family: Family,
    lookup: &Lookup,
    text: Text<'_>,
) -> fmt::Result {
    let value = |class: ClassId| set.marks.place(set.classes.of(hook, family, class));
    let hook = hook_name(hook);
    let kind = format!("\t\ttype mark . {} . inet_proto . inet_service : verdict", address_type(family));
    let (digit, suffix) = (digit(family), text.suffix);
    let mut comment = String::new();
    if !lookup.keys.is_empty() {
        writeln!(out, "\tmap {hook}_key{digit}{suffix} {{\n{kind}")?;
        open(out)?;
        for (class, key) in &lookup.keys {
            out.push_str("\t\t\t");
            push_class(out, value(*class));
            set.key(out, family, key, text, &mut comment)?;
        }
        close(out);
    }
    if !lookup.boxes.is_empty() {
        writeln!(out, "\tmap {hook}_box{digit}{suffix} {{\n{kind}\n\t\tflags interval")?;
        open(out)?;
        for (class, wide) in &lookup.boxes {
            out.push_str("\t\t\t");
            push_class(out, value(*class));
            out.push_str(" . ");
            write_range(out, family, wide.destinations)?;
            push_all(out, &[" . ", transport(wide.transport, family), " . "]);
            push_number(out, wide.ports.0);
            if wide.ports.1 > wide.ports.0 {
                write!(out, "-{}", wide.ports.1)?;
            }
            if text.comments {
                set.comment(&mut comment, wide.origin);
                push_all(out, &[" comment \"", &comment, "\""]);
            }
            push_all(out, &[" : jump ", &set.verdicts[wide.verdict as usize], suffix, ",\n"]);
        }
        close(out);
    }
    Ok(())
}

/// A set of source addresses, bound to the devices that they arrive by.
pub(crate) fn binding<'a>(
    out: &mut String,
    family: Family,
    sources: impl Iterator<Item = (&'a str, &'a AddressSet)>,
    suffix: &str,
) -> fmt::Result {
    let kind = address_type(family);
    writeln!(out, "\tset bind{}{suffix} {{\n\t\ttype ifname . {kind}\n\t\tflags interval", digit(family))?;
    // Overlapping intervals would be refused: one merged set per device.
    let mut ranges: std::collections::BTreeMap<&str, Vec<Range>> = std::collections::BTreeMap::new();
    for (device, sources) in sources {
        let all = ranges.entry(device).or_default();
        match family {
            Family::V4 => all.extend(sources.v4.iter().map(|(a, b)| (u128::from(a), u128::from(b)))),
            Family::V6 => all.extend(sources.v6.iter()),
        }
    }
    ranges.retain(|_, ranges| !ranges.is_empty());
    if ranges.is_empty() {
        out.push_str("\t}\n");
        return Ok(());
    }
    open(out)?;
    for (device, ranges) in ranges {
        for range in Ranges::from_unsorted(ranges).iter() {
            write!(out, "\t\t\t\"{device}\" . ")?;
            write_range(out, family, range)?;
            out.push_str(",\n");
        }
    }
    close(out);
    Ok(())
}

/// The sets of bound source addresses and of stations with a declared MAC address.
pub(crate) fn bindings(out: &mut String, plan: &GatewayPlan, suffix: &str) -> fmt::Result {
    for family in Family::BOTH {
        let sources = plan.bindings.iter().map(|binding| (binding.device.as_str(), &binding.sources));
        binding(out, family, sources, suffix)?;
    }
    for family in Family::BOTH {
        let mut stations: Vec<_> =
            plan.mac_bindings.iter().filter(|m| family_of(m.address) == family).collect();
        if stations.is_empty() {
            continue;
        }
        stations.sort_unstable();
        stations.dedup();
        let (kind, digit) = (address_type(family), digit(family));
        writeln!(out, "\tset mac{digit}{suffix} {{\n\t\ttype ifname . {kind} . ether_addr")?;
        open(out)?;
        for station in &stations {
            write!(out, "\t\t\t\"{}\" . {} . ", station.device, station.address)?;
            push_mac(out, station.mac);
            out.push_str(",\n");
        }
        close(out);
        let mut addresses: Vec<_> = stations.iter().map(|m| (&m.device, m.address)).collect();
        addresses.sort_unstable();
        addresses.dedup();
        writeln!(out, "\tset macaddr{digit}{suffix} {{\n\t\ttype ifname . {kind}")?;
        open(out)?;
        for (device, address) in addresses {
            writeln!(out, "\t\t\t\"{device}\" . {address},")?;
        }
        close(out);
    }
    Ok(())
}

pub(crate) fn family_of(address: IpAddr) -> Family {
    if address.is_ipv4() { Family::V4 } else { Family::V6 }
}

pub(crate) fn push_mac(out: &mut String, mac: [u8; 6]) {
    for (index, byte) in mac.into_iter().enumerate() {
        if index > 0 {
            out.push(':');
        }
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
}

pub(crate) fn open(out: &mut String) -> fmt::Result {
    out.write_str("\t\telements = {\n")
}

/// Ends the elements of a set and the set; nft 1.0.6 wants each brace on a line of its own.
pub(crate) fn close(out: &mut String) {
    if out.ends_with(",\n") {
        out.truncate(out.len() - 2);
        out.push('\n');
    }
    out.push_str("\t\t}\n\t}\n");
}

fn transport(transport: Transport, family: Family) -> &'static str {
    match (transport, family) {
        (Transport::Tcp, _) => "tcp",
        (Transport::Udp, _) => "udp",
        (Transport::Sctp, _) => "sctp",
        (Transport::IcmpEcho, Family::V4) => "icmp",
        (Transport::IcmpEcho, Family::V6) => "ipv6-icmp",
    }
}

pub(crate) fn write_address(out: &mut String, family: Family, address: u128) -> fmt::Result {
    match family {
        Family::V4 => {
            let [a, b, c, d] = (address as u32).to_be_bytes();
            for byte in [a, b, c] {
                push_number(out, byte.into());
                out.push('.');
            }
            push_number(out, d.into());
            Ok(())
        }
        Family::V6 => write!(out, "{}", Ipv6Addr::from_bits(address)),
    }
}

/// Decimal, several times as fast as the formatting machinery; there are millions of these.
fn push_number(out: &mut String, number: u16) {
    let mut divisor = 10_000;
    while divisor > 1 && number < divisor {
        divisor /= 10;
    }
    while divisor > 0 {
        out.push(char::from(b'0' + (number / divisor % 10) as u8));
        divisor /= 10;
    }
}

fn push_all(out: &mut String, parts: &[&str]) {
    for part in parts {
        out.push_str(part);
    }
}

/// `0x` and eight digits.
fn push_class(out: &mut String, class: u32) {
    out.push_str("0x");
    for shift in (0..8).rev() {
        out.push(char::from(b"0123456789abcdef"[(class >> (shift * 4) & 15) as usize]));
    }
}

/// A prefix where the range is one, else `first-last`.
pub(crate) fn write_range(out: &mut String, family: Family, (first, last): Range) -> fmt::Result {
    write_address(out, family, first)?;
    if first == last {
        return Ok(());
    }
    let bits = match family {
        Family::V4 => 32,
        Family::V6 => 128,
    };
    let free = (last - first).trailing_ones();
    let whole = (last - first).checked_shr(free).unwrap_or(0) == 0;
    if whole && first.checked_shr(free).unwrap_or(0).checked_shl(free).unwrap_or(0) == first {
        return write!(out, "/{}", bits - free);
    }
    out.push('-');
    write_address(out, family, last)
}

impl Ruleset<'_> {
    /// The rest of an element after the source.
    fn key(
        &self,
        out: &mut String,
        family: Family,
        key: &Key,
        text: Text<'_>,
        comment: &mut String,
    ) -> fmt::Result {
        out.push_str(" . ");
        write_address(out, family, key.destination)?;
        push_all(out, &[" . ", transport(key.transport, family), " . "]);
        push_number(out, key.port);
        if text.comments {
            self.comment(comment, key.origin);
            push_all(out, &[" comment \"", comment, "\""]);
        }
        push_all(out, &[" : jump ", &self.verdicts[key.verdict as usize], text.suffix, ",\n"]);
        Ok(())
    }

    /// The comment of an element: the statements it stands for.
    fn comment(&self, out: &mut String, origin: crate::content::OriginId) {
        let ids =
            self.form.origins.get(&origin).iter().map(|id| self.plan.statements[*id as usize].id.as_str());
        names::comment(out, ids);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    #[test]
    fn ranges_are_prefixes_where_they_can_be() {
        let text = |family, range| {
            let mut out = String::new();
            write_range(&mut out, family, range).unwrap();
            out
        };
        assert_eq!(text(Family::V4, (0, u128::from(u32::MAX))), "0.0.0.0/0");
        assert_eq!(text(Family::V6, (0, u128::MAX)), "::/0");
        assert_eq!(text(Family::V4, (0x0a00_0000, 0x0a00_00ff)), "10.0.0.0/24");
        assert_eq!(text(Family::V4, (0x0a00_0001, 0x0a00_0002)), "10.0.0.1-10.0.0.2");
        assert_eq!(text(Family::V4, (0x0a00_0001, 0x0a00_0001)), "10.0.0.1");
        assert_eq!(text(Family::V4, (0x0a00_0080, 0x0a00_017f)), "10.0.0.128-10.0.1.127");
        assert_eq!(text(Family::V6, (1, u128::MAX)), "::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    }
}
