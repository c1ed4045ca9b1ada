//! The plant as a picture to click through.

use weir_review::{
    Subject,
    graph::{graph, page},
};

use crate::facts::Job;

/// A package, drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    pub title: String,
    /// An HTML page that needs nothing else. Where it is told to show a source, it dispatches an event `open-source` with
    /// the place, `file:line` from the package's folder.
    pub page: String,
}

impl Job {
    /// Draws the package, as of `now` (seconds since 1970). Nothing, where what it permits is not known for its errors. It
    /// analyzes the whole package.
    pub fn drawing(&self, now: i64) -> Option<Drawing> {
        let survey = weir_compiler::survey(self.sources(), now, None);
        let drawn = graph(&Subject::new("", survey).ok()?);
        Some(Drawing { page: page(&drawn).ok()?, title: drawn.title })
    }
}
