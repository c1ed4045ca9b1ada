//! `weir build`.

use std::path::Path;

use super::check::Checked;
use crate::{
    arguments::Building,
    console::Console,
    emit,
    failure::Failure,
    progress::Progress,
    render::{Format, text},
    write::{Change, Changes, Publication},
};

pub(crate) fn run(options: &Building, console: &Console) -> Result<(), Failure> {
    let progress = Progress::start(console, "checking");
    let mut checked = Checked::new(&options.checking, "build", console)?;
    let out = options.output.clone().unwrap_or_else(|| plain(&checked.package.root).join("out"));
    progress.stage("generating and proving");
    let generated = generate(&mut checked, options, &out);
    drop(progress);
    if let Err(bug @ Failure::Internal(_)) = generated {
        return Err(bug);
    }
    checked.settle(console)?;
    let publication =
        generated?.ok_or_else(|| Failure::Internal("there are neither errors nor artifacts".into()))?;
    let changes = publication.finish()?;
    if options.locked {
        return locked(&changes, &out, console);
    }
    let plan = checked.analysis.plan.as_ref();
    let gateways = plan.map_or(0, |plan| plan.gateways.len());
    let clusters =
        plan.map_or(0, |plan| plan.clusters.iter().filter(|one| !one.namespaces.is_empty()).count());
    let mut points = text::count(gateways, "gateway");
    if clusters > 0 {
        points = format!("{points} and {}", text::count(clusters, "cluster"));
    }
    let summary = summary(&out, &points, &changes);
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

/// The files, ready to be put in place, unless there are errors; what a target cannot render becomes one.
fn generate(checked: &mut Checked, options: &Building, out: &Path) -> Result<Option<Publication>, Failure> {
    if checked.is_refused() {
        return Ok(None);
    }
    let Some(plan) = &checked.analysis.plan else {
        return Err(Failure::Internal("the analysis ended without an error and without a plan".into()));
    };
    let Some(facts) = &checked.analysis.facts else {
        return Err(Failure::Internal("there is a plan, and not what it was made from".into()));
    };
    let root = &checked.package.root;
    let mut publication =
        if options.locked { Publication::comparing(out, root)? } else { Publication::writing(out, root)? };
    let refused = emit::emit(plan, facts, &checked.package.sources, &options.targets, &mut publication)?;
    if refused.is_empty() {
        return Ok(Some(publication));
    }
    checked.add(refused);
    Ok(None)
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

fn summary(out: &Path, points: &str, changes: &Changes) -> String {
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
        text::count(changes.files(), "file"),
        points,
        counts.join(", ")
    )
}
