//! Entries of a block are separated by line ends, commas or nothing but a space. This pass finds where one ends and the
//! next begins and puts a [`TokenKind::Separator`] there, so that the grammar is LR(1) and recovers at the next entry.
//!
//! The rule: directly inside of braces (or at top level), an entry ends before `}`, at a comma, and wherever a token that
//! can end a value is followed by one that can start an entry. The word that starts an entry and the name after it
//! (`device vib`, `assert only x`) are the one place where two names stand side by side.

use crate::{
    lexer::{Token, TokenKind},
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
