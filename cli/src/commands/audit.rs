//! `weir audit`: observed traffic against the policy; and what ends soon.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::Args;
use weir_review::{
    Subject, Table,
    audit::{Audit, audit, exceptions, read},
};

use super::check::now;
use crate::{
    arguments::ReportFormat,
    console::Console,
    failure::Failure,
    load,
    progress::Progress,
    render::text,
    subject,
    write::single::{self, Present},
};

#[derive(Clone, Debug, Args)]
#[command(
    after_help = "With `--check`, the exit code is 1 if something would be denied, is unknown or was not understood, or if \
                        there is no record at all; with `--exceptions`, it is 1 if something ends within so many days, or \
                        has ended."
)]
pub(crate) struct Options {
    /// Zeek's conn.log (tab-separated or JSON), lines of the kernel's log, or CSV; `-` is standard input.
    #[arg(value_name = "LOG", required_unless_present = "exceptions")]
    pub(crate) logs: Vec<PathBuf>,
    /// The package's folder; the nearest one with a weir.toml, from the current folder up, if not given.
    #[arg(long, value_name = "DIR")]
    pub(crate) package: Option<PathBuf>,
    /// How to print what was found.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,
    /// Fail if traffic and policy do not fit.
    #[arg(long)]
    pub(crate) check: bool,
    /// Write the proposed rules here, where they are no part of the package. Nothing applies them.
    #[arg(long, value_name = "FILE")]
    pub(crate) propose: Option<PathBuf>,
    /// Replace the file of a proposal that is there.
    #[arg(long, requires = "propose")]
    pub(crate) force: bool,
    /// List permissions that end within so many days, have ended, have not begun, or are on trial.
    #[arg(long, value_name = "DAYS", conflicts_with_all = ["logs", "propose"])]
    pub(crate) exceptions: Option<u32>,
    /// Fail as well if a permission is on trial (`mode = audit`).
    #[arg(long, requires = "exceptions")]
    pub(crate) no_trials: bool,
}

pub(crate) fn run(options: &Options, console: &Console) -> Result<(), Failure> {
    if let Some(path) = &options.propose {
        is_no_policy(path, options.package.as_deref())?;
        if path.exists() && !options.force {
            return Err(Failure::environment(format!("`{}` exists", path.display()))
                .with_help("choose another file, or replace it with `--force`"));
        }
    }
    let progress = Progress::start(console, "reading");
    let subject = subject::from_folder(options.package.as_deref(), None, console)?;
    if let Some(days) = options.exceptions {
        drop(progress);
        return ending(&subject, days, options, console);
    }
    let mut logs = Vec::new();
    for path in &options.logs {
        let shown = path.display().to_string();
        let bytes = if shown == "-" {
            let mut bytes = Vec::new();
            std::io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map_err(|error| Failure::io("read", path, &error))?;
            bytes
        } else {
            fs::read(path).map_err(|error| Failure::io("read", path, &error))?
        };
        if let Some(program) = compressed(&bytes) {
            return Err(Failure::environment(format!("`{shown}` is compressed"))
                .with_help(format!("unpack it: `{program} {shown} | weir audit -`")));
        }
        logs.push(read(&shown, &bytes));
    }
    progress.stage("comparing");
    let found = audit(&subject, logs);
    drop(progress);
    if let Some(path) = &options.propose {
        let present = if options.force { Present::Replace } else { Present::Keep };
        single::file(path, found.proposal.as_bytes(), present)?;
    }
    match options.format {
        ReportFormat::Json => json(&found, console)?,
        ReportFormat::Text => report(&found, options.propose.is_none(), console)?,
    }
    let fits = found.denied.is_empty()
        && found.unknown.is_empty()
        && found.undeclared.is_empty()
        && found.not_understood == 0
        && found.records > 0;
    if options.check && !fits { Err(Failure::Answer(1)) } else { Ok(()) }
}

/// Each file of policies in a package is in force.
fn is_no_policy(path: &Path, package: Option<&Path>) -> Result<(), Failure> {
    let Ok(root) = load::find(package) else { return Ok(()) }; // that is said when the package is read
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (Ok(root), Ok(folder)) = (fs::canonicalize(root), fs::canonicalize(folder)) else { return Ok(()) };
    let Ok(below) = folder.strip_prefix(&root) else { return Ok(()) };
    let is_hidden = below.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.'));
    if is_hidden || path.extension().is_none_or(|end| end != "weir") {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "`{}` would be a part of the package, and permit what it proposes",
        path.display()
    ))
    .with_help("write it outside of the package's folder, or under a name that does not end in `.weir`"))
}

/// What unpacks a file, by its first bytes.
fn compressed(bytes: &[u8]) -> Option<&'static str> {
    let programs: [(&[u8], &str); 4] = [
        (&[0x1f, 0x8b], "zcat"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstdcat"),
        (&[0xfd, b'7', b'z', b'X', b'Z'], "xzcat"),
        (b"BZh", "bzcat"),
    ];
    programs.into_iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, program)| program)
}

fn json(found: &impl serde::Serialize, console: &Console) -> Result<(), Failure> {
    let mut out = serde_json::to_string_pretty(found)
        .map_err(|error| Failure::Internal(format!("the report cannot be printed: {error}")))?;
    out.push('\n');
    console.stdout(&out)
}

fn section(out: &mut String, title: &str, table: &Table) {
    if !table.rows.is_empty() {
        out.push_str(&format!("{title}\n"));
        for line in table.text().lines() {
            out.push_str(&format!("  {}\n", text::visible(line)));
        }
        out.push('\n');
    }
}

fn report(found: &Audit, with_proposal: bool, console: &Console) -> Result<(), Failure> {
    let mut out = String::new();
    let mut table = Table::new(["source", "destination", "service", "seen", "for example", "deny"]);
    for one in &found.denied {
        table.row([
            one.source.clone(),
            one.destination.clone(),
            one.service.clone(),
            one.records.to_string(),
            one.example.clone(),
            one.deny.as_ref().map_or_else(String::new, |deny| deny.place.to_string()),
        ]);
    }
    section(&mut out, "would be denied", &table);
    let mut table = Table::new(["address", "seen"]);
    for one in &found.unknown {
        table.row([one.address.to_string(), one.records.to_string()]);
    }
    section(&mut out, "no principal has these addresses", &table);
    let mut table = Table::new(["address", "seen"]);
    for one in &found.undeclared {
        table.row([one.address.to_string(), one.records.to_string()]);
    }
    section(&mut out, "private addresses that nobody declares: they count as `internet`", &table);
    let mut table = Table::new(["rule", "text"]);
    for rule in &found.unused {
        table.row([rule.place.to_string(), rule.text.clone()]);
    }
    section(&mut out, "permitted, and not seen", &table);
    let mut table = Table::new(["line", "what is wrong"]);
    for one in &found.problems {
        table.row([format!("{}:{}", one.file, one.line), one.what.clone()]);
    }
    section(
        &mut out,
        &format!("not understood: {}", text::count(found.not_understood as usize, "line")),
        &table,
    );
    if with_proposal && !found.proposal.is_empty() {
        out.push_str("proposed, to be judged line by line:\n\n");
        for line in found.proposal.lines() {
            out.push_str(&format!("{}\n", text::visible(line)));
        }
        out.push('\n');
    }
    out.push_str(&format!(
        "{}: {} permitted, {} would be denied, {} of unknown addresses; {} turned around\n",
        text::count(found.records as usize, "record"),
        found.permitted,
        found.denied.iter().map(|one| one.records).sum::<u64>(),
        found.foreign,
        found.turned
    ));
    if found.skipped > 0 {
        let lines = text::count(found.skipped as usize, "line");
        out.push_str(&format!(
            "{lines} about something else than connections of TCP, UDP, SCTP or echo requests\n"
        ));
    }
    console.stdout(&out)
}

fn ending(subject: &Subject, days: u32, options: &Options, console: &Console) -> Result<(), Failure> {
    let found = exceptions(subject, now()?, days);
    let is_due = !found.ending.is_empty()
        || !found.ended.is_empty()
        || (options.no_trials && !found.in_audit.is_empty());
    if options.format == ReportFormat::Json {
        json(&found, console)?;
    } else {
        let mut out = String::new();
        for (title, list) in
            [(format!("end within {days} days"), &found.ending), ("end later".to_owned(), &found.later)]
        {
            let mut table = Table::new(["until", "days left", "rule", "text"]);
            for one in list {
                let rule = &one.rule;
                table.row([
                    one.until.clone(),
                    one.days.to_string(),
                    rule.place.to_string(),
                    rule.text.clone(),
                ]);
            }
            section(&mut out, &title, &table);
        }
        let mut table = Table::new(["from", "days left", "until", "rule", "text"]);
        for one in &found.beginning {
            table.row([
                one.from.clone(),
                one.days.to_string(),
                one.until.clone().unwrap_or_default(),
                one.place.to_string(),
                one.text.clone(),
            ]);
        }
        section(&mut out, "have not begun", &table);
        let mut table = Table::new(["rule"]);
        found.ended.iter().for_each(|one| table.row([one.clone()]));
        section(&mut out, "have ended, and are in no artifact", &table);
        let mut table = Table::new(["rule", "text"]);
        found.in_audit.iter().for_each(|rule| table.row([rule.place.to_string(), rule.text.clone()]));
        section(&mut out, "on trial (`mode = audit`)", &table);
        if out.is_empty() {
            out.push_str("nothing ends or begins, and nothing is on trial\n");
        }
        console.stdout(out.trim_end_matches('\n'))?;
        console.stdout("\n")?;
    }
    if is_due { Err(Failure::Answer(1)) } else { Ok(()) }
}
