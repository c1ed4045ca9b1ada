//! Each code has a page whose examples do what they say; each code is reported somewhere.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{collections::BTreeMap, fs};

use weir_literate::{Case, Document, cases, check, lists, paths};
use weir_syntax::diagnostic::codes;

/// Codes whose page has no example that runs here: why, and where the code is tested.
const EXEMPT: &[(&str, &str)] = &[
    ("E0001", "a file that cannot be read is no text; tests of the command line"),
    ("E0002", "Markdown is UTF-8; `broken_bytes` below"),
    ("E0003", "a folder without a package is no package; tests of the command line"),
    ("E0005", "the example would have 256 MiB; tests of the command line"),
    ("E0215", "the example expands to four million declarations: gigabytes, seconds; tested nowhere yet"),
    ("E0605", "said by `weir build`, which proves; tests of the command line"),
    ("E0604", "said by `weir build`, which asks the target; tests of the nftables target"),
];

/// Codes that no part of this version reports. Their pages say so. A code that gets reported leaves this list.
const UNREPORTED: &[&str] = &[];

/// Warnings that an example may give beside: it needs what no artifact enforces yet.
const BESIDE: &[&str] = &["W0604"];

fn page(id: &str) -> String {
    let path = paths::book().join("diagnostics").join(format!("{id}.md"));
    fs::read_to_string(&path).unwrap_or_else(|_| panic!("book/src/diagnostics/{id}.md is missing"))
}

/// The cases below a heading of a page.
fn under(text: &str, heading: &str) -> Vec<Case> {
    let (cases, _) = cases(&Document::parse(text));
    cases.into_iter().filter(|case| case.title == heading).collect()
}

fn all(judge: impl Fn(&codes::Code, &str) -> Result<(), String>) {
    let wrong: Vec<String> = codes::ALL
        .iter()
        .filter_map(|code| judge(code, &page(code.id)).err().map(|why| format!("{}.md: {why}", code.id)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn is_exempt(id: &str) -> bool {
    UNREPORTED.contains(&id) || EXEMPT.iter().any(|(exempt, _)| *exempt == id)
}

#[test]
fn every_page_has_the_same_shape() {
    all(|code, text| {
        let lines: Vec<&str> = text.lines().collect();
        if lines.first() != Some(&lists::heading(code).as_str()) {
            return Err(format!("its first line has to be `{}`", lists::heading(code)));
        }
        let headings: Vec<&str> = lines.iter().copied().filter(|line| line.starts_with("## ")).collect();
        if headings != ["## Example", "## Fix", "## See also"] {
            return Err(format!("has the headings {headings:?}"));
        }
        if lines.get(2).is_none_or(|line| line.is_empty() || line.starts_with('#')) {
            return Err("its first paragraph is missing".into());
        }
        Ok(())
    });
}

#[test]
fn failing_example_gives_exactly_the_code() {
    all(|code, text| {
        let examples = under(text, "Example");
        if is_exempt(code.id) {
            return Ok(());
        }
        if examples.is_empty() {
            return Err("has no failing example".into());
        }
        for example in examples {
            let said = check::codes(&example)?;
            let more = said.iter().find(|id| **id != code.id && !BESIDE.contains(id));
            if !said.contains(&code.id) || more.is_some() {
                return Err(format!("its example gives {said:?}"));
            }
        }
        Ok(())
    });
}

#[test]
fn fixed_example_gives_nothing_of_it() {
    all(|code, text| {
        let fixed = under(text, "Fix");
        if fixed.is_empty() && !is_exempt(code.id) {
            return Err("has no fixed example".into());
        }
        for example in fixed {
            let said = check::codes(&example)?;
            if said.iter().any(|id| id.starts_with('E') || *id == code.id) {
                return Err(format!("its fixed example gives {said:?}"));
            }
        }
        Ok(())
    });
}

/// All sources that may report, one text per file.
fn sources() -> BTreeMap<String, String> {
    let folders = ["compiler", "import", "targets", "cli", "lsp"].map(|folder| paths::root().join(folder));
    let files = folders
        .iter()
        .filter(|folder| folder.exists())
        .flat_map(|folder| paths::files(folder, ".rs").unwrap());
    files
        .filter(|(name, _)| !name.ends_with("codes.rs") && !name.contains("tests/"))
        .map(|(_, path)| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn every_code_is_reported_somewhere() {
    let sources = sources();
    let is_reported = |id: &str| sources.values().any(|text| text.contains(&format!("codes::{id}")));
    for code in codes::ALL {
        let listed = UNREPORTED.contains(&code.id);
        if is_reported(code.id) {
            assert!(!listed, "{} is reported now: take it off UNREPORTED, give its page examples", code.id);
        } else {
            assert!(listed, "nothing reports {}: report it, or put it onto UNREPORTED", code.id);
        }
    }
}

#[test]
fn pages_of_codes_that_nothing_reports_say_so() {
    for id in UNREPORTED {
        assert!(
            page(id).contains("This version does not report it."),
            "{id}.md has to say that nothing reports it"
        );
    }
    for code in codes::ALL.iter().filter(|code| !UNREPORTED.contains(&code.id)) {
        assert!(
            !page(code.id).contains("This version does not report it."),
            "{}.md says what is wrong",
            code.id
        );
    }
}

#[test]
fn lists_know_real_codes_only() {
    for id in EXEMPT.iter().map(|(id, _)| id).chain(UNREPORTED) {
        assert!(codes::find(id).is_some(), "there is no {id}");
    }
    assert_eq!(lists::without_group(), Vec::<&str>::new());
    let pages = paths::files(&paths::book().join("diagnostics"), ".md").unwrap();
    for (name, _) in pages {
        let id = name.trim_end_matches(".md");
        assert!(
            id == "index" || codes::find(id).is_some_and(|code| code.id == id),
            "{name} is the page of no code"
        );
    }
}

#[test]
fn broken_bytes() {
    let sources = weir_compiler::Sources::new(
        "[package]\nname = \"p\"\n",
        vec![("plant.weir".to_owned(), b"zone a {}\n// caf\xe9\n".to_vec())],
    );
    let analysis = weir_compiler::analyze(&sources, 0);
    let said: Vec<_> = analysis.diagnostics.iter().map(|said| said.code.id).collect();
    assert_eq!(said, ["E0002"]);
}
