//! Pages that list the diagnostics, from the table of codes.

use std::fmt::Write as _;

use weir_syntax::diagnostic::codes;

const GROUPS: &[(&str, &str)] = &[
    ("E00", "Files and manifest"),
    ("E01", "Text"),
    ("E02", "Names and declarations"),
    ("E03", "Values"),
    ("E04", "Topology and imports"),
    ("E05", "Flows"),
    ("E06", "Enforcement"),
    ("E070", "Assertions"),
    ("E071", "5G: slices and subscriptions"),
    ("E072", "5G: quality of service and functions"),
    ("W02", "Warnings: names and imports"),
    ("W05", "Warnings: rules"),
    ("W06", "Warnings: enforcement"),
    ("W070", "Warnings: assertions"),
    ("W071", "Warnings: 5G"),
];

/// `book/src/diagnostics/index.md`.
pub fn index() -> String {
    let mut out = String::from(
        "# Diagnostics\n\nA code keeps its meaning for ever. `E` is an error: nothing is written. `W` is a warning: `weir check --deny-warnings`\nfails on it too, `--allow CODE` leaves it out. `weir explain CODE` prints the page of a code in the terminal.\n",
    );
    for (prefix, title) in GROUPS {
        let _ = write!(out, "\n## {title}\n\n| code | says |\n| --- | --- |\n");
        for code in codes::ALL.iter().filter(|code| code.id.starts_with(prefix)) {
            let _ = writeln!(out, "| [{0}]({0}.md) | {1} |", code.id, code.title);
        }
    }
    out
}

/// The entries of `SUMMARY.md` below the index of diagnostics.
pub fn summary() -> String {
    let mut out = String::new();
    for code in codes::ALL {
        let _ = writeln!(out, "  - [{0}: {1}](diagnostics/{0}.md)", code.id, code.title);
    }
    out
}

/// The heading of a code's page.
pub fn heading(code: &codes::Code) -> String {
    format!("# {}: {}", code.id, code.title)
}

/// Codes that the groups of the index leave out.
pub fn without_group() -> Vec<&'static str> {
    let listed = |id: &str| GROUPS.iter().any(|(prefix, _)| id.starts_with(prefix));
    codes::ALL.iter().map(|code| code.id).filter(|id| !listed(id)).collect()
}
