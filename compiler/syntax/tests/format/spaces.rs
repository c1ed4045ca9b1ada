//! White space and comments of all kinds between tokens, drawn from a list of numbers.

use std::fmt::Write;

/// Draws from a list of numbers, so that a failing case shrinks with the list. When it is used up, every choice is the
/// first, which is the simplest.
pub(crate) struct Choices {
    numbers: std::vec::IntoIter<u32>,
}

impl Choices {
    pub(crate) fn new(numbers: Vec<u32>) -> Self {
        Self { numbers: numbers.into_iter() }
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.numbers.next().map_or(0, |number| number as usize % bound)
    }

    pub(crate) fn one_of(&mut self, texts: &[&'static str]) -> &'static str {
        texts[self.below(texts.len())]
    }

    /// True once in `odds`.
    pub(crate) fn rarely(&mut self, odds: usize) -> bool {
        self.below(odds) == odds - 1
    }
}

/// The tokens with something between each two, where they would not stay two with nothing.
pub(crate) fn render(tokens: &[&str], choices: &mut Choices) -> String {
    let mut out = String::new();
    let mut previous = "";
    let mut comment = 0;
    for token in tokens.iter().copied().chain([""]) {
        for _ in 0..=choices.below(3) {
            match choices.below(24) {
                0..6 => out.push(' '),
                6..10 if joins(previous, token) => {}
                6..10 => out.push_str("  "),
                10..15 => out.push('\n'),
                15 => out.push_str("\r\n\r\n\t"),
                16 => out.push_str("\n\n\n\n"),
                17 => out.push('\t'),
                18 => out.push('\u{feff}'),
                19..23 => {
                    let marker = ["//", "// ", "/// ", "//! ", "////"][choices.below(5)];
                    let end = ["\n", "  \t\r\n", " ünï \n\n"][choices.below(3)];
                    let apart = if out.ends_with('/') { " " } else { "" };
                    let _ = write!(out, "{apart}{marker}c{comment}{end}");
                    comment += 1;
                }
                _ => out.push_str("\n    "),
            }
        }
        out.push_str(token);
        previous = token;
    }
    out
}

/// Whether two tokens stay two with nothing between them.
fn joins(left: &str, right: &str) -> bool {
    let punctuation =
        |token: &str| matches!(token, "{" | "}" | "[" | "]" | "(" | ")" | "," | "=" | "|" | "&" | "*");
    let address =
        left.starts_with(|first: char| first.is_ascii_digit() || first == ':') || left.contains(':');
    punctuation(left)
        || punctuation(right)
        || matches!(left, "." | ".." | "/")
        || matches!(right, "." | "..")
        || (right == "/" && !address)
}
