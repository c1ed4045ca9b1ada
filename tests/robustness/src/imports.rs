//! What holds for whatever is imported: it ends, each diagnostic can be shown, and what was read is Weir.

use weir_compiler::{Sources, package::Source};
use weir_import::{Input, Inventory, Vocabulary, kubernetes};
use weir_syntax::{Diagnostic, FileId, Severity, format::is_formatted};

use crate::promises;

/// The formats that are imported, each by its command.
pub const FORMATS: [&str; 1] = ["kubernetes"];

/// What the standard library has names for.
pub fn vocabulary() -> Vocabulary {
    let library = Sources::new("", Vec::new());
    let files = library.files.iter().filter(|source| source.is_standard());
    Vocabulary::new(files.map(|source| (source.path.as_str(), &*source.text)))
}

/// Reads one file as this format.
pub fn read(format: &str, path: &str, text: &str, vocabulary: &Vocabulary) -> (Inventory, Vec<Diagnostic>) {
    let inputs = [Input { file: FileId(0), path, text }];
    let (manifests, mut diagnostics) = kubernetes::read(&inputs, None);
    debug_assert!(FORMATS.contains(&format));
    diagnostics.extend(kubernetes::twice(&manifests));
    diagnostics.extend(kubernetes::check(&manifests));
    for pods in &manifests.pods {
        diagnostics.extend(kubernetes::posture(pods, false).iter().map(kubernetes::Finding::diagnostic));
    }
    let inventory = kubernetes::inventory(&manifests, &kubernetes::Options { cluster: "edge1" }, vocabulary);
    (inventory, diagnostics)
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
    let weir = inventory.render(&inputs).map_err(|error| format!("what was read is no Weir: {error}"))?;
    if !is_formatted(&weir) {
        return Err(format!("what was read is not laid out:\n{weir}"));
    }
    Ok(diagnostics.iter().all(|diagnostic| diagnostic.severity() == Severity::Warning))
}
