//! The shape of declarations: known kinds, the parts of their heads, known attributes once each, required ones present.
//! Looks at one file alone.

use rustc_hash::FxHashMap;
use weir_syntax::{
    Diagnostic, FileId, Span,
    ast::{Attribute, Block, Declaration, Entry, File, Flow, Item, ItemKind, Template},
    diagnostic::{codes, did_you_mean},
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
                let help = did_you_mean(kind, known).unwrap_or_else(|| {
                    format!("types are {}, and the kinds of declaration", PARAMETER_TYPES.join(", "))
                });
                self.report(
                    &codes::E0302,
                    format!("`{kind}` is no type"),
                    parameter.kind.span,
                    "unknown type",
                    help,
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
            let help = did_you_mean(&keyword.text, known.clone())
                .unwrap_or_else(|| format!("the kinds are {}", known.collect::<Vec<_>>().join(", ")));
            let message = format!("`{}` is no kind of declaration", keyword.text);
            self.report(&codes::E0206, message, keyword.span, "unknown", help);
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
                        self.attribute(attribute, schema.attributes, schema.keyword);
                    }
                }
                Entry::Block(Item { kind: ItemKind::Declaration(inner), .. }) => {
                    self.inner_block(inner, schema.blocks, schema.keyword);
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

    fn attribute(&mut self, attribute: &Attribute, known: &[schema::Attribute], of: &str) {
        if known.iter().any(|candidate| candidate.name == attribute.name.text) {
            return;
        }
        let names = known.iter().map(|candidate| candidate.name);
        let help = did_you_mean(&attribute.name.text, names.clone()).unwrap_or_else(|| {
            if known.is_empty() {
                "remove it".into()
            } else {
                format!("it has: {}", names.collect::<Vec<_>>().join(", "))
            }
        });
        let message = format!("a {of} has no attribute `{}`", attribute.name.text);
        self.report(&codes::E0207, message, attribute.name.span, "unknown attribute", help);
    }

    fn inner_block(&mut self, inner: &Declaration, known: &[InnerBlock], of: &str) {
        let keyword = &inner.keyword;
        let Some(block) = known.iter().find(|block| block.keyword == keyword.text) else {
            let names = known.iter().map(|block| block.keyword);
            let help = did_you_mean(&keyword.text, names.clone()).unwrap_or_else(|| {
                if known.is_empty() {
                    "close the block before it, or remove it".into()
                } else {
                    format!("blocks in it are: {}", names.collect::<Vec<_>>().join(", "))
                }
            });
            let message = format!("a {of} has no block `{}`", keyword.text);
            self.report(&codes::E0207, message, keyword.span, "unknown block", help);
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
        let empty = Block::default();
        let body = inner.body.as_ref().unwrap_or(&empty);
        for entry in &body.entries {
            match entry {
                Entry::Attribute(attribute) => self.attribute(attribute, block.attributes, block.keyword),
                Entry::Block(Item { kind: ItemKind::Declaration(deeper), .. }) => {
                    self.inner_block(deeper, block.blocks, block.keyword);
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
                let help = did_you_mean(&kind.text, KINDS.iter().copied())
                    .unwrap_or_else(|| format!("assertions are: {}", KINDS.join(", ")));
                let message = format!("`{}` is no assertion", kind.text);
                self.report(&codes::E0302, message, kind.span, "unknown", help);
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
                Entry::Attribute(attribute) => self.attribute(attribute, known, of),
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
