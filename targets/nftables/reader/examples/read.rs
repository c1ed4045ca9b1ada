//! Reads files (`.json`: listings) and prints how fast, what they permit, and whether a file permits the same as the one
//! before it.
#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "a tool for whoever changes the reader")]

use std::time::Instant;

use weir_nftables_reader::{Hook, Ruleset};

fn main() {
    let mut before = None;
    for file in std::env::args().skip(1) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        let start = Instant::now();
        let set = if std::path::Path::new(&file).extension().is_some_and(|end| end == "json") {
            Ruleset::listed(&file, &bytes)
        } else {
            Ruleset::default().apply(&file, &bytes)
        };
        let read = start.elapsed();
        match set.and_then(|set| set.model()) {
            Ok(model) => {
                let modelled = start.elapsed().saturating_sub(read);
                let attempts: usize = Hook::ALL
                    .iter()
                    .map(|hook| model.hook(*hook).v4.len() + model.hook(*hook).v6.len())
                    .sum();
                let speed = bytes.len() as f64 / read.as_secs_f64() / 1e6;
                let model_canonical = model.canonical();
                let same = match &before {
                    Some(before) if *before == model_canonical => ", the same as before",
                    Some(_) => ", another than before",
                    None => "",
                };
                println!(
                    "{file}: {:.1} MB at {speed:.0} MB/s, model in {modelled:.1?}, {attempts} attempts, {} dead{same}",
                    bytes.len() as f64 / 1e6,
                    model.dead.len()
                );
                before = Some(model_canonical);
            }
            Err(error) => println!("{error}"),
        }
    }
}
