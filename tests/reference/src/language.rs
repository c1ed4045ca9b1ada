//! The meaning of a package: what some `allow` covers and no `deny` covers.

use weir_compiler::{
    flows::Statement,
    model::{Model, Service},
};
use weir_syntax::ast::Effect;

use crate::Wire;

/// What a package says of one connection, and which statement decided.
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'a> {
    Permitted(&'a Statement),
    /// Permitted or denied in part: some operations of a protocol, which no port tells from the others.
    Operations(&'a Statement),
    Denied(&'a Statement),
    /// No statement speaks of it, so it is denied.
    Unsaid,
}

impl Verdict<'_> {
    pub fn permits(self) -> bool {
        matches!(self, Self::Permitted(_))
    }
}

/// How much of a connection a statement covers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cover {
    Nothing,
    SomeOperations,
    All,
}

/// Decides one connection. Principals are indices into the model's.
pub fn permits<'a>(
    model: &Model,
    statements: &'a [Statement],
    source: u32,
    destination: u32,
    wire: Wire,
) -> Verdict<'a> {
    let strongest = |effect: Effect| {
        statements
            .iter()
            .filter(|statement| statement.effect == effect)
            .map(|statement| (covers(model, statement, source, destination, wire), statement))
            .filter(|(cover, _)| *cover != Cover::Nothing)
            .max_by_key(|(cover, _)| *cover)
    };
    let Some((permitted, allow)) = strongest(Effect::Allow) else {
        return strongest(Effect::Deny).map_or(Verdict::Unsaid, |(_, deny)| Verdict::Denied(deny));
    };
    match (strongest(Effect::Deny), permitted) {
        (Some((Cover::All, deny)), _) => Verdict::Denied(deny),
        (Some((_, deny)), _) => Verdict::Operations(deny),
        (None, Cover::All) => Verdict::Permitted(allow),
        (None, _) => Verdict::Operations(allow),
    }
}

/// The part of a connection that a statement covers, whatever its effect says about it.
fn covers(model: &Model, statement: &Statement, source: u32, destination: u32, wire: Wire) -> Cover {
    if !statement.sources.contains(source) || !statement.destinations.contains(destination) {
        return Cover::Nothing;
    }
    let cover = |service: &Service| match service {
        // An `allow` of anything means IP; a `deny` of anything means everything.
        Service::Any if wire.is_ip() || statement.effect == Effect::Deny => Cover::All,
        Service::Any => Cover::Nothing,
        Service::Transport(transport) if wire.is_over(*transport) => Cover::All,
        Service::Transport(_) => Cover::Nothing,
        Service::Protocol { protocol, operation } => {
            let runs = serves(model, destination, *protocol, wire)
                || (statement.effect == Effect::Deny && runs_by_default(model, *protocol, wire));
            match (runs, operation) {
                (false, _) => Cover::Nothing,
                (true, None) => Cover::All,
                (true, Some(_)) => Cover::SomeOperations,
            }
        }
    };
    statement.services.iter().map(cover).max().unwrap_or(Cover::Nothing)
}

/// Whether a protocol without a port of the server's own uses this one.
fn runs_by_default(model: &Model, protocol: u32, wire: Wire) -> bool {
    model.protocols.list[protocol as usize].transports.iter().any(|transport| wire.is_over(*transport))
}

/// Whether a principal serves a protocol there.
fn serves(model: &Model, principal: u32, protocol: u32, wire: Wire) -> bool {
    let principal = &model.principals[principal as usize];
    if Some(principal.entity) == model.internet {
        return runs_by_default(model, protocol, wire);
    }
    let entity = model.protocols.list[protocol as usize].entity;
    let served = principal.details.serves.as_deref().unwrap_or_default();
    served.iter().filter(|served| served.protocol == entity).any(|served| match served.port {
        Some(port) => wire.is_over(port),
        None => runs_by_default(model, protocol, wire),
    })
}
