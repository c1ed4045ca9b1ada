//! What holds for whatever is imported: it ends, each diagnostic can be shown, and what was read is Weir.

use std::{collections::BTreeMap, net::IpAddr};

use weir_compiler::{Sources, package::Source};
use weir_import::{
    Extent, Fate, Imported, Input, Inventory, Place, Vocabulary, aerleon,
    assets::{self, Mapping},
    kubernetes, mud,
};
use weir_syntax::{Diagnostic, FileId, Severity, format::is_formatted};

use crate::promises;

/// The formats that are imported, each by its command.
pub const FORMATS: [&str; 4] = ["aerleon", "inventory", "kubernetes", "mud"];

/// What the standard library has names for.
pub fn vocabulary() -> Vocabulary {
    let library = Sources::new("", Vec::new());
    let files = library.files.iter().filter(|source| source.is_standard());
    Vocabulary::new(files.map(|source| (source.path.as_str(), &*source.text)))
}

/// Reads one file as this format.
pub fn read(format: &str, path: &str, text: &str, vocabulary: &Vocabulary) -> (Inventory, Vec<Diagnostic>) {
    let inputs = [Input { file: FileId(0), path, text }];
    match format {
        "kubernetes" => manifests(&inputs, vocabulary),
        "mud" => {
            let bound = [("urn:ietf:params:mud:dns".to_owned(), "site_dns".to_owned())].into();
            let hosts = [("cloud.maker.example".to_owned(), vec![IpAddr::from([192, 0, 2, 9])])].into();
            let devices = [("mud".to_owned(), vec![IpAddr::from([10, 1, 0, 9])])].into();
            let options = mud::Options {
                network: "iot_net",
                bound: &bound,
                hosts: &hosts,
                devices: &devices,
                outside: Some("outside"),
                any_source_port: false,
            };
            let Imported { inventory, diagnostics, .. } = mud::read(&inputs, &options, vocabulary);
            (inventory, diagnostics)
        }
        "aerleon" => {
            let defined = "WEB = 80/tcp 443/tcp\nDNS = 53/udp\n";
            let nets = "INTERNAL = 10.0.0.0/8\nSERVERS = 192.0.2.0/24\nALL = INTERNAL SERVERS\n";
            let beside = [
                inputs[0],
                Input { file: FileId(1), path: "own.svc", text: defined },
                Input { file: FileId(2), path: "own.net", text: nets },
            ];
            let alone = path.rsplit('.').next() != Some("pol");
            let used = if alone { &inputs[..] } else { &beside[..] };
            let options = aerleon::Options { bound: &BTreeMap::new(), outside: None, any_source_port: false };
            let Imported { inventory, diagnostics, .. } = aerleon::read(used, &options, vocabulary);
            (inventory, diagnostics)
        }
        // a mapping is itself a file that may be broken
        _ if path.contains("mapping") => match Mapping::read(&inputs[0], vocabulary) {
            Ok(mapping) => {
                let table = "Name,IP,Type,Services\nPLC-1,10.0.0.1,PLC,Modbus/TCP\n";
                let assets = [Input { file: FileId(1), path: "assets.csv", text: table }];
                let Imported { inventory, diagnostics, .. } = assets::read(&assets, &mapping, vocabulary);
                // what does not fit the table is the table's: its file is not this one
                let own =
                    |diagnostic: &Diagnostic| diagnostic.labels.iter().all(|label| label.file == FileId(0));
                (inventory, diagnostics.into_iter().filter(own).collect())
            }
            Err(diagnostics) => (Inventory::default(), diagnostics),
        },
        _ => {
            let Imported { inventory, diagnostics, .. } =
                assets::read(&inputs, &Mapping::default(), vocabulary);
            (inventory, diagnostics)
        }
    }
}

fn manifests(inputs: &[Input<'_>], vocabulary: &Vocabulary) -> (Inventory, Vec<Diagnostic>) {
    let (manifests, mut diagnostics) = kubernetes::read(inputs, None);
    diagnostics.extend(kubernetes::twice(&manifests));
    diagnostics.extend(kubernetes::check(&manifests));
    for pods in &manifests.pods {
        diagnostics.extend(kubernetes::posture(pods, false).iter().map(kubernetes::Finding::diagnostic));
    }
    let inventory = kubernetes::inventory(&manifests, &kubernetes::Options { cluster: "edge1" }, vocabulary);
    (inventory, diagnostics)
}

/// Each record that was read is said, covered by what is said, or listed: exactly one of them, once.
///
/// # Errors
/// What is lost, or counted twice.
pub fn accounts(inventory: &Inventory) -> Result<(), String> {
    let of = |fate: Fate| {
        let own = inventory.ledger.records().filter(move |(_, own)| *own == Some(fate));
        let mut places: Vec<Place> = own.map(|(place, _)| place).collect();
        places.sort_unstable();
        places
    };
    let (said, left) = (of(Fate::Said), of(Fate::Left));
    let covered: usize = inventory.ledger.covered().map(|(_, number)| number).sum();
    let read = inventory.ledger.len();
    if said.len() + left.len() + covered != read {
        return Err(format!(
            "{read} read; {} said, {covered} covered, {} left: something is lost",
            said.len(),
            left.len()
        ));
    }
    // what is listed as a whole is what is left
    let whole = inventory.remainder.iter().filter(|left| left.extent == Extent::Record);
    let mut listed: Vec<Place> = whole.map(|left| left.place).collect();
    listed.sort_unstable();
    if listed != left {
        return Err(format!("{} records are left, and {} are listed", left.len(), listed.len()));
    }
    // what is said stands there, at its place
    let flows = inventory.policies.iter().flat_map(|policy| &policy.flows).map(|flow| flow.place);
    let of_records = [weir_import::Kind::Device, weir_import::Kind::Workload];
    let of_records = inventory.items.iter().filter(|item| of_records.contains(&item.kind));
    let mut stated: Vec<Place> = match inventory.format {
        "mud" | "aerleon" => flows.collect(),
        _ => of_records.map(|item| item.place).collect(),
    };
    stated.sort_unstable();
    if stated != said {
        return Err(format!("{} records are said, by {} statements", said.len(), stated.len()));
    }
    // a part is one of a record
    let records: std::collections::BTreeSet<Place> =
        inventory.ledger.records().map(|(place, _)| place).collect();
    let is_lost =
        |left: &&weir_import::Left| matches!(left.extent, Extent::Part(of) if !records.contains(&of));
    match inventory.remainder.iter().find(is_lost) {
        Some(left) => Err(format!("a part of nothing that was read: {}", left.what)),
        None => Ok(()),
    }
}

/// How many records a text has, by a reader that is not ours; nothing, where there is none for it.
pub fn records(format: &str, path: &str, text: &str) -> Option<usize> {
    let json = || serde_json::from_str::<serde_json::Value>(text).ok();
    match format {
        "mud" => Some(entries(&json()?)),
        "inventory" if path.strip_suffix(".json").is_some() && !path.contains("mapping") => {
            let lists = |value: &serde_json::Value| value.as_array().map(Vec::len);
            let document = json()?;
            let inner = || document.as_object()?.values().find_map(lists);
            lists(&document).or_else(inner)
        }
        _ => None,
    }
}

/// The entries of the access lists that a description's two policies name.
fn entries(document: &serde_json::Value) -> usize {
    let of = |value: &serde_json::Value, key: &str| value.get(key).cloned().unwrap_or_default();
    let containers = ["ietf-access-control-list:acls", "ietf-access-control-list:access-lists"];
    let lists = containers.iter().find_map(|key| document.get(key)).map(|lists| of(lists, "acl"));
    let lists = lists.unwrap_or_default();
    let length = |name: &serde_json::Value| {
        let list = lists.as_array().into_iter().flatten().find(|list| list.get("name") == Some(name));
        list.and_then(|list| of(&of(list, "aces"), "ace").as_array().map(Vec::len)).unwrap_or(0)
    };
    let mud = of(document, "ietf-mud:mud");
    let named = ["from-device-policy", "to-device-policy"].map(|policy| {
        let references = of(&of(&of(&mud, policy), "access-lists"), "access-list");
        let references = references.as_array().cloned().unwrap_or_default();
        references.iter().map(|reference| length(&of(reference, "name"))).sum::<usize>()
    });
    named.iter().sum()
}

/// Imports a file, and says which promise is broken.
///
/// # Errors
/// The promise.
pub fn check(format: &str, path: &str, bytes: &[u8], vocabulary: &Vocabulary) -> Result<bool, String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(false) };
    let (inventory, diagnostics) = read(format, path, text, vocabulary);
    let mut sources = Sources::default();
    sources.files.push(Source { path: path.into(), text: text.into() });
    for diagnostic in &diagnostics {
        promises::check(diagnostic, &sources)?;
    }
    let inputs = [Input { file: FileId(0), path, text }];
    let has_errors = diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error);
    if !has_errors {
        accounts(&inventory)?;
        let counted = records(format, path, text);
        if counted.is_some_and(|counted| counted != inventory.ledger.len()) {
            return Err(format!("{counted:?} records are there, and {} were read", inventory.ledger.len()));
        }
    }
    let weir = inventory.render(&inputs).map_err(|error| format!("what was read is no Weir: {error}"))?;
    if !is_formatted(&weir) {
        return Err(format!("what was read is not laid out:\n{weir}"));
    }
    Ok(diagnostics.iter().all(|diagnostic| diagnostic.severity() == Severity::Warning))
}
