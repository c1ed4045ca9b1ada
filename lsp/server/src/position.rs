//! Lines and columns of the protocol, which counts columns in units of UTF-8 or UTF-16 as the client wishes.

use tower_lsp::ls_types::{Position, PositionEncodingKind, Range};
use weir_syntax::Span;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    #[default]
    Utf16,
}

impl Encoding {
    /// The best that a client offers.
    pub(crate) fn negotiated(offered: Option<&[PositionEncodingKind]>) -> Self {
        if offered.unwrap_or_default().contains(&PositionEncodingKind::UTF8) {
            Self::Utf8
        } else {
            Self::Utf16
        }
    }

    pub(crate) fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    fn width(self, character: char) -> usize {
        match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
        }
    }
}

/// The lines of one text.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    starts: Vec<u32>,
    is_ascii: bool,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(at, _)| at as u32 + 1));
        Self { starts, is_ascii: text.is_ascii() }
    }

    pub(crate) fn position(&self, text: &str, offset: u32, encoding: Encoding) -> Position {
        let offset = offset.min(text.len() as u32);
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let before = text.get(start as usize..offset as usize).unwrap_or("");
        let character =
            if self.is_ascii { before.len() } else { before.chars().map(|one| encoding.width(one)).sum() };
        Position { line: line as u32, character: character as u32 }
    }

    pub(crate) fn range(&self, text: &str, span: Span, encoding: Encoding) -> Range {
        Range {
            start: self.position(text, span.start, encoding),
            end: self.position(text, span.end, encoding),
        }
    }

    /// The offset of a position; beyond the end of a line is its end, beyond the last line the end of the text.
    pub(crate) fn offset(&self, text: &str, position: Position, encoding: Encoding) -> u32 {
        let Some(start) = self.starts.get(position.line as usize).copied() else { return text.len() as u32 };
        let end = self.starts.get(position.line as usize + 1).copied().unwrap_or(text.len() as u32);
        in_line(text, start, end, position.character, encoding)
    }

    pub(crate) fn span(&self, text: &str, range: Range, encoding: Encoding) -> Span {
        let (start, end) = (self.offset(text, range.start, encoding), self.offset(text, range.end, encoding));
        Span::new(start.min(end), start.max(end))
    }
}

/// The offset of a column in the line from `start` to `end`; one inside of a character is its beginning.
fn in_line(text: &str, start: u32, end: u32, column: u32, encoding: Encoding) -> u32 {
    let line = text.get(start as usize..end as usize).unwrap_or("");
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let mut units = 0;
    for (at, character) in line.char_indices() {
        units += encoding.width(character);
        if units > column as usize {
            return start + at as u32;
        }
    }
    start + line.len() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_the_units_that_were_agreed() {
        let text = "a\u{1F600}b\u{e4}\r\nx";
        let lines = Lines::new(text);
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            for (at, _) in text.char_indices().filter(|(_, one)| !matches!(one, '\r' | '\n')) {
                let position = lines.position(text, at as u32, encoding);
                assert_eq!(lines.offset(text, position, encoding), at as u32, "{encoding:?}");
            }
        }
        assert_eq!(lines.position(text, 5, Encoding::Utf16), Position { line: 0, character: 3 });
        assert_eq!(lines.position(text, 5, Encoding::Utf8), Position { line: 0, character: 5 });
        // inside of a pair of surrogates, behind the line, behind the text
        assert_eq!(lines.offset(text, Position { line: 0, character: 2 }, Encoding::Utf16), 1);
        assert_eq!(lines.offset(text, Position { line: 0, character: 99 }, Encoding::Utf16), 8);
        assert_eq!(
            lines.offset(text, Position { line: 9, character: 0 }, Encoding::Utf16),
            text.len() as u32
        );
    }
}
