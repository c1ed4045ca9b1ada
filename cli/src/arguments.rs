//! The command line's shape.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use weir_syntax::{
    Code, Severity,
    diagnostic::{codes, nearest},
};

use crate::{console::Color, emit::Target, render::Format};

/// Compiles reviewed zero-trust policies for industrial plants into what enforces them.
#[derive(Debug, Parser)]
#[command(name = "weir", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Print diagnostics and results only.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// When to colour; NO_COLOR is respected.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 fine; 1 diagnostics, differences, or a file that cannot be read or written; \
                          2 usage; 3 internal error (please report). `weir diff`: 0 nothing changes, 4 narrowed, 5 widened.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a package that builds, with comments that teach.
    New {
        /// The new folder; its last part is the package's name.
        name: PathBuf,
    },
    /// Check a package and print all diagnostics.
    Check(Checking),
    /// Check a package and write what enforces it.
    Build(Building),
    /// Prove a built tree, or what a host has loaded, against the package: find any drift.
    Verify(Verifying),
    /// Format source files in place.
    Fmt {
        /// Files and folders; the package around the current folder, if none is given.
        paths: Vec<PathBuf>,
        /// Change nothing: print what would change, and exit with 1 if anything would.
        #[arg(long)]
        check: bool,
    },
    /// Say what a change means: flows newly permitted and newly denied, with examples and causes.
    Diff(crate::commands::diff::Options),
    /// Explain a diagnostic, or why a flow is permitted or denied: `weir explain 'a -> b : modbus'`.
    Explain(crate::commands::explain::Options),
    /// Who reaches whom: `weir query who reaches trip_plc`.
    Query(crate::commands::query::Options),
    /// Draw the plant: zones, gateways and flows, as a page or as SVG.
    Graph(crate::commands::graph::Options),
    /// Hold observed traffic against the policy, or list what ends soon.
    Audit(crate::commands::audit::Options),
    /// Serve editors: the language server, on standard input and output.
    Lsp {
        /// Accepted, for clients that give it: there is no other way.
        #[arg(long, hide = true)]
        stdio: bool,
    },
    /// Print the completion script of a shell.
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder.
    Man {
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// Which package, and how strictly.
#[derive(Clone, Debug, Args)]
pub(crate) struct Checking {
    /// The package's folder; the nearest one with a weir.toml, from the current folder up, if not given.
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// How to print diagnostics: for people on standard error, for machines on standard output.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Fail on warnings, too.
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    /// Leave a warning out; may be given several times.
    #[arg(long, value_name = "CODE", value_parser = warning_code)]
    pub(crate) allow: Vec<&'static Code>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Building {
    #[command(flatten)]
    pub(crate) checking: Checking,
    /// The folder to write; `out` in the package's folder, if not given.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// Build only this target; may be given several times.
    #[arg(long = "target", value_name = "TARGET", value_enum)]
    pub(crate) targets: Vec<Target>,
    /// Write nothing, and fail if anything would change.
    #[arg(long)]
    pub(crate) locked: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Verifying {
    /// The built tree; `out` in the package's folder, if not given.
    #[arg(value_name = "TREE", conflicts_with = "live")]
    pub(crate) tree: Option<PathBuf>,
    /// The package's folder; the nearest one with a weir.toml, from the current folder up, if not given.
    #[arg(long, value_name = "DIR")]
    pub(crate) package: Option<PathBuf>,
    /// Verify what this host has loaded as the ruleset of this gateway, by `nft -j list ruleset`.
    #[arg(long, value_name = "GATEWAY")]
    pub(crate) live: Option<String>,
    /// Read the listing from a file, or from standard input (`-`), instead of asking `nft`.
    #[arg(long, value_name = "FILE", requires = "live")]
    pub(crate) listing: Option<PathBuf>,
}

fn warning_code(text: &str) -> Result<&'static Code, String> {
    let code = find_code(text)?;
    match code.severity {
        Severity::Warning => Ok(code),
        Severity::Error => Err(format!("{} is an error: only warnings can be allowed", code.id)),
    }
}

/// The code of this id, or what to say if there is none.
pub(crate) fn find_code(text: &str) -> Result<&'static Code, String> {
    codes::find(text).ok_or_else(|| {
        let near = nearest(text, codes::ALL.iter().map(|code| code.id));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        format!("there is no diagnostic `{text}`{hint}")
    })
}

/// The names that `--format` takes, for messages.
impl std::fmt::Display for Format {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        formatter.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}
