//! `weir build`.

use std::path::Path;

use weir_targets::OutputTree;

use super::check::Checked;
use crate::{
    arguments::Building,
    console::Console,
    emit,
    failure::Failure,
    progress::Progress,
    render::{Format, text},
    write::{self, Change, Changes},
};

pub(crate) fn run(options: &Building, console: &Console) -> Result<(), Failure> {
    let progress = Progress::start(console, "checking");
    let mut checked = Checked::new(&options.checking, "build", console)?;
    progress.stage("generating and proving");
    let tree = generate(&mut checked, options)?;
    drop(progress);
    checked.settle(console)?;
    let tree = tree.ok_or_else(|| Failure::Internal("there are neither errors nor artifacts".into()))?;
    let out = options.output.clone().unwrap_or_else(|| plain(&checked.package.root).join("out"));
    let root = &checked.package.root;
    if options.locked {
        return locked(&write::compare(&out, root, &tree)?, &out, console);
    }
    let progress = Progress::start(console, "writing");
    let changes = write::publish(&out, root, &tree)?;
    drop(progress);
    let gateways = checked.analysis.plan.as_ref().map_or(0, |plan| plan.gateways.len());
    let summary = summary(&out, &tree, gateways, &changes);
    match options.checking.format {
        Format::Human => console.summary(&summary),
        // Standard output is for the machine that reads the diagnostics.
        _ => {
            console.status("built", summary.trim_end());
            Ok(())
        }
    }
}

/// Without a leading `./`, for messages.
fn plain(folder: &Path) -> &Path {
    folder.strip_prefix(".").unwrap_or(folder)
}

/// The tree, unless there are errors; what a target cannot render becomes one.
fn generate(checked: &mut Checked, options: &Building) -> Result<Option<OutputTree>, Failure> {
    if checked.is_refused() {
        return Ok(None);
    }
    let Some(plan) = &checked.analysis.plan else {
        return Err(Failure::Internal("the analysis ended without an error and without a plan".into()));
    };
    let Some(facts) = &checked.analysis.facts else {
        return Err(Failure::Internal("there is a plan, and not what it was made from".into()));
    };
    match emit::emit(plan, facts, &checked.package.sources, &options.targets)? {
        Ok(tree) => Ok(Some(tree)),
        Err(diagnostics) => {
            checked.add(diagnostics);
            Ok(None)
        }
    }
}

fn locked(changes: &Changes, out: &Path, console: &Console) -> Result<(), Failure> {
    if changes.is_empty() {
        console.status("fine", &format!("`{}` is up to date", out.display()));
        return Ok(());
    }
    for (path, change) in changes.differences() {
        let word = match change {
            Change::Created => "missing",
            Change::Updated => "differs",
            Change::Removed => "no longer built",
            Change::Unchanged => continue,
        };
        console.stderr(&format!("{word}: {}\n", text::visible(path)));
    }
    console.error(
        &format!("`{}` is not up to date", out.display()),
        Some("build without `--locked`, and review the difference"),
    );
    Err(Failure::Reported)
}

fn summary(out: &Path, tree: &OutputTree, gateways: usize, changes: &Changes) -> String {
    let counts: Vec<String> = [
        (Change::Created, "created"),
        (Change::Updated, "updated"),
        (Change::Unchanged, "unchanged"),
        (Change::Removed, "removed"),
    ]
    .into_iter()
    .map(|(change, word)| (changes.count(change), word))
    .filter(|(number, _)| *number > 0)
    .map(|(number, word)| format!("{number} {word}"))
    .collect();
    format!(
        "{}: {} for {} ({})\n",
        text::visible(&out.display().to_string()),
        text::count(tree.files.len(), "file"),
        text::count(gateways, "gateway"),
        counts.join(", ")
    )
}
