//! Operations as sets of requests. The arguments of an operation are alternatives: `write(coils 1..4, registers 7)` is a
//! write of those coils or of that register. A number's place is a function code and an address, so that `coil 17 = on`
//! lies inside of `coils 10..20` although the two arguments have different names.

use smol_str::SmolStr;

use super::Demand;
use crate::model::protocols::{ArgumentUse, Operation, OperationUse, Protocol};

/// What one argument stands for.
enum Requests<'p> {
    /// Function codes (none: whatever the argument's own place is), addresses, and the one value, if it is fixed.
    Numbers {
        argument: u32,
        functions: &'p [u64],
        range: (u64, u64),
        value: Option<u64>,
    },
    Text {
        argument: u32,
        kind: &'static str,
        text: SmolStr,
    },
}

fn requests<'p>(operation: &'p Operation, used: &ArgumentUse) -> Option<Requests<'p>> {
    let declared = operation.arguments.get(used.argument as usize)?;
    let functions = if declared.functions.is_empty() { &operation.functions } else { &declared.functions };
    match (&used.text, used.range) {
        (Some(text), _) => {
            Some(Requests::Text { argument: used.argument, kind: declared.kind, text: text.clone() })
        }
        (None, Some(range)) => {
            Some(Requests::Numbers { argument: used.argument, functions, range, value: used.value })
        }
        (None, None) => None,
    }
}

/// Whether two arguments name a common request. Where that is not known, they do.
fn meet(a: &Requests<'_>, b: &Requests<'_>) -> bool {
    match (a, b) {
        (Requests::Numbers { range, value, .. }, Requests::Numbers { range: other, value: second, .. }) => {
            same_place(a, b)
                && range.0 <= other.1
                && other.0 <= range.1
                && (value.is_none() || second.is_none() || value == second)
        }
        (Requests::Text { argument, kind, text }, Requests::Text { argument: other, text: second, .. }) => {
            argument == other && texts_meet(kind, text, second)
        }
        _ => true, // a number and a text may both narrow one request
    }
}

fn same_place(a: &Requests<'_>, b: &Requests<'_>) -> bool {
    let (
        Requests::Numbers { argument, functions, .. },
        Requests::Numbers { argument: other, functions: second, .. },
    ) = (a, b)
    else {
        return false;
    };
    argument == other || functions.iter().any(|function| second.contains(function))
}

/// Whether some request is one of both uses.
pub fn overlap(protocol: &Protocol, a: &OperationUse, b: &OperationUse) -> bool {
    a.operation == b.operation && (intersection(protocol, a, b).is_some())
}

/// The requests of both uses, or somewhat more where that cannot be said; nothing, where there is none.
pub fn intersection(protocol: &Protocol, a: &OperationUse, b: &OperationUse) -> Option<OperationUse> {
    if a.operation != b.operation {
        return None;
    }
    if a.arguments.is_empty() {
        return Some(b.clone());
    }
    if b.arguments.is_empty() {
        return Some(a.clone());
    }
    let operation = protocol.operations.get(a.operation as usize)?;
    let mut arguments: Vec<ArgumentUse> = Vec::new();
    for one in &a.arguments {
        for other in &b.arguments {
            let (Some(left), Some(right)) = (requests(operation, one), requests(operation, other)) else {
                continue;
            };
            if !meet(&left, &right) {
                continue;
            }
            let both = match (one.range, other.range) {
                // of two arguments for one place, the one that fixes a value says more
                (Some(range), Some(second)) => {
                    let narrow = if other.value.is_some() { other } else { one };
                    ArgumentUse {
                        range: Some((range.0.max(second.0), range.1.min(second.1))),
                        ..narrow.clone()
                    }
                }
                _ if text_covers(&left, &right) => other.clone(),
                _ => one.clone(),
            };
            if !arguments.contains(&both) {
                arguments.push(both);
            }
        }
    }
    (!arguments.is_empty()).then_some(OperationUse { operation: a.operation, arguments })
}

/// Whether some uses together hold every request of another.
pub fn cover<'u>(
    protocol: &Protocol,
    held: impl Iterator<Item = &'u OperationUse>,
    wanted: &OperationUse,
) -> bool {
    let held: Vec<&OperationUse> = held.filter(|held| held.operation == wanted.operation).collect();
    if held.iter().any(|held| held.arguments.is_empty()) {
        return true;
    }
    let Some(operation) = protocol.operations.get(wanted.operation as usize) else { return false };
    let held: Vec<Requests<'_>> =
        held.iter().flat_map(|held| &held.arguments).filter_map(|used| requests(operation, used)).collect();
    !wanted.arguments.is_empty()
        && wanted
            .arguments
            .iter()
            .all(|used| requests(operation, used).is_some_and(|wanted| covered(&held, &wanted)))
}

fn covered(held: &[Requests<'_>], wanted: &Requests<'_>) -> bool {
    let Requests::Numbers { argument, functions, range, value } = wanted else {
        return held.iter().any(|held| text_covers(held, wanted));
    };
    let whole = |function: Option<u64>| {
        let mut ranges: Vec<(u64, u64)> = held
            .iter()
            .filter_map(|held| match held {
                Requests::Numbers { argument: own, functions, range, value: fixed } => {
                    let here = function.map_or(own == argument, |function| functions.contains(&function));
                    (here && (fixed.is_none() || fixed == value)).then_some(*range)
                }
                Requests::Text { .. } => None,
            })
            .collect();
        ranges.sort_unstable();
        let mut next = range.0;
        for (first, last) in ranges {
            if first > next {
                break;
            }
            if last >= range.1 {
                return true;
            }
            next = next.max(last + 1);
        }
        false
    };
    match functions {
        [] => whole(None),
        functions => functions.iter().all(|function| whole(Some(*function))),
    }
}

fn text_covers(outer: &Requests<'_>, inner: &Requests<'_>) -> bool {
    match (outer, inner) {
        (Requests::Text { argument, kind, text }, Requests::Text { argument: other, text: second, .. }) => {
            argument == other
                && (text == second
                    || match *kind {
                        "topic" => topic_covers(text, second),
                        "path" => path_covers(text, second),
                        _ => false,
                    })
        }
        _ => false,
    }
}

fn texts_meet(kind: &str, a: &str, b: &str) -> bool {
    match kind {
        "topic" => topics_meet(a, b),
        "path" => {
            let start = |text: &str| text.find('*').unwrap_or(text.len());
            let (first, second) = (&a[..start(a)], &b[..start(b)]);
            // without a star, a path is itself alone
            match (a.contains('*'), b.contains('*')) {
                (false, false) => a == b,
                (true, false) => b.starts_with(first),
                (false, true) => a.starts_with(second),
                (true, true) => first.starts_with(second) || second.starts_with(first),
            }
        }
        _ => a == b,
    }
}

/// MQTT 5.0, 4.7: `+` is one level, `#` the rest and the level before it. Neither matches a first level with `$`.
fn topic_covers(outer: &str, inner: &str) -> bool {
    let (outer, inner): (Vec<&str>, Vec<&str>) = (outer.split('/').collect(), inner.split('/').collect());
    if inner[0].starts_with('$') && matches!(outer[0], "+" | "#") {
        return false;
    }
    let mut levels = inner.iter();
    for level in &outer {
        if *level == "#" {
            return true; // `a/#` is `a` too
        }
        match levels.next() {
            Some(&"#") => return false,
            Some(own) if *level == "+" || level == own => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

fn topics_meet(a: &str, b: &str) -> bool {
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split('/').collect(), b.split('/').collect());
    let wild = |level: &str| matches!(level, "+" | "#");
    if (a[0].starts_with('$') && wild(b[0])) || (b[0].starts_with('$') && wild(a[0])) {
        return false;
    }
    for index in 0.. {
        match (a.get(index), b.get(index)) {
            (None, None) => return true,
            (Some(&"#"), _) | (_, Some(&"#")) => return true,
            (Some(one), Some(other)) if wild(one) || wild(other) || one == other => {}
            _ => return false,
        }
    }
    true
}

/// `/api/*` is every path that begins with `/api/`.
fn path_covers(outer: &str, inner: &str) -> bool {
    outer.strip_suffix('*').is_some_and(|prefix| !prefix.contains('*') && inner.starts_with(prefix))
}

/// `modbus.write(coils 100..103)`.
pub fn describe(protocol: &Protocol, used: &OperationUse) -> String {
    let short = protocol.name.rsplit('.').next().unwrap_or(&protocol.name);
    let Some(operation) = protocol.operations.get(used.operation as usize) else { return short.to_owned() };
    let arguments: Vec<String> = used
        .arguments
        .iter()
        .filter_map(|used| {
            let declared = operation.arguments.get(used.argument as usize)?;
            let name = if declared.positional { String::new() } else { format!("{} ", declared.name) };
            if let Some(text) = &used.text {
                let name = if declared.positional { name } else { format!("{} = ", declared.name) };
                return Some(format!("{name}{text:?}"));
            }
            let (first, last) = used.range?;
            let range = if first == last { first.to_string() } else { format!("{first}..{last}") };
            let value = match used.value {
                None => String::new(),
                Some(0) if declared.functions.contains(&5) => " = off".into(),
                Some(1) if declared.functions.contains(&5) => " = on".into(),
                Some(value) => format!(" = {value}"),
            };
            Some(format!("{name}{range}{value}"))
        })
        .collect();
    match arguments.as_slice() {
        [] => format!("{short}.{}", operation.name),
        arguments => format!("{short}.{}({})", operation.name, arguments.join(", ")),
    }
}

/// What a demand of the same protocol permits of some wanted requests; nothing, where it permits none.
pub fn permitted(protocol: &Protocol, demand: &Demand, wanted: &OperationUse) -> Option<OperationUse> {
    let left = |asked: &OperationUse| {
        let both = intersection(protocol, asked, wanted)?;
        (!cover(protocol, demand.except.iter(), &both)).then_some(both)
    };
    match &demand.only {
        None => left(wanted),
        Some(only) => only.iter().find_map(left),
    }
}

/// One request of a use that others do not hold: an address, or the text of its first such argument.
pub fn one_without(protocol: &Protocol, used: &OperationUse, held: &[OperationUse]) -> OperationUse {
    let single =
        |argument: ArgumentUse| OperationUse { operation: used.operation, arguments: vec![argument] };
    for argument in &used.arguments {
        let Some((first, last)) = argument.range else {
            let one = single(argument.clone());
            if !cover(protocol, held.iter(), &one) {
                return one;
            }
            continue;
        };
        // the first address, and those behind whatever is held
        let behind = held.iter().flat_map(|held| &held.arguments).filter_map(|held| held.range);
        let mut places: Vec<u64> = behind.filter_map(|(_, end)| end.checked_add(1)).collect();
        places.push(first);
        places.sort_unstable();
        for place in places.into_iter().filter(|place| (first..=last).contains(place)) {
            let one = single(ArgumentUse { range: Some((place, place)), ..argument.clone() });
            if !cover(protocol, held.iter(), &one) {
                return one;
            }
        }
    }
    used.clone()
}
