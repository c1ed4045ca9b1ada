//! Packages on disk: which files belong to one, read with all that may go wrong. What the command and the language
//! server share.

pub mod load;
pub mod walk;

use std::io;

/// An I/O error in words, without the number that the standard library adds.
pub fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
