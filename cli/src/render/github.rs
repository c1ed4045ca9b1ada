//! Workflow commands: GitHub shows them as annotations in the pull request's diff. Paths lead from the repository's root, which is
//! the folder that a workflow checks out.

use std::fmt::Write as _;

use weir_compiler::package::MANIFEST;
use weir_syntax::Diagnostic;

use super::{Report, level, repository, text};

pub(crate) fn render(report: &Report<'_>) -> String {
    let mut out = String::new();
    let prefix = repository::place(report.prefix).prefix;
    for diagnostic in report.diagnostics {
        // Writing into a String does not fail.
        let _ = writeln!(
            out,
            "::{} {}title={}::{}",
            level(diagnostic.severity()),
            place(report, diagnostic, &prefix),
            property(&format!("{}: {}", diagnostic.code.id, diagnostic.code.title)),
            data(&message(diagnostic)),
        );
    }
    out
}

fn place(report: &Report<'_>, diagnostic: &Diagnostic, prefix: &str) -> String {
    let placed = report
        .primary(diagnostic)
        .and_then(|label| Some((report.text(label.file)?.0, report.region(label)?)));
    let Some((source, region)) = placed else {
        return format!("file={},line=1,", property(&format!("{prefix}{MANIFEST}")));
    };
    let mut out =
        format!("file={},line={}", property(&format!("{prefix}{}", source.path)), region.start.line);
    if region.end.line > region.start.line {
        let _ = write!(out, ",endLine={},", region.end.line);
    } else {
        // Both are inclusive, and only of use within one line.
        let last = region.end.column.saturating_sub(1).max(region.start.column);
        let _ = write!(out, ",col={},endColumn={last},", region.start.column);
    }
    out
}

fn message(diagnostic: &Diagnostic) -> String {
    let mut out = text::visible(&diagnostic.message);
    let label =
        diagnostic.labels.first().map(|label| label.message.as_str()).filter(|label| !label.is_empty());
    let notes = diagnostic.notes.iter().map(|note| format!("note: {}", text::visible_lines(note)));
    let help = diagnostic.help.iter().map(|help| format!("help: {}", text::visible_lines(help)));
    for line in label.map(text::visible).into_iter().chain(notes).chain(help) {
        out.push('\n');
        out.push_str(&line);
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    let mut out = String::new();
    for character in data(text).chars() {
        match character {
            ':' => out.push_str("%3A"),
            ',' => out.push_str("%2C"),
            _ => text::push_visible(&mut out, character),
        }
    }
    out
}
