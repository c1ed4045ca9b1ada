//! Everything that has a name, with its members: what reports call sets by.

use weir_syntax::{FileId, Span};

use super::{Model, PrincipalSet, Sets};
use crate::names::{EntityId, Kind, ModuleId, Universe, schema};

/// A declaration, or a module.
#[derive(Clone, Debug)]
pub struct Named {
    /// The declaration's keyword; `module` for an instance or a folder.
    pub kind: &'static str,
    /// Its path: `cells.plc_1`, `press[3]`.
    pub name: String,
    /// Missing for modules.
    pub entity: Option<EntityId>,
    /// Whoever is in it, where it is a set.
    pub members: Option<PrincipalSet>,
    pub documentation: String,
    pub file: FileId,
    pub span: Span,
}

/// All declarations in their order, those of `std` where they have members, then modules.
pub fn named(universe: &Universe<'_>, model: &Model) -> Vec<Named> {
    let mut sets = Sets::new(universe, model);
    let mut all = Vec::with_capacity(universe.entities.len());
    for (index, entity) in universe.entities.iter().enumerate() {
        let id = EntityId(index as u32);
        let members = sets.members_of(id).filter(|members| !members.is_empty());
        let of_std = entity.kind == Kind::Class || entity.kind == Kind::Protocol;
        if of_std && members.is_none() && universe.path(id).starts_with("std.") {
            continue;
        }
        let (file, span) = universe.name_span(id);
        all.push(Named {
            kind: schema::of(entity.kind).keyword,
            name: universe.path(id),
            entity: Some(id),
            members,
            documentation: entity.documentation.to_owned(),
            file,
            span,
        });
    }
    for (index, module) in universe.modules.iter().enumerate() {
        if module.path.is_empty() || module.path == "std" || module.path.starts_with("std.") {
            continue;
        }
        let members = sets.module(ModuleId(index as u32));
        let (file, span) = module.instance.unwrap_or_default();
        all.push(Named {
            kind: "module",
            name: module.path.clone(),
            entity: None,
            members: (!members.is_empty()).then_some(members),
            documentation: String::new(),
            file,
            span,
        });
    }
    all
}
