//! One file while it grows: what it says of itself, what it uses, its declarations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::services::Service;

/// Declarations of one file, about.
pub(crate) const PER_FILE: u32 = 1000;
/// Columns of a line.
const WIDTH: usize = 100;

#[derive(Default)]
pub(crate) struct FileText {
    about: String,
    uses: BTreeMap<String, BTreeSet<String>>,
    body: String,
}

impl FileText {
    pub(crate) fn new(about: impl Into<String>) -> Self {
        Self { about: about.into(), ..Self::default() }
    }

    pub(crate) fn uses(&mut self, module: &str, name: &str) {
        if !self.uses.get(module).is_some_and(|names| names.contains(name)) {
            self.uses.entry(module.into()).or_default().insert(name.into());
        }
    }

    /// The name of a protocol, brought in where it is one of the library's.
    pub(crate) fn service(&mut self, service: Service) -> &'static str {
        if let Some(module) = service.module() {
            self.uses(module, service.name());
        }
        service.name()
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.body.push_str(text);
    }

    pub(crate) fn finish(self) -> String {
        let mut text = format!("//! {}\n\n", self.about);
        for (module, names) in &self.uses {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let line = format!("use {module}.{{{}}}", names.join(", "));
            if line.len() <= WIDTH {
                text.push_str(&line);
            } else {
                let _ = write!(text, "use {module}.{{\n    {},\n}}", names.join(",\n    "));
            }
            text.push('\n');
        }
        if !self.uses.is_empty() {
            text.push('\n');
        }
        text.push_str(self.body.trim_end());
        text.push('\n');
        text
    }
}
