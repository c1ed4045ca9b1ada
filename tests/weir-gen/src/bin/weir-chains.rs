//! What questions about chains of flows cost at scale: the index, a search that reaches all it can, a cut.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Parser, builder::PossibleValuesParser};
use weir_compiler::{
    analyze,
    flows::reach::{Assumptions, Cut, Goal, Reach},
    model::{PrincipalSet, SegmentKind},
};
use weir_gen::{Options, Shape, generate};

/// Measures questions about chains on generated packages; prints a Markdown table.
#[derive(Parser)]
#[command(name = "weir-chains")]
struct Arguments {
    /// Numbers of devices; there are as many rules.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000")]
    sizes: Vec<u32>,
    #[arg(long, value_delimiter = ',', default_value = "pairs,mixed",
          value_parser = PossibleValuesParser::new(Shape::ALL.map(|(name, _)| name)))]
    shapes: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weir-chains: {error}");
            ExitCode::FAILURE
        }
    }
}

/// 2026-01-01.
const NOW: i64 = 1_767_225_600;

fn run(arguments: &Arguments) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "| shape | devices and rules | index ms | reach ms | reached | chain ms | cut ms | cut |")?;
    writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for (name, shape) in Shape::ALL.into_iter().filter(|(name, _)| arguments.shapes.iter().any(|s| s == name))
    {
        for size in &arguments.sizes {
            let options = Options { shape, devices: *size, rules: *size, seed: 1 };
            let analysis = analyze(&generate(&options).sources(), NOW);
            let Some((facts, plan)) = analysis.facts.zip(analysis.plan) else {
                return Err(io::Error::other("the package does not compile"));
            };
            let model = &facts.model;
            let relays = plan.relays(&facts.rectangles);
            let connections: Vec<_> = facts.rectangles.iter().chain(&relays).collect();
            let (reach, index) = timed(|| Reach::new(model, &connections, Assumptions::default()));
            // of all networks with devices: from the first to the last
            let networks =
                model.segments.iter().enumerate().filter(|(_, one)| one.kind == SegmentKind::Network);
            let stations: Vec<PrincipalSet> = networks
                .map(|(index, _)| {
                    let stands = |one: &weir_compiler::model::Attachment| one.segment.index() == index;
                    let on = model.principals_where(|one| {
                        one.attachments.iter().any(stands) && one.attachments.len() == 1
                    });
                    on.into()
                })
                .filter(|set: &PrincipalSet| !set.is_empty())
                .collect();
            let (Some(from), Some(to)) = (stations.first(), stations.last()) else { continue };
            let (reached, all) = timed(|| reach.reached_from(from).members().count());
            let goal = Goal::new(model, to, None);
            let (_, chain) = timed(|| reach.chain(from, &goal).map(|chain| chain.len()));
            let (found, cut) = timed(|| reach.cut(from, &goal));
            let found = match found {
                Cut::Statements { statements, .. } => statements.len().to_string(),
                Cut::Many(most) => format!("over {most}"),
                Cut::Unseparated(_) => "none".to_owned(),
            };
            let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
            let (index, all, chain, cut) = (ms(index), ms(all), ms(chain), ms(cut));
            writeln!(out, "| {name} | {size} | {index} | {all} | {reached} | {chain} | {cut} | {found} |")?;
            out.flush()?;
        }
    }
    Ok(())
}

fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = what();
    (result, start.elapsed())
}
