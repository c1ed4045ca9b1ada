//! Principals with a property, found in sets of ranges without walking their members.

use crate::plan::Ranges;

pub(super) struct Marks {
    /// How many of the principals before this one are marked.
    before: Vec<u32>,
}

impl Marks {
    pub(super) fn new(marked: impl Iterator<Item = bool>) -> Self {
        let mut before = vec![0];
        let mut count = 0;
        for marked in marked {
            count += u32::from(marked);
            before.push(count);
        }
        Self { before }
    }

    /// The marked members, ascending.
    pub(super) fn of<'s>(&'s self, set: &'s Ranges<u32>) -> impl Iterator<Item = u32> + 's {
        set.iter().flat_map(move |(first, last)| {
            let (from, to) = (self.before[first as usize], self.before[last as usize + 1]);
            // the principal that makes the count exceed `number`
            (from..to).map(move |number| self.before.partition_point(|count| *count <= number) as u32 - 1)
        })
    }
}
