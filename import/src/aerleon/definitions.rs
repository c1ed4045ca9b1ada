//! Names for networks and services: `.net`, `.svc`, and both in YAML.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use weir_syntax::Span;

use crate::{
    Input, Place, Transport,
    tree::{Node, Reader, Value},
};

#[derive(Debug, Default)]
pub(super) struct Definitions {
    pub(super) networks: BTreeMap<String, Network>,
    pub(super) services: BTreeMap<String, Service>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    pub(super) place: Place,
    pub(super) prefixes: Vec<IpNet>,
    pub(super) names: Vec<String>,
    /// Other networks, each with where it is named.
    pub(super) others: Vec<(String, Place)>,
    /// What is no address. It is an error where the network is needed: who defined it may never have used it.
    pub(super) broken: Vec<(String, Place)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Service {
    pub(super) place: Place,
    pub(super) ports: Vec<Transport>,
    /// Ports of protocols that Weir does not have.
    pub(super) foreign: Vec<String>,
    pub(super) others: Vec<(String, Place)>,
}

impl Definitions {
    /// `NAME = VALUE VALUE # comment`, more values on the lines below.
    pub(super) fn lines(&mut self, reader: &mut Reader, input: &Input<'_>, networks: bool) {
        let mut current: Option<String> = None;
        let mut at = if input.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        for line in input.text.get(at..).unwrap_or("").split_inclusive('\n') {
            let start = at;
            at += line.len();
            let code = line.split('#').next().unwrap_or("");
            let (name, values) = match code.split_once('=') {
                Some((name, values)) => (Some(name), values),
                None => (None, code),
            };
            let file = reader.file;
            // parts of the line lie in it: their distance is their offset
            let place = |part: &str| {
                let from = (start + (part.as_ptr().addr() - line.as_ptr().addr())) as u32;
                Place { file, span: Span::new(from, from + part.len() as u32) }
            };
            if let Some(name) = name {
                let name = name.trim();
                let place = place(name);
                if !is_token(name) {
                    let help =
                        "a definition is `NAME = values`; names have letters, digits, `-`, `_` and `.`";
                    reader.wrong(place.span, format!("`{name}` is no name of a definition"), help);
                    current = None;
                    continue;
                }
                current = self.begin(reader, name, place, networks).then(|| name.to_owned());
            }
            for value in values.split_whitespace() {
                let place = place(value);
                match &current {
                    Some(name) if networks => self.network_value(&name.clone(), value, place),
                    Some(name) => self.service_value(reader, &name.clone(), value, place),
                    None if name.is_some() => {}
                    None => {
                        let help = "a file of definitions begins with `NAME = values`";
                        reader.wrong(place.span, format!("`{value}` belongs to no definition"), help);
                        return;
                    }
                }
            }
        }
    }

    /// Whether a definition of this name may begin.
    fn begin(&mut self, reader: &mut Reader, name: &str, place: Place, networks: bool) -> bool {
        let first = if networks {
            self.networks.get(name).map(|network| network.place)
        } else {
            self.services.get(name).map(|service| service.place)
        };
        if first.is_some() {
            reader.wrong(place.span, format!("`{name}` is defined twice"), "remove one of the two");
            return false;
        }
        if networks {
            self.networks.insert(name.into(), Network { place, ..Network::default() });
        } else {
            self.services.insert(name.into(), Service { place, ..Service::default() });
        }
        true
    }

    fn network_value(&mut self, name: &str, value: &str, place: Place) {
        let Some(network) = self.networks.get_mut(name) else { return };
        if value.starts_with(|first: char| first.is_ascii_digit()) || value.contains(':') {
            let prefix = value.parse::<IpNet>();
            match prefix.or_else(|_| value.parse::<std::net::IpAddr>().map(IpNet::from)) {
                Ok(prefix) => network.prefixes.push(prefix.trunc()),
                Err(_) => network.broken.push((value.into(), place)),
            }
        } else if value.contains('.') {
            network.names.push(value.to_ascii_lowercase());
        } else {
            network.others.push((value.into(), place));
        }
    }

    fn service_value(&mut self, reader: &mut Reader, name: &str, value: &str, place: Place) {
        let Some(service) = self.services.get_mut(name) else { return };
        let Some((ports, protocol)) = value.split_once('/') else {
            service.others.push((value.into(), place));
            return;
        };
        match (range(ports), protocol) {
            (Some((first, last)), "tcp") => service.ports.push(Transport::Tcp(first, last)),
            (Some((first, last)), "udp") => service.ports.push(Transport::Udp(first, last)),
            (Some((first, last)), "sctp") => service.ports.push(Transport::Sctp(first, last)),
            (Some(_), other) => service.foreign.push(other.into()),
            (None, _) => reader.wrong(
                place.span,
                format!("`{value}` is no service"),
                "write `22/tcp`, `1024-65535/udp`, or the name of another definition",
            ),
        }
    }

    /// `networks: {NAME: {values: [{address: …}]}}`, and services likewise.
    pub(super) fn yaml(&mut self, reader: &mut Reader, document: &Node) {
        for (kind, networks) in [("networks", true), ("services", false)] {
            let Some(map) = reader.map_of(document, kind) else { continue };
            for (key, definition) in map.entries() {
                let place = Place { file: reader.file, span: key.span };
                if !self.begin(reader, &key.text, place, networks) {
                    continue;
                }
                let items: &[Node] = match &definition.value {
                    Value::List(list) => list,
                    Value::Map(_) => reader.list_of(definition, "values"),
                    _ => {
                        reader.wrong(
                            definition.span,
                            format!("`{}` has no values", key.text),
                            "write `values: […]`",
                        );
                        continue;
                    }
                };
                for item in items {
                    if networks {
                        self.network_item(reader, &key.text, item);
                    } else {
                        self.service_item(reader, &key.text, item);
                    }
                }
            }
        }
    }

    fn network_item(&mut self, reader: &mut Reader, name: &str, item: &Node) {
        let place = Place { file: reader.file, span: item.span };
        if let Value::Text(text) = &item.value {
            return self.network_value(name, text, place);
        }
        // `ip` is how it was called first
        for key in ["name", "address", "ip", "fqdn"] {
            let Some(text) = reader.text_of(item, key) else { continue };
            let place = Place { file: reader.file, span: item.get(key).map_or(item.span, |node| node.span) };
            let Some(network) = self.networks.get_mut(name) else { return };
            match key {
                "name" => network.others.push((text.into(), place)),
                "fqdn" => network.names.push(text.to_ascii_lowercase()),
                _ => self.network_value(name, text, place),
            }
            return;
        }
        let help = "write `address: 10.0.0.0/8`, `fqdn: …`, or `name:` of another definition";
        reader.wrong(item.span, format!("this value of `{name}` says nothing"), help);
    }

    fn service_item(&mut self, reader: &mut Reader, name: &str, item: &Node) {
        let place =
            Place { file: reader.file, span: item.entries().first().map_or(item.span, |(key, _)| key.span) };
        if let Value::Text(text) = &item.value {
            return self.service_value(reader, name, text, place);
        }
        if let Some(other) = reader.text_of(item, "name") {
            if let Some(service) = self.services.get_mut(name) {
                service.others.push((other.into(), place));
            }
            return;
        }
        let word = |node: Option<&Node>| match node.map(|node| &node.value) {
            Some(Value::Text(text)) => Some(text.clone()),
            Some(Value::Integer(number)) => Some(number.to_string()),
            _ => None,
        };
        match (word(item.get("port")), word(item.get("protocol"))) {
            (Some(port), Some(protocol)) => {
                self.service_value(reader, name, &format!("{port}/{protocol}"), place);
            }
            _ => {
                let help = "write `protocol: tcp` and `port: 22`, or `name:` of another definition";
                reader.wrong(place.span, format!("this value of `{name}` says nothing"), help);
            }
        }
    }

    /// All definitions that one names, itself included; an unknown one is returned with where it is named.
    pub(super) fn networks_of(&self, name: &str) -> Result<BTreeSet<&str>, (String, Option<Place>)> {
        let mut found = BTreeSet::new();
        let mut open = vec![(name, None)];
        while let Some((name, place)) = open.pop() {
            let Some((own, network)) = self.networks.get_key_value(name) else {
                return Err((name.to_owned(), place));
            };
            if found.insert(own.as_str()) {
                open.extend(network.others.iter().map(|(other, place)| (other.as_str(), Some(*place))));
            }
        }
        Ok(found)
    }

    /// All ports of a service and those that it names, and protocols of it that Weir does not have.
    pub(super) fn ports_of(
        &self,
        name: &str,
    ) -> Result<(Vec<Transport>, Vec<&str>), (String, Option<Place>)> {
        let (mut ports, mut foreign) = (Vec::new(), Vec::new());
        let mut found = BTreeSet::new();
        let mut open = vec![(name, None)];
        while let Some((name, place)) = open.pop() {
            let Some(service) = self.services.get(name) else { return Err((name.to_owned(), place)) };
            if found.insert(name) {
                ports.extend(service.ports.iter().copied());
                foreign.extend(service.foreign.iter().map(String::as_str));
                open.extend(service.others.iter().map(|(other, place)| (other.as_str(), Some(*place))));
            }
        }
        ports.sort_unstable();
        ports.dedup();
        Ok((ports, foreign))
    }
}

fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '/'))
}

/// `22`, `1024-65535`; a range from 0 begins with 1, for no connection has port 0.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last > 0).then(|| (first.max(1), last))
}
