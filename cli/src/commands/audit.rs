//! `weir audit`: observed traffic against the policy; and what ends soon.

use std::{fs, io::Read as _, path::PathBuf};

use clap::Args;
use weir_review::{
    Subject, Table,
    audit::{Audit, audit, exceptions, read},
};

use super::check::now;
use crate::{
    arguments::ReportFormat, console::Console, failure::Failure, progress::Progress, render::text, subject,
};

#[derive(Clone, Debug, Args)]
#[command(
    after_help = "With `--check`, the exit code is 1 if something would be denied, is unknown or was not understood; with \
                        `--exceptions`, it is 1 if something ends within so many days, or has ended."
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
    /// Write the proposed rules here. Nothing applies them.
    #[arg(long, value_name = "FILE")]
    pub(crate) propose: Option<PathBuf>,
    /// List permissions that end within so many days, have ended, or are on trial.
    #[arg(long, value_name = "DAYS", conflicts_with_all = ["logs", "propose"])]
    pub(crate) exceptions: Option<u32>,
}

pub(crate) fn run(options: &Options, console: &Console) -> Result<(), Failure> {
    let progress = Progress::start(console, "reading");
    let subject = subject::from_folder(options.package.as_deref(), None, console)?;
    if let Some(days) = options.exceptions {
        drop(progress);
        return ending(&subject, days, options.format, console);
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
        logs.push(read(&shown, &bytes));
    }
    progress.stage("comparing");
    let found = audit(&subject, logs);
    drop(progress);
    if let Some(path) = &options.propose {
        fs::write(path, &found.proposal).map_err(|error| Failure::io("write", path, &error))?;
    }
    match options.format {
        ReportFormat::Json => json(&found, console)?,
        ReportFormat::Text => report(&found, options.propose.is_none(), console)?,
    }
    let fits = found.denied.is_empty() && found.unknown.is_empty() && found.not_understood == 0;
    if options.check && !fits { Err(Failure::Answer(1)) } else { Ok(()) }
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

fn ending(subject: &Subject, days: u32, format: ReportFormat, console: &Console) -> Result<(), Failure> {
    let found = exceptions(subject, now()?, days);
    let is_due = !found.ending.is_empty() || !found.ended.is_empty();
    if format == ReportFormat::Json {
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
        let mut table = Table::new(["rule"]);
        found.ended.iter().for_each(|one| table.row([one.clone()]));
        section(&mut out, "have ended, and are in no artifact", &table);
        let mut table = Table::new(["rule", "text"]);
        found.in_audit.iter().for_each(|rule| table.row([rule.place.to_string(), rule.text.clone()]));
        section(&mut out, "on trial (`mode = audit`)", &table);
        if out.is_empty() {
            out.push_str("nothing ends, and nothing is on trial\n");
        }
        console.stdout(out.trim_end_matches('\n'))?;
        console.stdout("\n")?;
    }
    if is_due { Err(Failure::Answer(1)) } else { Ok(()) }
}
