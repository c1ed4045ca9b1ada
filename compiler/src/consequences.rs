//! One mistake, one diagnostic: drops what only follows from another mistake, and says once what is wrong in several
//! places for one reason. *Invariant:* where something was wrong, something is still said to be wrong.

use std::{collections::BTreeMap, ops::Range};

use rustc_hash::{FxHashMap, FxHashSet};
use weir_syntax::{
    Diagnostic, FileId, Severity,
    ast::{Entry, File, Item, ItemKind},
    diagnostic::codes,
};

use crate::{names::schema, package::Source};

type Files<'f> = [(Source, &'f File)];

/// Drops consequences of mistakes, and groups what has one cause.
pub(crate) fn forget(files: &Files<'_>, diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.retain(|diagnostic| !diagnostic.message.is_empty()); // said where they were read
    if diagnostics.iter().all(|diagnostic| diagnostic.severity() == Severity::Warning) {
        return;
    }
    let mut mistakes = Mistakes::of(files, diagnostics);
    let kept: Vec<bool> = diagnostics.iter().map(|diagnostic| !mistakes.explain(files, diagnostic)).collect();
    let errs = |(diagnostic, kept): (&Diagnostic, &bool)| *kept && diagnostic.severity() == Severity::Error;
    if diagnostics.iter().zip(&kept).any(errs) {
        let mut kept = kept.into_iter();
        diagnostics.retain(|_| kept.next().unwrap_or(true));
    }
    undeclared_and_twice(files, diagnostics);
    repeated(diagnostics);
    missing_uses(diagnostics);
}

/// The text under a diagnostic's primary span.
fn word<'f>(files: &'f Files<'_>, diagnostic: &Diagnostic) -> &'f str {
    let (file, span, _) = diagnostic.position();
    files.get(file.0 as usize).map_or("", |(source, _)| span.of(&source.text))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|part: char| !part.is_ascii_alphanumeric() && part != '_').filter(|word| !word.is_empty())
}

/// Where the text does not follow the grammar, or a declaration is wrong, and what may follow from that.
#[derive(Default)]
struct Mistakes<'f> {
    /// Per file: entries with syntax errors, by their place in the text.
    regions: BTreeMap<FileId, Vec<Range<u32>>>,
    /// Per file: declarations with an error of their own (a wrong name, type or value).
    wrong: FxHashMap<FileId, FxHashSet<u32>>,
    /// Names of such declarations, and all words of texts that were not understood.
    names: FxHashSet<&'f str>,
    unread: FxHashSet<&'f str>,
    /// Files with a `use` that was not understood.
    uses: FxHashSet<FileId>,
    /// Declarations of a misspelt kind.
    misspelt: FxHashSet<&'f str>,
    /// Per file: declarations with an unknown attribute or part.
    unknown_parts: FxHashMap<FileId, FxHashSet<u32>>,
    /// Per file: starts of lines that something is wrong in.
    lines: FxHashMap<FileId, FxHashSet<u32>>,
    /// Whether a declaration is wrong or names one that is, by its place; filled as it is asked for.
    spoilt: FxHashMap<(FileId, u32), bool>,
    /// Places of errors that refuse a flow, as file, start and end, ascending.
    refused: Vec<(FileId, u32, u32)>,
    /// Whether something besides an assertion is wrong.
    serious: bool,
}

impl<'f> Mistakes<'f> {
    fn of(files: &'f Files<'f>, diagnostics: &[Diagnostic]) -> Self {
        let mut mistakes = Self {
            misspelt: files
                .iter()
                .flat_map(|(_, tree)| &tree.items)
                .filter_map(|item| match &item.kind {
                    ItemKind::Declaration(declaration) => Some(declaration),
                    _ => None,
                })
                .filter(|declaration| schema::by_keyword(&declaration.keyword.text).is_none())
                .map(|declaration| declaration.name.text.as_str())
                .collect(),
            ..Self::default()
        };
        for diagnostic in diagnostics.iter().filter(|one| one.severity() == Severity::Error) {
            let (file, span, code) = diagnostic.position();
            let Some((source, tree)) = files.get(file.0 as usize) else { continue };
            mistakes.serious |= !about_assertions(diagnostic);
            if !judges_permitted(diagnostic) {
                mistakes.refused.push((file, span.start, span.end));
            }
            let item = item_at(tree, span.start);
            if is_syntax(code) {
                mistakes.unread(file, source, item, span.start);
            }
            let Some((item, name)) = item.and_then(|item| Some((item, declared(item)?))) else { continue };
            if code < "E04" && !relational(code) {
                mistakes.names.insert(name);
                mistakes.wrong.entry(file).or_default().insert(item.span.start);
            }
            if code != codes::E0211.id {
                mistakes.lines.entry(file).or_default().insert(line_of(&source.text, span.start).start);
            }
            if matches!(code, "E0206" | "E0207" | "E0210") {
                mistakes.unknown_parts.entry(file).or_default().insert(item.span.start);
            }
        }
        mistakes.refused.sort_unstable();
        for regions in mistakes.regions.values_mut() {
            regions.sort_unstable_by_key(|region| (region.start, region.end));
            // what overlaps becomes one, so that a place is found by halving
            let mut joined: Vec<Range<u32>> = Vec::new();
            for region in regions.drain(..) {
                match joined.last_mut().filter(|last| region.start <= last.end) {
                    Some(last) => last.end = last.end.max(region.end),
                    None => joined.push(region),
                }
            }
            *regions = joined;
        }
        mistakes
    }

    /// Whether one of its labels is a flow that is refused.
    fn rests_on_refused(&self, diagnostic: &Diagnostic) -> bool {
        diagnostic.labels.iter().any(|label| {
            let from = self.refused.partition_point(|place| *place < (label.file, label.span.start, 0));
            self.refused.get(from).is_some_and(|(file, _, end)| *file == label.file && *end <= label.span.end)
        })
    }

    /// A place where the text was not understood.
    fn unread(&mut self, file: FileId, source: &'f Source, item: Option<&'f Item>, place: u32) {
        let line = line_of(&source.text, place);
        let text = source.text.get(line.start as usize..line.end as usize).unwrap_or("");
        let first = text.trim_start();
        if ["use", "import", "from", "include"].iter().any(|word| first.starts_with(word)) {
            self.uses.insert(file);
        }
        self.unread.extend(words(text));
        let region = match item {
            Some(item) => entry_at(item, place).unwrap_or(line),
            None => until_margin(&source.text, line),
        };
        if item.is_none() {
            self.unread
                .extend(words(source.text.get(region.start as usize..region.end as usize).unwrap_or("")));
        }
        if let Some(head) = source.text.get(region.start as usize..region.end as usize) {
            self.unread.extend(words(head.lines().next().unwrap_or("")));
        }
        self.regions.entry(file).or_default().push(region);
    }

    /// Whether this diagnostic follows from a mistake that is said anyway.
    fn explain(&mut self, files: &Files<'_>, diagnostic: &Diagnostic) -> bool {
        let (file, span, code) = diagnostic.position();
        if diagnostic.severity() == Severity::Warning {
            // a group can be empty and an exception over whatever else is wrong
            return self.serious && code >= "W05" && !matches!(code, "W0502" | "W0503");
        }
        if code < "E02" {
            return false;
        }
        if about_assertions(diagnostic) {
            return self.serious;
        }
        if judges_permitted(diagnostic) && self.rests_on_refused(diagnostic) {
            return true;
        }
        let within = |regions: &Vec<Range<u32>>| {
            let after = regions.partition_point(|region| region.start <= span.start);
            after.checked_sub(1).is_some_and(|at| span.start < regions[at].end)
        };
        if self.regions.get(&file).is_some_and(within) {
            return true;
        }
        let word = word(files, diagnostic);
        if code == codes::E0202.id {
            let brought_in = diagnostic.fixes.iter().any(|fix| fix.title.starts_with(ADD_USE));
            return self.unread.contains(word)
                || self.misspelt.contains(word)
                || (brought_in && self.uses.contains(&file));
        }
        let Some((source, tree)) = files.get(file.0 as usize) else { return false };
        if code == codes::E0211.id {
            let line = line_of(&source.text, span.start).start;
            return self.lines.get(&file).is_some_and(|lines| lines.contains(&line));
        }
        let Some(item) = item_at(tree, span.start) else { return false };
        if code == codes::E0209.id {
            return self.unknown_parts.get(&file).is_some_and(|items| items.contains(&item.span.start));
        }
        if !relational(code) {
            return false;
        }
        if let Some(known) = self.spoilt.get(&(file, item.span.start)) {
            return *known;
        }
        let own = declared(item);
        let spoilt = self.wrong.get(&file).is_some_and(|items| items.contains(&item.span.start))
            || words(item.span.of(&source.text)).any(|word| Some(word) != own && self.names.contains(word));
        self.spoilt.insert((file, item.span.start), spoilt);
        spoilt
    }
}

/// What a flow needs besides being possible: nothing is said of it where the flow itself is refused.
fn judges_permitted(diagnostic: &Diagnostic) -> bool {
    [&codes::E0515, &codes::E0516, &codes::E0602].contains(&diagnostic.code)
}

fn about_assertions(diagnostic: &Diagnostic) -> bool {
    [&codes::E0701, &codes::E0702, &codes::E0703, &codes::W0701].contains(&diagnostic.code)
}

/// Titles of fixes that bring a name in.
pub(crate) const ADD_USE: &str = "add `use ";

fn is_syntax(code: &str) -> bool {
    ("E0100".."E0200").contains(&code) && code != codes::E0103.id
}

/// Whether a code compares a declaration with others.
fn relational(code: &str) -> bool {
    code == codes::E0304.id || ("E0400".."E0500").contains(&code)
}

fn item_at(tree: &File, place: u32) -> Option<&Item> {
    let after = tree.items.partition_point(|item| item.span.start <= place);
    tree.items.get(after.checked_sub(1)?).filter(|item| place <= item.span.end)
}

fn declared(item: &Item) -> Option<&str> {
    match &item.kind {
        ItemKind::Declaration(declaration) => Some(&declaration.name.text),
        ItemKind::Template(template) => Some(&template.name.text),
        _ => None,
    }
}

/// What is spoilt by a place that was not understood: in a policy, exception or template its entry, else all of the item.
fn entry_at(item: &Item, place: u32) -> Option<Range<u32>> {
    let whole = Some(item.span.start..item.span.end + 1);
    match &item.kind {
        ItemKind::Declaration(declaration)
            if matches!(declaration.keyword.text.as_str(), "policy" | "exception") =>
        {
            let body = declaration.body.as_ref().filter(|body| body.span.start < place)?;
            let span_of = |entry: &Entry| match entry {
                Entry::Attribute(attribute) => attribute.span,
                Entry::Block(item) | Entry::Flow(item) => item.span,
                Entry::Error(span) => *span,
            };
            let after = body.entries.partition_point(|entry| span_of(entry).start <= place);
            let span = span_of(body.entries.get(after.checked_sub(1)?)?);
            (place <= span.end).then_some(span.start..span.end + 1)
        }
        ItemKind::Template(template) => {
            let after = template.items.partition_point(|item| item.span.start <= place);
            let inner = after.checked_sub(1).and_then(|at| template.items.get(at));
            let inner = inner.filter(|item| place <= item.span.end);
            inner.and_then(|inner| entry_at(inner, place))
        }
        _ => whole,
    }
}

/// From this line up to the next that starts without a space.
fn until_margin(text: &str, line: Range<u32>) -> Range<u32> {
    let from = text.floor_char_boundary(line.end as usize);
    let mut end = line.end;
    for next in text[from..].split_inclusive('\n') {
        if next.starts_with(|first: char| !first.is_whitespace()) {
            break;
        }
        end += next.len() as u32;
    }
    line.start..end
}

/// Bytes of a line that are looked at, before and behind a place: longer ones would cost the square of their length.
const LINE: usize = 4_000;

fn line_of(text: &str, place: u32) -> Range<u32> {
    let place = text.floor_char_boundary(place as usize);
    let first = text.floor_char_boundary(place.saturating_sub(LINE));
    let last = text.floor_char_boundary(place + LINE);
    let start = text[first..place].rfind('\n').map_or(first, |at| first + at + 1);
    let end = text[place..last].find('\n').map_or(last, |at| place + at);
    start as u32..end as u32 + 1
}

/// Whether the name of a declaration does not follow the grammar.
fn is_misnamed(files: &Files<'_>, diagnostic: &Diagnostic) -> bool {
    let (file, span, code) = diagnostic.position();
    let item = files.get(file.0 as usize).and_then(|(_, tree)| item_at(tree, span.start));
    is_syntax(code)
        && matches!(item.map(|item| &item.kind), Some(ItemKind::Declaration(declaration))
            if declaration.name.span == span || (declaration.name.span.start, declaration.name.span.end) == (span.end, span.end))
}

/// A name declared twice or not as names are, and one declared nowhere: the second of the two declarations was to be that one.
fn undeclared_and_twice(files: &Files<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut twice = diagnostics
        .iter()
        .enumerate()
        .filter(|(_, one)| one.code == &codes::E0201 || is_misnamed(files, one));
    let (Some((at, _)), None) = (twice.next(), twice.next()) else { return };
    let undeclared = diagnostics.iter().filter(|one| one.code == &codes::E0202);
    let mut names: Vec<&str> = undeclared.clone().map(|one| word(files, one)).collect();
    names.sort_unstable();
    names.dedup();
    let [name] = names.as_slice() else { return };
    if name.is_empty()
        || undeclared.clone().any(|one| one.fixes.iter().any(|fix| fix.title.starts_with(ADD_USE)))
    {
        return;
    }
    let name = (*name).to_owned();
    let place = undeclared.clone().next().and_then(|one| one.labels.first()).cloned();
    if let (Some(place), Some(label)) = (place, diagnostics[at].labels.first().cloned()) {
        if diagnostics[at].code == &codes::E0201 {
            let twice = diagnostics[at].clone();
            diagnostics[at] = twice
                .secondary(place.file, place.span, format!("`{name}` is named here and declared nowhere"))
                .help(format!("did you mean to declare `{name}`?"))
                .fix(format!("rename it to `{name}`"), label.file, label.span, name);
        }
        diagnostics.retain(|one| one.code != &codes::E0202);
    }
}

/// One name that is not declared is said once per file, with all its places in the fix.
fn repeated(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| a.position().cmp(&b.position()).then_with(|| a.message.cmp(&b.message)));
    let mut first: FxHashMap<(FileId, String), usize> = FxHashMap::default();
    let mut places: BTreeMap<usize, FxHashSet<u32>> = BTreeMap::new();
    let mut dropped: FxHashSet<usize> = FxHashSet::default();
    for at in 0..diagnostics.len() {
        let one = &diagnostics[at];
        if one.code != &codes::E0202 {
            continue;
        }
        let (file, span, _) = one.position();
        let earlier = *first.entry((file, one.message.clone())).or_insert(at);
        let is_new = places.entry(earlier).or_default().insert(span.start);
        if earlier == at {
            continue;
        }
        dropped.insert(at);
        let edits: Vec<_> = one.fixes.iter().flat_map(|fix| fix.edits.clone()).collect();
        if let Some(fix) = diagnostics[earlier].fixes.first_mut().filter(|_| is_new) {
            let adds = fix.title.starts_with(ADD_USE);
            fix.edits.extend(edits.into_iter().filter(|_| !adds));
        }
    }
    for (at, places) in places.into_iter().filter(|(_, places)| places.len() > 1) {
        if let Some(label) = diagnostics[at].labels.first_mut() {
            label.message =
                format!("{}, here and in {} more places of this file", label.message, places.len() - 1)
                    .replace("in 1 more places", "in 1 more place");
        }
    }
    let mut at = 0;
    diagnostics.retain(|_| {
        at += 1;
        !dropped.contains(&(at - 1))
    });
}

/// Names of one module of `std` that a file does not bring in: one `use` is missing.
fn missing_uses(diagnostics: &mut Vec<Diagnostic>) {
    let path_of = |one: &Diagnostic| -> Option<(String, String)> {
        let title = &one.fixes.first().filter(|_| one.code == &codes::E0202)?.title;
        let path = title.strip_prefix(ADD_USE)?.strip_suffix('`')?;
        let (module, name) = path.rsplit_once('.')?;
        Some((module.to_owned(), name.to_owned()))
    };
    let mut groups: Vec<(String, Vec<(usize, String)>)> = Vec::new();
    let mut by_module: FxHashMap<(FileId, String), usize> = FxHashMap::default();
    for (at, one) in diagnostics.iter().enumerate() {
        let Some((module, name)) = path_of(one) else { continue };
        let file = one.position().0;
        let group = *by_module.entry((file, module.clone())).or_insert_with(|| {
            groups.push((module, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push((at, name));
    }
    let mut dropped: FxHashSet<usize> = FxHashSet::default();
    for (module, mut members) in groups.into_iter().filter(|(_, names)| names.len() > 1) {
        let first = members[0].0;
        members.sort_by(|a, b| a.1.cmp(&b.1));
        let names: Vec<&str> = members.iter().map(|(_, name)| name.as_str()).collect();
        let line = format!("use {module}.{{{}}}", names.join(", "));
        let mut merged = diagnostics[first].clone();
        let shown = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
        merged.message = format!("{} are not declared here", and(&shown));
        merged.help = Some(format!("add `{line}` at the top of the file"));
        for (at, name) in &members {
            dropped.extend((*at != first).then_some(*at));
            let label = diagnostics[*at].labels.first().filter(|_| *at != first && merged.labels.len() < 5);
            if let Some(label) = label {
                merged = merged.secondary(label.file, label.span, format!("nor `{name}`"));
            }
        }
        if let Some(fix) = merged.fixes.first_mut() {
            let one = fix.title.trim_start_matches("add ").trim_matches('`').to_owned();
            fix.title = format!("add `{line}`");
            if let Some(edit) = fix.edits.first_mut() {
                edit.text = edit.text.replace(&one, &line);
            }
        }
        diagnostics[first] = merged;
    }
    let mut at = 0;
    diagnostics.retain(|_| {
        at += 1;
        !dropped.contains(&(at - 1))
    });
}

/// `a, b and c`.
fn and(list: &[String]) -> String {
    match list.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => list.join(""),
    }
}
