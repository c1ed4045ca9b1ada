//! Rules of known shape, one function each. They say what the kernel does, not what the rule is for.

use crate::literal::{NEW, RELATED};
use crate::names::Symbol;
use crate::rule::{Bits, Field, Match, Operand, Part, Rate, Rule, Values, Verdict};

/// The bits of marks that are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mask(pub(crate) u32);

impl Mask {
    /// A comparison with the connection's mark: equal or not, to which value.
    pub(crate) fn compared(self, one: &Match) -> Option<(bool, u32)> {
        let [Operand { field: Field::ConnectionMark, mask }] = one.key[..] else { return None };
        let Values::Boxes(boxes) = &one.values else { return None };
        let [value] = &boxes[..] else { return None };
        let ((first, last), bits) = (*value.first()?, mask.unwrap_or(u32::MAX.into()));
        (first == last && bits == self.0.into() && first & !bits == 0).then_some((!one.negated, first as u32))
    }

    /// Sets the connection's mark: our bits, and no other.
    fn marks(self, part: &Part) -> Option<u32> {
        match part {
            Part::SetConnectionMark(Bits { keep, set }) if *keep == !self.0 && set & !self.0 == 0 => {
                Some(*set)
            }
            _ => None,
        }
    }

    /// Clears our bits of the packet's mark, so that no class leaves the ruleset.
    pub(crate) fn clears(self, part: &Part) -> bool {
        matches!(part, Part::SetMark(Bits { keep, set: 0 }) if *keep == !self.0)
    }

    /// `meta mark set 0 accept`.
    pub(crate) fn accepts(self, parts: &[Part]) -> bool {
        matches!(parts, [clear, Part::Verdict(Verdict::Accept)] if self.clears(clear))
    }

    /// `meta mark set 0 ct mark set M accept`.
    pub(crate) fn accepts_and_marks(self, parts: &[Part]) -> Option<u32> {
        match parts {
            [clear, mark, Part::Verdict(Verdict::Accept)] if self.clears(clear) => self.marks(mark),
            _ => None,
        }
    }

    /// `counter name C meta mark set 0 ct mark set M accept`.
    pub(crate) fn admits(self, parts: &[Part]) -> Option<(Symbol, u32)> {
        match parts {
            [Part::Counter(counter), rest @ ..] => Some((*counter, self.accepts_and_marks(rest)?)),
            _ => None,
        }
    }
}

/// A rule's parts without a match on the family that another one implies: a listing leaves it out.
pub(crate) fn parts(rule: &Rule) -> Vec<Part> {
    let implied = rule.parts.iter().find_map(|part| match part {
        Part::Match(Match { key, .. }) | Part::Redirect { key, .. } => {
            key.iter().find_map(|operand| operand.field.family())
        }
        _ => None,
    });
    let ether_type = rule.parts.iter().find_map(|part| match part {
        Part::Match(one) => one.key.iter().find_map(|operand| operand.field.ether_type()),
        _ => None,
    });
    let redundant = |part: &Part| match part {
        Part::Match(one) => {
            let value = one.value();
            implied.is_some_and(|family| value == Some((Field::Family, family_number(family))))
                || ether_type.is_some_and(|kind| value == Some((Field::EtherType, kind)))
        }
        _ => false,
    };
    rule.parts.iter().filter(|part| !redundant(part)).cloned().collect()
}

fn family_number(family: crate::literal::Family) -> u128 {
    match family {
        crate::literal::Family::V4 => 2,
        crate::literal::Family::V6 => 10,
    }
}

/// A field with one value.
pub(crate) fn is(part: &Part, field: Field, value: u128) -> bool {
    matches!(part, Part::Match(one) if one.value() == Some((field, value)))
}

/// A field with these values and no other, as disjoint ascending ranges that are not adjacent.
pub(crate) fn among(part: &Part, field: Field, ranges: &[(u128, u128)]) -> bool {
    matches!(part, Part::Match(one)
        if one.single().is_some_and(|(there, values)| there == field && joined(values) == ranges))
}

/// Sorted ranges, with adjacent and overlapping ones joined.
pub(crate) fn joined(mut ranges: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    ranges.sort_unstable();
    let mut out: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match out.last_mut() {
            Some((_, end)) if end.checked_add(1).is_none_or(|next| first <= next) => *end = last.max(*end),
            _ => out.push((first, last)),
        }
    }
    out
}

/// `ct state new`.
pub(crate) fn starts(part: &Part) -> bool {
    is(part, Field::State, NEW)
}

/// `ct state != new`.
pub(crate) fn goes_on(part: &Part) -> bool {
    matches!(part, Part::Match(one) if one.negated
        && Match { negated: false, ..one.clone() }.value() == Some((Field::State, NEW)))
}

/// `ct state related meta l4proto { icmp, ipv6-icmp }`: errors about a connection.
pub(crate) fn errors(parts: &[Part]) -> bool {
    matches!(parts, [state, protocol] if is(state, Field::State, RELATED)
        && among(protocol, Field::Protocol, &[(1, 1), (58, 58)]))
}

/// `limit rate over … counter name … return`: what exceeds the rate is not accepted here.
pub(crate) fn refuses_over(parts: &[Part]) -> Option<Rate> {
    match parts {
        [Part::Limit(rate @ Rate { over: true, .. }), Part::Counter(_), Part::Verdict(Verdict::Return)] => {
            Some(*rate)
        }
        _ => None,
    }
}

/// `limit rate … log prefix …`: some of the packets, and no decision.
pub(crate) fn logs(parts: &[Part]) -> Option<Symbol> {
    match parts {
        [Part::Limit(Rate { over: false, .. }), Part::Log { prefix, .. }] => Some(*prefix),
        _ => None,
    }
}

/// `meta time >= … return`: nothing is accepted from then on.
pub(crate) fn ends(parts: &[Part]) -> Option<i64> {
    match parts {
        [Part::Match(one), Part::Verdict(Verdict::Return)] => match one.single()? {
            (Field::Time, ranges) => match ranges[..] {
                [(first, last)] if last == u128::from(u64::MAX) => i64::try_from(first).ok(),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
