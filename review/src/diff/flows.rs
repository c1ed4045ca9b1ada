//! Flows that only one of two versions permits, and flows that both permit on different terms.

use std::sync::Arc;

use weir_compiler::{
    flows::{Demand, PortSet, operations},
    model::PrincipalKind,
    plan::Ranges,
};

use super::{
    Difference, Exact, FlowChange, Rule, TermsChange, Verdict, Witness, budgets,
    causes::{Causes, Side},
    grants::{Grant, Grants, TooMuch, Work, same_protocols, uncovered},
    identity::Identity,
    instances,
};
use crate::{
    Subject, Terms,
    access::service,
    naming::sane_port,
    terms::{Quality, level},
};

pub(super) struct Comparison<'c> {
    earlier: &'c Subject,
    later: &'c Subject,
    identity: &'c Identity,
    before: Grants,
    after: Grants,
    envelope: Option<Envelope>,
    budget: u64,
}

/// A part of a permission, of one version.
struct Piece {
    grant: Grant,
    side: Side,
}

impl<'c> Comparison<'c> {
    pub(super) fn new(earlier: &'c Subject, later: &'c Subject, identity: &'c Identity, budget: u64) -> Self {
        let before = Grants::of_earlier(earlier, later, identity);
        let after = Grants::of_later(later, identity.count());
        let envelope = (!later.asked.statements.is_empty()).then(|| {
            let mut envelope = Envelope::new(earlier, later, identity);
            budgets::hold((earlier, &before), (later, &after), &mut envelope.now);
            envelope
        });
        Self { earlier, later, identity, before, after, envelope, budget }
    }

    pub(super) fn run(&self, found: &mut Difference) {
        let mut work = Work(self.budget);
        let sides = [
            (Side::Later, &self.after, &self.before, self.later),
            (Side::Earlier, &self.before, &self.after, self.earlier),
        ];
        let causes = Causes::new(self.earlier, self.later, self.identity);
        for (side, grants, others, subject) in sides {
            let mut alone: Vec<Piece> = Vec::new();
            let mut loose: Vec<Piece> = Vec::new();
            for grant in &grants.list {
                let statement = subject.facts.rectangles[grant.rectangle as usize].statement;
                if others.has_alike(&subject.statement(statement).id, grant) {
                    continue;
                }
                match self.pieces(grant, &others.near(grant), &mut work) {
                    Ok((flows, terms)) => {
                        alone.extend(flows.into_iter().map(|grant| Piece { grant, side }));
                        loose.extend(terms.into_iter().map(|grant| Piece { grant, side }));
                    }
                    Err(TooMuch) => {
                        // not known, and so taken for what it may be at most
                        alone.push(Piece { grant: grant.clone(), side });
                        let rule = self.rule(subject, grant);
                        found.notes.push(format!(
                            "the comparison of `{}` ({}) takes too many steps: all that it permits is listed",
                            rule.text, rule.place
                        ));
                    }
                }
            }
            for piece in alone.into_iter().flat_map(|piece| self.split(piece)) {
                let change = self.change(&piece, &causes);
                match side {
                    Side::Later => found.permitted.push(change),
                    Side::Earlier => found.denied.push(change),
                }
            }
            for piece in loose {
                self.terms(&piece, others, found);
            }
        }
        budgets::compare((self.earlier, &self.before), (self.later, &self.after), found);
        let order = |a: &FlowChange, b: &FlowChange| {
            (&a.rule.place, &a.cause, &a.sources, &a.destinations, &a.service).cmp(&(
                &b.rule.place,
                &b.cause,
                &b.sources,
                &b.destinations,
                &b.service,
            ))
        };
        found.permitted.sort_by(order);
        found.denied.sort_by(order);
        found.permitted = instances::together(std::mem::take(&mut found.permitted), self.later);
        found.denied = instances::together(std::mem::take(&mut found.denied), self.earlier);
        found.terms.sort_by(|a, b| {
            (&a.after.place, &a.sources, &a.destinations).cmp(&(&b.after.place, &b.sources, &b.destinations))
        });
        found.terms.dedup();
        if work.0 == 0 {
            found.verdict = Verdict::Widened;
        }
    }

    /// What nobody else permits, and what others permit on narrower terms only.
    fn pieces(
        &self,
        grant: &Grant,
        near: &[&Grant],
        work: &mut Work,
    ) -> Result<(Vec<Grant>, Vec<Grant>), TooMuch> {
        let protocols = &self.later.model().protocols.list;
        let alone = uncovered(protocols, grant, near, work)?;
        let as_wide: Vec<&Grant> =
            near.iter().copied().filter(|other| grant.terms.within(&other.terms)).collect();
        let mut loose = Vec::new();
        if as_wide.len() < near.len() {
            let wholes: Vec<&Grant> = alone.iter().collect();
            for piece in uncovered(protocols, grant, &as_wide, work)? {
                loose.extend(uncovered(protocols, &piece, &wholes, work)?);
            }
        }
        Ok((alone, loose))
    }

    /// Apart: whoever is new (or gone) has another cause than who was there.
    fn split(&self, piece: Piece) -> Vec<Piece> {
        let fresh: Ranges<u32> = match piece.side {
            Side::Later => self.identity.added.iter().copied().collect(),
            Side::Earlier => self.identity.gone().iter().map(|id| self.identity.of_earlier(*id)).collect(),
        };
        if fresh.is_empty() {
            return vec![piece];
        }
        let Piece { grant, side } = piece;
        let known_sources = grant.sources.difference(&fresh);
        let known_destinations = grant.destinations.difference(&fresh);
        let parts = [
            (grant.sources.intersection(&fresh), (*grant.destinations).clone()),
            (known_sources.clone(), grant.destinations.intersection(&fresh)),
            (known_sources, known_destinations),
        ];
        let whole = |(sources, destinations): (Ranges<u32>, Ranges<u32>)| {
            (!sources.is_empty() && !destinations.is_empty()).then(|| Piece {
                grant: Grant {
                    sources: Arc::new(sources),
                    destinations: Arc::new(destinations),
                    ..grant.clone()
                },
                side,
            })
        };
        parts.into_iter().filter_map(whole).collect()
    }

    fn subject(&self, side: Side) -> &'c Subject {
        match side {
            Side::Earlier => self.earlier,
            Side::Later => self.later,
        }
    }

    /// Sets in the numbers of the version that a piece is of.
    fn own(&self, side: Side, set: &Ranges<u32>) -> Ranges<u32> {
        match side {
            Side::Earlier => self.identity.in_earlier(set),
            Side::Later => self.identity.in_later(set),
        }
    }

    fn rule(&self, subject: &Subject, grant: &Grant) -> Rule {
        rule(subject, subject.facts.rectangles[grant.rectangle as usize].statement)
    }

    fn change(&self, piece: &Piece, causes: &Causes<'_>) -> FlowChange {
        let subject = self.subject(piece.side);
        let grant = &piece.grant;
        let sources = self.own(piece.side, &grant.sources);
        let destinations = self.own(piece.side, &grant.destinations);
        let index = subject.facts.rectangles[grant.rectangle as usize].statement;
        let pair = preferred(subject, &sources, &destinations);
        let approved = match (&self.envelope, piece.side) {
            (Some(envelope), Side::Later) => Some(self.approves(envelope, grant)),
            _ => None,
        };
        FlowChange {
            sources: self.words(subject, index, &sources, true),
            destinations: self.words(subject, index, &destinations, false),
            service: self.service(piece, &grant.ports, grant.demand.as_ref()),
            pairs: sources.count() * destinations.count(),
            witness: self.witness(piece, pair),
            rule: self.rule(subject, grant),
            terms: grant.terms.describe(),
            cause: causes.of(piece.side, index, pair, &grant.ports),
            exact: vec![exact(sources, destinations, grant, piece.side)],
            approved,
        }
    }

    /// A set by the words of its statement, where it is all of its side, else by its names.
    fn words(&self, subject: &Subject, statement: u32, set: &Ranges<u32>, is_source: bool) -> String {
        let statement = subject.statement(statement);
        let (whole, span) = if is_source {
            (&statement.sources, statement.source_span)
        } else {
            (&statement.destinations, statement.destination_span)
        };
        if **whole == *set && set.count() > 1 {
            let text = subject.text(statement.file, span);
            if !text.is_empty() && text.len() < 120 {
                return text;
            }
        }
        subject.naming().describe(subject.model(), set)
    }

    fn service(&self, piece: &Piece, ports: &PortSet, demand: Option<&Demand>) -> String {
        let subject = self.subject(piece.side);
        let rectangle = &subject.facts.rectangles[piece.grant.rectangle as usize];
        // numbers of protocols are the later version's, and the earlier one has its own
        let own = demand.zip(rectangle.demand.as_ref());
        let demand = own.map(|(demand, own)| Demand { protocol: own.protocol, ..demand.clone() });
        service(subject.model(), ports, rectangle.protocol, demand.as_ref())
    }

    fn witness(&self, piece: &Piece, (source, destination): (u32, u32)) -> Witness {
        let subject = self.subject(piece.side);
        let model = subject.model();
        let ports = sane_port(model, destination, &piece.grant.ports);
        let rectangle = &subject.facts.rectangles[piece.grant.rectangle as usize];
        let operation =
            piece.grant.demand.as_ref().zip(rectangle.demand.as_ref()).and_then(|(demand, own)| {
                let protocol = model.protocols.get(own.protocol);
                let used = demand.only.as_ref()?.first()?;
                // an address that the other version does not permit, where it permits some
                let others = match piece.side {
                    Side::Later => &self.before,
                    Side::Earlier => &self.after,
                };
                let near = others.near(&piece.grant);
                let held: Vec<_> = near
                    .iter()
                    .filter_map(|other| other.demand.as_ref())
                    .filter(|other| other.protocol == demand.protocol)
                    .flat_map(|other| other.only.iter().flatten().cloned())
                    .chain(demand.except.iter().cloned())
                    .collect();
                Some(operations::describe(protocol, &operations::one_without(protocol, used, &held)))
            });
        let service = match operation {
            Some(operation) => format!("{operation} on {}", ports.describe()),
            None => ports.describe(),
        };
        Witness {
            source: subject.name(source).into(),
            destination: subject.name(destination).into(),
            service,
        }
    }

    /// A part that both permit, here on wider terms than anywhere there.
    fn terms(&self, piece: &Piece, others: &Grants, found: &mut Difference) {
        let Some(other) = others.near(&piece.grant).into_iter().min_by_key(|other| {
            let changes = piece.grant.terms.changes_from(&other.terms);
            changes.iter().filter(|change| change.wider).count()
        }) else {
            return;
        };
        let (before, after) = match piece.side {
            Side::Earlier => (&piece.grant, other),
            Side::Later => (other, &piece.grant),
        };
        let changes = after.terms.changes_from(&before.terms);
        if changes.is_empty() {
            return;
        }
        let subject = self.subject(piece.side);
        let sources = self.own(piece.side, &piece.grant.sources);
        let destinations = self.own(piece.side, &piece.grant.destinations);
        let index = subject.facts.rectangles[piece.grant.rectangle as usize].statement;
        let approved = match &self.envelope {
            Some(envelope) if changes.iter().any(|change| change.wider) => {
                let part = match piece.side {
                    Side::Later => piece.grant.clone(),
                    // what is permitted there now
                    Side::Earlier => Grant {
                        sources: Arc::new(piece.grant.sources.intersection(&other.sources)),
                        destinations: Arc::new(piece.grant.destinations.intersection(&other.destinations)),
                        ..other.clone()
                    },
                };
                Some(self.approves(envelope, &part))
            }
            _ => None,
        };
        let change = TermsChange {
            sources: self.words(subject, index, &sources, true),
            destinations: self.words(subject, index, &destinations, false),
            service: self.service(piece, &piece.grant.ports, piece.grant.demand.as_ref()),
            pairs: sources.count() * destinations.count(),
            witness: self.witness(piece, preferred(subject, &sources, &destinations)),
            changes,
            before: self.rule(self.earlier, before),
            after: self.rule(self.later, after),
            exact: vec![exact(sources, destinations, &piece.grant, piece.side)],
            approved,
        };
        // the same change is seen from both sides where some terms are wider and others narrower
        let known = found.terms.iter().any(|one| {
            (&one.changes, &one.before, &one.after) == (&change.changes, &change.before, &change.after)
                && (&one.sources, &one.destinations, &one.service)
                    == (&change.sources, &change.destinations, &change.service)
                && is_of_later(&one.exact) != is_of_later(&change.exact)
        });
        if !known {
            found.terms.push(change);
        }
    }

    fn approves(&self, envelope: &Envelope, grant: &Grant) -> bool {
        let protocols = &self.later.model().protocols.list;
        let holds = |envelope: &[Grant], grant: &Grant| {
            let fits =
                |other: &&Grant| grant.terms.within(&other.terms) && other.ports.overlaps(&grant.ports);
            let near: Vec<&Grant> = envelope.iter().filter(fits).collect();
            let mut work = Work(super::BUDGET);
            matches!(uncovered(protocols, grant, &near, &mut work), Ok(left) if left.is_empty())
        };
        let sources = grant.sources.difference(&envelope.fresh);
        let destinations = grant.destinations.difference(&envelope.fresh);
        let is_new = sources.is_empty() || destinations.is_empty();
        let known =
            Grant { sources: Arc::new(sources), destinations: Arc::new(destinations), ..grant.clone() };
        holds(&envelope.now, grant) && (is_new || holds(&envelope.before, &known))
    }
}

fn is_of_later(exact: &[Exact]) -> bool {
    exact.iter().any(|exact| exact.of_later)
}

fn exact(sources: Ranges<u32>, destinations: Ranges<u32>, grant: &Grant, side: Side) -> Exact {
    let (ports, demand) = (grant.ports.clone(), grant.demand.clone());
    Exact { of_later: side == Side::Later, sources, destinations, ports, demand }
}

/// What an envelope approves. A change could rename or refill the sets that it names: between principals that both versions
/// have, it approves what its words mean in both.
struct Envelope {
    now: Vec<Grant>,
    /// In the common numbers.
    before: Vec<Grant>,
    /// Principals that the earlier version does not have.
    fresh: Ranges<u32>,
}

impl Envelope {
    fn new(earlier: &Subject, later: &Subject, identity: &Identity) -> Self {
        let protocols = same_protocols(earlier.model(), later.model());
        let before = asked(earlier).into_iter().map(|grant| Grant {
            sources: identity.translate(&grant.sources),
            destinations: identity.translate(&grant.destinations),
            demand: grant.demand.map(|demand| Demand {
                protocol: protocols[demand.protocol as usize].unwrap_or(u32::MAX),
                ..demand
            }),
            ..grant
        });
        Self { now: asked(later), before: before.collect(), fresh: identity.added.iter().copied().collect() }
    }
}

/// The statements that were asked, as permissions. A proxy that the compiler chose is no term that they can name.
fn asked(subject: &Subject) -> Vec<Grant> {
    let terms = |statement: u32| {
        let conditions = &subject.asked.statements[statement as usize].conditions;
        Arc::new(Terms {
            limit: conditions.limit.map(|limit| (limit.count, limit.seconds)),
            until: conditions.until,
            audit: conditions.audit,
            log: conditions.log,
            quality: conditions.quality.as_ref().map(Quality::of),
            requires: level(conditions.requires),
            through: conditions.via.map(|via| subject.path(via).to_owned()),
        })
    };
    let grant = |rectangle: &weir_compiler::flows::Rectangle| Grant {
        sources: rectangle.sources.clone(),
        destinations: rectangle.destinations.clone(),
        ports: rectangle.ports.clone(),
        demand: rectangle.demand.clone(),
        terms: terms(rectangle.statement),
        // no rectangle of the package: its statement is one of those that were asked
        rectangle: rectangle.statement,
    };
    subject.asked.rectangles.iter().map(grant).collect()
}

pub(crate) fn rule(subject: &Subject, index: u32) -> Rule {
    let statement = subject.statement(index);
    Rule {
        id: statement.id.to_string(),
        policy: statement.policy.to_string(),
        text: statement.text.to_string(),
        place: subject.place(statement.file, statement.span),
    }
}

/// A pair that people can picture: devices and workloads before what lies outside.
pub(crate) fn preferred(subject: &Subject, sources: &Ranges<u32>, destinations: &Ranges<u32>) -> (u32, u32) {
    let rank = |id: &u32| match subject.principal(*id).kind {
        PrincipalKind::Device | PrincipalKind::Workload => 0,
        PrincipalKind::Gateway | PrincipalKind::Role => 1,
        PrincipalKind::External => 2,
    };
    // the first few are enough to find one of a good kind
    let first = |set: &Ranges<u32>, not: Option<u32>| {
        set.members().take(64).filter(|id| Some(*id) != not).min_by_key(rank)
    };
    let source = first(sources, None).unwrap_or_default();
    let destination = first(destinations, Some(source)).or_else(|| first(destinations, None));
    (source, destination.unwrap_or_default())
}
