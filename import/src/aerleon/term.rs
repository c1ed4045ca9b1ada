//! One term: whom and what it is about, and whether that can be said.

use std::collections::BTreeSet;

use super::{
    ANYONE,
    filters::{Term, Word},
    overlap::Reach,
    say::{ANYONE_HERE, Import},
};
use crate::{Flow, Service, Transport};

/// Keywords that change nothing of what is permitted.
const BESIDE: [&str; 15] = [
    "comment",
    "counter",
    "forwarding-class",
    "log-limit",
    "log_name",
    "loss-priority",
    "owner",
    "policer",
    "port-mirror",
    "profile-settings",
    "qos",
    "timeout",
    "traffic-class-count",
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

/// One side of a term.
struct Side<'d> {
    names: Vec<String>,
    /// Definitions that these rest on.
    networks: BTreeSet<&'d str>,
    /// `None`: everybody, or not known.
    prefixes: Option<Vec<ipnet::IpNet>>,
    /// It names nobody, and the site does not say who that is.
    names_nobody: bool,
}

/// A term as Weir has it.
pub(super) struct Said<'d> {
    pub(super) flow: Flow,
    pub(super) networks: BTreeSet<&'d str>,
    pub(super) names_nobody: bool,
    /// What of it is not said.
    pub(super) beside: Vec<String>,
}

/// What becomes of a term, as far as it can be told without the others; with what it may be about.
pub(super) enum Read<'d> {
    Said(Said<'d>, Reach),
    /// It needs no statement: the reason.
    Covered(&'static str),
    /// It cannot be said: why.
    Unsaid(String, Reach),
}

impl Read<'_> {
    /// What it may be about; of answers: nothing that decides about order.
    pub(super) fn reach(&self) -> &Reach {
        static NOTHING: Reach = Reach::nothing();
        match self {
            Self::Said(_, reach) | Self::Unsaid(_, reach) => reach,
            Self::Covered(_) => &NOTHING,
        }
    }
}

impl<'d> Import<'d> {
    /// A term, and whether it permits. Nothing: something is wrong with it, and that is said.
    pub(super) fn term(&mut self, term: &Term) -> Option<(bool, Read<'d>)> {
        let before = self.diagnostics.len();
        let read = self.read_term(term);
        (self.diagnostics.len() == before).then_some(read).flatten()
    }

    fn read_term(&mut self, term: &Term) -> Option<(bool, Read<'d>)> {
        if let Some(filter) = term.words("filter-term").next() {
            let why = format!("what follows is said by the filter `{}`", filter.text);
            return Some((false, Read::Unsaid(why, Reach::default())));
        }
        if let Some(verbatim) = term.words("verbatim").next() {
            let why = format!("it is a text for `{}`, and not a rule", verbatim.text);
            return Some((false, Read::Unsaid(why, Reach::default())));
        }
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
                return Some((false, Read::Unsaid(why, Reach::default())));
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
            return Some((allow, Read::Unsaid(why, reach)));
        }
        for option in term.words("option") {
            match option.text.as_str() {
                "established" | "tcp-established" if allow => {
                    return Some((allow, Read::Covered("for answers")));
                }
                "initial" | "tcp-initial" => {}
                other => {
                    let why = format!("its option `{other}` cannot be said");
                    return Some((allow, Read::Unsaid(why, reach)));
                }
            }
        }
        let services = match self.services(term, allow, &mut beside)? {
            Ok(services) => services,
            Err(why) => return Some((allow, Read::Unsaid(why, reach))),
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
                return Some((allow, Read::Unsaid(why, reach)));
            }
        }
        if let Some(is_v6) = self.version.filter(|_| allow) {
            let name = if is_v6 { "IPv6" } else { "IPv4" };
            // whether it has addresses of the other version, as far as that is known
            let other = |side: &Side<'_>| {
                side.prefixes.as_ref().map(|all| all.iter().any(|net| net.addr().is_ipv4() == is_v6))
            };
            match (other(&source), other(&destination)) {
                (Some(false), _) | (_, Some(false)) => {}
                (Some(true), Some(true)) => {
                    let why =
                        format!("it is for {name} only, and both sides have addresses of the other version");
                    return Some((allow, Read::Unsaid(why, reach)));
                }
                _ => beside.push(format!("said, but not that it is for {name} only")),
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
                return Some((allow, Read::Unsaid(why, reach)));
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
        let mut networks = source.networks;
        networks.extend(destination.networks);
        let names_nobody = source.names_nobody || destination.names_nobody;
        Some((allow, Read::Said(Said { flow, networks, names_nobody, beside }, reach)))
    }

    /// Who is named, or anyone.
    fn side(&mut self, term: &Term, key: &str, exclude: &str) -> Option<Side<'d>> {
        let mut names = Vec::new();
        let mut prefixes = Some(Vec::new());
        let mut networks = BTreeSet::new();
        let mut names_nobody = false;
        for word in term.words(key) {
            names.push(self.network(word, &mut prefixes, &mut networks)?);
        }
        if names.is_empty() {
            prefixes = None;
            names.push(match self.options.bound.get(ANYONE) {
                Some(bound) => bound.clone(),
                None => {
                    names_nobody = true;
                    ANYONE_HERE.into()
                }
            });
        }
        let mut without = Vec::new();
        for word in term.words(exclude) {
            // less than it matches would be said, if this were subtracted
            without.push(self.network(word, &mut None, &mut networks)?);
        }
        if !without.is_empty() {
            names = vec![format!("(({}) - ({}))", names.join(" | "), without.join(" | "))];
        }
        Some(Side { names, networks, prefixes, names_nobody })
    }

    /// The name of a definition, its addresses, and the definitions that these rest on.
    fn network(
        &mut self,
        word: &Word,
        prefixes: &mut Option<Vec<ipnet::IpNet>>,
        used: &mut BTreeSet<&'d str>,
    ) -> Option<String> {
        let definitions = self.definitions;
        match definitions.networks_of(&word.text) {
            Ok(all) => {
                for name in &all {
                    let Some(network) = definitions.networks.get(*name) else { continue };
                    if network.names.is_empty() && network.broken.is_empty() {
                        if let Some(list) = prefixes {
                            list.extend(network.prefixes.iter().copied());
                        }
                    } else {
                        *prefixes = None; // whose the name is, is not known
                    }
                }
                let (own, _) = definitions.networks.get_key_value(&word.text)?;
                // what a bound one is made of is the package's to say
                if self.options.bound.contains_key(own) {
                    used.insert(own.as_str());
                } else {
                    used.extend(all);
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
}
