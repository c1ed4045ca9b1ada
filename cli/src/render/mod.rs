//! Diagnostics, for people and for machines.

mod excerpt;
mod github;
mod human;
mod json;
mod repository;
mod sarif;
pub(crate) mod text;

use std::collections::BTreeMap;

use clap::ValueEnum;
use weir_compiler::package::Source;
use weir_syntax::{
    Diagnostic, FileId, Label, Severity, Span,
    text::{LineColumn, LineIndex},
};

use crate::{console::Console, failure::Failure};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text with excerpts, on standard error.
    #[default]
    Human,
    /// One JSON object, on standard output.
    Json,
    /// SARIF 2.1.0, on standard output.
    Sarif,
    /// Workflow commands that annotate a pull request, on standard output.
    Github,
}

/// Diagnostics with the texts that they are about.
pub(crate) struct Report<'a> {
    files: &'a [Source],
    diagnostics: &'a [Diagnostic],
    /// What leads from the current folder to the files.
    prefix: &'a str,
    /// Empty, unless [`Self::assuming`] gave them.
    assumptions: Vec<Assumption<'a>>,
    /// Of the files that diagnostics are about.
    lines: BTreeMap<FileId, LineIndex>,
}

/// What an assertion that holds rests on, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assumption<'a> {
    pub(crate) text: &'a str,
    pub(crate) file: FileId,
    pub(crate) span: Span,
}

/// Where a label is: the end is exclusive.
#[derive(Clone, Copy, Debug)]
struct Region {
    start: LineColumn,
    end: LineColumn,
}

impl<'a> Report<'a> {
    pub(crate) fn new(files: &'a [Source], diagnostics: &'a [Diagnostic], prefix: &'a str) -> Self {
        let mut lines = BTreeMap::new();
        let labels = diagnostics.iter().flat_map(|one| &one.labels).map(|label| label.file);
        let edits = diagnostics.iter().flat_map(|one| &one.fixes).flat_map(|fix| &fix.edits);
        for file in labels.chain(edits.map(|edit| edit.file)) {
            if let Some(source) = files.get(file.0 as usize) {
                lines.entry(file).or_insert_with(|| LineIndex::new(&source.text));
            }
        }
        Self { files, diagnostics, prefix, assumptions: Vec::new(), lines }
    }

    pub(crate) fn assuming(mut self, assumptions: impl Iterator<Item = Assumption<'a>>) -> Self {
        self.assumptions.extend(assumptions);
        for assumption in &self.assumptions {
            if let Some(source) = self.files.get(assumption.file.0 as usize) {
                self.lines.entry(assumption.file).or_insert_with(|| LineIndex::new(&source.text));
            }
        }
        self
    }

    /// Each assumption with its place, as `assertions.weir:21`.
    pub(crate) fn assumptions(&self) -> impl Iterator<Item = (&'a str, String)> {
        self.assumptions.iter().filter_map(|held| {
            let (source, _) = self.text(held.file)?;
            let line = self.region_of(held.file, held.span)?.start.line;
            Some((held.text, format!("{}:{line}", self.path(source))))
        })
    }

    pub(crate) fn print(&self, format: Format, console: &Console) -> Result<(), Failure> {
        match format {
            Format::Human => {
                console.stderr(&human::render(self, console.color)?);
                Ok(())
            }
            Format::Json => console.stdout(&json::render(self)?),
            Format::Sarif => console.stdout(&sarif::render(self)?),
            Format::Github => console.stdout(&github::render(self)),
        }
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity() == severity).count()
    }

    /// The file's text and lines; nothing for a file that is not there.
    fn text(&self, file: FileId) -> Option<(&'a Source, &LineIndex)> {
        Some((self.files.get(file.0 as usize)?, self.lines.get(&file)?))
    }

    /// Where a diagnostic stands for a service that shows it at a file of the repository: the standard library is none.
    fn primary<'d>(&self, diagnostic: &'d Diagnostic) -> Option<&'d Label> {
        let own = |label: &&Label| self.text(label.file).is_some_and(|(source, _)| !source.is_standard());
        diagnostic.labels.iter().find(own)
    }

    fn region(&self, label: &Label) -> Option<Region> {
        self.region_of(label.file, label.span)
    }

    fn region_of(&self, file: FileId, span: Span) -> Option<Region> {
        let (source, lines) = self.text(file)?;
        let at = |offset: u32| lines.line_column(&source.text, text::floor(&source.text, offset));
        Some(Region { start: at(span.start), end: at(span.end.max(span.start)) })
    }

    /// A file's path from the current folder; of the standard library its own.
    fn path(&self, source: &Source) -> String {
        if source.is_standard() { source.path.clone() } else { format!("{}{}", self.prefix, source.path) }
    }
}

/// How SARIF and GitHub name a severity.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::Internal(format!("diagnostics cannot be printed: {error}"))
}
