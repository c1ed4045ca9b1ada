//! Addresses of names, as in hosts(5): an address, then its names. Importing asks no name server: what it would say tomorrow
//! is not what was reviewed.

use std::{collections::BTreeMap, net::IpAddr};

use weir_syntax::{Diagnostic, Span};

use crate::{Input, tree::Reader};

/// Reads a hosts file.
///
/// # Errors
/// Every line that does not begin with an address.
pub fn hosts(input: &Input<'_>) -> Result<BTreeMap<String, Vec<IpAddr>>, Vec<Diagnostic>> {
    let mut reader = Reader::new(input.file);
    let mut hosts: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    let mut at = 0;
    for line in input.text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let mut words =
            line.split('#').next().unwrap_or("").trim_start_matches('\u{feff}').split_whitespace();
        let Some(first) = words.next() else { continue };
        let Ok(address) = first.parse::<IpAddr>() else {
            let from = start + line.find(first).unwrap_or(0);
            let span = Span::new(from as u32, (from + first.len()) as u32);
            reader.wrong(span, format!("`{first}` is no address"), "write an address, then its names");
            continue;
        };
        for name in words {
            hosts.entry(name.trim_end_matches('.').to_ascii_lowercase()).or_default().push(address);
        }
    }
    for addresses in hosts.values_mut() {
        addresses.sort_unstable();
        addresses.dedup();
    }
    if reader.diagnostics.is_empty() { Ok(hosts) } else { Err(reader.diagnostics) }
}
