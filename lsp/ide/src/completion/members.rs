//! What stands behind a dot, and in the parentheses of what stands there.

use weir_compiler::names::{Kind, schema};
use weir_syntax::{
    Span,
    ast::{ItemKind, Name, Segment},
};

use super::{CompletionKind, Proposals, SETS};
use crate::{context::Context, names::Symbol};

impl Proposals<'_> {
    /// Behind a dot.
    pub(super) fn members(&mut self, context: &Context) {
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
    pub(super) fn arguments(&mut self, path: &[String]) {
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
