//! Packages of absurd size, depth or content: each ends in the right diagnostics, or compiles.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::{fmt::Write as _, time::Duration};

use weir_robustness::{Outcome, Package, watchdog::within};

fn compile(name: &str, text: impl AsRef<[u8]>) -> Outcome {
    let package = Package::of(text);
    within(Duration::from_mins(2), name, || package.compile())
        .unwrap_or_else(|broken| panic!("{name}: {broken}"))
}

/// The errors' codes are exactly these.
#[track_caller]
fn expect(name: &str, text: impl AsRef<[u8]>, codes: &[&str]) {
    let outcome = compile(name, text);
    let mut found = outcome.errors();
    found.dedup();
    assert_eq!(found, codes, "{name}:\n{}", outcome.summary().lines().take(5).collect::<Vec<_>>().join("\n"));
}

/// A plant of one zone and one network, for what is said about devices.
const PLANT: &str = "use std.ot.{modbus}\nuse std.it.{https, mqtts}\nuse std.devices.{Plc}\n\
    zone hall { purdue = 1 }\nnetwork net { zone = hall, subnet = 10.0.0.0/8, accept_gap = \"one\" }\n";

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, index| {
        let _ = writeln!(text, "{}", line(index));
        text
    })
}

#[test]
fn nothing() {
    for text in
        ["", "\n", "\r\n\r\n", "\u{feff}", "\u{feff}\n// x\n", "// only\n/// comments", "//! file\n", "   \t"]
    {
        expect("nothing", text, &[]);
    }
}

#[test]
fn line_ends_and_marks() {
    let unix = "zone a { purdue = 1 }\n/// doc\nzone b { purdue = 2 }\n";
    expect("unix", unix, &[]);
    expect("crlf", unix.replace('\n', "\r\n"), &[]);
    expect("bom", format!("\u{feff}{unix}"), &[]);
    expect("bom inside", unix.replace("purdue", "\u{feff}purdue"), &[]);
    // A comment would go on behind it, and hide a rule that most editors show on a line of its own.
    expect("old mac", unix.replace('\n', "\r"), &["E0102"]);
    expect("one carriage return", "// all is denied\rdeny internet -> internet : any\n", &["E0102"]);
    expect("right to left", "// \u{202e}tnemmoc\nzone a { name = \"\u{2066}\" }\n", &["E0102"]);
    expect("line separator", "// a\u{2028}zone b\n", &["E0102"]);
    expect("nul", unix.replace("= 2", "= \0"), &["E0102"]);
    expect("nul in a comment", unix.replace("doc", "d\0c"), &[]);
}

#[test]
fn not_utf8() {
    // A lone surrogate, an overlong form, a cut character, UTF-16, Latin-1.
    for bytes in
        [&b"zone a\xed\xa0\x80 {}"[..], b"\xc0\xaf", b"// \xe2\x82", b"\xff\xfez\0o\0", b"// K\xf6ln\n"]
    {
        expect("bytes", bytes, &["E0002"]);
    }
}

#[test]
fn long_lines_and_names() {
    expect("comment", format!("// {}\n", "x".repeat(1 << 20)), &[]);
    expect("string", format!("zone a {{ name = \"{}\" }}", "x".repeat(1 << 20)), &[]);
    expect("unclosed", format!("zone a {{ name = \"{} }}\n", "x".repeat(1 << 20)), &["E0105"]);
    expect("spaces", " ".repeat(1 << 20), &[]);
    expect("unknown", "@".repeat(1 << 20), &["E0102"]);
    expect("number", format!("zone a {{ purdue = {} }}", "9".repeat(1 << 20)), &["E0103"]);
    expect("word", "x".repeat(1 << 20), &["E0101"]);
    expect("dots", ".".repeat(1 << 20), &["E0101"]);
    expect("quotes", "\"\" ".repeat(1 << 19), &["E0101"]);
    let name = "n".repeat(10_000);
    expect("name", format!("zone {name} {{ purdue = 1 }}\nnetwork net {{ zone = {name} }}\n"), &[]);
    expect("unknown name", format!("network net {{ zone = {name} }}\n"), &["E0202"]);
    let path = vec!["a"; 100_000].join(".");
    expect("path", format!("network net {{ zone = {path} }}\n"), &["E0202"]);
    expect("use", format!("use {path}\n"), &["E0205"]);
}

#[test]
fn deep_brackets() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{ a = ", "}"), ("a[", "]"), ("a(", ")"), ("a { ", "}")] {
        for closed in [true, false] {
            let end = if closed { close.repeat(10_000) } else { String::new() };
            let text = format!("group g = {}x{end}\n", open.repeat(10_000));
            let outcome = compile(open, &text);
            assert!(outcome.errors().contains(&"E0106"), "{open}: {}", outcome.summary());
            if closed {
                let others =
                    outcome.errors().iter().filter(|code| !["E0106", "E0202"].contains(code)).count();
                assert_eq!(others, 0, "{open}: {}", outcome.summary());
            }
        }
    }
    let templates = format!("{}{}", "template t() {\n".repeat(10_000), "}\n".repeat(10_000));
    let outcome = compile("templates", templates);
    assert!(!outcome.errors().is_empty() && outcome.errors().len() < 20, "{}", outcome.errors().len());
    for text in ["}", ")", "]"] {
        let outcome = compile(text, text.repeat(100_000));
        assert!(!outcome.errors().is_empty(), "{text}");
    }
}

#[test]
fn long_chains() {
    let operators = [
        " | ", " & ", " - ", " + ", " * ", " and ", " or ", " == ", " where ", " on ", "..", "/", " -> ",
        " not ",
    ];
    for operator in operators {
        let chain = vec!["hall"; 50_000].join(operator);
        compile(operator, format!("{PLANT}group g = {chain}\n"));
    }
    expect(
        "a list",
        format!("zone z\nexternal g {{ zone = z, serves = [{}] }}", "https, ".repeat(50_000)),
        &["E0202"],
    );
}

#[test]
fn many_declarations() {
    expect("zones", lines(100_000, |index| format!("zone z{index} {{ purdue = 1 }}")), &[]);
    expect("the same", lines(100_000, |_| "zone z".into()), &["E0201"]);
    expect("unknown kinds", lines(20_000, |index| format!("zoen z{index} {{ purdue = 1 }}")), &["E0206"]);
    expect(
        "unknown names",
        lines(5_000, |index| format!("network n{index} {{ zone = z{index} }}")),
        &["E0202"],
    );
    expect("mistakes", lines(20_000, |index| format!("zone z{index} {{ purdue = }}")), &["E0101"]);
    expect("uses", lines(50_000, |_| "use std.ot.{modbus}".into()), &["E0201"]);
    expect("attributes", format!("zone z {{ {} }}", lines(50_000, |_| "purdue = 1".into())), &["E0208"]);
}

#[test]
fn large_unions() {
    let devices = lines(100_000, |index| {
        format!(
            "device d{index} : Plc {{ network = net, address = net.host({}), serves = [modbus] }}",
            index + 10
        )
    });
    let union = (0..100_000).map(|index| format!("d{index}")).collect::<Vec<_>>().join(" | ");
    let text = format!("{PLANT}{devices}group all = {union}\npolicy p {{ allow all -> d0 : modbus }}\n");
    expect("union", text, &[]);
}

#[test]
fn arrays() {
    let array = |range: &str| {
        format!("{PLANT}device d{range} : Plc {{ network = net, address = net.host(1 + index) }}\n")
    };
    expect("none", array("[1..0]"), &["E0303"]);
    expect("from 0", array("[0..1]"), &["E0303"]);
    expect("one", array("[1..1]"), &[]);
    expect("at the limit", array("[1..1000000]"), &[]);
    expect("above", array("[1..1000001]"), &["E0303"]);
    expect("far above", array("[1..18446744073709551615]"), &["E0303"]);
    expect("no range", array("[5]"), &["E0303"]);
    expect("addresses", array("[1..1]"), &[]);
    expect("an address", array("[10.0.0.1..10.0.0.9]"), &["E0301"]);
}

#[test]
fn expansion() {
    let nested = "template inner() {}\n\
        template middle() { instance i[1..1000000] : inner() }\n\
        template outer() { instance m[1..1000000] : middle() }\n\
        instance o[1..1000000] : outer()\n";
    expect("empty instances", nested, &["E0215"]);
    let wide = format!(
        "{PLANT}template cell() {{ {} }}\ninstance c[1..1000000] : cell()\n",
        lines(1000, |index| { format!("zone z{index} {{ purdue = 1 }}") })
    );
    expect("many declarations", wide, &["E0215"]);
    let statements = format!(
        "{PLANT}template cell() {{ {} }}\ninstance c[1..1000000] : cell()\n",
        "allow hall -> hall : modbus\n".repeat(100)
    );
    expect("many statements", statements, &["E0215"]);
    let doubling = lines(40, |level| {
        format!("template t{level}() {{ instance a : t{}()\n instance b : t{}() }}", level + 1, level + 1)
    });
    expect("doubling", format!("{doubling}template t40() {{}}\ninstance i : t0()\n"), &["E0215"]);
    let elements = format!(
        "{PLANT}{}",
        lines(5_000, |index| format!("device d{index}[1..1000000] : Plc {{ network = net }}"))
    );
    expect("arrays", elements, &["E0215"]);
}

#[test]
fn circles() {
    expect("class", "class A : A {}", &["E0212"]);
    expect("classes", "class A : B {}\nclass B : A {}", &["E0212"]);
    expect("group", "group a = a", &["E0212"]);
    expect("groups", "group a = b\ngroup b = a", &["E0212"]);
    expect("zone", "zone a { parent = a }", &["E0212"]);
    expect("zones", "zone a { parent = b }\nzone b { parent = c }\nzone c { parent = a }", &["E0212"]);
    expect("template", "template t() { instance i : t() }\ninstance i : t()", &["E0212"]);
    expect(
        "templates",
        "template a() { instance i : b() }\ntemplate b() { instance i : a() }\ninstance i : a()",
        &["E0212"],
    );
    expect("use", "use plant.a\nuse a.b\n", &["E0205"]);
    expect("prefix", "zone z\nnetwork a { zone = z, subnet = a.subnet }", &["E0212"]);
    expect(
        "prefixes",
        "zone z\nnetwork a { zone = z, subnet = b.subnet(25, 0) }\nnetwork b { zone = z, subnet = a.subnet(25, 0) }",
        &["E0212"],
    );
    expect(
        "address",
        "zone z\nnetwork a { zone = z, subnet = 10.0.0.0/8 }\ndevice d { network = a, address = d.address }",
        &["E0212"],
    );
    expect(
        "index",
        "zone z\nnetwork n { zone = z }\ndevice d[1..2] { network = n, address = d[d.address].address }",
        &["E0212"],
    );
    expect(
        "device and network",
        "zone z\nnetwork a { zone = z, subnet = d.address }\ndevice d { network = a, address = a.host(1) }",
        &["E0212"],
    );
    expect(
        "template argument",
        "template t(g: group) { instance u : t(g = g) }\ngroup a = internet\ninstance i : t(g = a)",
        &["E0212"],
    );
    expect("own class", "device d { network = d }", &["E0203"]);
    expect("own protocol", "protocol p { transport = p }", &["E0301"]);
}

#[test]
fn long_references() {
    let networks = lines(20_000, |index| match index {
        0 => "network n0 { zone = hall, subnet = 11.0.0.0/8 }".into(),
        _ => format!("network n{index} {{ zone = hall, subnet = n{}.subnet }}", index - 1),
    });
    let outcome = compile("networks", format!("{PLANT}{networks}"));
    assert!(outcome.errors().contains(&"E0212"), "{:?}", outcome.errors().first());
    let groups = lines(20_000, |index| format!("group g{index} = g{}", index + 1));
    let outcome = compile(
        "groups",
        format!("{PLANT}policy p {{ deny g0 -> hall : any }}\n{groups}group g20000 = hall\n"),
    );
    assert!(outcome.errors().contains(&"E0212"), "{:?}", outcome.errors().first());
    let classes = lines(3_000, |index| format!("class C{index} : C{} {{ vendor = \"a\" }}", index + 1));
    expect("classes", format!("{classes}class C3000\n"), &[]);
    let zones = lines(10_000, |index| format!("zone z{index} {{ parent = z{} }}", index + 1));
    expect("zones", format!("{zones}zone z10000\n"), &[]);
    let templates = lines(3_000, |index| format!("template t{index}() {{ instance i : t{}() }}", index + 1));
    let outcome =
        compile("templates", format!("{templates}template t3000() {{ zone z }}\ninstance i : t0()\n"));
    drop(outcome);
}

#[test]
fn numbers() {
    let zone = |text: &str| format!("zone z {{ purdue = {text} }}\n");
    expect("64 bits", zone("18446744073709551615"), &["E0303"]);
    expect("65 bits", zone("18446744073709551616"), &["E0103"]);
    expect("underscores", zone("0_0_0_1"), &[]);
    expect("hexadecimal", zone("0xffffffffffffffffff"), &["E0103"]);
    expect("no digits", zone("0x_"), &["E0103"]);
    expect("sum", zone("18446744073709551615 + 1"), &["E0303"]);
    expect("difference", zone("1 - 2"), &["E0303"]);
    expect("product", zone("18446744073709551615 * 18446744073709551615"), &["E0303"]);
    let rate = |text: &str| {
        format!(
            "{PLANT}device a : Plc {{ network = net, address = 10.0.0.9, serves = [modbus] }}\n\
            policy p {{ allow a -> a : modbus {{ limit = {text} }} }}\n"
        )
    };
    // Both stand on one segment, where nobody can hold a limit: what is asked here is that the number is read.
    expect("a rate", rate("1/s"), &["E0601"]);
    expect("no rate", rate("0/s"), &["E0303"]);
    expect("32 bits", rate("4294967295/s"), &["E0601"]);
    expect("33 bits", rate("4294967296/s"), &["E0303"]);
    expect("64 bits", rate("18446744073709551615/s"), &["E0303"]);
    expect("65 bits", rate("18446744073709551616/s"), &["E0103"]);
    expect("a duration", rate("5 ms"), &["E0301"]);
    let until = |text: &str| rate("1/s").replace("limit = 1/s", &format!("until = {text}"));
    expect("year 0", until("0000-01-01"), &[]);
    expect("month 0", until("0000-00-00"), &["E0103"]);
    expect("year 9999", until("9999-12-30T20:00Z"), &[]);
    expect("beyond", until("9999-12-31T23:59:59-23:59"), &["E0303"]);
    expect("offset", until("2030-01-01T00:00+99:99"), &["E0303"]);
    expect("leap day", until("2028-02-29"), &[]);
    expect("no leap day", until("2100-02-29"), &["E0103"]);
    expect("no zone", until("2028-02-29T10:00"), &["E0103"]);
}

#[test]
fn addresses() {
    let network = |subnet: &str, address: &str| {
        format!(
            "zone z {{ purdue = 1 }}\nnetwork n {{ zone = z, subnet = {subnet}, accept_gap = \"x\" }}\n\
            device d {{ network = n, address = {address} }}\n"
        )
    };
    expect("all of IPv4", network("0.0.0.0/0", "10.0.0.1"), &[]);
    expect("all of IPv6", network("::/0", "2001:db8::1"), &[]);
    expect("one host", network("10.0.0.1/32", "10.0.0.1"), &[]);
    expect("one host of IPv6", network("2001:db8::1/128", "2001:db8::1"), &[]);
    expect("host bits", network("10.0.0.1/8", "10.0.0.1"), &["E0303"]);
    expect("/33", network("10.0.0.0/33", "10.0.0.1"), &["E0103"]);
    expect("256", network("10.0.0.0/8", "10.0.0.256"), &["E0103"]);
    expect("a range", network("::/0", "::1..ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), &[]);
    expect("backwards", network("10.0.0.0/8", "10.0.0.9..10.0.0.1"), &["E0303"]);
    expect("families", network("10.0.0.0/8", "10.0.0.9..::1"), &["E0303"]);
    expect("other family", network("10.0.0.0/8", "2001:db8::1"), &["E0401"]);
    expect("host 0", network("::/0", "n.host(18446744073709551615)"), &[]);
    expect("far host", network("10.0.0.0/8", "n.host(18446744073709551615)"), &["E0303"]);
    expect("subnet", network("10.0.0.0/8", "n.subnet(33, 0).host(1)"), &["E0303"]);
    expect("far subnet", network("::/0", "n.subnet(128, 18446744073709551615).host(0)"), &[]);
    expect("whole subnet", network("::/0", "n.subnet(0, 0).host(1)"), &[]);
    expect("subnet after", network("::/0", "n.subnet(0, 1).host(1)"), &["E0303"]);
    let external = |prefixes: &str| format!("external e {{ prefixes = {prefixes} }}\n");
    expect("everything", external("[0.0.0.0/0, ::/0]"), &[]);
    expect("twice", external("[0.0.0.0/0, 0.0.0.0/0]"), &[]);
    let many =
        (0..20_000).map(|index| format!("100.{}.{}.0/24", index / 256, index % 256)).collect::<Vec<_>>();
    expect("many prefixes", external(&format!("[{}]", many.join(", "))), &[]);
}
