//! Who may reach a device, and whom it may reach: permitted flows, denies taken away, as a call hierarchy.

use std::collections::BTreeMap;

use weir_compiler::names::Kind;
use weir_syntax::FileId;

use crate::{facts::Facts, host::Ide, names::Symbol, navigation::Location};

/// A declaration that makes principals; an array is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalItem {
    pub name: String,
    pub kind: Kind,
    pub location: Location,
    /// `10 devices`, an address.
    pub detail: String,
    /// Its path in the package, by which it is found again.
    pub path: String,
}

/// One at the other end, with the statements that permit it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub item: PrincipalItem,
    pub statements: Vec<Location>,
}

/// Peers that are shown at most; a flow from a whole zone has thousands.
const MOST: usize = 500;

impl Ide {
    /// What at an offset can reach or be reached.
    pub fn principal_items(&self, file: FileId, offset: u32) -> Vec<PrincipalItem> {
        let Some(found) = self.occurrence_at(file, offset) else { return Vec::new() };
        let Symbol::Declaration(id, kind) = found.symbol else { return Vec::new() };
        if !matches!(
            kind,
            Kind::Device | Kind::Workload | Kind::Gateway | Kind::External | Kind::Role | Kind::Group
        ) {
            return Vec::new();
        }
        let Some((facts, entities)) = self.entities(id) else { return Vec::new() };
        let numbers: Vec<u32> = entities.iter().map(|id| id.0).collect();
        numbers.iter().filter_map(|entity| self.principal_item(facts, *entity)).collect()
    }

    fn principal_item(&self, facts: &Facts, entity: u32) -> Option<PrincipalItem> {
        let relation = facts.relation()?;
        let declared = relation.declarations.get(entity as usize)?;
        let (file, span) = self.since_facts(declared.file, declared.span)?;
        let principals = principals(facts, entity);
        let detail = match principals.as_slice() {
            [one] => crate::hover::address_text(&relation.model.principal(*one).addresses()),
            several => format!("{} principals", several.len()),
        };
        Some(PrincipalItem {
            name: declared.path.clone(),
            kind: declared.kind,
            location: Location { file, span, full: span },
            detail,
            path: declared.path.clone(),
        })
    }

    /// Who may start a connection to a declaration (by its path), or to whom it may start one.
    pub fn peers(&self, path: &str, incoming: bool) -> Vec<Peer> {
        let Some(facts) = self.facts() else { return Vec::new() };
        let Some(relation) = facts.relation() else { return Vec::new() };
        let entity = relation.declarations.iter().position(|one| one.path == path);
        let Some(entity) = entity else { return Vec::new() };
        let own = principals(facts, entity as u32);
        let mut peers: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for rectangle in facts.permitted() {
            let (ours, theirs) = if incoming {
                (&rectangle.destinations, &rectangle.sources)
            } else {
                (&rectangle.sources, &rectangle.destinations)
            };
            if !own.iter().any(|id| ours.contains(*id)) {
                continue;
            }
            // elements of an array are one after the other, and are shown once
            let mut last = None;
            for id in theirs.members() {
                let peer = relation.model.principal(id).entity.0;
                if last.replace(peer) == Some(peer) {
                    continue;
                }
                if peers.len() >= MOST && !peers.contains_key(&peer) {
                    break;
                }
                peers.entry(peer).or_default().push(rectangle.statement);
            }
        }
        let location = |statement: &u32| {
            let statement = relation.statements.get(*statement as usize)?;
            let (file, span) = self.since_facts(statement.file, statement.span)?;
            Some(Location { file, span, full: span })
        };
        let peer = |(entity, mut statements): (u32, Vec<u32>)| {
            statements.sort_unstable();
            statements.dedup();
            let item = self.principal_item(facts, entity)?;
            Some(Peer { item, statements: statements.iter().filter_map(location).collect() })
        };
        peers.into_iter().filter_map(peer).collect()
    }

    /// How many principals may reach these, and how many these may reach.
    pub(crate) fn reach_counts(&self, facts: &Facts, own: &[u32]) -> (u64, u64) {
        let (mut sources, mut destinations) = (Vec::new(), Vec::new());
        for rectangle in facts.permitted() {
            if own.iter().any(|id| rectangle.destinations.contains(*id)) {
                sources.extend(rectangle.sources.iter());
            }
            if own.iter().any(|id| rectangle.sources.contains(*id)) {
                destinations.extend(rectangle.destinations.iter());
            }
        }
        let size = |ranges| weir_compiler::plan::Ranges::<u32>::from_unsorted(ranges).count();
        (size(sources), size(destinations))
    }
}

/// The principals that a declaration makes, or that a group has.
pub(crate) fn principals(facts: &Facts, entity: u32) -> Vec<u32> {
    let Some(relation) = facts.relation() else { return Vec::new() };
    let id = weir_compiler::names::EntityId(entity);
    if let Some((first, count)) = relation.model.principals_of.get(&id) {
        return (*first..first + count).collect();
    }
    if let Some(regions) = relation.model.regions_of.get(&id) {
        return regions.clone();
    }
    let group = relation.groups.iter().find(|(group, _)| *group == id);
    group.map(|(_, set)| set.members().collect()).unwrap_or_default()
}
