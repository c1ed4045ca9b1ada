//! The book's pages, followed as their readers do: each command is typed into a shell in an empty folder, and has to print what the page
//! shows. `UPDATE=1` writes what they print now into the pages.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

use weir_literate::{
    console::{Shell, has_consoles, run, updated},
    document::Document,
    paths,
};

/// Follows one page, and says what is not as it shows.
fn follow(page: &str) -> Vec<String> {
    let path = paths::book().join(page);
    let text = fs::read_to_string(&path).unwrap();
    let document = Document::parse(&text);
    let scratch = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_weir"));
    let repository = fs::canonicalize(paths::root()).unwrap();
    let shell =
        Shell { scratch: scratch.path(), binaries: binary.parent().unwrap(), repository: &repository };
    let shown = match run(&document, &shell) {
        Ok(shown) => shown,
        Err(problem) => return vec![format!("book/src/{page}: {problem}")],
    };
    if paths::updates() {
        fs::write(&path, updated(&text, &shown)).unwrap();
        return Vec::new();
    }
    let wrong = shown.iter().flat_map(|console| &console.wrong);
    wrong.map(|(line, what)| format!("book/src/{page}:{line}: {what}")).collect()
}

/// Every page that has its reader type something, whichever they are: a new one is followed, too.
#[test]
fn every_command_prints_what_the_book_shows() {
    let pages = paths::files(&paths::book(), ".md").unwrap();
    let followed: Vec<String> = pages
        .into_iter()
        .filter(|(_, path)| has_consoles(&Document::parse(&fs::read_to_string(path).unwrap())))
        .map(|(name, _)| name)
        .collect();
    assert!(followed.iter().any(|name| name == "tutorial.md"), "{followed:?}");
    let wrong: Vec<String> = followed.iter().flat_map(|page| follow(page)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
