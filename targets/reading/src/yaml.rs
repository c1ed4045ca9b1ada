//! Plain scalars of YAML 1.1, as Kubernetes and PyYAML take them (<https://yaml.org/type/>).

/// What a plain scalar without a tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    Null,
    Boolean(bool),
    Integer(i64),
    /// Any other number.
    Number,
    Text,
}

/// What plain text means; text in quotes is always text.
pub fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Plain::Boolean(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Plain::Boolean(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Plain::Number,
        _ => {}
    }
    let (negative, unsigned) = signed(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Plain::Number;
    }
    let digits: String = unsigned.chars().filter(|character| *character != '_').collect();
    match integer(&digits) {
        // the least integer has no positive counterpart: what does not fit is a number all the same
        Some(Some(number)) => Plain::Integer(if negative { -number } else { number }),
        Some(None) => Plain::Number,
        None if is_float(&digits) => Plain::Number,
        None => Plain::Text,
    }
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// An integer without sign by its prefix: decimal, `0x`, `0o` or a mere `0`, `0b`. `Some(None)` is one that does not fit.
fn integer(text: &str) -> Option<Option<i64>> {
    let (digits, radix) = match text.get(..2) {
        Some("0x" | "0X") => (&text[2..], 16),
        Some("0o" | "0O") => (&text[2..], 8),
        Some("0b" | "0B") => (&text[2..], 2),
        _ if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        _ => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    Some(i64::from_str_radix(digits, radix).ok())
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let (_, digits) = signed(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    let mantissa_fits = match mantissa.split_once('.') {
        Some((whole, part)) => {
            all_digits(whole) && all_digits(part) && !(whole.is_empty() && part.is_empty())
        }
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    exponent_fits && mantissa_fits
}

#[cfg(test)]
mod tests {
    use super::{Plain, plain};

    #[test]
    fn plain_scalars_of_version_1_1() {
        let cases = [
            ("~", Plain::Null),
            ("on", Plain::Boolean(true)),
            ("NO", Plain::Boolean(false)),
            ("0", Plain::Integer(0)),
            ("-17", Plain::Integer(-17)),
            ("+8_080", Plain::Integer(8080)),
            ("010", Plain::Integer(8)),
            ("0o10", Plain::Integer(8)),
            ("0x1F", Plain::Integer(31)),
            ("-0b11", Plain::Integer(-3)),
            ("9223372036854775808", Plain::Number),
            ("1.", Plain::Number),
            (".5", Plain::Number),
            ("1e3", Plain::Number),
            ("-.inf", Plain::Number),
            (".NaN", Plain::Number),
            ("+.nan", Plain::Text),
            (".", Plain::Text),
            ("08", Plain::Number),
            ("0x", Plain::Text),
            ("--1", Plain::Text),
            ("1e", Plain::Text),
            ("10.0.0.1", Plain::Text),
            ("web", Plain::Text),
        ];
        for (text, wanted) in cases {
            assert_eq!(plain(text), wanted, "{text}");
        }
    }
}
