//! From spans to lines.

use std::{cell::OnceCell, fmt};

use serde::Serialize;
use weir_compiler::Sources;
use weir_syntax::{FileId, Span, text::LineIndex};

/// A place in a package's text. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// From the package's folder.
    pub file: String,
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.file, self.line)
    }
}

/// The lines of files, each counted when it is first asked for.
#[derive(Debug, Default)]
pub struct Places(Vec<OnceCell<LineIndex>>);

impl Places {
    pub fn new(sources: &Sources) -> Self {
        Self(sources.files.iter().map(|_| OnceCell::new()).collect())
    }

    /// Where a span begins; the file's begin, where the span is none of its.
    pub fn of(&self, sources: &Sources, file: FileId, span: Span) -> Place {
        let (Some(source), Some(lines)) = (sources.file(file), self.0.get(file.0 as usize)) else {
            return Place { file: String::new(), line: 1, column: 1 };
        };
        let lines = lines.get_or_init(|| LineIndex::new(&source.text));
        let at = source.text.floor_char_boundary(span.start as usize) as u32;
        let place = lines.line_column(&source.text, at);
        Place { file: source.path.clone(), line: place.line, column: place.column }
    }
}
