//! Broken files of other formats: whatever is done to them, they are read to an end, and what is wrong is said where it is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::Duration,
};

use weir_import::Vocabulary;
use weir_robustness::{
    Package, imports,
    mutation::{Random, mutate},
    watchdog::within,
};

const LONGEST: Duration = Duration::from_secs(20);

/// Each seed: the format, the file's name, its text; with those of `WEIR_SEEDS`, a folder of files called as the seeds are.
fn seeds() -> Vec<(String, String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let folders = [Some(folder), std::env::var_os("WEIR_SEEDS").map(Into::into)];
    let entries = folders.into_iter().flatten().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let seed = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let format = name.split(['.', '-']).next().unwrap().to_owned();
        (format, name, fs::read(path).unwrap())
    };
    files.iter().map(seed).collect()
}

fn problem(format: &str, name: &str, bytes: &[u8], vocabulary: &Vocabulary) -> Option<String> {
    let check = || imports::check(format, name, bytes, vocabulary);
    match within(LONGEST, name, || catch_unwind(AssertUnwindSafe(check))) {
        Err(_) => Some("panic".into()),
        Ok(outcome) => outcome.err(),
    }
}

#[test]
fn every_format_has_a_seed_that_is_read() {
    let vocabulary = imports::vocabulary();
    let seeds = seeds();
    for format in imports::FORMATS {
        assert!(seeds.iter().any(|(of, ..)| of == format), "{format}");
    }
    for (format, name, bytes) in &seeds {
        assert_eq!(imports::check(format, name, bytes, &vocabulary), Ok(true), "{name}");
    }
}

#[test]
fn cut_off_anywhere() {
    let vocabulary = imports::vocabulary();
    for (format, name, bytes) in &seeds() {
        for end in 0..bytes.len() {
            let problem = problem(format, name, &bytes[..end], &vocabulary);
            assert_eq!(problem, None, "{name}, {end} bytes of it");
        }
    }
}

#[test]
fn mutated() {
    let count = std::env::var("WEIR_MUTATIONS").ok().map_or(3_000, |text| text.parse().unwrap());
    let vocabulary = imports::vocabulary();
    let seeds = seeds();
    for (format, name, bytes) in &seeds {
        let mut read = 0;
        for case in 0..count {
            let mut package = Package::of("");
            package.files = vec![(name.clone(), bytes.clone())];
            mutate(&mut package, &mut Random(case));
            let bytes = &package.files[0].1;
            if let Some(problem) = problem(format, name, bytes, &vocabulary) {
                let place = std::env::temp_dir().join(format!("weir-import-{case}-{name}"));
                fs::write(&place, bytes).unwrap();
                panic!("case {case}: {problem}\n  in {}", place.display());
            }
            read += usize::from(imports::check(format, name, bytes, &vocabulary) == Ok(true));
        }
        // else nothing but the parsers' refusals was tested
        assert!(read > 0 && read < count as usize, "{name}: {read} of {count} were read");
    }
}

/// Descriptions that stand beside the project and are not ours to copy; where they are missing, that is said.
fn real() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let places = ["..", "../..", "../../.."].map(|up| root.join(up).join("shared/data/mud"));
    let Some(folder) = places.into_iter().find(|place| place.is_dir()) else {
        assert!(std::env::var_os("CI").is_none(), "shared/data/mud is missing");
        #[allow(clippy::print_stderr, reason = "a skip is visible")]
        {
            eprintln!("skipped: shared/data/mud is missing");
        }
        return Vec::new();
    };
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let text = |path: &std::path::PathBuf| {
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
    };
    files.iter().map(text).collect()
}

/// Each entry of each description is said, covered or listed: once.
#[test]
fn every_record_of_real_files_is_counted_once() {
    let vocabulary = imports::vocabulary();
    let mut all = 0;
    let real = real();
    for (name, text) in &real {
        let (inventory, diagnostics) = imports::read("mud", name, text, &vocabulary);
        assert!(diagnostics.is_empty(), "{name}: {diagnostics:?}");
        assert_eq!(imports::accounts(&inventory), Ok(()), "{name}");
        assert_eq!(imports::records("mud", name, text), Some(inventory.ledger.len()), "{name}");
        all += inventory.ledger.len();
    }
    assert!(real.is_empty() || all == 441, "{all} entries");
}

#[test]
fn real_files_mutated() {
    let count = std::env::var("WEIR_MUTATIONS").ok().map_or(300, |text| text.parse().unwrap());
    let vocabulary = imports::vocabulary();
    for (name, text) in &real() {
        let mut read = 0;
        for case in 0..count {
            let mut package = Package::of("");
            package.files = vec![(name.clone(), text.clone().into_bytes())];
            mutate(&mut package, &mut Random(case));
            let bytes = &package.files[0].1;
            assert_eq!(problem("mud", name, bytes, &vocabulary), None, "{name}, case {case}");
            read += usize::from(imports::check("mud", name, bytes, &vocabulary) == Ok(true));
        }
        assert!(read > 0, "{name}: none of {count} were read");
    }
}

/// The account is no more than what it is of: one that is wrong is found.
#[test]
fn an_account_that_is_wrong_is_found() {
    let vocabulary = imports::vocabulary();
    for (format, name, bytes) in &seeds() {
        let text = std::str::from_utf8(bytes).unwrap();
        let (whole, _) = imports::read(format, name, text, &vocabulary);
        assert_eq!(imports::accounts(&whole), Ok(()), "{name}");
        if let Some(index) =
            whole.remainder.iter().position(|left| left.extent == weir_import::Extent::Record)
        {
            let mut less = whole.clone();
            less.remainder.remove(index);
            assert!(imports::accounts(&less).is_err(), "{name}");
            let mut more = whole.clone();
            more.remainder.push(whole.remainder[index].clone());
            assert!(imports::accounts(&more).is_err(), "{name}");
        }
        let mut less = whole.clone();
        let flow = less.policies.last_mut().and_then(|policy| policy.flows.pop()).is_some();
        if flow || less.items.pop().is_some() {
            assert!(imports::accounts(&less).is_err(), "{name}");
        }
    }
}
