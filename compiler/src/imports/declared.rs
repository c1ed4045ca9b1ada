//! Inventories, MUD files and Aerleon policies that become declarations of the package, each at the place where it was read. They are parsed as if
//! they had been written: whatever holds for a declaration holds for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use weir_import::{
    Imported, Input, Inventory, Part, Vocabulary, aerleon,
    assets::{self, Mapping},
    mud,
};
use weir_syntax::{
    Diagnostic, FileId, Span,
    ast::{Block, Declaration, Entry, Expr, ExprKind, File, Item, ItemKind, Segment},
    diagnostic::codes,
    parse,
};

use super::{inputs_of, is_inside, path_attributes, plain, respan};
use crate::{Sources, package::Source};

/// Entries that are not said and that a diagnostic quotes.
const QUOTED: usize = 5;

/// What was made of imported files.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// By the imported file: its declarations, and the folder whose names they share.
    pub(crate) files: BTreeMap<FileId, (File, String)>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What is left out, for the certificate.
    pub(crate) assumptions: Vec<String>,
}

/// Reads what the package's declarations `import` of inventories, MUD files and Aerleon policies.
pub(crate) fn declarations(sources: &Sources, trees: &[&File]) -> Made {
    let mut made = Made::default();
    let mut vocabulary: Option<Vocabulary> = None;
    let mut taken: BTreeMap<FileId, (FileId, Span)> = BTreeMap::new();
    for (index, tree) in trees.iter().enumerate() {
        let by = FileId(index as u32);
        for item in &tree.items {
            match &item.kind {
                ItemKind::Declaration(declaration) if declaration.keyword.text == "import" => {
                    let Some(format) = format_of(declaration) else { continue };
                    let library = vocabulary.get_or_insert_with(|| library(sources));
                    one(sources, by, declaration, format, library, &mut taken, &mut made);
                }
                ItemKind::Template(template) => {
                    template.items.iter().for_each(|inner| within(inner, by, &mut made));
                }
                _ => {}
            }
        }
    }
    made
}

/// Whether it imports declarations, and in which format; other formats are not read here.
fn format_of(declaration: &Declaration) -> Option<&'static str> {
    let format = attribute(declaration, "format")?.as_word()?;
    ["inventory", "mud", "aerleon"].into_iter().find(|known| format.text == *known)
}

fn attribute<'d>(declaration: &'d Declaration, name: &str) -> Option<&'d Expr> {
    let mut all = declaration.body.iter().flat_map(Block::attributes);
    all.find(|attribute| attribute.name.text == name).map(|attribute| &attribute.value)
}

/// What it declares would be there once for each instance.
fn within(item: &Item, by: FileId, made: &mut Made) {
    if let ItemKind::Declaration(declaration) = &item.kind
        && declaration.keyword.text == "import"
        && format_of(declaration).is_some()
    {
        made.diagnostics.push(
            Diagnostic::new(&codes::E0211, "declarations cannot be imported into a template")
                .primary(by, declaration.name.span, "each instance would have them")
                .help("import them outside of it, and hand what the template needs in as parameters"),
        );
    }
}

fn library(sources: &Sources) -> Vocabulary {
    let files = sources.files.iter().filter(|source| source.is_standard());
    Vocabulary::new(files.map(|source| (source.path.as_str(), &*source.text)))
}

fn one(
    sources: &Sources,
    by: FileId,
    declaration: &Declaration,
    format: &'static str,
    vocabulary: &Vocabulary,
    taken: &mut BTreeMap<FileId, (FileId, Span)>,
    made: &mut Made,
) {
    // a path that leads nowhere is said with the others, where the declaration is checked
    let Some(path) = plain(declaration, "file").filter(|path| is_inside(path)) else { return };
    let aside: Vec<String> = beside(declaration).collect();
    let mut inputs: Vec<Input<'_>> = inputs_of(sources, &path, format).collect();
    inputs.retain(|input| !aside.iter().any(|path| path == input.path));
    if inputs.is_empty() {
        return;
    }
    for name in others(format) {
        if let Some(value) = attribute(declaration, name) {
            made.diagnostics.push(
                Diagnostic::new(
                    &codes::E0422,
                    format!("`{name}` says nothing about an import of format `{format}`"),
                )
                .primary(by, value.span, "not used")
                .help("leave it out"),
            );
            return;
        }
    }
    let named = |name: &str| -> Result<Option<Input<'_>>, Vec<Diagnostic>> {
        let Some(path) = plain(declaration, name) else { return Ok(None) };
        let found = Some(&path).filter(|path| is_inside(path)).and_then(|path| input(sources, path));
        found.map(Some).ok_or_else(|| {
            let span = attribute(declaration, name).map_or(declaration.name.span, |value| value.span);
            let wrong = Diagnostic::new(
                &codes::E0001,
                format!("`{path}` cannot be read: there is no such file in the package"),
            )
            .primary(by, span, "named here")
            .help("give the path from the package's folder, with `/`");
            vec![wrong]
        })
    };
    let imported = match format {
        "inventory" => named("mapping").and_then(|mapping| {
            let mapping =
                mapping.map_or_else(|| Ok(Mapping::default()), |input| Mapping::read(&input, vocabulary))?;
            Ok(assets::read(&inputs, &mapping, vocabulary))
        }),
        "aerleon" => bound(by, declaration).map(|bound| {
            let outside = outside(declaration);
            let outside = outside.as_deref();
            let options = aerleon::Options { bound: &bound, outside, any_source_port: false };
            aerleon::read(&inputs, &options, vocabulary)
        }),
        _ => named("hosts").and_then(|hosts| {
            let hosts: BTreeMap<String, Vec<IpAddr>> =
                hosts.map_or_else(|| Ok(BTreeMap::new()), |input| weir_import::hosts(&input))?;
            let (bound, outside) = (bound(by, declaration)?, outside(declaration));
            Ok(descriptions(&inputs, &bound, outside.as_deref(), &hosts, vocabulary))
        }),
    };
    let Imported { inventory, diagnostics, unknown } = match imported {
        Ok(imported) => imported,
        Err(mut wrong) => return made.diagnostics.append(&mut wrong),
    };
    if let Some((name, help)) = unknown.into_iter().next() {
        let span = attribute(declaration, "bind").map_or(declaration.name.span, |value| value.span);
        made.diagnostics.push(
            Diagnostic::new(
                &codes::E0422,
                format!("`{name}` is bound, and nothing of `{path}` is called so"),
            )
            .primary(by, span, "bound here")
            .help(help),
        );
        return;
    }
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity() == weir_syntax::Severity::Error);
    made.diagnostics.extend(diagnostics);
    if failed {
        return;
    }
    for input in &inputs {
        if let Some((file, span)) = taken.insert(input.file, (by, declaration.name.span)) {
            made.diagnostics.push(
                Diagnostic::new(&codes::E0201, format!("`{}` is imported twice", input.path))
                    .primary(by, declaration.name.span, "its declarations are there already")
                    .secondary(file, span, "imported here")
                    .help("import it once"),
            );
            return;
        }
    }
    left(by, declaration, format, &path, &inventory, made);
    let folder = sources.file(by).map(folder_of).unwrap_or_default();
    if let Err(wrong) = plant(&inventory, &inputs, &folder, made) {
        made.diagnostics.push(*wrong);
    }
}

/// Attributes that only other formats have.
fn others(format: &str) -> &'static [&'static str] {
    match format {
        "mud" => &["cluster", "namespace", "mapping"],
        "aerleon" => &["cluster", "namespace", "mapping", "hosts"],
        _ => &["cluster", "namespace", "bind", "hosts", "outside"],
    }
}

/// The file of this very path.
fn input<'s>(sources: &'s Sources, path: &str) -> Option<Input<'s>> {
    let file = *sources.imported.get(path)?;
    let source = sources.file(file)?;
    Some(Input { file, path: &source.path, text: &source.text })
}

fn folder_of(source: &Source) -> String {
    source.path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
}

/// Who somebody is here. What is bound is written into flows, so it has to be a name.
fn bound(by: FileId, declaration: &Declaration) -> Result<BTreeMap<String, String>, Vec<Diagnostic>> {
    let Some(ExprKind::Map(entries)) = attribute(declaration, "bind").map(|value| &value.kind) else {
        return Ok(BTreeMap::new()); // what it is instead is said where the declaration is checked
    };
    let mut bound = BTreeMap::new();
    let mut wrong = Vec::new();
    for entry in entries {
        let name = match &entry.value.kind {
            ExprKind::String(text) => text.as_plain(),
            _ => None,
        };
        match name.filter(|name| weir_import::can_be_bound(name)) {
            Some(name) => {
                bound.insert(entry.name.text.to_string(), name.to_owned());
            }
            None => wrong.push(
                Diagnostic::new(
                    &codes::E0422,
                    format!("`{}` is bound to what is no name in Weir", entry.name.text),
                )
                .primary(by, entry.value.span, "no name")
                .help("bind it to the name of one declaration: `\"plant_net\"`, `\"cells.plant_net\"`"),
            ),
        }
    }
    if wrong.is_empty() { Ok(bound) } else { Err(wrong) }
}

/// The zone of what lies outside.
fn outside(declaration: &Declaration) -> Option<String> {
    let ExprKind::Path(path) = &attribute(declaration, "outside")?.kind else { return None };
    let plain = |segment: &Segment| segment.index.is_none() && segment.arguments.is_none();
    let names: Vec<&str> = path.segments.iter().map(|segment| segment.name.text.as_str()).collect();
    path.segments.iter().all(plain).then(|| names.join("."))
}

fn descriptions(
    inputs: &[Input<'_>],
    bound: &BTreeMap<String, String>,
    outside: Option<&str>,
    hosts: &BTreeMap<String, Vec<IpAddr>>,
    vocabulary: &Vocabulary,
) -> Imported {
    let options = mud::Options {
        network: "local_network", // nobody stands on it: devices of the classes are declared in Weir
        bound,
        hosts,
        devices: &BTreeMap::new(),
        outside,
        any_source_port: false,
    };
    mud::read(inputs, &options, vocabulary)
}

/// What is not said is a warning until somebody says why it may stay so, and an assumption either way.
fn left(
    by: FileId,
    declaration: &Declaration,
    format: &str,
    path: &str,
    inventory: &Inventory,
    made: &mut Made,
) {
    let Some(first) = inventory.remainder.first() else { return };
    let number = inventory.remainder.len();
    let things = if number == 1 { "1 thing" } else { &format!("{number} things") };
    made.assumptions.push(format!("{format}: {things} that `{path}` says are not said in Weir"));
    if attribute(declaration, "accept_unsaid").is_some() {
        return;
    }
    let mut diagnostic =
        Diagnostic::new(&codes::W0224, format!("{things} that `{path}` says are not said in Weir"))
            .primary(first.place.file, first.place.span, "the first of them")
            .secondary(by, declaration.name.span, "imported here");
    for one in inventory.remainder.iter().take(QUOTED) {
        diagnostic = diagnostic.note(format!("{}: {}", one.what, one.why));
    }
    if number > QUOTED {
        diagnostic = diagnostic.note(format!("and {} more", number - QUOTED));
    }
    made.diagnostics.push(diagnostic.help(format!(
        "`weir import {format} {path}` lists all; say in Weir what is needed of them, and then why the rest may stay: `accept_unsaid = \"…\"`"
    )));
}

/// Makes trees of what was read, each part in the file that it came from.
fn plant(
    inventory: &Inventory,
    inputs: &[Input<'_>],
    folder: &str,
    made: &mut Made,
) -> Result<(), Box<Diagnostic>> {
    let uses = parse(&inventory.brought_in(), FileId(0)).file.items;
    let mut by_file: BTreeMap<FileId, Vec<Item>> =
        inputs.iter().map(|input| (input.file, Vec::new())).collect();
    for part in inventory.parts(inputs) {
        let mut parsed = parse(&part.text, part.place.file);
        if let Some(wrong) = parsed.diagnostics.first() {
            // a mistake of ours, and no reason to go on without the declaration
            let wrong =
                Diagnostic::new(&codes::E0415, format!("this cannot be said in Weir: {}", wrong.message))
                    .primary(part.place.file, part.place.span, "read here")
                    .help("`weir import` it into a file, and correct that; please report it");
            return Err(Box::new(wrong));
        }
        for item in &mut parsed.file.items {
            respan::item(item, part.place.span);
            place_flows(item, &part);
        }
        by_file.entry(part.place.file).or_default().append(&mut parsed.file.items);
    }
    for (file, items) in by_file {
        let named: BTreeSet<&str> = items.iter().flat_map(words).collect();
        let mut all = needed(&uses, &named);
        all.extend(items);
        made.files.insert(file, (File { items: all, documentation: String::new() }, folder.to_owned()));
    }
    Ok(())
}

/// Each flow of a policy at its own place.
fn place_flows(item: &mut Item, part: &Part) {
    let ItemKind::Declaration(declaration) = &mut item.kind else { return };
    let flows =
        declaration.body.iter_mut().flat_map(|body| &mut body.entries).filter_map(|entry| match entry {
            Entry::Flow(flow) => Some(flow),
            _ => None,
        });
    for (flow, place) in flows.zip(&part.flows) {
        respan::item(flow, place.span);
    }
}

/// The words of a declaration that the library may have to explain: its class, and what it serves.
fn words(item: &Item) -> Vec<&str> {
    let ItemKind::Declaration(declaration) = &item.kind else { return Vec::new() };
    let mut words: Vec<&str> =
        declaration.class.iter().filter_map(Expr::as_word).map(|word| word.text.as_str()).collect();
    let served = declaration.body.iter().flat_map(Block::attributes).filter(|one| one.name.text == "serves");
    for attribute in served {
        let ExprKind::List(list) = &attribute.value.kind else { continue };
        for one in list {
            let protocol = if let ExprKind::On(protocol, _) = &one.kind { protocol } else { one };
            words.extend(protocol.as_word().map(|word| word.text.as_str()));
        }
    }
    words
}

/// Of the lines with `use`, what one file's declarations name: each file brings in its own.
fn needed(uses: &[Item], named: &BTreeSet<&str>) -> Vec<Item> {
    let mut needed = Vec::new();
    for item in uses {
        let ItemKind::Use(brought) = &item.kind else { continue };
        let mut brought = brought.clone();
        brought
            .imports
            .retain(|import| import.local().is_some_and(|name| named.contains(name.text.as_str())));
        if !brought.imports.is_empty() {
            let mut item = Item { kind: ItemKind::Use(brought), ..item.clone() };
            respan::item(&mut item, Span::default());
            needed.push(item);
        }
    }
    needed
}

/// The files beside the imported ones that a declaration names.
pub(super) fn beside(declaration: &Declaration) -> impl Iterator<Item = String> {
    path_attributes(declaration, &["mapping", "hosts"])
}
