//! The Modbus gateway on a real nginx: every request is judged, counted at a server that takes the stream apart.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

mod support;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use support::{
    Authority, NOW, Program, Seen, Session, available, bytes, contents, findings, hex, install, plan, serve,
};
use weir_compiler::plan::{Plan, proxies::ProxyPlan};
use weir_target_modbus::{Options, emit};

const PROGRAMS: &[&str] = &["nginx", "openssl"];
const SOON: Duration = Duration::from_millis(1_500);

fn package(octet: u8, rules: &str) -> String {
    format!(
        "use std.ot.{{modbus}}
         zone cell {{ purdue = 1 }}
         network cell_net {{ zone = cell, subnet = 127.9.{octet}.0/24, accept_gap = \"a bench\" }}
         device gate {{ network = cell_net, address = 127.9.{octet}.2, enforces = modbus }}
         device plc {{ network = cell_net, address = 127.9.{octet}.10, serves = [modbus on tcp/15502] }}
         device voter {{ network = cell_net, address = 127.9.{octet}.20, identity = spiffe(\"spiffe://nord.example/voter\") }}
         device reader {{ network = cell_net, address = 127.9.{octet}.21, identity = x509(san = \"reader.nord.example\") }}
         device panel {{ network = cell_net, address = 127.9.{octet}.22, identity = x509(cn = \"panel\") }}
         device other {{ network = cell_net, address = 127.9.{octet}.23, identity = spiffe(\"spiffe://nord.example/other\") }}
         {rules}"
    )
}

fn proxy(plan: &Plan) -> &ProxyPlan {
    plan.proxies.iter().find(|proxy| proxy.name == "gate").unwrap()
}

/// One ADU around a PDU in hexadecimal digits.
fn adu(pdu: &str) -> Vec<u8> {
    let pdu = bytes(pdu);
    let mut adu = vec![0, 7, 0, 0, 0, pdu.len() as u8 + 1, 1];
    adu.extend(pdu);
    adu
}

fn whole_adu(stream: &[u8]) -> Option<usize> {
    let length = 6 + usize::from(*stream.get(4)?) * 256 + usize::from(*stream.get(5)?);
    (stream.len() >= length).then_some(length)
}

/// Gateway and server of a package.
struct Bench {
    _folder: tempfile::TempDir,
    home: PathBuf,
    options: Options,
    authority: Authority,
    nginx: Program,
    gate: SocketAddr,
    seen: Seen,
}

impl Bench {
    fn new(octet: u8, plan: &Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let options = Options { folder: path("etc"), state: path("run"), ..Options::default() };
        let home = folder.path().join("etc/gate");
        let authority = Authority::new(&folder.path().join("ca"));
        authority.furnish(&home, "gate.nord.example");
        std::fs::create_dir_all(folder.path().join("run/gate")).unwrap();
        open_to_all(folder.path());
        let emitted = emit(proxy(plan), &options).unwrap();
        install(&emitted, &home);
        let gate = SocketAddr::from(([127, 9, octet, 2], 15502));
        let seen = serve(SocketAddr::from(([127, 9, octet, 10], 15502)), whole_adu, <[u8]>::to_vec);
        let nginx = start(&home, gate);
        seen.clear();
        Self { home, options, authority, nginx, gate, seen, _folder: folder }
    }

    fn session(&self, identity: Option<&Path>) -> Session {
        Session::tls(self.gate, &self.authority, identity)
    }

    /// Sends pieces one by one and tells which PDUs the server saw.
    fn sees(&self, identity: &Path, pieces: &[Vec<u8>]) -> Vec<String> {
        self.seen.clear();
        let mut session = self.session(Some(identity));
        let mut answers = 0;
        for piece in pieces {
            answers += piece.len();
            session.send(piece);
            if pieces.len() > 1 {
                std::thread::sleep(Duration::from_millis(15));
            }
        }
        // who is refused is closed: only a machine under load waits
        let got = session.wait(answers, Duration::from_secs(8));
        let seen = self.seen.requests();
        let length: usize = seen.iter().map(|request| request.len() / 2).sum();
        // a refused request ends the session, and may take answers along that were on their way
        assert!(got.len() <= length && (length < answers || got.len() == length), "each request is answered");
        seen.iter().map(|request| request[14..].to_owned()).collect()
    }
}

/// nginx's worker is another user: it reads keys as root does before, and writes times into `run`.
fn open_to_all(folder: &Path) {
    let done = Command::new("chmod").args(["-R", "a+rwX"]).arg(folder).status().unwrap();
    assert!(done.success());
}

fn start(home: &Path, gate: SocketAddr) -> Program {
    let mut command = Command::new("nginx");
    command.args(["-e", "stderr", "-c"]).arg(home.join("nginx.conf"));
    Program::start(&mut command, &home.join("log"), gate)
}

const RULES: &str = "
    allow voter -> plc : modbus.write(coils 100..103) | modbus.read(coils 0..15)
    allow reader -> plc : modbus.read
    allow panel -> plc : modbus.write(coil 17 = on) { limit = 6/min, log = true }
    allow panel -> plc : modbus.read(registers 0..9) { until = 2010-01-01 }
    deny reader -> plc : modbus.read(registers 40..49)
";

#[test]
fn what_is_read_back_is_the_policy() {
    let (text, now) = (package(1, RULES), 1_000_000_000);
    let plan = plan(&text, now);
    let emitted = emit(proxy(&plan), &Options::default()).unwrap();
    let file = |name: &str| contents(&emitted, name);
    let found = |changed: Option<(&str, &[u8])>| findings(&text, now, proxy, &emitted, changed);
    assert_eq!(found(None), Vec::<String>::new());
    // another script, however little it differs, is none
    let mut script = file("modbus.js").to_vec();
    script.extend(b"\n");
    assert!(!found(Some(("modbus.js", &script))).is_empty());
    let conf = String::from_utf8(file("nginx.conf").to_vec()).unwrap();
    for (from, to) in [
        ("ssl_verify_client on", "ssl_verify_client optional"),
        ("js_filter weir.filter;", ""),
        ("js_preread weir.gate;", "js_access weir.gate;"),
        ("worker_processes 1", "worker_processes 2"),
        (":15502 ssl so_keepalive=on", ":15502 so_keepalive=on"),
        ("TLSv1.3;", "TLSv1 TLSv1.3;"),
        ("stream {", "stream {\n    server { listen 127.0.0.1:1; proxy_pass 127.0.0.1:2; }"),
    ] {
        assert!(conf.contains(from), "{from}");
        let changed = conf.replacen(from, to, 1);
        assert!(!found(Some(("nginx.conf", changed.as_bytes()))).is_empty(), "{to}");
    }
    let policy = String::from_utf8(file("policy.json").to_vec()).unwrap();
    for (from, to) in [
        ("103", "104"),
        ("\"count\": 6", "\"count\": 7"),
        ("voter\"", "other\""),
        ("reader.nord", "writer.nord"),
    ] {
        assert!(policy.contains(from), "{from}");
        let changed = policy.replace(from, to);
        assert!(!found(Some(("policy.json", changed.as_bytes()))).is_empty(), "{to}");
    }
}

#[test]
fn requests_are_judged_one_by_one() {
    if !available(PROGRAMS) {
        return;
    }
    let bench = Bench::new(2, &plan(&package(2, RULES), 1_000_000_000));
    let voter = bench.authority.issue("voter", "/O=plant/CN=voter pod", "URI:spiffe://nord.example/voter");
    let reader = bench.authority.issue("reader", "/CN=reader", "DNS:reader.nord.example");
    let panel = bench.authority.issue("panel", "/O=plant/CN=panel", "");
    let (on, off) = ("050064ff00", "0500640000");
    for (what, who, pdus) in [
        ("a coil on", &voter, vec![on]),
        ("a coil off", &voter, vec![off]),
        ("the last coil", &voter, vec!["050067ff00"]),
        ("four coils", &voter, vec!["0f00640004010f"]),
        ("reading coils", &voter, vec!["0100000010"]),
        ("several in one segment", &voter, vec![on, "0100000010", off]),
        ("registers", &reader, vec!["0300000028", "040000007d", "0200000001"]),
        ("beside what is denied", &reader, vec!["0300320001", "0300270001"]),
        ("a queue", &reader, vec!["180004"]),
    ] {
        let stream: Vec<u8> = pdus.iter().flat_map(|pdu| adu(pdu)).collect();
        assert_eq!(bench.sees(who, std::slice::from_ref(&stream)), pdus, "{what}");
        let single: Vec<Vec<u8>> = stream.iter().map(|byte| vec![*byte]).collect();
        assert_eq!(bench.sees(who, &single), pdus, "{what}, byte by byte");
    }
    for (what, who, pdu) in [
        ("the coil before", &voter, "050063ff00"),
        ("the coil after", &voter, "050068ff00"),
        ("coils that overrun", &voter, "0f00660003010f"),
        ("coils around", &voter, "0f00600010020fff"),
        ("no such value", &voter, "0500641234"),
        ("a count that does not fit", &voter, "0f00640004020f"),
        ("no coils at all", &voter, "0f0064000000"),
        ("coils that wrap", &voter, "0fffff0002010f"),
        ("too long", &voter, "050064ff0000"),
        ("too short", &voter, "050064ff"),
        ("a register", &voter, "0600640001"),
        ("writing while reading", &voter, "17000000010000000102ffff"),
        ("a mask", &voter, "160064ffff0000"),
        ("a file", &voter, "1507060001000000010000"),
        ("a restart", &voter, "0800010000"),
        ("a program", &voter, "5a0000"),
        ("an exception code", &voter, "8500"),
        ("function 0", &voter, "0000"),
        ("a write by who reads", &reader, on),
        ("what is denied", &reader, "0300280001"),
        ("what is partly denied", &reader, "0300200010"),
        ("a reset", &panel, "0500110000"),
        ("another coil", &panel, "050012ff00"),
        ("what has ended", &panel, "0300000001"),
    ] {
        assert!(bench.sees(who, &[adu(pdu)]).is_empty(), "{what}");
        let single: Vec<Vec<u8>> = adu(pdu).iter().map(|byte| vec![*byte]).collect();
        assert!(bench.sees(who, &single).is_empty(), "{what}, byte by byte");
    }
    // behind a permitted one in the same segment, and across segments
    let both = [adu(on), adu("0600640001")].concat();
    for pieces in [vec![both.clone()], vec![both[..18].to_vec(), both[18..].to_vec()]] {
        let seen = bench.sees(&voter, &pieces);
        assert!(seen.iter().all(|pdu| pdu == on), "{seen:?}");
    }
    for (what, bad) in [
        ("another protocol", bytes("0007000100060105006400ff00")),
        ("length 1", bytes("00070000000101")),
        ("length 255", [bytes("0007000000ff01"), vec![5; 254]].concat()),
        ("another tongue", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ] {
        assert!(bench.sees(&voter, &[bad]).is_empty(), "{what}");
    }
    let log = bench.nginx.log();
    assert!(log.contains("weir-denied: voter function 6"), "{log}");
}

#[test]
fn strangers_do_not_reach_the_server() {
    if !available(PROGRAMS) {
        return;
    }
    let bench = Bench::new(3, &plan(&package(3, RULES), NOW));
    let ours = |name: &str, subject: &str, san: &str| bench.authority.issue(name, subject, san);
    let voter = ours("voter", "/CN=x", "URI:spiffe://nord.example/voter");
    assert_eq!(bench.sees(&voter, &[adu("050064ff00")]), ["050064ff00"]);
    let rogue = Authority::new(&bench.home.join("rogue"));
    bench.seen.clear();
    for (what, identity) in [
        ("another identity", ours("other", "/CN=other", "URI:spiffe://nord.example/other")),
        ("a longer one", ours("longer", "/CN=voter", "URI:spiffe://nord.example/voter/2")),
        (
            "two of them",
            ours("two", "/CN=x", "URI:spiffe://nord.example/voter,URI:spiffe://nord.example/other"),
        ),
        (
            "ours, twice",
            ours("twice", "/CN=x", "URI:spiffe://nord.example/voter,URI:spiffe://nord.example/voter"),
        ),
        ("two that are listed", ours("both", "/CN=panel", "DNS:reader.nord.example")),
        ("two common names", ours("names", "/CN=panel/CN=panel", "")),
        ("the name in another place", ours("place", "/CN=reader.nord.example", "")),
        ("a rogue authority", rogue.issue("voter", "/CN=x", "URI:spiffe://nord.example/voter")),
    ] {
        let mut session = bench.session(Some(&identity));
        session.send(&adu("050064ff00"));
        assert!(session.wait(1, SOON).is_empty(), "{what}");
    }
    let mut none = bench.session(None);
    none.send(&adu("050064ff00"));
    assert!(none.wait(1, SOON).is_empty(), "no certificate");
    let mut plain = Session::plain(bench.gate);
    plain.send(&adu("050064ff00"));
    plain.wait(1, SOON);
    let mut idle = Session::plain(bench.gate);
    idle.wait(1, Duration::from_millis(300));
    assert_eq!(bench.seen.connections(), 0, "not one of them reached the server");
}

#[test]
fn a_trip_is_no_reset_and_not_more_than_six_a_minute() {
    if !available(PROGRAMS) {
        return;
    }
    let bench = Bench::new(4, &plan(&package(4, RULES), NOW));
    let panel = bench.authority.issue("panel", "/CN=panel", "");
    let trip = "050011ff00";
    // over sessions, within one, and over a reload of the worker that counts
    assert_eq!(bench.sees(&panel, &[adu(trip)]), [trip]);
    assert_eq!(bench.sees(&panel, &[[adu(trip), adu(trip)].concat()]), [trip, trip]);
    bench.nginx.signal("HUP");
    std::thread::sleep(SOON);
    assert_eq!(bench.sees(&panel, &[adu(trip), adu(trip), adu(trip), adu(trip)]), [trip, trip, trip]);
    assert!(bench.sees(&panel, &[adu(trip)]).is_empty(), "the seventh");
    let log = bench.nginx.log();
    assert!(
        log.contains("weir-allow: ") && log.contains("panel function 5 items 17..17 value 65280"),
        "{log}"
    );
    // where times cannot be kept, nothing limited passes
    let state = bench.home.join("../../run/gate");
    std::fs::remove_dir_all(state).unwrap();
    assert!(bench.sees(&panel, &[adu(trip)]).is_empty());
}

#[test]
fn a_withdrawn_permission_ends_with_the_reload() {
    if !available(PROGRAMS) {
        return;
    }
    let bench = Bench::new(5, &plan(&package(5, RULES), NOW));
    let voter = bench.authority.issue("voter", "/CN=x", "URI:spiffe://nord.example/voter");
    let mut session = bench.session(Some(&voter));
    session.send(&adu("050064ff00"));
    assert_eq!(session.wait(12, SOON).len(), 12);
    let less = plan(&package(5, "allow reader -> plc : modbus.read"), NOW);
    install(&emit(proxy(&less), &bench.options).unwrap(), &bench.home);
    bench.nginx.signal("HUP");
    assert!(session.closes(Duration::from_secs(4)), "the session that was open");
    assert!(bench.sees(&voter, &[adu("050064ff00")]).is_empty(), "a new one");
}

/// Clients without certificates are known by their addresses, behind a packet filter that binds them.
#[test]
fn plain_clients_are_known_by_address() {
    if !available(PROGRAMS) {
        return;
    }
    let text = "use std.ot.{modbus}
        zone cell { purdue = 1 }
        network cell_net { zone = cell, subnet = 127.9.6.0/24, accept_gap = \"a bench\" }
        device gate { network = cell_net, address = 127.9.6.2, enforces = modbus }
        device plc { network = cell_net, address = 127.9.6.10, serves = [modbus on tcp/15502] }
        device hmi { network = cell_net, address = [127.9.6.20, 127.9.6.40..127.9.6.42] }
        device historian { network = cell_net, address = 127.9.6.21 }
        allow hmi -> plc : modbus.write(registers 5) { via = gate }
        allow historian -> plc : modbus.read(registers 0..9)";
    let bench = Bench::new(6, &plan(text, NOW));
    let from = |source: &str, pdu: &str| {
        bench.seen.clear();
        let script = "import socket,sys
s=socket.create_connection((sys.argv[1],15502),source_address=(sys.argv[2],0)); s.settimeout(1.5); s.sendall(bytes.fromhex(sys.argv[3]))
try: s.recv(99)
except OSError: pass";
        let request = hex(&adu(pdu));
        let done =
            Command::new("python3").args(["-c", script, "127.9.6.2", source, &request]).status().unwrap();
        assert!(done.success());
        bench.seen.requests().len()
    };
    assert_eq!(from("127.9.6.20", "0600050001"), 1);
    assert_eq!(from("127.9.6.42", "0600050001"), 1);
    assert_eq!(from("127.9.6.21", "0300000001"), 1);
    assert_eq!(from("127.9.6.21", "0600050001"), 0, "the historian writes");
    assert_eq!(from("127.9.6.20", "0600060001"), 0, "another register");
    assert_eq!(from("127.9.6.43", "0600050001"), 0, "the address after");
    assert_eq!(from("127.9.6.39", "0600050001"), 0, "the address before");
    assert_eq!(bench.seen.connections(), 0);
}
