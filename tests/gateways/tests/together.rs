//! The turbine hall's way from a sensor to the trip system, in namespaces: the real kernel with the emitted ruleset, the
//! real broker and the real Modbus gateway, all from one build.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise"
)]

mod support;

use std::{
    io::Write as _,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use support::{Authority, NOW, Session, available, bytes, install};
use weir_compiler::{
    Sources,
    plan::{Plan, proxies::ProxyKind},
};

const SOON: Duration = Duration::from_millis(1_500);

/// Takes requests out of the stream and appends each to a file, with the address that it came from.
const PLC: &str = "
import socket, struct, sys, threading
server = socket.create_server(('10.31.1.10', 502)); log = open(sys.argv[1], 'a', buffering=1); print('ready', file=log)
def handle(connection, peer):
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

struct Hall {
    prefix: String,
    children: Vec<Child>,
}

impl Drop for Hall {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            std::thread::sleep(Duration::from_millis(200));
            let _ = child.kill();
            let _ = child.wait();
        }
        for place in PLACES {
            let name = format!("{}{place}", self.prefix);
            let _ = Command::new("ip").args(["netns", "del", &name]).stderr(Stdio::null()).status();
        }
    }
}

const PLACES: [&str; 6] = ["edge", "gw", "dmz", "pods", "sis", "halow"];

impl Hall {
    fn new() -> Self {
        let hall = Self { prefix: format!("wgt{}", std::process::id()), children: Vec::new() };
        let script = "
            for n in edge gw dmz pods sis halow; do ip netns add $P$n; ip -n $P$n link set lo up; done
            ip -n ${P}edge link add br0 type bridge; ip -n ${P}edge link set br0 up
            on_edge() { ip -n ${P}edge link add port$1 type veth peer name $2 netns $P$1
                ip -n ${P}edge link set port$1 master br0 up; ip -n $P$1 link set $2 up; }
            on_edge gw up0; on_edge dmz eth0; on_edge pods eth0
            ip -n ${P}gw link add lan0 type veth peer name eth0 netns ${P}halow
            ip -n ${P}gw link add lan2 type veth peer name eth0 netns ${P}sis
            for l in lan0 lan2; do ip -n ${P}gw link set $l up; done
            for n in halow sis; do ip -n $P$n link set eth0 up; done
            a() { ip -n $P$1 address add $2 dev $3; }
            a gw 10.40.0.2/24 up0; a gw 10.20.0.1/16 lan0; a gw 10.31.1.1/24 lan2
            a dmz 10.40.0.10/24 eth0; a halow 10.20.0.17/16 eth0; a sis 10.31.1.10/24 eth0
            a pods 10.40.0.20/24 eth0; a pods 10.42.0.5/16 eth0; a pods 10.42.0.6/16 eth0; a pods 10.42.0.9/16 eth0
            ip -n ${P}gw route add 10.42.0.0/16 dev up0; ip -n ${P}dmz route add 10.42.0.0/16 dev eth0
            for n in dmz pods; do ip -n $P$n route add 10.31.1.0/24 via 10.40.0.2; ip -n $P$n route add 10.20.0.0/16 via 10.40.0.2; done
            ip -n ${P}halow route add default via 10.20.0.1; ip -n ${P}sis route add default via 10.31.1.1
            ip netns exec ${P}gw sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'";
        let done = Command::new("sh").args(["-ec", script]).env("P", &hall.prefix).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        hall
    }

    /// A program at a place.
    fn at(&self, place: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("{}{place}", self.prefix), program]);
        command
    }

    fn start(&mut self, command: &mut Command, log: &Path) {
        let out = std::fs::File::create(log).unwrap();
        let both = out.try_clone().unwrap();
        let child = command.stdin(Stdio::null()).stdout(out).stderr(both).spawn().unwrap();
        self.children.push(child);
    }

    fn load(&self, ruleset: &[u8]) {
        let mut child = self.at("gw", "nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(ruleset).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Whether a connection opens.
    fn opens(&self, place: &str, source: &str, to: &str, port: u16) -> bool {
        let script = "import socket,sys
try: socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=1.2, source_address=(sys.argv[1], 0))
except OSError: sys.exit(1)";
        let mut command = self.at(place, "python3");
        command.args(["-c", script, source, to, &port.to_string()]).status().unwrap().success()
    }
}

fn turbine_hall() -> Plan {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/turbine_hall");
    let mut files = Vec::new();
    collect(&folder, "", &mut files);
    let manifest = std::fs::read_to_string(folder.join("weir.toml")).unwrap();
    let analysis = weir_compiler::analyze(&Sources::new(&manifest, files), NOW);
    analysis.plan.unwrap_or_else(|| panic!("{:#?}", analysis.diagnostics))
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files);
        } else if path.extension().is_some_and(|end| end == "weir") {
            files.push((name, std::fs::read(&path).unwrap()));
        }
    }
}

fn wait_for(log: &Path, text: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let got = std::fs::read_to_string(log).unwrap_or_default();
        if got.contains(text) {
            return;
        }
        assert!(Instant::now() < end, "no `{text}`: {got}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn adu(pdu: &str) -> Vec<u8> {
    let pdu = bytes(pdu);
    [vec![0, 7, 0, 0, 0, pdu.len() as u8 + 1, 1], pdu].concat()
}

fn privileged() -> bool {
    let able = Command::new("unshare").args(["-n", "nft", "list", "ruleset"]).output();
    let able = able.is_ok_and(|out| out.status.success());
    assert!(able || std::env::var("CI").as_deref() != Ok("true"), "CI runs this as root");
    if !able {
        println!("SKIPPED: needs root");
    }
    able
}

#[test]
fn from_the_sensor_to_the_trip_system() {
    let programs =
        ["nginx", "mosquitto", "mosquitto_pub", "mosquitto_sub", "openssl", "nft", "ip", "python3"];
    if !available(&programs) || !privileged() {
        return;
    }
    let plan = turbine_hall();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).to_string_lossy().into_owned();
    let authority = Authority::new(&path("ca"));
    let proxy =
        |kind, name: &str| plan.proxies.iter().find(|one| one.kind == kind && one.name == name).unwrap();

    let options = weir_target_modbus::Options { folder: text("m"), state: text("r"), ..Default::default() };
    let modbus = weir_target_modbus::emit(proxy(ProxyKind::Modbus, "dmz_proxy"), &options).unwrap();
    let gate = path("m/dmz_proxy");
    authority.furnish(&gate, "dmz-proxy.nord.example");
    std::fs::create_dir_all(path("r/dmz_proxy")).unwrap();
    install(&modbus, &gate);
    let options = weir_target_mosquitto::Options { folder: text("q"), ..Default::default() };
    let mosquitto = weir_target_mosquitto::emit(proxy(ProxyKind::Mosquitto, "broker"), &options).unwrap();
    let broker = path("q/broker");
    authority.furnish(&broker, "broker.nord.example");
    install(&mosquitto, &broker);
    let identity = |name: &str, subject: &str, san: &str| authority.issue(name, subject, san);
    let sensor = identity("vib1", "/CN=vib1.nord.example", "");
    let voter =
        identity("voter", "/CN=nord.example:telemetry:voter", "URI:spiffe://nord.example/telemetry/voter");
    let analytics = identity(
        "analytics",
        "/CN=nord.example:telemetry:analytics",
        "URI:spiffe://nord.example/telemetry/analytics",
    );
    assert!(Command::new("chmod").args(["-R", "a+rwX"]).arg(folder.path()).status().unwrap().success());

    let mut hall = Hall::new();
    let gateway = plan.gateways.iter().find(|one| one.name == "gw_turbine").unwrap();
    let emission = weir_target_nftables::emit(gateway, &weir_target_nftables::Options::default()).unwrap();
    let ruleset = emission.artifacts.iter().find(|one| one.path == "nftables/gw_turbine.nft").unwrap();
    hall.load(&ruleset.contents);
    let mut plc = hall.at("sis", "python3");
    plc.args(["-c", PLC, &text("plc")]);
    hall.start(&mut plc, &path("plc.err"));
    let mut nginx = hall.at("dmz", "nginx");
    nginx.args(["-e", "stderr", "-c"]).arg(gate.join("nginx.conf"));
    hall.start(&mut nginx, &path("nginx.log"));
    let mut mosquitto = hall.at("pods", "mosquitto");
    mosquitto.arg("-c").arg(broker.join("mosquitto.conf"));
    hall.start(&mut mosquitto, &path("mosquitto.log"));
    wait_for(&path("plc"), "ready");
    wait_for(&path("nginx.log"), "start worker process ");
    let end = Instant::now() + Duration::from_secs(60);
    while !hall.opens("pods", "10.42.0.6", "10.42.0.9", 8883) {
        assert!(Instant::now() < end, "{}", std::fs::read_to_string(path("mosquitto.log")).unwrap());
    }

    // up: the sensor publishes through the packet filter, the voter hears it, topics and clients are held
    let client = |place: &str, program: &str, who: &Path, arguments: &[&str]| {
        let mut command = hall.at(place, program);
        command.args(["-h", "10.42.0.9", "-p", "8883", "-V", "5", "-d", "--insecure", "--cafile"]);
        command.arg(authority.certificate()).arg("--cert").arg(who.with_extension("crt"));
        command.arg("--key").arg(who.with_extension("key")).args(arguments);
        command
    };
    let mut hears =
        client("pods", "mosquitto_sub", &voter, &["-t", "turbine/#", "-W", "6", "-F", "got %t %p"]);
    let hears = hears.stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    for (topic, taken) in [("turbine/1/vib", true), ("turbine/1/temp", false)] {
        let arguments = ["-q", "1", "-t", topic, "-m", "0.71"];
        let out = client("halow", "mosquitto_pub", &sensor, &arguments).output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        assert!(said.contains("PUBACK"), "{said}");
        assert_eq!(!said.contains("Not authorized"), taken, "{topic}");
    }
    let heard = String::from_utf8(hears.wait_with_output().unwrap().stdout).unwrap();
    assert!(heard.contains("got turbine/1/vib 0.71") && !heard.contains("temp"), "{heard}");

    // down: the voter trips by way of the gateway, which reaches the trip system under its own address
    let there = SocketAddr::from(([10, 40, 0, 10], 502));
    let asks = |source: &str, who: &Path, pdu: &str| {
        let mut session = Session::tls_from(hall.at("pods", "openssl"), source, there, &authority, who);
        session.send(&adu(pdu));
        session.wait(12, SOON).len()
    };
    let (close, open, read) = ("050064ff00", "050068ff00", "0300000001");
    assert!(asks("10.42.0.5", &voter, close) > 0, "a trip");
    assert!(asks("10.42.0.6", &analytics, read) > 0, "a reading");
    assert_eq!(asks("10.42.0.5", &voter, open), 0, "another coil");
    assert_eq!(asks("10.42.0.5", &voter, read), 0, "the voter reads");
    assert_eq!(asks("10.42.0.6", &analytics, close), 0, "analytics trips");
    assert_eq!(asks("10.42.0.5", &sensor, close), 0, "a sensor's certificate");
    let seen = std::fs::read_to_string(path("plc")).unwrap();
    assert_eq!(seen, format!("ready\n10.40.0.10 {close}\n10.40.0.10 {read}\n"), "what the trip system saw");

    // past the gateway: nobody
    assert!(hall.opens("dmz", "10.40.0.10", "10.31.1.10", 502), "the gateway itself");
    for (place, source, to, port) in [
        ("pods", "10.42.0.5", "10.31.1.10", 502),
        ("pods", "10.40.0.20", "10.31.1.10", 502),
        ("halow", "10.20.0.17", "10.31.1.10", 502),
        ("halow", "10.20.0.17", "10.40.0.10", 502),
        ("dmz", "10.40.0.10", "10.31.1.10", 102),
    ] {
        assert!(!hall.opens(place, source, to, port), "{source} -> {to}:{port}");
    }
}
