//! What a package means as a whole: relation, plan, diagnostics. It takes seconds on a large package, so it is made beside
//! the edits, from texts of one moment, and given up when they have changed. Until the next is there, the last one answers:
//! its places are moved by what changed since, and those inside of a change are not answered.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustc_hash::FxHashMap;
use weir_compiler::{Analysis, Facts as Relation, Sources, analyze_trees, flows::Rectangle, names::EntityId};
use weir_syntax::{Diagnostic, FileId, Span};

use crate::{
    artifacts::Rendered,
    database::{DeclarationId, Syntax},
    host::Ide,
    names::Symbol,
};

/// A package to be understood.
#[derive(Debug)]
pub struct Job {
    sources: Sources,
    trees: Vec<Arc<Syntax>>,
    diagnostics: Vec<Diagnostic>,
}

/// What a package was found to mean.
#[derive(Debug)]
pub struct Facts {
    pub sources: Sources,
    pub analysis: Analysis,
    /// Declarations by file and start of their name; several where a template was instantiated.
    by_place: FxHashMap<(FileId, u32), Vec<EntityId>>,
    files: FxHashMap<String, FileId>,
    /// Diagnostics of each file, but for those that a file alone has; places in the analysis.
    by_file: FxHashMap<FileId, Vec<usize>>,
    /// Connections that proxies start, besides the rectangles of the relation.
    relays: OnceLock<Vec<Rectangle>>,
    /// Artifacts of the points that were asked for.
    pub(crate) rendered: Mutex<FxHashMap<String, Arc<Rendered>>>,
    shifts: Mutex<FxHashMap<FileId, (Arc<str>, Shift)>>,
}

impl Job {
    pub(crate) fn new(sources: Sources, trees: Vec<Arc<Syntax>>, diagnostics: Vec<Diagnostic>) -> Self {
        Self { sources, trees, diagnostics }
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Analyzes, as of `now` (seconds since 1970); `goes_on` is asked between stages.
    pub fn run(self, now: i64, goes_on: &dyn Fn() -> bool) -> Option<Facts> {
        let Self { sources, trees, diagnostics } = self;
        let mut of_shape: Vec<_> = diagnostics.iter().map(Diagnostic::position).collect();
        of_shape.sort_unstable();
        let trees: Vec<_> = trees.iter().map(|syntax| &syntax.tree).collect();
        let analysis = analyze_trees(&sources, &trees, diagnostics, now, goes_on)?;
        let mut by_file: FxHashMap<FileId, Vec<usize>> = FxHashMap::default();
        for (at, diagnostic) in analysis.diagnostics.iter().enumerate() {
            if of_shape.binary_search(&diagnostic.position()).is_err() {
                by_file.entry(diagnostic.position().0).or_default().push(at);
            }
        }
        let mut by_place: FxHashMap<_, Vec<EntityId>> = FxHashMap::default();
        let declarations = analysis.facts.iter().flat_map(|facts| &facts.declarations);
        for (at, declared) in declarations.enumerate() {
            by_place.entry((declared.file, declared.span.start)).or_default().push(EntityId(at as u32));
        }
        let files = sources.files.iter().enumerate();
        let files = files.map(|(at, source)| (source.path.clone(), FileId(at as u32))).collect();
        Some(Facts {
            sources,
            analysis,
            by_place,
            files,
            by_file,
            relays: OnceLock::new(),
            rendered: Mutex::default(),
            shifts: Mutex::default(),
        })
    }
}

impl Facts {
    /// The relation and what it is about; missing where a name or kind is wrong.
    pub fn relation(&self) -> Option<&Relation> {
        self.analysis.facts.as_ref()
    }

    /// Everything permitted: the relation, and what proxies start for it.
    pub(crate) fn permitted(&self) -> impl Iterator<Item = &Rectangle> {
        let relays = self.relays.get_or_init(|| match (&self.analysis.plan, self.relation()) {
            (Some(plan), Some(relation)) => plan.relays(&relation.rectangles),
            _ => Vec::new(),
        });
        self.relation().into_iter().flat_map(|relation| &relation.rectangles).chain(relays)
    }

    pub(crate) fn entities(&self, file: FileId, start: u32) -> &[EntityId] {
        self.by_place.get(&(file, start)).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Ide {
    /// The file of the facts that a file of now was, and how places moved since.
    fn earlier(&self, file: FileId) -> Option<(&Facts, FileId, Shift)> {
        let facts = self.facts()?;
        let earlier = *facts.files.get(self.path(file)?)?;
        let before = &facts.sources.file(earlier)?.text;
        let now = self.text(file)?;
        if Arc::ptr_eq(before, now) {
            return Some((facts, earlier, Shift::none(before.len())));
        }
        let mut shifts = facts.shifts.lock().unwrap_or_else(PoisonError::into_inner);
        let shift = match shifts.get(&earlier) {
            Some((text, shift)) if Arc::ptr_eq(text, now) => *shift,
            _ => {
                let shift = Shift::between(before, now);
                shifts.insert(earlier, (now.clone(), shift));
                shift
            }
        };
        Some((facts, earlier, shift))
    }

    /// Where a place of now was when the facts were found.
    pub(crate) fn to_facts(&self, file: FileId, span: Span) -> Option<(&Facts, FileId, Span)> {
        let (facts, earlier, shift) = self.earlier(file)?;
        Some((facts, earlier, shift.back(span)?))
    }

    /// Where a place of the facts is now.
    pub(crate) fn since_facts(&self, file: FileId, span: Span) -> Option<(FileId, Span)> {
        let path = &self.facts()?.sources.file(file)?.path;
        let now = self.find(path)?;
        let (_, _, shift) = self.earlier(now)?;
        Some((now, shift.forth(span)?))
    }

    /// What a declaration became: itself, or one for each instance of its template.
    pub(crate) fn entities(&self, id: DeclarationId) -> Option<(&Facts, &[EntityId])> {
        let kind = self
            .declaration(id)
            .map(|one| weir_compiler::names::schema::by_keyword(&one.keyword.text))??
            .kind;
        let (_, name) = self.name_of(&Symbol::Declaration(id, kind))?;
        let (facts, file, span) = self.to_facts(id.file, name.span)?;
        Some((facts, facts.entities(file, span.start)))
    }

    /// All that is known to be wrong with a file: what its text alone shows is of now, the rest of the last analysis, as
    /// far as it stands outside of what was changed since.
    pub fn diagnostics(&self, file: FileId) -> Vec<Diagnostic> {
        let mut found: Vec<Diagnostic> = self.problems_of(file).collect();
        found.extend(self.shape(file));
        if let Some((facts, earlier, _)) = self.earlier(file) {
            let later = facts.by_file.get(&earlier).into_iter().flatten();
            let later = later.filter_map(|at| self.moved(&facts.analysis.diagnostics[*at]));
            let known: Vec<_> = found.iter().map(Diagnostic::position).collect();
            let later: Vec<_> = later.filter(|one| !known.contains(&one.position())).collect();
            found.extend(later);
        }
        found.sort_by_key(Diagnostic::position);
        found
    }

    /// Diagnostics that stand in no file.
    pub fn placeless_diagnostics(&self) -> Vec<Diagnostic> {
        let all = self.facts().into_iter().flat_map(|facts| &facts.analysis.diagnostics);
        all.filter(|diagnostic| diagnostic.labels.is_empty()).cloned().collect()
    }

    /// A diagnostic of the facts with the places of now.
    fn moved(&self, diagnostic: &Diagnostic) -> Option<Diagnostic> {
        let mut moved = diagnostic.clone();
        moved.labels.clear();
        for label in &diagnostic.labels {
            match self.since_facts(label.file, label.span) {
                Some((file, span)) => {
                    moved.labels.push(weir_syntax::Label { file, span, ..label.clone() });
                }
                None if label.primary => return None,
                None => {}
            }
        }
        moved.fixes.retain_mut(|fix| {
            fix.edits.iter_mut().all(|edit| match self.since_facts(edit.file, edit.span) {
                Some((file, span)) => {
                    (edit.file, edit.span) = (file, span);
                    true
                }
                None => false,
            })
        });
        Some(moved)
    }
}

/// How two texts differ: same beginning, same end, and something between.
#[derive(Clone, Copy, Debug)]
struct Shift {
    start: u32,
    /// Where the common end begins, before and now.
    before: u32,
    now: u32,
    same: bool,
}

impl Shift {
    fn none(length: usize) -> Self {
        Self { start: length as u32, before: length as u32, now: length as u32, same: true }
    }

    fn between(before: &str, now: &str) -> Self {
        if before == now {
            return Self::none(now.len());
        }
        let same = before.bytes().zip(now.bytes()).take_while(|(a, b)| a == b).count();
        let most = before.len().min(now.len()) - same;
        let end = before.bytes().rev().zip(now.bytes().rev()).take(most).take_while(|(a, b)| a == b).count();
        Self {
            start: same as u32,
            before: (before.len() - end) as u32,
            now: (now.len() - end) as u32,
            same: false,
        }
    }

    fn forth(self, span: Span) -> Option<Span> {
        Self::shifted(span, self.start, self.before, self.now, self.same)
    }

    fn back(self, span: Span) -> Option<Span> {
        Self::shifted(span, self.start, self.now, self.before, self.same)
    }

    fn shifted(span: Span, start: u32, from: u32, to: u32, same: bool) -> Option<Span> {
        if same || span.end <= start {
            Some(span)
        } else if span.start >= from {
            Some(Span::new(span.start - from + to, span.end - from + to))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_move_with_the_text_around_a_change() {
        let shift = Shift::between("zone a {}\nzone b {}\n", "zone a {}\nzone xyz b {}\n");
        assert_eq!(shift.forth(Span::new(5, 6)), Some(Span::new(5, 6)));
        assert_eq!(shift.forth(Span::new(15, 16)), Some(Span::new(19, 20)));
        assert_eq!(shift.back(Span::new(19, 20)), Some(Span::new(15, 16)));
        let inside = Shift::between("allow a -> b", "allow a2 -> b");
        assert_eq!(inside.forth(Span::new(0, 12)), None);
    }
}
