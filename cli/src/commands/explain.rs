//! `weir explain`: a diagnostic, or a flow.

use std::{fmt::Write as _, net::IpAddr, path::PathBuf};

use clap::Args;
use include_dir::{Dir, include_dir};
use weir_compiler::model::Service;
use weir_review::explain::{self, Question, explain, no_packet, principals_at};
use weir_syntax::{Code, diagnostic::codes};

use super::diff;
use crate::{
    arguments::{ReportFormat, find_code},
    console::Console,
    failure::Failure,
    progress::Progress,
    render::text,
    subject,
};

/// The book's pages, shipped inside of the binary.
static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../book/src/diagnostics");

#[derive(Clone, Debug, Args)]
#[command(after_help = "The shell takes `>` for itself: write the flow in quotes, or `to` for `->`.")]
pub(crate) struct Options {
    /// A code as printed (`E0202`), or a flow: `'voter -> trip_plc : modbus.write'`, `10.1.2.3 to 10.4.5.6 : tcp/502`.
    #[arg(value_name = "CODE | FLOW")]
    pub(crate) words: Vec<String>,
    /// Of a flow: the package's folder; the nearest one with a weir.toml, from the current folder up, if not given.
    #[arg(long, value_name = "DIR")]
    pub(crate) package: Option<PathBuf>,
    /// Of a flow: how to print the explanation.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,
    /// Of a flow: do not look for the artifacts' lines.
    #[arg(long)]
    pub(crate) no_artifacts: bool,
}

pub(crate) fn run(options: &Options, console: &Console) -> Result<(), Failure> {
    match options.words.as_slice() {
        [] => console.stdout(&list()),
        [code] if !code.contains(char::is_whitespace) && !code.contains("->") => {
            let code = find_code(code).map_err(|message| {
                Failure::usage(message).with_help(
                    "`weir explain` without a code lists all; a flow is written `'SOURCE -> DESTINATION : SERVICE'`",
                )
            })?;
            console.stdout(&page(code))
        }
        words => flow(&words.join(" "), options, console),
    }
}

/// The parts of `A -> B : SERVICE`; without a service, any.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (source, rest) = text.split_once("->").or_else(|| text.split_once(" to "))?;
    // an IPv6 address has colons of its own, and none with a space before it
    let (destination, service) =
        rest.split_once(" : ").or_else(|| rest.split_once(" :")).unwrap_or((rest, "any"));
    let parts = (source.trim(), destination.trim(), service.trim());
    (!parts.0.is_empty() && !parts.1.is_empty() && !parts.2.is_empty()).then_some(parts)
}

fn flow(text: &str, options: &Options, console: &Console) -> Result<(), Failure> {
    if text.contains(char::is_control) {
        return Err(Failure::usage("a flow is one line"));
    }
    let Some((source, destination, service)) = parts(text) else {
        return Err(Failure::usage(format!("`{text}` is neither a code nor a flow"))
            .with_help("write `weir explain 'SOURCE -> DESTINATION : SERVICE'`"));
    };
    let address = |text: &str| text.parse::<IpAddr>().ok();
    let asked = subject::Question::new(text).with("assert deny ").part(source).with(" -> ").part(destination);
    let asked = asked.with(" : ").part(service).with("\n");
    let progress = Progress::start(console, "reading");
    let subject = subject::ask(options.package.as_deref(), &asked, console)?;
    let Some(sets) = subject.asked.sets.first().cloned() else {
        return Err(Failure::usage(format!("`{text}` does not say who and what")));
    };
    let mut question = Question {
        text: format!("{source} -> {destination} : {service}"),
        sources: sets.sources,
        destinations: sets.destinations,
        services: sets.services.unwrap_or_else(|| vec![Service::Any]),
        addresses: [address(source), address(destination)],
        notes: Vec::new(),
    };
    for (text, is_source) in [(source, true), (destination, false)] {
        let Some(at) = address(text) else { continue };
        let found = principals_at(&subject, at);
        if found.is_empty() {
            return Err(Failure::usage(format!("nobody has the address {at}")).with_help(
                "it lies in a network of the package, and no device there has it: declare the device, or mend its address",
            ));
        }
        question.notes.push(format!("{at} is `{}`", subject.naming().describe(subject.model(), &found)));
        if is_source {
            question.sources = found.into();
        } else {
            question.destinations = found.into();
        }
    }
    if let Some((message, help)) = no_packet(&subject, &question) {
        return Err(Failure::usage(message).with_help(help));
    }
    progress.stage("generating");
    let files = if options.no_artifacts { None } else { diff::built(&subject)? };
    let explanation = explain(&subject, &question, files.as_ref());
    drop(progress);
    match options.format {
        ReportFormat::Text => {
            let mut out = String::new();
            for line in explain::text(&explanation) {
                out.push_str(&console.paint(&text::visible(&line.text), line.paint));
                out.push('\n');
            }
            console.stdout(&out)
        }
        ReportFormat::Json => {
            let mut out = serde_json::to_string_pretty(&explanation)
                .map_err(|error| Failure::Internal(format!("the explanation cannot be printed: {error}")))?;
            out.push('\n');
            console.stdout(&out)
        }
    }
}

/// The page of a code, in Markdown.
pub(crate) fn page(code: &Code) -> String {
    let page = PAGES.get_file(format!("{}.md", code.id)).and_then(|file| file.contents_utf8());
    match page {
        Some(page) => format!("{}\n", page.trim_end()),
        None => format!("# {}: {}\n", code.id, code.title),
    }
}

fn list() -> String {
    let mut out = String::new();
    for code in codes::ALL {
        // Writing into a String does not fail.
        let _ = writeln!(out, "{}  {}", code.id, code.title);
    }
    out
}
