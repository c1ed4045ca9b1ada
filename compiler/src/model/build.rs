//! Puts the model together, in the order in which its parts need each other.

use weir_syntax::{
    Diagnostic,
    ast::{Entry, Item, ItemKind},
    diagnostic::codes,
};

use super::{Conduit, Model, Protocols, Typed, Zone, ZoneId, read_block};
use crate::names::{EntityId, Kind, Universe, schema};

/// Reads every declaration. What is wrong is reported; what can be read is in the model.
pub fn build(universe: &Universe<'_>) -> (Model, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let protocols = Protocols::build(universe, &mut diagnostics);
    let mut model = Model { protocols, internet: universe.internet, ..Model::default() };
    zones(universe, &mut model, &mut diagnostics);
    super::topology::segments(universe, &mut model, &mut diagnostics);
    let gateways = super::topology::gateways(universe, &mut model, &mut diagnostics);
    let classes = super::classes::read(universe, &mut model, &mut diagnostics);
    super::principals::build(universe, &classes, &gateways.values, &mut model, &mut diagnostics);
    super::clusters::build(universe, &mut model, &mut diagnostics);
    super::externals::build(universe, &mut model, &mut diagnostics);
    super::bridges::build(universe, &gateways.ports, &mut model, &mut diagnostics);
    super::topology::check_addresses(universe, &model, &mut diagnostics);
    conduits(universe, &mut model, &mut diagnostics);
    super::fiveg::read(universe, &mut model, &mut diagnostics);
    others(universe, &mut diagnostics);
    (model, diagnostics)
}

fn zones(universe: &Universe<'_>, model: &mut Model, diagnostics: &mut Vec<Diagnostic>) {
    let mut parents: Vec<Option<EntityId>> = Vec::new();
    for entity in universe.entities_of(Kind::Zone) {
        let mut zone = Zone {
            entity,
            name: universe.path(entity),
            purdue: None,
            target_level: None,
            parent: None,
            isolated: false,
        };
        let mut parent = None;
        for (name, typed) in entity_block(universe, entity, diagnostics) {
            match (name, typed) {
                ("purdue", Typed::Integer(level)) => zone.purdue = u8::try_from(level).ok(),
                ("target_level", Typed::Level(level)) => zone.target_level = Some(level),
                ("parent", Typed::References(list)) => parent = list.first().map(|(entity, _)| *entity),
                ("isolated", Typed::Boolean(isolated)) => zone.isolated = isolated,
                _ => {}
            }
        }
        model.zone_of.insert(entity, ZoneId(model.zones.len() as u32));
        model.zones.push(zone);
        parents.push(parent);
    }
    for (index, parent) in parents.into_iter().enumerate() {
        let Some(parent) = parent.and_then(|entity| model.zone_of.get(&entity).copied()) else { continue };
        if model.zones_around(parent).any(|zone| zone.index() == index) {
            let (file, span) = universe.name_span(model.zones[index].entity);
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0212,
                    format!("zone `{}` lies inside of itself", model.zones[index].name),
                )
                .primary(file, span, "its `parent`, or that one's parent, is this zone")
                .help("remove one `parent` of the circle"),
            );
        } else {
            model.zones[index].parent = Some(parent);
        }
    }
}

fn conduits(universe: &Universe<'_>, model: &mut Model, diagnostics: &mut Vec<Diagnostic>) {
    for entity in universe.entities_of(Kind::Conduit) {
        let scope = universe.scope(entity, None);
        let declaration = universe.entity(entity).declaration;
        let mut ends = Vec::new();
        for path in &declaration.between {
            match universe.reference_path(path, &[Kind::Zone, Kind::External], scope) {
                Ok((end, _)) => ends.push(end),
                Err(diagnostic) => diagnostics.push(*diagnostic),
            }
        }
        let mut conduit = Conduit {
            entity,
            name: universe.path(entity),
            ends: [entity; 2],
            carries: Vec::new(),
            requires: super::Assurance::None,
            through: Vec::new(),
        };
        for (name, typed) in entity_block(universe, entity, diagnostics) {
            match (name, typed) {
                ("carries", Typed::Expression(expr, scope)) => {
                    match model.protocols.services(universe, expr, scope) {
                        Ok(services) => conduit.carries = services,
                        Err(diagnostic) => diagnostics.push(*diagnostic),
                    }
                }
                ("requires", Typed::Assurance(assurance)) => {
                    conduit.requires = assurance;
                }
                ("through", Typed::References(list)) => {
                    conduit.through = list
                        .iter()
                        .filter_map(|(gateway, _)| model.gateway_of.get(gateway).copied())
                        .collect();
                }
                _ => {}
            }
        }
        if let [a, b] = ends.as_slice() {
            conduit.ends = [*a, *b];
            model.conduits.push(conduit);
        }
    }
}

/// Kinds whose entities are read elsewhere: their blocks are checked here. An import is held against what it imports by
/// `imports`.
fn others(universe: &Universe<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for kind in [Kind::Policy, Kind::Exception, Kind::Import] {
        for entity in universe.entities_of(kind) {
            entity_block(universe, entity, diagnostics);
        }
    }
}

/// The typed attributes of an entity's own block, its unnamed and named inner blocks checked along.
pub(crate) fn entity_block<'a>(
    universe: &Universe<'a>,
    entity: EntityId,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(&'static str, Typed<'a>)> {
    let found = universe.entity(entity);
    let schema = schema::of(found.kind);
    let scope = universe.scope(entity, None);
    for entry in found.declaration.body.iter().flat_map(|body| &body.entries) {
        if let Entry::Block(Item { kind: ItemKind::Declaration(inner), .. }) = entry
            && let Some(block) = schema.blocks.iter().find(|block| block.keyword == inner.keyword.text)
            && matches!(block.keyword, "qos" | "security")
        {
            read_block(universe, inner, block.attributes, scope, diagnostics);
        }
    }
    read_block(universe, found.declaration, schema.attributes, scope, diagnostics)
}

/// Where an attribute's value stands; the name, where it is not given.
pub(crate) fn attribute_place(
    universe: &Universe<'_>,
    entity: EntityId,
    name: &str,
) -> (weir_syntax::FileId, weir_syntax::Span) {
    let (file, span) = universe.name_span(entity);
    universe.attribute(entity, name).map_or((file, span), |attribute| (file, attribute.span))
}
