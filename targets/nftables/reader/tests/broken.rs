//! Artifacts that somebody edited: an error with the line, or another model; never a panic, never the same model.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

mod support;

use std::fmt::Write as _;

use proptest::prelude::*;
use support::{kernel, listing};
use weir_nftables_reader::{Ruleset, Unread};

/// The whole file of a gateway: an artifact as it lies on a disk.
const WHOLE: &str = include_str!("data/whole.nft");

fn outcome(text: &str) -> Result<weir_nftables_reader::FilterModel, Unread> {
    Ruleset::default().apply("edited.nft", text.as_bytes())?.model()
}

/// The line of the first difference of two texts.
fn line_of(a: &str, b: &str) -> u32 {
    a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count() as u32 + 1
}

#[test]
fn edits_are_errors_at_their_line() {
    let text = WHOLE;
    // What to replace, by what, and what has to be said about it. The error stands in the changed line, or, with `+ n`,
    // so many lines behind it.
    let edits: &[(&str, &str, u32, &str)] = &[
        (
            "ct mark 0xb05ee358 accept\n\t\tct state invalid counter name n_invalid_forward drop",
            "ct state established accept\n\t\tct state invalid counter name n_invalid_forward drop",
            0,
            "epoch",
        ),
        ("\t\tct state invalid counter name n_invalid_forward drop\n", "", 0, "no known state"),
        (
            "ct state invalid counter name n_invalid_input drop",
            "ct state invalid counter name n_invalid_input accept",
            0,
            "no known state",
        ),
        (
            "ct state invalid counter name n_invalid_input",
            "ct state invalid counter name n_nothing",
            0,
            "no counter",
        ),
        (
            "hook forward priority filter; policy drop",
            "hook forward priority filter; policy accept",
            0,
            "policy drop",
        ),
        ("hook forward priority filter", "hook forward priority -1", 0, "priority 0"),
        ("hook forward priority filter", "hook postrouting priority filter", 0, "not ours"),
        ("hook input priority filter", "hook forward priority filter", 0, "no certain order"),
        ("counter name n_denied_forward drop", "counter name n_denied_forward accept", 0, "dropping"),
        ("\t\tcounter name n_denied_output drop\n", "", 0, "dropping"),
        (
            "\t\tcounter name n_denied_output drop\n",
            "\t\tcounter name n_denied_output drop\n\t\taccept\n",
            1,
            "behind",
        ),
        ("nd-neighbor-advert } ip6 hoplimit 255", "nd-neighbor-advert } ip6 hoplimit 254", 0, "255"),
        (
            "nd-router-solicit, nd-router-advert,",
            "nd-router-solicit, nd-router-advert, mld-listener-query,",
            0,
            "neighbour",
        ),
        ("ip6 hoplimit 1 ip6 saddr { ::, fe80::/10 } accept", "ip6 hoplimit 1 accept", 0, "listener"),
        ("iifname \"lo\" accept\n\t\ticmpv6", "iifname \"lan0\" accept\n\t\ticmpv6", 0, "`lo`"),
        ("ct direction reply jump lookup_output", "ct direction reply jump lookup_forward", 0, "replies"),
        ("\t\tct state related meta l4proto { icmp, ipv6-icmp } jump lookup_forward\n", "", 0, "errors"),
        (
            "iifname . ip saddr != @bind4 goto spoofed",
            "iifname . ip saddr != @bind4 goto lookup_output",
            0,
            "IPv6",
        ),
        ("iifname . ip saddr @macaddr4 goto spoofed", "iifname . ip saddr @macaddr4 accept", 0, "hardware"),
        ("iifname . ip saddr != @bind4 goto", "iifname . ip saddr != @mac4 goto", 0, "other types"),
        ("counter name n_spoofed drop", "counter name n_spoofed accept", 0, "dropping"),
        ("meta time >= 2077898400 return\n", "meta time < 2077898400 return\n", 0, "expected here"),
        ("\t\tct mark 0x305ee358 meta mark set 0x0 accept\n", "", 0, "admitted before"),
        (
            "ct mark 0x305ee358 meta mark set 0x0 accept",
            "ct mark 0x00000000 meta mark set 0x0 accept",
            0,
            "something else",
        ),
        (
            "ct mark 0x305ee358 meta mark set 0x0 accept",
            "ct mark 0xb05ee358 meta mark set 0x0 accept",
            0,
            "something else",
        ),
        (
            "administration/log meta mark set 0x0 ct mark set 0xb05ee358",
            "administration/log meta mark set 0x0 ct mark set 0xb05ee359",
            0,
            "not that of the policy",
        ),
        (
            "administration/log meta mark set 0x0 ct mark",
            "administration/log meta mark set 0x1 ct mark",
            0,
            "cleared",
        ),
        ("administration/log meta mark set 0x0 ct mark", "administration/log ct mark", 0, "cleared"),
        (
            "ct state new limit rate over 20/second",
            "ct state established limit rate over 20/second",
            0,
            "expected",
        ),
        ("ct state new limit rate over 20/second", "limit rate over 20/second", 0, "expected"),
        ("limit-20-second/over return", "limit-20-second/over drop", 0, "expected"),
        ("\t\tmeta mark set 0x0\n\t\tmeta l4proto", "\t\tmeta l4proto", 1, "nothing here has set"),
        ("{ tcp, udp, sctp, icmp } meta mark", "{ tcp, udp, sctp, icmp, 47 } meta mark", 0, "does not carry"),
        (
            "meta mark . ct original ip daddr . ct protocol",
            "meta mark . ct original ip saddr . ct protocol",
            0,
            "other fields",
        ),
        (
            "ct original ip saddr . ct original ip daddr",
            "ct original ip daddr . ct original ip saddr",
            0,
            "other fields",
        ),
        ("vmap @forward_key4", "vmap @forward_key6", 0, "no set or map"),
        (
            "tcp . 102 comment \"policies.vendor_service.bb0654\" : jump p_policies.vendor_service/until-2077898400/log",
            "tcp . 102 comment \"policies.vendor_service.bb0654\" : accept",
            0,
            "does not jump",
        ),
        (
            "tcp . 102 comment \"policies.vendor_service.bb0654\" : jump p_policies.vendor_service/until-2077898400/log",
            "tcp . 102 comment \"policies.vendor_service.bb0654\" : jump p_nobody",
            0,
            "no chain",
        ),
        ("10.92.0.12 : 0x0a5c000b", "10.92.0.11 : 0x0a5c000c", 0, "overlaps"),
        ("10.20.0.65-10.20.0.88 :", "10.20.0.65-10.20.0.88 : 0x1, 10.20.0.88-10.20.0.90 :", 0, "overlaps"),
        ("10.20.0.65-10.20.0.88", "10.20.0.88-10.20.0.65", 0, "no value"),
        ("10.42.0.0/16 : 0x0a2a0000", "10.42.0.1/16 : 0x0a2a0000", 0, "no value"),
        ("10.93.0.11 : 0x0a5d000b,", "10.93.0.011 : 0x0a5d000b,", 0, "no value"),
        ("10.93.0.11 : 0x0a5d000b,", "10.93.0.0/24 : 0x0a5d000b,", 0, "interval"),
        ("udp . 123 comment", "udp . 65536 comment", 0, "no value"),
        ("udp . 123 comment", "udp . 0123 comment", 0, "no value"),
        ("\"lan0\" . 10.20.0.0/16", "\"lan*\" . 10.20.0.0/16", 0, "device"),
        ("table inet weir {", "table inet other {", 0, "table `weir`"),
        ("table inet weir {", "table ip weir {", 0, "family"),
        ("delete table inet weir\n", "flush ruleset\n", 0, "command"),
        (
            "\tcounter c_policies.logs {\n\t}\n",
            "\tcounter c_policies.logs {\n\t}\n\tcounter c_policies.logs {\n\t}\n",
            2,
            "twice",
        ),
        (
            "\tchain p_policies.logs {",
            "\tchain p_policies.names {\n\t}\n\tchain p_policies.logs {",
            4,
            "twice",
        ),
        (
            "jump lookup_forward\n\t\tlimit",
            "jump lookup_forward\n\t\tjump lookup_forward\n\t\tlimit",
            1,
            "log line",
        ),
        ("flags interval", "flags dynamic", 0, "property"),
        ("\t\tjump lookup_forward\n", "\t\tmasquerade\n", 0, "known"),
    ];
    for (from, to, offset, says) in edits {
        let edited = text.replacen(from, to, 1);
        assert!(edited != text, "{from}");
        let error = outcome(&edited).map(|_| ()).expect_err(&format!("{from} -> {to} is read"));
        assert!(error.what.contains(says), "{from} -> {to}: {error}");
        // A relation between two places may be reported at the other one.
        let line = line_of(text, &edited) + offset;
        let close = error.line.abs_diff(line) <= 2 || says_elsewhere(says);
        assert!(close, "{from} -> {to}: line {line}, but {error}");
        assert_eq!(error.file, "edited.nft");
    }
}

/// Errors about two places that do not fit: reported at the beginning of one of them.
fn says_elsewhere(says: &str) -> bool {
    ["replies", "errors", "no certain order", "not that of the policy", "epoch"].contains(&says)
}

#[test]
fn other_values_are_another_model() {
    let text = WHOLE;
    let model = outcome(text).unwrap().canonical();
    for (from, to) in [
        ("\"lan0\" . 10.20.0.0/16", "\"lan1\" . 10.20.0.0/16"),
        ("\"lan0\" . 10.20.0.0/16", "\"lan0\" . 10.20.0.0/15"),
        ("10.92.0.12 : 0x0a5c000b", "10.92.0.14 : 0x0a5c000b"),
        ("10.92.0.12 : 0x0a5c000b", "10.92.0.12 : 0x0a5d000b"),
        ("10.42.0.0/16 : 0x0a2a0000", "10.42.0.0/15 : 0x0a2a0000"),
        ("10.31.1.10 . tcp . 502", "10.31.1.10 . tcp . 503"),
        ("10.31.1.10 . tcp . 502", "10.31.1.10 . udp . 502"),
        ("10.31.1.10 . tcp . 502", "10.31.1.11 . tcp . 502"),
        ("jump p_policies.names", "jump p_policies.vibration"),
        ("limit rate over 20/second", "limit rate over 21/second"),
        ("limit rate over 20/second burst 20", "limit rate over 20/second burst 21"),
        ("limit rate over 20/second", "limit rate over 20/minute"),
        ("meta time >= 2077898400", "meta time >= 2077898401"),
        ("weir-allow policies.administration ", "weir-audit policies.administration "),
        ("00:1b:1b:10:00:10", "00:1b:1b:10:00:11"),
        ("\"lan1\" . 10.30.1.10\n", "\"lan1\" . 10.30.1.11\n"),
        // A class of its own for whoever has none: everybody.
        ("0x0a5c000b . 10.30.1.10", "0x00000000 . 10.30.1.10"),
    ] {
        let edited = text.replacen(from, to, 1);
        assert!(edited != text, "{from}");
        let other = outcome(&edited).unwrap_or_else(|error| unreachable!("{from} -> {to}: {error}"));
        assert_ne!(other.canonical(), model, "{from} -> {to}");
    }
    // Another epoch everywhere, above and below its top bit.
    let other =
        outcome(&text.replace("0xb05ee358", "0xb05ee359").replace("0x305ee358", "0x305ee359")).unwrap();
    assert_eq!(other.marks.epoch, 0xb05e_e359);
    assert_ne!(other.canonical(), model);
}

/// The class 0 has every source that no class names.
#[test]
fn no_class_is_everybody_else() {
    let text = WHOLE.replacen("0x0a5c000b . 10.30.1.10", "0x00000000 . 10.30.1.10", 1);
    let model = outcome(&text).unwrap();
    let open =
        model.forward.v4.iter().filter(|attempt| attempt.sources.iter().any(|range| range.0 == 0)).count();
    assert_eq!(open, 2, "in both layers");
}

#[test]
fn what_does_nothing_is_named() {
    let text = WHOLE;
    let line = line_of(text, &text.replacen("0x0a5c000b . 10", "x", 1));
    let edited = text.replacen("0x0a5c000b . 10.30.1.10", "0x0a5c00ff . 10.30.1.10", 1);
    let dead = outcome(&edited).unwrap().dead;
    assert_eq!(dead.iter().map(|one| one.place.line).collect::<Vec<_>>()[0], line);
    let edited = text.replacen("\tchain spoofed {", "\tchain p_idle {\n\t}\n\tchain spoofed {", 1);
    assert!(outcome(&edited).unwrap().dead[0].what.contains("`p_idle`"));
}

#[test]
fn chains_too_deep_or_in_a_ring() {
    let text = WHOLE;
    let mut deep = String::new();
    for index in 0..20 {
        let _ = write!(deep, "\tchain d_{index} {{\n\t\tjump d_{}\n\t}}\n", index + 1);
    }
    deep.push_str("\tchain d_20 {\n\t}\n\tchain spoofed {");
    let error = outcome(&text.replacen("\tchain spoofed {", &deep, 1)).unwrap_err();
    assert!(error.what.contains("more than 16"), "{error}");
    let ring = "\tchain r_1 {\n\t\tjump r_2\n\t}\n\tchain r_2 {\n\t\tgoto r_1\n\t}\n\tchain spoofed {";
    let error = outcome(&text.replacen("\tchain spoofed {", ring, 1)).unwrap_err();
    assert!(error.what.contains("back to itself"), "{error}");
}

#[test]
fn the_hitless_form_holds_together() {
    let base = include_str!("data/base.nft");
    let stage = include_str!("data/stage.nft");
    let switch = include_str!("data/switch.nft");
    let sweep = include_str!("data/sweep.nft");
    let read = |base: &str, stage: &str, switch: &str, sweep: &str| {
        Ruleset::hitless([
            ("base.nft", base.as_bytes()),
            ("stage.nft", stage.as_bytes()),
            ("switch.nft", switch.as_bytes()),
            ("sweep.nft", sweep.as_bytes()),
        ])
    };
    read(base, stage, switch, sweep).unwrap();
    let first = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let line =
        |text: &str, what: &str| text.lines().find(|line| line.contains(what)).unwrap().to_owned() + "\n";
    for (what, result) in [
        (
            "left behind",
            read(base, stage, switch, &first(sweep, &line(sweep, "delete chain inet weir spoofed"), "")),
        ),
        (
            "no map",
            read(
                base,
                stage,
                switch,
                &first(sweep, "delete map inet weir forward_key4", "delete map inet weir forward_key9"),
            ),
        ),
        (
            "still in use",
            read(
                base,
                stage,
                switch,
                &first(sweep, &line(sweep, "flush chain inet weir lookup_forward"), ""),
            ),
        ),
        (
            "touched",
            read(
                base,
                stage,
                switch,
                &format!("{sweep}flush chain inet weir forward\ndelete chain inet weir forward\n"),
            ),
        ),
        (
            "no chain",
            read(base, stage, &first(switch, "goto spoofed/gb05ee358", "goto spoofed/gb05ee359"), sweep),
        ),
        (
            "generation",
            read(
                base,
                &first(
                    stage,
                    "\tset bind6/gb05ee358 {",
                    "\tset bind7 {\n\t\ttype ifname . ipv6_addr\n\t}\n\tset bind6/gb05ee358 {",
                ),
                switch,
                sweep,
            ),
        ),
        (
            "no chain",
            read(
                base,
                stage,
                &first(switch, "flush chain inet weir output", "flush chain inet weir outputs"),
                sweep,
            ),
        ),
        (
            "follow them",
            read(
                base,
                &format!("{stage}table inet weir {{\n\tchain forward {{\n\t\taccept\n\t}}\n}}\n"),
                &first(switch, "flush chain inet weir forward\n", ""),
                sweep,
            ),
        ),
        (
            "there is no table",
            read("", &first(stage, "table inet weir", "# "), switch, sweep).map(|_| ()).and(read(
                "# nothing\n",
                "flush chain inet weir forward\n",
                switch,
                sweep,
            )),
        ),
    ] {
        let error = result.map(|_| ()).expect_err(what);
        let fits = error.what.contains(what) || what == "there is no table";
        assert!(fits, "{what}: {error}");
    }
    // Staged twice is staged once.
    let twice = Ruleset::default()
        .apply("base.nft", base.as_bytes())
        .and_then(|set| set.apply("stage.nft", stage.as_bytes()))
        .and_then(|set| set.apply("stage.nft", stage.as_bytes()))
        .and_then(|set| set.apply("switch.nft", switch.as_bytes()))
        .unwrap();
    assert_eq!(
        twice.model().unwrap().canonical(),
        read(base, stage, switch, sweep).unwrap().model().unwrap().canonical()
    );
}

#[test]
fn truncated_texts_are_errors() {
    let text = WHOLE;
    let whole = outcome(text).unwrap().canonical();
    let mut at = text.len() - 2;
    while at > 200 {
        let cut: String = text.bytes().take(at).map(char::from).collect();
        match outcome(&cut) {
            Err(error) => assert!(error.line as usize <= cut.lines().count() + 1, "{error}"),
            Ok(model) => assert_ne!(model.canonical(), whole),
        }
        at -= 97;
    }
}

/// Two rules or lines swapped: an error, or the same, but only where order means nothing.
#[test]
fn swapped_lines_never_permit_more() {
    let text = WHOLE;
    let lines: Vec<&str> = text.lines().collect();
    let whole = outcome(text).unwrap().canonical();
    let from = lines.iter().position(|line| line.starts_with("\tchain ")).unwrap();
    for index in from..lines.len() - 1 {
        let mut swapped = lines.clone();
        swapped.swap(index, index + 1);
        if let Ok(model) = outcome(&(swapped.join("\n") + "\n")) {
            let model = model.canonical();
            // Lookups have an order, which is not a permission.
            assert_eq!(model.marks, whole.marks, "line {}", index + 1);
            assert_eq!(model.arrivals, whole.arrivals, "line {}", index + 1);
        }
    }
}

#[test]
fn somebody_elses_tables_are_assumptions() {
    if !kernel() {
        return;
    }
    let other = b"table inet other {\n chain guard {\n type filter hook forward priority 10; policy accept;\n ct mark set 0x1 accept\n }\n chain pre { type filter hook prerouting priority -300; policy accept;\n udp dport 5 notrack\n }\n chain plain {\n }\n}\ntable ip nat {\n}\n";
    let set = Ruleset::listed("live", &listing(&[WHOLE.as_bytes(), other])).unwrap();
    let model = set.model().unwrap();
    assert_eq!(model.canonical(), outcome(WHOLE).unwrap().canonical());
    let said = format!("{:?}", model.assumptions);
    for word in ["guard", "forward", "writes connection marks", "out of tracking"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(model.assumptions.len(), 4);
    assert_eq!(set.foreign.tables.len(), 2);
    // A change on the live host has the handle of its rule.
    let open = b"insert rule inet weir forward accept\n";
    let error = Ruleset::listed("live", &listing(&[WHOLE.as_bytes(), open])).unwrap().model().unwrap_err();
    assert!(error.line > 0 && error.what.contains("epoch"), "{error}");
    let error = Ruleset::listed(
        "live",
        &listing(&[WHOLE.as_bytes(), b"add rule inet weir spoofed meta skuid 0 accept\n"]),
    )
    .unwrap_err();
    assert!(error.line > 0 && error.what.contains("meta"), "{error}");
    let dormant = b"add table inet weir { flags dormant; }\n";
    // nft 1.0.6 breaks off in the middle of such a listing.
    Ruleset::listed("live", &listing(&[WHOLE.as_bytes(), dormant])).map(|_| ()).unwrap_err();
}

#[test]
fn listings_that_are_none() {
    for text in [
        "",
        "{}",
        "[]",
        "{\"nftables\": 3}",
        "{\"nftables\": [{\"rule\": 7}]}",
        "\u{0}",
        "{\"nftables\": [{\"set\": {\"family\": \"inet\", \"table\": \"weir\"}}]}",
    ] {
        Ruleset::listed("live", text.as_bytes()).and_then(|set| set.model()).map(|_| ()).expect_err(text);
    }
    let deep = format!(
        "{{\"nftables\": [{{\"rule\": {{\"family\": \"inet\", \"table\": \"weir\", \"chain\": \"c\", \"expr\": {}{}}}}}]}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    Ruleset::listed("live", deep.as_bytes()).map(|_| ()).expect_err("100,000 brackets");
    let dormant =
        r#"{"nftables": [{"table": {"family": "inet", "name": "weir", "handle": 2, "flags": "dormant"}}]}"#;
    let error = Ruleset::listed("live", dormant.as_bytes()).map(|_| ()).unwrap_err();
    assert!(error.what.contains("flags"), "{error}");
    let empty = Ruleset::listed("live", b"{\"nftables\": []}").unwrap().model().map(|_| ()).unwrap_err();
    assert!(empty.what.contains("no table"), "{empty}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// One byte, anywhere: no panic, and what is still read has places within the file.
    #[test]
    fn changed_bytes_do_not_panic(at: prop::sample::Index, byte: u8, kind in 0..3) {
        let mut bytes = WHOLE.as_bytes().to_vec();
        let at = at.index(bytes.len());
        match kind {
            0 => bytes[at] = byte,
            1 => { bytes.remove(at); }
            _ => bytes.insert(at, byte),
        }
        match Ruleset::default().apply("edited.nft", &bytes).and_then(|set| set.model()) {
            Ok(model) => { let _ = model.canonical(); }
            Err(error) => prop_assert!(error.line as usize <= bytes.split(|b| *b == b'\n').count()),
        }
    }

    #[test]
    fn noise_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Ruleset::default().apply("noise", &bytes).and_then(|set| set.model());
        let _ = Ruleset::listed("noise", &bytes).and_then(|set| set.model());
    }

    #[test]
    fn words_in_any_order_do_not_panic(words in proptest::collection::vec(0_usize..60, 0..80)) {
        const WORDS: [&str; 60] = ["table", "inet", "weir", "{", "}", "\n", ";", "chain", "forward", "set", "map", "type", "filter", "hook", "priority", "policy", "drop", "accept", "ipv4_addr", "mark", ":", ".", "=", "elements", ",", "10.0.0.1", "10.0.0.0/24", "0x1", "jump", "a", "ct", "state", "new", "original", "ip", "saddr", "daddr", "proto-dst", "protocol", "vmap", "@a", "@ih,0,8", "@th,0,128", ">=", "<", "!=", "&", "and", "0", "\"lo\"", "iifname", "meta", "limit", "rate", "over", "1/second", "burst", "delete", "flush", "ifname"];
        let text: Vec<&str> = words.iter().map(|index| WORDS[*index]).collect();
        let text = format!("table inet weir {{\nchain a {{\n{} \n", text.join(" "));
        let _ = Ruleset::default().apply("words", text.as_bytes()).and_then(|set| set.model());
    }
}
