//! A broker: who may publish and receive what, against the relation.
//!
//! A broker knows its clients at all of its ports alike, and what one role refuses a client, no other role gives it.

use std::collections::{BTreeMap, BTreeSet};

use weir_mosquitto_reader::BrokerModel;

use super::{
    Case,
    operations::{Operations, Topics, overlap},
    required::{clients, covers, kind_of, listens, ports, protocol},
    shared,
    shown::{Shown, by},
};
use crate::finding::Finding;

/// What one client may do, and by which statements.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rights {
    name: String,
    /// Statement and topics.
    permits: BTreeSet<(String, Topics)>,
    refuses: Topics,
}

impl Rights {
    fn refuse(&mut self, topics: &Topics) {
        self.refuses.publish.extend(topics.publish.iter().cloned());
        self.refuses.subscribe.extend(topics.subscribe.iter().cloned());
    }
}

/// What one flow permits a client at one port, and refuses it.
struct Part {
    statement: String,
    permit: Topics,
    refuse: Topics,
}

impl Part {
    /// A topic that this flow permits, though another one refuses it: the broker would refuse it to both.
    fn lost<'t>(&self, refuses: &'t Topics) -> Option<&'t String> {
        let publish = lost(&self.permit.publish, &self.refuse.publish, &refuses.publish);
        publish.or_else(|| lost(&self.permit.subscribe, &self.refuse.subscribe, &refuses.subscribe))
    }
}

fn lost<'t>(
    permit: &BTreeSet<String>,
    own: &BTreeSet<String>,
    all: &'t BTreeSet<String>,
) -> Option<&'t String> {
    all.iter()
        .find(|refused| !own.contains(*refused) && permit.iter().any(|permitted| overlap(permitted, refused)))
}

/// By client and port.
type Parts = BTreeMap<u32, BTreeMap<u16, Vec<Part>>>;

pub(super) fn check(case: &Case<'_>, model: &BrokerModel, findings: &mut Vec<Finding>) -> u64 {
    let required = required(case, model, findings);
    let mut found: BTreeMap<String, Rights> = BTreeMap::new();
    for client in &model.clients {
        let mut rights = Rights { name: client.name.clone(), ..Rights::default() };
        for grant in &client.grants {
            let topics = Topics {
                publish: grant.publish.iter().cloned().collect(),
                subscribe: grant.subscribe.iter().cloned().collect(),
            };
            if grant.refuses {
                rights.refuse(&topics);
            } else {
                let statement = grant.role.split('/').next().unwrap_or_default();
                rights.permits.insert((statement.to_owned(), topics));
            }
        }
        found.insert(client.common_name.clone(), rights);
    }
    let none = Rights::default();
    let everybody: BTreeSet<&String> = required.keys().chain(found.keys()).collect();
    for common_name in everybody {
        let (policy, artifact) =
            (required.get(common_name).unwrap_or(&none), found.get(common_name).unwrap_or(&none));
        for (_, topics) in artifact.permits.difference(&policy.permits) {
            findings.push(case.wrong(None, true, format!("the common name {common_name}: {topics}")));
        }
        for (_, topics) in policy.permits.difference(&artifact.permits) {
            findings.push(case.wrong(None, false, format!("the common name {common_name}: {topics}")));
        }
        if policy.refuses != artifact.refuses {
            let what = format!(
                "the common name {common_name}: it refuses {}, and the policy {}",
                artifact.refuses, policy.refuses
            );
            findings.push(case.wrong(None, true, what));
        }
        if policy.name != artifact.name && policy != &none && artifact != &none {
            let what = format!("the common name {common_name} is {}, not {}", policy.name, artifact.name);
            findings.push(case.wrong(None, true, what));
        }
    }
    let names: BTreeSet<Shown> = found.into_keys().map(Shown::CommonName).collect();
    shared(case, &names.iter().collect(), findings);
    required.len() as u64
}

/// What the relation has the broker permit, by common name.
fn required(case: &Case<'_>, model: &BrokerModel, findings: &mut Vec<Finding>) -> BTreeMap<String, Rights> {
    let mut parts = Parts::new();
    let mut logs = false;
    let listening: BTreeSet<u16> = model.listeners.iter().map(|listener| listener.port).collect();
    for rectangle in case.own(&case.concerns.led) {
        let what = "a broker passes nothing on to others".to_owned();
        findings.push(case.wrong(Some(rectangle), true, what));
    }
    for index in &case.concerns.ending {
        let rectangle = case.rectangle(*index);
        let own = kind_of(case.principal(), protocol(case.facts, rectangle)) == Some(case.kind);
        if own {
            for port in ports(rectangle).into_iter().filter(|port| !listening.contains(port)) {
                findings.push(case.wrong(Some(rectangle), false, format!("port {port}")));
            }
        }
        let (permit, refuse) = match (&rectangle.demand, case.operations(rectangle)) {
            (Some(_), Some(Operations::Mqtt { permit, refuse })) if own => (permit, refuse),
            (None, _) => {
                let all = || BTreeSet::from(["#".to_owned()]);
                (Topics { publish: all(), subscribe: all() }, Topics::default())
            }
            _ => continue,
        };
        for port in listening.iter().filter(|port| covers(rectangle, **port)) {
            let conditions = &case.statement(rectangle).conditions;
            logs |= conditions.log;
            if conditions.until.is_some() || conditions.audit {
                let what = format!("port {port}: a broker knows neither ends nor trials");
                findings.push(case.wrong(Some(rectangle), true, what));
            }
            let addresses: Vec<_> = model
                .listeners
                .iter()
                .filter(|listener| listener.port == *port)
                .map(|listener| listener.address)
                .collect();
            let addresses: Option<Vec<_>> = addresses.into_iter().collect();
            if !listens(case.principal(), &addresses.unwrap_or_default()) {
                let what = format!("port {port} at some of its addresses, or at those of others");
                findings.push(case.wrong(Some(rectangle), false, what));
            }
            for id in clients(rectangle, case.point).members() {
                let statement = case.statement(rectangle).id.to_string();
                let part = Part { statement, permit: permit.clone(), refuse: refuse.clone() };
                parts.entry(id).or_default().entry(*port).or_default().push(part);
            }
        }
    }
    if model.logs != logs {
        let what = if logs { "messages in its log" } else { "messages in its log, which no policy asks for" };
        findings.push(case.wrong(None, !logs, what.into()));
    }
    by_common_name(case, parts, findings)
}

fn by_common_name(case: &Case<'_>, parts: Parts, findings: &mut Vec<Finding>) -> BTreeMap<String, Rights> {
    let mut all = BTreeMap::new();
    for (id, ports) in parts {
        let principal = case.facts.model.principal(id);
        let mut known: Option<Rights> = None;
        for (port, parts) in ports {
            let mut rights = Rights { name: principal.name.to_string(), ..Rights::default() };
            for part in &parts {
                rights.refuse(&part.refuse);
            }
            for part in &parts {
                if let Some(topic) = part.lost(&rights.refuses) {
                    let what =
                        format!("`{}` on port {port}: {topic}, which other flows refuse it", principal.name);
                    findings.push(case.wrong(None, false, what));
                }
            }
            rights.permits.extend(parts.into_iter().map(|part| (part.statement, part.permit)));
            if known.as_ref().is_some_and(|known| *known != rights) {
                let what = format!("`{}` on port {port} what it may at others", principal.name);
                findings.push(case.wrong(None, true, what));
            }
            known = Some(rights);
        }
        let names = by(principal, case.kind).map(|shown| shown.names).unwrap_or_default();
        match (names.into_iter().next(), known) {
            (Some(Shown::CommonName(name)), Some(rights)) => {
                all.insert(name, rights);
            }
            _ => {
                let what = format!("`{}`: it cannot be known there", principal.name);
                findings.push(case.wrong(None, false, what));
            }
        }
    }
    all
}
