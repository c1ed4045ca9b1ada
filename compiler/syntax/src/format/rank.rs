//! How tokens that follow each other are joined: with a space or without, and which joint gives way first.

use crate::lexer::TokenKind;

/// Where a long line may be broken, the loosest joint first. The break is before the operator, and behind a comma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Arrow,
    /// The parts of a declaration's head, and a flow's service.
    Head,
    Comma,
    On,
    Where,
    Or,
    And,
    Compare,
    Union,
    Intersection,
    Sum,
    Product,
}

impl Rank {
    pub(super) fn before(kind: TokenKind) -> Option<Self> {
        Some(match kind {
            TokenKind::Arrow | TokenKind::BothArrow | TokenKind::ReachArrow => Self::Arrow,
            TokenKind::Colon | TokenKind::In | TokenKind::Between => Self::Head,
            TokenKind::On => Self::On,
            TokenKind::Where => Self::Where,
            TokenKind::Or => Self::Or,
            TokenKind::And => Self::And,
            TokenKind::EqualsEquals
            | TokenKind::NotEquals
            | TokenKind::Less
            | TokenKind::LessEquals
            | TokenKind::Greater
            | TokenKind::GreaterEquals => Self::Compare,
            TokenKind::Pipe => Self::Union,
            TokenKind::Ampersand => Self::Intersection,
            TokenKind::Plus | TokenKind::Minus => Self::Sum,
            TokenKind::Star => Self::Product,
            _ => return None,
        })
    }
}

/// The joints along one entry or one element of a list, token by token.
#[derive(Debug)]
pub(super) struct Joints {
    /// Whether it is an element of a list (`name: kind`), not an entry (`name : class`).
    in_list: bool,
    count: usize,
    first: TokenKind,
    previous: TokenKind,
    /// Whether the previous token can be called or indexed.
    callable: bool,
    /// Whether the previous token ends an operand, so that a word may follow as an operator.
    operand: bool,
    /// Whether the last `/` has spaces.
    wide_slash: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Joint {
    pub(super) space: bool,
    pub(super) rank: Option<Rank>,
}

impl Joints {
    pub(super) fn new(in_list: bool) -> Self {
        Self {
            in_list,
            count: 0,
            first: TokenKind::Separator,
            previous: TokenKind::Separator,
            callable: false,
            operand: false,
            wide_slash: false,
        }
    }

    /// The joint before a token, or before the bracket that opens a group.
    pub(super) fn next(&mut self, kind: TokenKind) -> Joint {
        let previous = self.previous;
        let word = kind == TokenKind::Identifier || (kind == TokenKind::On && !self.operand);
        let space = match kind {
            TokenKind::Comma | TokenKind::Dot | TokenKind::DotDot => false,
            TokenKind::Colon => !self.in_list,
            TokenKind::OpenParen | TokenKind::OpenBracket if self.callable => false,
            TokenKind::Slash => {
                // `10.0.0.1/24` would be a prefix, which is not what `10.0.0.1 / 24` says.
                self.wide_slash = matches!(previous, TokenKind::Ipv4 | TokenKind::Ipv6);
                self.wide_slash
            }
            _ => match previous {
                TokenKind::Dot | TokenKind::DotDot => false,
                TokenKind::Slash => self.wide_slash,
                _ => true,
            },
        };
        let rank = match Rank::before(kind) {
            _ if self.count == 0 => None,
            _ if previous == TokenKind::Comma => Some(Rank::Comma),
            Some(Rank::On) if word => None,
            Some(Rank::Head) if self.in_list => None,
            rank => rank,
        };
        if self.count == 0 {
            self.first = kind;
        }
        // `assert only (a | b) -> c` calls nothing.
        let claim = self.count == 1 && self.first == TokenKind::Assert;
        self.count += 1;
        self.previous = kind;
        self.callable = word && !claim;
        self.operand = word || is_literal(kind);
        Joint { space, rank }
    }

    /// After a group: it is an operand, and what was indexed may be called.
    pub(super) fn close(&mut self, kind: TokenKind) {
        self.previous = kind;
        self.callable = kind != TokenKind::CloseBrace;
        self.operand = true;
    }

    /// Whether what precedes is whole, so that a brace opens a body and not a value.
    pub(super) fn at_body(&self) -> bool {
        self.operand
    }
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
