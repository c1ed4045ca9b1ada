//! One test per page of the book: `cargo test -p weir-literate --test book guide/flows`.

#![allow(clippy::print_stdout, reason = "the harness of these tests")]

use std::{fs, process::ExitCode};

use weir_literate::{failures, layout, paths};

fn main() -> ExitCode {
    let mut filters: Vec<String> = Vec::new();
    let mut list = false;
    let mut ignored = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--list" => list = true,
            // no page is ever left out: asked for those that are, the answer is none
            "--ignored" => ignored = true,
            // options of the standard harness that have a value
            "--test-threads" | "--format" | "--color" | "--skip" | "-Z" => drop(arguments.next()),
            option if option.starts_with('-') => {}
            filter => filters.push(filter.to_owned()),
        }
    }
    let pages = match paths::files(&paths::book(), ".md") {
        Ok(pages) => pages,
        Err(error) => {
            println!("book/src: {error}");
            return ExitCode::FAILURE;
        }
    };
    let chosen: Vec<_> = pages
        .iter()
        .filter(|(name, _)| filters.is_empty() || filters.iter().any(|filter| name.contains(filter)))
        .collect();
    if ignored {
        return ExitCode::SUCCESS;
    }
    if list {
        for (name, _) in &chosen {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    let mut failed = Vec::new();
    for (name, path) in &chosen {
        let shown = format!("book/src/{name}");
        let found = match fs::read_to_string(path) {
            Ok(text) => {
                let mut found = failures(&shown, &text);
                found.extend(paths::same_or_update(path, &layout::formatted(&text)).err());
                found
            }
            Err(error) => vec![format!("{shown}: {error}")],
        };
        println!("test {name} ... {}", if found.is_empty() { "ok" } else { "FAILED" });
        failed.extend(found);
    }
    if failed.is_empty() {
        println!("\ntest result: ok. {} passed; 0 failed\n", chosen.len());
        return ExitCode::SUCCESS;
    }
    for failure in &failed {
        println!("\n{failure}");
    }
    println!("\ntest result: FAILED. {} failures in {} pages\n", failed.len(), chosen.len());
    ExitCode::FAILURE
}
