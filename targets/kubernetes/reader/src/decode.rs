//! From a tree of values to typed objects. `null` is a field's zero value, as in Go; a field that the type does not have is
//! an error.

use std::fmt;

use serde::{
    Deserialize,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};

use crate::yaml::{Key, Node, Value, Wrong};

/// What does not fit, and where: the line, and the path from the innermost part outwards.
#[derive(Debug)]
pub(crate) struct Misfit {
    line: Option<u32>,
    path: Vec<String>,
    what: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: String = self.path.iter().rev().map(String::as_str).collect();
        match path.strip_prefix('.').unwrap_or(&path) {
            "" => formatter.write_str(&self.what),
            path => write!(formatter, "{path}: {}", self.what),
        }
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self { line: None, path: Vec::new(), what: what.to_string() }
    }
}

impl Misfit {
    fn at(mut self, line: u32) -> Self {
        self.line.get_or_insert(line);
        self
    }

    fn below(mut self, part: String) -> Self {
        self.path.push(part);
        self
    }
}

/// Reads a value as an object of a type.
pub(crate) fn decode<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, Wrong> {
    T::deserialize(node).map_err(|misfit| {
        let what = misfit.to_string();
        Wrong { line: misfit.line.unwrap_or(node.line), what }
    })
}

impl Node {
    fn unlike(&self, expected: &str) -> Misfit {
        let misfit: Misfit = de::Error::custom(format!("expected {expected}, found {}", self.what()));
        misfit.at(self.line)
    }
}

impl<'de> de::Deserializer<'de> for &'de Node {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let result = match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Boolean(boolean) => visitor.visit_bool(*boolean),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Number => return Err(self.unlike("a value")),
            Value::Text { text, .. } => visitor.visit_borrowed_str(text),
            Value::List(_) => return self.deserialize_seq(visitor),
            Value::Map(_) => return self.deserialize_map(visitor),
        };
        result.map_err(|misfit: Misfit| misfit.at(self.line))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Text { text, .. } => {
                visitor.visit_borrowed_str(text).map_err(|misfit: Misfit| misfit.at(self.line))
            }
            Value::Null => visitor.visit_borrowed_str(""),
            _ => Err(self.unlike("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Boolean(boolean) => visitor.visit_bool(*boolean),
            Value::Null => visitor.visit_bool(false),
            _ => Err(self.unlike("a boolean")),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Null => visitor.visit_i64(0),
            _ => Err(self.unlike("a number")),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let list = match &self.value {
            Value::List(list) => list.as_slice(),
            Value::Null => &[],
            _ => return Err(self.unlike("a list")),
        };
        visitor.visit_seq(Items { list, next: 0 })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let entries = match &self.value {
            Value::Map(entries) => entries.as_slice(),
            Value::Null => &[],
            _ => return Err(self.unlike("a map")),
        };
        visitor.visit_map(Entries { entries, next: 0 }).map_err(|misfit| misfit.at(self.line))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 u8 u16 u32 u64 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct enum
        identifier
    }
}

struct Items<'de> {
    list: &'de [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let Some(node) = self.list.get(self.next) else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        seed.deserialize(node).map(Some).map_err(|misfit| misfit.below(format!("[{index}]")))
    }
}

struct Entries<'de> {
    entries: &'de [(Key, Node)],
    next: usize,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        let Some((key, _)) = self.entries.get(self.next) else { return Ok(None) };
        let text = de::value::BorrowedStrDeserializer::<Misfit>::new(&key.text);
        seed.deserialize(text).map(Some).map_err(|misfit| misfit.at(key.line))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misfit> {
        let Some((key, node)) = self.entries.get(self.next) else {
            return Err(de::Error::custom("a key without a value"));
        };
        self.next += 1;
        seed.deserialize(node).map_err(|misfit| misfit.at(node.line).below(format!(".{}", key.text)))
    }
}
