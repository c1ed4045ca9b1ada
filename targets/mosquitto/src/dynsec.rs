//! `dynsec.json`: a role for each permission, and the roles of each client.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_compiler::plan::proxies::{Evidence, Permission, ProxyOperations, ProxyPlan, Topics};
use weir_targets::is_plain;

use crate::EmitError;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dynsec {
    default_acl_access: DefaultAccess,
    clients: Vec<Client>,
    groups: [(); 0],
    roles: Vec<Role>,
}

/// What nothing permits.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DefaultAccess {
    publish_client_send: bool,
    publish_client_receive: bool,
    subscribe: bool,
    unsubscribe: bool,
}

#[derive(Serialize)]
struct Client {
    username: String,
    textname: String,
    roles: Vec<RoleOf>,
}

#[derive(Serialize)]
struct RoleOf {
    rolename: String,
    priority: i32,
}

#[derive(Serialize)]
struct Role {
    rolename: String,
    acls: Vec<Acl>,
}

#[derive(Serialize)]
struct Acl {
    acltype: &'static str,
    topic: String,
    priority: i32,
    allow: bool,
}

/// Roles that refuse are looked at before those that permit.
const REFUSES: i32 = 1;
const PERMITS: i32 = 0;

pub(crate) fn render(plan: &ProxyPlan) -> Result<Vec<u8>, EmitError> {
    let mut roles: BTreeMap<String, Role> = BTreeMap::new();
    let mut clients: BTreeMap<&str, (&str, Vec<(String, i32)>)> = BTreeMap::new();
    for permission in plan.listeners.iter().flat_map(|listener| &listener.permissions) {
        let wanted = roles_of(plan, permission)?;
        let mut names = Vec::new();
        for (base, acls, priority) in wanted {
            let name = name_for(&mut roles, &base, acls);
            names.push((name, priority));
        }
        for client in permission.clients.iter() {
            let Evidence::CommonName(username) = &client.evidence else {
                return Err(EmitError::WrongPlan { statement: client.name.clone() });
            };
            let (known, list) = clients.entry(username).or_insert((&client.name, Vec::new()));
            if *known != client.name {
                return Err(EmitError::SameName { client: client.name.clone(), other: (*known).into() });
            }
            list.extend(names.iter().cloned());
        }
    }
    let clients = clients.into_iter().map(|(username, (name, mut list))| {
        list.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        list.dedup();
        let roles = list.into_iter().map(|(rolename, priority)| RoleOf { rolename, priority }).collect();
        Client { username: username.into(), textname: name.into(), roles }
    });
    let dynsec = Dynsec {
        default_acl_access: DefaultAccess {
            publish_client_send: false,
            publish_client_receive: false,
            subscribe: false,
            unsubscribe: true,
        },
        clients: clients.collect(),
        groups: [],
        roles: roles.into_values().collect(),
    };
    let mut bytes =
        serde_json::to_vec_pretty(&dynsec).map_err(|_| EmitError::WrongPlan { statement: String::new() })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The name of a role with these entries: parts of one statement that differ are numbered.
fn name_for(roles: &mut BTreeMap<String, Role>, base: &str, acls: Vec<Acl>) -> String {
    let same = |role: &Role| {
        role.acls
            .iter()
            .map(|acl| (acl.acltype, &acl.topic))
            .eq(acls.iter().map(|acl| (acl.acltype, &acl.topic)))
    };
    let mut name = base.to_owned();
    let mut number = 2;
    while roles.get(&name).is_some_and(|role| !same(role)) {
        name = format!("{base}/{number}");
        number += 1;
    }
    roles.entry(name.clone()).or_insert_with(|| Role { rolename: name.clone(), acls });
    name
}

fn roles_of(plan: &ProxyPlan, permission: &Permission) -> Result<Vec<(String, Vec<Acl>, i32)>, EmitError> {
    let statement =
        plan.statements.get(permission.statement as usize).map_or("", |statement| statement.id.as_str());
    if !is_plain(statement) {
        return Err(EmitError::UnsafeName { kind: "statement", name: statement.into() });
    }
    let everything = || Topics { publish: vec!["#".into()], subscribe: vec!["#".into()] };
    let (permit, refuse) = match &permission.operations {
        ProxyOperations::Everything => (everything(), Topics::default()),
        ProxyOperations::Mqtt { permit, refuse } => (permit.clone(), refuse.clone()),
        _ => return Err(EmitError::WrongPlan { statement: statement.into() }),
    };
    let mut roles = vec![(statement.to_owned(), acls(&permit, true), PERMITS)];
    if refuse != Topics::default() {
        roles.push((format!("{statement}/refuse"), acls(&refuse, false), REFUSES));
    }
    Ok(roles)
}

/// A subscription has to stay within the filter, and so has what is delivered by it.
fn acls(topics: &Topics, allow: bool) -> Vec<Acl> {
    let acl = |acltype, topic: &String| Acl { acltype, topic: topic.clone(), priority: 0, allow };
    let mut acls: Vec<Acl> = topics.publish.iter().map(|topic| acl("publishClientSend", topic)).collect();
    for topic in &topics.subscribe {
        acls.push(acl("subscribePattern", topic));
        acls.push(acl("publishClientReceive", topic));
    }
    acls
}
