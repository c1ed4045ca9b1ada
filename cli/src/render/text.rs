//! Foreign text on a terminal: nothing in it may move the cursor, hide itself or turn the line around.

use std::fmt::Write as _;

/// Longer messages are cut: names may be thousands of characters long.
const MAX_MESSAGE: usize = 2000;

/// One line of text, with every character to be seen.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(4 * MAX_MESSAGE));
    for (count, character) in text.chars().enumerate() {
        if count == MAX_MESSAGE {
            out.push('…');
            break;
        }
        push_visible(&mut out, character);
    }
    out
}

/// As [`visible`], with line ends kept.
pub(crate) fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// Adds a character or, if it cannot be shown, what stands for it.
pub(crate) fn push_visible(out: &mut String, character: char) {
    match character {
        '\t' => out.push_str("    "),
        '\u{0}'..='\u{1f}' => out.push(char::from_u32(0x2400 + character as u32).unwrap_or('?')),
        '\u{7f}' => out.push('\u{2421}'),
        _ if is_hidden(character) => {
            // Writing into a String does not fail.
            let _ = write!(out, "<U+{:04X}>", character as u32);
        }
        _ => out.push(character),
    }
}

/// Characters that show nothing, or change how others are shown.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{80}'..='\u{9f}'                  // C1 controls
        | '\u{ad}'                           // soft hyphen
        | '\u{61c}'                          // Arabic letter mark
        | '\u{180e}'                         // Mongolian vowel separator
        | '\u{200b}'..='\u{200f}'            // zero width, left-to-right and right-to-left marks
        | '\u{2028}'..='\u{202e}'            // line and paragraph separators, embeddings and overrides
        | '\u{2060}'..='\u{206f}'            // word joiner, isolates, deprecated format characters
        | '\u{fe00}'..='\u{fe0f}'            // variation selectors
        | '\u{feff}'                         // byte order mark
        | '\u{fff9}'..='\u{fffb}'            // interlinear annotation
        | '\u{e0000}'..='\u{e0fff}'          // tags and more variation selectors
    )
}

/// The nearest offset at or before this one that does not cut a character or lie outside of the text.
pub(crate) fn floor(text: &str, offset: u32) -> u32 {
    text.floor_char_boundary(offset as usize) as u32
}

/// `1 error`, `2 errors`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides() {
        assert_eq!(visible("a\x1b[31mb\r\n\x07"), "a␛[31mb␍␊␇");
        assert_eq!(visible("if \u{202e}x\u{2069}"), "if <U+202E>x<U+2069>");
        assert_eq!(visible("\u{9b}1m\u{7f}"), "<U+009B>1m␡");
        assert_eq!(visible("Köln 東京"), "Köln 東京");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(visible(&"x".repeat(10_000)).chars().count(), MAX_MESSAGE + 1);
    }

    #[test]
    fn offsets_fall_back_to_characters() {
        assert_eq!((floor("aü", 2), floor("aü", 99), floor("", 5)), (1, 3, 0));
    }
}
