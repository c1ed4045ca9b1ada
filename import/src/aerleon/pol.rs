//! The text of `.pol` files: headers and terms of `keyword:: values`.

use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};

use super::filters::{Field, Filter, Term, Word};
use crate::{Extent, Left, Place};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// `destination-port::`
    Key(String),
    Word(String),
    Open,
    Close,
    /// `#include 'file'`
    Include(String),
}

/// Filters of a file, and what they include. A `part` is there to be included: its terms need no header.
///
/// # Errors
/// The first place that does not follow the grammar.
pub(super) fn read(
    file: FileId,
    text: &str,
    is_part: bool,
    left: &mut Vec<Left>,
) -> Result<Vec<Filter>, Box<Diagnostic>> {
    let tokens = lex(file, text)?;
    let mut parser = Parser { file, tokens: &tokens, at: 0, end: text.trim_end().len() as u32 };
    let mut filters: Vec<Filter> = Vec::new();
    while let Some((token, span)) = parser.next() {
        let place = Place { file, span };
        match token {
            Token::Include(path) => {
                let why = "included files are not followed: put its terms there, then import";
                let what = format!("include of `{path}`");
                left.push(Left { place, extent: Extent::Beside, what, why: why.into() });
                if let Some(filter) = filters.last_mut() {
                    filter.include();
                }
            }
            Token::Word(word) if word == "header" => {
                let fields = parser.block()?;
                filters.push(Filter::new(place, fields));
            }
            Token::Word(word) if word == "term" => {
                let Some((Token::Word(name), span)) = parser.next() else {
                    return Err(parser.refuse(span, "a term has no name", "write `term NAME { … }`"));
                };
                let term = Term { name: name.clone(), place: Place { file, span }, fields: parser.block()? };
                if filters.is_empty() && is_part {
                    filters.push(Filter::part(place));
                }
                match filters.last_mut() {
                    Some(filter) => filter.terms.push(term),
                    None => {
                        let help = "a filter begins with `header { target:: … }`";
                        return Err(parser.refuse(span, "a term stands before any header", help));
                    }
                }
            }
            _ => {
                return Err(parser.refuse(span, "expected `header` or `term`", "check the braces before it"));
            }
        }
    }
    Ok(filters)
}

struct Parser<'t> {
    file: FileId,
    tokens: &'t [(Token, Span)],
    at: usize,
    end: u32,
}

impl<'t> Parser<'t> {
    fn refuse(&self, span: Span, message: &str, help: &str) -> Box<Diagnostic> {
        refuse(self.file, span, message, help)
    }

    fn next(&mut self) -> Option<(&'t Token, Span)> {
        let (token, span) = self.tokens.get(self.at)?;
        self.at += 1;
        Some((token, *span))
    }

    /// `{ keyword:: value value … }`
    fn block(&mut self) -> Result<Vec<Field>, Box<Diagnostic>> {
        let end = Span::new(self.end, self.end);
        match self.next() {
            Some((Token::Open, _)) => {}
            Some((_, span)) => {
                return Err(self.refuse(span, "expected `{`", "write `header { … }`, `term NAME { … }`"));
            }
            None => {
                return Err(self.refuse(
                    end,
                    "expected `{`, and the file ends",
                    "the file is cut off: fetch it again",
                ));
            }
        }
        let mut fields: Vec<Field> = Vec::new();
        loop {
            match self.next() {
                Some((Token::Close, _)) => return Ok(fields),
                Some((Token::Key(key), span)) => {
                    fields.push(Field {
                        key: key.clone(),
                        place: Place { file: self.file, span },
                        words: Vec::new(),
                    });
                }
                Some((Token::Word(text), span)) => match fields.last_mut() {
                    Some(field) => {
                        field.words.push(Word { text: text.clone(), place: Place { file: self.file, span } });
                    }
                    None => {
                        return Err(self.refuse(
                            span,
                            "a value without a keyword",
                            "write `keyword:: value`",
                        ));
                    }
                },
                Some((Token::Include(_), span)) => {
                    let help = "includes stand between terms";
                    return Err(self.refuse(span, "an include stands inside of a block", help));
                }
                Some((_, span)) => {
                    return Err(self.refuse(
                        span,
                        "a brace that does not fit",
                        "close the block before with `}`",
                    ));
                }
                None => {
                    return Err(self.refuse(
                        end,
                        "a block is not closed",
                        "close it with `}`; if the file is cut off, fetch it again",
                    ));
                }
            }
        }
    }
}

fn refuse(file: FileId, span: Span, message: &str, help: &str) -> Box<Diagnostic> {
    let diagnostic = Diagnostic::new(&codes::E0415, format!("this is no policy: {message}"));
    Box::new(diagnostic.primary(file, span, "cannot be read").help(help))
}

fn lex(file: FileId, text: &str) -> Result<Vec<(Token, Span)>, Box<Diagnostic>> {
    let mut tokens = Vec::new();
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let start = at;
        let rest = text.get(at..).unwrap_or("");
        let span = |end: usize| Span::new(start as u32, end as u32);
        match character {
            '#' => {
                let line = rest.lines().next().unwrap_or("");
                at += line.len();
                if let Some(path) = line.strip_prefix("#include") {
                    let path = path.trim().trim_matches(['\'', '"']);
                    tokens.push((Token::Include(path.into()), span(at)));
                }
            }
            '{' | '}' => {
                at += 1;
                tokens.push((if character == '{' { Token::Open } else { Token::Close }, span(at)));
            }
            '"' => {
                let Some(length) = rest.get(1..).and_then(|inner| inner.find('"')) else {
                    return Err(refuse(file, span(at + 1), "a quote is not closed", "close it with `\"`"));
                };
                at += length + 2;
                tokens.push((Token::Word(rest.get(1..=length).unwrap_or("").into()), span(at)));
            }
            space if space.is_whitespace() => at += space.len_utf8(),
            _ => {
                let ends =
                    |character: char| character.is_whitespace() || matches!(character, '{' | '}' | '"' | '#');
                let word = rest.split(ends).next().unwrap_or(rest);
                match word.split_once("::") {
                    Some((key, _)) if !key.is_empty() => {
                        at += key.len() + 2;
                        tokens.push((Token::Key(key.into()), span(start + key.len())));
                    }
                    _ => {
                        at += word.len();
                        tokens.push((Token::Word(word.into()), span(at)));
                    }
                }
            }
        }
    }
    Ok(tokens)
}
