//! `book/src/reference/library.md`, from the standard library's own text.

use std::fmt::Write as _;

use weir_compiler::{Sources, package::Source};
use weir_syntax::{
    FileId, Span,
    ast::{Block, Declaration, Entry, Item, ItemKind},
    parse,
};

const INTRODUCTION: &str = "# Standard library

This page is made from the library's text, which is shipped inside of the compiler. `use std.ot.{modbus, s7}` brings names
in. Each protocol has its default transport; `serves = [modbus on tcp/1502]` gives a server another port. An operation's
effect says which way data flows: `observe` and `subscribe` to the client, `actuate`, `manage` and `publish` to the server.
Arguments narrow an operation: `modbus.write(coils 100..103)`.
";

/// The whole page.
pub fn page() -> String {
    let mut sources: Vec<Source> = Sources::new("", Vec::new()).files;
    sources.retain(Source::is_standard);
    let mut out = INTRODUCTION.to_owned();
    let mut modules: Vec<String> = sources.iter().map(Source::module).collect();
    modules.sort();
    modules.dedup();
    for module in modules {
        let _ = write!(out, "\n## {module}\n");
        for source in sources.iter().filter(|source| source.module() == module) {
            file(&mut out, source);
        }
    }
    out
}

fn file(out: &mut String, source: &Source) {
    let parsed = parse(&source.text, FileId(0));
    if !parsed.file.documentation.is_empty() {
        let _ = write!(out, "\n{}\n", parsed.file.documentation);
    }
    let declarations = parsed.file.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Declaration(declaration) => Some((item, declaration)),
        _ => None,
    });
    for (item, declaration) in declarations {
        match declaration.keyword.text.as_str() {
            "protocol" => protocol(out, source, item, declaration),
            _ => other(out, source, item, declaration),
        }
    }
}

fn heading(out: &mut String, item: &Item, name: &str) {
    let _ = write!(out, "\n### {name}\n");
    if !item.documentation.is_empty() {
        let _ = write!(out, "\n{}\n", item.documentation);
    }
}

fn protocol(out: &mut String, source: &Source, item: &Item, declaration: &Declaration) {
    heading(out, item, &declaration.name.text);
    let Some(body) = &declaration.body else { return };
    attributes(out, source, body);
    let operations: Vec<(&Item, &Declaration)> = inner(body, "operation").collect();
    if operations.is_empty() {
        return;
    }
    out.push_str(
        "\n| operation | effect | arguments | functions or methods | |\n| --- | --- | --- | --- | --- |\n",
    );
    for (item, operation) in operations {
        let empty = Block::default();
        let body = operation.body.as_ref().unwrap_or(&empty);
        let value = |name: &str| {
            let attribute = body.attributes().find(|attribute| attribute.name.text == name);
            attribute.map_or(String::new(), |attribute| code(source, attribute.value.span))
        };
        let arguments: Vec<String> =
            inner(body, "argument").map(|(_, argument)| format!("`{}`", argument.name.text)).collect();
        let codes = [value("functions"), value("methods")].concat();
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {codes} | {} |",
            operation.name.text,
            value("effect"),
            arguments.join(", "),
            cell(&item.documentation)
        );
    }
}

fn other(out: &mut String, source: &Source, item: &Item, declaration: &Declaration) {
    heading(out, item, &declaration.name.text);
    if let Some(class) = &declaration.class {
        let _ = write!(out, "\nA {}.\n", code(source, class.span));
    }
    let Some(body) = &declaration.body else { return };
    attributes(out, source, body);
    let own: Vec<(&Item, &Declaration)> = inner(body, "attribute").collect();
    if !own.is_empty() {
        out.push_str("\n| attribute | type | required | |\n| --- | --- | --- | --- |\n");
    }
    for (item, attribute) in own {
        let value = |name: &str, otherwise: &str| {
            let found = attribute.body.iter().flat_map(Block::attributes).find(|one| one.name.text == name);
            found.map_or(otherwise.to_owned(), |one| code(source, one.value.span))
        };
        let required = if value("required", "") == "`true`" { "yes" } else { "" };
        let name = &attribute.name.text;
        let _ = writeln!(
            out,
            "| `{name}` | {} | {required} | {} |",
            value("type", "`text`"),
            cell(&item.documentation)
        );
    }
}

/// What a declaration itself gives, as a line.
fn attributes(out: &mut String, source: &Source, body: &Block) {
    let given: Vec<String> = body.attributes().map(|attribute| code(source, attribute.span)).collect();
    if !given.is_empty() {
        let _ = write!(out, "\n{}\n", given.join(", "));
    }
}

fn inner<'a>(body: &'a Block, keyword: &'static str) -> impl Iterator<Item = (&'a Item, &'a Declaration)> {
    body.entries.iter().filter_map(move |entry| match entry {
        Entry::Block(item) => match &item.kind {
            ItemKind::Declaration(declaration) if declaration.keyword.text == keyword => {
                Some((item, &**declaration))
            }
            _ => None,
        },
        _ => None,
    })
}

fn code(source: &Source, span: Span) -> String {
    let text = span.of(&source.text).split_whitespace().collect::<Vec<_>>().join(" ");
    format!("`{}`", text.replace('|', "\\|"))
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
