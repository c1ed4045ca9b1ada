//! The enforcement points of a target: their files of both trees, read, and what differs where they do.

use std::collections::{BTreeMap, BTreeSet};

use super::{Files, Maps};
use crate::diff::{Difference, PlantChange, Verdict};

/// One point's files, by their path below the target's folder.
pub(super) type Side<'t> = BTreeMap<&'t str, &'t [u8]>;

/// How the files of one target are told apart and read.
pub(super) struct Target<M> {
    pub(super) name: &'static str,
    /// The point that a file belongs to, by its path below the target's folder; nothing, where it belongs to none.
    pub(super) point: fn(&str) -> Option<&str>,
    /// Every file that the point has, or why not. What is not read here is not compared by anything.
    pub(super) read: fn(&str, &Side<'_>) -> Result<M, String>,
    /// Whether two models are the same, but for what permits nothing: places, comments, names of statements.
    pub(super) is_same: fn(&M, &M) -> bool,
    /// Says what differs between the model of a point, if the earlier tree has it, and that of the later one.
    pub(super) compare: fn(&Point<'_>, Option<&M>, &M, &mut Difference),
}

pub(super) struct Point<'t> {
    /// `envoy/dmz_proxy`.
    pub(super) root: String,
    pub(super) name: &'t str,
    pub(super) earlier: &'t Side<'t>,
    pub(super) later: &'t Side<'t>,
    pub(super) maps: Maps<'t>,
}

/// Compares each point that either tree has, and says of every file that differs what it comes to.
pub(super) fn compare<M>(
    target: &Target<M>,
    (earlier, later): (&Files, &Files),
    maps: Maps<'_>,
    found: &mut Difference,
) {
    let mut points: BTreeMap<&str, [Side<'_>; 2]> = BTreeMap::new();
    let mut others: BTreeMap<&str, [Option<&[u8]>; 2]> = BTreeMap::new();
    for (which, files) in [earlier, later].into_iter().enumerate() {
        for (path, bytes) in files {
            let below = path.strip_prefix(target.name).and_then(|rest| rest.strip_prefix('/'));
            let Some(below) = below else { continue };
            match (target.point)(below) {
                Some(point) => {
                    points.entry(point).or_default()[which].insert(below, bytes);
                }
                None => others.entry(below).or_default()[which] = Some(bytes),
            }
        }
    }
    for (path, [before, after]) in others {
        if before != after {
            unreadable(&format!("`{}/{path}`", target.name), "no point of the target has such a file", found);
        }
    }
    for (name, [before, after]) in &points {
        if before == after {
            continue;
        }
        let root = format!("{}/{name}", target.name);
        if after.is_empty() {
            gone(root, found);
            continue;
        }
        let sides = [("the earlier", before), ("the later", after)].map(|(which, side)| {
            if side.is_empty() {
                return Some(None);
            }
            match (target.read)(&root, side) {
                Ok(model) => Some(Some(model)),
                Err(why) => {
                    unreadable(&format!("{which} `{root}`"), &why, found);
                    None
                }
            }
        });
        let [Some(old), Some(Some(new))] = sides else { continue };
        let point = Point { root, name, earlier: before, later: after, maps };
        let told = told(found);
        (target.compare)(&point, old.as_ref(), &new, found);
        let same = old.as_ref().is_some_and(|old| (target.is_same)(old, &new));
        if !same && told == self::told(found) {
            match old {
                Some(_) => not_compared(&point.root, found),
                None => found.plant.push(PlantChange {
                    what: "enforcement point",
                    name: point.root,
                    change: "added",
                    detail: "permits nothing".into(),
                    effect: Verdict::Same,
                }),
            }
        }
    }
}

/// How much was found so far.
pub(super) fn told(found: &Difference) -> usize {
    found.permitted.len() + found.denied.len() + found.terms.len() + found.plant.len()
}

/// Without its files, a point holds nothing.
fn gone(root: String, found: &mut Difference) {
    found.plant.push(PlantChange {
        what: "enforcement point",
        name: root,
        change: "removed",
        detail: "the later tree has no files for it: what they refused is not known to be refused".into(),
        effect: Verdict::Widened,
    });
}

/// Says that something is not compared: so it is not known to be narrower.
pub(super) fn unreadable(what: &str, why: &str, found: &mut Difference) {
    found.notes.push(format!("{what} cannot be read, and so is not compared: {why}"));
    found.verdict = Verdict::Widened;
}

/// Says that something differs of which nothing more is known.
pub(super) fn not_compared(what: &str, found: &mut Difference) {
    found.notes.push(format!(
        "`{what}` differs in something that is not compared: compare the packages for what it means"
    ));
    found.verdict = Verdict::Widened;
}

/// The files of a side by these paths, and that there are no others.
pub(super) fn exactly<'t, const N: usize>(
    side: &Side<'t>,
    paths: [String; N],
) -> Result<[&'t [u8]; N], String> {
    let known: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
    if let Some(other) = side.keys().find(|path| !known.contains(*path)) {
        return Err(format!("`{other}` is not one of its files"));
    }
    let mut files = [&[][..]; N];
    for (file, path) in files.iter_mut().zip(&paths) {
        *file = side.get(path.as_str()).ok_or_else(|| format!("`{path}` is missing"))?;
    }
    Ok(files)
}

/// As texts.
pub(super) fn texts<'t>(side: &Side<'t>) -> Result<Vec<(&'t str, &'t str)>, String> {
    let text = |(path, bytes): (&&'t str, &&'t [u8])| match std::str::from_utf8(bytes) {
        Ok(text) => Ok((*path, text)),
        Err(_) => Err(format!("`{path}` is not UTF-8")),
    };
    side.iter().map(text).collect()
}
