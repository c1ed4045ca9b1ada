//! A source that is not known as well as is required: the weakest link, and what would raise it.

use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{assurance::Assurances, evidence};
use crate::{
    flows::{Rectangle, Statement, some_names},
    model::{Assurance, PrincipalKind, SegmentId, SegmentKind},
};

/// Who asks for an assurance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    Flow,
    Destination,
    /// Index into the conduits.
    Conduit(usize),
}

/// What bounds the assurance of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// Both ends stand on it, and nobody is in between.
    Unguarded(SegmentId),
    /// What its stations had to show.
    Admission(SegmentId),
    /// The stations of a segment beside the source's, with no filter in between, can take its address.
    Beside {
        own: SegmentId,
        other: SegmentId,
    },
    Outside,
    People,
    /// What the point at the end of its connection verifies.
    Evidence,
}

/// A source that is known less well than a destination's flow requires.
#[derive(Clone, Debug)]
pub(super) struct Shortfall {
    pub(super) source: u32,
    pub(super) destination: u32,
    pub(super) required: Assurance,
    pub(super) effective: Assurance,
    pub(super) asker: Asker,
    pub(super) link: Link,
}

impl Assurances<'_, '_> {
    pub(super) fn report(
        &self,
        shortfall: &Shortfall,
        rectangle: &Rectangle,
        statement: &Statement,
        proxy: Option<u32>,
    ) -> Diagnostic {
        let model = self.model;
        let (source, destination) =
            (model.principal(shortfall.source), model.principal(shortfall.destination));
        let (required, effective) = (shortfall.required.word(), shortfall.effective.word());
        let name = &source.name;
        let known = match shortfall.effective {
            Assurance::None => format!("nothing verifies who `{name}` is"),
            _ => format!("`{name}` is known by `{effective}` only"),
        };
        let mut diagnostic = Diagnostic::new(&codes::E0602, format!("{known}, and `{required}` is required"))
            .primary(
                statement.file,
                if shortfall.asker == Asker::Flow { statement.span } else { statement.source_span },
                format!("from `{name}` to `{}`", destination.name),
            );
        match shortfall.asker {
            Asker::Flow => {}
            Asker::Destination => {
                if let Some((file, span)) = model.attribute_place(self.universe, destination, "requires") {
                    diagnostic = diagnostic.secondary(file, span, "required of every flow to it");
                }
            }
            Asker::Conduit(index) => {
                let conduit = &model.conduits[index];
                let place = self.universe.attribute(conduit.entity, "requires");
                let (file, name_span) = self.universe.name_span(conduit.entity);
                let span = place.map_or(name_span, |attribute| attribute.span);
                diagnostic = diagnostic.secondary(file, span, "required of every flow through the conduit");
            }
        }
        diagnostic = self.with_link(diagnostic, shortfall);
        if let Some((file, span)) = model.attribute_place(self.universe, source, "identity") {
            let end = &model.principal(proxy.unwrap_or(shortfall.destination)).name;
            let text = match shortfall.link {
                Link::Evidence => {
                    format!("the weakest link: `{end}` verifies this, which is worth `{effective}`")
                }
                _ => "nothing on the path verifies this".to_owned(),
            };
            diagnostic = diagnostic.secondary(file, span, text);
        }
        diagnostic.help(self.remedy(shortfall, rectangle))
    }

    /// The weakest link of the chain.
    fn with_link(&self, diagnostic: Diagnostic, shortfall: &Shortfall) -> Diagnostic {
        let place = |segment: SegmentId| {
            let entity = self.model.segment(segment).entity;
            let (file, span) = self.universe.name_span(entity);
            (file, self.universe.attribute(entity, "admission").map_or(span, |attribute| attribute.span))
        };
        let (segment, text) = match shortfall.link {
            Link::Unguarded(segment) => {
                (segment, "both stand on this segment: no enforcement point is between them".to_owned())
            }
            Link::Admission(segment) => {
                let worth =
                    evidence::address(self.model.principal(shortfall.source), self.model.segment(segment));
                (segment, format!("the weakest link: an address here is worth `{}`", worth.word()))
            }
            Link::Beside { own, other } => (
                other,
                format!(
                    "the weakest link: whoever is on `{}` can take an address of `{}`, for no filter is in between",
                    self.model.segment(other).name,
                    self.model.segment(own).name
                ),
            ),
            Link::Evidence => return diagnostic, // with the identity
            Link::Outside | Link::People => {
                let source = self.model.principal(shortfall.source);
                if Some(source.entity) == self.model.internet {
                    return diagnostic;
                }
                let (file, span) = self.universe.name_span(source.entity);
                let text = match shortfall.link {
                    Link::People => "people have no address",
                    _ => "the weakest link: nothing binds addresses of the outside",
                };
                return diagnostic.secondary(file, span, text);
            }
        };
        let (file, span) = place(segment);
        diagnostic.secondary(file, span, text)
    }

    /// What would raise the assurance far enough.
    fn remedy(&self, shortfall: &Shortfall, rectangle: &Rectangle) -> String {
        let mut ways = Vec::new();
        let source = self.model.principal(shortfall.source);
        if let Link::Admission(segment) | Link::Beside { other: segment, .. } = shortfall.link
            && self.model.segment(segment).kind == SegmentKind::Network
        {
            let segment = &self.model.segment(segment).name;
            match shortfall.required {
                Assurance::Shared => {
                    ways.push(format!("admit stations to `{segment}` by a key (`admission = psk`)"));
                }
                Assurance::Certified => {
                    ways.push(format!("admit stations to `{segment}` by certificate (`admission = dot1x`)"));
                }
                _ => {}
            }
        }
        let has = source.details.identity.as_deref();
        let fits = has.is_some_and(|identity| evidence::verified("envoy", identity) >= shortfall.required);
        let scheme = match source.kind {
            PrincipalKind::Workload => "spiffe(\"spiffe://…\"",
            _ => "x509(san = \"…\"",
        };
        let identity = match shortfall.required {
            Assurance::Attested => "attested(verifier = \"…\", san = \"…\")".to_owned(),
            Assurance::Hardware => format!("{scheme}, key = hardware)"),
            _ => format!("{scheme})"),
        };
        let give = format!("give `{}` `identity = {identity}`", source.name);
        let verifiers = if fits { self.verifiers(rectangle, shortfall) } else { Vec::new() };
        let point = match verifiers.as_slice() {
            [] => "a proxy that verifies it (`enforces = envoy`)".to_owned(),
            some => some_names(self.model, some.iter().copied()),
        };
        ways.push(match (shortfall.link, fits) {
            (Link::Evidence, _) => give,
            (_, true) => format!("lead the flow through {point}"),
            (_, false) => format!("{give}, and lead the flow through {point}"),
        });
        ways.push("require less".to_owned());
        let last = ways.pop().unwrap_or_default();
        format!("{}, or {last}", ways.join("; or "))
    }
}
