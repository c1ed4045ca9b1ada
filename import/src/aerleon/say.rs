//! Filters as policies.

use std::collections::{BTreeMap, BTreeSet};

use weir_syntax::{
    Diagnostic,
    diagnostic::{codes, did_you_mean},
};

use super::{
    ANYONE, Options,
    definitions::Definitions,
    filters::{self, Filter, Term},
    overlap::Reach,
    pol,
    term::Read,
};
use crate::{
    Extent, Fate, Flow, Imported, Input, Inventory, Item, Kind, Left, Place, Policy, Value, Vocabulary, json,
    ledger::Record,
    names::Names,
    tree::{Node, Reader},
    yaml,
};

/// The group of whoever stands where a term names nobody.
pub(super) const ANYONE_HERE: &str = "anyone";
/// As what is lost behind it.
const INCLUDE: &str = "an include";
/// What a file in YAML or JSON may hold.
const SECTIONS: [&str; 4] = ["networks", "services", "filters", "terms"];

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
            "pol" | "inc" => match pol::read(input.file, input.text, extension == "inc", left) {
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
                            unknown_sections(input, document, left);
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
        anyone: None,
        version: None,
    };
    vocabulary.protocols().for_each(|name| import.names.reserve(name));
    options.bound.values().for_each(|name| import.names.reserve(name));
    options.outside.into_iter().for_each(|name| import.names.reserve(name));
    import.names.reserve(ANYONE_HERE);
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

fn unknown_sections(input: &Input<'_>, document: &Node, left: &mut Vec<Left>) {
    for (key, _) in document.entries().iter().filter(|(key, _)| !SECTIONS.contains(&key.text.as_str())) {
        left.push(Left {
            place: Place { file: input.file, span: key.span },
            extent: Extent::Beside,
            what: format!("`{}` of the file", key.text),
            why: "nothing of definitions or policies is known by this name".into(),
        });
    }
}

pub(super) struct Import<'d> {
    inventory: Inventory,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) definitions: &'d Definitions,
    pub(super) options: &'d Options<'d>,
    names: Names,
    /// By definition, the name it has in Weir.
    pub(super) given: BTreeMap<&'d str, String>,
    /// Definitions that what is said names.
    used: BTreeSet<&'d str>,
    /// The first statement that names nobody, where the site does not say who that is.
    anyone: Option<Place>,
    /// The one IP version of the filter that is read, whether it is the sixth.
    pub(super) version: Option<bool>,
}

/// A term, whether it permits, and what of it can be said.
struct Judged<'t, 'd> {
    term: &'t Term,
    record: Record,
    allow: bool,
    read: Read<'d>,
}

impl<'d> Import<'d> {
    fn filter(&mut self, path: &str, filter: &Filter) {
        let stem = path.rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = stem.split('.').next().unwrap_or_default();
        let mut documentation: Vec<String> = Vec::new();
        for field in &filter.header {
            let words: Vec<&str> = field.words.iter().map(|word| word.text.as_str()).collect();
            match field.key.as_str() {
                "comment" => documentation.extend(words.iter().map(|text| text.replace('\n', " "))),
                "target" | "targets" => documentation.push(format!("target {}", words.join(" "))),
                key => self.inventory.remainder.push(Left {
                    place: field.place,
                    extent: Extent::Beside,
                    what: format!("header's `{key}`"),
                    why: "nothing of a policy is known by this name".into(),
                }),
            }
        }
        self.version = version(filter);
        let mut terms: Vec<Judged<'_, 'd>> = Vec::new();
        for term in &filter.terms {
            let record = self.inventory.ledger.read(term.place);
            if filter.is_part {
                let why =
                    "it is there to be included, and includes are not followed: put it where it is included";
                self.left(record, term, why);
            } else if let Some((allow, read)) = self.term(term) {
                terms.push(Judged { term, record, allow, read });
            }
        }
        let flows = self.order(terms, filter);
        if !flows.is_empty() {
            let name = self.names.give([stem]);
            let place = filter.place;
            self.inventory.policies.push(Policy {
                name,
                documentation,
                attributes: Vec::new(),
                flows,
                place,
            });
        }
    }

    /// From an ordered list to statements without order.
    fn order(&mut self, terms: Vec<Judged<'_, 'd>>, filter: &Filter) -> Vec<Flow> {
        let later: Vec<(bool, Reach)> =
            terms.iter().map(|term| (term.allow, term.read.reach().clone())).collect();
        let mut flows = Vec::new();
        let mut accepted: Vec<Reach> = Vec::new();
        // denies that cannot be said, by what they are
        let mut lost: Vec<(String, Reach)> = Vec::new();
        if filter.terms.iter().any(|term| term.has("priority")) {
            lost.push(("a term that has a `priority`".into(), Reach::default()));
        }
        // terms are counted as the filter has them, those among them that are wrong, too
        let whole = filter.whole.and_then(|whole| filter.terms.get(whole)).map(|term| term.place);
        let mut included = filter.whole == Some(0);
        for (index, Judged { term, record, allow, read }) in terms.into_iter().enumerate() {
            included |= whole.is_some_and(|whole| whole <= term.place);
            if included && !lost.iter().any(|(by, _)| by == INCLUDE) {
                lost.push((INCLUDE.into(), Reach::default()));
            }
            let (said, reach) = match read {
                Read::Said(said, reach) => (said, reach),
                Read::Covered(reason) => {
                    self.inventory.ledger.settle(record, Fate::Covered(reason));
                    continue;
                }
                Read::Unsaid(why, reach) => {
                    if !allow {
                        lost.push((format!("term `{}`", term.name), reach));
                    }
                    self.left(record, term, &why);
                    continue;
                }
            };
            if allow {
                if let Some((by, _)) = lost.iter().find(|(_, lost)| lost.meets(&reach)) {
                    let why = format!("{by} before it may deny a part of this, and that cannot be said");
                    self.left(record, term, &why);
                    continue;
                }
                accepted.push(reach);
            } else {
                let matters = later[index + 1..].iter().any(|(allow, later)| *allow && later.meets(&reach));
                if !matters && reach.services.is_none() && !term.names_somebody() {
                    self.inventory.ledger.settle(record, Fate::Covered("as the default deny"));
                    continue;
                }
                if !matters {
                    self.left(record, term, "what is not permitted is denied anyway");
                    continue;
                }
                if accepted.iter().any(|before| before.meets(&reach)) {
                    let why = "a term before it permits a part of this, and in Weir every deny wins: what follows it and overlaps is left too";
                    self.left(record, term, why);
                    lost.push((format!("term `{}`", term.name), reach));
                    continue;
                }
            }
            self.inventory.ledger.settle(record, Fate::Said);
            for why in said.beside {
                let extent = Extent::Part(term.place);
                let what = format!("term `{}`", term.name);
                self.inventory.remainder.push(Left { place: term.place, extent, what, why });
            }
            self.used.extend(said.networks);
            if said.names_nobody {
                self.anyone.get_or_insert(term.place);
            }
            flows.push(said.flow);
        }
        flows
    }

    pub(super) fn wrong(&mut self, place: Place, message: String, help: &str) {
        self.diagnostics.push(
            Diagnostic::new(&codes::E0416, message)
                .primary(place.file, place.span, "not as it has to be")
                .help(help),
        );
    }

    /// Lists a term as a whole.
    fn left(&mut self, record: Record, term: &Term, why: &str) {
        self.inventory.ledger.settle(record, Fate::Left);
        self.inventory.remainder.push(Left {
            place: term.place,
            extent: Extent::Record,
            what: format!("term `{}`", term.name),
            why: why.into(),
        });
    }

    pub(super) fn unknown<'n>(
        &mut self,
        what: &str,
        name: &str,
        place: Place,
        known: impl Iterator<Item = &'n String>,
    ) {
        let known: Vec<&str> = known.map(String::as_str).collect();
        let help = did_you_mean(name, known.iter().copied())
            .unwrap_or_else(|| "import the file that defines it as well (`.net`, `.svc`, YAML)".into());
        self.diagnostics.push(
            Diagnostic::new(&codes::E0422, format!("the {what} `{name}` is not defined"))
                .primary(place.file, place.span, "named here")
                .help(help),
        );
    }

    fn finish(mut self) -> Imported {
        let mut members = Vec::new();
        let definitions = self.definitions;
        let mut unused = Vec::new();
        for name in definitions.networks.keys() {
            if !self.used.contains(name.as_str()) {
                unused.push(name.as_str());
            } else if self.options.bound.contains_key(name) {
                members.extend(self.given.get(name.as_str()).cloned());
            } else {
                members.extend(self.declare(name));
            }
        }
        if let Some(place) = self.anyone {
            members.push("internet".into());
            members.sort();
            members.dedup();
            let mut item = Item::new(Kind::Group, ANYONE_HERE.into(), place);
            item.documentation.push("Whoever stands where a term names nobody".into());
            item.value = Some(members);
            self.inventory.items.push(item);
        }
        let about = &mut self.inventory.about;
        about.push("Each filter is a policy that permits by itself; what several of them hold together on one path is to be reviewed.".into());
        about.push(crate::PORTS.into());
        about.push("Networks are declared as outside of the plant: bind those inside to networks of the package (`--bind NAME=network`).".into());
        if !unused.is_empty() {
            about.push(format!(
                "Defined, and not declared, for nothing that is said names it: {}.",
                unused.join(", ")
            ));
        }
        self.inventory.items.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        self.inventory.remainder.sort_by_key(|left| left.place);
        let known = || self.definitions.networks.keys().map(String::as_str);
        let unknown =
            self.options.bound.keys().filter(|name| *name != ANYONE && !known().any(|own| own == *name));
        let unknown = unknown.map(|name| {
            let help = did_you_mean(name, known()).unwrap_or_else(|| {
                "bind what the files define, or import the file that defines it as well".into()
            });
            (name.clone(), help)
        });
        let unknown = unknown.collect();
        Imported { inventory: self.inventory, diagnostics: self.diagnostics, unknown }
    }

    /// Declares a definition: its own addresses as what lies outside, and a group where it names others.
    fn declare(&mut self, name: &str) -> Option<String> {
        let network = self.definitions.networks.get(name)?;
        for (value, place) in &network.broken {
            let help = "write an address, `/` and a length, or the name of another definition";
            self.wrong(*place, format!("`{value}` is no prefix"), help);
        }
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
        } else if network.others.is_empty() && network.broken.is_empty() {
            self.wrong(
                network.place,
                format!("the network `{name}` is empty"),
                "give it addresses: an empty one would mean everybody to some tools, and nobody to others",
            );
        }
        Some(given)
    }
}

/// The one IP version that a filter is for, whether it is the sixth; nothing, where it is for both. Generators take IPv4 where the
/// target says nothing.
fn version(filter: &Filter) -> Option<bool> {
    let targets = filter.header.iter().filter(|field| matches!(field.key.as_str(), "target" | "targets"));
    let mut found: BTreeSet<bool> = BTreeSet::new();
    for target in targets {
        let has = |word: &str| target.words.iter().any(|one| one.text == word);
        match (has("mixed"), has("inet6")) {
            (true, _) => return None,
            (_, is_v6) => {
                found.insert(is_v6);
            }
        }
    }
    match found.into_iter().collect::<Vec<_>>().as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}
