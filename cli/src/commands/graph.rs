//! `weir graph`: the plant as a picture.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use weir_review::graph::{graph, page, svg};

use crate::{
    console::Console,
    failure::Failure,
    progress::Progress,
    subject,
    write::single::{self, Present},
};

#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The package's folder; the nearest one with a weir.toml, from the current folder up, if not given.
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// A page to search and click through, or the drawing alone; by the name of the output, if not given.
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// The file to write; standard output, if not given.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Html,
    Svg,
    Json,
}

pub(crate) fn run(options: &Options, console: &Console) -> Result<(), Failure> {
    let progress = Progress::start(console, "reading");
    // a picture does not show what is missing from it
    let subject = subject::without_errors(options.folder.as_deref(), console)?;
    progress.stage("drawing");
    let drawn = graph(&subject);
    drop(progress);
    let named = options.output.as_ref().and_then(|path| path.extension()).and_then(|end| end.to_str());
    let format = options.format.unwrap_or(match named {
        Some("svg") => Format::Svg,
        Some("json") => Format::Json,
        _ => Format::Html,
    });
    let internal =
        |error: serde_json::Error| Failure::Internal(format!("the drawing cannot be written: {error}"));
    let text = match format {
        Format::Html => page(&drawn).map_err(internal)?,
        Format::Svg => svg(&drawn),
        Format::Json => serde_json::to_string_pretty(&drawn).map_err(internal)? + "\n",
    };
    match &options.output {
        None => console.stdout(&text),
        Some(path) => {
            single::file(path, text.as_bytes(), Present::Replace)?;
            let nodes = drawn.nodes.len();
            console.status(
                "drawn",
                &format!(
                    "{} principals as {nodes}, {} connections: `{}`",
                    drawn.principals,
                    drawn.edges.len(),
                    path.display()
                ),
            );
            Ok(())
        }
    }
}
