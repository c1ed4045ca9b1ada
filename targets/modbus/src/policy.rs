//! `policy.json`: who may do what, as the script reads it.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_compiler::plan::{
    RequestMatch,
    proxies::{Evidence, Listener, Permission, ProxyOperations, ProxyPlan},
};
use weir_targets::is_plain;

use crate::EmitError;

#[derive(Serialize)]
struct Policy<'p> {
    generator: &'static str,
    package: &'p str,
    gateway: &'p str,
    /// By port.
    listeners: BTreeMap<u16, Port<'p>>,
}

#[derive(Serialize)]
struct Port<'p> {
    permissions: Vec<Entry<'p>>,
    /// By name in a certificate; none, where clients are known by their addresses.
    certificates: Option<BTreeMap<String, Known<'p>>>,
    addresses: Option<Addresses<'p>>,
}

#[derive(Serialize)]
struct Entry<'p> {
    statement: &'p str,
    /// Everything, where it is none.
    permit: Option<Vec<Match>>,
    refuse: Vec<Match>,
    limit: Option<Count>,
    until: Option<i64>,
    log: bool,
    audit: bool,
}

#[derive(Serialize)]
struct Match {
    functions: Vec<u16>,
    items: Option<(u16, u16)>,
    value: Option<u16>,
}

#[derive(Serialize)]
struct Count {
    count: u32,
    seconds: u32,
}

#[derive(Serialize)]
struct Known<'p> {
    client: &'p str,
    /// Indexes into the port's permissions, in the order in which they are tried.
    permissions: Vec<usize>,
}

#[derive(Default, Serialize)]
struct Addresses<'p> {
    v4: Vec<Range<'p>>,
    v6: Vec<Range<'p>>,
}

/// Sorted, disjoint; in hexadecimal digits, which compare as numbers do.
#[derive(Serialize)]
struct Range<'p> {
    first: String,
    last: String,
    client: &'p str,
    permissions: Vec<usize>,
}

pub(crate) fn render(plan: &ProxyPlan) -> Result<Vec<u8>, EmitError> {
    let mut listeners = BTreeMap::new();
    for listener in &plan.listeners {
        listeners.insert(listener.port, port(plan, listener)?);
    }
    let policy = Policy { generator: "weir", package: &plan.package, gateway: &plan.name, listeners };
    let mut bytes =
        serde_json::to_vec_pretty(&policy).map_err(|_| EmitError::WrongPlan { statement: String::new() })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn port<'p>(plan: &'p ProxyPlan, listener: &'p Listener) -> Result<Port<'p>, EmitError> {
    let mut permissions: Vec<&Permission> = listener.permissions.iter().collect();
    // what is counted comes last, what is on trial after what is not
    permissions
        .sort_by_key(|permission| (permission.audit, permission.limit.is_some(), permission.statement));
    let mut entries = Vec::new();
    let mut by_evidence: BTreeMap<&Evidence, (&str, Vec<usize>)> = BTreeMap::new();
    for (index, permission) in permissions.iter().enumerate() {
        entries.push(entry(plan, permission)?);
        for client in permission.clients.iter() {
            let (name, list) = by_evidence.entry(&client.evidence).or_insert((&client.name, Vec::new()));
            if *name != client.name {
                return Err(EmitError::SameEvidence { client: client.name.clone(), other: (*name).into() });
            }
            list.push(index);
        }
    }
    let mut certificates = BTreeMap::new();
    let mut addresses = Addresses::default();
    for (evidence, (client, permissions)) in by_evidence {
        let name = match evidence {
            Evidence::Uri(text) => format!("uri:{text}"),
            Evidence::Dns(text) => format!("dns:{text}"),
            Evidence::CommonName(text) => format!("cn:{text}"),
            Evidence::Addresses(set) => {
                let range = |first, last| Range { first, last, client, permissions: permissions.clone() };
                addresses
                    .v4
                    .extend(set.v4.iter().map(|(a, b)| range(format!("{a:08x}"), format!("{b:08x}"))));
                addresses
                    .v6
                    .extend(set.v6.iter().map(|(a, b)| range(format!("{a:032x}"), format!("{b:032x}"))));
                continue;
            }
            Evidence::Token { .. } => return Err(EmitError::WrongPlan { statement: client.into() }),
        };
        certificates.insert(name, Known { client, permissions });
    }
    for ranges in [&mut addresses.v4, &mut addresses.v6] {
        ranges.sort_by(|a, b| a.first.cmp(&b.first));
        if let Some(two) = ranges.windows(2).find(|two| two[0].last >= two[1].first) {
            return Err(EmitError::SameEvidence {
                client: two[0].client.into(),
                other: two[1].client.into(),
            });
        }
    }
    let tls = listener.has_tls();
    Ok(Port {
        permissions: entries,
        certificates: tls.then_some(certificates),
        addresses: (!tls).then_some(addresses),
    })
}

fn entry<'p>(plan: &'p ProxyPlan, permission: &Permission) -> Result<Entry<'p>, EmitError> {
    let statement =
        plan.statements.get(permission.statement as usize).map_or("", |statement| statement.id.as_str());
    // it names the file in which operations are counted
    if !is_plain(statement) || statement.len() > 200 || statement.starts_with('.') {
        return Err(EmitError::UnsafeName { kind: "statement", name: statement.into() });
    }
    let matches = |list: &[RequestMatch]| -> Vec<Match> {
        list.iter()
            .map(|one| Match { functions: one.functions.clone(), items: one.items, value: one.value })
            .collect()
    };
    let (permit, refuse) = match &permission.operations {
        ProxyOperations::Everything => (None, Vec::new()),
        ProxyOperations::Modbus { permit, refuse } => (Some(matches(permit)), matches(refuse)),
        _ => return Err(EmitError::WrongPlan { statement: statement.into() }),
    };
    Ok(Entry {
        statement,
        permit,
        refuse,
        limit: permission.limit.map(|limit| Count { count: limit.count, seconds: limit.seconds }),
        until: permission.until,
        log: permission.log,
        audit: permission.audit,
    })
}
