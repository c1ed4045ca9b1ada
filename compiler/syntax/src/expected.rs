//! From the parser's tables to words: what could have stood where the text went wrong.

use crate::{
    diagnostic::{Diagnostic, FileId, codes},
    lexer::{Token, TokenKind},
    text::Span,
};

/// A syntax error, as one sentence. `previous` is the last token before the unexpected one, `entry` the tokens from the
/// start of its line on.
pub(crate) fn unexpected(
    source: &str,
    file: FileId,
    found: Option<Token>,
    previous: Option<Token>,
    entry: &[Token],
    expected: &[String],
) -> Diagnostic {
    let wanted = wanted(expected);
    let Some(found) = found else {
        let end = previous.map_or(source.len() as u32, |token| token.span.end);
        return Diagnostic::new(&codes::E0101, "the file ends in the middle of a declaration")
            .primary(file, Span::new(end, end), wanted.as_deref().unwrap_or("something is missing here"))
            .help(form(source, entry));
    };
    let text = found.span.of(source);
    if found.kind == TokenKind::Separator {
        let last = previous.map_or(found.span, |token| token.span);
        return Diagnostic::new(
            &codes::E0101,
            format!("something is missing after `{}`", shortened(last.of(source))),
        )
        .primary(file, last, wanted.unwrap_or_else(|| "the declaration ends here".into()))
        .help(form(source, entry));
    }
    match found.kind {
        TokenKind::Unknown => {
            return Diagnostic::new(&codes::E0102, format!("unexpected character {}", visible(text)))
                .primary(file, found.span, "no word of the language has it")
                .help("names are made of letters a to z, digits and `_`; any other text goes into quotes");
        }
        TokenKind::UnclosedString => {
            return Diagnostic::new(&codes::E0105, "this string is not closed")
                .primary(file, found.span, "starts here, and the line ends before its closing `\"`")
                .help("add the closing `\"`; a line end inside of a string is written `\\n`");
        }
        _ => {}
    }
    let line_ended = previous
        .is_some_and(|previous| Span::new(previous.span.end, found.span.start).of(source).contains('\n'));
    let mut diagnostic = Diagnostic::new(&codes::E0101, format!("unexpected {}", describe(found.kind, text)));
    let label = wanted.as_deref().unwrap_or("not expected here");
    diagnostic = match previous {
        Some(previous) if line_ended => diagnostic
            .primary(file, Span::new(previous.span.end, previous.span.end), format!("after this, {label}"))
            .secondary(file, found.span, "but this follows"),
        _ => diagnostic.primary(file, found.span, label),
    };
    let known = ["allow", "deny", "assert", "use", "template", "between", "where"];
    if found.kind == TokenKind::Identifier {
        diagnostic = diagnostic.did_you_mean(text, file, found.span, known);
    }
    let twice =
        found.kind == TokenKind::Comma && previous.is_some_and(|before| before.kind == TokenKind::Comma);
    if twice {
        diagnostic =
            diagnostic.help("one comma stands between two values").fix("remove one", file, found.span, "");
    }
    diagnostic.help_otherwise(|| form(source, entry))
}

/// How an entry that starts like this one is written.
fn form(source: &str, entry: &[Token]) -> String {
    let word = entry.first().map_or("", |first| first.span.of(source));
    let assertion = entry.get(1).map_or("", |second| second.span.of(source));
    let form = match (word, assertion) {
        ("allow" | "deny", _) => format!("{word} SOURCE -> DESTINATION : SERVICE"),
        ("assert", "never") => "assert never SOURCE ~> DESTINATION".into(),
        ("assert", "isolated") => "assert isolated A, B".into(),
        ("assert", "allow" | "deny" | "only") => {
            format!("assert {assertion} SOURCE -> DESTINATION : SERVICE")
        }
        ("assert", _) => "assert allow | deny | only | never | isolated …".into(),
        ("use", _) => "use std.it.{https, ssh}".into(),
        ("template", _) => "template NAME(PARAMETER: KIND) { … }".into(),
        ("conduit", _) => "conduit NAME between ZONE, ZONE { … }".into(),
        ("group", _) => "group NAME = SET".into(),
        ("workload", _) => "workload NAME in CLUSTER { … }".into(),
        ("instance", _) => "instance NAME : TEMPLATE(PARAMETER = VALUE)".into(),
        ("device", _) => "device NAME : CLASS { … }".into(),
        (word, _) if crate::ast::DECLARATION_KEYWORDS.contains(&word) => format!("{word} NAME {{ … }}"),
        _ if entry.get(1).is_some_and(|second| second.kind == TokenKind::Equals) => {
            return "write one value; several stand in a list: `[a, b]`".into();
        }
        _ => {
            return "an attribute is written `name = value`, a declaration `KIND NAME { … }`, a flow `allow SOURCE -> DESTINATION : SERVICE`".into();
        }
    };
    format!("write `{form}`")
}

fn describe(kind: TokenKind, text: &str) -> String {
    match kind {
        TokenKind::Identifier => format!("name `{text}`"),
        TokenKind::Integer | TokenKind::Hexadecimal | TokenKind::Decimal | TokenKind::Quantity => {
            format!("number `{}`", shortened(text))
        }
        TokenKind::String => "string".to_owned(),
        _ => format!("`{}`", text.chars().take(60).collect::<String>()),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn visible(text: &str) -> String {
    let shown: Vec<String> = text
        .chars()
        .take(3)
        .map(|character| {
            if character.is_control()
                || character.is_whitespace()
                || !character.is_alphanumeric() && !character.is_ascii()
            {
                format!("U+{:04X}", u32::from(character))
            } else {
                format!("`{character}`")
            }
        })
        .collect();
    shown.join(" ")
}

/// The expected tokens as "expected a, b or c", the most telling first, five at most.
fn wanted(expected: &[String]) -> Option<String> {
    const WORDS: &[(&str, &str)] = &[
        ("\"name\"", "a name"),
        ("\"=\"", "`=`"),
        ("\"->\"", "`->`"),
        ("\"~>\"", "`~>`"),
        ("\":\"", "`:`"),
        ("\"{\"", "`{`"),
        ("\"}\"", "`}`"),
        ("\")\"", "`)`"),
        ("\"]\"", "`]`"),
        ("\"integer\"", "a value"),
        ("\"(\"", "`(`"),
        ("\",\"", "`,`"),
        ("\"allow\"", "`allow`"),
        ("\"|\"", "`|`"),
    ];
    let value_expected = expected.iter().any(|token| token == "\"integer\"");
    let mut words: Vec<&str> = WORDS
        .iter()
        .filter(|(token, _)| expected.iter().any(|expected| expected == token))
        .filter(|(token, _)| !value_expected || !matches!(*token, "\"name\"" | "\"(\"" | "\"{\""))
        .map(|(_, word)| *word)
        .collect();
    words.truncate(5);
    let last = words.pop()?;
    Some(if words.is_empty() {
        format!("expected {last}")
    } else {
        format!("expected {} or {last}", words.join(", "))
    })
}
