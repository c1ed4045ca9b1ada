//! Packages for the tests.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use weir_compiler::Sources;
use weir_ide::{Host, Ide};
use weir_syntax::FileId;

/// Every example's folder.
pub(crate) fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|one| one.path())
        .filter(|one| one.join("weir.toml").exists())
        .collect();
    all.sort();
    assert!(all.len() >= 3);
    all
}

pub(crate) fn sources(folder: &Path) -> Sources {
    weir_files::load::load(folder).sources
}

pub(crate) fn host_of(folder: &Path) -> Host {
    Host::new(sources(folder))
}

/// A package of these files; `$0` marks the place that is asked about, and is not part of the text.
pub(crate) fn package(files: &[(&str, &str)]) -> (Host, Option<(FileId, u32)>) {
    let mut place = None;
    let mut texts = Vec::new();
    for (path, text) in files {
        if let Some(at) = text.find("$0") {
            place = Some((*path, at as u32));
        }
        texts.push(((*path).to_owned(), text.replace("$0", "").into_bytes()));
    }
    let host =
        Host::new(Sources::new("[package]\nname = \"test\"\nversion = \"1\"\nedition = \"2026\"\n", texts));
    let place = place.map(|(path, at)| (host.ide().find(path).unwrap(), at));
    (host, place)
}

/// As [`package`], analyzed.
pub(crate) fn analyzed(files: &[(&str, &str)]) -> (Host, Option<(FileId, u32)>) {
    let (mut host, place) = package(files);
    analyze(&mut host);
    (host, place)
}

pub(crate) fn analyze(host: &mut Host) {
    let facts = host.ide().job().run(1_793_577_600, &|| true).unwrap();
    host.set_facts(facts.into());
}

/// The labels that completion offers at `$0` in one file.
pub(crate) fn completions(text: &str) -> Vec<String> {
    let (host, place) = package(&[("plant.weir", text)]);
    let (file, at) = place.unwrap();
    host.ide().complete(file, at).items.iter().map(|one| one.label.to_string()).collect()
}

/// The texts under some spans.
pub(crate) fn texts(ide: &Ide, places: impl IntoIterator<Item = (FileId, weir_syntax::Span)>) -> Vec<String> {
    places
        .into_iter()
        .map(|(file, span)| format!("{}:{}", ide.path(file).unwrap(), span.of(ide.text(file).unwrap())))
        .collect()
}
