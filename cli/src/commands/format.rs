//! `weir fmt`.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use similar::{Algorithm, TextDiff};
use weir_compiler::package::Source;
use weir_syntax::{
    Diagnostic, FileId, Severity, Span,
    diagnostic::codes,
    format::{self, FormatError},
};

use crate::{
    console::Console,
    failure::Failure,
    load,
    render::{Format, Report, text},
    walk::{self, Nested},
};

/// Why a text was not formatted.
pub(crate) enum Refusal {
    /// What the parser says, in [`FileId`] 0.
    Syntax(Vec<Diagnostic>),
    /// A mistake of the formatter.
    Internal(String),
}

/// The formatted text.
fn formatted(source: &str) -> Result<String, Refusal> {
    format::format(source).map_err(|error| match error {
        FormatError::Syntax(diagnostics) => Refusal::Syntax(diagnostics),
        FormatError::Internal(_) => Refusal::Internal(error.to_string()),
    })
}

pub(crate) fn run(paths: &[PathBuf], check: bool, console: &Console) -> Result<(), Failure> {
    run_with(paths, check, console, &formatted)
}

#[derive(Default)]
struct Outcome {
    /// Files that could not be formatted, as texts to report on.
    sources: Vec<Source>,
    diagnostics: Vec<Diagnostic>,
    /// Files that were changed or, with `--check`, would be.
    changed: usize,
    unchanged: usize,
}

fn run_with(
    paths: &[PathBuf],
    check: bool,
    console: &Console,
    formatted: &dyn Fn(&str) -> Result<String, Refusal>,
) -> Result<(), Failure> {
    let mut outcome = Outcome::default();
    for file in files(paths, &mut outcome)? {
        one(&file, check, console, formatted, &mut outcome)?;
    }
    let Outcome { sources, diagnostics, changed, unchanged } = outcome;
    let report = Report::new(&sources, &diagnostics, "");
    report.print(Format::Human, console)?;
    let errors = report.count(Severity::Error);
    if errors > 0 {
        console.error(&format!("could not format all files due to {}", text::count(errors, "error")), None);
        return Err(Failure::Reported);
    }
    if check && changed > 0 {
        let message = format!("{} not formatted", text::count(changed, "file"));
        console.error(&message, Some("run `weir fmt`"));
        return Err(Failure::Reported);
    }
    console.status("formatted", &format!("{}, {unchanged} left as they were", text::count(changed, "file")));
    Ok(())
}

/// The files to format. Folders are searched, packages inside of them included.
fn files(paths: &[PathBuf], outcome: &mut Outcome) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut search = |folder: &Path, nested, outcome: &mut Outcome| {
        let walk = walk::walk(folder, nested);
        files.extend(walk.files.into_iter().map(|found| found.disk));
        outcome.diagnostics.extend(walk.diagnostics);
    };
    if paths.is_empty() {
        match load::find(None) {
            Ok(root) => search(&root, Nested::Skip, outcome),
            Err(diagnostic) => outcome.diagnostics.push(*diagnostic),
        }
    }
    let mut single = Vec::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => search(path, Nested::Enter, outcome),
            Ok(_) => single.push(path.clone()),
            Err(error) => return Err(Failure::io("read", path, &error)),
        }
    }
    files.extend(single);
    files.sort();
    files.dedup();
    Ok(files)
}

fn one(
    path: &Path,
    check: bool,
    console: &Console,
    formatted: &dyn Fn(&str) -> Result<String, Refusal>,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let plain = path.strip_prefix(".").unwrap_or(path);
    let shown = plain.display().to_string();
    let source = match load::read_source(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(source) => source,
            Err(_) => {
                let diagnostic = Diagnostic::new(&codes::E0002, format!("`{shown}` is not UTF-8"));
                outcome.report(
                    shown,
                    String::new(),
                    vec![diagnostic.primary(FileId(0), Span::default(), "")],
                );
                return Ok(());
            }
        },
        Err(unread) => {
            outcome.report(shown.clone(), String::new(), vec![unread.diagnostic(&shown)]);
            return Ok(());
        }
    };
    match formatted(&source) {
        Ok(new) if new == source => outcome.unchanged += 1,
        Ok(new) => {
            outcome.changed += 1;
            if check {
                console.stdout(&diff(&shown, &source, &new, console.color_output))?;
            } else {
                replace(path, &new).map_err(|error| Failure::io("write", path, &error))?;
            }
        }
        Err(Refusal::Syntax(diagnostics)) => outcome.report(shown, source, diagnostics),
        Err(Refusal::Internal(message)) => return Err(Failure::Internal(format!("{shown}: {message}"))),
    }
    Ok(())
}

impl Outcome {
    /// Takes diagnostics of one file, in [`FileId`] 0, into those of all.
    fn report(&mut self, path: String, source: String, mut diagnostics: Vec<Diagnostic>) {
        let file = FileId(self.sources.len() as u32);
        self.sources.push(Source { path, text: source.into() });
        for label in diagnostics.iter_mut().flat_map(|diagnostic| &mut diagnostic.labels) {
            label.file = file;
        }
        self.diagnostics.extend(diagnostics);
    }
}

fn diff(path: &str, old: &str, new: &str, color: bool) -> String {
    // Patience keeps blocks together, and stays fast where nearly all lines differ.
    let lines = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(old, new);
    let path = text::visible(path);
    let unified = lines.unified_diff().header(&path, &format!("{path} (formatted)")).to_string();
    let mut out = String::with_capacity(unified.len());
    for line in unified.lines() {
        let style = match line.as_bytes().first() {
            Some(b'+') => "\x1b[32m",
            Some(b'-') => "\x1b[31m",
            Some(b'@') => "\x1b[36m",
            _ => "",
        };
        let (style, reset) = if color && !style.is_empty() { (style, "\x1b[0m") } else { ("", "") };
        out.push_str(style);
        line.chars().for_each(|character| text::push_visible(&mut out, character));
        out.push_str(reset);
        out.push('\n');
    }
    out
}

/// Puts a file's new text in its place in one step, with the permissions that it had.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let real = fs::canonicalize(path)?;
    let folder = real.parent().ok_or(io::ErrorKind::NotFound)?;
    let permissions = fs::metadata(&real)?.permissions();
    if permissions.readonly() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut file = tempfile::Builder::new().prefix(".weir-fmt-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(permissions)?;
    file.persist(&real).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::console::Color;

    /// Trims line ends; `BAD` stands for a syntax error.
    fn trimmed(source: &str) -> Result<String, Refusal> {
        if source.contains("BAD") {
            let diagnostic =
                Diagnostic::new(&codes::E0101, "bad").primary(FileId(0), Span::new(0, 3), "here");
            return Err(Refusal::Syntax(vec![diagnostic]));
        }
        Ok(source.lines().flat_map(|line| [line.trim_end(), "\n"]).collect())
    }

    fn format(folder: &Path, check: bool) -> Result<(), Failure> {
        let console = Console::new(Color::Never, true);
        run_with(&[folder.to_owned()], check, &console, &trimmed)
    }

    #[test]
    fn files_are_replaced_whole_and_keep_their_permissions() {
        let base = tempfile::tempdir().unwrap();
        let (dirty, clean) = (base.path().join("dirty.weir"), base.path().join("clean.weir"));
        fs::write(&dirty, "zone a  \n").unwrap();
        fs::write(&clean, "zone b\n").unwrap();
        let before = fs::metadata(&clean).unwrap().modified().unwrap();
        let mode = fs::metadata(&dirty).unwrap().permissions();
        format(base.path(), false).unwrap();
        assert_eq!(fs::read_to_string(&dirty).unwrap(), "zone a\n");
        assert_eq!(fs::metadata(&dirty).unwrap().permissions(), mode);
        assert_eq!(fs::metadata(&clean).unwrap().modified().unwrap(), before);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_check_changes_nothing_and_fails_on_a_difference() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("a.weir");
        fs::write(&file, "zone a  \n").unwrap();
        assert!(matches!(format(base.path(), true), Err(Failure::Reported)));
        assert_eq!(fs::read_to_string(&file).unwrap(), "zone a  \n");
        fs::write(&file, "zone a\n").unwrap();
        format(base.path(), true).unwrap();
    }

    #[test]
    fn a_file_with_errors_keeps_nobody_from_the_others() {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join("a.weir"), "BAD  \n").unwrap();
        fs::write(base.path().join("b.weir"), "zone b  \n").unwrap();
        assert!(matches!(format(base.path(), false), Err(Failure::Reported)));
        assert_eq!(fs::read_to_string(base.path().join("a.weir")).unwrap(), "BAD  \n");
        assert_eq!(fs::read_to_string(base.path().join("b.weir")).unwrap(), "zone b\n");
    }

    #[test]
    fn a_diff_hides_nothing() {
        let text = diff("a\x1b.weir", "x\u{202e}  \n", "x\u{202e}\n", true);
        assert!(text.starts_with("\x1b[31m--- a␛.weir\x1b[0m\n"), "{text:?}");
        assert!(text.contains("\x1b[32m+x<U+202E>\x1b[0m\n"), "{text:?}");
    }
}
