//! Network policies and guard rails of clusters: what they permit pods, compared exactly, for every pod that could run and
//! every address.

use std::collections::{BTreeMap, BTreeSet};

use weir_kubernetes_reader::{
    Connection, Difference as Read, Direction, Fault, Grant, Place, PolicyModel, Requirement, Selector, Term,
    compare as compare_policies, read_folder,
};

use super::points::{Point, Side, Target, texts};
use crate::diff::{Cause, CauseKind, Difference, FlowChange, PlantChange, Rule, Verdict, Witness};

pub(super) const TARGET: Target<PolicyModel> =
    Target { name: "kubernetes", point: cluster, read, is_same, compare };

/// The cluster that a file belongs to.
fn cluster(path: &str) -> Option<&str> {
    path.split_once('/').map(|(name, _)| name)
}

fn read(root: &str, side: &Side<'_>) -> Result<PolicyModel, String> {
    let below = |(path, text)| (str::split_once(path, '/').map_or(path, |(_, below)| below), text);
    let texts: Vec<(&str, &str)> = texts(side)?.into_iter().map(below).collect();
    read_folder(root, &texts).map_err(|unread| unread.to_string())
}

/// But for the order of policies, and where they stand.
fn is_same(one: &PolicyModel, other: &PolicyModel) -> bool {
    fn terms(list: &[Term]) -> BTreeSet<String> {
        let text = |term: &Term| {
            let mut peers = term.peers.clone();
            peers.sort();
            let mut ports = term.ports.clone();
            ports.sort();
            format!("{:?} {:?} {peers:?} {ports:?}", term.direction, term.subject)
        };
        list.iter().map(text).collect()
    }
    terms(&one.terms) == terms(&other.terms) && is_same_but_for_terms(one, other)
}

/// What the comparison of connections does not see.
fn is_same_but_for_terms(one: &PolicyModel, other: &PolicyModel) -> bool {
    let closed = |model: &PolicyModel| -> BTreeSet<(Direction, Selector)> {
        model.isolated.iter().map(|(direction, subject, _)| (*direction, subject.clone())).collect()
    };
    // single pods are closed for nothing where their namespace is
    let loose = |model: &PolicyModel| -> BTreeSet<(Direction, Selector)> {
        let closed = closed(model);
        let whole = |direction: Direction, namespace: &str| {
            closed.contains(&(
                direction,
                Selector { namespace: namespace.to_owned(), labels: BTreeMap::default() },
            ))
        };
        closed.iter().filter(|(direction, pods)| !whole(*direction, &pods.namespace)).cloned().collect()
    };
    loose(one) == loose(other) && one.priorities == other.priorities
}

fn compare(point: &Point<'_>, old: Option<&PolicyModel>, new: &PolicyModel, found: &mut Difference) {
    let nothing = PolicyModel::default();
    let before = old.unwrap_or(&nothing);
    // where a namespace is open, single permissions change nothing; one of which the earlier tree does not speak may be new
    let open = |model: &PolicyModel, connection: &Connection| {
        let (direction, namespace) = (connection.direction, &connection.subject.namespace);
        let speaks = model.isolated.iter().any(|(_, subject, _)| subject.namespace == *namespace);
        let closes = |(of, subject, _): &(Direction, Selector, Place)| {
            *of == direction && subject.labels.is_empty() && subject.namespace == *namespace
        };
        speaks && !model.isolated.iter().any(closes)
    };
    if old.is_some() && !is_same_but_for_terms(before, new) {
        super::points::not_compared(&point.root, found);
    }
    for difference in compare_policies(&requirement(before), new) {
        match &difference.fault {
            Fault::Excess(connection) if open(before, connection) => continue,
            Fault::Loss(connection) if open(new, connection) => continue,
            _ => {}
        }
        let statement = statement(&difference, (before, point.earlier), (new, point.later));
        take(point, difference.fault, &statement, found);
    }
}

/// What the earlier policies say, as what the later ones would have to.
fn requirement(model: &PolicyModel) -> Requirement {
    let grant = |(index, term): (usize, &Term)| Grant {
        direction: term.direction,
        subject: term.subject.clone(),
        peers: term.peers.clone(),
        ports: term.ports.clone(),
        origin: index as u32,
    };
    let closed = model.isolated.iter().filter(|(_, subject, _)| subject.labels.is_empty());
    Requirement {
        namespaces: closed.map(|(_, subject, _)| subject.namespace.clone()).collect(),
        grants: model.terms.iter().enumerate().map(grant).collect(),
        denials: model.denials.iter().enumerate().map(grant).collect(),
    }
}

type Files<'s> = (&'s PolicyModel, &'s Side<'s>);

/// The ids in the comment above the rule that decides it: in the later files where they permit more, else in the earlier.
fn statement(difference: &Read, before: Files<'_>, after: Files<'_>) -> String {
    let later = difference.places.first().map(|place| (after, *place));
    let terms = match difference.fault {
        Fault::Undenied(_) => &before.0.denials,
        _ => &before.0.terms,
    };
    let earlier = difference.origins.first().and_then(|origin| terms.get(*origin as usize));
    let place = later.or_else(|| earlier.map(|term| (before, term.place)));
    let Some(((model, files), place)) = place else { return String::new() };
    let path = model.files.get(place.file as usize).map_or("", String::as_str);
    let path = path.strip_prefix(TARGET.name).unwrap_or(path).trim_start_matches('/');
    let Some(bytes) = files.get(path) else { return String::new() };
    let text = String::from_utf8_lossy(bytes);
    let above = text.lines().take((place.line as usize).saturating_sub(1)).last().unwrap_or_default();
    above.trim().strip_prefix("# ").unwrap_or_default().to_owned()
}

fn take(point: &Point<'_>, fault: Fault, statement: &str, found: &mut Difference) {
    let (root, maps) = (&point.root, point.maps);
    let mut plant =
        |what: &'static str, name: String, change: &'static str, detail: String, effect: Verdict| {
            found.plant.push(PlantChange { what, name, change, detail, effect });
        };
    let way = |direction: Direction| match direction {
        Direction::Ingress => "to",
        Direction::Egress => "from",
    };
    match fault {
        Fault::Excess(connection) => {
            let rule = maps.1.rule(statement);
            found.permitted.push(flow(root, &connection, rule, "accept"));
        }
        Fault::Loss(connection) => {
            let rule = maps.0.rule(statement);
            found.denied.push(flow(root, &connection, rule, "refuse"));
        }
        Fault::Denied(connection) => {
            plant("guard rail", root.clone(), "added", connection.to_string(), Verdict::Narrowed);
        }
        Fault::Undenied(connection) => {
            plant("guard rail", root.clone(), "removed", connection.to_string(), Verdict::Widened);
        }
        Fault::Open(direction, namespace) => {
            let detail =
                format!("connections {} its pods are not denied by default any more", way(direction));
            plant("namespace", namespace, "changed", detail, Verdict::Widened);
        }
        Fault::Closed(direction, namespace) => {
            let detail = format!("connections {} its pods are denied by default", way(direction));
            plant("namespace", namespace, "changed", detail, Verdict::Narrowed);
        }
    }
}

fn flow(root: &str, connection: &Connection, rule: Rule, verb: &str) -> FlowChange {
    let pod = format!("pod {}", connection.subject);
    let far = connection.far();
    let (source, destination) = match connection.direction {
        Direction::Egress => (pod, far),
        Direction::Ingress => (far, pod),
    };
    let service = format!("{}/{}", connection.protocol.to_string().to_lowercase(), connection.port);
    FlowChange {
        sources: source.clone(),
        destinations: destination.clone(),
        service: service.clone(),
        pairs: 1,
        witness: Witness { source, destination, service },
        rule,
        terms: String::new(),
        cause: Cause {
            kind: CauseKind::Policy,
            text: format!("the policies of `{root}` {verb} it at the pod"),
            place: None,
        },
        exact: Vec::new(),
        approved: None,
    }
}
