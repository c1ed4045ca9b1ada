//! Generated pages are what the compiler's tables say; links lead somewhere; every page is in the summary.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeSet, fs};

use weir_literate::{declarations, library, lists, paths};

/// Pages that somebody else writes, in the summary before they exist.
const LATER: &[&str] = &["performance.md"];

#[test]
fn declarations_are_the_schema() {
    let path = paths::book().join("reference/declarations.md");
    paths::same_or_update(&path, &declarations::page()).unwrap();
}

#[test]
fn library_is_the_standard_library() {
    let path = paths::book().join("reference/library.md");
    paths::same_or_update(&path, &library::page()).unwrap();
}

#[test]
fn index_of_diagnostics_is_the_table_of_codes() {
    let path = paths::book().join("diagnostics/index.md");
    paths::same_or_update(&path, &lists::index()).unwrap();
}

#[test]
fn summary_lists_every_diagnostic() {
    let path = paths::book().join("SUMMARY.md");
    let found = fs::read_to_string(&path).unwrap();
    let is_entry = |line: &&str| line.contains("](diagnostics/") && !line.contains("index.md");
    let first = found.lines().position(|line| is_entry(&line)).unwrap_or_else(|| found.lines().count());
    let mut lines: Vec<&str> = found.lines().filter(|line| !is_entry(line)).collect();
    let entries = lists::summary();
    lines.insert(first.min(lines.len()), entries.trim_end());
    paths::same_or_update(&path, &(lines.join("\n") + "\n")).unwrap();
}

#[test]
fn every_page_is_in_the_summary() {
    let summary = fs::read_to_string(paths::book().join("SUMMARY.md")).unwrap();
    for (name, _) in paths::files(&paths::book(), ".md").unwrap() {
        assert!(
            name == "SUMMARY.md" || summary.contains(&format!("]({name})")),
            "{name} is not in SUMMARY.md"
        );
    }
}

/// The destinations of a page's links: `](…)`.
fn links(text: &str) -> Vec<&str> {
    text.match_indices("](").filter_map(|(at, _)| text[at + 2..].split(')').next()).collect()
}

#[test]
fn links_lead_somewhere() {
    let book = paths::book();
    let mut broken = Vec::new();
    for (name, path) in paths::files(&book, ".md").unwrap() {
        let text = fs::read_to_string(&path).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let file = link.split('#').next().unwrap_or(link);
            let target = path.parent().unwrap().join(file);
            if !target.exists() && !LATER.contains(&file.trim_start_matches("../")) {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn grammar_chapter_knows_every_keyword() {
    let grammar = fs::read_to_string(paths::book().join("reference/grammar.md")).unwrap();
    for keyword in weir_syntax::ast::DECLARATION_KEYWORDS {
        assert!(grammar.contains(&format!("`{keyword}`")), "reference/grammar.md does not name `{keyword}`");
    }
    for unit in weir_syntax::lexer::UNITS {
        assert!(
            grammar.contains(&format!("`{unit}`")),
            "reference/grammar.md does not name the unit `{unit}`"
        );
    }
}

/// The words that the pages colour are the language's.
#[test]
fn every_declaration_has_a_colour() {
    let script = fs::read_to_string(paths::root().join("book/weir.js")).unwrap();
    let words: BTreeSet<&str> = script.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for keyword in weir_syntax::ast::DECLARATION_KEYWORDS {
        assert!(words.contains(keyword), "book/weir.js does not know `{keyword}`");
    }
}
