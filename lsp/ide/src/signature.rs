//! What goes into the parentheses that the cursor is in: an operation's arguments, a template's parameters.

use weir_compiler::names::Kind;
use weir_syntax::{
    FileId, Span,
    ast::{Block, Entry, ItemKind, Name, Segment},
};

use crate::{
    context::{Context, cursor},
    database::DeclarationId,
    host::Ide,
    names::{Scope, Symbol},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `modbus.write(coils FIRST..LAST, coil NUMBER = VALUE)`.
    pub label: String,
    pub documentation: String,
    /// Each parameter as it stands in the label, with its documentation.
    pub parameters: Vec<(String, String)>,
    pub active: Option<u32>,
}

impl Ide {
    pub fn signature(&self, file: FileId, offset: u32) -> Option<Signature> {
        let text = self.text(file)?;
        let Context::Argument(path) = cursor(text, offset).context else { return None };
        let segment = |text: &String| Segment {
            name: Name { text: text.into(), span: Span::default() },
            index: None,
            arguments: None,
        };
        let segments: Vec<Segment> = path.iter().map(segment).collect();
        let template = self.tree(file).and_then(|tree| {
            let inside = |item: &weir_syntax::ast::Item| item.span.start <= offset && offset <= item.span.end;
            let at = tree
                .items
                .iter()
                .position(|item| matches!(item.kind, ItemKind::Template(_)) && inside(item))?;
            Some(DeclarationId { file, item: at as u32, inner: None })
        });
        let scope = Scope { file, module: self.module_of(file), template, imports: self.imports(file) };
        let found = self.resolve_segments(&segments, scope, None);
        let symbol = found.last().filter(|_| found.len() == segments.len())?.as_ref()?;
        let (name, documentation, parameters) = match symbol {
            Symbol::Inner(id, at, None) => {
                let (item, operation) = self.inner(*id, *at, None)?;
                let mut parameters = Vec::new();
                for entry in operation.body.iter().flat_map(|body| &body.entries) {
                    let Entry::Block(item) = entry else { continue };
                    let ItemKind::Declaration(inner) = &item.kind else { continue };
                    let mut types =
                        inner.body.iter().flat_map(Block::attributes).filter(|one| one.name.text == "type");
                    let kind = types.find_map(|one| one.value.as_word()).map(|word| word.text.as_str());
                    let label = match kind {
                        Some("range") => format!("{} FIRST..LAST", inner.name.text),
                        Some("assignment") => format!("{} NUMBER = VALUE", inner.name.text),
                        _ => format!("\"{}\"", inner.name.text),
                    };
                    parameters.push((label, item.documentation.to_string()));
                }
                (path.join("."), item.documentation.to_string(), parameters)
            }
            Symbol::Declaration(id, Kind::Template) => {
                let template = self.template_of(*id)?;
                let parameters = template.parameters.iter();
                let parameters =
                    parameters.map(|one| (format!("{}: {}", one.name.text, one.kind.text), String::new()));
                (path.join("."), self.item(*id)?.documentation.to_string(), parameters.collect())
            }
            Symbol::Function(_) | Symbol::Declaration(..) => return None,
            _ => return None,
        };
        let labels: Vec<&str> = parameters.iter().map(|(label, _)| label.as_str()).collect();
        let label = format!("{name}({})", labels.join(", "));
        // which one: by its name, where it is written, else by the commas before
        let before = text.get(..offset as usize)?;
        let inside = before.rsplit('(').next().unwrap_or("");
        let current = inside.rsplit(',').next().unwrap_or("").trim_start();
        let word: String =
            current.chars().take_while(|part| part.is_ascii_alphanumeric() || *part == '_').collect();
        let by_name = parameters.iter().position(|(label, _)| {
            !word.is_empty() && label.trim_matches('"').split([' ', ':']).next() == Some(word.as_str())
        });
        let active =
            by_name.or_else(|| Some(inside.matches(',').count()).filter(|at| *at < parameters.len()));
        Some(Signature { label, documentation, parameters, active: active.map(|at| at as u32) })
    }
}
