//! The characters of a script. Nothing is allocated, nothing is looked at twice.

/// Letters of names, numbers, addresses and the separators `.` and `:`.
const WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b':' | b'@' | b'-');
        byte += 1;
    }
    table
};

pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    pub(crate) line: u32,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, line: 1 }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(crate) fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// Skips to the next thing, over lines and comments.
    pub(crate) fn lines(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\n') => {
                    self.at += 1;
                    self.line += 1;
                }
                Some(b'#') => self.comment(),
                _ => return,
            }
        }
    }

    fn comment(&mut self) {
        while self.peek().is_some_and(|b| b != b'\n') {
            self.at += 1;
        }
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Takes a character if it comes next.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// The next word on this line; empty if there is none.
    #[inline]
    pub(crate) fn word(&mut self) -> &'a [u8] {
        self.blanks();
        let from = self.at;
        while self.text.get(self.at).is_some_and(|b| WORD[usize::from(*b)]) {
            self.at += 1;
        }
        &self.text[from..self.at]
    }

    /// The next word, left where it is.
    pub(crate) fn ahead(&mut self) -> &'a [u8] {
        self.blanks();
        let from = self.at;
        let word = self.word();
        self.at = from;
        word
    }

    /// Takes a word if it comes next.
    pub(crate) fn take_word(&mut self, word: &[u8]) -> bool {
        self.blanks();
        let from = self.at;
        if self.word() == word {
            return true;
        }
        self.at = from;
        false
    }

    /// The next operator: of `=`, `!`, `<`, `>`, `&`.
    pub(crate) fn operator(&mut self) -> &'a [u8] {
        self.blanks();
        let from = self.at;
        while self.peek().is_some_and(|b| matches!(b, b'=' | b'!' | b'<' | b'>' | b'&')) {
            self.at += 1;
        }
        &self.text[from..self.at]
    }

    /// A quoted string on this line. nft knows no escapes.
    pub(crate) fn string(&mut self) -> Option<&'a [u8]> {
        self.blanks();
        if !self.take(b'"') {
            return None;
        }
        let from = self.at;
        while let Some(b) = self.peek() {
            match b {
                b'"' => {
                    let string = &self.text[from..self.at];
                    self.at += 1;
                    return Some(string);
                }
                b'\n' | b'\\' => return None,
                _ => self.at += 1,
            }
        }
        None
    }

    /// Whether the statement ends here; a closing brace ends it too.
    pub(crate) fn ends(&mut self) -> bool {
        self.blanks();
        if self.peek() == Some(b'#') {
            self.comment();
        }
        matches!(self.peek(), None | Some(b'\n' | b';' | b'}'))
    }

    /// Where something begins, for [`Self::since`].
    pub(crate) fn here(&mut self) -> usize {
        self.blanks();
        self.at
    }

    /// Some of what comes next, for a message.
    pub(crate) fn rest(&self) -> String {
        self.since(self.at)
    }

    /// Some of what stands at a position, for a message.
    pub(crate) fn since(&self, from: usize) -> String {
        let line = self.text[from.min(self.text.len())..].split(|b| *b == b'\n').next().unwrap_or_default();
        let mut text: String = String::from_utf8_lossy(line).chars().take(40).collect();
        if text.is_empty() {
            text.push_str(if from >= self.text.len() {
                "the end of the file"
            } else {
                "the end of the line"
            });
            return text;
        }
        format!("`{}`", text.escape_debug())
    }
}
