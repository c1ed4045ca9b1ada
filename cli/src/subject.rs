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
        let (label, prefix) = (self.label.clone(), self.prefix.as_str());
        let may_fail = asked.is_some_and(|asked| asked.is_of_another);
        let mut survey = survey(&self.sources, now, asked.map(|asked| (asked.name, asked.text)));
        if may_fail {
            survey.asked.diagnostics.clear();
        }
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
}
