//! What a reload does to connections, what the clock does, and what forged sources get.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::{
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use weir_lab::{Lab, Place, available, package::Package};

/// Stands for the stations of a namespace.
const STATION: &str = env!("CARGO_BIN_EXE_weir-station");

/// Two gateways in a row, both families; `allow` lines are added.
fn package(policy: &str, now: i64) -> Package {
    let plant = r#"
zone plant { purdue = 1 }
network left { zone = plant, subnet = [10.1.0.0/24, fd00:0:0:1::/64], accept_gap = "lab" }
network middle { zone = plant, subnet = [10.2.0.0/24, fd00:0:0:2::/64], accept_gap = "lab" }
network right { zone = plant, subnet = [10.3.0.0/24, fd00:0:0:3::/64], accept_gap = "lab" }
gateway gl {
    enforces = nftables
    interface lan0 { network = left, address = [10.1.0.1, fd00:0:0:1::1] }
    interface up0 { network = middle, address = [10.2.0.1, fd00:0:0:2::1] }
}
gateway gr {
    enforces = nftables
    interface up0 { network = middle, address = [10.2.0.2, fd00:0:0:2::2] }
    interface lan0 { network = right, address = [10.3.0.1, fd00:0:0:3::1] }
}
device client { network = left, address = [10.1.0.10, fd00:0:0:1::10] }
device other { network = left, address = 10.1.0.11 }
device server { network = right, address = [10.3.0.10, fd00:0:0:3::10] }
"#;
    Package::text(&format!("{plant}{policy}\n"), now)
}

const KEPT: &str = "allow client -> server : tcp/80 | udp/80";
const GONE: &str = "allow client -> server : tcp/81 | udp/81";
/// The namespaces of the stations.
const LEFT: Place = Place::Segment(0);
const RIGHT: Place = Place::Segment(2);

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

fn serving(package: &Package) -> Lab {
    let lab = Lab::staffed(package, STATION);
    for order in ["listen-tcp 80", "listen-tcp 81", "listen-udp 10.3.0.10 80", "listen-udp 10.3.0.10 81"] {
        assert!(lab.station(RIGHT).done(order));
    }
    lab
}

fn asks(lab: &Lab, what: &str) -> bool {
    lab.station(LEFT).done(what)
}

/// A connection that stays open: its number.
fn hold(lab: &Lab, port: u16) -> u64 {
    let (id, answer) = lab.station(LEFT).order(&format!("hold 10.1.0.10 10.3.0.10:{port} 2000"));
    assert!(answer.recv().unwrap(), "port {port} is permitted");
    id
}

fn alive(lab: &Lab, id: u64) -> bool {
    asks(lab, &format!("alive {id}"))
}

#[test]
fn a_revoked_connection_ends_with_the_reload_and_a_kept_one_goes_on() {
    if !available() {
        return;
    }
    let (both, one) = (package(&format!("{KEPT}\n{GONE}"), 0), package(KEPT, 0));
    for hitless in [false, true] {
        let lab = serving(&both);
        let put = |package| if hitless { lab.switch(package) } else { lab.load(package) };
        put(&both);
        let (kept, gone) = (hold(&lab, 80), hold(&lab, 81));
        put(&one);
        assert!(!alive(&lab, gone), "revoked (hitless: {hitless})");
        assert!(alive(&lab, kept), "kept (hitless: {hitless})");
        assert!(!asks(&lab, "tcp 10.1.0.10 10.3.0.10:81 300"));
        put(&both);
        assert!(alive(&lab, kept), "kept again (hitless: {hitless})");
        assert!(asks(&lab, "tcp 10.1.0.10 10.3.0.10:81 2000"));
    }
}

#[test]
fn reloads_lose_nothing_of_what_stays_permitted() {
    if !available() {
        return;
    }
    let (both, one) = (package(&format!("{KEPT}\n{GONE}"), 0), package(KEPT, 0));
    for hitless in [true, false] {
        let lab = serving(&both);
        lab.switch(&both);
        let held = hold(&lab, 80);
        let lost = thread::scope(|scope| {
            let reloads = scope.spawn(|| {
                for package in [&one, &both, &one, &both, &one, &both] {
                    if hitless { lab.switch(package) } else { lab.load(package) }
                }
            });
            let mut lost = 0;
            // One question each, so that one lost packet is one lost answer.
            while !reloads.is_finished() {
                lost += u32::from(!asks(&lab, "udp 10.1.0.10 10.3.0.10:80 250"));
                assert!(alive(&lab, held), "a connection goes on (hitless: {hitless})");
            }
            lost
        });
        assert!(!hitless || lost == 0, "{lost} questions lost");
    }
}

#[test]
fn a_permission_ends_by_the_clock() {
    if !available() {
        return;
    }
    let end = now() + 6;
    let until = jiff(end);
    let package = package(&format!("{KEPT}\nallow client -> server : tcp/81 {{ until = {until} }}"), end - 6);
    let lab = serving(&package);
    lab.load(&package);
    let held = hold(&lab, 81);
    assert!(now() < end, "the lab was too slow for this test");
    while now() <= end {
        thread::sleep(Duration::from_millis(200));
    }
    assert!(!alive(&lab, held), "an established connection ends, too");
    assert!(!asks(&lab, "tcp 10.1.0.10 10.3.0.10:81 300"));
    assert!(asks(&lab, "tcp 10.1.0.10 10.3.0.10:80 2000"));
}

#[test]
fn forged_sources_are_dropped_where_they_come_in() {
    if !available() {
        return;
    }
    let package = package(KEPT, 0);
    let lab = serving(&package);
    lab.load(&package);
    // Somebody's address of another segment, an address of nobody, the gateway's own, the outside's; and one of the
    // segment's own, which is not forged.
    for (source, to, forged) in [
        ("10.3.0.10", "10.3.0.10:80", true),
        ("10.2.0.1", "10.3.0.10:80", true),
        ("203.0.113.5", "10.3.0.10:80", true),
        ("fd00:0:0:3::10", "[fd00:0:0:3::10]:80", true),
        ("2001:db8::5", "[fd00:0:0:3::10]:80", true),
        ("10.1.0.10", "10.3.0.10:80", false),
    ] {
        let before = lab.spoofed(0);
        let _ = asks(&lab, &format!("forge {source} {to}"));
        assert_eq!(lab.spoofed(0) > before, forged, "{source}");
    }
}

/// RFC 3339 of a time, as the language reads it.
fn jiff(seconds: i64) -> String {
    let out = std::process::Command::new("date")
        .args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%SZ"])
        .output();
    String::from_utf8(out.unwrap().stdout).unwrap().trim().to_owned()
}
