//! Network policies and guard rails of clusters: what they permit pods, compared exactly, for every pod that could run and
//! every address.

use std::collections::BTreeSet;

use weir_kubernetes_reader::{
    Connection, Difference as Read, Direction, Fault, Grant, Place, PolicyModel, Requirement, Selector, Term,
    compare, read_folder,
};

use super::{Files, Maps, unreadable};
use crate::diff::{Cause, CauseKind, Difference, FlowChange, PlantChange, Rule, Verdict, Witness};

pub(super) const TARGET: &str = "kubernetes";

/// Compares each cluster that either tree has.
pub(super) fn compare_clusters(earlier: &Files, later: &Files, maps: Maps<'_>, found: &mut Difference) {
    let names: BTreeSet<&str> = earlier.keys().chain(later.keys()).filter_map(|path| cluster(path)).collect();
    for name in names {
        let root = format!("{TARGET}/{name}");
        let of = |files: &Files| -> Vec<(String, Vec<u8>)> {
            let own = files.iter().filter(|(path, _)| cluster(path) == Some(name));
            own.map(|(path, bytes)| (path[root.len() + 1..].to_owned(), bytes.clone())).collect()
        };
        let (old, new) = (of(earlier), of(later));
        if old == new {
            continue;
        }
        let sides = [("the earlier", &old), ("the later", &new)].map(|(which, files)| {
            if files.is_empty() {
                return Some(PolicyModel::default());
            }
            let text = |(path, bytes): &(String, Vec<u8>)| {
                String::from_utf8(bytes.clone())
                    .map(|text| (path.clone(), text))
                    .map_err(|_| "not UTF-8".to_owned())
            };
            let texts: Result<Vec<(String, String)>, String> = files.iter().map(text).collect();
            let read = texts.and_then(|texts| {
                let texts: Vec<(&str, &str)> =
                    texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
                read_folder(&root, &texts).map_err(|unread| unread.to_string())
            });
            match read {
                Ok(model) => Some(model),
                Err(what) => {
                    unreadable(&format!("{which} folder `{root}`"), &what, found);
                    None
                }
            }
        });
        let [Some(before), Some(after)] = sides else { continue };
        // where a namespace is open, single permissions change nothing
        let open = |model: &PolicyModel, connection: &Connection| {
            let (direction, namespace) = (connection.direction, &connection.subject.namespace);
            let closes = |(of, subject, _): &(Direction, Selector, Place)| {
                *of == direction && subject.labels.is_empty() && subject.namespace == *namespace
            };
            !model.isolated.iter().any(closes)
        };
        for difference in compare(&requirement(&before), &after) {
            match &difference.fault {
                Fault::Excess(connection) if open(&before, connection) => continue,
                Fault::Loss(connection) if open(&after, connection) => continue,
                _ => {}
            }
            let statement = statement(&difference, (&before, &old), (&after, &new), &root);
            take(&root, difference.fault, &statement, maps, found);
        }
    }
}

/// The cluster that a file belongs to.
fn cluster(path: &str) -> Option<&str> {
    path.strip_prefix(TARGET)?.strip_prefix('/')?.split_once('/').map(|(name, _)| name)
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

type Side<'s> = (&'s PolicyModel, &'s [(String, Vec<u8>)]);

/// The ids in the comment above the rule that decides it: in the later files where they permit more, else in the earlier.
fn statement(difference: &Read, before: Side<'_>, after: Side<'_>, root: &str) -> String {
    let later = difference.places.first().map(|place| (after, *place));
    let terms = match difference.fault {
        Fault::Undenied(_) => &before.0.denials,
        _ => &before.0.terms,
    };
    let earlier = difference.origins.first().and_then(|origin| terms.get(*origin as usize));
    let place = later.or_else(|| earlier.map(|term| (before, term.place)));
    let Some(((model, files), place)) = place else { return String::new() };
    let path =
        model.files.get(place.file as usize).and_then(|path| path.strip_prefix(root)).unwrap_or_default();
    let path = path.trim_start_matches('/');
    let Some((_, bytes)) = files.iter().find(|(known, _)| known == path) else { return String::new() };
    let text = String::from_utf8_lossy(bytes);
    let above = text.lines().take((place.line as usize).saturating_sub(1)).last().unwrap_or_default();
    above.trim().strip_prefix("# ").unwrap_or_default().to_owned()
}

fn take(root: &str, fault: Fault, statement: &str, maps: Maps<'_>, found: &mut Difference) {
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
            plant("guard rail", root.to_owned(), "added", connection.to_string(), Verdict::Narrowed);
        }
        Fault::Undenied(connection) => {
            plant("guard rail", root.to_owned(), "removed", connection.to_string(), Verdict::Widened);
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
