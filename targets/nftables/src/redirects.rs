//! Connections that a proxy of the gateway takes for others.
//!
//! Only the first packet of a connection comes by the chain of type `nat`; where it leads stays with the connection, from
//! one policy to the next. So `input` checks that a connection which was redirected arrives at the port that this policy
//! has for its destination, before it looks it up.

use std::fmt::{self, Write};

use weir_compiler::plan::{GatewayPlan, Redirect};

use crate::elements::{close, digit, family_of, open, write_address, write_range};
use crate::names;
use crate::ruleset::Text;
use crate::sets::{Family, Range};

/// The sources of a redirect, which are of one family.
fn sources(redirect: &Redirect) -> impl Iterator<Item = Range> + '_ {
    let v4 = redirect.sources.v4.iter().map(|(first, last)| (u128::from(first), u128::from(last)));
    v4.chain(redirect.sources.v6.iter())
}

/// How many elements it becomes.
pub(crate) fn elements(redirect: &Redirect) -> usize {
    sources(redirect).count() + 1
}

fn of(plan: &GatewayPlan, family: Family) -> impl Iterator<Item = &Redirect> {
    plan.redirects.iter().filter(move |redirect| family_of(redirect.destination) == family)
}

fn families(plan: &GatewayPlan) -> impl Iterator<Item = Family> + '_ {
    Family::BOTH.into_iter().filter(|family| of(plan, *family).next().is_some())
}

/// Maps and sets, without the suffix of a generation.
pub(crate) fn names(plan: &GatewayPlan) -> impl Iterator<Item = (&'static str, String)> + '_ {
    families(plan).flat_map(|family| {
        let digit = digit(family);
        [("map", format!("steer{digit}")), ("set", format!("steered{digit}"))]
    })
}

fn number(redirect: &Redirect) -> u128 {
    match redirect.destination {
        std::net::IpAddr::V4(address) => address.to_bits().into(),
        std::net::IpAddr::V6(address) => address.to_bits(),
    }
}

/// Who is led where, and which port belongs to which destination.
pub(crate) fn tables(out: &mut String, plan: &GatewayPlan, text: Text<'_>) -> fmt::Result {
    let suffix = text.suffix;
    let mut comment = String::new();
    for family in families(plan) {
        let (digit, address) = (digit(family), if family == Family::V4 { "ipv4_addr" } else { "ipv6_addr" });
        let mut redirects: Vec<&Redirect> = of(plan, family).collect();
        redirects.sort_by_key(|redirect| (redirect.destination, redirect.port));
        let wide = redirects.iter().any(|redirect| sources(redirect).any(|(first, last)| first != last));
        writeln!(out, "\tmap steer{digit}{suffix} {{")?;
        writeln!(out, "\t\ttype {address} . {address} . inet_service : inet_service")?;
        if wide {
            out.push_str("\t\tflags interval\n");
        }
        open(out)?;
        for redirect in &redirects {
            if text.comments {
                let ids = redirect.statements.iter().filter_map(|id| plan.statements.get(*id as usize));
                let ids: Vec<&str> = ids.map(|statement| statement.id.as_str()).collect();
                names::comment(&mut comment, ids.into_iter());
            }
            for range in sources(redirect) {
                out.push_str("\t\t\t");
                write_range(out, family, range)?;
                out.push_str(" . ");
                write_address(out, family, number(redirect))?;
                write!(out, " . {}", redirect.port)?;
                if text.comments {
                    write!(out, " comment \"{comment}\"")?;
                }
                writeln!(out, " : {},", redirect.to)?;
            }
        }
        close(out);
        writeln!(out, "\tset steered{digit}{suffix} {{")?;
        writeln!(out, "\t\ttype {address} . inet_service . inet_service")?;
        open(out)?;
        for redirect in &redirects {
            out.push_str("\t\t\t");
            write_address(out, family, number(redirect))?;
            writeln!(out, " . {} . {},", redirect.port, redirect.to)?;
        }
        close(out);
    }
    Ok(())
}

/// The rules of the chain `steer`.
pub(crate) fn steer(out: &mut String, plan: &GatewayPlan, suffix: &str) -> fmt::Result {
    for family in families(plan) {
        let (ip, digit) = (name(family), digit(family));
        writeln!(
            out,
            "\t\tmeta l4proto tcp redirect to :{ip} saddr . {ip} daddr . tcp dport map @steer{digit}{suffix}"
        )?;
    }
    Ok(())
}

/// Refuses what another policy, or somebody else, has led to another port.
pub(crate) fn astray(out: &mut String, plan: &GatewayPlan, suffix: &str) -> fmt::Result {
    for family in families(plan) {
        let (ip, digit) = (name(family), digit(family));
        writeln!(
            out,
            "\t\tct direction original ct status dnat meta l4proto tcp ct original {ip} daddr . ct original proto-dst . \
             tcp dport != @steered{digit}{suffix} counter name n_denied_input drop"
        )?;
    }
    Ok(())
}

fn name(family: Family) -> &'static str {
    if family == Family::V4 { "ip" } else { "ip6" }
}
