//! What single cells say: addresses, MAC addresses, protocols, as people write them.

use std::net::IpAddr;

use crate::Transport;

/// The parts of a cell that holds several: by commas, semicolons, bars or lines.
pub(super) fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', '|', '\n']).map(str::trim).filter(|part| !part.is_empty())
}

/// An address, with or without the length of its network's prefix.
pub(super) fn address(text: &str) -> Option<(IpAddr, bool)> {
    match text.split_once('/') {
        None => text.parse().ok().map(|address| (address, false)),
        Some((address, length)) => {
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            length.parse::<u8>().ok().filter(|length| *length <= most).map(|length| (address, length < most))
        }
    }
}

/// Whether these are the first and the last of several addresses: `192.0.2.50-192.0.2.54`.
pub(super) fn is_range(text: &str) -> bool {
    let ends = text.split_once('-').map(|(first, last)| (first.parse::<IpAddr>(), last.parse::<IpAddr>()));
    matches!(ends, Some((Ok(first), Ok(last))) if first <= last && first.is_ipv4() == last.is_ipv4())
}

/// Six bytes, in any of the usual forms: `00:1b:1b:aa:00:01`, `00-1B-1B-AA-00-01`, `001b.1baa.0001`, `001b1baa0001`.
pub(super) fn mac(text: &str) -> Option<[u8; 6]> {
    let separators = text.chars().filter(|character| matches!(character, ':' | '-' | '.')).count();
    let digits: String = text.chars().filter(|character| !matches!(character, ':' | '-' | '.')).collect();
    if digits.len() != 12
        || !matches!(separators, 0 | 2 | 5)
        || !digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return None;
    }
    let mut bytes = [0; 6];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// `tcp/502`, `502/tcp`, `TCP 502`, `TCP:502`.
pub(super) fn transport(text: &str) -> Option<Transport> {
    let mut words = text.split(['/', ' ', ':']).filter(|word| !word.is_empty());
    let (first, second) = (words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    let (name, port) = if first.starts_with(|digit: char| digit.is_ascii_digit()) {
        (second, first)
    } else {
        (first, second)
    };
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    match name.to_ascii_lowercase().as_str() {
        "tcp" => Some(Transport::Tcp(port, port)),
        "udp" => Some(Transport::Udp(port, port)),
        "sctp" => Some(Transport::Sctp(port, port)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        let bytes = Some([0x00, 0x1b, 0x1b, 0xaa, 0x00, 0x01]);
        for text in ["00:1b:1b:aa:00:01", "00-1B-1B-AA-00-01", "001b.1baa.0001", "001B1BAA0001"] {
            assert_eq!(mac(text), bytes, "{text}");
        }
        for text in ["", "00:1b:1b:aa:00", "00:1b:1b:aa:00:0g", "ä01b1baa0001"] {
            assert_eq!(mac(text), None, "{text}");
        }
        for text in ["tcp/502", "502/tcp", "TCP 502", "Tcp:502"] {
            assert_eq!(transport(text), Some(Transport::Tcp(502, 502)), "{text}");
        }
        for text in ["modbus", "tcp/0", "tcp/70000", "tcp/1/2", "502"] {
            assert_eq!(transport(text), None, "{text}");
        }
        assert_eq!(address("10.0.0.1/24"), Some(([10, 0, 0, 1].into(), true)));
        assert_eq!(address("10.0.0.1/32"), Some(([10, 0, 0, 1].into(), false)));
        assert_eq!(address("10.0.0.1/33"), None);
        assert!(is_range("10.0.0.1-10.0.0.5") && is_range("fd00::1-fd00::5"));
        for text in ["10.0.0.5-10.0.0.1", "10.0.0.1-fd00::1", "10.0.0.1-5", "10.0.0.1", "-"] {
            assert!(!is_range(text), "{text}");
        }
    }
}
