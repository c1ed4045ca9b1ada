//! Characters and comments that the language does not have.

use super::{Mistake, Repair, Word, as_name};
use crate::{
    diagnostic::codes,
    lexer::{Token, TokenKind},
    text::Span,
};

/// Quotation marks of word processors and of other languages.
const QUOTES: &[char] = &['“', '”', '„', '‟', '‘', '’', '‚', '«', '»', '\'', '`'];

impl Repair<'_> {
    /// Takes the tokens over, without trivia, and reads foreign characters as what they were meant to be.
    pub(super) fn characters(&mut self, tokens: &[Token]) {
        let mut at = 0;
        let mut read_to = 0; // what lies before was taken as a comment or a string
        let (mut starts_line, mut margin, mut adjacent) = (true, true, false);
        while let Some(&token) = tokens.get(at) {
            at += 1;
            if token.span.start < read_to {
                continue;
            }
            if token.kind.is_trivia() {
                let newline = token.kind == TokenKind::Newline;
                (starts_line, margin, adjacent) = (starts_line || newline, newline, false);
                continue;
            }
            if let Some(end) = self.foreign_comment(token, tokens.get(at), starts_line) {
                read_to = end;
                (margin, adjacent) = (false, false);
                continue;
            }
            let (kind, span) = self.foreign_character(token);
            if kind == TokenKind::Space {
                adjacent = false;
                continue;
            }
            read_to = span.end;
            let glued =
                adjacent && matches!(kind, TokenKind::Identifier | TokenKind::Integer) && self.letters(span);
            if !glued {
                self.words.push(Word { kind, span, starts_line, at_margin: margin, adjacent, gone: false });
            }
            (starts_line, margin, adjacent) = (false, false, true);
        }
        for index in 0..self.words.len() {
            let text = self.text(index);
            if self.is(index, TokenKind::Identifier) && !text.is_ascii() {
                let (text, name, span) = (text.to_owned(), as_name(text), self.span(index));
                self.texts.insert((span.start, span.end), name);
                let mistake = Mistake::new(
                    format!("`{text}` has a letter that names cannot have"),
                    span,
                    "only a to z, digits and `_`",
                    "rename it; how it is called in the plant can be said in quotes: `name = \"…\"`",
                );
                self.habit("letter", mistake.code(&codes::E0102));
            }
        }
    }

    /// The end of a comment as C, shells and SQL have them.
    fn foreign_comment(&mut self, token: Token, next: Option<&Token>, starts_line: bool) -> Option<u32> {
        if !matches!(token.kind, TokenKind::Slash | TokenKind::Unknown | TokenKind::Minus) {
            return None;
        }
        let next_is = |kind| next.is_some_and(|next| next.kind == kind);
        let rest = self.source.get(token.span.start as usize..)?;
        let start = token.span.start;
        let block = token.kind == TokenKind::Slash && next_is(TokenKind::Star);
        let marker = match token.kind {
            TokenKind::Slash if block => 2,
            TokenKind::Unknown if rest.starts_with('#') => 1,
            TokenKind::Minus if starts_line && next_is(TokenKind::Minus) => 2,
            TokenKind::Slash if starts_line => 1,
            TokenKind::Unknown if starts_line && rest.starts_with(';') => 1,
            _ => return None,
        };
        let line = rest.find('\n').unwrap_or(rest.len());
        let length = if block { rest.find("*/").map_or(rest.len(), |at| at + 2) } else { line };
        let span = Span::new(start, start + marker);
        let text = rest.get(..length).unwrap_or("");
        let mut edits = vec![(span, "//".to_owned())];
        if block {
            let mut offset = start;
            for line in text.split_inclusive('\n').take(text.matches('\n').count()) {
                offset += line.len() as u32;
                edits.push((Span::new(offset, offset), "// ".to_owned()));
            }
            if text.ends_with("*/") && length >= 4 {
                let end = start + length as u32;
                edits.push((Span::new(end - 2, end), String::new()));
            }
        }
        let code_follows =
            block && rest.get(length..line.max(length)).is_some_and(|after| !after.trim().is_empty());
        let shown = span.of(self.source).to_owned();
        let mut mistake = Mistake::new(
            format!("`{shown}` does not start a comment"),
            span,
            "meant as a comment",
            "comments start with `//` and go to the end of the line; `///` documents what follows",
        );
        if !code_follows {
            mistake = mistake.fixes("start the comment with `//`", edits);
        }
        self.habit("comment", mistake);
        Some(start + length as u32)
    }

    /// What a character is meant to be that starts no word of the language. Only the first of a run is looked at.
    fn foreign_character(&mut self, token: Token) -> (TokenKind, Span) {
        let same = (token.kind, token.span);
        if token.kind != TokenKind::Unknown {
            return same;
        }
        let text = token.span.of(self.source);
        let Some(first) = text.chars().next() else { return same };
        let one = Span::new(token.span.start, token.span.start + first.len_utf8() as u32);
        let code = format!("U+{:04X}", u32::from(first));
        let invisible = matches!(
            first,
            '\u{a0}' | '\u{ad}' | '\u{1680}' | '\u{2000}'
                ..='\u{200f}' | '\u{202f}' | '\u{205f}' | '\u{2060}' | '\u{3000}'
        );
        if invisible {
            let message = format!("an invisible character, {code}, stands here");
            let help = "remove it: between words stand spaces, tabs and line ends";
            let is_blank = first.is_whitespace();
            self.habit(
                "blank",
                Mistake::new(message, token.span, "looks like a space or like nothing", help)
                    .code(&codes::E0102)
                    .fix("replace it", token.span, if is_blank { " " } else { "" }),
            );
            return (TokenKind::Space, token.span);
        }
        match first {
            ';' => {
                let help = "remove it: an entry ends with its line, or with a comma";
                self.habit(
                    "semicolon",
                    Mistake::new("`;` ends nothing here", one, "not needed", help).code(&codes::E0102).fix(
                        "remove `;`",
                        one,
                        "",
                    ),
                );
                (TokenKind::Comma, one)
            }
            '→' | '⇒' | '⟶' | '➔' | '⟹' => {
                let message = format!("`{first}` is written `->`");
                self.habit(
                    "arrow",
                    Mistake::new(message, one, "an arrow of another kind", "write `->`")
                        .code(&codes::E0102)
                        .fix("write `->`", one, "->"),
                );
                (TokenKind::Arrow, one)
            }
            '–' | '—' | '−' => {
                let arrow = self.source.get(one.end as usize..).is_some_and(|rest| rest.starts_with('>'));
                let (kind, word, span) = if arrow {
                    (TokenKind::Arrow, "->", Span::new(one.start, one.end + 1))
                } else {
                    (TokenKind::Minus, "-", one)
                };
                let message = format!("`{first}` is no minus sign");
                let help = format!("write `{word}`");
                self.habit(
                    "dash",
                    Mistake::new(message, span, "a dash of a word processor", help.clone())
                        .code(&codes::E0102)
                        .fix(&help, span, word),
                );
                (kind, span)
            }
            _ if QUOTES.contains(&first) => self.foreign_string(one).unwrap_or(same),
            _ if first.is_alphabetic() => {
                let end =
                    text.find(|character: char| !character.is_alphanumeric()).unwrap_or(text.len()) as u32;
                (TokenKind::Identifier, Span::new(token.span.start, token.span.start + end))
            }
            _ => same,
        }
    }

    /// A text in the quotes of another language, if it is closed on its line.
    fn foreign_string(&mut self, open: Span) -> Option<(TokenKind, Span)> {
        let rest = self.source.get(open.end as usize..)?;
        let line = rest.get(..rest.find('\n').unwrap_or(rest.len()))?;
        let at = line.find(|character: char| QUOTES.contains(&character) || character == '"')?;
        let close = line.get(at..)?.chars().next()?;
        let inner = line.get(..at)?;
        let span = Span::new(open.start, open.end + (at + close.len_utf8()) as u32);
        let straight = format!("\"{}\"", inner.replace('\\', "\\\\"));
        self.texts.insert((span.start, span.end), straight.clone());
        self.habit(
            "quotes",
            Mistake::new("texts stand in straight quotes", span, "in quotes of another kind", "write `\"`")
                .code(&codes::E0102)
                .fix("write straight quotes", span, straight),
        );
        Some((TokenKind::String, span))
    }

    /// Joins letters to the name right before them; a name has none but those of ASCII.
    fn letters(&mut self, span: Span) -> bool {
        let Some(last) = self.words.len().checked_sub(1) else { return false };
        let before = self.span(last);
        let foreign = |span: Span| !span.of(self.source).is_ascii();
        if !self.is(last, TokenKind::Identifier) || !(foreign(span) || foreign(before)) {
            return false;
        }
        let whole = before.to(span);
        if let Some(word) = self.words.get_mut(last) {
            word.span = whole;
        }
        true
    }
}
