//! `weir import`.

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use weir_compiler::{Sources, imports::endings, package::Source};
use weir_import::{
    Imported, Input, Vocabulary, aerleon,
    assets::{self, Mapping},
    kubernetes, mud,
};
use weir_syntax::{Diagnostic, FileId, Severity, Span, diagnostic::codes};

use crate::{
    arguments::{ImportFiles, Importing},
    console::Console,
    failure::Failure,
    load,
    render::{Format, Report, text},
    walk::{self, Nested},
    write::single::{self, Present},
};

pub(crate) fn run(format: &Importing, console: &Console) -> Result<(), Failure> {
    match format {
        Importing::Kubernetes { common, cluster, namespace } => {
            name(cluster)?;
            let files = Files::read(&common.paths, endings("kubernetes"));
            let inputs = files.inputs();
            let (manifests, mut diagnostics) = kubernetes::read(&inputs, namespace.as_deref());
            diagnostics.extend(kubernetes::twice(&manifests));
            let options = kubernetes::Options { cluster };
            let inventory = kubernetes::inventory(&manifests, &options, &vocabulary());
            let findings = manifests.pods.iter().flat_map(|pods| kubernetes::posture(pods, false));
            diagnostics.extend(findings.map(|finding| finding.diagnostic()));
            finish(Imported { inventory, diagnostics, ..Imported::default() }, &files, common, console)
        }
        Importing::Mud { common, network, bind, hosts, at, outside, any_source_port } => {
            name(network)?;
            outside.iter().try_for_each(|zone| name(zone))?;
            let mut files = Files::read(&common.paths, endings("mud"));
            let number = files.sources.len();
            if let Some(path) = hosts {
                files.add(path);
            }
            let inputs = files.inputs();
            let (descriptions, hosts) = inputs.split_at(number);
            let mut devices: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
            for (device, address) in at {
                devices.entry(device.clone()).or_default().push(*address);
            }
            let bound = bind.iter().cloned().collect();
            let imported = match hosts.first().map_or_else(|| Ok(BTreeMap::new()), weir_import::hosts) {
                Ok(hosts) => {
                    let outside = outside.as_deref();
                    let options = mud::Options {
                        network,
                        bound: &bound,
                        hosts: &hosts,
                        devices: &devices,
                        outside,
                        any_source_port: *any_source_port,
                    };
                    mud::read(descriptions, &options, &vocabulary())
                }
                Err(diagnostics) => Imported { diagnostics, ..Imported::default() },
            };
            finish(imported, &files, common, console)
        }
        Importing::Aerleon { common, bind, outside, any_source_port } => {
            outside.iter().try_for_each(|zone| name(zone))?;
            let files = Files::read(&common.paths, endings("aerleon"));
            let bound = bind.iter().cloned().collect();
            let options = aerleon::Options {
                bound: &bound,
                outside: outside.as_deref(),
                any_source_port: *any_source_port,
            };
            let imported = aerleon::read(&files.inputs(), &options, &vocabulary());
            finish(imported, &files, common, console)
        }
        Importing::Inventory { common, mapping } => {
            let mut files = Files::read(&common.paths, endings("inventory"));
            let number = files.sources.len();
            if let Some(path) = mapping {
                files.add(path);
            }
            let vocabulary = vocabulary();
            let inputs = files.inputs();
            let (inventories, mappings) = inputs.split_at(number);
            let mapping = match mappings {
                [input, ..] => Mapping::read(input, &vocabulary),
                [] => Ok(Mapping::default()),
            };
            let imported = match mapping {
                Ok(mapping) => assets::read(inventories, &mapping, &vocabulary),
                Err(diagnostics) => Imported { diagnostics, ..Imported::default() },
            };
            finish(imported, &files, common, console)
        }
    }
}

/// A name that is written into Weir as it is.
fn name(name: &str) -> Result<(), Failure> {
    if weir_import::is_name(name) {
        return Ok(());
    }
    Err(Failure::usage(format!("`{name}` is no name in Weir")).with_help(
        "a name has letters, digits and `_`, starts with a letter, and is no word of the language",
    ))
}

/// What the standard library has names for.
fn vocabulary() -> Vocabulary {
    let library = Sources::new("", Vec::new());
    let files = library.files.iter().filter(|source| source.is_standard());
    Vocabulary::new(files.map(|source| (source.path.as_str(), &*source.text)))
}

/// The files of a command line, with what kept some from being read.
struct Files {
    sources: Vec<Source>,
    diagnostics: Vec<Diagnostic>,
}

impl Files {
    /// Reads files, and those below folders whose names end so.
    fn read(paths: &[std::path::PathBuf], endings: &'static [&'static str]) -> Self {
        let mut files = Self { sources: Vec::new(), diagnostics: Vec::new() };
        for path in paths {
            if path.is_dir() {
                let walk = walk::walk_for(endings, path, Nested::Enter);
                files.diagnostics.extend(walk.diagnostics);
                for found in walk.files {
                    files.add(&found.disk);
                }
            } else {
                files.add(path);
            }
        }
        files
    }

    fn add(&mut self, disk: &Path) {
        let path = disk.to_string_lossy().into_owned();
        let file = FileId(self.sources.len() as u32);
        let text = match load::read_source(disk).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => {
                self.diagnostics.push(not_utf8(&path, file, &error));
                String::new()
            }
            Err(unread) => {
                let diagnostic = unread.diagnostic(&path).primary(file, Span::default(), "");
                self.diagnostics.push(diagnostic.help_otherwise(|| "check the path".into()));
                String::new()
            }
        };
        self.sources.push(Source { path, text: text.into() });
    }

    fn inputs(&self) -> Vec<Input<'_>> {
        let all = self.sources.iter().enumerate();
        all.map(|(index, source)| Input {
            file: FileId(index as u32),
            path: &source.path,
            text: &source.text,
        })
        .collect()
    }
}

/// Spreadsheets often save what is not UTF-8.
fn not_utf8(path: &str, file: FileId, error: &std::string::FromUtf8Error) -> Diagnostic {
    let good = error.utf8_error().valid_up_to();
    let line = error.as_bytes()[..good].split(|byte| *byte == b'\n').count();
    Diagnostic::new(&codes::E0002, format!("`{path}` is not UTF-8"))
        .primary(file, Span::default(), format!("byte {good}, in line {line}"))
        .help("save the file as UTF-8")
}

/// Prints what is wrong and, unless that stands in the way, writes what was found.
fn finish(imported: Imported, files: &Files, common: &ImportFiles, console: &Console) -> Result<(), Failure> {
    let Imported { inventory, mut diagnostics, unknown } = imported;
    if let Some((name, help)) = unknown.into_iter().next() {
        let message = format!("`{name}` is bound, and nothing of these files is called so");
        return Err(Failure::usage(message).with_help(help));
    }
    if files.diagnostics.iter().any(|one| one.severity() == Severity::Error) {
        diagnostics.clear(); // what is made of a file that is not there says nothing
    }
    diagnostics.extend(files.diagnostics.iter().cloned());
    diagnostics.sort_by(|a, b| (a.position(), &a.message).cmp(&(b.position(), &b.message)));
    let report = Report::new(&files.sources, &diagnostics, "");
    report.print(Format::Human, console)?;
    let errors = report.count(Severity::Error);
    if errors > 0 {
        console.error(&format!("could not import due to {}", text::count(errors, "error")), None);
        return Err(Failure::Reported);
    }
    let weir = inventory
        .render(&files.inputs())
        .map_err(|error| Failure::Internal(format!("what was imported cannot be written: {error}")))?;
    match &common.output {
        None => console.stdout(&weir)?,
        Some(output) => {
            let present = if common.force { Present::Replace } else { Present::Keep };
            single::file(output, weir.as_bytes(), present)?;
        }
    }
    console.status(
        "imported",
        &format!(
            "{} from {} in {}; {} not said in Weir{}",
            inventory.counts(),
            inventory.amount(),
            text::count(files.sources.len(), "file"),
            inventory.remainder.len(),
            if inventory.remainder.is_empty() { "" } else { ", listed at the end of the text" },
        ),
    );
    Ok(())
}
