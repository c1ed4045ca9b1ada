//! Addresses as numbers, and prefixes as the API server takes them.

use std::net::IpAddr;

use ipnet::IpNet;

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Family {
    V4,
    V6,
}

/// An address as a number; those of IPv4 lie below 2^32.
pub(crate) fn number(address: IpAddr) -> (Family, u128) {
    match address {
        IpAddr::V4(v4) => (Family::V4, u128::from(v4.to_bits())),
        IpAddr::V6(v6) => (Family::V6, v6.to_bits()),
    }
}

/// The address of a number.
pub(crate) fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(std::net::Ipv4Addr::from_bits(number as u32)),
        Family::V6 => IpAddr::V6(std::net::Ipv6Addr::from_bits(number)),
    }
}

/// First and last address of a prefix.
pub(crate) fn range(prefix: IpNet) -> (Family, u128, u128) {
    let (family, first) = number(prefix.network());
    (family, first, number(prefix.broadcast()).1)
}

/// Reads a prefix. Nothing but the canonical digits of its numbers is taken: readers disagree about the rest.
pub(crate) fn check_cidr(text: &str) -> Result<IpNet, &'static str> {
    let no_cidr = "must be a valid CIDR, as 10.9.8.0/24 or 2001:db8::/64";
    let (address, length) = text.split_once('/').ok_or(no_cidr)?;
    let leading_zero = |digits: &str| digits.len() > 1 && digits.starts_with('0');
    if leading_zero(length) || !address.contains(':') && address.split('.').any(leading_zero) {
        return Err("must not have leading zeros in address or length");
    }
    if !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(no_cidr);
    }
    let parsed: IpAddr = address.parse().map_err(|_| no_cidr)?;
    if matches!(parsed, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
        return Err("must not have an IPv4-mapped IPv6 address");
    }
    let length: u8 = length.parse().map_err(|_| no_cidr)?;
    let prefix = IpNet::new(parsed, length).map_err(|_| no_cidr)?;
    if prefix.network() != parsed {
        return Err("must not have bits set beyond the prefix length");
    }
    Ok(prefix)
}
