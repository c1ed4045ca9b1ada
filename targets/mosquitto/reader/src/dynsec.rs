//! `dynsec.json`, as the dynamic-security plugin of Mosquitto 2.0 understands it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Client, Grant, Unread};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Dynsec {
    default_acl_access: DefaultAccess,
    clients: Vec<ClientText>,
    groups: Vec<serde_json::Value>,
    roles: Vec<Role>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DefaultAccess {
    publish_client_send: bool,
    publish_client_receive: bool,
    subscribe: bool,
    unsubscribe: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientText {
    username: String,
    textname: String,
    roles: Vec<RoleOf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleOf {
    rolename: String,
    priority: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    rolename: String,
    acls: Vec<Acl>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Acl {
    acltype: String,
    topic: String,
    priority: i32,
    allow: bool,
}

fn unread(line: usize, what: impl Into<String>) -> Unread {
    Unread { file: "dynsec.json".into(), line: line as u32, what: what.into() }
}

/// Publishing and subscribing of one role.
struct Rights {
    refuses: bool,
    publish: Vec<String>,
    subscribe: Vec<String>,
}

pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Client>, Unread> {
    let text: Dynsec =
        serde_json::from_slice(bytes).map_err(|error| unread(error.line(), error.to_string()))?;
    let access = &text.default_acl_access;
    if access.publish_client_send || access.publish_client_receive || access.subscribe {
        return Err(unread(0, "the default is not to refuse"));
    }
    if !access.unsubscribe {
        return Err(unread(0, "nobody may end a subscription"));
    }
    if !text.groups.is_empty() {
        return Err(unread(0, "groups of clients"));
    }
    let mut roles = BTreeMap::new();
    for role in text.roles {
        let name = role.rolename.clone();
        if roles.insert(name.clone(), rights(role)?).is_some() {
            return Err(unread(0, format!("the role {name} again")));
        }
    }
    let mut clients: BTreeMap<String, Client> = BTreeMap::new();
    for client in text.clients {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"+#/".contains(&byte);
        if client.username.is_empty() || !client.username.bytes().all(plain) {
            return Err(unread(0, format!("the user name {:?}", client.username)));
        }
        let mut grants = Vec::new();
        for of in client.roles {
            let role =
                roles.get(&of.rolename).ok_or_else(|| unread(0, format!("no role {:?}", of.rolename)))?;
            // what refuses has to be asked first: roles go by descending priority
            if of.priority != i32::from(role.refuses) {
                return Err(unread(
                    0,
                    format!("the priority of {:?} for {:?}", of.rolename, client.username),
                ));
            }
            grants.push(Grant {
                role: of.rolename,
                refuses: role.refuses,
                publish: role.publish.clone(),
                subscribe: role.subscribe.clone(),
            });
        }
        grants.sort_by(|a, b| a.role.cmp(&b.role));
        let common_name = client.username.clone();
        let read = Client { common_name: common_name.clone(), name: client.textname, grants };
        if clients.insert(common_name, read).is_some() {
            return Err(unread(0, format!("the client {:?} again", client.username)));
        }
    }
    Ok(clients.into_values().collect())
}

fn rights(role: Role) -> Result<Rights, Unread> {
    let name = role.rolename;
    let refuses = role.acls.first().is_some_and(|acl| !acl.allow);
    let (mut publish, mut subscribe, mut receive) = (Vec::new(), Vec::new(), Vec::new());
    for acl in role.acls {
        if acl.allow == refuses || acl.priority != 0 {
            return Err(unread(
                0,
                format!("the role {name:?} both permits and refuses, or ranks its entries"),
            ));
        }
        if acl.topic.is_empty()
            || acl.topic.chars().any(char::is_control)
            || acl.topic.starts_with("$CONTROL")
        {
            return Err(unread(0, format!("the topic {:?}", acl.topic)));
        }
        let list = match acl.acltype.as_str() {
            "publishClientSend" => &mut publish,
            "subscribePattern" => &mut subscribe,
            "publishClientReceive" => &mut receive,
            other => return Err(unread(0, format!("the kind of entry {other:?}"))),
        };
        list.push(acl.topic);
    }
    for list in [&mut publish, &mut subscribe, &mut receive] {
        list.sort_unstable();
        list.dedup();
    }
    // one without the other is a subscription that gives nothing, or a delivery that nobody asked for
    if subscribe != receive {
        return Err(unread(0, format!("the role {name:?} may subscribe to other topics than it receives")));
    }
    Ok(Rights { refuses, publish, subscribe })
}
