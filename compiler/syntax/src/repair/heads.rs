//! Heads of declarations, from their kind to their block.

use super::{Mistake, Repair, as_name, empty, is_keyword};
use crate::{
    diagnostic::{codes, nearest},
    lexer::{Token, TokenKind},
    text::Span,
};

/// Kinds whose head names a class or a template after `:`.
const CLASSED: &[&str] = &["device", "class", "instance"];

impl Repair<'_> {
    pub(super) fn head(&mut self, index: usize, top: bool) {
        let line = self.line_end(index);
        if !self.is(index, TokenKind::Identifier) || index + 1 >= line {
            return;
        }
        let word = self.text(index).to_owned();
        let opens = (index + 1..line).any(|at| self.is(at, TokenKind::OpenBrace));
        let known = crate::ast::DECLARATION_KEYWORDS.contains(&word.as_str())
            || nearest(&word, crate::ast::DECLARATION_KEYWORDS.iter().copied()).is_some();
        if !(opens || known && top) {
            return;
        }
        if self.is(index + 1, TokenKind::Equals) {
            return; // an attribute
        }
        if top && self.foreign_head(index, line) {
            return;
        }
        let Some(mut at) = self.head_name(index, line, opens) else { return };
        if word == "conduit" {
            let unnamed = self.is(index + 1, TokenKind::Between);
            self.between(if unnamed { index } else { index + 1 }, line);
        }
        at = self.head_array(&word, at, line);
        if CLASSED.contains(&word.as_str()) {
            self.head_class(&word, at);
        }
        // `policy figures = {`, `policy figures: {`
        if let Some(brace) = (at + 1..line).find(|at| self.is(*at, TokenKind::OpenBrace))
            && matches!(self.kind(brace - 1), Some(TokenKind::Equals | TokenKind::Colon))
        {
            let span = self.span(brace - 1);
            let text = span.of(self.source).to_owned();
            self.remove(brace - 1);
            let message = format!("a block opens without `{text}`");
            let help = format!("remove the `{text}` before `{{`");
            self.say(Mistake::new(message, span, "not needed", help).fix("remove it", span, ""));
        }
        if top && !opens {
            self.missing_brace(index, line, &word);
        }
    }

    /// Declarations as YAML and Terraform have them.
    fn foreign_head(&mut self, index: usize, line: usize) -> bool {
        let (word, span) = (self.text(index).to_owned(), self.span(index));
        if self.is(index + 1, TokenKind::Colon) && index + 2 >= line {
            let mut end = line;
            while self.words.get(end).is_some_and(|word| !word.at_margin) {
                end += 1;
            }
            for at in index..end {
                self.remove(at);
            }
            let help = format!("write `{word} NAME … {{ name = value }}`");
            let message = format!("`{word}:` starts no block");
            self.say(Mistake::new(message, span.to(self.span(index + 1)), "blocks stand in braces", help));
            return true;
        }
        let strings = self.is(index + 1, TokenKind::String) && self.is(index + 2, TokenKind::String);
        if !strings || !self.is(index + 3, TokenKind::OpenBrace) {
            return false;
        }
        let (kind, name) = (as_name(self.text(index + 1)), as_name(self.text(index + 2)));
        let whole = span.to(self.span(index + 2));
        let (first, second) = (self.span(index + 1), self.span(index + 2));
        self.remove(index);
        self.texts.insert((first.start, first.end), kind.clone());
        self.texts.insert((second.start, second.end), name.clone());
        self.become_kind(index + 1, TokenKind::Identifier);
        self.become_kind(index + 2, TokenKind::Identifier);
        let meant = format!("{kind} {name}");
        self.say(
            Mistake::new(
                "a declaration starts with its kind and its name",
                whole,
                "neither has quotes",
                format!("write `{meant}`"),
            )
            .fix("write kind and name", whole, meant),
        );
        true
    }

    /// Mends the name; the index behind it.
    fn head_name(&mut self, index: usize, line: usize, opens: bool) -> Option<usize> {
        let name = index + 1;
        let kind = self.kind(name)?;
        let span = self.span(name);
        if kind == TokenKind::String && opens {
            let text = as_name(self.text(name));
            self.texts.insert((span.start, span.end), text.clone());
            self.become_kind(name, TokenKind::Identifier);
            let help = format!("write `{} {text}`", self.text(index));
            self.say(Mistake::new("names of declarations stand without quotes", span, "a name", help).fix(
                "remove the quotes",
                span,
                text,
            ));
        } else if is_keyword(kind)
            && opens
            && !self.is(name + 1, TokenKind::Identifier)
            && !self.is(name + 1, TokenKind::Equals)
        {
            let text = self.text(name).to_owned();
            self.become_kind(name, TokenKind::Identifier);
            let help = format!("choose another name: `{text}_1`");
            self.say(Mistake::new(
                format!("`{text}` is a word of the language"),
                span,
                "cannot be a name",
                help,
            ));
        } else if kind == TokenKind::Integer
            && self.adjacent(name + 1)
            && self.is(name + 1, TokenKind::Identifier)
        {
            let text = as_name(span.to(self.span(name + 1)).of(self.source));
            let span = self.merge(name, name + 1, TokenKind::Identifier, Some(text.clone()));
            let help = format!("write `{text}`, or another name");
            self.say(Mistake::new("a name starts with a letter", span, "starts with a digit", help).fix(
                "rename it",
                span,
                text,
            ));
            return Some(name + 2);
        } else if kind == TokenKind::OpenBrace
            || (matches!(kind, TokenKind::Colon | TokenKind::Between | TokenKind::In) && opens)
        {
            if !self.words.get(index).is_some_and(|word| word.at_margin) {
                return None; // `qos { … }` has no name
            }
            let at = empty(self.span(index).end);
            let word = self.text(index).to_owned();
            let help = format!("write `{word} some_name …`");
            self.say(Mistake::new(
                format!("this {word} has no name"),
                self.span(index),
                "expected a name behind it",
                help,
            ));
            self.inserted.entry(name).or_default().push(Token { kind: TokenKind::Identifier, span: at });
            self.texts.insert((at.start, at.end), format!("_{}", at.start));
            return Some(name);
        }
        self.foreign_block(name, line);
        // `panel-1`, `eth0.10`
        let mut end = name;
        while end + 2 < line
            && self.adjacent(end + 1)
            && self.adjacent(end + 2)
            && matches!(self.kind(end + 1), Some(TokenKind::Minus | TokenKind::Dot))
            && matches!(self.kind(end + 2), Some(TokenKind::Identifier | TokenKind::Integer))
        {
            end += 2;
        }
        if end > name && self.is(name, TokenKind::Identifier) {
            let written = span.to(self.span(end)).of(self.source).to_owned();
            let text = as_name(&written);
            let span = self.merge(name, end, TokenKind::Identifier, Some(text.clone()));
            let help = if self.text(index) == "interface" {
                format!("write `interface {text} {{ device = \"{written}\", … }}`")
            } else {
                format!(
                    "write `{text}`; how it is called elsewhere can be given as `name = \"{written}\"` inside"
                )
            };
            self.say(Mistake::new("a name has only letters, digits and `_`", span, "not a name", help).fix(
                "rename it",
                span,
                text,
            ));
        }
        Some(end + 1)
    }

    /// `device panel : Hmi ( network = a … }`: a block that opens with a parenthesis.
    fn foreign_block(&mut self, name: usize, line: usize) {
        let open = (name + 1..line).find(|at| {
            self.is(*at, TokenKind::OpenParen)
                && self.is(at + 1, TokenKind::Identifier)
                && self.is(at + 2, TokenKind::Equals)
        });
        let Some(open) = open else { return };
        let mut depth = 0usize;
        let mut at = open;
        while let Some(kind) = self.kind(at).filter(|_| at < open + super::MOST_WORDS) {
            match kind {
                TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => depth += 1,
                TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => {
                    depth = depth.saturating_sub(1);
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
            at += 1;
        }
        if !self.is(at, TokenKind::CloseBrace) {
            return;
        }
        let span = self.span(open);
        self.become_kind(open, TokenKind::OpenBrace);
        let help = "write `{`";
        self.say(Mistake::new("a block opens with `{`", span, "expected `{`", help).fix(help, span, "{"));
    }

    /// `pump[1:4]`, `pump(1..4)`, `pump[1...4]`, `pump[1..4`; the index behind the array.
    fn head_array(&mut self, word: &str, at: usize, line: usize) -> usize {
        if !matches!(self.kind(at), Some(TokenKind::OpenBracket | TokenKind::OpenParen)) || !self.adjacent(at)
        {
            return at;
        }
        let close = (at..line)
            .find(|at| matches!(self.kind(*at), Some(TokenKind::CloseBracket | TokenKind::CloseParen)));
        let Some(close) = close else {
            let Some(last) = (at + 1..line)
                .find(|at| matches!(self.kind(*at), Some(TokenKind::Colon | TokenKind::OpenBrace)))
            else {
                return at;
            };
            let (open, place) = (self.span(at), self.insert(last, TokenKind::CloseBracket));
            self.say(
                Mistake::new("this `[` is never closed", open, "opened here", "add the missing `]`")
                    .code(&codes::E0104)
                    .fix("add `]`", place, "]"),
            );
            return last;
        };
        let span = self.span(at).to(self.span(close));
        let numbers: Vec<String> = (at + 1..close)
            .filter(|at| matches!(self.kind(*at), Some(TokenKind::Integer | TokenKind::Identifier)))
            .map(|at| self.text(at).to_owned())
            .collect();
        let inner = self.span(at + 1).to(self.span(close - 1)).of(self.source);
        let right = self.is(at, TokenKind::OpenBracket)
            && self.is(close, TokenKind::CloseBracket)
            && (inner.contains("..") && !inner.contains("..."))
            && numbers.len() >= 2;
        if right || numbers.is_empty() || !CLASSED.contains(&word) {
            return close + 1;
        }
        let open_ended = numbers.len() == 1 && inner.contains("..");
        let last = numbers.last().cloned().unwrap_or_default();
        let meant = if open_ended { "[1..8]".to_owned() } else { format!("[1..{last}]") };
        for index in at + 1..close {
            self.remove(index);
        }
        self.become_kind(at, TokenKind::OpenBracket);
        self.become_kind(close, TokenKind::CloseBracket);
        let place = self.span(at);
        for (kind, text) in
            [(TokenKind::Integer, "1"), (TokenKind::DotDot, ".."), (TokenKind::Integer, last.as_str())]
        {
            // tokens of no width, told apart by where they stand
            let offset = place.end + u32::from(kind == TokenKind::DotDot);
            let span = empty(offset.min(self.span(close).start));
            if kind == TokenKind::Integer {
                self.texts.insert((span.start, span.end), text.to_owned());
            }
            self.inserted.entry(close).or_default().push(Token { kind, span });
        }
        let help = format!("write `{meant}`");
        self.say(if open_ended {
            Mistake::new("an array has a last number", span, "how many are there?", help)
        } else {
            Mistake::new("an array is declared by its first and last number", span, "not a range", help).fix(
                "write a range",
                span,
                meant,
            )
        });
        close + 1
    }

    /// `device panel Hmi {`, `device panel = Hmi {`, `device panel extends Hmi {`.
    fn head_class(&mut self, word: &str, at: usize) {
        let help = format!("write `{word} NAME : CLASS {{ … }}`");
        let class_follows = self.is(at + 1, TokenKind::Identifier) && self.same_line(at + 1);
        let extends = matches!(self.text(at), "extends" | "is" | "isa" | "of" | "inherits" | "implements");
        if class_follows
            && (self.is(at, TokenKind::Equals) || (self.is(at, TokenKind::Identifier) && extends))
        {
            let span = self.span(at);
            let message = format!("before the class of a {word} stands `:`");
            self.become_kind(at, TokenKind::Colon);
            self.say(Mistake::new(message, span, "expected `:`", help).fix("write `:`", span, ":"));
        } else if self.is(at, TokenKind::Identifier) && self.same_line(at) {
            let place = self.insert(at, TokenKind::Colon);
            let message = format!("before the class of a {word} stands `:`");
            self.say(Mistake::new(message, place, "expected `:`", help).fix("add `:`", place, " :"));
        }
    }

    /// `conduit c between a, b`, however the two are joined.
    fn between(&mut self, name: usize, line: usize) {
        const HELP: &str = "write `conduit NAME between ZONE, ZONE { … }`";
        let mut at = name + 1;
        let mut silent = false;
        if !self.is(at, TokenKind::Between) {
            let word = self.text(at).to_owned();
            let span = self.span(at);
            if self.is(at, TokenKind::Identifier) && self.is(at + 1, TokenKind::Identifier) {
                self.become_kind(at, TokenKind::Between);
                silent = word == "from"; // `from a to b`: `to` belongs to it
                let message = format!("`{word}` stands where `between` is due");
                self.say(Mistake::new(message, span, "expected `between`", HELP).fix(
                    "write `between`",
                    span,
                    "between",
                ));
            } else if self.is(at, TokenKind::Identifier) {
                let place = self.insert(at, TokenKind::Between);
                self.say(
                    Mistake::new("the two zones stand behind `between`", place, "expected `between`", HELP)
                        .fix("add `between`", place, " between"),
                );
                at -= 1;
            } else {
                return;
            }
        }
        let mut first = at + 1;
        if self.is(first, TokenKind::OpenParen)
            && let Some(close) = (first..line).find(|at| self.is(*at, TokenKind::CloseParen))
        {
            let (open, end) = (self.span(first), self.span(close));
            self.remove(first);
            self.remove(close);
            let edits = vec![(open, String::new()), (end, String::new())];
            let mistake =
                Mistake::new("the two zones stand without parentheses", open.to(end), "not needed", HELP);
            self.say(mistake.fixes("remove them", edits));
            return;
        }
        while self.is(first, TokenKind::Identifier) && self.is(first + 1, TokenKind::Dot) {
            first += 2;
        }
        let join = first + 1;
        let span = self.span(join);
        let text = self.text(join).to_owned();
        let word = matches!(
            self.kind(join),
            Some(
                TokenKind::And
                    | TokenKind::Arrow
                    | TokenKind::BothArrow
                    | TokenKind::Pipe
                    | TokenKind::Ampersand
                    | TokenKind::Minus
            )
        ) || text == "to";
        if !self.is(first, TokenKind::Identifier) || join >= line {
            return;
        }
        if word {
            self.become_kind(join, TokenKind::Comma);
            let message = format!("between two zones stands a comma, not `{text}`");
            let whole = Span::new(self.span(first).end, span.end);
            if silent {
                return;
            }
            self.say(Mistake::new(message, span, "expected `,`", HELP).fix("write `,`", whole, ","));
        } else if self.is(join, TokenKind::Identifier) {
            let place = self.insert(join, TokenKind::Comma);
            self.say(
                Mistake::new("between two zones stands a comma", place, "expected `,`", HELP)
                    .fix("add `,`", place, ","),
            );
        }
    }

    /// A head whose block has no `{`: entries follow, set in.
    fn missing_brace(&mut self, index: usize, line: usize, word: &str) {
        if matches!(word, "group" | "instance" | "use")
            || self.words.get(line).is_none_or(|next| next.at_margin)
        {
            return;
        }
        let entry = match self.kind(line) {
            Some(TokenKind::Allow | TokenKind::Deny) => true,
            Some(TokenKind::Identifier) => matches!(
                self.kind(line + 1),
                Some(TokenKind::Equals | TokenKind::Identifier | TokenKind::OpenBrace)
            ),
            _ => false,
        };
        if !entry {
            return;
        }
        let place = self.insert(line, TokenKind::OpenBrace);
        let name = self.span(index).to(self.span(line - 1));
        let help = "add `{` at the end of this line";
        self.say(
            Mistake::new(
                format!("the block of this {word} has no `{{`"),
                name,
                "expected `{` behind it",
                help,
            )
            .code(&codes::E0104)
            .fix("add `{`", place, " {"),
        );
    }
}
