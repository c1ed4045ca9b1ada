//! `use`, as other languages import.

use super::{Mistake, Repair};
use crate::{diagnostic::nearest, lexer::TokenKind, text::Span};

impl Repair<'_> {
    pub(super) fn use_line(&mut self, index: usize) {
        let line = self.line_end(index);
        self.use_word(index, line);
        if !self.is(index, TokenKind::Use) {
            return;
        }
        let braced = (index..line).find(|at| self.is(*at, TokenKind::OpenBrace));
        let path_end = braced.unwrap_or(line);
        let mut at = index + 1;
        while at < path_end {
            match self.kind(at) {
                Some(TokenKind::Colon | TokenKind::Slash | TokenKind::Ipv6) => {
                    self.foreign_path(index, line);
                    return;
                }
                Some(TokenKind::OpenParen | TokenKind::OpenBracket) => {
                    self.foreign_list(at, line);
                    return;
                }
                Some(TokenKind::Star) => {
                    let span = self.span(at);
                    let list = "write `use std.it.{https, ssh}`";
                    self.say(Mistake::new("`use` names what it brings in", span, "no name", list));
                    self.become_kind(at, TokenKind::Identifier);
                    return;
                }
                Some(TokenKind::String) => {
                    let span = self.span(at);
                    let path = span.of(self.source).trim_matches('"').replace(['/', ':'], ".");
                    let help = "write the path without quotes: `use std.it.{https, ssh}`";
                    let mistake = Mistake::new("a path stands without quotes", span, "a text", help);
                    self.say(mistake.fix("remove the quotes", span, path));
                    self.become_kind(at, TokenKind::Identifier);
                    return;
                }
                Some(TokenKind::Comma) => {
                    self.bare_list(index, at, line);
                    return;
                }
                _ => at += 1,
            }
        }
        if let Some(open) = braced {
            self.braced_list(open, line);
        }
    }

    /// `uses`, `import std.it.x`, `from std.it use x`.
    fn use_word(&mut self, index: usize, line: usize) {
        if !self.is(index, TokenKind::Identifier)
            || !self.is(index + 1, TokenKind::Identifier)
            || !(self.text(index + 1) == "std"
                || (self.is(index + 2, TokenKind::Dot) && !self.declares(index)))
        {
            return;
        }
        let (word, span) = (self.text(index).to_owned(), self.span(index));
        let known = matches!(word.as_str(), "import" | "include" | "using" | "require" | "from" | "open")
            || nearest(&word, ["use"]).is_some();
        if !known {
            return;
        }
        self.become_kind(index, TokenKind::Use);
        let mut mistake = Mistake::new(
            format!("`{word}` brings nothing in"),
            span,
            "not a word of the language",
            "write `use std.it.{https, ssh}`",
        );
        let inner = (index + 1..line).find(|at| self.is(*at, TokenKind::Use) || self.text(*at) == "import");
        match inner {
            Some(inner) => self.become_kind(inner, TokenKind::Dot),
            None => mistake = mistake.fix("write `use`", span, "use"),
        }
        self.say(mistake);
    }

    /// `std::it::x`, `std/it/x`: the line is read again with dots.
    fn foreign_path(&mut self, index: usize, line: usize) {
        let span = self.span(index + 1).to(self.span(line - 1));
        let text = span.of(self.source);
        let dotted = text.replace("::", ".").replace(['/', ':'], ".").replace("..", ".");
        let first = (index + 1..line)
            .find(|at| matches!(self.kind(*at), Some(TokenKind::Colon | TokenKind::Slash | TokenKind::Ipv6)));
        let place = first.map_or(span, |at| self.span(at));
        let shown = if text.contains("::") {
            "::"
        } else if text.contains('/') {
            "/"
        } else {
            ":"
        };
        let place = Span::new(place.start, place.start + shown.len() as u32);
        let help = format!("write `use {dotted}`");
        let message = format!("the parts of a path are joined by `.`, not `{shown}`");
        self.say(Mistake::new(message, place, "expected `.`", help).fix("write `.`", span, dotted));
        for at in index + 2..line {
            self.remove(at);
        }
    }

    /// `std.it.(a, b)`, `std.it.[a, b]`.
    fn foreign_list(&mut self, open: usize, line: usize) {
        let close = (open..line)
            .rev()
            .find(|at| matches!(self.kind(*at), Some(TokenKind::CloseParen | TokenKind::CloseBracket)));
        let Some(close) = close else { return };
        let (first, last) = (self.span(open), self.span(close));
        self.become_kind(open, TokenKind::OpenBrace);
        self.become_kind(close, TokenKind::CloseBrace);
        let edits = vec![(first, "{".to_owned()), (last, "}".to_owned())];
        self.say(
            Mistake::new(
                "the names of a `use` stand in `{` and `}`",
                first,
                "expected `{`",
                "write `use std.it.{https, ssh}`",
            )
            .fixes("write `{` and `}`", edits),
        );
        if !self.is(open - 1, TokenKind::Dot) {
            self.insert(open, TokenKind::Dot);
        }
    }

    /// `use std.it.a, b`.
    fn bare_list(&mut self, index: usize, comma: usize, line: usize) {
        let Some(dot) = (index..comma).rev().find(|at| self.is(*at, TokenKind::Dot)) else { return };
        let (from, to) = (self.span(dot + 1), self.span(line - 1));
        let (start, end) = (Span::new(from.start, from.start), Span::new(to.end, to.end));
        self.read_to = line;
        self.insert(dot + 1, TokenKind::OpenBrace);
        self.insert(line, TokenKind::CloseBrace);
        let help = format!("write `{{{}}}`", from.to(to).of(self.source));
        self.say(
            Mistake::new("several names of a `use` stand in braces", from.to(to), "a list", help)
                .fixes("add the braces", vec![(start, "{".to_owned()), (end, "}".to_owned())]),
        );
    }

    /// `use std.it{a, b}`, `use std.it.{a b}`.
    fn braced_list(&mut self, open: usize, line: usize) {
        if self.is(open - 1, TokenKind::Identifier) {
            let at = self.insert(open, TokenKind::Dot);
            self.read_to = line;
            self.say(
                Mistake::new(
                    "a `.` is missing before `{`",
                    at,
                    "expected `.`",
                    "write `use std.it.{https, ssh}`",
                )
                .fix("add `.`", at, "."),
            );
        }
        let mut edits = Vec::new();
        let mut at = open + 1;
        while at < self.words.len()
            && !self.is(at, TokenKind::CloseBrace)
            && (at < line || !self.words[at].at_margin)
        {
            if self.is(at, TokenKind::Identifier) && self.is(at - 1, TokenKind::Identifier) {
                edits.push((self.insert(at, TokenKind::Comma), ",".to_owned()));
            }
            at += 1;
        }
        if let Some((first, _)) = edits.first().cloned() {
            self.say(
                Mistake::new(
                    "between the names of a `use` stands a comma",
                    first,
                    "expected `,`",
                    "write `{https, ssh}`",
                )
                .fixes("add the commas", edits),
            );
        }
    }
}
