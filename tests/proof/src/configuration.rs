//! Mutations of configurations: JSON and YAML by their structure, the rest line by line. Each changes one place.

use serde_json::{Number, Value};

/// What a mutation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Drop,
    DuplicateEntry,
    EmptyList,
    SwapEntries,
    HigherNumber,
    LowerNumber,
    LongerText,
    ShorterText,
    /// The text of another place.
    OtherText,
    FlipBoolean,
    Forget,
    DropLine,
    DuplicateLine,
    ChangeWord,
    HigherNumberInLine,
}

impl Kind {
    pub const ALL: [Self; 15] = [
        Self::Drop,
        Self::DuplicateEntry,
        Self::EmptyList,
        Self::SwapEntries,
        Self::HigherNumber,
        Self::LowerNumber,
        Self::LongerText,
        Self::ShorterText,
        Self::OtherText,
        Self::FlipBoolean,
        Self::Forget,
        Self::DropLine,
        Self::DuplicateLine,
        Self::ChangeWord,
        Self::HigherNumberInLine,
    ];
}

/// A changed file: what was done where, and the new text. Places are paths without indices and names: `listeners.*.until`.
pub struct Mutant {
    pub kind: Kind,
    pub place: String,
    pub text: String,
}

/// All mutants of a file, by its ending.
pub fn mutants(path: &str, text: &str) -> Vec<Mutant> {
    let ending = path.rsplit('.').next().unwrap_or_default();
    let whole: Option<Value> = match ending {
        "json" => serde_json::from_str(text).ok(),
        "yaml" => serde_yaml_ng::from_str(text).ok(),
        _ => None,
    };
    let Some(whole) = whole else { return of_lines(text) };
    let write = |value: &Value| match ending {
        // what is YAML here is read by its quotes, which a writer of YAML leaves out
        _ if path.starts_with("5g/") => serde_json::to_string_pretty(value).unwrap_or_default(),
        "json" => serde_json::to_string_pretty(value).unwrap_or_default(),
        _ => serde_yaml_ng::to_string(value).unwrap_or_default(),
    };
    let mut texts = Vec::new();
    collect(&whole, &mut texts);
    texts.sort();
    texts.dedup();
    let mut found = Vec::new();
    each(&whole, &mut Vec::new(), &mut |pointer, place, value| {
        for (kind, new) in changes(value, &texts) {
            let mut copy = whole.clone();
            let done = match new {
                New::Value(new) => copy.pointer_mut(pointer).map(|at| *at = new).is_some(),
                New::Nothing => remove(&mut copy, pointer),
            };
            // the root is not taken away
            if done {
                found.push(Mutant { kind, place: place.to_owned(), text: write(&copy) });
            }
        }
    });
    found
}

enum New {
    Value(Value),
    Nothing,
}

fn changes(value: &Value, texts: &[String]) -> Vec<(Kind, New)> {
    let mut all = Vec::new();
    let mut to = |kind, new: Value| all.push((kind, New::Value(new)));
    match value {
        Value::Null => {}
        Value::Bool(is) => to(Kind::FlipBoolean, Value::Bool(!is)),
        Value::Number(number) => {
            if let Some(number) = number.as_i64() {
                to(Kind::HigherNumber, Value::Number(Number::from(number + 1)));
                to(Kind::LowerNumber, Value::Number(Number::from(number - 1)));
            }
        }
        Value::String(text) => {
            to(Kind::LongerText, Value::String(format!("{text}x")));
            let mut shorter = text.clone();
            if shorter.pop().is_some() {
                to(Kind::ShorterText, Value::String(shorter));
            }
            if let Some(other) = texts.iter().find(|other| *other > text) {
                to(Kind::OtherText, Value::String(other.clone()));
            }
        }
        Value::Array(list) => {
            if let Some(first) = list.first() {
                to(Kind::EmptyList, Value::Array(Vec::new()));
                to(Kind::DuplicateEntry, Value::Array([std::slice::from_ref(first), list].concat()));
            }
            if list.len() > 1 && list[0] != list[1] {
                let mut swapped = list.clone();
                swapped.swap(0, 1);
                to(Kind::SwapEntries, Value::Array(swapped));
            }
        }
        Value::Object(_) => {}
    }
    if !value.is_null() {
        to(Kind::Forget, Value::Null);
    }
    all.push((Kind::Drop, New::Nothing));
    all
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|one| collect(one, texts)),
        Value::Object(fields) => fields.values().for_each(|one| collect(one, texts)),
        _ => {}
    }
}

/// Calls with the pointer (RFC 6901) and the place of each value.
fn each(value: &Value, path: &mut Vec<String>, call: &mut impl FnMut(&str, &str, &Value)) {
    let pointer: String = path
        .iter()
        .map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")))
        .collect::<Vec<_>>()
        .concat();
    let named = |part: &String| {
        let is_field =
            part.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'@' | b'-'));
        let is_known = matches!(part.as_str(), "5qi" | "5gQosProfile" | "n6Protection" | "t3512");
        if is_field || is_known || part.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            part.clone()
        } else {
            "*".into()
        }
    };
    let place = path.iter().map(named).collect::<Vec<_>>().join(".");
    call(&pointer, &place, value);
    let below: Vec<(String, &Value)> = match value {
        Value::Array(list) => list.iter().enumerate().map(|(index, one)| (index.to_string(), one)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, one)| (name.clone(), one)).collect(),
        _ => Vec::new(),
    };
    for (name, one) in below {
        path.push(name);
        each(one, path, call);
        path.pop();
    }
}

fn remove(whole: &mut Value, pointer: &str) -> bool {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return false };
    let last = last.replace("~1", "/").replace("~0", "~");
    match whole.pointer_mut(parent) {
        Some(Value::Array(list)) => last.parse::<usize>().is_ok_and(|index| {
            list.remove(index);
            true
        }),
        Some(Value::Object(fields)) => fields.remove(&last).is_some(),
        _ => false,
    }
}

fn of_lines(text: &str) -> Vec<Mutant> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let place = trimmed.split([' ', ';']).next().unwrap_or_default().to_owned();
        let with = |new: Vec<String>| {
            let before = lines[..index].iter().map(ToString::to_string);
            let after = lines[index + 1..].iter().map(ToString::to_string);
            before.chain(new).chain(after).collect::<Vec<_>>().join("\n") + "\n"
        };
        let mut to = |kind, new| found.push(Mutant { kind, place: place.clone(), text: with(new) });
        to(Kind::DropLine, Vec::new());
        to(Kind::DuplicateLine, vec![(*line).to_owned(); 2]);
        if let Some((head, word)) = line.trim_end_matches([';', '{', ' ']).rsplit_once(' ') {
            let end = &line[head.len() + 1 + word.len()..];
            to(Kind::ChangeWord, vec![format!("{head} {word}x{end}")]);
            if let Some(at) = word.rfind(|letter: char| letter.is_ascii_digit()) {
                let digit = (word.as_bytes()[at] - b'0' + 1) % 10;
                to(
                    Kind::HigherNumberInLine,
                    vec![format!("{head} {}{digit}{}{end}", &word[..at], &word[at + 1..])],
                );
            }
        }
    }
    found
}
