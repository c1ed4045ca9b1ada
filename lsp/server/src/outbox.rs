//! What the server says unasked. The writer never waits for the client: it puts things here, and a task sends them.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower_lsp::{
    Client,
    ls_types::{
        Diagnostic, DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher, GlobPattern, MessageType,
        ProgressParams, ProgressParamsValue, ProgressToken, Registration, Uri, WorkDoneProgress,
        WorkDoneProgressBegin, WorkDoneProgressEnd, notification::Progress,
    },
};

#[derive(Debug)]
pub(crate) enum Message {
    Diagnostics {
        uri: Uri,
        diagnostics: Vec<Diagnostic>,
        version: Option<i32>,
    },
    /// The last analysis changed what was answered: ask again.
    Refresh,
    Warn(String),
    Begin(String),
    End,
}

/// What the client can take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Abilities {
    pub(crate) pull_diagnostics: bool,
    pub(crate) refresh_diagnostics: bool,
    pub(crate) refresh_lenses: bool,
    pub(crate) refresh_hints: bool,
    pub(crate) progress: bool,
    pub(crate) watching: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Outbox(UnboundedSender<Message>);

impl Outbox {
    pub(crate) fn new() -> (Self, UnboundedReceiver<Message>) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), receiver)
    }

    pub(crate) fn send(&self, message: Message) {
        // nobody is there after the end
        let _ = self.0.send(message);
    }
}

static TOKENS: AtomicU32 = AtomicU32::new(1);

/// Sends until the writer is gone.
pub(crate) async fn deliver(client: Client, mut inbox: UnboundedReceiver<Message>, abilities: Abilities) {
    if abilities.watching {
        watch(&client).await;
    }
    let mut progress: Option<ProgressToken> = None;
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Diagnostics { uri, diagnostics, version } => {
                client.publish_diagnostics(uri, diagnostics, version).await;
            }
            Message::Refresh => refresh(client.clone(), abilities),
            Message::Warn(text) => client.show_message(MessageType::WARNING, text).await,
            Message::Begin(title) if abilities.progress && progress.is_none() => {
                let number = TOKENS.fetch_add(1, Ordering::Relaxed);
                let token = ProgressToken::String(format!("weir/{number}"));
                // the client may refuse; then there is none
                if client.create_work_done_progress(token.clone()).await.is_ok() {
                    let begin = WorkDoneProgressBegin { title, ..WorkDoneProgressBegin::default() };
                    report(&client, token.clone(), WorkDoneProgress::Begin(begin)).await;
                    progress = Some(token);
                }
            }
            Message::Begin(_) => {}
            Message::End => {
                if let Some(token) = progress.take() {
                    report(&client, token, WorkDoneProgress::End(WorkDoneProgressEnd::default())).await;
                }
            }
        }
    }
}

async fn report(client: &Client, token: ProgressToken, value: WorkDoneProgress) {
    let value = ProgressParamsValue::WorkDone(value);
    client.send_notification::<Progress>(ProgressParams { token, value }).await;
}

/// Answers of the client to these say nothing: they are not waited for.
fn refresh(client: Client, abilities: Abilities) {
    let client = Arc::new(client);
    tokio::spawn(async move {
        if abilities.refresh_diagnostics && abilities.pull_diagnostics {
            let _ = client.workspace_diagnostic_refresh().await;
        }
        if abilities.refresh_lenses {
            let _ = client.code_lens_refresh().await;
        }
        if abilities.refresh_hints {
            let _ = client.inlay_hint_refresh().await;
        }
    });
}

async fn watch(client: &Client) {
    let watcher =
        |glob: &str| FileSystemWatcher { glob_pattern: GlobPattern::String(glob.into()), kind: None };
    let options = DidChangeWatchedFilesRegistrationOptions {
        watchers: vec![watcher("**/*.weir"), watcher("**/weir.toml")],
    };
    let registration = Registration {
        id: "weir-files".into(),
        method: "workspace/didChangeWatchedFiles".into(),
        register_options: serde_json::to_value(options).ok(),
    };
    let _ = client.register_capability(vec![registration]).await;
}
