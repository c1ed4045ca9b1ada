//! What a package becomes, shown beside it: artifacts of one enforcement point, rendered when asked for, with the way from
//! a line to the policy and back.

use std::sync::{Arc, PoisonError};

use smol_str::SmolStr;
use weir_compiler::{names::Kind, plan::Point};
use weir_syntax::{FileId, Span};
use weir_targets::Artifact;

use crate::{facts::Facts, host::Ide, navigation::Location};

/// Files of one enforcement point, or why there are none.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) artifacts: Result<Vec<Artifact>, String>,
}

/// Where a statement stands in an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactLines {
    /// Below the output folder: `nftables/gw_turbine.nft`.
    pub path: String,
    /// From 0; those that name the statement.
    pub lines: Vec<u32>,
}

/// What a place in an artifact comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub location: Location,
    /// The statement, on one line.
    pub text: SmolStr,
}

impl Facts {
    /// The names of points that artifacts are made for.
    pub fn points(&self) -> Vec<&str> {
        let Some(plan) = &self.analysis.plan else { return Vec::new() };
        names(plan.points())
    }

    fn rendered(&self, point: &str) -> Arc<Rendered> {
        let known = self.rendered.lock().unwrap_or_else(PoisonError::into_inner).get(point).cloned();
        known.unwrap_or_else(|| {
            let made = Arc::new(Rendered { artifacts: self.render(point) });
            let mut all = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(point.to_owned(), made.clone());
            made
        })
    }

    fn render(&self, point: &str) -> Result<Vec<Artifact>, String> {
        let plan = self.analysis.plan.as_ref().ok_or("the package has errors: nothing is made of it")?;
        let options = &self.sources.manifest.targets;
        let mut artifacts = Vec::new();
        for one in plan.points().filter(|one| one.name() == point) {
            let emitted = weir_emission::emit(one, plan, options).map_err(|refusal| refusal.what)?;
            artifacts.extend(emitted.artifacts);
        }
        if artifacts.is_empty() {
            return Err(format!("`{point}` enforces nothing that Weir writes files for"));
        }
        Ok(artifacts)
    }

    /// The files of one point: those that people read, not the scripts beside them.
    pub fn artifacts_of(&self, point: &str) -> Result<Vec<(String, Arc<str>)>, String> {
        match &self.rendered(point).artifacts {
            Ok(artifacts) => {
                let shown = artifacts.iter().filter(|one| !one.path.contains(".d/"));
                let text = |one: &Artifact| String::from_utf8_lossy(&one.contents).as_ref().into();
                Ok(shown.map(|one| (one.path.clone(), text(one))).collect())
            }
            Err(why) => Err(why.clone()),
        }
    }

    /// The text of one artifact, by its path below the output folder.
    pub fn artifact(&self, path: &str) -> Option<Arc<str>> {
        let plan = self.analysis.plan.as_ref()?;
        let points = plan.points().filter(|point| weir_emission::is_of(*point, path));
        let files = points.filter_map(|point| self.artifacts_of(point.name()).ok());
        files.flatten().find(|(of, _)| of == path).map(|(_, text)| text)
    }

    /// The names of points whose artifacts carry a statement.
    pub(crate) fn carriers(&self, id: &str) -> Vec<&str> {
        let Some(plan) = &self.analysis.plan else { return Vec::new() };
        let carries =
            |point: &Point<'_>| point.statements().binary_search_by(|one| one.id.as_str().cmp(id)).is_ok();
        names(plan.points().filter(carries))
    }
}

fn names<'p>(points: impl Iterator<Item = Point<'p>>) -> Vec<&'p str> {
    let mut all: Vec<&str> = points.map(Point::name).collect();
    all.sort_unstable();
    all.dedup();
    all
}

impl Ide {
    /// Where the statement around an offset stands in artifacts.
    pub fn artifact_lines(&self, file: FileId, offset: u32) -> Vec<ArtifactLines> {
        let Some((facts, statement)) = self.statement_at(file, offset) else { return Vec::new() };
        let mut found = Vec::new();
        for point in facts.carriers(&statement.id) {
            for (path, text) in facts.artifacts_of(point).unwrap_or_default() {
                let lines = text.lines().zip(0..).filter(|(line, _)| names_id(line, &statement.id));
                let lines: Vec<u32> = lines.map(|(_, at)| at).collect();
                if !lines.is_empty() {
                    found.push(ArtifactLines { path, lines });
                }
            }
        }
        found
    }

    /// The artifacts of a gateway or cluster declared at an offset.
    pub fn artifacts_at(&self, file: FileId, offset: u32) -> Vec<String> {
        let Some(crate::names::Symbol::Declaration(
            id,
            Kind::Gateway | Kind::Cluster | Kind::Workload | Kind::Device,
        )) = self.occurrence_at(file, offset).map(|one| one.symbol)
        else {
            return self.artifact_lines(file, offset).into_iter().map(|one| one.path).collect();
        };
        let Some((facts, entities)) = self.entities(id) else { return Vec::new() };
        let declarations =
            facts.relation().map(|relation| relation.declarations.as_slice()).unwrap_or_default();
        let names = entities.iter().filter_map(|id| declarations.get(id.0 as usize));
        let files = names.flat_map(|one| facts.artifacts_of(&one.path).unwrap_or_default());
        files.map(|(path, _)| path).collect()
    }

    /// What a line of an artifact (from 0) comes from.
    pub fn origins(&self, path: &str, line: u32) -> Vec<Origin> {
        let Some(facts) = self.facts() else { return Vec::new() };
        let (Some(text), Some(plan)) = (facts.artifact(path), &facts.analysis.plan) else {
            return Vec::new();
        };
        let Some(line) = text.lines().nth(line as usize) else { return Vec::new() };
        let named = plan.statements.iter().filter(|one| names_id(line, &one.id));
        let origins = named.filter_map(|one| {
            let (file, span) = self.since_facts(one.file, one.span)?;
            Some(Origin { location: Location { file, span, full: span }, text: one.text.clone() })
        });
        origins.collect()
    }

    /// The statement of the last analysis around an offset.
    pub(crate) fn statement_at(
        &self,
        file: FileId,
        offset: u32,
    ) -> Option<(&Facts, &weir_compiler::flows::Statement)> {
        let (facts, file, at) = self.to_facts(file, Span::new(offset, offset))?;
        let statements = &facts.relation()?.statements;
        // they come in the order of the text within a file, those of templates once for each instance
        let inside = |one: &&weir_compiler::flows::Statement| {
            one.file == file && one.span.start <= at.start && at.end <= one.span.end
        };
        statements.iter().find(inside).map(|statement| (facts, statement))
    }
}

/// Whether an id stands in a line as a word of its own: ids may begin with others.
fn names_id(line: &str, id: &str) -> bool {
    let is_part = |part: char| part.is_ascii_alphanumeric() || matches!(part, '_' | '-' | '[' | ']');
    let mut rest = line;
    while let Some(at) = rest.find(id) {
        let (before, after) = (&rest[..at], &rest[at + id.len()..]);
        if !before.ends_with(is_part) && !after.starts_with(is_part) {
            return true;
        }
        rest = after;
    }
    false
}
