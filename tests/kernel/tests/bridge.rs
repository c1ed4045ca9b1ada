//! A gateway that is a bridge: raw frames, and IP between stations of one segment, through the real kernel's bridge.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use weir_lab::{available, package::Package, station::Station};

/// Stands for the stations of a namespace.
const STATION: &str = env!("CARGO_BIN_EXE_weir-station");

const PLANT: &str = r#"
use std.ot.{goose, sv, mms, profinet, profinet_dcp}

zone bay { purdue = 1 }
zone hall { purdue = 2 }
conduit reports between hall, bay { carries = [mms, tcp/80] }
network process_bus { zone = bay, subnet = [10.1.0.0/24, fd00:0:0:1::/64] }
network station_bus { zone = hall, subnet = 10.2.0.0/24, accept_gap = "lab" }

gateway sw {
    enforces = nftables
    interface br0 { network = process_bus, address = 10.1.0.1 }
    interface p1 { network = process_bus, bridge = "br0", stations = relay | drive }
    interface p2 { network = process_bus, bridge = "br0", stations = breaker | merger }
    interface p3 { network = process_bus, bridge = "br0", stations = router }
}
gateway router {
    enforces = nftables
    interface lan0 { network = process_bus, address = 10.1.0.2 }
    interface up0 { network = station_bus, address = 10.2.0.1 }
}
device relay : Ied { address = [10.1.0.10, fd00:0:0:1::10], mac = 02:00:00:00:00:0a }
device drive { network = process_bus, address = 10.1.0.11 }
device breaker : Ied { address = [10.1.0.20, fd00:0:0:1::20], mac = "02:00:00:00:00:14" }
device merger : Ied { address = 10.1.0.21, mac = 02:00:00:00:00:15 }
device historian { network = station_bus, address = 10.2.0.10 }
class Ied {
    network = process_bus
    serves = [goose, sv, profinet, profinet_dcp, mms]
}
"#;

const POLICY: &str = r"
policy trips {
    allow relay -> breaker : goose.publish(appid 1..5) | profinet
    allow merger -> relay : sv
    allow historian -> relay : mms
    allow relay -> breaker : tcp/80 | udp/80
}
";

fn package(policy: &str) -> Package {
    Package::text(&format!("{PLANT}{policy}"), 0)
}

const RELAY: &str = "02000000000a";
const BREAKER: &str = "020000000014";
const MERGER: &str = "020000000015";
const STRANGER: &str = "0200000000ee";

/// Namespaces: the bridge, the stations behind ports 1 and 2, the router, and the historian behind it.
struct Bench {
    name: String,
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("weirbr{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let bench = Self { name, directory: tempfile::tempdir().unwrap() };
        for place in ["sw", "one", "two", "router", "far"] {
            run(Command::new("ip").args(["netns", "add", &bench.namespace(place)]));
            bench.shell(place, "ip link set lo up; echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad; echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad");
        }
        let [one, two, router, far] = ["one", "two", "router", "far"].map(|place| bench.namespace(place));
        bench.shell(
            "sw",
            &format!(
                "ip link add br0 type bridge; ip link set br0 up
                 ip link add p1 type veth peer name eth0 address 02:00:00:00:00:0a netns {one}
                 ip link add p2 type veth peer name eth0 address 02:00:00:00:00:14 netns {two}
                 ip link add p3 type veth peer name lan0 netns {router}
                 for p in p1 p2 p3; do ip link set $p master br0; ip link set $p up; done
                 ip addr add 10.1.0.1/24 dev br0
                 cat /proc/sys/net/bridge/bridge-nf-call-iptables >/dev/null
                 echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables; echo 1 >/proc/sys/net/bridge/bridge-nf-call-ip6tables"
            ),
        );
        bench.shell("router", &format!(
            "ip link add up0 type veth peer name eth0 netns {far}; ip link set lan0 up; ip link set up0 up
             ip addr add 10.1.0.2/24 dev lan0; ip addr add 10.2.0.1/24 dev up0; echo 1 >/proc/sys/net/ipv4/ip_forward"));
        bench.shell("one", "ip link set eth0 up; ip addr add 10.1.0.10/24 dev eth0; ip addr add fd00:0:0:1::10/64 dev eth0 nodad
            ip route add 10.2.0.0/24 via 10.1.0.2");
        bench.shell("two", "ip link set eth0 up; ip addr add 10.1.0.20/24 dev eth0; ip addr add fd00:0:0:1::20/64 dev eth0 nodad
            ip route add 10.2.0.0/24 via 10.1.0.2");
        bench.shell(
            "far",
            "ip link set eth0 up; ip addr add 10.2.0.10/24 dev eth0; ip route add default via 10.2.0.1",
        );
        bench
    }

    fn namespace(&self, place: &str) -> String {
        format!("{}{place}", self.name)
    }

    fn shell(&self, place: &str, script: &str) -> String {
        run(Command::new("ip").args(["netns", "exec", &self.namespace(place), "sh", "-ec", script]))
    }

    /// Loads the single-file form on both gateways.
    fn load(&self, package: &Package) {
        for gateway in ["sw", "router"] {
            let file = self.file(package, gateway, &format!("nftables/{gateway}.nft"));
            self.shell(gateway, &format!("nft -f {file}"));
        }
    }

    /// Writes the artifacts of a gateway; the path of one of them.
    fn file(&self, package: &Package, gateway: &str, wanted: &str) -> String {
        for artifact in package.artifacts(gateway) {
            let path = self.directory.path().join(&artifact.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &artifact.contents).unwrap();
        }
        self.directory.path().join(wanted).display().to_string()
    }

    fn apply(&self, package: &Package, how: &str) -> bool {
        let script = self.file(package, "sw", "nftables/sw.d/apply");
        let state = self.directory.path().join("run");
        Command::new("ip")
            .args(["netns", "exec", &self.namespace("sw"), "sh", &script])
            .args(how.split(' '))
            .env("WEIR_RUN_DIR", state)
            .stdout(Stdio::null())
            .status()
            .unwrap()
            .success()
    }

    fn listing(&self) -> String {
        self.shell("sw", "nft -s list ruleset")
    }

    fn counter(&self, table: &str, name: &str) -> u64 {
        let text = self.shell("sw", &format!("nft list counter {table} weir {name}"));
        text.split_whitespace().skip_while(|word| *word != "packets").nth(1).unwrap().parse().unwrap()
    }

    /// Sends frames (`to from rest`, in hexadecimal) and tells which of them, by number, arrived in which namespace.
    fn arrivals(&self, frames: &[(&str, String)]) -> BTreeSet<(usize, &'static str)> {
        let places = ["one", "two", "router", "sw"];
        let ears: Vec<Ear> = places
            .iter()
            .map(|place| {
                let device = if *place == "router" {
                    "lan0"
                } else if *place == "sw" {
                    "br0"
                } else {
                    "eth0"
                };
                Ear::new(&self.namespace(place), device)
            })
            .collect();
        for (index, (place, frame)) in frames.iter().enumerate() {
            let device = if *place == "router" { "lan0" } else { "eth0" };
            // Each frame ends with its number, behind what stands in its place in none of the kernel's own.
            let frame = format!("{frame}{}7765{index:04x}", "00".repeat(50));
            self.shell(place, &format!("python3 -c '{SEND}' {device} {frame}"));
        }
        let mut all = BTreeSet::new();
        for (place, ear) in places.into_iter().zip(ears) {
            all.extend(ear.heard().into_iter().map(|index| (index, place)));
        }
        all
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for place in ["sw", "one", "two", "router", "far"] {
            let _ = Command::new("ip").args(["netns", "del", &self.namespace(place)]).status();
        }
    }
}

const SEND: &str = "import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind((sys.argv[1], 0)); s.send(bytes.fromhex(sys.argv[2]))";

/// Prints the number of each frame that comes in, until its input ends and nothing came for a while.
const HEAR: &str = "import socket, sys, select
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind((sys.argv[1], 3))
print(\"READY\", flush=True)
ended = False
while True:
    ready = select.select([s] + ([] if ended else [sys.stdin]), [], [], 0.5 if ended else None)[0]
    if not ready: break
    if sys.stdin in ready: ended = True
    if s in ready:
        frame, source = s.recvfrom(4000)
        if source[2] != socket.PACKET_OUTGOING and frame[-4:-2] == b\"we\": print(int.from_bytes(frame[-2:], \"big\"), flush=True)";

struct Ear(Child);

impl Ear {
    fn new(namespace: &str, device: &str) -> Self {
        let mut child = Command::new("ip")
            .args(["netns", "exec", namespace, "python3", "-c", HEAR, device])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut byte = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut byte).unwrap();
        assert_eq!(&byte, b"READY\n");
        Self(child)
    }

    fn heard(mut self) -> Vec<usize> {
        let _ = self.0.stdin.take().unwrap().flush();
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let heard = lines.map(|line| line.unwrap().parse().unwrap()).collect();
        let _ = self.0.wait();
        heard
    }
}

fn run(command: &mut Command) -> String {
    let out = command.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&out.stderr));
    text
}

#[test]
fn frames_pass_where_policy_permits_them() {
    if !available() {
        return;
    }
    let bench = Bench::new();
    let package = package(POLICY);
    bench.load(&package);
    let once = bench.listing();
    bench.load(&package);
    assert_eq!(once, bench.listing(), "loading twice is loading once");

    let group = "010ccd010001";
    let samples = "010ccd040001";
    // Who sends what, and who hears it.
    let cases: &[(&str, String, &[&str])] = &[
        ("one", format!("{group}{RELAY}88b80001"), &["two"]),
        ("one", format!("{group}{RELAY}88b80005"), &["two"]),
        ("one", format!("{group}{RELAY}88b80000"), &[]),
        ("one", format!("{group}{RELAY}88b80006"), &[]),
        ("one", format!("{BREAKER}{RELAY}88b80003"), &["two"]),
        ("one", format!("{MERGER}{RELAY}88b80003"), &[]),
        ("one", format!("010ccd010200{RELAY}88b80001"), &[]),
        ("one", format!("ffffffffffff{RELAY}88b80001"), &[]),
        // With a priority tag, as devices send it; in a VLAN it is another segment's.
        ("one", format!("{group}{RELAY}8100800088b80004"), &["two"]),
        ("one", format!("{group}{RELAY}8100800088b80009"), &[]),
        ("one", format!("{group}{RELAY}8100800a88b80004"), &[]),
        ("one", format!("{group}{RELAY}8100000081000000{}", "88b80004"), &[]),
        ("one", format!("{group}{RELAY}88a8000088b80004"), &[]),
        ("two", format!("{group}{BREAKER}88b80001"), &[]),
        ("two", format!("{samples}{MERGER}88ba4000"), &["one"]),
        ("two", format!("{RELAY}{MERGER}88ba4000"), &["one"]),
        ("two", format!("{samples}{BREAKER}88ba4000"), &[]),
        ("one", format!("{samples}{RELAY}88ba4000"), &[]),
        // PROFINET: cyclic frames, and neither discovery nor the other direction.
        ("one", format!("{BREAKER}{RELAY}88928000"), &["two"]),
        ("one", format!("{BREAKER}{RELAY}8100c00088928000"), &["two"]),
        ("one", format!("{BREAKER}{RELAY}8892fefd"), &[]),
        ("one", format!("{BREAKER}{RELAY}88920080"), &[]),
        ("two", format!("{RELAY}{BREAKER}88928000"), &[]),
        // Nothing else: EtherCAT, LLC, IP with tags.
        ("one", format!("{BREAKER}{RELAY}88a41110"), &[]),
        ("one", format!("{BREAKER}{RELAY}00204242"), &[]),
        ("one", format!("{BREAKER}{RELAY}81000000080045000020"), &[]),
        // Somebody's address at another port, and an address of nobody.
        ("two", format!("{group}{RELAY}88b80001"), &[]),
        ("router", format!("{group}{RELAY}88b80001"), &[]),
        ("router", format!("{samples}{MERGER}88ba4000"), &[]),
        ("one", format!("{group}{STRANGER}88b80001"), &[]),
    ];
    let frames: Vec<(&str, String)> = cases.iter().map(|(place, frame, _)| (*place, frame.clone())).collect();
    let expected: BTreeSet<(usize, &str)> = cases
        .iter()
        .enumerate()
        .flat_map(|(index, (_, _, places))| places.iter().map(move |place| (index, *place)))
        .collect();
    let heard: BTreeSet<(usize, &str)> =
        bench.arrivals(&frames).into_iter().filter(|(_, place)| *place != "sw").collect();
    assert_eq!(heard, expected);
    // Too short to have an APPID: no stream that is permitted.
    let denied = bench.counter("bridge", "n_denied");
    bench.shell("one", &format!("python3 -c '{SEND}' eth0 {BREAKER}{RELAY}88b8"));
    assert_eq!(bench.counter("bridge", "n_denied"), denied + 1);
    assert_eq!(bench.counter("bridge", "n_spoofed"), 4);
    assert!(bench.counter("bridge", "n_denied") >= 15);
    assert!(bench.counter("bridge", "c_trips") >= 2);
}

#[test]
fn packets_between_ports_are_connections() {
    if !available() {
        return;
    }
    let bench = Bench::new();
    let (full, less) = (package(POLICY), package(&POLICY.replace("tcp/80 | udp/80", "udp/80")));
    let stations: Vec<Station> =
        ["one", "two", "far"].iter().map(|place| Station::start(&bench.namespace(place), STATION)).collect();
    let [one, two, far] = &stations[..] else { panic!() };
    for order in [
        "listen-tcp 80",
        "listen-tcp 81",
        "listen-tcp 102",
        "listen-udp 10.1.0.20 80",
        "listen-udp fd00:0:0:1::20 80",
    ] {
        assert!(two.done(order));
    }
    for order in ["listen-tcp 80", "listen-tcp 102", "listen-udp 10.1.0.10 80"] {
        assert!(one.done(order));
    }
    assert!(one.done("tcp 10.1.0.10 10.1.0.20:81 2000"), "open without a ruleset");
    bench.load(&full);
    let checks = |revoked: bool| {
        let flows = [
            (one, "tcp 10.1.0.10 10.1.0.20:80 2000", !revoked),
            (one, "tcp fd00:0:0:1::10 [fd00:0:0:1::20]:80 2000", !revoked),
            (one, "udp 10.1.0.10 10.1.0.20:80 2000", true),
            (one, "udp fd00:0:0:1::10 [fd00:0:0:1::20]:80 2000", true),
            (one, "tcp 10.1.0.10 10.1.0.20:81 300", false),
            (one, "tcp fd00:0:0:1::10 [fd00:0:0:1::20]:81 300", false),
            (two, "tcp 10.1.0.20 10.1.0.10:80 300", false),
            (two, "udp 10.1.0.20 10.1.0.10:80 600", false),
            (one, "echo 10.1.0.10 10.1.0.20 600", false),
            (far, "tcp 10.2.0.10 10.1.0.10:102 2000", true),
            (far, "tcp 10.2.0.10 10.1.0.10:80 300", false),
            (far, "tcp 10.2.0.10 10.1.0.20:102 300", false),
            (one, "tcp 10.1.0.10 10.1.0.1:22 300", false),
        ];
        for (station, order, passes) in flows {
            assert_eq!(station.done(order), passes, "{order} (revoked: {revoked})");
        }
    };
    checks(false);
    // A live connection goes with its permission, and the other one stays.
    let hold = |port| {
        let (id, answer) = one.order(&format!("hold 10.1.0.10 10.1.0.20:{port} 2000"));
        assert!(answer.recv().unwrap());
        id
    };
    let revoked = hold(80);
    assert!(bench.apply(&less, "--yes"));
    assert!(!one.done(&format!("alive {revoked}")));
    checks(true);
    let before = bench.listing();
    assert!(!bench.apply(&full, "--timeout 0"), "taken back, since nobody confirms it");
    let strip = |text: &str| -> BTreeSet<String> {
        text.lines().filter(|line| !line.contains("counter c_")).map(str::to_owned).collect()
    };
    assert_eq!(strip(&before), strip(&bench.listing()));
    checks(true);
    assert!(bench.apply(&full, "--yes"));
    checks(false);
    // A gateway that is a bridge no more gives its table back.
    let routes_only = Package::text(&PLANT.replace("    interface p", "    // interface p"), 0);
    assert!(bench.apply(&routes_only, "--yes"));
    let listing = bench.listing();
    assert!(!listing.contains("table bridge") && !listing.contains("chain bridged"), "{listing}");
    assert!(bench.apply(&full, "--yes"));
    checks(false);

    // Sources of others: another station's address, the historian's, and in ARP.
    let spoofed = bench.counter("bridge", "n_spoofed");
    for order in
        ["forge 10.1.0.20 10.1.0.20:80", "forge 10.2.0.10 10.1.0.20:80", "forge 10.9.9.9 10.1.0.20:80"]
    {
        let _ = one.done(order);
    }
    bench.shell("one", "ip neigh flush all; ip addr add 10.1.0.2/32 dev eth0");
    let arp =
        |sender: &str| format!("ffffffffffff{RELAY}08060001080006040001{RELAY}{sender}0000000000000a010014");
    let heard = bench.arrivals(&[
        ("one", arp("0a010002")),
        ("one", arp("0a01000a")),
        ("one", arp("0a01000a").replace("0a010014", "0a010002")),
    ]);
    let heard: Vec<_> = heard.into_iter().filter(|(_, place)| *place != "sw").collect();
    // Whom the relay talks to may be looked for, and everybody hears who looks.
    assert_eq!(heard, [(1, "router"), (1, "two"), (2, "router"), (2, "two")]);
    assert!(bench.counter("bridge", "n_spoofed") >= spoofed + 4);
}

#[test]
fn without_the_kernels_help_no_packet_passes() {
    if !available() {
        return;
    }
    let bench = Bench::new();
    let package = package(POLICY);
    let [one, two] = ["one", "two"].map(|place| Station::start(&bench.namespace(place), STATION));
    assert!(two.done("listen-udp 10.1.0.20 80") && two.done("listen-udp fd00:0:0:1::20 80"));
    bench.shell("sw", "for s in iptables ip6tables; do echo 0 >/proc/sys/net/bridge/bridge-nf-call-$s; done");
    assert!(!bench.apply(&package, "--yes"), "apply says what is missing");
    assert_eq!(bench.listing(), "");
    bench.load(&package);
    assert!(!one.done("udp 10.1.0.10 10.1.0.20:80 600"));
    assert!(!one.done("udp fd00:0:0:1::10 [fd00:0:0:1::20]:80 600"));
    bench.shell("sw", "for s in iptables ip6tables; do echo 1 >/proc/sys/net/bridge/bridge-nf-call-$s; done");
    assert!(one.done("udp 10.1.0.10 10.1.0.20:80 2000"));
    assert!(one.done("udp fd00:0:0:1::10 [fd00:0:0:1::20]:80 2000"));
    assert!(bench.apply(&package, "--yes"));
}
