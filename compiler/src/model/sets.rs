//! Set expressions: names, `|`, `&`, `-`, `where`. A set stays a few ranges of principals; named ones are made once.

use std::{cell::OnceCell, sync::Arc};

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;
use weir_syntax::{
    Diagnostic,
    ast::{Comparison, Expr, ExprKind, Path, Sign},
    diagnostic::codes,
};

use super::{Details, Model, PrincipalKind, PrincipalSet};
use crate::{
    names::{EntityId, Kind, ModuleId, Scope, Target, Universe, Value, schema},
    plan::Ranges,
};

/// Members of everything that has a name, made when first asked for.
#[derive(Debug)]
pub struct Sets<'m, 'a> {
    universe: &'m Universe<'a>,
    model: &'m Model,
    by_zone: Vec<Vec<u32>>,
    by_segment: Vec<Vec<u32>>,
    by_class: FxHashMap<EntityId, Vec<u32>>,
    entities: FxHashMap<EntityId, State>,
    modules: FxHashMap<ModuleId, PrincipalSet>,
    /// Devices and the like, all of an array or one element: a rule names few of them twice, a package many.
    declared: FxHashMap<(EntityId, Option<u32>), PrincipalSet>,
    /// Names of attributes that some principal has; made when first asked for.
    attributes: OnceCell<FxHashSet<SmolStr>>,
    /// Groups that are being made, each for the one before.
    depth: usize,
}

/// Groups may name each other so deep: each one takes room on the stack.
const MOST_NESTED: usize = 200;

#[derive(Clone, Debug)]
enum State {
    /// Being made: met again, it is defined by itself.
    Open,
    Known(PrincipalSet),
}

type Evaluated = Result<PrincipalSet, Box<Diagnostic>>;

impl<'m, 'a> Sets<'m, 'a> {
    pub fn new(universe: &'m Universe<'a>, model: &'m Model) -> Self {
        Self::with(universe, model, true)
    }

    /// Zones, networks and slices without the gateways on their borders; those are members by their own name alone.
    pub fn without_borders(universe: &'m Universe<'a>, model: &'m Model) -> Self {
        Self::with(universe, model, false)
    }

    fn with(universe: &'m Universe<'a>, model: &'m Model, borders: bool) -> Self {
        let mut by_zone = vec![Vec::new(); model.zones.len()];
        let mut by_segment = vec![Vec::new(); model.segments.len()];
        let mut by_class: FxHashMap<EntityId, Vec<u32>> = FxHashMap::default();
        for (index, principal) in model.principals.iter().enumerate() {
            let may_border = !borders && principal.kind == PrincipalKind::Gateway;
            for zone in &principal.zones {
                for around in model.zones_around(*zone) {
                    let inside = |own: &super::ZoneId| model.zones_around(*own).any(|zone| zone == around);
                    if !may_border || principal.zones.iter().all(inside) {
                        by_zone[around.index()].push(index as u32);
                    }
                }
            }
            if principal.kind != PrincipalKind::External && !(may_border && principal.attachments.len() > 1) {
                for attachment in &principal.attachments {
                    by_segment[attachment.segment.index()].push(index as u32);
                }
            }
            let mut class = principal.details.class;
            while let Some(id) = class {
                by_class.entry(id).or_default().push(index as u32);
                class = model.bases.get(&id).copied();
            }
        }
        Self {
            universe,
            model,
            by_zone,
            by_segment,
            by_class,
            entities: FxHashMap::default(),
            modules: FxHashMap::default(),
            declared: FxHashMap::default(),
            attributes: OnceCell::new(),
            depth: 0,
        }
    }

    /// The principals that an expression stands for.
    pub fn evaluate(&mut self, expr: &'a Expr, scope: Scope) -> Evaluated {
        match &expr.kind {
            ExprKind::Path(path) => self.path(path, scope),
            ExprKind::Union(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(self.evaluate(part, scope)?.iter());
                }
                Ok(Arc::new(Ranges::from_unsorted(all)))
            }
            ExprKind::Intersection(parts) => {
                let mut both: Option<PrincipalSet> = None;
                for part in parts {
                    let set = self.evaluate(part, scope)?;
                    both = Some(match both {
                        Some(both) => Arc::new(both.intersection(&set)),
                        None => set,
                    });
                }
                Ok(both.unwrap_or_default())
            }
            ExprKind::Sum(first, rest) => {
                let mut left = self.evaluate(first, scope)?;
                for (sign, operand) in rest {
                    if *sign == Sign::Plus {
                        return Err(Self::no_set(expr, scope, "sets are joined with `|`, not with `+`"));
                    }
                    let right = self.evaluate(operand, scope);
                    let right = right.map_err(|unknown| self.dashed(expr, operand, scope, unknown))?;
                    left = Arc::new(left.difference(&*right));
                }
                Ok(left)
            }
            ExprKind::Where(set, predicate) => {
                let set = self.evaluate(set, scope)?;
                let mut kept = Vec::new();
                for id in set.members() {
                    if self.holds(predicate, &self.model.principal(id).details, scope)? {
                        kept.push((id, id));
                    }
                }
                Ok(Arc::new(Ranges::from_unsorted(kept)))
            }
            ExprKind::Error => Err(crate::names::already_said()),
            ExprKind::List(_) => Err(Self::no_set(expr, scope, "join the members by `|`: `panel | scada`")),
            ExprKind::Or(_) | ExprKind::And(_) => Err(Self::no_set(
                expr,
                scope,
                "sets are joined by `|` (in one of them) and `&` (in both); `and` and `or` stand in conditions behind `where`",
            )),
            ExprKind::Address(_) | ExprKind::Prefix(..) => Err(Self::no_set(
                expr,
                scope,
                "declare a `device`, a `network` or an `external` that has it, and name that",
            )),
            ExprKind::String(literal) => {
                let name = literal.as_plain().unwrap_or_default();
                let known = !self.universe.symbols(name, scope).is_empty();
                let wrong = Self::no_set(expr, scope, "names stand without quotes");
                Err(if known {
                    Box::new(wrong.fix("remove the quotes", scope.file, expr.span, name))
                } else {
                    wrong
                })
            }
            _ => Err(Self::no_set(
                expr,
                scope,
                "name devices, classes, zones or groups, joined by `|`, `&`, `-`",
            )),
        }
    }

    /// `pump-plc`, where `pump_plc` is declared.
    fn dashed(
        &self,
        whole: &Expr,
        operand: &Expr,
        scope: Scope,
        unknown: Box<Diagnostic>,
    ) -> Box<Diagnostic> {
        let ExprKind::Sum(first, rest) = &whole.kind else { return unknown };
        let parts: Option<Vec<&str>> = std::iter::once(&**first)
            .chain(rest.iter().map(|(_, part)| part))
            .map(|part| part.as_word().map(|word| word.text.as_str()))
            .collect();
        let tight = operand.span.end - first.span.start;
        match parts.map(|parts| parts.join("_")) {
            Some(name) if name.len() == tight as usize && !self.universe.symbols(&name, scope).is_empty() => {
                Box::new(unknown.help(format!("did you mean `{name}`? `-` takes one set from another")).fix(
                    format!("write `{name}`"),
                    scope.file,
                    whole.span,
                    name,
                ))
            }
            _ => unknown,
        }
    }

    fn no_set(expr: &Expr, scope: Scope, help: &str) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::new(&codes::E0301, "expected a set of principals")
                .primary(scope.file, expr.span, "not a set")
                .help(help),
        )
    }

    fn path(&mut self, path: &'a Path, scope: Scope) -> Evaluated {
        let fits = |targets: &[Target]| {
            targets.iter().all(|target| match target {
                Target::Entity(id, _) => !matches!(
                    self.universe.entity(*id).kind,
                    Kind::Protocol
                        | Kind::Policy
                        | Kind::Exception
                        | Kind::Conduit
                        | Kind::Core
                        | Kind::Radio
                        | Kind::Import
                ),
                Target::Module(_) => true,
                Target::Template(_) => false,
            })
        };
        if let Some(word) = path.as_word()
            && let Some(Value::Expression(expr, outer)) = self.universe.parameter(&word.text, scope)
        {
            return self.evaluate(expr, outer);
        }
        let found = self.universe.find(path, scope, fits)?;
        if let Some(extra) = found.rest.first() {
            return Err(Box::new(
                Diagnostic::new(&codes::E0203, format!("`{}` is no member of a set", extra.name.text))
                    .primary(scope.file, extra.name.span, "names no principal")
                    .help("a set is named by a declaration; attributes are asked for with `where`"),
            ));
        }
        if let [Target::Entity(id, element)] = found.targets.as_slice() {
            return self.entity(*id, *element, path, scope);
        }
        let mut all = Vec::new();
        for target in &found.targets {
            let set = match target {
                Target::Entity(id, element) => self.entity(*id, *element, path, scope)?,
                Target::Module(module) => self.module(*module),
                Target::Template(_) => return Err(self.of_no_members(path, "a template", scope)),
            };
            all.extend(set.iter());
        }
        Ok(Arc::new(Ranges::from_unsorted(all)))
    }

    fn of_no_members(&self, path: &Path, what: &str, scope: Scope) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::new(&codes::E0203, format!("expected principals, found {what}"))
                .primary(scope.file, path.span, "has no members")
                .help("name a device, workload, external, role, gateway, class, zone, network, cluster, slice, group or module"),
        )
    }

    fn entity(&mut self, id: EntityId, element: Option<u32>, path: &Path, scope: Scope) -> Evaluated {
        if let Some((first, count)) = self.model.principals_of.get(&id).copied() {
            let make = || {
                Arc::new(match element {
                    Some(element) if element <= count => {
                        Ranges::from_unsorted(vec![(first + element - 1, first + element - 1)])
                    }
                    _ if count == 0 => Ranges::new(),
                    _ => Ranges::from_unsorted(vec![(first, first + count - 1)]),
                })
            };
            return Ok(self.declared.entry((id, element)).or_insert_with(make).clone());
        }
        match self.entities.get(&id) {
            Some(State::Known(set)) => return Ok(set.clone()),
            Some(State::Open) => {
                return Err(Box::new(
                    Diagnostic::new(
                        &codes::E0212,
                        format!("group `{}` is defined by itself", self.universe.path(id)),
                    )
                    .primary(scope.file, path.span, "leads back to the group that is being defined")
                    .help("remove it from one of the groups of the circle"),
                ));
            }
            None => {}
        }
        let of = |list: Option<&Vec<u32>>| {
            Arc::new(Ranges::from_unsorted(list.into_iter().flatten().map(|id| (*id, *id)).collect()))
        };
        let found = self.universe.entity(id);
        let set = match found.kind {
            Kind::Zone => of(self.model.zone_of.get(&id).map(|zone| &self.by_zone[zone.index()])),
            Kind::Network | Kind::Slice | Kind::Cluster => {
                of(self.model.segment_of.get(&id).map(|segment| &self.by_segment[segment.index()]))
            }
            Kind::Class => of(self.by_class.get(&id)),
            Kind::External => of(self.model.regions_of.get(&id)),
            Kind::Group if self.depth >= MOST_NESTED => {
                return Err(Box::new(
                    Diagnostic::new(
                        &codes::E0212,
                        format!("groups name each other more than {MOST_NESTED} deep"),
                    )
                    .primary(scope.file, path.span, "its members are not looked up")
                    .help("name the members of inner groups directly"),
                ));
            }
            Kind::Group => {
                self.depth += 1;
                self.entities.insert(id, State::Open);
                let inner = self.universe.scope(id, None);
                let set = match &found.declaration.value {
                    Some(value) => self.evaluate(value, inner),
                    None => Ok(PrincipalSet::default()),
                };
                self.entities.remove(&id);
                self.depth -= 1;
                set?
            }
            kind => {
                let what = format!("a {}", schema::of(kind).keyword);
                return Err(self.of_no_members(path, &what, scope));
            }
        };
        self.entities.insert(id, State::Known(set.clone()));
        Ok(set)
    }

    /// The members of what a declaration names; nothing, where it names no set or its group cannot be made.
    pub(super) fn members_of(&mut self, id: EntityId) -> Option<PrincipalSet> {
        let of = |list: Option<&Vec<u32>>| {
            Some(Arc::new(Ranges::from_unsorted(list?.iter().map(|id| (*id, *id)).collect())))
        };
        if let Some((first, count @ 1..)) = self.model.principals_of.get(&id).copied() {
            return Some(Arc::new(Ranges::from_unsorted(vec![(first, first + count - 1)])));
        }
        let declared = self.universe.entity(id);
        match declared.kind {
            Kind::Zone => of(self.model.zone_of.get(&id).map(|zone| &self.by_zone[zone.index()])),
            Kind::Network | Kind::Slice | Kind::Cluster => {
                of(self.model.segment_of.get(&id).map(|segment| &self.by_segment[segment.index()]))
            }
            Kind::Class => of(self.by_class.get(&id)),
            Kind::External => of(self.model.regions_of.get(&id)),
            Kind::Group => {
                let value = declared.declaration.value.as_ref()?;
                self.evaluate(value, self.universe.scope(id, None)).ok()
            }
            _ => None,
        }
    }

    /// Everything that is declared in a module and the modules inside of it.
    pub(super) fn module(&mut self, id: ModuleId) -> PrincipalSet {
        if let Some(set) = self.modules.get(&id) {
            return set.clone();
        }
        let module = self.universe.module(id);
        let mut all: Vec<(u32, u32)> = Vec::new();
        for entity in &module.entities {
            if let Some((first, count @ 1..)) = self.model.principals_of.get(entity).copied() {
                all.push((first, first + count - 1));
            }
            all.extend(
                self.model.regions_of.get(entity).into_iter().flatten().map(|region| (*region, *region)),
            );
        }
        for inner in &module.inner {
            all.extend(self.module(*inner).iter());
        }
        let set = Arc::new(Ranges::from_unsorted(all));
        self.modules.insert(id, set.clone());
        set
    }

    /// Whether a principal's attributes fulfil a predicate. An attribute that it does not have fulfils nothing.
    fn holds(&self, predicate: &'a Expr, details: &Details, scope: Scope) -> Result<bool, Box<Diagnostic>> {
        match &predicate.kind {
            ExprKind::And(parts) => {
                parts.iter().try_fold(true, |all, part| Ok(all & self.holds(part, details, scope)?))
            }
            ExprKind::Or(parts) => {
                parts.iter().try_fold(false, |any, part| Ok(any | self.holds(part, details, scope)?))
            }
            ExprKind::Not(part) => Ok(!self.holds(part, details, scope)?),
            ExprKind::Compare(comparison, left, right) => {
                let Some(name) = left.as_word() else { return Err(Self::no_predicate(left, scope)) };
                if !self.knows_attribute(&name.text) {
                    let mut known: Vec<&str> =
                        schema::of(Kind::Device).attributes.iter().map(|a| a.name).collect();
                    known.sort_unstable();
                    return Err(Box::new(
                        Diagnostic::new(
                            &codes::E0207,
                            format!("no principal has an attribute `{}`", name.text),
                        )
                        .primary(scope.file, name.span, "unknown attribute")
                        .did_you_mean(&name.text, scope.file, name.span, known)
                        .help_otherwise(|| "declare it in a class".into()),
                    ));
                }
                let wanted = match self.universe.evaluate_word_or_value(right, scope)? {
                    Value::Text(text) => text,
                    Value::Integer(number) => number.to_string().into(),
                    Value::Boolean(boolean) => boolean.to_string().into(),
                    _ => return Err(Self::no_predicate(right, scope)),
                };
                let given = details.texts.iter().find(|(attribute, _)| *attribute == name.text);
                Ok(given.is_some_and(|(_, given)| compare(*comparison, given, &wanted)))
            }
            _ => Err(Self::no_predicate(predicate, scope)),
        }
    }

    fn knows_attribute(&self, name: &str) -> bool {
        let given = || {
            let texts = self.model.principals.iter().flat_map(|principal| &principal.details.texts);
            texts.map(|(attribute, _)| attribute.clone()).collect()
        };
        schema::of(Kind::Device).attributes.iter().any(|attribute| attribute.name == name)
            || self.attributes.get_or_init(given).contains(name)
    }

    fn no_predicate(expr: &Expr, scope: Scope) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::new(&codes::E0301, "expected a comparison of an attribute with a value")
                .primary(scope.file, expr.span, "not comparable")
                .help("write `vendor == \"Siemens\" and firmware >= \"2.8\"`"),
        )
    }
}

/// Equality by text; order by the numbers in it, as versions are ordered: "2.10" comes after "2.9".
fn compare(comparison: Comparison, given: &str, wanted: &str) -> bool {
    let order = || version_key(given).cmp(&version_key(wanted));
    match comparison {
        Comparison::Equal => given == wanted,
        Comparison::NotEqual => given != wanted,
        Comparison::Less => order().is_lt(),
        Comparison::LessEqual => order().is_le(),
        Comparison::Greater => order().is_gt(),
        Comparison::GreaterEqual => order().is_ge(),
    }
}

/// Runs of digits compare as numbers, all else as text.
fn version_key(version: &str) -> Vec<(u128, &str)> {
    let mut key = Vec::new();
    let mut rest = version.trim_start_matches(['v', 'V']);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let text = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (word, next) = after.split_at(text);
        key.push((number.parse().unwrap_or(if number.is_empty() { 0 } else { u128::MAX }), word));
        rest = next;
    }
    key
}
