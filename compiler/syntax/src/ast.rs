//! The syntax tree: what the text says, not yet what it means. Chains (`a | b | c`, `a.b.c`) are flat, so the tree is
//! only as deep as brackets nest.

use std::net::IpAddr;

use smol_str::SmolStr;

use crate::text::Span;

/// The words that start a declaration. They are ordinary names elsewhere.
pub const DECLARATION_KEYWORDS: &[&str] = &[
    "zone",
    "conduit",
    "network",
    "gateway",
    "cluster",
    "workload",
    "class",
    "device",
    "external",
    "role",
    "group",
    "protocol",
    "core",
    "radio",
    "slice",
    "template",
    "instance",
    "import",
    "policy",
    "exception",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: SmolStr,
    pub span: Span,
}

#[derive(Clone, Debug, Default)]
pub struct File {
    pub items: Vec<Item>,
    /// The lines of `//!`, without the marker.
    pub documentation: String,
}

#[derive(Clone, Debug)]
pub struct Item {
    pub kind: ItemKind,
    pub span: Span,
    /// The `///` lines right above, without the marker.
    pub documentation: SmolStr,
}

/// Boxed, for the parser moves what it has read many times, and an entry is mostly an attribute.
#[derive(Clone, Debug)]
pub enum ItemKind {
    Use(Use),
    Declaration(Box<Declaration>),
    Template(Box<Template>),
    Flow(Box<Flow>),
    Assertion(Box<Assertion>),
    /// What recovery skipped.
    Error,
}

/// `use std.ot.{modbus, s7 as siemens}`: one import per name.
#[derive(Clone, Debug)]
pub struct Use {
    pub imports: Vec<Import>,
}

#[derive(Clone, Debug)]
pub struct Import {
    pub path: Vec<Name>,
    pub alias: Option<Name>,
}

impl Import {
    /// The name it has in the file.
    pub fn local(&self) -> Option<&Name> {
        self.alias.as_ref().or(self.path.last())
    }
}

/// `KEYWORD NAME[ARRAY] : CLASS in CLUSTER between A, B = VALUE { … }`: one shape for every kind; what each may have is
/// checked where its meaning is known.
#[derive(Clone, Debug)]
pub struct Declaration {
    pub keyword: Name,
    pub name: Name,
    pub array: Option<Expr>,
    pub class: Option<Expr>,
    pub cluster: Option<Path>,
    pub between: Vec<Path>,
    pub value: Option<Expr>,
    pub body: Option<Block>,
}

#[derive(Clone, Debug, Default)]
pub struct Block {
    pub entries: Vec<Entry>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Entry {
    Attribute(Attribute),
    /// `interface lan0 { … }`, `qos { … }` (whose name is its keyword).
    Block(Item),
    Flow(Item),
    Error(Span),
}

#[derive(Clone, Debug)]
pub struct Attribute {
    pub name: Name,
    pub value: Expr,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Template {
    pub name: Name,
    pub parameters: Vec<Parameter>,
    pub items: Vec<Item>,
}

#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: Name,
    pub kind: Name,
    pub default: Option<Box<Expr>>,
}

#[derive(Clone, Debug)]
pub struct Flow {
    pub effect: Effect,
    pub source: Expr,
    /// `<->`: both ends may start.
    pub both: bool,
    pub destination: Expr,
    pub service: Expr,
    pub body: Option<Block>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Debug)]
pub struct Assertion {
    /// `allow`, `deny`, `only`, `never`, `isolated`.
    pub kind: Name,
    pub claim: Claim,
    pub body: Option<Block>,
}

#[derive(Clone, Debug)]
pub enum Claim {
    Flow { source: Expr, arrow: Arrow, destination: Expr, service: Option<Expr> },
    Members(Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrow {
    /// `->`
    Flow,
    /// `<->`
    Both,
    /// `~>`
    Reach,
}

#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum ExprKind {
    Integer(u64),
    /// Value and number of digits: `0x000001` has six.
    Hexadecimal(u64, u8),
    Quantity(Box<Quantity>),
    Decimal(SmolStr),
    /// Escapes resolved; `{…}` parts are not.
    String(StringLiteral),
    Address(IpAddr),
    /// Address (host bits may be set) and length.
    Prefix(IpAddr, u8),
    Mac([u8; 6]),
    /// `2026-11-01`, `2026-11-01T08:00Z`, as written; known to be a date.
    Date(SmolStr),
    Path(Path),
    /// `10.0.0.0/16.subnet(24, index)`: calls on a literal.
    Method(Box<Expr>, Box<Path>),
    /// `tcp/502`, `50/s`, `urllc/0x000001`.
    Slash(Box<Expr>, Box<Expr>),
    /// `1..8`, both ends included.
    Range(Box<Expr>, Box<Expr>),
    /// `modbus on tcp/1502`.
    On(Box<Expr>, Box<Expr>),
    /// `field -> verified`.
    Arrow(Box<Expr>, Box<Expr>),
    List(Vec<Expr>),
    Map(Vec<Attribute>),
    Union(Vec<Expr>),
    Intersection(Vec<Expr>),
    /// The first, then what is added or taken away.
    Sum(Box<Expr>, Vec<(Sign, Expr)>),
    Product(Vec<Expr>),
    Where(Box<Expr>, Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Error,
}

/// `5 ms`: a number as it was written, and its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    pub number: SmolStr,
    pub unit: SmolStr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringLiteral {
    pub parts: Vec<StringPart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StringPart {
    Text(SmolStr),
    /// `{name}` or `{name:04}`: the name's path, the width to fill with zeros, and where it stands.
    Hole {
        path: SmolStr,
        width: u8,
        span: Span,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    Plus,
    Minus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// `press[3].plc`, `cell_net.host(16)`: at least one segment.
#[derive(Clone, Debug)]
pub struct Path {
    pub segments: Vec<Segment>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Segment {
    pub name: Name,
    pub index: Option<Box<Expr>>,
    pub arguments: Option<Vec<Argument>>,
}

/// An argument of an operation or function: `100`, `san = "…"`, `coils 100..103`, `coil 17 = on`.
#[derive(Clone, Debug)]
pub struct Argument {
    pub name: Option<Name>,
    pub selector: Option<Box<Expr>>,
    pub value: Option<Expr>,
    pub span: Span,
}

impl Path {
    /// The only segment's name, where the path is a bare word.
    pub fn as_word(&self) -> Option<&Name> {
        match self.segments.as_slice() {
            [Segment { name, index: None, arguments: None }] => Some(name),
            _ => None,
        }
    }
}

impl Expr {
    /// The word, where the expression is a bare word.
    pub fn as_word(&self) -> Option<&Name> {
        match &self.kind {
            ExprKind::Path(path) => path.as_word(),
            _ => None,
        }
    }
}

impl StringLiteral {
    /// The text, where no part of it is computed.
    pub fn as_plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [StringPart::Text(text)] => Some(text),
            _ => None,
        }
    }
}

impl Block {
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Attribute(attribute) => Some(attribute),
            _ => None,
        })
    }
}
