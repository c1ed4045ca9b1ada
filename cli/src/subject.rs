//! Packages as reports take them.

use std::path::Path;

use weir_compiler::{Sources, Survey, survey};
use weir_review::Subject;
use weir_syntax::Severity;

use crate::{
    commands::check,
    console::Console,
    failure::Failure,
    load,
    render::{Format, Report},
};

/// A package from disk, with what is asked of it.
pub(crate) fn from_folder(
    folder: Option<&Path>,
    asked: Option<(&str, &str)>,
    console: &Console,
) -> Result<Subject, Failure> {
    let root = load::find(folder).map_err(|diagnostic| {
        let printed = Report::new(&[], &[*diagnostic], "").print(Format::Human, console);
        printed.err().unwrap_or(Failure::Reported)
    })?;
    let package = load::load(&root);
    let label = root.display().to_string();
    make(label, &package.sources, &package.prefix, asked, console)
}

/// Prints what stands in the way. What was asked may be wrong, too.
pub(crate) fn make(
    label: String,
    sources: &Sources,
    prefix: &str,
    asked: Option<(&str, &str)>,
    console: &Console,
) -> Result<Subject, Failure> {
    let survey = survey(sources, check::now()?, asked);
    let refuse = |survey: &Survey, all: bool| {
        let own = survey.analysis.diagnostics.iter().filter(|_| all);
        let asked = survey.asked.diagnostics.iter();
        let errors: Vec<_> =
            own.chain(asked).filter(|one| one.severity() == Severity::Error).cloned().collect();
        let printed = Report::new(&survey.sources.files, &errors, prefix).print(Format::Human, console);
        printed.map(|()| errors.len())
    };
    if survey.asked.diagnostics.iter().any(|one| one.severity() == Severity::Error) {
        refuse(&survey, false)?;
        return Err(Failure::Reported);
    }
    Subject::new(label.clone(), survey).or_else(|survey| {
        refuse(&survey, true)?;
        console.error(&format!("`{label}` cannot be understood: mend it first"), None);
        Err(Failure::Reported)
    })
}
