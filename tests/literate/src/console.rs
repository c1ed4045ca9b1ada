//! Runs what a page has its reader type, in a scratch folder.
//!
//! A page with a block ```` ```console ```` is followed from its top to its end: blocks of policy (and of manifests and tables)
//! are written to their files below the folder in which the shell stands, as the page's reader would, and the lines
//! of a console that start with `$ ` are given to a shell, in order. What a command prints has to stand below it, both
//! streams together. A line `...` stands for any number of lines.
//!
//! A command that fails has to print something: what fails without a word would go unseen here.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use crate::{
    document::{Block, Document},
    marks::marks,
};

/// Whether a page is followed.
pub fn has_consoles(document: &Document) -> bool {
    blocks(document).any(is_console)
}

fn blocks(document: &Document) -> impl Iterator<Item = &Block> {
    document.sections.iter().flat_map(|section| &section.blocks)
}

fn is_console(block: &Block) -> bool {
    block.language == "console"
}

/// The shell of one page.
#[derive(Debug)]
pub struct Shell<'s> {
    /// Empty at the page's start, and all that its reader has.
    pub scratch: &'s Path,
    /// The folder that holds `weir`.
    pub binaries: &'s Path,
    /// The repository, for pages that start in it: `weir` in the scratch folder.
    pub repository: &'s Path,
}

/// A console as it was run: where it stands in the page, and what it shows now.
#[derive(Debug)]
pub struct Shown {
    pub block_line: usize,
    pub lines: usize,
    pub text: String,
    /// What differs, with its line.
    pub wrong: Vec<(usize, String)>,
}

/// Follows a page.
pub fn run(document: &Document, shell: &Shell<'_>) -> Result<Vec<Shown>, String> {
    let home = shell.scratch.join("home");
    let work = shell.scratch.join("work");
    for folder in [&home, &work] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let git =
        "[user]\n\tname = R. Reader\n\temail = r.reader@water.example\n[init]\n\tdefaultBranch = main\n";
    fs::write(home.join(".gitconfig"), git).map_err(|error| error.to_string())?;
    let mut here = work;
    let mut status = 0;
    let mut shown = Vec::new();
    for block in blocks(document) {
        if is_console(block) {
            let mut console = Shown {
                block_line: block.line,
                lines: block.text.lines().count(),
                text: String::new(),
                wrong: Vec::new(),
            };
            for step in steps(block) {
                let printed = type_in(shell, &home, &mut here, &mut status, &step.command)?;
                let _ = writeln!(console.text, "$ {}", step.command);
                if status != 0 && printed.is_empty() {
                    console
                        .wrong
                        .push((step.line, format!("`{}` ended with {status}, and no word", step.command)));
                }
                match fits(&step.output, &printed.lines().collect::<Vec<_>>()) {
                    Ok(()) => console.text.extend(step.output.iter().flat_map(|line| [line, "\n"])),
                    Err(index) => {
                        console.text.push_str(&printed);
                        let line = step.line + 1 + index;
                        let expected = step.output.get(index).copied().unwrap_or("(nothing)");
                        console.wrong.push((
                            line,
                            format!("`{}` does not print\n    {expected}\n  but\n{printed}", step.command),
                        ));
                    }
                }
            }
            shown.push(console);
        } else if let Some(path) = file(block) {
            write(block, &here.join(path))
                .map_err(|error| format!("line {}: {path}: {error}", block.line))?;
        }
    }
    Ok(shown)
}

/// The file that a block is, if it is one.
fn file(block: &Block) -> Option<&str> {
    match block.language.as_str() {
        "weir" if block.value("package").is_some() => Some(block.value("file").unwrap_or("plant.weir")),
        "weir" | "toml" | "yaml" | "json" | "csv" | "net" | "svc" | "pol" => block.value("file"),
        _ => None,
    }
}

/// Writes a block as a reader would: without the marks, and with an empty line before what is added.
fn write(block: &Block, path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut text =
        if block.has("replace") { String::new() } else { fs::read_to_string(path).unwrap_or_default() };
    if !text.is_empty() {
        text.push('\n');
    }
    let comment = if block.language == "weir" { "//" } else { "#" };
    for line in block.text.lines() {
        let plain = match line.rfind(comment) {
            Some(at) if !marks(&line[at..], comment).is_empty() => line[..at].trim_end(),
            _ => line,
        };
        text.push_str(plain);
        text.push('\n');
    }
    fs::write(path, text)
}

/// A command, the line of the page that it stands in, and what the page shows below it.
struct Step<'b> {
    line: usize,
    command: String,
    output: Vec<&'b str>,
}

fn steps(block: &Block) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for (index, line) in block.text.lines().enumerate() {
        let open = steps.last_mut();
        match (line.strip_prefix("$ "), open) {
            (Some(command), _) => {
                steps.push(Step {
                    line: block.line + index,
                    command: command.to_owned(),
                    output: Vec::new(),
                });
            }
            (None, Some(step)) if step.output.is_empty() && step.command.ends_with('\\') => {
                step.command.push('\n');
                step.command.push_str(line);
                step.line += 1;
            }
            (None, Some(step)) => step.output.push(line),
            (None, None) => {}
        }
    }
    steps
}

/// Runs one line as a terminal would, and returns what it prints. The folder and `$?` last from one to the next.
fn type_in(
    shell: &Shell<'_>,
    home: &Path,
    here: &mut std::path::PathBuf,
    status: &mut i32,
    command: &str,
) -> Result<String, String> {
    let state = home.join(".state");
    let script = format!(
        "exec 2>&1\n(exit {status})\n{command}\nweir_status=$?\npwd >\"$WEIR_STATE\"\nexit $weir_status\n"
    );
    let inherited = std::env::var("PATH").unwrap_or_default();
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "-c", &script]).current_dir(&*here).env_clear();
    bash.env("PATH", format!("{}:{inherited}", shell.binaries.display()))
        .env("HOME", home)
        .env("WEIR_STATE", &state)
        .env("REPOSITORY", shell.repository)
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_DATE", "2026-11-22T12:00:00Z")
        .env("GIT_COMMITTER_DATE", "2026-11-22T12:00:00Z")
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env("TERM", "dumb");
    let output = bash.output().map_err(|error| format!("cannot run bash: {error}"))?;
    *status = output.status.code().unwrap_or(-1);
    if let Ok(folder) = fs::read_to_string(&state) {
        *here = folder.trim_end_matches('\n').into();
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let lines = printed.lines().map(|line| format!("{}\n", line.trim_end()));
    Ok(lines.collect())
}

/// Whether what was printed is what is expected, `...` standing for any lines; else the first expected line that is not found.
fn fits(expected: &[&str], printed: &[&str]) -> Result<(), usize> {
    let mut at = 0;
    let mut skips = false;
    for (index, line) in expected.iter().enumerate() {
        if *line == "..." {
            skips = true;
            continue;
        }
        let rest = &printed[at..];
        let found = if skips {
            rest.iter().position(|other| other == line)
        } else {
            (rest.first() == Some(line)).then_some(0)
        };
        at += found.ok_or(index)? + 1;
        skips = false;
    }
    if skips || at == printed.len() { Ok(()) } else { Err(expected.len()) }
}

/// The page with its consoles as they were run.
pub fn updated(page: &str, shown: &[Shown]) -> String {
    let mut lines: Vec<&str> = page.lines().collect();
    for console in shown.iter().rev() {
        let start = console.block_line - 1;
        lines.splice(start..start + console.lines, console.text.lines());
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_stand_for_any_lines() {
        assert_eq!(fits(&["a", "...", "d"], &["a", "b", "c", "d"]), Ok(()));
        assert_eq!(fits(&["a", "..."], &["a"]), Ok(()));
        assert_eq!(fits(&["a", "...", "x"], &["a", "b"]), Err(2));
        assert_eq!(fits(&["a"], &["a", "b"]), Err(1));
        assert_eq!(fits(&[], &[]), Ok(()));
    }
}
