//! Tokens. The list is lossless: white space and comments are tokens too, and each byte belongs to exactly one.

use logos::Logos;

use crate::{
    diagnostic::{Diagnostic, FileId, codes},
    text::Span,
};

/// Brackets may nest this deep; what is deeper is a diagnostic, and the inside is skipped.
pub const MAX_NESTING: usize = 64;

/// The largest file that is read, in bytes: offsets are 32 bits wide.
pub const MAX_FILE_SIZE: usize = 256 << 20;

#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    #[regex(r"[ \t\r\u{feff}]+")]
    Space,
    #[token("\n")]
    Newline,
    #[regex(r"//[^\n]*", allow_greedy = true)]
    Comment,
    /// `///`: documents the next declaration.
    #[regex(r"///[^\n]*", allow_greedy = true)]
    Doc,
    /// `//!`: documents the file.
    #[regex(r"//![^\n]*", allow_greedy = true)]
    FileDoc,

    #[regex(r"[A-Za-z_][A-Za-z0-9_]*")]
    Identifier,
    #[token("use")]
    Use,
    #[token("as")]
    As,
    #[token("template")]
    Template,
    #[token("allow")]
    Allow,
    #[token("deny")]
    Deny,
    #[token("assert")]
    Assert,
    #[token("in")]
    In,
    #[token("between")]
    Between,
    #[token("where")]
    Where,
    #[token("and")]
    And,
    #[token("or")]
    Or,
    #[token("not")]
    Not,
    #[token("on")]
    On,

    #[regex(r"[0-9][0-9_]*")]
    Integer,
    #[regex(r"0x[0-9A-Fa-f_]+")]
    Hexadecimal,
    #[regex(r"[0-9]+\.[0-9]+")]
    Decimal,
    /// A number and its unit, with or without a space: `5 ms`. Made from two tokens after lexing.
    Quantity,
    #[regex(r#""([^"\\\n]|\\[^\n])*""#)]
    String,
    #[regex(r#""([^"\\\n]|\\[^\n])*"#)]
    UnclosedString,
    /// An IPv4 address or prefix; the parser checks its numbers.
    #[regex(r"[0-9]+(\.[0-9]+){2,}(/[0-9]+)?")]
    Ipv4,
    #[regex(r"([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4})*)?::([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4})*(\.[0-9]+){0,3})?(/[0-9]+)?")]
    #[regex(r"[0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){7}(/[0-9]+)?")]
    Ipv6,
    #[regex(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")]
    Mac,
    #[regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?")]
    Date,

    #[token("{")]
    OpenBrace,
    #[token("}")]
    CloseBrace,
    #[token("[")]
    OpenBracket,
    #[token("]")]
    CloseBracket,
    #[token("(")]
    OpenParen,
    #[token(")")]
    CloseParen,
    #[token("=")]
    Equals,
    #[token("==")]
    EqualsEquals,
    #[token("!=")]
    NotEquals,
    #[token("<=")]
    LessEquals,
    #[token("<")]
    Less,
    #[token(">=")]
    GreaterEquals,
    #[token(">")]
    Greater,
    #[token("->")]
    Arrow,
    #[token("<->")]
    BothArrow,
    #[token("~>")]
    ReachArrow,
    #[token("..")]
    DotDot,
    #[token(".")]
    Dot,
    #[token(",")]
    Comma,
    #[token(":")]
    Colon,
    #[token("|")]
    Pipe,
    #[token("&")]
    Ampersand,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,

    /// Characters that start no token.
    Unknown,

    /// The end of an entry: of no width, put between tokens for the grammar alone (see `separate`).
    Separator,
}

impl TokenKind {
    /// White space and comments: kept for the formatter, unseen by the grammar.
    pub fn is_trivia(self) -> bool {
        matches!(self, Self::Space | Self::Newline | Self::Comment | Self::Doc | Self::FileDoc)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

/// The units that make a [`TokenKind::Quantity`] of the number before them.
pub const UNITS: &[&str] = &[
    "ns", "us", "ms", "s", "min", "h", "d", "bps", "Kbps", "Mbps", "Gbps", "Tbps", "B", "KB", "MB", "GB",
    "KiB", "MiB", "GiB",
];

/// Splits a text into tokens; their spans are adjacent and cover it whole.
pub fn lex(source: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::with_capacity(source.len() / 4);
    for (kind, range) in TokenKind::lexer(source).spanned() {
        let kind = kind.unwrap_or(TokenKind::Unknown);
        let span = Span::new(range.start as u32, range.end as u32);
        match tokens.last_mut() {
            Some(last) if kind == TokenKind::Unknown && last.kind == TokenKind::Unknown => {
                last.span.end = span.end;
            }
            _ => tokens.push(Token { kind, span }),
        }
    }
    join_quantities(source, &mut tokens);
    tokens
}

/// Joins number, optional space and unit into one token. An identifier before `=` is an attribute's name, never a unit.
fn join_quantities(source: &str, tokens: &mut Vec<Token>) {
    let mut write = 0;
    let mut read = 0;
    while read < tokens.len() {
        let mut token = tokens[read];
        let mut taken = 1;
        if matches!(token.kind, TokenKind::Integer | TokenKind::Decimal) {
            let spaced = tokens.get(read + 1).is_some_and(|next| next.kind == TokenKind::Space);
            let unit = read + 1 + usize::from(spaced);
            let is_unit =
                |unit: &&Token| unit.kind == TokenKind::Identifier && UNITS.contains(&unit.span.of(source));
            if let Some(found) = tokens.get(unit).filter(is_unit) {
                let after = tokens[unit + 1..].iter().find(|token| !token.kind.is_trivia());
                if after.is_none_or(|after| after.kind != TokenKind::Equals) {
                    token = Token { kind: TokenKind::Quantity, span: token.span.to(found.span) };
                    taken = unit + 1 - read;
                }
            }
        }
        tokens[write] = token;
        write += 1;
        read += taken;
    }
    tokens.truncate(write);
}

/// The tokens that the grammar sees: no trivia, and braces that pair up. An unclosed block is closed before the next
/// declaration that starts a line, so that one missing brace costs one diagnostic and no declaration.
pub(crate) fn significant(
    source: &str,
    file: FileId,
    tokens: &[Token],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Token> {
    let unbalanced = is_unbalanced(tokens);
    let count = |kind| tokens.iter().filter(|token| token.kind == kind).count();
    let too_many_closed = count(TokenKind::CloseBrace) > count(TokenKind::OpenBrace);
    let mut seen = Vec::with_capacity(tokens.len() / 2);
    let mut open: Vec<Token> = Vec::new();
    // a block that was closed by a brace of another depth: the one whose own is missing
    let mut suspect: Option<Token> = None;
    let mut too_deep = 0usize;
    let mut stray_on_line = false;
    for (index, &token) in tokens.iter().enumerate() {
        if token.kind.is_trivia() {
            stray_on_line &= token.kind != TokenKind::Newline;
            continue;
        }
        if too_deep > 0 {
            match token.kind {
                TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen => too_deep += 1,
                TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen => too_deep -= 1,
                _ => {}
            }
            if too_deep > 0 {
                continue;
            }
        }
        if (unbalanced || open.is_empty()) && starts_declaration(source, tokens, index) {
            let end = seen.last().map_or(0, |last: &Token| last.span.end);
            while let Some(bracket) = open.pop() {
                let blamed = suspect.take().filter(|_| bracket.kind == TokenKind::OpenBrace);
                report_unclosed(source, file, blamed.unwrap_or(bracket), &seen, diagnostics);
                seen.push(closing(bracket, end));
            }
            suspect = None;
            seen.push(Token { kind: TokenKind::Separator, span: Span::new(end, end) });
        }
        match token.kind {
            TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen => {
                if open.len() >= MAX_NESTING {
                    diagnostics.push(
                        Diagnostic::new(&codes::E0106, format!("brackets nest more than {MAX_NESTING} deep"))
                            .primary(file, token.span, "what is inside of this one is not read")
                            .help("name the inner parts as groups or declarations of their own"),
                    );
                    too_deep = 1;
                    seen.push(token);
                    open.push(token);
                    continue;
                }
                open.push(token);
            }
            TokenKind::CloseBrace if !open.iter().any(|bracket| bracket.kind == TokenKind::OpenBrace) => {
                if std::mem::replace(&mut stray_on_line, true) {
                    continue;
                }
                diagnostics.push(
                    Diagnostic::new(&codes::E0104, "this `}` closes nothing")
                        .primary(file, token.span, "no block is open here")
                        .help("remove it, or look for a `}` too many above")
                        .fix("remove the `}`", file, token.span, ""),
                );
                continue;
            }
            // `[a, b } }`: the first was to be another bracket
            TokenKind::CloseBrace
                if too_many_closed
                    && open.last().is_some_and(|bracket| bracket.kind != TokenKind::OpenBrace)
                    && tokens[index + 1..].iter().find(|next| !next.kind.is_trivia()).is_some_and(
                        |next| matches!(next.kind, TokenKind::CloseBrace | TokenKind::Comma),
                    ) =>
            {
                if let Some(bracket) = open.pop() {
                    report_mismatch(source, file, bracket, token, diagnostics);
                    seen.push(Token { kind: closing_kind(bracket.kind), span: token.span });
                }
                continue;
            }
            TokenKind::CloseBrace => {
                while let Some(bracket) = open.pop() {
                    if bracket.kind == TokenKind::OpenBrace {
                        if unbalanced && suspect.is_none() && is_outer(source, bracket, token) {
                            suspect = Some(bracket);
                        }
                        break;
                    }
                    report_unclosed(source, file, bracket, &seen, diagnostics);
                    seen.push(closing(bracket, token.span.start));
                }
            }
            TokenKind::CloseBracket | TokenKind::CloseParen => match open.last().copied() {
                Some(bracket) if closing_kind(bracket.kind) == token.kind => {
                    open.pop();
                }
                Some(bracket) if bracket.kind != TokenKind::OpenBrace => {
                    open.pop();
                    report_mismatch(source, file, bracket, token, diagnostics);
                    seen.push(Token { kind: closing_kind(bracket.kind), span: token.span });
                    continue;
                }
                _ if std::mem::replace(&mut stray_on_line, true) => continue,
                _ => {
                    let text = token.span.of(source);
                    diagnostics.push(
                        Diagnostic::new(&codes::E0104, format!("this `{text}` closes nothing"))
                            .primary(file, token.span, "nothing that it could close is open here")
                            .help(format!(
                                "remove it, or add what opens it before: `{}`",
                                opening(token.kind)
                            ))
                            .fix(format!("remove the `{text}`"), file, token.span, ""),
                    );
                    continue;
                }
            },
            _ => {}
        }
        seen.push(token);
    }
    while let Some(bracket) = open.pop() {
        report_unclosed(source, file, bracket, &seen, diagnostics);
        seen.push(closing(bracket, source.len() as u32));
    }
    seen
}

/// Whether a `}` that starts its line stands further out than the line of the `{` that it closes.
fn is_outer(source: &str, open: Token, close: Token) -> bool {
    let indent = |at: u32| {
        let line = source.get(..at as usize).map_or("", |before| before.rsplit('\n').next().unwrap_or(""));
        (line.len() - line.trim_start().len(), line.trim().is_empty())
    };
    let (opened, _) = indent(open.span.start);
    let (closed, starts_line) = indent(close.span.start);
    starts_line && closed < opened
}

/// Whether more brackets of some kind open than close.
fn is_unbalanced(tokens: &[Token]) -> bool {
    let (mut braces, mut brackets, mut parentheses) = (0_i64, 0_i64, 0_i64);
    for token in tokens {
        match token.kind {
            TokenKind::OpenBrace => braces += 1,
            TokenKind::CloseBrace => braces -= 1,
            TokenKind::OpenBracket => brackets += 1,
            TokenKind::CloseBracket => brackets -= 1,
            TokenKind::OpenParen => parentheses += 1,
            TokenKind::CloseParen => parentheses -= 1,
            _ => {}
        }
    }
    braces > 0 || brackets > 0 || parentheses > 0
}

fn closing_kind(open: TokenKind) -> TokenKind {
    match open {
        TokenKind::OpenBrace => TokenKind::CloseBrace,
        TokenKind::OpenBracket => TokenKind::CloseBracket,
        _ => TokenKind::CloseParen,
    }
}

fn opening(close: TokenKind) -> &'static str {
    match close {
        TokenKind::CloseBrace => "{",
        TokenKind::CloseBracket => "[",
        _ => "(",
    }
}

/// `[a)`: a bracket is closed by one of another kind.
fn report_mismatch(source: &str, file: FileId, open: Token, close: Token, diagnostics: &mut Vec<Diagnostic>) {
    let wanted = match closing_kind(open.kind) {
        TokenKind::CloseBrace => "}",
        TokenKind::CloseBracket => "]",
        _ => ")",
    };
    let (open_text, text) = (open.span.of(source), close.span.of(source));
    diagnostics.push(
        Diagnostic::new(&codes::E0104, format!("`{text}` does not close `{open_text}`"))
            .primary(file, close.span, format!("expected `{wanted}`"))
            .secondary(file, open.span, "opened here")
            .help(format!("write `{wanted}`"))
            .fix(format!("write `{wanted}`"), file, close.span, wanted),
    );
}

fn closing(open: Token, at: u32) -> Token {
    Token { kind: closing_kind(open.kind), span: Span::new(at, at) }
}

/// `seen` are the tokens up to the place where the bracket had to be closed.
fn report_unclosed(
    source: &str,
    file: FileId,
    open: Token,
    seen: &[Token],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let (open_text, close_text) = match open.kind {
        TokenKind::OpenBrace => ("{", "}"),
        TokenKind::OpenBracket => ("[", "]"),
        _ => ("(", ")"),
    };
    let inside = seen.partition_point(|token| token.span.start < open.span.start);
    let swallowed =
        |token: &Token| token.kind == TokenKind::UnclosedString && token.span.of(source).contains(close_text);
    if seen.iter().skip(inside).any(swallowed) {
        return; // a string that is not closed took the bracket with it, and that is said
    }
    let mut unclosed = Diagnostic::new(&codes::E0104, format!("this `{open_text}` is never closed"))
        .primary(file, open.span, "opened here")
        .help(format!("add the missing `{close_text}`"));
    // what is left open on a line of values mostly ends with it
    let line_end = source
        .get(open.span.end as usize..)
        .and_then(|rest| rest.find('\n'))
        .map_or(source.len() as u32, |length| open.span.end + length as u32);
    let on_line: Vec<&Token> = seen.iter().skip(inside).filter(|token| token.span.end <= line_end).collect();
    let values_only = on_line.iter().skip(1).all(|token| {
        !matches!(token.kind, TokenKind::Arrow | TokenKind::BothArrow | TokenKind::Equals | TokenKind::Colon)
    });
    if let Some(last) = on_line.last().filter(|_| open.kind != TokenKind::OpenBrace && values_only) {
        let end = Span::new(last.span.end, last.span.end);
        unclosed = unclosed.fix(format!("add `{close_text}`"), file, end, close_text);
    }
    diagnostics.push(unclosed);
}

/// Characters in comments and strings that make people read another text than the compiler: those that reorder what
/// stands around them, and those that only some programs show as the end of a line.
pub(crate) fn report_misleading(
    source: &str,
    file: FileId,
    tokens: &[Token],
    diagnostics: &mut Vec<Diagnostic>,
) {
    if source.bytes().all(|byte| byte == b'\n' || byte == b'\t' || (b' '..=b'~').contains(&byte)) {
        return; // the usual case, told in one pass
    }
    for token in tokens.iter().filter(|token| token.kind.is_trivia() || token.kind == TokenKind::String) {
        let after = |at: usize| source.as_bytes().get(token.span.start as usize + at + 1);
        let found = token.span.of(source).char_indices().find(|(at, character)| match character {
            '\r' => after(*at).is_some_and(|next| *next != b'\n' && *next != b'\r'),
            '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => true,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
            _ => false,
        });
        let Some((at, character)) = found else { continue };
        let start = token.span.start + at as u32;
        let span = Span::new(start, start + character.len_utf8() as u32);
        diagnostics.push(
            Diagnostic::new(&codes::E0102, format!("a misleading character: U+{:04X}", u32::from(character)))
                .primary(file, span, "some editors show another text here than is compiled")
                .help("remove it; lines end with LF or CR LF, and text runs in one direction"),
        );
    }
}

/// Whether a token at the very start of a line starts a declaration: `word name`, or a word that only items start with.
fn starts_declaration(source: &str, tokens: &[Token], index: usize) -> bool {
    let token = tokens[index];
    let at_line_start = index == 0 || tokens[index - 1].kind == TokenKind::Newline;
    let next = tokens[index + 1..].iter().find(|token| !token.kind.is_trivia());
    at_line_start
        && match token.kind {
            TokenKind::Use | TokenKind::Template | TokenKind::Assert => true,
            TokenKind::Identifier => {
                crate::ast::DECLARATION_KEYWORDS.contains(&token.span.of(source))
                    && next.is_some_and(|next| next.kind == TokenKind::Identifier)
            }
            _ => false,
        }
}
