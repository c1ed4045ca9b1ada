//! The formatter as edits: as few and as small as the changed lines, so that cursors and marks stay.

use weir_syntax::{FileId, Span, format::format};

use crate::host::Ide;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextEdit {
    pub span: Span,
    pub text: String,
}

impl Ide {
    /// The edits that lay a file out; none where it has syntax errors.
    pub fn format(&self, file: FileId) -> Vec<TextEdit> {
        let Some(text) = self
            .text(file)
            .filter(|_| self.path(file).is_some_and(|path| path.strip_suffix(".weir").is_some()))
        else {
            return Vec::new();
        };
        format(text).map(|formatted| changes(text, &formatted)).unwrap_or_default()
    }

    /// Those of them that touch a span.
    pub fn format_range(&self, file: FileId, within: Span) -> Vec<TextEdit> {
        let mut edits = self.format(file);
        edits.retain(|edit| edit.span.start <= within.end && within.start <= edit.span.end);
        edits
    }

    /// Behind a typed `}` or line end: lays out the item that ends there.
    pub fn format_typed(&self, file: FileId, offset: u32) -> Vec<TextEdit> {
        let Some(tree) = self.tree(file) else { return Vec::new() };
        let item = tree.items.iter().find(|item| item.span.start < offset && offset <= item.span.end + 1);
        let Some(item) = item else { return Vec::new() };
        let (start, end) = (item.span.start, item.span.end.min(offset));
        let mut edits = self.format_range(file, Span::new(start, end));
        // what is being typed stays
        edits.retain(|edit| edit.span.end <= offset && edit.span.start >= start);
        edits
    }
}

/// Lines that differ, as edits. Runs of lines between them stay; the search for them is linear, by lines that are unique.
fn changes(before: &str, after: &str) -> Vec<TextEdit> {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let mut starts: Vec<u32> = Vec::with_capacity(old.len() + 1);
    let mut at = 0_u32;
    for line in &old {
        starts.push(at);
        at += line.len() as u32;
    }
    starts.push(at);
    let mut edits = Vec::new();
    let (mut left, mut right) = (0, 0);
    while left < old.len() || right < new.len() {
        if old.get(left).is_some() && old.get(left) == new.get(right) {
            left += 1;
            right += 1;
            continue;
        }
        let (skip_left, skip_right) = next_common(&old[left..], &new[right..]);
        let span = Span::new(starts[left], starts[left + skip_left]);
        edits.push(TextEdit { span, text: new[right..right + skip_right].concat() });
        left += skip_left;
        right += skip_right;
    }
    edits
}

/// Lines to look ahead for the next that both have.
const AHEAD: usize = 64;

/// How many lines of each side go until both are at the same line again.
fn next_common(old: &[&str], new: &[&str]) -> (usize, usize) {
    let (most_old, most_new) = (old.len().min(AHEAD), new.len().min(AHEAD));
    for distance in 1..most_old + most_new {
        for (left, line) in old.iter().enumerate().take(most_old.min(distance + 1)) {
            // a blank line says nothing about where the texts meet
            if new.get(distance - left) == Some(line) && !line.trim().is_empty() {
                return (left, distance - left);
            }
        }
    }
    (old.len(), new.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn apply(before: &str, edits: &[TextEdit]) -> String {
        let mut text = before.to_owned();
        for edit in edits.iter().rev() {
            text.replace_range(edit.span.range(), &edit.text);
        }
        text
    }

    #[test]
    fn the_changes_make_the_formatted_text_and_leave_other_lines_alone() {
        let before = "zone a { }\nzone b {purdue=1}\nzone c {}\n\n\n\nzone d {\npurdue = 1\n}\n";
        let after = format(before).unwrap();
        let edits = changes(before, &after);
        assert_eq!(apply(before, &edits), after);
        assert!(edits.iter().all(|edit| !edit.span.of(before).contains("zone c")), "{edits:?}");
        assert_eq!(changes(&after, &after), []);
    }
}
