//! From the text of a literal to its value. What has no value is a diagnostic and [`ExprKind::Error`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smol_str::{SmolStr, ToSmolStr};

use crate::{
    ast::{Expr, ExprKind, Quantity, StringLiteral, StringPart},
    diagnostic::{Diagnostic, FileId, codes},
    text::Span,
};

/// What the grammar's actions share: where they are and what they found wrong.
pub(crate) struct Context<'a> {
    pub(crate) file: FileId,
    pub(crate) diagnostics: &'a mut Vec<Diagnostic>,
}

impl Context<'_> {
    fn bad(&mut self, span: Span, message: String, label: &str, help: &str) -> ExprKind {
        self.diagnostics
            .push(Diagnostic::new(&codes::E0103, message).primary(self.file, span, label).help(help));
        ExprKind::Error
    }

    pub(crate) fn integer(&mut self, text: &str, span: Span) -> Expr {
        let kind = match text.replace('_', "").parse() {
            Ok(number) => ExprKind::Integer(number),
            Err(_) => self.bad(
                span,
                format!("`{}` is too large a number", shortened(text)),
                "more than 64 bits",
                "numbers go up to 18446744073709551615",
            ),
        };
        Expr { kind, span }
    }

    pub(crate) fn hexadecimal(&mut self, text: &str, span: Span) -> Expr {
        let digits = text.get(2..).unwrap_or("").replace('_', "");
        let kind = match u64::from_str_radix(&digits, 16) {
            Ok(number) => ExprKind::Hexadecimal(number, digits.len().min(255) as u8),
            Err(_) => self.bad(
                span,
                format!("`{}` is not a number of at most 64 bits", shortened(text)),
                "no such number",
                "write 1 to 16 hexadecimal digits after `0x`",
            ),
        };
        Expr { kind, span }
    }

    pub(crate) fn quantity(&mut self, text: &str, span: Span) -> Expr {
        let unit_at = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let quantity = Quantity { number: number.trim_end().replace('_', "").into(), unit: unit.into() };
        Expr { kind: ExprKind::Quantity(Box::new(quantity)), span }
    }

    pub(crate) fn ip(&mut self, text: &str, span: Span) -> Expr {
        let (address_text, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address = if address_text.contains(':') {
            address_text.parse::<Ipv6Addr>().map(IpAddr::V6).ok()
        } else {
            address_text.parse::<Ipv4Addr>().map(IpAddr::V4).ok()
        };
        let Some(address) = address else {
            let help = if address_text.contains(':') {
                "an IPv6 address is eight groups of hexadecimal digits, with `::` once at most for groups of zeros: `fd00:10::1`; a MAC address is six pairs of digits"
            } else {
                "an IPv4 address is four numbers from 0 to 255, without leading zeros: `10.20.0.1`"
            };
            let message = format!("`{}` is not an IP address", shortened(text));
            return Expr { kind: self.bad(span, message, "no such address", help), span };
        };
        let Some(length) = length else { return Expr { kind: ExprKind::Address(address), span } };
        let most = if address.is_ipv4() { 32 } else { 128 };
        let kind = match length.parse::<u8>() {
            Ok(bits) if bits <= most => ExprKind::Prefix(address, bits),
            _ if mask_length(length).is_some() => {
                let bits = mask_length(length).unwrap_or(0);
                let right = format!("{address_text}/{bits}");
                let kind = self.bad(
                    span,
                    format!("`{}` is not a prefix length", shortened(length)),
                    "a netmask",
                    &format!("write `{right}`"),
                );
                if let Some(last) = self.diagnostics.last_mut() {
                    *last = last.clone().fix("write its length", self.file, span, right);
                }
                kind
            }
            _ => self.bad(
                span,
                format!("`/{}` is not a prefix length of this address", shortened(length)),
                "no such prefix",
                &format!("a prefix length goes from 0 to {most}"),
            ),
        };
        Expr { kind, span }
    }

    pub(crate) fn mac(&mut self, text: &str, span: Span) -> Expr {
        let mut bytes = [0u8; 6];
        for (byte, digits) in bytes.iter_mut().zip(text.split(':')) {
            *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
        }
        Expr { kind: ExprKind::Mac(bytes), span }
    }

    pub(crate) fn date(&mut self, text: &str, span: Span) -> Expr {
        let number =
            |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<u32>().ok());
        let (year, month, day) = (number(0..4), number(5..7), number(8..10));
        let leap = year.is_some_and(|year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
        let days = match month {
            Some(4 | 6 | 9 | 11) => 30,
            Some(2) => 28 + u32::from(leap),
            Some(1..=12) => 31,
            _ => 0,
        };
        let day_exists = day.is_some_and(|day| (1..=days).contains(&day));
        let time_exists = text.len() == 10
            || (number(11..13).is_some_and(|hour| hour < 24)
                && number(14..16).is_some_and(|minute| minute < 60)
                && (text.as_bytes().get(16) != Some(&b':')
                    || number(17..19).is_some_and(|second| second < 60)));
        let zone_known = text.len() == 10
            || text.ends_with('Z')
            || text.get(text.len() - 6..).is_some_and(|zone| zone.starts_with(['+', '-']) && text.len() > 16);
        let kind = if !day_exists || !time_exists {
            self.bad(
                span,
                format!("`{text}` is not a date"),
                "no such day or time",
                "write a date as `2026-11-01`, a time as `2026-11-01T08:00Z`",
            )
        } else if zone_known {
            ExprKind::Date(text.into())
        } else {
            self.bad(
                span,
                format!("`{text}` does not say in which time zone"),
                "a time without its zone",
                "end it with `Z` (UTC) or with an offset such as `+02:00`",
            )
        };
        Expr { kind, span }
    }

    /// Resolves escapes and finds the holes of `"PLC-{index:02}"`. `{{` and `}}` stand for the braces themselves.
    pub(crate) fn string(&mut self, text: &str, span: Span) -> Expr {
        let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
        let at = |offset: usize| span.start + 1 + offset as u32;
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut characters = inner.char_indices().peekable();
        while let Some((offset, character)) = characters.next() {
            match character {
                '\\' => match characters.next().map(|(_, escaped)| escaped) {
                    Some('n') => plain.push('\n'),
                    Some('t') => plain.push('\t'),
                    Some(escaped @ ('"' | '\\' | '{' | '}')) => plain.push(escaped),
                    other => {
                        let end = at(offset) + 1 + other.map_or(0, char::len_utf8) as u32;
                        self.diagnostics.push(
                            Diagnostic::new(&codes::E0105, "unknown escape in a string")
                                .primary(self.file, Span::new(at(offset), end), "no such escape")
                                .help("the escapes are `\\\"`, `\\\\`, `\\n`, `\\t`, `\\{` and `\\}`"),
                        );
                        return Expr { kind: ExprKind::Error, span };
                    }
                },
                '{' | '}' if characters.peek().is_some_and(|(_, next)| *next == character) => {
                    characters.next();
                    plain.push(character);
                }
                '{' => {
                    let rest = inner.get(offset + 1..).unwrap_or("");
                    let Some(hole) = rest.find('}').and_then(|end| rest.get(..end)) else {
                        return self.bad_hole(Span::new(at(offset), span.end.saturating_sub(1)), span);
                    };
                    let hole_span = Span::new(at(offset), at(offset + hole.len() + 2));
                    let Some((path, width)) = hole_parts(hole) else { return self.bad_hole(hole_span, span) };
                    if !plain.is_empty() {
                        parts.push(StringPart::Text(std::mem::take(&mut plain).into()));
                    }
                    parts.push(StringPart::Hole { path, width, span: hole_span });
                    while characters.next_if(|(next, _)| *next <= offset + 1 + hole.len()).is_some() {}
                }
                '}' => return self.bad_hole(Span::new(at(offset), at(offset) + 1), span),
                _ => plain.push(character),
            }
        }
        if !plain.is_empty() {
            parts.push(StringPart::Text(plain.into()));
        }
        Expr { kind: ExprKind::String(StringLiteral { parts }), span }
    }

    fn bad_hole(&mut self, hole: Span, span: Span) -> Expr {
        self.diagnostics.push(
            Diagnostic::new(&codes::E0105, "a brace in a string that names nothing")
                .primary(self.file, hole, "expected a name in braces, as in `{index}` or `{index:02}`")
                .help("write `{{` and `}}` for the braces themselves"),
        );
        Expr { kind: ExprKind::Error, span }
    }
}

/// The length of a netmask: of `255.255.255.0` 24.
fn mask_length(text: &str) -> Option<u32> {
    let bits = u32::from(text.parse::<Ipv4Addr>().ok()?);
    (bits.leading_ones() + bits.trailing_zeros() >= 32).then(|| bits.leading_ones())
}

/// `index`, `cell.number`, `index:02` as path and width.
fn hole_parts(hole: &str) -> Option<(SmolStr, u8)> {
    let (path, width) = match hole.split_once(':') {
        Some((path, width)) => (path, width.strip_prefix('0')?.parse().ok().filter(|width| *width <= 20)?),
        None => (hole, 0),
    };
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    path.split('.').all(is_name).then(|| (path.to_smolstr(), width))
}

/// A text from the source, short enough for a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
        None => text.to_owned(),
    }
}
