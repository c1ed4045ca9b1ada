//! For tools: one object. Paths are from the package's folder.

use serde::Serialize;
use weir_syntax::{Diagnostic, Severity, text::LineColumn};

use super::{Assumption, Report, internal};
use crate::failure::Failure;

#[derive(Serialize)]
struct Document<'a> {
    /// Of Weir.
    version: &'static str,
    diagnostics: Vec<Entry<'a>>,
    /// What the assertions that hold rest on.
    assumptions: Vec<AssumptionEntry<'a>>,
}

#[derive(Serialize)]
struct AssumptionEntry<'a> {
    text: &'a str,
    file: &'a str,
    /// Of the assertion.
    start: LineColumn,
    end: LineColumn,
}

#[derive(Serialize)]
struct Entry<'a> {
    code: &'static str,
    severity: Severity,
    message: &'a str,
    help: Option<&'a str>,
    spans: Vec<SpanEntry<'a>>,
    /// Changes of the text that would mend it, the likeliest first.
    fixes: Vec<FixEntry<'a>>,
}

#[derive(Serialize)]
struct FixEntry<'a> {
    title: &'a str,
    edits: Vec<EditEntry<'a>>,
}

/// The text from `start` to `end` becomes `text`.
#[derive(Serialize)]
struct EditEntry<'a> {
    file: &'a str,
    start: LineColumn,
    end: LineColumn,
    text: &'a str,
}

#[derive(Serialize)]
struct SpanEntry<'a> {
    file: &'a str,
    start: LineColumn,
    /// Exclusive.
    end: LineColumn,
    label: &'a str,
    primary: bool,
}

pub(crate) fn render(report: &Report<'_>) -> Result<String, Failure> {
    let diagnostics = report.diagnostics.iter().map(|diagnostic| entry(report, diagnostic)).collect();
    let assumption = |held: &'_ Assumption<'_>| {
        let (source, _) = report.text(held.file)?;
        let region = report.region_of(held.file, held.span)?;
        Some((source, region))
    };
    let assumptions = report.assumptions.iter().filter_map(|held| {
        let (source, region) = assumption(held)?;
        Some(AssumptionEntry { text: held.text, file: &source.path, start: region.start, end: region.end })
    });
    let document =
        Document { version: env!("CARGO_PKG_VERSION"), diagnostics, assumptions: assumptions.collect() };
    let mut text = serde_json::to_string_pretty(&document).map_err(internal)?;
    text.push('\n');
    Ok(text)
}

fn entry<'a>(report: &'a Report<'_>, diagnostic: &'a Diagnostic) -> Entry<'a> {
    let spans = diagnostic
        .labels
        .iter()
        .filter_map(|label| {
            let (source, _) = report.text(label.file)?;
            let region = report.region(label)?;
            Some(SpanEntry {
                file: &source.path,
                start: region.start,
                end: region.end,
                label: &label.message,
                primary: label.primary,
            })
        })
        .collect();
    let edit = |edit: &'a weir_syntax::Edit| {
        let (source, _) = report.text(edit.file)?;
        let region = report.region_of(edit.file, edit.span)?;
        Some(EditEntry { file: &source.path, start: region.start, end: region.end, text: &edit.text })
    };
    let fixes = diagnostic
        .fixes
        .iter()
        .map(|fix| FixEntry { title: &fix.title, edits: fix.edits.iter().filter_map(edit).collect() })
        .collect();
    Entry {
        code: diagnostic.code.id,
        severity: diagnostic.severity(),
        message: &diagnostic.message,
        help: diagnostic.help.as_deref(),
        spans,
        fixes,
    }
}
