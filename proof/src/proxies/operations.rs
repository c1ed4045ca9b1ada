//! What of a protocol passes, in one form for the policy's side and the artifact's.

use std::{collections::BTreeSet, fmt};

use weir_compiler::{
    flows::Demand,
    model::{
        Protocol,
        protocols::{OperationEffect, OperationUse},
    },
};

/// A kind of request of Modbus: function, items (ends included), value as on the wire.
pub(crate) type Request = (u16, Option<(u16, u16)>, Option<u16>);
/// A method, any where it is none; a path, all below it where it ends with `*`, any where it is none.
pub(crate) type HttpRequest = (Option<String>, Option<String>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operations {
    Everything,
    Modbus { permit: BTreeSet<Request>, refuse: BTreeSet<Request> },
    Http { permit: BTreeSet<HttpRequest>, refuse: BTreeSet<HttpRequest> },
    Mqtt { permit: Topics, refuse: Topics },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Topics {
    pub(crate) publish: BTreeSet<String>,
    pub(crate) subscribe: BTreeSet<String>,
}

impl Operations {
    /// What is refused as a whole need not be permitted first.
    pub(crate) fn modbus(mut permit: BTreeSet<Request>, refuse: BTreeSet<Request>) -> Self {
        permit.retain(|(function, ..)| !refuse.contains(&(*function, None, None)));
        Self::Modbus { permit, refuse }
    }
}

/// The operations that a demand names.
fn permitted(protocol: &Protocol, demand: &Demand) -> Vec<OperationUse> {
    match &demand.only {
        Some(only) => only.clone(),
        None => (0..protocol.operations.len() as u32)
            .map(|operation| OperationUse { operation, arguments: Vec::new() })
            .collect(),
    }
}

/// Nothing, where Modbus has no such operations.
pub(crate) fn modbus(protocol: &Protocol, demand: &Demand) -> Option<Operations> {
    let requests = |uses: &[OperationUse]| -> Option<BTreeSet<Request>> {
        let mut requests = BTreeSet::new();
        for used in uses {
            let operation = protocol.operations.get(used.operation as usize)?;
            if used.arguments.is_empty() {
                for function in &operation.functions {
                    requests.insert((u16::try_from(*function).ok()?, None, None));
                }
            }
            for argument in &used.arguments {
                let (first, last) = argument.range?;
                let items = (u16::try_from(first).ok()?, u16::try_from(last).ok()?);
                for function in &operation.arguments.get(argument.argument as usize)?.functions {
                    // a coil that is switched on is 0xff00 on the wire, off 0
                    let value = match (*function, argument.value) {
                        (_, None) => None,
                        (5, Some(value)) => Some([0, 0xff00].get(usize::try_from(value).ok()?).copied()?),
                        (6, Some(value)) => Some(u16::try_from(value).ok()?),
                        _ => return None,
                    };
                    requests.insert((u16::try_from(*function).ok()?, Some(items), value));
                }
            }
        }
        Some(requests)
    };
    Some(Operations::modbus(requests(&permitted(protocol, demand))?, requests(&demand.except)?))
}

pub(crate) fn mqtt(protocol: &Protocol, demand: &Demand) -> Option<Operations> {
    let topics = |uses: &[OperationUse]| -> Option<Topics> {
        let mut topics = Topics::default();
        for used in uses {
            let list = match protocol.operations.get(used.operation as usize)?.effect {
                OperationEffect::Publish => &mut topics.publish,
                OperationEffect::Subscribe => &mut topics.subscribe,
                _ => return None,
            };
            if used.arguments.is_empty() {
                list.insert("#".to_owned());
            }
            for argument in &used.arguments {
                list.insert(argument.text.as_ref()?.to_string());
            }
        }
        Some(topics)
    };
    Some(Operations::Mqtt { permit: topics(&permitted(protocol, demand))?, refuse: topics(&demand.except)? })
}

pub(crate) fn http(protocol: &Protocol, demand: &Demand) -> Option<Operations> {
    let requests = |uses: &[OperationUse]| -> Option<BTreeSet<HttpRequest>> {
        let mut requests = BTreeSet::new();
        for used in uses {
            let operation = protocol.operations.get(used.operation as usize)?;
            let mut paths: Vec<Option<String>> = Vec::new();
            for argument in &used.arguments {
                paths.push(Some(argument.text.as_ref()?.to_string()));
            }
            if paths.is_empty() {
                paths.push(None);
            }
            if operation.methods.is_empty() {
                return None;
            }
            for method in &operation.methods {
                requests.extend(paths.iter().map(|path| (Some(method.to_string()), path.clone())));
            }
        }
        Some(requests)
    };
    Some(Operations::Http {
        permit: requests(&permitted(protocol, demand))?,
        refuse: requests(&demand.except)?,
    })
}

/// Whether a topic is described by both filters (MQTT 5.0, 4.7): `+` is one level, `#` at the end any number of them.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    fn meet(one: &[&str], other: &[&str]) -> bool {
        match (one, other) {
            ([], []) | (["#"], _) | (_, ["#"]) => true,
            ([a, one @ ..], [b, other @ ..]) => (a == b || *a == "+" || *b == "+") && meet(one, other),
            _ => false,
        }
    }
    // what stands for any name does not stand for those of the broker, which begin with `$`
    let special = |filter: &str| filter.starts_with('$');
    let wild = |filter: &str| filter.starts_with(['+', '#']);
    if special(one) && wild(other) || special(other) && wild(one) {
        return false;
    }
    meet(&one.split('/').collect::<Vec<_>>(), &other.split('/').collect::<Vec<_>>())
}

impl fmt::Display for Operations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => write!(formatter, "everything"),
            Self::Modbus { permit, refuse } => {
                let text = |requests: &BTreeSet<Request>| list(requests.iter().map(request));
                write!(formatter, "{}", text(permit))?;
                if refuse.is_empty() { Ok(()) } else { write!(formatter, ", but not {}", text(refuse)) }
            }
            Self::Http { permit, refuse } => {
                let text = |requests: &BTreeSet<HttpRequest>| {
                    list(requests.iter().map(|(method, path)| {
                        let (method, path) = (method.as_deref(), path.as_deref());
                        format!("{} {}", method.unwrap_or("any method"), path.unwrap_or("anywhere"))
                    }))
                };
                write!(formatter, "{}", text(permit))?;
                if refuse.is_empty() { Ok(()) } else { write!(formatter, ", but not {}", text(refuse)) }
            }
            Self::Mqtt { permit, refuse } => {
                write!(formatter, "{permit}")?;
                if *refuse == Topics::default() { Ok(()) } else { write!(formatter, ", but not {refuse}") }
            }
        }
    }
}

fn request((function, items, value): &Request) -> String {
    let mut text = format!("function {function}");
    if let Some((first, last)) = items {
        text += &format!(" of {first}..{last}");
    }
    if let Some(value) = value {
        text += &format!(" with {value:#x}");
    }
    text
}

impl fmt::Display for Topics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let publish = self.publish.iter().map(|topic| format!("publish {topic}"));
        let subscribe = self.subscribe.iter().map(|topic| format!("subscribe {topic}"));
        write!(formatter, "{}", list(publish.chain(subscribe)))
    }
}

/// The first few, and how many more.
fn list(parts: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 4;
    let all: Vec<String> = parts.collect();
    let more = all.len().saturating_sub(SHOWN);
    let mut text = all[..all.len() - more].join(" | ");
    if more > 0 {
        text += &format!(" and {more} more");
    }
    if text.is_empty() { "nothing".into() } else { text }
}
