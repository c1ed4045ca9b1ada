//! Rows in columns, and times in words.

use serde::Serialize;

/// A table with a heading for each column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Table {
    pub headings: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { headings: headings.map(str::to_owned).into(), rows: Vec::new() }
    }

    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Columns as wide as their longest cell, the last as it is.
    pub fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).chain(self.headings.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        let mut out = String::new();
        for row in std::iter::once(&self.headings).chain(&self.rows) {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                line.push_str(cell);
                if column + 1 < row.len() {
                    let pad = widths.get(column).map_or(0, |width| width - cell.chars().count());
                    line.push_str(&" ".repeat(pad + 2));
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// As a table of Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| markdown(cell)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut out = line(&self.headings);
        out.push_str(&format!("|{}\n", " --- |".repeat(self.headings.len())));
        self.rows.iter().for_each(|row| out.push_str(&line(row)));
        out
    }
}

/// Foreign text inside of a cell or a paragraph of Markdown: nothing in it is markup.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '~' | '#' | '!' => {
                out.push('\\');
                out.push(character);
            }
            // a name is no mention and no link
            '@' => out.push_str("&#64;"),
            _ if character.is_control() => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

/// Prose of ours that quotes foreign text in backticks, inside of a cell.
pub(crate) fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return markdown(text); // some foreign text has a backtick of its own
    }
    let part = |(index, part): (usize, &&str)| {
        if index.is_multiple_of(2) { markdown(part) } else { code_cell(part) }
    };
    parts.iter().enumerate().map(part).collect()
}

/// Foreign text as Markdown code, inside of a table's cell.
pub(crate) fn code_cell(text: &str) -> String {
    weir_targets::code(text).replace('|', "\\|")
}

/// Foreign text inside of HTML or SVG, in content or in a quoted attribute.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(character),
            _ if character.is_control() => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

/// A second since 1970 as a date and a time: `2026-11-05T18:00Z`.
pub(crate) fn time(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) if seconds % 60 == 0 => time.strftime("%Y-%m-%dT%H:%MZ").to_string(),
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => format!("{seconds} s after 1970"),
    }
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times() {
        assert_eq!(time(0), "1970-01-01T00:00Z");
        assert_eq!(time(951_782_400), "2000-02-29T00:00Z");
        assert_eq!(time(951_782_401), "2000-02-29T00:00:01Z");
        assert_eq!(time(1_793_889_600), "2026-11-05T14:40Z");
        assert_eq!(time(-60), "1969-12-31T23:59Z");
    }
}
