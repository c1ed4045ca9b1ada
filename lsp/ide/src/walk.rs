//! Every name in a file, with what it means: the one walk behind hover, jumps, references, renaming and colours.

use smol_str::SmolStr;
use weir_compiler::names::{
    Kind,
    schema::{self, Attribute, InnerBlock, Type},
};
use weir_syntax::{
    FileId, Span,
    ast::{
        Argument, Block, Claim, Declaration, Entry, Expr, ExprKind, File, Item, ItemKind, Name, Path,
        StringPart,
    },
};

use crate::{
    database::{DeclarationId, Imports},
    host::Ide,
    names::{Kinds, Scope, Symbol, inner_block},
};

/// A name in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    pub span: Span,
    pub symbol: Symbol,
    /// Whether it stands where the symbol is declared.
    pub declares: bool,
}

/// What is looked for: other parts of the file are not resolved.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'w> {
    /// Only what touches these bytes.
    pub within: Option<Span>,
    /// Only names with one of these texts.
    pub texts: Option<&'w [SmolStr]>,
}

impl Ide {
    /// The names of a file in the order of the walk, which is mostly that of the text.
    pub fn occurrences(&self, file: FileId, wanted: Wanted<'_>) -> Vec<Occurrence> {
        let Some(tree) = self.tree(file) else { return Vec::new() };
        let mut walk = Walk {
            ide: self,
            file,
            module: self.module_of(file),
            template: None,
            imports: self.imports(file),
            wanted,
            found: Vec::new(),
        };
        walk.file(tree);
        walk.found
    }

    /// The name at an offset; behind its last character counts, too.
    pub fn occurrence_at(&self, file: FileId, offset: u32) -> Option<Occurrence> {
        let within = Some(Span::new(offset, offset));
        let found = self.occurrences(file, Wanted { within, texts: None });
        let touches = |one: &&Occurrence| one.span.start <= offset && offset <= one.span.end;
        found
            .iter()
            .filter(touches)
            .min_by_key(|one| (one.span.end == offset, one.span.end - one.span.start))
            .cloned()
    }
}

struct Walk<'w> {
    ide: &'w Ide,
    file: FileId,
    module: u32,
    template: Option<DeclarationId>,
    imports: &'w Imports,
    wanted: Wanted<'w>,
    found: Vec<Occurrence>,
}

/// What kind of declarations a set is made of.
pub(crate) const SETS: &[Kind] = &[
    Kind::Device,
    Kind::Workload,
    Kind::Gateway,
    Kind::External,
    Kind::Role,
    Kind::Group,
    Kind::Class,
    Kind::Zone,
    Kind::Network,
    Kind::Cluster,
    Kind::Slice,
    Kind::Instance,
];

impl Walk<'_> {
    fn scope(&self) -> Scope<'_> {
        Scope { file: self.file, module: self.module, template: self.template, imports: self.imports }
    }

    fn skips(&self, span: Span) -> bool {
        self.wanted.within.is_some_and(|within| span.end < within.start || within.end < span.start)
    }

    fn emit(&mut self, name: &Name, symbol: Symbol, declares: bool) {
        let unwanted = self.wanted.texts.is_some_and(|texts| !texts.contains(&name.text));
        if !unwanted && !self.skips(name.span) {
            self.found.push(Occurrence { span: name.span, symbol, declares });
        }
    }

    fn file(&mut self, tree: &File) {
        for (at, item) in tree.items.iter().enumerate() {
            if !self.skips(item.span) {
                self.item(item, DeclarationId { file: self.file, item: at as u32, inner: None });
            }
        }
    }

    fn item(&mut self, item: &Item, id: DeclarationId) {
        match &item.kind {
            ItemKind::Use(uses) => {
                for import in &uses.imports {
                    self.import(import);
                }
            }
            ItemKind::Declaration(declaration) => self.declaration(declaration, id),
            ItemKind::Template(template) => {
                self.emit(&template.name, Symbol::Declaration(id, Kind::Template), true);
                self.template = Some(id);
                for (at, parameter) in template.parameters.iter().enumerate() {
                    self.emit(&parameter.name, Symbol::Parameter(id, at as u32), true);
                    let documentation =
                        schema::by_keyword(&parameter.kind.text).map_or("", |one| one.documentation);
                    let kind = Symbol::Keyword(parameter.kind.text.clone(), documentation);
                    self.emit(&parameter.kind, kind, false);
                    if let Some(default) = &parameter.default {
                        self.value(default, None);
                    }
                }
                for (at, inner) in template.items.iter().enumerate() {
                    if !self.skips(inner.span) {
                        self.item(inner, DeclarationId { inner: Some(at as u32), ..id });
                    }
                }
                self.template = None;
            }
            ItemKind::Flow(flow) => self.flow(flow),
            ItemKind::Assertion(assertion) => {
                match &assertion.claim {
                    Claim::Flow { source, destination, service, .. } => {
                        self.set(source);
                        self.set(destination);
                        if let Some(service) = service {
                            self.service(service);
                        }
                    }
                    Claim::Members(members) => {
                        for member in members {
                            self.set(member);
                        }
                    }
                }
                self.statement(assertion.body.as_ref(), "assertion", schema::ASSERTION);
            }
            ItemKind::Error => {}
        }
    }

    fn import(&mut self, import: &weir_syntax::ast::Import) {
        let path: Vec<SmolStr> = import.path.iter().map(|name| name.text.clone()).collect();
        for (at, name) in import.path.iter().enumerate() {
            if self.skips(name.span) || self.found.iter().rev().take(64).any(|one| one.span == name.span) {
                continue; // the first part of `use std.ot.{a, b}` stands in each import
            }
            if let Some(symbol) = self.ide.import_target(&path[..=at], self.file).into_iter().next() {
                self.emit(name, symbol, false);
            }
        }
        if let Some(alias) = &import.alias
            && let Some(symbol) = self.ide.import_target(&path, self.file).into_iter().next()
        {
            self.emit(alias, symbol, false);
        }
    }

    fn declaration(&mut self, declaration: &Declaration, id: DeclarationId) {
        let Some(schema) = schema::by_keyword(&declaration.keyword.text) else { return };
        let keyword = Symbol::Keyword(declaration.keyword.text.clone(), schema.documentation);
        self.emit(&declaration.keyword, keyword, false);
        self.emit(&declaration.name, Symbol::Declaration(id, schema.kind), true);
        if let Some(array) = &declaration.array {
            self.value(array, None);
        }
        match (&declaration.class, schema.kind) {
            (Some(class), Kind::Instance) => self.instance_of(class, id),
            (Some(class), _) => self.references(class, Some(&[Kind::Class])),
            _ => {}
        }
        if let Some(cluster) = &declaration.cluster {
            self.path(cluster, Some(&[Kind::Cluster]));
        }
        for end in &declaration.between {
            self.path(end, Some(&[Kind::Zone, Kind::External]));
        }
        if let Some(value) = &declaration.value {
            self.set(value);
        }
        let Some(body) = &declaration.body else { return };
        let inherits = matches!(schema.kind, Kind::Device | Kind::Class);
        let mut classes = Vec::new();
        if inherits {
            classes.extend(Some(id).filter(|_| schema.kind == Kind::Class));
            classes.extend(self.ide.classes_of(id));
        }
        for (at, entry) in body.entries.iter().enumerate() {
            match entry {
                Entry::Attribute(attribute) => {
                    if self.skips(attribute.span) {
                        continue;
                    }
                    let known = schema.attributes.iter().find(|one| one.name == attribute.name.text);
                    let declared = self.class_attribute(&classes, &attribute.name.text);
                    match (declared, known) {
                        (Some(symbol), _) => self.emit(&attribute.name, symbol, false),
                        (None, Some(known)) => {
                            self.emit(&attribute.name, Symbol::Attribute(schema.keyword, known), false);
                        }
                        (None, None) => {}
                    }
                    self.value(&attribute.value, known);
                }
                Entry::Block(item) if !self.skips(item.span) => {
                    if let ItemKind::Declaration(inner) = &item.kind {
                        self.inner_block(inner, schema.blocks, id, at as u32, None);
                    }
                }
                Entry::Flow(item) if !self.skips(item.span) => self.item(item, id),
                _ => {}
            }
        }
    }

    /// The `attribute NAME { … }` of one of a declaration's classes.
    fn class_attribute(&self, classes: &[DeclarationId], name: &str) -> Option<Symbol> {
        classes.iter().find_map(|class| {
            inner_block(self.ide.declaration(*class)?, name).map(|at| Symbol::Inner(*class, at, None))
        })
    }

    fn inner_block(
        &mut self,
        inner: &Declaration,
        known: &'static [InnerBlock],
        id: DeclarationId,
        at: u32,
        deeper: Option<u32>,
    ) {
        let Some(block) = known.iter().find(|block| block.keyword == inner.keyword.text) else { return };
        let keyword = Symbol::Keyword(inner.keyword.text.clone(), block.documentation);
        self.emit(&inner.keyword, keyword, false);
        if block.named && inner.name.span != inner.keyword.span {
            self.emit(&inner.name, Symbol::Inner(id, at, deeper), true);
        }
        let Some(body) = &inner.body else { return };
        for (place, entry) in body.entries.iter().enumerate() {
            match entry {
                Entry::Attribute(attribute) => self.attribute(attribute, block.keyword, block.attributes),
                Entry::Block(item) if deeper.is_none() => {
                    if let ItemKind::Declaration(inner) = &item.kind {
                        self.inner_block(inner, block.blocks, id, at, Some(place as u32));
                    }
                }
                _ => {}
            }
        }
    }

    fn attribute(
        &mut self,
        attribute: &weir_syntax::ast::Attribute,
        of: &'static str,
        known: &'static [Attribute],
    ) {
        if self.skips(attribute.span) {
            return;
        }
        let known = known.iter().find(|one| one.name == attribute.name.text);
        if let Some(known) = known {
            self.emit(&attribute.name, Symbol::Attribute(of, known), false);
        }
        self.value(&attribute.value, known);
    }

    fn statement(&mut self, body: Option<&Block>, of: &'static str, known: &'static [Attribute]) {
        for attribute in body.into_iter().flat_map(Block::attributes) {
            self.attribute(attribute, of, known);
        }
    }

    fn flow(&mut self, flow: &weir_syntax::ast::Flow) {
        self.set(&flow.source);
        self.set(&flow.destination);
        self.service(&flow.service);
        self.statement(flow.body.as_ref(), "flow", schema::FLOW);
    }

    /// `press_cell(number = 3)`: the template and its parameters.
    fn instance_of(&mut self, class: &Expr, id: DeclarationId) {
        let ExprKind::Path(path) = &class.kind else { return };
        self.path_without_arguments(path, Some(&[Kind::Template]));
        let template = self.ide.template_behind(id);
        for argument in path.segments.iter().filter_map(|segment| segment.arguments.as_ref()).flatten() {
            if let (Some(name), Some(template)) = (&argument.name, template) {
                let parameters = self.ide.template_of(template).map(|one| one.parameters.as_slice());
                let place = parameters.unwrap_or_default().iter().position(|one| one.name.text == name.text);
                if let Some(place) = place {
                    self.emit(name, Symbol::Parameter(template, place as u32), false);
                }
            }
            if let Some(value) = &argument.value {
                self.value(value, None);
            }
        }
    }

    /// An attribute's value, by its type.
    fn value(&mut self, expr: &Expr, of: Option<&'static Attribute>) {
        if self.skips(expr.span) {
            return;
        }
        match of.map(|of| of.kind) {
            Some(Type::Word(_) | Type::Words(_) | Type::Level | Type::Assurance | Type::Integrity) => {
                self.words(expr, of);
            }
            Some(Type::Endorsement | Type::Snssai | Type::Transports) => self.words(expr, of),
            Some(Type::Identity) => self.functions(expr),
            Some(Type::Reference(kinds) | Type::References(kinds)) => self.references(expr, Some(kinds)),
            Some(Type::Set) => self.set(expr),
            Some(Type::Serves | Type::Services) => self.service(expr),
            Some(Type::UserPlane) => {
                let ExprKind::Path(path) = &expr.kind else { return };
                for segment in &path.segments {
                    self.emit(&segment.name, Symbol::Function(segment.name.text.clone()), false);
                    for argument in segment.arguments.iter().flatten() {
                        if let Some(value) = &argument.value {
                            self.references(value, Some(&[Kind::Gateway]));
                        }
                    }
                }
            }
            Some(Type::Record(known)) => {
                if let ExprKind::Map(entries) = &expr.kind {
                    let name = of.map_or("", |of| of.name);
                    for entry in entries {
                        self.attribute(entry, name, known);
                    }
                }
            }
            Some(Type::Labels) => {
                if let ExprKind::Map(entries) = &expr.kind {
                    for entry in entries {
                        self.value(&entry.value, None);
                    }
                }
            }
            _ => self.references(expr, None),
        }
    }

    /// Words that stand for themselves; a parameter of the template may stand there as well.
    fn words(&mut self, expr: &Expr, of: Option<&'static Attribute>) {
        match &expr.kind {
            ExprKind::Path(path) => {
                let Some(first) = path.segments.first() else { return };
                let symbol = match self.parameter(&first.name.text) {
                    Some(parameter) => parameter,
                    None => Symbol::Word(first.name.text.clone(), of),
                };
                self.emit(&first.name, symbol, false);
            }
            ExprKind::List(list) => {
                for one in list {
                    self.words(one, of);
                }
            }
            ExprKind::Arrow(from, to) | ExprKind::Slash(from, to) | ExprKind::Range(from, to) => {
                self.words(from, of);
                self.words(to, of);
            }
            _ => {}
        }
    }

    fn parameter(&self, name: &str) -> Option<Symbol> {
        let template = self.template?;
        let parameters = &self.ide.template_of(template)?.parameters;
        let at = parameters.iter().position(|parameter| parameter.name.text == name)?;
        Some(Symbol::Parameter(template, at as u32))
    }

    /// `x509(san = "…", key = ref("…"))`.
    fn functions(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Path(path) => {
                for segment in &path.segments {
                    let symbol = match (self.parameter(&segment.name.text), &segment.arguments) {
                        (Some(parameter), _) => parameter,
                        (None, Some(_)) => Symbol::Function(segment.name.text.clone()),
                        (None, None) => Symbol::Word(segment.name.text.clone(), None),
                    };
                    self.emit(&segment.name, symbol, false);
                    for argument in segment.arguments.iter().flatten() {
                        if let Some(value) = &argument.value {
                            self.functions(value);
                        }
                    }
                }
            }
            ExprKind::List(list) => {
                for one in list {
                    self.functions(one);
                }
            }
            ExprKind::String(literal) => self.holes(literal),
            _ => {}
        }
    }

    fn holes(&mut self, literal: &weir_syntax::ast::StringLiteral) {
        for part in &literal.parts {
            let StringPart::Hole { path, span, .. } = part else { continue };
            let start = span.start + 1;
            let name = Name { text: path.clone(), span: Span::new(start, start + path.len() as u32) };
            let symbol = match path.as_str() {
                "index" => Some(Symbol::BuiltIn(path.clone())),
                other => self.parameter(other),
            };
            if let Some(symbol) = symbol {
                self.emit(&name, symbol, false);
            }
        }
    }

    fn set(&mut self, expr: &Expr) {
        self.references(expr, Some(SETS));
    }

    /// Services: protocols with their operations and arguments, transports, `any`.
    fn service(&mut self, expr: &Expr) {
        if self.skips(expr.span) {
            return;
        }
        match &expr.kind {
            ExprKind::Union(parts) | ExprKind::List(parts) => {
                for part in parts {
                    self.service(part);
                }
            }
            ExprKind::On(what, port) => {
                self.service(what);
                self.words(port, None);
            }
            ExprKind::Slash(..) => self.words(expr, None),
            ExprKind::Path(path)
                if path.as_word().is_some_and(|word| matches!(word.text.as_str(), "any" | "icmp")) =>
            {
                if let Some(word) = path.as_word() {
                    self.emit(word, Symbol::BuiltIn(word.text.clone()), false);
                }
            }
            ExprKind::Path(path) => {
                let symbols = self.ide.resolve(path, self.scope(), Some(&[Kind::Protocol]));
                for (segment, symbol) in path.segments.iter().zip(symbols) {
                    if let Some(symbol) = &symbol {
                        self.emit(&segment.name, symbol.clone(), false);
                    }
                    for argument in segment.arguments.iter().flatten() {
                        self.operation_argument(argument, symbol.as_ref());
                    }
                }
            }
            _ => {}
        }
    }

    fn operation_argument(&mut self, argument: &Argument, operation: Option<&Symbol>) {
        let word = argument.value.as_ref().and_then(Expr::as_word);
        if let (Some(name), Some(Symbol::Inner(id, at, None))) = (argument.name.as_ref().or(word), operation)
            && let Some((_, inner)) = self.ide.inner(*id, *at, None)
            && let Some(place) = inner_block(inner, &name.text)
        {
            self.emit(name, Symbol::Inner(*id, *at, Some(place)), false);
        }
        if let Some(ExprKind::String(literal)) = argument.value.as_ref().map(|value| &value.kind) {
            self.holes(literal);
        }
    }

    /// Names of declarations, wherever they stand in an expression.
    fn references(&mut self, expr: &Expr, kinds: Kinds) {
        if self.skips(expr.span) {
            return;
        }
        match &expr.kind {
            ExprKind::Path(path) => self.path(path, kinds),
            ExprKind::Method(on, path) => {
                self.references(on, None);
                for segment in &path.segments {
                    self.emit(&segment.name, Symbol::Function(segment.name.text.clone()), false);
                    self.arguments(segment.arguments.as_deref());
                }
            }
            ExprKind::Where(set, predicate) => {
                self.references(set, kinds);
                let mut classes = Vec::new();
                self.classes_of_set(set, &mut classes);
                self.predicate(predicate, &classes);
            }
            ExprKind::Union(parts)
            | ExprKind::Intersection(parts)
            | ExprKind::List(parts)
            | ExprKind::And(parts)
            | ExprKind::Or(parts)
            | ExprKind::Product(parts) => {
                for part in parts {
                    self.references(part, kinds);
                }
            }
            ExprKind::Sum(first, rest) => {
                self.references(first, kinds);
                for (_, part) in rest {
                    self.references(part, kinds);
                }
            }
            ExprKind::Slash(left, right)
            | ExprKind::Range(left, right)
            | ExprKind::On(left, right)
            | ExprKind::Arrow(left, right)
            | ExprKind::Compare(_, left, right) => {
                self.references(left, kinds);
                self.references(right, kinds);
            }
            ExprKind::Not(inner) => self.references(inner, kinds),
            ExprKind::Map(entries) => {
                for entry in entries {
                    self.references(&entry.value, None);
                }
            }
            ExprKind::String(literal) => self.holes(literal),
            _ => {}
        }
    }

    /// The classes that a set names, with those that they inherit from.
    fn classes_of_set(&self, set: &Expr, found: &mut Vec<DeclarationId>) {
        match &set.kind {
            ExprKind::Path(path) => {
                let named = self.ide.resolve(path, self.scope(), Some(&[Kind::Class])).pop().flatten();
                if let Some(Symbol::Declaration(id, Kind::Class)) = named {
                    found.push(id);
                    found.extend(self.ide.classes_of(id));
                }
            }
            ExprKind::Union(parts) | ExprKind::Intersection(parts) | ExprKind::List(parts) => {
                for part in parts {
                    self.classes_of_set(part, found);
                }
            }
            ExprKind::Sum(first, _) => self.classes_of_set(first, found),
            ExprKind::Where(set, _) => self.classes_of_set(set, found),
            _ => {}
        }
    }

    /// `vendor == "Siemens" and firmware >= "2.8"`, of a set with these classes.
    fn predicate(&mut self, expr: &Expr, classes: &[DeclarationId]) {
        match &expr.kind {
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                for part in parts {
                    self.predicate(part, classes);
                }
            }
            ExprKind::Not(inner) => self.predicate(inner, classes),
            ExprKind::Compare(_, left, _) => {
                let Some(word) = left.as_word() else { return };
                let known = schema::of(Kind::Device).attributes.iter().find(|one| one.name == word.text);
                let symbol = match (self.class_attribute(classes, &word.text), known) {
                    (Some(declared), _) => declared,
                    (None, Some(known)) => Symbol::Attribute("device", known),
                    (None, None) => Symbol::Word(word.text.clone(), None),
                };
                self.emit(word, symbol, false);
            }
            _ => {}
        }
    }

    fn path(&mut self, path: &Path, kinds: Kinds) {
        self.path_without_arguments(path, kinds);
        for segment in &path.segments {
            self.arguments(segment.arguments.as_deref());
        }
    }

    fn path_without_arguments(&mut self, path: &Path, kinds: Kinds) {
        let named = |text: &SmolStr| self.wanted.texts.is_none_or(|texts| texts.contains(text));
        if !self.skips(path.span) && path.segments.iter().any(|segment| named(&segment.name.text)) {
            let is_built_in = |word: &Name| matches!(word.text.as_str(), "index" | "true" | "false");
            if let Some(word) = path.as_word().filter(|word| is_built_in(word)) {
                self.emit(word, Symbol::BuiltIn(word.text.clone()), false);
            } else {
                let symbols = self.ide.resolve(path, self.scope(), kinds);
                for (segment, symbol) in path.segments.iter().zip(symbols) {
                    if let Some(symbol) = symbol {
                        self.emit(&segment.name, symbol, false);
                    }
                }
            }
        }
        for index in path.segments.iter().filter_map(|segment| segment.index.as_ref()) {
            self.references(index, None);
        }
    }

    fn arguments(&mut self, arguments: Option<&[Argument]>) {
        for argument in arguments.unwrap_or_default() {
            if let Some(value) = &argument.value {
                self.references(value, None);
            }
        }
    }
}
