//! An inventory as Weir text. Names from elsewhere stand in strings and comments only; these cannot be left.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use weir_syntax::{
    format::{FormatError, format},
    text::LineIndex,
};

use crate::{
    Input, Place,
    inventory::{Extent, Flow, Inventory, Item, Policy, Service, Transport, Value},
    ledger::Fate,
};

/// Longest text of the remainder that is quoted.
const LONGEST: usize = 300;

/// A part of an inventory as Weir: one declaration, or one policy with its flows.
#[derive(Clone, Debug)]
pub struct Part {
    pub text: String,
    /// Where it was read.
    pub place: Place,
    /// Of a policy: where each flow was read, in order.
    pub flows: Vec<Place>,
}

impl Inventory {
    /// Its declarations, each by itself, for whoever keeps their places; the lines with `use` are [`Self::brought_in`].
    pub fn parts(&self, inputs: &[Input<'_>]) -> Vec<Part> {
        let lines = Lines::new(inputs);
        let items = self.items.iter().map(|item| {
            let mut text = String::new();
            let _ = write_item(&mut text, item, &lines); // writing into a String does not fail
            Part { text, place: item.place, flows: Vec::new() }
        });
        let policies = self.policies.iter().map(|policy| {
            let mut text = String::new();
            let _ = write_policy(&mut text, policy, &lines);
            Part { text, place: policy.place, flows: policy.flows.iter().map(|flow| flow.place).collect() }
        });
        items.chain(policies).collect()
    }

    /// The lines with `use` that its declarations need.
    pub fn brought_in(&self) -> String {
        let line = |(module, names): (&String, &std::collections::BTreeSet<String>)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("use {module}.{{{}}}\n", names.join(", "))
        };
        self.uses.iter().map(line).collect()
    }

    /// The text of a `.weir` file, formatted; `inputs` are the files that it was read from.
    ///
    /// # Errors
    /// A mistake of ours: the text does not parse.
    pub fn render(&self, inputs: &[Input<'_>]) -> Result<String, FormatError> {
        let mut text = String::new();
        // Writing into a String does not fail.
        let _ = self.write(&mut text, &Lines::new(inputs));
        format(&text)
    }

    fn write(&self, out: &mut String, lines: &Lines<'_>) -> fmt::Result {
        let kinds = self.counts();
        let from: Vec<&str> = lines.files.values().map(|(path, _)| *path).collect();
        let from = match from.as_slice() {
            [one, two, three, rest @ ..] if !rest.is_empty() => {
                format!("{one}, {two}, {three} and {} more", rest.len())
            }
            all => all.join(", "),
        };
        comment(out, "//!", &format!("Imported by `weir import {}` from {from}", self.format));
        comment(
            out,
            "//!",
            &format!(
                "{}: {kinds}; {} not said in Weir{}",
                self.amount(),
                self.remainder.len(),
                if self.remainder.is_empty() { "" } else { ", listed at the end" }
            ),
        );
        if !self.ledger.is_empty() {
            comment(out, "//!", &self.account());
        }
        for line in &self.about {
            comment(out, "//!", line);
        }
        out.push('\n');
        out.push_str(&self.brought_in());
        for item in &self.items {
            write_item(out, item, lines)?;
        }
        for policy in &self.policies {
            write_policy(out, policy, lines)?;
        }
        if !self.remainder.is_empty() {
            out.push('\n');
            comment(out, "//", &format!("Not said in Weir ({}):", self.remainder.len()));
        }
        for left in &self.remainder {
            comment(out, "//", &format!("- {}: {}: {}", lines.show(left.place), left.what, left.why));
        }
        Ok(())
    }

    /// `12 objects`: what was read.
    pub fn amount(&self) -> String {
        count(self.ledger.len(), self.unit)
    }

    /// `Of 9 terms 5 are said, 1 is listed as not said, 3 need no line: 2 for answers, 1 by default`: each is counted once.
    pub fn account(&self) -> String {
        let are = |number: usize| format!("{number} {}", if number == 1 { "is" } else { "are" });
        let mut parts = vec![format!("{} said", are(self.ledger.count(Fate::Said)))];
        let left = self.ledger.count(Fate::Left);
        if left > 0 {
            parts.push(format!("{} listed as not said", are(left)));
        }
        let covered: Vec<(&str, usize)> = self.ledger.covered().collect();
        let all: usize = covered.iter().map(|(_, number)| number).sum();
        if all > 0 {
            let need = if all == 1 { "needs" } else { "need" };
            let reasons: Vec<String> =
                covered.iter().map(|(reason, number)| format!("{number} {reason}")).collect();
            parts.push(format!("{all} {need} no line ({})", reasons.join(", ")));
        }
        let beside = self.remainder.iter().filter(|left| left.extent != Extent::Record).count();
        let beside = match beside {
            0 => String::new(),
            number => format!(
                "; {} of what is said, or beside it, {} listed, too",
                count(number, "part"),
                if number == 1 { "is" } else { "are" }
            ),
        };
        format!("Of {} {}{beside}.", self.amount(), parts.join(", "))
    }

    /// `3 workloads, 1 protocol`
    pub fn counts(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for item in &self.items {
            *counts.entry(item.kind.keyword()).or_default() += 1;
        }
        let flows: usize = self.policies.iter().map(|policy| policy.flows.len()).sum();
        let mut all: Vec<String> = counts
            .into_iter()
            .map(|(keyword, number)| match (keyword, number) {
                ("class", 2..) => format!("{number} classes"),
                _ => count(number, keyword),
            })
            .collect();
        if flows > 0 {
            all.push(count(flows, "flow"));
        }
        if all.is_empty() { "nothing to declare".into() } else { all.join(", ") }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ports = |name: &str, first: u16, last: u16| {
            if first == last {
                write!(formatter, "{name}/{first}")
            } else {
                write!(formatter, "{name}/{first}..{last}")
            }
        };
        match *self {
            Self::Tcp(first, last) => ports("tcp", first, last),
            Self::Udp(first, last) => ports("udp", first, last),
            Self::Sctp(first, last) => ports("sctp", first, last),
            Self::Icmp => formatter.write_str("icmp"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(formatter, "{}", Quoted(text)),
            Self::Boolean(boolean) => write!(formatter, "{boolean}"),
            Self::Word(word) => formatter.write_str(word),
            Self::Address(address) => write!(formatter, "{address}"),
            Self::Prefix(prefix) => write!(formatter, "{prefix}"),
            Self::Mac(bytes) => {
                let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                formatter.write_str(&pairs.join(":"))
            }
            Self::Transport(transport) => write!(formatter, "{transport}"),
            Self::Serves(protocol, None) => formatter.write_str(protocol),
            Self::Serves(protocol, Some(port)) => write!(formatter, "{protocol} on {port}"),
            Self::Labels(labels) => {
                let entries: Vec<String> =
                    labels.iter().map(|(key, value)| format!("{} = {}", Label(key), Quoted(value))).collect();
                write!(formatter, "{{ {} }}", entries.join(", "))
            }
            Self::List(list) => {
                let entries: Vec<String> = list.iter().map(ToString::to_string).collect();
                write!(formatter, "[{}]", entries.join(", "))
            }
        }
    }
}

/// A string literal.
struct Quoted<'t>(&'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' => formatter.write_str("\\\"")?,
                '\\' => formatter.write_str("\\\\")?,
                '{' => formatter.write_str("\\{")?,
                '}' => formatter.write_str("\\}")?,
                '\n' => formatter.write_str("\\n")?,
                '\t' => formatter.write_str("\\t")?,
                unseen if is_unseen(unseen) => formatter.write_char('\u{fffd}')?,
                plain => formatter.write_char(plain)?,
            }
        }
        formatter.write_char('"')
    }
}

/// A label's key: bare where it can be.
struct Label<'t>(&'t str);

impl fmt::Display for Label<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if crate::names::is_plain(self.0) {
            return formatter.write_str(self.0);
        }
        write!(formatter, "{}", Quoted(self.0))
    }
}

/// What a reader would not see, or would see at another place: control characters and those that turn the direction of text.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A comment of one line, whatever the text.
fn comment(out: &mut String, mark: &str, text: &str) {
    out.push_str(mark);
    out.push(' ');
    let text: String =
        text.chars().map(|character| if is_unseen(character) { ' ' } else { character }).collect();
    let text = text.trim();
    let end = text.floor_char_boundary(LONGEST.min(text.len()));
    out.push_str(&text[..end]);
    if end < text.len() {
        out.push('…');
    }
    out.push('\n');
}

fn write_item(out: &mut String, item: &Item, lines: &Lines<'_>) -> fmt::Result {
    out.push('\n');
    for (index, line) in item.documentation.iter().enumerate() {
        let place = if index == 0 { format!(" ({})", lines.show(item.place)) } else { String::new() };
        comment(out, "///", &format!("{line}{place}"));
    }
    write!(out, "{} {}", item.kind.keyword(), item.name)?;
    if let Some(class) = &item.class {
        write!(out, " : {class}")?;
    }
    if let Some(cluster) = &item.cluster {
        write!(out, " in {cluster}")?;
    }
    if let Some(value) = &item.value {
        write!(out, " = {}", value.join(" | "))?;
    }
    if !item.attributes.is_empty() {
        out.push_str(" {\n");
        for (name, value) in &item.attributes {
            writeln!(out, "{name} = {value}")?;
        }
        out.push('}');
    }
    out.push('\n');
    Ok(())
}

fn write_policy(out: &mut String, policy: &Policy, lines: &Lines<'_>) -> fmt::Result {
    out.push('\n');
    for line in &policy.documentation {
        comment(out, "///", line);
    }
    writeln!(out, "policy {} {{", policy.name)?;
    for (name, value) in &policy.attributes {
        writeln!(out, "{name} = {value}")?;
    }
    for flow in &policy.flows {
        write_flow(out, flow, lines)?;
    }
    out.push_str("}\n");
    Ok(())
}

fn write_flow(out: &mut String, flow: &Flow, lines: &Lines<'_>) -> fmt::Result {
    for (index, line) in flow.documentation.iter().enumerate() {
        let place = if index == 0 { format!(" ({})", lines.show(flow.place)) } else { String::new() };
        comment(out, "///", &format!("{line}{place}"));
    }
    let services: Vec<String> = flow
        .services
        .iter()
        .map(|service| match service {
            Service::Transport(transport) => transport.to_string(),
            Service::Protocol(name) => name.clone(),
        })
        .collect();
    let services = if services.is_empty() { "any".into() } else { services.join(" | ") };
    let (effect, source, destination) =
        (if flow.allow { "allow" } else { "deny" }, flow.source.join(" | "), flow.destination.join(" | "));
    write!(out, "{effect} {source} -> {destination} : {services}")?;
    if flow.log {
        out.push_str(" { log = true }");
    }
    out.push('\n');
    Ok(())
}

/// `3 workloads`
pub(crate) fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) if !noun.ends_with("ay") => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

/// Files by their id, with the starts of their lines.
struct Lines<'t> {
    files: BTreeMap<weir_syntax::FileId, (&'t str, LineIndex)>,
}

impl<'t> Lines<'t> {
    fn new(inputs: &[Input<'t>]) -> Self {
        Self {
            files: inputs
                .iter()
                .map(|input| (input.file, (input.path, LineIndex::new(input.text))))
                .collect(),
        }
    }

    /// `manifests/broker.yaml:12`
    fn show(&self, place: Place) -> String {
        match self.files.get(&place.file) {
            Some((path, index)) => format!("{path}:{}", index.line(place.span.start) + 1),
            None => "unknown".into(),
        }
    }
}
