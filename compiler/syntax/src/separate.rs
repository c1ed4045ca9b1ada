//! Entries of a block are separated by line ends, commas or nothing but a space. This pass finds where one ends and the
//! next begins and puts a [`TokenKind::Separator`] there, so that the grammar is LR(1) and recovers at the next entry.
//!
//! The rule: directly inside of braces (or at top level), an entry ends before `}`, at a comma, and wherever a token that
//! can end a value is followed by one that can start an entry. The word that starts an entry and the name after it
//! (`device vib`, `assert only x`) are the one place where two names stand side by side.

use crate::{
    lexer::{self, Token, TokenKind},
    text::Span,
};

struct Frame {
    open: TokenKind,
    /// Whether this frame's tokens are entries, not the parts of a list.
    entries: bool,
    /// Tokens of the current entry so far.
    length: usize,
    first: TokenKind,
    /// Commas belong to the entry: `between a, b`, `assert isolated a, b`.
    listing: bool,
}

impl Frame {
    fn new(open: TokenKind, entries: bool) -> Self {
        Self { open, entries, length: 0, first: TokenKind::Separator, listing: false }
    }
}

pub(crate) fn separate(tokens: &[Token]) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len() + tokens.len() / 4);
    let mut frames = vec![Frame::new(TokenKind::OpenBrace, true)];
    // whether the token before ends a value; `on` does where it is a name, not where it joins protocol and port
    let mut value_ended = false;
    for (index, &token) in tokens.iter().enumerate() {
        let top = frames.len() == 1;
        let ended_before = std::mem::replace(&mut value_ended, ends_value(token.kind));
        if token.kind == TokenKind::On {
            value_ended = !ended_before;
        }
        let previous = index.checked_sub(1).map(|before| tokens[before]);
        let Some(frame) = frames.last_mut() else { break };
        if token.kind == TokenKind::Separator {
            if frame.length > 0 {
                out.push(token);
                *frame = Frame::new(frame.open, frame.entries);
            }
            continue;
        }
        if frame.entries {
            let ends = token.kind == TokenKind::CloseBrace
                || (token.kind == TokenKind::Comma && !frame.listing)
                || ((starts_entry(token.kind) || (top && is_broken(token.kind)))
                    && frame.length > 0
                    && frame.ends_here(ended_before));
            if ends && frame.length > 0 {
                out.push(separator(previous));
                *frame = Frame::new(frame.open, true);
            }
            if token.kind == TokenKind::Comma && !frame.listing {
                continue;
            }
        }
        match token.kind {
            TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen => {
                // after a value, a brace opens the entry's block: what follows is no list any more
                let block = token.kind == TokenKind::OpenBrace && frame.ends_here(ended_before);
                frame.begin(token.kind);
                frame.listing &= !block;
                let list =
                    token.kind != TokenKind::OpenBrace || previous.is_some_and(|p| p.kind == TokenKind::Dot);
                frames.push(Frame::new(token.kind, !list));
            }
            TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen => {
                while frames.len() > 1 {
                    let closed = frames.pop();
                    if token.kind != TokenKind::CloseBrace
                        || closed.is_none_or(|f| f.open == TokenKind::OpenBrace)
                    {
                        break;
                    }
                }
            }
            _ => frame.begin(token.kind),
        }
        out.push(token);
    }
    if frames.first().is_some_and(|top| top.length > 0) {
        out.push(separator(tokens.last().copied()));
    }
    out
}

/// A text on one line: without comments, with one space where there was white space, and a comma between the entries of a
/// block. It means the same.
pub fn one_line(source: &str) -> String {
    let tokens: Vec<Token> = lexer::lex(source).into_iter().filter(|token| !token.kind.is_trivia()).collect();
    let tokens = separate(&tokens);
    let mut out = String::with_capacity(source.len());
    let mut end = 0;
    for (index, token) in tokens.iter().enumerate() {
        if token.kind == TokenKind::Separator {
            let next = tokens.get(index + 1);
            if next.is_some_and(|next| next.kind != TokenKind::CloseBrace) {
                out.push(',');
            }
            continue;
        }
        if !out.is_empty() && (token.span.start > end || out.ends_with(',')) {
            out.push(' ');
        }
        out.push_str(token.span.of(source));
        end = token.span.end;
    }
    out
}

impl Frame {
    fn begin(&mut self, kind: TokenKind) {
        if self.length == 0 {
            self.first = kind;
            self.listing = kind == TokenKind::Assert;
        }
        self.listing = self.listing || kind == TokenKind::Between;
        self.length += 1;
    }

    /// Whether the entry can end after the previous token, which ended a value or did not.
    fn ends_here(&self, value_ended: bool) -> bool {
        let names_follow = match self.first {
            TokenKind::Identifier => 1,
            TokenKind::Assert => 2,
            _ => 0,
        };
        value_ended && self.length > names_follow
    }
}

fn separator(after: Option<Token>) -> Token {
    let at = after.map_or(0, |token| token.span.end);
    Token { kind: TokenKind::Separator, span: Span::new(at, at) }
}

fn starts_entry(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Identifier
            | TokenKind::String
            | TokenKind::Use
            | TokenKind::Template
            | TokenKind::Allow
            | TokenKind::Deny
            | TokenKind::Assert
    )
}

/// What belongs to no entry: behind a whole declaration, half a string must not take it along.
fn is_broken(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::UnclosedString | TokenKind::Unknown)
}

fn ends_value(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Identifier
            | TokenKind::Integer
            | TokenKind::Hexadecimal
            | TokenKind::Decimal
            | TokenKind::Quantity
            | TokenKind::String
            | TokenKind::UnclosedString
            | TokenKind::Ipv4
            | TokenKind::Ipv6
            | TokenKind::Mac
            | TokenKind::Date
            | TokenKind::CloseBrace
            | TokenKind::CloseBracket
            | TokenKind::CloseParen
    )
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_statement_on_one_line() {
        for (written, line) in [
            ("allow a -> b : x", "allow a -> b : x"),
            (
                "allow a // c\n  -> b : x {\n  limit = 2/s // d\n  log = true\n}",
                "allow a -> b : x { limit = 2/s, log = true }",
            ),
            ("allow a -> b : x { limit = 2/s  log = true }", "allow a -> b : x { limit = 2/s, log = true }"),
            ("allow a -> b : x { limit = 2/s,log = true, }", "allow a -> b : x { limit = 2/s, log = true }"),
            (
                "allow a -> b : x.write(coils 1..2) {\n qos = {\n five_qi = 83\n period = 8 ms }\n}",
                "allow a -> b : x.write(coils 1..2) { qos = { five_qi = 83, period = 8 ms } }",
            ),
            ("assert isolated a,\n b", "assert isolated a, b"),
        ] {
            assert_eq!(one_line(written), line);
        }
    }
}
