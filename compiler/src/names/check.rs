//! The shape of declarations: known kinds, the parts of their heads, known attributes once each, required ones present.
//! Looks at one file alone.

use rustc_hash::FxHashMap;
use weir_syntax::{
    Diagnostic, FileId, Span,
    ast::{Attribute, Block, Declaration, Entry, File, Flow, Item, ItemKind, Template},
    diagnostic::codes,
};

use super::{
    Kind,
    expand::PARAMETER_TYPES,
    schema::{self, InnerBlock, Schema},
};

/// Everything that is wrong with the shape of a file's declarations.
pub fn check_file(tree: &File, file: FileId) -> Vec<Diagnostic> {
    let mut checker = Checker { file, diagnostics: Vec::new() };
    for item in &tree.items {
        checker.item(item);
    }
    checker.diagnostics
}

struct Checker {
    file: FileId,
    diagnostics: Vec<Diagnostic>,
}

impl Checker {
    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Declaration(declaration) => self.declaration(declaration),
            ItemKind::Template(template) => self.template(template),
            ItemKind::Flow(flow) => self.flow(flow),
            ItemKind::Assertion(assertion) => self.assertion(assertion),
            ItemKind::Use(_) | ItemKind::Error => {}
        }
    }

    fn template(&mut self, template: &Template) {
        for (index, parameter) in template.parameters.iter().enumerate() {
            let kind = parameter.kind.text.as_str();
            if !PARAMETER_TYPES.contains(&kind) && schema::by_keyword(kind).is_none() {
                let known = PARAMETER_TYPES
                    .iter()
                    .copied()
                    .chain(schema::SCHEMAS.iter().map(|schema| schema.keyword));
                let types =
                    || format!("types are {}, and the kinds of declaration", PARAMETER_TYPES.join(", "));
                self.unknown(
                    &codes::E0302,
                    format!("`{kind}` is no type"),
                    &parameter.kind,
                    "unknown type",
                    known,
                    types,
                );
            }
            if template.parameters[..index].iter().any(|earlier| earlier.name.text == parameter.name.text) {
                let message = format!("parameter `{}` is declared twice", parameter.name.text);
                self.report(&codes::E0201, message, parameter.name.span, "again here", "rename one of them");
            }
        }
        for item in &template.items {
            if let ItemKind::Use(_) = item.kind {
                let message = "`use` stands at the top of a file, not in a template";
                self.report(&codes::E0211, message, item.span, "not here", "move it to the top of the file");
            } else {
                self.item(item);
            }
        }
    }

    fn declaration(&mut self, declaration: &Declaration) {
        let keyword = &declaration.keyword;
        let Some(schema) = schema::by_keyword(&keyword.text) else {
            let known =
                schema::SCHEMAS.iter().map(|schema| schema.keyword).chain(["allow", "deny", "assert", "use"]);
            let message = format!("`{}` is no kind of declaration", keyword.text);
            let kinds = || format!("the kinds are {}", known.clone().collect::<Vec<_>>().join(", "));
            self.unknown(&codes::E0206, message, keyword, "unknown", known.clone(), kinds);
            return;
        };
        self.head(declaration, schema);
        let Some(body) = &declaration.body else {
            self.required(declaration.name.span, schema, &Block::default());
            return;
        };
        let inherits = matches!(schema.kind, Kind::Device | Kind::Class);
        for entry in &body.entries {
            match entry {
                Entry::Attribute(attribute) => {
                    // what a device may have depends on its class, and is checked with it
                    if !inherits {
                        self.attribute(attribute, schema.attributes, schema.keyword, body);
                    }
                }
                Entry::Block(Item { kind: ItemKind::Declaration(inner), .. }) => {
                    self.inner_block(inner, schema.blocks, schema.attributes, schema.keyword);
                }
                Entry::Flow(item) if !schema.flows => self.report(
                    &codes::E0211,
                    format!("a flow cannot stand in a {}", schema.keyword),
                    item.span,
                    "not here",
                    "put it into a `policy`, or at the top of the file",
                ),
                Entry::Flow(Item { kind: ItemKind::Flow(flow), .. }) => self.flow(flow),
                Entry::Block(_) | Entry::Flow(_) | Entry::Error(_) => {}
            }
        }
        self.once(body);
        self.required(declaration.name.span, schema, body);
    }

    fn head(&mut self, declaration: &Declaration, schema: &Schema) {
        let keyword = schema.keyword;
        let head = schema.head;
        let span = |path: &weir_syntax::ast::Path| path.span;
        let parts = [
            (declaration.array.as_ref().map(|part| part.span), head.array, "an array's range"),
            (declaration.class.as_ref().map(|part| part.span), head.class, "`: …`"),
            (declaration.cluster.as_ref().map(span), head.cluster, "`in …`"),
            (declaration.between.first().map(span), head.between, "`between …`"),
            (declaration.value.as_ref().map(|part| part.span), head.value, "`= …`"),
        ];
        for (span, allowed, part) in parts {
            if let (Some(span), false) = (span, allowed) {
                let message = format!("a {keyword} has no {part}");
                if let (Some(value), true) = (&declaration.value, part.starts_with("`=")) {
                    let help = match &value.kind {
                        weir_syntax::ast::ExprKind::Map(_) => {
                            "a block opens without `=`: `KIND NAME { … }`".into()
                        }
                        _ if head.class => format!(
                            "the class stands behind `:`: `{keyword} {} : CLASS`",
                            declaration.name.text
                        ),
                        _ => format!("write `{keyword} {} {{ … }}`", declaration.name.text),
                    };
                    self.report(&codes::E0210, message, span, "not here", help);
                    continue;
                }
                self.report(
                    &codes::E0210,
                    message,
                    span,
                    "not here",
                    format!("remove it: {}", schema.documentation),
                );
            }
        }
        let missing = [
            (head.cluster && declaration.cluster.is_none(), "`in CLUSTER`"),
            (head.between && declaration.between.len() < 2, "`between ZONE, ZONE`"),
            (head.value && declaration.value.is_none(), "`= SET`"),
            (schema.kind == Kind::Instance && declaration.class.is_none(), "`: TEMPLATE(…)`"),
        ];
        for (is_missing, part) in missing {
            if is_missing {
                let message = format!("a {keyword} needs {part}");
                let help = format!("write `{keyword} {} {}`", declaration.name.text, part.trim_matches('`'));
                self.report(&codes::E0210, message, declaration.name.span, "incomplete", help);
            }
        }
        if let [first, second] = declaration.between.as_slice()
            && head.between
            && first.as_word().zip(second.as_word()).is_some_and(|(a, b)| a.text == b.text)
        {
            let message = "a conduit joins two zones, not one with itself";
            self.report(
                &codes::E0210,
                message,
                second.span,
                "the same zone",
                "inside of a zone, no conduit is needed",
            );
        }
        let (head_span, count) = (declaration.between.get(2), declaration.between.len());
        if let Some(third) = head_span.filter(|_| head.between) {
            let message = format!("a conduit joins two zones, not {count}");
            self.report(
                &codes::E0210,
                message,
                third.span,
                "one too many",
                "declare a conduit for each pair",
            );
        }
    }

    /// `body` is the block that the attribute stands in.
    fn attribute(&mut self, attribute: &Attribute, known: &[schema::Attribute], of: &str, body: &Block) {
        let name = &attribute.name;
        if known.iter().any(|candidate| candidate.name == name.text) {
            return;
        }
        let names = known.iter().map(|candidate| candidate.name);
        let message = format!("a {of} has no attribute `{}`", name.text);
        if matches!(of, "policy" | "exception")
            && schema::FLOW.iter().any(|candidate| candidate.name == name.text)
        {
            let help = format!("write it behind the flow: `allow … : … {{ {} = … }}`", name.text);
            self.report(&codes::E0207, message, name.span, "an attribute of flows", help);
            return;
        }
        let label = "unknown attribute";
        let mut missing = known
            .iter()
            .filter(|one| one.required && !body.attributes().any(|given| given.name.text == one.name))
            .map(|one| one.name);
        let near = weir_syntax::diagnostic::nearest(&name.text, names.clone());
        if let (None, Some(missing), None) = (near, missing.next(), missing.next()) {
            let wrong = Diagnostic::new(&codes::E0207, message)
                .primary(self.file, name.span, label)
                .help(format!("`{missing}` is missing: did you mean it?"))
                .fix(format!("write `{missing}`"), self.file, name.span, missing);
            self.diagnostics.push(wrong);
            return;
        }
        let all = || {
            if known.is_empty() {
                "remove it".into()
            } else {
                format!("it has: {}", names.clone().collect::<Vec<_>>().join(", "))
            }
        };
        self.unknown(&codes::E0207, message, name, label, names.clone(), all);
    }

    fn inner_block(
        &mut self,
        inner: &Declaration,
        known: &[InnerBlock],
        attributes: &[schema::Attribute],
        of: &str,
    ) {
        let keyword = &inner.keyword;
        let Some(block) = known.iter().find(|block| block.keyword == keyword.text) else {
            let is_attribute = attributes.iter().any(|attribute| attribute.name == keyword.text);
            if is_attribute && inner.name.span != keyword.span {
                let between = Span::new(keyword.span.end, keyword.span.end);
                let missing = Diagnostic::new(
                    &codes::E0207,
                    format!("`{}` is an attribute, and has no `=`", keyword.text),
                )
                .primary(self.file, keyword.span, "expected `=` behind it")
                .help(format!("write `{} = {}`", keyword.text, inner.name.text))
                .fix("add `=`", self.file, between, " =");
                self.diagnostics.push(missing);
                return;
            }
            let names = known.iter().map(|block| block.keyword);
            let message = format!("a {of} has no block `{}`", keyword.text);
            let all = || {
                if known.is_empty() {
                    "close the block before it, or remove it".into()
                } else {
                    format!("blocks in it are: {}", names.clone().collect::<Vec<_>>().join(", "))
                }
            };
            self.unknown(&codes::E0207, message, keyword, "unknown block", names.clone(), all);
            return;
        };
        let is_named = inner.name.span != keyword.span;
        if is_named != block.named {
            let (message, help) = if block.named {
                (
                    format!("this `{}` has no name", keyword.text),
                    format!("write `{} NAME {{ … }}`", keyword.text),
                )
            } else {
                (format!("`{}` has no name", keyword.text), format!("write `{} {{ … }}`", keyword.text))
            };
            self.report(&codes::E0210, message, inner.name.span, block.documentation, help);
        }
        if let Some(value) = &inner.value {
            let message = format!("`{}` has no `= …`", keyword.text);
            let help = format!("a block opens without `=`: `{} {} {{ … }}`", keyword.text, inner.name.text);
            self.report(&codes::E0210, message, value.span, "not here", help);
            return;
        }
        let empty = Block::default();
        let body = inner.body.as_ref().unwrap_or(&empty);
        for entry in &body.entries {
            match entry {
                Entry::Attribute(attribute) => {
                    self.attribute(attribute, block.attributes, block.keyword, body);
                }
                Entry::Block(Item { kind: ItemKind::Declaration(deeper), .. }) => {
                    self.inner_block(deeper, block.blocks, block.attributes, block.keyword);
                }
                Entry::Flow(item) => {
                    let message = format!("a flow cannot stand in `{}`", block.keyword);
                    self.report(&codes::E0211, message, item.span, "not here", "put it into a `policy`");
                }
                Entry::Block(_) | Entry::Error(_) => {}
            }
        }
        self.once(body);
        self.required_of(inner.name.span, block.attributes, body, block.keyword);
    }

    fn flow(&mut self, flow: &Flow) {
        self.statement_block(flow.body.as_ref(), schema::FLOW, "flow");
    }

    fn assertion(&mut self, assertion: &weir_syntax::ast::Assertion) {
        use weir_syntax::ast::{Arrow, Claim};
        const KINDS: &[&str] = &["allow", "deny", "only", "never", "isolated"];
        let kind = &assertion.kind;
        let expected = match kind.text.as_str() {
            "allow" | "deny" | "only" => "`SOURCE -> DESTINATION : SERVICE`",
            "never" => "`SOURCE ~> DESTINATION`",
            "isolated" => "`A, B`",
            _ => {
                let message = format!("`{}` is no assertion", kind.text);
                let all = || format!("assertions are: {}", KINDS.join(", "));
                self.unknown(&codes::E0302, message, kind, "unknown", KINDS.iter().copied(), all);
                return;
            }
        };
        let fits = matches!(
            (&assertion.claim, kind.text.as_str()),
            (
                Claim::Flow { arrow: Arrow::Flow | Arrow::Both, service: Some(_), .. },
                "allow" | "deny" | "only"
            ) | (Claim::Flow { arrow: Arrow::Reach, .. }, "never")
                | (Claim::Members(_), "isolated")
        );
        if !fits {
            let message = format!("`assert {}` is written with {expected}", kind.text);
            let help = format!("write `assert {} {}`", kind.text, expected.trim_matches('`'));
            self.report(&codes::E0210, message, kind.span, "another form is written", help);
        }
        self.statement_block(assertion.body.as_ref(), schema::ASSERTION, "assertion");
    }

    fn statement_block(&mut self, body: Option<&Block>, known: &[schema::Attribute], of: &str) {
        let Some(body) = body else { return };
        for entry in &body.entries {
            match entry {
                Entry::Attribute(attribute) => self.attribute(attribute, known, of, body),
                Entry::Block(item) | Entry::Flow(item) => {
                    let help = "close the block before it, or remove it";
                    self.report(
                        &codes::E0211,
                        format!("a {of} holds attributes only"),
                        item.span,
                        "not here",
                        help,
                    );
                }
                Entry::Error(_) => {}
            }
        }
        self.once(body);
    }

    /// No attribute twice, no inner block of one name twice.
    fn once(&mut self, body: &Block) {
        let mut seen: FxHashMap<(&str, &str), Span> = FxHashMap::default();
        for entry in &body.entries {
            let (keyword, name, span) = match entry {
                Entry::Attribute(attribute) => ("", attribute.name.text.as_str(), attribute.name.span),
                Entry::Block(Item { kind: ItemKind::Declaration(inner), .. })
                    if inner.keyword.text != "route" =>
                {
                    (inner.keyword.text.as_str(), inner.name.text.as_str(), inner.name.span)
                }
                _ => continue,
            };
            if let Some(first) = seen.get(&(keyword, name)) {
                let twice = Diagnostic::new(&codes::E0208, format!("`{name}` is given twice"))
                    .primary(self.file, span, "again here")
                    .secondary(self.file, *first, "first here")
                    .help("remove one of the two; several values go into a list: `[a, b]`");
                self.diagnostics.push(twice);
            } else {
                seen.insert((keyword, name), span);
            }
        }
    }

    fn required(&mut self, span: Span, schema: &Schema, body: &Block) {
        self.required_of(span, schema.attributes, body, schema.keyword);
    }

    fn required_of(&mut self, span: Span, known: &[schema::Attribute], body: &Block, of: &str) {
        let given = |name: &str| body.attributes().any(|attribute| attribute.name.text == name);
        let missing: Vec<&str> = known
            .iter()
            .filter(|attribute| attribute.required && !given(attribute.name))
            .map(|a| a.name)
            .collect();
        if !missing.is_empty() {
            let list = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let first = known.iter().find(|attribute| attribute.name == missing[0]);
            let help = format!(
                "add `{} = …`: {}",
                missing[0],
                first.map_or("", |attribute| attribute.documentation)
            );
            self.report(&codes::E0209, format!("this {of} lacks {list}"), span, "incomplete", help);
        }
    }

    /// A word that is none of those known.
    fn unknown<'n>(
        &mut self,
        code: &'static weir_syntax::Code,
        message: String,
        word: &weir_syntax::ast::Name,
        label: &str,
        known: impl IntoIterator<Item = &'n str>,
        all: impl FnOnce() -> String,
    ) {
        let unknown = Diagnostic::new(code, message)
            .primary(self.file, word.span, label)
            .did_you_mean(&word.text, self.file, word.span, known)
            .help_otherwise(all);
        self.diagnostics.push(unknown);
    }

    fn report(
        &mut self,
        code: &'static weir_syntax::Code,
        message: impl Into<String>,
        span: Span,
        label: &str,
        help: impl Into<String>,
    ) {
        self.diagnostics.push(Diagnostic::new(code, message).primary(self.file, span, label).help(help));
    }
}
