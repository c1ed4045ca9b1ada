//! Names as the API server takes them.

/// `metadata.name` of policies: a DNS subdomain (RFC 1123).
pub(crate) fn check_subdomain(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("is empty".into());
    }
    if name.len() > 253 {
        return Err("is longer than 253 bytes".into());
    }
    if !name.split('.').all(is_dns_part) {
        return Err(
            "has lower-case letters, digits, `-` and `.`, and each part starts and ends with a letter or digit".into(),
        );
    }
    Ok(())
}

/// Letters, digits and inner `-`.
fn is_dns_part(part: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
}

/// A namespace's name: a DNS label (RFC 1123).
///
/// # Errors
/// What a name must be, to follow “a namespace”.
pub fn check_namespace(name: &str) -> Result<(), String> {
    if name.len() > 63 {
        return Err("has at most 63 bytes".into());
    }
    if !is_dns_part(name) {
        return Err(
            "has lower-case letters, digits and `-`, and starts and ends with a letter or digit".into()
        );
    }
    Ok(())
}

/// Letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn is_qualified(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    name.bytes().all(inner) && end(name.as_bytes().first()) && end(name.as_bytes().last())
}

/// The value of a label.
///
/// # Errors
/// What a value must be, to follow “the value of a label”.
pub fn check_label_value(value: &str) -> Result<(), String> {
    if value.len() > 63 {
        return Err("has at most 63 bytes".into());
    }
    if !value.is_empty() && !is_qualified(value) {
        return Err(
            "has letters, digits, `-`, `_` and `.`, and starts and ends with a letter or digit".into()
        );
    }
    Ok(())
}

/// The key of a label or annotation: a name, and a DNS subdomain and `/` before it if need be.
///
/// # Errors
/// What a key must be, to follow “the key of a label”.
pub fn check_label_key(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if let Some(prefix) = prefix {
        check_subdomain(prefix)
            .map_err(|_| "has a lower-case DNS name of at most 253 bytes before its `/`")?;
    }
    if name.is_empty() || name.len() > 63 {
        return Err("has 1 to 63 bytes, behind its `/` if it has one".into());
    }
    if !is_qualified(name) {
        return Err(
            "has letters, digits, `-`, `_` and `.`, and starts and ends with a letter or digit".into()
        );
    }
    Ok(())
}

/// The name of a container's port (RFC 6335, 5.1).
pub(crate) fn check_port_name(name: &str) -> Result<(), String> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 15 {
        return Err("must have 1 to 15 characters".into());
    }
    if !name.bytes().all(known) {
        return Err("must have lower-case letters, digits and `-` only".into());
    }
    if !name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err("must have at least one letter".into());
    }
    if name.contains("--") || name.starts_with('-') || name.ends_with('-') {
        return Err("must not have `--`, nor `-` at its ends".into());
    }
    Ok(())
}
