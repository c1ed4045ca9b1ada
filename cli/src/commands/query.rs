//! `weir query`: who reaches whom.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use weir_review::{
    Subject,
    query::{Answer, Data, Sides, answer, dot, parse, set_of_address},
};

use crate::{console::Console, failure::Failure, progress::Progress, render::text, subject};

#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Queries: who reaches X; what X reaches; paths A to B; blast X; top exposure. X is a set as in a \
                        policy (`Plc & cell_net`), or an address. The shell takes `>` for itself: quote `paths 'A ~> B'`."
)]
pub(crate) struct Options {
    /// `who reaches trip_plc`, `paths office to safety`.
    #[arg(required = true, value_name = "QUERY")]
    pub(crate) words: Vec<String>,
    /// The package's folder; the nearest one with a weir.toml, from the current folder up, if not given.
    #[arg(long, value_name = "DIR")]
    pub(crate) package: Option<PathBuf>,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Markdown,
    Json,
    /// Graphviz.
    Dot,
}

pub(crate) fn run(options: &Options, console: &Console) -> Result<(), Failure> {
    let words = options.words.join(" ");
    if words.contains(char::is_control) {
        return Err(Failure::usage("a query is one line"));
    }
    let query = parse(&words).map_err(Failure::usage)?;
    let asked = match query.sets.as_slice() {
        [] => None,
        // the question is about one side; the other is somebody who is always there
        [one] => {
            Some(subject::Question::new(&words).with("assert deny ").part(one).with(" -> internet : any\n"))
        }
        [one, two, ..] => {
            let first = subject::Question::new(&words).with("assert deny ").part(one);
            Some(first.with(" -> ").part(two).with(" : any\n"))
        }
    };
    let progress = Progress::start(console, "reading");
    let folder = options.package.as_deref();
    let subject = match &asked {
        None => subject::from_folder(folder, None, console)?,
        Some(asked) => subject::ask(folder, asked, console)?,
    };
    progress.stage("asking");
    let mut sides = Sides::default();
    if let Some(sets) = subject.asked.sets.first() {
        sides = Sides { first: sets.sources.clone(), second: sets.destinations.clone() };
    } else if asked.is_some() {
        return Err(Failure::usage(format!("`{}` names no set of principals", query.text)));
    }
    let mut places = [&mut sides.first, &mut sides.second];
    for (place, text) in places.iter_mut().zip(&query.sets) {
        if let Some(set) = set_of_address(&subject, text) {
            **place = set;
        }
        if place.is_empty() {
            return Err(Failure::usage(format!("nobody is `{text}`"))
                .with_help("no principal of the package has this name or address"));
        }
    }
    let found = answer(&subject, &query, &sides);
    drop(progress);
    print(&subject, &found, options.format, console)
}

fn print(subject: &Subject, found: &Answer, format: Format, console: &Console) -> Result<(), Failure> {
    match format {
        Format::Text => {
            let mut out = String::new();
            for section in &found.sections {
                out.push_str(&format!("{}\n", section.title));
                let table = section.table(subject);
                let table = if table.rows.is_empty() { "nobody\n".to_owned() } else { table.text() };
                for line in table.lines() {
                    out.push_str(&format!("  {}\n", text::visible(line)));
                }
                out.push('\n');
            }
            for note in &found.notes {
                out.push_str(&format!("note: {}\n", text::visible(note)));
            }
            console.stdout(&out)
        }
        Format::Markdown => {
            let mut out = String::new();
            for section in &found.sections {
                out.push_str(&format!("### {}\n\n{}\n", section.title, section.table(subject).markdown()));
            }
            for note in &found.notes {
                out.push_str(&format!("{note}\n\n"));
            }
            console.stdout(&out)
        }
        Format::Dot => match dot(found) {
            Some(text) => console.stdout(&text),
            None => Err(Failure::usage(format!("`{}` is a ranking, and no graph", found.query))
                .with_help("write `--format json`, or ask `who reaches X` about one of those it names")),
        },
        Format::Json => {
            let mut out = serde_json::to_string_pretty(&Data { subject, answer: found })
                .map_err(|error| Failure::Internal(format!("the answer cannot be printed: {error}")))?;
            out.push('\n');
            console.stdout(&out)
        }
    }
}
