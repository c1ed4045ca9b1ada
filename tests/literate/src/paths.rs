//! Where the book lies.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `book/src`.
pub fn book() -> PathBuf {
    root().join("book/src")
}

/// All files below a folder with this ending, by path from the folder, sorted.
pub fn files(folder: &Path, ending: &str) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                open.push((format!("{name}/"), entry.path()));
            } else if name.ends_with(ending) {
                found.push((name, entry.path()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether the files that are made from the compiler's tables shall be written, not compared: `UPDATE=1`.
pub fn updates() -> bool {
    std::env::var_os("UPDATE").is_some_and(|value| value == "1")
}

/// Compares a generated file with what it has to be; with `UPDATE=1` writes it.
pub fn same_or_update(path: &Path, expected: &str) -> Result<(), String> {
    let shown = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    if updates() {
        return fs::write(path, expected).map_err(|error| format!("{shown}: {error}"));
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    let lines = found.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
    if found == expected {
        return Ok(());
    }
    let line = lines.unwrap_or_else(|| found.lines().count().min(expected.lines().count()));
    Err(format!(
        "{shown}:{}: not what the compiler makes of it\n  - {}\n  + {}\n\
         run `UPDATE=1 cargo test --release -p weir-literate` and review the difference",
        line + 1,
        found.lines().nth(line).unwrap_or("(end)"),
        expected.lines().nth(line).unwrap_or("(end)"),
    ))
}
