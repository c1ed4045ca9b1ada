//! The command line's shape.

use std::{net::IpAddr, path::PathBuf};

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use weir_emission::Target;
use weir_syntax::{
    Code, Severity,
    diagnostic::{codes, nearest},
};

use crate::{console::Color, render::Format};

/// Compiles reviewed zero-trust policies for industrial plants into what enforces them.
#[derive(Debug, Parser)]
#[command(name = "weir", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Print diagnostics and results only.
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    pub(crate) quiet: bool,
    /// When to colour; NO_COLOR is respected.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = EVERYWHERE)]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Above the options that every command has.
const EVERYWHERE: &str = "Options of every command";

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
    /// Say in Weir what other tools know: manifests, MUD files, inventories, Aerleon policies.
    Import {
        #[command(subcommand)]
        format: Importing,
    },
    /// Print the completion script of a shell.
    Completions {
        /// The shell to write it for.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder.
    Man {
        /// The folder to write; it is made, if it is not there.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// What is imported.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Importing {
    /// Manifests: workloads with their labels, service accounts and ports.
    Kubernetes {
        #[command(flatten)]
        common: ImportFiles,
        /// The cluster that the workloads are declared in.
        #[arg(long, value_name = "NAME", default_value = "cluster1")]
        cluster: String,
        /// The namespace of objects that say none; `default`, if not given.
        #[arg(long, value_name = "NAMESPACE")]
        namespace: Option<String>,
    },
    /// Manufacturer Usage Descriptions (RFC 8520): what devices need, by their makers.
    Mud {
        #[command(flatten)]
        common: ImportFiles,
        /// The network that the devices stand on.
        #[arg(long, value_name = "NAME", default_value = "local_network")]
        network: String,
        /// Who somebody is here: `urn:ietf:params:mud:dns=site_dns`, `local-networks=office_net`; may be given several times.
        /// `any` is `internet`, if not given.
        #[arg(long, value_name = "WHO=NAME", value_parser = binding)]
        bind: Vec<(String, String)>,
        /// The addresses of names, as in /etc/hosts: importing asks no name server.
        #[arg(long, value_name = "FILE")]
        hosts: Option<PathBuf>,
        /// Where a device stands: its file's name without the ending, and an address; given again, another address.
        #[arg(long, value_name = "DEVICE=ADDRESS", value_parser = place)]
        at: Vec<(String, IpAddr)>,
        /// The zone of what lies outside.
        #[arg(long, value_name = "ZONE")]
        outside: Option<String>,
        /// Say entries that ask for a source port without it, with a comment: it is wider than the description. They are left,
        /// if not given.
        #[arg(long)]
        any_source_port: bool,
    },
    /// Aerleon or Capirca: definitions (.net, .svc, YAML) and policies (.pol, YAML), together.
    Aerleon {
        #[command(flatten)]
        common: ImportFiles,
        /// What a network definition is here: `INTERNAL=plant_net`; may be given several times. `any` is who stands where a
        /// term names nobody.
        #[arg(long, value_name = "DEFINITION=NAME", value_parser = binding)]
        bind: Vec<(String, String)>,
        /// The zone of what lies outside.
        #[arg(long, value_name = "ZONE")]
        outside: Option<String>,
        /// Say terms that ask for a source port without it, with a comment: it is wider than the policy. They are left, if not
        /// given.
        #[arg(long)]
        any_source_port: bool,
    },
    /// Asset inventories: tables (CSV) and lists (JSON, YAML) of devices.
    Inventory {
        #[command(flatten)]
        common: ImportFiles,
        /// What columns and their values mean here: a file of YAML or JSON.
        #[arg(long, value_name = "FILE")]
        mapping: Option<PathBuf>,
    },
}

/// `DEVICE=ADDRESS`
fn place(text: &str) -> Result<(String, IpAddr), String> {
    let (device, address) = text.split_once('=').ok_or("write DEVICE=ADDRESS")?;
    let address = address.parse().map_err(|_| format!("`{address}` is no address"))?;
    Ok((device.into(), address))
}

/// `WHO=NAME`
fn binding(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((who, name)) if !who.is_empty() && weir_import::can_be_bound(name) => {
            Ok((who.into(), name.into()))
        }
        Some((_, name)) => Err(format!("`{name}` is no name in Weir")),
        None => Err("write WHO=NAME: who it is in the file, and the name it has in the package".into()),
    }
}

/// What every import is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImportFiles {
    /// Files, and folders with such files.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) paths: Vec<PathBuf>,
    /// The file to write; standard output, if not given. A file that is there stays.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the file to write.
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
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
    #[arg(long = "target", value_name = "TARGET", value_parser = target())]
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

/// How commands print what they found: for people, or for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    #[default]
    Text,
    Json,
}

fn target() -> impl TypedValueParser<Value = Target> {
    PossibleValuesParser::new(Target::ALL.map(Target::word))
        .try_map(|word| Target::ALL.into_iter().find(|target| target.word() == word).ok_or("not a target"))
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
