//! What is whole survives what is broken, and one mistake costs one diagnostic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is the test's result"
)]

use weir_syntax::{FileId, ast, parse};

/// The names of the declarations and the codes of the diagnostics.
fn read(source: &str) -> (Vec<String>, Vec<String>) {
    let parsed = parse(source, FileId(0));
    let names = parsed.file.items.iter().filter_map(|item| match &item.kind {
        ast::ItemKind::Declaration(declaration) => Some(declaration.name.text.to_string()),
        _ => None,
    });
    let codes =
        parsed.diagnostics.iter().map(|diagnostic| format!("{}: {}", diagnostic.code.id, diagnostic.message));
    (names.collect(), codes.collect())
}

#[test]
fn every_separator_style_gives_the_same_entries() {
    for source in [
        "zone a { purdue = 0  target_level = SL1 }",
        "zone a { purdue = 0, target_level = SL1 }",
        "zone a {\n purdue = 0\n target_level = SL1\n}",
    ] {
        let parsed = parse(source, FileId(0));
        assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        let ast::ItemKind::Declaration(zone) = &parsed.file.items[0].kind else { panic!("no declaration") };
        assert_eq!(zone.body.as_ref().unwrap().attributes().count(), 2);
    }
}

#[test]
fn one_mistake_one_diagnostic_and_the_rest_is_kept() {
    for broken in [
        "device d9 :",
        "device d9 : Plc {\n address = \n}",
        "device d9 : Plc {\n network = a\n address = = 1\n serves = [x]\n}",
        "device d9 : Plc {\n network = a\n",
        "device d9 : Plc { network = [a, }",
        "device d9 { }  }",
        "device d9 { name = \"abc\n }",
        "device d9 { name = § }",
        "device d9 { address = 10.0.0.999 }",
        "device d9\nallow d1 ->",
        "device d9\npolicy p {\n allow a -> b\n allow a -> c : x\n}",
        "device d9 { name = \"a\" }\n\"",
        "device d9\n\"abc",
        "device d9\n  §",
    ] {
        let source = format!("device d1\n{broken}\ndevice d2 : Plc {{ address = 10.0.0.1 }}\n");
        let (names, codes) = read(&source);
        assert_eq!(codes.len(), 1, "{source}\n{codes:?}");
        let devices: Vec<&String> = names.iter().filter(|name| name.starts_with('d')).collect();
        assert_eq!(devices, ["d1", "d9", "d2"], "{source}\n{codes:?}");
    }
}

#[test]
fn depth_is_bounded() {
    let source = format!("group g = {}a{}\ndevice d", "(".repeat(10_000), ")".repeat(10_000));
    let (names, codes) = read(&source);
    assert_eq!(codes.len(), 1, "{codes:?}");
    assert!(codes[0].starts_with("E0106"));
    assert!(names.contains(&"d".to_owned()));
    let flat = format!("group g = a{}", " | a".repeat(100_000));
    assert_eq!(read(&flat).1, Vec::<String>::new());
}

#[test]
fn quantities_and_attribute_names_do_not_mix() {
    let parsed = parse("slice s { a = 5 ms  b = 0 s = 3, c = 10 Mbps  d = 1 secure = true }", FileId(0));
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    let ast::ItemKind::Declaration(slice) = &parsed.file.items[0].kind else { panic!("no declaration") };
    let names: Vec<_> = slice.body.as_ref().unwrap().attributes().map(|a| a.name.text.as_str()).collect();
    assert_eq!(names, ["a", "b", "s", "c", "d", "secure"]);
}
