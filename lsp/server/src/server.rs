//! The protocol's methods. Each sends to the writer before it waits for anything, so that what comes first is applied
//! first; see the crate's documentation.

use std::{
    borrow::Cow,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{mpsc::UnboundedReceiver, oneshot};
use tower_lsp::{
    Client, ClientSocket, LanguageServer, LspService,
    jsonrpc::{Error, ErrorCode, Result},
    ls_types::{
        CallHierarchyIncomingCall, CallHierarchyIncomingCallsParams, CallHierarchyItem,
        CallHierarchyOutgoingCall, CallHierarchyOutgoingCallsParams, CallHierarchyPrepareParams,
        CodeActionParams, CodeActionResponse, CodeLens, CodeLensParams, CompletionParams, CompletionResponse,
        ConfigurationItem, DidChangeConfigurationParams, DidChangeTextDocumentParams,
        DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams, DidCloseTextDocumentParams,
        DidOpenTextDocumentParams, DidSaveTextDocumentParams, DocumentDiagnosticParams,
        DocumentDiagnosticReport, DocumentDiagnosticReportResult, DocumentFormattingParams,
        DocumentHighlight, DocumentHighlightParams, DocumentLink, DocumentLinkParams,
        DocumentOnTypeFormattingParams, DocumentRangeFormattingParams, DocumentSymbolParams,
        DocumentSymbolResponse, ExecuteCommandParams, FoldingRange, FoldingRangeParams,
        FullDocumentDiagnosticReport, GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverParams,
        InitializeParams, InitializeResult, InitializedParams, InlayHint, InlayHintParams, Location,
        LocationLink, PrepareRenameResponse, ReferenceParams, RelatedFullDocumentDiagnosticReport,
        RelatedUnchangedDocumentDiagnosticReport, RenameParams, SelectionRange, SelectionRangeParams,
        SemanticTokensParams, SemanticTokensRangeParams, SemanticTokensRangeResult, SemanticTokensResult,
        ServerInfo, SignatureHelp, SignatureHelpParams, TextDocumentItem, TextDocumentPositionParams,
        TextEdit, UnchangedDocumentDiagnosticReport, Uri, VersionedTextDocumentIdentifier,
        WorkspaceDiagnosticParams, WorkspaceDiagnosticReport, WorkspaceDiagnosticReportResult,
        WorkspaceDocumentDiagnosticReport, WorkspaceEdit, WorkspaceFolder,
        WorkspaceFullDocumentDiagnosticReport, WorkspaceSymbolParams, WorkspaceSymbolResponse,
        request::{
            GotoDeclarationParams, GotoDeclarationResponse, GotoImplementationParams,
            GotoImplementationResponse, GotoTypeDefinitionParams, GotoTypeDefinitionResponse,
        },
    },
};

use crate::{
    asked::{Ask, OnDrop, Question},
    capabilities::{Agreed, abilities, capabilities},
    configuration::Configuration,
    outbox::{self, Abilities, Message, Outbox},
    pool::Urgency,
    position::Encoding,
    requests::{self, GRAPH},
    view::View,
    writer::{Event, Writer},
};

/// One client's server.
pub struct Server {
    client: Client,
    events: Sender<Event>,
    outbox: Outbox,
    /// Taken when the client is ready to be spoken to.
    inbox: Mutex<Option<UnboundedReceiver<Message>>>,
    abilities: OnceLock<Abilities>,
    agreed: OnceLock<Agreed>,
    orderly: Arc<AtomicBool>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Server")
    }
}

/// A service for one client, with the socket for what the server says by itself.
pub fn service() -> (LspService<Server>, ClientSocket) {
    LspService::build(Server::new).custom_method("weir/virtualDocument", Server::virtual_document).finish()
}

/// `weir/virtualDocument`: the text of a document of the schemes `weir-std` and `weir-artifact`.
#[derive(Debug, Deserialize, Serialize)]
struct VirtualDocument {
    uri: Uri,
}

impl Server {
    fn new(client: Client) -> Self {
        let (events, receiver) = channel();
        let (outbox, inbox) = Outbox::new();
        let writer = Writer::new(events.clone(), outbox.clone());
        // without a writer nothing is answered, and the client sees that
        let _ = thread::Builder::new()
            .name("writer".into())
            .stack_size(16 << 20)
            .spawn(move || writer.run(&receiver));
        Self {
            client,
            events,
            outbox,
            inbox: Mutex::new(Some(inbox)),
            abilities: OnceLock::new(),
            agreed: OnceLock::new(),
            orderly: Arc::default(),
        }
    }

    /// Whether the client has asked to shut down.
    pub(crate) fn orderly(&self) -> Arc<AtomicBool> {
        self.orderly.clone()
    }

    fn send(&self, event: Event) {
        // the writer ends with the server
        let _ = self.events.send(event);
    }

    /// Asks about a document. The sending is done before the future is first polled to a wait.
    async fn ask<T: Send + 'static>(
        &self,
        uri: &Uri,
        urgency: Urgency,
        run: impl Fn(&View) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let one = move |views: &[View]| match views {
            [view, ..] => run(view),
            [] => Err(Error::internal_error()),
        };
        self.ask_of(Some(uri.clone()), false, urgency, one).await
    }

    async fn ask_of<T: Send + 'static>(
        &self,
        uri: Option<Uri>,
        everywhere: bool,
        urgency: Urgency,
        run: impl Fn(&[View]) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let stop = OnDrop(Arc::default());
        let answer = Box::new(Question { sender: Some(sender), run });
        self.send(Event::Ask(Ask { uri, everywhere, urgency, version: None, stop: stop.0.clone(), answer }));
        receiver.await.unwrap_or_else(|_| Err(Error::internal_error()))
    }

    async fn virtual_document(&self, params: VirtualDocument) -> Result<Option<String>> {
        let uri = params.uri.clone();
        self.ask(&params.uri, Urgency::Reading, move |view| Ok(requests::virtual_text(view, &uri))).await
    }

    /// Draws beside the edits: a view would hold them up.
    async fn graph(&self, uri: Option<Uri>) -> Result<Option<Value>> {
        let take = |views: &[View]| {
            let of_view =
                |view: &View| (view.ide.job(), view.places.root.as_deref().and_then(Uri::from_file_path));
            Ok(views.first().map(of_view))
        };
        let Some((job, folder)) = self.ask_of(uri, false, Urgency::Reading, take).await? else {
            return Ok(None);
        };
        let (sender, receiver) = oneshot::channel();
        let draw = move || drop(sender.send(requests::graph(&job, folder.as_ref())));
        let drawing = thread::Builder::new().name("drawing".into()).stack_size(16 << 20).spawn(draw);
        drawing.map_err(|_| Error::internal_error())?;
        receiver.await.map_err(|_| Error::internal_error())
    }

    fn agreed(&self) -> Agreed {
        self.agreed.get().copied().unwrap_or_default()
    }

    /// Links where the client takes them, places where it does not.
    fn places(&self, links: Vec<LocationLink>) -> Option<GotoDefinitionResponse> {
        if links.is_empty() {
            return None;
        }
        if self.agreed().links {
            return Some(GotoDefinitionResponse::Link(links));
        }
        let place =
            |link: LocationLink| Location { uri: link.target_uri, range: link.target_selection_range };
        Some(GotoDefinitionResponse::Array(links.into_iter().map(place).collect()))
    }

    async fn ask_configuration(&self) -> Option<Value> {
        let item = ConfigurationItem { scope_uri: None, section: Some("weir".into()) };
        self.client.configuration(vec![item]).await.ok()?.pop()
    }

    fn configure(&self, settings: &Value) {
        match Configuration::read(settings) {
            Ok(configuration) => self.send(Event::Configure(configuration)),
            Err(message) => self.outbox.send(Message::Warn(message)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.send(Event::Stop);
    }
}

fn folders(params: &InitializeParams) -> Vec<PathBuf> {
    let of_workspace: Vec<PathBuf> =
        params.workspace_folders.iter().flatten().filter_map(|folder| path_of(&folder.uri)).collect();
    if !of_workspace.is_empty() {
        return of_workspace;
    }
    #[expect(deprecated, reason = "older clients name their one folder so")]
    let root = params.root_uri.as_ref();
    root.and_then(path_of).into_iter().collect()
}

/// A folder on disk.
fn path_of(uri: &Uri) -> Option<PathBuf> {
    uri.scheme()
        .as_str()
        .eq_ignore_ascii_case("file")
        .then(|| uri.to_file_path())
        .flatten()
        .map(Cow::into_owned)
}

impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let general = params.capabilities.general.as_ref();
        let encoding = Encoding::negotiated(general.and_then(|one| one.position_encodings.as_deref()));
        let (abilities, agreed) = abilities(&params.capabilities);
        // a second `initialize` is refused before it comes here
        let _ = self.abilities.set(abilities);
        let _ = self.agreed.set(agreed);
        let configuration = match params.initialization_options.as_ref().map(Configuration::read) {
            Some(Ok(configuration)) => configuration,
            Some(Err(message)) => {
                self.outbox.send(Message::Warn(message));
                Configuration::default()
            }
            None => Configuration::default(),
        };
        self.send(Event::Start { folders: folders(&params), encoding, abilities, configuration });
        Ok(InitializeResult {
            capabilities: capabilities(encoding),
            server_info: Some(ServerInfo {
                name: "weir".into(),
                version: Some(env!("CARGO_PKG_VERSION").into()),
            }),
            offset_encoding: None,
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(inbox) = inbox {
            let abilities = self.abilities.get().copied().unwrap_or_default();
            tokio::spawn(outbox::deliver(self.client.clone(), inbox, abilities));
        }
        if self.agreed().configuration
            && let Some(settings) = self.ask_configuration().await
        {
            self.configure(&settings);
        }
    }

    async fn shutdown(&self) -> Result<()> {
        self.orderly.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let TextDocumentItem { uri, version, text, .. } = params.text_document;
        self.send(Event::Open { uri, version, text });
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let VersionedTextDocumentIdentifier { uri, version } = params.text_document;
        self.send(Event::Change { uri, version, changes: params.content_changes });
    }

    async fn did_save(&self, _: DidSaveTextDocumentParams) {}

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.send(Event::Close { uri: params.text_document.uri });
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        if self.agreed().configuration {
            if let Some(settings) = self.ask_configuration().await {
                self.configure(&settings);
            }
        } else {
            self.configure(&params.settings);
        }
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        let paths = |folders: Vec<WorkspaceFolder>| {
            folders.iter().filter_map(|folder| path_of(&folder.uri)).collect()
        };
        self.send(Event::Folders { added: paths(params.event.added), removed: paths(params.event.removed) });
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        self.send(Event::Watched(params.changes));
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let TextDocumentPositionParams { text_document: document, position } =
            params.text_document_position_params;
        let uri = document.uri.clone();
        self.ask(&document.uri, Urgency::Typing, move |view| Ok(requests::hover(view, &uri, position))).await
    }

    async fn goto_declaration(
        &self,
        params: GotoDeclarationParams,
    ) -> Result<Option<GotoDeclarationResponse>> {
        self.goto_definition(params).await
    }

    async fn goto_definition(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        let TextDocumentPositionParams { text_document: document, position } =
            params.text_document_position_params;
        let uri = document.uri.clone();
        let run = move |view: &View| Ok(requests::definition(view, &uri, position));
        Ok(self.places(self.ask(&document.uri, Urgency::Reading, run).await?))
    }

    async fn goto_type_definition(
        &self,
        params: GotoTypeDefinitionParams,
    ) -> Result<Option<GotoTypeDefinitionResponse>> {
        let TextDocumentPositionParams { text_document: document, position } =
            params.text_document_position_params;
        let uri = document.uri.clone();
        let run = move |view: &View| Ok(requests::type_definition(view, &uri, position));
        Ok(self.places(self.ask(&document.uri, Urgency::Reading, run).await?))
    }

    async fn goto_implementation(
        &self,
        params: GotoImplementationParams,
    ) -> Result<Option<GotoImplementationResponse>> {
        let TextDocumentPositionParams { text_document: document, position } =
            params.text_document_position_params;
        let uri = document.uri.clone();
        let run = move |view: &View| Ok(requests::implementations(view, &uri, position));
        let found = self.ask(&document.uri, Urgency::Reading, run).await?;
        Ok((!found.is_empty()).then_some(GotoDefinitionResponse::Array(found)))
    }

    async fn references(&self, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
        let TextDocumentPositionParams { text_document: document, position } = params.text_document_position;
        let (uri, declaration) = (document.uri.clone(), params.context.include_declaration);
        let run = move |view: &View| Ok(Some(requests::references(view, &uri, position, declaration)));
        self.ask(&document.uri, Urgency::Reading, run).await
    }

    async fn document_highlight(
        &self,
        params: DocumentHighlightParams,
    ) -> Result<Option<Vec<DocumentHighlight>>> {
        let TextDocumentPositionParams { text_document: document, position } =
            params.text_document_position_params;
        let uri = document.uri.clone();
        let run = move |view: &View| Ok(Some(requests::highlights(view, &uri, position)));
        self.ask(&document.uri, Urgency::Reading, run).await
    }

    async fn document_symbol(&self, params: DocumentSymbolParams) -> Result<Option<DocumentSymbolResponse>> {
        let uri = params.text_document.uri.clone();
        let run = move |view: &View| Ok(Some(DocumentSymbolResponse::Nested(requests::outline(view, &uri))));
        self.ask(&params.text_document.uri, Urgency::Reading, run).await
    }

    async fn symbol(&self, params: WorkspaceSymbolParams) -> Result<Option<WorkspaceSymbolResponse>> {
        let run = move |views: &[View]| {
            Ok(views.iter().flat_map(|view| requests::search(view, &params.query)).collect::<Vec<_>>())
        };
        let found = self.ask_of(None, true, Urgency::Reading, run).await?;
        Ok(Some(WorkspaceSymbolResponse::Nested(found)))
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let TextDocumentPositionParams { text_document: document, position } = params.text_document_position;
        // a space opens lists behind `:` and the like; anywhere else it would be in the way
        let (uri, snippets) = (document.uri.clone(), self.agreed().snippets);
        let by_space = params.context.is_some_and(|one| one.trigger_character.as_deref() == Some(" "));
        let run = move |view: &View| {
            let list = requests::completion(view, &uri, position, snippets);
            let wanted = list.filter(|list| !by_space || !list.items.is_empty());
            Ok(wanted.map(CompletionResponse::List))
        };
        self.ask(&document.uri, Urgency::Typing, run).await
    }

    async fn signature_help(&self, params: SignatureHelpParams) -> Result<Option<SignatureHelp>> {
        let TextDocumentPositionParams { text_document: document, position } =
            params.text_document_position_params;
        let uri = document.uri.clone();
        self.ask(&document.uri, Urgency::Typing, move |view| Ok(requests::signature(view, &uri, position)))
            .await
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let (uri, range, context) = (params.text_document.uri.clone(), params.range, params.context);
        let run = move |view: &View| Ok(Some(requests::actions(view, &uri, range, &context)));
        self.ask(&params.text_document.uri, Urgency::Reading, run).await
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        let uri = params.text_document.uri.clone();
        self.ask(&params.text_document.uri, Urgency::Reading, move |view| {
            Ok(Some(requests::lenses(view, &uri)))
        })
        .await
    }

    async fn code_lens_resolve(&self, params: CodeLens) -> Result<CodeLens> {
        let Some(uri) = requests::lens_uri(&params) else { return Ok(params) };
        let of = uri.clone();
        let run = move |view: &View| Ok(requests::resolve_lens(view, params.clone(), &of));
        self.ask(&uri, Urgency::Reading, run).await
    }

    async fn semantic_tokens_full(
        &self,
        params: SemanticTokensParams,
    ) -> Result<Option<SemanticTokensResult>> {
        let uri = params.text_document.uri.clone();
        let run = move |view: &View| {
            Ok(requests::semantic_tokens(view, &uri, None).map(SemanticTokensResult::Tokens))
        };
        self.ask(&params.text_document.uri, Urgency::Typing, run).await
    }

    async fn semantic_tokens_range(
        &self,
        params: SemanticTokensRangeParams,
    ) -> Result<Option<SemanticTokensRangeResult>> {
        let (uri, range) = (params.text_document.uri.clone(), params.range);
        let run = move |view: &View| {
            Ok(requests::semantic_tokens(view, &uri, Some(range)).map(SemanticTokensRangeResult::Tokens))
        };
        self.ask(&params.text_document.uri, Urgency::Typing, run).await
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        let (uri, range) = (params.text_document.uri.clone(), params.range);
        let run = move |view: &View| Ok(Some(requests::hints(view, &uri, range)));
        self.ask(&params.text_document.uri, Urgency::Reading, run).await
    }

    async fn folding_range(&self, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        let uri = params.text_document.uri.clone();
        self.ask(&params.text_document.uri, Urgency::Reading, move |view| {
            Ok(Some(requests::folds(view, &uri)))
        })
        .await
    }

    async fn selection_range(&self, params: SelectionRangeParams) -> Result<Option<Vec<SelectionRange>>> {
        let (uri, positions) = (params.text_document.uri.clone(), params.positions);
        let run = move |view: &View| Ok(Some(requests::selections(view, &uri, &positions)));
        self.ask(&params.text_document.uri, Urgency::Reading, run).await
    }

    async fn document_link(&self, params: DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>> {
        let uri = params.text_document.uri.clone();
        self.ask(&params.text_document.uri, Urgency::Reading, move |view| {
            Ok(Some(requests::links(view, &uri)))
        })
        .await
    }

    async fn formatting(&self, params: DocumentFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        let uri = params.text_document.uri.clone();
        self.ask(&params.text_document.uri, Urgency::Reading, move |view| Ok(requests::format(view, &uri)))
            .await
    }

    async fn range_formatting(&self, params: DocumentRangeFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        let (uri, range) = (params.text_document.uri.clone(), params.range);
        let run = move |view: &View| Ok(requests::format_range(view, &uri, range));
        self.ask(&params.text_document.uri, Urgency::Reading, run).await
    }

    async fn on_type_formatting(
        &self,
        params: DocumentOnTypeFormattingParams,
    ) -> Result<Option<Vec<TextEdit>>> {
        let TextDocumentPositionParams { text_document: document, position } = params.text_document_position;
        let uri = document.uri.clone();
        let run = move |view: &View| Ok(requests::format_typed(view, &uri, position));
        self.ask(&document.uri, Urgency::Typing, run).await
    }

    async fn prepare_rename(
        &self,
        params: TextDocumentPositionParams,
    ) -> Result<Option<PrepareRenameResponse>> {
        let (uri, position) = (params.text_document.uri.clone(), params.position);
        let run = move |view: &View| requests::prepare_rename(view, &uri, position);
        self.ask(&params.text_document.uri, Urgency::Reading, run).await
    }

    async fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
        let TextDocumentPositionParams { text_document: document, position } = params.text_document_position;
        let (uri, name) = (document.uri.clone(), params.new_name);
        let run = move |view: &View| requests::rename(view, &uri, position, &name);
        self.ask(&document.uri, Urgency::Reading, run).await
    }

    async fn prepare_call_hierarchy(
        &self,
        params: CallHierarchyPrepareParams,
    ) -> Result<Option<Vec<CallHierarchyItem>>> {
        let TextDocumentPositionParams { text_document: document, position } =
            params.text_document_position_params;
        let uri = document.uri.clone();
        let run = move |view: &View| Ok(requests::prepare_hierarchy(view, &uri, position));
        self.ask(&document.uri, Urgency::Reading, run).await
    }

    async fn incoming_calls(
        &self,
        params: CallHierarchyIncomingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyIncomingCall>>> {
        let uri = params.item.uri.clone();
        self.ask(&uri, Urgency::Reading, move |view| Ok(Some(requests::incoming(view, &params.item)))).await
    }

    async fn outgoing_calls(
        &self,
        params: CallHierarchyOutgoingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyOutgoingCall>>> {
        let uri = params.item.uri.clone();
        self.ask(&uri, Urgency::Reading, move |view| Ok(Some(requests::outgoing(view, &params.item)))).await
    }

    async fn diagnostic(&self, params: DocumentDiagnosticParams) -> Result<DocumentDiagnosticReportResult> {
        let uri = params.text_document.uri.clone();
        let run = move |view: &View| Ok(requests::pull(view, &uri));
        let (id, items) = self.ask(&params.text_document.uri, Urgency::Typing, run).await?;
        let report = if params.previous_result_id.as_ref() == Some(&id) {
            DocumentDiagnosticReport::Unchanged(RelatedUnchangedDocumentDiagnosticReport {
                related_documents: None,
                unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id: id },
            })
        } else {
            DocumentDiagnosticReport::Full(RelatedFullDocumentDiagnosticReport {
                related_documents: None,
                full_document_diagnostic_report: FullDocumentDiagnosticReport { result_id: Some(id), items },
            })
        };
        Ok(report.into())
    }

    async fn workspace_diagnostic(
        &self,
        _: WorkspaceDiagnosticParams,
    ) -> Result<WorkspaceDiagnosticReportResult> {
        let run = |views: &[View]| Ok(views.iter().flat_map(requests::pull_all).collect::<Vec<_>>());
        let found = match self.ask_of(None, true, Urgency::Reading, run).await {
            // a workspace without a package has nothing to report
            Err(error) if error.code == ErrorCode::ContentModified => Vec::new(),
            other => other?,
        };
        let report = |(uri, version, items)| {
            WorkspaceDocumentDiagnosticReport::Full(WorkspaceFullDocumentDiagnosticReport {
                uri,
                version,
                full_document_diagnostic_report: FullDocumentDiagnosticReport { result_id: None, items },
            })
        };
        Ok(WorkspaceDiagnosticReport { items: found.into_iter().map(report).collect() }.into())
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        let uri = params.arguments.first().and_then(Value::as_str).and_then(|text| text.parse::<Uri>().ok());
        let (command, arguments) = (params.command, params.arguments);
        if command == GRAPH {
            return self.graph(uri).await;
        }
        let run = move |views: &[View]| match views {
            [view, ..] => requests::command(view, &command, &arguments),
            [] => Ok(None),
        };
        self.ask_of(uri, false, Urgency::Reading, run).await
    }
}
