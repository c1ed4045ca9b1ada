//! The day on which exceptions are judged.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970; of `SOURCE_DATE_EPOCH`, where it is set, as the command has it.
pub(crate) fn now_in_seconds() -> i64 {
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
    fixed.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
    })
}
