//! SARIF 2.1.0: what code scanning services read.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Value, json};
use weir_syntax::{Code, Diagnostic, FileId, Fix, Label};

use super::{Report, internal, level};
use crate::{commands::explain, failure::Failure};

pub(crate) fn render(report: &Report<'_>) -> Result<String, Failure> {
    let mut rules: BTreeMap<&'static str, &'static Code> = BTreeMap::new();
    for diagnostic in report.diagnostics {
        rules.insert(diagnostic.code.id, diagnostic.code);
    }
    let ids: Vec<&str> = rules.keys().copied().collect();
    let results: Vec<Value> = report
        .diagnostics
        .iter()
        .map(|diagnostic| result(report, diagnostic, ids.iter().position(|id| *id == diagnostic.code.id)))
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

fn result(report: &Report<'_>, diagnostic: &Diagnostic, rule: Option<usize>) -> Value {
    let mut text = diagnostic.message.clone();
    for note in &diagnostic.notes {
        let _ = write!(text, "\nnote: {note}");
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(text, "\nhelp: {help}");
    }
    let (primary, others) = diagnostic.labels.split_at(diagnostic.labels.len().min(1));
    let located =
        |labels: &[Label]| labels.iter().filter_map(|label| location(report, label)).collect::<Vec<_>>();
    let related: Vec<Value> = others
        .iter()
        .filter_map(|label| location(report, label))
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
        "message": { "text": text },
        "locations": located(primary),
    });
    if !related.is_empty() {
        result["relatedLocations"] = Value::Array(related);
    }
    let fixes: Vec<Value> = diagnostic.fixes.iter().filter_map(|one| fix(report, one)).collect();
    if !fixes.is_empty() {
        result["fixes"] = Value::Array(fixes);
    }
    result
}

/// A fix, with one change per file.
fn fix(report: &Report<'_>, fix: &Fix) -> Option<Value> {
    let mut files: BTreeMap<FileId, Vec<Value>> = BTreeMap::new();
    for edit in &fix.edits {
        let region = report.region_of(edit.file, edit.span)?;
        files.entry(edit.file).or_default().push(json!({
            "deletedRegion": {
                "startLine": region.start.line,
                "startColumn": region.start.column,
                "endLine": region.end.line,
                "endColumn": region.end.column,
            },
            "insertedContent": { "text": edit.text },
        }));
    }
    let changes: Option<Vec<Value>> = files
        .into_iter()
        .map(|(file, replacements)| {
            let (source, _) = report.text(file)?;
            let location = json!({ "uri": uri(&report.path(source)) });
            Some(json!({ "artifactLocation": location, "replacements": replacements }))
        })
        .collect();
    Some(json!({ "description": { "text": fix.title }, "artifactChanges": changes? }))
}

fn location(report: &Report<'_>, label: &Label) -> Option<Value> {
    let (source, _) = report.text(label.file)?;
    let region = report.region(label)?;
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&report.path(source)) },
            "region": {
                "startLine": region.start.line,
                "startColumn": region.start.column,
                "endLine": region.end.line,
                "endColumn": region.end.column,
            },
        },
    });
    if !label.message.is_empty() {
        location["message"] = json!({ "text": label.message });
    }
    Some(location)
}

/// A path as a URI reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut out = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
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
