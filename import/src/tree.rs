//! Values of YAML and JSON, each with the span it was read from, and reading them as what they should be: each mistake is a
//! diagnostic that points into that very file.

use weir_syntax::{
    Diagnostic, FileId, Span,
    diagnostic::{codes, nearest},
};

/// Deeper than any file that is read here nests.
pub(crate) const MAX_DEPTH: usize = 64;

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub span: Span,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    /// Any other number.
    Number,
    Text(String),
    List(Vec<Node>),
    /// In the order of the text; no key stands twice.
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub span: Span,
    pub text: String,
}

impl Node {
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|(key, _)| key.text == name).map(|(_, node)| node)
    }

    /// Those of a map; none, if it is something else.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn what(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Boolean(_) => "a boolean",
            Value::Integer(_) | Value::Number => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    fn is_null(&self) -> bool {
        self.value == Value::Null
    }
}

/// One file while it is read as what it should hold.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) file: FileId,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Reader {
    pub(crate) fn new(file: FileId) -> Self {
        Self { file, diagnostics: Vec::new() }
    }

    /// A value that is not what it should be.
    pub(crate) fn wrong(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(
            Diagnostic::new(&codes::E0416, message)
                .primary(self.file, span, "not as it has to be")
                .help(help),
        );
    }

    fn unlike(&mut self, node: &Node, path: &str, expected: &str) {
        let quoting = match (&node.value, expected) {
            (Value::Boolean(_) | Value::Integer(_) | Value::Number, "text") => ": put it in double quotes",
            _ => "",
        };
        self.wrong(
            node.span,
            format!("`{path}` is {expected}, and not {}", node.what()),
            format!("write {expected}{quoting}"),
        );
    }

    /// A part that must be there.
    pub(crate) fn required<'n>(&mut self, node: &'n Node, name: &str, what: &str) -> Option<&'n Node> {
        let found = node.get(name).filter(|found| !found.is_null());
        if found.is_none() {
            let near = nearest(name, node.entries().iter().map(|(key, _)| key.text.as_str()));
            let help = match near.filter(|near| *near != name) {
                Some(near) => format!("did you misspell it as `{near}`?"),
                None => format!("add `{name}`"),
            };
            // a map may go on for pages: where it begins is enough
            let span = node.entries().first().map_or(node.span, |(key, _)| key.span);
            self.wrong(span, format!("{what} has no `{name}`"), help);
        }
        found
    }

    pub(crate) fn text<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) => Some(text),
            _ => {
                self.unlike(node, path, "text");
                None
            }
        }
    }

    /// An entry that may be missing or null.
    pub(crate) fn text_of<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n str> {
        let found = node.get(name).filter(|found| !found.is_null())?;
        self.text(found, name)
    }

    pub(crate) fn integer_of(&mut self, node: &Node, name: &str) -> Option<i64> {
        let found = node.get(name).filter(|found| !found.is_null())?;
        match &found.value {
            Value::Integer(number) => Some(*number),
            _ => {
                self.unlike(found, name, "a number");
                None
            }
        }
    }

    /// A port's number.
    pub(crate) fn port_of(&mut self, node: &Node, name: &str) -> Option<u16> {
        let number = self.integer_of(node, name)?;
        let port = u16::try_from(number).ok().filter(|port| *port > 0);
        if let (None, Some(found)) = (port, node.get(name)) {
            self.wrong(found.span, format!("`{number}` is no port"), "ports go from 1 to 65535");
        }
        port
    }

    pub(crate) fn boolean_of(&mut self, node: &Node, name: &str) -> Option<bool> {
        let found = node.get(name).filter(|found| !found.is_null())?;
        match &found.value {
            Value::Boolean(boolean) => Some(*boolean),
            _ => {
                self.unlike(found, name, "a boolean");
                None
            }
        }
    }

    /// The entry's list; empty, if it is missing, null or, which is said, something else.
    pub(crate) fn list_of<'n>(&mut self, node: &'n Node, name: &str) -> &'n [Node] {
        match node.get(name).map(|found| (found, &found.value)) {
            None | Some((_, Value::Null)) => &[],
            Some((_, Value::List(list))) => list,
            Some((found, _)) => {
                self.unlike(found, name, "a list");
                &[]
            }
        }
    }

    /// The entry's map, if it is there.
    pub(crate) fn map_of<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n Node> {
        let found = node.get(name).filter(|found| !found.is_null())?;
        self.map(found, name).then_some(found)
    }

    /// Whether it is a map; else, that is said.
    pub(crate) fn map(&mut self, node: &Node, path: &str) -> bool {
        let is_map = matches!(node.value, Value::Map(_));
        if !is_map {
            self.unlike(node, path, "a map");
        }
        is_map
    }

    /// A map from text to text.
    pub(crate) fn texts_of<'n>(&mut self, node: &'n Node, name: &str) -> Vec<(&'n Key, &'n str)> {
        let Some(map) = self.map_of(node, name) else { return Vec::new() };
        let read = map.entries().iter().filter_map(|(key, value)| {
            let text = self.text(value, &format!("{name}.{}", key.text))?;
            Some((key, text))
        });
        read.collect()
    }
}

/// Refuses a map that has a key twice.
pub(crate) fn unique(entries: &[(Key, Node)]) -> Result<(), Span> {
    let mut sorted: Vec<&Key> = entries.iter().map(|(key, _)| key).collect();
    sorted.sort_unstable_by(|a, b| (&a.text, a.span).cmp(&(&b.text, b.span)));
    match sorted.windows(2).find(|pair| pair[0].text == pair[1].text) {
        Some(pair) => Err(pair[1].span),
        None => Ok(()),
    }
}
