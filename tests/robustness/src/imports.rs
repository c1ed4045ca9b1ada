//! What holds for whatever is imported: it ends, each diagnostic can be shown, and what was read is Weir.

use std::{collections::BTreeMap, net::IpAddr};

use weir_compiler::{Sources, package::Source};
use weir_import::{
    Imported, Input, Inventory, Vocabulary, aerleon,
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
            let Imported { inventory, diagnostics } = mud::read(&inputs, &options, vocabulary);
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
            let Imported { inventory, diagnostics } = aerleon::read(used, &options, vocabulary);
            (inventory, diagnostics)
        }
        // a mapping is itself a file that may be broken
        _ if path.contains("mapping") => match Mapping::read(&inputs[0], vocabulary) {
            Ok(mapping) => {
                let table = "Name,IP,Type,Services\nPLC-1,10.0.0.1,PLC,Modbus/TCP\n";
                let assets = [Input { file: FileId(1), path: "assets.csv", text: table }];
                let Imported { inventory, diagnostics } = assets::read(&assets, &mapping, vocabulary);
                // what does not fit the table is the table's: its file is not this one
                let own =
                    |diagnostic: &Diagnostic| diagnostic.labels.iter().all(|label| label.file == FileId(0));
                (inventory, diagnostics.into_iter().filter(own).collect())
            }
            Err(diagnostics) => (Inventory::default(), diagnostics),
        },
        _ => {
            let Imported { inventory, diagnostics } = assets::read(&inputs, &Mapping::default(), vocabulary);
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

/// What was read is said, or listed: nothing is dropped without a word.
fn nothing_is_lost(format: &str, inventory: &Inventory) -> Result<(), String> {
    let devices = inventory.items.iter().filter(|item| item.kind == weir_import::Kind::Device).count();
    let flows: usize = inventory.policies.iter().map(|policy| policy.flows.len()).sum();
    let (read, left) = (inventory.read, inventory.remainder.len());
    let lost = match format {
        // a row is a device, or listed
        "inventory" => read > devices + left,
        // several entries may say one flow, and answers need none; but something becomes of what was read
        "mud" => read > 0 && flows + left == 0,
        "aerleon" => read > 0 && flows + left < read,
        _ => read > 0 && inventory.items.is_empty() && left == 0,
    };
    if lost {
        return Err(format!(
            "{read} read, {devices} devices, {flows} flows, {left} listed: something is lost"
        ));
    }
    Ok(())
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
        nothing_is_lost(format, &inventory)?;
    }
    let weir = inventory.render(&inputs).map_err(|error| format!("what was read is no Weir: {error}"))?;
    if !is_formatted(&weir) {
        return Err(format!("what was read is not laid out:\n{weir}"));
    }
    Ok(diagnostics.iter().all(|diagnostic| diagnostic.severity() == Severity::Warning))
}
