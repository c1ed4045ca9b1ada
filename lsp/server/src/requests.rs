//! What is asked of a view: each request of the protocol, by the feature behind it.

use std::hash::BuildHasher as _;

use serde_json::{Value, json};
use tower_lsp::{
    jsonrpc::{Error, ErrorCode, Result},
    ls_types::{
        CallHierarchyIncomingCall, CallHierarchyItem, CallHierarchyOutgoingCall, CodeAction,
        CodeActionContext, CodeActionKind, CodeActionOrCommand, CodeLens, Command, CompletionItem,
        CompletionList, Diagnostic, DocumentHighlight, DocumentHighlightKind, DocumentLink, DocumentSymbol,
        Documentation, FoldingRange, FoldingRangeKind, Hover, HoverContents, InlayHint, InlayHintKind,
        InlayHintLabel, Location, LocationLink, OneOf, ParameterInformation, ParameterLabel, Position,
        PrepareRenameResponse, Range, SelectionRange, SemanticToken, SemanticTokens, SignatureHelp,
        SignatureInformation, TextEdit, Uri, WorkspaceEdit, WorkspaceSymbol,
    },
};
use weir_ide::{ActionKind, FoldKind, Job, LensKind, PrincipalItem, RenameError};
use weir_syntax::{FileId, Span};

use crate::{
    clock::now_in_seconds,
    convert::{self, markdown},
    places::Place,
    view::View,
};

/// Commands that the server runs.
pub(crate) const COMMANDS: &[&str] = &["weir.explainFlow", "weir.artifacts", "weir.artifactText", GRAPH];
/// The one command that takes as long as an analysis, and so answers without a view.
pub(crate) const GRAPH: &str = "weir.graph";

fn place(view: &View, uri: &Uri, position: Position) -> Option<(FileId, u32)> {
    let file = view.file(uri)?;
    Some((file, view.offset(file, position)))
}

pub(crate) fn hover(view: &View, uri: &Uri, position: Position) -> Option<Hover> {
    let (file, offset) = place(view, uri, position)?;
    let found = view.ide.hover(file, offset)?;
    Some(Hover {
        contents: HoverContents::Markup(markdown(found.markdown)),
        range: Some(view.range(file, found.span)),
    })
}

/// Where something is, from what name.
fn link(view: &View, file: FileId, (from, to): (Span, weir_ide::Location)) -> Option<LocationLink> {
    Some(LocationLink {
        origin_selection_range: Some(view.range(file, from)),
        target_uri: view.uri(to.file)?,
        target_range: view.range(to.file, to.full),
        target_selection_range: view.range(to.file, to.span),
    })
}

pub(crate) fn definition(view: &View, uri: &Uri, position: Position) -> Vec<LocationLink> {
    if let Place::Artifact(_, path) = Place::of(uri) {
        // from a line of an artifact to the policy
        let origins = view.ide.origins(&path, position.line);
        let links = origins.into_iter().filter_map(|origin| {
            let to = origin.location;
            Some(LocationLink {
                origin_selection_range: None,
                target_uri: view.uri(to.file)?,
                target_range: view.range(to.file, to.full),
                target_selection_range: view.range(to.file, to.span),
            })
        });
        return links.collect();
    }
    let Some((file, offset)) = place(view, uri, position) else { return Vec::new() };
    view.ide.definition(file, offset).and_then(|found| link(view, file, found)).into_iter().collect()
}

pub(crate) fn type_definition(view: &View, uri: &Uri, position: Position) -> Vec<LocationLink> {
    let Some((file, offset)) = place(view, uri, position) else { return Vec::new() };
    view.ide.type_definition(file, offset).and_then(|found| link(view, file, found)).into_iter().collect()
}

pub(crate) fn implementations(view: &View, uri: &Uri, position: Position) -> Vec<Location> {
    let Some((file, offset)) = place(view, uri, position) else { return Vec::new() };
    view.ide
        .implementations(file, offset)
        .into_iter()
        .filter_map(|one| convert::location(view, one))
        .collect()
}

pub(crate) fn references(view: &View, uri: &Uri, position: Position, declaration: bool) -> Vec<Location> {
    let Some((file, offset)) = place(view, uri, position) else { return Vec::new() };
    let Some(found) = view.ide.occurrence_at(file, offset) else { return Vec::new() };
    let references =
        view.ide.references(&found.symbol).into_iter().filter(|one| declaration || !one.declares);
    references.filter_map(|one| view.location(one.file, one.span)).collect()
}

pub(crate) fn highlights(view: &View, uri: &Uri, position: Position) -> Vec<DocumentHighlight> {
    let Some((file, offset)) = place(view, uri, position) else { return Vec::new() };
    let kind = |declares| if declares { DocumentHighlightKind::WRITE } else { DocumentHighlightKind::READ };
    let highlight = |one: weir_ide::Reference| DocumentHighlight {
        range: view.range(file, one.span),
        kind: Some(kind(one.declares)),
    };
    view.ide.highlights(file, offset).into_iter().map(highlight).collect()
}

/// A request that cannot be met, with what to tell the user.
fn refused(error: &RenameError) -> Error {
    Error { code: ErrorCode::ServerError(-32803), message: error.to_string().into(), data: None }
}

pub(crate) fn prepare_rename(
    view: &View,
    uri: &Uri,
    position: Position,
) -> Result<Option<PrepareRenameResponse>> {
    let Some((file, offset)) = place(view, uri, position) else { return Ok(None) };
    match view.ide.prepare_rename(file, offset) {
        Ok(span) => Ok(Some(PrepareRenameResponse::Range(view.range(file, span)))),
        Err(RenameError::Nothing) => Ok(None),
        Err(error) => Err(refused(&error)),
    }
}

pub(crate) fn rename(
    view: &View,
    uri: &Uri,
    position: Position,
    text: &str,
) -> Result<Option<WorkspaceEdit>> {
    let Some((file, offset)) = place(view, uri, position) else { return Ok(None) };
    let edits = view.ide.rename(file, offset, text).map_err(|error| refused(&error))?;
    Ok(Some(view.workspace_edit(&edits)))
}

pub(crate) fn completion(
    view: &View,
    uri: &Uri,
    position: Position,
    snippets: bool,
) -> Option<CompletionList> {
    let (file, offset) = place(view, uri, position)?;
    let list = view.ide.complete(file, offset);
    let items: Vec<CompletionItem> =
        list.items.into_iter().map(|one| convert::completion(view, file, one, snippets)).collect();
    Some(CompletionList { is_incomplete: list.incomplete, items })
}

pub(crate) fn signature(view: &View, uri: &Uri, position: Position) -> Option<SignatureHelp> {
    let (file, offset) = place(view, uri, position)?;
    let found = view.ide.signature(file, offset)?;
    let documented = |text: String| (!text.is_empty()).then(|| Documentation::MarkupContent(markdown(text)));
    let parameters = found.parameters.into_iter().map(|(label, documentation)| ParameterInformation {
        label: ParameterLabel::Simple(label),
        documentation: documented(documentation),
    });
    Some(SignatureHelp {
        signatures: vec![SignatureInformation {
            label: found.label,
            documentation: documented(found.documentation),
            parameters: Some(parameters.collect()),
            active_parameter: found.active,
        }],
        active_signature: Some(0),
        active_parameter: found.active,
    })
}

pub(crate) fn actions(
    view: &View,
    uri: &Uri,
    range: Range,
    context: &CodeActionContext,
) -> Vec<CodeActionOrCommand> {
    let Some(file) = view.file(uri).filter(|file| !view.ide.is_standard(*file)) else { return Vec::new() };
    let wants = |kind: &CodeActionKind| {
        context.only.as_ref().is_none_or(|only| {
            only.iter().any(|wanted| {
                kind == wanted
                    || kind.as_str().strip_prefix(wanted.as_str()).is_some_and(|rest| rest.starts_with('.'))
            })
        })
    };
    let mut actions = Vec::new();
    for action in view.ide.actions(file, view.span(file, range)) {
        let kind = match action.kind {
            ActionKind::QuickFix => CodeActionKind::QUICKFIX,
            ActionKind::FixAll => CodeActionKind::SOURCE_FIX_ALL,
            ActionKind::Rewrite => CodeActionKind::REFACTOR_REWRITE,
        };
        if wants(&kind) {
            actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                title: action.title,
                kind: Some(kind),
                diagnostics: action.mends.map(|one| vec![convert::diagnostic(view, file, &one)]),
                edit: Some(view.workspace_edit(&action.edits)),
                is_preferred: action.preferred.then_some(true),
                ..CodeAction::default()
            }));
        }
    }
    // offered where it was asked for: it is about the whole file
    let all = CodeActionKind::SOURCE_FIX_ALL;
    if wants(&all) && (context.only.is_some() || !actions.is_empty()) {
        let edits = view.ide.fix_all(file);
        if !edits.is_empty() {
            actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                title: "fix all that has one fix".into(),
                kind: Some(all),
                edit: Some(view.workspace_edit(&edits)),
                ..CodeAction::default()
            }));
        }
    }
    actions
}

pub(crate) fn semantic_tokens(view: &View, uri: &Uri, range: Option<Range>) -> Option<SemanticTokens> {
    let file = view.file(uri)?;
    let within = range.map(|range| view.span(file, range));
    let mut last = Position::default();
    let mut data = Vec::new();
    for token in view.ide.semantic_tokens(file, within) {
        let Range { start, end } = view.range(file, token.span);
        if start.line != end.line {
            continue;
        }
        let delta_start =
            if start.line == last.line { start.character - last.character } else { start.character };
        data.push(SemanticToken {
            delta_line: start.line - last.line,
            delta_start,
            length: end.character - start.character,
            token_type: token.kind as u32,
            token_modifiers_bitset: token.modifiers,
        });
        last = start;
    }
    Some(SemanticTokens { result_id: None, data })
}

pub(crate) fn hints(view: &View, uri: &Uri, range: Range) -> Vec<InlayHint> {
    let Some(file) = view.file(uri).filter(|_| view.configuration.inlay_hints.enable) else {
        return Vec::new();
    };
    let hint = |one: weir_ide::Hint| InlayHint {
        position: view.position(file, one.offset),
        label: InlayHintLabel::String(one.label),
        kind: Some(InlayHintKind::TYPE),
        text_edits: None,
        tooltip: None,
        padding_left: Some(true),
        padding_right: None,
        data: None,
    };
    view.ide.hints(file, view.span(file, range)).into_iter().map(hint).collect()
}

pub(crate) fn lenses(view: &View, uri: &Uri) -> Vec<CodeLens> {
    let Some(file) = view.file(uri).filter(|_| view.configuration.code_lens.enable) else {
        return Vec::new();
    };
    let lens = |one: weir_ide::Lens| CodeLens {
        range: view.range(file, one.span),
        command: None,
        data: Some(
            json!({ "uri": uri.as_str(), "kind": one.kind as u32, "start": one.span.start, "end": one.span.end }),
        ),
    };
    view.ide.lenses(file).into_iter().map(lens).collect()
}

/// The document that a lens is in: it travels with the lens.
pub(crate) fn lens_uri(lens: &CodeLens) -> Option<Uri> {
    lens.data.as_ref()?.get("uri")?.as_str()?.parse().ok()
}

pub(crate) fn resolve_lens(view: &View, mut lens: CodeLens, uri: &Uri) -> CodeLens {
    let title = || {
        let data = lens.data.as_ref()?;
        let number = |key: &str| Some(data.get(key)?.as_u64()? as u32);
        let kind = match number("kind")? {
            0 => LensKind::Rule,
            1 => LensKind::Principal,
            _ => LensKind::Zone,
        };
        let span = Span::new(number("start")?, number("end")?);
        Some((view.ide.lens_title(view.file(uri)?, span, kind)?, kind))
    };
    let (title, kind) = title().unwrap_or_else(|| ("not analyzed yet".into(), LensKind::Zone));
    let arguments = Some(vec![json!(uri.as_str()), json!(lens.range.start)]);
    let command = if kind == LensKind::Rule { "weir.showArtifacts" } else { "weir.showHover" };
    lens.command = Some(Command { title, command: command.into(), arguments });
    lens
}

pub(crate) fn folds(view: &View, uri: &Uri) -> Vec<FoldingRange> {
    let Some(file) = view.file(uri) else { return Vec::new() };
    let fold = |one: weir_ide::Fold| {
        let range = view.range(file, one.span);
        // the line of a closing bracket stays visible
        let closes = u32::from(one.kind == FoldKind::Block && range.end.line > range.start.line);
        FoldingRange {
            start_line: range.start.line,
            end_line: range.end.line - closes,
            kind: match one.kind {
                FoldKind::Block => None,
                FoldKind::Comment => Some(FoldingRangeKind::Comment),
                FoldKind::Imports => Some(FoldingRangeKind::Imports),
            },
            ..FoldingRange::default()
        }
    };
    let folds = view.ide.folds(file).into_iter().map(fold);
    folds.filter(|fold| fold.end_line > fold.start_line).collect()
}

pub(crate) fn selections(view: &View, uri: &Uri, positions: &[Position]) -> Vec<SelectionRange> {
    let Some(file) = view.file(uri) else { return Vec::new() };
    let chain = |position: &Position| {
        let spans = view.ide.selections(file, view.offset(file, *position));
        let mut chain: Option<SelectionRange> = None;
        for span in spans.into_iter().rev() {
            chain = Some(SelectionRange { range: view.range(file, span), parent: chain.map(Box::new) });
        }
        chain.unwrap_or(SelectionRange { range: Range::new(*position, *position), parent: None })
    };
    positions.iter().map(chain).collect()
}

pub(crate) fn outline(view: &View, uri: &Uri) -> Vec<DocumentSymbol> {
    let Some(file) = view.file(uri) else { return Vec::new() };
    view.ide.outline(file).into_iter().map(|item| convert::outline(view, file, item)).collect()
}

pub(crate) fn search(view: &View, query: &str) -> Vec<WorkspaceSymbol> {
    let symbol = |(path, kind, location): (String, _, weir_ide::Location)| {
        let (outer, name) = path
            .rsplit_once('.')
            .map_or((None, path.clone()), |(outer, name)| (Some(outer.to_owned()), name.to_owned()));
        Some(WorkspaceSymbol {
            name,
            kind: convert::symbol_kind(Some(kind)),
            tags: None,
            container_name: outer,
            location: OneOf::Left(convert::location(view, location)?),
            data: None,
        })
    };
    view.ide.search(query).into_iter().filter_map(symbol).collect()
}

pub(crate) fn links(view: &View, uri: &Uri) -> Vec<DocumentLink> {
    let Some(file) = view.file(uri) else { return Vec::new() };
    let link = |one: weir_ide::Link| {
        Some(DocumentLink {
            range: view.range(file, one.span),
            target: Some(one.target.parse().ok()?),
            tooltip: None,
            data: None,
        })
    };
    view.ide.links(file).into_iter().filter_map(link).collect()
}

fn text_edits(view: &View, file: FileId, edits: Vec<weir_ide::TextEdit>) -> Vec<TextEdit> {
    let edit = |one: weir_ide::TextEdit| TextEdit { range: view.range(file, one.span), new_text: one.text };
    edits.into_iter().map(edit).collect()
}

pub(crate) fn format(view: &View, uri: &Uri) -> Option<Vec<TextEdit>> {
    let file = view.file(uri)?;
    Some(text_edits(view, file, view.ide.format(file)))
}

pub(crate) fn format_range(view: &View, uri: &Uri, range: Range) -> Option<Vec<TextEdit>> {
    let file = view.file(uri)?;
    Some(text_edits(view, file, view.ide.format_range(file, view.span(file, range))))
}

pub(crate) fn format_typed(view: &View, uri: &Uri, position: Position) -> Option<Vec<TextEdit>> {
    let (file, offset) = place(view, uri, position)?;
    Some(text_edits(view, file, view.ide.format_typed(file, offset)))
}

fn hierarchy_item(view: &View, item: PrincipalItem) -> Option<CallHierarchyItem> {
    let uri = view.uri(item.location.file)?;
    let range = view.range(item.location.file, item.location.span);
    Some(CallHierarchyItem {
        name: item.name,
        kind: convert::symbol_kind(Some(item.kind)),
        tags: None,
        detail: (!item.detail.is_empty()).then_some(item.detail),
        uri,
        range,
        selection_range: range,
        data: Some(json!({ "path": item.path })),
    })
}

pub(crate) fn prepare_hierarchy(
    view: &View,
    uri: &Uri,
    position: Position,
) -> Option<Vec<CallHierarchyItem>> {
    let (file, offset) = place(view, uri, position)?;
    let items: Vec<_> = view
        .ide
        .principal_items(file, offset)
        .into_iter()
        .filter_map(|item| hierarchy_item(view, item))
        .collect();
    (!items.is_empty()).then_some(items)
}

fn path_of(item: &CallHierarchyItem) -> &str {
    let path = item.data.as_ref().and_then(|data| data.get("path")).and_then(Value::as_str);
    path.unwrap_or(&item.name)
}

/// Who may reach it. The places of a call are to lie in the caller's document, so they are the names of the peers; the
/// rules stand in their hover.
pub(crate) fn incoming(view: &View, item: &CallHierarchyItem) -> Vec<CallHierarchyIncomingCall> {
    let peers = view.ide.peers(path_of(item), true).into_iter();
    let call = |peer: weir_ide::Peer| {
        let ranges = ranges_in(view, peer.item.location.file, &peer);
        let from = hierarchy_item(view, peer.item)?;
        Some(CallHierarchyIncomingCall {
            from_ranges: if ranges.is_empty() { vec![from.range] } else { ranges },
            from,
        })
    };
    peers.filter_map(call).collect()
}

pub(crate) fn outgoing(view: &View, item: &CallHierarchyItem) -> Vec<CallHierarchyOutgoingCall> {
    let own = view.file(&item.uri);
    let peers = view.ide.peers(path_of(item), false).into_iter();
    let call = |peer: weir_ide::Peer| {
        let ranges = own.map(|own| ranges_in(view, own, &peer)).unwrap_or_default();
        let to = hierarchy_item(view, peer.item)?;
        Some(CallHierarchyOutgoingCall {
            to,
            from_ranges: if ranges.is_empty() { vec![item.range] } else { ranges },
        })
    };
    peers.filter_map(call).collect()
}

/// The rules of a peer that stand in one file.
fn ranges_in(view: &View, file: FileId, peer: &weir_ide::Peer) -> Vec<Range> {
    peer.statements.iter().filter(|one| one.file == file).map(|one| view.range(one.file, one.span)).collect()
}

/// What is wrong with a document, and the name of this answer.
pub(crate) fn pull(view: &View, uri: &Uri) -> (String, Vec<Diagnostic>) {
    let found = view.file(uri).map(|file| convert::diagnostics(view, file)).unwrap_or_default();
    let text = serde_json::to_string(&found).unwrap_or_default();
    (format!("{:016x}", rustc_hash::FxBuildHasher.hash_one(text)), found)
}

/// What is wrong with every file of the package.
pub(crate) fn pull_all(view: &View) -> Vec<(Uri, Option<i64>, Vec<Diagnostic>)> {
    let files = std::iter::once(FileId(0)).chain(view.ide.own_files());
    let of_file = |file: FileId| {
        let uri = view.uri(file)?;
        let version = view
            .ide
            .path(file)
            .and_then(|path| view.places.open.get(path))
            .map(|(_, version)| i64::from(*version));
        Some((uri, version, convert::diagnostics(view, file)))
    };
    files.filter_map(of_file).collect()
}

/// Runs a command: `arguments` are the document and the position, where it is about a place.
pub(crate) fn command(view: &View, command: &str, arguments: &[Value]) -> Result<Option<Value>> {
    let uri: Option<Uri> = arguments.first().and_then(Value::as_str).and_then(|text| text.parse().ok());
    let position: Option<Position> =
        arguments.get(1).and_then(|value| serde_json::from_value(value.clone()).ok());
    match command {
        "weir.explainFlow" => {
            let (Some(uri), Some(position)) = (uri, position) else {
                return Err(Error::invalid_params("expected a document and a position"));
            };
            let text = place(view, &uri, position).and_then(|(file, offset)| view.ide.explain(file, offset));
            Ok(text.map(Value::String))
        }
        "weir.artifacts" => {
            let (Some(uri), Some(position)) = (uri, position) else {
                return Err(Error::invalid_params("expected a document and a position"));
            };
            let Some((file, offset)) = place(view, &uri, position) else { return Ok(None) };
            let mut found: Vec<Value> = Vec::new();
            let lines = view.ide.artifact_lines(file, offset);
            let paths = view.ide.artifacts_at(file, offset);
            for path in paths {
                let Some(text) = view.ide.facts().and_then(|facts| facts.artifact(&path)) else { continue };
                let Some(uri) = view.places.artifact(&view.label, &path, &text) else { continue };
                let at = lines
                    .iter()
                    .find(|one| one.path == path)
                    .map(|one| one.lines.clone())
                    .unwrap_or_default();
                found.push(json!({ "uri": uri.as_str(), "path": path, "lines": at }));
            }
            Ok(Some(Value::Array(found)))
        }
        "weir.artifactText" => {
            let Some(uri) = uri else { return Err(Error::invalid_params("expected a document")) };
            Ok(virtual_text(view, &uri).map(Value::String))
        }
        other => Err(Error::invalid_params(format!("there is no command `{other}`"))),
    }
}

/// A package as a picture, with the folder that its places are in. It takes as long as an analysis.
pub(crate) fn graph(job: &Job, folder: Option<&Uri>) -> Option<Value> {
    let drawing = job.drawing(now_in_seconds())?;
    Some(json!({ "title": drawing.title, "page": drawing.page, "folder": folder.map(|uri| uri.as_str()) }))
}

/// The text of a document that only the server has.
pub(crate) fn virtual_text(view: &View, uri: &Uri) -> Option<String> {
    match Place::of(uri) {
        Place::Standard(path) => {
            let file = view.ide.find(&path)?;
            view.ide.text(file).map(std::string::ToString::to_string)
        }
        Place::Artifact(_, path) => view.ide.facts()?.artifact(&path).map(|text| text.to_string()),
        _ => None,
    }
}
