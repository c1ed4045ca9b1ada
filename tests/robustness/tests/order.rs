//! What must not matter: names of files, how declarations are spread over them, and their order.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use weir_robustness::{Package, mutation::Random};
use weir_syntax::{FileId, ast::ItemKind, parse};

/// The uses and the other items of a file, each with the comments before it.
fn items(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let text = std::str::from_utf8(bytes).unwrap();
    let mut at = 0;
    let (mut uses, mut others) = (Vec::new(), Vec::new());
    for item in parse(text, FileId(0)).file.items {
        let end = item.span.end as usize;
        let part = format!("{}\n", &text[at..end]);
        at = end;
        match item.kind {
            ItemKind::Use(_) => uses.push(part),
            _ => others.push(part),
        }
    }
    (uses, others)
}

fn compared(example: &str, change: impl Fn(Package) -> Package) {
    let package = Package::example(example).unwrap();
    let before = package.compile().unwrap();
    assert!(before.errors().is_empty(), "{}", before.summary());
    let after = change(package).compile().unwrap();
    assert!(after.errors().is_empty(), "{}", after.summary());
    let (before, after) = (before.artifacts(), after.artifacts());
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (path, contents) in before {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (before, after) = (text(&contents), text(&after[&path]));
        let different = before.lines().zip(after.lines()).find(|(before, after)| before != after);
        assert!(before == after, "{example}: {path} differs: {different:?}");
    }
}

fn everywhere(change: impl Fn(Package) -> Package) {
    for example in ["water_works", "press_shop", "turbine_hall", "campus_5g"] {
        compared(example, &change);
    }
}

#[test]
fn names_of_files() {
    everywhere(|mut package| {
        let count = package.files.len();
        for (index, (path, _)) in package.files.iter_mut().enumerate() {
            let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
            *path = format!("{folder}f{:03}.weir", count - index);
        }
        package
    });
}

#[test]
fn order_of_declarations() {
    for seed in 0..5 {
        everywhere(|mut package| {
            let mut random = Random(seed);
            for (_, bytes) in &mut package.files {
                let (uses, mut others) = items(bytes);
                for index in (1..others.len()).rev() {
                    others.swap(index, random.below(index + 1));
                }
                *bytes = (uses.concat() + &others.concat()).into_bytes();
            }
            package
        });
    }
}

#[test]
fn one_file_as_two() {
    everywhere(|package| {
        let mut files = Vec::new();
        for (path, bytes) in &package.files {
            let (uses, others) = items(bytes);
            let half = others.len() / 2;
            let stem = path.trim_end_matches(".weir");
            files.push((format!("{stem}_1.weir"), (uses.concat() + &others[..half].concat()).into_bytes()));
            files.push((format!("{stem}_2.weir"), (uses.concat() + &others[half..].concat()).into_bytes()));
        }
        Package { files, ..package }
    });
}

#[test]
fn white_space_and_line_ends() {
    everywhere(|mut package| {
        for (_, bytes) in &mut package.files {
            *bytes = String::from_utf8(bytes.clone()).unwrap().replace('\n', "\r\n").into_bytes();
        }
        package
    });
    everywhere(|mut package| {
        for (_, bytes) in &mut package.files {
            let formatted = weir_syntax::format::format(std::str::from_utf8(bytes).unwrap()).unwrap();
            *bytes = formatted.into_bytes();
        }
        package
    });
}
