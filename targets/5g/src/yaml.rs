//! YAML in block style, every text in double quotes: readers of YAML 1.1 make an octal number of a plain `010203`, and a
//! float of `1e0000`. JSON's escapes are YAML's, so this is a formatter of JSON texts.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

/// A document with comment lines before it.
pub(crate) fn render(comments: &[String], document: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    for comment in comments {
        // names of a package have no line ends; whatever else they have stays in the comment
        let line: String = comment.chars().filter(|character| !character.is_control()).collect();
        bytes.extend_from_slice(format!("# {line}\n").as_bytes());
    }
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Block::default());
    document.serialize(&mut serializer)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[derive(Default)]
struct Block {
    open: Vec<Open>,
    in_key: bool,
    /// The next value stands behind a key's colon.
    after_key: bool,
    /// The next key stands behind a list's dash.
    after_dash: bool,
}

struct Open {
    indent: usize,
    empty: bool,
}

impl Block {
    fn scalar<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let behind = std::mem::take(&mut self.after_key);
        self.after_dash = false;
        if behind { writer.write_all(b" ") } else { Ok(()) }
    }

    fn begin(&mut self) {
        // a list in a map stands two deeper than its key, a map behind a dash two deeper than the dash
        let indent = self.open.last().map_or(0, |open| open.indent + 2);
        self.open.push(Open { indent, empty: true });
    }

    fn end<W: ?Sized + Write>(&mut self, writer: &mut W, nothing: &[u8]) -> io::Result<()> {
        match self.open.pop() {
            Some(Open { empty: true, .. }) => {
                self.scalar(writer)?;
                writer.write_all(nothing)
            }
            _ => Ok(()),
        }
    }

    fn entry<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.after_key = false;
        let root = self.open.len() == 1;
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        let first = std::mem::replace(&mut open.empty, false);
        let indent = open.indent;
        let behind_a_dash = std::mem::take(&mut self.after_dash);
        if first && (root || behind_a_dash) {
            return Ok(());
        }
        writer.write_all(b"\n")?;
        writer.write_all(" ".repeat(indent).as_bytes())
    }
}

impl Formatter for Block {
    fn write_null<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.scalar(writer)?;
        writer.write_all(b"null")
    }

    fn write_bool<W: ?Sized + Write>(&mut self, writer: &mut W, value: bool) -> io::Result<()> {
        self.scalar(writer)?;
        writer.write_all(if value { b"true" } else { b"false" })
    }

    fn write_u8<W: ?Sized + Write>(&mut self, writer: &mut W, value: u8) -> io::Result<()> {
        self.write_u64(writer, u64::from(value))
    }

    fn write_u16<W: ?Sized + Write>(&mut self, writer: &mut W, value: u16) -> io::Result<()> {
        self.write_u64(writer, u64::from(value))
    }

    fn write_u32<W: ?Sized + Write>(&mut self, writer: &mut W, value: u32) -> io::Result<()> {
        self.write_u64(writer, u64::from(value))
    }

    fn write_u64<W: ?Sized + Write>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        self.scalar(writer)?;
        write!(writer, "{value}")
    }

    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.in_key {
            return Ok(());
        }
        self.scalar(writer)?;
        writer.write_all(b"\"")
    }

    fn end_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.in_key { Ok(()) } else { writer.write_all(b"\"") }
    }

    fn begin_array<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.begin();
        Ok(())
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"[]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, _: bool) -> io::Result<()> {
        self.entry(writer)?;
        self.after_dash = true;
        writer.write_all(b"- ")
    }

    fn begin_object<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.begin();
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"{}")
    }

    /// Keys are words of this crate's types: no text of a package is one.
    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, _: bool) -> io::Result<()> {
        self.entry(writer)?;
        self.in_key = true;
        Ok(())
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.in_key = false;
        Ok(())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.after_key = true;
        writer.write_all(b":")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use serde::Serialize;

    #[derive(Serialize)]
    struct Inner {
        sd: &'static str,
        numbers: Vec<u8>,
    }

    #[derive(Serialize)]
    struct Outer {
        name: &'static str,
        list: Vec<Inner>,
        none: Vec<u8>,
        inner: Inner,
        flag: bool,
    }

    #[test]
    fn block_style_with_quoted_text() {
        let document = Outer {
            name: "a \"b\"\n# c: d",
            list: vec![Inner { sd: "010203", numbers: vec![1, 2] }, Inner { sd: "1e0000", numbers: vec![] }],
            none: vec![],
            inner: Inner { sd: "000001", numbers: vec![3] },
            flag: true,
        };
        let bytes = super::render(&["one\ntwo".to_owned()], &document).unwrap();
        let expected = r#"# onetwo
name: "a \"b\"\n# c: d"
list:
  - sd: "010203"
    numbers:
      - 1
      - 2
  - sd: "1e0000"
    numbers: []
none: []
inner:
  sd: "000001"
  numbers:
    - 3
flag: true
"#;
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }
}
