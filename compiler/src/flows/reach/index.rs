//! Sets of principals, found by their members. A segment tree over the principals' ids: a set stands at the few nodes that
//! make up its ranges, so that it costs its ranges and not its members.

use rustc_hash::FxHashMap;

use crate::{model::PrincipalSet, plan::Ranges};

/// Items that each have a set; items of equal sets share one.
#[derive(Debug)]
pub struct Index {
    /// A power of two. Node 1 is the root, the leaf of `id` is `leaves + id`.
    leaves: usize,
    sets: Lists,
    items: Lists,
}

/// Lists behind each other in one vector.
#[derive(Debug, Default)]
struct Lists {
    starts: Vec<u32>,
    values: Vec<u32>,
}

impl Lists {
    fn new(lists: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0u32; lists + 1];
        for (list, _) in pairs {
            starts[*list as usize + 1] += 1;
        }
        for list in 0..lists {
            starts[list + 1] += starts[list];
        }
        let mut next = starts.clone();
        let mut values = vec![0; pairs.len()];
        for (list, value) in pairs {
            let place = &mut next[*list as usize];
            values[*place as usize] = *value;
            *place += 1;
        }
        Self { starts, values }
    }

    fn of(&self, list: usize) -> &[u32] {
        &self.values[self.starts[list] as usize..self.starts[list + 1] as usize]
    }
}

impl Index {
    /// Items are numbered as they come.
    pub fn new<'s>(principals: usize, sets: impl Iterator<Item = &'s PrincipalSet>) -> Self {
        let leaves = principals.next_power_of_two();
        let mut by_address: FxHashMap<usize, u32> = FxHashMap::default();
        let mut by_content: FxHashMap<&Ranges<u32>, u32> = FxHashMap::default();
        let (mut at_node, mut of_set) = (Vec::new(), Vec::new());
        for (item, set) in sets.enumerate() {
            let address = std::sync::Arc::as_ptr(set) as usize;
            let id = by_address.get(&address).copied().unwrap_or_else(|| {
                let fresh = by_content.len() as u32;
                let id = *by_content.entry(set).or_insert(fresh);
                by_address.insert(address, id);
                if id == fresh {
                    nodes_of(set, leaves, |node| at_node.push((node as u32, id)));
                }
                id
            });
            of_set.push((id, item as u32));
        }
        Self { leaves, sets: Lists::new(2 * leaves, &at_node), items: Lists::new(by_content.len(), &of_set) }
    }

    /// How many different sets there are.
    pub(crate) fn sets(&self) -> usize {
        self.items.starts.len() - 1
    }

    /// Nodes are numbered below this.
    pub(crate) fn nodes(&self) -> usize {
        2 * self.leaves
    }

    /// The items of a set, ascending.
    pub(crate) fn items(&self, set: u32) -> &[u32] {
        self.items.of(set as usize)
    }

    pub(crate) fn sets_at(&self, node: usize) -> &[u32] {
        self.sets.of(node)
    }

    /// The nodes over a principal, from its leaf to the root: the sets at them are those that it is in.
    pub(crate) fn over(&self, id: u32) -> impl Iterator<Item = usize> + use<> {
        std::iter::successors(Some(self.leaves + id as usize), |node| Some(node / 2).filter(|up| *up > 0))
    }

    /// The items whose set has a member in common with this one, ascending.
    pub fn overlapping(&self, members: &Ranges<u32>) -> Vec<u32> {
        let mut seen_nodes = vec![false; self.nodes()];
        let mut seen_sets = vec![false; self.sets()];
        let mut found = Vec::new();
        for id in members.members() {
            for node in self.over(id) {
                if std::mem::replace(&mut seen_nodes[node], true) {
                    break; // and so are the nodes above
                }
                for set in self.sets_at(node) {
                    if !std::mem::replace(&mut seen_sets[*set as usize], true) {
                        found.extend_from_slice(self.items(*set));
                    }
                }
            }
        }
        found.sort_unstable();
        found
    }
}

/// The fewest nodes whose leaves are the set.
fn nodes_of(set: &Ranges<u32>, leaves: usize, mut each: impl FnMut(usize)) {
    for (first, last) in set.iter() {
        let (mut low, mut high) = (first as usize + leaves, last as usize + leaves + 1);
        while low < high {
            if low % 2 == 1 {
                each(low);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                each(high);
            }
            low /= 2;
            high /= 2;
        }
    }
}

/// What two sets have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Common {
    Nothing,
    /// One member alone, which was not asked for.
    OnlyAvoided,
    /// The first member.
    Member(u32),
}

/// The first common member other than `avoid`. Cost: the ranges of the smaller set, each looked up in the other.
pub(crate) fn common(a: &Ranges<u32>, b: &Ranges<u32>, avoid: Option<u32>) -> Common {
    let (few, many) = if a.as_slice().len() <= b.as_slice().len() { (a, b) } else { (b, a) };
    let many = many.as_slice();
    let mut found = Common::Nothing;
    for (first, last) in few.iter() {
        let start = many.partition_point(|(_, end)| *end < first);
        for (from, to) in many[start..].iter().take_while(|(from, _)| *from <= last) {
            let (from, to) = ((*from).max(first), (*to).min(last));
            if Some(from) != avoid {
                return Common::Member(from);
            }
            if from < to {
                return Common::Member(from + 1);
            }
            found = Common::OnlyAvoided;
        }
    }
    found
}

/// Whether every member of one set is in the other.
pub(crate) fn within(inner: &Ranges<u32>, outer: &Ranges<u32>) -> bool {
    let outer = outer.as_slice();
    inner.iter().all(|(first, last)| {
        let place = outer.partition_point(|(_, end)| *end < first);
        outer.get(place).is_some_and(|(from, to)| *from <= first && last <= *to)
    })
}
