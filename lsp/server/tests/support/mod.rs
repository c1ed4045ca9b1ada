//! A client of the protocol, in this process: bytes in and out, as an editor sends and reads them.
#![allow(dead_code)]

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{
        AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf, duplex,
        split,
    },
    task::JoinHandle,
    time::timeout,
};

/// Nothing takes so long that works.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Client {
    writer: WriteHalf<DuplexStream>,
    reader: BufReader<ReadHalf<DuplexStream>>,
    next: i64,
    /// What came while something else was waited for.
    pub notifications: VecDeque<Value>,
    server: JoinHandle<()>,
}

impl Client {
    /// Starts a server and shakes hands; `capabilities` are the client's.
    pub(crate) async fn start(folders: &[&Path], capabilities: Value, options: Value) -> (Self, Value) {
        let mut client = Self::connect();
        let folders: Vec<Value> =
            folders.iter().map(|folder| json!({ "uri": uri(folder), "name": "ws" })).collect();
        let answer = client
            .request(
                "initialize",
                json!({
                    "processId": null, "rootUri": null, "workspaceFolders": folders,
                    "capabilities": capabilities, "initializationOptions": options,
                }),
            )
            .await;
        client.notify("initialized", json!({})).await;
        (client, answer["result"].clone())
    }

    pub(crate) fn connect() -> Self {
        let (near, far) = duplex(1 << 20);
        let (service, socket) = weir_lsp::service();
        let (input, output) = split(far);
        let server = tokio::spawn(async move {
            tower_lsp::Server::new(input, output, socket).concurrency_level(256).serve(service).await;
        });
        let (reader, writer) = split(near);
        Self { writer, reader: BufReader::new(reader), next: 1, notifications: VecDeque::new(), server }
    }

    pub(crate) async fn raw(&mut self, body: &str) {
        let message = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        timeout(PATIENCE, self.writer.write_all(message.as_bytes()))
            .await
            .expect("the server reads")
            .expect("open");
    }

    pub(crate) async fn notify(&mut self, method: &str, params: Value) {
        self.raw(&json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string()).await;
    }

    /// Sends without waiting; the number to wait for.
    pub(crate) async fn send(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next;
        self.next += 1;
        self.raw(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string())
            .await;
        id
    }

    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        self.answer(id).await
    }

    /// The result of a request that has to work.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.request(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    pub(crate) async fn answer(&mut self, id: i64) -> Value {
        loop {
            let message = self.read().await;
            if message.get("method").is_none() && message["id"] == id {
                return message;
            }
            self.take(message).await;
        }
    }

    /// The next answers, in the order in which they come.
    pub(crate) async fn any_answer(&mut self) -> Value {
        loop {
            let message = self.read().await;
            if message.get("method").is_none() {
                return message;
            }
            self.take(message).await;
        }
    }

    /// Waits for a notification that fits.
    pub(crate) async fn wait_for(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.notifications.iter().position(&fits) {
            return self.notifications.remove(at).expect("just found");
        }
        loop {
            let message =
                timeout(PATIENCE, self.read()).await.unwrap_or_else(|_| panic!("{what} never came"));
            if fits(&message) {
                return message;
            }
            self.take(message).await;
        }
    }

    /// Diagnostics of a file that fit; what was said of it before is of no interest then.
    pub(crate) async fn diagnostics(&mut self, path: &Path, fits: impl Fn(&[Value]) -> bool) -> Value {
        let uri = uri(path);
        let found = self
            .wait_for("diagnostics", |message| {
                message["method"] == "textDocument/publishDiagnostics"
                    && message["params"]["uri"] == uri
                    && fits(
                        message["params"]["diagnostics"].as_array().map(Vec::as_slice).unwrap_or_default(),
                    )
            })
            .await;
        self.notifications.retain(|message| message["params"]["uri"] != uri);
        found["params"].clone()
    }

    /// Requests of the server are granted, the rest is kept.
    async fn take(&mut self, message: Value) {
        if message.get("method").is_some() && message.get("id").is_some() {
            let result = match message["method"].as_str() {
                Some("workspace/configuration") => json!([null]),
                _ => Value::Null,
            };
            self.raw(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }).to_string()).await;
        } else if message.get("method").is_some() {
            self.notifications.push_back(message);
        }
    }

    async fn read(&mut self) -> Value {
        timeout(PATIENCE, async {
            let mut length = 0;
            loop {
                let mut line = String::new();
                let read = self.reader.read_line(&mut line).await.expect("readable");
                assert!(read > 0, "the server closed the connection");
                let line = line.trim_end();
                if line.is_empty() {
                    break;
                }
                if let Some(value) = line.strip_prefix("Content-Length: ") {
                    length = value.parse().expect("a number");
                }
            }
            let mut body = vec![0; length];
            self.reader.read_exact(&mut body).await.expect("whole");
            serde_json::from_slice(&body).expect("JSON")
        })
        .await
        .expect("the server answers")
    }

    pub(crate) async fn open(&mut self, path: &Path, text: &str) {
        let document = json!({ "uri": uri(path), "languageId": "weir", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document })).await;
    }

    /// Opens what is on disk.
    pub(crate) async fn open_file(&mut self, path: &Path) -> String {
        let text = std::fs::read_to_string(path).expect("readable");
        self.open(path, &text).await;
        text
    }

    /// Changes a range, or (without one) the whole text.
    pub(crate) async fn change(&mut self, path: &Path, version: i32, range: Option<Value>, text: &str) {
        let change = match range {
            Some(range) => json!({ "range": range, "text": text }),
            None => json!({ "text": text }),
        };
        let params =
            json!({ "textDocument": { "uri": uri(path), "version": version }, "contentChanges": [change] });
        self.notify("textDocument/didChange", params).await;
    }

    pub(crate) async fn stop(mut self) {
        self.ask("shutdown", Value::Null).await;
        self.notify("exit", Value::Null).await;
        timeout(PATIENCE, self.server).await.expect("it ends").expect("without a panic");
    }
}

pub(crate) fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// The document and the place of the n-th occurrence (from 0) of a text in a file, `into` bytes into it; for ASCII.
pub(crate) fn at(path: &Path, text: &str, needle: &str, nth: usize, into: usize) -> Value {
    let offset = text.match_indices(needle).nth(nth).unwrap_or_else(|| panic!("no `{needle}`")).0 + into;
    json!({ "textDocument": { "uri": uri(path) }, "position": position(text, offset) })
}

pub(crate) fn position(text: &str, offset: usize) -> Value {
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or("").encode_utf16().count();
    json!({ "line": line, "character": column })
}

pub(crate) fn range(text: &str, from: usize, to: usize) -> Value {
    json!({ "start": position(text, from), "end": position(text, to) })
}

pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").canonicalize().expect("the examples")
}

/// A copy of an example that may be changed.
pub(crate) fn copy_of(example: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&examples().join(example), folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("readable").flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            std::fs::copy(&source, &target).expect("copied");
        }
    }
}
