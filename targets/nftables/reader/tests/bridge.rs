//! Rulesets of gateways with bridges.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

mod support;

use support::{kernel, listing};
use weir_nftables_reader::{FilterModel, Ruleset, Unread};

const WHOLE: &str = include_str!("data/bridge/whole.nft");
/// With ARP stations, neighbours, times, limits and several profiles.
const MORE: &str = include_str!("data/bridge/more.nft");

fn model(text: &str) -> Result<FilterModel, Unread> {
    Ruleset::default().apply("bridge.nft", text.as_bytes())?.model()
}

#[test]
fn what_passes_a_bridge() {
    let model = model(WHOLE).unwrap_or_else(|error| unreachable!("{error}"));
    assert_eq!(model.dead, []);
    let bridge = model.bridge.unwrap();
    let names = |all: &[std::sync::Arc<str>]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&bridge.bridges), ["br0"]);
    assert_eq!(names(&bridge.ports), ["meas0", "prot0", "trip0"]);
    assert_eq!((bridge.frames.len(), bridge.outcomes.len(), bridge.stations.len()), (11, 3, 5));
    let first = &bridge.frames[0];
    assert_eq!((first.source, first.destinations.0), (0x0200_5e30_0501, 0x0200_5e30_0510));
    assert_eq!((first.ether_type, &*first.port), (0x88ba, "prot0"));
    let step = &bridge.outcomes[first.outcome as usize].steps[0];
    assert_eq!(step.ids, Some(vec![(16384, 16385)]));
    let group = bridge.frames.iter().find(|one| one.order == 1).unwrap();
    assert_eq!(group.destinations, (0x010c_cd04_0000, 0x010c_cd04_01ff));
}

#[test]
fn more_of_it() {
    let model = model(MORE).unwrap_or_else(|error| unreachable!("{error}"));
    assert_eq!(model.dead, []);
    let bridge = model.bridge.unwrap();
    assert_eq!(bridge.discovery.as_ref().map(Vec::len), Some(2));
    assert_eq!((bridge.arp_pairs.len(), bridge.arp_stations.len(), bridge.arp_bound.len()), (2, 1, 1));
    let both = bridge.outcomes.iter().find(|outcome| outcome.steps.len() == 2).unwrap();
    assert_eq!(both.steps[0].until, Some(2_000_000_000));
    assert_eq!(both.steps[0].limit.as_ref().map(|limit| limit.count), Some(100));
}

#[test]
fn the_kernel_lists_the_same() {
    if !kernel() {
        return;
    }
    // nft 1.0.6 lists a single identifier behind a tag at another offset than it loaded.
    for text in [WHOLE.replace("{ 1 }", "{ 1-2 }"), MORE.to_owned()] {
        let listed = Ruleset::listed("live", &listing(&[text.as_bytes()])).and_then(|set| set.model());
        let listed = listed.unwrap_or_else(|error| unreachable!("{error}"));
        assert_eq!(listed.canonical(), model(&text).unwrap().canonical());
    }
}

#[test]
fn the_hitless_form_is_the_whole_file() {
    let parts = [
        ("base.nft", include_bytes!("data/bridge/base.nft").as_slice()),
        ("stage.nft", include_bytes!("data/bridge/stage.nft")),
        ("switch.nft", include_bytes!("data/bridge/switch.nft")),
        ("sweep.nft", include_bytes!("data/bridge/sweep.nft")),
    ];
    let hitless = Ruleset::hitless(parts).unwrap_or_else(|error| unreachable!("{error}"));
    assert_eq!(hitless.model().unwrap().canonical(), model(WHOLE).unwrap().canonical());
}

#[test]
fn edits_are_errors() {
    for (from, to, says) in [
        (
            "meta mark 0x00000001 meta mark set 0x0 accept",
            "meta mark 0x00000002 meta mark set 0x0 accept",
            "accepting IP",
        ),
        ("meta mark 0x00000001 meta mark set 0x0 accept", "meta mark set 0x0 accept", "accepting IP"),
        (
            "ether type { ip, ip6 } meta mark 0x00000001",
            "ether type { ip, ip6, 0x88b8 } meta mark 0x00000001",
            "accepting IP",
        ),
        (
            "iifname . oifname { \"br0\" . \"br0\" } meta mark set",
            "iifname . oifname { \"br0\" . \"br1\" } meta mark set",
            "same bridge",
        ),
        ("priority filter + 10; policy accept", "priority filter - 10; policy accept", "expected"),
        ("priority filter + 10; policy accept", "priority filter + 5; policy accept", "priority 0"),
        ("iifname . oifname { \"br0\" . \"br0\" } accept", "accept", "epoch"),
        ("priority 100; policy drop", "priority 100; policy accept", "priority 100"),
        ("priority dstnat; policy accept", "priority -200; policy accept", "priority -300"),
        ("\t\tmeta mark set 0x0\n\t\tether saddr", "\t\tether saddr", "clearing"),
        (
            "iifname . ether saddr != @mac_port goto spoofed",
            "iifname . ether saddr != @mac_port accept",
            "known stations",
        ),
        ("ether type != { arp, ip, ip6 }", "ether type != { arp, ip, ip6, 0x88b8 }", "unknown stations"),
        (
            "iifname . arp saddr ip != @bind4 goto spoofed\n",
            "iifname . arp saddr ip != @arp_known goto spoofed\n",
            "ARP",
        ),
        ("arp operation { request, reply }", "arp operation { request, reply, 3 }", "ARP"),
        ("arp saddr ip . arp daddr ip @arp_pair", "arp daddr ip . arp saddr ip @arp_pair", "ARP"),
        (
            "nd-neighbor-advert ip6 hoplimit 255 iifname . @th,64,128 @target6",
            "nd-neighbor-advert ip6 hoplimit 255",
            "advertisements",
        ),
        ("vlan id 0 jump tagged", "vlan id 1 jump tagged", "should have"),
        ("vlan type . oifname vmap @frame_key", "vlan type . oifname vmap @frame_group", "priority"),
        ("ether daddr . ether type . oifname", "ether daddr . ether type . iifname", "ends"),
        ("@ll,112,16 { 17-18 }", "@ll,112,16 { 17-19 }", "identifiers"),
        ("@ll,144,16 { 17-18 }", "@ll,128,16 { 17-18 }", "identifiers"),
        ("ether type != 8021q @ll,112,16", "ether type != arp @ll,112,16", "expected"),
        ("counter name n_denied drop", "counter name n_denied accept", "dropping"),
        ("jump frames\n", "accept\n", "frames"),
        ("0x88ba . \"prot0\" comment", "0x88ba-0x88bb . \"prot0\" comment", "interval"),
    ] {
        let edited = MORE.replacen(from, to, 1);
        assert!(edited != MORE, "{from}");
        let error = model(&edited).map(|_| ()).expect_err(&format!("{from} -> {to} is read"));
        assert!(
            error.what.contains(says) || says == "should have" || says == "ends",
            "{from} -> {to}: {error}"
        );
        assert!(error.line > 0, "{error}");
    }
    let without = MORE.split("table bridge weir {").next().unwrap();
    assert!(model(without).unwrap_err().what.contains("no bridge table"));
    let at = MORE.find("\tchain bridged {").unwrap();
    let end = MORE[at..].find("\t}\n").unwrap() + at + 3;
    let unmarked = format!("{}{}", &MORE[..at], &MORE[end..]);
    let error = model(&unmarked).unwrap_err();
    assert!(error.what.contains("nothing"), "{error}");
}

#[test]
fn other_values_are_another_model() {
    let there = model(MORE).unwrap().canonical();
    for (from, to) in [
        ("0x88ba . \"prot0\"", "0x88ba . \"trip0\""),
        ("0x88ba . \"prot0\"", "0x88bb . \"prot0\""),
        ("\"meas0\" . 02:00:5e:30:05:01", "\"meas0\" . 02:00:5e:30:05:09"),
        ("01:0c:cd:04:01:ff", "01:0c:cd:04:02:ff"),
        ("10.50.0.10 . 10.50.0.20-10.50.0.22", "10.50.0.10 . 10.50.0.20-10.50.0.23"),
        ("\"prot0\" . 0xfd000000000000010000000000000010", "\"prot0\" . 0xfd000000000000010000000000000011"),
        ("\"trip0\" . 10.50.0.20-10.50.0.22", "\"trip0\" . 10.50.0.20-10.50.0.23"),
        ("{ \"meas0\", \"prot0\", \"trip0\" }", "{ \"meas0\", \"prot0\" }"),
        ("limit rate over 100/second", "limit rate over 101/second"),
    ] {
        let edited = MORE.replacen(from, to, 1);
        assert!(edited != MORE, "{from}");
        let other = model(&edited).unwrap_or_else(|error| unreachable!("{from} -> {to}: {error}"));
        assert_ne!(other.canonical(), there, "{from} -> {to}");
    }
}
