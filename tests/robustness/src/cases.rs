//! What the fuzz targets do with a text. They live here so that the tests replay the corpus without a fuzzer.

#![allow(clippy::panic, reason = "a broken promise is what a fuzzer looks for")]

use weir_syntax::{
    FileId,
    format::{self, FormatError},
    lexer, parse,
};

use crate::Package;

/// Tokens cover the text without gaps; each diagnostic and each item lies in it.
pub fn lexer_parser(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut end = 0;
    for token in lexer::lex(text) {
        assert!(token.span.start == end && token.span.end > end, "tokens are adjacent: {token:?}");
        assert!(text.get(token.span.range()).is_some(), "tokens hold whole characters: {token:?}");
        end = token.span.end;
    }
    assert_eq!(end as usize, text.len(), "tokens cover the text");
    let parsed = parse(text, FileId(0));
    for item in &parsed.file.items {
        assert!(text.get(item.span.range()).is_some(), "items lie in the text: {:?}", item.span);
    }
    for label in parsed.diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        assert!(text.get(label.span.range()).is_some(), "labels lie in the text: {label:?}");
    }
}

/// What the formatter made it leaves alone, and it reads without new mistakes.
pub fn format_round_trip(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let once = match format::format(text) {
        Ok(once) => once,
        Err(FormatError::Syntax(_)) => return,
        Err(FormatError::Internal(defect)) => panic!("the formatter would lose something: {defect:?}"),
    };
    match format::format(&once) {
        Ok(twice) => assert_eq!(once, twice, "formatting is idempotent"),
        Err(error) => panic!("the formatter's own text is refused: {error:?}\n{once}"),
    }
}

/// From text to artifacts.
pub fn compile(bytes: &[u8]) {
    if let Err(broken) = Package::of(bytes).compile() {
        panic!("{broken}");
    }
}
