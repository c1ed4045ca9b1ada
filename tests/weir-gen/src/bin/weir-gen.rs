//! Writes a package of a given size.

use std::{fs, io, path::Path, path::PathBuf, process::ExitCode};

use clap::{Parser, builder::PossibleValuesParser};
use weir_gen::{Options, Shape, generate, hosts};

/// Writes a valid package of a given size; the same options give the same bytes.
#[derive(Parser)]
#[command(name = "weir-gen")]
struct Arguments {
    /// How many devices; for `hosts`, two for each rule instead.
    #[arg(long, default_value_t = 1000)]
    devices: u32,
    /// How many statements.
    #[arg(long, default_value_t = 1000)]
    rules: u32,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value = "mixed", value_parser = PossibleValuesParser::new(Shape::ALL.map(|(name, _)| name)))]
    shape: String,
    /// The package's folder.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// For `hosts`: where the same flows go as input for Aerleon, and as one bare set (`bare.nft`).
    #[arg(long, value_name = "DIR")]
    peer: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weir-gen: {}: {error}", arguments.output.display());
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let named = Shape::ALL.into_iter().find(|(name, _)| *name == arguments.shape);
    let shape = named.map_or(Shape::Mixed, |(_, shape)| shape);
    let Arguments { devices, rules, seed, .. } = *arguments;
    generate(&Options { shape, devices, rules, seed }).write(&arguments.output)?;
    if let Some(folder) = &arguments.peer {
        let mut files = hosts::aerleon(rules);
        files.push(("bare.nft".into(), hosts::bare_set(rules)));
        for (path, text) in files {
            write(&folder.join(path), &text)?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
}
