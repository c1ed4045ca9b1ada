//! Packages, certificates, servers that count, and clients that may send what they like.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise and say why they did not run"
)]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use weir_compiler::{
    Sources,
    plan::{Plan, Point, proxies::ProxyPlan},
};
use weir_engine::Budget;
use weir_proof::{File, Prover};
use weir_targets::Emitted;

/// Whether programs are at hand. In CI they must be.
pub(crate) fn available(programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs
        .iter()
        .filter(|program| {
            let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
            !found.is_ok_and(|found| found.status.success())
        })
        .collect();
    if missing.is_empty() {
        return true;
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI runs the gateways: {missing:?} are missing");
    println!("SKIPPED: needs {missing:?}");
    false
}

/// When packages are compiled, unless a test is about time: 2026-11-18.
pub(crate) const NOW: i64 = 1_795_000_000;

/// All diagnostics' codes, and the plan where none is an error.
pub(crate) fn compile(text: &str, now: i64) -> (Vec<String>, Option<Plan>) {
    let manifest = "[package]\nname = \"bench\"\nversion = \"0.1.0\"\nedition = \"2026\"\n";
    let sources = Sources::new(manifest, vec![("package.weir".into(), text.as_bytes().to_vec())]);
    let analysis = weir_compiler::analyze(&sources, now);
    let codes = analysis.diagnostics.iter().map(|one| format!("{} {}", one.code.id, one.message)).collect();
    (codes, analysis.plan)
}

pub(crate) fn plan(text: &str, now: i64) -> Plan {
    let (codes, plan) = compile(text, now);
    plan.unwrap_or_else(|| panic!("{codes:#?}"))
}

/// What the proof finds in a package's artifacts for one point, one of them changed.
pub(crate) fn findings(
    text: &str,
    now: i64,
    point: impl Fn(&Plan) -> &ProxyPlan,
    emitted: &Emitted,
    changed: Option<(&str, &[u8])>,
) -> Vec<String> {
    let manifest = "[package]\nname = \"bench\"\nversion = \"0.1.0\"\nedition = \"2026\"\n";
    let sources = Sources::new(manifest, vec![("package.weir".into(), text.as_bytes().to_vec())]);
    let analysis = weir_compiler::analyze(&sources, now);
    let (facts, plan) = (analysis.facts.unwrap(), analysis.plan.unwrap());
    let files = emitted.artifacts.iter().map(|one| {
        let bytes =
            changed.filter(|(name, _)| one.path.ends_with(name)).map_or(&one.contents[..], |(_, new)| new);
        File { path: &one.path, bytes }
    });
    let files: Vec<File<'_>> = files.collect();
    let mut prover = Prover::new(&facts, &plan, Budget::default(), false);
    prover.prove(Point::Proxy(point(&plan)), &files);
    prover.take_findings().iter().map(ToString::to_string).collect()
}

/// Writes the artifacts of a point flat into a folder.
pub(crate) fn install(emitted: &Emitted, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for artifact in &emitted.artifacts {
        let name = artifact.path.rsplit('/').next().unwrap();
        std::fs::write(folder.join(name), &artifact.contents).unwrap();
    }
}

pub(crate) fn contents<'e>(emitted: &'e Emitted, name: &str) -> &'e [u8] {
    &emitted.artifacts.iter().find(|one| one.path.ends_with(name)).unwrap().contents
}

fn run(command: &mut Command) -> Vec<u8> {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

/// A certificate authority.
pub(crate) struct Authority {
    folder: PathBuf,
}

impl Authority {
    pub(crate) fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        run(Command::new("openssl").current_dir(folder).args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.crt",
            "-subj",
            "/O=plant/CN=bench CA",
            "-days",
            "2",
        ]));
        Self { folder: folder.to_owned() }
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// Issues a certificate with this subject and subjectAltName, and gives the path of both files without ending.
    pub(crate) fn issue(&self, name: &str, subject: &str, alternative: &str) -> PathBuf {
        let path = self.folder.join(name);
        let file = |end: &str| path.with_extension(end).to_string_lossy().into_owned();
        run(Command::new("openssl").args([
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            &file("key"),
            "-out",
            &file("csr"),
            "-subj",
            subject,
        ]));
        let extensions =
            if alternative.is_empty() { String::new() } else { format!("subjectAltName={alternative}") };
        std::fs::write(file("ext"), extensions).unwrap();
        run(Command::new("openssl").current_dir(&self.folder).args([
            "x509",
            "-req",
            "-in",
            &file("csr"),
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            &file("ext"),
            "-out",
            &file("crt"),
        ]));
        path
    }

    /// The three files that every gateway has in its folder.
    pub(crate) fn furnish(&self, folder: &Path, name: &str) {
        std::fs::create_dir_all(folder).unwrap();
        let own = self.issue("gateway", "/CN=gateway", &format!("DNS:{name}"));
        std::fs::copy(self.certificate(), folder.join("ca.crt")).unwrap();
        std::fs::copy(own.with_extension("crt"), folder.join("gateway.crt")).unwrap();
        std::fs::copy(own.with_extension("key"), folder.join("gateway.key")).unwrap();
    }
}

/// A program of the test; it ends with it.
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts a program and waits until something listens.
    pub(crate) fn start(command: &mut Command, log: &Path, listens: SocketAddr) -> Self {
        let out = std::fs::File::create(log).unwrap();
        let both = out.try_clone().unwrap();
        let child = command.stdin(Stdio::null()).stdout(out).stderr(both).spawn().unwrap();
        let program = Self { child, log: log.to_owned() };
        let end = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect_timeout(&listens, Duration::from_millis(200)).is_err() {
            assert!(Instant::now() < end, "{command:?} does not listen: {}", program.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        program
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }

    pub(crate) fn signal(&self, name: &str) {
        run(Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let end = Instant::now() + Duration::from_secs(3);
        while Instant::now() < end {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What reached a server: connections, and what was asked on them.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    inner: Arc<Mutex<(usize, Vec<String>)>>,
}

impl Seen {
    pub(crate) fn connections(&self) -> usize {
        self.inner.lock().unwrap().0
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.inner.lock().unwrap().1.clone()
    }

    pub(crate) fn clear(&self) {
        *self.inner.lock().unwrap() = (0, Vec::new());
    }
}

/// A server that takes whole requests out of the stream, notes them, and answers each. `split` finds the end of the first
/// one.
pub(crate) fn serve(
    address: SocketAddr,
    split: fn(&[u8]) -> Option<usize>,
    answer: fn(&[u8]) -> Vec<u8>,
) -> Seen {
    let listener = TcpListener::bind(address).unwrap();
    let seen = Seen::default();
    let noted = seen.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            noted.inner.lock().unwrap().0 += 1;
            let noted = noted.clone();
            std::thread::spawn(move || {
                let mut kept: Vec<u8> = Vec::new();
                let mut buffer = [0; 4096];
                loop {
                    match stream.read(&mut buffer) {
                        Ok(0) | Err(_) => return,
                        Ok(count) => kept.extend_from_slice(&buffer[..count]),
                    }
                    while let Some(end) = split(&kept) {
                        let request: Vec<u8> = kept.drain(..end).collect();
                        noted.inner.lock().unwrap().1.push(hex(&request));
                        let _ = stream.write_all(&answer(&request));
                    }
                }
            });
        }
    });
    seen
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The client's side of one connection: bytes as they are, inside of TLS or not.
pub(crate) struct Session {
    child: Option<Child>,
    plain: Option<TcpStream>,
    arrives: Receiver<Vec<u8>>,
    got: Vec<u8>,
}

impl Session {
    /// Inside of TLS 1.3, with a certificate or without.
    pub(crate) fn tls(to: SocketAddr, authority: &Authority, identity: Option<&Path>) -> Self {
        let mut command = Command::new("openssl");
        command.arg("s_client");
        Self::run(command, to, authority, identity)
    }

    /// The same by another command that ends in `openssl` (inside of a namespace), from a source address.
    pub(crate) fn tls_from(
        mut command: Command,
        source: &str,
        to: SocketAddr,
        authority: &Authority,
        identity: Option<&Path>,
    ) -> Self {
        command.args(["s_client", "-bind", source]);
        Self::run(command, to, authority, identity)
    }

    fn run(mut command: Command, to: SocketAddr, authority: &Authority, identity: Option<&Path>) -> Self {
        command.args(["-quiet", "-tls1_3", "-no_ign_eof", "-connect", &to.to_string(), "-CAfile"]);
        command.arg(authority.certificate());
        if let Some(identity) = identity {
            command.arg("-cert").arg(identity.with_extension("crt"));
            command.arg("-key").arg(identity.with_extension("key"));
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let from = child.stdout.take().unwrap();
        Self { child: Some(child), plain: None, arrives: reader(from), got: Vec::new() }
    }

    pub(crate) fn plain(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_nodelay(true).unwrap();
        let from = stream.try_clone().unwrap();
        Self { child: None, plain: Some(stream), arrives: reader(from), got: Vec::new() }
    }

    pub(crate) fn send(&mut self, data: &[u8]) {
        // the other side may have closed: that is what a test looks for in what arrives
        if let Some(stream) = &mut self.plain {
            let _ = stream.write_all(data);
        } else if let Some(stdin) = self.child.as_mut().and_then(|child| child.stdin.as_mut()) {
            let _ = stdin.write_all(data);
            let _ = stdin.flush();
        }
    }

    /// What has arrived once `count` bytes have, the other side has closed, or the time is over.
    pub(crate) fn wait(&mut self, count: usize, patience: Duration) -> Vec<u8> {
        let end = Instant::now() + patience;
        while self.got.len() < count {
            match self.arrives.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(more) if more.is_empty() => break,
                Ok(more) => self.got.extend(more),
                Err(_) => break,
            }
        }
        std::mem::take(&mut self.got)
    }

    /// Whether the other side closes within a time; what arrives before is left out.
    pub(crate) fn closes(&mut self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        loop {
            match self.arrives.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(more) if more.is_empty() => return true,
                Ok(_) => {}
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return true,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Hands over what arrives; an empty piece is the end.
fn reader(mut from: impl std::io::Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (give, take) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            let count = from.read(&mut buffer).unwrap_or(0);
            if give.send(buffer[..count].to_vec()).is_err() || count == 0 {
                return;
            }
        }
    });
    take
}
