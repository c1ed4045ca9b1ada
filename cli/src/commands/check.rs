//! `weir check`, and what `weir build` has in common with it.

use std::{
    mem::ManuallyDrop,
    time::{SystemTime, UNIX_EPOCH},
};

use weir_compiler::{Analysis, analyze};
use weir_syntax::{Diagnostic, Severity};

use crate::{
    arguments::Checking,
    console::Console,
    failure::Failure,
    load::{self, Package},
    progress::Progress,
    render::{Assumption, Format, Report, text},
};

pub(crate) fn run(options: &Checking, console: &Console) -> Result<(), Failure> {
    let progress = Progress::start(console, "checking");
    let checked = Checked::new(options, "check", console)?;
    drop(progress);
    checked.settle(console)
}

/// A package with all that is known about it, before anything is printed.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) package: Package,
    /// Never taken apart: the process ends with it, and to free millions of small sets one by one takes a while.
    pub(crate) analysis: ManuallyDrop<Analysis>,
    options: Checking,
    /// What was wanted, for the summary: `check`, `build`.
    verb: &'static str,
}

impl Checked {
    pub(crate) fn new(options: &Checking, verb: &'static str, console: &Console) -> Result<Self, Failure> {
        let root = match load::find(options.folder.as_deref()) {
            Ok(root) => root,
            Err(diagnostic) => {
                // where the package should be
                let place = options.folder.as_ref().map(|folder| format!("{}/", folder.display()));
                let report = [*diagnostic];
                Report::new(&[], &report, place.as_deref().unwrap_or_default())
                    .print(options.format, console)?;
                return Err(Failure::Reported);
            }
        };
        let package = load::load(&root);
        let analysis = ManuallyDrop::new(analyze(&package.sources, now()?));
        Ok(Self { package, analysis, options: options.clone(), verb })
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.analysis.diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error)
    }

    pub(crate) fn add(&mut self, diagnostics: Vec<Diagnostic>) {
        self.analysis.diagnostics.extend(diagnostics);
    }

    /// Whether the diagnostics stand in the way.
    pub(crate) fn is_refused(&self) -> bool {
        self.has_errors() || (self.options.deny_warnings && self.shown().next().is_some())
    }

    fn shown(&self) -> impl Iterator<Item = &Diagnostic> {
        self.analysis.diagnostics.iter().filter(|diagnostic| !self.options.allow.contains(&diagnostic.code))
    }

    /// Prints the diagnostics, in one go, and says whether they stand in the way.
    pub(crate) fn settle(&self, console: &Console) -> Result<(), Failure> {
        let mut shown: Vec<Diagnostic> = self.shown().cloned().collect();
        shown.sort_by(|a, b| (a.position(), &a.message).cmp(&(b.position(), &b.message)));
        let held = self.analysis.facts.iter().flat_map(|facts| &facts.assertions);
        let report = Report::new(&self.package.sources.files, &shown, &self.package.prefix).assuming(
            held.filter_map(|held| {
                let text = held.assumption.as_deref()?;
                Some(Assumption { text, file: held.file, span: held.span })
            }),
        );
        report.print(self.options.format, console)?;
        let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
        if self.options.format == Format::Human {
            for (assumption, place) in report.assumptions() {
                let said = format!("{} ({})", text::visible(assumption), text::visible(&place));
                console.status("assumed", &said);
            }
            self.summarize(errors, warnings, console);
        }
        if self.is_refused() { Err(Failure::Reported) } else { Ok(()) }
    }

    fn summarize(&self, errors: usize, warnings: usize, console: &Console) {
        let name = match self.package.name() {
            "" => "the package".to_owned(),
            name => format!("`{name}`"),
        };
        let verb = self.verb;
        let both = [(errors, "error"), (warnings, "warning")];
        let counts: Vec<String> = both
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, noun)| text::count(*number, noun))
            .collect();
        let counts = counts.join("; ");
        match (errors, warnings) {
            (0, 0) => console.status("fine", &format!("{name} has no errors and no warnings")),
            (0, _) if self.is_refused() => {
                console.error(
                    &format!("could not {verb} {name} due to {counts}, denied by --deny-warnings"),
                    None,
                );
            }
            (0, _) => console.warning(&format!("{name} has {counts}")),
            _ => console.error(&format!("could not {verb} {name} due to {counts}"), None),
        }
    }
}

/// Seconds since 1970; of `SOURCE_DATE_EPOCH`, where it is set, so that a build can be repeated.
pub(crate) fn now() -> Result<i64, Failure> {
    const FIXED: &str = "SOURCE_DATE_EPOCH";
    match std::env::var_os(FIXED) {
        Some(text) => text.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
            Failure::usage(format!("{FIXED} is `{}`, not a number of seconds", text.to_string_lossy()))
        }),
        None => {
            Ok(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed()))
        }
    }
}
