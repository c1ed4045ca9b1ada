//! What an editor waits for: the real server as a process of its own, on generated packages. Prints a Markdown table.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use clap::Parser;
use serde_json::{Value, json};
use weir_gen::{Options, Shape, generate};

/// Measures `weir lsp` on generated packages.
#[derive(Parser)]
#[command(name = "weir-lsp-bench")]
struct Arguments {
    /// Numbers of devices; there are as many rules.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000")]
    sizes: Vec<u32>,
    /// The command.
    #[arg(long, default_value = "target/release/weir")]
    weir: PathBuf,
    /// Keystrokes that are timed.
    #[arg(long, default_value_t = 200)]
    keys: u32,
    /// Another language server, `ty` of PyPI, on Python of the same size: rows of its own, for comparison.
    #[arg(long)]
    peer: Option<PathBuf>,
    /// Where packages go.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weir-lsp-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| devices and rules | start to diagnostics, ms | key to diagnostics, ms: median | p99 | completion: median | p99 | rename | whole analysis, s | peak MB |"
    )?;
    writeln!(out, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for size in &arguments.sizes {
        let package = arguments.folder.join(format!("lsp-{size}"));
        if package.exists() {
            std::fs::remove_dir_all(&package)?;
        }
        generate(&Options { shape: Shape::Pairs, devices: *size, rules: *size, seed: 1 }).write(&package)?;
        let package = package.canonicalize()?;
        let row = measure(arguments, &package)?;
        writeln!(out, "| {size} | {row} |")?;
        out.flush()?;
        if let Some(peer) = &arguments.peer {
            let row = compare(peer, arguments, &package, *size)?;
            writeln!(out, "| {size}, ty | {row} |")?;
            out.flush()?;
        }
    }
    Ok(())
}

/// A file of the package with rules, and one of its lines that is a rule.
fn a_rule(folder: &Path) -> io::Result<(PathBuf, String)> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "weir") {
                files.push(path);
            }
        }
    }
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        if text.lines().any(|line| line.trim_start().starts_with("allow ")) {
            return Ok((file, text));
        }
    }
    Err(io::Error::other("no file has a rule"))
}

/// A document that is opened and typed in.
struct Typing<'a> {
    uri: String,
    language: &'a str,
    text: String,
    /// Where each key goes.
    place: Value,
}

impl Typing<'_> {
    /// Starts a server on a folder and types: the time to the first diagnostics, and that of each key to its own.
    fn run(
        &self,
        command: &Path,
        argument: &str,
        folder: &Path,
        keys: u32,
    ) -> io::Result<(Server, Duration, Vec<Duration>)> {
        let begin = Instant::now();
        let mut server = Server::start(command, argument)?;
        let root = format!("file://{}", folder.display());
        let folders = json!([{ "uri": root, "name": "bench" }]);
        server.request(
            "initialize",
            &json!({ "processId": null, "rootUri": null, "capabilities": {}, "workspaceFolders": folders }),
        )?;
        server.notify("initialized", &json!({}))?;
        let document =
            json!({ "uri": self.uri, "languageId": self.language, "version": 1, "text": self.text });
        server.notify("textDocument/didOpen", &json!({ "textDocument": document }))?;
        server.diagnostics(&self.uri, 1)?;
        let start = begin.elapsed();
        let mut times = Vec::new();
        for key in 0..keys {
            let version = i64::from(key) + 2;
            let change = json!({ "range": { "start": self.place, "end": self.place }, "text": "x" });
            let before = Instant::now();
            server.notify(
                "textDocument/didChange",
                &json!({ "textDocument": { "uri": self.uri, "version": version }, "contentChanges": [change] }),
            )?;
            server.diagnostics(&self.uri, version)?;
            times.push(before.elapsed());
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok((server, start, times))
    }
}

/// The same in Python: as many objects and calls about them, in files as long as the package's.
fn compare(peer: &Path, arguments: &Arguments, package: &Path, size: u32) -> io::Result<String> {
    let (_, like) = a_rule(package)?;
    let folder = arguments.folder.join(format!("lsp-{size}-peer"));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let plant = "class Device:\n    def __init__(self, network: str, address: str) -> None:\n        self.network = network\n        self.address = address\n\n\ndef allow(source: Device, destination: Device, port: int) -> None: ...\n";
    std::fs::write(folder.join("plant.py"), plant)?;
    const EACH: u32 = 500;
    for first in (0..size).step_by(EACH as usize) {
        let mut text = String::from("from plant import Device\n\n");
        for device in first..(first + EACH).min(size) {
            let (high, low) = (device / 250 % 250, device % 250);
            text.push_str(&format!(
                "device_{device} = Device(network=\"cell_{high}\", address=\"10.{}.{high}.{low}\")\n",
                device / 62_500
            ));
        }
        std::fs::write(folder.join(format!("devices_{}.py", first / EACH)), text)?;
    }
    let (mut rule, mut file) = (0, 0);
    let mut first = None;
    while rule < size {
        let devices = (rule / EACH).min((size - 1) / EACH);
        let mut text = format!("from devices_{devices} import *\nfrom plant import allow\n\n");
        while rule < size && text.len() < like.len() {
            let at = |offset: u32| devices * EACH + (rule + offset) % EACH.min(size - devices * EACH);
            text.push_str(&format!("allow(device_{}, device_{}, {})\n", at(0), at(7), 1024 + rule % 60_000));
            rule += 1;
        }
        let path = folder.join(format!("rules_{file}.py"));
        std::fs::write(&path, &text)?;
        first.get_or_insert((path, text));
        file += 1;
    }
    let Some((file, text)) = first else { return Err(io::Error::other("no rules were written")) };
    let broken = format!("{text}\nbench = (\n");
    let typing = Typing {
        uri: format!("file://{}", file.canonicalize()?.display()),
        language: "python",
        place: json!({ "line": broken.matches('\n').count() - 1, "character": 5 }),
        text: broken,
    };
    let (mut server, start, mut keys) =
        typing.run(peer, "server", &folder.canonicalize()?, arguments.keys)?;
    let at = json!({ "textDocument": { "uri": typing.uri }, "position": typing.place });
    let mut lists = Vec::new();
    for _ in 0..arguments.keys.min(50) {
        let before = Instant::now();
        server.request("textDocument/completion", &at)?;
        lists.push(before.elapsed());
    }
    let peak = server.peak();
    server.stop()?;
    let (key, key_99) = middle(&mut keys);
    let (list, list_99) = middle(&mut lists);
    let start = start.as_secs_f64() * 1e3;
    Ok(format!("{start:.0} | {key:.2} | {key_99:.2} | {list:.2} | {list_99:.2} | | | {peak}"))
}

fn measure(arguments: &Arguments, package: &Path) -> io::Result<String> {
    let (file, text) = a_rule(package)?;
    let uri = format!("file://{}", file.display());
    // one mistake, so that there is something to say
    let broken = format!("{text}\nzone bench {{ purdue = }}\n");
    let place = json!({ "line": broken.matches('\n').count() - 1, "character": 5 });
    let typing = Typing { uri: uri.clone(), language: "weir", text: broken, place };
    let (mut server, start, mut keys) = typing.run(&arguments.weir, "lsp", package, arguments.keys)?;
    // a rule half typed
    let version = i64::from(arguments.keys) + 2;
    let typed = format!("{text}\nallow a");
    let change = json!([{ "text": typed }]);
    server.notify(
        "textDocument/didChange",
        &json!({ "textDocument": { "uri": uri, "version": version }, "contentChanges": change }),
    )?;
    let place = json!({ "line": typed.matches('\n').count(), "character": 7 });
    let at = json!({ "textDocument": { "uri": uri }, "position": place });
    let mut lists = Vec::new();
    for _ in 0..arguments.keys.min(50) {
        let before = Instant::now();
        let list = server.request("textDocument/completion", &at)?;
        lists.push(before.elapsed());
        if list["items"].as_array().is_none_or(Vec::is_empty) {
            return Err(io::Error::other(format!("completion knows nothing: {list}")));
        }
    }
    // the text as it is on disk, and a name in it
    let change = json!([{ "text": text }]);
    server.notify(
        "textDocument/didChange",
        &json!({ "textDocument": { "uri": uri, "version": version + 1 }, "contentChanges": change }),
    )?;
    let rules = text.lines().zip(0..).find(|(line, _)| line.trim_start().starts_with("allow "));
    let (rule, line) = rules.unwrap_or(("", 0));
    let column = rule.find("allow ").unwrap_or(0) + 6;
    let destination = rule.find("-> ").map_or(column, |at| at + 3);
    let column = rule[destination..]
        .split([' ', ':'])
        .next()
        .and_then(|path| path.rfind('.'))
        .map_or(destination, |dot| destination + dot + 1);
    let place = json!({ "line": line, "character": column });
    let before = Instant::now();
    let edit = server.request(
        "textDocument/rename",
        &json!({ "textDocument": { "uri": uri }, "position": place, "newName": "renamed_by_bench" }),
    )?;
    let rename = before.elapsed();
    if edit["changes"].as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(io::Error::other(format!("nothing was renamed: {edit}")));
    }
    // the whole package: a lens speaks when it is understood
    let before = Instant::now();
    loop {
        let hover = server.request("textDocument/hover", &json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": rule.find("allow").unwrap_or(0) + 1 } }))?;
        if hover["contents"]["value"].as_str().is_some_and(|text| text.contains("permits")) {
            break;
        }
        if before.elapsed() > Duration::from_mins(2) {
            return Err(io::Error::other("the package was never understood"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let analysis = before.elapsed();
    let peak = server.peak();
    server.stop()?;
    let (key, key_99) = middle(&mut keys);
    let (list, list_99) = middle(&mut lists);
    Ok(format!(
        "{:.0} | {key:.2} | {key_99:.2} | {list:.2} | {list_99:.2} | {:.1} | {:.2} | {peak} |",
        start.as_secs_f64() * 1e3,
        rename.as_secs_f64() * 1e3,
        analysis.as_secs_f64(),
    )
    .trim_end_matches(" |")
    .to_owned())
}

/// The median and the 99th of a hundred, in milliseconds.
fn middle(times: &mut [Duration]) -> (f64, f64) {
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1)));
    let of = |part| at(part).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    (of(50), of(99))
}

struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: i64,
}

impl Server {
    fn start(command: &Path, argument: &str) -> io::Result<Self> {
        let mut child = Command::new(command)
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let missing = || io::Error::other("the server has no pipes");
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        Ok(Self { child, input, output, next: 1 })
    }

    fn send(&mut self, message: &Value) -> io::Result<()> {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        self.input.flush()
    }

    fn notify(&mut self, method: &str, params: &Value) -> io::Result<()> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    fn request(&mut self, method: &str, params: &Value) -> io::Result<Value> {
        let id = self.next;
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let mut message = self.read()?;
            if message["id"] == id && message.get("method").is_none() {
                if let Some(error) = message.get("error") {
                    return Err(io::Error::other(format!("{method}: {error}")));
                }
                return Ok(message["result"].take());
            }
        }
    }

    /// Until the diagnostics of this version of a document have come.
    fn diagnostics(&mut self, uri: &str, version: i64) -> io::Result<()> {
        loop {
            let message = self.read()?;
            let params = &message["params"];
            if message["method"] == "textDocument/publishDiagnostics"
                && params["uri"] == uri
                && params["version"] == version
            {
                return Ok(());
            }
        }
    }

    fn read(&mut self) -> io::Result<Value> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                return Err(io::Error::other("the server ended"));
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body)?;
        serde_json::from_slice(&body).map_err(io::Error::other)
    }

    /// The process's largest memory so far, in MB.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    fn stop(mut self) -> io::Result<()> {
        self.request("shutdown", &Value::Null)?;
        self.notify("exit", &Value::Null)?;
        self.child.wait().map(|_| ())
    }
}
