//! Values of a tree by their types. Every key of a map is asked for, or it is refused.

use std::{
    cell::RefCell,
    net::{IpAddr, Ipv4Addr},
};

use ipnet::IpNet;

use crate::{
    Unread,
    values::SliceKey,
    yaml::{Node, Value, document},
};

/// A value with the file that it is in.
#[derive(Clone, Copy)]
pub(crate) struct At<'n> {
    pub(crate) file: &'n str,
    pub(crate) node: &'n Node,
}

/// A map whose keys are ticked off.
pub(crate) struct Fields<'n> {
    pub(crate) at: At<'n>,
    entries: &'n [(String, Node)],
    taken: RefCell<Vec<&'n str>>,
}

/// Reads a text by a function over its root.
pub(crate) fn with<T>(
    file: &str,
    text: &str,
    read: impl FnOnce(At<'_>) -> Result<T, Unread>,
) -> Result<T, Unread> {
    let root = document(file, text)?;
    read(At { file, node: &root })
}

impl<'n> At<'n> {
    pub(crate) fn wrong<T>(self, what: impl Into<String>) -> Result<T, Unread> {
        Err(Unread { file: self.file.to_owned(), line: self.node.line, what: what.into() })
    }

    fn of(self, node: &'n Node) -> Self {
        Self { file: self.file, node }
    }

    pub(crate) fn text(self) -> Result<&'n str, Unread> {
        match &self.node.value {
            Value::Text(text) => Ok(text),
            _ => self.wrong("text in double quotes is expected"),
        }
    }

    pub(crate) fn number(self) -> Result<u64, Unread> {
        match &self.node.value {
            Value::Plain(text)
                if text.bytes().all(|byte| byte.is_ascii_digit())
                    && (text == "0" || !text.starts_with('0')) =>
            {
                text.parse().or_else(|_| self.wrong("the number is too large"))
            }
            _ => self.wrong("a number in decimal digits is expected"),
        }
    }

    pub(crate) fn small(self) -> Result<u8, Unread> {
        let number = self.number()?;
        u8::try_from(number).or_else(|_| self.wrong(format!("{number} is more than 255")))
    }

    pub(crate) fn boolean(self) -> Result<bool, Unread> {
        match &self.node.value {
            Value::Plain(text) if text == "true" => Ok(true),
            Value::Plain(text) if text == "false" => Ok(false),
            _ => self.wrong("true or false is expected"),
        }
    }

    pub(crate) fn is_null(self) -> bool {
        matches!(&self.node.value, Value::Plain(text) if text == "null")
    }

    pub(crate) fn list(self) -> Result<impl ExactSizeIterator<Item = At<'n>>, Unread> {
        match &self.node.value {
            Value::List(list) => Ok(list.iter().map(move |node| self.of(node))),
            _ => self.wrong("a list is expected"),
        }
    }

    /// The entry of a list that has to have exactly one.
    pub(crate) fn only(self) -> Result<At<'n>, Unread> {
        let mut list = self.list()?;
        match (list.next(), list.next()) {
            (Some(only), None) => Ok(only),
            _ => self.wrong("exactly one entry is expected"),
        }
    }

    pub(crate) fn fields(self) -> Result<Fields<'n>, Unread> {
        let Value::Map(entries) = &self.node.value else { return self.wrong("a map is expected") };
        let mut keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        if let Some([_, twice]) = keys.array_windows().find(|[one, next]| one == next) {
            return self.wrong(format!("`{twice}` is given twice"));
        }
        Ok(Fields { at: self, entries, taken: RefCell::default() })
    }

    pub(crate) fn address(self) -> Result<Ipv4Addr, Unread> {
        self.text()?.parse().or_else(|_| self.wrong("an IPv4 address is expected"))
    }

    pub(crate) fn any_address(self) -> Result<IpAddr, Unread> {
        self.text()?.parse().or_else(|_| self.wrong("an address is expected"))
    }

    pub(crate) fn subnet(self) -> Result<ipnet::Ipv4Net, Unread> {
        match self.any_subnet()? {
            IpNet::V4(net) => Ok(net),
            IpNet::V6(_) => self.wrong("an IPv4 prefix is expected"),
        }
    }

    pub(crate) fn any_subnet(self) -> Result<IpNet, Unread> {
        let net: IpNet = self.text()?.parse().or_else(|_| self.wrong("a prefix is expected"))?;
        if net.trunc() == net { Ok(net) } else { self.wrong("has bits behind its length") }
    }

    /// A decimal number of kilobits, in bits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within what a rate can be")]
    pub(crate) fn kilobits(self) -> Result<u64, Unread> {
        let number = match &self.node.value {
            Value::Plain(text) => text.parse::<f64>().ok(),
            _ => None,
        };
        match number.map(|number| (number * 1000.0).round()) {
            Some(bits) if (0.0..1e16).contains(&bits) => Ok(bits as u64),
            _ => self.wrong("a number of kilobits is expected"),
        }
    }

    /// One of these words.
    pub(crate) fn word<T: Copy>(self, known: &[(&str, T)]) -> Result<T, Unread> {
        let text = self.text()?;
        match known.iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => Ok(*meaning),
            None => self.wrong(format!("`{text}` is not known here")),
        }
    }

    /// Exactly this text.
    pub(crate) fn expect(self, text: &str) -> Result<(), Unread> {
        if self.text()? == text { Ok(()) } else { self.wrong(format!("`{text}` is expected")) }
    }

    pub(crate) fn texts(self) -> Result<Vec<String>, Unread> {
        self.list()?.map(|at| at.text().map(str::to_owned)).collect()
    }
}

impl<'n> Fields<'n> {
    pub(crate) fn get(&self, name: &str) -> Option<At<'n>> {
        let (key, node) = self.entries.iter().find(|(key, _)| key == name)?;
        self.taken.borrow_mut().push(key);
        Some(self.at.of(node))
    }

    pub(crate) fn need(&self, name: &str) -> Result<At<'n>, Unread> {
        match self.get(name) {
            Some(found) => Ok(found),
            None => self.at.wrong(format!("`{name}` is missing")),
        }
    }

    /// Every entry, where keys are data.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'n str, At<'n>)> + '_ {
        self.entries.iter().map(|(key, node)| (key.as_str(), self.at.of(node)))
    }

    /// Refuses keys that nobody asked for.
    pub(crate) fn done(self) -> Result<(), Unread> {
        let taken = self.taken.into_inner();
        match self.entries.iter().find(|(key, _)| !taken.contains(&key.as_str())) {
            Some((key, node)) => self.at.of(node).wrong(format!("`{key}` is no key that is known here")),
            None => Ok(()),
        }
    }

    /// `sst` and `sd`, the latter as six hexadecimal digits.
    pub(crate) fn slice(&self) -> Result<SliceKey, Unread> {
        let sst = self.need("sst")?;
        let number = sst.small()?;
        if number == 0 {
            return sst.wrong("an SST of 0 does not exist");
        }
        let sd = self.get("sd").map(hexadecimal).transpose()?;
        Ok(SliceKey::new(number, sd))
    }
}

/// Six hexadecimal digits: other texts are read as some other number, or as none.
pub(crate) fn hexadecimal(at: At<'_>) -> Result<u32, Unread> {
    match six_digits(at.text()?) {
        Some(number) => Ok(number),
        None => at.wrong("six hexadecimal digits are expected"),
    }
}

pub(crate) fn six_digits(text: &str) -> Option<u32> {
    let fits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(text, 16).ok().filter(|_| fits)
}
