//! The standardised 5QI values (TS 23.501, table 5.7.4-1).

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceType {
    NonGuaranteed,
    Guaranteed,
    /// Guaranteed, and a packet that is late counts as lost.
    DelayCritical,
}

/// What a value stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Characteristics {
    pub five_qi: u8,
    pub resource: ResourceType,
    /// 1 to 127; 1 is the highest.
    pub priority: u8,
    /// Packet delay budget, in milliseconds.
    pub delay_budget: u32,
    /// Packet error rate: 10 to the power of minus this.
    pub error_exponent: u8,
    /// Maximum data burst volume in bytes, of delay-critical values.
    pub burst: Option<u32>,
}

const fn row(
    five_qi: u8,
    resource: ResourceType,
    priority: u8,
    delay_budget: u32,
    error_exponent: u8,
    burst: u32,
) -> Characteristics {
    let burst = if burst == 0 { None } else { Some(burst) };
    Characteristics { five_qi, resource, priority, delay_budget, error_exponent, burst }
}

use ResourceType::{DelayCritical as D, Guaranteed as G, NonGuaranteed as N};

/// Ascending. Values 86 and above came with later releases than 82 to 85.
pub(super) const TABLE: &[Characteristics] = &[
    row(1, G, 20, 100, 2, 0),
    row(2, G, 40, 150, 3, 0),
    row(3, G, 30, 50, 3, 0),
    row(4, G, 50, 300, 6, 0),
    row(5, N, 10, 100, 6, 0),
    row(6, N, 60, 300, 6, 0),
    row(7, N, 70, 100, 3, 0),
    row(8, N, 80, 300, 6, 0),
    row(9, N, 90, 300, 6, 0),
    row(65, G, 7, 75, 2, 0),
    row(66, G, 20, 100, 2, 0),
    row(67, G, 15, 100, 3, 0),
    row(69, N, 5, 60, 6, 0),
    row(70, N, 55, 200, 6, 0),
    row(71, G, 56, 150, 6, 0),
    row(72, G, 56, 300, 4, 0),
    row(73, G, 56, 300, 8, 0),
    row(74, G, 56, 500, 8, 0),
    row(76, G, 56, 500, 4, 0),
    row(79, N, 65, 50, 2, 0),
    row(80, N, 68, 10, 6, 0),
    row(82, D, 19, 10, 4, 255),
    row(83, D, 22, 10, 4, 1354),
    row(84, D, 24, 30, 5, 1354),
    row(85, D, 21, 5, 5, 255),
    row(86, D, 18, 5, 4, 1354),
    row(87, D, 25, 5, 3, 500),
    row(88, D, 25, 10, 3, 1125),
    row(89, D, 25, 15, 4, 17_000),
    row(90, D, 25, 20, 4, 63_000),
];

/// The characteristics of a standardised value.
pub fn characteristics(five_qi: u8) -> Option<&'static Characteristics> {
    TABLE.binary_search_by_key(&five_qi, |row| row.five_qi).ok().map(|index| &TABLE[index])
}

/// Values that an operator gives a meaning of its own.
pub fn is_operators(five_qi: u8) -> bool {
    (128..=254).contains(&five_qi)
}

/// Whether a value can be used at all, and of what type it is; operators' values are taken for not guaranteed.
pub fn resource_type(five_qi: u8) -> Option<ResourceType> {
    match characteristics(five_qi) {
        Some(row) => Some(row.resource),
        None => is_operators(five_qi).then_some(ResourceType::NonGuaranteed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_only_delay_critical_rows_have_bursts() {
        assert!(TABLE.windows(2).all(|pair| pair[0].five_qi < pair[1].five_qi));
        assert!(TABLE.iter().all(|row| (row.resource == D) == row.burst.is_some()));
        assert_eq!(characteristics(82).map(|row| (row.delay_budget, row.burst)), Some((10, Some(255))));
        assert_eq!(resource_type(9), Some(N));
        assert_eq!(resource_type(10), None);
        assert_eq!(resource_type(200), Some(N));
    }
}
