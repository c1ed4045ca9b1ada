//! What each stage of a build costs at several sizes: CPU seconds and peak memory, each size in a process of its own.

mod meter;
mod stages;

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use clap::{Parser, builder::PossibleValuesParser};
use weir_gen::{Options, Shape, generate};

/// Measures the stages of the library on generated packages; prints a Markdown table.
#[derive(Parser)]
#[command(name = "weir-bench")]
struct Arguments {
    /// Numbers of devices; there are as many rules.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000")]
    sizes: Vec<u32>,
    #[arg(long, value_delimiter = ',', default_value = "pairs,mixed,templates",
          value_parser = PossibleValuesParser::new(Shape::ALL.map(|(name, _)| name)))]
    shapes: Vec<String>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where packages and artifacts go.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// Measures one package in this process: its folder, as written by an outer run.
    #[arg(long, value_name = "DIR", hide = true)]
    only: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.only {
        Some(package) => stages::measure(package, &package.with_extension("out")),
        None => all(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weir-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One process for each size: a peak of memory is a process's.
fn all(arguments: &Arguments) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let stages = stages::NAMES.join(" | ");
    writeln!(out, "CPU seconds by stage, and the peak of memory:\n")?;
    writeln!(out, "| shape | devices and rules | {stages} | all | peak MB |")?;
    writeln!(out, "| --- | ---: |{} ---: | ---: |", " ---: |".repeat(stages::NAMES.len()))?;
    for (name, shape) in
        Shape::ALL.into_iter().filter(|(name, _)| arguments.shapes.iter().any(|shape| shape == name))
    {
        for size in &arguments.sizes {
            let package = arguments.folder.join(format!("{name}-{size}"));
            if package.exists() {
                fs::remove_dir_all(&package)?;
            }
            let options = Options { shape, devices: *size, rules: *size, seed: arguments.seed };
            generate(&options).write(&package)?;
            let child = Command::new(std::env::current_exe()?)
                .arg("--only")
                .arg(&package)
                .stderr(Stdio::inherit())
                .output()?;
            let row = String::from_utf8_lossy(&child.stdout).trim().to_owned();
            writeln!(out, "| {name} | {size} | {row} |")?;
            out.flush()?;
        }
    }
    Ok(())
}
