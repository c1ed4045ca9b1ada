//! Reads files and prints what went wrong, or the speed.
use std::time::Instant;

use weir_nftables_reader::Ruleset;

fn main() {
    for file in std::env::args().skip(1) {
        let text = std::fs::read(&file).unwrap_or_default();
        let start = Instant::now();
        let ruleset = match Ruleset::default().apply(&file, &text) {
            Ok(ruleset) => ruleset,
            Err(error) => {
                println!("{error}");
                continue;
            }
        };
        let read = start.elapsed();
        match ruleset.model() {
            Ok(model) => {
                let attempts = model.forward.v4.len() + model.forward.v6.len();
                let speed = text.len() as f64 / read.as_secs_f64() / 1e6;
                println!(
                    "{file}: read at {speed:.0} MB/s, model in {:?}, {attempts} attempts forward, {} dead",
                    start.elapsed() - read,
                    model.dead.len()
                );
            }
            Err(error) => println!("{error}"),
        }
    }
}
