//! A real Envoy: identities and requests, counted at the server behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

mod support;

use std::{
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use support::{
    Authority, NOW, Program, Seen, Session, available, compile, contents, findings, install, plan, serve,
};
use weir_compiler::plan::{Plan, proxies::ProxyPlan};
use weir_target_envoy::{Options, emit};

const PROGRAMS: &[&str] = &["envoy", "openssl"];
const SOON: Duration = Duration::from_secs(2);

fn package(octet: u8, rules: &str) -> String {
    format!(
        "use std.ot.{{s7}}
         use std.it.{{http, ssh}}
         zone cell {{ purdue = 1 }}
         network cell_net {{ zone = cell, subnet = 127.7.{octet}.0/24, accept_gap = \"a bench\" }}
         device gate {{ network = cell_net, address = 127.7.{octet}.2, enforces = envoy }}
         device plc {{ network = cell_net, address = 127.7.{octet}.10, serves = [s7 on tcp/15102, http on tcp/18080, ssh on tcp/15022] }}
         device eng {{ network = cell_net, address = 127.7.{octet}.20, identity = spiffe(\"spiffe://nord.example/eng\") }}
         device planner {{ network = cell_net, address = 127.7.{octet}.21, identity = x509(san = \"planner.nord.example\") }}
         device trial {{ network = cell_net, address = 127.7.{octet}.22, identity = spiffe(\"spiffe://nord.example/trial\") }}
         device key {{ network = cell_net, address = 127.7.{octet}.23, identity = psk }}
         role people {{ identity = oidc(issuer = \"https://login.nord.example\", group = \"engineers\"), network = cell_net }}
         {rules}"
    )
}

const RULES: &str = "
    allow eng -> plc : s7 { via = gate }
    allow trial -> plc : s7 { via = gate, mode = audit }
    allow eng -> plc : http.get(\"/api/*\") | http.post(\"/orders\")
    allow planner -> plc : http.get
    allow people -> plc : http.get(\"/reports/*\") { via = gate }
    deny planner -> plc : http.get(\"/admin/*\")
";

fn proxy(plan: &Plan) -> &ProxyPlan {
    plan.proxies.iter().find(|proxy| proxy.name == "gate").unwrap()
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            out.push(char::from(DIGITS[(word >> (18 - 6 * at)) as usize & 63]));
        }
    }
    out
}

/// An issuer of tokens: its key, and what it publishes.
struct Issuer {
    key: PathBuf,
}

impl Issuer {
    fn new(folder: &Path) -> Self {
        let key = folder.join("issuer.key");
        let done = Command::new("openssl").args(["genrsa", "-out"]).arg(&key).arg("2048").output().unwrap();
        assert!(done.status.success());
        Self { key }
    }

    fn key_set(&self) -> String {
        let out = Command::new("openssl")
            .args(["rsa", "-noout", "-modulus", "-in"])
            .arg(&self.key)
            .output()
            .unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let modulus = support::bytes(text.trim().strip_prefix("Modulus=").unwrap());
        format!(
            "{{\"keys\":[{{\"kty\":\"RSA\",\"alg\":\"RS256\",\"kid\":\"1\",\"use\":\"sig\",\"e\":\"AQAB\",\"n\":\"{}\"}}]}}",
            base64url(&modulus)
        )
    }

    fn token(&self, claims: &str) -> String {
        let head = base64url(b"{\"alg\":\"RS256\",\"kid\":\"1\",\"typ\":\"JWT\"}");
        let text = format!("{head}.{}", base64url(claims.as_bytes()));
        let mut child = Command::new("openssl")
            .args(["dgst", "-sha256", "-sign"])
            .arg(&self.key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let signature = child.wait_with_output().unwrap().stdout;
        format!("{text}.{}", base64url(&signature))
    }
}

struct Bench {
    folder: tempfile::TempDir,
    home: PathBuf,
    options: Options,
    authority: Authority,
    issuer: Issuer,
    envoy: Program,
    s7: SocketAddr,
    http: SocketAddr,
    s7_seen: Seen,
    http_seen: Seen,
}

fn whole_request(stream: &[u8]) -> Option<usize> {
    let end = stream.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    Some(end)
}

fn ok(_: &[u8]) -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec()
}

fn anything(stream: &[u8]) -> Option<usize> {
    (!stream.is_empty()).then_some(stream.len())
}

impl Bench {
    fn new(octet: u8, plan: &Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let etc = folder.path().join("etc");
        let options = Options { folder: etc.to_string_lossy().into_owned() };
        let home = etc.join("gate");
        let authority = Authority::new(&folder.path().join("ca"));
        authority.furnish(&home, "gate.nord.example");
        let issuer = Issuer::new(folder.path());
        std::fs::write(home.join("login.nord.example.jwks"), issuer.key_set()).unwrap();
        install(&emit(proxy(plan), &options).unwrap(), &home);
        let at = |last: u8, port: u16| SocketAddr::from(([127, 7, octet, last], port));
        let s7_seen = serve(at(10, 15102), anything, <[u8]>::to_vec);
        let http_seen = serve(at(10, 18080), whole_request, ok);
        let bootstrap = home.join("gate.yaml");
        let mut command = Command::new("envoy");
        command.arg("-c").arg(&bootstrap);
        command.args([
            "--drain-time-s",
            "2",
            "--drain-strategy",
            "immediate",
            "--concurrency",
            "1",
            "--disable-hot-restart",
            "--file-flush-interval-msec",
            "100",
        ]);
        let envoy = Program::start(&mut command, &home.join("log"), at(2, 15102));
        let (s7, http) = (at(2, 15102), at(2, 18080));
        Self { folder, home, options, authority, issuer, envoy, s7, http, s7_seen, http_seen }
    }

    fn identity(&self, name: &str, san: &str) -> PathBuf {
        self.authority.issue(name, &format!("/CN={name}"), san)
    }

    fn echoes(&self, identity: Option<&Path>) -> bool {
        let mut session = Session::tls(self.s7, &self.authority, identity);
        session.send(b"\x03\x00\x00\x07abc");
        session.wait(7, SOON) == b"\x03\x00\x00\x07abc"
    }

    /// The status of a request.
    fn asks(&self, identity: Option<&Path>, method: &str, path: &str, more: &str) -> u16 {
        let mut session = Session::tls(self.http, &self.authority, identity);
        session.send(
            format!("{method} {path} HTTP/1.1\r\nhost: plc\r\n{more}connection: close\r\n\r\n").as_bytes(),
        );
        let got = session.wait(200, Duration::from_secs(5));
        let text = String::from_utf8_lossy(&got).into_owned();
        text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }
}

#[test]
fn what_is_read_back_is_the_policy() {
    let package = package(1, RULES);
    let plan = plan(&package, NOW);
    let emitted = emit(proxy(&plan), &Options::default()).unwrap();
    let file = |name: &str| contents(&emitted, name);
    let found = |changed: Option<(&str, &[u8])>| findings(&package, NOW, proxy, &emitted, changed);
    assert_eq!(found(None), Vec::<String>::new());
    let text = String::from_utf8(file("listeners.yaml").to_vec()).unwrap();
    for (from, to) in [
        ("require_client_certificate: true", "require_client_certificate: false"),
        ("upstream_connect_mode: ON_DOWNSTREAM_DATA", "upstream_connect_mode: IMMEDIATE"),
        ("action: ALLOW", "action: DENY"),
        ("exact: spiffe://nord.example/eng", "exact: spiffe://nord.example/other"),
        ("exact: spiffe://nord.example/eng", "prefix: spiffe://nord.example/eng"),
        ("prefix: spiffe://nord.example/", "prefix: spiffe://nord.example"),
        ("prefix: /api/", "prefix: /"),
        ("exact: GET", "exact: PUT"),
        ("normalize_path: true", "normalize_path: false"),
        ("merge_slashes: true", "merge_slashes: true\n        upgrade_configs: []"),
        ("shadow_rules:", "unknown_rules:"),
        ("not_rule:", "or_rule:"),
        ("port_value: 18080", "port_value: 18081"),
    ] {
        assert!(text.contains(from), "{from}");
        let changed = text.replacen(from, to, 1);
        assert!(!found(Some(("listeners.yaml", changed.as_bytes()))).is_empty(), "{to}");
    }
}

#[test]
fn identities_decide_before_the_server_is_reached() {
    if !available(PROGRAMS) {
        return;
    }
    let bench = Bench::new(2, &plan(&package(2, RULES), NOW));
    let eng = bench.identity("eng", "URI:spiffe://nord.example/eng");
    assert!(bench.echoes(Some(&eng)));
    bench.s7_seen.clear();
    let rogue = Authority::new(&bench.folder.path().join("rogue"));
    for (what, identity) in [
        ("another identity", bench.identity("other", "URI:spiffe://nord.example/other")),
        ("a longer one", bench.identity("longer", "URI:spiffe://nord.example/eng-evil")),
        ("below it", bench.identity("below", "URI:spiffe://nord.example/eng/x")),
        ("another trust domain", bench.identity("domain", "URI:spiffe://nord.example.evil/eng")),
        ("the same as a DNS name", bench.identity("name", "DNS:eng")),
        ("the name of another port", bench.identity("planner", "DNS:planner.nord.example")),
        ("no name at all", bench.identity("none", "")),
        ("a rogue authority", rogue.issue("eng", "/CN=eng", "URI:spiffe://nord.example/eng")),
    ] {
        assert!(!bench.echoes(Some(&identity)), "{what}");
    }
    assert!(!bench.echoes(None), "no certificate");
    let mut plain = Session::plain(bench.s7);
    plain.send(b"\x03\x00\x00\x07abc");
    assert!(plain.wait(7, SOON) != b"\x03\x00\x00\x07abc", "plain text");
    let mut idle = Session::plain(bench.s7);
    idle.wait(1, Duration::from_millis(500));
    let mut silent = Session::tls(bench.s7, &bench.authority, Some(&eng));
    silent.wait(1, Duration::from_millis(500));
    assert_eq!(bench.s7_seen.connections(), 0, "not one of them reached the server");
    // on trial: it passes, and the log says what enforcement would have done
    let trial = bench.identity("trial", "URI:spiffe://nord.example/trial");
    assert!(bench.echoes(Some(&trial)));
    std::thread::sleep(SOON);
    let log = bench.envoy.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.starts_with("weir-envoy")).collect();
    let of =
        |name: &str| lines.iter().find(|line| line.contains(&format!("uri={name} "))).copied().unwrap_or("");
    assert!(of("spiffe://nord.example/trial").contains("audit=denied"), "{log}");
    assert!(of("spiffe://nord.example/eng").contains("audit=allowed"), "{log}");
    assert!(of("spiffe://nord.example/other").contains("rbac_access_denied"), "{log}");
}

#[test]
fn methods_paths_and_tokens_are_held() {
    if !available(PROGRAMS) {
        return;
    }
    let bench = Bench::new(3, &plan(&package(3, RULES), NOW));
    let eng = bench.identity("eng", "URI:spiffe://nord.example/eng");
    let planner = bench.identity("planner", "DNS:planner.nord.example");
    let other = bench.identity("other", "URI:spiffe://nord.example/other");
    for (who, method, path) in [
        (&eng, "GET", "/api/x"),
        (&eng, "GET", "/api/x?y=z"),
        (&eng, "GET", "/x/../api/x"),
        (&eng, "GET", "//api//x"),
        (&eng, "POST", "/orders"),
        (&planner, "GET", "/anything"),
    ] {
        assert_eq!(bench.asks(Some(who), method, path, ""), 200, "{method} {path}");
    }
    bench.http_seen.clear();
    for (who, method, path) in [
        (&eng, "GET", "/"),
        (&eng, "GET", "/apix"),
        (&eng, "GET", "/api"),
        (&eng, "GET", "/api/../admin"),
        (&eng, "GET", "/api/%2e%2e/admin"),
        (&eng, "GET", "/api%2fx"),
        (&eng, "GET", "/api/..%2fadmin"),
        (&eng, "POST", "/api/x"),
        (&eng, "POST", "/orders/1"),
        (&eng, "DELETE", "/orders"),
        (&eng, "get", "/api/x"),
        (&planner, "POST", "/orders"),
        (&planner, "GET", "/admin/users"),
        (&planner, "GET", "/x/../admin/users"),
        (&planner, "GET", "//admin/users"),
        (&planner, "GET", "/%61dmin/users"),
        (&other, "GET", "/api/x"),
    ] {
        let status = bench.asks(Some(who), method, path, "");
        assert!(matches!(status, 0 | 400 | 403 | 404 | 307), "{method} {path}: {status}");
    }
    assert_eq!(bench.asks(None, "GET", "/reports/x", ""), 403, "neither certificate nor token");
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    let endless = "{\"iss\":\"https://login.nord.example\",\"sub\":\"a\",\"groups\":[\"engineers\"]}";
    let claims = |issuer: &str, group: &str, until: i64| {
        format!("{{\"iss\":\"{issuer}\",\"sub\":\"j\",\"exp\":{until},\"groups\":[\"x\",\"{group}\"]}}")
    };
    let issuer = "https://login.nord.example";
    let late = 4_000_000_000;
    let other_issuer = Issuer::new(&bench.home);
    for (what, token) in [
        ("another group", bench.issuer.token(&claims(issuer, "office", late))),
        ("another issuer", bench.issuer.token(&claims("https://login.evil.example", "engineers", late))),
        ("another key", other_issuer.token(&claims(issuer, "engineers", late))),
        ("one that never ends", bench.issuer.token(endless)),
        ("an old one", bench.issuer.token(&claims(issuer, "engineers", 1_000_000_000))),
        ("nonsense", "a.b.c".into()),
    ] {
        let status = bench.asks(None, "GET", "/reports/x", &bearer(&token));
        assert!(matches!(status, 401 | 403), "{what}: {status}");
    }
    let good = bearer(&bench.issuer.token(&claims(issuer, "engineers", late)));
    assert_eq!(bench.asks(None, "GET", "/api/x", &good), 403, "another path");
    assert_eq!(bench.http_seen.connections(), 0, "not one of them reached the server");
    assert_eq!(bench.asks(None, "GET", "/reports/x", &good), 200);
    assert_eq!(bench.http_seen.requests().len(), 1);
}

#[test]
fn a_withdrawn_permission_ends_when_its_listener_has_drained() {
    if !available(PROGRAMS) {
        return;
    }
    let bench = Bench::new(4, &plan(&package(4, RULES), NOW));
    let eng = bench.identity("eng", "URI:spiffe://nord.example/eng");
    let mut session = Session::tls(bench.s7, &bench.authority, Some(&eng));
    session.send(b"one");
    assert_eq!(session.wait(3, SOON), b"one");
    let less = plan(&package(4, "allow trial -> plc : s7 { via = gate }"), NOW);
    let emitted = emit(proxy(&less), &bench.options).unwrap();
    for name in ["clusters.yaml", "listeners.yaml"] {
        std::fs::write(bench.home.join("new"), contents(&emitted, name)).unwrap();
        std::fs::rename(bench.home.join("new"), bench.home.join(name)).unwrap();
    }
    assert!(session.closes(Duration::from_secs(15)), "the session that was open: {}", bench.envoy.log());
    assert!(!bench.echoes(Some(&eng)), "a new one");
    let trial = bench.identity("trial", "URI:spiffe://nord.example/trial");
    assert!(bench.echoes(Some(&trial)), "what is still permitted");
}

#[test]
fn what_envoy_cannot_hold_is_an_error() {
    let codes = |rules: &str| {
        compile(&package(5, rules), NOW).0.iter().map(|one| one[..5].to_owned()).collect::<Vec<_>>()
    };
    for (rules, code) in [
        ("allow eng -> plc : ssh { via = gate }", "E0606"),
        ("allow eng -> plc : s7 { via = gate, until = 2035-01-01 }", "E0606"),
        ("allow eng -> plc : any { via = gate }", "E0606"),
        ("allow eng -> plc : udp/5000 { via = gate }", "E0606"),
        ("allow eng -> plc : http.get(\"/a*b\")", "E0606"),
        ("allow eng -> plc : http.get(\"/a/../b\")", "E0606"),
        ("allow key -> plc : s7 { via = gate }", "E0607"),
        ("allow people -> plc : s7 { via = gate }", "E0607"),
        ("allow eng -> plc : s7.program { via = gate }", "E0606"),
    ] {
        assert!(codes(rules).contains(&code.to_owned()), "{rules}: {:?}", compile(&package(5, rules), NOW).0);
    }
}
