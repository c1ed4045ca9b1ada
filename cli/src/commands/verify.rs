//! `weir verify`: what was built, or what a host has loaded, against the package as it is now.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    path::Path,
    process::Command,
};

use weir_compiler::plan::Plan;
use weir_nftables_reader::Ruleset;
use weir_proof::{Fault, File, Finding, Proof, Prover, certificate};
use weir_targets::{MANIFEST, Manifest};

use super::check::Checked;
use crate::{
    arguments::{Checking, Verifying},
    console::Console,
    failure::Failure,
    progress::Progress,
    prove,
    render::{Format, text},
};

pub(crate) fn run(options: &Verifying, console: &Console) -> Result<(), Failure> {
    let progress = Progress::start(console, "checking");
    let checking = Checking {
        folder: options.package.clone(),
        format: Format::default(),
        deny_warnings: false,
        allow: Vec::new(),
    };
    let checked = Checked::new(&checking, "verify", console)?;
    if checked.has_errors() {
        drop(progress);
        return checked.settle(console);
    }
    let (Some(plan), Some(facts)) = (&checked.analysis.plan, &checked.analysis.facts) else {
        return Err(Failure::Internal("the analysis ended without an error and without a plan".into()));
    };
    let sources = &checked.package.sources;
    let mut prover = prove::prover(plan, facts, sources);
    progress.stage("reading and proving");
    let what = match &options.live {
        Some(gateway) => {
            live(gateway, options.listing.as_deref(), plan, &mut prover)?;
            format!("the ruleset that `{gateway}` has loaded")
        }
        None => {
            let folder = options.tree.clone().unwrap_or_else(|| checked.package.root.join("out"));
            tree(&folder, plan, &mut prover)?;
            format!("`{}`", folder.display())
        }
    };
    let proof = prover.finish();
    drop(progress);
    report(&what, &proof, facts, sources, console)
}

fn report(
    what: &str,
    proof: &Proof,
    facts: &weir_compiler::Facts,
    sources: &weir_compiler::Sources,
    console: &Console,
) -> Result<(), Failure> {
    if proof.findings.is_empty() {
        let points: std::collections::BTreeSet<&str> =
            proof.artifacts.iter().map(|proven| proven.point.as_str()).collect();
        let counted = match points.len() {
            0 => String::new(),
            number => format!(
                ": {} of {}, proven",
                text::count(proof.artifacts.len(), "file"),
                text::count(number, "enforcement point")
            ),
        };
        console.status("fine", &format!("{what} permits exactly what the package does{counted}"));
        return Ok(());
    }
    let all: Vec<&Finding> = proof.findings.iter().collect();
    for line in prove::describe(&all, facts, sources).lines() {
        console.stderr(&format!("{}\n", text::visible(line)));
    }
    console.error(
        &format!("{what} is not what the package says"),
        Some("build again, and deploy; or find out who changed it"),
    );
    Err(Failure::Reported)
}

/// Every file of a tree, by its path in it.
fn tree(folder: &Path, plan: &Plan, prover: &mut Prover<'_>) -> Result<(), Failure> {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    read(folder, "", &mut files)?;
    let Some(manifest) = files.get(MANIFEST).and_then(|bytes| Manifest::parse(bytes)) else {
        return Err(Failure::environment(format!("`{}` holds no tree that Weir built", folder.display()))
            .with_help("give the folder that `weir build` wrote"));
    };
    for listed in &manifest.files {
        match files.get(&listed.path) {
            None => prover.add(Finding::new(
                &listed.path,
                Fault::Forms { what: "the manifest lists it, and it is missing".into() },
            )),
            Some(bytes) if certificate::sha256(bytes) != listed.sha256 => {
                prover.add(Finding::new(
                    &listed.path,
                    Fault::Forms { what: "it was changed after it was built".into() },
                ));
            }
            Some(_) => {}
        }
    }
    for path in files.keys().filter(|path| *path != MANIFEST) {
        if !manifest.files.iter().any(|listed| listed.path == *path) {
            prover
                .add(Finding::new(path, Fault::Forms { what: "no part of the tree that was built".into() }));
        }
    }
    for point in plan.points() {
        let stem = weir_emission::stem(point);
        let near = files.range(stem.clone()..).take_while(|(path, _)| path.starts_with(&stem));
        let own = near.filter(|(path, _)| weir_emission::is_of(point, path));
        let own: Vec<File<'_>> = own.map(|(path, bytes)| File { path, bytes }).collect();
        prover.prove(point, &own);
    }
    Ok(())
}

fn read(folder: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::io("read", folder, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Failure::io("read", folder, &error))?;
        let path = entry.path();
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        // A link is looked at as what it is: a file of ours is none.
        let kind = entry.file_type().map_err(|error| Failure::io("read", &path, &error))?;
        if kind.is_dir() {
            read(&path, &format!("{name}/"), files)?;
        } else {
            let bytes = fs::read(&path).map_err(|error| Failure::io("read", &path, &error))?;
            files.insert(name, bytes);
        }
    }
    Ok(())
}

/// What the kernel of this host says, or a file that holds what another said.
fn live(gateway: &str, listing: Option<&Path>, plan: &Plan, prover: &mut Prover<'_>) -> Result<(), Failure> {
    let Some(known) = plan.gateways.iter().find(|known| known.name == gateway) else {
        let names = plan.gateways.iter().map(|known| known.name.as_str());
        let near = weir_syntax::diagnostic::nearest(gateway, names);
        let failure =
            Failure::usage(format!("the package has no gateway `{gateway}` that enforces with nftables"));
        return Err(match near {
            Some(near) => failure.with_help(format!("did you mean `{near}`?")),
            None => failure,
        });
    };
    let (name, bytes) = match listing {
        Some(path) if path == Path::new("-") => {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Failure::io("read", path, &error))?;
            ("standard input".to_owned(), bytes)
        }
        Some(path) => {
            (path.display().to_string(), fs::read(path).map_err(|error| Failure::io("read", path, &error))?)
        }
        None => ("nft -j list ruleset, handle".to_owned(), listed()?),
    };
    match Ruleset::listed(&name, &bytes).and_then(|ruleset| ruleset.model()) {
        Ok(model) => {
            prover.filter(known, &model, &name);
        }
        Err(unread) => prover.unread(&name, unread),
    }
    Ok(())
}

fn listed() -> Result<Vec<u8>, Failure> {
    let help = "run it as root on the gateway, or give what `TZ=UTC nft -j list ruleset` printed there with `--listing FILE`";
    let output = Command::new("nft")
        .args(["-j", "list", "ruleset"])
        // Times are listed in the local zone.
        .env("TZ", "UTC")
        .output()
        .map_err(|error| Failure::environment(format!("cannot run `nft`: {error}")).with_help(help))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::environment(format!("`nft` failed: {}", said.trim())).with_help(help));
    }
    Ok(output.stdout)
}
