//! JSON, borrowed from the text it is read from. Duplicate keys stay visible.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A value. As deep as `serde_json` goes, which is 128.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    /// Not negative. Numbers of any other kind are not ours.
    Number(u64),
    Negative(i64),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The key and value of an object that has one entry.
    pub(crate) fn tagged(&self) -> Option<(&str, &Self)> {
        match self {
            Self::Object(entries) => match &entries[..] {
                [(key, value)] => Some((key, value)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The values of some keys; no other key may be there, and none twice.
    pub(crate) fn fields<const N: usize>(&self, keys: [&str; N]) -> Result<[Option<&Json<'a>>; N], String> {
        let Self::Object(entries) = self else { return Err(format!("{self} where an object was expected")) };
        let mut found = [None; N];
        for (key, value) in entries {
            let Some(index) = keys.iter().position(|known| known == key) else {
                return Err(format!("`{}` is not known here", key.escape_debug()));
            };
            if found[index].replace(value).is_some() {
                return Err(format!("`{key}` stands here twice"));
            }
        }
        Ok(found)
    }
}

/// Some of the value, for a message.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Negative(number) => write!(f, "{number}"),
            Self::Text(text) => {
                let short: String = text.chars().take(40).collect();
                write!(f, "`{}`", short.escape_debug())
            }
            Self::List(items) => write!(f, "a list of {}", items.len()),
            Self::Object(entries) => match entries.first() {
                Some((key, _)) => {
                    let short: String = key.chars().take(40).collect();
                    write!(f, "an object with `{}`", short.escape_debug())
                }
                None => f.write_str("an empty object"),
            },
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Json::Number(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Json::Negative(value))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Json::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some((Json::Text(key), value)) = entries.next_entry()? {
            all.push((key, value));
        }
        Ok(Json::Object(all))
    }
}

/// Hands the items of a list over one by one, so that a long one is never held.
pub(crate) struct Each<F>(pub(crate) F);

impl<'de, F: FnMut(Json<'de>) -> Result<(), String>> DeserializeSeed<'de> for Each<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(Json<'de>) -> Result<(), String>> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            (self.0)(item).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
