//! What editors have open: texts that count instead of those on disk.

use std::sync::Arc;

use tower_lsp::ls_types::{TextDocumentContentChangeEvent, Uri};

use crate::position::{Encoding, Lines};

#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// As the client spells it.
    pub(crate) uri: Uri,
    pub(crate) version: i32,
    pub(crate) text: Arc<str>,
}

impl Document {
    /// Applies changes in their order, each to the text that the one before left. A change without a range is the text.
    pub(crate) fn change(
        &mut self,
        changes: Vec<TextDocumentContentChangeEvent>,
        version: i32,
        encoding: Encoding,
    ) {
        let mut text = String::from(&*self.text);
        for change in changes {
            match change.range {
                None => text = change.text,
                Some(range) => {
                    let span = Lines::new(&text).span(&text, range, encoding);
                    text.replace_range(span.range(), &change.text);
                }
            }
        }
        self.text = text.into();
        self.version = version;
    }
}
