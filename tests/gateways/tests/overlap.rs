//! Segments that overlap, sent from a raw socket: what a packet filter cannot hold (it sees segments, the device sees a
//! stream), the gateway does, for it takes the stream from its own host and sends it anew.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise and say why they did not run"
)]

mod support;

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use support::{NOW, available, install, plan};
use weir_gateway_tests::SEGMENTS;

/// A server that notes each request's PDU.
const PLC: &str = "
import socket, struct, sys, threading
server = socket.create_server(('10.9.7.10', 502)); log = open(sys.argv[1], 'a', buffering=1); print('ready', file=log)
def handle(connection):
    kept = b''
    while True:
        data = connection.recv(4096)
        if not data: return
        kept += data
        while len(kept) >= 6 and len(kept) >= 6 + struct.unpack('>H', kept[4:6])[0]:
            end = 6 + struct.unpack('>H', kept[4:6])[0]
            print(kept[7:end].hex(), file=log); connection.sendall(kept[:end]); kept = kept[end:]
while True:
    threading.Thread(target=handle, args=(server.accept()[0],), daemon=True).start()
";

struct Wire {
    prefix: String,
    children: Vec<Child>,
}

impl Wire {
    fn new() -> Self {
        let wire = Self { prefix: format!("wov{}", std::process::id()), children: Vec::new() };
        // the sender's own kernel knows nothing of the connection, and must not reset it
        let script = "
            for n in gate hmi; do ip netns add $P$n; ip -n $P$n link set lo up; done
            ip -n ${P}gate link add eth0 type veth peer name eth0 netns ${P}hmi
            for n in gate hmi; do ip -n $P$n link set eth0 up; done
            for a in 2 10; do ip -n ${P}gate address add 10.9.7.$a/24 dev eth0; done
            ip -n ${P}hmi address add 10.9.7.20/24 dev eth0
            ip netns exec ${P}hmi nft 'table inet quiet { chain out { type filter hook output priority 0; tcp flags rst drop; }; }'";
        let done = Command::new("sh").args(["-ec", script]).env("P", &wire.prefix).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        wire
    }

    fn at(&self, place: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("{}{place}", self.prefix), program]);
        command
    }

    fn start(&mut self, mut command: Command, log: &Path) {
        let out = std::fs::File::create(log).unwrap();
        let both = out.try_clone().unwrap();
        self.children.push(command.stdin(Stdio::null()).stdout(out).stderr(both).spawn().unwrap());
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            std::thread::sleep(Duration::from_millis(200));
            let _ = child.kill();
            let _ = child.wait();
        }
        for place in ["gate", "hmi"] {
            let name = format!("{}{place}", self.prefix);
            let _ = Command::new("ip").args(["netns", "del", &name]).stderr(Stdio::null()).status();
        }
    }
}

fn wait_for(log: &Path, text: &str) {
    let end = Instant::now() + Duration::from_mins(1);
    while !std::fs::read_to_string(log).unwrap_or_default().contains(text) {
        assert!(Instant::now() < end, "no `{text}`: {}", std::fs::read_to_string(log).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn no_order_of_segments_makes_a_write_of_reads() {
    if !available(&["nginx", "python3", "nft", "ip"]) || !weir_lab::available() {
        return;
    }
    let text = "use std.ot.{modbus}
        zone cell { purdue = 1 }
        network cell_net { zone = cell, subnet = 10.9.7.0/24, accept_gap = \"a bench\" }
        device gate { network = cell_net, address = 10.9.7.2, enforces = modbus }
        device plc { network = cell_net, address = 10.9.7.10, serves = [modbus] }
        device hmi { network = cell_net, address = 10.9.7.20 }
        allow hmi -> plc : modbus.read(registers 0..9)";
    let plan = plan(text, NOW);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let place = |name: &str| path(name).to_string_lossy().into_owned();
    let options =
        weir_target_modbus::Options { folder: place("etc"), state: place("run"), ..Default::default() };
    let emitted = weir_target_modbus::emit(&plan.proxies[0], &options).unwrap();
    install(&emitted, &path("etc/gate"));
    std::fs::create_dir_all(path("run/gate")).unwrap();
    assert!(Command::new("chmod").args(["-R", "a+rwX"]).arg(folder.path()).status().unwrap().success());
    let mut wire = Wire::new();
    let mut plc = wire.at("gate", "python3");
    plc.args(["-c", PLC, &place("seen")]);
    wire.start(plc, &path("plc.log"));
    let mut nginx = wire.at("gate", "nginx");
    nginx.args(["-e", "stderr", "-c"]).arg(path("etc/gate/nginx.conf"));
    wire.start(nginx, &path("nginx.log"));
    wait_for(&path("seen"), "ready");
    wait_for(&path("nginx.log"), "start worker process ");

    let read = "000700000006010300000001";
    let write = "000700000006010500 00ff00".replace(' ', "");
    let piece = |text: &str, from: usize, to: usize| format!("{from}:{}", &text[from * 2..to * 2]);
    let orders: [(&str, Vec<String>); 7] = [
        ("a read", vec![piece(read, 0, 12)]),
        ("a read, cut", vec![piece(read, 0, 5), piece(read, 5, 12)]),
        ("a write's end first, then a whole read", vec![piece(&write, 7, 12), piece(read, 0, 12)]),
        ("a write's end first, then a read's beginning", vec![piece(&write, 7, 12), piece(read, 0, 7)]),
        ("a read, then a write over it", vec![piece(read, 0, 12), piece(&write, 7, 12)]),
        ("beginnings and ends that overlap", vec![piece(read, 0, 8), piece(&write, 4, 12)]),
        ("a write under a read's end", vec![piece(read, 8, 12), piece(&write, 6, 10), piece(&write, 0, 8)]),
    ];
    let mut seen = Vec::new();
    for (number, (what, segments)) in orders.iter().enumerate() {
        let mut sender = wire.at("hmi", "python3");
        sender.args(["-c", SEGMENTS, "10.9.7.20", "10.9.7.2", &(40_000 + number).to_string()]).args(segments);
        let out = sender.output().unwrap();
        assert!(out.status.success(), "{what}: {}", String::from_utf8_lossy(&out.stderr));
        let all = std::fs::read_to_string(path("seen")).unwrap();
        seen.push((what, all.lines().skip(1 + seen.iter().map(|(_, count)| count).sum::<usize>()).count()));
        assert!(all.lines().skip(1).all(|pdu| pdu == "0300000001"), "{what}: {all}");
    }
    // what is a read in the end is answered, so the test reaches the server at all
    assert_eq!(seen[0].1, 1, "{seen:?}");
    assert_eq!(seen[1].1, 1, "{seen:?}");
    println!("{seen:?}");
}
