//! Names of objects: what people recognise, and a digest that keeps them apart.

use std::{collections::BTreeSet, fmt::Write as _};

use sha2::{Digest as _, Sha256};
use weir_targets::is_plain;

use crate::error::EmitError;

/// A name that is also good as a label's value.
const LONGEST: usize = 63;

/// Checks a name of the model (package, policy, statement, workload) against `[A-Za-z0-9_.\[\]-]`.
pub(crate) fn check(kind: &'static str, name: &str) -> Result<(), EmitError> {
    if !is_plain(name) {
        return Err(EmitError::UnsafeName { kind, name: name.to_owned() });
    }
    Ok(())
}

/// Checks the key or value of a label, or a namespace's name, which the model has checked in full: no line ends, nothing
/// that readers of YAML take in different ways.
pub(crate) fn check_text(kind: &'static str, text: &str) -> Result<(), EmitError> {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte);
    if text.len() > 317 || !text.bytes().all(safe) {
        return Err(EmitError::UnsafeName { kind, name: text.to_owned() });
    }
    Ok(())
}

/// A package's name as the value of a label: itself, or a digest where it is too long or ends in `_` or `-`.
pub(crate) fn label_value(package: &str) -> String {
    let ends = package.starts_with(|c: char| c.is_ascii_alphanumeric())
        && package.ends_with(|c: char| c.is_ascii_alphanumeric());
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if ends && package.len() <= LONGEST && package.bytes().all(inner) {
        package.to_owned()
    } else {
        format!("package-{}", digest(package, 8))
    }
}

/// Lower-case letters and digits, `-` between them.
fn slug(name: &str, longest: usize) -> String {
    let mut slug = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() {
            slug.push(char::from(byte.to_ascii_lowercase()));
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(longest);
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// The first bytes of a digest, two digits each.
fn digest(text: &str, bytes: usize) -> String {
    let mut out = String::with_capacity(bytes * 2);
    for byte in &Sha256::digest(text)[..bytes] {
        // Writing into a String does not fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Hands out names, and refuses one that is taken.
#[derive(Default)]
pub(crate) struct Register(BTreeSet<String>);

impl Register {
    /// `vibration-voter-out-1a2b3c4d`: readable parts, cut where they are long, and a digest of all that makes the object
    /// what it is. Names are unique in the cluster, not just in their namespace: nothing that rewrites namespaces later
    /// makes two objects meet.
    pub(crate) fn claim(
        &mut self,
        readable: [&str; 2],
        suffix: &str,
        identity: &[&str],
    ) -> Result<String, EmitError> {
        const DIGEST: usize = 8;
        let room = LONGEST - DIGEST - suffix.len() - 3;
        let parts: Vec<String> =
            readable.iter().map(|part| slug(part, room / 2)).filter(|part| !part.is_empty()).collect();
        let stem = if parts.is_empty() { "policy".to_owned() } else { parts.join("-") };
        let name = format!("{stem}-{suffix}-{}", digest(&identity.join("\0"), DIGEST / 2));
        if !self.0.insert(name.clone()) {
            return Err(EmitError::NameCollision { name });
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    #[test]
    fn names_fit_and_stay_apart() {
        let mut register = Register::default();
        let (a, b) = ("A_".repeat(60) + "x", "A_".repeat(60) + "y");
        let first = register.claim([&a, "broker"], "out", &[&a, "broker"]).unwrap();
        let second = register.claim([&b, "broker"], "out", &[&b, "broker"]).unwrap();
        assert_ne!(first, second);
        for name in [first, second, register.claim(["_", "[1]"], "in", &["x"]).unwrap()] {
            assert!(name.len() <= LONGEST, "{name}");
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
            assert!(!name.starts_with('-') && !name.contains("--"), "{name}");
        }
        assert!(register.claim([&a, "broker"], "out", &[&a, "broker"]).is_err());
    }

    #[test]
    fn labels_fit() {
        assert_eq!(label_value("plant-nord"), "plant-nord");
        for odd in ["plant_", &"x".repeat(64)] {
            let value = label_value(odd);
            assert!(value.len() <= 63 && value.starts_with("package-"), "{value}");
        }
    }
}
