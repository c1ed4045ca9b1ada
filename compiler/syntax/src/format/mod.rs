//! The one way to lay out a Weir file.
//!
//! The text is read as tokens, arranged by brackets and entries (`tree`), and written again within [`WIDTH`] columns
//! (`layout`). White space carries no meaning, so the tree must come out the same; that, and that no comment is lost, is
//! checked on every run. The time is linear in the size of the text.
//!
//! What the author decides: blank lines between entries, and whether a block in braces stands on one line (it stays
//! there if it fits) or on several. All else follows from the tokens.

mod fingerprint;
mod gap;
mod layout;
mod rank;
mod tree;

use std::fmt;

use crate::{
    diagnostic::{Diagnostic, FileId, Severity},
    lexer::{Token, TokenKind},
    parser::{Parsed, parse},
};

pub use fingerprint::ast_fingerprint;

/// Columns of a line. Only what cannot be broken (a long string, a comment) is longer.
pub const WIDTH: usize = 100;

/// Spaces per open bracket.
pub const INDENT: usize = 4;

/// Why a text has no formatted form. Either way, the file is to be left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// The text does not parse; what the parser says about it, in [`FileId`] 0.
    Syntax(Vec<Diagnostic>),
    /// The result would not have said the same: a mistake of the formatter.
    Internal(Defect),
}

/// What a wrong result lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// It does not parse.
    Syntax,
    /// It parses to another tree.
    Meaning,
    /// Its comments are not those of the text.
    Comments,
}

impl fmt::Display for FormatError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(diagnostics) => match diagnostics.first() {
                Some(first) => write!(formatter, "the file has syntax errors: {}", first.message),
                None => formatter.write_str("the file has syntax errors"),
            },
            Self::Internal(defect) => write!(
                formatter,
                "the formatter would have changed the file's {}; the file is left alone, please report it",
                match defect {
                    Defect::Syntax => "syntax",
                    Defect::Meaning => "meaning",
                    Defect::Comments => "comments",
                }
            ),
        }
    }
}

impl std::error::Error for FormatError {}

/// The text in its one layout. Applied to its own result, it changes nothing.
pub fn format(source: &str) -> Result<String, FormatError> {
    format_parsed(source, &parse(source, FileId(0)))
}

/// As [`format()`], for a text that is parsed already; `parsed` must be of this very text.
pub fn format_parsed(source: &str, parsed: &Parsed) -> Result<String, FormatError> {
    if has_errors(parsed) {
        return Err(FormatError::Syntax(parsed.diagnostics.clone()));
    }
    let formatted = layout::print(&tree::build(source, &parsed.tokens), source.len());
    if formatted != source {
        check(source, parsed, &formatted).map_err(FormatError::Internal)?;
    }
    Ok(formatted)
}

/// Whether [`format()`] would leave the text as it is. A text with syntax errors is not formatted.
pub fn is_formatted(source: &str) -> bool {
    format(source).is_ok_and(|formatted| formatted == source)
}

fn check(source: &str, before: &Parsed, formatted: &str) -> Result<(), Defect> {
    let after = parse(formatted, FileId(0));
    if has_errors(&after) {
        return Err(Defect::Syntax);
    }
    if ast_fingerprint(&before.file) != ast_fingerprint(&after.file) {
        return Err(Defect::Meaning);
    }
    if !comments(source, &before.tokens).eq(comments(formatted, &after.tokens)) {
        return Err(Defect::Comments);
    }
    Ok(())
}

fn has_errors(parsed: &Parsed) -> bool {
    parsed.diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error)
}

fn comments<'s>(source: &'s str, tokens: &'s [Token]) -> impl Iterator<Item = &'s str> {
    let comments = tokens
        .iter()
        .filter(|token| matches!(token.kind, TokenKind::Comment | TokenKind::Doc | TokenKind::FileDoc));
    comments.map(|token| token.span.of(source).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_says_something_else_is_refused() {
        let source = "zone a { x = 1 } // c";
        let before = parse(source, FileId(0));
        assert_eq!(check(source, &before, "zone a {\n x = 0001 }\n// c"), Ok(()));
        assert_eq!(check(source, &before, "zone a { x = 1"), Err(Defect::Syntax));
        assert_eq!(check(source, &before, "zone a { x = 2 } // c"), Err(Defect::Meaning));
        assert_eq!(check(source, &before, "zone a { x = 1 }"), Err(Defect::Comments));
    }
}
