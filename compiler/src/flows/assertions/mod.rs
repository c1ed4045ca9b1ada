//! `assert …`: claims about what all policies permit together. A claim that does not hold is shown with a witness: a flow
//! that breaks it, or the chain of flows that does.

mod chains;
mod direct;
mod read;
mod vacuous;
mod witness;

use weir_syntax::{Diagnostic, FileId, Span};

pub(super) use chains::{explain, shared_plane};

use super::{Index, Rectangle, Statement, reach};
use crate::{
    model::{Model, PrincipalSet, Service},
    names::Universe,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Allow,
    Deny,
    Only,
}

struct Claim {
    body: Body,
    reason: Option<String>,
    file: FileId,
    span: Span,
}

enum Body {
    /// About single flows.
    Direct { kind: Kind, sources: PrincipalSet, destinations: PrincipalSet, services: Vec<Service> },
    /// No chain from one to the other.
    Never {
        sources: PrincipalSet,
        destinations: PrincipalSet,
        services: Option<Vec<Service>>,
        pivots: Pivots,
    },
    /// No chain between any two, and nothing in common.
    Isolated { members: Vec<(PrincipalSet, Span)>, pivots: Pivots },
}

/// The services by which an intruder gets onto a principal; all, where none are given.
type Pivots = Option<Vec<Service>>;

/// The claims of a package, their sets and services resolved.
pub struct Claims(Vec<Claim>);

/// An assertion that was held against what is permitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub file: FileId,
    pub span: Span,
    /// What it holds under, or is broken under, by its own words.
    pub assumption: Option<String>,
    /// What `assert never` forbids.
    pub never: Option<Never>,
}

/// Whom a chain must never lead to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Never {
    pub sources: PrincipalSet,
    pub destinations: PrincipalSet,
    /// What the last connection of a chain would be.
    pub services: Vec<Service>,
}

/// What claims are held against.
#[derive(Clone, Copy)]
pub struct Ground<'g> {
    pub model: &'g Model,
    pub statements: &'g [Statement],
    /// What is permitted.
    pub rectangles: &'g [Rectangle],
    /// What proxies start and receive for it.
    pub relays: &'g [Rectangle],
}

impl<'g> Ground<'g> {
    /// All connections that there may be.
    pub(super) fn connections(&self) -> Vec<&'g Rectangle> {
        self.rectangles.iter().chain(self.relays).collect()
    }
}

impl Claims {
    /// Reports each claim that what is permitted breaks, and each that says nothing. Returns all of them.
    pub fn check(
        &self,
        universe: &Universe<'_>,
        ground: Ground<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<Held> {
        let connections = ground.connections();
        let mut by_destination: Option<Index> = None;
        let mut reaches: Vec<(&Pivots, reach::Reach<'_>)> = Vec::new();
        let mut held = Vec::new();
        for claim in &self.0 {
            let mut assumption = None;
            let broken = match &claim.body {
                Body::Direct { .. } => {
                    let index = by_destination.get_or_insert_with(|| {
                        let sets = ground.rectangles.iter().map(|rectangle| &rectangle.destinations);
                        Index::new(ground.model.principals.len(), sets)
                    });
                    direct::check(ground, index, claim)
                }
                Body::Never { pivots, .. } | Body::Isolated { pivots, .. } => {
                    let place = reaches.iter().position(|(known, _)| *known == pivots).unwrap_or_else(|| {
                        let assumed =
                            reach::Assumptions { pivots: pivots.as_deref(), ..reach::Assumptions::default() };
                        let made = reach::Reach::new(ground.model, &connections, assumed);
                        reaches.push((pivots, made));
                        reaches.len() - 1
                    });
                    let text = pivots.as_ref().map(|pivots| witness::pivots(ground.model, pivots));
                    let found = chains::check(universe, ground, &reaches[place].1, claim);
                    assumption.clone_from(&text);
                    found.map(|found| match text {
                        Some(text) => found.note(format!("assumed: {text}")),
                        None => found,
                    })
                }
            };
            let never = match &claim.body {
                Body::Never { sources, destinations, services, .. } => Some(Never {
                    sources: sources.clone(),
                    destinations: destinations.clone(),
                    services: services.clone().unwrap_or_else(|| vec![Service::Any]),
                }),
                _ => None,
            };
            held.push(Held { file: claim.file, span: claim.span, assumption, never });
            diagnostics.extend(broken.map(|broken| match &claim.reason {
                Some(reason) => broken.note(format!("why it must hold: {reason}")),
                None => broken,
            }));
        }
        held
    }
}
