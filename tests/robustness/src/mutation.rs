//! Packages broken at random, by bytes and by tokens. The same seed breaks them in the same way.

use weir_syntax::lexer;

use crate::Package;

/// `splitmix64`: small, and good enough to choose places.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; 0, if there is nothing below.
    pub fn below(&mut self, end: usize) -> usize {
        (self.draw() % end.max(1) as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let index = self.below(list.len());
        list.get(index)
    }
}

/// Words, literals and characters that have broken parsers before, or might.
pub const HOSTILE: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "\\",
    "\"\\",
    "\"{",
    "\"{index",
    "}}",
    "{{",
    ";",
    "/",
    "//",
    "///",
    "//!",
    "->",
    "<->",
    "~>",
    "..",
    ".",
    ",",
    ":",
    "|",
    "&",
    "+",
    "-",
    "*",
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "~",
    "@",
    "use ",
    "as ",
    "template ",
    "allow ",
    "deny ",
    "assert ",
    " in ",
    " between ",
    " where ",
    " and ",
    " or ",
    " not ",
    " on ",
    "use std.ot.{",
    "any",
    "index",
    "internet",
    "zone",
    "device",
    "class",
    "group",
    "instance",
    "0",
    "1",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999",
    "0x",
    "0x_",
    "0xffffffffffffffff",
    "1_",
    "1__0",
    "0.0",
    "1.",
    ".5",
    "5 ms",
    "5ms",
    "0 B",
    "18446744073709551615 Tbps",
    "0.000000000000000000000001 s",
    "0/s",
    "4294967295/s",
    "4294967296/d",
    "0.0.0.0",
    "0.0.0.0/0",
    "255.255.255.255",
    "255.255.255.255/32",
    "10.0.0.0/33",
    "10.0.0.256",
    "1.2.3.4.5",
    "::",
    "::/0",
    "::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "::ffff:1.2.3.4",
    "::..ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "10.0.0.9..10.0.0.1",
    "0.0.0.0..255.255.255.255",
    "::..0.0.0.0",
    "02:00:00:00:00:01",
    "ff:ff:ff:ff:ff:ff",
    "0000-00-00",
    "9999-12-31T23:59:60Z",
    "9999-12-31T23:59:59Z",
    "2026-02-30",
    "2026-01-01T00:00",
    "[1..0]",
    "[1..1]",
    "[0..1]",
    "[1..1000000]",
    "[1..1000001]",
    "[2]",
    "tcp/0",
    "tcp/65536",
    "tcp/1..65535",
    "udp/9..1",
    "ethertype/0x88b8",
    "ethertype/1",
    "icmp",
    "\u{feff}",
    "\r",
    "\r\n",
    "\n",
    "\0",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "ä",
    "日本",
    "🏭",
    "\u{301}",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\t",
    "\"\u{202e}\"",
    "\"{index:020}\"",
    "\"{index:99}\"",
    "\"{a.b.c}\"",
    ".host(1)",
    ".host(18446744073709551615)",
    ".subnet(33, 0)",
    ".subnet(24, 1)",
    ".subnet(128, 18446744073709551615)",
    "{ qos = { five_qi = 82 } }",
    "= { }",
    "{}",
    "[]",
    "()",
    "[[]]",
];

/// Applies one to four changes to the package's files.
pub fn mutate(package: &mut Package, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let file = random.below(package.files.len());
        let other = random.below(package.files.len());
        let donor = package.files.get(other).map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        if let Some((_, bytes)) = package.files.get_mut(file) {
            match random.below(3) {
                0 => by_bytes(bytes, &donor, random),
                _ => by_tokens(bytes, &donor, random),
            }
        }
    }
}

fn by_bytes(bytes: &mut Vec<u8>, donor: &[u8], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = (at + 1 + random.below(40)).min(bytes.len());
    match random.below(6) {
        0 => drop(bytes.drain(at.min(end)..end)),
        1 => {
            let copy = bytes.get(at..end).unwrap_or_default().to_vec();
            bytes.splice(at..at, copy);
        }
        2 => {
            // Mostly text: what is not UTF-8 is refused before it is read.
            let most = if random.below(20) == 0 { 256 } else { 128 };
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.below(most) as u8;
            }
        }
        3 => bytes.truncate(at),
        4 => bytes.insert(at, random.pick(b"{}[]()\"\\/\n.,:=-|&<>~;\0").copied().unwrap_or(b' ')),
        _ => {
            let from = random.below(donor.len());
            let to = (from + random.below(400)).min(donor.len());
            bytes.splice(at..at, donor.get(from..to).unwrap_or_default().iter().copied());
        }
    }
}

/// The spans of a text's tokens; empty, where it is not text any more.
fn tokens(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Vec::new() };
    let seen = lexer::lex(text).into_iter().filter(|token| !token.kind.is_trivia());
    seen.map(|token| token.span.range()).collect()
}

fn by_tokens(bytes: &mut Vec<u8>, donor: &[u8], random: &mut Random) {
    let own = tokens(bytes);
    let Some(token) = random.pick(&own).cloned() else { return by_bytes(bytes, donor, random) };
    let other = random.pick(&own).cloned().unwrap_or_else(|| token.clone());
    let text = |range: &std::ops::Range<usize>, bytes: &[u8]| bytes[range.clone()].to_vec();
    match random.below(8) {
        0 => drop(bytes.drain(token)),
        1 => {
            let copy = text(&token, bytes);
            bytes.splice(token.end..token.end, copy);
        }
        2 => {
            let (first, second) = if token.start <= other.start { (token, other) } else { (other, token) };
            if first.end <= second.start {
                let (a, b) = (text(&first, bytes), text(&second, bytes));
                bytes.splice(second, a);
                bytes.splice(first, b);
            }
        }
        3 => {
            let copy = text(&other, bytes);
            bytes.splice(token, copy);
        }
        4 | 5 => {
            let word = random.pick(HOSTILE).copied().unwrap_or("{");
            let at = if random.below(2) == 0 { token.start..token.start } else { token };
            bytes.splice(at, word.bytes());
        }
        6 => {
            // A run of tokens from another file.
            let theirs = tokens(donor);
            let from = random.below(theirs.len());
            let to = (from + random.below(30)).min(theirs.len().saturating_sub(1));
            if let (Some(first), Some(last)) = (theirs.get(from), theirs.get(to)) {
                let run = donor.get(first.start..last.end).unwrap_or_default().to_vec();
                bytes.splice(token.start..token.start, run);
            }
        }
        _ => {
            let end = token.end.max(other.end).min(token.start + 200);
            bytes.drain(token.start.min(end)..end);
        }
    }
}
