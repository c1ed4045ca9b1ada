//! Names and comments, each held once.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

/// A name or comment of a ruleset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(u32);

impl Symbol {
    /// The empty text.
    pub const NONE: Self = Self(0);
}

/// All names and comments of a ruleset.
#[derive(Clone, Debug)]
pub struct Names(IndexSet<Box<str>, FxBuildHasher>);

impl Default for Names {
    fn default() -> Self {
        let mut all = IndexSet::default();
        all.insert(Box::from(""));
        Self(all)
    }
}

impl Names {
    pub(crate) fn intern(&mut self, name: &str) -> Symbol {
        let index = match self.0.get_index_of(name) {
            Some(index) => index,
            None => self.0.insert_full(name.into()).0,
        };
        Symbol(index as u32)
    }

    pub fn find(&self, name: &str) -> Option<Symbol> {
        self.0.get_index_of(name).map(|index| Symbol(index as u32))
    }

    /// The text, empty for a symbol of other names.
    pub fn get(&self, symbol: Symbol) -> &str {
        self.0.get_index(symbol.0 as usize).map_or("", |name| name)
    }
}

/// An object's name without the generation that the hitless form ends it with: `/g` and 8 hex digits.
pub fn without_generation(name: &str) -> &str {
    match name.rsplit_once("/g") {
        Some((stem, digits))
            if digits.len() == 8 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) =>
        {
            stem
        }
        _ => name,
    }
}
