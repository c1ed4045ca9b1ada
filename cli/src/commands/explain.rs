//! `weir explain`.

use std::fmt::Write as _;

use include_dir::{Dir, include_dir};
use weir_syntax::{Code, diagnostic::codes};

use crate::{arguments::find_code, console::Console, failure::Failure};

/// The book's pages, shipped inside of the binary.
static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../book/src/diagnostics");

pub(crate) fn run(code: Option<&str>, console: &Console) -> Result<(), Failure> {
    let Some(code) = code else { return console.stdout(&list()) };
    let code = find_code(code)
        .map_err(|message| Failure::usage(message).with_help("`weir explain` without a code lists all"))?;
    console.stdout(&page(code))
}

/// The page of a code, in Markdown.
pub(crate) fn page(code: &Code) -> String {
    let page = PAGES.get_file(format!("{}.md", code.id)).and_then(|file| file.contents_utf8());
    match page {
        Some(page) => format!("{}\n", page.trim_end()),
        None => format!("# {}: {}\n", code.id, code.title),
    }
}

fn list() -> String {
    let mut out = String::new();
    for code in codes::ALL {
        // Writing into a String does not fail.
        let _ = writeln!(out, "{}  {}", code.id, code.title);
    }
    out
}
