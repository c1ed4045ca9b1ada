//! SARIF 2.1.0: what code scanning services read. Each result has a place, and each place a path from the repository's root.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Map, Value, json};
use weir_compiler::package::{MANIFEST, Source};
use weir_syntax::{Code, Diagnostic, FileId, Fix, Label};

use super::{Region, Report, internal, level, repository};
use crate::{commands::explain, failure::Failure};

/// What the paths of the package's files lead from.
const SOURCE_ROOT: &str = "SRCROOT";
/// The same for the standard library, whose files lie in no repository.
const STANDARD_LIBRARY: &str = "STANDARD_LIBRARY";

struct Log<'r> {
    report: &'r Report<'r>,
    place: repository::Place,
}

pub(crate) fn render(report: &Report<'_>) -> Result<String, Failure> {
    let log = Log { report, place: repository::place(report.prefix) };
    let mut rules: BTreeMap<&'static str, &'static Code> = BTreeMap::new();
    for diagnostic in report.diagnostics {
        rules.insert(diagnostic.code.id, diagnostic.code);
    }
    let ids: Vec<&str> = rules.keys().copied().collect();
    let results: Vec<Value> = report
        .diagnostics
        .iter()
        .map(|diagnostic| log.result(diagnostic, ids.iter().position(|id| *id == diagnostic.code.id)))
        .collect();
    let document = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "weir",
                    "version": env!("CARGO_PKG_VERSION"),
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules.values().map(|code| rule(code)).collect::<Vec<_>>(),
                },
            },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": log.bases(),
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&document).map_err(internal)?;
    text.push('\n');
    Ok(text)
}

fn rule(code: &Code) -> Value {
    let page = explain::page(code);
    json!({
        "id": code.id,
        "shortDescription": { "text": code.title },
        "help": { "text": page, "markdown": page },
        "defaultConfiguration": { "level": level(code.severity) },
    })
}

impl Log<'_> {
    /// The bases say what they are and not where: the same package gives the same log on every machine.
    fn bases(&self) -> Value {
        let mut bases = Map::new();
        let mut base =
            |id: &str, text: &str| bases.insert(id.into(), json!({ "description": { "text": text } }));
        base(SOURCE_ROOT, self.place.root.description());
        let mut labels = self.report.diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels);
        let is_standard =
            |label: &Label| self.report.text(label.file).is_some_and(|(source, _)| source.is_standard());
        if labels.any(is_standard) {
            base(STANDARD_LIBRARY, "Weir's standard library, which is part of the command.");
        }
        Value::Object(bases)
    }

    fn result(&self, diagnostic: &Diagnostic, rule: Option<usize>) -> Value {
        let mut text = diagnostic.message.clone();
        for note in &diagnostic.notes {
            let _ = write!(text, "\nnote: {note}");
        }
        if let Some(help) = &diagnostic.help {
            let _ = write!(text, "\nhelp: {help}");
        }
        let primary = self.report.primary(diagnostic);
        // Services refuse a result without a place.
        let place = primary.and_then(|label| self.location(label)).unwrap_or_else(|| self.manifest());
        let others =
            diagnostic.labels.iter().filter(|label| !primary.is_some_and(|one| std::ptr::eq(one, *label)));
        let related: Vec<Value> = others
            .filter_map(|label| self.location(label))
            .enumerate()
            .map(|(id, mut location)| {
                location["id"] = json!(id);
                location
            })
            .collect();
        let mut result = json!({
            "ruleId": diagnostic.code.id,
            "ruleIndex": rule,
            "level": level(diagnostic.severity()),
            "message": { "text": unlinked(&text) },
            "locations": [place],
        });
        if !related.is_empty() {
            result["relatedLocations"] = Value::Array(related);
        }
        let fixes: Vec<Value> = diagnostic.fixes.iter().filter_map(|one| self.fix(one)).collect();
        if !fixes.is_empty() {
            result["fixes"] = Value::Array(fixes);
        }
        result
    }

    /// A fix, with one change per file.
    fn fix(&self, fix: &Fix) -> Option<Value> {
        let mut files: BTreeMap<FileId, Vec<Value>> = BTreeMap::new();
        for edit in &fix.edits {
            let deleted = region(self.report.region_of(edit.file, edit.span)?);
            let replacement = json!({ "deletedRegion": deleted, "insertedContent": { "text": edit.text } });
            files.entry(edit.file).or_default().push(replacement);
        }
        let changes: Option<Vec<Value>> = files
            .into_iter()
            .map(|(file, replacements)| {
                let (source, _) = self.report.text(file)?;
                Some(json!({ "artifactLocation": self.artifact(source), "replacements": replacements }))
            })
            .collect();
        Some(json!({ "description": { "text": unlinked(&fix.title) }, "artifactChanges": changes? }))
    }

    fn location(&self, label: &Label) -> Option<Value> {
        let (source, _) = self.report.text(label.file)?;
        let region = region(self.report.region(label)?);
        let physical = json!({ "artifactLocation": self.artifact(source), "region": region });
        let mut location = json!({ "physicalLocation": physical });
        if !label.message.is_empty() {
            location["message"] = json!({ "text": unlinked(&label.message) });
        }
        Some(location)
    }

    /// The place of what stands in no file: the first line of the manifest, whether there is one or should be.
    fn manifest(&self) -> Value {
        let artifact = self.own(MANIFEST);
        json!({ "physicalLocation": { "artifactLocation": artifact, "region": { "startLine": 1 } } })
    }

    fn artifact(&self, source: &Source) -> Value {
        if source.is_standard() {
            json!({ "uri": uri(&source.path), "uriBaseId": STANDARD_LIBRARY })
        } else {
            self.own(&source.path)
        }
    }

    /// A file of the package.
    fn own(&self, path: &str) -> Value {
        json!({ "uri": uri(&format!("{}{path}", self.place.prefix)), "uriBaseId": SOURCE_ROOT })
    }
}

fn region(region: Region) -> Value {
    json!({
        "startLine": region.start.line,
        "startColumn": region.start.column,
        "endLine": region.end.line,
        "endColumn": region.end.column,
    })
}

/// A message that holds no link: `[text](target)` is one in SARIF, and names are quoted from the package.
fn unlinked(text: &str) -> String {
    text.replace("](", "\\](")
}

/// A relative path as a URI reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
