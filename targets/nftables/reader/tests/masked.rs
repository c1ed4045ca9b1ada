//! Rulesets that keep to some bits of the marks.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

mod support;

use support::{kernel, listing};
use weir_nftables_reader::{FilterModel, Hook, Packet, Ruleset, Unread, device_number};

/// The bits are 0x00ffff00.
const MASKED: &str = include_str!("data/masked.nft");

fn model(text: &str) -> Result<FilterModel, Unread> {
    Ruleset::default().apply("masked.nft", text.as_bytes())?.model()
}

#[test]
fn are_read_and_listed_the_same() {
    let there = model(MASKED).unwrap_or_else(|error| unreachable!("{error}"));
    assert_eq!(there.marks.mask, 0x00ff_ff00);
    assert_eq!(there.dead, []);
    for (name, mask) in [("as they are", MASKED.to_owned()), ("a prefix", high_bits())] {
        let text = model(&mask).unwrap_or_else(|error| unreachable!("{name}: {error}"));
        if kernel() {
            let listed = Ruleset::listed("live", &listing(&[mask.as_bytes()])).and_then(|set| set.model());
            let listed = listed.unwrap_or_else(|error| unreachable!("{name}: {error}"));
            assert_eq!(listed.canonical(), text.canonical(), "{name}");
        }
    }
}

/// All values moved to the highest 16 bits, whose mask nft lists as a prefix.
fn high_bits() -> String {
    let mut out = String::new();
    let mut rest = MASKED;
    while let Some(at) = rest.find("0x") {
        out.push_str(&rest[..at]);
        let end = at + 10;
        let moved = match &rest[at + 2..end] {
            "ff0000ff" => 0x0000_ffff,
            value => u32::from_str_radix(value, 16).unwrap() << 8,
        };
        out.push_str(&format!("0x{moved:08x}"));
        rest = &rest[end..];
    }
    out + rest
}

#[test]
fn foreign_bits_are_left_alone() {
    for (from, to, says) in [
        (
            "meta mark and 0xff0000ff or 0x00000100",
            "meta mark and 0xff0000ff or 0x00000101",
            "to set a class",
        ),
        (
            "meta mark and 0xff0000ff or 0x00000100",
            "meta mark and 0xff0002ff or 0x00000100",
            "to set a class",
        ),
        (
            "meta mark set meta mark and 0xff0000ff or 0x00000100",
            "meta mark set 0x00000100",
            "to set a class",
        ),
        ("\t\tmeta mark set meta mark and 0xff0000ff\n", "\t\tmeta mark set 0x0\n", "other bits"),
        ("ct mark set ct mark and 0xff0000ff or", "ct mark set ct mark and 0x00ffff00 or", "expected"),
        ("meta mark and 0x00ffff00 . ct original", "meta mark and 0x00ff0000 . ct original", "other fields"),
        ("meta mark and 0x00ffff00 . ct original", "meta mark . ct original", "other fields"),
        ("ct mark and 0x00ffff00 ==", "ct mark and 0x0fffff00 ==", "epoch"),
    ] {
        let edited = MASKED.replacen(from, to, 1);
        assert!(edited != MASKED, "{from}");
        // In a profile the mark of the policy comes first, and decides which bits are ours.
        let error = model(&edited).map(|_| ()).expect_err(from);
        assert!(error.what.contains(says) || says == "epoch", "{from}: {error}");
    }
}

/// A first packet whose connection has foreign bits is judged like any other.
#[test]
fn foreign_bits_decide_nothing() {
    let set = Ruleset::default().apply("masked.nft", MASKED.as_bytes()).unwrap();
    let model = set.model().unwrap();
    let mut accepted = 0;
    for attempt in &model.forward.v4 {
        for device in ["eth0", "eth1"] {
            let device = device_number(device.as_bytes()).unwrap();
            let family = weir_nftables_reader::Family::V4;
            let mut packet =
                Packet::first(Hook::Forward, device, family, attempt.sources[0].0, attempt.destinations.0);
            packet.protocol = attempt.protocol;
            packet.port = attempt.ports.0;
            let plain = set.judge(&packet);
            packet.connection_mark = 0xff00_00ff;
            let marked = set.judge(&packet);
            assert_eq!(plain.accepted, marked.accepted);
            assert_eq!(marked.connection_mark & 0xff00_00ff, 0xff00_00ff);
            accepted += u32::from(marked.accepted);
        }
    }
    assert!(accepted > 5, "{accepted}");
}
