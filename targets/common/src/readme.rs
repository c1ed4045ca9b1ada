//! `README.md` of the tree: what it holds and how to deploy, check and roll it back.

use tera::{Context, Tera};
use weir_compiler::plan::Plan;

use crate::TargetGuide;

pub const README: &str = "README.md";

const TEMPLATE: &str = include_str!("readme.md.tera");

pub(crate) fn render(
    plan: &Plan,
    guides: &[TargetGuide],
    has_artifacts: impl Fn(&str) -> bool,
) -> Result<String, tera::Error> {
    let used = guides.iter().filter(|guide| has_artifacts(guide.target));
    let sections: Vec<&str> = used.map(|guide| guide.section.as_str()).collect();
    let mut context = Context::new();
    context.insert("package", &code(&plan.package));
    context.insert("version", &if plan.version.is_empty() { String::new() } else { code(&plan.version) });
    context.insert("weir", env!("CARGO_PKG_VERSION"));
    context.insert("sections", &sections);
    Tera::one_off(TEMPLATE, &context, false)
}

/// A text that comes from the package, as Markdown code on one line: nothing in it is markup.
pub fn code(text: &str) -> String {
    let inner: String = text
        .chars()
        .map(|character| match character {
            '`' => '\'',
            _ if character.is_control() => ' ',
            _ => character,
        })
        .collect();
    format!("`{inner}`")
}
