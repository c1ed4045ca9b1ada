//! Device classes: single inheritance, defaults for attributes, attributes of their own.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use weir_syntax::{
    Diagnostic,
    ast::{Attribute, Declaration},
    diagnostic::codes,
};

use super::{Model, Typed};
use crate::names::{EntityId, Kind, Scope, Universe, schema, schema::Type};

/// A class with all that it inherits.
#[derive(Debug, Default)]
pub(super) struct Class<'a> {
    pub(super) values: FxHashMap<SmolStr, Arc<Typed<'a>>>,
    /// Attributes declared in `attribute` blocks: type, and whether every device needs them.
    pub(super) declared: FxHashMap<SmolStr, (Option<Type>, bool)>,
}

pub(super) type Classes<'a> = FxHashMap<EntityId, Class<'a>>;

pub(super) fn read<'a>(
    universe: &Universe<'a>,
    model: &mut Model,
    diagnostics: &mut Vec<Diagnostic>,
) -> Classes<'a> {
    let mut own_bases: FxHashMap<EntityId, EntityId> = FxHashMap::default();
    let order: Vec<EntityId> = universe.entities_of(Kind::Class).collect();
    for &entity in &order {
        let scope = universe.scope(entity, None);
        let Some(base) = &universe.entity(entity).declaration.class else { continue };
        match universe.reference(base, &[Kind::Class], scope) {
            Ok((base, _)) => {
                own_bases.insert(entity, base);
            }
            Err(diagnostic) => diagnostics.push(*diagnostic),
        }
    }
    let mut classes: Classes<'a> = FxHashMap::default();
    for &entity in &order {
        let mut chain = vec![entity];
        while let Some(base) = chain.last().and_then(|last| own_bases.get(last)).copied() {
            if chain.contains(&base) {
                let (file, span) = universe.name_span(entity);
                diagnostics.push(
                    Diagnostic::new(
                        &codes::E0212,
                        format!("class `{}` inherits from itself", universe.path(entity)),
                    )
                    .primary(file, span, "part of a circle of classes")
                    .help("remove one `: CLASS` of the circle"),
                );
                break;
            }
            chain.push(base);
        }
        if let Some(base) = own_bases.get(&entity) {
            model.bases.insert(entity, *base);
        }
        let mut class = Class::default();
        for ancestor in chain.iter().rev() {
            inherit(universe, *ancestor, &mut class, *ancestor == entity, diagnostics);
        }
        classes.insert(entity, class);
    }
    // a circle must not make later walks endless
    for &entity in &order {
        let mut seen = vec![entity];
        let mut at = entity;
        while let Some(base) = model.bases.get(&at).copied() {
            if seen.contains(&base) {
                model.bases.remove(&at);
                break;
            }
            seen.push(base);
            at = base;
        }
    }
    classes
}

/// Adds a class's own parts to what it inherited; reports them only for the class itself.
fn inherit<'a>(
    universe: &Universe<'a>,
    entity: EntityId,
    class: &mut Class<'a>,
    own: bool,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let scope = universe.scope(entity, None);
    let mut found = Vec::new();
    for inner in universe.blocks(entity, "attribute") {
        let declared = declare(inner, scope, &mut found);
        class.declared.insert(inner.name.text.clone(), declared);
    }
    for attribute in
        universe.entity(entity).declaration.body.iter().flat_map(weir_syntax::ast::Block::attributes)
    {
        match read_attribute(universe, attribute, class, scope) {
            Ok(typed) => {
                class.values.insert(attribute.name.text.clone(), Arc::new(typed));
            }
            Err(diagnostic) => found.push(*diagnostic),
        }
    }
    if own {
        diagnostics.append(&mut found);
    }
}

fn declare(inner: &Declaration, scope: Scope, diagnostics: &mut Vec<Diagnostic>) -> (Option<Type>, bool) {
    let common = schema::of(Kind::Device).attributes.iter().find(|known| known.name == inner.name.text);
    let (mut kind, mut required) = (common.map_or(Type::Text, |common| common.kind), false);
    for attribute in inner.body.iter().flat_map(weir_syntax::ast::Block::attributes) {
        let value = &attribute.value;
        match attribute.name.text.as_str() {
            "required" => required = value.as_word().is_some_and(|word| word.text == "true"),
            "type" => match value.as_word().map(|word| word.text.as_str()) {
                Some("integer") => kind = Type::Integer { min: 0, max: u64::MAX },
                Some("boolean") => kind = Type::Boolean,
                Some("version") => kind = Type::Version,
                Some("address") => kind = Type::Address,
                Some("text") => kind = Type::Text,
                _ => {
                    let words: &'static [&'static str] =
                        &["text", "integer", "boolean", "version", "address"];
                    diagnostics.push(
                        Diagnostic::new(&codes::E0302, "unknown type of an attribute")
                            .primary(scope.file, value.span, "none of the known types")
                            .help(format!("write one of: {}", words.join(", "))),
                    );
                }
            },
            _ => {}
        }
    }
    if let Some(common) = common.filter(|common| common.kind != kind) {
        diagnostics.push(
            Diagnostic::new(&codes::E0208, format!("`{}` has another type already", common.name))
                .primary(scope.file, inner.name.span, "a common attribute's type cannot be changed")
                .help("remove `type`; a common attribute can be made `required` here"),
        );
        kind = common.kind;
    }
    (Some(kind), required)
}

/// The value of a device's or class's attribute, common or declared by a class.
pub(super) fn read_attribute<'a>(
    universe: &Universe<'a>,
    attribute: &'a Attribute,
    class: &Class<'a>,
    scope: Scope,
) -> Result<Typed<'a>, Box<Diagnostic>> {
    let name = attribute.name.text.as_str();
    let common = schema::of(Kind::Device).attributes;
    let kind = match class.declared.get(name) {
        Some((kind, _)) => *kind,
        None => common.iter().find(|known| known.name == name).map(|known| known.kind),
    };
    if let Some(kind) = kind {
        return universe.typed(&attribute.value, kind, scope);
    }
    let mut names: Vec<&str> =
        common.iter().map(|known| known.name).chain(class.declared.keys().map(SmolStr::as_str)).collect();
    names.sort_unstable();
    Err(Box::new(
        Diagnostic::new(&codes::E0207, format!("a device of this class has no attribute `{name}`"))
            .primary(scope.file, attribute.name.span, "unknown attribute")
            .did_you_mean(name, scope.file, attribute.name.span, names.iter().copied())
            .help_otherwise(|| {
                format!(
                    "declare it in the class: `attribute {name} {{ type = text }}`, or use one of: {}",
                    names.join(", ")
                )
            }),
    ))
}
