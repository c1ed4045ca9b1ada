//! IEC 62443: between two zones there is no flow without a conduit that carries it.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{PortSet, Rectangle, Statement};
use crate::{
    model::{Conduit, Model, Principal, PrincipalKind, PrincipalSet, Service},
    names::{EntityId, Universe},
};

/// One side of a flow: its innermost zones or externals, and those around them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Side {
    own: Vec<EntityId>,
    around: Vec<EntityId>,
}

impl Side {
    /// Whether no conduit is needed between them.
    pub(crate) fn shares_a_zone(&self, other: &Self) -> bool {
        self.own.iter().any(|zone| other.own.contains(zone))
    }
}

/// Checks every rectangle; conduits that carry none are a warning.
pub fn check(
    universe: &Universe<'_>,
    model: &Model,
    statements: &[Statement],
    rectangles: &[Rectangle],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut used = vec![false; model.conduits.len()];
    let mut missing: FxHashSet<(Vec<EntityId>, Vec<EntityId>)> = FxHashSet::default();
    let mut known: FxHashSet<(u32, u32, Option<u32>, PortSet)> = FxHashSet::default();
    let mut sides = Sides::default();
    for rectangle in rectangles {
        let (from, to) = (sides.of(model, &rectangle.sources), sides.of(model, &rectangle.destinations));
        for (source_id, source) in from.iter().map(|id| (*id, &sides.list[*id as usize])) {
            for (destination_id, destination) in to.iter().map(|id| (*id, &sides.list[*id as usize])) {
                if source.shares_a_zone(destination) {
                    continue;
                }
                let key = (source_id, destination_id, rectangle.protocol, rectangle.ports.clone());
                if rectangle.demand.is_none() && known.contains(&key) {
                    continue;
                }
                let joining: Vec<usize> = (0..model.conduits.len())
                    .filter(|index| joins(&model.conduits[*index], source, destination))
                    .collect();
                let carrying =
                    joining.iter().find(|index| carries(model, &model.conduits[**index], rectangle));
                if let Some(index) = carrying {
                    used[*index] = true;
                    if rectangle.demand.is_none() {
                        known.insert(key);
                    }
                    continue;
                }
                for index in &joining {
                    used[*index] = true; // refused: unused is not what is wrong with it
                }
                let statement = &statements[rectangle.statement as usize];
                if joining.is_empty() && !missing.insert((source.own.clone(), destination.own.clone())) {
                    continue;
                }
                let conduits: Vec<&Conduit> = joining.iter().map(|index| &model.conduits[*index]).collect();
                diagnostics.push(refused(
                    universe,
                    model,
                    statement,
                    rectangle,
                    source,
                    destination,
                    &conduits,
                ));
            }
        }
    }
    for (conduit, _) in model.conduits.iter().zip(&used).filter(|(_, used)| !**used) {
        let (file, span) = universe.name_span(conduit.entity);
        diagnostics.push(
            Diagnostic::new(&codes::W0505, format!("no flow uses conduit `{}`", conduit.name))
                .primary(file, span, "carries nothing")
                .help("remove it, or permit what it is for"),
        );
    }
}

/// All sides, numbered, and those of each set.
#[derive(Default)]
struct Sides {
    list: Vec<Side>,
    numbers: FxHashMap<Side, u32>,
    /// By where the set lies: rectangles keep theirs alive while they are checked.
    of_set: FxHashMap<usize, Arc<[u32]>>,
}

impl Sides {
    fn of(&mut self, model: &Model, set: &PrincipalSet) -> Arc<[u32]> {
        let key = Arc::as_ptr(set) as usize;
        if let Some(known) = self.of_set.get(&key) {
            return known.clone();
        }
        let numbers = sides(model, set.iter()).into_iter().map(|side| self.number(side)).collect();
        self.of_set.entry(key).insert_entry(numbers).get().clone()
    }

    fn number(&mut self, side: Side) -> u32 {
        if let Some(known) = self.numbers.get(&side) {
            return *known;
        }
        let number = self.list.len() as u32;
        self.list.push(side.clone());
        self.numbers.insert(side, number);
        number
    }
}

/// The different sides in a set of principals.
fn sides(model: &Model, set: impl Iterator<Item = (u32, u32)>) -> Vec<Side> {
    let mut sides: Vec<Side> = Vec::new();
    let mut last: Option<(Vec<_>, PrincipalKind, EntityId)> = None;
    for id in set.flat_map(|(first, last)| first..=last) {
        let principal = model.principal(id);
        let external =
            if principal.kind == PrincipalKind::External { principal.entity } else { EntityId(u32::MAX) };
        let same = last.as_ref().is_some_and(|(zones, kind, entity)| {
            *zones == principal.zones && *kind == principal.kind && *entity == external
        });
        if same {
            continue;
        }
        last = Some((principal.zones.clone(), principal.kind, external));
        let side = side(model, id, principal);
        if !sides.contains(&side) {
            sides.push(side);
        }
    }
    sides
}

pub(crate) fn side(model: &Model, id: u32, principal: &Principal) -> Side {
    let mut own: Vec<EntityId> = principal.zones.iter().map(|zone| model.zone(*zone).entity).collect();
    let mut around: Vec<EntityId> = principal
        .zones
        .iter()
        .flat_map(|zone| model.zones_around(*zone))
        .map(|zone| model.zone(zone).entity)
        .collect();
    if principal.kind == PrincipalKind::External {
        let mut externals: Vec<EntityId> = model
            .regions_of
            .iter()
            .filter(|(_, regions)| regions.contains(&id))
            .map(|(entity, _)| *entity)
            .collect();
        externals.sort_unstable();
        if own.is_empty() {
            own.clone_from(&externals);
        }
        around.extend(externals);
        // what lies beyond a network is reached through that network's zone
        let beyond =
            principal.attachments.iter().filter_map(|attachment| model.segment(attachment.segment).zone);
        around.extend(beyond.flat_map(|zone| model.zones_around(zone)).map(|zone| model.zone(zone).entity));
        around.sort_unstable();
        around.dedup();
    }
    Side { own, around }
}

pub(crate) fn joins(conduit: &Conduit, a: &Side, b: &Side) -> bool {
    let [first, second] = &conduit.ends;
    (a.around.contains(first) && b.around.contains(second))
        || (a.around.contains(second) && b.around.contains(first))
}

pub(crate) fn carries(model: &Model, conduit: &Conduit, rectangle: &Rectangle) -> bool {
    conduit.carries.iter().any(|service| match service {
        Service::Any => true,
        Service::Transport(transport) => PortSet::of(&[*transport]).covers(&rectangle.ports),
        Service::Protocol { protocol, operation: None } => {
            rectangle.protocol == Some(*protocol)
                || (rectangle.protocol.is_none()
                    && PortSet::of(&model.protocols.get(*protocol).transports).covers(&rectangle.ports))
        }
        Service::Protocol { protocol, operation: Some(carried) } => {
            rectangle.demand.as_ref().is_some_and(|demand| {
                demand.protocol == *protocol
                    && demand.only.as_ref().is_some_and(|only| {
                        only.iter().all(|used| {
                            used.operation == carried.operation
                                && (carried.arguments.is_empty() || used == carried)
                        })
                    })
            })
        }
    })
}

/// The conduits between two principals, as places in [`Model::conduits`], each with whether it carries a rectangle;
/// `None`, where they share a zone and need none.
pub fn between(
    model: &Model,
    rectangle: &Rectangle,
    source: u32,
    destination: u32,
) -> Option<Vec<(usize, bool)>> {
    let from = side(model, source, model.principal(source));
    let to = side(model, destination, model.principal(destination));
    if from.shares_a_zone(&to) {
        return None;
    }
    let joining = model.conduits.iter().enumerate().filter(|(_, conduit)| joins(conduit, &from, &to));
    Some(joining.map(|(index, conduit)| (index, carries(model, conduit, rectangle))).collect())
}

fn refused(
    universe: &Universe<'_>,
    model: &Model,
    statement: &Statement,
    rectangle: &Rectangle,
    source: &Side,
    destination: &Side,
    joining: &[&Conduit],
) -> Diagnostic {
    let name =
        |side: &Side| side.own.first().map_or_else(|| "no zone".to_owned(), |entity| universe.path(*entity));
    let (from, to) = (name(source), name(destination));
    let service = match rectangle.protocol {
        Some(protocol) => {
            let name = &model.protocols.get(protocol).name;
            name.rsplit('.').next().unwrap_or(name).to_owned()
        }
        None => rectangle.ports.describe(),
    };
    if source.own.is_empty() || destination.own.is_empty() {
        return Diagnostic::new(&codes::E0409, "one side of this flow is in no zone")
            .primary(statement.file, statement.span, "cannot be judged")
            .help("give the declaration a `zone`, or its network one");
    }
    match joining.first() {
        None => Diagnostic::new(&codes::E0501, format!("no conduit joins `{from}` and `{to}`"))
            .primary(statement.file, statement.span, format!("flows from `{from}` to `{to}`"))
            .help(format!(
                "add `conduit {}_{} between {from}, {to} {{ carries = [{service}] }}`, or drop the flow",
                from.replace(['.', '[', ']'], "_"),
                to.replace(['.', '[', ']'], "_")
            )),
        Some(conduit) => {
            let (file, span) = universe.name_span(conduit.entity);
            Diagnostic::new(&codes::E0502, format!("conduit `{}` does not carry `{service}`", conduit.name))
                .primary(statement.file, statement.service_span, format!("from `{from}` to `{to}`"))
                .secondary(file, span, "the conduit between them")
                .help(format!("add `{service}` to its `carries`, or drop the flow"))
        }
    }
}
