//! What can be written next.

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;
use weir_compiler::names::{
    Kind,
    schema::{self, Attribute, InnerBlock, Type},
};
use weir_syntax::{
    Edit, FileId, Span,
    ast::{ItemKind, Name, Segment},
};

use crate::{
    context::{Context, Cursor, cursor},
    database::{DeclarationId, ROOT, STANDARD},
    host::Ide,
    hover::type_text,
    names::{Scope, Symbol},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CompletionKind {
    Keyword,
    Attribute,
    Block,
    Declaration(Kind),
    Module,
    Parameter,
    Operation,
    Argument,
    Word,
    Function,
    Snippet,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub label: SmolStr,
    pub kind: CompletionKind,
    /// One line beside the label.
    pub detail: String,
    pub documentation: String,
    /// What becomes of `replace`; with `$1` and `${1:word}` where `snippet`.
    pub insert: String,
    pub snippet: bool,
    /// The word that is typed.
    pub replace: Span,
    /// Edits elsewhere: the `use` that it needs.
    pub more: Vec<Edit>,
    /// Lower comes first.
    pub rank: u8,
    /// What it names, to describe it when asked.
    pub symbol: Option<Symbol>,
}

/// A package may have a hundred thousand names: more than this are of no use in a list, and the rest comes with the next
/// letter.
const MOST: usize = 1_000;

/// What a list of completions has, and whether it has all.
#[derive(Clone, Debug, Default)]
pub struct List {
    pub items: Vec<Completion>,
    pub incomplete: bool,
}

struct Proposals<'p> {
    ide: &'p Ide,
    cursor: Cursor,
    typed: String,
    file: FileId,
    scope: Scope<'p>,
    list: List,
    seen: FxHashSet<SmolStr>,
}

impl Ide {
    /// What can be written at an offset.
    pub fn complete(&self, file: FileId, offset: u32) -> List {
        let Some(text) = self.text(file) else { return List::default() };
        let cursor = cursor(text, offset);
        let template = self.template_around(file, offset);
        let typed = Span::new(cursor.word.start, offset.max(cursor.word.start)).of(text).to_lowercase();
        let scope = Scope { file, module: self.module_of(file), template, imports: self.imports(file) };
        let mut proposals = Proposals {
            ide: self,
            cursor,
            typed,
            file,
            scope,
            list: List::default(),
            seen: FxHashSet::default(),
        };
        proposals.propose();
        let mut list = proposals.list;
        list.items.sort_by(|a, b| a.rank.cmp(&b.rank).then_with(|| a.label.cmp(&b.label)));
        if list.items.len() > MOST {
            list.items.truncate(MOST);
            list.incomplete = true;
        }
        list
    }

    fn template_around(&self, file: FileId, offset: u32) -> Option<DeclarationId> {
        let tree = self.tree(file)?;
        let at = tree.items.iter().position(|item| {
            matches!(item.kind, ItemKind::Template(_)) && item.span.start <= offset && offset <= item.span.end
        })?;
        Some(DeclarationId { file, item: at as u32, inner: None })
    }
}

const SETS: &[Kind] = &[
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

impl Proposals<'_> {
    fn propose(&mut self) {
        let context = self.cursor.context.clone();
        if !self.cursor.path.is_empty() && !matches!(context, Context::Use(_) | Context::Nothing) {
            return self.members(&context);
        }
        match context {
            Context::Nothing => {}
            Context::Item => self.items(),
            Context::Entry => self.entries(),
            Context::Value(name) => self.value_of(&name),
            Context::Use(path) => self.imports(&path),
            Context::Class(keyword) => {
                let kind = if keyword == "instance" { Kind::Template } else { Kind::Class };
                self.names(&[kind]);
            }
            Context::Cluster => self.names(&[Kind::Cluster]),
            Context::Ends => {
                self.names(&[Kind::Zone, Kind::External]);
                self.internet();
            }
            Context::Set => {
                self.names(SETS);
                self.internet();
            }
            Context::Predicate => {
                for attribute in schema::of(Kind::Device).attributes {
                    if matches!(attribute.kind, Type::Text | Type::Version | Type::Word(_)) {
                        self.simple(
                            attribute.name,
                            CompletionKind::Attribute,
                            &type_text(attribute.kind),
                            attribute.documentation,
                        );
                    }
                }
                for word in ["and", "or", "not"] {
                    self.simple(word, CompletionKind::Keyword, "", "");
                }
            }
            Context::Service => self.services(),
            Context::Assertion => {
                let kinds = [
                    (
                        "allow",
                        "every pair is permitted",
                        "allow ${1:source} -> ${2:destination} : ${3:service}",
                    ),
                    ("deny", "no pair is permitted", "deny ${1:source} -> ${2:destination} : ${3:service}"),
                    (
                        "only",
                        "nobody outside of the source is permitted",
                        "only ${1:source} -> ${2:destination} : ${3:service}",
                    ),
                    (
                        "never",
                        "no chain of permitted flows, however long",
                        "never ${1:source} ~> ${2:destination}",
                    ),
                    (
                        "isolated",
                        "they share nothing, and no chain joins them",
                        "isolated ${1:one}, ${2:other}",
                    ),
                ];
                for (word, detail, snippet) in kinds {
                    self.snippet(word, CompletionKind::Keyword, detail, "", snippet, 0);
                }
            }
            Context::Argument(path) => self.arguments(&path),
        }
    }

    /// Whether what was typed so far could become this label: it stands in it, or its letters do in order, the first one
    /// first.
    fn fits(&self, label: &str) -> bool {
        let (typed, label) = (self.typed.as_bytes(), label.as_bytes());
        let Some((first, rest)) = typed.split_first() else { return true };
        if label.windows(typed.len()).any(|part| part.eq_ignore_ascii_case(typed)) {
            return true;
        }
        let mut letters = label.iter();
        letters.next().is_some_and(|letter| letter.eq_ignore_ascii_case(first))
            && rest.iter().all(|typed| letters.any(|letter| letter.eq_ignore_ascii_case(typed)))
    }

    /// The names that fit, by name; of very many, the first.
    fn fitting<'n, V>(&self, names: &'n FxHashMap<SmolStr, V>) -> Vec<(&'n SmolStr, &'n V)> {
        let mut all: Vec<_> = names.iter().filter(|(name, _)| self.fits(name)).collect();
        if all.len() > 2 * MOST {
            all.select_nth_unstable_by_key(2 * MOST, |(name, _)| *name);
            all.truncate(2 * MOST);
        }
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }

    fn push(&mut self, completion: Completion) {
        if self.fits(&completion.label) && self.seen.insert(completion.label.clone()) {
            if self.list.items.len() >= MOST * 2 {
                self.list.incomplete = true;
                return;
            }
            self.list.items.push(completion);
        }
    }

    fn snippet(
        &mut self,
        label: &str,
        kind: CompletionKind,
        detail: &str,
        documentation: &str,
        insert: &str,
        rank: u8,
    ) {
        self.push(Completion {
            label: label.into(),
            kind,
            detail: detail.into(),
            documentation: documentation.into(),
            insert: insert.into(),
            snippet: insert.contains('$'),
            replace: self.cursor.word,
            more: Vec::new(),
            rank,
            symbol: None,
        });
    }

    fn simple(&mut self, label: &str, kind: CompletionKind, detail: &str, documentation: &str) {
        self.snippet(label, kind, detail, documentation, label, 1);
    }

    fn internet(&mut self) {
        self.simple(
            "internet",
            CompletionKind::Declaration(Kind::External),
            "external",
            "What lies outside of everything that the package declares.",
        );
    }

    /// Declarations and statements, with their usual shape.
    fn items(&mut self) {
        for schema in schema::SCHEMAS {
            let name = match schema.kind {
                Kind::Class => "Name",
                _ => "name",
            };
            let mut text = match schema.kind {
                Kind::Template => "template ${1:name}(${2:parameter}: ${3:integer}) {\n\t$0\n}".to_owned(),
                Kind::Group => "group ${1:name} = $0".to_owned(),
                Kind::Instance => "instance ${1:name} : ${2:template}($0)".to_owned(),
                Kind::Conduit => {
                    "conduit ${1:name} between ${2:zone}, ${3:zone} {\n\tcarries = [$0]\n}".to_owned()
                }
                Kind::Workload => {
                    "workload ${1:name} in ${2:cluster} {\n\tnamespace = \"${3:namespace}\"\n\t$0\n}"
                        .to_owned()
                }
                Kind::Policy => {
                    "policy ${1:name} {\n\tallow ${2:source} -> ${3:destination} : ${4:service}\n}".to_owned()
                }
                Kind::Device | Kind::Class => {
                    format!("{} ${{1:{name}}} : ${{2:Class}} {{\n\t$0\n}}", schema.keyword)
                }
                _ => String::new(),
            };
            if text.is_empty() {
                text = format!("{} ${{1:{name}}} {{", schema.keyword);
                for (at, attribute) in schema.attributes.iter().filter(|one| one.required).enumerate() {
                    text.push_str(&format!("\n\t{} = ${}", attribute.name, at + 2));
                }
                text.push_str("\n\t$0\n}");
            }
            self.snippet(
                schema.keyword,
                CompletionKind::Keyword,
                "declaration",
                schema.documentation,
                &text,
                1,
            );
        }
        self.flow_snippets();
        self.snippet("assert", CompletionKind::Keyword, "what must hold", "", "assert $0", 1);
        self.snippet("use", CompletionKind::Keyword, "brings names in", "", "use $0", 1);
    }

    fn flow_snippets(&mut self) {
        for (word, detail) in [("allow", "permits a flow"), ("deny", "forbids a flow; it always wins")] {
            let text = format!("{word} ${{1:source}} -> ${{2:destination}} : ${{3:service}}");
            self.snippet(word, CompletionKind::Keyword, detail, "", &text, 0);
        }
    }

    /// Attributes and blocks of the innermost block.
    fn entries(&mut self) {
        let Some((attributes, blocks, flows)) = self.block() else { return };
        if flows {
            self.flow_snippets();
        }
        for attribute in attributes {
            if self.cursor.given.iter().any(|given| given == attribute.name) {
                continue;
            }
            let value = match attribute.kind {
                Type::Text | Type::Version => "\"$0\"",
                Type::Serves
                | Type::Services
                | Type::Texts
                | Type::Integers
                | Type::References(_)
                | Type::Words(_) => "[$0]",
                Type::Record(_) | Type::Labels => "{ $0 }",
                _ => "$0",
            };
            let text = format!("{} = {value}", attribute.name);
            let rank = u8::from(!attribute.required);
            self.snippet(
                attribute.name,
                CompletionKind::Attribute,
                &type_text(attribute.kind),
                attribute.documentation,
                &text,
                rank,
            );
        }
        for block in blocks {
            let name = if block.named { " ${1:name}" } else { "" };
            let mut required = String::new();
            for (at, one) in block.attributes.iter().filter(|one| one.required).enumerate() {
                required.push_str(&format!("\n\t{} = ${}", one.name, at + 2));
            }
            let text = format!("{}{name} {{{required}\n\t$0\n}}", block.keyword);
            self.snippet(block.keyword, CompletionKind::Block, "block", block.documentation, &text, 1);
        }
        for (name, documentation) in self.class_attributes() {
            if !self.cursor.given.iter().any(|given| **given == *name) {
                self.snippet(
                    &name,
                    CompletionKind::Attribute,
                    "of the class",
                    &documentation,
                    &format!("{name} = $0"),
                    0,
                );
            }
        }
    }

    /// What the innermost block may hold.
    fn block(&self) -> Option<(&'static [Attribute], &'static [InnerBlock], bool)> {
        let heads: Vec<&str> = self.cursor.blocks.iter().map(|(head, _)| head.as_str()).collect();
        let (head, outer) = heads.split_first()?;
        match *head {
            "allow" | "deny" => return Some((schema::FLOW, &[], false)),
            "assert" => return Some((schema::ASSERTION, &[], false)),
            _ => {}
        }
        if let Some(schema) = schema::by_keyword(head) {
            return Some((schema.attributes, schema.blocks, schema.flows));
        }
        // an inner block, or the value of an attribute that is one
        let around: Vec<&schema::Schema> = outer.iter().filter_map(|head| schema::by_keyword(head)).collect();
        let inner = around.iter().flat_map(|schema| schema.blocks).find_map(|block| {
            if block.keyword == *head {
                Some(block)
            } else {
                block.blocks.iter().find(|inner| inner.keyword == *head)
            }
        });
        if let Some(block) = inner {
            return Some((block.attributes, block.blocks, false));
        }
        let known = around
            .iter()
            .flat_map(|schema| schema.attributes)
            .chain(schema::FLOW)
            .find(|one| one.name == *head)?;
        match known.kind {
            Type::Record(attributes) => Some((attributes, &[], false)),
            _ => None,
        }
    }

    /// The attributes that the class of the device around declares.
    fn class_attributes(&self) -> Vec<(SmolStr, String)> {
        let Some((head, brace)) = self.cursor.blocks.first() else { return Vec::new() };
        if head != "device" && head != "class" {
            return Vec::new();
        }
        let Some(tree) = self.ide.tree(self.file) else { return Vec::new() };
        let around = crate::navigation::items_at(tree, self.file, Span::new(*brace, *brace));
        let Some((id, _)) = around.last() else { return Vec::new() };
        let mut found = Vec::new();
        for class in self.ide.classes_of(*id) {
            let Some(body) = self.ide.declaration(class).and_then(|one| one.body.as_ref()) else { continue };
            for entry in &body.entries {
                if let weir_syntax::ast::Entry::Block(item) = entry
                    && let ItemKind::Declaration(inner) = &item.kind
                    && inner.keyword.text == "attribute"
                {
                    found.push((inner.name.text.clone(), item.documentation.to_string()));
                }
            }
        }
        found
    }

    fn value_of(&mut self, name: &str) {
        let known = self.block().and_then(|(attributes, ..)| attributes.iter().find(|one| one.name == name));
        let Some(attribute) = known else { return self.names(SETS) };
        let words = |proposals: &mut Self, words: &[&str]| {
            for word in words {
                proposals.snippet(
                    word,
                    CompletionKind::Word,
                    attribute.name,
                    attribute.documentation,
                    word,
                    0,
                );
            }
        };
        match attribute.kind {
            Type::Boolean => words(self, &["true", "false"]),
            Type::Word(list) | Type::Words(list) => words(self, list),
            Type::Level => words(self, schema::LEVELS),
            Type::Assurance => words(self, schema::ASSURANCES),
            Type::Integrity | Type::Endorsement => words(self, schema::INTEGRITIES),
            Type::Reference(kinds) | Type::References(kinds) => self.names(kinds),
            Type::Set => self.names(SETS),
            Type::Serves | Type::Services => self.services(),
            Type::Identity => {
                for (word, snippet) in [
                    ("psk", "psk"),
                    ("x509", "x509(san = \"${1:name}\", key = ${2:hardware})"),
                    ("spiffe", "spiffe(\"spiffe://$1\")"),
                    ("sim", "sim(supi = \"imsi-$1\", key = ref(\"$2\"))"),
                    ("oidc", "oidc(issuer = \"$1\", group = \"$2\")"),
                ] {
                    self.snippet(
                        word,
                        CompletionKind::Function,
                        "identity",
                        attribute.documentation,
                        snippet,
                        0,
                    );
                }
            }
            Type::UserPlane => {
                for word in ["dedicated", "shared"] {
                    self.snippet(
                        word,
                        CompletionKind::Function,
                        "user plane",
                        attribute.documentation,
                        &format!("{word}(${{1:gateway}})"),
                        0,
                    );
                }
            }
            Type::Snssai => words(self, &["embb", "urllc", "miot", "v2x", "hmtc"]),
            Type::Transports => words(self, &["tcp", "udp", "sctp", "icmp", "ethertype"]),
            Type::Address | Type::Addresses | Type::Prefixes => {
                self.names(&[Kind::Network, Kind::Slice, Kind::Cluster]);
            }
            _ => self.parameters(None),
        }
    }

    fn services(&mut self) {
        self.names(&[Kind::Protocol]);
        self.simple("any", CompletionKind::Word, "every service", "");
        for transport in ["tcp", "udp", "sctp"] {
            self.snippet(
                transport,
                CompletionKind::Word,
                "a transport",
                "",
                &format!("{transport}/${{1:port}}"),
                2,
            );
        }
        self.simple("icmp", CompletionKind::Word, "echo requests", "");
    }

    fn parameters(&mut self, kinds: Option<&[Kind]>) {
        let Some(template) = self.scope.template.and_then(|id| self.ide.template_of(id)) else { return };
        for parameter in &template.parameters {
            let kind = schema::by_keyword(&parameter.kind.text).map(|schema| schema.kind);
            if kinds.is_none_or(|kinds| kind.is_some_and(|kind| kinds.contains(&kind))) {
                self.simple(&parameter.name.text, CompletionKind::Parameter, &parameter.kind.text, "");
            }
        }
    }

    /// Declarations of some kinds: those seen from here, then those that a `use` would bring in.
    fn names(&mut self, kinds: &[Kind]) {
        self.parameters(Some(kinds));
        let index = self.ide.names();
        if let Some(names) = self.scope.template.and_then(|template| index.templates.get(&template)) {
            for (name, found) in self.fitting(names) {
                self.declared(name, found, kinds, 0);
            }
        }
        let mut imports: Vec<_> = self.scope.imports.iter().collect();
        imports.sort_unstable_by_key(|(name, _)| *name);
        for (name, path) in imports {
            for symbol in self.ide.import_target(path, self.file) {
                if let Symbol::Declaration(id, kind) = symbol {
                    self.declared(name, &[(id, kind)], kinds, 0);
                }
            }
        }
        let mut around = Some(self.scope.module);
        while let Some(module) = around.and_then(|id| index.modules.get(id as usize)) {
            for (name, found) in self.fitting(&module.names) {
                self.declared(name, found, kinds, 1);
            }
            around = module.outer;
        }
        if let Some(root) = index.modules.get(ROOT as usize) {
            let mut modules: Vec<_> = root.inner.iter().collect();
            modules.sort_unstable();
            for (name, id) in modules {
                if *id != STANDARD {
                    self.simple(name, CompletionKind::Module, "module", "");
                }
            }
        }
        self.standard(kinds);
    }

    fn declared(&mut self, name: &SmolStr, found: &[(DeclarationId, Kind)], kinds: &[Kind], rank: u8) {
        let Some((id, kind)) = found.iter().find(|(_, kind)| kinds.contains(kind)) else { return };
        if !self.fits(name) {
            return;
        }
        let (insert, snippet) =
            if *kind == Kind::Template { (format!("{name}($0)"), true) } else { (name.to_string(), false) };
        self.push(Completion {
            label: name.clone(),
            kind: CompletionKind::Declaration(*kind),
            detail: schema::of(*kind).keyword.into(),
            documentation: self.ide.item(*id).map(|item| item.documentation.to_string()).unwrap_or_default(),
            insert,
            snippet,
            replace: self.cursor.word,
            more: Vec::new(),
            rank,
            symbol: Some(Symbol::Declaration(*id, *kind)),
        });
    }

    /// Names of `std` that the file does not have yet, with the `use` that they need.
    fn standard(&mut self, kinds: &[Kind]) {
        if self.ide.is_standard(self.file) {
            return;
        }
        let index = self.ide.names();
        let Some(standard) = index.modules.get(STANDARD as usize) else { return };
        let mut modules: Vec<_> = standard.inner.values().copied().collect();
        modules.sort_unstable();
        for module in modules.iter().filter_map(|id| index.modules.get(*id as usize)) {
            for (name, found) in self.fitting(&module.names) {
                let Some((id, kind)) = found.iter().find(|(_, kind)| kinds.contains(kind)) else { continue };
                if !self.fits(name) || self.seen.contains(name) {
                    continue;
                }
                let line = format!("{}.{name}", module.path);
                let more = self.ide.add_use(self.file, &module.path, name);
                self.push(Completion {
                    label: name.clone(),
                    kind: CompletionKind::Declaration(*kind),
                    detail: format!("use {line}"),
                    documentation: self
                        .ide
                        .item(*id)
                        .map(|item| item.documentation.to_string())
                        .unwrap_or_default(),
                    insert: name.to_string(),
                    snippet: false,
                    replace: self.cursor.word,
                    more,
                    rank: 3,
                    symbol: Some(Symbol::Declaration(*id, *kind)),
                });
            }
        }
    }

    fn imports(&mut self, path: &[String]) {
        let path: Vec<SmolStr> = path.iter().map(SmolStr::from).collect();
        let index = self.ide.names();
        let module = match path.as_slice() {
            [] => {
                self.simple("std", CompletionKind::Module, "the standard library", "");
                ROOT
            }
            path => match self.ide.import_target(path, self.file).as_slice() {
                [Symbol::Module(module)] => *module,
                _ => return,
            },
        };
        let Some(module) = index.modules.get(module as usize) else { return };
        let mut inner: Vec<_> = module.inner.keys().collect();
        inner.sort_unstable();
        for name in inner {
            self.snippet(name, CompletionKind::Module, "module", "", name, 0);
        }
        let kinds: Vec<Kind> = schema::SCHEMAS.iter().map(|schema| schema.kind).collect();
        for (name, found) in self.fitting(&module.names) {
            self.declared(name, found, &kinds, 1);
        }
    }

    /// Behind a dot.
    fn members(&mut self, context: &Context) {
        let segments: Vec<Segment> = self
            .cursor
            .path
            .iter()
            .map(|text| Segment {
                name: Name { text: text.into(), span: Span::default() },
                index: None,
                arguments: None,
            })
            .collect();
        let service = matches!(context, Context::Service);
        let kinds: Option<&'static [Kind]> = if service { Some(&[Kind::Protocol]) } else { None };
        let found = self.ide.resolve_segments(&segments, self.scope, kinds);
        if found.len() < segments.len() {
            return;
        }
        let Some(Some(symbol)) = found.last() else { return };
        let index = self.ide.names();
        let all: Vec<Kind> = schema::SCHEMAS.iter().map(|schema| schema.kind).collect();
        match symbol {
            Symbol::Module(module) => {
                let Some(module) = index.modules.get(*module as usize) else { return };
                let mut inner: Vec<_> = module.inner.keys().collect();
                inner.sort_unstable();
                for name in inner {
                    self.simple(name, CompletionKind::Module, "module", "");
                }
                for (name, found) in self.fitting(&module.names) {
                    self.declared(name, found, &all, 0);
                }
            }
            Symbol::Declaration(id, Kind::Instance) => {
                let names = self.ide.template_behind(*id).and_then(|template| index.templates.get(&template));
                for (name, found) in
                    names.into_iter().flat_map(|names| self.fitting(names)).collect::<Vec<_>>()
                {
                    self.declared(name, found, &all, 0);
                }
            }
            Symbol::Declaration(id, Kind::Protocol) => {
                let Some(body) = self.ide.declaration(*id).and_then(|one| one.body.as_ref()) else { return };
                for entry in &body.entries {
                    let weir_syntax::ast::Entry::Block(item) = entry else { continue };
                    let ItemKind::Declaration(inner) = &item.kind else { continue };
                    let effect = inner.body.iter().flat_map(weir_syntax::ast::Block::attributes);
                    let effect = effect.filter(|one| one.name.text == "effect");
                    let detail =
                        effect.into_iter().find_map(|one| Some(one.value.as_word()?.text.to_string()));
                    let name = inner.name.text.clone();
                    self.snippet(
                        &name,
                        CompletionKind::Operation,
                        &detail.unwrap_or_default(),
                        &item.documentation,
                        &name,
                        0,
                    );
                }
            }
            Symbol::Declaration(id, kind) => {
                if matches!(kind, Kind::Network | Kind::Slice | Kind::Cluster | Kind::External) {
                    self.snippet("host", CompletionKind::Function, "the n-th address", "", "host(${1:n})", 0);
                    self.snippet(
                        "subnet",
                        CompletionKind::Function,
                        "the n-th prefix of a length",
                        "",
                        "subnet(${1:length}, ${2:n})",
                        1,
                    );
                }
                let Some(declaration) = self.ide.declaration(*id) else { return };
                for attribute in declaration.body.iter().flat_map(weir_syntax::ast::Block::attributes) {
                    let name = attribute.name.text.clone();
                    self.snippet(&name, CompletionKind::Attribute, "attribute", "", &name, 1);
                }
            }
            _ => {}
        }
    }

    /// Arguments of an operation, or parameters of a template.
    fn arguments(&mut self, path: &[String]) {
        let segments: Vec<Segment> = path
            .iter()
            .map(|text| Segment {
                name: Name { text: text.into(), span: Span::default() },
                index: None,
                arguments: None,
            })
            .collect();
        let found = self.ide.resolve_segments(&segments, self.scope, None);
        match found.last().filter(|_| found.len() == segments.len()) {
            Some(Some(Symbol::Inner(id, at, None))) => {
                let Some((_, operation)) = self.ide.inner(*id, *at, None) else { return };
                for entry in operation.body.iter().flat_map(|body| &body.entries) {
                    let weir_syntax::ast::Entry::Block(item) = entry else { continue };
                    let ItemKind::Declaration(inner) = &item.kind else { continue };
                    let kind = inner.body.iter().flat_map(weir_syntax::ast::Block::attributes);
                    let kind = kind.filter(|one| one.name.text == "type").find_map(|one| one.value.as_word());
                    let name = &inner.name.text;
                    let text = match kind.map(|kind| kind.text.as_str()) {
                        Some("range") => format!("{name} ${{1:first}}..${{2:last}}"),
                        Some("assignment") => format!("{name} ${{1:number}} = ${{2:value}}"),
                        _ => "\"$1\"".to_owned(),
                    };
                    self.snippet(
                        name,
                        CompletionKind::Argument,
                        kind.map_or("", |kind| &kind.text),
                        &item.documentation,
                        &text,
                        0,
                    );
                }
            }
            Some(Some(Symbol::Declaration(id, Kind::Template))) => {
                let Some(template) = self.ide.template_of(*id) else { return };
                for parameter in &template.parameters {
                    let name = &parameter.name.text;
                    self.snippet(
                        name,
                        CompletionKind::Argument,
                        &parameter.kind.text,
                        "",
                        &format!("{name} = $0"),
                        0,
                    );
                }
            }
            _ => self.names(SETS),
        }
    }
}

impl Ide {
    /// The edit that brings a name in, in a file that does not have it.
    pub(crate) fn add_use(&self, file: FileId, module: &str, name: &str) -> Vec<Edit> {
        let (Some(tree), Some(text)) = (self.tree(file), self.text(file)) else { return Vec::new() };
        let uses = tree.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Use(uses) => Some((item, uses)),
            _ => None,
        });
        let mut last = None;
        for (item, uses) in uses {
            last = Some(item.span.end);
            let same = |import: &weir_syntax::ast::Import| {
                let path: Vec<&str> = import.path.iter().map(|name| name.text.as_str()).collect();
                path.split_last().is_some_and(|(_, before)| before.join(".") == module)
            };
            let written = item.span.of(text);
            if uses.imports.iter().all(same)
                && let Some(end) = written.rfind('}')
                && let Some(import) = uses.imports.last()
                && !written.contains("//")
            {
                let at = import
                    .alias
                    .as_ref()
                    .or(import.path.last())
                    .map_or(item.span.start + end as u32, |name| name.span.end);
                return vec![Edit { file, span: Span::new(at, at), text: format!(", {name}") }];
            }
        }
        let line = format!("use {module}.{name}");
        let (at, line) = match last {
            Some(end) => (end, format!("\n{line}")),
            None => {
                let head: usize = text
                    .split_inclusive('\n')
                    .take_while(|line| line.trim().is_empty() || line.trim_start().starts_with("//!"))
                    .map(str::len)
                    .sum();
                (head as u32, format!("{line}\n\n"))
            }
        };
        vec![Edit { file, span: Span::new(at, at), text: line }]
    }
}
