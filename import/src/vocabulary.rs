//! What the standard library has names for: protocols with their ports, and classes of devices.

use std::collections::BTreeMap;

use weir_syntax::{
    FileId,
    ast::{Declaration, Entry, Expr, ExprKind, ItemKind},
    parse,
};

use crate::inventory::{Inventory, Transport};

/// Which of several protocols a port means, where nothing else says so.
const USUAL: [&str; 3] = ["https", "http", "ssh"];

#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    protocols: BTreeMap<String, Protocol>,
    /// By name, their module.
    classes: BTreeMap<String, String>,
    ports: BTreeMap<Transport, Vec<String>>,
}

#[derive(Clone, Debug)]
struct Protocol {
    module: String,
    transports: Vec<Transport>,
}

impl Vocabulary {
    /// From the library's files, each with its path: `std/ot/modbus.weir`.
    pub fn new<'t>(files: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let mut vocabulary = Self::default();
        for (path, text) in files {
            let module = path.rsplit_once('/').map_or(path, |(folder, _)| folder).replace('/', ".");
            for item in parse(text, FileId(0)).file.items {
                if let ItemKind::Declaration(declaration) = &item.kind {
                    vocabulary.take(declaration, &module);
                }
            }
        }
        vocabulary
    }

    fn take(&mut self, declaration: &Declaration, module: &str) {
        let name = declaration.name.text.to_string();
        match declaration.keyword.text.as_str() {
            "class" => {
                self.classes.insert(name, module.into());
            }
            "protocol" => {
                let entries = declaration.body.iter().flat_map(|body| &body.entries);
                let value = entries.into_iter().find_map(|entry| match entry {
                    Entry::Attribute(attribute) if attribute.name.text == "transport" => {
                        Some(&attribute.value)
                    }
                    _ => None,
                });
                let transports = value.map(transports).unwrap_or_default();
                for transport in &transports {
                    self.ports.entry(*transport).or_default().push(name.clone());
                }
                self.protocols.insert(name, Protocol { module: module.into(), transports });
            }
            _ => {}
        }
    }

    /// The protocol of this name.
    pub(crate) fn has_protocol(&self, name: &str) -> bool {
        self.protocols.contains_key(name)
    }

    pub(crate) fn protocols(&self) -> impl Iterator<Item = &str> {
        self.protocols.keys().map(String::as_str)
    }

    pub(crate) fn classes(&self) -> impl Iterator<Item = &str> {
        self.classes.keys().map(String::as_str)
    }

    /// Whether a protocol's only transport is this one.
    pub(crate) fn is_default(&self, name: &str, transport: Transport) -> bool {
        self.protocols.get(name).is_some_and(|protocol| protocol.transports == [transport])
    }

    /// Whether a protocol runs over this kind of transport, whatever the port.
    pub(crate) fn runs_over(&self, name: &str, transport: Transport) -> bool {
        let alike = |own: &Transport| std::mem::discriminant(own) == std::mem::discriminant(&transport);
        self.protocols.get(name).is_some_and(|protocol| protocol.transports.iter().any(alike))
    }

    /// The protocol that a port is known for, if it is known for one, and that one has no other port.
    pub(crate) fn of_port(&self, transport: Transport) -> Option<&str> {
        let known = self.ports.get(&transport)?;
        let found = match known.as_slice() {
            [only] => Some(only.as_str()),
            several => USUAL.into_iter().find(|usual| several.iter().any(|known| known == usual)),
        };
        found.filter(|name| self.is_default(name, transport))
    }

    /// Has the inventory's text bring in a name, where the library has it.
    pub(crate) fn bring(&self, inventory: &mut Inventory, name: &str) {
        let protocol = self.protocols.get(name).map(|protocol| &protocol.module);
        if let Some(module) = protocol.or_else(|| self.classes.get(name)) {
            inventory.uses.entry(module.clone()).or_default().insert(name.into());
        }
    }
}

/// `tcp/502`, `udp/34962..34964`, or a list of those.
fn transports(value: &Expr) -> Vec<Transport> {
    match &value.kind {
        ExprKind::List(list) => list.iter().flat_map(transports).collect(),
        ExprKind::Slash(name, ports) => {
            let number = |expr: &Expr| match expr.kind {
                ExprKind::Integer(number) => u16::try_from(number).ok(),
                _ => None,
            };
            let ports = match &ports.kind {
                ExprKind::Range(first, last) => number(first).zip(number(last)),
                _ => number(ports).map(|port| (port, port)),
            };
            let name = name.as_word().map(|name| name.text.as_str());
            match (name, ports) {
                (Some("tcp"), Some((first, last))) => vec![Transport::Tcp(first, last)],
                (Some("udp"), Some((first, last))) => vec![Transport::Udp(first, last)],
                (Some("sctp"), Some((first, last))) => vec![Transport::Sctp(first, last)],
                _ => Vec::new(),
            }
        }
        ExprKind::Path(_) if value.as_word().is_some_and(|word| word.text == "icmp") => vec![Transport::Icmp],
        _ => Vec::new(),
    }
}
