//! Tables as spreadsheets write them (RFC 4180), with the span of each cell: a byte order mark, `;` or tabs between cells, quotes
//! with line ends in them.

use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};

/// A table: its first row names the columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) header: Vec<Cell>,
    /// Each as long as the header.
    pub(crate) rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Without quotes and the white space around it.
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// What may stand between cells.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Reads a table; `separator` is found out, if it is not given.
///
/// # Errors
/// The first place that does not fit.
pub(crate) fn table(file: FileId, text: &str, separator: Option<u8>) -> Result<Table, Box<Diagnostic>> {
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut separator = separator;
    // Excel's own hint, which others write as well
    let first = text[at..].lines().next().unwrap_or("");
    if let Some(hint) = first.strip_prefix("sep=").filter(|hint| hint.len() == 1) {
        separator = separator.or(Some(hint.as_bytes()[0]));
        at += first.len();
    }
    let separator = separator.unwrap_or_else(|| guess(&text[at..]));
    let mut parser = Parser { file, text, at, separator };
    let mut table = Table::default();
    while let Some(row) = parser.row()? {
        if row.iter().all(|cell| cell.text.is_empty()) {
            continue;
        }
        if table.header.is_empty() {
            table.header = row;
            continue;
        }
        table.rows.push(parser.fitted(row, &table.header)?);
    }
    if table.header.is_empty() {
        return Err(parser.refuse(
            Span::default(),
            "the table is empty".into(),
            "its first row has to name the columns",
        ));
    }
    Ok(table)
}

/// The separator that stands most often in the first row, outside of quotes.
fn guess(text: &str) -> u8 {
    let mut counts = [0_usize; SEPARATORS.len()];
    let mut quoted = false;
    for byte in text.trim_start().bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            byte => {
                if let Some(found) = SEPARATORS.iter().position(|separator| *separator == byte) {
                    counts[found] += 1;
                }
            }
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let found = counts.iter().position(|count| *count == most && most > 0).unwrap_or(0);
    SEPARATORS[found]
}

struct Parser<'t> {
    file: FileId,
    text: &'t str,
    at: usize,
    separator: u8,
}

impl Parser<'_> {
    fn refuse(&self, span: Span, message: String, help: &str) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::new(&codes::E0415, message).primary(self.file, span, "cannot be read").help(help),
        )
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The cells of the next row; nothing at the end.
    fn row(&mut self) -> Result<Option<Vec<Cell>>, Box<Diagnostic>> {
        if self.at >= self.text.len() {
            return Ok(None);
        }
        let mut row = Vec::new();
        loop {
            row.push(if self.peek() == Some(b'"') { self.quoted()? } else { self.plain() });
            match self.peek() {
                Some(byte) if byte == self.separator => self.at += 1,
                Some(b'\r') if self.text.as_bytes().get(self.at + 1) == Some(&b'\n') => {
                    self.at += 2;
                    return Ok(Some(row));
                }
                Some(_) => {
                    self.at += 1;
                    return Ok(Some(row));
                }
                None => return Ok(Some(row)),
            }
        }
    }

    fn plain(&mut self) -> Cell {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte != self.separator && byte != b'\n' && byte != b'\r') {
            self.at += 1;
        }
        let text = self.text.get(start..self.at).unwrap_or("");
        let skipped = text.len() - text.trim_start().len();
        let text = text.trim();
        let start = (start + skipped) as u32;
        Cell { text: text.into(), span: Span::new(start, start + text.len() as u32) }
    }

    fn quoted(&mut self) -> Result<Cell, Box<Diagnostic>> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or("");
            let Some(end) = rest.find('"') else {
                return Err(self.refuse(
                    Span::new(start as u32, start as u32 + 1),
                    "a quote is not closed".into(),
                    "close it with `\"`; a quote inside of quotes is written twice; if the file is cut off, fetch it again",
                ));
            };
            text.push_str(&rest[..end]);
            self.at += end + 1;
            if self.peek() != Some(b'"') {
                break;
            }
            text.push('"');
            self.at += 1;
        }
        let span = Span::new(start as u32, self.at as u32);
        while self.peek() == Some(b' ') && self.separator != b' ' {
            self.at += 1;
        }
        match self.peek() {
            None | Some(b'\n' | b'\r') => {}
            Some(byte) if byte == self.separator => {}
            Some(_) => {
                let next =
                    self.text.get(self.at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
                return Err(self.refuse(
                    Span::new(self.at as u32, (self.at + next) as u32),
                    "something follows the closing quote of a cell".into(),
                    "a quote inside of quotes is written twice: `\"\"`",
                ));
            }
        }
        Ok(Cell { text: text.trim().into(), span })
    }

    /// A row as long as the header: spreadsheets leave out empty cells at the end, and add some.
    fn fitted(&self, mut row: Vec<Cell>, header: &[Cell]) -> Result<Vec<Cell>, Box<Diagnostic>> {
        let (first, last) = match (row.first(), row.last()) {
            (Some(first), Some(last)) => (first.span, last.span),
            _ => return Ok(row),
        };
        if let Some(more) =
            row.get(header.len()..).and_then(|more| more.iter().find(|cell| !cell.text.is_empty()))
        {
            return Err(self.refuse(
                more.span,
                format!("the row has more cells than the {} columns of the table", header.len()),
                "put cells that hold the separator into quotes, or name the column in the first row",
            ));
        }
        if row.len() < header.len() {
            return Err(self.refuse(
                first.to(last),
                format!("the row has {} of the {} cells of the table", row.len(), header.len()),
                "write all cells, empty ones too; a text with line ends in it has to be quoted",
            ));
        }
        row.truncate(header.len());
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read(text: &str) -> Vec<Vec<String>> {
        let table = table(FileId(0), text, None).unwrap();
        let texts = |row: &Vec<Cell>| row.iter().map(|cell| cell.text.clone()).collect();
        std::iter::once(&table.header).chain(&table.rows).map(texts).collect()
    }

    #[test]
    fn as_spreadsheets_write_it() {
        assert_eq!(read("a,b\n1,2\n"), [["a", "b"], ["1", "2"]]);
        assert_eq!(read("\u{feff}a;b\r\n\"1;\"\"x\"\"\";2,5"), [["a", "b"], ["1;\"x\"", "2,5"]]);
        assert_eq!(read("sep=;\r\na;b\r\n1;2\r\n"), [["a", "b"], ["1", "2"]]);
        assert_eq!(read("a\tb\n\"x\ny\" \t 2 \n\t\n"), [["a", "b"], ["x\ny", "2"]]);
        assert_eq!(read("a,b\n1,2,,\n"), [["a", "b"], ["1", "2"]]);
    }

    #[test]
    fn what_does_not_fit_is_said_where_it_is() {
        for (text, start) in
            [("a,b\n\"1,2\n", 4), ("a,b\n\"1\"x,2\n", 7), ("a,b\n1,2,3\n", 8), ("a,b\n1\n", 4), ("\n\n", 0)]
        {
            let error = table(FileId(0), text, None).unwrap_err();
            assert_eq!(error.labels[0].span.start, start, "{text:?}: {}", error.message);
        }
    }
}
