//! Rules that would permit what was seen, for a person to judge.

use std::collections::{BTreeMap, BTreeSet};

use weir_compiler::{
    flows::PortSet,
    model::{PrincipalKind, TransportMatch},
    plan::{PortMatch, Ranges},
};

use super::Record;
use crate::{Subject, access::service, diff::causes::covering_deny};

/// The protocol that a destination serves on a port.
pub(super) fn protocol_at(subject: &Subject, destination: u32, ports: &PortSet) -> Option<u32> {
    let model = subject.model();
    let served = model.principal(destination).serves().iter().map(|one| model.protocols.index(one.protocol));
    served.into_iter().find(|protocol| PortSet::of(&model.served_at(destination, *protocol)).covers(ports))
}

/// Weir text; empty, where nothing would be denied.
pub(super) fn propose(subject: &Subject, denied: &BTreeMap<(u32, u32, PortMatch), (u64, Record)>) -> String {
    let model = subject.model();
    // sources of one destination and service together
    let mut rules: BTreeMap<(u32, PortMatch), (Vec<(u32, u32)>, u64)> = BTreeMap::new();
    let mut refused = Vec::new();
    for ((source, destination, port), (records, _)) in denied {
        let ports = PortSet::of(&[TransportMatch::Ports(*port)]);
        let (from, to) = (subject.name(*source), subject.name(*destination));
        let what = format!("{from} -> {to} : {}", ports.describe());
        if let Some(deny) = covering_deny(subject, *source, *destination, &ports) {
            let place = subject.place(deny.file, deny.span);
            refused.push(format!(
                "// not proposed: {what}, which a `deny` covers ({place}); seen {}\n",
                times(*records)
            ));
        } else if model.principal(*source).kind == PrincipalKind::External
            || model.principal(*destination).kind == PrincipalKind::External
        {
            refused.push(format!(
                "// not proposed: {what}, since it crosses the border of the plant; seen {}\n",
                times(*records)
            ));
        } else {
            let rule = rules.entry((*destination, *port)).or_default();
            rule.0.push((*source, *source));
            rule.1 += records;
        }
    }
    if rules.is_empty() && refused.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "//! Proposed from observed traffic. That it was seen does not mean that it should be: judge each line.\n\n",
    );
    let mut used: BTreeSet<String> = BTreeSet::new();
    let mut lines = String::new();
    for ((destination, port), (sources, records)) in rules {
        let ports = PortSet::of(&[TransportMatch::Ports(port)]);
        let protocol = protocol_at(subject, destination, &ports);
        if let Some(protocol) = protocol {
            used.insert(model.protocols.get(protocol).name.clone());
        }
        // the protocol's own name finds the port that the destination serves it on
        let words = match protocol {
            Some(protocol) => {
                let name = &model.protocols.get(protocol).name;
                name.rsplit('.').next().unwrap_or(name).to_owned()
            }
            None => service(model, &ports, None, None),
        };
        let sources = Ranges::from_unsorted(sources);
        let names: Vec<&str> = sources.members().map(|id| subject.name(id)).collect();
        lines.push_str(&format!(
            "    /// Seen {}.\n    allow {} -> {} : {words}\n",
            times(records),
            names.join(" | "),
            subject.name(destination)
        ));
    }
    for name in used.iter().filter(|name| name.contains('.')) {
        out.push_str(&format!("use {name}\n"));
    }
    if !lines.is_empty() {
        out.push_str(&format!("\npolicy observed {{\n    owner = \"somebody@example.com\"\n\n{lines}}}\n"));
    }
    if !refused.is_empty() {
        out.push('\n');
        out.push_str(&refused.concat());
    }
    out
}

fn times(records: u64) -> String {
    if records == 1 { "once".to_owned() } else { format!("{records} times") }
}
