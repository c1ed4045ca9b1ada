//! What became of each record that was read. A record is counted once, whatever is said of it: as said, as covered by what is
//! said, or as left.

use crate::Place;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// A declaration or a flow says it, at its place. What it does not say of it is in the remainder, as parts.
    Said,
    /// It needs no line of its own: the reason, as `for answers`.
    Covered(&'static str),
    /// The remainder lists it, as a whole.
    Left,
}

/// A record that was read, and of which nothing is decided yet. It is decided once.
#[derive(Debug)]
#[must_use = "a record that nothing becomes of is lost"]
pub(crate) struct Record(usize);

/// Every record of an import.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    records: Vec<(Place, Option<Fate>)>,
}

impl Ledger {
    pub(crate) fn read(&mut self, place: Place) -> Record {
        self.records.push((place, None));
        Record(self.records.len() - 1)
    }

    #[allow(clippy::needless_pass_by_value, reason = "a record is decided once")]
    pub(crate) fn settle(&mut self, record: Record, fate: Fate) {
        if let Some((_, open)) = self.records.get_mut(record.0) {
            *open = Some(fate);
        }
    }

    /// A record whose fate is known as it is read.
    pub(crate) fn add(&mut self, place: Place, fate: Fate) {
        self.records.push((place, Some(fate)));
    }

    /// In the order in which they were read: where each was, and what became of it. Nothing became of one that is wrong: that
    /// is an error.
    pub fn records(&self) -> impl Iterator<Item = (Place, Option<Fate>)> {
        self.records.iter().copied()
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub fn count(&self, fate: Fate) -> usize {
        self.records.iter().filter(|(_, own)| *own == Some(fate)).count()
    }

    /// Of each reason why records need no line of their own, how many there are.
    pub fn covered(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let mut reasons = std::collections::BTreeMap::new();
        for (_, fate) in &self.records {
            if let Some(Fate::Covered(reason)) = fate {
                *reasons.entry(*reason).or_insert(0) += 1;
            }
        }
        reasons.into_iter()
    }
}
