//! `book/src/reference/declarations.md`, from the compiler's own table.

use std::fmt::Write as _;

use weir_compiler::names::schema::{ASSERTION, Attribute, FLOW, InnerBlock, Kind, SCHEMAS, Schema, Type, of};

const INTRODUCTION: &str = "# Declarations

This page is made from the table by which the compiler checks packages. Every kind of declaration is here, with
every attribute. An attribute is written `name = value`; attributes are separated by line ends or commas. \"Yes\" in
the column \"required\" means that a declaration without it is an error (E0209).

An attribute that is read but that nothing enforces in this version is reported once per build (W0604). The chapter
[What is checked](status.md) lists them.
";

/// The whole page.
pub fn page() -> String {
    let mut out = INTRODUCTION.to_owned();
    for schema in SCHEMAS {
        declaration(&mut out, schema);
    }
    out.push_str("\n## Flows\n\n`allow SOURCE -> DESTINATION : SERVICE { … }` and `deny SOURCE -> DESTINATION : SERVICE { … }`; `<->` instead of\n`->` means both directions. A `deny` has no attribute but `reason`.\n");
    table(&mut out, FLOW);
    out.push_str("\n## Assertions\n\n`assert allow`, `assert deny` and `assert only` take `SOURCE -> DESTINATION : SERVICE`; `assert never` takes\n`SOURCE ~> DESTINATION`, with `: SERVICE` for the last step; `assert isolated` takes `A, B`. See [Assertions](assertions.md).\n");
    table(&mut out, ASSERTION);
    out
}

fn declaration(out: &mut String, schema: &Schema) {
    let _ = writeln!(
        out,
        "\n## {}\n\n{}\n\n```text\n{}\n```",
        schema.keyword,
        schema.documentation,
        form(schema)
    );
    match schema.kind {
        Kind::Template => out.push_str(
            "\nParameters are `name : type`, with `= value` for a default. Types are `integer`, `text`, `boolean`, `prefix`,\n\
             `address`, and the kinds of declaration. See [Templates and instances](../guide/templates.md).\n",
        ),
        Kind::Instance => out.push_str("\nSee [Templates and instances](../guide/templates.md).\n"),
        Kind::Group => out.push_str("\nSee [Groups and set expressions](../guide/sets.md).\n"),
        _ => {}
    }
    if schema.flows {
        out.push_str("\nIts block holds flows (`allow` and `deny`) beside attributes.\n");
    }
    table(out, schema.attributes);
    for block in schema.blocks {
        inner(out, block, schema.keyword);
    }
}

fn form(schema: &Schema) -> String {
    let mut form = format!("{} NAME", schema.keyword);
    let head = schema.head;
    match schema.kind {
        Kind::Template => return "template NAME(PARAMETER: TYPE, …) { DECLARATIONS }".to_owned(),
        Kind::Instance => return "instance NAME[1..N] : TEMPLATE(PARAMETER = VALUE, …)".to_owned(),
        _ => {}
    }
    for (has, part) in [
        (head.array, "[1..N]"),
        (head.class, " : CLASS"),
        (head.cluster, " in CLUSTER"),
        (head.between, " between ZONE, ZONE"),
        (head.value, " = SET"),
    ] {
        if has {
            form.push_str(part);
        }
    }
    if !schema.attributes.is_empty() || !schema.blocks.is_empty() {
        form.push_str(" { … }");
    }
    form
}

fn inner(out: &mut String, block: &InnerBlock, of: &str) {
    let name = if block.named { " NAME" } else { "" };
    let _ = writeln!(
        out,
        "\n### {} in {of}\n\n{}\n\n```text\n{}{name} {{ … }}\n```",
        block.keyword, block.documentation, block.keyword
    );
    table(out, block.attributes);
    for deeper in block.blocks {
        inner(out, deeper, block.keyword);
    }
}

fn table(out: &mut String, attributes: &[Attribute]) {
    if attributes.is_empty() {
        return;
    }
    out.push_str("\n| attribute | value | required | says |\n| --- | --- | --- | --- |\n");
    for attribute in attributes {
        let required = if attribute.required { "yes" } else { "" };
        let says = attribute.documentation.replace('|', "\\|");
        let _ = writeln!(out, "| `{}` | {} | {required} | {says} |", attribute.name, value(attribute.kind));
    }
}

fn value(kind: Type) -> String {
    let plain = match kind {
        Type::Boolean => "`true` or `false`",
        Type::Integer { min, max: u64::MAX } => return format!("number from {min}"),
        Type::Integer { min, max } => return format!("number from {min} to {max}"),
        Type::Text => "text in quotes",
        Type::Version => "version, as text: `\"2.8\"`",
        Type::Word(words) => return format!("one of {}", listed(words)),
        Type::Words(words) => return format!("one of {}, or a list of them", listed(words)),
        Type::Level => "`SL1` to `SL4`",
        Type::Assurance => "`none`, `address`, `shared`, `certified`, `hardware` or `attested`",
        Type::Integrity => "`untrusted`, `field`, `verified` or `safety`",
        Type::Addresses => "address, range, prefix, or a list of them",
        Type::Prefixes => "prefix, or a list of prefixes",
        Type::Address => "address",
        Type::Mac => "MAC address",
        Type::Groups => "group MAC addresses",
        Type::Numbers => "numbers",
        Type::Reference(kinds) => return format!("name of a {}", keywords(kinds)),
        Type::References(kinds) => return format!("name of a {}, or a list", keywords(kinds)),
        Type::Set => "set expression",
        Type::Transports => {
            "`tcp/502`, `udp/5000..5010`, `sctp/38412`, `icmp`, `ethertype/0x88b8`, or a list"
        }
        Type::Serves => "protocols, each with `on PORT` where it is not the default, or a list",
        Type::Services => "services: protocols, operations, transports, `any`, or a list",
        Type::Identity => {
            "`psk`, `mac`, `x509(…)`, `spiffe(…)`, `sim(…)`, `oidc(…)`, `attested(…)` or `none`"
        }
        Type::Endorsement => "`field -> verified`",
        Type::Duration => "duration: `5 ms`",
        Type::DataRate => "data rate: `10 Mbps`",
        Type::DataSize => "data size: `128 B`",
        Type::EventRate => "event rate: `50/s`, `6/min`, `100/h`, `1/d`",
        Type::Time => "date or time: `2026-11-01`, `2026-11-01T08:00Z`",
        Type::Snssai => "S-NSSAI: `urllc/0x000001`",
        Type::UserPlane => "`dedicated(GATEWAY)` or `shared(GATEWAY)`",
        Type::Labels => "`{ app = \"historian\" }`",
        Type::Texts => "text, or a list of texts",
        Type::Integers => "number, or a list of numbers",
        Type::Record(attributes) => {
            let names =
                attributes.iter().map(|attribute| format!("`{}`", attribute.name)).collect::<Vec<_>>();
            return format!("block with {}", names.join(", "));
        }
    };
    plain.to_owned()
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn keywords(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| of(*kind).keyword).collect::<Vec<_>>().join(" or ")
}
