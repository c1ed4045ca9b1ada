//! Tokens arranged by brackets: a body is a list of entries, an entry a row of nodes, a node a token or a bracketed body.

use std::borrow::Cow;

use crate::{
    diagnostic::FileId,
    format::{
        gap::{Comment, Gap, Gaps},
        rank::{Joint, Joints, Rank},
    },
    lexer::{self, Token, TokenKind},
    separate::separate,
};

/// What stands inside of brackets, or in the file.
#[derive(Debug, Default)]
pub(super) struct Body<'s> {
    /// Behind the opening bracket, on its line.
    pub(super) opening: Option<Comment<'s>>,
    pub(super) entries: Vec<Entry<'s>>,
    /// After the last entry, on their own lines.
    pub(super) closing: Vec<Comment<'s>>,
}

#[derive(Debug)]
pub(super) struct Entry<'s> {
    pub(super) leading: Vec<Comment<'s>>,
    pub(super) blank_before: bool,
    pub(super) nodes: Vec<Node<'s>>,
    /// Whether the last node is a block that the others are the head of.
    pub(super) has_body: bool,
    /// Whether commas are part of it, so that none may follow.
    listing: bool,
    pub(super) trailing: Option<Comment<'s>>,
    /// The width on one line; none where it cannot stand on one.
    pub(super) width: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Node<'s> {
    /// Comments before it, where it is not the first of its entry.
    pub(super) gap: Vec<Comment<'s>>,
    pub(super) space: bool,
    pub(super) rank: Option<Rank>,
    pub(super) content: Content<'s>,
}

#[derive(Debug)]
pub(super) enum Content<'s> {
    Token { text: Cow<'s, str>, width: usize },
    Group(Group<'s>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Entries in braces.
    Block,
    /// Elements between commas, in parentheses or brackets.
    List,
    /// The names of a `use`.
    Imports,
}

#[derive(Debug)]
pub(super) struct Group<'s> {
    pub(super) shape: Shape,
    pub(super) open: &'static str,
    pub(super) close: &'static str,
    pub(super) body: Body<'s>,
    pub(super) width: Option<usize>,
}

impl Body<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.opening.is_none() && self.entries.is_empty() && self.closing.is_empty()
    }

    /// Whether it has comments of its own, or empty lines between elements.
    fn is_spread(&self) -> bool {
        self.opening.is_some()
            || !self.closing.is_empty()
            || self.entries.iter().any(|entry| !entry.leading.is_empty() || entry.trailing.is_some())
            || self.entries.iter().skip(1).any(|entry| entry.blank_before)
    }
}

impl Group<'_> {
    /// What stands between a bracket and the first entry on one line.
    pub(super) fn padding(&self) -> &'static str {
        if self.shape == Shape::Block && !self.body.is_empty() { " " } else { "" }
    }

    /// The elements' widest width, where they are fit to stand several on a line.
    pub(super) fn widest(&self) -> Option<usize> {
        if self.shape == Shape::Block || self.body.is_spread() {
            return None;
        }
        self.body.entries.iter().try_fold(0, |widest, entry| Some(entry.width?.max(widest)))
    }

    fn measure(&self, on_one_line: bool) -> Option<usize> {
        if self.body.is_empty() {
            return Some(2);
        }
        let entries = &self.body.entries;
        let listing = entries.iter().rev().skip(1).any(|entry| entry.listing);
        if self.body.is_spread() || (self.shape == Shape::Block && (!on_one_line || listing)) {
            return None;
        }
        let brackets = 2 + 2 * self.padding().len() + 2 * entries.len().saturating_sub(1);
        entries.iter().try_fold(brackets, |sum, entry| Some(sum + entry.width?))
    }
}

impl Node<'_> {
    pub(super) fn width(&self) -> Option<usize> {
        match &self.content {
            Content::Token { width, .. } => Some(*width),
            Content::Group(group) => group.width,
        }
    }
}

/// The width of nodes on one line. What comes before the first of them is not counted.
pub(super) fn row_width(nodes: &[Node<'_>]) -> Option<usize> {
    let mut sum = 0;
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 && !node.gap.is_empty() {
            return None;
        }
        sum += node.width()? + usize::from(index > 0 && node.space);
    }
    Some(sum)
}

/// The tree of a text without syntax errors.
pub(super) fn build<'s>(source: &'s str, tokens: &'s [Token]) -> Body<'s> {
    let significant = separate(&lexer::significant(source, FileId(0), tokens, &mut Vec::new()));
    let mut builder =
        Builder { source, gaps: Gaps::new(source, tokens), significant: significant.into_iter().peekable() };
    builder.body(Shape::Block, true).0
}

struct Builder<'s> {
    source: &'s str,
    gaps: Gaps<'s>,
    significant: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl<'s> Builder<'s> {
    /// Reads up to the closing bracket, which it takes, and whether no line ended between the entries.
    fn body(&mut self, shape: Shape, is_file: bool) -> (Body<'s>, bool) {
        let mut open = Open { body: Body::default(), pending: Vec::new(), row: None, shape, is_file };
        let mut on_one_line = true;
        loop {
            let Some(token) = self.significant.next() else {
                open.finish();
                let gap = self.gaps.before(u32::MAX);
                open.between(gap.comments);
                break;
            };
            match token.kind {
                TokenKind::Separator => open.finish(),
                TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen => {
                    open.finish();
                    let gap = self.gaps.before(token.span.start);
                    on_one_line &= !gap.newline;
                    open.between(gap.comments);
                    break;
                }
                TokenKind::Comma if shape != Shape::Block => {
                    open.finish();
                    let gap = self.gaps.before(token.span.start);
                    open.between(gap.comments);
                }
                _ => {
                    let gap = self.gaps.before(token.span.start);
                    let row = match &mut open.row {
                        Some(row) => row,
                        None => {
                            on_one_line &= !gap.newline;
                            open.start(&gap)
                        }
                    };
                    let gap = if row.entry.nodes.is_empty() { Vec::new() } else { gap.comments };
                    self.node(row, token, gap);
                }
            }
        }
        open.body.closing = open.pending;
        (open.body, on_one_line)
    }

    fn node(&mut self, row: &mut Row<'s>, token: Token, gap: Vec<Comment<'s>>) {
        let after_dot = row.last == TokenKind::Dot;
        let at_body = row.joints.at_body();
        let joint = row.joints.next(token.kind);
        let gap = row.settle(gap);
        row.last = token.kind;
        row.entry.listing |= matches!(token.kind, TokenKind::Assert | TokenKind::Between);
        row.entry.has_body = false;
        let (shape, open, close) = match token.kind {
            TokenKind::OpenBrace if after_dot => (Shape::Imports, "{", "}"),
            TokenKind::OpenBrace => (Shape::Block, "{", "}"),
            TokenKind::OpenBracket => (Shape::List, "[", "]"),
            TokenKind::OpenParen => (Shape::List, "(", ")"),
            _ => {
                let text = text(token, self.source);
                let width = text.chars().count();
                return row.push(gap, joint, Content::Token { text, width });
            }
        };
        let (body, on_one_line) = self.body(shape, false);
        let mut group = Group { shape, open, close, body, width: None };
        group.width = group.measure(on_one_line);
        row.entry.has_body = shape == Shape::Block && at_body;
        row.joints.close(match token.kind {
            TokenKind::OpenBrace => TokenKind::CloseBrace,
            TokenKind::OpenBracket => TokenKind::CloseBracket,
            _ => TokenKind::CloseParen,
        });
        row.push(gap, joint, Content::Group(group));
    }
}

/// A body that is being read.
struct Open<'s> {
    body: Body<'s>,
    /// Comments since the last entry.
    pending: Vec<Comment<'s>>,
    row: Option<Row<'s>>,
    shape: Shape,
    is_file: bool,
}

impl<'s> Open<'s> {
    /// Places comments that stand between entries: the first may be on the line of what it follows.
    fn between(&mut self, comments: Vec<Comment<'s>>) {
        for mut comment in comments {
            if !comment.own_line && self.pending.is_empty() {
                let place = match self.body.entries.last_mut() {
                    Some(entry) => Some(&mut entry.trailing),
                    None if self.is_file => None,
                    None => Some(&mut self.body.opening),
                };
                if let Some(place) = place.filter(|place| place.is_none()) {
                    *place = Some(comment);
                    continue;
                }
            }
            comment.own_line = true;
            self.pending.push(comment);
        }
    }

    fn start(&mut self, gap: &Gap<'s>) -> &mut Row<'s> {
        self.between(gap.comments.clone());
        let entry = Entry {
            leading: std::mem::take(&mut self.pending),
            blank_before: gap.blank,
            nodes: Vec::new(),
            has_body: false,
            listing: false,
            trailing: None,
            width: None,
        };
        self.row.insert(Row {
            entry,
            joints: Joints::new(self.shape != Shape::Block),
            last: TokenKind::Separator,
        })
    }

    fn finish(&mut self) {
        if let Some(Row { mut entry, .. }) = self.row.take() {
            entry.width = row_width(&entry.nodes);
            self.body.entries.push(entry);
        }
    }
}

/// An entry that is being read.
struct Row<'s> {
    entry: Entry<'s>,
    joints: Joints,
    last: TokenKind,
}

impl<'s> Row<'s> {
    /// Moves comments to where a line can be broken: from behind an operator to before it, from before a comma to
    /// behind it.
    fn settle(&mut self, mut gap: Vec<Comment<'s>>) -> Vec<Comment<'s>> {
        let Some(last) = self.entry.nodes.last_mut() else { return gap };
        let is_comma = self.last == TokenKind::Comma;
        if !is_comma && (last.rank.is_none() || Rank::before(self.last).is_none()) {
            return gap;
        }
        if !last.gap.is_empty() {
            for comment in &mut gap {
                comment.own_line = true;
            }
        }
        last.gap.append(&mut gap);
        if is_comma { std::mem::take(&mut last.gap) } else { gap }
    }

    fn push(&mut self, gap: Vec<Comment<'s>>, joint: Joint, content: Content<'s>) {
        self.entry.nodes.push(Node { gap, space: joint.space, rank: joint.rank, content });
    }
}

/// A token as it is written: a number and its unit have one space between them.
fn text(token: Token, source: &str) -> Cow<'_, str> {
    let text = token.span.of(source);
    if token.kind != TokenKind::Quantity {
        return Cow::Borrowed(text);
    }
    let unit_at = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    if number.strip_suffix(' ').is_some_and(|number| number.ends_with(|last: char| last.is_ascii_digit())) {
        return Cow::Borrowed(text);
    }
    let digits_end = number.rfind(|last: char| last.is_ascii_digit() || last == '_').map_or(0, |at| at + 1);
    let (number, _) = number.split_at(digits_end);
    Cow::Owned(format!("{number} {unit}"))
}
