//! From description files to classes, devices and flows.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Options,
    entries::{ALL_PORTS, Entry, Peer, Ports, Protocol, Unsaid, Way, entry},
};
use crate::{
    Extent, Fate, Flow, Imported, Input, Inventory, Item, Kind, Left, Place, Policy, Service, Transport,
    Value, Vocabulary, json,
    ledger::Record,
    names::Names,
    tree::{self, Node, Reader},
};

/// Reads descriptions, one a file.
pub fn read(inputs: &[Input<'_>], options: &Options<'_>, vocabulary: &Vocabulary) -> Imported {
    let inventory = Inventory { format: "mud", unit: "access control entry", ..Inventory::default() };
    let mut import = Import {
        imported: Imported { inventory, ..Imported::default() },
        names: Names::default(),
        externals: BTreeMap::new(),
        unbound: BTreeSet::new(),
        addresses: Vec::new(),
        undeclared: Vec::new(),
        options,
    };
    import.names.reserve(options.network);
    options.bound.values().for_each(|name| import.names.reserve(name));
    vocabulary.protocols().chain(vocabulary.classes()).for_each(|name| import.names.reserve(name));
    vocabulary.bring(&mut import.imported.inventory, "Device");
    for input in inputs {
        match json::document(input.file, input.text) {
            Ok(document) => import.file(input, &document),
            Err(diagnostic) => import.imported.diagnostics.push(*diagnostic),
        }
    }
    import.finish()
}

struct Import<'o> {
    imported: Imported,
    names: Names,
    /// What lies outside, each with the name of its declaration.
    externals: BTreeMap<Peer, (String, Place)>,
    /// Who is not named by the site.
    unbound: BTreeSet<String>,
    /// Of the device whose description is read, where they are said.
    addresses: Vec<std::net::IpAddr>,
    /// Classes without a device.
    undeclared: Vec<String>,
    options: &'o Options<'o>,
}

impl Import<'_> {
    fn file(&mut self, input: &Input<'_>, document: &Node) {
        let mut reader = Reader::new(input.file);
        self.description(&mut reader, input, document);
        self.imported.diagnostics.append(&mut reader.diagnostics);
    }

    fn description(&mut self, reader: &mut Reader, input: &Input<'_>, document: &Node) {
        if !reader.map(document, "a description") {
            return;
        }
        let place = |node: &Node| Place { file: input.file, span: node.span };
        let Some(mud) = document.get("ietf-mud:mud").filter(|mud| reader.map(mud, "ietf-mud:mud")) else {
            let help = "a MUD file has a container `ietf-mud:mud` (RFC 8520, 3)";
            return reader.wrong(document.span, "this is no MUD file", help);
        };
        let key_place = document
            .entries()
            .iter()
            .find(|(key, _)| key.text == "ietf-mud:mud")
            .map_or_else(|| place(mud), |(key, _)| Place { file: input.file, span: key.span });
        let file_stem = input.path.rsplit(['/', '\\']).next().unwrap_or_default();
        let file_stem = file_stem.split('.').next().unwrap_or_default();
        let model = reader.text_of(mud, "model-name").map(str::to_owned);
        let shown = reader.text_of(mud, "systeminfo").unwrap_or(file_stem).to_owned();
        let name = self.names.give([file_stem.trim_end_matches("Mud"), file_stem]);
        let class = self.names.give_class(&name);
        let mut of_class = Item::new(Kind::Class, class.clone(), key_place);
        of_class.class = Some("Device".into());
        of_class.documentation.push(shown.clone());
        of_class.documentation.extend(reader.text_of(mud, "mud-url").map(str::to_owned));
        let vendor = reader.text_of(mud, "mfg-name").map(|vendor| ("vendor", Value::Text(vendor.into())));
        of_class.attributes.extend(vendor);
        of_class.attributes.push(("model", Value::Text(model.unwrap_or(shown))));
        self.imported.inventory.items.push(of_class);
        self.devices(input, &name, &class, key_place);
        self.beside(input, document, mud);
        let entries = self.entries(reader, input, document, mud);
        let flows = self.flows(&class, entries);
        if !flows.is_empty() {
            let name = self.names.give([format!("mud_{name}").as_str()]);
            self.imported.inventory.policies.push(Policy {
                name,
                documentation: Vec::new(),
                attributes: Vec::new(),
                flows,
                place: key_place,
            });
        }
    }

    /// What the description says beside its policies, and nothing is known of: an extension may change what they mean.
    fn beside(&mut self, input: &Input<'_>, document: &Node, mud: &Node) {
        let mut left = |node: &Node, what: String| {
            self.imported.inventory.remainder.push(Left {
                place: Place { file: input.file, span: node.span },
                extent: Extent::Beside,
                what,
                why: "it is not known here: see whether it changes what the policies mean".into(),
            });
        };
        for (key, value) in document.entries().iter().filter(|(key, _)| !OF_FILE.contains(&key.text.as_str()))
        {
            left(value, format!("`{}`", key.text));
        }
        for (key, value) in mud.entries() {
            match &value.value {
                tree::Value::List(extensions) if key.text == "extensions" => {
                    for extension in extensions {
                        let name = match &extension.value {
                            tree::Value::Text(name) => name.as_str(),
                            _ => "?",
                        };
                        left(extension, format!("extension `{name}`"));
                    }
                }
                _ if OF_DESCRIPTION.contains(&key.text.as_str()) => {}
                _ => left(value, format!("`{}`", key.text)),
            }
        }
    }

    /// The devices of a class, as the site says where they stand.
    fn devices(&mut self, input: &Input<'_>, name: &str, class: &str, place: Place) {
        let stem = input.path.rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = stem.split('.').next().unwrap_or_default();
        self.addresses.clear();
        let addresses = [name, stem].iter().find_map(|key| self.options.devices.get(*key));
        let Some(addresses) = addresses else {
            self.undeclared.push(class.to_owned());
            return;
        };
        let mut device = Item::new(Kind::Device, name.to_owned(), place);
        device.class = Some(class.to_owned());
        device.attributes.push(("network", Value::Word(self.options.network.into())));
        let values = addresses.iter().copied().map(Value::Address).collect();
        device.attributes.push(("address", Value::one_or_list(values)));
        self.imported.inventory.items.push(device);
        self.addresses.clone_from(addresses);
    }

    /// The entries of both policies that can be said; the others are left.
    fn entries(
        &mut self,
        reader: &mut Reader,
        input: &Input<'_>,
        document: &Node,
        mud: &Node,
    ) -> Vec<(Entry, Record)> {
        // the drafts before RFC 8519 called it otherwise
        let containers = ["ietf-access-control-list:acls", "ietf-access-control-list:access-lists"];
        let lists = containers.iter().find_map(|key| document.get(key));
        let lists: &[Node] = lists.map_or(&[], |lists| reader.list_of(lists, "acl"));
        let mut by_name: BTreeMap<&str, &Node> = BTreeMap::new();
        for list in lists {
            if let Some(name) = reader.text_of(list, "name")
                && by_name.insert(name, list).is_some()
            {
                let help = "give each access list a name of its own";
                reader.wrong(list.span, format!("the access list `{name}` is there twice"), help);
            }
        }
        let mut entries = Vec::new();
        let mut used = BTreeSet::new();
        for (policy, way) in [("from-device-policy", Way::FromDevice), ("to-device-policy", Way::ToDevice)] {
            let Some(policy) = reader.map_of(mud, policy) else { continue };
            let Some(references) = reader.map_of(policy, "access-lists") else { continue };
            for reference in reader.list_of(references, "access-list") {
                let Some(name) = reader.required(reference, "name", "this access list") else { continue };
                let Some(text) = reader.text(name, "name") else { continue };
                let Some(list) = by_name.get(text) else {
                    let help = "a policy names access lists of the same file";
                    reader.wrong(name.span, format!("there is no access list `{text}`"), help);
                    continue;
                };
                used.insert(text);
                self.list(reader, input, list, way, &mut entries);
            }
        }
        for (name, list) in by_name.iter().filter(|(name, _)| !used.contains(*name)) {
            self.imported.inventory.remainder.push(Left {
                place: Place { file: input.file, span: list.span },
                extent: Extent::Beside,
                what: format!("access list `{name}`"),
                why: "no policy of the device names it".into(),
            });
        }
        entries
    }

    fn list(
        &mut self,
        reader: &mut Reader,
        input: &Input<'_>,
        list: &Node,
        way: Way,
        entries: &mut Vec<(Entry, Record)>,
    ) {
        let Some(aces) = reader.map_of(list, "aces") else { return };
        let mut drops = false;
        let of_list = unknown(list, &["name", "type", "acl-type", "aces"]);
        for ace in reader.list_of(aces, "ace") {
            let place =
                Place { file: input.file, span: ace.entries().first().map_or(ace.span, |(key, _)| key.span) };
            let name = reader.text_of(ace, "name").unwrap_or("unnamed").to_owned();
            let record = self.imported.inventory.ledger.read(place);
            let actions = reader.required(ace, "actions", "this entry");
            let action = actions.and_then(|actions| reader.required(actions, "forwarding", "this entry"));
            let Some(action) = action.and_then(|action| reader.text(action, "forwarding")) else { continue };
            let action = action.rsplit(':').next().unwrap_or_default();
            let accepts = action == "accept";
            let read = entry(reader, ace, &name, way, place);
            let foreign = unknown(ace, &["name", "matches", "actions"]);
            let foreign = foreign.or_else(|| unknown(actions?, &["forwarding"])).or_else(|| of_list.clone());
            let why = match read {
                None => continue,
                _ if !["accept", "drop", "reject"].contains(&action) => {
                    drops = true;
                    self.left(record, place, &name, format!("its action `{action}` is not known"));
                    continue;
                }
                _ if !accepts => {
                    drops = true;
                    "it drops: what is not permitted is denied anyway"
                }
                Some(_) if drops => "an entry before it drops, and order means nothing in Weir",
                Some(Ok(_)) if foreign.is_some() => {
                    let key = foreign.unwrap_or_default();
                    self.left(record, place, &name, format!("without its `{key}` it may permit more"));
                    continue;
                }
                Some(Ok(entry)) => {
                    entries.push((entry, record));
                    continue;
                }
                Some(Err(Unsaid(why))) => {
                    self.left(record, place, &name, why);
                    continue;
                }
            };
            self.left(record, place, &name, why.into());
        }
    }

    fn left(&mut self, record: Record, place: Place, name: &str, why: String) {
        let inventory = &mut self.imported.inventory;
        inventory.ledger.settle(record, Fate::Left);
        let what = format!("entry `{name}`");
        inventory.remainder.push(Left { place, extent: Extent::Record, what, why });
    }

    /// Entries of both directions as connections: who opens them, to which port. Entries for answers open none.
    fn flows(&mut self, class: &str, read: Vec<(Entry, Record)>) -> Vec<Flow> {
        let (entries, records): (Vec<Entry>, Vec<Record>) = read.into_iter().unzip();
        let opens: Vec<Option<(Way, Protocol, Ports)>> = entries.iter().map(opened).collect();
        let openings: BTreeSet<(&Peer, Way, Protocol, Ports)> = entries
            .iter()
            .zip(&opens)
            .filter_map(|(entry, opens)| {
                opens.map(|(way, protocol, ports)| (&entry.peer, way, protocol, ports))
            })
            .collect();
        let mut flows: Vec<Flow> = Vec::new();
        let mut seen: BTreeSet<(Peer, Way, Protocol, Ports)> = BTreeSet::new();
        for ((entry, opens), record) in entries.iter().zip(&opens).zip(records) {
            let Some((way, protocol, ports)) = *opens else {
                let (protocol, ports) = match (entry.protocol, entry.source) {
                    (Protocol::Echo { .. }, _) => (Protocol::Echo { reply: false }, ALL_PORTS),
                    (protocol, ports) => (protocol, ports.unwrap_or(ALL_PORTS)),
                };
                if openings.contains(&(&entry.peer, entry.way.other(), protocol, ports)) {
                    self.imported.inventory.ledger.settle(record, Fate::Covered("for answers"));
                } else {
                    let why =
                        "it permits answers to what no entry permits to ask; a source port cannot be said";
                    self.left(record, entry.place, &entry.name, why.into());
                }
                continue;
            };
            let peer = match self.peer(entry) {
                Ok(peer) => peer,
                Err(why) => {
                    self.left(record, entry.place, &entry.name, why);
                    continue;
                }
            };
            let mut documentation = vec![entry.name.clone()];
            if let (Some((first, last)), true) = (entry.source, entry.destination.is_some()) {
                let ports = if first == last { first.to_string() } else { format!("{first}..{last}") };
                if !self.options.any_source_port {
                    self.left(record, entry.place, &entry.name, crate::narrower(&ports));
                    continue;
                }
                documentation.push(crate::wider(&ports));
            }
            if !seen.insert((entry.peer.clone(), way, protocol, ports)) {
                self.imported.inventory.ledger.settle(record, Fate::Covered("as repeats"));
                continue;
            }
            self.imported.inventory.ledger.settle(record, Fate::Said);
            let own = vec![class.to_owned()];
            let (source, destination) = match way {
                Way::FromDevice => (own, vec![peer]),
                Way::ToDevice => (vec![peer], own),
            };
            let transport = match protocol {
                Protocol::Tcp => Transport::Tcp(ports.0, ports.1),
                Protocol::Udp => Transport::Udp(ports.0, ports.1),
                Protocol::Echo { .. } => Transport::Icmp,
            };
            flows.push(Flow {
                allow: true,
                source,
                destination,
                services: vec![Service::Transport(transport)],
                log: false,
                documentation,
                place: entry.place,
            });
        }
        flows
    }

    /// The name of the peer; who is not bound has none.
    fn peer(&mut self, entry: &Entry) -> Result<String, String> {
        let key = match &entry.peer {
            Peer::Bound(key) | Peer::Name(key) => key.clone(),
            Peer::Prefix(prefix) => prefix.to_string(),
        };
        if let Some(bound) = self.options.bound.get(&key) {
            return Ok(bound.clone());
        }
        let why = match &entry.peer {
            Peer::Bound(key) if key == super::ANYONE => return Ok("internet".into()),
            Peer::Bound(_) => {
                self.unbound.insert(key.clone());
                format!("who is `{key}` here is not said: `--bind {key}=NAME`")
            }
            Peer::Name(_) if !self.options.hosts.contains_key(&key) => {
                "no packet filter knows names, and its addresses are not said: `--hosts FILE`".into()
            }
            Peer::Prefix(prefix) if !self.has_family(prefix.addr().is_ipv4()) => {
                format!("the device has no address of the IP version of `{key}`")
            }
            outside => {
                if let Some((name, _)) = self.externals.get(outside) {
                    return Ok(name.clone());
                }
                let wanted = if matches!(outside, Peer::Name(_)) { key } else { format!("net_{key}") };
                let name = self.names.give([wanted.as_str()]);
                self.externals.insert(outside.clone(), (name.clone(), entry.place));
                return Ok(name);
            }
        };
        Err(why)
    }

    /// Whether the device may have addresses of this IP version.
    fn has_family(&self, is_ipv4: bool) -> bool {
        self.addresses.is_empty() || self.addresses.iter().any(|address| address.is_ipv4() == is_ipv4)
    }

    fn finish(mut self) -> Imported {
        let inventory = &mut self.imported.inventory;
        for (peer, (name, place)) in self.externals {
            let mut item = Item::new(Kind::External, name, place);
            item.documentation.push("From the description".into());
            let prefixes = match &peer {
                Peer::Name(name) => {
                    let addresses = self.options.hosts.get(name).into_iter().flatten();
                    addresses.map(|address| Value::Prefix((*address).into())).collect()
                }
                Peer::Prefix(prefix) => vec![Value::Prefix(*prefix)],
                Peer::Bound(_) => continue,
            };
            item.attributes.push(("prefixes", Value::one_or_list(prefixes)));
            if let Peer::Name(name) = peer {
                item.attributes.push(("dns", Value::List(vec![Value::Text(name)])));
            }
            item.attributes.extend(self.options.outside.map(|zone| ("zone", Value::Word(zone.into()))));
            inventory.items.push(item);
        }
        inventory.about.push(format!("Network `{}` has to be declared beside.", self.options.network));
        inventory.about.push(crate::PORTS.into());
        if !self.unbound.is_empty() {
            let keys: Vec<&str> = self.unbound.iter().map(String::as_str).collect();
            inventory.about.push(format!("Not bound to anybody here: {}.", keys.join(", ")));
        }
        if !self.undeclared.is_empty() {
            let classes = self.undeclared.join(", ");
            inventory.about.push(format!(
                "No device is declared of {classes}: declare them, or say `--at NAME=ADDRESS`."
            ));
        }
        inventory.items.sort_by_key(|item| item.kind);
        inventory.remainder.sort_by_key(|left| left.place);
        self.imported
    }
}

/// The connection that an entry lets be opened: by whom, to which ports; none, where it is for answers.
fn opened(entry: &Entry) -> Option<(Way, Protocol, Ports)> {
    match entry.protocol {
        Protocol::Echo { reply: true } => None,
        echo @ Protocol::Echo { .. } => Some((entry.way, echo, ALL_PORTS)),
        protocol => match (entry.opened, entry.source, entry.destination) {
            // the other side opens: these are answers
            (Some(opened), ..) if opened != entry.way => None,
            (_, Some(_), None) => None,
            (_, _, destination) => Some((entry.way, protocol, destination.unwrap_or(ALL_PORTS))),
        },
    }
}

/// What RFC 8520 has in a file, and in its description.
const OF_FILE: [&str; 3] =
    ["ietf-mud:mud", "ietf-access-control-list:acls", "ietf-access-control-list:access-lists"];
const OF_DESCRIPTION: [&str; 15] = [
    "mud-version",
    "mud-url",
    "last-update",
    "mud-signature",
    "cache-validity",
    "is-supported",
    "systeminfo",
    "mfg-name",
    "model-name",
    "firmware-rev",
    "software-rev",
    "documentation",
    "extensions",
    "from-device-policy",
    "to-device-policy",
];

/// A key beside those that are known.
fn unknown(node: &Node, known: &[&str]) -> Option<String> {
    node.entries().iter().map(|(key, _)| &key.text).find(|key| !known.contains(&key.as_str())).cloned()
}
