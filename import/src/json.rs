//! JSON (RFC 8259), with the span of each value.

use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};

use crate::tree::{Key, MAX_DEPTH, Node, Value, unique};

/// The value of a whole text.
///
/// # Errors
/// The first place that is not JSON.
pub fn document(file: FileId, text: &str) -> Result<Node, Box<Diagnostic>> {
    let mut parser = Parser { file, text, at: 0 };
    if text.starts_with('\u{feff}') {
        parser.at = '\u{feff}'.len_utf8();
    }
    let node = parser.value(0)?;
    parser.space();
    match parser.peek() {
        None => Ok(node),
        Some(_) => {
            Err(parser.refuse(parser.here(), "there is more behind the value", "remove what follows it"))
        }
    }
}

struct Parser<'t> {
    file: FileId,
    text: &'t str,
    at: usize,
}

type Read<T> = Result<T, Box<Diagnostic>>;

impl Parser<'_> {
    fn refuse(&self, span: Span, message: &str, help: &str) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::new(&codes::E0415, format!("this is not JSON: {message}"))
                .primary(self.file, span, "cannot be read")
                .help(help),
        )
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The character at which the parser stands; at the end of the text, the last one.
    fn here(&self) -> Span {
        let at = if self.at >= self.text.len() { self.text.trim_end().len() } else { self.at };
        let next = self.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        Span::new(at as u32, (at + next) as u32)
    }

    fn expected(&self, what: &str) -> Box<Diagnostic> {
        let found = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => "the file ends".to_owned(),
            Some(character) => format!("here is {character:?}"),
        };
        let help = if self.at >= self.text.len() {
            "the file is cut off: fetch it again"
        } else {
            "correct the file at this place, or before it: commas, quotes and brackets"
        };
        self.refuse(self.here(), &format!("expected {what}, and {found}"), help)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Read<Node> {
        self.space();
        let start = self.at;
        if depth > MAX_DEPTH {
            let help = "nothing that is imported nests so deep: check the brackets";
            return Err(self.refuse(self.here(), &format!("values nest deeper than {MAX_DEPTH}"), help));
        }
        let value = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node { span: self.since(start), value })
    }

    fn since(&self, start: usize) -> Span {
        Span::new(start as u32, self.at as u32)
    }

    fn word(&mut self) -> Read<Value> {
        let rest = self.text.get(self.at..).unwrap_or("");
        for (word, value) in
            [("true", Value::Boolean(true)), ("false", Value::Boolean(false)), ("null", Value::Null)]
        {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.expected("a value"))
    }

    fn map(&mut self, depth: usize) -> Read<Value> {
        self.at += 1;
        let mut entries = Vec::new();
        if self.take(b'}') {
            return Ok(Value::Map(entries));
        }
        loop {
            self.space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in double quotes"));
            }
            let text = self.string()?;
            let key = Key { span: self.since(start), text };
            if !self.take(b':') {
                return Err(self.expected("`:`"));
            }
            entries.push((key, self.value(depth + 1)?));
            if self.take(b'}') {
                break;
            }
            if !self.take(b',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
        match unique(&entries) {
            Ok(()) => Ok(Value::Map(entries)),
            Err(twice) => Err(self.refuse(
                twice,
                &format!("{} is given twice", twice.of(self.text)),
                "remove one of the two",
            )),
        }
    }

    fn list(&mut self, depth: usize) -> Read<Value> {
        self.at += 1;
        let mut list = Vec::new();
        if self.take(b']') {
            return Ok(Value::List(list));
        }
        loop {
            list.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Ok(Value::List(list));
            }
            if !self.take(b',') {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn number(&mut self) -> Read<Value> {
        let start = self.at;
        let digits = |parser: &mut Self| {
            let from = parser.at;
            while parser.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                parser.at += 1;
            }
            parser.at > from
        };
        self.at += usize::from(self.peek() == Some(b'-'));
        if !digits(self) {
            return Err(self.expected("a digit"));
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            if !digits(self) {
                return Err(self.expected("a digit"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            if !digits(self) {
                return Err(self.expected("a digit"));
            }
        }
        let text = self.text.get(start..self.at).unwrap_or("");
        Ok(whole.then(|| text.parse().ok()).flatten().map_or(Value::Number, Value::Integer))
    }

    fn string(&mut self) -> Read<String> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(rest) = self.text.get(self.at..) else { return Err(self.expected("a character")) };
            let Some(character) = rest.chars().next() else {
                return Err(self.refuse(
                    self.since(start),
                    "a text is not closed",
                    "close it with `\"`; if the file is cut off, fetch it again",
                ));
            };
            match character {
                '"' => {
                    self.at += 1;
                    return Ok(text);
                }
                '\\' => text.push(self.escape()?),
                character if character < ' ' => {
                    return Err(self.refuse(
                        self.here(),
                        "a text holds a line's end or another control character",
                        "write it as an escape, `\\n`; or close the text with `\"`",
                    ));
                }
                character => {
                    self.at += character.len_utf8();
                    text.push(character);
                }
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let wrong = |parser: &Self| {
            let help = "the escapes are `\\\"`, `\\\\`, `\\/`, `\\b`, `\\f`, `\\n`, `\\r`, `\\t` and `\\u` with four digits";
            parser.refuse(parser.here(), "no such escape", help)
        };
        let byte = self.text.as_bytes().get(self.at + 1).copied();
        let plain = match byte {
            Some(b'u') => {
                let first = self.unit().ok_or_else(|| wrong(self))?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first).ok_or_else(|| wrong(self));
                }
                let second = self.unit().filter(|unit| (0xdc00..0xe000).contains(unit));
                let both = second.map(|second| 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
                return both.and_then(char::from_u32).ok_or_else(|| wrong(self));
            }
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(wrong(self)),
        };
        self.at += 2;
        Ok(plain)
    }

    /// `\u00e4`: one unit of UTF-16.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..)?.strip_prefix("\\u")?.get(..4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 6;
        u32::from_str_radix(digits, 16).ok()
    }
}
