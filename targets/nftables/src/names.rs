//! Names in the ruleset. Every name is prefixed, so that no keyword of nft is ever hit, and made injectively.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use weir_compiler::plan::{Action, Limit};
use weir_targets::is_plain;

use crate::error::EmitError;
use crate::profile::interval_name;

/// Longest object name; the kernel takes 255 bytes, people less.
const LONGEST: usize = 100;
/// Longest log prefix the kernel takes.
const LONGEST_PREFIX: usize = 127;

/// Checks a name of the model (policy, statement) against `[A-Za-z0-9_.\[\]-]`.
pub(crate) fn check(kind: &'static str, name: &str) -> Result<(), EmitError> {
    if !is_plain(name) {
        return Err(EmitError::UnsafeName { kind, name: name.to_owned() });
    }
    Ok(())
}

/// Checks the name of a network device on the host. It is written between quotes.
pub(crate) fn check_device(name: &str) -> Result<(), EmitError> {
    // `*` at the end would make it a pattern, and a backslash would escape the quote.
    let safe = |b: u8| b.is_ascii_graphic() && !b"\"\\/*".contains(&b);
    if name.is_empty() || name.len() > 15 || !name.bytes().all(safe) || name == "." || name == ".." {
        return Err(EmitError::UnsafeName { kind: "device", name: name.to_owned() });
    }
    Ok(())
}

/// The part of an object name that says which profile it belongs to: `vibration`, `vibration/limit-50-second/log`.
/// No name of the model holds a `/`, and every word after one starts with a lower-case letter except `/L` and `/R`,
/// which stand for the brackets.
pub(crate) fn profile(policy: &str, action: &Action) -> String {
    let mut name = String::with_capacity(policy.len());
    for c in policy.chars() {
        match c {
            '[' => name.push_str("/L"),
            ']' => name.push_str("/R"),
            other => name.push(other),
        }
    }
    if let Some(operations) = &action.operations {
        let _ = write!(name, "/{}-", operations.protocol.name());
        push_digest(&mut name, &Sha256::digest(format!("{:?}", operations.requests)), 4);
    }
    if let Some(Limit { count, seconds }) = action.limit {
        let _ = write!(name, "/limit-{count}-{}", interval_name(seconds).unwrap_or("unknown"));
    }
    if let Some(until) = action.until {
        let _ = write!(name, "/until-{}", until.max(0));
    }
    if action.log {
        name.push_str("/log");
    }
    if action.audit {
        name.push_str("/audit");
    }
    shorten(&name, LONGEST)
}

/// The log prefix of a policy: `weir-allow vibration `.
pub(crate) fn log_prefix(kind: &str, policy: &str) -> String {
    let room = LONGEST_PREFIX - kind.len() - 2;
    format!("{kind} {} ", shorten(policy, room))
}

/// Cuts a long name and ends it with a digest of the whole, so that two long names stay two.
fn shorten(name: &str, longest: usize) -> String {
    if name.len() <= longest {
        return name.to_owned();
    }
    let mut short: String = name.chars().take(longest - 18).collect();
    short.push_str("--");
    push_digest(&mut short, &Sha256::digest(name), 8);
    short
}

/// The first bytes of a digest, two digits each.
pub(crate) fn push_digest(out: &mut String, digest: &[u8], bytes: usize) {
    for byte in digest.iter().take(bytes) {
        let _ = write!(out, "{byte:02x}");
    }
}

/// Hands out names and refuses one that is taken.
#[derive(Default)]
pub(crate) struct Register(BTreeSet<String>);

impl Register {
    pub(crate) fn claim(&mut self, name: String) -> Result<String, EmitError> {
        if !self.0.insert(name.clone()) {
            return Err(EmitError::NameCollision { name });
        }
        Ok(name)
    }
}

/// The comment of an element: the statements behind it, as many as 128 bytes take, then how many more.
pub(crate) fn comment<'a>(out: &mut String, mut ids: impl ExactSizeIterator<Item = &'a str>) {
    const LONGEST: usize = 128;
    // Room for ` +4294967295`.
    const ROOM: usize = LONGEST - 12;
    out.clear();
    while let Some(id) = ids.next() {
        let separator = usize::from(!out.is_empty());
        let limit = if ids.len() == 0 && out.is_empty() { LONGEST } else { ROOM };
        if out.len() + separator + id.len() > limit {
            if out.is_empty() {
                out.push_str(&shorten(id, ROOM));
                if ids.len() == 0 {
                    return;
                }
                let _ = write!(out, " +{}", ids.len());
            } else {
                let _ = write!(out, " +{}", ids.len() + 1);
            }
            return;
        }
        if separator > 0 {
            out.push(' ');
        }
        out.push_str(id);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    #[test]
    fn long_names_stay_apart() {
        let (a, b) = ("a".repeat(200) + "x", "a".repeat(200) + "y");
        let action = Action::default();
        assert_ne!(profile(&a, &action), profile(&b, &action));
        assert!(profile(&a, &action).len() <= LONGEST);
        assert_ne!(log_prefix("weir-allow", &a), log_prefix("weir-allow", &b));
        assert!(log_prefix("weir-audit", &a).len() <= LONGEST_PREFIX);
    }

    #[test]
    fn a_bracket_is_no_option() {
        let logged = Action { log: true, ..Action::default() };
        assert_ne!(profile("a[og", &Action::default()), profile("a", &logged));
        assert_eq!(profile("press[3]", &Action::default()), "press/L3/R");
    }

    #[test]
    fn devices_cannot_break_out() {
        for bad in ["", "a\"b", "a b", "a/b", "eth*", "sixteen_bytes_xx", "a\\", "..", "é"] {
            assert!(check_device(bad).is_err(), "{bad}");
        }
        check_device("eth0.10").unwrap();
        check_device("br-lan@x").unwrap();
    }

    #[test]
    fn comments_fit() {
        let ids: Vec<String> = (0..40).map(|n| format!("policy.{n:06}")).collect();
        let mut out = String::new();
        comment(&mut out, ids.iter().map(String::as_str));
        assert!(out.len() <= 128 && out.ends_with(" +32"), "{out}");
        comment(&mut out, ids[..1].iter().map(String::as_str));
        assert_eq!(out, "policy.000000");
        let long = "x".repeat(300);
        comment(&mut out, [long.as_str(), "b"].into_iter());
        assert!(out.len() <= 128 && out.ends_with(" +1"), "{out}");
    }
}
