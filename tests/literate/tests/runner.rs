//! The runner itself: it has to be able to fail, and to say where.

#![allow(clippy::unwrap_used, reason = "tests")]

use weir_literate::{Document, cases, check, failures, layout, marks::marks};

const OK: &str = r#"
# A page

```weir
use std.ot.{modbus}
zone cell {}
network cell_net { zone = cell, subnet = 10.1.0.0/24, accept_gap = "one machine" }
device plc { network = cell_net, address = 10.1.0.2, serves = [modbus] }
device hmi { network = cell_net, address = 10.1.0.3 }
allow hmi -> plc : modbus
```
"#;

#[test]
fn right_page_passes() {
    assert_eq!(failures("page.md", OK), Vec::<String>::new());
}

#[test]
fn unexpected_diagnostic_fails_at_its_line() {
    let found = failures("page.md", &OK.replace("-> plc :", "-> plk :"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("page.md:10: in `plant.weir` of “A page”: unexpected E0202"),
        "{}",
        found[0]
    );
    assert!(found[0].contains("| allow hmi -> plk : modbus"), "{}", found[0]);
    assert!(found[0].contains("help: did you mean"), "{}", found[0]);
}

#[test]
fn missing_diagnostic_fails_at_its_line() {
    let found = failures("page.md", &OK.replace(": modbus\n", ": modbus // error: E0202 \"plc\"\n"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("page.md:10: in `plant.weir` of “A page”: expected E0202 with \"plc\""),
        "{}",
        found[0]
    );
}

#[test]
fn a_mark_has_to_have_the_right_code_line_and_message() {
    let wrong = OK.replace("-> plc : modbus", "-> plk : modbus // error: E0202 \"plk\"");
    assert_eq!(failures("page.md", &wrong), Vec::<String>::new());
    assert_eq!(failures("page.md", &wrong.replace("E0202", "E0203")).len(), 2);
    assert_eq!(failures("page.md", &wrong.replace("\"plk\"", "\"plc\"")).len(), 2);
    assert_eq!(failures("page.md", &wrong.replace("error:", "warning:")).len(), 2);
    assert_eq!(failures("page.md", &wrong.replace(" // error:", "\n// error:")).len(), 2);
}

#[test]
fn one_diagnostic_needs_one_mark() {
    let twice = OK.replace("-> plc : modbus", "-> plk : modbus // error: E0202, error: E0202");
    assert_eq!(failures("page.md", &twice).len(), 1);
}

#[test]
fn warnings_count_unless_ignored() {
    let gap = OK.replace(", accept_gap = \"one machine\"", "");
    assert_eq!(failures("page.md", &gap).len(), 1);
    assert_eq!(failures("page.md", &gap.replace("```weir", "```weir ignore-warnings")), Vec::<String>::new());
    let error = gap.replace("```weir", "```weir ignore-warnings").replace("-> plc", "-> plk");
    assert_eq!(failures("page.md", &error).len(), 1);
}

#[test]
fn fails_demands_a_mark() {
    assert_eq!(failures("page.md", &OK.replace("```weir", "```weir fails")).len(), 1);
}

#[test]
fn unknown_words_and_open_blocks_are_said() {
    assert_eq!(failures("page.md", &OK.replace("```weir", "```weir flie=a.weir")).len(), 1);
    let open = OK.replace("\n```\n", "\n");
    assert!(failures("page.md", &open).iter().any(|failure| failure.contains("not closed")));
}

#[test]
fn snippets_are_parsed_only() {
    let page = "# A\n```weir snippet\nallow a -> b : c\n```\n";
    assert_eq!(failures("page.md", page), Vec::<String>::new());
    assert_eq!(failures("page.md", &page.replace("->", "=>")).len(), 1);
}

#[test]
fn blocks_are_laid_out() {
    let page = "# A\n```weir\nzone a {purdue=1}\nzone b {}\n```\ntext\n```weir\nzone c {\n```\n- x\n  ```weir\n  zone d{}\n  ```\n";
    let right = "# A\n```weir\nzone a { purdue = 1 }\nzone b {}\n```\ntext\n```weir\nzone c {\n```\n- x\n  ```weir\n  zone d {}\n  ```\n";
    assert_eq!(layout::formatted(page), right);
    assert_eq!(layout::formatted(right), right);
}

#[test]
fn manifest_and_folders() {
    let page = "# A\n```toml file=weir.toml\n[package]\nname = \"1\" # error: E0004\n```\n\
                ```weir file=cells/a.weir\nzone a {}\n```\n```weir file=b.weir\ngroup g = cells.a // warning: W0502\n```\n";
    assert_eq!(failures("page.md", page), Vec::<String>::new());
    let found = failures("page.md", &page.replace(" # error: E0004", ""));
    assert!(found[0].starts_with("page.md:4: in `weir.toml`"), "{found:?}");
}

#[test]
fn a_package_grows_from_heading_to_heading() {
    let page = "# A\n```weir package=p\nzone a {}\n```\n## B\n```weir package=p\nzone b { parent = a }\n```\n\
                ## C\n```weir package=p replace\nzone c { parent = a } // error: E0202\n```\n";
    assert_eq!(failures("page.md", page), Vec::<String>::new());
    assert_eq!(cases(&Document::parse(page)).0.len(), 3);
}

#[test]
fn marks_of_an_earlier_step_may_go_or_stay() {
    let page = "# A\n```weir package=p\nzone a { parent = b } // error: E0202\n```\n## B\n```weir package=p\nzone c {}\n```\n\
                ## C\n```weir package=p\nzone b {}\n```\n";
    assert_eq!(failures("page.md", page), Vec::<String>::new());
}

#[test]
fn marks_are_read() {
    let found =
        marks("a // error: E0101 \"x y\", warning: W0202\n// error-below: E0103\nb // note: nothing\n", "//");
    let read: Vec<_> = found.iter().map(|mark| (mark.code.as_str(), mark.line)).collect();
    assert_eq!(read, [("E0101", 0), ("W0202", 0), ("E0103", 2)]);
    assert_eq!(found[0].message.as_deref(), Some("x y"));
}

#[test]
fn shown_messages_are_compared() {
    let page = "# A\n```weir\nzone a { parent = bb } // error: E0202\n```\n```text printed\nerror[E0202]: `bb` is not declared\n  --> x\n```\n";
    assert_eq!(failures("page.md", page), Vec::<String>::new());
    let found = failures("page.md", &page.replace("`bb` is", "`bc` is"));
    assert!(found.len() == 1 && found[0].starts_with("page.md:6: the compiler does not print"), "{found:?}");
    assert_eq!(failures("page.md", "# A\n```text printed\nerror[E0202]: x\n```\n").len(), 1);
}

#[test]
fn codes_of_a_case() {
    let (cases, _) = cases(&Document::parse("# A\n```weir\nzone a { parent = b }\n```\n"));
    assert_eq!(check::codes(cases.first().unwrap()).unwrap(), ["E0202"]);
}
