//! Claims that hold whatever happens: they say nothing, and their author thinks that they do.

use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{Body, Claim, Kind};
use crate::{
    flows::reach::Reach,
    model::{Model, PrincipalKind, PrincipalSet, Service},
};

/// About a claim of single flows that holds. `carried`: somebody is permitted what it speaks of.
pub(super) fn direct(model: &Model, claim: &Claim, carried: bool) -> Option<Diagnostic> {
    let Body::Direct { kind, destinations, services, .. } = &claim.body else { return None };
    if carried || *kind == Kind::Allow {
        return None;
    }
    let unserved = |service: &Service| match service {
        Service::Protocol { protocol, .. } => {
            destinations.members().all(|id| model.served_at(id, *protocol).is_empty())
        }
        _ => false,
    };
    let why = if services.iter().all(unserved) {
        "no destination serves it, and nobody is permitted it"
    } else if *kind == Kind::Only {
        "nobody at all is permitted it, not even those it names"
    } else {
        return None;
    };
    let help = match kind {
        Kind::Only => "permit it to those it names, correct it, or write `assert deny`",
        _ => "correct destination or service, or remove it",
    };
    Some(warning(claim, why, help))
}

/// About a chain that is not there.
pub(super) fn never(
    model: &Model,
    reach: &Reach<'_>,
    claim: &Claim,
    sources: &PrincipalSet,
    destinations: &PrincipalSet,
) -> Option<Diagnostic> {
    // who is outside needs no leave to start: what holds them out says something
    let outside = |id: u32| model.principal(id).kind == PrincipalKind::External;
    let why = if !sources.members().any(outside) && !reach.leads_out(sources) {
        "nothing leads out of its source"
    } else if !reach.leads_into(destinations) {
        "nothing leads to its destination"
    } else {
        return None;
    };
    Some(warning(claim, why, "correct the two sets, or remove it"))
}

fn warning(claim: &Claim, why: &str, help: &str) -> Diagnostic {
    Diagnostic::new(&codes::W0701, format!("this assertion holds without saying anything: {why}"))
        .primary(claim.file, claim.span, "holds whatever the rest of the policy says")
        .help(help)
}
