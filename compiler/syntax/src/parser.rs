//! Text to tree: tokens, grammar, documentation comments.

use std::collections::BTreeMap;

use lalrpop_util::{ErrorRecovery, ParseError};
use smol_str::SmolStr;

use crate::{
    ast::{File, Item, ItemKind},
    diagnostic::{Diagnostic, FileId, codes},
    expected, grammar,
    lexer::{self, Token, TokenKind},
    literal::Context,
    repair,
    separate::separate,
    text::Span,
};

/// Words between a name and what follows it in other languages; here they look like declarations.
const OTHER_NOTATION: &[&str] = &["extends", "is", "isa", "of", "inherits", "implements", "from", "to"];

/// A file's tree, whole where the text is whole, and all that is wrong with the text.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    pub tokens: Vec<Token>,
    pub file: File,
    pub diagnostics: Vec<Diagnostic>,
}

/// A token as the grammar takes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal<'input> {
    pub(crate) kind: TokenKind,
    pub(crate) text: &'input str,
}

/// Parses one file. Never fails: what cannot be read is a diagnostic, and all else is in the tree.
pub fn parse(source: &str, file: FileId) -> Parsed {
    let mut diagnostics = Vec::new();
    if source.len() > lexer::MAX_FILE_SIZE {
        diagnostics.push(
            Diagnostic::new(&codes::E0005, format!("the file has {} bytes", source.len()))
                .primary(file, Span::default(), "too large to be read")
                .help(format!("split it: a file has at most {} MiB", lexer::MAX_FILE_SIZE >> 20)),
        );
        return Parsed { tokens: Vec::new(), file: File::default(), diagnostics };
    }
    let tokens = lexer::lex(source);
    let (mut items, found) = read(source, file, &tokens, &BTreeMap::new());
    diagnostics.extend(found);
    let mut misleading = Vec::new();
    lexer::report_misleading(source, file, &tokens, &mut misleading);
    let misspelt = |item: &Item| match &item.kind {
        ItemKind::Declaration(declaration) => OTHER_NOTATION.contains(&declaration.keyword.text.as_str()),
        _ => false,
    };
    if !diagnostics.is_empty() || items.iter().any(misspelt) {
        let repaired = repair::repair(source, file, &tokens);
        let (again, found) = read(source, file, &repaired.tokens, &repaired.texts);
        let mut all = repaired.diagnostics;
        all.extend(found);
        // what was wrong stays wrong: a repair that nothing is said of is none
        if !all.is_empty() {
            items = again;
            diagnostics = all;
        }
    }
    diagnostics.append(&mut misleading);
    if diagnostics.iter().any(|diagnostic| diagnostic.code == &codes::E0106) {
        diagnostics.retain(|diagnostic| diagnostic.code != &codes::E0101); // consequences of what was not read
    }
    let mut tree = File { items, documentation: file_documentation(source, &tokens) };
    let mut at = 0;
    document(source, &tokens, &mut at, &mut tree.items);
    Parsed { tokens, file: tree, diagnostics }
}

/// The declarations of a list of tokens, and what is wrong with them. `texts` are those of tokens that were repaired.
fn read(
    source: &str,
    file: FileId,
    tokens: &[Token],
    texts: &BTreeMap<(u32, u32), String>,
) -> (Vec<Item>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let significant = separate(&lexer::significant(source, file, tokens, &mut diagnostics));
    let stream = significant.iter().map(|token| {
        let text = match texts.get(&(token.span.start, token.span.end)) {
            Some(text) => text.as_str(),
            None => token.span.of(source),
        };
        Ok::<_, ()>((token.span.start, Terminal { kind: token.kind, text }, token.span.end))
    });
    let mut literal_diagnostics = Vec::new();
    let mut recoveries: Vec<ErrorRecovery<u32, Terminal<'_>, ()>> = Vec::new();
    let mut context = Context { file, diagnostics: &mut literal_diagnostics };
    let parser = grammar::ItemsParser::new();
    let items = match parser.parse(&mut context, &mut recoveries, stream) {
        Ok(items) => items,
        Err(error) => {
            recoveries.push(ErrorRecovery { error, dropped_tokens: Vec::new() });
            Vec::new()
        }
    };
    report(source, file, &significant, recoveries, &mut diagnostics);
    diagnostics.append(&mut literal_diagnostics);
    (items, diagnostics)
}

/// Turns recoveries into diagnostics. What follows a mistake in the same entry is its consequence, and is not said.
fn report(
    source: &str,
    file: FileId,
    significant: &[Token],
    recoveries: Vec<ErrorRecovery<u32, Terminal<'_>, ()>>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    // from a bracket that does not pair up to the end of its entry, all else is its consequence
    let mut places: Vec<u32> =
        diagnostics.iter().filter_map(|one| one.labels.first()).map(|label| label.span.start).collect();
    places.sort_unstable();
    let mut brackets: Vec<(u32, u32)> = Vec::new();
    for place in places {
        if brackets.last().is_none_or(|(_, end)| place > *end) {
            brackets.push((place, damage_end(source, significant, place)));
        }
    }
    let unpaired = !brackets.is_empty();
    let mut brackets = brackets.into_iter().peekable();
    let mut bracket_end = None;
    let mut quiet_until = 0;
    for recovery in recoveries {
        let (start, expected) = match recovery.error {
            ParseError::UnrecognizedToken { token: (start, ..), expected } => (Some(start), expected),
            ParseError::UnrecognizedEof { expected, .. } => (None, expected),
            ParseError::ExtraToken { token: (start, ..) } => (Some(start), Vec::new()),
            ParseError::InvalidToken { location } => (Some(location), Vec::new()),
            ParseError::User { .. } => (None, Vec::new()),
        };
        let index = start
            .map_or(significant.len(), |start| significant.partition_point(|token| token.span.start < start));
        let place = start.unwrap_or(source.len() as u32);
        while let Some((_, end)) = brackets.next_if(|(from, _)| *from <= place) {
            bracket_end = bracket_end.max(Some(end));
        }
        let follows = place < quiet_until
            || bracket_end.is_some_and(|end| place <= end)
            || (start.is_none() && unpaired);
        let dropped = recovery.dropped_tokens.last().map_or(0, |(_, _, end)| *end + 1);
        quiet_until = quiet_until.max(dropped);
        if follows {
            continue;
        }
        quiet_until = quiet_until.max(damage_end(source, significant, place));
        let previous = index.checked_sub(1).and_then(|before| significant.get(before)).copied();
        let found = significant.get(index).copied();
        if found.is_some_and(|token| token.span.start == token.span.end && token.kind != TokenKind::Separator)
        {
            continue; // a closing bracket that the token pass added and reported
        }
        let entry = entry_start(source, significant, index);
        let words = significant.get(entry..).unwrap_or_default();
        diagnostics.push(expected::unexpected(source, file, found, previous, words, &expected));
    }
}

/// Whether a line ends between two tokens.
fn line_ends(source: &str, before: Token, after: Token) -> bool {
    Span::new(before.span.end, after.span.start).of(source).contains('\n')
}

/// The index of the first token of the line's entry that this token is in.
fn entry_start(source: &str, significant: &[Token], index: usize) -> usize {
    let mut at = index.min(significant.len());
    while let Some(before) = at.checked_sub(1).filter(|before| before + MOST_DAMAGED > index) {
        let (token, next) = (significant[before], significant.get(at));
        let ends = token.kind == TokenKind::OpenBrace
            || token.kind == TokenKind::Separator && at < index
            || next.is_some_and(|next| line_ends(source, token, *next));
        if ends && at < index {
            break;
        }
        at = before;
    }
    at
}

/// Tokens that one mistake can spoil, at most: looking further would cost the square of the text's size.
const MOST_DAMAGED: usize = 1_000;

/// Where what is broken at this place ends: with its line and the brackets that are opened on it; in a declaration's
/// head, before the next declaration at the start of a line.
fn damage_end(source: &str, significant: &[Token], place: u32) -> u32 {
    let from = significant.partition_point(|token| token.span.start < place);
    let mut depth = 0i32;
    let mut end = place + 1;
    for (at, token) in significant.iter().enumerate().skip(from).take(MOST_DAMAGED) {
        if at > from
            && depth <= 0
            && token.kind != TokenKind::Separator
            && line_ends(source, significant[at - 1], *token)
        {
            break;
        }
        match token.kind {
            TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen => depth += 1,
            TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen => depth -= 1,
            _ => {}
        }
        end = end.max(token.span.end);
    }
    end
}

/// The text of a documentation line without its marker and one space.
fn documentation_line(line: &str) -> &str {
    let text = line.trim_start_matches('/').trim_start_matches('!').trim_end();
    text.strip_prefix(' ').unwrap_or(text)
}

fn file_documentation(source: &str, tokens: &[Token]) -> String {
    let lines = tokens.iter().filter(|token| token.kind == TokenKind::FileDoc);
    lines.map(|token| documentation_line(token.span.of(source))).collect::<Vec<_>>().join("\n")
}

/// Gives each item the `///` lines right above it. Items come in the order of the text, so one walk serves all.
fn document(source: &str, tokens: &[Token], at: &mut usize, items: &mut [Item]) {
    for item in items {
        let mut lines: Vec<&str> = Vec::new();
        let mut newlines = 0;
        while let Some(token) = tokens.get(*at).filter(|token| token.span.start < item.span.start) {
            match token.kind {
                TokenKind::Doc => {
                    lines.push(documentation_line(token.span.of(source)));
                    newlines = 0;
                }
                TokenKind::Newline => newlines += 1,
                TokenKind::Space => {}
                _ => lines.clear(),
            }
            if newlines > 1 {
                lines.clear();
            }
            *at += 1;
        }
        if !lines.is_empty() {
            item.documentation = SmolStr::from(lines.join("\n"));
        }
        match &mut item.kind {
            ItemKind::Template(template) => document(source, tokens, at, &mut template.items),
            ItemKind::Declaration(declaration) => {
                for entry in declaration.body.iter_mut().flat_map(|body| &mut body.entries) {
                    if let crate::ast::Entry::Block(item) | crate::ast::Entry::Flow(item) = entry {
                        document(source, tokens, at, std::slice::from_mut(item));
                    }
                }
            }
            _ => {}
        }
    }
}

/// A chain of operands as one list.
pub(crate) fn flat((first, mut rest): (crate::ast::Expr, Vec<crate::ast::Expr>)) -> Vec<crate::ast::Expr> {
    rest.insert(0, first);
    rest
}
