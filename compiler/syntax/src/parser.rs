//! Text to tree: tokens, grammar, documentation comments.

use lalrpop_util::{ErrorRecovery, ParseError};
use smol_str::SmolStr;

use crate::{
    ast::{File, Item, ItemKind},
    diagnostic::{Diagnostic, FileId, codes},
    expected, grammar,
    lexer::{self, Token, TokenKind},
    literal::Context,
    separate::separate,
    text::Span,
};

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
    let significant = separate(&lexer::significant(source, file, &tokens, &mut diagnostics));
    let stream = significant.iter().map(|token| {
        let terminal = Terminal { kind: token.kind, text: token.span.of(source) };
        Ok::<_, ()>((token.span.start, terminal, token.span.end))
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
    lexer::report_misleading(source, file, &tokens, &mut diagnostics);
    if diagnostics.iter().any(|diagnostic| diagnostic.code == &codes::E0106) {
        diagnostics.retain(|diagnostic| diagnostic.code != &codes::E0101); // consequences of what was not read
    }
    let mut tree = File { items, documentation: file_documentation(source, &tokens) };
    let mut at = 0;
    document(source, &tokens, &mut at, &mut tree.items);
    Parsed { tokens, file: tree, diagnostics }
}

/// Turns recoveries into diagnostics. A mistake right behind another is its consequence, and is not said.
fn report(
    source: &str,
    file: FileId,
    significant: &[Token],
    recoveries: Vec<ErrorRecovery<u32, Terminal<'_>, ()>>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let brackets_wrong = !diagnostics.is_empty();
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
        let consequence = start.is_some_and(|start| start < quiet_until)
            || (brackets_wrong
                && significant.get(index).is_none_or(|token| token.span.start == token.span.end));
        quiet_until =
            recovery.dropped_tokens.last().map_or(quiet_until, |(_, _, end)| quiet_until.max(*end + 1));
        if let Some(start) = start {
            quiet_until = quiet_until.max(start + 1);
        }
        if consequence {
            continue;
        }
        let previous = index.checked_sub(1).and_then(|before| significant.get(before)).copied();
        let found = significant.get(index).copied();
        if found.is_some_and(|token| token.span.start == token.span.end && token.kind != TokenKind::Separator)
        {
            continue; // a closing bracket that the token pass added and reported
        }
        if found.is_some_and(|token| matches!(token.kind, TokenKind::Unknown | TokenKind::UnclosedString)) {
            let from = found.map_or(0, |token| token.span.start as usize);
            let line = source.get(from..).and_then(|rest| rest.find('\n'));
            quiet_until = quiet_until.max(line.map_or(source.len(), |length| from + length) as u32);
        }
        diagnostics.push(expected::unexpected(source, file, found, previous, &expected));
    }
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
