//! The stages of a build, as [`weir_compiler::analyze`] and the emitter run them.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use weir_compiler::{Facts, Sources, flows, model, names, package, plan, plan::Point};
use weir_engine::Budget;
use weir_proof::{File, Prover};
use weir_syntax::{Diagnostic, FileId, Parsed, Severity, ast};
use weir_target_nftables::{Options, emit};

use crate::meter;

pub(crate) const NAMES: [&str; 10] = [
    "load",
    "parse",
    "names, model",
    "sets, relation",
    "plan",
    "integrity",
    "lint",
    "emit",
    "proof",
    "write",
];

/// 2026-01-01.
const NOW: i64 = 1_767_225_600;

/// Runs one build and prints a row: seconds of each stage, of all, and the peak.
pub(crate) fn measure(folder: &Path, output: &Path) -> io::Result<()> {
    let mut clock = Clock { last: meter::cpu(), row: Vec::new() };
    let sources = load(folder)?;
    clock.stage();
    let parsed = parse(&sources);
    let mut diagnostics: Vec<Diagnostic> =
        parsed.iter().flat_map(|parsed| parsed.diagnostics.clone()).collect();
    clock.stage();

    let files: Vec<_> = sources.files.iter().cloned().zip(parsed.iter().map(|parsed| &parsed.file)).collect();
    let internet = weir_syntax::parse("external internet\n", FileId(0)).file;
    let internet = internet.items.iter().find_map(|item| match &item.kind {
        ast::ItemKind::Declaration(declaration) => Some(&**declaration),
        _ => None,
    });
    let mut universe = names::expand(&files, internet);
    diagnostics.append(&mut universe.diagnostics);
    let (model, mut found) = model::build(&universe);
    diagnostics.append(&mut found);
    clock.stage();

    let mut sets = model::Sets::new(&universe, &model);
    let statements = flows::statements(&sources, &universe, &model, &mut sets, NOW, &mut diagnostics).list;
    let rectangles = flows::relation(&model, &statements, &mut diagnostics);
    flows::check_conduits(&universe, &model, &statements, &rectangles, &mut diagnostics);
    clock.stage();

    let package = ("bench", "0.1.0");
    let (plan, proxies) = plan::build(&universe, &model, &statements, &rectangles, package, &mut diagnostics);
    plan::gaps(&universe, &model, &rectangles, &proxies, &mut diagnostics);
    clock.stage();
    let integrity =
        flows::check_integrity(&universe, &model, &statements, &rectangles, &proxies, &mut diagnostics);
    clock.stage();
    let budget = Budget::default();
    flows::check_overlap(&universe, &model, &mut sets, &statements, &rectangles, budget, &mut diagnostics);
    clock.stage();
    if let Some(error) = diagnostics.iter().find(|said| said.severity() == Severity::Error) {
        return Err(io::Error::other(error.message.clone()));
    }

    let mut artifacts = Vec::new();
    let mut counts = Vec::new();
    for gateway in &plan.gateways {
        let emission =
            emit(gateway, &Options::default()).map_err(|error| io::Error::other(error.to_string()))?;
        counts.push(emission.artifacts.len());
        artifacts.extend(emission.artifacts);
    }
    clock.stage();
    drop(sets);
    let facts = Facts {
        pending: Vec::new(),
        model,
        statements,
        rectangles,
        proxies,
        integrity,
        assertions: Vec::new(),
        declarations: Vec::new(),
        groups: Vec::new(),
    };
    let mut prover = Prover::new(&facts, &plan, Budget::default(), false);
    let mut rest = artifacts.as_slice();
    for (gateway, count) in plan.gateways.iter().zip(&counts) {
        let (files, others) = rest.split_at(*count);
        rest = others;
        let files = files.iter().map(|file| File { path: &file.path, bytes: &file.contents });
        prover.prove(Point::Gateway(gateway), &files.collect::<Vec<_>>());
    }
    if let Some(finding) = prover.finish().findings.first() {
        return Err(io::Error::other(finding.to_string()));
    }
    clock.stage();
    for artifact in &artifacts {
        let path = output.join(&artifact.path);
        fs::create_dir_all(path.parent().unwrap_or(output))?;
        fs::write(path, &artifact.contents)?;
    }
    clock.stage();
    let all: f64 = clock.row.iter().sum();
    let cells: Vec<String> = clock.row.iter().chain([&all]).map(|seconds| format!("{seconds:.3}")).collect();
    writeln!(io::stdout(), "{} | {}", cells.join(" | "), meter::peak())
}

struct Clock {
    last: f64,
    row: Vec<f64>,
}

impl Clock {
    fn stage(&mut self) {
        let now = meter::cpu();
        self.row.push(now - self.last);
        self.last = now;
    }
}

fn load(folder: &Path) -> io::Result<Sources> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(current)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "weir") {
                let inside = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                files.push((inside, fs::read(&path)?));
            }
        }
    }
    Ok(Sources::new(&fs::read_to_string(folder.join(package::MANIFEST))?, files))
}

fn parse(sources: &Sources) -> Vec<Parsed> {
    let of = |(index, source): (usize, &package::Source)| {
        if source.path == package::MANIFEST {
            return Parsed::default();
        }
        let mut parsed = weir_syntax::parse(&source.text, FileId(index as u32));
        parsed.diagnostics.extend(names::check_file(&parsed.file, FileId(index as u32)));
        parsed
    };
    sources.files.iter().enumerate().map(of).collect()
}
