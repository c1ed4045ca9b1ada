//! The book as its readers get it: HTML by mdBook, into `target/book`, whose links all lead somewhere.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use mdbook_driver::MDBook;

const BOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../book");

/// All files below a folder with this ending, by path from the folder.
fn files(folder: &Path, ending: &str) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
            if path.is_dir() {
                open.push((format!("{name}/"), path));
            } else if name.ends_with(ending) {
                found.insert(name, path);
            }
        }
    }
    found
}

/// What stands behind each `name="` of a text.
fn attributes<'t>(html: &'t str, name: &str) -> Vec<&'t str> {
    let start = format!(" {name}=\"");
    html.match_indices(&start).filter_map(|(at, _)| html[at + start.len()..].split('"').next()).collect()
}

/// A path with its `..` taken out.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn the_book_is_built_and_its_links_lead_somewhere() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../book");
    let mut book = MDBook::load(BOOK).unwrap();
    book.config.build.build_dir = out.clone();
    book.build().unwrap();

    let pages: BTreeMap<String, String> = files(&out, ".html")
        .into_iter()
        .map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
        .collect();
    let sources = files(&Path::new(BOOK).join("src"), ".md");
    for name in sources.keys().filter(|name| *name != "SUMMARY.md") {
        let page = name.replace("index.md", "index.html").replace(".md", ".html");
        assert!(pages.contains_key(&page), "{page} is missing");
    }
    let anchors: BTreeMap<&str, BTreeSet<&str>> = pages
        .iter()
        .map(|(name, html)| (name.as_str(), attributes(html, "id").into_iter().collect()))
        .collect();
    let mut broken = Vec::new();
    for (name, html) in &pages {
        // links of the page that stands for pages that are not there begin at the site's root
        if name == "404.html" {
            continue;
        }
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in attributes(html, "href").into_iter().chain(attributes(html, "src")) {
            if link.contains("://") || link.starts_with("data:") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { name.clone() } else { plain(&format!("{folder}/{path}")) };
            let leads = match anchors.get(target.as_str()) {
                Some(ids) => anchor.is_empty() || ids.contains(anchor),
                None => out.join(&target).exists(),
            };
            if !leads {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    broken.dedup();
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}
