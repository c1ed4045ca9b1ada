//! From the editor layer's data to that of the protocol.

use tower_lsp::ls_types::{
    CodeDescription, CompletionItem, CompletionItemKind, CompletionItemLabelDetails, CompletionTextEdit,
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, DocumentSymbol,
    Documentation, InsertTextFormat, Location, MarkupContent, MarkupKind, NumberOrString, Range, SymbolKind,
    TextEdit,
};
use weir_compiler::names::Kind;
use weir_ide::{Completion, CompletionKind, OutlineItem};
use weir_syntax::{FileId, Severity};

use crate::{places, view::View};

/// What is wrong with a file, as the client shows it.
pub(crate) fn diagnostics(view: &View, file: FileId) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> =
        view.ide.diagnostics(file).iter().map(|one| diagnostic(view, file, one)).collect();
    if file == FileId(0) && !view.standalone {
        found.extend(view.ide.placeless_diagnostics().iter().map(|one| diagnostic(view, file, one)));
    }
    found
}

pub(crate) fn diagnostic(view: &View, file: FileId, from: &weir_syntax::Diagnostic) -> Diagnostic {
    let primary = from.labels.first();
    let mut message = from.message.clone();
    if let Some(label) = primary.filter(|label| !label.message.is_empty()) {
        message.push_str(": ");
        message.push_str(&label.message);
    }
    for note in &from.notes {
        message.push_str("\nnote: ");
        message.push_str(note);
    }
    if let Some(help) = &from.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    let related = from.labels.iter().skip(1).filter_map(|label| {
        let location = view.location(label.file, label.span)?;
        Some(DiagnosticRelatedInformation { location, message: label.message.clone() })
    });
    let related: Vec<_> = related.collect();
    let unnecessary = matches!(from.code.id, "W0201" | "W0501" | "W0503" | "W0505" | "W0506");
    Diagnostic {
        range: primary.map_or_else(Range::default, |label| view.range(file, label.span)),
        severity: Some(match from.severity() {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        }),
        code: Some(NumberOrString::String(from.code.id.into())),
        code_description: places::page(from.code.id).map(|href| CodeDescription { href }),
        source: Some("weir".into()),
        message,
        related_information: (!related.is_empty()).then_some(related),
        tags: unnecessary.then(|| vec![DiagnosticTag::UNNECESSARY]),
        data: None,
    }
}

pub(crate) fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}

pub(crate) fn symbol_kind(kind: Option<Kind>) -> SymbolKind {
    match kind {
        None => SymbolKind::EVENT,
        Some(Kind::Class) => SymbolKind::CLASS,
        Some(Kind::Template) => SymbolKind::FUNCTION,
        Some(Kind::Instance) => SymbolKind::MODULE,
        Some(Kind::Zone | Kind::Network | Kind::Slice) => SymbolKind::NAMESPACE,
        Some(Kind::Conduit) => SymbolKind::OPERATOR,
        Some(Kind::Protocol) => SymbolKind::INTERFACE,
        Some(Kind::Group) => SymbolKind::ARRAY,
        Some(Kind::Policy | Kind::Exception) => SymbolKind::PACKAGE,
        Some(Kind::Role) => SymbolKind::ENUM,
        Some(_) => SymbolKind::OBJECT,
    }
}

pub(crate) fn completion_kind(kind: CompletionKind) -> CompletionItemKind {
    match kind {
        CompletionKind::Keyword => CompletionItemKind::KEYWORD,
        CompletionKind::Attribute => CompletionItemKind::PROPERTY,
        CompletionKind::Block => CompletionItemKind::STRUCT,
        CompletionKind::Declaration(Kind::Class) => CompletionItemKind::CLASS,
        CompletionKind::Declaration(Kind::Template) => CompletionItemKind::FUNCTION,
        CompletionKind::Declaration(Kind::Protocol) => CompletionItemKind::INTERFACE,
        CompletionKind::Declaration(_) => CompletionItemKind::VARIABLE,
        CompletionKind::Module => CompletionItemKind::MODULE,
        CompletionKind::Parameter => CompletionItemKind::TYPE_PARAMETER,
        CompletionKind::Operation => CompletionItemKind::METHOD,
        CompletionKind::Argument => CompletionItemKind::FIELD,
        CompletionKind::Word => CompletionItemKind::ENUM_MEMBER,
        CompletionKind::Function => CompletionItemKind::FUNCTION,
        CompletionKind::Snippet => CompletionItemKind::SNIPPET,
    }
}

/// `snippets`: whether the client fills in placeholders.
pub(crate) fn completion(view: &View, file: FileId, from: Completion, snippets: bool) -> CompletionItem {
    let text = if from.snippet && !snippets { plain(&from.insert) } else { from.insert };
    let more: Vec<TextEdit> = from
        .more
        .iter()
        .map(|edit| TextEdit { range: view.range(edit.file, edit.span), new_text: edit.text.clone() })
        .collect();
    CompletionItem {
        sort_text: Some(format!("{}{}", from.rank, from.label)),
        label: from.label.to_string(),
        label_details: (from.rank == 3)
            .then(|| CompletionItemLabelDetails { detail: None, description: Some(from.detail.clone()) }),
        kind: Some(completion_kind(from.kind)),
        detail: (!from.detail.is_empty()).then_some(from.detail),
        documentation: (!from.documentation.is_empty())
            .then(|| Documentation::MarkupContent(markdown(from.documentation))),
        insert_text_format: (from.snippet && snippets).then_some(InsertTextFormat::SNIPPET),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit {
            range: view.range(file, from.replace),
            new_text: text,
        })),
        additional_text_edits: (!more.is_empty()).then_some(more),
        ..CompletionItem::default()
    }
}

/// A snippet without its placeholders, up to where the first one stands.
fn plain(snippet: &str) -> String {
    let mut text = String::new();
    let mut rest = snippet;
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(inner) = rest.strip_prefix('{') {
            let end = inner.find('}').unwrap_or(inner.len());
            text.push_str(inner[..end].split_once(':').map_or("", |(_, word)| word));
            rest = inner.get(end + 1..).unwrap_or("");
        } else {
            rest = rest.trim_start_matches(|one: char| one.is_ascii_digit());
        }
    }
    text.push_str(rest);
    text
}

pub(crate) fn outline(view: &View, file: FileId, item: OutlineItem) -> DocumentSymbol {
    let children: Vec<DocumentSymbol> =
        item.inner.into_iter().map(|inner| outline(view, file, inner)).collect();
    #[expect(deprecated, reason = "the protocol's type has a field that is deprecated, and has to be given")]
    DocumentSymbol {
        name: if item.name.is_empty() { "?".into() } else { item.name },
        detail: (!item.detail.is_empty()).then_some(item.detail),
        kind: symbol_kind(item.kind),
        tags: None,
        deprecated: None,
        range: view.range(file, item.full),
        selection_range: view.range(file, item.span),
        children: (!children.is_empty()).then_some(children),
    }
}

pub(crate) fn location(view: &View, from: weir_ide::Location) -> Option<Location> {
    view.location(from.file, from.span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_without_snippets_gets_plain_text() {
        assert_eq!(plain("policy ${1:name} {\n\t$0\n}"), "policy name {\n\t\n}");
        assert_eq!(plain("host(${1:n})"), "host(n)");
        assert_eq!(plain("a = $2"), "a = ");
    }
}
