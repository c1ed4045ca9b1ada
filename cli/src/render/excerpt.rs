//! The lines of a file that a diagnostic shows: safe for a terminal, long ones cut around what is marked.

use std::{collections::BTreeMap, ops::Range};

use codespan_reporting::files;
use weir_syntax::text::{LineColumn, LineIndex};

use super::text;

/// Characters of a line that are shown before and after the place that is marked first.
const BEFORE: usize = 60;
const AFTER: usize = 140;
/// A span over more lines is shown by its first one.
const MAX_LINES: usize = 12;

/// What is shown of one file. Offsets in it are its own: [`Excerpt::mark`] translates.
pub(crate) struct Excerpt<'a> {
    name: String,
    source: &'a str,
    lines: &'a LineIndex,
    text: String,
    shown: Vec<Line>,
    /// By offset in `text`: the place in the file.
    places: BTreeMap<usize, LineColumn>,
}

struct Line {
    /// In the file, from 0.
    index: usize,
    /// In [`Excerpt::text`].
    range: Range<usize>,
    /// (offset in the file, offset in [`Excerpt::text`]) of every character shown, and of the end.
    map: Vec<(u32, usize)>,
}

impl<'a> Excerpt<'a> {
    /// The excerpt that shows these spans; the first is what long lines are cut around.
    pub(crate) fn new(name: String, source: &'a str, lines: &'a LineIndex, spans: &[Range<u32>]) -> Self {
        let mut excerpt =
            Self { name, source, lines, text: String::new(), shown: Vec::new(), places: BTreeMap::new() };
        let mut anchors: BTreeMap<usize, u32> = BTreeMap::new();
        for span in spans {
            let span = excerpt.clip(span);
            let (first, last) = (lines.line(span.start), lines.line(span.end));
            for line in first..=last {
                let start = lines.line_start(line).unwrap_or(0);
                anchors.entry(line).or_insert(if line == first { span.start } else { start });
            }
        }
        // A single line between two others is shown, too, as it takes no more room than a mark for the gap.
        let between: Vec<usize> = anchors
            .keys()
            .zip(anchors.keys().skip(1))
            .filter(|(a, b)| **b == **a + 2)
            .map(|(a, _)| a + 1)
            .collect();
        for line in between {
            anchors.insert(line, lines.line_start(line).unwrap_or(0));
        }
        for (line, anchor) in anchors {
            excerpt.show(line, anchor);
        }
        excerpt
    }

    /// The excerpt's range for a span of the file.
    pub(crate) fn mark(&mut self, span: &Range<u32>) -> Range<usize> {
        let span = self.clip(span);
        let range = self.translate(span.start)..self.translate(span.end);
        self.places.insert(range.start, self.lines.line_column(self.source, span.start));
        range.start..range.end.max(range.start)
    }

    /// Inside of the text, on character boundaries, and not over too many lines.
    fn clip(&self, span: &Range<u32>) -> Range<u32> {
        let start = text::floor(self.source, span.start);
        let end = text::floor(self.source, span.end).max(start);
        let first = self.lines.line(start);
        if self.lines.line(end) - first < MAX_LINES {
            return start..end;
        }
        start..self.line_range(first).end as u32
    }

    /// A line of the file without its line end.
    fn line_range(&self, line: usize) -> Range<usize> {
        let start = self.lines.line_start(line).unwrap_or(0) as usize;
        let next = self.lines.line_start(line + 1).map_or(self.source.len(), |next| next as usize);
        let line = self.source.get(start..next).unwrap_or("");
        start..start + line.trim_end_matches(['\n', '\r']).len()
    }

    fn show(&mut self, index: usize, anchor: u32) {
        let whole = self.line_range(index);
        let anchor = (anchor as usize).clamp(whole.start, whole.end);
        let (before, after) = (&self.source[whole.start..anchor], &self.source[anchor..whole.end]);
        let from =
            before.char_indices().rev().nth(BEFORE - 1).map_or(whole.start, |(at, _)| whole.start + at);
        let to = after.char_indices().nth(AFTER).map_or(whole.end, |(at, _)| anchor + at);
        let start = self.text.len();
        if from > whole.start {
            self.text.push('…');
        }
        let mut map = Vec::with_capacity(to - from + 1);
        for (at, character) in self.source[from..to].char_indices() {
            map.push(((from + at) as u32, self.text.len()));
            text::push_visible(&mut self.text, character);
        }
        map.push((to as u32, self.text.len()));
        if to < whole.end {
            self.text.push('…');
        }
        self.text.push('\n');
        self.shown.push(Line { index, range: start..self.text.len(), map });
    }

    fn translate(&self, offset: u32) -> usize {
        let index = self.lines.line(offset);
        let Ok(at) = self.shown.binary_search_by_key(&index, |line| line.index) else { return 0 };
        let map = &self.shown[at].map;
        let at = map.partition_point(|(file, _)| *file < offset).min(map.len() - 1);
        map[at].1
    }
}

/// All excerpts of one diagnostic; a file's id is its index.
pub(crate) struct Excerpts<'a>(pub(crate) Vec<Excerpt<'a>>);

impl Excerpts<'_> {
    fn get(&self, id: usize) -> Result<&Excerpt<'_>, files::Error> {
        self.0.get(id).ok_or(files::Error::FileMissing)
    }
}

impl<'f> files::Files<'f> for Excerpts<'_> {
    type FileId = usize;
    type Name = &'f str;
    type Source = &'f str;

    fn name(&'f self, id: usize) -> Result<&'f str, files::Error> {
        Ok(&self.get(id)?.name)
    }

    fn source(&'f self, id: usize) -> Result<&'f str, files::Error> {
        Ok(&self.get(id)?.text)
    }

    fn line_index(&'f self, id: usize, byte: usize) -> Result<usize, files::Error> {
        let shown = &self.get(id)?.shown;
        let at = shown.partition_point(|line| line.range.start <= byte).saturating_sub(1);
        Ok(shown.get(at).map_or(0, |line| line.index))
    }

    fn line_range(&'f self, id: usize, line_index: usize) -> Result<Range<usize>, files::Error> {
        let shown = &self.get(id)?.shown;
        let at = shown.binary_search_by_key(&line_index, |line| line.index);
        Ok(at.map_or(0..0, |at| shown[at].range.clone()))
    }

    fn location(&'f self, id: usize, byte: usize) -> Result<files::Location, files::Error> {
        let place = self.get(id)?.places.get(&byte);
        let place = place.copied().unwrap_or(LineColumn { line: 1, column: 1 });
        Ok(files::Location { line_number: place.line as usize, column_number: place.column as usize })
    }
}
