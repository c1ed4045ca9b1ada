//! YAML as kubectl and PyYAML read it: version 1.1's plain scalars, maps with text as keys. Anchors, aliases and tags are
//! refused: what a few lines of them can blow up to has no bound that a reader would expect.

use saphyr_parser::{Event, Parser, ScalarStyle};
use weir_reading::yaml::{Plain, plain};
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};

use crate::tree::{Key, MAX_DEPTH, Node, Value, unique};

/// Longest text that is read.
const MAX_BYTES: usize = 64 << 20;

/// From the parser's offsets, which count characters, to bytes.
enum Offsets {
    Ascii { length: u32 },
    Starts { starts: Vec<u32>, length: u32 },
}

impl Offsets {
    fn new(text: &str) -> Self {
        let length = text.len() as u32;
        if text.is_ascii() {
            return Self::Ascii { length };
        }
        Self::Starts { starts: text.char_indices().map(|(at, _)| at as u32).collect(), length }
    }

    fn byte(&self, character: usize) -> u32 {
        match self {
            Self::Ascii { length } => (character as u32).min(*length),
            Self::Starts { starts, length } => starts.get(character).copied().unwrap_or(*length),
        }
    }
}

/// A list or map that is not closed yet.
struct Open {
    start: u32,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, key: Option<Key> },
}

/// The documents of a text; empty ones are left out.
///
/// # Errors
/// The first place that is not YAML, or not what is read of it.
pub fn documents(file: FileId, text: &str) -> Result<Vec<Node>, Box<Diagnostic>> {
    let refuse = |span: Span, message: String, help: &str| {
        Box::new(Diagnostic::new(&codes::E0415, message).primary(file, span, "cannot be read").help(help))
    };
    if text.len() > MAX_BYTES {
        let message = format!("the file has more than {} MiB", MAX_BYTES >> 20);
        return Err(refuse(Span::default(), message, "split it"));
    }
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let skipped = (text.len() - body.len()) as u32;
    let offsets = Offsets::new(body);
    let end = text.len() as u32;
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut parser = Parser::new_from_str(body);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let at = (skipped + offsets.byte(error.marker().index())).min(end);
            // the text's end is no place to look at: its last line is
            let at = if at == end { text.trim_end().len() as u32 } else { at };
            let next = text.get(at as usize..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            refuse(
                Span::new(at, at + next as u32),
                format!("this is not YAML: {}", error.info()),
                "correct the file at this place, or before it: indentation, quotes and brackets",
            )
        })?;
        let span =
            Span::new(skipped + offsets.byte(span.start.index()), skipped + offsets.byte(span.end.index()));
        let not_read = |what: &str| {
            Err(refuse(span, format!("{what} are not read"), "write the value out where it is meant"))
        };
        let node = match event {
            Event::Alias(_) => return not_read("aliases"),
            Event::Scalar(_, _, 1.., _) | Event::SequenceStart(1.., _) | Event::MappingStart(1.., _) => {
                return not_read("anchors");
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => return not_read("tags"),
            Event::Scalar(text, style, ..) => Node { span, value: scalar(text.into_owned(), style) },
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() >= MAX_DEPTH {
                    let message = format!("values nest deeper than {MAX_DEPTH}");
                    return Err(refuse(
                        span,
                        message,
                        "nothing that is imported nests so deep: check the brackets",
                    ));
                }
                let kind = match event {
                    Event::SequenceStart(..) => Kind::List(Vec::new()),
                    _ => Kind::Map { entries: Vec::new(), key: None },
                };
                open.push(Open { start: span.start, kind });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(closed) = open.pop() else { continue };
                let value = match closed.kind {
                    Kind::List(list) => Value::List(list),
                    Kind::Map { entries, .. } => {
                        unique(&entries).map_err(|twice| {
                            let message = format!("`{}` is given twice", twice.of(text));
                            refuse(twice, message, "remove one of the two")
                        })?;
                        Value::Map(entries)
                    }
                };
                // a block ends where the next thing begins: its own text ends before
                let inner =
                    text.get(closed.start as usize..span.end.max(closed.start) as usize).unwrap_or("");
                let length = inner.trim_end().len() as u32;
                Node { span: Span::new(closed.start, closed.start + length), value }
            }
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => continue,
        };
        place(node, &mut open, &mut documents).map_err(|node| {
            let message = format!("a key is text, and not {}", node.what());
            refuse(node.span, message, "put it in double quotes")
        })?;
    }
    documents.retain(|document: &Node| document.value != Value::Null);
    Ok(documents)
}

/// Puts a value where it belongs; returns it, if it should be a key and cannot.
fn place(node: Node, open: &mut [Open], documents: &mut Vec<Node>) -> Result<(), Node> {
    match open.last_mut().map(|open| &mut open.kind) {
        None => documents.push(node),
        Some(Kind::List(list)) => list.push(node),
        Some(Kind::Map { entries, key }) => match (key.take(), node) {
            (Some(key), node) => entries.push((key, node)),
            (None, Node { span, value: Value::Text(text) }) => *key = Some(Key { span, text }),
            (None, node) => return Err(node),
        },
    }
    Ok(())
}

/// What a scalar without a tag is. Only plain ones are anything but text.
fn scalar(text: String, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::Text(text);
    }
    match plain(&text) {
        Plain::Null => Value::Null,
        Plain::Boolean(value) => Value::Boolean(value),
        Plain::Integer(value) => Value::Integer(value),
        Plain::Number => Value::Number,
        Plain::Text => Value::Text(text),
    }
}
