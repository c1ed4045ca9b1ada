//! `weir diff`: two versions, and what the change means.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use weir_compiler::package::MANIFEST;
use weir_review::{
    Subject,
    diff::{ArtifactChange, Difference, Verdict, difference, render},
    trees,
};

use super::check;
use crate::{
    console::Console,
    emit::{self, Sink},
    failure::Failure,
    load,
    progress::Progress,
    render::text,
    revision::{self, Revision},
    subject::{Asked, Package},
};

#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing that is permitted changes; 4 narrowed; 5 widened; 1, 2 and 3 as for all commands."
)]
pub(crate) struct Options {
    /// The earlier version: a package's folder, or `git:REVISION` (`git:REVISION:FOLDER`), or a tree that was built.
    pub(crate) old: String,
    /// The later version; the package around the current folder, if not given.
    pub(crate) new: Option<String>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Accept widening inside of what the `allow` lines of this file permit, or of `git:REVISION:PATH`, which a change cannot
    /// edit; may be given several times.
    #[arg(long, value_name = "ENVELOPE")]
    pub(crate) allow: Vec<String>,
    /// Show how the text of each artifact changes.
    #[arg(long)]
    pub(crate) unified: bool,
    /// Do not build the artifacts of both versions.
    #[arg(long, conflicts_with = "unified")]
    pub(crate) no_artifacts: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    /// For people at a terminal.
    Text,
    /// For a pull request.
    Markdown,
    /// For machines.
    Json,
    /// One page that needs no network.
    Html,
}

const NARROWED: u8 = 4;
const WIDENED: u8 = 5;

pub(crate) fn run(options: &Options, console: &Console) -> Result<(), Failure> {
    let progress = Progress::start(console, "reading");
    let envelopes = read_envelopes(&options.allow)?;
    let envelope = joined(&envelopes);
    let asked = envelope.as_ref().map(|(name, text)| Asked { name, text, is_of_another: false });
    let new = options.new.as_deref();
    let trees = (is_tree(&options.old), new.is_some_and(is_tree));
    let found = if trees.0 || trees.1 {
        if asked.is_some() {
            return Err(Failure::usage("`--allow` compares packages, and one of these is a built tree")
                .with_help("give the folder or revision that it was built from"));
        }
        super::trees::compare(&options.old, new, options.unified, console)?
    } else {
        // where no version is given, the earlier one is looked for beside the later one
        let here = match new {
            Some(new) if !new.starts_with("git:") => PathBuf::from(new),
            _ => PathBuf::from("."),
        };
        let now = check::now()?;
        let packages = [operand(Some(&options.old), &here, console)?, operand(new, &here, console)?];
        // its names have to mean the same there
        let elsewhere = asked.map(|asked| Asked { is_of_another: true, ..asked });
        let later = packages[1].at(now, asked, console)?;
        let earlier = packages[0].at(now, elsewhere, console)?;
        for subject in [&earlier, &later] {
            are_no_policy(&envelopes, subject)?;
        }
        progress.stage("comparing");
        let mut found = difference(&earlier, &later);
        let begins = [&earlier, &later].into_iter().flat_map(|subject| &subject.facts.pending);
        let begins: BTreeSet<i64> = begins.map(|one| one.from).collect();
        for time in begins {
            progress.stage("comparing what begins later");
            let then = difference(
                &packages[0].at(time, elsewhere, console)?,
                &packages[1].at(time, asked, console)?,
            );
            found.also_at(time, then);
        }
        if !options.no_artifacts {
            progress.stage("generating both");
            artifacts(&earlier, &later, options.unified, &mut found)?;
        }
        found
    };
    drop(progress);
    print(&found, options.format, console)?;
    match found.verdict {
        Verdict::Same => Ok(()),
        Verdict::Narrowed => Err(Failure::Answer(NARROWED)),
        Verdict::Widened => Err(Failure::Answer(WIDENED)),
    }
}

/// Whether an operand is a folder that Weir built.
pub(super) fn is_tree(operand: &str) -> bool {
    let manifest = Path::new(operand).join(weir_targets::MANIFEST);
    fs::read(manifest).is_ok_and(|bytes| weir_targets::Manifest::parse(&bytes).is_some())
}

/// One side as a package.
pub(super) fn operand(operand: Option<&str>, here: &Path, console: &Console) -> Result<Package, Failure> {
    let Some(text) = operand else { return Package::from_folder(None, console) };
    let Some(revision) = text.strip_prefix("git:") else {
        let path = Path::new(text);
        let was_built =
            [weir_targets::MANIFEST, weir_targets::CERTIFICATE].iter().any(|file| path.join(file).exists());
        if was_built && !path.join(MANIFEST).exists() {
            return Err(Failure::environment(format!(
                "`{text}` is no whole tree: its `{}` is missing, or cannot be read",
                weir_targets::MANIFEST
            ))
            .with_help("build it again"));
        }
        return Package::from_folder(Some(path), console);
    };
    let revision = Revision::parse(revision)?;
    let root = load::find(Some(here)).or_else(|_| load::find(None)).unwrap_or_else(|_| here.to_owned());
    Ok(Package::from_revision(text, revision.load(&root)?))
}

/// Each by the name that messages give it.
fn read_envelopes(operands: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let read = |operand: &String| {
        let text = match operand.strip_prefix("git:") {
            Some(place) => revision::text(place)?,
            None => {
                let path = Path::new(operand);
                fs::read_to_string(path).map_err(|error| Failure::io("read", path, &error))?
            }
        };
        Ok((operand.clone(), text))
    };
    operands.iter().map(read).collect()
}

/// As one text.
fn joined(envelopes: &[(String, String)]) -> Option<(String, String)> {
    let names: Vec<&str> = envelopes.iter().map(|(name, _)| name.as_str()).collect();
    let texts: Vec<&str> = envelopes.iter().map(|(_, text)| text.as_str()).collect();
    (!envelopes.is_empty()).then(|| (names.join(" + "), texts.join("\n")))
}

/// An envelope that lies in the package permits by itself, and would approve what it permits.
fn are_no_policy(envelopes: &[(String, String)], subject: &Subject) -> Result<(), Failure> {
    let file = |path: &str| path.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
    for (name, text) in envelopes {
        let is_it = |source: &&weir_compiler::package::Source| {
            !source.is_standard() && *source.text == **text && file(&source.path) == file(name)
        };
        // the last one is what was asked
        let files = subject.sources.files.split_last().map_or(&[][..], |(_, files)| files);
        if let Some(source) = files.iter().skip(1).find(is_it) {
            return Err(Failure::usage(format!(
                "`{}` is a part of the package `{}`: what it permits is in force, and approves itself",
                source.path, subject.label
            ))
            .with_help("keep envelopes where no policy is read: outside of the package's folder, or in a hidden one (`.ci/envelope.weir`)"));
        }
    }
    Ok(())
}

/// A tree in memory.
#[derive(Default)]
struct Kept(BTreeMap<String, Vec<u8>>);

impl Sink for Kept {
    fn take(&mut self, path: &str, contents: &[u8], _executable: bool) -> Result<(), Failure> {
        self.0.insert(path.to_owned(), contents.to_vec());
        Ok(())
    }
}

pub(super) fn built(subject: &Subject) -> Result<Option<BTreeMap<String, Vec<u8>>>, Failure> {
    let Some(plan) = &subject.plan else { return Ok(None) };
    let mut kept = Kept::default();
    let refused = emit::emit(plan, &subject.facts, &subject.sources, &[], &mut kept)?;
    Ok(refused.is_empty().then_some(kept.0))
}

/// What is built of a change that permits nothing more must not let more pass. Where it does, the comparison of the packages has
/// missed something, and what the artifacts say counts.
fn hold(before: &BTreeMap<String, Vec<u8>>, after: &BTreeMap<String, Vec<u8>>, found: &mut Difference) {
    if found.verdict == Verdict::Widened || !found.permitted.is_empty() {
        return;
    }
    let built = trees::difference((&found.before, before), (&found.after, after));
    if !built.permitted.is_empty() {
        found.notes.push(
            "what is newly permitted is said by addresses: it follows from what is built, and from no rule or name that changed".into(),
        );
        found.permitted = built.permitted;
        found.verdict = Verdict::Widened;
    }
}

fn artifacts(
    earlier: &Subject,
    later: &Subject,
    unified: bool,
    found: &mut Difference,
) -> Result<(), Failure> {
    match (built(earlier)?, built(later)?) {
        (Some(before), Some(after)) => {
            found.artifacts = Some(compare_files(&before, &after, unified));
            hold(&before, &after, found);
        }
        (before, _) => {
            let which = if before.is_none() { "earlier" } else { "later" };
            found.notes.push(format!("artifacts are not compared: the {which} version cannot be built"));
        }
    }
    Ok(())
}

/// What describes a tree changes with everything, and says nothing of its own.
fn is_description(path: &str) -> bool {
    [weir_targets::MANIFEST, weir_targets::CERTIFICATE, weir_targets::SOURCE_MAP, weir_targets::README]
        .contains(&path)
}

pub(super) fn compare_files(
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
    unified: bool,
) -> Vec<ArtifactChange> {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut changes = Vec::new();
    for path in paths.into_iter().filter(|path| !is_description(path)) {
        let (old, new) = (before.get(path), after.get(path));
        if old == new {
            continue;
        }
        let change = match (old, new) {
            (None, _) => "created",
            (_, None) => "removed",
            _ => "changed",
        };
        let text = |bytes: Option<&Vec<u8>>| {
            String::from_utf8_lossy(bytes.map_or(&[][..], Vec::as_slice)).into_owned()
        };
        let (old, new) = (text(old), text(new));
        let diff = similar::TextDiff::from_lines(&old, &new);
        let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
        let shown = unified.then(|| {
            diff.unified_diff()
                .context_radius(3)
                .header(&format!("a/{path}"), &format!("b/{path}"))
                .to_string()
        });
        changes.push(ArtifactChange {
            path: path.clone(),
            change,
            lines_added: count(similar::ChangeTag::Insert),
            lines_removed: count(similar::ChangeTag::Delete),
            unified: shown,
        });
    }
    changes
}

pub(super) fn print(found: &Difference, format: Format, console: &Console) -> Result<(), Failure> {
    match format {
        Format::Text => {
            let mut out = String::new();
            for line in render::text(found) {
                let shown = text::visible(&line.text);
                out.push_str(&console.paint(&shown, line.paint));
                out.push('\n');
            }
            console.stdout(&out)
        }
        Format::Markdown => console.stdout(&render::markdown(found)),
        Format::Html => console.stdout(&render::html(found)),
        Format::Json => {
            let mut text = serde_json::to_string_pretty(found)
                .map_err(|error| Failure::Internal(format!("the difference cannot be printed: {error}")))?;
            text.push('\n');
            console.stdout(&text)
        }
    }
}
