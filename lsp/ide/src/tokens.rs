//! Colours by meaning: what the lexer knows, then what names mean.

use weir_compiler::names::Kind;
use weir_syntax::{
    FileId, Span,
    lexer::{TokenKind, lex},
};

use crate::{host::Ide, names::Symbol, walk::Wanted};

/// The order is that of the legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    Namespace,
    Class,
    Parameter,
    Variable,
    Property,
    EnumMember,
    Function,
    Method,
    Macro,
    Keyword,
    Comment,
    String,
    Number,
    Operator,
    Interface,
}

impl TokenType {
    /// Names of the protocol, in the order of the numbers.
    pub const LEGEND: &'static [&'static str] = &[
        "namespace",
        "class",
        "parameter",
        "variable",
        "property",
        "enumMember",
        "function",
        "method",
        "macro",
        "keyword",
        "comment",
        "string",
        "number",
        "operator",
        "interface",
    ];
}

/// Bits of [`SemanticToken::modifiers`], in this order.
pub const MODIFIERS: &[&str] = &["declaration", "defaultLibrary", "documentation"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SemanticToken {
    pub span: Span,
    pub kind: TokenType,
    pub modifiers: u32,
}

impl Ide {
    /// The tokens that touch a span, or all, in the order of the text; none reaches over a line.
    pub fn semantic_tokens(&self, file: FileId, within: Option<Span>) -> Vec<SemanticToken> {
        let Some(text) = self
            .text(file)
            .filter(|_| self.path(file).is_some_and(|path| path.strip_suffix(".weir").is_some()))
        else {
            return Vec::new();
        };
        let mut names = self.occurrences(file, Wanted { within, texts: None });
        names.sort_by_key(|one| one.span);
        let mut names = names.into_iter().peekable();
        let mut found = Vec::new();
        for token in lex(text) {
            if within.is_some_and(|within| token.span.end < within.start || within.end < token.span.start) {
                continue;
            }
            let plain = match token.kind {
                TokenKind::Comment => Some((TokenType::Comment, 0)),
                TokenKind::Doc | TokenKind::FileDoc => Some((TokenType::Comment, 4)),
                TokenKind::String | TokenKind::UnclosedString => Some((TokenType::String, 0)),
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
                | TokenKind::On => Some((TokenType::Keyword, 0)),
                TokenKind::Integer
                | TokenKind::Hexadecimal
                | TokenKind::Decimal
                | TokenKind::Quantity
                | TokenKind::Ipv4
                | TokenKind::Ipv6
                | TokenKind::Mac
                | TokenKind::Date => Some((TokenType::Number, 0)),
                TokenKind::Arrow
                | TokenKind::BothArrow
                | TokenKind::ReachArrow
                | TokenKind::Pipe
                | TokenKind::Ampersand
                | TokenKind::Minus => Some((TokenType::Operator, 0)),
                _ => None,
            };
            while names.next_if(|one| one.span.end <= token.span.start && one.span != token.span).is_some() {}
            let named = names.peek().filter(|one| one.span == token.span);
            let named = named.map(|one| self.token_type(&one.symbol, one.declares));
            if let Some((kind, modifiers)) = named.or(plain) {
                found.push(SemanticToken { span: token.span, kind, modifiers });
            }
        }
        found
    }

    fn token_type(&self, symbol: &Symbol, declares: bool) -> (TokenType, u32) {
        let standard = symbol.declaration().is_some_and(|id| self.is_standard(id.file));
        let modifiers = u32::from(declares) | (u32::from(standard) << 1);
        let kind = match symbol {
            Symbol::Declaration(_, Kind::Class) => TokenType::Class,
            Symbol::Declaration(_, Kind::Template) => TokenType::Macro,
            Symbol::Declaration(_, Kind::Protocol) => TokenType::Interface,
            Symbol::Declaration(_, Kind::Instance) | Symbol::Module(_) => TokenType::Namespace,
            Symbol::Declaration(..) => TokenType::Variable,
            Symbol::Parameter(..) => TokenType::Parameter,
            Symbol::Inner(id, ..) => {
                let is_protocol = self.declaration(*id).is_some_and(|one| one.keyword.text == "protocol");
                if is_protocol { TokenType::Method } else { TokenType::Property }
            }
            Symbol::Given(..) | Symbol::Attribute(..) => TokenType::Property,
            Symbol::Keyword(..) => TokenType::Keyword,
            Symbol::Word(..) => TokenType::EnumMember,
            Symbol::BuiltIn(_) => return (TokenType::Keyword, 2),
            Symbol::Function(_) => TokenType::Function,
        };
        (kind, modifiers)
    }
}
