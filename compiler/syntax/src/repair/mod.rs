//! What people write who think in another notation: `;` at line ends, `/* */`, `=>`, `zone: x`, `use a::b`, smart quotes.
//!
//! Looks only at texts that do not follow the grammar. Each habit is one diagnostic with its fix, and the tokens are
//! changed to what was meant, so that the rest is read as if it had been written so. *Invariant:* a change is never
//! silent: what was repaired has an error, so nothing is built from it.

mod characters;
mod entries;
mod flows;
mod heads;
mod uses;

use std::collections::BTreeMap;

use crate::{
    diagnostic::{Code, Diagnostic, Edit, FileId, Fix, codes},
    lexer::{Token, TokenKind},
    text::Span,
};

/// Words that are looked at from one place on: further would cost the square of a line's length.
const MOST_WORDS: usize = 200;

/// Tokens as they were meant, with the texts of those that stand for something else than is written.
pub(crate) struct Repaired {
    pub(crate) tokens: Vec<Token>,
    pub(crate) texts: BTreeMap<(u32, u32), String>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// A token that the grammar sees, with what stands before it.
#[derive(Clone, Debug)]
struct Word {
    kind: TokenKind,
    span: Span,
    /// First of its line.
    starts_line: bool,
    /// First of its line, with no space before it.
    at_margin: bool,
    /// Right behind the one before, with nothing between.
    adjacent: bool,
    /// Taken out, or part of the one before now.
    gone: bool,
}

struct Repair<'s> {
    source: &'s str,
    file: FileId,
    words: Vec<Word>,
    /// Tokens to put before the word of this index.
    inserted: BTreeMap<usize, Vec<Token>>,
    texts: BTreeMap<(u32, u32), String>,
    diagnostics: Vec<Diagnostic>,
    /// Per habit, the index of its diagnostic and how often it was seen.
    habits: BTreeMap<&'static str, (usize, usize)>,
    /// Words before this index start no entry: they were read as part of a value.
    read_to: usize,
}

/// What to say of one mistake.
struct Mistake<'a> {
    code: &'static Code,
    message: String,
    span: Span,
    label: &'a str,
    help: String,
    fix: Option<(String, Vec<(Span, String)>)>,
    /// Another way to mend it.
    other: Option<(&'static str, Span, String)>,
}

impl<'a> Mistake<'a> {
    fn new(message: impl Into<String>, span: Span, label: &'a str, help: impl Into<String>) -> Self {
        Self {
            code: &codes::E0101,
            message: message.into(),
            span,
            label,
            help: help.into(),
            fix: None,
            other: None,
        }
    }

    fn fix(self, title: &str, span: Span, text: impl Into<String>) -> Self {
        self.fixes(title, vec![(span, text.into())])
    }

    fn fixes(mut self, title: &str, edits: Vec<(Span, String)>) -> Self {
        self.fix = Some((title.to_owned(), edits));
        self
    }

    fn or_fix(mut self, title: &'static str, span: Span, text: String) -> Self {
        self.other = Some((title, span, text));
        self
    }

    fn code(mut self, code: &'static Code) -> Self {
        self.code = code;
        self
    }
}

/// Repairs the tokens of a text with mistakes.
pub(crate) fn repair(source: &str, file: FileId, tokens: &[Token]) -> Repaired {
    let mut repair = Repair {
        source,
        file,
        words: Vec::new(),
        inserted: BTreeMap::new(),
        texts: BTreeMap::new(),
        diagnostics: Vec::new(),
        habits: BTreeMap::new(),
        read_to: 0,
    };
    repair.characters(tokens);
    repair.entries();
    repair.finish()
}

impl Repair<'_> {
    fn say(&mut self, mistake: Mistake<'_>) {
        let mut diagnostic = Diagnostic::new(mistake.code, mistake.message)
            .primary(self.file, mistake.span, mistake.label)
            .help(mistake.help);
        if let Some((title, edits)) = mistake.fix {
            diagnostic.fixes.push(Fix { title, edits: self.edits(edits) });
        }
        if let Some((title, span, text)) = mistake.other {
            diagnostic = diagnostic.fix(title, self.file, span, text);
        }
        self.diagnostics.push(diagnostic);
    }

    /// As [`Self::say`], once per file for what people do throughout if they do it at all.
    fn habit(&mut self, habit: &'static str, mistake: Mistake<'_>) {
        let Some((index, count)) = self.habits.get_mut(habit) else {
            self.habits.insert(habit, (self.diagnostics.len(), 0));
            self.say(mistake);
            return;
        };
        *count += 1;
        let index = *index;
        let edits = self.edits(mistake.fix.map(|(_, edits)| edits).unwrap_or_default());
        if let Some(fix) = self.diagnostics.get_mut(index).and_then(|first| first.fixes.first_mut()) {
            fix.edits.extend(edits);
        }
    }

    fn edits(&self, edits: Vec<(Span, String)>) -> Vec<Edit> {
        edits.into_iter().map(|(span, text)| Edit { file: self.file, span, text }).collect()
    }

    fn finish(mut self) -> Repaired {
        for (index, more) in self.habits.values().filter(|(_, more)| *more > 0) {
            if let Some(label) =
                self.diagnostics.get_mut(*index).and_then(|diagnostic| diagnostic.labels.first_mut())
            {
                label.message = format!("{}; {more} more in this file", label.message);
            }
        }
        let mut tokens = Vec::with_capacity(self.words.len() * 2);
        for (index, word) in self.words.iter().enumerate() {
            let extra = self.inserted.remove(&index).unwrap_or_default();
            if word.at_margin {
                let span = Span::new(word.span.start, word.span.start);
                tokens.push(Token { kind: TokenKind::Newline, span });
            }
            tokens.extend(extra);
            if !word.gone {
                tokens.push(Token { kind: word.kind, span: word.span });
            }
        }
        tokens.extend(self.inserted.into_values().flatten());
        Repaired { tokens, texts: self.texts, diagnostics: self.diagnostics }
    }

    fn kind(&self, index: usize) -> Option<TokenKind> {
        self.words.get(index).map(|word| word.kind)
    }

    fn span(&self, index: usize) -> Span {
        self.words.get(index).map_or_else(|| self.end(), |word| word.span)
    }

    fn end(&self) -> Span {
        let end = self.source.len() as u32;
        Span::new(end, end)
    }

    fn text(&self, index: usize) -> &str {
        self.words.get(index).map_or("", |word| word.span.of(self.source))
    }

    fn is(&self, index: usize, kind: TokenKind) -> bool {
        self.kind(index) == Some(kind)
    }

    /// Whether the word of this index stands on the line of the one before.
    fn same_line(&self, index: usize) -> bool {
        self.words.get(index).is_some_and(|word| !word.starts_line)
    }

    fn adjacent(&self, index: usize) -> bool {
        self.words.get(index).is_some_and(|word| word.adjacent)
    }

    /// The first index that is not on the line of this one; on a very long line one that is too far for any mistake.
    fn line_end(&self, index: usize) -> usize {
        let end = self.words.len().min(index + 1 + MOST_WORDS);
        let rest = self.words.get(index + 1..end).unwrap_or_default();
        index + 1 + rest.iter().position(|word| word.starts_line).unwrap_or(rest.len())
    }

    fn become_kind(&mut self, index: usize, kind: TokenKind) {
        if let Some(word) = self.words.get_mut(index) {
            word.kind = kind;
        }
    }

    /// Makes one word of `from` up to and with `to`.
    fn merge(&mut self, from: usize, to: usize, kind: TokenKind, text: Option<String>) -> Span {
        let span = self.span(from).to(self.span(to));
        for index in from + 1..=to {
            self.remove(index);
        }
        if let Some(word) = self.words.get_mut(from) {
            (word.kind, word.span) = (kind, span);
        }
        if let Some(text) = text {
            self.texts.insert((span.start, span.end), text);
        }
        span
    }

    fn remove(&mut self, index: usize) {
        if let Some(word) = self.words.get_mut(index) {
            word.gone = true;
        }
    }

    /// Puts a token of no width before the word of this index, right behind the one before it.
    fn insert(&mut self, index: usize, kind: TokenKind) -> Span {
        let at = index.checked_sub(1).map_or(0, |before| self.span(before).end);
        let span = Span::new(at, at);
        self.inserted.entry(index).or_default().push(Token { kind, span });
        span
    }
}

/// Nothing of the text, at one place.
fn empty(at: u32) -> Span {
    Span::new(at, at)
}

/// A name out of any text: what names cannot have becomes `_`.
fn as_name(text: &str) -> String {
    let plain: String = text
        .trim_matches(|character: char| !character.is_alphanumeric() && character != '_')
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '_' })
        .collect();
    if plain.starts_with(|first: char| first.is_ascii_digit()) || plain.is_empty() {
        format!("_{plain}")
    } else {
        plain
    }
}

fn is_keyword(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Use
            | TokenKind::As
            | TokenKind::Template
            | TokenKind::Allow
            | TokenKind::Deny
            | TokenKind::Assert
            | TokenKind::In
            | TokenKind::Between
            | TokenKind::Where
            | TokenKind::And
            | TokenKind::Or
            | TokenKind::Not
            | TokenKind::On
    )
}

fn is_literal(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Integer
            | TokenKind::Hexadecimal
            | TokenKind::Decimal
            | TokenKind::Quantity
            | TokenKind::String
            | TokenKind::Ipv4
            | TokenKind::Ipv6
            | TokenKind::Mac
            | TokenKind::Date
    )
}

fn ends_value(kind: TokenKind) -> bool {
    is_literal(kind)
        || matches!(
            kind,
            TokenKind::Identifier | TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen
        )
}
