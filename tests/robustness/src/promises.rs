//! What holds for every diagnostic of every package.

use weir_compiler::Sources;
use weir_syntax::{Diagnostic, diagnostic::codes};

/// Code, place, message and help of one diagnostic.
pub fn check(diagnostic: &Diagnostic, sources: &Sources) -> Result<(), String> {
    let broken = |what: &str| Err(format!("{what}: {diagnostic:?}"));
    if !codes::ALL.iter().any(|code| std::ptr::eq(*code, diagnostic.code)) {
        return broken("a code that is not in the table");
    }
    if diagnostic.message.trim().is_empty() {
        return broken("no message");
    }
    if diagnostic.help.as_deref().is_none_or(|help| help.trim().is_empty()) {
        return broken("no help");
    }
    match diagnostic.labels.first() {
        None => return broken("no label"),
        Some(first) if !first.primary => return broken("the first label is not primary"),
        Some(_) => {}
    }
    for label in &diagnostic.labels {
        let Some(source) = sources.file(label.file) else { return broken("a label in no file") };
        let range = label.span.range();
        if range.start > range.end || source.text.get(range).is_none() {
            return broken("a span that is no part of its file's text");
        }
    }
    for fix in &diagnostic.fixes {
        if fix.title.trim().is_empty() || fix.edits.is_empty() {
            return broken("a fix that says or changes nothing");
        }
        let mut edits: Vec<_> = fix.edits.iter().collect();
        edits.sort_unstable();
        for (index, edit) in edits.iter().enumerate() {
            let Some(source) = sources.file(edit.file) else { return broken("a fix in no file") };
            if source.is_standard() || source.text.get(edit.span.range()).is_none() {
                return broken("a fix of what is no part of the package's texts");
            }
            let next = edits.get(index + 1).filter(|next| next.file == edit.file);
            if next.is_some_and(|next| next.span.start < edit.span.end || next == edit) {
                return broken("a fix whose edits overlap");
            }
        }
    }
    let texts = diagnostic.labels.iter().map(|label| &label.message);
    for text in texts.chain([&diagnostic.message]).chain(&diagnostic.notes).chain(&diagnostic.help) {
        if text.len() > 4096 {
            return broken("a text that nobody can read");
        }
    }
    Ok(())
}

/// The text under the primary span.
pub fn place<'a>(diagnostic: &Diagnostic, sources: &'a Sources) -> &'a str {
    let primary = diagnostic.labels.first();
    primary
        .and_then(|label| sources.file(label.file).map(|source| label.span.of(&source.text)))
        .unwrap_or_default()
}
