//! The shape of a text: what folds, what a selection grows to, what links lead out.

use weir_syntax::{
    FileId, Span,
    lexer::{Token, TokenKind, lex},
};

use crate::host::Ide;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoldKind {
    Block,
    Comment,
    Imports,
}

/// From the end of its first line to the end of the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    pub span: Span,
    pub kind: FoldKind,
}

/// A place that leads out of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub span: Span,
    pub target: String,
}

impl Ide {
    /// Blocks, runs of comments, runs of `use`.
    pub fn folds(&self, file: FileId) -> Vec<Fold> {
        let Some(text) = self.text(file) else { return Vec::new() };
        let tokens = lex(text);
        let mut folds = Vec::new();
        for (open, close) in brackets(&tokens) {
            let span = Span::new(open.span.start, close.span.end);
            if span.of(text).contains('\n') {
                folds.push(Fold { span, kind: FoldKind::Block });
            }
        }
        let is_comment = |kind| matches!(kind, TokenKind::Comment | TokenKind::Doc | TokenKind::FileDoc);
        runs(&tokens, is_comment, &mut folds, FoldKind::Comment);
        let uses = self.tree(file).into_iter().flat_map(|tree| &tree.items);
        let mut run: Option<Span> = None;
        for item in uses {
            if matches!(item.kind, weir_syntax::ast::ItemKind::Use(_)) {
                run = Some(run.map_or(item.span, |run| run.to(item.span)));
            } else if let Some(span) = run.take().filter(|span| span.of(text).contains('\n')) {
                folds.push(Fold { span, kind: FoldKind::Imports });
            }
        }
        folds.extend(
            run.filter(|span| span.of(text).contains('\n'))
                .map(|span| Fold { span, kind: FoldKind::Imports }),
        );
        folds.sort_by_key(|fold| (fold.span.start, std::cmp::Reverse(fold.span.end)));
        folds
    }

    /// What a selection at an offset grows to, innermost first: the word, what brackets hold, the brackets, the line's
    /// entry, the declaration, the file.
    pub fn selections(&self, file: FileId, offset: u32) -> Vec<Span> {
        let Some(text) = self.text(file) else { return Vec::new() };
        let tokens = lex(text);
        let mut spans: Vec<Span> = Vec::new();
        let touching = tokens.iter().filter(|token| token.span.start <= offset && offset <= token.span.end);
        spans.extend(
            touching
                .filter(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Newline))
                .map(|token| token.span),
        );
        for (open, close) in brackets(&tokens) {
            if open.span.end <= offset && offset <= close.span.start {
                spans.push(Span::new(open.span.end, close.span.start));
            }
            if open.span.start <= offset && offset <= close.span.end {
                spans.push(Span::new(open.span.start, close.span.end));
            }
        }
        if let Some(tree) = self.tree(file) {
            for (_, item) in crate::navigation::items_at(tree, file, Span::new(offset, offset)) {
                spans.push(item.span);
            }
        }
        let line_start =
            text.get(..offset as usize).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let line_end = text
            .get(offset as usize..)
            .and_then(|rest| rest.find('\n'))
            .map_or(text.len(), |at| at + offset as usize);
        spans.push(Span::new(line_start as u32, line_end as u32));
        spans.push(Span::new(0, text.len() as u32));
        // each has to hold the one before
        spans.sort_by_key(|span| (span.end - span.start, span.start));
        let mut chain: Vec<Span> = Vec::new();
        for span in spans {
            match chain.last() {
                Some(last) if *last == span => {}
                Some(last) if span.start <= last.start && last.end <= span.end => chain.push(span),
                None => chain.push(span),
                _ => {}
            }
        }
        chain
    }

    /// Addresses in comments and texts.
    pub fn links(&self, file: FileId) -> Vec<Link> {
        let Some(text) = self.text(file) else { return Vec::new() };
        let mut links = Vec::new();
        let mut from = 0;
        while let Some(found) = text.get(from..).and_then(|rest| rest.find("http")) {
            let start = from + found;
            let rest = &text[start..];
            from = start + 4;
            if !(rest.starts_with("https://") || rest.starts_with("http://")) {
                continue;
            }
            let length = rest
                .find(|end: char| {
                    end.is_whitespace() || matches!(end, '"' | '<' | '>' | '`' | ')' | '\\' | '{' | '}')
                })
                .unwrap_or(rest.len());
            let target = rest[..length].trim_end_matches(['.', ',', ';', ':']);
            if target.len() > 10 && target.len() < 2_000 {
                let span = Span::new(start as u32, (start + target.len()) as u32);
                links.push(Link { span, target: target.to_owned() });
            }
            from = start + length.max(4);
        }
        links
    }
}

/// Pairs of brackets.
fn brackets(tokens: &[Token]) -> Vec<(Token, Token)> {
    let mut open: Vec<Token> = Vec::new();
    let mut pairs = Vec::new();
    for token in tokens {
        let closes = match token.kind {
            TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen => {
                open.push(*token);
                continue;
            }
            TokenKind::CloseBrace => TokenKind::OpenBrace,
            TokenKind::CloseBracket => TokenKind::OpenBracket,
            TokenKind::CloseParen => TokenKind::OpenParen,
            _ => continue,
        };
        if let Some(at) = open.iter().rposition(|open| open.kind == closes) {
            pairs.push((open[at], *token));
            open.truncate(at);
        }
    }
    pairs
}

/// Runs of at least two lines of comments.
fn runs(tokens: &[Token], is_of: impl Fn(TokenKind) -> bool, folds: &mut Vec<Fold>, kind: FoldKind) {
    let mut run: Option<(Span, u32)> = None;
    let mut newlines = 0;
    for token in tokens {
        match token.kind {
            TokenKind::Newline => newlines += 1,
            TokenKind::Space => {}
            of if is_of(of) => {
                run = match run {
                    Some((span, lines)) if newlines == 1 => Some((span.to(token.span), lines + 1)),
                    other => {
                        folds.extend(
                            other.filter(|(_, lines)| *lines > 1).map(|(span, _)| Fold { span, kind }),
                        );
                        Some((token.span, 1))
                    }
                };
                newlines = 0;
            }
            _ => {
                folds.extend(run.take().filter(|(_, lines)| *lines > 1).map(|(span, _)| Fold { span, kind }));
                newlines = 0;
            }
        }
    }
    folds.extend(run.filter(|(_, lines)| *lines > 1).map(|(span, _)| Fold { span, kind }));
}
