//! The normal form of a plan: what the ruleset holds, before it is text. It depends on the plan's meaning only, not
//! on the order of its rules.

use std::collections::hash_map::Entry;

use rustc_hash::{FxHashMap, FxHashSet};
use weir_compiler::plan::{GatewayPlan, Hook};

use crate::content::{Content, Key, Origins, Permission, Wide, normalise};
use crate::error::EmitError;
use crate::layers::{Atom, MAXIMUM, Source, layers};
use crate::profile::{Profiles, Tier};
use crate::sets::{EXPAND, Family, Interner, Range, width};

/// A source's identity in one layer: its lowest address for IPv4, a digest of it for IPv6. So the class of a group
/// keeps its number when another group comes or goes, and the diff of two rulesets shows what changed. Never 0.
pub(crate) type ClassId = u32;

/// One step of the lookup: every source address has at most one class in it.
#[derive(Debug)]
pub(crate) struct Layer {
    /// Addresses that share their permissions with no other, with what they may reach: no class, half the elements.
    pub(crate) pairs: Vec<(u128, Key)>,
    pub(crate) singles: Vec<(u128, ClassId)>,
    pub(crate) ranges: Vec<(Range, ClassId)>,
}

impl Layer {
    /// Has classes, which need the maps that all layers share.
    pub(crate) fn classes(&self) -> bool {
        !self.singles.is_empty() || !self.ranges.is_empty()
    }
}

/// All of one family that one hook looks up. Class ids are unique in here, so all layers share the two maps.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    /// In the order of lookups: the layers of the first tier, of the second, ...
    pub(crate) layers: Vec<Layer>,
    pub(crate) keys: Vec<(ClassId, Key)>,
    pub(crate) boxes: Vec<(ClassId, Wide)>,
}

impl Lookup {
    /// How many elements all of its sets and maps have.
    pub(crate) fn elements(&self) -> usize {
        let layers = self.layers.iter().map(|l| l.pairs.len() + l.singles.len() + l.ranges.len());
        layers.sum::<usize>() + self.keys.len() + self.boxes.len()
    }
}

/// What one hook permits.
#[derive(Debug)]
pub(crate) struct HookForm {
    pub(crate) hook: Hook,
    pub(crate) v4: Lookup,
    pub(crate) v6: Lookup,
}

impl HookForm {
    pub(crate) fn family(&self, family: Family) -> &Lookup {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.v4.layers.is_empty() && self.v6.layers.is_empty()
    }
}

pub(crate) struct NormalForm {
    /// Forward, input, output.
    pub(crate) hooks: [HookForm; 3],
    pub(crate) profiles: Profiles,
    pub(crate) origins: Origins,
}

/// The name of a hook in the kernel.
pub(crate) fn hook_name(hook: Hook) -> &'static str {
    match hook {
        Hook::Forward => "forward",
        Hook::Input => "input",
        Hook::Output => "output",
    }
}

/// A rule in one family, by interned sets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct FamilyRule {
    sources: u32,
    permission: Permission,
}

impl NormalForm {
    pub(crate) fn build(plan: &GatewayPlan) -> Result<Self, EmitError> {
        let mut profiles = Profiles::collect(plan)?;
        let mut origins = Origins::new(plan.statements.len());
        let mut sets = Interner::default();
        let mut entries: FxHashMap<(Hook, Family, Tier), Vec<FamilyRule>> = FxHashMap::default();
        let mut error: Option<(String, EmitError)> = None;
        for (index, rule) in plan.rules.iter().enumerate() {
            let profile = profiles.of_rule(index);
            let mut useful = false;
            let mut sound = true;
            for family in Family::BOTH {
                let sources = sets.addresses(&rule.sources, family);
                let destinations = sets.addresses(&rule.destinations, family);
                let Some(services) = sets.services(rule, family) else {
                    sound = false;
                    break;
                };
                let empty = |set| sets.address_set(set).ranges.is_empty();
                if empty(sources) || empty(destinations) || sets.service_set(services).is_empty() {
                    continue;
                }
                useful = true;
                let permission = Permission { destinations, services, profile, statement: rule.statement };
                let key = (rule.hook, family, profiles.tier(profile));
                entries.entry(key).or_default().push(FamilyRule { sources, permission });
            }
            if !useful || !sound {
                // Report the lowest statement, so that the message does not depend on the order of the rules.
                let statement = plan.statements[rule.statement as usize].id.to_string();
                if error.as_ref().is_none_or(|(lowest, _)| statement < *lowest) {
                    let kind = if sound {
                        EmitError::EmptyRule { statement: statement.clone() }
                    } else {
                        EmitError::BadPorts { statement: statement.clone() }
                    };
                    error = Some((statement, kind));
                }
            }
        }
        if let Some((_, error)) = error {
            return Err(error);
        }
        let mut form = |hook| -> Result<HookForm, EmitError> {
            let mut family = |family| -> Result<Lookup, EmitError> {
                let mut builder = Builder::new(family);
                for tier in [Tier::Logged, Tier::Silent, Tier::Audit] {
                    if let Some(entries) = entries.remove(&(hook, family, tier)) {
                        builder.tier(entries, &sets, &mut profiles, &mut origins).map_err(|elements| {
                            EmitError::TooManyElements { hook: hook_name(hook), elements, maximum: MAXIMUM }
                        })?;
                    }
                }
                Ok(builder.finish())
            };
            Ok(HookForm { hook, v4: family(Family::V4)?, v6: family(Family::V6)? })
        };
        let hooks = [form(Hook::Forward)?, form(Hook::Input)?, form(Hook::Output)?];
        Ok(Self { hooks, profiles, origins })
    }

    /// What one hook permits.
    pub(crate) fn hook(&self, hook: Hook) -> &HookForm {
        match hook {
            Hook::Forward => &self.hooks[0],
            Hook::Input => &self.hooks[1],
            Hook::Output => &self.hooks[2],
        }
    }
}

struct Builder {
    family: Family,
    taken: FxHashSet<ClassId>,
    lookup: Lookup,
}

impl Builder {
    fn new(family: Family) -> Self {
        Self { family, taken: FxHashSet::default(), lookup: Lookup::default() }
    }

    fn tier(
        &mut self,
        mut entries: Vec<FamilyRule>,
        sets: &Interner,
        profiles: &mut Profiles,
        origins: &mut Origins,
    ) -> Result<(), u64> {
        entries.sort_unstable();
        entries.dedup();
        let bodies: Vec<&[FamilyRule]> = entries.chunk_by(|a, b| a.sources == b.sources).collect();
        let sources: Vec<Source<'_>> = bodies
            .iter()
            .map(|body| Source {
                ranges: &sets.address_set(body[0].sources).ranges,
                elements: body.iter().fold(0, |sum: u64, entry| {
                    sum.saturating_add(sets.cost(entry.permission.destinations, entry.permission.services))
                }),
            })
            .collect();
        let mut permissions = Vec::new();
        for atoms in layers(&sources)? {
            let mut classes: Vec<(Content, Vec<Range>)> = Vec::with_capacity(atoms.len());
            // By digest, and how many others of the same digest came before.
            let mut known: FxHashMap<(u64, u32), usize> = FxHashMap::default();
            for Atom { sources, ranges } in atoms {
                permissions.clear();
                permissions.extend(
                    sources.iter().flat_map(|index| bodies[*index as usize]).map(|entry| entry.permission),
                );
                let content = normalise(&permissions, sets, profiles, origins);
                let mut place = (digest(&content), 0);
                loop {
                    match known.entry(place) {
                        Entry::Occupied(index) if classes[*index.get()].0.permits_the_same(&content) => {
                            let (same, of_same) = &mut classes[*index.get()];
                            same.add_origins(&content, origins);
                            of_same.extend(ranges);
                            break;
                        }
                        Entry::Occupied(_) => place.1 += 1,
                        Entry::Vacant(free) => {
                            free.insert(classes.len());
                            classes.push((content, ranges));
                            break;
                        }
                    }
                }
            }
            self.layer(classes);
        }
        Ok(())
    }

    fn layer(&mut self, classes: Vec<(Content, Vec<Range>)>) {
        let mut layer = Layer { pairs: Vec::new(), singles: Vec::new(), ranges: Vec::new() };
        for (content, mut ranges) in classes {
            ranges.sort_unstable();
            if let ([(first, last)], true) = (&ranges[..], content.boxes.is_empty())
                && first == last
            {
                layer.pairs.extend(content.keys.into_iter().map(|key| (*first, key)));
                continue;
            }
            let class = self.class(ranges[0].0);
            for range in join(ranges) {
                if width(range) <= EXPAND {
                    layer.singles.extend((range.0..=range.1).map(|address| (address, class)));
                } else {
                    layer.ranges.push((range, class));
                }
            }
            self.lookup.keys.extend(content.keys.into_iter().map(|key| (class, key)));
            self.lookup.boxes.extend(content.boxes.into_iter().map(|wide| (class, wide)));
        }
        layer.pairs.sort_unstable();
        layer.singles.sort_unstable();
        layer.ranges.sort_unstable();
        self.lookup.layers.push(layer);
    }

    /// The next free id at or after the one that the lowest address proposes.
    fn class(&mut self, lowest: u128) -> ClassId {
        let mut id = match self.family {
            Family::V4 => lowest as u32,
            Family::V6 => {
                let mixed = (lowest ^ (lowest >> 64)) as u64;
                (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
            }
        };
        while id == 0 || !self.taken.insert(id) {
            id = id.wrapping_add(1);
        }
        id
    }

    fn finish(mut self) -> Lookup {
        self.lookup.keys.sort_unstable();
        self.lookup.boxes.sort_unstable();
        self.lookup
    }
}

/// Joins adjacent ranges of a sorted list.
fn join(sorted: Vec<Range>) -> Vec<Range> {
    let mut joined: Vec<Range> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match joined.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(range.0) => *end = range.1,
            _ => joined.push(range),
        }
    }
    joined
}

/// Equal for contents that permit the same.
fn digest(content: &Content) -> u64 {
    use std::hash::{Hash as _, Hasher as _};
    let mut hasher = rustc_hash::FxHasher::default();
    for key in &content.keys {
        (key.destination, key.transport, key.port, key.verdict).hash(&mut hasher);
    }
    for wide in &content.boxes {
        (wide.destinations, wide.transport, wide.ports, wide.verdict).hash(&mut hasher);
    }
    hasher.finish()
}
