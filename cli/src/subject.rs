//! Packages as reports take them.

use std::{net::IpAddr, ops::Range, path::Path};

use weir_compiler::{Sources, Survey, survey};
use weir_review::Subject;
use weir_syntax::{Diagnostic, FileId, Severity, Span};

use crate::{
    commands::check,
    console::Console,
    failure::Failure,
    load,
    render::{Format, Report},
};

/// A question in the language, made of what the user wrote. What is wrong with it is shown in that.
pub(crate) struct Question<'w> {
    written: &'w str,
    text: String,
    /// Which part of the text stands for which part of what was written.
    pieces: Vec<(Range<usize>, Range<usize>)>,
}

impl<'w> Question<'w> {
    pub(crate) fn new(written: &'w str) -> Self {
        Self { written, text: String::new(), pieces: Vec::new() }
    }

    /// Words that the user did not write.
    pub(crate) fn with(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// A part of what was written; an address is nobody's name in the language, and stands for itself later.
    pub(crate) fn part(mut self, part: &str) -> Self {
        let from = self.text.len();
        self.text.push_str(if part.parse::<IpAddr>().is_ok() { "internet" } else { part });
        // parts come in their order
        let after = self.pieces.last().map_or(0, |(_, last)| last.end);
        let at = self.written.get(after..).and_then(|rest| rest.find(part)).map(|at| after + at);
        if let Some(at) = at {
            self.pieces.push((from..self.text.len(), at..at + part.len()));
        }
        self
    }

    /// Makes diagnostics about the text ones about what was written.
    fn translate(&self, file: FileId, diagnostics: &mut [Diagnostic]) {
        let place = |span: Span| {
            let (start, end) = (span.start as usize, span.end as usize);
            let within = |(ours, _): &&(Range<usize>, Range<usize>)| ours.start <= start && end <= ours.end;
            let (from, to) = match self.pieces.iter().find(within) {
                Some((ours, theirs)) if ours.len() == theirs.len() => {
                    (theirs.start + start - ours.start, theirs.start + end - ours.start)
                }
                Some((_, theirs)) => (theirs.start, theirs.end),
                None => (0, self.written.len()),
            };
            Span::new(from as u32, to as u32)
        };
        for diagnostic in diagnostics.iter_mut() {
            for label in diagnostic.labels.iter_mut().filter(|label| label.file == file) {
                label.span = place(label.span);
            }
            diagnostic.fixes.clear(); // of a text that nobody has
        }
    }
}

/// A package from disk, and a question about it: exit code 2 if the question is wrong.
pub(crate) fn ask(
    folder: Option<&Path>,
    asked: &Question<'_>,
    console: &Console,
) -> Result<Subject, Failure> {
    let package = Package::from_folder(folder, console)?;
    let mut survey = survey(&package.sources, check::now()?, Some(("question", &asked.text)));
    let is_error = |one: &Diagnostic| one.severity() == Severity::Error;
    if survey.asked.diagnostics.iter().any(is_error) {
        let mut errors = std::mem::take(&mut survey.asked.diagnostics);
        errors.retain(is_error);
        let mut files = survey.sources.files;
        if let Some(file) = files.last_mut() {
            file.text = asked.written.into();
        }
        asked.translate(FileId(files.len().saturating_sub(1) as u32), &mut errors);
        Report::new(&files, &errors, "").print(Format::Human, console)?;
        return Err(Failure::Answer(Failure::USAGE));
    }
    package.subject(survey, console)
}

/// A package from disk that has no errors.
pub(crate) fn without_errors(folder: Option<&Path>, console: &Console) -> Result<Subject, Failure> {
    let package = Package::from_folder(folder, console)?;
    let survey = survey(&package.sources, check::now()?, None);
    if package.print_errors(&survey, survey.analysis.diagnostics.iter(), console)? > 0 {
        return Err(Failure::Reported);
    }
    package.subject(survey, console)
}

/// A package from disk, with what is asked of it.
pub(crate) fn from_folder(
    folder: Option<&Path>,
    asked: Option<(&str, &str)>,
    console: &Console,
) -> Result<Subject, Failure> {
    let asked = asked.map(|(name, text)| Asked { name, text, is_of_another: false });
    Package::from_folder(folder, console)?.at(check::now()?, asked, console)
}

/// A text in the language that is put to a package.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// For messages.
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
    /// It is about another version: what this one does not know of it is left out.
    pub(crate) is_of_another: bool,
}

/// A package that was read, to be analyzed at any time.
#[derive(Debug)]
pub(crate) struct Package {
    label: String,
    sources: Sources,
    prefix: String,
}

impl Package {
    pub(crate) fn from_folder(folder: Option<&Path>, console: &Console) -> Result<Self, Failure> {
        let root = load::find(folder).map_err(|diagnostic| {
            let printed = Report::new(&[], &[*diagnostic], "").print(Format::Human, console);
            printed.err().unwrap_or(Failure::Reported)
        })?;
        let package = load::load(&root);
        Ok(Self { label: root.display().to_string(), sources: package.sources, prefix: package.prefix })
    }

    /// Its lines are not those of files in the work tree.
    pub(crate) fn from_revision(label: &str, sources: Sources) -> Self {
        Self { label: label.to_owned(), sources, prefix: format!("{label}/") }
    }

    /// As it is at a time, in seconds since 1970. Prints what stands in the way; what was asked may be wrong, too.
    pub(crate) fn at(
        &self,
        now: i64,
        asked: Option<Asked<'_>>,
        console: &Console,
    ) -> Result<Subject, Failure> {
        let may_fail = asked.is_some_and(|asked| asked.is_of_another);
        let mut survey = survey(&self.sources, now, asked.map(|asked| (asked.name, asked.text)));
        if may_fail {
            survey.asked.diagnostics.clear();
        }
        if self.print_errors(&survey, survey.asked.diagnostics.iter(), console)? > 0 {
            return Err(Failure::Reported);
        }
        self.subject(survey, console)
    }

    fn subject(&self, survey: Survey, console: &Console) -> Result<Subject, Failure> {
        Subject::new(self.label.clone(), survey).or_else(|survey| {
            let own = survey.analysis.diagnostics.iter();
            self.print_errors(&survey, own.chain(&survey.asked.diagnostics), console)?;
            console.error(&format!("`{}` cannot be understood: mend it first", self.label), None);
            Err(Failure::Reported)
        })
    }

    /// Prints those that are errors, and counts them.
    fn print_errors<'d>(
        &self,
        survey: &Survey,
        diagnostics: impl Iterator<Item = &'d Diagnostic>,
        console: &Console,
    ) -> Result<usize, Failure> {
        let errors: Vec<Diagnostic> =
            diagnostics.filter(|one| one.severity() == Severity::Error).cloned().collect();
        if !errors.is_empty() {
            Report::new(&survey.sources.files, &errors, &self.prefix).print(Format::Human, console)?;
        }
        Ok(errors.len())
    }
}
