//! What stands between two tokens of the grammar: comments, line ends, and commas that only separate entries.

use crate::lexer::{Token, TokenKind};

#[derive(Clone, Copy, Debug)]
pub(super) struct Comment<'s> {
    /// Without the white space at its end.
    pub(super) text: &'s str,
    /// Not behind something else on its line.
    pub(super) own_line: bool,
    pub(super) blank_before: bool,
}

#[derive(Debug, Default)]
pub(super) struct Gap<'s> {
    pub(super) comments: Vec<Comment<'s>>,
    /// Whether a line ends anywhere in it.
    pub(super) newline: bool,
    /// Whether an empty line stands right before the token that follows.
    pub(super) blank: bool,
}

/// Walks the tokens of a text, trivia included, alongside those that the grammar sees.
pub(super) struct Gaps<'s> {
    source: &'s str,
    tokens: &'s [Token],
    at: usize,
}

impl<'s> Gaps<'s> {
    pub(super) fn new(source: &'s str, tokens: &'s [Token]) -> Self {
        Self { source, tokens, at: 0 }
    }

    /// What stands before the token at offset `to`; the walk goes on behind that token.
    pub(super) fn before(&mut self, to: u32) -> Gap<'s> {
        let mut gap = Gap::default();
        let mut newlines = 0;
        // A documentation comment before a comma documents nothing. The comma goes, so an empty line has to tell.
        let mut documentation = false;
        let mut detached = false;
        while let Some(token) = self.tokens.get(self.at).filter(|token| token.span.start < to) {
            self.at += 1;
            match token.kind {
                TokenKind::Newline => {
                    newlines += 1;
                    gap.newline = true;
                }
                TokenKind::Comma => detached |= documentation,
                TokenKind::Comment | TokenKind::Doc | TokenKind::FileDoc => {
                    gap.comments.push(Comment {
                        text: token.span.of(self.source).trim_end(),
                        // Documentation belongs to what follows, never to what stands before it.
                        own_line: newlines > 0 || token.kind != TokenKind::Comment,
                        blank_before: newlines > 1 || detached,
                    });
                    newlines = 0;
                    detached = false;
                    documentation = token.kind == TokenKind::Doc;
                }
                _ => {}
            }
        }
        self.at += 1;
        gap.blank = newlines > 1 || detached;
        gap
    }
}
