//! Demands as the points that end connections hold them.

use super::{HttpMatch, PathMatch, ProxyOperations, Speaks, Topics, short};
use crate::{
    flows::Demand,
    model::{
        Protocol,
        protocols::{OperationEffect, OperationUse},
    },
    plan::{RequestMatch, capabilities},
};

/// What of a protocol a demand leaves; why the point cannot hold it, without a dot at the end.
pub(super) fn of(
    speaks: Speaks,
    protocol: &Protocol,
    demand: Option<&Demand>,
) -> Result<ProxyOperations, String> {
    let Some(demand) = demand else { return Ok(ProxyOperations::Everything) };
    match speaks {
        Speaks::Bytes => Err(format!("it does not parse `{}`", short(protocol))),
        Speaks::Modbus => modbus(protocol, demand),
        Speaks::Mqtt => Ok(ProxyOperations::Mqtt {
            permit: topics(protocol, &permitted(protocol, demand))?,
            refuse: topics(protocol, &demand.except)?,
        }),
        Speaks::Http => Ok(ProxyOperations::Http {
            permit: http(protocol, &permitted(protocol, demand))?,
            refuse: http(protocol, &demand.except)?,
        }),
    }
}

/// The operations that are permitted: the named ones, else all that the protocol declares.
fn permitted(protocol: &Protocol, demand: &Demand) -> Vec<OperationUse> {
    let all = || {
        let operations = 0..protocol.operations.len() as u32;
        operations.map(|operation| OperationUse { operation, arguments: Vec::new() }).collect()
    };
    demand.only.clone().unwrap_or_else(all)
}

fn modbus(protocol: &Protocol, demand: &Demand) -> Result<ProxyOperations, String> {
    let mut permit = requests(protocol, &permitted(protocol, demand))?;
    let refuse = requests(protocol, &demand.except)?;
    // what is refused as a whole is not permitted in the first place
    let whole: Vec<u16> = refuse
        .iter()
        .filter(|one| one.items.is_none() && one.value.is_none())
        .flat_map(|one| one.functions.iter().copied())
        .collect();
    for request in &mut permit {
        request.functions.retain(|code| !whole.contains(code));
    }
    permit.retain(|request| !request.functions.is_empty());
    if permit.is_empty() {
        return Err("no function code is left that could pass".into());
    }
    Ok(ProxyOperations::Modbus { permit, refuse })
}

fn requests(protocol: &Protocol, used: &[OperationUse]) -> Result<Vec<RequestMatch>, String> {
    let mut requests = Vec::new();
    for used in used {
        let Some(operation) = protocol.operations.get(used.operation as usize) else { continue };
        if !used.arguments.is_empty() {
            capabilities::narrowed(protocol, used, &mut requests)?;
        } else if operation.functions.is_empty() {
            return Err(format!("`{}` has no function codes", operation.name));
        } else {
            let functions = capabilities::codes(&operation.functions)?;
            requests.push(RequestMatch { functions, items: None, value: None });
        }
    }
    if let Some(code) =
        requests.iter().flat_map(|request| &request.functions).find(|code| !(1..=127).contains(*code))
    {
        return Err(format!("{code} is no function code of Modbus"));
    }
    requests.sort_unstable();
    requests.dedup();
    Ok(requests)
}

fn topics(protocol: &Protocol, used: &[OperationUse]) -> Result<Topics, String> {
    let mut topics = Topics::default();
    for used in used {
        let Some(operation) = protocol.operations.get(used.operation as usize) else { continue };
        let list = match operation.effect {
            OperationEffect::Publish => &mut topics.publish,
            OperationEffect::Subscribe => &mut topics.subscribe,
            _ => return Err(format!("`{}` neither publishes nor subscribes", operation.name)),
        };
        if used.arguments.is_empty() {
            list.push("#".to_owned());
        }
        for argument in &used.arguments {
            let text = argument.text.as_deref().ok_or("a topic is missing")?;
            if text.starts_with("$CONTROL") {
                return Err("`$CONTROL` commands the broker itself".into());
            }
            if text.starts_with("$share/") {
                return Err("a shared subscription is named by its topic, without `$share/…`".into());
            }
            if text.chars().any(char::is_control)
                || text.len() > 1024
                || text.contains("%c")
                || text.contains("%u")
            {
                return Err(
                    "the topic holds control characters, a placeholder, or more than 1,024 bytes".into()
                );
            }
            list.push(text.to_owned());
        }
    }
    for list in [&mut topics.publish, &mut topics.subscribe] {
        list.sort_unstable();
        list.dedup();
    }
    Ok(topics)
}

fn http(protocol: &Protocol, used: &[OperationUse]) -> Result<Vec<HttpMatch>, String> {
    let mut matches = Vec::new();
    for used in used {
        let Some(operation) = protocol.operations.get(used.operation as usize) else { continue };
        let mut methods: Vec<String> = operation.methods.iter().map(ToString::to_string).collect();
        methods.sort_unstable();
        methods.dedup();
        if methods.is_empty() {
            return Err(format!("`{}` has no HTTP methods", operation.name));
        }
        if used.arguments.is_empty() {
            matches.push(HttpMatch { methods: methods.clone(), path: None });
        }
        for argument in &used.arguments {
            let text = argument.text.as_deref().ok_or("a path is missing")?;
            matches.push(HttpMatch { methods: methods.clone(), path: Some(path(text)?) });
        }
    }
    matches.sort_unstable();
    matches.dedup();
    Ok(matches)
}

/// A path that is its own normal form, with `*` for all below a slash at most.
fn path(text: &str) -> Result<PathMatch, String> {
    let (stem, below) = text.strip_suffix('*').map_or((text, false), |stem| (stem, true));
    // `~`, letters and the like are never percent-encoded in a normal form; what could be is refused
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()+,=:@".contains(&byte);
    let parts_fit = || stem.split('/').all(|part| !matches!(part, "." | "..")) && !stem.contains("//");
    if !stem.starts_with('/') || !stem.bytes().all(plain) || !parts_fit() || text.len() > 1024 {
        return Err(format!(
            "`{text}` is no plain path: it begins with `/`, and has no empty or dotted parts, query, `%` or inner `*`"
        ));
    }
    match below {
        true if stem.ends_with('/') => Ok(PathMatch::Below(stem.into())),
        true => Err(format!("the `*` of `{text}` does not stand alone behind a slash")),
        false => Ok(PathMatch::Exact(stem.into())),
    }
}
