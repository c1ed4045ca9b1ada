//! A package at one moment, with the client's way of naming places in it.

use std::{cell::RefCell, path::PathBuf, sync::Arc};

use rustc_hash::FxHashMap;
use tower_lsp::ls_types::{Location, Position, Range, TextEdit, Uri, WorkspaceEdit};
use weir_ide::Ide;
use weir_syntax::{Edit, FileId, Span};

use crate::{
    configuration::Configuration,
    places::{Place, Places},
    position::{Encoding, Lines},
};

#[derive(Debug)]
pub(crate) struct View {
    pub(crate) ide: Ide,
    pub(crate) places: Places,
    pub(crate) encoding: Encoding,
    pub(crate) configuration: Arc<Configuration>,
    /// The package's folder, as URIs of artifacts name it.
    pub(crate) label: String,
    /// Counts what the writer did: of two views, the one with the higher number is newer.
    pub(crate) number: u64,
    pub(crate) standalone: bool,
    lines: RefCell<FxHashMap<FileId, Arc<Lines>>>,
}

impl View {
    pub(crate) fn new(
        ide: Ide,
        places: Places,
        encoding: Encoding,
        configuration: Arc<Configuration>,
        label: String,
        number: u64,
        standalone: bool,
    ) -> Self {
        Self { ide, places, encoding, configuration, label, number, standalone, lines: RefCell::default() }
    }

    /// The file that a URI names, if it is one of this package or of the library.
    pub(crate) fn file(&self, uri: &Uri) -> Option<FileId> {
        match Place::of(uri) {
            Place::Disk(path) => self.ide.find(&self.path_below(&path)?),
            Place::Standard(path) => self.ide.find(&path),
            Place::Loose(_) => self.ide.find(crate::writer::LOOSE),
            Place::Artifact(..) => None,
        }
    }

    fn path_below(&self, path: &std::path::Path) -> Option<String> {
        below(self.places.root.as_ref()?, path)
    }

    fn lines(&self, file: FileId) -> Arc<Lines> {
        let mut known = self.lines.borrow_mut();
        let made = || Arc::new(Lines::new(self.ide.text(file).map_or("", |text| text)));
        known.entry(file).or_insert_with(made).clone()
    }

    pub(crate) fn uri(&self, file: FileId) -> Option<Uri> {
        self.places.uri(self.ide.path(file)?, self.ide.text(file)?)
    }

    pub(crate) fn range(&self, file: FileId, span: Span) -> Range {
        let text = self.ide.text(file).map_or("", |text| text);
        self.lines(file).range(text, span, self.encoding)
    }

    pub(crate) fn position(&self, file: FileId, offset: u32) -> Position {
        let text = self.ide.text(file).map_or("", |text| text);
        self.lines(file).position(text, offset, self.encoding)
    }

    pub(crate) fn offset(&self, file: FileId, position: Position) -> u32 {
        let text = self.ide.text(file).map_or("", |text| text);
        self.lines(file).offset(text, position, self.encoding)
    }

    pub(crate) fn span(&self, file: FileId, range: Range) -> Span {
        let text = self.ide.text(file).map_or("", |text| text);
        self.lines(file).span(text, range, self.encoding)
    }

    pub(crate) fn location(&self, file: FileId, span: Span) -> Option<Location> {
        Some(Location { uri: self.uri(file)?, range: self.range(file, span) })
    }

    /// Edits of the package as the client takes them; those of the library are left out: its files are not the user's.
    pub(crate) fn workspace_edit(&self, edits: &[Edit]) -> WorkspaceEdit {
        let mut by_file: Vec<(Uri, Vec<TextEdit>)> = Vec::new();
        let mut edits: Vec<&Edit> = edits.iter().filter(|edit| !self.ide.is_standard(edit.file)).collect();
        edits.sort();
        let mut last = None;
        for edit in edits {
            let change = TextEdit { range: self.range(edit.file, edit.span), new_text: edit.text.clone() };
            match by_file.last_mut().filter(|_| last == Some(edit.file)) {
                Some((_, changes)) => changes.push(change),
                None => {
                    let Some(uri) = self.uri(edit.file) else { continue };
                    last = Some(edit.file);
                    by_file.push((uri, vec![change]));
                }
            }
        }
        WorkspaceEdit { changes: Some(by_file.into_iter().collect()), ..WorkspaceEdit::default() }
    }
}

/// The path of a file from a folder, `/` between parts.
pub(crate) fn below(root: &PathBuf, path: &std::path::Path) -> Option<String> {
    let parts: Vec<String> = path
        .strip_prefix(root)
        .ok()?
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    Some(parts.join("/"))
}
