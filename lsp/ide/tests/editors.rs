//! The editors' own colours know the words that the lexer and the schema know.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

use std::path::Path;

use weir_syntax::{
    ast::DECLARATION_KEYWORDS,
    lexer::{TokenKind, UNITS, lex},
};

fn editor(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../editors").join(file)).unwrap()
}

/// The words between `(` and `)` of each alternative list, and those of `keyword` lines.
fn words(text: &str) -> Vec<&str> {
    text.split(|part: char| !part.is_ascii_alphanumeric() && part != '_')
        .filter(|word| !word.is_empty())
        .collect()
}

/// The words that are tokens of their own.
const RESERVED: &[&str] =
    &["use", "as", "template", "allow", "deny", "assert", "in", "between", "where", "and", "or", "not", "on"];

#[test]
fn grammars_know_every_reserved_word_kind_and_unit() {
    for word in RESERVED {
        assert!(lex(word)[0].kind != TokenKind::Identifier, "`{word}` is not reserved any more");
    }
    let text_mate = editor("vscode/syntaxes/weir.tmLanguage.json");
    let vim = editor("neovim/syntax/weir.vim");
    for word in RESERVED.iter().chain(DECLARATION_KEYWORDS) {
        // `\b` before a word leaves a `b` in front of it
        let in_text_mate =
            words(&text_mate).iter().any(|found| found == word || found.strip_prefix('b') == Some(word));
        assert!(in_text_mate, "the TextMate grammar lacks `{word}`");
        assert!(words(&vim).contains(word), "the syntax of Vim lacks `{word}`");
    }
    for unit in UNITS {
        assert!(words(&text_mate).contains(unit), "the TextMate grammar lacks the unit `{unit}`");
    }
}
