//! Whether the hitless form says the same as the whole file, told from the text: a generation's objects end in its suffix,
//! and are the whole file's word for word without it. It is the usual case, and costs no second reading. What is not the
//! same text may still mean the same, and is read.

use std::collections::BTreeSet;

const TABLE: &str = "table inet weir {\n";

/// The parts of the hitless form.
pub(crate) struct Parts<'p> {
    pub(crate) base: &'p [u8],
    pub(crate) stage: &'p [u8],
    pub(crate) switch: &'p [u8],
    pub(crate) sweep: &'p [u8],
}

/// Whether loading base, stage and switch gives what the whole file gives, and sweep removes what stage brings.
pub(crate) fn same_text(whole: &[u8], parts: &Parts<'_>) -> bool {
    compare(whole, parts).is_some()
}

fn compare(whole: &[u8], parts: &Parts<'_>) -> Option<()> {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let stage = body(text(parts.stage)?)?;
    let first = stage.strip_prefix(TABLE)?.strip_prefix("\tchain ")?.split(' ').next()?;
    let suffix = first.get(first.len().checked_sub(10)?..)?;
    let digits = suffix.strip_prefix("/g")?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return None;
    }
    let whole = body(text(whole)?)?;
    let whole = whole.strip_prefix("table inet weir\ndelete table inet weir\n")?.strip_prefix(TABLE)?;
    let whole = whole.strip_suffix("}\n")?;
    if whole.contains(suffix) {
        return None;
    }
    let (empty, staged) = stage.strip_prefix(TABLE)?.split_once(TABLE)?;
    let staged = staged.strip_suffix("}\n")?;
    let base_chains = whole.strip_prefix(staged.replace(suffix, "").as_str())?;
    let objects = Objects::of(staged, suffix)?;
    emptied(empty, &objects)?;
    let switch = body(text(parts.switch)?)?;
    (stays_inside(staged, suffix) && stays_inside(switch, suffix)).then_some(())?;
    switched(base_chains, body(text(parts.base)?)?, &switch.replace(suffix, ""))?;
    swept(body(text(parts.sweep)?)?, &objects)
}

/// What follows the comment at the head of a file.
fn body(text: &str) -> Option<&str> {
    let mut rest = text;
    while rest.starts_with('#') {
        rest = rest.split_once('\n')?.1;
    }
    rest.strip_prefix('\n')
}

/// Names of what a generation has.
#[derive(Default)]
struct Objects<'o> {
    chains: BTreeSet<&'o str>,
    /// `map NAME` and `set NAME`.
    tables: BTreeSet<(&'o str, &'o str)>,
}

impl<'o> Objects<'o> {
    /// Nothing, if an object but a counter lacks the suffix.
    fn of(staged: &'o str, suffix: &str) -> Option<Self> {
        let mut objects = Self::default();
        for line in staged.lines().filter(|line| line.starts_with('\t') && !line.starts_with("\t\t")) {
            let mut words = line.trim().split(' ');
            let (kind, name) = (words.next()?, words.next());
            match (kind, name) {
                ("}", None) | ("counter", Some(_)) => {}
                ("chain", Some(name)) if name.ends_with(suffix) => {
                    objects.chains.insert(name);
                }
                ("map" | "set", Some(name)) if name.ends_with(suffix) => {
                    objects.tables.insert((kind, name));
                }
                _ => return None,
            }
        }
        Some(objects)
    }
}

/// Whether all that a text refers to is of one generation: other ones may be there, too.
fn stays_inside(text: &str, suffix: &str) -> bool {
    ["jump ", "goto ", "@"].iter().all(|mark| {
        text.match_indices(mark).all(|(at, _)| {
            let rest = &text[at + mark.len()..];
            let name = rest.split([' ', ',', '\n']).next().unwrap_or(rest);
            let payload = *mark == "@" && ["ih", "nh", "th", "ll"].iter().any(|base| rest.starts_with(base));
            name.ends_with(suffix) || payload
        })
    })
}

/// The stage makes its chains and empties them, before it fills them.
fn emptied(text: &str, objects: &Objects<'_>) -> Option<()> {
    let (made, flushed) = text.split_once("}\nflush")?;
    let mut chains = BTreeSet::new();
    let mut lines = made.lines();
    while let Some(line) = lines.next() {
        chains.insert(line.strip_prefix("\tchain ")?.strip_suffix(" {")?);
        (lines.next()? == "\t}").then_some(())?;
    }
    let flushed = format!("flush{flushed}");
    let names = flushed.lines().map(|line| line.strip_prefix("flush chain inet weir "));
    let names: BTreeSet<&str> = names.collect::<Option<_>>()?;
    (chains == objects.chains && names == objects.chains).then_some(())
}

/// Base chains as they are made, and the rules that they are given, are those of the whole file.
fn switched(whole: &str, base: &str, switch: &str) -> Option<()> {
    let base = base.strip_prefix(TABLE)?.strip_suffix("}\n")?;
    let (flushed, filled) = switch.split_once(TABLE)?;
    let filled = filled.strip_suffix("}\n")?;
    let (base, filled) = (chains(base)?, chains(filled)?);
    let flushed = flushed.lines().map(|line| line.strip_prefix("flush chain inet weir "));
    let flushed: Vec<&str> = flushed.collect::<Option<_>>()?;
    let mut expected = String::with_capacity(whole.len());
    for ((name, kind), (other, rules)) in base.iter().zip(&filled) {
        (name == other).then_some(())?;
        expected.extend(["\tchain ", name, " {\n", kind, rules, "\t}\n"]);
    }
    let names: Vec<&str> = base.iter().map(|(name, _)| *name).collect();
    (base.len() == filled.len() && names == flushed && expected == whole).then_some(())
}

/// The chains of a table by name, with their lines.
fn chains(mut text: &str) -> Option<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    while !text.is_empty() {
        let (name, rest) = text.strip_prefix("\tchain ")?.split_once(" {\n")?;
        let end = if rest.starts_with("\t}\n") { 0 } else { rest.find("\n\t}\n")? + 1 };
        found.push((name, &rest[..end]));
        text = &rest[end + "\t}\n".len()..];
    }
    Some(found)
}

/// Every chain is emptied, then maps and sets go, then chains; and nothing else does.
fn swept(text: &str, objects: &Objects<'_>) -> Option<()> {
    let (mut flushed, mut tables, mut deleted) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("flush chain inet weir ") {
            (tables.is_empty() && deleted.is_empty()).then_some(())?;
            flushed.insert(name);
        } else if let Some(name) = line.strip_prefix("delete chain inet weir ") {
            deleted.insert(name);
        } else {
            let (kind, name) = line.strip_prefix("delete ")?.split_once(" inet weir ")?;
            deleted.is_empty().then_some(())?;
            tables.insert((kind, name));
        }
    }
    (flushed == objects.chains && deleted == objects.chains && tables == objects.tables).then_some(())
}
