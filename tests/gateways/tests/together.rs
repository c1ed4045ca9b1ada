//! The turbine hall's way from a sensor to the trip system, in namespaces of the plan's own topology: the real kernel with
//! every ruleset, the real broker, the real Modbus gateway and the real Envoy, all from one build.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise and say what they did"
)]

mod support;

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use support::{Authority, Session, available, bytes, install};
use weir_compiler::plan::proxies::{ProxyKind, ProxyPlan};
use weir_lab::{Lab, Place, package::Package, wires::Host};

const SOON: Duration = Duration::from_millis(1_500);

/// Takes requests out of the stream and appends each to a file, with the address that it came from.
const PLC: &str = "
import socket, struct, sys, threading
server = socket.create_server((sys.argv[1], 502)); log = open(sys.argv[2], 'a', buffering=1); print('ready', file=log)
def handle(connection, peer):
    print(peer[0], 'connects', file=log)
    kept = b''
    while True:
        data = connection.recv(4096)
        if not data: return
        kept += data
        while len(kept) >= 6 and len(kept) >= 6 + struct.unpack('>H', kept[4:6])[0]:
            end = 6 + struct.unpack('>H', kept[4:6])[0]
            print(peer[0], kept[7:end].hex(), file=log); connection.sendall(kept[:end]); kept = kept[end:]
while True:
    threading.Thread(target=handle, args=server.accept(), daemon=True).start()
";

/// Answers HTTPS, and notes who connected and what was asked.
const HISTORIAN: &str = "
import http.server, ssl, sys
log = open(sys.argv[2], 'a', buffering=1)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def setup(self): print(self.client_address[0], 'connects', file=log); super().setup()
    def answer(self):
        print(self.client_address[0], self.command, self.path, file=log)
        self.rfile.read(int(self.headers.get('content-length') or 0))
        self.send_response(200); self.send_header('content-length', '0'); self.end_headers()
    do_GET = do_POST = do_PUT = do_DELETE = answer
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer((sys.argv[1], 443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain(sys.argv[3], sys.argv[4])
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print('ready', file=log); server.serve_forever()
";

struct Hall {
    package: Package,
    lab: Lab,
    folder: tempfile::TempDir,
    authority: Authority,
    children: Vec<Child>,
}

impl Drop for Hall {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
        }
        std::thread::sleep(Duration::from_millis(300));
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Hall {
    fn new() -> Self {
        let package = Package::example("turbine_hall", "");
        let lab = Lab::new(&package);
        lab.load(&package);
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(&folder.path().join("ca"));
        Self { package, lab, folder, authority, children: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn proxy(&self, kind: ProxyKind, name: &str) -> &ProxyPlan {
        self.package.plan.proxies.iter().find(|one| one.kind == kind && one.name == name).unwrap()
    }

    /// Somebody of the package, by IPv4.
    fn host(&self, name: &str) -> &Host {
        let principals = &self.package.facts.model.principals;
        let mut hosts = self.lab.map.hosts.iter().filter(|host| host.address.is_ipv4());
        hosts.find(|host| principals[host.principal as usize].name == name).unwrap()
    }

    fn address(&self, name: &str) -> IpAddr {
        self.host(name).address
    }

    fn place(&self, name: &str) -> Place {
        self.host(name).place
    }

    /// Starts a program where somebody is.
    fn start(&mut self, at: &str, program: &str, arguments: &[&str], log: &str) {
        let out = std::fs::File::create(self.path(log)).unwrap();
        let both = out.try_clone().unwrap();
        let mut command = self.lab.command(self.place(at), program);
        let child = command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(both).spawn().unwrap();
        self.children.push(child);
    }

    fn wait_for(&self, log: &str, text: &str) {
        let end = Instant::now() + Duration::from_mins(1);
        while !self.log(log).contains(text) {
            assert!(Instant::now() < end, "no `{text}`: {}", self.log(log));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether a connection opens.
    fn opens(&self, from: &str, to: &str, port: u16) -> bool {
        let script = "import socket,sys
try: socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=1.2, source_address=(sys.argv[1], 0))
except OSError: sys.exit(1)";
        let mut command = self.lab.command(self.place(from), "python3");
        let (source, target) = (self.address(from).to_string(), self.address(to).to_string());
        command.args(["-c", script, &source, &target, &port.to_string()]).status().unwrap().success()
    }

    /// What comes back when somebody sends bytes by TLS with a certificate, or without one.
    fn sends(&self, from: &str, to: &str, port: u16, identity: Option<&Path>, pieces: &[Vec<u8>]) -> Vec<u8> {
        let command = self.lab.command(self.place(from), "openssl");
        let there = SocketAddr::new(self.address(to), port);
        let source = self.address(from).to_string();
        let mut session = Session::tls_from(command, &source, there, &self.authority, identity);
        for piece in pieces {
            session.send(piece);
            std::thread::sleep(Duration::from_millis(60));
        }
        session.wait(12, SOON)
    }

    /// A client of the broker, at somebody's place.
    fn client(&self, at: &str, program: &str, identity: Option<&Path>, more: &[&str]) -> Command {
        let mut command = self.lab.command(self.place(at), program);
        command.args([
            "-h",
            &self.address("broker").to_string(),
            "-p",
            "8883",
            "-V",
            "5",
            "-d",
            "--insecure",
        ]);
        command.args(["-A", &self.address(at).to_string(), "--cafile"]).arg(self.authority.certificate());
        if let Some(identity) = identity {
            command.arg("--cert").arg(identity.with_extension("crt"));
            command.arg("--key").arg(identity.with_extension("key"));
        }
        command.args(more);
        command
    }

    /// Whether the broker takes a message.
    fn publishes(&self, at: &str, identity: Option<&Path>, topic: &str, more: &[&str]) -> bool {
        let arguments = [&["-q", "1", "-t", topic, "-m", "0.71"], more].concat();
        let out = self.client(at, "mosquitto_pub", identity, &arguments).output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        said.contains("PUBACK") && !said.contains("Not authorized")
    }

    fn broker(&mut self) {
        let options = weir_target_mosquitto::Options { folder: self.text("q"), ..Default::default() };
        let emitted =
            weir_target_mosquitto::emit(self.proxy(ProxyKind::Mosquitto, "broker"), &options).unwrap();
        let home = self.path("q/broker");
        self.authority.furnish(&home, "broker.nord.example");
        install(&emitted, &home);
        self.open_to_all();
        self.start("broker", "mosquitto", &["-c", &self.text("q/broker/mosquitto.conf")], "mosquitto.log");
    }

    fn gates(&mut self) {
        let options = weir_target_modbus::Options {
            folder: self.text("m"),
            state: self.text("r"),
            ..Default::default()
        };
        let emitted = weir_target_modbus::emit(self.proxy(ProxyKind::Modbus, "dmz_proxy"), &options).unwrap();
        let home = self.path("m/dmz_proxy");
        self.authority.furnish(&home, "dmz-proxy.nord.example");
        std::fs::create_dir_all(self.path("r/dmz_proxy")).unwrap();
        install(&emitted, &home);
        let options = weir_target_envoy::Options { folder: self.text("e") };
        let emitted = weir_target_envoy::emit(self.proxy(ProxyKind::Envoy, "dmz_proxy"), &options).unwrap();
        let home = self.path("e/dmz_proxy");
        self.authority.furnish(&home, "dmz-proxy.nord.example");
        install(&emitted, &home);
        self.open_to_all();
        let conf = self.text("m/dmz_proxy/nginx.conf");
        self.start("dmz_proxy", "nginx", &["-e", "stderr", "-c", &conf], "nginx.log");
        let envoy =
            ["-c", &self.text("e/dmz_proxy/dmz_proxy.yaml"), "--concurrency", "1", "--disable-hot-restart"];
        self.start("dmz_proxy", "envoy", &envoy, "envoy.log");
        self.wait_for("nginx.log", "start worker process ");
        self.wait_for("envoy.log", "starting main dispatch loop");
    }

    /// Programs give up root, and read what this test wrote.
    fn open_to_all(&self) {
        assert!(
            Command::new("chmod").args(["-R", "a+rwX"]).arg(self.folder.path()).status().unwrap().success()
        );
    }
}

fn adu(pdu: &str) -> Vec<u8> {
    let pdu = bytes(pdu);
    [vec![0, 7, 0, 0, 0, pdu.len() as u8 + 1, 1], pdu].concat()
}

fn post(path: &str, method: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nhost: historian\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

#[test]
fn from_the_sensor_to_the_trip_system() {
    let programs = ["nginx", "mosquitto", "mosquitto_pub", "mosquitto_sub", "openssl", "python3", "envoy"];
    if !available(&programs) || !weir_lab::available() {
        return;
    }
    let begin = Instant::now();
    let mut hall = Hall::new();
    let namespaces = hall.lab.map.places().len();
    let issue = |hall: &Hall, name: &str, subject: &str, san: &str| hall.authority.issue(name, subject, san);
    let sensor = issue(&hall, "vib1", "/CN=vib1.nord.example", "");
    let voter = issue(
        &hall,
        "voter",
        "/CN=nord.example:telemetry:voter",
        "URI:spiffe://nord.example/telemetry/voter",
    );
    let analytics = issue(
        &hall,
        "analytics",
        "/CN=nord.example:telemetry:analytics",
        "URI:spiffe://nord.example/telemetry/analytics",
    );
    let rogue = Authority::new(&hall.path("rogue"));
    let forged_voter =
        rogue.issue("voter", "/CN=nord.example:telemetry:voter", "URI:spiffe://nord.example/telemetry/voter");
    let forged_sensor = rogue.issue("vib1", "/CN=vib1.nord.example", "");
    let historian = issue(&hall, "historian", "/CN=historian", "DNS:historian.nord.example");
    hall.open_to_all();
    hall.broker();
    hall.gates();
    let (trip, archive) = (hall.address("trip_plc").to_string(), hall.address("historian").to_string());
    hall.start("trip_plc", "python3", &["-c", PLC, &trip, &hall.text("plc")], "plc.err");
    let files = [
        hall.text("history"),
        format!("{}.crt", historian.display()),
        format!("{}.key", historian.display()),
    ];
    hall.start(
        "historian",
        "python3",
        &["-c", HISTORIAN, &archive, &files[0], &files[1], &files[2]],
        "history.err",
    );
    hall.wait_for("plc", "ready");
    hall.wait_for("history", "ready");
    let end = Instant::now() + Duration::from_mins(1);
    while !hall.opens("voter", "broker", 8883) {
        assert!(Instant::now() < end, "{}", hall.log("mosquitto.log"));
    }
    let mut attacks = 0;
    let mut refused = |is: bool, what: &str| {
        assert!(is, "{what} was not refused");
        attacks += 1;
    };

    // up: the sensor publishes through the packet filter, the voter hears it
    let mut hears = hall.client(
        "voter",
        "mosquitto_sub",
        Some(&voter),
        &["-t", "turbine/#", "-W", "60", "-F", "got %t %p"],
    );
    let hears = hears.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    assert!(hall.publishes("vib[1]", Some(&sensor), "turbine/1/vib", &[]), "{}", hall.log("mosquitto.log"));
    refused(!hall.publishes("vib[1]", Some(&sensor), "turbine/1/temp", &[]), "another topic");
    refused(!hall.publishes("vib[1]", Some(&sensor), "turbine/1/vib/x", &[]), "a deeper topic");
    refused(!hall.publishes("vib[1]", None, "turbine/1/vib", &[]), "no certificate");
    refused(!hall.publishes("vib[1]", Some(&forged_sensor), "turbine/1/vib", &[]), "a rogue authority");
    refused(!hall.publishes("analytics", Some(&analytics), "turbine/1/vib", &[]), "who listens publishes");
    // whoever takes the voter's client id ends no session of the voter, and has none of its rights
    let taken = ["-i", "nord.example:telemetry:voter"];
    let _ = hall.publishes("vib[1]", Some(&sensor), "turbine/1/temp", &taken);
    assert!(hall.publishes("vib[1]", Some(&sensor), "turbine/1/vib", &[]));
    std::thread::sleep(Duration::from_millis(500));
    assert!(Command::new("kill").args(["-INT", &hears.id().to_string()]).status().unwrap().success());
    let heard = String::from_utf8(hears.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(
        heard.matches("got turbine/1/vib 0.71").count(),
        2,
        "the voter's session outlives the takeover: {heard}"
    );
    refused(!heard.contains("temp"), "what was not permitted was delivered");

    // down: the voter trips by way of the gateway, which reaches the trip system under its own address
    let modbus = |who: &str, identity: Option<&Path>, pieces: &[Vec<u8>]| {
        hall.sends(who, "dmz_proxy", 502, identity, pieces).len()
    };
    let (close, open, read) = ("050064ff00", "050068ff00", "0300000001");
    assert!(modbus("voter", Some(&voter), &[adu(close)]) > 0, "a trip: {}", hall.log("nginx.log"));
    assert!(modbus("analytics", Some(&analytics), &[adu(read)]) > 0, "a reading");
    let split: Vec<Vec<u8>> = adu(open).into_iter().map(|byte| vec![byte]).collect();
    refused(modbus("voter", Some(&voter), &[adu(open)]) == 0, "another coil");
    refused(modbus("voter", Some(&voter), &split) == 0, "another coil, byte by byte");
    refused(modbus("voter", Some(&voter), &[adu(read)]) == 0, "the voter reads");
    refused(modbus("analytics", Some(&analytics), &[adu(close)]) == 0, "analytics trips");
    let behind = [adu(read), adu(close)].concat();
    refused(modbus("analytics", Some(&analytics), &[behind]) <= 12, "a trip behind a reading");
    refused(modbus("voter", Some(&sensor), &[adu(close)]) == 0, "a sensor's certificate");
    refused(modbus("voter", Some(&forged_voter), &[adu(close)]) == 0, "a rogue authority");
    refused(modbus("voter", None, &[adu(close)]) == 0, "no certificate");
    let seen = hall.log("plc");
    let requests: Vec<&str> =
        seen.lines().filter(|line| !line.ends_with("connects") && *line != "ready").collect();
    let of_gate = |pdu: &str| format!("{} {pdu}", hall.address("dmz_proxy"));
    // the reading before the trip may be lost with the session that the trip ends
    assert_eq!(requests[..2], [of_gate(close), of_gate(read)], "what the trip system saw");
    assert!(requests[2..].iter().all(|request| *request == of_gate(read)), "{requests:?}");

    // aside: analytics hands its findings over by way of Envoy
    let history = |who: &str, identity: Option<&Path>, request: Vec<u8>| {
        let got = hall.sends(who, "dmz_proxy", 443, identity, &[request]);
        String::from_utf8_lossy(&got).split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0u16)
    };
    assert_eq!(
        history("analytics", Some(&analytics), post("/api/findings", "POST")),
        200,
        "{}",
        hall.log("envoy.log")
    );
    refused(history("analytics", Some(&analytics), post("/api/findings", "GET")) == 403, "it asks");
    refused(history("analytics", Some(&analytics), post("/api/../admin", "POST")) == 403, "another path");
    refused(history("voter", Some(&voter), post("/api/findings", "POST")) == 403, "the voter hands over");
    refused(
        history("analytics", Some(&forged_voter), post("/api/findings", "POST")) == 0,
        "a rogue authority",
    );
    refused(history("analytics", None, post("/api/findings", "POST")) == 0, "no certificate");
    let seen = hall.log("history");
    assert_eq!(seen.matches("POST /api/findings").count(), 1, "{seen}");
    assert_eq!(
        seen.lines().filter(|line| line.ends_with("connects")).count(),
        1,
        "strangers reach nobody: {seen}"
    );

    // past the gateways: nobody
    assert!(hall.opens("dmz_proxy", "trip_plc", 502), "the gateway itself");
    for (from, to, port) in [
        ("voter", "trip_plc", 502),
        ("analytics", "trip_plc", 502),
        ("analytics", "historian", 443),
        ("vib[1]", "trip_plc", 502),
        ("vib[1]", "dmz_proxy", 502),
        ("vib[1]", "dmz_proxy", 443),
        ("historian", "trip_plc", 502),
        ("dmz_proxy", "trip_plc", 102),
    ] {
        refused(!hall.opens(from, to, port), &format!("{from} -> {to}:{port}"));
    }
    println!(
        "turbine_hall: {namespaces} namespaces, 5 flows driven, {attacks} attacks refused, after {:.1?}",
        begin.elapsed()
    );
}
