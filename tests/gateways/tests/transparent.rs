//! A gateway that takes connections on their way to the devices behind it, in namespaces: the real kernel leads them to the
//! real nginx, clients know the devices' addresses and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise and say what they did"
)]

mod support;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use support::{NOW, available, bytes, hex, install};
use weir_compiler::plan::{
    Point,
    proxies::{Listener, ProxyPlan},
};
use weir_engine::Budget;
use weir_gateway_tests::SEGMENTS;
use weir_lab::{Lab, Place, package::Package, wires::Host};
use weir_nftables_reader::Ruleset;
use weir_proof::{File, Prover};

const PLANT: &str = "
    use std.ot.{modbus}
    use std.it.{ssh}
    zone control { purdue = 2 }
    zone cell { purdue = 1, target_level = SL3 }
    network control_net { zone = control, subnet = [10.30.0.0/24, fd00:30::/64], accept_gap = \"a bench\" }
    network cell_net { zone = cell, subnet = [10.31.1.0/24, fd00:31::/64], accept_gap = \"a bench\" }
    conduit control_cell between control, cell { carries = [modbus] }
    gateway gate {
        enforces = [nftables, modbus]
        serves = [ssh]
        interface up0 { network = control_net, address = [10.30.0.1, fd00:30::1] }
        interface lan0 { network = cell_net, address = [10.31.1.1, fd00:31::1] }
        SWITCH
    }
    device hmi { network = control_net, address = 10.30.0.20 }
    device panel { network = control_net, address = 10.30.0.21 }
    device other { network = control_net, address = 10.30.0.22 }
    device hmi_six { network = control_net, address = fd00:30::20 }
    device admin { network = control_net, address = 10.30.0.30 }
    device plc[1..3] { network = cell_net, address = cell_net.host(9 + index), serves = [modbus] }
    device plc_six { network = cell_net, address = fd00:31::10, serves = [modbus] }
    allow admin -> gate : ssh
";

const RULES: &str = "
    allow panel -> plc : modbus.read(registers 0..9)
    allow panel -> plc[1] : modbus.write(coil 17 = on)
    allow hmi_six -> plc_six : modbus.read(registers 0..9)
    allow other -> plc[3] : modbus
";
const HMI: &str = "allow hmi -> plc : modbus.read(registers 0..9)";

fn package(rules: &[&str]) -> Package {
    Package::text(&(PLANT.replace("SWITCH", "transparent = true") + &rules.concat()), NOW)
}

/// Notes whose requests reach which address.
const PLC: &str = "
import socket, struct, sys, threading
log = open(sys.argv[1], 'a', buffering=1)
def handle(connection, peer, own):
    print(own, 'connects', peer, file=log)
    kept = b''
    while True:
        try: data = connection.recv(4096)
        except OSError: return
        if not data: return
        kept += data
        while len(kept) >= 6 and len(kept) >= 6 + struct.unpack('>H', kept[4:6])[0]:
            end = 6 + struct.unpack('>H', kept[4:6])[0]
            print(own, kept[7:end].hex(), peer, file=log); connection.sendall(kept[:end]); kept = kept[end:]
def serve(address):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    server = socket.create_server((address, 502), family=family)
    print(address, 'ready', file=log)
    while True:
        connection, peer = server.accept()
        threading.Thread(target=handle, args=(connection, peer[0], address), daemon=True).start()
for address in sys.argv[2:]: threading.Thread(target=serve, args=(address,)).start()
";

/// Connects from an address, sends what it is given line by line, and prints what comes back to each.
const CLIENT: &str = "
import socket, sys
try: s = socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=1.2, source_address=(sys.argv[1], 0))
except OSError as e: print('closed', flush=True); sys.exit()
print('open', flush=True)
for line in sys.stdin:
    try:
        for piece in line.split(): s.sendall(bytes.fromhex(piece))
        print(s.recv(4096).hex(), flush=True)
    except OSError: print('', flush=True)
";

/// One connection that stays open.
struct Client {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Client {
    /// What comes back for pieces that are sent together; nothing, where the other side closes or is silent.
    fn asks(&mut self, pieces: &[&[u8]]) -> String {
        let line: Vec<String> = pieces.iter().map(|piece| hex(piece)).collect();
        writeln!(self.child.stdin.as_mut().unwrap(), "{}", line.join(" ")).unwrap();
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Bench {
    lab: Lab,
    folder: tempfile::TempDir,
    package: Package,
    children: Vec<Child>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            std::thread::sleep(Duration::from_millis(200));
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Bench {
    fn new(package: Package) -> Self {
        let lab = Lab::new(&package);
        let mut bench = Self { lab, folder: tempfile::tempdir().unwrap(), package, children: Vec::new() };
        bench.lab.switch(&bench.package);
        bench.configure();
        let conf = bench.text("etc/gate/nginx.conf");
        bench.start("gate", "nginx", &["-e", "stderr", "-c", &conf], "nginx.log");
        let (place, seen) = (bench.host("plc[1]").place, bench.text("seen"));
        let mut plc = bench.lab.command(place, "python3");
        plc.args(["-c", PLC, &seen]);
        for name in ["plc[1]", "plc[2]", "plc[3]", "plc_six"] {
            plc.arg(bench.address(name).to_string());
        }
        bench.children.push(plc.stdin(Stdio::null()).spawn().unwrap());
        bench.wait_for("nginx.log", "start worker process ", 1);
        bench.wait_for("seen", "ready", 4);
        bench
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The gateway's files as the package has them.
    fn configure(&self) {
        let options = weir_target_modbus::Options {
            folder: self.text("etc"),
            state: self.text("run"),
            ..Default::default()
        };
        let emitted = weir_target_modbus::emit(proxy(&self.package), &options).unwrap();
        install(&emitted, &self.path("etc/gate"));
        std::fs::create_dir_all(self.path("run/gate")).unwrap();
        let open = Command::new("chmod").args(["-R", "a+rwX"]).arg(self.folder.path()).status().unwrap();
        assert!(open.success());
    }

    fn start(&mut self, at: &str, program: &str, arguments: &[&str], log: &str) {
        let out = std::fs::File::create(self.path(log)).unwrap();
        let both = out.try_clone().unwrap();
        let mut command = self.lab.command(self.host(at).place, program);
        let child = command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(both).spawn().unwrap();
        self.children.push(child);
    }

    fn wait_for(&self, log: &str, text: &str, times: usize) {
        let end = Instant::now() + Duration::from_mins(1);
        let read = || std::fs::read_to_string(self.path(log)).unwrap_or_default();
        while read().matches(text).count() < times {
            assert!(Instant::now() < end, "no `{text}`: {}", read());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn host(&self, name: &str) -> &Host {
        let principals = &self.package.facts.model.principals;
        self.lab.map.hosts.iter().find(|host| principals[host.principal as usize].name == name).unwrap()
    }

    fn address(&self, name: &str) -> IpAddr {
        self.host(name).address
    }

    fn gate(&self) -> Place {
        self.host("gate").place
    }

    /// What the devices saw since the last time: whose requests, and from where.
    fn seen(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("seen")).unwrap();
        std::fs::write(self.path("seen"), "").unwrap();
        text.lines().filter(|line| !line.ends_with("ready")).map(str::to_owned).collect()
    }

    /// A connection, where one opens.
    fn connects(&self, from: &str, to: SocketAddr) -> Option<Client> {
        let mut command = self.lab.command(self.host(from).place, "python3");
        let (source, target) = (self.address(from).to_string(), to.ip().to_string());
        command.args(["-c", CLIENT, &source, &target, &to.port().to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        let mut client = Client { child, says };
        (client.line() == "open").then_some(client)
    }

    fn plc(&self, name: &str) -> SocketAddr {
        SocketAddr::new(self.address(name), 502)
    }

    /// What a request to a device comes back with.
    fn asks(&self, from: &str, to: &str, pieces: &[&[u8]]) -> String {
        self.connects(from, self.plc(to)).map_or_else(|| "closed".into(), |mut client| client.asks(pieces))
    }
}

fn proxy(package: &Package) -> &ProxyPlan {
    package.plan.proxies.iter().find(|one| one.name == "gate").unwrap()
}

fn listener(package: &Package, place: SocketAddr) -> &Listener {
    proxy(package).listeners.iter().find(|one| one.takes == Some(place)).unwrap()
}

fn adu(pdu: &str) -> Vec<u8> {
    let pdu = bytes(pdu);
    [vec![0, 7, 0, 0, 0, pdu.len() as u8 + 1, 1], pdu].concat()
}

const READ: &str = "0300000001";
const WRITE: &str = "050011ff00";

/// What the proof finds in what is emitted, and in what the kernel holds.
fn findings(package: &Package, listing: Option<&str>) -> Vec<String> {
    let mut prover = Prover::new(&package.facts, &package.plan, Budget::default(), false);
    let gateway = package.plan.gateways.iter().find(|plan| plan.name == "gate").unwrap();
    match listing {
        Some(listing) => {
            let model = Ruleset::listed("live", listing.as_bytes()).unwrap().model().unwrap();
            prover.filter(gateway, &model, "live");
        }
        None => {
            let artifacts = package.artifacts("gate");
            let files: Vec<File<'_>> =
                artifacts.iter().map(|one| File { path: &one.path, bytes: &one.contents }).collect();
            prover.prove(Point::Gateway(gateway), &files);
            let emitted = weir_target_modbus::emit(proxy(package), &weir_target_modbus::Options::default());
            let emitted = emitted.unwrap();
            let files: Vec<File<'_>> =
                emitted.artifacts.iter().map(|one| File { path: &one.path, bytes: &one.contents }).collect();
            prover.prove(Point::Proxy(proxy(package)), &files);
        }
    }
    prover.take_findings().iter().map(ToString::to_string).collect()
}

#[test]
fn clients_that_know_the_devices_address() {
    if !available(&["nginx", "python3", "nft", "ip"]) || !weir_lab::available() {
        return;
    }
    let package = self::package(&[RULES, HMI]);
    assert_eq!(findings(&package, None), Vec::<String>::new());
    let mut bench = Bench::new(package);
    let listing = |bench: &Bench| bench.lab.shell(bench.gate(), "TZ=UTC nft -j list ruleset");
    assert_eq!(findings(&bench.package, Some(&listing(&bench))), Vec::<String>::new());
    let (read, write) = (adu(READ), adu(WRITE));

    // a reading passes and is answered; the devices see the gateway, each its own requests
    for (from, to, by) in
        [("hmi", "plc[1]", "10.31.1.1"), ("hmi", "plc[2]", "10.31.1.1"), ("hmi_six", "plc_six", "fd00:31::1")]
    {
        assert_eq!(bench.asks(from, to, &[&read]), hex(&read), "{from} reads {to}");
        let own = bench.address(to);
        assert_eq!(bench.seen(), [format!("{own} connects {by}"), format!("{own} {READ} {by}")]);
    }
    // a write does not, alone, behind a reading, byte by byte; who may write does
    assert_eq!(bench.asks("hmi", "plc[1]", &[&write]), "");
    let requests = |bench: &Bench| bench.seen().into_iter().filter(|line| !line.contains("connects")).count();
    assert_eq!(requests(&bench), 0, "nothing that is refused reaches a device");
    let bytes: Vec<&[u8]> = write.chunks(1).collect();
    assert_eq!(bench.asks("hmi", "plc[1]", &bytes), "");
    bench.asks("hmi", "plc[1]", &[&[&read[..], &write].concat()]);
    assert!(!bench.seen().iter().any(|line| line.contains(WRITE)));
    assert_eq!(bench.asks("panel", "plc[1]", &[&write]), hex(&write));
    assert_eq!(bench.asks("panel", "plc[2]", &[&write]), "", "another device's port knows no such right");
    assert!(!bench.seen().iter().any(|line| line.starts_with("10.31.1.11") && line.contains(WRITE)));
    // who may do all of it goes straight, in its own name
    assert_eq!(bench.asks("other", "plc[3]", &[&write]), hex(&write));
    // the end of a refused connection may be seen late
    let seen = bench.seen();
    assert!(seen.contains(&format!("10.31.1.12 {WRITE} 10.30.0.22")), "{seen:?}");

    // nobody else gets through, and nobody by another way than the devices' addresses
    let mut refused = 0;
    let own = listener(&bench.package, bench.plc("plc[1]")).port;
    let gate = |address: &str, port: u16| SocketAddr::new(address.parse().unwrap(), port);
    for (from, to) in [
        ("other", bench.plc("plc[1]")),
        ("admin", bench.plc("plc[1]")),
        ("hmi", gate("10.31.1.10", 503)),
        ("hmi", gate("10.30.0.1", own)),
        ("hmi", gate("10.31.1.1", own)),
        ("hmi", gate("10.30.0.1", 502)),
        ("other", gate("10.30.0.1", own)),
        ("hmi", gate("10.31.1.10", own)),
        ("plc[2]", gate("10.31.1.1", own)),
    ] {
        assert!(bench.connects(from, to).is_none(), "{from} -> {to}");
        refused += 1;
    }
    // somebody else's rule leads a client to another device's port: it is refused there
    let astray = listener(&bench.package, bench.plc("plc[2]")).port;
    let foreign = format!(
        "nft 'table ip foreign {{ chain c {{ type nat hook prerouting priority -110; \
         ip saddr 10.30.0.20 tcp dport 502 redirect to :{astray}; }}; }}'"
    );
    bench.lab.shell(bench.gate(), &foreign);
    assert!(bench.connects("hmi", bench.plc("plc[1]")).is_none(), "led astray");
    bench.lab.shell(bench.gate(), "nft delete table ip foreign");
    assert_eq!(bench.seen(), [""; 0]);

    // no order of segments makes a write of reads
    let (whole, other) = (hex(&read), hex(&write));
    let piece = |text: &str, from: usize, to: usize| format!("{from}:{}", &text[from * 2..to * 2]);
    bench.lab.shell(
        bench.host("hmi").place,
        "nft 'table inet quiet { chain out { type filter hook output priority 0; tcp flags rst drop; }; }'",
    );
    let orders: [(&str, Vec<String>); 6] = [
        ("a read", vec![piece(&whole, 0, 12)]),
        ("a write's end first, then a whole read", vec![piece(&other, 7, 12), piece(&whole, 0, 12)]),
        ("a write's end first, then a read's beginning", vec![piece(&other, 7, 12), piece(&whole, 0, 7)]),
        ("a read, then a write over it", vec![piece(&whole, 0, 12), piece(&other, 7, 12)]),
        ("beginnings and ends that overlap", vec![piece(&whole, 0, 8), piece(&other, 4, 12)]),
        ("a write under a read's end", vec![piece(&whole, 8, 12), piece(&other, 6, 10), piece(&other, 0, 8)]),
    ];
    for (number, (what, segments)) in orders.iter().enumerate() {
        let mut sender = bench.lab.command(bench.host("hmi").place, "python3");
        let port = (30_000 + number).to_string();
        sender.args(["-c", SEGMENTS, "10.30.0.20", "10.31.1.10", &port]).args(segments);
        let out = sender.output().unwrap();
        assert!(out.status.success(), "{what}: {}", String::from_utf8_lossy(&out.stderr));
        let seen = bench.seen();
        assert!(seen.iter().all(|line| line.contains("connects") || line.contains(READ)), "{what}: {seen:?}");
        assert!(number > 0 || seen.len() == 2, "{what}: {seen:?}");
    }
    bench.lab.shell(bench.host("hmi").place, "nft delete table inet quiet");

    // a reload ends what it withdraws, and lets go on what it does not
    let mut stays = bench.connects("panel", bench.plc("plc[1]")).unwrap();
    let mut ends = bench.connects("hmi", bench.plc("plc[1]")).unwrap();
    assert_eq!((stays.asks(&[&read]), ends.asks(&[&read])), (hex(&read), hex(&read)));
    bench.package = self::package(&[RULES]);
    bench.lab.switch(&bench.package);
    assert_eq!(findings(&bench.package, Some(&listing(&bench))), Vec::<String>::new());
    assert_eq!((stays.asks(&[&read]), ends.asks(&[&read])), (hex(&read), String::new()));
    assert!(bench.connects("hmi", bench.plc("plc[1]")).is_none(), "it is no client any more");
    bench.configure();
    let nginx = format!("kill -HUP $(cat {})", bench.text("run/gate/nginx.pid"));
    bench.lab.shell(bench.gate(), &nginx);
    bench.wait_for("nginx.log", "start worker process ", 2);
    assert_eq!(bench.asks("panel", "plc[1]", &[&read]), hex(&read), "and new ones begin");
    // a gateway that takes nothing any more leaves no trace of it
    bench.package = Package::text(&(PLANT.replace("SWITCH", "") + "allow panel -> plc : modbus"), NOW);
    bench.lab.switch(&bench.package);
    assert!(!listing(&bench).contains("steer"), "{}", listing(&bench));
    bench.seen();
    assert_eq!(bench.asks("panel", "plc[2]", &[&write]), hex(&write), "straight");
    assert_eq!(bench.seen()[1], format!("10.31.1.11 {WRITE} 10.30.0.21"));
    // and one that begins to, takes
    bench.package = self::package(&[RULES, HMI]);
    bench.lab.switch(&bench.package);
    assert_eq!(bench.asks("panel", "plc[2]", &[&write]), "");
    assert_eq!(findings(&bench.package, Some(&listing(&bench))), Vec::<String>::new());
    println!("{refused} connections past the gateway refused, {} orders of segments", orders.len());
}
