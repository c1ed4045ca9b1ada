//! For any text: a result says the same as the text, says it in one way, and keeps what was said to people.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is the test's result"
)]

#[path = "format/generator.rs"]
mod generator;
#[path = "format/spaces.rs"]
mod spaces;

use generator::program;
use proptest::prelude::*;
use spaces::Choices;
use weir_syntax::{
    FileId,
    format::{FormatError, ast_fingerprint, format, is_formatted},
    lexer::TokenKind,
    parse,
};

const PACKAGE: &str = include_str!("format/package.weir");

fn comments(source: &str) -> Vec<String> {
    let tokens = parse(source, FileId(0)).tokens;
    let is_comment = |kind| matches!(kind, TokenKind::Comment | TokenKind::Doc | TokenKind::FileDoc);
    let comments = tokens.iter().filter(|token| is_comment(token.kind));
    comments.map(|token| token.span.of(source).trim_end().to_owned()).collect()
}

fn holds(source: &str) -> String {
    let before = parse(source, FileId(0));
    assert!(before.diagnostics.is_empty(), "{source}\n{:?}", before.diagnostics);
    let formatted = format(source).unwrap_or_else(|error| panic!("{error}\n{source}"));
    let after = parse(&formatted, FileId(0));
    assert_eq!(ast_fingerprint(&before.file), ast_fingerprint(&after.file), "{source}\n---\n{formatted}");
    assert_eq!(comments(source), comments(&formatted), "{source}\n---\n{formatted}");
    assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "not stable:\n{source}\n---\n{formatted}");
    for line in formatted.lines() {
        let indentation = line.len() - line.trim_start_matches(' ').len();
        assert!(
            indentation % 4 == 0 && line == line.trim_end() && !line[indentation..].starts_with('\t'),
            "{line:?}"
        );
    }
    assert!(!formatted.contains("\n\n\n") && !formatted.starts_with('\n') && !formatted.ends_with("\n\n"));
    assert!(formatted.is_empty() || formatted.ends_with('\n'));
    formatted
}

/// Nothing is asked of a text that does not parse, but that it comes back as an error with a reason.
fn survives(source: &str) {
    match format(source) {
        Ok(formatted) => assert!(is_formatted(&formatted), "{source}\n---\n{formatted}"),
        Err(FormatError::Syntax(diagnostics)) => assert!(!diagnostics.is_empty()),
        Err(error @ FormatError::Internal(_)) => panic!("{error}\n{source}"),
    }
}

/// Programs of up to `choices` choices.
fn programs(choices: usize) -> impl Strategy<Value = String> {
    let numbers = || prop::collection::vec(any::<u32>(), 0..choices);
    (numbers(), numbers()).prop_map(|(words, spaces)| program(Choices::new(words), Choices::new(spaces)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_programs(source in programs(900)) {
        holds(&source);
    }

    #[test]
    fn truncated_programs(whole in programs(300), cut in any::<prop::sample::Index>()) {
        let mut end = cut.index(whole.len() + 1);
        while !whole.is_char_boundary(end) {
            end -= 1;
        }
        survives(&whole[..end]);
    }

    #[test]
    fn any_text(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn words_in_any_order(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        survives(&words.concat());
    }
}

const WORDS: &[&str] = &[
    " ",
    " ",
    " ",
    "\n",
    "\n",
    "\r",
    "\t",
    "\u{feff}",
    "// c\n",
    "/// d\n",
    "//! f\n",
    "x",
    "device",
    "zone",
    "use",
    "as",
    "template",
    "allow",
    "deny",
    "assert",
    "in",
    "between",
    "where",
    "and",
    "or",
    "not",
    "on",
    "1",
    "0x1",
    "2.5",
    "5ms",
    "s",
    "\"t\"",
    "\"",
    "10.0.0.1",
    "/24",
    "::",
    "ab:",
    "2026-11-01",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    "=",
    "=",
    "==",
    "->",
    "~>",
    "..",
    ".",
    ",",
    ":",
    "|",
    "&",
    "+",
    "-",
    "*",
    "/",
    "§",
];

#[test]
fn every_cut_of_a_package() {
    for (end, _) in PACKAGE.char_indices() {
        survives(&PACKAGE[..end]);
    }
}

/// The author's line ends decide about blocks alone.
#[test]
fn white_space_outside_of_blocks_is_nothing() {
    let squeezed =
        "device a[ 1..8 ]:Plc in k between x,y{serves=[modbus on tcp/1502,s7]}allow a|b->c:d.e(coils 1..2)";
    let lines =
        squeezed.replace("->", "\n->\n").replace('|', "\n|\n").replace(':', "\n\t:\n").replace('(', "\n(\n");
    assert_eq!(holds(squeezed), holds(&lines));
}

/// Too slow, if it were worse than linear.
#[test]
fn large_texts() {
    let device = |number| {
        let end = if number % 2 == 0 { "\n" } else { " " };
        format!(
            "device plc_{number} : Plc {{ network = cell_net  serves = [modbus]  name = \"PLC-{number}\" }}{end}"
        )
    };
    let many: Vec<String> = (0..20_000).map(device).collect();
    let many = many.concat();
    assert_eq!(format(&many).unwrap().lines().count(), 20_000);
    let names: Vec<String> = (0..20_000).map(|number| format!("sensor_{number}")).collect();
    for (open, separator, close) in [
        ("group g = ", " | ", ""),
        ("group g = (((", " & ", ")))"),
        ("zone z { a = [", ",", "] }"),
        ("zone z { a = ", ".", " }"),
        ("zone z { ", " = 1 ", " = 2 }"),
        ("zone z { ", " // c\n = 1, ", " = 2 }"),
        ("group g = ", " // c\n | ", ""),
        ("assert isolated ", ",", ""),
    ] {
        holds(&format!("{open}{}{close}", names.join(separator)));
    }
}
