//! Diagnostics: a code, what is wrong, where, why and what to write instead. Plain data; printing is the caller's.

pub mod codes;
mod similar;

pub use codes::{Code, Severity};
pub use similar::{did_you_mean, nearest};

use crate::text::Span;

/// A file of the package or of `std`, as an index into the caller's list of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A span with what to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub file: FileId,
    pub span: Span,
    pub message: String,
    pub primary: bool,
}

/// One change of a text: the span's text becomes `text`. An empty span inserts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    pub file: FileId,
    pub span: Span,
    pub text: String,
}

/// A change that would mend what a diagnostic is about; an editor can make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as a command: "write `zone`".
    pub title: String,
    /// Their spans do not overlap.
    pub edits: Vec<Edit>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: &'static Code,
    pub message: String,
    /// The first label is the primary one.
    pub labels: Vec<Label>,
    /// Facts behind the message: who declared what, by which path.
    pub notes: Vec<String>,
    /// What to write instead.
    pub help: Option<String>,
    /// The same as changes of the text, where they are known; the likeliest first.
    pub fixes: Vec<Fix>,
}

impl Diagnostic {
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: None,
            fixes: Vec::new(),
        }
    }

    /// Where it is wrong.
    #[must_use]
    pub fn primary(mut self, file: FileId, span: Span, message: impl Into<String>) -> Self {
        self.labels.insert(0, Label { file, span, message: message.into(), primary: true });
        self
    }

    /// Another place that explains it.
    #[must_use]
    pub fn secondary(mut self, file: FileId, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label { file, span, message: message.into(), primary: false });
        self
    }

    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As [`Self::help`], where there may be nothing to say.
    #[must_use]
    pub fn help_if(mut self, help: Option<String>) -> Self {
        if help.is_some() {
            self.help = help;
        }
        self
    }

    /// A change that mends it: this span's text becomes `text`.
    #[must_use]
    pub fn fix(
        mut self,
        title: impl Into<String>,
        file: FileId,
        span: Span,
        text: impl Into<String>,
    ) -> Self {
        let edit = Edit { file, span, text: text.into() };
        self.fixes.push(Fix { title: title.into(), edits: vec![edit] });
        self
    }

    /// A word that was probably mistyped, at this place: asks for the nearest of those that are known, and offers it.
    #[must_use]
    pub fn did_you_mean<'a>(
        self,
        word: &str,
        file: FileId,
        span: Span,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        match nearest(word, candidates) {
            Some(near) => {
                self.help(format!("did you mean `{near}`?")).fix(format!("write `{near}`"), file, span, near)
            }
            None => self,
        }
    }

    /// As [`Self::help`], where nothing better is known.
    #[must_use]
    pub fn help_otherwise(mut self, help: impl FnOnce() -> String) -> Self {
        self.help.get_or_insert_with(help);
        self
    }

    pub fn severity(&self) -> Severity {
        self.code.severity
    }

    /// Where the diagnostic stands, for sorting: file, then offset, then code.
    pub fn position(&self) -> (FileId, Span, &'static str) {
        let primary = self.labels.first();
        (
            primary.map_or(FileId(0), |label| label.file),
            primary.map_or(Span::default(), |label| label.span),
            self.code.id,
        )
    }
}
