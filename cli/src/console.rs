//! What reaches the terminal: the one place that writes to the standard streams.

use std::io::{self, Write as _};

use clap::ValueEnum;
use weir_review::diff::render::Paint;

use crate::{failure::Failure, render::text};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// Who holds one may print; nothing is printed past it.
pub(crate) struct Console {
    /// Whether what goes to standard error is coloured.
    pub(crate) color: bool,
    /// Whether what goes to standard output is coloured.
    pub(crate) color_output: bool,
    quiet: bool,
}

const RESET: &str = "\x1b[0m";
const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[1;31m";
const GREEN: &str = "\x1b[1;32m";
const YELLOW: &str = "\x1b[1;33m";

#[allow(clippy::unused_self, reason = "printing takes a console, even where it asks nothing of it")]
impl Console {
    pub(crate) fn new(color: Color, quiet: bool) -> Self {
        let (stderr, stdout) = match color {
            Color::Always => (true, true),
            Color::Never => (false, false),
            Color::Auto => {
                let choose = |choice| choice != anstream::ColorChoice::Never;
                (
                    choose(anstream::AutoStream::choice(&io::stderr())),
                    choose(anstream::AutoStream::choice(&io::stdout())),
                )
            }
        };
        Self { color: stderr, color_output: stdout, quiet }
    }

    /// Results. A reader that has gone away is no failure: it has read enough.
    pub(crate) fn stdout(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::environment(format!(
                "cannot write to standard output: {}",
                crate::failure::cause(&error)
            ))),
            _ => Ok(()),
        }
    }

    /// Diagnostics and messages, as they are. If nobody can read them, nobody can be told.
    pub(crate) fn stderr(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    pub(crate) fn error(&self, message: &str, help: Option<&str>) {
        self.labelled("error", RED, message);
        if let Some(help) = help {
            self.stderr(&format!("  = help: {}\n", text::visible(help)));
        }
    }

    pub(crate) fn warning(&self, message: &str) {
        self.labelled("warning", YELLOW, message);
    }

    /// Good news for people on standard error; `--quiet` leaves it out.
    pub(crate) fn status(&self, verb: &str, message: &str) {
        if !self.quiet {
            self.labelled(verb, GREEN, message);
        }
    }

    /// Good news on standard output; `--quiet` leaves it out.
    pub(crate) fn summary(&self, text: &str) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.stdout(text) }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A line of a report, for standard output.
    pub(crate) fn paint(&self, line: &str, paint: Paint) -> String {
        let style = match paint {
            Paint::Plain => return line.to_owned(),
            _ if !self.color_output => return line.to_owned(),
            Paint::Heading => BOLD,
            Paint::Added => "\x1b[32m",
            Paint::Removed => "\x1b[31m",
            Paint::Changed => "\x1b[33m",
            Paint::Faint => "\x1b[2m",
        };
        format!("{style}{line}{RESET}")
    }

    fn labelled(&self, label: &str, style: &str, message: &str) {
        let message = text::visible(message);
        if self.color {
            self.stderr(&format!("{style}{label}{RESET}{BOLD}: {message}{RESET}\n"));
        } else {
            self.stderr(&format!("{label}: {message}\n"));
        }
    }
}
