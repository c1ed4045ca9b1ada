//! A tree as text, without its spans: two texts of one meaning have one fingerprint.

use std::fmt::Write;

use crate::ast::{
    Argument, Attribute, Block, Claim, Declaration, Entry, Expr, ExprKind, File, Flow, Import, Item,
    ItemKind, Name, Parameter, Path, Segment, StringPart, Template, Use,
};

/// All that a tree says except where. Every node is taken apart in full, so that a new field cannot be forgotten.
pub fn ast_fingerprint(file: &File) -> String {
    let File { items, documentation } = file;
    let mut out = Fingerprint { out: String::new() };
    out.text(documentation);
    out.each(items, Fingerprint::item);
    out.out
}

struct Fingerprint {
    out: String,
}

impl Fingerprint {
    /// Plain data, whose `Debug` holds no span.
    fn data(&mut self, value: &dyn std::fmt::Debug) {
        let _ = write!(self.out, "{value:?} "); // writing to a string does not fail
    }

    /// Text with its length, so that no two texts run together.
    fn text(&mut self, text: &str) {
        let _ = write!(self.out, "{}:{text} ", text.len());
    }

    fn node(&mut self, kind: &str, parts: impl FnOnce(&mut Self)) {
        self.out.push('(');
        self.out.push_str(kind);
        self.out.push(' ');
        parts(self);
        self.out.push(')');
    }

    fn each<'a, T: 'a>(
        &mut self,
        list: impl IntoIterator<Item = &'a T>,
        mut part: impl FnMut(&mut Self, &T),
    ) {
        self.out.push('[');
        for one in list {
            part(self, one);
        }
        self.out.push(']');
    }

    fn name(&mut self, name: &Name) {
        let Name { text, span: _ } = name;
        self.text(text);
    }

    fn item(&mut self, item: &Item) {
        let Item { kind, span: _, documentation } = item;
        self.text(documentation);
        match kind {
            ItemKind::Use(Use { imports }) => self.node("use", |to| to.each(imports, Self::import)),
            ItemKind::Declaration(declaration) => self.declaration(declaration),
            ItemKind::Template(template) => self.node("template", |to| {
                let Template { name, parameters, items } = &**template;
                to.name(name);
                to.each(parameters, Self::parameter);
                to.each(items, Self::item);
            }),
            ItemKind::Flow(flow) => self.node("flow", |to| {
                let Flow { effect, source, both, destination, service, body } = &**flow;
                to.data(&(effect, both));
                to.each([source, destination, service], Self::expr);
                to.each(body, Self::block);
            }),
            ItemKind::Assertion(assertion) => self.node("assert", |to| {
                let crate::ast::Assertion { kind, claim, body } = &**assertion;
                to.name(kind);
                match claim {
                    Claim::Flow { source, arrow, destination, service } => {
                        to.data(arrow);
                        to.each([source, destination], Self::expr);
                        to.each(service, Self::expr);
                    }
                    Claim::Members(members) => to.each(members, Self::expr),
                }
                to.each(body, Self::block);
            }),
            ItemKind::Error => self.node("error", |_| {}),
        }
    }

    fn import(&mut self, import: &Import) {
        let Import { path, alias } = import;
        self.each(path, Self::name);
        self.each(alias, Self::name);
    }

    fn parameter(&mut self, parameter: &Parameter) {
        let Parameter { name, kind, default } = parameter;
        self.name(name);
        self.name(kind);
        self.each(default.as_deref(), Self::expr);
    }

    fn declaration(&mut self, declaration: &Declaration) {
        let Declaration { keyword, name, array, class, cluster, between, value, body } = declaration;
        self.node("declaration", |to| {
            to.name(keyword);
            to.name(name);
            to.each(array, Self::expr);
            to.each(class, Self::expr);
            to.each(cluster, Self::path);
            to.each(between, Self::path);
            to.each(value, Self::expr);
            to.each(body, Self::block);
        });
    }

    fn block(&mut self, block: &Block) {
        let Block { entries, span: _ } = block;
        self.each(entries, |to, entry| match entry {
            Entry::Attribute(attribute) => to.attribute(attribute),
            Entry::Block(item) | Entry::Flow(item) => to.item(item),
            Entry::Error(_) => to.node("error", |_| {}),
        });
    }

    fn attribute(&mut self, attribute: &Attribute) {
        let Attribute { name, value, span: _ } = attribute;
        self.name(name);
        self.expr(value);
    }

    fn expr(&mut self, expr: &Expr) {
        let Expr { kind, span: _ } = expr;
        match kind {
            ExprKind::Integer(_)
            | ExprKind::Hexadecimal(..)
            | ExprKind::Quantity(..)
            | ExprKind::Decimal(_)
            | ExprKind::Address(_)
            | ExprKind::Prefix(..)
            | ExprKind::Mac(_)
            | ExprKind::Date(_)
            | ExprKind::Error => self.data(kind),
            ExprKind::String(string) => self.node("string", |to| {
                to.each(&string.parts, |to, part| match part {
                    StringPart::Text(text) => to.text(text),
                    StringPart::Hole { path, width, span: _ } => to.data(&(path, width)),
                });
            }),
            ExprKind::Path(path) => self.path(path),
            ExprKind::Method(on, path) => self.node("method", |to| {
                to.expr(on);
                to.path(path);
            }),
            ExprKind::Slash(left, right) => self.pair("/", left, right),
            ExprKind::Range(left, right) => self.pair("..", left, right),
            ExprKind::On(left, right) => self.pair("on", left, right),
            ExprKind::Arrow(left, right) => self.pair("->", left, right),
            ExprKind::Where(left, right) => self.pair("where", left, right),
            ExprKind::List(list) => self.node("list", |to| to.each(list, Self::expr)),
            ExprKind::Map(entries) => self.node("map", |to| to.each(entries, Self::attribute)),
            ExprKind::Union(list) => self.node("|", |to| to.each(list, Self::expr)),
            ExprKind::Intersection(list) => self.node("&", |to| to.each(list, Self::expr)),
            ExprKind::Product(list) => self.node("*", |to| to.each(list, Self::expr)),
            ExprKind::And(list) => self.node("and", |to| to.each(list, Self::expr)),
            ExprKind::Or(list) => self.node("or", |to| to.each(list, Self::expr)),
            ExprKind::Not(inner) => self.node("not", |to| to.expr(inner)),
            ExprKind::Sum(first, rest) => self.node("sum", |to| {
                to.expr(first);
                to.each(rest, |to, (sign, term)| {
                    to.data(sign);
                    to.expr(term);
                });
            }),
            ExprKind::Compare(comparison, left, right) => self.node("compare", |to| {
                to.data(comparison);
                to.each([&**left, &**right], Self::expr);
            }),
        }
    }

    fn pair(&mut self, kind: &str, left: &Expr, right: &Expr) {
        self.node(kind, |to| to.each([left, right], Self::expr));
    }

    fn path(&mut self, path: &Path) {
        let Path { segments, span: _ } = path;
        self.node("path", |to| to.each(segments, Self::segment));
    }

    fn segment(&mut self, segment: &Segment) {
        let Segment { name, index, arguments } = segment;
        self.name(name);
        self.each(index.as_deref(), Self::expr);
        self.each(arguments, |to, arguments| to.each(arguments, Self::argument));
    }

    fn argument(&mut self, argument: &Argument) {
        let Argument { name, selector, value, span: _ } = argument;
        self.each(name, Self::name);
        self.each(selector.as_deref(), Self::expr);
        self.each(value, Self::expr);
    }
}
