//! What single connections do not show: rates, hidden sources, and a transport without sockets here.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use weir_lab::{Lab, Place, available, package::Package};

/// Stands for the stations of a namespace.
const STATION: &str = env!("CARGO_BIN_EXE_weir-station");

const LEFT: Place = Place::Segment(0);
const RIGHT: Place = Place::Segment(2);
/// The gateways, in the order of the text.
const NEAR: Place = Place::Gateway(0);

/// Two gateways in a row. The near one may hide what is behind it.
fn package(hides: &str, policy: &str) -> Package {
    let plant = format!(
        r#"
zone plant {{ purdue = 1 }}
network left {{ zone = plant, subnet = 10.1.0.0/24, accept_gap = "lab" }}
network middle {{ zone = plant, subnet = 10.2.0.0/24, accept_gap = "lab" }}
network right {{ zone = plant, subnet = 10.3.0.0/24, accept_gap = "lab" }}
gateway near {{
    enforces = nftables
    {hides}
    interface lan0 {{ network = left, address = 10.1.0.1 }}
    interface up0 {{ network = middle, address = 10.2.0.1 }}
}}
gateway far {{
    enforces = nftables
    interface up0 {{ network = middle, address = 10.2.0.2 }}
    interface lan0 {{ network = right, address = 10.3.0.1 }}
}}
device client {{ network = left, address = 10.1.0.10 }}
device other {{ network = left, address = 10.1.0.11 }}
device server {{ network = right, address = 10.3.0.10 }}
"#
    );
    Package::text(&format!("{plant}{policy}\n"), 0)
}

#[test]
fn a_rate_bounds_connections_and_not_packets() {
    if !available() {
        return;
    }
    let package =
        package("", "allow client -> server : udp/80 { limit = 3/h }\nallow other -> server : udp/80");
    let lab = Lab::staffed(&package, STATION);
    assert!(lab.station(RIGHT).done("listen-udp 10.3.0.10 80"));
    lab.load(&package);
    // Each question has a port of its own, and its answer belongs to it.
    let asked: Vec<bool> = (0..6).map(|_| lab.station(LEFT).done("udp 10.1.0.10 10.3.0.10:80 250")).collect();
    assert_eq!(asked, [true, true, true, false, false, false]);
    for _ in 0..6 {
        assert!(lab.station(LEFT).done("udp 10.1.0.11 10.3.0.10:80 2000"), "the rate is the statement's");
    }
}

#[test]
fn a_hidden_source_is_held_where_it_is_known() {
    if !available() {
        return;
    }
    let package = package("masquerade = [middle]", "allow client -> server : tcp/80");
    let lab = Lab::staffed(&package, STATION);
    for port in [80, 81] {
        assert!(lab.station(RIGHT).done(&format!("listen-tcp {port}")));
    }
    // The translation is the host's own; the ruleset says who may use it.
    let hide = "nft 'table ip nat { chain go { type nat hook postrouting priority srcnat; policy accept;
        oifname up0 masquerade
        }
    }'";
    lab.shell(NEAR, hide);
    lab.load(&package);
    assert!(lab.station(LEFT).done("tcp 10.1.0.10 10.3.0.10:80 2000"));
    assert!(!lab.station(LEFT).done("tcp 10.1.0.10 10.3.0.10:81 300"));
    assert!(!lab.station(LEFT).done("tcp 10.1.0.11 10.3.0.10:80 300"));
    assert!(lab.shell(NEAR, "nft list table ip nat").contains("masquerade"), "other tables stay");
    // The far one knows the near one's address, and no other.
    lab.shell(NEAR, "nft delete table ip nat");
    assert!(!lab.station(LEFT).done("tcp 10.1.0.10 10.3.0.10:80 300"));
}

/// Sends one SCTP INIT: source, destination, port.
const INIT: &str = r#"
import socket, struct, sys
def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff
chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 7, 65536, 1, 1, 9)
head = struct.pack("!HHI", 40000, int(sys.argv[3]), 0)
packet = head + struct.pack("<I", crc32c(head + bytes(4) + chunk)) + chunk
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
s.bind((sys.argv[1], 0))
s.sendto(packet, (sys.argv[2], 0))
"#;

#[test]
fn sctp_passes_by_its_ports() {
    if !available() {
        return;
    }
    let package = package("", "allow client -> server : sctp/2905");
    let lab = Lab::staffed(&package, STATION);
    lab.load(&package);
    // Nobody answers: what arrives is counted.
    let count = "nft 'table ip seen { counter arrived {
        }
        chain come { type filter hook prerouting priority raw; policy accept; ip protocol sctp counter name arrived
        }
    }'";
    lab.shell(RIGHT, count);
    let arrived = || {
        let text = lab.shell(RIGHT, "nft list counter ip seen arrived");
        text.split_whitespace().skip_while(|word| *word != "packets").nth(1).unwrap().parse::<u32>().unwrap()
    };
    for (source, port, passes) in
        [("10.1.0.10", 2905, true), ("10.1.0.10", 2906, false), ("10.1.0.11", 2905, false)]
    {
        let before = arrived();
        lab.shell(LEFT, &format!("python3 -c '{INIT}' {source} 10.3.0.10 {port}"));
        let patience = std::time::Instant::now();
        while passes && arrived() == before && patience.elapsed().as_secs() < 3 {}
        assert_eq!(arrived() > before, passes, "{source} to {port}");
    }
}
