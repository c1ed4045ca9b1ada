//! Sets of addresses as the fewest prefixes, ascending.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};
use weir_compiler::plan::AddressSet;

/// The prefixes of a set: disjoint, and no two of them make up a larger one.
pub(crate) fn prefixes(set: &AddressSet) -> Vec<IpNet> {
    let v4 = set.v4.iter().flat_map(|(first, last)| {
        Ipv4Subnets::new(Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(last), 0)
            .map(|net: Ipv4Net| IpNet::V4(net))
    });
    let v6 = set.v6.iter().flat_map(|(first, last)| {
        Ipv6Subnets::new(Ipv6Addr::from_bits(first), Ipv6Addr::from_bits(last), 0)
            .map(|net: Ipv6Net| IpNet::V6(net))
    });
    v4.chain(v6).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use std::net::IpAddr;

    use super::*;

    fn of(ranges: &[(&str, &str)]) -> Vec<String> {
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        let set: AddressSet = ranges.iter().map(|(first, last)| (parse(first), parse(last))).collect();
        prefixes(&set).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn few_prefixes() {
        assert_eq!(of(&[("0.0.0.0", "255.255.255.255")]), ["0.0.0.0/0"]);
        assert_eq!(of(&[("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]), ["::/0"]);
        assert_eq!(of(&[("10.0.0.1", "10.0.0.4")]), ["10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/32"]);
        assert_eq!(
            of(&[("255.255.255.255", "255.255.255.255"), ("0.0.0.0", "0.0.0.0")]),
            ["0.0.0.0/32", "255.255.255.255/32"]
        );
        assert_eq!(of(&[]), [""; 0]);
    }

    #[test]
    fn a_hole_of_one_address() {
        let found = of(&[("10.0.0.0", "10.1.2.2"), ("10.1.2.4", "10.255.255.255")]);
        assert_eq!(found.len(), 24);
        assert!(!found.contains(&"10.1.2.3/32".to_owned()));
    }
}
