//! What a reader found against what the plan says.

use std::collections::BTreeSet;

use weir_compiler::plan::{
    RequestMatch,
    proxies::{Evidence, HttpMatch, PathMatch, ProxyOperations, ProxyPlan, Topics},
};

/// A permission of one client on one port, as text: plan and model give the same set.
pub(crate) type Facts = BTreeSet<String>;

fn evidence(evidence: &Evidence) -> Vec<String> {
    match evidence {
        Evidence::Uri(text) | Evidence::Dns(text) => vec![format!("name {text}")],
        Evidence::CommonName(text) => vec![format!("cn {text}")],
        Evidence::Token { issuer, group } => vec![format!("token {issuer} {group}")],
        Evidence::Addresses(set) => {
            let v4 = set.v4.iter().map(|(a, b)| format!("v4 {a}..{b}"));
            v4.chain(set.v6.iter().map(|(a, b)| format!("v6 {a}..{b}"))).collect()
        }
    }
}

fn modbus(list: &[RequestMatch]) -> String {
    let all: BTreeSet<String> =
        list.iter().map(|one| format!("{:?} {:?} {:?}", one.functions, one.items, one.value)).collect();
    format!("{all:?}")
}

pub(crate) fn modbus_plan(plan: &ProxyPlan) -> Facts {
    let mut facts = Facts::new();
    for listener in &plan.listeners {
        let upstream = listener.upstream.as_ref().unwrap();
        for permission in &listener.permissions {
            let (permit, refuse) = match &permission.operations {
                ProxyOperations::Everything => ("all".to_owned(), modbus(&[])),
                ProxyOperations::Modbus { permit, refuse } => (modbus(permit), modbus(refuse)),
                _ => unreachable!("a plan for Modbus"),
            };
            for name in permission.clients.iter().flat_map(|client| evidence(&client.evidence)) {
                facts.insert(format!(
                    "{} tls={} -> {}:{} {name} {} {permit} {refuse} {:?} {:?} {} {}",
                    listener.port,
                    listener.has_tls(),
                    upstream.address,
                    upstream.port,
                    plan.statements[permission.statement as usize].id,
                    permission.limit.map(|limit| (limit.count, limit.seconds)),
                    permission.until,
                    permission.log,
                    permission.audit,
                ));
            }
        }
    }
    facts
}

pub(crate) fn modbus_model(model: &weir_modbus_reader::GatewayModel) -> Facts {
    use weir_modbus_reader::{Identity, Match};
    let matches = |list: &[Match]| {
        let all: BTreeSet<String> =
            list.iter().map(|one| format!("{:?} {:?} {:?}", one.functions, one.items, one.value)).collect();
        format!("{all:?}")
    };
    let mut facts = Facts::new();
    for listener in &model.listeners {
        for client in &listener.clients {
            let name = match &client.identity {
                Identity::Uri(text) | Identity::Dns(text) => format!("name {text}"),
                Identity::CommonName(text) => format!("cn {text}"),
                Identity::V4(a, b) => format!("v4 {a}..{b}"),
                Identity::V6(a, b) => format!("v6 {a}..{b}"),
            };
            for permission in &client.permissions {
                facts.insert(format!(
                    "{} tls={} -> {}:{} {name} {} {} {} {:?} {:?} {} {}",
                    listener.port,
                    listener.tls,
                    listener.upstream.0,
                    listener.upstream.1,
                    permission.statement,
                    permission.permit.as_deref().map_or("all".to_owned(), matches),
                    matches(&permission.refuse),
                    permission.limit,
                    permission.until,
                    permission.log,
                    permission.audit,
                ));
            }
        }
    }
    facts
}

pub(crate) fn mosquitto_plan(plan: &ProxyPlan) -> Facts {
    let mut facts = Facts::new();
    for permission in plan.listeners.iter().flat_map(|listener| &listener.permissions) {
        let id = &plan.statements[permission.statement as usize].id;
        let all = || Topics { publish: vec!["#".into()], subscribe: vec!["#".into()] };
        let (permit, refuse) = match &permission.operations {
            ProxyOperations::Everything => (all(), Topics::default()),
            ProxyOperations::Mqtt { permit, refuse } => (permit.clone(), refuse.clone()),
            _ => unreachable!("a plan for MQTT"),
        };
        for name in permission.clients.iter().flat_map(|client| evidence(&client.evidence)) {
            facts.insert(format!("{name} {id} permits {:?} {:?}", permit.publish, permit.subscribe));
            if refuse != Topics::default() {
                facts.insert(format!("{name} {id} refuses {:?} {:?}", refuse.publish, refuse.subscribe));
            }
        }
    }
    facts
}

pub(crate) fn mosquitto_model(model: &weir_mosquitto_reader::BrokerModel) -> Facts {
    let mut facts = Facts::new();
    for client in &model.clients {
        for grant in &client.grants {
            let id = grant.role.split('/').next().unwrap();
            let what = if grant.refuses { "refuses" } else { "permits" };
            facts.insert(format!(
                "cn {} {id} {what} {:?} {:?}",
                client.common_name, grant.publish, grant.subscribe
            ));
        }
    }
    facts
}

pub(crate) fn envoy_plan(plan: &ProxyPlan) -> Facts {
    let http = |list: &[HttpMatch]| {
        let all: BTreeSet<String> = list
            .iter()
            .map(|one| {
                let path = match &one.path {
                    None => "any".to_owned(),
                    Some(PathMatch::Exact(path)) => format!("= {path}"),
                    Some(PathMatch::Below(path)) => format!("{path}*"),
                };
                format!("{:?} {path}", one.methods)
            })
            .collect();
        format!("{all:?}")
    };
    let mut facts = Facts::new();
    for listener in &plan.listeners {
        let upstream = listener.upstream.as_ref().unwrap();
        for permission in &listener.permissions {
            let (permit, refuse) = match &permission.operations {
                ProxyOperations::Everything => ("all".to_owned(), http(&[])),
                ProxyOperations::Http { permit, refuse } => (http(permit), http(refuse)),
                _ => unreachable!("a plan for Envoy"),
            };
            for name in permission.clients.iter().flat_map(|client| evidence(&client.evidence)) {
                facts.insert(format!(
                    "{} -> {}:{} tls={} {name} {} {permit} {refuse} {}",
                    listener.port,
                    upstream.address,
                    upstream.port,
                    upstream.tls,
                    plan.statements[permission.statement as usize].id,
                    permission.audit
                ));
            }
        }
    }
    facts
}

pub(crate) fn envoy_model(model: &weir_envoy_reader::ProxyModel) -> Facts {
    use weir_envoy_reader::{Identity, Path, Request};
    let http = |list: &[Request]| {
        let all: BTreeSet<String> = list
            .iter()
            .map(|one| {
                let path = match &one.path {
                    None => "any".to_owned(),
                    Some(Path::Exact(path)) => format!("= {path}"),
                    Some(Path::Below(path)) => format!("{path}*"),
                };
                format!("{:?} {path}", one.methods)
            })
            .collect();
        format!("{all:?}")
    };
    let mut facts = Facts::new();
    for listener in &model.listeners {
        for policy in &listener.policies {
            for client in &policy.clients {
                let name = match client {
                    Identity::Name(text) => format!("name {text}"),
                    Identity::Token { issuer, group } => format!("token {issuer} {group}"),
                };
                facts.insert(format!(
                    "{} -> {}:{} tls={} {name} {} {} {} {}",
                    listener.port,
                    listener.upstream.address,
                    listener.upstream.port,
                    listener.upstream.tls,
                    policy.statement.split('/').next().unwrap(),
                    policy.permit.as_deref().map_or("all".to_owned(), http),
                    http(&policy.refuse),
                    policy.audit
                ));
            }
        }
    }
    facts
}
