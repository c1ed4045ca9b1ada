//! YAML and JSON as trees with line numbers. Of YAML's inventions, none but comments: whatever else there is is refused.

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::Unread;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) line: u32,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    /// Plain, as it stands: a number, a boolean or `null`.
    Plain(String),
    /// In double quotes.
    Text(String),
    List(Vec<Node>),
    /// In the order of the text; no key stands twice.
    Map(Vec<(String, Node)>),
}

const MAX_DEPTH: usize = 32;

enum Open {
    List(Vec<Node>),
    Map(Vec<(String, Node)>, Option<String>),
}

/// The only document of a text.
pub(crate) fn document(file: &str, text: &str) -> Result<Node, Unread> {
    let unread = |line: u32, what: String| Unread { file: file.to_owned(), line, what };
    let mut open: Vec<(u32, Open)> = Vec::new();
    let mut root: Option<Node> = None;
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
            unread(line, format!("not YAML: {}", error.info()))
        })?;
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        let node = match event {
            Event::Scalar(text, style, 0, None) => {
                let value = match style {
                    ScalarStyle::DoubleQuoted => Value::Text(text.into_owned()),
                    ScalarStyle::Plain => Value::Plain(text.into_owned()),
                    _ => return Err(unread(line, "text stands in double quotes only".into())),
                };
                Node { line, value }
            }
            Event::SequenceStart(0, None) | Event::MappingStart(0, None) => {
                if open.len() >= MAX_DEPTH {
                    return Err(unread(line, format!("nested deeper than {MAX_DEPTH}")));
                }
                let kind = match event {
                    Event::SequenceStart(..) => Open::List(Vec::new()),
                    _ => Open::Map(Vec::new(), None),
                };
                open.push((line, kind));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((line, closed)) = open.pop() else { continue };
                let value = match closed {
                    Open::List(list) => Value::List(list),
                    Open::Map(entries, _) => Value::Map(entries),
                };
                Node { line, value }
            }
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => continue,
            _ => return Err(unread(line, "aliases, anchors and tags are not read".into())),
        };
        match open.last_mut() {
            None if root.is_some() => return Err(unread(line, "a second document".into())),
            None => root = Some(node),
            Some((_, Open::List(list))) => list.push(node),
            Some((_, Open::Map(entries, key))) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => match node.value {
                    Value::Plain(text) | Value::Text(text) => *key = Some(text),
                    _ => return Err(unread(line, "a key is text".into())),
                },
            },
        }
    }
    root.ok_or_else(|| unread(0, "is empty".into()))
}
