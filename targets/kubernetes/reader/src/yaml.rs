//! YAML as kubectl and the API server read it: version 1.1's plain scalars, maps with text as keys, and of YAML's other
//! inventions nothing. JSON is read as well, for it is YAML.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use weir_reading::yaml::{Plain, plain};

/// A value and the line that it begins in, from 1.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) line: u32,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    /// Any other number.
    Number,
    Text {
        text: String,
        double_quoted: bool,
    },
    List(Vec<Node>),
    /// In the order of the text; no key stands twice.
    Map(Vec<(Key, Node)>),
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) line: u32,
    pub(crate) text: String,
}

/// What is wrong, and in which line.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) line: u32,
    pub(crate) what: String,
}

/// Deeper than any object of Kubernetes.
const MAX_DEPTH: usize = 64;
/// Longest text that is read; the API server's limit of one object is 3 MiB.
pub(crate) const MAX_BYTES: usize = 64 << 20;

impl Node {
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(crate) fn what(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Boolean(_) => "a boolean",
            Value::Integer(_) | Value::Number => "a number",
            Value::Text { .. } => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// A list or map that is not closed yet.
struct Open {
    line: u32,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, key: Option<Key> },
}

/// The documents of a text; empty ones are left out.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, Wrong> {
    if text.len() > MAX_BYTES {
        return Err(Wrong { line: 0, what: format!("longer than {} MiB", MAX_BYTES >> 20) });
    }
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| scan_error(&error))?;
        let line = line_of(&span);
        let refuse =
            |what: &str| Err(Wrong { line, what: format!("{what} are not read: write the value out") });
        let node = match event {
            Event::Alias(_) => return refuse("aliases"),
            Event::Scalar(_, _, 1.., _) | Event::SequenceStart(1.., _) | Event::MappingStart(1.., _) => {
                return refuse("anchors");
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => return refuse("tags"),
            Event::Scalar(text, style, ..) => Node { line, value: scalar(text.into_owned(), style) },
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() >= MAX_DEPTH {
                    return Err(Wrong { line, what: format!("nested deeper than {MAX_DEPTH}") });
                }
                let kind = match event {
                    Event::SequenceStart(..) => Kind::List(Vec::new()),
                    _ => Kind::Map { entries: Vec::new(), key: None },
                };
                open.push(Open { line, kind });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(closed) = open.pop() else { continue };
                let value = match closed.kind {
                    Kind::List(list) => Value::List(list),
                    Kind::Map { entries, .. } => Value::Map(unique(entries)?),
                };
                Node { line: closed.line, value }
            }
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => {
                continue;
            }
        };
        place(node, &mut open, &mut documents)?;
    }
    documents.retain(|document: &Node| !matches!(document.value, Value::Null));
    Ok(documents)
}

fn place(node: Node, open: &mut [Open], documents: &mut Vec<Node>) -> Result<(), Wrong> {
    match open.last_mut().map(|open| &mut open.kind) {
        None => documents.push(node),
        Some(Kind::List(list)) => list.push(node),
        Some(Kind::Map { entries, key }) => match (key.take(), node) {
            (Some(key), node) => entries.push((key, node)),
            (None, Node { line, value: Value::Text { text, .. } }) => *key = Some(Key { line, text }),
            (None, node) => {
                return Err(Wrong {
                    line: node.line,
                    what: format!("a key is text, and not {}", node.what()),
                });
            }
        },
    }
    Ok(())
}

fn unique(entries: Vec<(Key, Node)>) -> Result<Vec<(Key, Node)>, Wrong> {
    let mut sorted: Vec<&Key> = entries.iter().map(|(key, _)| key).collect();
    sorted.sort_unstable_by(|a, b| (&a.text, a.line).cmp(&(&b.text, b.line)));
    match sorted.windows(2).find(|pair| pair[0].text == pair[1].text) {
        Some(pair) => Err(Wrong { line: pair[1].line, what: format!("`{}` is given twice", pair[1].text) }),
        None => Ok(entries),
    }
}

fn line_of(span: &Span) -> u32 {
    u32::try_from(span.start.line()).unwrap_or(u32::MAX)
}

fn scan_error(error: &ScanError) -> Wrong {
    let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
    Wrong { line, what: format!("not YAML: {}", error.info()) }
}

/// What a scalar without a tag is. Only plain ones are anything but text.
fn scalar(text: String, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::Text { text, double_quoted: style == ScalarStyle::DoubleQuoted };
    }
    match plain(&text) {
        Plain::Null => Value::Null,
        Plain::Boolean(value) => Value::Boolean(value),
        Plain::Integer(value) => Value::Integer(value),
        Plain::Number => Value::Number,
        Plain::Text => Value::Text { text, double_quoted: false },
    }
}
