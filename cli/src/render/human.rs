//! For people, as compilers print: the message, the lines it is about, what to write instead.

use std::{collections::BTreeMap, ops::Range};

use codespan_reporting::{
    diagnostic::{Diagnostic as Shown, Label as Mark, LabelStyle, Severity as Weight},
    term::{
        self, Chars, Config, Styles, StylesWriter,
        termcolor::{Ansi, NoColor, WriteColor},
    },
};
use weir_syntax::{Diagnostic, FileId, Severity};

use super::{
    Report,
    excerpt::{Excerpt, Excerpts},
    internal,
    text::{visible, visible_lines},
};
use crate::failure::Failure;

pub(crate) fn render(report: &Report<'_>, color: bool) -> Result<String, Failure> {
    let bytes = if color {
        write(report, Ansi::new(Vec::new())).map(Ansi::into_inner)
    } else {
        write(report, NoColor::new(Vec::new())).map(NoColor::into_inner)
    }?;
    String::from_utf8(bytes).map_err(internal)
}

fn write<W: WriteColor>(report: &Report<'_>, mut writer: W) -> Result<W, Failure> {
    // Plain ASCII lines: they come out right on every console of a plant.
    let config = Config { chars: Chars::ascii(), ..Config::default() };
    let styles = Styles::default();
    for diagnostic in report.diagnostics {
        let (shown, excerpts) = translate(report, diagnostic);
        let mut styled = StylesWriter::new(&mut writer, &styles);
        term::emit_to_write_style(&mut styled, &config, &excerpts, &shown).map_err(internal)?;
    }
    Ok(writer)
}

fn translate<'a>(report: &'a Report<'_>, diagnostic: &Diagnostic) -> (Shown<usize>, Excerpts<'a>) {
    let mut order: Vec<FileId> = Vec::new();
    let mut spans: BTreeMap<FileId, Vec<Range<u32>>> = BTreeMap::new();
    for label in &diagnostic.labels {
        if !order.contains(&label.file) {
            order.push(label.file);
        }
        spans.entry(label.file).or_default().push(label.span.start..label.span.end);
    }
    order.retain(|file| report.text(*file).is_some());
    let mut excerpts: Vec<Excerpt<'a>> = order
        .iter()
        .filter_map(|file| {
            let (source, lines) = report.text(*file)?;
            let spans = spans.get(file).map_or(&[][..], Vec::as_slice);
            Some(Excerpt::new(visible(&report.path(source)), &source.text, lines, spans))
        })
        .collect();
    let mut marks = Vec::new();
    // The primary one last: the place it starts at is the one that counts.
    for label in diagnostic.labels.iter().rev() {
        let Some(id) = order.iter().position(|file| *file == label.file) else { continue };
        let range = excerpts[id].mark(&(label.span.start..label.span.end));
        let style = if label.primary { LabelStyle::Primary } else { LabelStyle::Secondary };
        marks.push(Mark::new(style, id, range).with_message(visible(&label.message)));
    }
    marks.reverse();
    let mut notes: Vec<String> =
        diagnostic.notes.iter().map(|note| format!("note: {}", visible_lines(note))).collect();
    notes.extend(diagnostic.help.iter().map(|help| format!("help: {}", visible_lines(help))));
    // what a fix would write is mostly in the help already
    let help = diagnostic.help.as_deref().unwrap_or("");
    let unsaid = |fix: &&weir_syntax::Fix| {
        fix.edits.first().is_some_and(|edit| !help.contains(edit.text.trim())) && !help.contains(&fix.title)
    };
    notes.extend(
        diagnostic.fixes.iter().filter(unsaid).map(|fix| format!("help: {}", visible_lines(&fix.title))),
    );
    let weight = match diagnostic.severity() {
        Severity::Error => Weight::Error,
        Severity::Warning => Weight::Warning,
    };
    let shown = Shown::new(weight)
        .with_code(diagnostic.code.id)
        .with_message(visible(&diagnostic.message))
        .with_labels(marks)
        .with_notes(notes);
    (shown, Excerpts(excerpts))
}
