//! Filters as policies.

use std::collections::{BTreeMap, BTreeSet};

use weir_syntax::{
    Diagnostic,
    diagnostic::{codes, did_you_mean},
};

use super::{
    ANYONE, Options,
    definitions::Definitions,
    filters::{self, Filter, Term, Word},
    overlap::Reach,
    pol,
};
use crate::{
    Flow, Imported, Input, Inventory, Item, Kind, Left, Place, Policy, Service, Transport, Value, Vocabulary,
    json, names::Names, tree::Reader, yaml,
};

/// Keywords that change nothing of what is permitted.
const BESIDE: [&str; 18] = [
    "comment",
    "counter",
    "forwarding-class",
    "log-limit",
    "log_name",
    "loss-priority",
    "owner",
    "pan-application",
    "policer",
    "port-mirror",
    "priority",
    "profile-settings",
    "qos",
    "timeout",
    "traffic-class-count",
    "verbatim",
    "dscp-set",
    "encapsulate",
];
/// Keywords that are read.
const READ: [&str; 13] = [
    "action",
    "destination-address",
    "destination-exclude",
    "destination-port",
    "expiration",
    "icmp-type",
    "logging",
    "option",
    "protocol",
    "source-address",
    "source-exclude",
    "source-port",
    "name",
];

/// Reads definitions and policies together.
pub fn read(inputs: &[Input<'_>], options: &Options<'_>, vocabulary: &Vocabulary) -> Imported {
    let mut inventory = Inventory { format: "aerleon", unit: "term", ..Inventory::default() };
    let mut diagnostics = Vec::new();
    let mut definitions = Definitions::default();
    let mut filters: Vec<(&str, Filter)> = Vec::new();
    for input in inputs {
        let mut reader = Reader::new(input.file);
        let left = &mut inventory.remainder;
        let extension = input.path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "net" | "svc" => definitions.lines(&mut reader, input, extension == "net"),
            "pol" | "inc" => match pol::read(input.file, input.text, left) {
                Ok(found) => filters.extend(found.into_iter().map(|filter| (input.path, filter))),
                Err(diagnostic) => diagnostics.push(*diagnostic),
            },
            _ => {
                let documents = if input.is_json() {
                    json::document(input.file, input.text).map(|document| vec![document])
                } else {
                    yaml::documents(input.file, input.text)
                };
                match documents {
                    Ok(documents) => {
                        for document in &documents {
                            if !reader.map(document, "the file") {
                                continue;
                            }
                            definitions.yaml(&mut reader, document);
                            let found = filters::from_yaml(&mut reader, document, left);
                            filters.extend(found.into_iter().map(|filter| (input.path, filter)));
                        }
                    }
                    Err(diagnostic) => diagnostics.push(*diagnostic),
                }
            }
        }
        diagnostics.append(&mut reader.diagnostics);
    }
    let mut import = Import {
        inventory,
        diagnostics,
        definitions: &definitions,
        options,
        names: Names::default(),
        given: BTreeMap::new(),
        used: BTreeSet::new(),
        anyone: false,
    };
    vocabulary.protocols().for_each(|name| import.names.reserve(name));
    options.bound.values().for_each(|name| import.names.reserve(name));
    import.names.reserve("anyone");
    for name in definitions.networks.keys() {
        let given = match options.bound.get(name) {
            Some(bound) => bound.clone(),
            None => import.names.give([name.as_str()]),
        };
        import.given.insert(name, given);
    }
    for (path, filter) in &filters {
        import.filter(path, filter);
    }
    import.finish()
}

struct Import<'d> {
    inventory: Inventory,
    diagnostics: Vec<Diagnostic>,
    definitions: &'d Definitions,
    options: &'d Options<'d>,
    names: Names,
    /// By definition, the name it has in Weir.
    given: BTreeMap<&'d str, String>,
    used: BTreeSet<&'d str>,
    /// Whether a term names nobody, and the site does not say who that is.
    anyone: bool,
}

/// One side of a term.
struct Side {
    names: Vec<String>,
    /// `None`: everybody, or not known.
    prefixes: Option<Vec<ipnet::IpNet>>,
}

/// What became of a term.
enum Read {
    /// It can be said; what has to be added to the remainder beside.
    Said { flow: Flow, reach: Reach, beside: Vec<String> },
    /// It cannot, and why; what it may be about.
    Unsaid { why: String, reach: Reach },
}

impl Import<'_> {
    fn filter(&mut self, path: &str, filter: &Filter) {
        let stem = path.rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = stem.split('.').next().unwrap_or_default();
        let mut documentation: Vec<String> = Vec::new();
        for field in &filter.header {
            let words: Vec<&str> = field.words.iter().map(|word| word.text.as_str()).collect();
            match field.key.as_str() {
                "comment" => documentation.extend(words.iter().map(|text| text.replace('\n', " "))),
                "target" | "targets" => documentation.push(format!("target {}", words.join(" "))),
                key => self.left(
                    field.place,
                    format!("header's `{key}`"),
                    "nothing of a policy is known by this name",
                ),
            }
        }
        let mut terms: Vec<(&Term, bool, Read)> = Vec::new();
        for term in &filter.terms {
            self.inventory.read += 1;
            if let Some((allow, read)) = self.term(term) {
                terms.push((term, allow, read));
            }
        }
        let flows = self.order(terms, filter.broken);
        if !flows.is_empty() {
            let name = self.names.give([stem]);
            self.inventory.policies.push(Policy { name, documentation, attributes: Vec::new(), flows });
        }
    }

    /// From an ordered list to statements without order.
    fn order(&mut self, terms: Vec<(&Term, bool, Read)>, broken: bool) -> Vec<Flow> {
        let later: Vec<(bool, Reach)> = terms
            .iter()
            .map(|(_, allow, read)| match read {
                Read::Said { reach, .. } | Read::Unsaid { reach, .. } => (*allow, reach.clone()),
            })
            .collect();
        let mut flows = Vec::new();
        let mut accepted: Vec<Reach> = Vec::new();
        // denies that cannot be said, by the name of their term
        let mut lost: Vec<(String, Reach)> = Vec::new();
        if broken {
            lost.push(("an include".into(), Reach::default()));
        }
        for (index, (term, allow, read)) in terms.into_iter().enumerate() {
            let what = format!("term `{}`", term.name);
            let (flow, reach, beside) = match read {
                Read::Said { flow, reach, beside } => (flow, reach, beside),
                Read::Unsaid { why, reach } => {
                    if !allow {
                        lost.push((format!("term `{}`", term.name), reach));
                    }
                    self.left(term.place, what, &why);
                    continue;
                }
            };
            if allow {
                if let Some((by, _)) = lost.iter().find(|(_, lost)| lost.meets(&reach)) {
                    let why = format!("{by} before it may deny a part of this, and that cannot be said");
                    self.left(term.place, what, &why);
                    continue;
                }
                accepted.push(reach);
            } else {
                let matters = later[index + 1..].iter().any(|(allow, later)| *allow && later.meets(&reach));
                if !matters {
                    self.left(term.place, what, "what is not permitted is denied anyway");
                    continue;
                }
                if accepted.iter().any(|before| before.meets(&reach)) {
                    let why = "a term before it permits a part of this, and in Weir every deny wins: what follows it and overlaps is left too";
                    self.left(term.place, what.clone(), why);
                    lost.push((what, reach));
                    continue;
                }
            }
            for why in beside {
                self.left(term.place, what.clone(), &why);
            }
            flows.push(flow);
        }
        flows
    }

    /// A term, and whether it permits. Nothing: something is wrong with it, and that is said.
    fn term(&mut self, term: &Term) -> Option<(bool, Read)> {
        let before = self.diagnostics.len();
        let read = self.read_term(term);
        (self.diagnostics.len() == before).then_some(read).flatten()
    }

    fn read_term(&mut self, term: &Term) -> Option<(bool, Read)> {
        let actions: Vec<&Word> = term.words("action").collect();
        let [action] = actions.as_slice() else {
            self.wrong(
                term.place,
                format!("term `{}` has no single action", term.name),
                "write `action:: accept` or `action:: deny`",
            );
            return None;
        };
        let allow = match action.text.as_str() {
            "accept" => true,
            "deny" | "reject" | "reject-with-tcp-rst" => false,
            other => {
                // it may be anything: as a deny that is lost, nothing behind it becomes wider
                let why = format!("its action `{other}` cannot be said");
                return Some((false, Read::Unsaid { why, reach: Reach::default() }));
            }
        };
        let source = self.side(term, "source-address", "source-exclude")?;
        let destination = self.side(term, "destination-address", "destination-exclude")?;
        let mut reach = Reach {
            sources: source.prefixes.clone(),
            destinations: destination.prefixes.clone(),
            services: None,
        };
        let mut beside = Vec::new();
        let unknown = term
            .fields
            .iter()
            .find(|field| !READ.contains(&field.key.as_str()) && !BESIDE.contains(&field.key.as_str()));
        if let Some(field) = unknown {
            let why = format!("its condition `{}` cannot be said", field.key);
            return Some((allow, Read::Unsaid { why, reach }));
        }
        for option in term.words("option") {
            match option.text.as_str() {
                "established" | "tcp-established" if allow => {
                    let why = "answers of a permitted connection need no rule".into();
                    return Some((allow, Read::Unsaid { why, reach }));
                }
                "initial" | "tcp-initial" => {}
                other => {
                    let why = format!("its option `{other}` cannot be said");
                    return Some((allow, Read::Unsaid { why, reach }));
                }
            }
        }
        let services = match self.services(term, allow, &mut beside)? {
            Ok(services) => services,
            Err(why) => return Some((allow, Read::Unsaid { why, reach })),
        };
        reach.services.clone_from(&services);
        let source_ports: Vec<&str> = term.words("source-port").map(|word| word.text.as_str()).collect();
        let source_ports = source_ports.join(" ");
        if !source_ports.is_empty() {
            let whole = term.has("destination-port") && allow;
            if !whole || !self.options.any_source_port {
                let why = if whole {
                    crate::narrower(&source_ports)
                } else {
                    format!("its source port {source_ports} cannot be said")
                };
                return Some((allow, Read::Unsaid { why, reach }));
            }
        }
        for field in &term.fields {
            if BESIDE.contains(&field.key.as_str()) && !["comment", "owner"].contains(&field.key.as_str()) {
                beside.push(format!("said, but for its `{}`", field.key));
            }
        }
        if let Some(end) = term.words("expiration").next() {
            if allow {
                let why = format!("it ends on {}: write it as an `exception`, with that `until`", end.text);
                return Some((allow, Read::Unsaid { why, reach }));
            }
            beside.push(format!("said, but not that it ends on {}", end.text));
        }
        let mut documentation = vec![format!("term {}", term.name)];
        if !source_ports.is_empty() {
            documentation.push(crate::wider(&source_ports));
        }
        documentation.extend(term.words("comment").map(|word| word.text.replace('\n', " ")));
        documentation.extend(term.words("owner").map(|word| format!("owner {}", word.text)));
        let log = term.words("logging").any(|word| !matches!(word.text.as_str(), "false" | "disable"));
        let flow = Flow {
            allow,
            source: source.names,
            destination: destination.names,
            services: services.unwrap_or_default().into_iter().map(Service::Transport).collect(),
            log,
            documentation,
            place: term.place,
        };
        Some((allow, Read::Said { flow, reach, beside }))
    }

    /// Who is named, or anyone.
    fn side(&mut self, term: &Term, key: &str, exclude: &str) -> Option<Side> {
        let mut names = Vec::new();
        let mut prefixes = Some(Vec::new());
        for word in term.words(key) {
            names.push(self.network(word, &mut prefixes)?);
        }
        if names.is_empty() {
            prefixes = None;
            names.push(match self.options.bound.get(ANYONE) {
                Some(bound) => bound.clone(),
                None => {
                    self.anyone = true;
                    "anyone".into()
                }
            });
        }
        let mut without = Vec::new();
        for word in term.words(exclude) {
            // less than it matches would be said, if this were subtracted
            without.push(self.network(word, &mut None)?);
        }
        if !without.is_empty() {
            names = vec![format!("(({}) - ({}))", names.join(" | "), without.join(" | "))];
        }
        Some(Side { names, prefixes })
    }

    fn network(&mut self, word: &Word, prefixes: &mut Option<Vec<ipnet::IpNet>>) -> Option<String> {
        let definitions = self.definitions;
        match definitions.networks_of(&word.text) {
            Ok(all) => {
                for name in &all {
                    let Some(network) = definitions.networks.get(*name) else { continue };
                    if network.names.is_empty() {
                        if let Some(list) = prefixes {
                            list.extend(network.prefixes.iter().copied());
                        }
                    } else {
                        *prefixes = None; // who has the name is not known
                    }
                }
                let (own, _) = definitions.networks.get_key_value(&word.text)?;
                // what a bound one is made of is the package's to say
                if self.options.bound.contains_key(own) {
                    self.used.insert(own);
                } else {
                    self.used.extend(all);
                }
                self.given.get(own.as_str()).cloned()
            }
            Err((name, place)) => {
                let place = place.unwrap_or(word.place);
                self.unknown("network", &name, place, definitions.networks.keys());
                None
            }
        }
    }

    fn unknown<'n>(&mut self, what: &str, name: &str, place: Place, known: impl Iterator<Item = &'n String>) {
        let known: Vec<&str> = known.map(String::as_str).collect();
        let help = did_you_mean(name, known.iter().copied())
            .unwrap_or_else(|| "import the file that defines it as well (`.net`, `.svc`, YAML)".into());
        self.diagnostics.push(
            Diagnostic::new(&codes::E0422, format!("the {what} `{name}` is not defined"))
                .primary(place.file, place.span, "named here")
                .help(help),
        );
    }

    /// What is matched of layer 4: `None` is everything. An error is why that cannot be said; nothing at all: that is said.
    fn services(
        &mut self,
        term: &Term,
        allow: bool,
        beside: &mut Vec<String>,
    ) -> Option<Result<Option<Vec<Transport>>, String>> {
        let protocols: Vec<&str> = term.words("protocol").map(|word| word.text.as_str()).collect();
        let mut ports: Vec<Transport> = Vec::new();
        for word in term.words("destination-port") {
            match self.definitions.ports_of(&word.text) {
                Ok((own, foreign)) => {
                    ports.extend(own);
                    if let (Some(name), false) = (foreign.first(), allow) {
                        return Some(Err(format!("its ports of `{name}` cannot be said")));
                    }
                    beside.extend(foreign.iter().map(|name| format!("said, but for its ports of `{name}`")));
                }
                Err((name, place)) => {
                    let place = place.unwrap_or(word.place);
                    self.unknown("service", &name, place, self.definitions.services.keys());
                    return None;
                }
            }
        }
        let named = term.has("destination-port");
        if protocols.is_empty() {
            if named {
                let message = format!("term `{}` has ports, and no protocol", term.name);
                self.wrong(term.place, message, "add `protocol:: tcp`, `udp` or both");
                return None;
            }
            return Some(Ok(None));
        }
        let mut services = Vec::new();
        let mut unsaid = Vec::new();
        for protocol in protocols {
            let all: fn(u16, u16) -> Transport = match protocol {
                "tcp" => Transport::Tcp,
                "udp" => Transport::Udp,
                "sctp" => Transport::Sctp,
                "icmp" | "icmpv6" => {
                    let kinds: Vec<&str> = term.words("icmp-type").map(|word| word.text.as_str()).collect();
                    if kinds.is_empty() || kinds.contains(&"echo-request") {
                        services.push(Transport::Icmp);
                    }
                    if kinds != ["echo-request"] {
                        unsaid.push(format!("{protocol} beyond echo requests"));
                    }
                    continue;
                }
                other => {
                    unsaid.push(format!("protocol {other}"));
                    continue;
                }
            };
            if named {
                let alike = std::mem::discriminant(&all(1, 1));
                services.extend(ports.iter().copied().filter(|port| std::mem::discriminant(port) == alike));
            } else {
                services.push(all(1, u16::MAX));
            }
        }
        services.sort_unstable();
        services.dedup();
        // a deny that is said in part would leave the rest open to what follows
        if services.is_empty() || (!allow && !unsaid.is_empty()) {
            let what = if unsaid.is_empty() { "a port of its protocols".into() } else { unsaid.join(", ") };
            return Some(Err(format!("it names no service that can be said ({what})")));
        }
        beside.extend(unsaid.into_iter().map(|what| format!("said, but for {what}")));
        Some(Ok(Some(services)))
    }

    fn wrong(&mut self, place: Place, message: String, help: &str) {
        self.diagnostics.push(
            Diagnostic::new(&codes::E0416, message)
                .primary(place.file, place.span, "not as it has to be")
                .help(help),
        );
    }

    fn left(&mut self, place: Place, what: String, why: &str) {
        self.inventory.remainder.push(Left { place, what, why: why.into() });
    }

    fn finish(mut self) -> Imported {
        let mut members = Vec::new();
        let definitions = self.definitions;
        for (name, network) in &definitions.networks {
            if !self.used.contains(name.as_str()) {
                let what = format!("network `{name}`");
                self.left(network.place, what, "no term that is said names it");
                continue;
            }
            if self.options.bound.contains_key(name) {
                members.extend(self.given.get(name.as_str()).cloned());
                continue;
            }
            members.extend(self.declare(name));
        }
        if self.anyone {
            members.push("internet".into());
            members.sort();
            members.dedup();
            let mut item = Item::new(Kind::Group, "anyone".into(), Place::default());
            item.value = Some(members);
            self.inventory.items.push(item);
        }
        let about = &mut self.inventory.about;
        about.push("Each filter is a policy that permits by itself; what several of them hold together on one path is to be reviewed.".into());
        about.push(crate::PORTS.into());
        about.push("Networks are declared as outside of the plant: bind those inside to networks of the package (`--bind NAME=network`).".into());
        self.inventory.items.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        self.inventory.remainder.sort_by_key(|left| left.place);
        Imported { inventory: self.inventory, diagnostics: self.diagnostics }
    }

    /// Declares a definition: its own addresses as what lies outside, and a group where it names others.
    fn declare(&mut self, name: &str) -> Option<String> {
        let network = self.definitions.networks.get(name)?;
        let given = self.given.get(name)?.clone();
        let has_own = !network.prefixes.is_empty() || !network.names.is_empty();
        let others = network.others.iter().filter_map(|(other, _)| self.given.get(other.as_str()).cloned());
        let mut others: Vec<String> = others.collect();
        let mut external = given.clone();
        if !others.is_empty() {
            if has_own {
                external = self.names.give([format!("{given}_own").as_str()]);
                others.insert(0, external.clone());
            }
            let mut group = Item::new(Kind::Group, given.clone(), network.place);
            group.documentation.push(name.into());
            group.value = Some(others);
            self.inventory.items.push(group);
        }
        if has_own {
            let mut item = Item::new(Kind::External, external, network.place);
            item.documentation.push(name.into());
            let mut prefixes = network.prefixes.clone();
            prefixes.sort_unstable();
            prefixes.dedup();
            let prefixes: Vec<Value> = prefixes.into_iter().map(Value::Prefix).collect();
            if !prefixes.is_empty() {
                item.attributes.push(("prefixes", Value::one_or_list(prefixes)));
            }
            item.attributes.extend(self.options.outside.map(|zone| ("zone", Value::Word(zone.into()))));
            if !network.names.is_empty() {
                let names = network.names.iter().cloned().map(Value::Text);
                item.attributes.push(("dns", Value::List(names.collect())));
            }
            self.inventory.items.push(item);
        } else if network.others.is_empty() {
            self.wrong(
                network.place,
                format!("the network `{name}` is empty"),
                "give it addresses: an empty one would mean everybody to some tools, and nobody to others",
            );
        }
        Some(given)
    }
}
