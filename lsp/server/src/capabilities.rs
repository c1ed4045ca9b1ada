//! What the client can do, and what the server offers.

use tower_lsp::ls_types::{
    CallHierarchyServerCapability, ClientCapabilities, CodeActionKind, CodeActionOptions,
    CodeActionProviderCapability, CodeLensOptions, CompletionOptions, DeclarationCapability,
    DiagnosticOptions, DiagnosticServerCapabilities, DocumentLinkOptions, DocumentOnTypeFormattingOptions,
    ExecuteCommandOptions, FoldingRangeProviderCapability, HoverProviderCapability,
    ImplementationProviderCapability, OneOf, RenameOptions, SelectionRangeProviderCapability,
    SemanticTokenModifier, SemanticTokenType, SemanticTokensFullOptions, SemanticTokensLegend,
    SemanticTokensOptions, SemanticTokensServerCapabilities, ServerCapabilities, SignatureHelpOptions,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
    TypeDefinitionProviderCapability, WorkDoneProgressOptions, WorkspaceFoldersServerCapabilities,
    WorkspaceServerCapabilities,
};
use weir_ide::{MODIFIERS, TokenType};

use crate::{outbox::Abilities, position::Encoding, requests::COMMANDS};

/// What the client takes in answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) links: bool,
    pub(crate) snippets: bool,
    pub(crate) configuration: bool,
}

pub(crate) fn abilities(of: &ClientCapabilities) -> (Abilities, Agreed) {
    let workspace = of.workspace.as_ref();
    let document = of.text_document.as_ref();
    let abilities = Abilities {
        pull_diagnostics: document.is_some_and(|one| one.diagnostic.is_some()),
        refresh_diagnostics: workspace
            .and_then(|one| one.diagnostics.as_ref())
            .is_some_and(|one| one.refresh_support == Some(true)),
        refresh_lenses: workspace
            .and_then(|one| one.code_lens.as_ref())
            .is_some_and(|one| one.refresh_support == Some(true)),
        refresh_hints: workspace
            .and_then(|one| one.inlay_hint.as_ref())
            .is_some_and(|one| one.refresh_support == Some(true)),
        progress: of.window.as_ref().is_some_and(|one| one.work_done_progress == Some(true)),
        watching: workspace
            .and_then(|one| one.did_change_watched_files.as_ref())
            .is_some_and(|one| one.dynamic_registration == Some(true)),
    };
    let agreed = Agreed {
        links: document
            .and_then(|one| one.definition.as_ref())
            .is_some_and(|one| one.link_support == Some(true)),
        snippets: document
            .and_then(|one| one.completion.as_ref())
            .and_then(|one| one.completion_item.as_ref())
            .is_some_and(|one| one.snippet_support == Some(true)),
        configuration: workspace.is_some_and(|one| one.configuration == Some(true)),
    };
    (abilities, agreed)
}

pub(crate) fn capabilities(encoding: Encoding) -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        ..TextDocumentSyncOptions::default()
    };
    let tokens = SemanticTokensOptions {
        legend: SemanticTokensLegend {
            token_types: TokenType::LEGEND.iter().map(|name| SemanticTokenType::new(name)).collect(),
            token_modifiers: MODIFIERS.iter().map(|name| SemanticTokenModifier::new(name)).collect(),
        },
        range: Some(true),
        full: Some(SemanticTokensFullOptions::Bool(true)),
        ..SemanticTokensOptions::default()
    };
    let strings = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>());
    ServerCapabilities {
        position_encoding: Some(encoding.kind()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: strings(&[".", ":", "=", ">", "(", "[", "{", "|", "&", " "]),
            resolve_provider: Some(false),
            ..CompletionOptions::default()
        }),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: strings(&["(", ","]),
            ..SignatureHelpOptions::default()
        }),
        declaration_provider: Some(DeclarationCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        type_definition_provider: Some(TypeDefinitionProviderCapability::Simple(true)),
        implementation_provider: Some(ImplementationProviderCapability::Simple(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        workspace_symbol_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![
                CodeActionKind::QUICKFIX,
                CodeActionKind::REFACTOR_REWRITE,
                CodeActionKind::SOURCE_FIX_ALL,
            ]),
            ..CodeActionOptions::default()
        })),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(true) }),
        document_formatting_provider: Some(OneOf::Left(true)),
        document_range_formatting_provider: Some(OneOf::Left(true)),
        document_on_type_formatting_provider: Some(DocumentOnTypeFormattingOptions {
            first_trigger_character: "}".into(),
            more_trigger_character: strings(&["\n"]),
        }),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        document_link_provider: Some(DocumentLinkOptions {
            resolve_provider: Some(false),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        selection_range_provider: Some(SelectionRangeProviderCapability::Simple(true)),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: strings(COMMANDS).unwrap_or_default(),
            ..ExecuteCommandOptions::default()
        }),
        call_hierarchy_provider: Some(CallHierarchyServerCapability::Simple(true)),
        semantic_tokens_provider: Some(SemanticTokensServerCapabilities::SemanticTokensOptions(tokens)),
        inlay_hint_provider: Some(OneOf::Left(true)),
        diagnostic_provider: Some(DiagnosticServerCapabilities::Options(DiagnosticOptions {
            identifier: Some("weir".into()),
            inter_file_dependencies: true,
            workspace_diagnostics: true,
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(OneOf::Left(true)),
            }),
            file_operations: None,
        }),
        ..ServerCapabilities::default()
    }
}
