//! How far a principal is trusted before any flow is looked at (language reference, “Integrity”).

use weir_syntax::{FileId, Span};

use super::{Integrity, Model, Principal, PrincipalKind, ZoneId};
use crate::names::{EntityId, Universe};

/// The two sides of `integrity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    /// What its own data is worth, if nothing worse flows in.
    pub own: Integrity,
    /// What the data behind a command to it has to be worth.
    pub demand: Integrity,
}

/// The highest level of the Purdue model whose devices count as automation.
const AUTOMATION: u8 = 3;

impl Model {
    /// What a principal or its class declares. Those that declare nothing count as their zone: `field` up to Purdue
    /// level 3, `untrusted` above and where no level is given. What stands in several zones is worth the worst of them,
    /// and demands what the best of them does; a gateway guards the best of them, so it counts as that. What lies outside
    /// is untrusted unless it says otherwise.
    pub fn trust(&self, principal: &Principal) -> Trust {
        if let Some(declared) = principal.details.integrity {
            return Trust { own: declared, demand: declared };
        }
        if principal.kind == PrincipalKind::External {
            return Trust { own: Integrity::Untrusted, demand: Integrity::Untrusted };
        }
        let mut of_zones = principal.zones.iter().map(|zone| self.zone_integrity(*zone));
        let first = of_zones.next().unwrap_or_default();
        let (worst, best) = of_zones.fold((first, first), |(low, high), one| (low.min(one), high.max(one)));
        match principal.kind {
            PrincipalKind::Gateway => Trust { own: best, demand: best },
            _ => Trust { own: worst, demand: best },
        }
    }

    /// What those count as who stand in a zone and say nothing.
    fn zone_integrity(&self, zone: ZoneId) -> Integrity {
        let level = self.zones_around(zone).find_map(|zone| self.zone(zone).purdue);
        if level.is_some_and(|level| level <= AUTOMATION) { Integrity::Field } else { Integrity::Untrusted }
    }

    /// Where a principal's attribute stands, in its own declaration or its class; nothing, where neither gives it.
    pub fn attribute_place(
        &self,
        universe: &Universe<'_>,
        principal: &Principal,
        name: &str,
    ) -> Option<(FileId, Span)> {
        let at = |entity: EntityId| {
            universe.attribute(entity, name).map(|attribute| (universe.name_span(entity).0, attribute.span))
        };
        let classes = std::iter::successors(principal.details.class, |class| self.bases.get(class).copied());
        std::iter::once(principal.entity).chain(classes).find_map(at)
    }
}
