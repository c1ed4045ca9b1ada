//! Which sets hold a principal: a tree over all principals, each set at the few nodes that make up its ranges. A set is
//! handed out once; all look-ups together cost the ranges of all sets, times the depth of the tree.

use crate::plan::Ranges;

pub(super) struct Stab {
    /// The first leaf; leaves are principals.
    leaves: usize,
    /// The first set at each node, as an index into `links`.
    heads: Vec<u32>,
    /// A set, and the next one at the same node.
    links: Vec<(u32, u32)>,
}

const NONE: u32 = u32::MAX;

impl Stab {
    pub(super) fn new(principals: usize) -> Self {
        let leaves = principals.max(1).next_power_of_two();
        Self { leaves, heads: vec![NONE; leaves * 2], links: Vec::new() }
    }

    pub(super) fn insert(&mut self, set: u32, members: &Ranges<u32>) {
        for (first, last) in members.iter() {
            let (mut low, mut high) = (first as usize + self.leaves, last as usize + self.leaves + 1);
            while low < high {
                if low % 2 == 1 {
                    self.put(low, set);
                    low += 1;
                }
                if high % 2 == 1 {
                    high -= 1;
                    self.put(high, set);
                }
                low /= 2;
                high /= 2;
            }
        }
    }

    fn put(&mut self, node: usize, set: u32) {
        self.links.push((set, self.heads[node]));
        self.heads[node] = self.links.len() as u32 - 1;
    }

    /// Takes out what holds a principal. A set of several ranges may come once for each.
    pub(super) fn take(&mut self, principal: u32, found: &mut Vec<u32>) {
        let mut node = principal as usize + self.leaves;
        while node > 0 {
            let mut link = std::mem::replace(&mut self.heads[node], NONE);
            while let Some((set, next)) = self.links.get(link as usize) {
                found.push(*set);
                link = *next;
            }
            node /= 2;
        }
    }
}
