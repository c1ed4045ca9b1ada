//! `allow` minus `deny`, as rectangles. Cost: linear in the statements and the sizes of their sets, times the number of
//! denies that really overlap an allow.

use std::{collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;
use weir_syntax::{Diagnostic, FileId, Span, ast::Effect, diagnostic::codes};

use super::{Demand, PortSet, Statement, statements::some_names};
use crate::{
    model::{Model, PrincipalSet, Service, TransportMatch, protocols::OperationUse},
    plan::Ranges,
};

/// Every source may start a connection to every destination by every service in it.
#[derive(Clone, Debug)]
pub struct Rectangle {
    /// Index into the statements.
    pub statement: u32,
    pub sources: PrincipalSet,
    pub destinations: PrincipalSet,
    pub ports: PortSet,
    /// The protocol it was named by, for conduits.
    pub protocol: Option<u32>,
    pub demand: Option<Demand>,
}

struct Denied {
    sources: PrincipalSet,
    part: Covered,
    statement: u32,
}

/// What a service is at some destinations, wherever it may run.
#[derive(Clone, Debug)]
pub struct Covered {
    pub destinations: PrincipalSet,
    pub ports: PortSet,
    /// Only this operation of this protocol.
    pub operation: Option<(u32, OperationUse)>,
}

/// All that services can mean at destinations: a protocol on its default ports, and on every other port where one of
/// them serves it.
pub fn covered(model: &Model, services: &[Service], destinations: &PrincipalSet) -> Vec<Covered> {
    let mut parts = Vec::new();
    let mut push = |destinations: PrincipalSet, ports: PortSet, operation| {
        if !ports.is_empty() {
            parts.push(Covered { destinations, ports, operation });
        }
    };
    for service in services {
        match service {
            Service::Any => push(destinations.clone(), PortSet::everything(), None),
            Service::Transport(transport) => push(destinations.clone(), PortSet::of(&[*transport]), None),
            Service::Protocol { protocol, operation } => {
                let operation = operation.clone().map(|operation| (*protocol, operation));
                let defaults = PortSet::of(&model.protocols.get(*protocol).transports);
                push(destinations.clone(), defaults.clone(), operation.clone());
                let mut elsewhere: BTreeMap<PortSet, Vec<(u32, u32)>> = BTreeMap::new();
                for id in destinations.members() {
                    let ports = PortSet::of(&model.served_at(id, *protocol)).difference(&defaults);
                    if !ports.is_empty() {
                        elsewhere.entry(ports).or_default().push((id, id));
                    }
                }
                for (ports, ids) in elsewhere {
                    push(Arc::new(Ranges::from_unsorted(ids)), ports, operation.clone());
                }
            }
        }
    }
    parts
}

/// The permitted rectangles, denies taken away. Reports what is served by nobody and what is covered.
pub fn relation(
    model: &Model,
    statements: &[Statement],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Rectangle> {
    let denied = Denials::new(model, statements);
    let mut served = ServedPorts { model, by_list: FxHashMap::default(), sets: FxHashMap::default() };
    let mut permitted = Vec::new();
    let mut covered: Vec<(usize, u32)> = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        if statement.effect != Effect::Allow {
            continue;
        }
        let asked = served.rectangles(index as u32, statement, diagnostics);
        if asked.is_empty() {
            continue;
        }
        let before = permitted.len();
        let mut touched_by = None;
        for rectangle in asked {
            denied.subtract(rectangle, &mut permitted, &mut touched_by);
        }
        if let Some(deny) = touched_by {
            if permitted.len() == before {
                covered.push((index, deny));
            }
            if statement.is_exception {
                diagnostics.push(denied_by(&statements[deny as usize], covered_exception(statement)));
            }
        }
    }
    report_covered(statements, &covered, diagnostics);
    permitted
}

fn denied_by(deny: &Statement, diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.secondary(deny.file, deny.span, "denied here")
}

fn covered_exception(statement: &Statement) -> Diagnostic {
    Diagnostic::new(&codes::E0511, "a `deny` covers this exception")
        .primary(statement.file, statement.span, "permits nothing, or less than it says")
        .help("no exception can reopen what a `deny` closes: narrow the `deny`, or drop the exception")
}

/// Reports what a `deny` covers whole. A line may stand for several statements: both directions, instances of a template.
fn report_covered(statements: &[Statement], covered: &[(usize, u32)], diagnostics: &mut Vec<Diagnostic>) {
    if covered.is_empty() {
        return;
    }
    let mut at: FxHashMap<(FileId, Span), (usize, usize)> = FxHashMap::default();
    for (index, _) in covered {
        at.entry((statements[*index].file, statements[*index].span)).or_default().1 += 1;
    }
    for statement in statements {
        if let Some((all, _)) = at.get_mut(&(statement.file, statement.span)) {
            *all += 1;
        }
    }
    for (index, deny) in covered.iter().filter(|(index, _)| !statements[*index].is_exception) {
        let statement = &statements[*index];
        let whole = at.get(&(statement.file, statement.span)).is_none_or(|(all, fully)| all == fully);
        let diagnostic = if whole {
            Diagnostic::new(&codes::W0501, "this `allow` permits nothing")
                .primary(statement.file, statement.span, "fully covered by a `deny`")
                .help("`deny` always wins: remove one of the two")
        } else {
            Diagnostic::new(&codes::W0508, "a part of this `allow` permits nothing")
                .primary(
                    statement.file,
                    statement.span,
                    "a `deny` covers one direction, or one instance, of it",
                )
                .help("`deny` always wins: narrow one of the two")
        };
        diagnostics.push(denied_by(&statements[*deny as usize], diagnostic));
    }
}

/// What a destination serves, by its list of protocols, so that principals of one class are looked at once.
struct ServedPorts<'m> {
    model: &'m Model,
    by_list: FxHashMap<(usize, u32), Arc<[TransportMatch]>>,
    /// The ports of such a list.
    sets: FxHashMap<Arc<[TransportMatch]>, PortSet>,
}

impl ServedPorts<'_> {
    fn at(&mut self, principal: u32, protocol: u32) -> Arc<[TransportMatch]> {
        let list = self.model.principal(principal).serves();
        if Some(self.model.principal(principal).entity) == self.model.internet {
            return self.model.served_at(principal, protocol).into();
        }
        let key = (list.as_ptr() as usize, protocol);
        if list.is_empty() {
            return Arc::from([]);
        }
        if let Some(known) = self.by_list.get(&key) {
            return known.clone();
        }
        let served: Arc<[TransportMatch]> = self.model.served_at(principal, protocol).into();
        self.by_list.insert(key, served.clone());
        served
    }

    /// The rectangles that an `allow` asks for. A destination that does not serve a protocol is an error.
    fn rectangles(
        &mut self,
        index: u32,
        statement: &Statement,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<Rectangle> {
        let mut rectangles = Vec::new();
        let mut push = |destinations: PrincipalSet, ports: PortSet, protocol, demand| {
            rectangles.push(Rectangle {
                statement: index,
                sources: statement.sources.clone(),
                destinations,
                ports,
                protocol,
                demand,
            });
        };
        for service in &statement.services {
            match service {
                Service::Any => push(statement.destinations.clone(), PortSet::any(), None, None),
                Service::Transport(transport) => {
                    push(statement.destinations.clone(), PortSet::of(&[*transport]), None, None);
                }
                Service::Protocol { protocol, operation } => {
                    let mut by_ports: BTreeMap<Arc<[TransportMatch]>, Vec<(u32, u32)>> = BTreeMap::new();
                    let mut without = Vec::new();
                    for id in statement.destinations.members() {
                        let ports = self.at(id, *protocol);
                        if ports.is_empty() {
                            without.push(id);
                        } else {
                            by_ports.entry(ports).or_default().push((id, id));
                        }
                    }
                    if !without.is_empty() {
                        let name = &self.model.protocols.get(*protocol).name;
                        diagnostics.push(not_served(self.model, statement, name, &without));
                    }
                    for (ports, ids) in by_ports {
                        let demand = operation.as_ref().map(|operation| Demand {
                            protocol: *protocol,
                            only: Some(vec![operation.clone()]),
                            except: Vec::new(),
                        });
                        let set = Ranges::from_unsorted(ids);
                        let set = if set == *statement.destinations {
                            statement.destinations.clone()
                        } else {
                            Arc::new(set)
                        };
                        let ports = self.sets.entry(ports).or_insert_with_key(|ports| PortSet::of(ports));
                        push(set, ports.clone(), Some(*protocol), demand);
                    }
                }
            }
        }
        rectangles
    }
}

fn not_served(model: &Model, statement: &Statement, protocol: &str, without: &[u32]) -> Diagnostic {
    let short = protocol.rsplit('.').next().unwrap_or(protocol);
    let names = some_names(model, without.iter().copied());
    let verb = if without.len() == 1 { "does" } else { "do" };
    Diagnostic::new(&codes::E0506, format!("{names} {verb} not serve `{short}`"))
        .primary(statement.file, statement.destination_span, format!("no port is known for `{short}` here"))
        .secondary(statement.file, statement.service_span, "asked for here")
        .help(format!("add `serves = [{short}]` (or `{short} on tcp/…`) to the destination or to its class"))
}

/// The denies, found by destination.
struct Denials {
    denied: Vec<Denied>,
    /// For each principal, the denies that have it as a destination; broad denies are in `broad` instead.
    by_destination: FxHashMap<u32, Vec<u32>>,
    broad: Vec<u32>,
}

/// A deny of more destinations than this is looked at for every allow.
const BROAD: u64 = 256;

impl Denials {
    fn new(model: &Model, statements: &[Statement]) -> Self {
        let mut denials =
            Self { denied: Vec::new(), by_destination: FxHashMap::default(), broad: Vec::new() };
        for (index, statement) in statements.iter().enumerate() {
            if statement.effect == Effect::Deny {
                denials.add(model, index as u32, statement);
            }
        }
        for (index, deny) in denials.denied.iter().enumerate() {
            let count: u64 = deny.part.destinations.count();
            if count > BROAD {
                denials.broad.push(index as u32);
                continue;
            }
            for id in deny.part.destinations.members() {
                denials.by_destination.entry(id).or_default().push(index as u32);
            }
        }
        denials
    }

    fn add(&mut self, model: &Model, index: u32, statement: &Statement) {
        for part in covered(model, &statement.services, &statement.destinations) {
            self.denied.push(Denied { sources: statement.sources.clone(), part, statement: index });
        }
    }

    /// Takes every deny away from one rectangle.
    fn subtract(&self, rectangle: Rectangle, permitted: &mut Vec<Rectangle>, touched_by: &mut Option<u32>) {
        let mut candidates = self.broad.clone();
        if !self.by_destination.is_empty() {
            for id in rectangle.destinations.members() {
                candidates.extend(self.by_destination.get(&id).into_iter().flatten());
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        let mut left = vec![rectangle];
        for deny in candidates.into_iter().map(|index| &self.denied[index as usize]) {
            let mut next = Vec::with_capacity(left.len());
            for rectangle in left {
                if take_away(rectangle, deny, &mut next) {
                    touched_by.get_or_insert(deny.statement);
                }
            }
            left = next;
        }
        permitted.extend(left);
    }
}

/// Puts what is left of the rectangle into `left`; whether anything was taken.
fn take_away(rectangle: Rectangle, deny: &Denied, left: &mut Vec<Rectangle>) -> bool {
    let sources = rectangle.sources.intersection(&deny.sources);
    let destinations = rectangle.destinations.intersection(&deny.part.destinations);
    if sources.is_empty() || destinations.is_empty() || !rectangle.ports.overlaps(&deny.part.ports) {
        left.push(rectangle);
        return false;
    }
    let (sources, destinations) = (Arc::new(sources), Arc::new(destinations));
    let part = |sources: PrincipalSet, destinations: PrincipalSet| Rectangle {
        sources,
        destinations,
        ..rectangle.clone()
    };
    let mut inner = part(sources.clone(), destinations.clone());
    match &deny.part.operation {
        None => inner.ports = rectangle.ports.difference(&deny.part.ports),
        Some((protocol, operation)) => {
            if !without_operation(&mut inner, *protocol, operation) {
                left.push(rectangle);
                return false;
            }
        }
    }
    let other_sources = rectangle.sources.difference(&sources);
    if !other_sources.is_empty() {
        left.push(part(Arc::new(other_sources), rectangle.destinations.clone()));
    }
    let other_destinations = rectangle.destinations.difference(&destinations);
    if !other_destinations.is_empty() {
        left.push(part(sources, Arc::new(other_destinations)));
    }
    let nothing_left =
        inner.demand.as_ref().and_then(|demand| demand.only.as_ref()).is_some_and(Vec::is_empty);
    if !inner.ports.is_empty() && !nothing_left {
        left.push(inner);
    }
    true
}

/// Takes an operation out of what a rectangle permits; whether that changes it.
fn without_operation(rectangle: &mut Rectangle, protocol: u32, denied: &OperationUse) -> bool {
    let demand = rectangle.demand.get_or_insert(Demand { protocol, only: None, except: Vec::new() });
    if demand.protocol != protocol {
        // another protocol on the same port: neither can be told from the other, so nothing of it is left
        demand.only = Some(Vec::new());
        return true;
    }
    if let Some(only) = &mut demand.only {
        let before = only.len();
        if !only.iter().any(|used| used.operation == denied.operation) {
            return false;
        }
        only.retain(|used| {
            used.operation != denied.operation || !(denied.arguments.is_empty() || used == denied)
        });
        if only.len() < before && !only.iter().any(|used| used.operation == denied.operation) {
            return true;
        }
    }
    demand.except.push(denied.clone());
    true
}
