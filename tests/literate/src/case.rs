//! From sections to packages.

use std::collections::BTreeMap;

use crate::{
    document::{Block, Document, Section},
    marks::{Mark, marks},
};

/// Where a document's examples are built, unless they say otherwise.
pub const NOW: &str = "2026-11-22";

const MANIFEST: &str = "[package]\nname = \"example\"\nversion = \"0.1.0\"\nedition = \"2026\"\n";
const PLANT: &str = "plant.weir";
const KNOWN: &[&str] = &["replace", "ignore-warnings", "fails", "snippet", "temporary"];
const KEYS: &[&str] = &["file", "package", "now"];

/// One package to check, or one snippet.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// The heading above it.
    pub title: String,
    pub line: usize,
    pub manifest: Text,
    pub files: BTreeMap<String, Text>,
    /// The files as they were before a block that stands under this heading only.
    before: Option<BTreeMap<String, Text>>,
    /// Only the grammar is checked.
    pub snippet: bool,
    pub ignore_warnings: bool,
    /// Something has to be wrong.
    pub fails: bool,
    pub now: String,
    /// What the compiler has to print, with the line of the document: `error[E0501]: …`, `= help: …`.
    pub printed: Vec<(usize, String)>,
}

/// A file, put together from blocks.
#[derive(Clone, Debug, Default)]
pub struct Text {
    pub text: String,
    /// For each line of the text, its line in the document.
    pub lines: Vec<usize>,
    pub marks: Vec<Mark>,
    /// Marks of earlier steps: what they expect may still be there.
    pub earlier: Vec<Mark>,
}

impl Text {
    fn add(&mut self, block: &Block, comment: &str) {
        let offset = self.lines.len();
        let found = marks(&block.text, comment);
        self.marks.extend(found.into_iter().map(|mark| Mark { line: mark.line + offset, ..mark }));
        self.lines.extend((0..block.text.lines().count()).map(|line| block.line + line));
        self.text.push_str(&block.text);
    }

    /// The line of the document behind a line (from 0) of this text.
    pub fn line(&self, line: usize) -> usize {
        self.lines.get(line).or(self.lines.last()).copied().unwrap_or(1)
    }
}

/// The document's packages, and what is wrong with its blocks as `:line: message`.
pub fn cases(document: &Document) -> (Vec<Case>, Vec<String>) {
    let mut cases = Vec::new();
    let mut problems = Vec::new();
    let mut lasting: BTreeMap<String, Case> = BTreeMap::new();
    for section in &document.sections {
        let mut here: Option<Case> = None;
        let mut grown: Vec<String> = Vec::new();
        for block in section.blocks.iter().filter(|block| is_ours(block)) {
            problems.extend(unknown_words(block));
            if block.has("snippet") {
                let mut snippet = new_case(section);
                snippet.snippet = true;
                add(&mut snippet, block);
                cases.push(snippet);
            } else if let Some(name) = block.value("package") {
                if !grown.iter().any(|other| other == name) {
                    let fresh = new_case(section);
                    let package = lasting.entry(name.to_owned()).or_insert_with(|| fresh.clone());
                    begin_step(package, fresh);
                    grown.push(name.to_owned());
                }
                if let Some(package) = lasting.get_mut(name) {
                    add(package, block);
                }
            } else {
                add(here.get_or_insert_with(|| new_case(section)), block);
            }
        }
        let first = cases.len();
        cases.extend(here);
        cases.extend(grown.iter().filter_map(|name| lasting.get(name)).cloned());
        let printed: Vec<(usize, String)> = section.blocks.iter().flat_map(printed).collect();
        match (cases.get_mut(first), printed.first()) {
            (Some(case), _) => case.printed = printed,
            (None, Some((line, _))) => {
                problems.push(format!(":{line}: no package under this heading prints this"));
            }
            (None, None) => {}
        }
    }
    (cases, problems)
}

/// The lines of a block ```` ```text printed ```` that say what a diagnostic says; excerpts of the source are not looked at.
fn printed(block: &Block) -> Vec<(usize, String)> {
    if block.language != "text" || !block.has("printed") {
        return Vec::new();
    }
    let lines =
        block.text.lines().enumerate().map(|(index, line)| (block.line + index, line.trim().to_owned()));
    lines
        .filter(|(_, line)| ["error[", "warning[", "= help: "].iter().any(|start| line.starts_with(start)))
        .collect()
}

fn is_ours(block: &Block) -> bool {
    block.language == "weir"
        || (block.language == "toml" && block.value("file") == Some("weir.toml"))
        || (is_imported(block) && block.value("file").is_some())
}

/// Whether a block is in a format that packages import.
fn is_imported(block: &Block) -> bool {
    matches!(block.language.as_str(), "yaml" | "json" | "csv" | "net" | "svc" | "pol")
}

fn unknown_words(block: &Block) -> Vec<String> {
    let known = |word: &str| match word.split_once('=') {
        Some((key, _)) => KEYS.contains(&key),
        None => KNOWN.contains(&word),
    };
    let unknown = block.words.iter().filter(|word| !known(word));
    unknown.map(|word| format!(":{}: `{word}` is no word of a block", block.line - 1)).collect()
}

fn new_case(section: &Section) -> Case {
    let manifest = Text { text: MANIFEST.to_owned(), lines: vec![section.line; 4], ..Text::default() };
    Case {
        title: section.title.clone(),
        line: section.line,
        manifest,
        now: NOW.to_owned(),
        ..Case::default()
    }
}

fn begin_step(package: &mut Case, fresh: Case) {
    if let Some(before) = package.before.take() {
        package.files = before;
    }
    package.title = fresh.title;
    package.line = fresh.line;
    package.fails = false;
    package.ignore_warnings = false;
    for text in package.files.values_mut() {
        text.earlier.append(&mut text.marks);
    }
}

fn add(case: &mut Case, block: &Block) {
    case.ignore_warnings |= block.has("ignore-warnings");
    case.fails |= block.has("fails");
    if let Some(now) = block.value("now") {
        now.clone_into(&mut case.now);
    }
    if block.language == "toml" {
        case.manifest = Text::default();
        case.manifest.add(block, "#");
        return;
    }
    if block.has("temporary") && case.before.is_none() {
        case.before = Some(case.files.clone());
    }
    let file = case.files.entry(block.value("file").unwrap_or(PLANT).to_owned()).or_default();
    if block.has("replace") {
        *file = Text::default();
    }
    file.add(block, if is_imported(block) { "#" } else { "//" });
}
