//! Weir's compiler: from a package's text to a checked model, the flow relation and the plan of each
//! enforcement point. No network, no clock and no files of its own: the caller hands them in.

mod consequences;
pub mod flows;
pub mod imports;
mod lint;
pub mod model;
pub mod names;
pub mod package;
pub mod plan;
mod remedies;
mod survey;

use weir_syntax::{Diagnostic, FileId, Severity, diagnostic::codes};

pub use package::Sources;
pub use survey::{Asked, AskedSets, Survey, survey};

/// What a package says, and all that is wrong with it.
#[derive(Debug, Default)]
pub struct Analysis {
    /// Sorted by file and place; those of `std` itself never occur in a released compiler.
    pub diagnostics: Vec<Diagnostic>,
    /// Missing exactly if a diagnostic is an error.
    pub plan: Option<plan::Plan>,
    /// What the plan was made from; there even where the plan is missing, if names and kinds are right.
    pub facts: Option<Facts>,
}

/// The package as the compiler understood it: for tools and tests that look beside the plan.
#[derive(Debug)]
pub struct Facts {
    pub model: model::Model,
    pub statements: Vec<flows::Statement>,
    /// Permissions that begin later, the next one first.
    pub pending: Vec<flows::Pending>,
    pub rectangles: Vec<flows::Rectangle>,
    /// For each rectangle, the proxy that its connections are led through.
    pub proxies: Vec<Option<u32>>,
    pub integrity: flows::IntegrityReport,
    /// Every assertion.
    pub assertions: Vec<flows::Held>,
    /// What was declared, templates expanded; its places are those of [`names::EntityId`].
    pub declarations: Vec<Declared>,
    /// Every group with its members.
    pub groups: Vec<(names::EntityId, model::PrincipalSet)>,
}

/// A declaration, as tools find it from its place in the text.
#[derive(Clone, Debug)]
pub struct Declared {
    pub kind: names::Kind,
    /// `press[3].plc`.
    pub path: String,
    pub file: FileId,
    /// Of its name.
    pub span: weir_syntax::Span,
}

/// Checks a package and plans what each enforcement point has to hold. `now` is in seconds since 1970-01-01T00:00Z:
/// exceptions that ended before are left out.
pub fn analyze(sources: &Sources, now: i64) -> Analysis {
    analyze_with(sources, now, None, |_| ())
}

/// What an analysis found, before it lets go of the names.
struct Seen<'s, 'a> {
    universe: &'s names::Universe<'a>,
    model: &'s model::Model,
    planned: &'s Planned,
    asked: &'s names::AskedText<'a>,
    diagnostics: &'s mut Vec<Diagnostic>,
}

/// [`analyze`], and a look at what it knows while it knows it. The file that is `asked` belongs to no package: it
/// changes nothing, and sees all names.
fn analyze_with(
    sources: &Sources,
    now: i64,
    asked: Option<FileId>,
    look: impl FnOnce(Seen<'_, '_>),
) -> Analysis {
    let mut diagnostics = Vec::new();
    let trees: Vec<weir_syntax::ast::File> = sources
        .files
        .iter()
        .enumerate()
        .map(|(index, source)| {
            if source.path == package::MANIFEST || sources.is_imported(FileId(index as u32)) {
                return weir_syntax::ast::File::default();
            }
            // Only the tree is kept: tokens take more room than the text.
            let file = FileId(index as u32);
            let parsed = weir_syntax::parse(&source.text, file);
            diagnostics.extend(parsed.diagnostics);
            diagnostics.extend(names::check_file(&parsed.file, file));
            parsed.file
        })
        .collect();
    let trees: Vec<&weir_syntax::ast::File> = trees.iter().collect();
    analyze_stages(sources, &trees, diagnostics, now, &|| true, asked, look).unwrap_or_default()
}

/// As [`analyze`], for files that were read before: `trees` are theirs in the same order, and `diagnostics` what the parser
/// and [`names::check_file`] found in them. `goes_on` is asked between stages; nothing is returned once it says no.
pub fn analyze_trees(
    sources: &Sources,
    trees: &[&weir_syntax::ast::File],
    diagnostics: Vec<Diagnostic>,
    now: i64,
    goes_on: &dyn Fn() -> bool,
) -> Option<Analysis> {
    analyze_stages(sources, trees, diagnostics, now, goes_on, None, |_| ())
}

fn analyze_stages(
    sources: &Sources,
    trees: &[&weir_syntax::ast::File],
    mut diagnostics: Vec<Diagnostic>,
    now: i64,
    goes_on: &dyn Fn() -> bool,
    asked: Option<FileId>,
    look: impl FnOnce(Seen<'_, '_>),
) -> Option<Analysis> {
    diagnostics.extend(sources.diagnostics.iter().cloned());
    let imported = imports::declarations(sources, trees);
    diagnostics.extend(imported.diagnostics.iter().cloned());
    let files = with_imported(sources, trees, &imported);
    let internet = internet();
    let mut universe = names::expand(&files, Some(&internet));
    diagnostics.append(&mut universe.diagnostics);
    if diagnostics.iter().any(|diagnostic| diagnostic.code == &codes::E0215) {
        settle(&mut diagnostics);
        return Some(Analysis { diagnostics, plan: None, facts: None });
    }
    if !goes_on() {
        return None;
    }
    let asked = asked.map(|file| universe.take_asked(file)).unwrap_or_default();
    let (mut model, mut found) = model::build(&universe);
    diagnostics.append(&mut found);
    let mut taken_for_granted = imported.assumptions.clone();
    taken_for_granted.extend(imports::check(sources, &universe, &model, &mut diagnostics));
    let unbuilt = std::mem::take(&mut model.unbuilt);
    let planned = flows_and_plan(sources, &universe, &model, unbuilt, now, &mut diagnostics, goes_on)?;
    if let Some(planned) = &planned {
        let diagnostics = &mut diagnostics;
        look(Seen { universe: &universe, model: &model, planned, asked: &asked, diagnostics });
    }
    consequences::forget(&files, &mut diagnostics);
    if imported.diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error) {
        // what a file would have declared that cannot be read is not known
        diagnostics.retain(|diagnostic| diagnostic.code != &codes::E0202);
    }
    remedies::add(sources, &universe, &mut diagnostics);
    // what was made of an imported file is not written in it: there is nothing to edit
    for diagnostic in &mut diagnostics {
        let writes = |edit: &weir_syntax::Edit| imported.files.contains_key(&edit.file);
        diagnostic.fixes.retain(|fix| !fix.edits.iter().any(writes));
    }
    settle(&mut diagnostics);
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error);
    Some(match planned {
        Some(Planned {
            mut plan,
            statements,
            pending,
            rectangles,
            proxies,
            integrity,
            assertions,
            groups,
        }) => {
            plan.taken_for_granted = taken_for_granted;
            Analysis {
                diagnostics,
                plan: (!failed).then_some(plan),
                facts: Some(Facts {
                    model,
                    statements,
                    pending,
                    rectangles,
                    proxies,
                    integrity,
                    assertions,
                    declarations: declared(&universe),
                    groups,
                }),
            }
        }
        None => Analysis { diagnostics, plan: None, facts: None },
    })
}

/// Every file with its tree. Declarations that were imported share the names of the folder that imports them.
fn with_imported<'t>(
    sources: &Sources,
    trees: &[&'t weir_syntax::ast::File],
    imported: &'t imports::Made,
) -> Vec<(package::Source, &'t weir_syntax::ast::File)> {
    let all = sources.files.iter().zip(trees).enumerate();
    all.map(|(index, (source, tree))| match imported.files.get(&FileId(index as u32)) {
        Some((made, folder)) => {
            let name = source.path.rsplit('/').next().unwrap_or_default();
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            (package::Source { path, text: source.text.clone() }, made)
        }
        None => (source.clone(), *tree),
    })
    .collect()
}

fn declared(universe: &names::Universe<'_>) -> Vec<Declared> {
    let ids = (0..universe.entities.len() as u32).map(names::EntityId);
    let of = |id| {
        let (file, span) = universe.name_span(id);
        Declared { kind: universe.entity(id).kind, path: universe.path(id), file, span }
    };
    ids.map(of).collect()
}

/// What was made of a package whose names and kinds are right.
struct Planned {
    plan: plan::Plan,
    statements: Vec<flows::Statement>,
    pending: Vec<flows::Pending>,
    rectangles: Vec<flows::Rectangle>,
    proxies: Vec<Option<u32>>,
    integrity: flows::IntegrityReport,
    assertions: Vec<flows::Held>,
    groups: Vec<(names::EntityId, model::PrincipalSet)>,
}

/// The rest, where names and kinds are right: what follows from a wrong name is not said. The outer
/// `None`: it was told to stop.
fn flows_and_plan(
    sources: &Sources,
    universe: &names::Universe<'_>,
    model: &model::Model,
    unbuilt: Vec<model::Unbuilt>,
    now: i64,
    diagnostics: &mut Vec<Diagnostic>,
    goes_on: &dyn Fn() -> bool,
) -> Option<Option<Planned>> {
    let wrong_before = diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error);
    let mut sets = model::Sets::new(universe, model);
    let flows::Statements { list: statements, pending } =
        flows::statements(sources, universe, model, &mut sets, now, diagnostics);
    let groups = lint::groups(universe, &mut sets, diagnostics);
    let claims = flows::Claims::read(universe, model, &mut sets, diagnostics);
    lint::unbuilt(&unbuilt, diagnostics);
    if wrong_before {
        return Some(None);
    }
    if !goes_on() {
        return None;
    }
    lint::names(sources, universe, diagnostics);
    let rectangles = flows::relation(model, &statements, diagnostics);
    flows::check_conduits(universe, model, &statements, &rectangles, diagnostics);
    if !goes_on() {
        return None;
    }
    let package = &sources.manifest.package;
    let (mut plan, proxies) = plan::build(
        universe,
        model,
        &statements,
        &rectangles,
        (&package.name, &package.version),
        diagnostics,
    );
    if !goes_on() {
        return None;
    }
    let integrity = flows::check_integrity(universe, model, &statements, &rectangles, &proxies, diagnostics);
    let relays = plan.relays(&rectangles);
    let ground = flows::Ground { model, statements: &statements, rectangles: &rectangles, relays: &relays };
    if !goes_on() {
        return None;
    }
    let assertions = claims.check(universe, ground, diagnostics);
    flows::check_isolation(universe, ground, diagnostics);
    plan::add_guard_rails(sources, model, &statements, &assertions, &mut plan);
    plan.gaps = plan::gaps(universe, model, &rectangles, &proxies, diagnostics);
    if !goes_on() {
        return None;
    }
    if diagnostics.iter().all(|diagnostic| diagnostic.severity() != Severity::Error) {
        lint::unused_declarations(sources, universe, diagnostics);
        let budget = sources.manifest.proof.budget();
        flows::check_overlap(universe, model, &mut sets, &statements, &rectangles, budget, diagnostics);
    }
    Some(Some(Planned { plan, statements, pending, rectangles, proxies, integrity, assertions, groups }))
}

/// The declaration behind the predeclared `internet`.
fn internet() -> weir_syntax::ast::Declaration {
    let name =
        |text: &'static str| weir_syntax::ast::Name { text: text.into(), span: weir_syntax::Span::default() };
    weir_syntax::ast::Declaration {
        keyword: name("external"),
        name: name("internet"),
        array: None,
        class: None,
        cluster: None,
        between: Vec::new(),
        value: None,
        body: None,
    }
}

/// Bytes of one text of a diagnostic, at most: names may be as long as a file.
const LONGEST_TEXT: usize = 2_000;

fn shorten(text: &mut String) {
    if text.len() > LONGEST_TEXT {
        text.truncate(text.floor_char_boundary(LONGEST_TEXT));
        text.push('…');
    }
}

/// Sorts by place, and keeps one of what array elements and instances of a template say alike.
fn settle(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.retain(|diagnostic| !diagnostic.message.is_empty()); // said where they were read
    // what is nested too deep was not read: what lacks it is no mistake of its own
    let too_deep: Vec<FileId> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.code == &codes::E0106)
        .map(|diagnostic| diagnostic.position().0)
        .collect();
    diagnostics
        .retain(|diagnostic| diagnostic.code.id < "E02" || !too_deep.contains(&diagnostic.position().0));
    for diagnostic in diagnostics.iter_mut() {
        shorten(&mut diagnostic.message);
        diagnostic.labels.iter_mut().for_each(|label| shorten(&mut label.message));
        diagnostic.notes.iter_mut().chain(&mut diagnostic.help).for_each(shorten);
        // a change that cannot be shown is none
        diagnostic.fixes.retain(|fix| fix.title.len() <= LONGEST_TEXT);
    }
    diagnostics.sort_by(|a, b| a.position().cmp(&b.position()).then_with(|| a.message.cmp(&b.message)));
    diagnostics.dedup_by(|a, b| a.position() == b.position());
}
