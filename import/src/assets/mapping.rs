//! What columns and their values mean here.

use std::collections::BTreeMap;

use ipnet::IpNet;
use weir_syntax::{Diagnostic, diagnostic::codes};

use crate::{
    Input, Place, Vocabulary, json,
    names::is_path,
    tree::{Node, Reader, Value},
    yaml,
};

/// What of a device a column can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Name,
    Class,
    Network,
    Address,
    /// Addresses of the other IP version, where they have a column of their own.
    Address6,
    Mac,
    Serves,
    Vendor,
    Model,
    Firmware,
    Serial,
    Location,
    Owner,
    Criticality,
}

/// Each field with its name in a mapping, and how inventories call it: lower case, without what separates words. Where a file
/// has several of these, the first of them is meant.
const FIELDS: [(Field, &str, &[&str]); 14] = [
    (
        Field::Name,
        "name",
        &[
            "name",
            "hostname",
            "host",
            "assetname",
            "devicename",
            "asset",
            "device",
            "tag",
            "deviceid",
            "assetid",
            "assettag",
        ],
    ),
    (
        Field::Class,
        "class",
        &["class", "role", "devicerole", "type", "devicetype", "assettype", "category", "function"],
    ),
    (Field::Network, "network", &["network", "vlan", "segment", "subnet", "zone", "vlanid"]),
    (
        Field::Address,
        "address",
        &["address", "ip", "ipaddress", "ipaddresses", "ipv4", "ipv4address", "primaryip", "primaryip4"],
    ),
    (Field::Address6, "address6", &["ipv6", "ipv6address", "primaryip6"]),
    (Field::Mac, "mac", &["mac", "macaddress", "hwaddress", "physicaladdress"]),
    (Field::Serves, "serves", &["serves", "protocols", "services", "ports", "openports", "portsservices"]),
    (Field::Vendor, "vendor", &["vendor", "manufacturer", "make", "supplier"]),
    (
        Field::Model,
        "model",
        &["model", "product", "partnumber", "ordernumber", "modelnumber", "devicetype", "type"],
    ),
    (
        Field::Firmware,
        "firmware",
        &["firmware", "firmwareversion", "version", "osversion", "softwareversion"],
    ),
    (Field::Serial, "serial", &["serial", "serialnumber", "sn"]),
    (Field::Location, "location", &["location", "site", "sitename", "building", "room", "place"]),
    (Field::Owner, "owner", &["owner", "assetowner", "responsible", "contact"]),
    (Field::Criticality, "criticality", &["criticality", "priority", "importance"]),
];

impl Field {
    pub(super) fn attribute(self) -> &'static str {
        FIELDS.iter().find(|(field, ..)| *field == self).map_or("name", |(_, name, _)| name)
    }

    /// The field that a column of this name usually holds.
    pub(super) fn usual(column: &str) -> Option<Self> {
        let plain = plain(column);
        FIELDS.iter().find(|(.., usual)| usual.contains(&plain.as_str())).map(|(field, ..)| *field)
    }

    /// How usual it is that a column of this name holds it: the lower, the more; nothing, if it is not.
    pub(super) fn rank(self, column: &str) -> Option<usize> {
        let plain = plain(column);
        let (.., usual) = FIELDS.iter().find(|(field, ..)| *field == self)?;
        usual.iter().position(|name| *name == plain)
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        FIELDS.iter().map(|(field, ..)| *field)
    }
}

fn plain(column: &str) -> String {
    let letters = column.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|character| character.to_ascii_lowercase()).collect()
}

/// A mapping file, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    /// By field, the column's name and where that is said. Nothing: the usual names.
    pub(super) columns: BTreeMap<Field, (String, Place)>,
    /// From values of columns to names of declarations.
    pub(super) classes: BTreeMap<String, String>,
    pub(super) networks: BTreeMap<String, String>,
    pub(super) subnets: Vec<(IpNet, String)>,
    pub(super) protocols: BTreeMap<String, String>,
    pub(super) criticality: BTreeMap<String, String>,
    /// Columns that are left out on purpose.
    pub(super) ignore: Vec<String>,
    pub(super) separator: Option<u8>,
    pub(super) default_class: Option<String>,
    pub(super) default_network: Option<String>,
}

const KEYS: [&str; 9] =
    ["columns", "classes", "networks", "protocols", "criticality", "ignore", "separator", "class", "network"];

impl Mapping {
    /// Reads a mapping file, YAML or JSON by its name.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(input: &Input<'_>, vocabulary: &Vocabulary) -> Result<Self, Vec<Diagnostic>> {
        let document = if input.is_json() {
            json::document(input.file, input.text).map(|document| vec![document])
        } else {
            yaml::documents(input.file, input.text)
        };
        let documents = document.map_err(|diagnostic| vec![*diagnostic])?;
        let mut reader = Reader::new(input.file);
        let mut mapping = Self::default();
        for document in &documents {
            mapping.document(&mut reader, document, vocabulary);
        }
        if reader.diagnostics.is_empty() { Ok(mapping) } else { Err(reader.diagnostics) }
    }

    fn document(&mut self, reader: &mut Reader, document: &Node, vocabulary: &Vocabulary) {
        if !reader.map(document, "a mapping") {
            return;
        }
        for (key, _) in document.entries().iter().filter(|(key, _)| !KEYS.contains(&key.text.as_str())) {
            let diagnostic = Diagnostic::new(&codes::E0422, format!("a mapping has no `{}`", key.text))
                .primary(reader.file, key.span, "not known")
                .did_you_mean(&key.text, reader.file, key.span, KEYS)
                .help_otherwise(|| format!("it may have {}", KEYS.join(", ")));
            reader.diagnostics.push(diagnostic);
        }
        for (key, column) in reader.texts_of(document, "columns") {
            let Some((field, ..)) = FIELDS.iter().find(|(_, name, _)| *name == key.text) else {
                let names = FIELDS.map(|(_, name, _)| name);
                let diagnostic = Diagnostic::new(
                    &codes::E0422,
                    format!("a device has no `{}` that a column fills", key.text),
                )
                .primary(reader.file, key.span, "not known")
                .did_you_mean(&key.text, reader.file, key.span, names)
                .help_otherwise(|| format!("columns fill {}", names.join(", ")));
                reader.diagnostics.push(diagnostic);
                continue;
            };
            let columns = document.get("columns");
            let span = columns.and_then(|columns| columns.get(&key.text)).map_or(key.span, |node| node.span);
            self.columns.insert(*field, (column.to_owned(), Place { file: reader.file, span }));
        }
        self.classes = names(reader, document, "classes");
        self.protocols = names(reader, document, "protocols");
        self.criticality = names(reader, document, "criticality");
        let known: Vec<&str> = vocabulary.protocols().collect();
        for (value, name) in &self.protocols {
            if !known.contains(&name.as_str()) {
                let span = document
                    .get("protocols")
                    .and_then(|map| map.get(value))
                    .map_or(document.span, |node| node.span);
                let diagnostic =
                    Diagnostic::new(&codes::E0422, format!("`{name}` is no protocol of the library"))
                        .primary(reader.file, span, "not known")
                        .did_you_mean(name, reader.file, span, known.iter().copied())
                        .help_otherwise(|| "`weir explain` and the book list them".into());
                reader.diagnostics.push(diagnostic);
            }
        }
        for (value, name) in names(reader, document, "networks") {
            match value.parse::<IpNet>() {
                Ok(prefix) => self.subnets.push((prefix.trunc(), name)),
                Err(_) => drop(self.networks.insert(value, name)),
            }
        }
        // the narrowest first
        self.subnets.sort_by_key(|(prefix, _)| (u8::MAX - prefix.prefix_len(), *prefix));
        for node in reader.list_of(document, "ignore") {
            self.ignore.extend(reader.text(node, "ignore").map(str::to_owned));
        }
        if let Some(separator) = reader.text_of(document, "separator") {
            match separator.as_bytes() {
                [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'"' => {
                    self.separator = Some(*byte);
                }
                _ => {
                    let span = document.get("separator").map_or(document.span, |node| node.span);
                    reader.wrong(span, "a separator is one character", "write `\";\"`, `\",\"` or `\"\\t\"`");
                }
            }
        }
        self.default_class = name(reader, document, "class");
        self.default_network = name(reader, document, "network");
    }
}

/// A name that is written into Weir as it is.
fn name(reader: &mut Reader, document: &Node, key: &str) -> Option<String> {
    let text = reader.text_of(document, key)?.to_owned();
    if is_path(&text) {
        return Some(text);
    }
    let span = document.get(key).map_or(document.span, |node| node.span);
    reader.wrong(span, format!("`{text}` is no name in Weir"), "names have letters, digits and `_`");
    None
}

fn names(reader: &mut Reader, document: &Node, key: &str) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    let Some(entries) = reader.map_of(document, key) else { return map };
    for (value, node) in entries.entries() {
        let Value::Text(name) = &node.value else {
            reader.wrong(
                node.span,
                format!("`{key}.{}` is no name", value.text),
                "write the name of a declaration",
            );
            continue;
        };
        if is_path(name) {
            map.insert(value.text.clone(), name.clone());
        } else {
            reader.wrong(
                node.span,
                format!("`{name}` is no name in Weir"),
                "names have letters, digits and `_`",
            );
        }
    }
    map
}
