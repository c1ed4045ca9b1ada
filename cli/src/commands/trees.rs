//! `weir diff` where a side is a tree that was built: files against files. A package is built for it, in memory.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use weir_review::{diff::Difference, trees};
use weir_targets::Manifest;

use super::{check, diff};
use crate::{console::Console, failure::Failure};

pub(super) fn compare(
    old: &str,
    new: Option<&str>,
    unified: bool,
    console: &Console,
) -> Result<Difference, Failure> {
    let here = PathBuf::from(new.filter(|new| !new.starts_with("git:")).unwrap_or("."));
    let (before, earlier) = files(Some(old), &here, console)?;
    let (after, later) = files(new, &here, console)?;
    let mut found = trees::difference((&before, &earlier), (&after, &later));
    for (label, tree) in [(&before, &earlier), (&after, &later)] {
        let version = tree.get(weir_targets::MANIFEST).and_then(|bytes| Manifest::parse(bytes));
        if let Some(manifest) = version.filter(|manifest| manifest.version != env!("CARGO_PKG_VERSION")) {
            found.notes.push(format!("`{label}` was built by weir {}", manifest.version));
        }
    }
    found.artifacts = Some(diff::compare_files(&earlier, &later, unified));
    Ok(found)
}

fn files(
    operand: Option<&str>,
    here: &Path,
    console: &Console,
) -> Result<(String, BTreeMap<String, Vec<u8>>), Failure> {
    if let Some(text) = operand.filter(|text| diff::is_tree(text)) {
        let mut files = BTreeMap::new();
        read(Path::new(text), "", &mut files)?;
        return Ok((text.to_owned(), files));
    }
    let subject = diff::operand(operand, here, console)?.at(check::now()?, None, console)?;
    match diff::built(&subject)? {
        Some(files) => Ok((subject.label.clone(), files)),
        None => Err(Failure::environment(format!(
            "`{}` cannot be built, and so not compared with a tree",
            subject.label
        ))
        .with_help("`weir check` says why")),
    }
}

fn read(folder: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(|error| Failure::io("read", folder, &error))? {
        let entry = entry.map_err(|error| Failure::io("read", folder, &error))?;
        let path = entry.path();
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type().map_err(|error| Failure::io("read", &path, &error))?.is_dir() {
            read(&path, &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read(&path).map_err(|error| Failure::io("read", &path, &error))?);
        }
    }
    Ok(())
}
