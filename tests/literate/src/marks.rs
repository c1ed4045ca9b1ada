//! Marks: what the compiler has to say, written where it has to say it.

use weir_syntax::Severity;

/// One expected diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub severity: Severity,
    pub code: String,
    /// A part of the message.
    pub message: Option<String>,
    /// Line of the file, from 0.
    pub line: usize,
}

const WORDS: &[(&str, Severity, usize)] = &[
    ("error:", Severity::Error, 0),
    ("warning:", Severity::Warning, 0),
    ("error-below:", Severity::Error, 1),
    ("warning-below:", Severity::Warning, 1),
];

/// The marks of a text. `comment` starts a comment: `//`, in a manifest `#`.
pub fn marks(text: &str, comment: &str) -> Vec<Mark> {
    let mut marks = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for (start, _) in line.match_indices(comment) {
            let said = line[start + comment.len()..].trim_start();
            if let Some(found) = of_comment(said, number) {
                marks.extend(found);
                break;
            }
        }
    }
    marks
}

/// `error: E0202 "part of the message", warning: W0505`
fn of_comment(mut said: &str, number: usize) -> Option<Vec<Mark>> {
    let mut marks = Vec::new();
    loop {
        let (word, severity, below) = *WORDS.iter().find(|(word, ..)| said.starts_with(word))?;
        said = said[word.len()..].trim_start();
        let end = said.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(said.len());
        let (code, rest) = said.split_at(end);
        if code.is_empty() {
            return None;
        }
        said = rest.trim_start();
        let mut message = None;
        if let Some(quoted) = said.strip_prefix('"') {
            let (inner, rest) = quoted.split_once('"')?;
            message = Some(inner.to_owned());
            said = rest.trim_start();
        }
        marks.push(Mark { severity, code: code.to_owned(), message, line: number + below });
        match said.strip_prefix(',') {
            Some(rest) => said = rest.trim_start(),
            None => return Some(marks),
        }
    }
}
