//! Differences of trees: what an edit comes to, judged both ways.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::{fs, path::Path};

use super::{Folder, copy};

pub const SAME: u8 = 0;
pub const NARROWED: u8 = 4;
pub const WIDENED: u8 = 5;

/// What is exchanged: path, text, other text. Without a text, the file is removed; a star at the end of a path stands for
/// the rest of a file's name.
pub type Edit = (&'static str, &'static str, &'static str);
/// Exit code, what is said, and the edits.
pub type Row = (u8, &'static str, &'static [Edit]);

pub fn example(folder: &Folder, name: &str) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    copy(&examples.join(name), &folder.path(name));
}

/// A core of SD-Core with one slice, and a gateway that is its user plane.
pub fn sd_core(folder: &Folder) {
    folder.write(
        "sd_core/weir.toml",
        "[package]\nname = \"sd_core\"\nversion = \"1.0.0\"\nedition = \"2026\"\n",
    );
    let plant = include_str!("../../../targets/5g/tests/plant.weir")
        .replace("product = open5gs, version = \"2.7\"", "product = sdcore")
        .replace("purdue = 1", "purdue = 3")
        .replace("    security { integrity = required, confidentiality = required }\n", "")
        .replace("arp = 2", "arp = 10")
        .replace("five_qi = 83, gfbr = 500 Kbps, mfbr = 500 Kbps", "five_qi = 7, mfbr = 500 Kbps");
    folder.write("sd_core/plant.weir", plant);
}

pub fn build(folder: &Folder, package: &str, tree: &str) {
    let run = folder.weir(&["build", "-q", package, "-o", tree]);
    assert_eq!(run.code, 0, "{package}: {}", run.stderr);
}

/// The path of a file below a folder, which may be given by how it begins.
pub fn find(folder: &Folder, root: &str, path: &str) -> String {
    let Some(start) = path.strip_suffix('*') else { return format!("{root}/{path}") };
    let (below, start) = start.rsplit_once('/').unwrap();
    let name = folder.names(&format!("{root}/{below}")).into_iter().find(|name| name.starts_with(start));
    format!("{root}/{below}/{}", name.unwrap_or_else(|| panic!("nothing begins with {path}")))
}

pub fn edit(folder: &Folder, root: &str, edits: &[Edit]) {
    for (path, from, to) in edits {
        let path = find(folder, root, path);
        if from.is_empty() && to.is_empty() {
            fs::remove_file(folder.path(&path)).unwrap();
        } else if from.is_empty() {
            folder.write(&path, to);
        } else {
            let text = folder.read(&path);
            assert!(text.contains(from), "{path} has no {from}");
            folder.write(&path, text.replacen(from, to, 1));
        }
    }
}

/// Exit code and report of both directions.
pub fn judged(folder: &Folder, old: &str, new: &str) -> [(u8, String); 2] {
    [[old, new], [new, old]].map(|[old, new]| {
        let run = folder.weir(&["diff", old, new]);
        (u8::try_from(run.code).unwrap(), run.stdout + &run.stderr)
    })
}

/// Each row is judged both ways: what is narrower one way is wider the other way.
pub fn hold(folder: &Folder, rows: &[Row], mut make: impl FnMut(&[Edit]) -> (String, String)) {
    let mut wrong = Vec::new();
    for (code, said, edits) in rows {
        let (old, new) = make(edits);
        let [(there, report), (back, other)] = judged(folder, &old, &new);
        if there != *code || !report.contains(said) {
            wrong.push(format!("{edits:?}: {there} and not {code}, or not said: {said}\n{report}"));
        }
        let fits = match *code {
            SAME => back == SAME,
            NARROWED => back == WIDENED,
            _ => back != SAME,
        };
        if !fits {
            wrong.push(format!("back from {edits:?}: {back}\n{other}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n\n"));
}

/// Edits of a package that is built before and after.
pub fn packages(name: &'static str, folder: &Folder, rows: &[Row]) {
    build(folder, name, "before");
    let made = format!("{name}_edited");
    hold(folder, rows, |edits| {
        for made in [folder.path(&made), folder.path("after")] {
            if made.exists() {
                fs::remove_dir_all(made).unwrap();
            }
        }
        copy(&folder.path(name), &folder.path(&made));
        edit(folder, &made, edits);
        build(folder, &made, "after");
        ("before".into(), "after".into())
    });
}

/// Edits of files of a tree. What is loaded without a gap is not there, so that one file says what holds.
pub fn files(name: &'static str, folder: &Folder, rows: &[Row]) {
    build(folder, name, "before");
    if folder.path("before/nftables").exists() {
        for name in folder.names("before/nftables").iter().filter(|name| name.strip_suffix(".d").is_some()) {
            fs::remove_dir_all(folder.path(&format!("before/nftables/{name}"))).unwrap();
        }
    }
    hold(folder, rows, |edits| {
        if folder.path("after").exists() {
            fs::remove_dir_all(folder.path("after")).unwrap();
        }
        copy(&folder.path("before"), &folder.path("after"));
        edit(folder, "after", edits);
        ("before".into(), "after".into())
    });
}
