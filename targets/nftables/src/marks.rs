//! The bits of marks that are ours: all of them, or those of `mark-mask`. Other bits belong to other software (policy
//! routing, container networks) and pass through untouched, of connections and of packets.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use weir_compiler::plan::Hook;

use crate::error::EmitError;
use crate::normal::{ClassId, NormalForm};
use crate::sets::Family;

/// With fewer bits, two policies would too often have the same epoch, and what the second revokes would go on.
const FEWEST: u32 = 16;

/// Values stand in the bits of the mask, lowest first; with a whole mask, they are the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    mask: u32,
}

impl Marks {
    pub(crate) const WHOLE: Self = Self { mask: u32::MAX };

    pub(crate) fn new(mask: u32) -> Result<Self, EmitError> {
        if mask.count_ones() < FEWEST {
            return Err(EmitError::BadOption {
                option: "mark-mask",
                why: "it needs 16 bits or more, or two policies would too often have the same mark",
            });
        }
        Ok(Self { mask })
    }

    pub(crate) fn is_whole(self) -> bool {
        self.mask == u32::MAX
    }

    /// The largest value that has a place.
    pub(crate) fn largest(self) -> u32 {
        u32::MAX >> (32 - self.mask.count_ones())
    }

    /// As much of a digest as has a place, with the top bit set and never one of the small constants besides.
    pub(crate) fn epoch(self, digest: u32) -> u32 {
        let bits = self.mask.count_ones();
        let top = 1 << (bits - 1);
        let value = digest >> (32 - bits) | top;
        if value & !top <= crate::ruleset::OPERATIONS { value | 2 } else { value }
    }

    /// Distributes a value over the bits of the mask.
    pub(crate) fn place(self, value: u32) -> u32 {
        let (mut placed, mut rest) = (0, self.mask);
        for bit in 0..self.mask.count_ones() {
            let lowest = rest & rest.wrapping_neg();
            if value >> bit & 1 == 1 {
                placed |= lowest;
            }
            rest ^= lowest;
        }
        placed
    }

    fn masked(self, what: &str) -> String {
        if self.is_whole() { what.to_owned() } else { format!("{what} and 0x{:08x}", self.mask) }
    }

    fn equals(self, what: &str, value: u32) -> String {
        let equal = if self.is_whole() { "" } else { "== " };
        format!("{} {equal}0x{:08x}", self.masked(what), self.place(value))
    }

    fn set(self, what: &str, value: u32) -> String {
        if self.is_whole() {
            return format!("{what} set 0x{value:08x}");
        }
        format!("{what} set {what} and 0x{:08x} or 0x{:08x}", !self.mask, self.place(value))
    }

    /// Matches connections with this value.
    pub(crate) fn connection_is(self, value: u32) -> String {
        self.equals("ct mark", value)
    }

    pub(crate) fn connection_is_not(self, value: u32) -> String {
        format!("{} != 0x{:08x}", self.masked("ct mark"), self.place(value))
    }

    pub(crate) fn set_connection(self, value: u32) -> String {
        self.set("ct mark", value)
    }

    /// What of the packet mark is ours, as a part of a key.
    pub(crate) fn packet(self) -> String {
        self.masked("meta mark")
    }

    pub(crate) fn packet_is(self, value: u32) -> String {
        self.equals("meta mark", value)
    }

    pub(crate) fn set_packet(self, value: u32) -> String {
        self.set("meta mark", value)
    }

    pub(crate) fn clear_packet(self) -> String {
        if self.is_whole() {
            "meta mark set 0x0".to_owned()
        } else {
            format!("meta mark set meta mark and 0x{:08x}", !self.mask)
        }
    }
}

/// What stands in packet marks for the classes of sources: with a whole mark, the class itself; with a mask, numbers from
/// 1 in the order of the classes, for each hook and family anew.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    numbers: FxHashMap<(Hook, Family, ClassId), u32>,
    most: u32,
}

impl Classes {
    pub(crate) fn number(marks: Marks, form: &NormalForm) -> Result<Self, EmitError> {
        let mut classes = Self::default();
        if marks.is_whole() {
            return Ok(classes);
        }
        for hook in &form.hooks {
            for family in Family::BOTH {
                let layers = &hook.family(family).layers;
                let singles = layers.iter().flat_map(|layer| layer.singles.iter().map(|(_, class)| *class));
                let ranges = layers.iter().flat_map(|layer| layer.ranges.iter().map(|(_, class)| *class));
                let all: BTreeSet<ClassId> = singles.chain(ranges).collect();
                classes.most = classes.most.max(all.len() as u32);
                classes
                    .numbers
                    .extend((1..).zip(all).map(|(number, class)| ((hook.hook, family, class), number)));
            }
        }
        if classes.most > marks.largest() {
            return Err(EmitError::BadOption {
                option: "mark-mask",
                why: "the policy has more groups of sources than it has values: give it more bits",
            });
        }
        Ok(classes)
    }

    /// The highest number; 0 where classes stand for themselves.
    pub(crate) fn most(&self) -> u32 {
        self.most
    }

    pub(crate) fn of(&self, hook: Hook, family: Family, class: ClassId) -> u32 {
        self.numbers.get(&(hook, family, class)).copied().unwrap_or(class)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    #[test]
    fn values_stay_inside_and_apart() {
        let marks = Marks::new(0xf0f0_ff0f).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for value in 0..=marks.largest().min(70_000) {
            let placed = marks.place(value);
            assert_eq!(placed & !0xf0f0_ff0f, 0);
            assert!(seen.insert(placed));
        }
        assert_eq!(marks.place(marks.largest()), 0xf0f0_ff0f);
        assert_eq!(Marks::new(u32::MAX).unwrap().place(0x1234_5678), 0x1234_5678);
    }

    #[test]
    fn epochs_are_no_constant() {
        for mask in [u32::MAX, 0xffff_0000, 0x00ff_ff00] {
            let marks = Marks::new(mask).unwrap();
            for digest in [0, 1, 0x8000_0000, 0x8000_ffff, u32::MAX] {
                let epoch = marks.epoch(digest);
                assert!(epoch <= marks.largest() && epoch > marks.largest() >> 1);
                let seen = epoch & marks.largest() >> 1;
                assert!(seen > crate::ruleset::OPERATIONS);
            }
        }
        assert!(Marks::new(0x0000_7fff).is_err());
    }
}
