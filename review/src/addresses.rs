//! Sets of addresses in words.

use std::net::{Ipv4Addr, Ipv6Addr};

use weir_compiler::plan::AddressSet;

/// Each address or range of consecutive ones: `10.0.0.1`, `10.0.0.4..10.0.0.9`.
pub(crate) fn list(set: &AddressSet) -> Vec<String> {
    let range = |first: String, last: String| if first == last { first } else { format!("{first}..{last}") };
    let v4 = set.v4.iter().map(|(first, last)| {
        range(Ipv4Addr::from_bits(first).to_string(), Ipv4Addr::from_bits(last).to_string())
    });
    let v6 = set.v6.iter().map(|(first, last)| {
        range(Ipv6Addr::from_bits(first).to_string(), Ipv6Addr::from_bits(last).to_string())
    });
    v4.chain(v6).collect()
}

/// All on one short line: of many that do not follow each other, how many they are, and the first and last of them.
pub(crate) fn summary(set: &AddressSet) -> String {
    const SHOWN: usize = 3;
    let all = list(set);
    if all.len() <= SHOWN {
        return all.join(", ");
    }
    let v4 = set.v4.as_slice().first().zip(set.v4.as_slice().last()).map(|((first, _), (_, last))| {
        let count: u64 = set.v4.iter().map(|(first, last)| u64::from(last - first) + 1).sum();
        format!("{count} from {} to {}", Ipv4Addr::from_bits(*first), Ipv4Addr::from_bits(*last))
    });
    let v6 = set.v6.as_slice().first().zip(set.v6.as_slice().last()).map(|((first, _), (_, last))| {
        let (first, last) = (Ipv6Addr::from_bits(*first), Ipv6Addr::from_bits(*last));
        format!("{} ranges from {first} to {last}", set.v6.as_slice().len())
    });
    v4.into_iter().chain(v6).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use weir_compiler::plan::{AddressSet, Ranges};

    #[test]
    fn sets_in_words() {
        let set = |v4: Vec<(u32, u32)>| AddressSet { v4: Ranges::from_unsorted(v4), v6: Ranges::new() };
        let at = |last: u32| 0x0a00_0000 + last;
        assert_eq!(super::summary(&set(vec![])), "");
        assert_eq!(
            super::summary(&set(vec![(at(1), at(1)), (at(4), at(9))])),
            "10.0.0.1, 10.0.0.4..10.0.0.9"
        );
        let many = set((0..9).map(|index| (at(index * 4), at(index * 4 + 1))).collect());
        assert_eq!(super::summary(&many), "18 from 10.0.0.0 to 10.0.0.33");
        assert_eq!(super::list(&many).len(), 9);
    }
}
